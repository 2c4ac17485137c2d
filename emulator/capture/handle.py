"""What a user holds of a capture: where it is, what is in it, what went wrong.

scapy's own readers give the packets back, so that what a user sees here is
what any other reader sees in the file (D4, D10).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from emulator.capture.tap import Tap


def packets(path: Path) -> Iterator[Any]:
    """Yield the frames of a pcapng or pcap file as scapy packets, with ``time`` and ``comments`` as recorded."""
    import scapy.layers.dns  # noqa: PLC0415 - scapy takes a second to import, and dissects what layers it has loaded
    import scapy.layers.inet6  # noqa: F401, PLC0415
    from scapy.utils import PcapReader  # noqa: PLC0415

    with PcapReader(str(path)) as reader:
        yield from reader


class Capture:
    """A capture, running or ended.

    Attributes:
        tap: The capture point that feeds it.
    """

    __slots__ = ("tap",)

    def __init__(self, tap: Tap) -> None:
        self.tap = tap

    @property
    def name(self) -> str:
        """The interface's name in the file."""
        return self.tap.name

    @property
    def path(self) -> Path:
        """Where the file is; ``NAME.partial.pcapng`` until a clean close."""
        return self.tap.path

    @property
    def error(self) -> OSError | None:
        """What ended the capture early (a full disk, say), if anything did."""
        return self.tap.error

    @property
    def seen(self) -> int:
        """Packets that have passed."""
        return self.tap.seen

    @property
    def written(self) -> int:
        """Packets in the file; those on their way, and those after an error, are not."""
        return self.tap.written

    def packets(self) -> Iterator[Any]:
        """Yield what has been captured so far as scapy packets; packets still on their way are left out."""
        self.tap.flush()
        return packets(self.tap.path)

    def close(self) -> None:
        """End the capture and give the file its final name."""
        self.tap.close()

    def abandon(self) -> None:
        """End an interrupted capture; the file stays readable under its partial name."""
        self.tap.abandon()

    def __repr__(self) -> str:
        return f"<Capture {self.name}: {self.written} packets in {self.path}>"
