"""The virtual-time event loop.

An asyncio loop whose clock is the network's agenda: its timers are entries of
the same heap as links and shapers, in the same ``(due_at, seq)`` order (D3),
so what is due at one instant happens in the order in which it was set.
``call_soon`` runs dry before time moves; then agenda entries are fired in the
agenda's own tight loop until some callback is ready, so a packet costs neither
a ``Handle`` nor an iteration of this loop.  An idle hour costs nothing.

What the loop does for emulated hosts (connections, servers, datagrams, names)
is in :mod:`emulator.asyncio_net.endpoints`; what cannot work in a world without
file descriptors is in :mod:`emulator.asyncio_net.refusals`.

Settles arguments: ``asyncio/base_events.py`` of CPython 3.11, whose private
hooks (``_run_once``, ``_ready``) this module overrides as every loop does.
"""

# ruff: noqa: SLF001 - a loop and its transports are made of what asyncio calls private

from __future__ import annotations

import asyncio
import contextlib
import gc
import math
from asyncio import events
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar, TypeVarTuple, Unpack, cast
from weakref import WeakKeyDictionary

from emulator.asyncio_net.current import current_host
from emulator.asyncio_net.deadlock import DeadlockError, describe
from emulator.asyncio_net.descriptors import Descriptors
from emulator.asyncio_net.endpoints import Endpoints
from emulator.simulation.agenda import Agenda, Event

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Callable, Coroutine, Generator
    from concurrent.futures import Executor
    from contextvars import Context

    from emulator.asyncio_net.stack import HostStack

_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")
_Coroutine: TypeAlias = "Generator[Any, None, _T] | Coroutine[Any, Any, _T]"

_NANOSECONDS: Final = 1_000_000_000
_MANY_CANCELLED: Final = 100
"""As many cancelled timers asyncio keeps before it looks whether they are half of all."""
_YOUNG: Final = 50_000
"""Objects made and kept before the garbage collector comes round, while the loop runs.

Packets in flight are young objects that live; at CPython's 700 it walks all of them again and again, and finds
nothing, since a packet is in no cycle.  Microseconds per packet of a bulk transfer (``benchmarks/bulk.py``, gateway
endpoint) that were the collector's: 0.5 at one flow, 1.8 to 2.7 at a thousand, 3.5 to 4.9 with a capture point;
at 50,000 they are 0.1, 0.3 and 1.0.
"""


class Due(Event):
    """The agenda entry of one asyncio timer."""

    __slots__ = ("handle", "loop")

    def __init__(self, loop: VirtualTimeLoop, handle: asyncio.TimerHandle) -> None:
        self.loop: VirtualTimeLoop = loop
        self.handle: asyncio.TimerHandle = handle

    def fire(self, now: int) -> None:  # noqa: ARG002 - an Event is told the time
        """Make the timer's callback ready, unless it was cancelled."""
        handle: Any = self.handle
        handle._scheduled = False
        if handle._cancelled:
            self.loop.forget_cancelled()
        else:
            self.loop._ready.append(handle)


