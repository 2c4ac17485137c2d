"""The test language itself: what it reads, what it refuses, what it says when something differs."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from emulator.tcp.drill import Difference, ScriptError, Unsupported, run_script
from emulator.tcp.drill.__main__ import main
from emulator.tcp.drill.parser import parse
from emulator.tcp.drill.script import ABSOLUTE, ANY, RELATIVE, Call, Icmp, When
from emulator.tcp.drill.segments import Segment, decode, encode, write
from emulator.tcp.drill.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

LISTEN = """\
    0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
   +0 bind(3, ..., ...) = 0
   +0 listen(3, 1) = 0
"""
OPEN = (
    LISTEN
    + """\
   +0 < S 0:0(0) win 32792 <mss 1000>
   +0 > S. 0:0(0) ack 1 <...>
  +.1 < . 1:1(0) ack 1 win 32792
   +0 accept(3, ..., ...) = 4
"""
)


def events(text: str):
    return parse(text, "test.pkt").events


def actions(*lines: str):
    return [event.action for event in events("\n".join(lines))]


# -- reading ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("0", When(ABSOLUTE, 0)),
        ("+.1", When(RELATIVE, 100_000_000)),
        ("+ 0.25", When(RELATIVE, 250_000_000)),
        ("+1e", None),
        ("*", When(ANY)),
        ("0~1.5", When(ABSOLUTE, 0, 1_500_000_000)),
        ("+0~+.2", When(RELATIVE, 0, 200_000_000)),
    ],
)
def test_times(text: str, when: When | None) -> None:
    if when is None:
        with pytest.raises(ScriptError):
            events(f"{text} > . 1:1(0) ack 1")
    else:
        assert events(f"{text} > . 1:1(0) ack 1")[0].when == when


SEGMENTS = [
    "> S 0:0(0) win 65535 <mss 1460,sackOK,TS val 100 ecr 0,nop,wscale 7>",
    "< SEW 0:0(0) win 5840 <mss 1000,nop,nop,sackOK>",
    "> S.E 0:0(0) ack 1 <...>",
    "> [ect0] P. 1:1001(1000) ack 1",
    "< [ce] . 1:1001(1000) ack 1 win 257",
    "> (ttl 64) . 1:1(0) ack 1",
    "< (tos 0x10) FP. 1:11(10) ack 1 win 10",
    "< 1234 > 8080 . 1:1(0) ack 1 win 10",
    "< - 1:1(0) win 10",
    "< .U 1:1(0) ack 1 win 10 urg 5",
    "> .5 1:1(0) ack 1",
    "< . 1:1(0) ack 1 win 9 <nop,nop,sack 1:2 4294967295:7>",
    "> R. ...(0) ack 1",
    "< . 4294967290:10(16) ack 1 win 9",
]


@pytest.mark.parametrize("line", SEGMENTS)
def test_a_segment_is_written_as_it_was_read(line: str) -> None:
    (segment,) = actions(f"0 {line}")
    assert isinstance(segment, Segment)
    assert write(segment) == line


def test_comments_and_continued_lines() -> None:
    found = actions(
        "# a comment",
        "0 > S 0:0(0) // another",
        "/* a third,",
        "   of two lines */ +0 > . 1:1(0)",
        "   ack 1 <nop,",
        "   nop>",
    )
    assert [write(segment) for segment in found] == ["> S 0:0(0)", "> . 1:1(0) ack 1 <nop,nop>"]


def test_conditional_lines() -> None:
    text = "#ifdef A\n0 > S 0:0(0)\n#else\n0 > . 1:1(0) ack 1\n#endif\n"
    assert write(parse(text, "x", frozenset({"A"})).events[0].action) == "> S 0:0(0)"
    assert write(parse(text, "x").events[0].action) == "> . 1:1(0) ack 1"


def test_an_icmp_message() -> None:
    (message,) = actions("0 < icmp unreachable frag_needed mtu 1000 [1:1001(1000)]")
    assert message == Icmp(3, 4, 1000, 1, 1000, "icmp unreachable frag_needed mtu 1000 [1:1001(1000)]")


def test_a_call_with_its_note() -> None:
    (call,) = actions("0...0.5 read(4, ..., 10) = -1 EAGAIN (Resource temporarily unavailable)")
    assert isinstance(call, Call)
    assert (call.name, call.arguments, call.result, call.errno, call.until) == (
        "read", (4, ..., 10), -1, "EAGAIN", 500_000_000,
    )  # fmt: skip


def test_symbols_of_the_head() -> None:
    (call,) = actions("--define=SIZE=1000", "0 write(4, ..., SIZE) = SIZE")
    assert isinstance(call, Call)
    assert (call.arguments[2], call.result) == (1000, 1000)


def test_options_are_read_and_written() -> None:
    options = (("mss", 1460), ("sackOK",), ("TS", 1, 2), ("nop",), ("wscale", 7), ("sack", (1, 2), (3, 4)), ("eol",))
    data = encode(options)
    assert len(data) % 4 == 0
    assert decode(data)[: len(options)] == options


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("0 > S 0:0(0) <mss 99999>", "1:19: 99999 is not between 0 and 65535"),
        ("0 > S 0:1(0)", "1:7: 0:1 are not 0 octets"),
        ("0 > SX 0:0(0)", "1:5: expected the flags of a segment, not 'SX'"),
        ("0 > S 0:0(0)\n+0 < . 1:1(0) ack", "2:18: expected a number, not 'end of script'"),
        ("0 close(3) = ", "1:14: expected an expression, not 'end of script'"),
        ("0 close(3 = 0", "1:11: expected ')', not '='"),
        ("soon close(3) = 0", "1:1: expected a time, not 'soon'"),
        ("* close(3) = 0", "1:1: only an outbound segment can come at any time or in a range of times"),
        ("0~1 < . 1:1(0) ack 1 win 1", "1:1: only an outbound segment can come at any time or in a range of times"),
        ("2~1 > . 1:1(0) ack 1", "1:5: the range of times is backwards"),
        ("0 < . 1:1(0) ack 1 win 1 <...>", "1:27: <...> is for outbound segments"),
        ("0 < . 1:1(0) <foo>", "1:15: unknown TCP option 'foo'"),
        ("0 `sysctl -q x", "1:3: ` without its end"),
        ("0 %{ assert", "1:3: %{ without its end"),
        ("", "1:1: a script has at least one event"),
        ("1 > S 0:0(0)", "1:1: the first event is at time 0"),
        ("0 read(" + "[" * 30, "1:28: brackets nest deeper than 20"),
        ("#ifdef A\n0 > S 0:0(0)", "1:1: #ifdef without #endif"),
    ],
)
def test_mistakes_are_told_with_their_place(text: str, where: str) -> None:
    with pytest.raises(ScriptError) as caught:
        parse(text, "test.pkt")
    assert str(caught.value) == f"test.pkt:{where}"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("--ip_version=ipv6\n0 > S 0:0(0)", "1:1: unsupported: ip_version ipv6"),
        ("--wire_client\n0 > S 0:0(0)", "1:1: unsupported: the option --wire_client"),
        ("0 < sctp: INIT[]", "1:5: unsupported: sctp packets"),
        ("0 < S 0:0(0) <FO 12>", "1:15: unsupported: TCP Fast Open"),
        ("0 socket(..., SOCK_DGRAM, IPPROTO_UDP) = 3", "1:1: unsupported: IPPROTO_UDP sockets"),
        ("0 fork() = 3", "1:1: unsupported: the call fork()"),
        ("0 `rm -rf /`", "1:1: unsupported: the command 'rm -rf /'"),
        ("0 `sysctl -q net.ipv4.tcp_unheard_of=1`", "1:1: unsupported: sysctl net.ipv4.tcp_unheard_of"),
        (OPEN + "+0 %{ import os }%", "8:4: unsupported: the code 'import os'"),
        (OPEN + "+0 %{ assert tcpi_magic == 1 }%", "8:4: unsupported: tcpi_magic"),
        (OPEN + "+0 %{ assert open('x') }%", "8:4: unsupported: the expression \"open('x')\""),
        (OPEN + "+0 setsockopt(4, SOL_SOCKET, SO_UNKNOWN, [1], 4) = 0", "8:4: unsupported: SOL_SOCKET SO_UNKNOWN"),
    ],
)
def test_what_does_not_exist_here_is_refused_by_name(text: str, what: str) -> None:
    with pytest.raises(Unsupported) as caught:
        run_script(text, "test.pkt")
    assert str(caught.value).replace("8:1:", "8:4:") == f"test.pkt:{what}"


def test_a_script_is_not_read_without_bounds() -> None:
    with pytest.raises(ScriptError, match="longer than"):
        parse("0 > S 0:0(0)\n" * 100_000, "test.pkt")
    with pytest.raises(ScriptError, match="more than 20000 events"):
        parse("0>S 0:0(0)\n" * 20_001, "test.pkt")


# -- settings --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "key", "value"),
    [
        ("sysctl -q net.ipv4.tcp_timestamps=0", "timestamps", False),
        ("sysctl -w net.inet.tcp.sack.enable=1", "sack", True),
        ("../common/set_sysctls.py /proc/sys/net/ipv4/tcp_syn_retries=3", "syn_retries", 3),
        ('sysctl -q net.ipv4.tcp_rmem="4096 50000 6291456"', "window_scale", 7),
        ("sysctl -w kern.ipc.maxsockbuf=2097152", "window_scale", 6),
        ("sysctl -q net.ipv4.tcp_ecn=1", "ecn", "request"),
        ("sysctl -q \\\n  net.ipv4.tcp_retries2=4 \\\n  net.ipv4.tcp_fastopen=1", "retries2", 4),
        ("../common/defaults.sh", "syn_ack_retries", 5),
    ],
)
def test_commands_that_set_something(command: str, key: str, value: object) -> None:
    settings = Settings.of("linux")
    settings.take_command(command, events("0 > S 0:0(0)")[0].place, None)
    assert settings.changes[key] == value


def test_a_mss_of_the_mtu() -> None:
    settings = Settings.of("linux")
    settings.take_option("mtu", "9001", events("0 > S 0:0(0)")[0].place)
    assert settings.config().mss == 8961


# -- differing -------------------------------------------------------------------------------------------------------


def difference(text: str, profile: str = "linux") -> Difference:
    with pytest.raises(Difference) as caught:
        run_script(text, "test.pkt", profile)
    return caught.value


def test_a_difference_shows_both_sides_in_one_notation() -> None:
    found = difference(OPEN + "+0 write(4, ..., 100) = 100\n+0 > P. 1:201(200) ack 1\n")
    assert str(found).split("\n") == [
        "test.pkt:9: differs in length",
        "  expected: 0.100000 > P. 1:201(200) ack 1",
        "  actual:   0.100000 > P. 1:101(100) ack 1",
        "  exchanged before:",
        "    0.000000 < S 0:0(0) win 32792 <mss 1000>",
        "    0.000000 > S. 0:0(0) ack 1 <mss 1460>",
        "    0.100000 < . 1:1(0) ack 1 win 32792",
    ]


WRITE = OPEN + "+0 write(4, ..., 100) = 100\n"


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("+0 > . 1:101(100) ack 1", "flags"),
        ("+0 > P. 2:102(100) ack 1", "seq"),
        ("+0 > P. 1:101(100) ack 2", "ack"),
        ("+0 > P. 1:101(100) ack 1 win 7", "win"),
        ("+0 > P. 1:101(100) ack 1 <nop,nop,TS val 1 ecr 1>", "options"),
        ("+0 > (ttl 3) P. 1:101(100) ack 1", "ttl"),
        ("+0 > [ce] P. 1:101(100) ack 1", "ecn"),
        ("+1 > P. 1:101(100) ack 1", "time"),
        ("+.1~+.2 > P. 1:101(100) ack 1", "time"),
    ],
)
def test_every_part_of_a_segment_is_compared(line: str, what: str) -> None:
    assert difference(WRITE + line).what == what


def test_a_segment_that_never_comes() -> None:
    found = difference(OPEN + "+.5 > P. 1:101(100) ack 1")
    assert (found.what, found.actual) == ("segments", "nothing was sent until 2.600000")


def test_a_segment_too_many_is_noticed_by_the_next_line() -> None:
    assert difference(WRITE + "+0 > P. 1:101(100) ack 1\n+2 > F. 101:101(0) ack 1").what == "flags"


@pytest.mark.parametrize(
    ("line", "actual"),
    [
        ("+0 write(4, ..., 100) = 99", "write(4, ..., 100) = 100"),
        ("+0 write(9, ..., 100) = 100", "write(9, ..., 100) = -1 EBADF"),
        ("+0 recv(4, ..., 10, MSG_DONTWAIT) = -1 ECONNRESET (reset)", "recv(4, ..., 10, MSG_DONTWAIT) = -1 EAGAIN"),
        ("+0 read(4, ..., 10) = 10", "read() blocks"),
        ("+0...0.5 read(4, ..., 10) = 10", "read() still blocks"),
        ("+0 getsockopt(4, SOL_SOCKET, SO_ERROR, [ECONNRESET], [4]) = 0", "0"),
    ],
)
def test_results_are_compared(line: str, actual: str) -> None:
    assert difference(OPEN + line).actual == actual


def test_a_blocking_call_that_returns_too_early() -> None:
    found = difference(OPEN + "+0...0.9 read(4, ..., 10) = 10\n+.1 < P. 1:11(10) ack 1 win 9\n+2 close(4) = 0")
    assert (found.place.line, found.expected, found.actual) == (8, "1.000000", "0.200000")


def test_an_assertion_about_tcp_info() -> None:
    run_script(OPEN + "+0 %{ x = 5; x += 5; assert tcpi_snd_cwnd == x and not tcpi_unacked }%", "test.pkt")
    found = difference(OPEN + "+0 %{ assert 1 <= tcpi_snd_cwnd < 10, tcpi_snd_cwnd }%")
    assert (found.expected, found.actual) == ("1 <= tcpi_snd_cwnd < 10", "tcpi_snd_cwnd is 10")


def test_timestamps_are_compared_if_asked() -> None:
    text = OPEN.replace("<mss 1000>", "<mss 1000,nop,nop,TS val 1 ecr 0>")
    text = text.replace("<...>", "<mss 1460,nop,nop,TS val 100 ecr 1>").replace(
        "win 32792\n   +0 accept", "win 32792 <nop,nop,TS val 2 ecr 100>\n   +0 accept"
    )
    text += "+0 write(4, ..., 10) = 10\n+0 > P. 1:11(10) ack 1 <nop,nop,TS val 900 ecr 2>"
    run_script(text, "test.pkt")
    assert difference("--tcp_ts_tick_usecs=1000\n" + text).what == "timestamp"


def test_the_tolerance_is_four_milliseconds_or_an_eighth_of_the_wait() -> None:
    text = WRITE + "+0 > P. 1:101(100) ack 1\n"
    run_script(text + "+.28 > P. 1:101(100) ack 1", "test.pkt")
    assert difference(text + "+.25 > P. 1:101(100) ack 1").what == "time"
    run_script("--tolerance_usecs=60000\n" + text + "+.25 > P. 1:101(100) ack 1", "test.pkt")


def test_several_packets_add_up_to_one_line() -> None:
    text = OPEN + "+0 write(4, ..., 2500) = 2500\n+0 > P. 1:2501(2500) ack 1"
    run_script(text, "test.pkt")
    assert difference("--strict_segments\n" + text).what == "flags"


def test_the_profile_decides() -> None:
    text = "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n+0 fcntl(3, F_SETFL, O_RDWR|O_NONBLOCK) = 0\n"
    text += "+0 connect(3, ..., ...) = -1 EINPROGRESS (note)\n"
    text += "+0 > S 0:0(0) win 65535 <mss 1460,nop,wscale 6,sackOK,TS val 1 ecr 0>"
    run_script(text, "test.pkt", "freebsd")
    assert difference(text, "linux").what in {"win", "options"}


# -- the command line ------------------------------------------------------------------------------------------------


@pytest.fixture
def scripts(tmp_path: Path) -> dict[str, str]:
    texts = {
        "good": OPEN,
        "bad": OPEN + "+0 > F. 1:1(0) ack 1",
        "strange": OPEN + "+0 splice(1, 2, 3) = 4",
        "broken": OPEN + "+0 > Q 1:1(0)",
    }
    for name, text in texts.items():
        (tmp_path / f"{name}.pkt").write_text(text)
    return {name: str(tmp_path / f"{name}.pkt") for name in texts}


@pytest.mark.parametrize(
    ("name", "status", "said"),
    [
        ("good", 0, ""),
        ("bad", 1, "{path}:8: differs in segments"),
        ("strange", 2, "{path}:8:1: unsupported: the call splice()"),
        ("broken", 2, "{path}:8:6: expected the flags of a segment, not 'Q'"),
    ],
)
def test_one_script(scripts, capsys, name: str, status: int, said: str) -> None:
    assert main([scripts[name]]) == status
    assert capsys.readouterr().out.split("\n")[0] == said.format(path=scripts[name])


def test_several_scripts_are_a_line_each_and_a_count(scripts, capsys) -> None:
    assert main([scripts["good"], scripts["bad"], scripts["strange"]]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["ok", "FAILED", "refused", "1"]
    assert lines[2].endswith("8:1: unsupported: the call splice()")
    assert lines[3] == "1 ok, 1 failed, 1 refused of 3"
    assert main([scripts["good"], scripts["strange"]]) == 2
    assert main([scripts["good"], scripts["good"]]) == 0


def test_a_file_that_is_not_there(tmp_path: Path, capsys) -> None:
    assert main([str(tmp_path / "no.pkt")]) == 2
    assert "No such file" in capsys.readouterr().out


def test_the_command_works(scripts) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "emulator.tcp.drill", "--profile", "linux", scripts["bad"]],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "expected: " in done.stdout
    assert done.stderr == ""
    shown = subprocess.run(
        [sys.executable, "-m", "emulator.tcp.drill", "--help"], capture_output=True, text=True, check=True
    )
    assert "Exit status" in shown.stdout


@pytest.mark.parametrize(("profile", "status"), [(None, 0), ("linux", 1), ("windows", 0)])
def test_a_script_says_for_which_system_it_is_unless_the_command_does(profile, status, tmp_path, capsys) -> None:
    script = tmp_path / "syn.pkt"
    script.write_text(
        "--profile=windows\n"
        "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n"
        "+0 fcntl(3, F_SETFL, O_RDWR|O_NONBLOCK) = 0\n"
        "+0 connect(3, ..., ...) = -1 EINPROGRESS (Operation now in progress)\n"
        "+0 > (ttl 128) S 0:0(0) <mss 1460,nop,wscale 8,nop,nop,sackOK>\n"
    )
    assert main([*(["--profile", profile] if profile else []), str(script)]) == status
    script.write_text("--profile=plan9\n0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n")
    assert main([str(script)]) == 2
    assert "'plan9' is none of freebsd, linux, macos, windows" in capsys.readouterr().out
