"""Timed events: control-plane verbs in the middle of a run, from a scenario and from Python."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest

from emulator import Ec2Error, Network
from emulator.network.scenario import Scenario
from emulator.topology import DocumentError
from tests.network.asking import plane_of

if TYPE_CHECKING:
    from pathlib import Path

    from emulator.network.scenario import Report

TOPOLOGY = """\
region: us-east-1
vpcs: {main: {cidr_blocks: [10.0.0.0/16]}}
subnets:
  a: {cidr_block: 10.0.1.0/24, availability_zone: us-east-1a, route_table_id: a}
  b: {cidr_block: 10.0.2.0/24, availability_zone: us-east-1b}
  public: {cidr_block: 10.0.9.0/24, availability_zone: us-east-1a, route_table_id: public}
route_tables:
  a: {routes: [{destination: 0.0.0.0/0, target: nat}]}
  public: {routes: [{destination: 0.0.0.0/0, target: igw}]}
internet_gateways: {igw: {vpc_id: main}}
nat_gateways: {nat: {subnet_id: public}}
external_hosts: {site: {ip_address: 198.51.100.7, application: echo}}
network_acls:
  acl-a:
    subnet_ids: [a]
    ingress: [{rule_number: 100, protocol: all, cidr_block: 0.0.0.0/0, rule_action: allow}]
    egress: [{rule_number: 100, protocol: all, cidr_block: 0.0.0.0/0, rule_action: allow}]
security_groups:
  web: {egress: [{protocol: tcp, ports: 7, peer: 0.0.0.0/0}]}
  db: {ingress: [{protocol: tcp, ports: 7, peer: 10.0.0.0/16}]}
services: {com.amazonaws.us-east-1.tool: {application: echo}}
instances:
  web: {subnet_id: a, security_group_ids: [web], private_ip_address: 10.0.1.10}
  db: {subnet_id: b, security_group_ids: [db], private_ip_address: 10.0.2.20, application: echo}
vpc_endpoints:
  tool: {service_name: tool, vpc_endpoint_type: Interface, subnet_ids: [a], security_group_ids: [db]}
"""
TOOL = "10.0.1.4"  # the lowest free address of its subnet
DENY = (
    "do: create_network_acl_entry, network_acl_id: acl-a, rule_number: 1, protocol: all, rule_action: deny,"
    " egress: true, cidr_block: 0.0.0.0/0"
)
ALLOW = "do: delete_network_acl_entry, network_acl_id: acl-a, rule_number: 1, egress: true"
NO_SUCH_ROUTE = "do: delete_route, route_table_id: a, destination_cidr_block: 10.9.0.0/16"
TALK = "pause: 10s, times: 10, patience: 5s"


def written(folder: Path, events: list[str], steps: list[str], topology: str = TOPOLOGY) -> Path:
    """Write a scenario and its topology; each event and step is the inside of a flow mapping."""
    (folder / "topology.yaml").write_text(topology, "utf-8")
    lines = [
        "topology: topology.yaml",
        "seed: 3",
        *(["events:"] if events else []),
        *(f"  - {{{event}}}" for event in events),
    ]
    lines += ["steps:", *(f"  - {{what: step {number}, host: web, {step}}}" for number, step in enumerate(steps))]
    path = folder / "scenario.yaml"
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def ran(folder: Path, events: list[str], steps: list[str], topology: str = TOPOLOGY) -> Report:
    return Scenario(written(folder, events, steps, topology)).run()


def refused(folder: Path, events: list[str]) -> list[str]:
    """Return the problems of a scenario with such events, without the file's name."""
    path = written(folder, events, ["trace: {to: 10.0.2.20:7}"])
    with pytest.raises(DocumentError) as refusal:
        Scenario(path)
    return [str(problem).removeprefix(f"{path}:") for problem in refusal.value.problems]


@pytest.mark.fact("NACL-7")
def test_a_network_acl_cuts_a_live_connection_at_the_very_next_packet(tmp_path: Path):
    """Ten exchanges, ten seconds apart: those at 0, 10 and 20 s are answered, that at 30 s is not."""
    networks: list[Network] = []
    path = written(tmp_path, [f"at: 29s, {DENY}"], [f"talk: {{to: 10.0.2.20, {TALK}}}"])
    (row,) = Scenario(path).run(before=networks.append).rows
    assert (row.verdict, row.reason, row.component, row.error) == (
        "dropped",
        "SUBNET_ACL_RESTRICTION",
        "acl-a",
        "TimeoutError",
    )
    assert row.rule == "1 deny all 0.0.0.0/0"
    first = next(networks[0].ledger.since(0))
    assert first.at // 1_000_000 == 30_002  # the question of that second, and nothing before it


