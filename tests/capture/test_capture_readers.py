from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import dpkt
import pytest
from pcapng import FileScanner
from pcapng.blocks import EnhancedPacket, InterfaceDescription, InterfaceStatistics
from scapy.layers.inet import ICMP, TCP, UDP
from scapy.layers.inet6 import IPv6

from emulator.capture import Capture, packets
from emulator.model.reasons import Reason
from emulator.model.traces import Delivered, Dropped
from emulator.wire.packet import ACK, PSH, SYN, Packet, icmp, tcp, udp

if TYPE_CHECKING:
    from conftest import MakeTap, Tshark

    from emulator.capture import Tap

WEB, DB, PEER = 0x0A000105, 0x0A000206, 0x0A000107
HOUR = 3_600_000_000_000


def traffic() -> list[tuple[Packet, int, bool]]:
    """Every kind of packet, over more than the 4.3 s after which the upper half of a timestamp changes."""
    syn_ack = tcp(DB, WEB, 443, 40000, SYN | ACK, seq=0xFFFFFFFF, ack=1)
    syn_ack.options = bytes.fromhex("020405b4 01010402")
    syn_ack.length += 8
    data = tcp(WEB, DB, 40000, 443, ACK | PSH, bytes(range(256)) * 5 + b"odd", seq=1, ack=0)
    data.tsval, data.tsecr, data.length = 0xFFFFFFFF, 7, data.length + 12
    six = Packet(0xFD << 120 | 1, 0xFD << 120 | 2, 59, 0, 0, b"", 40)
    six.version = 6
    whole = udp(WEB, PEER, 5, 40001, b"x" * 1000).to_bytes()[20:]
    first, second = (Packet(WEB, PEER, 17, 0, 0, part, 20 + len(part), ident=9) for part in (whole[:800], whole[800:]))
    first.fragment, second.fragment = 0x2000, 100
    return [
        (tcp(WEB, DB, 40000, 443, SYN), 0, True),
        (syn_ack, 500_000, False),
        (data, 500_001, True),
        (udp(WEB, PEER, 5, 40001, b"query"), 4_294_967_296, True),
        (icmp(WEB, PEER, 8, 0, 77, 1, b"ping"), 5_000_000_001, True),
        (first, 5_000_000_002, True),
        (second, 5_000_000_003, True),
        (six, HOUR, True),
    ]


TIMES = [1_767_225_600_000_000_000 + now for _, now, _ in traffic()]


@pytest.fixture(params=["pcapng", "pcap"])
def written(request: pytest.FixtureRequest, make_tap: MakeTap) -> Tap:
    tap = make_tap(file_format=request.param)
    for packet, now, outgoing in traffic():
        tap.see(packet, now, outgoing)
        packet.ending = Dropped(Reason.EMU_IPV4_ONLY, "eni-db") if packet.version == 6 else Delivered("eni-db")
        tap.settle()
    tap.close()
    return tap


def test_wireshark_finds_nothing_malformed_and_no_bad_checksum(written: Tap, tshark: Tshark, bad_packets: str) -> None:
    assert tshark(written.path, "frame.number", only=bad_packets) == []
    good = tshark(written.path, "frame.number", only="ip.checksum.status == 1")
    assert len(good) == len(traffic()) - 1
    assert len(tshark(written.path, "frame.number", only="tcp.checksum.status == 1")) == 3
    assert len(tshark(written.path, "frame.number", only="udp.checksum.status == 1")) == 2  # one put together


def test_wireshark_sees_the_nanoseconds(written: Tap, tshark: Tshark) -> None:
    rows = tshark(written.path, "frame.time_epoch", "frame.len")
    assert [int(Decimal(row[0]) * 10**9) for row in rows] == TIMES
    assert [int(row[1]) for row in rows] == [14 + packet.length for packet, _, _ in traffic()]


