"""System calls of the test language, one by one: their results, their errors, and what of them does not exist here."""

from __future__ import annotations

import pytest

from emulator.tcp.drill import Difference, ScriptError, Unsupported, run_script
from emulator.tcp.drill.errors import Place
from emulator.tcp.drill.settings import Settings
from tests.tcp.test_drill import LISTEN, OPEN

DATA = OPEN + "+0 < P. 1:101(100) ack 1 win 32792\n+0 > . 1:1(0) ack 101\n"
NONBLOCK = OPEN + "+0 fcntl(4, F_SETFL, O_RDWR|O_NONBLOCK) = 0\n"
PLACE = Place("test.pkt", 1, 1)
SOCKET = "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n"


@pytest.mark.parametrize(
    "text",
    [
        # readiness
        OPEN + "+0 poll([{fd=4, events=POLLIN|POLLOUT, revents=POLLOUT}], 1, 0) = 1",
        DATA + "+0 poll([{fd=4, events=POLLIN, revents=POLLIN}], 1, 0) = 1",
        OPEN + "+0 poll([{fd=9, events=POLLIN, revents=POLLNVAL}], 1, 0) = 1",
        OPEN + "+0 poll([{fd=3, events=POLLIN, revents=0}], 1, 0) = 0",
        SOCKET + "+0 poll([{fd=3, events=POLLOUT, revents=POLLOUT|POLLHUP}], 1, 0) = 1",
        OPEN + "+0 < F. 1:1(0) ack 1 win 32792\n+0 > . 1:1(0) ack 2\n"
        "+0 poll([{fd=4, events=POLLIN|POLLRDHUP, revents=POLLIN|POLLRDHUP}], 1, 0) = 1",
        OPEN + "+0 < R. 1:1(0) ack 1 win 32792\n"
        "+0 poll([{fd=4, events=POLLIN, revents=POLLIN|POLLERR|POLLHUP}], 1, 0) = 1",
        OPEN + "+0 epoll_create(1) = 5\n+0 epoll_ctl(5, EPOLL_CTL_ADD, 4, {events=EPOLLIN, fd=4}) = 0\n"
        "+0 epoll_wait(5, {events=0, fd=4}, 1, 0) = 0\n+0 epoll_ctl(5, EPOLL_CTL_DEL, 4, NULL) = 0\n"
        "+0 epoll_ctl(5, EPOLL_CTL_DEL, 4, NULL) = -1 ENOENT (none)\n+0 close(5) = 0",
        DATA + "+0 epoll_create(1) = 5\n+0 epoll_ctl(5, EPOLL_CTL_ADD, 4, {events=EPOLLIN, fd=4}) = 0\n"
        "+0 epoll_wait(5, {events=EPOLLIN, fd=4}, 1, 0) = 1\n+0 read(4, ..., 100) = 100\n+0 close(4) = 0",
        OPEN + "+0 epoll_ctl(7, EPOLL_CTL_ADD, 4, {events=EPOLLIN, fd=4}) = -1 EBADF (none)",
        OPEN + "+0 epoll_wait(7, {events=0, fd=4}, 1, 0) = -1 EBADF (none)",
        # reading
        DATA + "+0 recv(4, ..., 50, MSG_PEEK) = 50\n+0 recv(4, ..., 200, 0) = 100",
        DATA + "+0 readv(4, [{..., 60}, {..., 60}], 2) = 100",
        DATA + "+0 recvmsg(4, {msg_name(...)=..., msg_iov(1)=[{..., 100}], msg_flags=0}, 0) = 100",
        DATA + "+0 ioctl(4, SIOCINQ, [100]) = 0\n+0 read(4, NULL, 10) = -1 EFAULT (bad address)",
        DATA + "+0 read(4, ..., 0) = 0",
        NONBLOCK + "+0 read(4, ..., 10) = -1 EAGAIN (nothing)",
        OPEN + "+0 recv(4, ..., 10, MSG_DONTWAIT) = -1 EAGAIN (nothing)",
        SOCKET + "+0 read(3, ..., 10) = -1 ENOTCONN (none)",
        OPEN + "+0 read(9, ..., 10) = -1 EBADF (none)",
        OPEN + "+0 < F. 1:1(0) ack 1 win 32792\n+0 > . 1:1(0) ack 2\n+0 read(4, ..., 10) = 0",
        OPEN + "+0 < R. 1:1(0) ack 1 win 32792\n+0 read(4, ..., 10) = -1 ECONNRESET (reset)\n+0 read(4, ..., 10) = 0",
        # writing
        OPEN + '+0 write(4, "abc", 3) = 3\n+0 > P. 1:4(3) ack 1',
        OPEN + "+0 send(4, ..., 10, 0) = 10\n+0 > P. 1:11(10) ack 1\n+0 ioctl(4, SIOCOUTQ, [10]) = 0\n"
        "+0 ioctl(4, SIOCOUTQNSD, [0]) = 0",
        OPEN + '+0 writev(4, [{"ab", 2}, {"cd", 2}], 2) = 4\n+0 > P. 1:5(4) ack 1',
        OPEN + "+0 writev(4, [{..., 2}, {..., 2}], 2) = 4\n+0 > P. 1:5(4) ack 1",
        OPEN + "+0 sendmsg(4, {msg_name(...)=..., msg_iov(1)=[{..., 9}], msg_flags=0}, 0) = 9\n+0 > P. 1:10(9) ack 1",
        OPEN + "+0 write(4, NULL, 5) = -1 EFAULT (bad address)",
        OPEN + "+0 shutdown(4, SHUT_WR) = 0\n+0 > F. 1:1(0) ack 1\n+0 write(4, ..., 5) = -1 EPIPE (broken)",
        SOCKET + "+0 write(3, ..., 5) = -1 EPIPE (broken)",
        # sockets
        SOCKET + "+0 fcntl(3, F_GETFL) = 0x2 (flags O_RDWR)\n+0 fcntl(3, F_SETFL, O_RDWR|O_NONBLOCK) = 0",
        SOCKET + "+0 listen(3, 1) = 0\n+0 listen(3, 5) = 0\n+0 connect(3, ..., ...) = -1 EISCONN (listens)",
        SOCKET + "+0 accept(3, ..., ...) = -1 EINVAL (does not listen)\n+0 shutdown(3, SHUT_RD) = -1 ENOTCONN (none)",
        SOCKET + "+0 shutdown(3, 7) = -1 EINVAL (what)",
        LISTEN + "+0 fcntl(3, F_SETFL, O_RDWR|O_NONBLOCK) = 0\n+0 accept(3, ..., ...) = -1 EAGAIN (none)",
        LISTEN + "+0 shutdown(3, SHUT_WR) = 0\n+0 shutdown(3, SHUT_RD) = 0",
        LISTEN + "+0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 4\n+0 bind(4, ..., ...) = 0\n"
        "+0 listen(4, 1) = -1 EADDRINUSE (in use)",
        OPEN + "+0 listen(4, 1) = -1 EINVAL (connected)",
        OPEN + "+0 shutdown(4, SHUT_RDWR) = 0\n+0 > F. 1:1(0) ack 1",
        SOCKET + '+0 bind(3, {sa_family = AF_INET, sin_port = htons(99), sin_addr = inet_addr("1.2.3.4")}, ...) = 0',
        (
            "0 socket(..., SOCK_STREAM|SOCK_NONBLOCK, IPPROTO_TCP) = 3\n"
            "+0 connect(3, ..., ...) = -1 EINPROGRESS (begun)\n+0 > S 0:0(0) <...>\n"
            "+0 connect(3, ..., ...) = -1 EALREADY (still)\n+0 write(3, ..., 5) = -1 EAGAIN (not yet)\n"
            "+.1 < S. 0:0(0) ack 1 win 5792 <mss 1000>\n+0 > . 1:1(0) ack 1\n"
            "+0 connect(3, ..., ...) = -1 EISCONN (done)"
        ),
        (
            "0 socket(..., SOCK_STREAM|SOCK_NONBLOCK, IPPROTO_TCP) = 3\n"
            "+0 connect(3, ..., ...) = -1 EINPROGRESS (begun)\n+0 > S 0:0(0) <...>\n+.1 < R. 0:0(0) ack 1 win 0\n"
            "+0 getsockopt(3, SOL_SOCKET, SO_ERROR, [ECONNREFUSED], [4]) = 0\n"
            "+0 connect(3, ..., ...) = -1 ECONNABORTED (over)"
        ),
        # options
        OPEN
        + "+0 setsockopt(4, SOL_SOCKET, SO_LINGER, {onoff=1, linger=0}, 8) = 0\n+0 close(4) = 0\n+0 > R. 1:1(0) ack 1",
        OPEN
        + "+0 setsockopt(4, SOL_SOCKET, SO_LINGER, {onoff=0, linger=9}, 8) = 0\n+0 close(4) = 0\n+0 > F. 1:1(0) ack 1",
        SOCKET + "+0 setsockopt(3, IPPROTO_TCP, TCP_KEEPIDLE, [0], 4) = -1 EINVAL (too small)\n"
        "+0 setsockopt(3, IPPROTO_TCP, TCP_KEEPCNT, [128], 4) = -1 EINVAL (too large)\n"
        "+0 setsockopt(3, IPPROTO_TCP, TCP_USER_TIMEOUT, [0], 4) = 0\n"
        "+0 setsockopt(3, IPPROTO_TCP, TCP_SYNCNT, [3], 4) = 0\n"
        "+0 getsockopt(3, IPPROTO_TCP, TCP_SYNCNT, [3], [4]) = 0",
        SOCKET + "+0 setsockopt(3, IPPROTO_TCP, TCP_MAXSEG, [10], 4) = -1 EINVAL (too small)\n"
        "+0 setsockopt(3, IPPROTO_TCP, TCP_MAXSEG, [1000], 4) = 0\n"
        "+0 setsockopt(3, IPPROTO_IP, IP_TTL, [7], 4) = 0\n+0 setsockopt(3, IPPROTO_IP, IP_TOS, [4], 1) = 0",
        SOCKET + "+0 setsockopt(3, SOL_SOCKET, SO_RCVBUF, [5000], 4) = 0\n"
        "+0 getsockopt(3, SOL_SOCKET, SO_RCVBUF, [10000], [4]) = 0\n"
        "+0 setsockopt(3, SOL_SOCKET, SO_SNDBUF, [5000], 4) = 0\n"
        "+0 getsockopt(3, SOL_SOCKET, SO_SNDBUF, [10000], [4]) = 0\n"
        "+0 setsockopt(3, SOL_SOCKET, SO_KEEPALIVE, [1], 4) = 0\n"
        "+0 getsockopt(3, SOL_SOCKET, SO_KEEPALIVE, [1], [4]) = 0\n"
        "+0 getsockopt(3, IPPROTO_TCP, TCP_NODELAY, [0], [4]) = 0\n"
        "+0 getsockopt(3, SOL_SOCKET, SO_ERROR, [0], [4]) = 0",
        OPEN + "+0 setsockopt(4, IPPROTO_TCP, TCP_NODELAY, [1], 4) = 0\n"
        "+0 getsockopt(4, IPPROTO_TCP, TCP_NODELAY, [1], [4]) = 0\n"
        "+0 getsockopt(4, IPPROTO_TCP, TCP_MAXSEG, [1000], [4]) = 0",
        # assertions
        OPEN + "+0 %{ assert tcpi_state == TCP_ESTABLISHED; assert -1 < 0 or 1 > 2; assert 1 < 2 < 3; x = 7; x -= 2 }%",
        OPEN + "+0 %{ assert tcpi_snd_mss == 1000 and tcpi_sacked == 0 and tcpi_backoff == 0; print(tcpi_rtt) }%",
        LISTEN + "+0 %{ assert tcpi_state == 10 }%",
    ],
)
def test_a_call_that_holds(text: str) -> None:
    run_script(text, "test.pkt")


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("poll(..., 1, 0) = 1", "poll() without an array"),
        ("poll([4], 1, 0) = 1", "poll() with this array"),
        ("fcntl(4, F_SETLK, 0) = 0", "fcntl() with F_SETLK"),
        ("ioctl(4, SIOCATMARK, [0]) = 0", "ioctl() with SIOCATMARK"),
        ("send(4, ..., 5, MSG_OOB) = 5", "MSG_OOB"),
        ("sendmsg(4, 5, 0) = 5", "sendmsg() with control data"),
        ("recvmsg(4, 5, 0) = 5", "recvmsg() with control data"),
        ("writev(4, 7, 2) = 4", "the vector 7"),
        ("writev(4, [7], 2) = 4", "the vector [7]"),
        ("read(4) = 5", "read() with 1 arguments"),
        ("read(4, ..., WHAT) = 5", "WHAT"),
        ('read(4, ..., "x") = 5', 'the argument "x"'),
        ("setsockopt(4, SOL_SOCKET, SO_LINGER, [1], 4) = 0", "SO_LINGER with this value"),
        ("setsockopt(4, IPPROTO_TCP, TCP_CONGESTION, [1], 4) = 0", "TCP_CONGESTION with a number"),
        ("getsockopt(4, SOL_SOCKET, SO_UNKNOWN, [1], [4]) = 0", "SOL_SOCKET SO_UNKNOWN"),
        ("socket(AF_UNIX, SOCK_STREAM, 0) = 5", "AF_UNIX sockets"),
        ("socket(..., SOCK_RAW, 0) = 5", "SOCK_RAW sockets"),
        ("socket(..., SOCK_STREAM, 0) = 4", "descriptor 4 twice"),
        ("bind(3, {sa_family = AF_INET6, sin_port = htons(1)}, ...) = 0", "addresses of AF_INET6"),
        ("%{ assert }%", "code that is not Python"),
        ("%{ x = 1; x **= 2 }%", "x **= 2"),
        ("%{ assert 1 in 2 }%", "the expression '1 in 2'"),
    ],
)
def test_what_does_not_exist_is_named(line: str, what: str) -> None:
    with pytest.raises(Unsupported) as caught:
        run_script(OPEN + "+0 " + line, "test.pkt")
    assert str(caught.value).endswith(f"unsupported: {what}")


