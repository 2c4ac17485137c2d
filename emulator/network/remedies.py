"""Remedies: for each kind of refusal, the verbs by which its owner would let this one packet pass.

A table by reason.  Each remedy yields options, the narrowest first; whether one
works is for :mod:`emulator.network.repairs` to find out by trying.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from netaddr import IPAddress

from emulator.flows.walk import PROTOCOL_NAMES
from emulator.gates.networks import dotted
from emulator.model.reasons import Reason
from emulator.model.resources import EndpointState, PeeringState, VpcEndpointType
from emulator.model.transit_gateways import AttachmentType
from emulator.wire.packet import IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from emulator.control import ControlPlane
    from emulator.model.resources import NetworkInterface, PrefixList, RouteTable, Subnet
    from emulator.model.traces import Dropped, Step
    from emulator.observe.explain import RoundTrip
    from emulator.wire.packet import Packet

Option: TypeAlias = "list[tuple[str, dict[str, Any]]]"
"""Verbs with their parameters, all of which belong together."""

LAST_RULE: Final = 32766  # NACL-2
EPHEMERAL: Final = (1024, 65535)  # NACL-4
ANYWHERE: Final = "0.0.0.0/0"


class Case:
    """A packet that was refused: what it looked like there, and the gate."""

    __slots__ = ("answer", "back", "ending", "packet", "plane", "step")

    def __init__(self, plane: ControlPlane, answer: RoundTrip, packet: Packet, step: Step, ending: Dropped) -> None:
        self.plane = plane
        self.answer = answer
        self.packet = packet
        self.step = step
        self.ending = ending
        self.back = answer.reply is not None

    @property
    def outgoing(self) -> bool:
        """Whether the gate is one for what leaves."""
        return self.step.gate.endswith("egress")

    @property
    def peer(self) -> int:
        """The far address, seen from the gate."""
        return self.packet.dst if self.outgoing else self.packet.src


def remedies(plane: ControlPlane, answer: RoundTrip) -> Iterator[Option]:
    """Yield what might let the packet past what stopped it, the narrowest first."""
    trace = answer.forward if answer.reply is None else answer.reply
    packet = answer.ended[0] if answer.reply is None else answer.ended[1]
    ending = answer.blocker
    if ending is None or packet is None or not trace.steps:
        return
    remedy = REMEDIES.get(ending.reason)
    if remedy is not None:
        yield from remedy(Case(plane, answer, packet, trace.steps[-1], ending))


# --- security groups and network ACLs --------------------------------------------------------------------------------


def _security_group(case: Case) -> Iterator[Option]:
    """One port, one peer: the service's prefix list, the peer's group, or its address."""
    groups = [name for name in case.ending.component.split(",") if name in case.plane.security_groups]
    if not groups:
        return
    group = groups[0]
    verb = f"authorize_security_group_{'egress' if case.outgoing else 'ingress'}"
    rule: dict[str, Any] = {"group_id": group, "ip_protocol": _protocol(case.packet), **_ports(case.packet)}
    vpc_id = case.plane.security_groups[group].vpc_id
    for peer in _peers(case, vpc_id):
        yield [(verb, {**rule, **peer})]


def _protocol(packet: Packet) -> str:
    return PROTOCOL_NAMES.get(packet.proto, str(packet.proto))


def _ports(packet: Packet) -> dict[str, int]:
    if packet.proto in (IPPROTO_TCP, IPPROTO_UDP):
        return {"from_port": packet.dport, "to_port": packet.dport}
    if packet.proto == IPPROTO_ICMP:
        return {"from_port": packet.dport >> 8, "to_port": packet.dport & 255}
    return {}


def _peers(case: Case, vpc_id: str) -> Iterator[dict[str, str]]:
    listed = _prefix_list_of(case.plane, case.peer)
    if listed is not None and case.outgoing:
        yield {"prefix_list_id": listed.prefix_list_id}
    other = _interface_of(case.plane, vpc_id, case.peer)
    if (
        other is not None
        and other.groups
        and case.ending.reason
        in (
            Reason.ENI_SG_RULES_MISMATCH,
            Reason.SG_HAS_NO_RULES,
        )
    ):
        yield {"referenced_group_id": other.groups[0]}
    yield {"cidr_ip": f"{dotted(case.peer)}/32"}


def _network_acl(case: Case) -> Iterator[Option]:
    """Entries in front of the line that denied: exactly the port out, the ephemeral ones back (NACL-4)."""
    acl = case.plane.network_acls.get(case.ending.component)
    if acl is None:
        return
    packet, answering = case.packet, case.back
    taken = {entry.rule_number for entry in acl.entries if entry.egress == case.outgoing}
    denied = (case.ending.rule or "*").split()[0]
    blocks = _blocks(case.plane, case.peer)
    numbers = _free_numbers(taken, int(denied) if denied.isdigit() else None, len(blocks))
    if numbers is None:
        return
    ports: dict[str, int] = {}
    if packet.proto in (IPPROTO_TCP, IPPROTO_UDP):
        first, last = EPHEMERAL if answering else (packet.dport, packet.dport)
        ports = {"from_port": first, "to_port": last}
    elif packet.proto == IPPROTO_ICMP:
        ports = {"from_port": packet.dport >> 8, "to_port": -1}
    yield [
        (
            "create_network_acl_entry",
            {
                "network_acl_id": acl.network_acl_id,
                "rule_number": number,
                "protocol": _protocol(packet),
                "rule_action": "allow",
                "egress": case.outgoing,
                "cidr_block": block,
                **ports,
            },
        )
        for number, block in zip(numbers, blocks, strict=True)
    ]


def _blocks(plane: ControlPlane, peer: int) -> list[str]:
    """Return what stands for a peer in a list without prefix lists (NACL-5): its service's blocks, or itself."""
    listed = _prefix_list_of(plane, peer)
    return [f"{dotted(peer)}/32"] if listed is None else [str(cidr) for cidr in listed.cidrs]


