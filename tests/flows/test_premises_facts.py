"""Virtual private gateways, VPN connections and Direct Connect: ranks, states, and where they do not lead."""

from __future__ import annotations

import pytest

from emulator.model.settings import Settings
from emulator.wire.packet import DF, Packet
from tests.flows.edge_worlds import EVERYWHERE, premises_world, tool_service
from tests.flows.lab import Lab, datagram, syn

APP, DESK = "10.0.1.5:40000", "192.168.1.10:443"


def chosen(lab: Lab) -> str:
    """By which connection a packet for the desk leaves."""
    return lab.send(syn(APP, DESK), "eni-app").path.rpartition("vgw ")[2].split()[0]


@pytest.mark.fact("ROUTE-10", "ROUTE-13")
def test_a_propagated_route_leads_on_premises_and_answers_come_back() -> None:
    lab = Lab(premises_world())
    out = lab.send(syn(APP, DESK), "eni-app")
    assert out.path == "eni-app open acl-default-vpc table vgw vpn"
    assert [step.rule for step in out.steps if step.gate == "route"] == ["192.168.0.0/16 (propagated) -> vgw"]
    back = lab.answer(out)
    assert (out.where, back.where, back.path) == ("desk", "eni-app", "desk vpn vgw acl-default-vpc open")


@pytest.mark.fact("ROUTE-13")
def test_a_static_route_leads_to_the_gateway_too() -> None:
    ec2 = premises_world()
    ec2.disable_vgw_route_propagation("vgw", "table")
    assert Lab(ec2).send(syn(APP, DESK), "eni-app").where == "NO_ROUTE_TO_DESTINATION at table"
    ec2.create_route("table", destination_cidr_block=EVERYWHERE, gateway_id="vgw")
    lab = Lab(ec2)
    assert lab.send(syn(APP, DESK), "eni-app").where == "desk"
    assert lab.send(syn(APP, "172.20.0.1:443"), "eni-app").where == "NO_POSSIBLE_DESTINATION at vgw"
    assert lab.send(syn(APP, "192.168.9.9:443"), "eni-app").where == "vpn"


@pytest.mark.fact("ROUTE-3")
def test_direct_connect_beats_a_static_vpn_and_that_one_by_bgp() -> None:
    """At equal length; whichever is left is used."""
    ec2 = premises_world()
    ec2.create_vpn_connection(
        "cgw", vpn_gateway_id="vgw", routes=["192.168.0.0/16"], vpn_connection_id="static", static_routes_only=True
    )
    ec2.create_private_virtual_interface("vgw", routes=["192.168.0.0/16"], virtual_interface_id="vif")
    lab = Lab(ec2)
    assert chosen(lab) == "vif"
    ec2.set_virtual_interface_state("vif", "down")
    assert chosen(lab) == "static"
    ec2.delete_vpn_connection("static")
    assert chosen(lab) == "vpn"


@pytest.mark.fact("ROUTE-3", "ROUTE-4")
def test_a_longer_prefix_by_bgp_beats_direct_connect_and_a_static_route_beats_both() -> None:
    ec2 = premises_world()
    ec2.create_private_virtual_interface("vgw", routes=["192.168.0.0/16"], virtual_interface_id="vif")
    ec2.create_vpn_connection_route("vpn", "192.168.1.0/24")
    lab = Lab(ec2)
    assert chosen(lab) == "vpn"
    ec2.create_internet_gateway(internet_gateway_id="igw", vpc_id="vpc")
    ec2.create_route("table", destination_cidr_block="192.168.1.0/24", gateway_id="igw")
    assert lab.send(syn(APP, DESK), "eni-app").path.endswith("table igw")


@pytest.mark.fact("ROUTE-10")
def test_a_propagated_route_into_the_vpc_never_wins() -> None:
    """Even a more specific one."""
    ec2 = premises_world()
    ec2.run_instances(instance_id="db", subnet_id="private", security_group_ids="open", private_ip_address="10.0.1.6")
    ec2.create_subnet("vpc", "10.0.2.0/24", "us-east-1a", subnet_id="second")
    ec2.run_instances(instance_id="far", subnet_id="second", security_group_ids="open", private_ip_address="10.0.2.7")
    ec2.create_vpn_connection_route("vpn", "10.0.2.0/28")
    ec2.create_vpn_connection_route("vpn", "10.0.0.0/16")
    out = Lab(ec2).send(syn(APP, "10.0.2.7:80"), "eni-app")
    assert (out.where, [step.rule for step in out.steps if step.gate == "route"]) == (
        "eni-far",
        ["10.0.0.0/16 -> local"],
    )


def test_a_vpn_whose_tunnels_are_down() -> None:
    """By BGP its routes are withdrawn; static ones stay and lead to a dead end, both ways."""
    ec2 = premises_world()
    ec2.set_vpn_tunnels("vpn", up=False)
    lab = Lab(ec2)
    assert lab.send(syn(APP, DESK), "eni-app").where == "NO_ROUTE_TO_DESTINATION at table"
    assert lab.send(syn("192.168.1.10:1", "10.0.1.5:80"), "desk").where == "BAD_STATE_VPN at vpn (its tunnels are down)"
    ec2.create_vpn_connection(
        "cgw", vpn_gateway_id="vgw", routes=["192.168.0.0/16"], vpn_connection_id="static", static_routes_only=True
    )
    ec2.set_vpn_tunnels("static", up=False)
    assert lab.send(syn(APP, DESK), "eni-app").where == "BAD_STATE_VPN at static (its tunnels are down)"
    ec2.set_vpn_tunnels("vpn", up=True)
    assert lab.send(syn("192.168.1.10:1", "10.0.1.5:80"), "desk").where == "eni-app"


