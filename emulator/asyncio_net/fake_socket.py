"""What ``transport.get_extra_info("socket")`` returns: a socket to look at, not to use.

As ``asyncio.TransportSocket`` it offers names and options and none of the
calls that would disturb the transport.  Options are stored; what those of a
connection do is in :mod:`emulator.asyncio_net.socket_options`.
"""

from __future__ import annotations

import socket
from typing import Any, Final

_MODELLED_TYPES: Final = (socket.SOCK_STREAM, socket.SOCK_DGRAM)


class FakeSocket:
    """A socket without a file descriptor.

    Attributes:
        family, type, proto: As of a real one.
    """

    __slots__ = ("_options", "_peername", "_sockname", "family", "proto", "type")

    def __init__(
        self, kind: socket.SocketKind, sockname: tuple[str, int] | None, peername: tuple[str, int] | None = None
    ) -> None:
        assert kind in _MODELLED_TYPES, "emulated hosts speak TCP and UDP"
        self.family: socket.AddressFamily = socket.AF_INET
        self.type: socket.SocketKind = kind
        self.proto: int = socket.IPPROTO_TCP if kind is socket.SOCK_STREAM else socket.IPPROTO_UDP
        self._sockname: tuple[str, int] | None = sockname
        self._peername: tuple[str, int] | None = peername
        self._options: dict[tuple[int, int], int | bytes] = {}

    def __repr__(self) -> str:
        return f"<FakeSocket type={self.type.name} laddr={self._sockname} raddr={self._peername}>"

    def fileno(self) -> int:
        """Return -1: there is no descriptor (a connection has one to look at)."""
        return -1

    def getsockname(self) -> tuple[str, int]:
        """Return the local address."""
        return self._sockname or ("0.0.0.0", 0)  # noqa: S104 - an unbound socket's name

    def getpeername(self) -> tuple[str, int]:
        """Return the remote address.

        Raises:
            OSError: (ENOTCONN) if there is none.
        """
        if self._peername is None:
            import errno  # noqa: PLC0415 - for the error only

            raise OSError(errno.ENOTCONN, "Transport endpoint is not connected")
        return self._peername

    def setsockopt(self, level: int, option: int, value: int | bytes | None, size: int | None = None, /) -> None:
        """Store an option."""
        self._options[level, option] = bytes(size or 0) if value is None else value

    def getsockopt(self, level: int, option: int, size: int = 0, /) -> int | bytes:
        """Return a stored option, 0 for one that was never set (bytes if a ``size`` is asked for)."""
        value = self._options.get((level, option), 0)
        if not size:
            return value
        return value[:size] if isinstance(value, bytes) else value.to_bytes(min(size, 4), "little", signed=True)

    def gettimeout(self) -> float | None:
        """Return 0: transports never block."""
        return 0

    def settimeout(self, value: float | None) -> None:
        """Accept 0 only, as asyncio does."""
        if value != 0:
            raise ValueError("settimeout(): only 0 timeout is allowed on transport sockets")

    def setblocking(self, flag: bool) -> None:
        """Accept False only, as asyncio does."""
        if flag:
            raise ValueError("setblocking(): transport sockets cannot be blocking")

    def __getstate__(self) -> Any:
        raise TypeError("Cannot serialize a FakeSocket")
