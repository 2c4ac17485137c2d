"""Opening: options, the SYN ladder, refusals, simultaneous opens."""

from __future__ import annotations

import pytest

from emulator.tcp import Failure, State, TcpConfig
from emulator.wire.options import read
from emulator.wire.packet import DF
from tests.tcp.dialogue import MS, SECOND, Dialogue, established, syn_options, syn_received, syn_sent


def test_a_syn_carries_the_options_of_linux_in_its_order() -> None:
    d = Dialogue(TcpConfig(mss=8961))
    d.now = 7 * MS
    d.c.connect(d.now)
    (syn,) = d.c.to_send(d.now)
    found = read(syn.options)
    assert (found.mss, found.window_scale, found.sack_permitted, found.tsval, found.tsecr) == (8961, 7, True, 10_007, 0)
    assert [syn.options[i] for i in (0, 4, 6, 16, 17)] == [2, 4, 8, 1, 3]
    assert (syn.tsval, syn.window, syn.fragment, syn.ttl, syn.length) == (10_007, 65535, DF, 64, 60)


def test_an_active_open() -> None:
    d = syn_sent()
    d.now += 30 * MS
    assert d.send("SA", 0, 1, options=syn_options()) == ["A 1 ack 1"]
    assert (d.c.state, d.c.error, d.c.changed) == (State.ESTABLISHED, None, True)


def test_a_passive_open() -> None:
    d = syn_received()
    assert d.c.state is State.SYN_RECEIVED
    assert d.send("A", 1, 1) == []
    assert d.c.state is State.ESTABLISHED


@pytest.mark.parametrize("offered", [True, False])
def test_a_syn_ack_offers_only_what_the_syn_offered(offered: bool) -> None:
    d = Dialogue(TcpConfig(mss=1460))
    options = syn_options(1400, window_scale=3, timestamps=True, tsval=55) if offered else syn_options(1400, sack=False)
    d.c.accept(d.segment("S", 0, options=options), d.now)
    (syn_ack,) = d.c.to_send(d.now)
    found = read(syn_ack.options)
    assert found.mss == 1460
    assert (found.window_scale, found.sack_permitted, found.tsval, found.tsecr) == (
        (7, True, 10_000, 55) if offered else (-1, False, -1, 0)
    )
    assert d.c.snd_mss == (1388 if offered else 1400)  # RFC 6691: the MSS counts no options


@pytest.mark.parametrize(
    ("announced", "timestamps", "sending"),
    [(1460, False, 1460), (1460, True, 1448), (9000, False, 8961), (-1, False, 536), (-1, True, 524), (0, False, 48)],
)
def test_the_send_mss_is_the_smaller_one_less_the_timestamps(announced: int, timestamps: bool, sending: int) -> None:
    d = Dialogue(TcpConfig(mss=8961))
    d.c.accept(d.segment("S", 0, options=syn_options(announced, timestamps=timestamps)), d.now)
    assert d.c.snd_mss == sending


def test_windows_are_scaled_except_in_a_syn() -> None:
    d = Dialogue(TcpConfig(mss=1000, timestamps=False, receive_buffer=1 << 20))
    d.c.accept(d.segment("S", 0, options=syn_options(window_scale=4)), d.now)
    assert d.answers(windows=True) == ["SA 0 ack 1 win 65535"]
    d.send("A", 1, 1, window=2000)
    assert d.c.snd_wnd == 2000 << 4
    d.c.write(b"x", d.now)
    assert d.answers(windows=True) == ["PA 1+1 ack 1 win 8192"]


def test_without_window_scaling_nothing_is_scaled() -> None:
    d = Dialogue(TcpConfig(mss=1000, timestamps=False, receive_buffer=1 << 20))
    d.c.accept(d.segment("S", 0, options=syn_options()), d.now)
    d.answers()
    d.send("A", 1, 1, window=2000)
    d.c.write(b"x", d.now)
    assert (d.answers(windows=True), d.c.snd_wnd) == (["PA 1+1 ack 1 win 65535"], 2000)