@pytest.mark.parametrize(
    "line", ["epoll_ctl(5, EPOLL_CTL_ADD, 4, 7) = 0", "epoll_ctl(5, EPOLL_CTL_ADD, 4, {events=EPOLLET}) = 0"]
)
def test_edge_triggers_and_other_events_are_refused(line: str) -> None:
    with pytest.raises(Unsupported):
        run_script(f"{OPEN}+0 epoll_create(1) = 5\n+0 {line}", "test.pkt")


@pytest.mark.parametrize(
    ("setting", "key", "value"),
    [
        ("net.ipv4.tcp_rmem=4096 50000 900000", "receive_window", 50_000),
        ("net.ipv4.tcp_wmem=4096 16384 900000", "send_buffer", 900_000),
        ("net.inet.tcp.recvspace=40000", "receive_window", 40_000),
        ("net.inet.tcp.sendspace=40000", "send_buffer", 40_000),
        ("kern.ipc.maxsockbuf=300000", "receive_buffer", 300_000),
        ("net.inet.tcp.rfc1323=0", "window_scale", -1),
        ("net.ipv4.tcp_window_scaling=0", "window_scale", -1),
        ("net.ipv4.tcp_ecn=1", "ecn", "request"),
        ("net.inet.tcp.ecn.enable=2", "ecn", "accept"),
        ("net.ipv4.tcp_congestion_control=cubic", "congestion_control", "cubic"),
        ("net.ipv4.tcp_congestion_control=reno", "congestion_control", "reno"),
        ("net.inet.tcp.ecn.maxretries=2", "ecn_retries", 2),
    ],
)
def test_a_setting_of_a_system_is_one_of_ours(setting: str, key: str, value: object) -> None:
    settings = Settings.of("linux")
    name, _, text = setting.partition("=")
    settings.take_sysctl(name, text, PLACE)
    assert settings.changes[key] == value
    assert getattr(settings.config(), key) == value


