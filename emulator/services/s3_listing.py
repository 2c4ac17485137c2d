"""Listings of keys: objects, and uploads that have begun.

Amazon S3 API Reference, "ListObjectsV2", "ListObjects", "ListMultipartUploads".
"""

from __future__ import annotations

import base64
from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from emulator.services.s3_calls import Answer, Call, url, xml
from emulator.services.s3_errors import invalid_argument
from emulator.services.s3_xml import timestamp

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from emulator.services.s3_buckets import Bucket
    from emulator.services.s3_xml import Elements

MOST_KEYS: Final = 1000
OWNER: Final = "75aa57f09aa0c8caeab4f8c24e99d10f8e7faeebf76c078efc7c6caea54ba06a"
"""EMU: the canonical id of an owner that the document does not name."""


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of keys: those under the prefix, rolled up at the delimiter."""

    keys: tuple[str, ...]
    common_prefixes: tuple[str, ...]
    next_after: str | None
    """The last name of the page, if there are more."""


def list_keys(keys: Sequence[str], prefix: str, delimiter: str, after: str, limit: int) -> Listing:
    """Return the first ``limit`` names behind ``after``, of ``keys`` in order."""
    names: dict[str, bool] = {}  # True for a common prefix
    position = bisect_left(keys, max(prefix, after))
    while position < len(keys) and (key := keys[position]).startswith(prefix):
        position += 1
        cut = key.find(delimiter, len(prefix)) if delimiter else -1
        name = key if cut < 0 else key[: cut + len(delimiter)]
        if key <= after or name == after or name in names:  # the last page ended with this common prefix
            continue
        if len(names) == limit:
            return _page(names, more=bool(limit))
        names[name] = cut >= 0
    return _page(names, more=False)


def _page(names: dict[str, bool], *, more: bool) -> Listing:
    keys = tuple(name for name, rolled_up in names.items() if not rolled_up)
    prefixes = tuple(name for name, rolled_up in names.items() if rolled_up)
    return Listing(keys, prefixes, next(reversed(names), None) if more else None)


async def list_objects(call: Call) -> Answer:
    """ListObjects."""
    limit, marker, delimiter = call.number("max-keys", MOST_KEYS, MOST_KEYS), *_texts(call, "marker", "delimiter")
    name = _naming(call)
    bucket = call.bucket
    page = list_keys(bucket.keys, call.query.get("prefix", ""), delimiter, marker, limit)
    own = [("Marker", name(marker))]
    if page.next_after is not None and delimiter:
        own.append(("NextMarker", name(page.next_after)))
    return _listing(call, page, limit, own, owner=True)


async def list_objects_v2(call: Call) -> Answer:
    """ListObjectsV2."""
    limit, delimiter = call.number("max-keys", MOST_KEYS, MOST_KEYS), call.query.get("delimiter", "")
    token, start = call.query.get("continuation-token"), call.query.get("start-after", "")
    page = list_keys(
        call.bucket.keys, call.query.get("prefix", ""), delimiter, start if token is None else _key_in(token), limit
    )
    own = [("KeyCount", str(len(page.keys) + len(page.common_prefixes)))]
    if token is not None:
        own.append(("ContinuationToken", token))
    if start:
        own.append(("StartAfter", _naming(call)(start)))
    if page.next_after is not None:
        own.append(("NextContinuationToken", _token(page.next_after)))
    return _listing(call, page, limit, own, owner=call.query.get("fetch-owner") == "true")


def _listing(call: Call, page: Listing, limit: int, own: list[tuple[str, str]], *, owner: bool) -> Answer:
    name, bucket = _naming(call), call.bucket
    elements: list[tuple[str, str | Elements]] = [
        ("Name", bucket.name),
        ("Prefix", name(call.query.get("prefix", ""))),
        ("MaxKeys", str(limit)),
        *_common(call, name),
        ("IsTruncated", "false" if page.next_after is None else "true"),
        *own,
    ]
    elements += [("Contents", _entry(name(key), key, bucket, owner=owner)) for key in page.keys]
    elements += [("CommonPrefixes", [("Prefix", name(one))]) for one in page.common_prefixes]
    return xml("ListBucketResult", elements)


def _entry(shown: str, key: str, bucket: Bucket, *, owner: bool) -> Elements:
    item = bucket.objects[key]
    elements: list[tuple[str, str | Elements]] = [
        ("Key", shown),
        ("LastModified", timestamp(item.last_modified)),
        ("ETag", f'"{item.etag}"'),
    ]
    if item.checksums:
        elements += [("ChecksumAlgorithm", algorithm.upper()) for algorithm, _ in item.checksums]
        elements.append(("ChecksumType", item.checksum_type))
    elements += [("Size", str(item.content.size)), ("StorageClass", item.storage_class)]
    if owner:
        elements.append(("Owner", owner_of(bucket)))
    return elements


def owner_of(bucket: Bucket) -> Elements:
    """Return the owner as S3 writes it; EMU: an account's canonical id is its number."""
    return [("ID", bucket.owner_id or OWNER)]


