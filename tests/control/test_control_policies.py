"""Endpoint policies: which are well-formed, and where the others are not."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.control import jsontext
from emulator.control.errors import Ec2Error
from emulator.control.policies import FULL_ACCESS, MAX_LENGTH, check_policy
from emulator.model.resources import VpcEndpointType

GATEWAY, INTERFACE = VpcEndpointType.GATEWAY, VpcEndpointType.INTERFACE
ALLOW = {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}


def policy(**changes: object) -> str:
    statement = {key: value for key, value in {**ALLOW, **changes}.items() if value is not ...}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.mark.parametrize(
    "text",
    [
        FULL_ACCESS,
        policy(),
        json.dumps({"Statement": ALLOW}),  # an object instead of an array (POL-5)
        json.dumps({"Version": "2008-10-17", "Id": "p", "Statement": [{"Sid": "s", **ALLOW}]}),
        policy(Effect="Deny", Action=["s3:Get*", "s3:PutObject"], Resource=["arn:aws:s3:::b", "arn:aws:s3:::b/*"]),
        policy(Action="s3:?et*", Resource="arn:aws:dynamodb:us-east-1:123456789012:table/*"),
        "\n " + policy() + "\t",
    ],
)
@pytest.mark.parametrize("endpoint_type", [GATEWAY, INTERFACE])
def test_well_formed_policies_pass(text, endpoint_type):
    check_policy(text, endpoint_type)


def test_the_principal_of_a_gateway_endpoints_policy_is_a_star():  # POL-6
    text = policy(Principal={"AWS": "*"})
    check_policy(text, INTERFACE)
    with pytest.raises(Ec2Error, match='must be "\\*"'):
        check_policy(text, GATEWAY)


UNSUPPORTED = "UNSUPPORTED_COMPONENT: "
REFUSALS = [
    ("", "The policy is not valid JSON: unexpected end (line 1, column 1", ()),
    ("{", "expected a string in double quotes (line 1, column 2", ()),
    ('{"Statement": [', "unexpected end", ()),
    ('{"Statement": [],}', "expected a string in double quotes (line 1, column 18", ()),
    ("{'Statement': 1}", "expected a string in double quotes (line 1, column 2", ()),
    (policy() + "x", "unexpected text after the end", ()),
    ('{"Statement": 01}', 'expected ","', ()),
    ('{\n"Id": "a",\n  "Id": "b"}', 'the key "Id" comes twice (line 3, column 3', ()),  # POL-5
    ("[" * 30, "nested too deeply (line 1, column 26", ()),
    ("[]", "The policy must be an object", ()),
    ("{}", "The policy has no Statement", ()),
    ('{"Statement": []}', "Statement is empty", ("Statement",)),
    ('{"Statement": "x"}', "A statement must be an object", ("Statement",)),
    (json.dumps({"Version": "2020-01-01", "Statement": ALLOW}), "Version must be", ("Version",)),
    (json.dumps({"Id": 5, "Statement": ALLOW}), "Id must be a string", ("Id",)),
    (json.dumps({"Statements": ALLOW}), 'Unknown element "Statements"', ("Statements",)),
    (policy(Effect="allow"), 'Effect must be "Allow" or "Deny"', ("Statement", 0, "Effect")),
    (policy(Effect=...), "The statement has no Effect", ("Statement", 0)),
    (policy(Principal=...), "The statement has no Principal", ("Statement", 0)),  # POL-6
    (policy(Sid=1), "Sid must be a string", ("Statement", 0, "Sid")),
    (policy(Action=[]), "Action is empty", ("Statement", 0, "Action")),
    (policy(Action=["s3:*", "GetObject"]), "Action must be", ("Statement", 0, "Action", 1)),  # POL-7
    (policy(Action={}), "Action must be", ("Statement", 0, "Action")),
    (policy(Resource="bucket"), "Resource must be", ("Statement", 0, "Resource")),  # POL-7
    (policy(Resource=7), "Resource must be", ("Statement", 0, "Resource")),
    (policy(Prinzipal="*"), 'Unknown element "Prinzipal" in a statement', ("Statement", 0, "Prinzipal")),
    (policy(Principal="x"), 'Principal must be "*" or a map', ("Statement", 0, "Principal")),
    (policy(Principal={}), "Principal is empty", ("Statement", 0, "Principal")),
    (policy(Principal={"AWS": []}), "Principal AWS is empty", ("Statement", 0, "Principal", "AWS")),
    (
        policy(Principal={"AWS": "123456789012"}),
        UNSUPPORTED + 'only the principal "*"',
        ("Statement", 0, "Principal", "AWS"),
    ),
    (
        policy(Principal={"Service": "s3.amazonaws.com"}),
        UNSUPPORTED + "Service",
        ("Statement", 0, "Principal", "Service"),
    ),
    (
        policy(Condition={}),
        UNSUPPORTED + "Condition in a statement is not modelled (line 1, column 111",
        ("Statement", 0, "Condition"),
    ),
    (policy(NotAction="s3:*", Action=...), UNSUPPORTED + "NotAction", ("Statement", 0, "NotAction")),
    (policy(NotResource="*", Resource=...), UNSUPPORTED + "NotResource", ("Statement", 0, "NotResource")),
    (policy(NotPrincipal="*", Principal=...), UNSUPPORTED + "NotPrincipal", ("Statement", 0, "NotPrincipal")),
]


@pytest.mark.parametrize(("text", "message", "path"), REFUSALS)
def test_what_policies_are_refused_and_where(text, message, path):
    with pytest.raises(Ec2Error) as refusal:
        check_policy(text, INTERFACE)
    error = refusal.value
    assert (error.code, error.parameter, error.path) == ("InvalidPolicyDocument", "policy_document", path)
    assert message in error.message


def test_a_policy_has_at_most_20480_characters_with_white_space():  # POL-3
    check_policy(policy().ljust(MAX_LENGTH), GATEWAY)
    with pytest.raises(Ec2Error, match="20481 characters"):
        check_policy(policy().ljust(MAX_LENGTH + 1), GATEWAY)


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
