"""S3's XML: errors and listings.

Amazon S3 API Reference, "Error responses", "ListObjectsV2" and "ListBuckets".
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, quote
from xml.sax.saxutils import escape

from emulator.model.epoch import EPOCH_NS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from emulator.services.s3_objects import Bucket

_HEADER: Final = '<?xml version="1.0" encoding="UTF-8"?>\n'
_NAMESPACE: Final = "http://s3.amazonaws.com/doc/2006-03-01/"
_MOST_KEYS: Final = 1000


@dataclass(eq=False)
class S3Error(Exception):
    """An answer that is an error: ``detail`` are the elements that go with this code."""

    status: int
    code: str
    message: str
    detail: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()


def error_xml(error: S3Error, request_id: str, host_id: str) -> bytes:
    """Return the body of an error."""
    elements = [("Code", error.code), ("Message", error.message), *error.detail]
    elements += [("RequestId", request_id), ("HostId", host_id)]
    return (_HEADER + f"<Error>{_elements(elements)}</Error>").encode("utf-8", "replace")


def buckets_xml(names: Iterable[str]) -> bytes:
    """Return the answer to ListBuckets; all buckets are as old as the run."""
    buckets = "".join(
        f"<Bucket>{_elements([('Name', name), ('CreationDate', timestamp(0))])}</Bucket>" for name in sorted(names)
    )
    return (
        _HEADER + f'<ListAllMyBucketsResult xmlns="{_NAMESPACE}"><Buckets>{buckets}</Buckets></ListAllMyBucketsResult>'
    ).encode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of a bucket's keys: those under the prefix, rolled up at the delimiter."""

    keys: tuple[str, ...]
    common_prefixes: tuple[str, ...]
    next_after: str | None
    """The last name of the page, if there are more."""


def list_keys(keys: Iterable[str], prefix: str, delimiter: str, after: str, limit: int) -> Listing:
    """Return the first ``limit`` names behind ``after``, in S3's order, which is that of the code points."""
    names: dict[str, bool] = {}  # True for a common prefix
    for key in sorted(keys):
        if key <= after or not key.startswith(prefix):
            continue
        cut = key.find(delimiter, len(prefix)) if delimiter else -1
        name = key if cut < 0 else key[: cut + len(delimiter)]
        if name == after or name in names:  # the last page ended with this common prefix
            continue
        if len(names) == limit:
            return _page(names, more=True)
        names[name] = cut >= 0
    return _page(names, more=False)


def _page(names: dict[str, bool], *, more: bool) -> Listing:
    keys = tuple(name for name, rolled_up in names.items() if not rolled_up)
    prefixes = tuple(name for name, rolled_up in names.items() if rolled_up)
    return Listing(keys, prefixes, next(reversed(names), None) if more else None)


def listing_xml(bucket_name: str, bucket: Bucket, query: str) -> bytes:
    """Return the answer to ListObjectsV2, or to ListObjects if the query does not say ``list-type=2``.

    Raises:
        S3Error: for a query that makes no sense.
    """
    asked = {name: values[-1] for name, values in parse_qs(query, keep_blank_values=True).items()}
    second = asked.get("list-type") == "2"
    limit = _limit(asked.get("max-keys", str(_MOST_KEYS)))
    prefix, delimiter = asked.get("prefix", ""), asked.get("delimiter", "")
    after = (asked.get("continuation-token") or asked.get("start-after", "")) if second else asked.get("marker", "")
    page = list_keys(bucket, prefix, delimiter, after, limit)
    url = asked.get("encoding-type") == "url"

    def name(text: str) -> str:
        return quote(text, safe="/") if url else text

    elements = [("Name", bucket_name), ("Prefix", name(prefix)), ("MaxKeys", str(limit))]
    elements += [("Delimiter", name(delimiter))] if delimiter else []
    elements += [("EncodingType", "url")] if url else []
    elements += [("IsTruncated", "false" if page.next_after is None else "true")]
    if second:
        elements.append(("KeyCount", str(len(page.keys) + len(page.common_prefixes))))
        # EMU: the token is the last name itself, where S3's is opaque.
        elements += [("NextContinuationToken", page.next_after)] if page.next_after is not None else []
    else:
        elements.append(("Marker", name(after)))
        elements += [("NextMarker", name(page.next_after))] if page.next_after is not None and delimiter else []
    contents = "".join(f"<Contents>{_elements(_entry(name(key), key, bucket))}</Contents>" for key in page.keys)
    prefixes = "".join(
        f"<CommonPrefixes>{_elements([('Prefix', name(one))])}</CommonPrefixes>" for one in page.common_prefixes
    )
    return (
        _HEADER + f'<ListBucketResult xmlns="{_NAMESPACE}">{_elements(elements)}{contents}{prefixes}</ListBucketResult>'
    ).encode("utf-8", "replace")


def _entry(shown: str, key: str, bucket: Bucket) -> list[tuple[str, str]]:
    item = bucket[key]
    return [
        ("Key", shown),
        ("LastModified", timestamp(item.last_modified)),
        ("ETag", f'"{item.content.etag}"'),
        ("Size", str(item.content.size)),
        ("StorageClass", "STANDARD"),
    ]


def _limit(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        detail = (("ArgumentName", "max-keys"), ("ArgumentValue", text))
        raise S3Error(400, "InvalidArgument", "Provided max-keys not an integer or within integer range", detail)
    return min(int(text), _MOST_KEYS)


def timestamp(now: int) -> str:
    """Return an instant of the run as S3's XML writes it."""
    moment = datetime.fromtimestamp((EPOCH_NS + now) // 1_000_000_000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{now // 1_000_000 % 1000:03d}Z"


def _elements(pairs: Iterable[tuple[str, str]]) -> str:
    return "".join(f"<{name}>{escape(value)}</{name}>" for name, value in pairs)
