"""Route tables, peering connections and prefix lists."""

from __future__ import annotations

import pytest
from netaddr import IPNetwork

from emulator.control import ControlPlane, Ec2Error
from emulator.model.resources import PeeringState, PrefixList, RouteOrigin, RouteState
from emulator.model.settings import Settings
from tests.control.planes import S3, S3_LIST, small_plane


def routes(plane: ControlPlane, table: str) -> list[tuple[str, str, str]]:
    return [(route.destination, route.target, route.state) for route in plane.route_tables[table].routes]


@pytest.fixture
def peered(plane: ControlPlane) -> ControlPlane:
    plane.create_vpc_peering_connection("main", "far", vpc_peering_connection_id="pcx")
    return plane


@pytest.mark.fact("ROUTE-1")
def test_a_subnet_uses_the_main_table_until_it_gets_its_own(plane: ControlPlane):
    assert plane.subnets["a"].route_table_id == "private"
    assert plane.subnets["b"].route_table_id is None
    plane.disassociate_route_table("a")
    assert plane.subnets["a"].route_table_id is None
    plane.replace_route_table_association("private", subnet_id="b")
    assert plane.subnets["b"].route_table_id == "private"


@pytest.mark.fact("ROUTE-2")
def test_another_table_can_be_made_the_main_one(plane: ControlPlane):
    plane.replace_route_table_association("private", vpc_id="main")
    assert plane.vpcs["main"].main_route_table_id == "private"
    plane.delete_route_table("rtb-main-main")  # now a custom one
    with pytest.raises(Ec2Error, match="main route table") as refusal:
        plane.delete_route_table("private")
    assert refusal.value.code == "DependencyViolation"


@pytest.mark.fact("ROUTE-12", "ROUTE-15")
def test_a_route_to_a_peer_is_canonicalised_and_active(peered: ControlPlane):
    route = peered.create_route("private", destination_cidr_block="10.9.0.18/18", vpc_peering_connection_id="pcx")
    assert (route.destination, route.state, route.origin) == (
        "10.9.0.0/18",
        RouteState.ACTIVE,
        RouteOrigin.CREATE_ROUTE,
    )
    assert routes(peered, "private")[1:] == [("10.9.0.0/18", "pcx", "active")]
    peered.delete_route("private", destination_cidr_block="10.9.0.0/18")
    assert routes(peered, "private") == [("10.0.0.0/16", "local", "active")]


@pytest.mark.fact("ROUTE-9", "ROUTE-11")
def test_a_wider_route_than_local_or_link_local_is_accepted(peered: ControlPlane):
    for cidr in ("10.0.0.0/8", "169.254.0.0/16", "0.0.0.0/0"):
        peered.create_route("private", destination_cidr_block=cidr, vpc_peering_connection_id="pcx")
    assert len(routes(peered, "private")) == 4


@pytest.mark.fact("ROUTE-14")
def test_routes_turn_to_blackholes_with_their_peering(peered: ControlPlane):
    peered.create_route("private", destination_cidr_block="10.9.0.0/16", vpc_peering_connection_id="pcx")
    peered.delete_vpc_peering_connection("pcx")
    assert routes(peered, "private")[1:] == [("10.9.0.0/16", "pcx", "blackhole")]
    assert peered.vpc_peering_connections["pcx"].status is PeeringState.DELETED
    peered.create_vpc_peering_connection("main", "far", vpc_peering_connection_id="again")
    peered.replace_route("private", destination_cidr_block="10.9.0.0/16", vpc_peering_connection_id="again")
    assert routes(peered, "private")[1:] == [("10.9.0.0/16", "again", "active")]


def test_deleting_a_vpc_ends_its_peering(plane: ControlPlane):
    plane.create_vpc("10.5.0.0/16", vpc_id="gone")
    plane.create_vpc_peering_connection("main", "gone", vpc_peering_connection_id="pcx")
    plane.create_route("private", destination_cidr_block="10.5.0.0/16", vpc_peering_connection_id="pcx")
    plane.delete_vpc("gone")
    assert routes(plane, "private")[1:] == [("10.5.0.0/16", "pcx", "blackhole")]


@pytest.mark.fact("EDGE-2")
def test_a_pending_peering_is_a_blackhole_until_it_is_accepted(plane: ControlPlane):
    plane.create_vpc_peering_connection("main", "far", vpc_peering_connection_id="pcx", auto_accept=False)
    assert plane.vpc_peering_connections["pcx"].status is PeeringState.PENDING_ACCEPTANCE
    plane.create_route("private", destination_cidr_block="10.9.0.0/16", vpc_peering_connection_id="pcx")
    assert routes(plane, "private")[1:] == [("10.9.0.0/16", "pcx", "blackhole")]
    plane.accept_vpc_peering_connection("pcx")
    assert routes(plane, "private")[1:] == [("10.9.0.0/16", "pcx", "active")]


