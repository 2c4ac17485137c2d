# ruff: noqa: S104 - emulated hosts may listen on every address
from __future__ import annotations

import asyncio
import errno

import asyncio_dgram
import pytest

from emulator.asyncio_net.addresses import PeerAddress

pytestmark = pytest.mark.asyncio


async def echo_datagrams(address, count=1):
    stream = await asyncio_dgram.bind(address)
    for _ in range(count):
        data, peer = await stream.recv()
        await stream.send(data.upper(), peer)
    stream.close()


async def test_asyncio_dgram_bind_and_connect_make_a_round_trip(hub, web, db, on):
    server = db.create_task(echo_datagrams(("0.0.0.0", 53)))

    async def client():
        stream = await asyncio_dgram.connect(("10.0.2.7", 53))
        assert stream.peername == ("10.0.2.7", 53)
        assert stream.sockname[0] == "10.0.1.5"
        await stream.send(b"question")
        answer = await stream.recv()
        stream.close()
        return answer

    assert await on(web, client()) == (b"QUESTION", ("10.0.2.7", 53))
    await server
    assert hub.loop.now == 1_000_000
    assert not web.udp.bound
    assert not web.udp.connected
    assert not db.udp.port_users


async def test_a_bound_socket_sends_to_whom_it_likes(web, db, on):
    server = db.create_task(echo_datagrams(("10.0.2.7", 53), 2))

    async def client():
        stream = await asyncio_dgram.bind(("0.0.0.0", 4000))
        await stream.send(b"a", ("10.0.2.7", 53))
        first = await stream.recv()
        await stream.send(b"b", ("10.0.2.7", "53" and 53))
        second = await stream.recv()
        stream.close()
        return first, second

    assert await on(web, client()) == ((b"A", ("10.0.2.7", 53)), (b"B", ("10.0.2.7", 53)))
    await server


async def test_a_connected_socket_hears_of_a_closed_port(web, db, on):
    async def client():
        stream = await asyncio_dgram.connect(("10.0.2.7", 9))
        await stream.send(b"anyone?")
        await asyncio.sleep(1)
        with pytest.raises(ConnectionRefusedError):
            await stream.send(b"anyone?")
        stream.close()

    await on(web, client())


async def test_an_unconnected_socket_does_not_hear_of_a_closed_port(web, db, on):
    async def client():
        stream = await asyncio_dgram.bind(("0.0.0.0", 0))
        await stream.send(b"anyone?", ("10.0.2.7", 9))
        await asyncio.sleep(1)
        assert stream.exception is None
        stream.close()

    await on(web, client())


async def test_a_connected_socket_hears_its_peer_only(hub, web, db, on):
    other = hub.host("other", "10.0.2.8")

    async def client():
        stream = await asyncio_dgram.connect(("10.0.2.7", 53))
        port = stream.sockname[1]
        stranger = await other.create_task(asyncio_dgram.bind(("0.0.0.0", 53)))
        await stranger.send(b"me too", ("10.0.1.5", port))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await stream.recv()
        stream.close()
        stranger.close()

    await on(web, client())
    assert hub.seen[-1].dport == 0x0303


async def test_a_datagram_over_the_mtu_is_refused_not_fragmented(hub, web, db, on):
    async def client():
        stream = await asyncio_dgram.connect(("10.0.2.7", 9))
        await stream.send(bytes(9001 - 28))
        assert stream.exception is None
        await stream.send(bytes(9001 - 27))
        with pytest.raises(OSError, match=r"Message too long .* not fragmented") as caught:
            _ = stream.exception
        stream.close()
        return caught.value.errno

    assert await on(web, client()) == errno.EMSGSIZE
    assert [packet.length for packet in hub.seen] == [9001]


async def test_a_port_can_be_bound_once(web, on):
    async def program():
        first = await asyncio_dgram.bind(("0.0.0.0", 53))
        with pytest.raises(OSError, match="Address already in use"):
            await asyncio_dgram.bind(("10.0.1.5", 53))
        with pytest.raises(OSError, match="Cannot assign requested address"):
            await asyncio_dgram.bind(("10.0.1.6", 54))
        first.close()
        second = await asyncio_dgram.bind(("10.0.1.5", 53))
        third = await asyncio_dgram.bind(("127.0.0.1", 53))
        second.close()
        third.close()

    await on(web, program())


async def test_an_answer_goes_back_the_way_the_question_came_although_addresses_overlap(hub):
    service = hub.host("resolver", "10.0.0.2", accept_any=True)
    hub.plug(service, "10.0.0.2", "vpc-2")
    one = hub.host("one", "10.0.0.5", "vpc-1")
    two = hub.host("two", "10.0.0.5", "vpc-2")
    came_by = []

    async def serve():
        stream = await asyncio_dgram.bind(("0.0.0.0", 53))
        questions = [await stream.recv() for _ in range(2)]
        for data, peer in reversed(questions):
            assert isinstance(peer, PeerAddress)
            assert peer == ("10.0.0.5", 4000)
            came_by.append(peer.plug.vpc_id)
            await stream.send(data + b" of " + peer.plug.vpc_id.encode(), peer)
        stream.close()

    async def ask():
        stream = await asyncio_dgram.bind(("10.0.0.5", 4000))
        await stream.send(b"client", ("10.0.0.2", 53))
        answer, _ = await stream.recv()
        stream.close()
        return answer

    server = service.create_task(serve())
    answers = await asyncio.gather(one.create_task(ask()), two.create_task(ask()))
    await server
    assert answers == [b"client of vpc-1", b"client of vpc-2"]
    assert came_by == ["vpc-2", "vpc-1"]


async def test_errors_of_the_caller_are_named(web, on):
    async def program():
        loop = asyncio.get_running_loop()
        with pytest.raises(ValueError, match="unexpected address family"):
            await loop.create_datagram_endpoint(asyncio.DatagramProtocol)
        with pytest.raises(TypeError, match="2-tuple"):
            await loop.create_datagram_endpoint(asyncio.DatagramProtocol, local_addr="10.0.1.5")
        with pytest.raises(NotImplementedError, match="UNIX"):
            await asyncio_dgram.bind("/tmp/socket")
        with pytest.raises(OSError, match="not supported"):
            await asyncio_dgram.connect(("fd00::1", 53))
        transport, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, remote_addr=("10.0.2.7", 9))
        with pytest.raises(ValueError, match="Invalid address"):
            transport.sendto(b"x", ("10.0.2.8", 9))
        with pytest.raises(TypeError, match="bytes-like"):
            transport.sendto("x")
        transport.close()
        transport, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, local_addr=("0.0.0.0", 0))
        with pytest.raises(NotImplementedError, match=r"loop\.getaddrinfo"):
            transport.sendto(b"x", ("db", 9))
        transport.abort()

    await on(web, program())


async def test_an_error_in_a_datagram_callback_is_reported_and_closes_the_socket(hub, web, db, on):
    class Faulty(asyncio.DatagramProtocol):
        lost = None

        def datagram_received(self, data, addr):
            raise ValueError("mine")

        def connection_lost(self, exc):
            Faulty.lost = exc

    reported = []
    hub.loop.set_exception_handler(lambda _, context: reported.append(context["exception"]))
    await db.create_task(hub.loop.create_datagram_endpoint(Faulty, local_addr=("0.0.0.0", 9)))

    async def client():
        stream = await asyncio_dgram.connect(("10.0.2.7", 9))
        await stream.send(b"x")
        await asyncio.sleep(1)
        stream.close()

    await on(web, client())
    assert [str(error) for error in reported] == ["mine"]
    assert Faulty.lost is reported[0]
