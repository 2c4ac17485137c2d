"""Flow logs of a whole network: who logs what, where it went, and that everyone who watched agrees."""

from __future__ import annotations

import asyncio
import gzip
import subprocess
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import dpkt
import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP

from emulator import ControlPlane, Fault, Network
from emulator.model.epoch import EPOCH_NS
from emulator.model.resources import Service, VpcEndpointType
from emulator.network import agreement
from emulator.network.agreement import disagreements
from emulator.network.questions import BadQuestion
from emulator.network.scenario import Scenario
from emulator.observe.flow_fields import line
from tests.flows.worlds import world
from tests.network import tshark

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emulator.observe.flow_records import FlowRecord

TOPOLOGIES = Path(__file__).parents[2] / "topologies"
SCENARIOS = sorted(TOPOLOGIES.glob("*/scenario.yaml"))
SECOND = 1_000_000_000
A, B = "eni-api-us-east-1a", "eni-api-us-east-1b"
STORY = ("interface-id", "flow-direction", "srcaddr", "dstaddr", "dstport", "packets", "action")


@pytest.fixture
def network() -> Iterator[Network]:
    ec2 = world()
    ec2.create_flow_logs(["vpc", "far"], flow_log_ids=["fl-vpc", "fl-far"], max_aggregation_interval=60)
    network = Network(ec2, seed=7)
    yield network
    network.run_until_idle()
    assert disagreements(network) == []
    network.abandon()


def told(network: Network, fields: str, *, flow_log_id: str | None = None) -> list[str]:
    """The records with traffic, as text."""
    chosen = tuple(fields.split())
    records = network.flow_log_records(flow_log_id)
    return [line(record, chosen) for record in records if record.flow is not None]


def ping(network: Network, source: str, to: str) -> None:
    network.send(IP(dst=to) / ICMP(), host=source)
    network.run_until_idle()


def allow(ec2: ControlPlane, group: str) -> None:
    ec2.authorize_security_group_ingress(group, ip_protocol="-1", cidr_ip="0.0.0.0/0")


def deny(ec2: ControlPlane, subnet: str, *, egress: bool, port: int | None = None) -> None:
    """Give a subnet a network ACL that lets everything through but one direction (or a port of it)."""
    ec2.create_network_acl("vpc", network_acl_id=f"acl-{subnet}")
    ec2.replace_network_acl_association(f"acl-{subnet}", subnet)
    everything = {"protocol": "-1", "rule_action": "allow", "cidr_block": "0.0.0.0/0"}
    ec2.create_network_acl_entry(f"acl-{subnet}", rule_number=100, egress=not egress, **everything)
    if port is not None:
        ec2.create_network_acl_entry(f"acl-{subnet}", rule_number=100, egress=egress, **everything)
        denied = {"protocol": "6", "from_port": port, "to_port": port, "rule_action": "deny"}
        ec2.create_network_acl_entry(f"acl-{subnet}", rule_number=10, egress=egress, cidr_block="0.0.0.0/0", **denied)


async def closing_server(port: int) -> asyncio.Server:
    async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello")
        writer.close()

    return await asyncio.start_server(answer, port=port)


async def fetch(address: str, port: int) -> bytes:
    reader, writer = await asyncio.open_connection(address, port)
    data = await reader.read()
    writer.close()
    await writer.wait_closed()
    return data


def connect(network: Network, source: str, server: str, address: str, port: int) -> None:
    network.run(closing_server(port), host=server)
    assert network.run(fetch(address, port), host=source) == b"hello"


# --- who says ACCEPT and who REJECT (FLOW-8, FLOW-9) ----------------------------------------------------------------


@pytest.mark.fact("FLOW-8")
def test_a_security_group_that_denies_inbound_is_one_reject(network: Network) -> None:
    network.send(IP(dst="10.0.2.20") / TCP(dport=22), host="web")
    network.run_until_idle()
    assert told(network, " ".join(STORY)) == [
        "eni-db ingress 10.0.1.10 10.0.2.20 22 1 REJECT",
        "eni-web egress 10.0.1.10 10.0.2.20 22 1 ACCEPT",
    ]


@pytest.mark.fact("FLOW-8")
def test_a_network_acl_that_denies_the_reply_is_accept_and_reject(network: Network) -> None:
    """At the server: the request comes in, its answer does not get out."""
    allow(network.ec2, "db")
    deny(network.ec2, "b", egress=True)
    ping(network, "web", "10.0.2.20")
    assert told(network, " ".join(STORY)) == [
        "eni-db ingress 10.0.1.10 10.0.2.20 0 1 ACCEPT",
        "eni-db egress 10.0.2.20 10.0.1.10 0 1 REJECT",
        "eni-web egress 10.0.1.10 10.0.2.20 0 1 ACCEPT",
    ]