@pytest.mark.fact("SG-13")
def test_a_tracked_connection_survives_the_rule_that_admitted_it_and_a_new_one_does_not(tmp_path: Path):
    revoke = "do: revoke_security_group_egress, group_id: web, ip_protocol: tcp"
    revoke += ", from_port: 7, to_port: 7, cidr_ip: 0.0.0.0/0"
    report = ran(
        tmp_path, [f"at: 29s, {revoke}"], [f"talk: {{to: 10.0.2.20, {TALK}}}", "talk: {to: 10.0.2.20, patience: 5s}"]
    )
    kept, new = report.rows
    assert (kept.verdict, kept.octets) == ("delivered", 1000)
    assert (new.verdict, new.reason) == ("dropped", "SG_HAS_NO_RULES")


@pytest.mark.parametrize(
    ("to", "what", "parameters"),
    [
        ("10.0.2.20", "availability_zone", "availability_zone: us-east-1b"),
        ("10.0.2.20", "network_interface", "network_interface_id: eni-db"),
        (TOOL, "network_interface", "network_interface_id: eni-tool-us-east-1a"),
        (TOOL, "service", "service_name: com.amazonaws.us-east-1.tool"),
        ("198.51.100.7", "nat_gateway", "nat_gateway_id: nat"),
    ],
)
def test_what_fails_cuts_a_live_connection_and_what_is_restored_in_time_does_not(
    tmp_path: Path, to: str, what: str, parameters: str
):
    """A loss of three seconds is bridged by TCP; a longer one is not within the program's patience."""
    fails, restores = f"do: fail_{what}, {parameters}", f"do: restore_{what}, {parameters}"
    step = f"talk: {{to: {to}, {TALK}}}"
    (row,) = ran(tmp_path, [f"at: 29s, {fails}"], [step]).rows
    assert (row.verdict, row.reason, row.error) == ("dropped", "EMU_FAULT", "TimeoutError")
    report = ran(tmp_path, [f"at: 29s, {fails}", f"at: 32s, {restores}"], [step])
    (row,) = report.rows
    assert (row.verdict, row.octets) == ("delivered", 1000)
    assert [event.verb for event in report.events] == [f"fail_{what}", f"restore_{what}"]


def test_an_event_comes_before_the_step_of_the_same_moment(tmp_path: Path):
    report = ran(
        tmp_path,
        [f"at: 5s, {DENY}", f"at: 10s, {ALLOW}"],
        ["at: 5s, trace: {to: '10.0.2.20:7'}", "at: 10s, trace: {to: '10.0.2.20:7'}"],
    )
    assert [row.reason for row in report.rows] == ["SUBNET_ACL_RESTRICTION", ""]


def test_an_event_behind_the_last_step_still_happens_and_is_reported(tmp_path: Path):
    report = ran(tmp_path, [f"at: 90s, {DENY}"], ["trace: {to: '10.0.2.20:7'}"])
    (event,) = report.events
    assert (event.at, event.verb, event.code) == (90_000_000_000, "create_network_acl_entry", None)
    assert 90 <= report.seconds < 90.1
    plain = json.loads(json.dumps(report.to_json()))
    assert plain["events"][0]["verb"] == "create_network_acl_entry"
    assert plain["events"][0]["at"] == 90_000_000_000


def test_an_event_that_is_expected_to_be_refused_is_reported_with_its_code(tmp_path: Path):
    report = ran(
        tmp_path,
        [f"at: 1s, {NO_SUCH_ROUTE}, expect: InvalidRoute.NotFound"],
        ["trace: {to: '10.0.2.20:7'}"],
    )
    (event,) = report.events
    assert event.code == "InvalidRoute.NotFound"
    assert event.message


def test_an_event_that_would_be_refused_is_a_problem_with_its_place_and_awss_code(tmp_path: Path):
    assert refused(tmp_path, [f"at: 1s, {NO_SUCH_ROUTE}"])[0].startswith("4:75: InvalidRoute.NotFound: ")
    assert refused(tmp_path, ["at: 1s, do: stop_instances, instance_ids: wbe"])[0].startswith("4:")


def test_an_expected_refusal_that_does_not_come_is_a_problem_too(tmp_path: Path):
    (problem,) = refused(tmp_path, [f"at: 1s, {DENY}, expect: InvalidParameterValue"])
    says = 'create_network_acl_entry is not refused, though expect says "InvalidParameterValue"'
    assert problem == f"4:162: InvalidParameterValue: {says}"


