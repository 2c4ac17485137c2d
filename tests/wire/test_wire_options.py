from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import TCP

from emulator.wire.options import TcpOptions, clamp_mss, read, read_sack, write_sack, write_syn

u32 = st.integers(0, 0xFFFFFFFF)


def scapys(options: bytes) -> list[tuple[str, object]]:
    header = bytearray(bytes(TCP()) + options)
    header[12] = (20 + len(options)) << 2
    return [option for option in TCP(bytes(header)).options if option[0] not in ("NOP", "EOL")]


@given(
    st.integers(-1, 0xFFFF).filter(lambda mss: mss != 0),
    st.integers(-1, 14),
    st.booleans(),
    st.integers(-1, 0xFFFFFFFF),
    u32,
)
def test_scapy_reads_the_options_of_our_syn(mss: int, scale: int, sack: bool, tsval: int, tsecr: int) -> None:
    written = write_syn(TcpOptions(mss, scale, sack, tsval, tsecr))
    assert len(written) % 4 == 0
    expected: dict[str, object] = {}
    if mss >= 0:
        expected["MSS"] = mss
    if sack:
        expected["SAckOK"] = b""
    if tsval >= 0:
        expected["Timestamp"] = (tsval, tsecr)
    if scale >= 0:
        expected["WScale"] = scale
    assert dict(scapys(written)) == expected
    found = read(written)
    assert (found.mss, found.window_scale, found.sack_permitted, found.tsval) == (mss, scale, sack, tsval)


@given(st.lists(st.tuples(u32, u32), min_size=1, max_size=6), st.integers(-1, 0xFFFFFFFF))
def test_as_many_sack_blocks_are_written_as_fit(blocks: list[tuple[int, int]], tsval: int) -> None:
    written = write_sack(blocks, tsval, 5)
    kept = blocks[: 4 if tsval < 0 else 3]
    assert len(written) % 4 == 0
    assert len(written) <= 40
    assert read(written).sack == read_sack(written) == kept
    assert dict(scapys(written))["SAck"] == tuple(edge for block in kept for edge in block)


@given(st.one_of(st.binary(max_size=40), st.binary(max_size=40).map((b"\1\1\10\n12345678\1\1\5" + bytes(1)).__add__)))
def test_no_bytes_are_too_odd_to_read(data: bytes) -> None:
    assert read_sack(data) == read(data).sack
    clamped = clamp_mss(data, 1460)
    assert len(clamped) == len(data)


@pytest.mark.parametrize(("announced", "clamped"), [(8961, 8460), (8460, 8460), (1460, 1460)])
def test_only_an_mss_above_the_limit_is_lowered(announced: int, clamped: int) -> None:
    syn = write_syn(TcpOptions(announced, 7, True, 1, 0))
    lowered = clamp_mss(syn, 8460)
    assert read(lowered).mss == clamped
    assert lowered[4:] == syn[4:]
