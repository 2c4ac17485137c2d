"""What hosts announce, and where a question about an endpoint goes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from scapy.layers.inet import IP, TCP

from emulator import Network
from emulator.model.traces import Delivered
from tests.flows.worlds import world

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def network() -> Network:
    ec2 = world()
    ec2.run_instances(instance_id="east", subnet_id="c", security_group_ids=["web"], private_ip_address="10.0.3.10")
    network = Network(ec2, seed=7)
    yield network
    network.abandon()


@pytest.mark.parametrize(("source", "eni"), [("web", "eni-api-us-east-1a"), ("east", "eni-api-us-east-1b")])
def test_a_question_about_an_interface_endpoint_is_asked_of_the_near_zones_interface(
    network: Network, source: str, eni: str
) -> None:
    """VPCE-IF-17."""
    answer = network.trace(source, "api:443")
    assert answer.forward.ending == Delivered(eni)
    assert answer.remarks == (f"api is reached at {eni}",)


@pytest.mark.fact("VPCE-12")
def test_a_service_announces_8460_where_nothing_clamps(network: Network, tmp_path: Path) -> None:
    """VPCE-12: a gateway endpoint leaves the MSS alone, so the service's own is seen; the client's stays 8961."""

    async def connect() -> None:
        _, writer = await asyncio.open_connection("52.216.0.10", 80)
        writer.close()
        await writer.wait_closed()

    capture = network.capture("web", tmp_path / "web.pcapng")
    network.run(connect(), host="web")
    network.close()
    opening = [packet for packet in capture.packets() if TCP in packet and "S" in packet[TCP].flags]
    announced = [(packet[IP].src, dict(packet[TCP].options)["MSS"]) for packet in opening]
    assert announced == [("10.0.1.10", 8961), ("52.216.0.10", 8460)]


@pytest.mark.fact("VPCE-GW-15")
def test_s3_sees_the_private_address_and_the_endpoint_it_came_through(network: Network) -> None:
    async def get() -> bytes:
        reader, writer = await asyncio.open_connection("52.216.0.10", 80)
        host = "Host: s3.us-east-1.amazonaws.com\r\nConnection: close\r\n\r\n"
        writer.write(f"GET /shelf/x HTTP/1.1\r\n{host}".encode())
        answer = await reader.read()
        writer.close()
        return answer

    assert network.run(get(), host="web").startswith(b"HTTP/1.1 404")
    (ruling,) = network.rulings
    came = ruling.request.provenance
    assert (came.source_address, came.vpc_endpoint_id, came.vpc_id) == ("10.0.1.10", "s3", "vpc")


@pytest.mark.fact("VPCE-IF-16")
def test_a_service_behind_an_interface_endpoint_sees_the_clients_private_address(network: Network) -> None:
    seen: list[tuple[str, str]] = []

    async def serve() -> None:
        async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            seen.append((writer.get_extra_info("peername")[0], writer.get_extra_info("vpc_endpoint_id")))
            writer.close()

        await asyncio.start_server(answer, port=443)

    async def ask() -> None:
        reader, writer = await asyncio.open_connection("10.0.1.200", 443)
        await reader.read()
        writer.close()

    network.run(serve(), host="api")
    network.run(ask(), host="web")
    assert seen == [("10.0.1.10", "api")]
