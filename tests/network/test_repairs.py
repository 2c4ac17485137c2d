"""What is in the way of a question, and the smallest set of changes that clears it: a topology and a question each."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.flows.conntrack import FlowState
from emulator.network.naming import Names
from emulator.network.questions import ask
from emulator.network.repairs import repair
from tests.network.asking import asked, blockers, changes, explained, plane_of

if TYPE_CHECKING:
    from random import Random

    from emulator.observe.explain import RoundTrip

TWO_VPCS = """\
region: us-east-1
vpcs:
  app: {cidr_blocks: [10.1.0.0/16], enable_dns_hostnames: true}
  shared: {cidr_blocks: [10.2.0.0/16]}
subnets:
  app-a: {vpc_id: app, cidr_block: 10.1.1.0/24, availability_zone: us-east-1a, route_table_id: app}
  shared-a: {vpc_id: shared, cidr_block: 10.2.1.0/24, availability_zone: us-east-1a, route_table_id: shared}
services: {com.amazonaws.us-east-1.tool: {}}
"""

FIVE = (
    TWO_VPCS
    + """\
route_tables:
  app: {vpc_id: app}
  shared: {vpc_id: shared, routes: [{destination: 10.1.0.0/16, target: pcx}]}
vpc_peering_connections: {pcx: {vpc_id: app, peer_vpc_id: shared}}
security_groups:
  client: {vpc_id: app, egress: []}
  endpoint: {vpc_id: shared}
network_acls:
  acl-app: {vpc_id: app, subnet_ids: [app-a]}
instances:
  web: {subnet_id: app-a, security_group_ids: [client], private_ip_address: 10.1.1.10}
vpc_endpoints:
  tool:
    service_name: tool
    vpc_endpoint_type: Interface
    vpc_id: shared
    subnet_configurations: [{subnet_id: shared-a, ipv4: 10.2.1.200}]
    security_group_ids: [endpoint]
"""
)


@pytest.mark.fact("NACL-9", "SG-1", "NACL-4")
def test_all_blockers_are_listed_in_the_order_in_which_a_packet_meets_them():
    found = explained(FIVE, "web", "tool")
    assert blockers(found) == [
        "out security_group_egress at client: SG_HAS_NO_RULES",
        "out network_acl_egress at acl-app: SUBNET_ACL_RESTRICTION",
        "out route at app: NO_ROUTE_TO_DESTINATION",
        "out security_group_ingress at endpoint: SG_HAS_NO_RULES",
        "back network_acl_ingress at acl-app: SUBNET_ACL_RESTRICTION",
    ]
    assert changes(found) == [
        (
            "authorize_security_group_egress(group_id=client, ip_protocol=tcp, from_port=443, to_port=443,"
            " cidr_ip=10.2.1.200/32)"
        ),
        (
            "create_network_acl_entry(network_acl_id=acl-app, rule_number=100, protocol=tcp, rule_action=allow,"
            " egress=True, cidr_block=10.2.1.200/32, from_port=443, to_port=443)"
        ),
        "create_route(route_table_id=app, destination_cidr_block=10.2.0.0/16, vpc_peering_connection_id=pcx)",
        (
            "authorize_security_group_ingress(group_id=endpoint, ip_protocol=tcp, from_port=443, to_port=443,"
            " cidr_ip=10.1.1.10/32)"
        ),
        (
            "create_network_acl_entry(network_acl_id=acl-app, rule_number=100, protocol=tcp, rule_action=allow,"
            " egress=False, cidr_block=10.2.1.200/32, from_port=1024, to_port=65535)"
        ),
    ]


def test_the_changes_have_been_tried_and_none_can_be_spared():
    plane = plane_of(FIVE)
    found = explained(plane, "web", "tool")
    assert not asked(plane, "web", "tool").reachable  # asking has changed nothing
    for left_out in (None, *found.repair.changes):
        fresh = plane_of(FIVE)
        for change in found.repair.changes:
            if change is not left_out:
                change.apply(fresh)
        assert asked(fresh, "web", "tool").reachable is (left_out is None)


def test_a_change_that_another_makes_unnecessary_is_dropped():
    """The way to S3's public addresses meets a network ACL; the endpoint's private DNS leads past it."""
    text = (
        TWO_VPCS
        + """\
