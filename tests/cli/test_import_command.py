"""`vpcemu import`, and folders of describe-JSON wherever a topology is wanted."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner, Result

from emulator.cli.app import app
from emulator.network.network import Network
from tests.importers.folder import ACCOUNT

if TYPE_CHECKING:
    from pathlib import Path


PLACES = (
    "10.0.1.10:443",
    "10.1.1.40:5432",
    "10.2.0.5",
    "10.3.0.1",
    "10.66.0.1",
    "172.16.0.9",
    "192.168.0.9",
    "8.8.8.8",
    "10.77.0.1",
    "203.0.113.11",
    "s3.us-east-1.amazonaws.com",
    "sqs.us-east-1.amazonaws.com",
)


def vpcemu(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(one) for one in arguments])


def test_a_topology_is_written_and_the_notes_are_printed(tmp_path: Path) -> None:
    done = vpcemu("import", ACCOUNT, "-o", tmp_path / "topology.yaml")
    assert done.exit_code == 0
    assert "4 vpcs, 5 subnets" in done.stdout
    assert "instances.json: EMU_LEFT_OUT: i-0gone: the instance is terminated" in done.stderr
    assert vpcemu("validate", tmp_path / "topology.yaml", ACCOUNT).exit_code == 0


def test_json_holds_the_notes_and_nothing_else_is_printed(tmp_path: Path) -> None:
    done = vpcemu("import", ACCOUNT, "-o", tmp_path / "topology.yaml", "--json")
    answer = json.loads(done.stdout)
    assert answer["counts"]["instances"] == 3
    about = {"file": "gateways.json", "id": "nat-0dead", "code": "EMU_LEFT_OUT", "sentence": "is deleted"}
    assert about in answer["notes"]
    assert done.stderr == ""


def test_to_standard_output() -> None:
    done = vpcemu("import", ACCOUNT, "-o", "-")
    assert done.stdout.startswith("# Imported by vpcemu from ")
    assert "\nregion: us-east-1\n" in done.stdout


def test_trace_takes_the_folder_itself() -> None:
    done = vpcemu("trace", ACCOUNT, "--from", "i-0job", "--to", "10.7.0.1")
    assert done.exit_code == 1
    assert "not reachable: BAD_STATE_ROUTE at rtb-0a2 (10.7.0.0/16 -> nat-0dead (blackhole))" in done.stdout


@pytest.mark.fact("REACH-1")
def test_a_route_to_what_is_not_modelled_is_never_reachable() -> None:
    done = vpcemu("trace", ACCOUNT, "--from", "i-0job", "--to", "10.66.0.1")
    assert "not reachable: UNSUPPORTED_COMPONENT at rtb-0a2" in done.stdout


def test_values_of_a_folder_can_be_set_for_one_question() -> None:
    key = "security_groups.sg-0web.egress.0.peer=10.0.0.0/8"
    done = vpcemu("trace", ACCOUNT, "--from", "i-0job", "--to", "s3", "--set", key)
    assert "not reachable: ENI_SG_RULES_MISMATCH at sg-0web" in done.stdout
    wrong = vpcemu("trace", ACCOUNT, "--from", "i-0job", "--to", "s3", "--set", "vpcs.vpc-9.region=x")
    assert wrong.exit_code == 2
    assert 'there is no "vpc-9.region" in "vpcs"' in wrong.stderr


def test_a_scenario_may_run_on_a_folder(tmp_path: Path) -> None:
    shutil.copytree(ACCOUNT, tmp_path / "account")
    scenario = tmp_path / "scenario.yaml"
    scenario.write_text(
        "topology: account\nsteps:\n"
        "  - {what: to S3, host: i-0job, send: {to: 54.231.0.10, protocol: tcp, port: 443}, expect: delivered}\n"
        "  - {what: gone, host: i-0job, send: {to: 10.7.0.1, protocol: tcp, port: 443}, expect: BAD_STATE_ROUTE}\n",
        "utf-8",
    )
    done = vpcemu("run", scenario, "-o", tmp_path / "out")
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["import"], "give either a folder or --live"),
        (["import", ".", "--live"], "give either a folder or --live"),
        (["import", ".", "--region", "us-east-1"], "go with --live"),
        (["import", "nowhere"], "nowhere: is no folder"),
        (["trace", "{empty}", "--from", "a", "--to", "b"], "1:1: EMU_FILE: has no .json file"),
        (["validate", "{empty}"], "1:1: EMU_FILE: has no .json file"),
        (["import", "{empty}"], "has no .json file"),
    ],
)
def test_questions_that_are_wrong(tmp_path: Path, arguments: list[str], text: str) -> None:
    done = vpcemu(*(one.format(empty=tmp_path) for one in arguments))
    assert done.exit_code == 2
    assert text in done.stderr


def test_the_folder_and_its_yaml_give_the_same_traces(tmp_path: Path) -> None:
    vpcemu("import", ACCOUNT, "-o", tmp_path / "topology.yaml")
    answers = []
    for topology in (ACCOUNT, tmp_path / "topology.yaml"):
        network = Network.load(topology)
        sources = ("i-0web", "i-0job", "i-0db", "eni-0fn", "eni-0rds")
        answers.append([network.trace(source, to).to_json() for source in sources for to in PLACES])
        network.abandon()
    assert answers[0] == answers[1]
    assert {answer["reachable"] for answer in answers[0]} == {True, False}
