"""What CloudWatch shows of interface endpoints (VPCE-IF-23), beside what a capture at the endpoint holds."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import TYPE_CHECKING

import dpkt
import pytest
from scapy.layers.inet import IP, TCP, UDP

from emulator import Network
from emulator.network.questions import BadQuestion
from emulator.network.scenario import Scenario
from emulator.observe.metrics import EndpointMetrics
from emulator.simulation.agenda import Event
from emulator.wire.packet import SYN, tcp
from tests.flows.edge_worlds import privatelink_world
from tests.flows.worlds import API_A, API_B, WEB, world
from tests.network.test_flow_logs import TOPOLOGIES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from emulator.capture import Capture

pytestmark = pytest.mark.fact("VPCE-IF-23")

A, B = "eni-api-us-east-1a", "eni-api-us-east-1b"


@pytest.fixture
def network() -> Iterator[Network]:
    network = Network(world(), seed=7)
    yield network
    network.abandon()


def serve(network: Network, host: str = "api") -> None:
    """Answer every line with 3,000 bytes; close after ``bye``; never close otherwise."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while said := await reader.readline():
                writer.write(bytes(3000))
                if said == b"bye\n":
                    break
        except (ConnectionError, asyncio.CancelledError):
            pass  # the client is gone, or the test is over
        finally:
            writer.close()

    async def begin() -> None:
        await asyncio.start_server(talk, port=443)

    network.run(begin(), host=host)


async def call(address: str, *words: bytes) -> asyncio.StreamWriter:
    """Say something and hear the answers; the connection stays open unless the last word was ``bye``."""
    reader, writer = await asyncio.open_connection(address, 443)
    for word in words:
        writer.write(word + b"\n")
        await reader.readexactly(3000)
    if words[-1] == b"bye":
        assert await reader.read() == b""
        writer.close()
    return writer


def captured(capture: Capture) -> tuple[int, int]:
    """Bytes and resets in a capture, as dpkt reads it."""
    octets = resets = 0
    with capture.path.open("rb") as file:
        for _, data in dpkt.pcapng.Reader(file):
            packet = dpkt.ethernet.Ethernet(data).data
            octets += packet.len
            resets += bool(packet.data.flags & dpkt.tcp.TH_RST)
    return octets, resets


def test_metrics_are_what_a_capture_at_the_endpoint_counts(network: Network, tmp_path: Path) -> None:
    """A connection closed, one left open, one reset by its client; over both zones."""
    capture = network.capture("api", tmp_path / "api.pcapng")
    serve(network)
    before = network.endpoint_metrics("api")
    assert before.total == EndpointMetrics()
    assert list(before.interfaces) == [A, B]

    async def client() -> None:
        await call("10.0.1.200", b"one", b"bye")
        left.append(await call("10.0.1.200", b"two"))
        writer = await call("10.0.3.200", b"three")
        linger = struct.pack("ii", 1, 0)  # close at once, with a reset
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.close()

    left: list[asyncio.StreamWriter] = []
    network.run(client(), host="web")
    reading = network.endpoint_metrics("api")
    assert {name: (one.active_connections, one.new_connections) for name, one in reading.interfaces.items()} == {
        A: (1, 2),
        B: (0, 1),
    }
    assert reading.interfaces[A] + reading.interfaces[B] == reading.total
    left[0].close()
    network.run_until_idle()
    total = network.endpoint_metrics("api").total
    network.close()
    octets, resets = captured(capture)
    assert total == EndpointMetrics(0, 3, octets, 0, resets)
    assert (resets, octets > 4 * 3000) == (1, True)


def test_a_connection_is_active_from_its_syn_until_it_ends_or_is_forgotten(network: Network) -> None:
    def now() -> tuple[int, int]:
        total = network.endpoint_metrics("api").total
        return total.active_connections, total.new_connections

    opening = tcp(WEB, API_A, 40000, 443, SYN)
    network.send(opening, host="web")
    agenda = network.agenda
    seen = [now()]
    while opening.ending is None:  # nobody listens: the service's host answers with a reset
        agenda.step()
        seen.append(now())
    assert (1, 0) in seen  # SYN_SENT
    network.run_until_idle()
    assert now() == (0, 0)
    assert network.endpoint_metrics("api").total.rst_packets_received == 1

    serve(network)
    left = network.run(call("10.0.1.200", b"hello"), host="web")
    assert now() == (1, 1)
    agenda.add(agenda.now + 350 * 10**9, Nothing())
    network.run_until_idle()
    assert now() == (0, 1)  # VPCE-IF-15
    left.transport.abort()