def test_freebsd_may_drop_what_has_syn_and_fin() -> None:
    script = "0 `sysctl net.inet.tcp.drop_synfin=%d`\n" + LISTEN.replace("0 socket", "+0 socket", 1)
    syn = "+0 < SF 0:0(0) win 32792 <mss 1000>\n"
    answer = "+0 > S. 0:0(0) ack 1 <...>\n"
    run_script(script % 1 + syn + "+0 < S 0:0(0) win 32792 <mss 1000>\n" + answer, "test.pkt", "freebsd")
    run_script(script % 0 + syn + answer, "test.pkt", "freebsd")
    with pytest.raises(Difference):
        run_script(script % 1 + syn + answer, "test.pkt", "freebsd")


def test_a_write_that_blocks_goes_on_where_it_was_whenever_a_third_of_the_buffer_is_free() -> None:
    """sk_stream_wait_memory and sk_stream_is_writeable; 61000 octets, and not one more, leave."""
    run_script(
        LISTEN + "+0 < S 0:0(0) win 50000 <mss 1000>\n+0 > S. 0:0(0) ack 1 <...>\n+.1 < . 1:1(0) ack 1 win 50000\n"
        "+0 accept(3, ..., ...) = 4\n+0 setsockopt(4, SOL_SOCKET, SO_SNDBUF, [21000], 4) = 0\n"
        "+0...0.2 write(4, ..., 61000) = 61000\n+.1 < . 1:1(0) ack 10001 win 50000\n"
        "+.1 < . 1:1(0) ack 30001 win 50000\n+.1 < . 1:1(0) ack 50001 win 50000\n"
        "+.01 < . 1:1(0) ack 61001 win 50000\n+0 ioctl(4, SIOCOUTQ, [0]) = 0\n+0 ioctl(4, SIOCOUTQNSD, [0]) = 0\n",
        "test.pkt",
    )


