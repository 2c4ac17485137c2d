"""Losses noticed by time: RACK and tail loss probes (RFC 8985), PRR, F-RTO, undoing, ECN's echo."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.tcp.block import LOSS, OPEN, RECOVERY, REDUCING, RETRANSMISSION
from emulator.tcp.rack import MOST_STEPS, PERSIST, Rack
from emulator.tcp.transmissions import TRIM, Resent, SendLog
from emulator.wire.packet import CWR, ECE
from tests.tcp.dialogue import MS, Dialogue, established

RTT = 40 * MS


def in_flight(segments: int, queued: int = 0, **options) -> Dialogue:
    """``segments`` of 1000 octets left 40 ms ago, which is the round trip; ``queued`` octets wait behind them."""
    d = established(window=65535, modern=True, rtt=RTT, **options)
    assert len(d.write(1000 * segments + queued)) == min(segments + -(-queued // 1000), 10)
    d.now += RTT
    return d


def ack(d: Dialogue, number: int, *sack: tuple[int, int], **rest) -> list[str]:
    return d.send("A", 1, number, window=65535, sack=sack, **rest)


# -- RACK


def test_one_sack_waits_a_quarter_of_the_round_trip_before_what_was_overtaken_is_sent_again() -> None:
    """Section 6.2: the reordering window is min_rtt / 4; Linux adds two ticks to the timer."""
    d = in_flight(4)
    assert ack(d, 1, (3001, 4001)) == []
    assert d.wait(30 * MS) == [(12, "A 1+1000 ack 1")]
    assert (d.c.mode, d.c.scoreboard.lost.total) == (RECOVERY, 2000)


def test_what_was_overtaken_and_comes_within_the_window_is_not_sent_again() -> None:
    d = in_flight(4)
    ack(d, 1, (1001, 2001))
    d.now += 5 * MS
    ack(d, 2001)
    assert d.c.rack.reordered
    ack(d, 4001)
    assert d.wait(60 * MS) == []
    assert d.c.mode == OPEN


def test_three_segments_beyond_need_no_waiting_while_no_reordering_was_seen() -> None:
    """Section 6.2, step 4: as three duplicate acknowledgments did."""
    d = in_flight(5)
    assert ack(d, 1, (1001, 3001)) == []
    assert ack(d, 1, (1001, 4001)) == ["A 1+1000 ack 1"]


def test_three_segments_beyond_are_waited_for_once_reordering_was_seen() -> None:
    d = in_flight(5)
    d.c.rack.reordered = True
    assert ack(d, 1, (1001, 4001)) == []
    assert d.wait(30 * MS) == [(12, "A 1+1000 ack 1")]


def test_a_retransmission_that_is_lost_again_is_noticed_and_sent_again() -> None:
    """Section 3.2, what counting cannot do: the hole behind it was sent again later and has arrived."""
    d = in_flight(10)
    assert ack(d, 1, (4001, 7001)) == ["A 1+1000 ack 1", "A 1001+1000 ack 1", "A 2001+1000 ack 1"]  # 0.7 of 3
    d.now += RTT
    assert "A 1+1000 ack 1" in ack(d, 1, (1001, 2001), (4001, 7001))
    assert d.c.scoreboard.twice.lefts[0] == d.c.snd_una


def test_a_retransmission_acknowledged_too_soon_proves_nothing_about_others() -> None:
    """Section 6.2, step 2: within the smallest round trip it must be the first copy that arrived."""
    d = in_flight(10)
    ack(d, 1, (3001, 6001))
    sent_at = d.c.rack.sent_at
    d.now += 5 * MS
    ack(d, 1001, (3001, 6001))
    assert d.c.rack.sent_at == sent_at


def test_an_echo_older_than_the_retransmission_undoes_it_and_forgets_what_it_seemed_to_prove() -> None:
    d = in_flight(10, timestamps=True)
    stamp = d.packets[-1].tsval
    ack(d, 1, (2965, 5929), tsval=5, tsecr=stamp)
    assert d.c.mode == RECOVERY
    d.now += RTT
    ack(d, 989, (2965, 5929), tsval=5, tsecr=stamp)
    assert (d.c.mode, d.c.rack.sent_at, d.c.scoreboard.lost.total) == (OPEN, -1, 0)


def test_rack_the_window_widens_with_d_sacks_and_goes_back_after_sixteen_recoveries() -> None:
    rack = Rack()
    assert rack.window(40 * MS, 100 * MS, 1, repairing=False) == 10 * MS
    rack.on_dsack(10, 100)
    rack.on_dsack(50, 120)  # within the same round trip
    assert (rack.steps, rack.window(40 * MS, 100 * MS, 1, repairing=False)) == (2, 20 * MS)
    for i in range(400):
        rack.on_dsack(1000 * i + 100, 1000 * i + 1000)
    assert rack.steps == MOST_STEPS
    assert rack.window(40 * MS, 100 * MS, 1, repairing=False) == 100 * MS  # a smoothed round trip at most
    for _ in range(PERSIST - 1):
        rack.on_recovered()
    assert rack.steps == MOST_STEPS
    rack.on_recovered()
    assert (rack.steps, rack.persist) == (1, 0)


# -- tail loss probes


def test_a_lost_tail_is_probed_after_two_round_trips() -> None:
    """Section 7.2; the last segment goes again, and its SACK starts the repair."""
    d = established(window=65535, modern=True, rtt=RTT)
    d.write(5000)
    assert d.wait(100 * MS) == [(82, "PA 4001+1000 ack 1")]
    d.now += 22 * MS
    assert ack(d, 1, (4001, 5001)) == ["A 1+1000 ack 1"]


def test_a_probe_prefers_new_data() -> None:
    """Section 7.3: the window was full, the probe goes beyond it."""
    d = established(window=65535, modern=True, rtt=RTT)
    d.write(20_000)
    assert d.wait(100 * MS) == [(82, "A 10001+1000 ack 1")]
    assert not d.c.tlp_again


def test_one_segment_may_wait_for_a_delayed_acknowledgment() -> None:
    d = established(window=65535, modern=True, rtt=300 * MS)
    d.write(1000)
    assert d.wait(1000 * MS)[0] == (800, "PA 1+1000 ack 1")  # 2 SRTT + 200 ms, where the timeout is 900


def test_the_retransmission_timer_follows_the_probe_and_runs_anew() -> None:
    d = established(window=65535, modern=True, rtt=RTT)
    d.write(5000)
    assert d.wait(400 * MS) == [(82, "PA 4001+1000 ack 1"), (322, "A 1+1000 ack 1")]
    assert d.c.mode == LOSS


def test_a_probe_that_repaired_a_loss_costs_a_reduction() -> None:
    """Section 7.4.2: one acknowledgment beyond the probe, and none for the segment it repeated."""
    d = established(window=65535, modern=True, rtt=RTT)
    d.write(5000)
    d.wait(100 * MS)
    d.now += 22 * MS
    ack(d, 5001)
    assert d.c.congestion.cwnd >= 10_000
    d.write(1000)
    d.now += RTT
    ack(d, 6001)
    assert (d.c.congestion.ssthresh, d.c.mode, d.c.tlp_end) == (7000, OPEN, -1)


@pytest.mark.parametrize("dsack", [True, False])
def test_a_probe_that_was_not_needed_costs_nothing(dsack: bool) -> None:
    """Section 7.4.2: the duplicate, with a D-SACK or without, says that both copies arrived."""
    d = established(window=65535, modern=True, rtt=RTT)
    d.write(5000)
    d.wait(100 * MS)
    ack(d, 5001)
    assert d.c.tlp_end >= 0
    blocks = ((4001, 5001),) if dsack else ()
    ack(d, 5001, *blocks)
    assert (d.c.tlp_end, d.c.rack.steps) == (-1, 1)
    d.write(1000)
    d.now += RTT
    ack(d, 6001)
    assert d.c.congestion.ssthresh > 1_000_000


def test_new_data_probed_and_acknowledged_costs_nothing() -> None:
    d = established(window=65535, modern=True, rtt=RTT)
    d.write(20_000)
    d.wait(100 * MS)
    ack(d, 11_001)
    assert (d.c.tlp_end, d.c.mode) == (-1, OPEN)
    assert d.c.congestion.ssthresh > 1_000_000


def test_only_one_probe_is_outstanding_and_none_follows_a_loss() -> None:
    d = established(window=65535, modern=True, rtt=RTT)
    d.write(3000)
    d.wait(100 * MS)
    d.write(1000)
    assert [line for _, line in d.wait(200 * MS)] == []
    assert [line for _, line in d.wait(100 * MS)] == ["A 1+1000 ack 1"]


def test_a_probe_of_a_fin_carries_the_last_data_segment_or_the_fin() -> None:
    d = established(window=65535, modern=True, rtt=RTT)
    d.write(3000)
    d.c.close(d.now)
    assert d.answers() == ["FA 3001 ack 1"]
    assert d.wait(100 * MS) == [(82, "FA 3001 ack 1")]


# -- proportional rate reduction


def test_prr_sends_seven_for_ten_that_arrive() -> None:
    """RFC 9937: in proportion to CUBIC's 0.7; of 20 in flight 14 are left when the recovery ends."""
    d = established(window=65535, modern=True, rtt=RTT)
    d.write(60_000)
    d.now += RTT
    ack(d, 10_001)
    d.now += RTT
    assert d.c.congestion.cwnd == 20_000
    sent = [line for n in range(19) for line in ack(d, 10_001, (11_001, 12_001 + 1000 * n))]
    recovery = sent.index("A 10001+1000 ack 1")
    assert recovery == 2  # limited transmit
    assert d.c.congestion.ssthresh == 14_000
    assert 10 <= len(sent) - recovery <= 14
    ack(d, 32_001)
    assert (d.c.mode, d.c.congestion.cwnd) == (OPEN, 14_000)


