"""TLS between emulated hosts: OpenSSL over emulated TCP, in virtual time."""

# ruff: noqa: S104 - emulated hosts may listen on every address
from __future__ import annotations

import asyncio
import ssl

import pytest

from emulator.services.tls import client_context, server_context

pytestmark = pytest.mark.asyncio
NAME = "db.example.internal"


async def echo(reader, writer):
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


async def serve(host, handler=echo, port=443, context=None, **options):
    context = server_context(NAME) if context is None else context
    return await host.create_task(asyncio.start_server(handler, "0.0.0.0", port, ssl=context, **options))


async def connect(context=None, name=NAME, **options):
    context = client_context() if context is None else context
    return await asyncio.open_connection("10.0.2.7", 443, ssl=context, server_hostname=name, **options)


async def test_streams_speak_tls_on_both_sides(hub, web, db, on):
    await serve(db)

    async def client():
        reader, writer = await connect()
        writer.write(b"secret" * 50_000)
        await writer.drain()
        answer = await reader.readexactly(300_000)
        session, peer = writer.get_extra_info("ssl_object"), writer.get_extra_info("peercert")
        names = writer.get_extra_info("peername"), writer.get_extra_info("vpc_id")
        writer.close()
        await writer.wait_closed()
        return answer, session.version(), peer["subjectAltName"], names

    answer, version, subject, names = await on(web, client())
    assert answer == b"secret" * 50_000
    assert (version, subject, names) == ("TLSv1.3", (("DNS", NAME),), (("10.0.2.7", 443), "vpc-1"))
    assert hub.loop.time() < 0.1
    on_the_wire = b"".join(packet.payload for packet in hub.seen)
    assert b"secret" not in on_the_wire
    assert NAME.encode() in on_the_wire, "the ClientHello names the server in clear (SNI)"
    await asyncio.sleep(1)
    assert not [packet for packet in hub.seen if packet.flags & 4]


async def test_the_server_knows_the_clients_provenance_and_the_name_it_asked_for(hub, web, db, on):
    asked = []
    context = server_context(NAME)
    context.sni_callback = lambda session, name, context: asked.append(name)
    seen = asyncio.get_running_loop().create_future()

    async def handler(reader, writer):
        info = writer.get_extra_info
        seen.set_result((info("peername")[0], info("vpc_id"), info("attachment_id"), info("ssl_object").server_side))
        writer.close()

    await serve(db, handler, context=context)

    async def client():
        reader, writer = await connect()
        assert await reader.read() == b""
        writer.close()

    await on(web, client())
    assert await seen == ("10.0.1.5", "vpc-1", "eni-db-0", True)
    assert asked == [NAME]


async def test_both_sides_agree_on_an_application_protocol(web, db, on):
    await serve(db, context=server_context(NAME, alpn=("h2", "http/1.1")))

    async def client():
        _, writer = await connect(client_context(alpn=("http/1.1",)))
        agreed = writer.get_extra_info("ssl_object").selected_alpn_protocol()
        writer.close()
        return agreed

    assert await on(web, client()) == "http/1.1"


@pytest.mark.parametrize(
    ("context", "name", "message"),
    [
        (client_context(), "other.example.internal", "Hostname mismatch"),
        (ssl.create_default_context(), NAME, "unable to get local issuer certificate"),
        (client_context(), "10.0.2.7", "IP address mismatch"),
    ],
)
async def test_a_certificate_that_does_not_prove_the_name_is_refused(hub, web, db, on, context, name, message):
    await serve(db)
    with pytest.raises(ssl.SSLCertVerificationError, match=message):
        await on(web, connect(context, name))
    await asyncio.sleep(200)
    assert not db.tcp.sockets
    assert not web.tcp.sockets


async def test_a_certificate_may_name_an_address(web, db, on):
    await serve(db, context=server_context("10.0.2.7"))

    async def client():
        _, writer = await asyncio.open_connection("10.0.2.7", 443, ssl=client_context())  # the name is the address
        writer.close()

    await on(web, client())


