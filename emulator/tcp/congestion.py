"""Congestion control, behind a small interface, and NewReno.

The connection asks how much may be in flight (``cwnd``) and tells when data
was acknowledged while that limit was felt, what a round trip took, when
recovery begins, when the retransmission timer fired, when nothing was in
flight for a while, and when a reduction turns out to have been for nothing.
What algorithm answers is its own affair: RFC 5681 with RFC 3465's byte
counting here, CUBIC in :mod:`emulator.tcp.cubic`.
"""

from __future__ import annotations

from typing import Final

UNKNOWN: Final = 1 << 60  # RFC 5681 section 3.1: ssthresh should begin arbitrarily high


class Congestion:
    """What a connection knows of its congestion control; octets and nanoseconds.

    Attributes:
        cwnd: How many octets may be in flight.
        ssthresh: Slow start ends here.
        mss: The octets of a segment.
        watching: ``on_rtt`` wants the round-trip time of each acknowledgment.
        prior_cwnd, prior_ssthresh: What :meth:`undo` goes back to.
    """

    __slots__ = ("cwnd", "initial_window", "mss", "prior_cwnd", "prior_ssthresh", "ssthresh", "watching")

    def __init__(self, mss: int, initial_window: int) -> None:
        self.mss: int = mss
        self.initial_window: int = initial_window
        self.cwnd: int = initial_window
        self.ssthresh: int = UNKNOWN
        self.watching: bool = False
        self.prior_cwnd: int = 0
        self.prior_ssthresh: int = 0

    def on_ack(self, acked: int, now: int) -> None:
        """``acked`` octets were acknowledged, and ``cwnd`` had been what limited sending."""
        raise NotImplementedError

    def on_rtt(self, rtt: int, una: int, nxt: int, now: int) -> None:
        """An acknowledgment took ``rtt``; asked for by ``watching``, before ``on_ack``.

        ``una`` and ``nxt`` are SND.UNA after it and SND.NXT: they tell where a round trip ends.
        """

    def on_recovery(self, flight: int, now: int) -> None:
        """A loss, or an ECN echo, was seen while ``flight`` octets were outstanding: set ``ssthresh`` and ``cwnd``.

        What is sent while losses are repaired is not this object's affair; ``cwnd`` ends at ``ssthresh``.
        """
        raise NotImplementedError

    def on_timeout(self, flight: int, now: int, *, again: bool) -> None:
        """The retransmission timer fired, ``again`` if it did so before any progress."""
        raise NotImplementedError

    def on_idle(self, idle: int, rto: int) -> None:
        """Sending begins again ``idle`` after the last segment, with nothing in flight: halve for each ``rto``.

        RFC 5681 section 4.1 goes back to the initial window at once, RFC 2861 and Linux step by step.
        """
        if idle <= rto:
            return
        restart = min(self.cwnd, self.initial_window)
        if self.ssthresh != UNKNOWN:
            self.ssthresh = max(self.ssthresh, self.cwnd * 3 // 4)
        cwnd = self.cwnd
        while idle > rto and cwnd > restart:
            cwnd = cwnd // self.mss // 2 * self.mss
            idle -= rto
        self.cwnd = max(cwnd, restart)

    def save(self) -> None:
        """Remember the present, before a reduction that may have to be undone."""
        self.prior_cwnd = self.cwnd
        self.prior_ssthresh = self.ssthresh
        if self.cwnd >= self.ssthresh:
            self.prior_ssthresh = max(self.ssthresh, self.cwnd * 3 // 4)

    def undo(self) -> None:
        """The reduction since :meth:`save` was for nothing (RFC 4015; ``tcp_undo_cwnd_reduction`` of Linux)."""
        self.cwnd = max(self.cwnd, self.prior_cwnd)
        self.ssthresh = max(self.ssthresh, self.prior_ssthresh)


class NewReno(Congestion):
    """RFC 5681, counting octets instead of acknowledgments (RFC 3465)."""

    __slots__ = ("burst", "counted")

    def __init__(self, mss: int, initial_window: int) -> None:
        super().__init__(mss, initial_window)
        self.counted: int = 0
        self.burst: int = 2 * mss  # RFC 3465's L: one delayed acknowledgment's worth

    def on_ack(self, acked: int, now: int) -> None:  # noqa: ARG002 - CUBIC asks the time
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
