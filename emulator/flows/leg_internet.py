"""Legs at the edges that lead to public addresses: internet gateways, NAT gateways, and the internet itself.

An internet gateway translates one to one, private to public address and back,
and remembers nothing (EDGE-1).  A NAT gateway translates ports and remembers
every flow for 350 s (NAT-1 to NAT-5).  The internet knows who has which public
address; what nobody in the topology has is delivered to ``internet``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from emulator.flows.leg_endpoints import opens, reset_of
from emulator.flows.leg_routes import follow
from emulator.flows.legs import (
    PRIVATE,
    PROTOCOL_NAMES,
    SHARED,
    Place,
    PlaceKind,
    Rewrite,
    arrival,
    clamp,
    delay_between,
    mtu,
    network_acl,
    not_public,
    sender_of,
    to_neighbour,
    working,
)
from emulator.flows.tables import Kind
from emulator.flows.translation import (
    Endpoints,
    bind,
    ends_of,
    free_port,
    key_of,
    quoted_ends,
    translated,
    translated_error,
)
from emulator.gates.networks import contains, dotted
from emulator.model.reasons import Reason
from emulator.model.traces import Delivered
from emulator.wire.packet import FRAGMENTED, IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP, RST

if TYPE_CHECKING:
    from emulator.flows.conntrack import FlowState
    from emulator.flows.legs import LegResult
    from emulator.flows.tables import GatewayTable, InterfaceTable, Tables

INTERNET: Final = "internet"
"""The component that stands for every public address nobody in the topology has."""


# --- internet gateways -----------------------------------------------------------------------------------------------


def internet_gateway_out(tables: Tables, _state: FlowState, result: LegResult, component: str, _now: int) -> None:
    """Out of a VPC: only from what has a public address, only to public ones."""
    packet = result.packet
    gateway = tables.internet_gateways.get(component)
    if gateway is None or gateway.vpc_id is None:
        result.refuse(component, "state", Reason.BAD_STATE, "detached", "it is attached to no VPC")
        return
    reason = not_public(packet.dst)
    if reason is not None:
        result.refuse(component, "destination", reason, None, f"{dotted(packet.dst)} is no public address (EDGE-1)")
        return
    eni = tables.addresses.get((gateway.vpc_id, packet.src))
    if eni is None:
        detail = f"no interface of {gateway.vpc_id} has {dotted(packet.src)}"
        result.refuse(component, "source", Reason.GATEWAY_REJECTS_SPOOFED_TRAFFIC, None, detail)
        return
    public = eni.public.get(packet.src)
    if public is None:
        detail = f"{eni.interface_id} has no public address for {dotted(packet.src)} (EDGE-1)"
        result.refuse(component, "translation", Reason.IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS, None, detail)
        return
    result.see(component, outgoing=True)
    tell = sender_of(tables, gateway.vpc_id, packet)
    if not mtu(result, component, tables.settings.internet_gateway_mtu, "NET-6", tell):
        return
    result.passes(component, "translation", f"{dotted(packet.src)} -> {dotted(public)}")
    _readdress(result, Endpoints(public, packet.sport, packet.dst, packet.dport))
    result.goes_on(component, PlaceKind.INTERNET, INTERNET, tables.settings.internet_delay)


def internet_gateway_in(tables: Tables, _state: FlowState, result: LegResult, component: str, _now: int) -> None:
    """Into a VPC: only to what has the public address; its edge route table may send it by a middlebox (ROUTE-18)."""
    packet = result.packet
    gateway = tables.internet_gateways.get(component)
    if gateway is None or gateway.vpc_id is None:
        result.refuse(component, "state", Reason.BAD_STATE, "detached", "it is attached to no VPC")
        return
    for blocks, reason in (
        (PRIVATE, Reason.IGW_SOURCE_ADDRESS_NOT_IN_RFC1918_INGRESS),
        (SHARED, Reason.IGW_SOURCE_ADDRESS_NOT_IN_RFC6598_INGRESS),
    ):
        if contains(blocks, packet.src):
            result.refuse(component, "source", reason, None, f"{dotted(packet.src)} is no public address (EDGE-1)")
            return
    owner = tables.public.get(packet.dst)
    eni = tables.interfaces.get(owner) if owner is not None else None
    if eni is None or eni.vpc_id != gateway.vpc_id:
        detail = f"no interface of {gateway.vpc_id} has the public address {dotted(packet.dst)}"
        result.refuse(component, "translation", Reason.IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS, None, detail)
        return
    private = next(inner for inner, public in eni.public.items() if public == packet.dst)
    result.passes(component, "translation", f"{dotted(packet.dst)} -> {dotted(private)}")
    _readdress(result, Endpoints(packet.src, packet.sport, private, packet.dport))
    result.see(component, outgoing=False)
    into_vpc(tables, result, gateway, eni)


def into_vpc(tables: Tables, result: LegResult, gateway: GatewayTable, eni: InterfaceTable) -> None:
    """From a gateway to an interface of its VPC, by the gateway's own route table if it has one."""
    component = gateway.gateway_id
    if gateway.edge_routes is not None:
        entry = gateway.edge_routes.best(result.packet.dst)
        table = gateway.edge_routes.route_table_id
        if entry is None or not entry.active:
            rule = str(entry) if entry is not None else None
            reason = Reason.NO_ROUTE_TO_DESTINATION if entry is None else Reason.BAD_STATE_ROUTE
            result.refuse(table, "edge_route", reason, rule)
            return
        result.passes(table, "edge_route", str(entry))
        middlebox = tables.interfaces.get(entry.target) if entry.target != "local" else None
        if middlebox is not None:
            if component in tables.internet_gateways and not (middlebox.running and middlebox.public):
                detail = f"{middlebox.interface_id} needs a running instance with a public address (ROUTE-19)"
                result.refuse(table, "edge_route", Reason.INGRESS_RTB_NO_PUBLIC_IP, str(entry), detail)
                return
            eni = middlebox
    delay = delay_between(tables, None, eni)
    result.goes_on(component, arrival(eni), eni.interface_id, delay)


