"""Where routes may lead, what replaces ``local``, and gateway route tables."""

from __future__ import annotations

import pytest

from emulator.control import ControlPlane, Ec2Error
from emulator.model.resources import Route, RouteOrigin
from emulator.model.settings import Settings
from emulator.model.transit_gateways import AttachmentState
from tests.control.planes import METERING, S3_LIST, small_plane


def refused(call, code: str, text: str = "", parameter: str | None = "any") -> None:
    with pytest.raises(Ec2Error) as refusal:
        call()
    assert refusal.value.code == code
    assert text in refusal.value.message
    assert parameter in ("any", refusal.value.parameter)


def route_to(plane: ControlPlane, destination: str, table: str = "private") -> Route:
    return next(route for route in plane.route_tables[table].routes if route.destination == destination)


@pytest.fixture
def net(plane: ControlPlane) -> ControlPlane:
    """VPC ``main`` with an internet gateway, a VPN gateway, a private NAT gateway and a middlebox ``box``."""
    plane.create_internet_gateway(internet_gateway_id="igw", vpc_id="main")
    plane.create_vpn_gateway(vpn_gateway_id="vgw", vpc_id="main")
    plane.create_nat_gateway("b", nat_gateway_id="nat", connectivity_type="private")
    plane.run_instances(instance_id="box", subnet_id="a2", source_dest_check=False, forwards=True)
    plane.create_transit_gateway(transit_gateway_id="tgw")
    plane.create_transit_gateway_vpc_attachment(
        "tgw", "main", subnet_ids=["b"], transit_gateway_attachment_id="attached"
    )
    return plane


@pytest.mark.fact("ROUTE-13")
@pytest.mark.parametrize(
    ("parameter", "written", "kept"),
    [
        ("gateway_id", "igw", "igw"),
        ("gateway_id", "vgw", "vgw"),
        ("nat_gateway_id", "nat", "nat"),
        ("network_interface_id", "eni-box", "eni-box"),
        ("instance_id", "box", "eni-box"),
        ("transit_gateway_id", "tgw", "tgw"),
    ],
)
def test_each_kind_of_target_can_be_routed_to(net: ControlPlane, parameter, written, kept) -> None:
    route = net.create_route("private", destination_cidr_block="0.0.0.0/0", **{parameter: written})
    assert (route.target, route.state, route.origin) == (kept, "active", RouteOrigin.CREATE_ROUTE)
    other = net.replace_route("private", destination_cidr_block="0.0.0.0/0", gateway_id="igw")
    assert route_to(net, "0.0.0.0/0") == other


@pytest.mark.fact("ROUTE-13")
def test_an_interface_endpoint_is_no_target_by_its_id_nor_by_its_interface(net: ControlPlane) -> None:
    net.create_vpc_endpoint("main", METERING, vpc_endpoint_id="e", vpc_endpoint_type="Interface", subnet_ids=["a"])
    anywhere = {"destination_cidr_block": "0.0.0.0/0"}
    refused(lambda: net.create_route("private", **anywhere, vpc_endpoint_id="e"), "RouteNotSupported")
    eni = "eni-e-us-east-1a"
    refused(lambda: net.create_route("private", **anywhere, network_interface_id=eni), "RouteNotSupported", eni)


@pytest.mark.fact("ROUTE-13")
@pytest.mark.parametrize(
    "parameter",
    ["egress_only_internet_gateway_id", "local_gateway_id", "carrier_gateway_id", "core_network_arn"],
)
def test_targets_that_are_not_modelled_are_refused_by_name(net: ControlPlane, parameter) -> None:
    call = {"destination_cidr_block": "0.0.0.0/0", parameter: "x-1"}
    refused(lambda: net.create_route("private", **call), "UnsupportedOperation", "UNSUPPORTED_COMPONENT", parameter)


def test_an_instance_with_two_interfaces_is_no_target(net: ControlPlane) -> None:
    net.create_network_interface("a", network_interface_id="second")
    net.attach_network_interface("second", "box")
    call = {"destination_cidr_block": "0.0.0.0/0", "instance_id": "box"}
    refused(lambda: net.create_route("private", **call), "InvalidInstanceID", "multiple interfaces")


