"""What asyncio promises of sockets beyond the plain stream: shared ports, tokens, giving up, naming."""

# ruff: noqa: S104 - emulated hosts may listen on every address
from __future__ import annotations

import asyncio
import errno
import gc
import socket
import sys
from collections import Counter

import pytest

pytestmark = pytest.mark.asyncio


async def echo(reader, writer):
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


async def exchange(address=("10.0.2.7", 7), data=b"x", **options):
    reader, writer = await asyncio.open_connection(*address, **options)
    writer.write(data)
    writer.write_eof()
    answer = await reader.read()
    writer.close()
    return answer


def named(name):
    async def answer(reader, writer):
        await reader.read()
        writer.write(name)
        writer.close()

    return answer


# -- shared ports --------------------------------------------------------------------------------------------------


async def test_servers_that_all_say_so_share_a_port_by_flow(web, db, on):
    servers = [await on(db, asyncio.start_server(named(name), "0.0.0.0", 7, reuse_port=True)) for name in (b"a", b"b")]

    async def many():
        return Counter(await asyncio.gather(*(exchange() for _ in range(100))))

    counts = await on(web, many())
    assert set(counts) == {b"a", b"b"}
    assert min(counts.values()) > 20
    once = await on(web, exchange(local_addr=("10.0.1.5", 5000)))
    await asyncio.sleep(130)  # TIME-WAIT is over
    assert await on(web, exchange(local_addr=("10.0.1.5", 5000))) == once, "the same flow goes the same way"
    servers[0].close()
    assert set(await on(web, many())) == {b"b"}
    servers[1].close()
    with pytest.raises(ConnectionRefusedError):
        await on(web, exchange())


@pytest.mark.parametrize("options", [({"reuse_port": True}, {}), ({}, {"reuse_port": True}), ({}, {})])
async def test_a_port_is_not_shared_unless_all_say_so(db, on, options):
    await on(db, asyncio.start_server(echo, "0.0.0.0", 7, **options[0]))
    with pytest.raises(OSError, match="address already in use"):
        await on(db, asyncio.start_server(echo, "0.0.0.0", 7, **options[1]))


async def test_a_shared_port_can_be_bound_by_others_once_all_its_servers_are_closed(db, on):
    servers = [await on(db, asyncio.start_server(echo, "10.0.2.7", 7, reuse_port=True)) for _ in range(3)]
    for server in servers:
        server.close()
    await on(db, asyncio.start_server(echo, "0.0.0.0", 7))
    with pytest.raises(OSError, match="address already in use"):
        await on(db, asyncio.start_server(echo, "0.0.0.0", 7, reuse_port=True))


async def test_datagram_sockets_that_all_say_so_share_a_port_by_flow(hub, web, db, on):
    class Count(asyncio.DatagramProtocol):
        def __init__(self):
            self.peers = Counter()

        def datagram_received(self, data, addr):
            self.peers[addr[1]] += 1

    async def client():
        for _ in range(40):
            transport, _ = await hub.loop.create_datagram_endpoint(
                asyncio.DatagramProtocol, remote_addr=("10.0.2.7", 53)
            )
            for _ in range(3):
                transport.sendto(b"x")
            transport.close()
        await asyncio.sleep(1)

    opened = [
        await on(db, hub.loop.create_datagram_endpoint(Count, ("0.0.0.0", 53), reuse_port=True)) for _ in range(2)
    ]
    with pytest.raises(OSError, match="Address already in use"):
        await on(db, hub.loop.create_datagram_endpoint(Count, ("10.0.2.7", 53)))
    await on(web, client())
    counts = [protocol.peers for _, protocol in opened]
    assert sum(sum(count.values()) for count in counts) == 120
    assert min(len(count) for count in counts) > 8
    assert all(count == 3 for peers in counts for count in peers.values()), "a flow goes one way"
    opened[0][0].close()
    await on(web, client())
    assert sum(sum(protocol.peers.values()) for _, protocol in opened) == 240
    assert sum(opened[0][1].peers.values()) < 120


# -- real sockets as tokens ----------------------------------------------------------------------------------------


