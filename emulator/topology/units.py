"""Durations, sizes and rates as people write them, as integers.

``250us`` is nanoseconds, ``128KiB`` bytes, ``10Gbps`` bit/s.  Sizes have
decimal (``MB``) and binary (``MiB``) units, rates are decimal (D9: Gbps are
10⁹ bit/s).  The arithmetic is exact: what does not come out as a whole number
is refused instead of rounded.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Final

DURATIONS: Final = {
    "ns": 1,
    "us": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "min": 60 * 10**9,
    "h": 3600 * 10**9,
    "d": 86400 * 10**9,
}
SIZES: Final = {
    "B": 1,
    **{f"{prefix}B": 1000**power for power, prefix in enumerate(("k", "M", "G", "T"), 1)},
    "KB": 1000,
    **{f"{prefix}iB": 1024**power for power, prefix in enumerate(("K", "M", "G", "T"), 1)},
}
RATES: Final = {
    "bps": 1,
    **{f"{prefix}bps": 1000**power for power, prefix in enumerate(("k", "M", "G", "T"), 1)},
    "Kbps": 1000,
}

_QUANTITY = re.compile(r"([0-9]{1,18}(?:\.[0-9]{1,12})?) ?([A-Za-zµ]+)")


def duration(value: object) -> int:
    """Return nanoseconds.

    >>> duration("250us"), duration("1.5s"), duration(0)
    (250000, 1500000000, 0)
    """
    return _quantity(value, DURATIONS, "a duration like 250us, 10ms or 5s")


def size(value: object) -> int:
    """Return bytes; a bare number is bytes already.

    >>> size("128KiB"), size("10MB"), size(8500)
    (131072, 10000000, 8500)
    """
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    return _quantity(value, SIZES, "a size like 8500, 128KiB or 10MB")


def rate(value: object) -> int:
    """Return bit/s.

    >>> rate("10Gbps"), rate("1.5Mbps")
    (10000000000, 1500000)
    """
    return _quantity(value, RATES, "a rate like 10Gbps or 500Mbps")


def _quantity(value: object, units: dict[str, int], example: str) -> int:
    """Return a whole number of base units.

    Raises:
        ValueError: with a sentence for people.
    """
    if value == 0 and isinstance(value, int) and not isinstance(value, bool):
        return 0
    match = _QUANTITY.fullmatch(value) if isinstance(value, str) else None
    unit = match.group(2).replace("µ", "u") if match else ""
    if match is None or unit not in units:
        hint = f" (units: {', '.join(units)})" if match else ""
        raise ValueError(f"must be {example}, not {_shown(value)}{hint}")
    amount = Fraction(match.group(1)) * units[unit]
    if amount.denominator != 1:
        raise ValueError(f"{_shown(value)} is no whole number of {next(iter(units))}")
    return int(amount)


def _shown(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)
