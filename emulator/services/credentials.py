"""The access key that a request was signed with.

A request says who asks by the access key in its signature: Signature Version 4
in the ``Authorization`` header or, presigned, in the query; and the older
Version 2.  Signatures are not verified: there are no secrets in this world, and
whoever writes a key is believed.

AWS: IAM User Guide, "AWS Signature Version 4 for API requests"; S3 User Guide,
"Authenticating requests".
"""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, urlsplit

if TYPE_CHECKING:
    from emulator.services.messages import Request

_HEADER: Final = re.compile(r"AWS4(?:-ECDSA-P256)?-HMAC-SHA256\s.*?Credential=(?P<key>[^/,\s]+)/|AWS (?P<old>[^:\s]+):")
_REGION: Final = re.compile(r"[a-z]{2}(-[a-z]+)+-\d", re.ASCII)


def access_key_id(request: Request) -> str | None:
    """Return the access key id that a request was signed with, None if it was not signed."""
    match = _HEADER.match(request.header("authorization") or "")
    if match is not None:
        return match["key"] or match["old"]
    for name, value in parse_qsl(request.query):
        if name.lower() == "x-amz-credential":
            return value.partition("/")[0]
        if name == "AWSAccessKeyId":
            return value
    return None


def signed_headers(access_key: str, method: str, url: str, region: str, seconds: int) -> dict[str, str]:
    """Return the headers of a request in the shape of Signature Version 4.

    The signature has the right length and no meaning.

    Args:
        access_key: Of whoever asks.
        method: Of the request.
        url: Where it goes; its host says the service, and perhaps the Region.
        region: The Region where the host says none.
        seconds: When, since 1970.
    """
    host = (urlsplit(url).hostname or "").lower()
    labels = host.removesuffix(".amazonaws.com").split(".")
    named = next((label for label in labels if _REGION.fullmatch(label)), region)
    service = next((label for label in labels if label in ("s3", "dynamodb")), labels[0])
    moment = datetime.fromtimestamp(seconds, UTC)
    scope = f"{access_key}/{moment:%Y%m%d}/{named}/{service}/aws4_request"
    digest = hashlib.sha256(f"{method} {url} {scope} {seconds}".encode()).hexdigest()
    return {
        "X-Amz-Date": f"{moment:%Y%m%dT%H%M%SZ}",
        "X-Amz-Content-Sha256": "UNSIGNED-PAYLOAD",
        "Authorization": f"AWS4-HMAC-SHA256 Credential={scope},"
        f" SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature={digest}",
    }
