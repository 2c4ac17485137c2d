"""Runs a script in virtual time, event by event, until it differs or ends.

Time passes only while the script waits for something: a segment that is
expected, the time of the next event, the end of a call that blocks.
"""

from __future__ import annotations

import errno
import re
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from emulator.tcp.drill.calls import Calls
from emulator.tcp.drill.errors import Difference, Place, Unsupported
from emulator.tcp.drill.flow import Flow
from emulator.tcp.drill.information import Assertions
from emulator.tcp.drill.kernel import Endpoint, Kernel
from emulator.tcp.drill.parser import parse
from emulator.tcp.drill.script import ABSOLUTE, ANY, Call, Code, Command, Event, Icmp, Script, When
from emulator.tcp.drill.segments import ANY_SEQ, Segment, differs, write
from emulator.tcp.drill.settings import Settings
from emulator.tcp.drill.symbols import number
from emulator.tcp.drill.transfers import injected
from emulator.tcp.profiles import PROFILES
from emulator.wire.packet import ACK, FIN, PSH, SYN, Packet

if TYPE_CHECKING:
    from emulator.tcp.drill.sockets import Result

SECOND: Final = 1_000_000_000
PATIENCE: Final = 2 * SECOND
"""How long after its time a segment is waited for, so as to say when it came instead."""
ANY_PATIENCE: Final = 3600 * SECOND
CONTEXT: Final = 8
"""How many of the last segments a difference shows."""
SYMBOLS: Final = {"freebsd": frozenset({"FreeBSD"}), "linux": frozenset({"linux", "Linux"})}
FIRST_REMOTE_PORT: Final = 49_152


def system_of(text: str) -> str:
    """Return the system that a script's head names by ``--profile=``; Linux if it names none that there is."""
    found = re.search(r"^--profile=(\w+)", text, re.MULTILINE)
    return found[1] if found and found[1] in PROFILES else "linux"


def run_script(text: str, path: str, profile: str | None = None) -> None:
    """Run a script against the core; return if it holds.

    Args:
        text: The script.
        path: What it is called in messages.
        profile: The system under test; without it what the script's head says.

    Raises:
        Difference: at the first event that happens otherwise.
        ScriptError: if the script does not parse.
        Unsupported: if it uses something that does not exist here.
    """
    system = profile or system_of(text)
    Runner(parse(text, path, SYMBOLS.get(system, frozenset())), Settings.of(system)).run()


@dataclass(slots=True)
class _Blocked:
    """A call that has not returned yet."""

    call: Call
    place: Place
    end: int


