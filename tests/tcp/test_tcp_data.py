"""ESTABLISHED, nothing lost: segments, acknowledgments, windows."""

from __future__ import annotations

import pytest

from emulator.tcp import State, TcpConfig
from emulator.wire.packet import DF
from tests.tcp.dialogue import MS, PAYLOAD, SECOND, Dialogue, established, syn_options


def test_psh_is_on_the_last_segment_of_what_was_written() -> None:
    d = established()
    assert d.write(2500) == ["A 1+1000 ack 1", "A 1001+1000 ack 1", "PA 2001+500 ack 1"]


def test_writing_nothing_sends_nothing() -> None:
    d = established()
    before = d.c.next_at()
    assert (d.write(0), d.c.unsent(), d.c.next_at()) == ([], 0, before)


def test_segments_span_writes_once_they_wait() -> None:
    d = established(window=1000)
    assert d.write(700) == ["PA 1+700 ack 1"]
    for _ in range(4):
        assert d.write(400) == []
    assert d.send("A", 1, 701) == ["A 701+1000 ack 1", "PA 1701+600 ack 1"]
    assert b"".join(p.payload for p in d.packets) == PAYLOAD[:400] * 4


def test_every_segment_has_df_its_own_ident_and_the_right_length() -> None:
    d = established(timestamps=True)
    first = d.c.ident
    d.write(3000)
    assert [(p.fragment, p.ident, p.length, p.ttl) for p in d.packets] == [
        (DF, first, 52 + 988, 64),
        (DF, first + 1, 52 + 988, 64),
        (DF, first + 2, 52 + 988, 64),
        (DF, first + 3, 52 + 36, 64),
    ]


def test_the_initial_window_is_ten_segments() -> None:
    d = established(window=65535)
    assert len(d.write(60_000)) == 10


def test_slow_start_opens_by_two_segments_for_each_delayed_acknowledgment() -> None:
    d = established(window=65535)
    d.write(60_000)
    assert len(d.send("A", 1, 2001, window=65535)) == 4
    assert len(d.send("A", 1, 4001, window=65535)) == 4


def test_cwnd_does_not_grow_while_it_is_not_the_limit() -> None:
    d = established(window=3000)
    before = d.c.congestion.cwnd
    for i in range(20):
        d.write(1000)
        d.send("A", 1, 1001 + 1000 * i, window=3000)
    assert d.c.congestion.cwnd == before


def test_after_an_idle_period_sending_resumes_with_the_initial_window() -> None:
    """RFC 5681 section 4.1."""
    d = established(window=65535)
    sent = d.write(40_000)
    acked = 1
    while sent:
        acked += 1000 * len(sent)
        sent = d.send("A", 1, acked, window=65535)
    assert d.c.congestion.cwnd > 12_000
    d.wait(10 * SECOND)
    assert len(d.write(60_000)) == 10


def test_the_second_full_segment_is_acknowledged_at_once() -> None:
    d = established()
    assert d.send("A", 1, 1, PAYLOAD[:1000]) == []
    assert d.send("A", 1001, 1, PAYLOAD[:1000]) == ["A 1 ack 2001"]
    assert d.take() == PAYLOAD[:1000] * 2


def test_a_lone_segment_is_acknowledged_after_40_milliseconds() -> None:
    d = established()
    d.send("PA", 1, 1, b"hello")
    assert d.wait(SECOND) == [(40, "A 1 ack 6")]


def test_small_segments_do_not_push_the_delayed_acknowledgment_back() -> None:
    d = established()
    answers = []
    for i in range(5):
        answers += d.send("PA", 1 + i, 1, b"x") + [line for _, line in d.wait(15 * MS)]
    assert answers == ["A 1 ack 4"]  # at 40 ms, when three had come


def test_an_acknowledgment_rides_on_data() -> None:
    d = established()
    d.send("PA", 1, 1, b"hello")
    assert d.write(5) == ["PA 1+5 ack 6"]
    assert d.wait(150 * MS) == []


def test_data_out_of_order_is_acknowledged_at_once_and_so_is_what_fills_the_gap() -> None:
    d = established(sack=False)
    assert d.send("A", 501, 1, b"b" * 500) == ["A 1 ack 1"]
    assert d.send("A", 1001, 1, b"c" * 500) == ["A 1 ack 1"]
    assert d.send("A", 1, 1, b"a" * 500) == ["A 1 ack 1501"]
    assert d.take() == b"a" * 500 + b"b" * 500 + b"c" * 500


def test_sack_blocks_name_the_latest_segment_first() -> None:
    """RFC 2018 section 4, the example's third case: every second segment is lost."""
    d = established()
    assert d.send("A", 501, 1, b"b" * 500) == ["A 1 ack 1 sack 501-1001"]
    assert d.send("A", 1501, 1, b"d" * 500) == ["A 1 ack 1 sack 1501-2001 sack 501-1001"]
    assert d.send("A", 2501, 1, b"f" * 500)[0].split(" sack ")[1:] == ["2501-3001", "1501-2001", "501-1001"]
    assert d.send("A", 2001, 1, b"e" * 500)[0].split(" sack ")[1:] == ["1501-3001", "501-1001"]
    assert d.send("A", 1, 1, b"a" * 500) == ["A 1 ack 1001 sack 1501-3001"]
    assert d.send("A", 1001, 1, b"c" * 500) == ["A 1 ack 3001"]
    assert d.take() == b"".join(letter * 500 for letter in (b"a", b"b", b"c", b"d", b"e", b"f"))


