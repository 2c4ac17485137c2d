"""The IP stack of one emulated host.

Takes the packets that the network delivers, finds the socket each belongs to,
and answers the others as Linux would: a reset for a closed TCP port, ICMP port
unreachable for a closed UDP port, an echo reply to a ping.  Sockets are found by
attachment *and* addresses, since a service behind endpoints of many VPCs sees
clients whose addresses overlap (D11).

Not modelled: fragments (discarded, as nothing here makes any), IPv6, forwarding,
a routing table (what a host does not know to be its own it sends through the
attachment that owns the source address, by default its first).

Settles arguments: RFC 1122 (hosts), tcp(7), udp(7), ip(7).
"""

from __future__ import annotations

import errno
import os
from collections import deque
from contextvars import Context, copy_context
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from emulator.asyncio_net import icmp
from emulator.asyncio_net.addresses import ANY, LOOPBACK, LOOPBACK_NET
from emulator.asyncio_net.current import current_host
from emulator.asyncio_net.tcp import Tcp
from emulator.asyncio_net.udp import Udp
from emulator.simulation.agenda import Event
from emulator.tcp.profiles import LINUX
from emulator.wire.packet import FRAGMENTED, IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP, Packet

if TYPE_CHECKING:
    import asyncio
    import random
    from collections.abc import Callable, Coroutine

    from emulator.asyncio_net.loop import VirtualTimeLoop
    from emulator.simulation.fabric import FlowKey
    from emulator.tcp import HostProfile, TcpConfig

_T = TypeVar("_T")

LOOPBACK_DELAY: Final = 10_000
"""Nanoseconds a packet takes from a host to itself: a few system calls' time, so that time moves at all."""


class Plug(Protocol):
    """Where a host is plugged into a network: an ``Attachment`` of the fabric, the loopback, or a test's wire."""

    attachment_id: str
    address: int
    secondary: tuple[int, ...]
    vpc_id: str
    vpc_endpoint_id: str | None

    def send(self, packet: Packet) -> None:
        """Hand a packet to the network; nothing comes back before this returns."""

    def sender(self, key: FlowKey) -> Callable[[Packet], None]:
        """Return what sends the packets of one flow, ``(src, dst, proto, sport, dport)``."""


class Loopback(Event):
    """A host's way to itself; it is seen by nobody else."""

    __slots__ = ("address", "attachment_id", "host", "queue", "secondary", "vpc_endpoint_id", "vpc_id")

    def __init__(self, host: HostStack) -> None:
        self.host: HostStack = host
        self.attachment_id: str = "lo"
        self.address: int = LOOPBACK
        self.secondary: tuple[int, ...] = ()
        self.vpc_id: str = ""
        self.vpc_endpoint_id: str | None = None
        self.queue: deque[Packet] = deque()

    def send(self, packet: Packet) -> None:
        """Send a packet home."""
        agenda = self.host.loop.agenda
        self.queue.append(packet)
        agenda.add(agenda.now + LOOPBACK_DELAY, self)

    def sender(self, key: FlowKey) -> Callable[[Packet], None]:  # noqa: ARG002 - one way for all
        """Return :meth:`send`."""
        return self.send

    def fire(self, now: int) -> None:
        """Let the packet sent first arrive."""
        self.host.receive(self, self.queue.popleft(), now)


