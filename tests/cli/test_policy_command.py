"""``vpcemu policy explain`` and ``validate``, and policies in ``vpcemu trace``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from emulator.cli.app import app

if TYPE_CHECKING:
    from click.testing import Result

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "topologies" / "two-az-endpoints" / "topology.yaml"
NAT = ROOT / "topologies" / "incidents" / "b18-copy-from-another-region" / "fixed.yaml"
APIS = ROOT / "topologies" / "incidents" / "b11-wildcard-captures-public-apis" / "broken.yaml"
SECRET, OPEN = "arn:aws:s3:::training/secret.txt", "arn:aws:s3:::training/open.txt"

ROLES = """\
# Two accounts, a role that has a host, and one that is locked to an endpoint.
region: us-east-1
vpcs: {vpc: {cidr_blocks: [10.0.0.0/16], enable_dns_hostnames: true}}
subnets: {a: {cidr_block: 10.0.1.0/24, availability_zone: us-east-1a}}
instances: {web: {subnet_id: a, iam_role: reader}, bare: {subnet_id: a}}
iam_roles:
  reader: {policies: [{Statement: {Effect: Allow, Action: "s3:*", Resource: "*"}}]}
  stranger: {owner_id: "999988887777", policies: [{Statement: {Effect: Allow, Action: "s3:*", Resource: "*"}}]}
services: {s3: {options: {buckets: {b: {owner_id: "123456789012", objects: {k: {size: 3}}}}}}}
vpc_endpoints:
  s3: {service_name: s3, route_table_ids: [rtb-main-vpc]}
  ddb: {service_name: dynamodb, route_table_ids: [rtb-main-vpc]}
bucket_policies:
  b:
    policy_document:
      Statement:
        - Sid: Lock
          Effect: Deny
          Principal: "*"
          Action: "s3:*"
          Resource: "arn:aws:s3:::b/*"
          Condition: {StringNotEquals: {"aws:SourceVpce": s3}}
