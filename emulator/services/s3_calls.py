"""One request to S3, as its operations see it, and what they answer.

Amazon S3 API Reference, "Common request headers", "Common response headers".
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, quote

from emulator.services.http import date
from emulator.services.messages import Body, BodyTooLarge, Request
from emulator.services.s3_actions import LARGEST_DOCUMENT
from emulator.services.s3_buckets import Bucket
from emulator.services.s3_errors import S3Error, invalid_argument, invalid_request, malformed_xml, not_implemented
from emulator.services.s3_objects import DEFAULT_TYPE, Content, S3Object, readable
from emulator.services.s3_xml import Elements, Node, document, parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from emulator.services.s3_address import Location

NO_POLICY: Final = "NoSuchBucketPolicy"
_STORAGE_CLASSES: Final = (
    "STANDARD",
    "REDUCED_REDUNDANCY",
    "STANDARD_IA",
    "ONEZONE_IA",
    "INTELLIGENT_TIERING",
    "GLACIER_IR",
)
"""Those whose objects are read at once; others wait in an archive first, which is not modelled."""

SYSTEM_METADATA: Final = (
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "expires",
    "x-amz-website-redirect-location",
)
_MOST_METADATA: Final = 2048
_UNMODELLED_HEADERS: Final = (
    "x-amz-bucket-object-lock-enabled",
    "x-amz-grant-full-control",
    "x-amz-grant-read",
    "x-amz-grant-read-acp",
    "x-amz-grant-write-acp",
    "x-amz-mfa",
    "x-amz-object-lock-legal-hold",
    "x-amz-object-lock-mode",
    "x-amz-server-side-encryption-customer-algorithm",
    "x-amz-copy-source-server-side-encryption-customer-algorithm",
    "x-amz-write-offset-bytes",
)
ENCRYPTION: Final = ("x-amz-server-side-encryption", "AES256")
"""What every object has since January 2023."""


class Store:
    """What one S3 keeps: the buckets, and how much of uploads.

    Attributes:
        region: The Region it is in.
        buckets: By name, those of other Regions too as far as they are known.
        room: Bytes of uploads that may still be kept.
    """

    def __init__(self, region: str, buckets: Mapping[str, Bucket | Mapping[str, S3Object]], room: int) -> None:
        """Begin with these ``buckets``; objects alone stand for a bucket of this Region."""
        self.region = region
        self.buckets: dict[str, Bucket] = {}
        for name, bucket in buckets.items():
            if not isinstance(bucket, Bucket):
                objects, bucket = bucket, Bucket(name, region)  # noqa: PLW2901 - the same bucket, made whole
                bucket.fill(objects)
            self.buckets[name] = bucket
        self.room = room
        self.uploads_begun = 0

    def bucket(self, name: str) -> Bucket:
        """Return a bucket of this Region.

        Raises:
            S3Error: NoSuchBucket, PermanentRedirect.
        """
        bucket = self.buckets.get(name)
        if bucket is None:
            raise S3Error(404, "NoSuchBucket", "The specified bucket does not exist", (("BucketName", name),))
        if bucket.region != self.region:
            sentence = (
                "The bucket you are attempting to access must be addressed using the specified endpoint. "
                "Please send all future requests to this endpoint."
            )
            detail = (("Endpoint", f"{name}.s3.{bucket.region}.amazonaws.com"), ("Bucket", name))
            raise S3Error(301, "PermanentRedirect", sentence, detail, (("x-amz-bucket-region", bucket.region),))
        return bucket

    def kept(self, content: Content) -> None:
        """Count what somebody put."""
        if readable(content):
            self.room -= content.size

    def released(self, content: Content) -> None:
        """Count what is no more."""
        if readable(content):
            self.room += content.size


@dataclass(frozen=True, slots=True)
class Answer:
    """What an operation answers, but for the headers of every answer."""

    status: int = 200
    content: bytes | Iterable[bytes] = b""
    headers: tuple[tuple[str, str], ...] = ()
    length: int | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """One request: what it is about, and the query without signatures."""

    store: Store
    request: Request
    body: Body
    location: Location
    query: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The object's key."""
        return self.location.key

    @property
    def bucket(self) -> Bucket:
        """The bucket; see `Store.bucket`."""
        return self.store.bucket(self.location.bucket)

    def header(self, name: str) -> str | None:
        """Return a header of the request, or None."""
        return self.request.header(name)

    async def document(self, root: str) -> Node:
        """Return the XML document that came.

        Raises:
            S3Error: MalformedXML.
        """
        return parse(await self.data(), root)

    async def data(self) -> bytes:
        """Return a short content whole.

        Raises:
            S3Error: MalformedXML, if it is too long.
        """
        try:
            return await self.body.read(LARGEST_DOCUMENT)
        except BodyTooLarge:
            raise malformed_xml() from None

    def number(self, name: str, default: int, most: int, *, least: int = 0) -> int:
        """Return a number of the query, cut off at ``most``.

        Raises:
            S3Error: InvalidArgument.
        """
        text = self.query.get(name)
        if not text:
            return default
        if not (text.isascii() and text.isdigit()) or not least <= int(text) <= 2**31 - 1:
            raise invalid_argument(name, text, f"Provided {name} not an integer or within integer range")
        return min(int(text), most)


