"""What ``vpcemu run`` prints: differences from what was expected, events, the same steps on another topology."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from emulator.cli.app import app

if TYPE_CHECKING:
    from click.testing import Result

LIBRARY = Path(__file__).parents[2] / "topologies" / "incidents"
FIREWALL = LIBRARY / "b31-firewall-locks-operators-out"


def run(tmp_path: Path, *arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["run", *map(str, arguments), "-o", str(tmp_path)])


def test_a_step_that_is_not_as_expected_shows_in_what_one_difference_a_line(tmp_path: Path) -> None:
    done = run(tmp_path, FIREWALL / "fixed-scenario.yaml", "--topology", FIREWALL / "broken.yaml")
    assert done.exit_code == 1
    lines = done.stdout.splitlines()
    start = lines.index("not as expected: the agent calls its service after the change")
    assert lines[start + 1 : start + 5] == [
        "    status: expected 200, not none",
        "    component: expected eni-ssmmessages-us-east-1a, not firewall",
        (
            "    not_via: did not expect firewall on the way "
            "eni-server > workload > acl-default-vpc > eni-firewall > firewall"
        ),
        "    flow_log: did not expect a record of interface firewall, src 10.31.1.10",
    ]
    assert "    outcome: expected reachable, not unreachable" in lines
    assert lines[-1].endswith("5 of 5 steps not as expected")


def test_events_are_shown_with_their_moment_and_answer(tmp_path: Path) -> None:
    done = run(tmp_path, FIREWALL / "fixed-scenario.yaml")
    assert done.exit_code == 0
    (line,) = (line for line in done.stdout.splitlines() if "replace_route" in line)
    assert line.split()[:2] == ["60", "s"]
    assert line.split()[-1] == "done"
    assert "network_interface_id=eni-firewall" in line
    assert "not as expected" not in done.stdout


def test_what_the_program_met_stands_beside_the_verdict(tmp_path: Path) -> None:
    done = run(tmp_path, LIBRARY / "b08-endpoint-admits-the-primary-block-only" / "broken-scenario.yaml")
    assert done.exit_code == 0
    assert "dropped (ConnectTimeout)" in done.stdout


@pytest.mark.parametrize("topology", ["nowhere.yaml", "broken-scenario.yaml"])
def test_another_topology_has_to_be_one(tmp_path: Path, topology: str) -> None:
    done = run(tmp_path, FIREWALL / "fixed-scenario.yaml", "--topology", FIREWALL / topology)
    assert done.exit_code == 2


def test_the_json_object_has_differences_events_and_when_each_step_was_over(tmp_path: Path) -> None:
    done = run(tmp_path, FIREWALL / "fixed-scenario.yaml", "--topology", FIREWALL / "broken.yaml", "--json")
    report = json.loads(done.stdout)
    assert report["as_expected"] is False
    assert report["rows"][1]["differences"][0] == "status: expected 200, not none"
    assert report["rows"][1]["finished"] == 75_000_000_000
    assert report["events"][0]["parameters"]["network_interface_id"] == "eni-firewall"
