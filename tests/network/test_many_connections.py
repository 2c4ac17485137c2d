"""Ten thousand connections at once on one host, in one process, through the network (benchmarks/connections.py)."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from emulator import Network

TOPOLOGY = Path(__file__).resolve().parents[2] / "topologies" / "two-az-endpoints" / "topology.yaml"
S3, ADDRESS, PORT = "com.amazonaws.us-east-1.s3", "52.216.0.1", 9
CONNECTIONS = 10_000


class Echo(asyncio.Protocol):
    def connection_made(self, transport) -> None:
        self.transport = transport

    def data_received(self, data) -> None:
        self.transport.write(data)


class Caller(Echo):
    heard = b""
    lost = False

    def data_received(self, data) -> None:
        self.heard += data

    def connection_lost(self, exc) -> None:
        assert exc is None
        self.lost = True


@pytest.mark.slow
def test_ten_thousand_connections_are_open_at_once_and_each_hears_its_own_echo() -> None:
    network = Network.load(TOPOLOGY, seed=1)
    callers: list[Caller] = []
    web, service = network.hosts["web"].tcp, network.hosts[S3].tcp

    async def serve() -> None:
        await asyncio.get_running_loop().create_server(Echo, "0.0.0.0", PORT)  # noqa: S104 - an emulated host

    async def call() -> None:
        loop = asyncio.get_running_loop()
        for batch in range(CONNECTIONS // 100):
            made = await asyncio.gather(*(loop.create_connection(Caller, ADDRESS, PORT) for _ in range(100)))
            callers.extend(caller for _, caller in made)
            assert len(web.sockets) == 100 * (batch + 1)
        for index, caller in enumerate(callers):
            caller.transport.write(b"%d" % index)
        await asyncio.sleep(3600)
        assert len(web.sockets) == len(service.sockets) == CONNECTIONS
        for caller in callers:
            caller.transport.close()
        await asyncio.sleep(600)

    network.run(serve(), host=S3)
    network.run(call(), host="web")
    assert [caller.heard for caller in callers] == [b"%d" % index for index in range(CONNECTIONS)]
    assert all(caller.lost for caller in callers)
    assert len(web.sockets) == len(service.sockets) == 0
    network.close()
