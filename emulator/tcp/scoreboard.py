"""The sender's scoreboard: what was selectively acknowledged, lost, sent again.

RFC 6675 sections 3 and 4.  Its ``IsLost`` is monotone (what lies below a lost
octet is lost too), so one edge says it all, and ``pipe`` is arithmetic on
totals that are kept up to date; nothing here walks over a window.
"""

from __future__ import annotations

from typing import Final

from emulator.tcp.intervals import Intervals

DUP_THRESH: Final = 3


class Scoreboard(Intervals):
    """The selectively acknowledged octets above SND.UNA; sequence numbers are unwrapped.

    Attributes:
        rxt_nxt: RFC 6675's HighRxt plus one: everything below it that is missing was sent again.
        rxt_out: Octets below ``rxt_nxt`` that are not acknowledged in either way.
    """

    __slots__ = ("rxt_nxt", "rxt_out")

    def __init__(self) -> None:
        super().__init__()
        self.rxt_nxt: int = 0
        self.rxt_out: int = 0

    def restart(self, una: int) -> None:
        """Begin a recovery: nothing has been sent again yet."""
        self.rxt_nxt = una
        self.rxt_out = 0

    def sack(self, left: int, right: int) -> int:
        """Note a block; return how many octets of it are news."""
        rxt_nxt = self.rxt_nxt
        if left >= rxt_nxt:
            return self.add(left, right)
        below = min(right, rxt_nxt)
        held = self.covered(left, below)
        if held == right - left:
            return 0
        self.rxt_out -= below - left - held
        return self.add(left, right)

    def advance(self, una: int, new_una: int) -> None:
        """SND.UNA moved from ``una`` to ``new_una``."""
        below = min(new_una, self.rxt_nxt)
        if below > una:
            self.rxt_out -= below - una - self.covered(una, below)
        if self.lefts:
            self.discard_below(new_una)
        self.rxt_nxt = max(self.rxt_nxt, new_una)

    def retransmitted(self, left: int, right: int) -> None:
        """``[left, right)``, the beginning of the first gap behind ``rxt_nxt``, was sent again."""
        self.rxt_out += right - left
        self.rxt_nxt = right

    def lost_edge(self, mss: int) -> int:
        """Return the edge below which everything missing is lost (RFC 6675's IsLost), or -1."""
        octets = 0
        top = len(self.lefts) - 1
        for i in range(top, -1, -1):
            octets += self.rights[i] - self.lefts[i]
            if top - i + 1 >= DUP_THRESH or octets > (DUP_THRESH - 1) * mss:
                return self.lefts[i]
        return -1

    def pipe(self, una: int, nxt: int, edge: int) -> int:
        """Return an estimate of the octets in flight (RFC 6675's SetPipe); ``edge`` is the lost edge."""
        if edge < 0:
            return nxt - una - self.total + self.rxt_out
        # Above the edge all that is missing is under way; below it only what was sent again.
        return nxt - edge - self.covered(edge, nxt) + self.rxt_out
