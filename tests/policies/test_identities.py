"""Who asks: roles and users in documents, by verbs, and on the wire; buckets' policies; timed changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from emulator.control import ControlPlane, Ec2Error
from emulator.network.loading import load_topology, topology_problems
from emulator.network.network import Network
from emulator.network.scenario import Scenario
from emulator.services import access_key_id, signed_headers
from tests.policies.worlds import statement, text
from tests.services.harness import ask

if TYPE_CHECKING:
    from pathlib import Path

TOPOLOGY = """\
# A host with a role, one without, and a bucket behind a gateway endpoint.
region: us-east-1
vpcs: {vpc: {cidr_blocks: [10.0.0.0/16], enable_dns_hostnames: true}}
subnets: {a: {cidr_block: 10.0.1.0/24, availability_zone: us-east-1a}}
instances:
  reader: {subnet_id: a, iam_role: reader}
  other: {subnet_id: a}
  web: {subnet_id: a, private_ip_address: 10.0.1.80, application: http}
iam_roles:
  reader:
    tags: {team: data}
    policies:
      - Version: "2012-10-17"
        Statement:
          - {Effect: Allow, Action: "s3:GetObject", Resource: "arn:aws:s3:::b/${aws:PrincipalTag/team}/*"}
  writer: {access_key_id: ASIAWRITER0123456789}
iam_users:
  ann:
    access_key_id: AKIAANN0123456789012
    policies: ['{"Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::b*"}}']
services:
  s3: {options: {buckets: {b: {objects: {data/x: {size: 3}, open/x: {size: 3}, other/x: {size: 3}}}}}}
vpc_endpoints:
  dynamodb:
    service_name: dynamodb
    route_table_ids: [rtb-main-vpc]
    policy_document: {Statement: {Effect: Allow, Principal: "*", Action: "dynamodb:Get*", Resource: "*"}}
  s3: {service_name: s3, route_table_ids: [rtb-main-vpc]}
bucket_policies:
  b:
    policy_document:
      Statement:
        - {Effect: Allow, Principal: "*", Action: "s3:GetObject", Resource: "arn:aws:s3:::b/open/*"}
