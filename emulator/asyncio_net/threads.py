"""Executor jobs and threads (design, D12): what blocks, and what time does meanwhile.

By default a job runs inline: here and now, in no virtual time, so that a run stays
deterministic.  anyio starts threads by itself (``anyio.to_thread``, and every
library built on it); it takes one from a list of idle workers, and the worker it
finds there on our loop runs the job inline as well.

A job that waits for the loop (``asyncio.run_coroutine_threadsafe(...).result()``,
``anyio.from_thread.run``) would wait for itself.  It needs ``threads=True``: then jobs run
in real threads, and virtual time stands still until each of them has ended or waits.  Which of two
threads is first is the machine's to say, so such a run is not deterministic.
"""

# ruff: noqa: SLF001 - a loop is made of what asyncio calls private, and anyio has no door for this

from __future__ import annotations

import asyncio
import math
import sys
import threading
from asyncio import events
from collections import deque
from contextvars import copy_context
from threading import get_ident
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextvars import Context

    from emulator.asyncio_net.loop import VirtualTimeLoop

ANYIO: Final = "anyio._backends._asyncio"
NEEDS_THREADS: Final = (
    "executor jobs run inline on the virtual-time loop, so this one would wait for itself: "
    "make the loop (or the Network) with threads=True, which gives up determinism"
)


class Jobs:
    """The jobs in real threads: how many there are, and whether all of them wait for somebody else."""

    __slots__ = ("_idents", "outstanding")

    def __init__(self) -> None:
        self.outstanding: int = 0
        self._idents: set[int] = set()

    def begin(self, func: Callable[[], Any]) -> Callable[[], Any]:
        """Return ``func`` as a job; :meth:`ended` is called when the loop has heard of its end."""
        self.outstanding += 1
        context = copy_context()

        def job() -> Any:
            ident = get_ident()
            self._idents.add(ident)
            try:
                return context.run(func)
            finally:
                self._idents.discard(ident)

        return job

    def ended(self, *_: object) -> None:
        """Count a job as over."""
        self.outstanding -= 1

    def all_wait(self) -> bool:
        """Return whether every job waits for a lock, and so perhaps for the loop."""
        frames = sys._current_frames()
        waiting = 0
        for ident in tuple(self._idents):
            frame = frames.get(ident)
            waiting += frame is not None and frame.f_code is threading.Condition.wait.__code__
        return waiting == self.outstanding


def run_inline(
    loop: VirtualTimeLoop, future: asyncio.Future[Any], context: Context | None, func: Any, *args: Any
) -> None:
    """Run a job here and now; ``future`` is done when this returns."""
    # The job may be code that starts a loop of its own, which a thread would allow.
    running, inline = loop.is_running(), loop.inline
    events._set_running_loop(None)
    loop.inline = True
    try:
        future.set_result(func(*args) if context is None else context.run(func, *args))
    except StopIteration as error:
        future.set_exception(RuntimeError(f"executor job raised {error!r}, which no future can hold"))
    except (SystemExit, KeyboardInterrupt):
        raise
    except BaseException as error:  # noqa: BLE001 - a future holds whatever the job raised
        if isinstance(error, RuntimeError) and "AnyIO worker thread" in str(error):
            error.add_note(NEEDS_THREADS)
        future.set_exception(error)
    finally:
        loop.inline = inline
        events._set_running_loop(loop if running else None)


def waits_for_the_loop(callback: Any) -> bool:
    """Return whether ``callback`` is what ``asyncio.run_coroutine_threadsafe`` hands to a loop."""
    name: str = getattr(callback, "__qualname__", "")
    return name.startswith("run_coroutine_threadsafe.")


class _Worker:
    """What anyio takes for an idle worker thread of its own; it is its own queue, and idle again at once."""

    idle_since: Final = math.inf

    def __init__(self, loop: VirtualTimeLoop, idle: deque[Any]) -> None:
        self._loop: VirtualTimeLoop = loop
        self._idle: deque[Any] = idle
        self.queue: _Worker = self

    def put_nowait(self, item: tuple[Any, ...]) -> None:
        """Run a job: ``(context, func, args, future)``, and since anyio 4 the cancel scope."""
        self._idle.append(self)
        context, func, args, future, *scope = item
        if self._loop.jobs is None:
            run_inline(self._loop, future, context, func, *args)
        else:
            self._in_thread(context, func, args, future, scope)

    def _in_thread(self, context: Context, func: Any, args: Any, future: asyncio.Future[Any], scope: list[Any]) -> None:
        backend = sys.modules[ANYIO]
        loop = self._loop

        def job() -> Any:
            with backend.claim_worker_thread(backend.AsyncIOBackend, loop):
                if scope:
                    backend.threadlocals.current_cancel_scope = scope[0]
                try:
                    return context.run(func, *args)
                finally:
                    if scope:
                        del backend.threadlocals.current_cancel_scope

        def report(done: asyncio.Future[Any]) -> None:
            if done.cancelled() or future.cancelled():
                return
            error = done.exception()
            if error is None:
                future.set_result(done.result())
            else:
                future.set_exception(error)

        loop.run_in_executor(None, job).add_done_callback(report)


def adopt_anyio(loop: VirtualTimeLoop) -> None:
    """Let anyio find an idle worker of ours on ``loop``, which is running; it looks after a checkpoint."""
    copy_context().run(_adopt_anyio, loop)


def _adopt_anyio(loop: VirtualTimeLoop) -> None:
    sniffio: Any = sys.modules.get("sniffio")
    if sniffio is not None:  # older versions of anyio ask it, and it knows only tasks by itself
        sniffio.current_async_library_cvar.set("asyncio")
    backend: Any = sys.modules[ANYIO]
    idle: deque[Any] = deque()
    idle.append(_Worker(loop, idle))
    backend._threadpool_idle_workers.set(idle)
    backend._threadpool_workers.set(set())
