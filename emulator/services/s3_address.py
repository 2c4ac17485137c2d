"""Which bucket, object and IAM action a request to S3 means.

A bucket is named in the host (virtual-hosted style) or first in the path (path
style); the host may be one of the service's public names or the name of an
interface endpoint.

Amazon S3 User Guide, "Virtual hosting of general purpose buckets" and "AWS
PrivateLink for Amazon S3"; Service Authorization Reference, "Actions, resources,
and condition keys for Amazon S3".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from emulator.services.messages import Access

if TYPE_CHECKING:
    from emulator.services.messages import Request

_PUBLIC: Final = re.compile(r"(?:(?P<bucket>.+)\.)?s3(?:[.-](?:dualstack\.)?[a-z0-9-]+)?\.amazonaws\.com")
# The label "bucket" stands between a bucket's name and the endpoint's.
_ENDPOINT: Final = re.compile(
    r"(?:(?:(?P<bucket>.+)\.)?bucket\.)?vpce-[a-z0-9-]+\.s3\.[a-z0-9-]+\.vpce\.amazonaws\.com"
)

_OBJECT_ACTIONS: Final = {
    "GET": "s3:GetObject",
    "HEAD": "s3:GetObject",
    "PUT": "s3:PutObject",
    "DELETE": "s3:DeleteObject",
}
_BUCKET_ACTIONS: Final = {
    "GET": "s3:ListBucket",
    "HEAD": "s3:ListBucket",
    "PUT": "s3:CreateBucket",
    "DELETE": "s3:DeleteBucket",
}


@dataclass(frozen=True, slots=True)
class Location:
    """What a request is about: an object, a bucket (``key`` is empty) or the service (both are)."""

    bucket: str = ""
    key: str = ""

    @property
    def path(self) -> str:
        """The bucket and key, as S3's errors write them."""
        return f"/{self.bucket}/{self.key}" if self.key else f"/{self.bucket}"


def locate(request: Request) -> Location:
    """Return what the request is about."""
    path = unquote(request.path.removeprefix("/"))
    match = _PUBLIC.fullmatch(request.host) or _ENDPOINT.fullmatch(request.host)
    if match and match["bucket"]:
        return Location(match["bucket"], path)
    bucket, _, key = path.partition("/")
    return Location(bucket, key)


def access_of(request: Request) -> tuple[Access, ...]:
    """Return the IAM action and the ARN of the resource, or nothing for a method that S3 does not have."""
    location = locate(request)
    if not location.bucket:
        return (Access("s3:ListAllMyBuckets", "*"),) if request.method == "GET" else ()
    action = (_OBJECT_ACTIONS if location.key else _BUCKET_ACTIONS).get(request.method)
    return () if action is None else (Access(action, f"arn:aws:s3:::{location.path[1:]}"),)
