"""The mutants themselves: every mutation can be applied, modelled facts have one, and a few are killed in every run."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from tests.conformance.collect import proofs
from tests.conformance.facts import FACTS
from tests.mutants.__main__ import line, without_mutation, work_for
from tests.mutants.harness import Verdict, failures, run, stale
from tests.mutants.mutations import MUTATIONS

SAMPLE = {
    "ROUTE-5",
    "ROUTE-17",
    "SG-8",
    "SG-11",
    "NACL-3",
    "NACL-6",
    "VPCE-4",
    "VPCE-IF-8",
    "VPCE-GW-11",
    "ERR-21",
    "POL-9",
}
"""A few facts with quick tests, one mutation each: enough to see that the harness kills."""


def test_every_mutation_can_be_applied() -> None:
    assert [f"{one.facts} {one.what}: {stale(one)}" for one in MUTATIONS if stale(one)] == []


def test_mutations_name_facts_and_tests_of_theirs() -> None:
    tests = proofs()
    for one in MUTATIONS:
        assert set(one.facts) <= FACTS.keys(), one
        assert one.old != one.new, one
        for fact in one.facts:
            assert set(one.tests) <= set(tests[fact]), (fact, one.what)
            assert tests[fact], one


def test_every_modelled_fact_is_broken_by_some_mutation() -> None:
    assert without_mutation() == []


@pytest.mark.slow
def test_a_few_mutants_are_killed() -> None:
    first = {task[0]: task for task in reversed(work_for(sorted(SAMPLE)))}
    unhealthy: list[str] = []
    outcomes = list(run(list(first.values()), unhealthy))
    assert unhealthy == []
    assert len(outcomes) == len(SAMPLE)
    assert [line(one) for one in outcomes if one.verdict is not Verdict.KILLED] == []


@pytest.mark.slow
def test_what_is_no_mistake_survives_and_what_cannot_run_is_broken() -> None:
    fact, mutation, tests = work_for(["ROUTE-5"])[0]
    same = replace(mutation, new=f"({mutation.old})")
    syntax = replace(mutation, new="(")
    gone = replace(mutation, old="this is not there")
    outcomes = list(run([(fact, one, tests) for one in (same, syntax, gone)], []))
    assert [one.verdict for one in outcomes] == [Verdict.SURVIVED, Verdict.BROKEN, Verdict.STALE]
    assert re.search(r"0 times", outcomes[2].by)


def test_failures_are_read_from_what_pytest_prints() -> None:
    said = "FAILED tests/a/test_b.py::test_c[d] - assert 1 == 2\nERROR tests/a/test_e.py::test_f\n1 failed, 1 error"
    assert failures(said) == ("tests/a/test_b.py::test_c[d]", "tests/a/test_e.py::test_f")