@pytest.mark.fact("EDGE-2", "ERR-26")
def test_a_rejected_peering_may_be_asked_for_again(plane: ControlPlane):
    plane.create_vpc_peering_connection("main", "far", vpc_peering_connection_id="pcx", auto_accept=False)
    plane.reject_vpc_peering_connection("pcx")
    for verb in ("accept", "reject", "delete"):
        with pytest.raises(Ec2Error) as refusal:
            getattr(plane, f"{verb}_vpc_peering_connection")("pcx")
        assert refusal.value.code == "InvalidStateTransition"
    plane.create_vpc_peering_connection("far", "main")


@pytest.mark.fact("ROUTE-8")
def test_a_local_route_can_only_be_restored_to_local(plane: ControlPlane):
    before = routes(plane, "private")
    plane.replace_route("private", destination_cidr_block="10.0.0.0/16", local_target=True)
    assert routes(plane, "private") == before


LOCAL = {"destination_cidr_block": "10.0.0.0/16"}
REFUSALS = [
    pytest.param(
        "create_route",
        {"destination_cidr_block": "10.0.1.0/24", "vpc_peering_connection_id": "pcx"},
        "InvalidParameterValue",
        "destination_cidr_block",
        "equal to or more specific than one of this VPC's CIDR blocks",
        marks=pytest.mark.fact("ROUTE-9", "ERR-20"),
    ),  # ERR-20
    pytest.param(
        "create_route",
        {**LOCAL, "vpc_peering_connection_id": "pcx"},
        "InvalidParameterValue",
        "destination_cidr_block",
        "can target only an interface or an instance",
        marks=pytest.mark.fact("ROUTE-9", "ERR-20"),
    ),
    pytest.param(
        "create_route",
        {"destination_cidr_block": "169.254.169.254/32", "vpc_peering_connection_id": "pcx"},
        "InvalidParameterValue",
        "destination_cidr_block",
        "169.254.168.0/22",
        marks=pytest.mark.fact("ROUTE-11"),
    ),  # ROUTE-11
    pytest.param(
        "create_route",
        {"destination_cidr_block": "169.254.168.0/22", "vpc_peering_connection_id": "pcx"},
        "InvalidParameterValue",
        "destination_cidr_block",
        "169.254.168.0/22",
        marks=pytest.mark.fact("ROUTE-11"),
    ),
    pytest.param(
        "create_route",
        {"destination_cidr_block": "10.8.0.0/16", "vpc_peering_connection_id": "pcx"},
        "RouteAlreadyExists",
        "destination_cidr_block",
        "The route identified by 10.8.0.0/16 already exists.",
        marks=pytest.mark.fact("ERR-23"),
    ),  # ERR-23
    ("create_route", {"destination_cidr_block": "0.0.0.0/0"}, "MissingParameter", None, "exactly one target"),
    pytest.param(
        "create_route",
        {"destination_cidr_block": "0.0.0.0/0", "gateway_id": "igw-1", "nat_gateway_id": "nat-1"},
        "InvalidParameterCombination",
        None,
        "exactly one target",
        marks=pytest.mark.fact("ROUTE-12"),
    ),
    ("create_route", {"vpc_peering_connection_id": "pcx"}, "MissingParameter", None, "destinationCidrBlock"),
    (
        "create_route",
        {
            "destination_cidr_block": "0.0.0.0/0",
            "destination_prefix_list_id": S3_LIST,
            "vpc_peering_connection_id": "pcx",
        },
        "InvalidParameterCombination",
        None,
        "exactly one",
    ),
    pytest.param(
        "create_route",
        {"destination_prefix_list_id": "pl-none", "vpc_peering_connection_id": "pcx"},
        "InvalidPrefixListID.NotFound",
        "destination_prefix_list_id",
        "pl-none",
        marks=pytest.mark.fact("ERR-23"),
    ),
    pytest.param(
        "create_route",
        {"destination_cidr_block": "0.0.0.0/0", "vpc_peering_connection_id": "none"},
        "InvalidVpcPeeringConnectionID.NotFound",
        "vpc_peering_connection_id",
        "none",
        marks=pytest.mark.fact("ERR-26"),
    ),
    (
        "create_route",
        {"destination_cidr_block": "0.0.0.0/0", "gateway_id": "igw-1"},
        "InvalidInternetGatewayID.NotFound",
        "gateway_id",
        "The internetGateway ID 'igw-1' does not exist",
    ),
    (
        "create_route",
        {"destination_cidr_block": "0.0.0.0/0", "nat_gateway_id": "nat-1"},
        "NatGatewayNotFound",
        "nat_gateway_id",
        "nat-1",
    ),
    (
        "create_route",
        {"destination_cidr_block": "0.0.0.0/0", "transit_gateway_id": "tgw-1"},
        "InvalidTransitGatewayID.NotFound",
        "transit_gateway_id",
        "tgw-1",
    ),
    (
        "create_route",
        {"destination_cidr_block": "0.0.0.0/0", "network_interface_id": "eni-1"},
        "InvalidNetworkInterfaceID.NotFound",
        "network_interface_id",
        "eni-1",
    ),
    (
        "create_route",
        {"destination_cidr_block": "0.0.0.0/0", "gateway_id": "vgw-1"},
        "InvalidVpnGatewayID.NotFound",
        "gateway_id",
        "vgw-1",
    ),
    (
        "create_route",
        {"destination_cidr_block": "0.0.0.0/0", "carrier_gateway_id": "cagw-1"},
        "UnsupportedOperation",
        "carrier_gateway_id",
        "UNSUPPORTED_COMPONENT: carrier gateways are not modelled (cagw-1)",
    ),
    (
        "create_route",
        {"destination_cidr_block": "0.0.0.0/0", "core_network_arn": "arn:aws:networkmanager::1:core-network/c"},
        "UnsupportedOperation",
        "core_network_arn",
        "UNSUPPORTED_COMPONENT: core networks",
    ),
    (
        "create_route",
        {"destination_cidr_block": "0.0.0.0/0", "gateway_id": "local"},
        "InvalidParameterValue",
        "gateway_id",
        "local routes",
    ),
    (
        "create_route",
        {"destination_ipv6_cidr_block": "::/0", "vpc_peering_connection_id": "pcx"},
        "UnsupportedOperation",
        "destination_ipv6_cidr_block",
        "UNSUPPORTED_COMPONENT",
    ),
    (
        "create_route",
        {"destination_prefix_list_id": S3_LIST, "vpc_endpoint_id": "s3"},
        "RouteAlreadyExists",
        "destination_prefix_list_id",
        "already exists",
    ),
    pytest.param(
        "create_route",
        {"destination_prefix_list_id": "pl-02cd2c6b", "vpc_endpoint_id": "s3"},
        "InvalidParameterValue",
        "vpc_endpoint_id",
        "Cannot create or replace a prefix list route targeting a VPC Endpoint.",
        marks=pytest.mark.fact("ERR-22"),
    ),  # ERR-22
    pytest.param(
        "create_route",
        {"destination_cidr_block": "0.0.0.0/0", "vpc_endpoint_id": "s3"},
        "RouteNotSupported",
        "vpc_endpoint_id",
        "unsupported route target: s3",
        marks=pytest.mark.fact("ERR-22", "ROUTE-13"),
    ),  # ERR-22
    pytest.param(
        "create_route",
        {"destination_cidr_block": "0.0.0.0/0", "gateway_id": "s3"},
        "RouteNotSupported",
        "gateway_id",
        "unsupported route target: s3",
        marks=pytest.mark.fact("ERR-22", "ROUTE-13"),
    ),
    pytest.param(
        "create_route",
        {"destination_cidr_block": "0.0.0.0/0", "vpc_endpoint_id": "none"},
        "InvalidVpcEndpointId.NotFound",
        "vpc_endpoint_id",
        "none",
        marks=pytest.mark.fact("ERR-1"),
    ),
    pytest.param(
        "replace_route",
        {"destination_cidr_block": "10.7.0.0/16", "vpc_peering_connection_id": "pcx"},
        "InvalidRoute.NotFound",
        "destination_cidr_block",
        "10.7.0.0/16",
        marks=pytest.mark.fact("ERR-23"),
    ),
    pytest.param(
        "replace_route",
        {"destination_prefix_list_id": S3_LIST, "vpc_peering_connection_id": "pcx"},
        "InvalidParameterValue",
        "destination_prefix_list_id",
        "Cannot create or replace a prefix list route",
        marks=pytest.mark.fact("VPCE-GW-4", "ERR-22"),
    ),  # VPCE-GW-4
    (
        "replace_route",
        {**LOCAL, "vpc_peering_connection_id": "pcx"},
        "InvalidParameterValue",
        "destination_cidr_block",
        "can target only",
    ),
    (
        "replace_route",
        {"destination_cidr_block": "10.8.0.0/16", "local_target": True},
        "InvalidParameterValue",
        "local_target",
        "not a local route",
    ),
    pytest.param(
        "delete_route",
        LOCAL,
        "InvalidParameterValue",
        "destination_cidr_block",
        "cannot remove local route 10.0.0.0/16",
        marks=pytest.mark.fact("ROUTE-8"),
    ),  # ROUTE-8
    pytest.param(
        "delete_route",
        {"destination_prefix_list_id": S3_LIST},
        "InvalidParameterValue",
        "destination_prefix_list_id",
        "cannot remove VPC endpoint route s3",
        marks=pytest.mark.fact("VPCE-GW-4", "ERR-21"),
    ),  # ERR-21
    (
        "delete_route",
        {"destination_cidr_block": "10.7.0.0/16"},
        "InvalidRoute.NotFound",
        "destination_cidr_block",
        "10.7.0.0/16",
    ),
]


