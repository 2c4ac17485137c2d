from __future__ import annotations

import asyncio
import socket

import asyncio_dgram
import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

pytestmark = pytest.mark.asyncio

ZONE = {
    "db.internal.": ["db.internal. 60 IN A 10.0.2.9", "db.internal. 60 IN A 10.0.2.7", "db.internal. 60 IN A 10.0.2.8"],
    "www.internal.": [
        "www.internal. 60 IN CNAME alias.internal.",
        "alias.internal. 60 IN CNAME db.internal.",
        "db.internal. 60 IN A 10.0.2.7",
    ],
    "empty.internal.": [],
    "7.2.0.10.in-addr.arpa.": ["7.2.0.10.in-addr.arpa. 60 IN PTR db.internal."],
}


def answer_to(data, *, truncated=False):
    query = dns.message.from_wire(data)
    answer = dns.message.make_response(query)
    name = query.question[0].name.to_text()
    if name not in ZONE:
        answer.set_rcode(dns.rcode.NXDOMAIN)
    if name == "broken.internal.":
        answer.set_rcode(dns.rcode.SERVFAIL)
    if truncated:
        answer.flags |= dns.flags.TC
        return answer.to_wire(want_shuffle=False)
    for text in ZONE.get(name, []):
        owner, ttl, _, kind, value = text.split()
        answer.find_rrset(
            answer.answer, dns.name.from_text(owner), dns.rdataclass.IN, dns.rdatatype.from_text(kind), create=True
        ).add(dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.from_text(kind), value), int(ttl))
    return answer.to_wire(want_shuffle=False)


async def serve_names(truncated):
    stream = await asyncio_dgram.bind(("10.0.0.2", 53))
    while True:
        data, peer = await stream.recv()
        await stream.send(b"not an answer", peer)
        await stream.send(answer_to(data, truncated=truncated), peer)


@pytest.fixture
def resolver(hub):
    host = hub.host("resolver", "10.0.0.2")
    for other in hub.hosts:
        other.resolver = host.address
    return host


@pytest.fixture
def names(web, db, resolver):
    web.resolver = db.resolver = resolver.address
    return resolver.create_task(serve_names(truncated=False))


def lookup(web, name, port=80, **options):
    return web.create_task(asyncio.get_running_loop().getaddrinfo(name, port, **options))


async def test_names_are_asked_of_the_resolver_in_real_packets(hub, web, names):
    found = await lookup(web, "db.internal", type=socket.SOCK_STREAM)
    assert found == [
        (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, 80))
        for address in ("10.0.2.9", "10.0.2.7", "10.0.2.8")
    ]
    question = dns.message.from_wire(hub.seen[0].payload)
    assert (hub.seen[0].dport, question.question[0].to_text()) == (53, "db.internal. IN A")
    assert question.flags == dns.flags.RD
    assert hub.loop.now == 1_000_000
    await lookup(web, "db.internal")
    assert hub.loop.now == 2_000_000  # no cache


async def test_without_a_type_each_address_comes_once_per_kind(web, names):
    found = await lookup(web, "www.internal", "https", flags=socket.AI_CANONNAME)
    address = ("10.0.2.7", 443)
    assert found == [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "db.internal", address),
        (socket.AF_INET, socket.SOCK_DGRAM, 17, "", address),
        (socket.AF_INET, socket.SOCK_RAW, 0, "", address),
    ]


@pytest.mark.parametrize("name", ["10.0.2.7", "localhost", "web", None, "fd00::1"])
async def test_numbers_and_own_names_need_no_packet(hub, web, names, name):
    found = await lookup(web, name, type=socket.SOCK_DGRAM)
    expected = {"10.0.2.7": "10.0.2.7", "web": "10.0.1.5", "fd00::1": "fd00::1"}.get(name, "127.0.0.1")
    assert found[0][4][:2] == (expected, 80)
    assert not hub.seen


