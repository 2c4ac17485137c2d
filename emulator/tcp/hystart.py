"""HyStart: when slow start had better end before it overflows a queue.

Ha and Rhee, "Taming the elephants: New TCP slow start" (2011), with the bounds
that Linux gives it, because the captures this room is compared with come from
Linux.  (RFC 9406, HyStart++, keeps only the second sign and grows on at a
fourth of the pace; Linux does neither.)  Two signs that the pipe is full:

- acknowledgments that follow each other closely for longer than half the
  smallest round trip: the train of a window is as long as the path;
- eight round trips of one round that all took an eighth longer than the
  smallest (at least 4, at most 16 ms): a queue is building.
"""

from __future__ import annotations

from typing import Final

LOW_WINDOW: Final = 16  # segments: below, a train says nothing
CLOSE: Final = 2_000_000  # acknowledgments that follow each other sooner belong to one train
SAMPLES: Final = 8
LEAST: Final = 4_000_000
MOST: Final = 16_000_000
_FAR: Final = 1 << 60


class HyStart:
    """The two detectors, over rounds of one window each; nanoseconds.

    Attributes:
        round_end: Acknowledging what lies behind it begins a new round.
        round_at, last_at: When the round began, and the last acknowledgment of its train.
        rtt: The smallest round trip of this round.
        samples: How many there were, up to eight.
    """

    __slots__ = ("last_at", "round_at", "round_end", "rtt", "samples")

    def __init__(self) -> None:
        self.round_end: int = -1
        self.round_at: int = 0
        self.last_at: int = 0
        self.rtt: int = _FAR
        self.samples: int = 0

    def is_full(self, rtt: int, min_rtt: int, segments: int, una: int, nxt: int, now: int) -> bool:
        """Take in an acknowledgment up to ``una`` that took ``rtt``; say whether slow start should end."""
        if una > self.round_end:
            self.round_end = nxt
            self.round_at = self.last_at = now
            self.rtt = _FAR
            self.samples = 0
        if segments < LOW_WINDOW:
            return False
        full = False
        if now - self.last_at <= CLOSE:
            self.last_at = now
            full = now - self.round_at > min_rtt >> 1
        if rtt < self.rtt:
            self.rtt = rtt
        if self.samples < SAMPLES:
            self.samples += 1
        elif self.rtt > min_rtt + min(max(min_rtt >> 3, LEAST), MOST):
            full = True
        return full
