"""Real connections of asyncio programs through every edge: what they live through, what captures and flow logs say."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import dpkt
import httpx
import pytest
from netaddr import IPAddress

from emulator import Fault, Network, Reason
from emulator.model.settings import Settings
from emulator.network.agreement import disagreements
from emulator.observe.flow_fields import line
from emulator.wire.proxy_protocol import PP2_SUBTYPE_AWS_VPCE_ID, PP2_TYPE_AWS, SIGNATURE
from tests.flows.edge_worlds import (
    EVERYWHERE,
    middlebox_world,
    premises_world,
    privatelink_world,
    public_world,
    transit_world,
)
from tests.flows.worlds import world
from tests.network import tshark
from tests.network.test_network import echo_server, exchange

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from emulator.control import ControlPlane

SECOND = 1_000_000_000
DATA = bytes(number * 7 % 251 for number in range(100_000))


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[[ControlPlane], Network]]:
    """Build a network that is watched: flow logs of every VPC, a capture at every interface, all must agree."""
    made: list[Network] = []

    def build(ec2: ControlPlane) -> Network:
        ec2.create_flow_logs([*ec2.vpcs], max_aggregation_interval=60)
        network = Network(ec2, seed=11)
        for eni in ec2.network_interfaces:
            network.capture(eni, tmp_path / f"{eni}.pcapng")
        made.append(network)
        return network

    yield build
    for network in made:
        if not network.loop.is_closed():
            network.close()
        assert network.fabric.in_flight == 0
        assert disagreements(network) == []
        for capture in network.captures:
            check_sums(capture.path)


def check_sums(path: Path) -> None:
    """Let dpkt add up every checksum again."""
    with path.open("rb") as file:
        for _, frame in dpkt.pcapng.Reader(file):
            packet = dpkt.ethernet.Ethernet(frame).data
            again = dpkt.ip.IP(bytes(packet))
            again.sum = 0
            if isinstance(again.data, dpkt.tcp.TCP | dpkt.udp.UDP | dpkt.icmp.ICMP):
                again.data.sum = 0
            assert bytes(dpkt.ip.IP(bytes(again))) == bytes(packet)


def ends(path: Path) -> set[tuple[str, str]]:
    """The addresses of the frames of a capture."""
    with path.open("rb") as file:
        packets = [dpkt.ethernet.Ethernet(frame).data for _, frame in dpkt.pcapng.Reader(file)]
    return {
        (str(IPAddress(int.from_bytes(one.src, "big"))), str(IPAddress(int.from_bytes(one.dst, "big"))))
        for one in packets
    }


# --- NAT gateways ----------------------------------------------------------------------------------------------------


@pytest.mark.fact("NAT-1", "FLOW-5")
def test_a_program_talks_to_the_internet_through_a_nat_gateway(
    make: Callable[[ControlPlane], Network], tmp_path: Path
) -> None:
    """AWS's own four rows, with its own addresses; the capture at the gateway has both sides."""
    network = make(public_world())
    network.run(echo_server(443), host="host")
    assert network.run(exchange("203.0.113.5", 443, DATA), host="app") == DATA
    fields = ("interface-id", "srcaddr", "dstaddr", "pkt-srcaddr", "pkt-dstaddr", "action")
    records = [line(record, fields) for record in network.flow_log_records() if record.flow is not None]
    assert [row for row in records if row.startswith("eni-nat")] == [
        "eni-nat 10.0.1.5 10.0.0.220 10.0.1.5 203.0.113.5 ACCEPT",
        "eni-nat 10.0.0.220 203.0.113.5 10.0.0.220 203.0.113.5 ACCEPT",
        "eni-nat 203.0.113.5 10.0.0.220 203.0.113.5 10.0.0.220 ACCEPT",
        "eni-nat 10.0.0.220 10.0.1.5 203.0.113.5 10.0.1.5 ACCEPT",
    ]
    assert sorted(row for row in records if row.startswith("eni-app")) == [
        "eni-app 10.0.1.5 203.0.113.5 10.0.1.5 203.0.113.5 ACCEPT",
        "eni-app 203.0.113.5 10.0.1.5 203.0.113.5 10.0.1.5 ACCEPT",
    ]
    network.close()
    inside, outside = ("10.0.1.5", "203.0.113.5"), ("10.0.0.220", "203.0.113.5")
    assert ends(tmp_path / "eni-nat.pcapng") == {inside, inside[::-1], outside, outside[::-1]}
    assert ends(tmp_path / "eni-app.pcapng") == {inside, inside[::-1]}


