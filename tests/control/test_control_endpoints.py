"""VPC endpoints: the seed's rules, and what an endpoint brings and leaves behind."""

from __future__ import annotations

import hashlib

import pytest
from netaddr import IPNetwork

from emulator.control import ControlPlane, Ec2Error
from emulator.control.policies import FULL_ACCESS
from emulator.model.resources import (
    EndpointState,
    InterfaceType,
    PrefixList,
    Route,
    RouteOrigin,
    Service,
    VpcEndpointType,
)
from tests.control.planes import DYNAMODB, METERING, S3, S3_LIST

POLICY = '{"Statement": [{"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*"}]}'


def gateway(plane: ControlPlane, name: str = "s3", *tables: str, service: str = S3) -> None:
    plane.create_vpc_endpoint("main", service, vpc_endpoint_id=name, route_table_ids=tables)


def interface(plane: ControlPlane, name: str = "api", **more: object) -> None:
    named = {"vpc_endpoint_type": "Interface", "subnet_ids": ["a", "b"], **more}
    plane.create_vpc_endpoint("main", METERING, vpc_endpoint_id=name, **named)


def lists(plane: ControlPlane, table: str) -> list[tuple[str, str]]:
    routes = plane.route_tables[table].routes
    return [(route.destination, route.target) for route in routes if route.destination_prefix_list_id]


# -- gateway endpoints --------------------------------------------------------------


@pytest.mark.fact("VPCE-GW-1", "VPCE-GW-2", "VPCE-4", "ROUTE-15")
def test_associating_a_table_adds_the_prefix_list_route(plane: ControlPlane):
    gateway(plane, "s3", "private")
    assert plane.route_tables["private"].routes[1:] == (
        Route("s3", destination_prefix_list_id=S3_LIST, origin=RouteOrigin.CREATE_ROUTE),
    )
    endpoint = plane.vpc_endpoints["s3"]
    assert endpoint.vpc_endpoint_type is VpcEndpointType.GATEWAY  # VPCE-4: the API's default
    assert endpoint.policy_document == FULL_ACCESS  # POL-1
    assert endpoint.state is EndpointState.AVAILABLE
    assert (endpoint.network_interface_ids, endpoint.security_group_ids) == ((), ())  # VPCE-GW-1


@pytest.mark.fact("VPCE-GW-5", "ERR-7")
def test_s3_and_dynamodb_share_a_table_but_one_service_does_not_twice(plane: ControlPlane):
    gateway(plane, "s3", "private")
    gateway(plane, "dynamodb", "private", service=DYNAMODB)
    assert lists(plane, "private") == [(S3_LIST, "s3"), ("pl-02cd2c6b", "dynamodb")]
    with pytest.raises(Ec2Error) as refusal:
        gateway(plane, "again", "rtb-main-main", "private")
    assert refusal.value.code == "RouteAlreadyExists"
    assert refusal.value.message == f"route table private already has a route with destination-prefix-list-id {S3_LIST}"
    assert (refusal.value.parameter, refusal.value.path) == ("route_table_ids", (1,))
    assert lists(plane, "rtb-main-main") == []  # the first table was let go as well


@pytest.mark.fact("VPCE-GW-6", "VPCE-8")
def test_a_service_may_have_several_endpoints_on_different_tables(plane: ControlPlane):
    gateway(plane, "one", "private")
    gateway(plane, "two", "rtb-main-main")
    plane.modify_vpc_endpoint("two", policy_document=POLICY)
    assert lists(plane, "private") == [(S3_LIST, "one")]
    assert lists(plane, "rtb-main-main") == [(S3_LIST, "two")]
    assert plane.vpc_endpoints["one"].policy_document != plane.vpc_endpoints["two"].policy_document


@pytest.mark.fact("VPCE-GW-7")
def test_tables_and_policy_can_be_changed_later(plane: ControlPlane):
    gateway(plane, "s3", "private")
    plane.modify_vpc_endpoint("s3", remove_route_table_ids="private", add_route_table_ids="rtb-main-main")
    assert (lists(plane, "private"), lists(plane, "rtb-main-main")) == ([], [(S3_LIST, "s3")])
    assert plane.vpc_endpoints["s3"].route_table_ids == ("rtb-main-main",)
    plane.modify_vpc_endpoint("s3", policy_document=POLICY)
    assert plane.vpc_endpoints["s3"].policy_document == POLICY
    plane.modify_vpc_endpoint("s3", reset_policy=True)
    assert plane.vpc_endpoints["s3"].policy_document == FULL_ACCESS


