"""CUBIC against the formulas of RFC 9438 in floating point, and HyStart against its two signs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.tcp import TcpConfig
from emulator.tcp.congestion import UNKNOWN, NewReno
from emulator.tcp.cubic import Cubic, cube_root
from emulator.tcp.hystart import HyStart
from emulator.tcp.rto import RttEstimator

MS = 1_000_000
SECOND = 1_000_000_000
MSS = 1000


def cubic(window: int = 10, rtt: int = 100 * MS, mss: int = MSS) -> Cubic:
    estimator = RttEstimator(TcpConfig())
    estimator.note_min(rtt, 0)
    return Cubic(mss, window * mss, estimator)


def window(c: Cubic) -> int:
    return c.cwnd // c.mss


@given(st.integers(0, 1 << 90))
def test_cube_roots_are_rounded_down(value: int) -> None:
    root = cube_root(value)
    assert root**3 <= value < (root + 1) ** 3


@given(st.integers(4, 100_000), st.integers(0, 100_000), st.sampled_from([536, 1460, 8961]))
def test_the_curve_is_that_of_rfc_9438(segments: int, milliseconds: int, mss: int) -> None:
    """Sections 4.2 and 4.6: K = cbrt((W_max - cwnd) / C), W(t) = C (t - K)^3 + W_max; in segments and seconds."""
    c = cubic(segments, mss=mss)
    c.ssthresh = c.cwnd
    c.on_recovery(c.cwnd, 0)
    start = c.cwnd / mss
    assert start == max(segments * 7 // 10, 2)
    c.on_ack(mss, 0)
    k = ((segments - start) / 0.4) ** (1 / 3)
    assert c.k / 1e6 == pytest.approx(k, abs=2e-6)
    t = milliseconds / 1000
    expected = 0.4 * (t - k) ** 3 + segments
    assert c.window_at(milliseconds * 1000) / mss == pytest.approx(expected, rel=1e-4, abs=0.01)


def test_a_window_follows_the_curve_round_trip_by_round_trip() -> None:
    c = cubic(1000, rtt=100 * MS)
    c.ssthresh = c.cwnd
    c.on_recovery(c.cwnd, 0)
    k = (300 / 0.4) ** (1 / 3)  # 9.09 s
    now = 0
    for _ in range(150):
        acked = 0
        while acked < c.cwnd:
            c.on_ack(2 * MSS, now)
            acked += 2 * MSS
            now += 100 * MS * 2 * MSS // c.cwnd
        t = now / SECOND
        assert window(c) == pytest.approx(0.4 * (t - k) ** 3 + 1000, rel=0.02)


def test_a_small_window_grows_as_reno_would() -> None:
    """Section 4.3: with a factor of 0.7, by 3 * 0.3 / 1.7 of a segment a round trip."""
    c = cubic(400, rtt=33 * MS)
    c.ssthresh = c.cwnd
    c.on_recovery(c.cwnd, 0)
    c.cwnd = c.ssthresh = 20 * MSS  # K is 9.8 s: far below, the curve is of no use
    c.on_recovery(c.cwnd, 0)
    c.cwnd = c.ssthresh
    assert window(c) == 14
    for trip in range(12):
        for _ in range(window(c)):
            c.on_ack(MSS, trip * 33 * MS)
    assert window(c) in (19, 20)  # 14 + 12 * 9/17 = 20.4, found out a little later
    assert c.window_at(12 * 33_000) < 18 * MSS


def test_growth_is_bounded_to_half_a_window_a_round_trip() -> None:
    """Section 4.4: the target is at most 1.5 cwnd."""
    c = cubic(100)
    c.ssthresh = c.cwnd
    c.on_recovery(c.cwnd, 0)
    c.on_ack(MSS, 0)
    before = c.cwnd
    for _ in range(before // MSS):
        c.on_ack(MSS, 1000 * SECOND)
    assert before * 1.4 < c.cwnd <= before * 1.5 + MSS


def test_fast_convergence_gives_room_when_the_window_shrinks() -> None:
    """Section 4.7."""
    c = cubic(100)
    c.on_recovery(c.cwnd, 0)
    assert (c.w_max, c.cwnd) == (100 * MSS, 70 * MSS)
    c.on_recovery(c.cwnd, SECOND)
    assert (c.w_max, c.cwnd) == (70 * MSS * 17 // 20, 49 * MSS)


def test_after_a_timeout_the_plateau_is_where_the_epoch_begins() -> None:
    """Section 4.8."""
    c = cubic(100)
    c.on_timeout(c.cwnd, 0, again=False)
    assert (c.cwnd, c.ssthresh, c.watching) == (MSS, 70 * MSS, True)
    c.on_timeout(c.cwnd, 0, again=True)
    assert c.ssthresh == 70 * MSS  # RFC 5681 section 3.1
    c.cwnd = c.ssthresh
    c.on_ack(MSS, SECOND)
    assert (c.k, c.origin) == (0, 70 * MSS)


def test_two_segments_are_the_least() -> None:
    c = cubic(2)
    c.on_recovery(c.cwnd, 0)
    assert c.cwnd == c.ssthresh == 2 * MSS


def test_slow_start_ends_exactly_at_ssthresh() -> None:
    c = cubic(10)
    c.ssthresh = 15 * MSS
    c.on_ack(8 * MSS, 0)
    assert c.cwnd == 15 * MSS
    assert c.counted == 3 * MSS  # what was left counts in congestion avoidance


def test_silence_earns_nothing() -> None:
    """Section 5.8: the epoch moves on by what was idle."""
    busy, idle = cubic(100), cubic(100)
    for c in (busy, idle):
        c.on_recovery(c.cwnd, 0)
        c.on_ack(MSS, 0)
    idle.on_idle(60 * SECOND, 100 * SECOND)
    for _ in range(200):
        busy.on_ack(MSS, SECOND)
        idle.on_ack(MSS, 61 * SECOND)
    assert idle.cwnd == busy.cwnd


@given(st.integers(4, 1000), st.booleans(), st.integers(0, 20))
def test_an_undone_reduction_leaves_no_trace(segments: int, timeout: bool, acks: int) -> None:
    """Section 4.9: window, threshold and the curve."""
    c = cubic(segments)
    c.ssthresh = c.cwnd
    for i in range(acks):
        c.on_ack(MSS, i * 40 * MS)
    before = (c.cwnd, c.w_max, c.k, c.origin, c.w_est, c.epoch_at)
    c.save()
    if timeout:
        c.on_timeout(c.cwnd, SECOND, again=False)
    else:
        c.on_recovery(c.cwnd, SECOND)
    c.undo()
    assert (c.cwnd, c.w_max, c.k, c.origin, c.w_est, c.epoch_at) == before
    assert c.ssthresh <= c.cwnd
    assert not c.watching


def test_a_reduction_undone_in_slow_start_goes_on_in_slow_start() -> None:
    for c in (cubic(20), NewReno(MSS, 20 * MSS)):
        c.save()
        c.on_recovery(c.cwnd, 0)
        c.undo()
        assert (c.cwnd, c.ssthresh) == (20 * MSS, UNKNOWN)


@pytest.mark.parametrize(("idle", "left"), [(200, 40), (300, 40), (301, 20), (650, 10), (5000, 10)])
def test_the_window_halves_with_each_timeout_of_silence(idle: int, left: int) -> None:
    """RFC 2861, down to the initial window of ten."""
    reno = NewReno(MSS, 10 * MSS)
    reno.cwnd = 40 * MSS
    reno.ssthresh = 20 * MSS
    reno.on_idle(idle * MS, 300 * MS)
    assert reno.cwnd == left * MSS
    assert reno.ssthresh == (30 if idle > 300 else 20) * MSS


def full(h: HyStart, rtts: list[int], apart: int, least: int) -> list[bool]:
    """One round of acknowledgments, ``apart`` each, that took ``rtts``; milliseconds."""
    now = 0
    out = []
    for i, rtt in enumerate(rtts):
        out.append(h.is_full(rtt * MS, least * MS, 20, 10 + i, 1000, now))
        now += apart * MS
    return out


def test_hystart_ends_slow_start_when_nine_round_trips_of_a_round_are_an_eighth_longer() -> None:
    assert full(HyStart(), [117] * 12, 5, 100) == [False] * 8 + [True] * 4
    assert not any(full(HyStart(), [112] * 12, 5, 100))  # not by an eighth
    assert not any(full(HyStart(), [117] * 11 + [105], 5, 100)[:8])
    assert not full(HyStart(), [130] * 8 + [100], 5, 100)[-1]  # the smallest of the round counts


def test_hystart_bounds_the_eighth_from_4_to_16_ms() -> None:
    assert not any(full(HyStart(), [3] * 12, 5, 1))
    assert any(full(HyStart(), [6] * 12, 5, 1))
    assert any(full(HyStart(), [417] * 12, 5, 400))


def test_hystart_ends_slow_start_when_a_train_is_longer_than_half_the_path() -> None:
    assert full(HyStart(), [100] * 60, 1, 100) == [False] * 51 + [True] * 9
    assert not any(full(HyStart(), [100] * 60, 3, 100))  # not a train: 3 ms apart


def test_hystart_begins_anew_with_each_round_and_is_blind_below_sixteen_segments() -> None:
    h = HyStart()
    assert not any(full(h, [120] * 8, 5, 100))
    assert not h.is_full(120 * MS, 100 * MS, 20, 1001, 2000, SECOND)
    assert h.samples == 1
    assert not any(HyStart().is_full(200 * MS, 100 * MS, 15, 10 + i, 1000, i) for i in range(20))


def test_cubic_ends_slow_start_where_hystart_says() -> None:
    c = cubic(20)
    for i in range(8):
        c.on_rtt(140 * MS, 10 + i, 1000, i * 5 * MS)
        c.on_ack(MSS, i * 5 * MS)
    assert (c.ssthresh, c.watching) == (UNKNOWN, True)
    c.on_rtt(140 * MS, 18, 1000, 40 * MS)
    assert (c.ssthresh, c.cwnd, c.watching) == (28 * MSS, 28 * MSS, False)


def test_nothing_is_watched_outside_slow_start() -> None:
    c = cubic(20)
    c.ssthresh = 20 * MSS
    c.on_rtt(140 * MS, 10, 1000, 0)
    assert not c.watching
