"""Two connections in bad weather, doing whatever comes to a program's or a network's mind (hypothesis, stateful).

No deadlock, no octet lost or doubled, and every connection ends: what one end
has read is always the beginning of what the other wrote, and all of it if both
closed in order and the network was never dark.

``TCP_MACHINE_EXAMPLES=20000`` lets it run longer than the few seconds it takes
by default.
"""

from __future__ import annotations

import os
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from emulator.tcp import Failure, State, TcpConfig
from emulator.tcp.profiles import PROFILES
from tests.tcp.weather import HOUR, MS, SECOND, STREAMS, Pair, Weather

EXAMPLES = int(os.environ.get("TCP_MACHINE_EXAMPLES", "250"))
ENDS = st.sampled_from((0, 1))
OPTIONS: dict[str, tuple[object, ...]] = {
    "sack": (True, False),
    "timestamps": (True, False),
    "needs_timestamps": (True, False),
    "window_scale": (7, -1, 2),
    "mss": (1460, 100, 536, 8961),
    "receive_buffer": (4 << 20, 3000, 20_000, 200_000),
    "receive_window": (-1, 65_536),
    "round_window": (0, 1, -1),
    "ecn": ("off", "accept", "request"),
    "congestion_control": ("cubic", "reno"),
    "rack": (True, False),
    "nodelay": (True, False),
    "quick_acks": (16, 0),
    "delayed_ack_max": (0, 200 * MS),
    "ack_every_second": (False, True),
    "mtu_probing": (0, 1, 2),
}
PATIENCE = 40 * HOUR
"""Virtual time after which a connection that has not ended never will."""


def hosts() -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
    """Draw an operating system (or none: the defaults) and what differs from it."""
    options = {name: st.sampled_from(values) for name, values in OPTIONS.items()}
    return st.tuples(st.sampled_from(("", *PROFILES)), st.fixed_dictionaries({}, optional=options))


def configured(host: tuple[str, dict[str, Any]]) -> TcpConfig:
    name, options = host
    return PROFILES[name].tcp_config(**options) if name else TcpConfig(**options)


