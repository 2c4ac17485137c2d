"""Keepalives of hosts, and how they learn what fits: what programs turn on with socket options, and ICMP."""

from __future__ import annotations

import asyncio
import socket

import pytest

from emulator.wire.packet import ACK, RST, icmp

pytestmark = pytest.mark.asyncio


async def echo(reader, writer):
    while data := await reader.read(65536):
        writer.write(data)
    writer.close()


async def connect(host, on, **options):
    """Return a connection to db:7 of which ``options`` (KEEPIDLE...) are set, after SO_KEEPALIVE."""

    async def opened():
        return await asyncio.open_connection("10.0.2.7", 7)

    reader, writer = await on(host, opened())
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in options.items():
        sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, f"TCP_{name}"), value)
    return reader, writer


@pytest.mark.fact("VPCE-IF-15")
async def test_an_idle_connection_is_probed_and_the_answer_begins_the_time_anew(hub, web, db, on):
    await db.create_task(asyncio.start_server(echo, port=7))
    _, writer = await connect(web, on, KEEPIDLE=200, KEEPINTVL=200)
    before = len(hub.seen)
    await asyncio.sleep(1000)
    sent = hub.seen[before:]
    assert len(sent) == 8  # four probes and their answers
    assert {packet.flags for packet in sent} == {ACK}
    assert sent[1].ack - sent[0].seq == 1  # it asks for what was acknowledged already
    writer.close()


async def test_without_the_option_nothing_is_sent(hub, web, db, on):
    await db.create_task(asyncio.start_server(echo, port=7))
    _, writer = await connect(web, on, KEEPIDLE=200)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 0)
    before = len(hub.seen)
    await asyncio.sleep(10_000)
    assert len(hub.seen) == before
    writer.close()


async def test_by_default_the_first_probe_comes_after_two_hours(hub, web, db, on):
    await db.create_task(asyncio.start_server(echo, port=7))
    _, writer = await connect(web, on)
    before = len(hub.seen)
    await asyncio.sleep(7190)
    assert len(hub.seen) == before
    await asyncio.sleep(20)
    assert len(hub.seen) == before + 2
    writer.close()


async def test_data_puts_the_probe_off(hub, web, db, on):
    await db.create_task(asyncio.start_server(echo, port=7))
    reader, writer = await connect(web, on, KEEPIDLE=200)
    await asyncio.sleep(150)
    writer.write(b"hello")
    assert await reader.readexactly(5) == b"hello"
    await asyncio.sleep(1)
    before = len(hub.seen)
    await asyncio.sleep(190)
    assert len(hub.seen) == before
    await asyncio.sleep(20)
    assert len(hub.seen) == before + 2
    writer.close()


async def test_a_peer_that_answers_no_probe_is_given_up_with_a_reset(hub, web, db, on):
    await db.create_task(asyncio.start_server(echo, port=7))
    reader, _ = await connect(web, on, KEEPIDLE=100, KEEPINTVL=10, KEEPCNT=3)
    hub.lose = lambda packet: True
    before, began = len(hub.seen), asyncio.get_running_loop().time()
    with pytest.raises(TimeoutError):  # ETIMEDOUT
        await asyncio.wait_for(reader.read(1), 1000)  # keepalives alone keep no run alive (D3)
    assert asyncio.get_running_loop().time() - began == pytest.approx(130, abs=1)
    assert [packet.flags & RST for packet in hub.seen[before:]] == [0, 0, 0, RST]


@pytest.mark.fact("NET-7")
async def test_who_hears_that_fragmentation_is_needed_sends_again_what_fits(hub, web, db, on):
    got = asyncio.get_running_loop().create_future()

    async def take(reader, writer):
        got.set_result(await reader.readexactly(50_000))
        writer.close()

    await db.create_task(asyncio.start_server(take, port=7))
    hub.lose = lambda packet: packet.length > 1400
    _, writer = await connect(web, on)
    writer.write(bytes(50_000))
    await asyncio.sleep(0.1)
    long = next(packet for packet in hub.seen if packet.length > 1400)
    (plug,) = web.attachments
    web.receive(plug, icmp(long.dst, long.src, 3, 4, sequence=1400, data=long.to_bytes()[:548]), hub.agenda.now)
    assert await asyncio.wait_for(got, 10) == bytes(50_000)
    after = hub.seen[hub.seen.index(long) :]
    assert max(packet.length for packet in after if packet.ident > long.ident + 10) <= 1400
    writer.close()
