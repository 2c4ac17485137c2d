"""Legs at NAT gateways: out to the world by a port of theirs, and back to whose flow it is (NAT-1 to NAT-5).

AWS: VPC User Guide, "NAT gateway basics", "Troubleshoot NAT gateways".  RFC 5508 settles what becomes of ICMP.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from emulator.flows.leg_endpoints import opens, reset_of
from emulator.flows.leg_routes import leave
from emulator.flows.legs import PROTOCOL_NAMES, Place, PlaceKind, Rewrite, clamp, mtu, network_acl, working
from emulator.flows.tables import Kind, ShaperSpec
from emulator.flows.translation import (
    ECHO_REPLY,
    ECHO_REQUEST,
    Binding,
    Endpoints,
    bound,
    ends_of,
    free_port,
    key_of,
    quoted_ends,
    remember,
    translated,
    translated_error,
)
from emulator.gates.networks import contains, dotted
from emulator.model.reasons import Reason
from emulator.wire.packet import FRAGMENTED, IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP, RST, Packet

if TYPE_CHECKING:
    from emulator.flows.conntrack import FlowState, Group
    from emulator.flows.legs import LegResult
    from emulator.flows.tables import InterfaceTable, Tables

BURST: Final = 1_048_576
"""Bytes that a NAT gateway lets through at once on top of its rate; EMU."""


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
    if packet.fragment & FRAGMENTED:
        if packet.proto == IPPROTO_UDP:
            result.refuse(name, "protocol", Reason.UNSUPPORTED_COMPONENT, None, "UDP fragments are not modelled")
        else:
            result.refuse(name, "protocol", Reason.PROTOCOL_RESTRICTION, "no TCP or ICMP fragments (NAT-4)")
        return
    if not mtu(result, name, tables.settings.nat_gateway_mtu, "NAT-4", Place(PlaceKind.NAT_OUT, component)):
        return
    if packet.dst in eni.addresses:
        _back(tables, state, result, eni, name, now)
    else:
        _forth(tables, state, result, eni, name, now)


def _forth(tables: Tables, state: FlowState, result: LegResult, eni: InterfaceTable, name: str, now: int) -> None:
    packet = result.packet
    timeout = tables.settings.nat_idle_timeout
    vpc = tables.vpcs[eni.vpc_id]
    if packet.src in eni.addresses:
        detail = f"the route leads back to {name} itself"
        result.refuse(eni.routes.route_table_id, "route", Reason.NO_ROUTE_TO_DESTINATION, None, detail)
        return
    if not contains(vpc.cidrs, packet.src) and not vpc.transit:
        detail = f"{dotted(packet.src)} is outside {eni.vpc_id} (NAT-3)"
        result.refuse(name, "source", Reason.NGW_REQUIRES_SOURCE_IN_VPC, None, detail)
        return
    if _error(tables, state, result, eni, name, now):
        return
    before = ends_of(packet)
    entry = state.get(key_of(name, before, packet.proto), now)
    if entry is not None:
        after, _ = bound(entry)
    elif not opens(packet):
        if not packet.flags & RST:
            result.answers.append((reset_of(packet), Place(PlaceKind.NAT_OUT, eni.interface_id)))
        detail = f"silent for more than {timeout / 1e9:g} s, or never opened; a reset is sent (NAT-5)"
        result.refuse(name, "idle", Reason.EMU_IDLE_TIMEOUT, "idle timeout", detail)
        return
    elif packet.proto == IPPROTO_ICMP and packet.dport >> 8 != ECHO_REQUEST:
        rule = "of ICMP, echo and errors only (EMU)"
        result.refuse(name, "protocol", Reason.PROTOCOL_RESTRICTION, rule, f"type {packet.dport >> 8}")
        return
    else:
        chosen = _free(tables, state, eni, name, packet, now)
        if chosen is None:
            limit = f"{tables.settings.nat_connections_per_destination} per destination (NAT-2)"
            result.exceeded = _group(name, eni.address, packet)
            result.refuse(name, "ports", Reason.EMU_PORTS_EXHAUSTED, limit, f"towards {dotted(packet.dst)}")
            return
        after = chosen
    binding = Binding(name, name, packet.proto, before, after)
    remember(state, result, binding, timeout, _group(name, after.src, packet), now)
    result.passes(
        name, "translation", None, f"{dotted(before.src)}:{before.sport} -> {dotted(after.src)}:{after.sport}"
    )
    _translate(tables, result, after)
    _leave(tables, result, eni)


def _group(name: str, address: int, packet: Packet) -> Group:
    """Return what a flow counts against: one of the gateway's addresses, and a destination (NAT-2)."""
    return name, address, packet.dst, 0 if packet.proto == IPPROTO_ICMP else packet.dport, packet.proto


