"""Port numbers of one host: which are taken, and which is next.

Settles arguments: Linux's ``net.ipv4.ip_local_port_range``, 32768 to 60999.
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

FIRST: Final = 32_768
LAST: Final = 60_999


def ephemeral(rng: random.Random, free: Callable[[int], bool]) -> int:
    """Return the first ``free`` ephemeral port from a random one on.

    Raises:
        OSError: (EADDRNOTAVAIL) if there is none.
    """
    count = LAST - FIRST + 1
    start = rng.randrange(count)
    for step in range(count):
        port = FIRST + (start + step) % count
        if free(port):
            return port
    raise OSError(errno.EADDRNOTAVAIL, os.strerror(errno.EADDRNOTAVAIL))
