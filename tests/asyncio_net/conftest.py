"""Hosts on one wire: the least network that host stacks can be tested on."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from typing import TYPE_CHECKING, Any, TypeVar

import pytest_asyncio

from emulator.asyncio_net.addresses import parse_ipv4
from emulator.asyncio_net.loop import VirtualTimeLoop
from emulator.asyncio_net.stack import HostStack
from emulator.simulation.agenda import Agenda, Event

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from emulator.wire.packet import Packet

T = TypeVar("T")


class FakePlug:
    """An attachment; whom its packets reach is the hub's to say."""

    def __init__(self, hub: Hub, host: HostStack, address: int, vpc_id: str = "vpc-1") -> None:
        self.hub = hub
        self.host = host
        self.attachment_id = f"eni-{host.name}-{len(host.attachments)}"
        self.address = address
        self.vpc_id = vpc_id
        self.vpc_endpoint_id: str | None = None
        self.secondary: tuple[int, ...] = ()

    def send(self, packet: Packet) -> None:
        self.hub.carry(packet, self)

    def sender(self, key):
        return self.send


class Hub(Event):
    """One FIFO with a delay for everything; packets to nobody vanish, and ``lose`` decides about the rest."""

    def __init__(self, agenda: Agenda, delay: int = 500_000) -> None:
        self.agenda = agenda
        self.delay = delay
        self.plugs: dict[tuple[str, int], FakePlug] = {}
        self.queue: deque[tuple[Packet, FakePlug]] = deque()
        self.lose: Callable[[Packet], bool] = lambda _: False
        self.seen: list[Packet] = []
        self.hosts: list[HostStack] = []
        self.loop: VirtualTimeLoop

    def host(self, name: str, address: str, vpc_id: str = "vpc-1", **options: Any) -> HostStack:
        host = HostStack(self.loop, name, random.Random(f"7/{name}"), **options)
        self.plug(host, address, vpc_id)
        self.hosts.append(host)
        return host

    def plug(self, host: HostStack, address: str, vpc_id: str = "vpc-1") -> FakePlug:
        number = parse_ipv4(address)
        assert number is not None
        plug = FakePlug(self, host, number, vpc_id)
        host.attach(plug)
        self.plugs[vpc_id, number] = plug
        return plug

    def carry(self, packet: Packet, source: FakePlug) -> None:
        self.seen.append(packet)
        target = self.plugs.get((source.vpc_id, packet.dst))
        if target is not None and not self.lose(packet):
            self.queue.append((packet, target))
            self.agenda.add(self.agenda.now + self.delay, self)

    def fire(self, now: int) -> None:
        packet, target = self.queue.popleft()
        target.host.receive(target, packet, now)


@pytest_asyncio.fixture
async def hub():
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualTimeLoop)
    hub = Hub(loop.agenda)
    hub.loop = loop
    return hub


@pytest_asyncio.fixture
async def web(hub):
    return hub.host("web", "10.0.1.5")


@pytest_asyncio.fixture
async def db(hub):
    return hub.host("db", "10.0.2.7")


@pytest_asyncio.fixture
async def on():
    """Run a coroutine on a host and return its result."""

    async def run(host: HostStack, coro: Coroutine[Any, Any, T]) -> T:
        return await host.create_task(coro)

    return run