def _free_numbers(taken: set[int], before: int | None, count: int) -> list[int] | None:
    """Return as many free rule numbers, all in front of ``before``; a custom of tens where there is room."""
    if before is None:
        start = max(taken, default=90) // 10 * 10 + 10
        numbers = [number for number in range(start, LAST_RULE + 1, 10) if number not in taken][:count]
    else:
        numbers = [number for number in range(before - 1, 0, -1) if number not in taken][:count][::-1]
    return numbers if len(numbers) == count else None


# --- routes ----------------------------------------------------------------------------------------------------------


def _no_route(case: Case) -> Iterator[Option]:
    """A route to whatever already leads to the destination; else the endpoint that is missing."""
    table = case.plane.route_tables.get(case.ending.component)
    if table is not None:
        yield from _another_route(case, table)


def _another_route(case: Case, table: RouteTable) -> Iterator[Option]:
    plane, packet = case.plane, case.packet
    create: dict[str, Any] = {"route_table_id": table.route_table_id}
    listed = _prefix_list_of(plane, packet.dst)
    if listed is not None:
        yield from _gateway_endpoint(plane, table, listed)
    for peering in plane.vpc_peering_connections.values():
        ends = (peering.requester_vpc_id, peering.accepter_vpc_id)
        if peering.status is PeeringState.ACTIVE and table.vpc_id in ends:
            far = ends[0] if ends[1] == table.vpc_id else ends[1]
            block = _block_with(plane, far, packet.dst)
            if block is not None:
                name = peering.vpc_peering_connection_id
                yield [("create_route", {**create, "destination_cidr_block": block, "vpc_peering_connection_id": name})]
    for attachment in plane.transit_gateway_attachments.values():
        if attachment.resource_type is AttachmentType.VPC and attachment.resource_id == table.vpc_id:
            block = next((found for vpc in plane.vpcs if (found := _block_with(plane, vpc, packet.dst))), None)
            target = attachment.transit_gateway_id
            block = block or f"{dotted(packet.dst)}/32"
            yield [("create_route", {**create, "destination_cidr_block": block, "transit_gateway_id": target})]
    for vgw in plane.vpn_gateways.values():
        if vgw.vpc_id == table.vpc_id:
            verb = "enable_vgw_route_propagation"
            yield [(verb, {"route_table_id": table.route_table_id, "gateway_id": vgw.vpn_gateway_id})]
    yield from _to_the_internet(case, table, create)
    yield from _interface_endpoint(case, table)