def test_events_are_tried_in_the_order_of_time(tmp_path: Path):
    """What the second allows the first would be refused; they stand in the document the other way round."""
    Scenario(written(tmp_path, [f"at: 20s, {ALLOW}", f"at: 10s, {DENY}"], ["trace: {to: '10.0.2.20:7'}"]))
    (problem,) = refused(tmp_path, [f"at: 10s, {ALLOW}", f"at: 20s, {DENY}"])
    assert "InvalidNetworkAclEntry.NotFound" in problem


@pytest.mark.parametrize(
    ("event", "says"),
    [
        ("at: 1s, do: stop_instance, instance_ids: web", '4:18: InvalidParameterValue: no verb "stop_instance"'),
        ("at: 1s, do: stop_instances, instance_id: web", 'unknown parameter "instance_id": did you mean "inst'),
        ("at: 1s, do: stop_instances", 'the parameter "instance_ids" is missing'),
        ("at: 1s, do: modify_vpc_endpoint, vpc_endpoint_id: tool, az_bandwidth: fast", "az_bandwidth"),
        ("at: 1s, do: modify_vpc_attribute, vpc_id: main, enable_dns_support: maybe", "enable_dns_support"),
        ("at: 1s, " + DENY.replace("rule_number: 1", "rule_number: one"), "rule_number"),
        ("at: 1s, do: tables", 'no verb "tables"'),
        ("at: 1s, do: __init__, region: x", 'no verb "__init__"'),
    ],
)  # fmt: skip
def test_what_is_wrong_with_an_event_is_said_with_a_suggestion(tmp_path: Path, event: str, says: str):
    (problem,) = refused(tmp_path, [event])
    assert problem.startswith("4:")
    assert says in problem


def test_a_rate_is_written_as_elsewhere(tmp_path: Path):
    """``1Gbps``, as in a topology."""
    event = "at: 1s, do: modify_vpc_endpoint, vpc_endpoint_id: tool, az_bandwidth: 1Gbps"
    scenario = Scenario(written(tmp_path, [event], ["trace: {to: '10.0.2.20:7'}"]))
    networks: list[Network] = []
    scenario.run(before=networks.append)
    assert networks[0].ec2.vpc_endpoints["tool"].az_bandwidth == 10**9


def test_the_same_seed_gives_the_same_bytes_with_events(tmp_path: Path):
    """The topology is left as it was, so that a scenario can be run again."""
    path = written(tmp_path, [f"at: 15s, {DENY}", f"at: 17s, {ALLOW}"], [f"talk: {{to: 10.0.2.20, {TALK}}}"])
    text = path.read_text("utf-8").replace("seed: 3", "seed: 3\ncaptures: [{at: web}]")
    path.write_text(text, "utf-8")
    scenario = Scenario(path)
    files = []
    for name in ("one", "two"):
        report = scenario.run(tmp_path / name)
        (capture,) = report.captures.values()
        files.append(capture.read_bytes())
        assert report.rows[0].verdict == "delivered"
    assert files[0] == files[1] != b""
    assert [one.rule_number for one in scenario.plane.network_acls["acl-a"].entries if one.rule_number < 100] == []


def test_verbs_may_be_called_from_python_at_any_moment():
    network = Network(plane_of(TOPOLOGY), seed=1)
    seen: list[str] = []

    async def program() -> None:
        reader, writer = await asyncio.open_connection("10.0.2.20", 7)
        for deny in (False, True, False):
            if deny:
                network.ec2.create_network_acl_entry(
                    "acl-a", rule_number=1, protocol="all", rule_action="deny", egress=True, cidr_block="0.0.0.0/0"
                )
            writer.write(b"hello")
            try:
                async with asyncio.timeout(5):
                    seen.append((await reader.readexactly(5)).decode())
            except TimeoutError:
                seen.append("silence")
                network.ec2.delete_network_acl_entry("acl-a", rule_number=1, egress=True)
                seen.append((await reader.readexactly(5)).decode())
            await asyncio.sleep(10)
        with pytest.raises(Ec2Error, match=r"InvalidNetworkAclEntry\.NotFound"):
            network.ec2.delete_network_acl_entry("acl-a", rule_number=1, egress=True)
        writer.close()

    network.run(program(), host="web")
    assert seen == ["hello", "silence", "hello", "hello"]
    network.close()
