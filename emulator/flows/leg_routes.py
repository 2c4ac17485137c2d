"""Following a route: from a subnet, a gateway or a transit gateway's attachment to what its table names.

One table, ``TARGETS``, says what each kind of target does with a packet
(ROUTE-13).  What no kind claims is not modelled, and is said so by name (D6).
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from emulator.flows.legs import (
    PlaceKind,
    arrival,
    delay_between,
    mtu,
    network_acl,
    sender_of,
    to_address,
    to_neighbour,
)
from emulator.gates.networks import contains, dotted
from emulator.model.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from emulator.flows.conntrack import FlowState
    from emulator.flows.legs import LegResult
    from emulator.flows.tables import InterfaceTable, Tables
    from emulator.gates.routes import RouteEntry

RESERVED_FOR_AWS: Final = ((0xA9FEA800, 0xFFFFFC00),)
"""169.254.168.0/22, to which nothing is forwarded (ROUTE-11)."""


def follow(tables: Tables, result: LegResult, sender: InterfaceTable) -> None:
    """Look up the packet's destination in the table of the interface's subnet, and go where that leads."""
    packet = result.packet
    lookup = sender.routes
    table = lookup.route_table_id
    reserved = contains(RESERVED_FOR_AWS, packet.dst)
    entry = lookup.best(packet.dst) if packet.version == 4 and not reserved else None  # IPv6 apart (ROUTE-6)
    if entry is None:
        fact = "ROUTE-11" if reserved else "ROUTE-7"
        detail = f"no route covers {dotted(packet.dst)} ({fact})"
        result.refuse(table, "route", Reason.NO_ROUTE_TO_DESTINATION, None, detail)
        return
    if not entry.active:
        result.refuse(table, "route", Reason.BAD_STATE_ROUTE, str(entry), "the target is gone (ROUTE-14)")
        return
    if entry.target == "local":
        result.passes(table, "route", str(entry))
        to_address(tables, result, table, sender.interface_id, sender, sender.vpc_id)
        return
    for find, act in TARGETS.items():
        if entry.target in getattr(tables, find):
            result.passes(table, "route", str(entry))
            act(tables, result, entry, sender)
            return
    detail = f"{entry.target} is of a kind that is not modelled"
    result.refuse(table, "route", Reason.UNSUPPORTED_COMPONENT, str(entry), detail)


def leave(tables: Tables, result: LegResult, eni: InterfaceTable) -> None:
    """Leave by an interface without security groups: network ACL unless it stays in the subnet, then the route."""
    result.see(eni.interface_id, outgoing=True)
    if eni.inside(result.packet.dst):
        result.log(eni.interface_id, outgoing=True, accepted=True)
        to_neighbour(tables, result, eni)
        return
    if not network_acl(result, eni, outgoing=True):
        return
    result.log(eni.interface_id, outgoing=True, accepted=True)
    follow(tables, result, eni)


def _gateway_endpoint(tables: Tables, result: LegResult, entry: RouteEntry, sender: InterfaceTable) -> None:
    result.goes_on(sender.interface_id, PlaceKind.GATEWAY_IN, entry.target, tables.settings.intra_az_delay)


def _internet_gateway(tables: Tables, result: LegResult, entry: RouteEntry, sender: InterfaceTable) -> None:
    """Out of the VPC; a subnet whose arriving packets go by a middlebox may not leave past it (ROUTE-19)."""
    edge = tables.internet_gateways[entry.target].edge_routes
    redirected = edge.best(result.packet.src) if edge is not None else None
    if redirected is not None and redirected.target in tables.interfaces and redirected.target != sender.interface_id:
        detail = f"packets from {dotted(result.packet.src)} leave by {redirected.target}, as their answers come by it"
        reason = Reason.INGRESS_RTB_TRAFFIC_REDIRECTION
        result.refuse(entry.target, "edge_route", reason, str(redirected), f"{detail} (ROUTE-19)")
        return
    result.goes_on(sender.interface_id, PlaceKind.INTERNET_GATEWAY_OUT, entry.target, tables.settings.intra_az_delay)


def _vpn_gateway(tables: Tables, result: LegResult, entry: RouteEntry, sender: InterfaceTable) -> None:
    result.goes_on(sender.interface_id, PlaceKind.VPN_GATEWAY_OUT, entry.target, tables.settings.intra_az_delay)


def _nat_gateway(tables: Tables, result: LegResult, entry: RouteEntry, sender: InterfaceTable) -> None:
    _interface(tables, result, entry.target, tables.nat_gateways[entry.target].interface_id, sender)


def _network_interface(tables: Tables, result: LegResult, entry: RouteEntry, sender: InterfaceTable) -> None:
    _interface(tables, result, entry.target, entry.target, sender)


def _interface(tables: Tables, result: LegResult, target: str, interface_id: str, sender: InterfaceTable) -> None:
    eni = tables.interfaces.get(interface_id)
    if eni is None:
        result.refuse(target, "interface", Reason.BAD_STATE, None, "its interface is gone")
        return
    delay = delay_between(tables, sender, eni)
    result.goes_on(sender.interface_id, arrival(eni), interface_id, delay)


def _transit_gateway(tables: Tables, result: LegResult, entry: RouteEntry, sender: InterfaceTable) -> None:
    """Into a transit gateway by the attachment's interface in the sender's own zone (EDGE-3)."""
    attachment_id = tables.transit_gateways[entry.target].by_vpc.get(sender.vpc_id)
    if attachment_id is None:
        detail = f"{sender.vpc_id} is not attached to {entry.target}"
        result.refuse(entry.target, "attachment", Reason.BAD_STATE_ATTACHMENT, None, detail)
        return
    attachment = tables.attachments[attachment_id]
    if attachment.state != "available":
        result.refuse(attachment_id, "attachment", Reason.BAD_STATE_ATTACHMENT, attachment.state)
        return
    zone = sender.availability_zone
    interface_id = attachment.interfaces.get(zone)
    if interface_id is None:
        zones = ", ".join(attachment.interfaces)
        detail = f"{attachment_id} has no subnet in {zone}, only in {zones} (EDGE-3)"
        result.refuse(attachment_id, "attachment", Reason.TGW_ROUTE_AZ_RESTRICTION, None, detail)
        return
    result.goes_on(sender.interface_id, PlaceKind.TRANSIT_IN, interface_id, tables.settings.intra_az_delay)


def _peering(tables: Tables, result: LegResult, entry: RouteEntry, sender: InterfaceTable) -> None:
    """Into the far VPC, and no further (EDGE-2)."""
    packet = result.packet
    peering = tables.peerings[entry.target]
    if peering.status != "active":
        detail = "only an active peering forwards (EDGE-2)"
        result.refuse(entry.target, "peering", Reason.BAD_STATE, peering.status, detail)
        return
    far = peering.far(sender.vpc_id)
    if not contains(tables.vpcs[far].cidrs, packet.dst):
        detail = f"{dotted(packet.dst)} is not in {far}'s CIDR blocks: peering leads no further (EDGE-2)"
        result.refuse(entry.target, "peering", Reason.PCX_REQUIRES_ADDRESS_IN_VPC_CIDR, str(entry), detail)
        return
    result.passes(entry.target, "peering", str(entry))
    settings = tables.settings
    extra = settings.peering_delay
    if peering.inter_region:
        tell = sender_of(tables, sender.vpc_id, packet)
        if not mtu(result, entry.target, settings.inter_region_peering_mtu, "NET-6", tell):
            return
        extra += settings.inter_region_delay
    to_address(tables, result, entry.target, sender.interface_id, sender, far, extra)


def peer_in(tables: Tables, _state: FlowState, result: LegResult, component: str, _now: int) -> None:
    """Into a VPC by a peering connection, for questions that begin there; ``component`` is ``<peering>@<VPC>``."""
    peering, _, vpc_id = component.partition("@")
    status = tables.peerings[peering].status
    if status != "active":
        result.refuse(peering, "peering", Reason.BAD_STATE, status, "only an active peering forwards (EDGE-2)")
        return
    if not contains(tables.vpcs[vpc_id].cidrs, result.packet.dst):
        detail = f"{dotted(result.packet.dst)} is not in {vpc_id}'s CIDR blocks: peering leads no further (EDGE-2)"
        result.refuse(peering, "peering", Reason.PCX_REQUIRES_ADDRESS_IN_VPC_CIDR, None, detail)
        return
    result.passes(peering, "peering")
    to_address(tables, result, peering, peering, None, vpc_id, tables.settings.peering_delay)


TARGETS: Final[Mapping[str, Callable[[Tables, LegResult, RouteEntry, InterfaceTable], None]]] = MappingProxyType(
    {
        "gateways": _gateway_endpoint,
        "nat_gateways": _nat_gateway,
        "internet_gateways": _internet_gateway,
        "peerings": _peering,
        "transit_gateways": _transit_gateway,
        "vpn_gateways": _vpn_gateway,
        "interfaces": _network_interface,
    }
)
"""By the table that holds the target's id: what such a target does with a packet."""
