"""Which bucket, object and operation a request to S3 means.

A bucket is named in the host (virtual-hosted style) or first in the path (path
style); the host may be one of the service's public names or the name of an
interface endpoint.  The operation follows from the method, from what it is
about, and from a word in the query (``?uploads``).

Amazon S3 User Guide, "Virtual hosting of general purpose buckets" and "AWS
PrivateLink for Amazon S3"; Amazon S3 API Reference, "Actions".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, unquote, unquote_plus

from emulator.services.s3_errors import invalid_argument, method_not_allowed, not_implemented

if TYPE_CHECKING:
    from collections.abc import Mapping

    from emulator.services.messages import Request
    from emulator.services.s3_errors import S3Error

_PUBLIC: Final = re.compile(r"(?:(?P<bucket>.+)\.)?s3(?:[.-](?:dualstack\.)?[a-z0-9-]+)?\.amazonaws\.com")
# The label "bucket" stands between a bucket's name and the endpoint's.
_ENDPOINT: Final = re.compile(
    r"(?:(?:(?P<bucket>.+)\.)?bucket\.)?vpce-[a-z0-9-]+\.s3\.[a-z0-9-]+\.vpce\.amazonaws\.com"
)

SERVICE: Final = "SERVICE"
BUCKET: Final = "BUCKET"
OBJECT: Final = "OBJECT"

OPERATIONS: Final[Mapping[tuple[str, str, str], str]] = {
    # What it is about, the method, and the word in the query.
    (SERVICE, "GET", ""): "ListBuckets",
    (BUCKET, "GET", ""): "ListObjects",
    (BUCKET, "GET", "list-type"): "ListObjectsV2",
    (BUCKET, "GET", "location"): "GetBucketLocation",
    (BUCKET, "GET", "policy"): "GetBucketPolicy",
    (BUCKET, "GET", "tagging"): "GetBucketTagging",
    (BUCKET, "GET", "uploads"): "ListMultipartUploads",
    (BUCKET, "GET", "versioning"): "GetBucketVersioning",
    (BUCKET, "HEAD", ""): "HeadBucket",
    (BUCKET, "PUT", ""): "CreateBucket",
    (BUCKET, "PUT", "policy"): "PutBucketPolicy",
    (BUCKET, "PUT", "tagging"): "PutBucketTagging",
    (BUCKET, "DELETE", ""): "DeleteBucket",
    (BUCKET, "DELETE", "policy"): "DeleteBucketPolicy",
    (BUCKET, "DELETE", "tagging"): "DeleteBucketTagging",
    (BUCKET, "POST", "delete"): "DeleteObjects",
    (OBJECT, "GET", ""): "GetObject",
    (OBJECT, "GET", "attributes"): "GetObjectAttributes",
    (OBJECT, "GET", "tagging"): "GetObjectTagging",
    (OBJECT, "GET", "uploadId"): "ListParts",
    (OBJECT, "HEAD", ""): "HeadObject",
    (OBJECT, "PUT", ""): "PutObject",
    (OBJECT, "PUT", "tagging"): "PutObjectTagging",
    (OBJECT, "PUT", "uploadId"): "UploadPart",
    (OBJECT, "DELETE", ""): "DeleteObject",
    (OBJECT, "DELETE", "tagging"): "DeleteObjectTagging",
    (OBJECT, "DELETE", "uploadId"): "AbortMultipartUpload",
    (OBJECT, "POST", "uploadId"): "CompleteMultipartUpload",
    (OBJECT, "POST", "uploads"): "CreateMultipartUpload",
}

_LISTING: Final = frozenset({"delimiter", "encoding-type", "max-keys", "prefix"})
_OVERRIDES: Final = frozenset(
    f"response-{name}"
    for name in (
        "cache-control",
        "content-disposition",
        "content-encoding",
        "content-language",
        "content-type",
        "expires",
    )
)
PARAMETERS: Final[Mapping[str, frozenset[str]]] = {
    "GetObject": _OVERRIDES | {"partNumber", "versionId"},
    "HeadObject": _OVERRIDES | {"partNumber", "versionId"},
    "DeleteObject": frozenset({"versionId"}),
    "GetObjectAttributes": frozenset({"versionId"}),
    "ListBuckets": frozenset({"bucket-region", "continuation-token", "max-buckets", "prefix"}),
    "ListMultipartUploads": frozenset(
        {"delimiter", "encoding-type", "key-marker", "max-uploads", "prefix", "upload-id-marker"}
    ),
    "ListObjects": _LISTING | {"marker"},
    "ListObjectsV2": _LISTING | {"continuation-token", "fetch-owner", "start-after"},
    "ListParts": frozenset({"max-parts", "part-number-marker"}),
    "UploadPart": frozenset({"partNumber"}),
    "UploadPartCopy": frozenset({"partNumber"}),
}
"""What else the query may say, by operation."""

_WORDS: Final = frozenset(word for _, _, word in OPERATIONS if word)


@dataclass(frozen=True, slots=True)
class Location:
    """What a request is about: an object, a bucket (``key`` is empty) or the service (both are)."""

    bucket: str = ""
    key: str = ""

    @property
    def path(self) -> str:
        """The bucket and key, as S3's errors write them."""
        return f"/{self.bucket}/{self.key}" if self.key else f"/{self.bucket}"

    @property
    def kind(self) -> str:
        """Which of the three."""
        return OBJECT if self.key else BUCKET if self.bucket else SERVICE