def xml(root: str, elements: str | Elements, *headers: tuple[str, str]) -> Answer:
    """Return an answer that is a document."""
    return Answer(200, document(root, elements), (("Content-Type", "application/xml"), *headers))


def new_object(call: Call, content: Content) -> S3Object:
    """Return the object that the headers of an upload describe.

    Raises:
        S3Error: for what they say and S3 refuses.
    """
    check_headers(call)
    metadata = [(name, value) for name, value in call.request.headers if name.startswith("x-amz-meta-")]
    if sum(len(name) - len("x-amz-meta-") + len(value) for name, value in metadata) > _MOST_METADATA:
        sentence = "Your metadata headers exceed the maximum allowed metadata size"
        raise S3Error(400, "MetadataTooLarge", sentence, (("MaxSizeAllowed", str(_MOST_METADATA)),))
    for name in SYSTEM_METADATA:
        value = call.header(name)
        if name == "content-encoding" and value is not None:  # aws-chunked is the way here, not the object's
            value = ",".join(one for one in re.split(r"\s*,\s*", value) if one != "aws-chunked")
        if value:
            metadata.append((name, value))
    storage_class = call.header("x-amz-storage-class") or "STANDARD"
    if storage_class not in _STORAGE_CLASSES:
        raise S3Error(400, "InvalidStorageClass", "The storage class you specified is not valid")
    encryption = call.header(ENCRYPTION[0])
    if encryption not in (None, ENCRYPTION[1]):
        raise not_implemented("Header", ENCRYPTION[0])
    return S3Object(
        content,
        call.request.received_at,
        call.header("content-type") or DEFAULT_TYPE,
        tuple(metadata),
        tags_of(call.header("x-amz-tagging")),
        storage_class,
    )


def check_headers(call: Call) -> None:
    """Refuse by name what would otherwise be done differently from what was asked.

    Raises:
        S3Error: NotImplemented, AccessControlListNotSupported, KeyTooLongError.
    """
    for name in _UNMODELLED_HEADERS:
        if call.header(name) is not None:
            raise not_implemented("Header", name)
    if call.header("x-amz-acl") not in (None, "private", "bucket-owner-full-control"):
        # Buckets made since April 2023 have no lists, unless somebody turns them on.
        raise S3Error(400, "AccessControlListNotSupported", "The bucket does not allow ACLs")
    if len(call.key.encode("utf-8", "replace")) > 1024:
        raise S3Error(400, "KeyTooLongError", "Your key is too long")


