"""Which table a packet is routed by, and what it finds there: from the verbs to the walk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from netaddr import IPAddress

from emulator.control.regions import built_in_prefix_list
from emulator.flows.conntrack import FlowState
from emulator.flows.walk import origin_of, walk
from emulator.model.reasons import Reason
from emulator.model.traces import Delivered, Dropped, Trace
from emulator.wire.packet import Packet, tcp
from tests.flows.worlds import API_A, DB, PEER, S3, WEB, world

if TYPE_CHECKING:
    from emulator.control import ControlPlane

LAN = int(IPAddress("10.0.4.10"))
LINK_LOCAL = int(IPAddress("169.254.169.1"))


def go(ec2: ControlPlane, packet: Packet, sender: str = "eni-web") -> Trace:
    tables = ec2.tables()
    return walk(tables, FlowState(), packet, origin_of(tables, sender), 0)[0]


@pytest.fixture
def ec2() -> ControlPlane:
    """The small world, and ``lan`` in a subnet that has no table of its own."""
    ec2 = world()
    ec2.create_subnet("vpc", "10.0.4.0/24", "us-east-1a", subnet_id="d")
    ec2.run_instances(instance_id="lan", subnet_id="d", security_group_ids=["web"], private_ip_address="10.0.4.10")
    return ec2


def table_of(ec2: ControlPlane, packet: Packet, sender: str) -> str:
    (step,) = [step for step in go(ec2, packet, sender).steps if step.gate == "route"]
    return step.component


@pytest.mark.fact("ROUTE-1")
def test_a_subnet_is_routed_by_its_own_table_and_else_by_the_main_one(ec2: ControlPlane) -> None:
    assert table_of(ec2, tcp(LAN, DB, 40000, 22), "eni-lan") == "rtb-main-vpc"
    ec2.associate_route_table("private", "d")
    assert table_of(ec2, tcp(LAN, DB, 40000, 22), "eni-lan") == "private"
    assert table_of(ec2, tcp(WEB, DB, 40000, 22), "eni-web") == "private"


@pytest.mark.fact("ROUTE-2")
def test_another_main_table_moves_the_subnets_without_one_of_their_own(ec2: ControlPlane) -> None:
    ec2.replace_route_table_association("private", vpc_id="vpc")
    assert table_of(ec2, tcp(LAN, S3, 40000, 443), "eni-lan") == "private"


@pytest.mark.fact("VPCE-GW-3")
def test_a_gateway_endpoint_serves_the_subnets_of_its_tables_only(ec2: ControlPlane) -> None:
    assert go(ec2, tcp(WEB, S3, 40000, 443)).ending == Delivered("s3")
    lost = Dropped(Reason.NO_ROUTE_TO_DESTINATION, "rtb-main-vpc")
    assert go(ec2, tcp(LAN, S3, 40000, 443), "eni-lan").ending == lost
    ec2.modify_vpc_endpoint("s3", add_route_table_ids=["rtb-main-vpc"])
    assert go(ec2, tcp(LAN, S3, 40000, 443), "eni-lan").ending == Delivered("s3")


@pytest.mark.fact("VPCE-GW-10")
def test_another_regions_service_is_not_in_the_list(ec2: ControlPlane) -> None:
    (block, *_) = built_in_prefix_list("eu-west-1", "s3").cidrs
    lost = Dropped(Reason.NO_ROUTE_TO_DESTINATION, "private")
    assert go(ec2, tcp(WEB, block.first + 10, 40000, 443)).ending == lost


@pytest.mark.fact("VPCE-GW-9", "ROUTE-3")
@pytest.mark.parametrize("cidr", ["52.216.0.0/24", "52.216.0.0/15"])
def test_a_longer_or_equal_static_route_wins_over_the_endpoints(ec2: ControlPlane, cidr: str) -> None:
    ec2.create_route("private", destination_cidr_block=cidr, vpc_peering_connection_id="pcx")
    refused = Dropped(Reason.PCX_REQUIRES_ADDRESS_IN_VPC_CIDR, "pcx", f"{cidr} -> pcx")
    assert go(ec2, tcp(WEB, S3, 40000, 443)).ending == refused


@pytest.mark.fact("VPCE-GW-8", "VPCE-GW-9", "ROUTE-4")
@pytest.mark.parametrize("cidr", ["0.0.0.0/0", "52.216.0.0/14"])
def test_the_endpoints_route_wins_over_shorter_ones(ec2: ControlPlane, cidr: str) -> None:
    ec2.create_route("private", destination_cidr_block=cidr, vpc_peering_connection_id="pcx")
    assert go(ec2, tcp(WEB, S3, 40000, 443)).ending == Delivered("s3")


@pytest.mark.fact("ROUTE-5")
@pytest.mark.parametrize("order", [("pl-1", "pl-2"), ("pl-2", "pl-1")])
def test_of_two_prefix_lists_the_lowest_id_wins_in_any_order(ec2: ControlPlane, order: tuple[str, str]) -> None:
    ec2.create_vpc("10.8.0.0/16", vpc_id="third")
    ec2.create_vpc_peering_connection("vpc", "third", vpc_peering_connection_id="other")
    targets = {"pl-1": "other", "pl-2": "pcx"}
    for name in order:
        ec2.create_managed_prefix_list(max_entries=1, entries=["10.7.0.0/16"], prefix_list_id=name)
        ec2.create_route("private", destination_prefix_list_id=name, vpc_peering_connection_id=targets[name])
    trace = go(ec2, tcp(WEB, int(IPAddress("10.7.0.1")), 40000, 443))
    assert trace.ending == Dropped(Reason.PCX_REQUIRES_ADDRESS_IN_VPC_CIDR, "other", "pl-1 (10.7.0.0/16) -> other")


@pytest.mark.fact("ROUTE-11")
def test_a_wider_route_does_not_lead_to_the_services_link_local_range(ec2: ControlPlane) -> None:
    ec2.create_route("private", destination_cidr_block="169.254.0.0/16", vpc_peering_connection_id="pcx")
    assert go(ec2, tcp(WEB, LINK_LOCAL, 40000, 443)).ending == Dropped(Reason.EMU_LINK_LOCAL, "eni-web")


@pytest.mark.fact("ROUTE-14")
def test_a_blackhole_does_not_fall_through_to_a_shorter_prefix(ec2: ControlPlane) -> None:
    ec2.create_vpc("10.8.0.0/16", vpc_id="third")
    ec2.create_vpc_peering_connection("vpc", "third", vpc_peering_connection_id="other")
    ec2.create_route("private", destination_cidr_block="10.0.0.0/8", vpc_peering_connection_id="pcx")
    ec2.create_route("private", destination_cidr_block="10.8.0.0/16", vpc_peering_connection_id="other")
    ec2.delete_vpc_peering_connection("other")
    ending = go(ec2, tcp(WEB, int(IPAddress("10.8.0.1")), 40000, 443)).ending
    assert ending == Dropped(Reason.BAD_STATE_ROUTE, "private", "10.8.0.0/16 -> other (blackhole)")


@pytest.mark.fact("ROUTE-20", "NACL-1")
def test_inside_a_subnet_neither_a_deny_all_list_nor_a_route_is_met(ec2: ControlPlane) -> None:
    ec2.create_network_acl("vpc", network_acl_id="closed")
    ec2.replace_network_acl_association("closed", "a")
    ec2.authorize_security_group_ingress("web", ip_protocol="tcp", cidr_ip="10.0.1.0/24")
    for there, ending in ((PEER, Delivered("eni-peer")), (API_A, Delivered("eni-api-us-east-1a"))):
        trace = go(ec2, tcp(WEB, there, 40000, 443))
        assert trace.ending == ending
        assert not {"route", "network_acl_egress", "network_acl_ingress"} & {step.gate for step in trace.steps}
    assert go(ec2, tcp(WEB, DB, 40000, 5432)).ending == Dropped(Reason.SUBNET_ACL_RESTRICTION, "closed", "*")


@pytest.mark.fact("NACL-3")
def test_a_default_list_lets_everything_pass_and_a_custom_one_nothing(ec2: ControlPlane) -> None:
    assert go(ec2, tcp(WEB, DB, 40000, 5432)).ending == Delivered("eni-db")
    ec2.create_network_acl("vpc", network_acl_id="new")
    ec2.replace_network_acl_association("new", "b")
    assert go(ec2, tcp(WEB, DB, 40000, 5432)).ending == Dropped(Reason.SUBNET_ACL_RESTRICTION, "new", "*")