route_tables: {app: {vpc_id: app, routes: []}, shared: {vpc_id: shared}}
security_groups:
  client: {vpc_id: app, egress: [{protocol: tcp, ports: 443, peer: 10.1.0.0/16}]}
  endpoint: {vpc_id: app, ingress: [{protocol: tcp, ports: 443, peer: 10.1.0.0/16}]}
instances: {web: {subnet_id: app-a, security_group_ids: [client]}}
vpc_endpoints:
  ssm:
    service_name: ssm
    vpc_endpoint_type: Interface
    vpc_id: app
    subnet_ids: [app-a]
    security_group_ids: [endpoint]
"""
    )
    found = explained(text, "web", "ssm.us-east-1.amazonaws.com:443")
    assert blockers(found) == [
        "out security_group_egress at client: ENI_SG_RULES_MISMATCH",
        "out route at app: NO_ROUTE_TO_DESTINATION",
    ]
    assert changes(found) == ["modify_vpc_endpoint(vpc_endpoint_id=ssm, private_dns_enabled=True)"]


# --- one remedy each -------------------------------------------------------------------------------------------------

ONE_VPC = """\
region: us-east-1
vpcs: {main: {cidr_blocks: [10.0.0.0/16], enable_dns_hostnames: true}}
subnets:
  a: {cidr_block: 10.0.1.0/24, availability_zone: us-east-1a, route_table_id: a}
  b: {cidr_block: 10.0.2.0/24, availability_zone: us-east-1b}
services: {com.amazonaws.us-east-1.tool: {}}
"""
S3_BLOCKS = ["54.231.0.0/17", "52.216.0.0/15", "3.5.16.0/21", "3.5.0.0/20"]

S3 = (
    ONE_VPC
    + """\
route_tables: {a: {}}
security_groups: {strict: {egress: []}}
instances:
  web: {subnet_id: a, security_group_ids: [strict]}
  db: {subnet_id: b}
vpc_endpoints: {s3: {service_name: s3, route_table_ids: [a]}}
"""
)


@pytest.mark.fact("SG-3", "VPCE-GW-3")
def test_a_group_is_opened_to_a_gateway_endpoint_by_its_prefix_list():
    assert changes(explained(S3, "web", "s3")) == [
        (
            "authorize_security_group_egress(group_id=strict, ip_protocol=tcp, from_port=443, to_port=443,"
            " prefix_list_id=pl-63a5400a)"
        )
    ]


@pytest.mark.fact("VPCE-GW-3")
def test_a_table_that_the_gateway_endpoint_forgot_is_associated():
    found = explained(S3, "db", "s3")
    assert blockers(found) == ["out route at rtb-main-main: NO_ROUTE_TO_DESTINATION"]
    assert changes(found) == ["modify_vpc_endpoint(vpc_endpoint_id=s3, add_route_table_ids=[rtb-main-main])"]


@pytest.mark.fact("VPCE-GW-1")
def test_without_an_endpoint_one_is_made_rather_than_a_way_to_the_whole_internet():
    text = S3.replace("vpc_endpoints: {s3: {service_name: s3, route_table_ids: [a]}}", "")
    text += "internet_gateways: {igw: {vpc_id: main}}\nnat_gateways: {nat: {subnet_id: a}}\n"
    assert changes(explained(text, "db", "s3")) == [
        "create_vpc_endpoint(vpc_id=main, service_name=com.amazonaws.us-east-1.s3, route_table_ids=[rtb-main-main])"
    ]


@pytest.mark.fact("NACL-5", "NACL-4")
def test_a_network_acl_is_opened_to_s3_block_by_block():
    """It has no prefix lists; and an ACL full of rules gets only the block that is needed (NACL-6)."""
    text = (
        S3.replace("egress: []", "") + "network_acls: {acl: {subnet_ids: [a], egress: [EGRESS], ingress: [INGRESS]}}\n"
    )
    allow = "{rule_number: 100, protocol: all, cidr_block: 0.0.0.0/0, rule_action: allow}"
    found = explained(text.replace("[EGRESS]", "[]").replace("INGRESS", allow), "web", "s3")
    parameters = [change.parameters for change in found.repair.changes]
    assert [one["cidr_block"] for one in parameters] == S3_BLOCKS
    assert [one["rule_number"] for one in parameters] == [100, 110, 120, 130]
    assert {(one["egress"], one["from_port"], one["to_port"]) for one in parameters} == {(True, 443, 443)}
    full = ", ".join(
        f"{{rule_number: {number}, protocol: udp, ports: {number}, cidr_block: 0.0.0.0/0, rule_action: allow}}"
        for number in range(1, 19)
    )
    found = explained(text.replace("[EGRESS]", f"[{allow}]").replace("INGRESS", full), "web", "s3")
    (change,) = found.repair.changes
    assert change.parameters["cidr_block"] in S3_BLOCKS
    assert (change.parameters["egress"], change.parameters["from_port"], change.parameters["to_port"]) == (
        False, 1024, 65535
    )  # fmt: skip


@pytest.mark.fact("NACL-2")
@pytest.mark.parametrize(("denied", "expected"), [(100, 90), (5, 4), (1, None)])
def test_an_entry_goes_in_front_of_the_line_that_denied(denied: int, expected: int | None):
    text = (
        ONE_VPC
        + f"""\
