"""An answer with its reasons: what the gate looked at, the layer of the names, remarks, and what is not modelled."""

from __future__ import annotations

import json

import pytest

from emulator.model.reasons import Reason
from emulator.network.questions import BadQuestion
from tests.network.asking import asked, explained, plane_of
from tests.network.test_repairs import FIVE, ONE_VPC, PAIR, PRIVATE_LINK, transit

OPEN = "security_groups: {all: {ingress: [{protocol: all, peer: 0.0.0.0/0}]}}\n"


@pytest.mark.fact("SG-1")
def test_the_rules_of_all_groups_of_the_interface_were_looked_at():
    text = PAIR.replace("security_groups: {web: {}", "security_groups: {web: {egress: [WEB]}, more: {egress: [MORE]}")
    text = text.replace("[web], private", "[web, more], private")
    text = text.replace("WEB", "{protocol: tcp, ports: 22, peer: 10.0.0.0/16}")
    text = text.replace("MORE", "{protocol: udp, ports: 53, peer: 10.0.0.0/8}")
    found = explained(text, "web", "db:5432")
    assert found.gate == "web,more security_group_egress"
    assert found.looked_at == ("web: tcp 22 to 10.0.0.0/16", "more: udp 53 to 10.0.0.0/8")


@pytest.mark.fact("NACL-2")
def test_of_a_network_acl_the_lines_up_to_the_one_that_denied_were_looked_at():
    text = (
        ONE_VPC
        + OPEN
        + """\
route_tables: {a: {}}
network_acls:
  acl:
    subnet_ids: [a]
    ingress: []
    egress:
      - {rule_number: 300, protocol: all, cidr_block: 0.0.0.0/0, rule_action: allow}
      - {rule_number: 200, protocol: tcp, ports: 443, cidr_block: 10.0.0.0/16, rule_action: deny}
      - {rule_number: 100, protocol: tcp, ports: 22, cidr_block: 10.0.0.0/16, rule_action: allow}
instances: {web: {subnet_id: a}, db: {subnet_id: b, security_group_ids: [all]}}
"""
    )
    found = explained(text, "web", "db")
    assert found.looked_at == ("100 allow tcp 22 10.0.0.0/16", "200 deny tcp 443 10.0.0.0/16")
    found = explained(text, "web", "db:22")  # the answer is denied by the last line of all
    assert (found.gate, found.looked_at) == ("acl network_acl_ingress", ("*",))


@pytest.mark.fact("ROUTE-7")
def test_without_a_route_all_routes_were_looked_at_and_else_those_that_cover_the_destination():
    text = (
        ONE_VPC
        + """\
route_tables:
  a:
    routes:
      - {destination: 192.168.0.0/16, target: pcx-gone, state: blackhole}
      - {destination: 192.168.7.0/24, target: pcx-gone, state: blackhole}
instances: {web: {subnet_id: a}}
"""
    )
    assert set(explained(text, "web", "8.8.8.8").looked_at) == {
        "10.0.0.0/16 -> local",
        "192.168.0.0/16 -> pcx-gone (blackhole)",
        "192.168.7.0/24 -> pcx-gone (blackhole)",
    }
    assert explained(text, "web", "192.168.7.1").looked_at == (
        "192.168.7.0/24 -> pcx-gone (blackhole)",
        "192.168.0.0/16 -> pcx-gone (blackhole)",
    )


@pytest.mark.fact("EDGE-3")
def test_of_a_transit_gateway_its_table_was_looked_at():
    found = explained(transit(propagations="att-app", routes="{destination: 10.66.0.0/16}"), "web", "db")
    assert found.gate == "table transit_gateway_route"
    assert set(found.looked_at) == {
        "10.1.0.0/16 (propagated-vpc) -> att-app",
        "10.66.0.0/16 (static) -> blackhole (blackhole)",
    }


def test_an_answer_that_is_yes_has_no_reasons():
    found = explained(PAIR.replace("db: {}}", "db: {ingress: [{protocol: all, peer: web}]}}"), "web", "db")
    assert (found.answer.reachable, found.gate, found.looked_at, found.repair) == (True, "", (), None)
    assert list(found.lines())[-1] == "reachable"
    assert found.to_json()["repair"] is None


def test_the_object_of_an_answer_says_all_that_the_text_says():
    found = explained(FIVE, "web", "tool")
    plain = json.loads(json.dumps(found.to_json()))
    assert plain["reachable"] is False
    assert (plain["gate"], plain["looked_at"]) == ("client security_group_egress", [])
    assert plain["repair"]["works"] is True
    assert plain["repair"]["blockers"][2] == {
        "reason": "NO_ROUTE_TO_DESTINATION",
        "component": "app",
        "gate": "route",
        "rule": None,
        "way": "out",
    }
    assert plain["repair"]["changes"][2] == {
        "verb": "create_route",
        "parameters": {
            "route_table_id": "app",
            "destination_cidr_block": "10.2.0.0/16",
            "vpc_peering_connection_id": "pcx",
        },
    }


# --- names -----------------------------------------------------------------------------------------------------------


