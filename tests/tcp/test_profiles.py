"""What a capture shows of each operating system: the SYN, its retransmissions, the first window."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from emulator.tcp import PROFILES, Connection, TcpConfig
from emulator.wire.options import TcpOptions, read, write_syn

if TYPE_CHECKING:
    from emulator.wire.packet import Packet

MS = 1_000_000
OPTIONS = {0: "eol", 1: "nop", 2: "mss", 3: "wscale", 4: "sackOK", 8: "TS"}


def layout(options: bytes) -> str:
    """Name the options in order, as tcpdump does."""
    names, at = [], 0
    while at < len(options):
        names.append(OPTIONS[options[at]])
        at += 1 if options[at] < 2 else options[at + 1]
    return ",".join(names)


def syn(config: TcpConfig) -> tuple[Connection, Packet]:
    connection = Connection(config, 1, 1000, 2, 80, iss=5, ident=77)
    connection.connect(0)
    return connection, connection.to_send(0)[0]


@pytest.mark.parametrize(
    ("name", "window", "scale", "options", "ttl"),
    [
        ("linux", 64240, 7, "mss,sackOK,TS,nop,wscale", 64),
        ("freebsd", 65535, 6, "mss,nop,wscale,sackOK,TS", 64),
        ("windows", 64240, 8, "mss,nop,wscale,nop,nop,sackOK", 128),
        ("macos", 65535, 6, "mss,nop,wscale,nop,nop,TS,sackOK,eol,eol", 64),
    ],
)
def test_a_syn_is_that_of_its_system(name: str, window: int, scale: int, options: str, ttl: int) -> None:
    _, packet = syn(PROFILES[name].tcp_config(mss=1460))
    assert (packet.window, read(packet.options).window_scale, packet.ttl) == (window, scale, ttl)
    assert layout(packet.options) == options
    assert packet.length == 40 + len(packet.options)


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("linux", TcpOptions(1460, 8, sack_permitted=True), "mss,nop,nop,sackOK,nop,wscale"),
        ("linux", TcpOptions(1460, 8, sack_permitted=False), "mss,nop,wscale"),
        ("linux", TcpOptions(1460, 8, tsval=1), "mss,nop,nop,TS,nop,wscale"),
        ("linux", TcpOptions(1460, -1, sack_permitted=True, tsval=1), "mss,sackOK,TS"),
        ("linux", TcpOptions(1460), "mss"),
        ("freebsd", TcpOptions(1460, 6, sack_permitted=True), "mss,nop,wscale,sackOK,eol,eol"),
        ("freebsd", TcpOptions(1460, 6, tsval=1), "mss,nop,wscale,nop,nop,TS"),
        ("freebsd", TcpOptions(1460, -1, sack_permitted=True), "mss,sackOK,eol,eol"),
        ("windows", TcpOptions(1460, -1, sack_permitted=True), "mss,nop,nop,sackOK"),
        ("macos", TcpOptions(-1, -1, sack_permitted=True), "sackOK,eol,eol"),
    ],
)
def test_options_left_out_are_padded_as_the_system_pads_them(name: str, options: TcpOptions, expected: str) -> None:
    assert layout(write_syn(options, name)) == expected


def retransmissions(config: TcpConfig) -> list[int]:
    """When further SYNs leave, in milliseconds, and last when the connection is given up."""
    connection, _ = syn(config)
    times = []
    while connection.deadline >= 0:
        now = connection.deadline
        connection.on_timer(now)
        if connection.to_send(now) or connection.error is not None:
            times.append(now // MS)
    assert connection.error is not None
    return times


@pytest.mark.parametrize(
    ("name", "times"),
    [
        ("linux", [1000, 3000, 7000, 15_000, 31_000, 63_000, 127_000]),
        ("freebsd", [1000, 3200, 7400, 15_600, 31_800, 64_000, 75_000]),
        ("windows", [1000, 3000, 7000, 15_000, 21_000]),
    ],
)
def test_syns_are_repeated_and_given_up_as_the_system_does(name: str, times: list[int]) -> None:
    assert retransmissions(PROFILES[name].tcp_config()) == times


def test_a_linux_window_begins_with_whole_segments_and_is_scaled_up() -> None:
    """64240 is 44 segments of 1460; the acknowledgment of the SYN,ACK says 502, which is 64256."""
    client, first = syn(PROFILES["linux"].tcp_config(mss=1460))
    server = Connection(PROFILES["linux"].tcp_config(mss=1460), 2, 80, 1, 1000, iss=9)
    server.accept(first, 0)
    answer = server.to_send(0)[0]
    assert (answer.window, answer.ident) == (65160, 0)  # 45 segments of 1448
    client.receive(answer, MS)
    assert client.to_send(MS)[0].window == 502


def test_a_jumbo_syn_of_linux_is_what_captures_on_ec2_show() -> None:
    assert syn(PROFILES["linux"].tcp_config(mss=8961))[1].window == 62727


def test_a_freebsd_window_is_rounded_up_to_segments_once_their_size_is_known() -> None:
    client, first = syn(PROFILES["freebsd"].tcp_config(mss=1460))
    server = Connection(PROFILES["freebsd"].tcp_config(mss=1460), 2, 80, 1, 1000, iss=9)
    server.accept(first, 0)
    client.receive(server.to_send(0)[0], MS)
    assert client.to_send(MS)[0].window == 1027  # 65700 is 45 segments of 1460


@pytest.mark.parametrize(("name", "idents"), [("linux", [77, 78]), ("freebsd", [0, 0])])
def test_the_ip_identification_counts_or_stays_zero(name: str, idents: list[int]) -> None:
    connection, first = syn(PROFILES[name].tcp_config())
    connection.on_timer(connection.deadline)
    assert [first.ident, connection.to_send(0)[0].ident] == idents


def test_a_profile_may_be_changed_in_parts() -> None:
    assert PROFILES["windows"].tcp_config(mss=1000, ttl=3).ttl == 3
