"""Remedies for packets without a way: the endpoint that was forgotten, a route to what is already there.

What leads to the service alone comes before what leads to whole networks, and
that before what leads to the internet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from emulator.gates.networks import dotted
from emulator.model.resources import PeeringState, VpcEndpointType
from emulator.model.transit_gateways import AttachmentType
from emulator.network.cases import block_with, endpoints_in, interface_of, last_table, services_at, table_of_subnet

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emulator.model.resources import Route, RouteTable
    from emulator.network.cases import Case, Option

ANYWHERE: Final = "0.0.0.0/0"


def no_route(case: Case) -> Iterator[Option]:
    """Another way, from the table that has none."""
    table = case.plane.route_tables.get(case.ending.component)
    if table is not None:
        yield from _ways(case, table)


def dead_route(case: Case) -> Iterator[Option]:
    """The target brought back, or another way in place of the route that leads nowhere (ROUTE-14)."""
    table = case.plane.route_tables.get(case.ending.component)
    if table is not None:
        route = _route_taken(case, table)
        if route is not None:
            yield from _revived(case, route.target, table.vpc_id)
        yield from _instead(case, table)


def _revived(case: Case, target: str, vpc_id: str) -> Iterator[Option]:
    """Accept, attach or start what a blackhole route leads to."""
    plane = case.plane
    if target in plane.vpc_peering_connections:
        yield [("accept_vpc_peering_connection", {"vpc_peering_connection_id": target})]
    if target in plane.internet_gateways and plane.internet_gateways[target].vpc_id is None:
        yield [("attach_internet_gateway", {"internet_gateway_id": target, "vpc_id": vpc_id})]
    if target in plane.vpn_gateways and plane.vpn_gateways[target].vpc_id is None:
        yield [("attach_vpn_gateway", {"vpn_gateway_id": target, "vpc_id": vpc_id})]
    eni = plane.network_interfaces.get(target)
    instance = target if eni is None else eni.attachment
    if instance in plane.instances:
        yield [("start_instances", {"instance_ids": [instance]})]


def wrong_way(case: Case) -> Iterator[Option]:
    """Another way than the one that leads no further: past a peering connection, say (EDGE-2)."""
    table = last_table(case)
    if table is not None:
        yield from _instead(case, table)


def _instead(case: Case, table: RouteTable) -> Iterator[Option]:
    route = _route_taken(case, table)
    if route is None:
        return
    prefix_list = route.destination_prefix_list_id is not None
    key = "destination_prefix_list_id" if prefix_list else "destination_cidr_block"
    gone = ("delete_route", {"route_table_id": table.route_table_id, key: route.destination})
    for option in _ways(case, table):
        verb, parameters = option[0]
        if verb == "create_route" and parameters.get(key) == route.destination:
            yield [("replace_route", parameters)]
        else:
            yield [gone, *option]
            yield option
    yield [gone]


def _route_taken(case: Case, table: RouteTable) -> Route | None:
    """Return the route in a rule's words, ``10.0.0.0/16 -> pcx`` or ``pl-1 (10.0.0.0/16) -> pcx``."""
    trace = case.answer.reply if case.back else case.answer.forward
    rules = [
        step.rule
        for step in (trace.steps if trace is not None else ())
        if step.gate == "route" and step.component == table.route_table_id and step.rule
    ]
    destination = rules[-1].split()[0] if rules else ""
    found = [one for one in table.routes if one.destination == destination and one.target != "local"]
    return found[0] if found and found[0].target not in case.plane.vpc_endpoints else None


def _ways(case: Case, table: RouteTable) -> Iterator[Option]:
    create = {"route_table_id": table.route_table_id}
    yield from _endpoints_there(case, table)
    yield from _peerings(case, table, create)
    yield from _transit_gateways(case, table, create)
    for vgw in case.plane.vpn_gateways.values():
        if vgw.vpc_id == table.vpc_id:
            parameters = {"route_table_id": table.route_table_id, "gateway_id": vgw.vpn_gateway_id}
            yield [("enable_vgw_route_propagation", parameters)]
    yield from _new_endpoints(case, table)
    yield from _to_the_internet(case, table, create)


# --- endpoints -------------------------------------------------------------------------------------------------------


