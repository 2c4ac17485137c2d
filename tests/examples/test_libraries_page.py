"""docs/libraries.md: it names every example and the versions that the project was tested with."""

from __future__ import annotations

import re
from pathlib import Path

from tests.examples.test_examples_repeat import PARTS, SAME_BYTES, SAME_SHAPE

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "libraries.md").read_text("utf-8")
ROWS = re.findall(r"^\| ([a-z]+) \| ([0-9.]+) \|", PAGE, re.MULTILINE)


def test_the_versions_are_those_of_the_constraints() -> None:
    constraints = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line)
    assert {name for name, _ in ROWS} == {
        "httpx",
        "aiohttp",
        "uvicorn",
        "websockets",
        "redis",
        "asyncpg",
        "aiobotocore",
    }
    for name, version in ROWS:
        assert constraints[name] == version


def test_every_example_has_its_command() -> None:
    for name in (*SAME_BYTES, *SAME_SHAPE):
        assert f"`python examples/{name}.py`" in PAGE
    for name in PARTS:
        assert f"`examples/{name}.py`" in PAGE
