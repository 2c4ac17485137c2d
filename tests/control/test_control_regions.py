"""Several Regions and accounts in one network; peering; groups across VPCs; interfaces' further attributes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from emulator.control import ControlPlane, Ec2Error
from emulator.control.regions import zone_id
from emulator.model.resources import InstanceState, InterfaceType, PeeringState, Service, VpcEndpointType
from emulator.model.settings import SECOND, Settings
from tests.control.planes import small_plane


def refused(call, code: str, text: str = "", parameter: str | None = "any") -> None:
    with pytest.raises(Ec2Error) as refusal:
        call()
    assert refusal.value.code == code
    assert text in refusal.value.message
    assert parameter in ("any", refusal.value.parameter)


@pytest.fixture
def world(plane: ControlPlane) -> ControlPlane:
    """Beside ``main`` in us-east-1: VPC ``eu`` of another account in eu-west-1, with subnet ``eu-a``."""
    plane.create_vpc("10.50.0.0/16", vpc_id="eu", region="eu-west-1", owner_id="210987654321")
    plane.create_subnet("eu", "10.50.0.0/24", "eu-west-1a", subnet_id="eu-a")
    return plane


# -- Regions ----------------------------------------------------------------------------


@pytest.mark.fact("VPCE-IF-3")
@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        ("us-east-1a", "use1-az1"),
        ("us-west-2c", "usw2-az3"),
        ("eu-central-1b", "euc1-az2"),
        ("ap-southeast-2a", "apse2-az1"),
        ("ap-northeast-1d", "apne1-az4"),
        ("sa-east-1a", "sae1-az1"),
        ("us-gov-west-1a", "usgw1-az1"),
    ],
)
def test_zones_have_the_ids_that_all_accounts_share(zone, expected) -> None:
    assert zone_id(zone) == expected


def test_a_vpc_is_in_a_region_and_an_account_and_its_subnets_in_that_regions_zones(world: ControlPlane) -> None:
    assert (world.vpcs["main"].region, world.vpcs["main"].owner_id) == ("us-east-1", "123456789012")
    assert (world.vpcs["eu"].region, world.vpcs["eu"].owner_id) == ("eu-west-1", "210987654321")
    assert world.subnets["eu-a"].availability_zone_id == "euw1-az1"
    refused(
        lambda: world.create_subnet("eu", "10.50.1.0/24", "us-east-1a"),
        "InvalidParameterValue",
        "eu-west-1a",
        "availability_zone",
    )
    shared = world.create_subnet("eu", "10.50.1.0/24", "eu-west-1b", availability_zone_id="euw1-az3")
    assert shared.availability_zone_id == "euw1-az3"
    refused(lambda: world.create_vpc("10.1.0.0/16", region="nowhere"), "InvalidParameterValue", parameter="region")
    refused(lambda: world.create_vpc("10.1.0.0/16", owner_id="me"), "InvalidParameterValue", parameter="owner_id")


@pytest.mark.fact("VPCE-6", "VPCE-GW-10", "ERR-2")
def test_an_endpoint_leads_to_a_service_of_its_vpcs_own_region(world: ControlPlane) -> None:
    ours, theirs = "com.amazonaws.us-east-1.s3", "com.amazonaws.eu-west-1.s3"
    world.create_vpc_endpoint("eu", theirs, route_table_ids="rtb-main-eu")
    for vpc_id, service in (("eu", ours), ("main", theirs)):
        refused(
            lambda vpc_id=vpc_id, service=service: world.create_vpc_endpoint(vpc_id, service),
            "InvalidServiceName",
            f"The Vpc Endpoint Service '{service}' does not exist",
        )
    there = [service.service_name for service in world.describe_vpc_endpoint_services(region="eu-west-1")]
    assert {theirs, "com.amazonaws.eu-west-1.dynamodb"} <= set(there)
    assert all(name.startswith("com.amazonaws.eu-west-1.") for name in there)


@pytest.mark.fact("VPCE-6")
def test_the_knob_lets_interface_endpoints_cross_regions_and_gateway_ones_not() -> None:
    plane = small_plane(Settings(cross_region_endpoints=True))
    plane.create_vpc("10.50.0.0/16", vpc_id="eu", region="eu-west-1")
    plane.register_service(
        Service("com.amazonaws.eu-west-1.kms", "eu-west-1", (VpcEndpointType.INTERFACE,), ("eu-west-1a",))
    )
    plane.create_vpc_endpoint(
        "main", "com.amazonaws.eu-west-1.kms", vpc_endpoint_type="Interface", subnet_ids=["a"], vpc_endpoint_id="kms"
    )
    assert plane.vpc_endpoints["kms"].subnet_ids == ("a",)
    refused(lambda: plane.create_vpc_endpoint("main", "com.amazonaws.eu-west-1.s3"), "InvalidServiceName")


@pytest.mark.fact("VPCE-IF-3", "ERR-8")
def test_a_service_may_name_its_zones_by_their_ids(world: ControlPlane) -> None:
    service = Service("com.amazonaws.us-east-1.x", "us-east-1", (VpcEndpointType.INTERFACE,), ("use1-az2",))
    world.register_service(service)
    call = {"vpc_endpoint_type": "Interface", "service_name": service.service_name}
    world.create_vpc_endpoint("main", subnet_ids=["b"], **call)
    refused(lambda: world.create_vpc_endpoint("main", subnet_ids=["a"], **call), "InvalidParameter", "subnet: a")


@pytest.mark.fact("VPCE-11", "ERR-4")
def test_endpoints_are_counted_as_the_settings_say() -> None:
    plane = small_plane(Settings(gateway_endpoints_per_region=1, interface_endpoints_per_vpc=1))
    plane.create_vpc("10.50.0.0/16", vpc_id="eu", region="eu-west-1")
    plane.create_vpc_endpoint("main", "com.amazonaws.us-east-1.s3")
    refused(
        lambda: plane.create_vpc_endpoint("far", "com.amazonaws.us-east-1.s3"), "VpcEndpointLimitExceeded", "us-east-1"
    )
    plane.create_vpc_endpoint("eu", "com.amazonaws.eu-west-1.s3")
    metering = {"service_name": "com.amazonaws.us-east-1.metering", "vpc_endpoint_type": "Interface"}
    plane.create_vpc_endpoint("main", subnet_ids=["a"], **metering)
    refused(lambda: plane.create_vpc_endpoint("main", subnet_ids=["b"], **metering), "VpcEndpointLimitExceeded", "main")


def test_a_vpc_is_deleted_once_nothing_hangs_on_it(world: ControlPlane) -> None:
    world.delete_subnet("eu-a")
    world.create_internet_gateway(internet_gateway_id="igw", vpc_id="eu")
    refused(lambda: world.delete_vpc("eu"), "DependencyViolation", "igw")
    world.detach_internet_gateway("igw", "eu")
    world.create_vpn_gateway(vpn_gateway_id="vgw", vpc_id="eu")
    refused(lambda: world.delete_vpc("eu"), "DependencyViolation", "vgw")
    world.detach_vpn_gateway("vgw", "eu")
    world.delete_vpc("eu")


# -- peering ----------------------------------------------------------------------------


@pytest.mark.fact("EDGE-2")
def test_vpcs_of_different_regions_and_accounts_can_be_peers(world: ControlPlane) -> None:
    where = {"peer_region": "eu-west-1", "peer_owner_id": "210987654321"}
    world.create_vpc_peering_connection("main", "eu", vpc_peering_connection_id="pcx", **where)
    refused(
        lambda: world.create_vpc_peering_connection("far", "eu", peer_region="us-west-2"),
        "InvalidVpcID.NotFound",
        parameter="peer_vpc_id",
    )


@pytest.mark.fact("EDGE-2", "ROUTE-14")
@pytest.mark.parametrize("status", ["expired", "failed", "rejected", "deleted"])
def test_a_connection_that_ended_carries_nothing_and_stays_ended(plane: ControlPlane, status) -> None:
    plane.create_vpc_peering_connection("main", "far", vpc_peering_connection_id="pcx", auto_accept=False)
    plane.create_route("private", destination_cidr_block="10.9.0.0/16", vpc_peering_connection_id="pcx")
    plane.set_vpc_peering_connection_status("pcx", status)
    assert plane.route_tables["private"].routes[1].state == "blackhole"
    refused(lambda: plane.accept_vpc_peering_connection("pcx"), "InvalidStateTransition", status)
    refused(lambda: plane.set_vpc_peering_connection_status("pcx", "active"), "InvalidStateTransition")
    plane.create_vpc_peering_connection("main", "far")  # the pair is free again


@pytest.mark.fact("EDGE-2")
def test_a_failed_connection_read_from_an_account_may_have_overlapping_vpcs(plane: ControlPlane) -> None:
    plane.create_vpc("10.0.0.0/16", vpc_id="twin")
    failed = plane.create_vpc_peering_connection("main", "twin", status="failed")
    assert failed.status is PeeringState.FAILED
    refused(lambda: plane.create_vpc_peering_connection("main", "twin"), "InvalidParameterValue", "Overlapping CIDR")


# -- security groups --------------------------------------------------------------------


@pytest.mark.fact("SG-4")
def test_a_group_of_a_peer_in_another_region_cannot_be_named(world: ControlPlane) -> None:
    world.create_vpc_peering_connection("main", "eu")
    world.create_vpc_peering_connection("main", "far")
    world.authorize_security_group_ingress("web", ip_protocol="tcp", referenced_group_id="far-group")
    refused(
        lambda: world.authorize_security_group_ingress("web", ip_protocol="tcp", referenced_group_id="sg-default-eu"),
        "InvalidGroup.NotFound",
        "belong to different networks",
    )


@pytest.mark.fact("SG-4", "SG-5")
def test_behind_a_transit_gateway_groups_are_named_inbound_if_both_ends_support_it(plane: ControlPlane) -> None:
    plane.create_subnet("far", "10.9.0.0/24", "us-east-1a", subnet_id="far-a")
    plane.create_transit_gateway(transit_gateway_id="tgw", security_group_referencing_support=True)
    for vpc_id, subnet in (("main", "a"), ("far", "far-a")):
        plane.create_transit_gateway_vpc_attachment(
            "tgw",
            vpc_id,
            subnet_ids=[subnet],
            transit_gateway_attachment_id=f"to-{vpc_id}",
            security_group_referencing_support=True,
        )
    inbound = plane.authorize_security_group_ingress("web", ip_protocol="tcp", referenced_group_id="far-group")
    refused(
        lambda: plane.authorize_security_group_egress("web", ip_protocol="tcp", referenced_group_id="far-group"),
        "InvalidGroup.NotFound",
    )
    assert not plane.security_group_rule_is_stale(plane.security_groups["web"], inbound)
    plane.modify_transit_gateway_vpc_attachment("to-far", security_group_referencing_support=False)
    assert plane.security_group_rule_is_stale(plane.security_groups["web"], inbound)


@pytest.mark.fact("SG-6", "ERR-24")
def test_groups_are_counted_per_region() -> None:
    plane = small_plane(Settings(security_groups_per_region=5))  # two VPCs' defaults, web, far-group
    plane.create_security_group("main")
    refused(lambda: plane.create_security_group("far"), "SecurityGroupLimitExceeded", "5 in us-east-1")
    plane.create_vpc("10.50.0.0/16", vpc_id="eu", region="eu-west-1")
    plane.create_security_group("eu")


@pytest.mark.fact("SG-6")
def test_groups_per_interface_times_rules_per_group_is_at_most_a_thousand() -> None:
    ControlPlane("us-east-1", Settings(groups_per_interface=10, rules_per_group=100))
    with pytest.raises(Ec2Error) as refusal:
        ControlPlane("us-east-1", Settings(groups_per_interface=16, rules_per_group=63))
    assert "1008, more than 1000" in refusal.value.message


# -- interfaces and instances -----------------------------------------------------------


def test_secondary_addresses_are_designated_or_the_lowest_free_ones(plane: ControlPlane) -> None:
    plane.create_network_interface(
        "a",
        network_interface_id="eni",
        secondary_private_ip_addresses=["10.0.1.4"],
        secondary_private_ip_address_count=1,
    )
    plane.assign_private_ip_addresses("eni", secondary_private_ip_address_count=2)
    addresses = [str(host) for host in plane.network_interfaces["eni"].private_ip_addresses]
    assert addresses == ["10.0.1.5", "10.0.1.4", "10.0.1.6", "10.0.1.7", "10.0.1.8"]
    refused(
        lambda: plane.create_network_interface("a", private_ip_address="10.0.1.8"), "InvalidIPAddress.InUse", "10.0.1.8"
    )
    plane.unassign_private_ip_addresses("eni", ["10.0.1.4", "10.0.1.8"])
    plane.create_network_interface("a", private_ip_address="10.0.1.8")
    refused(lambda: plane.unassign_private_ip_addresses("eni", "10.0.1.5"), "InvalidParameterValue", "10.0.1.5")


@pytest.mark.fact("SG-14")
@pytest.mark.parametrize(
    ("name", "least", "most"),
    [("tcp_established_timeout", 60, 432_000), ("udp_timeout", 30, 60), ("udp_stream_timeout", 60, 180)],
)
def test_idle_timeouts_of_an_interface_have_bounds(plane: ControlPlane, name, least, most) -> None:
    plane.run_instances(instance_id="web", subnet_id="a", connection_tracking_specification={name: least * SECOND})
    changed = plane.modify_network_interface_attribute(
        "eni-web", connection_tracking_specification={name: most * SECOND}
    )
    assert getattr(changed.connection_tracking, name) == most * SECOND
    for seconds in (least - 1, most + 1):
        refused(
            lambda seconds=seconds: plane.modify_network_interface_attribute(
                "eni-web", connection_tracking_specification={name: seconds * SECOND}
            ),
            "InvalidParameterValue",
            f"{least} to {most} seconds",
            "connection_tracking_specification",
        )


def test_instances_stop_start_and_may_be_middleboxes_with_a_name_for_their_interface(plane: ControlPlane) -> None:
    plane.run_instances(
        instance_id="box",
        subnet_id="a",
        network_interface_id="eni-0abc",
        public_ip="203.0.113.77",
        forwards=True,
        max_tracked_connections=100,
        application="http",
        options={"port": 80},
    )
    box = plane.instances["box"]
    assert (box.network_interface_ids, box.forwards, box.max_tracked_connections) == (("eni-0abc",), True, 100)
    plane.stop_instances(["box"])
    assert plane.instances["box"] == replace(box, state=InstanceState.STOPPED)
    plane.start_instances("box")
    assert plane.instances["box"] == box
    refused(lambda: plane.stop_instances("none"), "InvalidInstanceID.NotFound")
    refused(lambda: plane.detach_network_interface("eni-0abc"), "OperationNotPermitted", "device index 0")


@pytest.mark.fact("SG-12")
def test_a_functions_interface_is_a_host_by_itself(plane: ControlPlane) -> None:
    plane.create_network_interface("a", network_interface_id="fn", interface_type="lambda")
    assert plane.network_interfaces["fn"].interface_type is InterfaceType.LAMBDA
    plane.run_instances(instance_id="web", subnet_id="a")
    refused(lambda: plane.attach_network_interface("fn", "web"), "OperationNotPermitted")
    refused(lambda: plane.create_network_interface("a", interface_type="efa"), "UnsupportedOperation")
    refused(lambda: plane.create_network_interface("a", interface_type="nat_gateway"), "UnsupportedOperation")


@pytest.mark.fact("VPCE-10")
def test_an_endpoint_can_be_found_in_any_state(plane: ControlPlane) -> None:
    plane.create_vpc_endpoint("main", "com.amazonaws.us-east-1.s3", vpc_endpoint_id="s3")
    for state in ("pendingAcceptance", "pending", "rejected", "expired", "failed", "deleting", "available"):
        assert plane.set_vpc_endpoint_state("s3", state).state == state
    refused(lambda: plane.set_vpc_endpoint_state("s3", "well"), "InvalidParameterValue")


@pytest.mark.fact("VPCE-IF-11")
def test_an_endpoints_bandwidth_is_the_settings_unless_it_has_its_own() -> None:
    plane = small_plane(Settings(interface_endpoint_bandwidth=5))
    metering = {"service_name": "com.amazonaws.us-east-1.metering", "vpc_endpoint_type": "Interface"}
    assert plane.create_vpc_endpoint("main", **metering).az_bandwidth == 5
    assert plane.create_vpc_endpoint("main", az_bandwidth=7, **metering).az_bandwidth == 7