@pytest.mark.fact("FLOW-8")
def test_where_both_allow_there_are_two_accepts(network: Network) -> None:
    allow(network.ec2, "db")
    ping(network, "web", "10.0.2.20")
    at_db = [text for text in told(network, " ".join(STORY)) if text.startswith("eni-db")]
    assert at_db == [
        "eni-db ingress 10.0.1.10 10.0.2.20 0 1 ACCEPT",
        "eni-db egress 10.0.2.20 10.0.1.10 0 1 ACCEPT",
    ]


@pytest.mark.fact("FLOW-8")
def test_a_security_group_never_rejects_a_tracked_reply(network: Network) -> None:
    network.ec2.revoke_security_group_egress("db", ip_protocol="-1", cidr_ip="0.0.0.0/0")
    connect(network, "web", "db", "10.0.2.20", 5432)
    assert {text.rpartition(" ")[2] for text in told(network, "interface-id action")} == {"ACCEPT"}


@pytest.mark.fact("FLOW-9")
@pytest.mark.parametrize(
    ("subnet", "egress", "story"),
    [
        ("a", True, ["eni-web egress REJECT"]),
        ("b", False, ["eni-db ingress REJECT", "eni-web egress ACCEPT"]),
        ("b", True, ["eni-db ingress ACCEPT", "eni-db egress REJECT", "eni-web egress ACCEPT"]),
        (
            "a",
            False,
            ["eni-db ingress ACCEPT", "eni-db egress ACCEPT", "eni-web egress ACCEPT", "eni-web ingress REJECT"],
        ),
    ],
    ids=["request leaves", "request arrives", "reply leaves", "reply arrives"],
)
def test_a_network_acls_rejection_is_logged_where_its_subnet_is(
    network: Network, subnet: str, egress: bool, story: list[str]
) -> None:
    allow(network.ec2, "db")
    deny(network.ec2, subnet, egress=egress)
    ping(network, "web", "10.0.2.20")
    assert told(network, "interface-id flow-direction action") == story


@pytest.mark.fact("FLOW-9")
def test_what_the_own_security_group_does_not_let_out_is_rejected_there(network: Network) -> None:
    network.ec2.revoke_security_group_egress("web", ip_protocol="-1", cidr_ip="0.0.0.0/0")
    network.send(IP(dst="10.0.2.20") / TCP(dport=5432), host="web")
    assert told(network, "interface-id flow-direction action traffic-path") == ["eni-web egress REJECT -"]


@pytest.mark.fact("FLOW-9")
def test_other_losses_are_no_rejections(network: Network) -> None:
    """A missing route, an endpoint's protocol and MTU, and a link that loses."""
    network.send(IP(dst="192.0.2.1") / UDP(dport=1), host="web")
    network.send(IP(dst="10.0.3.200") / UDP(dport=2), host="web")
    network.send(IP(dst="10.0.3.200") / TCP(dport=3) / bytes(8900), host="web")
    network.run_until_idle()
    network.add_fault(Fault(loss=1.0))
    network.send(IP(dst="10.0.3.200") / TCP(dport=4), host="web")
    network.run_until_idle()
    assert network.fabric.dropped == 4
    assert told(network, "interface-id flow-direction dstport action") == [
        f"{B} ingress 2 ACCEPT",
        f"{B} ingress 3 ACCEPT",
        "eni-web egress 1 ACCEPT",
        "eni-web egress 2 ACCEPT",
        "eni-web egress 3 ACCEPT",
        "eni-web egress 4 ACCEPT",
    ]


@pytest.mark.fact("FLOW-7")
def test_packets_after_the_connection_closed_are_rejected(network: Network) -> None:
    """Two minutes after its end the connection is forgotten; a late segment of it is nobody's."""
    connect(network, "web", "db", "10.0.2.20", 5432)
    port = next(
        record.flow.sport for record in network.flow_log_records("fl-vpc") if record.flow and record.flow.outgoing
    )
    network.run(asyncio.sleep(200), host="web")
    network.send(IP(dst="10.0.1.10") / TCP(sport=5432, dport=port, flags="A"), host="db")
    network.run_until_idle()
    late = network.now // SECOND - 1
    told_late = [
        line(record, ("interface-id", "flow-direction", "action"))
        for record in network.flow_log_records("fl-vpc")
        if record.flow is not None and record.start - EPOCH_NS // SECOND >= late
    ]
    assert told_late == ["eni-db egress ACCEPT", "eni-web ingress REJECT"]


