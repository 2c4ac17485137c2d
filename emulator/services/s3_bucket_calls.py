"""Operations of S3 on buckets, their policies and tags.

Amazon S3 API Reference, "CreateBucket", "DeleteBucket", "DeleteObjects",
"PutBucketPolicy" and so on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from emulator.policies import PolicyError, PolicyKind, read_policy
from emulator.services.s3_buckets import Bucket, is_bucket_name
from emulator.services.s3_calls import Answer, Call, check_headers, check_tags, xml
from emulator.services.s3_checksums import HEADER
from emulator.services.s3_errors import S3Error, invalid_request, malformed_xml
from emulator.services.s3_listing import OWNER
from emulator.services.s3_payload import check_document
from emulator.services.s3_xml import Elements, Node, parse, timestamp

if TYPE_CHECKING:
    from emulator.services.messages import Request

MOST_DELETED = 1000
"""Keys of one DeleteObjects."""
_US_EAST_1 = "us-east-1"


async def list_buckets(call: Call) -> Answer:
    """ListBuckets: also those of other Regions that are known."""
    prefix, region = call.query.get("prefix", ""), call.query.get("bucket-region")
    limit = call.number("max-buckets", 10_000, 10_000, least=1)
    after = call.query.get("continuation-token", "")
    names = [
        name
        for name, bucket in sorted(call.store.buckets.items())
        if name.startswith(prefix) and name > after and region in (None, bucket.region)
    ]
    shown = []
    for name in names[:limit]:
        bucket = call.store.buckets[name]
        created = timestamp(bucket.created_at)
        shown.append(("Bucket", [("Name", name), ("CreationDate", created), ("BucketRegion", bucket.region)]))
    elements: list[tuple[str, str | Elements]] = [("Owner", [("ID", OWNER)]), ("Buckets", shown)]
    if len(names) > limit:
        elements.append(("ContinuationToken", names[limit - 1]))  # EMU: the last name itself; S3's is opaque
    if prefix:
        elements.append(("Prefix", prefix))
    return xml("ListAllMyBucketsResult", elements)


async def create_bucket(call: Call) -> Answer:
    """CreateBucket, in the Region of the endpoint."""
    name, store = call.location.bucket, call.store
    check_headers(call)
    if not is_bucket_name(name):
        raise S3Error(400, "InvalidBucketName", "The specified bucket is not valid.", (("BucketName", name),))
    _check_constraint(await call.data(), store.region)
    present = store.buckets.get(name)
    headers = (("Location", f"/{name}"),)
    if present is not None:
        if present.owner_id is not None:
            sentence = (
                "The requested bucket name is not available. The bucket namespace is shared by all users of the "
                "system. Please select a different name and try again."
            )
            raise S3Error(409, "BucketAlreadyExists", sentence, (("BucketName", name),))
        if present.region == store.region == _US_EAST_1:
            return Answer(200, b"", headers)  # in this Region only, as ever
        sentence = "Your previous request to create the named bucket succeeded and you already own it."
        raise S3Error(409, "BucketAlreadyOwnedByYou", sentence, (("BucketName", name),))
    store.buckets[name] = Bucket(name, store.region, created_at=call.request.received_at)
    return Answer(200, b"", headers)


def _check_constraint(data: bytes, region: str) -> None:
    """Refuse a Region that is not the endpoint's (us-east-1 is meant by saying nothing)."""
    constraint = parse(data, "CreateBucketConfiguration").text("LocationConstraint") if data.strip() else None
    if (constraint or _US_EAST_1) != region or (constraint == region == _US_EAST_1):
        if constraint == _US_EAST_1 == region:
            raise S3Error(400, "InvalidLocationConstraint", "The specified location-constraint is not valid")
        sentence = (
            f"The {constraint or 'unspecified'} location constraint is incompatible for the region specific endpoint "
            "this request was sent to."
        )
        raise S3Error(400, "IllegalLocationConstraintException", sentence)


async def delete_bucket(call: Call) -> Answer:
    """DeleteBucket; uploads that have begun are in the way of nothing."""
    bucket = call.bucket
    if bucket.objects:
        sentence = "The bucket you tried to delete is not empty"
        raise S3Error(409, "BucketNotEmpty", sentence, (("BucketName", bucket.name),))
    for upload in bucket.uploads.values():
        for part in upload.parts.values():
            call.store.released(part.content)
    del call.store.buckets[bucket.name]
    return Answer(204)


async def head_bucket(call: Call) -> Answer:
    """HeadBucket."""
    return Answer(200, b"", (("x-amz-bucket-region", call.bucket.region), ("x-amz-access-point-alias", "false")))


