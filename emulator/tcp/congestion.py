"""Congestion control, behind an interface of four sentences.

The connection asks how much may be in flight (``cwnd``) and tells when data
was acknowledged while that limit was felt, when recovery begins, when the
retransmission timer fired and when it has been idle.  What algorithm answers
is its own affair: RFC 5681 with RFC 3465's byte counting here.
"""

from __future__ import annotations

from typing import Final

_UNKNOWN: Final = 1 << 60  # RFC 5681 section 3.1: ssthresh should begin arbitrarily high


class Congestion:
    """What a connection knows of its congestion control.

    Attributes:
        cwnd: How many octets may be in flight.
        ssthresh: Slow start ends here.
    """

    __slots__ = ("cwnd", "initial_window", "mss", "ssthresh")

    def __init__(self, mss: int, initial_window: int) -> None:
        self.mss: int = mss
        self.initial_window: int = initial_window
        self.cwnd: int = initial_window
        self.ssthresh: int = _UNKNOWN

    def on_ack(self, acked: int, now: int) -> None:
        """``acked`` octets were acknowledged, and ``cwnd`` had been what limited sending."""
        raise NotImplementedError

    def on_recovery(self, flight: int, now: int) -> None:
        """Duplicate acknowledgments or SACKs showed a loss while ``flight`` octets were outstanding."""
        raise NotImplementedError

    def on_timeout(self, flight: int, now: int, *, again: bool) -> None:
        """The retransmission timer fired, ``again`` if it did so before any progress."""
        raise NotImplementedError

    def on_idle(self) -> None:
        """Sending resumes after more than a retransmission timeout of silence (RFC 5681 section 4.1)."""
        self.ssthresh = max(self.ssthresh, self.cwnd * 3 // 4) if self.ssthresh != _UNKNOWN else _UNKNOWN
        self.cwnd = min(self.cwnd, self.initial_window)


class NewReno(Congestion):
    """RFC 5681, counting octets instead of acknowledgments (RFC 3465)."""

    __slots__ = ("burst", "counted")

    def __init__(self, mss: int, initial_window: int) -> None:
        super().__init__(mss, initial_window)
        self.counted: int = 0
        self.burst: int = 2 * mss  # RFC 3465's L: one delayed acknowledgment's worth

    def on_ack(self, acked: int, now: int) -> None:  # noqa: ARG002 - CUBIC will ask the time
        """Grow: by what was acknowledged in slow start, then by one segment per window."""
        cwnd = self.cwnd
        if cwnd < self.ssthresh:
            self.cwnd = cwnd + min(acked, self.burst)
            return
        counted = self.counted + acked
        if counted >= cwnd:
            counted -= cwnd
            self.cwnd = cwnd + self.mss
            self.burst = 2 * self.mss
        self.counted = counted

    def on_recovery(self, flight: int, now: int) -> None:  # noqa: ARG002
        """Halve (RFC 5681 equation 4)."""
        self.ssthresh = max(flight // 2, 2 * self.mss)
        self.cwnd = self.ssthresh
        self.counted = 0

    def on_timeout(self, flight: int, now: int, *, again: bool) -> None:  # noqa: ARG002
        """Start anew from one segment; a second timeout of the same data holds ssthresh (RFC 5681 section 3.1)."""
        if not again:
            self.ssthresh = max(flight // 2, 2 * self.mss)
        self.cwnd = self.mss
        self.counted = 0
        self.burst = self.mss  # RFC 3465 section 2.3: L is 1 after a timeout
