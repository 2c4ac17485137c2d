"""Compile ``wire`` and ``tcp`` with mypyc from the same source, and run their tests on the result.

    python -m tests.compiled

Works on a copy in a temporary folder, so the checkout stays as it is.  Needs a C compiler; without one it says so.
The theory of rates is left out: it is judged once, by ``make test``, and a compiled core that behaves alike in all
other tests has no rates of its own.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("wire", "tcp")
SETTINGS = """[pytest]
asyncio_default_fixture_loop_scope = function
markers =
    fact: as in pyproject.toml
    slow: likewise
"""
PROOF = """
import importlib, sys
rooms = {rooms!r}
names = [f"emulator.{{room}}.{{module}}" for room, module in {modules!r}]
interpreted = [name for name in names if importlib.import_module(name).__file__.endswith(".py")]
sys.exit(f"not compiled: {{interpreted}}" if interpreted else 0)
"""


def main() -> int:
    """Return 0 if the compiled rooms pass their tests."""
    if shutil.which("gcc") is None and shutil.which("cc") is None:
        print("skipped: there is no C compiler")  # noqa: T201
        return 0
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for part in ("emulator", "tests"):
            shutil.copytree(ROOT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
        (copy / "pytest.ini").write_text(SETTINGS)
        sources = [path for room in ROOMS for path in sorted((copy / "emulator" / room).glob("*.py"))]
        sources = [path for path in sources if path.name not in ("__init__.py", "__main__.py")]
        environment = {**os.environ, "PYTHONPATH": folder}
        started = time.monotonic()
        command = [sys.executable, "-m", "mypyc", *(str(path.relative_to(copy)) for path in sources)]
        done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            print(done.stdout[-4000:], done.stderr[-4000:])  # noqa: T201
            return done.returncode
        print(f"compiled {len(sources)} modules in {time.monotonic() - started:.0f} s")  # noqa: T201
        proof = PROOF.format(rooms=ROOMS, modules=[(path.parent.name, path.stem) for path in sources])
        subprocess.run([sys.executable, "-c", proof], cwd=copy, env=environment, check=True)
        tests = [f"tests/{room}" for room in ROOMS]
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "not theory", *tests]
        return subprocess.run(command, cwd=copy, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
