"""The same packets through the kernel and through the walk; what either says of each."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import islice
from random import Random
from typing import TYPE_CHECKING

from emulator.flows.conntrack import FlowState
from emulator.flows.walk import origin_of, walk
from emulator.model.traces import Delivered
from tests.kernel.lab import Lab
from tests.kernel.traffic import End, conversations
from tests.kernel.worlds import edit, world

if TYPE_CHECKING:
    from emulator.control import ControlPlane
    from emulator.model.traces import Trace
    from emulator.wire.packet import Packet

AT_ONCE = 150
"""Conversations going on at one time."""
ROUNDS = 12
EDIT_EVERY = 3


@dataclass
class Outcome:
    """How many packets were compared, how they ended, and every difference."""

    packets: int = 0
    endings: Counter[str] = field(default_factory=Counter)
    differences: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """Two lines for people."""
        endings = ", ".join(f"{count} {gate}" for gate, count in self.endings.most_common())
        return f"{self.packets} packets, {len(self.differences)} differences\n{endings}"


def verdict(trace: Trace) -> str:
    """Return a trace's ending in the words that the lab's gates log."""
    if isinstance(trace.ending, Delivered):
        return f"delivered {trace.ending.component}"
    step = trace.steps[-1]
    if step.gate in ("route", "delivery"):
        return "route"
    if step.gate.startswith("network_acl"):
        assert step.rule is not None
        return f"{step.gate} {step.component} {step.rule.split()[0]}"
    return step.gate


class Emulated:
    """The emulator's half; time stands still."""

    def __init__(self, ec2: ControlPlane) -> None:
        self.ec2, self.state = ec2, FlowState()

    def send(self, batch: list[tuple[str, Packet]]) -> list[str]:
        tables = self.ec2.tables()
        return [verdict(walk(tables, self.state, packet, origin_of(tables, eni_id), 0)[0]) for eni_id, packet in batch]


def compare(seed: int, outcome: Outcome, rounds: int = ROUNDS) -> None:
    """Compare one random world, edited now and then; in those with an odd seed some flows are untracked."""
    draw, untracked = Random(seed), seed % 2 == 1
    ec2 = world(draw, untracked=untracked)
    ends = [End(eni.network_interface_id, int(eni.private_ip_address)) for eni in ec2.network_interfaces.values()]
    source = conversations(draw, ends)
    talking = list(islice(source, AT_ONCE))
    emulated, lab = Emulated(ec2), Lab(ec2)
    try:
        for number in range(rounds):
            if number and number % EDIT_EVERY == 0:
                edit(ec2, draw, untracked=untracked)
                lab.load(ec2)
                for one in talking if untracked else ():
                    one.edited()
                talking = [one for one in talking if not one.over]
            batch = [one.say() for one in talking]
            kernel, ours = lab.send(batch), emulated.send(batch)
            for one, (eni_id, packet), theirs, mine in zip(talking, batch, kernel, ours, strict=True):
                outcome.packets += 1
                outcome.endings[mine.split()[0]] += 1
                if theirs != mine:
                    what = f"{packet.proto} {packet.src:#x}:{packet.sport}>{packet.dst:#x}:{packet.dport}"
                    outcome.differences.append(
                        f"seed {seed}, round {number}, {type(one).__name__} from {eni_id}: {what} "
                        f"flags {packet.flags:#x}: the kernel says {theirs}, the emulator {mine}"
                    )
                one.hear(delivered=mine.startswith("delivered"))
            talking = [one for one in talking if not one.over]
            talking += islice(source, AT_ONCE - len(talking))
    finally:
        lab.close()
