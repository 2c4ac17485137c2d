"""Questions that begin at a gateway, for packets that come in by it; and at any address of a host."""

from __future__ import annotations

import pytest

from emulator.model.traces import Delivered
from emulator.network.questions import BadQuestion
from tests.network.asking import asked, plane_of
from tests.network.test_repairs import BACK, PEERED, transit

EDGES = """\
region: us-east-1
vpcs: {main: {cidr_blocks: [10.0.0.0/16]}}
subnets:
  a: {cidr_block: 10.0.1.0/24, availability_zone: us-east-1a, route_table_id: a}
  b: {cidr_block: 10.0.2.0/24, availability_zone: us-east-1a}
route_tables:
  a: {routes: [{destination: 0.0.0.0/0, target: igw}], propagating_vgws: [vgw]}
security_groups:
  web: {ingress: [{protocol: tcp, ports: 443, peer: 0.0.0.0/0}]}
instances:
  web:
    subnet_id: a
    security_group_ids: [web]
    private_ip_address: 10.0.1.10
    secondary_private_ip_addresses: [10.0.1.11]
    public_ip: 203.0.113.10
  hidden: {subnet_id: b, security_group_ids: [web], private_ip_address: 10.0.2.10}
internet_gateways: {igw: {vpc_id: main}}
customer_gateways: {cgw: {ip_address: 198.51.100.1}}
vpn_gateways: {vgw: {vpc_id: main}, lonely: {}}
vpn_connections: {office: {customer_gateway_id: cgw, vpn_gateway_id: vgw, routes: [192.168.0.0/16]}}
virtual_interfaces: {dx: {virtual_gateway_id: vgw, routes: [172.20.0.0/16]}}
external_hosts:
  site: {ip_address: 198.51.100.7}
  desk: {ip_address: 192.168.1.5, location: office}
"""


@pytest.mark.fact("EDGE-1")
def test_by_the_internet_gateway_strangers_come_to_a_public_address_and_get_their_answer():
    answer = asked(EDGES, "igw", "web")
    assert answer.question == "tcp 203.0.113.250:40000 > 203.0.113.10:443"
    assert answer.forward.ending == Delivered("eni-web")
    assert answer.reply.ending.component == "internet"
    assert answer.reachable
    assert asked(EDGES, "igw", "web", source_address="198.51.100.9").question.startswith("tcp 198.51.100.9:")
    assert asked(EDGES, "igw", "web:22").blocker.reason == "ENI_SG_RULES_MISMATCH"


@pytest.mark.fact("EDGE-1")
def test_by_the_internet_gateway_nobody_comes_to_a_private_address_or_from_one():
    for to, source in (("hidden", None), ("10.0.1.10", None), ("203.0.113.77", None)):
        answer = asked(EDGES, "igw", to, source_address=source)
        assert answer.blocker.reason == "IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS", to
    spoofed = asked(EDGES, "igw", "web", source_address="10.3.0.1")
    assert spoofed.blocker.reason == "IGW_SOURCE_ADDRESS_NOT_IN_RFC1918_INGRESS"


def test_the_answer_of_who_came_in_by_a_gateway_is_checked_too():
    plane = plane_of(EDGES)
    plane.delete_route("a", destination_cidr_block="0.0.0.0/0")
    answer = asked(plane, "igw", "web")
    assert answer.forward.ending == Delivered("eni-web")
    assert (answer.way, answer.blocker.reason, answer.blocker.component) == ("back", "NO_ROUTE_TO_DESTINATION", "a")


@pytest.mark.parametrize("source", ["office", "vgw"])
def test_by_a_vpn_connection_or_its_gateway_the_office_comes_in(source: str):
    answer = asked(EDGES, source, "web", source_address="192.168.1.9")
    assert answer.reachable
    assert answer.reply.ending == Delivered("office")
    hidden = asked(EDGES, source, "hidden", source_address="192.168.1.9")  # its table propagates nothing
    assert (hidden.way, hidden.blocker.reason) == ("back", "NO_ROUTE_TO_DESTINATION")


