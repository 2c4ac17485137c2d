"""The walk: what a packet meets, leg by leg, and what is remembered of it.

A *leg* is the gates that have no delay or queue between them.  One function
per place a leg can begin at answers: the steps with a verdict each, the effects
to be remembered, and how the leg ended: delivered, dropped, or a crossing to the
place where the next leg begins.  Nothing is changed here.  The fabric evaluates
each leg when the packet gets there and commits its effects; ``trace`` runs the
same legs at one instant and keeps the effects in an overlay (D1).

Order of gates: NACL-9 and D8; at an endpoint D7.

    host -> [source/destination check, security group, network ACL, route] -> link
         -> [network ACL, security group, endpoint gates] -> shaper -> service
"""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from emulator.flows.conntrack import Effect, FlowState, Tracked, flow_key, next_state, timeout_of
from emulator.gates import network_acls, security_groups
from emulator.gates.networks import contains, dotted
from emulator.model.reasons import Reason
from emulator.model.traces import Delivered, Dropped, Ending, Step, Trace
from emulator.wire.options import clamp_mss
from emulator.wire.packet import ACK, IPPROTO_ICMP, IPPROTO_TCP, SYN, Packet

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from emulator.flows.tables import EndpointTable, InterfaceTable, ShaperSpec, Tables

PROTOCOL_NAMES: Final[Mapping[int, str]] = MappingProxyType({1: "icmp", 6: "tcp", 17: "udp", 58: "icmpv6"})
UNLIMITED: Final = 1 << 30
INTERFACE_MTU: Final = 9001
"""Bytes that an interface can send at once (NET-6)."""
_LINK_LOCAL: Final = ((0xA9FE0000, 0xFFFF0000),)
_RESOLVER_LINK_LOCAL: Final = 0xA9FEA9FD  # 169.254.169.253 (DNS-1)


class PlaceKind(StrEnum):
    """Where a leg can begin."""

    INTERFACE_OUT = "interface-out"  # a host, or the service behind an endpoint interface, has sent
    INTERFACE_IN = "interface-in"  # arriving at an interface's subnet
    GATEWAY_IN = "gateway-in"  # arriving at a gateway endpoint
    SERVICE_OUT = "service-out"  # a service has sent into an interface endpoint
    GATEWAY_OUT = "gateway-out"  # a service has sent into a gateway endpoint
    RESOLVER_OUT = "resolver-out"  # the Amazon resolver has sent
    HOST = "host"  # past every gate


class Place:
    """The beginning of a leg: a kind, and the resource it stands at."""

    __slots__ = ("component", "kind")

    def __init__(self, kind: PlaceKind, component: str) -> None:
        self.kind: PlaceKind = kind
        self.component: str = component


def origin_of(tables: Tables, component: str) -> Place:
    """Return where packets begin that the host behind ``component`` sends.

    Args:
        tables: The network.
        component: An interface, a gateway endpoint, or ``<vpc>/resolver``.
    """
    eni = tables.interfaces.get(component)
    if eni is not None:
        return Place(PlaceKind.INTERFACE_OUT if eni.endpoint is None else PlaceKind.SERVICE_OUT, component)
    return Place(PlaceKind.GATEWAY_OUT if component in tables.gateways else PlaceKind.RESOLVER_OUT, component)


class Crossing:
    """From one leg to the next: a delay in nanoseconds, behind a shaper if there is one."""

    __slots__ = ("delay", "shaper", "source", "to")

    def __init__(self, source: str, to: Place, delay: int, shaper: ShaperSpec | None = None) -> None:
        self.source: str = source
        self.to: Place = to
        self.delay: int = delay
        self.shaper: ShaperSpec | None = shaper


