"""Ports, sockets to look at, ICMP errors: the parts of a host that need no network to be judged."""

from __future__ import annotations

import errno
import pickle
import random
import socket

import pytest

from emulator.asyncio_net.fake_socket import FakeSocket
from emulator.asyncio_net.icmp import read_error, unreachable
from emulator.asyncio_net.ports import ephemeral
from emulator.tcp.profiles import PROFILES
from emulator.wire.packet import IPPROTO_TCP, SYN, Packet, icmp

LINUX = PROFILES["linux"]
SYN_PACKET = Packet(0x0A000001, 0x0A000002, IPPROTO_TCP, 40000, 80, b"", 40, seq=77, flags=SYN, window=1000)


@pytest.mark.parametrize("profile", list(PROFILES.values()), ids=list(PROFILES))
def test_every_ephemeral_port_is_found_before_there_is_none(profile) -> None:
    last = profile.last_port
    assert ephemeral(random.Random(1), profile, lambda port: port == last) == last
    with pytest.raises(OSError, match="Cannot assign requested address") as caught:
        ephemeral(random.Random(1), profile, lambda port: False)
    assert caught.value.errno == errno.EADDRNOTAVAIL


def test_the_search_for_a_port_goes_round() -> None:
    asked: list[int] = []
    with pytest.raises(OSError, match="Cannot assign"):
        ephemeral(random.Random(1), LINUX, lambda port: bool(asked.append(port)))
    assert sorted(asked) == list(range(LINUX.first_port, LINUX.last_port + 1))


@pytest.mark.parametrize(
    ("code", "number", "builtin"),
    [
        (0, errno.ENETUNREACH, OSError),
        (1, errno.EHOSTUNREACH, OSError),
        (2, errno.ENOPROTOOPT, OSError),
        (3, errno.ECONNREFUSED, ConnectionRefusedError),
        (13, errno.EHOSTUNREACH, OSError),
        (200, errno.EHOSTUNREACH, OSError),
    ],
)
def test_an_unreachable_destination_is_the_builtin_a_program_meets(code, number, builtin) -> None:
    quote = read_error(unreachable(SYN_PACKET, code))
    assert quote is not None
    assert (quote.errno, quote.code) == (number, code)
    assert (quote.sport, quote.dport, quote.seq) == (40000, 80, 77)
    assert type(OSError(quote.errno, "as told")) is builtin


def test_time_exceeded_is_no_route() -> None:
    quote = read_error(icmp(0x0A000009, 0x0A000001, 11, 0, data=SYN_PACKET.to_bytes()[:28]))
    assert quote is not None
    assert (quote.errno, quote.code) == (errno.EHOSTUNREACH, -1)


@pytest.mark.parametrize("size", [0, 20, 27])
def test_a_quote_that_is_too_short_says_nothing(size) -> None:
    assert read_error(icmp(0x0A000009, 0x0A000001, 3, 1, data=SYN_PACKET.to_bytes()[:size])) is None


def test_a_quote_whose_header_is_longer_than_it_says_nothing() -> None:
    quoted = bytearray(SYN_PACKET.to_bytes()[:28])
    quoted[0] = 0x4F  # 60 octets of header
    assert read_error(icmp(0x0A000009, 0x0A000001, 3, 1, data=bytes(quoted))) is None


@pytest.mark.parametrize("kind", [0, 5, 8, 12])
def test_other_messages_are_no_errors(kind) -> None:
    assert read_error(icmp(0x0A000009, 0x0A000001, kind, 0, data=SYN_PACKET.to_bytes()[:28])) is None
    assert read_error(SYN_PACKET) is None


def test_a_socket_to_look_at_tells_names_and_options_and_does_nothing() -> None:
    sock = FakeSocket(socket.SOCK_DGRAM, None)
    assert (sock.family, sock.type, sock.proto) == (socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_UDP)
    assert (sock.getsockname(), sock.fileno(), sock.gettimeout()) == (("0.0.0.0", 0), -1, 0)  # noqa: S104 - an unbound socket's name
    assert "SOCK_DGRAM" in repr(sock)
    with pytest.raises(OSError, match="not connected") as caught:
        sock.getpeername()
    assert caught.value.errno == errno.ENOTCONN
    sock.settimeout(0)
    sock.setblocking(False)
    with pytest.raises(ValueError, match="only 0 timeout"):
        sock.settimeout(1)
    with pytest.raises(ValueError, match="cannot be blocking"):
        sock.setblocking(True)
    with pytest.raises(TypeError):
        pickle.dumps(sock)


def test_an_option_that_was_never_set_is_zero() -> None:
    sock = FakeSocket(socket.SOCK_DGRAM, ("10.0.1.5", 53))
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST) == 0
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 4) == bytes(4)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 4) == b"\1\0\0\0"
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"eth0\0")
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, 3) == b"eth"
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, None, 2)
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, 8) == bytes(2)
