"""Legs at Network Load Balancers: from an interface endpoint to a node, to a target, and back (section 9).

A node replaces both addresses: targets see the node (SVC-8), clients the
endpoint.  The binding of a flow names its target for as long as it lives
(SVC-13).  With proxy protocol v2 the stream to the target begins with a header
(SVC-10), so sequence numbers behind it are shifted by its length.

AWS: AWS PrivateLink, "Create a service powered by AWS PrivateLink"; User Guide for Network Load Balancers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from emulator.flows.leg_endpoints import opens, reset_of
from emulator.flows.leg_interfaces import security_group
from emulator.flows.leg_routes import leave
from emulator.flows.legs import INTERFACE_MTU, Place, PlaceKind, Rewrite, clamp, network_acl, working
from emulator.flows.tables import Kind
from emulator.flows.translation import (
    Binding,
    Endpoints,
    bound,
    ends_of,
    flow_hash,
    free_port,
    key_of,
    remember,
    translated,
)
from emulator.gates.networks import dotted
from emulator.model.reasons import Reason
from emulator.wire.options import shift_sack
from emulator.wire.packet import ACK, FIN, FRAGMENTED, IPPROTO_TCP, IPPROTO_UDP, RST, Packet, tcp
from emulator.wire.proxy_protocol import proxy_header

if TYPE_CHECKING:
    from emulator.flows.conntrack import Entry, FlowState, Group
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
    """To a target: the flow's own, or for a new flow one of the listener's; ``via``: by which interface it came."""
    packet = result.packet
    settings = tables.settings
    if packet.fragment & FRAGMENTED and packet.proto != IPPROTO_UDP:
        result.refuse(balancer.name, "protocol", Reason.PROTOCOL_RESTRICTION, "no fragments but UDP's (SVC-13)")
        return
    if packet.fragment & FRAGMENTED:
        detail = "UDP fragments are not modelled"
        result.refuse(balancer.name, "protocol", Reason.UNSUPPORTED_COMPONENT, None, detail)
        return
    before = ends_of(packet)
    timeout = _timeout(tables, balancer, packet)
    entry = state.get(key_of(_component(node, via), before, packet.proto), now)
    if entry is not None and _begins(packet, entry):
        entry = None  # the client uses its port again
    if entry is not None:
        after, more = bound(entry)
        header = _header(tables, node, via, packet) if more[1] else b""
    elif not opens(packet):
        if not packet.flags & RST:
            result.answers.append((reset_of(packet), _towards(node, via)))
        result.refuse(balancer.name, "idle", Reason.EMU_IDLE_TIMEOUT, "idle timeout", _late(timeout))
        return
    else:
        chosen = _target(result, node, balancer)
        if chosen is None:
            return
        listener, target = chosen
        limit = settings.load_balancer_connections_per_target
        after = Endpoints(node.address, 0, target.address, target.port)
        full = state.full(_group(node, after, packet), limit, now)
        remote = target.address, target.port
        port = None if full else free_port(state, node.interface_id, packet, node.address, remote, now)
        if port is None:
            result.exceeded = _group(node, after, packet)
            detail = f"towards {dotted(target.address)}"
            result.refuse(balancer.name, "ports", Reason.EMU_PORTS_EXHAUSTED, f"{limit} per target (SVC-9)", detail)
            return
        after.sport = port
        header = _header(tables, node, via, packet) if listener.proxy_protocol else b""
        more = (via, len(header), packet.seq)
    binding = Binding(_component(node, via), node.interface_id, packet.proto, before, after, more)
    remember(state, result, binding, timeout, _group(node, after, packet), now)
    result.passes(balancer.name, "target", None, f"{dotted(before.src)} -> {dotted(after.dst)}:{after.dport} (SVC-8)")
    _to_target(result, after, header, more)
    leave(tables, result, node)


def _component(node: InterfaceTable, via: str) -> str:
    """Return under which name a node remembers clients: of two endpoints they may have the same addresses (SVC-8)."""
    return f"{node.interface_id}<{via}"


def _towards(node: InterfaceTable, via: str) -> Place:
    """Return where packets of the load balancer's own begin that go to a client."""
    if via == node.interface_id:
        return Place(PlaceKind.BALANCER_OUT, node.interface_id)
    return Place(PlaceKind.SERVICE_OUT, via)


def _group(node: InterfaceTable, after: Endpoints, packet: Packet) -> Group:
    """Return what a flow counts against: the node's address, and a target (SVC-9)."""
    return node.interface_id, after.dst, after.dport, packet.proto


def _timeout(tables: Tables, balancer: LoadBalancerTable, packet: Packet) -> int:
    """SVC-11."""
    udp = packet.proto == IPPROTO_UDP
    return tables.settings.load_balancer_udp_idle_timeout if udp else balancer.idle_timeout


def _late(timeout: int) -> str:
    return f"silent for more than {timeout / 1e9:g} s, or never opened; a reset is sent (SVC-11)"