@given(st.lists(st.integers(1, 3), min_size=1, max_size=12), st.integers(0, 8))
def test_prr_never_sends_more_than_arrives_and_one_for_each_good_sign(steps: list[int], holes: int) -> None:
    """RFC 9937 section 6: while in flight is below ssthresh, at most what arrived and a segment per acknowledgment."""
    d = in_flight(10, 30_000)
    first = 1001 + 1000 * holes
    right, sent, arrived, acks = first, 0, 0, 0
    for step in steps:
        if right >= d.c.snd_nxt - d.c.iss:
            break
        grown = min(right + 1000 * step, d.c.snd_nxt - d.c.iss)
        before = d.c.scoreboard.pipe(d.c.snd_una, d.c.snd_nxt)
        lines = ack(d, 1, (first, grown))
        arrived += grown - right
        right = grown
        if d.c.mode == RECOVERY:
            acks += 1
            sent += len(lines)
            assert sent * 1000 <= arrived + 1000 * acks
            assert d.c.scoreboard.pipe(d.c.snd_una, d.c.snd_nxt) <= max(before, d.c.congestion.ssthresh)
        d.now += MS


# -- spurious timeouts and retransmissions


def timed_out(**options) -> Dialogue:
    d = established(window=65535, modern=True, rtt=RTT, **options)
    d.write(40_000)
    d.c.racking = False  # no probe, to keep it short
    d.c._set_probe_times()
    d.c.timer = 0
    d.c._arm(d.now + d.c.rto)
    assert d.wait(240 * MS) == [(240, "A 1+1000 ack 1")]
    assert (d.c.mode, d.c.congestion.cwnd, d.c.congestion.ssthresh) == (LOSS, 1000, 7000)
    d.now += 5 * MS
    return d