def test_a_transit_gateway_is_there_once_the_vpc_is_attached(net: ControlPlane) -> None:
    call = {"destination_cidr_block": "0.0.0.0/0", "transit_gateway_id": "tgw"}
    refused(lambda: net.create_route("far-table", **call), "InvalidTransitGatewayID.NotFound", "far is not attached")
    net.create_route("private", **call)
    net.set_transit_gateway_attachment_state("attached", AttachmentState.FAILED)
    assert route_to(net, "0.0.0.0/0").state == "blackhole"  # ROUTE-14


@pytest.mark.fact("ROUTE-14")
def test_a_route_to_an_interface_is_active_while_a_running_instance_has_it(net: ControlPlane) -> None:
    net.create_network_interface("a", network_interface_id="spare")
    net.create_route("private", destination_cidr_block="0.0.0.0/0", network_interface_id="spare")
    states = [route_to(net, "0.0.0.0/0").state]
    for verb, arguments in (
        ("attach_network_interface", ("spare", "box")),
        ("stop_instances", ("box",)),
        ("start_instances", ("box",)),
        ("detach_network_interface", ("spare",)),
        ("attach_network_interface", ("spare", "box")),
        ("terminate_instances", ("box",)),
        ("delete_network_interface", ("spare",)),
    ):
        getattr(net, verb)(*arguments)
        states.append(route_to(net, "0.0.0.0/0").state)
    active, hole = "active", "blackhole"
    assert states == [hole, active, hole, active, hole, active, hole, hole]


# -- inside the VPC's own blocks --------------------------------------------------------


@pytest.mark.fact("ROUTE-8")
def test_the_target_of_local_can_be_replaced_and_restored(net: ControlPlane) -> None:
    local = {"destination_cidr_block": "10.0.0.0/16"}
    for target in ({"network_interface_id": "eni-box"}, {"nat_gateway_id": "nat"}, {"instance_id": "box"}):
        assert net.replace_route("private", **local, **target).origin is RouteOrigin.CREATE_ROUTE_TABLE
    assert route_to(net, "10.0.0.0/16").target == "eni-box"
    refused(lambda: net.delete_route("private", **local), "InvalidParameterValue", "cannot remove local route")
    refused(
        lambda: net.replace_route("private", **local, gateway_id="igw"), "InvalidParameterValue", "only an interface"
    )
    net.replace_route("private", **local, local_target=True)
    assert route_to(net, "10.0.0.0/16") == Route(
        "local", route_to(net, "10.0.0.0/16").destination_cidr_block, origin=RouteOrigin.CREATE_ROUTE_TABLE
    )
    assert net.routes_used(net.route_tables["private"].routes) == 0


@pytest.mark.fact("ROUTE-9", "ERR-20")
def test_a_route_inside_local_is_a_whole_subnet_to_an_interface_or_nat_gateway(net: ControlPlane) -> None:
    whole, part = {"destination_cidr_block": "10.0.2.0/24"}, {"destination_cidr_block": "10.0.2.0/25"}
    net.create_route("private", **whole, network_interface_id="eni-box")
    net.replace_route("private", **whole, nat_gateway_id="nat")
    text = (
        "The destination CIDR block 10.0.2.0/24 is equal to or more specific than one of this VPC's CIDR blocks. "
        "This route can target only an interface or an instance."
    )
    for target in ({"gateway_id": "igw"}, {"gateway_id": "vgw"}, {"transit_gateway_id": "tgw"}):
        refused(lambda target=target: net.replace_route("private", **whole, **target), "InvalidParameterValue", text)
    refused(
        lambda: net.create_route("private", **part, instance_id="box"),
        "InvalidParameterValue",
        "must equal the CIDR block of one of this VPC's subnets",
        "destination_cidr_block",
    )


# -- gateway route tables ---------------------------------------------------------------


@pytest.fixture
def edge(net: ControlPlane) -> ControlPlane:
    net.create_route_table("main", route_table_id="edge")
    return net


@pytest.mark.fact("ROUTE-18")
@pytest.mark.parametrize("gateway", ["igw", "vgw"])
def test_a_gateway_route_table_leads_whole_subnets_to_an_interface(edge: ControlPlane, gateway) -> None:
    edge.create_route("edge", destination_cidr_block="10.0.2.0/24", network_interface_id="eni-box")
    edge.associate_route_table("edge", gateway_id=gateway)
    assert edge.route_tables["edge"].gateway_id == gateway
    edge.replace_route("edge", destination_cidr_block="10.0.0.0/16", network_interface_id="eni-box")
    refused(lambda: edge.delete_route_table("edge"), "DependencyViolation", gateway)  # ROUTE-2
    edge.disassociate_route_table(gateway_id=gateway)
    edge.delete_route_table("edge")