def _to_the_internet(case: Case, table: RouteTable, create: dict[str, Any]) -> Iterator[Option]:
    plane, packet = case.plane, case.packet
    sender = _interface_of(plane, table.vpc_id, packet.src)
    for igw in plane.internet_gateways.values():
        if igw.vpc_id == table.vpc_id and sender is not None and sender.public_ips:
            name = igw.internet_gateway_id
            yield [("create_route", {**create, "destination_cidr_block": ANYWHERE, "gateway_id": name})]
    for nat in plane.nat_gateways.values():
        used = _table_of(plane, plane.subnets[nat.subnet_id]) if nat.subnet_id in plane.subnets else ""
        if nat.vpc_id == table.vpc_id and nat.state == "available" and used != table.route_table_id:
            name = nat.nat_gateway_id
            yield [("create_route", {**create, "destination_cidr_block": ANYWHERE, "nat_gateway_id": name})]


def _gateway_endpoint(plane: ControlPlane, table: RouteTable, listed: PrefixList) -> Iterator[Option]:
    services = {one.service_name for one in plane.services.values() if one.prefix_list_id == listed.prefix_list_id}
    for endpoint in plane.vpc_endpoints.values():
        gateway = endpoint.vpc_endpoint_type is VpcEndpointType.GATEWAY
        if gateway and endpoint.vpc_id == table.vpc_id and endpoint.service_name in services:
            parameters = {
                "vpc_endpoint_id": endpoint.vpc_endpoint_id,
                "add_route_table_ids": [table.route_table_id],
            }
            yield [("modify_vpc_endpoint", parameters)]
    for service in sorted(services):
        if VpcEndpointType.GATEWAY in plane.services[service].service_types:
            parameters = {"vpc_id": table.vpc_id, "service_name": service, "route_table_ids": [table.route_table_id]}
            yield [("create_vpc_endpoint", parameters)]


def _interface_endpoint(case: Case, table: RouteTable) -> Iterator[Option]:
    """An interface endpoint with private DNS for the service that has the public address."""
    plane, packet = case.plane, case.packet
    sender = _interface_of(plane, table.vpc_id, packet.src)
    if sender is None:
        return
    for service in plane.services.values():
        public = any(int(address) == packet.dst for address in service.public_addresses)
        if not public or VpcEndpointType.INTERFACE not in service.service_types:
            continue
        vpc = plane.vpcs[table.vpc_id]
        named = bool(service.private_dns_names) and vpc.enable_dns_support and vpc.enable_dns_hostnames
        parameters = {
            "vpc_id": table.vpc_id,
            "service_name": service.service_name,
            "vpc_endpoint_type": "Interface",
            "subnet_ids": [sender.subnet_id],
            "private_dns_enabled": named,
        }
        yield [("create_vpc_endpoint", parameters)]


def _blackhole(case: Case) -> Iterator[Option]:
    """Without the dead route, whatever is there besides."""
    table = case.plane.route_tables.get(case.ending.component)
    if table is not None:
        yield from _without_route(case, table)


def _peering(case: Case) -> Iterator[Option]:
    """Another way than the peering connection, which leads no further than the VPC behind it (EDGE-2)."""
    trace = case.answer.reply if case.back else case.answer.forward
    steps = [step.component for step in trace.steps if step.gate == "route"] if trace is not None else []
    table = case.plane.route_tables.get(steps[-1]) if steps else None
    if table is not None:
        yield from _without_route(case, table)