def _free(
    tables: Tables, state: FlowState, eni: InterfaceTable, name: str, packet: Packet, now: int
) -> Endpoints | None:
    """Return the ends of a new flow outside; None if every address has its fill towards that destination."""
    limit = tables.settings.nat_connections_per_destination
    for address in eni.addresses:
        if state.full(_group(name, address, packet), limit, now):
            continue
        port = free_port(state, name, packet, address, (packet.dst, packet.dport), now)
        if port is not None:
            return Endpoints(address, port, packet.dst, port if packet.proto == IPPROTO_ICMP else packet.dport)
    return None


def _back(tables: Tables, state: FlowState, result: LegResult, eni: InterfaceTable, name: str, now: int) -> None:
    packet = result.packet
    if _error(tables, state, result, eni, name, now):
        return
    before = ends_of(packet)
    entry = state.get(key_of(name, before, packet.proto), now)
    if entry is None or (packet.proto == IPPROTO_ICMP and packet.dport >> 8 != ECHO_REPLY):
        protocol = PROTOCOL_NAMES.get(packet.proto, str(packet.proto))
        detail = f"{protocol} from {dotted(packet.src)} answers no flow; it takes none from outside, nor ping (NAT-3)"
        result.refuse(name, "translation", Reason.NO_POSSIBLE_DESTINATION, None, detail)
        return
    after, _ = bound(entry)
    binding = Binding(name, name, packet.proto, after.reversed(), before.reversed())
    remember(state, result, binding, tables.settings.nat_idle_timeout, entry.group or (), now, answer=True)
    result.passes(
        name, "translation", None, f"{dotted(before.dst)}:{before.dport} -> {dotted(after.dst)}:{after.dport}"
    )
    _translate(tables, result, after)
    _leave(tables, result, eni)


def _error(tables: Tables, state: FlowState, result: LegResult, eni: InterfaceTable, name: str, now: int) -> bool:
    """Pass an ICMP error on to the other end of the flow it is about; it keeps none alive (RFC 5508 section 4)."""
    packet = result.packet
    quoted = quoted_ends(packet)
    if quoted is None:
        return False
    inner, proto = quoted
    entry = state.get(key_of(name, inner.reversed(), proto), now)  # it quotes what its sender was sent
    if entry is None:
        detail = f"an ICMP error from {dotted(packet.src)} is about no flow (NAT-3)"
        result.refuse(name, "translation", Reason.NO_POSSIBLE_DESTINATION, None, detail)
        return True
    onward, _ = bound(entry)  # as an answer to the packet quoted would go on
    outside = packet.dst not in eni.addresses  # the error's own way
    src = onward.src if outside else packet.src
    result.passes(name, "translation", None, f"an ICMP error about a flow of {dotted(onward.dst)}")
    result.packet = translated_error(packet, src, onward.dst, onward.reversed())
    _leave(tables, result, eni)
    return True


def _translate(tables: Tables, result: LegResult, ends: Endpoints) -> None:
    packet = result.packet
    result.packet = translated(packet, ends)
    if packet.proto in (IPPROTO_TCP, IPPROTO_UDP):
        result.rewrite = Rewrite(ends.src, ends.sport, ends.dst, ends.dport)
    clamp(result, tables.settings.nat_gateway_mtu)


def nat_out(tables: Tables, _state: FlowState, result: LegResult, component: str, _now: int) -> None:
    """Out of a NAT gateway's interface: what it sends by itself."""
    eni = tables.interfaces.get(component)
    if eni is None or eni.kind is not Kind.NAT_GATEWAY:
        result.refuse(component, "interface", Reason.BAD_STATE, None, "the interface is gone")
        return
    _leave(tables, result, eni)


def _leave(tables: Tables, result: LegResult, eni: InterfaceTable) -> None:
    """Out of the NAT gateway's subnet, as fast as the gateway is (NAT-1)."""
    leave(tables, result, eni)
    rate = tables.settings.nat_gateway_bandwidth
    if rate is not None:
        result.shape(ShaperSpec(f"{eni.owner}/bandwidth", rate, BURST, None))