async def list_multipart_uploads(call: Call) -> Answer:
    """ListMultipartUploads."""
    limit = call.number("max-uploads", MOST_KEYS, MOST_KEYS, least=1)
    prefix, delimiter = _texts(call, "prefix", "delimiter")
    marker, upload_marker = _texts(call, "key-marker", "upload-id-marker")
    name, bucket = _naming(call), call.bucket
    uploads = sorted(bucket.uploads.values(), key=lambda one: (one.key, one.initiated_at, one.upload_id))
    order = {one.upload_id: place for place, one in enumerate(uploads)}
    shown: list[tuple[str, Elements]] = []
    prefixes: list[str] = []
    last = ("", "")
    truncated = False
    for one in uploads:
        if not one.key.startswith(prefix) or one.key < marker:
            continue
        if one.key == marker and order[one.upload_id] <= order.get(upload_marker, len(order)):
            continue
        cut = one.key.find(delimiter, len(prefix)) if delimiter else -1
        rolled = one.key[: cut + len(delimiter)] if cut >= 0 else ""
        if rolled and (rolled in prefixes or rolled == marker):
            continue
        if len(shown) + len(prefixes) == limit:
            truncated = True
            break
        last = (rolled, "") if rolled else (one.key, one.upload_id)
        if rolled:
            prefixes.append(rolled)
            continue
        entry: list[tuple[str, str | Elements]] = [
            ("Key", name(one.key)),
            ("UploadId", one.upload_id),
            ("Initiator", owner_of(bucket)),
            ("Owner", owner_of(bucket)),
            ("StorageClass", one.target.storage_class),
            ("Initiated", timestamp(one.initiated_at)),
        ]
        shown.append(("Upload", entry))
    elements: list[tuple[str, str | Elements]] = [
        ("Bucket", bucket.name),
        ("KeyMarker", name(marker)),
        ("UploadIdMarker", upload_marker),
        *([("NextKeyMarker", name(last[0])), ("NextUploadIdMarker", last[1])] if truncated else []),
        ("Prefix", name(prefix)),
        *_common(call, name),
        ("MaxUploads", str(limit)),
        ("IsTruncated", "true" if truncated else "false"),
        *shown,
        *(("CommonPrefixes", [("Prefix", name(one))]) for one in prefixes),
    ]
    return xml("ListMultipartUploadsResult", elements)


def _texts(call: Call, first: str, second: str) -> tuple[str, str]:
    return call.query.get(first, ""), call.query.get(second, "")


def _common(call: Call, name: Callable[[str], str]) -> list[tuple[str, str]]:
    elements = [("Delimiter", name(call.query["delimiter"]))] if call.query.get("delimiter") else []
    return elements + ([("EncodingType", "url")] if "encoding-type" in call.query else [])


def _naming(call: Call) -> Callable[[str], str]:
    """Return how this answer writes keys.

    Raises:
        S3Error: InvalidArgument.
    """
    encoding = call.query.get("encoding-type")
    if encoding not in (None, "url"):
        raise invalid_argument("encoding-type", encoding or "", "Invalid Encoding Method specified in Request")
    return str if encoding is None else url


def _token(name: str) -> str:
    """EMU: a continuation token is the last name, in Base64, where S3's is opaque."""
    return base64.urlsafe_b64encode(name.encode()).decode()


def _key_in(token: str) -> str:
    try:
        return base64.b64decode(token.encode(), altchars=b"-_", validate=True).decode()
    except ValueError:
        raise invalid_argument("continuation-token", token, "The continuation token provided is incorrect") from None