@pytest.mark.fact("VPCE-GW-4")
def test_routes_go_with_the_endpoint(plane: ControlPlane):
    gateway(plane, "s3", "private", "rtb-main-main")
    plane.delete_vpc_endpoints(["s3"])
    assert lists(plane, "private") == lists(plane, "rtb-main-main") == []
    gateway(plane, "s3", "private")


def test_a_gateway_endpoint_may_stand_without_a_table(plane: ControlPlane):  # VPCE-GW-3
    gateway(plane, "s3")
    assert plane.vpc_endpoints["s3"].route_table_ids == ()


# -- interface endpoints -------------------------------------------------------------


@pytest.mark.fact("VPCE-IF-1", "VPCE-IF-18", "SG-2")
def test_an_interface_endpoint_has_one_interface_per_subnet(plane: ControlPlane):
    interface(plane)
    endpoint = plane.vpc_endpoints["api"]
    assert endpoint.state is EndpointState.AVAILABLE  # VPCE-IF-18: nobody has to accept it
    assert endpoint.network_interface_ids == ("eni-api-us-east-1a", "eni-api-us-east-1b")
    assert endpoint.subnet_ids == ("a", "b")
    eni = plane.network_interfaces["eni-api-us-east-1b"]
    assert (eni.subnet_id, str(eni.private_ip_address), eni.attachment) == ("b", "10.0.2.4", "api")
    assert eni.interface_type is InterfaceType.VPC_ENDPOINT
    assert eni.groups == endpoint.security_group_ids == ("sg-default-main",)  # SG-2
    assert endpoint.dns_suffix == hashlib.sha256(b"api").hexdigest()[:8]  # VPCE-IF-19


@pytest.mark.fact("VPCE-IF-1")
def test_an_endpoints_interfaces_are_not_the_users_to_manage(plane: ControlPlane):
    interface(plane)
    for refused in (
        lambda: plane.delete_network_interface("eni-api-us-east-1a"),
        lambda: plane.modify_network_interface_attribute("eni-api-us-east-1a", groups=["web"]),
    ):
        with pytest.raises(Ec2Error) as refusal:
            refused()
        assert refusal.value.code == "OperationNotPermitted"


@pytest.mark.fact("VPCE-IF-4")
def test_addresses_can_be_designated(plane: ControlPlane):
    interface(plane, subnet_configurations=[{"subnet_id": "b", "ipv4": "10.0.2.99"}])
    assert str(plane.network_interfaces["eni-api-us-east-1b"].private_ip_address) == "10.0.2.99"
    with pytest.raises(Ec2Error, match="reserved address range") as refusal:
        interface(plane, "more", subnet_configurations=[{"subnet_id": "b", "ipv4": "10.0.2.2"}])
    assert (refusal.value.parameter, refusal.value.path) == ("subnet_configurations", (0, "ipv4"))


def test_subnets_and_groups_can_be_changed_later(plane: ControlPlane):
    interface(plane, security_group_ids=["web"])
    plane.modify_vpc_endpoint("api", remove_subnet_ids=["a"], add_subnet_ids=["a2"])
    assert plane.vpc_endpoints["api"].subnet_ids == ("b", "a2")
    assert plane.network_interfaces["eni-api-us-east-1a"].subnet_id == "a2"
    plane.modify_vpc_endpoint("api", add_security_group_ids=["sg-default-main"], remove_security_group_ids=["web"])
    assert {plane.network_interfaces[name].groups for name in plane.vpc_endpoints["api"].network_interface_ids} == {
        ("sg-default-main",)
    }
    with pytest.raises(Ec2Error, match="at least one Security Group"):
        plane.modify_vpc_endpoint("api", remove_security_group_ids=["sg-default-main"])


@pytest.mark.fact("VPCE-IF-1")
def test_interfaces_go_with_the_endpoint(plane: ControlPlane):
    interface(plane)
    plane.delete_vpc_endpoints("api")
    assert not plane.network_interfaces
    plane.delete_subnet("b")


