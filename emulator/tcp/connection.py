"""A TCP connection of an emulated host, without IO: the calls of its user.

RFC 9293 section 3.10: OPEN (``connect``, ``accept``), SEND (``write``),
RECEIVE (``take``), CLOSE and ABORT, and the one call a clock needs to make
(``on_timer``).  SEGMENT ARRIVES is in :mod:`emulator.tcp.receiver`.  Nothing
here knows what carries the packets or who reads the data; see the package's
opening for what the driver does.
"""

from __future__ import annotations

from emulator.tcp.block import M
from emulator.tcp.pathmtu import PathMtu
from emulator.tcp.send_buffer import NEVER
from emulator.tcp.states import Event, IllegalTransition, State
from emulator.wire.packet import ACK, SYN, Packet


class Connection(PathMtu):
    """One end of a connection; see :class:`emulator.tcp.block.ControlBlock` for what may be read."""

    __slots__ = ()

    # -- opening -------------------------------------------------------------------------------------------------

    def connect(self, now: int) -> None:
        """Open actively: send a SYN."""
        self._happen(Event.ACTIVE_OPEN)
        self._round_space(self.advertised_mss, -1)
        self._open(now)

    def accept(self, syn: Packet, now: int) -> None:
        """Open passively, for a SYN that reached a listener: send a SYN,ACK."""
        self._happen(Event.PASSIVE_OPEN)
        self._happen(Event.RCV_SYN)
        self._agree(syn)
        self._open(now)

    def _open(self, now: int) -> None:
        self.snd_nxt = self.iss + 1
        self.timed_end = self.snd_nxt
        self.timed_at = now
        if self.config.open_timeout and self.state is State.SYN_SENT:
            self.give_up_at = now + self.config.open_timeout
        self._send_syn(now)
        self._arm_opening(now)

    def is_replaced_by(self, syn: Packet) -> bool:
        """Say whether a new SYN may take the place of this connection in TIME-WAIT (RFC 9293 MAY-2, RFC 6191)."""
        if self.state is not State.TIME_WAIT or syn.flags & (SYN | ACK) != SYN:
            return False
        if self.timestamps and syn.tsval >= 0 and syn.tsval != self.ts_recent:
            return syn.tsval - self.ts_recent & M < 0x80000000
        return 0 < (syn.seq - self.rcv_nxt & M) < 0x80000000

    # -- sending -------------------------------------------------------------------------------------------------

    def write(self, data: bytes, now: int, more: bool = False) -> None:
        """Queue ``data`` and send what may be sent; ``more`` is to follow soon (``MSG_MORE``): only full segments now.

        Raises:
            IllegalTransition: if the connection is not open, or was closed for sending.
        """
        state = self.state
        if self.fin_wanted or state is State.CLOSED or state is State.LISTEN:
            raise IllegalTransition(f"write in state {state}{' after close' if self.fin_wanted else ''}")
        if not data:
            return
        buffer = self.buffer
        buffer.append(data)
        self.snd_end = buffer.end
        if more:
            self.push_end = min(self.push_end, self.snd_end - len(data))
        else:
            self.push_end = NEVER
        if self.release_at == NEVER:
            self.release_at = buffer.first_end
        if state is State.SYN_SENT or state is State.SYN_RECEIVED:
            return
        if self.adaptive and now - self.data_at < self.ato:
            self.pingpong = True  # a reply: acknowledgments may wait for the next one (tcp_event_data_sent)
        if self.snd_una == self.snd_nxt and self.rto_at < 0 and self.config.slow_start_after_idle:
            times = self.log.times
            self.congestion.on_idle(now - (times[-1] if times else self.idle_at), self.rto)
        if self.mtu_until or self.probing:
            self._look_at_path(now)
        if not more:
            self._send(now)
            return
        eager, corked = self.eager, self.corked
        self.eager, self.corked = False, True
        self._send(now)
        self.eager, self.corked = eager, corked

    def close(self, now: int) -> None:
        """Send FIN after what is queued; reading goes on.  Repeating it does nothing (RFC 9293 section 3.10.4)."""
        state = self.state
        if self.fin_wanted or state is State.CLOSED:
            return
        if state is State.LISTEN or state is State.SYN_SENT:
            self._end(Event.CLOSE, None)
            return
        self.fin_wanted = True
        if state is State.SYN_RECEIVED:
            return  # queued until the connection is established, as the RFC allows
        self._happen(Event.CLOSE)
        self._send(now)
        self._predict()

    def release(self, now: int) -> None:
        """The program lets go of the connection altogether: close, and refuse what arrives from now on.

        With data unread the peer gets a reset at once, for it would never know (RFC 2525 section 2.17).
        """
        if self.state is State.CLOSED or self.released:
            return
        if self.inbox or self.reassembly.lefts:
            self.abort(now)
            return
        self.released = True
        self.predicted = False
        self.close(now)
        if self.state is State.FIN_WAIT_2:
            self._arm(now + self.config.fin_wait_2)

    def abort(self, now: int) -> None:
        """Drop everything and tell the peer with a reset, where there is one to tell."""
        state = self.state
        if state is State.CLOSED:
            return
        if (
            state is State.SYN_RECEIVED
            or state is State.ESTABLISHED
            or state is State.FIN_WAIT_1
            or state is State.FIN_WAIT_2
            or state is State.CLOSE_WAIT
        ):
            self._send_reset(self.snd_nxt, now)
        self._end(Event.ABORT, None)
        self.inbox = []

    # -- receiving -----------------------------------------------------------------------------------------------

    def take(self, now: int) -> list[bytes]:
        """Return what arrived, in order, and empty the inbox; a window that had closed opens again."""
        taken = self.inbox
        self.inbox = []
        if self.buffered:
            self._reopen(now)
        if now >= self.tune_at:
            self._tune(now)
        if self.pushed:
            self._on_read(now)
        return taken

    # -- time ----------------------------------------------------------------------------------------------------

    def on_timer(self, now: int) -> None:
        """Do what is due, if anything is, and set ``deadline`` anew."""
        if self.rcv_acked != self.rcv_nxt and 0 <= self.ack_at <= now:
            if self.inbox and self.buffered == 0:
                self._hold(0)  # there was time to read it
            self._on_delayed_ack(now)
        if 0 <= self.rto_at <= now:
            self._on_long_timer(now)
        if 0 <= self.keep_at <= now:
            self._on_keepalive(now)
        deadline = self.rto_at
        if self.rcv_acked != self.rcv_nxt and self.ack_at >= 0 and (deadline < 0 or self.ack_at < deadline):
            deadline = self.ack_at
        if self.keep_at >= 0 and (deadline < 0 or self.keep_at < deadline):
            deadline = self.keep_at
        self.deadline = deadline

    def next_at(self) -> int:
        """Return when ``on_timer`` wants to be called, or -1; it may be earlier than needed."""
        return self.deadline

    # -- what a driver may ask -----------------------------------------------------------------------------------

    def to_send(self, now: int) -> list[Packet]:  # noqa: ARG002 - the interface of sans-IO cores
        """Return the outbox and empty it."""
        packets = self.outbox
        self.outbox = []
        return packets

    def unacknowledged(self) -> int:
        """Return how many octets were written and not acknowledged."""
        return self.snd_end - max(self.snd_una, self.iss + 1) if self.snd_una <= self.snd_end else 0

    def unsent(self) -> int:
        """Return how many octets were written and never sent."""
        return self.snd_end - max(self.snd_nxt, self.iss + 1) if self.snd_nxt <= self.snd_end else 0
