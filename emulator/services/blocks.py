"""Content of any length that nobody has to keep: one block of text, over and over.

Every full block is the same object, so that whoever remembers the checksum of a
payload need not compute it again.  The text is made of numbered lines of 64
bytes, so that a person can see in a capture where in a block a segment lies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from emulator.services.messages import BLOCK_SIZE

if TYPE_CHECKING:
    from collections.abc import Iterator

_LINE: Final = b"%04d: a line of generated content, the same in every block ....\n"

BLOCK: Final = b"".join(_LINE % number for number in range(BLOCK_SIZE // 64))
"""The repeated block."""


def blocks(start: int, stop: int) -> Iterator[bytes]:
    """Yield the bytes from ``start`` to ``stop`` of the endless content, block by block."""
    while start < stop:
        offset = start % BLOCK_SIZE
        taken = min(BLOCK_SIZE - offset, stop - start)
        yield BLOCK if taken == BLOCK_SIZE else BLOCK[offset : offset + taken]
        start += taken
