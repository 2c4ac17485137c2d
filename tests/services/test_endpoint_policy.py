from __future__ import annotations

import json
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.services.policy import Decision, PolicyError, evaluate, parse_policy, wildcard_match

KEY = "arn:aws:s3:::training/big.bin"


def statement(effect="Allow", action="*", resource="*", **more):
    return {"Effect": effect, "Principal": "*", "Action": action, "Resource": resource} | more


def policy(*statements, **more):
    return parse_policy(json.dumps({"Version": "2012-10-17", "Statement": list(statements)} | more))


@pytest.mark.fact("POL-1")
def test_full_access_allows_everything():
    assert evaluate(policy(statement()), "s3:GetObject", KEY) == Decision(True, True, "Statement[0]")


@pytest.mark.parametrize(
    ("action", "resource", "allowed"),
    [
        ("s3:GetObject", KEY, True),
        ("S3:getobject", KEY, True),  # POL-7: actions ignore case
        ("s3:Get*", KEY, True),
        ("s3:?etObject", KEY, True),
        ("s3:PutObject", KEY, False),
        ("s3:GetObject", "arn:aws:s3:::training/*", True),
        ("s3:GetObject", "arn:aws:s3:::training", False),  # the bucket is not its objects
        ("s3:GetObject", "arn:aws:s3:::TRAINING/big.bin", False),  # POL-7: resources do not
        ("s3:GetObject", "arn:aws:s3:::training/big.bi?", True),
        (["s3:PutObject", "s3:GetObject"], ["arn:aws:s3:::other/*", "*"], True),
    ],
)
def test_what_a_statement_allows(action, resource, allowed):
    assert evaluate(policy(statement("Allow", action, resource)), "s3:GetObject", KEY).allowed is allowed


@pytest.mark.fact("POL-11", "POL-14")
def test_nothing_that_matches_is_an_implicit_deny():
    decision = evaluate(policy(statement(action="s3:PutObject")), "s3:GetObject", KEY)
    assert decision == Decision(allowed=False, explicit=False, statement=None)
    assert decision.sentence("s3:GetObject", KEY) == (  # POL-14
        f'User: anonymous is not authorized to perform: s3:GetObject on resource: "{KEY}"'
        " because no VPC endpoint policy allows the s3:GetObject action"
    )


def test_an_explicit_deny_names_its_statement():
    decision = evaluate(policy(statement(), statement("Deny", resource="*/big.bin", Sid="NoBig")), "s3:GetObject", KEY)
    assert decision == Decision(allowed=False, explicit=True, statement="NoBig")
    assert decision.sentence("s3:GetObject", KEY) == (  # POL-14
        f'User: anonymous is not authorized to perform: s3:GetObject on resource: "{KEY}"'
        " with an explicit deny in a VPC endpoint policy"
    )


@pytest.mark.parametrize("principal", ["*", ["*"], ["*", "*"]])
def test_one_statement_needs_no_list_and_the_principal_may_be_spelt_out(principal):
    single = parse_policy(json.dumps({"Id": "x", "Statement": statement(Principal={"AWS": principal})}))
    assert evaluate(single, "s3:GetObject", KEY).allowed


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[]", "JSON object"),
        ("{", "Expecting"),
        ('{"Version": "2020-01-01", "Statement": []}', "Version"),
        ('{"Statement": []}', "at least one"),
        ('{"Statement": ["x"]}', r"Statement\[0\] is an object"),
        ('{"Statements": []}', "policy.Statements"),
        ('{"Id": "a", "Id": "b"}', "'Id' is repeated"),
        (json.dumps({"Statement": statement(Condition={})}), "Condition"),
        (json.dumps({"Statement": statement(NotAction="*")}), "NotAction"),
        (json.dumps({"Statement": statement("allow")}), "Effect"),
        (json.dumps({"Statement": statement(Principal="x")}), "Principal"),
        (json.dumps({"Statement": statement(Principal=["*"])}), "Principal"),
        (json.dumps({"Statement": statement(Principal={"AWS": []})}), "Principal"),
        (json.dumps({"Statement": statement(Principal={"Service": "*"})}), "Principal"),
        (json.dumps({"Statement": statement(Principal={"AWS": ["*", "123456789012"]})}), "Principal"),
        (json.dumps({"Statement": statement(Sid=1)}), "Sid"),
        (json.dumps({"Statement": statement(action=[])}), "Action"),
        (json.dumps({"Statement": statement(resource=[1])}), "Resource"),
        (json.dumps({"Version": "2012-10-17", "Statement": statement(resource="${aws:username}")}), "variables"),
    ],
)
def test_what_is_not_evaluated_is_refused_by_name(text, named):
    with pytest.raises(ValueError, match=named):
        parse_policy(text)
    assert issubclass(PolicyError, ValueError)


def test_the_older_version_knows_no_variables():
    old = parse_policy(json.dumps({"Statement": statement(resource="arn:aws:s3:::b/${x}")}))
    assert evaluate(old, "s3:GetObject", "arn:aws:s3:::b/${x}").allowed


# ---- laws

words = st.text("ab*?", max_size=7)


def brute_force(pattern, text):
    @cache
    def match(i, j):
        if i == len(pattern):
            return j == len(text)
        if pattern[i] == "*":
            return any(match(i + 1, rest) for rest in range(j, len(text) + 1))
        return j < len(text) and pattern[i] in ("?", text[j]) and match(i + 1, j + 1)

    return match(0, 0)


@given(words, words)
def test_wildcards_agree_with_brute_force(pattern, text):
    assert wildcard_match(pattern, text) is brute_force(pattern, text)


def test_a_pattern_full_of_stars_is_not_slow():
    assert not wildcard_match("*a" * 60, "a" * 59 + "b" * 2000)


statements = st.lists(
    st.builds(statement, st.sampled_from(["Allow", "Deny"]), words.filter(bool), words.filter(bool)),
    min_size=1,
    max_size=4,
)


@given(statements, words, words, st.randoms(use_true_random=False))
def test_the_order_of_statements_is_irrelevant(lines, action, resource, random):
    shuffled = lines.copy()
    random.shuffle(shuffled)
    one, other = (evaluate(policy(*some), action, resource) for some in (lines, shuffled))
    assert (one.allowed, one.explicit) == (other.allowed, other.explicit)


@given(statements, words, words)
def test_a_matching_deny_wins_over_everything(lines, action, resource):
    decision = evaluate(policy(*lines, statement("Deny", Sid="no"), statement()), action, resource)
    assert (decision.allowed, decision.explicit) == (False, True)


@given(statements, words, words)
def test_a_request_is_allowed_only_if_some_statement_allows_it(lines, action, resource):
    decision = evaluate(policy(*lines), action, resource)
    matching = {
        line["Effect"]
        for line in lines
        if brute_force(line["Action"], action) and brute_force(line["Resource"], resource)
    }
    assert decision.allowed is (matching == {"Allow"})
    assert decision.explicit is bool(matching)
