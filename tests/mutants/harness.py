"""Break one fact at a time in a copy of the package, and see whether its tests notice.

A mutation replaces one exact piece of source by another.  What runs against it
are the tests that carry the fact's marker (``--fact``), or the ones the mutation
names, in a process of their own.  Only a failing test kills: a mutant that
cannot even be imported proves nothing and is reported as broken, and so is a
mutation whose old text is no longer found exactly once.

The checkout is never changed: every worker has a copy in a temporary folder,
with links to what tests only read.  All the tests first run unbroken in one of
them; what fails anyway kills nothing and is left out, which is said.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, TypeAlias

from tests.conformance.collect import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.mutants.mutation import Mutation

COPIED = ("emulator", "tests")
LINKED = ("docs", "pcaps", "topologies", "README.md", "pyproject.toml")
TIMEOUT = 120
"""Seconds after which a mutant that never ends counts as noticed."""

Task: TypeAlias = "tuple[str, Mutation, tuple[str, ...]]"
"""A fact, a mutation of it, and the tests to run."""


class Verdict(StrEnum):
    """What became of a mutant."""

    KILLED = "killed"
    SURVIVED = "SURVIVED"
    STALE = "STALE"  # the text to replace is not there exactly once
    BROKEN = "BROKEN"  # no test could run


@dataclass(frozen=True, slots=True)
class Outcome:
    """One fact under one mutation; ``by`` is the test that noticed, or why none could."""

    fact: str
    mutation: Mutation
    verdict: Verdict
    by: str


class Copy:
    """A working copy of the checkout that mutations are applied to, one at a time."""

    def __init__(self, folder: Path, source: Path = ROOT) -> None:
        """``source`` is the checkout, or another copy whose compiled files are then of use here too."""
        self.folder = folder
        ignored = shutil.ignore_patterns(*(("__pycache__",) if source == ROOT else ()))
        for part in COPIED:
            shutil.copytree(source / part, folder / part, ignore=ignored)
        for part in LINKED:
            if (ROOT / part).exists():
                (folder / part).symlink_to(ROOT / part)

    @contextmanager
    def mutated(self, mutation: Mutation) -> Iterator[None]:
        """Apply a mutation and take it back; times are restored too, so that compiled files stay valid."""
        path = self.folder / holders(self.folder, mutation)[0]
        text, times = path.read_text("utf-8"), path.stat()
        path.write_text(text.replace(mutation.old, mutation.new), "utf-8")
        try:
            yield
        finally:
            path.write_text(text, "utf-8")
            os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))

    def pytest(self, arguments: Sequence[str], *, keep_compiled: bool = False) -> tuple[int, str]:
        """Run pytest in the copy, and return its exit code and what it printed; -1 if it did not end in time."""
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-x",
            "-q",
            "-p",
            "no:cacheprovider",
            "-p",
            "no:anyio",
            "--no-header",
            *arguments,
        ]
        environment = {**os.environ, "CI": "1", "PYTHONPATH": str(self.folder)}
        if not keep_compiled:
            environment["PYTHONDONTWRITEBYTECODE"] = "1"
        timeout = None if keep_compiled else TIMEOUT
        try:
            done = subprocess.run(
                command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False, timeout=timeout
            )
        except subprocess.TimeoutExpired:
            return -1, ""
        return done.returncode, done.stdout + done.stderr


def holders(root: Path, mutation: Mutation) -> list[Path]:
    """Return where a mutation's old text is, once per time, relative to ``root``."""
    place = root / mutation.file
    modules = sorted(place.rglob("*.py")) if place.is_dir() else [place] if place.exists() else []
    return [path.relative_to(root) for path in modules for _ in range(path.read_text("utf-8").count(mutation.old))]


def stale(mutation: Mutation) -> str:
    """Return why a mutation cannot be applied to the checkout as it is, or nothing."""
    found = len(holders(ROOT, mutation))
    return "" if found == 1 else f"the old text is in {mutation.file} {found} times"


def failures(said: str) -> tuple[str, ...]:
    """Return the tests that failed, from what pytest printed."""
    lines = [line for line in said.splitlines() if line.startswith(("FAILED ", "ERROR "))]
    return tuple(line.split(" - ")[0].split(" ", 1)[1] for line in lines)


def judge(copy: Copy, task: Task, left_out: Sequence[str] = ()) -> Outcome:
    """Run a fact's tests against a mutant, without those that fail anyway."""
    fact, mutation, tests = task
    with copy.mutated(mutation):
        code, said = copy.pytest(["-x", "--fact", fact, *(f"--deselect={test}" for test in left_out), *tests])
    if code in (-1, 1):
        by = (*failures(said), f"no end in {TIMEOUT} s")[0]
        return Outcome(fact, mutation, Verdict.KILLED, by)
    if code == 0:
        return Outcome(fact, mutation, Verdict.SURVIVED, ", ".join(tests))
    return Outcome(fact, mutation, Verdict.BROKEN, said.strip().splitlines()[-1] if said.strip() else f"exit {code}")


def run(work: Sequence[Task], unhealthy: list[str], workers: int = 2) -> Iterator[Outcome]:
    """Judge every mutant, the workers taking turns; outcomes come in the order of the work.

    Args:
        work: What is to be judged.
        unhealthy: Is given the tests that fail without any mutation, before the first outcome.
        workers: Processes that run tests at once, each with a copy of its own.
    """
    applicable = [task for task in work if not stale(task[1])]
    idle: SimpleQueue[Copy] = SimpleQueue()

    def one(task: Task) -> Outcome:
        fact, mutation, _ = task
        if task not in applicable:
            return Outcome(fact, mutation, Verdict.STALE, stale(mutation))
        copy = idle.get()
        try:
            return judge(copy, task, unhealthy)
        finally:
            idle.put(copy)

    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(workers) as pool:
        first = Copy(Path(folder) / "0")
        if applicable:
            facts = [word for fact in dict.fromkeys(task[0] for task in applicable) for word in ("--fact", fact)]
            tests = dict.fromkeys(test for task in applicable for test in task[2])
            code, said = first.pytest([*facts, *tests], keep_compiled=True)
            unhealthy += failures(said) if code == 1 else [said] if code else []
        for copy in (first, *(Copy(Path(folder) / str(number), first.folder) for number in range(1, workers))):
            idle.put(copy)
        yield from pool.map(one, work)