def test_f_rto_a_timeout_whose_first_copies_arrive_is_undone() -> None:
    """RFC 5682 section 3.1: new data after the first acknowledgment; then one for data that was sent once."""
    d = timed_out()
    assert ack(d, 1001) == ["A 10001+1000 ack 1", "A 11001+1000 ack 1"]
    sent = ack(d, 2001)
    assert (d.c.mode, d.c.congestion.cwnd) == (OPEN, 11_000)  # as before, and this acknowledgment counts
    assert d.c.congestion.ssthresh > 1_000_000
    assert not [line for line in sent if line.startswith("A 1001")]


def test_f_rto_a_sack_of_data_sent_once_undoes_as_well() -> None:
    d = timed_out()
    ack(d, 1001)
    ack(d, 1001, (3001, 4001))
    assert (d.c.mode, d.c.congestion.cwnd) == (OPEN, 10_000)


def test_f_rto_a_duplicate_for_the_new_data_says_that_the_loss_was_real() -> None:
    d = timed_out()
    ack(d, 1001)
    assert ack(d, 1001, (10_001, 11_001)) == ["A 1001+1000 ack 1"]
    assert (d.c.mode, d.c.frto) == (LOSS, False)


def test_f_rto_works_without_sack() -> None:
    d = timed_out(sack=False)
    assert ack(d, 1001) == ["A 10001+1000 ack 1", "A 11001+1000 ack 1"]
    ack(d, 2001)
    assert (d.c.mode, d.c.congestion.cwnd) == (OPEN, 11_000)
    d = timed_out(sack=False)
    ack(d, 1001)
    assert ack(d, 1001) == ["A 1001+1000 ack 1"]  # a duplicate says that one of the new segments has arrived
    assert (d.c.mode, d.c.frto) == (LOSS, False)
    assert ack(d, 1001) == ["A 2001+1000 ack 1"]
    assert ack(d, 1001) == []


