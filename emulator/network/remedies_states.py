"""Remedies for states and attributes: what waits for acceptance, is stopped, switched off or not associated."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emulator.model.resources import EndpointState, PeeringState
from emulator.model.transit_gateways import AttachmentState, AttachmentType
from emulator.network.cases import block_with, interface_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emulator.control import ControlPlane
    from emulator.network.cases import Case, Option
    from emulator.observe.explain import RoundTrip


def bad_state(case: Case) -> Iterator[Option]:
    """Accept what waits for acceptance (EDGE-2, VPCE-10); start what is stopped."""
    plane, name = case.plane, case.ending.component
    peering = plane.vpc_peering_connections.get(name)
    if peering is not None and peering.status is PeeringState.PENDING_ACCEPTANCE:
        yield [("accept_vpc_peering_connection", {"vpc_peering_connection_id": name})]
    endpoint = plane.vpc_endpoints.get(name)
    if endpoint is not None and endpoint.state in (EndpointState.PENDING_ACCEPTANCE, EndpointState.REJECTED):
        service = plane.services[endpoint.service_name]
        parameters = {"service_id": service.service_id, "vpc_endpoint_ids": [name]}
        yield [("accept_vpc_endpoint_connections", parameters)]
    eni = plane.network_interfaces.get(name)
    if eni is not None and eni.attachment in plane.instances:
        yield [("start_instances", {"instance_ids": [eni.attachment]})]


def bad_attachment(case: Case) -> Iterator[Option]:
    """Accept a transit gateway attachment."""
    attachment = case.plane.transit_gateway_attachments.get(case.ending.component)
    if attachment is not None and attachment.state is AttachmentState.PENDING_ACCEPTANCE:
        kind = "peering" if attachment.resource_type is AttachmentType.PEERING else "vpc"
        parameters = {"transit_gateway_attachment_id": attachment.transit_gateway_attachment_id}
        yield [(f"accept_transit_gateway_{kind}_attachment", parameters)]


def names_off(plane: ControlPlane, answer: RoundTrip) -> Iterator[Option]:
    """Switch on the VPC attribute without which a name has no address (DNS-2, VPCE-GW-17)."""
    dns = answer.dns
    if dns is None:
        return
    vpc_id = dns.resolver.partition("/")[0]
    if vpc_id in plane.vpcs:
        attribute = "enable_dns_hostnames" if dns.record else "enable_dns_support"
        yield [("modify_vpc_attribute", {"vpc_id": vpc_id, attribute: True})]


def resolver_off(case: Case) -> Iterator[Option]:
    """Switch on the resolver that a packet is for (DNS-2)."""
    if case.ending.component in case.plane.vpcs:
        yield [("modify_vpc_attribute", {"vpc_id": case.ending.component, "enable_dns_support": True})]


def source_dest_check(case: Case) -> Iterator[Option]:
    """Switch the check off, as a middlebox needs it (ROUTE-19)."""
    name = case.ending.component
    if name in case.plane.network_interfaces:
        parameters = {"network_interface_id": name, "source_dest_check": False}
        yield [("modify_network_interface_attribute", parameters)]


def public_address(case: Case) -> Iterator[Option]:
    """An Elastic IP for the sender (EDGE-1)."""
    plane = case.plane
    gateway = plane.internet_gateways.get(case.ending.component)
    sender = None if gateway is None else interface_of(plane, gateway.vpc_id, case.packet.src)
    if sender is None:
        return
    allocation = f"eipalloc-{sender.network_interface_id}"
    associate = {"allocation_id": allocation, "network_interface_id": sender.network_interface_id}
    yield [("allocate_address", {"allocation_id": allocation}), ("associate_address", associate)]


# --- transit gateways and load balancers -----------------------------------------------------------------------------


def transit_association(case: Case) -> Iterator[Option]:
    """Associate the attachment with a table of its transit gateway (EDGE-3)."""
    plane, name = case.plane, case.ending.component
    attachment = plane.transit_gateway_attachments.get(name)
    for table in plane.transit_gateway_route_tables.values():
        if attachment is not None and table.transit_gateway_id == attachment.transit_gateway_id:
            parameters = {
                "transit_gateway_route_table_id": table.transit_gateway_route_table_id,
                "transit_gateway_attachment_id": name,
            }
            yield [("associate_transit_gateway_route_table", parameters)]


def transit_route(case: Case) -> Iterator[Option]:
    """Propagation from the VPC that has the destination, else a static route to it (EDGE-3)."""
    for names, block in _towards(case):
        yield [("enable_transit_gateway_route_table_propagation", names)]
        yield [("create_transit_gateway_route", {**names, "destination_cidr_block": block})]


def transit_blackhole(case: Case) -> Iterator[Option]:
    """Take the blackhole out, or put a longer route in front of it."""
    table = case.plane.transit_gateway_route_tables.get(case.ending.component)
    if table is None or case.ending.rule is None:
        return
    destination = case.ending.rule.split()[0]
    name = table.transit_gateway_route_table_id
    gone = {"transit_gateway_route_table_id": name, "destination_cidr_block": destination}
    yield [("delete_transit_gateway_route", gone)]
    for names, block in _towards(case):
        yield [("create_transit_gateway_route", {**names, "destination_cidr_block": block})]
        yield [("replace_transit_gateway_route", {**names, "destination_cidr_block": destination})]


def _towards(case: Case) -> Iterator[tuple[dict[str, str], str]]:
    """Yield the table and each attachment whose VPC has the destination, and the block."""
    plane = case.plane
    table = plane.transit_gateway_route_tables.get(case.ending.component)
    if table is None:
        return
    for attachment in plane.transit_gateway_attachments.values():
        if attachment.transit_gateway_id != table.transit_gateway_id:
            continue
        if attachment.resource_type is AttachmentType.VPC:
            block = block_with(plane, attachment.resource_id, case.packet.dst)
            if block is not None:
                names = {
                    "transit_gateway_route_table_id": table.transit_gateway_route_table_id,
                    "transit_gateway_attachment_id": attachment.transit_gateway_attachment_id,
                }
                yield names, block


def transit_zone(case: Case) -> Iterator[Option]:
    """A subnet of the sender's zone for the attachment (EDGE-3)."""
    plane = case.plane
    attachment = plane.transit_gateway_attachments.get(case.ending.component)
    sender = None if attachment is None else interface_of(plane, attachment.resource_id, case.packet.src)
    if attachment is None or sender is None:
        return
    zone = plane.subnets[sender.subnet_id].availability_zone
    for subnet in plane.subnets.values():
        if subnet.vpc_id == attachment.resource_id and subnet.availability_zone == zone:
            parameters = {
                "transit_gateway_attachment_id": attachment.transit_gateway_attachment_id,
                "add_subnet_ids": [subnet.subnet_id],
            }
            yield [("modify_transit_gateway_vpc_attachment", parameters)]


def cross_zone(case: Case) -> Iterator[Option]:
    """Let a load balancer use targets of other zones (SVC-7)."""
    name = case.ending.component
    if name in case.plane.load_balancers:
        yield [("modify_load_balancer_attributes", {"load_balancer_name": name, "cross_zone": True})]


def balancer_zone(case: Case) -> Iterator[Option]:
    """Enable another zone of a load balancer, where its targets may be (SVC-7)."""
    plane = case.plane
    balancer = plane.load_balancers.get(case.ending.component)
    if balancer is None:
        return
    zones = {plane.subnets[name].availability_zone for name in balancer.subnet_ids}
    for subnet in plane.subnets.values():
        if subnet.vpc_id == balancer.vpc_id and subnet.availability_zone not in zones:
            wanted = [*balancer.subnet_ids, subnet.subnet_id]
            yield [("set_subnets", {"load_balancer_name": case.ending.component, "subnet_ids": wanted})]