class VirtualTimeLoop(Endpoints):
    """An event loop on an :class:`~emulator.simulation.agenda.Agenda`.

    Args:
        agenda: The network's agenda; a loop without a network makes its own.

    Attributes:
        hosts: The hosts whose programs run on this loop, in the order in which they were made.
        descriptors: What connections show to a library that polls them.
    """

    # What BaseEventLoop keeps to itself and every loop builds on.
    _ready: deque[asyncio.Handle]
    _stopping: bool
    _current_handle: asyncio.Handle | None

    def __init__(self, agenda: Agenda | None = None) -> None:
        self.agenda: Final = Agenda() if agenda is None else agenda
        self.hosts: Final[list[HostStack]] = []
        self.descriptors: Final = Descriptors()
        self._cancelled_timers: int = 0
        self._until_idle: bool = False
        # In the order of creation, which asyncio.all_tasks (a set) does not keep.
        self._hosts_of_tasks: WeakKeyDictionary[asyncio.Task[Any], HostStack | None] = WeakKeyDictionary()
        super().__init__()

    # -- the clock ---------------------------------------------------------------------------------------------

    @property
    def now(self) -> int:
        """Nanoseconds since the start of the run."""
        return self.agenda.now

    def time(self) -> float:
        """Return seconds since the start of the run."""
        return self.agenda.now / _NANOSECONDS

    def call_at(
        self, when: float, callback: Callable[[Unpack[_Ts]], object], *args: *_Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """Call back at ``when`` seconds: the nearest nanosecond, and a later one if ``when`` is later than now."""
        if when is None:
            raise TypeError("when cannot be None")
        loop = cast("Any", self)
        loop._check_closed()
        if loop._debug:
            loop._check_thread()
            loop._check_callback(callback, "call_at")
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        if cast("Any", handle)._source_traceback:
            del cast("Any", handle)._source_traceback[-1]
        agenda = self.agenda
        now = agenda.now
        due = when * _NANOSECONDS
        if due == math.inf:
            return handle  # never, so it neither takes room nor keeps the run alive
        due_at = max(round(due), now + 1) if when > self.time() else now
        agenda.add(due_at, Due(self, handle))
        cast("Any", handle)._scheduled = True
        return handle

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Let the entry of a cancelled timer keep nothing alive; throw such entries out once they are many."""
        if not cast("Any", handle)._scheduled:
            return
        self._cancelled_timers += 1
        self.agenda.background += 1
        if self._cancelled_timers > _MANY_CANCELLED and self._cancelled_timers * 2 > self.agenda.pending:
            self._purge(lambda handle: bool(handle.cancelled()))

    def forget_cancelled(self) -> None:
        """Take the entry of a cancelled timer, which has left the agenda, off its background count."""
        self._cancelled_timers -= 1
        self.agenda.background -= 1

    def _purge(self, gone: Callable[[asyncio.TimerHandle], bool]) -> None:
        def drop(event: Event) -> bool:
            if not isinstance(event, Due) or event.loop is not self or not gone(event.handle):
                return False
            cast("Any", event.handle)._scheduled = False
            if event.handle.cancelled():
                self.forget_cancelled()
            return True

        self.agenda.remove(drop)

    # -- running -----------------------------------------------------------------------------------------------

    def run_forever(self) -> None:
        """Run until :meth:`stop`; meanwhile the garbage collector comes round more seldom (see ``_YOUNG``)."""
        young, *older = gc.get_threshold()
        if 0 < young < _YOUNG:  # 0: whoever runs us collects nothing
            gc.set_threshold(_YOUNG, *older)
        try:
            super().run_forever()
        finally:
            gc.set_threshold(young, *older)

    def _run_once(self) -> None:
        """Fire agenda entries until some callback is ready, then run what is ready."""
        ready = self._ready
        if not ready and not self._stopping:
            self.agenda.run_until(ready)
            if not ready:
                self._idle()
        debug = self.get_debug()
        # Callbacks made ready by these run in the next round, as in asyncio, so that stop() gets a word in.
        for _ in range(len(ready)):
            handle = ready.popleft()
            if handle.cancelled():
                continue
            if debug:
                # The exception handler reports where this handle was made. There is no slow callback to
                # warn of: in virtual time every callback takes none.
                self._current_handle = handle
            try:
                handle._run()
            finally:
                self._current_handle = None

    def _idle(self) -> None:
        """Nothing is due: that is what :meth:`run_until_idle` waits for, and a deadlock for everyone else."""
        if self._until_idle:
            self._stopping = True
            return
        raise DeadlockError(describe(self.now, self._hosts_of_tasks.items()))

    def run_until_idle(self) -> None:
        """Run until no callback is ready and the agenda holds background entries only."""
        self._until_idle = True
        try:
            self.run_forever()
        finally:
            self._until_idle = False

    def stop(self) -> None:
        """Stop after the callbacks that are ready now."""
        super().stop()
        if not self._ready:
            # Said by a packet's receiver, in the agenda's own loop: this brings it back here.
            self.call_soon(_nothing)

    def create_task(
        self, coro: _Coroutine[_T], *, name: object = None, context: Context | None = None
    ) -> asyncio.Task[_T]:
        """Start a task, and remember for :class:`DeadlockError` the host it belongs to."""
        task = super().create_task(coro, name=name, context=context)
        self._hosts_of_tasks[task] = current_host.get(None) if context is None else context.get(current_host)
        return task

    def run_in_executor(
        self,
        executor: Executor | None,  # noqa: ARG002 - it would run the job in real time
        func: Callable[[Unpack[_Ts]], _T],
        *args: *_Ts,
    ) -> asyncio.Future[_T]:
        """Run ``func`` here and now, in no virtual time (D12); its future is done when this returns."""
        cast("Any", self)._check_closed()
        future: asyncio.Future[_T] = self.create_future()
        # The job may be code that starts a loop of its own, which a thread would allow.
        events._set_running_loop(None)
        try:
            future.set_result(func(*args))
        except StopIteration as error:
            future.set_exception(RuntimeError(f"executor job raised {error!r}, which no future can hold"))
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:  # noqa: BLE001 - a future holds whatever the job raised
            future.set_exception(error)
        finally:
            events._set_running_loop(self if self.is_running() else None)
        return future

    # -- the end -----------------------------------------------------------------------------------------------

    def cancel_all_tasks(self) -> None:
        """Cancel the tasks that are left, oldest first, and run until they have ended.

        ``asyncio.Runner`` does the same in the order of a set, which differs from process to process.
        """
        tasks = [task for task in self._hosts_of_tasks if not task.done()]
        for task in tasks:
            task.cancel()
        if tasks:
            self.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        for task in tasks:
            error = None if task.cancelled() else task.exception()
            if error is not None:
                self.call_exception_handler(
                    {"message": "unhandled exception during shutdown", "exception": error, "task": task}
                )

    def shut_down(self) -> None:
        """Cancel what is left, finish asynchronous generators and close the loop; without effect on a closed one."""
        if self.is_closed():
            return
        try:
            with contextlib.suppress(DeadlockError):  # a task that waits on although it was cancelled
                self.cancel_all_tasks()
            self.run_until_complete(self.shutdown_asyncgens())
        finally:
            self.close()

    def close(self) -> None:
        """Switch the hosts off, take the timers off the agenda and close the loop."""
        if not self.is_closed() and not self.is_running():
            for host in self.hosts:
                host.switch_off()
            self._purge(lambda _: True)
            self.descriptors.close()
        super().close()

    def _write_to_self(self) -> None:
        """Wake the loop: it never sleeps, so there is nothing to do."""


def _nothing() -> None:
    """Do nothing, as a callback."""
