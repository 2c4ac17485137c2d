"""docs/incidents.md: every command in it is run, and what it quotes is in the answer, in that order."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from emulator.cli.app import app
from tests.incidents.library import FOLDERS, REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path

PAGE = (REPOSITORY / "docs" / "incidents.md").read_text("utf-8")
BLOCKS = re.findall(r"^```\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
LATER = ("B20", "B37")
REFUSALS = ("C1", "C2", "C4", "C5", "C6", "C8", "C9")


def commands() -> list[tuple[str, list[str]]]:
    """Return each command of the page with the lines quoted below it."""
    found: list[tuple[str, list[str]]] = []
    for line in "".join(BLOCKS).splitlines():
        if line.startswith("$ vpcemu "):
            found.append((line.removeprefix("$ vpcemu "), []))
        else:
            found[-1][1].append(" ".join(line.split()))
    return found


COMMANDS = commands()


@pytest.mark.parametrize(
    ("command", "quoted"), COMMANDS, ids=[command.split("/")[2] + " " + command.split()[0] for command, _ in COMMANDS]
)
def test_the_command_answers_what_the_page_quotes(
    command: str, quoted: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(REPOSITORY)
    output = ["-o", str(tmp_path)] if command.startswith("run ") else []
    done = CliRunner().invoke(app, [*command.split(), *output])
    lines = iter([" ".join(line.split()) for line in done.stdout.splitlines()])
    assert quoted
    for wanted in quoted:
        assert any(wanted == line for line in lines), wanted
    denied = any(line.startswith("denied: ") for line in quoted)
    expected_to_fail = denied or (command.startswith("trace") and "reachable" not in quoted)
    assert done.exit_code == (1 if expected_to_fail else 0)


def test_every_incident_of_the_library_is_on_the_page_and_every_other_is_named() -> None:
    for folder in FOLDERS:
        assert f"topologies/incidents/{folder.name}/broken-scenario.yaml" in PAGE
        assert f"({folder.name.partition('-')[0].upper()})" in PAGE
    for name in (*LATER, *REFUSALS):
        assert f"| {name} |" in PAGE