async def test_a_bound_real_socket_names_the_address_of_a_server_and_is_closed_at_once(web, db, on):
    token = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    token.bind(("0.0.0.0", 0))
    port = token.getsockname()[1]
    server = await on(db, asyncio.start_server(echo, sock=token))
    assert token.fileno() == -1
    assert [one.getsockname() for one in server.sockets] == [("0.0.0.0", port)]
    assert await on(web, exchange(("10.0.2.7", port))) == b"x"


async def test_a_real_udp_socket_is_a_token_too(hub, web, db, on):
    class Remember(asyncio.DatagramProtocol):
        def __init__(self):
            self.got = asyncio.get_running_loop().create_future()

        def datagram_received(self, data, addr):
            self.got.set_result((data, addr))

    async def client():
        token = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        transport, _ = await hub.loop.create_datagram_endpoint(asyncio.DatagramProtocol, sock=token)
        assert token.fileno() == -1
        transport.sendto(b"hello", ("10.0.2.7", 53))
        name = transport.get_extra_info("sockname")
        await asyncio.sleep(0.1)
        transport.close()
        return name

    transport, protocol = await on(db, hub.loop.create_datagram_endpoint(Remember, ("0.0.0.0", 53)))
    port = (await on(web, client()))[1]
    assert await protocol.got == (b"hello", ("10.0.1.5", port))
    transport.close()


async def test_tokens_of_the_wrong_kind_are_refused(db, on):
    for kind, family, call in (
        (socket.SOCK_DGRAM, socket.AF_INET, lambda sock: asyncio.start_server(echo, sock=sock)),
        (
            socket.SOCK_STREAM,
            socket.AF_INET,
            lambda sock: asyncio.get_running_loop().create_datagram_endpoint(asyncio.DatagramProtocol, sock=sock),
        ),
    ):
        with socket.socket(family, kind) as token, pytest.raises(ValueError, match="was expected"):
            await on(db, call(token))
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as token, pytest.raises(NotImplementedError):
        await on(db, asyncio.start_server(echo, sock=token))


async def test_a_connected_token_that_is_thrown_away_closes_its_connection(hub, web, db, on):
    await on(db, asyncio.start_server(echo, "0.0.0.0", 7))

    async def client():
        token = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        await hub.loop.sock_connect(token, ("10.0.2.7", 7))

    await on(web, client())
    gc.collect()
    await asyncio.sleep(200)
    assert not web.tcp.sockets
    assert not db.tcp.sockets


# -- giving up -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options", [{}, {"happy_eyeballs_delay": 0.25}, {"happy_eyeballs_delay": 0.1, "interleave": 2}]
)
async def test_a_connect_can_be_given_up_whichever_way_it_is_made(hub, web, on, options):
    with pytest.raises(TimeoutError):
        await on(web, asyncio.wait_for(asyncio.open_connection("10.0.99.9", 7, **options), 3))
    assert not web.tcp.sockets
    assert hub.loop.time() == 3


async def test_sock_connect_can_be_given_up(hub, web, on):
    async def client():
        token = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        await hub.loop.sock_connect(token, ("10.0.99.9", 7))

    with pytest.raises(TimeoutError):
        await on(web, asyncio.wait_for(client(), 3))
    assert not web.tcp.sockets


