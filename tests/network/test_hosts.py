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
