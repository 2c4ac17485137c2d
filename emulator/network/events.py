"""Timed events of a scenario: control-plane verbs in the middle of a run (D5).

Any verb of the control plane may be named, EC2's and the emulator's own (faults
of zones, interfaces, NAT gateways and services among them).  They are tried in
order on a copy of the network when the scenario is read, so that one that would
be refused is a problem with a line and a column; in the run they happen between
two packets, and the next packet meets the changed network.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emulator.control import Ec2Error, verbs
from emulator.network.event_parameters import complaints, in_units
from emulator.simulation.agenda import Event
from emulator.topology.problems import INVALID, Problem, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emulator.control import ControlPlane
    from emulator.network.network import Network
    from emulator.network.schema import EventSpec
    from emulator.topology.documents import Document


@dataclass(frozen=True, slots=True)
class Happened:
    """What became of an event.

    Attributes:
        at: When it was, in nanoseconds since the beginning of the run.
        verb: Of the control plane.
        parameters: The verb's.
        code, message: AWS's error code and text if it was refused.
    """

    at: int
    verb: str
    parameters: dict[str, Any]
    code: str | None = None
    message: str = ""


class TimedEvent(Event):
    """A verb on the agenda."""

    __slots__ = ("network", "outcome", "spec")

    def __init__(self, network: Network, spec: EventSpec) -> None:
        self.network: Network = network
        self.spec: EventSpec = spec
        self.outcome: Happened | None = None

    def fire(self, now: int) -> None:
        """Call the verb."""
        verb, parameters = self.spec.do, self.spec.parameters
        try:
            getattr(self.network.ec2, verb)(**in_units(parameters))
        except Ec2Error as error:
            self.outcome = Happened(now, verb, parameters, error.code, error.message)
        else:
            self.outcome = Happened(now, verb, parameters)


def schedule(network: Network, specs: list[EventSpec]) -> list[TimedEvent]:
    """Put a scenario's events on the network's agenda; they keep no run alive."""
    events = [TimedEvent(network, spec) for spec in specs]
    for event in events:
        network.agenda.add_background(event.spec.at, event)
    return events


def let_events_happen(network: Network, events: list[TimedEvent]) -> None:
    """Let time pass until the last event: they keep no run alive by themselves."""
    last = max((event.spec.at for event in events), default=-1)
    hosts = list(network.ec2.instances)
    if last >= network.now and hosts:
        network.run(asyncio.sleep((last - network.now) / 1e9 + 1e-6), host=hosts[0])


def event_problems(document: Document, plane: ControlPlane, specs: list[EventSpec]) -> Iterator[Problem]:
    """Yield what is wrong with a scenario's events: unknown verbs and parameters, and what would be refused."""
    known = verbs()
    tried = plane.copy()
    for number, spec in sorted(enumerate(specs), key=lambda one: (one[1].at, one[0])):
        path = ("events", number)
        signature = known.get(spec.do)
        if signature is None:
            text = f'no verb "{spec.do}"{did_you_mean(spec.do, tuple(known))}'
            yield Problem.at(document.mark((*path, "do")), INVALID, text)
            continue
        wrong = list(complaints(signature, spec.parameters))
        for name, text in wrong:
            yield Problem.at(document.mark((*path, name) if name else path), INVALID, text)
        if wrong:
            continue
        try:
            getattr(tried, spec.do)(**in_units(spec.parameters))
        except Ec2Error as error:
            if error.code != spec.expect:
                where = (*path, error.parameter) if error.parameter in spec.parameters else path
                yield Problem.at(document.mark(where), error.code, error.message)
        except (TypeError, ValueError, AttributeError, KeyError) as error:
            yield Problem.at(document.mark(path), INVALID, f"{spec.do} cannot take these parameters: {error}")
        else:
            if spec.expect is not None:
                text = f'{spec.do} is not refused, though expect says "{spec.expect}"'
                yield Problem.at(document.mark((*path, "expect")), INVALID, text)