def test_eifel_an_echo_from_before_the_timeout_undoes_it_at_once() -> None:
    """RFC 3522: the acknowledgment was caused by the first copy."""
    d = established(window=65535, modern=True, rtt=RTT, timestamps=True)
    d.write(40_000)
    stamp = d.packets[-1].tsval
    d.wait(500 * MS)
    assert d.c.mode == LOSS
    ack(d, 989, tsval=5, tsecr=stamp)
    assert (d.c.mode, d.c.congestion.cwnd) == (OPEN, 9880 + 988)
    assert d.c.scoreboard.lost.total == 0


def test_eifel_a_fast_retransmission_for_mere_reordering_is_undone() -> None:
    d = in_flight(10, 30_000, timestamps=True)
    stamp = d.packets[-1].tsval
    ack(d, 1, (989, 4000), tsval=5, tsecr=stamp)
    assert d.c.mode == RECOVERY
    d.now += MS
    ack(d, 4000, tsval=5, tsecr=stamp)
    assert (d.c.mode, d.c.scoreboard.lost.total) == (OPEN, 0)
    assert d.c.congestion.cwnd >= 9880
    assert d.c.congestion.ssthresh > 1_000_000


def test_d_sacks_for_all_that_was_sent_again_undo_the_reduction() -> None:
    """RFC 3708; the window of reordering grows as well (RFC 8985)."""
    d = in_flight(10, 30_000)
    ack(d, 1, (1001, 4001))
    assert d.c.congestion.ssthresh == 7000
    d.now += 2 * MS
    ack(d, 10_001)
    assert (d.c.mode, d.c.congestion.cwnd) == (OPEN, 7000)
    ack(d, 10_001, (1, 1001))
    assert d.c.congestion.cwnd == 10_000
    assert d.c.congestion.ssthresh > 1_000_000
    assert d.c.rack.steps == 2


def test_a_d_sack_for_something_long_past_is_not_believed() -> None:
    d = in_flight(10)
    assert ack(d, 10_001, (-200_000, -199_000)) == []
    assert d.c.rack.steps == 1


def test_without_sack_eifel_undoes_a_partial_acknowledgment() -> None:
    d = in_flight(10, 30_000, sack=False, timestamps=True)
    stamp = d.packets[-1].tsval
    for _ in range(3):
        ack(d, 1, tsval=5, tsecr=stamp)
    assert d.c.mode == RECOVERY
    d.now += 2 * MS
    ack(d, 5000, tsval=5, tsecr=stamp)
    assert (d.c.mode, d.c.undo_marker) == (OPEN, -1)


# -- ECN


def with_ecn(segments: int, queued: int = 0, **options) -> Dialogue:
    d = established(window=65535, modern=True, rtt=RTT, **options)
    d.c.ecn_ok = True
    d.write(1000 * segments + queued)
    d.now += RTT
    return d


def echo(d: Dialogue, number: int) -> list[str]:
    packet = d.segment("A", 1, number, window=65535)
    packet.flags |= ECE
    d.c.receive(packet, d.now)
    return d.answers()


@pytest.mark.parametrize("sack", [True, False])
def test_an_echo_reduces_the_window_once_a_round_trip_and_is_answered(sack: bool) -> None:
    """RFC 3168 section 6.1.2."""
    d = with_ecn(10, 50_000, sack=sack)
    echo(d, 1001)
    echo(d, 2001)
    assert (d.c.mode, d.c.congestion.ssthresh) == (REDUCING, 7000)
    flags = []
    for number in range(3001, 10_002, 1000):
        echo(d, number)
        flags += [packet.flags & CWR for packet in d.packets]
    assert d.c.congestion.ssthresh == 7000
    assert d.c.mode == REDUCING  # until something beyond is acknowledged
    assert sum(flag != 0 for flag in flags) <= 1
    assert not d.c.cwr_wanted
    ack(d, 11_001)
    assert (d.c.mode, d.c.congestion.cwnd) == (OPEN, 7000)