async def get_bucket_location(call: Call) -> Answer:
    """GetBucketLocation: us-east-1 is an empty answer, for historical reasons."""
    region = call.bucket.region
    return xml("LocationConstraint", "" if region == _US_EAST_1 else region)


async def get_bucket_versioning(call: Call) -> Answer:
    """GetBucketVersioning: it was never turned on."""
    call.bucket  # noqa: B018 - it must be there
    return xml("VersioningConfiguration", [])


async def get_bucket_policy(call: Call) -> Answer:
    """GetBucketPolicy."""
    bucket = call.bucket
    if bucket.policy is None:
        sentence = "The bucket policy does not exist"
        raise S3Error(404, "NoSuchBucketPolicy", sentence, (("BucketName", bucket.name),))
    return Answer(200, bucket.policy.encode(), (("Content-Type", "application/json"),))


async def put_bucket_policy(call: Call) -> Answer:
    """PutBucketPolicy."""
    bucket, data = call.bucket, await call.data()
    check_document(call.request, data)
    if not data.startswith(b"{"):
        raise S3Error(400, "MalformedPolicy", "Policies must be valid JSON and the first byte must be '{'")
    try:
        text = data.decode()
        read_policy(text, PolicyKind.BUCKET)
    except UnicodeDecodeError:
        raise S3Error(400, "MalformedPolicy", "This policy contains invalid Json") from None
    except PolicyError as error:
        raise S3Error(400, "MalformedPolicy", str(error.problems[0])) from None
    bucket.policy = text
    return Answer(204)


async def delete_bucket_policy(call: Call) -> Answer:
    """DeleteBucketPolicy: deleting what is not there succeeds."""
    call.bucket.policy = None
    return Answer(204)


async def get_bucket_tagging(call: Call) -> Answer:
    """GetBucketTagging."""
    bucket = call.bucket
    if not bucket.tags:
        raise S3Error(404, "NoSuchTagSet", "The TagSet does not exist", (("BucketName", bucket.name),))
    return tagging(bucket.tags)


async def put_bucket_tagging(call: Call) -> Answer:
    """PutBucketTagging."""
    bucket = call.bucket
    tags = tags_in(await call.document("Tagging"))
    check_tags(tags, 50)
    bucket.tags = tags
    return Answer(204)


async def delete_bucket_tagging(call: Call) -> Answer:
    """DeleteBucketTagging."""
    call.bucket.tags = ()
    return Answer(204)


def tagging(tags: tuple[tuple[str, str], ...]) -> Answer:
    """Return tags as a document."""
    return xml("Tagging", [("TagSet", [("Tag", [("Key", name), ("Value", value)]) for name, value in tags])])


def tags_in(document: Node) -> tuple[tuple[str, str], ...]:
    """Return the tags in a document.

    Raises:
        S3Error: MalformedXML.
    """
    found = []
    for one in document.all("TagSet"):
        for tag in one.all("Tag"):
            name, value = tag.text("Key"), tag.text("Value")
            if name is None or value is None:
                raise malformed_xml()
            found.append((name, value))
    return tuple(found)


async def delete_objects(call: Call) -> Answer:
    """DeleteObjects: every key has its own result."""
    bucket, data = call.bucket, await call.data()
    if not _has_digest(call.request):
        raise invalid_request("Missing required header for this request: Content-MD5 OR x-amz-checksum-*")
    check_document(call.request, data)
    document = parse(data, "Delete")
    quiet = document.text("Quiet") == "true"
    entries = [one.fields() for one in document.all("Object")]
    keys = [one.text("Key") for one in document.all("Object")]
    if not 0 < len(keys) <= MOST_DELETED:
        raise malformed_xml()
    results: list[tuple[str, Elements]] = []
    for key, entry in zip(keys, entries, strict=True):
        if not key:
            raise malformed_xml()
        present = bucket.objects.get(key)
        if entry.get("VersionId", "null") != "null":
            error = [("Code", "NoSuchVersion"), ("Message", "The specified version does not exist.")]
            results.append(("Error", [("Key", key), *error, ("VersionId", entry["VersionId"])]))
            continue
        wanted = entry.get("ETag", "").strip('"')
        if wanted and (present is None or wanted not in ("*", present.etag)):
            error = [("Code", "PreconditionFailed"), ("Message", "At least one of the preconditions did not hold")]
            results.append(("Error", [("Key", key), *error]))
            continue
        if present is not None:
            call.store.released(present.content)
            bucket.delete(key)
        if not quiet:
            results.append(("Deleted", [("Key", key)]))
    return xml("DeleteResult", results)


def _has_digest(request: Request) -> bool:
    return any(name == "content-md5" or name.startswith(HEADER) for name, _ in request.headers)
