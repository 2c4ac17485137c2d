"""What would have to change for a question to be answered with yes, and all that is in the way.

The walk stops at the first gate that refuses.  Here that gate is opened, on a
copy of the network and by the very verb its owner would call, and the question
is asked again, until the packet and its answer pass or nothing helps.  So the
list of blockers is what packets would really have met one after the other, and
the list of changes has been tried.  A change opens no more than the question
needs: one port, one peer, the prefix list of the service.  In the end each is
taken back once, to see whether the others do without it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from emulator.control import Ec2Error
from emulator.model.traces import Delivered, Dropped
from emulator.network.remedies import remedies

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from emulator.control import ControlPlane
    from emulator.model.traces import Trace
    from emulator.observe.explain import RoundTrip

MOST_CHANGES: Final = 24
"""Changes after which a question is given up."""


@dataclass(frozen=True, slots=True)
class Change:
    """One call of a control-plane verb.

    Attributes:
        verb: EC2's name of it, in snake case.
        parameters: Its parameters.
    """

    verb: str
    parameters: dict[str, Any]

    def apply(self, plane: ControlPlane) -> None:
        """Make the call.

        Raises:
            Ec2Error: as the verb does.
        """
        getattr(plane, self.verb)(**self.parameters)

    def __str__(self) -> str:
        """The call as a person would write it: ``create_route(route_table_id=private, ...)``."""
        shown = ", ".join(f"{name}={_shown(value)}" for name, value in self.parameters.items())
        return f"{self.verb}({shown})"


def _shown(value: object) -> str:
    if isinstance(value, list | tuple):
        return f"[{', '.join(_shown(one) for one in value)}]"
    return str(value)


@dataclass(frozen=True, slots=True)
class Blocker:
    """One thing in the way: how the packet ended there, and whether it was on its way ``out`` or ``back``."""

    ending: Dropped
    way: str

    def __str__(self) -> str:
        """The blocker on one line."""
        return f"{self.ending}, on the way {self.way}"


@dataclass(frozen=True, slots=True)
class Repair:
    """What is in the way, and what would clear it.

    Attributes:
        blockers: Everything that stops the packet or its answer, in the order in which it would be met.
        changes: The smallest set of changes found; empty if none is needed, or none helps.
        works: Whether with these changes the answer is yes.
    """

    blockers: tuple[Blocker, ...]
    changes: tuple[Change, ...]
    works: bool

    def lines(self) -> Iterator[str]:
        """Yield what a person would want to read below a refusal."""
        if len(self.blockers) > 1:
            yield "in the way, one after the other:"
            yield from (f"  {number}. {blocker}" for number, blocker in enumerate(self.blockers, 1))
        if self.changes and self.works:
            yield "what would make it pass:"
            yield from (f"  {change}" for change in self.changes)
        elif self.blockers:
            yield "no change of the network's configuration was found that makes it pass"

    def to_json(self) -> dict[str, Any]:
        """Return the object under ``repair`` of ``vpcemu trace --json``."""
        return {
            "blockers": [
                {
                    "reason": str(one.ending.reason),
                    "component": one.ending.component,
                    "rule": one.ending.rule,
                    "way": one.way,
                }
                for one in self.blockers
            ],
            "changes": [{"verb": one.verb, "parameters": one.parameters} for one in self.changes],
            "works": self.works,
        }


def repair(plane: ControlPlane, question: Callable[[ControlPlane], RoundTrip]) -> Repair:
    """Find what is in the way of a question, and the smallest set of changes that clears it.

    Args:
        plane: The network, which is only read.
        question: Asks it of a network.
    """
    tried = plane.copy()
    answer = question(tried)
    blockers: list[Blocker] = []
    changes: list[Change] = []
    while not answer.reachable and len(changes) < MOST_CHANGES:
        blockers.append(blocker_of(answer))
        step = _next(tried, answer, question, blockers)
        if step is None:
            return Repair(tuple(blockers), (), works=False)
        option, tried, answer = step
        changes += option
    if not answer.reachable:
        return Repair(tuple(blockers), (), works=False)
    return Repair(tuple(blockers), _needed(plane, changes, question), works=True)


def blocker_of(answer: RoundTrip) -> Blocker:
    """Return what stopped an answered question."""
    trace, way = stopped(answer)
    assert isinstance(trace.ending, Dropped)
    return Blocker(trace.ending, way)


def stopped(answer: RoundTrip) -> tuple[Trace, str]:
    """Return the direction that was stopped, and its name."""
    if not isinstance(answer.forward.ending, Delivered):
        return answer.forward, "out"
    assert answer.reply is not None
    return answer.reply, "back"


def _next(
    plane: ControlPlane,
    answer: RoundTrip,
    question: Callable[[ControlPlane], RoundTrip],
    before: list[Blocker],
) -> tuple[list[Change], ControlPlane, RoundTrip] | None:
    """Return the first remedy that gets the packet past its blocker, with the network and the answer it leads to."""
    for verbs in remedies(plane, answer):
        option = [Change(verb, parameters) for verb, parameters in verbs]
        tried = plane.copy()
        try:
            for change in option:
                change.apply(tried)
        except Ec2Error:
            continue
        after = question(tried)
        if after.reachable or blocker_of(after) not in before:
            return option, tried, after
    return None


def _needed(
    plane: ControlPlane, changes: list[Change], question: Callable[[ControlPlane], RoundTrip]
) -> tuple[Change, ...]:
    """Return the changes without those that the others do without."""
    kept = list(changes)
    for change in changes:
        fewer = [one for one in kept if one is not change]
        tried = plane.copy()
        try:
            for one in fewer:
                one.apply(tried)
        except Ec2Error:
            continue
        if question(tried).reachable:
            kept = fewer
    return tuple(kept)
