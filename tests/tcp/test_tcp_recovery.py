"""Loss: fast recovery with and without SACK, timeouts, giving up."""

from __future__ import annotations

from emulator.tcp import Failure, State
from tests.tcp.dialogue import MS, SECOND, Dialogue, established


def in_flight(segments: int = 10, *, sack: bool = True, timestamps: bool = False) -> Dialogue:
    """``segments`` segments of 1000 octets are outstanding, and more is queued."""
    d = established(window=65535, sack=sack, timestamps=timestamps)
    assert len(d.write(50_000)) == 10
    assert segments == 10
    return d


def ack(d: Dialogue, number: int, *sack: tuple[int, int]) -> list[str]:
    return d.send("A", 1, number, window=65535, sack=sack)


# -- with SACK: RFC 6675


def test_sack_two_duplicates_send_new_data() -> None:
    """RFC 3042, RFC 6675 section 5 step 3: what was SACKed has left the network."""
    d = in_flight()
    assert ack(d, 1, (1001, 2001)) == ["A 10001+1000 ack 1"]
    assert ack(d, 1, (1001, 3001)) == ["A 11001+1000 ack 1"]
    assert d.c.congestion.cwnd == 10_000


def test_sack_the_third_duplicate_sends_the_hole_and_halves() -> None:
    d = in_flight()
    ack(d, 1, (1001, 2001))
    ack(d, 1, (1001, 3001))
    assert ack(d, 1, (1001, 4001)) == ["A 1+1000 ack 1"]
    assert d.c.congestion.ssthresh == 6000  # half of the 12 outstanding
    assert d.c.congestion.cwnd == 9000  # on the way there: 8 in flight and the one just sent (PRR)


def test_sack_recovery_sends_as_the_pipe_drains_and_ends_at_the_recovery_point() -> None:
    d = in_flight()
    sent = [ack(d, 1, (1001, 1001 + 1000 * n)) for n in range(1, 10)]
    assert sent[:3] == [["A 10001+1000 ack 1"], ["A 11001+1000 ack 1"], ["A 1+1000 ack 1"]]
    # PRR (RFC 9937): 6 of the 10 that were in flight are left, so six leave for ten that arrive; the first has left.
    assert sent[3:6] == [["A 12001+1000 ack 1"], [], ["A 13001+1000 ack 1"]]
    assert sent[6:] == [[], [], ["A 14001+1000 ack 1"]]  # what is in flight has come down to ssthresh and stays there
    assert ack(d, 12_001) == ["A 15001+1000 ack 1", "A 16001+1000 ack 1", "A 17001+1000 ack 1"]
    assert (d.c.mode, d.c.congestion.cwnd, d.c.scoreboard.total) == (0, 6000, 0)


def test_sack_all_known_holes_are_filled_before_new_data() -> None:
    d = in_flight()
    ack(d, 1, (1001, 2001))
    ack(d, 1, (3001, 4001), (1001, 2001))
    assert ack(d, 1, (5001, 6001), (3001, 4001), (1001, 2001)) == ["A 1+1000 ack 1"]
    sent = []
    for n in range(6, 10):
        sent += ack(d, 1, (5001, 1001 + 1000 * n), (3001, 4001), (1001, 2001))
    # Holes 2001 and 4001 follow as they are known lost and the pipe (6 segments) has room; then new data.
    assert sent[:2] == ["A 2001+1000 ack 1", "A 4001+1000 ack 1"]
    assert all(line.split("+")[0] > "A 10000" for line in sent[2:])


def test_sack_many_octets_above_prove_a_loss_before_three_duplicates() -> None:
    """RFC 6675 IsLost: more than (DupThresh - 1) * SMSS octets SACKed above."""
    d = in_flight()
    # Three of ten arrived, the window halves: two may leave (PRR).
    assert ack(d, 1, (1001, 4001)) == ["A 1+1000 ack 1", "A 10001+1000 ack 1"]


def test_sack_retransmissions_stop_at_the_next_block() -> None:
    d = in_flight()
    assert ack(d, 1, (301, 5301))[0] == "A 1+300 ack 1"


def test_sack_the_last_segment_is_sent_once_more_as_a_rescue() -> None:
    """RFC 6675 NextSeg rule 4: nothing new to send, and the tail may be lost too."""
    d = established(window=65535)
    d.write(8000)
    assert ack(d, 1, (1001, 5001)) == ["A 1+1000 ack 1"]
    assert ack(d, 1, (1001, 6001)) == ["PA 7001+1000 ack 1"]
    assert ack(d, 6001) == []  # once is enough