@pytest.mark.parametrize(("verb", "named", "code", "parameter", "text"), REFUSALS)
def test_what_routes_are_refused(peered: ControlPlane, verb, named, code, parameter, text):
    peered.create_route("private", destination_cidr_block="10.8.0.0/16", vpc_peering_connection_id="pcx")
    peered.create_vpc_endpoint("main", S3, vpc_endpoint_id="s3", route_table_ids=["private"])
    before = routes(peered, "private")
    with pytest.raises(Ec2Error) as refusal:
        getattr(peered, verb)("private", **named)
    assert (refusal.value.code, refusal.value.parameter) == (code, parameter)
    assert text in refusal.value.message
    assert routes(peered, "private") == before


@pytest.mark.parametrize(
    ("verb", "arguments", "named", "code"),
    [
        ("associate_route_table", ("far-table", "b"), {}, "InvalidParameterValue"),
        ("associate_route_table", ("private", "a"), {}, "Resource.AlreadyAssociated"),
        pytest.param(
            "associate_route_table", ("none", "a"), {}, "InvalidRouteTableID.NotFound", marks=pytest.mark.fact("ERR-23")
        ),
        ("disassociate_route_table", ("b",), {}, "InvalidAssociationID.NotFound"),
        ("replace_route_table_association", ("far-table",), {"vpc_id": "main"}, "InvalidParameterValue"),
        ("replace_route_table_association", ("private",), {}, "InvalidParameterCombination"),
        pytest.param(
            "delete_route_table", ("private",), {}, "DependencyViolation", marks=pytest.mark.fact("ROUTE-2", "ERR-26")
        ),
        pytest.param(
            "delete_route_table",
            ("rtb-main-main",),
            {},
            "DependencyViolation",
            marks=pytest.mark.fact("ROUTE-2", "ERR-26"),
        ),
        ("create_vpc_peering_connection", ("main", "main"), {}, "InvalidParameterValue"),
        ("create_vpc_peering_connection", ("main", "none"), {}, "InvalidVpcID.NotFound"),
    ],
)
def test_what_tables_and_peerings_are_refused(plane: ControlPlane, verb, arguments, named, code):
    with pytest.raises(Ec2Error) as refusal:
        getattr(plane, verb)(*arguments, **named)
    assert refusal.value.code == code


