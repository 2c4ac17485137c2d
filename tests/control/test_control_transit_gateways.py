"""Transit gateways: attachments, their interfaces, tables, and the routes a table holds in the end."""

from __future__ import annotations

from dataclasses import replace

import pytest
from netaddr import IPNetwork

from emulator.control import ControlPlane, Ec2Error
from emulator.control.transit_routes import transit_routes
from emulator.model.edges import VpnConnection
from emulator.model.resources import InterfaceType, Route, RouteState
from emulator.model.transit_gateways import AttachmentState, AttachmentType
from tests.control.planes import small_plane, snapshot


@pytest.fixture
def plane() -> ControlPlane:
    """The transit gateway ``tgw`` with both VPCs attached as ``main-att`` and ``far-att``."""
    plane = small_plane()
    plane.create_subnet("far", "10.9.1.0/24", "us-east-1a", subnet_id="far-a")
    plane.create_transit_gateway(transit_gateway_id="tgw")
    attach(plane, "main", ["a", "b"])
    attach(plane, "far", ["far-a"])
    return plane


def attach(plane: ControlPlane, vpc: str, subnets: list[str], **more: object) -> None:
    named = {"transit_gateway_attachment_id": f"{vpc}-att", **more}
    plane.create_transit_gateway_vpc_attachment("tgw", vpc, subnets, **named)


def shown(plane: ControlPlane, table: str = "tgw-rtb-default-tgw") -> list[str]:
    """The entries of a table, one line each, in the order of a lookup."""
    routes = transit_routes(plane, plane.transit_gateway_route_tables[table])
    return [f"{route.destination} {route.transit_gateway_attachment_id} {route.kind} {route.state}" for route in routes]


@pytest.mark.fact("EDGE-3")
def test_a_vpc_attachment_has_an_interface_in_one_subnet_per_zone(plane: ControlPlane):
    attachment = plane.transit_gateway_attachments["main-att"]
    assert attachment.state is AttachmentState.AVAILABLE
    assert attachment.network_interface_ids == ("eni-main-att-us-east-1a", "eni-main-att-us-east-1b")
    eni = plane.network_interfaces["eni-main-att-us-east-1b"]
    assert (eni.subnet_id, eni.attachment, eni.groups) == ("b", "main-att", ())
    assert (eni.interface_type, eni.source_dest_check) == (InterfaceType.TRANSIT_GATEWAY, False)
    with pytest.raises(Ec2Error) as refusal:
        plane.modify_transit_gateway_vpc_attachment("main-att", add_subnet_ids=["a2"])
    assert (refusal.value.code, refusal.value.path) == ("DuplicateSubnetsInSameZone", (0,))


@pytest.mark.fact("EDGE-3")
def test_attachments_use_the_default_table_and_propagate_to_it(plane: ControlPlane):
    assert plane.transit_gateway_attachments["main-att"].route_table_id == "tgw-rtb-default-tgw"
    assert shown(plane) == ["10.0.0.0/16 main-att propagated-vpc active", "10.9.0.0/16 far-att propagated-vpc active"]
    plane.associate_vpc_cidr_block("far", "10.8.0.0/16")
    assert "10.8.0.0/16 far-att propagated-vpc active" in shown(plane)


def test_a_transit_gateway_may_have_no_default_table():
    plane = small_plane()
    gateway = plane.create_transit_gateway(
        transit_gateway_id="tgw", default_route_table_association=False, default_route_table_propagation=False
    )
    assert (gateway.association_default_route_table_id, gateway.propagation_default_route_table_id) == (None, None)
    attach(plane, "main", ["a"])
    assert plane.transit_gateway_attachments["main-att"].route_table_id is None
    assert not plane.transit_gateway_route_tables


@pytest.mark.fact("EDGE-3")
def test_a_vpc_with_overlapping_blocks_is_not_propagated(plane: ControlPlane):
    plane.create_vpc("10.9.128.0/17", vpc_id="twin")
    plane.create_subnet("twin", "10.9.128.0/24", "us-east-1a", subnet_id="twin-a")
    attach(plane, "twin", ["twin-a"])
    assert "twin-att" in plane.transit_gateway_route_tables["tgw-rtb-default-tgw"].propagations
    assert not [line for line in shown(plane) if "twin-att" in line]


