"""Operations of S3 on uploads in parts.

Amazon S3 User Guide, "Uploading and copying objects using multipart upload";
API Reference, "CompleteMultipartUpload".
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from emulator.services import s3_checksums
from emulator.services.s3_address import copy_source
from emulator.services.s3_buckets import Part, Upload
from emulator.services.s3_calls import (
    ENCRYPTION,
    Answer,
    Call,
    checksum_algorithm,
    copied,
    new_object,
    part_number,
    place,
    xml,
)
from emulator.services.s3_conditions import check_read, check_write, copied_range
from emulator.services.s3_errors import (
    S3Error,
    entity_too_large,
    invalid_request,
    malformed_xml,
    no_such_upload,
    precondition_failed,
)
from emulator.services.s3_listing import owner_of
from emulator.services.s3_objects import MOST_PARTS, Joined, Piece, StoredContent, etag_of_parts, readable
from emulator.services.s3_payload import LARGEST_PUT, receive
from emulator.services.s3_xml import Elements, Node, timestamp

if TYPE_CHECKING:
    from collections.abc import Sequence

    from emulator.services.s3_objects import Content

SMALLEST_PART: Final = 5 * 1024 * 1024
"""Bytes of a part, but for the last."""


async def create_multipart_upload(call: Call) -> Answer:
    """CreateMultipartUpload."""
    bucket, store = call.bucket, call.store
    target = new_object(call, StoredContent(b""))
    algorithm = checksum_algorithm(call.header("x-amz-checksum-algorithm"))
    kind = (call.header("x-amz-checksum-type") or _default_type(algorithm)).upper()
    if algorithm is not None and (kind, algorithm) in (
        (s3_checksums.COMPOSITE, "crc64nvme"),
        (s3_checksums.FULL_OBJECT, "sha1"),
        (s3_checksums.FULL_OBJECT, "sha256"),
    ):
        raise invalid_request(f"The {kind} checksum type cannot be used with the {algorithm} checksum algorithm.")
    store.uploads_begun += 1
    # Opaque, and the same in every run.
    digest = hashlib.sha256(f"{bucket.name}/{call.key}/{store.uploads_begun}".encode("utf-8", "replace"))
    upload = Upload(digest.hexdigest(), call.key, call.request.received_at, target, algorithm, kind)
    bucket.uploads[upload.upload_id] = upload
    headers = [ENCRYPTION]
    if algorithm is not None:
        headers += [("x-amz-checksum-algorithm", algorithm.upper()), ("x-amz-checksum-type", kind)]
    elements = [("Bucket", bucket.name), ("Key", call.key), ("UploadId", upload.upload_id)]
    return xml("InitiateMultipartUploadResult", elements, *headers)


def _default_type(algorithm: str | None) -> str:
    return s3_checksums.FULL_OBJECT if algorithm == "crc64nvme" else s3_checksums.COMPOSITE


def _upload(call: Call) -> Upload:
    upload_id = call.query["uploadId"]
    upload = call.bucket.uploads.get(upload_id)
    if upload is None or upload.key != call.key:
        raise no_such_upload(upload_id)
    return upload


async def upload_part(call: Call) -> Answer:
    """UploadPart; the last of one number counts."""
    upload, number = _upload(call), part_number(call.query.get("partNumber"))
    payload = await receive(call.request, call.body, call.store.room, upload.checksum_algorithm)
    _keep(call, number, Part(payload.content, call.request.received_at, payload.checksums))
    headers = tuple((s3_checksums.HEADER + name, value) for name, value in payload.checksums)
    return Answer(200, b"", (("ETag", f'"{payload.content.etag}"'), ENCRYPTION, *headers))


async def upload_part_copy(call: Call) -> Answer:
    """UploadPartCopy: a part that is there already."""
    upload, number = _upload(call), part_number(call.query.get("partNumber"))
    item = copied(call, copy_source(call.request))
    if not check_read(call.request, item, "x-amz-copy-source-"):
        raise precondition_failed("x-amz-copy-source-If-None-Match")
    start, stop = copied_range(call.header("x-amz-copy-source-range"), item.content.size)
    if stop - start > LARGEST_PUT:
        raise entity_too_large(stop - start, LARGEST_PUT)
    content = Piece(item.content, start, stop)
    checksums: tuple[tuple[str, str], ...] = ()
    if upload.checksum_algorithm is not None and readable(content):
        value = s3_checksums.of(upload.checksum_algorithm, content.blocks(0, content.size))
        checksums = ((upload.checksum_algorithm, value),)
    part = Part(content, call.request.received_at, checksums)
    _keep(call, number, part)
    elements = [("ETag", f'"{content.etag}"'), ("LastModified", timestamp(part.last_modified))]
    return xml("CopyPartResult", [*elements, *s3_checksums.elements_of(checksums)], ENCRYPTION)


def _keep(call: Call, number: int, part: Part) -> None:
    upload = _upload(call)  # it may have ended while the part came
    present = upload.parts.get(number)
    if present is not None:
        call.store.released(present.content)
    call.store.kept(part.content)
    upload.parts[number] = part


async def complete_multipart_upload(call: Call) -> Answer:
    """CompleteMultipartUpload: the parts that the client lists become the object."""
    upload = _upload(call)
    document = await call.document("CompleteMultipartUpload")
    upload = _upload(call)
    numbers = _listed(document, upload)
    parts = [upload.parts[number] for number in numbers]
    for number, part in list(zip(numbers, parts, strict=True))[:-1]:
        if part.content.size < SMALLEST_PART:
            detail = (
                ("ETag", part.content.etag),
                ("MinSizeAllowed", str(SMALLEST_PART)),
                ("PartNumber", str(number)),
                ("ProposedSize", str(part.content.size)),
            )
            sentence = "Your proposed upload is smaller than the minimum allowed size"
            raise S3Error(400, "EntityTooSmall", sentence, detail)
    bucket = call.bucket
    check_write(call.request, call.key, bucket.objects.get(call.key))
    contents = [part.content for part in parts]
    content = contents[0] if len(contents) == 1 else Joined(contents)
    checksums = _checksums(upload, parts, content)
    for name, value in s3_checksums.given(call.request.headers).items():
        if dict(checksums).get(name, value) != value:
            raise S3Error(400, "BadDigest", f"The {name} you specified did not match the calculated checksum.")
    item = replace(
        upload.target,
        content=content,
        last_modified=call.request.received_at,
        upload_etag=etag_of_parts([part.content.etag for part in parts]),
        parts=tuple(one.size for one in contents),
        checksums=checksums,
        checksum_type=upload.checksum_type,
    )
    for number, part in upload.parts.items():
        if number not in numbers:
            call.store.released(part.content)
    del bucket.uploads[upload.upload_id]
    place(call, call.key, item)
    elements = [
        ("Location", f"https://{bucket.name}.s3.{bucket.region}.amazonaws.com/{call.key}"),
        ("Bucket", bucket.name),
        ("Key", call.key),
        ("ETag", f'"{item.etag}"'),
        *s3_checksums.elements_of(checksums),
        *([("ChecksumType", item.checksum_type)] if checksums else []),
    ]
    return xml("CompleteMultipartUploadResult", elements, ENCRYPTION)


def _listed(document: Node, upload: Upload) -> list[int]:
    """Return the numbers of the parts that the client lists."""
    numbers: list[int] = []
    for one in document.all("Part"):
        fields = one.fields()
        number, etag = fields.get("PartNumber", ""), fields.get("ETag", "").strip('"')
        if not (number.isascii() and number.isdigit()) or not etag:
            raise malformed_xml()
        part = upload.parts.get(int(number))
        wrong = part is None or part.content.etag != etag
        for name, value in part.checksums if part is not None else ():
            wrong |= fields.get(f"Checksum{name.upper()}", value) != value
        if wrong:
            sentence = (
                "One or more of the specified parts could not be found.  The part may not have been uploaded, or the "
                "specified entity tag may not match the part's entity tag."
            )
            detail = (("UploadId", upload.upload_id), ("PartNumber", number), ("ETag", etag))
            raise S3Error(400, "InvalidPart", sentence, detail)
        if numbers and int(number) <= numbers[-1]:
            sentence = "The list of parts was not in ascending order. Parts must be ordered by part number."
            raise S3Error(400, "InvalidPartOrder", sentence, (("UploadId", upload.upload_id),))
        numbers.append(int(number))
    if not 0 < len(numbers) <= MOST_PARTS:
        raise malformed_xml()
    return numbers


def _checksums(upload: Upload, parts: Sequence[Part], content: Content) -> tuple[tuple[str, str], ...]:
    algorithm = upload.checksum_algorithm
    if algorithm is None or not readable(content):
        return ()
    if upload.checksum_type == s3_checksums.FULL_OBJECT:
        return ((algorithm, s3_checksums.of(algorithm, content.blocks(0, content.size))),)
    return ((algorithm, s3_checksums.composite(algorithm, [dict(part.checksums)[algorithm] for part in parts])),)


async def abort_multipart_upload(call: Call) -> Answer:
    """AbortMultipartUpload."""
    upload = _upload(call)
    for part in upload.parts.values():
        call.store.released(part.content)
    del call.bucket.uploads[upload.upload_id]
    return Answer(204)


async def list_parts(call: Call) -> Answer:
    """ListParts."""
    upload, bucket = _upload(call), call.bucket
    limit, after = call.number("max-parts", 1000, 1000), call.number("part-number-marker", 0, MOST_PARTS)
    numbers = [number for number in sorted(upload.parts) if number > after]
    shown = numbers[:limit]
    truncated = len(numbers) > len(shown)
    elements: list[tuple[str, str | Elements]] = [
        ("Bucket", bucket.name),
        ("Key", upload.key),
        ("UploadId", upload.upload_id),
        ("Initiator", owner_of(bucket)),
        ("Owner", owner_of(bucket)),
        ("StorageClass", upload.target.storage_class),
        ("PartNumberMarker", str(after)),
        ("NextPartNumberMarker", str(shown[-1] if shown else 0)),
        ("MaxParts", str(limit)),
        ("IsTruncated", "true" if truncated else "false"),
    ]
    if upload.checksum_algorithm is not None:
        elements.append(("ChecksumAlgorithm", upload.checksum_algorithm.upper()))
        elements.append(("ChecksumType", upload.checksum_type))
    for number in shown:
        part = upload.parts[number]
        entry: list[tuple[str, str | Elements]] = [
            ("PartNumber", str(number)),
            ("LastModified", timestamp(part.last_modified)),
            ("ETag", f'"{part.content.etag}"'),
            ("Size", str(part.content.size)),
            *(s3_checksums.elements_of(part.checksums) if upload.checksum_algorithm else ()),
        ]
        elements.append(("Part", entry))
    return xml("ListPartsResult", elements)
