"""When the loop may go on to what is due next: at once, or not before somebody else says so.

In virtual time it never waits, and this module is not asked.  It is for the two
modes that give determinism up: real time, in which what is due at an instant happens when the
machine's clock has got there, never earlier; and threads, whose jobs hold time still.

In real time programs see the machine's clock, as on any loop, but that it stands still while the loop does not run.
The network's clock follows and never overtakes what is due: things happen in the order of virtual time,
also when the machine is late; it catches up, and how late it was at most is counted.
"""

# ruff: noqa: SLF001 - a loop is made of what asyncio calls private, and anyio has no door for this

from __future__ import annotations

from threading import Condition
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from emulator.asyncio_net.loop import VirtualTimeLoop

_LOOK: Final = 0.001
"""Seconds between two looks at threads, and the shortest time after which one counts as waiting."""
_LONG: Final = 0.1
"""Seconds the loop sleeps at most, so that signals are heard on every platform."""


class Pace:
    """Waits for the machine's clock and for threads.

    Args:
        loop: Whose agenda goes on.
        clock: The machine's, in nanoseconds; None in virtual time.

    Attributes:
        lateness: Nanoseconds by which the latest thing of all was late.
    """

    __slots__ = ("_clock", "_condition", "_loop", "_origin", "_running", "_stood_at", "lateness")

    def __init__(self, loop: VirtualTimeLoop, clock: Callable[[], int] | None) -> None:
        self._loop: VirtualTimeLoop = loop
        self._clock: Callable[[], int] | None = clock
        self._condition: Condition = Condition()
        self._origin: int = 0
        self._stood_at: int = 0
        self._running: bool = False
        self.lateness: int = 0

    def start(self) -> None:
        """The loop begins to run: time goes on from where it stood."""
        if self._clock is not None:
            self._origin = self._clock() - max(self._stood_at, self._loop.agenda.now)
            self._running = True

    def stop(self) -> None:
        """The loop runs no more: time stands still."""
        self._stood_at = self.now()
        self._running = False

    def now(self) -> int:
        """Return nanoseconds since the start of the run, as programs see them."""
        if self._clock is None:
            return self._loop.agenda.now
        return self._clock() - self._origin if self._running else max(self._stood_at, self._loop.agenda.now)

    def wake(self) -> None:
        """Something was made ready by another thread."""
        with self._condition:
            self._condition.notify()

    def go_on(self) -> None:
        """Wait for and fire entries until some callback is ready or nothing is due any more."""
        loop = self._loop
        agenda, ready, jobs = loop.agenda, loop._ready, loop.jobs
        while not ready:
            outstanding = jobs is not None and jobs.outstanding > 0
            if agenda.idle:
                if not outstanding:
                    return
                self._wait(_LONG)
            elif self._clock is not None:
                early = agenda.next_at - self.now()
                if early > 0:
                    self._wait(early / 1e9)
                else:
                    self.lateness = max(self.lateness, -early)
                    agenda.step()
            elif not outstanding:
                agenda.run_until(ready)
            elif self._all_wait():
                agenda.step()
            else:
                self._wait(_LOOK)

    def tick(self) -> None:
        """Let the network's clock show the machine's time, as far as nothing is due that has not happened."""
        if self._clock is not None:
            agenda = self._loop.agenda
            now, due_at = self.now(), agenda.next_at
            agenda.now = max(agenda.now, now if due_at < 0 else min(now, due_at))

    def _all_wait(self) -> bool:
        """Return whether no job will go on by itself: a thread that is just waking up looks like one that waits."""
        jobs = self._loop.jobs
        assert jobs is not None, "asked only where there are jobs"
        if not jobs.all_wait():
            return False
        self._wait(_LOOK)
        return not self._loop._ready and jobs.all_wait()

    def _wait(self, seconds: float) -> None:
        with self._condition:
            if not self._loop._ready:
                self._condition.wait(min(seconds, _LONG))
