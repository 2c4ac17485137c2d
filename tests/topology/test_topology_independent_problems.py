"""Several things wrong with one entry: all said at once, none of them twice, and nothing that only follows from them."""

# ruff: noqa: E501 - the rows are lines of documents

from __future__ import annotations

import pytest

from emulator.topology.documents import parse
from emulator.topology.steps import build

BASE = """\
region: us-east-1
vpcs:
  v: {cidr_blocks: [10.0.0.0/16]}
  far: {cidr_blocks: [10.9.0.0/16]}
subnets:
  a: {vpc_id: v, cidr_block: 10.0.1.0/24, availability_zone: us-east-1a}
  a2: {vpc_id: v, cidr_block: 10.0.2.0/24, availability_zone: us-east-1a}
  a3: {vpc_id: v, cidr_block: 10.0.3.0/24, availability_zone: us-east-1a}
security_groups:
  web: {vpc_id: v}
  far-1: {vpc_id: far}
  far-2: {vpc_id: far}
services:
  metering: {availability_zones: [us-east-1a, us-east-1b]}
"""
BAD_POLICY = "{Statement: {Effect: Allow, Principal: '*', Action: nonsense, Resource: '*'}}"
ENDPOINT = "vpc_endpoints: {m: {vpc_id: v, service_name: metering, vpc_endpoint_type: Interface, "
DUPLICATE = "DuplicateSubnetsInSameZone: Found another VPC endpoint subnet in the availability zone of"
ACTION = 'InvalidPolicyDocument: Action must be "*" or like "s3:GetObject"'
RESERVED = "InvalidParameterValue: Address 10.0.1.1 is in subnet's reserved address range"


def messages(entries: str) -> list[str]:
    return sorted(f"{problem.code}: {problem.message}" for problem in build(parse(BASE + entries, "t.yaml"))[1])


def test_the_base_has_no_problem():
    assert messages("") == []


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        (
            ENDPOINT + f"policy_document: {BAD_POLICY}, subnet_ids: [a, a2, a3], security_group_ids: [wbe]}}}}",
            [
                f"{DUPLICATE} a2",
                f"{DUPLICATE} a3",
                'InvalidGroup.NotFound: unknown security group "wbe": did you mean "web"?',
                ACTION,
            ],
        ),
        (
            ENDPOINT + "policy_document: '{', subnet_ids: [a, a2], private_dns_enabled: true}}",
            [
                f"{DUPLICATE} a2",
                "InvalidParameter: Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC attributes set to true for v",
                "InvalidPolicyDocument: The policy is not valid JSON: expected a string in double quotes (line 1, column 2 of the policy)",
            ],
        ),
        (  # a policy is read even where the endpoint is misspelt
            ENDPOINT + f"policy_document: {BAD_POLICY}, subnet_idz: [a]}}}}",
            [ACTION, 'UnknownParameter: unknown key "subnet_idz": did you mean "subnet_ids"?'],
        ),
        (  # one subnet, named twice, is one mistake
            ENDPOINT + "subnet_ids: [a, a2], subnet_configurations: [{subnet_id: a2, ipv4: 10.0.2.9}]}}",
            [f"{DUPLICATE} a2"],
        ),
        (
            ENDPOINT + "subnet_ids: [a], subnet_configurations: [{subnet_id: a3, ipv4: 10.0.3.9}, {subnet_id: a, ipv4: 10.0.1.1}]}}",
            [f"{DUPLICATE} a3", RESERVED],
        ),
        (
            "instances: {i: {subnet_id: a, security_group_ids: [far-1, web, far-2], private_ip_address: 10.0.1.1}}",
            [
                "InvalidGroup.NotFound: The security group 'far-1' does not exist in VPC 'v'",
                "InvalidGroup.NotFound: The security group 'far-2' does not exist in VPC 'v'",
                RESERVED,
            ],
        ),
        (
            "instances: {i: {subnet_id: a, security_group_ids: [wbe], private_ip_address: 10.0.1.1}}",
            ['InvalidGroup.NotFound: unknown security group "wbe": did you mean "web"?', RESERVED],
        ),
        (
            ("network_interfaces: {e: {subnet_id: a, groups: [wbe], private_ip_address: 10.0.1.1, instance_id: i}}\n"
            "instances: {i: {subnet_id: a}}"),
            ['InvalidGroup.NotFound: unknown security group "wbe": did you mean "web"?', RESERVED],
        ),
    ],
)  # fmt: skip
def test_independent_problems_of_one_entry_are_all_reported(entries: str, expected: list[str]):
    assert messages(entries) == sorted(expected)


def test_each_problem_points_at_its_own_value_whatever_was_left_out_before():
    text = (
        BASE
        + "instances:\n  i:\n    subnet_id: a\n    security_group_ids:\n      - far-1\n      - web\n      - far-2\n"
    )
    lines = [problem.line for problem in build(parse(text, "t.yaml"))[1]]
    first = BASE.count("\n") + 5
    assert lines == [first, first + 2]


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        (  # one key forgotten: not a complaint about each key that only the other type has
            "vpc_endpoints: {s3: {vpc_id: v, service_name: s3, subnet_ids: [a], security_group_ids: [web], private_dns_enabled: true}}",
            1,
        ),
        ("instances: {i: {subnet_id: b, security_group_ids: [web], private_ip_address: 10.0.9.9}}", 1),
        (
            (
                "instances: {i: {subnet_id: a, private_ip_address: 10.0.1.1}}\n"
                "network_interfaces: {e: {subnet_id: a, instance_id: i}}"
            ),
            1,
        ),
    ],
)
def test_what_follows_from_a_mistake_is_not_said(entries: str, expected: int):
    assert len(messages(entries)) == expected


def test_a_flood_of_mistakes_in_one_entry_is_cut_off():
    groups = ", ".join(["web"] * 5000)
    found = messages(f"instances: {{i: {{subnet_id: a, security_group_ids: [{groups}]}}}}")
    assert set(found) == {"InvalidParameterValue: The security group 'web' appears twice"}
    assert 1 <= len(found) <= 25
