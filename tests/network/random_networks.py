"""Whole accounts made at random, as documents: what a network may be, and what is then done to it.

Everything follows from one seeded generator and a few sizes, so an example that
fails is named by them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.network.random_edges import add_edges
from tests.network.random_joins import add_joins

if TYPE_CHECKING:
    from random import Random

ZONES = "abc"
HOME, AWAY = "us-east-1", "us-west-2"
BLOCKS = ("0.0.0.0/0", "0.0.0.0/0", "10.0.0.0/8", "10.0.0.0/16", "10.1.0.0/16", "10.0.1.0/24", "10.1.2.0/24")
S3, DYNAMODB = "pl-63a5400a", "pl-02cd2c6b"


def document(draw: Random, vpcs: int, subnets: int) -> dict[str, Any]:
    """Return a good document: VPCs that may share a CIDR, all they hold, and what joins them to each other."""
    made: dict[str, Any] = {"region": HOME}
    for section in (
        "vpcs", "subnets", "route_tables", "security_groups", "network_acls", "vpc_peering_connections",
        "vpc_endpoints", "instances", "network_interfaces",
    ):  # fmt: skip
        made[section] = {}
    made["services"] = {"com.amazonaws.us-east-1.tool": {"application": "http"}}
    blocks = [draw.choice((0, 1, 2)) for _ in range(vpcs)]
    for number, block in enumerate(blocks):
        vpc = {"cidr_blocks": [f"10.{block}.0.0/16"], "enable_dns_hostnames": True}
        if number and draw.random() < 0.2:
            vpc["region"] = AWAY
        if draw.random() < 0.2:
            vpc["owner_id"] = "210987654321"
        made["vpcs"][f"vpc{number}"] = vpc
    for first in range(vpcs):
        for second in range(first + 1, vpcs):
            if blocks[first] != blocks[second] and draw.random() < 0.7:
                peering = {"vpc_id": f"vpc{first}", "peer_vpc_id": f"vpc{second}", "auto_accept": draw.random() < 0.9}
                made["vpc_peering_connections"][f"pcx{first}{second}"] = peering
    for number, block in enumerate(blocks):
        _vpc(draw, made, number, block, subnets)
        add_edges(draw, made, number, block)
    add_joins(draw, made)
    return made


def _vpc(draw: Random, made: dict[str, Any], number: int, block: int, subnets: int) -> None:
    vpc = f"vpc{number}"
    region = made["vpcs"][vpc].get("region", HOME)
    lists = (S3,) if region == HOME else ()
    groups = [f"sg{number}{index}" for index in range(2)]
    for group in groups:
        entry = {"vpc_id": vpc, "ingress": _rules(draw, (*groups, *lists))}
        if draw.random() < 0.4:
            entry["egress"] = _rules(draw, (*groups, *lists))
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
            for destination in (cidr, cidr.replace("0.0/16", "1.0/24"), "0.0.0.0/0", *lists):
                if draw.random() < 0.4:
                    routes[destination] = name
        listed = [{"destination": destination, "target": target} for destination, target in routes.items()]
        made["route_tables"][f"rtb{number}{index}"] = {"vpc_id": vpc, "routes": listed}
    names = [f"subnet{number}{index}" for index in range(subnets)]
    for index, name in enumerate(names):
        subnet = {
            "vpc_id": vpc,
            "cidr_block": f"10.{block}.{index + 1}.0/24",
            "availability_zone": region + ZONES[index % len(ZONES)],
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
    if region == HOME:
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


def _rules(draw: Random, peers: tuple[str, ...]) -> list[dict[str, Any]]:
    rules = {}
    for _ in range(draw.randrange(5)):
        rule = _what(draw) | {"peer": draw.choice((*BLOCKS, *peers))}
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
