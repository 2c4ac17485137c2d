"""Socket options of a TCP connection: what ``setsockopt`` does and ``getsockopt`` tells.

Keepalives are what makes an idle connection outlive the 350 s after which endpoints, NAT
gateways and load balancers forget it (VPCE-IF-15, NAT-5, SVC-11).  An option that is not
known is refused as a kernel refuses it, with ENOPROTOOPT, so that no program believes
in what does nothing.  Those that change nothing here (``SO_REUSEADDR``, ``IP_TOS``...) are kept and told again.

Settles arguments: socket(7), tcp(7).
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from typing import TYPE_CHECKING, Final

from emulator.asyncio_net.fake_socket import FakeSocket
from emulator.tcp import State
from emulator.tcp.config import MILLISECOND, SECOND

if TYPE_CHECKING:
    from emulator.asyncio_net.tcp_socket import TcpSocket
    from emulator.tcp import Connection, HostProfile, TcpConfig

# Linux's numbers, whatever machine the emulator runs on: hosts are emulated, and programs name options by Python's
# constants of this machine, which are looked up by name where it has them.
MAXSEG: Final = socket.TCP_MAXSEG
CORK: Final = getattr(socket, "TCP_CORK", 3)
KEEPIDLE: Final = getattr(socket, "TCP_KEEPIDLE", 4)
KEEPINTVL: Final = getattr(socket, "TCP_KEEPINTVL", 5)
KEEPCNT: Final = getattr(socket, "TCP_KEEPCNT", 6)
SYNCNT: Final = getattr(socket, "TCP_SYNCNT", 7)
LINGER2: Final = getattr(socket, "TCP_LINGER2", 8)
WINDOW_CLAMP: Final = getattr(socket, "TCP_WINDOW_CLAMP", 10)
INFO: Final = getattr(socket, "TCP_INFO", 11)
QUICKACK: Final = getattr(socket, "TCP_QUICKACK", 12)
CONGESTION: Final = getattr(socket, "TCP_CONGESTION", 13)
USER_TIMEOUT: Final = getattr(socket, "TCP_USER_TIMEOUT", 18)

SOL, TCP = socket.SOL_SOCKET, socket.IPPROTO_TCP
SMALLEST: Final = 2304
"""Bytes: the least buffer (``SOCK_MIN_RCVBUF``)."""
LARGEST: Final = 212_992
"""Bytes: the most that a program may ask for (``net.core.rmem_max`` and ``wmem_max``)."""
KEPT: Final = frozenset(
    {
        (TCP, getattr(socket, "TCP_DEFER_ACCEPT", 9)),
        (TCP, getattr(socket, "TCP_FASTOPEN", 23)),
        (TCP, getattr(socket, "TCP_NOTSENT_LOWAT", 25)),
        (TCP, LINGER2),
        (TCP, SYNCNT),
    }
)
"""Options of TCP that are told again and change nothing: all ask for less waiting than there is, or more patience."""
_LIMITS: Final = {KEEPIDLE: 32_767, KEEPINTVL: 32_767, KEEPCNT: 127, USER_TIMEOUT: 2**31 - 1}
_STATES: Final = {
    State.ESTABLISHED: 1,
    State.SYN_SENT: 2,
    State.SYN_RECEIVED: 3,
    State.FIN_WAIT_1: 4,
    State.FIN_WAIT_2: 5,
    State.TIME_WAIT: 6,
    State.CLOSED: 7,
    State.CLOSE_WAIT: 8,
    State.LAST_ACK: 9,
    State.LISTEN: 10,
    State.CLOSING: 11,
}
_INFO: Final = struct.Struct("=8B24I")
"""``struct tcp_info`` of linux/tcp.h as it was at first, which all later ones begin with."""


def number(value: int | bytes) -> int:
    """Return the integer of an option's value."""
    return value if isinstance(value, int) else int.from_bytes(value[:4], "little", signed=True)