@tshark.needed
def test_wireshark_finds_nothing_wrong_with_either_side_of_a_nat_gateway(
    make: Callable[[ControlPlane], Network], tmp_path: Path
) -> None:
    network = make(public_world())
    network.run(echo_server(443), host="host")
    network.run(exchange("203.0.113.5", 443, DATA), host="app")
    network.close()
    frames = tshark.frames(tmp_path / "eni-nat.pcapng")
    assert {frame["tcp.stream"] for frame in frames} == {"0", "1"}
    for frame in frames:
        assert frame["tcp.checksum.status"] == frame["ip.checksum.status"] == "1"
        assert not any(frame[suspicion] for suspicion in tshark.SUSPICIONS)


@pytest.mark.fact("NAT-5")
def test_after_350_seconds_of_silence_a_live_connection_is_reset(make: Callable[[ControlPlane], Network]) -> None:
    """One that is used more often lives on."""
    network = make(public_world())

    async def talk(silence: float) -> str:
        reader, writer = await asyncio.open_connection("203.0.113.5", 443)
        writer.write(b"one")
        await reader.readexactly(3)
        await asyncio.sleep(silence)
        writer.write(b"two")
        try:
            return (await reader.readexactly(3)).decode()
        except ConnectionResetError as error:
            return type(error).__name__
        finally:
            writer.close()

    network.run(echo_server(443), host="host")
    assert network.run(talk(349), host="app") == "two"
    assert network.run(talk(351), host="app") == "ConnectionResetError"
    assert network.fabric.drops[Reason.EMU_IDLE_TIMEOUT, "nat"] == 1


def test_an_http_client_meets_a_program_on_the_internet(make: Callable[[ControlPlane], Network]) -> None:
    ec2 = public_world()
    ec2.register_external_host("203.0.113.80", external_host_id="site", application="http")
    network = make(ec2)

    async def get() -> int:
        async with httpx.AsyncClient(trust_env=False) as client:
            return (await client.get("http://203.0.113.80/")).status_code

    assert network.run(get(), host="app") == 200
    assert network.run(get(), host="web") == 200


@pytest.mark.fact("NAT-2")
def test_many_connections_at_once_share_the_gateways_ports(make: Callable[[ControlPlane], Network]) -> None:
    network = make(public_world(Settings(nat_connections_per_destination=20)))

    async def many(count: int) -> list[bytes | BaseException]:
        tasks = [asyncio.wait_for(exchange("203.0.113.5", 443, b"%d" % number), 5) for number in range(count)]
        return await asyncio.gather(*tasks, return_exceptions=True)

    network.run(echo_server(443), host="host")
    answers = network.run(many(25), host="app")
    assert sum(isinstance(answer, bytes) for answer in answers) == 20
    assert sum(isinstance(answer, TimeoutError) for answer in answers) == 5
    assert network.fabric.drops[Reason.EMU_PORTS_EXHAUSTED, "nat"] >= 5


# --- internet gateways -----------------------------------------------------------------------------------------------


@pytest.mark.fact("EDGE-1")
def test_connections_through_an_internet_gateway_both_ways(make: Callable[[ControlPlane], Network]) -> None:
    network = make(public_world())
    network.run(echo_server(443), host="host")
    network.run(echo_server(80), host="web")
    assert network.run(exchange("203.0.113.5", 443, DATA), host="web") == DATA
    assert network.run(exchange("198.51.100.10", 80, DATA), host="host") == DATA


