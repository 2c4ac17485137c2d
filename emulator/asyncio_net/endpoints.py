"""The part of the event loop that acts for the running task's host.

``create_connection``, ``create_server``, ``create_datagram_endpoint``,
``getaddrinfo`` and ``getnameinfo`` with asyncio's signatures.  Connecting is
asyncio's own code (addresses in turn or as happy eyeballs, and its errors);
only the socket it makes is replaced, at the hook ``_connect_sock``.

aiohttp makes a real, unconnected socket and hands it to ``sock_connect``
first: such a socket is a token.  It is closed at once, and whoever brings it
to ``create_connection`` gets the emulated connection made in its name.
"""

# ruff: noqa: SLF001 - a loop and its transports are made of what asyncio calls private

from __future__ import annotations

import asyncio
import errno
import os
import socket
from asyncio import base_events
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, cast
from weakref import WeakKeyDictionary, finalize

from emulator.asyncio_net import resolver
from emulator.asyncio_net.addresses import parse_ipv4
from emulator.asyncio_net.current import running_host
from emulator.asyncio_net.listener import Listener, ListeningSocket
from emulator.asyncio_net.refusals import Refusals, refuse_socket, refuse_unix
from emulator.asyncio_net.tls import Tls, server_tls
from emulator.asyncio_net.transports import StreamTransport, bind_error, connect_error

if TYPE_CHECKING:
    from collections.abc import Callable

    from emulator.asyncio_net.loop import VirtualTimeLoop
    from emulator.asyncio_net.stack import HostStack
    from emulator.asyncio_net.tcp_socket import TcpSocket


class _Connected:
    """What asyncio's create_connection takes for the socket that it has connected.

    Attributes:
        tcp_socket: The emulated socket.
        taken: Whether a transport has it.
    """

    __slots__ = ("taken", "tcp_socket")

    type = socket.SOCK_STREAM

    def __init__(self, tcp_socket: TcpSocket) -> None:
        self.tcp_socket: TcpSocket = tcp_socket
        self.taken: bool = False

    def close(self) -> None:
        """Close, if no transport has it: another one was faster (happy eyeballs), or the program gave up."""
        loop = self.tcp_socket.tcp.host.loop
        if not self.taken and not loop.is_closed():
            self.taken = True
            self.tcp_socket.close(loop.now)