class LegResult:
    """What one leg said.

    Attributes:
        packet: The packet as it leaves the leg; another record than the one that came if it was rewritten.
        steps: The gates, in order; only the last one can have refused.
        effects: What is to be remembered.
        seen: The taps it passed while alive: ``(component, outgoing)``.
        logged: What flow logs of interfaces say of it (FLOW-9): ``(interface, outgoing, accepted)``.
        max_length: The longest packet that the leg's MTU gates let through, in bytes.
        crossing: Where it goes on, or None.
        ending: How it ended, or None if it goes on.
    """

    __slots__ = ("crossing", "effects", "ending", "logged", "max_length", "packet", "seen", "steps")

    def __init__(self, packet: Packet) -> None:
        self.packet: Packet = packet
        self.steps: list[Step] = []
        self.effects: list[Effect] = []
        self.seen: list[tuple[str, bool]] = []
        self.logged: list[tuple[str, bool, bool]] = []
        self.max_length: int = UNLIMITED
        self.crossing: Crossing | None = None
        self.ending: Ending | None = None

    def passes(self, component: str, gate: str, rule: str | None = None, detail: str = "") -> None:
        """Note a gate that let the packet through."""
        self.steps.append(Step(component, gate, rule, None, detail))

    def refuse(self, component: str, gate: str, reason: Reason, rule: str | None = None, detail: str = "") -> bool:
        """Note the gate that stopped the packet; False, so that gates can return it."""
        self.steps.append(Step(component, gate, rule, reason, detail))
        self.ending = Dropped(reason, component, rule)
        return False


def leg(tables: Tables, state: FlowState, packet: Packet, place: Place, now: int) -> LegResult:
    """Evaluate the leg that begins at ``place`` for ``packet`` at ``now`` nanoseconds; nothing is changed."""
    result = LegResult(packet)
    LEGS[place.kind](tables, state, result, place.component, now)
    assert (result.crossing is None) != (result.ending is None), "a leg ends or goes on"
    return result


def walk(tables: Tables, state: FlowState, packet: Packet, place: Place, now: int) -> tuple[Trace, Packet]:
    """Run legs at one instant until the packet ends; ``state`` takes the effects (hand in an overlay to ask "what if").

    Returns:
        The trace, and the packet as it ended (rewritten, if a gate did so).
    """
    steps: list[Step] = []
    while True:
        result = leg(tables, state, packet, place, now)
        steps += result.steps
        packet = result.packet
        for effect in result.effects:
            state.commit(effect, now)
        if result.ending is not None:
            return Trace(tuple(steps), result.ending), packet
        assert result.crossing is not None
        place = result.crossing.to


# --- legs ------------------------------------------------------------------------------------------------------------


