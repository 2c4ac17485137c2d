"""ICMP as a host speaks it: echo replies, and errors sent and heard.

Settles arguments: RFC 792, RFC 1122 3.2.2; Linux where they leave a choice
(it quotes as much of the offending packet as fits in 576 bytes).
"""

from __future__ import annotations

import errno
from typing import Final, NamedTuple

from emulator.wire.packet import IPPROTO_ICMP, Packet, icmp

ECHO_REPLY: Final = 0
UNREACHABLE: Final = 3
ECHO_REQUEST: Final = 8
TIME_EXCEEDED: Final = 11

PROTOCOL_UNREACHABLE: Final = 2
PORT_UNREACHABLE: Final = 3
FRAGMENTATION_NEEDED: Final = 4

_ERRORS: Final = {
    0: errno.ENETUNREACH,
    1: errno.EHOSTUNREACH,
    PROTOCOL_UNREACHABLE: errno.ENOPROTOOPT,
    PORT_UNREACHABLE: errno.ECONNREFUSED,
    FRAGMENTATION_NEEDED: errno.EMSGSIZE,
    5: errno.EOPNOTSUPP,
    6: errno.ENETUNREACH,
    7: errno.EHOSTDOWN,
    9: errno.ENETUNREACH,
    10: errno.EHOSTUNREACH,
    11: errno.ENETUNREACH,
    12: errno.EHOSTUNREACH,
    13: errno.EHOSTUNREACH,
}
"""Linux's ``icmp_err_convert``: the errno for each code of a destination-unreachable message."""

_QUOTED: Final = 576 - 20 - 8


class Quote(NamedTuple):
    """What an ICMP error says about a packet this host sent.

    Attributes:
        errno: What a program meets.
        code: Of the destination-unreachable message; -1 for a time-exceeded one.
        mtu: Of the next hop, where fragmentation was needed; else 0.
        proto, src, dst, sport, dport: The packet quoted, as this host sent it.
        seq: TCP's sequence number of it.
    """

    errno: int
    code: int
    mtu: int
    proto: int
    src: int
    dst: int
    sport: int
    dport: int
    seq: int


def echo_reply(packet: Packet) -> Packet:
    """Return the answer to an echo request."""
    payload = packet.payload
    sequence = int.from_bytes(payload[6:8], "big")
    return icmp(packet.dst, packet.src, ECHO_REPLY, 0, packet.sport, sequence, payload[8:])


def unreachable(packet: Packet, code: int) -> Packet:
    """Return the message that ``packet`` cannot be delivered here."""
    return icmp(packet.dst, packet.src, UNREACHABLE, code, data=packet.to_bytes()[:_QUOTED])


def read_error(packet: Packet) -> Quote | None:
    """Return what an ICMP message says about a packet of ours, or None if it is no such message."""
    kind, code = packet.dport >> 8, packet.dport & 0xFF
    quoted = packet.payload[8:]
    if packet.proto != IPPROTO_ICMP or kind not in (UNREACHABLE, TIME_EXCEEDED) or len(quoted) < 28:
        return None
    start = (quoted[0] & 15) * 4
    ports = quoted[start : start + 4]
    if len(ports) < 4:
        return None
    mtu = int.from_bytes(packet.payload[6:8], "big") if kind == UNREACHABLE and code == FRAGMENTATION_NEEDED else 0
    return Quote(
        _ERRORS.get(code, errno.EHOSTUNREACH) if kind == UNREACHABLE else errno.EHOSTUNREACH,
        code if kind == UNREACHABLE else -1,
        mtu,
        quoted[9],
        int.from_bytes(quoted[12:16], "big"),
        int.from_bytes(quoted[16:20], "big"),
        int.from_bytes(ports[:2], "big"),
        int.from_bytes(ports[2:], "big"),
        int.from_bytes(quoted[start + 4 : start + 8], "big"),
    )