def _endpoints_there(case: Case, table: RouteTable) -> Iterator[Option]:
    """Use the endpoint there is: with this table (VPCE-GW-3), or under the service's own name (VPCE-IF-20)."""
    plane = case.plane
    for service in services_at(plane, case.packet.dst):
        for endpoint in endpoints_in(plane, table.vpc_id, service, VpcEndpointType.GATEWAY):
            parameters = {"add_route_table_ids": [table.route_table_id]}
            yield [("modify_vpc_endpoint", {"vpc_endpoint_id": endpoint.vpc_endpoint_id, **parameters})]
        for endpoint in endpoints_in(plane, table.vpc_id, service, VpcEndpointType.INTERFACE):
            if case.answer.dns is not None and not endpoint.private_dns_enabled:
                on = {"vpc_endpoint_id": endpoint.vpc_endpoint_id, "private_dns_enabled": True}
                yield [*_names_on(case, table.vpc_id), ("modify_vpc_endpoint", on)]


def _names_on(case: Case, vpc_id: str) -> Option:
    """Return what private DNS needs first (ERR-9)."""
    vpc = case.plane.vpcs[vpc_id]
    needed = {"enable_dns_support": vpc.enable_dns_support, "enable_dns_hostnames": vpc.enable_dns_hostnames}
    off = {name: True for name, on in needed.items() if not on}
    return [("modify_vpc_attribute", {"vpc_id": vpc_id, **off})] if off else []


def _new_endpoints(case: Case, table: RouteTable) -> Iterator[Option]:
    """A gateway endpoint, or where the service has none an interface endpoint in the sender's subnet."""
    plane = case.plane
    sender = interface_of(plane, table.vpc_id, case.packet.src)
    for service in services_at(plane, case.packet.dst):
        base = {"vpc_id": table.vpc_id, "service_name": service.service_name}
        if VpcEndpointType.GATEWAY in service.service_types:
            yield [("create_vpc_endpoint", {**base, "route_table_ids": [table.route_table_id]})]
        # Nothing but its name leads to an interface endpoint: no help to who asked for a public address.
        elif sender is not None and case.answer.dns is not None and service.private_dns_names:
            parameters: dict[str, Any] = {
                **base,
                "vpc_endpoint_type": "Interface",
                "subnet_ids": [sender.subnet_id],
                "private_dns_enabled": True,
            }
            yield [*_names_on(case, table.vpc_id), ("create_vpc_endpoint", parameters)]


# --- other networks --------------------------------------------------------------------------------------------------


def _peerings(case: Case, table: RouteTable, create: dict[str, str]) -> Iterator[Option]:
    for peering in case.plane.vpc_peering_connections.values():
        ends = (peering.requester_vpc_id, peering.accepter_vpc_id)
        if table.vpc_id not in ends or peering.status not in (PeeringState.ACTIVE, PeeringState.PENDING_ACCEPTANCE):
            continue
        far = ends[0] if ends[1] == table.vpc_id else ends[1]
        block = block_with(case.plane, far, case.packet.dst)
        if block is not None:
            name = peering.vpc_peering_connection_id
            yield [("create_route", {**create, "destination_cidr_block": block, "vpc_peering_connection_id": name})]


def _transit_gateways(case: Case, table: RouteTable, create: dict[str, str]) -> Iterator[Option]:
    plane, packet = case.plane, case.packet
    for attachment in plane.transit_gateway_attachments.values():
        if attachment.resource_type is AttachmentType.VPC and attachment.resource_id == table.vpc_id:
            block = next((found for vpc in plane.vpcs if (found := block_with(plane, vpc, packet.dst))), None)
            target = attachment.transit_gateway_id
            block = block or f"{dotted(packet.dst)}/32"
            yield [("create_route", {**create, "destination_cidr_block": block, "transit_gateway_id": target})]


def _to_the_internet(case: Case, table: RouteTable, create: dict[str, str]) -> Iterator[Option]:
    """A default route: out by the sender's own public address, else by a NAT gateway that stands elsewhere."""
    plane = case.plane
    everything = {**create, "destination_cidr_block": ANYWHERE}
    sender = interface_of(plane, table.vpc_id, case.packet.src)
    for igw in plane.internet_gateways.values():
        if igw.vpc_id == table.vpc_id and sender is not None and sender.public_ips:
            yield [("create_route", {**everything, "gateway_id": igw.internet_gateway_id})]
    for nat in plane.nat_gateways.values():
        elsewhere = table_of_subnet(plane, nat.subnet_id) != table.route_table_id
        if (nat.vpc_id, nat.state) == (table.vpc_id, "available") and elsewhere:
            yield [("create_route", {**everything, "nat_gateway_id": nat.nat_gateway_id})]