def test_a_duplicate_is_acknowledged_at_once_and_delivered_once() -> None:
    d = established()
    d.send("A", 1, 1, b"x" * 500)
    assert d.send("A", 1, 1, b"x" * 500) == ["A 1 ack 501 sack 1-501"]  # RFC 2883
    assert d.send("A", 251, 1, b"x" * 500) == ["A 1 ack 751 sack 251-501"]
    assert d.take() == b"x" * 750


def test_what_arrived_twice_is_reported_once_before_all_other_blocks() -> None:
    """RFC 2883 section 4: a duplicate beyond the gap, whole and in part."""
    d = established()
    assert d.send("A", 1001, 1, b"x" * 500) == ["A 1 ack 1 sack 1001-1501"]
    assert d.send("A", 1001, 1, b"x" * 500) == ["A 1 ack 1 sack 1001-1501 sack 1001-1501"]
    assert d.send("A", 1301, 1, b"x" * 500) == ["A 1 ack 1 sack 1301-1501 sack 1001-1801"]
    assert d.send("A", 901, 1, b"x" * 200) == ["A 1 ack 1 sack 1001-1101 sack 901-1801"]
    assert d.send("A", 3001, 1, b"x" * 500) == ["A 1 ack 1 sack 3001-3501 sack 901-1801"]


def test_without_sack_nothing_is_reported_twice() -> None:
    d = established(sack=False)
    d.send("A", 1, 1, b"x" * 500)
    assert d.send("A", 1, 1, b"x" * 500) == ["A 1 ack 501"]


def test_data_beyond_the_window_is_cut() -> None:
    d = established(TcpConfig(mss=1000, timestamps=False, receive_buffer=2000))
    d.send("A", 1, 1, b"x" * 1500)
    d.take()
    assert d.send("A", 1501, 1, b"y" * 2500)[-1] == "A 1 ack 3501"
    assert d.take() == b"y" * 2000


def test_a_program_that_does_not_read_closes_the_window_and_reading_opens_it() -> None:
    d = established(TcpConfig(mss=1000, timestamps=False, receive_buffer=4000))
    windows = []
    for i in range(4):
        d.c.receive(d.segment("A", 1 + 1000 * i, 1, b"x" * 1000), d.now)
        windows += d.answers(windows=True)
    assert windows == ["A 1 ack 2001 win 2000", "A 1 ack 4001 win 0"]
    assert d.send("A", 4001, 1, b"p") == ["A 1 ack 4001"]  # a window probe is not taken
    assert len(d.take()) == 4000
    assert d.answers(windows=True) == ["A 1 ack 4001 win 4000"]
    d.send("A", 4001, 1, b"y" * 1000)
    assert d.take() == b"y" * 1000


def test_a_program_that_reads_keeps_the_window_open() -> None:
    d = established(TcpConfig(mss=1000, timestamps=False, receive_buffer=4000))
    for i in range(10):
        d.c.receive(d.segment("A", 1 + 1000 * i, 1, b"x" * 1000), d.now)
        assert all(line.endswith("win 4000") for line in d.answers(windows=True))
        d.take()
    assert d.answers() == []


def test_a_small_reading_is_not_announced() -> None:
    """RFC 9293 section 3.8.6.2.2: the right edge moves by a segment or half the buffer, or not at all."""
    d = established(TcpConfig(mss=1000, timestamps=False, receive_buffer=4000))
    d.send("A", 1, 1, b"x" * 100)
    d.send("A", 101, 1, b"x" * 100)
    d.wait(50 * MS)
    assert len(d.take()) == 200
    assert d.answers() == []
    d.write(1)
    assert [p.window for p in d.packets] == [4000]


def test_what_does_not_fit_the_window_waits() -> None:
    d = established(window=2500)
    assert d.write(4000) == ["A 1+1000 ack 1", "A 1001+1000 ack 1"]  # and no silly 500
    assert d.send("A", 1, 1001, window=2500) == ["A 2001+1000 ack 1"]
    assert d.send("A", 1, 2001, window=2500) == ["PA 3001+1000 ack 1"]


def test_half_of_the_largest_window_ever_is_worth_a_segment() -> None:
    """RFC 9293 section 3.8.6.2.1: a peer with a buffer smaller than a segment would never get one otherwise."""
    d = established(window=600)
    assert d.write(1500) == ["A 1+600 ack 1"]
    assert d.send("A", 1, 601, window=300) == ["A 601+300 ack 1"]
    assert d.send("A", 1, 901, window=299) == []
    assert d.wait(250 * MS) == [(207, "A 901+299 ack 1")]  # the override timeout


