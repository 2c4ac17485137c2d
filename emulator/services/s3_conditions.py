"""Conditions and ranges: whether a request is answered, and which bytes of an object it gets.

RFC 9110 sections 13 and 14; Amazon S3 User Guide, "Conditional requests";
API Reference, "GetObject", "PutObject", "CopyObject".
"""

from __future__ import annotations

import re
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final

from emulator.model.epoch import EPOCH_NS
from emulator.services.s3_errors import S3Error, no_such_key, precondition_failed

if TYPE_CHECKING:
    from emulator.services.messages import Request
    from emulator.services.s3_objects import S3Object

_RANGE: Final = re.compile(r"bytes=(\d*)-(\d*)", re.ASCII)


def check_read(request: Request, item: S3Object, prefix: str = "") -> bool:
    """Return whether the client wants the object: False is 304 (or, of a copy's source, 412).

    The order is that of RFC 9110 section 13.2.2.

    Raises:
        S3Error: PreconditionFailed.
    """
    match, none_match = request.header(f"{prefix}if-match"), request.header(f"{prefix}if-none-match")
    unmodified, modified = request.header(f"{prefix}if-unmodified-since"), request.header(f"{prefix}if-modified-since")
    changed_at = (EPOCH_NS + item.last_modified) // 1_000_000_000
    if match is not None:
        if not _names(match, item.etag):
            raise precondition_failed(f"{prefix}If-Match")
    elif (moment := _seconds(unmodified)) is not None and changed_at > moment:
        raise precondition_failed(f"{prefix}If-Unmodified-Since")
    if none_match is not None:
        return not _names(none_match, item.etag)
    return (moment := _seconds(modified)) is None or changed_at > moment


def check_write(request: Request, key: str, present: S3Object | None) -> None:
    """Refuse a write whose condition does not hold.

    Raises:
        S3Error: PreconditionFailed; NoSuchKey where a certain object is to be replaced and there is none.
    """
    match, none_match = request.header("if-match"), request.header("if-none-match")
    if none_match is not None:
        if none_match.strip() != "*":  # S3 has nothing else for writes
            detail = (("Header", "If-None-Match"), ("additionalMessage", "We don't accept the provided value"))
            sentence = "A header you provided implies functionality that is not implemented"
            raise S3Error(501, "NotImplemented", sentence, detail)
        if present is not None:
            raise precondition_failed("If-None-Match")
    if match is not None:
        if present is None:
            raise no_such_key(key)
        if not _names(match, present.etag):
            raise precondition_failed("If-Match")


def _names(header: str, etag: str) -> bool:
    tags = [tag.strip().removeprefix("W/").strip('"') for tag in header.split(",")]
    return "*" in tags or etag in tags


def _seconds(header: str | None) -> int | None:
    """Return an HTTP date in seconds since 1970; None for what is none (RFC 9110 section 13.1.3)."""
    try:
        return None if header is None else int(parsedate_to_datetime(header).timestamp())
    except ValueError:
        return None


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


def copied_range(header: str | None, size: int) -> tuple[int, int]:
    """Return start and stop of the bytes that UploadPartCopy takes; all without a header.

    Raises:
        S3Error: InvalidArgument, InvalidRange.
    """
    if header is None:
        return 0, size
    match = _RANGE.fullmatch(header.strip())
    if match is None or not match[1] or not match[2]:
        detail = (("ArgumentName", "x-amz-copy-source-range"), ("ArgumentValue", header))
        sentence = (
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the "
            "zero-based offsets of the first and last bytes to copy"
        )
        raise S3Error(400, "InvalidArgument", sentence, detail)
    start, last = int(match[1]), int(match[2])
    if start > last or last >= size:
        sentence = "The specified copy range is invalid for the source object size"
        raise S3Error(400, "InvalidRequest", sentence)
    return start, last + 1
