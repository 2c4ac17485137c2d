"""One TCP connection of a host: the kernel's side of a stream transport.

Drives a sans-IO :class:`emulator.tcp.Connection`: packets in, segments out,
one alarm on the agenda.  It exists before a program has it (a connection that
is being accepted) and after (TCP goes on until all is acknowledged), so what
the program sees is another object, the transport.

:meth:`TcpSocket.receive` is the hot path: it runs once for every packet that
any host receives.  It may cost 1.2 us above TCP itself (``benchmarks/stack.py``).
"""

from __future__ import annotations

import errno
import os
from socket import SO_SNDBUF, SOL_SOCKET
from typing import TYPE_CHECKING, Any, Final

from emulator.asyncio_net.addresses import dotted
from emulator.asyncio_net.socket_options import apply, number
from emulator.simulation.agenda import Event
from emulator.tcp import Failure, State
from emulator.wire.packet import IPPROTO_TCP

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from emulator.asyncio_net.listener import Listener
    from emulator.asyncio_net.tcp import Key, Tcp
    from emulator.asyncio_net.transports import StreamTransport
    from emulator.tcp import Connection
    from emulator.wire.packet import Packet

NEVER: Final = 1 << 62
_OPENING: Final = (State.LISTEN, State.SYN_SENT, State.SYN_RECEIVED)
_MANY_PROBES: Final = 16
"""Zero-window probes after which probing counts as recurring work: it would go on for ever."""

_ERRNO: Final = {
    Failure.REFUSED: errno.ECONNREFUSED,
    Failure.RESET: errno.ECONNRESET,
    Failure.TIMED_OUT: errno.ETIMEDOUT,
}


