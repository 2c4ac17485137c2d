"""The shaper: exact to the nanosecond (D9, VPCE-IF-11)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.simulation.shaper import NANOBITS_PER_BYTE, QUEUE_FULL, Shaper

GBPS = 1_000_000_000


@pytest.mark.fact("VPCE-IF-11")
def test_a_full_bucket_lets_a_burst_through_at_once_and_the_rest_at_the_rate() -> None:
    shaper = Shaper("s", 10 * GBPS, burst=3000)
    assert [shaper.admit(1500, 0) for _ in range(4)] == [0, 0, 1200, 2400]  # 1500 bytes at 10 Gbit/s are 1.2 us


def test_a_full_queue_refuses_and_a_refusal_costs_no_tokens() -> None:
    shaper = Shaper("s", GBPS, burst=1500, queue=3000)
    assert [shaper.admit(1500, 0) for _ in range(4)] == [0, 12_000, 24_000, QUEUE_FULL]
    assert shaper.backlog(0) == 3000
    assert shaper.admit(1500, 12_000) == 36_000
    assert (shaper.passed, shaper.dropped, shaper.passed_bytes, shaper.busiest) == (4, 1, 6000, 3000)


def test_without_a_queue_it_polices() -> None:
    shaper = Shaper("s", GBPS, burst=1500, queue=0)
    assert [shaper.admit(1500, now) for now in (0, 0, 11_999, 24_000)] == [0, QUEUE_FULL, QUEUE_FULL, 24_000]


def test_the_default_queue_is_ten_milliseconds_at_the_rate() -> None:
    assert Shaper("s", 10 * GBPS, burst=1).queue == 12_500_000


def test_time_that_goes_back_is_a_broken_invariant() -> None:
    shaper = Shaper("s", GBPS, burst=1500)
    shaper.admit(100, 5)
    with pytest.raises(AssertionError):
        shaper.admit(100, 4)


@pytest.mark.fact("VPCE-IF-11")
@given(
    rate=st.integers(1, 100 * GBPS),
    burst=st.integers(1, 200_000),
    queue=st.none() | st.integers(0, 200_000),
    arrivals=st.lists(st.tuples(st.integers(0, 2_000_000), st.integers(20, 9001)), min_size=1, max_size=60),
)
def test_no_window_ever_sees_more_than_burst_plus_rate_times_its_length(
    rate: int, burst: int, queue: int | None, arrivals: list[tuple[int, int]]
) -> None:
    shaper = Shaper("s", rate, burst, queue)
    now = 0
    left: list[tuple[int, int]] = []
    for pause, length in arrivals:
        now += pause
        at = shaper.admit(length, now)
        if at != QUEUE_FULL:
            assert at >= now
            left.append((at, length))
    assert left == sorted(left, key=lambda departure: departure[0]), "first in, first out"
    for i, (start, _) in enumerate(left):
        through = 0
        for end, length in left[i:]:
            through += length
            through_at_once = max(burst, left[i][1])  # a packet longer than the burst needs all of its own tokens
            assert through * NANOBITS_PER_BYTE <= through_at_once * NANOBITS_PER_BYTE + rate * (end - start)
