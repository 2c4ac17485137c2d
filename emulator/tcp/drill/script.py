"""What a script says, as records."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias

from emulator.tcp.drill.segments import Segment

if TYPE_CHECKING:
    from types import EllipsisType

    from emulator.tcp.drill.errors import Place


class Word(str):
    """A symbol of an expression: ``SOL_SOCKET``."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Union:
    """Symbols and numbers joined by ``|``."""

    parts: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Applied:
    """A function of an expression, ``htons(8080)`` or ``msg_iov(1)``."""

    name: str
    arguments: tuple[Value, ...]


Value: TypeAlias = "int | float | Word | str | EllipsisType | Union | Applied | list[Value] | dict[str, Value]"
"""An expression: numbers, :class:`Word`, plain ``str`` for quoted text, arrays, and ``{...}`` as dict or list."""

ABSOLUTE: Final = "absolute"
RELATIVE: Final = "relative"
ANY: Final = "any"


@dataclass(frozen=True, slots=True)
class When:
    """The time of an event; nanoseconds, ``end`` is -1 unless it is a range."""

    kind: str
    start: int = 0
    end: int = -1


@dataclass(frozen=True, slots=True)
class Icmp:
    """An ICMP error to inject: about the segment of ours that begins at ``seq``, if it tells."""

    kind: int
    code: int
    mtu: int = 0
    seq: int | None = None
    size: int = 0
    text: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """A system call and what it returns; ``until`` (nanoseconds) is when a blocking one returns."""

    name: str
    arguments: tuple[Value, ...]
    result: Value
    errno: str
    until: int
    text: str


@dataclass(frozen=True, slots=True)
class Command:
    """A shell command; only its meaning for the settings is taken over."""

    text: str


@dataclass(frozen=True, slots=True)
class Code:
    """Python code between ``%{`` and ``}%``."""

    text: str


Action: TypeAlias = Segment | Icmp | Call | Command | Code


@dataclass(frozen=True, slots=True)
class Event:
    """Something at a time."""

    place: Place
    when: When
    action: Action


@dataclass(slots=True)
class Script:
    """A whole script.

    Attributes:
        options: ``--name=value`` of its head; the value is "" where there is none.
        set_up: The command before the first event.
        events: In order.
    """

    path: str
    options: dict[str, tuple[str, Place]] = field(default_factory=dict)
    set_up: list[tuple[Command, Place]] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
