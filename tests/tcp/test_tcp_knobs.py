"""What socket options do to a connection: Nagle and corks, keepalives, patience, probes of closed windows."""

from __future__ import annotations

import pytest

from emulator.tcp import PROFILES, Failure, State, TcpConfig

from .dialogue import MS, PAYLOAD, SECOND, Dialogue, established, fin_wait_2, syn_options, syn_sent


def config(**changes) -> TcpConfig:
    return TcpConfig(**{"mss": 1000, "timestamps": False, "rack": False} | changes)


def nagling(**changes) -> Dialogue:
    return established(config(nodelay=False, **changes))


# -- Nagle's algorithm and corks


def test_nagle_holds_a_small_segment_while_another_small_one_is_on_its_way() -> None:
    d = nagling()
    assert d.write(100) == ["PA 1+100 ack 1"]
    assert d.write(100) == []
    assert d.write(50) == []
    assert d.send("A", 1, 101) == ["PA 101+150 ack 1"]


def test_nagle_with_minshalls_change_lets_a_small_segment_follow_full_ones() -> None:
    d = nagling()
    assert d.write(2100) == ["A 1+1000 ack 1", "PA 1001+1000 ack 1", "PA 2001+100 ack 1"]
    assert d.write(10) == []


def test_nagle_never_holds_full_segments_nor_the_end_of_data() -> None:
    d = nagling()
    d.write(100)
    assert d.write(1000) == ["PA 101+1000 ack 1"]
    d.write(10)
    d.c.close(d.now)
    assert d.answers() == ["FPA 1101+10 ack 1"]


def test_turning_nagle_off_sends_what_it_held() -> None:
    d = nagling()
    d.write(100)
    assert d.write(100) == []
    d.c.set_nodelay(True, d.now)
    assert d.answers() == ["PA 101+100 ack 1"]
    assert d.write(1) == ["PA 201+1 ack 1"]
    d.c.set_nodelay(False, d.now)
    assert d.write(1) == []


def test_a_cork_holds_less_than_a_segment_until_it_is_drawn() -> None:
    d = established(config())
    d.c.set_cork(True, d.now)
    assert d.write(40) == []
    assert d.write(1000) == ["A 1+1000 ack 1"]
    d.c.set_cork(False, d.now)
    assert d.answers() == ["PA 1001+40 ack 1"]


def test_a_cork_bursts_after_the_time_of_a_retransmission() -> None:
    d = established(config())
    d.c.set_cork(True, d.now)
    d.write(40)
    assert d.wait(300 * MS) == [(210, "PA 1+40 ack 1")]


def test_more_to_follow_holds_back_this_once_and_is_not_pushed() -> None:
    d = established(config())
    d.c.write(PAYLOAD[:40], d.now, more=True)
    assert d.answers() == []
    assert d.write(10) == ["PA 1+50 ack 1"]
    d.c.write(PAYLOAD[:40], d.now, more=True)
    assert d.answers() == []
    assert d.send("A", 1, 51) == ["A 51+40 ack 1"]  # an acknowledgment lets it go, as on Linux


# -- keepalives


def kept(**changes) -> Dialogue:
    d = established(config(keep_idle=10 * SECOND, keep_interval=2 * SECOND, keep_count=3, **changes))
    d.c.set_keepalive(True, d.now)
    return d


def test_keepalives_begin_after_the_idle_time_and_end_with_a_reset() -> None:
    d = kept()
    assert d.wait(60 * SECOND) == [
        (10_000, "A 0 ack 1"),
        (12_000, "A 0 ack 1"),
        (14_000, "A 0 ack 1"),
        (16_000, "RA 1 ack 1"),
    ]
    assert (d.c.state, d.c.error) == (State.CLOSED, Failure.TIMED_OUT)


def test_an_answer_to_a_keepalive_begins_the_idle_time_anew() -> None:
    d = kept()
    assert d.wait(10 * SECOND) == [(10_000, "A 0 ack 1")]
    assert d.send("A", 1, 1) == []
    assert d.wait(11 * SECOND) == [(10_000, "A 0 ack 1")]


def test_data_puts_keepalives_off() -> None:
    d = kept()
    d.wait(6 * SECOND)
    d.send("A", 1, 1, b"x" * 100)
    d.take()
    d.wait(100 * MS)
    assert next(after for after, _ in d.wait(20 * SECOND)) == 9_900


def test_what_is_not_acknowledged_is_sent_again_and_not_asked_about() -> None:
    d = kept(retries2=4)
    d.wait(9 * SECOND)
    d.write(100)
    assert all("+100" in line for _, line in d.wait(5 * SECOND))


