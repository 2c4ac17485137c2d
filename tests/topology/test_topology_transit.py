"""Documents with transit gateways."""

from __future__ import annotations

import json
from random import Random

import pytest

from emulator.control.transit_routes import transit_routes
from emulator.model.resources import RouteState
from emulator.model.transit_gateways import AttachmentState, AttachmentType
from emulator.topology import load_document
from emulator.topology.documents import parse
from tests.topology.test_topology_build import shuffled, state
from tests.topology.test_topology_services import built, problems

BASE = """\
region: us-east-1
vpcs:
  spoke: {cidr_blocks: [10.1.0.0/16]}
  hub: {cidr_blocks: [10.2.0.0/16]}
  west: {cidr_blocks: [10.3.0.0/16], region: us-west-2}
subnets:
  spoke-a: {vpc_id: spoke, cidr_block: 10.1.1.0/24, availability_zone: us-east-1a}
  spoke-b: {vpc_id: spoke, cidr_block: 10.1.2.0/24, availability_zone: us-east-1b}
  hub-a: {vpc_id: hub, cidr_block: 10.2.1.0/24, availability_zone: us-east-1a}
  west-a: {vpc_id: west, cidr_block: 10.3.1.0/24, availability_zone: us-west-2a}
route_tables:
  rtb-main-spoke: {routes: [{destination: 10.0.0.0/8, target: tgw}]}
customer_gateways: {cgw: {ip_address: 203.0.113.1}}
vpn_connections:
  office: {customer_gateway_id: cgw, transit_gateway_id: tgw, routes: [192.168.0.0/16]}
transit_gateways:
  tgw: {security_group_referencing_support: true}
  far: {region: us-west-2, association_default_route_table_id: far-table, default_route_table_propagation: false}
transit_gateway_route_tables:
  tgw-rtb-default-tgw:
    transit_gateway_id: tgw
    propagations: [att-spoke]
    routes:
    - {destination: 10.3.0.0/16, target: pair}
    - {destination: 10.66.0.0/16}
    - {destination: 192.168.7.0/24, target: tgw-attach-office}
  inspection: {transit_gateway_id: tgw, propagations: [att-hub]}
  far-table: {transit_gateway_id: far, routes: [{destination: 10.0.0.0/8, target: pair}], propagations: [att-west]}
transit_gateway_attachments:
  att-spoke: {transit_gateway_id: tgw, resource_id: spoke, subnet_ids: [spoke-a, spoke-b], route_table_id: inspection}
  att-hub: {transit_gateway_id: tgw, resource_id: hub, subnet_ids: [hub-a], appliance_mode_support: true}
  att-west: {transit_gateway_id: far, resource_id: west, subnet_ids: [west-a]}
  pair: {transit_gateway_id: tgw, resource_type: peering, resource_id: far, route_table_id: none}
"""


def shown(plane, table: str) -> list[str]:
    routes = transit_routes(plane, plane.transit_gateway_route_tables[table])
    return [f"{route.destination} {route.transit_gateway_attachment_id} {route.kind}" for route in routes]


@pytest.mark.fact("EDGE-3")
def test_a_document_joins_vpcs_a_vpn_and_another_transit_gateway():
    plane = built(BASE)
    attachments = plane.transit_gateway_attachments
    assert sorted(attachments) == ["att-hub", "att-spoke", "att-west", "pair", "tgw-attach-office"]
    assert attachments["att-spoke"].network_interface_ids == ("eni-att-spoke-us-east-1a", "eni-att-spoke-us-east-1b")
    assert [attachments[name].route_table_id for name in ("att-spoke", "att-hub", "tgw-attach-office")] == [
        "inspection",
        "tgw-rtb-default-tgw",
        "tgw-rtb-default-tgw",
    ]
    assert attachments["att-hub"].appliance_mode_support
    assert (attachments["pair"].route_table_id, attachments["pair"].peer_route_table_id) == (None, "far-table")
    assert shown(plane, "tgw-rtb-default-tgw") == [
        "192.168.7.0/24 tgw-attach-office static",
        "10.1.0.0/16 att-spoke propagated-vpc",
        "10.2.0.0/16 att-hub propagated-vpc",
        "10.3.0.0/16 pair static",
        "10.66.0.0/16 None static",
        "192.168.0.0/16 tgw-attach-office propagated-vpn",
    ]
    assert shown(plane, "inspection") == ["10.2.0.0/16 att-hub propagated-vpc"]
    assert shown(plane, "far-table") == ["10.3.0.0/16 att-west propagated-vpc", "10.0.0.0/8 pair static"]
    assert plane.route_tables["rtb-main-spoke"].routes[-1].state is RouteState.ACTIVE
    assert "tgw-rtb-default-far" not in plane.transit_gateway_route_tables


