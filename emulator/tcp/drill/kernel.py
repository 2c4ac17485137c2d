"""A little operating system: what stands between socket calls and connections.

It owns the connections, their listeners and the clock, gives segments to the
connection they belong to, and keeps what connections send until somebody asks
for it.  What a program may do with a socket is in
:mod:`emulator.tcp.drill.calls`.
"""

from __future__ import annotations

import errno
from collections import deque
from typing import TYPE_CHECKING, Final

from emulator.tcp.connection import Connection
from emulator.tcp.reset import reset_for
from emulator.tcp.states import Failure, State
from emulator.wire.packet import ACK, FIN, RST, SYN, Packet

if TYPE_CHECKING:
    from collections.abc import Callable

    from emulator.tcp.config import TcpConfig
    from emulator.tcp.drill.script import Icmp
    from emulator.tcp.drill.settings import Settings

LOCAL: Final = 0xC0A80002  # 192.168.0.2
REMOTE: Final = 0xC0000201  # 192.0.2.1
ISS: Final = 0xFFFF_8000
"""Of every connection: sequence numbers wrap after 32 KiB, as they may."""
TS_OFFSET: Final = 1_000_000
FIRST_EPHEMERAL: Final = 40_000

UNREACHABLE: Final = 3
FRAGMENTATION_NEEDED: Final = 4
TIME_EXCEEDED: Final = 11
ERRNO_OF_CODE: Final = (
    errno.ENETUNREACH,
    errno.EHOSTUNREACH,
    errno.ENOPROTOOPT,
    errno.ECONNREFUSED,
    errno.EMSGSIZE,
    errno.EOPNOTSUPP,
    errno.ENETUNREACH,
    errno.EHOSTDOWN,
    errno.ENONET,
    errno.ENETUNREACH,
    errno.EHOSTUNREACH,
    errno.ENETUNREACH,
    errno.EHOSTUNREACH,
    errno.EHOSTUNREACH,
    errno.EHOSTUNREACH,
    errno.EHOSTUNREACH,
)
"""Of destination-unreachable messages, by code (icmp(7): icmp_err_convert)."""
FAILURES: Final = {
    Failure.REFUSED: errno.ECONNREFUSED,
    Failure.RESET: errno.ECONNRESET,
    Failure.TIMED_OUT: errno.ETIMEDOUT,
}
OPENING: Final = {State.SYN_SENT, State.SYN_RECEIVED}


class Listener:
    """A port that accepts connections.

    Attributes:
        config: Gives the settings of a connection that begins now.
        queue: Established connections that no program has accepted.
    """

    def __init__(self, port: int, backlog: int, config: Callable[[], TcpConfig]) -> None:
        self.port: int = port
        self.backlog: int = backlog
        self.config: Callable[[], TcpConfig] = config
        self.queue: deque[Endpoint] = deque()


class Endpoint:
    """A connection and what the program's side of it remembers.

    Attributes:
        listener: Where it came from and has not been accepted.
        held: What was taken from the connection and not read.
        sent: All that was written, to compare payloads with.
        read_total: How many octets the program has read.
        error: The pending error (``SO_ERROR``), or 0.
        soft_error: What an ICMP message said that did not end anything.
        received_at: When data last came.
    """

    def __init__(self, connection: Connection, listener: Listener | None = None) -> None:
        self.connection: Connection = connection
        self.listener: Listener | None = listener
        self.active: bool = listener is None
        self.queued: bool = False
        self.held: bytearray = bytearray()
        self.sent: bytearray = bytearray()
        self.read_total: int = 0
        self.error: int = 0
        self.soft_error: int = 0
        self.received_at: int = 0
        self.opened: bool = False

    @property
    def key(self) -> tuple[int, int]:
        """Its ports, local first."""
        return self.connection.local_port, self.connection.remote_port

    def readable(self) -> int:
        """Return how many octets the program could read."""
        return len(self.held) + sum(map(len, self.connection.inbox))


