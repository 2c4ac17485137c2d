"""Many questions at once: every host to every endpoint, as a table of answers."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emulator.flows.conntrack import FlowState
from emulator.network.naming import Names
from emulator.network.questions import ask

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from emulator.control import ControlPlane
    from emulator.observe.explain import RoundTrip


@dataclass(frozen=True, slots=True)
class Matrix:
    """Answers by source and destination.

    Attributes:
        sources, destinations: In the order asked.
        answers: ``(source, destination)`` → the answer.
    """

    sources: tuple[str, ...]
    destinations: tuple[str, ...]
    answers: dict[tuple[str, str], RoundTrip]

    @property
    def reachable(self) -> bool:
        """Whether every answer is yes."""
        return all(answer.reachable for answer in self.answers.values())

    def verdict(self, source: str, to: str) -> str:
        """Return ``reachable``, or what stopped the packet and where."""
        answer = self.answers[source, to]
        return "reachable" if answer.reachable else f"{answer.blocker}{answer.where}"

    def legend(self) -> dict[str, int]:
        """Return a number for each way in which something is stopped, the most frequent first."""
        counts: dict[str, int] = {}
        for source, to in self.answers:
            verdict = self.verdict(source, to)
            if verdict != "reachable":
                counts[verdict] = counts.get(verdict, 0) + 1
        ordered = sorted(counts, key=lambda verdict: (-counts[verdict], verdict))
        return {verdict: number for number, verdict in enumerate(ordered, 1)}

    def to_json(self) -> dict[str, Any]:
        """Return the documented object of ``vpcemu trace --matrix --json``."""
        cells = []
        for (source, to), answer in self.answers.items():
            blocker = answer.blocker
            cells.append(
                {
                    "from": source,
                    "to": to,
                    "reachable": answer.reachable,
                    "reason": None if blocker is None else str(blocker.reason),
                    "component": None if blocker is None else blocker.component,
                    "rule": None if blocker is None else blocker.rule,
                    "way": answer.way,
                }
            )
        return {"reachable": self.reachable, "answers": cells}


def matrix(
    plane: ControlPlane,
    sources: Sequence[str] = (),
    destinations: Sequence[str] = (),
    protocol: str = "tcp",
    port: int = 443,
    source_port: int = 40000,
    progress: Callable[[int, int], None] | None = None,
) -> Matrix:
    """Ask from every source to every destination, each question by itself.

    Args:
        plane: The network, which is only read.
        sources: Hosts; none: every instance.
        destinations: As for one question, with ports; none: every VPC endpoint.
        protocol: ``tcp``, ``udp`` or ``icmp``.
        port: Of destinations without one.
        source_port: For TCP and UDP.
        progress: Told ``(answered, questions)`` after each.

    Raises:
        BadQuestion: if something named is not there.
    """
    sources = tuple(dict.fromkeys(sources)) or tuple(plane.instances)
    destinations = tuple(dict.fromkeys(destinations)) or tuple(plane.vpc_endpoints)
    names, state = Names(plane), FlowState()
    answers: dict[tuple[str, str], RoundTrip] = {}
    for pair in itertools.product(sources, destinations):
        answers[pair] = ask(plane, names, state, 0, *pair, protocol, source_port, port=port)
        if progress is not None:
            progress(len(answers), len(sources) * len(destinations))
    return Matrix(sources, destinations, answers)