def refuse(code: int) -> OSError:
    """Return the error of a system call."""
    return OSError(code, os.strerror(code))


def apply(connection: Connection, level: int, option: int, value: int | bytes, now: int) -> None:
    """Let an option that was set act on a connection.

    Raises:
        OSError: EINVAL for a value out of range, ENOPROTOOPT for what is not known.
    """
    if level == SOL:
        if option == socket.SO_KEEPALIVE:
            connection.set_keepalive(number(value) != 0, now)
        elif option == socket.SO_RCVBUF:
            connection.set_receive_space(min(max(number(value), SMALLEST), LARGEST))
        return
    if level != TCP or (level, option) in KEPT:
        return
    if option == CONGESTION:
        name = value.rstrip(b"\0").decode() if isinstance(value, bytes) else ""
        if name not in ("cubic", "reno"):
            raise refuse(errno.ENOENT)
        if name != connection.config.congestion_control:
            raise refuse(errno.EPERM)  # a host's setting here, not a connection's
        return
    given = number(value)
    if option in _LIMITS and not (0 if option == USER_TIMEOUT else 1) <= given <= _LIMITS[option]:
        raise refuse(errno.EINVAL)
    idle, interval, count = connection.keep_idle, connection.keep_interval, connection.keep_count
    if option == socket.TCP_NODELAY:
        connection.set_nodelay(given != 0, now)
    elif option == CORK:
        connection.set_cork(given != 0, now)
    elif option == QUICKACK:
        connection.set_quickack(given != 0, now)
    elif option == KEEPIDLE:
        connection.set_keep_times(given * SECOND, interval, count, now)
    elif option == KEEPINTVL:
        connection.set_keep_times(idle, given * SECOND, count, now)
    elif option == KEEPCNT:
        connection.set_keep_times(idle, interval, given, now)
    elif option == USER_TIMEOUT:
        connection.user_timeout = given * MILLISECOND
    elif option == WINDOW_CLAMP:
        connection.clamp_window(given)
    elif option == MAXSEG:
        if not 88 <= given <= 32_767:
            raise refuse(errno.EINVAL)
        connection.set_mss(given)
    else:
        raise refuse(errno.ENOPROTOOPT)


def default(config: TcpConfig, profile: HostProfile, level: int, option: int) -> int:
    """Return the value of an option that nobody has set, of a socket that is not connected.

    Raises:
        OSError: (ENOPROTOOPT) for what is not known.
    """
    if level == SOL:
        space = config.receive_buffer if config.receive_window < 0 else config.receive_window
        twice = 2 if profile.doubles_buffers else 1
        return {socket.SO_RCVBUF: twice * space, socket.SO_SNDBUF: config.send_buffer}.get(option, 0)
    if level != TCP:
        return 0
    known = {
        socket.TCP_NODELAY: int(config.nodelay),
        CORK: 0,
        KEEPIDLE: config.keep_idle // SECOND,
        KEEPINTVL: config.keep_interval // SECOND,
        KEEPCNT: config.keep_count,
        USER_TIMEOUT: config.user_timeout // MILLISECOND,
        MAXSEG: 536,
        WINDOW_CLAMP: 0,
        QUICKACK: 1,
        SYNCNT: config.syn_retries,
        LINGER2: config.fin_wait_2 // SECOND,
    }
    if option in known:
        return known[option]
    if (level, option) in KEPT:
        return 0
    raise refuse(errno.ENOPROTOOPT)


