"""docs/programs.md: what is shown is run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BLOCKS = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "programs.md").read_text("utf-8"), re.DOTALL)
PROGRAMS = [block for block in BLOCKS if not block.startswith("# test_")]
TESTS = [block for block in BLOCKS if block.startswith("# test_")]


def test_the_programs_of_the_page_work(monkeypatch):
    monkeypatch.chdir(ROOT)
    namespace = {"__name__": "page"}
    for block in PROGRAMS:
        exec(compile(block, "docs/programs.md", "exec"), namespace)  # noqa: S102 - as the tests' purpose is
    assert len(PROGRAMS) == 4


@pytest.mark.slow
def test_the_tests_of_the_page_pass(tmp_path):
    (tmp_path / "topologies").symlink_to(ROOT / "topologies")
    (tmp_path / "test_buckets.py").write_text(TESTS[0])
    (tmp_path / "pytest.ini").write_text("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    plugins = ["-p", "no:cacheprovider", "-p", "emulator.pytest_plugin", "-p", "pytest_asyncio.plugin"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *plugins],
        cwd=tmp_path,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "2 passed" in done.stdout, done.stdout