@pytest.mark.fact("SG-13", "SG-10")
def test_taking_the_rule_back_stops_an_untracked_conversation(make: Callable[[ControlPlane], Network]) -> None:
    network = make(public_world())

    async def talk() -> str:
        reader, writer = await asyncio.open_connection("198.51.100.10", 80)
        writer.write(b"one")
        assert await reader.readexactly(3) == b"one"
        network.ec2.revoke_security_group_ingress(
            "sg-web", ip_protocol="tcp", from_port=80, to_port=80, cidr_ip=EVERYWHERE
        )
        writer.write(b"two")
        try:
            return str(await asyncio.wait_for(reader.read(3), 60))
        except TimeoutError:
            return "silence"
        finally:
            writer.transport.abort()

    network.run(echo_server(80), host="web")
    assert network.run(talk(), host="host") == "silence"


@pytest.mark.fact("ROUTE-19")
def test_a_connection_by_a_middlebox(make: Callable[[ControlPlane], Network]) -> None:
    network = make(middlebox_world())
    network.run(echo_server(443), host="host")
    assert network.run(exchange("203.0.113.5", 443, DATA), host="web") == DATA
    assert network.flow_log_records()
    assert any("eni-box" in {step.component for step in path.story} for path in network.fabric.paths())


# --- transit gateways, VPN -------------------------------------------------------------------------------------------


@pytest.mark.fact("EDGE-3")
def test_connections_through_a_transit_gateway_and_out_by_another_vpcs_nat_gateway(
    make: Callable[[ControlPlane], Network],
) -> None:
    network = make(transit_world())
    network.run(echo_server(80), host="blue-1")
    network.run(echo_server(443), host="host")
    assert network.run(exchange("10.2.1.10", 80, DATA), host="red-1") == DATA
    assert network.run(exchange("203.0.113.5", 443, DATA), host="red-1") == DATA


def test_a_connection_over_a_vpn_dies_with_its_tunnels(make: Callable[[ControlPlane], Network]) -> None:
    network = make(premises_world())
    network.run(echo_server(80), host="app")
    network.run(echo_server(80), host="desk")
    assert network.run(exchange("10.0.1.5", 80, DATA), host="desk") == DATA
    assert network.run(exchange("192.168.1.10", 80, DATA), host="app") == DATA
    network.ec2.set_vpn_tunnels("vpn", up=False)
    with pytest.raises(TimeoutError):
        network.run(asyncio.wait_for(exchange("10.0.1.5", 80, DATA), 10), host="desk")
    assert (Reason.BAD_STATE_VPN, "vpn") in network.fabric.drops


# --- PrivateLink -----------------------------------------------------------------------------------------------------


