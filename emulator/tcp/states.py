"""The connection's states, and the table that moves it from one to the next.

Figure 5 of RFC 9293 (section 3.3.2), row by row.  Nothing else in this room
decides what state follows which: code names what happened (an :class:`Event`)
and the table answers.  What the figure leaves out and its text has (abort,
reset, giving up) stands in a second group.  A pair that is in neither is
refused with :class:`IllegalTransition`; it would be a mistake of ours.

Two remarks.  The figure returns a reset SYN-RECEIVED to LISTEN; here the
listener is the host stack's, and the connection made for one SYN ends.  And
the event "FIN and the ACK of our FIN in one segment" (the figure's note 2) is
two events in a row.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping


class State(StrEnum):
    """The states of RFC 9293 section 3.3.2, spelled as there."""

    CLOSED = "CLOSED"
    LISTEN = "LISTEN"
    SYN_SENT = "SYN-SENT"
    SYN_RECEIVED = "SYN-RECEIVED"
    ESTABLISHED = "ESTABLISHED"
    FIN_WAIT_1 = "FIN-WAIT-1"
    FIN_WAIT_2 = "FIN-WAIT-2"
    CLOSE_WAIT = "CLOSE-WAIT"
    CLOSING = "CLOSING"
    LAST_ACK = "LAST-ACK"
    TIME_WAIT = "TIME-WAIT"


class Event(StrEnum):
    """What can happen to a connection: user calls, segments, timeouts."""

    PASSIVE_OPEN = "passive OPEN"
    ACTIVE_OPEN = "active OPEN"
    SEND = "SEND"
    CLOSE = "CLOSE"
    ABORT = "ABORT"
    RCV_SYN = "rcv SYN"
    RCV_SYN_ACK = "rcv SYN,ACK"
    RCV_ACK_OF_SYN = "rcv ACK of SYN"
    RCV_FIN = "rcv FIN"
    RCV_ACK_OF_FIN = "rcv ACK of FIN"
    RCV_RST = "rcv RST"
    TIMEOUT_2MSL = "Timeout=2MSL"
    USER_TIMEOUT = "USER TIMEOUT"


class Failure(StrEnum):
    """Why a connection ended without having been closed in order."""

    REFUSED = "refused"
    RESET = "reset"
    TIMED_OUT = "timed-out"


class IllegalTransition(Exception):  # noqa: N818 - it is the call that is at fault
    """The event cannot happen in this state."""


TRANSITIONS: Final[Mapping[State, Mapping[Event, State]]] = {
    State.CLOSED: {
        Event.PASSIVE_OPEN: State.LISTEN,
        Event.ACTIVE_OPEN: State.SYN_SENT,
    },
    State.LISTEN: {
        Event.RCV_SYN: State.SYN_RECEIVED,
        Event.SEND: State.SYN_SENT,
        Event.CLOSE: State.CLOSED,
        # not in the figure
        Event.ABORT: State.CLOSED,
    },
    State.SYN_SENT: {
        Event.CLOSE: State.CLOSED,
        Event.RCV_SYN: State.SYN_RECEIVED,
        Event.RCV_SYN_ACK: State.ESTABLISHED,
        # not in the figure
        Event.ABORT: State.CLOSED,
        Event.RCV_RST: State.CLOSED,
        Event.USER_TIMEOUT: State.CLOSED,
    },
    State.SYN_RECEIVED: {
        Event.RCV_ACK_OF_SYN: State.ESTABLISHED,
        Event.CLOSE: State.FIN_WAIT_1,
        # note 1 of the figure; see the opening
        Event.RCV_RST: State.CLOSED,
        # not in the figure
        Event.ABORT: State.CLOSED,
        Event.USER_TIMEOUT: State.CLOSED,
    },
    State.ESTABLISHED: {
        Event.CLOSE: State.FIN_WAIT_1,
        Event.RCV_FIN: State.CLOSE_WAIT,
        # not in the figure
        Event.ABORT: State.CLOSED,
        Event.RCV_RST: State.CLOSED,
        Event.USER_TIMEOUT: State.CLOSED,
    },
    State.FIN_WAIT_1: {
        Event.RCV_ACK_OF_FIN: State.FIN_WAIT_2,
        Event.RCV_FIN: State.CLOSING,
        # not in the figure
        Event.ABORT: State.CLOSED,
        Event.RCV_RST: State.CLOSED,
        Event.USER_TIMEOUT: State.CLOSED,
    },
    State.FIN_WAIT_2: {
        Event.RCV_FIN: State.TIME_WAIT,
        # not in the figure; the timeout is Linux's tcp_fin_timeout
        Event.ABORT: State.CLOSED,
        Event.RCV_RST: State.CLOSED,
        Event.USER_TIMEOUT: State.CLOSED,
    },
    State.CLOSE_WAIT: {
        Event.CLOSE: State.LAST_ACK,
        # not in the figure
        Event.ABORT: State.CLOSED,
        Event.RCV_RST: State.CLOSED,
        Event.USER_TIMEOUT: State.CLOSED,
    },
    State.CLOSING: {
        Event.RCV_ACK_OF_FIN: State.TIME_WAIT,
        # not in the figure
        Event.ABORT: State.CLOSED,
        Event.RCV_RST: State.CLOSED,
        Event.USER_TIMEOUT: State.CLOSED,
    },
    State.LAST_ACK: {
        Event.RCV_ACK_OF_FIN: State.CLOSED,
        # not in the figure
        Event.ABORT: State.CLOSED,
        Event.RCV_RST: State.CLOSED,
        Event.USER_TIMEOUT: State.CLOSED,
    },
    State.TIME_WAIT: {
        Event.TIMEOUT_2MSL: State.CLOSED,
        # not in the figure
        Event.ABORT: State.CLOSED,
        Event.RCV_RST: State.CLOSED,
    },
}


def next_state(state: State, event: Event) -> State:
    """Return the state that follows ``state`` when ``event`` happens.

    Raises:
        IllegalTransition: if the table has no answer.
    """
    following = TRANSITIONS[state].get(event)
    if following is None:
        raise IllegalTransition(f"{event} in state {state}")
    return following
