"""One deliberate mistake."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mutation:
    """A piece of source to be replaced, and the facts whose tests must then fail.

    Attributes:
        facts: One or more ids; each fact's tests are run for themselves.
        what: The mistake, in a few words.
        file: A module, or a folder whose modules hold ``old`` once between them: what stands in a large room may move.
        old: Exact text, with its indentation where it spans lines.
        new: What stands there instead.
        tests: Node ids (``tests/gates/test_routes.py::test_name``), if not all tests with the fact's marker.
    """

    facts: tuple[str, ...]
    what: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...] = ()


def mutation(facts: str, what: str, file: str, old: str, new: str, *tests: str) -> Mutation:
    """Return a mutation; ``facts`` are ids with spaces between them, ``file`` is below ``emulator/``."""
    return Mutation(tuple(facts.split()), what, f"emulator/{file}", old, new, tests)
