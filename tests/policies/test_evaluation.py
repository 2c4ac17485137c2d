"""What one policy says: Action, Resource, their opposites, Deny before Allow: POL-1, POL-5, POL-7, POL-11."""

from __future__ import annotations

import json
import random
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.policies import Decision
from emulator.policies.patterns import covers, pattern
from tests.policies.worlds import IDENTITY, KEY, USER, decide, of_identity, statement, text


@pytest.mark.fact("POL-1")
def test_full_access_allows_everything() -> None:
    assert decide(text(statement())) == Decision(True, True, "Statement[0]")


MATCHES: list[tuple[Any, Any, bool]] = [
    ("s3:GetObject", KEY, True),
    ("S3:getobject", KEY, True),  # actions ignore case
    ("s3:Get*", KEY, True),
    ("s3:?etObject", KEY, True),
    ("s3:PutObject", KEY, False),
    ("*", "arn:aws:s3:::b/*", True),
    ("*", "arn:aws:s3:::b", False),  # the bucket is not its objects
    ("*", "arn:aws:s3:::B/k", False),  # resources do not
    ("*", "arn:aws:s3:::b/?", True),
    ("*", "arn:aws:s3:*:*:b/k", True),
    ("*", "arn:aws:s3", True),  # the parts left out are wildcards
    ("*", "arn:aws:dynamodb", False),
    ("*", "arn:*:b/k", False),  # a wildcard stays in its part
    (["s3:PutObject", "s3:GetObject"], ["arn:aws:s3:::other/*", "*"], True),
]


@pytest.mark.fact("POL-7")
@pytest.mark.parametrize(("action", "resource", "allowed"), MATCHES)
def test_what_a_statement_is_about(action: Any, resource: Any, allowed: bool) -> None:
    assert decide(text(statement("Allow", action, resource))).allowed is allowed
    if resource == "*":
        assert decide(text(statement(action=..., NotAction=action))).allowed is not allowed
    if action == "*":
        assert decide(text(statement(resource=..., NotResource=resource))).allowed is not allowed


@pytest.mark.fact("POL-11")
def test_nothing_that_matches_is_an_implicit_deny() -> None:
    assert decide(text(statement(action="s3:PutObject"))) == Decision(allowed=False, explicit=False, statement=None)


@pytest.mark.fact("POL-11")
def test_an_explicit_deny_names_its_statement() -> None:
    policy = text(statement(), statement("Deny", resource="arn:aws:s3:::*/k", Sid="NoK"))
    assert decide(policy) == Decision(allowed=False, explicit=True, statement="NoK")


@pytest.mark.fact("POL-5")
def test_one_statement_needs_no_list_and_an_identitys_no_principal() -> None:
    assert decide(json.dumps({"Id": "x", "Statement": statement()})).allowed
    assert decide(of_identity(statement()), kind=IDENTITY, who=USER).allowed


@pytest.mark.parametrize(
    ("resource", "asked", "allowed"),
    [
        ("arn:aws:s3:::b/${aws:username}/*", "arn:aws:s3:::b/ann/x", True),
        ("arn:aws:s3:::b/${aws:username}/*", "arn:aws:s3:::b/bob/x", False),
        ("arn:aws:s3:::b/${aws:none}/*", "arn:aws:s3:::b//x", False),  # nothing stands for a key that is not there
        ("arn:aws:s3:::b/${aws:none, 'all'}/*", "arn:aws:s3:::b/all/x", True),
        ("arn:aws:s3:::b/${*}", "arn:aws:s3:::b/*", True),
        ("arn:aws:s3:::b/${*}", "arn:aws:s3:::b/x", False),
    ],
)
def test_variables_in_resources(resource: str, asked: str, allowed: bool) -> None:
    keys = {"aws__username": "ann"}
    assert decide(text(statement(resource=resource)), resource=asked, **keys).allowed is allowed
    old = text(statement(resource=resource), Version="2008-10-17")
    assert not decide(old, resource=asked, **keys).allowed


# ---- laws

words = st.text("ab*?", max_size=7)
names = st.text("ab", min_size=1, max_size=3)
globs = st.text("ab*?", min_size=1, max_size=4)


def brute_force(glob: str, found: str) -> bool:
    @cache
    def match(i: int, j: int) -> bool:
        if i == len(glob):
            return j == len(found)
        if glob[i] == "*":
            return any(match(i + 1, rest) for rest in range(j, len(found) + 1))
        return j < len(found) and glob[i] in ("?", found[j]) and match(i + 1, j + 1)

    return match(0, 0)


@given(words, st.text("ab*?", max_size=7))
def test_wildcards_agree_with_brute_force(glob: str, found: str) -> None:
    assert covers(pattern(glob, variables=False).tokens, found) is brute_force(glob, found)  # type: ignore[arg-type]


def test_a_pattern_full_of_stars_is_not_slow() -> None:
    assert not covers(pattern("*a" * 60, variables=False).tokens, "a" * 59 + "b" * 2000)  # type: ignore[arg-type]


lines = st.lists(
    st.builds(
        lambda effect, action, resource: statement(effect, f"s3:{action}", f"arn:aws:s3:::{resource}"),
        st.sampled_from(["Allow", "Deny"]),
        globs,
        globs,
    ),
    min_size=1,
    max_size=4,
)


def says(made: list[dict[str, Any]], action: str, resource: str) -> Decision:
    return decide(text(*made), f"s3:{action}", f"arn:aws:s3:::{resource}")


@given(lines, names, names, st.integers(0, 99))
def test_the_order_of_statements_is_irrelevant(
    made: list[dict[str, Any]], action: str, resource: str, seed: int
) -> None:
    shuffled = random.Random(seed).sample(made, len(made))
    one, other = says(made, action, resource), says(shuffled, action, resource)
    assert (one.allowed, one.explicit) == (other.allowed, other.explicit)


@pytest.mark.fact("POL-11")
@given(lines, names, names)
def test_a_matching_deny_wins_over_everything(made: list[dict[str, Any]], action: str, resource: str) -> None:
    decision = says([*made, statement("Deny", Sid="no"), statement()], action, resource)
    assert (decision.allowed, decision.explicit) == (False, True)


@pytest.mark.fact("POL-11")
@given(lines, names, names)
def test_one_more_allow_never_denies_and_one_more_deny_never_allows(
    made: list[dict[str, Any]], action: str, resource: str
) -> None:
    before = says(made, action, resource).allowed
    assert says([*made, statement()], action, resource).allowed >= before
    assert says([*made, statement("Deny", "s3:a*")], action, resource).allowed <= before


@given(lines, names, names)
def test_a_request_is_allowed_only_if_some_statement_allows_it(
    made: list[dict[str, Any]], action: str, resource: str
) -> None:
    decision = says(made, action, resource)
    matching = {
        line["Effect"]
        for line in made
        if brute_force(line["Action"], f"s3:{action}") and brute_force(line["Resource"], f"arn:aws:s3:::{resource}")
    }
    assert decision.allowed is (matching == {"Allow"})
    assert decision.explicit is bool(matching)