class TwoConnections(RuleBasedStateMachine):
    """What programs and the network may do, in any order."""

    pair: Pair

    @initialize(
        both=st.tuples(hosts(), hosts()),
        iss=st.tuples(
            st.sampled_from((1000, 0, 2**32 - 5000, 2**32 - 1)), st.sampled_from((2000, 2**31 - 100, 2**32 - 1))
        ),
        seed=st.integers(0, 2**32),
        both_open=st.booleans(),
        through_bytes=st.sampled_from((False, False, True)),
    )
    def open(self, both, iss, seed, both_open, through_bytes) -> None:
        self.rude = False
        """Whether a program aborted or let go of what might still have come."""
        self.dark = False
        self.pair = Pair(
            (configured(both[0]), configured(both[1])), iss, seed, both_open=both_open, through_bytes=through_bytes
        )

    # -- programs

    @rule(who=ENDS, size=st.sampled_from((1, 100, 3000, 40_000)))
    def write(self, who, size) -> None:
        if self.pair.may_write(who) and self.pair.written[who] + size <= len(STREAMS[who]):
            self.pair.write(who, size)

    @rule(who=ENDS)
    def pause_or_go_on_reading(self, who) -> None:
        self.pair.reading[who] = not self.pair.reading[who]
        self.pair.settle(who)

    @rule(who=ENDS)
    def close(self, who) -> None:
        if self.pair.ends[who].state is State.SYN_SENT:
            self.rude = True  # that gives the attempt up (RFC 9293 section 3.10.4)
        self.pair.ends[who].close(self.pair.now)
        self.pair.settle(who)

    @precondition(lambda self: self.pair.drawn > 6)
    @rule(who=ENDS, how=st.sampled_from(("abort", "release")), really=st.sampled_from((False, False, False, True)))
    def go_away(self, who, how, really) -> None:
        if really and self.pair.ends[who].state is not State.CLOSED:
            self.rude = True
            getattr(self.pair.ends[who], how)(self.pair.now)
            self.pair.settle(who)

    # -- the network

    @rule(
        loss=st.sampled_from((0, 0.02, 0.2, 0.5)),
        reorder=st.sampled_from((0, 0.1, 0.6)),
        duplicate=st.sampled_from((0, 0.3)),
        mark=st.sampled_from((0, 0.3)),
    )
    def weather_changes(self, loss, reorder, duplicate, mark) -> None:
        self.pair.weather = Weather(loss, reorder, duplicate, mark)

    @rule(delay=st.sampled_from((0, MS // 10, 10 * MS, 400 * MS)))
    def path_changes(self, delay) -> None:
        self.pair.weather.delay = delay

    @rule(really=st.sampled_from((False, False, True)))
    def dark(self, really) -> None:
        if really:
            self.dark = self.pair.weather.dark = True

    @rule(duration=st.sampled_from((MS, 50 * MS, 300 * MS, 2 * SECOND, 60 * SECOND)))
    def time_passes(self, duration) -> None:
        assert self.pair.run(self.pair.now + duration, 50_000), "never quiet"

    @rule(steps=st.integers(1, 30))
    def a_few_things_happen(self, steps) -> None:
        for _ in range(steps):
            if self.pair.next_at() >= 0:
                self.pair.step()

    @rule(duration=st.sampled_from((30 * MS, SECOND, 100 * SECOND, HOUR)))
    def clock_jumps(self, duration) -> None:
        if any(end.give_up_at >= 0 for end in self.pair.ends):
            self.rude = True  # an open that is given up after so long in any case was
        self.pair.now += duration

    @rule(who=ENDS, mtu=st.sampled_from((1400, 600)))
    def router_tells_of_a_smaller_mtu(self, who, mtu) -> None:
        self.pair.ends[who].fit(mtu, self.pair.now)
        self.pair.settle(who)

    # -- what holds

    @invariant()
    def what_was_read_is_the_beginning_of_what_was_written(self) -> None:
        pair = self.pair
        for who in (0, 1):
            got = pair.got[1 - who]
            assert len(got) <= pair.written[who]
            assert STREAMS[who].startswith(bytes(got))
        for end in self.pair.ends:
            assert end.snd_una <= end.snd_nxt <= end.snd_end + 1
            assert 0 <= end.unsent() <= end.unacknowledged()
            if end.state is State.CLOSED:
                assert end.deadline == -1
            if end.error is not None:
                assert end.state is State.CLOSED

    def teardown(self) -> None:
        """The network heals, programs read what there is and close: everything ends."""
        if not hasattr(self, "pair"):
            return
        pair = self.pair
        pair.weather = Weather()
        if pair.ends[1].state is State.CLOSED and pair.ends[1].snd_nxt == pair.ends[1].iss and pair.both_open:
            raise AssertionError("an end that opened is not open")
        pair.reading = [True, True]
        for who in (0, 1):
            pair.settle(who)
        limit = pair.now + PATIENCE
        assert pair.run(min(pair.now + 30 * SECOND, limit), 100_000), "never quiet"
        for who in (0, 1):
            pair.ends[who].close(pair.now)
            pair.settle(who)
        assert pair.run(limit, 200_000), "never quiet"
        for who in (0, 1):  # a peer that is gone sends no FIN: only keepalives, or a program, end that wait
            if pair.ends[1 - who].state is State.CLOSED and pair.ends[who].state is State.FIN_WAIT_2:
                assert self.rude or self.dark, "a FIN was lost for ever"
                pair.ends[who].release(pair.now)
                pair.settle(who)
        assert pair.run(pair.now + HOUR, 1000)
        self.what_was_read_is_the_beginning_of_what_was_written()
        opened = pair.ends[1].snd_nxt != pair.ends[1].iss
        assert [end.state for end in pair.ends] == [State.CLOSED, State.CLOSED], "deadlock"
        assert pair.next_at() == -1
        if not self.rude and not self.dark and opened:
            self.all_was_read()

    def all_was_read(self) -> None:
        pair = self.pair
        for end, last_state in zip(pair.ends, pair.last_state, strict=True):
            # Whose last ACK was lost until the peer's TIME-WAIT was over is reset; nobody misses anything.
            forgotten = end.error is Failure.RESET and last_state in (State.LAST_ACK, State.CLOSING)
            assert end.error is None or forgotten, (end.error, last_state)
        assert [len(got) for got in reversed(pair.got)] == pair.written


TwoConnections.TestCase.settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=40,
    deadline=None,
    report_multiple_bugs=False,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestTwoConnections = pytest.mark.slow(TwoConnections.TestCase)