@pytest.mark.fact("EDGE-2")
def test_two_vpcs_have_one_peering_and_no_overlap(peered: ControlPlane):
    with pytest.raises(Ec2Error) as refusal:
        peered.create_vpc_peering_connection("far", "main")
    assert refusal.value.code == "VpcPeeringConnectionAlreadyExists"
    peered.create_vpc("10.0.128.0/17", vpc_id="twin")
    with pytest.raises(Ec2Error, match="Overlapping CIDR range"):
        peered.create_vpc_peering_connection("twin", "main")
    with pytest.raises(Ec2Error, match="overlaps with the VPC far"):
        peered.associate_vpc_cidr_block("main", "10.9.128.0/17")


def test_a_route_of_another_vpcs_peering_is_refused(peered: ControlPlane):
    peered.create_vpc("10.5.0.0/16", vpc_id="third")
    with pytest.raises(Ec2Error, match="belong to different networks"):
        peered.create_route("rtb-main-third", destination_cidr_block="10.0.0.0/16", vpc_peering_connection_id="pcx")


@pytest.mark.fact("ROUTE-16", "ROUTE-17", "ERR-23")
def test_routes_are_limited_and_prefix_lists_count_their_weight():
    plane = small_plane(Settings(routes_per_table=5))
    plane.create_vpc_peering_connection("main", "far", vpc_peering_connection_id="pcx")
    plane.create_managed_prefix_list(max_entries=4, entries=["192.168.0.0/24"], prefix_list_id="pl-own")
    plane.create_route("private", destination_prefix_list_id="pl-own", vpc_peering_connection_id="pcx")
    plane.create_vpc_endpoint("main", S3, route_table_ids=["private"])  # an AWS list weighs what AWS says: 1
    with pytest.raises(Ec2Error) as refusal:
        plane.create_route("private", destination_cidr_block="10.9.0.0/16", vpc_peering_connection_id="pcx")
    assert refusal.value.code == "RouteLimitExceeded"
    with pytest.raises(Ec2Error) as refusal:
        plane.modify_managed_prefix_list("pl-own", max_entries=5)
    assert refusal.value.code == "RouteLimitExceeded"
    assert plane.prefix_lists["pl-own"].max_entries == 4


