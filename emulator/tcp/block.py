"""The transmission control block: everything a connection remembers.

RFC 9293 section 3.3.1, with its names.  Sequence numbers are unwrapped: they
begin at the initial sequence number and grow without end, so ``<`` tells the
truth; 32 bits of them go on the wire.  This module also makes packets and
moves the state; what to send and what to believe is decided above it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from emulator.tcp.config import MILLISECOND
from emulator.tcp.congestion import Congestion, NewReno
from emulator.tcp.cubic import Cubic
from emulator.tcp.rack import Rack
from emulator.tcp.reassembly import Reassembly
from emulator.tcp.rto import RttEstimator
from emulator.tcp.scoreboard import Scoreboard
from emulator.tcp.send_buffer import NEVER, SendBuffer
from emulator.tcp.states import Event, Failure, State, next_state
from emulator.tcp.transmissions import SendLog
from emulator.wire.options import TcpOptions, read, write_sack, write_syn
from emulator.wire.packet import ACK, CWR, ECE, IPPROTO_TCP, RST, SYN, Packet

if TYPE_CHECKING:
    from emulator.tcp.config import TcpConfig

M: Final = 0xFFFFFFFF

# How losses are being repaired.
OPEN: Final = 0  # nothing is known to be lost
RECOVERY: Final = 1  # fast recovery: RFC 6675, or RFC 6582 without SACK
LOSS: Final = 2  # after a retransmission timeout: everything not SACKed is sent again
REDUCING: Final = 3  # nothing is lost, but the peer echoes that congestion was experienced (Linux: CWR)

# What the one long timer is for while data is outstanding.
RETRANSMISSION: Final = 0  # RFC 6298
PROBE: Final = 1  # a tail loss probe (RFC 8985 section 7)
REORDERING: Final = 2  # what was overtaken is lost unless it comes by then (RFC 8985 section 6.2)

TIMER_SLACK: Final = 2 * MILLISECOND  # TCP_TIMEOUT_MIN of Linux: two ticks, for the two short timers

DEFAULT_MSS: Final = 536  # RFC 9293 (MUST-15)
MINIMUM_MSS: Final = 48  # TCP_MIN_SND_MSS of Linux: an MSS of 1 is an attack
MAXIMUM_SEGMENT: Final = 65_495


def unwrap(wire: int, near: int) -> int:
    """Return the sequence number that is ``wire`` on the wire and nearest to ``near``."""
    return near + ((wire - near + 0x80000000 & M) - 0x80000000)


class ControlBlock:
    """The variables of one connection.

    The driver reads the first group (see the package's opening); the rest is this room's.

    Attributes:
        state: RFC 9293's state.
        error: Why the connection ended, unless it ended in order.
        peer_closed: The peer's FIN and all data before it have arrived.
        changed: ``state`` changed, or ``peer_closed`` or ``error`` was set, since the driver last cleared this.
        outbox: Segments to send now, in order.
        inbox: Payloads in order that the program has not taken.
        deadline: When ``on_timer`` wants to be called (perhaps too early), or -1.
        snd_una, snd_nxt, snd_end: The oldest octet not acknowledged, the next to send, the end of what was written.
        predicted: Whether the next segment may take the short way through ``receive``.
        release_at: Acknowledging this releases memory.
        timed_end, timed_at: The round trip of a SYN being measured: acknowledging ``timed_end`` ends it.
        rto_at: When the one long timer is due: retransmission, persist, TIME-WAIT; -1 when off.
        timer: What it is for while data is outstanding: RETRANSMISSION, PROBE or REORDERING.
        pto, last_pto: After how long a tail loss probe is sent, with several segments or one outstanding.
        log: When what is outstanding was sent.
        racking: Losses are noticed by time.
        tlp: There are tail loss probes.
        push_bursts: As configured.
        dsack_left, dsack_right: What arrived twice: the next acknowledgment says so (RFC 2883); -1: nothing.
        limited_end: Until this is acknowledged, ``cwnd`` counts as what limits sending.
        usage_end, max_out: Until this is acknowledged, the most octets that were outstanding (RFC 7661).
        ack_at: When a delayed acknowledgment is due, if one is owed (``rcv_acked != rcv_nxt``).
        window_field: The window as the header will carry it.
        peer_window: The window as the last header carried it.
        rcv_acked: The last acknowledgment sent.
        rcv_space: How much may wait for the program at present: the window when it keeps reading.
        rcv_right: The right edge advertised, while the program does not read (``buffered``).
        give_up_at: When an active open ends in any case; -1: the retries decide.
        heard_at: When a segment last took the long way: the answer to a keepalive does.
        inflation: Octets that may be sent beyond ``cwnd`` because duplicate ACKs show that others have left.
        adaptive: Whether the delay of acknowledgments adapts (``delayed_ack_max``); then ``ato`` is Linux's estimate of
            it, ``quick`` counts acknowledgments that are not to wait (-1: no data yet), ``pingpong`` says that data
            is answered with data, ``pushed`` that less than a full segment came; ``data_at`` is when data last did.
        ack_pace: While data comes at least as fast as this, the delay is ``ack_delay`` and nothing need be adapted.
        eager_acks: Any second segment is acknowledged at once.
        tune_at: When the next measurement of what was read in a round trip ends, ``tune_seq`` where it began,
            ``tune_read`` what the last one gave, ``rcv_rtt`` that round trip. NEVER: the window grows no more.
        space_fixed: The program has set the size of the receive buffer.
        window_clamp: What the program limits the window to; 0: nothing.
        told_right: A right edge that was told before the buffer was made smaller; 0: none.
        least_window: The short way through ``receive`` wants this much window.
        advertised_mss: What the SYN says of the segments we take.
        nodelay, corked, eager: Nagle's algorithm is off; small segments wait (``TCP_CORK``, ``MSG_MORE``); neither
            holds anything back.
        push_end: Up to where what was written is to be pushed (PSH); less than SND.END after ``MSG_MORE``.
        small_end: The end of the last segment sent that was not full (Minshall's variable).
        keepalive: Probes are wanted; ``keep_at`` is when the idle time may be over, ``keep_probes`` how many were sent
            since anything was heard.
        user_timeout, stalled_at: How long to try without an acknowledgment, and since when (RFC 5482).
        mtu_until, mtu_full: How long a router is believed, and the segment size there would be without it.
        probing: Segment sizes are tried out, up to ``search_high``; ``probe_start``, ``probe_end`` and ``probe_size``
            are those of the probe on its way, ``probe_end`` is 0 without one.
        ecn_ok: Both ends agreed on ECN (RFC 3168 section 6.1.1).
        ecn_echo: Congestion was experienced on the way here and the peer has not said CWR: ACKs carry ECE.
        cwr_wanted: The window was reduced because of the peer's ECE: the next new data carries CWR.
        recover: RFC 6582's recover and RFC 6675's RecoveryPoint.
        prr_delivered, prr_out, prr_cwnd: RFC 9937: what arrived and what was sent since the reduction began, and
            the window before it.
        tlp_end, tlp_again: SND.NXT when a tail loss probe left, or -1; whether it was old data (RFC 8985 section 7.4).
        undo_marker, undo_resent: SND.UNA when the window was last reduced, or -1; the octets sent again since that
            no D-SACK told of, -1 if there are none.
        resent_at: When the first of them left, or -1.
        frto: After a timeout it is open yet whether it was spurious (RFC 5682).
        new_first: New data goes before lost data this time (RFC 5682 section 3.1, step 2b).
        sampled: The round-trip time that the present acknowledgment gives, or -1.
    """

    __slots__ = (
        "ack_at",
        "ack_delay",
        "ack_pace",
        "adaptive",
        "advertised_mss",
        "ato",
        "backoffs",
        "buffer",
        "buffered",
        "challenged_at",
        "changed",
        "config",
        "congestion",
        "corked",
        "cwr_wanted",
        "data_at",
        "deadline",
        "dsack_left",
        "dsack_right",
        "dupacks",
        "eager",
        "eager_acks",
        "ecn_echo",
        "ecn_ok",
        "error",
        "estimator",
        "fin_at",
        "fin_sent",
        "fin_wanted",
        "frto",
        "give_up_at",
        "heard_at",
        "ident",
        "ident_step",
        "idle_at",
        "inbox",
        "inflation",
        "irs",
        "iss",
        "keep_at",
        "keep_count",
        "keep_idle",
        "keep_interval",
        "keep_probes",
        "keep_sent_at",
        "keepalive",
        "last_pto",
        "last_size",
        "least_window",
        "limited_end",
        "local_address",
        "local_port",
        "log",
        "max_out",
        "max_snd_wnd",
        "mode",
        "mtu_full",
        "mtu_until",
        "new_first",
        "nodelay",
        "outbox",
        "overhead",
        "partial_seen",
        "peer_closed",
        "peer_window",
        "pingpong",
        "predicted",
        "probe_end",
        "probe_size",
        "probe_start",
        "probed",
        "probing",
        "prr_cwnd",
        "prr_delivered",
        "prr_out",
        "pto",
        "push_bursts",
        "push_end",
        "pushed",
        "quick",
        "rack",
        "racking",
        "rcv_acked",
        "rcv_mss",
        "rcv_nxt",
        "rcv_right",
        "rcv_rtt",
        "rcv_space",
        "rcv_wnd",
        "rcv_wscale",
        "reassembly",
        "recover",
        "release_at",
        "released",
        "remote_address",
        "remote_port",
        "rescued",
        "resent_at",
        "rto",
        "rto_at",
        "sack_ok",
        "sampled",
        "scaling",
        "scoreboard",
        "search_high",
        "small_end",
        "snd_end",
        "snd_mss",
        "snd_nxt",
        "snd_una",
        "snd_wnd",
        "snd_wscale",
        "space_fixed",
        "stalled_at",
        "state",
        "timed_at",
        "timed_end",
        "timer",
        "timestamps",
        "tlp",
        "tlp_again",
        "tlp_end",
        "told_right",
        "ts_offset",
        "ts_recent",
        "ts_recent_at",
        "ttl",
        "tune_at",
        "tune_read",
        "tune_seq",
        "unanswered",
        "undo_marker",
        "undo_resent",
        "usage_end",
        "user_timeout",
        "window_clamp",
        "window_field",
    )

    def __init__(
        self,
        config: TcpConfig,
        local_address: int,
        local_port: int,
        remote_address: int,
        remote_port: int,
        iss: int,
        ident: int = 0,
        ts_offset: int = 0,
    ) -> None:
        self.state: State = State.CLOSED
        self.error: Failure | None = None
        self.peer_closed: bool = False
        self.changed: bool = False
        self.outbox: list[Packet] = []
        self.inbox: list[bytes] = []
        self.deadline: int = -1

        self.config: TcpConfig = config
        self.local_address: int = local_address
        self.local_port: int = local_port
        self.remote_address: int = remote_address
        self.remote_port: int = remote_port
        self.ident_step: int = config.ident_step
        self.ident: int = ident if self.ident_step else 0
        self.ttl: int = config.ttl

        self.iss: int = iss & M
        self.snd_una: int = self.iss
        self.snd_nxt: int = self.iss
        self.snd_end: int = self.iss + 1
        self.snd_wnd: int = 0
        self.scaling: bool = False
        self.snd_wscale: int = 0
        self.snd_mss: int = DEFAULT_MSS
        self.max_snd_wnd: int = 0
        self.peer_window: int = -1
        self.buffer: SendBuffer = SendBuffer(self.iss + 1)
        self.release_at: int = NEVER
        self.fin_wanted: bool = False
        self.fin_sent: bool = False
        self.released: bool = False

        self.irs: int = 0
        self.rcv_nxt: int = 0
        self.rcv_acked: int = 0
        self.rcv_space: int = config.receive_buffer if config.receive_window < 0 else config.receive_window
        self.rcv_wnd: int = min(self.rcv_space, 65535)
        self.rcv_wscale: int = 0
        self.rcv_mss: int = min(DEFAULT_MSS, config.mss)
        self.rcv_right: int = 0
        self.buffered: int = 0
        self.window_field: int = self.rcv_wnd
        self.fin_at: int = -1
        self.reassembly: Reassembly = Reassembly()

        self.timestamps: bool = False
        self.ts_offset: int = ts_offset
        self.ts_recent: int = -1
        self.ts_recent_at: int = 0
        self.sack_ok: bool = False
        self.overhead: int = 40

        self.estimator: RttEstimator = RttEstimator(config)
        self.rto: int = config.initial_rto
        self.rto_at: int = -1
        self.backoffs: int = 0
        self.unanswered: int = 0
        self.timed_end: int = NEVER
        self.timed_at: int = 0
        self.idle_at: int = 0
        self.heard_at: int = 0
        self.ack_at: int = -1
        self.ack_delay: int = config.delayed_ack
        self.challenged_at: int = -config.challenge_pause
        self.probed: bool = False
        self.give_up_at: int = -1

        self.congestion: Congestion = NewReno(DEFAULT_MSS, config.initial_window * DEFAULT_MSS)
        self.mode: int = OPEN
        self.dupacks: int = 0
        self.inflation: int = 0
        self.recover: int = self.iss
        self.partial_seen: bool = False
        self.rescued: bool = False
        self.scoreboard: Scoreboard = Scoreboard()
        self.log: SendLog = SendLog()
        self.rack: Rack = Rack()
        self.racking: bool = False
        self.tlp: bool = False
        self.push_bursts: bool = config.push_bursts
        self.dsack_left: int = -1
        self.dsack_right: int = -1
        self.timer: int = RETRANSMISSION
        self.pto: int = config.initial_rto
        self.last_pto: int = config.initial_rto
        self.limited_end: int = 0
        self.usage_end: int = 0
        self.max_out: int = 0
        self.prr_cwnd: int = 0
        self.prr_delivered: int = 0
        self.prr_out: int = 0
        self.tlp_end: int = -1
        self.tlp_again: bool = False
        self.undo_marker: int = -1
        self.undo_resent: int = -1
        self.resent_at: int = -1
        self.frto: bool = False
        self.new_first: bool = False
        self.sampled: int = -1
        self.predicted: bool = False

        self.ecn_ok: bool = False
        self.ecn_echo: bool = False
        self.cwr_wanted: bool = False

        self.ato: int = 0
        self.ack_pace: int = -1 if config.delayed_ack_max else NEVER
        self.pingpong: bool = False
        self.pushed: bool = False
        self.quick: int = -1 if config.quick_acks else 0
        self.adaptive: bool = config.delayed_ack_max > 0
        self.data_at: int = 0
        self.last_size: int = 0
        self.eager_acks: bool = config.ack_every_second
        self.tune_at: int = NEVER
        self.tune_seq: int = 0
        self.tune_read: int = 0
        self.rcv_rtt: int = -1
        self.space_fixed: bool = False
        self.window_clamp: int = 0
        self.told_right: int = 0
        self.least_window: int = min(MAXIMUM_SEGMENT, 2 * config.mss)
        self.advertised_mss: int = config.mss
        self.mtu_until: int = 0
        self.mtu_full: int = 0
        self.probing: bool = False
        self.search_high: int = 0
        self.probe_start: int = 0
        self.probe_end: int = 0
        self.probe_size: int = 0
        self.nodelay: bool = config.nodelay
        self.corked: bool = False
        self.eager: bool = config.nodelay
        self.small_end: int = self.iss
        self.push_end: int = NEVER
        self.keepalive: bool = False
        self.keep_idle: int = config.keep_idle
        self.keep_interval: int = config.keep_interval
        self.keep_count: int = config.keep_count
        self.keep_at: int = -1
        self.keep_probes: int = 0
        self.keep_sent_at: int = -1
        self.user_timeout: int = config.user_timeout
        self.stalled_at: int = 0

    # -- state ---------------------------------------------------------------------------------------------------

    def _happen(self, event: Event) -> None:
        """Move to the state that the table gives for ``event``."""
        self.state = next_state(self.state, event)
        self.changed = True

    def _end(self, event: Event, error: Failure | None) -> None:
        """Go to CLOSED and let everything go but what the program has not yet taken."""
        self._happen(event)
        self.error = error
        self.predicted = False
        self.deadline = -1
        self.rto_at = -1
        self.ack_at = -1
        self.keep_at = -1
        self.rcv_acked = self.rcv_nxt
        self.buffer.clear()
        self.release_at = NEVER
        self.reassembly.clear()
        self.scoreboard.forget()

    def _predict(self) -> None:
        """Say whether the next segment may take the short way: nothing unusual is going on.

        The short way knows data and acknowledgments of data, in order, and nothing else; it does not look at the
        receive window, so that must hold any segment.
        """
        if self.mode != OPEN or self.reassembly.lefts or self.scoreboard.lefts:
            self.predicted = False  # a loss is being repaired: what makes nearly all segments unusual
            return
        state = self.state
        self.predicted = (
            (
                state is State.ESTABLISHED
                or state is State.FIN_WAIT_2
                or ((state is State.FIN_WAIT_1 or state is State.CLOSE_WAIT) and not self.fin_sent)
            )
            and self.dupacks == 0
            and self.tlp_end < 0
            and not self.scoreboard.twice.lefts
            and not self.scoreboard.lost.lefts
            and self.buffered == 0
            and self.told_right == 0
            and self.rcv_wnd >= self.least_window
            and self.fin_at < 0
            and not self.released
            and not self.ecn_ok  # the IP header and two more flags need a look at each segment
        )

    # -- timers --------------------------------------------------------------------------------------------------

    def _arm(self, due_at: int) -> None:
        """Start the long timer."""
        self.rto_at = due_at
        if self.deadline < 0 or due_at < self.deadline:
            self.deadline = due_at

    def _arm_opening(self, now: int) -> None:
        """Wait for the answer to a SYN, or until the open is given up."""
        due_at = now + self.rto
        if 0 <= self.give_up_at < due_at:
            due_at = self.give_up_at
        self._arm(due_at)

    def _watch(self, due_at: int) -> None:
        """Set the timer of keepalives."""
        self.keep_at = due_at
        if self.deadline < 0 or due_at < self.deadline:
            self.deadline = due_at

    def _persist(self, now: int) -> None:
        """Start the persist timer: there is something to send, nothing on its way, and it must not leave yet."""
        if self.rto_at < 0:
            self.backoffs = 0
            self.unanswered = 0
            self._arm(now + self.rto)

    def _retry_at(self, due_at: int) -> int:
        """Return when to try again: no later than patience ends (``TCP_USER_TIMEOUT``)."""
        return min(due_at, self.stalled_at + self.user_timeout) if self.user_timeout else due_at

    def _gives_up(self, tries: int, now: int) -> bool:
        """Say whether ``tries`` without an answer were enough; the first begins the time that is counted (RFC 5482)."""
        if tries == 0:
            self.stalled_at = now
            return False
        if self.user_timeout:
            return now - self.stalled_at >= self.user_timeout
        return tries >= (
            min(self.config.orphan_retries, self.config.retries2) if self.released else self.config.retries2
        )

    # -- packets -------------------------------------------------------------------------------------------------

    def _emit(self, flags: int, seq: int, payload: bytes, now: int) -> None:
        """Put one segment into the outbox; it acknowledges everything received so far."""
        tsval = -1
        tsecr = 0
        if self.timestamps:
            tsval = now // MILLISECOND + self.ts_offset & M
            tsecr = self.ts_recent
        ident = self.ident
        self.ident = ident + self.ident_step & 0xFFFF
        self.rcv_acked = self.rcv_nxt
        if self.ecn_echo:
            flags |= ECE
        self.outbox.append(
            Packet(
                self.local_address,
                self.remote_address,
                IPPROTO_TCP,
                self.local_port,
                self.remote_port,
                payload,
                self.overhead + len(payload),
                seq & M,
                self.rcv_nxt & M,
                flags,
                self.window_field,
                tsval,
                tsecr,
                b"",
                ident,
                self.ttl,
            )
        )

    def _send_ack(self, now: int) -> None:
        """Send a pure acknowledgment, with SACK blocks if there is something beyond a gap."""
        options = b""
        if self.timestamps:
            tsval = now // MILLISECOND + self.ts_offset & M
            tsecr = self.ts_recent
        else:
            tsval = -1
            tsecr = 0
        length = self.overhead
        if self.sack_ok and (self.reassembly.lefts or self.dsack_right >= 0):
            blocks = self.reassembly.blocks()
            if self.dsack_right >= 0:
                blocks.insert(0, (self.dsack_left & M, self.dsack_right & M))
                self.dsack_right = -1
            options = write_sack(blocks, tsval, tsecr)
            length = 40 + len(options)
        rcv_nxt = self.rcv_nxt
        ident = self.ident
        self.ident = ident + self.ident_step & 0xFFFF
        self.rcv_acked = rcv_nxt
        self.outbox.append(
            Packet(
                self.local_address,
                self.remote_address,
                IPPROTO_TCP,
                self.local_port,
                self.remote_port,
                b"",
                length,
                self.snd_nxt & M,
                rcv_nxt & M,
                ACK | ECE if self.ecn_echo else ACK,
                self.window_field,
                tsval,
                tsecr,
                options,
                ident,
                self.ttl,
            )
        )

    def _send_syn(self, now: int) -> None:
        """Send the SYN, or in SYN-RECEIVED the SYN,ACK."""
        config = self.config
        answering = self.state is State.SYN_RECEIVED
        options = TcpOptions(self.advertised_mss)
        if config.timestamps and (self.timestamps or not answering):
            options.tsval = now // MILLISECOND + self.ts_offset & M
            options.tsecr = self.ts_recent if answering else 0
        if config.window_scale >= 0 and (self.scaling or not answering):
            options.window_scale = config.window_scale
        options.sack_permitted = config.sack and (self.sack_ok or not answering)
        written = write_syn(options, config.syn_layout)
        ident = 0 if answering and config.syn_layout == "linux" else self.ident  # ip_build_and_send_pkt: with DF, 0
        self.rcv_acked = self.rcv_nxt
        packet = Packet(
            self.local_address,
            self.remote_address,
            IPPROTO_TCP,
            self.local_port,
            self.remote_port,
            b"",
            40 + len(written),
            self.iss,
            self.rcv_nxt & M if answering else 0,
            self._syn_flags(answering),
            min(self.rcv_space, 65535),  # RFC 7323 (2.2): never scaled in a SYN
            options.tsval,
            options.tsecr,
            written,
            ident,
            self.ttl,
        )
        self.ident = self.ident + self.ident_step & 0xFFFF
        self.outbox.append(packet)

    def _syn_flags(self, answering: bool) -> int:
        """Return a SYN's flags, with what RFC 3168 section 6.1.1 says of ECN; one sent again may ask for none."""
        if answering:
            return SYN | ACK | ECE if self.ecn_ok else SYN | ACK
        return SYN | ECE | CWR if self.config.ecn == "request" and self.backoffs <= self.config.ecn_retries else SYN

    def _elapsed_since(self, tsecr: int, now: int) -> int:
        """Return how long ago, to the millisecond, we sent what carried the timestamp ``tsecr``."""
        return (now // MILLISECOND + self.ts_offset - tsecr & M) * MILLISECOND

    def _send_reset(self, seq: int, now: int) -> None:
        """Send a reset that the peer will believe."""
        self._emit(RST | ACK, seq, b"", now)

    def _agree(self, syn: Packet) -> None:
        """Take over what the peer's SYN says and offers, as far as we offer it too."""
        config = self.config
        options = read(syn.options)
        self.irs = syn.seq
        self.rcv_nxt = self.irs + 1
        self.timestamps = config.timestamps and options.tsval >= 0
        if self.timestamps:
            self.ts_recent = options.tsval
            self.overhead = 52
        self.sack_ok = config.sack and options.sack_permitted
        self.scaling = config.window_scale >= 0 and options.window_scale >= 0
        self.snd_wscale = min(options.window_scale, 14) if self.scaling else 0  # RFC 7323 (2.3)
        self.rcv_wscale = config.window_scale if self.scaling else 0
        peer = options.mss if options.mss >= 0 else DEFAULT_MSS
        self.snd_mss = max(min(peer, self.advertised_mss) - (self.overhead - 40), MINIMUM_MSS)
        window = config.initial_window * self.snd_mss
        if config.congestion_control == "cubic":
            self.congestion = Cubic(self.snd_mss, window, self.estimator)
        else:
            self.congestion = NewReno(self.snd_mss, window)
        asked = syn.flags & (ACK | ECE | CWR)
        if syn.flags & ACK:
            self.ecn_ok = config.ecn == "request" and self.backoffs <= config.ecn_retries and asked == ACK | ECE
        else:
            self.ecn_ok = config.ecn != "off" and asked == ECE | CWR
        self.racking = config.rack and self.sack_ok
        self.tlp = self.racking and config.tlp
        if self.state is not State.SYN_SENT:
            self._round_space(self.advertised_mss - (self.overhead - 40), -1)
        self._open_window()

    def _open_window(self) -> None:
        """Advertise the whole receive buffer from now on."""
        self.buffered = 0
        scale = self.rcv_wscale
        space = self.rcv_space
        if self.config.round_window:
            space += (1 << scale) - 1  # what scaling would cut off is given all the same: real systems do
        if self.told_right:
            left = self.told_right - self.rcv_nxt  # a window that was told is not taken back (RFC 9293, SHLD-14)
            if left > space:
                space = left
            else:
                self.told_right = 0
        self.window_field = min(space >> scale, 65535)
        self.rcv_wnd = self.window_field << scale

    def _round_space(self, mss: int, by: int) -> None:
        """Make the first window a whole number of segments, if it is ``by`` rounding that this host does so."""
        space = self.rcv_space
        if by == self.config.round_window and space > mss and space % mss:
            self.rcv_space = space - space % mss if by < 0 else space + mss - space % mss
