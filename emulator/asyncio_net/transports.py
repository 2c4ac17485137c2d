"""Streams as programs see them: ``asyncio.Transport`` over a :class:`TcpSocket`.

What is written goes to TCP at once and stays there, uncopied; the part of it
that a Linux socket would not have taken yet counts as the transport's own
buffer.  That part decides when a protocol is paused, and when a closed
transport is really gone.

What is not obvious: ``abort()`` throws away what the transport buffers and
closes the socket, exactly as asyncio does; the peer gets a reset only if that
loses something (bytes not yet in the "kernel", or received ones that nobody
read), or if the program asked for one with ``SO_LINGER`` of zero seconds.

Settles arguments: ``asyncio/selector_events.py`` of CPython 3.11, tcp(7).
"""

# ruff: noqa: SLF001 - a loop and its transports are made of what asyncio calls private

from __future__ import annotations

import asyncio
import errno
import os
import socket
import struct
import sys
from asyncio import constants, transports
from asyncio.log import logger
from collections import deque
from typing import TYPE_CHECKING, Any, Final

from emulator.asyncio_net.socket_options import StreamSocket
from emulator.asyncio_net.tcp_socket import NEVER
from emulator.asyncio_net.tls import silence

if TYPE_CHECKING:
    from contextvars import Context

    from emulator.asyncio_net.loop import VirtualTimeLoop
    from emulator.asyncio_net.tcp_socket import TcpSocket

READ_SIZE: Final = 256 * 1024
"""Most bytes asyncio reads at once."""


