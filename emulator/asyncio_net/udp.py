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
from emulator.asyncio_net.listener import share_of

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
        self.bound: dict[tuple[int, int], list[DatagramTransport]] = {}  # several: they share the port
        self.connected: dict[Key, DatagramTransport] = {}
        self.port_users: dict[int, int] = {}  # how many sockets are bound to each port

    def open(
        self, local: tuple[int, int] | None, remote: tuple[int, int] | None, *, reuse_port: bool = False
    ) -> DatagramTransport:
        """Make a socket, bound and connected as asked; port 0 is a free one.

        With ``reuse_port`` sockets share a port if all of them say so (``SO_REUSEPORT``, socket(7)).

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
        elif self._taken(address, port, reuse_port):
            raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
        transport = DatagramTransport(self.host, (address, port), remote, plug)
        if plug is not None and remote is not None:
            self.connected[plug, address, port, *remote] = transport
        transport.reuse_port = reuse_port
        self.bound.setdefault((address, port), []).append(transport)
        self.port_users[port] = self.port_users.get(port, 0) + 1
        return transport

    def close(self, transport: DatagramTransport) -> None:
        """Forget a socket."""
        sharing = self.bound[transport.local]
        sharing.remove(transport)
        if not sharing:
            del self.bound[transport.local]
        port = transport.local[1]
        self.port_users[port] -= 1
        if not self.port_users[port]:
            del self.port_users[port]
        if transport.plug is not None and transport.remote is not None:
            del self.connected[transport.plug, *transport.local, *transport.remote]

    def switch_off(self) -> None:
        """Forget every socket."""
        for transport in [transport for sharing in self.bound.values() for transport in sharing]:
            transport.discard()

    def receive(self, plug: Plug, packet: Packet) -> bool:
        """Hand a datagram to its socket; return False if there is none."""
        transport = self.connected.get((plug, packet.dst, packet.dport, packet.src, packet.sport))
        if transport is None:
            sharing = self.bound.get((packet.dst, packet.dport)) or self.bound.get((ANY, packet.dport)) or ()
            waiting = [one for one in sharing if one.remote is None]  # a connected one hears its peer only
            if not waiting:
                return False
            transport = waiting[share_of(packet, len(waiting))]
        transport.receive(plug, packet)
        return True

    def refused(self, plug: Plug, quote: Quote) -> None:
        """Tell the connected socket that a datagram of its own could not be delivered."""
        transport = self.connected.get((plug, quote.src, quote.sport, quote.dst, quote.dport))
        if transport is not None:
            transport.refused(OSError(quote.errno, os.strerror(quote.errno)))

    def _taken(self, address: int, port: int, reuse_port: bool) -> bool:
        """Two sockets on one port must be bound to different addresses, neither to all, or share it."""
        if port not in self.port_users:
            return False
        return any(
            bound == port
            and (ANY in (address, other) or other == address)
            and not (reuse_port and all(one.reuse_port for one in sharing))
            for (other, bound), sharing in self.bound.items()
        )
