"""What the host stack, the transports and the loop cost per packet, above TCP and the wire.

The same bulk transfer is run twice: once with two bare ``tcp.Connection`` ends, driven with the least code
that keeps their contract, and once by asyncio protocols on two hosts.  The difference is this room's: one
lookup, the outbox, the program's callbacks, back-pressure, timers.  A packet is an IP packet received by a TCP
end, pure acknowledgments included.

usage: stack.py [MEGABYTES]
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections import deque
from heapq import heappush
from typing import TYPE_CHECKING, Any

from emulator.asyncio_net.loop import VirtualTimeLoop
from emulator.asyncio_net.stack import HostStack
from emulator.simulation.agenda import Agenda, Event
from emulator.tcp import Connection, TcpConfig

if TYPE_CHECKING:
    from emulator.wire.packet import Packet

A, B = 0x0A000105, 0x0A000207
DELAY = 250_000
FLOWS = (1, 100, 1000)
RATE = 10  # gigabits per second, so that windows are filled and not overfilled
BLOCK = bytes(256 * 1024)
SHARED = memoryview(bytearray(65536))  # one for all sinks: the figure is not about cold caches


class Wire(Event):
    """One direction: a serialising link with a delay, one agenda entry while busy, and no gates."""

    __slots__ = (
        "address",
        "agenda",
        "attachment_id",
        "carried",
        "free_at",
        "peer",
        "queue",
        "receiver",
        "secondary",
        "vpc_endpoint_id",
        "vpc_id",
    )

    def __init__(self, agenda: Agenda, address: int) -> None:
        self.agenda = agenda
        self.address = address
        self.attachment_id = f"eni-{address:x}"
        self.vpc_id = "vpc-1"
        self.vpc_endpoint_id: str | None = None
        self.secondary: tuple[int, ...] = ()
        self.queue: deque[tuple[int, int, Packet]] = deque()
        self.carried = 0
        self.free_at = 0
        self.peer: Wire
        self.receiver: Any

    def send(self, packet: Packet) -> None:
        agenda = self.agenda
        seq = agenda.seq + 1
        agenda.seq = seq
        start = max(agenda.now, self.free_at)
        self.free_at = start + packet.length * 8 // RATE
        due_at = self.free_at + DELAY
        if not self.queue:
            heappush(agenda.heap, (due_at, seq, self))
        self.queue.append((due_at, seq, packet))

    def sender(self, key: Any) -> Any:  # noqa: ARG002
        return self.send

    def fire(self, now: int) -> None:
        queue = self.queue
        _, _, packet = queue.popleft()
        if queue:
            due_at, seq, _ = queue[0]
            heappush(self.agenda.heap, (due_at, seq, self))
        self.carried += 1
        self.receiver.receive(self.peer, packet, now)


def pair(agenda: Agenda) -> tuple[Wire, Wire]:
    one, two = Wire(agenda, A), Wire(agenda, B)
    one.peer, two.peer = two, one
    return one, two


class Bare:
    """Connections of one side, driven with the least code."""

    def __init__(self, wire: Wire, total: int) -> None:
        self.wire = wire
        self.left = total
        self.total = 0
        self.connections: dict[int, Connection] = {}
        self.received = 0
        self.over: list[bool] = []

    def receive(self, _: Wire, packet: Packet, now: int) -> None:
        connection = self.connections[packet.dport]
        connection.receive(packet, now)
        self.flush(connection, now)

    def flush(self, connection: Connection, now: int) -> None:
        if connection.inbox:
            for data in connection.take(now):
                self.received += len(data)
            if self.received >= self.total:
                self.over.append(True)
        while self.left > 0 and connection.snd_end - connection.snd_una < 2 * connection.congestion.cwnd + 65536:
            self.left -= len(BLOCK)
            connection.write(BLOCK, now)
        for packet in connection.outbox:
            self.wire.send(packet)
        connection.outbox.clear()


def bare(total: int, mtu: int, flows: int) -> tuple[float, int]:
    agenda = Agenda()
    one, two = pair(agenda)
    config = TcpConfig(mss=mtu - 40)
    source, sink = Bare(one, total), Bare(two, 0)
    sink.total = total
    one.receiver, two.receiver = sink, source
    for n in range(flows):
        client = Connection(config, A, 40000 + n, B, 10000 + n, 1)
        server = Connection(config, B, 10000 + n, A, 40000 + n, 2)
        source.connections[40000 + n] = client
        sink.connections[10000 + n] = server
        client.connect(0)
        server.accept(client.outbox.pop(), 0)
        client.receive(server.outbox.pop(), 0)
        server.receive(client.outbox.pop(), 0)
    began = time.process_time()
    for client in source.connections.values():
        source.flush(client, 0)
    agenda.run_until(sink.over)
    return time.process_time() - began, one.carried + two.carried


class Source(asyncio.BufferedProtocol):
    def __init__(self, budget: list[int]) -> None:
        self.budget = budget
        self.transport: Any = None
        self.paused = False

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def get_buffer(self, _: int) -> bytearray:
        return bytearray(1)

    def pause_writing(self) -> None:
        self.paused = True

    def resume_writing(self) -> None:
        self.paused = False
        self.fill()

    def fill(self) -> None:
        while not self.paused and self.budget[0] > 0:
            self.budget[0] -= len(BLOCK)
            self.transport.write(BLOCK)


class Sink(asyncio.BufferedProtocol):
    def __init__(self, received: list[int], done: asyncio.Future[None], total: int) -> None:
        self.buffer = SHARED
        self.received = received
        self.done = done
        self.total = total

    def get_buffer(self, _: int) -> memoryview:
        return self.buffer

    def buffer_updated(self, nbytes: int) -> None:
        self.received[0] += nbytes
        if self.received[0] >= self.total and not self.done.done():
            self.done.set_result(None)


class PlainSink(asyncio.Protocol):
    def __init__(self, received: list[int], done: asyncio.Future[None], total: int) -> None:
        self.received = received
        self.done = done
        self.total = total

    def data_received(self, data: bytes) -> None:
        self.received[0] += len(data)
        if self.received[0] >= self.total and not self.done.done():
            self.done.set_result(None)


def hosts(total: int, mtu: int, flows: int, kind: Any) -> tuple[float, int]:
    loop = VirtualTimeLoop()
    one, two = pair(loop.agenda)
    client = HostStack(loop, "client", random.Random(1), mtu=mtu)  # noqa: S311 - repeatable, not secret
    server = HostStack(loop, "server", random.Random(2), mtu=mtu)  # noqa: S311 - repeatable, not secret
    client.attach(one)
    server.attach(two)
    one.receiver, two.receiver = server, client
    received = [0]

    async def run() -> float:
        done: asyncio.Future[None] = loop.create_future()
        await server.create_task(loop.create_server(lambda: kind(received, done, total), port=80))
        budget = [total]

        async def connect() -> Source:
            _, source = await loop.create_connection(lambda: Source(budget), "10.0.2.7", 80)
            return source  # type: ignore[no-any-return]

        sources = await asyncio.gather(*(client.create_task(connect()) for _ in range(flows)))
        began = time.process_time()
        for source in sources:
            source.fill()
        await done
        return time.process_time() - began

    seconds = loop.run_until_complete(run())
    loop.shut_down()
    return seconds, one.carried + two.carried


def compare(size: int, mtu: int, flows: int) -> tuple[float, float, float]:
    """Return the least microseconds per packet of the bare, the buffered and the plain transfer."""
    kinds = (
        lambda: bare(size, mtu, flows),
        lambda: hosts(size, mtu, flows, Sink),
        lambda: hosts(size, mtu, flows, PlainSink),
    )
    figures: tuple[list[float], ...] = ([], [], [])
    for _ in range(5):  # in turn: the machine's speed changes from minute to minute
        for run, found in zip(kinds, figures, strict=True):
            seconds, packets = run()
            found.append(seconds / packets * 1e6)
    least, buffered, plain = (min(found) for found in figures)
    return least, buffered, plain


def main() -> None:
    total = int(sys.argv[1]) * 1_000_000 if len(sys.argv) > 1 else 200_000_000
    print("mtu   flows  tcp+wire  buffered (glue)   plain (glue)    microseconds per packet")
    for mtu in (1500, 8500):
        size = total * (mtu // 1400) // 2
        for flows in FLOWS:
            base, buffered, plain = compare(size, mtu, flows)
            above = f"{buffered:9.2f} ({buffered - base:5.2f}) {plain:9.2f} ({plain - base:5.2f})"
            print(f"{mtu:5} {flows:5} {base:8.2f} {above}")


if __name__ == "__main__":
    main()