class Kernel:
    """Connections, listeners, and time."""

    def __init__(self, settings: Settings) -> None:
        self.settings: Settings = settings
        self.now: int = 0
        self.endpoints: dict[tuple[int, int], Endpoint] = {}
        self.listeners: dict[int, Listener] = {}
        self.out: deque[tuple[int, Packet]] = deque()
        self.next_port: int = FIRST_EPHEMERAL

    # -- opening ------------------------------------------------------------------------------------------------

    def connect(self, config: TcpConfig, port: int, remote_port: int) -> Endpoint:
        """Begin an active open from ``port``, or from a free port if that is 0."""
        if not port:
            port = self.next_port
            self.next_port += 1
        endpoint = Endpoint(Connection(config, LOCAL, port, REMOTE, remote_port, ISS, ts_offset=TS_OFFSET))
        self.endpoints[endpoint.key] = endpoint
        endpoint.connection.connect(self.now)
        self.settle(endpoint)
        return endpoint

    def _accept(self, listener: Listener, packet: Packet) -> None:
        connection = Connection(
            listener.config(), LOCAL, packet.dport, REMOTE, packet.sport, ISS, ts_offset=TS_OFFSET
        )  # fmt: skip
        endpoint = Endpoint(connection, listener)
        self.endpoints[endpoint.key] = endpoint
        connection.accept(packet, self.now)
        self.settle(endpoint)

    # -- packets ------------------------------------------------------------------------------------------------

    def deliver(self, packet: Packet) -> None:
        """Give a segment to the connection it belongs to, or answer for a closed port."""
        if self.settings.drop_synfin and packet.flags & (SYN | FIN) == SYN | FIN:
            return
        endpoint = self.endpoints.get((packet.dport, packet.sport))
        listener = self.listeners.get(packet.dport)
        if endpoint is not None and endpoint.connection.is_replaced_by(packet) and listener is not None:
            del self.endpoints[endpoint.key]
            endpoint = None
        if endpoint is not None:
            connection = endpoint.connection
            if packet.payload:
                endpoint.received_at = self.now
            connection.receive(packet, self.now)
            self.settle(endpoint)
            return
        if listener is not None and self._is_dropped(packet):
            return
        if listener is not None and packet.flags & (SYN | ACK | RST) == SYN:
            if len(listener.queue) <= listener.backlog:
                self._accept(listener, packet)
            return
        answer = reset_for(packet)
        if answer is not None:
            self.out.append((self.now, answer))

    def _is_dropped(self, packet: Packet) -> bool:
        """Say whether a listener is silent about a segment (RFC 9293 section 3.10.7.2: "fourth")."""
        flags = packet.flags
        linux = self.settings.profile.name == "linux"
        if flags & (SYN | ACK) == SYN:
            return flags & FIN != 0 and linux  # tcp_rcv_state_process; FreeBSD has a switch for it
        return not flags & ACK or (flags & SYN != 0 and not linux)

    def drop(self, state: str) -> None:
        """Forget the connections in a state (``tcpdrop``)."""
        for endpoint in [e for e in self.endpoints.values() if e.connection.state == state_name(state)]:
            self._vanish(endpoint)

    def icmp(self, message: Icmp, key: tuple[int, int], seq: int | None) -> None:
        """Act on an ICMP error about the segment of ``key`` that begins at ``seq``.

        It must be about data in flight (RFC 5927 section 4.1); which errors end an opening, and whether any ends
        an open connection, the profile says.
        """
        endpoint = self.endpoints.get(key)
        if endpoint is None:
            return
        connection = endpoint.connection
        if seq is not None and not (seq - connection.snd_una & 0xFFFFFFFF) < max(
            connection.snd_nxt - connection.snd_una, 1
        ):
            return
        opening = connection.state in OPENING
        if message.kind == UNREACHABLE and message.code == FRAGMENTATION_NEEDED:
            if not opening:
                connection.fit(message.mtu, self.now)
                self.settle(endpoint)
            return
        linux = self.settings.profile.name == "linux"
        if message.kind == UNREACHABLE and message.code < len(ERRNO_OF_CODE):
            ends = message.code in self.settings.profile.icmp_ends_opening
            error = ERRNO_OF_CODE[message.code] if linux or not ends else errno.ECONNREFUSED  # BSD: inetctlerrmap
        elif message.kind == TIME_EXCEEDED and (linux or message.code == 0):
            error = errno.EHOSTUNREACH
            ends = True
        else:
            return
        if opening and ends:
            endpoint.error = error
            if connection.state is State.SYN_RECEIVED:
                connection.error = None
            self._vanish(endpoint)
        else:
            endpoint.soft_error = error

    def _vanish(self, endpoint: Endpoint) -> None:
        """End a connection without telling the peer."""
        endpoint.connection.abort(self.now)
        endpoint.connection.outbox.clear()
        self.settle(endpoint)

    # -- after any call -----------------------------------------------------------------------------------------

    def settle(self, endpoint: Endpoint) -> None:
        """Take out what a connection sends, and note what became of it."""
        connection = endpoint.connection
        for packet in connection.to_send(self.now):
            self.out.append((self.now, packet))
        if not connection.changed:
            return
        connection.changed = False
        state = connection.state
        if state not in OPENING and state is not State.CLOSED:
            if not endpoint.opened:
                endpoint.received_at = self.now
            endpoint.opened = True
        listener = endpoint.listener
        if listener is not None and endpoint.opened and not endpoint.queued:
            endpoint.queued = True
            listener.queue.append(endpoint)
        if connection.error is not None and not endpoint.error:
            endpoint.error = FAILURES[connection.error]
            if connection.error is Failure.TIMED_OUT and endpoint.soft_error:
                endpoint.error = endpoint.soft_error
        if state is State.CLOSED and self.endpoints.get(endpoint.key) is endpoint:
            del self.endpoints[endpoint.key]

    # -- time ---------------------------------------------------------------------------------------------------

    def next_at(self) -> int:
        """Return when a timer is next due, or -1."""
        due = [e.connection.deadline for e in self.endpoints.values() if e.connection.deadline >= 0]
        return min(due, default=-1)

    def step(self, limit: int) -> bool:
        """Let the next timer fire if it is due by ``limit``; else go there and return False."""
        due = self.next_at()
        if due < 0 or due > limit:
            self.now = max(self.now, limit)
            return False
        self.now = max(self.now, due)
        for endpoint in list(self.endpoints.values()):
            if 0 <= endpoint.connection.deadline <= self.now:
                endpoint.connection.on_timer(self.now)
                self.settle(endpoint)
        return True

    def count(self, state: str) -> int:
        """Return how many connections are in a state, by FreeBSD's name of it."""
        return sum(endpoint.connection.state == state_name(state) for endpoint in self.endpoints.values())

    # -- the program's side -------------------------------------------------------------------------------------

    def take(self, endpoint: Endpoint) -> None:
        """Move what a connection has received into the program's reach."""
        if endpoint.connection.inbox:
            for data in endpoint.connection.take(self.now):
                endpoint.held += data
            self.settle(endpoint)

    def unlisten(self, listener: Listener) -> None:
        """A listener is closed: those it opened and nobody accepted are reset."""
        self.listeners.pop(listener.port, None)
        for endpoint in [e for e in self.endpoints.values() if e.listener is listener]:
            if endpoint.queued:
                endpoint.connection.abort(self.now)
                self.settle(endpoint)
            else:
                self._vanish(endpoint)


def state_name(state: str) -> str:
    """Return the RFC's name of a state that FreeBSD's netstat names."""
    return {"SYN_RCVD": State.SYN_RECEIVED}.get(state) or state.replace("_", "-")
