"""Questions of a scenario that the policies are asked too: a ``trace`` step with an action or a request."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from emulator.network.scenario import Scenario
from emulator.topology import DocumentError

if TYPE_CHECKING:
    from pathlib import Path

    from emulator.network.steps import Row

TOPOLOGY = """\
region: us-east-1
vpcs: {vpc: {cidr_blocks: [10.0.0.0/16], enable_dns_hostnames: true}}
subnets: {a: {cidr_block: 10.0.1.0/24, availability_zone: us-east-1a}}
security_groups: {closed: {ingress: [], egress: []}}
instances:
  web: {subnet_id: a, iam_role: reader}
  locked: {subnet_id: a, security_group_ids: [closed]}
iam_roles:
  reader: {policies: [{Statement: {Sid: Read, Effect: Allow, Action: "s3:GetObject", Resource: "*"}}]}
services:
  s3: {options: {buckets: {b: {objects: {open.txt: {size: 3}, secret.txt: {size: 3}}}}}}
  logs: {application: sink, options: {supports_policies: false}}
vpc_endpoints:
  s3:
    service_name: s3
    route_table_ids: [rtb-main-vpc]
    policy_document:
      Statement:
        - {Sid: All, Effect: Allow, Principal: "*", Action: "*", Resource: "*"}
        - {Sid: NoSecrets, Effect: Deny, Principal: "*", Action: "*", Resource: "arn:aws:s3:::b/secret*"}
  logs: {service_name: logs, vpc_endpoint_type: Interface, subnet_ids: [a]}
"""


def scenario(folder: Path, trace: str, expect: str = "{}", host: str = "web", events: str = "[]") -> Scenario:
    (folder / "topology.yaml").write_text(TOPOLOGY, "utf-8")
    text = (
        f"topology: topology.yaml\nevents: {events}\n"
        f"steps: [{{what: asks, host: {host}, at: 10s, trace: {trace}, expect: {expect}}}]\n"
    )
    (folder / "scenario.yaml").write_text(text, "utf-8")
    return Scenario(folder / "scenario.yaml")


def row_of(folder: Path, trace: str, expect: str = "{}", host: str = "web", events: str = "[]") -> Row:
    (row,) = scenario(folder, trace, expect, host, events).run().rows
    return row


OPEN = "{to: s3, action: 's3:GetObject', resource: 'arn:aws:s3:::b/open.txt'}"
HIDDEN = "{to: s3, action: 's3:GetObject', resource: 'arn:aws:s3:::b/secret.txt'}"
PUT = "{to: s3, action: 's3:PutObject', resource: 'arn:aws:s3:::b/open.txt'}"


@pytest.mark.parametrize(
    ("trace", "verdict", "reason", "component", "rule"),
    [
        (OPEN, "delivered", "", "s3", "All (VPC endpoint policy)"),
        (HIDDEN, "denied", "HTTP 403 AccessDenied", "s3", "NoSecrets (VPC endpoint policy)"),
        (PUT, "denied", "HTTP 403 AccessDenied", "reader/policy-1", "no statement allows it (identity-based policy)"),
        (
            "{to: s3, request: 'http://b.s3.us-east-1.amazonaws.com/secret.txt'}",
            "denied",
            "HTTP 403 AccessDenied",
            "s3",
            "NoSecrets (VPC endpoint policy)",
        ),
        (
            OPEN.replace("}", ", principal: anonymous}"),
            "denied",
            "HTTP 403 AccessDenied",
            "anonymous",
            "no statement allows it (resource-based policy)",
        ),
    ],
)
def test_the_row_names_the_policy_the_statement_and_the_layer(
    tmp_path: Path, trace: str, verdict: str, reason: str, component: str, rule: str
) -> None:
    row = row_of(tmp_path, trace)
    assert (row.verdict, row.reason, row.component, row.rule) == (verdict, reason, component, rule)
    assert row.status == (403 if verdict == "denied" else None)


@pytest.mark.parametrize(
    ("trace", "met", "missed", "difference"),
    [
        (OPEN, "{outcome: allowed}", "{outcome: denied}", "outcome: expected denied, not delivered"),
        (HIDDEN, "{outcome: denied, status: 403}", "{outcome: allowed}", "outcome: expected allowed, not denied"),
        (HIDDEN, "{outcome: reachable}", "{outcome: unreachable}", "outcome: expected unreachable, not reachable"),
        (HIDDEN, "{component: s3, rule: NoSecrets}", "{rule: identity-based}", 'rule: expected "identity-based" in '),
    ],
)
def test_expectations(tmp_path: Path, trace: str, met: str, missed: str, difference: str) -> None:
    assert row_of(tmp_path, trace, met).differences == ()
    (told,) = row_of(tmp_path, trace, missed).differences
    assert told.startswith(difference)


def test_what_does_not_arrive_is_a_drop_and_no_denial(tmp_path: Path) -> None:
    row = row_of(tmp_path, OPEN, "{outcome: unreachable}", "locked")
    assert row.as_expected
    assert (row.verdict, row.reason, row.status) == ("dropped", "SG_HAS_NO_RULES", None)


def test_where_no_policy_is_asked_the_row_says_why(tmp_path: Path) -> None:
    row = row_of(tmp_path, "{to: 'logs:80', action: 'logs:PutLogEvents'}", "{outcome: allowed}")
    assert (row.differences, row.component) == ((), "eni-logs-us-east-1a")
    assert "POL-4" in row.rule


def test_policies_are_asked_as_they_are_at_that_moment(tmp_path: Path) -> None:
    change = "[{at: 5s, do: modify_vpc_endpoint, vpc_endpoint_id: s3, reset_policy: true}]"
    assert row_of(tmp_path, HIDDEN, "{outcome: allowed}", events=change).differences == ()


@pytest.mark.parametrize(
    ("trace", "said"),
    [
        ("{to: s3, action: GetObject}", 'action must be SERVICE:NAME like s3:GetObject, not "GetObject"'),
        ("{to: s3, request: /b/k}", 'request must be a URL like http://host/path, not "/b/k"'),
        ("{to: s3, request: FETCH http://x.y/}", 'request must be like "GET https://host/path", with GET, HEAD, PUT'),
        ("{to: s3, action: 's3:Get', resource: b/k}", "resource must be an ARN like arn:aws:s3:::bucket/key"),
        ("{to: s3, resource: '*'}", "resource and principal go with action or request"),
        ("{to: s3, action: 's3:*', request: http://x.y/}", "action must be SERVICE:NAME"),
        ("{to: s3, action: 's3:Get', request: http://x.y/}", "give either request or action and resource"),
    ],
)
def test_what_is_no_question_is_said_at_its_place(tmp_path: Path, trace: str, said: str) -> None:
    with pytest.raises(DocumentError) as error:
        scenario(tmp_path, trace)
    assert any(problem.message.startswith(said) and problem.line == 3 for problem in error.value.problems)