@pytest.mark.fact("EDGE-3")
def test_the_longest_prefix_comes_first_then_static_then_vpc_then_vpn(plane: ControlPlane):
    plane.vpn_connections["vpn-1"] = VpnConnection(
        "vpn-1", "cgw", transit_gateway_id="tgw", routes=(IPNetwork("10.9.0.0/16"), IPNetwork("10.9.4.0/24"))
    )
    attachment = plane.register_transit_gateway_vpn_attachment("vpn-1")
    assert (attachment.transit_gateway_attachment_id, attachment.resource_type) == ("tgw-attach-vpn-1", "vpn")
    assert attachment.route_table_id == "tgw-rtb-default-tgw"
    plane.create_transit_gateway_route("tgw-rtb-default-tgw", "10.9.0.0/16", transit_gateway_attachment_id="main-att")
    assert shown(plane) == [
        "10.9.4.0/24 tgw-attach-vpn-1 propagated-vpn active",
        "10.0.0.0/16 main-att propagated-vpc active",
        "10.9.0.0/16 main-att static active",
        "10.9.0.0/16 far-att propagated-vpc active",
        "10.9.0.0/16 tgw-attach-vpn-1 propagated-vpn active",
    ]
    entries = transit_routes(plane, plane.transit_gateway_route_tables["tgw-rtb-default-tgw"])
    assert [entry.rank for entry in entries[2:]] == [0, 2, 5]


def test_what_a_vpn_learnt_goes_with_its_tunnels_and_what_is_static_stays(plane: ControlPlane):
    vpn = VpnConnection("vpn-1", "cgw", transit_gateway_id="tgw", routes=(IPNetwork("192.168.0.0/16"),))
    plane.vpn_connections["vpn-1"] = vpn
    plane.register_transit_gateway_vpn_attachment("vpn-1")
    line = "192.168.0.0/16 tgw-attach-vpn-1 propagated-vpn active"
    assert line in shown(plane)
    plane.vpn_connections["vpn-1"] = replace(vpn, tunnels_up=False)
    assert line not in shown(plane)
    plane.vpn_connections["vpn-1"] = replace(vpn, tunnels_up=False, static_routes_only=True)
    assert line in shown(plane)


@pytest.mark.fact("EDGE-3")
def test_a_vpn_connection_to_a_transit_gateway_brings_its_attachment_and_takes_it_along(plane: ControlPlane):
    plane.create_customer_gateway("203.0.113.9", customer_gateway_id="cgw")
    plane.create_vpn_connection("cgw", transit_gateway_id="tgw", vpn_connection_id="office", routes=["192.168.0.0/16"])
    assert "192.168.0.0/16 tgw-attach-office propagated-vpn active" in shown(plane)
    plane.delete_vpn_connection("office")
    assert "tgw-attach-office" not in plane.transit_gateway_attachments
    assert len(shown(plane)) == 2


def test_the_attachment_of_a_vpn_may_be_given_another_id(plane: ControlPlane):
    plane.vpn_connections["vpn-1"] = VpnConnection("vpn-1", "cgw", transit_gateway_id="tgw")
    plane.register_transit_gateway_vpn_attachment("vpn-1")
    plane.create_transit_gateway_route(
        "tgw-rtb-default-tgw", "0.0.0.0/0", transit_gateway_attachment_id="tgw-attach-vpn-1"
    )
    plane.register_transit_gateway_vpn_attachment("vpn-1", transit_gateway_attachment_id="office")
    assert "tgw-attach-vpn-1" not in plane.transit_gateway_attachments
    table = plane.transit_gateway_route_tables["tgw-rtb-default-tgw"]
    assert table.propagations == ("main-att", "far-att", "office")
    assert table.routes[0].transit_gateway_attachment_id == "office"


@pytest.mark.fact("EDGE-3")
def test_blackholes_are_kept_and_so_are_routes_to_what_is_gone(plane: ControlPlane):
    table = "tgw-rtb-default-tgw"
    plane.create_transit_gateway_route(table, "10.7.0.0/16", blackhole=True)
    plane.create_transit_gateway_route(table, "10.6.0.0/16", transit_gateway_attachment_id="far-att")
    plane.delete_transit_gateway_vpc_attachment("far-att")
    assert shown(plane) == [
        "10.0.0.0/16 main-att propagated-vpc active",
        "10.6.0.0/16 far-att static blackhole",
        "10.7.0.0/16 None static blackhole",
    ]
    assert "eni-far-att-us-east-1a" not in plane.network_interfaces
    plane.replace_transit_gateway_route(table, "10.6.0.0/16", transit_gateway_attachment_id="main-att")
    plane.delete_transit_gateway_route(table, "10.7.0.0/16")
    assert shown(plane) == [
        "10.0.0.0/16 main-att propagated-vpc active",
        "10.6.0.0/16 main-att static active",
    ]


