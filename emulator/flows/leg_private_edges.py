"""Legs at the edges that lead on premises: virtual private gateways, VPN connections, Direct Connect.

AWS: Site-to-Site VPN User Guide, "Route tables and AWS Site-to-Site VPN route priority".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from emulator.flows.leg_internet import into_vpc
from emulator.flows.legs import PlaceKind, clamp, mtu
from emulator.flows.tables import ShaperSpec
from emulator.gates.networks import contains, dotted
from emulator.model.reasons import Reason
from emulator.model.traces import Delivered

if TYPE_CHECKING:
    from emulator.flows.conntrack import FlowState
    from emulator.flows.legs import LegResult
    from emulator.flows.tables import ConnectionTable, Tables

BURST: Final = 131_072
"""Bytes that a tunnel lets through at once on top of its rate; EMU."""


def vpn_gateway_out(tables: Tables, _state: FlowState, result: LegResult, component: str, _now: int) -> None:
    """Out of a VPC by its virtual private gateway, over the best connection that leads to the destination."""
    packet = result.packet
    gateway = tables.vpn_gateways.get(component)
    if gateway is None or gateway.vpc_id is None:
        result.refuse(component, "state", Reason.BAD_STATE, "detached", "it is attached to no VPC")
        return
    if (gateway.vpc_id, packet.src) not in tables.addresses:
        detail = f"no interface of {gateway.vpc_id} has {dotted(packet.src)}"
        result.refuse(component, "source", Reason.VGW_PRIVATE_IP_ASSOCIATION_FOR_EGRESS, None, detail)
        return
    result.see(component, outgoing=True)
    entry = gateway.connections.best(packet.dst) if gateway.connections is not None else None
    if entry is None:
        detail = f"no VPN connection or virtual interface leads to {dotted(packet.dst)}"
        result.refuse(component, "connection", Reason.NO_POSSIBLE_DESTINATION, None, detail)
        return
    result.passes(component, "connection", str(entry))
    onto(tables, result, component, tables.connections[entry.target])


def onto(tables: Tables, result: LegResult, source: str, connection: ConnectionTable) -> None:
    """Onto a connection: it must be up, and the packet must fit; a VPN is silent about what does not (NET-7)."""
    name = connection.connection_id
    if not up(result, connection):
        return
    settings = tables.settings
    if connection.vpn and not _tunnel(tables, result, name):
        return
    delay = settings.vpn_delay if connection.vpn else settings.direct_connect_delay
    result.goes_on(source, PlaceKind.CONNECTION_OUT, name, delay)
    _limit(tables, result, connection, "out")


def _limit(tables: Tables, result: LegResult, connection: ConnectionTable, way: str) -> None:
    """Let a VPN be as fast as a standard tunnel is, each way (NET-8)."""
    rate = tables.settings.vpn_bandwidth
    if connection.vpn and rate is not None:
        result.shape(ShaperSpec(f"{connection.connection_id}/{way}", rate, BURST, None))


def _tunnel(tables: Tables, result: LegResult, name: str) -> bool:
    """Through a tunnel: silent about what is too long; EMU: the customer's gateway clamps the MSS as AWS asks of it."""
    if not mtu(result, name, tables.settings.vpn_mtu, "NET-8"):
        return False
    clamp(result, tables.settings.vpn_mtu)
    return True


def up(result: LegResult, connection: ConnectionTable) -> bool:
    """Refuse on a connection that carries nothing."""
    if connection.up:
        return True
    reason = Reason.BAD_STATE_VPN if connection.vpn else Reason.BAD_STATE
    if connection.attachment_id is not None:
        reason = Reason.TGW_BAD_STATE_VPN
    return result.refuse(connection.connection_id, "connection", reason, connection.state)


def connection_out(tables: Tables, _state: FlowState, result: LegResult, component: str, _now: int) -> None:
    """Beyond a connection: the on-premises host that has the address, or the rest of that network."""
    for host_id, (address, location) in tables.external.items():
        if location == component and address == result.packet.dst:
            result.passes(component, "delivery", None, f"{dotted(address)} is {host_id}")
            result.see(host_id, outgoing=False)
            result.ending = Delivered(host_id)
            return
    result.passes(component, "delivery", None, f"{dotted(result.packet.dst)} is beyond it")
    result.ending = Delivered(component)


def connection_in(tables: Tables, _state: FlowState, result: LegResult, component: str, _now: int) -> None:
    """Into AWS by a connection: to the VPC of its virtual private gateway, or into its transit gateway."""
    packet = result.packet
    connection = tables.connections.get(component)
    if connection is None:
        result.refuse(component, "connection", Reason.BAD_STATE, None, "the connection is gone")
        return
    if not up(result, connection):
        return
    if connection.vpn and not _tunnel(tables, result, component):
        return
    if connection.attachment_id is not None:
        result.passes(component, "connection")
        place = f"{connection.gateway_id}/{connection.attachment_id}"
        result.goes_on(component, PlaceKind.TRANSIT_ROUTE, place, tables.settings.transit_gateway_delay)
        _limit(tables, result, connection, "in")
        return
    gateway = tables.vpn_gateways.get(connection.gateway_id)
    if gateway is None or gateway.vpc_id is None:
        result.refuse(connection.gateway_id, "state", Reason.BAD_STATE, "detached", "it is attached to no VPC")
        return
    name = gateway.gateway_id
    if contains(tables.vpcs[gateway.vpc_id].cidrs, packet.src):
        detail = f"{dotted(packet.src)} is an address of {gateway.vpc_id} itself"
        result.refuse(name, "source", Reason.GATEWAY_REJECTS_SPOOFED_TRAFFIC, None, detail)
        return
    eni = tables.addresses.get((gateway.vpc_id, packet.dst))
    if eni is None:
        detail = f"no interface of {gateway.vpc_id} has {dotted(packet.dst)}: it leads no further than the VPC"
        result.refuse(name, "destination", Reason.VGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS, None, detail)
        return
    result.see(name, outgoing=False)
    result.passes(name, "connection")
    into_vpc(tables, result, gateway, eni)
    _limit(tables, result, connection, "in")
