"""Closing in order, half-way, at once; TIME-WAIT; a program that has let go."""

from __future__ import annotations

import pytest

from emulator.tcp import Failure, State
from tests.tcp.dialogue import MS, SECOND, close_wait, established, fin_wait_1, fin_wait_2, last_ack, time_wait


def test_closing_first() -> None:
    d = fin_wait_1()
    assert d.send("A", 1, 2) == []
    assert d.c.state is State.FIN_WAIT_2
    assert d.send("FA", 1, 2) == ["A 2 ack 2"]
    assert (d.c.state, d.c.peer_closed) == (State.TIME_WAIT, True)
    assert d.wait(59 * SECOND) == []
    assert d.c.state is State.TIME_WAIT
    d.wait(2 * SECOND)
    assert (d.c.state, d.c.error, d.c.deadline) == (State.CLOSED, None, -1)


def test_closing_second() -> None:
    d = close_wait()
    assert d.c.peer_closed
    d.c.close(d.now)
    assert d.answers() == ["FA 1 ack 2"]
    assert d.send("A", 2, 2) == []
    assert (d.c.state, d.c.error, d.c.deadline) == (State.CLOSED, None, -1)


def test_the_fin_and_the_acknowledgment_of_ours_in_one_segment() -> None:
    d = fin_wait_1()
    assert d.send("FA", 1, 2) == ["A 2 ack 2"]
    assert d.c.state is State.TIME_WAIT


def test_closing_at_the_same_time() -> None:
    """RFC 9293 figure 13."""
    d = fin_wait_1()
    assert d.send("FA", 1, 1) == ["A 2 ack 2"]
    assert d.c.state is State.CLOSING
    d.send("A", 2, 2)
    assert d.c.state is State.TIME_WAIT


def test_fin_follows_what_is_queued_and_shares_its_last_segment() -> None:
    d = established(window=1000)
    d.write(1800)
    d.c.close(d.now)
    assert (d.c.state, d.answers()) == (State.FIN_WAIT_1, [])
    assert d.send("A", 1, 1001, window=8000) == ["FPA 1001+800 ack 1"]
    assert d.send("A", 1, 1801, window=8000) == []
    assert d.c.state is State.FIN_WAIT_1
    d.send("A", 1, 1802)
    assert d.c.state is State.FIN_WAIT_2


def test_half_closed_both_ways() -> None:
    d = fin_wait_2()
    d.send("A", 1, 2, b"x" * 1000)
    assert d.send("A", 1001, 2, b"x" * 1000) == ["A 2 ack 2001"]
    assert (len(d.take()), d.c.peer_closed) == (2000, False)
    d = close_wait()
    assert d.write(1500) == ["A 1+1000 ack 2", "PA 1001+500 ack 2"]
    assert d.send("A", 2, 1501) == []
    assert d.c.state is State.CLOSE_WAIT


def test_a_lost_fin_is_sent_again() -> None:
    d = fin_wait_1()
    assert d.wait(700 * MS) == [(210, "FA 1 ack 1"), (630, "FA 1 ack 1")]


def test_a_lost_last_segment_is_sent_again_with_its_fin() -> None:
    d = established()
    d.write(500)
    d.c.close(d.now)
    assert d.answers() == ["FA 501 ack 1"]
    assert d.wait(300 * MS) == [(210, "FPA 1+500 ack 1")]


def test_a_fin_beyond_a_gap_waits_for_it() -> None:
    d = established(sack=False)
    assert d.send("FA", 501, 1, b"b" * 500) == ["A 1 ack 1"]
    assert not d.c.peer_closed
    assert d.send("A", 1, 1, b"a" * 500) == ["A 1 ack 1002"]
    assert (d.c.peer_closed, d.c.state, d.take()) == (True, State.CLOSE_WAIT, b"a" * 500 + b"b" * 500)