def test_the_attachment_of_a_vpn_may_be_in_the_document():
    text = BASE.replace("target: tgw-attach-office", "target: att-office") + (
        "  att-office: {transit_gateway_id: tgw, resource_type: vpn, resource_id: office, route_table_id: inspection}\n"
    )
    plane = built(text)
    assert "tgw-attach-office" not in plane.transit_gateway_attachments
    attachment = plane.transit_gateway_attachments["att-office"]
    assert (attachment.resource_type, attachment.route_table_id) == (AttachmentType.VPN, "inspection")


@pytest.mark.parametrize("word", ["pendingAcceptance", "rejected", "failed"])
def test_an_attachment_may_be_in_any_state(word: str):
    plane = built(BASE.replace("subnet_ids: [hub-a]", f"subnet_ids: [hub-a], state: {word}"))
    assert plane.transit_gateway_attachments["att-hub"].state == AttachmentState(word)
    assert shown(plane, "inspection") == []


def test_another_accounts_vpc_is_accepted_unless_the_document_says_otherwise():
    plane = built(BASE.replace("hub: {cidr", 'hub: {owner_id: "999999999999", cidr'))
    assert plane.transit_gateway_attachments["att-hub"].state is AttachmentState.AVAILABLE


@pytest.mark.fact("ROUTE-14")
def test_a_route_to_a_transit_gateway_whose_attachment_failed_is_a_blackhole():
    plane = built(BASE.replace("route_table_id: inspection", "state: failed"))
    assert plane.route_tables["rtb-main-spoke"].routes[-1].state is RouteState.BLACKHOLE


def test_shuffling_a_document_with_transit_gateways_changes_nothing():
    plain = state(built(BASE))
    for seed in range(5):
        text = json.dumps(shuffled(parse(BASE, "net.yaml").data, Random(seed)))
        assert state(load_document(parse(text, "net.json"))) == plain


MISTAKES = [
    ("resource_id: hub,", "resource_id: hug,", 'InvalidVpcID.NotFound: unknown VPC "hug"'),
    ("resource_id: hub,", "resource_id: office,", 'InvalidParameterValue: "office" is no vpc, as resource_type says'),
    ("resource_id: hub,", "resource_id: spoke,", "InvalidSubnet: The subnet hub-a does not belong to the VPC spoke"),
    (
        "resource_id: hub, subnet_ids: [hub-a]",
        "resource_id: spoke, subnet_ids: [spoke-a]",
        "DuplicateTransitGatewayAttachment: tgw has non-deleted Transit Gateway Attachments with same VPC ID.",
    ),
    ("resource_id: west,", "resource_id: hub,", "InvalidVpcID.NotFound: The vpc ID 'hub' does not exist in us-west-2"),
    ("[spoke-a, spoke-b]", "[]", "MissingParameter: The request must contain the parameter subnetIds"),
    ("resource_id: far,", "resource_id: far, subnet_ids: [hub-a],", "only the attachment of a VPC has subnets"),
    ("route_table_id: inspection", "route_table_id: far-table", '"far-table" is no table of tgw'),
    (
        "route_table_id: inspection",
        "route_table_id: inspektion",
        'InvalidRouteTableID.NotFound: unknown transit gateway route table "inspektion"',
    ),
    (
        "{destination: 10.66.0.0/16}",
        "{destination: 10.3.0.0/16}",
        "RouteAlreadyExists: Route 10.3.0.0/16 already exists in Transit Gateway Route Table tgw-rtb-default-tgw",
    ),
    ("{destination: 10.66.0.0/16}", "{destination: 10.66.0.0}", "InvalidParameterValue: Value (10.66.0.0)"),
    (
        "propagations: [att-hub]",
        "propagations: [pair]",
        "OperationNotPermitted: Transit Gateway Peering Attachment pair does not propagate routes.",
    ),
    ("target: tgw}", "target: far}", "InvalidTransitGatewayID.NotFound: The transitGateway ID 'far' does not exist"),
    (
        "inspection: {transit_gateway_id: tgw,",
        "inspection: {transit_gateway_id: tgv,",
        'InvalidTransitGatewayID.NotFound: unknown transit gateway "tgv"',
    ),
]


@pytest.mark.parametrize(("old", "new", "expected"), MISTAKES)
def test_each_mistake_about_a_transit_gateway_is_reported(old: str, new: str, expected: str):
    assert old in BASE
    found = problems(BASE.replace(old, new))
    assert any(expected in problem for problem in found), found
