"""Objects and their contents, in memory.

A content is what somebody put, or generated: a size and no bytes, so that a
bucket may hold terabytes; or it is put together from parts and pieces of others.
HTTP is not known here.

Amazon S3 User Guide, "Checking object integrity" (what an ETag is).
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import accumulate
from typing import TYPE_CHECKING, Final, Protocol

from emulator.services.blocks import blocks
from emulator.services.messages import BLOCK_SIZE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

PART_SIZE: Final = 8 * 1024 * 1024
"""From this size on, the AWS CLI uploads in parts of this size (its multipart_threshold and multipart_chunksize)."""

MOST_PARTS: Final = 10_000
"""Parts of one upload; the CLI doubles their size until that is enough."""

LARGEST_OBJECT: Final = 5 * 1024**4
"""Bytes of an object (Amazon S3 User Guide, "Uploading objects", before December 2025)."""

DEFAULT_TYPE: Final = "binary/octet-stream"
"""The Content-Type that S3 gives an object put without one."""


class Content(Protocol):
    """The bytes of an object."""

    @property
    def size(self) -> int:
        """The number of bytes."""

    @property
    def etag(self) -> str:
        """The ETag, without quotes, of an object that has this content from one PUT."""

    def blocks(self, start: int, stop: int) -> Iterator[bytes]:
        """Yield the bytes from ``start`` to ``stop``, block by block."""


class StoredContent:
    """What somebody put."""

    def __init__(self, data: bytes | Sequence[bytes]) -> None:
        """Keep ``data``: bytes, or blocks of which all but the last have `BLOCK_SIZE` bytes."""
        if isinstance(data, bytes):
            data = [data[at : at + BLOCK_SIZE] for at in range(0, len(data), BLOCK_SIZE)]
        self._blocks = tuple(data)
        self.size = sum(map(len, self._blocks))

    @cached_property
    def etag(self) -> str:
        """The MD5."""
        return md5_of(self._blocks)

    def blocks(self, start: int, stop: int) -> Iterator[bytes]:
        """Yield the bytes from ``start`` to ``stop``, block by block."""
        while start < stop:
            number, offset = divmod(start, BLOCK_SIZE)
            block = self._blocks[number][offset : offset + stop - start]
            yield block
            start += len(block)


class GeneratedContent:
    """A size, and the bytes that everybody agrees on."""

    def __init__(self, size: int) -> None:
        """Stand for ``size`` bytes."""
        self.size = size

    def blocks(self, start: int, stop: int) -> Iterator[bytes]:
        """Yield the bytes from ``start`` to ``stop``, block by block."""
        return blocks(start, stop)

    @cached_property
    def etag(self) -> str:
        """The ETag: of a large object, that of an upload in parts, for which two parts are enough to read."""
        if self.size < PART_SIZE:
            return _generated_md5(0, self.size).hex()
        part_size = self.part_size
        # Parts begin where blocks do: all full ones are alike.
        full, rest = divmod(self.size, part_size)
        digests = _generated_md5(0, part_size) * full + (_generated_md5(0, rest) if rest else b"")
        return f"{_md5(digests).hexdigest()}-{full + bool(rest)}"

    @property
    def part_size(self) -> int:
        """Bytes of one part, as the CLI cuts an upload of this size."""
        part_size = PART_SIZE
        while self.size > MOST_PARTS * part_size:
            part_size *= 2
        return part_size

    @property
    def parts(self) -> tuple[int, ...]:
        """The sizes of the parts; none of an object that is small enough for one PUT."""
        if self.size < PART_SIZE:
            return ()
        full, rest = divmod(self.size, self.part_size)
        return (self.part_size,) * full + ((rest,) if rest else ())


class Piece:
    """A part of another content, as UploadPartCopy takes it."""

    def __init__(self, whole: Content, start: int, stop: int) -> None:
        """Stand for the bytes of ``whole`` from ``start`` to ``stop``."""
        self._whole, self._start = whole, start
        self.size = stop - start

    @cached_property
    def etag(self) -> str:
        """The MD5."""
        if isinstance(self._whole, GeneratedContent):  # it repeats itself: pieces of one length are often alike
            return _generated_md5(self._start % BLOCK_SIZE, self.size).hex()
        return md5_of(self.blocks(0, self.size))

    def blocks(self, start: int, stop: int) -> Iterator[bytes]:
        """Yield the bytes from ``start`` to ``stop``, block by block."""
        return self._whole.blocks(self._start + start, self._start + stop)


class Joined:
    """Contents one behind the other."""

    def __init__(self, contents: Sequence[Content]) -> None:
        """Stand for all of ``contents``."""
        self._contents = tuple(contents)
        self._starts = tuple(accumulate((one.size for one in self._contents), initial=0))
        self.size = self._starts[-1]

    @cached_property
    def etag(self) -> str:
        """The MD5 of the whole."""
        return md5_of(self.blocks(0, self.size))

    def blocks(self, start: int, stop: int) -> Iterator[bytes]:
        """Yield the bytes from ``start`` to ``stop``, block by block."""
        while start < stop:
            number = bisect_right(self._starts, start) - 1
            first = self._starts[number]
            end = min(stop, self._starts[number + 1])
            yield from self._contents[number].blocks(start - first, end - first)
            start = end


class UnkeptContent:
    """What somebody put, too large to be kept: its size and its MD5 are known, its bytes are not."""

    def __init__(self, size: int, etag: str) -> None:
        """Stand for ``size`` bytes with this MD5."""
        self.size = size
        self.etag = etag

    def blocks(self, start: int, stop: int) -> Iterator[bytes]:
        """Refuse.

        Raises:
            UnkeptError: always; who would answer with these bytes asks `readable` first.
        """
        raise UnkeptError(f"bytes {start} to {stop} of {self.size} were not kept")


class UnkeptError(LookupError):
    """Bytes were asked for that nobody kept."""


def readable(content: Content) -> bool:
    """Return whether the bytes of a content can be had."""
    if isinstance(content, Joined):
        return all(map(readable, content._contents))  # noqa: SLF001 - of this module
    if isinstance(content, Piece):
        return readable(content._whole)  # noqa: SLF001 - as above
    return not isinstance(content, UnkeptContent)


def md5_of(pieces: Iterable[bytes]) -> str:
    """Return the MD5 of a content, in hexadecimal."""
    digest = _md5()
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()


@lru_cache(maxsize=64)
def _generated_md5(start: int, size: int) -> bytes:
    return bytes.fromhex(md5_of(blocks(start, start + size)))


def _md5(data: bytes = b"") -> hashlib._Hash:
    return hashlib.md5(data, usedforsecurity=False)


def etag_of_parts(etags: Sequence[str]) -> str:
    """Return the ETag of an upload in parts: the MD5 of the parts' MD5s, and their number."""
    return f"{_md5(b''.join(map(bytes.fromhex, etags))).hexdigest()}-{len(etags)}"


@dataclass(frozen=True, slots=True)
class S3Object:
    """An object of a bucket.

    Attributes:
        content: Its bytes.
        last_modified: Nanoseconds since the start of the run.
        content_type: As put.
        metadata: Further headers that come back with it: the user's ``x-amz-meta-...``, and S3's own, as
            ``cache-control``.
        tags: The user's.
        storage_class: As put.
        upload_etag: The ETag of an upload in parts; None where it is the content's own.
        parts: The sizes of the parts it was uploaded in; empty if in one.
        checksums: Beside the ETag: algorithm and value.
        checksum_type: ``FULL_OBJECT``, or ``COMPOSITE`` where they are of the parts' checksums.
    """

    content: Content
    last_modified: int = 0
    content_type: str = DEFAULT_TYPE
    metadata: tuple[tuple[str, str], ...] = ()
    tags: tuple[tuple[str, str], ...] = ()
    storage_class: str = "STANDARD"
    upload_etag: str | None = None
    parts: tuple[int, ...] = ()
    checksums: tuple[tuple[str, str], ...] = ()
    checksum_type: str = "FULL_OBJECT"

    @property
    def etag(self) -> str:
        """The ETag, without quotes."""
        return self.content.etag if self.upload_etag is None else self.upload_etag
