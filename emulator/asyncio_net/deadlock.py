"""What to say when everyone waits and nothing is due.

On a real machine such a program hangs.  Here the end of all events is known
the moment it comes, so the run ends with a list of who waits, and where.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import FrameType

    from emulator.asyncio_net.stack import HostStack

_LIBRARY: Final = (Path(asyncio.__file__).parent, Path(__file__).parent)
"""Code in which everybody waits: not the line a person looks for."""


class DeadlockError(RuntimeError):
    """Everyone waits and nothing is due, now or ever."""


def describe(now: int, tasks: Iterable[tuple[asyncio.Task[Any], HostStack | None]]) -> str:
    """Return the message of a :class:`DeadlockError`: one line for each of the ``tasks`` that is not done."""
    lines = [_line(task, host) for task, host in tasks if not task.done()]
    head = f"deadlock at {now / 1e9:.9f} s: nothing is due any more, and "
    if not lines:
        return head + "no task is left that could go on (a callback waits, or stop() was forgotten)"
    return head + "these tasks wait:\n" + "\n".join(lines)


def _line(task: asyncio.Task[Any], host: HostStack | None) -> str:
    frames = _frames(task.get_coro())
    coroutine = getattr(task.get_coro(), "__qualname__", repr(task.get_coro()))
    where = f"on host {host.name}" if host is not None else "on no host"
    line = f"  {task.get_name()} ({coroutine}) {where}"
    if not frames:
        return line
    own = [frame for frame in frames if not _in_library(frame)]
    frame = own[-1] if own else frames[-1]
    line += f" waits at {frame.f_code.co_filename}:{frame.f_lineno}"
    inner = frames[-1]
    return line if inner is frame else f"{line} in {inner.f_code.co_qualname}"


def _in_library(frame: FrameType) -> bool:
    path = Path(frame.f_code.co_filename)
    return any(path.is_relative_to(folder) for folder in _LIBRARY)


def _frames(awaitable: Any) -> list[FrameType]:
    """Return the frames of a suspended coroutine, outermost first: the chain of who awaits whom."""
    frames: list[FrameType] = []
    while awaitable is not None:
        for prefix, next_name in (("cr", "cr_await"), ("gi", "gi_yieldfrom"), ("ag", "ag_await")):
            frame = getattr(awaitable, prefix + "_frame", None)
            if frame is not None:
                frames.append(frame)
                awaitable = getattr(awaitable, next_name)
                break
        else:
            break
    return frames
