"""Random edges of one VPC: gateways to the internet and the premises, addresses, middleboxes, hosts beyond."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from random import Random

EVERYWHERE = "0.0.0.0/0"


def add_edges(draw: Random, made: dict[str, Any], number: int, block: int) -> None:
    """Give the VPC some of: internet gateway, NAT gateways, public addresses, a middlebox, the way to an office."""
    for section in (
        "internet_gateways", "addresses", "nat_gateways", "customer_gateways", "vpn_gateways", "vpn_connections",
        "virtual_interfaces", "external_hosts",
    ):  # fmt: skip
        made.setdefault(section, {})
    made["external_hosts"].setdefault("host", {"ip_address": "203.0.113.200"})
    public = draw.random() < 0.7
    if public:
        made["internet_gateways"][f"igw{number}"] = {"vpc_id": f"vpc{number}"}
        _public_addresses(draw, made, number)
        if draw.random() < 0.4:
            _middlebox(draw, made, number, block)
        route(draw, made, f"rtb{number}0", EVERYWHERE, f"igw{number}", 0.9)
    if draw.random() < 0.7:
        _nat_gateway(draw, made, number, public=public)
    if draw.random() < 0.5:
        _premises(draw, made, number)


def route(
    draw: Random, made: dict[str, Any], table: str, destination: str, target: str, chance: float, state: str = "active"
) -> None:
    """Add a route by chance, where the table has none to there."""
    routes = made["route_tables"][table].setdefault("routes", [])
    if draw.random() < chance and all(one["destination"] != destination for one in routes):
        routes.append({"destination": destination, "target": target, "state": state})


def instances_of(made: dict[str, Any], number: int) -> list[str]:
    """Return the hosts of a VPC."""
    return [
        name for name, one in made["instances"].items() if made["subnets"][one["subnet_id"]]["vpc_id"] == f"vpc{number}"
    ]


def subnets_of(made: dict[str, Any], number: int) -> list[str]:
    """Return the subnets of a VPC."""
    return [name for name, one in made["subnets"].items() if one["vpc_id"] == f"vpc{number}"]


def _public_addresses(draw: Random, made: dict[str, Any], number: int) -> None:
    for index, name in enumerate(instances_of(made, number)):
        kind = draw.random()
        if kind < 0.2:
            made["instances"][name]["public_ip"] = "auto"
        elif kind < 0.4:
            made["instances"][name]["public_ip"] = f"198.51.100.{number * 50 + index + 1}"
        elif kind < 0.7:
            made["addresses"][f"eip-{name}"] = {"instance_id": name}


def _middlebox(draw: Random, made: dict[str, Any], number: int, block: int) -> None:
    """A host of a subnet of its own that what comes in and goes out is led through (ROUTE-19)."""
    inner = draw.choice(subnets_of(made, number))
    zone = made["subnets"][inner]["availability_zone"]
    made["route_tables"][f"rtb{number}box"] = {"vpc_id": f"vpc{number}"}
    route(draw, made, f"rtb{number}box", EVERYWHERE, f"igw{number}", 0.9)
    made["subnets"][f"subnet{number}box"] = {
        "vpc_id": f"vpc{number}",
        "cidr_block": f"10.{block}.100.0/24",
        "availability_zone": zone,
        "route_table_id": f"rtb{number}box",
    }
    made["instances"][f"box{number}"] = {
        "subnet_id": f"subnet{number}box",
        "source_dest_check": draw.random() < 0.1,
        "forwards": draw.random() < 0.9,
        "security_group_ids": [f"sg{number}0"],
    }
    if draw.random() < 0.9:
        made["instances"][f"box{number}"]["public_ip"] = f"198.51.100.{200 + number}"
    block_of_inner = made["subnets"][inner]["cidr_block"]
    made["route_tables"][f"rtb{number}edge"] = {"vpc_id": f"vpc{number}", "gateway_id": f"igw{number}"}
    route(draw, made, f"rtb{number}edge", block_of_inner, f"eni-box{number}", 0.9)
    for index in range(2):
        route(draw, made, f"rtb{number}{index}", EVERYWHERE, f"eni-box{number}", 0.4)
        if draw.random() < 0.3:
            other = draw.choice(subnets_of(made, number))
            route(draw, made, f"rtb{number}{index}", made["subnets"][other]["cidr_block"], f"eni-box{number}", 1)


def _nat_gateway(draw: Random, made: dict[str, Any], number: int, *, public: bool) -> None:
    kind = "public" if public and draw.random() < 0.8 else "private"
    gateway: dict[str, Any] = {"subnet_id": draw.choice(subnets_of(made, number)), "connectivity_type": kind}
    if kind == "public" and draw.random() < 0.5:
        made["addresses"][f"eip-nat{number}"] = {
            "owner_id": made["vpcs"][f"vpc{number}"].get("owner_id", "123456789012")
        }
        gateway["allocation_ids"] = [f"eip-nat{number}"]
    if draw.random() < 0.1:
        gateway["state"] = draw.choice(("pending", "failed", "deleted"))
    made["nat_gateways"][f"nat{number}"] = gateway
    state = "blackhole" if gateway.get("state") in ("failed", "deleted") else "active"
    for index in range(2):
        for destination in (EVERYWHERE, "10.0.0.0/8"):
            route(draw, made, f"rtb{number}{index}", destination, f"nat{number}", 0.5, state)


def _premises(draw: Random, made: dict[str, Any], number: int) -> None:
    made["vpn_gateways"][f"vgw{number}"] = {"vpc_id": f"vpc{number}"}
    made["customer_gateways"][f"cgw{number}"] = {"ip_address": f"203.0.113.{201 + number}"}
    made["vpn_connections"][f"vpn{number}"] = {
        "customer_gateway_id": f"cgw{number}",
        "vpn_gateway_id": f"vgw{number}",
        "routes": [f"192.168.{number}.0/24"],
        "tunnels_up": draw.random() < 0.9,
        "static_routes_only": draw.random() < 0.5,
    }
    made["external_hosts"][f"desk{number}"] = {"ip_address": f"192.168.{number}.10", "location": f"vpn{number}"}
    if draw.random() < 0.5:
        made["virtual_interfaces"][f"dxvif{number}"] = {
            "virtual_gateway_id": f"vgw{number}",
            "routes": [f"172.16.{number}.0/24", f"192.168.{number}.0/24"],
            "state": draw.choice(("available", "available", "available", "down")),
        }
        made["external_hosts"][f"rack{number}"] = {"ip_address": f"172.16.{number}.10", "location": f"dxvif{number}"}
    for index in range(2):
        if draw.random() < 0.7:
            made["route_tables"][f"rtb{number}{index}"]["propagating_vgws"] = [f"vgw{number}"]
        route(draw, made, f"rtb{number}{index}", f"172.16.{number}.0/24", f"vgw{number}", 0.4)
