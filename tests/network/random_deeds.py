"""What is done to a network made at random: packets of every kind from everyone, edits, faults."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, NamedTuple

from netaddr import IPAddress

from emulator.control import Ec2Error
from emulator.wire.packet import ACK, FIN, PSH, RST, SYN, Packet, icmp, tcp, udp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from emulator.control import ControlPlane

OUTSIDE = ("52.216.0.10", "52.94.0.7", "8.8.8.8", "169.254.169.253", "169.254.169.123", "10.0.0.2", "10.200.0.1")
PORTS = (53, 80, 443, 5432)
SIZES = (0, 0, 0, 1, 400, 1460, 1460, 8461, 9000)
FLAGS = (SYN, SYN | ACK, *(8 * [ACK]), ACK | PSH, FIN | ACK, RST, 0)
MS = 1_000_000


class Deed(NamedTuple):
    """Something done at a time: a packet sent by a host, or an edit (``host`` is empty)."""

    at: int
    host: str
    packet: bytes
    edit: int


def senders(plane: ControlPlane) -> dict[str, int]:
    """Return everyone who may send, and an address of theirs: instances, external hosts, public sides of services."""
    own = {
        name: int(plane.network_interfaces[one.network_interface_ids[0]].private_ip_address)
        for name, one in sorted(plane.instances.items())
    }
    own |= {name: int(host.ip_address) for name, host in sorted(plane.external_hosts.items())}
    if any(gateway.vpc_id for gateway in plane.internet_gateways.values()):
        s3 = plane.services["com.amazonaws.us-east-1.s3"]
        own[f"{s3.service_name}/public"] = int(s3.public_addresses[0])
    return own


def receivers(plane: ControlPlane) -> list[int]:
    """Return where packets may go: private, public and unknown addresses."""
    found = []
    for _, eni in sorted(plane.network_interfaces.items()):
        found += [int(address) for address in eni.private_ip_addresses]
        found += [int(public) for _, public in eni.public_ips]
    found *= 3
    found += [int(host.ip_address) for _, host in sorted(plane.external_hosts.items())]
    found += [int(address.public_ip) for _, address in sorted(plane.addresses.items())]
    return found + [int(IPAddress(text)) for text in OUTSIDE]


def deeds(draw: Random, plane: ControlPlane, count: int) -> list[Deed]:
    """Return packets and edits in the order of their times."""
    own = senders(plane)
    owners = {address: name for name, address in own.items()}
    hosts, addresses = list(own), receivers(plane)
    done: list[Deed] = []
    at = 0
    conversations = [(draw.choice(hosts), draw.choice(addresses), draw.choice(PORTS)) for _ in range(6)]
    for number in range(count):
        at += draw.choice((0, 1000, 100_000, 2 * MS, 20 * MS))
        if draw.random() < 0.05:
            done.append(Deed(at, "", b"", draw.getrandbits(32)))
            continue
        host, target, port = draw.choice(conversations)
        if target == own[host]:
            continue  # a kernel keeps to itself what it says to itself
        packet = _packet(draw, own[host], target, port)
        if target in owners and draw.random() < 0.3:  # the other one's turn: an answer, or what looks like one
            host, packet = owners[target], _packet(draw, target, own[host], 40000, port)
        if draw.random() < 0.05:
            packet.src ^= 1
        if draw.random() < 0.05:
            packet = _fragment(packet)
        packet.ident = number
        done.append(Deed(at, host, packet.to_bytes(), 0))
    return done


def _fragment(packet: Packet) -> Packet:
    """Return a later fragment of a packet's like: all its payload is bytes to whoever sees it."""
    later = Packet(packet.src, packet.dst, packet.proto, 0, 0, packet.payload, 20 + len(packet.payload))
    later.fragment = 0x0010
    return later


def _packet(draw: Random, source: int, target: int, port: int, client_port: int | None = None) -> Packet:
    kind = draw.random()
    data = bytes(draw.choice(SIZES))
    ports = (draw.choice((40000, 40001)), port) if client_port is None else (client_port, port)[::-1]
    if kind < 0.6:
        return tcp(source, target, *ports, draw.choice(FLAGS), data, seq=1, ack=1)
    if kind < 0.8:
        return udp(source, target, *ports, data)
    if kind < 0.9:
        return icmp(source, target, draw.choice((8, 8, 0)), 0, 7)
    if kind < 0.95:  # an error about a packet that went the other way
        about = udp(target, source, 40000, port).to_bytes()[:28]
        return icmp(source, target, *draw.choice(((3, 3), (3, 4), (11, 0))), data=about)
    return Packet(source, target, 47, 0, 0, data, 20 + len(data))


