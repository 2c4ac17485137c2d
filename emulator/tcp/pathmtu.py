"""How long packets may be on their way: what routers tell (RFC 1191), and what is found out without them (RFC 4821).

Probing sends a longer segment of new data now and then: acknowledged, segments
may be that long; lost, they may not.  Where no probe was ever answered with an
ICMP message and timeout follows timeout, the path may swallow long packets in
silence; then segments are cut short until probes tell better.  Linux's rules
(``tcp_mtu_probing``, ``tcp_mtu_probe``), but that a lost probe is a loss like any
other to congestion control.
"""

from __future__ import annotations

from typing import Final

from emulator.tcp.block import MINIMUM_MSS, OPEN, RETRANSMISSION
from emulator.tcp.knobs import Knobs
from emulator.tcp.states import State

LEAST_MTU: Final = 552  # net.ipv4.route.min_pmtu: whoever claims less is not believed (RFC 5927 section 7.2)
PATIENCE: Final = 3  # tcp_retries1: timeouts in a row until the path is suspected
CLOSE_ENOUGH: Final = 8  # tcp_probe_threshold: octets not worth another probe
LEAST_SEGMENTS: Final = 11  # in the congestion window: a lost probe must be noticed by what follows it


class PathMtu(Knobs):
    """A connection that finds out how long its packets may be."""

    __slots__ = ()

    # -- what routers tell ---------------------------------------------------------------------------------------

    def fit(self, mtu: int, now: int) -> None:
        """Send nothing longer than ``mtu`` bytes for ten minutes, and what is on its way again: it was too long.

        Path MTU discovery (RFC 1191 section 6.3): no sign of congestion, so the window stays (Linux:
        ``tcp_simple_retransmit``).
        """
        mss = max(mtu, LEAST_MTU) - self.overhead
        if mtu <= 0 or mss >= self.snd_mss or self.state is State.CLOSED:
            return
        if not self.mtu_until:
            self.mtu_full = self.snd_mss
        self.mtu_until = now + self.config.mtu_expiry
        self.search_high = mss
        self._use_mss(mss)
        if self.snd_una in (self.snd_nxt, self.iss):  # nothing is under way, or only the SYN, which is short
            return
        self.scoreboard.lose_all_resent()
        self.scoreboard.lose_below(self.snd_una, self.snd_nxt)
        self.undo_marker = -1
        self.frto = False
        self._begin_again()
        self.timer = RETRANSMISSION
        self._arm(now + self.rto)
        self._output_lost(now)
        self._predict()

    def _use_mss(self, mss: int) -> None:
        self.snd_mss = mss
        self.congestion.mss = mss

    # -- what is found out ---------------------------------------------------------------------------------------

    def _look_at_path(self, now: int) -> None:
        """There is something to send: forget what was long ago, note how a probe ended, send the next one."""
        if self.mtu_until and now >= self.mtu_until:
            self.mtu_until = 0
            self.search_high = self.mtu_full
            if not self.probing:
                self._use_mss(self.mtu_full)
        if self.probe_end and self.snd_una >= self.probe_end:
            self._use_mss(self.probe_size)
            self.probe_end = 0
        if self.probing and not self.probe_end:
            self._probe_path(now)

    def _begin_probing(self) -> None:
        """Search between ``base_mss`` and what was agreed on, from below."""
        self.probing = True
        self.search_high = max(self.search_high, self.snd_mss)
        self._use_mss(max(min(self.config.base_mss, self.snd_mss), MINIMUM_MSS))

    def _probe_path(self, now: int) -> None:
        size = (self.snd_mss + self.search_high) // 2
        nxt = self.snd_nxt
        if (
            self.search_high - self.snd_mss < CLOSE_ENOUGH
            or self.mode != OPEN
            or self.state not in (State.ESTABLISHED, State.CLOSE_WAIT)
            or self.congestion.cwnd < LEAST_SEGMENTS * self.snd_mss
            or self.snd_end - nxt < size + 4 * self.snd_mss
            or nxt + size > self.snd_una + min(self.snd_wnd, self.congestion.cwnd)
        ):
            return
        self.probe_start, self.probe_end, self.probe_size = nxt, nxt + size, size
        self._send_new(nxt, size, False, now)

    def _send_again(self, seq: int, limit: int, now: int) -> int:
        """Send again, and take note if it is a probe that did not arrive."""
        if self.probe_end and self.probe_start <= seq < self.probe_end:
            self.search_high = self.probe_size - 1
            self.probe_end = 0
        return super()._send_again(seq, limit, now)

    def _on_retransmission_timeout(self, now: int) -> None:
        """Suspect the path after some timeouts in a row: shorter segments may get through (``tcp_write_timeout``)."""
        if self.config.mtu_probing and self.backoffs >= PATIENCE:
            if not self.probing:
                self._begin_probing()
            else:
                shorter = min(self.config.base_mss, self.snd_mss // 2)
                self._use_mss(max(shorter, MINIMUM_MSS))
        super()._on_retransmission_timeout(now)

    def _establish(self, field: int, scale: int, now: int) -> None:
        super()._establish(field, scale, now)
        self.search_high = self.snd_mss
        if self.config.mtu_probing == 2:  # always
            self._begin_probing()