"""
URL = "http://s3.us-east-1.amazonaws.com/b/"


@pytest.fixture
def topology(tmp_path: Path) -> Path:
    path = tmp_path / "topology.yaml"
    path.write_text(TOPOLOGY, "utf-8")
    assert [str(problem) for problem in topology_problems(path)] == []
    return path


async def fetch(key: str, headers: dict[str, str]) -> tuple[int, str]:
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(URL + key, headers=headers)
        return answer.status_code, answer.text


def signed(key: str) -> dict[str, str]:
    return signed_headers(key, "GET", URL, "us-east-1", 1767225600)


@pytest.mark.fact("POL-11")
@pytest.mark.parametrize(
    ("access_key", "key", "status", "said"),
    [
        ("AKIAANN0123456789012", "other/x", 200, ""),
        ("AKIAANN0123456789012", "nothing", 404, "NoSuchKey"),  # who may list is told that there is none
        ("ASIAWRITER0123456789", "open/x", 200, ""),  # the bucket's policy lets everybody in
        ("ASIAWRITER0123456789", "data/x", 403, "because no identity-based policy allows the s3:GetObject action"),
        ("AKIANOBODY0123456789", "open/x", 403, "<Code>InvalidAccessKeyId</Code>"),
        (None, "open/x", 200, ""),
        (None, "open/none", 403, "Access Denied"),  # who may not list is not told what is there
        (None, "data/x", 403, "<Message>Access Denied</Message>"),
    ],
)
def test_the_key_of_a_request_says_who_asks(
    topology: Path, access_key: str | None, key: str, status: int, said: str
) -> None:
    with Network.load(topology) as network:
        headers = {} if access_key is None else signed(access_key)
        found, content = network.run(fetch(key, headers), host="other")
    assert found == status
    assert said in content


def scenario(topology: Path, steps: str, events: str = "[]") -> Any:
    path = topology.parent / "scenario.yaml"
    path.write_text(f"# A test.\ntopology: topology.yaml\nevents: {events}\nsteps:\n{steps}", "utf-8")
    return Scenario(path).run()


def test_steps_of_a_host_with_a_role_are_signed_and_events_change_policies(topology: Path) -> None:
    get = "  - {{what: {0}, host: {1}, at: {2}s, get: '{3}{4}'}}\n"
    steps = [
        ("own", "reader", 0, "data/x"),
        ("foreign", "reader", 1, "other/x"),
        ("unsigned", "other", 2, "data/x"),
        ("after", "reader", 6, "other/x"),
        ("bucket", "other", 7, "open/x"),
        ("endpoint", "reader", 9, "data/x"),
    ]
    everything = "{Statement: {Effect: Allow, Action: '*', Resource: '*'}}"
    nothing = "{Statement: {Effect: Deny, Principal: '*', Action: '*', Resource: 'arn:aws:s3:::b/open/*', Sid: Shut}}"
    events = (
        f"[{{at: 5s, do: put_role_policy, role_name: reader, policy_name: more, policy_document: {everything}}},"
        f" {{at: 5s, do: put_bucket_policy, bucket: b, policy: {nothing}}},"
        " {at: 8s, do: modify_vpc_endpoint, vpc_endpoint_id: s3, policy_document: {Statement: {Effect: Allow,"
        " Principal: '*', Action: 's3:Put*', Resource: '*'}}}]"
    )
    rows = scenario(topology, "".join(get.format(*step[:3], URL, step[3]) for step in steps), events).rows
    assert [(row.what, row.verdict, row.reason, row.component, row.rule) for row in rows] == [
        ("own", "delivered", "HTTP 200", "s3", "Statement[0]"),
        (
            "foreign",
            "denied",
            "HTTP 403 AccessDenied",
            "reader/policy-1",
            "no statement allows it (identity-based policy)",
        ),
        ("unsigned", "denied", "HTTP 403 AccessDenied", "b", "no statement allows it (resource-based policy)"),
        ("after", "delivered", "HTTP 200", "s3", "Statement[0]"),
        ("bucket", "denied", "HTTP 403 AccessDenied", "b", "Shut (resource-based policy)"),
        ("endpoint", "denied", "HTTP 403 AccessDenied", "s3", "no statement allows it (VPC endpoint policy)"),
    ]


async def list_tables(headers: dict[str, str]) -> tuple[int, dict[str, str]]:
    url = "http://dynamodb.us-east-1.amazonaws.com/"
    more = {"X-Amz-Target": "DynamoDB_20120810.ListTables", "Content-Type": "application/x-amz-json-1.0"}
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.post(url, content="{}", headers=headers | more)
        return answer.status_code, answer.json()


@pytest.mark.fact("POL-13", "POL-14")
def test_dynamodb_denies_with_400_in_json(topology: Path) -> None:
    with Network.load(topology) as network:
        status, document = network.run(list_tables(signed("AKIAANN0123456789012")), host="other")
        unknown = network.run(list_tables(signed("AKIANOBODY0123456789")), host="other")
    said = document.get("message") or document.get("Message") or ""
    assert (status, document["__type"].rpartition("#")[2]) == (400, "AccessDeniedException")
    assert "User: arn:aws:iam::123456789012:user/ann is not authorized to perform: dynamodb:ListTables" in said
    assert said.endswith("because no VPC endpoint policy allows the dynamodb:ListTables action")
    assert (unknown[0], unknown[1]["__type"]) == (400, "UnrecognizedClientException")


async def put_policy(policy: str) -> int:
    async with httpx.AsyncClient(trust_env=False) as client:
        headers = signed("AKIAANN0123456789012")
        return (await client.put(URL.rstrip("/"), params={"policy": ""}, content=policy, headers=headers)).status_code


def test_who_spoke_last_of_a_buckets_policy_is_heard(topology: Path) -> None:
    shut = text(statement("Deny", "s3:GetObject", "arn:aws:s3:::b/*"))
    with Network.load(topology) as network:

        def answers() -> list[int]:
            return [network.run(fetch(f"{key}/x", {}), host="other")[0] for key in ("open", "data")]

        assert answers() == [200, 403]
        assert network.run(put_policy(shut), host="other") == 204
        assert answers() == [403, 403]
        assert network.run(put_policy("{}"), host="other") == 400
        network.ec2.put_bucket_policy("b", shut.replace("Deny", "Allow"))
        assert answers() == [200, 200]
        network.ec2.delete_bucket_policy("b")
        assert answers() == [403, 403]


@pytest.mark.fact("POL-13")
def test_a_denial_is_no_drop(topology: Path) -> None:
    with Network.load(topology) as network:
        network.ec2.create_flow_logs("vpc", max_aggregation_interval=60)
        status, _ = network.run(fetch("data/x", {}), host="other")
        records = network.flow_log_records()
        drops = network.ledger.total
    flows = [record.flow for record in records if record.flow is not None]
    assert (status, drops) == (403, 0)
    assert flows
    assert all(flow.accepted for flow in flows)


def test_what_runs_on_a_host_asks_nobody_who_they_are(topology: Path) -> None:
    async def visit() -> int:
        async with httpx.AsyncClient(trust_env=False) as client:
            return (await client.get("http://10.0.1.80/")).status_code

    with Network.load(topology) as network:
        assert network.run(visit(), host="other") == 200


def test_a_network_without_identities_asks_nobody_who_they_are(topology: Path) -> None:
    plane = load_topology(topology)
    for role in list(plane.iam_roles):
        if role == "reader":
            plane.disassociate_iam_instance_profile("reader")
            plane.delete_role_policy(role, "policy-1")
        plane.delete_role(role)
    plane.delete_user_policy("ann", "policy-1")
    plane.delete_user("ann")
    with Network(plane) as network:
        assert network.run(fetch("data/x", signed("AKIANOBODY0123456789")), host="other")[0] == 200
        assert network.rulings[-1].verdict.question.principal.called == "anonymous"


# ---- verbs


def plane() -> ControlPlane:
    made = ControlPlane("us-east-1")
    made.create_role("r")
    made.create_user("u")
    return made


READ = '{"Statement": {"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}}'


@pytest.mark.parametrize(
    ("verb", "given", "code"),
    [
        ("create_role", {"role_name": "r"}, "EntityAlreadyExists"),
        ("create_role", {"role_name": "a b"}, "ValidationError"),
        ("create_role", {"role_name": "x", "owner_id": "12"}, "InvalidParameterValue"),
        ("create_role", {"role_name": "x", "access_key_id": "short"}, "InvalidParameterValue"),
        ("create_role", {"role_name": "x", "organization_id": "x"}, "InvalidParameterValue"),
        ("create_role", {"role_name": "x", "tags": {"a": 1}}, "InvalidParameterValue"),
        ("create_user", {"user_name": "u"}, "EntityAlreadyExists"),
        ("put_role_policy", {"role_name": "x", "policy_name": "p", "policy_document": READ}, "NoSuchEntity"),
        ("put_role_policy", {"role_name": "r", "policy_name": "p", "policy_document": "{"}, "MalformedPolicyDocument"),
        ("put_role_policy", {"role_name": "r", "policy_name": "", "policy_document": READ}, "ValidationError"),
        ("put_user_policy", {"user_name": "x", "policy_name": "p", "policy_document": READ}, "NoSuchEntity"),
        ("delete_role_policy", {"role_name": "r", "policy_name": "p"}, "NoSuchEntity"),
        ("delete_user_policy", {"user_name": "u", "policy_name": "p"}, "NoSuchEntity"),
        ("delete_role", {"role_name": "x"}, "NoSuchEntity"),
        ("delete_user", {"user_name": "x"}, "NoSuchEntity"),
        ("put_bucket_policy", {"bucket": "b", "policy": READ}, "MalformedPolicy"),  # it has no Principal
        ("put_bucket_policy", {"bucket": "b", "owner_id": "x"}, "InvalidParameterValue"),
        ("associate_iam_instance_profile", {"instance_id": "i", "iam_role": "x"}, "NoSuchEntity"),
        ("associate_iam_instance_profile", {"instance_id": "i", "iam_role": "r"}, "InvalidInstanceID.NotFound"),
    ],
)
def test_what_verbs_refuse(verb: str, given: dict[str, Any], code: str) -> None:
    made = plane()
    with pytest.raises(Ec2Error) as refused:
        getattr(made, verb)(**given)
    assert refused.value.code == code


def test_policies_of_one_identity_have_a_length_together() -> None:
    made = plane()
    long = READ.replace('"s3:Get*"', "[" + ", ".join(['"s3:GetObject"'] * 70) + "]")
    made.put_user_policy("u", "one", long)
    with pytest.raises(Ec2Error, match="Maximum policy size of 2048 bytes exceeded for user u"):
        made.put_user_policy("u", "two", long)
    made.put_user_policy("u", "one", READ)  # in place of the long one
    made.put_user_policy("u", "two", long)
    with pytest.raises(Ec2Error, match="must delete policies first"):
        made.delete_user("u")


def test_access_keys_are_always_the_same_and_nobody_elses() -> None:
    keys = [plane().iam_roles["r"].access_key_id for _ in range(2)] + [plane().iam_users["u"].access_key_id]
    assert keys[0] == keys[1] != keys[2]
    assert [(key[:4], len(key)) for key in keys[1:]] == [("ASIA", 20), ("AKIA", 20)]
    with pytest.raises(Ec2Error, match="is somebody's already"):
        plane().create_user("v", access_key_id=keys[0])


def test_a_documents_policies_are_complained_about_one_by_one(tmp_path: Path) -> None:
    path = tmp_path / "topology.yaml"
    path.write_text(
        """\
