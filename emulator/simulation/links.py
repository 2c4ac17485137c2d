"""Links: a fixed delay, in order; and the same with seeded faults.

A link is a FIFO with one agenda entry while it is busy, keyed by its head's
``(due_at, seq)``: 1.8 us for four hops where one entry per packet costs 2.4.
Packets come out in the order they went in, because the delay is fixed.
"""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass
from fnmatch import fnmatchcase
from heapq import heappush
from typing import TYPE_CHECKING, TypeAlias

from emulator.model.reasons import Reason
from emulator.model.traces import Dropped
from emulator.simulation.agenda import Agenda, Event

if TYPE_CHECKING:
    from emulator.simulation.fabric import CompiledLeg, Fabric
    from emulator.wire.packet import Packet

Waiting: TypeAlias = "tuple[int, int, Packet, CompiledLeg]"
"""``(due_at, seq, packet, the leg that begins when it arrives)``."""


class Link(Event):
    """Carries packets from one component to another, ``delay`` nanoseconds later."""

    __slots__ = ("agenda", "delay", "fabric", "link_id", "queue")

    def __init__(self, fabric: Fabric, link_id: str, delay: int) -> None:
        self.fabric: Fabric = fabric
        self.agenda: Agenda = fabric.agenda
        self.link_id: str = link_id
        self.delay: int = delay
        self.queue: deque[Waiting] = deque()

    def carry(self, packet: Packet, leg: CompiledLeg, at: int) -> None:
        """Take a packet that leaves at ``at`` nanoseconds and begins ``leg`` when it arrives."""
        agenda = self.agenda
        seq = agenda.seq + 1
        agenda.seq = seq
        due_at = at + self.delay
        queue = self.queue
        if not queue:
            heappush(agenda.heap, (due_at, seq, self))
        elif due_at < queue[-1][0]:
            due_at = queue[-1][0]  # a shaper was made faster: what waits in front still goes first
        queue.append((due_at, seq, packet, leg))

    def fire(self, now: int) -> None:
        """Let the head arrive; the next one takes its place on the agenda."""
        queue = self.queue
        _, _, packet, leg = queue.popleft()
        if queue:
            due_at, seq, _, _ = queue[0]
            heappush(self.agenda.heap, (due_at, seq, self))
        self.fabric.enter(packet, leg, now)


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to packets between two components.

    Attributes:
        source, target: Component ids, or shell patterns of them.
        loss, duplicate, reorder: Probabilities per packet.
        reorder_delay: Nanoseconds that a reordered packet is held back.
        jitter: Most nanoseconds of extra delay per packet, uniform; order is then not kept.
        only: Apply to packets with these 0-based positions on the link instead of by chance (loss only).
    """

    source: str = "*"
    target: str = "*"
    loss: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    reorder_delay: int = 1_000_000
    jitter: int = 0
    only: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what is no probability and no delay.

        Raises:
            ValueError: naming the value.
        """
        for name in ("loss", "duplicate", "reorder"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is a probability, 0 to 1, not {getattr(self, name)}")
        for name in ("reorder_delay", "jitter"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} is a delay, at least 0 ns, not {getattr(self, name)}")

    def applies(self, source: str, target: str) -> bool:
        """Return whether the fault is on the link from ``source`` to ``target``."""
        return fnmatchcase(source, self.source) and fnmatchcase(target, self.target)


class Arrival(Event):
    """A packet that travels by itself, out of order."""

    __slots__ = ("fabric", "leg", "packet")

    def __init__(self, fabric: Fabric, packet: Packet, leg: CompiledLeg) -> None:
        self.fabric: Fabric = fabric
        self.packet: Packet = packet
        self.leg: CompiledLeg = leg

    def fire(self, now: int) -> None:
        """Let it arrive."""
        self.fabric.enter(self.packet, self.leg, now)


class FaultyLink(Link):
    """A link with a fault on it, drawing from a generator of its own: other links' draws do not disturb it."""

    __slots__ = ("_random", "carried", "fault")

    def __init__(self, fabric: Fabric, link_id: str, delay: int, fault: Fault, seed: str) -> None:
        super().__init__(fabric, link_id, delay)
        self.fault: Fault = fault
        self.carried: int = 0
        self._random: random.Random = random.Random(f"{seed}/{link_id}")  # noqa: S311 - repeatable, not secret

    def carry(self, packet: Packet, leg: CompiledLeg, at: int) -> None:
        """Carry, lose, double, hold back."""
        fault = self.fault
        draw = self._random.random
        position = self.carried
        self.carried += 1
        if position in fault.only or (fault.loss and draw() < fault.loss):
            self.fabric.end(packet, leg, Dropped(Reason.EMU_FAULT, self.link_id, "loss"))
            return
        if fault.duplicate and draw() < fault.duplicate:
            twin = packet.copy()
            self.fabric.duplicated += 1
            super().carry(twin, leg, at)
        held = self._random.randint(0, fault.jitter) if fault.jitter else 0
        if fault.reorder and draw() < fault.reorder:
            held += fault.reorder_delay
        if held:
            self.agenda.add(at + self.delay + held, Arrival(self.fabric, packet, leg))
        else:
            super().carry(packet, leg, at)
