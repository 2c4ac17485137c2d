"""What was dropped, where and why: the last so many, in order.

Listens to the fabric.  Packets that were delivered are counted on their path;
a drop is rare enough to be written down.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emulator.model.traces import Dropped, Step
    from emulator.wire.packet import Packet

_KEPT: Final = 10_000


@dataclass(frozen=True, slots=True)
class Drop:
    """One packet's end: ``at`` nanoseconds, whose it was, and why. The packet itself is not kept.

    ``src`` and ``dst`` are as they were where it ended, ``sender`` is the source it began its way with.
    """

    at: int
    src: int
    dst: int
    proto: int
    ending: Dropped
    sender: int


class Ledger:
    """An observer of the fabric that remembers drops.

    Attributes:
        total: Drops heard of; the latest 10,000 are kept.
    """

    __slots__ = ("_drops", "total")

    def __init__(self) -> None:
        self._drops: deque[Drop] = deque(maxlen=_KEPT)
        self.total: int = 0

    def walked(self, path: Any, packet: Packet, steps: list[Step], now: int) -> None:
        """Hear of a walked leg; only endings are written down here."""

    def dropped(self, path: Any, packet: Packet, ending: Dropped, now: int) -> None:
        """Write a drop down."""
        self.total += 1
        self._drops.append(Drop(now, packet.src, packet.dst, packet.proto, ending, path.key[0]))

    def since(self, total: int) -> Iterator[Drop]:
        """Yield the drops heard of after ``total`` of them, oldest first."""
        skipped = max(0, len(self._drops) - (self.total - total))
        for number, drop in enumerate(self._drops):
            if number >= skipped:
                yield drop