# A test.
region: us-east-1
vpcs: {vpc: {cidr_blocks: [10.0.0.0/16]}}
subnets: {a: {cidr_block: 10.0.1.0/24, availability_zone: us-east-1a}}
instances: {i: {subnet_id: a, iam_role: rolle}}
iam_roles:
  role:
    permissions_boundary: x
  rule:
    policies:
      - Statement: {Effect: Allow, Principal: "*", Action: get, Resource: "*"}
      - '{"Statement":
           {"Effect": "Deny"}}'
bucket_policies:
  b: {policy_document: {Statement: {Effect: Allow, Principal: "*", Action: "s3:*", Resource: b}}}
service_control_policies: {}
""",
        "utf-8",
    )
    assert [str(problem).removeprefix(f"{path}:") for problem in topology_problems(path)] == [
        '5:41: NoSuchEntity: unknown role "rolle": did you mean "role"?',
        '8:5: UNSUPPORTED_COMPONENT: "permissions_boundary" is not modelled',
        "11:47: MalformedPolicyDocument: An identity's policy has no Principal: it is about whoever has it",
        '11:60: MalformedPolicyDocument: Action must be "*" or like "s3:GetObject"',
        "12:9: MalformedPolicyDocument: The statement has no Action (line 1, column 15 of the policy)",
        "12:9: MalformedPolicyDocument: The statement has no Resource (line 1, column 15 of the policy)",
        '15:94: MalformedPolicy: Resource must be "*" or an ARN like "arn:aws:s3:::bucket/*"',
        '16:1: UNSUPPORTED_COMPONENT: "service_control_policies" is not modelled',
    ]


# ---- the key in a signature

V4 = "AWS4-HMAC-SHA256 Credential=AKIA1/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"


@pytest.mark.parametrize(
    ("headers", "query", "found"),
    [
        ((("authorization", V4),), "", "AKIA1"),
        ((("authorization", V4.replace("HMAC", "ECDSA-P256-HMAC")),), "", "AKIA1"),
        ((("authorization", "AWS4-HMAC-SHA256 SignedHeaders=host, Signature=0"),), "", None),
        ((("authorization", "AWS AKIA2:abc="),), "", "AKIA2"),
        ((), "X-Amz-Credential=AKIA3%2F20260101%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Signature=0", "AKIA3"),
        ((), "AWSAccessKeyId=AKIA4&Signature=0", "AKIA4"),
        ((("authorization", "Bearer x"),), "", None),
        ((), "list-type=2", None),
    ],
)
def test_where_the_key_of_a_request_stands(headers: tuple[tuple[str, str], ...], query: str, found: str | None) -> None:
    request = ask("GET", "/b/k", *headers, query=query)
    assert access_key_id(request) == found


def test_our_own_signatures_have_aws_shape() -> None:
    headers = signed_headers("AKIA5", "GET", "http://b.s3.eu-west-1.amazonaws.com/k", "us-east-1", 1767225600)
    assert headers["X-Amz-Date"] == "20260101T000000Z"
    assert "Credential=AKIA5/20260101/eu-west-1/s3/aws4_request," in headers["Authorization"]
    assert len(headers["Authorization"].rpartition("Signature=")[2]) == 64
