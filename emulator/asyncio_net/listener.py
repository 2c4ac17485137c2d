"""Listening sockets: where connections from outside come into being."""

# ruff: noqa: SLF001 - a loop and its transports are made of what asyncio calls private

from __future__ import annotations

import socket
import struct
import zlib
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, Any

from emulator.asyncio_net.addresses import dotted
from emulator.asyncio_net.fake_socket import FakeSocket
from emulator.asyncio_net.socket_options import default
from emulator.asyncio_net.transports import StreamTransport

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable
    from contextvars import Context

    from emulator.asyncio_net.stack import HostStack
    from emulator.asyncio_net.tcp_socket import TcpSocket
    from emulator.asyncio_net.tls import Tls
    from emulator.wire.packet import Packet


class ListeningSocket(FakeSocket):
    """What a server's ``sockets`` hold: an address that is reserved, and listened on once the server starts.

    Attributes:
        host: Whose socket it is.
        local: Address (0 is any) and port.
        listener: Who accepts, once the server has started.
    """

    __slots__ = ("backlog", "host", "listener", "local")

    def __init__(self, host: HostStack, local: tuple[int, int]) -> None:
        super().__init__(socket.SOCK_STREAM, (dotted(local[0]), local[1]))
        self.host: HostStack = host
        self.local: tuple[int, int] = local
        self.listener: Listener | None = None
        self.backlog: int = 0
        host.tcp.options[local] = self._options

    def setsockopt(self, level: int, option: int, value: int | bytes | None, size: int | None = None, /) -> None:
        """Set an option for the connections that will be accepted.

        Raises:
            OSError: (ENOPROTOOPT) if there is none such.
        """
        default(self.host.tcp.config, self.host.profile, level, option)
        super().setsockopt(level, option, value, size)

    def getsockopt(self, level: int, option: int, size: int = 0, /) -> int | bytes:
        """Return what was set, or what connections have by default.

        Raises:
            OSError: (ENOPROTOOPT) if there is none such.
        """
        usual = default(self.host.tcp.config, self.host.profile, level, option)
        if (level, option) in self._options or not usual:
            return super().getsockopt(level, option, size)
        return usual.to_bytes(min(size, 4), "little", signed=True) if size else usual

    def listen(self, backlog: int) -> None:
        """Note the backlog: connections are accepted the moment they exist, so it never fills."""
        self.backlog = backlog

    def close(self) -> None:
        """Give the address back."""
        listener, self.listener = self.listener, None
        self.host.tcp.unbind(self.local, listener)

    def start(self, listener: Listener) -> None:
        """Accept connections from now on."""
        self.listener = listener
        self.host.tcp.listen(self.local, listener)


class Listener:
    """Accepts connections for one server and makes their transports.

    Everything a connection's protocol does runs in a copy of the context that the server was made in, and so
    on the server's host.
    """

    __slots__ = ("closed", "context", "factory", "host", "server", "tls")

    def __init__(self, host: HostStack, factory: Callable[[], Any], server: Any, tls: Tls | None = None) -> None:
        self.host: HostStack = host
        self.factory: Callable[[], Any] = factory
        self.server: Any = server
        self.tls: Tls | None = tls
        self.context: Context = copy_context()
        self.closed: bool = False

    def chosen(self, packet: Packet) -> Listener:  # noqa: ARG002 - whoever is alone takes all
        """Return who accepts the connection that ``packet`` asks for."""
        return self

    def joined_by(self, other: Listener) -> SharedPort:
        """Return what stands for both."""
        return SharedPort([self, other])

    def without(self, other: Listener) -> None:
        """Nobody is left once ``other``, which is this one, has gone."""

    def established(self, tcp_socket: TcpSocket, now: int) -> None:
        """Take a connection whose handshake is complete."""
        if self.closed:
            tcp_socket.close(now, reset=True)
            return
        context = self.context.copy()
        self.host.loop.call_soon(self._accept, tcp_socket, context, context=context)

    def _accept(self, tcp_socket: TcpSocket, context: Context) -> None:
        loop = self.host.loop
        if self.closed:
            tcp_socket.close(loop.now, reset=True)
            return
        try:
            protocol = self.factory()
            if self.tls is not None:
                shaken: asyncio.Future[None] = loop.create_future()
                protocol = self.tls.between(loop, protocol, shaken)
                shaken.add_done_callback(partial(_handshake_over, protocol._app_transport))
            transport = StreamTransport(tcp_socket, protocol, context, self.server)
            protocol.connection_made(transport)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:  # noqa: BLE001 - whatever the program raised is reported, as asyncio does
            loop.call_exception_handler(
                {"message": "Error on transport creation for incoming connection", "exception": error}
            )
            tcp_socket.close(loop.now, reset=True)
            return
        transport.start_reading()


class SharedPort:
    """Several servers on one port (``SO_REUSEPORT``): who gets a connection follows from a hash of its four numbers."""

    __slots__ = ("listeners",)

    def __init__(self, listeners: list[Listener]) -> None:
        self.listeners: list[Listener] = listeners

    def chosen(self, packet: Packet) -> Listener:
        """Return who accepts; while the servers stay the same, so does the answer."""
        return self.listeners[share_of(packet, len(self.listeners))]

    def joined_by(self, other: Listener) -> SharedPort:
        """Return what stands for all."""
        return SharedPort([*self.listeners, other])

    def without(self, other: Listener) -> SharedPort | Listener:
        """Return what is left without ``other``."""
        left = [listener for listener in self.listeners if listener is not other]
        return SharedPort(left) if len(left) > 1 else left[0]


def share_of(packet: Packet, sockets: int) -> int:
    """Return which of so many sockets that share a port has the flow of ``packet``, by a hash as on Linux."""
    if sockets == 1:
        return 0
    return zlib.crc32(struct.pack("!IIHH", packet.src, packet.dst, packet.sport, packet.dport)) % sockets


def _handshake_over(transport: asyncio.Transport, shaken: asyncio.Future[None]) -> None:
    """Close what a failed handshake leaves; as in asyncio, the server's program hears nothing of it."""
    if shaken.cancelled() or shaken.exception() is not None:
        transport.close()
