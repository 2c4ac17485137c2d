"""The Amazon resolver, as a program on a host of its own at VPC + 2 (DNS-1).

`answer` is the whole resolver, a function from message to message; `serve` moves
datagrams to it and back.  It asks for the zone at every query, so that a change
of the network acts on the next one.

RFC 1035 for messages; RFC 2308 for negative answers; RFC 6891 for EDNS(0);
RFC 8482 for queries of type ANY.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import asyncio_dgram
import dns.exception
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from emulator.services.zone import Source

if TYPE_CHECKING:
    from collections.abc import Callable

    from netaddr import IPAddress

    from emulator.services.zone import Answer, Zone

PORT: Final = 53
TTL: Final = 60
"""Seconds that an answer may be kept, as AWS sets for endpoint names."""

_PAYLOAD: Final = 1232  # the datagram we say we take: what crosses any path unfragmented (DNS Flag Day 2020)
_TCP_PAYLOAD: Final = 65_535
_PLAIN_PAYLOAD: Final = 512  # of a client without EDNS (RFC 1035 section 4.2.1)
_HEADER: Final = 12
_RESPONSE: Final = 0x80  # QR, in the third byte

# Whose SOA a negative answer carries; the root's for any other name.
_APEXES: Final = ("amazonaws.com.", "internal.")
_SOA: Final = f"ns.amazon. hostmaster.amazon. 1 7200 900 1209600 {TTL}"


class Rotation:
    """Whose turn it is, by record: the state of a resolver that answers round robin (VPCE-IF-17)."""

    def __init__(self) -> None:
        """Every record begins with its first address."""
        self._turns: dict[str, int] = {}

    def order(self, answer: Answer) -> tuple[IPAddress, ...]:
        """Return the addresses of ``answer``, beginning one further at each call."""
        addresses = answer.addresses or ()
        if len(addresses) < 2:
            return addresses
        turn = self._turns.get(answer.record, 0) % len(addresses)
        self._turns[answer.record] = turn + 1
        return addresses[turn:] + addresses[:turn]


def answer(query: bytes, zone: Zone, rotation: Rotation, *, most: int | None = None) -> bytes | None:
    """Return the response to ``query``, or None where a resolver keeps silent; ``most`` bytes, if not UDP's.

    That is if the VPC has no DNS support (DNS-2), and for what is no query at all: a stump, or a response.
    """
    if not zone.answers or len(query) < _HEADER or query[2] & _RESPONSE:
        return None
    try:
        question = dns.message.from_wire(query)
    except dns.exception.DNSException:
        return _format_error(query)
    response = dns.message.make_response(question, recursion_available=True, our_payload=_PAYLOAD)
    response.set_rcode(_respond(question, response, zone, rotation))
    if most is not None:
        return response.to_wire(max_size=most, prefer_truncation=True, want_shuffle=False)
    limit = max(question.payload, _PLAIN_PAYLOAD) if question.edns >= 0 else _PLAIN_PAYLOAD
    # dnspython shuffles the records of an answer, by unseeded chance, unless told not to.
    return response.to_wire(max_size=min(limit, _PAYLOAD), prefer_truncation=True, want_shuffle=False)


def _respond(
    question: dns.message.Message, response: dns.message.Message, zone: Zone, rotation: Rotation
) -> dns.rcode.Rcode:
    """Fill ``response`` and return its code."""
    if question.opcode() != dns.opcode.QUERY:
        return dns.rcode.NOTIMP
    if question.edns > 0:
        return dns.rcode.BADVERS
    if len(question.question) != 1:
        return dns.rcode.FORMERR
    asked = question.question[0]
    if asked.rdclass != dns.rdataclass.IN:
        return dns.rcode.REFUSED
    found = zone.lookup(asked.name.to_text())
    if found.failed:
        return dns.rcode.SERVFAIL
    owner = _follow(asked, response, found)
    if asked.rdtype == dns.rdatatype.CNAME and response.answer:
        return dns.rcode.NOERROR
    if found.addresses and asked.rdtype in (dns.rdatatype.A, dns.rdatatype.ANY):
        texts = [str(address) for address in rotation.order(found)]
        response.answer.append(dns.rrset.from_text_list(owner, TTL, "IN", "A", texts))
        return dns.rcode.NOERROR
    # No such name; or a name without data of this type, such as AAAA: this network is IPv4 only (VPCE-5).
    response.authority.append(dns.rrset.from_text(_apex(owner, found), TTL, "IN", "SOA", _SOA))
    return dns.rcode.NXDOMAIN if found.addresses is None else dns.rcode.NOERROR


def _follow(asked: dns.rrset.RRset, response: dns.message.Message, found: Answer) -> dns.name.Name:
    """Put the CNAME records on the way into ``response`` and return the name at their end.

    An ALIAS is not to be seen: what it leads to has the name it stands at.
    """
    owner = asked.name
    for link in found.chain:
        if link.type != "CNAME":
            break
        response.answer.append(dns.rrset.from_text(owner, TTL, "IN", "CNAME", f"{link.target}."))
        owner = dns.name.from_text(link.target)
        if asked.rdtype == dns.rdatatype.CNAME:
            break  # whoever asks for the record itself wants no more
    return owner


def _apex(name: dns.name.Name, found: Answer) -> str:
    if found.source in (Source.HOSTED_ZONE, Source.PRIVATE_DNS) and found.addresses is None:
        return f"{found.record}."
    text = f".{name.to_text().lower()}"
    return next((apex for apex in _APEXES if text.endswith(f".{apex}")), ".")


def _format_error(query: bytes) -> bytes:
    # The header as it came, made a response without sections: the question may be what does not parse.
    flags = bytes([query[2] & 0x79 | _RESPONSE, 0x80 | dns.rcode.FORMERR])  # opcode and RD kept, RA set
    return query[:2] + flags + bytes(_HEADER - 4)


async def serve(address: str, zone: Callable[[], Zone], rotation: Rotation | None = None, port: int = PORT) -> None:
    """Answer queries to ``address`` until the datagram socket is closed or the task is cancelled.

    ``zone`` is called for every query.
    """
    rotation = rotation or Rotation()
    stream = await asyncio_dgram.bind((address, port))
    try:
        while True:
            try:
                query, client = await stream.recv()
                response = answer(query, zone(), rotation)
                if response is not None:
                    await stream.send(response, client)
            except OSError:  # the port of an earlier client was closed when our answer came: nothing to us
                continue
    except asyncio_dgram.TransportClosed:
        return
    finally:
        stream.close()


async def serve_tcp(
    address: str, zone: Callable[[], Zone], rotation: Rotation | None = None, port: int = PORT
) -> asyncio.Server:
    """Answer the queries of whoever got a truncated answer, over TCP (RFC 7766); otherwise as :func:`serve`."""
    turns = rotation or Rotation()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                size = int.from_bytes(await reader.readexactly(2))
                response = answer(await reader.readexactly(size), zone(), turns, most=_TCP_PAYLOAD)
                if response is None:
                    break
                writer.write(len(response).to_bytes(2) + response)
                await writer.drain()
        except (OSError, EOFError):
            pass  # the client is done, or gone
        finally:
            writer.close()

    return await asyncio.start_server(converse, address, port)
