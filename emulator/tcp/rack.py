"""RACK: what was sent before something that has arrived, long enough ago, is lost (RFC 8985 section 6.2).

This part keeps RACK's variables: the segment sent last of those that arrived,
and for how long a segment may be overtaken (the reordering window).  The window
is nothing until reordering is seen and three segments say so, as duplicate
acknowledgments did; then a quarter of the smallest round trip, and more when
D-SACKs show that it was too short.
"""

from __future__ import annotations

from typing import Final

PERSIST: Final = 16  # recoveries for which a wider window is kept (section 6.2, step 4)
MOST_STEPS: Final = 255
DUP_THRESH: Final = 3


class Rack:
    """The variables of RFC 8985 section 5.3; nanoseconds and unwrapped sequence numbers.

    Attributes:
        sent_at, end: RACK.xmit_ts and RACK.end_seq.
        rtt: RACK.rtt, that of this segment.
        again: That segment was sent again.  Of what left at one instant, as much does in virtual time, first copies
            prove nothing of second ones: they had left already when the acknowledgment came that told of the loss.
        fack: RACK.fack, the highest octet that arrived, plus one.
        reordered: RACK.reordering_seen.
        steps: RACK.reo_wnd_mult, in quarters of the smallest round trip.
        persist: RACK.reo_wnd_persist.
        round_end: RACK.dsack_round: until it is acknowledged no D-SACK widens the window again.
    """

    __slots__ = ("again", "end", "fack", "persist", "reordered", "round_end", "rtt", "sent_at", "steps")

    def __init__(self) -> None:
        self.sent_at: int = -1
        self.end: int = 0
        self.again: bool = False
        self.rtt: int = 0
        self.fack: int = 0
        self.reordered: bool = False
        self.steps: int = 1
        self.persist: int = 0
        self.round_end: int = -1

    def arrived(self, sent_at: int, end: int, now: int, least: int) -> None:
        """A segment sent at ``sent_at`` arrived; ``least`` (not -1) is the smallest round trip if it was sent again.

        An acknowledgment sooner than that is for an earlier copy (step 2).
        """
        rtt = now - sent_at
        if rtt < least:
            return
        if sent_at > self.sent_at or (sent_at == self.sent_at and end > self.end):
            self.sent_at = sent_at
            self.end = end
            self.again = least >= 0
            self.rtt = rtt

    def window(self, min_rtt: int, srtt: int, segments: int, *, repairing: bool) -> int:
        """Return the reordering window; ``segments`` are SACKed (step 4)."""
        if not self.reordered and (repairing or segments >= DUP_THRESH):
            return 0
        return min(self.steps * min_rtt // 4, srtt)

    def on_dsack(self, una: int, nxt: int) -> None:
        """A segment was sent again for nothing: wait longer, at most a quarter more per round trip."""
        if una < self.round_end:
            return
        self.round_end = nxt
        self.steps = min(self.steps + 1, MOST_STEPS)
        self.persist = PERSIST

    def on_recovered(self) -> None:
        """A recovery ended: a window that was widened long ago goes back."""
        self.persist -= 1
        if self.persist <= 0:
            self.persist = 0
            self.steps = 1
