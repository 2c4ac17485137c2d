from __future__ import annotations

import asyncio
import json

import pytest

from emulator.services.echo import Echo
from emulator.services.guard import Guard
from emulator.services.messages import Access, Body, Provenance
from emulator.services.s3 import S3
from emulator.services.s3_objects import S3Object, StoredContent
from emulator.services.sink import Sink
from tests.services.harness import CLIENT, FULL_ACCESS, ask, run

DENY_SECRETS = json.dumps(
    {
        "Statement": [
            {"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "*"},
            {"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "arn:aws:s3:::*/secret*", "Sid": "Secrets"},
        ]
    }
)
ONLY_WRITES = '{"Statement": {"Effect": "Allow", "Principal": "*", "Action": "s3:PutObject", "Resource": "*"}}'


def s3():
    items = {key: S3Object(StoredContent(b"x")) for key in ("open.txt", "secret.txt")}
    return S3("com.amazonaws.us-east-1.s3", "us-east-1", {"training": items})


@pytest.mark.fact("VPCE-9", "POL-13", "POL-14")
@pytest.mark.parametrize(
    ("policy", "method", "path", "status", "said"),
    [
        (FULL_ACCESS, "GET", "/training/secret.txt", 200, None),
        (DENY_SECRETS, "GET", "/training/open.txt", 200, None),
        (DENY_SECRETS, "HEAD", "/training/open.txt", 200, None),
        (DENY_SECRETS, "GET", "/training/secret.txt", 403, "with an explicit deny in a VPC endpoint policy"),
        (DENY_SECRETS, "HEAD", "/training/secret.txt", 403, None),
        (ONLY_WRITES, "PUT", "/training/new", 200, None),
        (
            ONLY_WRITES,
            "GET",
            "/training/open.txt",
            403,
            "because no VPC endpoint policy allows the s3:GetObject action",
        ),
        (ONLY_WRITES, "GET", "/training", 403, "because no VPC endpoint policy allows the s3:ListBucket action"),
        (ONLY_WRITES, "DELETE", "/training/x", 403, "allows the s3:DeleteObject action"),
        (ONLY_WRITES, "GET", "/", 403, "allows the s3:ListAllMyBuckets action"),
        (ONLY_WRITES, "POST", "/training/x", 405, "MethodNotAllowed"),
    ],
)
def test_what_s3_answers_under_a_policy(policy, method, path, status, said):
    answered, headers, content = run(Guard(s3(), lambda _: policy), ask(method, path))
    assert answered == status
    assert (said or "").encode() in content
    if status == 403:
        assert b"<Code>AccessDenied</Code>" in content
        assert headers["content-type"] == "application/xml"


def test_a_denied_upload_changes_nothing():
    application = s3()
    status, _, _ = run(Guard(application, lambda _: DENY_SECRETS), ask("PUT", "/training/secret.txt"), b"new")
    assert status == 403
    assert b"".join(application.store.buckets["training"].objects["secret.txt"].content.blocks(0, 1)) == b"x"


@pytest.mark.fact("VPCE-GW-6", "VPCE-GW-7", "VPCE-9")
def test_each_request_meets_the_policy_its_endpoint_has_now():
    policies = {"vpce-1": FULL_ACCESS, "vpce-2": ONLY_WRITES}
    guard = Guard(s3(), policies.__getitem__)
    through = {name: ask("GET", "/training/open.txt", provenance=Provenance("10.0.0.1", 1, name)) for name in policies}
    assert [run(guard, through[name])[0] for name in policies] == [200, 403]
    policies["vpce-1"] = ONLY_WRITES
    assert run(guard, through["vpce-1"])[0] == 403


def test_a_request_through_no_endpoint_meets_no_policy():
    guard = Guard(s3(), lambda _: pytest.fail("nobody's policy"))
    assert run(guard, ask("GET", "/training/open.txt", provenance=Provenance("10.0.0.1", 1)))[0] == 200


def accesses(service):
    return asyncio.run(service.accesses(ask(), Body.of()))


@pytest.mark.parametrize("kind", [Echo, Sink])
def test_a_generic_service_has_one_action(kind):
    service = kind("com.amazonaws.us-east-1.monitoring")
    assert accesses(service) == (Access("monitoring:Invoke", "*"),)
    assert accesses(kind("com.amazonaws.us-east-1.ecr.api")) == (Access("ecr:Invoke", "*"),)
    status, headers, content = run(Guard(service, lambda _: ONLY_WRITES), ask("POST"))
    assert (status, headers["x-amzn-errortype"]) == (403, "AccessDeniedException")
    document = json.loads(content)
    assert document["__type"] == "AccessDeniedException"
    assert "because no VPC endpoint policy allows the monitoring:Invoke action" in document["message"]


@pytest.mark.fact("POL-4")
@pytest.mark.parametrize(
    "service",
    [
        Echo("com.amazonaws.us-east-1.monitoring", supports_policies=False),
        Echo("com.amazonaws.vpce.us-east-1.vpce-svc-0123456789abcdef0"),
    ],
)
def test_a_service_without_policies_gives_full_access(service):
    assert run(Guard(service, lambda _: ONLY_WRITES), ask())[0] == 200


def test_rulings_are_told_to_whoever_observes():
    rulings = []
    guard = Guard(s3(), lambda _: DENY_SECRETS, rulings.append)
    for key in ("open.txt", "secret.txt"):
        run(guard, ask("GET", f"/training/{key}"))
    assert [(one.vpc_endpoint_id, one.action, one.resource, one.decision.statement) for one in rulings] == [
        (CLIENT.vpc_endpoint_id, "s3:GetObject", "arn:aws:s3:::training/open.txt", "Statement[0]"),
        (CLIENT.vpc_endpoint_id, "s3:GetObject", "arn:aws:s3:::training/secret.txt", "Secrets"),
    ]


@pytest.mark.fact("VPCE-IF-16", "VPCE-GW-15")
def test_a_generic_service_says_how_a_request_arrived():
    status, _, content = run(Echo("com.amazonaws.us-east-1.monitoring"), ask("POST", "/x", query="y=1"), b"abc")
    assert (status, json.loads(content)) == (
        200,
        {
            "service_name": "com.amazonaws.us-east-1.monitoring",
            "method": "POST",
            "host": "example.test",
            "path": "/x",
            "query": "y=1",
            "bytes": 3,
            "vpc_endpoint_id": "vpce-1",
            "vpc_id": "vpc-1",
            "source_address": "10.0.1.10",
            "source_port": 40000,
        },
    )


def test_a_sink_says_how_much_it_took():
    service = Sink("com.amazonaws.us-east-1.ingest")
    assert json.loads(run(service, ask("PUT", "/x"), bytes(70_000))[2])["bytes"] == 70_000
    status, headers, _ = run(service, ask("GET"))
    assert (status, headers["allow"]) == (405, "POST, PUT")
