"""Scenarios with mistakes: all of them at once, whichever layer finds them, each at its place."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from emulator.network import workloads
from emulator.network.scenario import Scenario
from emulator.topology import DocumentError

TOPOLOGY = """\
region: us-east-1
vpcs: {v: {cidr_blocks: [10.0.0.0/16]}}
subnets: {a: {cidr_block: 10.0.1.0/24, availability_zone: us-east-1a}}
instances: {web: {subnet_id: a}}
services: {metering: {application: sink}}
vpc_endpoints:
  s3: {service_name: s3, route_table_ids: [rtb-main-v]}
  api: {service_name: metering, vpc_endpoint_type: Interface, subnet_ids: [a]}
"""
STEP = "steps: [{what: one, host: web, get: 'http://x.example/'}]\n"


def messages(folder: Path, scenario: str, topology: str = TOPOLOGY) -> list[str]:
    (folder / "topology.yaml").write_text(topology)
    (folder / "scenario.yaml").write_text(scenario)
    try:
        Scenario(folder / "scenario.yaml")
    except DocumentError as error:
        return [f"{Path(one.file).stem}:{one.line}: {one.message}" for one in error.problems]
    return []


def with_step(action: str) -> str:
    return f"topology: topology.yaml\nsteps:\n  - {{what: one, host: web, {action}}}\n"


def test_a_sound_scenario_has_no_problem(tmp_path: Path) -> None:
    assert messages(tmp_path, "topology: topology.yaml\n" + STEP) == []


def test_a_mistake_of_shape_hides_no_other(tmp_path: Path) -> None:
    scenario = (
        "topology: topology.yaml\n"
        "seed: -1\n"
        "captures:\n"
        "  - {at: wbe, snaplen: lots}\n"
        "  - 7\n"
        "  - {at: web}\n"
        "faults:\n"
        "  - {source: eni-wbe, loss: 5}\n"
        "steps:\n"
        "  - {host: wed, get: 'http://x.example/', expect: DELIVERD}\n"
        "  - just text\n"
        "  - {what: three, host: web, gett: 'http://x.example/'}\n"
        "  - {what: four, host: web}\n"
    )
    topology = TOPOLOGY.replace("{subnet_id: a}", "{subnet_id: a, security_group_ids: [x]}")
    found = messages(tmp_path, scenario, topology)
    assert found == [
        "scenario:2: seed: input should be greater than or equal to 0, not -1",
        'scenario:4: unknown component "wbe": did you mean "web"?',
        *[one for one in found if one.startswith("scenario:4: snaplen")],
        "scenario:5: captures must be a mapping (key: value), not 7",
        "scenario:8: loss: input should be less than or equal to 1, not 5",
        'scenario:10: the key "what" is missing',
        'scenario:10: unknown instance "wed": did you mean "web"?',
        (
            'scenario:10: expect must be an HTTP status, "delivered" or a reason code, '
            'not "DELIVERD": did you mean "delivered"?'
        ),
        'scenario:11: steps must be a mapping (key: value), not "just text"',
        'scenario:12: unknown key "gett": did you mean "get"?',
        "scenario:13: a step does exactly one of get, push, copy_object, datagram, send, talk and trace",
        'topology:4: unknown security group "x"',
    ]
    assert any(one.startswith("scenario:4: snaplen") for one in found)


def test_names_of_a_misspelt_section_are_not_called_unknown(tmp_path: Path) -> None:
    found = messages(tmp_path, "topology: topology.yaml\n" + STEP, TOPOLOGY.replace("instances:", "instancse:"))
    assert found == ['topology:4: unknown key "instancse": did you mean "instances"?']


def test_names_of_a_section_that_is_none_are_not_called_unknown(tmp_path: Path) -> None:
    found = messages(tmp_path, "topology: topology.yaml\n" + STEP, TOPOLOGY.replace("{web: {subnet_id: a}}", "[web]"))
    assert found == ["topology:4: instances must be a mapping (key: value), not a list"]


def test_an_endpoints_interface_is_not_called_unknown_where_the_topology_has_problems(tmp_path: Path) -> None:
    scenario = "topology: topology.yaml\ncaptures: [{at: eni-api-us-east-1a}, {at: ap}]\n" + STEP
    topology = TOPOLOGY.replace("{web: {subnet_id: a}}", "{web: {subnet_id: x}}")
    assert messages(tmp_path, scenario, topology) == [
        'scenario:2: unknown component "ap": did you mean "api"?',
        'topology:4: unknown subnet "x"',
    ]


def test_a_topology_that_cannot_be_read_does_not_hide_the_steps(tmp_path: Path) -> None:
    found = messages(tmp_path, "topology: nowhere.yaml\nsteps: [{what: one, host: web, get: 'ftp://x/'}]\n")
    assert found == [
        "nowhere:1: cannot be read: No such file or directory",
        'scenario:2: get must be a URL like http://host/path, not "ftp://x/"',
    ]


@pytest.mark.parametrize("steps", ["steps: []", "steps:"])
def test_a_scenario_needs_a_step(tmp_path: Path, steps: str) -> None:
    found = messages(tmp_path, f"topology: topology.yaml\n{steps}\n")
    assert found == ["scenario:2: steps must hold something: a scenario needs at least one step"]


@pytest.mark.parametrize(
    ("action", "says"),
    [
        ("get: 'ftp://x.example/'", 'get must be a URL like http://host/path, not "ftp://x.example/"'),
        ("get: 'x.example'", 'get must be a URL like http://host/path, not "x.example"'),
        ("get: 'http://'", 'get must be a URL like http://host/path, not "http://"'),
        ("get: 'http://[::1'", 'get must be a URL like http://host/path, not "http://[::1": Invalid IPv6 URL'),
        ("get: 'http://x:99999/'", "Port out of range 0-65535"),
        ("get: 'http://a..b/'", 'get must have a host that is an IP address or a name, not "a..b"'),
        ("get: 'http://999.1.1.1/'", 'not "999.1.1.1"'),
        ("push: {url: 'ftp://x.example/', size: 1}", "url must be a URL like http://"),
        ("get: 'http://x.example/', expect: 99", "expect must be an HTTP status from 100 to 599, not 99"),
        ("get: 'http://x.example/', expect: 600", "expect must be an HTTP status from 100 to 599, not 600"),
        ("get: 'http://x.example/', expect: true", "not bool"),
        ("get: 'http://x.example/', expect: [1]", "not list"),
        ("datagram: {to: 'a b', port: 1}", 'to must be an IP address or a name, not "a b"'),
        ("send: {to: ''}", 'to must be an IP address or a name, not ""'),
        ("send: {to: ap}", 'no host, endpoint, service or address "ap": did you mean "api"?'),
        ("send: {to: web, ip_version: 6}", 'to must be an IPv6 address where ip_version is 6, not "web"'),
        ("send: {to: '2600::1'}", '"2600::1" is an IPv6 address: set ip_version to 6'),
    ],
)
def test_what_no_step_could_do_is_one_problem(tmp_path: Path, action: str, says: str) -> None:
    found = messages(tmp_path, with_step(action))
    assert len(found) == 1, found
    assert found[0].startswith("scenario:3: ")
    assert says in found[0]


@pytest.mark.parametrize(
    "action",
    [
        "get: 'HTTP://x.example:8080/a b?c#d', expect: 599",
        "get: 'http://10.0.1.9', expect: 100",
        "get: 'http://[2600::1]:80/', expect: NO_ROUTE_TO_DESTINATION",
        "push: {url: 'http://my_service/', size: 1 MB}",
        "datagram: {to: s3.us-east-1.amazonaws.com., port: 1}, expect: delivered",
        "send: {to: web}",
        "send: {to: api}",
        "send: {to: metering}",
        "send: {to: eni-api-us-east-1a}",
        "send: {to: any.name.example}",
        "send: {to: 8.8.8.8}",
        "send: {to: '2600::1', ip_version: 6}",
    ],
)
def test_what_a_step_could_do_is_accepted(tmp_path: Path, action: str) -> None:
    assert messages(tmp_path, with_step(action)) == []


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("{source: web}", 'no link has the source "web": did you mean "eni-web"?'),
        ("{source: eni-wbe}", 'no link has the source "eni-wbe": did you mean "eni-web"?'),
        ("{target: api}", 'no link has the target "api": did you mean "eni-api-us-east-1a"?'),
        ("{target: 'x*'}", 'no link has the target "x*"'),
        ("{source: s3/service}", 'no link has the source "s3/service"'),
    ],
)
def test_a_fault_that_never_happens_is_a_problem(tmp_path: Path, fault: str, says: str) -> None:
    found = messages(tmp_path, f"topology: topology.yaml\nfaults: [{fault}]\n{STEP}")
    assert len(found) == 1, found
    assert says in found[0]


def test_every_end_of_a_link_can_have_faults(tmp_path: Path) -> None:
    ends = ["eni-web", "s3", "eni-api-us-east-1a", "eni-*", "v/resolver", "*"]
    targets = ["eni-web", "s3", "s3/service", "eni-api-us-east-1a/service", "v/resolver/service", "*/service", "[s]3"]
    faults = [f"{{source: '{end}'}}" for end in (*ends, "api")] + [f"{{target: '{end}'}}" for end in targets]
    assert messages(tmp_path, f"topology: topology.yaml\nfaults: [{', '.join(faults)}]\n{STEP}") == []


def test_a_url_that_httpx_does_not_take_is_an_answer_and_no_traceback() -> None:
    assert "InvalidURL" in str(asyncio.run(workloads.get("http://[::1")).error)
    assert "InvalidURL" in str(asyncio.run(workloads.push("http://[::1", 1, 1)).error)
