"""The rarer sentences of the test language: ICMP messages, system commands, options nobody knows, full windows."""

from __future__ import annotations

import pytest

from emulator.tcp.drill import Difference, ScriptError, Unsupported, run_script
from emulator.tcp.drill.errors import Place
from emulator.tcp.drill.parser import parse
from emulator.tcp.drill.script import Icmp
from emulator.tcp.drill.segments import decode, encode, write_option
from emulator.tcp.drill.settings import Settings
from tests.tcp.test_drill import LISTEN, OPEN
from tests.tcp.test_drill_calls import NONBLOCK

PLACE = Place("test.pkt", 1, 1)
SYN_SENT = (
    "0 socket(..., SOCK_STREAM|SOCK_NONBLOCK, IPPROTO_TCP) = 3\n"
    "+0 connect(3, ..., ...) = -1 EINPROGRESS (begun)\n+0 > S 0:0(0) <...>\n"
)
ERROR = "+0 getsockopt(3, SOL_SOCKET, SO_ERROR, [{}], [4]) = 0\n"


# -- ICMP ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("icmp time_exceeded ttl_exceeded_in_transit", Icmp(11, 0, 0, None, 0, "")),
        ("icmp source_quench [1:1(0)]", Icmp(4, 0, 0, 1, 0, "")),
        ("icmp echo_request id 7", Icmp(8, 0, 0, None, 0, "")),
        ("icmp unreachable frag_needed mtu 1000 [1:5(4)]", Icmp(3, 4, 1000, 1, 4, "")),
    ],
)
def test_what_an_icmp_message_says(text: str, message: Icmp) -> None:
    found = parse(f"0 < {text}", "test.pkt").events[0].action
    assert isinstance(found, Icmp)
    assert found.text == text
    assert (found.kind, found.code, found.mtu, found.seq, found.size) == (
        message.kind, message.code, message.mtu, message.seq, message.size,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("profile", "message", "error"),
    [
        ("linux", "time_exceeded ttl_exceeded_in_transit", "EHOSTUNREACH"),
        ("linux", "time_exceeded frag_reass_exceeded", "EHOSTUNREACH"),
        ("freebsd", "time_exceeded ttl_exceeded_in_transit", "EHOSTUNREACH"),
        ("freebsd", "time_exceeded frag_reass_exceeded", "0"),
        ("freebsd", "unreachable port_unreachable", "ECONNREFUSED"),
        ("linux", "source_quench", "0"),  # deprecated: RFC 6633
        ("linux", "unreachable frag_needed mtu 1000", "0"),
    ],
)
def test_which_messages_end_an_opening(profile: str, message: str, error: str) -> None:
    run_script(f"{SYN_SENT}+0 < icmp {message} [0:0(0)]\n" + ERROR.format(error), "test.pkt", profile)


def test_an_error_about_a_half_open_connection_forgets_it() -> None:
    opening = "+0 < S 0:0(0) win 32792 <mss 1000>\n+0 > S. 0:0(0) ack 1 <...>\n"
    run_script(
        f"{LISTEN}{opening}+0 < icmp unreachable host_unreachable [0:0(0)]\n"
        "+.1 < . 1:1(0) ack 1 win 32792\n+0 > R 1:1(0)",
        "test.pkt",
    )


def test_a_message_about_a_connection_that_is_over_says_nothing() -> None:
    over = OPEN + "+0 < R. 1:1(0) ack 1 win 9\n+0 < icmp unreachable host_unreachable [1:1(0)]\n"
    run_script(over + "+0 read(4, ..., 10) = -1 ECONNRESET (reset, not unreachable)", "test.pkt")


def test_what_icmp_said_is_why_an_open_connection_timed_out() -> None:
    run_script(
        OPEN + "+0 setsockopt(4, IPPROTO_TCP, TCP_USER_TIMEOUT, [1000], 4) = 0\n"
        "+0 write(4, ..., 10) = 10\n+0 > P. 1:11(10) ack 1\n+0 < icmp unreachable host_unreachable [1:11(10)]\n"
        "* > P. 1:11(10) ack 1\n* > P. 1:11(10) ack 1\n"
        "+5 read(4, ..., 10) = -1 EHOSTUNREACH (not ETIMEDOUT)",
        "test.pkt",
    )


# -- mistakes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("x > . 1:1(0) ack 1", "expected a time, not 'x'"),
        ("0 close(3) = 0\n+- < . 1:1(0) ack 1", "expected a time, not '-'"),
        ("2000000 close(3) = 0", "a time is between 0 and 1000000 seconds"),
        ("0 < . ...(0) ack 1 win 9", "only an outbound segment can have any sequence number"),
    ],
)
def test_a_time_or_number_that_cannot_be(text: str, what: str) -> None:
    with pytest.raises(ScriptError) as caught:
        run_script(text, "test.pkt")
    assert what in str(caught.value)


def test_icmp_about_udp_in_disguise_is_refused() -> None:
    with pytest.raises(Unsupported, match="UDP encapsulation"):
        parse("0 < icmp unreachable frag_needed mtu 1000 [1:1(0)/7]", "test.pkt")


def test_a_segment_without_a_connection_never_comes() -> None:
    with pytest.raises(Difference) as caught:
        run_script(LISTEN + "+0 > . 1:1(0) ack 1", "test.pkt")
    assert caught.value.actual == "nothing: there is no connection"


@pytest.mark.parametrize("line", ["* > P. 1:101(100) ack 1 win 7", "+0~+.1 > P. 1:101(100) ack 1 win 7"])
def test_a_difference_shows_the_times_that_were_allowed(line: str) -> None:
    with pytest.raises(Difference) as caught:
        run_script(f"{OPEN}+0 write(4, ..., 100) = 100\n{line}", "test.pkt")
    assert caught.value.expected.startswith("*" if line[0] == "*" else "0.100000~0.200000")