@pytest.mark.fact("ROUTE-14")
def test_the_vpcs_routes_to_a_transit_gateway_follow_the_attachment(plane: ControlPlane):
    table = plane.route_tables["private"]
    route = Route("tgw", destination_cidr_block=IPNetwork("10.9.0.0/16"))
    plane.route_tables["private"] = replace(table, routes=(*table.routes, route))
    plane.delete_transit_gateway_vpc_attachment("main-att")
    assert plane.route_tables["private"].routes[-1].state is RouteState.BLACKHOLE
    attach(plane, "main", ["a"])
    assert plane.route_tables["private"].routes[-1].state is RouteState.ACTIVE


@pytest.mark.fact("EDGE-3")
def test_a_peering_has_one_id_at_both_ends_and_only_static_routes(plane: ControlPlane):
    plane.create_transit_gateway(transit_gateway_id="west", region="us-west-2")
    peering = plane.create_transit_gateway_peering_attachment("tgw", "west", transit_gateway_attachment_id="pair")
    assert (peering.state, peering.resource_type) == (AttachmentState.PENDING_ACCEPTANCE, AttachmentType.PEERING)
    with pytest.raises(Ec2Error) as refusal:
        plane.create_transit_gateway_route("tgw-rtb-default-tgw", "10.200.0.0/16", transit_gateway_attachment_id="pair")
    assert refusal.value.code == "IncorrectState"
    peering = plane.accept_transit_gateway_peering_attachment("pair")
    assert (peering.route_table_id, peering.peer_route_table_id) == ("tgw-rtb-default-tgw", "tgw-rtb-default-west")
    for table in ("tgw-rtb-default-tgw", "tgw-rtb-default-west"):
        assert "pair" not in plane.transit_gateway_route_tables[table].propagations
        plane.create_transit_gateway_route(table, "10.200.0.0/16", transit_gateway_attachment_id="pair")
        with pytest.raises(Ec2Error, match="does not propagate") as refusal:
            plane.enable_transit_gateway_route_table_propagation(table, "pair")
        assert refusal.value.code == "OperationNotPermitted"
    assert shown(plane, "tgw-rtb-default-west") == ["10.200.0.0/16 pair static active"]
    plane.disassociate_transit_gateway_route_table("tgw-rtb-default-west", "pair")
    assert plane.transit_gateway_attachments["pair"].peer_route_table_id is None
    assert plane.transit_gateway_attachments["pair"].route_table_id == "tgw-rtb-default-tgw"
    plane.delete_transit_gateway_peering_attachment("pair")
    assert shown(plane, "tgw-rtb-default-west") == ["10.200.0.0/16 pair static blackhole"]


def test_a_rejected_peering_never_comes_alive(plane: ControlPlane):
    plane.create_transit_gateway(transit_gateway_id="west", region="us-west-2")
    plane.create_transit_gateway_peering_attachment("tgw", "west", transit_gateway_attachment_id="pair")
    plane.reject_transit_gateway_peering_attachment("pair")
    with pytest.raises(Ec2Error) as refusal:
        plane.accept_transit_gateway_peering_attachment("pair")
    assert refusal.value.code == "IncorrectState"
    plane.create_transit_gateway_peering_attachment("west", "tgw")
    with pytest.raises(Ec2Error) as refusal:
        plane.create_transit_gateway_peering_attachment("tgw", "west")
    assert refusal.value.code == "DuplicateTransitGatewayAttachment"


def test_another_accounts_vpc_waits_for_acceptance():
    plane = small_plane()
    plane.create_transit_gateway(transit_gateway_id="tgw", owner_id="999999999999")
    attach(plane, "main", ["a"])
    attachment = plane.transit_gateway_attachments["main-att"]
    assert (attachment.state, attachment.route_table_id) == (AttachmentState.PENDING_ACCEPTANCE, None)
    assert shown(plane) == []
    plane.accept_transit_gateway_vpc_attachment("main-att")
    assert shown(plane) == ["10.0.0.0/16 main-att propagated-vpc active"]


def test_a_rejected_attachment_lets_go_of_its_subnets():
    plane = small_plane()
    plane.create_transit_gateway(transit_gateway_id="tgw", owner_id="999999999999")
    attach(plane, "main", ["a"])
    plane.reject_transit_gateway_vpc_attachment("main-att")
    assert not plane.network_interfaces
    plane.delete_transit_gateway("tgw")
    assert not plane.transit_gateway_attachments