"""


def vpcemu(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, list(map(str, arguments)))


def explain(topology: Path, *arguments: str) -> Result:
    return vpcemu("policy", "explain", topology, *arguments)


@pytest.fixture
def roles(tmp_path: Path) -> Path:
    path = tmp_path / "roles.yaml"
    path.write_text(ROLES, "utf-8")
    return path


WHO = f'User: anonymous is not authorized to perform: s3:GetObject on resource: "{SECRET}"'


def test_each_layer_is_told_with_its_statements_and_the_services_answer() -> None:
    done = explain(DEMO, "--from", "web", "--to", "s3:80", "--action", "s3:GetObject", "--resource", SECRET)
    assert done.exit_code == 1
    assert done.stdout.splitlines() == [
        "policies: tcp 10.0.1.10:40000 > 54.231.0.10:80, through s3, at com.amazonaws.us-east-1.s3",
        f"anonymous asks for s3:GetObject on {SECRET}",
        "  ✗ VPC endpoint policy s3: denies by NoSecrets",
        "      Training (Allow) matches",
        "      NoSecrets (Deny) matches",
        "  · resource-based policy: the resource has none",
        "  · identity-based policy: nobody is stated to ask: taken to allow",
        "denied: NoSecrets in the VPC endpoint policy s3",
        f"the service answers 403: {WHO} with an explicit deny in a VPC endpoint policy",
    ]


ROLE_CASES = [
    ((), 0, "Statement[0]", "VPC endpoint policy"),
    (("--principal", "reader"), 0, "Statement[0]", "VPC endpoint policy"),
    (("--principal", "arn:aws:iam::123456789012:role/reader"), 0, "Statement[0]", "VPC endpoint policy"),
    (("--principal", "anonymous"), 1, None, "resource-based policy"),
    (("--principal", "stranger"), 1, None, "resource-based policy"),
    (("--key", "aws:SourceVpce=vpce-2"), 1, "Lock", "resource-based policy"),
    (("--key", "aws:SourceVpce="), 1, "Lock", "resource-based policy"),
]


@pytest.mark.parametrize(("more", "status", "statement", "layer"), ROLE_CASES)
def test_who_asks_and_with_which_keys(
    roles: Path, more: tuple[str, ...], status: int, statement: str | None, layer: str
) -> None:
    asking = ("--from", "web", "--to", "s3", "--action", "s3:GetObject", "--resource", "arn:aws:s3:::b/k")
    done = explain(roles, *asking, *more, "--json")
    answer = json.loads(done.stdout)
    assert done.exit_code == status
    assert answer["allowed"] is (status == 0)
    assert (answer["verdict"]["statement"], answer["verdict"]["layer"]) == (statement, layer)
    assert answer["status"] == (403 if status else None)
    assert answer["vpc_endpoint_id"] == "s3"


def test_a_host_without_a_role_is_anonymous_where_there_are_roles(roles: Path) -> None:
    done = explain(roles, "--from", "bare", "--request", "GET http://s3.us-east-1.amazonaws.com/b/k")
    assert (done.exit_code, done.stdout.splitlines()[-1]) == (1, "the service answers 403: Access Denied")


def test_dynamodb_answers_400(roles: Path) -> None:
    done = explain(roles, "--from", "bare", "--to", "dynamodb", "--action", "dynamodb:ListTables")
    assert (done.exit_code, done.stdout.splitlines()[-1]) == (1, "the service answers 400: Access Denied")


def test_a_way_without_an_endpoint_meets_no_endpoints_policy() -> None:
    bucket = ("--action", "s3:GetObject", "--resource", "arn:aws:s3:::results/today.csv")
    done = explain(NAT, "--from", "job", "--to", "s3.us-east-2.amazonaws.com", *bucket)
    assert done.exit_code == 0
    assert "through no endpoint, at com.amazonaws.us-east-2.s3" in done.stdout
    assert "allowed: no policy is on the way" in done.stdout


def test_what_does_not_arrive_is_not_asked_about() -> None:
    done = explain(APIS, "--from", "client", "--to", "apis:80", "--action", "execute-api:Invoke")
    assert done.exit_code == 1
    assert done.stdout.startswith("policies are not asked: not reachable: ENI_SG_RULES_MISMATCH at client")


def test_trace_adds_what_the_policies_say() -> None:
    asking = ("--from", "web", "--to", "s3:80", "--action", "s3:GetObject", "--resource")
    done = vpcemu("trace", DEMO, *asking, SECRET)
    lines = done.stdout.splitlines()
    assert done.exit_code == 1
    assert lines[lines.index("reachable") + 3] == "  ✗ VPC endpoint policy s3: denies by NoSecrets"
    done = vpcemu("trace", DEMO, *asking, OPEN, "--json")
    answer = json.loads(done.stdout)
    assert (done.exit_code, answer["reachable"], answer["policies"]["allowed"]) == (0, True, True)
    url = "http://training.s3.us-east-1.amazonaws.com/secret.txt"
    assert vpcemu("trace", DEMO, "--from", "web", "--request", f"GET {url}").exit_code == 1


def test_a_principal_where_the_topology_states_nobody() -> None:
    done = explain(DEMO, "--from", "web", "--to", "s3:80", "--action", "s3:GetObject", "--principal", "reader")
    assert (done.exit_code, done.stderr) == (
        2,
        "vpcemu: no role or user 'reader': the topology has no iam_roles and no iam_users\n",
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--to", "s3"), "give --action and --resource, or --request"),
        (("--action", "s3:GetObject"), "give --to"),
        (("--to", "s3", "--action", "GetObject"), '--action must be SERVICE:NAME like s3:GetObject, not "GetObject"'),
        (("--to", "s3", "--action", "s3:GetObject", "--resource", "b/k"), "--resource must be an ARN like arn:aws:s3"),
        (("--to", "s3", "--resource", "*"), "go with --action or --request"),
        (("--request", "GET /b/k"), '--request must be a URL like http://host/path, not "/b/k"'),
        (("--request", "FETCH http://x.y/"), '--request must be like "GET https://host/path", with GET, HEAD'),
        (("--to", "s3", "--request", "GET http://x.y/", "--action", "s3:GetObject"), "either --request or"),
        (("--to", "s3", "--action", "s3:GetObject", "--key", "a=b"), "write NAME=VALUE"),
        (("--to", "s3", "--action", "s3:GetObject", "--principal", "raeder"), 'did you mean "reader"?'),
        (("--to", "s3", "--action", "s3:GetObject", "--principal", "zz"), "no role or user 'zz'"),
        (("--to", "s4", "--action", "s3:GetObject"), "s4"),
    ],
)
def test_wrong_questions(roles: Path, arguments: tuple[str, ...], said: str) -> None:
    done = explain(roles, "--from", "web", *arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert said in done.stderr


def test_validate_says_file_line_and_column(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.json"
    wrong.write_text(
        '{"Version": "2012-10-17",\n "Statement": {"Effect": "Permit", "Principal": "*",\n "Action": "get"}}'
    )
    right = tmp_path / "right.yaml"
    right.write_text('Version: "2012-10-17"\nStatement: {Effect: Allow, Principal: "*", Action: "*", Resource: "*"}\n')
    done = vpcemu("policy", "validate", wrong, right)
    assert (done.exit_code, done.stdout) == (2, "2 policies: 3 problems\n")
    assert done.stderr.splitlines() == [
        f"{wrong}:2:15: InvalidPolicyDocument: The statement has no Resource",
        f'{wrong}:2:26: InvalidPolicyDocument: Effect must be "Allow" or "Deny"',
        f'{wrong}:3:12: InvalidPolicyDocument: Action must be "*" or like "s3:GetObject"',
    ]
    assert vpcemu("policy", "validate", right).stdout == "1 policy: 0 problems\n"
    done = vpcemu("policy", "validate", right, "--kind", "identity", "--json")
    found = json.loads(done.stdout)["problems"]
    assert (done.exit_code, [(one["line"], one["column"], one["code"]) for one in found]) == (
        2,
        [(2, 39, "MalformedPolicyDocument")],
    )
    assert vpcemu("policy", "validate", right, "--kind", "bukket").exit_code == 2
    done = vpcemu("policy", "validate", tmp_path / "none.json")
    said = f"{tmp_path / 'none.json'}:1:1: EMU_FILE: cannot be read: No such file or directory\n"
    assert (done.exit_code, done.stderr) == (2, said)
