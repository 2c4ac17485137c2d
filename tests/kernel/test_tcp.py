"""The emulated TCP and the kernel's, at two ends of one wire (docs/kernel.md)."""

from __future__ import annotations

import contextlib
import errno
import os
import select
import socket
import struct
import time

import pytest

from emulator.tcp import Failure, State, TcpConfig
from emulator.tcp.profiles import LINUX
from emulator.wire.options import read
from emulator.wire.packet import ACK, CWR, ECE, SYN, Packet
from tests.kernel.transfers import emulated_sends, kernel_sends
from tests.kernel.tun import Wire, why_not_tun

OCTETS = 10_000_000
SECOND = 1_000_000_000


@pytest.fixture(autouse=True, scope="module")
def _permitted():
    reason = why_not_tun()
    if reason is not None:
        pytest.skip(f"not judged by the kernel: {reason}")


# -- bulk data


@pytest.mark.slow
@pytest.mark.parametrize("loss", [0.0, 0.01, 0.03])
@pytest.mark.parametrize("send", [emulated_sends, kernel_sends])
def test_every_octet_arrives_whoever_sends_and_whatever_is_lost(send, loss) -> None:
    outcome = send(OCTETS, loss, 1)
    assert (outcome.lost > 0) is (loss > 0)
    if not loss:
        assert outcome.again <= outcome.packets // 100  # none, unless the machine stood still for 200 ms


@pytest.mark.parametrize("options", [{"sack": False}, {"timestamps": False}, {"window_scale": -1}])
@pytest.mark.parametrize("send", [emulated_sends, kernel_sends])
def test_an_option_that_only_one_of_them_offers_is_used_by_neither(send, options) -> None:
    send(300_000, 0.01, 2, TcpConfig(mss=1460, **options))


# -- opening


def handshake(wire: Wire) -> tuple[Packet, Packet]:
    """The emulated end connects; its SYN and the kernel's answer."""
    listener = wire.kernel_listens()
    wire.connects()
    wire.kernel_accepts(listener)
    wire.run(wire.opened)
    return wire.seen[0][1], wire.seen[1][1]


def kinds(options: bytes) -> list[int]:
    """Return the options' kinds in order, padding included."""
    found = []
    while options:
        found.append(options[0])
        options = options[1:] if options[0] < 2 else options[options[1] :]
    return found


def test_both_open_with_the_same_options_in_the_same_order() -> None:
    with Wire(keep=True) as wire:
        wire.listening = True
        wire.kernel_connects()
        wire.run(wire.opened)
        kernel, answer = wire.seen[0][1], wire.seen[1][1]
    with Wire(keep=True) as wire:
        syn, kernels_answer = handshake(wire)
    assert (syn.flags, kernel.flags) == (SYN, SYN)
    assert kinds(syn.options) == kinds(kernel.options)
    assert (read(syn.options).mss, syn.ttl, syn.fragment) == (read(kernel.options).mss, kernel.ttl, kernel.fragment)
    assert (answer.flags, kernels_answer.flags) == (SYN | ACK, SYN | ACK)
    assert kinds(answer.options) == kinds(kernels_answer.options)
    assert read(answer.options).mss == read(kernels_answer.options).mss


def test_a_linux_host_opens_as_this_linux_does() -> None:
    with Wire(LINUX.tcp_config(mss=1460), keep=True) as wire:
        wire.listening = True
        wire.kernel_connects()
        wire.run(wire.opened)
        kernel = wire.seen[0][1]
    with Wire(LINUX.tcp_config(mss=1460), keep=True) as wire:
        syn, kernels_answer = handshake(wire)
    with Wire(LINUX.tcp_config(mss=1460), keep=True) as wire:
        wire.listening = True
        wire.kernel_connects()
        wire.run(wire.opened)
        answer = wire.seen[1][1]
    assert (syn.window, syn.ttl, syn.tos) == (kernel.window, kernel.ttl, kernel.tos)
    assert (answer.window, answer.ident) == (kernels_answer.window, kernels_answer.ident)


