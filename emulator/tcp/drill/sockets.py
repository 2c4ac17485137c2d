"""Sockets, and the calls that make, open and end them.

A call returns a :class:`Result`, or None while it would block.  File
descriptors are the script's.  Linux decides what POSIX leaves open; where
FreeBSD differs, the profile is asked.
"""

from __future__ import annotations

import errno
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from emulator.tcp.drill.errors import Unsupported
from emulator.tcp.drill.kernel import OPENING, Endpoint, Kernel, Listener
from emulator.tcp.drill.options import SocketOptions
from emulator.tcp.drill.script import Value, Word
from emulator.tcp.drill.symbols import NUMBERS, number, show
from emulator.tcp.states import State

if TYPE_CHECKING:
    from emulator.tcp.drill.script import Call

NONBLOCK: Final = NUMBERS["O_NONBLOCK"]


@dataclass(frozen=True, slots=True)
class Result:
    """What a call returned; ``errno`` is 0 where it succeeded, ``output`` what it filled in (expected, actual)."""

    value: int
    errno: int = 0
    output: tuple[str, str] | None = None


@dataclass(slots=True)
class Socket:
    """What a file descriptor stands for."""

    options: SocketOptions
    flags: int = 2  # O_RDWR
    port: int = 0
    listener: Listener | None = None
    endpoint: Endpoint | None = None
    shut_read: bool = False
    peer: int = 0

    @property
    def blocking(self) -> bool:
        """Whether calls wait."""
        return not self.flags & NONBLOCK


def failed(error: int) -> Result:
    """Return -1 with an error."""
    return Result(-1, error)


class CallFailed(Exception):  # noqa: N818 - the program's fault, and its result
    """A call returns -1 with ``errno``."""

    def __init__(self, error: int) -> None:
        super().__init__(error)
        self.errno: int = error


