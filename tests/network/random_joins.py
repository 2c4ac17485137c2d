"""Random joins between VPCs: transit gateways, load balancers with endpoint services, zones, flow logs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.network.random_edges import EVERYWHERE, instances_of, route, subnets_of

if TYPE_CHECKING:
    from random import Random

HOME = "us-east-1"


def add_joins(draw: Random, made: dict[str, Any]) -> None:
    """Join the VPCs of a document by some of what AWS has for it; watch some of them."""
    for section in (
        "transit_gateways", "transit_gateway_route_tables", "transit_gateway_attachments", "load_balancers",
        "target_groups", "vpc_endpoint_service_configurations", "hosted_zones", "resolver_endpoints", "flow_logs",
    ):  # fmt: skip
        made[section] = {}
    if draw.random() < 0.6:
        _transit(draw, made)
    for number in range(len(made["vpcs"])):
        if draw.random() < 0.5:
            _balancer(draw, made, number)
    names = sorted(made["vpcs"])
    if draw.random() < 0.5:
        hosts = sorted(made["instances"])
        made["hosted_zones"]["zone"] = {
            "name": "corp.example",
            "vpc_ids": draw.sample(names, draw.randrange(1, len(names) + 1)),
            "resource_record_sets": [
                {"name": "one.corp.example", "values": [f"10.0.1.{draw.randrange(4, 30)}"]},
                {"name": "*.corp.example", "type": "CNAME", "values": ["one.corp.example"]},
            ],
        }
        made["flow_logs"]["fl-one"] = {"resource_id": draw.choice(hosts), "traffic_type": "REJECT"}
    if draw.random() < 0.2:
        subnet = draw.choice(subnets_of(made, 0))
        made["resolver_endpoints"]["inbound"] = {"ip_addresses": [{"subnet_id": subnet}]}
    watched = names if draw.random() < 0.7 else names[:1]
    for name in watched:
        made["flow_logs"][f"fl-{name}"] = {"resource_id": name, "max_aggregation_interval": draw.choice((60, 600))}


def _region(made: dict[str, Any], vpc: str) -> str:
    region: str = made["vpcs"][vpc].get("region", HOME)
    return region


def _one_a_zone(draw: Random, made: dict[str, Any], number: int) -> list[str]:
    """Some subnets of a VPC, no two in one zone."""
    by_zone = {made["subnets"][name]["availability_zone"]: name for name in subnets_of(made, number)}
    found = list(by_zone.values())
    return draw.sample(found, draw.randrange(1, len(found) + 1))


def _transit(draw: Random, made: dict[str, Any]) -> None:
    regions = sorted({_region(made, vpc) for vpc in made["vpcs"]})
    second = draw.choice(regions) if draw.random() < 0.5 else regions[-1]
    gateways = {"tgw0": regions[0], "tgw1": second}
    for name, region in gateways.items():
        made["transit_gateways"][name] = {
            "region": region,
            "default_route_table_propagation": draw.random() < 0.8,
            "security_group_referencing_support": draw.random() < 0.3,
        }
        made["transit_gateway_route_tables"][f"tgw-rtb-default-{name}"] = {"transit_gateway_id": name, "routes": []}
        made["transit_gateway_route_tables"][f"table-{name}"] = {"transit_gateway_id": name, "routes": []}
    attached: dict[str, list[str]] = {name: [] for name in gateways}
    for number, vpc in enumerate(made["vpcs"]):
        for name, region in gateways.items():
            if _region(made, vpc) == region and draw.random() < 0.7:
                attachment: dict[str, Any] = {
                    "transit_gateway_id": name,
                    "resource_id": vpc,
                    "subnet_ids": _one_a_zone(draw, made, number),
                    "appliance_mode_support": draw.random() < 0.3,
                }
                if draw.random() < 0.4:
                    attachment["route_table_id"] = draw.choice((f"table-{name}", "none"))
                made["transit_gateway_attachments"][f"att-{name}-{vpc}"] = attachment
                attached[name].append(f"att-{name}-{vpc}")
                for index in range(2):
                    for destination in ("10.0.0.0/8", EVERYWHERE, "192.168.0.0/16"):
                        route(draw, made, f"rtb{number}{index}", destination, name, 0.4)
    if draw.random() < 0.7:
        made["transit_gateway_attachments"]["pair"] = {
            "transit_gateway_id": "tgw0",
            "resource_type": "peering",
            "resource_id": "tgw1",
        }
        for names in attached.values():
            names.append("pair")
    if draw.random() < 0.5:
        made["customer_gateways"]["cgw-tgw"] = {"ip_address": "203.0.113.210"}
        made["vpn_connections"]["vpn-tgw"] = {
            "customer_gateway_id": "cgw-tgw",
            "transit_gateway_id": "tgw0",
            "routes": ["192.168.100.0/24"],
        }
        made["external_hosts"]["branch"] = {"ip_address": "192.168.100.10", "location": "vpn-tgw"}
        attached["tgw0"].append("tgw-attach-vpn-tgw")
    for name, attachments in attached.items():
        for table in (f"tgw-rtb-default-{name}", f"table-{name}"):
            _transit_routes(draw, made["transit_gateway_route_tables"][table], attachments)


def _transit_routes(draw: Random, table: dict[str, Any], attachments: list[str]) -> None:
    living = [one for one in attachments if one != "pair"]
    table["propagations"] = draw.sample(living, draw.randrange(len(living) + 1))
    for destination in ("10.0.0.0/8", "10.1.0.0/16", "10.2.1.0/24", EVERYWHERE):
        kind = draw.random()
        if kind < 0.4 and attachments:
            table["routes"].append({"destination": destination, "target": draw.choice(attachments)})
        elif kind < 0.5:
            table["routes"].append({"destination": destination})


def _balancer(draw: Random, made: dict[str, Any], number: int) -> None:
    """A Network Load Balancer, perhaps an endpoint service of it, perhaps endpoints to that."""
    vpc = f"vpc{number}"
    protocol = draw.choice(("TCP", "TCP", "TCP_UDP"))
    hosts = instances_of(made, number)
    group: dict[str, Any] = {"vpc_id": vpc, "port": draw.choice((80, 8443)), "protocol": protocol}
    group["targets"] = [
        {"target_id": name, "health": draw.choice(("healthy", "healthy", "unhealthy"))}
        for name in draw.sample(hosts, draw.randrange(len(hosts) + 1))
    ]
    if draw.random() < 0.3 and protocol == "TCP":
        group["preserve_client_ip_enabled"] = False
    group["proxy_protocol_v2_enabled"] = draw.random() < 0.2
    made["target_groups"][f"targets{number}"] = group
    balancer: dict[str, Any] = {
        "subnet_ids": _one_a_zone(draw, made, number),
        "cross_zone": draw.random() < 0.4,
        "listeners": [{"port": 443, "protocol": protocol, "target_group_name": f"targets{number}"}],
    }
    if draw.random() < 0.5:
        own = made["security_groups"][f"sg{number}0"] | {"ingress": made["security_groups"][f"sg{number}1"]["ingress"]}
        made["security_groups"][f"sg{number}nlb"] = own  # of its own: a drop's component then tells whose rule it was
        balancer["security_group_ids"] = [f"sg{number}nlb"]
        balancer["enforce_security_group_inbound_rules_on_private_link_traffic"] = draw.random() < 0.7
    made["load_balancers"][f"nlb{number}"] = balancer
    if draw.random() < 0.8:
        service = f"vpce-svc-{number}"
        made["vpc_endpoint_service_configurations"][service] = {
            "load_balancer_names": [f"nlb{number}"],
            "acceptance_required": draw.random() < 0.3,
            "allowed_principals": ["*"],
        }
        zones = {made["subnets"][name]["availability_zone"] for name in balancer["subnet_ids"]}
        for consumer, other in enumerate(made["vpcs"]):
            if _region(made, other) != _region(made, vpc) or draw.random() < 0.4:
                continue
            places = _one_a_zone(draw, made, consumer)
            places = [name for name in places if made["subnets"][name]["availability_zone"] in zones]
            if places:
                made["vpc_endpoints"][f"link{number}{consumer}"] = {
                    "vpc_id": other,
                    "service_name": service,
                    "vpc_endpoint_type": "Interface",
                    "subnet_ids": places,
                    "security_group_ids": [f"sg{consumer}{draw.randrange(2)}"],
                }
