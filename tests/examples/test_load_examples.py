"""Load, and a program that is slow: what the examples promise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import load_on_endpoints
import pytest
import why_is_it_slow

from tests.examples.frames import frames, opened

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow


def test_a_broken_route_costs_the_connect_timeout_and_the_network_says_why(tmp_path: Path) -> None:
    came = why_is_it_slow.main(tmp_path)
    (broken, broken_for), (repaired, repaired_for), (lossy, lossy_for) = came["runs"]
    assert (broken, broken_for) == ("ConnectTimeout", 5.0)
    assert came["blocker"] == "NO_ROUTE_TO_DESTINATION at isolated"
    assert came["changes"] == ["modify_vpc_endpoint(vpc_endpoint_id=s3, add_route_table_ids=[isolated])"]
    assert repaired == lossy == "10,000,000 bytes"
    assert repaired_for < 0.1
    assert lossy_for > 2 * repaired_for
    assert came["reachable"]
    assert came["losses"] > 20
    assert len(opened(frames(came["capture"].path), 80)) >= 3


def test_streams_fill_the_endpoint_and_share_it(tmp_path: Path) -> None:
    came = load_on_endpoints.main(tmp_path, 8)
    for name in ("download", "upload"):
        one = came[name]
        assert 0.95e9 < one["rate"] < 1e9, name
        assert 0.9 < one["jain"] <= 1, name
        assert max(one["round_trips"]) < 0.001, "another endpoint, another limit"
    seen = frames(came["capture"].path)
    assert len(opened(seen, 19)) == len(opened(seen, 9)) == 8
    assert len(opened(seen, 7)) == 2


def test_every_one_of_many_streams_comes_to_its_end(tmp_path: Path) -> None:
    """Sixty-four share a queue of ten milliseconds: many time out on the way, and none for good."""
    came = load_on_endpoints.main(tmp_path, 64)
    for name in ("download", "upload"):
        assert 0.7e9 < came[name]["rate"] < 1e9, name
        assert 0.5 < came[name]["jain"] <= 1, name
    assert came["seconds"] < 15
