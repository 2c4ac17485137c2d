"""The steps from a draft to a control plane: which verb for which key, in which order.

Each step calls EC2's verbs for one kind of thing and says where in the document
their parameters stand.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from emulator.control.addresses import address, network
from emulator.control.route_states import is_local
from emulator.model.resources import Service, VpcEndpointType
from emulator.topology import schema, steps_dns
from emulator.topology.build import Draft, create_in_vpc, later
from emulator.topology.collecting import no_collections
from emulator.topology.fields import in_order
from emulator.topology.references import FOREIGN_TARGETS, looks_like_cidr
from emulator.topology.rules import network_acls, security_groups
from emulator.topology.steps_edges import (
    elastic_addresses,
    elastic_associations,
    external_hosts,
    gateway_route_tables,
    gateways,
    vpn_connections,
)
from emulator.topology.steps_flow_logs import flow_logs
from emulator.topology.steps_hosts import hosts_and_endpoints
from emulator.topology.steps_identities import identities, policies
from emulator.topology.steps_services import target_groups, targets
from emulator.topology.steps_transit import transit_gateway_attachments, transit_gateway_states, transit_gateways

if TYPE_CHECKING:
    from collections.abc import Callable

    from emulator.control import ControlPlane
    from emulator.topology.documents import Document, KeyPath
    from emulator.topology.problems import Problem

TARGET_PARAMETERS: Final = {  # of CreateRoute
    "vpc_peering_connections": "vpc_peering_connection_id",
    "vpc_endpoints": "vpc_endpoint_id",
    "network_interfaces": "network_interface_id",
    "instances": "instance_id",
    "internet_gateways": "gateway_id",
    "vpn_gateways": "gateway_id",
    "nat_gateways": "nat_gateway_id",
    "transit_gateways": "transit_gateway_id",
}

LATE_TARGETS: Final = ("vpc_endpoints", "network_interfaces", "instances", "nat_gateways", "transit_gateways")
"""What is made after the first routes."""


def build(document: Document) -> tuple[ControlPlane, list[Problem]]:
    """Return the control plane a document describes, and everything that is wrong with the document.

    The control plane is worth having only if nothing is.
    """
    with no_collections():
        draft = Draft(document)
        if draft.region is not None:
            for step in STEPS:
                step(draft)
    return draft.plane, sorted(set(draft.problems))


def prefix_lists(draft: Draft) -> None:
    """The user's lists, and AWS's with the user's blocks."""
    plane = draft.plane
    for name, entry in draft.each("prefix_lists", schema.PrefixListEntry):
        key = ("prefix_lists", name)
        if name in plane.prefix_lists:
            draft.attempt(key, later(_replace_aws_list, plane, name, entry), vital=True)
            continue
        call = later(
            plane.create_managed_prefix_list,
            prefix_list_id=name,
            entries=entry.cidrs,
            max_entries=max(1, len(entry.cidrs)) if entry.max_entries is None else entry.max_entries,
            prefix_list_name=entry.prefix_list_name,
        )
        draft.attempt(key, call, {"entries": ("cidrs",), "prefix_list_id": ()}, vital=True)


def _replace_aws_list(plane: ControlPlane, name: str, entry: schema.PrefixListEntry) -> None:
    old = plane.prefix_lists[name]
    cidrs = tuple(network(cidr, "cidrs", (index,)) for index, cidr in enumerate(entry.cidrs))
    plane.register_prefix_list(replace(old, cidrs=cidrs, max_entries=entry.max_entries or old.max_entries))


def vpcs(draft: Draft) -> None:
    """VPCs with all their blocks and their DNS attributes."""
    plane = draft.plane
    for name, entry in draft.each("vpcs", schema.VpcEntry, apart_from=("main_route_table_id",)):
        key = ("vpcs", name)
        first, *others = entry.cidr_blocks
        where: dict[str, KeyPath] = {"cidr_block": ("cidr_blocks", 0), "vpc_id": ()}
        account = {} if entry.owner_id is None else {"owner_id": entry.owner_id}
        born = {
            "default_security_group_id": entry.default_security_group_id,
            "default_network_acl_id": entry.default_network_acl_id,
        }
        call = later(plane.create_vpc, first, vpc_id=name, region=entry.region, **account, **born)
        if not draft.attempt(key, call, where, vital=True):
            continue
        for index, block in enumerate(others, 1):
            call = later(plane.associate_vpc_cidr_block, name, block)
            draft.attempt(key, call, {"cidr_block": ("cidr_blocks", index)}, vital=True)
        if not entry.enable_dns_support:
            draft.attempt(key, later(plane.modify_vpc_attribute, name, enable_dns_support=False))
        if entry.enable_dns_hostnames:
            draft.attempt(key, later(plane.modify_vpc_attribute, name, enable_dns_hostnames=True))


def services(draft: Draft) -> None:
    """The document's services, and changes to the built-in ones."""
    plane = draft.plane
    seen: dict[str, str] = {}
    for name, entry in draft.each("services", schema.ServiceEntry):
        key = ("services", name)
        full = draft.names.service_name(name)
        if full in seen:
            draft.complain(key, (), f'"{name}" and "{seen[full]}" are the same service')
            continue
        seen[full] = name
        if not draft.attempt(key, later(_register_service, plane, full, entry), {"service_name": ()}):
            draft.broken |= {key, ("services", full)}