def _readdress(result: LegResult, ends: Endpoints) -> None:
    """Give the packet other ends; for TCP and UDP the same ones for the whole flow."""
    packet = result.packet
    if packet.proto in (IPPROTO_TCP, IPPROTO_UDP):
        result.rewrite = Rewrite(ends.src, ends.sport, ends.dst, ends.dport)
        result.packet = result.rewrite.apply(packet)
    else:
        twin = packet.rewritten()
        twin.src, twin.dst = ends.src, ends.dst
        result.packet = twin


# --- the internet ----------------------------------------------------------------------------------------------------


def internet(tables: Tables, _state: FlowState, result: LegResult, component: str, _now: int) -> None:
    """Among public addresses: to whoever has this one."""
    owner = tables.public.get(result.packet.dst)
    if owner is None and tables.public_blocks is not None:
        block = tables.public_blocks.best(result.packet.dst)
        owner = block.target if block is not None else None
    if owner is None:
        result.passes(component, "delivery", None, f"{dotted(result.packet.dst)} is nobody's in this topology")
        result.ending = Delivered(component)
        return
    eni = tables.interfaces.get(owner)
    if eni is None:
        result.passes(component, "delivery", None, f"{dotted(result.packet.dst)} is {owner}")
        result.see(owner, outgoing=False)
        result.ending = Delivered(owner)
        return
    gateway = next((one for one in tables.internet_gateways.values() if one.vpc_id == eni.vpc_id), None)
    if gateway is None:
        detail = f"{eni.vpc_id} has no internet gateway"
        result.refuse(component, "delivery", Reason.NO_POSSIBLE_DESTINATION, None, detail)
        return
    result.passes(component, "delivery", None, f"{dotted(result.packet.dst)} is a public address of {owner}")
    delay = tables.settings.internet_delay
    result.goes_on(component, PlaceKind.INTERNET_GATEWAY_IN, gateway.gateway_id, delay)


