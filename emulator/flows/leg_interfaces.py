"""Legs at network interfaces: out of a host, into a subnet and its interface, and the security groups there.

Order of gates: NACL-9 and D8.

    host -> source/destination check -> security group -> network ACL -> route
    arriving -> network ACL -> security group -> host, middlebox, or the endpoint behind the interface
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from emulator.flows.conntrack import Effect, Tracked, flow_key, next_state, timeout_of
from emulator.flows.leg_endpoints import interface_endpoint, opens
from emulator.flows.leg_routes import follow
from emulator.flows.legs import INTERFACE_MTU, PROTOCOL_NAMES, PlaceKind, network_acl, to_neighbour, working
from emulator.flows.tables import Kind, ShaperSpec
from emulator.flows.translation import quoted_ends
from emulator.gates import security_groups
from emulator.gates.networks import contains, dotted
from emulator.model.reasons import Reason
from emulator.model.traces import Delivered
from emulator.wire.packet import IPPROTO_TCP, IPPROTO_UDP, Packet

if TYPE_CHECKING:
    from emulator.flows.conntrack import Entry, FlowState, Key
    from emulator.flows.legs import LegResult
    from emulator.flows.tables import InterfaceTable, Tables

LINK_LOCAL: Final = ((0xA9FE0000, 0xFFFF0000),)
RESOLVER_LINK_LOCAL: Final = 0xA9FEA9FD  # 169.254.169.253 (DNS-1)
SERVICES_LINK_LOCAL: Final = (0xA9FEA9FE, 0xA9FEA97B)
"""169.254.169.254 and 169.254.169.123: instance metadata and time (DNS-6), which are not modelled."""
AUTO: Final = "auto-tracked"
"""In the binding of an entry, once for each entry that its flow takes (SG-12)."""
FLOW_BURST: Final = 131_072
"""Bytes that a single flow may send at once on top of its rate; EMU."""
FRAGMENTATION_NEEDED: Final = 3 << 8 | 4
"""ICMP type 3, code 4, as ``dport`` has it."""


def interface_out(tables: Tables, state: FlowState, result: LegResult, component: str, now: int) -> None:
    """Out of a host: its own gates, then the subnet's boundary, then the route."""
    packet = result.packet
    eni = tables.interfaces.get(component)
    if eni is None:
        result.refuse(component, "interface", Reason.BAD_STATE, None, "the interface is gone")
        return
    result.see(component, outgoing=True)
    if not working(result, eni):
        return
    if packet.version not in tables.settings.ip_versions:
        result.refuse(
            component, "ip_version", Reason.EMU_IPV4_ONLY, "IPv4 only (VPCE-5)", f"IPv{packet.version} packet"
        )
        return
    own = packet.src in eni.addresses
    if not own and (eni.source_dest_check or eni.endpoint is not None) and packet.version == 4:
        detail = f"source {dotted(packet.src)} is not the interface's {dotted(eni.address)}"
        result.refuse(
            component, "source_dest_check", Reason.ENI_SOURCE_DEST_CHECK_RESTRICTION, "source_dest_check", detail
        )
        return
    result.passes(component, "source_dest_check")
    if not own:  # a middlebox strips group identity (SG-5)
        result.lost = Reason.SG_REFERENCES_NOT_PRESERVED
    if packet.length > INTERFACE_MTU:
        detail = f"{packet.length} bytes; fragmentation is not modelled"
        result.refuse(component, "mtu", Reason.EMU_OVER_MTU, f"MTU {INTERFACE_MTU} (NET-6)", detail)
        return
    result.max_length = INTERFACE_MTU
    if packet.version == 4 and _reserved(tables, result, eni):
        return
    if not security_group(tables, state, result, eni, now, outgoing=True):
        return
    if packet.version == 4 and eni.inside(packet.dst):  # layer 2: no ACL (NACL-1), no route table (ROUTE-20)
        result.log(component, outgoing=True, accepted=True)
        to_neighbour(tables, result, eni)
    elif network_acl(result, eni, outgoing=True):
        result.log(component, outgoing=True, accepted=True)
        follow(tables, result, eni)
    rate = tables.settings.single_flow_bandwidth
    if rate is not None and packet.proto in (IPPROTO_TCP, IPPROTO_UDP):
        flow = f"{dotted(packet.src)}:{packet.sport}>{dotted(packet.dst)}:{packet.dport}"
        result.shape(ShaperSpec(f"{component}/{flow}", rate, FLOW_BURST, None))  # NET-1