def _register_service(plane: ControlPlane, full: str, entry: schema.ServiceEntry) -> None:
    heads = {region: (f"com.amazonaws.{region}.", f"com.amazonaws.vpce.{region}.") for region in plane.open_regions()}
    region = next((region for region, head in heads.items() if full.startswith(head)), plane.region)
    service = plane.services.get(full) or Service(full, region, (VpcEndpointType.INTERFACE,))
    given: dict[str, Any] = {name: value for name, value in entry if value is not None}
    if entry.prefix_list_id is not None:
        given.setdefault("public_addresses", [])
    for name, value in given.items():
        if name == "service_types":
            given[name] = tuple(VpcEndpointType(kind) for kind in value)
        elif name == "public_addresses":
            given[name] = tuple(address(text, name, (index,)) for index, text in enumerate(value))
        elif name == "options":
            given[name] = in_order(value)
        elif isinstance(value, list):
            given[name] = tuple(value)
    plane.register_service(replace(service, **given))


def subnets(draft: Draft) -> None:
    """Subnets, still with their VPC's main table."""
    for name, entry in draft.each("subnets", schema.SubnetEntry, apart_from=("route_table_id",)):
        key = ("subnets", name)
        vpc_id = draft.vpc_of(key, entry.vpc_id)
        if vpc_id is None:
            draft.broken.add(key)
            continue
        call = later(
            draft.plane.create_subnet,
            vpc_id,
            entry.cidr_block,
            entry.availability_zone,
            availability_zone_id=entry.availability_zone_id,
            subnet_id=name,
        )
        draft.attempt(key, call, {"subnet_id": ()}, vital=True)


def route_tables(draft: Draft) -> None:
    """Route tables, which are main, and which subnet uses which."""
    plane = draft.plane
    apart = ("routes", "gateway_id", "propagating_vgws")
    for name, entry in draft.each("route_tables", schema.RouteTableEntry, apart_from=apart):
        create_in_vpc(draft, ("route_tables", name), entry.vpc_id, plane.create_route_table, "route_table_id")
    for name, vpc in draft.each("vpcs", schema.VpcEntry, apart_from=("main_route_table_id",)):
        if vpc.main_route_table_id is not None and draft.part_works(("vpcs", name), "main_route_table_id"):
            call = later(plane.replace_route_table_association, vpc.main_route_table_id, vpc_id=name)
            draft.attempt(("vpcs", name), call, {"route_table_id": ("main_route_table_id",)})
    for name, subnet in draft.each("subnets", schema.SubnetEntry, apart_from=("route_table_id",)):
        if subnet.route_table_id is not None and draft.part_works(("subnets", name), "route_table_id"):
            draft.attempt(("subnets", name), later(plane.associate_route_table, subnet.route_table_id, name))


def peering_connections(draft: Draft) -> None:
    """Peering connections, accepted unless the document says otherwise."""
    for name, entry in draft.each("vpc_peering_connections", schema.PeeringEntry):
        call = later(
            draft.plane.create_vpc_peering_connection,
            entry.vpc_id,
            entry.peer_vpc_id,
            vpc_peering_connection_id=name,
            auto_accept=entry.auto_accept,
            status=entry.status,
        )
        where: dict[str, KeyPath] = {"vpc_peering_connection_id": ()}
        draft.attempt(("vpc_peering_connections", name), call, where, vital=True)


def routes(draft: Draft) -> None:
    """Static routes, but for those to what is made later."""
    _routes(draft, late=False)


def late_routes(draft: Draft) -> None:
    """Routes to hosts, NAT gateways and transit gateways; and to endpoints, which are always refused (ERR-22)."""
    _routes(draft, late=True)


def _routes(draft: Draft, *, late: bool) -> None:
    apart = ("routes", "gateway_id", "propagating_vgws")
    for name, entry in draft.each("route_tables", schema.RouteTableEntry, apart_from=apart):
        key = ("route_tables", name)
        for index, route in enumerate(entry.routes):
            part = ("routes", index)
            target = draft.target(key, *part, "target")
            if (target is not None and target[0] in LATE_TARGETS) != late or not draft.part_works(key, *part):
                continue
            to = "destination_cidr_block" if looks_like_cidr(route.destination) else "destination_prefix_list_id"
            where: dict[str, KeyPath] = {to: ("destination",)}
            unsupported = draft.names.has("unsupported_components", route.target)
            foreign = target is None and (unsupported or route.target.startswith(tuple(FOREIGN_TARGETS)))
            if foreign or route.state == "blackhole":
                call = later(
                    draft.plane.register_route, name, route.target, state=route.state, **{to: route.destination}
                )
            else:
                through = "gateway_id" if target is None else TARGET_PARAMETERS[target[0]]
                verb = _replaces_local(draft, name, route)
                call = later(verb, name, **{to: route.destination, through: route.target})
                where[through] = ("target",)
            draft.attempt(key, call, where, part)


def _replaces_local(draft: Draft, table_id: str, route: schema.RouteEntry) -> Callable[..., object]:
    """Return the verb for a route: of one of the VPC's own blocks the target is replaced (ROUTE-8)."""
    plane = draft.plane
    for present in plane.route_tables[table_id].routes:
        if is_local(present) and present.destination == route.destination:
            return plane.replace_route
    return plane.create_route


STEPS: Final = (
    vpcs,
    prefix_lists,
    services,
    subnets,
    gateways,
    route_tables,
    gateway_route_tables,
    network_acls,
    peering_connections,
    security_groups,
    routes,
    policies,
    identities,
    elastic_addresses,
    target_groups,
    transit_gateways,
    steps_dns.resolver_endpoints_at_given_addresses,
    hosts_and_endpoints,
    steps_dns.resolver_endpoints,
    steps_dns.hosted_zones,
    targets,
    elastic_associations,
    vpn_connections,
    transit_gateway_attachments,
    external_hosts,
    late_routes,
    transit_gateway_states,
    flow_logs,
)
