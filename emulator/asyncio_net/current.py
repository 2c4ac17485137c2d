"""Which emulated host the running code belongs to.

A context variable, because asyncio already carries contexts to where they are
needed: a task copies the context that created it, a callback runs in the
context it was registered from.  A program started on a host therefore stays
there with every task it starts, without knowing that there is such a thing.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from emulator.asyncio_net.stack import HostStack

current_host: Final[ContextVar[HostStack]] = ContextVar("current_host")


def running_host(call: str) -> HostStack:
    """Return the host that the running code belongs to; ``call`` is what needs one.

    Raises:
        RuntimeError: if the code was not started on a host.
    """
    host = current_host.get(None)
    if host is None:
        raise RuntimeError(
            f"{call} acts for an emulated host, and this code belongs to none: "
            "start it with HostStack.create_task(...), or enter HostStack.context()"
        )
    return host
