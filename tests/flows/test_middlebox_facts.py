"""Ways by a middlebox: local routes that lead elsewhere, gateway route tables, the source/destination check, loops."""

from __future__ import annotations

from functools import partial

import pytest

from emulator.flows.walk import LONGEST_WAY
from emulator.wire.packet import ACK, SYN
from tests.flows.edge_worlds import EVERYWHERE, middlebox_world
from tests.flows.lab import Lab, ip, syn

WEB, DB, HOST = "10.0.1.10:40000", "10.0.2.20:5432", "203.0.113.5:443"
THROUGH = "open eni-box open"


def back_and_forth(lab: Lab, source: str, to: str, sender: str) -> tuple[str, str]:
    out = lab.send(syn(source, to), sender)
    return out.path, lab.answer(out).path


@pytest.mark.fact("ROUTE-18", "ROUTE-19")
def test_a_gateways_own_table_leads_what_arrives_by_a_middlebox() -> None:
    """Both ways: its subnet's table leads there, too, so that paths are symmetric."""
    lab = Lab(middlebox_world())
    out, back = back_and_forth(lab, WEB, HOST, "eni-web")
    assert out == f"eni-web open acl-default-vpc to-box acl-default-vpc {THROUGH} acl-default-vpc to-igw igw internet"
    assert back == f"host internet igw edge acl-default-vpc {THROUGH} acl-default-vpc to-igw acl-default-vpc open"
    into = lab.send(syn("203.0.113.5:50000", "198.51.100.10:80"), "host")
    assert (into.where, "edge" in into.path) == ("eni-web", True)
    assert lab.answer(into).where == "host"


@pytest.mark.fact("ROUTE-18")
def test_the_rest_of_the_vpc_is_reached_by_the_tables_local_route() -> None:
    ec2 = middlebox_world()
    into = Lab(ec2).send(syn("203.0.113.5:50000", "198.51.100.9:80"), "host")
    assert into.path == "host internet igw edge acl-default-vpc open"
    assert into.where == "eni-box"
    assert next(step.rule for step in into.steps if step.component == "edge") == "10.0.0.0/16 -> local"


@pytest.mark.fact("ROUTE-18", "ROUTE-14")
def test_a_gateways_table_may_hold_a_blackhole() -> None:
    ec2 = middlebox_world()
    ec2.stop_instances("box")
    into = Lab(ec2).send(syn("203.0.113.5:50000", "198.51.100.10:80"), "host")
    assert into.where == "BAD_STATE_ROUTE at edge (10.0.1.0/24 -> eni-box (blackhole))"


@pytest.mark.fact("ROUTE-19")
def test_the_middlebox_behind_an_internet_gateway_needs_a_public_address() -> None:
    ec2 = middlebox_world()
    ec2.modify_network_interface_attribute("eni-box", associate_public_ip_address=False)
    into = Lab(ec2).send(syn("203.0.113.5:50000", "198.51.100.10:80"), "host")
    assert into.where == "INGRESS_RTB_NO_PUBLIC_IP at edge (10.0.1.0/24 -> eni-box)"


@pytest.mark.fact("ROUTE-19")
def test_a_redirected_subnet_does_not_leave_past_its_middlebox() -> None:
    ec2 = middlebox_world()
    ec2.replace_route("to-box", destination_cidr_block=EVERYWHERE, gateway_id="igw")
    out = Lab(ec2).send(syn(WEB, HOST), "eni-web")
    assert out.where == "INGRESS_RTB_TRAFFIC_REDIRECTION at igw (10.0.1.0/24 -> eni-box)"


@pytest.mark.fact("ROUTE-19")
def test_the_check_is_off_or_the_middlebox_neither_takes_nor_sends_what_is_not_its_own() -> None:
    ec2 = middlebox_world()
    ec2.modify_network_interface_attribute("eni-box", source_dest_check=True)
    lab = Lab(ec2)
    check = "ENI_SOURCE_DEST_CHECK_RESTRICTION at eni-box (source_dest_check)"
    assert lab.send(syn(WEB, HOST), "eni-web").where == check
    assert lab.send(syn(WEB, HOST), "eni-box").where == check