class StreamSocket(FakeSocket):
    """The socket of a stream transport: its options are the connection's."""

    __slots__ = ("_tcp",)

    def __init__(self, tcp_socket: TcpSocket) -> None:
        super().__init__(socket.SOCK_STREAM, *tcp_socket.names)
        self._tcp: TcpSocket = tcp_socket
        self._options = tcp_socket.options

    def fileno(self) -> int:
        """Return a descriptor to poll: readable if the connection is, now; -1 once it is closed."""
        user = self._tcp.user
        return -1 if user is None else user.descriptor()

    def setsockopt(self, level: int, option: int, value: int | bytes | None, size: int | None = None, /) -> None:
        """Set an option, at once.

        Raises:
            OSError: EINVAL, ENOPROTOOPT.
        """
        tcp_socket = self._tcp
        given = bytes(size or 0) if value is None else value
        now = tcp_socket.tcp.host.loop.now
        apply(tcp_socket.connection, level, option, given, now)
        super().setsockopt(level, option, given)
        if (level, option) == (SOL, socket.SO_SNDBUF):
            tcp_socket.send_buffer = min(max(number(given), SMALLEST), LARGEST)
            tcp_socket.send_fixed = True
        tcp_socket.settle(now)

    def getsockopt(self, level: int, option: int, size: int = 0, /) -> int | bytes:
        """Return an option's value, or ``size`` bytes of it.

        Raises:
            OSError: ENOPROTOOPT.
        """
        connection = self._tcp.connection
        if (level, option) == (TCP, INFO):
            return information(connection)[: size or None]
        if (level, option) == (TCP, CONGESTION):
            return connection.config.congestion_control.encode().ljust(16, b"\0")[: size or None]
        told = self._told(level, option)
        if told is None:
            return super().getsockopt(level, option, size)
        return told.to_bytes(min(size, 4), "little", signed=True) if size else told

    def _told(self, level: int, option: int) -> int | None:
        """Return what the connection knows better than what was set; None for the rest."""
        tcp_socket = self._tcp
        connection = tcp_socket.connection
        if level == SOL:
            if option == socket.SO_ERROR:
                error = 0 if tcp_socket.told else tcp_socket.error
                tcp_socket.told = error != 0 or tcp_socket.told  # it is told once
                return error
            if option == socket.SO_RCVBUF:
                return connection.rcv_space * (2 if self._profile.doubles_buffers else 1)
            if option == socket.SO_SNDBUF:
                return tcp_socket.send_buffer * (2 if tcp_socket.send_fixed and self._profile.doubles_buffers else 1)
            return {socket.SO_TYPE: int(socket.SOCK_STREAM), socket.SO_ACCEPTCONN: 0}.get(option)
        if level != TCP:
            return None
        if option == MAXSEG:
            return connection.snd_mss
        if option == WINDOW_CLAMP:
            return connection.window_clamp
        if option == QUICKACK:
            return int(not connection.pingpong)
        if (level, option) in self._options:
            return None
        return default(connection.config, self._profile, level, option)

    @property
    def _profile(self) -> HostProfile:
        return self._tcp.tcp.host.profile


def information(connection: Connection) -> bytes:
    """Return ``struct tcp_info``, without what was added to it later; times in microseconds."""
    estimator = connection.estimator
    options = (
        int(connection.timestamps)
        | int(connection.sack_ok) << 1
        | int(connection.scaling) << 2
        | int(connection.ecn_ok) << 3
    )
    micro = 1000
    flight = -(-(connection.snd_nxt - connection.snd_una) // connection.snd_mss)
    congestion = connection.congestion
    segments = congestion.cwnd // connection.snd_mss
    threshold = min(congestion.ssthresh // connection.snd_mss, 0x7FFFFFFF)
    return _INFO.pack(
        _STATES[connection.state], 0, min(connection.backoffs, 255), min(connection.unanswered, 255),
        min(connection.backoffs, 255), options, connection.snd_wscale | connection.rcv_wscale << 4, 0,
        connection.rto // micro, connection.ato // micro, connection.snd_mss, connection.rcv_mss,
        flight, 0, 0, 0, 0,
        0, 0, 0, 0,
        connection.snd_mss + connection.overhead, min(connection.rcv_space, 0xFFFFFFFF),
        max(estimator.srtt, 0) // micro, max(estimator.rttvar, 0) // micro, threshold, segments,
        connection.advertised_mss, 3, max(connection.rcv_rtt, 0) // micro, connection.rcv_space, 0,
    )  # fmt: skip