def test_a_closed_window_is_probed_with_backoff_for_as_long_as_the_peer_answers() -> None:
    d = established(window=0)
    assert d.write(3000) == []
    began, probes = d.now, []
    for _ in range(12):
        (_, line), *_ = d.wait(d.c.deadline - d.now)
        probes.append((d.now - began) // (10 * MS))
        assert line == "A 1+1 ack 1"
        assert d.send("A", 1, 1, window=0) == []
    assert probes[:5] == [21, 63, 147, 315, 651]  # 210 ms doubled
    assert probes[-1] - probes[-2] == 12_000  # at most 120 s apart
    assert d.c.state is State.ESTABLISHED
    assert d.send("A", 1, 1, window=8000) == ["A 1+1000 ack 1", "A 1001+1000 ack 1", "PA 2001+1000 ack 1"]


def test_unanswered_probes_end_with_timed_out() -> None:
    d = established(window=0)
    d.write(3000)
    assert len(d.wait(10_000 * SECOND)) == 15
    assert (d.c.state, d.c.error) == (State.CLOSED, "timed-out")


def test_a_probe_that_is_taken_counts_as_sent() -> None:
    d = established(window=0)
    d.write(1500)
    assert d.wait(SECOND)[0][1] == "A 1+1 ack 1"
    assert d.send("A", 1, 2, window=8000) == ["A 2+1000 ack 1", "PA 1002+499 ack 1"]


def test_a_fin_behind_a_closed_window_is_the_probe() -> None:
    d = established(window=0)
    d.c.close(d.now)
    assert d.answers() == []
    assert d.wait(300 * MS) == [(210, "FA 1 ack 1")]
    assert d.send("A", 1, 2, window=0) == []
    assert d.c.state is State.FIN_WAIT_2


def test_two_ends_whose_probes_were_taken_still_hear_each_other() -> None:
    """The peer's acknowledgment has a number from before our window, for we took its probe."""
    d = established(window=0)
    d.write(500)
    d.wait(300 * MS)
    assert d.send("A", 1, 1, b"p", window=0) == []
    d.take()
    assert d.send("A", 1, 2, window=8000)[0].startswith("PA 2+499")
    d.wait(100 * MS)
    assert d.send("A", 1, 501, window=8000) == ["A 501 ack 2"]
    assert d.c.unacknowledged() == 0


def test_an_old_segment_does_not_close_the_window() -> None:
    d = established(window=8000)
    d.send("A", 1, 1, b"x" * 100, window=8000)
    d.send("A", 1, 1, window=0)
    assert d.c.snd_wnd == 8000


def test_timestamps_echo_the_first_segment_that_is_not_acknowledged() -> None:
    """RFC 7323 section 4.3: so that a delayed acknowledgment measures its delay."""
    d = established(timestamps=True)
    d.send("A", 1, 1, PAYLOAD[:900], tsval=100)
    d.now += 3 * MS
    d.send("A", 901, 1, PAYLOAD[:900], tsval=103)
    assert [(p.tsval, p.tsecr) for p in d.packets] == [(10_013, 100)]


def test_old_timestamps_protect_against_wrapped_sequence_numbers() -> None:
    """RFC 7323 section 5.3, R1; also across the wrap of the timestamps themselves."""
    d = established(timestamps=True)
    d.send("A", 1, 1, b"new", tsval=50)
    d.wait(SECOND)
    assert d.send("A", 4, 1, b"old", tsval=49) == ["A 1 ack 4"]
    assert d.take() == b"new"
    d.wait(25 * 86_400 * SECOND)  # section 5.5: 24 days idle and the old timestamp proves nothing
    d.send("A", 4, 1, b"late", tsval=20)
    assert d.take() == b"late"


def test_a_segment_without_the_agreed_timestamps_is_dropped() -> None:
    d = established(timestamps=True)
    assert d.send("A", 1, 1, b"x" * 1000) == []
    assert d.take() == b""


def test_memory_is_released_as_acknowledgments_come() -> None:
    d = established(window=65535)
    for _ in range(10):
        d.write(1000)
    assert len(d.c.buffer.chunks) == 10
    d.send("A", 1, 4500, window=65535)
    assert len(d.c.buffer.chunks) == 6
    d.send("A", 1, 10_001, window=65535)
    assert (d.c.buffer.chunks, d.c.unacknowledged()) == ([], 0)


@pytest.mark.parametrize("window", [0, 500])
def test_the_deadline_goes_away_once_nothing_is_due(window: int) -> None:
    d = established()
    d.write(10)
    d.send("A", 1, 11, window=window)
    d.wait(10 * SECOND)
    assert d.c.deadline == -1


def test_urgent_data_is_ordinary_data() -> None:
    d = established()
    packet = d.segment("PA", 1, 1, b"now!")
    packet.flags |= 0x20
    packet.urgent = 4
    d.c.receive(packet, d.now)
    assert d.take() == b"now!"


def test_a_listening_peer_with_scaling_uses_the_large_window() -> None:
    d = Dialogue(TcpConfig(mss=1000, timestamps=False))
    d.c.accept(d.segment("S", 0, options=syn_options(window_scale=7)), d.now)
    d.answers()
    d.send("A", 1, 1, window=1000)
    assert d.c.snd_wnd == 128_000
