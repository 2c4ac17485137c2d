"""The scripts of our own: each shows a rule of an RFC, and the core keeps it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from emulator.tcp.drill import Difference, run_script
from emulator.tcp.drill.script import Call
from emulator.tcp.drill.segments import Segment

from .drill_mutants import mutants

SCRIPTS = Path(__file__).parent / "scripts"
FILES = sorted(SCRIPTS.rglob("*.pkt"))
NAMES = [str(path.relative_to(SCRIPTS).with_suffix("")) for path in FILES]
SUBJECTS = {
    "challenge", "close", "cubic", "data", "delayed_ack", "ecn", "fast_recovery", "frto", "handshake", "keepalive",
    "nagle", "options", "paws", "pmtu", "rack_tlp", "reset", "retransmission",
    "sack", "simultaneous", "sockets", "time_wait", "zero_window",
}  # fmt: skip
SOURCE = re.compile(r"RFC \d+|\w+\(\d\)|Linux|FreeBSD|Windows|tcp_\w+")


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_the_script_holds(path: Path) -> None:
    run_script(path.read_text("utf-8"), path.name)


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_the_script_says_what_it_shows(path: Path) -> None:
    heading = re.match(r"(//.*\n)+", path.read_text("utf-8"))
    assert heading is not None
    assert SOURCE.search(heading.group())


def test_there_are_scripts_for_every_subject() -> None:
    assert len(FILES) >= 120
    assert {path.parent.name for path in FILES} >= SUBJECTS


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_the_script_can_fail(path: Path) -> None:
    """Each expectation of it, made wrong, is noticed: no line is there for nothing."""
    found = 0
    for action, runner in mutants(path.read_text("utf-8"), path.name):
        assert isinstance(action, Segment | Call)
        with pytest.raises(Difference):
            runner.run()
        found += 1
    assert found
