"""Whole accounts made at random, as documents: what a network may be, and what is then done to it.

Everything follows from one seeded generator and a few sizes, so an example that
fails is named by them.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

from netaddr import IPAddress

from emulator.wire.packet import ACK, FIN, PSH, RST, SYN, Packet, icmp, tcp, udp

if TYPE_CHECKING:
    from emulator.control import ControlPlane

ZONES = ("us-east-1a", "us-east-1b", "us-east-1c")
BLOCKS = ("0.0.0.0/0", "0.0.0.0/0", "10.0.0.0/8", "10.0.0.0/16", "10.1.0.0/16", "10.0.1.0/24", "10.1.2.0/24")
S3, DYNAMODB = "pl-63a5400a", "pl-02cd2c6b"
OUTSIDE = ("52.216.0.10", "52.94.0.7", "8.8.8.8", "169.254.169.253", "169.254.169.123", "10.0.0.2", "10.200.0.1")
PORTS = (53, 80, 443, 5432)
SIZES = (0, 0, 0, 1, 400, 1460, 1460, 8461, 9000)
FLAGS = (SYN, SYN | ACK, *(8 * [ACK]), ACK | PSH, FIN | ACK, RST, 0)
MS = 1_000_000


def document(draw: Random, vpcs: int, subnets: int) -> dict[str, Any]:
    """Return a good document: VPCs that may share a CIDR, peerings, groups, network ACLs, endpoints, instances."""
    made: dict[str, Any] = {"region": "us-east-1"}
    for section in (
        "vpcs", "subnets", "route_tables", "security_groups", "network_acls", "vpc_peering_connections",
        "vpc_endpoints", "instances", "network_interfaces",
    ):  # fmt: skip
        made[section] = {}
    made["services"] = {"com.amazonaws.us-east-1.tool": {"application": "http"}}
    blocks = [draw.choice((0, 1, 2)) for _ in range(vpcs)]
    for number, block in enumerate(blocks):
        made["vpcs"][f"vpc{number}"] = {"cidr_blocks": [f"10.{block}.0.0/16"], "enable_dns_hostnames": True}
    for first in range(vpcs):
        for second in range(first + 1, vpcs):
            if blocks[first] != blocks[second] and draw.random() < 0.7:
                peering = {"vpc_id": f"vpc{first}", "peer_vpc_id": f"vpc{second}", "auto_accept": draw.random() < 0.9}
                made["vpc_peering_connections"][f"pcx{first}{second}"] = peering
    for number, block in enumerate(blocks):
        _vpc(draw, made, number, block, subnets)
    return made


def _vpc(draw: Random, made: dict[str, Any], number: int, block: int, subnets: int) -> None:
    vpc = f"vpc{number}"
    groups = [f"sg{number}{index}" for index in range(2)]
    for group in groups:
        entry = {"vpc_id": vpc, "ingress": _rules(draw, groups)}
        if draw.random() < 0.4:
            entry["egress"] = _rules(draw, groups)
        made["security_groups"][group] = entry
    peerings = [
        (name, one["peer_vpc_id"] if one["vpc_id"] == vpc else one["vpc_id"])
        for name, one in made["vpc_peering_connections"].items()
        if vpc in (one["vpc_id"], one["peer_vpc_id"])
    ]
    for index in range(2):
        routes = {}
        for name, far in peerings:
            (cidr,) = made["vpcs"][far]["cidr_blocks"]
            for destination in (cidr, cidr.replace("0.0/16", "1.0/24"), "0.0.0.0/0", S3):
                if draw.random() < 0.4:
                    routes[destination] = name
        listed = [{"destination": destination, "target": target} for destination, target in routes.items()]
        made["route_tables"][f"rtb{number}{index}"] = {"vpc_id": vpc, "routes": listed}
    names = [f"subnet{number}{index}" for index in range(subnets)]
    for index, name in enumerate(names):
        subnet = {
            "vpc_id": vpc,
            "cidr_block": f"10.{block}.{index + 1}.0/24",
            "availability_zone": ZONES[index % len(ZONES)],
        }
        if draw.random() < 0.7:
            subnet["route_table_id"] = f"rtb{number}{draw.randrange(2)}"
        made["subnets"][name] = subnet
        for host in range(draw.randrange(1, 3)):
            instance: dict[str, Any] = {"subnet_id": name, "source_dest_check": draw.random() < 0.8}
            if draw.random() < 0.7:
                instance["security_group_ids"] = draw.sample(groups, draw.randrange(1, 3))
            if draw.random() < 0.3:
                instance["private_ip_address"] = f"10.{block}.{index + 1}.{20 + host}"
            made["instances"][f"host{number}{index}{host}"] = instance
    for egress_only in names[: draw.randrange(2)]:
        made["network_acls"][f"acl{number}"] = {
            "vpc_id": vpc,
            "subnet_ids": [egress_only],
            "ingress": _entries(draw),
            "egress": _entries(draw),
        }
    _endpoints(draw, made, number, names, groups)


def _endpoints(draw: Random, made: dict[str, Any], number: int, names: list[str], groups: list[str]) -> None:
    vpc = f"vpc{number}"
    for service, prefix_list in (("s3", S3), ("dynamodb", DYNAMODB)):
        tables = [
            f"rtb{number}{index}"
            for index in range(2)
            if all(
                route["destination"] != prefix_list for route in made["route_tables"][f"rtb{number}{index}"]["routes"]
            )
        ]
        if draw.random() < 0.5 and tables:
            used = draw.sample(tables, draw.randrange(1, len(tables) + 1))
            endpoint = {"vpc_id": vpc, "service_name": service, "route_table_ids": used}
            made["vpc_endpoints"][f"{service}{number}"] = endpoint
    if draw.random() < 0.7:
        made["vpc_endpoints"][f"tool{number}"] = {
            "vpc_id": vpc,
            "service_name": "tool",
            "vpc_endpoint_type": "Interface",
            "subnet_ids": names[: len(ZONES)],  # one a zone (VPCE-IF-2)
            "security_group_ids": [draw.choice(groups)],
        }


def _rules(draw: Random, groups: list[str]) -> list[dict[str, Any]]:
    rules = {}
    for _ in range(draw.randrange(5)):
        rule = _what(draw) | {"peer": draw.choice((*BLOCKS, *groups, S3))}
        rules[str(sorted(rule.items(), key=str))] = rule
    return list(rules.values())


def _entries(draw: Random) -> list[dict[str, Any]]:
    numbers = draw.sample(range(1, 32766), draw.randrange(6))
    last = [{"rule_number": 32766, "protocol": "all", "cidr_block": "0.0.0.0/0", "rule_action": "allow"}]
    return last[: draw.randrange(4)] + [
        _what(draw)
        | {
            "rule_number": number,
            "cidr_block": draw.choice(BLOCKS),
            "rule_action": draw.choice(("allow", "allow", "deny")),
        }
        for number in numbers
    ]


def _what(draw: Random) -> dict[str, Any]:
    protocol = draw.choice(("all", "all", "tcp", "tcp", "udp", "icmp", "47"))
    if protocol == "icmp":
        return {"protocol": protocol, "icmp_type": draw.choice((-1, 8))}
    if protocol in ("tcp", "udp") and draw.random() < 0.7:
        return {"protocol": protocol, "ports": draw.choice((80, 443, "1024-65535", "53-80"))}
    return {"protocol": protocol}


class Deed(NamedTuple):
    """Something done at a time: a packet sent by a host, or an edit (``host`` is empty)."""

    at: int
    host: str
    packet: bytes
    edit: int


def deeds(draw: Random, plane: ControlPlane, count: int) -> list[Deed]:
    """Return packets and edits in the order of their times."""
    own = {name: int(plane.network_interfaces[f"eni-{name}"].private_ip_address) for name in plane.instances}
    hosts = sorted(own)
    addresses = 3 * [int(eni.private_ip_address) for _, eni in sorted(plane.network_interfaces.items())]
    addresses += [int(IPAddress(text)) for text in OUTSIDE]
    done: list[Deed] = []
    at = 0
    conversations = [(draw.choice(hosts), draw.choice(addresses), draw.choice(PORTS)) for _ in range(4)]
    for number in range(count):
        at += draw.choice((0, 1000, 100_000, 2 * MS))
        if draw.random() < 0.04:
            done.append(Deed(at, "", b"", draw.getrandbits(32)))
            continue
        host, target, port = draw.choice(conversations)
        packet = _packet(draw, own[host], target, port)
        if draw.random() < 0.05:
            packet.src ^= 1
        packet.ident = number
        done.append(Deed(at, host, packet.to_bytes(), 0))
    return done


def _packet(draw: Random, source: int, target: int, port: int) -> Packet:
    kind = draw.random()
    data = bytes(draw.choice(SIZES))
    if kind < 0.6:
        return tcp(source, target, draw.choice((40000, 40001)), port, draw.choice(FLAGS), data, seq=1, ack=1)
    if kind < 0.8:
        return udp(source, target, 40000, port, data)
    if kind < 0.9:
        return icmp(source, target, draw.choice((8, 8, 0, 3)), 0, 7)
    return Packet(source, target, 47, 0, 0, data, 20 + len(data))


def edit(plane: ControlPlane, seed: int) -> None:
    """Change something, chosen by the names there are and not by their order."""
    draw = Random(seed)
    group = plane.security_groups[draw.choice(sorted(plane.security_groups))]
    acl = plane.network_acls[draw.choice(sorted(plane.network_acls))]
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
