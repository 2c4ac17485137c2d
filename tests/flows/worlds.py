"""A small world for walks: two zones, one VPC and a neighbour, every kind of endpoint."""

from __future__ import annotations

from netaddr import IPAddress

from emulator.control import ControlPlane
from emulator.model.resources import Service, VpcEndpointType
from emulator.model.settings import Settings  # noqa: TC001

REGION = "us-east-1"
WEB, PEER, DB = (int(IPAddress(address)) for address in ("10.0.1.10", "10.0.1.11", "10.0.2.20"))
API_A, API_B = int(IPAddress("10.0.1.200")), int(IPAddress("10.0.3.200"))
NEIGHBOUR = int(IPAddress("10.9.1.10"))
S3 = int(IPAddress("52.216.0.10"))
RESOLVER = int(IPAddress("10.0.0.2"))


def world(settings: Settings | None = None) -> ControlPlane:
    """web and peer in subnet a, db in b (same zone), api in a and c (the other zone), S3 on table private."""
    ec2 = ControlPlane(REGION, settings)
    ec2.create_vpc("10.0.0.0/16", vpc_id="vpc")
    ec2.create_vpc("10.9.0.0/16", vpc_id="far")
    ec2.create_subnet("vpc", "10.0.1.0/24", "us-east-1a", subnet_id="a")
    ec2.create_subnet("vpc", "10.0.2.0/24", "us-east-1a", subnet_id="b")
    ec2.create_subnet("vpc", "10.0.3.0/24", "us-east-1b", subnet_id="c")
    ec2.create_subnet("far", "10.9.1.0/24", "us-east-1a", subnet_id="f")
    ec2.create_route_table("vpc", route_table_id="private")
    for subnet in "abc":
        ec2.associate_route_table("private", subnet)
    for group in ("web", "db", "api"):
        ec2.create_security_group("vpc", group_id=group)
    ec2.authorize_security_group_ingress(
        "db", ip_protocol="tcp", from_port=5432, to_port=5432, referenced_group_id="web"
    )
    ec2.authorize_security_group_ingress("api", ip_protocol="-1", cidr_ip="10.0.0.0/8")
    ec2.run_instances(instance_id="web", subnet_id="a", security_group_ids=["web"], private_ip_address="10.0.1.10")
    ec2.run_instances(instance_id="peer", subnet_id="a", security_group_ids=["web"], private_ip_address="10.0.1.11")
    ec2.run_instances(instance_id="db", subnet_id="b", security_group_ids=["db"], private_ip_address="10.0.2.20")
    ec2.run_instances(instance_id="neighbour", subnet_id="f", private_ip_address="10.9.1.10")
    name = f"com.amazonaws.{REGION}.api"
    ec2.register_service(Service(name, REGION, (VpcEndpointType.INTERFACE,)))
    configurations = [{"subnet_id": "a", "ipv4": "10.0.1.200"}, {"subnet_id": "c", "ipv4": "10.0.3.200"}]
    ec2.create_vpc_endpoint(
        "vpc",
        name,
        vpc_endpoint_type="Interface",
        vpc_endpoint_id="api",
        subnet_configurations=configurations,
        security_group_ids=["api"],
    )
    ec2.create_vpc_endpoint("vpc", f"com.amazonaws.{REGION}.s3", vpc_endpoint_id="s3", route_table_ids=["private"])
    ec2.create_vpc_peering_connection("vpc", "far", vpc_peering_connection_id="pcx")
    ec2.create_route("private", destination_cidr_block="10.9.0.0/16", vpc_peering_connection_id="pcx")
    far = ec2.vpcs["far"].main_route_table_id
    for block in ("10.0.0.0/16", "52.216.0.0/15"):
        ec2.create_route(far, destination_cidr_block=block, vpc_peering_connection_id="pcx")
    return ec2
