from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from emulator.capture.blocks import comment, whole_blocks, whole_pcap_records
from emulator.model.epoch import EPOCH_NS
from emulator.model.traces import Delivered
from emulator.wire.packet import SYN, tcp

if TYPE_CHECKING:
    from conftest import MakeTap

# One SYN, 10.0.1.5:40000 > 10.0.2.6:443, seen leaving 1 ns into the run.
SYN_FRAME = """
    0200 0a000101  0200 0a000105  0800
    45 00 0028 0000 4000 40 06 23c6 0a000105 0a000206
    9c40 01bb 00000000 00000000 5002 ffff fadc 0000
"""
GOLDEN_PCAPNG = f"""
    0a0d0d0a 2c000000 4d3c2b1a 0100 0000 ffffffffffffffff
        0400 0600 7670 6365 6d75 0000                            shb_userappl vpcemu
        0000 0000 2c000000
    01000000 28000000 0100 0000 00000400
        0200 0300 776562 00                                      if_name web
        0900 0100 09 000000                                      if_tsresol nanoseconds
        0000 0000 28000000
    06000000 7c000000 00000000 51728618 0100faed 36000000 36000000
        {SYN_FRAME} 0000
        0100 1300 64656c697665726564 20 746f 20 656e692d6462 00  opt_comment delivered to eni-db
        0200 0400 02000000                                       epb_flags outbound
        0000 0000 7c000000
    05000000 58000000 00000000 51728618 0100faed
        0200 0800 51728618 0000faed                              isb_starttime
        0300 0800 51728618 0100faed                              isb_endtime
        0400 0800 0100000000000000                               isb_ifrecv
        0500 0800 0000000000000000                               isb_ifdrop
        0800 0800 0100000000000000                               isb_usrdeliv
        0000 0000 58000000
"""
GOLDEN_PCAP = f"""
    4d3cb2a1 0200 0400 00000000 00000000 00000400 01000000
    00b95569 01000000 36000000 36000000 {SYN_FRAME}
"""


def unhex(text: str) -> bytes:
    """Read hexadecimal, leaving out the names at the ends of lines."""
    named = ("shb_", "if_", "opt_", "epb_", "isb_")
    lines = []
    for line in text.splitlines():
        at = min((line.index(f" {name}") for name in named if f" {name}" in line), default=len(line))
        lines.append(line[:at])
    return bytes.fromhex("".join(lines))


def test_a_pcapng_file_byte_for_byte(make_tap: MakeTap) -> None:
    tap = make_tap()
    packet = tcp(0x0A000105, 0x0A000206, 40000, 443, SYN)
    tap.see(packet, 1, True)
    packet.ending = Delivered("eni-db")
    tap.close()
    assert tap.path.read_bytes().hex() == unhex(GOLDEN_PCAPNG).hex()


def test_a_pcap_file_byte_for_byte(make_tap: MakeTap) -> None:
    tap = make_tap(file_format="pcap")
    packet = tcp(0x0A000105, 0x0A000206, 40000, 443, SYN)
    tap.see(packet, 1, True)
    packet.ending = Delivered("eni-db")
    tap.close()
    assert tap.path.name == "web.pcap"
    assert tap.path.read_bytes().hex() == unhex(GOLDEN_PCAP).hex()


def test_the_epoch_is_the_first_second_of_2026() -> None:
    from datetime import UTC, datetime

    assert datetime(2026, 1, 1, tzinfo=UTC).timestamp() * 10**9 == EPOCH_NS


def test_an_endless_comment_is_cut_between_two_characters() -> None:
    option = comment("\N{EURO SIGN}" * 30_000)
    size = struct.unpack_from("<H", option, 2)[0]
    assert option[4 : 4 + size].decode() == "\N{EURO SIGN}" * 21_845
    assert len(option) % 4 == 0


def test_whole_blocks_end_where_a_block_ends() -> None:
    data = unhex(GOLDEN_PCAPNG)
    ends = {whole_blocks(data, end) for end in range(len(data) + 1)}
    assert ends == {(0, 0), (44, 0), (84, 0), (84 + 124, 1), (len(data), 1)}
    record = unhex(GOLDEN_PCAP)[24:]
    assert {whole_pcap_records(record * 2, end) for end in range(141)} == {(0, 0), (70, 1), (140, 2)}
