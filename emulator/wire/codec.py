"""Bytes to record and back.

Writing computes every checksum, so what leaves here is always valid; reading
checks shape (lengths, offsets) and refuses what has none, but does not verify
checksums: a network card would have.  IP options are bytes to it; in particular
a source route does not change the destination that a checksum covers.

RFC 791 (IPv4), RFC 8200 (IPv6, header only), RFC 9293 (TCP), RFC 768 (UDP).
"""

from __future__ import annotations

import struct
from typing import Final

from emulator.wire.checksum import PayloadSums, finish, ones_complement_sum
from emulator.wire.options import read
from emulator.wire.packet import FRAGMENTED, IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP, Packet

_IPV4: Final = struct.Struct("!HHHHHHII")
_TCP: Final = struct.Struct("!HHIIHHHH")
_IPV4_TCP: Final = struct.Struct("!HHHHHHIIHHIIHHHH")
_IPV4_TCP_TIMESTAMPS: Final = struct.Struct("!HHHHHHIIHHIIHHHHIII")
_UDP: Final = struct.Struct("!HHHH")
_NOP_NOP_TIMESTAMPS: Final = 0x0101080A


class MalformedPacket(ValueError):  # noqa: N818 - it is the packet that is at fault
    """The bytes are not an IP packet this codec can take apart."""


