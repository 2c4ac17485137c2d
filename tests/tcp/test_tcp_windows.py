"""The receive window: how it grows with what is read, and what a program may set."""

from __future__ import annotations

import pytest

from emulator.tcp import PROFILES, TcpConfig

from .dialogue import MS, established
from .world import World, reliable


def transfer(config: TcpConfig, size: int, delay: int, *, pause: int = 0) -> World:
    world = World(reliable(delay), config, config)
    world.keep_log = True
    world.connect()
    world.run(lambda: world.ends[1].state == "ESTABLISHED")
    world.run()
    world.now += pause
    world.ends[0].write(bytes(size), world.now)
    world.settle(0)
    world.run(lambda: len(world.got[1]) == size, world.now + 10**11)
    assert len(world.got[1]) == size
    return world


def windows(world: World) -> list[int]:
    """What the server advertised, in octets, each change once."""
    said: list[int] = []
    for _, who, packet in world.log:
        if who == 1 and not packet.flags & 2:
            window = packet.window << world.ends[1].rcv_wscale
            if not said or said[-1] != window:
                said.append(window)
    return said


def test_the_window_grows_with_what_is_read_up_to_the_buffer() -> None:
    said = windows(transfer(PROFILES["linux"].tcp_config(mss=1460), 40_000_000, 10 * MS))
    assert said[0] == 65_280  # 45 segments of 1448, scaled
    assert said[-1] == 3 << 20
    assert said == sorted(said)
    assert 3 <= len(said) <= 12  # few changes: each costs the peer the short way once


def test_the_window_stays_ahead_of_the_peers_slow_start() -> None:
    grown = transfer(PROFILES["linux"].tcp_config(mss=1460), 20_000_000, 20 * MS)
    whole = transfer(PROFILES["linux"].tcp_config(mss=1460, receive_window=-1), 20_000_000, 20 * MS)
    assert grown.now <= 1.1 * whole.now


def test_a_short_transfer_leaves_the_window_as_it_was() -> None:
    assert windows(transfer(PROFILES["linux"].tcp_config(mss=1460), 10_000, 10 * MS)) == [65_280]


def test_a_pause_before_the_data_is_not_taken_for_a_round_trip() -> None:
    world = transfer(PROFILES["linux"].tcp_config(mss=1460), 20_000_000, MS, pause=10**9)
    assert world.ends[1].rcv_rtt < 100 * MS
    assert windows(world)[-1] == 3 << 20


def test_without_timestamps_the_handshake_tells_the_round_trip() -> None:
    world = transfer(PROFILES["windows"].tcp_config(mss=1460), 40_000_000, 10 * MS)
    assert world.ends[1].rcv_rtt == 20 * MS
    assert windows(world)[-1] > 1 << 20


def test_a_buffer_that_a_program_has_set_does_not_grow() -> None:
    config = PROFILES["linux"].tcp_config(mss=1460)
    world = World(reliable(10 * MS), config, config)
    world.keep_log = True
    world.ends[1].set_receive_space(50_000)
    world.connect()
    world.ends[0].write(bytes(3_000_000), world.now)
    world.run(lambda: len(world.got[1]) == 3_000_000, 10**11)
    assert len(windows(world)) == 1
    assert windows(world)[0] <= 50_048


def test_a_smaller_buffer_takes_back_nothing_that_was_told() -> None:
    d = established(PROFILES["linux"].tcp_config(mss=1000, timestamps=False, window_scale=-1))
    right = d.c.rcv_nxt + d.c.rcv_wnd
    d.c.set_receive_space(4000)
    seq = 1
    while right - d.c.rcv_nxt > 4000:
        d.send("A", seq, 1, b"x" * 1000)
        d.take()
        seq += 1000
        assert d.c.rcv_nxt + d.c.rcv_wnd >= right
    d.send("A", seq, 1, b"x" * 1000)
    assert d.c.rcv_wnd == 4000
    assert d.c.told_right == 0


def test_a_clamp_limits_the_window_and_its_growth() -> None:
    d = established(PROFILES["linux"].tcp_config(mss=1000, timestamps=False))
    d.c.clamp_window(5000)
    assert d.c.rcv_space == 5000
    d.c.set_receive_space(9000)
    assert d.c.rcv_space == 5000
    d.c.clamp_window(0)
    d.c.set_receive_space(9000)
    assert d.c.rcv_space == 9000


def test_a_segment_longer_than_the_window_is_cut_in_the_short_way_too() -> None:
    d = established(TcpConfig(mss=1000, timestamps=False, receive_buffer=2000))
    assert d.c.predicted
    d.send("A", 1, 1, b"x" * 2500)
    assert len(d.take()) == 2000
    assert d.wait(100 * MS)[-1][1] == "A 1 ack 2001"


def test_a_window_told_to_a_peer_that_does_not_scale_fits_its_field() -> None:
    d = established(TcpConfig(mss=1000, timestamps=False))
    d.send("A", 1, 1, b"x" * 1000)
    d.take()
    d.send("A", 1001, 1, b"x" * 1001)
    assert [packet.window for packet in d.packets] == [65535]


@pytest.mark.parametrize(("system", "told_at"), [("freebsd", [15_000]), ("linux", [])])
def test_bsd_tells_of_a_quarter_of_the_buffer_and_linux_of_a_doubled_window(system: str, told_at: list[int]) -> None:
    """40000 octets of window, 15000 of them filled and read: ``tcp_output`` of BSD, ``tcp_cleanup_rbuf`` of Linux."""
    config = PROFILES[system].tcp_config(
        mss=1000, timestamps=False, window_scale=-1, receive_buffer=40_000, receive_window=-1
    )
    d = established(config)
    for seq in range(1, 15_001, 1000):
        d.send("A", seq, 1, b"x" * 1000)
    d.wait(300 * MS)
    d.answers()
    d.take()
    assert [packet.ack - d.c.irs - 1 for packet in d.c.to_send(d.now)] == told_at
