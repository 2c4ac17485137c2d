"""Socket options that programs set on emulated hosts: they act, they are told, or they are refused."""

from __future__ import annotations

import asyncio
import errno
import socket
import struct

import pytest

from emulator.tcp import PROFILES
from emulator.wire.packet import icmp

pytestmark = pytest.mark.asyncio

TCP, SOL = socket.IPPROTO_TCP, socket.SOL_SOCKET


async def echo(reader, writer):
    while data := await reader.read(65536):
        writer.write(data)
    writer.close()


async def connected(host, on):
    async def opened():
        return await asyncio.open_connection("10.0.2.7", 7)

    reader, writer = await on(host, opened())
    return reader, writer, writer.get_extra_info("socket")


@pytest.mark.parametrize(
    ("level", "option", "value", "told"),
    [
        (TCP, socket.TCP_NODELAY, 0, 0),
        (TCP, socket.TCP_CORK, 1, 1),
        (TCP, socket.TCP_KEEPIDLE, 5, 5),
        (TCP, socket.TCP_KEEPINTVL, 6, 6),
        (TCP, socket.TCP_KEEPCNT, 7, 7),
        (TCP, socket.TCP_USER_TIMEOUT, 3000, 3000),
        (TCP, socket.TCP_QUICKACK, 0, 0),
        (TCP, socket.TCP_WINDOW_CLAMP, 30_000, 30_000),
        (TCP, socket.TCP_DEFER_ACCEPT, 1, 1),
        (SOL, socket.SO_KEEPALIVE, 1, 1),
        (SOL, socket.SO_RCVBUF, 50_000, 100_000),  # twice, as Linux keeps books in the other half
        (SOL, socket.SO_SNDBUF, 50_000, 100_000),
        (SOL, socket.SO_RCVBUF, 1, 4608),
        (SOL, socket.SO_RCVBUF, 10**9, 425_984),
        (SOL, socket.SO_REUSEADDR, 1, 1),
        (socket.IPPROTO_IP, socket.IP_TOS, 16, 16),
    ],
)
async def test_an_option_is_told_as_linux_tells_it(web, db, on, level, option, value, told):
    await db.create_task(asyncio.start_server(echo, port=7))
    _, writer, sock = await connected(web, on)
    sock.setsockopt(level, option, value)
    assert sock.getsockopt(level, option) == told
    assert sock.getsockopt(level, option, 4) == struct.pack("i", told)
    writer.close()


async def test_what_nobody_has_set_has_linuxs_values(web, db, on):
    await db.create_task(asyncio.start_server(echo, port=7))
    _, writer, sock = await connected(web, on)
    names = ("TCP_NODELAY", "TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT", "TCP_MAXSEG", "TCP_SYNCNT")
    values = [sock.getsockopt(TCP, getattr(socket, name)) for name in names]
    assert values == [1, 7200, 75, 9, 8949, 6]  # asyncio sets TCP_NODELAY
    assert sock.getsockopt(TCP, socket.TCP_CONGESTION, 16).rstrip(b"\0") == b"cubic"
    assert sock.getsockopt(SOL, socket.SO_TYPE) == socket.SOCK_STREAM
    assert sock.getsockopt(SOL, socket.SO_ERROR) == 0
    writer.close()


@pytest.mark.parametrize(
    ("option", "value", "code"),
    [
        (socket.TCP_KEEPIDLE, 0, errno.EINVAL),
        (socket.TCP_KEEPCNT, 128, errno.EINVAL),
        (socket.TCP_USER_TIMEOUT, -1, errno.EINVAL),
        (socket.TCP_MAXSEG, 87, errno.EINVAL),
        (socket.TCP_CONGESTION, b"bbr", errno.ENOENT),
        (socket.TCP_CONGESTION, b"reno", errno.EPERM),
        (99, 1, errno.ENOPROTOOPT),
    ],
)
async def test_what_cannot_be_is_refused(web, db, on, option, value, code):
    await db.create_task(asyncio.start_server(echo, port=7))
    _, writer, sock = await connected(web, on)
    with pytest.raises(OSError) as refused:  # noqa: PT011 - its errno is checked
        sock.setsockopt(TCP, option, value)
    assert refused.value.errno == code
    if option == 99:
        with pytest.raises(OSError, match="not available"):
            sock.getsockopt(TCP, option)
    sock.setsockopt(TCP, socket.TCP_CONGESTION, b"cubic\0")
    writer.close()


async def test_nagles_algorithm_holds_small_writes_together(hub, web, db, on):
    await db.create_task(asyncio.start_server(echo, port=7))
    _, writer, sock = await connected(web, on)
    sock.setsockopt(TCP, socket.TCP_NODELAY, 0)
    before = len(hub.seen)
    for _ in range(5):
        writer.write(b"x")
    await asyncio.sleep(0.1)
    assert [len(packet.payload) for packet in hub.seen[before:] if packet.dport == 7 and packet.payload] == [1, 4]
    writer.close()