# --- what is not logged ---------------------------------------------------------------------------------------------


@pytest.mark.fact("FLOW-15", "DNS-4")
def test_questions_to_the_amazon_resolver_are_not_logged(network: Network) -> None:
    async def ask() -> None:
        await asyncio.get_running_loop().getaddrinfo("s3.us-east-1.amazonaws.com", 80)

    network.run(ask(), host="web")
    assert network.fabric.delivered == 2
    assert told(network, "interface-id") == []


@pytest.mark.fact("FLOW-15", "DNS-6")
def test_link_local_services_are_not_logged(network: Network) -> None:
    for address in ("169.254.169.254", "169.254.169.123", "169.254.169.253"):
        network.send(IP(dst=address) / UDP(dport=53), host="web")
    network.run_until_idle()
    assert told(network, "interface-id") == []


# --- where it went, and whose it is ----------------------------------------------------------------------------------


@pytest.mark.fact("FLOW-11")
def test_traffic_path_says_what_egress_went_through(network: Network) -> None:
    allow(network.ec2, "db")
    for address in ("10.0.2.20", "10.0.3.200", "10.9.1.10", "52.216.0.10", "192.0.2.1"):
        network.send(IP(dst=address) / TCP(dport=443), host="web")
    network.run_until_idle()
    fields = "pkt-dstaddr traffic-path next-hop-interface-id next-hop-interface-type next-hop-vpc-id"
    egress = [
        line(record, tuple(fields.split()))
        for record in network.flow_log_records("fl-vpc")
        if record.flow is not None and record.flow.outgoing and record.interface.interface_id == "eni-web"
    ]
    assert egress == [
        "10.0.2.20 1 eni-db - vpc",
        f"10.0.3.200 1 {B} vpc_endpoint vpc",
        "10.9.1.10 4 eni-neighbour - far",
        "52.216.0.10 7 - - -",
        "192.0.2.1 - - - -",
    ]
    ingress = {
        line(record, ("traffic-path", "next-hop-interface-id"))
        for record in network.flow_log_records()
        if record.flow is not None and not record.flow.outgoing
    }
    assert ingress == {"- -"}


@pytest.mark.fact("FLOW-14")
def test_a_gateway_endpoints_flow_is_on_the_clients_interface_with_the_public_address(network: Network) -> None:
    network.send(IP(dst="52.216.0.10") / TCP(sport=40000, dport=80), host="web")
    network.run_until_idle()
    fields = "interface-id instance-id dstaddr pkt-dstaddr pkt-src-aws-service pkt-dst-aws-service traffic-path"
    reply = "eni-web web 10.0.1.10 10.0.1.10 S3 - -"
    assert told(network, fields) == ["eni-web web 52.216.0.10 52.216.0.10 - S3 7", reply]


@pytest.mark.fact("FLOW-14")
def test_dynamodb_and_other_services_have_their_names() -> None:
    ec2 = world()
    name = "com.amazonaws.us-east-1.queue"
    ec2.register_service(Service(name, "us-east-1", (VpcEndpointType.INTERFACE,)))
    public = ec2.services[name].public_addresses
    ec2.create_flow_logs("web")
    with Network(ec2) as network:
        wanted = {"52.94.0.10": "DYNAMODB", "54.231.0.10": "S3", "192.0.2.1": "-", "10.0.1.200": "-"}
        wanted |= {str(address): "AMAZON" for address in public}
        for address in wanted:
            network.send(IP(dst=address) / UDP(dport=443), host="web")
        egress = [text.split() for text in told(network, "flow-direction pkt-dstaddr pkt-dst-aws-service")]
        assert {to: service for direction, to, service in egress if direction == "egress"} == wanted


@pytest.mark.fact("FLOW-13", "FLOW-14")
def test_an_endpoints_interface_has_no_instance(network: Network) -> None:
    network.send(IP(dst="10.0.3.200") / TCP(dport=443), host="web")
    network.run_until_idle()
    fields = "interface-id account-id instance-id vpc-id subnet-id interface-type type reject-reason encryption-status"
    (at_endpoint,) = {text for text in told(network, fields) if text.startswith(B)}
    assert at_endpoint == f"{B} 123456789012 - vpc c vpc_endpoint IPv4 - -"
    (at_web,) = {text for text in told(network, fields) if text.startswith("eni-web")}
    assert at_web == "eni-web 123456789012 web vpc a - IPv4 - -"