async def test_sendfile_can_be_given_up_and_the_position_tells_how_far_it_got(hub, web, db, on, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(bytes(50_000_000))

    async def stuck(reader, writer):
        writer.transport.pause_reading()
        await asyncio.sleep(3600)

    await on(db, asyncio.start_server(stuck, "0.0.0.0", 7))

    async def client():
        _, writer = await asyncio.open_connection("10.0.2.7", 7)
        with path.open("rb") as file:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(hub.loop.sendfile(writer.transport, file, fallback=False), 5)
            position = file.tell()
        writer.transport.abort()
        return position

    position = await on(web, client())
    assert 0 < position < 50_000_000


async def test_a_server_given_up_while_it_serves_is_closed(web, db, on):
    started = asyncio.Event()

    async def serve():
        server = await asyncio.start_server(echo, "0.0.0.0", 7)
        started.set()
        async with server:
            await server.serve_forever()

    task = db.create_task(serve())
    await started.wait()
    assert await on(web, exchange()) == b"x"
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(ConnectionRefusedError):
        await on(web, exchange())


@pytest.mark.skipif(sys.version_info < (3, 13), reason="Server.close_clients came with Python 3.13")
async def test_a_server_closes_its_clients(hub, web, db, on):
    server = await on(db, asyncio.start_server(echo, "0.0.0.0", 7))

    async def client():
        reader, writer = await asyncio.open_connection("10.0.2.7", 7)
        writer.write(b"x")
        assert await reader.read(1) == b"x"
        answer = await reader.read()
        writer.close()
        return answer

    task = web.create_task(client())
    await asyncio.sleep(1)
    server.close()
    server.close_clients()
    assert await task == b""
    await server.wait_closed()


async def test_a_lookup_can_be_given_up(hub, web, on):
    silent = hub.host("resolver", "10.0.0.2")
    await on(silent, hub.loop.create_datagram_endpoint(asyncio.DatagramProtocol, ("0.0.0.0", 53)))
    web.resolver = silent.address
    with pytest.raises(TimeoutError):
        await on(web, asyncio.wait_for(hub.loop.getaddrinfo("www.internal", 80), 2))
    assert not web.udp.bound


# -- addresses and names -------------------------------------------------------------------------------------------


async def test_a_broadcast_needs_leave(hub, web, on):
    errors = []

    class Note(asyncio.DatagramProtocol):
        def error_received(self, exc):
            errors.append(exc)

    async def client(**options):
        transport, _ = await hub.loop.create_datagram_endpoint(Note, ("0.0.0.0", 0), **options)
        transport.sendto(b"anybody?", ("255.255.255.255", 67))
        transport.close()

    await on(web, client())
    assert [type(error) for error in errors] == [PermissionError]
    assert not hub.seen
    await on(web, client(allow_broadcast=True))
    assert len(hub.seen) == len(errors) == 1


@pytest.mark.parametrize(
    ("arguments", "flags", "expected"),
    [
        (("10.0.2.7", 80), 0, [(socket.AF_INET, ("10.0.2.7", 80))]),
        (("10.0.2.7", "http"), 0, [(socket.AF_INET, ("10.0.2.7", 80))]),
        (("10.0.2.7", "http"), socket.AI_NUMERICSERV, socket.EAI_NONAME),
        (("10.0.2.7", "80"), socket.AI_NUMERICSERV, [(socket.AF_INET, ("10.0.2.7", 80))]),
        (("web", 80), socket.AI_NUMERICHOST, socket.EAI_NONAME),
        ((None, 80), socket.AI_PASSIVE, [(socket.AF_INET, ("0.0.0.0", 80))]),
        ((None, 80), 0, [(socket.AF_INET, ("127.0.0.1", 80))]),
        (("web", 80), socket.AI_ADDRCONFIG, [(socket.AF_INET, ("10.0.1.5", 80))]),
    ],
)
async def test_getaddrinfo_minds_its_flags(web, on, arguments, flags, expected):
    query = web.loop.getaddrinfo(*arguments, type=socket.SOCK_STREAM, flags=flags)
    if isinstance(expected, list):
        assert [(info[0], info[4]) for info in await on(web, query)] == expected
    else:
        with pytest.raises(socket.gaierror) as caught:
            await on(web, query)
        assert caught.value.errno == expected


async def test_ipv4_addresses_come_mapped_if_one_asks_for_them(web, on):
    for flags, expected in ((socket.AI_V4MAPPED, [("::ffff:10.0.1.5", 80, 0, 0)]), (0, socket.EAI_NODATA)):
        query = web.loop.getaddrinfo("web", 80, family=socket.AF_INET6, type=socket.SOCK_STREAM, flags=flags)
        if isinstance(expected, list):
            assert [info[4] for info in await on(web, query)] == expected
        else:
            with pytest.raises(socket.gaierror) as caught:
                await on(web, query)
            assert caught.value.errno == expected


async def test_an_icmp_error_reaches_a_connected_socket_as_connection_refused(hub, web, db, on):
    errors = []

    class Note(asyncio.DatagramProtocol):
        def error_received(self, exc):
            errors.append(exc)

    async def client():
        transport, _ = await hub.loop.create_datagram_endpoint(Note, remote_addr=("10.0.2.7", 9))
        transport.sendto(b"anybody?")
        await asyncio.sleep(1)
        transport.close()

    await on(web, client())
    assert [(type(error), error.errno) for error in errors] == [(ConnectionRefusedError, errno.ECONNREFUSED)]