async def test_a_handshake_with_nobody_who_speaks_tls_times_out_in_virtual_time(hub, web, db, on):
    held = []

    async def silent(reader, writer):
        held.append(writer)

    await db.create_task(asyncio.start_server(silent, "0.0.0.0", 443))
    with pytest.raises(ConnectionAbortedError, match="SSL handshake is taking longer than 7"):
        await on(web, connect(ssl_handshake_timeout=7))
    assert hub.loop.time() == pytest.approx(7, abs=0.01)
    with pytest.raises(ConnectionAbortedError, match="SSL handshake is taking longer than 60"):
        await on(web, connect())
    assert hub.loop.time() == pytest.approx(67, abs=0.01)


async def test_a_server_gives_up_a_client_that_never_says_hello(hub, web, db, on):
    await serve(db, ssl_handshake_timeout=5)

    async def client():
        reader, writer = await asyncio.open_connection("10.0.2.7", 443)
        answer = await reader.read()
        writer.close()
        return answer, hub.loop.time()

    answer, at = await on(web, client())
    assert (answer, at) == (b"", pytest.approx(5, abs=0.01))


async def test_plain_text_to_a_tls_server_ends_the_handshake_on_both_sides(hub, web, db, on):
    await serve(db)

    async def client():
        reader, writer = await asyncio.open_connection("10.0.2.7", 443)
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        answer = await reader.read()
        writer.close()
        return answer

    answer = await on(web, client())
    assert answer[:1] in (b"", b"\x15"), "nothing, or an alert"
    await asyncio.sleep(200)
    assert not db.tcp.sockets


async def test_tls_to_a_server_that_speaks_plain_text_is_an_ssl_error(web, db, on):
    async def banner(reader, writer):
        writer.write(b"220 ready\r\n")
        await reader.read()
        writer.close()

    await db.create_task(asyncio.start_server(banner, "0.0.0.0", 443))
    with pytest.raises(ssl.SSLError, match=r"(?i)wrong.version.number"):
        await on(web, connect())


async def test_a_reset_during_the_handshake_is_a_reset(web, db, on):
    async def rude(reader, writer):
        await reader.read(1)
        writer.transport.abort()

    await db.create_task(asyncio.start_server(rude, "0.0.0.0", 443))
    with pytest.raises(ConnectionResetError):
        await on(web, connect())


async def test_both_sides_upgrade_a_connection_in_the_middle(hub, web, db, on):
    async def handler(reader, writer):
        assert await reader.readline() == b"STARTTLS\n"
        writer.write(b"go\n")
        await writer.start_tls(server_context(NAME))
        writer.write(b"under " + await reader.readline())
        await writer.drain()
        writer.close()

    await db.create_task(asyncio.start_server(handler, "0.0.0.0", 443))

    async def client():
        reader, writer = await asyncio.open_connection("10.0.2.7", 443)
        writer.write(b"STARTTLS\n")
        assert await reader.readline() == b"go\n"
        await writer.start_tls(client_context(), server_hostname=NAME)
        writer.write(b"cover\n")
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        return answer

    assert await on(web, client()) == b"under cover\n"
    assert b"cover" not in b"".join(packet.payload for packet in hub.seen)


async def test_cancelling_an_upgrade_closes_the_connection(hub, web, db, on):
    async def silent(reader, writer):
        await reader.read()
        writer.close()

    await db.create_task(asyncio.start_server(silent, "0.0.0.0", 443))

    async def client():
        _, writer = await asyncio.open_connection("10.0.2.7", 443)
        async with asyncio.timeout(1):
            await writer.start_tls(client_context(), server_hostname=NAME)

    with pytest.raises(TimeoutError):
        await on(web, client())
    await asyncio.sleep(200)
    assert not web.tcp.sockets
    assert not db.tcp.sockets