def test_an_attachment_that_does_not_work_propagates_nothing(plane: ControlPlane):
    plane.set_transit_gateway_attachment_state("far-att", "failed")
    assert shown(plane) == ["10.0.0.0/16 main-att propagated-vpc active"]
    plane.set_transit_gateway_attachment_state("far-att", "available")
    assert len(shown(plane)) == 2


def test_an_unreadable_table_shows_nothing(plane: ControlPlane):
    plane.create_transit_gateway_route_table("tgw", transit_gateway_route_table_id="dark", unreadable=True)
    plane.enable_transit_gateway_route_table_propagation("dark", "main-att")
    assert shown(plane, "dark") == []


def test_associations_and_propagations_go_their_own_ways(plane: ControlPlane):
    plane.create_transit_gateway_route_table("tgw", transit_gateway_route_table_id="spokes")
    plane.disassociate_transit_gateway_route_table("tgw-rtb-default-tgw", "main-att")
    plane.associate_transit_gateway_route_table("spokes", "main-att")
    plane.enable_transit_gateway_route_table_propagation("spokes", "far-att")
    plane.disable_transit_gateway_route_table_propagation("tgw-rtb-default-tgw", "far-att")
    assert plane.transit_gateway_attachments["main-att"].route_table_id == "spokes"
    assert shown(plane, "spokes") == ["10.9.0.0/16 far-att propagated-vpc active"]
    assert shown(plane) == ["10.0.0.0/16 main-att propagated-vpc active"]


@pytest.mark.fact("SG-4")
def test_security_group_referencing_is_set_at_the_gateway_and_at_the_attachment(plane: ControlPlane):
    assert plane.transit_gateway_attachments["main-att"].security_group_referencing_support
    assert not plane.transit_gateways["tgw"].security_group_referencing_support
    plane.modify_transit_gateway("tgw", security_group_referencing_support=True)
    plane.modify_transit_gateway_vpc_attachment("main-att", security_group_referencing_support=False)
    assert plane.transit_gateways["tgw"].security_group_referencing_support
    assert not plane.transit_gateway_attachments["main-att"].security_group_referencing_support


def test_a_default_table_may_be_another_one(plane: ControlPlane):
    plane.create_transit_gateway_route_table("tgw", transit_gateway_route_table_id="mine")
    plane.modify_transit_gateway(
        "tgw", association_default_route_table_id="mine", default_route_table_propagation=False
    )
    plane.delete_transit_gateway_vpc_attachment("far-att")
    attach(plane, "far", ["far-a"])
    assert plane.transit_gateway_attachments["far-att"].route_table_id == "mine"
    assert shown(plane, "mine") == []