def test_wireshark_sees_names_directions_and_comments(make_tap: MakeTap, tshark: Tshark) -> None:
    tap = make_tap("eni-web")
    for packet, now, outgoing in traffic():
        tap.see(packet, now, outgoing)
        packet.ending = Dropped(Reason.EMU_IPV4_ONLY, "eni-db") if packet.version == 6 else Delivered("eni-db")
    tap.close()
    rows = tshark(tap.path, "frame.interface_name", "frame.packet_flags_direction", "frame.comment")
    assert {row[0] for row in rows} == {"eni-web"}
    assert [int(row[1], 16) for row in rows] == [2, 1, 2, 2, 2, 2, 2, 2]
    told = "delivered to eni-db"
    assert [row[2] for row in rows] == [told, told, "", told, told, told, "", "EMU_IPV4_ONLY at eni-db"]


def test_scapy_gives_the_packets_back(written: Tap) -> None:
    frames = list(Capture(written).packets())
    assert [bytes(frame.payload) for frame in frames] == [packet.to_bytes() for packet, _, _ in traffic()]
    assert [int(Decimal(str(frame.time)) * 10**9) for frame in frames] == TIMES
    assert [TCP in frame for frame in frames[:3]] == [True] * 3
    assert UDP in frames[3]
    assert ICMP in frames[4]
    assert IPv6 in frames[7]


def test_dpkt_reads_the_same_frames(written: Tap) -> None:
    with written.path.open("rb") as file:
        reader = dpkt.pcapng.Reader(file) if written.path.suffix == ".pcapng" else dpkt.pcap.Reader(file)
        frames = [frame for _, frame in reader]
    assert [frame[14:] for frame in frames] == [packet.to_bytes() for packet, _, _ in traffic()]
    assert dpkt.ethernet.Ethernet(frames[0]).ip.tcp.dport == 443


@pytest.mark.filterwarnings("ignore:Field type should not be:DeprecationWarning")  # in python-pcapng's own table
def test_python_pcapng_reads_the_blocks(make_tap: MakeTap) -> None:
    tap = make_tap(snaplen=100, started_at=400)
    for packet, now, outgoing in traffic():
        tap.see(packet, now + 500, outgoing)
        packet.ending = Delivered("eni-db")
    tap.close()
    with tap.path.open("rb") as file:
        blocks = list(FileScanner(file))
    records = [block for block in blocks if isinstance(block, EnhancedPacket)]
    assert [r.timestamp_high << 32 | r.timestamp_low for r in records] == [moment + 500 for moment in TIMES]
    assert [r.packet_len for r in records] == [14 + packet.length for packet, _, _ in traffic()]
    assert [r.captured_len for r in records] == [min(100, 14 + packet.length) for packet, _, _ in traffic()]
    described = next(block for block in blocks if isinstance(block, InterfaceDescription))
    assert (described.snaplen, described.link_type, described.options["if_name"]) == (100, 1, "web")
    statistics = blocks[-1]
    assert isinstance(statistics, InterfaceStatistics)
    counts = {name: statistics.options[name] for name in ("isb_ifrecv", "isb_ifdrop", "isb_usrdeliv")}
    assert counts == {"isb_ifrecv": 8, "isb_ifdrop": 0, "isb_usrdeliv": 8}
    moments = [statistics.options[name] for name in ("isb_starttime", "isb_endtime")]
    # The upper half is written first; this reader takes the eight bytes for one little-endian number.
    halves = [(moment & 0xFFFFFFFF) << 32 | moment >> 32 for moment in moments]
    assert halves == [TIMES[0] + 400, TIMES[-1] + 500]


@pytest.mark.parametrize("snaplen", [1, 14, 20, 33, 34, 60, 66, 67, 128, 1500])
@pytest.mark.parametrize("file_format", ["pcapng", "pcap"])
def test_snaplen_cuts_what_is_kept_and_nothing_else(make_tap: MakeTap, snaplen: int, file_format: str) -> None:
    short, full = make_tap("short", snaplen=snaplen, file_format=file_format), make_tap("full")
    for packet, now, outgoing in traffic():
        packet.ending = Delivered("eni-db")
        for tap in (short, full):
            tap.see(packet, now, outgoing)
    short.close()
    full.close()
    for cut, whole in zip(packets(short.path), packets(full.path), strict=True):
        # The checksums of the first bytes are thus those of the whole packet.
        assert cut.original == whole.original[:snaplen]
        assert cut.wirelen == len(whole.original)