def _interface_out(tables: Tables, state: FlowState, result: LegResult, component: str, now: int) -> None:
    """Out of a host: its own gates, then the subnet's boundary, then the route."""
    packet = result.packet
    eni = tables.interfaces.get(component)
    if eni is None:
        result.refuse(component, "interface", Reason.BAD_STATE, None, "the interface is gone")
        return
    result.seen.append((component, True))
    if packet.version not in tables.settings.ip_versions:
        result.refuse(
            component, "ip_version", Reason.EMU_IPV4_ONLY, "IPv4 only (VPCE-5)", f"IPv{packet.version} packet"
        )
        return
    if packet.src != eni.address and (eni.source_dest_check or eni.endpoint is not None) and packet.version == 4:
        detail = f"source {dotted(packet.src)} is not the interface's {dotted(eni.address)}"
        result.refuse(
            component, "source_dest_check", Reason.ENI_SOURCE_DEST_CHECK_RESTRICTION, "source_dest_check", detail
        )
        return
    result.passes(component, "source_dest_check")
    if packet.length > INTERFACE_MTU:
        detail = f"{packet.length} bytes; fragmentation is not modelled"
        result.refuse(component, "mtu", Reason.EMU_OVER_MTU, f"MTU {INTERFACE_MTU} (NET-6)", detail)
        return
    result.max_length = INTERFACE_MTU
    vpc = tables.vpcs[eni.vpc_id]
    if packet.dst in (vpc.resolver_address, _RESOLVER_LINK_LOCAL):
        resolver = f"{eni.vpc_id}/resolver"
        if not vpc.dns_support:
            detail = "enableDnsSupport is off (DNS-2)"
            result.refuse(eni.vpc_id, "amazon_dns", Reason.EMU_DNS_OFF, "enable_dns_support", detail)
            return
        result.passes(resolver, "amazon_dns", None, "neither security groups nor network ACLs filter it (SG-7)")
        to = Place(PlaceKind.HOST, resolver)
        result.crossing = Crossing(component, to, tables.settings.intra_az_delay)
        return
    if contains(_LINK_LOCAL, packet.dst) and packet.version == 4:
        result.refuse(component, "link_local", Reason.EMU_LINK_LOCAL, None, f"nothing answers at {dotted(packet.dst)}")
        return
    admitted = _security_group(tables, state, result, eni, now, outgoing=True)
    first, mask = eni.subnet
    if admitted and packet.dst & mask == first and packet.version == 4:  # layer 2: no ACL (NACL-1), no route (ROUTE-20)
        result.logged.append((component, True, True))
        _to_interface(tables, result, component, eni, eni.vpc_id)
        return
    admitted = admitted and _network_acl(result, eni, outgoing=True)
    result.logged.append((component, True, admitted))
    if not admitted:
        return
    _route(tables, result, eni)


def _route(tables: Tables, result: LegResult, eni: InterfaceTable) -> None:
    """Look up the route and go where it leads."""
    packet = result.packet
    table = eni.routes.route_table_id
    entry = eni.routes.best(packet.dst) if packet.version == 4 else None  # IPv6 is looked up apart (ROUTE-6)
    if entry is None:
        detail = f"no route covers {dotted(packet.dst)} (ROUTE-7)"
        result.refuse(table, "route", Reason.NO_ROUTE_TO_DESTINATION, None, detail)
        return
    if not entry.active:
        result.refuse(table, "route", Reason.BAD_STATE_ROUTE, str(entry), "the target is gone (ROUTE-14)")
        return
    result.passes(table, "route", str(entry))
    if entry.target == "local":
        _to_interface(tables, result, table, eni, eni.vpc_id)
        return
    gateway = tables.gateways.get(entry.target)
    if gateway is not None:
        to = Place(PlaceKind.GATEWAY_IN, entry.target)
        result.crossing = Crossing(eni.interface_id, to, tables.settings.intra_az_delay)
        return
    peering = tables.peerings.get(entry.target)
    if peering is None:
        detail = "this kind of target is not modelled"
        result.refuse(table, "route", Reason.UNSUPPORTED_COMPONENT, str(entry), detail)
        return
    if peering.status != "active":
        result.refuse(
            entry.target, "peering", Reason.BAD_STATE, peering.status, "only an active peering forwards (EDGE-2)"
        )
        return
    far = peering.far(eni.vpc_id)
    if not contains(tables.vpcs[far].cidrs, packet.dst):
        detail = f"{dotted(packet.dst)} is not in {far}'s CIDR blocks: peering leads no further (EDGE-2)"
        result.refuse(entry.target, "peering", Reason.PCX_REQUIRES_ADDRESS_IN_VPC_CIDR, str(entry), detail)
        return
    result.passes(entry.target, "peering", str(entry))
    _to_interface(tables, result, entry.target, eni, far)


def _to_interface(tables: Tables, result: LegResult, component: str, source: InterfaceTable, vpc_id: str) -> None:
    """Cross to the interface that owns the destination address in ``vpc_id``."""
    target = tables.addresses.get((vpc_id, result.packet.dst))
    if target is None:
        detail = f"no interface of {vpc_id} has {dotted(result.packet.dst)}"
        result.refuse(component, "delivery", Reason.NO_POSSIBLE_DESTINATION, None, detail)
        return
    settings = tables.settings
    delay = settings.intra_az_delay if target.availability_zone == source.availability_zone else settings.inter_az_delay
    if vpc_id != source.vpc_id:
        delay += settings.peering_delay
    result.crossing = Crossing(source.interface_id, Place(PlaceKind.INTERFACE_IN, target.interface_id), delay)


