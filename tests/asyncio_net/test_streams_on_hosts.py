# ruff: noqa: S104 - emulated hosts may listen on every address
from __future__ import annotations

import asyncio
import contextlib
import errno
import hashlib
import select
import socket
import struct

import pytest

from emulator.asyncio_net.current import current_host
from emulator.asyncio_net.deadlock import DeadlockError
from emulator.asyncio_net.loop import VirtualTimeLoop
from emulator.wire.packet import FIN, RST, SYN

pytestmark = pytest.mark.asyncio


async def echo(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    finally:
        writer.close()


@contextlib.asynccontextmanager
async def connected(address="10.0.2.7", port=7, **options):
    reader, writer = await asyncio.open_connection(address, port, **options)
    try:
        yield reader, writer
    finally:
        writer.close()


async def serve(host, handler=echo, port=7, **options):
    return await host.create_task(asyncio.start_server(handler, port=port, **options))


def flags(hub, flag):
    return [packet for packet in hub.seen if packet.flags & flag]


async def test_an_echo_server_answers_a_client_on_another_host(hub, web, db, on):
    await serve(db)

    async def client():
        reader, writer = await asyncio.open_connection("10.0.2.7", 7)
        writer.write(b"hello")
        answer = await reader.readexactly(5)
        writer.close()
        await writer.wait_closed()
        return answer, asyncio.get_running_loop().now

    answer, now = await on(web, client())
    assert answer == b"hello"
    assert now == 2_000_000  # two round trips of 1 ms: SYN and data
    assert [packet.flags & SYN for packet in hub.seen[:2]] == [SYN, SYN]


async def test_after_an_orderly_close_both_ends_are_forgotten_and_time_wait_keeps_no_run_alive(hub, web, db, on):
    await serve(db)

    async def client():
        reader, writer = await asyncio.open_connection("10.0.2.7", 7)
        writer.write_eof()
        assert await reader.read() == b""
        writer.close()

    await on(web, client())
    await asyncio.sleep(0.01)
    assert not db.tcp.sockets
    assert [str(socket.socket.connection.state) for socket in web.tcp.sockets.values()] == ["TIME-WAIT"]
    await asyncio.sleep(1)
    assert hub.agenda.idle
    await asyncio.sleep(61)
    assert not web.tcp.sockets
    assert not web.tcp.port_users
    assert len(flags(hub, FIN)) == 2
    assert not flags(hub, RST)


async def test_a_large_transfer_arrives_intact_in_both_directions(web, db, on):
    await serve(db)
    data = bytes(range(256)) * 20_000

    async def client():
        reader, writer = await asyncio.open_connection("10.0.2.7", 7)

        async def send():
            for at in range(0, len(data), 100_000):
                writer.write(data[at : at + 100_000])
                await writer.drain()
            writer.write_eof()

        sending = asyncio.create_task(send())
        received = await reader.read()
        await sending
        writer.close()
        return received

    assert hashlib.sha256(await on(web, client())).digest() == hashlib.sha256(data).digest()


async def test_lost_packets_are_repaired(hub, web, db, on):
    await serve(db)
    count = 0

    def every_twentieth(packet):
        nonlocal count
        count += 1
        return count % 20 == 0

    hub.lose = every_twentieth

    async def client():
        async with connected() as (reader, writer):
            writer.write(bytes(500_000))
            writer.write_eof()
            return await reader.read()

    assert await on(web, client()) == bytes(500_000)


async def test_a_closed_port_refuses(web, db, on):
    with pytest.raises(ConnectionRefusedError, match=r"Connect call failed \('10.0.2.7', 9\)") as caught:
        await on(web, asyncio.open_connection("10.0.2.7", 9))
    assert caught.value.errno == errno.ECONNREFUSED
    assert not web.tcp.sockets
    assert not web.tcp.port_users


async def test_nobody_there_times_out_after_two_virtual_minutes_as_on_linux(hub, web, on):
    with pytest.raises(TimeoutError) as caught:
        await on(web, asyncio.open_connection("10.0.9.9", 9))
    assert caught.value.errno == errno.ETIMEDOUT
    assert hub.loop.time() == 127.0  # 1 + 2 + 4 + 8 + 16 + 32 + 64
    assert [packet.flags for packet in hub.seen] == [SYN] * 7


async def test_an_established_connection_times_out_when_the_network_goes_away(hub, web, db, on):
    await serve(db)

    async def client():
        reader, writer = await asyncio.open_connection("10.0.2.7", 7)
        hub.lose = lambda _: True
        writer.write(b"into the void")
        with pytest.raises(TimeoutError) as caught:
            await reader.read()
        return caught.value.errno

    assert await on(web, client()) == errno.ETIMEDOUT
    assert 900 < hub.loop.time() < 1100  # Linux: 924.6 s at least


async def test_a_reset_reaches_the_reader(web, db, on):
    async def reset(reader, writer):
        await reader.read(1)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.close()

    await serve(db, reset)

    async def client():
        reader, writer = await asyncio.open_connection("10.0.2.7", 7)
        writer.write(b"x")
        with pytest.raises(ConnectionResetError):
            await reader.read()
        with pytest.raises(ConnectionResetError):
            await writer.wait_closed()
        return writer.is_closing()

    assert await on(web, client())


async def test_closing_with_unread_data_resets_as_linux_does(hub, web, db, on):
    async def rude(reader, writer):
        writer.transport.pause_reading()
        await asyncio.sleep(1)
        writer.close()

    await serve(db, rude)

    async def client():
        reader, writer = await asyncio.open_connection("10.0.2.7", 7)
        writer.write(b"never read")
        with pytest.raises(ConnectionResetError):
            await reader.read()

    await on(web, client())
    assert len(flags(hub, RST)) == 1


async def test_aborting_with_nothing_lost_is_an_orderly_close_as_close_2_is(hub, web, db, on):
    await serve(db)

    async def client():
        _, writer = await asyncio.open_connection("10.0.2.7", 7)
        writer.transport.abort()
        await asyncio.sleep(1)

    await on(web, client())
    assert not flags(hub, RST)
    assert len(flags(hub, FIN)) == 2


async def test_aborting_with_data_the_socket_had_no_room_for_resets(hub, web, db, on):
    await serve(db)

    async def client():
        _, writer = await asyncio.open_connection("10.0.2.7", 7)
        writer.write(bytes(50_000_000))
        assert writer.transport.get_write_buffer_size() > 49_000_000
        writer.transport.abort()
        await asyncio.sleep(1)

    await on(web, client())
    assert flags(hub, RST)


async def test_half_close_lets_the_answer_come_after_the_end_of_the_question(web, db, on):
    async def count(reader, writer):
        question = await reader.read()
        await asyncio.sleep(10)
        writer.write(b"%d" % len(question))
        writer.close()

    await serve(db, count)

    async def client():
        async with connected() as (reader, writer):
            writer.write(bytes(123_456))
            writer.write_eof()
            with pytest.raises(RuntimeError, match="write_eof"):
                writer.write(b"x")
            return await reader.read()

    assert await on(web, client()) == b"123456"


async def test_a_slow_reader_holds_the_writer_back(hub, web, db, on):
    async def slow(reader, writer):
        await asyncio.sleep(100)
        total = 0
        while data := await reader.read(1 << 20):
            total += len(data)
        writer.write(b"%d" % total)
        writer.close()

    await serve(db, slow)
    size = 30_000_000

    async def client():
        async with connected() as (reader, writer):
            block = bytes(100_000)
            for _ in range(size // len(block)):
                writer.write(block)
                await writer.drain()
                assert writer.transport.get_write_buffer_size() < 65_536
            drained_at = hub.loop.time()
            writer.write_eof()
            return drained_at, await reader.read()

    drained_at, total = await on(web, client())
    assert total == b"%d" % size
    assert drained_at > 100


async def test_pause_and_resume_writing_come_at_the_marks(web, db, on):
    calls = []

    class Writer(asyncio.Protocol):
        def pause_writing(self):
            calls.append(("pause", self.transport.get_write_buffer_size() > 1_000_000))

        def resume_writing(self):
            calls.append(("resume", self.transport.get_write_buffer_size() <= 500_000))

        def connection_made(self, transport):
            self.transport = transport
            transport.set_write_buffer_limits(high=1_000_000, low=500_000)

    await serve(db)

    async def client():
        transport, _ = await asyncio.get_running_loop().create_connection(Writer, "10.0.2.7", 7)
        transport.write(bytes(200_000))
        assert calls == []
        transport.write(bytes(5_000_000))
        assert calls == [("pause", True)]
        assert transport.get_write_buffer_limits() == (500_000, 1_000_000)
        await asyncio.sleep(5)
        transport.close()

    await on(web, client())
    assert calls == [("pause", True), ("resume", True)]


async def test_close_flushes_and_the_protocol_hears_once_that_it_is_over(web, db, on):
    lost = []

    class Sender(asyncio.Protocol):
        def connection_lost(self, exc):
            lost.append((exc, asyncio.get_running_loop().now))

    received = []

    async def collect(reader, writer):
        received.append(len(await reader.read()))
        writer.close()

    await serve(db, collect)

    async def client():
        transport, _ = await asyncio.get_running_loop().create_connection(Sender, "10.0.2.7", 7)
        transport.write(bytes(2_000_000))
        transport.close()
        transport.close()
        assert transport.is_closing()
        assert lost == []
        await asyncio.sleep(5)
        transport.abort()
        await asyncio.sleep(5)

    await on(web, client())
    assert received == [2_000_000]
    assert [exc for exc, _ in lost] == [None]
    assert lost[0][1] > 2_000_000  # later than the call: the socket had to take it all first


async def test_a_falsy_answer_to_eof_closes_the_transport(hub, web, db, on):
    told = []

    class Once(asyncio.Protocol):
        def eof_received(self):
            told.append("eof")

        def connection_lost(self, exc):
            told.append(exc)

    server = await db.create_task(hub.loop.create_server(Once, port=7))

    async def client():
        async with connected() as (reader, writer):
            writer.write_eof()
            return await reader.read()

    assert await on(web, client()) == b""
    await asyncio.sleep(1)
    assert told == ["eof", None]
    server.close()


async def test_buffered_protocols_get_their_own_buffer_filled(hub, web, db, on):
    class Sink(asyncio.BufferedProtocol):
        def __init__(self):
            self.buffer = memoryview(bytearray(1000))
            self.received = bytearray()

        def get_buffer(self, sizehint):
            return self.buffer

        def buffer_updated(self, nbytes):
            self.received += self.buffer[:nbytes]

    sinks = []

    def make():
        sinks.append(Sink())
        return sinks[-1]

    await db.create_task(hub.loop.create_server(make, port=7))
    data = bytes(range(256)) * 300

    async def client():
        _, writer = await asyncio.open_connection("10.0.2.7", 7)
        writer.write(data)
        await writer.drain()
        writer.close()

    await on(web, client())
    await asyncio.sleep(1)
    assert sinks[0].received == data


async def test_a_protocol_may_write_end_and_close_from_its_callbacks(hub, web, db, on):
    class Asks(asyncio.Protocol):
        def connection_made(self, transport):
            self.transport = transport
            self.received = b""
            transport.write(b"question")
            transport.write_eof()

        def data_received(self, data):
            self.received += data

        def eof_received(self):
            self.transport.close()
            return True

        def connection_lost(self, exc):
            over.set_result((self.received, exc))

    class Answers(asyncio.Protocol):
        def connection_made(self, transport):
            self.transport = transport

        def data_received(self, data):
            self.transport.writelines([data, b" ", b"answered"])
            self.transport.write_eof()

    over = asyncio.get_running_loop().create_future()
    await db.create_task(hub.loop.create_server(Answers, port=7))
    await on(web, hub.loop.create_connection(Asks, "10.0.2.7", 7))
    assert await over == (b"question answered", None)


async def test_reading_can_be_paused_and_nothing_is_lost_or_told_before_it_is_resumed(hub, web, db, on):
    told = []

    class Reader(asyncio.Protocol):
        def connection_made(self, transport):
            self.transport = transport

        def data_received(self, data):
            told.append(len(data))
            self.transport.pause_reading()
            assert not self.transport.is_reading()
            hub.loop.call_later(1, self.transport.resume_reading)

        def eof_received(self):
            told.append("eof")

        def connection_lost(self, exc):
            told.append(exc)

    await db.create_task(hub.loop.create_server(Reader, port=7))

    async def client():
        async with connected() as (_, writer):
            for _ in range(5):
                writer.write(bytes(300_000))
                await asyncio.sleep(0.1)

    await on(web, client())
    await asyncio.sleep(60)
    assert sum(told[:-2]) == 1_500_000
    assert told[-2:] == ["eof", None]
    assert max(told[:-2]) == 256 * 1024  # as one recv of asyncio's


async def test_a_reset_is_told_after_the_data_before_it_when_reading_is_resumed(hub, web, db, on):
    async def reset(reader, writer):
        writer.write(b"last words")
        await asyncio.sleep(1)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.close()

    await serve(db, reset)

    async def client():
        async with connected() as (reader, writer):
            writer.transport.pause_reading()
            await asyncio.sleep(5)
            assert not writer.is_closing()
            writer.transport.resume_reading()
            assert await reader.read(100) == b"last words"
            with pytest.raises(ConnectionResetError):
                await reader.read()

    await on(web, client())


async def test_writing_to_a_connection_that_was_reset_finds_out(hub, web, db, on, caplog):
    async def reset(reader, writer):
        writer.transport.pause_reading()
        await asyncio.sleep(1)
        writer.close()

    await serve(db, reset)

    async def client():
        async with connected() as (_, writer):
            writer.transport.pause_reading()
            writer.write(b"unread")
            await asyncio.sleep(5)
            for _ in range(10):
                writer.write(b"x")
            with pytest.raises(ConnectionResetError):
                await writer.drain()

    await on(web, client())
    assert "socket.send() raised exception" in caplog.text


async def test_an_error_in_a_callback_is_reported_and_ends_the_connection(hub, web, db, on):
    class Faulty(asyncio.Protocol):
        def data_received(self, data):
            raise ValueError("mine")

    await db.create_task(hub.loop.create_server(Faulty, port=7))
    reported = []
    hub.loop.set_exception_handler(lambda _, context: reported.append(context))

    async def client():
        reader, writer = await asyncio.open_connection("10.0.2.7", 7)
        writer.write(b"x")
        assert await reader.read() == b""
        writer.close()

    await on(web, client())
    assert [str(context["exception"]) for context in reported] == ["mine"]
    assert "data_received() call failed" in reported[0]["message"]


async def test_a_closed_server_refuses_new_connections_and_keeps_the_old(web, db, on):
    server = await serve(db)
    assert server.is_serving()
    assert [listening.getsockname() for listening in server.sockets] == [("0.0.0.0", 7)]

    async def client():
        reader, writer = await asyncio.open_connection("10.0.2.7", 7)
        writer.write(b"a")
        assert await reader.read(1) == b"a"
        server.close()
        writer.write(b"b")
        assert await reader.read(1) == b"b"
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("10.0.2.7", 7)
        writer.close()

    await on(web, client())
    await server.wait_closed()
    assert not server.is_serving()
    await serve(db)  # the port is free again


async def test_servers_have_addresses_of_their_own(hub, db):
    async def on_db(**options):
        return await db.create_task(hub.loop.create_server(asyncio.Protocol, **options))

    any_port = await on_db(host="10.0.2.7", port=0)
    port = any_port.sockets[0].getsockname()[1]
    assert 32768 <= port <= 60999
    for host in (None, "", "0.0.0.0", "10.0.2.7"):
        with pytest.raises(OSError, match="address already in use") as caught:
            await on_db(host=host, port=port)
        assert caught.value.errno == errno.EADDRINUSE
    with pytest.raises(OSError, match="cannot assign requested address") as caught:
        await on_db(host="10.0.2.8", port=80)
    assert caught.value.errno == errno.EADDRNOTAVAIL
    both = await on_db(host=["10.0.2.7", "127.0.0.1"], port=80)
    assert [listening.getsockname() for listening in both.sockets] == [("10.0.2.7", 80), ("127.0.0.1", 80)]


async def test_a_server_can_be_made_first_and_started_later(hub, web, db, on):
    server = await db.create_task(hub.loop.create_server(asyncio.Protocol, port=7, start_serving=False))
    with pytest.raises(ConnectionRefusedError):
        await on(web, asyncio.open_connection("10.0.2.7", 7))
    forever = db.create_task(server.serve_forever())
    await asyncio.sleep(0)
    _, writer = await on(web, asyncio.open_connection("10.0.2.7", 7))
    writer.close()
    forever.cancel()
    with pytest.raises(asyncio.CancelledError):
        await forever
    assert not server.is_serving()


async def test_tasks_started_for_a_connection_belong_to_the_servers_host(web, db, on):
    hosts = []

    async def deeper():
        hosts.append(current_host.get())

    async def handler(reader, writer):
        hosts.append(current_host.get())
        await asyncio.create_task(deeper())
        writer.close()

    await serve(db, handler)

    async def client():
        reader, writer = await asyncio.open_connection("10.0.2.7", 7)
        await reader.read()
        writer.close()
        return current_host.get()

    assert await on(web, client()) is web
    assert hosts == [db, db]


async def test_a_host_reaches_itself_over_the_loopback_and_nothing_leaves(hub, web, on):
    await serve(web)

    async def client(address):
        reader, writer = await asyncio.open_connection(address, 7)
        writer.write(b"me")
        answer = await reader.readexactly(2)
        names = writer.get_extra_info("sockname")[0], writer.get_extra_info("peername")[0]
        writer.close()
        return answer, names

    assert await on(web, client("localhost")) == (b"me", ("127.0.0.1", "127.0.0.1"))
    assert await on(web, client("10.0.1.5")) == (b"me", ("10.0.1.5", "10.0.1.5"))
    assert await on(web, client("web")) == (b"me", ("10.0.1.5", "10.0.1.5"))
    assert not hub.seen


async def test_cancelling_a_connect_leaves_nothing_behind(hub, web, on):
    async def client():
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5):
                await asyncio.open_connection("10.0.9.9", 9)

    await on(web, client())
    assert hub.loop.time() == 5
    assert not web.tcp.sockets
    assert not web.tcp.port_users
    await asyncio.sleep(100)
    assert len(hub.seen) == 3  # SYNs at 0, 1 and 3 s, and none later


async def test_local_addresses_are_bound_or_refused(hub, web, db, on):
    hub.plug(web, "10.0.1.6")
    peers = []

    async def note(reader, writer):
        peers.append(writer.get_extra_info("peername"))
        writer.close()

    await serve(db, note)

    async def client(local):
        async with connected(local_addr=local) as (reader, writer):
            await reader.read()
            if local[1]:
                with pytest.raises(OSError, match=r"bind on address .*: address already in use"):
                    await asyncio.open_connection("10.0.2.7", 7, local_addr=local)
            return writer.get_extra_info("sockname")

    assert await on(web, client(("10.0.1.6", 5000))) == ("10.0.1.6", 5000)
    assert peers == [("10.0.1.6", 5000)]
    assert (await on(web, client(("10.0.1.6", 0))))[0] == "10.0.1.6"
    with pytest.raises(OSError, match=r"bind on address .*: cannot assign requested address"):
        await on(web, client(("10.0.1.7", 0)))


async def test_ipv6_is_unreachable(web, on):
    with pytest.raises(OSError, match="Connect call failed") as caught:
        await on(web, asyncio.open_connection("fd00::1", 80))
    assert caught.value.errno == errno.ENETUNREACH


async def test_the_socket_of_a_transport_is_one_to_look_at(web, db, on):
    await serve(db)

    async def client():
        _, writer = await asyncio.open_connection("10.0.2.7", 7)
        fake = writer.get_extra_info("socket")
        fake.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        assert fake.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert fake.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
        assert (fake.family, fake.type) == (socket.AF_INET, socket.SOCK_STREAM)
        assert fake.getpeername() == writer.get_extra_info("peername") == ("10.0.2.7", 7)
        assert fake.getsockname() == writer.get_extra_info("sockname")
        writer.close()

    await on(web, client())


def polled(sock):
    """Whether poll(2) finds a socket readable."""
    poll = select.poll()
    poll.register(sock.fileno(), select.POLLIN)
    return bool(poll.poll(0))


async def test_the_descriptor_of_a_connection_is_readable_when_the_connection_is(hub, web, db, on):
    async def slow(reader, writer):
        await asyncio.sleep(1)
        writer.write(b"x")
        await asyncio.sleep(1)
        writer.close()

    await serve(db, slow)

    async def client():
        reader, writer = await asyncio.open_connection("10.0.2.7", 7)
        sock = writer.get_extra_info("socket")
        writer.transport.pause_reading()
        seen = [polled(sock)]
        await asyncio.sleep(1.5)
        seen.append(polled(sock))
        writer.transport.resume_reading()
        assert await reader.read(1) == b"x"
        seen.append(polled(sock))
        assert await reader.read(1) == b""
        seen.append(polled(sock))
        writer.close()
        await writer.wait_closed()
        return seen, sock.fileno()

    assert await on(web, client()) == ([False, True, False, True], -1)


async def test_a_service_tells_clients_with_equal_addresses_apart_by_attachment(hub, on):
    service = hub.host("s3", "0.0.0.0", accept_any=True)
    one = hub.host("one", "10.0.0.5", "vpc-1")
    two = hub.host("two", "10.0.0.5", "vpc-2")
    first = service.attachments[0]
    second = hub.plug(service, "0.0.0.0", "vpc-2")
    first.vpc_endpoint_id, second.vpc_endpoint_id = "vpce-1", "vpce-2"
    bucket = 0x0A630001
    hub.plugs["vpc-1", bucket] = first
    hub.plugs["vpc-2", bucket] = second

    async def tell(reader, writer):
        info = writer.get_extra_info
        text = f"{info('vpc_id')} {info('vpc_endpoint_id')} {info('attachment_id')} {info('sockname')[0]}"
        writer.write(text.encode())
        writer.close()

    await serve(service, tell, 80)

    async def client():
        reader, writer = await asyncio.open_connection("10.99.0.1", 80, local_addr=("10.0.0.5", 5555))
        answer = await reader.read()
        writer.close()
        return answer.decode()

    answers = await asyncio.gather(one.create_task(client()), two.create_task(client()))
    assert answers == ["vpc-1 vpce-1 eni-s3-0 10.99.0.1", "vpc-2 vpce-2 eni-s3-1 10.99.0.1"]


async def test_a_thousand_connections_at_once(hub, web, db, on):
    await serve(db)

    async def client(n):
        reader, writer = await asyncio.open_connection("10.0.2.7", 7)
        writer.write(b"%d" % n)
        writer.write_eof()
        answer = await reader.read()
        writer.close()
        return int(answer)

    async def all_of_them():
        return await asyncio.gather(*(client(n) for n in range(1000)))

    assert await on(web, all_of_them()) == list(range(1000))
    await asyncio.sleep(100)
    assert not web.tcp.sockets
    assert not db.tcp.sockets


async def test_names_are_tried_in_turn_and_happy_eyeballs_are_accepted(hub, web, db, on):
    await serve(db)
    web_lookup = {"family": socket.AF_INET, "happy_eyeballs_delay": 0.25, "interleave": 1}
    _, writer = await on(web, asyncio.open_connection("10.0.2.7", 7, **web_lookup))
    writer.close()


async def test_an_unconnected_real_socket_is_a_token_and_is_closed_at_once(hub, web, db, on):
    await serve(db)

    async def client():
        loop = asyncio.get_running_loop()
        token = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        await loop.sock_connect(token, ("10.0.2.7", 7))
        assert token.fileno() == -1
        reader, writer = await asyncio.open_connection(sock=token)
        writer.write(b"x")
        answer = await reader.read(1)
        writer.close()
        never_connected = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        with pytest.raises(OSError, match="sock_connect first"):
            await asyncio.open_connection(sock=never_connected)
        return answer

    assert await on(web, client()) == b"x"


async def test_a_connected_real_socket_is_refused_by_name(web, on):
    class Connected:
        family = socket.AF_INET
        type = socket.SOCK_STREAM

        def getpeername(self):
            return ("192.0.2.1", 80)

    with pytest.raises(NotImplementedError, match=r"real socket connected to \('192\.0\.2\.1', 80\)"):
        await on(web, asyncio.get_running_loop().sock_connect(Connected(), ("10.0.2.7", 7)))


async def test_sendfile_falls_back_to_reading_the_file(hub, web, db, on, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(bytes(300_000))
    await serve(db)

    async def client():
        reader, writer = await asyncio.open_connection("10.0.2.7", 7)
        with path.open("rb") as file:
            assert await hub.loop.sendfile(writer.transport, file) == 300_000
        writer.write_eof()
        answer = await reader.read()
        writer.close()
        return answer

    assert await on(web, client()) == bytes(300_000)


@pytest.mark.parametrize("trial", [1, 2])
async def test_the_same_run_sends_the_same_packets(hub, web, db, on, trial):
    await serve(db)

    async def client():
        reader, writer = await asyncio.open_connection("10.0.2.7", 7)
        writer.write(b"a" * 10)
        await reader.read(10)
        writer.close()

    await on(web, client())
    await asyncio.sleep(1)
    digest = hashlib.sha256(b"".join(packet.to_bytes() for packet in hub.seen)).hexdigest()
    assert _digests.setdefault("of the only run there is", digest) == digest


_digests: dict[str, str] = {}


async def test_a_zero_window_nobody_will_ever_open_is_a_deadlock_not_an_endless_run(hub, web, db):
    loop = VirtualTimeLoop(hub.agenda.__class__())
    from tests.asyncio_net.conftest import Hub

    wire = Hub(loop.agenda)
    wire.loop = loop
    client_host, server_host = wire.host("client", "10.0.0.1"), wire.host("server", "10.0.0.2")

    async def never_reads(reader, writer):
        await asyncio.Event().wait()

    async def writes():
        _, writer = await asyncio.open_connection("10.0.0.2", 7)
        while True:
            writer.write(bytes(1_000_000))
            await writer.drain()

    async def main():
        await server_host.create_task(asyncio.start_server(never_reads, port=7))
        await client_host.create_task(writes(), name="writer")

    def run():
        with pytest.raises(DeadlockError, match=r"writer .*writes\) on host client waits at"):
            loop.run_until_complete(main())
        loop.shut_down()

    await asyncio.get_running_loop().run_in_executor(None, run)


async def test_closing_the_loop_switches_the_hosts_off_without_a_packet_or_a_word():
    def run():
        from tests.asyncio_net.conftest import Hub

        loop = VirtualTimeLoop()
        wire = Hub(loop.agenda)
        wire.loop = loop
        one, two = wire.host("one", "10.0.0.1"), wire.host("two", "10.0.0.2")
        kept = []

        async def main():
            await two.create_task(asyncio.start_server(lambda *streams: kept.append(streams), port=7))
            kept.append(await one.create_task(asyncio.open_connection("10.0.0.2", 7)))
            await asyncio.sleep(1)

        loop.run_until_complete(main())
        sent = len(wire.seen)
        loop.shut_down()
        assert len(kept) == 2
        assert all(writer.is_closing() for _, writer in kept)
        for _, writer in kept:
            writer.close()
        return len(wire.seen) - sent

    assert await asyncio.get_running_loop().run_in_executor(None, run) == 0
