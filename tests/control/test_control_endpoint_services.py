"""Endpoint services: who may connect, who accepts, and what holds on to what."""

from __future__ import annotations

from dataclasses import replace

import pytest

from emulator.control import ControlPlane, Ec2Error
from emulator.model.endpoint_services import EndpointServiceState, PrivateDnsNameState
from emulator.model.resources import EndpointState, VpcEndpointType
from tests.control.planes import snapshot

NAME = "com.amazonaws.vpce.us-east-1.vpce-svc-1"
SERVICE = "vpce-svc-1"
CONSUMER = "arn:aws:iam::123456789012:root"
FULL = '{"Statement": {"Effect": "Allow", "Principal": {"AWS": ["*"]}, "Action": ["*"], "Resource": "*"}}'
POLICY = '{"Statement": [{"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*"}]}'


@pytest.fixture
def offered(plane: ControlPlane) -> ControlPlane:
    """``far`` offers ``vpce-svc-1`` behind ``nlb`` in zone a; the account of ``main`` may connect."""
    plane.create_subnet("far", "10.9.1.0/24", "us-east-1a", subnet_id="far-a")
    plane.create_subnet("far", "10.9.2.0/24", "us-east-1b", subnet_id="far-b")
    plane.create_load_balancer("nlb", subnet_ids=["far-a"])
    plane.create_load_balancer("spare", subnet_ids=["far-b"])
    plane.create_vpc_endpoint_service_configuration("nlb", service_id=SERVICE)
    plane.modify_vpc_endpoint_service_permissions(SERVICE, add_allowed_principals=CONSUMER)
    return plane


def connect(plane: ControlPlane, name: str = "ep", **more: object) -> EndpointState:
    named = {"vpc_endpoint_type": "Interface", "subnet_ids": ["a"], **more}
    return plane.create_vpc_endpoint("main", NAME, vpc_endpoint_id=name, **named).state


def refused(call, code: str, text: str = "") -> Ec2Error:
    with pytest.raises(Ec2Error) as refusal:
        call()
    assert refusal.value.code == code
    assert text in refusal.value.message
    return refusal.value


@pytest.mark.fact("SVC-1", "SVC-2")
def test_a_service_is_offered_where_its_load_balancers_are(offered: ControlPlane):
    configuration = offered.vpc_endpoint_service_configurations[SERVICE]
    assert (configuration.service_name, configuration.state) == (NAME, EndpointServiceState.AVAILABLE)
    service = offered.services[NAME]
    assert (service.service_id, service.service_types) == (SERVICE, (VpcEndpointType.INTERFACE,))
    assert service.availability_zones == ("us-east-1a",)
    offered.modify_vpc_endpoint_service_configuration(SERVICE, add_load_balancer_names=["spare"])
    assert offered.services[NAME].availability_zones == ("us-east-1a", "us-east-1b")


@pytest.mark.fact("SVC-1")
def test_a_load_balancer_serves_one_service_and_a_service_may_have_several(offered: ControlPlane):
    refused(lambda: offered.create_vpc_endpoint_service_configuration(["nlb"]), "InvalidParameter", "already")
    refused(
        lambda: offered.modify_vpc_endpoint_service_configuration(SERVICE, add_load_balancer_names=["nlb"]),
        "InvalidParameter",
        "already",
    )
    offered.modify_vpc_endpoint_service_configuration(SERVICE, add_load_balancer_names=["spare"])
    assert offered.vpc_endpoint_service_configurations[SERVICE].load_balancer_names == ("nlb", "spare")


@pytest.mark.fact("SVC-3", "ERR-2")
@pytest.mark.parametrize(
    ("principal", "admitted"),
    [
        (None, False),
        ("*", True),
        ("arn:aws:iam::123456789012:root", True),
        ("arn:aws:iam::123456789012:user/ann", True),
        ("arn:aws:iam::123456789012:role/ops/deploy", True),
        ("arn:aws:iam::999999999999:root", False),
    ],
)
def test_only_allowed_principals_find_the_service(offered: ControlPlane, principal, admitted):
    offered.modify_vpc_endpoint_service_permissions(SERVICE, remove_allowed_principals=CONSUMER)
    if principal is not None:
        offered.modify_vpc_endpoint_service_permissions(SERVICE, add_allowed_principals=[principal])
    if admitted:
        connect(offered)
    else:
        error = refused(lambda: connect(offered), "InvalidServiceName")
        assert error.message == f"The Vpc Endpoint Service '{NAME}' does not exist"


