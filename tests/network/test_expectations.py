"""Expectations: a scenario is a regression test for a network, and says in what the network differs."""

from __future__ import annotations

import pytest

from emulator.network.expectations import differences
from emulator.network.scenario import Scenario
from emulator.network.schema import ExpectSpec
from emulator.topology import DocumentError
from tests.network.test_events import TOOL, written

ASK = "trace: {to: '10.0.2.20:7'}"
LOST = "trace: {to: '10.0.2.20:22'}"
TALK = "talk: {to: 10.0.2.20, patience: 2s}"
TALK_TO_TOOL = f"talk: {{to: {TOOL}, patience: 2s}}"


def row_of(tmp_path, step: str, expect: str):
    """Run one step with an expectation and return its row."""
    report = Scenario(written(tmp_path, [], [f"{step}, expect: {expect}"])).run()
    (row,) = report.rows
    assert report.as_expected is row.as_expected
    return row


@pytest.mark.parametrize(
    ("step", "met", "missed", "difference"),
    [
        (ASK, "delivered", "NO_ROUTE_TO_DESTINATION", "reason: expected NO_ROUTE_TO_DESTINATION, not none"),
        (ASK, "{outcome: reachable}", "{outcome: unreachable}", "outcome: expected unreachable, not reachable"),
        (
            LOST,
            "ENI_SG_RULES_MISMATCH",
            "SG_HAS_NO_RULES",
            "reason: expected SG_HAS_NO_RULES, not ENI_SG_RULES_MISMATCH",
        ),
        (LOST, "{outcome: dropped}", "{outcome: delivered}", "outcome: expected delivered, not dropped"),
        (LOST, "{component: web}", "{component: db}", "component: expected db, not web"),
        (TALK, "{status: null}", "200", "status: expected 200, not none"),
        (ASK, "{via: a}", "{via: nat}", "via: expected nat on the way eni-web > web > acl-a > a"),
        (ASK, "{not_via: nat}", "{not_via: [nat, a]}", "not_via: did not expect a on the way eni-web > web > acl-a"),
        (ASK, "{same_az: false}", "{same_az: true}", "same_az: expected True, not False"),
        (TALK_TO_TOOL, "{same_az: true}", "{same_az: false}", "same_az: expected False, not True"),
        (TALK, "{first_byte_within: 1s}", "{first_byte_within: 1us}", "first_byte_within: expected 1e-06 s, not "),
        (TALK, "{first_byte_after: 1us}", "{first_byte_after: 1s}", "first_byte_after: expected 1 s, not "),
        (
            TALK,
            "{flow_log: [{interface: db, direction: ingress, action: ACCEPT, src: 10.0.1.10, dst_port: 7}]}",
            "{flow_log: [{interface: db, action: REJECT, dst_port: 7}]}",
            "flow_log: no record of interface db, action REJECT, dst_port 7",
        ),
        (
            TALK,
            "{flow_log: [{interface: db, action: REJECT, absent: true}]}",
            "{flow_log: [{interface: web, dst: 10.0.2.20, absent: true}]}",
            "flow_log: did not expect a record of interface web, dst 10.0.2.20",
        ),
        (
            "talk: {to: 10.0.2.20, port: 8, patience: 2s}",
            "{error: Timeout, outcome: dropped}",
            "{error: Refused}",
            'error: expected "Refused" in "TimeoutError',
        ),
    ],
)  # fmt: skip
def test_each_expectation_is_met_or_tells_in_what_the_step_differs(
    tmp_path, step: str, met: str, missed: str, difference: str
):
    assert row_of(tmp_path, step, met).differences == ()
    (told, *more) = row_of(tmp_path, step, missed).differences
    assert told.startswith(difference)
    assert more == []


def test_rules_and_names_are_expected_by_a_part_of_their_text(tmp_path):
    named = "trace: {to: 's3.us-east-1.amazonaws.com:443'}"
    assert row_of(tmp_path, named, "{dns: resolves to 5}").as_expected
    (told,) = row_of(tmp_path, named, "{dns: private DNS}").differences
    assert told.startswith('dns: expected "private DNS" in "s3.us-east-1.amazonaws.com resolves to ')
    rule = "trace: {to: '198.51.100.7:22'}"
    assert row_of(tmp_path, rule, "{reason: ENI_SG_RULES_MISMATCH, rule: ''}").as_expected


def test_all_differences_are_told_at_once(tmp_path):
    row = row_of(tmp_path, LOST, "{outcome: delivered, reason: BAD_STATE, component: db, via: tool}")
    assert [told.partition(":")[0] for told in row.differences] == ["outcome", "reason", "component", "via"]
    assert list(row.to_json()["differences"]) == list(row.differences)


def test_a_step_without_expectations_is_always_as_expected(tmp_path):
    (row,) = Scenario(written(tmp_path, [], [LOST])).run().rows
    assert (row.as_expected, row.differences) == (True, ())
    assert differences(None, "web", row, None) == ()


@pytest.mark.parametrize(
    ("expect", "says"),
    [
        ("deliverd", 'must be an HTTP status, "delivered" or a reason code, not "deliverd": did you mean "delivered"?'),
        ("{reason: BAD_STAT}", 'must be a reason code, not "BAD_STAT": did you mean "BAD_STATE"?'),
        ("{outcom: dropped}", 'unknown key "outcom": did you mean "outcome"?'),
        ("{flow_log: [{action: ACCEPT}]}", "interface"),
        ("{first_byte_within: soon}", "a duration like"),
        ("700", "must be an HTTP status from 100 to 599, not 700"),
    ],
)
def test_an_expectation_that_nothing_could_meet_is_a_problem(tmp_path, expect: str, says: str):
    with pytest.raises(DocumentError) as refusal:
        Scenario(written(tmp_path, [], [f"{ASK}, expect: {expect}"]))
    assert says in str(refusal.value.problems[0])


def test_a_lone_word_or_number_stands_for_a_mapping():
    assert ExpectSpec(via=["a"]).via == ["a"]
    assert ExpectSpec.model_validate({"via": "a"}).via == ["a"]
