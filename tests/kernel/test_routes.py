"""Longest-prefix lookup, judged by the Linux kernel: ``ip route get`` over random tables, blackholes included."""

from __future__ import annotations

from random import Random

import pytest

from tests.kernel.namespaces import why_not
from tests.kernel.route_lookups import ADDRESSES, Outcome, compare

TABLES = 12


@pytest.mark.slow
@pytest.mark.fact("ROUTE-3", "ROUTE-4", "ROUTE-7", "ROUTE-14")
def test_the_kernel_and_the_emulator_choose_the_same_route() -> None:
    reason = why_not()
    if reason is not None:
        pytest.skip(f"not judged by the kernel: {reason}")
    outcome = Outcome()
    for seed in range(TABLES):
        compare(Random(seed), outcome)
    assert not outcome.differences, "\n".join([str(outcome), *outcome.differences[:10]])
    assert outcome.addresses == TABLES * ADDRESSES
    assert min(outcome.forwarded, outcome.blackholes, outcome.lost) >= outcome.addresses // 100, str(outcome)
