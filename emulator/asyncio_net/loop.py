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
import sys
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar, TypeVarTuple, Unpack, cast
from weakref import WeakKeyDictionary

from emulator.asyncio_net.current import current_host
from emulator.asyncio_net.deadlock import DeadlockError, describe
from emulator.asyncio_net.descriptors import Descriptors
from emulator.asyncio_net.endpoints import Endpoints
from emulator.asyncio_net.pace import Pace
from emulator.asyncio_net.threads import ANYIO, NEEDS_THREADS, Jobs, adopt_anyio, run_inline, waits_for_the_loop
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
        real_time: Tie the clock to the machine's: what is due in a second happens in a second.
        threads: Run executor jobs in real threads, which a job that waits for the loop needs.
            Neither mode is deterministic.

    Attributes:
        hosts: The hosts whose programs run on this loop, in the order in which they were made.
        descriptors: What connections show to a library that polls them.
        jobs: The executor jobs in real threads; None if jobs run inline.
        inline: Whether such a job is running now.
    """

    # What BaseEventLoop keeps to itself and every loop builds on.
    _ready: deque[asyncio.Handle]
    _stopping: bool
    _current_handle: asyncio.Handle | None

    def __init__(self, agenda: Agenda | None = None, *, real_time: bool = False, threads: bool = False) -> None:
        self.agenda: Final = Agenda() if agenda is None else agenda
        self.jobs: Final = Jobs() if threads else None
        self.inline: bool = False
        # In virtual time and without threads there is nobody to wait for.
        self._pace: Final = Pace(self, self._machine_clock if real_time else None) if real_time or threads else None
        self._anyio_adopted: bool = False
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
        return (self.agenda.now if self._pace is None else self._pace.now()) / _NANOSECONDS

    @property
    def lateness(self) -> int:
        """Nanoseconds by which the latest thing of all was late; 0 in virtual time, which waits for everybody."""
        return 0 if self._pace is None else self._pace.lateness

    def _machine_clock(self) -> int:
        """Return the machine's time in nanoseconds: asyncio's own idea of it."""
        return round(super().time() * _NANOSECONDS)

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
        if self._pace is not None:
            self._pace.start()
        try:
            super().run_forever()
        finally:
            gc.set_threshold(young, *older)
            if self._pace is not None:
                self._pace.stop()

    def _run_once(self) -> None:
        """Fire agenda entries until some callback is ready, then run what is ready."""
        ready = self._ready
        pace = self._pace
        if not ready and not self._stopping:
            if pace is None:
                self.agenda.run_until(ready)
            else:
                pace.go_on()
            if not ready:
                self._idle()
        if pace is not None:
            pace.tick()
        if not self._anyio_adopted and ANYIO in sys.modules:
            adopt_anyio(self)
            self._anyio_adopted = True
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
        self, executor: Executor | None, func: Callable[[Unpack[_Ts]], _T], *args: *_Ts
    ) -> asyncio.Future[_T]:
        """Run ``func`` here and now, in no virtual time (D12), or with ``threads=True`` in a thread of ``executor``."""
        cast("Any", self)._check_closed()
        if self.jobs is not None:
            future = super().run_in_executor(executor, self.jobs.begin(partial(func, *args)))
            future.add_done_callback(self.jobs.ended)
            return future
        future = self.create_future()
        run_inline(self, future, None, func, *args)
        return future

    def call_soon_threadsafe(
        self, callback: Callable[[Unpack[_Ts]], object], *args: *_Ts, context: Context | None = None
    ) -> asyncio.Handle:
        """Call back soon; from another thread this wakes the loop, if it was made with ``threads=True``.

        Raises:
            RuntimeError: if a job that runs inline wants a coroutine to run, for which it could only wait for ever.
        """
        if self.inline and waits_for_the_loop(callback):
            raise RuntimeError(NEEDS_THREADS)
        return super().call_soon_threadsafe(callback, *args, context=context)

    async def shutdown_default_executor(self, *args: Any, **options: Any) -> None:
        """Wait for the threads of the default executor to end, in real time."""
        if self.jobs is None:
            return
        self.jobs.outstanding += 1  # asyncio has a thread of its own wait for them
        try:
            await super().shutdown_default_executor(*args, **options)
        finally:
            self.jobs.outstanding -= 1

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
        """Wake the loop, if there is anything that it may be waiting for."""
        if self._pace is not None:
            self._pace.wake()


def _nothing() -> None:
    """Do nothing, as a callback."""
