"""Keepalives of a TCP connection, as a program turns them on with socket options.

What makes an idle connection outlive the 350 s after which endpoints, NAT
gateways and load balancers forget it (VPCE-IF-15, NAT-5, SVC-11).  Linux's rules:
off unless ``SO_KEEPALIVE`` is set; ``TCP_KEEPIDLE`` of 7,200 s after anything was
heard, a probe every ``TCP_KEEPINTVL`` of 75 s, given up after ``TCP_KEEPCNT`` of 9.

RFC 9293, section 3.8.4; tcp(7).
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Final

from emulator.asyncio_net.fake_socket import FakeSocket
from emulator.simulation.agenda import Event
from emulator.tcp import State

if TYPE_CHECKING:
    from emulator.asyncio_net.tcp_socket import TcpSocket

_SECOND: Final = 1_000_000_000
_ALIVE: Final = (State.ESTABLISHED, State.CLOSE_WAIT)
_ON: Final = (socket.SOL_SOCKET, socket.SO_KEEPALIVE)
_IDLE: Final = (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE)
_INTERVAL: Final = (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL)
_COUNT: Final = (socket.IPPROTO_TCP, socket.TCP_KEEPCNT)
_DEFAULTS: Final = {_ON: 0, _IDLE: 7200, _INTERVAL: 75, _COUNT: 9}


class KeepAlive(Event):
    """The timer of one connection; recurring, so it keeps no run alive (D3).

    Attributes:
        options: Linux's, in seconds where they are durations.
        due_at: When it fires next; what fires at another time has been overtaken.
        unanswered: Probes since anything was heard.
    """

    __slots__ = ("due_at", "options", "socket", "unanswered")

    def __init__(self, tcp_socket: TcpSocket) -> None:
        self.socket: TcpSocket = tcp_socket
        self.options: dict[tuple[int, int], int] = dict(_DEFAULTS)
        self.due_at: int = -1
        self.unanswered: int = 0

    def set(self, option: tuple[int, int], value: int) -> None:
        """Take over an option; the time begins anew."""
        self.options[option] = value
        self.unanswered = 0
        self.due_at = -1
        if self.options[_ON]:
            self._arm(max(self.socket.tcp.host.loop.agenda.now, self._heard_at() + self.options[_IDLE] * _SECOND))

    def fire(self, now: int) -> None:
        """Probe if nothing was heard for so long; give the connection up if probes were not answered."""
        connection = self.socket.connection
        if now != self.due_at or connection.state not in _ALIVE:
            return
        idle = self.options[_IDLE] * _SECOND
        if connection.unacknowledged():  # retransmissions find out for themselves
            self._arm(now + idle)
        elif now - self._heard_at() < idle:
            self.unanswered = 0
            self._arm(self._heard_at() + idle)
        elif self.unanswered >= self.options[_COUNT]:
            connection.expire(now)
            self.socket.settle(now)
        else:
            self.unanswered += 1
            connection.probe(now)
            self.socket.settle(now)
            self._arm(now + self.options[_INTERVAL] * _SECOND)

    def _heard_at(self) -> int:
        connection = self.socket.connection
        return max(connection.heard_at, connection.idle_at, connection.ts_recent_at)

    def _arm(self, due_at: int) -> None:
        self.due_at = due_at
        self.socket.tcp.host.loop.agenda.add_background(due_at, self)


class StreamSocket(FakeSocket):
    """The socket of a stream transport: keepalives are the one kind of option that does something."""

    __slots__ = ("_keepalive", "_tcp")

    def __init__(self, tcp_socket: TcpSocket) -> None:
        super().__init__(socket.SOCK_STREAM, *tcp_socket.names)
        self._tcp: TcpSocket = tcp_socket
        self._keepalive: KeepAlive | None = None

    def fileno(self) -> int:
        """Return a descriptor to poll: readable if the connection is, now; -1 once it is closed."""
        user = self._tcp.user
        return -1 if user is None else user.descriptor()

    def setsockopt(self, level: int, option: int, value: int | bytes | None, size: int | None = None, /) -> None:
        """Store an option, and act on those of keepalives."""
        super().setsockopt(level, option, value, size)
        if (level, option) not in _DEFAULTS or value is None:
            return
        if self._keepalive is None:
            self._keepalive = KeepAlive(self._tcp)
        number = value if isinstance(value, int) else int.from_bytes(value[:4], "little", signed=True)
        self._keepalive.set((level, option), number)
