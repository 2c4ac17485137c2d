"""What a client uploads: unwrapped, checked and kept.

An SDK may wrap what it uploads in chunks of its own (``aws-chunked``), with a
checksum behind them, and tells so in headers.  Signatures, of requests and of
chunks, are not verified: nobody here has secrets.

Amazon S3 API Reference, "Signature Calculations for the Authorization Header:
Transferring Payload in Multiple Chunks", and the same "with trailing headers".
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from emulator.services import s3_checksums
from emulator.services.messages import BLOCK_SIZE
from emulator.services.s3_errors import S3Error, entity_too_large, invalid_request, not_implemented
from emulator.services.s3_objects import Content, StoredContent, UnkeptContent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emulator.services.messages import Body, Request

LARGEST_PUT: Final = 5 * 1024**3
"""Bytes of the largest object that one PUT uploads, and of the largest part."""

_HEX_DIGEST: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
_CHUNK_HEAD: Final = re.compile(rb"([0-9a-fA-F]{1,16})(;[^\r\n]*)?")
_LONGEST_LINE: Final = 8192


class AwsChunks:
    """Takes ``aws-chunked`` apart, however it is cut into pieces."""

    def __init__(self) -> None:
        """``trailers`` fills at the end."""
        self.trailers: list[tuple[str, str]] = []
        self._held = b""
        self._left = 0  # of the present chunk
        self._between = True  # at a chunk's head, not in its data
        self._ending = False  # behind the last chunk
        self._over = False

    def take(self, data: bytes) -> Iterator[bytes]:
        """Yield the content in ``data``.

        Raises:
            S3Error: IncompleteBody, if this is no chunk.
        """
        data, self._held = self._held + data, b""
        position = 0
        while position < len(data) and not self._over:
            if not self._between:
                piece = data[position : position + self._left]
                position += len(piece)
                self._left -= len(piece)
                self._between = not self._left
                yield piece
                continue
            end = data.find(b"\r\n", position)
            if end < 0:
                self._held = data[position:]
                if len(self._held) > _LONGEST_LINE:
                    raise incomplete_body()
                return
            self._line(data[position:end])
            position = end + 2

    def end(self) -> None:
        """Nothing more comes.

        Raises:
            S3Error: IncompleteBody, if there should.
        """
        if self._held and self._ending:  # the empty line at the very end may be missing
            self._line(self._held)
        if not self._ending:
            raise incomplete_body()

    def _line(self, line: bytes) -> None:
        if self._ending:
            name, colon, value = line.decode("latin-1").partition(":")
            if colon:
                self.trailers.append((name.strip().lower(), value.strip()))
            else:
                self._over = True
            return
        if not line:  # what ends the data of the chunk before
            return
        match = _CHUNK_HEAD.fullmatch(line)
        if match is None:
            raise incomplete_body()
        self._left = int(match[1], 16)
        self._ending = not self._left
        self._between = self._ending


@dataclass(frozen=True, slots=True)
class Payload:
    """What came: its content, and the checksums that the client gave for it."""

    content: Content
    checksums: tuple[tuple[str, str], ...]


class _Keeper:
    """Collects pieces into blocks, until there is no more room."""

    def __init__(self, room: int) -> None:
        self.size = 0
        self._room = room
        self._blocks: list[bytes] = []
        self._rest = bytearray()

    def take(self, piece: bytes) -> None:
        self.size += len(piece)
        if self.size > self._room:
            self._blocks, self._rest = [], bytearray()
            return
        self._rest += piece
        while len(self._rest) >= BLOCK_SIZE:
            self._blocks.append(bytes(self._rest[:BLOCK_SIZE]))
            del self._rest[:BLOCK_SIZE]

    def content(self, md5: bytes) -> Content:
        if self.size > self._room:
            return UnkeptContent(self.size, md5.hex())
        content = StoredContent([*self._blocks, *([bytes(self._rest)] if self._rest else [])])
        content.etag = md5.hex()  # computed already
        return content


async def receive(request: Request, body: Body, room: int, algorithm: str | None = None) -> Payload:
    """Take an upload.

    Args:
        request: Its head.
        body: What comes.
        room: Bytes that may be kept; of a larger upload only the digests are.
        algorithm: A checksum that the answer tells, whether the client gave it or not.

    Raises:
        S3Error: for what is too large, or is not what the head announced.
    """
    chunks = _unwrapper(request)
    announced = request.header("x-amz-decoded-content-length" if chunks else "content-length")
    _check_size(announced)
    given = s3_checksums.given(request.headers)
    trailer = (request.header("x-amz-trailer") or "").strip().lower().removeprefix(s3_checksums.HEADER)
    _check_algorithms([*given, *([trailer] if trailer else [])])
    digests = {name: s3_checksums.new(name) for name in (*given, trailer, algorithm) if name}
    md5, sha256 = hashlib.md5(usedforsecurity=False), hashlib.sha256()
    stated = request.header("x-amz-content-sha256") or ""
    signed = bool(_HEX_DIGEST.fullmatch(stated))
    keeper = _Keeper(room)
    async for data in body:
        for piece in chunks.take(data) if chunks else (data,):
            keeper.take(piece)
            md5.update(piece)
            if signed:
                sha256.update(piece)
            for digest in digests.values():
                digest.update(piece)
        if keeper.size > LARGEST_PUT:
            raise entity_too_large(keeper.size, LARGEST_PUT)
    if chunks:
        chunks.end()
        given |= s3_checksums.given(chunks.trailers)
        if announced is not None and int(announced) != keeper.size:
            raise incomplete_body()
    computed = {name: s3_checksums.text_of(digest.digest()) for name, digest in digests.items()}
    _check_md5(request.header("content-md5"), md5.digest())
    if signed and sha256.hexdigest() != stated:
        detail = (("ClientComputedContentSHA256", stated), ("S3ComputedContentSHA256", sha256.hexdigest()))
        sentence = "The provided 'x-amz-content-sha256' header does not match what was computed."
        raise S3Error(400, "XAmzContentSHA256Mismatch", sentence, detail)
    for name, value in given.items():
        if computed.get(name) != value:
            sentence = f"The {name.upper()} you specified did not match the calculated checksum."
            raise S3Error(400, "BadDigest", sentence)
    return Payload(keeper.content(md5.digest()), tuple(computed.items()))


def _unwrapper(request: Request) -> AwsChunks | None:
    """Return what takes the client's chunks apart, if there are any."""
    stated = request.header("x-amz-content-sha256") or ""
    if stated.startswith("STREAMING-") or "aws-chunked" in (request.header("content-encoding") or ""):
        if request.header("x-amz-decoded-content-length") is None:
            raise S3Error(411, "MissingContentLength", "You must provide the Content-Length HTTP header.")
        return AwsChunks()
    if request.header("transfer-encoding") is not None:
        raise not_implemented("Header", "Transfer-Encoding")  # S3 wants to know the length beforehand
    return None


