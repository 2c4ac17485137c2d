"""The bytes of capture files: pcapng blocks, and the older pcap's two headers.

Little-endian on every machine, and nothing that varies from one run or host to
the next, because captures are compared byte for byte.  This module lays out
fields; what is written when is not its business.

pcapng: draft-ietf-opsawg-pcapng; pcap: draft-ietf-opsawg-pcap.
"""

from __future__ import annotations

import struct
from typing import Final

LINKTYPE_ETHERNET: Final = 1
APPLICATION: Final = "vpcemu"
NANOSECONDS: Final = 9  # if_tsresol: ten to the minus nine

_SECTION_HEADER: Final = 0x0A0D0D0A
_BYTE_ORDER_MAGIC: Final = 0x1A2B3C4D
_INTERFACE_DESCRIPTION: Final = 1
_INTERFACE_STATISTICS: Final = 5
ENHANCED_PACKET: Final = 6
PCAP_NANOSECONDS: Final = 0xA1B23C4D

_OPT_COMMENT: Final = 1
_SHB_USERAPPL: Final = 4
_IF_NAME: Final = 2
_IF_TSRESOL: Final = 9
_EPB_FLAGS: Final = 2
_ISB_STARTTIME: Final = 2
_ISB_ENDTIME: Final = 3
_ISB_IFRECV: Final = 4
_ISB_IFDROP: Final = 5
_ISB_USRDELIV: Final = 8
_END_OF_OPTIONS: Final = b"\0\0\0\0"

PACKET_HEAD: Final = struct.Struct("<IIIIIII")
"""Type, block length, interface, time (high, low), captured length, original length."""
PACKET_HEAD_SIZE: Final = 28
PCAP_HEAD: Final = struct.Struct("<IIII")
"""Seconds, nanoseconds, captured length, original length."""
_LENGTH: Final = struct.Struct("<I")


def padding(size: int) -> bytes:
    """Return what brings ``size`` bytes to a multiple of four."""
    return b"\0" * (-size % 4)


def option(code: int, value: bytes) -> bytes:
    """Return one option, padded."""
    return struct.pack("<HH", code, len(value)) + value + padding(len(value))


def _block(kind: int, body: bytes) -> bytes:
    length = _LENGTH.pack(len(body) + 12)
    return struct.pack("<I", kind) + length + body + length


def section_header() -> bytes:
    """Return the section header block; the section's length is not given, since it is streamed."""
    body = struct.pack("<IHHq", _BYTE_ORDER_MAGIC, 1, 0, -1)
    return _block(_SECTION_HEADER, body + option(_SHB_USERAPPL, APPLICATION.encode()) + _END_OF_OPTIONS)


def interface_description(name: str, snaplen: int) -> bytes:
    """Return the description of a file's one interface."""
    body = struct.pack("<HHI", LINKTYPE_ETHERNET, 0, snaplen)
    options = option(_IF_NAME, name.encode()) + option(_IF_TSRESOL, bytes((NANOSECONDS,)))
    return _block(_INTERFACE_DESCRIPTION, body + options + _END_OF_OPTIONS)


def comment(text: str) -> bytes:
    """Return a comment option; more than 64 KiB of text is cut."""
    value = text.encode()
    if len(value) > 0xFFFF:
        value = value[:0xFFFF].decode(errors="ignore").encode()
    return option(_OPT_COMMENT, value)


def packet_tail(kept: int, outgoing: bool, comments: bytes = b"") -> tuple[int, bytes]:
    """Return the length of a packet block that holds ``kept`` bytes, and what stands behind those bytes."""
    flags = option(_EPB_FLAGS, _LENGTH.pack(2 if outgoing else 1))
    tail = padding(kept) + comments + flags + _END_OF_OPTIONS
    total = PACKET_HEAD_SIZE + kept + len(tail) + 4
    return total, tail + _LENGTH.pack(total)


def statistics(started: int, ended: int, packets: int) -> bytes:
    """Return the statistics block; times are nanoseconds since 1970.

    All packets received were delivered to the capture's user: this interface drops none for want of room.
    """
    body = struct.pack("<III", 0, ended >> 32, ended & 0xFFFFFFFF)
    for code, moment in ((_ISB_STARTTIME, started), (_ISB_ENDTIME, ended)):
        body += option(code, struct.pack("<II", moment >> 32, moment & 0xFFFFFFFF))
    for code, count in ((_ISB_IFRECV, packets), (_ISB_IFDROP, 0), (_ISB_USRDELIV, packets)):
        body += option(code, struct.pack("<Q", count))
    return _block(_INTERFACE_STATISTICS, body + _END_OF_OPTIONS)


def pcap_header(snaplen: int) -> bytes:
    """Return the file header of a pcap with nanosecond timestamps."""
    return struct.pack("<IHHiIII", PCAP_NANOSECONDS, 2, 4, 0, 0, snaplen, LINKTYPE_ETHERNET)


def whole_blocks(data: bytes, end: int) -> tuple[int, int]:
    """Return how many bytes of ``data[:end]`` are whole pcapng blocks, and how many of those hold packets."""
    at = packets = 0
    while at + 8 <= end:
        kind, size = struct.unpack_from("<II", data, at)
        if at + size > end:
            break
        at += size
        packets += kind == ENHANCED_PACKET
    return at, packets


def whole_pcap_records(data: bytes, end: int) -> tuple[int, int]:
    """Return how many bytes of ``data[:end]`` are whole pcap records, and how many records those are."""
    at = packets = 0
    while at + PCAP_HEAD.size <= end:
        size = PCAP_HEAD.size + PCAP_HEAD.unpack_from(data, at)[2]
        if at + size > end:
            break
        at += size
        packets += 1
    return at, packets