async def test_cancelling_a_handshake_leaves_nothing_behind(hub, web, db, on):
    async def silent(reader, writer):
        await reader.read()
        writer.close()

    await db.create_task(asyncio.start_server(silent, "0.0.0.0", 443))
    with pytest.raises(TimeoutError):
        await on(web, asyncio.wait_for(connect(), 3))
    assert hub.loop.time() == pytest.approx(3, abs=0.001)
    await asyncio.sleep(200)
    assert not web.tcp.sockets


async def test_tls_has_no_half_close(web, db, on):
    await serve(db)

    async def client():
        _, writer = await connect()
        assert not writer.can_write_eof()
        with pytest.raises(NotImplementedError):
            writer.write_eof()
        writer.close()

    await on(web, client())


async def test_a_peer_that_never_answers_the_goodbye_is_left_after_the_shutdown_timeout(hub, web, db, on):
    held = []

    async def deaf(reader, writer):
        writer.transport.pause_reading()
        held.append(writer)

    await serve(db, deaf)

    async def client():
        _, writer = await connect(ssl_shutdown_timeout=4)
        started = hub.loop.time()
        writer.close()
        with pytest.raises(TimeoutError, match="SSL shutdown timed out"):
            await writer.wait_closed()
        return hub.loop.time() - started

    assert await on(web, client()) == pytest.approx(4, abs=0.01)


async def test_a_slow_reader_holds_the_writer_back_under_tls_too(hub, web, db, on):
    received = 0

    async def slow(reader, writer):
        nonlocal received
        while data := await reader.read(65536):
            received += len(data)
            await asyncio.sleep(0.01)
        writer.close()

    await serve(db, slow)
    most = 0

    async def client():
        nonlocal most
        _, writer = await connect()
        for _ in range(400):
            writer.write(bytes(65536))
            await writer.drain()
            most = max(most, writer.transport.get_write_buffer_size())
        writer.close()
        await writer.wait_closed()

    await on(web, client())
    await asyncio.sleep(10)
    assert received == 400 * 65536
    assert most < 1_000_000, "the writer was held back long before all of it was written"
    assert hub.loop.time() > 1


async def test_sendfile_falls_back_to_reading_under_tls(hub, web, db, on, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"line\n" * 50_000)
    await serve(db)

    async def client():
        reader, writer = await connect()
        with path.open("rb") as file:
            assert await hub.loop.sendfile(writer.transport, file) == 250_000
        answer = await reader.readexactly(250_000)
        writer.close()
        return answer

    assert await on(web, client()) == path.read_bytes()


async def test_arguments_are_checked_as_asyncio_does(web, db, on):
    with pytest.raises(TypeError, match="SSLContext or None"):
        await serve(db, context=True)
    with pytest.raises(ValueError, match="ssl_handshake_timeout is only meaningful with ssl"):
        await on(db, asyncio.start_server(echo, "0.0.0.0", 443, ssl_handshake_timeout=1))
    with pytest.raises(ValueError, match="server_hostname is only meaningful with ssl"):
        await on(web, asyncio.open_connection("10.0.2.7", 443, server_hostname=NAME))


async def conversation(hub, web, db, seen):
    await serve(db)

    async def client():
        reader, writer = await connect()
        for size in (10, 20_000, 300):
            writer.write(bytes(size))
            await reader.readexactly(size)
        writer.close()
        await writer.wait_closed()

    await web.create_task(client())
    await asyncio.sleep(1)
    seen.append([(p.src, p.sport, p.dport, p.flags, p.seq, p.ack, len(p.payload), p.window) for p in hub.seen])


SEEN: list[list[tuple[int, ...]]] = []


@pytest.mark.parametrize("trial", range(3))
async def test_two_runs_agree_in_all_but_what_is_encrypted(hub, web, db, trial):
    await conversation(hub, web, db, SEEN)
    assert SEEN[-1] == SEEN[0]
    assert len(SEEN[0]) > 20
