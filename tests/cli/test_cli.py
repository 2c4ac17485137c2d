"""The command line: what it prints, and how it ends (0 as expected, 1 the answer is no, 2 the question was wrong)."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.network import tshark

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "topologies" / "two-az-endpoints"
FIRST = ROOT / "topologies" / "first-packets"
EVERY = sorted((ROOT / "topologies").rglob("*.yaml"))


def vpcemu(*arguments: str | Path, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "emulator.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd)


def test_every_topology_opens_with_what_it_teaches_and_is_valid() -> None:
    done = vpcemu("validate", *EVERY)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, f"{len(EVERY)} files: 0 problems", "")
    for path in EVERY:
        assert path.read_text("utf-8").startswith("# "), path


def test_trace_tells_the_story_out_and_back() -> None:
    done = vpcemu("trace", DEMO / "topology.yaml", "--from", "batch", "--to", "metering:80")
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert lines[0] == "tcp 10.0.2.10:40000 > 10.0.10.5:80"
    assert lines[lines.index("back") - 1].split()[:3] == ["✓", "metering", "idle"]
    refused = next(line for line in lines if line.startswith("  ✗"))
    assert refused.split()[:4] == ["✗", "acl-forgetful", "network_acl_ingress", "SUBNET_ACL_RESTRICTION"]
    assert lines[-3] == "not reachable: SUBNET_ACL_RESTRICTION at acl-forgetful (*), on the way back"
    assert lines[-2] == "what would make it pass:"
    assert lines[-1].startswith("  create_network_acl_entry(network_acl_id=acl-forgetful, rule_number=110, ")
    at = lines.index("looked at, in acl-forgetful network_acl_ingress:")
    assert lines[at + 1 : at + 3] == ["    100 allow tcp 80 0.0.0.0/0", "    *"]


def test_trace_json_is_one_documented_object() -> None:
    done = vpcemu("trace", DEMO / "topology.yaml", "--from", "web", "--to", "s3:80", "--json")
    answer = json.loads(done.stdout)
    assert done.returncode == 0
    assert set(answer) == {"question", "remarks", "dns", "forward", "reply", "reachable", "gate", "looked_at", "repair"}
    assert answer["dns"] is None  # an endpoint was named, no host name
    assert answer["reachable"] is True
    for direction in ("forward", "reply"):
        assert set(answer[direction]) == {"outcome", "reason", "component", "rule", "path"}
        assert answer[direction]["outcome"] == "delivered"
        for step in answer[direction]["path"]:
            assert {"component", "verdict", "rule"} <= set(step)
            assert step["verdict"] == "pass"
    assert [step["component"] for step in answer["forward"]["path"]][-1] == "s3"
    refused = vpcemu(
        "trace", DEMO / "topology.yaml", "--from", "web", "--to", "8.8.8.8:53", "--protocol", "udp", "--json"
    )
    answer = json.loads(refused.stdout)
    assert refused.returncode == 1
    assert answer["reply"] is None
    assert (answer["forward"]["outcome"], answer["forward"]["reason"]) == ("dropped", "NO_ROUTE_TO_DESTINATION")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--from", "wbe", "--to", "s3"], "no instance, interface, gateway or address 'wbe'"),
        (["--from", "web", "--to", "s4"], "no host, endpoint, service or address 's4'"),
        (["--from", "web", "--to", "s3", "--protocol", "sctp"], "choose tcp, udp or icmp"),
        (["--from", "web", "--to", "s3:0"], "port 0"),
        (["--from", "web", "--to", "s3:70000"], "port 70000"),
        (["--from", "web", "--to", "s3", "--set", "vpcs.vpc-main.nonsense=1"], "nonsense"),
        (["--from", "web", "--to", "s3", "--set", "nonsense"], "KEY=VALUE"),
    ],
)
def test_a_bad_question_gets_one_clear_line(arguments: list[str], says: str) -> None:
    done = vpcemu("trace", DEMO / "topology.yaml", *arguments)
    assert done.returncode == 2
    assert says in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["trace", DEMO / "scenario.yaml", "--from", "web", "--to", "s3"], "this is a scenario, not a topology"),
        (["run", DEMO / "topology.yaml"], "this is a topology, not a scenario"),
    ],
)
def test_a_document_of_the_other_kind_is_called_so_in_one_line(arguments: list[str | Path], says: str) -> None:
    done = vpcemu(*arguments)
    assert done.returncode == 2
    assert says in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_set_changes_one_value_for_one_run() -> None:
    change = "network_acls.acl-forgetful.ingress.0.ports=all"
    done = vpcemu("trace", DEMO / "topology.yaml", "--from", "batch", "--to", "metering:80", "--set", change)
    assert done.returncode == 0, done.stdout


MISTAKES = """\
region: us-east-1
vpcs:
  vpc: {cidr_blocks: [10.0.0.0/16]}
