"""The retransmission timeout of RFC 6298.

Section 2 gives the arithmetic, section 5.5 the backing off; when to take a
sample (Karn: never from data sent twice) is the sender's affair.  The floor is
Linux's: ``min_rto`` bounds the variance term, not the sum, because a timeout
of exactly one round trip plus nothing would race every delayed acknowledgment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emulator.tcp.config import TcpConfig


class RttEstimator:
    """Smoothed round-trip time, its variation, and the timeout they give; nanoseconds.

    Attributes:
        srtt: Smoothed round-trip time, -1 before the first sample.
        rttvar: Its mean deviation.
        rto: The timeout, backed off while nothing new could be measured.
    """

    __slots__ = ("max_rto", "min_rto", "rto", "rttvar", "srtt")

    def __init__(self, config: TcpConfig) -> None:
        self.min_rto: int = config.min_rto
        self.max_rto: int = config.max_rto
        self.srtt: int = -1
        self.rttvar: int = 0
        self.rto: int = config.initial_rto

    def sample(self, rtt: int) -> int:
        """Take in one measured round trip and return the new timeout (2.2, 2.3)."""
        if self.srtt < 0:
            self.srtt = rtt
            self.rttvar = rtt // 2
        else:
            deviation = self.srtt - rtt
            if deviation < 0:
                deviation = -deviation
            self.rttvar += (deviation - self.rttvar) // 4
            self.srtt += (rtt - self.srtt) // 8
        rto = self.srtt + max(self.min_rto, 4 * self.rttvar)
        self.rto = min(rto, self.max_rto)
        return self.rto

    def back_off(self) -> int:
        """Double the timeout (5.5) and return it."""
        self.rto = min(2 * self.rto, self.max_rto)
        return self.rto