def tags_of(header: str | None) -> tuple[tuple[str, str], ...]:
    """Return the tags of ``x-amz-tagging``, which is written as a query.

    Raises:
        S3Error: InvalidTag, InvalidArgument.
    """
    tags = tuple(parse_qsl(header or "", keep_blank_values=True))
    if header and not tags:
        sentence = "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters"
        raise invalid_argument("x-amz-tagging", header, sentence)
    check_tags(tags, 10)
    return tags


def check_tags(tags: tuple[tuple[str, str], ...], most: int) -> None:
    """Refuse tags.

    Raises:
        S3Error: InvalidTag, BadRequest.
    """
    if len(tags) > most:
        kind = "Object" if most == 10 else "Bucket"
        raise S3Error(400, "BadRequest", f"{kind} tags cannot be greater than {most}")
    if len({name for name, _ in tags}) < len(tags):
        raise S3Error(400, "InvalidTag", "Cannot provide multiple Tags with the same key")
    for name, value in tags:
        if not name or len(name) > 128:
            raise S3Error(400, "InvalidTag", "The TagKey you have provided is invalid")
        if len(value) > 256:
            raise S3Error(400, "InvalidTag", "The TagValue you have provided is invalid")


def describe(item: S3Object) -> tuple[tuple[str, str], ...]:
    """Return the headers that describe an object."""
    headers = [
        ("Last-Modified", date(item.last_modified)),
        ("ETag", f'"{item.etag}"'),
        ("Accept-Ranges", "bytes"),
        ("Content-Type", item.content_type),
        ENCRYPTION,
        *item.metadata,
    ]
    if item.storage_class != "STANDARD":
        headers.append(("x-amz-storage-class", item.storage_class))
    if item.tags:
        headers.append(("x-amz-tagging-count", str(len(item.tags))))
    return tuple(headers)


def place(call: Call, key: str, item: S3Object) -> None:
    """Put an object where another may have been, and keep count."""
    bucket = call.bucket
    present = bucket.objects.get(key)
    if present is not None:
        call.store.released(present.content)
    bucket.put(key, item)


def copied(call: Call, source: Location) -> S3Object:
    """Return the object that a copy is made of.

    Raises:
        S3Error: AccessDenied for a copy from another Region that comes through an endpoint; NoSuchBucket, NoSuchKey.
    """
    bucket = call.store.buckets.get(source.bucket)
    if bucket is None:
        raise S3Error(404, "NoSuchBucket", "The specified bucket does not exist", (("BucketName", source.bucket),))
    if bucket.region != call.store.region and call.request.provenance.vpc_endpoint_id is not None:
        raise S3Error(403, "AccessDenied", "VPC endpoints do not support cross-region requests")
    item = bucket.objects.get(source.key)
    if item is None:
        raise S3Error(404, "NoSuchKey", "The specified key does not exist.", (("Key", source.key),))
    return item


def part_number(text: str | None) -> int:
    """Return the number of a part.

    Raises:
        S3Error: InvalidArgument.
    """
    if text is None or not (text.isascii() and text.isdigit()) or not 1 <= int(text) <= 10_000:
        sentence = "Part number must be an integer between 1 and 10000, inclusive"
        raise invalid_argument("partNumber", text or "", sentence)
    return int(text)


def checksum_algorithm(text: str | None) -> str | None:
    """Return the algorithm that a header names in capitals, as ours are written.

    Raises:
        S3Error: InvalidRequest.
    """
    if text is None:
        return None
    if text.upper() not in ("CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"):
        raise invalid_request(
            "Checksum algorithm provided is unsupported. Please try again with any of the valid types"
        )
    return text.lower()


def with_tags(item: S3Object, tags: tuple[tuple[str, str], ...]) -> S3Object:
    """Return an object with other tags; they do not change it otherwise."""
    return replace(item, tags=tags)


def url(text: str) -> str:
    """Return a key as ``encoding-type=url`` has it."""
    return quote(text, safe="/*-._")
