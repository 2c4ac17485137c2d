"""VPC endpoints beyond the seed: both types for S3, inbound Resolvers, Regions, quotas, and refusals people met."""

from __future__ import annotations

from dataclasses import replace

import pytest

from emulator.control import ControlPlane, Ec2Error
from emulator.model.resources import EndpointState, Service, VpcEndpointType
from emulator.model.settings import CURRENT, Settings
from tests.control.planes import DYNAMODB, METERING, S3, small_plane

INBOUND = "private_dns_only_for_inbound_resolver_endpoint"


def interface(plane: ControlPlane, name: str = "ep", service: str = S3, **more: object):
    named = {"vpc_endpoint_type": "Interface", "subnet_ids": ["a"], **more}
    return plane.create_vpc_endpoint("main", service, vpc_endpoint_id=name, **named)


def refused(call, code: str, message: str = "") -> Ec2Error:
    with pytest.raises(Ec2Error) as refusal:
        call()
    assert refusal.value.code == code
    assert message in refusal.value.message
    return refusal.value


@pytest.mark.fact("VPCE-4")
@pytest.mark.parametrize("service", [S3, DYNAMODB])
def test_s3_and_dynamodb_have_endpoints_of_both_types(plane: ControlPlane, service: str):
    plane.create_vpc_endpoint("main", service, vpc_endpoint_id="gw", route_table_ids=["private"])
    endpoint = interface(plane, service=service)
    assert endpoint.network_interface_ids == ("eni-ep-us-east-1a",)
    assert (endpoint.private_dns_enabled, getattr(endpoint, INBOUND)) == (False, False)  # VPCE-IF-21


@pytest.mark.fact("DNS-8", "ERR-10")
def test_private_dns_for_s3_is_for_inbound_resolvers_unless_told_otherwise(plane: ControlPlane):
    error = refused(lambda: interface(plane, private_dns_enabled=True), "InvalidParameter")
    text = "To set PrivateDnsOnlyForInboundResolverEndpoint to true, the VPC main must have a Gateway endpoint"
    assert error.message == f"{text} for the service"
    assert not getattr(interface(plane, "open", private_dns_enabled=True, **{INBOUND: False}), INBOUND)
    plane.delete_vpc_endpoints("open")
    plane.create_vpc_endpoint("main", S3, vpc_endpoint_id="gw")
    assert getattr(interface(plane, private_dns_enabled=True), INBOUND)
    assert not getattr(plane.modify_vpc_endpoint("ep", **{INBOUND: False}), INBOUND)
    assert not getattr(plane.modify_vpc_endpoint("ep", private_dns_enabled=True), INBOUND)
    plane.modify_vpc_endpoint("ep", private_dns_enabled=False)
    assert getattr(plane.modify_vpc_endpoint("ep", private_dns_enabled=True), INBOUND)


@pytest.mark.fact("ERR-10")
def test_inbound_resolvers_are_not_for_gateway_endpoints_nor_for_other_services(plane: ControlPlane):
    for wanted in (True, False):
        error = refused(
            lambda wanted=wanted: plane.create_vpc_endpoint("main", S3, **{INBOUND: wanted}), "InvalidParameter"
        )
        assert error.message == (
            "DnsOptions PrivateDnsOnlyForInboundResolverEndpoint is applicable only to Interface VPC Endpoints"
        )
        assert error.parameter == INBOUND
    refused(lambda: interface(plane, service=METERING, **{INBOUND: True}), "InvalidParameter", "not supported for this")


@pytest.mark.fact("VPCE-6")
def test_another_regions_service_is_for_todays_interface_endpoints_only():
    far = "com.amazonaws.us-west-2.s3"
    plane = small_plane()
    plane.create_vpc("10.77.0.0/16", region="us-west-2")
    refused(lambda: interface(plane, service=far), "InvalidServiceName", f"'{far}' does not exist")
    plane = small_plane(CURRENT)
    plane.create_vpc("10.77.0.0/16", region="us-west-2")
    assert interface(plane, service=far).service_name == far
    refused(lambda: plane.create_vpc_endpoint("main", far), "InvalidServiceName")


@pytest.mark.fact("VPCE-6")
def test_a_vpc_of_another_region_uses_that_regions_services(plane: ControlPlane):
    plane.create_vpc("10.77.0.0/16", vpc_id="west", region="us-west-2")
    endpoint = plane.create_vpc_endpoint("west", "com.amazonaws.us-west-2.s3", route_table_ids=["rtb-main-west"])
    listed = plane.services[endpoint.service_name].prefix_list_id
    assert plane.route_tables["rtb-main-west"].routes[-1].destination_prefix_list_id == listed
    assert listed in plane.prefix_lists
    refused(lambda: plane.create_vpc_endpoint("west", S3), "InvalidServiceName")


@pytest.mark.fact("VPCE-IF-11")
def test_the_settings_say_how_fast_an_endpoint_is():
    plane = small_plane(Settings(interface_endpoint_bandwidth=40_000_000_000))
    assert interface(plane).az_bandwidth == 40_000_000_000
    assert interface(plane, "slow", az_bandwidth=10**9).az_bandwidth == 10**9