class HostStack:
    """One host: its name, attachments, sockets, and the tasks that run on it.

    Args:
        loop: The loop its programs run on, whose agenda is the network's.
        name: What people call it; the name it resolves to itself.
        rng: Draws ports, sequence numbers and identifiers; two hosts have two.
        mtu: Most bytes of an IP packet; it announces an MSS 40 bytes smaller.
        accept_any: Take packets for any address, as services behind endpoints do.
        resolver: Address of the DNS server it asks (VPC+2), or None.
        profile: Its operating system: what packets, ports and timers look like.
        tcp_config: Its TCP, but for the MSS, which follows from ``mtu``; the profile's by default.

    Attributes:
        attachments: Where it is plugged in, in order.
        discarded: Packets that no part of the stack takes: fragments, IPv6, for foreign addresses.
    """

    __slots__ = (
        "_ident",
        "_sockets",
        "accept_any",
        "attachments",
        "discarded",
        "loop",
        "loopback",
        "mtu",
        "name",
        "profile",
        "resolver",
        "rng",
        "tcp",
        "udp",
    )

    def __init__(
        self,
        loop: VirtualTimeLoop,
        name: str,
        rng: random.Random,
        *,
        mtu: int = 9001,
        accept_any: bool = False,
        resolver: int | None = None,
        profile: HostProfile = LINUX,
        tcp_config: TcpConfig | None = None,
    ) -> None:
        self.loop: VirtualTimeLoop = loop
        self.name: str = name
        self.rng: random.Random = rng
        self.mtu: int = mtu
        self.accept_any: bool = accept_any
        self.resolver: int | None = resolver
        self.profile: HostProfile = profile
        self.attachments: list[Plug] = []
        self.discarded: int = 0
        self.loopback: Loopback = Loopback(self)
        self._ident: int = rng.getrandbits(16)
        self.tcp: Tcp = Tcp(self, tcp_config)
        self.udp: Udp = Udp(self)
        self._sockets = self.tcp.sockets
        loop.hosts.append(self)

    def __repr__(self) -> str:
        return f"<HostStack {self.name}>"

    # -- what belongs to it ------------------------------------------------------------------------------------

    def attach(self, plug: Plug) -> None:
        """Plug the host in; outgoing traffic leaves by the first attachment unless its source says otherwise."""
        self.attachments.append(plug)

    @property
    def address(self) -> int | None:
        """The host's own address: that of its first attachment which has one."""
        return next((plug.address for plug in self.attachments if plug.address), None)

    def context(self) -> Context:
        """Return a copy of the current context in which this host is the running one."""
        context = copy_context()
        context.run(current_host.set, self)
        return context

    def create_task(self, coro: Coroutine[Any, Any, _T], *, name: str | None = None) -> asyncio.Task[_T]:
        """Start a program on this host: what it connects, serves and resolves, and the tasks it starts, are here."""
        return self.loop.create_task(coro, name=name, context=self.context())

    def switch_off(self) -> None:
        """Forget every socket without a packet and without a word to the programs, as a power cut would."""
        self.tcp.switch_off()
        self.udp.switch_off()

    def provenance(self, plug: Plug) -> dict[str, str | None]:
        """Return what ``get_extra_info`` tells of the attachment a connection came through."""
        return {
            "attachment_id": plug.attachment_id,
            "vpc_id": plug.vpc_id,
            "vpc_endpoint_id": plug.vpc_endpoint_id,
        }

    # -- which way ---------------------------------------------------------------------------------------------

    def owns(self, address: int) -> bool:
        """Return whether ``address`` is one of this host."""
        return address >> 24 == LOOPBACK_NET or (address != ANY and self.plug_of(address) is not None)

    def check_local(self, address: int) -> None:
        """Refuse to bind to an address that is not this host's.

        Raises:
            OSError: (EADDRNOTAVAIL).
        """
        if address != ANY and not self.owns(address) and not self.accept_any:
            raise OSError(errno.EADDRNOTAVAIL, os.strerror(errno.EADDRNOTAVAIL))

    def plug_of(self, address: int) -> Plug | None:
        """Return the attachment with this address, or None."""
        if address >> 24 == LOOPBACK_NET:
            return self.loopback
        return next((one for one in self.attachments if one.address == address or address in one.secondary), None)

    def route(self, local: int, remote: int) -> tuple[Plug, int]:
        """Return the attachment and the source address for packets to ``remote`` from a socket bound to ``local``.

        Raises:
            OSError: ENETUNREACH without an attachment, EADDRNOTAVAIL or EINVAL if the source cannot be ``local``.
        """
        self.check_local(local)
        if remote == ANY or self.owns(remote):
            # Linux: 0.0.0.0 as a destination is this host, and traffic to oneself never leaves.
            return self.loopback, local or remote or LOOPBACK
        if local >> 24 == LOOPBACK_NET:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        plug = self.plug_of(local) if local else next((plug for plug in self.attachments if plug.address), None)
        if plug is None:
            raise OSError(errno.ENETUNREACH, os.strerror(errno.ENETUNREACH))
        return plug, local or plug.address

    def next_ident(self) -> int:
        """Return the IP identification of the next datagram."""
        self._ident = (self._ident + 1) & 0xFFFF
        return self._ident

    # -- packets in --------------------------------------------------------------------------------------------

    def receive(self, attachment: Plug, packet: Packet, now: int) -> None:
        """Take a packet from the network.  One lookup decides for nearly all of them."""
        if packet.proto == IPPROTO_TCP:
            try:
                socket = self._sockets[attachment, packet.dst, packet.dport, packet.src, packet.sport]
            except KeyError:
                self._unclaimed(attachment, packet, now)
            else:
                socket.receive(packet, now)
        else:
            self._unclaimed(attachment, packet, now)

    def _unclaimed(self, plug: Plug, packet: Packet, now: int) -> None:
        """Take a packet that belongs to no TCP connection."""
        ours = self.accept_any or plug is self.loopback or self.owns(packet.dst)
        if packet.version != 4 or packet.fragment & FRAGMENTED or not ours:
            self.discarded += 1
        elif packet.proto == IPPROTO_TCP:
            answer = self.tcp.unclaimed(plug, packet, now)
            if answer is not None:
                plug.send(answer)
        elif packet.proto == IPPROTO_UDP:
            if not self.udp.receive(plug, packet):
                self._answer(plug, icmp.unreachable(packet, icmp.PORT_UNREACHABLE))
        elif packet.proto == IPPROTO_ICMP:
            self._icmp(plug, packet, now)
        else:
            self._answer(plug, icmp.unreachable(packet, icmp.PROTOCOL_UNREACHABLE))

    def _answer(self, plug: Plug, packet: Packet) -> None:
        packet.ttl = self.profile.ttl
        plug.send(packet)

    def _icmp(self, plug: Plug, packet: Packet, now: int) -> None:
        if packet.dport >> 8 == icmp.ECHO_REQUEST:
            self._answer(plug, icmp.echo_reply(packet))
            return
        quote = icmp.read_error(packet)
        if quote is None:
            return
        if quote.proto == IPPROTO_UDP:
            self.udp.refused(plug, quote)
        elif quote.proto == IPPROTO_TCP:
            self.tcp.refused(plug, quote, now)
