"""Endpoint, bucket and identity together: POL-1, POL-2, POL-6, POL-10 to POL-12, POL-14."""

from __future__ import annotations

import itertools

import pytest

from emulator.policies import (
    ANONYMOUS,
    FULL_ACCESS,
    UNSTATED,
    Attached,
    Circumstances,
    Layer,
    Policies,
    Principal,
    condition_keys,
    judge,
)
from emulator.policies.layers import lines, to_json
from tests.policies.worlds import INTERFACE, KEY, OURS, ROLE, THEIRS, USER, of_identity, statement, text, verdict

ALLOW = text(statement())
OTHER = text(statement(action="s3:PutObject"))
DENY = text(statement(), statement("Deny", "s3:GetObject", Sid="No"))
FOR_IDENTITY = {
    "allow": of_identity(statement()),
    "other": of_identity(statement(action="s3:PutObject")),
    "deny": of_identity(statement(), statement("Deny", "s3:GetObject", Sid="No")),
    "none": None,
}
FOR_BUCKET = {
    "allow": text(statement(action="s3:*", resource="arn:aws:s3:::b/*")),
    "other": text(statement(action="s3:PutObject", resource="arn:aws:s3:::b/*")),
    "deny": text(statement("Deny", "s3:GetObject", "arn:aws:s3:::b/*", Sid="No")),
    "none": None,
}
FOR_ENDPOINT = {"allow": ALLOW, "other": OTHER, "deny": DENY, "none": None}


@pytest.mark.fact("POL-2", "POL-11")
@pytest.mark.parametrize("words", list(itertools.product(FOR_ENDPOINT, FOR_IDENTITY, FOR_BUCKET)))
@pytest.mark.parametrize("owner", [OURS, THEIRS])
def test_the_order_of_evaluation(words: tuple[str, str, str], owner: str) -> None:
    endpoint, identity, bucket = words
    found = verdict(
        endpoint=FOR_ENDPOINT[endpoint], identity=FOR_IDENTITY[identity], bucket=FOR_BUCKET[bucket], owner=owner
    )
    granted = [identity == "allow", bucket == "allow"]
    expected = "deny" not in words and endpoint != "other" and (any(granted) if owner == OURS else all(granted))
    assert found.allowed is expected
    assert [(layer.layer, layer.denies) for layer in found.layers] == [
        (Layer.ENDPOINT, endpoint == "deny"),
        (Layer.RESOURCE, bucket == "deny"),
        (Layer.IDENTITY, identity == "deny"),
    ]
    if "deny" in words:
        assert found.deciding is not None
        assert found.deciding.decision.statement == "No"


@pytest.mark.fact("POL-1")
def test_the_default_policy_lets_everything_pass() -> None:
    found = verdict(UNSTATED, endpoint=FULL_ACCESS)
    assert (found.allowed, found.sentence) == (True, "")


@pytest.mark.fact("POL-11")
def test_where_nobody_is_stated_to_ask_the_identity_layer_allows_and_the_others_are_asked() -> None:
    assert verdict(UNSTATED, endpoint=ALLOW).allowed
    assert not verdict(UNSTATED, endpoint=OTHER).allowed
    assert not verdict(UNSTATED, endpoint=ALLOW, bucket=FOR_BUCKET["deny"]).allowed


@pytest.mark.fact("POL-11")
def test_whoever_does_not_sign_is_let_in_by_a_bucket_for_everybody_alone() -> None:
    assert not verdict(ANONYMOUS, endpoint=ALLOW).allowed
    assert verdict(ANONYMOUS, endpoint=ALLOW, bucket=FOR_BUCKET["allow"]).allowed
    assert not verdict(ANONYMOUS, endpoint=OTHER, bucket=FOR_BUCKET["allow"]).allowed


def bucket_for(principal: object, effect: str = "Allow", key: str = "Principal") -> str:
    made = statement(effect, "s3:GetObject", "arn:aws:s3:::b/*", Principal=...)
    return text({**made, key: principal})


