"""What theory says of TCP's rate, measured in virtual time (the slow cells: ``make goodput``)."""

from __future__ import annotations

import pytest

from emulator.tcp import congestion
from tests.tcp.dumbbell import MS, SECOND, Dumbbell, jain
from tests.tcp.goodput import FAIR, FAST, GBIT, MATHIS_TOLERANCE, MBIT, TARGET, Cell, mathis, shares

ABOVE = 1.03
"""A hole that is filled as the watch begins delivers what arrived behind it before: the limit itself is exact."""


@pytest.mark.slow
@pytest.mark.parametrize(("rate", "rtt"), FAST)
def test_one_flow_fills_the_limit_once_its_first_losses_are_repaired(rate, rtt) -> None:
    cell = Cell(rate, rtt * MS, watch=3 * SECOND if rate > 100 * MBIT else 10 * SECOND)
    assert cell.first_loss > 0
    assert TARGET <= cell.ratio <= ABOVE


@pytest.mark.parametrize("window", [64 << 10, 256 << 10, 1 << 20])
def test_a_window_smaller_than_the_path_gives_a_window_each_round_trip(window) -> None:
    cell = Cell(GBIT, 80 * MS, window=window, watch=4 * SECOND)
    assert cell.losses == 0
    assert TARGET <= cell.ratio <= 1.0


@pytest.mark.slow
@pytest.mark.parametrize("flows", [2, 10])
def test_flows_of_equal_round_trip_time_share_the_limit_alike(flows) -> None:
    fairness, use = shares(flows, watch=30 * SECOND)
    assert fairness > FAIR
    assert use >= TARGET


@pytest.mark.slow
@pytest.mark.parametrize(("loss", "b"), [(0.001, 1), (0.003, 1), (0.01, 1), (0.003, 2), (0.01, 2)])
def test_newreno_under_random_loss_follows_the_law_of_mathis(loss, b) -> None:
    if b == 2 and not str(congestion.__file__).endswith(".py"):
        pytest.skip("a compiled core takes no growth of a test's own")
    ratio, losses = mathis(loss, b)
    assert losses >= 1000
    # The law leaves timeouts, slow start and the rounding of windows out; at 1 % a window is nine segments.
    assert abs(ratio - 1) <= MATHIS_TOLERANCE


def test_jains_index_is_one_for_equals_and_a_share_for_a_winner() -> None:
    assert jain([3.0, 3.0, 3.0]) == 1.0
    assert jain([5.0, 0.0, 0.0, 0.0]) == 0.25


def test_the_dumbbell_is_the_network_that_it_says_it_is() -> None:
    net = Dumbbell(10 * MBIT, 40 * MS)
    net.run(2 * SECOND)
    sender = net.flows[0].sender
    assert net.limit.queue == 50_000  # 10 Mbit/s times 40 ms
    # 40 ms and a queue of another 40 at most; the segment itself takes 1.2 ms.
    assert 40 * MS <= sender.estimator.srtt <= 82 * MS
