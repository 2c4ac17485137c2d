"""What a request to S3 asks leave for: IAM actions, ARNs and condition keys.

Service Authorization Reference, "Actions, resources, and condition keys for
Amazon S3"; Amazon S3 User Guide, "Required permissions for Amazon S3 API
operations".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from emulator.services.messages import Access, Body, BodyTooLarge, Request
from emulator.services.s3_address import Location, copy_source, locate, operation_of, query_of
from emulator.services.s3_errors import S3Error
from emulator.services.s3_xml import parse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from emulator.services.s3_buckets import Bucket

LARGEST_DOCUMENT: Final = 2 * 1024 * 1024
"""Bytes of a request's XML: 1,000 keys of 1,024 bytes, and what stands around them."""

ACTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    # Operations whose permission has another name than theirs.
    "AbortMultipartUpload": ("s3:AbortMultipartUpload",),
    "CompleteMultipartUpload": ("s3:PutObject",),
    "CopyObject": ("s3:PutObject",),
    "CreateMultipartUpload": ("s3:PutObject",),
    "DeleteBucketTagging": ("s3:PutBucketTagging",),
    "DeleteObjects": ("s3:DeleteObject",),
    "GetObjectAttributes": ("s3:GetObject", "s3:GetObjectAttributes"),
    "HeadBucket": ("s3:ListBucket",),
    "HeadObject": ("s3:GetObject",),
    "ListBuckets": ("s3:ListAllMyBuckets",),
    "ListMultipartUploads": ("s3:ListBucketMultipartUploads",),
    "ListObjects": ("s3:ListBucket",),
    "ListObjectsV2": ("s3:ListBucket",),
    "ListParts": ("s3:ListMultipartUploadParts",),
    "UploadPart": ("s3:PutObject",),
    "UploadPartCopy": ("s3:PutObject",),
}

_LISTING_KEYS: Final = ("prefix", "delimiter", "max-keys")
_HEADER_KEYS: Final = (
    "x-amz-acl",
    "x-amz-copy-source",
    "x-amz-metadata-directive",
    "x-amz-server-side-encryption",
    "x-amz-server-side-encryption-aws-kms-key-id",
    "x-amz-storage-class",
    "x-amz-website-redirect-location",
)


async def accesses_of(
    request: Request, body: Body, buckets: Mapping[str, Bucket], partition: str
) -> tuple[Access, ...]:
    """Return what a request asks leave for; nothing where S3 answers with an error to everyone."""
    location, query = locate(request), query_of(request)
    try:
        operation = operation_of(request, location, query)
        source = copy_source(request) if operation in ("CopyObject", "UploadPartCopy") else None
    except S3Error:
        return ()
    targets = [location]
    if operation == "DeleteObjects":
        targets = [Location(location.bucket, key) for key in await _deleted(body)] or targets
    keys = condition_keys(request, operation, query)
    actions = ACTIONS.get(operation, (f"s3:{operation}",))
    if request.header("x-amz-tagging") is not None and "s3:PutObject" in actions:
        actions = (*actions, "s3:PutObjectTagging")

    def access(action: str, about: Location) -> Access:
        bucket = buckets.get(about.bucket)
        resource = f"arn:{partition}:s3:::{about.path[1:]}" if about.bucket else "*"
        owner_id, policy = (None, None) if bucket is None else (bucket.owner_id, bucket.policy)
        return Access(action, resource, owner_id, policy, keys)

    read = (access("s3:GetObject", source),) if source else ()
    return read + tuple(access(action, target) for target in targets for action in actions)


async def _deleted(body: Body) -> list[str]:
    """Return the keys in a DeleteObjects; none of one that will be refused."""
    try:
        document = parse(await body.peek(LARGEST_DOCUMENT), "Delete")
    except (S3Error, BodyTooLarge):
        return []
    return [key for one in document.all("Object") if (key := one.text("Key"))]


def condition_keys(
    request: Request, operation: str, query: Mapping[str, str]
) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return the condition keys of S3 that a request has."""
    found = []
    if operation in ("ListObjects", "ListObjectsV2"):
        found += [(f"s3:{name}", (query[name],)) for name in _LISTING_KEYS if name in query]
    for name in _HEADER_KEYS:
        value = request.header(name)
        if value is not None:
            found.append((f"s3:{name}", (value,)))
    return tuple(found)