def _begins(packet: Packet, entry: Entry) -> bool:
    """Return whether a SYN begins another connection than the one remembered: its sequence number tells (SVC-13)."""
    return packet.proto == IPPROTO_TCP and opens(packet) and entry.binding[6] != packet.seq


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
    usable = [one for one in listener.targets if one.availability_zone in ("", *balancer.zones)]
    if not usable:
        detail = f"the targets of {listener.target_group} are in zones that it is not in"
        result.refuse(name, "targets", Reason.ELB_INSTALLED_AZ_RESTRICTION, None, detail)
        return None
    near = [one for one in usable if balancer.cross_zone or one.availability_zone in ("", zone)]
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
    entry = state.known(key_of(component, ends_of(packet), packet.proto))
    if entry is not None and (entry.expires_at > now or not opens(packet)):
        result.see(component, outgoing=False)
        result.log(component, outgoing=False, accepted=True)
        if entry.expires_at > now:
            _back(tables, state, result, node, balancer, entry, now)
        else:
            _too_late(tables, result, node, balancer, entry)
        return
    if not security_group(tables, state, result, node, now, outgoing=False):
        return
    result.see(component, outgoing=False)
    result.log(component, outgoing=False, accepted=True)
    listener = next((one for one in balancer.listeners if one.port == packet.dport), None)
    if listener is not None and listener.preserves_client:
        detail = "clients keep their addresses (preserve_client_ip_enabled), which is modelled for no such flow (SVC-8)"
        result.refuse(balancer.name, "target", Reason.UNSUPPORTED_COMPONENT, "preserve_client_ip_enabled", detail)
        return
    _forth(tables, state, result, node, balancer, component, now)


def _back(
    tables: Tables,
    state: FlowState,
    result: LegResult,
    node: InterfaceTable,
    balancer: LoadBalancerTable,
    entry: Entry,
    now: int,
) -> None:
    """A target's answer, on its way to the client it belongs to."""
    packet = result.packet
    before = ends_of(packet)
    after, more = bound(entry)
    via, shift, first = str(more[0]), int(more[1]), int(more[2])
    component = _component(node, via)
    binding = Binding(component, node.interface_id, packet.proto, after.reversed(), before.reversed(), more)
    remember(state, result, binding, _timeout(tables, balancer, packet), entry.group or (), now, answer=True)
    result.passes(balancer.name, "target", None, f"{dotted(before.src)} answers {dotted(after.dst)}")
    answer = translated(packet, after)
    if shift and packet.flags & ACK:
        answer.ack = _unshifted(packet.ack, first, shift)
        if packet.options:
            answer.options = shift_sack(packet.options, -shift)
    result.packet = answer
    if shift:
        clamp(result, INTERFACE_MTU - shift)  # the client's first segment must fit with the header in front of it
    else:
        result.rewrite = Rewrite(after.src, after.sport, after.dst, after.dport)
    if via == node.interface_id:  # a direct client
        leave(tables, result, node)
    else:
        result.goes_on(node.interface_id, PlaceKind.SERVICE_OUT, via, tables.settings.intra_az_delay)


def _too_late(
    tables: Tables, result: LegResult, node: InterfaceTable, balancer: LoadBalancerTable, entry: Entry
) -> None:
    """A target's data after the idle timeout: both ends are reset (SVC-11)."""
    packet = result.packet
    timeout = _timeout(tables, balancer, packet)
    if packet.proto == IPPROTO_TCP and not packet.flags & RST:
        result.answers.append((reset_of(packet), Place(PlaceKind.BALANCER_OUT, node.interface_id)))
        client, more = bound(entry)
        reset = tcp(client.src, client.dst, client.sport, client.dport, RST, seq=packet.seq)
        reset.window = 0
        result.answers.append((reset, _towards(node, str(more[0]))))
    result.refuse(balancer.name, "idle", Reason.EMU_IDLE_TIMEOUT, "idle timeout", _late(timeout))


def balancer_out(tables: Tables, _state: FlowState, result: LegResult, component: str, _now: int) -> None:
    """Out of a node's interface: what it sends by itself."""
    node = tables.interfaces.get(component)
    if node is None or node.kind is not Kind.LOAD_BALANCER:
        result.refuse(component, "interface", Reason.BAD_STATE, None, "the interface is gone")
        return
    leave(tables, result, node)


# --- proxy protocol --------------------------------------------------------------------------------------------------


def _header(tables: Tables, node: InterfaceTable, via: str, packet: Packet) -> bytes:
    endpoint = tables.interfaces[via].endpoint
    endpoint_id = endpoint.vpc_endpoint_id if endpoint is not None else ""
    dst = node.address if endpoint is None else packet.dst
    return proxy_header(packet.src, dst, packet.sport, packet.dport, endpoint_id, datagram=packet.proto == IPPROTO_UDP)


def _to_target(result: LegResult, after: Endpoints, header: bytes, more: tuple[int | str, ...]) -> None:
    """Put a packet into the stream that the target sees, where every byte of the client's is behind the header."""
    packet = result.packet
    twin = translated(packet, after)
    result.packet = twin
    if not header:
        result.rewrite = Rewrite(after.src, after.sport, after.dst, after.dport)
        return
    beyond = (packet.seq - int(more[2]) - 1) & _MASK  # bytes of the client's stream in front of the segment
    first = packet.proto == IPPROTO_UDP or (beyond == 0 and (packet.payload or packet.flags & FIN))
    if first:
        twin.payload = header + packet.payload
        twin.length = packet.length + len(header)
    elif 0 < beyond <= _MASK >> 1:  # behind the header; a SYN, or a probe before the first byte, is not
        twin.seq = (packet.seq + len(header)) & _MASK


def _unshifted(ack: int, first: int, shift: int) -> int:
    """Return a target's acknowledgement as the client must see it: the header was never its own."""
    start = (first + 1) & _MASK
    beyond = (ack - start) & _MASK
    if beyond > _MASK >> 1 or beyond == 0:
        return ack
    return (start + max(0, beyond - shift)) & _MASK
