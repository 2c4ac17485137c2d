"""An account made with moto: what a person would click together, and its describe-JSON in a folder."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from emulator.network.network import Network

if TYPE_CHECKING:
    from pathlib import Path

REGION = "us-east-1"
KEYS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
REACHABLE = [True, False, False, True, True, True, False]
"""The answers to the questions of ``traces``."""
DESCRIBED = {  # what a shell loop over `aws ec2 describe-...` would fetch
    "vpcs": "Vpcs",
    "subnets": "Subnets",
    "route_tables": "RouteTables",
    "network_acls": "NetworkAcls",
    "security_groups": "SecurityGroups",
    "network_interfaces": "NetworkInterfaces",
    "instances": "Reservations",
    "addresses": "Addresses",
    "internet_gateways": "InternetGateways",
    "egress_only_internet_gateways": "EgressOnlyInternetGateways",
    "nat_gateways": "NatGateways",
    "vpc_endpoints": "VpcEndpoints",
    "prefix_lists": "PrefixLists",
    "managed_prefix_lists": "PrefixLists",
    "vpc_peering_connections": "VpcPeeringConnections",
    "vpn_gateways": "VpnGateways",
    "customer_gateways": "CustomerGateways",
    "vpn_connections": "VpnConnections",
    "transit_gateways": "TransitGateways",
    "transit_gateway_attachments": "TransitGatewayAttachments",
    "transit_gateway_vpc_attachments": "TransitGatewayVpcAttachments",
    "transit_gateway_route_tables": "TransitGatewayRouteTables",
}


def make(ec2: Any) -> dict[str, str]:
    """Two VPCs of two tiers: NAT, endpoints, peering, transit gateway; return ids by what they are."""
    ids: dict[str, str] = {}
    for name, block in (("app", "10.20"), ("data", "10.30")):
        ids[name] = ec2.create_vpc(CidrBlock=f"{block}.0.0/16")["Vpc"]["VpcId"]
        for tier, third, zone in (("public", 1, "a"), ("private", 2, "a")):
            made = ec2.create_subnet(
                VpcId=ids[name], CidrBlock=f"{block}.{third}.0/24", AvailabilityZone=f"{REGION}{zone}"
            )
            ids[f"{name}-{tier}"] = made["Subnet"]["SubnetId"]
        tables = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [ids[name]]}])
        ids[f"{name}-main"] = tables["RouteTables"][0]["RouteTableId"]
    app = ids["app"]
    ec2.modify_vpc_attribute(VpcId=app, EnableDnsHostnames={"Value": True})
    ids["igw"] = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=ids["igw"], VpcId=app)
    ids["rtb"] = ec2.create_route_table(VpcId=app)["RouteTable"]["RouteTableId"]
    ec2.associate_route_table(RouteTableId=ids["rtb"], SubnetId=ids["app-public"])
    ec2.create_route(RouteTableId=ids["rtb"], DestinationCidrBlock="0.0.0.0/0", GatewayId=ids["igw"])
    allocation = ec2.allocate_address(Domain="vpc")["AllocationId"]
    nat = ec2.create_nat_gateway(SubnetId=ids["app-public"], AllocationId=allocation)
    ids["nat"] = nat["NatGateway"]["NatGatewayId"]
    ec2.create_route(RouteTableId=ids["app-main"], DestinationCidrBlock="0.0.0.0/0", NatGatewayId=ids["nat"])
    pcx = ec2.create_vpc_peering_connection(VpcId=app, PeerVpcId=ids["data"])["VpcPeeringConnection"]
    ids["pcx"] = pcx["VpcPeeringConnectionId"]
    ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=ids["pcx"])
    for table, block in (("app-main", "10.30.0.0/16"), ("data-main", "10.20.0.0/16")):
        ec2.create_route(RouteTableId=ids[table], DestinationCidrBlock=block, VpcPeeringConnectionId=ids["pcx"])
    _groups(ec2, ids)
    _hosts(ec2, ids)
    _endpoints(ec2, ids)
    tgw = ec2.create_transit_gateway()["TransitGateway"]
    ids["tgw"] = tgw["TransitGatewayId"]
    attached = ec2.create_transit_gateway_vpc_attachment(
        TransitGatewayId=ids["tgw"], VpcId=app, SubnetIds=[ids["app-private"]]
    )
    ids["tgw-attach"] = attached["TransitGatewayVpcAttachment"]["TransitGatewayAttachmentId"]
    return ids


def _groups(ec2: Any, ids: dict[str, str]) -> None:
    for name, vpc in (("web", "app"), ("db", "data")):
        made = ec2.create_security_group(GroupName=name, Description=name, VpcId=ids[vpc])
        ids[f"sg-{name}"] = made["GroupId"]
    https = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "10.20.0.0/16"}]}
    postgres = {"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "IpRanges": [{"CidrIp": "10.20.2.0/24"}]}
    ec2.authorize_security_group_ingress(GroupId=ids["sg-web"], IpPermissions=[https])
    ec2.authorize_security_group_ingress(GroupId=ids["sg-db"], IpPermissions=[postgres])
    ids["acl"] = ec2.create_network_acl(VpcId=ids["data"])["NetworkAcl"]["NetworkAclId"]
    for number, first, last in ((100, 5432, 5432), (110, 1024, 65535)):
        for egress in (False, True):
            ec2.create_network_acl_entry(
                NetworkAclId=ids["acl"],
                RuleNumber=number,
                Protocol="6",
                RuleAction="allow",
                Egress=egress,
                CidrBlock="10.0.0.0/8",
                PortRange={"From": first, "To": last},
            )
    acls = ec2.describe_network_acls(Filters=[{"Name": "association.subnet-id", "Values": [ids["data-private"]]}])
    association = next(
        one["NetworkAclAssociationId"]
        for acl in acls["NetworkAcls"]
        for one in acl["Associations"]
        if one["SubnetId"] == ids["data-private"]
    )
    ec2.replace_network_acl_association(AssociationId=association, NetworkAclId=ids["acl"])


def _hosts(ec2: Any, ids: dict[str, str]) -> None:
    image = ec2.describe_images()["Images"][0]["ImageId"]
    for name, subnet, group, address in (
        ("web", "app-private", "sg-web", "10.20.2.10"),
        ("db", "data-private", "sg-db", "10.30.2.10"),
        ("gone", "data-private", "sg-db", "10.30.2.11"),
    ):
        made = ec2.run_instances(
            ImageId=image,
            MinCount=1,
            MaxCount=1,
            SubnetId=ids[subnet],
            SecurityGroupIds=[ids[group]],
            PrivateIpAddress=address,
            TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": name}]}],
        )
        ids[name] = made["Instances"][0]["InstanceId"]
    ec2.terminate_instances(InstanceIds=[ids["gone"]])


def _endpoints(ec2: Any, ids: dict[str, str]) -> None:
    s3 = ec2.create_vpc_endpoint(
        VpcId=ids["app"],
        ServiceName=f"com.amazonaws.{REGION}.s3",
        VpcEndpointType="Gateway",
        RouteTableIds=[ids["app-main"]],
    )
    ids["s3"] = s3["VpcEndpoint"]["VpcEndpointId"]
    sqs = ec2.create_vpc_endpoint(
        VpcId=ids["app"],
        ServiceName=f"com.amazonaws.{REGION}.sqs",
        VpcEndpointType="Interface",
        SubnetIds=[ids["app-private"]],
        SecurityGroupIds=[ids["sg-web"]],
        PrivateDnsEnabled=True,
    )
    ids["sqs"] = sqs["VpcEndpoint"]["VpcEndpointId"]


def export(ec2: Any, folder: Path) -> None:
    """Write what `aws ec2 describe-...` prints, one file each."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in DESCRIBED:
        answer = getattr(ec2, f"describe_{name}")()
        write(folder / f"{name.replace('_', '-')}.json", answer)
    for vpc in ec2.describe_vpcs()["Vpcs"]:
        for attribute in ("enableDnsSupport", "enableDnsHostnames"):
            answer = ec2.describe_vpc_attribute(VpcId=vpc["VpcId"], Attribute=attribute)
            write(folder / f"vpc-attribute-{vpc['VpcId']}-{attribute}.json", answer)
    for table in ec2.describe_transit_gateway_route_tables()["TransitGatewayRouteTables"]:
        name = table["TransitGatewayRouteTableId"]
        propagations = ec2.get_transit_gateway_route_table_propagations(TransitGatewayRouteTableId=name)
        write(folder / "propagations" / f"{name}.json", propagations)
        every = [{"Name": "state", "Values": ["active", "blackhole"]}]
        write(
            folder / "routes" / f"{name}.json",
            ec2.search_transit_gateway_routes(TransitGatewayRouteTableId=name, Filters=every),
        )


def write(path: Path, answer: Any) -> None:
    """One answer as the CLI prints it."""
    path.parent.mkdir(exist_ok=True)
    answer.pop("ResponseMetadata", None)
    path.write_text(json.dumps(answer, default=str, indent=4), "utf-8")


def traces(topology: Path, ids: dict[str, str]) -> list[dict[str, Any]]:
    questions = [
        (ids["web"], "10.30.2.10:5432"),
        (ids["web"], "10.30.2.10:22"),
        (ids["db"], "10.20.2.10:443"),
        (ids["web"], f"s3.{REGION}.amazonaws.com"),
        (ids["web"], f"sqs.{REGION}.amazonaws.com"),
        (ids["web"], "8.8.8.8"),
        (ids["db"], "8.8.8.8"),
    ]
    network = Network.load(topology)
    try:
        return [network.trace(source, to).to_json() for source, to in questions]
    finally:
        network.abandon()


def cli(*arguments: str | Path, status: int = 0, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "emulator.cli", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
    assert done.returncode == status, done.stdout + done.stderr
    return done