@pytest.mark.fact("POL-6")
@pytest.mark.parametrize(
    ("principal", "who", "allowed"),
    [
        ("*", ROLE, True),
        ({"AWS": "*"}, ROLE, True),
        ({"AWS": ROLE.principal_arn}, ROLE, True),
        ({"AWS": ROLE.arn}, ROLE, True),
        ({"AWS": ROLE.user_id.partition(":")[0]}, ROLE, True),
        ({"AWS": USER.arn}, USER, True),
        ({"AWS": [USER.arn, ROLE.principal_arn]}, ROLE, True),
        ({"AWS": USER.arn}, ROLE, False),
        ({"AWS": f"arn:aws:sts::{OURS}:assumed-role/reader/i-2"}, ROLE, False),
        ({"AWS": OURS}, ROLE, False),  # the account lets in whom its own policies let in
        ({"Service": "ec2.amazonaws.com"}, ROLE, False),
        ({"Federated": "cognito-identity.amazonaws.com"}, ROLE, False),
        ({"CanonicalUser": "0" * 64}, ROLE, False),
    ],
)
def test_whom_a_bucket_lets_in(principal: object, who: Principal, allowed: bool) -> None:
    assert verdict(who, bucket=bucket_for(principal)).allowed is allowed


@pytest.mark.fact("POL-6")
@pytest.mark.parametrize("account", [OURS, f"arn:aws:iam::{OURS}:root"])
def test_an_account_as_a_principal(account: str) -> None:
    across = {"owner": THEIRS, "bucket": bucket_for({"AWS": account})}
    assert verdict(identity=FOR_IDENTITY["allow"], **across).allowed
    assert not verdict(**across).allowed
    assert not verdict(identity=FOR_IDENTITY["allow"], bucket=bucket_for({"AWS": account}, "Deny")).allowed
    # An endpoint's policy that lets in an account lets in its root user alone.
    endpoint = text(statement(Principal={"AWS": account}))
    question = verdict(identity=FOR_IDENTITY["allow"]).question
    attached = Attached("vpce-1", INTERFACE, endpoint)
    assert not judge(question, Policies(attached, None, ())).layers[0].allowed


@pytest.mark.fact("POL-5")
@pytest.mark.parametrize(
    ("spared", "allowed"),
    [
        ([ROLE.arn, ROLE.principal_arn, OURS], True),
        ([ROLE.arn, ROLE.principal_arn], False),  # the account is denied still
        ([ROLE.principal_arn, OURS], False),  # and so is the session
        ([USER.arn, OURS], False),
    ],
)
def test_not_principal_spares_whom_it_names_whole(spared: list[str], allowed: bool) -> None:
    bucket = bucket_for({"AWS": spared}, "Deny", "NotPrincipal")
    assert verdict(bucket=bucket, identity=FOR_IDENTITY["allow"]).allowed is allowed


# ---- keys of the network

THROUGH = Circumstances("10.0.1.10", 1767225600, "us-east-1", "vpce-1", "vpc-1", "arn:aws:ec2:us-east-1:1:vpc/vpc-1")
OUTSIDE = Circumstances("203.0.113.9", 1767225600, "us-east-1", secure=True)


@pytest.mark.fact("POL-10")
def test_keys_of_a_request_through_an_endpoint_and_of_one_outside() -> None:
    through, outside = (condition_keys(ROLE, None, where) for where in (THROUGH, OUTSIDE))
    network = ("aws:sourcevpce", "aws:sourcevpc", "aws:sourcevpcarn", "aws:vpcsourceip", "aws:sourceip")
    assert {name: through.get(name) for name in network} == {
        "aws:sourcevpce": ("vpce-1",),
        "aws:sourcevpc": ("vpc-1",),
        "aws:sourcevpcarn": ("arn:aws:ec2:us-east-1:1:vpc/vpc-1",),
        "aws:vpcsourceip": ("10.0.1.10",),
        "aws:sourceip": None,
    }
    assert {name: outside[name] for name in network if name in outside} == {"aws:sourceip": ("203.0.113.9",)}


@pytest.mark.fact("POL-10")
def test_keys_of_who_asks_what_of_whom_and_when() -> None:
    keys = condition_keys(ROLE, THEIRS, OUTSIDE, [("s3:Prefix", ("logs/",))])
    assert {name: keys[name][0] for name in keys if name != "aws:sourceip"} == {
        "aws:principaltype": "AssumedRole",
        "aws:principalarn": ROLE.principal_arn,  # the role's, not the session's
        "aws:principalaccount": OURS,
        "aws:principalisawsservice": "false",
        "aws:principaltag/team": "data",
        "aws:userid": "AROAAAAAAAAAAAAAAAAA:i-1",
        "aws:currenttime": "2026-01-01T00:00:00Z",
        "aws:epochtime": "1767225600",
        "aws:requestedregion": "us-east-1",
        "aws:securetransport": "true",
        "aws:viaawsservice": "false",
        "aws:resourceaccount": THEIRS,
        "s3:resourceaccount": THEIRS,
        "s3:prefix": "logs/",
    }
    assert condition_keys(USER, None, OUTSIDE)["aws:username"] == ("ann",)
    assert "aws:principalarn" not in condition_keys(UNSTATED, None, OUTSIDE)
    assert condition_keys(ANONYMOUS, None, OUTSIDE)["aws:principaltype"] == ("Anonymous",)


