"""Security groups and network ACLs."""

from __future__ import annotations

import pytest
from netaddr import IPNetwork

from emulator.control import ControlPlane, Ec2Error
from emulator.model.resources import NetworkAclEntry, RuleAction, SecurityGroupRule
from emulator.model.settings import Settings
from tests.control.planes import S3_LIST, small_plane

WORLD = IPNetwork("0.0.0.0/0")


@pytest.mark.fact("SG-2")
def test_a_new_group_lets_nothing_in_and_everything_out(plane: ControlPlane):
    group = plane.create_security_group("main", group_name="Front", group_id="g")
    assert (group.ingress, group.egress, group.group_name) == ((), (SecurityGroupRule(-1, cidr_ip=WORLD),), "Front")


@pytest.mark.fact("SG-3", "ERR-24")
@pytest.mark.parametrize(
    ("named", "rule"),
    [
        (
            {"ip_protocol": "tcp", "from_port": 443, "to_port": 443, "cidr_ip": "10.0.0.7/8"},
            SecurityGroupRule(6, 443, 443, IPNetwork("10.0.0.0/8")),
        ),
        (
            {"ip_protocol": "udp", "from_port": 0, "to_port": 65535, "cidr_ip": "0.0.0.0/0"},
            SecurityGroupRule(17, -1, -1, WORLD),
        ),
        (
            {"ip_protocol": "-1", "from_port": 5, "to_port": 6, "referenced_group_id": "web"},
            SecurityGroupRule(-1, referenced_group_id="web"),
        ),
        (
            {"ip_protocol": "ICMP", "from_port": 8, "to_port": -1, "cidr_ip": "0.0.0.0/0"},
            SecurityGroupRule(1, 8, -1, WORLD),
        ),
        ({"ip_protocol": 6, "prefix_list_id": S3_LIST}, SecurityGroupRule(6, prefix_list_id=S3_LIST)),
        ({"ip_protocol": "47", "cidr_ip": "0.0.0.0/0"}, SecurityGroupRule(47, cidr_ip=WORLD)),
    ],
)
def test_a_rule_is_kept_in_one_spelling_and_revoked_by_its_values(plane: ControlPlane, named, rule):
    assert plane.authorize_security_group_ingress("web", **named) == rule
    assert plane.security_groups["web"].ingress == (rule,)
    with pytest.raises(Ec2Error) as refusal:
        plane.authorize_security_group_ingress("web", **named)
    assert refusal.value.code == "InvalidPermission.Duplicate"
    plane.revoke_security_group_ingress("web", **named)
    assert plane.security_groups["web"].ingress == ()
    with pytest.raises(Ec2Error) as refusal:
        plane.revoke_security_group_ingress("web", **named)
    assert refusal.value.code == "InvalidPermission.NotFound"


@pytest.mark.parametrize(
    ("named", "code", "parameter"),
    [
        pytest.param({"ip_protocol": "tcp"}, "MissingParameter", None, marks=pytest.mark.fact("SG-3")),
        pytest.param(
            {"ip_protocol": "tcp", "cidr_ip": "0.0.0.0/0", "prefix_list_id": S3_LIST},
            "InvalidParameterCombination",
            None,
            marks=pytest.mark.fact("SG-3"),
        ),
        ({"ip_protocol": "sctp", "cidr_ip": "0.0.0.0/0"}, "InvalidParameterValue", "ip_protocol"),
        ({"ip_protocol": "256", "cidr_ip": "0.0.0.0/0"}, "InvalidParameterValue", "ip_protocol"),
        ({"ip_protocol": "icmpv6", "cidr_ip": "0.0.0.0/0"}, "UnsupportedOperation", "ip_protocol"),
        ({"ip_protocol": "tcp", "from_port": 443, "cidr_ip": "0.0.0.0/0"}, "MissingParameter", "to_port"),
        (
            {"ip_protocol": "tcp", "from_port": 2, "to_port": 1, "cidr_ip": "0.0.0.0/0"},
            "InvalidParameterValue",
            "from_port",
        ),
        (
            {"ip_protocol": "tcp", "from_port": 1, "to_port": 65536, "cidr_ip": "0.0.0.0/0"},
            "InvalidParameterValue",
            "to_port",
        ),
        (
            {"ip_protocol": "icmp", "from_port": 256, "to_port": -1, "cidr_ip": "0.0.0.0/0"},
            "InvalidParameterValue",
            "from_port",
        ),
        (
            {"ip_protocol": "icmp", "from_port": -1, "to_port": 3, "cidr_ip": "0.0.0.0/0"},
            "InvalidParameterValue",
            "to_port",
        ),
        ({"ip_protocol": "tcp", "cidr_ip": "::/0"}, "UnsupportedOperation", "cidr_ip"),
        ({"ip_protocol": "tcp", "prefix_list_id": "pl-none"}, "InvalidPrefixListID.NotFound", "prefix_list_id"),
        pytest.param(
            {"ip_protocol": "tcp", "referenced_group_id": "none"},
            "InvalidGroup.NotFound",
            "referenced_group_id",
            marks=pytest.mark.fact("ERR-24"),
        ),
        pytest.param(
            {"ip_protocol": "tcp", "referenced_group_id": "far-group"},
            "InvalidGroup.NotFound",
            "referenced_group_id",
            marks=pytest.mark.fact("SG-4"),
        ),
    ],
)
def test_what_rules_are_refused(plane: ControlPlane, named, code, parameter):
    with pytest.raises(Ec2Error) as refusal:
        plane.authorize_security_group_egress("web", **named)
    assert (refusal.value.code, refusal.value.parameter) == (code, parameter)


