"""Asynchronous tests run on the virtual-time loop: an hour of sleep in them costs nothing.

Properties draw new examples at every run by hand, and always the same ones in
CI, where a red result must mean the change.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from hypothesis import settings

from emulator.asyncio_net.loop import VirtualTimeLoop

if TYPE_CHECKING:
    from collections.abc import Mapping

settings.register_profile("explore", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "explore")


def pytest_asyncio_loop_factories(config: object, item: object) -> Mapping[str, type[VirtualTimeLoop]]:
    return {"virtual": VirtualTimeLoop}
