"""Condition operators, missing keys and several values: POL-8, POL-9."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.policies.operators import BASES, operator
from tests.policies.worlds import ROLE, USER, decide, statement, text


def holds(operator: str, values: object, found: object = None, key: str = "aws:x", **more: object) -> bool:
    """Whether a condition holds for a request in which the key has these values."""
    condition = {operator: {key: values}}
    keys = {} if found is None else {"aws:x": found}
    return decide(text(statement(Condition=condition)), who=ROLE, **keys, **more).allowed


COVERED = [
    # operator, the policy's value, a request's value that it covers, and one that it does not
    ("StringEquals", "Abc", "Abc", "abc"),
    ("StringEquals", "a*", "a*", "ab"),
    ("StringEqualsIgnoreCase", "Abc", "aBC", "abd"),
    ("StringLike", "a*c?", "abbcd", "abbc"),
    ("StringLike", "A*", "Ab", "ab"),
    ("ArnEquals", "arn:aws:iam::1:role/*", "arn:aws:iam::1:role/x/y", "arn:aws:iam::12:role/x"),
    ("ArnLike", "arn:aws:iam::*:role/r", "arn:aws:iam::1:role/r", "arn:aws:iam::1:x:role/r"),
    ("ArnLike", "arn:aws:*::1:role/r", "arn:aws:iam::1:role/r", "not an arn"),
    ("IpAddress", "10.0.0.0/8", "10.1.2.3", "11.1.2.3"),
    ("IpAddress", "192.0.2.7", "192.0.2.7", "192.0.2.8"),
    ("IpAddress", "2001:db8::/32", "2001:db8::1", "192.0.2.1"),
    ("Bool", "true", "TRUE", "false"),
    ("Bool", True, "true", "false"),
    ("BinaryEquals", "QmluYXJ5", "QmluYXJ5", "QmluYXJ6"),
    ("NumericEquals", 10, "10.0", "11"),
    ("NumericLessThan", "10", "9.5", "10"),
    ("NumericLessThanEquals", "10", "10", "10.01"),
    ("NumericGreaterThan", "10", "10.01", "10"),
    ("NumericGreaterThanEquals", "10", "10", "9"),
    ("DateEquals", "2026-01-01T00:00:00Z", "1767225600", "1767225601"),
    ("DateLessThan", "2026-01-01T00:00:00Z", "2025-12-31T23:59:59Z", "2026-01-01T00:00:00Z"),
    ("DateLessThanEquals", "2026-01-01", "2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z"),
    ("DateGreaterThan", "2026-01-01T01:00:00+01:00", "2026-01-01T00:00:00.5Z", "2026-01-01T00:00:00Z"),
    ("DateGreaterThanEquals", "1767225600", "2026-01-01T00:00:00Z", "2025-12-31T23:59:59Z"),
]
NEGATED = {
    "StringEquals": "StringNotEquals",
    "StringEqualsIgnoreCase": "StringNotEqualsIgnoreCase",
    "StringLike": "StringNotLike",
    "ArnEquals": "ArnNotEquals",
    "ArnLike": "ArnNotLike",
    "IpAddress": "NotIpAddress",
    "NumericEquals": "NumericNotEquals",
    "DateEquals": "DateNotEquals",
}


def test_every_operator_is_tried() -> None:
    assert {row[0] for row in COVERED} | set(NEGATED.values()) | {"Null"} == set(BASES)


@pytest.mark.fact("POL-9")
@pytest.mark.parametrize(("operator", "value", "covered", "other"), COVERED)
def test_what_an_operator_covers(operator: str, value: object, covered: str, other: str) -> None:
    assert (holds(operator, value, covered), holds(operator, value, other)) == (True, False)
    if operator in NEGATED:
        negated = NEGATED[operator]
        assert (holds(negated, value, covered), holds(negated, value, other)) == (False, True)


@pytest.mark.fact("POL-9")
@pytest.mark.parametrize(("operator", "value", "covered", "other"), COVERED)
def test_a_missing_key_is_false_negated_true_and_if_exists_true(
    operator: str, value: object, covered: str, other: str
) -> None:
    assert holds(operator, value) is False
    assert holds(f"{operator}IfExists", value) is True
    assert holds(f"{operator}IfExists", value, other) is False
    assert holds(f"{operator}IfExists", value, covered) is True
    if operator in NEGATED:
        assert holds(NEGATED[operator], value) is True
        assert holds(f"{NEGATED[operator]}IfExists", value) is True
        assert holds(f"{NEGATED[operator]}IfExists", value, covered) is False


@pytest.mark.fact("POL-9")
def test_null_asks_whether_there_is_a_key() -> None:
    assert [holds("Null", "true"), holds("Null", "false")] == [True, False]
    assert [holds("Null", True, "x"), holds("Null", False, "x")] == [False, True]


@pytest.mark.fact("POL-8")
def test_values_are_or_and_negated_nor() -> None:
    assert [holds("StringEquals", ["a", "b"], one) for one in "abc"] == [True, True, False]
    assert [holds("StringNotEquals", ["a", "b"], one) for one in "abc"] == [False, False, True]


@pytest.mark.fact("POL-8")
@pytest.mark.parametrize(
    ("condition", "allowed"),
    [
        ({"StringEquals": {"aws:x": "1", "aws:y": "2"}}, True),
        ({"StringEquals": {"aws:x": "1", "aws:y": "3"}}, False),
        ({"StringEquals": {"aws:x": "1"}, "StringLike": {"aws:y": "2*"}}, True),
        ({"StringEquals": {"aws:x": "1"}, "StringLike": {"aws:y": "3*"}}, False),
        ({}, True),
    ],
)
def test_keys_and_operators_are_and(condition: dict[str, object], allowed: bool) -> None:
    assert decide(text(statement(Condition=condition)), aws__x="1", aws__y="2").allowed is allowed


@pytest.mark.fact("POL-8")
def test_names_of_keys_ignore_case_and_values_do_not() -> None:
    assert holds("StringEquals", "v", "v", key="AWS:X")
    assert not holds("StringEquals", "V", "v", key="AWS:X")


@pytest.mark.fact("POL-9")
@pytest.mark.parametrize(
    ("operator", "found", "answer"),
    [
        ("ForAllValues:StringEquals", ["a", "b"], True),
        ("ForAllValues:StringEquals", ["a", "c"], False),
        ("ForAllValues:StringEquals", [], True),
        ("ForAllValues:StringNotEquals", ["c", "d"], True),
        ("ForAllValues:StringNotEquals", ["a", "d"], False),
        ("ForAnyValue:StringEquals", ["c", "b"], True),
        ("ForAnyValue:StringEquals", ["c", "d"], False),
        ("ForAnyValue:StringEquals", [], False),
        ("ForAnyValue:StringNotEquals", ["a", "c"], True),
        ("ForAnyValue:StringNotEquals", ["a", "b"], False),
        ("ForAnyValue:StringNotEquals", [], False),
        ("ForAnyValue:StringEqualsIfExists", [], True),
    ],
)
def test_several_values_of_a_request(operator: str, found: list[str], answer: bool) -> None:
    assert holds(operator, ["a", "b"], found) is answer


@pytest.mark.fact("POL-9")
@pytest.mark.parametrize(
    ("value", "found", "answer"),
    [
        ("${aws:username}", "ann", True),
        ("home/${AWS:UserName}/x", "home/ann/x", True),
        ("${aws:none}", "${aws:none}", False),
        ("${aws:none, 'nobody'}", "nobody", True),
        ("${aws:username, 'nobody'}", "nobody", False),
        ("${*}${?}${$}", "*?$", True),
        ("${*}", "x", False),
        ("${aws:star}", "anything", False),  # what a variable brings in is no wildcard
        ("${aws:star}", "a*", True),
        ("${aws:two}", "1", False),  # a key with several values stands for nothing
    ],
)
def test_variables_in_values(value: str, found: str, answer: bool) -> None:
    policy = text(statement(Condition={"StringLike": {"aws:x": value}}))
    keys = {"aws__username": "ann", "aws__star": "a*", "aws__two": ["1", "2"], "aws__x": found}
    assert decide(policy, who=USER, **keys).allowed is answer


def test_without_the_version_that_has_variables_they_are_text() -> None:
    old = text(statement(Condition={"StringEquals": {"aws:x": "${aws:x}"}}), Version="2008-10-17")
    assert decide(old, aws__x="${aws:x}").allowed


@pytest.mark.parametrize("name", ["NullIfExists", "Foo", "ForSomeValues:Bool", "stringequals", ":Bool", "IfExists"])
def test_what_is_no_operator(name: str) -> None:
    assert operator(name) is None


# ---- laws

_OPERATORS = st.sampled_from(sorted(NEGATED))
_FAMILIES = {row[0]: (row[1], row[2], row[3]) for row in COVERED}


@given(_OPERATORS, st.booleans(), st.lists(st.text("ab1.:/", max_size=6), max_size=3))
def test_of_a_key_with_one_value_an_operator_and_its_opposite_never_agree(
    name: str, covered: bool, more: list[str]
) -> None:
    value, yes, no = _FAMILIES[name]
    found = yes if covered else no
    assert holds(name, value, found) is not holds(NEGATED[name], value, found)
    assert holds(name, value, found) is covered


@given(_OPERATORS, st.sampled_from([None, 0, 1]))
def test_if_exists_is_the_operator_or_the_key_is_missing(name: str, which: int | None) -> None:
    value, *found = _FAMILIES[name]
    given_ = None if which is None else str(found[which])
    for each in (name, NEGATED[name]):
        assert holds(f"{each}IfExists", value, given_) is (given_ is None or holds(each, value, given_))
