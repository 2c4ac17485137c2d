"""Sets of sequence numbers, as sorted disjoint half-open intervals.

Both ends of selective acknowledgment keep one: the receiver what it holds
beyond a gap, the sender what it was told the receiver holds.  A shaper with a
full queue drops every other segment of a window, so thousands of intervals are
normal; adding one and asking about one are a bisection each.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right


class Intervals:
    """A set of integers.

    Attributes:
        lefts, rights: The intervals ``[lefts[i], rights[i])``, ascending, neither overlapping nor touching.
        total: How many integers there are.
    """

    __slots__ = ("lefts", "rights", "total")

    def __init__(self) -> None:
        self.lefts: list[int] = []
        self.rights: list[int] = []
        self.total: int = 0

    def add(self, left: int, right: int) -> int:
        """Add ``[left, right)`` and return how many integers of it were new."""
        lefts = self.lefts
        rights = self.rights
        behind = bisect_right(lefts, right)
        if behind and right <= rights[behind - 1] and left >= lefts[behind - 1]:
            return 0  # two of three blocks of a SACK option repeat what earlier ones said
        first = bisect_left(rights, left)
        if first >= behind:
            lefts.insert(first, left)
            rights.insert(first, right)
            self.total += right - left
            return right - left
        held = 0
        for i in range(first, behind):
            held += rights[i] - lefts[i]
        left = min(left, lefts[first])
        right = max(right, rights[behind - 1])
        if behind - first == 1:
            lefts[first] = left
            rights[first] = right
        else:
            lefts[first:behind] = [left]
            rights[first:behind] = [right]
        new = right - left - held
        self.total += new
        return new

    def remove(self, left: int, right: int) -> int:
        """Remove ``[left, right)`` and return how many integers of it were there."""
        lefts = self.lefts
        rights = self.rights
        first = bisect_right(rights, left)
        behind = bisect_left(lefts, right)
        if first >= behind:
            return 0
        begin = lefts[first]
        if behind - first == 1 and begin >= left:  # the beginning of one, or all of it: nearly always
            count = rights[first] - begin
            if rights[first] > right:
                count = right - begin
                lefts[first] = right
            else:
                del lefts[first]
                del rights[first]
            self.total -= count
            return count
        count = 0
        for i in range(first, behind):
            count += min(right, rights[i]) - max(left, lefts[i])
        end = rights[behind - 1]
        new_lefts: list[int] = []
        new_rights: list[int] = []
        if begin < left:
            new_lefts.append(begin)
            new_rights.append(left)
        if end > right:
            new_lefts.append(right)
            new_rights.append(end)
        lefts[first:behind] = new_lefts
        rights[first:behind] = new_rights
        self.total -= count
        return count

    def discard_below(self, bound: int) -> None:
        """Remove everything less than ``bound``."""
        lefts = self.lefts
        rights = self.rights
        gone = bisect_right(rights, bound)
        for i in range(gone):
            self.total -= rights[i] - lefts[i]
        if gone:
            del lefts[:gone]
            del rights[:gone]
        if lefts and lefts[0] < bound:
            self.total -= bound - lefts[0]
            lefts[0] = bound

    def clear(self) -> None:
        """Remove everything."""
        self.lefts.clear()
        self.rights.clear()
        self.total = 0

    def covered(self, left: int, right: int) -> int:
        """Return how many integers of ``[left, right)`` are in the set."""
        lefts = self.lefts
        rights = self.rights
        count = 0
        i = bisect_right(rights, left)
        while i < len(lefts) and lefts[i] < right:
            count += min(right, rights[i]) - max(left, lefts[i])
            i += 1
        return count

    def gap(self, at: int) -> tuple[int, int]:
        """Return the first gap at or behind ``at``: where it begins, and the interval that ends it (-1: none)."""
        lefts = self.lefts
        i = bisect_right(lefts, at)
        if i and self.rights[i - 1] > at:
            at = self.rights[i - 1]
        return at, lefts[i] if i < len(lefts) else -1
