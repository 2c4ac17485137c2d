"""Operations of S3 on objects.

Amazon S3 API Reference, "GetObject", "PutObject", "CopyObject" and so on.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from emulator.services.messages import BLOCK_SIZE
from emulator.services.s3_address import check_version, copy_source
from emulator.services.s3_bucket_calls import tagging, tags_in
from emulator.services.s3_calls import (
    ENCRYPTION,
    Answer,
    Call,
    check_tags,
    checksum_algorithm,
    copied,
    describe,
    new_object,
    part_number,
    place,
    with_tags,
    xml,
)
from emulator.services.s3_checksums import elements_of, headers_of, of
from emulator.services.s3_conditions import byte_range, check_read, check_write
from emulator.services.s3_errors import S3Error, invalid_argument, invalid_request, no_such_key, precondition_failed
from emulator.services.s3_objects import S3Object, StoredContent, readable
from emulator.services.s3_payload import LARGEST_PUT, receive
from emulator.services.s3_xml import Elements, timestamp

if TYPE_CHECKING:
    from emulator.services.s3_address import Location


def _present(call: Call) -> S3Object:
    check_version(call.query.get("versionId"))
    item = call.bucket.objects.get(call.key)
    if item is None:
        raise no_such_key(call.key)
    return item


async def get_object(call: Call) -> Answer:
    """GetObject and HeadObject: whole, or one range, or one part."""
    item = _present(call)
    if not check_read(call.request, item):
        kept = ("etag", "last-modified", "cache-control", "expires")  # RFC 9110 section 15.4.5
        return Answer(304, b"", tuple(pair for pair in describe(item) if pair[0].lower() in kept))
    size = item.content.size
    headers = list(_overridden(call, describe(item)))
    asked = byte_range(call.header("range"), size)
    if "partNumber" in call.query:
        if call.header("range") is not None:
            raise invalid_request("Cannot specify both Range header and partNumber query parameter")
        asked = _part(part_number(call.query["partNumber"]), item)
        if item.parts:
            headers.append(("x-amz-mp-parts-count", str(len(item.parts))))
    start, stop = asked or (0, size)
    if asked is not None:
        headers.append(("Content-Range", f"bytes {start}-{max(stop - 1, start)}/{size}"))
    if (start, stop) == (0, size) and (call.header("x-amz-checksum-mode") or "").upper() == "ENABLED":
        headers += headers_of(item.checksums, item.checksum_type)
    if call.request.method != "HEAD" and not readable(item.content):
        sentence = "The object was larger than what this service keeps of uploads (its option keep_uploads)"
        raise S3Error(501, "NotImplemented", sentence)
    blocks = item.content.blocks(start, stop) if call.request.method != "HEAD" else ()
    sent = b"".join(blocks) if stop - start <= BLOCK_SIZE else blocks
    return Answer(200 if asked is None else 206, sent, tuple(headers), stop - start)


def _part(number: int, item: S3Object) -> tuple[int, int]:
    parts = item.parts or (item.content.size,)
    if number > len(parts):
        sentence = "The requested partnumber is not satisfiable"
        detail = (("PartNumberRequested", str(number)), ("ActualPartCount", str(len(parts))))
        raise S3Error(416, "InvalidPartNumber", sentence, detail)
    start = sum(parts[: number - 1])
    return start, start + parts[number - 1]


def _overridden(call: Call, headers: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """Return the headers, some of them as the query wants them (``response-content-type``)."""
    wanted = {
        name.removeprefix("response-"): value for name, value in call.query.items() if name.startswith("response-")
    }
    kept = tuple(pair for pair in headers if pair[0].lower() not in wanted)
    return kept + tuple((name.title(), value) for name, value in wanted.items())


async def put_object(call: Call) -> Answer:
    """PutObject."""
    bucket = call.bucket
    check_write(call.request, call.key, bucket.objects.get(call.key))
    item = new_object(call, StoredContent(b""))
    algorithm = checksum_algorithm(call.header("x-amz-sdk-checksum-algorithm"))
    payload = await receive(call.request, call.body, call.store.room, algorithm)
    check_write(call.request, call.key, call.bucket.objects.get(call.key))  # the upload took its time
    call.store.kept(payload.content)
    item = replace(item, content=payload.content, checksums=payload.checksums)
    place(call, call.key, item)
    return Answer(200, b"", (("ETag", f'"{item.etag}"'), ENCRYPTION, *headers_of(item.checksums, item.checksum_type)))


async def delete_object(call: Call) -> Answer:
    """DeleteObject: deleting what is not there succeeds."""
    check_version(call.query.get("versionId"))
    bucket = call.bucket
    present = bucket.objects.get(call.key)
    match = call.header("if-match")
    if match is not None and (present is None or match.strip('"') not in ("*", present.etag)):
        raise no_such_key(call.key) if present is None else precondition_failed("If-Match")
    if present is not None:
        call.store.released(present.content)
        bucket.delete(call.key)
    return Answer(204)


async def copy_object(call: Call) -> Answer:
    """CopyObject: within S3, so that no byte of it travels."""
    source = copy_source(call.request)
    bucket, item = call.bucket, copied(call, source)
    if not check_read(call.request, item, "x-amz-copy-source-"):
        raise precondition_failed("x-amz-copy-source-If-None-Match")
    check_write(call.request, call.key, bucket.objects.get(call.key))
    if item.content.size > LARGEST_PUT:
        sentence = (
            f"The specified copy source is larger than the maximum allowable size for a copy source: {LARGEST_PUT}"
        )
        raise invalid_request(sentence)
    new = _copy_of(call, source, item)
    call.store.kept(new.content)
    place(call, call.key, new)
    elements = [("ETag", f'"{new.etag}"'), ("LastModified", timestamp(new.last_modified)), *elements_of(new.checksums)]
    if new.checksums:
        elements.append(("ChecksumType", new.checksum_type))
    return xml("CopyObjectResult", elements, ENCRYPTION)


def _copy_of(call: Call, source: Location, item: S3Object) -> S3Object:
    described = new_object(call, item.content)
    replaced = _directive(call, "x-amz-metadata-directive") == "REPLACE"
    retagged = _directive(call, "x-amz-tagging-directive") == "REPLACE"
    changed = replaced or any(
        call.header(name)
        for name in ("x-amz-storage-class", "x-amz-website-redirect-location", "x-amz-server-side-encryption")
    )
    if source == call.location and not changed:
        sentence = (
            "This copy request is illegal because it is trying to copy an object to itself without changing the "
            "object's metadata, storage class, website redirect location or encryption attributes."
        )
        raise invalid_request(sentence)
    if not replaced:
        metadata = tuple(pair for pair in item.metadata if pair[0] != "x-amz-website-redirect-location")
        described = replace(described, content_type=item.content_type, metadata=metadata)
    if not retagged:
        described = with_tags(described, item.tags)
    algorithm = checksum_algorithm(call.header("x-amz-checksum-algorithm"))
    checksums = item.checksums if item.checksum_type == "FULL_OBJECT" else ()
    if algorithm is not None and algorithm not in dict(checksums) and readable(item.content):
        checksums = ((algorithm, of(algorithm, item.content.blocks(0, item.content.size))),)
    return replace(described, checksums=checksums)  # from one PUT now: its ETag is the content's


def _directive(call: Call, name: str) -> str:
    value = call.header(name) or "COPY"
    if value not in ("COPY", "REPLACE"):
        raise invalid_argument(name, value, f"Unknown {name.removeprefix('x-amz-').replace('-', ' ')}.")
    return value


async def get_object_attributes(call: Call) -> Answer:
    """GetObjectAttributes."""
    item = _present(call)
    wanted = {name.strip() for name in (call.header("x-amz-object-attributes") or "").split(",")}
    known = {"ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"}
    if not wanted <= known or not wanted:
        raise invalid_argument("x-amz-object-attributes", ",".join(sorted(wanted)), "Invalid attribute name specified.")
    elements: list[tuple[str, str | Elements]] = []
    if "ETag" in wanted:
        elements.append(("ETag", item.etag))
    if "Checksum" in wanted and item.checksums:
        elements.append(("Checksum", [*elements_of(item.checksums), ("ChecksumType", item.checksum_type)]))
    if "ObjectParts" in wanted and item.parts:
        elements.append(("ObjectParts", [("PartsCount", str(len(item.parts)))]))
    if "StorageClass" in wanted:
        elements.append(("StorageClass", item.storage_class))
    if "ObjectSize" in wanted:
        elements.append(("ObjectSize", str(item.content.size)))
    modified = next(value for name, value in describe(item) if name == "Last-Modified")
    return xml("GetObjectAttributesResponse", elements, ("Last-Modified", modified))


async def get_object_tagging(call: Call) -> Answer:
    """GetObjectTagging."""
    return tagging(_present(call).tags)


async def put_object_tagging(call: Call) -> Answer:
    """PutObjectTagging."""
    item = _present(call)
    tags = tags_in(await call.document("Tagging"))
    check_tags(tags, 10)
    call.bucket.put(call.key, with_tags(item, tags))
    return Answer(200)


async def delete_object_tagging(call: Call) -> Answer:
    """DeleteObjectTagging."""
    call.bucket.put(call.key, with_tags(_present(call), ()))
    return Answer(204)