subnets:
  a: {cidr_block: 10.0.1.0/24, availability_zone: us-east-1a}
  b: {cidr_block: 10.0.1.128/25, availability_zone: us-east-1b}
  c: {cidr_block: 10.0.2.0/24, availability_zone: us-east-1a}
security_groups:
  web: {ingres: []}
instances:
  web: {subnet_id: a, security_group_ids: [wbe]}
services:
  com.amazonaws.us-east-1.metering: {application: htp}
vpc_endpoints:
  m: {service_name: metering, vpc_endpoint_type: Interface, subnet_ids: [a, c]}
"""


def test_five_mistakes_get_five_messages_each_saying_where_and_what(tmp_path: Path) -> None:
    file = tmp_path / "mistakes.yaml"
    file.write_text(MISTAKES)
    done = vpcemu("validate", file)
    assert done.returncode == 2
    assert done.stdout == "1 file: 5 problems\n"
    assert done.stderr.splitlines() == [
        f"{file}:6:19: InvalidSubnet.Conflict: The CIDR '10.0.1.128/25' conflicts with another subnet (a, 10.0.1.0/24)",
        f'{file}:9:9: UnknownParameter: unknown key "ingres": did you mean "ingress"?',
        f'{file}:11:44: InvalidGroup.NotFound: unknown security group "wbe": did you mean "web"?',
        (
            f"{file}:13:51: InvalidParameterValue: application: unknown 'htp'; "
            "known are discard, dynamodb, echo, execute-api, http, moto, s3, sink, source"
        ),
        f"{file}:15:77: DuplicateSubnetsInSameZone: Found another VPC endpoint subnet in the availability zone of c",
    ]
    for command in (("trace", file, "--from", "web", "--to", "m"), ("validate", "--json", file)):
        assert vpcemu(*command).returncode == 2
    assert len(json.loads(vpcemu("validate", "--json", file).stdout)["problems"]) == 5


def test_mistakes_in_a_scenario_are_found_with_those_of_its_topology(tmp_path: Path) -> None:
    file = tmp_path / "scenario.yaml"
    (tmp_path / "topology.yaml").write_text((FIRST / "topology.yaml").read_text("utf-8"))
    file.write_text(
        "topology: topology.yaml\n"
        "captures:\n  - {at: wbe}\n"
        "steps:\n"
        "  - {what: one, host: wed, get: http://x/, expect: PROTOKOL_RESTRICTION}\n"
        "  - {what: two, host: web}\n"
    )
    actions = "get, push, copy_object, datagram, send, talk and trace"
    expect = (
        'InvalidParameterValue: expect must be an HTTP status, "delivered" or a reason code, '
        'not "PROTOKOL_RESTRICTION": did you mean "PROTOCOL_RESTRICTION"?'
    )
    done = vpcemu("validate", file)
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        f'{file}:3:10: InvalidParameterValue: unknown component "wbe": did you mean "web"?',
        f'{file}:5:23: InvalidParameterValue: unknown instance "wed": did you mean "web"?',
        f"{file}:5:52: {expect}",
        f"{file}:6:5: InvalidParameterValue: a step does exactly one of {actions}",
    ]


def test_run_prints_a_table_and_where_the_captures_are(tmp_path: Path) -> None:
    done = vpcemu("run", FIRST / "scenario.yaml", "-o", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "VPCE_GATEWAY_PROTOCOL_RESTRICTION" in done.stdout
    assert f"{tmp_path}/web.pcapng" in done.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["s3.pcapng", "web.pcapng"]
    report = json.loads(vpcemu("run", FIRST / "scenario.yaml", "-o", tmp_path, "--json").stdout)
    assert report["as_expected"] is True
    assert [row["reason"] for row in report["rows"]][:3] == ["HTTP 200", "HTTP 200", "HTTP 404"]


@pytest.mark.slow
def test_a_run_in_real_time_takes_as_long_as_it_says(tmp_path: Path) -> None:
    scenario = tmp_path / "scenario.yaml"
    topology = ROOT / "topologies" / "first-packets" / "topology.yaml"
    step = "{what: read a note, at: 5s, host: web, get: http://s3.us-east-1.amazonaws.com/shelf/note.txt, expect: 200}"
    scenario.write_text(f"topology: {topology}\nsteps:\n  - {step}\n", "utf-8")
    started = time.monotonic()
    done = vpcemu("run", scenario, "-o", tmp_path / "out", "--real-time")
    assert done.returncode == 0, done.stderr
    said = re.search(r"packets in (\d+\.\d) real seconds", done.stdout)
    assert said is not None
    assert time.monotonic() - started > float(said[1]) >= 5


def test_a_run_that_does_not_end_as_expected_exits_with_1(tmp_path: Path) -> None:
    done = vpcemu("run", FIRST / "scenario.yaml", "-o", tmp_path, "--set", "scenario.steps.0.expect=404")
    assert done.returncode == 1
    assert "not expected" in done.stdout


@tshark.needed
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_keeps_readable_captures_under_their_partial_names(tmp_path: Path, number: int) -> None:
    command = [sys.executable, "-m", "emulator.cli", "run", str(DEMO / "scenario.yaml"), "-o", str(tmp_path)]
    command += ["--set", "scenario.steps.4.push.size=4GB"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ)
    deadline = time.monotonic() + 30
    big = tmp_path / "web.partial.pcapng"
    while not (big.exists() and big.stat().st_size > 20_000_000) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(number)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 128 + number
    assert said.strip() == "interrupted: what was captured is kept as NAME.partial.pcapng"
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names
    assert all(name.endswith(".partial.pcapng") for name in names)
    frames = tshark.frames(tmp_path / "s3.partial.pcapng")
    assert len(frames) > 1000
    assert not [frame for frame in frames if frame["_ws.malformed"] or frame["tcp.checksum.status"] == "0"]
    assert subprocess.run(["tshark", "-r", str(big), "-q", "-z", "io,stat,0"], check=True, capture_output=True).stderr


@tshark.needed
@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
def test_a_full_disk_costs_captures_and_not_the_report(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", disk], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("mounting is not permitted here")
    try:
        small = ("--set", "scenario.steps.4.push.size=2MB")
        done = vpcemu("run", DEMO / "scenario.yaml", "-o", disk / "out", *small)
        assert done.returncode == 2
        assert "PCX_REQUIRES_ADDRESS_IN_VPC_CIDR" in done.stdout
        assert "s3.partial.pcapng: [Errno 28] No space left on device" in done.stderr
        frames = tshark.frames(disk / "out" / "s3.partial.pcapng")
        assert len(frames) > 5
        assert not [frame for frame in frames if frame["_ws.malformed"]]
    finally:
        subprocess.run(["umount", disk], check=True)


@pytest.mark.parametrize("command", [[], ["run"], ["trace"], ["validate"]])
def test_help_is_enough_to_work_with(command: list[str]) -> None:
    done = vpcemu(*command, "--help")
    assert done.returncode == 0
    for option in {"": ("run", "trace", "validate"), "run": ("--set", "--seed", "-o"), "trace": ("--from", "--to")}.get(
        "".join(command), ()
    ):
        assert option in done.stdout


def test_unknown_commands_and_missing_files_exit_with_2(tmp_path: Path) -> None:
    assert vpcemu("trac").returncode == 2
    missing = vpcemu("run", tmp_path / "none.yaml")
    assert missing.returncode == 2
    assert "EMU_FILE: cannot be read" in missing.stderr
    folder = vpcemu("validate", tmp_path)
    assert folder.returncode == 2
    assert "Traceback" not in folder.stderr
