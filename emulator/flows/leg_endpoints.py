"""Legs at VPC endpoints: interface endpoints and their services, gateway endpoints.

Order of gates at an endpoint: available, protocol, MTU, idle (D7); a refused
packet spends no tokens of the shaper behind them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from emulator.flows.conntrack import Effect, Tracked, flow_key
from emulator.flows.legs import PROTOCOL_NAMES, Place, PlaceKind, clamp, mtu, to_address
from emulator.gates.networks import contains, dotted
from emulator.model.reasons import Reason
from emulator.model.traces import Delivered
from emulator.wire.packet import ACK, FIN, IPPROTO_ICMP, IPPROTO_TCP, RST, SYN, Packet, tcp

if TYPE_CHECKING:
    from emulator.flows.conntrack import FlowState
    from emulator.flows.legs import LegResult
    from emulator.flows.tables import EndpointTable, InterfaceTable, Tables


def opens(packet: Packet) -> bool:
    """Return whether a packet may begin a flow: anything but a TCP segment from the middle of one."""
    return packet.proto != IPPROTO_TCP or packet.flags & (SYN | ACK | RST | FIN) == SYN


def reset_of(packet: Packet) -> Packet:
    """Return the reset that answers a TCP segment of a flow nobody remembers (RFC 9293 section 3.10.7.1)."""
    if packet.flags & ACK:
        answer = tcp(packet.dst, packet.src, packet.dport, packet.sport, RST, seq=packet.ack)
    else:
        following = packet.seq + len(packet.payload) + bool(packet.flags & SYN)
        answer = tcp(packet.dst, packet.src, packet.dport, packet.sport, RST | ACK, ack=following & 0xFFFFFFFF)
    answer.window = 0
    return answer


def interface_endpoint(
    tables: Tables, state: FlowState, result: LegResult, eni: InterfaceTable, endpoint: EndpointTable, now: int
) -> None:
    """The gates of an interface endpoint towards its service, in D7's order, and the way there."""
    packet = result.packet
    name = endpoint.vpc_endpoint_id
    settings = tables.settings
    if not _available(result, endpoint):
        return
    if packet.proto not in settings.interface_endpoint_protocols:
        accepted = " and ".join(PROTOCOL_NAMES[number].upper() for number in settings.interface_endpoint_protocols)
        detail = f"{PROTOCOL_NAMES.get(packet.proto, str(packet.proto))} is not accepted"
        result.refuse(name, "protocol", Reason.PROTOCOL_RESTRICTION, f"{accepted} only (VPCE-IF-7)", detail)
        return
    result.passes(name, "protocol")
    if not mtu(result, name, settings.interface_endpoint_mtu, "VPCE-IF-12"):
        return
    key = flow_key(eni.interface_id + "/idle", packet, outgoing=False)
    if state.get(key, now) is None and not opens(packet):
        _idle(tables, result, eni, endpoint)
        return
    result.passes(name, "idle")
    result.effects.append(Effect(key, Tracked.IDLE, settings.endpoint_idle_timeout, originated=False))
    clamp(result, settings.interface_endpoint_mtu)
    following = PlaceKind.HOST if endpoint.nodes is None else PlaceKind.BALANCER_LINK
    result.goes_on(eni.interface_id, following, eni.interface_id, endpoint.service_delay, eni.to_service)


def _idle(tables: Tables, result: LegResult, eni: InterfaceTable, endpoint: EndpointTable) -> None:
    """A flow that is not remembered: lost in silence, or answered with a reset (VPCE-IF-15).

    It is by the knob, and where a load balancer is behind the endpoint.
    """
    settings = tables.settings
    detail = f"silent for more than {settings.endpoint_idle_timeout / 1e9:g} s, or never opened (VPCE-IF-15)"
    packet = result.packet
    if (settings.endpoint_idle_reset or endpoint.nodes is not None) and not packet.flags & RST:
        result.answers.append((reset_of(packet), Place(PlaceKind.INTERFACE_OUT, eni.interface_id)))
    result.refuse(endpoint.vpc_endpoint_id, "idle", Reason.EMU_IDLE_TIMEOUT, "idle timeout", detail)


def service_out(tables: Tables, state: FlowState, result: LegResult, component: str, now: int) -> None:
    """Out of a service, into an interface endpoint: answers only (VPCE-IF-9)."""
    packet = result.packet
    eni = tables.interfaces.get(component)
    if eni is None or eni.endpoint is None:
        result.refuse(component, "interface", Reason.BAD_STATE, None, "the endpoint's interface is gone")
        return
    endpoint = eni.endpoint
    name = endpoint.vpc_endpoint_id
    result.see(name, outgoing=False)
    if not _available(result, endpoint):
        return
    key = flow_key(component + "/idle", packet, outgoing=True)
    late_reset = endpoint.nodes is not None and bool(packet.flags & RST)  # a load balancer's, to both ends (SVC-11)
    known = state.known(key)
    if known is None or (known.expires_at <= now and not late_reset):
        if known is not None:
            detail = f"silent for more than {tables.settings.endpoint_idle_timeout / 1e9:g} s (VPCE-IF-15)"
            result.refuse(name, "idle", Reason.EMU_IDLE_TIMEOUT, "idle timeout", detail)
        else:
            detail = "connections start at the consumer only (VPCE-IF-9)"
            result.refuse(name, "direction", Reason.VPCE_INTRA_VPC_TRAFFIC, None, detail)
        return
    result.passes(name, "idle")
    if not late_reset:
        result.effects.append(Effect(key, Tracked.IDLE, tables.settings.endpoint_idle_timeout, originated=False))
    if not mtu(result, name, tables.settings.interface_endpoint_mtu, "VPCE-IF-12"):
        return
    clamp(result, tables.settings.interface_endpoint_mtu)
    result.goes_on(name, PlaceKind.INTERFACE_OUT, component, endpoint.service_delay, eni.from_service)


