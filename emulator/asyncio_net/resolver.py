"""Names to addresses, as the C library of an emulated host does it.

Numeric addresses, ``localhost`` and the host's own name need no packet.  Every
other name is asked of the host's resolver (VPC+2) in a real DNS packet over
UDP, again over TCP if the answer was cut short: 5 s per attempt, two attempts,
as ``resolv.conf`` has it.  There is no cache (Amazon Linux runs no nscd), no
search list, and no question for AAAA: the emulated network is IPv4 only.

Settles arguments: resolv.conf(5), getaddrinfo(3), RFC 1035 section 4.
"""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.reversename

from emulator.asyncio_net.addresses import LOOPBACK, SERVICES, dotted, is_ipv6, parse_ipv4, port_number

if TYPE_CHECKING:
    from emulator.asyncio_net.stack import HostStack

AddressInfo: TypeAlias = "tuple[socket.AddressFamily, socket.SocketKind, int, str, tuple[Any, ...]]"

TIMEOUT: Final = 5.0
ATTEMPTS: Final = 2
DNS_PORT: Final = 53

_KINDS: Final = (
    (socket.SOCK_STREAM, socket.IPPROTO_TCP),
    (socket.SOCK_DGRAM, socket.IPPROTO_UDP),
    (socket.SOCK_RAW, socket.IPPROTO_IP),
)


def _no_name(code: int, text: str) -> socket.gaierror:
    return socket.gaierror(code, text)


async def getaddrinfo(
    host: HostStack, name: Any, port: Any, *, family: int = 0, kind: int = 0, proto: int = 0, flags: int = 0
) -> list[AddressInfo]:
    """Return what ``socket.getaddrinfo`` would on ``host``, addresses in the order of the answer.

    Raises:
        socket.gaierror: if there are none.
    """
    if flags & socket.AI_NUMERICSERV and not (port in (None, "", b"") or str(port).isdecimal()):
        raise _no_name(socket.EAI_NONAME, "Name or service not known")
    number = port_number(port)
    if isinstance(name, bytes):
        name = name.decode("ascii")
    if family not in (0, socket.AF_INET, socket.AF_INET6):
        raise _no_name(socket.EAI_FAMILY, "ai_family not supported")
    if name is None and port is None:
        raise _no_name(socket.EAI_NONAME, "Name or service not known")
    if name is not None and is_ipv6(name):
        if family == socket.AF_INET:
            raise _no_name(socket.EAI_ADDRFAMILY, "Address family for hostname not supported")
        return _shape(socket.AF_INET6, [(name, number, 0, 0)], kind, proto, "")
    mapped = family == socket.AF_INET6 and flags & socket.AI_V4MAPPED and name is not None
    canonical, addresses = await _addresses(host, name, socket.AF_INET if mapped else family, flags)
    canonical = canonical if flags & socket.AI_CANONNAME else ""
    if mapped:  # RFC 3493, 6.1: no IPv6 address, so IPv4's in IPv6's clothes
        found = [(f"::ffff:{dotted(address)}", number, 0, 0) for address in addresses]
        return _shape(socket.AF_INET6, found, kind, proto, canonical)
    return _shape(socket.AF_INET, [(dotted(address), number) for address in addresses], kind, proto, canonical)


async def _addresses(host: HostStack, name: str | None, family: int, flags: int) -> tuple[str, list[int]]:
    if name is None:
        if family == socket.AF_INET6:
            raise _no_name(socket.EAI_ADDRFAMILY, "the emulated network is IPv4 only")
        return "", [0 if flags & socket.AI_PASSIVE else LOOPBACK]
    numeric = parse_ipv4(name)
    if numeric is not None:
        if family == socket.AF_INET6:
            raise _no_name(socket.EAI_ADDRFAMILY, "Address family for hostname not supported")
        return name, [numeric]
    if not name or flags & socket.AI_NUMERICHOST:
        raise _no_name(socket.EAI_NONAME, "Name or service not known")
    if family == socket.AF_INET6:
        raise _no_name(socket.EAI_NODATA, "No address associated with hostname (the emulated network is IPv4 only)")
    if name.lower() == "localhost":
        return name, [LOOPBACK]
    if name == host.name and host.address is not None:
        return name, [host.address]
    return await lookup(host, name)


def _shape(
    family: socket.AddressFamily, addresses: list[tuple[Any, ...]], kind: int, proto: int, canonical: str
) -> list[AddressInfo]:
    """Return entries as ``socket.getaddrinfo`` shapes them: each address once per socket type asked for."""
    kinds = [entry for entry in _KINDS if kind in (0, entry[0]) and (proto in (0, entry[1]) or not entry[1])]
    if not kinds:
        raise _no_name(socket.EAI_SOCKTYPE, "ai_socktype not supported")
    found = [(family, kind_, proto_, "", address) for address in addresses for kind_, proto_ in kinds]
    if canonical:
        found[0] = (*found[0][:3], canonical, found[0][4])
    return found


