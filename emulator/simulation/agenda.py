"""What is due, and when: one agenda for the whole network.

Time is an integer number of nanoseconds since the start of the run.  Entries
are ordered by ``(due_at, seq)``; ``seq`` counts every entry ever put on the
agenda *or on a link*, so things due at one instant happen in the order in
which they were set, whatever put them there (D3).  asyncio's own timer heap
compares deadlines alone, which is why its timers live here too.

There are two heaps, because what is set is of two kinds: packets on links, due
in microseconds, and TCP's alarms, due in 40 ms or more and seldom reached as
they were set.  A thousand connections would keep thousands of alarms between
which every packet is sifted: 1.0 us per packet, twice the price of the rest of
the agenda.  So what is due at or behind the horizon waits in a heap of its own,
and comes over when the present gets near.  The order is the same.

Recurring work (a TIME-WAIT, a keep-alive) is marked background: it neither
keeps a run alive nor hides a deadlock.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sized

_AHEAD: Final = 10_000_000
"""Nanoseconds from the present to a new horizon: more than most packets need, less than most alarms."""


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
    """Entries ``(due_at, seq, event)`` in binary heaps, and the clock they drive.

    Attributes:
        now: The present, in nanoseconds; it moves only when an entry is fired.
        seq: The last sequence number drawn.
        heap: The entries due next.  Whoever pushes here by himself (a link) may push any.
        later: Entries that were due at or behind the horizon when they were added; all of them still are.
        horizon: What is due before it is in ``heap``; the other entries must not be fired yet.
        background: How many entries do not keep the run alive.
    """

    __slots__ = ("background", "heap", "horizon", "later", "now", "seq")

    def __init__(self) -> None:
        self.now: int = 0
        self.seq: int = 0
        self.heap: list[tuple[int, int, Event]] = []
        self.later: list[tuple[int, int, Event]] = []
        self.horizon: int = _AHEAD
        self.background: int = 0

    def add(self, due_at: int, event: Event) -> None:
        """Let ``event`` happen at ``due_at``; until then the run is not idle."""
        assert due_at >= self.now, "nothing can be due in the past"
        self.seq += 1
        heappush(self.heap if due_at < self.horizon else self.later, (due_at, self.seq, event))

    def add_background(self, due_at: int, event: Event) -> None:
        """Let ``event`` happen at ``due_at`` if the run lasts until then."""
        self.background += 1
        self.add(due_at, Background(self, event))

    @property
    def idle(self) -> bool:
        """Whether nothing is left but background entries."""
        return self.pending == self.background

    @property
    def pending(self) -> int:
        """How many entries there are."""
        return len(self.heap) + len(self.later)

    @property
    def next_at(self) -> int:
        """When the earliest entry is due; -1 if there is none."""
        return min((heap[0][0] for heap in (self.heap, self.later) if heap), default=-1)

    def _look_ahead(self) -> None:
        """Move the horizon away from the earliest entry (there is one) if that has come near."""
        earliest = self.next_at
        if earliest >= self.horizon:
            horizon = self.horizon = earliest + _AHEAD
            later = self.later
            while later and later[0][0] < horizon:
                heappush(self.heap, heappop(later))

    def step(self) -> None:
        """Move the clock to the earliest entry and fire it.

        Raises:
            IndexError: if there is none.
        """
        self._look_ahead()
        due_at, _, event = heappop(self.heap)
        self.now = due_at
        event.fire(due_at)

    def run_until(self, ready: Sized) -> None:
        """Fire entries in order until ``ready`` holds something or the agenda is idle (the hot loop).

        Written as an endless loop because CPython 3.11 begins to specialise a function that is called once at its
        unconditional backward jumps, and a ``while`` with a condition has none: 0.2 us per entry.
        """
        heap = self.heap
        pop = heappop
        while True:
            if ready:
                return
            if len(heap) <= self.background or heap[0][0] >= self.horizon:  # perhaps idle; or the heap has run dry
                if self.idle:
                    return
                self._look_ahead()
            due_at, _, event = pop(heap)
            self.now = due_at
            event.fire(due_at)

    def run(self) -> None:
        """Fire entries in order until the agenda is idle."""
        self.run_until(())

    def remove(self, gone: Callable[[Event], bool]) -> None:
        """Drop the foreground entries whose event is ``gone``; the order of the others stays."""
        for heap in (self.heap, self.later):
            heap[:] = [entry for entry in heap if not gone(entry[2])]
            heapify(heap)


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
