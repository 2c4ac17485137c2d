"""The small parts, each against something simpler than itself."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.tcp import NewReno, TcpConfig
from emulator.tcp.block import unwrap
from emulator.tcp.cubic import Cubic
from emulator.tcp.intervals import Intervals
from emulator.tcp.rack import Rack
from emulator.tcp.reassembly import Reassembly
from emulator.tcp.rto import RttEstimator
from emulator.tcp.scoreboard import Scoreboard
from emulator.tcp.send_buffer import NEVER, SendBuffer

MS = 1_000_000
SECOND = 1_000_000_000
ranges = st.tuples(st.integers(0, 60), st.integers(1, 20)).map(lambda pair: (pair[0], pair[0] + pair[1]))


@given(st.lists(ranges, max_size=20), st.integers(0, 80), ranges)
def test_intervals_are_a_set(added: list[tuple[int, int]], bound: int, asked: tuple[int, int]) -> None:
    intervals, model = Intervals(), set()
    for left, right in added:
        assert intervals.add(left, right) == len(set(range(left, right)) - model)
        model |= set(range(left, right))
    assert intervals.covered(*asked) == len(model & set(range(*asked)))
    begin, end = intervals.gap(asked[0])
    assert begin == next(i for i in range(asked[0], 200) if i not in model)
    assert end == next((i for i in range(begin, 200) if i in model), -1)
    intervals.discard_below(bound)
    model = {i for i in model if i >= bound}
    assert intervals.total == len(model)
    assert {
        i for left, right in zip(intervals.lefts, intervals.rights, strict=True) for i in range(left, right)
    } == model
    edges = [edge for pair in zip(intervals.lefts, intervals.rights, strict=True) for edge in pair]
    assert edges == sorted(set(edges))


@given(st.lists(ranges, max_size=30))
def test_reassembly_gives_back_each_octet_once_and_in_order(arrivals: list[tuple[int, int]]) -> None:
    stream = bytes(range(100))
    reassembly, nxt, got = Reassembly(), 0, b""
    recent: list[int] = []
    for left, right in [*arrivals, *((i, i + 1) for i in range(80))]:
        if right <= nxt:
            continue
        if left > nxt:
            reassembly.insert(left, stream[left:right])
            assert 1 <= len(reassembly.blocks()) <= 4
            held = list(zip(reassembly.lefts, reassembly.rights, strict=True))
            recent = [left, *recent]
            touched = [next((block for block in held if block[0] <= at < block[1]), None) for at in recent]
            newest = [block for block in dict.fromkeys(touched) if block]
            assert reassembly.blocks() == newest[: len(reassembly.blocks())]  # RFC 2018 section 4
        else:
            got += stream[nxt:right]
            nxt = right
            for piece in reassembly.extract(nxt):
                got += piece
                nxt += len(piece)
        assert got == stream[:nxt]
        assert sum(map(len, reassembly.pieces.values())) == reassembly.total
    assert (reassembly.total, reassembly.pieces) == (0, {})


@given(st.lists(st.binary(min_size=1, max_size=30), max_size=20), st.data())
def test_a_send_buffer_reads_like_the_writes_joined(writes: list[bytes], data: st.DataObject) -> None:
    buffer, whole = SendBuffer(7), b"".join(writes)
    for write in writes:
        buffer.append(write)
    una = 0
    while una < len(whole):
        seq = data.draw(st.integers(una, len(whole) - 1))
        size = data.draw(st.integers(1, len(whole) - seq))
        assert buffer.read(7 + seq, size) == whole[seq : seq + size]
        una += data.draw(st.integers(1, 40))
        buffer.release(7 + min(una, len(whole)))
        held = sum(map(len, buffer.chunks))
        assert held <= max(len(whole) - una, 0) + 30
    assert buffer.first_end == NEVER


@given(st.integers(0, 1 << 40), st.integers(-(1 << 31), (1 << 31) - 1))
def test_sequence_numbers_unwrap_to_the_nearest(near: int, distance: int) -> None:
    assert unwrap((near + distance) & 0xFFFFFFFF, near) == near + distance


# RFC 6298 section 2: (samples in ms, one a round trip; SRTT; RTTVAR; RTO), by hand with alpha 1/8 and beta 1/4.
# The timeout takes Linux's variation: the largest of the round trip, 200 ms at least, sinking by a quarter each.
@pytest.mark.parametrize(
    ("samples", "srtt", "rttvar", "rto"),
    [
        ([100], 100, 50, 300),  # (2.2): SRTT = R, RTTVAR = R / 2
        ([1000], 1000, 500, 3000),
        ([1000, 1000], 1000, 375, 3000),  # (2.3), but the first round trip's peak holds
        ([1000, 1000, 1000], 1000, 281.25, 2781.25),  # 2000 - (2000 - 1125) / 4
        ([1000, 2000], 1125, 625, 3625),  # RTTVAR takes the SRTT from before
        ([800, 0, 1600], 812.5, 534.375, 2950),  # faster than the mean moves RTTVAR an eighth as much
    ],
)
def test_rto_numbers_of_rfc_6298(samples: list[int], srtt: float, rttvar: float, rto: float) -> None:
    estimator = RttEstimator(TcpConfig())
    assert estimator.rto == SECOND  # (2.1)
    for i, sample in enumerate(samples):
        got = estimator.sample(sample * MS, 2 * i + 2, 2 * i + 3)
    assert (estimator.srtt, estimator.deviation / 4) == (srtt * MS, rttvar * MS)
    assert got == estimator.rto == rto * MS


def test_rto_within_a_round_trip_keeps_the_largest_deviation() -> None:
    estimator = RttEstimator(TcpConfig())
    estimator.sample(300 * MS, 1, 100)
    for _ in range(20):
        assert estimator.sample(300 * MS, 50, 100) == 900 * MS  # forty samples of one window do not wear it off
    assert estimator.sample(300 * MS, 101, 200) == 900 * MS
    assert estimator.sample(300 * MS, 201, 300) < 900 * MS


def test_rto_has_a_floor_and_a_ceiling() -> None:
    estimator = RttEstimator(TcpConfig())
    for i in range(50):
        estimator.sample(MS, 2 * i + 1, 2 * i + 2)
    assert 201 * MS <= estimator.rto < 202 * MS
    assert [estimator.back_off() // SECOND for _ in range(12)][-4:] == [102, 120, 120, 120]
    assert estimator.sample(1000 * SECOND, 200, 201) == 120 * SECOND


def test_the_smallest_round_trip_is_forgotten_after_five_minutes() -> None:
    estimator = RttEstimator(TcpConfig())
    for rtt, now, least in ((50, 0, 50), (40, 10, 40), (60, 20, 40), (60, 311, 60), (70, 500, 60)):
        estimator.note_min(rtt * MS, now * SECOND)
        assert estimator.min_rtt == least * MS


def is_lost(board: Scoreboard, seq: int, mss: int) -> bool:
    """RFC 6675's sentence: three separate runs, or more than two segments' octets, SACKed above ``seq``."""
    runs = sum(left > seq for left in board.lefts)
    octets = sum(right - left for left, right in zip(board.lefts, board.rights, strict=True) if left > seq)
    return runs >= 3 or octets > 2 * mss


@given(st.lists(ranges, max_size=10), st.lists(st.integers(1, 8), max_size=6), st.integers(0, 80))
def test_pipe_and_lost_edge_agree_with_rfc_6675_octet_by_octet(
    blocks: list[tuple[int, int]], again: list[int], una: int
) -> None:
    mss, nxt, board = 5, 90, Scoreboard()
    sent_again: set[int] = set()
    for i in range(max(len(blocks), len(again))):
        if i < len(blocks):
            left, right = blocks[i][0] + 1, blocks[i][1] + 1
            news = right - left - board.covered(left, right)
            resent = len(sent_again & set(range(left, right)))
            assert board.add(left, right) == news
            assert board.deliver(left, right) == resent
            sent_again -= set(range(left, right))
        board.lose_below(0, board.lost_edge(mss))
        if i < len(again) and board.lost.lefts:
            left = board.lost.lefts[0]
            right = min(board.lost.rights[0], left + again[i])
            board.send_again(left, right, i)
            sent_again |= set(range(left, right))
    if una:
        board.deliver(0, una)
    board.advance(una)
    sent_again -= set(range(una))
    sacked = {i for left, right in zip(board.lefts, board.rights, strict=True) for i in range(left, right)}
    missing = [i for i in range(una, nxt) if i not in sacked]
    edge = board.lost_edge(mss)
    assert [i < edge for i in missing] == [is_lost(board, i, mss) for i in missing]
    pipe = sum(not is_lost(board, i, mss) for i in missing) + len(sent_again)
    assert board.pipe(una, nxt) == pipe
    assert board.resent.octets == board.twice.total == len(sent_again)


@given(st.lists(st.tuples(ranges, st.booleans()), max_size=30))
def test_intervals_forget_what_is_removed(changes: list[tuple[tuple[int, int], bool]]) -> None:
    intervals, model = Intervals(), set()
    for (left, right), adding in changes:
        piece = set(range(left, right))
        if adding:
            assert intervals.add(left, right) == len(piece - model)
            model |= piece
        else:
            assert intervals.remove(left, right) == len(piece & model)
            model -= piece
        assert intervals.total == len(model)
        pairs = list(zip(intervals.lefts, intervals.rights, strict=True))
        assert {i for a, b in pairs for i in range(a, b)} == model
        assert all(a < b for a, b in pairs)
        assert all(pairs[k][1] < pairs[k + 1][0] for k in range(len(pairs) - 1))


def test_newreno_grows_by_what_was_acknowledged_and_then_by_a_segment_per_window() -> None:
    reno = NewReno(1000, 10_000)
    reno.on_ack(2000, 0)
    reno.on_ack(9000, 0)
    assert reno.cwnd == 14_000  # RFC 3465: at most two segments for one acknowledgment
    reno.on_recovery(14_000, 0)
    assert (reno.cwnd, reno.ssthresh) == (7000, 7000)
    for _ in range(4):
        reno.on_ack(2000, 0)
    assert reno.cwnd == 8000
    reno.on_timeout(1500, 0, again=False)
    assert (reno.cwnd, reno.ssthresh) == (1000, 2000)
    reno.on_ack(2000, 0)
    assert reno.cwnd == 2000


def test_cubic_grows_as_reno_would_where_a_round_trip_is_shorter_than_the_curve_has_steps() -> None:
    estimator = RttEstimator(TcpConfig())
    estimator.min_rtt = 100_000
    cubic = Cubic(1000, 10_000, estimator)
    cubic.on_recovery(10_000, 0)
    assert cubic.cwnd == 7000
    now = 0
    for _ in range(40):  # round trips, of 0.1 ms
        for _ in range(cubic.cwnd // 2000):
            cubic.on_ack(2000, now)
        now += 100_000
    # RFC 9438 section 4.3: 9/17 of a segment a round trip until what was lost is regained, then a whole one.
    assert 30_000 <= cubic.cwnd <= 42_000


def test_a_first_copy_of_the_same_instant_does_not_overtake_a_second_one() -> None:
    rack = Rack()
    rack.arrived(100, 5000, 200, -1)
    assert (rack.sent_at, rack.end, rack.again) == (100, 5000, False)
    rack.arrived(100, 6000, 200, 50)
    assert (rack.end, rack.again) == (6000, True)
