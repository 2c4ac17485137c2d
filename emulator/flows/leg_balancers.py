"""Legs at Network Load Balancers: from an interface endpoint to a node, to a target, and back (section 9).

A node replaces both addresses: targets see the node (SVC-8), clients the
endpoint.  The binding of a flow names its target for as long as it lives
(SVC-13).  With proxy protocol v2 the stream to the target begins with a header
(SVC-10), so sequence numbers behind it are shifted by its length.

AWS: AWS PrivateLink, "Create a service powered by AWS PrivateLink"; User Guide for Network Load Balancers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from emulator.flows.conntrack import Effect, Tracked
from emulator.flows.leg_endpoints import opens, reset_of
from emulator.flows.leg_interfaces import security_group
from emulator.flows.leg_internet import leave
from emulator.flows.legs import Place, PlaceKind, Rewrite, network_acl, working
from emulator.flows.translation import Endpoints, bind, ends_of, flow_hash, free_port, key_of, translated
from emulator.gates.networks import dotted
from emulator.model.reasons import Reason
from emulator.wire.options import shift_sack
from emulator.wire.packet import ACK, FIN, IPPROTO_TCP, IPPROTO_UDP, RST, SYN, Packet
from emulator.wire.proxy_protocol import proxy_header

if TYPE_CHECKING:
    from emulator.flows.conntrack import Entry, FlowState
    from emulator.flows.legs import LegResult
    from emulator.flows.tables import InterfaceTable, ListenerTable, LoadBalancerTable, Tables, TargetTable

_MASK: Final = 0xFFFFFFFF


def balancer_link(tables: Tables, state: FlowState, result: LegResult, component: str, now: int) -> None:
    """From an endpoint's interface to the node in its zone (SVC-7); this hop is in no flow log (FLOW-15)."""
    eni = tables.interfaces.get(component)
    endpoint = eni.endpoint if eni is not None else None
    if eni is None or endpoint is None or endpoint.nodes is None:
        result.refuse(component, "interface", Reason.BAD_STATE, None, "the endpoint's interface is gone")
        return
    if endpoint.service_failed:
        result.refuse(endpoint.service, "service", Reason.EMU_FAULT, endpoint.service_failed)
        return
    result.see(endpoint.vpc_endpoint_id, outgoing=True)
    placed = endpoint.nodes.get(eni.availability_zone, ())
    nodes = [tables.interfaces[name] for name in placed if name in tables.interfaces]
    nodes = [node for node in nodes if not node.failed] or nodes
    if not nodes:
        detail = f"{endpoint.service} has no load balancer in {eni.availability_zone} (SVC-7)"
        result.refuse(endpoint.service, "zone", Reason.VPCE_SERVICE_NOT_INSTALLED_IN_AZ, None, detail)
        return
    # SVC-1: one of several load balancers at random, and then always the same; EMU: by the interface's name.
    node = nodes[flow_hash(component, _NOTHING) % len(nodes)]
    if not working(result, node):
        return
    balancer = tables.load_balancers[node.owner]
    if balancer.enforces and not security_group(tables, state, result, node, now, outgoing=False):
        return
    _forth(tables, state, result, node, balancer, component, now)


_NOTHING: Final = Packet(0, 0, 0, 0, 0, b"", 20)