# -- options of segments ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("octets", "options", "text"),
    [
        ("fd04aabb", (("kind", 253, "aabb"),), "kind 253 [aabb]"),
        ("0209", (("kind", 2, "09"),), "kind 2 [09]"),  # longer than the header
        ("05", (("kind", 5, ""),), "kind 5 []"),  # no length at all
        ("050600000001", (("kind", 5, "00000001"),), None),  # half a block
        ("080600000001", (("kind", 8, "00000001"),), "kind 8 [00000001]"),  # half of the timestamps
        ("0101050a0000000100000005", (("nop",), ("nop",), ("sack", (1, 5))), None),
        ("2204abcd", (("FO", "abcd"),), "FO abcd"),
    ],
)
def test_options_are_told_whatever_they_hold(octets: str, options: tuple, text: str | None) -> None:
    found = decode(bytes.fromhex(octets))
    assert found == options
    if text is not None:
        assert write_option(found[-1]) == text
    if octets in {"2204abcd", "fd04aabb", "0101050a0000000100000005"}:
        assert encode(found).hex() == octets


def test_sack_blocks_are_written_as_a_script_does() -> None:
    assert write_option(("sack", (1, 5), (9, 12))) == "sack 1:5 9:12"


# -- settings and commands -------------------------------------------------------------------------------------------


def test_window_scaling_may_be_left_on() -> None:
    settings = Settings.of("linux")
    settings.take_sysctl("net.ipv4.tcp_window_scaling", "1", PLACE)
    assert "window_scale" not in settings.changes


def test_reno_is_the_congestion_control_of_that_name() -> None:
    settings = Settings.of("linux")
    settings.take_sysctl("net.ipv4.tcp_congestion_control", "reno", PLACE)
    assert settings.changes["congestion_control"] == "reno"


def test_tcpdrop_forgets_connections_of_a_state() -> None:
    closed = "+.1 < P. 1:2(1) ack 1 win 9\n+0 > R 1:1(0)"
    run_script(f"{OPEN}+0 `tcpdrop -s ESTABLISHED`\n{closed}", "test.pkt")
    with pytest.raises(Difference):
        run_script(f"{OPEN}+0 `tcpdrop -s SYN_SENT`\n{closed}", "test.pkt")


# -- sockets ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        # A full send buffer: a call that does not wait says so, one that waits is done when there is room.
        NONBLOCK + "+0 setsockopt(4, SOL_SOCKET, SO_SNDBUF, [4000], 4) = 0\n+0 write(4, ..., 50000) = 8000\n"
        "+0 write(4, ..., 10) = -1 EAGAIN (full)",
        # A queue of connections that nobody accepts is as long as listen() said, and one more.
        LISTEN.replace("listen(3, 1)", "listen(3, 0)") + "+0 < 40000 > 8080 S 0:0(0) win 9000 <mss 1000>\n"
        "+0 > S. 0:0(0) ack 1 <...>\n+0 < . 1:1(0) ack 1 win 9000\n"
        "+0 < 40001 > 8080 S 0:0(0) win 9000 <mss 1000>\n",
        # What was never accepted is reset when the listener closes.
        OPEN.replace("   +0 accept(3, ..., ...) = 4\n", "") + "+0 close(3) = 0\n+0 > R. 1:1(0) ack 1",
        LISTEN + "+0 < S 0:0(0) win 9000 <mss 1000>\n+0 > S. 0:0(0) ack 1 <...>\n+0 close(3) = 0\n"
        "+.1 < . 1:1(0) ack 1 win 9000\n+0 > R 1:1(0)",
        # Readiness of a connection that is being opened, and of one closed on both sides.
        SYN_SENT + "+0 poll([{fd=3, events=POLLIN|POLLOUT, revents=0}], 1, 0) = 0",
        OPEN + "+0 < F. 1:1(0) ack 1 win 9000\n+0 > . 1:1(0) ack 2\n+0 shutdown(4, SHUT_WR) = 0\n"
        "+0 > F. 1:1(0) ack 2\n+0 poll([{fd=4, events=POLLIN, revents=POLLIN|POLLHUP}], 1, 0) = 1",
        # A call that waits for readiness.
        OPEN + "+0...0.5 poll([{fd=4, events=POLLIN, revents=POLLIN}], 1, 5000) = 1\n"
        "+.5 < P. 1:11(10) ack 1 win 9000\n+0 > . 1:1(0) ack 11",
        OPEN + "+0 epoll_create(1) = 5\n+0 epoll_ctl(5, EPOLL_CTL_ADD, 4, {events=EPOLLIN, fd=4}) = 0\n"
        "+0...0.5 epoll_wait(5, {events=EPOLLIN, fd=4}, 1, 5000) = 1\n"
        "+.5 < P. 1:11(10) ack 1 win 9000\n+0 > . 1:1(0) ack 11",
        # What tcp_info says.
        OPEN + "+0 %{ assert tcpi_snd_ssthresh == TCP_INFINITE_SSTHRESH; assert tcpi_ca_state == TCP_CA_Open }%",
        OPEN + "+0 %{ assert not tcpi_unacked; assert tcpi_options == 0; assert tcpi_snd_mss * 2 == 2000 }%",
    ],
)
def test_a_script_that_holds(text: str) -> None:
    run_script(text, "test.pkt")


def test_a_connection_is_needed_for_what_tcp_info_says_of_it() -> None:
    with pytest.raises(Unsupported, match="tcpi_rtt before there is a connection"):
        run_script(LISTEN + "+0 %{ assert tcpi_rtt == 0 }%", "test.pkt")
