"""Section 14: what AWS is known to answer, word for word, and with which code."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from emulator.control.errors import Ec2Error
from emulator.model.resources import Service, VpcEndpointType
from tests.flows.worlds import world

if TYPE_CHECKING:
    from collections.abc import Callable

    from emulator.control import ControlPlane

S3 = "com.amazonaws.us-east-1.s3"
API = "com.amazonaws.us-east-1.api"
TOOL = "com.amazonaws.us-east-1.tool"


@pytest.fixture
def ec2() -> ControlPlane:
    """The world, and a service with a private name in zone a alone."""
    ec2 = world()
    ec2.register_service(
        Service(
            TOOL,
            "us-east-1",
            (VpcEndpointType.INTERFACE,),
            private_dns_names=("tool.us-east-1.amazonaws.com",),
            availability_zones=("us-east-1a",),
        )
    )
    ec2.create_subnet("vpc", "10.0.4.0/24", "us-east-1a", subnet_id="a2")
    return ec2


def interface(ec2: ControlPlane, service: str = TOOL, subnets: str = "a", **more: object) -> None:
    ec2.create_vpc_endpoint("vpc", service, vpc_endpoint_type="Interface", subnet_ids=list(subnets), **more)


def twice_private(ec2: ControlPlane) -> None:
    ec2.modify_vpc_attribute("vpc", enable_dns_hostnames=True)
    for _ in range(2):
        interface(ec2, private_dns_enabled=True)


def nameless_private(ec2: ControlPlane) -> None:
    ec2.modify_vpc_attribute("vpc", enable_dns_hostnames=True)
    ec2.modify_vpc_endpoint("api", private_dns_enabled=True)


def gateway_with_inbound(ec2: ControlPlane) -> None:
    ec2.create_vpc_endpoint("vpc", S3, private_dns_only_for_inbound_resolver_endpoint=True)


def route(ec2: ControlPlane, destination: str, **target: str) -> None:
    ec2.create_route("private", destination_cidr_block=destination, **target)


# The fact, the call, AWS's code, AWS's text.
TABLE = [
    (
        pytest.mark.fact("ERR-1"),
        lambda ec2: ec2.delete_vpc_endpoints("vpce-no"),
        "InvalidVpcEndpointId.NotFound",
        "vpce-no",
    ),
    (
        pytest.mark.fact("ERR-2"),
        lambda ec2: interface(ec2, "com.amazonaws.us-east-1.no"),
        "InvalidServiceName",
        "The Vpc Endpoint Service 'com.amazonaws.us-east-1.no' does not exist",
    ),
    (
        pytest.mark.fact("ERR-3"),
        lambda ec2: ec2.modify_vpc_endpoint("api", add_subnet_ids="a2"),
        "DuplicateSubnetsInSameZone",
        "Found another VPC endpoint subnet in the availability zone of a2",
    ),
    (
        pytest.mark.fact("ERR-4"),
        lambda ec2: ec2.create_vpc_endpoint("vpc", S3, vpc_endpoint_type="Outerface"),
        "InvalidVpcEndpointType",
        "Outerface",
    ),
    (
        pytest.mark.fact("ERR-4"),
        lambda ec2: ec2.modify_vpc_endpoint("s3", policy_document="{"),
        "InvalidPolicyDocument",
        "",
    ),
    (
        pytest.mark.fact("ERR-6"),
        lambda ec2: interface(ec2, subnets="z"),
        "InvalidSubnetID.NotFound",
        "The subnet ID 'z' does not exist",
    ),
    (
        pytest.mark.fact("ERR-6"),
        lambda ec2: ec2.create_vpc_endpoint("no", S3),
        "InvalidVpcID.NotFound",
        "The vpc ID 'no' does not exist",
    ),
    (
        pytest.mark.fact("ERR-7"),
        lambda ec2: ec2.create_vpc_endpoint("vpc", S3, route_table_ids="private"),
        "RouteAlreadyExists",
        "route table private already has a route with destination-prefix-list-id pl-63a5400a",
    ),
    (
        pytest.mark.fact("ERR-8"),
        lambda ec2: ec2.create_vpc_endpoint("vpc", TOOL),
        "InvalidParameter",
        "Endpoint type (Gateway) does not match available service types ([Interface])",
    ),
    (
        pytest.mark.fact("ERR-8"),
        lambda ec2: interface(ec2, route_table_ids="private"),
        "InvalidParameter",
        "Route table IDs are only supported for Gateway type VPC Endpoint.",
    ),
    (
        pytest.mark.fact("ERR-8"),
        lambda ec2: interface(ec2, subnets="c"),
        "InvalidParameter",
        f"The VPC endpoint service {TOOL} does not support the availability zone of the subnet: c",
    ),
    (
        pytest.mark.fact("ERR-9"),
        twice_private,
        "InvalidParameter",
        (
            "private-dns-enabled cannot be set because there is already a conflicting DNS domain for"
            " tool.us-east-1.amazonaws.com in the VPC vpc"
        ),
    ),
    (
        pytest.mark.fact("ERR-9"),
        lambda ec2: interface(ec2, private_dns_enabled=True),
        "InvalidParameter",
        "Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC attributes set to true for vpc",
    ),
    (
        pytest.mark.fact("ERR-9"),
        nameless_private,
        "InvalidParameter",
        f"Private DNS can't be enabled because the service {API} does not provide a private DNS name",
    ),
    (
        pytest.mark.fact("ERR-10"),
        gateway_with_inbound,
        "InvalidParameter",
        "DnsOptions PrivateDnsOnlyForInboundResolverEndpoint is applicable only to Interface VPC Endpoints",
    ),
    (
        pytest.mark.fact("ERR-20"),
        lambda ec2: route(ec2, "10.0.2.0/24", vpc_peering_connection_id="pcx"),
        "InvalidParameterValue",
        (
            "The destination CIDR block 10.0.2.0/24 is equal to or more specific than one of this VPC's CIDR blocks."
            " This route can target only an interface or an instance."
        ),
    ),
    (
        pytest.mark.fact("ERR-21"),
        lambda ec2: ec2.delete_route("private", destination_prefix_list_id="pl-63a5400a"),
        "InvalidParameterValue",
        "cannot remove VPC endpoint route s3",
    ),
    (
        pytest.mark.fact("ERR-22"),
        lambda ec2: ec2.create_route("private", destination_prefix_list_id="pl-02cd2c6b", vpc_endpoint_id="s3"),
        "InvalidParameterValue",
        "Cannot create or replace a prefix list route targeting a VPC Endpoint.",
    ),
    (pytest.mark.fact("ERR-22"), lambda ec2: route(ec2, "52.0.0.0/8", vpc_endpoint_id="api"), "RouteNotSupported", ""),
    (
        pytest.mark.fact("ERR-23"),
        lambda ec2: route(ec2, "10.9.0.0/16", vpc_peering_connection_id="pcx"),
        "RouteAlreadyExists",
        "The route identified by 10.9.0.0/16 already exists.",
    ),
    (
        pytest.mark.fact("ERR-23"),
        lambda ec2: ec2.delete_route("private", destination_cidr_block="10.8.0.0/16"),
        "InvalidRoute.NotFound",
        "10.8.0.0/16",
    ),
    (
        pytest.mark.fact("ERR-24"),
        lambda ec2: ec2.delete_security_group("sg-default-vpc"),
        "CannotDelete",
        "sg-default-vpc",
    ),
    (
        pytest.mark.fact("ERR-24"),
        lambda ec2: ec2.create_security_group("vpc", group_name="default"),
        "InvalidGroup.Duplicate",
        "default",
    ),
    (
        pytest.mark.fact("ERR-25"),
        lambda ec2: ec2.delete_network_acl_entry("acl-default-vpc", rule_number=7, egress=True),
        "InvalidNetworkAclEntry.NotFound",
        "7",
    ),
    (
        pytest.mark.fact("ERR-26"),
        lambda ec2: ec2.delete_vpc_peering_connection("pcx-no"),
        "InvalidVpcPeeringConnectionID.NotFound",
        "pcx-no",
    ),
    (pytest.mark.fact("ERR-26"), lambda ec2: ec2.delete_subnet("a"), "DependencyViolation", "a"),
]


@pytest.mark.parametrize(
    ("call", "code", "text"),
    [
        pytest.param(call, code, text, id=f"{mark.args[0]}-{code}-{number}", marks=mark)
        for number, (mark, call, code, text) in enumerate(TABLE)
    ],
)
def test_aws_answers_in_these_words(
    ec2: ControlPlane, call: Callable[[ControlPlane], object], code: str, text: str
) -> None:
    before = ec2.generation
    with pytest.raises(Ec2Error) as refused:
        call(ec2)
    assert refused.value.code == code
    assert text in str(refused.value)
    assert str(refused.value).startswith(f"An error occurred ({code}) when calling the ")
    assert call in (twice_private, nameless_private) or ec2.generation == before  # all or nothing