@pytest.mark.fact("VPCE-IF-21", "VPCE-8", "ERR-9")
def test_private_dns_is_one_endpoints_and_needs_both_attributes(plane: ControlPlane):
    interface(plane, private_dns_enabled=True)
    with pytest.raises(Ec2Error) as refusal:
        interface(plane, "twin", private_dns_enabled=True)
    assert refusal.value.message == (
        "private-dns-enabled cannot be set because there is already a conflicting DNS domain "
        "for metering.us-east-1.amazonaws.com in the VPC main"
    )
    interface(plane, "twin")  # several endpoints for one service are fine without it (VPCE-8)
    plane.modify_vpc_endpoint("api", private_dns_enabled=False)
    plane.modify_vpc_endpoint("twin", private_dns_enabled=True)
    plane.modify_vpc_endpoint("twin", private_dns_enabled=True)  # it does not conflict with itself
    assert plane.vpc_endpoints["twin"].private_dns_enabled
    plane.modify_vpc_attribute("main", enable_dns_hostnames=False)
    with pytest.raises(Ec2Error) as refusal:
        interface(plane, "third", private_dns_enabled=True)
    assert refusal.value.message == (
        "Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC attributes set to true for main"
    )


@pytest.mark.fact("ERR-9")
def test_private_dns_needs_a_name(plane: ControlPlane):
    name = "com.amazonaws.vpce.us-east-1.vpce-svc-1"
    plane.register_service(Service(name, "us-east-1", (VpcEndpointType.INTERFACE,)))
    with pytest.raises(Ec2Error, match="does not provide a private DNS name"):
        plane.create_vpc_endpoint("main", name, vpc_endpoint_type="Interface", private_dns_enabled=True)


@pytest.mark.fact("VPCE-IF-11")
def test_the_shaper_is_part_of_the_endpoint(plane: ControlPlane):  # VPCE-IF-11, D9
    interface(plane)
    endpoint = plane.vpc_endpoints["api"]
    assert (endpoint.az_bandwidth, endpoint.az_burst, endpoint.az_queue) == (10_000_000_000, 131_072, None)
    plane.modify_vpc_endpoint("api", az_bandwidth=10**9, az_queue=0)
    endpoint = plane.vpc_endpoints["api"]
    assert (endpoint.az_bandwidth, endpoint.az_burst, endpoint.az_queue) == (10**9, 131_072, 0)


