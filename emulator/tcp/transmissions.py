"""When what is outstanding was sent: for round-trip times and for RACK (RFC 8985).

First transmissions go out in the order of their sequence numbers, so a list of
(end, time) per burst tells of any octet when it was sent first; what is sent
again is remembered segment by segment until it is acknowledged or lost again.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import Final

TRIM: Final = 512  # bursts that may lie about before they are swept away


class SendLog:
    """First transmissions.

    Attributes:
        ends, times: Where each burst ended (a sequence number) and when it left; both ascend.
        head: The burst that SND.UNA is in.  Those before it are only kept until the next sweep.
    """

    __slots__ = ("ends", "head", "times")

    def __init__(self) -> None:
        self.ends: list[int] = []
        self.times: list[int] = []
        self.head: int = 0

    def note(self, end: int, now: int) -> None:
        """A burst that ends before ``end`` leaves."""
        if self.head > TRIM:
            self.sweep()
        self.ends.append(end)
        self.times.append(now)

    def sweep(self) -> None:
        """Forget what has been acknowledged, but for the last burst of it: it tells where the next begins."""
        gone = self.head - 1
        if gone > 0:
            del self.ends[:gone]
            del self.times[:gone]
            self.head = 1

    def acknowledge(self, una: int) -> None:
        """SND.UNA moved to ``una``."""
        self.head = bisect_right(self.ends, una, self.head)

    def sent_at(self, seq: int) -> int:
        """Return when octet ``seq`` was sent first."""
        return self.times[bisect_right(self.ends, seq, self.head)]

    def sent_until(self, limit: int) -> int:
        """Return the end of what was sent first at ``limit`` or before."""
        i = bisect_right(self.times, limit)
        return self.ends[i - 1] if i else 0

    def last_start(self, start: int) -> int:
        """Return where the last burst began; ``start`` if it is the first that is known."""
        return self.ends[-2] if len(self.ends) > 1 else start


class Resent:
    """What was sent again and is on its way.

    Attributes:
        lefts, rights, times: Ranges by sequence number, disjoint, and when each was last sent.
        octets: Their sum.
        newest_at, newest_end: Of the ranges that the last :meth:`settle` found, the one sent last; -1 if none.
    """

    __slots__ = ("_head", "_order", "lefts", "newest_at", "newest_end", "octets", "rights", "times")

    def __init__(self) -> None:
        self.lefts: list[int] = []
        self.rights: list[int] = []
        self.times: list[int] = []
        self.octets: int = 0
        self.newest_at: int = -1
        self.newest_end: int = -1
        self._order: list[tuple[int, int]] = []  # (time, left) as sent; what was settled meanwhile is passed over
        self._head: int = 0

    def add(self, left: int, right: int, now: int) -> None:
        """``[left, right)`` leaves once more."""
        self.settle(left, right)
        i = bisect_left(self.lefts, left)
        self.lefts.insert(i, left)
        self.rights.insert(i, right)
        self.times.insert(i, now)
        self.octets += right - left
        self._order.append((now, left))

    def settle(self, left: int, right: int) -> None:
        """Forget ``[left, right)``: it has arrived, is lost or is sent anew."""
        self.newest_at = -1
        lefts = self.lefts
        rights = self.rights
        i = bisect_right(rights, left)
        while i < len(lefts) and lefts[i] < right:
            begin = lefts[i]
            end = rights[i]
            at = self.times[i]
            if at >= self.newest_at:
                self.newest_at = at
                self.newest_end = min(end, right)
            self.octets -= min(end, right) - max(begin, left)
            if begin < left:  # a part of a segment: what lies before stays under its old name
                rights[i] = left
                i += 1
                if end > right:
                    self._put(i, right, end, at)
                    i += 1
            elif end > right:
                lefts[i] = right
                self._order.append((at, right))
                i += 1
            else:
                del lefts[i]
                del rights[i]
                del self.times[i]
        if not lefts and self._order:
            self._order.clear()
            self._head = 0

    def _put(self, i: int, left: int, right: int, at: int) -> None:
        self.lefts.insert(i, left)
        self.rights.insert(i, right)
        self.times.insert(i, at)
        self._order.append((at, left))

    def first_overdue(self, limit: int, newest_at: int, newest_end: int) -> int:
        """Return the index of a range sent at or before ``limit`` and before that of ``newest_end``, or -1."""
        order = self._order
        while self._head < len(order):
            at, left = order[self._head]
            i = bisect_left(self.lefts, left)
            if i == len(self.lefts) or self.lefts[i] != left or self.times[i] != at:
                self._head += 1
                if self._head > TRIM:
                    del order[: self._head]
                    self._head = 0
                continue
            if at > limit or (at == newest_at and self.rights[i] >= newest_end):
                return -1
            return i
        return -1

    def clear(self) -> None:
        """Forget everything."""
        self.lefts.clear()
        self.rights.clear()
        self.times.clear()
        self.octets = 0
        self._order.clear()
        self._head = 0
