from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from scapy.layers.inet import ICMP, IP, TCP, UDP, in4_chksum
from scapy.layers.inet6 import IPv6
from scapy.packet import Raw
from scapy.utils import checksum

from emulator.wire.checksum import PayloadSums
from emulator.wire.codec import MalformedPacket, headers, parse, serialize
from emulator.wire.packet import DF, IPPROTO_TCP, SYN, Packet, icmp, tcp, udp

u8, u16, u32 = (st.integers(0, (1 << bits) - 1) for bits in (8, 16, 32))
payloads = st.one_of(st.binary(max_size=40), st.binary(min_size=1400, max_size=1500))
aligned = st.integers(0, 10).flatmap(lambda words: st.binary(min_size=words * 4, max_size=words * 4))
UNFRAGMENTED = st.sampled_from([0, DF, 0x8000])
FRAGMENTS = st.one_of(st.just(0x2000), st.integers(1, 0x1FFF), st.integers(0x2001, 0x3FFF))


@dataclass
class Ip:
    """Fields of an IP header, drawn."""

    src: int
    dst: int
    tos: int
    ident: int
    ttl: int
    options: bytes

    def dress(self, packet: Packet, fragment: int) -> Packet:
        packet.src, packet.dst = self.src, self.dst
        packet.tos, packet.ident, packet.ttl, packet.ip_options = self.tos, self.ident, self.ttl, self.options
        packet.length += len(self.options)
        packet.fragment = fragment
        return packet


plain = st.builds(Ip, u32, u32, u8, u16, u8, st.just(b""))
optioned = st.builds(Ip, u32, u32, u8, u16, u8, aligned)
ips = st.one_of(plain, optioned)


@st.composite
def tcp_packets(draw: st.DrawFn) -> Packet:
    payload = draw(payloads)
    packet = tcp(0, 0, draw(u16), draw(u16), draw(st.integers(0, 0xFFF)), payload, draw(u32), draw(u32))
    packet.window, packet.urgent = draw(u16), draw(u16)
    tail = draw(st.sampled_from(["none", "timestamps", "options"]))
    if tail == "timestamps":
        packet.tsval, packet.tsecr = draw(u32), draw(u32)
        packet.length += 12
    elif tail == "options":
        packet.options = draw(aligned)
        packet.length += len(packet.options)
    return draw(ips).dress(packet, draw(UNFRAGMENTED))


@st.composite
def udp_packets(draw: st.DrawFn) -> Packet:
    return draw(ips).dress(udp(0, 0, draw(u16), draw(u16), draw(payloads)), draw(UNFRAGMENTED))


@st.composite
def fragments(draw: st.DrawFn) -> Packet:
    payload = draw(payloads)
    packet = Packet(0, 0, draw(st.sampled_from([6, 17, 1, 50])), 0, 0, payload, 20 + len(payload))
    return draw(ips).dress(packet, draw(FRAGMENTS))


@st.composite
def icmp_packets(draw: st.DrawFn) -> Packet:
    kind = draw(st.sampled_from([0, 3, 5, 8, 11, 12]))  # scapy wants more bytes than RFC 792's eight for others
    return draw(ips).dress(icmp(0, 0, kind, draw(u8), draw(u16), draw(u16), draw(payloads)), draw(UNFRAGMENTED))


@st.composite
def ipv6_packets(draw: st.DrawFn) -> Packet:
    payload = draw(payloads)
    u128 = st.integers(0, (1 << 128) - 1)
    packet = Packet(draw(u128), draw(u128), draw(u8), 0, 0, payload, 40 + len(payload))
    packet.version, packet.fragment = 6, 0
    packet.tos, packet.ident, packet.ttl = draw(u8), draw(st.integers(0, 0xFFFFF)), draw(u8)
    return packet


every_kind = st.one_of(tcp_packets(), udp_packets(), fragments(), icmp_packets(), ipv6_packets())


def same(one: Packet, other: Packet) -> bool:
    # By dir() rather than __slots__, which a class compiled by mypyc does not have.
    names = [name for name in dir(Packet) if not name.startswith("_") and not callable(getattr(Packet, name))]
    assert {"src", "options", "ip_options"} < set(names)
    return all(getattr(one, name) == getattr(other, name) for name in names)


def source_routed(read: IP) -> bool:
    """Whether scapy takes the destination of a checksum from a source route, which no VPC forwards."""
    return any(getattr(option, "option", 0) in (3, 9) for option in read.options)


@given(every_kind)
def test_what_is_written_reads_back_the_same(packet: Packet) -> None:
    again = parse(serialize(packet))
    assert serialize(again) == serialize(packet)
    assert len(serialize(packet)) == packet.length
    if not packet.options:
        assert same(again, packet)


@given(tcp_packets())
@settings(max_examples=60)
def test_scapy_reads_our_tcp_and_would_write_the_same_checksums(packet: Packet) -> None:
    read = IP(serialize(packet))
    assume(not source_routed(read))
    assert (read[TCP].sport, read[TCP].dport, read[TCP].window) == (packet.sport, packet.dport, packet.window)
    assert (read[TCP].seq, read[TCP].ack, read[TCP].urgptr) == (packet.seq, packet.ack, packet.urgent)
    assert read[TCP].reserved << 9 | int(read[TCP].flags) == packet.flags
    assert bytes(read[TCP].payload) == packet.payload
    if packet.tsval >= 0 and not packet.options:
        assert dict(o for o in read[TCP].options if o[0] == "Timestamp") == {"Timestamp": (packet.tsval, packet.tsecr)}
    theirs = (read.chksum, read[TCP].chksum)
    # Recompute over our very bytes: rebuilding from fields would normalise options that mean the same.
    start = 4 * read.ihl
    raw = bytearray(serialize(packet))
    raw[10:12] = raw[start + 16 : start + 18] = b"\0\0"
    assert theirs == (checksum(bytes(raw[:start])), in4_chksum(IPPROTO_TCP, read, bytes(raw[start:])))


