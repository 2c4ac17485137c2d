"""The kinds of values that topology documents hold: ports, durations, rates, Regions.

Shapes only; what AWS says of a value is asked of the control plane.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Annotated, Any, Final

from pydantic import BeforeValidator

from emulator.topology import units

_PORTS = re.compile(r"([0-9]{1,5})(?: ?- ?([0-9]{1,5}))?")


def _ports(value: object) -> tuple[int, int]:
    """Return the first and last port; (-1, -1) is all."""
    if value == "all":
        return -1, -1
    match = _PORTS.fullmatch(str(value)) if isinstance(value, str | int) and not isinstance(value, bool) else None
    if match is None:
        raise ValueError(f'must be a port, a range like 1024-65535, or all, not "{value}"')
    return int(match.group(1)), int(match.group(2) or match.group(1))


def _protocol(value: object) -> str | int:
    """Let names and numbers pass; the control plane knows which exist."""
    if isinstance(value, str | int) and not isinstance(value, bool):
        return value
    raise ValueError(f"must be tcp, udp, icmp, all or a number, not {value}")


def _queue(value: object) -> tuple[str, int]:
    """Return what an endpoint's queue is measured in, and how much of it."""
    for kind, parse in (("time", units.duration), ("bytes", units.size)):
        with suppress(ValueError):
            return kind, parse(value)
    raise ValueError(f'must be a duration like 10ms or a size like 12MB, not "{value}"')


def _policy(value: object) -> str | dict[str, Any]:
    if isinstance(value, str | dict):
        return value
    raise ValueError("must be a mapping or JSON text")


def _region(value: object) -> str:
    if isinstance(value, str) and re.fullmatch(r"[a-z]{2}(-[a-z]+)+-[0-9]", value):
        return value
    raise ValueError(f'must be a Region like us-east-1, not "{value}"')


def _mtu(value: object) -> int | str:
    """Return bytes, or ``none`` for no limit."""
    return "none" if value == "none" else units.size(value)


Ports = Annotated[tuple[int, int], BeforeValidator(_ports)]
Protocol = Annotated[str | int, BeforeValidator(_protocol)]
Duration = Annotated[int, BeforeValidator(units.duration)]
Size = Annotated[int, BeforeValidator(units.size)]
Rate = Annotated[int, BeforeValidator(units.rate)]
Mtu = Annotated[int | str, BeforeValidator(_mtu)]
Queue = Annotated[tuple[str, int], BeforeValidator(_queue)]
Policy = Annotated[Any, BeforeValidator(_policy)]
Region = Annotated[str, BeforeValidator(_region)]

ALL_PORTS: Final = (-1, -1)


def in_order(value: Any) -> Any:
    """Return data with its keys sorted, so that no program can tell how the document was ordered."""
    if isinstance(value, dict):
        return {key: in_order(value[key]) for key in sorted(value)}
    return [in_order(one) for one in value] if isinstance(value, list) else value
