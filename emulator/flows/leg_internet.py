"""Legs at the edges that lead to public addresses: internet gateways, and the internet itself.

An internet gateway translates one to one, private to public address and back,
and remembers nothing (EDGE-1).  The internet knows who has which public
address; what nobody in the topology has is delivered to ``internet``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from emulator.flows.legs import (
    PRIVATE,
    SHARED,
    PlaceKind,
    Rewrite,
    arrival,
    delay_between,
    mtu,
    not_public,
    sender_of,
)
from emulator.flows.translation import (
    quoted_ends,
    translated_error,
)
from emulator.gates.networks import contains, dotted
from emulator.model.reasons import Reason
from emulator.model.traces import Delivered

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
    _readdress(result, packet.src, public, outgoing=True)
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
    if not mtu(result, component, tables.settings.internet_gateway_mtu, "NET-6"):
        return
    _readdress(result, private, packet.dst, outgoing=False)
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


def _readdress(result: LegResult, private: int, public: int, *, outgoing: bool) -> None:
    """Put one address in the other's place, also in what an ICMP error quotes; ports stay, for the whole flow."""
    packet = result.packet
    src, dst = (public, packet.dst) if outgoing else (packet.src, private)
    quoted = quoted_ends(packet)
    if quoted is None:
        result.rewrite = Rewrite(src, packet.sport, dst, packet.dport)
        result.packet = result.rewrite.apply(packet)
        return
    inner, _ = quoted
    if outgoing and inner.dst == private:
        inner.dst = public
    elif not outgoing and inner.src == public:
        inner.src = private
    result.packet = translated_error(packet, src, dst, inner)


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
