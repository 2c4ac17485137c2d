"""docs/conformance.md: what of AWS's behaviour is modelled, and which tests say so.

    python -m tests.conformance.page      # write it again

One line per fact, so that branches which prove different facts merge.
"""

from __future__ import annotations

from tests.conformance import register
from tests.conformance.codes import CODES, given, seen
from tests.conformance.collect import ROOT, proofs
from tests.conformance.facts import DUE, SECTIONS, Section

PAGE = ROOT / "docs" / "conformance.md"
MODELLED, PENDING = "modelled", "in the making"

HEAD = """\
# Conformance

AWS's behaviour around VPC endpoints as numbered facts, and for each the tests that prove it. Made from the tests by
`make conformance`; do not edit. A fact is *modelled* if a test fails without it (`make mutants` breaks each one and
looks), a *knob* if a setting turns it, and otherwise it is said here why it is not modelled.

"""


def status(fact_id: str, tests: dict[str, tuple[str, ...]]) -> str:
    """Return what is to be said of one fact."""
    knobs = ", ".join(f"`{name}`" for name in register.KNOBS.get(fact_id, ()))
    if fact_id in register.PENDING:
        return PENDING
    if fact_id in tests:
        said = f"{MODELLED}; knob: {knobs}" if knobs else MODELLED
        return f"{said}; left out: {register.LEFT_OUT[fact_id]}" if fact_id in register.LEFT_OUT else said
    if fact_id in register.NOT_MODELLED:
        return f"not modelled: {register.NOT_MODELLED[fact_id]}"
    return f"knob: {knobs}" if knobs else PENDING


def code_status(code: str, modelled: set[str]) -> str:
    """Return what is to be said of one of the Analyzer's codes."""
    if code in modelled:
        return MODELLED
    if code in register.CODES_UNUSED:
        return f"unused here: {register.CODES_UNUSED[code]}"
    if code in register.CODES_NOT_MODELLED:
        return f"not modelled: {register.CODES_NOT_MODELLED[code]}"
    return PENDING


def render() -> str:
    """Return the page as it should be."""
    tests = proofs()
    codes = given() & seen()
    lines = [HEAD, *_counts(tests, codes)]
    for section in SECTIONS:
        lines += ["", f"## {section.number}. {section.title}", ""]
        if section.later:
            lines += [f"{section.later[0].upper()}{section.later[1:]}.", ""]
        lines += ["| fact | about | status | tests |", "|---|---|---|---|"]
        for fact in section.facts:
            row = (
                fact.fact_id,
                fact.title,
                _status_in(section, fact.fact_id, tests),
                _names(tests.get(fact.fact_id, ())),
            )
            lines.append("| " + " | ".join(row).rstrip() + " |")
    lines += ["", "## The codes of section 13", "", "| code | about | status |", "|---|---|---|"]
    lines += [f"| {code} | {about} | {code_status(code, codes)} |" for code, about in CODES.items()]
    lines += ["", "## Codes of section 14 that no verb answers with", "", "| code | why |", "|---|---|"]
    lines += [f"| {code} | {why} |" for code, why in register.ERRORS_NOT_MODELLED.items()]
    lines += ["", "## 15. The text given with the project, and AWS today", ""]
    lines += ["| fact | setting | `seed` | `current` | about |", "|---|---|---|---|---|"]
    lines += [
        f"| {fact} | `{name}` | {seed} | {today} | {about} |" for fact, name, seed, today, about in register.TODAY
    ]
    return "\n".join(lines) + "\n"


def _status_in(section: Section, fact_id: str, tests: dict[str, tuple[str, ...]]) -> str:
    said = status(fact_id, tests)
    return section.later.split(":")[0] if section.later and said == PENDING else said


def _counts(tests: dict[str, tuple[str, ...]], codes: set[str]) -> list[str]:
    said = [status(fact, tests) for fact in DUE]
    modelled, knobs, refused = (
        sum(one.startswith(word) for one in said) for word in (MODELLED, "knob", "not modelled")
    )
    making = len(DUE) - modelled - knobs - refused
    used = [code for code in CODES if code not in register.CODES_UNUSED]
    return [
        f"- facts modelled: {modelled} of {len(DUE)} due ({100 * modelled / len(DUE):.0f} %)",
        f"- knobs without a test: {knobs}; not modelled: {refused}; in the making: {making}",
        f"- codes: {sum(code in codes for code in used)} of the {len(used)} that have a meaning here",
    ]


def _names(tests: tuple[str, ...]) -> str:
    return "<br>".join(f"`{test.removeprefix('tests/')}`" for test in tests)


if __name__ == "__main__":
    PAGE.write_text(render(), "utf-8")
