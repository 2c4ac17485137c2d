"""Small networks for the facts about edges, made by verbs."""

from __future__ import annotations

from emulator.control import ControlPlane
from emulator.model.resources import Service, VpcEndpointType
from emulator.model.settings import Settings  # noqa: TC001

REGION = "us-east-1"
A, B = "us-east-1a", "us-east-1b"
EVERYWHERE = "0.0.0.0/0"


def open_group(ec2: ControlPlane, vpc: str, group: str) -> None:
    """A group that lets everything in and out."""
    ec2.create_security_group(vpc, group_id=group)
    ec2.authorize_security_group_ingress(group, ip_protocol="-1", cidr_ip=EVERYWHERE)


def public_world(settings: Settings | None = None) -> ControlPlane:
    """One VPC at the internet: FLOW-5's addresses.

    ``web`` (10.0.0.10, public 198.51.100.10) and ``hidden`` (no public address) stand in the public subnet, ``app``
    (10.0.1.5) in the private one, whose way out is the NAT gateway ``nat`` (10.0.0.220, public 198.51.100.220).  On
    the internet are ``host`` (203.0.113.5) and ``other`` (203.0.113.6).
    """
    ec2 = ControlPlane(REGION, settings)
    ec2.create_vpc("10.0.0.0/16", vpc_id="vpc")
    ec2.create_subnet("vpc", "10.0.0.0/24", A, subnet_id="public")
    ec2.create_subnet("vpc", "10.0.1.0/24", A, subnet_id="private")
    ec2.create_internet_gateway(internet_gateway_id="igw", vpc_id="vpc")
    ec2.create_route_table("vpc", route_table_id="to-igw")
    ec2.create_route_table("vpc", route_table_id="to-nat")
    ec2.associate_route_table("to-igw", "public")
    ec2.associate_route_table("to-nat", "private")
    ec2.create_nat_gateway(
        "public", nat_gateway_id="nat", private_ip_address="10.0.0.220", public_ips=["198.51.100.220"]
    )
    ec2.create_route("to-igw", destination_cidr_block=EVERYWHERE, gateway_id="igw")
    ec2.create_route("to-nat", destination_cidr_block=EVERYWHERE, nat_gateway_id="nat")
    ec2.create_security_group("vpc", group_id="sg-web")
    ec2.authorize_security_group_ingress("sg-web", ip_protocol="tcp", from_port=80, to_port=80, cidr_ip=EVERYWHERE)
    ec2.create_security_group("vpc", group_id="sg-app")
    ec2.run_instances(
        instance_id="web",
        subnet_id="public",
        security_group_ids="sg-web",
        private_ip_address="10.0.0.10",
        public_ip="198.51.100.10",
    )
    ec2.run_instances(
        instance_id="hidden", subnet_id="public", security_group_ids="sg-app", private_ip_address="10.0.0.11"
    )
    ec2.run_instances(
        instance_id="app", subnet_id="private", security_group_ids="sg-app", private_ip_address="10.0.1.5"
    )
    ec2.register_external_host("203.0.113.5", external_host_id="host")
    ec2.register_external_host("203.0.113.6", external_host_id="other")
    return ec2


def middlebox_world(settings: Settings | None = None) -> ControlPlane:
    """``web`` behind the middlebox ``box``, on its way out and on its way in (ROUTE-19).

    The table ``edge`` of ``igw`` leads to the subnet ``inner`` by ``eni-box``, and so does the subnet's own table.
    """
    ec2 = ControlPlane(REGION, settings)
    ec2.create_vpc("10.0.0.0/16", vpc_id="vpc")
    ec2.create_subnet("vpc", "10.0.0.0/24", A, subnet_id="outer")
    ec2.create_subnet("vpc", "10.0.1.0/24", A, subnet_id="inner")
    ec2.create_subnet("vpc", "10.0.2.0/24", A, subnet_id="third")
    ec2.create_internet_gateway(internet_gateway_id="igw", vpc_id="vpc")
    for table in ("to-igw", "to-box", "edge", "straight"):
        ec2.create_route_table("vpc", route_table_id=table)
    ec2.associate_route_table("to-igw", "outer")
    ec2.associate_route_table("to-box", "inner")
    ec2.associate_route_table("straight", "third")
    open_group(ec2, "vpc", "open")
    ec2.run_instances(
        instance_id="box",
        subnet_id="outer",
        security_group_ids="open",
        private_ip_address="10.0.0.9",
        public_ip="198.51.100.9",
        source_dest_check=False,
        forwards=True,
    )
    ec2.run_instances(
        instance_id="web",
        subnet_id="inner",
        security_group_ids="open",
        private_ip_address="10.0.1.10",
        public_ip="198.51.100.10",
    )
    ec2.run_instances(instance_id="db", subnet_id="third", security_group_ids="open", private_ip_address="10.0.2.20")
    ec2.create_route("to-igw", destination_cidr_block=EVERYWHERE, gateway_id="igw")
    ec2.create_route("to-box", destination_cidr_block=EVERYWHERE, network_interface_id="eni-box")
    ec2.create_route("edge", destination_cidr_block="10.0.1.0/24", network_interface_id="eni-box")
    ec2.associate_route_table("edge", gateway_id="igw")
    ec2.register_external_host("203.0.113.5", external_host_id="host")
    return ec2