@pytest.mark.fact("ROUTE-19")
def test_an_instance_that_does_not_forward_keeps_what_is_not_its_own() -> None:
    ec2 = middlebox_world()
    ec2.modify_network_interface_attribute("eni-db", source_dest_check=False)
    ec2.replace_route("to-box", destination_cidr_block=EVERYWHERE, network_interface_id="eni-db")
    assert Lab(ec2).send(syn(WEB, HOST), "eni-web").where == "ENI_ADDRESS_RESTRICTION at eni-db (forwards)"


# --- more specific than local, or instead of it ----------------------------------------------------------------------


@pytest.mark.fact("ROUTE-9")
def test_a_route_for_a_whole_subnet_leads_its_traffic_by_a_middlebox() -> None:
    """One way only: db's own table still says local."""
    ec2 = middlebox_world()
    ec2.create_route("to-box", destination_cidr_block="10.0.2.0/24", network_interface_id="eni-box")
    lab = Lab(ec2)
    out, back = back_and_forth(lab, WEB, DB, "eni-web")
    assert (
        out
        == f"eni-web open acl-default-vpc to-box acl-default-vpc {THROUGH} acl-default-vpc to-igw acl-default-vpc open"
    )
    assert back == "eni-db open acl-default-vpc straight acl-default-vpc open"


@pytest.mark.fact("ROUTE-8")
def test_the_local_route_itself_may_lead_by_a_middlebox_and_be_restored() -> None:
    ec2 = middlebox_world()
    for table in ("to-box", "straight"):
        ec2.replace_route(table, destination_cidr_block="10.0.0.0/16", network_interface_id="eni-box")
    lab = Lab(ec2)
    out, back = back_and_forth(lab, WEB, DB, "eni-web")
    assert THROUGH in out
    assert THROUGH in back
    for table in ("to-box", "straight"):
        ec2.replace_route(table, destination_cidr_block="10.0.0.0/16", local_target=True)
    out, back = back_and_forth(lab, "10.0.1.10:40001", DB, "eni-web")
    assert THROUGH not in out + back


@pytest.mark.fact("ROUTE-8", "ROUTE-13")
def test_the_local_route_may_lead_to_a_nat_gateway() -> None:
    """Db then sees the gateway, for it translates what passes."""
    ec2 = middlebox_world()
    ec2.create_nat_gateway("outer", nat_gateway_id="nat", private_ip_address="10.0.0.220")
    ec2.replace_route("to-box", destination_cidr_block="10.0.0.0/16", nat_gateway_id="nat")
    lab = Lab(ec2)
    out = lab.send(syn(WEB, DB), "eni-web")
    assert out.arrived is not None
    assert (out.where, out.arrived.src) == ("eni-db", ip("10.0.0.220"))
    assert lab.answer(out).where == "eni-web"


@pytest.mark.fact("ROUTE-13")
def test_a_route_to_an_instance_is_one_to_its_interface() -> None:
    ec2 = middlebox_world()
    ec2.replace_route("to-box", destination_cidr_block=EVERYWHERE, instance_id="box")
    assert Lab(ec2).send(syn(WEB, HOST), "eni-web").where == "host"


@pytest.mark.fact("ROUTE-20")
def test_a_middlebox_in_the_same_subnet_delivers_at_layer_2() -> None:
    """The network ACL denies everything: neither it nor a route table is met."""
    ec2 = middlebox_world()
    ec2.run_instances(instance_id="near", subnet_id="outer", security_group_ids="open", private_ip_address="10.0.0.30")
    ec2.create_network_acl("vpc", network_acl_id="nothing")
    ec2.replace_network_acl_association("nothing", "outer")
    story = Lab(ec2).send(syn("10.0.2.20:1", "10.0.0.30:80"), "eni-box")
    assert (story.where, story.path) == ("eni-near", "eni-box open")


