"""Nothing of AWS's behaviour is left out in silence, and the page that says so is true."""

from __future__ import annotations

import dataclasses
import re

import pytest

from emulator.model.reasons import Reason
from emulator.model.settings import CURRENT, SEED, Settings
from tests.conformance import register
from tests.conformance.codes import CODES, given, seen
from tests.conformance.collect import ROOT, proofs
from tests.conformance.facts import DUE, FACTS, SECTIONS
from tests.conformance.page import PAGE, render
from tests.conftest import MARKED

SOURCE = ROOT.parent / "shared" / "aws-semantics.md"
PROOFS = proofs()


def test_ids_are_unique_and_sections_follow_each_other() -> None:
    assert len(FACTS) == sum(len(section.facts) for section in SECTIONS)
    assert [section.number for section in SECTIONS] == list(range(1, 15))
    assert len({fact.title for fact in FACTS.values()}) == len(FACTS)


@pytest.mark.skipif(not SOURCE.exists(), reason="the facts themselves do not lie beside this checkout")
def test_the_register_is_the_list_of_facts() -> None:
    assert list(FACTS) == re.findall(r"^- \*\*([A-Z-]+[0-9]+)\*\*", SOURCE.read_text("utf-8"), re.MULTILINE)


def test_every_due_fact_is_tested_or_said_to_be_missing() -> None:
    silent = [fact for fact in DUE if fact not in PROOFS.keys() | register.NOT_MODELLED.keys() | register.KNOBS.keys()]
    assert [fact for fact in silent if fact not in register.PENDING] == []


def test_only_facts_are_marked_and_registered() -> None:
    named = {*PROOFS, *register.NOT_MODELLED, *register.KNOBS, *register.PENDING}
    assert named - FACTS.keys() == set()
    assert len(set(register.PENDING)) == len(register.PENDING)


def test_what_a_test_proves_is_not_said_to_be_missing() -> None:
    assert sorted(PROOFS.keys() & register.NOT_MODELLED.keys()) == []
    assert sorted(register.NOT_MODELLED.keys() & set(register.PENDING)) == []


def test_what_is_left_out_of_a_fact_is_said_of_a_modelled_one() -> None:
    assert sorted(register.LEFT_OUT.keys() - PROOFS.keys()) == []


def test_every_row_of_todays_knobs_is_a_setting_with_its_own_value() -> None:
    """Section 15: what the text given with the project and today's AWS differ in."""
    for fact, name, seed, today, _ in register.TODAY:
        assert name in register.KNOBS[fact]
        assert (getattr(SEED, name), getattr(CURRENT, name)) == (seed, today)
    turned = {
        field.name
        for field in dataclasses.fields(Settings)
        if getattr(SEED, field.name) != getattr(CURRENT, field.name)
    }
    assert turned == {name for _, name, seed, today, _ in register.TODAY if seed != today}


def test_every_knob_is_a_setting() -> None:
    fields = {field.name for field in dataclasses.fields(Settings)}
    assert {name for names in register.KNOBS.values() for name in names} - fields == set()


def test_reasons_are_sentences() -> None:
    for why in (
        *register.NOT_MODELLED.values(),
        *register.LEFT_OUT.values(),
        *register.CODES_NOT_MODELLED.values(),
        *register.CODES_UNUSED.values(),
        *register.ERRORS_NOT_MODELLED.values(),
    ):
        assert len(why.split()) >= 3, why
        assert "|" not in why


def test_every_code_is_given_and_seen_or_said_to_be_missing() -> None:
    """Section 13: one row per code."""
    modelled = given() & seen()
    missing = register.CODES_UNUSED.keys() | register.CODES_NOT_MODELLED.keys()
    assert sorted(CODES.keys() - modelled - missing - set(register.CODES_PENDING)) == []
    assert sorted(modelled & missing) == []
    assert sorted((missing | set(register.CODES_PENDING)) - CODES.keys()) == []
    assert {reason.value for reason in Reason} <= CODES.keys()


def test_no_verb_answers_with_a_code_that_is_said_to_be_missing() -> None:
    """Section 14."""
    control = "".join(path.read_text("utf-8") for path in sorted((ROOT / "emulator" / "control").rglob("*.py")))
    assert [code for code in register.ERRORS_NOT_MODELLED if f'"{code}"' in control] == []


def test_the_source_is_read_as_pytest_reads_it(request: pytest.FixtureRequest) -> None:
    """The markers of everything that was collected in this run are those found in the source."""
    read: dict[str, set[str]] = {}
    for fact, tests in PROOFS.items():
        for test in tests:
            read.setdefault(test, set()).add(fact)
    collected = request.config.stash[MARKED]
    partly = any("[" in argument for argument in request.config.args)
    for test, facts in collected.items():
        assert facts == read[test] or (partly and facts <= read[test]), test


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text("utf-8") == render(), "run `make conformance`"