class Endpoints(Refusals):
    """Connections, servers, datagrams and names of emulated hosts."""

    def __init__(self) -> None:
        self._tokens: WeakKeyDictionary[socket.socket, _Connected] = WeakKeyDictionary()
        super().__init__()

    # -- names -------------------------------------------------------------------------------------------------

    async def getaddrinfo(
        self,
        host: Any,
        port: Any,
        *,
        family: int = 0,
        type: int = 0,  # noqa: A002 - asyncio's name
        proto: int = 0,
        flags: int = 0,
    ) -> Any:
        """Resolve a name as the running host does."""
        stack = running_host("getaddrinfo")
        return await resolver.getaddrinfo(stack, host, port, family=family, kind=type, proto=proto, flags=flags)

    async def getnameinfo(self, sockaddr: Any, flags: int = 0) -> tuple[str, str]:
        """Name an address as the running host does."""
        return await resolver.getnameinfo(running_host("getnameinfo"), sockaddr, flags)

    # -- connections -------------------------------------------------------------------------------------------

    async def create_connection(
        self,
        protocol_factory: Callable[[], Any],
        host: Any = None,
        port: Any = None,
        *,
        sock: Any = None,
        **options: Any,
    ) -> Any:
        """Connect from the running host."""
        running_host("create_connection")
        if sock is not None and host is None and port is None:
            connected = self._tokens.pop(sock, None)
            if connected is None:
                _take_token(sock)
                raise OSError(errno.ENOTCONN, "this socket is connected to nothing: call loop.sock_connect first")
            sock = connected
        return await super().create_connection(protocol_factory, host, port, sock=sock, **options)

    async def sock_connect(self, sock: Any, address: Any) -> None:
        """Take an unconnected real TCP socket as a token, close it, and connect from the running host instead."""
        running_host("sock_connect")
        if sock.type != socket.SOCK_STREAM or sock.family != socket.AF_INET:
            refuse_socket("sock_connect")
        local = _take_token(sock)
        info = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", address)
        locals_ = [(socket.AF_INET, socket.SOCK_STREAM, 0, "", local)] if local[1] else None
        connected = await self._connect_sock([], info, locals_)
        self._tokens[sock] = connected
        finalize(sock, connected.close)  # a program that throws the socket away

    async def _connect_sock(self, exceptions: list[Any], addr_info: Any, local_addr_infos: Any = None) -> _Connected:
        """Connect one socket: the hook in asyncio's create_connection."""
        mine: list[OSError] = []
        exceptions.append(mine)
        family, _, _, _, address = addr_info
        try:
            return _Connected(await _connect(running_host("create_connection"), family, address, local_addr_infos))
        except OSError as error:
            mine.append(error)
            raise

    async def _create_connection_transport(
        self,
        sock: _Connected,
        protocol_factory: Callable[[], Any],
        ssl: Any,
        server_hostname: str | None,
        server_side: bool = False,
        ssl_handshake_timeout: float | None = None,
        ssl_shutdown_timeout: float | None = None,
    ) -> tuple[Any, Any]:
        """Give a connected socket its transport: the hook in asyncio's create_connection."""
        context = copy_context()
        tcp_socket, sock.taken = sock.tcp_socket, True
        made: asyncio.Future[None] = self.create_future()
        try:
            protocol = protocol_factory()
            if ssl:
                tls = Tls(
                    None if ssl is True else ssl,
                    server_side,
                    server_hostname,
                    ssl_handshake_timeout,
                    ssl_shutdown_timeout,
                )
                between = tls.between(cast("VirtualTimeLoop", self), protocol, made)
                stream = StreamTransport(tcp_socket, between, context)
                transport: Any = between._app_transport
            else:
                transport = stream = StreamTransport(tcp_socket, protocol, context)
        except BaseException:
            tcp_socket.close(tcp_socket.tcp.host.loop.now)
            raise
        self.call_soon(stream.get_protocol().connection_made, stream, context=context)
        self.call_soon(stream.start_reading, context=context)
        if not ssl:
            self.call_soon(_finish, made)
        try:
            await made
        except BaseException:
            transport.close()
            raise
        return transport, protocol

    async def _sendfile_native(self, transp: Any, file: Any, offset: int, count: int | None) -> int:
        """Send a file, read and written here where Linux has a system call: called by asyncio's sendfile."""
        return await self._sendfile_fallback(transp, file, offset, count)  # type: ignore[attr-defined, no-any-return]

    # -- servers -----------------------------------------------------------------------------------------------

    async def create_server(
        self,
        protocol_factory: Callable[[], Any],
        host: Any = None,
        port: Any = None,
        *,
        family: int = socket.AF_UNSPEC,
        flags: int = socket.AI_PASSIVE,
        sock: Any = None,
        backlog: int = 100,
        ssl: Any = None,
        reuse_address: bool | None = None,  # noqa: ARG002 - always, as asyncio on Linux
        reuse_port: bool | None = None,
        ssl_handshake_timeout: float | None = None,
        ssl_shutdown_timeout: float | None = None,
        start_serving: bool = True,
        **_: Any,
    ) -> base_events.Server:
        """Serve on the running host."""
        server_tls(ssl, ssl_handshake_timeout, ssl_shutdown_timeout)
        stack = running_host("create_server")
        if sock is not None:
            if host is not None or port is not None:
                raise ValueError("host/port and sock can not be specified at the same time")
            host, port = _take_bound_token(sock)
        if host is None and port is None:
            raise ValueError("Neither host/port nor sock were specified")
        names = [host or None] if host is None or isinstance(host, str | bytes) else list(host)
        infos = [info for name in names for info in await self._resolve_local(name, port, family, flags)]
        sockets: list[Any] = []
        try:
            for info in dict.fromkeys(infos):  # each once, as asyncio does, but in their order
                sockets.append(_bind(stack, info[0], info[4], bool(reuse_port)))  # noqa: PERF401 - those bound are closed on error
        except OSError:
            for bound in sockets:
                bound.close()
            raise
        server = base_events.Server(
            self, sockets, protocol_factory, ssl, backlog, ssl_handshake_timeout, ssl_shutdown_timeout
        )
        if start_serving:
            await server.start_serving()
        return server

    async def _resolve_local(self, name: Any, port: Any, family: int, flags: int) -> list[Any]:
        return await self.getaddrinfo(name, port or 0, family=family, type=socket.SOCK_STREAM, flags=flags)  # type: ignore[no-any-return]

    def _start_serving(
        self,
        protocol_factory: Callable[[], Any],
        sock: ListeningSocket,
        sslcontext: Any = None,
        server: Any = None,
        backlog: int = 100,  # noqa: ARG002 - the socket has been told
        ssl_handshake_timeout: float | None = None,
        ssl_shutdown_timeout: float | None = None,
    ) -> None:
        """Listen: called by asyncio's Server."""
        tls = server_tls(sslcontext, ssl_handshake_timeout, ssl_shutdown_timeout)
        sock.start(Listener(sock.host, protocol_factory, server, tls))

    def _stop_serving(self, sock: ListeningSocket) -> None:
        """Listen no more: called by asyncio's Server."""
        sock.close()

    # -- datagrams ---------------------------------------------------------------------------------------------

    async def create_datagram_endpoint(
        self,
        protocol_factory: Callable[[], Any],
        local_addr: Any = None,
        remote_addr: Any = None,
        *,
        family: int = 0,
        proto: int = 0,
        flags: int = 0,
        reuse_port: bool | None = None,
        allow_broadcast: bool | None = None,
        sock: Any = None,
        **_: Any,
    ) -> tuple[Any, Any]:
        """Open a UDP socket of the running host."""
        stack = running_host("create_datagram_endpoint")
        if sock is not None:
            if sock.type != socket.SOCK_DGRAM:
                raise ValueError(f"A UDP Socket was expected, got {sock!r}")
            if local_addr or remote_addr or family or proto or flags:
                raise ValueError("socket modifier keyword arguments can not be used when sock is specified.")
            if sock.family != socket.AF_INET:
                refuse_socket("create_datagram_endpoint")
            local_addr, family = _take_token(sock), socket.AF_INET
        if family == socket.AF_UNIX:
            refuse_unix("create_datagram_endpoint")
        if not local_addr and not remote_addr and family == 0:
            raise ValueError("unexpected address family")
        local = await self._udp_address(local_addr, family, flags)
        remote = await self._udp_address(remote_addr, family, flags)
        transport = stack.udp.open(local, remote, reuse_port=bool(reuse_port))
        transport.may_broadcast = bool(allow_broadcast)
        try:
            protocol = protocol_factory()
        except BaseException:
            transport.discard()
            raise
        opened = self.create_future()
        transport.open(protocol)
        self.call_soon(_finish, opened)
        try:
            await opened
        except BaseException:
            transport.close()
            raise
        return transport, protocol

    async def _udp_address(self, address: Any, family: int, flags: int) -> tuple[int, int] | None:
        if not address:
            return None
        if not (isinstance(address, tuple) and len(address) == 2):
            raise TypeError("2-tuple is expected")
        infos = await self.getaddrinfo(*address, family=family, type=socket.SOCK_DGRAM, flags=flags)
        for found, _, _, _, (name, port, *_) in infos:
            if found == socket.AF_INET:
                number = parse_ipv4(name)
                assert number is not None, "getaddrinfo answers in numbers"
                return number, port
        raise OSError(errno.EAFNOSUPPORT, os.strerror(errno.EAFNOSUPPORT))