route_tables: {{a: {{}}}}
network_acls:
  acl:
    subnet_ids: [b]
    egress: [{{rule_number: 100, protocol: all, cidr_block: 0.0.0.0/0, rule_action: allow}}]
    ingress:
      - {{rule_number: {denied}, protocol: tcp, ports: 443, cidr_block: 10.0.0.0/16, rule_action: deny}}
      - {{rule_number: 200, protocol: all, cidr_block: 0.0.0.0/0, rule_action: allow}}
security_groups: {{all: {{ingress: [{{protocol: all, peer: 10.0.0.0/8}}]}}}}
instances: {{web: {{subnet_id: a}}, db: {{subnet_id: b, security_group_ids: [all]}}}}
"""
    )
    found = explained(text, "web", "db")
    assert found.looked_at == (f"{denied} deny tcp 443 10.0.0.0/16",)
    assert [change.parameters.get("rule_number") for change in found.repair.changes] == ([expected] if expected else [])
    assert found.repair.works is (expected is not None)


PAIR = (
    ONE_VPC
    + """\
route_tables: {a: {}}
security_groups: {web: {}, crowd: {}, db: {}}
instances:
  web: {subnet_id: a, security_group_ids: [web], private_ip_address: 10.0.1.10}
  one: {subnet_id: a, security_group_ids: [crowd], private_ip_address: 10.0.1.11}
  two: {subnet_id: a, security_group_ids: [crowd], private_ip_address: 10.0.1.12}
  db: {subnet_id: b, security_group_ids: [db]}
"""
)


@pytest.mark.fact("SG-3")
@pytest.mark.parametrize(("source", "peer"), [("web", "referenced_group_id=web"), ("one", "cidr_ip=10.0.1.11/32")])
def test_a_group_is_named_as_the_peer_only_if_nobody_else_is_in_it(source: str, peer: str):
    """A reference to a group that others are in as well would admit them too."""
    assert changes(explained(PAIR, source, "db:5432")) == [
        f"authorize_security_group_ingress(group_id=db, ip_protocol=tcp, from_port=5432, to_port=5432, {peer})"
    ]


@pytest.mark.parametrize(
    ("protocol", "ports"),
    [("udp", "ip_protocol=udp, from_port=53, to_port=53"), ("icmp", "ip_protocol=icmp, from_port=8, to_port=0")],
)
def test_a_rule_is_of_the_packets_protocol(protocol: str, ports: str):
    (change,) = changes(explained(PAIR, "web", "db:53" if protocol == "udp" else "db", protocol=protocol))
    assert ports in change


PEERED = (
    TWO_VPCS
    + """\
vpc_peering_connections: {pcx: {vpc_id: app, peer_vpc_id: shared, auto_accept: ACCEPT}}
route_tables:
  app: {vpc_id: app, routes: [{destination: 10.2.0.0/16, target: pcx}]}
  shared: {vpc_id: shared, routes: [BACK]}