@pytest.mark.fact("ROUTE-1", "ERR-23")
def test_a_vpc_has_at_most_two_hundred_tables(plane: ControlPlane):
    for _ in range(198):
        plane.create_route_table("main")
    with pytest.raises(Ec2Error) as refusal:
        plane.create_route_table("main")
    assert refusal.value.code == "RouteTableLimitExceeded"


def test_a_prefix_list_changes_and_goes(plane: ControlPlane):
    plane.create_managed_prefix_list(
        max_entries=3, entries=["10.0.0.0/8"], prefix_list_id="pl-own", prefix_list_name="n"
    )
    plane.modify_managed_prefix_list("pl-own", add_entries=["10.1.0.7/16"], remove_entries=["10.0.0.0/8"])
    assert plane.prefix_lists["pl-own"].cidrs == (IPNetwork("10.1.0.0/16"),)
    plane.authorize_security_group_egress("web", ip_protocol="tcp", prefix_list_id="pl-own")
    with pytest.raises(Ec2Error, match=r"\(web\)") as refusal:
        plane.delete_managed_prefix_list("pl-own")
    assert refusal.value.code == "DependencyViolation"
    plane.revoke_security_group_egress("web", ip_protocol="tcp", prefix_list_id="pl-own")
    plane.delete_managed_prefix_list("pl-own")
    assert "pl-own" not in plane.prefix_lists


@pytest.mark.parametrize(
    ("verb", "arguments", "named", "code"),
    [
        (
            "create_managed_prefix_list",
            (),
            {"max_entries": 1, "entries": ["10.0.0.0/8", "11.0.0.0/8"]},
            "PrefixListMaxEntriesExceeded",
        ),
        (
            "create_managed_prefix_list",
            (),
            {"max_entries": 2, "entries": ["10.0.0.0/8", "10.1.0.0/8"]},
            "InvalidParameterValue",
        ),
        pytest.param(
            "create_managed_prefix_list",
            (),
            {"max_entries": 1001},
            "InvalidParameterValue",
            marks=pytest.mark.fact("ROUTE-17"),
        ),
        ("modify_managed_prefix_list", ("pl-none",), {}, "InvalidPrefixListID.NotFound"),
        ("modify_managed_prefix_list", (S3_LIST,), {"add_entries": ["10.0.0.0/8"]}, "OperationNotPermitted"),
        ("delete_managed_prefix_list", (S3_LIST,), {}, "OperationNotPermitted"),
    ],
)
def test_what_prefix_lists_are_refused(plane: ControlPlane, verb, arguments, named, code):
    with pytest.raises(Ec2Error) as refusal:
        getattr(plane, verb)(*arguments, **named)
    assert refusal.value.code == code


@pytest.mark.fact("VPCE-GW-2")
def test_the_seeds_list_is_built_in_and_its_blocks_can_be_replaced(plane: ControlPlane):
    built_in = plane.prefix_lists[S3_LIST]
    assert built_in.prefix_list_name == S3
    assert [str(cidr) for cidr in built_in.cidrs] == ["54.231.0.0/17", "52.216.0.0/15", "3.5.16.0/21", "3.5.0.0/20"]
    assert all(any(host in cidr for cidr in built_in.cidrs) for host in plane.services[S3].public_addresses)
    todays = PrefixList(S3_LIST, S3, (IPNetwork("18.34.0.0/19"),), 1)
    plane.register_prefix_list(todays)
    assert plane.prefix_lists[S3_LIST] == todays
    assert [str(host) for host in plane.services[S3].public_addresses] == ["18.34.0.10"]


def test_other_regions_have_lists_of_their_own():
    lists = {
        ControlPlane(region).services[f"com.amazonaws.{region}.s3"].prefix_list_id
        for region in ("eu-west-1", "eu-west-2")
    }
    assert len(lists) == 2
    assert S3_LIST not in lists
