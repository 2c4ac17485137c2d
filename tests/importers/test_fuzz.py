"""Half an account is imported too: whatever is missing or odd, an import makes a sound document and never raises.

A sample of the places every time; all of them with VPCEMU_LONG_TESTS set.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from emulator.importers import NothingToImport
from emulator.topology.steps import build
from tests.importers.folder import Files, account, imported

if TYPE_CHECKING:
    from collections.abc import Iterator

STRIDE = 1 if os.environ.get("VPCEMU_LONG_TESTS") else 27

Path = tuple[Any, ...]


def paths(value: Any, here: Path = ()) -> Iterator[Path]:
    """Every place in JSON, the whole value but for itself."""
    steps = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for step in steps:
        yield (*here, step)
        yield from paths(value[step], (*here, step))


def put(value: Any, path: Path, new: Any) -> Any:
    """The value with one place changed, or without it."""
    changed = value.copy()
    if len(path) > 1:
        changed[path[0]] = put(value[path[0]], path[1:], new)
    elif new is MISSING:
        del changed[path[0]]
    else:
        changed[path[0]] = new
    return changed


MISSING = object()
PLACES = [(name, path) for name, answer in sorted(account().items()) for path in paths(answer)]


def survives(files: Files) -> None:
    try:
        made = imported(files)
    except NothingToImport:
        return
    assert build(made.document)[1] == []


@pytest.mark.parametrize("name", sorted(account()))
def test_any_file_may_be_missing(name: str) -> None:
    files = account()
    del files[name]
    survives(files)


@pytest.mark.slow
@pytest.mark.parametrize("first", range(STRIDE if STRIDE == 1 else 3))
def test_any_field_may_be_missing(first: int) -> None:
    files = account()
    for name, path in PLACES[first * 9 :: STRIDE]:
        survives(files | {name: put(files[name], path, MISSING)})


@pytest.mark.slow
def test_any_field_may_be_of_another_kind() -> None:
    files = account()
    odd = (None, "x", 7, [], {}, ["y"], True, [{}], -5, "10.0.0.0/33", "::/0")
    for number, (name, path) in enumerate(PLACES[::STRIDE]):
        survives(files | {name: put(files[name], path, odd[number % len(odd)])})
