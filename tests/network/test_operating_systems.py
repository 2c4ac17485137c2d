"""A document says what its hosts run, and captures look like it."""

from __future__ import annotations

import asyncio

import pytest

from emulator import Network, Packet, TopologyError
from emulator.wire.options import read

TOPOLOGY = """
region: us-east-1
vpcs:
  vpc: {cidr_blocks: [10.0.0.0/16]}
subnets:
  subnet: {cidr_block: 10.0.1.0/24, availability_zone: us-east-1a}
security_groups:
  sg:
    ingress: [{protocol: tcp, ports: 80, peer: 10.0.0.0/16}]
instances:
  web: {subnet_id: subnet, security_group_ids: [sg], operating_system: SYSTEM}
  db: {subnet_id: subnet, security_group_ids: [sg], private_ip_address: 10.0.1.9}
"""


@pytest.mark.parametrize(
    ("system", "ttl", "scale", "ports"),
    [
        ("linux", 64, 7, range(32_768, 61_000)),
        ("windows", 128, 8, range(49_152, 65_536)),
        ("freebsd", 64, 6, range(10_000, 65_536)),
    ],
)
def test_a_hosts_packets_are_those_of_its_system(system: str, ttl: int, scale: int, ports: range, tmp_path) -> None:
    path = tmp_path / "topology.yaml"
    path.write_text(TOPOLOGY.replace("SYSTEM", system))

    async def refused() -> None:
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("10.0.1.9", 80)

    with Network.load(path) as network:
        capture = network.capture("web", tmp_path / "web.pcapng")
        network.run(refused(), host="web")
    seen = [Packet.from_scapy(packet) for packet in capture.packets()]
    assert (seen[0].ttl, read(seen[0].options).window_scale) == (ttl, scale)
    assert seen[0].sport in ports


def test_a_system_that_is_not_modelled_is_refused_with_its_line(tmp_path) -> None:
    path = tmp_path / "topology.yaml"
    path.write_text(TOPOLOGY.replace("SYSTEM", "plan9"))
    with pytest.raises(TopologyError) as refused:
        Network.load(path)
    assert "plan9" in str(refused.value)
    assert "linux, freebsd, windows, macos" in str(refused.value)
    assert ":11:" in str(refused.value)
