"""Karn's rule: what was sent twice gives no round-trip time (RFC 6298 section 3)."""

from __future__ import annotations

from tests.tcp.dialogue import MS, Dialogue, established


def measured(d: Dialogue) -> tuple[int, int]:
    return d.c.estimator.srtt, d.c.estimator.deviation // 4


def test_a_segment_sent_once_is_measured() -> None:
    d = established()
    before = measured(d)
    d.write(1000)
    d.now += 90 * MS
    d.send("A", 1, 1001)
    assert measured(d) == (before[0] + (90 * MS - before[0]) // 8, before[1] + (80 * MS - before[1]) // 4)


def test_an_acknowledgment_after_a_timeout_is_not_measured() -> None:
    d = established()
    before, rto = measured(d), d.c.rto
    d.write(1000)
    sent_again = d.wait(rto + MS)
    assert [line for _, line in sent_again] == ["PA 1+1000 ack 1"]
    d.now += 3 * MS
    d.send("A", 1, 1001)
    assert measured(d) == before
    assert d.c.rto == 2 * rto  # backed off until something can be measured (5.5)
    d.write(1000)
    d.now += 10 * MS
    d.send("A", 1, 2001)
    assert measured(d) != before
    assert d.c.rto < 2 * rto


def test_an_acknowledgment_after_a_fast_retransmission_is_not_measured() -> None:
    for sack in (True, False):
        d = established(window=65535, sack=sack)
        before = measured(d)
        d.write(5000)
        d.now += 20 * MS
        sent = []  # what is SACKed was sent once: that is measured
        for right in (2001, 3001, 4001):
            blocks = ((1001, right),) if sack else ()
            sent += d.send("A", 1, 1, window=65535, sack=blocks)
        assert sent == ["A 1+1000 ack 1"]
        assert (measured(d) != before) == sack
        before = measured(d)
        d.now += 20 * MS
        d.send("A", 1, 5001, window=65535)
        assert measured(d) == before
