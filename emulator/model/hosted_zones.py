"""Private hosted zones and Resolver inbound endpoints (section 8).

AWS: Route 53 Developer Guide, "Working with private hosted zones"; "Resolver endpoints".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netaddr import IPAddress


@dataclass(frozen=True, slots=True)
class ResourceRecordSet:
    """Records of one name; ``type`` is A or CNAME, or ALIAS, whose value is a name resolved in its place.

    EMU: the value of an ALIAS may be an interface endpoint's id, which stands for its Regional name.
    """

    name: str
    type: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HostedZone:
    """A private hosted zone: ``name`` without a final dot, the VPCs that see it, and its records."""

    hosted_zone_id: str
    name: str
    vpc_ids: tuple[str, ...]
    resource_record_sets: tuple[ResourceRecordSet, ...] = ()


@dataclass(frozen=True, slots=True)
class ResolverEndpoint:
    """A Resolver inbound endpoint: addresses in a VPC at which those outside ask its resolver (DNS-5)."""

    resolver_endpoint_id: str
    vpc_id: str
    subnet_ids: tuple[str, ...]
    network_interface_ids: tuple[str, ...]
    security_group_ids: tuple[str, ...] = ()
    ip_addresses: tuple[IPAddress, ...] = ()
