"""CUBIC, RFC 9438, in integers.

After a loss the window follows ``W(t) = C (t - K)^3 + W_max``: fast back to
where the loss was, slowly past it, then fast again; what passed since counts,
not how many round trips it took.  Where Reno would be faster, its estimate is
followed (section 4.3).  Octets and microseconds; Python's integers do not
overflow, and nothing is rounded but down.

Of what the RFC leaves open this takes Linux's answers: the reduction is of
``cwnd`` and not of the flight size (section 4.6 allows it where ``cwnd`` does
not grow unused, and :mod:`emulator.tcp.recovery` sees to that); the curve is
looked up when the window has changed or a 32nd of a second has passed; before
the first loss the window grows by a 20th per round trip at least.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from emulator.tcp.congestion import Congestion
from emulator.tcp.hystart import HyStart

if TYPE_CHECKING:
    from emulator.tcp.rto import RttEstimator

# C is 0.4 segments per second cubed.
C_NUMERATOR: Final = 4
C_DENOMINATOR: Final = 10 * 1_000_000**3  # of microseconds
LOOKUP: Final = 31_250_000  # nanoseconds for which the slope of the curve may be taken as constant


def cube_root(value: int) -> int:
    """Return the largest integer whose cube is not above ``value`` (which is not negative)."""
    if value <= 0:
        return 0
    root = 1 << -(-value.bit_length() // 3)  # not below the root, so Newton's steps go down to it
    while True:
        better = (2 * root + value // (root * root)) // 3
        if better >= root:
            return root
        root = better


class Cubic(Congestion):
    """RFC 9438 with HyStart.

    Attributes:
        w_max: The window at the last reduction, or less (fast convergence, section 4.7); 0 before the first.
        epoch_at: When this congestion avoidance began, or -1: with the next acknowledgment.
        origin: The window of the curve's plateau, and ``k``, microseconds from ``epoch_at`` to it.
        w_est: What Reno's window would be, and ``est_counted``, octets acknowledged towards its next segment.
        w_prior: The window before the last reduction: from there on Reno's estimate grows as Reno does.
        need: Octets to be acknowledged for the next segment of ``cwnd``, and ``counted``, those that were.
        looked_cwnd, looked_at: For what ``need`` was looked up.
    """

    __slots__ = (
        "counted",
        "epoch_at",
        "est_counted",
        "estimator",
        "hystart",
        "k",
        "looked_at",
        "looked_cwnd",
        "need",
        "origin",
        "saved_epoch_at",
        "saved_k",
        "saved_origin",
        "saved_w_est",
        "saved_w_max",
        "w_est",
        "w_max",
        "w_prior",
    )

    def __init__(self, mss: int, initial_window: int, estimator: RttEstimator) -> None:
        super().__init__(mss, initial_window)
        self.estimator: RttEstimator = estimator
        self.hystart: HyStart = HyStart()
        self.watching = True
        self.w_max: int = 0
        self.epoch_at: int = -1
        self.k: int = 0
        self.origin: int = 0
        self.w_est: int = 0
        self.est_counted: int = 0
        self.w_prior: int = 0
        self.need: int = 0
        self.counted: int = 0
        self.looked_cwnd: int = 0
        self.looked_at: int = 0
        self.saved_epoch_at: int = -1
        self.saved_k: int = 0
        self.saved_origin: int = 0
        self.saved_w_est: int = 0
        self.saved_w_max: int = 0

    def on_ack(self, acked: int, now: int) -> None:
        """Grow: by what was acknowledged in slow start, then along the curve."""
        cwnd = self.cwnd
        ssthresh = self.ssthresh
        if cwnd < ssthresh:
            cwnd += acked
            if cwnd <= ssthresh:
                self.cwnd = cwnd
                return
            acked = cwnd - ssthresh
            self.cwnd = cwnd = ssthresh
        self.est_counted += acked
        if cwnd != self.looked_cwnd or now - self.looked_at > min(LOOKUP, self.estimator.min_rtt) or self.epoch_at < 0:
            self._look_up(cwnd, acked, now)
        counted = self.counted
        need = self.need
        if counted >= need:  # gathered when more was needed: no burst for that
            counted = 0
            cwnd += self.mss
        counted += acked
        if counted >= need:
            more = counted // need
            counted -= more * need
            cwnd += more * self.mss
        self.counted = counted
        self.cwnd = cwnd

    def _look_up(self, cwnd: int, acked: int, now: int) -> None:
        """Set ``need`` by how far the curve, or Reno's estimate, is above ``cwnd`` a round trip from now."""
        mss = self.mss
        self.looked_cwnd = cwnd
        self.looked_at = now
        if self.epoch_at < 0:
            self.epoch_at = now
            self.est_counted = acked
            self.w_est = cwnd
            self.k = 0
            self.origin = cwnd
            if self.w_max > cwnd:
                self.k = cube_root((self.w_max - cwnd) * C_DENOMINATOR // (C_NUMERATOR * mss))
                self.origin = self.w_max
        target = self.window_at((now - self.epoch_at + max(self.estimator.min_rtt, 0)) // 1000)
        need = cwnd * mss // (target - cwnd) if target > cwnd else 100 * cwnd
        if self.w_max == 0:
            need = min(need, 20 * mss)
        # Section 4.3: Reno with a factor of 0.7 is as aggressive as with 0.5 if it grows by 9/17 of a segment.
        step = cwnd * 17 // 9 if self.w_est < self.w_prior else cwnd
        while self.est_counted > step:
            self.est_counted -= step
            self.w_est += mss
        if self.w_est > cwnd:
            need = min(need, cwnd * mss // (self.w_est - cwnd))
        self.need = max(need, 2 * mss)  # section 4.4: by half a window per round trip at most

    def window_at(self, microseconds: int) -> int:
        """Return ``W(t)`` (section 4.2), ``t`` since the epoch began."""
        offset = microseconds - self.k
        cubed = C_NUMERATOR * self.mss * abs(offset) ** 3 // C_DENOMINATOR
        return self.origin + cubed if offset >= 0 else self.origin - cubed

    def on_rtt(self, rtt: int, una: int, nxt: int, now: int) -> None:
        """Ask HyStart whether the pipe is full."""
        if self.cwnd >= self.ssthresh:
            self.watching = False
        elif self.hystart.is_full(rtt, self.estimator.min_rtt, self.cwnd // self.mss, una, nxt, now):
            self.watching = False
            self.ssthresh = self.cwnd

    def on_recovery(self, flight: int, now: int) -> None:  # noqa: ARG002
        """Reduce to seven tenths, in whole segments (section 4.6), and begin a new epoch."""
        self._reduce()
        self.cwnd = self.ssthresh
        self.watching = False

    def _reduce(self) -> None:
        cwnd = self.cwnd
        self.epoch_at = -1
        self.counted = 0
        self.w_prior = cwnd
        self.w_max = cwnd * 17 // 20 if cwnd < self.w_max else cwnd  # section 4.7: others want their share
        self.ssthresh = max(cwnd // self.mss * 7 // 10, 2) * self.mss

    def on_timeout(self, flight: int, now: int, *, again: bool) -> None:  # noqa: ARG002
        """Start anew from one segment; the next epoch has its plateau where it begins (section 4.8)."""
        if not again:
            self._reduce()
        self.epoch_at = -1
        self.counted = 0
        self.w_max = 0
        self.cwnd = self.mss
        self.hystart = HyStart()
        self.watching = True

    def on_idle(self, idle: int, rto: int) -> None:
        """Let the curve stand still meanwhile (section 5.8), so that silence earns nothing."""
        super().on_idle(idle, rto)
        if self.epoch_at >= 0:
            self.epoch_at += idle

    def save(self) -> None:
        """Remember the present, with the curve."""
        super().save()
        self.saved_w_max = self.w_max
        self.saved_epoch_at = self.epoch_at
        self.saved_k = self.k
        self.saved_origin = self.origin
        self.saved_w_est = self.w_est

    def undo(self) -> None:
        """Go back to the curve that was left for nothing (section 4.9)."""
        super().undo()
        self.w_max = self.saved_w_max
        self.epoch_at = self.saved_epoch_at
        self.k = self.saved_k
        self.origin = self.saved_origin
        self.w_est = self.saved_w_est
        self.watching = self.cwnd < self.ssthresh
