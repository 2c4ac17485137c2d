"""Durations, sizes and rates."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.topology import units


@pytest.mark.parametrize(
    ("parse", "text", "value"),
    [
        (units.duration, "1ns", 1),
        (units.duration, "250us", 250_000),
        (units.duration, "250µs", 250_000),
        (units.duration, "10ms", 10_000_000),
        (units.duration, "5s", 5_000_000_000),
        (units.duration, "5 s", 5_000_000_000),
        (units.duration, "0.5s", 500_000_000),
        (units.duration, "2min", 120_000_000_000),
        (units.duration, "1h", 3_600_000_000_000),
        (units.duration, "5d", 432_000_000_000_000),
        (units.duration, 0, 0),
        (units.size, 8500, 8500),
        (units.size, "1500B", 1500),
        (units.size, "128KiB", 131_072),
        (units.size, "10MB", 10_000_000),
        (units.size, "10kB", 10_000),
        (units.size, "1.5GiB", 1_610_612_736),
        (units.rate, "10Gbps", 10_000_000_000),
        (units.rate, "500Mbps", 500_000_000),
        (units.rate, "56kbps", 56_000),
        (units.rate, "1bps", 1),
    ],
)
def test_quantities_become_integers(parse, text, value):
    assert parse(text) == value


@pytest.mark.parametrize(
    ("parse", "text", "message"),
    [
        (units.duration, "5", 'must be a duration like 250us, 10ms or 5s, not "5"'),
        (units.duration, 5, "must be a duration like 250us, 10ms or 5s, not 5"),
        (units.duration, "5 sec", "units: ns, us, ms, s, min, h, d"),
        (units.duration, "5S", "units: ns"),
        (units.duration, "-5s", "must be a duration"),
        (units.duration, "0.5ns", '"0.5ns" is no whole number of ns'),
        (units.duration, True, "must be a duration"),
        (units.duration, False, "must be a duration"),
        (units.duration, None, "must be a duration"),
        (units.size, "10", "must be a size"),
        (units.size, -1, "must be a size"),
        (units.size, "10mb", "units: B, kB"),
        (units.size, "1.0001kB", "no whole number of B"),
        (units.rate, 10, "must be a rate like 10Gbps or 500Mbps, not 10"),
        (units.rate, "10GB", "units: bps"),
        (units.rate, "10 Gbps ", "must be a rate"),
        (units.rate, "1e9bps", "must be a rate"),
    ],
)
def test_other_spellings_are_refused_in_plain_words(parse, text, message):
    with pytest.raises(ValueError) as refusal:  # noqa: PT011 - the message is the test
        parse(text)
    assert message in str(refusal.value)


@given(st.integers(0, 10**15), st.sampled_from(sorted(units.DURATIONS)))
def test_a_whole_number_of_a_unit_is_that_many_of_it(amount, unit):
    assert units.duration(f"{amount}{unit}") == amount * units.DURATIONS[unit]


@given(st.integers(0, 10**12))
def test_fractions_are_exact(nanoseconds):
    assert units.duration(f"{nanoseconds // 10**9}.{nanoseconds % 10**9:09}s") == nanoseconds