async def _connect(stack: HostStack, family: int, address: Any, local_addr_infos: Any) -> TcpSocket:
    """Bind if asked to, connect, and wait for the answer."""
    remote = parse_ipv4(address[0]) if family == socket.AF_INET else None
    if remote is None:
        # What a Linux host without an IPv6 address meets.
        raise connect_error(errno.ENETUNREACH, address)
    local = None
    if local_addr_infos is not None:
        local = next((info[4] for info in local_addr_infos if info[0] == family), None)
        if local is None:
            raise OSError(f"no matching local address with {family=} found")
    try:
        bound = None if local is None else (parse_ipv4(local[0]) or 0, local[1])
        tcp_socket = stack.tcp.open(bound, (remote, address[1]))
    except OSError as error:
        if local is not None and error.errno != errno.ENETUNREACH:
            raise bind_error(error, local) from None
        raise connect_error(error.errno or errno.EINVAL, address) from None
    opened = tcp_socket.opened
    assert opened is not None, "an active open can be waited for"
    try:
        await opened
    except OSError as error:
        raise connect_error(error.errno or errno.EINVAL, address) from None
    except BaseException:  # the program gave up
        tcp_socket.close(stack.loop.now)
        raise
    return tcp_socket


def _finish(future: asyncio.Future[None]) -> None:
    """Let whoever waits for ``future`` go on."""
    if not future.done():
        future.set_result(None)


def _bind(stack: HostStack, family: int, address: Any, reuse_port: bool) -> ListeningSocket:
    """Reserve a server's address."""
    number = parse_ipv4(address[0]) if family == socket.AF_INET else None
    if number is None:
        raise bind_error(OSError(errno.EADDRNOTAVAIL, ""), address)
    try:
        return ListeningSocket(stack, stack.tcp.bind(number, address[1], reuse_port=reuse_port))
    except OSError as error:
        raise bind_error(error, address) from None


def _take_bound_token(sock: Any) -> tuple[str, int]:
    """Close a real socket that is bound, and return its address: an emulated one is bound there instead."""
    if sock.type != socket.SOCK_STREAM:
        raise ValueError(f"A Stream Socket was expected, got {sock!r}")
    if sock.family != socket.AF_INET:
        refuse_socket("create_server")
    return _take_token(sock)


def _take_token(sock: Any) -> tuple[str, int]:
    """Close an unconnected real socket and return the address it was bound to; refuse a connected one."""
    try:
        peer = sock.getpeername()
    except OSError:
        name: tuple[str, int] = sock.getsockname()
        sock.close()
        return name
    raise NotImplementedError(
        f"a real socket connected to {peer} cannot enter the emulated network: connect with loop.create_connection"
    )