@pytest.mark.fact("VPCE-11")
def test_quotas_of_endpoints_are_settings():
    plane = small_plane(Settings(interface_endpoints_per_vpc=1, gateway_endpoints_per_region=2))
    interface(plane)
    refused(lambda: interface(plane, "more"), "VpcEndpointLimitExceeded", "main (1)")
    for vpc in ("main", "far"):
        plane.create_vpc_endpoint(vpc, S3)
    refused(lambda: plane.create_vpc_endpoint("main", DYNAMODB), "VpcEndpointLimitExceeded", "us-east-1 (2)")


@pytest.mark.fact("VPCE-10")
@pytest.mark.parametrize("state", list(EndpointState))
def test_an_endpoint_can_be_put_into_any_state(plane: ControlPlane, state: EndpointState):
    interface(plane)
    assert plane.set_vpc_endpoint_state("ep", state).state is state
    plane.delete_vpc_endpoints("ep")


# -- refusals that people met (incidents C1 to C9) ------------------------------------------


@pytest.mark.fact("ERR-8", "VPCE-IF-3")
def test_c1_a_zone_that_the_service_lacks_is_refused(plane: ControlPlane):
    plane.create_subnet("main", "10.0.9.0/24", "us-east-1c", subnet_id="c")
    refused(
        lambda: interface(plane, service=METERING, subnet_ids=["c"]),
        "InvalidParameter",
        f"The VPC endpoint service {METERING} does not support the availability zone of the subnet: c",
    )


@pytest.mark.fact("VPCE-IF-3")
def test_a_services_zones_may_be_given_by_their_ids(plane: ControlPlane):
    plane.register_service(replace(plane.services[METERING], availability_zones=("use1-az6",)))
    refused(lambda: interface(plane, service=METERING), "InvalidParameter", "availability zone")
    plane.subnets["a"] = replace(plane.subnets["a"], availability_zone_id="use1-az6")
    interface(plane, service=METERING)


@pytest.mark.fact("ERR-9", "VPCE-8")
def test_c2_a_second_endpoint_with_private_dns_for_one_service_is_refused(plane: ControlPlane):
    interface(plane, service=METERING, private_dns_enabled=True)
    refused(
        lambda: interface(plane, "twin", service=METERING, private_dns_enabled=True),
        "InvalidParameter",
        "private-dns-enabled cannot be set because there is already a conflicting DNS domain "
        "for metering.us-east-1.amazonaws.com in the VPC main",
    )


@pytest.mark.fact("ERR-9")
def test_c5_private_dns_needs_a_name_and_an_interface_endpoint(plane: ControlPlane):
    nameless = "com.amazonaws.us-east-1.nameless"
    plane.register_service(Service(nameless, "us-east-1", (VpcEndpointType.INTERFACE,)))
    refused(
        lambda: interface(plane, service=nameless, private_dns_enabled=True),
        "InvalidParameter",
        f"Private DNS can't be enabled because the service {nameless} does not provide a private DNS name",
    )
    refused(
        lambda: plane.create_vpc_endpoint("main", S3, private_dns_enabled=True),
        "InvalidParameter",
        "only supported for Interface",
    )


def test_c6_endpoints_cannot_be_shared(plane: ControlPlane):
    error = refused(
        lambda: plane.create_resource_share(["arn:aws:ec2:us-east-1:123456789012:vpc-endpoint/ep"]),
        "InvalidParameterException",
        "You cannot share the selected resource type",
    )
    assert (error.parameter, error.path) == ("resource_arns", (0,))
    refused(
        lambda: plane.create_resource_share("arn:aws:ec2:us-east-1:123456789012:transit-gateway/tgw"),
        "UnsupportedOperation",
        "UNSUPPORTED_COMPONENT",
    )
    refused(lambda: plane.create_resource_share("ep"), "MalformedArnException")


@pytest.mark.fact("ERR-2")
def test_c8_a_service_without_a_region_has_no_regional_name(plane: ControlPlane):
    plane.register_service(
        Service(
            "com.amazonaws.iam", "us-east-1", (VpcEndpointType.INTERFACE,), private_dns_names=("iam.amazonaws.com",)
        )
    )
    interface(plane, service="com.amazonaws.iam")
    refused(
        lambda: interface(plane, "regional", service="com.amazonaws.us-east-1.iam"),
        "InvalidServiceName",
        "The Vpc Endpoint Service 'com.amazonaws.us-east-1.iam' does not exist",
    )


@pytest.mark.fact("ERR-9", "VPCE-IF-21")
@pytest.mark.parametrize("attribute", ["enable_dns_support", "enable_dns_hostnames"])
def test_c9_private_dns_needs_both_attributes_of_the_vpc(plane: ControlPlane, attribute: str):
    plane.modify_vpc_attribute("main", **{attribute: False})
    refused(
        lambda: interface(plane, service=METERING, private_dns_enabled=True),
        "InvalidParameter",
        "Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC attributes set to true "
        "for main",
    )
