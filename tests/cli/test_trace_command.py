"""``vpcemu trace``: its options, its exit status, and what a terminal shows."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from emulator.network.scenario import Report
from emulator.network.steps import Row
from tests.cli.test_cli import DEMO, ROOT, vpcemu

if TYPE_CHECKING:
    from pathlib import Path

TOPOLOGY = DEMO / "topology.yaml"
ANSWERS = (ROOT / "docs" / "answers.md").read_text("utf-8")


def on_a_terminal(columns: int, *arguments: str | Path) -> str:
    """Return what a terminal of that width is sent."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "COLUMNS": str(columns), "TERM": "xterm-256color"}
    command = [sys.executable, "-m", "emulator.cli", *map(str, arguments)]
    with subprocess.Popen(command, stdout=theirs, stderr=subprocess.DEVNULL, env=environment, cwd=ROOT):
        os.close(theirs)
        said = b""
        while True:
            try:
                some = os.read(ours, 65536)
            except OSError:  # the other end is closed
                break
            if not some:
                break
            said += some
    os.close(ours)
    return said.decode("utf-8")


def test_no_repair_leaves_out_what_would_help() -> None:
    done = vpcemu("trace", TOPOLOGY, "--from", "batch", "--to", "metering:80", "--no-repair")
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1].startswith("not reachable: SUBNET_ACL_RESTRICTION at acl-forgetful")
    plain = vpcemu("trace", TOPOLOGY, "--from", "batch", "--to", "metering:80", "--no-repair", "--json")
    assert json.loads(plain.stdout)["repair"] is None


def test_the_port_may_stand_apart_and_the_source_be_another_address() -> None:
    asked = vpcemu("trace", TOPOLOGY, "--from", "web", "--to", "s3", "--port", "80", "--source-address", "10.0.1.99")
    assert asked.returncode == 1
    assert asked.stdout.startswith("tcp 10.0.1.99:40000 > ")
    assert "ENI_SOURCE_DEST_CHECK_RESTRICTION at eni-web" in asked.stdout


def test_a_matrix_is_a_table_with_a_legend_and_exits_with_1_unless_all_are_reachable() -> None:
    done = vpcemu("trace", TOPOLOGY, "--matrix", "--port", "80")
    assert done.returncode == 1
    (row,) = [line.split() for line in done.stdout.splitlines() if line.strip().startswith("web ")]
    assert row[1] == "✓"
    assert done.stdout.splitlines()[-1].endswith(" of 9 reachable")
    assert "on the way back" in done.stdout
    assert (
        vpcemu("trace", TOPOLOGY, "--matrix", "--from", "web", "--to", "s3:80", "--to", "metering:80").returncode == 0
    )


def test_a_matrix_for_programs_is_the_documented_object() -> None:
    done = vpcemu("trace", TOPOLOGY, "--matrix", "--from", "web", "--from", "batch", "--to", "s3:80", "--json")
    assert json.loads(done.stdout)["answers"] == [
        {
            "from": "web",
            "to": "s3:80",
            "reachable": True,
            "reason": None,
            "component": None,
            "rule": None,
            "way": None,
        },
        {
            "from": "batch",
            "to": "s3:80",
            "reachable": False,
            "reason": "SUBNET_ACL_RESTRICTION",
            "component": "acl-forgetful",
            "rule": "*",
            "way": "back",
        },
    ]


@pytest.mark.parametrize("arguments", [[], ["--from", "web"], ["--from", "web", "--to", "s3", "--to", "metering"]])
def test_a_question_that_is_not_one_exits_with_2(arguments: list[str]) -> None:
    done = vpcemu("trace", TOPOLOGY, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "vpcemu: trace: give one --from and one --to, or --matrix\n"


def test_a_terminal_gets_colours_and_lines_that_fit_and_a_pipe_neither() -> None:
    shown = on_a_terminal(80, "trace", TOPOLOGY, "--from", "batch", "--to", "metering:80")
    assert "\x1b[32m  ✓ " in shown
    assert "\x1b[1;31m  ✗ " in shown
    lines = [_plain(line) for line in shown.splitlines()]
    assert max(map(len, lines)) <= 80
    assert "\x1b" not in vpcemu("trace", TOPOLOGY, "--from", "batch", "--to", "metering:80").stdout


def test_a_narrow_terminal_gets_the_matrix_in_parts() -> None:
    lines = [_plain(line) for line in on_a_terminal(30, "trace", TOPOLOGY, "--matrix").splitlines()]
    assert sum(line.split()[:1] == ["from"] for line in lines) == 2
    assert max(len(line) for line in lines) <= 44  # reason codes are not broken in two


@pytest.mark.parametrize(
    "arguments",
    [
        ["trace", TOPOLOGY, "--from", "batch", "--to", "metering.us-east-1.amazonaws.com:80"],
        ["trace", TOPOLOGY, "--matrix"],
        ["validate", TOPOLOGY],
    ],
)
def test_every_key_of_an_object_is_on_the_page(arguments: list[str | Path]) -> None:
    plain = json.loads(vpcemu(*arguments, "--json").stdout)
    for key in _keys(plain):
        assert f"`{key}`" in ANSWERS, key


def test_every_key_of_a_report_is_on_the_page() -> None:
    row = Row("a step", "delivered", "", "", "").to_json()
    for key in (*Report((), {}, 0.0, 0).to_json(), *row):
        assert f"`{key}`" in ANSWERS, key


def _keys(plain: object) -> set[str]:
    if isinstance(plain, list):
        return {key for one in plain for key in _keys(one)}
    if not isinstance(plain, dict):
        return set()
    nested = {key for name, one in plain.items() if name != "parameters" for key in _keys(one)}
    return {*plain, *nested}


def _plain(line: str) -> str:
    parts = line.split("\x1b[")
    return parts[0] + "".join(part.partition("m")[2] for part in parts[1:])