class StreamTransport(transports._FlowControlMixin):
    """One program's end of a connection.

    Args:
        tcp_socket: The kernel's side, established.
        protocol: Whom to tell.
        context: What its callbacks run in.
        server: The server that accepted the connection, if one did.
    """

    # What asyncio's mixin has and typeshed does not tell.
    _extra: dict[str, Any]
    _protocol_paused: bool
    _low_water: int
    if TYPE_CHECKING:

        def _maybe_pause_protocol(self) -> None: ...
        def _maybe_resume_protocol(self) -> None: ...

    _sendfile_compatible = constants._SendfileMode.TRY_NATIVE
    _start_tls_compatible = True

    def __init__(self, tcp_socket: TcpSocket, protocol: Any, context: Context, server: Any = None) -> None:
        host = tcp_socket.tcp.host
        sockname, peername = tcp_socket.names
        fake = StreamSocket(tcp_socket)
        fake.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # as asyncio sets it
        extra = {"socket": fake, "sockname": sockname, "peername": peername, **host.provenance(tcp_socket.key[0])}
        super().__init__(extra, host.loop)
        self._loop: VirtualTimeLoop = host.loop
        self._tcp: TcpSocket = tcp_socket
        self._context: Context = context
        self._server: Any = server
        self._closing: bool = False  # close() or abort() was called, or the connection failed
        self._lost: int = 0  # connection_lost is scheduled; counts useless writes from then on
        self._started: bool = False  # connection_made() has been called
        self._paused: bool = False
        self._unread: deque[bytes] = deque()  # taken from TCP, and then the protocol paused
        self._eof: bool = False  # write_eof() was called
        self._eof_told: bool = False
        self.set_protocol(protocol)
        tcp_socket.user = self
        tcp_socket.run = context.run
        if server is not None:
            if sys.version_info >= (3, 13):
                server._attach(self)
            else:
                server._attach()

    def __repr__(self) -> str:
        state = "closed" if self._lost else "closing" if self._closing else "open"
        return f"<StreamTransport {state} {self._tcp!r}>"

    # -- protocol and reading ----------------------------------------------------------------------------------

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Let ``protocol`` have what arrives from now on."""
        self._protocol: Any = protocol
        self._tcp.feed = self._feed_buffer if isinstance(protocol, asyncio.BufferedProtocol) else self._feed_data

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Return the protocol."""
        protocol: asyncio.BaseProtocol = self._protocol
        return protocol

    def is_closing(self) -> bool:
        """Return whether the transport is closed or being closed."""
        return self._closing

    def is_reading(self) -> bool:
        """Return whether the protocol gets what arrives."""
        return not self._closing and not self._paused

    def start_reading(self) -> None:
        """Begin to hand over what arrives: connection_made has been called."""
        self._started = True
        self._catch_up()

    def pause_reading(self) -> None:
        """Leave what arrives where it is; the window closes once the buffer is full."""
        if self.is_reading():
            self._paused = True
            self._tcp.reading = False

    def resume_reading(self) -> None:
        """Hand over what has arrived, soon, and what will arrive."""
        if not self._closing and self._paused:
            self._paused = False
            self._loop.call_soon(self._catch_up, context=self._context)

    def _catch_up(self) -> None:
        """Read what arrived while nobody did."""
        tcp_socket = self._tcp
        if not self.is_reading() or not self._started or tcp_socket.reading:
            return
        tcp_socket.reading = True
        now = self._loop.now
        if self._unread:
            self._hand_over()
        if tcp_socket.reading and tcp_socket.connection.inbox:
            tcp_socket.feed(now)
        self._after_data()
        tcp_socket.settle(now)

    def _feed_data(self, now: int) -> None:
        """Hand what has arrived to a Protocol.  Hot."""
        chunks = self._tcp.connection.take(now)
        if len(chunks) > 1:
            self._unread.extend(chunks)
            self._hand_over()
            return
        try:
            self._protocol.data_received(chunks[0])
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:  # noqa: BLE001 - as asyncio
            self._fatal_error(error, "Fatal error: protocol.data_received() call failed.")

    def _feed_buffer(self, now: int) -> None:
        """Hand what has arrived to a BufferedProtocol.  Hot."""
        chunks = self._tcp.connection.take(now)
        data = chunks[0]
        size = len(data)
        protocol = self._protocol
        try:
            buffer = protocol.get_buffer(-1)
            if type(buffer) is not memoryview:
                buffer = memoryview(buffer)  # assigning bytes to a slice of a bytearray would copy them twice
            if len(chunks) == 1 and len(buffer) >= size and buffer.format == "B":
                buffer[:size] = data
                protocol.buffer_updated(size)
                return
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:  # noqa: BLE001 - as asyncio
            self._fatal_error(error, "Fatal error: protocol buffer call failed.")
            return
        self._unread.extend(chunks)
        self._hand_over()

    def _hand_over(self) -> None:
        """Hand out what was taken from TCP until there is no more, or the protocol pauses.

        What is left then has made room in the window already: a program that keeps pausing is read ahead for
        by at most one receive buffer.
        """
        unread = self._unread
        try:
            while unread and self._tcp.reading:
                if isinstance(self._protocol, asyncio.BufferedProtocol):
                    buffer = memoryview(self._protocol.get_buffer(-1)).cast("B")
                    if not len(buffer):
                        raise RuntimeError("get_buffer() returned an empty buffer")  # noqa: TRY301 - as asyncio
                    data = self._read(len(buffer))
                    buffer[: len(data)] = data
                    self._protocol.buffer_updated(len(data))
                else:
                    self._protocol.data_received(self._read(READ_SIZE))
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:  # noqa: BLE001 - as asyncio
            self._fatal_error(error, "Fatal error: protocol.data_received() or buffer call failed.")

    def _read(self, size: int) -> bytes:
        """Return up to ``size`` of the bytes taken from TCP, as recv would."""
        unread = self._unread
        parts = []
        while unread and size > 0:
            chunk = unread.popleft()
            if len(chunk) > size:
                unread.appendleft(chunk[size:])
                chunk = chunk[:size]
            size -= len(chunk)
            parts.append(chunk)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    # -- what the socket reports -------------------------------------------------------------------------------

    def readable(self) -> None:
        """The connection's state changed: there may be an end of file or an error to tell of."""
        if self.is_reading() or self._closing or (self._tcp.error and self._protocol_paused):
            # Soon, not now: it may be a call of the program's own that changed the state.
            self._loop.call_soon(self._after_data, context=self._context)
        # Otherwise it is found when somebody reads or writes, as with a descriptor that nobody polls.

    def descriptor(self) -> int:
        """Return a file descriptor that is readable if there is something to read: data, its end, or an error."""
        tcp_socket = self._tcp
        connection = tcp_socket.connection
        news = bool(self._unread or connection.inbox or connection.peer_closed or tcp_socket.error)
        return self._loop.descriptors.get(readable=news)

    def _after_data(self) -> None:
        tcp_socket = self._tcp
        if self._lost or not self._started:
            return
        unread = (self._unread or tcp_socket.connection.inbox) and not self._closing
        if unread and not (tcp_socket.error and self._protocol_paused):
            return  # first things first; but a program that waits to write would never come to read of an error
        if tcp_socket.error:
            self._fail(tcp_socket.os_error())
        elif tcp_socket.connection.peer_closed and not self._eof_told and not self._closing:
            self._eof_told = True
            self._tell_eof()

    def _tell_eof(self) -> None:
        try:
            keep_open = self._protocol.eof_received()
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:  # noqa: BLE001 - as asyncio
            self._fatal_error(error, "Fatal error: protocol.eof_received() call failed.")
            return
        if not keep_open:
            self.close()

    def drained(self) -> None:
        """As much was acknowledged as :meth:`_wait` asked for."""
        self._tcp.wake_at = NEVER
        if self._protocol_paused:
            self._context.run(self._maybe_resume_protocol)
        if self._closing and not self._lost and not self._buffered():
            self._lose(None)
        self._wait()

    # -- writing -----------------------------------------------------------------------------------------------

    def _buffered(self) -> int:
        """Return how much of what was written a Linux socket would not have taken yet."""
        connection = self._tcp.connection
        queued = connection.snd_end - connection.snd_una
        if queued <= self._tcp.send_buffer:
            return 0
        return max(0, queued - self._tcp.takes())

    def get_write_buffer_size(self) -> int:
        """Return how many bytes wait for room in the socket."""
        return self._buffered()

    def _wait(self) -> None:
        """Let :meth:`drained` be called when a paused protocol may go on, or a closing transport is empty."""
        if self._lost or not (self._protocol_paused or self._closing):
            return
        tcp_socket = self._tcp
        # A congestion window that grows meanwhile lets the program go on a little later than Linux would.
        low = 0 if self._closing else self._low_water
        tcp_socket.wake_at = tcp_socket.connection.snd_end - tcp_socket.takes() - low

    def write(self, data: Any) -> None:
        """Send ``data``, in time."""
        if not isinstance(data, bytes | bytearray | memoryview):
            raise TypeError(f"data argument must be a bytes-like object, not {type(data).__name__!r}")
        if self._eof:
            raise RuntimeError("Cannot call write() after write_eof()")
        if not data:
            return
        tcp_socket = self._tcp
        if self._lost or tcp_socket.error:
            self._write_in_vain()
            return
        now = self._loop.agenda.now
        connection = tcp_socket.connection
        connection.write(data if type(data) is bytes else bytes(data), now)
        tcp_socket.settle(now)
        if connection.snd_end - connection.snd_una > tcp_socket.send_buffer:
            self._maybe_pause_protocol()
            if self._protocol_paused:
                self._wait()

    def _write_in_vain(self) -> None:
        if not self._lost:  # the error was waiting for somebody to look
            self._fail(self._tcp.os_error())
            return
        self._lost += 1
        if self._lost > constants.LOG_THRESHOLD_FOR_CONNLOST_WRITES:
            logger.warning("socket.send() raised exception.")

    def writelines(self, list_of_data: Any) -> None:
        """Send all of ``list_of_data``."""
        self.write(b"".join(list_of_data))

    def can_write_eof(self) -> bool:
        """Return True: TCP has half-close."""
        return True

    def write_eof(self) -> None:
        """Send FIN behind what was written; reading goes on."""
        if self._closing or self._eof:
            return
        self._eof = True
        now = self._loop.now
        self._tcp.connection.close(now)
        self._tcp.settle(now)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Set the marks at which the protocol is paused and resumed."""
        super().set_write_buffer_limits(high, low)
        self._wait()

    # -- the end -----------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Close once the socket has taken everything written; TCP goes on until it is acknowledged."""
        if self._closing or self._loop.is_closed():
            return
        self._closing = True
        self._tcp.reading = False
        if self._buffered():
            self._wait()
        else:
            self._lose(None)

    def abort(self) -> None:
        """Close now; see the opening for what the peer sees."""
        self._fail(None)

    def _force_close(self, error: BaseException | None) -> None:
        """Close now, because of ``error``: what asyncio's TLS protocol calls when a handshake fails."""
        self._fail(error)

    def _fail(self, error: BaseException | None) -> None:
        if self._lost or self._loop.is_closed():
            return
        self._closing = True
        self._lose(error)

    def _fatal_error(self, error: BaseException, message: str) -> None:
        if not isinstance(error, OSError):
            self._loop.call_exception_handler(
                {"message": message, "exception": error, "transport": self, "protocol": self._protocol}
            )
        self._fail(error)

    def _lose(self, error: BaseException | None) -> None:
        self._lost = 1
        self._tcp.reading = False
        self._tcp.wake_at = NEVER
        # What is buffered now is dropped with the transport, if it goes before the socket took it.
        reset = self._buffered() > 0 or bool(self._unread) or self._wants_reset()
        self._loop.call_soon(self._call_connection_lost, error, reset, context=self._context)

    def _wants_reset(self) -> bool:
        linger = self._extra["socket"].getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8)
        return len(linger) == 8 and struct.unpack("ii", linger) == (1, 0)

    def vanish(self) -> None:
        """The host is switched off: nothing is sent, and nobody is told."""
        self._closing = True
        self._lost = 1
        self._tcp.reading = False
        self._tcp.wake_at = NEVER
        self._tcp.user = None
        silence(self._protocol)

    def _call_connection_lost(self, error: BaseException | None, reset: bool) -> None:
        try:
            self._protocol.connection_lost(error)
        finally:
            self._tcp.close(self._loop.now, reset=reset)
            server, self._server = self._server, None
            if server is not None:
                if sys.version_info >= (3, 13):
                    server._detach(self)
                else:
                    server._detach()


def connect_error(code: int, address: tuple[Any, ...]) -> OSError:
    """Return the error of a failed connect, in asyncio's words."""
    return OSError(code, f"Connect call failed {address}")


def bind_error(error: OSError, address: tuple[Any, ...]) -> OSError:
    """Return the error of a failed bind, in asyncio's words."""
    reason = os.strerror(error.errno or errno.EINVAL).lower()
    return OSError(error.errno, f"error while attempting to bind on address {address!r}: {reason}")