def _forth(
    tables: Tables,
    state: FlowState,
    result: LegResult,
    node: InterfaceTable,
    balancer: LoadBalancerTable,
    via: str,
    now: int,
) -> None:
    """To a target: the flow's own, or for a new flow one of the listener's."""
    packet = result.packet
    name = balancer.name
    component = f"{node.interface_id}<{via}"
    before = ends_of(packet)
    entry = state.get(key_of(component, before, packet.proto), now)
    timeout = balancer.idle_timeout if packet.proto == IPPROTO_TCP else tables.settings.load_balancer_udp_idle_timeout
    if entry is None and not opens(packet):
        if not packet.flags & RST:
            result.answers.append((reset_of(packet), Place(PlaceKind.SERVICE_OUT, via)))
        detail = f"silent for more than {timeout / 1e9:g} s, or never opened; a reset is sent (SVC-11)"
        result.refuse(name, "idle", Reason.EMU_IDLE_TIMEOUT, "idle timeout", detail)
        return
    if entry is None:
        chosen = _target(result, node, balancer)
        if chosen is None:
            return
        listener, target = chosen
        group = (node.interface_id, target.address, target.port, packet.proto)
        full = state.full(group, tables.settings.load_balancer_connections_per_target, now)
        port = (
            None
            if full
            else free_port(state, node.interface_id, packet, node.address, (target.address, target.port), now)
        )
        if port is None:
            limit = f"{tables.settings.load_balancer_connections_per_target} per target (SVC-9)"
            result.refuse(name, "ports", Reason.EMU_PORTS_EXHAUSTED, limit, f"towards {dotted(target.address)}")
            return
        after = Endpoints(node.address, port, target.address, target.port)
        header = _header(tables, node, via, packet) if listener.proxy_protocol else b""
        more: tuple[int | str, ...] = (via, len(header), packet.seq)
    else:
        after = Endpoints(*_numbers(entry))
        group = (node.interface_id, after.dst, after.dport, packet.proto)
        more = entry.binding[4:]
        header = _header(tables, node, via, packet) if more[1] else b""
    bind(result, component, packet.proto, before, after, timeout, group, more)
    # Answers come to the node itself, which does not see by which endpoint: one more entry says so.
    back = Endpoints(after.dst, after.dport, after.src, after.sport)
    home = (before.dst, before.dport, before.src, before.sport, *more)
    _remember_home(result, node.interface_id, packet.proto, back, home, timeout)
    result.passes(name, "target", None, f"{dotted(before.src)} -> {dotted(after.dst)}:{after.dport} (SVC-8)")
    _to_target(result, after, header, more)
    leave(tables, result, node)


def _remember_home(
    result: LegResult, node: str, proto: int, back: Endpoints, home: tuple[int | str, ...], timeout: int
) -> None:
    key = key_of(node, back, proto)
    result.effects.append(Effect(key, Tracked.IDLE, timeout, originated=False, binding=home))


def _numbers(entry: Entry) -> tuple[int, int, int, int]:
    src, sport, dst, dport = (int(value) for value in entry.binding[:4])
    return src, sport, dst, dport


def _target(
    result: LegResult, node: InterfaceTable, balancer: LoadBalancerTable
) -> tuple[ListenerTable, TargetTable] | None:
    """Choose a target for a new flow; None where the packet was refused."""
    packet = result.packet
    name = balancer.name
    if not balancer.listeners:
        result.refuse(name, "listener", Reason.ELBV2_LISTENERS_MISMATCH, None, "it has no listener")
        return None
    on_port = [one for one in balancer.listeners if one.port == packet.dport]
    if not on_port:
        ports = ", ".join(str(one.port) for one in balancer.listeners)
        result.refuse(name, "listener", Reason.ELBV2_LISTENER_PORT_RESTRICTION, None, f"its listeners take {ports}")
        return None
    listener = next((one for one in on_port if packet.proto in one.protocols), None)
    if listener is None:
        result.refuse(name, "listener", Reason.ELBV2_LISTENERS_MISMATCH, None, "of another protocol")
        return None
    if not listener.targets:
        result.refuse(listener.target_group, "targets", Reason.ELBV2_LISTENER_HAS_NO_TG, None, "it is empty")
        return None
    if packet.proto not in listener.target_protocols:
        result.refuse(listener.target_group, "targets", Reason.ELBV2_LISTENER_REQUIRES_TG_ACCEPT)
        return None
    zone = node.availability_zone
    near = [one for one in listener.targets if balancer.cross_zone or one.availability_zone in (zone, "")]
    if not near:
        detail = f"{listener.target_group} has no target in {zone}, and cross-zone is off (SVC-7)"
        result.refuse(name, "targets", Reason.ELBV2_NO_TARGETS_IN_AZ, None, detail)
        return None
    healthy = [one for one in near if one.healthy] or near  # none is healthy: all are used (SVC-7)
    result.passes(name, "listener", f"{packet.dport} -> {listener.target_group}")
    return listener, healthy[(flow_hash(name, packet) ^ packet.seq) % len(healthy)]  # SVC-13


