"""A round trip told to people and to programs.

Both forms are drawn from the steps of the walk and from nothing else (D1).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from emulator.model.traces import Dropped, Step, Trace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emulator.model.reasons import Reason
    from emulator.wire.packet import Packet


@dataclass(frozen=True, slots=True)
class DnsAnswer:
    """What a name in a question was resolved to: the layer before the first packet.

    Attributes:
        name: The name asked for.
        addresses: As the resolver has them; a host takes the first, and the next one the next time.
        source: Which kind of name answered, e.g. ``private DNS``.
        record: The name or wildcard that answered, or the private zone that said no.
        owner: The endpoint, hosted zone, interface or service that it belongs to.
        hint: Why, if another answer was to be expected, e.g. because of an endpoint that does not cover the name.
        chain: CNAME and ALIAS records on the way, ``name TYPE target``.
        resolver: Who answered: ``<vpc>/resolver``, a Resolver endpoint, or public DNS.
        reason: Why there is no address; None if there is.
    """

    name: str
    addresses: tuple[str, ...]
    source: str
    record: str = ""
    owner: str = ""
    hint: str = ""
    chain: tuple[str, ...] = ()
    resolver: str = ""
    reason: Reason | None = None

    def sentence(self) -> str:
        """Return what the resolver said, in one sentence."""
        if self.reason is not None:
            if self.reason.value == "EMU_DNS_OFF" and not self.record:
                return f"{self.name} does not resolve: {self.resolver} does not answer (DNS-2, DNS-5)"
            by = f" ({self.source} {self.record})" if self.record else ""
            return f"{self.name} does not resolve: {self.reason}{by}"
        first, *others = self.addresses
        rest = f", and in turn to {', '.join(others)}" if others else ""
        return f"{self.name} resolves to {first}{rest} ({self.source})"

    def remarks(self) -> Iterator[str]:
        """Yield what a person should know of it before the first packet."""
        yield from self.chain
        yield self.sentence()
        if self.hint:
            yield self.hint

    def to_json(self) -> dict[str, Any]:
        """Return the object under ``dns`` of ``vpcemu trace --json``."""
        return {
            "name": self.name,
            "addresses": list(self.addresses),
            "source": self.source,
            "record": self.record or None,
            "owner": self.owner or None,
            "hint": self.hint or None,
            "chain": list(self.chain),
            "resolver": self.resolver,
            "reason": None if self.reason is None else self.reason.value,
        }


@dataclass(frozen=True, slots=True)
class RoundTrip:
    """A packet and its answer.

    Attributes:
        question: The packet on one line, e.g. ``tcp 10.0.1.10:40000 > 10.0.2.20:443``.
        forward: The way out.
        reply: The way back, or None if the packet did not arrive.
        remarks: What happened before the first packet, e.g. the answer a name got.
        dns: The answer a name got, or None if none was asked for. Without an address there was no packet either:
            ``forward`` then is the one step ``dns``, which refused.
        ended: The packet and its answer as they were where they ended.
    """

    question: str
    forward: Trace
    reply: Trace | None
    remarks: tuple[str, ...] = ()
    dns: DnsAnswer | None = None
    ended: tuple[Packet | None, Packet | None] = field(default=(None, None), repr=False, compare=False)

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

    @property
    def way(self) -> str | None:
        """Which way was stopped, ``out`` or ``back``; None if neither was, or no packet was sent at all."""
        if self.blocker is None or self.ended == (None, None):
            return None
        return "out" if self.reply is None else "back"

    @property
    def where(self) -> str:
        """The end of a sentence that says which way was stopped."""
        return "" if self.way is None else f", on the way {self.way}"

    def to_json(self) -> dict[str, Any]:
        """Return the documented object of ``vpcemu trace --json``."""
        return {
            "question": self.question,
            "remarks": list(self.remarks),
            "dns": None if self.dns is None else self.dns.to_json(),
            "forward": _direction(self.forward),
            "reply": None if self.reply is None else _direction(self.reply),
            "reachable": self.reachable,
        }

    def lines(self) -> Iterator[str]:
        """Yield the story hop by hop, out and back, with a tick or the reason at each gate."""
        yield self.question
        yield from (f"  {remark}" for remark in self.remarks)
        steps = [*self.forward.steps, *(self.reply.steps if self.reply is not None else ())]
        widths = [max((len(getattr(step, name)) for step in steps), default=0) for name in ("component", "gate")]
        yield "out"
        yield from (_line(step, *widths) for step in self.forward.steps)
        if self.reply is not None:
            yield "back"
            yield from (_line(step, *widths) for step in self.reply.steps)
        blocker = self.blocker
        yield "reachable" if blocker is None else f"not reachable: {blocker}{self.where}"


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


def _line(step: Step, component: int, gate: int) -> str:
    mark = "✓" if step.passed else "✗"
    said = "" if step.reason is None else f"  {step.reason}"
    rule = f"  [{step.rule}]" if step.rule else ""
    detail = f"  {step.detail}" if step.detail else ""
    return f"  {mark} {step.component:<{component}}  {step.gate:<{gate}}{said}{rule}{detail}".rstrip()
