"""Whether one host can reach another, asked of the walk that forwards packets.

One walk out, and one back from wherever it arrived; the way back sees what the
way out would have left behind in an overlay, and nothing is changed (D1, D8).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from netaddr import AddrFormatError, IPAddress

from emulator.flows.conntrack import Overlay
from emulator.flows.walk import PROTOCOL_NAMES, leg, origin_of, walk
from emulator.gates.networks import dotted
from emulator.model.reasons import Reason
from emulator.model.resources import NetworkInterface, VpcEndpointType
from emulator.model.traces import Delivered, Dropped, Step, Trace
from emulator.network.origins import BadQuestion, Origin, origin, source_interface
from emulator.observe.explain import RoundTrip
from emulator.topology.problems import did_you_mean
from emulator.wire.packet import ACK, IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP, SYN, Packet, icmp, tcp, udp

if TYPE_CHECKING:
    from emulator.control import ControlPlane
    from emulator.flows.conntrack import FlowState
    from emulator.flows.tables import Tables
    from emulator.model.resources import VpcEndpoint
    from emulator.network.naming import Names
    from emulator.observe.explain import DnsAnswer

PROTOCOLS: Final = {"tcp": IPPROTO_TCP, "udp": IPPROTO_UDP, "icmp": IPPROTO_ICMP}
__all__ = ["BadQuestion", "Destination", "ask", "destination", "one_line", "source_interface", "unresolved"]

_PORT = re.compile(r"(?P<host>.+):(?P<port>\d{1,5})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Destination:
    """What a question is about: an address, unless DNS has none; how it was found; and DNS's part in it."""

    address: IPAddress | None
    remarks: tuple[str, ...] = ()
    dns: DnsAnswer | None = None


def destination(plane: ControlPlane, names: Names, source: Origin, name: str) -> Destination:
    """Return what a host, endpoint, service, DNS name or address stands for.

    A DNS name is resolved as ``source`` would resolve it; that there is no address is an answer too.

    Raises:
        BadQuestion: if it is none of these.
    """
    try:
        return Destination(IPAddress(name))
    except (AddrFormatError, ValueError):
        pass
    host = plane.external_hosts.get(name)
    if host is not None:
        return Destination(host.ip_address)
    if name in plane.instances or name in plane.network_interfaces:
        eni = source_interface(plane, name)
        if source.outside and eni.public_ips:
            private, public = eni.public_ips[0]
            return Destination(public, (f"{name} ({private}) has the public address {public}",))
        return Destination(eni.private_ip_address)
    endpoint = plane.vpc_endpoints.get(name)
    if endpoint is not None:
        return Destination(*_endpoint_address(plane, source, endpoint))
    asker = source.asker
    region = plane.vpcs[asker.vpc_id].region if isinstance(asker, NetworkInterface) else plane.region
    service = plane.services.get(name) or plane.services.get(f"com.amazonaws.{region}.{name}")
    if service is not None and service.private_dns_names:
        name = service.private_dns_names[0].replace("*.", "any.")
    if "." not in name:
        known = [*plane.instances, *plane.vpc_endpoints, *plane.network_interfaces, *plane.external_hosts]
        hosts = ", ".join([*plane.instances, *plane.vpc_endpoints]) or "none"
        hint = did_you_mean(name, known) or f"; hosts and endpoints: {hosts}"
        raise BadQuestion(f"no host, endpoint, service or address {name!r}{hint}")
    if asker is None:
        raise BadQuestion(f"{name!r}: who comes in by a gateway resolves no names here; give an address or a host")
    told, found = names.ask(asker, name)
    return Destination(found.addresses[0] if found.addresses else None, tuple(told.remarks()), told)


def _endpoint_address(plane: ControlPlane, source: Origin, endpoint: VpcEndpoint) -> tuple[IPAddress, tuple[str, ...]]:
    name = endpoint.vpc_endpoint_id
    if endpoint.vpc_endpoint_type is VpcEndpointType.INTERFACE:
        asker = source.asker
        zone = plane.subnets[asker.subnet_id].availability_zone if isinstance(asker, NetworkInterface) else ""
        enis = [plane.network_interfaces[eni] for eni in endpoint.network_interface_ids]
        near = [eni for eni in enis if plane.subnets[eni.subnet_id].availability_zone == zone]
        eni = (near or enis)[0]
        return eni.private_ip_address, (f"{name} is reached at {eni.network_interface_id}",)
    service = plane.services[endpoint.service_name]
    if service.public_addresses:
        address = service.public_addresses[0]
        return address, (f"{name} is reached at {address}, an address of {service.service_name}",)
    raise BadQuestion(f"{service.service_name} has no address to ask for: give one of its prefix list's")


