"""The story of a packet: steps, and one ending.

A :class:`Trace` is what a walk leaves behind.  Forwarding, flow records, the
comments in a capture and ``vpcemu trace`` all read these same records (D1), so
an explanation cannot differ from what happened.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from emulator.model.reasons import Outcome, Reason


@dataclass(frozen=True, slots=True)
class Step:
    """One gate a packet came to, and what the gate said.

    Attributes:
        component: The resource whose gate it is, by its id.
        gate: What was asked, e.g. ``security_group_egress`` or ``route``.
        rule: The line that decided, as a person would find it in the resource; None where no line did.
        reason: Why the gate refused; None if it let the packet pass.
        detail: A sentence for people, with the fact it rests on.
    """

    component: str
    gate: str
    rule: str | None = None
    reason: Reason | None = None
    detail: str = ""

    @property
    def passed(self) -> bool:
        """Whether the packet went on."""
        return self.reason is None


@dataclass(frozen=True, slots=True)
class Delivered:
    """The packet reached the host behind ``component``."""

    component: str

    @property
    def outcome(self) -> Outcome:
        """Always ``delivered``."""
        return Outcome.DELIVERED


@dataclass(frozen=True, slots=True)
class Dropped:
    """The packet stopped at ``component``; ``rule`` names the line that said so."""

    reason: Reason
    component: str
    rule: str | None = None

    @property
    def outcome(self) -> Outcome:
        """Always ``dropped``."""
        return Outcome.DROPPED

    def __str__(self) -> str:
        """The drop on one line: reason, component, rule."""
        return f"{self.reason} at {self.component}" + (f" ({self.rule})" if self.rule else "")


Ending: TypeAlias = Delivered | Dropped


@dataclass(frozen=True, slots=True)
class Trace:
    """One direction of a conversation: the steps taken and the ending.

    Raises:
        AssertionError: if the story contradicts itself: only the last step may refuse, and it refuses
            exactly when the packet was dropped.
    """

    steps: tuple[Step, ...]
    ending: Ending

    def __post_init__(self) -> None:
        """Check the shape of the story."""
        assert all(step.passed for step in self.steps[:-1]), "only the last step may refuse"
        dropped = isinstance(self.ending, Dropped)
        assert (bool(self.steps) and not self.steps[-1].passed) == dropped, "the ending must match the last step"

    @property
    def path(self) -> tuple[str, ...]:
        """The components met, in order, each once in a row."""
        names: list[str] = []
        for step in self.steps:
            if not names or names[-1] != step.component:
                names.append(step.component)
        return tuple(names)
