"""Explicit congestion notification (RFC 3168): agreed on in the handshake, marked, echoed, answered."""

from __future__ import annotations

import pytest

from emulator.tcp import TcpConfig
from emulator.wire.packet import ACK, CE, CWR, ECE, ECT_0, FIN, PSH, SYN

from .dialogue import SECOND, Dialogue, syn_options


def agreed(*, server: bool = False, **changes) -> Dialogue:
    d = Dialogue(TcpConfig(mss=1000, timestamps=False, ecn="accept" if server else "request", **changes))
    if server:
        syn = d.segment("S", 0, options=syn_options())
        syn.flags |= ECE | CWR
        d.c.accept(syn, 0)
        d.answers()
        d.send("A", 1, 1)
    else:
        d.c.connect(0)
        d.answers()
        answer = d.segment("SA", 0, 1, options=syn_options())
        answer.flags |= ECE
        d.c.receive(answer, 0)
        d.answers()
    assert d.c.ecn_ok
    return d


def bits(d: Dialogue) -> list[tuple[int, int]]:
    return [(packet.tos, packet.flags) for packet in d.packets]


@pytest.mark.parametrize(
    ("mode", "asked", "flags"),
    [
        ("off", ECE | CWR, SYN | ACK),
        ("accept", ECE | CWR, SYN | ACK | ECE),
        ("request", ECE | CWR, SYN | ACK | ECE),
        ("accept", 0, SYN | ACK),
        ("accept", ECE, SYN | ACK),
    ],
)
def test_a_listener_agrees_if_it_is_asked_properly(mode: str, asked: int, flags: int) -> None:
    d = Dialogue(TcpConfig(mss=1000, ecn=mode))
    syn = d.segment("S", 0, options=syn_options())
    syn.flags |= asked
    d.c.accept(syn, 0)
    d.answers()
    assert bits(d) == [(0, flags)]  # a SYN,ACK is not ECN-capable itself


@pytest.mark.parametrize(("mode", "flags"), [("off", SYN), ("accept", SYN), ("request", SYN | ECE | CWR)])
def test_only_who_is_to_request_it_asks(mode: str, flags: int) -> None:
    d = Dialogue(TcpConfig(mss=1000, ecn=mode))
    d.c.connect(0)
    d.answers()
    assert bits(d) == [(0, flags)]


def test_a_syn_sent_again_asks_no_more_for_middleboxes_may_drop_what_asks() -> None:
    d = Dialogue(TcpConfig(mss=1000, ecn="request"))
    d.c.connect(0)
    d.answers()
    d.wait(SECOND)
    assert bits(d) == [(0, SYN)]
    answer = d.segment("SA", 0, 1, options=syn_options())
    answer.flags |= ECE
    d.c.receive(answer, d.now)
    assert not d.c.ecn_ok


def test_a_system_may_ask_once_more() -> None:
    """FreeBSD does, once (``net.inet.tcp.ecn.maxretries``)."""
    d = Dialogue(TcpConfig(mss=1000, ecn="request", ecn_retries=1))
    d.c.connect(0)
    d.answers()
    d.wait(SECOND)
    assert bits(d) == [(0, SYN | ECE | CWR)]
    d.wait(2 * SECOND)
    assert bits(d) == [(0, SYN)]


def test_new_data_is_ecn_capable_and_nothing_else() -> None:
    d = agreed()
    d.write(2500)
    assert bits(d) == [(ECT_0, ACK), (ECT_0, ACK | PSH), (ECT_0, ACK | PSH)]
    d.wait(3 * SECOND)
    assert bits(d)[0][0] == 0  # a retransmission (RFC 3168 section 6.1.5)
    d.send("A", 1, 2501)
    d.send("FA", 1, 2501)
    assert bits(d) == [(0, ACK)]
    d.c.close(d.now)
    d.answers()
    assert bits(d) == [(0, FIN | ACK)]


def marked(d: Dialogue, seq: int, *, flags: int = 0, tos: int = CE) -> None:
    packet = d.segment("A", seq, 1, b"x" * 1000)
    packet.tos = tos
    packet.flags |= flags
    d.c.receive(packet, d.now)
    d.take()


@pytest.mark.parametrize("server", [False, True])
def test_congestion_is_echoed_until_the_peer_says_that_it_has_reacted(server: bool) -> None:
    d = agreed(server=server)
    marked(d, 1)
    marked(d, 1001, tos=ECT_0)
    d.answers()
    assert [flags & ECE for _, flags in bits(d)] == [ECE] * len(d.packets)
    d.write(100)
    assert bits(d)[0][1] & ECE
    marked(d, 2001, flags=CWR, tos=ECT_0)
    marked(d, 3001, tos=ECT_0)
    d.answers()
    assert [flags & ECE for _, flags in bits(d)] == [0] * len(d.packets)


def test_an_echo_halves_the_window_once_and_the_next_data_says_so() -> None:
    d = agreed()
    d.write(10_000)
    before = d.c.congestion.cwnd
    for ack in (1001, 2001):
        echo = d.segment("A", 1, ack, window=60_000)
        echo.flags |= ECE
        d.c.receive(echo, d.now)
        d.answers()
    for ack in range(3001, 10_002, 1000):
        d.send("A", 1, ack, window=60_000)
    assert before // 2 <= d.c.congestion.cwnd < before
    d.write(2000)
    said = [flags & CWR for _, flags in bits(d)]
    assert said.count(CWR) <= 1


def test_without_agreement_marks_mean_nothing() -> None:
    d = Dialogue(TcpConfig(mss=1000, timestamps=False))
    d.c.connect(0)
    d.answers()
    d.send("SA", 0, 1, options=syn_options())
    marked(d, 1)
    marked(d, 1001)
    d.answers()
    assert [flags & ECE for _, flags in bits(d)] == [0]