def transit_world(settings: Settings | None = None, *, referencing: bool = False) -> ControlPlane:
    """Two VPCs, ``red`` (10.1.0.0/16) and ``blue`` (10.2.0.0/16), and the way out of both, ``hub`` (10.100.0.0/16).

    Each is attached to ``tgw`` in zone a by a subnet of its own; ``red2`` of ``red`` is in zone b, which is not.  In
    ``hub`` are an internet gateway and a NAT gateway, by which ``host`` (203.0.113.5) is reached (central egress).
    """
    ec2 = ControlPlane(REGION, settings)
    ec2.create_transit_gateway(transit_gateway_id="tgw", security_group_referencing_support=referencing)
    for vpc, second in (("red", 1), ("blue", 2), ("hub", 100)):
        ec2.create_vpc(f"10.{second}.0.0/16", vpc_id=vpc)
        ec2.create_subnet(vpc, f"10.{second}.0.0/24", A, subnet_id=f"{vpc}-tgw")
        ec2.create_subnet(vpc, f"10.{second}.1.0/24", A, subnet_id=f"{vpc}1")
        ec2.create_subnet(vpc, f"10.{second}.2.0/24", B, subnet_id=f"{vpc}2")
        ec2.create_route_table(vpc, route_table_id=f"{vpc}-table")
        for number in (1, 2):
            ec2.associate_route_table(f"{vpc}-table", f"{vpc}{number}")
        ec2.create_transit_gateway_vpc_attachment(
            "tgw", vpc, [f"{vpc}-tgw"], transit_gateway_attachment_id=f"att-{vpc}"
        )
        open_group(ec2, vpc, f"sg-{vpc}")
        for number in (1, 2):
            ec2.run_instances(
                instance_id=f"{vpc}-{number}",
                subnet_id=f"{vpc}{number}",
                security_group_ids=f"sg-{vpc}",
                private_ip_address=f"10.{second}.{number}.10",
            )
    for vpc in ("red", "blue"):
        ec2.create_route(f"{vpc}-table", destination_cidr_block=EVERYWHERE, transit_gateway_id="tgw")
    ec2.create_internet_gateway(internet_gateway_id="igw", vpc_id="hub")
    ec2.create_nat_gateway(
        "hub1", nat_gateway_id="nat", private_ip_address="10.100.1.220", public_ips=["198.51.100.220"]
    )
    ec2.create_route("hub-table", destination_cidr_block=EVERYWHERE, gateway_id="igw")
    ec2.create_route("hub-table", destination_cidr_block="10.0.0.0/8", transit_gateway_id="tgw")
    ec2.create_route_table("hub", route_table_id="hub-tgw-table")
    ec2.associate_route_table("hub-tgw-table", "hub-tgw")
    ec2.create_route("hub-tgw-table", destination_cidr_block=EVERYWHERE, nat_gateway_id="nat")
    ec2.create_transit_gateway_route("tgw-rtb-default-tgw", EVERYWHERE, transit_gateway_attachment_id="att-hub")
    ec2.register_external_host("203.0.113.5", external_host_id="host")
    return ec2