def test_peer_closed_is_set_with_the_last_data() -> None:
    d = established()
    assert d.send("FPA", 1, 1, b"bye") == ["A 1 ack 5"]
    assert (d.c.peer_closed, d.c.changed, d.c.inbox) == (True, True, [b"bye"])


def test_time_wait_acknowledges_the_fin_again_and_starts_anew() -> None:
    d = time_wait()
    d.wait(50 * SECOND)
    assert d.send("FA", 1, 2) == ["A 2 ack 2"]
    d.wait(50 * SECOND)
    assert d.c.state is State.TIME_WAIT
    d.wait(11 * SECOND)
    assert d.c.state is State.CLOSED


@pytest.mark.parametrize(("seq", "reusable"), [(2, False), (3, True), (5000, True), (-5, False)])
def test_a_later_syn_may_replace_time_wait(seq: int, reusable: bool) -> None:
    assert time_wait().c.is_replaced_by(time_wait().segment("S", seq)) is reusable
    assert not fin_wait_2().c.is_replaced_by(time_wait().segment("S", seq))


def test_a_later_timestamp_is_enough_to_replace_time_wait() -> None:
    """RFC 6191."""
    d = established(timestamps=True)
    d.c.close(d.now)
    d.send("FA", 1, 2, tsval=50)
    assert d.c.state is State.TIME_WAIT
    assert d.c.is_replaced_by(d.segment("S", -500, tsval=51))
    assert not d.c.is_replaced_by(d.segment("S", 500, tsval=49))


def test_abort_tells_the_peer_and_drops_everything() -> None:
    d = established(window=1000)
    d.write(3000)
    d.c.abort(d.now)
    assert d.answers() == ["RA 1001 ack 1"]
    assert (d.c.state, d.c.error, d.c.deadline, d.c.buffer.chunks) == (State.CLOSED, None, -1, [])


def test_data_for_a_program_that_let_go_is_answered_with_a_reset() -> None:
    d = established()
    d.c.release(d.now)
    assert d.answers() == ["FA 1 ack 1"]
    d.send("A", 1, 2)
    assert d.send("PA", 1, 2, b"anyone?") == ["R 2"]
    assert (d.c.state, d.c.error) == (State.CLOSED, None)


def test_letting_go_with_data_unread_resets_at_once() -> None:
    """RFC 2525 section 2.17."""
    d = established()
    d.send("PA", 1, 1, b"unread")
    d.c.release(d.now)
    assert d.answers() == ["RA 1 ack 7"]
    assert (d.c.state, d.c.inbox) == (State.CLOSED, [])


def test_letting_go_still_delivers_what_was_written() -> None:
    d = established(window=1000)
    d.write(1500)
    d.c.release(d.now)
    assert d.send("A", 1, 1001, window=1000) == ["FPA 1001+500 ack 1"]


def test_letting_go_or_aborting_twice_does_nothing() -> None:
    d = fin_wait_2()
    d.c.release(d.now)
    d.c.release(d.now)
    assert (d.c.state, d.answers()) == (State.FIN_WAIT_2, [])
    d.c.abort(d.now)
    assert d.answers() == ["RA 2 ack 1"]
    d.c.abort(d.now)
    d.c.release(d.now)
    assert (d.c.state, d.answers()) == (State.CLOSED, [])


def test_fin_wait_2_does_not_last_for_ever_once_the_program_let_go() -> None:
    """tcp_fin_timeout of Linux."""
    d = fin_wait_2()
    d.wait(600 * SECOND)
    assert (d.c.state, d.c.deadline) == (State.FIN_WAIT_2, -1)
    d.c.release(d.now)
    d.wait(61 * SECOND)
    assert (d.c.state, d.c.error) == (State.CLOSED, None)


def test_a_fin_that_is_never_acknowledged_ends_with_timed_out() -> None:
    d = last_ack()
    d.wait(2000 * SECOND)
    assert (d.c.state, d.c.error) == (State.CLOSED, Failure.TIMED_OUT)
