"""Captures read back frame by frame, quickly: for whoever counts them.

For people :func:`emulator.capture.packets` gives scapy's packets, at a hundred
microseconds each; this reader knows only the files that the writers beside it make.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from emulator.capture.blocks import ENHANCED_PACKET, PACKET_HEAD, PACKET_HEAD_SIZE, PCAP_HEAD, PCAP_NANOSECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PCAP_HEADER: Final = 24
_CHUNK: Final = 1 << 20


def frames(path: Path) -> Iterator[bytes]:
    """Yield the frames of a capture, each as far as its ``snaplen`` kept it."""
    with path.open("rb") as file:
        magic = file.read(4)
        rest = magic + file.read(_CHUNK)
        old = struct.unpack("<I", magic)[0] == PCAP_NANOSECONDS
        at = _PCAP_HEADER if old else 0
        cut = _pcap_record if old else _block
        while True:
            found = cut(rest, at)
            if found is None:
                more = file.read(_CHUNK)
                if not more:
                    return
                rest, at = rest[at:] + more, 0
                continue
            frame, at = found
            if frame is not None:
                yield frame


def _block(data: bytes, at: int) -> tuple[bytes | None, int] | None:
    """Return the frame of the pcapng block at a place, None for another block, and where the next one begins."""
    if at + 8 > len(data):
        return None
    kind, size = struct.unpack_from("<II", data, at)
    if at + size > len(data):
        return None
    if kind != ENHANCED_PACKET:
        return None, at + size
    kept = PACKET_HEAD.unpack_from(data, at)[5]
    begin = at + PACKET_HEAD_SIZE
    return data[begin : begin + kept], at + size


def _pcap_record(data: bytes, at: int) -> tuple[bytes | None, int] | None:
    if at + PCAP_HEAD.size > len(data):
        return None
    begin = at + PCAP_HEAD.size
    end = begin + PCAP_HEAD.unpack_from(data, at)[2]
    return (data[begin:end], end) if end <= len(data) else None
