"""Steps of a topology document about DNS: private hosted zones and Resolver endpoints.

What takes addresses comes in two steps, given addresses before automatic ones,
as with hosts.  Zones come after endpoints, so that of a zone and an endpoint's
private DNS that exclude each other the zone is refused (ConflictingDomainExists).
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from emulator.control import Ec2Error
from emulator.topology.build import Draft, later
from emulator.topology.schema_services import HostedZoneEntry, ResolverEndpointEntry

if TYPE_CHECKING:
    from emulator.control import ControlPlane
    from emulator.topology.schema_services import ResourceRecordSetEntry


def resolver_endpoints_at_given_addresses(draft: Draft) -> None:
    """Resolver inbound endpoints whose addresses the document gives."""
    _resolver_endpoints(draft, given=True)


def resolver_endpoints(draft: Draft) -> None:
    """Resolver inbound endpoints with addresses to be picked."""
    _resolver_endpoints(draft, given=False)


def _resolver_endpoints(draft: Draft, *, given: bool) -> None:
    apart = ("ip_addresses", "security_group_ids")
    for name, entry in draft.each("resolver_endpoints", ResolverEndpointEntry, apart_from=apart):
        if any(place.ip is not None for place in entry.ip_addresses) != given:
            continue
        parameters = {
            "ip_addresses": [place.model_dump() for place in entry.ip_addresses],
            "security_group_ids": entry.security_group_ids,
            "resolver_endpoint_id": name,
        }
        key = ("resolver_endpoints", name)
        draft.create(key, partial(_create_resolver_endpoint, draft.plane), parameters, "resolver_endpoint_id")


def _create_resolver_endpoint(plane: ControlPlane, **given: Any) -> None:
    if given["ip_addresses"]:  # else each of them has been complained about
        plane.create_resolver_endpoint(**given)


def hosted_zones(draft: Draft) -> None:
    """Private hosted zones, and their records one by one: every one that is refused is complained about."""
    plane = draft.plane
    for name, entry in draft.each("hosted_zones", HostedZoneEntry, apart_from=("vpc_ids",)):
        key = ("hosted_zones", name)
        for index, vpc_id in enumerate(entry.vpc_ids):
            if not draft.part_works(key, "vpc_ids", index):
                draft.broken.add(key)
            elif name in plane.hosted_zones:
                call = later(plane.associate_vpc_with_hosted_zone, name, vpc_id)
                draft.attempt(key, call, {"vpc_id": ("vpc_ids", index)})
            else:  # with the first VPC that may see it
                call = later(plane.create_hosted_zone, entry.name, vpc_ids=vpc_id, hosted_zone_id=name)
                draft.attempt(key, call, {"vpc_ids": ("vpc_ids", index), "hosted_zone_id": ()})
        if name not in plane.hosted_zones:
            continue
        for index, record in enumerate(entry.resource_record_sets):
            call = later(_create_record, plane, name, record)
            draft.attempt(key, call, {"changes": ()}, ("resource_record_sets", index))


def _create_record(plane: ControlPlane, hosted_zone_id: str, record: ResourceRecordSetEntry) -> None:
    try:
        plane.change_resource_record_sets(hosted_zone_id, [{"action": "CREATE", **record.model_dump()}])
    except Ec2Error as error:
        error.path = error.path[1:]  # of the one change; the document knows where the record stands
        raise