def external_out(tables: Tables, _state: FlowState, result: LegResult, component: str, _now: int) -> None:
    """Out of a host beyond the edges, of a service's public side, or of the rest of the world."""
    _, location = tables.external.get(component, (0, component if component in tables.connections else INTERNET))
    result.see(component, outgoing=True)
    if location == INTERNET:
        if not_public(result.packet.dst) is not None:
            detail = f"{dotted(result.packet.dst)} is no public address"
            result.refuse(component, "destination", Reason.NO_POSSIBLE_DESTINATION, None, detail)
            return
        result.passes(component, "delivery")
        result.goes_on(component, PlaceKind.INTERNET, INTERNET, 0)
        return
    if location not in tables.connections:
        result.refuse(component, "delivery", Reason.BAD_STATE, location, "it is connected to nothing")
        return
    result.passes(component, "delivery")
    settings = tables.settings
    delay = settings.vpn_delay if tables.connections[location].vpn else settings.direct_connect_delay
    result.goes_on(component, PlaceKind.CONNECTION_IN, location, delay)


# --- NAT gateways ----------------------------------------------------------------------------------------------------


def nat_in(tables: Tables, state: FlowState, result: LegResult, component: str, now: int) -> None:
    """At a NAT gateway's interface: a packet to be translated, or an answer to one that was."""
    eni = tables.interfaces.get(component)
    gateway = tables.nat_gateways.get(eni.owner) if eni is not None else None
    if eni is None or gateway is None:
        result.refuse(component, "interface", Reason.BAD_STATE, None, "the interface is gone")
        return
    packet = result.packet
    name = gateway.nat_gateway_id
    if not working(result, eni):
        return
    if not result.neighbour and not network_acl(result, eni, outgoing=False):  # NAT-3: no security group
        return
    result.log(component, outgoing=False, accepted=True)
    result.see(component, outgoing=False)
    if gateway.failed:
        result.refuse(name, "state", Reason.EMU_FAULT, gateway.failed)
        return
    if gateway.state != "available":
        result.refuse(name, "state", Reason.BAD_STATE, gateway.state, "only an available NAT gateway translates")
        return
    if packet.proto not in (IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP):
        result.refuse(name, "protocol", Reason.PROTOCOL_RESTRICTION, "TCP, UDP and ICMP only (NAT-1)")
        return
    if packet.fragment & FRAGMENTED and packet.proto != IPPROTO_UDP:
        result.refuse(name, "protocol", Reason.PROTOCOL_RESTRICTION, "no TCP or ICMP fragments (NAT-4)")
        return
    tell = Place(PlaceKind.NAT_OUT, component)
    if not mtu(result, name, tables.settings.nat_gateway_mtu, "NAT-4", tell):
        return
    if packet.dst in eni.addresses:
        _nat_back(tables, state, result, eni, name, now)
    else:
        _nat_forth(tables, state, result, eni, name, now)


def _nat_forth(tables: Tables, state: FlowState, result: LegResult, eni: InterfaceTable, name: str, now: int) -> None:
    packet = result.packet
    settings = tables.settings
    vpc = tables.vpcs[eni.vpc_id]
    if not contains(vpc.cidrs, packet.src) and not vpc.transit:
        detail = f"{dotted(packet.src)} is outside {eni.vpc_id} (NAT-3)"
        result.refuse(name, "source", Reason.NGW_REQUIRES_SOURCE_IN_VPC, None, detail)
        return
    if packet.src in eni.addresses:
        detail = f"the route leads back to {name} itself"
        result.refuse(eni.routes.route_table_id, "route", Reason.NO_ROUTE_TO_DESTINATION, None, detail)
        return
    before = ends_of(packet)
    entry = state.get(key_of(name, before, packet.proto), now)
    if entry is not None:
        after = _bound(entry.binding)
        address = after.src
    elif not opens(packet):
        if not packet.flags & RST:
            result.answers.append((reset_of(packet), Place(PlaceKind.NAT_OUT, eni.interface_id)))
        seconds = settings.nat_idle_timeout / 1e9
        detail = f"silent for more than {seconds:g} s, or never opened; a reset is sent (NAT-5)"
        result.refuse(name, "idle", Reason.EMU_IDLE_TIMEOUT, "idle timeout", detail)
        return
    else:
        chosen = _free(tables, state, packet.proto, eni, name, result, now)
        if chosen is None:
            limit = f"{settings.nat_connections_per_destination} per destination (NAT-2)"
            result.refuse(name, "ports", Reason.EMU_PORTS_EXHAUSTED, limit, f"towards {dotted(packet.dst)}")
            return
        address, port = chosen
        after = Endpoints(address, port, before.dst, port if packet.proto == IPPROTO_ICMP else before.dport)
    group = (name, address, before.dst, 0 if packet.proto == IPPROTO_ICMP else before.dport, packet.proto)
    bind(result, name, packet.proto, before, after, settings.nat_idle_timeout, group)
    result.passes(name, "translation", None, f"{dotted(before.src)}:{before.sport} -> {dotted(address)}:{after.sport}")
    _rewrite(result, after)
    clamp(result, settings.nat_gateway_mtu)
    leave(tables, result, eni)