def _reserved(tables: Tables, result: LegResult, eni: InterfaceTable) -> bool:
    """Deal with destinations that no rule filters (SG-7): the resolver, other link-local services, the router."""
    packet = result.packet
    vpc = tables.vpcs[eni.vpc_id]
    if packet.dst == eni.subnet[0] + 1:
        result.refuse(eni.subnet_id, "router", Reason.NO_POSSIBLE_DESTINATION, None, "the router answers nothing")
        return True
    if packet.dst not in (vpc.resolver_address, RESOLVER_LINK_LOCAL):
        if contains(LINK_LOCAL, packet.dst):
            modelled = "; instance metadata and time are not modelled" if packet.dst in SERVICES_LINK_LOCAL else ""
            detail = f"nothing answers at {dotted(packet.dst)}{modelled}"
            result.refuse(eni.interface_id, "link_local", Reason.EMU_LINK_LOCAL, None, detail)
            return True
        return False
    if not vpc.dns_support:
        detail = "enableDnsSupport is off (DNS-2)"
        result.refuse(eni.vpc_id, "amazon_dns", Reason.EMU_DNS_OFF, "enable_dns_support", detail)
        return True
    resolver = f"{eni.vpc_id}/resolver"
    result.passes(resolver, "amazon_dns", None, "neither security groups nor network ACLs filter it (SG-7)")
    limit = tables.settings.link_local_packets_per_second
    shaper = None
    if limit is not None:
        shaper = ShaperSpec(f"{eni.interface_id}/link-local", limit, limit, 0, packets=True)
    result.goes_on(eni.interface_id, PlaceKind.HOST, resolver, tables.settings.intra_az_delay, shaper)
    return True


def interface_in(tables: Tables, state: FlowState, result: LegResult, component: str, now: int) -> None:
    """Into a subnet, and into the interface; behind an endpoint's interface, on to its service."""
    packet = result.packet
    eni = tables.interfaces.get(component)
    if eni is None:
        result.refuse(component, "interface", Reason.BAD_STATE, None, "the interface is gone")
        return
    if not working(result, eni):
        return
    if packet.src in (tables.vpcs[eni.vpc_id].resolver_address, RESOLVER_LINK_LOCAL):
        result.passes(component, "amazon_dns", None, "neither security groups nor network ACLs filter it (SG-7)")
    else:
        if not result.neighbour and not network_acl(result, eni, outgoing=False):
            return
        if not security_group(tables, state, result, eni, now, outgoing=False):
            return
        result.log(component, outgoing=False, accepted=True)
    result.see(component, outgoing=False)
    if packet.dst not in eni.addresses:
        _middlebox(tables, result, eni)
        return
    if eni.endpoint is not None:
        interface_endpoint(tables, state, result, eni, eni.endpoint, now)
        return
    result.ending = Delivered(component)


def _middlebox(tables: Tables, result: LegResult, eni: InterfaceTable) -> None:
    """Not for the interface itself: its host must be one that forwards (ROUTE-19)."""
    component = eni.interface_id
    if eni.source_dest_check:
        detail = f"destination {dotted(result.packet.dst)} is not the interface's {dotted(eni.address)}"
        result.refuse(
            component, "source_dest_check", Reason.ENI_SOURCE_DEST_CHECK_RESTRICTION, "source_dest_check", detail
        )
        return
    if not eni.forwards:
        detail = f"{eni.owner or component} does not forward what is not for itself"
        result.refuse(component, "forwarding", Reason.ENI_ADDRESS_RESTRICTION, "forwards", detail)
        return
    result.passes(component, "forwarding", "forwards")
    result.goes_on(component, PlaceKind.INTERFACE_OUT, component, tables.settings.intra_az_delay)