def headers(packet: Packet, sums: PayloadSums) -> bytes:
    """Return IP and transport header with valid checksums: everything before ``packet.payload``.

    Addresses and sequence numbers are added whole: a checksum is a sum modulo 65535, where 2**16 is 1, so
    the order in which 16-bit words meet does not matter (RFC 1071 section 2).
    """
    if packet.version != 4:
        return _ipv6_header(packet)
    if packet.proto == IPPROTO_TCP and not packet.ip_options and not packet.fragment & FRAGMENTED:
        return _tcp_headers(packet, sums)
    extra = packet.ip_options
    first = (0x45 + len(extra) // 4) << 8 | packet.tos
    ttl_proto = packet.ttl << 8 | packet.proto
    addresses = packet.src + packet.dst
    total = first + packet.length + packet.ident + packet.fragment + ttl_proto + addresses + ones_complement_sum(extra)
    ip = _IPV4.pack(
        first, packet.length, packet.ident, packet.fragment, ttl_proto, -total % 65535, packet.src, packet.dst
    )
    ip += extra
    if packet.fragment & FRAGMENTED:
        return ip
    if packet.proto == IPPROTO_TCP:
        return ip + _tcp_headers(packet, sums)[20:]
    if packet.proto == IPPROTO_UDP:
        size = 8 + len(packet.payload)
        total = addresses + 17 + size + packet.sport + packet.dport + size + sums.of(packet.payload)
        return ip + _UDP.pack(packet.sport, packet.dport, size, finish(total) or 0xFFFF)
    return ip


def _tcp_headers(packet: Packet, sums: PayloadSums) -> bytes:
    # One pack for both headers, everything read once: this runs once per packet and capture point.
    src = packet.src
    dst = packet.dst
    sport = packet.sport
    dport = packet.dport
    length = packet.length
    ident = packet.ident
    fragment = packet.fragment
    first = 0x4500 | packet.tos
    ttl_proto = packet.ttl << 8 | 6
    seq = packet.seq
    ack = packet.ack
    window = packet.window
    urgent = packet.urgent
    payload = packet.payload
    options = packet.options
    tsval = packet.tsval
    addresses = src + dst
    ip_sum = -(first + length + ident + fragment + ttl_proto + addresses) % 65535
    # 6 is the protocol, length less 20 the segment's, of the pseudo-header (RFC 9293 section 3.1).
    total = addresses + 6 + length - 20 - len(packet.ip_options) + sport + dport + seq + ack + window + urgent
    if payload:
        total += sums.of(payload)
    if tsval < 0 or options:
        offset = (20 + len(options)) << 10 | packet.flags
        total += offset
        if options:
            total += ones_complement_sum(options)
        return _IPV4_TCP.pack(
            first, length, ident, fragment, ttl_proto, ip_sum, src, dst,
            sport, dport, seq, ack, offset, window, -total % 65535, urgent,
        ) + options  # fmt: skip
    offset = 0x8000 | packet.flags
    tsecr = packet.tsecr
    total += offset + 0x0101080A + tsval + tsecr
    return _IPV4_TCP_TIMESTAMPS.pack(
        first, length, ident, fragment, ttl_proto, ip_sum, src, dst,
        sport, dport, seq, ack, offset, window, -total % 65535, urgent, _NOP_NOP_TIMESTAMPS, tsval, tsecr,
    )  # fmt: skip


def serialize(packet: Packet) -> bytes:
    """Return the whole packet as bytes."""
    return headers(packet, PayloadSums()) + packet.payload


def parse(data: bytes) -> Packet:
    """Return the record of an IPv4 or IPv6 packet; bytes behind its stated length are ignored.

    Raises:
        MalformedPacket: if lengths or offsets do not fit the bytes.
    """
    if not data:
        raise MalformedPacket("no bytes at all")
    version = data[0] >> 4
    if version == 6:
        return _parse_ipv6(data)
    if version != 4:
        raise MalformedPacket(f"IP version {version}")
    if len(data) < 20:
        raise MalformedPacket(f"{len(data)} bytes are too few for an IPv4 header")
    first, length, ident, fragment, ttl_proto, _, src, dst = _IPV4.unpack_from(data)
    start = (first >> 8 & 15) * 4
    proto = ttl_proto & 0xFF
    if start < 20 or length < start or length > len(data):
        raise MalformedPacket(f"header of {start} bytes and total length of {length} in {len(data)} bytes")
    packet = Packet(src, dst, proto, 0, 0, data[start:length], length, ident=ident, ttl=ttl_proto >> 8)
    packet.tos = first & 0xFF
    packet.fragment = fragment
    packet.ip_options = data[20:start]
    if fragment & FRAGMENTED:
        return packet
    if proto == IPPROTO_TCP:
        _parse_tcp(packet, data, start)
    elif proto == IPPROTO_UDP:
        if length - start < 8:
            raise MalformedPacket(f"{length - start} bytes are too few for a UDP header")
        packet.sport, packet.dport, size, _ = _UDP.unpack_from(data, start)
        if size != length - start:
            raise MalformedPacket(f"UDP length {size} in an IP payload of {length - start} bytes")
        packet.payload = data[start + 8 : length]
    elif proto == IPPROTO_ICMP:
        if length - start < 8:
            raise MalformedPacket(f"{length - start} bytes are too few for an ICMP message")
        packet.dport = data[start] << 8 | data[start + 1]
        if data[start] in (0, 8):
            packet.sport = int.from_bytes(data[start + 4 : start + 6], "big")
    return packet


def _parse_tcp(packet: Packet, data: bytes, start: int) -> None:
    length = packet.length
    if length - start < 20:
        raise MalformedPacket(f"{length - start} bytes are too few for a TCP header")
    packet.sport, packet.dport, packet.seq, packet.ack, offset, packet.window, _, packet.urgent = _TCP.unpack_from(
        data, start
    )
    body = start + (offset >> 12) * 4
    if body < start + 20 or body > length:
        raise MalformedPacket(f"TCP data offset {offset >> 12} in a segment of {length - start} bytes")
    packet.flags = offset & 0x0FFF
    options = data[start + 20 : body]
    packet.payload = data[body:length]
    if len(options) == 12 and options[:4] == b"\x01\x01\x08\x0a":
        packet.tsval = int.from_bytes(options[4:8], "big")
        packet.tsecr = int.from_bytes(options[8:], "big")
    elif options:
        packet.options = options
        found = read(options)
        packet.tsval = found.tsval
        packet.tsecr = found.tsecr


def _ipv6_header(packet: Packet) -> bytes:
    first = 6 << 28 | packet.tos << 20 | packet.ident
    head = struct.pack("!IHBB", first, packet.length - 40, packet.proto, packet.ttl)
    return head + packet.src.to_bytes(16, "big") + packet.dst.to_bytes(16, "big")


def _parse_ipv6(data: bytes) -> Packet:
    if len(data) < 40:
        raise MalformedPacket(f"{len(data)} bytes are too few for an IPv6 header")
    first, size, proto, ttl = struct.unpack_from("!IHBB", data)
    if 40 + size > len(data):
        raise MalformedPacket(f"IPv6 payload length {size} in {len(data)} bytes")
    src, dst = int.from_bytes(data[8:24], "big"), int.from_bytes(data[24:40], "big")
    packet = Packet(src, dst, proto, 0, 0, data[40 : 40 + size], 40 + size, ident=first & 0xFFFFF, ttl=ttl)
    packet.version = 6
    packet.tos = first >> 20 & 0xFF
    packet.fragment = 0
    return packet