def _interface_in(tables: Tables, state: FlowState, result: LegResult, component: str, now: int) -> None:
    """Into a subnet, and into the interface; behind an endpoint's interface, on to its service."""
    packet = result.packet
    eni = tables.interfaces.get(component)
    if eni is None:
        result.refuse(component, "interface", Reason.BAD_STATE, None, "the interface is gone")
        return
    if packet.src in (tables.vpcs[eni.vpc_id].resolver_address, _RESOLVER_LINK_LOCAL):
        result.passes(component, "amazon_dns", None, "neither security groups nor network ACLs filter it (SG-7)")
    else:
        first, mask = eni.subnet
        admitted = packet.src & mask == first or _network_acl(result, eni, outgoing=False)
        admitted = admitted and _security_group(tables, state, result, eni, now, outgoing=False)
        result.logged.append((component, False, admitted))
        if not admitted:
            return
    result.seen.append((component, False))
    if eni.endpoint is None:
        result.ending = Delivered(component)
        return
    if _interface_endpoint(tables, state, result, eni, eni.endpoint, now):
        to = Place(PlaceKind.HOST, component)
        result.crossing = Crossing(component, to, eni.endpoint.service_delay, eni.to_service)


def _interface_endpoint(
    tables: Tables, state: FlowState, result: LegResult, eni: InterfaceTable, endpoint: EndpointTable, now: int
) -> bool:
    """The gates of an interface endpoint towards its service, in D7's order."""
    packet = result.packet
    name = endpoint.vpc_endpoint_id
    settings = tables.settings
    if not _available(result, endpoint):
        return False
    if packet.proto not in settings.interface_endpoint_protocols:
        accepted = " and ".join(PROTOCOL_NAMES[number].upper() for number in settings.interface_endpoint_protocols)
        detail = f"{PROTOCOL_NAMES.get(packet.proto, str(packet.proto))} is not accepted"
        return result.refuse(name, "protocol", Reason.PROTOCOL_RESTRICTION, f"{accepted} only (VPCE-IF-7)", detail)
    result.passes(name, "protocol")
    if not _mtu(result, name, settings.interface_endpoint_mtu, "VPCE-IF-12"):
        return False
    key = flow_key(eni.interface_id + "/idle", packet, outgoing=False)
    opens = packet.proto != IPPROTO_TCP or packet.flags & (SYN | ACK) == SYN
    if state.get(key, now) is None and not opens:
        detail = f"silent for more than {settings.endpoint_idle_timeout / 1e9:g} s, or never opened (VPCE-IF-15)"
        return result.refuse(name, "idle", Reason.EMU_IDLE_TIMEOUT, "idle timeout", detail)
    result.passes(name, "idle")
    result.effects.append(Effect(key, Tracked.IDLE, settings.endpoint_idle_timeout, originated=False))
    _clamp(result, settings.interface_endpoint_mtu)
    return True