# --- security groups -------------------------------------------------------------------------------------------------


def security_group(
    tables: Tables,
    state: FlowState,
    result: LegResult,
    eni: InterfaceTable,
    now: int,
    *,
    outgoing: bool,
) -> bool:
    """Conntrack before rules: a tracked flow passes whatever the rules say now (SG-9, SG-13).

    Args:
        tables: The network.
        state: What is remembered.
        result: The leg's.
        eni: The interface whose groups judge; one without groups lets everything pass.
        now: Nanoseconds.
        outgoing: The direction.
    """
    rules = eni.egress if outgoing else eni.ingress
    if rules is None:
        return True
    packet = result.packet
    gate = "security_group_egress" if outgoing else "security_group_ingress"
    key = flow_key(eni.interface_id, packet, outgoing=outgoing)
    entry = state.get(key, now)
    syn = packet.proto == IPPROTO_TCP and opens(packet)
    if entry is not None and syn and entry.state in (Tracked.CLOSING, Tracked.CLOSED):
        entry = None  # the ports are used again: a new flow, judged by rules
    peer = packet.dst if outgoing else packet.src
    if entry is not None:
        result.passes(eni.group_ids, gate, None, "tracked flow (SG-9)")
        _track(tables, result, eni, key, entry, outgoing=outgoing)
        return True
    if not outgoing and _related(state, eni, packet, now):
        result.passes(eni.group_ids, gate, None, "an ICMP error about a flow that is let through (SG-18)")
        return True
    rule = security_groups.admitting(rules, packet, peer, references=outgoing or result.lost is None)
    if rule is None:
        return _not_admitted(result, eni, rules, gate, outgoing=outgoing)
    auto = _auto_tracked(tables, eni, packet, outgoing=outgoing)
    if not auto and _untracked(eni, packet, outgoing=outgoing):
        result.passes(eni.group_ids, gate, rule.text, "untracked: open to all both ways (SG-10)")
        return True
    if not opens(packet):  # by its own rule, and its answer by another: it makes no flow to be tracked (SG-13, SG-17)
        result.passes(eni.group_ids, gate, rule.text, "from the middle of a flow that is not tracked")
        result.once = True
        return True
    if eni.max_tracked and state.full(("tracked", eni.owner), eni.max_tracked + 1 - max(auto, 1), now):
        result.log(eni.interface_id, outgoing=outgoing, accepted=False)
        result.exceeded = ("tracked", eni.owner)
        limit = f"{eni.max_tracked} tracked connections (SG-16)"
        return result.refuse(eni.owner, "connection_tracking", Reason.EMU_CONNTRACK_FULL, limit)
    result.passes(eni.group_ids, gate, rule.text)
    _track(tables, result, eni, key, None, outgoing=outgoing, auto=auto)
    return True


def _track(
    tables: Tables,
    result: LegResult,
    eni: InterfaceTable,
    key: Key,
    entry: Entry | None,
    *,
    outgoing: bool,
    auto: int = 0,
) -> None:
    packet = result.packet
    after = next_state(entry, packet, outgoing=outgoing)
    timeout = timeout_of(after, packet.proto, eni)
    peer = tables.addresses.get((eni.vpc_id, packet.dst if outgoing else packet.src))
    if peer is not None and peer.kind is Kind.LOAD_BALANCER:  # SG-15
        settings = tables.settings
        if after is Tracked.ESTABLISHED:
            timeout = settings.load_balancer_tcp_idle_timeout
        elif packet.proto == IPPROTO_UDP:
            timeout = settings.load_balancer_udp_idle_timeout
    originated = outgoing if entry is None else entry.originated
    binding = entry.binding if entry is not None else (AUTO,) * auto
    group = ("tracked", eni.owner) if eni.max_tracked else None
    result.effects.append(Effect(key, after, timeout, originated=originated, binding=binding, group=group))
    if len(binding) > 1 and group is not None:  # DynamoDB's gateway endpoint takes two entries (SG-12)
        second = (f"{eni.interface_id}/second", *key[1:])
        result.effects.append(Effect(second, after, timeout, originated=originated, group=group))


