"""The sender's scoreboard: what was selectively acknowledged, what is lost, what was sent again.

RFC 6675 sections 3 and 4, for both ways of noticing a loss.  First
transmissions leave in the order of their sequence numbers, so whether they are
counted (RFC 6675's ``IsLost``) or timed (RFC 8985), what is lost of them lies
below an edge that only moves up: each gap is looked at once.  ``pipe`` is
arithmetic on totals that are kept up to date; nothing here walks over a window.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import Final

from emulator.tcp.intervals import Intervals
from emulator.tcp.transmissions import Resent

DUP_THRESH: Final = 3


class Scoreboard(Intervals):
    """The selectively acknowledged octets above SND.UNA; sequence numbers are unwrapped.

    Attributes:
        lost: What is taken for lost and was not sent again since.
        resent: What was sent again and is on its way.
        twice: What is outstanding and was ever sent again: acknowledging it says nothing of the first copy.
        marked: Below it, whatever is missing is in ``lost`` or in ``resent``.
    """

    __slots__ = ("lost", "marked", "resent", "twice")

    def __init__(self) -> None:
        super().__init__()
        self.lost: Intervals = Intervals()
        self.resent: Resent = Resent()
        self.twice: Intervals = Intervals()
        self.marked: int = 0

    def deliver(self, left: int, right: int) -> int:
        """``[left, right)`` arrived; return how many octets of it that were not SACKed were ever sent again."""
        if self.lost.lefts:
            self.lost.remove(left, right)
        self.resent.newest_at = -1
        if not self.twice.lefts:
            return 0
        self.resent.settle(left, right)
        return self.twice.remove(left, right)

    def advance(self, una: int) -> None:
        """SND.UNA moved to ``una``."""
        if self.lefts:
            self.discard_below(una)

    def top(self, left: int, right: int) -> int:
        """Return the end of the last piece of ``[left, right)`` that is not SACKed; ``left`` if all of it is."""
        lefts = self.lefts
        rights = self.rights
        i = bisect_right(lefts, right - 1) - 1
        if i >= 0 and rights[i] >= right:
            return max(lefts[i], left)
        return right

    def send_again(self, left: int, right: int, now: int) -> None:
        """``[left, right)`` is sent again."""
        self.lost.remove(left, right)
        self.resent.add(left, right, now)
        self.twice.add(left, right)

    def lose_below(self, una: int, edge: int) -> None:
        """Take first transmissions below ``edge`` for lost if they are missing."""
        at = max(self.marked, una)
        if edge <= at:
            return
        self.marked = edge
        while at < edge:
            at, limit = self.gap(at)
            if at >= edge:
                break
            limit = edge if limit < 0 or limit > edge else limit
            self._lose_gap(at, limit)
            at = limit

    def _lose_gap(self, left: int, right: int) -> None:
        """``[left, right)``, of which nothing is SACKed, is lost but for what was sent again already."""
        resent = self.resent
        i = bisect_right(resent.rights, left)
        while i < len(resent.lefts) and resent.lefts[i] < right:
            if resent.lefts[i] > left:
                self.lost.add(left, resent.lefts[i])
            left = resent.rights[i]
            i += 1
        if left < right:
            self.lost.add(left, right)

    def lose_resent(self, i: int) -> None:
        """What was sent again is lost again."""
        resent = self.resent
        left = resent.lefts[i]
        right = resent.rights[i]
        resent.settle(left, right)
        self.lost.add(left, right)

    def lose_all_resent(self) -> None:
        """Nothing that was sent again will arrive, the timer says."""
        resent = self.resent
        for i in range(len(resent.lefts)):
            self.lost.add(resent.lefts[i], resent.rights[i])
        resent.clear()

    def unmark(self, una: int) -> None:
        """Take nothing for lost any more: what was believed to be lost was late."""
        self.lost.clear()
        self.marked = una

    def lost_edge(self, mss: int) -> int:
        """Return the edge below which everything missing is lost (RFC 6675's IsLost), or -1."""
        octets = 0
        top = len(self.lefts) - 1
        for i in range(top, -1, -1):
            octets += self.rights[i] - self.lefts[i]
            if top - i + 1 >= DUP_THRESH or octets > (DUP_THRESH - 1) * mss:
                return self.lefts[i]
        return -1

    def pipe(self, una: int, nxt: int) -> int:
        """Estimate the octets in flight (RFC 6675's SetPipe; what was sent twice on suspicion counts once)."""
        return nxt - una - self.total - self.lost.total

    def forget(self) -> None:
        """Forget what was SACKed and lost; the peer has reneged or the connection ended."""
        self.clear()
        self.lost.clear()
        self.resent.clear()
        self.twice.clear()