security_groups: {open: {vpc_id: shared, ingress: [{protocol: all, peer: 0.0.0.0/0}]}}
instances:
  web: {subnet_id: app-a}
  db: {subnet_id: shared-a, security_group_ids: [open]}
"""
)
BACK = "{destination: 10.1.0.0/16, target: pcx}"


@pytest.mark.fact("EDGE-2", "ROUTE-7")
def test_a_peering_with_a_route_on_one_side_only_gets_the_other():
    found = explained(PEERED.replace("ACCEPT", "true").replace("BACK", ""), "web", "db")
    assert blockers(found) == ["back route at shared: NO_ROUTE_TO_DESTINATION"]
    assert changes(found) == [
        "create_route(route_table_id=shared, destination_cidr_block=10.1.0.0/16, vpc_peering_connection_id=pcx)"
    ]


@pytest.mark.fact("EDGE-2")
def test_a_peering_that_waits_for_acceptance_is_accepted():
    """A route to it is a blackhole until then: no other way is looked for in its place."""
    found = explained(PEERED.replace("ACCEPT", "false").replace("BACK", BACK), "web", "db")
    assert changes(found) == ["accept_vpc_peering_connection(vpc_peering_connection_id=pcx)"]


@pytest.mark.fact("EDGE-2", "VPCE-GW-13")
def test_a_route_to_s3_through_a_neighbour_gives_way_to_an_endpoint_of_ones_own():
    text = PEERED.replace("ACCEPT", "true").replace("BACK", BACK)
    text = text.replace("target: pcx}]}\n  shared", "target: pcx}, {destination: pl-63a5400a, target: pcx}]}\n  shared")
    found = explained(text, "web", "52.216.0.10")
    assert blockers(found) == ["out peering at pcx: PCX_REQUIRES_ADDRESS_IN_VPC_CIDR"]
    assert changes(found) == [
        "delete_route(route_table_id=app, destination_prefix_list_id=pl-63a5400a)",
        "create_vpc_endpoint(vpc_id=app, service_name=com.amazonaws.us-east-1.s3, route_table_ids=[app])",
    ]


TRANSIT = (
    TWO_VPCS
    + """\
route_tables:
  app: {vpc_id: app, routes: [{destination: 10.2.0.0/16, target: tgw}]}
  shared: {vpc_id: shared, routes: [{destination: 10.1.0.0/16, target: tgw}]}
security_groups: {open: {vpc_id: shared, ingress: [{protocol: all, peer: 0.0.0.0/0}]}}
instances:
  web: {subnet_id: app-a}
  db: {subnet_id: shared-a, security_group_ids: [open]}
transit_gateways: {tgw: {default_route_table_association: false, default_route_table_propagation: false}}
transit_gateway_route_tables:
  table: {transit_gateway_id: tgw, propagations: [PROPAGATIONS], routes: [ROUTES]}
transit_gateway_attachments:
  att-app: {transit_gateway_id: tgw, resource_id: app, subnet_ids: [app-a], route_table_id: ASSOCIATED}
  att-shared: {transit_gateway_id: tgw, resource_id: shared, subnet_ids: [shared-a], route_table_id: table}