def _not_admitted(
    result: LegResult,
    eni: InterfaceTable,
    rules: tuple[security_groups.GroupRule, ...],
    gate: str,
    *,
    outgoing: bool,
) -> bool:
    packet = result.packet
    peer = packet.dst if outgoing else packet.src
    result.log(eni.interface_id, outgoing=outgoing, accepted=False)
    protocol = PROTOCOL_NAMES.get(packet.proto, str(packet.proto))
    port = f" port {packet.dport}" if packet.proto in (6, 17) else ""
    detail = f"no rule admits {protocol}{port} {'to' if outgoing else 'from'} {dotted(peer)} (SG-1)"
    reason = Reason.ENI_SG_RULES_MISMATCH if rules else Reason.SG_HAS_NO_RULES
    lost = None if outgoing else result.lost
    rule = security_groups.admitting(rules, packet, peer) if lost is not None else None
    if lost is not None and rule is not None:
        return result.refuse(eni.group_ids, gate, lost, rule.text, "the sender's groups are not known here (SG-4)")
    if security_groups.unknown(rules, packet):
        return result.refuse(eni.group_ids, gate, Reason.UNKNOWN_PEERED_SGS, None, detail)
    return result.refuse(eni.group_ids, gate, reason, None, detail)


def _auto_tracked(tables: Tables, eni: InterfaceTable, packet: Packet, *, outgoing: bool) -> int:
    """Return by how many entries the flow is tracked whatever the rules (SG-12); 0 if it need not be."""
    if eni.auto_tracked:
        return 1
    peer = tables.addresses.get((eni.vpc_id, packet.dst if outgoing else packet.src))
    if peer is not None:
        return 1 if peer.kind in (Kind.ENDPOINT, Kind.LOAD_BALANCER, Kind.NAT_GATEWAY) else 0
    entry = eni.routes.best(packet.dst if outgoing else packet.src)
    if entry is None:
        return 0
    if entry.target in tables.nat_gateways:
        return 1
    gateway = tables.gateways.get(entry.target)
    return gateway.auto_tracked if gateway is not None else 0


def _related(state: FlowState, eni: InterfaceTable, packet: Packet, now: int) -> bool:
    """Return whether this is the message of a smaller MTU about an auto-tracked or untracked flow (SG-18)."""
    quoted = quoted_ends(packet) if packet.dport == FRAGMENTATION_NEEDED else None
    if quoted is None:
        return False
    ends, proto = quoted
    inner = Packet(ends.src, ends.dst, proto, ends.sport, ends.dport, b"", 40)
    entry = state.get(flow_key(eni.interface_id, inner, outgoing=True), now)
    if entry is not None:
        return AUTO in entry.binding
    return ends.src in eni.addresses and _untracked(eni, inner, outgoing=True)


def _untracked(eni: InterfaceTable, packet: Packet, *, outgoing: bool) -> bool:
    """Return whether rules open to all, both ways, let the packet's flow through without a memory of it (SG-10).

    Either the packet may begin such a flow, or it is an answer in one.
    """
    if packet.proto not in (IPPROTO_TCP, IPPROTO_UDP):
        return False
    ours, theirs = (eni.egress, eni.ingress) if outgoing else (eni.ingress, eni.egress)
    ours_open, theirs_open = (eni.open_egress, eni.open_ingress) if outgoing else (eni.open_ingress, eni.open_egress)
    if packet.proto in theirs_open and security_groups.openly(ours or (), packet.proto, packet.dport):
        return True
    answers = packet.proto == IPPROTO_UDP or not opens(packet)
    return answers and packet.proto in ours_open and security_groups.openly(theirs or (), packet.proto, packet.sport)
