from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scapy.utils import checksum as scapy_checksum

from emulator.wire.checksum import PayloadSums, checksum, finish, ones_complement_sum


def test_the_example_of_rfc_1071_section_3() -> None:
    data = bytes.fromhex("0001f203f4f5f6f7")
    assert ones_complement_sum(data) == 0xDDF2
    assert checksum(data) == 0xFFFF ^ 0xDDF2


@given(st.binary(min_size=1, max_size=200))
@example(b"\xff\xff")
@example(b"\0\0")
@example(b"\x01")
def test_scapy_agrees(data: bytes) -> None:
    assert checksum(data) == scapy_checksum(data)


@pytest.mark.parametrize("size", [0, 1, 719, 720, 721, 1460, 1463, 1464, 1465, 2927, 2928, 2929, 8460, 65_535])
@pytest.mark.parametrize("fill", [b"\xff", b"\x00\x01\xa7\xfe\x80"])
def test_folding_changes_no_sum_at_any_size(size: int, fill: bytes) -> None:
    data = (fill * size)[:size]
    padded = data + b"\0" * (size % 2)
    by_words = sum(padded[i] << 8 | padded[i + 1] for i in range(0, len(padded), 2))
    assert ones_complement_sum(data) == by_words % 65535


def test_a_sum_of_all_ones_gives_the_checksum_zero() -> None:
    assert finish(0xFFFF) == finish(0x1FFFE) == 0


def test_a_payload_met_again_is_not_summed_again() -> None:
    sums = PayloadSums()
    block = bytes(range(256)) * 4
    assert sums.of(block) == sums.of(bytes(bytearray(block))) == ones_complement_sum(block)
    assert sums.hits == 1


def test_payload_sums_remember_a_bounded_number_and_give_up_only_for_a_while() -> None:
    sums = PayloadSums()
    most = given_up = 0
    for i in range(12_000):
        payload = i.to_bytes(4, "big")
        assert sums.of(payload) == ones_complement_sum(payload)
        most = max(most, len(sums.sums))
        given_up += sums.skip > 0
    assert most <= 1024
    assert 8_000 < given_up < 10_000
    for _ in range(10_000):
        sums.of(b"the same block")
    assert sums.hits > 1_000
