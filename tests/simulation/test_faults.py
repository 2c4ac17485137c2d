"""Faults: what cannot happen cannot be asked for."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.simulation.links import Fault


@pytest.mark.parametrize("name", ["loss", "duplicate", "reorder"])
@pytest.mark.parametrize("value", [5, -0.1, 1.0001, float("nan")])
def test_a_probability_lies_between_0_and_1(name: str, value: float) -> None:
    given: dict[str, Any] = {name: value}
    with pytest.raises(ValueError, match=f"{name} is a probability, 0 to 1, not {value}"):
        Fault(**given)
    sound: dict[str, Any] = {name: 1}
    assert Fault(**sound).applies("eni-web", "s3")


@pytest.mark.parametrize("name", ["reorder_delay", "jitter"])
def test_a_delay_is_not_negative(name: str) -> None:
    given: dict[str, Any] = {name: -1}
    with pytest.raises(ValueError, match=f"{name} is a delay, at least 0 ns, not -1"):
        Fault(**given)