def _without_route(case: Case, table: RouteTable) -> Iterator[Option]:
    """Take out the routes that cover the destination, then find another one."""
    deletions: Option = []
    for route in table.routes:
        if route.destination_cidr_block is not None:
            blocks, name = (route.destination_cidr_block,), "destination_cidr_block"
        else:
            listed = case.plane.prefix_lists.get(route.destination_prefix_list_id or "")
            blocks, name = (listed.cidrs if listed is not None else ()), "destination_prefix_list_id"
        covers = any(case.packet.dst in _numbers(block) for block in blocks)
        if covers and route.target not in ("local", *case.plane.vpc_endpoints):
            parameters = {"route_table_id": table.route_table_id, name: route.destination}
            deletions.append(("delete_route", parameters))
    if deletions:
        for option in _another_route(case, table):
            yield [*deletions, *option]
        yield deletions


def _numbers(block: Any) -> range:
    return range(int(block.first), int(block.last) + 1)


# --- states and attributes -------------------------------------------------------------------------------------------


def _bad_state(case: Case) -> Iterator[Option]:
    """Accept what waits for acceptance; start what is stopped."""
    plane, name = case.plane, case.ending.component
    peering = plane.vpc_peering_connections.get(name)
    if peering is not None and peering.status is PeeringState.PENDING_ACCEPTANCE:
        yield [("accept_vpc_peering_connection", {"vpc_peering_connection_id": name})]
    endpoint = plane.vpc_endpoints.get(name)
    if endpoint is not None and endpoint.state is EndpointState.PENDING_ACCEPTANCE:
        service = plane.services[endpoint.service_name]
        parameters = {"service_id": service.service_id, "vpc_endpoint_ids": [name]}
        yield [("accept_vpc_endpoint_connections", parameters)]
    eni = plane.network_interfaces.get(name)
    if eni is not None and eni.attachment in plane.instances:
        yield [("start_instances", {"instance_ids": [eni.attachment]})]


def _dns_off(case: Case) -> Iterator[Option]:
    vpc = case.plane.vpcs.get(case.ending.component)
    if vpc is not None:
        yield [("modify_vpc_attribute", {"vpc_id": vpc.vpc_id, "enable_dns_support": True})]


def _source_dest_check(case: Case) -> Iterator[Option]:
    name = case.ending.component
    if name in case.plane.network_interfaces:
        parameters = {"network_interface_id": name, "source_dest_check": False}
        yield [("modify_network_interface_attribute", parameters)]


def _public_address(case: Case) -> Iterator[Option]:
    """An Elastic IP for the sender, or a NAT gateway that is there already."""
    plane = case.plane
    gateway = plane.internet_gateways.get(case.ending.component)
    vpc_id = gateway.vpc_id if gateway is not None else None
    sender = _interface_of(plane, vpc_id, case.packet.src) if vpc_id is not None else None
    if sender is None:
        return
    allocation = f"eipalloc-{sender.network_interface_id}"
    associate = {"allocation_id": allocation, "network_interface_id": sender.network_interface_id}
    yield [("allocate_address", {"allocation_id": allocation}), ("associate_address", associate)]


# --- transit gateways and load balancers -----------------------------------------------------------------------------


def _transit_association(case: Case) -> Iterator[Option]:
    plane, name = case.plane, case.ending.component
    attachment = plane.transit_gateway_attachments.get(name)
    for table in plane.transit_gateway_route_tables.values():
        if attachment is not None and table.transit_gateway_id == attachment.transit_gateway_id:
            parameters = {
                "transit_gateway_route_table_id": table.transit_gateway_route_table_id,
                "transit_gateway_attachment_id": name,
            }
            yield [("associate_transit_gateway_route_table", parameters)]


def _transit_route(case: Case) -> Iterator[Option]:
    """Propagation from the VPC that has the destination, else a static route to it."""
    plane = case.plane
    table = plane.transit_gateway_route_tables.get(case.ending.component)
    if table is None:
        return
    for attachment in plane.transit_gateway_attachments.values():
        if attachment.transit_gateway_id != table.transit_gateway_id:
            continue
        names = {
            "transit_gateway_route_table_id": table.transit_gateway_route_table_id,
            "transit_gateway_attachment_id": attachment.transit_gateway_attachment_id,
        }
        if attachment.resource_type is AttachmentType.VPC:
            block = _block_with(plane, attachment.resource_id, case.packet.dst)
            if block is not None:
                yield [("enable_transit_gateway_route_table_propagation", names)]
                yield [("create_transit_gateway_route", {**names, "destination_cidr_block": block})]


