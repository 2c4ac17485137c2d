"""A round trip told to people and to programs.

Both forms are drawn from the steps of the walk and from nothing else (D1).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emulator.model.traces import Dropped, Step, Trace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emulator.wire.packet import Packet


@dataclass(frozen=True, slots=True)
class RoundTrip:
    """A packet and its answer.

    Attributes:
        question: The packet on one line, e.g. ``tcp 10.0.1.10:40000 > 10.0.2.20:443``.
        forward: The way out.
        reply: The way back, or None if the packet did not arrive.
        remarks: What happened before the first packet, e.g. the answer a name got.
        ended: The packet and its answer as they were where they ended.
    """

    question: str
    forward: Trace
    reply: Trace | None
    remarks: tuple[str, ...] = ()
    ended: tuple[Packet | None, Packet | None] = (None, None)

    @property
    def reachable(self) -> bool:
        """Whether both ways are open: a verdict is about the round trip (D8)."""
        return self.reply is not None and not isinstance(self.reply.ending, Dropped)

    @property
    def blocker(self) -> Dropped | None:
        """What stopped it, on either way; None if reachable."""
        for trace in (self.forward, self.reply):
            if trace is not None and isinstance(trace.ending, Dropped):
                return trace.ending
        return None

    def to_json(self) -> dict[str, Any]:
        """Return the documented object of ``vpcemu trace --json``."""
        return {
            "question": self.question,
            "remarks": list(self.remarks),
            "forward": _direction(self.forward),
            "reply": None if self.reply is None else _direction(self.reply),
            "reachable": self.reachable,
        }

    def lines(self) -> Iterator[str]:
        """Yield the story hop by hop, out and back, with a tick or the reason at each gate."""
        yield self.question
        yield from (f"  {remark}" for remark in self.remarks)
        yield "out"
        yield from map(_line, self.forward.steps)
        if self.reply is not None:
            yield "back"
            yield from map(_line, self.reply.steps)
        blocker = self.blocker
        yield "reachable" if blocker is None else f"not reachable: {blocker}"


def _direction(trace: Trace) -> dict[str, Any]:
    ending = trace.ending
    return {
        "outcome": ending.outcome.value,
        "reason": ending.reason.value if isinstance(ending, Dropped) else None,
        "component": ending.component,
        "rule": ending.rule if isinstance(ending, Dropped) else None,
        "path": [_step(step) for step in trace.steps],
    }


def _step(step: Step) -> dict[str, Any]:
    return {
        "component": step.component,
        "gate": step.gate,
        "verdict": "pass" if step.reason is None else "drop",
        "reason": None if step.reason is None else step.reason.value,
        "rule": step.rule,
        "detail": step.detail or None,
    }


def _line(step: Step) -> str:
    mark = "✓" if step.passed else "✗"
    said = "" if step.reason is None else f"  {step.reason}"
    rule = f"  [{step.rule}]" if step.rule else ""
    detail = f"  {step.detail}" if step.detail else ""
    return f"  {mark} {step.component:<24} {step.gate:<24}{said}{rule}{detail}"
