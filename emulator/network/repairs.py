"""What would have to change for a question to be answered with yes, and all that is in the way.

The walk stops at the first gate that refuses.  Here that gate is opened, on a
copy of the network and by the very verb its owner would call, and the question
is asked again, until the packet and its answer pass or nothing helps.  So the
list of blockers is what packets would really have met one after the other, and
the list of changes has been tried.  Where a gate can be opened in several ways, the
narrowest that leads all the way is taken.  A change opens no more than the
question needs: one port, one peer, the prefix list of the service.  In the end
each is taken back once, to see whether the others do without it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from emulator.control import Ec2Error
from emulator.model.traces import Delivered, Dropped
from emulator.network.remedies import BEYOND_CONFIGURATION, remedies

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from emulator.control import ControlPlane
    from emulator.model.traces import Trace
    from emulator.observe.explain import RoundTrip

MOST_BLOCKERS: Final = 24
"""Gates in the way after which a question is given up."""

MOST_ASKED: Final = 100
"""Networks that are tried before a question is given up."""


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
    """One thing in the way.

    Attributes:
        ending: How the packet ended there.
        way: Whether it was on its way ``out`` or ``back``.
        gate: Which of the component's gates it was.
        met: How many gates the packet had passed before, on that way.
    """

    ending: Dropped
    way: str
    gate: str
    met: int

    def __str__(self) -> str:
        """The blocker on one line."""
        return f"{self.ending}, {self.gate} on the way {self.way}"

    def is_still(self, other: Blocker) -> bool:
        """Whether it is the same gate, perhaps with other words."""
        mine = (self.ending.component, self.way, self.gate, self.met)
        return mine == (other.ending.component, other.way, other.gate, other.met)


@dataclass(frozen=True, slots=True)
class Repair:
    """What is in the way, and what would clear it.

    Attributes:
        blockers: Everything that stops the packet or its answer, in the order in which it would be met. If no changes
            were found that work, the last is the one that nothing helped against.
        changes: The smallest set of changes found; empty if none is needed, or none helps.
        works: Whether with these changes the answer is yes.
    """

    blockers: tuple[Blocker, ...]
    changes: tuple[Change, ...]
    works: bool

    def lines(self) -> Iterator[str]:
        """Yield what a person would want to read below a refusal."""
        if len(self.blockers) > 1:
            yield "in the way, one after the other:" if self.works else "as far as a change of configuration gets it:"
            yield from (f"  {number}. {blocker}" for number, blocker in enumerate(self.blockers, 1))
        if self.changes and self.works:
            yield "what would make it pass:"
            yield from (f"  {change}" for change in self.changes)
        elif self.blockers:
            yield f"no change of configuration was found that makes it pass{self.why_not()}"

    def why_not(self) -> str:
        """Return why nothing helps, after a colon, where that can be said."""
        why = BEYOND_CONFIGURATION.get(self.blockers[-1].ending.reason)
        return f": {why}" if why else ""

    def to_json(self) -> dict[str, Any]:
        """Return the object under ``repair`` of ``vpcemu trace --json``."""
        return {
            "blockers": [
                {
                    "reason": str(one.ending.reason),
                    "component": one.ending.component,
                    "gate": one.gate,
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
    search = _Search(question)
    answer = question(plane)
    cleared = search.clear(plane, answer, ())
    if cleared is None:
        return Repair(search.furthest, (), works=False)
    blockers, options = cleared
    kept = _needed(plane, list(options), question)
    return Repair(blockers, tuple(change for option in kept for change in option), works=True)


def blocker_of(answer: RoundTrip) -> Blocker:
    """Return what stopped an answered question."""
    trace, way = stopped(answer)
    assert isinstance(trace.ending, Dropped)
    gate = trace.steps[-1].gate if trace.steps else ""
    return Blocker(trace.ending, way, gate, max(len(trace.steps) - 1, 0))


def stopped(answer: RoundTrip) -> tuple[Trace, str]:
    """Return the direction that was stopped, and its name."""
    if not isinstance(answer.forward.ending, Delivered):
        return answer.forward, "out"
    assert answer.reply is not None
    return answer.reply, "back"


class _Search:
    """Depth first through the remedies; a gate that an option has not opened is not tried to be opened again."""

    def __init__(self, question: Callable[[ControlPlane], RoundTrip]) -> None:
        self.question = question
        self.asked = 0
        self.furthest: tuple[Blocker, ...] = ()

    def clear(
        self, plane: ControlPlane, answer: RoundTrip, before: tuple[Blocker, ...]
    ) -> tuple[tuple[Blocker, ...], tuple[list[Change], ...]] | None:
        """Return all that is in the way and the options that clear it; None if nothing does."""
        if answer.reachable:
            return before, ()
        before = (*before, blocker_of(answer))
        if len(before) > len(self.furthest):
            self.furthest = before
        if len(before) == MOST_BLOCKERS:
            return None
        for option in remedies(plane, answer):
            changes = [Change(verb, parameters) for verb, parameters in option]
            tried = _with(plane, changes)
            if tried is None:
                continue
            if self.asked == MOST_ASKED:
                return None
            self.asked += 1
            after = self.question(tried)
            if not after.reachable and any(blocker_of(after).is_still(one) for one in before):
                continue
            found = self.clear(tried, after, before)
            if found is not None:
                return found[0], (changes, *found[1])
        return None


def _with(plane: ControlPlane, changes: Iterable[Change]) -> ControlPlane | None:
    """Return a copy of a network with changes made; None if one is refused."""
    tried = plane.copy()
    try:
        for change in changes:
            change.apply(tried)
    except Ec2Error:
        return None
    return tried


def _needed(
    plane: ControlPlane, options: list[list[Change]], question: Callable[[ControlPlane], RoundTrip]
) -> list[list[Change]]:
    """Return the options without those that the others do without."""
    kept = options
    for option in options:
        fewer = [one for one in kept if one is not option]
        tried = _with(plane, (change for one in fewer for change in one))
        if fewer and tried is not None and question(tried).reachable:
            kept = fewer
    return kept