def _transit_zone(case: Case) -> Iterator[Option]:
    """A subnet of the sender's zone for the attachment."""
    plane = case.plane
    attachment = plane.transit_gateway_attachments.get(case.ending.component)
    if attachment is None:
        return
    sender = _interface_of(plane, attachment.resource_id, case.packet.src)
    if sender is None:
        return
    zone = plane.subnets[sender.subnet_id].availability_zone
    for subnet in plane.subnets.values():
        if subnet.vpc_id == attachment.resource_id and subnet.availability_zone == zone:
            parameters = {
                "transit_gateway_attachment_id": attachment.transit_gateway_attachment_id,
                "add_subnet_ids": [subnet.subnet_id],
            }
            yield [("modify_transit_gateway_vpc_attachment", parameters)]


def _cross_zone(case: Case) -> Iterator[Option]:
    name = case.ending.component
    if name in case.plane.load_balancers:
        yield [("modify_load_balancer_attributes", {"load_balancer_name": name, "cross_zone": True})]


# --- finding ---------------------------------------------------------------------------------------------------------


def _prefix_list_of(plane: ControlPlane, address: int) -> PrefixList | None:
    """Return AWS's list that holds a service's address."""
    for listed in plane.prefix_lists.values():
        if listed.owner_id == "AWS" and any(cidr.first <= address <= cidr.last for cidr in listed.cidrs):
            return listed
    return None


def _interface_of(plane: ControlPlane, vpc_id: str, address: int) -> NetworkInterface | None:
    host = IPAddress(address)
    for eni in plane.network_interfaces.values():
        if eni.vpc_id == vpc_id and host in eni.private_ip_addresses:
            return eni
    return None


def _block_with(plane: ControlPlane, vpc_id: str, address: int) -> str | None:
    vpc = plane.vpcs.get(vpc_id)
    for block in vpc.cidr_blocks if vpc is not None else ():
        if block.first <= address <= block.last:
            return str(block)
    return None


def _table_of(plane: ControlPlane, subnet: Subnet) -> str:
    return subnet.route_table_id or plane.vpcs[subnet.vpc_id].main_route_table_id


REMEDIES: Final[Mapping[Reason, Callable[[Case], Iterator[Option]]]] = MappingProxyType(
    {
        Reason.ENI_SG_RULES_MISMATCH: _security_group,
        Reason.SG_HAS_NO_RULES: _security_group,
        Reason.SG_REFERENCES_NOT_PRESERVED: _security_group,
        Reason.SG_REFERENCING_SUPPORT: _security_group,
        Reason.UNKNOWN_PEERED_SGS: _security_group,
        Reason.SUBNET_ACL_RESTRICTION: _network_acl,
        Reason.NO_ROUTE_TO_DESTINATION: _no_route,
        Reason.BAD_STATE_ROUTE: _blackhole,
        Reason.PCX_REQUIRES_ADDRESS_IN_VPC_CIDR: _peering,
        Reason.BAD_STATE: _bad_state,
        Reason.EMU_DNS_OFF: _dns_off,
        Reason.ENI_SOURCE_DEST_CHECK_RESTRICTION: _source_dest_check,
        Reason.IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS: _public_address,
        Reason.TGW_ATTACH_MISSING_TGW_RTB_ASSOCIATION: _transit_association,
        Reason.TGW_RTB_NO_ROUTE_TO_TGW_ATTACHMENT: _transit_route,
        Reason.TGW_ROUTE_AZ_RESTRICTION: _transit_zone,
        Reason.ELBV2_NO_TARGETS_IN_AZ: _cross_zone,
    }
)
"""What may be done about a refusal; what is not here is nobody's configuration."""