@pytest.mark.fact("ROUTE-18")
@pytest.mark.parametrize(
    ("route", "text"),
    [
        ({"destination_cidr_block": "0.0.0.0/0", "instance_id": "box"}, "unsupported route destination: 0.0.0.0/0"),
        ({"destination_prefix_list_id": S3_LIST, "instance_id": "box"}, "Prefix lists cannot be used"),
        ({"destination_cidr_block": "10.0.2.0/24", "nat_gateway_id": "nat"}, "unsupported route target: nat"),
        ({"destination_cidr_block": "192.168.0.0/16", "gateway_id": "vgw"}, "unsupported route destination"),
    ],
)
def test_other_routes_are_refused_in_a_gateway_route_table_before_and_after(edge: ControlPlane, route, text) -> None:
    edge.create_route("edge", **route)
    refused(lambda: edge.associate_route_table("edge", gateway_id="igw"), "RouteNotSupported", text, "route_table_id")
    edge.create_route_table("main", route_table_id="ruling")
    edge.associate_route_table("ruling", gateway_id="igw")
    refused(lambda: edge.create_route("ruling", **route), "RouteNotSupported", text)


@pytest.mark.fact("ROUTE-2", "ROUTE-18")
def test_a_gateway_route_table_is_custom_alone_and_without_propagation(edge: ControlPlane) -> None:
    refused(
        lambda: edge.associate_route_table("rtb-main-main", gateway_id="igw"),
        "InvalidParameterValue",
        "main route table",
    )
    edge.enable_vgw_route_propagation("vgw", "edge")
    refused(lambda: edge.associate_route_table("edge", gateway_id="igw"), "InvalidParameterValue", "propagation")
    edge.disable_vgw_route_propagation("vgw", "edge")
    edge.associate_route_table("edge", gateway_id="igw")
    refused(lambda: edge.enable_vgw_route_propagation("vgw", "edge"), "InvalidParameterValue")
    refused(
        lambda: edge.replace_route_table_association("edge", vpc_id="main"),
        "InvalidParameterValue",
        "cannot be the main",
    )
    edge.create_route_table("main", route_table_id="second")
    refused(lambda: edge.associate_route_table("second", gateway_id="igw"), "Resource.AlreadyAssociated")
    edge.create_internet_gateway(internet_gateway_id="idle")
    refused(lambda: edge.associate_route_table("second", gateway_id="idle"), "Gateway.NotAttached")
    edge.detach_internet_gateway("igw", "main")
    assert edge.route_tables["edge"].gateway_id is None


# -- registered routes and quotas -------------------------------------------------------


@pytest.mark.fact("ROUTE-14")
def test_a_route_as_found_in_an_account_may_lead_to_what_is_gone_or_not_modelled(net: ControlPlane) -> None:
    hole = net.register_route("private", "nat-gone", destination_cidr_block="10.7.0.1/16")
    assert (hole.destination, hole.state) == ("10.7.0.0/16", "blackhole")
    foreign = net.register_route("private", "eigw-1", destination_cidr_block="10.6.0.0/16", state="active")
    assert foreign.state == "active"
    refused(
        lambda: net.register_route("private", "igw", destination_cidr_block="10.5.0.0/16", state="active"),
        "InvalidParameterValue",
        "created by CreateRoute",
    )
    refused(
        lambda: net.register_route("private", "x", destination_cidr_block="10.7.0.0/16"), "RouteAlreadyExists", "10.7"
    )
    moved = net.register_route("private", "eni-gone", destination_cidr_block="10.0.0.0/16")
    assert moved.origin is RouteOrigin.CREATE_ROUTE_TABLE
    net.replace_route("private", destination_cidr_block="10.0.0.0/16", local_target=True)
    net.delete_route("private", destination_cidr_block="10.7.0.0/16")


@pytest.mark.fact("ROUTE-1", "ERR-23")
def test_route_tables_and_network_acls_are_counted_per_vpc() -> None:
    plane = small_plane(Settings(route_tables_per_vpc=3, network_acls_per_vpc=2))
    plane.create_route_table("main")
    refused(lambda: plane.create_route_table("main"), "RouteTableLimitExceeded", "(3)")
    plane.create_network_acl("main")
    refused(lambda: plane.create_network_acl("main"), "NetworkAclLimitExceeded", "(2)")
    plane.create_route_table("far")
