"""Asynchronous tests run on the virtual-time loop: an hour of sleep in them costs nothing.

Properties draw new examples at every run by hand, and always the same ones in
CI, where a red result must mean the change.

``--fact ROUTE-9`` (as often as one likes) runs only what proves those facts.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from emulator.asyncio_net.loop import VirtualTimeLoop
from tests.conformance.facts import FACTS

if TYPE_CHECKING:
    from collections.abc import Mapping

settings.register_profile("explore", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "explore")

MARKED = pytest.StashKey[dict[str, set[str]]]()
"""Test function -> the facts that its marker, or one of its rows', names; of everything that was collected."""


def pytest_asyncio_loop_factories(config: object, item: object) -> Mapping[str, type[VirtualTimeLoop]]:
    return {"virtual": VirtualTimeLoop}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--fact", action="append", default=[], help="run only the tests that prove this fact, e.g. SG-9")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    wanted = set(config.getoption("--fact"))
    marked: dict[str, set[str]] = {}
    kept, left_out = [], []
    for item in items:
        facts = {fact for mark in item.iter_markers("fact") for fact in mark.args}
        unknown = sorted(facts.union(wanted).difference(FACTS))
        if unknown:
            raise pytest.UsageError(f"{item.nodeid}: there is no fact {', '.join(unknown)}")
        if facts:
            marked.setdefault(item.nodeid.partition("[")[0], set()).update(facts)
        (kept if facts & wanted or not wanted else left_out).append(item)
    config.stash[MARKED] = marked
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = kept
