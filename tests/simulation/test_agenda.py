"""The agenda: order, background work, and deadlines that move (D3)."""

from __future__ import annotations

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


def test_background_entries_do_not_keep_a_run_alive() -> None:
    agenda, log = Agenda(), []
    agenda.add_background(10, Note(log, "background"))
    agenda.add(5, Note(log, "work"))
    agenda.run()
    assert (log, agenda.idle, len(agenda.heap)) == ([(5, "work")], True, 1)
    agenda.add(20, Note(log, "more"))
    agenda.run()
    assert [name for _, name in log] == ["work", "background", "more"]
    assert (agenda.background, agenda.heap) == (0, [])


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(-1, 100)), max_size=30))
def test_a_timer_fires_at_its_last_deadline_and_only_there(moves: list[tuple[int, int]]) -> None:
    agenda, fired = Agenda(), []
    timer = Timer(agenda, fired.append)
    expected: list[int] = []
    due = -1
    for pause, ahead in moves:
        end = agenda.now + pause
        agenda.add(end, Event.__new__(_Nothing))
        while agenda.heap and agenda.heap[0][0] <= end:
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
