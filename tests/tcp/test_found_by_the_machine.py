"""What the state machine has found, shortened by hand, so that it stays found."""

from __future__ import annotations

import pytest

from emulator.tcp import State, TcpConfig
from emulator.tcp.profiles import PROFILES
from emulator.wire.packet import ACK, SYN
from tests.tcp.weather import HOUR, MS, SECOND, Pair, Weather


def pair(*configs: TcpConfig, both_open: bool = False) -> Pair:
    client, server = configs or (TcpConfig(), TcpConfig())
    return Pair((client, server), (1000, 2000), 0, both_open=both_open, through_bytes=False)


def end_in_order(net: Pair) -> None:
    net.run(net.now + 30 * SECOND, 10_000)
    for who in (0, 1):
        net.ends[who].close(net.now)
        net.settle(who)
    assert net.run(net.now + HOUR, 10_000)
    assert [(end.state, end.error) for end in net.ends] == [(State.CLOSED, None)] * 2
    assert [len(got) for got in reversed(net.got)] == net.written


def test_the_window_of_a_crossing_syn_ack_is_not_scaled() -> None:
    """RFC 7323 section 2.2; the bystander in ``Pair`` sees whoever sends more than the window."""
    net = pair(TcpConfig(), TcpConfig(receive_buffer=3000), both_open=True)
    for _ in range(3):
        net.step()
    net.write(0, 40_000)
    end_in_order(net)


def test_what_was_sent_twice_is_settled_by_the_acknowledgment_whichever_way_that_goes() -> None:
    """A timeout that was spurious leaves copies behind; the last one's acknowledgment is as plain as can be."""
    net = pair()
    net.step()
    net.write(0, 1)
    net.step()
    net.step()
    net.weather.delay = 400 * MS
    net.write(0, 1)
    net.step()
    net.step()
    net.weather = Weather()
    end_in_order(net)


def test_a_router_that_tells_of_its_mtu_during_the_handshake_has_no_data_sent_again() -> None:
    net = pair(both_open=True)
    net.step()
    net.step()
    assert net.ends[0].state is State.SYN_RECEIVED
    net.ends[0].fit(1400, net.now)
    net.settle(0)
    end_in_order(net)


def test_a_crossing_syn_ack_is_acknowledged_for_our_own_may_be_lost() -> None:
    """Otherwise the peer, whose SYN,ACKs run out, has heard nothing when the few answers to them are lost."""
    net = pair(both_open=True)
    net.step()
    net.step()
    assert [end.state for end in net.ends] == [State.SYN_RECEIVED] * 2
    heap = [entry for entry in net.agenda if entry[2] == 0]
    assert [packet.flags for _, _, _, packet in heap] == [SYN | ACK]
    net.agenda[:] = heap  # the first end's SYN,ACK is lost
    net.step()
    assert net.ends[0].state is State.ESTABLISHED
    assert [(who, packet.flags) for _, _, who, packet in net.agenda] == [(1, ACK)]
    net.step()
    assert net.ends[1].state is State.ESTABLISHED
    end_in_order(net)


def test_a_window_that_was_rounded_up_in_a_simultaneous_open_stays_so() -> None:
    """The SYN,ACK told of whole segments, and what followed of the buffer as it was before rounding."""
    net = pair(TcpConfig(), PROFILES["freebsd"].tcp_config(receive_buffer=20_000, receive_window=-1), both_open=True)
    net.ends[0].close(net.now)
    net.settle(0)
    assert net.run(net.now + 10 * MS, 10)
    end = net.ends[1]
    assert end.state is State.SYN_RECEIVED
    assert end.window_field << 6 >= end.rcv_space == 3 * 8961


@pytest.mark.parametrize(
    "settings",
    [
        {"window_scale": 14, "receive_buffer": 3000},
        {"window_scale": 7, "receive_window": 100},
        {"window_scale": 15},
        {"window_scale": -2},
    ],
)
def test_a_window_that_could_never_be_told_is_refused(settings: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="window scale"):
        TcpConfig(**settings)


def test_a_receive_buffer_that_a_program_makes_tiny_still_gives_a_window() -> None:
    net = pair(TcpConfig(), TcpConfig(window_scale=14))
    net.ends[1].set_receive_space(3000)
    net.run(net.now + SECOND, 100)
    net.write(0, 10_000)
    end_in_order(net)
    assert len(net.got[1]) == 10_000
