"""Random conversations, packet by packet: new flows, replies, strangers, and what comes after edits.

A conversation goes on as real hosts would: an answer is sent only to what was
delivered.  What Linux and AWS see differently is not sent; docs/kernel.md lists
it, with the reasons.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from netaddr import IPAddress

from emulator.wire.packet import ACK, FIN, PSH, RST, SYN, Packet, icmp, tcp, udp
from tests.kernel.worlds import OUTSIDE, PORTS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

OTHER_PROTOCOLS = (47, 50, 103, 253)
STRANGERS = (ACK, ACK, SYN | ACK, RST, RST | ACK, FIN | ACK, 0, SYN | FIN, FIN | PSH | 0x20, PSH | ACK)
ONE_SHOT_ICMP = ((0, 0), (13, 0), (17, 0), (3, 1), (11, 0), (8, 0))


class End(NamedTuple):
    """An interface and an address that it sends from."""

    eni: str
    address: int


class Conversation:
    """Two ends and whose turn it is; ``say`` is None when it is over."""

    def __init__(self, draw: Random, client: End, server: End, sport: int, dport: int) -> None:
        self.draw, self.client, self.server, self.sport, self.dport = draw, client, server, sport, dport
        self.over = False
        self._script = self._talk()
        self._next: tuple[str, Packet] | None = next(self._script)

    def say(self) -> tuple[str, Packet]:
        """Return ``(interface, packet)``: what is sent next."""
        assert self._next is not None
        return self._next

    def hear(self, *, delivered: bool) -> None:
        """Learn what became of it, and think of what to say next."""
        try:
            self._next = self._script.send(delivered)  # type: ignore[attr-defined]
        except StopIteration:
            self.over = True

    def edited(self) -> None:
        """Learn that rules were edited which may have left the flow untracked, or leave it so (SG-10)."""

    def _talk(self) -> Iterator[tuple[str, Packet]]:
        raise NotImplementedError


class Tcp(Conversation):
    """A connection from SYN to FIN or RST, with retransmissions and data both ways.

    It may begin in the middle (SG-17), and after a clean end begin again on the same ports.
    """

    talking = False
    """Neither opening nor closing."""
    edits = 0

    def edited(self) -> None:
        """Linux lets a tracked flow rest while it is untracked, and does not see it open or close meanwhile."""
        self.edits += 1
        if not self.talking:
            self.over = True

    def _segment(self, forward: bool, flags: int, size: int = 0) -> tuple[str, Packet]:
        here, there = (self.client, self.server) if forward else (self.server, self.client)
        ports = (self.sport, self.dport) if forward else (self.dport, self.sport)
        ack = self.sent[not forward] if flags & ACK else 0
        return here.eni, tcp(here.address, there.address, *ports, flags, bytes(size), self.sent[forward], ack)

    def _talk(self):
        draw = self.draw
        self.sent = [draw.getrandbits(31), draw.getrandbits(31)]
        while True:
            if draw.random() < 0.85:
                if not (yield from self._handshake()):
                    return
            else:  # the middle of a flow that nobody remembers
                got = yield self._segment(True, ACK)
                if not got:
                    return
            clean = yield from self._data()
            if clean is None or self.edits or draw.random() < 0.5:
                return
            self.sent = [draw.getrandbits(31), draw.getrandbits(31)]  # the same ports again

    def _handshake(self):
        draw = self.draw
        for flags, forward in ((SYN, True), (SYN | ACK, False), (ACK, True)):
            for _ in range(3):
                if flags & ACK and flags & SYN and draw.random() < 0.15:
                    if draw.random() < 0.5:
                        yield self._segment(True, SYN)  # a retransmission
                    else:
                        yield self._segment(False, RST | ACK)  # nobody listens
                        return False
                if (yield self._segment(forward, flags)):
                    break
            else:
                return False
            if flags & SYN:
                self.sent[forward] += 1
        return True

    def _data(self):
        """Talk until the end; True after a clean one, None after any other."""
        draw, self.talking = self.draw, True
        for _ in range(draw.randrange(1, 14)):
            forward = draw.random() < 0.5
            size = draw.choice((0, 1, 100, 1400))
            if (yield self._segment(forward, ACK | PSH if size else ACK, size)):
                self.sent[forward] += size
        self.talking = False
        if draw.random() < 0.3:
            yield self._segment(draw.random() < 0.5, RST | ACK)
            return None
        first = draw.random() < 0.5
        for forward in (first, not first):
            if not (yield self._segment(forward, FIN | ACK)):
                return None
            self.sent[forward] += 1
            if not (yield self._segment(not forward, ACK)):
                return None
        return True


class Udp(Conversation):
    """Datagrams, either way, whatever became of the ones before."""

    def _talk(self):
        forward = True
        for _ in range(self.draw.randrange(1, 14)):
            here, there = (self.client, self.server) if forward else (self.server, self.client)
            ports = (self.sport, self.dport) if forward else (self.dport, self.sport)
            yield here.eni, udp(here.address, there.address, *ports, bytes(self.draw.randrange(32)))
            forward = self.draw.random() < 0.5


class Echo(Conversation):
    """Echo requests and replies to those that arrived; sometimes the other side asks too, under the same identifier."""

    def _talk(self):
        for number in range(self.draw.randrange(1, 8)):
            here, there = self.client, self.server
            if self.draw.random() < 0.2:
                here, there = there, here
            if (yield here.eni, icmp(here.address, there.address, 8, 0, self.sport, number)):
                yield there.eni, icmp(there.address, here.address, 0, 0, self.sport, number)


class Other(Conversation):
    """A protocol without ports: known by addresses and number (SG-11)."""

    def _talk(self):
        for _ in range(self.draw.randrange(1, 10)):
            here, there = self.draw.choice(((self.client, self.server), (self.server, self.client)))
            yield here.eni, Packet(here.address, there.address, self.dport, 0, 0, bytes(8), 28)


class Stranger(Conversation):
    """One packet that belongs to no flow, and nothing after it."""

    def __init__(
        self, draw: Random, client: End, server: End, sport: int, dport: int, message: tuple[int, int]
    ) -> None:
        self.message = message
        super().__init__(draw, client, server, sport, dport)

    def _talk(self):
        draw, here, there = self.draw, self.client, self.server
        kind = draw.random()
        if kind < 0.65:
            yield here.eni, tcp(here.address, there.address, self.dport, self.sport, draw.choice(STRANGERS), b"x", 7, 9)
        elif kind < 0.85:
            yield here.eni, icmp(here.address, there.address, *self.message, self.sport, 1, bytes(28))
        else:
            spoofed = here.address + draw.choice((1, 256, 1 << 24))
            yield here.eni, udp(spoofed, there.address, self.sport, self.dport)


def conversations(draw: Random, ends: list[End]) -> Iterator[Conversation]:
    """Yield conversations without end; no two share a flow."""
    outside = [int(IPAddress(address)) for address in OUTSIDE]
    spoken: set[tuple[int, int, int]] = set()
    messages: set[tuple[int, int, int]] = set()
    sport = 20_000
    while True:
        sport = sport + 1 if sport < 60_000 else 20_000
        client, server = draw.sample(ends, 2)
        where = draw.random()
        if where < 0.04:  # nobody has this address, or it is outside
            server = End("nobody", draw.choice((*outside, client.address ^ 0x70, ends[0].address ^ 0x0000_0F00)))
        lost = server.eni == "nobody"
        kind = draw.random()
        if lost or kind < 0.15:
            message = draw.choice(ONE_SHOT_ICMP)
            flow = (client.address, server.address, message[0])
            if message[0] in (0, 8) or flow not in messages:
                messages.add(flow)
                yield Stranger(draw, client, server, sport, draw.choice(PORTS), message)
        elif kind < 0.65:
            yield Tcp(draw, client, server, sport, draw.choice(PORTS))
        elif kind < 0.85:
            yield Udp(draw, client, server, sport, draw.choice(PORTS))
        elif kind < 0.95:
            yield Echo(draw, client, server, sport, 0)
        else:
            protocol = draw.choice(OTHER_PROTOCOLS)
            flow = (*sorted((client.address, server.address)), protocol)
            if flow not in spoken:
                spoken.add(flow)
                yield Other(draw, client, server, 0, protocol)