@pytest.mark.fact("SVC-3")
def test_removing_a_principal_leaves_existing_connections(offered: ControlPlane):
    connect(offered)
    offered.accept_vpc_endpoint_connections(SERVICE, "ep")
    offered.modify_vpc_endpoint_service_permissions(SERVICE, remove_allowed_principals=[CONSUMER])
    assert offered.vpc_endpoints["ep"].state is EndpointState.AVAILABLE
    refused(lambda: connect(offered, "late"), "InvalidServiceName")


@pytest.mark.fact("SVC-4", "VPCE-10", "VPCE-IF-18")
def test_an_endpoint_waits_until_it_is_accepted_and_may_be_rejected_later(offered: ControlPlane):
    assert connect(offered) is EndpointState.PENDING_ACCEPTANCE
    offered.accept_vpc_endpoint_connections(SERVICE, ["ep"])
    assert offered.vpc_endpoints["ep"].state is EndpointState.AVAILABLE
    refused(lambda: offered.accept_vpc_endpoint_connections(SERVICE, ["ep"]), "IncorrectState")
    offered.reject_vpc_endpoint_connections(SERVICE, ["ep"])
    assert offered.vpc_endpoints["ep"].state is EndpointState.REJECTED
    refused(lambda: offered.modify_vpc_endpoint("ep", reset_policy=True), "IncorrectState", "only be deleted")
    offered.delete_vpc_endpoints("ep")


@pytest.mark.fact("SVC-4", "VPCE-10")
def test_a_service_may_accept_by_itself(offered: ControlPlane):
    offered.modify_vpc_endpoint_service_configuration(SERVICE, acceptance_required=False)
    assert connect(offered) is EndpointState.AVAILABLE


@pytest.mark.fact("SVC-5", "ERR-5")
def test_nothing_is_taken_from_under_a_connected_endpoint(offered: ControlPlane):
    offered.modify_vpc_endpoint_service_configuration(SERVICE, add_load_balancer_names=["spare"])
    connect(offered)
    for call in (
        lambda: offered.delete_vpc_endpoint_service_configurations([SERVICE]),
        lambda: offered.modify_vpc_endpoint_service_configuration(SERVICE, remove_load_balancer_names=["spare"]),
        lambda: offered.delete_load_balancer("nlb"),
    ):
        refused(call, "ExistingVpcEndpointConnections", "ep")
    offered.reject_vpc_endpoint_connections(SERVICE, ["ep"])
    offered.modify_vpc_endpoint_service_configuration(SERVICE, remove_load_balancer_names=["spare"])
    refused(lambda: offered.delete_load_balancer("nlb"), "ResourceInUse", "associated with another service")
    offered.delete_vpc_endpoint_service_configurations(SERVICE)
    offered.delete_load_balancer("nlb")
    assert NAME not in offered.services
    refused(lambda: offered.modify_vpc_endpoint("ep", add_subnet_ids=["b"]), "IncorrectState")
    offered.delete_vpc_endpoints("ep")


@pytest.mark.fact("SVC-14")
def test_a_service_keeps_a_load_balancer_and_learns_of_new_zones_when_modified(offered: ControlPlane):
    refused(
        lambda: offered.modify_vpc_endpoint_service_configuration(SERVICE, remove_load_balancer_names=["nlb"]),
        "InvalidParameter",
        "at least one",
    )
    offered.set_subnets("nlb", ["far-a", "far-b"])
    error = refused(lambda: connect(offered, subnet_ids=["b"]), "InvalidParameter")
    assert error.message == f"The VPC endpoint service {NAME} does not support the availability zone of the subnet: b"
    offered.modify_vpc_endpoint_service_configuration(SERVICE)
    connect(offered, subnet_ids=["b"])


@pytest.mark.fact("VPCE-IF-3", "ERR-8")
def test_zones_of_two_accounts_are_compared_by_their_ids(offered: ControlPlane):
    for name, zone_id in (("a", "use1-az4"), ("b", "use1-az1"), ("far-a", "use1-az1")):
        offered.subnets[name] = replace(offered.subnets[name], availability_zone_id=zone_id)
    refused(lambda: connect(offered, subnet_ids=["a"]), "InvalidParameter", "does not support the availability zone")
    connect(offered, subnet_ids=["b"])