@pytest.mark.fact("SG-4", "SG-5")
def test_an_active_peers_group_may_be_named_and_goes_stale(plane: ControlPlane):
    plane.create_vpc_peering_connection("main", "far", vpc_peering_connection_id="pcx")
    rule = plane.authorize_security_group_ingress("web", ip_protocol="tcp", referenced_group_id="far-group")
    web = plane.security_groups["web"]
    assert not plane.security_group_rule_is_stale(web, rule)
    plane.delete_vpc_peering_connection("pcx")
    assert plane.security_group_rule_is_stale(web, rule)
    plane.create_vpc_peering_connection("main", "far")
    assert not plane.security_group_rule_is_stale(web, rule)
    plane.delete_security_group("far-group")  # a peer's rule holds nothing
    assert plane.security_group_rule_is_stale(web, rule)
    plane.revoke_security_group_ingress("web", ip_protocol="tcp", referenced_group_id="far-group")


@pytest.mark.fact("SG-8")
@pytest.mark.parametrize(
    ("named", "code"),
    [
        ({"group_name": "sg-front"}, "InvalidParameterValue"),
        ({"group_name": "SG-front"}, "InvalidParameterValue"),
        ({"group_name": "WEB"}, "InvalidGroup.Duplicate"),
        ({"group_name": "default"}, "InvalidGroup.Duplicate"),
    ],
)
def test_group_names_are_unique_in_their_vpc_ignoring_case(plane: ControlPlane, named, code):
    with pytest.raises(Ec2Error) as refusal:
        plane.create_security_group("main", **named)
    assert refusal.value.code == code
    if code == "InvalidGroup.Duplicate" and named["group_name"] != "default":
        plane.create_security_group("far", **named)  # another VPC, another name space


def test_a_group_that_is_used_stays(plane: ControlPlane):
    plane.create_security_group("main", group_id="other")
    plane.authorize_security_group_ingress("other", ip_protocol="tcp", referenced_group_id="web")
    plane.run_instances(instance_id="one", subnet_id="a", security_group_ids="web")
    with pytest.raises(Ec2Error, match=r"eni-one, other") as refusal:
        plane.delete_security_group("web")
    assert refusal.value.code == "DependencyViolation"
    plane.terminate_instances("one")
    plane.delete_security_group("other")
    plane.delete_security_group("web")


@pytest.mark.fact("SG-6", "ROUTE-17", "ERR-24")
def test_rules_are_limited_per_direction_and_lists_count_their_weight():
    plane = small_plane(Settings(rules_per_group=3))
    plane.create_managed_prefix_list(max_entries=2, prefix_list_id="pl-own")
    plane.authorize_security_group_egress("web", ip_protocol="tcp", prefix_list_id="pl-own")  # 1 + 2
    with pytest.raises(Ec2Error) as refusal:
        plane.authorize_security_group_egress("web", ip_protocol="tcp", cidr_ip="10.0.0.0/8")
    assert refusal.value.code == "RulesPerSecurityGroupLimitExceeded"
    plane.authorize_security_group_ingress("web", ip_protocol="tcp", cidr_ip="10.0.0.0/8")
    with pytest.raises(Ec2Error):
        plane.modify_managed_prefix_list("pl-own", max_entries=3)


# -- network ACLs ------------------------------------------------------------------

LINE = {"rule_number": 100, "protocol": "tcp", "rule_action": "allow", "egress": False, "cidr_block": "10.0.0.7/8"}


@pytest.mark.fact("NACL-3")
def test_a_custom_acl_starts_empty_and_keeps_its_lines_in_order(plane: ControlPlane):
    assert plane.create_network_acl("main", network_acl_id="acl").entries == ()
    for number, egress in ((200, True), (100, True), (300, False)):
        plane.create_network_acl_entry("acl", **{**LINE, "rule_number": number, "egress": egress})
    found = [(entry.egress, entry.rule_number) for entry in plane.network_acls["acl"].entries]
    assert found == [(False, 300), (True, 100), (True, 200)]


