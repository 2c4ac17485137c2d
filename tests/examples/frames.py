"""The frames of a capture, read by dpkt: an independent reader, and a fast one."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

import dpkt

if TYPE_CHECKING:
    from pathlib import Path

FIN, SYN, RST, PUSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10


@dataclass(frozen=True)
class Frame:
    at: float
    size: int
    src: str
    dst: str
    sport: int
    dport: int
    flags: int  # of TCP; 0 of others
    payload: bytes

    @property
    def shape(self) -> tuple[object, ...]:
        """All but the content: what D3 promises for programs that draw randomness of their own."""
        return (self.at, self.size, self.src, self.dst, self.sport, self.dport, self.flags, len(self.payload))


def frames(path: Path) -> list[Frame]:
    found = []
    with path.open("rb") as file:
        for at, data in dpkt.pcapng.Reader(file):
            ip = dpkt.ethernet.Ethernet(data).data
            layer = ip.data
            flags = layer.flags if isinstance(layer, dpkt.tcp.TCP) else 0
            ports = getattr(layer, "sport", 0), getattr(layer, "dport", 0)
            addresses = socket.inet_ntoa(ip.src), socket.inet_ntoa(ip.dst)
            found.append(Frame(at, len(data), *addresses, *ports, flags, bytes(getattr(layer, "data", b""))))
    return found


def opened(seen: list[Frame], port: int) -> list[Frame]:
    """The first SYN of each connection to a port."""
    first: dict[tuple[str, int, str], Frame] = {}
    for frame in seen:
        if frame.flags & (SYN | ACK) == SYN and frame.dport == port:
            first.setdefault((frame.src, frame.sport, frame.dst), frame)
    return list(first.values())


def resets(seen: list[Frame]) -> list[Frame]:
    return [frame for frame in seen if frame.flags & RST]