@pytest.mark.fact("NACL-1")
def test_an_address_of_the_subnet_as_source_spares_nobody_its_network_acl() -> None:
    """What counts is the way a packet comes, not what it says."""
    ec2 = middlebox_world()
    ec2.create_network_acl("vpc", network_acl_id="nothing")
    ec2.replace_network_acl_association("nothing", "inner")
    story = Lab(ec2).send(syn("10.0.1.99:1", "10.0.1.10:80"), "eni-box")
    assert story.where == "SUBNET_ACL_RESTRICTION at nothing (*)"


# --- identity --------------------------------------------------------------------------------------------------------


@pytest.mark.fact("SG-5")
def test_a_middlebox_strips_group_identity() -> None:
    """db lets in whom the group ``open`` has: web, directly; by the middlebox nobody knows that it is web."""
    ec2 = middlebox_world()
    ec2.create_security_group("vpc", group_id="friends")
    ec2.authorize_security_group_ingress(
        "friends", ip_protocol="tcp", from_port=5432, to_port=5432, referenced_group_id="open"
    )
    ec2.modify_network_interface_attribute("eni-db", groups=["friends"])
    assert Lab(ec2).send(syn(WEB, DB), "eni-web").where == "eni-db"
    ec2.create_route("to-box", destination_cidr_block="10.0.2.0/24", network_interface_id="eni-box")
    story = Lab(ec2).send(syn(WEB, DB), "eni-web")
    assert story.where == "SG_REFERENCES_NOT_PRESERVED at friends (friends: tcp 5432 from open)"
    assert Lab(ec2).send(syn("10.0.0.9:1", DB), "eni-box").where == "eni-db"
    ec2.authorize_security_group_ingress(
        "friends", ip_protocol="tcp", from_port=5432, to_port=5432, cidr_ip="10.0.1.0/24"
    )
    assert Lab(ec2).send(syn(WEB, DB), "eni-web").where == "eni-db"


@pytest.mark.fact("SG-9")
def test_a_middlebox_tracks_what_it_passes_on() -> None:
    """Its groups admit flows from inside only; the answers come back by what it remembers."""
    ec2 = middlebox_world()
    ec2.create_security_group("vpc", group_id="one-way")
    ec2.authorize_security_group_ingress("one-way", ip_protocol="-1", cidr_ip="10.0.1.0/24")
    ec2.modify_network_interface_attribute("eni-box", groups=["one-way"])
    lab = Lab(ec2)
    assert lab.there_and_back(syn(WEB, HOST), "eni-web") == ("host", "eni-web")
    assert lab.send(syn("203.0.113.5:50000", "198.51.100.10:80"), "host").why == "ENI_SG_RULES_MISMATCH"


# --- loops -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("compiling", [False, True])
def test_a_packet_that_goes_round_in_circles_ends(compiling: bool) -> None:
    """Two middleboxes that send everything to each other; no router lowers a TTL (ROUTE-7)."""
    ec2 = middlebox_world()
    ec2.run_instances(
        instance_id="box2",
        subnet_id="third",
        security_group_ids="open",
        private_ip_address="10.0.2.9",
        source_dest_check=False,
        forwards=True,
    )
    ec2.create_route("straight", destination_cidr_block=EVERYWHERE, network_interface_id="eni-box")
    ec2.replace_route("to-igw", destination_cidr_block=EVERYWHERE, network_interface_id="eni-box2")
    lab = Lab(ec2, compiling=compiling)
    for flags in (SYN, ACK, ACK, ACK):
        story = lab.send(syn(WEB, HOST, flags), "eni-web")
        assert story.why == "NO_POSSIBLE_DESTINATION"
        assert str(story.ending).endswith("(forwarding loop)")
    assert lab.fabric.in_flight == 0
    assert lab.fabric.walked <= 4 * (LONGEST_WAY + 1)


def test_an_edit_while_a_packet_goes_round_lets_it_out() -> None:
    ec2 = middlebox_world()
    ec2.replace_route("to-igw", destination_cidr_block=EVERYWHERE, network_interface_id="eni-box")
    edit = partial(ec2.replace_route, "to-igw", destination_cidr_block=EVERYWHERE, gateway_id="igw")
    assert Lab(ec2).send(syn(WEB, HOST), "eni-web", meanwhile=edit, after=500_000).where == "host"