INTERFACE = {"service_name": METERING, "vpc_endpoint_type": "Interface"}
CREATE = [
    pytest.param(
        {"service_name": METERING},
        "InvalidParameter",
        "vpc_endpoint_type",
        "Endpoint type (Gateway) does not match available service types ([Interface])",
        marks=pytest.mark.fact("VPCE-4", "ERR-8"),
    ),  # VPCE-4, ERR-8
    pytest.param(
        {"service_name": "com.amazonaws.us-west-2.s3"},
        "InvalidServiceName",
        "service_name",
        "The Vpc Endpoint Service 'com.amazonaws.us-west-2.s3' does not exist",
        marks=pytest.mark.fact("VPCE-6", "ERR-2"),
    ),  # VPCE-6, ERR-2
    pytest.param(
        {"service_name": "s3"}, "InvalidServiceName", "service_name", "does not exist", marks=pytest.mark.fact("ERR-2")
    ),
    pytest.param(
        {"service_name": S3, "vpc_endpoint_type": "GatewayLoadBalancer"},
        "UnsupportedOperation",
        "vpc_endpoint_type",
        "UNSUPPORTED_COMPONENT",
        marks=pytest.mark.fact("VPCE-4"),
    ),
    pytest.param(
        {"service_name": S3, "vpc_endpoint_type": "gateway"},
        "InvalidVpcEndpointType",
        "vpc_endpoint_type",
        "gateway",
        marks=pytest.mark.fact("ERR-4"),
    ),  # ERR-4
    pytest.param(
        {"service_name": S3, "vpc_id": "none"},
        "InvalidVpcID.NotFound",
        "vpc_id",
        "none",
        marks=pytest.mark.fact("ERR-6"),
    ),
    ({"service_name": S3, "route_table_ids": ["none"]}, "InvalidRouteTableID.NotFound", "route_table_ids", "none"),
    (
        {"service_name": S3, "route_table_ids": ["far-table"]},
        "InvalidParameterValue",
        "route_table_ids",
        "does not belong to the VPC main",
    ),
    pytest.param(
        {"service_name": S3, "route_table_ids": ["private", "private"]},
        "RouteAlreadyExists",
        "route_table_ids",
        "private",
        marks=pytest.mark.fact("ERR-7"),
    ),
    ({"service_name": S3, "subnet_ids": ["a"]}, "InvalidParameter", "subnet_ids", "Subnet IDs are only supported"),
    (
        {"service_name": S3, "security_group_ids": ["web"]},
        "InvalidParameter",
        "security_group_ids",
        "only supported for Interface",
    ),
    (
        {"service_name": S3, "private_dns_enabled": True},
        "InvalidParameter",
        "private_dns_enabled",
        "only supported for Interface",
    ),
    pytest.param(
        {"service_name": S3, "policy_document": "{"},
        "InvalidPolicyDocument",
        "policy_document",
        "not valid JSON",
        marks=pytest.mark.fact("ERR-4"),
    ),  # ERR-4
    ({"service_name": S3, "vpc_endpoint_id": "a b"}, "InvalidParameterValue", "vpc_endpoint_id", "a b"),
    pytest.param(
        {**INTERFACE, "route_table_ids": ["private"]},
        "InvalidParameter",
        "route_table_ids",
        "Route table IDs are only supported for Gateway type VPC Endpoint.",
        marks=pytest.mark.fact("ERR-8"),
    ),  # ERR-8
    pytest.param(
        {**INTERFACE, "subnet_ids": ["a", "a2"]},
        "DuplicateSubnetsInSameZone",
        "subnet_ids",
        "Found another VPC endpoint subnet in the availability zone of a2",
        marks=pytest.mark.fact("VPCE-IF-2", "ERR-3"),
    ),  # VPCE-IF-2, ERR-3
    pytest.param(
        {**INTERFACE, "subnet_ids": ["a", "a"]},
        "DuplicateSubnetsInSameZone",
        "subnet_ids",
        "availability zone of a",
        marks=pytest.mark.fact("VPCE-IF-2", "ERR-3"),
    ),
    pytest.param(
        {**INTERFACE, "subnet_ids": ["c"]},
        "InvalidParameter",
        "subnet_ids",
        f"The VPC endpoint service {METERING} does not support the availability zone of the subnet: c",
        marks=pytest.mark.fact("VPCE-IF-3", "ERR-8"),
    ),  # VPCE-IF-3, ERR-8
    pytest.param(
        {**INTERFACE, "subnet_ids": ["far-a"]},
        "InvalidSubnet",
        "subnet_ids",
        "does not belong to the VPC main",
        marks=pytest.mark.fact("ERR-6"),
    ),
    pytest.param(
        {**INTERFACE, "subnet_ids": ["none"]},
        "InvalidSubnetID.NotFound",
        "subnet_ids",
        "none",
        marks=pytest.mark.fact("ERR-6"),
    ),
    (
        {**INTERFACE, "security_group_ids": ["far-group"]},
        "InvalidGroup.NotFound",
        "security_group_ids",
        "does not exist in VPC 'main'",
    ),
    (
        {**INTERFACE, "subnet_configurations": [{"subnet_id": "a"}]},
        "InvalidParameter",
        "subnet_configurations",
        "subnet_id and an ipv4",
    ),
    ({**INTERFACE, "az_bandwidth": 0}, "InvalidParameterValue", "az_bandwidth", "at least 1"),
    ({**INTERFACE, "az_queue": -1}, "InvalidParameterValue", "az_queue", "at least 0"),
]


@pytest.mark.parametrize(("named", "code", "parameter", "text"), CREATE)
def test_which_endpoints_are_refused(plane: ControlPlane, named, code, parameter, text):
    plane.create_subnet("main", "10.0.9.0/24", "us-east-1c", subnet_id="c")
    plane.create_subnet("far", "10.9.1.0/24", "us-east-1a", subnet_id="far-a")
    with pytest.raises(Ec2Error) as refusal:
        plane.create_vpc_endpoint(**{"vpc_id": "main", **named})
    assert (refusal.value.code, refusal.value.parameter) == (code, parameter)
    assert text in refusal.value.message
    assert not plane.vpc_endpoints


