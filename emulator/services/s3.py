"""The application ``s3``: objects over HTTP.

Objects can be read (whole, or one range), written, deleted and listed; buckets
are those of the document.  What else S3 can do is refused by name
(``NotImplemented``), never ignored.  Not modelled is also the rule that a caller
without ``s3:ListBucket`` gets 403 for a missing key: here it is 404 for everyone.

Amazon S3 API Reference, "GetObject", "HeadObject", "PutObject", "DeleteObject",
"ListObjectsV2", "Error responses".
"""

from __future__ import annotations

import base64
import hashlib
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl

from emulator.services.http import date
from emulator.services.messages import BLOCK_SIZE, Access, Body, BodyTooLarge, Request, Response
from emulator.services.s3_address import Location, access_of, locate
from emulator.services.s3_objects import DEFAULT_TYPE, Bucket, Content, S3Object, StoredContent
from emulator.services.s3_xml import S3Error, buckets_xml, error_xml, listing_xml

if TYPE_CHECKING:
    from collections.abc import Mapping

LARGEST_PUT: Final = 5 * 1024**3
"""Bytes of the largest object that one PUT uploads."""

_LIST_QUERIES: Final = (
    "continuation-token",
    "delimiter",
    "encoding-type",
    "fetch-owner",
    "list-type",
    "marker",
    "max-keys",
    "prefix",
    "start-after",
)
_UNMODELLED_HEADERS: Final = (
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-unmodified-since",
    "x-amz-copy-source",
    "x-amz-trailer",
)
_RANGE: Final = re.compile(r"bytes=(\d*)-(\d*)")


class S3:
    """Amazon S3, as seen through an endpoint."""

    def __init__(self, service_name: str, region: str, buckets: Mapping[str, Bucket]) -> None:
        """``buckets`` are what there is at the start."""
        self.region = region
        self.buckets = {name: dict(bucket) for name, bucket in buckets.items()}
        self._seed = service_name
        self._answered = 0

    # ---- Application

    async def accesses(self, request: Request, body: Body) -> tuple[Access, ...]:  # noqa: ARG002 - the head says it
        """Return the request's action and ARN; nothing where S3 has no such method and answers so to everyone."""
        return access_of(request)

    def denial(self, request: Request, sentence: str) -> Response:  # noqa: ARG002 - the same for every request
        """Return 403 AccessDenied with S3's sentence (POL-13, POL-14)."""
        return self._error(S3Error(403, "AccessDenied", sentence))

    async def respond(self, request: Request, body: Body) -> Response:
        """Answer a request."""
        try:
            return await self._operate(request, body, locate(request))
        except S3Error as error:
            return self._error(error)

    # ---- operations

    async def _operate(self, request: Request, body: Body, location: Location) -> Response:
        _refuse_unmodelled(request, location)
        if not location.bucket:
            return self._service(request)
        bucket = self.buckets.get(location.bucket)
        if bucket is None:
            detail = (("BucketName", location.bucket),)
            raise S3Error(404, "NoSuchBucket", "The specified bucket does not exist", detail)
        if not location.key:
            return self._bucket(request, location.bucket, bucket)
        if request.method == "PUT":
            return await self._put(request, body, bucket, location.key)
        return self._object(request, bucket, location.key)

    def _service(self, request: Request) -> Response:
        if request.method != "GET":
            raise _method_not_allowed(request, "SERVICE", "GET")
        return self._answer(200, buckets_xml(self.buckets), ("Content-Type", "application/xml"))

    def _bucket(self, request: Request, name: str, bucket: Bucket) -> Response:
        if request.method == "HEAD":
            return self._answer(200, b"", ("x-amz-bucket-region", self.region))
        if request.method != "GET":  # buckets are the document's
            raise _method_not_allowed(request, "BUCKET", "GET, HEAD")
        return self._answer(200, listing_xml(name, bucket, request.query), ("Content-Type", "application/xml"))

    def _object(self, request: Request, bucket: Bucket, key: str) -> Response:
        if request.method == "DELETE":
            bucket.pop(key, None)  # deleting what is not there succeeds
            return self._answer(204, b"")
        if request.method not in ("GET", "HEAD"):
            raise _method_not_allowed(request, "OBJECT", "GET, HEAD, PUT, DELETE")
        item = bucket.get(key)
        if item is None:
            raise S3Error(404, "NoSuchKey", "The specified key does not exist.", (("Key", key),))
        size = item.content.size
        headers = [
            ("Last-Modified", date(item.last_modified)),
            ("ETag", f'"{item.content.etag}"'),
            ("Accept-Ranges", "bytes"),
            ("Content-Type", item.content_type),
            *item.metadata,
        ]
        asked = byte_range(request.header("range"), size)
        if asked is None:
            return self._content(200, headers, item.content, 0, size)
        start, stop = asked
        headers.append(("Content-Range", f"bytes {start}-{stop - 1}/{size}"))
        return self._content(206, headers, item.content, start, stop)

    async def _put(self, request: Request, body: Body, bucket: Bucket, key: str) -> Response:
        if len(key.encode("utf-8", "replace")) > 1024:
            raise S3Error(400, "KeyTooLongError", "Your key is too long")
        announced = request.header("content-length")
        if announced is not None and int(announced) > LARGEST_PUT:
            raise _too_large(int(announced))
        try:
            data = await body.read(LARGEST_PUT)
        except BodyTooLarge:
            raise _too_large(body.length) from None
        _check_md5(request.header("content-md5"), data)
        content = StoredContent(data)
        metadata = tuple(pair for pair in request.headers if pair[0].startswith("x-amz-meta-"))
        content_type = request.header("content-type") or DEFAULT_TYPE
        bucket[key] = S3Object(content, request.received_at, content_type, metadata)
        return self._answer(200, b"", ("ETag", f'"{content.etag}"'))

    # ---- responses

    def _content(
        self, status: int, headers: list[tuple[str, str]], content: Content, start: int, stop: int
    ) -> Response:
        blocks = content.blocks(start, stop)
        sent = b"".join(blocks) if stop - start <= BLOCK_SIZE else blocks
        return Response(status, (*self._ids(), *headers), sent, stop - start)

    def _answer(self, status: int, content: bytes, *headers: tuple[str, str]) -> Response:
        return Response(status, (*self._ids(), *headers), content)

    def _error(self, error: S3Error) -> Response:
        ids = self._ids()
        content = error_xml(error, request_id=ids[0][1], host_id=ids[1][1])
        return Response(error.status, (*ids, ("Content-Type", "application/xml"), *error.headers), content)

    def _ids(self) -> tuple[tuple[str, str], ...]:
        """Return the headers that identify an answer: random to look at, and counted."""
        self._answered += 1
        digest = hashlib.sha256(f"{self._seed} {self._answered}".encode()).digest()
        request_id = digest[:8].hex().upper()
        host_id = base64.b64encode(digest + digest[8:]).decode()
        return ("x-amz-request-id", request_id), ("x-amz-id-2", host_id), ("Server", "AmazonS3")