def gateway_in(tables: Tables, _state: FlowState, result: LegResult, component: str, _now: int) -> None:
    """Into a gateway endpoint: from inside its VPC only, TCP and echo requests only."""
    packet = result.packet
    gateway = tables.gateways.get(component)
    if gateway is None:
        result.refuse(component, "state", Reason.BAD_STATE, None, "the endpoint is gone")
        return
    if not _available(result, gateway):
        return
    if not contains(tables.vpcs[gateway.vpc_id].cidrs, packet.src):
        detail = f"{dotted(packet.src)} is outside {gateway.vpc_id}: not extendable out of the VPC (VPCE-GW-13)"
        result.refuse(component, "source", Reason.NO_POSSIBLE_DESTINATION, None, detail)
        return
    if packet.proto != IPPROTO_TCP and (packet.proto, packet.dport >> 8) != (IPPROTO_ICMP, 8):
        rule = "TCP and echo requests only (VPCE-GW-14)"
        result.refuse(component, "protocol", Reason.VPCE_GATEWAY_PROTOCOL_RESTRICTION, rule)
        return
    result.passes(component, "protocol")
    if not mtu(result, component, tables.settings.gateway_endpoint_mtu, "VPCE-12"):
        return
    result.goes_on(component, PlaceKind.HOST, component, gateway.service_delay)


def gateway_out(tables: Tables, _state: FlowState, result: LegResult, component: str, _now: int) -> None:
    """Out of a service, into a gateway endpoint: its own addresses only, TCP and echo replies only."""
    packet = result.packet
    gateway = tables.gateways.get(component)
    if gateway is None:
        result.refuse(component, "state", Reason.BAD_STATE, None, "the endpoint is gone")
        return
    result.see(component, outgoing=False)
    if not _available(result, gateway):
        return
    if not contains(gateway.prefixes, packet.src):
        detail = f"{dotted(packet.src)} is not in {gateway.prefix_list_id} (VPCE-GW-14)"
        reason = Reason.VPCE_GATEWAY_EGRESS_SOURCE_ADDRESS_RESTRICTION
        result.refuse(component, "source", reason, gateway.prefix_list_id, detail)
        return
    if packet.proto != IPPROTO_TCP and (packet.proto, packet.dport >> 8) != (IPPROTO_ICMP, 0):
        rule = "TCP and echo replies only (VPCE-GW-14)"
        result.refuse(component, "protocol", Reason.VPCE_GATEWAY_PROTOCOL_RESTRICTION, rule)
        return
    result.passes(component, "protocol")
    to_address(tables, result, component, component, None, gateway.vpc_id, gateway.service_delay)


def host(tables: Tables, _state: FlowState, result: LegResult, component: str, _now: int) -> None:
    """Past every gate: the service behind an endpoint, or the resolver."""
    eni = tables.interfaces.get(component)
    endpoint = eni.endpoint if eni is not None else tables.gateways.get(component)
    if endpoint is not None:
        if endpoint.service_failed:
            result.refuse(endpoint.service, "service", Reason.EMU_FAULT, endpoint.service_failed)
            return
        result.see(endpoint.vpc_endpoint_id, outgoing=True)
    result.ending = Delivered(component)


def resolver_out(tables: Tables, _state: FlowState, result: LegResult, component: str, _now: int) -> None:
    """Out of the Amazon resolver of a VPC."""
    vpc_id = component.removesuffix("/resolver")
    target = tables.addresses.get((vpc_id, result.packet.dst))
    if target is None:
        detail = f"no interface of {vpc_id} has {dotted(result.packet.dst)}"
        result.refuse(component, "delivery", Reason.NO_POSSIBLE_DESTINATION, None, detail)
        return
    result.passes(component, "amazon_dns")
    result.goes_on(component, PlaceKind.INTERFACE_IN, target.interface_id, tables.settings.intra_az_delay)


def _available(result: LegResult, endpoint: EndpointTable) -> bool:
    if not endpoint.available:
        detail = "only an available endpoint forwards (VPCE-10)"
        return result.refuse(endpoint.vpc_endpoint_id, "state", Reason.BAD_STATE, endpoint.state, detail)
    return True
