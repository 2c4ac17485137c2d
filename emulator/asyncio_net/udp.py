"""The UDP half of a host: who gets which datagram.

A connected socket is found by the whole five-tuple and attachment, any other
by the address and port it is bound to, the exact address first.
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, TypeAlias

from emulator.asyncio_net import ports
from emulator.asyncio_net.addresses import ANY
from emulator.asyncio_net.datagrams import DatagramTransport

if TYPE_CHECKING:
    from emulator.asyncio_net.icmp import Quote
    from emulator.asyncio_net.stack import HostStack, Plug
    from emulator.wire.packet import Packet

Key: TypeAlias = "tuple[Plug, int, int, int, int]"
"""``(plug, local address, local port, remote address, remote port)``."""


class Udp:
    """The UDP sockets of one host."""

    __slots__ = ("bound", "connected", "host", "port_users")

    def __init__(self, host: HostStack) -> None:
        self.host: HostStack = host
        self.bound: dict[tuple[int, int], DatagramTransport] = {}
        self.connected: dict[Key, DatagramTransport] = {}
        self.port_users: dict[int, int] = {}  # how many sockets are bound to each port

    def open(self, local: tuple[int, int] | None, remote: tuple[int, int] | None) -> DatagramTransport:
        """Make a socket, bound and connected as asked; port 0 is a free one.

        Raises:
            OSError: EADDRINUSE, EADDRNOTAVAIL or ENETUNREACH.
        """
        address, port = local or (ANY, 0)
        self.host.check_local(address)
        plug = None
        if remote is not None:
            plug, address = self.host.route(address, remote[0])
        elif address != ANY:
            plug = self.host.plug_of(address)
        if port == 0:
            port = ports.ephemeral(self.host.rng, self.host.profile, lambda port: port not in self.port_users)
        elif self._taken(address, port):
            raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
        transport = DatagramTransport(self.host, (address, port), remote, plug)
        if plug is not None and remote is not None:
            self.connected[plug, address, port, *remote] = transport
        self.bound[address, port] = transport
        self.port_users[port] = self.port_users.get(port, 0) + 1
        return transport

    def close(self, transport: DatagramTransport) -> None:
        """Forget a socket."""
        del self.bound[transport.local]
        port = transport.local[1]
        self.port_users[port] -= 1
        if not self.port_users[port]:
            del self.port_users[port]
        if transport.plug is not None and transport.remote is not None:
            del self.connected[transport.plug, *transport.local, *transport.remote]

    def switch_off(self) -> None:
        """Forget every socket."""
        for transport in list(self.bound.values()):
            transport.discard()

    def receive(self, plug: Plug, packet: Packet) -> bool:
        """Hand a datagram to its socket; return False if there is none."""
        transport = self.connected.get((plug, packet.dst, packet.dport, packet.src, packet.sport))
        if transport is None:
            transport = self.bound.get((packet.dst, packet.dport)) or self.bound.get((ANY, packet.dport))
            if transport is None or transport.remote is not None:
                return False
        transport.receive(plug, packet)
        return True

    def refused(self, plug: Plug, quote: Quote) -> None:
        """Tell the connected socket that a datagram of its own could not be delivered."""
        transport = self.connected.get((plug, quote.src, quote.sport, quote.dst, quote.dport))
        if transport is not None:
            transport.refused(OSError(quote.errno, os.strerror(quote.errno)))

    def _taken(self, address: int, port: int) -> bool:
        """Two sockets on one port must be bound to different addresses, neither to all."""
        if port not in self.port_users:
            return False
        return any(bound == port and (ANY in (address, other) or other == address) for other, bound in self.bound)