DEFAULT = "tgw-rtb-default-tgw"
REFUSED = [
    (
        lambda p: p.create_transit_gateway_vpc_attachment("none", "main", ["a"]),
        "InvalidTransitGatewayID.NotFound",
        "transit_gateway_id",
    ),
    (
        lambda p: p.create_transit_gateway_vpc_attachment("tgw", "main", ["a"]),
        "DuplicateTransitGatewayAttachment",
        "vpc_id",
    ),
    (
        lambda p: p.create_transit_gateway_vpc_attachment("west", "main", ["a"]),
        "InvalidVpcID.NotFound",
        "vpc_id",
    ),
    (lambda p: p.create_transit_gateway_vpc_attachment("more", "main", []), "MissingParameter", "subnet_ids"),
    (
        lambda p: p.create_transit_gateway_vpc_attachment("more", "main", ["far-a"]),
        "InvalidSubnet",
        "subnet_ids",
    ),
    (
        lambda p: p.create_transit_gateway_vpc_attachment("more", "main", ["a", "a2"]),
        "DuplicateSubnetsInSameZone",
        "subnet_ids",
    ),
    (
        lambda p: p.modify_transit_gateway_vpc_attachment("main-att", remove_subnet_ids=["a", "b"]),
        "MissingParameter",
        "add_subnet_ids",
    ),
    (
        lambda p: p.modify_transit_gateway_vpc_attachment("main-att", remove_subnet_ids=["a2"]),
        "InvalidParameterValue",
        "remove_subnet_ids",
    ),
    (
        lambda p: p.delete_transit_gateway_peering_attachment("main-att"),
        "InvalidTransitGatewayAttachmentID.NotFound",
        "transit_gateway_attachment_id",
    ),
    (
        lambda p: p.accept_transit_gateway_vpc_attachment("main-att"),
        "IncorrectState",
        "transit_gateway_attachment_id",
    ),
    (
        lambda p: p.create_transit_gateway_peering_attachment("tgw", "tgw"),
        "InvalidParameterValue",
        "peer_transit_gateway_id",
    ),
    (lambda p: p.delete_transit_gateway("tgw"), "IncorrectState", "transit_gateway_id"),
    (
        lambda p: p.associate_transit_gateway_route_table(DEFAULT, "main-att"),
        "Resource.AlreadyAssociated",
        "transit_gateway_attachment_id",
    ),
    (
        lambda p: p.associate_transit_gateway_route_table("tgw-rtb-default-west", "main-att"),
        "InvalidTransitGatewayAttachmentID.NotFound",
        "transit_gateway_attachment_id",
    ),
    (
        lambda p: p.disassociate_transit_gateway_route_table("mine", "main-att"),
        "InvalidAssociation.NotFound",
        "transit_gateway_attachment_id",
    ),
    (
        lambda p: p.enable_transit_gateway_route_table_propagation(DEFAULT, "main-att"),
        "TransitGatewayRouteTablePropagation.Duplicate",
        "transit_gateway_attachment_id",
    ),
    (
        lambda p: p.disable_transit_gateway_route_table_propagation("mine", "main-att"),
        "TransitGatewayRouteTablePropagation.NotFound",
        "transit_gateway_attachment_id",
    ),
    (
        lambda p: p.create_transit_gateway_route(DEFAULT, "10.1.0.0/16"),
        "MissingParameter",
        "transit_gateway_attachment_id",
    ),
    (
        lambda p: p.create_transit_gateway_route(
            DEFAULT, "10.1.0.0/16", transit_gateway_attachment_id="main-att", blackhole=True
        ),
        "InvalidParameterCombination",
        "transit_gateway_attachment_id",
    ),
    (
        lambda p: p.create_transit_gateway_route(DEFAULT, "10.1.0.0", blackhole=True),
        "InvalidParameterValue",
        "destination_cidr_block",
    ),
    (
        lambda p: p.create_transit_gateway_route("mine", "10.5.5.0/16", blackhole=True),
        "RouteAlreadyExists",
        "destination_cidr_block",
    ),
    (
        lambda p: p.replace_transit_gateway_route("mine", "10.6.0.0/16", blackhole=True),
        "InvalidRoute.NotFound",
        "destination_cidr_block",
    ),
    (
        lambda p: p.delete_transit_gateway_route("mine", "10.0.0.0/8"),
        "InvalidRoute.NotFound",
        "destination_cidr_block",
    ),
    (
        lambda p: p.delete_transit_gateway_route_table(DEFAULT),
        "IncorrectState",
        "transit_gateway_route_table_id",
    ),
    (
        lambda p: p.delete_transit_gateway_route_table("tgw-rtb-default-more"),
        "IncorrectState",
        "transit_gateway_route_table_id",
    ),
    (
        lambda p: p.modify_transit_gateway("tgw", association_default_route_table_id="tgw-rtb-default-west"),
        "InvalidRouteTableID.NotFound",
        "association_default_route_table_id",
    ),
    (
        lambda p: p.set_transit_gateway_attachment_state("main-att", "tired"),
        "InvalidParameterValue",
        "state",
    ),
    (
        lambda p: p.register_transit_gateway_vpn_attachment("vpn-9"),
        "InvalidVpnConnectionID.NotFound",
        "vpn_connection_id",
    ),
]


@pytest.mark.parametrize(("call", "code", "parameter"), REFUSED)
def test_what_is_refused_of_a_transit_gateway(plane: ControlPlane, call, code, parameter):
    plane.create_transit_gateway(transit_gateway_id="west", region="us-west-2")
    plane.create_transit_gateway(transit_gateway_id="more")
    plane.create_transit_gateway_route_table("tgw", transit_gateway_route_table_id="mine")
    plane.create_transit_gateway_route("mine", "10.5.0.0/16", blackhole=True)
    before = snapshot(plane)
    with pytest.raises(Ec2Error) as refusal:
        call(plane)
    assert (refusal.value.code, refusal.value.parameter) == (code, parameter)
    assert snapshot(plane) == before


def test_a_transit_gateway_goes_with_its_default_table(plane: ControlPlane):
    for attachment in ("main-att", "far-att"):
        plane.delete_transit_gateway_vpc_attachment(attachment)
    plane.delete_transit_gateway("tgw")
    assert not plane.transit_gateways
    assert not plane.transit_gateway_route_tables