def byte_range(header: str | None, size: int) -> tuple[int, int] | None:
    """Return start and stop of the one range asked for; None to send everything.

    A header that is no single range is ignored (RFC 9110 section 14.2; S3 does not serve several at once).

    Raises:
        S3Error: InvalidRange, if no byte of the object is in it.
    """
    match = _RANGE.fullmatch(header.strip()) if header else None
    if match is None or match[0] == "bytes=-":
        return None
    first, last = match.groups()
    if not first:
        start, stop = max(size - int(last), 0), size
    else:
        start, stop = int(first), min(int(last) + 1, size) if last else size
        if last and int(last) < start:
            return None
    if start >= stop:
        detail = (("RangeRequested", str(header)), ("ActualObjectSize", str(size)))
        headers = (("Content-Range", f"bytes */{size}"),)
        raise S3Error(416, "InvalidRange", "The requested range is not satisfiable", detail, headers)
    return start, stop


def _refuse_unmodelled(request: Request, location: Location) -> None:
    """Refuse by name what would otherwise be done differently from what was asked."""
    listing = not location.key and request.method == "GET"
    for name, _ in parse_qsl(request.query, keep_blank_values=True):
        # Signatures (X-Amz-*) and an SDK's name for the operation (x-id) change nothing.
        if not (name.lower().startswith("x-amz-") or name == "x-id" or (listing and name in _LIST_QUERIES)):
            raise _not_implemented("Query", name)
    for name in _UNMODELLED_HEADERS:
        if request.header(name) is not None:
            raise _not_implemented("Header", name)
    if (request.header("x-amz-content-sha256") or "").startswith("STREAMING-"):
        raise _not_implemented("Header", "x-amz-content-sha256")  # its framing would be stored as content


def _not_implemented(kind: str, name: str) -> S3Error:
    sentence = "A header or query you provided implies functionality that is not implemented"
    return S3Error(501, "NotImplemented", sentence, ((kind, name),))


def _method_not_allowed(request: Request, kind: str, allowed: str) -> S3Error:
    return S3Error(
        HTTPStatus.METHOD_NOT_ALLOWED,
        "MethodNotAllowed",
        "The specified method is not allowed against this resource.",
        (("Method", request.method), ("ResourceType", kind)),
        (("Allow", allowed),),
    )


def _too_large(size: int) -> S3Error:
    detail = (("ProposedSize", str(size)), ("MaxSizeAllowed", str(LARGEST_PUT)))
    return S3Error(400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size", detail)


def _check_md5(header: str | None, data: bytes) -> None:
    if header is None:
        return
    digest = hashlib.md5(data, usedforsecurity=False).digest()
    if header.strip() != base64.b64encode(digest).decode():
        raise S3Error(400, "BadDigest", "The Content-MD5 you specified did not match what we received.")