async def proxied_server(port: int, heard: list[tuple[bytes, bytes]]) -> asyncio.Server:
    """An echo server that reads the PROXY header first, as a program behind such a load balancer must."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readexactly(16)
        body = await reader.readexactly(int.from_bytes(head[14:16], "big"))
        heard.append((head, body))
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.close()

    return await asyncio.start_server(answer, port=port)


@pytest.mark.fact("SVC-10", "SVC-8")
@pytest.mark.parametrize("loss", [0.0, 0.05])
def test_a_server_reads_the_consumers_address_in_front_of_every_byte_intact(
    make: Callable[[ControlPlane], Network], loss: float
) -> None:
    """Also where segments, acknowledgements and the header itself are lost, doubled and late."""
    ec2 = privatelink_world()
    ec2.modify_target_group_attributes("targets", proxy_protocol_v2_enabled=True)
    network = make(ec2)
    if loss:
        for source, target in (("eni-nlb*", "eni-one"), ("eni-one", "eni-nlb*"), ("eni-client", "*")):
            network.add_fault(Fault(source, target, loss=loss, duplicate=loss, reorder=loss))
    heard: list[tuple[bytes, bytes]] = []
    network.run(proxied_server(8443, heard), host="one")
    data = DATA * 5
    assert network.run(exchange("10.0.1.200", 443, data), host="client") == data
    [(head, body)] = heard
    assert (head[:12], head[12:14]) == (SIGNATURE, b"\x21\x11")
    assert str(IPAddress(int.from_bytes(body[:4], "big"))) == "10.0.1.10"
    assert int.from_bytes(body[10:12], "big") == 443
    assert (body[12], int.from_bytes(body[13:15], "big"), body[15:]) == (
        PP2_TYPE_AWS,
        3,
        bytes((PP2_SUBTYPE_AWS_VPCE_ID,)) + b"ep",
    )


@pytest.mark.fact("SVC-8", "FLOW-15")
def test_a_connection_between_vpcs_with_the_same_addresses(make: Callable[[ControlPlane], Network]) -> None:
    """The way from the endpoint's interface to the load balancer's is in no flow log."""
    network = make(privatelink_world())
    network.run(echo_server(8443), host="one")
    assert network.run(exchange("10.0.1.200", 443, DATA), host="client") == DATA
    fields = ("interface-id", "pkt-srcaddr", "pkt-dstaddr", "flow-direction")
    records = {line(record, fields) for record in network.flow_log_records() if record.flow is not None}
    assert {row for row in records if row.startswith("eni-nlb")} == {
        "eni-nlb-us-east-1a 10.0.1.50 10.0.1.10 egress",
        "eni-nlb-us-east-1a 10.0.1.10 10.0.1.50 ingress",
    }


@pytest.mark.fact("SVC-11")
@pytest.mark.parametrize("who", ["client", "target"])
def test_after_the_load_balancers_patience_late_data_resets_the_connection(
    make: Callable[[ControlPlane], Network], who: str
) -> None:
    """A target's resets both ends."""
    ec2 = privatelink_world()
    ec2.modify_load_balancer_attributes("nlb", idle_timeout=100 * SECOND)
    network = make(ec2)
    endings: list[str] = []

    async def until_reset(reader: asyncio.StreamReader, name: str) -> None:
        try:
            await reader.read(100)
        except ConnectionResetError:
            endings.append(name)

    async def serve() -> asyncio.Server:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(await reader.readexactly(3))
            if who == "target":
                await asyncio.sleep(200)
                writer.write(b"late")
                await until_reset(reader, "target")
            else:
                await reader.read()
            writer.close()

        return await asyncio.start_server(answer, port=8443)

    async def talk() -> None:
        reader, writer = await asyncio.open_connection("10.0.1.200", 443)
        writer.write(b"one")
        await reader.readexactly(3)
        if who == "client":
            await asyncio.sleep(200)
            writer.write(b"late")
        await until_reset(reader, "client")
        writer.close()

    network.run(serve(), host="one")
    network.run(talk(), host="client")
    assert sorted(endings) == (["client"] if who == "client" else ["client", "target"])
    for task in asyncio.all_tasks(network.loop):
        task.cancel()


# --- endpoints -------------------------------------------------------------------------------------------------------


@pytest.mark.fact("VPCE-IF-15")
@pytest.mark.parametrize(("reset", "ending"), [(False, TimeoutError), (True, ConnectionResetError)])
def test_an_interface_endpoint_is_silent_after_350_seconds_or_by_the_knob_resets(
    make: Callable[[ControlPlane], Network], reset: bool, ending: type[Exception]
) -> None:
    network = make(world(Settings(endpoint_idle_reset=reset)))

    async def talk() -> None:
        reader, writer = await asyncio.open_connection("10.0.1.200", 443)
        writer.write(b"one")
        await reader.readexactly(3)
        await asyncio.sleep(351)
        writer.write(b"two")
        try:
            await asyncio.wait_for(reader.readexactly(3), 60)
        finally:
            writer.transport.abort()

    network.run(echo_server(443), host="com.amazonaws.us-east-1.api")
    with pytest.raises(ending):
        network.run(talk(), host="web")


