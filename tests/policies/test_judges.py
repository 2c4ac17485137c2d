"""Judged by others: moto's evaluation of simple policies, botocore's signatures, policies that AWS publishes."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.policies import UNSTATED, PolicyKind, Principal
from emulator.services import access_key_id
from tests.policies.worlds import GATEWAY, IDENTITY, OURS, ROLE, THEIRS, USER, decide, statement, text
from tests.services.harness import ask

moto_iam = pytest.importorskip("moto.iam.access_control", reason="moto is not installed")
auth = pytest.importorskip("botocore.auth", reason="botocore is not installed")
awsrequest = pytest.importorskip("botocore.awsrequest")
credentials = pytest.importorskip("botocore.credentials")

globs = st.text("ab*", min_size=1, max_size=4)
names = st.text("ab", min_size=1, max_size=4)
some = st.lists(globs, min_size=1, max_size=3)


@st.composite
def simple(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a statement of the part of the language that moto evaluates."""
    key = draw(st.sampled_from(["Action", "Action", "NotAction"]))
    actions = [f"s3:{one}" for one in draw(some)]
    resources = [f"arn:aws:s3:::{one}" for one in draw(some)]
    return {
        "Effect": draw(st.sampled_from(["Allow", "Allow", "Deny"])),
        key: actions[0] if len(actions) == 1 else actions,
        "Resource": draw(st.sampled_from([resources, "*"])),
    }


@pytest.mark.fact("POL-7", "POL-11")
@given(st.lists(simple(), min_size=1, max_size=4), names, names)
def test_moto_says_the_same(statements: list[dict[str, Any]], action: str, resource: str) -> None:
    policy = text(*statements)
    theirs = moto_iam.IAMPolicy(policy).is_action_permitted(f"s3:{action}", f"arn:aws:s3:::{resource}")
    ours = decide(policy, f"s3:{action}", f"arn:aws:s3:::{resource}", USER, IDENTITY)
    denied = ours.explicit and not ours.allowed
    assert theirs.name == ("PERMITTED" if ours.allowed else "DENIED" if denied else "NEUTRAL")


@pytest.mark.parametrize("signer", ["SigV4Auth", "S3SigV4Auth", "SigV4QueryAuth", "S3SigV4QueryAuth"])
def test_the_key_is_found_in_what_botocore_signs(signer: str) -> None:
    request = awsrequest.AWSRequest("GET", "http://s3.us-east-1.amazonaws.com/b/k")
    request.context["payload_signing_enabled"] = False
    key = credentials.Credentials("AKIAEXAMPLE012345678", "secret")
    getattr(auth, signer)(key, "s3", "us-east-1").add_auth(request)
    headers = [(name.lower(), value) for name, value in request.headers.items()]
    assert access_key_id(ask("GET", "/b/k", *headers, query=urlsplit(request.url).query)) == "AKIAEXAMPLE012345678"


# Policies in the shape of those in AWS's guides, with what the guides say they do.

