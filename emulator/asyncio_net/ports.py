"""Port numbers of one host: which are taken, and which is next.

The range is the operating system's (:mod:`emulator.tcp.profiles`).
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from emulator.tcp import HostProfile


def ephemeral(rng: random.Random, profile: HostProfile, free: Callable[[int], bool]) -> int:
    """Return the first ``free`` ephemeral port from a random one on.

    Raises:
        OSError: (EADDRNOTAVAIL) if there is none.
    """
    first = profile.first_port
    count = profile.last_port - first + 1
    start = rng.randrange(count)
    for step in range(count):
        port = first + (start + step) % count
        if free(port):
            return port
    raise OSError(errno.EADDRNOTAVAIL, os.strerror(errno.EADDRNOTAVAIL))
