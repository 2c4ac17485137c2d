"""The demo: every row, every capture, judged by tshark; and each row hangs on its own rule."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from emulator.network.scenario import Report, Scenario
from tests.network import tshark

if TYPE_CHECKING:
    from collections.abc import Callable

    from emulator.control import ControlPlane

FOLDER = Path(__file__).parents[2] / "topologies" / "two-az-endpoints"
SCENARIO = FOLDER / "scenario.yaml"
SMALL = [("scenario.steps.4.push.size", "20MB")]

ROWS = [  # verdict, reason, component and rule, in the order of the steps
    ("delivered", "HTTP 200", "s3", "Training"),
    ("denied", "HTTP 403 AccessDenied", "s3", "NoSecrets (VPC endpoint policy)"),
    ("delivered", "HTTP 200", "eni-metering-us-east-1a", "metering: tcp 80 from 10.0.0.0/16"),
    ("delivered", "HTTP 200", "eni-metering-us-east-1b", "metering: tcp 80 from 10.0.0.0/16"),
    ("delivered", "HTTP 200", "eni-metering-us-east-1a", "az_bandwidth 10 Gbps"),
    ("dropped", "PROTOCOL_RESTRICTION", "metering", "TCP only (VPCE-IF-7)"),
    ("dropped", "EMU_IPV4_ONLY", "eni-web", "IPv4 only (VPCE-5)"),
    ("dropped", "EMU_OVER_MTU", "metering", "MTU 8500 (VPCE-IF-12)"),
    ("dropped", "SUBNET_ACL_RESTRICTION", "acl-forgetful", "*"),
    ("dropped", "ENI_SG_RULES_MISMATCH", "billing", ""),
    ("dropped", "NO_ROUTE_TO_DESTINATION", "private", ""),
    ("dropped", "PCX_REQUIRES_ADDRESS_IN_VPC_CIDR", "pcx-partner", "pl-63a5400a (3.5.0.0/20) -> pcx-partner"),
]


def shown(report: Report) -> list[tuple[str, str, str, str]]:
    return [(row.verdict, row.reason, row.component, row.rule) for row in report.rows]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return Scenario(SCENARIO).run(tmp_path_factory.mktemp("demo"))


def test_every_row_says_what_it_should(demo: Report) -> None:
    assert shown(demo) == ROWS
    assert demo.as_expected
    download, push = demo.rows[0], demo.rows[4]
    assert (download.octets, push.octets) == (10_000_000, 200_000_000)


@pytest.mark.fact("VPCE-IF-11")
def test_the_shaper_is_visibly_the_limit(demo: Report) -> None:
    """VPCE-IF-11: 10 Gbps of IP bytes; payload is less by its headers, and slow start takes its time."""
    payload_share = 8448 / 8500
    assert demo.rows[4].throughput is not None
    assert 0.95 * 10e9 * payload_share < demo.rows[4].throughput < 10e9 * payload_share * 1.01


@tshark.needed
def test_tshark_finds_nothing_malformed_and_no_bad_checksum(demo: Report) -> None:
    for name, path in demo.captures.items():
        frames = tshark.frames(path)
        assert bool(frames) == (name != "eni-billing-us-east-1a")  # where nothing gets past the security group
        for frame in frames:
            assert not frame["_ws.malformed"], (path, frame)
            for layer in ("ip", "tcp", "udp"):
                assert frame[f"{layer}.checksum.status"] != "0", (path, frame)  # 0 is bad; cut frames are unverified


@tshark.needed
def test_whatever_tshark_suspects_has_a_cause_that_the_capture_names(demo: Report) -> None:
    """A retransmission repeats what a full queue or a gate dropped, is the one rescue of a recovery, or probes a tail.


    A tail loss probe repeats the last segment when a queue holds its acknowledgment up (RFC 8985 section 7).
    """
    suspected = 0
    for path in (demo.captures[name] for name in ("eni-web", "eni-batch", "eni-partner")):
        lost: dict[str, set[int]] = {}
        rescued: dict[str, int] = {}
        refused = set()  # streams whose answers a gate dropped, wherever that was
        ends: dict[tuple[str, str], int] = {}  # what each end of a stream has sent, up to where
        for frame in tshark.frames(path):
            stream = frame["tcp.stream"]
            sender = (stream, frame["tcp.srcport"])
            end = int(frame["tcp.seq"] or 0) + int(frame["tcp.len"] or 0)
            last, ends[sender] = ends.get(sender, 0), max(ends.get(sender, 0), end)
            comment = frame["frame.comment"]
            if comment and not comment.startswith("delivered"):
                lost.setdefault(stream, set()).add(int(frame["tcp.seq"] or 0))
            if not any(frame[field] for field in tshark.SUSPICIONS):
                continue
            suspected += 1
            assert not frame["tcp.analysis.lost_segment"], frame
            assert not frame["tcp.analysis.ack_lost_segment"], frame
            syn = int(frame["tcp.flags"], 16) & 0x02
            if int(frame["tcp.seq"]) in lost.get(stream, ()):
                continue
            if syn and path.name == "batch.pcapng":  # the SYN arrives; its answer dies at acl-forgetful
                refused.add(stream)
                continue
            if end == last and not lost.get(stream):
                continue
            assert lost.get(stream) or syn, frame
            rescued[stream] = rescued.get(stream, 0) + 1
        assert all(count <= 1 for count in rescued.values()), rescued
    assert suspected > 10  # the full queue of the push: otherwise this test has looked at nothing


@tshark.needed
def test_handshakes_and_teardowns_complete(demo: Report) -> None:
    frames = [frame for frame in tshark.frames(demo.captures["eni-web"]) if frame["tcp.stream"]]
    streams: dict[str, list[tuple[str, int]]] = {}
    for frame in frames:
        streams.setdefault(frame["tcp.stream"], []).append((frame["tcp.srcport"], int(frame["tcp.flags"], 16)))
    answered = [flags for flags in streams.values() if any(flag & 0x12 == 0x12 for _, flag in flags)]
    assert len(answered) == 68  # two to S3, two calls, sixty-four of the push
    for segments in answered:
        assert len({port for port, flag in segments if flag & 0x01}) == 2, "a FIN from either side"
        assert not [flag for _, flag in segments if flag & 0x04], "no reset"
        assert segments[-1][1] == 0x10, "the last FIN is acknowledged"


@tshark.needed
def test_every_failure_is_seen_where_the_packet_was_last_alive(demo: Report) -> None:
    """D10."""

    def comments(name: str) -> str:
        return "\n".join(frame["frame.comment"] for frame in tshark.frames(demo.captures[name]))

    at_web = comments("eni-web")
    for reason in (
        "EMU_IPV4_ONLY at eni-web",
        "ENI_SG_RULES_MISMATCH at billing",
        "NO_ROUTE_TO_DESTINATION at private",
    ):
        assert reason in at_web
    for reason in ("PROTOCOL_RESTRICTION at metering", "EMU_OVER_MTU at metering", "EMU_QUEUE_FULL"):
        assert reason in comments("eni-metering-us-east-1a")
    assert "SUBNET_ACL_RESTRICTION at acl-forgetful (*)" in comments("eni-metering-us-east-1b") + comments(
        "eni-metering-us-east-1a"
    )
    assert "PCX_REQUIRES_ADDRESS_IN_VPC_CIDR at pcx-partner" in comments("eni-partner")
    assert comments("eni-billing-us-east-1a") == ""


def test_two_runs_with_one_seed_give_the_same_bytes_under_any_hash_seed(tmp_path: Path) -> None:
    """D3."""
    sums = []
    for hash_seed in ("1", "2"):
        folder = tmp_path / hash_seed
        command = [sys.executable, "-m", "emulator.cli", "run", str(SCENARIO), "-o", str(folder)]
        command += ["--set", "=".join(SMALL[0])]
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        subprocess.run(command, check=True, env=environment, capture_output=True)
        sums.append({path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())})
    assert sums[0] == sums[1]
    assert len(sums[0]) == 8


def test_another_seed_gives_other_ports_and_the_same_rows(tmp_path: Path) -> None:
    report = Scenario(SCENARIO, SMALL, seed=99).run(tmp_path)
    assert shown(report) == ROWS


def ipv6(ec2: ControlPlane) -> None:
    """No document and no verb can switch IPv6 on, so this goes past the one door: ROUTE-6 is what stands behind it."""
    ec2.settings = replace(ec2.settings, ip_versions=(4, 6))


STATEMENT = '{{"Statement": [{{"Sid": "{}", "Effect": "{}", "Principal": "*", "Action": "s3:*", "Resource": "{}"}}]}}'
ALLOW = STATEMENT.format("Training", "Allow", "arn:aws:s3:::training/*")
DENY = STATEMENT.format("NoSecrets", "Deny", "arn:aws:s3:::training/secret*")

# Row: what is taken away (or, where the rule is that there is none, added), and what the row says then.
RULES: list[tuple[int, Callable[[ControlPlane], Any] | list[tuple[str, str]], tuple[str, str, str]]] = [
    (
        0,
        lambda ec2: ec2.modify_vpc_endpoint("s3", policy_document=DENY),
        ("denied", "HTTP 403 AccessDenied", "no statement allows it (VPC endpoint policy)"),
    ),
    (
        1,
        lambda ec2: ec2.modify_vpc_endpoint("s3", policy_document=ALLOW),
        ("delivered", "HTTP 200", "Training"),
    ),
    (
        2,
        lambda ec2: ec2.modify_vpc_endpoint("metering", private_dns_enabled=False),
        ("dropped", "NO_ROUTE_TO_DESTINATION", ""),
    ),
    (
        3,
        lambda ec2: ec2.modify_vpc_endpoint("metering", remove_subnet_ids=["endpoints-b"]),
        ("dropped", "NXDOMAIN", ""),  # the zonal name is gone with the interface
    ),
    (4, [("vpc_endpoints.metering.az_bandwidth", "1Gbps")], ("delivered", "HTTP 200", "az_bandwidth 1 Gbps")),
    (
        5,
        lambda ec2: ec2.revoke_security_group_ingress(
            "metering", ip_protocol="udp", from_port=80, to_port=80, cidr_ip="10.0.0.0/16"
        ),
        ("dropped", "ENI_SG_RULES_MISMATCH", ""),
    ),
    (
        5,
        [("settings.interface_endpoint_protocols", "[tcp, udp]")],
        ("delivered", "", "metering: udp 80 from 10.0.0.0/16"),
    ),
    (6, ipv6, ("dropped", "NO_ROUTE_TO_DESTINATION", "")),
    (7, [("settings.interface_endpoint_mtu", "none")], ("delivered", "", "")),
    (
        8,
        lambda ec2: ec2.replace_network_acl_association(ec2.vpcs["vpc-main"].default_network_acl_id, "forgetful-a"),
        ("delivered", "HTTP 200", "metering: tcp 80 from 10.0.0.0/16"),
    ),
    (
        9,
        lambda ec2: ec2.authorize_security_group_ingress(
            "billing", ip_protocol="tcp", from_port=80, to_port=80, cidr_ip="10.0.1.10/32"
        ),
        ("delivered", "HTTP 200", "billing: tcp 80 from 10.0.1.10/32"),
    ),
    (
        10,
        lambda ec2: ec2.create_vpc_endpoint(
            "vpc-main", "com.amazonaws.us-east-1.dynamodb", vpc_endpoint_id="dynamodb", route_table_ids=["private"]
        ),
        ("delivered", "HTTP 200", "pl-02cd2c6b (52.94.0.0/22) -> dynamodb"),
    ),
    (
        11,
        lambda ec2: ec2.delete_route("partner", destination_prefix_list_id="pl-63a5400a"),
        ("dropped", "NO_ROUTE_TO_DESTINATION", ""),
    ),
]


@pytest.mark.parametrize(("number", "edit", "then"), RULES, ids=[f"row-{row[0] + 1}" for row in RULES])
def test_without_its_rule_that_row_and_only_that_row_changes(
    number: int, edit: Callable[[ControlPlane], Any] | list[tuple[str, str]], then: tuple[str, str, str]
) -> None:
    scenario = Scenario(SCENARIO, SMALL + edit if isinstance(edit, list) else SMALL)
    if callable(edit):
        edit(scenario.plane)
    rows = shown(scenario.run())
    verdict, reason, _, rule = rows[number]
    assert (verdict, reason.split(":")[0], rule) == then
    assert [row for i, row in enumerate(rows) if i != number] == [row for i, row in enumerate(ROWS) if i != number]