def test_syns_are_repeated_as_linux_does_and_given_up_after_127_seconds() -> None:
    d = syn_sent()
    ladder = d.wait(126 * SECOND)
    assert ladder == [(at * 1000, "S 0") for at in (1, 3, 7, 15, 31, 63)]
    assert d.c.state is State.SYN_SENT
    assert d.wait(SECOND) == []
    assert (d.c.state, d.c.error, d.c.deadline) == (State.CLOSED, Failure.TIMED_OUT, -1)
    assert d.c.error == "timed-out"


def test_syn_acks_are_repeated_five_times() -> None:
    d = syn_received()
    assert d.wait(62 * SECOND) == [(at * 1000, "SA 0 ack 1") for at in (1, 3, 7, 15, 31)]
    d.wait(2 * SECOND)
    assert (d.c.state, d.c.error) == (State.CLOSED, Failure.TIMED_OUT)


def test_a_repeated_syn_is_answered_with_the_syn_ack_again() -> None:
    d = syn_received()
    assert d.send("S", 0) == ["SA 0 ack 1"]


def test_a_refused_syn() -> None:
    d = syn_sent()
    assert d.send("RA", 0, 1) == []
    assert (d.c.state, d.c.error, d.c.deadline) == (State.CLOSED, Failure.REFUSED, -1)


@pytest.mark.parametrize(("flags", "ack"), [("R", 1), ("RA", 2), ("RA", 0), ("FA", 1), ("A", 1)])
def test_in_syn_sent_what_does_not_fit_is_ignored(flags: str, ack: int) -> None:
    d = syn_sent()
    assert d.send(flags, 0, ack) == []
    assert d.c.state is State.SYN_SENT


@pytest.mark.parametrize("state", [syn_sent, syn_received])
def test_before_the_handshake_ends_a_wrong_acknowledgment_is_answered_with_a_reset(state) -> None:
    d = state()
    assert d.send("A", 1, 77) == ["R 77"]


def test_simultaneous_open() -> None:
    """RFC 9293 figure 8."""
    d = syn_sent()
    assert d.send("S", 0, options=syn_options()) == ["SA 0 ack 1"]
    assert d.c.state is State.SYN_RECEIVED
    d.send("SA", 0, 1)
    assert d.c.state is State.ESTABLISHED


def test_a_reset_in_syn_received_ends_the_attempt() -> None:
    d = syn_received()
    d.send("R", 1)
    assert (d.c.state, d.c.error) == (State.CLOSED, Failure.REFUSED)


def test_what_is_written_before_the_handshake_ends_follows_it() -> None:
    d = syn_sent()
    assert d.write(300) == []
    assert (d.c.unacknowledged(), d.c.unsent()) == (300, 300)
    assert d.send("SA", 0, 1, options=syn_options()) == ["PA 1+300 ack 1"]
    assert (d.c.unacknowledged(), d.c.unsent()) == (300, 0)


def test_the_handshake_is_the_first_round_trip_measured() -> None:
    assert established(rtt=50 * MS).c.estimator.srtt == 50 * MS


def test_after_a_lost_syn_data_starts_with_three_seconds_and_one_segment() -> None:
    """RFC 6298 section 5.7; RFC 5681 section 3.1."""
    d = syn_sent()
    assert len(d.wait(SECOND)) == 1
    d.send("SA", 0, 1, options=syn_options())
    assert d.write(3000) == ["A 1+1000 ack 1"]
    assert [at for at, _ in d.wait(8 * SECOND)] == [3000]


def test_a_duplicate_syn_ack_is_acknowledged_again() -> None:
    d = established()
    assert d.send("SA", 0, 1, options=syn_options()) == ["A 1 ack 1"]


def test_close_in_syn_received_waits_for_the_handshake() -> None:
    d = syn_received()
    d.c.close(d.now)
    assert d.answers() == []
    assert d.send("A", 1, 1) == ["FA 1 ack 1"]
    assert d.c.state is State.FIN_WAIT_1
