"""Asynchronous tests run on the virtual-time loop: an hour of sleep in them costs nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emulator.asyncio_net.loop import VirtualTimeLoop

if TYPE_CHECKING:
    from collections.abc import Mapping


def pytest_asyncio_loop_factories(config: object, item: object) -> Mapping[str, type[VirtualTimeLoop]]:
    return {"virtual": VirtualTimeLoop}