def test_sack_blocks_below_the_cumulative_acknowledgment_change_nothing() -> None:
    """D-SACK (RFC 2883)."""
    d = in_flight()
    ack(d, 3001)
    for _ in range(4):
        assert ack(d, 3001, (1001, 2001)) == []
    assert d.c.mode == 0


def test_sack_duplicates_without_news_do_not_count() -> None:
    d = in_flight()
    ack(d, 1, (1001, 2001))
    for _ in range(5):
        ack(d, 1, (1001, 2001))
    assert (d.c.dupacks, d.c.mode) == (1, 0)


def test_sack_reordering_of_two_segments_retransmits_nothing() -> None:
    d = in_flight()
    assert ack(d, 1, (1001, 2001)) == ["A 10001+1000 ack 1"]
    assert all("A 1+" not in line for line in ack(d, 2001))
    assert (d.c.mode, d.c.dupacks, d.c.scoreboard.total) == (0, 0, 0)


# -- without SACK: RFC 6582


def test_newreno_three_duplicates_send_the_first_segment_again() -> None:
    d = in_flight(sack=False)
    assert ack(d, 1) == ["A 10001+1000 ack 1"]  # RFC 3042
    assert ack(d, 1) == ["A 11001+1000 ack 1"]
    assert ack(d, 1) == ["A 1+1000 ack 1"]
    assert (d.c.congestion.cwnd, d.c.inflation) == (6000, 3000)


def test_newreno_further_duplicates_inflate_the_window() -> None:
    d = in_flight(sack=False)
    for _ in range(3):
        ack(d, 1)
    assert [ack(d, 1) for _ in range(4)] == [[], [], [], ["A 12001+1000 ack 1"]]


def test_newreno_a_partial_acknowledgment_sends_the_next_hole() -> None:
    d = in_flight(sack=False)
    for _ in range(3):
        ack(d, 1)
    assert ack(d, 4001)[0] == "A 4001+1000 ack 1"
    assert d.c.mode == 1
    ack(d, 12_001)
    assert d.c.mode == 0
    assert d.c.congestion.cwnd <= d.c.congestion.ssthresh


def test_newreno_only_the_first_partial_acknowledgment_restarts_the_timer() -> None:
    d = in_flight(sack=False)
    for _ in range(3):
        ack(d, 1)
    d.now += 100 * MS
    ack(d, 4001)
    due = d.c.rto_at
    assert due == d.now + d.c.rto
    d.now += 100 * MS
    ack(d, 6001)
    assert d.c.rto_at == due


def test_newreno_duplicates_of_segments_sent_again_do_not_start_a_recovery() -> None:
    """RFC 6582 section 4: after a timeout, not before everything outstanding then is acknowledged."""
    d = in_flight(sack=False)
    d.wait(250 * MS)
    for _ in range(5):
        ack(d, 1)
    assert d.c.mode == 2
    ack(d, 10_001)
    for _ in range(5):
        assert "A 10001+" not in "".join(ack(d, 10_001))
    assert d.c.mode == 0


def test_a_duplicate_with_data_or_another_window_is_not_a_duplicate() -> None:
    """RFC 5681 section 2."""
    d = in_flight(sack=False)
    d.send("A", 1, 1, b"x", window=65535)
    d.send("A", 2, 1, b"x", window=65535)
    d.send("A", 3, 1, window=65000)
    d.send("A", 3, 1, window=64000)
    assert d.c.dupacks == 0


# -- the retransmission timeout


def test_a_timeout_sends_everything_again_from_one_segment_on() -> None:
    d = in_flight()
    assert d.wait(250 * MS) == [(210, "A 1+1000 ack 1")]
    assert (d.c.congestion.cwnd, d.c.congestion.ssthresh) == (1000, 5000)
    # F-RTO (RFC 5682): new data first, to see whether it was spurious; it was not, a duplicate says.
    assert ack(d, 1001) == ["A 10001+1000 ack 1", "A 11001+1000 ack 1"]
    assert ack(d, 1001, (10_001, 11_001)) == ["A 1001+1000 ack 1"]
    assert ack(d, 1001, (10_001, 12_001)) == ["A 2001+1000 ack 1"]
    assert ack(d, 3001, (10_001, 12_001)) == ["A 3001+1000 ack 1", "A 4001+1000 ack 1", "A 5001+1000 ack 1"]
    assert ack(d, 12_001)[0] == "A 12001+1000 ack 1"
    assert d.c.mode == 0