BUCKET_ARNS = ["arn:aws:s3:::b", "arn:aws:s3:::b/*"]
ONE_ENDPOINT = text(statement("Deny", "s3:*", BUCKET_ARNS, Condition={"StringNotEquals": {"aws:SourceVpce": "vpce-1"}}))
ONE_VPC = text(statement("Deny", "s3:*", BUCKET_ARNS, Condition={"StringNotEquals": {"aws:SourceVpc": "vpc-1"}}))
ONE_ROLE = text(statement(Condition={"ArnEquals": {"aws:PrincipalArn": ROLE.principal_arn}}))
OUR_BUCKETS = text(statement("Allow", "s3:*", Condition={"StringEquals": {"s3:ResourceAccount": OURS}}))
OUR_PEOPLE = text(statement(Condition={"StringEquals": {"aws:PrincipalOrgID": "o-0123456789"}}))
TLS_ONLY = text(statement("Deny", "s3:*", BUCKET_ARNS, Condition={"Bool": {"aws:SecureTransport": "false"}}))
HOME = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": "arn:aws:s3:::b/${aws:username}/*"},
            {
                "Effect": "Allow",
                "Action": "s3:ListBucket",
                "Resource": "arn:aws:s3:::b",
                "Condition": {"StringLike": {"s3:prefix": ["", "${aws:username}/*"]}},
            },
        ],
    }
)
OFFICE = text(
    statement(
        "Deny",
        Condition={
            "NotIpAddress": {"aws:SourceIp": ["192.0.2.0/24", "203.0.113.0/24"]},
            "Bool": {"aws:ViaAWSService": "false"},
        },
    )
)


@pytest.mark.fact("POL-9", "POL-10", "POL-12")
@pytest.mark.parametrize(
    ("policy", "kind", "who", "action", "resource", "keys", "denied"),
    [
        (
            ONE_ENDPOINT,
            PolicyKind.BUCKET,
            ROLE,
            "s3:GetObject",
            "arn:aws:s3:::b/k",
            {"aws__sourcevpce": "vpce-1"},
            False,
        ),
        (
            ONE_ENDPOINT,
            PolicyKind.BUCKET,
            ROLE,
            "s3:GetObject",
            "arn:aws:s3:::b/k",
            {"aws__sourcevpce": "vpce-2"},
            True,
        ),
        (
            ONE_ENDPOINT,
            PolicyKind.BUCKET,
            ROLE,
            "s3:ListBucket",
            "arn:aws:s3:::b",
            {"aws__sourceip": "192.0.2.1"},
            True,
        ),
        (ONE_VPC, PolicyKind.BUCKET, ROLE, "s3:GetObject", "arn:aws:s3:::b/k", {"aws__sourcevpc": "vpc-1"}, False),
        (ONE_VPC, PolicyKind.BUCKET, ROLE, "s3:GetObject", "arn:aws:s3:::b/k", {}, True),
        (ONE_ROLE, GATEWAY, ROLE, "s3:GetObject", "arn:aws:s3:::b/k", {"aws__principalarn": ROLE.principal_arn}, False),
        (ONE_ROLE, GATEWAY, USER, "s3:GetObject", "arn:aws:s3:::b/k", {"aws__principalarn": USER.arn}, True),
        (ONE_ROLE, GATEWAY, UNSTATED, "s3:GetObject", "arn:aws:s3:::b/k", {}, True),
        (OUR_BUCKETS, GATEWAY, ROLE, "s3:GetObject", "arn:aws:s3:::b/k", {"s3__resourceaccount": OURS}, False),
        (OUR_BUCKETS, GATEWAY, ROLE, "s3:GetObject", "arn:aws:s3:::c/k", {"s3__resourceaccount": THEIRS}, True),
        (OUR_PEOPLE, GATEWAY, ROLE, "s3:GetObject", "*", {"aws__principalorgid": "o-0123456789"}, False),
        (OUR_PEOPLE, GATEWAY, ROLE, "s3:GetObject", "*", {}, True),
        (
            TLS_ONLY,
            PolicyKind.BUCKET,
            ROLE,
            "s3:GetObject",
            "arn:aws:s3:::b/k",
            {"aws__securetransport": "false"},
            True,
        ),
        (
            TLS_ONLY,
            PolicyKind.BUCKET,
            ROLE,
            "s3:GetObject",
            "arn:aws:s3:::b/k",
            {"aws__securetransport": "true"},
            False,
        ),
        (HOME, IDENTITY, USER, "s3:GetObject", "arn:aws:s3:::b/ann/k", {"aws__username": "ann"}, False),
        (HOME, IDENTITY, USER, "s3:GetObject", "arn:aws:s3:::b/bob/k", {"aws__username": "ann"}, True),
        (
            HOME,
            IDENTITY,
            USER,
            "s3:ListBucket",
            "arn:aws:s3:::b",
            {"aws__username": "ann", "s3__prefix": "ann/x"},
            False,
        ),
        (HOME, IDENTITY, USER, "s3:ListBucket", "arn:aws:s3:::b", {"aws__username": "ann", "s3__prefix": "bob/"}, True),
        (HOME, IDENTITY, ROLE, "s3:GetObject", "arn:aws:s3:::b//k", {}, True),  # roles have no user name
        (
            OFFICE,
            GATEWAY,
            ROLE,
            "s3:GetObject",
            "*",
            {"aws__viaawsservice": "false", "aws__sourceip": "192.0.2.9"},
            False,
        ),
        (
            OFFICE,
            GATEWAY,
            ROLE,
            "s3:GetObject",
            "*",
            {"aws__viaawsservice": "false", "aws__sourceip": "198.51.100.1"},
            True,
        ),
        (
            OFFICE,
            GATEWAY,
            ROLE,
            "s3:GetObject",
            "*",
            {"aws__viaawsservice": "true", "aws__sourceip": "198.51.100.1"},
            False,
        ),
    ],
)
def test_published_policies_do_what_is_said_of_them(
    policy: str, kind: PolicyKind, who: Principal, action: str, resource: str, keys: dict[str, str], denied: bool
) -> None:
    decision = decide(policy, action, resource, who, kind, **keys)
    only_denies = '"Allow"' not in policy
    assert (decision.explicit if only_denies else not decision.allowed) is denied
