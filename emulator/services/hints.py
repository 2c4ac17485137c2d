"""Why a name has the answer it has, for somebody who expected another one.

The usual surprise is a public answer in a VPC that has an endpoint for the very
service: the client asks for a name that the endpoint's private DNS does not
cover (the global one, another Region's, a dual-stack one), or private DNS is not
in force.  Nothing here decides anything; it reads a zone.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from emulator.services.zone import Source, covering, normal

if TYPE_CHECKING:
    from emulator.services.zone import Answer, Zone

_REGION: Final = r"[a-z]{2}(-[a-z]+)+-[0-9]"
_COMMON: Final = frozenset({"", "*", "amazonaws", "api", "aws", "com", "dualstack"})


def hint(zone: Zone, name: str, answer: Answer) -> str:
    """Return a sentence about an answer that may surprise, or nothing.

    Args:
        zone: Who answered.
        name: The name asked for.
        answer: What ``zone`` says of it.
    """
    name = normal(name)
    if answer.chain and not answer.addresses:
        link = answer.chain[-1]
        return f"{link.name} has a record {link.type} {link.target}, which has no address"
    if answer.source is Source.HOSTED_ZONE and answer.addresses is None:
        return f"the private hosted zone {answer.owner} ({answer.record}) has no such record, and hides public ones"
    if answer.source is Source.HOSTNAMES_OFF:
        return f"names behind the gateway endpoint {answer.owner} need enableDnsHostnames (VPCE-GW-17)"
    if answer.source not in (Source.PUBLIC, Source.NONE):
        return ""
    last = answer.chain[-1].target if answer.chain else name
    remark = covering(zone.remarks, last)
    if remark is not None:
        return remark
    nearest = nearest_covered(zone, last)
    if nearest is None:
        return ""
    covered, owner = nearest
    what = "the private DNS of" if _is_private_dns(zone, owner) else "the private hosted zone"
    return f"{last} is not covered by {what} {owner}; nearest covered name is {covered}"


def nearest_covered(zone: Zone, name: str) -> tuple[str, str] | None:
    """Return the name most like ``name`` that a private zone covers, and whose zone it is; None if none is like it.

    Names are alike if the service in them is the same, Region and kind of name apart, or if one service's name begins
    with the other's.
    """
    asked = _service(normal(name))
    found = []
    for private in zone.private:
        for record in private.records:
            there = _service(record)
            if asked and there and (asked.startswith(there) or there.startswith(asked)):
                found.append((asked != there, abs(len(record) - len(name)), record, private.owner))
    if not found:
        return None
    _, _, record, owner = min(found)
    return record, owner


def _is_private_dns(zone: Zone, owner: str) -> bool:
    return any(private.owner == owner and private.source is Source.PRIVATE_DNS for private in zone.private)


def _service(name: str) -> str:
    """Return the label that says which service a name is of: ``s3`` of ``b.s3.dualstack.us-east-1.amazonaws.com``."""
    labels = (re.sub(rf"-fips$|(^|-){_REGION}$", "", label) for label in name.split("."))
    return next(iter([label for label in labels if label not in _COMMON][::-1]), "")
