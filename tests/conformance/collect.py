"""Which tests prove which facts, read from the tests' source without running or importing it.

``@pytest.mark.fact("SG-9", "SG-13")`` stands on a function, on a class, or, by
``pytest.param(..., marks=pytest.mark.fact("SG-9"))``, on one row of a table: in
the decorator itself or in a list of the module that the decorator names.  A
module's ``pytestmark`` counts for all its tests.  What pytest itself collects is
compared with this reading in ``test_conformance``, so the two cannot drift.
"""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
MARK = "pytest.mark.fact"
SLOW = "pytest.mark.slow"


def proofs(root: Path = ROOT) -> dict[str, tuple[str, ...]]:
    """Return fact id -> the tests that prove it, as ``tests/gates/test_rules.py::test_name``, sorted."""
    found: dict[str, set[str]] = {}
    for path in sorted((root / "tests").rglob("test_*.py")):
        text = path.read_text("utf-8")
        if MARK not in text:
            continue
        tree = ast.parse(text)
        for name, facts in _tests(tree):
            for fact in facts:
                found.setdefault(fact, set()).add(f"{path.relative_to(root).as_posix()}::{name}")
    return {fact: tuple(sorted(tests)) for fact, tests in found.items()}


def slow_tests(root: Path = ROOT) -> frozenset[str]:
    """Return the test functions that are marked as slow."""
    found: set[str] = set()
    for path in sorted((root / "tests").rglob("test_*.py")):
        text = path.read_text("utf-8")
        if SLOW not in text:
            continue
        for node in ast.parse(text).body:
            marks = [ast.unparse(one) for one in getattr(node, "decorator_list", ())]
            if SLOW in marks and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                found.add(f"{path.relative_to(root).as_posix()}::{node.name}")
    return frozenset(found)


def _tests(module: ast.Module) -> Iterator[tuple[str, set[str]]]:
    """Yield every test of a module with its facts; in classes as ``Class::test``."""
    tables = {
        target.id: node.value
        for node in module.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    tables |= {
        node.target.id: node.value
        for node in module.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None
    }
    everywhere = _marked(tables["pytestmark"], {}) if "pytestmark" in tables else set()
    yield from _in(module.body, "", everywhere, tables)


def _in(
    body: list[ast.stmt], prefix: str, outer: set[str], tables: dict[str, ast.expr]
) -> Iterator[tuple[str, set[str]]]:
    for node in body:
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        facts = outer.union(*(_marked(decorator, tables) for decorator in node.decorator_list))
        if isinstance(node, ast.ClassDef):
            if node.name.startswith("Test"):
                yield from _in(node.body, f"{prefix}{node.name}::", facts, tables)
        elif node.name.startswith("test_") and facts:
            yield prefix + node.name, facts


def _marked(expression: ast.expr, tables: dict[str, ast.expr]) -> set[str]:
    """Return the facts of every marker inside an expression, and inside the module's lists it names."""
    facts: set[str] = set()
    for node in ast.walk(expression):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == MARK:
            facts |= {argument.value for argument in node.args if isinstance(argument, ast.Constant)}
        elif isinstance(node, ast.Name) and node.id in tables:
            facts |= _marked(tables[node.id], {name: value for name, value in tables.items() if name != node.id})
    return facts