def test_new_data_is_marked_as_ecn_capable_and_what_is_sent_again_is_not() -> None:
    """RFC 3168 sections 6.1.2 and 6.1.5."""
    d = with_ecn(10, 30_000)
    assert {packet.tos for packet in d.packets} == {2}
    ack(d, 1, (1001, 4001))
    again = [packet for packet in d.packets if packet.seq == d.c.snd_una & 0xFFFFFFFF]
    assert [packet.tos for packet in again] == [0]
    assert d.c.cwr_wanted or any(packet.flags & CWR for packet in d.packets)


def test_a_loss_while_an_echo_is_answered_reduces_no_further() -> None:
    d = with_ecn(10, 30_000)
    echo(d, 1001)
    ack(d, 1001, (2001, 5001))
    assert (d.c.mode, d.c.congestion.ssthresh) == (RECOVERY, 7000)


# -- when what was sent


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(0, 5)), min_size=1, max_size=40), st.data())
def test_the_log_knows_when_each_octet_left(bursts: list[tuple[int, int]], data: st.DataObject) -> None:
    log, model, end, now = SendLog(), {}, 0, 0
    for size, pause in bursts:
        now += pause
        for octet in range(end, end + size):
            model[octet] = now
        end += size
        log.note(end, now)
    una = data.draw(st.integers(0, end - 1))
    log.acknowledge(una)
    log.sweep()
    assert [log.sent_at(octet) for octet in range(una, end)] == [model[octet] for octet in range(una, end)]
    limit = data.draw(st.integers(0, now))
    assert max(log.sent_until(limit), una) == max([octet + 1 for octet in model if model[octet] <= limit] + [una])


def test_the_log_forgets_what_was_acknowledged() -> None:
    log = SendLog()
    for i in range(10 * TRIM):
        log.note(1000 * (i + 1), i)
        log.acknowledge(1000 * i)
    assert len(log.ends) <= TRIM + 10


pieces = st.tuples(st.integers(0, 40), st.integers(1, 10)).map(lambda pair: (pair[0], pair[0] + pair[1]))


@given(st.lists(st.tuples(pieces, st.booleans()), max_size=30))
def test_what_was_sent_again_is_known_octet_by_octet(changes: list[tuple[tuple[int, int], bool]]) -> None:
    resent, model = Resent(), {}
    for now, ((left, right), adding) in enumerate(changes):
        if adding:
            resent.add(left, right, now)
            model.update(dict.fromkeys(range(left, right), now))
        else:
            found = [model.pop(octet) for octet in range(left, right) if octet in model]
            resent.settle(left, right)
            assert resent.newest_at == max(found, default=-1)
        ranges = zip(resent.lefts, resent.rights, resent.times, strict=True)
        assert {octet: at for a, b, at in ranges for octet in range(a, b)} == model
        assert resent.lefts == sorted(resent.lefts)
        assert resent.octets == len(model)
        if model:
            i = resent.first_overdue(now, now + 1, 0)
            assert i >= 0


def test_the_timer_of_a_flight_behind_a_probe_is_a_probe_s_again() -> None:
    """Header prediction sets the timer by itself: what is due after two round trips is never a timeout."""
    d = in_flight(4)
    assert d.wait(d.c.pto) == [(42, "PA 3001+1000 ack 1")]
    ack(d, 4001)
    ack(d, 4001, (3001, 4001))
    d.write(4000)
    d.now += RTT
    ack(d, 5001)
    d.c.timer = RETRANSMISSION  # as it is while a probe is out
    ack(d, 6001)
    assert d.c.predicted
    assert [line for _, line in d.wait(d.c.pto)] == ["PA 7001+1000 ack 1"]
    assert d.c.mode == OPEN


def test_a_second_segment_brings_the_probe_nearer() -> None:
    """Section 7.2: only a lone segment may wait for a delayed acknowledgment."""
    d = in_flight(1)
    assert d.c.last_pto > d.c.pto
    d.write(3000)
    assert [line for _, line in d.wait(d.c.pto)] == ["PA 3001+1000 ack 1"]