def last_words(timestamps: bool = False) -> Dialogue:
    """Nothing more is queued, so that F-RTO has nothing to try."""
    d = established(window=65535, timestamps=timestamps)
    assert len(d.write(10_000)) == 10
    return d


def test_after_a_timeout_what_was_sacked_is_not_sent_again() -> None:
    d = last_words()
    ack(d, 1, (2001, 3001))
    assert d.wait(250 * MS) == [(210, "A 1+1000 ack 1")]
    assert ack(d, 1001, (2001, 3001)) == ["A 1001+1000 ack 1", "A 3001+1000 ack 1"]


def test_a_peer_that_reneges_gets_everything_again() -> None:
    """RFC 2018 section 8."""
    d = last_words()
    ack(d, 1, (1001, 3001))
    ack(d, 1001)  # it had 1001 to 3000, it said
    assert d.c.scoreboard.total == 0
    assert d.wait(250 * MS)[0][1] == "A 1001+1000 ack 1"
    assert ack(d, 2001) == ["A 2001+1000 ack 1", "A 3001+1000 ack 1"]


def test_timeouts_double_and_hold_ssthresh() -> None:
    """RFC 6298 (5.5), RFC 5681 section 3.1."""
    d = in_flight()
    assert [at for at, _ in d.wait(4 * SECOND)] == [210, 630, 1470, 3150]
    assert d.c.congestion.ssthresh == 5000


def test_the_timer_runs_anew_with_each_acknowledgment() -> None:
    """RFC 6298 (5.3)."""
    d = in_flight()
    d.wait(150 * MS)
    ack(d, 1001)
    assert d.wait(200 * MS) == []


def test_what_was_sent_twice_is_not_timed() -> None:
    """Karn's algorithm: the timeout stays doubled until something new was measured."""
    d = in_flight()
    d.wait(250 * MS)
    before = d.c.estimator.srtt
    ack(d, 1001)
    assert (d.c.estimator.srtt, d.c.rto) == (before, 420 * MS)
    ack(d, 10_001)
    d.now += 20 * MS
    ack(d, 12_001)
    assert d.c.rto < 300 * MS


def test_an_echoed_timestamp_tells_which_copy_was_acknowledged() -> None:
    """RFC 7323 section 4: with timestamps the timeout need not stay doubled."""
    d = in_flight(timestamps=True)
    d.wait(250 * MS)
    d.now += 10 * MS
    tsval = d.now // MS + 10_000 - 10
    d.send("A", 1, 989, window=65535, tsval=5, tsecr=tsval)
    assert d.c.rto < 300 * MS


def test_data_is_given_up_after_fifteen_retransmissions_as_linux_does() -> None:
    """tcp_retries2: 924.6 s from a timeout of 200 ms."""
    d = established(rtt=1)
    d.write(100)
    repeated = d.wait(924 * SECOND)
    assert [at for at, _ in repeated][:4] == [200, 600, 1400, 3000]
    assert (len(repeated), repeated[-1]) == (15, (804_600, "PA 1+100 ack 1"))
    assert d.c.state is State.ESTABLISHED
    d.wait(SECOND)
    assert (d.c.state, d.c.error, d.c.deadline) == (State.CLOSED, Failure.TIMED_OUT, -1)


def test_data_beyond_a_window_that_shrank_to_nothing_is_not_given_up_while_the_peer_answers() -> None:
    """RFC 9293 section 3.8.6, SHLD-17: a peer whose program does not read, and that is there."""
    d = established(rtt=1)
    d.write(100)
    for _ in range(20):
        assert [text for _, text in d.wait(121 * SECOND)][-1:] == ["PA 1+100 ack 1"]
        assert d.send("A", 1, 1, window=0) == []
    assert d.c.state is State.ESTABLISHED
    assert d.send("A", 1, 1, window=1000) == []
    assert [text for _, text in d.wait(121 * SECOND)] == ["PA 1+100 ack 1"]
    d.send("A", 1, 101)
    assert d.c.rto_at == -1


def test_once_it_answers_no_more_it_is_given_up() -> None:
    d = established(rtt=1)
    d.write(100)
    for _ in range(20):
        d.wait(121 * SECOND)
        d.send("A", 1, 1, window=0)
    d.wait(4000 * SECOND)
    assert (d.c.state, d.c.error) == (State.CLOSED, Failure.TIMED_OUT)


def test_one_acknowledgment_in_time_starts_the_count_anew() -> None:
    d = established(rtt=1)
    d.write(2000)
    d.wait(900 * SECOND)
    d.send("A", 1, 1001)
    d.wait(900 * SECOND)
    assert d.c.state is State.ESTABLISHED