@given(udp_packets())
@settings(max_examples=60)
def test_scapy_reads_our_udp_and_would_write_the_same_checksum(packet: Packet) -> None:
    read = IP(serialize(packet))
    assume(not source_routed(read))
    assert (read[UDP].sport, read[UDP].dport, bytes(read[UDP].payload)) == (packet.sport, packet.dport, packet.payload)
    ours = read[UDP].chksum
    start = 4 * read.ihl
    raw = bytearray(serialize(packet))
    raw[start + 6 : start + 8] = b"\0\0"
    assert ours == (in4_chksum(17, read, bytes(raw[start:])) or 0xFFFF)


@given(icmp_packets())
@settings(max_examples=60)
def test_scapy_reads_our_icmp(packet: Packet) -> None:
    read = IP(serialize(packet))
    assert read[ICMP].type << 8 | read[ICMP].code == packet.dport
    assert checksum(packet.payload[:2] + b"\0\0" + packet.payload[4:]) == read[ICMP].chksum


@given(ipv6_packets())
@settings(max_examples=60)
def test_scapy_reads_our_ipv6(packet: Packet) -> None:
    read = IPv6(serialize(packet))
    assert (read.tc, read.fl, read.hlim, read.nh) == (packet.tos, packet.ident, packet.ttl, packet.proto)
    assert read.plen == len(packet.payload)


@pytest.mark.parametrize(
    "theirs",
    [
        IP(src="10.0.1.5", dst="10.0.2.6") / TCP(sport=40000, dport=443, flags="S", options=[("MSS", 8961)]),
        IP(src="10.0.1.5", dst="10.0.2.6", tos=4, id=7, ttl=3) / TCP(flags="PA", seq=1, ack=2) / Raw(b"odd"),
        IP(src="10.0.1.5", dst="10.0.2.6")
        / TCP(options=[("NOP", None), ("NOP", None), ("Timestamp", (4294967295, 0))]),
        IP(src="10.0.1.5", dst="10.0.0.2") / UDP(sport=5, dport=53) / Raw(b"query"),
        IP(src="10.0.1.5", dst="10.0.0.2") / ICMP(id=9, seq=1) / Raw(b"ping"),
        IP(src="10.0.1.5", dst="10.0.0.2", frag=185, flags="MF") / Raw(bytes(1480)),
        IP(src="10.0.1.5", dst="10.0.0.2", proto=50) / Raw(b"esp"),
        IPv6(src="fd00::1", dst="fd00::2") / TCP(dport=443) / Raw(b"six"),
        IPv6(src="fd00::1", dst="fd00::2") / UDP(dport=53) / Raw(b"six"),
    ],
    ids=lambda packet: packet.summary(),
)
def test_what_scapy_writes_reads_and_writes_back_byte_for_byte(theirs: IP) -> None:
    packet = Packet.from_scapy(theirs)
    assert packet.to_bytes() == bytes(theirs)
    assert bytes(packet.to_scapy()) == bytes(theirs)


def test_a_scapy_packet_without_ip_is_refused_by_name() -> None:
    from scapy.layers.l2 import ARP, Ether

    with pytest.raises(MalformedPacket, match="no IP layer"):
        Packet.from_scapy(Ether() / ARP())


def test_an_echo_carries_its_identifier_as_a_port() -> None:
    packet = parse(serialize(icmp(1, 2, 8, 0, identifier=77)))
    assert (packet.sport, packet.dport) == (77, 8 << 8)


@given(st.binary(max_size=90))
@example(b"")
@example(b"\x45")
@example(b"\x65" + bytes(38))
def test_random_bytes_are_a_packet_or_malformed_and_nothing_else(data: bytes) -> None:
    try:
        packet = parse(data)
    except MalformedPacket:
        return
    assert len(serialize(packet)) == packet.length


@given(every_kind, st.data())
def test_a_damaged_packet_is_a_packet_or_malformed_and_nothing_else(packet: Packet, data: st.DataObject) -> None:
    raw = bytearray(serialize(packet))
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, min(len(raw), 80) - 1))] = data.draw(u8)
    raw = raw[: data.draw(st.integers(0, len(raw)))]
    try:
        packet = parse(bytes(raw))
    except MalformedPacket:
        return
    assert len(serialize(packet)) == packet.length <= len(raw)


def test_bytes_behind_the_stated_length_are_not_the_packets() -> None:
    raw = serialize(tcp(1, 2, 3, 4))
    assert serialize(parse(raw + b"ethernet padding")) == raw


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({0: 0x55}, "IP version 5"),
        ({0: 0x44}, "header of 16 bytes"),
        ({3: 41}, "total length of 41"),
        ({3: 39}, "too few for a TCP header"),
        ({32: 0x40}, "data offset 4"),
        ({32: 0x60}, "data offset 6"),
    ],
)
def test_each_malformation_is_named(change: dict[int, int], complaint: str) -> None:
    raw = bytearray(serialize(tcp(1, 2, 3, 4, SYN)))
    for at, value in change.items():
        raw[at] = value
    with pytest.raises(MalformedPacket, match=complaint):
        parse(bytes(raw))


def test_headers_use_the_sums_they_are_given() -> None:
    sums = PayloadSums()
    packet = tcp(1, 2, 3, 4, payload=b"block")
    assert headers(packet, sums) + b"block" == serialize(packet)
    assert sums.sums == {b"block": sums.of(b"block")}