LOCK = text(
    statement(
        "Deny",
        "s3:*",
        ["arn:aws:s3:::b", "arn:aws:s3:::b/*"],
        Sid="OnlyHere",
        Condition={"StringNotEquals": {"aws:sourceVpce": "vpce-1"}},
    )
)


@pytest.mark.fact("POL-12")
@pytest.mark.parametrize(
    ("keys", "allowed"), [({"aws__sourcevpce": "vpce-1"}, True), ({"aws__sourcevpce": "vpce-2"}, False), ({}, False)]
)
def test_a_bucket_locked_to_an_endpoint_locks_out_whoever_comes_by_none(keys: dict[str, str], allowed: bool) -> None:
    assert verdict(bucket=LOCK, identity=FOR_IDENTITY["allow"], **keys).allowed is allowed


# ---- what denials say

WHO = f'User: {ROLE.arn} is not authorized to perform: s3:GetObject on resource: "{KEY}"'


@pytest.mark.fact("POL-14")
@pytest.mark.parametrize(
    ("layers", "sentence"),
    [
        ({"endpoint": OTHER}, f"{WHO} because no VPC endpoint policy allows the s3:GetObject action"),
        ({"endpoint": DENY}, f"{WHO} with an explicit deny in a VPC endpoint policy"),
        ({"endpoint": ALLOW}, f"{WHO} because no identity-based policy allows the s3:GetObject action"),
        ({"identity": FOR_IDENTITY["deny"]}, f"{WHO} with an explicit deny in an identity-based policy"),
        ({"bucket": FOR_BUCKET["deny"]}, f"{WHO} with an explicit deny in a resource-based policy"),
        ({"endpoint": OTHER, "owner": THEIRS}, "Access Denied"),
        ({"endpoint": DENY, "owner": THEIRS}, "Access Denied"),
        ({"who": ANONYMOUS}, "Access Denied"),
        (
            {"who": UNSTATED, "endpoint": OTHER},
            WHO.replace(ROLE.arn, "anonymous") + " because no VPC endpoint policy allows the s3:GetObject action",
        ),
    ],
)
def test_what_a_denial_says(layers: dict[str, object], sentence: str) -> None:
    assert verdict(**layers).sentence == sentence  # type: ignore[arg-type]


@pytest.mark.fact("POL-11")
def test_between_accounts_the_side_that_does_not_allow_is_named() -> None:
    for identity, bucket, layer in (("none", "allow", Layer.IDENTITY), ("allow", "none", Layer.RESOURCE)):
        found = verdict(identity=FOR_IDENTITY[identity], bucket=FOR_BUCKET[bucket], owner=THEIRS)
        assert found.deciding is not None
        assert (found.allowed, found.deciding.layer) == (False, layer)


CONDITION = 'ArnLike aws:PrincipalArn "arn:aws:iam::*:role/writer"'


def test_a_verdict_is_told_layer_by_layer_with_the_reason_of_every_statement() -> None:
    endpoint = text(
        statement(resource="arn:aws:s3:::c/*", Sid="Ours"),
        statement(Sid="Here", Condition={"StringEquals": {"aws:SourceVpce": "vpce-2"}}),
        statement(action="s3:Put*"),
        statement(Sid="Arn", Condition={"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/writer"}}),
    )
    found = verdict(endpoint=endpoint, identity=FOR_IDENTITY["allow"], aws__sourcevpce="vpce-1")
    assert list(lines(found)) == [
        f"{ROLE.arn} asks for s3:GetObject on {KEY}",
        "  ✗ VPC endpoint policy vpce-1: no statement allows it",
        f"      Ours (Allow) does not match: Resource: not {KEY}",
        '      Here (Allow) does not match: Condition: StringEquals aws:SourceVpce "vpce-2": the request has "vpce-1"',
        "      Statement[2] (Allow) does not match: Action: not s3:GetObject",
        f"      Arn (Allow) does not match: Condition: {CONDITION}: the request has no such key",
        "  · resource-based policy: the resource has none",
        "  ✓ identity-based policy reader/p: allows by Statement[0]",
        "      Statement[0] (Allow) matches",
        "denied: no statement allows it in the VPC endpoint policy vpce-1",
    ]
    plain = to_json(found)
    assert (plain["allowed"], plain["layer"], plain["statement"]) == (False, "VPC endpoint policy", None)
    assert plain["sentence"] == f"{WHO} because no VPC endpoint policy allows the s3:GetObject action"
