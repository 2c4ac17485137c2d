"""Unmodified libraries inside the emulated network."""

# ruff: noqa: S104 - emulated hosts may listen on every address
from __future__ import annotations

import asyncio

import h11
import httpx
import pytest

from emulator.services.tls import client_context, server_context
from tests.asyncio_net.test_names_on_hosts import serve_names

pytestmark = pytest.mark.asyncio


async def serve_http(reader, writer):
    """An HTTP server over h11: answers each request with its method, target and the size of its body."""
    connection = h11.Connection(h11.SERVER)
    seen: h11.Request | None = None
    size = 0
    try:
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                connection.receive_data(await reader.read(65536))
            elif isinstance(event, h11.Request):
                seen, size = event, 0
            elif isinstance(event, h11.Data):
                size += len(event.data)
            elif isinstance(event, h11.EndOfMessage):
                assert seen is not None
                body = seen.method + b" " + seen.target + b" %d" % size
                head = h11.Response(status_code=200, headers=[("Content-Length", str(len(body)))])
                for part in (head, h11.Data(data=body), h11.EndOfMessage()):
                    writer.write(connection.send(part) or b"")
                await writer.drain()
                if connection.our_state is h11.MUST_CLOSE:
                    break
                connection.start_next_cycle()
            else:
                break
    finally:
        writer.close()


@pytest.fixture
def server(hub, db, web):
    resolver = hub.host("resolver", "10.0.0.2")
    web.resolver = resolver.address
    hub.names = resolver.create_task(serve_names(truncated=False))
    return db.create_task(asyncio.start_server(serve_http, "0.0.0.0", 80))


async def test_httpx_talks_to_a_server_on_another_host_by_name(hub, web, server):
    await server

    async def client():
        async with httpx.AsyncClient(trust_env=False) as client:
            got = await client.get("http://www.internal/path")
            put = await client.put("http://10.0.2.7/object", content=bytes(1_000_000))
        return got, put

    got, put = await web.create_task(client())
    assert (got.status_code, got.text) == (200, "GET /path 0")
    assert (put.status_code, put.text) == (200, "PUT /object 1000000")
    await asyncio.sleep(1)
    resets = [packet for packet in hub.seen if packet.flags & 4]
    assert not resets
    assert 0.002 < hub.loop.time() < 1.1


def handshakes(hub, port):
    return sum(packet.dport == port and packet.flags & 0x12 == 2 for packet in hub.seen)


async def test_httpx_asks_twice_over_one_connection(hub, web, server):
    await server

    async def client():
        async with httpx.AsyncClient(trust_env=False) as client:
            for path in ("/first", "/second", "/third"):
                assert (await client.get(f"http://10.0.2.7{path}")).text == f"GET {path} 0"
                await asyncio.sleep(3)

    await web.create_task(client())
    assert handshakes(hub, 80) == 1


async def test_httpx_notices_that_an_idle_connection_was_closed(hub, web, db):
    async def once(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        await asyncio.sleep(2)
        writer.close()

    await db.create_task(asyncio.start_server(once, "0.0.0.0", 80))

    async def client():
        async with httpx.AsyncClient(trust_env=False) as client:
            assert (await client.get("http://10.0.2.7/")).text == "ok"
            await asyncio.sleep(1)
            await asyncio.sleep(4)
            assert (await client.get("http://10.0.2.7/")).text == "ok"

    await web.create_task(client())
    assert handshakes(hub, 80) == 2
    resets = [packet for packet in hub.seen if packet.flags & 4]
    assert not resets, "it was not found out by writing to it"


async def test_httpx_reuses_a_connection_under_tls(hub, web, db):
    await db.create_task(asyncio.start_server(serve_http, "0.0.0.0", 443, ssl=server_context("10.0.2.7")))

    async def client():
        async with httpx.AsyncClient(trust_env=False, verify=client_context()) as client:
            return [(await client.get(f"https://10.0.2.7/{n}")).text for n in range(3)]

    assert await web.create_task(client()) == [f"GET /{n} 0" for n in range(3)]
    assert handshakes(hub, 443) == 1


async def test_httpx_reports_what_went_wrong(hub, web, server):
    await server

    async def client(url):
        async with httpx.AsyncClient(trust_env=False, timeout=5) as client:
            return await client.get(url)

    with pytest.raises(httpx.ConnectError):
        await web.create_task(client("http://10.0.2.7:81/"))
    with pytest.raises(httpx.ConnectError, match="Name or service not known"):
        await web.create_task(client("http://nowhere.internal/"))
    before = hub.loop.time()
    with pytest.raises(httpx.ConnectTimeout):
        await web.create_task(client("http://10.0.99.1/"))
    assert hub.loop.time() - before == 5


async def test_many_clients_share_one_server(web, server):
    await server

    async def clients():
        async with httpx.AsyncClient(trust_env=False) as client:
            return await asyncio.gather(*(client.get(f"http://10.0.2.7/{n}") for n in range(50)))

    answers = await web.create_task(clients())
    assert [answer.text for answer in answers] == [f"GET /{n} 0" for n in range(50)]
