"""Address translation with memory: bindings of NAT gateways and load balancers.

A binding is two entries of the flow state, one for each direction, that live
and die together: under the key of the flow as it comes in, and under the key of
its answers.  Ports are chosen by a hash of the flow, so that the same packets
get the same ports, and what is taken is skipped.  Nothing here changes anything:
new bindings are effects, as everything that is remembered (D1).
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final

from emulator.flows.conntrack import Effect, Tracked
from emulator.wire.checksum import checksum
from emulator.wire.packet import IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP, Packet, icmp

if TYPE_CHECKING:
    from collections.abc import Iterable

    from emulator.flows.conntrack import FlowState, Key
    from emulator.flows.legs import LegResult

FIRST_PORT: Final = 1024
PORTS: Final = 65536 - FIRST_PORT
"""NAT-2: source ports are 1024 to 65535."""


class Endpoints:
    """The two ends of a packet: ``src:sport`` and ``dst:dport``; of ICMP the identifier is both ports."""

    __slots__ = ("dport", "dst", "sport", "src")

    def __init__(self, src: int, sport: int, dst: int, dport: int) -> None:
        self.src: int = src
        self.sport: int = sport
        self.dst: int = dst
        self.dport: int = dport


def ends_of(packet: Packet) -> Endpoints:
    """Return a packet's ends."""
    if packet.proto == IPPROTO_ICMP:
        return Endpoints(packet.src, packet.sport, packet.dst, packet.sport)
    return Endpoints(packet.src, packet.sport, packet.dst, packet.dport)


def key_of(component: str, ends: Endpoints, proto: int) -> Key:
    """Return the key under which a translator remembers what comes with these ends."""
    return component, ends.src, ends.sport, ends.dst, ends.dport, proto


def flow_hash(component: str, packet: Packet) -> int:
    """Return a number that is the same for the same flow at the same component, in every run."""
    ends = ends_of(packet)
    text = f"{component}/{packet.proto}/{ends.src}:{ends.sport}/{ends.dst}:{ends.dport}"
    return zlib.crc32(text.encode())


def free_port(
    state: FlowState,
    component: str,
    packet: Packet,
    address: int,
    remote: tuple[int, int],
    now: int,
) -> int | None:
    """Return a source port of ``address`` towards ``remote``, an address and port, that no live binding uses.

    The flow's own port is kept where it may be (EMU: AWS does not say how it chooses).
    """
    start = packet.sport if packet.sport >= FIRST_PORT else FIRST_PORT + flow_hash(component, packet) % PORTS
    far, far_port = remote
    for step in range(PORTS):
        port = FIRST_PORT + (start - FIRST_PORT + step) % PORTS
        back = Endpoints(far, port if packet.proto == IPPROTO_ICMP else far_port, address, port)
        if state.get(key_of(component, back, packet.proto), now) is None:
            return port
    return None


def bind(
    result: LegResult,
    component: str,
    proto: int,
    before: Endpoints,
    after: Endpoints,
    timeout: int,
    group: tuple[str | int, ...],
    more: Iterable[int | str] = (),
) -> None:
    """Note both halves of a binding: ``before`` becomes ``after``, answers to ``after`` become answers to ``before``.

    Args:
        result: The leg's.
        component: The translator.
        proto: IANA number.
        before: The flow's ends as its packets come in.
        after: As they go out.
        timeout: Nanoseconds of silence.
        group: What the binding counts against.
        more: What else the translator wants to know of the flow.
    """
    extra = tuple(more)
    forward = (after.src, after.sport, after.dst, after.dport, *extra)
    backward = (before.dst, before.dport, before.src, before.sport, *extra)
    there = key_of(component, before, proto)
    back = key_of(component, Endpoints(after.dst, after.dport, after.src, after.sport), proto)
    result.effects.append(Effect(there, Tracked.IDLE, timeout, originated=True, binding=forward))
    result.effects.append(Effect(back, Tracked.IDLE, timeout, originated=False, binding=backward, group=group))


def translated(packet: Packet, ends: Endpoints) -> Packet:
    """Return the packet with other ends, as a record that goes on in its place."""
    twin = packet.rewritten()
    twin.src = ends.src
    twin.dst = ends.dst
    if packet.proto in (IPPROTO_TCP, IPPROTO_UDP):
        twin.sport = ends.sport
        twin.dport = ends.dport
    elif packet.proto == IPPROTO_ICMP and packet.dport >> 8 in (0, 8):
        sequence = int.from_bytes(packet.payload[6:8], "big")
        echo = icmp(ends.src, ends.dst, packet.dport >> 8, packet.dport & 255, ends.sport, sequence, packet.payload[8:])
        twin.sport = ends.sport
        twin.payload = echo.payload
    return twin


def quoted_ends(packet: Packet) -> tuple[Endpoints, int] | None:
    """Return the ends and the protocol of the packet that an ICMP error quotes, or None if it is no such message."""
    quoted = packet.payload[8:]
    if packet.proto != IPPROTO_ICMP or packet.dport >> 8 not in (3, 11) or len(quoted) < 28 or quoted[0] != 0x45:
        return None
    src, dst = (int.from_bytes(quoted[at : at + 4], "big") for at in (12, 16))
    sport, dport = (int.from_bytes(quoted[at : at + 2], "big") for at in (20, 22))
    return Endpoints(src, sport, dst, dport), quoted[9]


def translated_error(packet: Packet, outer_dst: int, inner: Endpoints) -> Packet:
    """Return an ICMP error on its way back through a translator: its destination, and the source that it quotes."""
    head = bytearray(packet.payload)
    head[8 + 12 : 8 + 16] = inner.src.to_bytes(4, "big")
    head[8 + 20 : 8 + 22] = inner.sport.to_bytes(2, "big")
    head[8 + 10 : 8 + 12] = b"\0\0"
    head[8 + 10 : 8 + 12] = checksum(bytes(head[8:28])).to_bytes(2, "big")
    head[2:4] = b"\0\0"
    head[2:4] = checksum(bytes(head)).to_bytes(2, "big")
    twin = packet.rewritten()
    twin.dst = outer_dst
    twin.payload = bytes(head)
    return twin