def ask(
    plane: ControlPlane,
    names: Names,
    state: FlowState,
    now: int,
    source: str,
    to: str,
    protocol: str = "tcp",
    source_port: int = 40000,
    source_address: str | None = None,
    port: int = 443,
) -> RoundTrip:
    """Walk one packet from ``source`` to ``to`` and its answer back, at one instant.

    Args:
        plane: The network.
        names: DNS as each VPC sees it.
        state: What the network remembers of its flows; only read.
        now: Nanoseconds.
        source: A host, an interface, a private address, or a gateway that packets come in by.
        to: A host, endpoint, service, DNS name or address, with ``:port`` for TCP and UDP.
        protocol: ``tcp``, ``udp`` or ``icmp`` (an echo request).
        source_port: For TCP and UDP.
        source_address: The packet's source, where it is not the host's first address.
        port: Where ``to`` has none.

    Raises:
        BadQuestion: if something named is not there.
    """
    protocol = protocol.lower()
    if protocol not in PROTOCOLS:
        raise BadQuestion(f"protocol {protocol!r}: choose tcp, udp or icmp")
    if not 0 < source_port < 65536:
        raise BadQuestion(f"source port {source_port}: choose 1 to 65535")
    host, port = _host_and_port(to, port)
    if not 0 < port < 65536:
        raise BadQuestion(f"port {port}: choose 1 to 65535")
    tables = plane.tables()
    begins = origin(plane, tables, source, source_address)
    where = destination(plane, names, begins, host)
    if where.address is None:
        near, far = (f":{source_port}", f":{port}") if protocol != "icmp" else ("", "")
        line = f"{protocol} {dotted(begins.address)}{near} > {host}{far}"
        asker = begins.asker
        component = asker.vpc_id if isinstance(asker, NetworkInterface) else source
        return RoundTrip(line, unresolved(component, where.dns), None, where.remarks, where.dns)
    packet = _packet(PROTOCOLS[protocol], begins.address, where.address, source_port, port)
    overlay = Overlay(state)
    if begins.sender is not None:  # it has let the request out, and will know the answer for one (SG-9)
        for effect in leg(tables, overlay, packet, origin_of(tables, begins.sender), now).effects:
            overlay.commit(effect, now)
    forward, arrived = walk(tables, overlay, packet, begins.place, now)
    reply = returned = None
    if isinstance(forward.ending, Delivered):
        back = origin_of(tables, forward.ending.component)
        reply, returned = walk(tables, overlay, _answer(arrived), back, now)
    remarks = (*where.remarks, *_zones_crossed(tables, begins, forward))
    return RoundTrip(one_line(packet), forward, reply, remarks, where.dns, (arrived, returned))


def _zones_crossed(tables: Tables, begins: Origin, forward: Trace) -> tuple[str, ...]:
    """Return the remark AVAILABILITY_ZONE_CROSSED where the packet arrived in another zone (REACH-3)."""
    here = tables.interfaces.get(begins.place.component)
    there = tables.interfaces.get(forward.ending.component)
    if here is None or there is None or here.availability_zone == there.availability_zone:
        return ()
    return (f"AVAILABILITY_ZONE_CROSSED: {here.availability_zone} to {there.availability_zone}",)


def unresolved(vpc_id: str, dns: DnsAnswer | None) -> Trace:
    """Return the story of a packet that was never sent, since its destination has no address: one step, ``dns``."""
    assert dns is not None
    assert dns.reason is not None
    off = dns.reason is Reason.EMU_DNS_OFF and not dns.record
    component, rule = (vpc_id, "enable_dns_support") if off else (dns.owner or dns.resolver, dns.record or None)
    detail = "the resolver does not answer (DNS-2, DNS-5)" if off else dns.source
    step = Step(component, "dns", rule, dns.reason, detail)
    return Trace((step,), Dropped(dns.reason, component, rule))


def _host_and_port(to: str, port: int) -> tuple[str, int]:
    """Split ``host:port``; an IPv6 address with a port stands in brackets, as in a URL."""
    if to.count(":") > 1 and not to.startswith("["):
        return to, port
    matched = _PORT.fullmatch(to)
    host, port = (matched["host"], int(matched["port"])) if matched else (to, port)
    return host.removeprefix("[").removesuffix("]"), port


def _packet(protocol: int, src: int, to: IPAddress, sport: int, dport: int) -> Packet:
    dst = int(to)
    if to.version == 6:
        packet = Packet(src, dst, protocol, sport, dport, b"", 60)
        packet.version = 6
        return packet
    if protocol == IPPROTO_TCP:
        return tcp(src, dst, sport, dport, SYN)
    return udp(src, dst, sport, dport) if protocol == IPPROTO_UDP else icmp(src, dst, 8, 0, identifier=1)


def _answer(packet: Packet) -> Packet:
    if packet.proto == IPPROTO_TCP:
        return tcp(packet.dst, packet.src, packet.dport, packet.sport, SYN | ACK)
    if packet.proto == IPPROTO_UDP:
        return udp(packet.dst, packet.src, packet.dport, packet.sport)
    return icmp(packet.dst, packet.src, 0, 0, identifier=packet.sport)


def one_line(packet: Packet) -> str:
    """Return ``tcp 10.0.1.10:40000 > 10.0.2.20:443``."""
    name = PROTOCOL_NAMES.get(packet.proto, f"protocol {packet.proto}")
    if packet.proto in (IPPROTO_TCP, IPPROTO_UDP) and packet.version == 4:
        return f"{name} {dotted(packet.src)}:{packet.sport} > {dotted(packet.dst)}:{packet.dport}"
    return f"{name} {dotted(packet.src)} > {dotted(packet.dst)}"
