"""A refusal as its remedies see it: the packet as it was at the gate, and what of the network it concerns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from netaddr import IPAddress

from emulator.flows.walk import PROTOCOL_NAMES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emulator.control import ControlPlane
    from emulator.model.resources import (
        NetworkInterface,
        PrefixList,
        RouteTable,
        Service,
        VpcEndpoint,
        VpcEndpointType,
    )
    from emulator.model.traces import Dropped, Step
    from emulator.observe.explain import RoundTrip
    from emulator.wire.packet import Packet

Option: TypeAlias = "list[tuple[str, dict[str, Any]]]"
"""Verbs with their parameters, all of which belong together."""


class Case:
    """A packet that was refused.

    Attributes:
        plane: The network.
        answer: The whole story.
        packet: As it was at the gate.
        step: The gate, and what it said.
        ending: How the packet ended there.
        back: Whether it was on its way back.
    """

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

    @property
    def protocol(self) -> str:
        """The packet's protocol, as verbs name it."""
        return PROTOCOL_NAMES.get(self.packet.proto, str(self.packet.proto))


def prefix_list_of(plane: ControlPlane, address: int) -> PrefixList | None:
    """Return AWS's list that holds a service's address."""
    for listed in plane.prefix_lists.values():
        if listed.owner_id == "AWS" and any(cidr.first <= address <= cidr.last for cidr in listed.cidrs):
            return listed
    return None


def services_at(plane: ControlPlane, address: int) -> Iterator[Service]:
    """Yield the services that have a public address, or whose prefix list holds it."""
    listed = prefix_list_of(plane, address)
    for service in plane.services.values():
        public = any(int(one) == address for one in service.public_addresses)
        if public or (listed is not None and service.prefix_list_id == listed.prefix_list_id):
            yield service


def endpoints_in(plane: ControlPlane, vpc_id: str, service: Service, kind: VpcEndpointType) -> Iterator[VpcEndpoint]:
    """Yield a VPC's endpoints of a type for a service."""
    for endpoint in plane.vpc_endpoints.values():
        wanted = (vpc_id, service.service_name, kind)
        if (endpoint.vpc_id, endpoint.service_name, endpoint.vpc_endpoint_type) == wanted:
            yield endpoint


def interface_of(plane: ControlPlane, vpc_id: str | None, address: int) -> NetworkInterface | None:
    """Return the interface of a VPC that has a private address."""
    host = IPAddress(address)
    for eni in plane.network_interfaces.values():
        if eni.vpc_id == vpc_id and host in eni.private_ip_addresses:
            return eni
    return None


def block_with(plane: ControlPlane, vpc_id: str, address: int) -> str | None:
    """Return the CIDR block of a VPC that holds an address."""
    vpc = plane.vpcs.get(vpc_id)
    for block in vpc.cidr_blocks if vpc is not None else ():
        if block.first <= address <= block.last:
            return str(block)
    return None


def table_of_subnet(plane: ControlPlane, subnet_id: str) -> str:
    """Return the route table that rules a subnet (ROUTE-1); empty if there is no such subnet."""
    subnet = plane.subnets.get(subnet_id)
    return "" if subnet is None else subnet.route_table_id or plane.vpcs[subnet.vpc_id].main_route_table_id


def last_table(case: Case) -> RouteTable | None:
    """Return the route table that led the packet to where it was refused."""
    trace = case.answer.reply if case.back else case.answer.forward
    names = [step.component for step in trace.steps if step.gate == "route"] if trace is not None else []
    return case.plane.route_tables.get(names[-1]) if names else None