def _free(
    tables: Tables, state: FlowState, proto: int, eni: InterfaceTable, name: str, result: LegResult, now: int
) -> tuple[int, int] | None:
    """Return the address and port for a new flow; None if every address has its fill towards that destination."""
    packet = result.packet
    port = 0 if proto == IPPROTO_ICMP else packet.dport
    for address in eni.addresses:
        group = (name, address, packet.dst, port, proto)
        if state.full(group, tables.settings.nat_connections_per_destination, now):
            continue
        free = free_port(state, name, packet, address, (packet.dst, packet.dport), now)
        if free is not None:
            return address, free
    return None


def _nat_back(tables: Tables, state: FlowState, result: LegResult, eni: InterfaceTable, name: str, now: int) -> None:
    packet = result.packet
    quoted = quoted_ends(packet)
    if quoted is not None:
        inner, proto = quoted
        back = Endpoints(inner.dst, inner.dport, inner.src, inner.sport)
        entry = state.get(key_of(name, back, proto), now)
        if entry is not None:
            client = _bound(entry.binding)  # answers go from the remote end to the client
            inside = Endpoints(client.dst, client.dport, client.src, client.sport)
            result.packet = translated_error(packet, inside.src, inside)
            result.passes(name, "translation", None, f"an ICMP error about a flow of {dotted(inside.src)}")
            leave(tables, result, eni)
            return
    before = ends_of(packet)
    entry = state.get(key_of(name, before, packet.proto), now)
    if entry is None:
        protocol = PROTOCOL_NAMES.get(packet.proto, str(packet.proto))
        detail = f"{protocol} from {dotted(packet.src)} answers no flow; it takes none from outside, nor ping (NAT-3)"
        result.refuse(name, "translation", Reason.NO_POSSIBLE_DESTINATION, None, detail)
        return
    after = _bound(entry.binding)
    settings = tables.settings
    forth = Endpoints(after.dst, after.dport, after.src, after.sport)
    outside = Endpoints(before.dst, before.dport, before.src, before.sport)
    group = entry.group or ()
    bind(result, name, packet.proto, forth, outside, settings.nat_idle_timeout, group)
    result.passes(
        name, "translation", None, f"{dotted(before.dst)}:{before.dport} -> {dotted(after.dst)}:{after.dport}"
    )
    _rewrite(result, after)
    clamp(result, settings.nat_gateway_mtu)
    leave(tables, result, eni)


def _bound(binding: tuple[int | str, ...]) -> Endpoints:
    src, sport, dst, dport = binding[:4]
    assert isinstance(src, int) and isinstance(sport, int) and isinstance(dst, int) and isinstance(dport, int)  # noqa: PT018
    return Endpoints(src, sport, dst, dport)


def _rewrite(result: LegResult, ends: Endpoints) -> None:
    packet = result.packet
    result.packet = translated(packet, ends)
    if packet.proto in (IPPROTO_TCP, IPPROTO_UDP):
        result.rewrite = Rewrite(ends.src, ends.sport, ends.dst, ends.dport)


def nat_out(tables: Tables, _state: FlowState, result: LegResult, component: str, _now: int) -> None:
    """Out of a NAT gateway's interface: what it sends by itself."""
    eni = tables.interfaces.get(component)
    if eni is None or eni.kind is not Kind.NAT_GATEWAY:
        result.refuse(component, "interface", Reason.BAD_STATE, None, "the interface is gone")
        return
    leave(tables, result, eni)


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
