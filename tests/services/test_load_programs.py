"""Echo, discard and source on emulated hosts: datagrams, rates and durations."""

from __future__ import annotations

import asyncio
import textwrap

import pytest

from emulator import Network
from emulator.services import OptionError, program_of
from tests.services.test_programs_on_loopback import service

TOPOLOGY = """
    region: us-east-1
    vpcs: {vpc: {cidr_blocks: [10.0.0.0/16]}}
    subnets: {a: {cidr_block: 10.0.1.0/24, availability_zone: us-east-1a}}
    security_groups:
      open: {ingress: [{protocol: "-1", peer: 10.0.0.0/16}], egress: [{protocol: "-1", peer: 0.0.0.0/0}]}
    instances:
      app: {subnet_id: a, security_group_ids: [open]}
      echo: {subnet_id: a, private_ip_address: 10.0.1.10, security_group_ids: [open], application: echo}
      slow:
        subnet_id: a
        private_ip_address: 10.0.1.11
        security_group_ids: [open]
        application: source
        options: {size: 1250000, rate: 10Mbps}
      short:
        subnet_id: a
        private_ip_address: 10.0.1.12
        security_group_ids: [open]
        application: source
        options: {rate: 8Mbps, duration: 500ms}
"""


@pytest.fixture
def network(tmp_path):
    path = tmp_path / "topology.yaml"
    path.write_text(textwrap.dedent(TOPOLOGY))
    with Network.load(path, seed=5) as network:
        yield network


class Heard(asyncio.DatagramProtocol):
    def __init__(self):
        self.data = asyncio.get_running_loop().create_future()

    def datagram_received(self, data, addr):
        self.data.set_result((data, addr))


def test_a_datagram_is_said_back(network):
    async def story():
        loop = asyncio.get_running_loop()
        transport, heard = await loop.create_datagram_endpoint(Heard, remote_addr=("10.0.1.10", 7))
        transport.sendto(b"hello")
        data, address = await asyncio.wait_for(heard.data, 1)
        transport.close()
        return data, address

    assert network.run(story(), host="app") == (b"hello", ("10.0.1.10", 7))


@pytest.mark.parametrize(("address", "size", "seconds"), [("10.0.1.11", 1_250_000, 1.0), ("10.0.1.12", 500_000, 0.5)])
def test_a_source_keeps_its_rate_and_its_time(network, address, size, seconds):
    async def story():
        loop = asyncio.get_running_loop()
        begun = loop.time()
        reader, writer = await asyncio.open_connection(address, 19)
        data = await reader.read()
        writer.close()
        return len(data), loop.time() - begun

    length, took = network.run(story(), host="app")
    assert length == pytest.approx(size, abs=65_536)  # it sends in blocks
    assert took == pytest.approx(seconds, abs=0.06)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rate": "fast"}, r"options\.rate: expected a rate like 10Mbps"),
        ({"rate": 5}, r"options\.rate: expected a rate"),
        ({"rate": "0bps"}, r"options\.rate: expected a rate"),
        ({"duration": "5"}, r"options\.duration: expected a duration"),
    ],
)
def test_a_wrong_load_is_named(options, message):
    with pytest.raises(OptionError, match=message):
        program_of(service("source", **options))
