"""Scripts with one expectation made wrong: each must be noticed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from emulator.tcp.drill.parser import parse
from emulator.tcp.drill.runner import SYMBOLS, Runner, system_of
from emulator.tcp.drill.script import Call, Event
from emulator.tcp.drill.segments import ANY_SEQ, Segment
from emulator.tcp.drill.settings import Settings
from emulator.wire.packet import ACK, PSH, SYN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emulator.tcp.drill.script import Action

MOST = 12
"""Mutants of one script: its last expectations matter most, and tests are to be quick."""


def wrong(action: Action) -> Iterator[Action]:
    """Return an expectation made wrong in one way or another."""
    if isinstance(action, Segment) and action.outbound:
        if action.seq != ANY_SEQ and not action.flags & SYN:
            yield replace(action, seq=action.seq + 7)
        yield replace(action, flags=action.flags ^ PSH)
        if action.flags & ACK:
            yield replace(action, ack=action.ack + 7)
        if action.options is not None:
            yield replace(action, options=(*action.options, ("nop",), ("nop",)))
        if action.window >= 0:
            yield replace(action, window=action.window ^ 1)
    elif isinstance(action, Call) and isinstance(action.result, int) and action.name not in {"socket", "epoll_create"}:
        if action.result == -1:
            yield replace(action, errno="EIO")
        elif action.name not in {"accept", "accept4"}:
            yield replace(action, result=action.result + 1)


def mutants(text: str, name: str) -> Iterator[tuple[Action, Runner]]:
    """Return a runner for each of the last expectations of a script made wrong, with the line before it changed."""
    profile = system_of(text)
    symbols = SYMBOLS.get(profile, frozenset())
    events = parse(text, name, symbols).events
    places = [(i, changed) for i, event in enumerate(events) for changed in wrong(event.action)]
    for i, changed in places[-MOST:]:
        script = parse(text, name, symbols)
        script.events[i] = Event(events[i].place, events[i].when, changed)
        yield events[i].action, Runner(script, Settings.of(profile))