class Runner:
    """One script being run."""

    def __init__(self, script: Script, settings: Settings) -> None:
        self.script: Script = script
        self.settings: Settings = settings
        for name, (value, place) in script.options.items():
            settings.take_option(name, value, place)
        self.kernel: Kernel = Kernel(settings)
        self.calls: Calls = Calls(self.kernel)
        self.assertions: Assertions = Assertions()
        self.flow: Flow | None = None
        self.flow_listens: bool = False
        self.next_remote_port: int = FIRST_REMOTE_PORT
        self.blocked: _Blocked | None = None
        self.exchanged: deque[tuple[int, str]] = deque(maxlen=CONTEXT)
        self.previous: int = 0  # the script's time of the event before
        self.place: Place = Place(script.path, 1, 1)

    def run(self) -> None:
        """Run all events."""
        for command, place in self.script.set_up:
            self.place = place
            self.command(command)
        for event in self.script.events:
            self.place = event.place
            try:
                self.event(event)
            except Unsupported as error:
                raise (error if error.place else Unsupported(error.what, event.place)) from None
        if self.blocked is not None:
            self.finish_blocked()

    def event(self, event: Event) -> None:
        """Wait for the time of an event and let it happen, or wait for it to happen."""
        when = event.when
        base = 0 if when.kind == ABSOLUTE else self.kernel.now
        start = base + when.start
        end = base + when.end if when.end >= 0 else -1
        action = event.action
        if isinstance(action, Segment) and action.outbound:
            self.expect(action, when, start, end)
        else:
            self.wait(start)
            if self.kernel.now > start + self.tolerance(start):
                raise self.difference("time", _seconds(start), _seconds(self.kernel.now))
            if isinstance(action, Segment):
                self.inject(action)
            elif isinstance(action, Icmp):
                self.inject_icmp(action)
            elif isinstance(action, Call):
                until = base + action.until if when.kind != ABSOLUTE else action.until
                self.call(action, event.place, until if action.until >= 0 else -1)
            elif isinstance(action, Command):
                self.command(action)
            else:
                self.code(action)
        self.previous = start if when.kind != ANY else self.kernel.now

    # -- time ---------------------------------------------------------------------------------------------------

    def tolerance(self, start: int) -> int:
        """Return how far from ``start`` the event may be: more, the longer it was waited for."""
        share = int((start - self.previous) * self.settings.tolerance_percent / 100)
        return max(self.settings.tolerance, share)

    def wait(self, until: int) -> None:
        """Let time pass."""
        while self.kernel.step(until):
            self.look()
        self.look()

    def look(self) -> None:
        """See whether the blocked call returns."""
        blocked = self.blocked
        if blocked is None:
            return
        result = self.calls.attempt(blocked.call)
        if result is None:
            return
        self.blocked = None
        if abs(self.kernel.now - blocked.end) > self.settings.tolerance:
            raise self.difference(
                f"the time when {blocked.call.name}() returns",
                _seconds(blocked.end), _seconds(self.kernel.now), blocked.place,
            )  # fmt: skip
        self.compare(blocked.call, result, blocked.place)

    def finish_blocked(self) -> None:
        """Wait for the end of the blocked call."""
        blocked = self.blocked
        assert blocked is not None
        limit = blocked.end + self.settings.tolerance
        while self.blocked is not None and self.kernel.step(limit):
            self.look()
        self.look()
        if self.blocked is not None:
            raise self.difference("the result", blocked.call.text, f"{blocked.call.name}() still blocks", blocked.place)

    # -- packets ------------------------------------------------------------------------------------------------

    def inject(self, segment: Segment) -> None:
        """Let the host receive a segment."""
        flow = self.flow
        if flow is None or self.flow_listens:
            local = segment.dport or self.settings.bind_port
            flow = self.flow = Flow(local, segment.sport or self.next_remote_port)
            self.next_remote_port += 1
            self.flow_listens = False
            flow.remote_isn = segment.seq
        elif segment.flags & SYN and flow.active and not flow.answered:
            flow.remote_isn = segment.seq
            flow.answered = not segment.flags & ACK or segment.ack - 1 == flow.script_isn
        offset = segment.seq - 1 if not segment.flags & SYN else segment.seq - flow.remote_isn
        payload = injected(max(offset, 0), segment.size) if offset >= 0 else bytes(segment.size)
        self.note(segment)
        self.kernel.deliver(flow.inbound(segment, payload))
        self.look()

    def inject_icmp(self, message: Icmp) -> None:
        """Let the host receive an ICMP message about the connection under test."""
        flow = self.flow
        if flow is None:
            raise Unsupported("an ICMP message before any connection")
        seq = None if message.seq is None else message.seq + flow.local_isn & 0xFFFFFFFF
        self.exchanged.append((self.kernel.now, f"< {message.text}"))
        self.kernel.icmp(message, (flow.local_port, flow.remote_port), seq)
        self.look()

    def expect(self, segment: Segment, when: When, start: int, end: int) -> None:
        """Wait for a segment from the host, and compare it with the script's."""
        if self.flow is None or self.flow_listens:
            raise self.difference("segments", _at(start, segment), "nothing: there is no connection")
        latest = max(start, end) + PATIENCE if when.kind != ANY else self.kernel.now + ANY_PATIENCE
        found = self.next_packet(latest)
        if found is None:
            raise self.difference("segments", _at(start, segment), f"nothing was sent until {_seconds(latest)}")
        sent_at, packet = found
        flow = self.flow
        if packet.flags & SYN and segment.flags & SYN:
            flow.local_isn = packet.seq
            flow.script_isn = segment.seq
        payload = packet.payload
        while len(payload) < segment.size and not self.settings.strict_segments:
            more = self.next_packet(sent_at + self.settings.tolerance)
            if more is None:
                break
            following = more[1]
            if not _continues(packet, following, len(payload)):
                self.kernel.out.appendleft(more)
                break
            payload += following.payload
            joined = packet.copy()
            joined.flags = following.flags  # of several packets, the last one's PSH and FIN count
            packet = joined
        actual = flow.outbound(packet, len(payload), segment)
        tick = self.settings.ts_tick
        what = differs(segment, actual, ts_tolerance=self._ts_tolerance(start, tick) if tick else -1)
        if not what and payload:
            what = self._misplaced(packet, payload)
        shown = _like(actual, segment)
        if not what and when.kind != ANY:
            slack = self.tolerance(start)
            if not start - slack <= sent_at <= (end if end >= 0 else start) + slack:
                what = "time"
        if what:
            time = "*" if when.kind == ANY else _seconds(start) + (f"~{_seconds(end)}" if end >= 0 else "")
            raise self.difference(what, f"{time} {write(segment)}", _at(sent_at, shown))
        self.exchanged.append((sent_at, write(shown)))

    def _ts_tolerance(self, start: int, tick: int) -> int:
        return max(self.settings.tolerance, int(start * self.settings.tolerance_percent / 100)) // tick

    def _misplaced(self, packet: Packet, payload: bytes) -> str:
        """Say whether a payload is not what the program wrote there."""
        flow = self.flow
        endpoint = self.endpoint()
        if endpoint is None or flow is None or packet.flags & SYN:
            return ""
        offset = packet.seq - flow.local_isn - 1 & 0xFFFFFFFF
        return "" if payload == endpoint.sent[offset : offset + len(payload)] else "payload"

    def endpoint(self) -> Endpoint | None:
        """Return the connection under test, if it is (or was the latest that) there."""
        flow = self.flow
        if flow is not None:
            found = self.kernel.endpoints.get((flow.local_port, flow.remote_port))
            if found is not None:
                return found
        return self.calls.latest

    def next_packet(self, latest: int) -> tuple[int, Packet] | None:
        """Return the next packet of the connection under test, waiting until ``latest``."""
        flow = self.flow
        assert flow is not None
        while True:
            while self.kernel.out:
                at, packet = self.kernel.out.popleft()
                if packet.sport == flow.local_port and packet.dport == flow.remote_port:
                    return at, packet
            if not self.kernel.step(latest):
                self.look()
                return None
            self.look()

    def note(self, segment: Segment) -> None:
        """Remember a segment for the context of a difference."""
        self.exchanged.append((self.kernel.now, write(segment)))

    # -- calls --------------------------------------------------------------------------------------------------

    def call(self, call: Call, place: Place, until: int) -> None:
        """Make a system call; one that blocks is waited for while other events happen."""
        if until >= 0 and self.blocked is not None:
            self.finish_blocked()
        before = self.calls.latest
        result = self.calls.attempt(call)
        if call.name == "socket":
            self.flow, self.flow_listens = None, False
        elif call.name == "listen" and self.flow is None:
            self.flow_listens = True
        elif call.name == "connect" and self.calls.latest is not before and self.calls.latest is not None:
            self.flow = Flow(*self.calls.latest.key, active=True)
            self.flow_listens = False
        if result is None:
            if until < 0:
                raise self.difference("the result", call.text, f"{call.name}() blocks")
            self.blocked = _Blocked(call, place, until)
            return
        if until >= 0 and abs(self.kernel.now - until) > self.settings.tolerance:
            raise self.difference(f"the time when {call.name}() returns", _seconds(until), _seconds(self.kernel.now))
        self.compare(call, result, place)

    def compare(self, call: Call, result: Result, place: Place) -> None:
        """Compare what a call returned with what the script says."""
        head = call.text[: call.text.rindex("=")].rstrip()
        if call.result is ...:
            return
        expected = number(call.result)
        wrong = result.value != expected or (call.errno and number_of(call.errno) != result.errno)
        if wrong:
            told = f" {errno.errorcode[result.errno]}" if result.errno else ""
            raise self.difference("the result", call.text, f"{head} = {result.value}{told}", place)
        if result.output is not None and result.output[0] != result.output[1] and result.output[0] != "...":
            raise self.difference("what the call fills in", call.text, f"{result.output[1]}", place)

    # -- the rest -----------------------------------------------------------------------------------------------

    def command(self, command: Command) -> None:
        """Take over what a command sets, or count what it counts."""
        counted = self.settings.take_command(command.text, self.place, self.kernel)
        if counted is not None and counted[0] != counted[1]:
            raise self.difference("a count", command.text, str(counted[1]))

    def code(self, code: Code) -> None:
        """Check assertions about the connection under test."""
        failed = self.assertions.check(code.text, self.endpoint(), self.kernel.now, listening=self.flow_listens)
        if failed is not None:
            raise self.difference("tcp_info", failed[0], failed[1])

    def difference(self, what: str, expected: str, actual: str, place: Place | None = None) -> Difference:
        """Return a difference with the last segments exchanged."""
        lines = [f"{_seconds(at)} {line}" for at, line in self.exchanged]
        return Difference(place or self.place, what, expected, actual, lines)


