"""Two connections and a network that a test makes bad, hour by hour, and good again.

Unlike :class:`tests.tcp.world.World` nothing happens by itself: a test says how
long time passes.  The clock may jump, as it does for a machine that was asleep:
what was due then happens late, all at one instant.
"""

from __future__ import annotations

import random
from heapq import heappop, heappush
from typing import TYPE_CHECKING

from emulator.tcp import Connection, State, TcpConfig
from emulator.wire.options import read
from emulator.wire.packet import ACK, RST, SYN, Packet

if TYPE_CHECKING:
    from collections.abc import Iterator

MS = 1_000_000
SECOND = 1_000_000_000
HOUR = 3600 * SECOND
A, B = 0x0A000001, 0x0A000002
STREAMS = tuple(random.Random(seed).randbytes(1 << 19) for seed in (1, 2))
"""What each end writes, as far as it gets: position tells the octet, so a lost or doubled one shows."""
PATIENT = 10
"""Whoever sends that often again..."""
TRIES, FEW = 5, 2
"""...is sure that the fifth of equal segments gets through, unless there is a blackout; others that the second does."""


class Weather:
    """How the network treats packets from now on.

    Attributes:
        loss, reorder, duplicate, mark: Probabilities per packet; ``mark`` is of CE, on packets that allow it.
        delay: Nanoseconds one way.
        dark: Nothing gets through.
    """

    def __init__(self, loss: float = 0, reorder: float = 0, duplicate: float = 0, mark: float = 0) -> None:
        self.loss = loss
        self.reorder = reorder
        self.duplicate = duplicate
        self.mark = mark
        self.delay = 10 * MS
        self.dark = False


class Bystander:
    """Sees what both ends send and knows what no end of a connection may ever do."""

    def __init__(self) -> None:
        self.shifts = [-1, -1]
        """Window scale options: the windows' units, if both ends sent one."""
        self.edge: list[int | None] = [None, None]
        """The octet before which each end has allowed the other to send."""
        self.acknowledged: list[int | None] = [None, None]

    def sees(self, packet: Packet, who: int) -> None:
        """Look at a packet that end ``who`` sends."""
        if packet.flags & SYN:
            self.shifts[who] = read(packet.options).window_scale
        if packet.flags & (RST | ACK) == ACK:
            self._takes_nothing_back(packet, who)
        edge = self.edge[1 - who]
        if packet.payload and edge is not None:
            # One octet more is a probe of a closed window (RFC 9293 section 3.8.6.1).
            beyond = _distance(edge, packet.seq + len(packet.payload))
            assert beyond <= 1, f"{beyond} octets beyond the window"

    def _takes_nothing_back(self, packet: Packet, who: int) -> None:
        before = self.acknowledged[who]
        assert before is None or _distance(before, packet.ack) >= 0, "an acknowledgment was taken back"
        self.acknowledged[who] = packet.ack
        unit = 1 << self.shifts[who] if min(self.shifts) >= 0 else 1
        edge = self.edge[who]
        right = packet.ack + packet.window * (1 if packet.flags & SYN else unit)  # RFC 7323 section 2.2
        if edge is None or _distance(edge, right) > 0:
            self.edge[who] = right
        elif not packet.flags & SYN:
            # Windows are rounded to their unit (RFC 7323 section 2.4), and the one of the SYN was not.
            assert _distance(right, edge) < 2 * unit, "the window was taken back"


def _distance(a: int, b: int) -> int:
    """Return how far ``b`` is behind ``a`` in sequence space."""
    return (b - a + 0x80000000 & 0xFFFFFFFF) - 0x80000000