MODIFY = [
    pytest.param(
        "none", {}, "InvalidVpcEndpointId.NotFound", "vpc_endpoint_id", marks=pytest.mark.fact("ERR-1")
    ),  # ERR-1
    ("s3", {"add_subnet_ids": ["a"]}, "InvalidParameter", "add_subnet_ids"),
    ("s3", {"remove_route_table_ids": ["rtb-main-main"]}, "InvalidParameter", "remove_route_table_ids"),
    ("s3", {"add_route_table_ids": ["private"]}, "RouteAlreadyExists", "add_route_table_ids"),
    ("s3", {"policy_document": "[]"}, "InvalidPolicyDocument", "policy_document"),
    ("s3", {"policy_document": POLICY, "reset_policy": True}, "InvalidParameterCombination", "policy_document"),
    ("s3", {"private_dns_enabled": True}, "InvalidParameter", "private_dns_enabled"),
    ("api", {"add_route_table_ids": ["private"]}, "InvalidParameter", "add_route_table_ids"),
    pytest.param(
        "api",
        {"add_subnet_ids": ["a2"]},
        "DuplicateSubnetsInSameZone",
        "add_subnet_ids",
        marks=pytest.mark.fact("VPCE-IF-2", "ERR-3"),
    ),
    ("api", {"remove_subnet_ids": ["a2"]}, "InvalidParameter", "remove_subnet_ids"),
    ("api", {"remove_security_group_ids": ["web"]}, "InvalidParameter", "remove_security_group_ids"),
    ("api", {"add_security_group_ids": ["none"]}, "InvalidGroup.NotFound", "add_security_group_ids"),
    ("api", {"az_burst": 0}, "InvalidParameterValue", "az_burst"),
]


@pytest.mark.parametrize(("name", "named", "code", "parameter"), MODIFY)
def test_which_changes_are_refused(plane: ControlPlane, name, named, code, parameter):
    gateway(plane, "s3", "private")
    interface(plane)
    before = dict(plane.vpc_endpoints)
    with pytest.raises(Ec2Error) as refusal:
        plane.modify_vpc_endpoint(name, **named)
    assert (refusal.value.code, refusal.value.parameter) == (code, parameter)
    assert plane.vpc_endpoints == before


@pytest.mark.fact("VPCE-7")
@pytest.mark.parametrize("parameter", ["vpc_id", "service_name"])
def test_an_endpoint_moves_to_no_other_vpc_or_service(plane: ControlPlane, parameter: str):
    gateway(plane)
    with pytest.raises(TypeError, match=parameter):
        plane.modify_vpc_endpoint("s3", **{parameter: "far"})


@pytest.mark.fact("VPCE-11", "ERR-4")
def test_fifty_interface_endpoints_per_vpc_are_the_limit(plane: ControlPlane):
    for _ in range(50):
        plane.create_vpc_endpoint("main", METERING, vpc_endpoint_type="Interface")
    with pytest.raises(Ec2Error) as refusal:
        plane.create_vpc_endpoint("main", METERING, vpc_endpoint_type="Interface")
    assert refusal.value.code == "VpcEndpointLimitExceeded"
    gateway(plane)


def test_a_vpc_with_an_endpoint_and_a_table_with_one_stay(plane: ControlPlane):
    gateway(plane, "s3", "private")
    plane.disassociate_route_table("a")
    for refused in (lambda: plane.delete_vpc("main"), lambda: plane.delete_route_table("private")):
        with pytest.raises(Ec2Error) as refusal:
            refused()
        assert refusal.value.code == "DependencyViolation"


# -- services ------------------------------------------------------------------------