def _service_out(tables: Tables, state: FlowState, result: LegResult, component: str, now: int) -> None:
    """Out of a service, into an interface endpoint: answers only (VPCE-IF-9)."""
    packet = result.packet
    eni = tables.interfaces.get(component)
    if eni is None or eni.endpoint is None:
        result.refuse(component, "interface", Reason.BAD_STATE, None, "the endpoint's interface is gone")
        return
    endpoint = eni.endpoint
    name = endpoint.vpc_endpoint_id
    result.seen.append((name, False))
    if not _available(result, endpoint):
        return
    key = flow_key(component + "/idle", packet, outgoing=True)
    if state.get(key, now) is None:
        if state.known(key):
            detail = f"silent for more than {tables.settings.endpoint_idle_timeout / 1e9:g} s (VPCE-IF-15)"
            result.refuse(name, "idle", Reason.EMU_IDLE_TIMEOUT, "idle timeout", detail)
        else:
            detail = "connections start at the consumer only (VPCE-IF-9)"
            result.refuse(name, "direction", Reason.VPCE_INTRA_VPC_TRAFFIC, None, detail)
        return
    result.passes(name, "idle")
    result.effects.append(Effect(key, Tracked.IDLE, tables.settings.endpoint_idle_timeout, originated=False))
    if not _mtu(result, name, tables.settings.interface_endpoint_mtu, "VPCE-IF-12"):
        return
    _clamp(result, tables.settings.interface_endpoint_mtu)
    to = Place(PlaceKind.INTERFACE_OUT, component)
    result.crossing = Crossing(name, to, endpoint.service_delay, eni.from_service)


def _gateway_in(tables: Tables, _state: FlowState, result: LegResult, component: str, _now: int) -> None:
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
    if not _mtu(result, component, tables.settings.gateway_endpoint_mtu, "VPCE-12"):
        return
    result.crossing = Crossing(component, Place(PlaceKind.HOST, component), gateway.service_delay)


def _gateway_out(tables: Tables, _state: FlowState, result: LegResult, component: str, _now: int) -> None:
    """Out of a service, into a gateway endpoint: its own addresses only, TCP and echo replies only."""
    packet = result.packet
    gateway = tables.gateways.get(component)
    if gateway is None:
        result.refuse(component, "state", Reason.BAD_STATE, None, "the endpoint is gone")
        return
    result.seen.append((component, False))
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
    target = tables.addresses.get((gateway.vpc_id, packet.dst))
    if target is None:
        detail = f"no interface of {gateway.vpc_id} has {dotted(packet.dst)}"
        result.refuse(component, "delivery", Reason.NO_POSSIBLE_DESTINATION, None, detail)
        return
    to = Place(PlaceKind.INTERFACE_IN, target.interface_id)
    result.crossing = Crossing(component, to, tables.settings.intra_az_delay + gateway.service_delay)


def _resolver_out(tables: Tables, _state: FlowState, result: LegResult, component: str, _now: int) -> None:
    """Out of the Amazon resolver of a VPC."""
    vpc_id = component.removesuffix("/resolver")
    target = tables.addresses.get((vpc_id, result.packet.dst))
    if target is None:
        detail = f"no interface of {vpc_id} has {dotted(result.packet.dst)}"
        result.refuse(component, "delivery", Reason.NO_POSSIBLE_DESTINATION, None, detail)
        return
    result.passes(component, "amazon_dns")
    to = Place(PlaceKind.INTERFACE_IN, target.interface_id)
    result.crossing = Crossing(component, to, tables.settings.intra_az_delay)


def _host(tables: Tables, _state: FlowState, result: LegResult, component: str, _now: int) -> None:
    """Past every gate: the service behind an endpoint, or the resolver."""
    eni = tables.interfaces.get(component)
    if eni is not None and eni.endpoint is not None:
        result.seen.append((eni.endpoint.vpc_endpoint_id, True))
    elif component in tables.gateways:
        result.seen.append((component, True))
    result.ending = Delivered(component)


LEGS: Final[Mapping[PlaceKind, Callable[[Tables, FlowState, LegResult, str, int], None]]] = MappingProxyType(
    {
        PlaceKind.INTERFACE_OUT: _interface_out,
        PlaceKind.INTERFACE_IN: _interface_in,
        PlaceKind.GATEWAY_IN: _gateway_in,
        PlaceKind.SERVICE_OUT: _service_out,
        PlaceKind.GATEWAY_OUT: _gateway_out,
        PlaceKind.RESOLVER_OUT: _resolver_out,
        PlaceKind.HOST: _host,
    }
)