def locate(request: Request) -> Location:
    """Return what the request is about."""
    path = unquote(request.path.removeprefix("/"))
    match = _PUBLIC.fullmatch(request.host) or _ENDPOINT.fullmatch(request.host)
    if match and match["bucket"]:
        return Location(match["bucket"], path)
    bucket, _, key = path.partition("/")
    return Location(bucket, key)


def query_of(request: Request) -> dict[str, str]:
    """Return the query, without what makes no difference here: signatures (X-Amz-...) and an SDK's own word (x-id)."""
    pairs = parse_qsl(request.query, keep_blank_values=True)
    return {name: value for name, value in pairs if name != "x-id" and not name.lower().startswith("x-amz-")}


def operation_of(request: Request, location: Location, query: Mapping[str, str]) -> str:
    """Return the operation, by the name that the API Reference has for it.

    Raises:
        S3Error: NotImplemented for a word in the query that is not known here, MethodNotAllowed.
    """
    kind = location.kind
    words = [word for word in query if word in _WORDS and (kind, request.method, word) in OPERATIONS]
    word = words[0] if words else ""
    if word == "list-type" and query[word] != "2":
        word = ""
    operation = OPERATIONS.get((kind, request.method, word))
    known = PARAMETERS.get(operation or "", frozenset()) | {word, "list-type" if operation == "ListObjects" else word}
    stranger = next((name for name in query if name not in known), None)
    if operation is None:
        raise not_implemented("Query", stranger) if stranger else _method_not_allowed(request, kind)
    if operation in ("PutObject", "UploadPart") and request.header("x-amz-copy-source") is not None:
        operation = "CopyObject" if operation == "PutObject" else "UploadPartCopy"
    if stranger is not None:
        raise not_implemented("Query", stranger)
    return operation


def copy_source(request: Request) -> Location:
    """Return the object that a copy is made of.

    Raises:
        S3Error: InvalidArgument.
    """
    header = request.header("x-amz-copy-source") or ""
    path, _, version = header.partition("?versionId=")
    bucket, _, key = unquote_plus(path.replace("+", "%2B")).removeprefix("/").partition("/")
    if header.startswith("arn:"):
        raise not_implemented("Header", "x-amz-copy-source")  # of an access point
    if not bucket or not key:
        raise invalid_argument(
            "x-amz-copy-source", header, "Copy Source must mention the source bucket and key: sourcebucket/sourcekey"
        )
    check_version(version or None)
    return Location(bucket, key)


def check_version(version_id: str | None) -> None:
    """Refuse a version: versioning is off here, so there is the one called ``null``.

    Raises:
        S3Error: InvalidArgument.
    """
    if version_id not in (None, "null"):
        raise invalid_argument("versionId", version_id or "", "Invalid version id specified")


def _method_not_allowed(request: Request, kind: str) -> S3Error:
    allowed = dict.fromkeys(method for about, method, _ in OPERATIONS if about == kind)
    return method_not_allowed(request.method, kind, ", ".join(allowed))
