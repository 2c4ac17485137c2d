"""The file under a capture: partial while it grows, renamed when it is whole.

Only whole blocks are ever handed to the file, and a failed write is cut back
to the last whole one, so what lies on disk can be read at any moment.  What a
block is, the format knows; this module counts bytes.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

if TYPE_CHECKING:
    import io
    from collections.abc import Callable

FileFormat: TypeAlias = Literal["pcapng", "pcap"]

_LONGEST: Final = 200  # bytes of a file's name; most file systems allow 255 with the suffix
_UNSAFE: Final = re.compile(rb"[^A-Za-z0-9._-]")


def safe_name(name: str) -> str:
    """Return a file name for a tap's name: different names give different files, on any file system.

    A slash becomes ``+`` (``vpc-1/resolver`` is ``vpc-1+resolver``), other characters of meaning ``%XX``.

    Raises:
        ValueError: if there is no name at all.
    """
    if not name:
        raise ValueError("a capture needs a name")
    encoded = _UNSAFE.sub(lambda found: b"+" if found[0] == b"/" else b"%%%02X" % found[0][0], name.encode()).decode()
    if encoded.startswith("."):
        encoded = "%2E" + encoded[1:]
    if len(encoded) > _LONGEST:
        encoded = encoded[:_LONGEST] + "~" + hashlib.blake2s(name.encode(), digest_size=6).hexdigest()
    return encoded


def capture_path(directory: Path, name: str, file_format: FileFormat = "pcapng") -> Path:
    """Return where the capture of the tap ``name`` belongs: in ``directory``, whatever the name contains."""
    path = Path(directory) / f"{safe_name(name)}.{file_format}"
    assert path.parent == Path(directory), "safe_name leaves no way out"
    return path


class CaptureFile:
    """A growing file of whole blocks.

    Attributes:
        final: Where it will be when it is complete.
        partial: Where it grows, ``NAME.partial.pcapng``.
        where: Where it is.
        parts: Pieces of bytes that the next :meth:`flush` writes; always whole blocks together.
        error: What ended the writing early, if anything did.
        kept_of_failed: Packets that reached the disk of the flush that failed.
    """

    __slots__ = ("_file", "_offset", "_whole", "error", "final", "kept_of_failed", "partial", "parts", "where")

    def __init__(self, path: Path, whole: Callable[[bytes, int], tuple[int, int]]) -> None:
        self.final = Path(path)
        self.partial = self.final.with_name(f"{self.final.stem}.partial{self.final.suffix}")
        self.where = self.partial
        self.parts: list[bytes] = []
        self.error: OSError | None = None
        self.kept_of_failed = 0
        self._whole = whole
        self._offset = 0
        # An earlier partial file is forgotten, not written into: it may be a link, or open elsewhere.
        self.partial.unlink(missing_ok=True)
        self._file: io.FileIO | None = open_new(self.partial)

    @property
    def closed(self) -> bool:
        """Whether nothing more can be written."""
        return self._file is None

    def flush(self) -> None:
        """Hand ``parts`` to the operating system; a failure is remembered in ``error``, not raised.

        Writing begins where the last complete flush ended, so that a flush broken off by Ctrl-C can be
        repeated without writing anything twice.
        """
        if self._file is None or not self.parts:
            return
        data = b"".join(self.parts)
        done = 0
        try:
            self._file.seek(self._offset)
            while done < len(data):
                done += self._file.write(memoryview(data)[done:])
        except OSError as error:
            self._give_up(error, data, done)
        else:
            self._offset, self.parts = self._offset + len(data), []

    def _give_up(self, error: OSError, data: bytes, done: int) -> None:
        self.error = error
        self.parts = []
        size, self.kept_of_failed = self._whole(data, done)
        self._offset += size
        assert self._file is not None
        with contextlib.suppress(OSError):  # what cannot be cut off, readers skip
            self._file.truncate(self._offset)
        self._close()

    def _close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            try:
                file.close()
            except OSError as error:  # network file systems report a full disk here
                self.error = self.error or error

    def finish(self, *, complete: bool) -> None:
        """Flush and close; only what is complete and has met no error gets its final name."""
        if self._file is None:
            return
        self.flush()
        self._close()
        if complete and self.error is None:
            try:
                self.where = self.partial.replace(self.final)
            except OSError as error:
                self.error = error


def open_new(path: Path) -> io.FileIO:
    """Create a file that must not exist yet, unbuffered: the pieces above are the buffer."""
    return open(path, "xb", buffering=0)  # noqa: PTH123 - lives as long as the capture; Path.open hides FileIO
