"""What a host has set for all its TCP connections.

The defaults are Linux's where RFC 9293 leaves the choice, because the hosts
that a VPC's captures come from mostly run Linux: sysctls ``tcp_syn_retries``,
``tcp_synack_retries``, ``tcp_retries2``, ``tcp_fin_timeout``.  What would only
make experiments harder to read is off here and on in the profiles of
:mod:`emulator.tcp.profiles`: Nagle's algorithm, a receive window that grows,
acknowledgments whose delay adapts.
"""

from __future__ import annotations

from typing import Final, Literal

MILLISECOND: Final = 1_000_000
SECOND: Final = 1_000_000_000
KIB: Final = 1 << 10
MIB: Final = 1 << 20


class TcpConfig:
    """Settings of one host; durations are integer nanoseconds, sizes bytes.

    Attributes:
        mss: The maximum segment size announced to peers (RFC 6691: MTU less 40, options not counted).
        ttl: IP time to live of what is sent.
        ident_step: What the IP identification grows by from packet to packet; 0: it is always 0 (RFC 6864).
        syn_layout: How a SYN's options are laid out: a key of :data:`emulator.wire.options.SYN_LAYOUTS`.
        timestamps, sack: Whether these options are offered and accepted.
        needs_timestamps: Whether a segment without a timestamp is dropped once they were agreed on (RFC 7323
            section 3.2 says it should be; Linux takes it).
        window_scale: Shift count offered (RFC 7323), or -1 to offer none.
        receive_buffer: How much may wait for the program: the largest receive window.
        receive_window: The window a connection begins with; it grows to ``receive_buffer`` as data is read
            (dynamic right-sizing). -1: it is all of ``receive_buffer`` from the start.
        round_window: -1: the first window is a whole number of segments, rounded down; 1: rounded up, once the
            segment size is known; 0: neither.
        send_buffer: How much a program may write ahead of the peer's acknowledgments before it has to wait.
        initial_rto, min_rto, max_rto: RFC 6298, with Linux's 200 ms and 120 s.
        syn_retries, syn_ack_retries: Retransmissions before an open is given up.
        syn_pauses: How long each SYN waits for its answer; where it ends, the last pause doubles. Empty: the first
            is ``initial_rto``, each further one twice the one before.
        open_timeout: When an active open is given up in any case; 0: the retries decide.
        retries2: Retransmissions, or unanswered window probes, before an open connection is given up (RFC 9293's
            R2; 15 take 924.6 s from a timeout of 200 ms).
        orphan_retries: The same once the program has let go (``tcp_orphan_retries``).
        user_timeout: When to give up after so long without an acknowledgment (RFC 5482); 0: ``retries2`` decides.
        delayed_ack: How long an acknowledgment may wait for company, at least.
        delayed_ack_max: At most, if the delay adapts to how fast data comes and whether it is answered.
        quick_acks: Acknowledgments that are not delayed when data begins to arrive, at most (Linux: 16).
        ack_every_second: Whether any second segment is acknowledged at once; otherwise two full ones are.
        nodelay: Whether Nagle's algorithm is off until the program turns it on.
        probe_with_data: Whether a closed window is probed with an octet of data; otherwise with an old sequence number.
        keep_idle, keep_interval, keep_count: The three knobs of keepalives, which are off until asked for.
        fin_wait_2: How long FIN-WAIT-2 lasts once the program has let go.
        time_wait: Length of TIME-WAIT.
        initial_window: Initial congestion window in segments (RFC 6928; in segments of any size, as Linux).
        congestion_control: ``"cubic"`` (RFC 9438) or ``"reno"`` (RFC 5681).
        push_bursts: Whether the last of several segments that leave at once carries PSH, as what Linux hands to its
            card as one packet does.
        rack: Whether losses are noticed by time (RFC 8985, with tail loss probes) where SACK is agreed on; by counting
            (RFC 6675) otherwise.
        ecn: ``"off"``, ``"accept"`` (if the peer asks) or ``"request"`` (RFC 3168).
        acks_unsent: Whether an acknowledgment of what was never sent is answered (RFC 9293 section 3.10.7.4) or
            dropped in silence, as Linux does.
        challenge_pause: Between two answers to segments that cannot be right (``tcp_invalid_ratelimit``).
        mtu_probing: Whether packet sizes are tried out (RFC 4821): 0 never, 1 after a black hole was noticed,
            2 always.
        base_mss: What probing begins with, and falls back to in a black hole.
        slow_start_after_idle: Whether silence shrinks the congestion window (RFC 5681 section 4.1).
        tlp: Whether there are tail loss probes where ``rack`` is on (``tcp_early_retrans``).
        rfc1337: Whether TIME-WAIT ignores resets (RFC 1337, fix F1).
        repeats_fin: Whether a FIN that crosses ours is acknowledged with our FIN once more (BSD).
        time_wait_needs_ack: Whether TIME-WAIT drops whatever carries no ACK, before any other check (BSD).
        strict_rst: Whether only a reset at RCV.NXT ends a connection (RFC 5961 section 3.2); otherwise, as in Linux,
            also one behind what arrived out of order, or before the peer's FIN.
        ecn_retries: How many SYNs that are sent again still ask for ECN.
        insecure_rst, insecure_syn: Whether any reset or SYN in the window ends a connection, as before RFC 5961.
        mtu_expiry: How long a path MTU that a router told of is believed (RFC 1191 section 6.3).

    Raises:
        ValueError: if ``window_scale`` is above 14 (RFC 7323 section 2.3), or so large that the receive window would
            always be told as 0.
    """

    __slots__ = (
        "ack_every_second",
        "acks_unsent",
        "base_mss",
        "challenge_pause",
        "congestion_control",
        "delayed_ack",
        "delayed_ack_max",
        "ecn",
        "ecn_retries",
        "fin_wait_2",
        "ident_step",
        "initial_rto",
        "initial_window",
        "insecure_rst",
        "insecure_syn",
        "keep_count",
        "keep_idle",
        "keep_interval",
        "max_rto",
        "min_rto",
        "mss",
        "mtu_expiry",
        "mtu_probing",
        "needs_timestamps",
        "nodelay",
        "open_timeout",
        "orphan_retries",
        "probe_with_data",
        "push_bursts",
        "quick_acks",
        "rack",
        "receive_buffer",
        "receive_window",
        "repeats_fin",
        "retries2",
        "rfc1337",
        "round_window",
        "sack",
        "send_buffer",
        "slow_start_after_idle",
        "strict_rst",
        "syn_ack_retries",
        "syn_layout",
        "syn_pauses",
        "syn_retries",
        "time_wait",
        "time_wait_needs_ack",
        "timestamps",
        "tlp",
        "ttl",
        "user_timeout",
        "window_scale",
    )

    def __init__(
        self,
        *,
        mss: int = 8961,
        ttl: int = 64,
        ident_step: int = 1,
        syn_layout: str = "linux",
        timestamps: bool = True,
        sack: bool = True,
        needs_timestamps: bool = True,
        window_scale: int = 7,
        receive_buffer: int = 4 * MIB,
        receive_window: int = -1,
        round_window: int = 0,
        send_buffer: int = 87 * KIB,
        initial_rto: int = SECOND,
        min_rto: int = 200 * MILLISECOND,
        max_rto: int = 120 * SECOND,
        syn_retries: int = 6,
        syn_ack_retries: int = 5,
        syn_pauses: tuple[int, ...] = (),
        open_timeout: int = 0,
        retries2: int = 15,
        orphan_retries: int = 8,
        user_timeout: int = 0,
        delayed_ack: int = 40 * MILLISECOND,
        delayed_ack_max: int = 0,
        quick_acks: int = 0,
        ack_every_second: bool = False,
        nodelay: bool = True,
        probe_with_data: bool = True,
        keep_idle: int = 7200 * SECOND,
        keep_interval: int = 75 * SECOND,
        keep_count: int = 9,
        fin_wait_2: int = 60 * SECOND,
        time_wait: int = 60 * SECOND,
        initial_window: int = 10,
        congestion_control: Literal["cubic", "reno"] = "cubic",
        push_bursts: bool = True,
        rack: bool = True,
        ecn: str = "off",
        acks_unsent: bool = True,
        challenge_pause: int = 500 * MILLISECOND,
        mtu_probing: int = 0,
        base_mss: int = 1024,
        mtu_expiry: int = 600 * SECOND,
        tlp: bool = True,
        slow_start_after_idle: bool = True,
        rfc1337: bool = False,
        repeats_fin: bool = False,
        time_wait_needs_ack: bool = False,
        strict_rst: bool = False,
        ecn_retries: int = 0,
        insecure_rst: bool = False,
        insecure_syn: bool = False,
    ) -> None:
        smallest = receive_buffer if receive_window < 0 else min(receive_buffer, receive_window)
        if not -1 <= window_scale <= 14 or smallest < 1 << max(window_scale, 0):
            raise ValueError(f"a window of {smallest} octets cannot be told with a window scale of {window_scale}")
        self.mss: int = mss
        self.ttl: int = ttl
        self.ident_step: int = ident_step
        self.syn_layout: str = syn_layout
        self.timestamps: bool = timestamps
        self.sack: bool = sack
        self.needs_timestamps: bool = needs_timestamps
        self.window_scale: int = window_scale
        self.receive_buffer: int = receive_buffer
        self.receive_window: int = receive_window
        self.round_window: int = round_window
        self.send_buffer: int = send_buffer
        self.initial_rto: int = initial_rto
        self.min_rto: int = min_rto
        self.max_rto: int = max_rto
        self.syn_retries: int = syn_retries
        self.syn_ack_retries: int = syn_ack_retries
        self.syn_pauses: tuple[int, ...] = syn_pauses
        self.open_timeout: int = open_timeout
        self.retries2: int = retries2
        self.orphan_retries: int = orphan_retries
        self.user_timeout: int = user_timeout
        self.delayed_ack: int = delayed_ack
        self.delayed_ack_max: int = delayed_ack_max
        self.quick_acks: int = quick_acks
        self.ack_every_second: bool = ack_every_second
        self.nodelay: bool = nodelay
        self.probe_with_data: bool = probe_with_data
        self.keep_idle: int = keep_idle
        self.keep_interval: int = keep_interval
        self.keep_count: int = keep_count
        self.fin_wait_2: int = fin_wait_2
        self.time_wait: int = time_wait
        self.initial_window: int = initial_window
        self.congestion_control: Literal["cubic", "reno"] = congestion_control
        self.push_bursts: bool = push_bursts
        self.rack: bool = rack
        self.ecn: str = ecn
        self.acks_unsent: bool = acks_unsent
        self.challenge_pause: int = challenge_pause
        self.mtu_probing: int = mtu_probing
        self.base_mss: int = base_mss
        self.mtu_expiry: int = mtu_expiry
        self.tlp: bool = tlp
        self.slow_start_after_idle: bool = slow_start_after_idle
        self.rfc1337: bool = rfc1337
        self.repeats_fin: bool = repeats_fin
        self.time_wait_needs_ack: bool = time_wait_needs_ack
        self.strict_rst: bool = strict_rst
        self.ecn_retries: int = ecn_retries
        self.insecure_rst: bool = insecure_rst
        self.insecure_syn: bool = insecure_syn