@pytest.mark.fact("SVC-6", "ERR-9")
def test_a_private_dns_name_must_be_proven(offered: ControlPlane):
    offered.modify_vpc_endpoint_service_configuration(SERVICE, acceptance_required=False)
    refused(
        lambda: connect(offered, private_dns_enabled=True),
        "InvalidParameter",
        f"Private DNS can't be enabled because the service {NAME} does not provide a private DNS name",
    )
    configuration = offered.modify_vpc_endpoint_service_configuration(SERVICE, private_dns_name="*.api.example.com")
    assert configuration.private_dns_name_state is PrivateDnsNameState.PENDING_VERIFICATION
    refused(
        lambda: connect(offered, private_dns_enabled=True),
        "InvalidParameter",
        f"Private DNS can't be enabled because the service {NAME} has not verified the private DNS name",
    )
    offered.start_vpc_endpoint_service_private_dns_verification(SERVICE)
    connect(offered, private_dns_enabled=True)
    assert offered.services[NAME].private_dns_names == ("*.api.example.com",)
    # Only new endpoints suffer when it lapses.
    offered.start_vpc_endpoint_service_private_dns_verification(SERVICE, verified=False)
    assert offered.vpc_endpoints["ep"].private_dns_enabled
    assert offered.services[NAME].private_dns_names == ("*.api.example.com",)
    offered.modify_vpc_endpoint("ep", private_dns_enabled=False)
    refused(lambda: offered.modify_vpc_endpoint("ep", private_dns_enabled=True), "InvalidParameter", "not verified")
    offered.modify_vpc_endpoint_service_configuration(SERVICE, remove_private_dns_name=True)
    refused(lambda: offered.start_vpc_endpoint_service_private_dns_verification(SERVICE), "InvalidParameter")


@pytest.mark.fact("SVC-6")
@pytest.mark.parametrize("name", ["Api.example.com", "example", "a..com", "*.*.com"])
def test_a_private_dns_name_is_a_host_name_in_lower_case(offered: ControlPlane, name: str):
    refused(
        lambda: offered.modify_vpc_endpoint_service_configuration(SERVICE, private_dns_name=name),
        "InvalidParameterValue",
        "lower case",
    )


@pytest.mark.fact("POL-4")
def test_an_endpoint_to_a_customers_service_has_full_access_only(offered: ControlPlane):
    error = refused(lambda: connect(offered, policy_document=POLICY), "InvalidParameter", "full-access endpoint policy")
    assert error.parameter == "policy_document"
    connect(offered, policy_document=FULL)
    refused(lambda: offered.modify_vpc_endpoint("ep", policy_document=POLICY), "InvalidParameter", "full-access")


REFUSED = [
    (
        lambda p: p.create_vpc_endpoint_service_configuration(["spare"], service_id="svc-1"),
        "InvalidVpcEndpointServiceIdId.Malformed",
        "service_id",
    ),
    (lambda p: p.create_vpc_endpoint_service_configuration([]), "MissingParameter", "load_balancer_names"),
    (
        lambda p: p.create_vpc_endpoint_service_configuration(["none"]),
        "InvalidNetworkLoadBalancerArn.NotFound",
        "load_balancer_names",
    ),
    (
        lambda p: p.delete_vpc_endpoint_service_configurations([SERVICE, "vpce-svc-2"]),
        "InvalidVpcEndpointServiceId.NotFound",
        "service_ids",
    ),
    (
        lambda p: p.modify_vpc_endpoint_service_permissions(SERVICE, add_allowed_principals=["123456789012"]),
        "InvalidPrincipal",
        "add_allowed_principals",
    ),
    (
        lambda p: p.accept_vpc_endpoint_connections(SERVICE, ["none"]),
        "InvalidVpcEndpointId.NotFound",
        "vpc_endpoint_ids",
    ),
    (
        lambda p: p.accept_vpc_endpoint_connections(SERVICE, ["other"]),
        "InvalidVpcEndpointId.NotFound",
        "vpc_endpoint_ids",
    ),
    (
        lambda p: p.modify_vpc_endpoint_service_configuration(SERVICE, remove_load_balancer_names=["spare"]),
        "InvalidNetworkLoadBalancerArn.NotFound",
        "remove_load_balancer_names",
    ),
    (
        lambda p: p.modify_vpc_endpoint_service_configuration(
            SERVICE, private_dns_name="a.example.com", remove_private_dns_name=True
        ),
        "InvalidParameterCombination",
        "private_dns_name",
    ),
    (lambda p: p.register_service(p.services[NAME]), "OperationNotPermitted", "service_name"),
    (lambda p: p.set_vpc_endpoint_state("other", "asleep"), "InvalidParameterValue", "state"),
]


@pytest.mark.fact("ERR-5")
@pytest.mark.parametrize(("call", "code", "parameter"), REFUSED)
def test_what_is_refused_of_an_endpoint_service(offered: ControlPlane, call, code, parameter):
    offered.create_vpc_endpoint("main", "com.amazonaws.us-east-1.s3", vpc_endpoint_id="other")
    before = snapshot(offered)
    with pytest.raises(Ec2Error) as refusal:
        call(offered)
    assert (refusal.value.code, refusal.value.parameter) == (code, parameter)
    assert snapshot(offered) == before
