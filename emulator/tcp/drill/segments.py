"""Segments in the script's notation, in both directions: written, read, compared.

A :class:`Segment` is what a line says; a packet that the core sent is turned
into one, in the script's numbers, so that both are printed by one function.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

from emulator.wire.packet import ACK, FIN, PSH, RST, SYN

URG: Final = 0x20
ECE: Final = 0x40
CWR: Final = 0x80
AE: Final = 0x100
LETTERS: Final = (
    ("F", FIN), ("S", SYN), ("R", RST), ("P", PSH), (".", ACK), ("U", URG), ("E", ECE), ("W", CWR), ("A", AE)
)  # fmt: skip
"""In the order packetdrill prints them."""
ECN_NAMES: Final = {"noecn": 0, "ect1": 1, "ect0": 2, "ce": 3}

ANY_SEQ: Final = -1
"""``seq`` of a segment that is written ``...(0)``: any number will do."""
Option: TypeAlias = tuple[str | int | tuple[int, int], ...]
"""A TCP option: its name and values; the blocks of ``sack`` are pairs, other contents hexadecimal."""

_NAMES: Final = {0: "eol", 1: "nop", 2: "mss", 3: "wscale", 4: "sackOK", 5: "sack", 8: "TS", 19: "md5", 34: "FO"}


@dataclass(slots=True)
class Segment:
    """A TCP segment as a script writes it.

    Attributes:
        outbound: Whether the host under test sends it.
        flags: Header bits, with AE as 0x100.
        ace: Whether ECE, CWR and AE are written as a number (RFC 9768's ACE).
        seq, ack: Relative to the initial sequence numbers, but absolute in a SYN.
        window, urgent: -1 and 0 where they are not given.
        options: None for ``<...>``, which any options match.
        ecn: A name of ``ECN_NAMES``, ``ect01``, or "".
        tos, ttl: -1 and 0 where they are not given.
        sport, dport: 0 where they are not given.
    """

    outbound: bool
    flags: int
    seq: int
    size: int
    ack: int = 0
    window: int = -1
    urgent: int = 0
    options: tuple[Option, ...] | None = ()
    ace: bool = False
    ecn: str = ""
    tos: int = -1
    ttl: int = 0
    sport: int = 0
    dport: int = 0


def write_flags(flags: int, *, ace: bool = False) -> str:
    """Write header bits: ``SEW``, ``P.``, ``.5``, ``-`` for none."""
    letters = "".join(letter for letter, bit in LETTERS if flags & bit and not (ace and bit in {ECE, CWR, AE}))
    if ace:
        return letters + str((flags & ECE) // ECE | (flags & CWR) // CWR << 1 | (flags & AE) // AE << 2)
    return letters or "-"


def write_option(option: Option) -> str:
    """Write one option."""
    name, *values = option
    if name == "TS":
        return f"TS val {values[0]} ecr {values[1]}"
    if name == "sack":
        return "sack " + " ".join(f"{block[0]}:{block[1]}" for block in values if isinstance(block, tuple))
    if name == "kind":
        return f"kind {values[0]} [{values[1]}]"
    return " ".join(str(part) for part in option if part != "")


def write(segment: Segment) -> str:
    """Write a segment as a script would."""
    parts = [">" if segment.outbound else "<"]
    if segment.ecn:
        parts.append(f"[{segment.ecn}]")
    if segment.tos >= 0:
        parts.append(f"(tos {segment.tos:#04x})")
    if segment.ttl:
        parts.append(f"(ttl {segment.ttl})")
    if segment.sport or segment.dport:
        parts.append(f"{segment.sport} > {segment.dport}")
    parts += [
        write_flags(segment.flags, ace=segment.ace),
        ("..." if segment.seq == ANY_SEQ else f"{segment.seq}:{segment.seq + segment.size & 0xFFFFFFFF}")
        + f"({segment.size})",
    ]
    if segment.flags & ACK:
        parts.append(f"ack {segment.ack}")
    if segment.window >= 0:
        parts.append(f"win {segment.window}")
    if segment.urgent:
        parts.append(f"urg {segment.urgent}")
    if segment.options is None:
        parts.append("<...>")
    elif segment.options:
        parts.append("<" + ",".join(map(write_option, segment.options)) + ">")
    return " ".join(parts)


def encode(options: tuple[Option, ...]) -> bytes:
    """Return options as the header carries them, padded to whole words."""
    out = b""
    for option in options:
        name, *values = option
        numbers = [value for value in values if isinstance(value, int)]
        if name == "nop":
            out += b"\x01"
        elif name == "eol":
            out += b"\x00"
        elif name == "mss":
            out += b"\x02\x04" + numbers[0].to_bytes(2, "big")
        elif name == "wscale":
            out += b"\x03\x03" + bytes((numbers[0],))
        elif name == "sackOK":
            out += b"\x04\x02"
        elif name == "TS":
            out += b"\x08\x0a" + b"".join(number.to_bytes(4, "big") for number in numbers)
        elif name == "sack":
            edges = [edge for block in values if isinstance(block, tuple) for edge in block]
            out += bytes((5, 2 + 4 * len(edges))) + b"".join((edge & 0xFFFFFFFF).to_bytes(4, "big") for edge in edges)
        else:
            content = bytes.fromhex(str(values[-1]))
            kind = {"md5": 19, "FO": 34}.get(str(name), numbers[0] if numbers else 0)
            out += bytes((kind, 2 + len(content))) + content
    return out + bytes(-len(out) % 4)


def decode(data: bytes) -> tuple[Option, ...]:
    """Return the options of a header, padding included; what is malformed is one option of kind ``kind``."""
    found: list[Option] = []
    at = 0
    while at < len(data):
        kind = data[at]
        if kind in {0, 1}:
            found.append((_NAMES[kind],))
            at += 1
            continue
        size = data[at + 1] if at + 1 < len(data) else 0
        if size < 2 or at + size > len(data):
            found.append(("kind", kind, data[at + 1 :].hex()))
            break
        body = data[at + 2 : at + size]
        words = [int.from_bytes(body[i : i + 4], "big") for i in range(0, len(body), 4)]
        if kind in {2, 3}:
            found.append((_NAMES[kind], int.from_bytes(body, "big")))
        elif kind == 4:
            found.append(("sackOK",))
        elif kind == 5 and len(body) % 8 == 0:
            found.append(("sack", *((words[i], words[i + 1]) for i in range(0, len(words), 2))))
        elif kind == 8 and len(words) == 2:
            found.append(("TS", words[0], words[1]))
        elif kind in {19, 34}:
            found.append((_NAMES[kind], body.hex()))
        else:
            found.append(("kind", kind, body.hex()))
        at += size
    return tuple(found)


def differs(expected: Segment, actual: Segment, *, ts_tolerance: int = -1) -> str:
    """Name the first part in which ``actual`` is not what ``expected`` says; "" if there is none.

    Args:
        expected: The script's line.
        actual: What was sent, with every field filled in.
        ts_tolerance: By how many ticks timestamps may differ; -1 to compare none.
    """
    for name, mine, theirs in (
        ("flags", expected.flags, actual.flags),
        ("seq", actual.seq if expected.seq == ANY_SEQ else expected.seq, actual.seq),
        ("length", expected.size, actual.size),
        ("ack", expected.ack, actual.ack),
        ("win", actual.window if expected.window < 0 else expected.window, actual.window),
        ("urg", expected.urgent, actual.urgent),
        ("tos", actual.tos if expected.tos < 0 else expected.tos, actual.tos),
        ("ttl", expected.ttl or actual.ttl, actual.ttl),
    ):
        if mine != theirs:
            return name
    if expected.ecn:
        bits = actual.tos & 3
        if (bits not in {1, 2}) if expected.ecn == "ect01" else (bits != ECN_NAMES[expected.ecn]):
            return "ecn"
    if expected.options is None:
        return ""
    if len(expected.options) != len(actual.options or ()):
        return "options"
    for mine_option, their_option in zip(expected.options, actual.options or (), strict=True):
        if mine_option[0] == "TS" == their_option[0]:
            if ts_tolerance >= 0 and _apart(mine_option[1], their_option[1]) > ts_tolerance:
                return "timestamp"
        elif mine_option != their_option:
            return "options"
    return ""


def _apart(one: object, other: object) -> int:
    assert isinstance(one, int)
    assert isinstance(other, int)
    return min(one - other & 0xFFFFFFFF, other - one & 0xFFFFFFFF)