def test_the_services_of_a_region_are_described(plane: ControlPlane):
    found = [service.service_name for service in plane.describe_vpc_endpoint_services()]
    assert found == sorted(found)
    assert {DYNAMODB, METERING, S3, "com.amazonaws.us-east-1.ssm"} <= set(found)
    (s3,) = plane.describe_vpc_endpoint_services([S3])
    assert s3.service_types == (VpcEndpointType.GATEWAY, VpcEndpointType.INTERFACE)  # VPCE-4
    assert s3.private_dns_names == ("s3.us-east-1.amazonaws.com", "*.s3.us-east-1.amazonaws.com")
    with pytest.raises(Ec2Error) as refusal:
        plane.describe_vpc_endpoint_services(["com.amazonaws.us-west-2.s3"])
    assert refusal.value.code == "InvalidServiceName"


GATEWAY_TYPE = (VpcEndpointType.GATEWAY,)
INTERFACE_TYPE = (VpcEndpointType.INTERFACE,)


@pytest.mark.parametrize(
    ("service", "code", "parameter"),
    [
        (Service("com.amazonaws.us-west-2.sqs", "us-west-2", INTERFACE_TYPE), "InvalidServiceName", "service_name"),
        (Service("sqs", "us-east-1", INTERFACE_TYPE), "InvalidServiceName", "service_name"),
        (Service("com.amazonaws.us-east-1.sqs", "us-west-2", INTERFACE_TYPE), "InvalidParameterValue", "region"),
        pytest.param(
            Service("com.amazonaws.us-east-1.sqs", "us-east-1", GATEWAY_TYPE),
            "InvalidParameter",
            "service_types",
            marks=pytest.mark.fact("VPCE-GW-1"),
        ),
        (Service("com.amazonaws.us-east-1.sqs", "us-east-1", ()), "InvalidParameterValue", "service_types"),
        (Service(S3, "us-east-1", GATEWAY_TYPE), "MissingParameter", "prefix_list_id"),
        (
            Service("com.amazonaws.us-east-1.sqs", "us-east-1", INTERFACE_TYPE, ("eu-west-1a",)),
            "InvalidParameterValue",
            "availability_zones",
        ),
        (
            Service("com.amazonaws.us-east-1.sqs", "us-east-1", INTERFACE_TYPE, private_dns_names=("Sqs.com",)),
            "InvalidParameterValue",
            "private_dns_names",
        ),
        (
            Service(
                "com.amazonaws.us-east-1.sqs",
                "us-east-1",
                INTERFACE_TYPE,
                private_dns_names=("metering.us-east-1.amazonaws.com",),
            ),
            "InvalidParameterValue",
            "private_dns_names",
        ),
        (
            Service("com.amazonaws.us-east-1.sqs", "us-east-1", INTERFACE_TYPE, service_delay=-1),
            "InvalidParameterValue",
            "service_delay",
        ),
    ],
)
def test_which_services_are_refused(plane: ControlPlane, service, code, parameter):
    with pytest.raises(Ec2Error) as refusal:
        plane.register_service(service)
    assert (refusal.value.code, refusal.value.parameter) == (code, parameter)


@pytest.mark.fact("ERR-5")
def test_a_service_with_endpoints_is_not_redefined(plane: ControlPlane):
    interface(plane)
    with pytest.raises(Ec2Error) as refusal:
        plane.register_service(plane.services[METERING])
    assert refusal.value.code == "ExistingVpcEndpointConnections"


def test_public_names_lead_somewhere_stable(plane: ControlPlane):
    other = ControlPlane("us-east-1")
    service = Service(
        "com.amazonaws.us-east-1.sqs", "us-east-1", INTERFACE_TYPE, private_dns_names=("sqs.us-east-1.amazonaws.com",)
    )
    (host,) = plane.register_service(service).public_addresses
    assert (host,) == other.register_service(service).public_addresses
    assert host in IPNetwork("198.18.0.0/16")


@pytest.mark.parametrize(
    "prefix_list",
    [
        PrefixList("pl-own", "own", (IPNetwork("10.0.0.0/8"),), 1, "customer"),
        PrefixList(S3_LIST, S3, (), 1),
        PrefixList("a b", "x", (IPNetwork("10.0.0.0/8"),), 1),
    ],
)
def test_what_lists_of_awss_are_refused(plane: ControlPlane, prefix_list):
    with pytest.raises(Ec2Error) as refusal:
        plane.register_prefix_list(prefix_list)
    assert refusal.value.code == "InvalidParameterValue"
