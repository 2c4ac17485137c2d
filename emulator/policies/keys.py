"""The condition keys of a request: what AWS tells policies about who asks, from where, when and how.

Keys of the network exist only on their way: ``aws:SourceVpce``,
``aws:SourceVpc``, ``aws:SourceVpcArn`` and ``aws:VpcSourceIp`` through an
endpoint, ``aws:SourceIp`` only not through one (POL-10).

AWS: IAM User Guide, "AWS global condition context keys"; Service Authorization
Reference, "Condition keys for Amazon S3".
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from emulator.policies.records import Principal, PrincipalKind

if TYPE_CHECKING:
    from collections.abc import Iterable

SYSTEM_IDENTIFIERS: Final = frozenset(
    {
        "aws:sourcevpc",
        "aws:sourcevpce",
        "aws:sourceaccount",
        "aws:sourceorgid",
        "aws:principalaccount",
        "aws:principalorgid",
        "aws:resourceaccount",
        "aws:resourceorgid",
    }
)
"""Keys that hold identifiers which AWS made: endpoint policies compare them with strings, whole (POL-10)."""

KNOWN: Final = (
    "aws:CurrentTime",
    "aws:EpochTime",
    "aws:PrincipalAccount",
    "aws:PrincipalArn",
    "aws:PrincipalIsAWSService",
    "aws:PrincipalOrgID",
    "aws:PrincipalType",
    "aws:Referer",
    "aws:RequestedRegion",
    "aws:ResourceAccount",
    "aws:SecureTransport",
    "aws:SourceIp",
    "aws:SourceVpc",
    "aws:SourceVpcArn",
    "aws:SourceVpce",
    "aws:UserAgent",
    "aws:ViaAWSService",
    "aws:VpcSourceIp",
    "aws:userid",
    "aws:username",
    "s3:ResourceAccount",
)
"""The keys that requests have here, and those of the application beside them; any other is legal, and missing."""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """Where, when and how a request came.

    Attributes:
        source_address: The client's: as the endpoint saw it, or outside of endpoints the public one.
        now: Seconds since 1970.
        region: The service's.
        vpc_endpoint_id, vpc_id: None for a request that came through no endpoint.
        vpc_arn: The VPC's, where the endpoint's VPC is known.
        secure: Whether the connection was TLS.
        user_agent, referer: Headers of the request.
    """

    source_address: str
    now: int
    region: str
    vpc_endpoint_id: str | None = None
    vpc_id: str | None = None
    vpc_arn: str | None = None
    secure: bool = False
    user_agent: str | None = None
    referer: str | None = None


def condition_keys(
    principal: Principal,
    owner_id: str | None,
    circumstances: Circumstances,
    more: Iterable[tuple[str, tuple[str, ...]]] = (),
) -> dict[str, tuple[str, ...]]:
    """Return the keys of a request by their names in lower case.

    Args:
        principal: Who asks.
        owner_id: The account of the resource; None: the principal's own.
        circumstances: Where, when and how.
        more: Keys of the service's own, which beat those of the circumstances.
    """
    found: dict[str, str | None] = {
        **_of_network(circumstances),
        **_of_principal(principal),
        "aws:currenttime": datetime.fromtimestamp(circumstances.now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "aws:epochtime": str(circumstances.now),
        "aws:requestedregion": circumstances.region,
        "aws:securetransport": _word(circumstances.secure),
        "aws:viaawsservice": "false",
        "aws:useragent": circumstances.user_agent,
        "aws:referer": circumstances.referer,
        "aws:resourceaccount": owner_id or principal.account_id,
        "s3:resourceaccount": owner_id or principal.account_id,
    }
    keys = {name: (value,) for name, value in found.items() if value}
    return keys | {name.lower(): values for name, values in more}


def _of_network(circumstances: Circumstances) -> dict[str, str | None]:
    if circumstances.vpc_endpoint_id is None:
        return {"aws:sourceip": circumstances.source_address}
    return {
        "aws:sourcevpce": circumstances.vpc_endpoint_id,
        "aws:sourcevpc": circumstances.vpc_id,
        "aws:sourcevpcarn": circumstances.vpc_arn,
        "aws:vpcsourceip": circumstances.source_address,
    }


def _of_principal(principal: Principal) -> dict[str, str | None]:
    if principal.kind is PrincipalKind.UNSTATED:
        return {}
    tags: dict[str, str | None] = {f"aws:principaltag/{name.lower()}": tag for name, tag in principal.tags}
    return {
        **tags,
        "aws:principaltype": principal.kind.value,
        "aws:principalarn": principal.principal_arn,
        "aws:principalaccount": principal.account_id,
        "aws:principalorgid": principal.organization_id,
        "aws:principalisawsservice": "false",
        "aws:userid": principal.user_id or "anonymous",
        "aws:username": principal.user_name,
    }


def _word(truth: bool) -> str:
    return "true" if truth else "false"


def spelt(key: str) -> str:
    """Return a key as AWS spells it, where it is one of those known here."""
    return next((known for known in KNOWN if known.lower() == key.lower()), key)
