"""Flows that share one bottleneck: the least network that theories of TCP speak of.

    senders -> [ limit, queue ] -> delay -> receivers
            <------ delay, acknowledgments --------

The limit is the network's own :class:`Shaper`; the queue is drop-tail and one
bandwidth-delay product long unless said otherwise.  Half of the round trip is
on each way; acknowledgments are neither limited nor lost.  Sources never run
dry and sinks read at once, so that TCP alone is measured.
"""

from __future__ import annotations

from collections import deque
from heapq import heappop, heappush
from random import Random
from typing import TYPE_CHECKING

from emulator.simulation.shaper import QUEUE_FULL, Shaper
from emulator.tcp import Connection, State, TcpConfig

if TYPE_CHECKING:
    from collections.abc import Callable

MS = 1_000_000
SECOND = 1_000_000_000
BLOCK = bytes(1 << 20)
AHEAD = 1 << 19
"""Octets kept ready to be sent."""


class Flow:
    """A sender and its receiver.

    Attributes:
        received: Octets that the receiver's program has got.
        dropped: Packets that found the queue full or were lost by chance.
    """

    def __init__(self, index: int, config: TcpConfig, rng: Random) -> None:
        ends = 0x0A000001, 40_000 + index, 0x0A000002, 80
        self.sender = Connection(config, *ends, rng.getrandbits(32))
        self.receiver = Connection(config, *ends[2:], *ends[:2], rng.getrandbits(32))
        self.received = 0
        self.dropped = 0
        self.begins_at = 0
        self.timers = [-1, -1]


class Dumbbell:
    """Flows through a limit of ``rate`` bit/s (IP bytes) at a round-trip time of ``rtt`` nanoseconds.

    Args:
        loss: Probability that a data packet is lost behind the queue.
        queue: Bytes; one bandwidth-delay product if None.
        jitter: Most nanoseconds by which a packet comes late to the queue, order kept: the noise of real hosts without
            which flows of equal round-trip time lock into phase (Floyd and Jacobson, 1991).
    """

    def __init__(
        self,
        rate: int,
        rtt: int,
        flows: int = 1,
        config: TcpConfig | None = None,
        *,
        loss: float = 0.0,
        queue: int | None = None,
        jitter: int = 0,
        stagger: int = 0,
        seed: int = 1,
    ) -> None:
        self.rng = Random(seed)
        self.rate = rate
        self.rtt = rtt
        self.config = config or TcpConfig(mss=1460)
        bandwidth_delay = rate * rtt // (8 * SECOND)
        largest = self.config.mss + 40
        self.limit = Shaper("limit", rate, 2 * largest, max(bandwidth_delay, 4 * largest) if queue is None else queue)
        self.loss = loss
        self.jitter = jitter
        self.now = 0
        self.packets = 0
        self.lost = 0
        self.flows = [Flow(index, self.config, self.rng) for index in range(flows)]
        self._there: deque = deque()
        self._back: deque = deque()
        self._timers: list[tuple[int, int, int]] = []
        self._latest = 0
        for index, flow in enumerate(self.flows):
            flow.begins_at = self.rng.randrange(stagger + 1)
            flow.timers[0] = flow.begins_at
            heappush(self._timers, (flow.begins_at, index, 0))

    def payload_share(self) -> float:
        """Return how much of a full packet is payload."""
        mss = self.flows[0].sender.snd_mss
        return mss / (mss + (52 if self.config.timestamps else 40))

    # -- one end at a time

    def _settle_sender(self, index: int, flow: Flow) -> None:
        end = flow.sender
        now = self.now
        while end.snd_end - end.snd_nxt < AHEAD:
            end.write(BLOCK, now)
        outbox = end.outbox
        if outbox:
            end.to_send(now)
            draw, half, there = self.rng.random, self.rtt // 2, self._there
            for packet in outbox:
                at = now
                if self.jitter:
                    at = self._latest = max(self._latest, now + int(draw() * self.jitter))
                leaves_at = self.limit.admit(packet.length, at)
                if leaves_at == QUEUE_FULL or (self.loss and packet.payload and draw() < self.loss):
                    flow.dropped += 1
                    self.lost += 1
                else:
                    there.append((leaves_at + half, index, packet))
        self._set(index, flow, 0, end.deadline)

    def _settle_receiver(self, index: int, flow: Flow) -> None:
        end = flow.receiver
        if end.inbox:
            for data in end.take(self.now):
                flow.received += len(data)
        outbox = end.outbox
        if outbox:
            end.to_send(self.now)
            at, back = self.now + self.rtt - self.rtt // 2, self._back
            for packet in outbox:
                back.append((at, index, packet))
        self._set(index, flow, 1, end.deadline)

    def _set(self, index: int, flow: Flow, who: int, deadline: int) -> None:
        if deadline >= 0 and (flow.timers[who] < 0 or deadline < flow.timers[who]):
            flow.timers[who] = deadline
            heappush(self._timers, (deadline, index, who))

    # -- time

    def run(self, until: int, stop: Callable[[], bool] | None = None) -> None:
        """Let time pass until ``until``, or until ``stop``, which is asked every thousand things that happen."""
        there, back, timers, flows = self._there, self._back, self._timers, self.flows
        countdown = 1000
        while True:
            due = there[0][0] if there else until
            kind = 0
            if back and back[0][0] < due:
                due, kind = back[0][0], 1
            if timers and timers[0][0] < due:
                due, kind = timers[0][0], 2
            if due >= until:
                self.now = until
                return
            self.now = due
            if kind == 0:
                _, index, packet = there.popleft()
                flow = flows[index]
                end = flow.receiver
                if end.state is State.CLOSED:
                    end.accept(packet, due)
                else:
                    end.receive(packet, due)
                self.packets += 1
                self._settle_receiver(index, flow)
            elif kind == 1:
                _, index, packet = back.popleft()
                flow = flows[index]
                flow.sender.receive(packet, due)
                self.packets += 1
                self._settle_sender(index, flow)
            else:
                self._on_timer(*heappop(timers))
            countdown -= 1
            if not countdown:
                countdown = 1000
                if stop is not None and stop():
                    return

    def _on_timer(self, due: int, index: int, who: int) -> None:
        flow = self.flows[index]
        if flow.timers[who] != due:
            return
        flow.timers[who] = -1
        end = flow.receiver if who else flow.sender
        if end.state is State.CLOSED and not who:
            end.connect(due)
        elif 0 <= end.deadline <= due:
            end.on_timer(due)
        if who:
            self._settle_receiver(index, flow)
        else:
            self._settle_sender(index, flow)

    # -- figures

    def goodput(self, begin: int, end: int) -> list[float]:
        """Run to ``begin``, then to ``end``; return each flow's octets received in between as bit/s."""
        self.run(begin)
        before = [flow.received for flow in self.flows]
        self.run(end)
        return [
            (flow.received - had) * 8 * SECOND / (end - begin) for flow, had in zip(self.flows, before, strict=True)
        ]


def jain(rates: list[float]) -> float:
    """Return Jain's fairness index: 1 if all are equal, 1/n if one has everything."""
    return sum(rates) ** 2 / (len(rates) * sum(rate * rate for rate in rates))
