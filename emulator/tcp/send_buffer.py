"""What the program wrote and the peer has not acknowledged.

Writes are kept as they came and never joined; a segment is a slice of one, or
a join of slices where it spans several.  A write's memory is let go when its
last octet is acknowledged.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import Final

NEVER: Final = 1 << 60


class SendBuffer:
    """A run of octets between two unwrapped sequence numbers.

    Attributes:
        chunks, starts: The writes, and the sequence number each begins at.
        end: The sequence number behind the last octet.
        chunk, chunk_start: The write that new data is taken from at present, and where it begins; the hot
            path slices it without asking.
        first_end: Where the oldest write ends: acknowledging this lets memory go.  ``NEVER`` when empty.
    """

    __slots__ = ("chunk", "chunk_start", "chunks", "end", "first_end", "starts")

    def __init__(self, start: int) -> None:
        self.chunks: list[bytes] = []
        self.starts: list[int] = []
        self.end: int = start
        self.chunk: bytes = b""
        self.chunk_start: int = start
        self.first_end: int = NEVER

    def append(self, data: bytes) -> None:
        """Add a write (not empty)."""
        end = self.end
        self.chunks.append(data)
        self.starts.append(end)
        self.end = end + len(data)
        if self.first_end == NEVER:
            self.first_end = self.end

    def read(self, seq: int, size: int) -> bytes:
        """Return ``size`` octets from ``seq`` on, and make the write they end in the current one."""
        i = bisect_right(self.starts, seq) - 1
        chunk = self.chunks[i]
        start = self.starts[i]
        data = chunk[seq - start : seq - start + size]
        have = len(data)
        if have < size:
            parts = [data]
            while have < size:
                i += 1
                chunk = self.chunks[i]
                part = chunk[: size - have]
                parts.append(part)
                have += len(part)
            data = b"".join(parts)
            start = self.starts[i]
        self.chunk = chunk
        self.chunk_start = start
        return data

    def release(self, una: int) -> None:
        """Forget the writes that end at or below ``una``."""
        starts = self.starts
        gone = len(starts) if una >= self.end else bisect_right(starts, una) - 1
        if gone <= 0:
            return
        del starts[:gone]
        del self.chunks[:gone]
        if not starts:
            self.first_end = NEVER
            self.chunk = b""
            self.chunk_start = self.end
        else:
            self.first_end = starts[1] if len(starts) > 1 else self.end
            if self.chunk_start < starts[0]:
                self.chunk = self.chunks[0]
                self.chunk_start = starts[0]

    def clear(self) -> None:
        """Forget everything."""
        self.chunks.clear()
        self.starts.clear()
        self.first_end = NEVER
        self.chunk = b""
        self.chunk_start = self.end