"""
)


def transit(associated: str = "table", propagations: str = "att-app, att-shared", routes: str = "") -> str:
    text = TRANSIT.replace("ASSOCIATED", associated).replace("PROPAGATIONS", propagations)
    return text.replace("ROUTES", routes)


@pytest.mark.fact("EDGE-3")
@pytest.mark.parametrize(
    ("text", "reason", "change"),
    [
        (
            transit(associated="none"),
            "TGW_ATTACH_MISSING_TGW_RTB_ASSOCIATION",
            (
                "associate_transit_gateway_route_table(transit_gateway_route_table_id=table,"
                " transit_gateway_attachment_id=att-app)"
            ),
        ),
        (
            transit(propagations="att-app"),
            "TGW_RTB_NO_ROUTE_TO_TGW_ATTACHMENT",
            (
                "enable_transit_gateway_route_table_propagation(transit_gateway_route_table_id=table,"
                " transit_gateway_attachment_id=att-shared)"
            ),
        ),
        (
            transit(routes="{destination: 10.2.0.0/16}"),
            "TGW_RTB_BAD_STATE_ROUTE",
            "delete_transit_gateway_route(transit_gateway_route_table_id=table, destination_cidr_block=10.2.0.0/16)",
        ),
        (
            transit(propagations="att-app", routes="{destination: 10.2.0.0/16}"),
            "TGW_RTB_BAD_STATE_ROUTE",
            (
                "replace_transit_gateway_route(transit_gateway_route_table_id=table,"
                " transit_gateway_attachment_id=att-shared, destination_cidr_block=10.2.0.0/16)"
            ),
        ),
        (
            transit()
            .replace("app-a], route", "app-b], route")
            .replace(
                "subnets:", "subnets:\n  app-b: {vpc_id: app, cidr_block: 10.1.2.0/24, availability_zone: us-east-1b}"
            ),
            "TGW_ROUTE_AZ_RESTRICTION",
            "modify_transit_gateway_vpc_attachment(transit_gateway_attachment_id=att-app, add_subnet_ids=[app-a])",
        ),
    ],
    ids=("association", "propagation", "blackhole", "blackhole-only", "zone"),
)
def test_what_a_transit_gateway_lacks_is_added(text: str, reason: str, change: str):
    found = explained(text, "web", "db")
    assert found.answer.blocker.reason == reason
    assert changes(found) == [change]


def test_a_reference_that_does_not_help_is_not_tried_twice():
    """Across a transit gateway without referencing a group stands for nobody (SG-4): the address does."""
    found = explained(transit().replace("ingress: [{protocol: all, peer: 0.0.0.0/0}]", ""), "web", "db:22")
    assert blockers(found) == ["out security_group_ingress at open: SG_HAS_NO_RULES"]
    (change,) = changes(found)
    assert "cidr_ip=10.1.1.4/32" in change


INTERNET = (
    ONE_VPC
    + """\
route_tables: {a: {routes: [ROUTES]}}
internet_gateways: {igw: {vpc_id: main}}
nat_gateways: {nat: {subnet_id: b}}
instances: {web: {subnet_id: a}}
external_hosts: {site: {ip_address: 198.51.100.7}}
"""
)
WITH_NAT = INTERNET.replace("route_tables: {", "route_tables: {rtb-main-main: {routes: [MAIN]}, ")
OUT = "{destination: 0.0.0.0/0, target: igw}"


@pytest.mark.fact("NAT-1")
def test_a_private_subnet_gets_a_default_route_to_the_nat_gateway():
    text = WITH_NAT.replace("ROUTES", "").replace("MAIN", OUT)
    assert changes(explained(text, "web", "site")) == [
        "create_route(route_table_id=a, destination_cidr_block=0.0.0.0/0, nat_gateway_id=nat)"
    ]


def test_a_nat_gateway_in_a_private_subnet_gets_a_way_out_of_its_own():
    text = INTERNET.replace("ROUTES", "{destination: 0.0.0.0/0, target: nat}")
    found = explained(text, "web", "site")
    assert blockers(found) == ["out route at rtb-main-main: NO_ROUTE_TO_DESTINATION"]
    assert changes(found) == [
        "create_route(route_table_id=rtb-main-main, destination_cidr_block=0.0.0.0/0, gateway_id=igw)"
    ]


@pytest.mark.fact("EDGE-1")
def test_who_goes_out_by_an_internet_gateway_gets_a_public_address():
    found = explained(INTERNET.replace("ROUTES", OUT), "web", "site")
    assert blockers(found) == ["out translation at igw: IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS"]
    assert changes(found) == [
        "allocate_address(allocation_id=eipalloc-eni-web)",
        "associate_address(allocation_id=eipalloc-eni-web, network_interface_id=eni-web)",
    ]


@pytest.mark.fact("ROUTE-14")
def test_a_blackhole_is_replaced_by_what_leads_there():
    text = WITH_NAT.replace("ROUTES", "{destination: 0.0.0.0/0, target: nat-gone, state: blackhole}")
    found = explained(text.replace("MAIN", OUT), "web", "site")
    assert blockers(found) == ["out route at a: BAD_STATE_ROUTE"]
    assert changes(found) == ["replace_route(route_table_id=a, destination_cidr_block=0.0.0.0/0, nat_gateway_id=nat)"]


@pytest.mark.fact("DNS-2")
def test_a_resolver_that_was_switched_off_is_switched_on():
    """The layer is named as such: no packet was sent."""
    text = S3.replace("enable_dns_hostnames: true", "enable_dns_support: false")
    found = explained(text, "db", "s3.us-east-1.amazonaws.com")
    assert found.answer.blocker.reason == "EMU_DNS_OFF"
    assert found.gate == "main dns"
    assert changes(found)[0] == "modify_vpc_attribute(vpc_id=main, enable_dns_support=True)"
    assert found.repair.works


@pytest.mark.fact("VPCE-GW-17")
def test_with_todays_knob_names_behind_a_gateway_endpoint_get_dns_hostnames():
    text = S3.replace(", enable_dns_hostnames: true", "").replace("egress: []", "")
    text += "settings: {gateway_endpoint_dns_hostnames: true}\n"
    found = explained(text, "web", "s3.us-east-1.amazonaws.com")
    assert changes(found) == ["modify_vpc_attribute(vpc_id=main, enable_dns_hostnames=True)"]


def test_a_middlebox_gets_its_source_destination_check_switched_off():
    text = (
        ONE_VPC
        + """\
