"""Reads a script: packetdrill's grammar (parser.y), by recursive descent.

Each mistake is reported with its line and column.  What is grammar but has no
counterpart here (tunnels, SCTP, UDP, IPv6) is refused by name.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from emulator.tcp.drill.errors import Place, ScriptError, Unsupported
from emulator.tcp.drill.expressions import Expressions
from emulator.tcp.drill.lexer import Token, tokens
from emulator.tcp.drill.script import (
    ABSOLUTE,
    ANY,
    RELATIVE,
    Action,
    Call,
    Code,
    Command,
    Event,
    Icmp,
    Script,
    When,
)
from emulator.tcp.drill.segments import AE, ANY_SEQ, CWR, ECE, ECN_NAMES, LETTERS, Option, Segment

MOST_EVENTS: Final = 20_000
SECOND: Final = 1_000_000_000
MOST_SECONDS: Final = 10**6
UNREACHABLE: Final = {
    "net_unreachable": 0,
    "host_unreachable": 1,
    "protocol_unreachable": 2,
    "port_unreachable": 3,
    "frag_needed": 4,
    "source_route_failed": 5,
    "net_unknown": 6,
    "host_unknown": 7,
    "source_host_isolated": 8,
    "net_prohibited": 9,
    "host_prohibited": 10,
    "net_unreachable_for_tos": 11,
    "host_unreachable_for_tos": 12,
    "packet_filtered": 13,
    "precedence_violation": 14,
    "precedence_cutoff": 15,
}
ICMP_TYPES: Final = {
    "echo_reply": 0,
    "unreachable": 3,
    "source_quench": 4,
    "redirect": 5,
    "echo_request": 8,
    "time_exceeded": 11,
    "parameter_problem": 12,
}
ICMP_CODES: Final = {**UNREACHABLE, "ttl_exceeded_in_transit": 0, "frag_reass_exceeded": 1}
TUNNELS: Final = {"ipv4", "ipv6", "gre", "GREv0", "mpls", "encap", "psp", "udp", "udplite", "sctp"}
OPTIONS: Final = {
    "ip_version",
    "bind_port",
    "connect_port",
    "local_ip",
    "remote_ip",
    "gateway_ip",
    "netmask_ip",
    "mss",
    "mtu",
    "tolerance_usecs",
    "tolerance_percent",
    "tcp_ts_tick_usecs",
    "tcp_ts_ecr_scaled",
    "profile",
    "strict_segments",
    "verbose",
}
"""Of a script's head; addresses are read and mean nothing."""
WORD_OPTIONS: Final = {"nop", "eol", "sackOK"}


def parse(text: str, path: str, symbols: frozenset[str] = frozenset()) -> Script:
    """Read a script; ``symbols`` are what ``#ifdef`` finds defined.

    Raises:
        ScriptError: if it does not follow the grammar.
        Unsupported: if it uses something that this room does not have.
    """
    return Parser(text, path, symbols).script()


