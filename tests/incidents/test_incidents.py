"""The incident library: broken networks fail as their incidents did, fixed ones work, and a fix does no more."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

import pytest

from emulator.network.agreement import disagreements
from emulator.network.loading import topology_problems
from emulator.network.network import Network
from tests.incidents.library import (
    FILES,
    FOLDERS,
    actions,
    lines,
    matrix,
    reachable,
    same_network,
    scenario,
    target,
)

if TYPE_CHECKING:
    from pathlib import Path

    from emulator.network.scenario import Report, Scenario

KINDS = ("broken", "fixed")
FEW = 16
"""Most lines that a fix may differ by; three endpoints are 15."""
STRANGERS = ["192.0.2.1", "54.231.0.10", "52.94.0.10"]
"""Addresses beyond the edges that no scenario is about, or that only some are: somebody's, S3's, DynamoDB's."""
PORTS = [22, 80, 443]

every_incident = pytest.mark.parametrize("folder", FOLDERS, ids=[folder.name for folder in FOLDERS])
both_kinds = pytest.mark.parametrize("kind", KINDS)


def run(prepared: Scenario, output: Path) -> tuple[Report, Network]:
    """Run a scenario with a flow log and a capture at every interface."""
    for vpc in list(prepared.plane.vpcs):
        prepared.plane.create_flow_logs(vpc, max_aggregation_interval=60)
    seen: list[Network] = []

    def watch(network: Network) -> None:
        seen.append(network)
        taken = {capture.name for capture in network.captures}
        for name in network.ec2.network_interfaces:
            if name not in taken:
                network.capture(name, output / "all" / f"{name}.pcapng", snaplen=128)

    return prepared.run(output, before=watch), seen[0]


@pytest.mark.fact("FLOW-7", "FLOW-8", "FLOW-9")
@every_incident
@both_kinds
def test_everything_is_as_expected_and_all_who_watched_agree(folder: Path, kind: str, tmp_path: Path) -> None:
    report, network = run(scenario(folder, kind), tmp_path)
    assert [(row.what, row.differences) for row in report.rows if not row.as_expected] == []
    assert [event for event in report.events if event.code is not None] == []
    assert disagreements(network) == []


@every_incident
def test_the_broken_network_does_not_meet_the_fixed_ones_expectations(folder: Path) -> None:
    if not same_network(folder):
        prepared = scenario(folder, "fixed", topology="broken")
    else:  # the fix is in the clients: what they did before, and what is expected of it now
        prepared = scenario(folder, "broken")
        expected = [step.expect for step in scenario(folder, "fixed").spec.steps]
        steps = [
            step.model_copy(update={"expect": expect})
            for step, expect in zip(prepared.spec.steps, expected, strict=True)
        ]
        prepared.spec = prepared.spec.model_copy(update={"steps": steps})
    assert not prepared.run().as_expected


@every_incident
def test_an_incident_is_whole_and_its_fix_small(folder: Path) -> None:
    assert sorted(path.name for path in folder.iterdir()) == sorted(FILES)
    for kind in KINDS:
        assert (folder / f"{kind}.yaml").read_text("utf-8").startswith("# ")
        assert "What it teaches:" in (folder / f"{kind}.yaml").read_text("utf-8")
        assert scenario(folder, kind).spec.topology == f"{kind}.yaml"
        assert topology_problems(folder / f"{kind}.yaml") == []
    source = (folder / "SOURCE.md").read_text("utf-8")
    assert all(word in source for word in ("Source: https://", "- Symptom: ", "- Cause: ", "- Fix: "))
    file = "scenario" if same_network(folder) else "topology"
    names = [f"{kind}-scenario.yaml" if file == "scenario" else f"{kind}.yaml" for kind in KINDS]
    before, after = (lines(folder / name) for name in names)
    if file == "topology":
        changed = [line for line in difflib.ndiff(before, after) if line[0] in "+-"]
        assert 0 < len(changed) <= FEW


@every_incident
def test_both_scenarios_do_the_same(folder: Path) -> None:
    broken, fixed = (scenario(folder, kind).spec for kind in KINDS)
    assert broken.events == fixed.events
    if not same_network(folder):
        assert actions(broken) == actions(fixed)
        return
    assert [step.what for step in broken.steps] == [step.what for step in fixed.steps]
    assert actions(broken) != actions(fixed)


@every_incident
def test_the_fix_opens_nothing_but_what_the_scenario_asks_for(folder: Path) -> None:
    specs = {kind: scenario(folder, kind) for kind in KINDS}
    steps = specs["fixed"].spec.steps
    asked = [(step.host, *found) for step in steps if (found := target(step)) is not None]
    names = sorted({name for _, name, _ in asked})
    plane = specs["fixed"].plane
    both = [
        name
        for name in (*plane.instances, *plane.vpc_endpoints)
        if name in specs["broken"].plane.vpc_endpoints or name in specs["broken"].plane.instances
    ]
    ports = sorted({*PORTS, *(port for *_, port in asked)})
    answers = {}
    for kind in KINDS:
        network = Network(specs[kind].plane)
        if kind == "fixed":
            meant = {(host, reachable(network, host, name, port)[0], port) for host, name, port in asked}
        answers[kind] = matrix(network, [*names, *both, *STRANGERS], ports)
        network.abandon()
    opened = {question for question, answer in answers["fixed"].items() if answer} - {
        question for question, answer in answers["broken"].items() if answer
    }
    own = endpoint_addresses(specs["fixed"], specs["broken"])
    unasked = sorted(question for question in opened - meant if question[1] not in own)
    assert unasked == []


def endpoint_addresses(fixed: Scenario, broken: Scenario) -> frozenset[str]:
    """Return where the endpoints are that only the fixed network has: at those nothing was to be reached before."""
    new = [one for name, one in fixed.plane.vpc_endpoints.items() if name not in broken.plane.vpc_endpoints]
    enis = [fixed.plane.network_interfaces[eni] for one in new for eni in one.network_interface_ids]
    return frozenset(str(eni.private_ip_address) for eni in enis)