def test_sendmsg_with_more_to_come_waits_for_it() -> None:
    message = "sendmsg(4, {msg_name(...)=..., msg_iov(1)=[{..., 40}], msg_flags=0}, %s) = 40\n"
    run_script(
        OPEN + "+0 " + message % "MSG_MORE" + "+.02 " + message % "0" + "+0 > P. 1:81(80) ack 1\n",
        "test.pkt",
    )


@pytest.mark.parametrize(
    "setting", ["net.ipv4.tcp_ecn=7", "net.ipv4.tcp_rmem=1 2", "net.ipv4.tcp_congestion_control=bbr"]
)
def test_a_setting_that_means_nothing_here_is_refused(setting: str) -> None:
    name, _, text = setting.partition("=")
    with pytest.raises(Unsupported):
        Settings.of("linux").take_sysctl(name, text, PLACE)


@pytest.mark.parametrize(
    "option",
    ["mtu=1280", "mss=1000", "bind_port=99", "connect_port=99", "tolerance_usecs=9000", "tolerance_percent=1.5",
     "tcp_ts_tick_usecs=10000", "strict_segments="],
)  # fmt: skip
def test_options_of_the_head(option: str) -> None:
    settings = Settings.of("linux")
    name, _, value = option.partition("=")
    before = vars(settings).copy() if hasattr(settings, "__dict__") else {}
    settings.take_option(name, value, PLACE)
    assert name == "mss" or not before or vars(settings) != before