class Parser(Expressions):
    """The events and segments; expressions are the base's."""

    def __init__(self, text: str, path: str, symbols: frozenset[str] = frozenset()) -> None:
        super().__init__(tokens(text, path, symbols), text)
        self.path: str = path

    # -- the whole ----------------------------------------------------------------------------------------------

    def script(self) -> Script:
        """Read options, set-up command, events and clean-up command."""
        script = Script(self.path)
        while self.token.kind == "option":
            token = self.advance()
            name, _, value = token.text[2:].partition("=")
            if name == "define":
                symbol, _, meaning = value.partition("=")
                self.defines[symbol] = [part for part in tokens(meaning, self.path) if part.kind != "end"]
            elif name == "ip_version" and value != "ipv4":
                raise Unsupported(f"ip_version {value}", token.place)
            elif name not in OPTIONS:
                raise Unsupported(f"the option --{name}", token.place)
            else:
                script.options[name] = value.strip("\"'"), token.place
        while self.token.kind == "command":
            token = self.advance()
            script.set_up.append((Command(token.text[1:-1]), token.place))
        while self.token.kind != "end":
            if self.token.kind == "command" and self.tokens[self.at + 1].kind == "end":
                token = self.advance()  # the clean-up: nothing outlives a script here
                break
            script.events.append(self.event())
            if len(script.events) > MOST_EVENTS:
                raise ScriptError(self.token.place, f"more than {MOST_EVENTS} events")
        if not script.events:
            raise ScriptError(self.token.place, "a script has at least one event")
        if script.events[0].when.kind == ABSOLUTE and script.events[0].when.start:
            raise ScriptError(script.events[0].place, "the first event is at time 0")
        return script

    def event(self) -> Event:
        """Read a time and what happens at it."""
        place = self.token.place
        when = self.when()
        action = self.action()
        outbound = isinstance(action, Segment) and action.outbound
        if not outbound and (when.kind == ANY or when.end >= 0):
            raise ScriptError(place, "only an outbound segment can come at any time or in a range of times")
        return Event(place, when, action)

    def when(self) -> When:
        """Read ``+.1``, ``0.5``, ``*``, ``1~1.5`` or ``+0~+.2``."""
        if self.taken("*"):
            return When(ANY)
        relative = self.taken("+")
        start = self.duration()
        end = -1
        if self.taken("~"):
            if relative:
                self.expect("+")
            end = self.duration()
            if end < start:
                raise ScriptError(self.token.place, "the range of times is backwards")
        return When(RELATIVE if relative else ABSOLUTE, start, end)

    def duration(self) -> int:
        """Read seconds; return nanoseconds."""
        token = self.advance()
        if token.kind not in {"integer", "float"}:
            raise ScriptError(token.place, f"expected a time, not {token.text!r}")
        seconds = Decimal(token.text)
        if not 0 <= seconds < MOST_SECONDS:
            raise ScriptError(token.place, f"a time is between 0 and {MOST_SECONDS} seconds")
        return int(seconds * SECOND)

    def action(self) -> Action:
        """Read what happens."""
        token = self.token
        if token.kind == "command":
            self.advance()
            return Command(token.text[1:-1])
        if token.kind == "code":
            self.advance()
            return Code(token.text[2:-2].strip())
        if token.text in {"<", ">"} and token.kind == "mark":
            return self.packet()
        return self.call()

    # -- packets ------------------------------------------------------------------------------------------------

    def packet(self) -> Segment | Icmp:
        """Read a segment or an ICMP message."""
        outbound = self.advance().text == ">"
        segment = Segment(outbound, 0, 0, 0)
        if self.token.text in {"[", "("}:
            self.ip_info(segment)
        if self.token.kind == "integer" and self.tokens[self.at + 1].text == ">":
            segment.sport = self.number(0, 65535)
            self.expect(">")
            segment.dport = self.number(0, 65535)
        if self.token.text == "icmp":
            return self.icmp(outbound)
        if self.token.text in TUNNELS:
            raise Unsupported(f"{self.token.text} packets", self.token.place)
        self.flags(segment)
        place = self.token.place
        segment.seq, segment.size = self.sequence()
        if segment.seq == ANY_SEQ and not outbound:
            raise ScriptError(place, "only an outbound segment can have any sequence number")
        if self.taken("ack"):
            segment.ack = self.number(0, 0xFFFFFFFF)
        if self.taken("win"):
            segment.window = self.number(0, 65535)
        if self.taken("urg"):
            segment.urgent = self.number(0, 65535)
        # A "<" here could begin the next event's segment, but every event begins with a time.
        if self.taken("<"):
            segment.options = self.tcp_options(outbound)
        if self.token.text == "/":
            raise Unsupported("UDP encapsulation", self.token.place)
        return segment

    def ip_info(self, segment: Segment) -> None:
        """Read ``[ect0]`` or ``(ttl 3)``."""
        closing = "]" if self.advance().text == "[" else ")"
        while True:
            token = self.advance()
            if token.text in ECN_NAMES or token.text == "ect01":
                if token.text == "ect01" and not segment.outbound:
                    raise ScriptError(token.place, "ect01 is for outbound segments")
                segment.ecn = token.text
            elif token.text == "tos":
                segment.tos = self.number(0, 255)
            elif token.text == "ttl":
                segment.ttl = self.number(1, 255)
            elif token.kind == "word":
                raise Unsupported(f"{token.text} of the IP header", token.place)
            else:
                raise ScriptError(token.place, f"expected ECN, tos or ttl, not {token.text!r}")
            if not self.taken(","):
                break
        self.expect(closing)

    def flags(self, segment: Segment) -> None:
        """Read flags: the tokens up to the next space."""
        first = self.advance()
        text, end = first.text, first.end
        while self.token.start == end and self.token.kind != "end":
            end = self.token.end
            text += self.advance().text
        bits = dict(LETTERS)
        if text == "-":
            return
        for letter in text:
            if letter in bits:
                segment.flags |= bits[letter]
            elif letter in "01234567" and not segment.ace:
                count = int(letter)
                segment.ace = True
                segment.flags |= (count & 1) * ECE | (count >> 1 & 1) * CWR | (count >> 2) * AE
            else:
                raise ScriptError(first.place, f"expected the flags of a segment, not {text!r}")

    def sequence(self) -> tuple[int, int]:
        """Read ``1:1001(1000)``; return the first number and the length."""
        token = self.token
        if token.kind == "ellipsis":
            self.advance()
            self.expect("(")
            size = self.number(0, 65535)
            self.expect(")")
            return ANY_SEQ, size
        start = self.number(0, 0xFFFFFFFF)
        self.expect(":")
        end = self.number(0, 0xFFFFFFFF)
        self.expect("(")
        size = self.number(0, 65535)
        self.expect(")")
        if start + size & 0xFFFFFFFF != end:
            raise ScriptError(token.place, f"{start}:{end} are not {size} octets")
        if self.token.text == "!":
            raise Unsupported("absolute sequence numbers", self.token.place)
        return start, size

    def icmp(self, outbound: bool) -> Icmp:
        """Read ``icmp unreachable frag_needed mtu 1000 [1:1001(1000)]``."""
        first = self.advance()
        if outbound:
            raise Unsupported("an ICMP message that is expected", first.place)
        token = self.advance()
        kind = self._numbered(token, "type_", ICMP_TYPES)
        code = 0
        if self.token.kind == "word" and self.token.text not in {"mtu", "id"}:
            code = self._numbered(self.advance(), "code_", ICMP_CODES)
        mtu = self.number(0, 65535) if self.taken("mtu") else 0
        if self.taken("id"):
            self.number(0, 65535)
        seq: int | None = None
        size = 0
        if self.taken("["):
            if self.token.kind == "word":
                raise Unsupported(f"ICMP about {self.token.text}", self.token.place)
            seq, size = self.sequence()
            if self.token.text == "/":
                raise Unsupported("UDP encapsulation", self.token.place)
            self.expect("]")
        text = " ".join(self.text[first.start : self.tokens[self.at - 1].end].split())
        return Icmp(kind, code, mtu, seq, size, text)

    def _numbered(self, token: Token, prefix: str, names: dict[str, int]) -> int:
        if token.text in names:
            return names[token.text]
        if token.text.startswith(prefix) and token.text[len(prefix) :].isdecimal():
            return int(token.text[len(prefix) :])
        raise ScriptError(token.place, f"unknown ICMP type or code {token.text!r}")

    # -- TCP options --------------------------------------------------------------------------------------------

    def tcp_options(self, outbound: bool) -> tuple[Option, ...] | None:
        """Read options behind their ``<``."""
        if self.token.kind == "ellipsis":
            if not outbound:
                raise ScriptError(self.token.place, "<...> is for outbound segments")
            self.advance()
            self.expect(">")
            return None
        options: list[Option] = []
        while True:
            options.append(self.tcp_option())
            if not self.taken(","):
                break
        self.expect(">")
        return tuple(options)

    def tcp_option(self) -> Option:
        """Read one option."""
        token = self.advance()
        name = token.text
        if name in WORD_OPTIONS:
            return (name,)
        if name == "mss":
            return (name, self.number(0, 65535))
        if name == "wscale":
            return (name, self.number(0, 255))
        if name == "TS":
            self.expect("val")
            value = self.number(0, 0xFFFFFFFF)
            self.expect("ecr")
            return (name, value, self.number(0, 0xFFFFFFFF))
        if name == "sack":
            blocks: list[tuple[int, int]] = []
            while self.token.kind == "integer":
                left = self.number(0, 0xFFFFFFFF)
                self.expect(":")
                blocks.append((left, self.number(0, 0xFFFFFFFF)))
            if not blocks:
                raise ScriptError(self.token.place, "sack without blocks")
            return (name, *blocks)
        if token.kind == "word" and name in {"FO", "FOEXP", "exp", "EXP"}:
            raise Unsupported("TCP Fast Open", token.place)
        if token.kind == "word" and name in {"md5", "ECN", "AccECN0", "AccECN1"}:
            raise Unsupported(f"the TCP option {name}", token.place)
        raise ScriptError(token.place, f"unknown TCP option {name!r}")

    # -- system calls -------------------------------------------------------------------------------------------

    def call(self) -> Call:
        """Read ``[...time] name(arguments) = result [ERRNO] [(note)]``."""
        until = self.duration() if self.taken("...") else -1
        first = self.token
        if first.kind != "word":
            raise ScriptError(first.place, f"expected a segment, a call, a command or code, not {first.text!r}")
        self.advance()
        self.expect("(")
        arguments = self.expressions(")")
        self.expect("=")
        result = self.expression()
        errno = ""
        if self.token.kind == "word" and self.token.text.startswith("E"):
            errno = self.advance().text
        text = " ".join(self.text[first.start : self.tokens[self.at - 1].end].split())
        if self.taken("("):
            while not self.taken(")"):
                note = self.advance()
                if note.kind == "end":
                    raise ScriptError(note.place, "the note behind a result has no end")
        return Call(first.text, tuple(arguments), result, errno, until, text)


__all__ = ["Parser", "Place", "parse"]
