"""What is due, and when: one agenda for the whole network.

Time is an integer number of nanoseconds since the start of the run.  Entries
are ordered by ``(due_at, seq)``; ``seq`` counts every entry ever put on the
agenda *or on a link*, so things due at one instant happen in the order in
which they were set, whatever put them there (D3).  asyncio's own timer heap
compares deadlines alone, which is why its timers live here too.

Recurring work (a TIME-WAIT, a keep-alive) is marked background: it neither
keeps a run alive nor hides a deadlock.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sized


class Event:
    """Something that will happen; subclasses are slotted and say what."""

    __slots__ = ()

    def fire(self, now: int) -> None:
        """Happen, at ``now`` nanoseconds."""
        raise NotImplementedError(type(self).__name__)


class Background(Event):
    """Wraps an event whose entry does not keep the run alive."""

    __slots__ = ("agenda", "event")

    def __init__(self, agenda: Agenda, event: Event) -> None:
        self.agenda: Agenda = agenda
        self.event: Event = event

    def fire(self, now: int) -> None:
        """Take the entry off the count, then happen."""
        self.agenda.background -= 1
        self.event.fire(now)


class Agenda:
    """Entries ``(due_at, seq, event)`` in a binary heap, and the clock they drive.

    Attributes:
        now: The present, in nanoseconds; it moves only when an entry is fired.
        seq: The last sequence number drawn.
        heap: The entries.
        background: How many of them do not keep the run alive.
    """

    __slots__ = ("background", "heap", "now", "seq")

    def __init__(self) -> None:
        self.now: int = 0
        self.seq: int = 0
        self.heap: list[tuple[int, int, Event]] = []
        self.background: int = 0

    def add(self, due_at: int, event: Event) -> None:
        """Let ``event`` happen at ``due_at``; until then the run is not idle."""
        assert due_at >= self.now, "nothing can be due in the past"
        self.seq += 1
        heappush(self.heap, (due_at, self.seq, event))

    def add_background(self, due_at: int, event: Event) -> None:
        """Let ``event`` happen at ``due_at`` if the run lasts until then."""
        self.background += 1
        self.add(due_at, Background(self, event))

    @property
    def idle(self) -> bool:
        """Whether nothing is left but background entries."""
        return len(self.heap) == self.background

    def step(self) -> None:
        """Move the clock to the earliest entry and fire it.

        Raises:
            IndexError: if there is none.
        """
        due_at, _, event = heappop(self.heap)
        self.now = due_at
        event.fire(due_at)

    def run_until(self, ready: Sized) -> None:
        """Fire entries in order until ``ready`` holds something or the agenda is idle (the hot loop)."""
        heap = self.heap
        pop = heappop
        while not ready and len(heap) != self.background:
            due_at, _, event = pop(heap)
            self.now = due_at
            event.fire(due_at)

    def run(self) -> None:
        """Fire entries in order until the agenda is idle."""
        self.run_until(())

    def remove(self, gone: Callable[[Event], bool]) -> None:
        """Drop the foreground entries whose event is ``gone``; the order of the others stays."""
        self.heap[:] = [entry for entry in self.heap if not gone(entry[2])]
        heapify(self.heap)


class Timer(Event):
    """A deadline that moves often and is reached seldom.

    Moving it later costs two stores: the entry already on the agenda comes up
    too early, notices, and goes back in for the later time.

    Args:
        agenda: Where the entries go.
        callback: Called with ``now`` when the deadline is reached.
        background: Whether an armed timer keeps the run alive.
    """

    __slots__ = ("_queued", "agenda", "background", "callback", "due_at")

    def __init__(self, agenda: Agenda, callback: Callable[[int], None], *, background: bool = False) -> None:
        self.agenda: Agenda = agenda
        self.callback: Callable[[int], None] = callback
        self.background: bool = background
        self.due_at: int = -1
        self._queued: list[int] = []  # when our entries come up; seldom more than one

    def set(self, due_at: int) -> None:
        """Move the deadline to ``due_at`` nanoseconds; -1 disarms."""
        self.due_at = due_at
        if due_at >= 0 and (not self._queued or due_at < self._queued[-1]):
            self._queued.append(due_at)
            self._add(due_at)

    def _add(self, due_at: int) -> None:
        if self.background:
            self.agenda.add_background(due_at, self)
        else:
            self.agenda.add(due_at, self)

    def fire(self, now: int) -> None:
        """Call back if the deadline is reached; an entry that came up early goes back in for the later time."""
        self._queued.pop()  # entries are queued in falling order, so the last one is the one that fires
        if self.due_at < 0:
            return
        if self.due_at <= now:
            self.due_at = -1
            self.callback(now)
        elif not self._queued or self.due_at < self._queued[-1]:
            self._queued.append(self.due_at)
            self._add(self.due_at)
