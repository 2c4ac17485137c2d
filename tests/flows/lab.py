"""A network whose hosts are deaf: send a packet by hand and see which way it went, how it ended, and what came of it.

The fabric carries it, so that what gates answer by themselves (ICMP errors,
resets) travels too, and nothing may be left on its way.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from netaddr import IPAddress

from emulator.flows.tables import Kind
from emulator.flows.walk import origin_of
from emulator.model.traces import Delivered, Dropped
from emulator.simulation.agenda import Agenda
from emulator.simulation.fabric import Attachment, Fabric, Path
from emulator.wire.packet import ACK, IPPROTO_ICMP, IPPROTO_TCP, SYN, Packet, icmp, tcp, udp

if TYPE_CHECKING:
    from collections.abc import Callable

    from emulator.control import ControlPlane
    from emulator.model.traces import Ending, Step

SECOND = 1_000_000_000


def ip(address: str) -> int:
    return int(IPAddress(address))


def at(text: str) -> tuple[int, int]:
    """``10.0.1.5:80`` as address and port; without a port, 40000."""
    host, _, port = text.partition(":")
    return ip(host), int(port or 40000)


def syn(source: str, to: str, flags: int = SYN, payload: bytes = b"", seq: int = 0, ack: int = 0) -> Packet:
    """A TCP segment from ``address:port`` to ``address:port``."""
    (src, sport), (dst, dport) = at(source), at(to)
    return tcp(src, dst, sport, dport, flags, payload, seq, ack)


def datagram(source: str, to: str, payload: bytes = b"") -> Packet:
    (src, sport), (dst, dport) = at(source), at(to)
    return udp(src, dst, sport, dport, payload)


def ping(source: str, to: str, identifier: int = 7) -> Packet:
    return icmp(ip(source), ip(to), 8, 0, identifier=identifier, sequence=1, data=b"are you there?")


def reply_to(packet: Packet, flags: int = SYN | ACK, payload: bytes = b"") -> Packet:
    """What the host would answer that got this packet."""
    if packet.proto == IPPROTO_TCP:
        return tcp(packet.dst, packet.src, packet.dport, packet.sport, flags, payload, packet.ack, packet.seq + 1)
    if packet.proto == IPPROTO_ICMP:
        return icmp(packet.dst, packet.src, 0, 0, packet.sport, 1, packet.payload[8:])
    return udp(packet.dst, packet.src, packet.dport, packet.sport, payload)


def shown(packet: Packet | None) -> str:
    """``10.0.1.5:40000 > 203.0.113.5:443``."""
    if packet is None:
        return ""
    return f"{IPAddress(packet.src)}:{packet.sport} > {IPAddress(packet.dst)}:{packet.dport}"


@dataclass
class Story:
    """What became of a packet.

    ``arrived`` is the packet as its host got it, ``answers`` what gates sent back by themselves and where that
    arrived.
    """

    packet: Packet
    steps: list[Step] = field(default_factory=list)
    arrived: Packet | None = None
    answers: list[tuple[str, Packet]] = field(default_factory=list)

    @property
    def ending(self) -> Ending | None:
        return self.packet.ending

    @property
    def path(self) -> str:
        """The components met, in order, each once in a row."""
        names: list[str] = []
        for step in self.steps:
            if not names or names[-1] != step.component:
                names.append(step.component)
        return " ".join(names)

    @property
    def where(self) -> str:
        """Where it was delivered, or why and where not: ``NO_ROUTE_TO_DESTINATION at private``."""
        ending = self.ending
        return ending.component if isinstance(ending, Delivered) else str(ending)

    @property
    def why(self) -> str:
        """The reason of the drop alone; where it arrived, if it did."""
        ending = self.ending
        return ending.reason.value if isinstance(ending, Dropped) else self.where


class Lab:
    """Deaf hosts at everything that has one."""

    def __init__(self, ec2: ControlPlane, *, compiling: bool = False) -> None:
        self.ec2 = ec2
        self.agenda = Agenda()
        self.fabric = Fabric(self.agenda, ec2, seed=5)
        self.fabric.compiling = compiling
        self.fabric.observe(self)
        self.stories: dict[int, Story] = {}
        self.strangers: list[tuple[str, Packet]] = []
        self._plugs: dict[str, Attachment] = {}

    def plug(self, name: str) -> Attachment:
        tables = self.fabric.tables()
        hosts = [eni.interface_id for eni in tables.interfaces.values() if eni.kind in (Kind.HOST, Kind.ENDPOINT)]
        resolvers = [f"{vpc}/resolver" for vpc in tables.vpcs]
        beyond = [*tables.gateways, *tables.external, *self.ec2.services, *tables.connections, "internet"]
        for one in (*hosts, *resolvers, *beyond):
            if one not in self._plugs:
                self._plugs[one] = self.fabric.attach(origin_of(tables, one), self, 0, "")
        return self._plugs[name]

    # -- what the fabric tells -----------------------------------------------------------

    def receive(self, attachment: Attachment, packet: Packet, now: int) -> None:
        story = self.stories.get(id(root(packet)))
        if story is not None:
            story.arrived = packet
        else:
            self.strangers.append((attachment.attachment_id, packet))

    def walked(self, path: Path, packet: Packet, steps: list[Step], now: int) -> None:
        story = self.stories.get(id(root(packet)))
        if story is not None:
            story.steps += steps

    def dropped(self, path: Path, packet: Packet, ending: Dropped, now: int) -> None:
        pass

    # -- what a test does ----------------------------------------------------------------

    def send(
        self, packet: Packet, sender: str, *, meanwhile: Callable[[], object] | None = None, after: int = 0
    ) -> Story:
        """Send a packet from a component and let the network come to rest.

        ``meanwhile`` is done ``after`` nanoseconds; by default behind its first leg.
        """
        story = self.stories[id(packet)] = Story(packet)
        known = len(self.strangers)
        self.plug(sender).send(packet)
        if meanwhile is not None:
            until = self.agenda.now + after
            while after and 0 <= self.agenda.next_at <= until:
                self.agenda.step()
            meanwhile()
        self.agenda.run()
        assert self.fabric.in_flight == 0
        story.answers = self.strangers[known:]
        assert packet.ending is not None
        return story

    def answer(self, story: Story, flags: int = SYN | ACK, payload: bytes = b"") -> Story:
        """Let whoever got a packet answer it."""
        assert story.arrived is not None, story.where
        assert story.ending is not None
        return self.send(reply_to(story.arrived, flags, payload), story.ending.component)

    def there_and_back(self, packet: Packet, sender: str) -> tuple[str, str]:
        """Where a packet ends, and where its answer does."""
        story = self.send(packet, sender)
        if story.arrived is None and isinstance(story.ending, Delivered):
            raise AssertionError(f"nobody is at {story.where}")
        return story.where, self.answer(story).where if story.arrived is not None else ""

    def wait(self, seconds: float) -> None:
        """Let time pass in silence."""
        assert self.agenda.next_at < 0
        self.agenda.now += int(seconds * SECOND)


def root(packet: Packet) -> Packet:
    """The packet as its sender made it."""
    while packet.origin is not None:
        packet = packet.origin
    return packet
