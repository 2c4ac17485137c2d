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

from emulator.flows.conntrack import SECOND, Effect, Tracked
from emulator.wire.checksum import checksum
from emulator.wire.packet import ACK, FIN, IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP, RST, SYN, Packet, icmp

if TYPE_CHECKING:
    from emulator.flows.conntrack import Entry, FlowState, Group, Key
    from emulator.flows.legs import LegResult

FIRST_PORT: Final = 1024
PORTS: Final = 65536 - FIRST_PORT
"""NAT-2: source ports are 1024 to 65535."""
CLOSED_TIMEOUT: Final = 60 * SECOND
"""EMU: how long the port of a closed connection is kept: 55,000 ports are then "about 55,000 a minute" (SVC-9)."""
ECHO_REPLY: Final = 0
UNREACHABLE: Final = 3
ECHO_REQUEST: Final = 8
TIME_EXCEEDED: Final = 11


class Endpoints:
    """The two ends of a packet: ``src:sport`` and ``dst:dport``; of ICMP the identifier is both ports."""

    __slots__ = ("dport", "dst", "sport", "src")

    def __init__(self, src: int, sport: int, dst: int, dport: int) -> None:
        self.src: int = src
        self.sport: int = sport
        self.dst: int = dst
        self.dport: int = dport

    def reversed(self) -> Endpoints:
        """Return the ends of an answer."""
        return Endpoints(self.dst, self.dport, self.src, self.sport)


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


class Binding:
    """What a translator remembers of a flow, and under which two keys.

    Attributes:
        there: The key of the flow's packets as they come in.
        back: The key of their answers.
        before: The flow's ends as its packets come in.
        after: As they go out.
        more: What else the translator wants to know of the flow.
    """

    __slots__ = ("after", "back", "before", "more", "proto", "there")

    def __init__(
        self,
        there: str,
        back: str,
        proto: int,
        before: Endpoints,
        after: Endpoints,
        more: tuple[int | str, ...] = (),
    ) -> None:
        self.proto: int = proto
        self.before: Endpoints = before
        self.after: Endpoints = after
        self.more: tuple[int | str, ...] = more
        self.there: Key = key_of(there, before, proto)
        self.back: Key = key_of(back, after.reversed(), proto)


def bound(entry: Entry) -> tuple[Endpoints, tuple[int | str, ...]]:
    """Return with which ends a packet of this entry's direction goes on, and what else is remembered."""
    src, sport, dst, dport = (int(value) for value in entry.binding[:4])
    return Endpoints(src, sport, dst, dport), entry.binding[4:]


def remember(
    state: FlowState,
    result: LegResult,
    binding: Binding,
    timeout: int,
    group: Group,
    now: int,
    *,
    answer: bool = False,
) -> None:
    """Note both halves of a binding, made or used by the leg's packet; call it before the packet is translated.

    A connection that is closed, by a reset or by FINs both ways, keeps its port for a minute only.

    Args:
        state: What is remembered.
        result: The leg's.
        binding: The flow's.
        timeout: Nanoseconds of silence.
        group: What the binding counts against.
        now: Nanoseconds.
        answer: Whether the packet is one; else it is one of the flow's own.
    """
    packet = result.packet
    halves = []
    for key, sent in ((binding.there, not answer), (binding.back, answer)):
        entry = state.get(key, now)
        over = entry is not None and entry.state is Tracked.CLOSING
        if packet.proto == IPPROTO_TCP:
            if packet.flags & (SYN | ACK) == SYN:
                over = False
            elif packet.flags & RST or (packet.flags & FIN and sent):
                over = True
        halves.append(Tracked.CLOSING if over else Tracked.IDLE)
    if halves == [Tracked.CLOSING, Tracked.CLOSING]:
        timeout = min(timeout, CLOSED_TIMEOUT)
    after, home = binding.after, binding.before.reversed()
    forward = (after.src, after.sport, after.dst, after.dport, *binding.more)
    backward = (home.src, home.sport, home.dst, home.dport, *binding.more)
    there, back = halves
    result.effects.append(Effect(binding.there, there, timeout, originated=True, binding=forward))
    result.effects.append(Effect(binding.back, back, timeout, originated=False, binding=backward, group=group))


def translated(packet: Packet, ends: Endpoints) -> Packet:
    """Return the packet with other ends, as a record that goes on in its place."""
    twin = packet.rewritten()
    twin.src = ends.src
    twin.dst = ends.dst
    if packet.proto in (IPPROTO_TCP, IPPROTO_UDP):
        twin.sport = ends.sport
        twin.dport = ends.dport
    elif packet.proto == IPPROTO_ICMP and packet.dport >> 8 in (ECHO_REPLY, ECHO_REQUEST):
        sequence = int.from_bytes(packet.payload[6:8], "big")
        echo = icmp(ends.src, ends.dst, packet.dport >> 8, packet.dport & 255, ends.sport, sequence, packet.payload[8:])
        twin.sport = ends.sport
        twin.payload = echo.payload
    return twin


def quoted_ends(packet: Packet) -> tuple[Endpoints, int] | None:
    """Return the ends and the protocol of the packet that an ICMP error quotes, or None if it is no such message."""
    quoted = packet.payload[8:]
    if packet.proto != IPPROTO_ICMP or packet.dport >> 8 not in (UNREACHABLE, TIME_EXCEEDED) or len(quoted) < 28:
        return None
    ports = (quoted[0] & 15) * 4
    if quoted[0] >> 4 != 4 or len(quoted) < ports + 8:
        return None
    src, dst = (int.from_bytes(quoted[at : at + 4], "big") for at in (12, 16))
    proto = quoted[9]
    if proto == IPPROTO_ICMP:
        identifier = int.from_bytes(quoted[ports + 4 : ports + 6], "big")
        return Endpoints(src, identifier, dst, identifier), proto
    sport, dport = (int.from_bytes(quoted[at : at + 2], "big") for at in (ports, ports + 2))
    return Endpoints(src, sport, dst, dport), proto


def translated_error(packet: Packet, src: int, dst: int, quoted: Endpoints) -> Packet:
    """Return an ICMP error with other addresses, and other ends of the packet that it quotes (RFC 5508 section 4)."""
    head = bytearray(packet.payload)
    ports = 8 + (head[8] & 15) * 4
    head[8 + 12 : 8 + 16] = quoted.src.to_bytes(4, "big")
    head[8 + 16 : 8 + 20] = quoted.dst.to_bytes(4, "big")
    if head[8 + 9] == IPPROTO_ICMP:
        head[ports + 4 : ports + 6] = quoted.sport.to_bytes(2, "big")
    else:
        head[ports : ports + 4] = quoted.sport.to_bytes(2, "big") + quoted.dport.to_bytes(2, "big")
    for at, first, last in ((8 + 10, 8, ports), (2, 0, len(head))):  # the quoted header's checksum, then the message's
        head[at : at + 2] = b"\0\0"
        head[at : at + 2] = checksum(bytes(head[first:last])).to_bytes(2, "big")
    twin = packet.rewritten()
    twin.src, twin.dst = src, dst
    twin.payload = bytes(head)
    return twin
