"""A capture point: what it sees, in order, until each packet's ending is known.

The network calls :meth:`Tap.see` as a packet passes and :meth:`Tap.settle`
when one has ended.  A record is written with its packet's ending, so it waits
for it, and everything seen later waits behind it: memory is the packets in
flight and a buffer.  A tap never changes or judges a packet, and a disk that
fails ends the capture, not the run.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final, get_args

from emulator.capture.encoders import Comments, Encoder, PcapEncoder, PcapngEncoder, Seen
from emulator.capture.files import CaptureFile, FileFormat

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from emulator.capture.link_layer import LinkLayer
    from emulator.wire.checksum import PayloadSums
    from emulator.wire.packet import Packet

SNAPLEN: Final = 262_144
_BATCH: Final = 64  # endings gathered before records are made of them: a loop costs less than calls
_BUFFER: Final = 1 << 18


class Tap:
    """One capture point, writing one file.

    Args:
        path: Where the complete file will be; it grows beside that as ``NAME.partial.pcapng``.
        name: The interface's name inside the file.
        link_layer: The Ethernet around the interface.
        snaplen: Bytes kept of each frame.
        comments: Which records say how the packet ended: the ``first`` of each flow and direction and those
            not delivered; ``all``; ``none``.
        file_format: ``pcapng``, or ``pcap`` with nanoseconds (which has no room for comments).
        describe: Makes the text of a comment, once per flow and ending; by default one line about the ending.
        sums: Payload checksums, shared by taps that see the same packets.
        started_at: When the capture began.

    Raises:
        OSError: if the file cannot be created.
        ValueError: if a choice is none of those named here.
    """

    __slots__ = ("_due", "_encoder", "_file", "_flushed", "_size", "lost", "name", "pending", "started_at")

    def __init__(
        self,
        path: Path,
        name: str,
        link_layer: LinkLayer,
        *,
        snaplen: int = SNAPLEN,
        comments: Comments = "first",
        file_format: FileFormat = "pcapng",
        describe: Callable[[Packet], str] | None = None,
        sums: PayloadSums | None = None,
        started_at: int = 0,
    ) -> None:
        if comments not in get_args(Comments):
            raise ValueError(f"comments={comments!r}: must be one of {', '.join(get_args(Comments))}")
        if file_format not in get_args(FileFormat):
            raise ValueError(f"file_format={file_format!r}: must be one of {', '.join(get_args(FileFormat))}")
        if snaplen < 1:
            raise ValueError(f"snaplen={snaplen}: must be at least one byte")
        self.name = name
        self.pending: deque[Seen] = deque()
        self.lost = 0
        self.started_at = started_at
        self._encoder: Encoder = (
            PcapngEncoder(name, link_layer, snaplen, sums, comments, describe)
            if file_format == "pcapng"
            else PcapEncoder(link_layer, snaplen, sums)
        )
        self._due = _BATCH
        self._size = 0
        self._flushed = 0
        self._file = CaptureFile(path, self._encoder.whole)
        self._file.parts.append(self._encoder.header())
        self._file.flush()

    def see(self, packet: Packet, now: int, outgoing: bool) -> None:
        """Take note of a packet that passes at ``now``; ``outgoing`` is away from the interface's owner."""
        self.pending.append((packet, now, outgoing))

    def settle(self) -> None:
        """Hear that some packet has ended: now and then, write whatever is settled at the front."""
        self._due -= 1
        if self._due <= 0:
            self._due = _BATCH
            self._encode()
            if self._size >= _BUFFER:
                self._write()

    def flush(self) -> None:
        """Bring to the file everything that is settled."""
        self._encode()
        self._write()

    def close(self) -> None:
        """End the capture: write what is left and the statistics, and give the file its final name."""
        self._finish(complete=True)

    def abandon(self) -> None:
        """End an interrupted capture: write what is known, and leave the file named as partial."""
        self._finish(complete=False)

    def _finish(self, *, complete: bool) -> None:
        self._encode(last=True)
        if self._file.closed:
            return
        trailer = self._encoder.trailer(self.started_at, max(self.started_at, self._encoder.last_at))
        self._write()
        self._file.parts.append(trailer)
        self._file.finish(complete=complete)

    def _encode(self, *, last: bool = False) -> None:
        if self._file.closed:
            self.lost += len(self.pending)
            self.pending.clear()
        else:
            self._size += self._encoder.drain(self.pending, self._file.parts, last=last)

    def _write(self) -> None:
        self._size = 0
        self._file.flush()
        if self._file.error is None:
            self._flushed = self._encoder.encoded

    @property
    def path(self) -> Path:
        """Where the records are: in the partial file until a clean close."""
        return self._file.where

    @property
    def error(self) -> OSError | None:
        """What ended the capture early, if anything did."""
        return self._file.error

    @property
    def seen(self) -> int:
        """Packets that have passed."""
        return self._encoder.encoded + self.lost + len(self.pending)

    @property
    def written(self) -> int:
        """Packets of which the file has a record, or will have with the next flush."""
        return self._encoder.encoded if self.error is None else self._flushed + self._file.kept_of_failed
