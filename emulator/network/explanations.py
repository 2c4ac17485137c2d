"""An answer with its reasons: the walk, the rules looked at, all blockers, and what would clear them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from emulator.network.considered import considered
from emulator.network.repairs import Repair, repair, stopped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from emulator.control import ControlPlane
    from emulator.observe.explain import RoundTrip

MOST_SHOWN: Final = 20
"""Rules shown to people; programs get all."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """A question's answer, and why it is no.

    Attributes:
        answer: The walk, out and back.
        gate: The component and gate that refused; empty if none did.
        looked_at: The lines that the refusing gate had before it; empty where there are none.
        repair: What is in the way and would clear it; None if nothing is, or nobody asked.
    """

    answer: RoundTrip
    gate: str = ""
    looked_at: tuple[str, ...] = ()
    repair: Repair | None = None

    def lines(self) -> Iterator[str]:
        """Yield the answer as people read it."""
        *story, verdict = self.answer.lines()
        yield from story
        if self.looked_at:
            yield f"looked at, in {self.gate}:"
            yield from (f"    {line}" for line in self.looked_at[:MOST_SHOWN])
            if len(self.looked_at) > MOST_SHOWN:
                yield f"    and {len(self.looked_at) - MOST_SHOWN} more"
        yield verdict
        if self.repair is not None:
            yield from self.repair.lines()

    def to_json(self) -> dict[str, Any]:
        """Return the documented object of ``vpcemu trace --json``."""
        return {
            **self.answer.to_json(),
            "gate": self.gate or None,
            "looked_at": list(self.looked_at),
            "repair": None if self.repair is None else self.repair.to_json(),
        }


def explain(plane: ControlPlane, question: Callable[[ControlPlane], RoundTrip], *, repairs: bool = True) -> Explanation:
    """Ask a question of a network; if the answer is no, find out why and what would help.

    Args:
        plane: The network, which is only read.
        question: Asks it of a network.
        repairs: Whether to look for what would make it pass.
    """
    answer = question(plane)
    if answer.reachable:
        return Explanation(answer)
    trace, way = stopped(answer)
    packet = answer.ended[0 if way == "out" else 1]
    last = trace.steps[-1]
    looked_at = considered(plane, last, packet)
    return Explanation(answer, f"{last.component} {last.gate}", looked_at, repair(plane, question) if repairs else None)