@pytest.mark.parametrize(
    ("ours", "kernels", "agreed"), [("request", 1, True), ("off", 1, False), ("request", 0, False)]
)
def test_ecn_is_used_if_both_want_it(ours, kernels, agreed) -> None:
    config = TcpConfig(mss=1460, ecn=ours)
    with Wire(config, keep=True, ipv4__tcp_ecn=kernels) as wire:
        syn, answer = handshake(wire)
        assert bool(syn.flags & ECE and syn.flags & CWR) is (ours == "request")
        assert bool(answer.flags & ECE) is agreed
        end = wire.connection
        assert end is not None
        end.write(b"x" * 10_000, wire.now)
        wire.run(lambda: end.unacknowledged() == 0)
        marked = {packet.tos & 3 for who, packet in wire.seen if who == 1 and packet.payload}
        assert marked == ({2} if agreed else {0})


@pytest.mark.slow
@pytest.mark.parametrize("send", [emulated_sends, kernel_sends])
def test_congestion_marks_slow_the_sender_without_a_loss(send) -> None:
    outcome = send(2_000_000, 0.0, 5, TcpConfig(mss=1460, ecn="request"), mark=0.02, ipv4__tcp_ecn=1)
    assert outcome.marked > 10
    assert outcome.reductions > 3
    assert outcome.again <= outcome.packets // 100


def test_a_closed_port_of_either_refuses_the_other() -> None:
    with Wire() as wire:
        sock = wire.kernel_connects()  # nobody listens
        wire.run(lambda: sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == errno.ECONNREFUSED)
        end = wire.connects()
        wire.run(lambda: end.state is State.CLOSED)
        assert end.error is Failure.REFUSED


# -- closing


def opened(wire: Wire, **options: int):
    """Return a connection that is open at both ends: the kernel's socket and the emulated one."""
    listener = wire.kernel_listens(**options)
    end = wire.connects()
    sock = wire.kernel_accepts(listener)
    wire.run(wire.opened)
    return sock, end


def arrived(sock: socket.socket):
    """Return a condition: something can be read."""
    return lambda: bool(select.select([sock], [], [], 0)[0])


def test_the_kernel_may_go_on_sending_when_the_emulated_end_has_closed() -> None:
    with Wire() as wire:
        got = bytearray()
        wire.got = got.extend
        sock, end = opened(wire)
        end.close(wire.now)
        wire.run(arrived(sock))
        assert sock.recv(1) == b""
        sock.send(b"after the end of file")
        wire.run(lambda: len(got) == 21)
        assert end.state is State.FIN_WAIT_2
        sock.close()
        wire.run(lambda: end.state is State.TIME_WAIT)
        assert end.error is None


def test_the_emulated_end_may_go_on_sending_when_the_kernel_has_closed() -> None:
    with Wire() as wire:
        sock, end = opened(wire)
        sock.shutdown(socket.SHUT_WR)
        wire.run(lambda: end.state is State.CLOSE_WAIT)
        end.write(b"after the end of file", wire.now)
        wire.run(arrived(sock))
        assert sock.recv(100) == b"after the end of file"
        end.close(wire.now)
        wire.run(lambda: end.state is State.CLOSED)
        assert sock.recv(1) == b""
        assert end.error is None


def test_a_reset_by_either_is_believed_by_the_other() -> None:
    with Wire() as wire:
        sock, end = opened(wire)
        end.abort(wire.now)
        wire.run(arrived(sock))
        with pytest.raises(ConnectionResetError):
            sock.recv(1)
    with Wire() as wire:
        sock, end = opened(wire)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()
        wire.run(lambda: end.state is State.CLOSED)
        assert end.error is Failure.RESET


