"""Expectations of scenarios: each key notices what it is for, and says in one line what it saw."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ruamel.yaml import YAML

from emulator.network.scenario import Scenario
from emulator.network.schema import ExpectSpec
from tests.incidents.library import LIBRARY

if TYPE_CHECKING:
    from pathlib import Path

    from emulator.network.steps import Row

NAT = LIBRARY / "b33-throughput-capped-by-the-nat-gateway"
FLOW = LIBRARY / "b34-limit-of-a-single-flow"
WAY = LIBRARY / "b05-endpoint-without-route-tables"
SLOW = LIBRARY / "b30-optional-endpoint-missing"
NAME = LIBRARY / "b12-global-name-of-sts"
SILENT = LIBRARY / "b32-jumbo-packets-over-a-silent-path"


def first_row(folder: Path, expect: str, *, kind: str = "broken", step: int = 0) -> Row:
    """Run a scenario with another expectation of one step."""
    scenario = Scenario(folder / f"{kind}-scenario.yaml")
    steps = [one.model_copy(update={"expect": None}) for one in scenario.spec.steps]
    wanted = ExpectSpec.model_validate(YAML(typ="safe").load(expect))
    steps[step] = steps[step].model_copy(update={"expect": wanted})
    scenario.spec = scenario.spec.model_copy(update={"steps": steps})
    return scenario.run().rows[step]


@pytest.mark.parametrize(
    ("folder", "step", "expect", "difference"),
    [
        (NAT, 0, "{throughput_at_least: 6Gbps}", "throughput_at_least: expected 6 Gbps, not 4.19 Gbps"),
        (NAT, 0, "{throughput_at_most: 4Gbps}", "throughput_at_most: expected 4 Gbps, not 4.19 Gbps"),
        (NAT, 1, "{throughput_at_least: 1Gbps}", "throughput_at_least: expected 1 Gbps, not none"),
        (NAT, 0, "{component: igw}", "component: expected igw, not nat"),
        (FLOW, 0, "{rule: az_bandwidth}", 'rule: expected "az_bandwidth" in "single_flow_bandwidth 5 Gbps"'),
        (SLOW, 1, "{finished_within: 100s}", "finished_within: expected 100 s, not 127 s"),
        (SLOW, 1, "{finished_after: 200s}", "finished_after: expected 200 s, not 127 s"),
        (SLOW, 1, "{first_byte_after: 1s}", "first_byte_after: expected 1 s, not 0.0003 s"),
        (SLOW, 0, "{first_byte_within: 1s}", "first_byte_within: expected 1 s, not never"),
        (SLOW, 2, "{outcome: reachable}", "outcome: expected reachable, not unreachable"),
        (SLOW, 1, "{outcome: dropped}", "outcome: expected dropped, not delivered"),
        (NAME, 0, "{dns: (private DNS)}", 'dns: expected "(private DNS)" in "sts.amazonaws.com resolves to 198.18.0.1'),
        (SILENT, 0, "{via: nat}", "via: expected nat on the way eni-client > "),
        (SILENT, 0, "{not_via: pcx}", "not_via: did not expect pcx on the way eni-client > "),
        (SILENT, 3, "{same_az: false}", "same_az: expected False, not True"),
        (
            WAY,
            0,
            "{flow_log: [{interface: nat, direction: ingress, action: REJECT}]}",
            "flow_log: no record of interface nat, direction ingress, action REJECT",
        ),
        (
            WAY,
            0,
            "{flow_log: [{interface: nat, direction: ingress, src: 10.5.1.10, absent: true}]}",
            "flow_log: did not expect a record of interface nat, direction ingress, src 10.5.1.10",
        ),
    ],
)
def test_a_key_that_is_not_met_says_what_was_seen(folder: Path, step: int, expect: str, difference: str) -> None:
    (seen,) = first_row(folder, expect, step=step).differences
    assert seen.startswith(difference)


def test_the_way_has_the_targets_of_routes_and_local_is_none_of_them() -> None:
    row = first_row(WAY, "{status: 200}")
    assert row.next_hops == ("nat", "igw")
    assert row.path == (
        "eni-worker",
        "sg-default-vpc",
        "acl-default-vpc",
        "private",
        "nat",
        "public",
        "igw",
        "internet",
    )
    assert row.as_expected
    assert first_row(LIBRARY / "b08-endpoint-admits-the-primary-block-only", "{status: 200}").next_hops == ()


def test_a_name_that_does_not_resolve_is_a_reason_and_not_just_an_error(tmp_path: Path) -> None:
    topology = (NAME / "broken.yaml").read_text("utf-8")
    (tmp_path / "broken.yaml").write_text(topology, "utf-8")
    (tmp_path / "scenario.yaml").write_text(
        "topology: broken.yaml\nsteps:\n"
        "  - {what: nobody, host: pod, get: 'http://nobody.example.com/', expect: {reason: NXDOMAIN}}\n"
        "  - {what: nobody, host: pod, talk: {to: nobody.example.com}, expect: {component: vpc/resolver}}\n",
        "utf-8",
    )
    report = Scenario(tmp_path / "scenario.yaml").run()
    assert [row.differences for row in report.rows] == [(), ()]
    assert report.rows[0].error is not None


def test_a_topology_with_a_flow_log_of_its_own_needs_no_second_one() -> None:
    scenario = Scenario(WAY / "broken-scenario.yaml")
    scenario.plane.create_flow_logs("vpc", max_aggregation_interval=60)
    assert scenario.run().as_expected
    scenario = Scenario(WAY / "broken-scenario.yaml")
    scenario.plane.create_flow_logs("vpc", traffic_type="REJECT", max_aggregation_interval=60)
    assert scenario.run().as_expected