async def getnameinfo(host: HostStack, address: tuple[Any, ...], flags: int = 0) -> tuple[str, str]:
    """Return ``(host name, service)`` of an address, by a PTR question where no shorter way is known."""
    text, port = address[:2]
    service = next((name for name, number in SERVICES.items() if number == port), str(port))
    if flags & socket.NI_NUMERICSERV:
        service = str(port)
    numeric = parse_ipv4(text)
    if numeric is None:
        raise _no_name(socket.EAI_NONAME, "Name or service not known")
    if flags & socket.NI_NUMERICHOST:
        return text, service
    if numeric == LOOPBACK:
        return "localhost", service
    if numeric == host.address:
        return host.name, service
    try:
        answer = await ask(host, dns.reversename.from_address(text), dns.rdatatype.PTR)
        found = answer.resolve_chaining().answer
    except (socket.gaierror, dns.exception.DNSException):
        found = None
    if not found:
        if flags & socket.NI_NAMEREQD:
            raise _no_name(socket.EAI_NONAME, "Name or service not known")
        return text, service
    return next(iter(found)).target.to_text(omit_final_dot=True), service


async def lookup(host: HostStack, name: str) -> tuple[str, list[int]]:
    """Ask the resolver for A records; return the canonical name and the addresses in the answer's order.

    Raises:
        socket.gaierror: EAI_NONAME for NXDOMAIN, EAI_NODATA without an A record, EAI_AGAIN without an answer.
    """
    try:
        question = dns.name.from_text(name)
    except dns.exception.DNSException as error:
        raise _no_name(socket.EAI_NONAME, "Name or service not known") from error
    answer = await ask(host, question, dns.rdatatype.A)
    if answer.rcode() == dns.rcode.NXDOMAIN:
        raise _no_name(socket.EAI_NONAME, "Name or service not known")
    try:
        chain = answer.resolve_chaining()
    except dns.exception.DNSException as error:
        raise _no_name(socket.EAI_FAIL, "Non-recoverable failure in name resolution") from error
    if not chain.answer:
        raise _no_name(socket.EAI_NODATA, "No address associated with hostname")
    addresses = [int.from_bytes(socket.inet_aton(record.address), "big") for record in chain.answer]
    return chain.canonical_name.to_text(omit_final_dot=True), addresses


async def ask(host: HostStack, name: dns.name.Name, kind: dns.rdatatype.RdataType) -> dns.message.QueryMessage:
    """Ask the host's resolver one question; return an answer with code NOERROR or NXDOMAIN.

    Raises:
        socket.gaierror: (EAI_AGAIN) if no attempt brings one.
    """
    failure = _no_name(socket.EAI_AGAIN, "Temporary failure in name resolution")
    if host.resolver is None:
        raise failure
    query = dns.message.make_query(name, kind, id=host.rng.getrandbits(16))
    loop = asyncio.get_running_loop()
    try:
        transport, channel = await loop.create_datagram_endpoint(
            lambda: _Answers(query), remote_addr=(dotted(host.resolver), DNS_PORT)
        )
    except OSError as error:
        raise failure from error
    try:
        for _ in range(ATTEMPTS):
            channel.arrived = loop.create_future()
            transport.sendto(query.to_wire())
            try:
                async with asyncio.timeout(TIMEOUT):
                    answer = await channel.arrived
                    if answer.flags & dns.flags.TC:
                        answer = await _over_tcp(host.resolver, query)
            except (OSError, EOFError, TimeoutError, dns.exception.DNSException):
                continue  # refused, cut off or silent: the next attempt, as with the next name server
            if answer.rcode() in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
                return answer
    finally:
        transport.close()
    raise failure


class _Answers(asyncio.DatagramProtocol):
    """Waits for the answer to one query; anything else that arrives is not it."""

    def __init__(self, query: dns.message.QueryMessage) -> None:
        self.query = query
        self.arrived: asyncio.Future[dns.message.QueryMessage] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, addr: Any) -> None:  # noqa: ARG002 - the socket is connected
        answer = _read(data, self.query)
        if answer is not None and not self.arrived.done():
            self.arrived.set_result(answer)

    def error_received(self, exc: Exception) -> None:
        if not self.arrived.done():
            self.arrived.set_exception(exc)


def _read(data: bytes, query: dns.message.QueryMessage) -> dns.message.QueryMessage | None:
    try:
        answer = dns.message.from_wire(data, ignore_trailing=True)
    except dns.exception.DNSException:
        return None
    if isinstance(answer, dns.message.QueryMessage) and query.is_response(answer):
        return answer
    return None


async def _over_tcp(resolver: int, query: dns.message.QueryMessage) -> dns.message.QueryMessage:
    """Ask again over TCP, where every answer fits (RFC 7766)."""
    reader, writer = await asyncio.open_connection(dotted(resolver), DNS_PORT)
    try:
        wire = query.to_wire()
        writer.write(len(wire).to_bytes(2, "big") + wire)
        size = int.from_bytes(await reader.readexactly(2), "big")
        answer = _read(await reader.readexactly(size), query)
    finally:
        writer.close()
    if answer is None:
        raise EOFError("the answer over TCP is not one to the question")
    return answer
