"""What a loop without file descriptors cannot do, refused by name.

Each refusal says in one sentence what was asked for, why it cannot be, and
what to do instead.  Unconnected TCP sockets are a special case: some libraries
(aiohttp) make a real one first and hand it to ``sock_connect``; it is taken as
a token and closed, see :mod:`emulator.asyncio_net.endpoints`.
"""

from __future__ import annotations

import asyncio
from typing import Any, NoReturn


def _refuse(call: str, because: str) -> NoReturn:
    raise NotImplementedError(f"{call} does not exist on the virtual-time loop: {because}")


_NO_DESCRIPTOR = (
    "emulated hosts have no file descriptors; use create_connection, create_server, create_datagram_endpoint or streams"
)
_NO_PROCESS = "another process would run in real time; run its work as a coroutine on an emulated host"
_NO_SIGNAL = "signals arrive in real time; KeyboardInterrupt ends a run"
_NO_UNIX = "emulated hosts are joined by IPv4 only; use a TCP connection to 127.0.0.1 instead"


class Refusals(asyncio.BaseEventLoop):
    """The methods of ``asyncio.AbstractEventLoop`` that need a real operating system."""

    def add_reader(self, *_: Any, **__: Any) -> NoReturn:  # type: ignore[override]  # it takes any, and refuses
        """Refuse."""
        _refuse("add_reader", _NO_DESCRIPTOR)

    def remove_reader(self, *_: Any, **__: Any) -> NoReturn:
        """Refuse."""
        _refuse("remove_reader", _NO_DESCRIPTOR)

    def add_writer(self, *_: Any, **__: Any) -> NoReturn:  # type: ignore[override]  # it takes any, and refuses
        """Refuse."""
        _refuse("add_writer", _NO_DESCRIPTOR)

    def remove_writer(self, *_: Any, **__: Any) -> NoReturn:
        """Refuse."""
        _refuse("remove_writer", _NO_DESCRIPTOR)

    async def sock_recv(self, *_: Any, **__: Any) -> NoReturn:
        """Refuse."""
        _refuse("sock_recv", _NO_DESCRIPTOR)

    async def sock_recv_into(self, *_: Any, **__: Any) -> NoReturn:
        """Refuse."""
        _refuse("sock_recv_into", _NO_DESCRIPTOR)

    async def sock_recvfrom(self, *_: Any, **__: Any) -> NoReturn:
        """Refuse."""
        _refuse("sock_recvfrom", _NO_DESCRIPTOR)

    async def sock_recvfrom_into(self, *_: Any, **__: Any) -> NoReturn:
        """Refuse."""
        _refuse("sock_recvfrom_into", _NO_DESCRIPTOR)

    async def sock_sendall(self, *_: Any, **__: Any) -> NoReturn:
        """Refuse."""
        _refuse("sock_sendall", _NO_DESCRIPTOR)

    async def sock_sendto(self, *_: Any, **__: Any) -> NoReturn:
        """Refuse."""
        _refuse("sock_sendto", _NO_DESCRIPTOR)

    async def sock_accept(self, *_: Any, **__: Any) -> NoReturn:
        """Refuse."""
        _refuse("sock_accept", _NO_DESCRIPTOR)

    async def sock_sendfile(self, *_: Any, **__: Any) -> NoReturn:
        """Refuse."""
        _refuse("sock_sendfile", _NO_DESCRIPTOR)

    async def connect_accepted_socket(self, *_: Any, **__: Any) -> NoReturn:
        """Refuse."""
        _refuse("connect_accepted_socket", _NO_DESCRIPTOR)

    async def connect_read_pipe(self, *_: Any, **__: Any) -> NoReturn:
        """Refuse."""
        _refuse("connect_read_pipe", _NO_DESCRIPTOR)

    async def connect_write_pipe(self, *_: Any, **__: Any) -> NoReturn:
        """Refuse."""
        _refuse("connect_write_pipe", _NO_DESCRIPTOR)

    async def create_unix_connection(self, *_: Any, **__: Any) -> NoReturn:
        """Refuse."""
        _refuse("create_unix_connection", _NO_UNIX)

    async def create_unix_server(self, *_: Any, **__: Any) -> NoReturn:
        """Refuse."""
        _refuse("create_unix_server", _NO_UNIX)

    async def subprocess_exec(self, *_: Any, **__: Any) -> NoReturn:
        """Refuse."""
        _refuse("subprocess_exec", _NO_PROCESS)

    async def subprocess_shell(self, *_: Any, **__: Any) -> NoReturn:
        """Refuse."""
        _refuse("subprocess_shell", _NO_PROCESS)

    def add_signal_handler(self, *_: Any, **__: Any) -> NoReturn:  # type: ignore[override]  # it takes any, and refuses
        """Refuse."""
        _refuse("add_signal_handler", _NO_SIGNAL)

    def remove_signal_handler(self, *_: Any, **__: Any) -> NoReturn:
        """Refuse."""
        _refuse("remove_signal_handler", _NO_SIGNAL)


def refuse_socket(call: str) -> NoReturn:
    """Refuse a real socket given to ``call``."""
    _refuse(f"{call}(sock=...)", _NO_DESCRIPTOR)


def refuse_unix(call: str) -> NoReturn:
    """Refuse a UNIX-domain address given to ``call``."""
    _refuse(f"{call} for a UNIX-domain socket", _NO_UNIX)
