"""Checksums that clients of S3 send along, and S3 keeps.

Five algorithms, each by its name in headers (``x-amz-checksum-crc32``).  Two of
the CRCs are not in the standard library and are computed from tables here, at a
few megabytes a second.

Amazon S3 User Guide, "Checking object integrity in Amazon S3".
"""

from __future__ import annotations

import base64
import functools
import hashlib
import zlib
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

ALGORITHMS: Final = ("crc32", "crc32c", "crc64nvme", "sha1", "sha256")
"""By their names in headers."""

FULL_OBJECT: Final = "FULL_OBJECT"
COMPOSITE: Final = "COMPOSITE"
"""Of an upload in parts: the checksum of the parts' checksums."""

HEADER: Final = "x-amz-checksum-"
_TYPES: Final = ("x-amz-checksum-type", "x-amz-checksum-mode", "x-amz-checksum-algorithm")


class Digest(Protocol):
    """What the algorithms have in common, and hashlib's."""

    def update(self, data: bytes, /) -> None:
        """Take more."""

    def digest(self) -> bytes:
        """Return the checksum of all that was taken."""


class _Crc32:
    def __init__(self) -> None:
        self._value = 0

    def update(self, data: bytes, /) -> None:
        self._value = zlib.crc32(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(4, "big")


class _ReflectedCrc:
    """A CRC with bits reversed, that begins and ends with all ones: CRC-32C and CRC-64/NVME are such."""

    def __init__(self, polynomial: int, width: int) -> None:
        self._table = _table(polynomial)
        self._mask = (1 << width) - 1
        self._bytes = width // 8
        self._value = self._mask

    def update(self, data: bytes, /) -> None:
        table, value = self._table, self._value
        for byte in data:
            value = table[(value ^ byte) & 0xFF] ^ (value >> 8)
        self._value = value

    def digest(self) -> bytes:
        return (self._value ^ self._mask).to_bytes(self._bytes, "big")


@functools.cache
def _table(polynomial: int) -> tuple[int, ...]:
    table = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = (value >> 1) ^ (polynomial if value & 1 else 0)
        table.append(value)
    return tuple(table)


def new(algorithm: str) -> Digest:
    """Return a fresh checksum of one of :data:`ALGORITHMS`."""
    if algorithm == "crc32":
        return _Crc32()
    if algorithm == "crc32c":
        return _ReflectedCrc(0x82F63B78, 32)  # RFC 3720 section 12.1, reversed
    if algorithm == "crc64nvme":
        return _ReflectedCrc(0x9A6C9329AC4BC9B5, 64)  # NVM Express, "64b CRC", reversed
    return hashlib.new(algorithm, usedforsecurity=False)


def text_of(digest: bytes) -> str:
    """Return a checksum as headers have it."""
    return base64.b64encode(digest).decode()


def of(algorithm: str, blocks: Iterable[bytes]) -> str:
    """Return the checksum of a content, as headers have it."""
    digest = new(algorithm)
    for block in blocks:
        digest.update(block)
    return text_of(digest.digest())


def composite(algorithm: str, parts: Iterable[str]) -> str:
    """Return the checksum of parts' checksums, with their number."""
    decoded = [base64.b64decode(part) for part in parts]
    return f"{of(algorithm, decoded)}-{len(decoded)}"


def given(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return the checksums in headers or trailers, by algorithm, also of names that are none."""
    return {
        name.removeprefix(HEADER): value.strip()
        for name, value in headers
        if name.startswith(HEADER) and name not in _TYPES
    }


def headers_of(checksums: Iterable[tuple[str, str]], kind: str) -> tuple[tuple[str, str], ...]:
    """Return the headers that tell checksums."""
    found = tuple((HEADER + algorithm, value) for algorithm, value in checksums)
    return (*found, (f"{HEADER}type", kind)) if found else ()


def elements_of(checksums: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the XML elements that tell checksums: ``ChecksumCRC32``."""
    return [(f"Checksum{algorithm.upper()}", value) for algorithm, value in checksums]