class TcpSocket(Event):
    """A connection, its timer, and whoever uses it.

    Attributes:
        key: Where the stack finds it: attachment, local address and port, remote address and port.
        opening: Whether the handshake is still going on.
        reading: Whether what arrives goes to the program at once.
        wake_at: Sequence number whose acknowledgment the program waits for, since it has written enough for now.
        feed, run: How data reaches the program: ``run(feed, now)``.
        user: The transport, while a program has one.
        listener: Who accepts it, if it came from outside.
        opened: Done once an active open has succeeded or failed.
        error: Why the connection ended, if not in order; an errno.
        soft_error: Of an ICMP message that did not end the connection: what it ends with if nothing else comes.
        soft_at: What was not acknowledged when that message came.
        told: Whether a program has been told of the error (``SO_ERROR``).
        options: What was set with ``setsockopt``, by a program or on the listener.
        send_buffer: Bytes the socket takes before it has learnt how fast the path is, or always if ``send_fixed``.
        probes: Zero-window probes in a row.
    """

    __slots__ = (
        "alarm_at",
        "connection",
        "error",
        "feed",
        "key",
        "listener",
        "opened",
        "opening",
        "options",
        "probes",
        "reading",
        "run",
        "send",
        "send_buffer",
        "send_fixed",
        "soft_at",
        "soft_error",
        "tcp",
        "told",
        "user",
        "wake_at",
    )

    def __init__(self, tcp: Tcp, key: Key, connection: Connection) -> None:
        self.tcp: Tcp = tcp
        self.key: Key = key
        self.connection: Connection = connection
        plug, local, local_port, remote, remote_port = key
        self.send: Callable[[Packet], None] = plug.sender((local, remote, IPPROTO_TCP, local_port, remote_port))
        self.alarm_at: int = NEVER
        self.opening: bool = True
        self.reading: bool = False
        self.wake_at: int = NEVER
        self.run: Callable[..., Any] = _nobody
        self.feed: Callable[[int], None] = _nobody
        self.user: StreamTransport | None = None
        self.listener: Listener | None = None
        self.opened: asyncio.Future[None] | None = None
        self.error: int = 0
        self.probes: int = 0
        self.soft_error: int = 0
        self.soft_at: int = 0
        self.told: bool = False
        self.options: dict[tuple[int, int], int | bytes] = {}
        self.send_buffer: int = tcp.config.send_buffer
        self.send_fixed: bool = False

    def __repr__(self) -> str:
        local, remote = self.names
        return f"<TcpSocket {local[0]}:{local[1]} -> {remote[0]}:{remote[1]} {self.connection.state}>"

    @property
    def names(self) -> tuple[tuple[str, int], tuple[str, int]]:
        """Local and remote address, as programs write them."""
        _, local, local_port, remote, remote_port = self.key
        return (dotted(local), local_port), (dotted(remote), remote_port)

    # -- the hot path ------------------------------------------------------------------------------------------

    def receive(self, packet: Packet, now: int) -> None:
        """Take a segment, send what TCP answers, hand the program what arrived."""
        connection = self.connection
        connection.receive(packet, now)
        outbox = connection.outbox
        if outbox:
            send = self.send
            for segment in outbox:
                send(segment)
            outbox.clear()
        if self.reading and connection.inbox:
            run = self.run  # called as a method, a slot's value is looked up the slow way: 0.06 us
            run(self.feed, now)
            if outbox:  # the program took what filled the window, so the peer hears of a larger one
                self.settle(now)
        if connection.snd_una >= self.wake_at:
            self.user.drained()  # type: ignore[union-attr]  # who waits is there
        if connection.changed:
            self.moved(now)
        deadline = connection.deadline
        if -1 < deadline < self.alarm_at:
            self._arm(deadline)

    # -- what the program's side asks for ----------------------------------------------------------------------

    def settle(self, now: int) -> None:
        """Send what TCP has to say after a call of the program's, and notice what the call changed."""
        connection = self.connection
        outbox = connection.outbox
        if outbox:
            send = self.send
            for segment in outbox:
                send(segment)
            outbox.clear()
        if connection.changed:
            self.moved(now)
        deadline = connection.deadline
        if -1 < deadline < self.alarm_at:
            self._arm(deadline)

    def close(self, now: int, *, reset: bool = False) -> None:
        """Drop the program's end as the system call does; TCP goes on by itself until everything is acknowledged."""
        self.user = None
        self.reading = False
        self.wake_at = NEVER
        self.run = self.feed = _nobody
        if reset:
            self.connection.abort(now)
        else:
            self.connection.release(now)
        self.settle(now)

    # -- the rest ----------------------------------------------------------------------------------------------

    def fire(self, now: int) -> None:
        """Let TCP do what is due; an entry that a shorter deadline has overtaken comes up for nothing."""
        if now != self.alarm_at:
            return
        self.alarm_at = NEVER
        connection = self.connection
        waiting = connection.snd_una == connection.snd_nxt < connection.snd_end
        self.probes = self.probes + 1 if waiting else 0
        connection.on_timer(now)
        self.settle(now)

    def _arm(self, due_at: int) -> None:
        """Set the alarm: in the background if it waits for nothing but time, or would go on for ever."""
        self.alarm_at = due_at
        state = self.connection.state
        alone = state is State.TIME_WAIT or (state is State.FIN_WAIT_2 and self.user is None)
        agenda = self.tcp.host.loop.agenda
        connection = self.connection
        probing = self.probes > _MANY_PROBES and connection.snd_una == connection.snd_nxt
        keeping = connection.keep_at >= 0 and connection.rto_at < 0 and connection.rcv_acked == connection.rcv_nxt
        if alone or probing or keeping:
            agenda.add_background(due_at, self)
        else:
            agenda.add(due_at, self)

    def moved(self, now: int) -> None:
        """Tell whoever is concerned that the connection is in another state, failed, or was closed by the peer."""
        connection = self.connection
        connection.changed = False
        state = connection.state
        if state is State.CLOSED:
            if connection.error is not None and not self.error:
                self.error = _ERRNO[connection.error]
                if self.soft_error and connection.error is Failure.TIMED_OUT and connection.snd_una == self.soft_at:
                    self.error = self.soft_error  # Linux: tcp_write_err
            self.tcp.forget(self)
        elif state is State.TIME_WAIT:
            self.tcp.sockets[self.key] = TimeWait(self)
        if self.opening and state not in _OPENING:
            self.opening = False
            self._handshake_over(now)
        if self.user is not None:
            self.user.readable()

    def _handshake_over(self, now: int) -> None:
        """The connection is established, or will never be."""
        if self.listener is not None:
            if self.connection.state is not State.CLOSED:
                self.listener.established(self, now)
        elif self.opened is not None and not self.opened.done():
            if self.error:
                self.opened.set_exception(self.os_error())
            else:
                self.opened.set_result(None)

    def os_error(self) -> OSError:
        """Return the error that ended the connection, as a program meets it."""
        return OSError(self.error, os.strerror(self.error))

    def inherit(self, level: int, option: int, value: int | bytes, now: int) -> None:
        """Take over an option of the listening socket, before the handshake."""
        self.options[level, option] = value
        apply(self.connection, level, option, value, now)
        if (level, option) == (SOL_SOCKET, SO_SNDBUF):
            self.send_buffer = number(value)
            self.send_fixed = True

    def takes(self) -> int:
        """Return how many bytes the socket holds at present: more on a fast path, as ``tcp_wmem`` lets Linux's."""
        if self.send_fixed:
            return self.send_buffer
        return max(self.send_buffer, 2 * self.connection.congestion.cwnd)

    def warned(self, code: int) -> None:
        """Remember an ICMP error that ends nothing: if the connection times out, it is the reason (RFC 5461)."""
        self.soft_error = code
        self.soft_at = self.connection.snd_una

    def refused(self, code: int, now: int) -> None:
        """Give up an active open because of an ICMP error (RFC 5461 section 4.2)."""
        self.error = code
        self.connection.abort(now)
        self.settle(now)


class TimeWait:
    """Stands in the stack for a connection in TIME-WAIT, and makes room for a new one between the same ports.

    RFC 1122 4.2.2.13: a SYN with a sequence number above everything of the old connection may open a new one.
    """

    __slots__ = ("socket",)

    def __init__(self, socket: TcpSocket) -> None:
        self.socket: TcpSocket = socket

    def receive(self, packet: Packet, now: int) -> None:
        """Take a segment."""
        socket = self.socket
        connection = socket.connection
        if connection.is_replaced_by(packet):
            connection.abort(now)
            socket.settle(now)
            socket.tcp.host.receive(socket.key[0], packet, now)
        else:
            socket.receive(packet, now)


def _nobody(*_: object) -> None:
    """Take the place of a program that is not there (yet, or any more)."""
