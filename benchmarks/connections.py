"""Ten thousand connections at once on one host, in one process: time and memory of each.

Three ways: two bare ``tcp.Connection`` ends; protocols on transports through the demo's topology (both ends, sockets,
connection tracking and paths included); the same with asyncio's streams and a task at each end.  Every connection is
opened, says 1,000 bytes and hears them again, rests for an hour, and closes.

Memory is what Python allocated (tracemalloc) per connection, *both ends* and all that the network keeps for it; it is
measured in a run of its own, because watching doubles the time.

    python benchmarks/connections.py [--connections 10000]
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import time
import tracemalloc
from typing import TYPE_CHECKING

from harness import GATEWAY, SERVICE, TOPOLOGY

from emulator import Network
from emulator.tcp import Connection, State, TcpConfig

if TYPE_CHECKING:
    from collections.abc import Callable

ADDRESS, PORT = "52.216.0.1", 9
SAID = bytes(1000)
HOUR = 3600


class Stages:
    """Takes time and memory at each stage."""

    def __init__(self, connections: int, *, memory: bool) -> None:
        self.connections = connections
        self.memory = memory
        self.figures: dict[str, float] = {}
        gc.collect()
        if memory:
            tracemalloc.start()
            self.before, _ = tracemalloc.get_traced_memory()
        self.started = time.process_time()

    def done(self, stage: str) -> None:
        """Note what a connection cost in the stage that ends now, in microseconds, or what it holds, in bytes."""
        if self.memory:
            gc.collect()
            held, _ = tracemalloc.get_traced_memory()
            self.figures[stage] = (held - self.before) / self.connections
        else:
            self.figures[stage] = (time.process_time() - self.started) / self.connections * 1e6
        self.started = time.process_time()

    def end(self) -> dict[str, float]:
        """Return the figures."""
        if self.memory:
            tracemalloc.stop()
        return self.figures


def core(connections: int, *, memory: bool) -> dict[str, float]:
    """Two bare ends of each connection, driven by hand."""
    config = TcpConfig(mss=1460)
    pairs: list[tuple[Connection, Connection]] = []
    stages = Stages(connections, memory=memory)
    for index in range(connections):
        a = Connection(config, 0x0A000001, 1024 + index, 0x0A000002, 80, index)
        b = Connection(config, 0x0A000002, 80, 0x0A000001, 1024 + index, index + 7)
        a.connect(0)
        b.accept(a.to_send(0)[0], 0)
        pairs.append((a, b))
        _exchange(a, b, 1_000_000)
        assert a.state is b.state is State.ESTABLISHED
    stages.done("open")
    now = 2_000_000
    for a, b in pairs:
        a.write(SAID, now)
        _exchange(a, b, now)
        b.write(b"".join(b.take(now)), now)
        _exchange(b, a, now)
        assert len(b"".join(a.take(now))) == len(SAID)
    stages.done("talk")
    for a, b in pairs:
        for end in (a, b):
            if end.deadline >= 0:
                end.on_timer(HOUR * 1_000_000_000)
            end.to_send(0)
    stages.done("rest")
    now = (HOUR + 1) * 1_000_000_000
    for a, b in pairs:
        a.close(now)
        _exchange(a, b, now)
        b.close(now)
        _exchange(b, a, now)
        a.on_timer(now + 61_000_000_000)
        assert a.state is b.state is State.CLOSED
    pairs.clear()
    stages.done("close")
    return stages.end()


def _exchange(a: Connection, b: Connection, now: int) -> None:
    """Carry packets to and fro until there are none."""
    while a.outbox or b.outbox:
        for source, target in ((a, b), (b, a)):
            for packet in source.to_send(now):
                target.receive(packet, now)


class Echo(asyncio.Protocol):
    """Sends back what comes."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)


class Caller(Echo):
    """Says something when told to, and counts what it hears."""

    heard = 0

    def say(self) -> None:
        self.transport.write(SAID)

    def data_received(self, data: bytes) -> None:
        self.heard += len(data)


def protocols(connections: int, *, memory: bool) -> dict[str, float]:
    """Protocols on transports, through the demo's network."""
    network, service = Network.load(TOPOLOGY, seed=1), SERVICE + GATEWAY
    callers: list[Caller] = []

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        await loop.create_server(Echo, "0.0.0.0", PORT)  # noqa: S104 - an emulated host

    async def connect() -> None:
        loop = asyncio.get_running_loop()
        for _ in range(connections):
            _, caller = await loop.create_connection(Caller, ADDRESS, PORT)
            callers.append(caller)

    async def talk() -> None:
        for caller in callers:
            caller.say()
        await asyncio.sleep(1)
        assert all(caller.heard == len(SAID) for caller in callers)

    async def close() -> None:
        for caller in callers:
            caller.transport.close()
        callers.clear()
        await asyncio.sleep(600)

    network.run(serve(), host=service)
    stages = Stages(connections, memory=memory)
    network.run(connect(), host="web")
    stages.done("open")
    network.run(talk(), host="web")
    stages.done("talk")
    network.run(asyncio.sleep(HOUR), host="web")
    stages.done("rest")
    network.run(close(), host="web")
    stages.done("close")
    network.abandon()
    return stages.end()


def streams(connections: int, *, memory: bool) -> dict[str, float]:
    """The same with streams, each end with a task of its own."""
    network, service = Network.load(TOPOLOGY, seed=1), SERVICE + GATEWAY
    ends: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
        writer.close()

    async def serve() -> None:
        await asyncio.start_server(echo, "0.0.0.0", PORT)  # noqa: S104 - an emulated host

    async def connect() -> None:
        for _ in range(connections):
            ends.append(await asyncio.open_connection(ADDRESS, PORT))  # noqa: PERF401 - one after the other

    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(SAID)
        await reader.readexactly(len(SAID))

    async def talk() -> None:
        await asyncio.gather(*(say(*end) for end in ends))

    async def close() -> None:
        for _, writer in ends:
            writer.close()
        ends.clear()
        await asyncio.sleep(600)

    network.run(serve(), host=service)
    stages = Stages(connections, memory=memory)
    network.run(connect(), host="web")
    stages.done("open")
    network.run(talk(), host="web")
    stages.done("talk")
    network.run(asyncio.sleep(HOUR), host="web")
    stages.done("rest")
    network.run(close(), host="web")
    stages.done("close")
    network.abandon()
    return stages.end()


WAYS: tuple[tuple[str, Callable[..., dict[str, float]]], ...] = (
    ("two ends of TCP alone", core),
    ("protocols, whole network", protocols),
    ("streams, whole network", streams),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--connections", type=int, default=10_000)
    options = parser.parse_args()
    print(f"{options.connections} connections at once; of each connection, both ends")
    stages = ("open", "talk", "rest", "close")
    print(f"{'':<32}" + "".join(f"{stage:>9}" for stage in stages))
    for memory, unit in ((False, "us"), (True, "bytes")):
        for name, way in WAYS:
            figures = way(options.connections, memory=memory)
            row = f"{name + ', ' + unit:<32}"
            print(row + "".join(f"{figures[stage]:>9.0f}" for stage in stages), flush=True)
            gc.collect()


if __name__ == "__main__":
    main()
