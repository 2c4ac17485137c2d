"""UDP sockets of emulated hosts, as asyncio transports.

A datagram fits one packet or is refused (EMSGSIZE): fragmentation is not
modelled.  Sending never blocks, as it seldom does on Linux, so a protocol is
never paused.  What goes wrong reaches ``protocol.error_received``, as asyncio
has it; of ICMP errors only connected sockets hear (RFC 1122 4.1.3.3, Linux).

Settles arguments: ``_SelectorDatagramTransport`` of CPython 3.11, udp(7).
"""

# ruff: noqa: SLF001 - a loop and its transports are made of what asyncio calls private

from __future__ import annotations

import asyncio
import errno
import os
import socket
from asyncio import transports
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, Final

from emulator.asyncio_net.addresses import ANY, LOOPBACK, PeerAddress, dotted, is_ipv6, parse_ipv4
from emulator.asyncio_net.fake_socket import FakeSocket
from emulator.wire.packet import udp

if TYPE_CHECKING:
    from contextvars import Context

    from emulator.asyncio_net.stack import HostStack, Plug
    from emulator.wire.packet import Packet

BROADCAST: Final = 0xFFFFFFFF
HEADERS: Final = 28
"""Bytes of IPv4 and UDP header."""


class DatagramTransport(transports._FlowControlMixin, asyncio.DatagramTransport):
    """One UDP socket.

    Args:
        host: Whose socket it is.
        local: Bound address (0 is any) and port.
        remote: Connected address and port, or None.
        plug: The way out of a socket that is bound to an address or connected.
    """

    _extra: dict[str, Any]  # which typeshed does not tell

    def __init__(
        self, host: HostStack, local: tuple[int, int], remote: tuple[int, int] | None = None, plug: Plug | None = None
    ) -> None:
        sockname = (dotted(local[0]), local[1])
        peername = None if remote is None else (dotted(remote[0]), remote[1])
        extra = {
            "socket": FakeSocket(socket.SOCK_DGRAM, sockname, peername),
            "sockname": sockname,
            "peername": peername,
        }
        if plug is not None:
            extra |= host.provenance(plug)
        super().__init__(extra, host.loop)
        self.host: HostStack = host
        self.local: tuple[int, int] = local
        self.remote: tuple[int, int] | None = remote
        self.plug: Plug | None = plug
        self.protocol: Any = None
        self.may_broadcast: bool = False  # SO_BROADCAST
        self.reuse_port: bool = False
        self._address: tuple[str, int] | None = peername
        self._context: Context = copy_context()
        self._closing: bool = False

    def __repr__(self) -> str:
        state = "closing" if self._closing else "open"
        return f"<DatagramTransport {state} {self._extra['sockname']} -> {self._address}>"

    def open(self, protocol: Any) -> None:
        """Introduce the transport to its protocol, soon."""
        self.protocol = protocol
        self.host.loop.call_soon(protocol.connection_made, self, context=self._context)

    # -- the program's side ------------------------------------------------------------------------------------

    def sendto(self, data: Any, addr: Any = None) -> None:
        """Send one datagram, to ``addr`` unless the socket is connected."""
        if not isinstance(data, bytes | bytearray | memoryview):
            raise TypeError(f"data argument must be a bytes-like object, not {type(data).__name__!r}")
        if not data:
            return  # as CPython 3.11
        if self._address is not None and addr not in (None, self._address):
            raise ValueError(f"Invalid address: must be None or {self._address}")
        if self._closing:
            return
        try:
            self._send(bytes(data), addr)
        except OSError as error:
            self.protocol.error_received(error)

    def _send(self, data: bytes, addr: Any) -> None:
        host = self.host
        if len(data) + HEADERS > host.mtu:
            raise OSError(
                errno.EMSGSIZE,
                f"{os.strerror(errno.EMSGSIZE)} (over the MTU of {host.mtu}; packets are not fragmented)",
            )
        if self.remote is not None:
            plug, source, (remote, port) = self.plug, self.local[0], self.remote
        elif isinstance(addr, PeerAddress) and self.local[0] in (ANY, addr.local_address):
            plug, source, remote, port = addr.plug, addr.local_address, _numeric(addr[0]), addr[1]
        elif addr is None:
            raise OSError(errno.EDESTADDRREQ, os.strerror(errno.EDESTADDRREQ))
        else:
            remote, port = _numeric(addr[0]), addr[1]
            if remote == BROADCAST and not self.may_broadcast:  # ip(7)
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
            plug, source = host.route(self.local[0], remote)
        assert plug is not None, "a connected socket knows its way"
        datagram = udp(source, remote, self.local[1], port, data, host.next_ident())
        datagram.ttl = host.profile.ttl
        plug.send(datagram)

    def close(self) -> None:
        """Close the socket; nothing is waiting to be sent."""
        self._end(None)

    def abort(self) -> None:
        """Close the socket."""
        self._end(None)

    def is_closing(self) -> bool:
        """Return whether :meth:`close` was called."""
        return self._closing

    def get_write_buffer_size(self) -> int:
        """Return 0: datagrams leave at once."""
        return 0

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Let ``protocol`` have what arrives from now on."""
        self.protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Return the protocol."""
        protocol: asyncio.BaseProtocol = self.protocol
        return protocol

    def discard(self) -> None:
        """Close a socket that no program got to see."""
        if not self._closing:
            self._closing = True
            self.host.udp.close(self)

    def _end(self, error: Exception | None) -> None:
        if self._closing:
            return
        self._closing = True
        self.host.udp.close(self)
        if not self.host.loop.is_closed():
            self.host.loop.call_soon(self.protocol.connection_lost, error, context=self._context)

    # -- the network's side ------------------------------------------------------------------------------------

    def receive(self, plug: Plug, packet: Packet) -> None:
        """Take a datagram."""
        peer = PeerAddress.of(packet.src, packet.sport, plug, packet.dst)
        self._call(self.protocol.datagram_received, packet.payload, peer)

    def refused(self, error: OSError) -> None:
        """Take an ICMP error about a datagram of ours."""
        self._call(self.protocol.error_received, error)

    def _call(self, callback: Any, *args: Any) -> None:
        try:
            self._context.run(callback, *args)
        except Exception as error:  # noqa: BLE001 - whatever the program raised is reported, as asyncio does
            self.host.loop.call_exception_handler(
                {
                    "message": "Fatal read error on datagram transport",
                    "exception": error,
                    "transport": self,
                    "protocol": self.protocol,
                }
            )
            self._end(error)


def _numeric(name: Any) -> int:
    """Return the address a datagram goes to."""
    text = name.decode("ascii") if isinstance(name, bytes) else str(name)
    address = parse_ipv4(text)
    if address is not None:
        return address
    if text == "localhost":
        return LOOPBACK
    if is_ipv6(text):
        raise OSError(errno.EAFNOSUPPORT, os.strerror(errno.EAFNOSUPPORT))
    raise NotImplementedError(
        f"sendto({text!r}) would have to wait for the resolver: resolve the name with loop.getaddrinfo first"
    )
