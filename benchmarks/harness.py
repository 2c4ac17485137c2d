"""What the benchmarks share: bulk transfers through the demo's own topology, from a host to behind an endpoint."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from emulator import Network

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).resolve().parent.parent
TOPOLOGY = HERE / "topologies" / "two-az-endpoints" / "topology.yaml"
SERVICE = "com.amazonaws.us-east-1."
GATEWAY = "s3"
INTERFACE = "metering"
PORT = 9
BLOCK = 65_536
WINDOW = 4 << 20


class Tally:
    """Counts what all sinks of a transfer got; ``done`` is set when that is ``expected``."""

    __slots__ = ("done", "expected", "received")

    def __init__(self, expected: int) -> None:
        self.received = 0
        self.expect(expected)

    def expect(self, octets: int) -> None:
        self.expected = octets
        self.done = asyncio.Event()

    def add(self, octets: int) -> None:
        self.received += octets
        if self.received >= self.expected:
            self.done.set()


class Source(asyncio.Protocol):
    """Writes ``left`` bytes in equal blocks, as fast as it is let."""

    def __init__(self, octets: int, block: bytes) -> None:
        self.left = octets
        self.block = block
        self.writing = False
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def pause_writing(self) -> None:
        self.writing = False

    def resume_writing(self) -> None:
        self.writing = True
        transport, block = self.transport, self.block
        assert transport is not None
        while self.writing and self.left > 0:
            transport.write(block if self.left >= len(block) else block[: self.left])
            self.left -= len(block)


class Sink(asyncio.BufferedProtocol):
    """Tells the tally how much came."""

    def __init__(self, tally: Tally) -> None:
        self.tally = tally
        self.buffer = bytearray(1 << 16)

    def get_buffer(self, sizehint: int) -> bytearray:  # noqa: ARG002
        return self.buffer

    def buffer_updated(self, octets: int) -> None:
        self.tally.add(octets)


class Reader(asyncio.Protocol):
    """The same with ``data_received``, which streams are made of."""

    def __init__(self, tally: Tally) -> None:
        self.tally = tally

    def data_received(self, data: bytes) -> None:
        self.tally.add(len(data))


class Transfer:
    """Connections from ``web`` through an endpoint, open and silent until :meth:`push`."""

    def __init__(
        self, target: str, mss: int, flows: int, octets: int, sink: Callable[[Tally], asyncio.BaseProtocol] = Sink
    ) -> None:
        network = self.network = Network.load(TOPOLOGY, seed=1)
        service = SERVICE + target
        address = "52.216.0.1"
        if target != GATEWAY:
            address = str(network.ec2.network_interfaces[f"eni-{target}-us-east-1a"].private_ip_address)
            network.ec2.authorize_security_group_ingress(
                target, ip_protocol="tcp", from_port=PORT, to_port=PORT, cidr_ip="10.0.0.0/16"
            )
        network.hosts["web"].mtu = mss + 40
        network.hosts["web"].tcp.config.mss = mss
        window = max(WINDOW // flows, 65_536)  # else a thousand flows would hold gigabytes in flight
        network.hosts[service].tcp.config.receive_buffer = window
        block = bytes(range(256)) * (BLOCK // 256 + 1)
        block = block[: BLOCK // (mss - 12) * (mss - 12)]  # whole segments (12 are timestamps): payloads repeat
        self.tally = Tally(octets)
        self.sources: list[Source] = []

        async def serve() -> None:
            loop = asyncio.get_running_loop()
            await loop.create_server(lambda: sink(self.tally), "0.0.0.0", PORT)  # noqa: S104 - an emulated host

        async def connect() -> None:
            loop = asyncio.get_running_loop()
            for _ in range(flows):
                _, source = await loop.create_connection(lambda: Source(octets // flows, block), address, PORT)
                self.sources.append(source)

        network.run(serve(), host=service)
        network.run(connect(), host="web")

    def push(self) -> None:
        """Start the sources."""

        async def start() -> None:
            for source in self.sources:
                source.resume_writing()

        self.network.loop.run_until_complete(self.network.start(start(), host="web"))

    def wait(self) -> None:
        """Run until the sinks have got what the tally expects."""
        self.network.loop.run_until_complete(self.network.start(self._done(), host="web"))

    async def _done(self) -> None:
        await self.tally.done.wait()
