"""The agenda: order, background work, and deadlines that move (D3)."""

from __future__ import annotations

from heapq import heappush

from hypothesis import given
from hypothesis import strategies as st

from emulator.simulation.agenda import Agenda, Event, Timer


class Note(Event):
    def __init__(self, log: list[tuple[int, str]], name: str) -> None:
        self.log = log
        self.name = name

    def fire(self, now: int) -> None:
        self.log.append((now, self.name))


def test_entries_due_at_one_instant_happen_in_the_order_they_were_set() -> None:
    agenda, log = Agenda(), []
    for name in "abcdefgh":
        agenda.add(5, Note(log, name))
    agenda.add(3, Note(log, "first"))
    agenda.run()
    assert log == [(3, "first"), *((5, name) for name in "abcdefgh")]
    assert agenda.now == 5


@given(st.lists(st.tuples(st.integers(0, 60), st.booleans(), st.integers(0, 60)), max_size=40), st.booleans())
def test_entries_happen_in_order_however_far_ahead_they_were_set(
    entries: list[tuple[int, bool, int]], stepwise: bool
) -> None:
    """Milliseconds ahead, put straight into the heap (as links do) or added, and what firing sets in turn."""
    agenda = Agenda()
    fired: list[tuple[int, int]] = []
    expected: list[tuple[int, int]] = []

    class Again(Event):
        def __init__(self, seq: int, after: int) -> None:
            self.seq = seq
            self.after = after

        def fire(self, now: int) -> None:
            fired.append((now, self.seq))
            if self.after:
                put(now + self.after * 1_000_000, self.after % 2 == 0, 0)

    def put(due_at: int, straight: bool, after: int) -> None:
        event = Again(agenda.seq + 1, after)
        expected.append((due_at, event.seq))
        if straight:
            agenda.seq += 1
            heappush(agenda.heap, (due_at, agenda.seq, event))
        else:
            agenda.add(due_at, event)

    for ahead, straight, after in entries:
        put(ahead * 1_000_000, straight, after)
    if stepwise:
        while not agenda.idle:
            agenda.step()
    else:
        agenda.run()
    assert fired == sorted(expected)
    assert agenda.idle


def test_background_entries_do_not_keep_a_run_alive() -> None:
    agenda, log = Agenda(), []
    agenda.add_background(10, Note(log, "background"))
    agenda.add(5, Note(log, "work"))
    agenda.run()
    assert (log, agenda.idle, agenda.pending) == ([(5, "work")], True, 1)
    agenda.add(20, Note(log, "more"))
    agenda.run()
    assert [name for _, name in log] == ["work", "background", "more"]
    assert (agenda.background, agenda.pending) == (0, 0)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(-1, 100)), max_size=30))
def test_a_timer_fires_at_its_last_deadline_and_only_there(moves: list[tuple[int, int]]) -> None:
    agenda, fired = Agenda(), []
    timer = Timer(agenda, fired.append)
    expected: list[int] = []
    due = -1
    for pause, ahead in moves:
        end = agenda.now + pause
        agenda.add(end, Event.__new__(_Nothing))
        while 0 <= agenda.next_at <= end:
            agenda.step()
        if 0 <= due <= agenda.now:
            expected.append(due)
        due = -1 if ahead < 0 else agenda.now + ahead
        timer.set(due)
    agenda.run()
    if due >= 0:
        expected.append(due)
    assert fired == expected


class _Nothing(Event):
    def fire(self, now: int) -> None:
        pass