def test_a_program_that_leaves_data_unread_resets_whichever_it_is() -> None:
    with Wire() as wire:
        sock, end = opened(wire)
        end.write(b"unread", wire.now)
        wire.run(arrived(sock))
        sock.close()
        wire.run(lambda: end.state is State.CLOSED)
        assert end.error is Failure.RESET
    with Wire() as wire:
        wire.reading = False
        sock, end = opened(wire)
        sock.send(b"unread")
        wire.run(lambda: bool(end.inbox))
        end.release(wire.now)
        wire.run(arrived(sock))
        with pytest.raises(ConnectionResetError):
            sock.recv(1)


# -- silence and closed windows


@pytest.mark.slow
def test_the_kernels_keepalives_are_answered() -> None:
    with Wire(keep=True) as wire:
        sock, end = opened(wire)
        for name, value in (("TCP_KEEPIDLE", 1), ("TCP_KEEPINTVL", 1), ("TCP_KEEPCNT", 2)):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        before = len(wire.seen)
        wire.wait(2.5)  # two probes, of which an unanswered one would have ended it
        assert [who for who, _ in wire.seen[before:]] == [0, 1, 0, 1]
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
        assert end.state is State.ESTABLISHED


@pytest.mark.slow
def test_the_kernel_answers_our_keepalives() -> None:
    with Wire(keep=True) as wire:
        _, end = opened(wire)
        before = len(wire.seen)
        interval = 6 * SECOND // 10  # tcp_invalid_ratelimit: the kernel answers one such segment in 500 ms
        end.set_keep_times(interval, interval, 1, wire.now)
        end.set_keepalive(True, wire.now)
        wire.wait(1.5)  # two probes, of which an unanswered one would have ended it
        assert end.state is State.ESTABLISHED
        assert len(wire.seen) >= before + 4
        (_, probe), (who, answer) = wire.seen[before : before + 2]
        assert (who, answer.flags, answer.ack) == (0, ACK, probe.seq + 1 & 0xFFFFFFFF)


@pytest.mark.slow
@pytest.mark.parametrize("loss", [0.0, 0.05])
def test_a_kernel_that_does_not_read_closes_its_window_and_opens_it_again(loss) -> None:
    with Wire(keep=True, seed=3) as wire:
        sock, end = opened(wire, SO_RCVBUF=20_000)
        wire.loss = loss
        end.write(bytes(100_000), wire.now)
        closed_at = time.monotonic() + 1.5
        wire.run(lambda: time.monotonic() > closed_at)
        assert any(who == 0 and packet.window == 0 for who, packet in wire.seen)
        assert end.unacknowledged() > 50_000
        got = 0

        def read_all() -> bool:
            nonlocal got
            with contextlib.suppress(BlockingIOError):
                got += len(sock.recv(1 << 20))
            return got == 100_000

        wire.watch(sock, select.POLLIN)
        wire.run(read_all)


@pytest.mark.slow
def test_an_emulated_end_that_does_not_read_closes_its_window_and_opens_it_again() -> None:
    with Wire(TcpConfig(mss=1460, receive_buffer=20_000), keep=True) as wire:
        got = bytearray()
        wire.got = got.extend
        wire.reading = False
        sock, _ = opened(wire)
        sent = sock.send(bytes(100_000))
        wire.wait(1.0)
        assert any(who == 1 and packet.window == 0 for who, packet in wire.seen)
        assert not got
        wire.reading = True
        wire.run(lambda: len(got) == sent)


# -- the wire as tcpdump would show it


def test_every_segment_of_ours_has_checksums_that_the_kernel_takes() -> None:
    with Wire() as wire:
        sock, end = opened(wire)
        end.write(os.urandom(50_001), wire.now)
        got = bytearray()

        def read_all() -> bool:
            with contextlib.suppress(BlockingIOError):
                got.extend(sock.recv(1 << 20))
            return len(got) == 50_001

        wire.watch(sock, select.POLLIN)
        wire.run(read_all)
        netstat = wire.space.run("cat", "/proc/net/snmp")
        rows = [line.split()[1:] for line in netstat.splitlines() if line.startswith("Tcp:")]
        counts = dict(zip(*rows, strict=True))
        assert (counts["InErrs"], counts["InCsumErrors"]) == ("0", "0")
