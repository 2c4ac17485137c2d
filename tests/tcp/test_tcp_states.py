"""The table of states, and that a connection goes where it says."""

from __future__ import annotations

import pytest

from emulator.tcp import TRANSITIONS, Event, IllegalTransition, State
from emulator.tcp.states import next_state
from tests.tcp.dialogue import IN_STATE, Dialogue

# RFC 9293 figure 5, arrow by arrow, typed from the figure and not from the code.
FIGURE_5 = """
CLOSED        passive OPEN     LISTEN
CLOSED        active OPEN      SYN-SENT
LISTEN        rcv SYN          SYN-RECEIVED
LISTEN        SEND             SYN-SENT
LISTEN        CLOSE            CLOSED
SYN-SENT      rcv SYN          SYN-RECEIVED
SYN-SENT      rcv SYN,ACK      ESTABLISHED
SYN-SENT      CLOSE            CLOSED
SYN-RECEIVED  rcv ACK of SYN   ESTABLISHED
SYN-RECEIVED  CLOSE            FIN-WAIT-1
ESTABLISHED   CLOSE            FIN-WAIT-1
ESTABLISHED   rcv FIN          CLOSE-WAIT
FIN-WAIT-1    rcv ACK of FIN   FIN-WAIT-2
FIN-WAIT-1    rcv FIN          CLOSING
FIN-WAIT-2    rcv FIN          TIME-WAIT
CLOSING       rcv ACK of FIN   TIME-WAIT
CLOSE-WAIT    CLOSE            LAST-ACK
LAST-ACK      rcv ACK of FIN   CLOSED
TIME-WAIT     Timeout=2MSL     CLOSED
"""
ARROWS = {
    (State(line[:14].strip()), Event(line[14:31].strip())): State(line[31:].strip())
    for line in FIGURE_5.strip().splitlines()
}
BEYOND = {Event.ABORT, Event.RCV_RST, Event.USER_TIMEOUT}


def expected(state: State, event: Event) -> State | None:
    if event not in BEYOND:
        return ARROWS.get((state, event))
    silent = {
        Event.ABORT: {State.CLOSED},
        Event.RCV_RST: {State.CLOSED, State.LISTEN},
        Event.USER_TIMEOUT: {State.CLOSED, State.LISTEN, State.TIME_WAIT},
    }
    return None if state in silent[event] else State.CLOSED


@pytest.mark.parametrize("event", Event)
@pytest.mark.parametrize("state", State)
def test_every_pair_of_state_and_event_is_answered_by_the_figure_or_refused(state: State, event: Event) -> None:
    answer = expected(state, event)
    if answer is None:
        with pytest.raises(IllegalTransition, match=str(state)):
            next_state(state, event)
    else:
        assert next_state(state, event) is answer
        assert TRANSITIONS[state][event] is answer


def test_states_print_as_the_rfc_spells_them() -> None:
    assert f"{State.SYN_SENT} {State.FIN_WAIT_1}" == "SYN-SENT FIN-WAIT-1"


@pytest.mark.parametrize("state", IN_STATE)
def test_a_connection_can_be_brought_into_every_state(state: State) -> None:
    assert IN_STATE[state]().c.state is state


# What a connection does in each state for each thing that can happen to it: the table, seen from outside.
def close(d: Dialogue) -> None:
    d.c.close(d.now)


def abort(d: Dialogue) -> None:
    d.c.abort(d.now)


def reset(d: Dialogue) -> None:
    d.send("RA", d.c.rcv_nxt - 5_000_000 if d.c.rcv_nxt else 0, d.c.snd_nxt - d.c.iss)


def fin(d: Dialogue) -> None:
    d.send("FA", 1, 1)


def ack_of_fin(d: Dialogue) -> None:
    d.send("A", d.c.rcv_nxt - 5_000_000, 2)


@pytest.mark.parametrize(
    ("happening", "event", "states"),
    [
        (close, Event.CLOSE, "SYN-SENT ESTABLISHED CLOSE-WAIT"),
        (
            abort,
            Event.ABORT,
            "SYN-SENT SYN-RECEIVED ESTABLISHED FIN-WAIT-1 FIN-WAIT-2 CLOSE-WAIT CLOSING LAST-ACK TIME-WAIT",
        ),
        (
            reset,
            Event.RCV_RST,
            "SYN-SENT SYN-RECEIVED ESTABLISHED FIN-WAIT-1 FIN-WAIT-2 CLOSE-WAIT CLOSING LAST-ACK TIME-WAIT",
        ),
        (fin, Event.RCV_FIN, "ESTABLISHED FIN-WAIT-1 FIN-WAIT-2"),
        (ack_of_fin, Event.RCV_ACK_OF_FIN, "FIN-WAIT-1 CLOSING LAST-ACK"),
    ],
)
def test_a_connection_follows_the_table(happening, event: Event, states: str) -> None:
    for state in map(State, states.split()):
        d = IN_STATE[state]()
        d.c.changed = False
        happening(d)
        assert d.c.state is TRANSITIONS[state][event], (state, event)
        assert d.c.changed


@pytest.mark.parametrize("state", [State.CLOSED, State.FIN_WAIT_1, State.FIN_WAIT_2, State.LAST_ACK, State.TIME_WAIT])
def test_closing_twice_does_nothing(state: State) -> None:
    d = IN_STATE[state]()
    d.c.close(d.now)
    assert (d.c.state, d.answers()) == (state, [])


@pytest.mark.parametrize("state", [State.CLOSED, State.FIN_WAIT_1, State.LAST_ACK, State.TIME_WAIT])
def test_writing_after_close_names_the_call_and_the_state(state: State) -> None:
    d = IN_STATE[state]()
    with pytest.raises(IllegalTransition, match=f"write in state {state}"):
        d.c.write(b"x", d.now)


def test_opening_twice_is_refused() -> None:
    d = IN_STATE[State.ESTABLISHED]()
    with pytest.raises(IllegalTransition, match="active OPEN in state ESTABLISHED"):
        d.c.connect(d.now)