class Sockets:
    """The sockets of one program.

    Attributes:
        polls: epoll descriptors: what each watches.
        latest: The connection that was opened or accepted last.
    """

    def __init__(self, kernel: Kernel) -> None:
        self.kernel: Kernel = kernel
        self.sockets: dict[int, Socket] = {}
        self.polls: dict[int, dict[int, tuple[int, int]]] = {}
        self.latest: Endpoint | None = None

    # -- helpers ------------------------------------------------------------------------------------------------

    def _socket(self, call: Call) -> Socket:
        found = self.sockets.get(number(call.arguments[0]))
        if found is None:
            raise CallFailed(errno.EBADF)
        return found

    def _new_fd(self, call: Call) -> int:
        """Return the descriptor that the script expects, or else a free one."""
        if isinstance(call.result, int) and call.result >= 0:
            if call.result in self.sockets:
                raise Unsupported(f"descriptor {call.result} twice")
            return call.result
        return max(self.sockets, default=2) + 1

    def _is_linux(self) -> bool:
        return self.kernel.settings.profile.name == "linux"

    def _told(self, endpoint: Endpoint) -> Result:
        """Return the pending error, which is told once."""
        error, endpoint.error = endpoint.error, 0
        return failed(error)

    # -- making and binding -------------------------------------------------------------------------------------

    def _do_socket(self, call: Call) -> Result:
        family, kind, protocol = call.arguments
        if family is not ... and show(family) not in {"AF_INET", "PF_INET"}:
            raise Unsupported(f"{show(family)} sockets")
        if show(protocol) not in {"IPPROTO_TCP", "0", "6", "IPPROTO_IP"}:
            raise Unsupported(f"{show(protocol)} sockets")
        if "SOCK_STREAM" not in show(kind):
            raise Unsupported(f"{show(kind)} sockets")
        fd = self._new_fd(call)
        self.sockets[fd] = Socket(SocketOptions(self.kernel.settings), flags=2 | number(kind) & NONBLOCK)
        return Result(fd)

    def _do_bind(self, call: Call) -> Result:
        socket = self._socket(call)
        socket.port = _port(call.arguments[1], self.kernel.settings.bind_port)
        return Result(0)

    def _do_listen(self, call: Call) -> Result:
        socket = self._socket(call)
        backlog = number(call.arguments[1])
        if socket.endpoint is not None:
            return failed(errno.EINVAL)
        if socket.listener is not None:
            socket.listener.backlog = backlog
            return Result(0)
        if not socket.port:
            socket.port = self.kernel.next_port
            self.kernel.next_port += 1
        if socket.port in self.kernel.listeners:
            return failed(errno.EADDRINUSE)
        socket.listener = Listener(socket.port, backlog, socket.options.config)
        self.kernel.listeners[socket.port] = socket.listener
        return Result(0)

    def _do_accept(self, call: Call) -> Result | None:
        socket = self._socket(call)
        listener = socket.listener
        if listener is None:
            return failed(errno.EINVAL)
        if not listener.queue:
            return None if socket.blocking else failed(errno.EAGAIN)
        flags = number(call.arguments[3]) if call.name == "accept4" else 0
        fd = self._new_fd(call)
        endpoint = listener.queue.popleft()
        endpoint.listener = None
        if self.kernel.settings.profile.name == "freebsd":
            flags |= socket.flags  # BSD: what is accepted inherits O_NONBLOCK
        self.sockets[fd] = Socket(
            socket.options.inherited(), flags=2 | flags & NONBLOCK, port=socket.port, endpoint=endpoint
        )
        self.sockets[fd].options.apply(endpoint.connection, self.kernel.now)
        self.latest = endpoint
        return Result(fd)

    _do_accept4 = _do_accept

    def _do_connect(self, call: Call) -> Result | None:
        socket = self._socket(call)
        endpoint = socket.endpoint
        if socket.listener is not None:
            return failed(errno.EISCONN)
        if endpoint is None:
            remote = _port(call.arguments[1], self.kernel.settings.connect_port)
            socket.endpoint = endpoint = self.kernel.connect(socket.options.config(), socket.port, remote)
            socket.options.apply(endpoint.connection, self.kernel.now)
            self.latest = endpoint
            return None if socket.blocking else failed(errno.EINPROGRESS)
        if endpoint.error:
            return self._told(endpoint)
        if endpoint.opened:
            if call.until >= 0 and socket.blocking:
                return Result(0)
            return failed(errno.EISCONN)
        if endpoint.connection.state is State.CLOSED:
            return failed(errno.ECONNABORTED)
        return None if socket.blocking else failed(errno.EALREADY)

    # -- ending -------------------------------------------------------------------------------------------------

    def _do_shutdown(self, call: Call) -> Result:
        socket = self._socket(call)
        how = number(call.arguments[1])
        if how not in {0, 1, 2}:
            return failed(errno.EINVAL)
        endpoint = socket.endpoint
        if socket.listener is not None and endpoint is None:
            if how != 1:
                self.kernel.unlisten(socket.listener)
                socket.listener = None
            return Result(0)
        if endpoint is None or endpoint.connection.state in {State.CLOSED, State.TIME_WAIT}:
            return failed(errno.ENOTCONN)
        if how in {0, 2}:
            socket.shut_read = True
        if how in {1, 2}:
            endpoint.connection.close(self.kernel.now)
            self.kernel.settle(endpoint)
        return Result(0)

    def _do_close(self, call: Call) -> Result:
        fd = number(call.arguments[0])
        if self.polls.pop(fd, None) is not None:
            return Result(0)
        socket = self._socket(call)
        del self.sockets[fd]
        for watched in self.polls.values():
            watched.pop(fd, None)
        if socket.listener is not None:
            self.kernel.unlisten(socket.listener)
        endpoint = socket.endpoint
        if endpoint is not None:
            connection = endpoint.connection
            unread = endpoint.readable() > 0 and self.kernel.settings.profile.name == "linux"
            if socket.options.linger == 0 or (unread and connection.state not in OPENING):
                connection.abort(self.kernel.now)
            else:
                self.kernel.take(endpoint)
                connection.release(self.kernel.now)
            self.kernel.settle(endpoint)
        return Result(0)


def _port(address: Value, default: int) -> int:
    """Return the port of a ``sockaddr``, or ``default`` for ``...``."""
    if isinstance(address, dict):
        if show(address.get("sa_family", Word("AF_INET"))) != "AF_INET":
            raise Unsupported(f"addresses of {show(address['sa_family'])}")
        return number(address.get("sin_port", default))
    return default
