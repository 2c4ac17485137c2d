"""The programs on an ordinary loop, over loopback: what the emulated loop must be like for them."""

from __future__ import annotations

import asyncio
import json
import socket

import asyncio_dgram
import dns.message
import pytest
from netaddr import IPAddress

from emulator.model.resources import Service, VpcEndpointType
from emulator.services import APPLICATIONS, OptionError, program_of, serve_resolver
from emulator.services.blocks import blocks
from emulator.services.zone import Answer, Source, Zone
from tests.services.harness import FULL_ACCESS


def on_loopback(coroutine):
    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        return runner.run(asyncio.wait_for(coroutine, 20))


def service(application, **options):
    name = f"com.amazonaws.us-east-1.{application}"
    return Service(name, "us-east-1", (VpcEndpointType.INTERFACE,), application=application, options=options)


async def start(application, **options):
    program = program_of(service(application, **options))
    server = await program.serve("127.0.0.1", 0, policy_of=lambda _: FULL_ACCESS)
    return server, server.sockets[0].getsockname()[1]


async def exchange(port, data, *, end=True):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    await writer.drain()
    if end:
        writer.write_eof()
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


def request(method, path, body=b""):
    head = f"{method} {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def test_a_sink_takes_an_upload_and_s3_gives_a_download():
    async def story():
        server, port = await start("sink")
        head, _, content = (await exchange(port, request("PUT", "/x", bytes(3_000_000)))).partition(b"\r\n\r\n")
        server.close()
        assert head.startswith(b"HTTP/1.1 200 OK\r\n")
        document = json.loads(content)
        assert (document["bytes"], document["source_address"]) == (3_000_000, "127.0.0.1")
        assert document["vpc_endpoint_id"] is None

        server, port = await start("s3", buckets={"b": {"objects": {"big": {"size": 3_000_000}}}})
        head, _, content = (await exchange(port, request("GET", "/b/big"))).partition(b"\r\n\r\n")
        server.close()
        assert b"Content-Length: 3000000" in head
        assert content == b"".join(blocks(0, 3_000_000))

    on_loopback(story())


def test_discard_takes_and_source_gives():
    async def story():
        server, port = await start("discard")
        assert await exchange(port, bytes(1_000_000)) == b""
        server.close()

        server, port = await start("source", size=1_000_000)
        assert await exchange(port, b"", end=False) == b"".join(blocks(0, 1_000_000))
        server.close()

        server, port = await start("source")  # without end: until the client goes
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert await reader.readexactly(500_000) == b"".join(blocks(0, 500_000))
        writer.transport.abort()
        await asyncio.sleep(0.01)
        server.close()

    on_loopback(story())


def test_the_resolver_answers_datagrams_from_the_zone_of_the_moment():
    address = Answer((IPAddress("10.0.1.5"),), Source.PUBLIC, "a.test")
    zones = [Zone(({"a.test": address},)), Zone(())]

    async def story():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        resolver = asyncio.create_task(serve_resolver("127.0.0.1", lambda: zones.pop(0), port=port))
        await asyncio.sleep(0)
        client = await asyncio_dgram.connect(("127.0.0.1", port))
        query = dns.message.make_query("a.test", "A")
        replies = []
        await client.send(b"too short")
        for _ in range(2):
            await client.send(query.to_wire())
            replies.append(dns.message.from_wire((await client.recv())[0]))
        client.close()
        resolver.cancel()
        await asyncio.gather(resolver, return_exceptions=True)
        return replies

    zones.insert(0, zones[0])
    first, second = on_loopback(story())
    assert [item.address for item in first.answer[0]] == ["10.0.1.5"]
    assert second.rcode() == dns.rcode.NXDOMAIN


def test_a_client_that_closed_its_port_does_not_stop_the_resolver(monkeypatch):
    query = dns.message.make_query("a.test", "A").to_wire()
    story = iter([(query, "a"), ConnectionRefusedError("a is gone"), (query, "b"), asyncio_dgram.TransportClosed()])
    answered = []

    class Stream:
        async def recv(self):
            event = next(story)
            if isinstance(event, Exception):
                raise event
            return event

        async def send(self, _data, client):
            answered.append(client)

        def close(self):
            answered.append("closed")

    async def bind(address):
        assert address == ("10.0.0.2", 53)  # DNS-1
        return Stream()

    monkeypatch.setattr(asyncio_dgram, "bind", bind)
    on_loopback(serve_resolver("10.0.0.2", lambda: Zone(())))
    assert answered == ["a", "b", "closed"]


@pytest.mark.parametrize(
    ("application", "options", "message"),
    [
        ("s4", {}, "unknown 's4'; known are discard, dynamodb, echo, execute-api, http, moto, s3, sink, source"),
        (
            "s3",
            {"bucket": {}},
            "options: unknown option 'bucket'; known are buckets, keep_uploads, port, tls, tls_port",
        ),
        ("s3", {"buckets": 5}, r"options\.buckets: expected a table"),
        ("http", {"supports_policies": "no"}, r"options\.supports_policies: expected true or false"),
        ("sink", {"port": 70_000}, r"options\.port: at most 65535"),
        ("discard", {"size": 5}, "unknown option 'size'"),
        ("source", {"size": "5"}, r"options\.size: expected a whole number"),
    ],
)
def test_a_wrong_service_is_named(application, options, message):
    with pytest.raises(OptionError, match=message):
        program_of(service(application, **options))


def test_programs_listen_where_the_document_says_or_where_they_are_expected():
    assert {name: program_of(service(name)).port for name in APPLICATIONS if name != "moto"} == {
        "discard": 9,
        "dynamodb": 80,
        "execute-api": 80,
        "echo": 7,
        "http": 80,
        "s3": 80,
        "sink": 80,
        "source": 19,
    }
    assert program_of(service("s3", port=8080)).port == 8080
    assert program_of(service(None)) is None