def test_an_option_of_the_head_out_of_bounds_is_a_mistake() -> None:
    with pytest.raises(ScriptError, match="--mtu"):
        Settings.of("linux").take_option("mtu", "7", PLACE)


@pytest.mark.parametrize(
    ("line", "actual"),
    [
        ("+0 poll([{fd=4, events=POLLIN, revents=POLLIN}], 1, 0) = 1", "0"),
        ("+0 ioctl(4, SIOCINQ, [7]) = 0", "0"),
        ("+0 getsockopt(4, IPPROTO_TCP, TCP_MAXSEG, [999], [4]) = 0", "1000"),
        ("+0 %{ assert tcpi_snd_mss == 5 }%", "tcpi_snd_mss is 1000"),
    ],
)
def test_what_a_call_tells_is_compared(line: str, actual: str) -> None:
    with pytest.raises(Difference) as caught:
        run_script(OPEN + line, "test.pkt")
    assert actual in str(caught.value)


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("0 < [ect01] . 1:1(0) ack 1 win 9", "ect01 is for outbound segments"),
        ("0 < (7) . 1:1(0) ack 1 win 9", "expected ECN, tos or ttl, not '7'"),
        ("0 < S 0:5(0) win 9", "are not 0 octets"),
        ("0 < icmp nonsense nothing [1:1(0)]", "unknown ICMP type or code 'nonsense'"),
        ("0 < . 1:1(0) ack 1 win 9 <sack >", "sack without blocks"),
        ("0 < . 1:1(0) ack 1 win 9 <what 7>", "unknown TCP option 'what'"),
        ("0 7 = 3", "expected a segment, a call, a command or code"),
        ("0 read(3) = 5 (a note", "the note behind a result has no end"),
        ("0 read(3, {a=1, 2}) = 5", "a structure has either names or none"),
        ("0 read(3, {[1]=2}) = 5", "expected the name of a field before '='"),
        ("0 read(3, =) = 5", "expected an expression"),
    ],
)
def test_a_line_that_is_wrong_is_told_why(line: str, what: str) -> None:
    with pytest.raises(ScriptError) as caught:
        run_script(line, "test.pkt")
    assert what in str(caught.value)


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("0 < [flowlabel 7] . 1:1(0) ack 1 win 9", "flowlabel of the IP header"),
        ("0 < S! 0:0(0) win 9", ""),
        ("0 < . 1:1(0)! ack 1 win 9", "absolute sequence numbers"),
        ("0 < . 1:1(0) ack 1 win 9 / 7", "UDP encapsulation"),
        ("0 > icmp unreachable frag_needed [1:1(0)]", "an ICMP message that is expected"),
        ("0 < icmp unreachable frag_needed mtu 1000 [udp 7]", "ICMP about udp"),
        ("0 < . 1:1(0) ack 1 win 9 <md5 7>", "the TCP option md5"),
    ],
)
def test_a_line_that_means_something_elsewhere_is_refused(line: str, what: str) -> None:
    with pytest.raises((Unsupported, ScriptError)) as caught:
        run_script(line, "test.pkt")
    assert what in str(caught.value)


@pytest.mark.parametrize(
    "line",
    [
        "+0 < [ce] . 1:1(0) ack 1 win 9",
        "+0 < [tos 4, ttl 9] . 1:1(0) ack 1 win 9 urg 7",
        "+0 < icmp type_3 code_4 mtu 1000 [1:1(0)]",
        '+0 write(4, "a" "b"..., 2) = 2\n+0 > P. 1:3(2) ack 1',
        "+0 write(4, ..., 0x10) = 0x10\n+0 > P. 1:17(16) ack 1",
    ],
)
def test_a_line_that_is_read(line: str) -> None:
    run_script(OPEN + line, "test.pkt")
