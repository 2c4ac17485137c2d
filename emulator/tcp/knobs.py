"""What socket options do: Nagle's algorithm and corks, quick acknowledgments, keepalives, patience.

RFC 896 and RFC 9293 section 3.7.4 (Nagle), section 3.8.4 (keepalives), RFC 5482 (user
timeout); where they leave a choice, tcp(7).
"""

from __future__ import annotations

from typing import Final

from emulator.tcp.block import MINIMUM_MSS, M
from emulator.tcp.receiver import Receiver
from emulator.tcp.states import Event, Failure, State
from emulator.wire.packet import ACK

SETTLED: Final = (State.ESTABLISHED, State.FIN_WAIT_1, State.FIN_WAIT_2, State.CLOSE_WAIT)


class Knobs(Receiver):
    """A connection with options."""

    __slots__ = ()

    # -- sending -------------------------------------------------------------------------------------------------

    def set_nodelay(self, on: bool, now: int) -> None:
        """Turn Nagle's algorithm off or on; off sends at once what it, or a cork, held back (``TCP_NODELAY``)."""
        self.nodelay = on
        self.eager = on and not self.corked
        if on:
            self._push_out(now)

    def set_cork(self, on: bool, now: int) -> None:
        """Hold segments back that are not full, or let them go (``TCP_CORK``)."""
        self.corked = on
        self.eager = self.nodelay and not on
        if not on:
            self._push_out(now)

    def _push_out(self, now: int) -> None:
        """Send what was held back, whatever held it."""
        eager, corked = self.eager, self.corked
        self.eager, self.corked = True, False
        if self.state in SETTLED and self.snd_nxt < self.snd_end:
            self._send(now)
        self.eager, self.corked = eager, corked

    def is_on_its_way(self, seq: int) -> bool:
        """Say whether ``seq`` belongs to something sent and not acknowledged: else nobody met it on the way."""
        return self.snd_nxt > self.snd_una and (seq - self.snd_una & M) < self.snd_nxt - self.snd_una

    def set_mss(self, size: int) -> None:
        """Announce, and send, no longer segments than ``size`` octets; before the connection opens (``TCP_MAXSEG``)."""
        self.advertised_mss = max(min(size, self.config.mss), MINIMUM_MSS)

    # -- acknowledging -------------------------------------------------------------------------------------------

    def set_quickack(self, on: bool, now: int) -> None:
        """Leave or enter the mode in which acknowledgments wait for data to ride on (``TCP_QUICKACK``)."""
        self.pingpong = not on
        self.ack_pace = -1 if self.adaptive else self.ack_pace
        if on and self.rcv_acked != self.rcv_nxt and self.state in SETTLED:
            self._send_ack(now)

    # -- keepalives ----------------------------------------------------------------------------------------------

    def set_keepalive(self, on: bool, now: int) -> None:
        """Ask a peer that is silent whether it is there, or stop asking (``SO_KEEPALIVE``)."""
        self.keepalive = on
        self.keep_probes = 0
        self.keep_at = -1
        if on and self.state in SETTLED:
            self._watch(max(now, self._heard() + self.keep_idle))

    def set_keep_times(self, idle: int, interval: int, count: int, now: int) -> None:
        """Set the three knobs (``TCP_KEEPIDLE``, ``TCP_KEEPINTVL`` in nanoseconds, ``TCP_KEEPCNT``)."""
        self.keep_idle, self.keep_interval, self.keep_count = idle, interval, count
        if self.keepalive:
            self.set_keepalive(True, now)

    def _heard(self) -> int:
        """Return when something was last heard of the peer, or sent to it that it acknowledged."""
        times = self.log.times
        return max(self.heard_at, self.data_at, self.ts_recent_at, times[-1] if times else 0)

    def _on_keepalive(self, now: int) -> None:
        """Probe if nothing was heard for so long; give up if probes were not answered (``tcp_keepalive_timer``)."""
        self.keep_at = -1
        if self.state not in SETTLED or self.released:
            return
        heard = self._heard()
        if heard > self.keep_sent_at:
            self.keep_probes = 0
        if self.snd_una != self.snd_nxt or self._is_waiting():
            self.keep_at = now + self.keep_idle  # retransmissions find out for themselves
        elif now - heard < self.keep_idle:
            self.keep_at = heard + self.keep_idle
        elif self._is_out_of_probes(now - heard):
            self._send_reset(self.snd_nxt, now)  # should it be there after all
            self._end(Event.USER_TIMEOUT, Failure.TIMED_OUT)
        else:
            self.keep_probes += 1
            self.keep_sent_at = now
            self._emit(ACK, self.snd_una - 1, b"", now)  # a number that makes the peer acknowledge
            self.keep_at = now + self.keep_interval

    def _is_out_of_probes(self, silence: int) -> bool:
        if self.user_timeout:
            return self.keep_probes > 0 and silence >= self.user_timeout
        return self.keep_probes >= self.keep_count