@pytest.mark.parametrize("state", ["pending", "deleting"])
def test_only_an_available_connection_carries_packets(state: str) -> None:
    ec2 = premises_world()
    ec2.set_vpn_connection_state("vpn", state)
    assert Lab(ec2).send(syn("192.168.1.10:1", "10.0.1.5:80"), "desk").where == f"BAD_STATE_VPN at vpn ({state})"


def test_a_virtual_interface_that_is_down_is_no_vpn() -> None:
    ec2 = premises_world()
    ec2.create_private_virtual_interface("vgw", routes=["172.20.0.0/16"], virtual_interface_id="vif")
    ec2.register_external_host("172.20.0.1", external_host_id="rack", location="vif")
    lab = Lab(ec2)
    assert lab.there_and_back(syn(APP, "172.20.0.1:443"), "eni-app") == ("rack", "eni-app")
    ec2.set_virtual_interface_state("vif", "down")
    assert lab.send(syn("172.20.0.1:1", "10.0.1.5:80"), "rack").where == "BAD_STATE at vif (down)"


@pytest.mark.fact("EDGE-1", "NAT-3", "VPCE-GW-13")
@pytest.mark.parametrize(
    "to",
    [
        pytest.param("203.0.113.5:443", id="no internet gateway, no NAT gateway"),
        pytest.param("52.216.0.10:443", id="no gateway endpoint"),
        pytest.param("10.9.1.10:443", id="no peering"),
        pytest.param("10.0.1.77:443", id="nobody there"),
    ],
)
def test_no_way_leads_from_edge_to_edge(to: str) -> None:
    ec2 = premises_world()
    ec2.create_internet_gateway(internet_gateway_id="igw", vpc_id="vpc")
    ec2.create_nat_gateway("private", nat_gateway_id="nat")
    ec2.create_vpc_endpoint("vpc", "com.amazonaws.us-east-1.s3", vpc_endpoint_id="s3", route_table_ids=["table"])
    story = Lab(ec2).send(syn("192.168.1.10:40000", to), "desk")
    assert story.where == "VGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS at vgw"


def test_forged_sources_are_refused_both_ways() -> None:
    ec2 = premises_world()
    ec2.modify_network_interface_attribute("eni-app", source_dest_check=False)
    lab = Lab(ec2)
    assert lab.send(syn("10.0.1.5:1", "10.0.1.5:80"), "desk").where == "GATEWAY_REJECTS_SPOOFED_TRAFFIC at vgw"
    foreign = lab.send(syn("10.0.1.99:1", DESK), "eni-app")
    assert foreign.where == "VGW_PRIVATE_IP_ASSOCIATION_FOR_EGRESS at vgw"


@pytest.mark.fact("ROUTE-18")
def test_the_gateways_own_table_leads_what_arrives_by_a_middlebox_without_a_public_address() -> None:
    ec2 = premises_world()
    ec2.create_subnet("vpc", "10.0.2.0/24", "us-east-1a", subnet_id="box-subnet")
    ec2.run_instances(
        instance_id="box",
        subnet_id="box-subnet",
        security_group_ids="open",
        private_ip_address="10.0.2.9",
        source_dest_check=False,
        forwards=True,
    )
    ec2.create_route_table("vpc", route_table_id="edge")
    ec2.create_route("edge", destination_cidr_block="10.0.1.0/24", network_interface_id="eni-box")
    ec2.associate_route_table("edge", gateway_id="vgw")
    into = Lab(ec2).send(syn("192.168.1.10:1", "10.0.1.5:80"), "desk")
    assert into.where == "eni-app"
    assert into.path.startswith("desk vpn vgw edge acl-default-vpc open eni-box open")


@pytest.mark.fact("VPCE-IF-10")
def test_an_interface_endpoint_is_reached_from_on_premises() -> None:
    ec2 = premises_world()
    tool_service(ec2)
    ec2.create_vpc_endpoint(
        "vpc",
        "com.amazonaws.us-east-1.tool",
        vpc_endpoint_type="Interface",
        vpc_endpoint_id="ep",
        subnet_configurations=[{"subnet_id": "private", "ipv4": "10.0.1.200"}],
        security_group_ids=["open"],
    )
    assert Lab(ec2).there_and_back(syn("192.168.1.10:1", "10.0.1.200:443"), "desk") == ("eni-ep-us-east-1a", "desk")


def long(length: int, source: str = APP, to: str = DESK) -> Packet:
    packet = datagram(source, to, bytes(length - 28))
    packet.fragment = DF
    return packet


@pytest.mark.fact("NET-6", "NET-7", "NET-8")
def test_a_tunnel_takes_1446_bytes_and_is_silent_about_more() -> None:
    lab = Lab(premises_world())
    assert lab.send(long(1446), "eni-app").where == "desk"
    lost = lab.send(long(1447), "eni-app")
    assert (lost.where, lost.answers) == ("EMU_OVER_MTU at vpn (MTU 1446 (NET-8))", [])
    assert lab.send(long(1447, DESK, APP), "desk").why == "EMU_OVER_MTU"
    assert Lab(premises_world(Settings(vpn_mtu=None))).send(long(9001), "eni-app").where == "desk"


@pytest.mark.fact("NET-6")
def test_direct_connect_carries_jumbo_frames() -> None:
    ec2 = premises_world()
    ec2.create_private_virtual_interface("vgw", routes=["172.20.0.0/16"], virtual_interface_id="vif")
    assert Lab(ec2).send(long(9001, APP, "172.20.0.1:9"), "eni-app").where == "vif"