class Nothing(Event):
    """Lets time pass."""

    def fire(self, now: int) -> None:
        pass


def test_what_the_endpoint_drops_is_counted_and_what_is_dropped_before_it_is_not(network: Network) -> None:
    sends = {
        "another protocol": IP(dst="10.0.1.200") / UDP(sport=1, dport=443),
        "from the middle of nowhere": IP(dst="10.0.1.200") / TCP(sport=40001, dport=443, flags="A"),
        "too long": IP(dst="10.0.3.200") / TCP(sport=40002, dport=443, flags="S") / bytes(8461),
    }
    for packet in sends.values():
        network.send(packet, host="web")
    network.run_until_idle()
    reading = network.endpoint_metrics("api")
    assert (reading.interfaces[A].packets_dropped, reading.interfaces[B].packets_dropped) == (2, 1)
    assert reading.total == EndpointMetrics(packets_dropped=3)
    network.ec2.revoke_security_group_ingress("api", ip_protocol="-1", cidr_ip="10.0.0.0/8")
    network.send(tcp(WEB, API_B, 40003, 443, SYN), host="web")
    network.run_until_idle()
    assert network.endpoint_metrics("api").total.packets_dropped == 3


def test_what_a_full_shaper_drops_is_counted_and_another_rate_forgets_nothing(network: Network) -> None:
    network.ec2.modify_vpc_endpoint("api", az_bandwidth=1_000_000, az_burst=1500, az_queue=3000)
    for port in range(40000, 40005):
        network.send(tcp(WEB, API_A, port, 443, SYN, bytes(1460)), host="web")
    network.run_until_idle()
    total = network.endpoint_metrics("api").total
    assert (total.packets_dropped, total.rst_packets_received) == (2, 3)
    assert total.bytes_processed == 3 * 1500 + 3 * 40
    network.ec2.modify_vpc_endpoint("api", az_bandwidth=10_000_000)
    network.send(tcp(WEB, API_A, 40009, 443, SYN), host="web")
    network.run_until_idle()
    assert network.endpoint_metrics("api").total.bytes_processed == total.bytes_processed + 2 * 40


def test_an_endpoint_to_a_customers_service_has_metrics_too(tmp_path: Path) -> None:
    network = Network(privatelink_world(), seed=7)
    capture = network.capture("ep", tmp_path / "ep.pcapng")

    async def begin() -> None:
        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readline()
            writer.write(bytes(3000))
            writer.close()

        await asyncio.start_server(talk, port=8443)

    network.run(begin(), host="one")
    network.run(call("10.0.1.200", b"bye"), host="client")
    reading = network.endpoint_metrics("ep")
    network.close()
    assert reading.total == EndpointMetrics(0, 1, captured(capture)[0], 0, 0)


def test_a_gateway_endpoint_has_no_metrics(network: Network) -> None:
    with pytest.raises(BadQuestion, match="gateway endpoint"):
        network.endpoint_metrics("s3")
    with pytest.raises(BadQuestion, match="there are: api, s3"):
        network.endpoint_metrics("apy")


def test_a_run_reports_them_by_cloudwatchs_names() -> None:
    report = Scenario(TOPOLOGIES / "two-az-endpoints" / "scenario.yaml", [("scenario.steps.4.push.size", "1MB")]).run()
    endpoints = report.to_json()["endpoints"]
    assert list(endpoints) == ["billing", "metering"]
    told = endpoints["metering"]
    assert list(told) == [
        "ActiveConnections",
        "NewConnections",
        "BytesProcessed",
        "PacketsDropped",
        "RstPacketsReceived",
        "interfaces",
    ]
    assert told["NewConnections"] >= 1
    assert told["BytesProcessed"] == sum(one["BytesProcessed"] for one in told["interfaces"].values()) > 1_000_000