@pytest.mark.parametrize(
    ("name", "options", "code"),
    [
        ("nowhere.internal", {}, socket.EAI_NONAME),
        ("empty.internal", {}, socket.EAI_NODATA),
        ("broken.internal", {}, socket.EAI_AGAIN),
        ("db.internal", {"family": socket.AF_INET6}, socket.EAI_NODATA),
        ("10.0.2.7", {"family": socket.AF_INET6}, socket.EAI_ADDRFAMILY),
        ("db.internal", {"flags": socket.AI_NUMERICHOST}, socket.EAI_NONAME),
        ("db.internal", {"family": 99}, socket.EAI_FAMILY),
        ("", {}, socket.EAI_NONAME),
        ("a" * 64 + ".internal", {}, socket.EAI_NONAME),
    ],
)
async def test_what_has_no_address_fails_as_getaddrinfo_does(web, names, name, options, code):
    with pytest.raises(socket.gaierror) as caught:
        await lookup(web, name, **options)
    assert caught.value.errno == code


async def test_an_unknown_service_name_is_an_error(web, names):
    with pytest.raises(socket.gaierror) as caught:
        await lookup(web, "db.internal", "gopher")
    assert caught.value.errno == socket.EAI_SERVICE


async def test_a_silent_resolver_is_given_up_after_two_attempts_of_five_seconds(hub, web, resolver):
    web.resolver = resolver.address
    hub.lose = lambda _: True
    with pytest.raises(socket.gaierror) as caught:
        await lookup(web, "db.internal")
    assert caught.value.errno == socket.EAI_AGAIN
    assert hub.loop.time() == 10
    first, second = hub.seen
    assert first.payload == second.payload
    assert first.sport == second.sport


async def test_a_resolver_that_is_not_there_is_noticed_at_once(hub, web, resolver):
    web.resolver = resolver.address
    with pytest.raises(socket.gaierror):
        await lookup(web, "db.internal")
    assert hub.loop.time() < 1
    web.resolver = None
    with pytest.raises(socket.gaierror):
        await lookup(web, "db.internal")


async def test_a_truncated_answer_is_asked_for_again_over_tcp(hub, web, resolver):
    web.resolver = resolver.address
    task = resolver.create_task(serve_names(truncated=True))

    async def over_tcp(reader, writer):
        size = int.from_bytes(await reader.readexactly(2), "big")
        answer = answer_to(await reader.readexactly(size))
        writer.write(len(answer).to_bytes(2, "big") + answer)
        writer.close()

    await resolver.create_task(asyncio.start_server(over_tcp, port=53))
    found = await lookup(web, "www.internal", type=socket.SOCK_STREAM)
    assert [info[4] for info in found] == [("10.0.2.7", 80)]
    task.cancel()


async def test_addresses_have_names(web, names):
    def name_of(address, flags=0):
        return web.create_task(asyncio.get_running_loop().getnameinfo((address, 80), flags))

    assert await name_of("10.0.2.7") == ("db.internal", "http")
    assert await name_of("10.0.2.7", socket.NI_NUMERICHOST | socket.NI_NUMERICSERV) == ("10.0.2.7", "80")
    assert await name_of("10.0.2.9") == ("10.0.2.9", "http")
    assert await name_of("10.0.1.5") == ("web", "http")
    assert await name_of("127.0.0.1") == ("localhost", "http")
    with pytest.raises(socket.gaierror):
        await name_of("10.0.2.9", socket.NI_NAMEREQD)


async def test_a_connection_by_name_tries_the_addresses_in_turn(hub, web, db, names):
    async def hello(reader, writer):
        writer.write(b"hello")
        writer.close()

    await db.create_task(asyncio.start_server(hello, port=80))
    hub.host("refuses", "10.0.2.9")

    async def client(name):
        reader, writer = await asyncio.open_connection(name, 80)
        answer = await reader.read()
        writer.close()
        return answer, writer.get_extra_info("peername")

    assert await web.create_task(client("db.internal")) == (b"hello", ("10.0.2.7", 80))
    assert await web.create_task(client(b"www.internal")) == (b"hello", ("10.0.2.7", 80))
