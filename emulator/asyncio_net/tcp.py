"""The TCP half of a host: its connections, listeners and ports."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, TypeAlias

from emulator.asyncio_net import ports
from emulator.asyncio_net.addresses import ANY
from emulator.asyncio_net.icmp import FRAGMENTATION_NEEDED
from emulator.asyncio_net.tcp_socket import TcpSocket, TimeWait
from emulator.simulation.agenda import Event
from emulator.tcp import Connection, State, TcpConfig, reset_for
from emulator.wire.packet import ACK, RST, SYN, Packet

if TYPE_CHECKING:
    from emulator.asyncio_net.icmp import Quote
    from emulator.asyncio_net.listener import Listener, SharedPort
    from emulator.asyncio_net.stack import HostStack, Plug

Key: TypeAlias = "tuple[Plug, int, int, int, int]"
"""``(plug, local address, local port, remote address, remote port)``."""

HEADERS = 40
"""Bytes of IPv4 and TCP header without options, which an MSS does not count (RFC 6691)."""


class Tcp:
    """The TCP sockets of one host."""

    __slots__ = ("bound", "config", "host", "listeners", "options", "port_users", "sharing", "sockets")

    def __init__(self, host: HostStack, config: TcpConfig | None = None) -> None:
        self.host: HostStack = host
        self.config: TcpConfig = host.profile.tcp_config() if config is None else config
        self.config.mss = host.mtu - HEADERS
        self.sockets: dict[Key, TcpSocket | TimeWait] = {}
        self.listeners: dict[tuple[int, int], Listener | SharedPort] = {}
        self.bound: dict[tuple[int, int], int] = {}  # how many servers, listening yet or not, have an address
        self.sharing: set[tuple[int, int]] = set()  # those addresses that their servers share; looked up only
        self.options: dict[tuple[int, int], dict[tuple[int, int], int | bytes]] = {}  # of listening sockets
        self.port_users: dict[int, int] = {}  # how many connections and servers use each local port

    # -- servers -----------------------------------------------------------------------------------------------

    def bind(self, address: int, port: int, *, reuse_port: bool = False) -> tuple[int, int]:
        """Reserve an address and port for a server; port 0 is a free one.

        With ``reuse_port`` servers share one if all of them say so (``SO_REUSEPORT``, socket(7)).

        Raises:
            OSError: EADDRINUSE or EADDRNOTAVAIL.
        """
        self.host.check_local(address)
        if port == 0:
            port = ports.ephemeral(self.host.rng, self.host.profile, lambda port: port not in self.port_users)
        elif any(
            used == port
            and (ANY in (address, other) or other == address)
            and not (reuse_port and (other, used) in self.sharing)
            for other, used in self.bound
        ):  # connections on the port do not matter: asyncio sets SO_REUSEADDR
            raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
        self.bound[address, port] = self.bound.get((address, port), 0) + 1
        if reuse_port:
            self.sharing.add((address, port))
        self._use(port)
        return address, port

    def listen(self, local: tuple[int, int], listener: Listener) -> None:
        """Let ``listener`` have connections to a reserved address, or its share of them."""
        others = self.listeners.get(local)
        self.listeners[local] = listener if others is None else others.joined_by(listener)

    def unbind(self, local: tuple[int, int], listener: Listener | None) -> None:
        """Give a server's address back; connections accepted there live on."""
        if listener is not None:
            listener.closed = True
            group = self.listeners.pop(local, None)  # None: switched off
            left = None if group is None else group.without(listener)
            if left is not None:
                self.listeners[local] = left
        if local in self.bound:  # else switched off
            self.bound[local] -= 1
            if not self.bound[local]:
                del self.bound[local]
                self.sharing.discard(local)
                self.options.pop(local, None)
            self._unuse(local[1])

    # -- connections -------------------------------------------------------------------------------------------

    def open(self, local: tuple[int, int] | None, remote: tuple[int, int]) -> TcpSocket:
        """Begin to connect; ``local`` is an address and port to bind to first, either may be 0.

        Raises:
            OSError: EADDRINUSE, EADDRNOTAVAIL, EINVAL or ENETUNREACH.
        """
        address, port = local or (ANY, 0)
        plug, address = self.host.route(address, remote[0])
        if port == 0:
            port = ports.ephemeral(
                self.host.rng, self.host.profile, lambda port: self._free(plug, address, port, remote)
            )
        elif port in self.port_users:
            raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
        socket = self._socket((plug, address, port, *remote))
        socket.opened = self.host.loop.create_future()
        now = self.host.loop.now
        socket.connection.connect(now)
        socket.settle(now)
        return socket

    def _free(self, plug: Plug, address: int, port: int, remote: tuple[int, int]) -> bool:
        taken = (ANY, port) in self.bound or (address, port) in self.bound
        return not taken and (plug, address, port, *remote) not in self.sockets

    def _socket(self, key: Key) -> TcpSocket:
        rng = self.host.rng
        connection = Connection(
            self.config, *key[1:], iss=rng.getrandbits(32), ident=rng.getrandbits(16), ts_offset=rng.getrandbits(32)
        )
        socket = TcpSocket(self, key, connection)
        self.sockets[key] = socket
        self._use(key[2])
        return socket

    def forget(self, socket: TcpSocket) -> None:
        """Take a connection that is CLOSED out of the tables."""
        if self.sockets.pop(socket.key, None) is not None:  # else switched off
            self._unuse(socket.key[2])

    def switch_off(self) -> None:
        """Forget every connection and server."""
        for socket in self.sockets.values():
            if isinstance(socket, TcpSocket) and socket.user is not None:
                socket.user.vanish()
        self.sockets.clear()
        self.listeners.clear()
        self.bound.clear()
        self.sharing.clear()
        self.port_users.clear()

    def _use(self, port: int) -> None:
        self.port_users[port] = self.port_users.get(port, 0) + 1

    def _unuse(self, port: int) -> None:
        self.port_users[port] -= 1
        if not self.port_users[port]:
            del self.port_users[port]

    # -- packets that belong to no connection ------------------------------------------------------------------

    def unclaimed(self, plug: Plug, packet: Packet, now: int) -> Packet | None:
        """Open a connection for a SYN to a listener; return the reset that answers anything else."""
        listener_at = (packet.dst, packet.dport)
        if listener_at not in self.listeners:
            listener_at = (ANY, packet.dport)
        listener = self.listeners.get(listener_at)
        if listener is None or packet.flags & (SYN | ACK | RST) != SYN:
            return self._reset_for(packet)
        socket = self._socket((plug, packet.dst, packet.dport, packet.src, packet.sport))
        socket.listener = listener.chosen(packet)
        for (level, option), value in self.options.get(listener_at, {}).items():
            socket.inherit(level, option, value, now)
        socket.connection.accept(packet, now)
        socket.settle(now)
        return None

    def _reset_for(self, packet: Packet) -> Packet | None:
        answer = reset_for(packet)
        if answer is not None:
            answer.ttl = self.config.ttl
        return answer

    def refused(self, plug: Plug, quote: Quote, now: int) -> None:
        """Act on an ICMP error about a segment of ours.

        It has to quote something that is on its way, or anybody could forge it (RFC 5927 section 4.1).  While
        connecting, what the system takes for final ends the attempt: on Linux any of them.  Later on none does (RFC
        5461: a connection in use does not die of rumours) but it is remembered; of "fragmentation needed" a
        connection learns what fits (RFC 1191).
        """
        socket = self.sockets.get((plug, quote.src, quote.sport, quote.dst, quote.dport))
        if not isinstance(socket, TcpSocket) or not socket.connection.is_on_its_way(quote.seq):
            return
        final = quote.code in self.host.profile.icmp_ends_opening
        if socket.connection.state is State.SYN_SENT and final:
            socket.refused(quote.errno, now)
        elif quote.code != FRAGMENTATION_NEEDED:
            socket.warned(quote.errno)
        elif quote.code == FRAGMENTATION_NEEDED:
            self.host.loop.agenda.add(now, _Fit(socket, quote.mtu))  # the segment it quotes is still being sent


class _Fit(Event):
    """A connection learns how long its packets may be, once it is done with what it is sending."""

    __slots__ = ("mtu", "socket")

    def __init__(self, socket: TcpSocket, mtu: int) -> None:
        self.socket: TcpSocket = socket
        self.mtu: int = mtu

    def fire(self, now: int) -> None:
        """Send again what was too long."""
        self.socket.connection.fit(self.mtu, now)
        self.socket.settle(now)
