"""Buckets and objects, in memory.

An object's content is either what somebody put, or generated: a size and no
bytes, so that a bucket may hold terabytes.  HTTP is not known here.

Amazon S3 User Guide, "Checking object integrity" (what an ETag is).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Final, Protocol

from emulator.services.blocks import blocks
from emulator.services.messages import BLOCK_SIZE
from emulator.services.options import OptionError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emulator.services.options import Options

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
        """The ETag, without quotes."""

    def blocks(self, start: int, stop: int) -> Iterator[bytes]:
        """Yield the bytes from ``start`` to ``stop``, block by block."""


class StoredContent:
    """What somebody put."""

    def __init__(self, data: bytes) -> None:
        """Keep ``data``."""
        self._data = data
        self.size = len(data)
        self.etag = _md5(data).hexdigest()

    def blocks(self, start: int, stop: int) -> Iterator[bytes]:
        """Yield the bytes from ``start`` to ``stop``, block by block."""
        for position in range(start, stop, BLOCK_SIZE):
            yield self._data[position : min(position + BLOCK_SIZE, stop)]


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
            return _generated_md5(self.size).hex()
        part_size = PART_SIZE
        while self.size > MOST_PARTS * part_size:
            part_size *= 2
        # The MD5 of the parts' MD5s and the number of parts.  Parts begin where blocks do: all full ones are alike.
        full, rest = divmod(self.size, part_size)
        digests = _generated_md5(part_size) * full + (_generated_md5(rest) if rest else b"")
        return f"{_md5(digests).hexdigest()}-{full + bool(rest)}"


@lru_cache(maxsize=64)
def _generated_md5(size: int) -> bytes:
    digest = _md5()
    for block in blocks(0, size):
        digest.update(block)
    return digest.digest()


def _md5(data: bytes = b"") -> hashlib._Hash:
    return hashlib.md5(data, usedforsecurity=False)


@dataclass(frozen=True, slots=True)
class S3Object:
    """An object of a bucket; ``last_modified`` is nanoseconds since the start of the run."""

    content: Content
    last_modified: int = 0
    content_type: str = DEFAULT_TYPE
    metadata: tuple[tuple[str, str], ...] = ()


Bucket = dict[str, S3Object]
"""Objects by key."""


def buckets_of(options: Options) -> dict[str, Bucket]:
    """Return the buckets that a document describes.

    Raises:
        OptionError: naming the option that is wrong.
    """
    buckets = {}
    for name, bucket in options.tables().items():
        if "/" in name or not name:
            raise OptionError(f"{options.place}: {name!r} is no bucket name")
        buckets[name] = {key: _object_of(one) for key, one in bucket.table("objects").tables().items()}
        bucket.done("objects")
    return buckets


def _object_of(options: Options) -> S3Object:
    if ("size" in options) is ("content" in options):
        raise OptionError(f"{options.place}: give either size or content")
    content_type = options.text("content_type", DEFAULT_TYPE)
    content: Content
    if "size" in options:
        content = GeneratedContent(options.integer("size", maximum=LARGEST_OBJECT))
    else:
        content = StoredContent(options.text("content").encode())
    options.done("content", "content_type", "size")
    return S3Object(content, content_type=content_type)
