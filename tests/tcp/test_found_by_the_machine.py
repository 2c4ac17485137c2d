"""What the state machine has found, shortened by hand, so that it stays found."""

from __future__ import annotations

from emulator.tcp import State, TcpConfig
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
