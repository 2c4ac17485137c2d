"""The two file descriptors of a loop: one that is readable, and one that never is.

Emulated sockets have no descriptor, but some libraries ask for one to look at:
httpcore polls it to learn whether an idle connection is still good, and takes a
socket without a descriptor for a dead one.  So a connection's ``fileno()`` is one of
these two, whichever says what a real descriptor would say at that moment.
Looking is all they are good for: nothing can be read from a connection through them, and
two connections may show the same one.
"""

from __future__ import annotations

import os


class Descriptors:
    """Two pipes, made when first asked for."""

    __slots__ = ("_ends",)

    def __init__(self) -> None:
        self._ends: tuple[int, ...] = ()

    def get(self, *, readable: bool) -> int:
        """Return the descriptor that ``poll`` finds readable, or the one that it does not."""
        if not self._ends:
            self._ends = (*os.pipe(), *os.pipe())
            os.write(self._ends[1], b"\x00")
        return self._ends[0 if readable else 2]

    def close(self) -> None:
        """Close what was made."""
        ends, self._ends = self._ends, ()
        for end in ends:
            os.close(end)