def number_of(name: str) -> int:
    """Return the number of an error."""
    found = getattr(errno, name, None)
    if not isinstance(found, int):
        raise Unsupported(f"the error {name}")
    return found


def _continues(packet: Packet, following: Packet, size: int) -> bool:
    """Say whether a packet goes on where another, of ``size`` octets by now, ends."""
    return (
        following.seq == packet.seq + size & 0xFFFFFFFF
        and len(following.payload) > 0
        and (packet.flags ^ following.flags) & ~(PSH | FIN) == 0
        and packet.ack == following.ack
        and not packet.flags & FIN
    )


def _like(actual: Segment, expected: Segment) -> Segment:
    """Return a segment without what the script says nothing about, so that the lines can be compared by eye."""
    if expected.window < 0:
        actual.window = -1
    if expected.seq == ANY_SEQ:
        actual.seq = ANY_SEQ
    names = {1: "ect1", 2: "ect0", 3: "ce", 0: "noecn"}
    actual.ecn = names[actual.tos & 3] if expected.ecn else ""
    if expected.tos < 0:
        actual.tos = -1
    if not expected.ttl:
        actual.ttl = 0
    return actual


def _seconds(time: int) -> str:
    return f"{time // SECOND}.{time % SECOND // 1000:06d}"


def _at(time: int, segment: Segment) -> str:
    return f"{_seconds(time)} {write(segment)}"


__all__ = ["Runner", "run_script"]