def test_by_a_virtual_interface_a_data_centre_comes_in():
    answer = asked(EDGES, "dx", "web", source_address="172.20.0.1")
    assert (answer.reachable, answer.reply.ending) == (True, Delivered("dx"))
    plane = plane_of(EDGES)
    plane.set_virtual_interface_state("dx", "down")
    assert asked(plane, "dx", "web", source_address="172.20.0.1").blocker.reason == "BAD_STATE"


def test_hosts_beyond_the_edges_ask_under_their_own_addresses():
    assert asked(EDGES, "site", "web").reachable
    assert asked(EDGES, "site", "web").question.startswith("tcp 198.51.100.7:40000 > 203.0.113.10:443")
    assert asked(EDGES, "desk", "web").question.startswith("tcp 192.168.1.5:40000 > 10.0.1.10:443")
    assert asked(EDGES, "desk", "web").reachable


@pytest.mark.fact("EDGE-2")
def test_by_a_peering_comes_who_is_in_the_other_vpc():
    text = PEERED.replace("ACCEPT", "true").replace("BACK", BACK)
    answer = asked(text, "pcx", "db", source_address="10.1.1.4")
    assert answer.reachable
    assert answer.forward.steps[0].component == "pcx"
    beyond = asked(text, "pcx", "8.8.8.8", source_address="10.1.1.4")
    assert beyond.blocker.reason == "PCX_REQUIRES_ADDRESS_IN_VPC_CIDR"
    with pytest.raises(BadQuestion, match=r"172\.16\.0\.1 is an address of neither VPC of pcx"):
        asked(text, "pcx", "db", source_address="172.16.0.1")
    pending = PEERED.replace("ACCEPT", "false").replace("BACK", BACK)
    assert asked(pending, "pcx", "db", source_address="10.1.1.4").blocker.reason == "BAD_STATE"


@pytest.mark.fact("EDGE-3")
def test_by_an_attachment_packets_enter_the_table_that_it_is_associated_with():
    answer = asked(transit(), "att-app", "db", source_address="10.1.1.4")
    assert answer.reachable
    assert answer.forward.steps[0].gate == "mtu"
    assert any(step.gate == "transit_gateway_route" for step in answer.forward.steps)
    lost = asked(transit(associated="none"), "att-app", "db", source_address="10.1.1.4")
    assert lost.blocker.reason == "TGW_ATTACH_MISSING_TGW_RTB_ASSOCIATION"


def test_a_host_asks_under_any_of_its_addresses_and_under_no_other():
    for source, address in (("10.0.1.11", None), ("web", "10.0.1.11"), ("eni-web", "10.0.1.11")):
        assert asked(EDGES, source, "hidden", source_address=address).question.startswith("tcp 10.0.1.11:")
    assert asked(EDGES, "10.0.1.11", "hidden").reachable
    foreign = asked(EDGES, "web", "hidden", source_address="10.0.9.9")
    assert foreign.blocker.reason == "ENI_SOURCE_DEST_CHECK_RESTRICTION"


@pytest.mark.parametrize(
    ("source", "to", "address", "says"),
    [
        ("office", "web", None, "--from office needs --source-address: whose packets come in there"),
        ("office", "web", "192.168.1", "source address '192.168.1'"),
        ("office", "web", "fd00::1", "source address 'fd00::1'"),
        ("lonely", "web", "192.168.1.1", "lonely has no VPN connection or virtual interface to come in by"),
        ("office", "s3.us-east-1.amazonaws.com", "192.168.1.1", "resolves no names here"),
    ],
)
def test_what_cannot_be_asked_of_a_gateway_is_said(source: str, to: str, address: str | None, says: str):
    with pytest.raises(BadQuestion, match=says):
        asked(EDGES, source, to, source_address=address)