@pytest.mark.fact("NACL-5")
def test_a_line_is_canonicalised_replaced_and_deleted(plane: ControlPlane):
    plane.create_network_acl("main", network_acl_id="acl")
    entry = plane.create_network_acl_entry("acl", **LINE, from_port=1024, to_port=65535)
    assert entry == NetworkAclEntry(
        100, 6, RuleAction.ALLOW, egress=False, cidr_block=IPNetwork("10.0.0.0/8"), from_port=1024, to_port=65535
    )
    assert str(entry.cidr_block) == "10.0.0.0/8"  # netaddr takes 10.0.0.7/8 for the same network
    plane.replace_network_acl_entry("acl", **{**LINE, "rule_action": "deny"})
    assert plane.network_acls["acl"].entries[0].rule_action is RuleAction.DENY
    plane.delete_network_acl_entry("acl", rule_number=100, egress=False)
    assert plane.network_acls["acl"].entries == ()


@pytest.mark.fact("NACL-1")
def test_a_subnet_always_has_exactly_one_acl(plane: ControlPlane):
    plane.create_network_acl("main", network_acl_id="acl")
    assert plane.subnets["a"].network_acl_id == "acl-default-main"
    plane.replace_network_acl_association("acl", "a")
    assert plane.subnets["a"].network_acl_id == "acl"
    with pytest.raises(Ec2Error, match=r"\(a\)"):
        plane.delete_network_acl("acl")
    plane.replace_network_acl_association("acl-default-main", "a")
    plane.delete_network_acl("acl")


@pytest.mark.parametrize(
    ("verb", "named", "code", "parameter"),
    [
        pytest.param(
            "create_network_acl_entry",
            LINE,
            "NetworkAclEntryAlreadyExists",
            "rule_number",
            marks=pytest.mark.fact("ERR-25"),
        ),
        pytest.param(
            "create_network_acl_entry",
            {**LINE, "rule_number": 0},
            "InvalidParameterValue",
            "rule_number",
            marks=pytest.mark.fact("NACL-2"),
        ),
        pytest.param(
            "create_network_acl_entry",
            {**LINE, "rule_number": 32767},
            "InvalidParameterValue",
            "rule_number",
            marks=pytest.mark.fact("NACL-2"),
        ),
        (
            "create_network_acl_entry",
            {**LINE, "rule_number": 1, "rule_action": "drop"},
            "InvalidParameterValue",
            "rule_action",
        ),
        ("create_network_acl_entry", {**LINE, "rule_number": 1, "protocol": "x"}, "InvalidParameterValue", "protocol"),
        pytest.param(
            "create_network_acl_entry",
            {**LINE, "rule_number": 1, "cidr_block": S3_LIST},
            "InvalidParameterValue",
            "cidr_block",
            marks=pytest.mark.fact("NACL-5"),
        ),
        pytest.param(
            "create_network_acl_entry",
            {**LINE, "rule_number": 1, "cidr_block": "web"},
            "InvalidParameterValue",
            "cidr_block",
            marks=pytest.mark.fact("NACL-5"),
        ),
        pytest.param(
            "replace_network_acl_entry",
            {**LINE, "rule_number": 1},
            "InvalidNetworkAclEntry.NotFound",
            "rule_number",
            marks=pytest.mark.fact("ERR-25"),
        ),
        pytest.param(
            "replace_network_acl_entry",
            {**LINE, "egress": True},
            "InvalidNetworkAclEntry.NotFound",
            "rule_number",
            marks=pytest.mark.fact("ERR-25"),
        ),
        pytest.param(
            "delete_network_acl_entry",
            {"rule_number": 32767, "egress": False},
            "InvalidNetworkAclEntry.NotFound",
            "rule_number",
            marks=pytest.mark.fact("ERR-25", "NACL-2"),
        ),
        ("replace_network_acl_association", {"subnet_id": "none"}, "InvalidSubnetID.NotFound", "subnet_id"),
    ],
)
def test_what_acl_changes_are_refused(plane: ControlPlane, verb, named, code, parameter):  # NACL-2, NACL-5
    plane.create_network_acl("main", network_acl_id="acl")
    plane.create_network_acl_entry("acl", **LINE)
    with pytest.raises(Ec2Error) as refusal:
        getattr(plane, verb)("acl", **named)
    assert (refusal.value.code, refusal.value.parameter) == (code, parameter)


def test_an_acl_of_another_vpc_is_refused_and_the_default_one_stays(plane: ControlPlane):
    with pytest.raises(Ec2Error, match="belong to different networks"):
        plane.replace_network_acl_association("acl-default-far", "a")
    with pytest.raises(Ec2Error, match="cannot delete default network ACL"):
        plane.delete_network_acl("acl-default-main")


@pytest.mark.fact("NACL-6", "ERR-25")
def test_twenty_lines_per_direction_count_the_star(plane: ControlPlane):
    plane.create_network_acl("main", network_acl_id="acl")
    for number in range(1, 20):
        plane.create_network_acl_entry("acl", **{**LINE, "rule_number": number})
    with pytest.raises(Ec2Error) as refusal:
        plane.create_network_acl_entry("acl", **{**LINE, "rule_number": 20})
    assert refusal.value.code == "NetworkAclEntryLimitExceeded"
    plane.create_network_acl_entry("acl", **{**LINE, "egress": True})