route_tables: {a: {routes: [{destination: 10.0.2.0/24, target: box}]}}
security_groups: {all: {ingress: [{protocol: all, peer: 0.0.0.0/0}]}}
instances:
  web: {subnet_id: a}
  box: {subnet_id: c, security_group_ids: [all], forwards: true}
  db: {subnet_id: b, security_group_ids: [all]}
"""
    )
    text = text.replace("services:", "  c: {cidr_block: 10.0.3.0/24, availability_zone: us-east-1a}\nservices:")
    found = explained(text, "web", "db")
    assert blockers(found)[0] == "out source_dest_check at eni-box: ENI_SOURCE_DEST_CHECK_RESTRICTION"
    assert changes(found) == [
        "modify_network_interface_attribute(network_interface_id=eni-box, source_dest_check=False)"
    ]


def test_a_stopped_instance_is_started():
    text = PAIR.replace("security_group_ids: [db]}", "security_group_ids: [open], state: stopped}")
    text = text.replace("db: {}}", "open: {ingress: [{protocol: all, peer: 0.0.0.0/0}]}}")
    assert changes(explained(text, "web", "db")) == ["start_instances(instance_ids=[db])"]


PRIVATE_LINK = (
    TWO_VPCS
    + """\
route_tables: {app: {vpc_id: app}, shared: {vpc_id: shared}}
security_groups:
  open: {vpc_id: app, ingress: [{protocol: all, peer: 0.0.0.0/0}]}
  target: {vpc_id: shared, ingress: [{protocol: all, peer: 0.0.0.0/0}]}
instances:
  web: {subnet_id: app-a}
  db: {subnet_id: shared-b, security_group_ids: [target]}
load_balancers:
  nlb:
    subnet_ids: [shared-a, shared-b]
    cross_zone: CROSS
    listeners: [{port: 443, protocol: TCP, target_group_name: group}]
target_groups:
  group: {vpc_id: shared, port: 443, targets: [{target_id: db}]}
vpc_endpoint_service_configurations:
  vpce-svc-1: {load_balancer_names: [nlb], acceptance_required: ACCEPTANCE, allowed_principals: ["*"]}
vpc_endpoints:
  link:
    service_name: vpce-svc-1
    vpc_endpoint_type: Interface
    vpc_id: app
    subnet_ids: [app-a]
    security_group_ids: [open]