def balancer_in(tables: Tables, state: FlowState, result: LegResult, component: str, now: int) -> None:
    """At a node's own interface: a target's answer, or a client that came without an endpoint."""
    node = tables.interfaces.get(component)
    balancer = tables.load_balancers.get(node.owner) if node is not None else None
    if node is None or balancer is None:
        result.refuse(component, "interface", Reason.BAD_STATE, None, "the interface is gone")
        return
    packet = result.packet
    if not working(result, node):
        return
    if not result.neighbour and not network_acl(result, node, outgoing=False):
        return
    result.see(component, outgoing=False)
    entry = state.get(key_of(component, ends_of(packet), packet.proto), now)
    if entry is not None:
        result.log(component, outgoing=False, accepted=True)
        _back(tables, result, node, balancer, entry)
        return
    if not opens(packet):
        result.log(component, outgoing=False, accepted=True)
        if not packet.flags & RST:
            result.answers.append((reset_of(packet), Place(PlaceKind.INTERFACE_OUT, component)))
        result.refuse(balancer.name, "idle", Reason.EMU_IDLE_TIMEOUT, "idle timeout", "a reset is sent (SVC-11)")
        return
    if not security_group(tables, state, result, node, now, outgoing=False):
        return
    result.log(component, outgoing=False, accepted=True)
    listener = next((one for one in balancer.listeners if one.port == packet.dport), None)
    if listener is not None and listener.preserves_client:
        detail = "clients keep their addresses (preserve_client_ip_enabled), which is modelled for no such flow (SVC-8)"
        result.refuse(balancer.name, "target", Reason.UNSUPPORTED_COMPONENT, "preserve_client_ip_enabled", detail)
        return
    _forth(tables, state, result, node, balancer, component, now)


def _back(tables: Tables, result: LegResult, node: InterfaceTable, balancer: LoadBalancerTable, entry: Entry) -> None:
    """A target's answer, on its way to the client it belongs to."""
    packet = result.packet
    src, sport, dst, dport = _numbers(entry)
    via, shift, first = str(entry.binding[4]), int(entry.binding[5]), int(entry.binding[6])
    component = f"{node.interface_id}<{via}"
    timeout = balancer.idle_timeout if packet.proto == IPPROTO_TCP else tables.settings.load_balancer_udp_idle_timeout
    before = ends_of(packet)
    forth = Endpoints(dst, dport, src, sport)
    outside = Endpoints(before.dst, before.dport, before.src, before.sport)
    group = (node.interface_id, before.src, before.sport, packet.proto)
    bind(result, component, packet.proto, forth, outside, timeout, group, entry.binding[4:])
    _remember_home(result, node.interface_id, packet.proto, before, entry.binding, timeout)
    result.passes(balancer.name, "target", None, f"{dotted(before.src)} answers {dotted(dst)}")
    answer = translated(packet, Endpoints(src, sport, dst, dport))
    if shift and packet.flags & ACK:
        answer.ack = _unshifted(packet.ack, first, shift)
        if packet.options:
            answer.options = shift_sack(packet.options, -shift)
    result.packet = answer
    if not shift:
        result.rewrite = Rewrite(src, sport, dst, dport)
    if via == node.interface_id:  # a direct client
        leave(tables, result, node)
    else:
        result.goes_on(node.interface_id, PlaceKind.SERVICE_OUT, via, tables.settings.intra_az_delay)


# --- proxy protocol --------------------------------------------------------------------------------------------------


def _header(tables: Tables, node: InterfaceTable, via: str, packet: Packet) -> bytes:
    endpoint = tables.interfaces[via].endpoint
    endpoint_id = endpoint.vpc_endpoint_id if endpoint is not None else ""
    dst = node.address if endpoint is None else packet.dst
    return proxy_header(packet.src, dst, packet.sport, packet.dport, endpoint_id, datagram=packet.proto == IPPROTO_UDP)


def _to_target(result: LegResult, after: Endpoints, header: bytes, more: tuple[int | str, ...]) -> None:
    packet = result.packet
    twin = translated(packet, after)
    result.packet = twin
    if packet.proto == IPPROTO_UDP or not more[1]:
        if header and packet.proto == IPPROTO_UDP:
            twin.payload = header + packet.payload
            twin.length = packet.length + len(header)
        else:
            result.rewrite = Rewrite(after.src, after.sport, after.dst, after.dport)
        return
    start = (int(more[2]) + 1) & _MASK
    if packet.seq == start and (packet.payload or packet.flags & FIN):
        twin.payload = header + packet.payload
        twin.length = packet.length + len(header)
    elif not packet.flags & SYN and packet.seq != start:
        twin.seq = (packet.seq + len(header)) & _MASK


def _unshifted(ack: int, first: int, shift: int) -> int:
    """Return a target's acknowledgement as the client must see it: the header was never its own."""
    start = (first + 1) & _MASK
    beyond = (ack - start) & _MASK
    if beyond > _MASK >> 1 or beyond == 0:
        return ack
    return (start + max(0, beyond - shift)) & _MASK