class Pair:
    """Two ends, what each wrote and read, and the packets between them."""

    def __init__(
        self,
        configs: tuple[TcpConfig, TcpConfig],
        iss: tuple[int, int],
        seed: int,
        *,
        both_open: bool,
        through_bytes: bool,
    ) -> None:
        self.rng = random.Random(seed)
        self.sure = TRIES if min(config.retries2 for config in configs) >= PATIENT else FEW
        self.weather = Weather()
        self.now = 0
        self.agenda: list[tuple[int, int, int, Packet]] = []
        self.drawn = 0
        self.tries: dict[tuple[int, ...], int] = {}
        self.both_open = both_open
        self.through_bytes = through_bytes
        self.ends = [
            Connection(configs[0], A, 40000, B, 80, iss[0]),
            Connection(configs[1], B, 80, A, 40000, iss[1], ts_offset=77),
        ]
        self.written = [0, 0]
        self.got = [bytearray(), bytearray()]
        self.reading = [True, True]
        self.bystander = Bystander()
        self.lost = 0
        self.last_state = [State.CLOSED, State.CLOSED]
        """Of each end, the state before it was CLOSED."""
        for who in (0, 1) if both_open else (0,):
            self.ends[who].connect(0)
            self.settle(who)

    # -- what programs do

    def write(self, who: int, size: int) -> None:
        end = self.ends[who]
        data = STREAMS[who][self.written[who] : self.written[who] + size]
        end.write(data, self.now)
        self.written[who] += len(data)
        self.settle(who)

    def may_write(self, who: int) -> bool:
        end = self.ends[who]
        open_ = (State.SYN_SENT, State.SYN_RECEIVED, State.ESTABLISHED, State.CLOSE_WAIT)
        return end.state in open_ and not end.fin_wanted

    # -- the network

    def settle(self, who: int) -> None:
        """Do after a call what a driver does."""
        end = self.ends[who]
        if end.state is not State.CLOSED:
            self.last_state[who] = end.state
        if end.inbox and self.reading[who]:
            for data in end.take(self.now):
                self.got[who] += data
        for packet in end.to_send(self.now):
            self.bystander.sees(packet, who)
            carried = Packet.from_bytes(packet.to_bytes()) if self.through_bytes else packet
            for at in self._fate(carried, who):
                self.drawn += 1
                heappush(self.agenda, (at, self.drawn, 1 - who, carried))

    def _fate(self, packet: Packet, who: int) -> Iterator[int]:
        weather, draw = self.weather, self.rng.random
        key = who, packet.seq, packet.ack, len(packet.payload), packet.flags
        tries = self.tries[key] = self.tries.get(key, 0) + 1
        if weather.dark or (draw() < weather.loss and tries < self.sure):
            self.lost += 1
            return
        if packet.tos & 3 in (1, 2) and draw() < weather.mark:
            packet.tos |= 3
        at = self.now + weather.delay
        if draw() < weather.reorder:
            at += self.rng.randrange(30 * MS)
        yield at
        while draw() < weather.duplicate:
            at += self.rng.randrange(20 * MS)
            yield at

    def next_at(self) -> int:
        """Return when the next thing is due, or -1."""
        due = [end.deadline for end in self.ends if end.deadline >= 0]
        if self.agenda:
            due.append(self.agenda[0][0])
        return min(due, default=-1)

    def step(self) -> None:
        """Do the next thing that is due, now or at its time if that is to come."""
        due = self.next_at()
        self.now = max(self.now, due)
        if self.agenda and self.agenda[0][0] == due:
            _, _, who, packet = heappop(self.agenda)
            self._deliver(packet, who)
        else:
            who = 0 if self.ends[0].deadline == due else 1
            self.ends[who].on_timer(self.now)
            assert self.ends[who].deadline < 0 or self.ends[who].deadline > self.now, "a timer that does not move"
        self.settle(who)

    def _deliver(self, packet: Packet, who: int) -> None:
        end = self.ends[who]
        if who == 1 and not self.both_open and end.state is State.CLOSED and end.snd_nxt == end.iss:
            if packet.flags & (SYN | ACK) == SYN:
                end.accept(packet, self.now)
        else:
            end.receive(packet, self.now)

    def run(self, until: int, steps: int) -> bool:
        """Let time pass until ``until``; False if that took more than ``steps`` things to happen."""
        while 0 <= self.next_at() <= until:
            if not steps:
                return False
            steps -= 1
            self.step()
        self.now = max(self.now, until)
        return True
