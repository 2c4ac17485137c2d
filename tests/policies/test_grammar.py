"""Which texts are policies, and where the others are not: POL-3, POL-5, POL-6, POL-7, POL-10."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.control.errors import Ec2Error
from emulator.control.policies import FULL_ACCESS, check_endpoint_policy, check_policy, policy_errors
from emulator.model.resources import VpcEndpointType
from emulator.policies import PolicyError, PolicyKind, jsontext, read_policy
from emulator.policies.reading import LONGEST
from tests.policies.worlds import BUCKET, GATEWAY, IDENTITY, INTERFACE, OURS

ALLOW = {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}
ROLE_ARN = f"arn:aws:iam::{OURS}:role/reader"


def policy(version: str = "2012-10-17", **changes: object) -> str:
    statement = {key: value for key, value in {**ALLOW, **changes}.items() if value is not ...}
    return json.dumps({"Version": version, "Statement": [statement]})


def problems(text: str, kind: PolicyKind) -> list[tuple[str, tuple[str | int, ...]]]:
    """Return what is wrong with a text, and with which element."""
    try:
        read_policy(text, kind)
    except PolicyError as error:
        return [(problem.message, problem.path) for problem in error.problems]
    return []


WELL_FORMED = [
    FULL_ACCESS,
    policy(),
    json.dumps({"Statement": ALLOW}),  # an object instead of an array
    json.dumps({"Version": "2008-10-17", "Id": "p", "Statement": [{"Sid": "s", **ALLOW}]}),
    policy(Effect="Deny", Action=["s3:Get*", "s3:PutObject"], Resource=["arn:aws:s3:::b", "arn:aws:s3:::b/*"]),
    policy(Action="s3:?et*", Resource="arn:aws:dynamodb:us-east-1:123456789012:table/*"),
    policy(Action=..., NotAction="s3:Delete*"),
    policy(Resource=..., NotResource="arn:aws:s3:::b/*"),
    policy(Condition={"StringEquals": {"aws:SourceVpce": ["vpce-1", "vpce-2"]}, "Bool": {"aws:SecureTransport": True}}),
    policy(Condition={"NumericLessThan": {"s3:max-keys": 10}}),
    policy(Condition={}),
    policy(Condition={"ForAnyValue:StringLikeIfExists": {"nobody:knows/this": "whatever"}}),
    policy(Resource="arn:aws:s3:::home/${aws:username}/*"),
    policy("2008-10-17", Resource="arn:aws:s3:::home/${this is text}"),
    "\n " + policy() + "\t",
]


@pytest.mark.fact("POL-5")
@pytest.mark.parametrize("text", WELL_FORMED)
@pytest.mark.parametrize("kind", [GATEWAY, INTERFACE, BUCKET])
def test_well_formed_policies_pass(text: str, kind: PolicyKind) -> None:
    of_bucket = text.replace("dynamodb:us-east-1:123456789012:table", "s3:::b") if kind is BUCKET else text
    assert read_policy(of_bucket, kind).statements


@pytest.mark.fact("POL-6")
@pytest.mark.parametrize(
    ("principal", "gateway", "interface"),
    [
        ("*", [], []),
        ({"AWS": "*"}, ["must be"], []),
        ({"AWS": OURS}, ["must be"], []),
        ({"AWS": [ROLE_ARN, f"arn:aws:iam::{OURS}:root", f"arn:aws:iam::{OURS}:user/a/b"]}, ["must be"], []),
        ({"AWS": f"arn:aws:sts::{OURS}:assumed-role/reader/i-1"}, ["must be"], []),
        (
            {"Service": "s3.amazonaws.com", "Federated": "accounts.google.com", "CanonicalUser": "0" * 64},
            ["must be"],
            [],
        ),
        ({"AWS": f"arn:aws:iam::{OURS}:role/*"}, ["must be"], ["no wildcards"]),
        ({"AWS": "reader"}, ["must be"], ['is "*", an account id']),
        ({"AWS": []}, ["must be"], ["Principal AWS is empty"]),
        ({"Service": "s3"}, ["must be"], ["name of a service"]),
        ({"CanonicalUser": "x"}, ["must be"], ["64 hexadecimal"]),
        ({"Federated": ""}, ["must be"], ["identity provider"]),
        ({"Aws": "*"}, ["must be"], ['did you mean "AWS"?']),
        ({}, ["must be"], ["Principal is empty"]),
        ("x", ["must be"], ['must be "*" or a map']),
        (["*"], ["must be"], ['must be "*" or a map']),
    ],
)
def test_who_may_be_a_principal(principal: object, gateway: list[str], interface: list[str]) -> None:
    text = policy(Principal=principal)
    for kind, expected in ((GATEWAY, gateway), (INTERFACE, interface), (BUCKET, interface)):
        found = problems(text, kind)
        assert len(found) == len(expected), found
        assert all(part in message for part, (message, _) in zip(expected, found, strict=True)), found


@pytest.mark.fact("POL-5", "POL-6")
def test_identities_policies_have_no_principal_and_all_others_have_one() -> None:
    assert problems(policy(Principal=...), IDENTITY) == []
    assert problems(policy(), IDENTITY)[0][1] == ("Statement", 0, "Principal")
    for kind in (GATEWAY, INTERFACE, BUCKET):
        assert problems(policy(Principal=...), kind) == [("The statement has no Principal", ("Statement", 0))]
    spared = policy(Effect="Deny", Principal=..., NotPrincipal={"AWS": OURS})
    assert [problems(spared, kind) == [] for kind in (GATEWAY, INTERFACE, BUCKET)] == [False, True, True]
    assert "with Allow it is not supported" in problems(spared.replace("Deny", "Allow"), BUCKET)[0][0]


@pytest.mark.fact("POL-5")
def test_not_action_and_not_resource_are_read_as_such() -> None:
    read = read_policy(policy(Action=..., NotAction="s3:Get*", Resource=..., NotResource="*"), BUCKET).statements[0]
    assert (read.not_actions, read.not_resources) == (True, True)
    read = read_policy(policy(), BUCKET).statements[0]
    assert (read.not_actions, read.not_resources) == (False, False)


REFUSALS: list[tuple[str, str, tuple[str | int, ...]]] = [
    ("", "The policy is not valid JSON: unexpected end (line 1, column 1", ()),
    ("{", "expected a string in double quotes (line 1, column 2", ()),
    ('{"Statement": [', "unexpected end", ()),
    ('{"Statement": [],}', "expected a string in double quotes (line 1, column 18", ()),
    ("{'Statement': 1}", "expected a string in double quotes (line 1, column 2", ()),
    (policy() + "x", "unexpected text after the end", ()),
    ('{"Statement": 01}', 'expected ","', ()),
    ('{\n"Id": "a",\n  "Id": "b"}', 'the key "Id" comes twice (line 3, column 3', ()),
    (policy(Condition={"Bool": {"aws:a": "true"}}).replace('"Bool"', '"Bool": {}, "Bool"'), "comes twice", ()),
    ("[" * 30, "nested too deeply (line 1, column 26", ()),
    ("[]", "The policy must be an object", ()),
    ("{}", "The policy has no Statement", ()),
    ('{"Statement": []}', "Statement is empty", ("Statement",)),
    ('{"Statement": "x"}', "A statement must be an object", ("Statement",)),
    (json.dumps({"Version": "2020-01-01", "Statement": ALLOW}), "Version must be", ("Version",)),
    (json.dumps({"Id": 5, "Statement": ALLOW}), "Id must be a string", ("Id",)),
    (json.dumps({"Statements": ALLOW}), 'Unknown element "Statements" in the policy: did you mean', ("Statements",)),
    (policy(Effect="allow"), 'Effect must be "Allow" or "Deny"', ("Statement", 0, "Effect")),
    (policy(Effect=...), "The statement has no Effect", ("Statement", 0)),
    (policy(Sid=1), "Sid must be a string", ("Statement", 0, "Sid")),
    (policy(Action=[]), "Action is empty", ("Statement", 0, "Action")),
    (policy(Action=["s3:*", "GetObject"]), "Action must be", ("Statement", 0, "Action", 1)),
    (policy(Action={}), "Action must be", ("Statement", 0, "Action")),
    (policy(Action=...), "The statement has no Action", ("Statement", 0)),
    (policy(NotAction="s3:*"), "Action or NotAction, not both", ("Statement", 0, "NotAction")),
    (policy(Resource="bucket"), "Resource must be", ("Statement", 0, "Resource")),
    (policy(Resource=7), "Resource must be", ("Statement", 0, "Resource")),
    (policy(NotResource="*"), "Resource or NotResource, not both", ("Statement", 0, "NotResource")),
    (policy(NotPrincipal="*"), "Principal or NotPrincipal, not both", ("Statement", 0, "NotPrincipal")),
    (policy(Prinzipal="*"), 'Unknown element "Prinzipal" in a statement', ("Statement", 0, "Prinzipal")),
    (policy(Resource="arn:aws:s3:::${aws:username"), "does not end", ("Statement", 0, "Resource")),
    (policy(Resource="arn:aws:s3:::${nothing}"), "is no policy variable", ("Statement", 0, "Resource")),
    (policy(Condition="x"), "Condition must be a map", ("Statement", 0, "Condition")),
    (
        policy(Condition={"StringEqual": {"aws:x": "y"}}),
        'Unknown condition operator "StringEqual": did you mean "StringEquals"? (line 1, column 125',
        ("Statement", 0, "Condition", "StringEqual"),
    ),
    (
        policy(Condition={"ForAnyValue:stringlikeIfExists": {"aws:x": "y"}}),
        'did you mean "ForAnyValue:StringLikeIfExists"?',
        ("Statement", 0, "Condition", "ForAnyValue:stringlikeIfExists"),
    ),
    (policy(Condition={"Bool": "x"}), "Bool must be a map", ("Statement", 0, "Condition", "Bool")),
    (policy(Condition={"Bool": {"x": 1}}), '"x" is no condition key', ("Statement", 0, "Condition", "Bool", "x")),
    (policy(Condition={"Bool": {"aws:x": []}}), "aws:x is empty", ("Statement", 0, "Condition", "Bool", "aws:x")),
    (
        policy(Condition={"Bool": {"aws:x": ["true", "maybe"]}}),
        "neither true nor false",
        ("Statement", 0, "Condition", "Bool", "aws:x", 1),
    ),
    (
        policy(Condition={"IpAddress": {"aws:x": "10.0.0.0/33"}}),
        "no IP address",
        ("Statement", 0, "Condition", "IpAddress", "aws:x"),
    ),
    (
        policy(Condition={"NumericEquals": {"aws:x": "ten"}}),
        "is no number",
        ("Statement", 0, "Condition", "NumericEquals", "aws:x"),
    ),
    (
        policy(Condition={"DateLessThan": {"aws:x": "2026-13-01"}}),
        "is no date",
        ("Statement", 0, "Condition", "DateLessThan", "aws:x"),
    ),
    (
        policy(Condition={"BinaryEquals": {"aws:x": "%"}}),
        "base64",
        ("Statement", 0, "Condition", "BinaryEquals", "aws:x"),
    ),
    (
        policy(Condition={"ArnLike": {"aws:x": "role/r"}}),
        "is no ARN",
        ("Statement", 0, "Condition", "ArnLike", "aws:x"),
    ),
    (
        policy(Condition={"StringLike": {"aws:x": {}}}),
        "a string, a number",
        ("Statement", 0, "Condition", "StringLike", "aws:x"),
    ),
]


@pytest.mark.fact("POL-5", "POL-7", "POL-9")
@pytest.mark.parametrize(("text", "message", "path"), REFUSALS)
def test_what_policies_are_refused_and_where(text: str, message: str, path: tuple[str | int, ...]) -> None:
    with pytest.raises(Ec2Error) as refusal:
        check_endpoint_policy(text, VpcEndpointType.INTERFACE)
    error = refusal.value
    assert (error.code, error.parameter, error.path) == ("InvalidPolicyDocument", "policy_document", path)
    assert message in error.message


def test_all_mistakes_are_found_at_once_in_the_order_of_the_text() -> None:
    text = json.dumps(
        {
            "Version": "2020-01-01",
            "Statement": [
                {"Effect": "allow", "Principal": "*", "Action": "s3", "Resource": "*"},
                {"Sid": 1, "Effect": "Deny", "Principal": "*", "NotAction": "*", "Condition": {"Foo": {}}},
            ],
        },
        indent=1,
    )
    with pytest.raises(PolicyError) as caught:
        read_policy(text, INTERFACE)
    assert [(problem.line, problem.path) for problem in caught.value.problems] == [
        (2, ("Version",)),
        (5, ("Statement", 0, "Effect")),
        (7, ("Statement", 0, "Action")),
        (10, ("Statement", 1)),  # no Resource
        (11, ("Statement", 1, "Sid")),
        (16, ("Statement", 1, "Condition", "Foo")),
    ]
    assert len(policy_errors(text, INTERFACE)) == 6
    with pytest.raises(
        Ec2Error, match=r"Version must be .*\(line 2, column 13 of the policy\) \(and 5 more problems\)"
    ):
        check_policy(text, INTERFACE)


@pytest.mark.fact("POL-3")
@pytest.mark.parametrize(
    ("kind", "limit"), [(GATEWAY, 20_480), (INTERFACE, 20_480), (BUCKET, 20_480), (IDENTITY, 10_240)]
)
def test_how_long_a_policy_may_be(kind: PolicyKind, limit: int) -> None:
    assert LONGEST[kind] == limit
    blank = policy(**({"Principal": ...} if kind is IDENTITY else {}))
    if kind is IDENTITY:  # white space does not count
        assert problems(blank.ljust(limit * 2), kind) == []
        long = blank.replace(" ", "").replace('"Action":"*"', '"Action":[' + ",".join(['"s3:Get"'] * 1200) + "]")
        assert "the maximum is 10240" in problems(long, kind)[0][0]
        return
    assert problems(blank.ljust(limit), kind) == []
    assert f"{limit + 1} " in problems(blank.ljust(limit + 1), kind)[0][0]


def test_a_buckets_policy_is_about_s3() -> None:
    assert problems(policy(Action="dynamodb:GetItem"), BUCKET) == [
        ("Policy has invalid action", ("Statement", 0, "Action"))
    ]


@pytest.mark.parametrize(
    ("kind", "code"),
    [(GATEWAY, "InvalidPolicyDocument"), (BUCKET, "MalformedPolicy"), (IDENTITY, "MalformedPolicyDocument")],
)
def test_each_api_has_its_own_code(kind: PolicyKind, code: str) -> None:
    with pytest.raises(Ec2Error) as caught:
        check_policy("{}", kind)
    assert caught.value.code == code


# ---- what endpoint policies may not say

LIMITS: list[tuple[dict[str, Any], str | None]] = [
    ({"StringEquals": {"aws:SourceVpc": "vpc-1"}}, None),
    ({"StringLike": {"aws:SourceVpc": "vpc-12345*"}}, "have no wildcards for it"),
    ({"StringLikeIfExists": {"AWS:PrincipalAccount": "1111?"}}, "have no wildcards for it"),
    ({"NumericEquals": {"aws:PrincipalAccount": OURS}}, "no numeric operators"),
    ({"NumericEquals": {"s3:max-keys": 10}}, None),
    ({"StringLike": {"s3:prefix": "abcdef*"}}, None),
    ({"StringLike": {"s3:prefix": "*abcdef"}}, None),
    ({"StringLike": {"s3:prefix": "abcde*"}}, "6 consecutive characters"),
    ({"StringLike": {"s3:prefix": "abcdef*a*abcdef"}}, None),
    ({"StringLike": {"s3:prefix": "abcdef*a*b"}}, "6 consecutive characters"),
    ({"StringNotLike": {"s3:prefix": ["abcdefg*", "a?"]}}, "6 consecutive characters"),
    ({"StringEquals": {"s3:prefix": "a*"}}, None),  # no wildcard here
    ({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/r"}}, None),
    ({"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{OURS}:role/r*"}}, None),
    ({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::1111*:role/r"}}, "an id or a wildcard, not both"),
]


@pytest.mark.fact("POL-10")
@pytest.mark.parametrize(("condition", "message"), LIMITS)
def test_limits_of_endpoint_policies(condition: dict[str, Any], message: str | None) -> None:
    text = policy(Condition=condition)
    for kind in (GATEWAY, INTERFACE):
        found = problems(text, kind)
        assert [message is not None and message in one for one, _ in found] == [True] * (message is not None)
    assert problems(text, BUCKET) == []


@pytest.mark.fact("POL-10")
def test_the_account_of_a_resource_is_an_id_or_a_wildcard() -> None:
    arns = {f"arn:aws:dynamodb:us-east-1:{account}:table/t": account for account in ("1111*", "*", OURS, "${aws:x}")}
    assert [problems(policy(Resource=arn), INTERFACE) == [] for arn in arns] == [False, True, True, True]


# ---- JSON with positions

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**18), 10**18) | st.text(),
    lambda values: st.lists(values, max_size=4) | st.dictionaries(st.text(), values, max_size=4),
    max_leaves=20,
)


def plain(node: jsontext.Node) -> object:
    if node.is_object:
        return {key: plain(value) for key, _, value in node.members}
    return [plain(one) for one in node.elements] if node.is_array else node.value


@given(JSON, st.sampled_from([None, 1]), st.booleans())
def test_json_with_positions_reads_what_the_standard_library_wrote(value, indent, ascii_only):
    assert plain(jsontext.parse(json.dumps(value, indent=indent, ensure_ascii=ascii_only))) == value


@given(st.text(alphabet='{}[]",:0123456789.eE-+truefalsn\\ \n', max_size=30))
def test_json_with_positions_refuses_what_the_standard_library_refuses(text):
    try:
        json.loads(text)
        theirs = True
    except ValueError:
        theirs = False
    try:
        jsontext.parse(text)
        ours = True
    except jsontext.JsonError:
        ours = False
    assert theirs or not ours