""".replace("route_tables", "route_tables", 1)
)
PRIVATE_LINK = PRIVATE_LINK.replace(
    "services:", "  shared-b: {vpc_id: shared, cidr_block: 10.2.2.0/24, availability_zone: us-east-1b}\nservices:"
)


@pytest.mark.fact("VPCE-10", "SVC-7")
def test_an_endpoint_that_waits_is_accepted_and_a_load_balancer_crosses_zones():
    text = PRIVATE_LINK.replace("ACCEPTANCE", "true").replace("CROSS", "false")
    found = explained(text, "web", "link")
    assert [str(one.ending.reason) for one in found.repair.blockers] == ["BAD_STATE", "ELBV2_NO_TARGETS_IN_AZ"]
    assert changes(found) == [
        "accept_vpc_endpoint_connections(service_id=vpce-svc-1, vpc_endpoint_ids=[link])",
        "modify_load_balancer_attributes(load_balancer_name=nlb, cross_zone=True)",
    ]


@pytest.mark.fact("SVC-7")
def test_a_load_balancer_is_put_into_the_zone_of_its_targets():
    text = PRIVATE_LINK.replace("ACCEPTANCE", "false").replace("CROSS", "true")
    text = text.replace("[shared-a, shared-b]", "[shared-a]")
    found = explained(text, "web", "link")
    assert [str(one.ending.reason) for one in found.repair.blockers] == ["ELB_INSTALLED_AZ_RESTRICTION"]
    assert changes(found) == ["set_subnets(load_balancer_name=nlb, subnet_ids=[shared-a, shared-b])"]


# --- names -----------------------------------------------------------------------------------------------------------


def test_a_name_that_the_endpoint_does_not_cover_is_named_so_and_gets_an_endpoint_of_its_own():
    text = (
        ONE_VPC
        + """\
route_tables: {a: {}}
security_groups: {all: {ingress: [{protocol: tcp, ports: 443, peer: 10.0.0.0/16}]}}
instances: {web: {subnet_id: a}}
vpc_endpoints:
  ecr:
    service_name: ecr.dkr
    vpc_endpoint_type: Interface
    subnet_ids: [a]
    security_group_ids: [all]
    private_dns_enabled: true
"""
    )
    found = explained(text, "web", "api.ecr.us-east-1.amazonaws.com")
    assert any("not covered by the private DNS of ecr" in remark for remark in found.answer.remarks)
    assert found.answer.blocker.reason == "NO_ROUTE_TO_DESTINATION"
    created = changes(found)[0]
    assert created.startswith("create_vpc_endpoint(vpc_id=main, service_name=com.amazonaws.us-east-1.ecr.api,")
    assert found.repair.works


@pytest.mark.fact("VPCE-IF-21", "VPCE-IF-20")
def test_private_dns_is_switched_on_with_the_attributes_that_it_needs():
    text = (
        ONE_VPC.replace(", enable_dns_hostnames: true", "")
        + """\
route_tables: {a: {}}
security_groups: {all: {ingress: [{protocol: tcp, ports: 443, peer: 10.0.0.0/16}]}}
instances: {web: {subnet_id: a}}
vpc_endpoints: {ssm: {service_name: ssm, vpc_endpoint_type: Interface, subnet_ids: [a], security_group_ids: [all]}}
"""
    )
    assert changes(explained(text, "web", "ssm.us-east-1.amazonaws.com")) == [
        "modify_vpc_attribute(vpc_id=main, enable_dns_hostnames=True)",
        "modify_vpc_endpoint(vpc_endpoint_id=ssm, private_dns_enabled=True)",
    ]


# --- what no configuration helps against -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("to", "protocol", "break_it", "why"),
    [
        ("tool", "udp", "", "that component takes other protocols only, whatever its configuration"),
        ("fd00::1", "tcp", "", "IPv6 is not modelled"),
        ("tool", "tcp", "tool", "a fault was injected; until it is restored nothing helps"),
        ("10.0.1.99", "tcp", "", "nothing has that address"),
        ("nowhere.example.com", "tcp", "", "no change of the network was tried: the name has no address"),
    ],
)
def test_what_no_configuration_fixes_is_said_to_be_so(to: str, protocol: str, break_it: str, why: str):
    text = (
        ONE_VPC
        + """\