# --- on the fast path, and while things change -----------------------------------------------------------------------


def test_packets_on_compiled_legs_are_counted_without_a_walk(network: Network) -> None:
    async def pour() -> None:
        reader, writer = await asyncio.open_connection("10.0.2.20", 5432)
        writer.write(bytes(5_000_000))
        writer.write_eof()
        await reader.read()
        writer.close()

    async def drain(port: int) -> asyncio.Server:
        async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while await reader.read(65536):
                pass
            writer.close()

        return await asyncio.start_server(swallow, port=port)

    network.run(drain(5432), host="db")
    network.run(pour(), host="web")
    assert network.fabric.walked < 40
    out = [r for r in network.flow_log_records("fl-vpc") if r.flow is not None and r.flow.dport == 5432]
    assert {record.interface.interface_id for record in out} == {"eni-web", "eni-db"}
    assert {(record.packets, record.octets, record.tcp_flags) for record in out} == {
        (out[0].packets, out[0].octets, 3)
    }, "what web sent is what db got"
    assert out[0].octets > 5_000_000


def test_a_network_without_flow_logs_hangs_nothing_on_its_legs() -> None:
    with Network(world()) as network:
        connect(network, "web", "db", "10.0.2.20", 5432)
        assert network.fabric.meters is None
        assert not any(path.first.watchers for path in network.fabric.paths())
        assert network.flow_log_records() == []
        assert disagreements(network) == []


@pytest.mark.fact("FLOW-16")
def test_a_flow_log_created_in_the_middle_of_a_run_sees_what_comes_then() -> None:
    with Network(world()) as network:
        allow(network.ec2, "db")
        for number in range(4):
            if number == 1:
                network.ec2.create_flow_logs("db", flow_log_ids=["fl-db"])
            if number == 3:
                network.ec2.delete_flow_logs("fl-db")
            ping(network, "web", "10.0.2.20")
        assert told(network, "interface-id flow-direction packets", flow_log_id="fl-db") == [
            "eni-db ingress 2",
            "eni-db egress 2",
        ]
        with pytest.raises(BadQuestion, match="no flow log 'fl-2'; there are: fl-db"):
            network.flow_log_records("fl-2")


def test_an_interface_that_comes_later_is_watched_from_then_on(network: Network) -> None:
    allow(network.ec2, "db")
    network.ec2.run_instances(instance_id="late", subnet_id="b", security_group_ids=["db"])
    address = str(network.ec2.network_interfaces["eni-late"].private_ip_address)
    ping(network, "web", address)
    assert "eni-late ingress 1 ACCEPT" in told(network, "interface-id flow-direction packets action")


# --- everyone agrees ------------------------------------------------------------------------------------------------


@pytest.mark.fact("FLOW-1", "FLOW-7", "FLOW-9", "FLOW-15")
@pytest.mark.parametrize("path", SCENARIOS, ids=[path.parent.name for path in SCENARIOS])
def test_flow_logs_captures_drops_and_paths_agree_in_every_scenario(path: Path, tmp_path: Path) -> None:
    small = [("scenario.steps.4.push.size", "2MB")] if path.parent.name == "two-az-endpoints" else []
    scenario = Scenario(path, small)
    for vpc in list(scenario.plane.vpcs):
        scenario.plane.create_flow_logs(vpc, max_aggregation_interval=60)
    seen: list[Network] = []
    scenario.run(tmp_path, before=lambda network: capture_everywhere(network, tmp_path, seen))
    (network,) = seen
    assert disagreements(network) == []
    assert any(record.flow is not None for record in network.flow_log_records())


def capture_everywhere(network: Network, folder: Path, seen: list[Network]) -> None:
    seen.append(network)
    taken = {capture.name for capture in network.captures}
    for name in network.ec2.network_interfaces:
        if name not in taken:
            network.capture(name, folder / "all" / f"{name}.pcapng", snaplen=128)


