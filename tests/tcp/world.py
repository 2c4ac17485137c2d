"""Two connections, a channel between them, and virtual time: for tests that let TCP run by itself."""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING

from emulator.tcp import Connection, State, TcpConfig
from emulator.wire.packet import SYN, Packet

if TYPE_CHECKING:
    from collections.abc import Callable

MS = 1_000_000
SECOND = 1_000_000_000
A, B = 0x0A000001, 0x0A000002


class World:
    """Carries packets between ``ends[0]`` (the client) and ``ends[1]``, each as its ``fate`` says: a list of delays."""

    def __init__(
        self,
        fate: Callable[[Packet, int], list[int]],
        client: TcpConfig | None = None,
        server: TcpConfig | None = None,
        iss: tuple[int, int] = (1000, 2000),
    ) -> None:
        self.fate = fate
        self.now = 0
        self.agenda: list[tuple[int, int, int, Packet]] = []
        self.drawn = 0
        self.packets = 0
        self.ends = [
            Connection(client or TcpConfig(), A, 40000, B, 80, iss[0]),
            Connection(server or TcpConfig(), B, 80, A, 40000, iss[1], ts_offset=77),
        ]
        self.got = [bytearray(), bytearray()]
        self.reading = [True, True]
        self.log: list[tuple[int, int, Packet]] = []
        self.keep_log = False
        self.through_bytes = False

    def connect(self) -> None:
        self.ends[0].connect(self.now)
        self.settle(0)

    def settle(self, who: int) -> None:
        end = self.ends[who]
        check_deadline(end)
        if end.inbox and self.reading[who]:
            for data in end.take(self.now):
                self.got[who] += data
        for packet in end.to_send(self.now):
            if self.keep_log:
                self.log.append((self.now, who, packet))
            carried = Packet.from_bytes(packet.to_bytes()) if self.through_bytes else packet
            for delay in self.fate(packet, who):
                self.drawn += 1
                heappush(self.agenda, (self.now + delay, self.drawn, 1 - who, carried))

    def step(self) -> bool:
        """Do the next thing due; False if there is none."""
        due, who, packet = -1, 0, None
        if self.agenda:
            due, _, who, packet = self.agenda[0]
        for i, end in enumerate(self.ends):
            if end.deadline >= 0 and (due < 0 or end.deadline < due):
                due, who, packet = end.deadline, i, None
        if due < 0:
            return False
        assert due >= self.now
        self.now = due
        end = self.ends[who]
        if packet is None:
            end.on_timer(due)
            assert end.deadline < 0 or end.deadline > due
        else:
            heappop(self.agenda)
            self.packets += 1
            if who == 1 and end.state is State.CLOSED and end.error is None and end.snd_nxt == end.iss:
                if packet.flags & SYN:
                    end.accept(packet, due)
            else:
                end.receive(packet, due)
        self.settle(who)
        return True

    def run(self, until: Callable[[], bool] = lambda: False, limit: int = 10**15) -> None:
        while not until() and self.now <= limit and self.step():
            pass


def check_deadline(end: Connection) -> None:
    """``deadline`` may be early, never late."""
    due = [end.rto_at] if end.rto_at >= 0 else []
    if end.rcv_acked != end.rcv_nxt:
        due.append(end.ack_at)
    assert not due or 0 <= end.deadline <= min(due)


def reliable(delay: int) -> Callable[[Packet, int], list[int]]:
    return lambda packet, who: [delay]