def edit(plane: ControlPlane, seed: int) -> None:
    """Change something, chosen by the names there are and not by their order."""
    draw = Random(seed)
    group = plane.security_groups[draw.choice(sorted(plane.security_groups))]
    acl = plane.network_acls[draw.choice(sorted(plane.network_acls))]
    if draw.random() < 0.5:
        _edit_edges(plane, draw)
        return
    kind = draw.randrange(6)
    if kind == 0 and group.ingress:
        rule = draw.choice(group.ingress)
        plane.revoke_security_group_ingress(
            group.group_id,
            ip_protocol=rule.ip_protocol,
            from_port=rule.from_port,
            to_port=rule.to_port,
            cidr_ip=None if rule.cidr_ip is None else str(rule.cidr_ip),
            prefix_list_id=rule.prefix_list_id,
            referenced_group_id=rule.referenced_group_id,
        )
    elif kind == 1 and all(rule.from_port != 7 for rule in group.ingress):
        plane.authorize_security_group_ingress(
            group.group_id, ip_protocol="tcp", from_port=7, to_port=5000, cidr_ip="0.0.0.0/0"
        )
    elif kind == 2 and all(entry.rule_number != 1 for entry in acl.entries):
        plane.create_network_acl_entry(
            acl.network_acl_id,
            rule_number=1,
            protocol="6",
            rule_action="deny",
            egress=draw.random() < 0.5,
            cidr_block="0.0.0.0/0",
        )
    elif kind == 3 and acl.entries:
        entry = draw.choice(sorted(acl.entries, key=lambda entry: (entry.egress, entry.rule_number)))
        plane.delete_network_acl_entry(acl.network_acl_id, rule_number=entry.rule_number, egress=entry.egress)
    elif kind == 4 and plane.vpc_endpoints:
        plane.delete_vpc_endpoints([draw.choice(sorted(plane.vpc_endpoints))])
    elif kind == 5:
        living = [name for name, one in plane.vpc_peering_connections.items() if one.status == "active"]
        if living:
            plane.delete_vpc_peering_connection(draw.choice(sorted(living)))


def _edit_edges(plane: ControlPlane, draw: Random) -> None:
    """Call one of the verbs of gateways and faults; what AWS refuses changes nothing."""
    verb, names = draw.choice(EDGE_EDITS)
    among = sorted(names(plane))
    if among:
        try:
            verb(plane, draw.choice(among), draw)
        except Ec2Error:
            return


def _delete_route(plane: ControlPlane, name: str, draw: Random) -> None:
    static = sorted(
        str(one.destination) for one in plane.route_tables[name].routes if hasattr(one.destination, "prefixlen")
    )
    plane.delete_route(name, destination_cidr_block=draw.choice(static or ["0.0.0.0/0"]))


def _new_route(plane: ControlPlane, name: str, draw: Random) -> None:
    plane.create_route(name, destination_cidr_block="192.168.0.0/16", transit_gateway_id="tgw0")


def _health(plane: ControlPlane, name: str, draw: Random) -> None:
    target = draw.choice(plane.target_groups[name].targets or (None,))
    if target is not None:
        health = draw.choice(("healthy", "unhealthy"))
        plane.set_target_health(name, target.target_id, health, port=target.port)


def _zones(plane: ControlPlane) -> set[str]:
    return {subnet.availability_zone for subnet in plane.subnets.values()}


EDGE_EDITS: list[tuple[Callable[[ControlPlane, str, Random], object], Callable[[ControlPlane], Iterable[str]]]] = [
    (_delete_route, lambda ec2: ec2.route_tables),
    (_new_route, lambda ec2: ec2.route_tables),
    (_health, lambda ec2: ec2.target_groups),
    (lambda ec2, name, draw: ec2.disassociate_address(name), lambda ec2: ec2.addresses),
    (lambda ec2, name, draw: ec2.delete_nat_gateway(name), lambda ec2: ec2.nat_gateways),
    (lambda ec2, name, draw: ec2.fail_nat_gateway(name), lambda ec2: ec2.nat_gateways),
    (lambda ec2, name, draw: ec2.fail_availability_zone(name), _zones),
    (lambda ec2, name, draw: ec2.restore_availability_zone(name), lambda ec2: ec2.failures),
    (lambda ec2, name, draw: ec2.fail_network_interface(name), lambda ec2: ec2.network_interfaces),
    (lambda ec2, name, draw: ec2.set_vpn_tunnels(name, up=draw.random() < 0.5), lambda ec2: ec2.vpn_connections),
    (
        lambda ec2, name, draw: ec2.set_virtual_interface_state(name, draw.choice(("down", "available"))),
        lambda ec2: ec2.virtual_interfaces,
    ),
    (
        lambda ec2, name, draw: ec2.create_transit_gateway_route(name, "10.0.0.0/15", blackhole=True),
        lambda ec2: ec2.transit_gateway_route_tables,
    ),
    (
        lambda ec2, name, draw: ec2.delete_transit_gateway_route(name, draw.choice(("10.0.0.0/8", "0.0.0.0/0"))),
        lambda ec2: ec2.transit_gateway_route_tables,
    ),
    (
        lambda ec2, name, draw: ec2.set_transit_gateway_attachment_state(name, draw.choice(("failed", "available"))),
        lambda ec2: ec2.transit_gateway_attachments,
    ),
    (lambda ec2, name, draw: ec2.create_flow_logs(name), lambda ec2: ec2.network_interfaces),
    (lambda ec2, name, draw: ec2.delete_flow_logs([name]), lambda ec2: ec2.flow_logs),
]