def premises_world(settings: Settings | None = None) -> ControlPlane:
    """``app`` (10.0.1.5) in a VPC with a virtual private gateway; ``desk`` (192.168.1.10) behind the VPN ``vpn``."""
    ec2 = ControlPlane(REGION, settings)
    ec2.create_vpc("10.0.0.0/16", vpc_id="vpc")
    ec2.create_subnet("vpc", "10.0.1.0/24", A, subnet_id="private")
    ec2.create_vpn_gateway(vpn_gateway_id="vgw", vpc_id="vpc")
    ec2.create_customer_gateway("198.18.0.1", customer_gateway_id="cgw")
    ec2.create_vpn_connection("cgw", vpn_gateway_id="vgw", routes=["192.168.0.0/16"], vpn_connection_id="vpn")
    ec2.create_route_table("vpc", route_table_id="table")
    ec2.associate_route_table("table", "private")
    ec2.enable_vgw_route_propagation("vgw", "table")
    open_group(ec2, "vpc", "open")
    ec2.run_instances(instance_id="app", subnet_id="private", security_group_ids="open", private_ip_address="10.0.1.5")
    ec2.register_external_host("192.168.1.10", external_host_id="desk", location="vpn")
    return ec2


SERVICE = f"com.amazonaws.vpce.{REGION}.vpce-svc-1"


def privatelink_world(
    settings: Settings | None = None, *, groups: bool = False, zones: tuple[str, ...] = (A, B)
) -> ControlPlane:
    """A consumer and a provider with the same addresses (SVC-8).

    In ``consumer`` are ``client`` (10.0.1.10) and the endpoint ``ep``: 10.0.1.200 in zone a, 10.0.2.200 in zone b.  In
    ``provider`` are the load balancer ``nlb`` (10.0.1.50, 10.0.2.50; listener 443) and, one in each zone, its targets
    ``one`` (10.0.1.10:8443) and ``two`` (10.0.2.20:8443).
    """
    ec2 = ControlPlane(REGION, settings)
    for vpc in ("consumer", "provider"):
        ec2.create_vpc("10.0.0.0/16", vpc_id=vpc)
        ec2.create_subnet(vpc, "10.0.1.0/24", A, subnet_id=f"{vpc}-a")
        ec2.create_subnet(vpc, "10.0.2.0/24", B, subnet_id=f"{vpc}-b")
        open_group(ec2, vpc, f"sg-{vpc}")
    for name, vpc, zone, address in (
        ("client", "consumer", "a", "10.0.1.10"),
        ("client-b", "consumer", "b", "10.0.2.10"),
        ("one", "provider", "a", "10.0.1.10"),
        ("two", "provider", "b", "10.0.2.20"),
    ):
        ec2.run_instances(
            instance_id=name, subnet_id=f"{vpc}-{zone}", security_group_ids=f"sg-{vpc}", private_ip_address=address
        )
    if groups:
        ec2.create_security_group("provider", group_id="sg-nlb")
    subnets = {A: ("provider-a", "10.0.1.50"), B: ("provider-b", "10.0.2.50")}
    ec2.create_load_balancer(
        "nlb",
        subnet_mappings=[
            dict(zip(("subnet_id", "private_ipv4_address"), subnets[zone], strict=True)) for zone in zones
        ],
        security_group_ids=["sg-nlb"] if groups else (),
    )
    ec2.create_target_group("targets", vpc_id="provider", protocol="TCP", port=8443)
    ec2.register_targets("targets", [{"target_id": "one"}, {"target_id": "two"}])
    ec2.create_listener("nlb", port=443, protocol="TCP", target_group_name="targets")
    ec2.create_vpc_endpoint_service_configuration("nlb", service_id="vpce-svc-1", acceptance_required=False)
    ec2.modify_vpc_endpoint_service_permissions("vpce-svc-1", add_allowed_principals="*")
    places = {A: ("consumer-a", "10.0.1.200"), B: ("consumer-b", "10.0.2.200")}
    ec2.create_vpc_endpoint(
        "consumer",
        SERVICE,
        vpc_endpoint_type="Interface",
        vpc_endpoint_id="ep",
        subnet_configurations=[dict(zip(("subnet_id", "ipv4"), places[zone], strict=True)) for zone in zones],
        security_group_ids=["sg-consumer"],
    )
    return ec2


def tool_service(ec2: ControlPlane) -> None:
    """Register ``com.amazonaws.us-east-1.tool``, a service that interface endpoints may lead to."""
    ec2.register_service(Service(f"com.amazonaws.{REGION}.tool", REGION, (VpcEndpointType.INTERFACE,)))