@pytest.mark.fact("DNS-2", "REACH-4")
def test_a_name_without_an_address_is_refused_in_the_layer_of_the_names_before_any_packet():
    text = ONE_VPC.replace("enable_dns_hostnames: true", "enable_dns_support: false")
    text += "route_tables: {a: {}}\ninstances: {web: {subnet_id: a}}\n"
    found = explained(text, "web", "s3.us-east-1.amazonaws.com")
    (step,) = found.answer.forward.steps
    assert (step.gate, step.component, step.reason) == ("dns", "main", Reason.EMU_DNS_OFF)
    assert next(found.lines()) == "tcp 10.0.1.4:40000 > s3.us-east-1.amazonaws.com:443"
    assert "not reachable: EMU_DNS_OFF at main (enable_dns_support)" in list(found.lines())
    assert found.answer.way is None


# --- remarks and what is not modelled --------------------------------------------------------------------------------


@pytest.mark.fact("REACH-3")
def test_a_path_that_crosses_zones_is_remarked_upon_and_one_that_does_not_is_not():
    text = PAIR.replace("db: {}}", "db: {ingress: [{protocol: all, peer: 0.0.0.0/0}]}}")
    assert asked(text, "web", "db").remarks == ("AVAILABILITY_ZONE_CROSSED: use1-az1 to use1-az2",)
    assert asked(text, "web", "one").remarks == ()


@pytest.mark.fact("REACH-1", "ROUTE-13")
@pytest.mark.parametrize("target", ["eigw-1", "lgw-1", "vpce-gwlb", "cagw-1"])
def test_a_route_to_a_kind_that_is_not_modelled_is_never_called_reachable(target: str):
    plane = plane_of(ONE_VPC + "route_tables: {a: {}}\ninstances: {web: {subnet_id: a}}\n")
    plane.register_route("a", target, destination_cidr_block="0.0.0.0/0", state="active")
    found = explained(plane, "web", "8.8.8.8")
    assert not found.answer.reachable
    assert found.answer.blocker.reason is Reason.UNSUPPORTED_COMPONENT
    assert found.answer.forward.steps[-1].detail == f"{target} is of a kind that is not modelled"
    assert found.looked_at == (f"0.0.0.0/0 -> {target}",)
    assert "that component is not modelled, so nobody knows" in list(found.lines())[-1]


@pytest.mark.fact("REACH-1", "SVC-8")
def test_clients_that_keep_their_addresses_before_a_load_balancer_are_never_called_reachable():
    """``vpcemu`` models targets that see the load balancer's address; else it says that it does not know."""
    text = PRIVATE_LINK.replace("ACCEPTANCE", "false").replace("CROSS", "true")
    near = "near: {subnet_id: shared-b, security_group_ids: [target]}"
    plane = plane_of(text.replace("  db: {subnet_id", f"  {near}\n  db: {{subnet_id"))
    node = plane.load_balancers["nlb"].network_interface_ids[0]
    address = str(plane.network_interfaces[node].private_ip_address)
    found = explained(plane, "near", address)
    assert found.answer.blocker.reason is Reason.UNSUPPORTED_COMPONENT
    assert not found.repair.works
    plane.modify_target_group_attributes("group", preserve_client_ip_enabled=False)
    assert asked(plane, "near", address).reachable


@pytest.mark.fact("REACH-1")
def test_a_source_or_destination_that_is_not_there_is_a_question_that_cannot_be_asked():
    text = ONE_VPC + "route_tables: {a: {}}\ninstances: {web: {subnet_id: a}}\n"
    with pytest.raises(BadQuestion, match="no instance, interface, gateway or address 'wbe': did you mean \"web\""):
        asked(text, "wbe", "10.0.1.9")
    with pytest.raises(BadQuestion, match="no host, endpoint, service or address 'nowhere'"):
        asked(text, "web", "nowhere")


@pytest.mark.fact("REACH-4")
def test_the_emulators_own_reasons_are_those_that_the_analyzer_cannot_have():
    """All of the fact's but ``EMU_PPS``: packets per second are limited at link-local services alone."""
    assert {reason for reason in Reason if reason.startswith("EMU_")} == {
        "EMU_IPV4_ONLY",
        "EMU_OVER_MTU",
        "EMU_IDLE_TIMEOUT",
        "EMU_QUEUE_FULL",
        "EMU_POLICED",
        "EMU_CONNTRACK_FULL",
        "EMU_LINK_LOCAL",
        "EMU_PORTS_EXHAUSTED",
        "EMU_DNS_OFF",
        "EMU_FAULT",
    }


@pytest.mark.fact("REACH-4")
@pytest.mark.parametrize(
    ("to", "reason"), [("fd00::1", "EMU_IPV4_ONLY"), ("169.254.169.254", "EMU_LINK_LOCAL"), ("db", "EMU_FAULT")]
)
def test_a_question_meets_the_emulators_own_reasons_too(to: str, reason: str):
    plane = plane_of(PAIR)
    plane.fail_network_interface("eni-db")
    assert asked(plane, "web", to).blocker.reason == reason
