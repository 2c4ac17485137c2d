"""Run the mutants: ``python -m tests.mutants [FACT ...]``; exit status 1 if one survives or a fact has none."""

from __future__ import annotations

import sys
import time

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tests.conformance import register
from tests.conformance.collect import proofs, slow_tests
from tests.conformance.facts import DUE, FACTS
from tests.mutants.harness import Outcome, Task, Verdict, run
from tests.mutants.mutations import MUTATIONS

PROOFS = proofs()
SLOW = slow_tests()


def work_for(wanted: list[str]) -> list[Task]:
    """Return what is to be judged: the wanted facts, or all, each under each of its mutations."""
    return [
        (fact, mutation, mutation.tests or quick(PROOFS.get(fact, ())))
        for mutation in MUTATIONS
        for fact in mutation.facts
        if fact in wanted or not wanted
    ]


def quick(tests: tuple[str, ...]) -> tuple[str, ...]:
    """Return the tests that are not slow, if there are any."""
    return tuple(test for test in tests if test not in SLOW) or tests


def without_mutation() -> list[str]:
    """Return the modelled facts that nothing breaks on purpose."""
    broken = {fact for mutation in MUTATIONS for fact in mutation.facts}
    return [fact for fact in DUE if fact in PROOFS and fact not in broken and fact not in register.PENDING]


def line(outcome: Outcome) -> str:
    """Return an outcome as one line."""
    by = outcome.by.removeprefix("tests/")
    return f"{outcome.fact:11} {outcome.verdict:9} {outcome.mutation.what:66} {by}"


def main(wanted: list[str]) -> int:
    """Return the exit status."""
    console = Console(highlight=False, markup=False, soft_wrap=True)
    work = work_for(wanted)
    unknown = [fact for fact in wanted if fact not in FACTS]
    if unknown or not work:
        console.print(f"there is no fact, or no mutation of it: {' '.join(unknown or wanted)}")
        return 2
    began = time.monotonic()
    outcomes: list[Outcome] = []
    unhealthy: list[str] = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("first unbroken", total=len(work))
        for outcome in run(work, unhealthy):
            outcomes.append(outcome)
            console.print(line(outcome))
            progress.update(task, advance=1, description=outcome.fact)
    bad = [outcome for outcome in outcomes if outcome.verdict is not Verdict.KILLED]
    missing = [] if wanted else without_mutation()
    console.print(f"\n{len(outcomes) - len(bad)} of {len(outcomes)} killed in {time.monotonic() - began:.0f} s")
    for outcome in bad:
        console.print(line(outcome))
    if unhealthy:
        console.print("\n".join(("these fail without any mutation and were left out:", *unhealthy)))
    if missing:
        console.print(f"without a mutation: {' '.join(missing)}")
    return 1 if bad or missing or unhealthy else 0


if __name__ == "__main__":
    sys.exit(main([word for argument in sys.argv[1:] for word in argument.split()]))
