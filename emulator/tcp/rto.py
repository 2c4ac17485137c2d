"""The retransmission timeout: RFC 6298, with Linux's care for the variation.

RFC 6298 section 2 takes one sample a round trip; with one for each
acknowledgment, its gain of 1/4 would forget the last peak within a fraction of
a round trip.  As Linux does, the variation is therefore the largest mean
deviation of the round trip, may rise at once, and sinks by a quarter of the
difference when a round trip is over; a sample below the mean moves it by an
eighth of the usual.  ``min_rto`` bounds the variance term, not the sum, because
a timeout of one round trip plus nothing would race every delayed
acknowledgment.  When to take a sample (Karn: never from data sent twice) is the
affair of :mod:`emulator.tcp.recovery`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from emulator.tcp.config import TcpConfig

MIN_RTT_WINDOW: Final = 300_000_000_000  # tcp_min_rtt_wlen of Linux


class RttEstimator:
    """Smoothed round-trip time, its variation, and the timeout they give; nanoseconds.

    Attributes:
        srtt: Smoothed round-trip time, -1 before the first sample.
        rttvar: Four times the variation of RFC 6298, at least ``min_rto``.
        deviation: Four times the mean deviation of the samples (RFC 6298's RTTVAR).
        peak: The largest ``deviation`` of this round trip, at least ``min_rto``.
        round_end: Acknowledging what lies behind this sequence number ends the round trip.
        rto: The timeout, backed off while nothing new could be measured.
        min_rtt, min_rtt_at: The smallest sample of late (-1: none), and when it was taken.
    """

    __slots__ = (
        "deviation",
        "max_rto",
        "min_rto",
        "min_rtt",
        "min_rtt_at",
        "peak",
        "round_end",
        "rto",
        "rttvar",
        "srtt",
    )

    def __init__(self, config: TcpConfig) -> None:
        self.min_rto: int = config.min_rto
        self.max_rto: int = config.max_rto
        self.srtt: int = -1
        self.rttvar: int = 0
        self.deviation: int = 0
        self.peak: int = 0
        self.round_end: int = -1
        self.rto: int = config.initial_rto
        self.min_rtt: int = -1
        self.min_rtt_at: int = 0

    def sample(self, rtt: int, una: int, nxt: int) -> int:
        """Take in one measured round trip; return the new timeout (2.2, 2.3).

        ``una`` and ``nxt`` (SND.UNA after the acknowledgment, SND.NXT) tell where a round trip begins.
        """
        srtt = self.srtt
        if srtt < 0:
            self.srtt = rtt
            self.deviation = 2 * rtt
            self.rttvar = self.peak = max(2 * rtt, self.min_rto)
            self.round_end = nxt
        else:
            error = rtt - srtt
            self.srtt = srtt + (error >> 3)
            deviation = self.deviation
            if error < 0:
                error = -error - (deviation >> 2)
                if error > 0:
                    error >>= 3  # a path that gets faster is no reason to wait longer
            else:
                error -= deviation >> 2
            self.deviation = deviation = deviation + error
            if deviation > self.peak:
                self.peak = deviation
                if deviation > self.rttvar:
                    self.rttvar = deviation
            if una > self.round_end:
                if self.peak < self.rttvar:
                    self.rttvar -= (self.rttvar - self.peak) >> 2
                self.round_end = nxt
                self.peak = self.min_rto
        rto = self.srtt + self.rttvar
        if rto > self.max_rto:
            rto = self.max_rto
        self.rto = rto
        return rto

    def note_min(self, rtt: int, now: int) -> None:
        """Keep the smallest round trip of the last five minutes, more or less."""
        if self.min_rtt < 0 or rtt <= self.min_rtt or now - self.min_rtt_at > MIN_RTT_WINDOW:
            self.min_rtt = rtt
            self.min_rtt_at = now

    def back_off(self) -> int:
        """Double the timeout (5.5) and return it."""
        self.rto = min(2 * self.rto, self.max_rto)
        return self.rto