# --- gates that several legs share -----------------------------------------------------------------------------------


def _security_group(
    tables: Tables, state: FlowState, result: LegResult, eni: InterfaceTable, now: int, *, outgoing: bool
) -> bool:
    """Conntrack before rules: a tracked flow passes whatever the rules say now (SG-9, SG-13)."""
    packet = result.packet
    gate = "security_group_egress" if outgoing else "security_group_ingress"
    key = flow_key(eni.interface_id, packet, outgoing=outgoing)
    entry = state.get(key, now)
    syn = packet.proto == IPPROTO_TCP and packet.flags & (SYN | ACK) == SYN
    if entry is not None and syn and entry.state in (Tracked.CLOSING, Tracked.CLOSED):
        entry = None  # the ports are used again: a new flow, judged by rules
    if entry is not None:
        result.passes(eni.group_ids, gate, None, "tracked flow (SG-9)")
        originated = entry.originated
    else:
        rules = eni.egress if outgoing else eni.ingress
        rule = security_groups.admitting(rules, packet, packet.dst if outgoing else packet.src)
        if rule is None:
            protocol = PROTOCOL_NAMES.get(packet.proto, str(packet.proto))
            peer = f"to {dotted(packet.dst)}" if outgoing else f"from {dotted(packet.src)}"
            port = f" port {packet.dport}" if packet.proto in (6, 17) else ""
            reason = Reason.ENI_SG_RULES_MISMATCH if rules else Reason.SG_HAS_NO_RULES
            return result.refuse(eni.group_ids, gate, reason, None, f"no rule admits {protocol}{port} {peer} (SG-1)")
        result.passes(eni.group_ids, gate, rule.text)
        originated = outgoing
    after = next_state(entry, packet, outgoing=outgoing)
    result.effects.append(Effect(key, after, timeout_of(after, packet.proto, tables.settings), originated=originated))
    return True


def _network_acl(result: LegResult, eni: InterfaceTable, *, outgoing: bool) -> bool:
    packet = result.packet
    gate = "network_acl_egress" if outgoing else "network_acl_ingress"
    entries = eni.acl.egress if outgoing else eni.acl.ingress
    allowed, line = network_acls.decide(entries, packet, packet.dst if outgoing else packet.src)
    if not allowed:
        detail = f"port {packet.dport}" if packet.proto in (6, 17) else ""
        return result.refuse(eni.acl.network_acl_id, gate, Reason.SUBNET_ACL_RESTRICTION, line, detail)
    result.passes(eni.acl.network_acl_id, gate, line)
    return True


def _available(result: LegResult, endpoint: EndpointTable) -> bool:
    if not endpoint.available:
        detail = "only an available endpoint forwards (VPCE-10)"
        return result.refuse(endpoint.vpc_endpoint_id, "state", Reason.BAD_STATE, endpoint.state, detail)
    return True


def _mtu(result: LegResult, component: str, mtu: int | None, fact: str) -> bool:
    """No fragmentation needed is ever sent: an oversized packet is simply lost (VPCE-IF-13)."""
    if mtu is None:
        return True
    if result.packet.length > mtu:
        detail = f"{result.packet.length} bytes"
        return result.refuse(component, "mtu", Reason.EMU_OVER_MTU, f"MTU {mtu} ({fact})", detail)
    result.passes(component, "mtu")
    result.max_length = min(result.max_length, mtu)
    return True


def _clamp(result: LegResult, mtu: int | None) -> None:
    """Lower the MSS of SYN and SYN-ACK to what fits the endpoint (VPCE-IF-14)."""
    packet = result.packet
    if mtu is None or packet.proto != IPPROTO_TCP or not packet.flags & SYN:
        return
    options = clamp_mss(packet.options, mtu - 40)
    if options is not packet.options and options != packet.options:
        result.packet = packet.rewritten()
        result.packet.options = options