def test_the_checker_sees_a_packet_that_only_one_of_them_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ec2 = world()
    ec2.create_flow_logs(["vpc", "far"])
    allow(ec2, "db")
    with Network(ec2) as network:
        network.capture("db", tmp_path / "db.pcapng")
        ping(network, "web", "10.0.2.20")
        network.send(IP(dst="10.0.2.20") / TCP(dport=22, sport=9), host="neighbour")
    assert disagreements(network) == []
    row = network._flow_logging.book.watches["eni-db"].rows[0]
    row.packets += 1
    assert disagreements(network) == [
        "eni-db ingress: the capture has 2 packets, 68 bytes; the flow log fl-00000001 3 packets, 68 bytes",
        "eni-db ingress: paths have delivered 2 packets, 68 bytes; the flow log fl-00000001 has 3 packets, 68 bytes",
    ]
    row.packets -= 1
    monkeypatch.setitem(network.fabric.drops, (agreement.REJECTIONS[0], "db"), 1)
    assert disagreements(network) == [
        "security groups and network ACLs have dropped 1 packets; flow logs have 0 as REJECT"
    ]


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[FlowRecord], Path]:
    """Records and capture of a server that is talked to, and at."""
    folder = tmp_path_factory.mktemp("busy")
    ec2 = world()
    ec2.create_flow_logs("eni-db")
    with Network(ec2, seed=3) as network:
        network.capture("db", folder / "db.pcapng")
        connect(network, "web", "db", "10.0.2.20", 5432)
        assert network.run(fetch("10.0.2.20", 5432), host="peer") == b"hello"
        network.send(IP(dst="10.0.1.10") / UDP(sport=5, dport=6) / bytes(100), host="db")
        network.send(IP(dst="10.0.1.11") / TCP(sport=5432, dport=7, flags="PA") / bytes(100), host="db")
    return [record for record in network.flow_log_records() if record.flow is not None], folder / "db.pcapng"


def sums(records: list[FlowRecord]) -> Counter[tuple[str, str, str]]:
    counted: Counter[tuple[str, str, str]] = Counter()
    for record in records:
        if record.flow is not None and (record.flow.accepted or record.flow.outgoing):
            src, dst, proto = line(record, ("pkt-srcaddr", "pkt-dstaddr", "protocol")).split()
            counted[src, dst, proto] += record.octets
            counted["packets", dst, proto] += record.packets
    return counted


@pytest.mark.fact("FLOW-6")
def test_dpkt_counts_what_the_flow_log_counts(busy: tuple[list[FlowRecord], Path]) -> None:
    records, path = busy
    counted: Counter[tuple[str, str, str]] = Counter()
    with path.open("rb") as file:
        for _, data in dpkt.pcapng.Reader(file):
            packet = dpkt.ethernet.Ethernet(data).data
            src, dst = (".".join(map(str, address)) for address in (packet.src, packet.dst))
            counted[src, dst, str(packet.p)] += packet.len
            counted["packets", dst, str(packet.p)] += 1
    assert counted == sums(records)
    assert len(counted) >= 6


@pytest.mark.fact("FLOW-6")
@tshark.needed
def test_tshark_counts_what_the_flow_log_counts(busy: tuple[list[FlowRecord], Path]) -> None:
    records, path = busy
    fields = [part for name in ("ip.src", "ip.dst", "ip.proto", "ip.len") for part in ("-e", name)]
    command = ["tshark", "-r", str(path), "-T", "fields", "-E", "occurrence=f", *fields]
    counted: Counter[tuple[str, str, str]] = Counter()
    for text in subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines():
        src, dst, proto, length = text.split("\t")
        counted[src, dst, proto] += int(length)
        counted["packets", dst, proto] += 1
    assert counted == sums(records)


# --- written ------------------------------------------------------------------------------------------------


def test_a_run_writes_the_topologys_flow_logs_beside_its_captures(tmp_path: Path) -> None:
    topology = (TOPOLOGIES / "first-packets" / "topology.yaml").read_text("utf-8")
    topology += (
        "\nflow_logs:\n  fl-web: {resource_id: web, log_format: '${dstaddr} ${pkt-dst-aws-service} ${action}'}\n"
    )
    (tmp_path / "topology.yaml").write_text(topology)
    (tmp_path / "scenario.yaml").write_text((TOPOLOGIES / "first-packets" / "scenario.yaml").read_text("utf-8"))
    for _ in range(2):  # the second run replaces what the first has left
        report = Scenario(tmp_path / "scenario.yaml").run(tmp_path / "out")
    (file,) = report.flow_logs
    assert report.to_json()["flow_logs"] == [str(file)]
    assert [path for path in (tmp_path / "out" / "flow-logs").rglob("*") if path.is_file()] == [file]
    header, *lines = gzip.decompress(file.read_bytes()).decode().splitlines()
    assert header == "dstaddr pkt-dst-aws-service action"
    assert {text.split(" ", 1)[1] for text in lines} == {"S3 ACCEPT", "- ACCEPT"}
