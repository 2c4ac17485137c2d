"""When segments are acknowledged: by Linux's rules, by those of BSD and Windows, and by the plain ones."""

from __future__ import annotations

from emulator.tcp import PROFILES, TcpConfig

from .dialogue import MS, SECOND, Dialogue, established


def linux(rtt: int = 10 * MS, **changes) -> Dialogue:
    d = established(PROFILES["linux"].tcp_config(mss=1000, timestamps=False, **changes), rtt=rtt)
    assert d.c.adaptive
    return d


def feed(d: Dialogue, seq: int, size: int = 1000, *, read: bool = True) -> tuple[int, list[str]]:
    """The next data arrives, is read, and something may be answered."""
    answers = d.send("A", seq, 1, b"x" * size)
    if read:
        d.take()
    return seq + size, answers + d.answers()


def test_linux_acknowledges_the_first_sixteen_segments_at_once() -> None:
    d = linux()
    seq = 1
    for _ in range(16):
        seq, answers = feed(d, seq)
        assert answers == [f"A 1 ack {seq}"]
        d.now += MS
    seq, answers = feed(d, seq)
    assert answers == []
    assert d.wait(SECOND) == [(40, f"A 1 ack {seq}")]


def test_quick_acknowledgments_are_no_more_than_fit_half_the_window() -> None:
    d = linux(receive_window=6000, receive_buffer=6000, window_scale=-1)
    seq = 1
    for _ in range(3):
        seq, answers = feed(d, seq)
        assert answers
    assert feed(d, seq)[1] == []


def test_after_a_pause_longer_than_the_timeout_linux_is_quick_again() -> None:
    d = linux()
    seq = 1
    for _ in range(20):
        seq, _ = feed(d, seq)
    d.wait(SECOND)
    assert feed(d, seq)[1] != []


def test_two_full_segments_are_acknowledged_together_once_the_connection_is_not_quick() -> None:
    d = linux()
    seq = 1
    for _ in range(16):
        seq, _ = feed(d, seq)
    seq, first = feed(d, seq)
    seq, second = feed(d, seq)
    assert (first, second) == ([], [f"A 1 ack {seq}"])


def test_who_answers_data_with_data_lets_the_acknowledgment_ride_along() -> None:
    d = linux()
    seq, answers = feed(d, 1, 100)
    assert answers == [f"A 1 ack {seq}"]
    assert d.write(50) == ["PA 1+50 ack 101"]
    d.now += MS
    assert d.send("A", seq, 51, b"y" * 100) == []  # a reply is to be expected
    d.take()
    assert d.answers() == []
    assert d.write(50) == ["PA 51+50 ack 201"]


def test_an_answer_that_does_not_come_ends_the_waiting_for_it() -> None:
    d = linux()
    feed(d, 1, 100)
    d.write(50)
    assert d.send("A", 101, 51, b"y" * 100) == []
    d.take()
    assert d.wait(SECOND) == [(40, "A 51 ack 201")]
    assert d.send("A", 201, 51, b"y" * 100) == ["A 51 ack 301"]  # not interactive any more, and quick


def test_a_small_segment_is_acknowledged_when_it_is_read() -> None:
    d = linux()
    seq = 1
    for _ in range(20):
        seq, _ = feed(d, seq)
        d.now += MS
    d.wait(100 * MS)
    assert d.send("A", seq, 1, b"x" * 100) == []
    d.take()
    assert d.answers() == [f"A 1 ack {seq + 100}"]


def test_a_delayed_acknowledgment_that_had_to_be_sent_makes_the_next_wait_longer() -> None:
    d = linux(rtt=150 * MS)
    seq = 1
    for _ in range(20):
        seq, _ = feed(d, seq)
        d.now += MS
    delays = []
    for _ in range(3):
        seq, answers = feed(d, seq)
        assert answers == []
        delays += [after for after, _ in d.wait(150 * MS)]
    assert delays[0] == 40
    assert delays[0] < delays[1] <= 200
    assert d.c.ato <= d.c.rto


def test_two_equal_shorter_segments_are_taken_for_full_ones() -> None:
    d = linux()
    seq = 1
    for _ in range(16):
        seq, _ = feed(d, seq)
    for _ in range(3):
        seq, _ = feed(d, seq, 600)
    assert d.c.rcv_mss == 600


def test_bsd_and_windows_acknowledge_any_second_segment() -> None:
    d = established(PROFILES["freebsd"].tcp_config(mss=1000, timestamps=False))
    assert feed(d, 1, 100)[1] == []
    assert feed(d, 101, 100)[1] == ["A 1 ack 201"]
    assert feed(d, 201, 100)[1] == []
    assert d.wait(SECOND) == [(40, "A 1 ack 301")]


def test_plainly_two_small_segments_wait_together() -> None:
    d = established(TcpConfig(mss=1000, timestamps=False))
    assert feed(d, 1, 100)[1] == feed(d, 101, 100)[1] == []
    assert d.wait(SECOND) == [(40, "A 1 ack 201")]


def test_a_filled_gap_is_acknowledged_at_once_also_while_answers_are_expected() -> None:
    d = linux()
    feed(d, 1, 100)
    d.write(50)
    assert d.send("A", 201, 51, b"z" * 100) == ["A 51 ack 101 sack 201-301"]
    assert d.send("A", 101, 51, b"y" * 100) == ["A 51 ack 301"]