def test_keepalives_may_be_asked_for_before_the_handshake_and_turned_off() -> None:
    d = syn_sent(config(keep_idle=SECOND))
    d.c.set_keepalive(True, d.now)
    d.send("SA", 0, 1, options=syn_options())
    assert d.wait(1500 * MS) == [(1000, "A 0 ack 1")]
    d.send("A", 1, 1)
    d.c.set_keepalive(False, d.now)
    assert d.wait(100 * SECOND) == []


def test_new_times_of_keepalives_hold_at_once() -> None:
    d = kept()
    d.c.set_keep_times(3 * SECOND, SECOND, 1, d.now)
    assert d.wait(20 * SECOND) == [(3000, "A 0 ack 1"), (4000, "RA 1 ack 1")]


def test_with_a_user_timeout_that_decides_how_long_keepalives_wait() -> None:
    d = kept()
    d.c.user_timeout = 17 * SECOND
    assert d.wait(60 * SECOND)[-1] == (18_000, "RA 1 ack 1")


# -- patience


def test_a_user_timeout_ends_retransmissions() -> None:
    d = established(config())
    d.c.user_timeout = 3 * SECOND
    d.write(100)
    sent = d.wait(60 * SECOND)
    assert d.c.error is Failure.TIMED_OUT
    assert [after for after, _ in sent] == [210, 630, 1470, 3150]  # and at 3210 patience ends


def test_what_nobody_owns_any_more_is_retried_less_often() -> None:
    d = established(config(orphan_retries=3))
    d.write(100)
    d.c.release(d.now)
    d.answers()
    assert len(d.wait(1000 * SECOND)) == 3
    assert d.c.state is State.CLOSED


def test_fin_wait_2_ends_after_its_own_time() -> None:
    d = fin_wait_2()
    d.c.config.fin_wait_2 = 5 * SECOND
    d.c.release(d.now)
    d.wait(4 * SECOND)
    assert d.c.state is State.FIN_WAIT_2
    d.wait(2 * SECOND)
    assert d.c.state is State.CLOSED


# -- closed windows


def test_linux_probes_a_closed_window_with_an_old_number() -> None:
    d = established(config(probe_with_data=False), window=1000)
    d.write(2000)
    d.send("A", 1, 1001, window=0)
    assert d.wait(1500 * MS) == [(208, "A 1000 ack 1"), (626, "A 1000 ack 1"), (1461, "A 1000 ack 1")]


def test_answered_probes_go_on_for_ever_but_not_for_nobody() -> None:
    def probe_for(d: Dialogue, hours: int) -> None:
        end = d.now + hours * 3600 * SECOND
        while d.now < end and d.c.state is not State.CLOSED:
            if d.wait(max(d.c.deadline - d.now, 1)):
                d.send("A", 1, 1001, window=0)

    d = established(config(retries2=5, orphan_retries=5), window=1000)
    d.write(2000)
    d.send("A", 1, 1001, window=0)
    probe_for(d, 2)
    assert d.c.state is State.ESTABLISHED
    d.c.release(d.now)
    probe_for(d, 2)
    assert d.c.state is State.CLOSED


def test_a_user_timeout_ends_the_probing_of_a_window_though_it_is_answered() -> None:
    d = established(config(), window=1000)
    d.c.user_timeout = 5 * SECOND
    d.write(2000)
    d.send("A", 1, 1001, window=0)
    for _ in range(20):
        for _ in d.wait(500 * MS):
            d.send("A", 1, 1001, window=0)
    assert d.c.error is Failure.TIMED_OUT


# -- what ICMP may quote


@pytest.mark.parametrize(
    ("seq", "believed"), [(0, False), (1, True), (2000, True), (2001, False), (4_000_000_000, False)]
)
def test_only_what_is_on_its_way_is_believed_of_an_icmp_error(seq: int, believed: bool) -> None:
    d = established(config())
    d.write(2000)
    assert d.c.is_on_its_way(d.c.iss + seq & 0xFFFFFFFF) is believed


def test_a_smaller_segment_size_is_announced_and_kept_to() -> None:
    d = Dialogue(config())
    d.c.set_mss(600)
    d.c.connect(0)
    assert d.c.to_send(0)[0].options[:4] == b"\x02\x04\x02\x58"
    d.send("SA", 0, 1, options=syn_options())
    assert d.write(700)[0] == "A 1+600 ack 1"


# -- acknowledgments on demand


def test_quick_acknowledgments_can_be_asked_for() -> None:
    d = established(PROFILES["linux"].tcp_config(mss=1000, timestamps=False))
    d.c.set_quickack(False, d.now)
    assert d.send("A", 1, 1, b"x" * 100) == []
    d.c.set_quickack(True, d.now)
    assert d.answers() == ["A 1 ack 101"]
    d.take()
    assert d.send("A", 101, 1, b"x" * 100) == ["A 1 ack 201"]
