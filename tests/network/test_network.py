"""The network as its users meet it: programs, packets by hand, captures, questions, edits in the middle of a run."""

from __future__ import annotations

import asyncio
from pathlib import Path

import asyncio_dgram
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from netaddr import IPAddress
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import IPv6

from emulator import ControlPlane, Ec2Error, Fault, Network, Outcome, Reason
from emulator.asyncio_net.deadlock import DeadlockError
from emulator.model.resources import Service, VpcEndpointType
from emulator.model.traces import Delivered, Dropped
from emulator.network.questions import BadQuestion
from emulator.wire.packet import tcp
from tests.flows.worlds import WEB, world
from tests.network import tshark

TOPOLOGY = Path(__file__).parents[2] / "topologies" / "two-az-endpoints" / "topology.yaml"
SECOND = 1_000_000_000


@pytest.fixture
def network() -> Network:
    network = Network(world(), seed=7)
    yield network
    network.abandon()


async def echo_server(port: int) -> asyncio.Server:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.close()

    return await asyncio.start_server(answer, port=port)


async def exchange(address: str, port: int, data: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(address, port)
    writer.write(data)
    writer.write_eof()
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


@pytest.mark.fact("VPCE-IF-16")
def test_two_vpcs_with_one_cidr_use_one_service_at_once() -> None:
    """D2, D11: the same client address and port twice, told apart by the endpoint they came through."""
    ec2 = ControlPlane("us-east-1")
    name = "com.amazonaws.us-east-1.tool"
    ec2.register_service(Service(name, "us-east-1", (VpcEndpointType.INTERFACE,)))
    for vpc in ("red", "blue"):
        ec2.create_vpc("10.0.0.0/16", vpc_id=vpc)
        ec2.create_subnet(vpc, "10.0.1.0/24", "us-east-1a", subnet_id=f"{vpc}-a")
        ec2.create_security_group(vpc, group_id=f"{vpc}-open")
        ec2.authorize_security_group_ingress(f"{vpc}-open", ip_protocol="-1", cidr_ip="0.0.0.0/0")
        ec2.run_instances(instance_id=f"{vpc}-web", subnet_id=f"{vpc}-a", private_ip_address="10.0.1.10")
        where = [{"subnet_id": f"{vpc}-a", "ipv4": "10.0.1.200"}]
        ec2.create_vpc_endpoint(
            vpc,
            name,
            vpc_endpoint_type="Interface",
            vpc_endpoint_id=f"vpce-{vpc}",
            subnet_configurations=where,
            security_group_ids=[f"{vpc}-open"],
        )
    network = Network(ec2)
    came_through: list[tuple[str, tuple[str, int]]] = []

    async def serve() -> None:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            endpoint = writer.get_extra_info("vpc_endpoint_id")
            came_through.append((endpoint, writer.get_extra_info("peername")))
            await asyncio.sleep(1)  # both are here at once
            writer.write(endpoint.encode() + await reader.readline())
            writer.close()

        await asyncio.start_server(answer, port=443)

    async def ask() -> bytes:
        reader, writer = await asyncio.open_connection("10.0.1.200", 443, local_addr=("10.0.1.10", 40000))
        writer.write(b" says hello\n")
        answer = await reader.read()
        writer.close()
        return answer

    network.run(serve(), host=name)
    blue = network.start(ask(), host="blue-web")
    assert network.run(ask(), host="red-web") == b"vpce-red says hello\n"
    assert blue.result() == b"vpce-blue says hello\n"
    assert sorted(came_through) == [("vpce-blue", ("10.0.1.10", 40000)), ("vpce-red", ("10.0.1.10", 40000))]
    network.close()


def test_a_program_survives_a_terrible_link_with_every_byte_intact(network: Network) -> None:
    network.add_fault(Fault("eni-web", "eni-db", loss=0.05, duplicate=0.05, reorder=0.1))
    network.add_fault(Fault("eni-db", "eni-web", loss=0.05, duplicate=0.05, reorder=0.1))
    network.run(echo_server(5432), host="db")
    data = bytes(i * 7 % 251 for i in range(1_000_000))
    assert network.run(exchange("10.0.2.20", 5432, data), host="web") == data
    assert network.fabric.drops[Reason.EMU_FAULT, "eni-web->eni-db"] > 5
    assert network.fabric.in_flight == 0


def test_a_link_that_loses_everything_ends_in_a_timeout(network: Network) -> None:
    network.run(echo_server(5432), host="db")
    network.add_fault(Fault("eni-web", "*", loss=1.0))
    with pytest.raises(TimeoutError):
        network.run(exchange("10.0.2.20", 5432, b"hello"), host="web")
    assert 127 * SECOND <= network.now < 128 * SECOND  # Linux: 1, 3, 7, 15, 31, 63 s, and then the answer is no


def test_udp_between_instances_by_asyncio_dgram(network: Network) -> None:
    network.ec2.authorize_security_group_ingress(
        "db", ip_protocol="udp", from_port=53, to_port=53, cidr_ip="10.0.1.0/24"
    )

    async def serve() -> None:
        stream = await asyncio_dgram.bind(("10.0.2.20", 53))
        data, peer = await stream.recv()
        await stream.send(data[::-1], peer)
        stream.close()

    async def ask() -> bytes:
        stream = await asyncio_dgram.connect(("10.0.2.20", 53))
        await stream.send(b"abc")
        answer, _ = await stream.recv()
        stream.close()
        return answer

    server = network.start(serve(), host="db")
    assert network.run(ask(), host="web") == b"cba"
    assert server.done()


@pytest.mark.parametrize(
    ("packet", "host", "ending"),
    [
        (IP(dst="10.0.1.11") / ICMP() / b"ping", "web", Dropped(Reason.SG_HAS_NO_RULES, "web")),
        (
            IP(dst="10.0.1.200") / UDP(dport=53),
            "web",
            Dropped(Reason.PROTOCOL_RESTRICTION, "api", "TCP only (VPCE-IF-7)"),
        ),
        (IPv6(dst="2600::1") / TCP(), "web", Dropped(Reason.EMU_IPV4_ONLY, "eni-web", "IPv4 only (VPCE-5)")),
        (IP(dst="52.216.0.10") / ICMP(id=5) / b"ping", "web", Delivered("s3")),
        (IP(dst="10.0.1.200") / TCP(dport=443), "neighbour", Delivered("eni-api-us-east-1a")),
        (
            IP(dst="10.0.1.200", src="1.2.3.4") / TCP(dport=443),
            "web",
            Dropped(Reason.ENI_SOURCE_DEST_CHECK_RESTRICTION, "eni-web", "source_dest_check"),
        ),
        (IP(dst="10.0.2.20", proto=47) / b"gre", "web", Dropped(Reason.ENI_SG_RULES_MISMATCH, "db")),
    ],
)
def test_any_scapy_packet_goes_through_the_same_walk(
    network: Network, packet: IP, host: str, ending: Delivered | Dropped
) -> None:
    sent = network.send(packet, host=host)
    network.run_until_idle()
    assert sent.ending == ending


@pytest.mark.fact("VPCE-GW-14")
def test_a_capture_gives_scapy_packets_back(network: Network, tmp_path: Path) -> None:
    """VPCE-GW-14: S3 answers a ping."""
    capture = network.capture("web", tmp_path / "web.pcapng")
    network.send(IP(dst="52.216.0.10") / ICMP(id=5, seq=1) / b"are you there?", host="web")
    network.close()
    request, reply = capture.packets()
    assert capture.path == tmp_path / "web.pcapng"
    assert (request[ICMP].type, reply[ICMP].type) == (8, 0)
    assert reply[IP].src == "52.216.0.10"
    assert bytes(reply[ICMP].payload) == b"are you there?"


@pytest.mark.fact("NACL-7")
def test_an_edit_in_the_middle_of_a_run_acts_at_once(network: Network) -> None:
    """D5, NACL-7: a program's own connection dies of a rule that did not exist when it began."""

    async def talk() -> str:
        reader, writer = await asyncio.open_connection("10.0.2.20", 5432)
        writer.write(b"one")
        assert await reader.read(3) == b"one"
        network.ec2.create_network_acl_entry(
            "acl-default-vpc", rule_number=1, protocol="6", rule_action="deny", egress=False, cidr_block="10.0.2.0/24"
        )
        writer.write(b"two")
        try:
            await reader.read(3)
        except TimeoutError as error:
            return type(error).__name__
        finally:
            writer.transport.abort()
        return "answered"

    network.run(echo_server(5432), host="db")
    assert network.run(talk(), host="web") == "TimeoutError"
    assert (Reason.SUBNET_ACL_RESTRICTION, "acl-default-vpc") in network.fabric.drops


def test_an_endpoint_created_in_the_middle_of_a_run_has_its_service_behind_it(network: Network) -> None:
    network.ec2.delete_vpc_endpoints(["s3"])
    assert network.trace("web", "52.216.0.10:80").blocker == Dropped(Reason.NO_ROUTE_TO_DESTINATION, "private")

    async def later() -> bytes:
        await asyncio.sleep(3600)
        network.ec2.create_vpc_endpoint(
            "vpc", "com.amazonaws.us-east-1.s3", vpc_endpoint_id="again", route_table_ids=["private"]
        )
        return await exchange("52.216.0.10", 80, b"GET /x HTTP/1.1\r\nHost: s3.us-east-1.amazonaws.com\r\n\r\n")

    assert network.run(later(), host="web").startswith(b"HTTP/1.1 404 Not Found")


def test_a_deadlock_names_who_waits(network: Network) -> None:
    async def wait_for_nobody() -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(DeadlockError, match="wait_for_nobody"):
        network.run(wait_for_nobody(), host="web")


@tshark.needed
def test_an_interrupted_run_leaves_readable_captures(network: Network, tmp_path: Path) -> None:
    async def interrupted() -> None:
        _, writer = await asyncio.open_connection("10.0.2.20", 5432)
        writer.write(bytes(100_000))
        asyncio.get_running_loop().call_later(0.001, interrupt)
        await asyncio.sleep(10)

    def interrupt() -> None:
        raise KeyboardInterrupt

    network.run(echo_server(5432), host="db")
    network.capture("web", tmp_path / "web.pcapng")
    with pytest.raises(KeyboardInterrupt), network:
        network.run(interrupted(), host="web")
    assert [path.name for path in tmp_path.iterdir()] == ["web.partial.pcapng"]
    assert len(tshark.frames(tmp_path / "web.partial.pcapng")) > 10


@pytest.mark.fact("VPCE-IF-17", "VPCE-IF-20")
def test_names_are_resolved_by_real_packets_and_rotate() -> None:
    """VPCE-IF-17, VPCE-IF-20: private DNS gives both zones, in turn."""

    async def resolve() -> list[str]:
        loop = asyncio.get_running_loop()
        infos = await loop.getaddrinfo("metering.us-east-1.amazonaws.com", 80, type=1)
        return [info[4][0] for info in infos]

    with Network.load(TOPOLOGY) as network:
        first, second = (network.run(resolve(), host="web") for _ in range(2))
        assert sorted(first) == sorted(second) == ["10.0.10.5", "10.0.20.4"]
        assert first == second[::-1]
        assert network.fabric.delivered == 4  # two queries, two answers


@pytest.mark.fact("DNS-1")
def test_the_resolver_also_answers_at_its_link_local_address(network: Network) -> None:
    """DNS-1, SG-7: 169.254.169.253, whatever the groups say of UDP."""
    network.hosts["db"].resolver = int(IPAddress("169.254.169.253"))

    async def resolve() -> str:
        infos = await asyncio.get_running_loop().getaddrinfo("s3.us-east-1.amazonaws.com", 80, type=1)
        return infos[0][4][0]

    assert network.run(resolve(), host="db") in {"54.231.0.10", "52.216.0.10", "3.5.16.10", "3.5.0.10"}


def test_an_ipv6_packet_never_follows_the_compiled_path_of_an_ipv4_flow(network: Network) -> None:
    """D2: addresses and protocol of the two may be the same numbers."""
    network.ec2.authorize_security_group_ingress("db", ip_protocol="47", cidr_ip="10.0.1.10/32")
    for _ in range(3):
        sent = network.send(IP(dst="10.0.2.20", proto=47) / b"gre!", host="web")
        network.run_until_idle()
        assert sent.ending == Delivered("eni-db")
    twin = network.send(IPv6(src="::10.0.1.10", dst="::10.0.2.20", nh=47) / b"gre!", host="web")
    network.run_until_idle()
    assert twin.ending == Dropped(Reason.EMU_IPV4_ONLY, "eni-web", "IPv4 only (VPCE-5)")


def test_no_interface_sends_more_than_9001_bytes_at_once(network: Network) -> None:
    """NET-6; fragmentation is not modelled."""
    network.ec2.authorize_security_group_ingress(
        "web", ip_protocol="tcp", from_port=22, to_port=22, cidr_ip="10.0.0.0/8"
    )
    for length, ending in (
        (9001, Delivered("eni-peer")),
        (9002, Dropped(Reason.EMU_OVER_MTU, "eni-web", "MTU 9001 (NET-6)")),
    ):
        sent = network.send(IP(dst="10.0.1.11") / TCP(dport=22) / bytes(length - 40), host="web")
        network.run_until_idle()
        assert sent.ending == ending


def test_an_instance_may_bear_the_name_of_an_endpoint() -> None:
    ec2 = world()
    ec2.run_instances(instance_id="api", subnet_id="b", security_group_ids=["api"])
    with Network(ec2) as network:
        answer = network.trace("web", "eni-api:22")
        assert answer.forward.ending == Delivered("eni-api")
        assert "idle" not in [step.gate for step in answer.forward.steps]


@pytest.mark.parametrize("taken", ["local", "eni-web", "s3"])
def test_ids_by_which_packets_are_delivered_are_nobody_elses(taken: str) -> None:
    with pytest.raises(Ec2Error, match=r"local|in use"):
        world().create_network_interface(subnet_id="a", network_interface_id=taken)


def test_a_question_about_a_short_ipv6_address_is_not_one_about_ipv4() -> None:
    with Network.load(TOPOLOGY) as network:
        assert network.trace("web", "::1").blocker == Dropped(Reason.EMU_IPV4_ONLY, "eni-web", "IPv4 only (VPCE-5)")


def test_a_question_is_answered_out_and_back() -> None:
    with Network.load(TOPOLOGY) as network:
        answer = network.trace("batch", "metering:80")
        assert answer.forward.ending.outcome is Outcome.DELIVERED
        assert answer.blocker == Dropped(Reason.SUBNET_ACL_RESTRICTION, "acl-forgetful", "*")
        assert answer.to_json()["reply"]["reason"] == "SUBNET_ACL_RESTRICTION"
        assert not answer.reachable
        assert network.trace("eni-web", "s3:80").reachable
        assert network.trace("10.0.1.10", "s3.us-east-1.amazonaws.com:80").reachable
        assert network.trace("web", "com.amazonaws.us-east-1.metering:80").reachable
        assert network.trace("web", "s3", protocol="icmp").reachable
        for source, to, message in (
            ("wbe", "s3", "no instance, interface, gateway or address 'wbe'"),
            ("web", "nowhere", "no host, endpoint, service or address 'nowhere'"),
            ("web", "s3:99999", "port 99999"),
        ):
            with pytest.raises(BadQuestion, match=message):
                network.trace(source, to)
        assert network.fabric.sent == 0
        assert network.fabric.state.entries == {}


hosts = ("web", "peer", "db", "neighbour")
targets = ("10.0.1.10", "10.0.1.11", "10.0.2.20", "10.9.1.10", "10.0.1.200", "10.0.3.200", "52.216.0.10", "8.8.8.8")


@settings(max_examples=80, deadline=None)
@given(
    st.sampled_from(hosts),
    st.sampled_from(targets),
    st.sampled_from((22, 443, 5432)),
    st.integers(1024, 65535),
    st.sets(st.sampled_from(("db-open", "api-closed", "acl", "no-s3", "no-peering")), max_size=3),
)
def test_trace_says_what_a_packet_then_meets(source: str, to: str, port: int, sport: int, edits: set[str]) -> None:
    """D1: one walk."""
    ec2 = world()
    if "db-open" in edits:
        ec2.authorize_security_group_ingress("db", ip_protocol="-1", cidr_ip="0.0.0.0/0")
    if "api-closed" in edits:
        ec2.revoke_security_group_ingress("api", ip_protocol="-1", cidr_ip="10.0.0.0/8")
    if "acl" in edits:
        ec2.create_network_acl_entry(
            "acl-default-vpc",
            rule_number=7,
            protocol="6",
            from_port=32768,
            to_port=60999,
            rule_action="deny",
            egress=False,
            cidr_block="0.0.0.0/0",
        )
    if "no-s3" in edits:
        ec2.modify_vpc_endpoint("s3", remove_route_table_ids=["private"])
    if "no-peering" in edits:
        ec2.delete_vpc_peering_connection("pcx")
    network = Network(ec2)
    said = network.trace(source, f"{to}:{port}", source_port=sport)
    address = int(ec2.network_interfaces[f"eni-{source}"].private_ip_address)
    network.hosts[source].attachments[0].send(sent := tcp(address, int(IPAddress(to)), sport, port))
    network.run_until_idle()
    assert sent.ending == said.forward.ending
    network.close()


@pytest.mark.parametrize(("limit", "mtu"), [("1Gbps", 9001), ("1Gbps", 1500), ("100Mbps", 9001), ("10Gbps", 9001)])
def test_goodput_through_the_shaper_is_the_limit_less_headers(limit: str, mtu: int) -> None:
    """VPCE-IF-11, D9: over one virtual second after slow start, within one per cent."""
    network = Network.load(TOPOLOGY, overrides=[("vpc_endpoints.metering.az_bandwidth", limit)])
    network.ec2.authorize_security_group_ingress(
        "metering", ip_protocol="tcp", from_port=9, to_port=9, cidr_ip="10.0.0.0/16"
    )
    host = network.hosts["web"]
    host.mtu = mtu
    host.tcp.config.mss = mtu - 40
    rate = network.ec2.vpc_endpoints["metering"].az_bandwidth
    marks: list[tuple[float, int]] = []

    class Counter(asyncio.BufferedProtocol):
        received = 0

        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.buffer = bytearray(65536)

        def get_buffer(self, sizehint: int) -> bytearray:
            return self.buffer

        def buffer_updated(self, octets: int) -> None:
            Counter.received += octets

    async def serve() -> None:
        await asyncio.get_running_loop().create_server(Counter, port=9)

    async def push() -> None:
        address = network.ec2.network_interfaces["eni-metering-us-east-1a"].private_ip_address
        _, writer = await asyncio.open_connection(str(address), 9)

        async def write() -> None:
            while True:
                writer.write(bytes(1 << 20))
                await writer.drain()

        writing = asyncio.ensure_future(write())
        await asyncio.sleep(0.5 if rate < 10**10 else 0.1)  # slow start and its first loss are over
        marks.append((network.now, Counter.received))
        await asyncio.sleep(1)
        marks.append((network.now, Counter.received))
        writing.cancel()
        writer.transport.abort()

    network.run(serve(), host="metering")
    network.run(push(), host="web")
    (began, before), (ended, after) = marks
    goodput = (after - before) * 8e9 / (ended - began)
    packet = min(mtu, 8500)
    assert goodput == pytest.approx(rate * (packet - 52) / packet, rel=0.01)
    network.close()


def test_the_thirty_lines_of_the_readme_work(tmp_path: Path) -> None:
    readme = (TOPOLOGY.parents[2] / "README.md").read_text("utf-8")
    code = readme.split("```python\n", 1)[1].split("```", 1)[0]
    assert len(code.splitlines()) <= 30
    exec(compile(code, "README.md", "exec"), {"__name__": "readme"})  # noqa: S102 - what is shown is run


def test_web_is_what_the_worlds_say(network: Network) -> None:
    assert network.host("web").address == WEB
    with pytest.raises(BadQuestion, match="no host 'wbe'"):
        network.host("wbe")