async def test_what_a_listener_sets_its_connections_have(hub, web, db, on):
    accepted = []

    async def note(_reader, writer):
        accepted.append(writer.get_extra_info("socket"))
        writer.close()

    server = await db.create_task(asyncio.start_server(note, port=7))
    listening = server.sockets[0]
    listening.setsockopt(TCP, socket.TCP_MAXSEG, 1000)
    listening.setsockopt(SOL, socket.SO_KEEPALIVE, 1)
    listening.setsockopt(SOL, socket.SO_SNDBUF, 10_000)
    assert listening.getsockopt(TCP, socket.TCP_MAXSEG) == 1000
    assert listening.getsockopt(TCP, socket.TCP_KEEPCNT) == 9
    with pytest.raises(OSError, match="not available"):
        listening.setsockopt(TCP, 99, 1)
    _, writer, _ = await connected(web, on)
    await asyncio.sleep(0.1)
    assert hub.seen[1].options[:4] == b"\x02\x04\x03\xe8"
    assert accepted[0].getsockopt(SOL, socket.SO_KEEPALIVE) == 1
    assert accepted[0].getsockopt(SOL, socket.SO_SNDBUF) == 20_000
    writer.close()


async def test_a_small_send_buffer_pauses_a_writer_earlier(hub, web, db, on):
    await db.create_task(asyncio.start_server(echo, port=7))
    _, writer, sock = await connected(web, on)
    writer.transport.set_write_buffer_limits(high=0)
    sock.setsockopt(SOL, socket.SO_SNDBUF, 5000)
    hub.lose = lambda _: True
    writer.write(bytes(6000))
    assert writer.transport.get_write_buffer_size() == 1000
    writer.transport.abort()


async def test_tcp_info_begins_like_the_kernels(web, db, on):
    await db.create_task(asyncio.start_server(echo, port=7))
    _, writer, sock = await connected(web, on)
    told = sock.getsockopt(TCP, socket.TCP_INFO, 104)
    state, _, retransmits, probes, backoff, options, scales, _ = told[:8]
    words = struct.unpack("=24I", told[8:])
    assert (state, retransmits, probes, backoff, options, scales) == (1, 0, 0, 0, 0b111, 0x77)
    assert (words[2], words[18], words[19]) == (8949, 10, 8961)  # snd_mss, snd_cwnd, advmss
    assert words[15] == 1000  # rtt in microseconds
    writer.close()


async def test_an_error_of_the_network_is_the_reason_for_a_timeout(hub, web, db, on):
    """RFC 5461: a soft error alone ends nothing."""
    await db.create_task(asyncio.start_server(echo, port=7))
    reader, writer, sock = await connected(web, on)
    sock.setsockopt(TCP, socket.TCP_USER_TIMEOUT, 5000)
    hub.lose = lambda packet: packet.dport == 7
    writer.write(b"lost")
    await asyncio.sleep(0.01)
    lost = hub.seen[-1]
    web.receive(web.attachments[0], icmp(0x0A000001, web.address, 3, 1, data=lost.to_bytes()), web.loop.now)
    assert not writer.is_closing()
    with pytest.raises(OSError) as ended:  # noqa: PT011 - its errno is checked
        await reader.read(1)
    assert ended.value.errno == errno.EHOSTUNREACH
    writer.transport.abort()


async def test_a_timeout_is_a_timeout_error(hub, web, db, on):
    await db.create_task(asyncio.start_server(echo, port=7))
    reader, writer, sock = await connected(web, on)
    sock.setsockopt(TCP, socket.TCP_USER_TIMEOUT, 5000)
    hub.lose = lambda packet: packet.dport == 7
    writer.write(b"lost")
    with pytest.raises(TimeoutError) as ended:
        await reader.read(1)
    assert ended.value.errno == errno.ETIMEDOUT
    writer.transport.abort()


@pytest.mark.parametrize(("system", "code", "ends"), [("linux", 0, True), ("freebsd", 0, False), ("freebsd", 3, True)])
async def test_systems_differ_in_which_icmp_errors_end_an_open(hub, on, system, code, ends):
    host = hub.host("other", "10.0.1.77", profile=PROFILES[system])
    hub.lose = lambda _: True

    async def opened():
        return await asyncio.open_connection("10.0.2.7", 7)

    opening = asyncio.create_task(on(host, opened()))
    await asyncio.sleep(0.001)
    syn = hub.seen[-1]
    host.receive(host.attachments[0], icmp(0x0A000001, host.address, 3, code, data=syn.to_bytes()), host.loop.now)
    await asyncio.sleep(0.001)
    assert opening.done() is ends
    if ends:
        with pytest.raises(OSError):  # noqa: PT011 - which one is the table's affair
            await opening
    else:
        with pytest.raises(OSError) as late:  # noqa: PT011 - its errno is checked
            await opening
        assert late.value.errno == errno.ENETUNREACH


async def test_an_icmp_error_that_quotes_a_number_never_sent_is_a_forgery(hub, web, db, on):
    hub.lose = lambda _: True

    async def opened():
        return await asyncio.open_connection("10.0.2.7", 7)

    opening = asyncio.create_task(on(web, opened()))
    await asyncio.sleep(0.001)
    forged = hub.seen[-1].copy()
    forged.seq = forged.seq + 1 & 0xFFFFFFFF
    web.receive(web.attachments[0], icmp(0x0A000001, web.address, 3, 3, data=forged.to_bytes()), web.loop.now)
    await asyncio.sleep(0.001)
    assert not opening.done()
    opening.cancel()