route_tables: {a: {}}
security_groups: {all: {ingress: [{protocol: all, peer: 0.0.0.0/0}]}}
instances: {web: {subnet_id: a}}
vpc_endpoints: {tool: {service_name: tool, vpc_endpoint_type: Interface, subnet_ids: [a], security_group_ids: [all]}}
"""
    )
    plane = plane_of(text)
    if break_it:
        plane.fail_service(f"com.amazonaws.us-east-1.{break_it}")
    found = explained(plane, "web", to, protocol=protocol)
    assert changes(found) == []
    assert list(found.repair.lines())[-1] == f"no change of configuration was found that makes it pass: {why}"


# --- laws ------------------------------------------------------------------------------------------------------------

PORTS = (22, 443)


def random_filters(draw: Random) -> str:
    """Return a VPC whose hosts are joined by routes, with random security groups and network ACLs in between."""

    def rule() -> str:
        peer = draw.choice(("10.0.0.0/16", "10.0.1.0/24", "10.0.2.0/24", "g0", "g1", "g2"))
        return f"{{protocol: tcp, ports: {draw.choice(PORTS)}, peer: {peer}}}"

    def entry(number: int) -> str:
        ports = draw.choice(("22", "443", "1024-65535"))
        action = draw.choice(("allow", "allow", "deny"))
        block = draw.choice(("0.0.0.0/0", "10.0.1.0/24", "10.0.2.0/24"))
        return f"{{rule_number: {number}, protocol: tcp, ports: {ports}, cidr_block: {block}, rule_action: {action}}}"

    def some(make: str) -> str:
        if make == "rule":
            return ", ".join({rule(): None for _ in range(draw.randrange(3))})
        return ", ".join(entry(10 * number) for number in range(1, draw.randrange(1, 5)))

    lines = ["region: us-east-1", "vpcs: {main: {cidr_blocks: [10.0.0.0/16]}}", "subnets:"]
    lines += [f"  s{n}: {{cidr_block: 10.0.{n}.0/24, availability_zone: us-east-1a}}" for n in (1, 2, 3)]
    lines.append("security_groups:")
    lines += [f"  g{n}: {{ingress: [{some('rule')}], egress: [{some('rule')}]}}" for n in range(3)]
    lines.append("network_acls:")
    shared = draw.choice(("[s1]", "[s1, s2]"))
    lines.append(f"  acl: {{subnet_ids: {shared}, ingress: [{some('entry')}], egress: [{some('entry')}]}}")
    lines.append("instances:")
    lines += [f"  h{n}: {{subnet_id: s{n % 3 + 1}, security_group_ids: [g{draw.randrange(3)}]}}" for n in range(5)]
    return "\n".join(lines) + "\n"


@settings(max_examples=40)
@given(st.randoms(use_true_random=False))
def test_a_repair_works_and_opens_nothing_but_the_asked_port_of_the_asked_peer(draw: Random):
    """Groups and ACLs judge for all who share them, so others gain too; but what they gain is bounded.

    The law: whoever can do afterwards what it could not do before, either is the asked source itself (and goes to
    someone who shares the destination's group or ACL), or goes to the asked destination (and shares the source's). And
    it gets through at no other port than the asked one; except that an ACL cannot tell one port's answers from
    another's (NACL-4): what had arrived before may now be answered.
    """
    text = random_filters(draw)
    plane = plane_of(text)
    hosts = list(plane.instances)
    source, to = draw.sample(hosts, 2)
    port = draw.choice(PORTS)

    def all_answers(plane) -> dict[tuple[str, str, int], RoundTrip]:
        names, state = Names(plane), FlowState()
        return {
            (one, other, number): ask(plane, names, state, 0, one, other, port=number)
            for one, other, number in itertools.product(hosts, hosts, PORTS)
            if one != other
        }

    found = repair(plane, lambda one: asked(one, source, to, port=port))
    before = all_answers(plane)
    assert found.works, list(found.lines())
    after_plane = plane.copy()
    for change in found.changes:
        change.apply(after_plane)
    after = all_answers(after_plane)
    assert after[source, to, port].reachable
    assert bool(found.changes) is not before[source, to, port].reachable
    for (one, other, number), answer in after.items():
        was = before[one, other, number]
        assert answer.reachable or not was.reachable, "a repair closes nothing"
        if answer.reachable and not was.reachable:
            assert one == source or other == to
            assert number == port or was.reply is not None