@pytest.mark.fact("VPCE-GW-16")
@pytest.mark.parametrize("first", ["endpoint", "internet"])
def test_a_change_of_tables_breaks_connections_to_the_service_for_good(
    make: Callable[[ControlPlane], Network], first: str
) -> None:
    """From the gateway endpoint to the internet and the other way: a reset, and no way on."""
    ec2 = public_world()
    ec2.create_vpc_endpoint(
        "vpc",
        "com.amazonaws.us-east-1.s3",
        vpc_endpoint_id="s3",
        route_table_ids=["to-nat"] if first == "endpoint" else [],
    )
    network = make(ec2)
    address = str(ec2.services["com.amazonaws.us-east-1.s3"].public_addresses[0])
    request = b"GET /x HTTP/1.1\r\nHost: s3.us-east-1.amazonaws.com\r\n\r\n"

    async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(int(row.split(b":")[1]) for row in head.splitlines() if row.lower().startswith(b"content-length"))
        await reader.readexactly(length)
        return head

    async def talk() -> str:
        reader, writer = await asyncio.open_connection(address, 80)
        assert b"404" in await ask(reader, writer)
        if first == "endpoint":
            network.ec2.modify_vpc_endpoint("s3", remove_route_table_ids=["to-nat"])
        else:
            network.ec2.modify_vpc_endpoint("s3", add_route_table_ids=["to-nat"])
        try:
            await asyncio.wait_for(ask(reader, writer), 60)
        except (ConnectionResetError, asyncio.IncompleteReadError) as error:
            return type(error).__name__
        finally:
            writer.close()
        return "answered"

    assert network.run(talk(), host="app") == "ConnectionResetError"


@pytest.mark.fact("SG-16", "DNS-3")
def test_what_an_instances_limits_turn_away_is_counted(make: Callable[[ControlPlane], Network]) -> None:
    network = make(public_world(Settings(max_tracked_connections=3, link_local_packets_per_second=5)))

    async def connect() -> list[bytes | BaseException]:
        tasks = [asyncio.wait_for(exchange("203.0.113.5", 443, b"x"), 0.5) for _ in range(5)]
        return await asyncio.gather(*tasks, return_exceptions=True)

    async def resolve() -> None:
        loop = asyncio.get_running_loop()
        names = [loop.getaddrinfo(f"n{number}.example.com", 80) for number in range(9)]
        await asyncio.gather(*(asyncio.wait_for(name, 0.1) for name in names), return_exceptions=True)

    network.run(echo_server(443), host="host")
    assert sum(isinstance(answer, bytes) for answer in network.run(connect(), host="app")) == 3
    network.run(resolve(), host="app")
    counted = network.allowances_exceeded("app")
    assert counted["conntrack_allowance_exceeded"] == network.fabric.drops[Reason.EMU_CONNTRACK_FULL, "app"] > 0
    assert counted["linklocal_allowance_exceeded"] == network.fabric.drops[Reason.EMU_LINK_LOCAL, "eni-app"] > 0
    assert network.allowances_exceeded("web") == {"conntrack_allowance_exceeded": 0, "linklocal_allowance_exceeded": 0}


# --- questions -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("build", "source", "to"),
    [
        (public_world, "app", "203.0.113.5:443"),
        (public_world, "web", "203.0.113.5:443"),
        (middlebox_world, "web", "203.0.113.5:443"),
        (transit_world, "red-1", "203.0.113.5:443"),
        (transit_world, "red-1", "10.2.1.10:80"),
        (premises_world, "app", "192.168.1.10:443"),
        (privatelink_world, "client", "ep:443"),
    ],
)
@pytest.mark.parametrize("protocol", ["tcp", "icmp"])
def test_a_question_is_answered_as_the_packets_are_and_leaves_nothing_behind(
    build: Callable[[], ControlPlane], source: str, to: str, protocol: str
) -> None:
    """D1: out and back over the bindings that the way out would have made."""
    network = Network(build())
    answer = network.trace(source, to, protocol=protocol)
    assert answer.reachable == (protocol == "tcp" or "ep" not in to)
    assert network.fabric.state.entries == {}
    network.close()
