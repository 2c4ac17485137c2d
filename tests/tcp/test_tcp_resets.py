"""Resets sent and received, and segments that cannot be right (RFC 5961)."""

from __future__ import annotations

import pytest

from emulator.tcp import Connection, Failure, State, TcpConfig, reset_for
from emulator.wire.packet import ACK, FIN, RST, SYN, Packet, tcp
from tests.tcp.dialogue import IN_STATE, SECOND, Dialogue, established


@pytest.mark.parametrize(
    ("flags", "payload", "answer"),
    [
        (SYN, b"", (RST | ACK, 0, 101)),
        (SYN | FIN, b"ab", (RST | ACK, 0, 104)),
        (FIN, b"", (RST | ACK, 0, 101)),
        (0, b"abc", (RST | ACK, 0, 103)),
        (ACK, b"abc", (RST, 7, 0)),
        (SYN | ACK, b"", (RST, 7, 0)),
    ],
)
def test_a_segment_to_a_closed_port_is_answered_with_a_reset(flags: int, payload: bytes, answer) -> None:
    """RFC 9293 section 3.10.7.1."""
    packet = tcp(1, 2, 3, 4, flags, payload, seq=100, ack=7)
    reset = reset_for(packet)
    assert isinstance(reset, Packet)
    assert (reset.flags, reset.seq, reset.ack) == answer
    assert (reset.src, reset.dst, reset.sport, reset.dport, reset.length) == (2, 1, 4, 3, 40)
    connection = Connection(TcpConfig(), 2, 4, 1, 3, 0)
    connection.receive(packet, 0)
    assert [(p.flags, p.seq, p.ack) for p in connection.to_send(0)] == [answer]


def test_a_reset_is_never_answered() -> None:
    assert reset_for(tcp(1, 2, 3, 4, RST)) is None
    d = Dialogue()
    assert d.send("R") == []


def test_a_reset_at_exactly_the_next_number_is_believed() -> None:
    d = established()
    d.write(100)
    d.send("R", 1)
    assert (d.c.state, d.c.error, d.c.deadline) == (State.CLOSED, Failure.RESET, -1)


def test_a_reset_elsewhere_in_the_window_is_challenged_and_one_outside_ignored() -> None:
    """RFC 5961 section 3.2."""
    d = established()
    assert d.send("R", 2) == ["A 1 ack 1"]
    assert d.send("R", 0) == []
    assert d.send("R", 10_000_000) == []
    assert d.c.state is State.ESTABLISHED


def test_a_syn_in_the_window_is_challenged() -> None:
    """RFC 5961 section 4.2."""
    d = established()
    assert d.send("S", 5) == ["A 1 ack 1"]
    assert d.c.state is State.ESTABLISHED


def test_challenges_are_rare_so_that_two_ends_cannot_fight() -> None:
    d = established()
    answers = []
    for _ in range(100):
        answers += d.send("A", 9_000_000)
    assert answers == ["A 1 ack 1"]
    d.wait(SECOND)
    assert d.send("A", 9_000_000) == ["A 1 ack 1"]


def test_data_outside_the_window_is_always_answered() -> None:
    d = established()
    assert [d.send("A", 9_000_000, 1, b"x") for _ in range(3)] == [["A 1 ack 1"]] * 3
    assert d.take() == b""


@pytest.mark.parametrize("ack", [2, 5000, -70_000])
def test_an_acknowledgment_of_what_was_never_sent_is_challenged(ack: int) -> None:
    """RFC 9293 section 3.10.7.4 (too new), RFC 5961 section 5.2 (too old)."""
    d = established()
    assert d.send("A", 1, ack, b"evil") == ["A 1 ack 1"]
    assert (d.take(), d.c.snd_una) == (b"", d.c.iss + 1)


def test_a_slightly_old_acknowledgment_still_delivers_its_data() -> None:
    d = established()
    d.write(1000)
    d.send("A", 1, 1001)
    d.send("PA", 1, 500, b"data")
    assert (d.take(), d.c.unacknowledged()) == (b"data", 0)


def test_a_segment_without_ack_is_dropped() -> None:
    d = established()
    assert d.send("P", 1, data=b"x") == []
    assert d.take() == b""


@pytest.mark.parametrize(
    ("state", "error"),
    [
        (State.ESTABLISHED, Failure.RESET),
        (State.FIN_WAIT_2, Failure.RESET),
        (State.CLOSE_WAIT, Failure.RESET),
        (State.CLOSING, Failure.RESET),
        (State.LAST_ACK, Failure.RESET),
        (State.TIME_WAIT, None),
    ],
)
def test_a_reset_is_an_error_until_all_that_was_sent_is_acknowledged(state: State, error: Failure | None) -> None:
    d = IN_STATE[state]()
    d.send("R", d.c.rcv_nxt - d.c.irs)
    assert (d.c.state, d.c.error) == (State.CLOSED, error)


def test_a_reset_before_the_fin_is_believed_unless_rfc_5961_is_taken_at_its_word() -> None:
    """Linux believes it (``tcp_reset_check``), for a peer may have forgotten its FIN; FreeBSD does not."""
    for strict in (False, True):
        d = established(TcpConfig(strict_rst=strict, timestamps=False))
        d.send("FA", 1)
        d.send("R", 1)
        assert (d.c.state is State.CLOSED) is not strict


def test_a_syn_behind_the_window_is_challenged_even_by_a_host_that_resets_for_those_in_it() -> None:
    d = established(TcpConfig(insecure_syn=True, timestamps=False))
    right = 1 + d.c.rcv_wnd
    assert d.send("S", right) == ["A 1 ack 1"]
    assert d.c.state is State.ESTABLISHED
    assert d.send("S", right - 1) == ["RA 1 ack 1"]
    assert (d.c.state, d.c.error) == (State.CLOSED, Failure.RESET)


@pytest.mark.parametrize(("flags", "beyond", "data"), [("A", 1, b""), ("FA", 0, b""), ("A", 0, b"x"), ("FA", 1, b"x")])
def test_time_wait_acknowledges_all_but_the_last_acknowledgment(flags: str, beyond: int, data: bytes) -> None:
    """What comes behind the peer's FIN is wrong, or an old connection's (``tcp_timewait_state_process``)."""
    d = IN_STATE[State.TIME_WAIT]()
    seq, ack = d.c.rcv_nxt - d.c.irs, d.c.snd_nxt - d.c.iss
    assert d.send("A", seq, ack) == []
    assert d.send(flags, seq + beyond, ack, data) == [f"A {ack} ack {seq}"]
    assert d.c.state is State.TIME_WAIT


def test_time_wait_may_ignore_what_has_no_ack() -> None:
    for needs_ack in (False, True):
        d = IN_STATE[State.TIME_WAIT](config=TcpConfig(time_wait_needs_ack=needs_ack, timestamps=False))
        assert (d.send("F", d.c.rcv_nxt - d.c.irs - 1) == []) is needs_ack


def test_what_had_arrived_before_a_reset_can_still_be_taken() -> None:
    d = established()
    d.send("PA", 1, 1, b"last words")
    d.send("R", 11)
    assert d.take() == b"last words"