def _check_size(announced: str | None) -> None:
    if announced is None:
        return
    if not (announced.isascii() and announced.isdigit()):
        raise S3Error(400, "InvalidArgument", "The length of the content is not a number.")
    if int(announced) > LARGEST_PUT:
        raise entity_too_large(int(announced), LARGEST_PUT)


def _check_algorithms(names: list[str]) -> None:
    for name in names:
        if name not in s3_checksums.ALGORITHMS:
            raise invalid_request(f"The algorithm type you specified in {s3_checksums.HEADER}{name} is invalid.")
    if len(set(names)) > 1:
        raise invalid_request("Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.")


def _check_md5(header: str | None, digest: bytes) -> None:
    if header is None:
        return
    try:
        stated = base64.b64decode(header.strip(), validate=True)
    except ValueError:
        stated = b""
    if len(stated) != len(digest):
        raise S3Error(400, "InvalidDigest", "The Content-MD5 you specified was invalid.")
    if stated != digest:
        raise S3Error(400, "BadDigest", "The Content-MD5 you specified did not match what we received.")


def check_document(request: Request, data: bytes) -> None:
    """Check what comes with a short document, as DeleteObjects is.

    Raises:
        S3Error: BadDigest, if a digest in the head is not the document's.
    """
    _check_md5(request.header("content-md5"), hashlib.md5(data, usedforsecurity=False).digest())
    given = s3_checksums.given(request.headers)
    _check_algorithms(list(given))
    for name, value in given.items():
        if s3_checksums.of(name, [data]) != value:
            raise S3Error(400, "BadDigest", f"The {name.upper()} you specified did not match the calculated checksum.")


def incomplete_body() -> S3Error:
    """Return the refusal of an upload that is not as long as it said."""
    sentence = "You did not provide the number of bytes specified by the Content-Length HTTP header"
    return S3Error(400, "IncompleteBody", sentence)
