from __future__ import annotations

import asyncio
import errno

import pytest

from emulator.asyncio_net import icmp as icmp_room
from emulator.asyncio_net.addresses import dotted, parse_ipv4, port_number
from emulator.wire.codec import parse
from emulator.wire.packet import ACK, DF, RST, SYN, Packet, icmp, tcp, udp

pytestmark = pytest.mark.asyncio

WEB, DB = 0x0A000105, 0x0A000207


def deliver(hub, packet):
    """Let a packet made by hand arrive at its destination, and return what comes back."""
    plug = hub.plugs["vpc-1", packet.dst]
    before = len(hub.seen)
    plug.host.receive(plug, packet, hub.agenda.now)
    return hub.seen[before:]


async def test_a_segment_to_a_closed_port_is_reset(hub, web, db):
    (answer,) = deliver(hub, tcp(WEB, DB, 5000, 80, SYN, seq=9))
    assert (answer.flags, answer.ack, answer.src, answer.sport) == (RST | ACK, 10, DB, 80)
    assert deliver(hub, tcp(WEB, DB, 5000, 80, RST)) == []


async def test_a_datagram_to_a_closed_port_is_answered_with_port_unreachable(hub, web, db):
    asked = udp(WEB, DB, 5000, 53, b"x" * 1000)
    (answer,) = deliver(hub, asked)
    assert (answer.proto, answer.dport, answer.src, answer.dst) == (1, 0x0303, DB, WEB)
    assert answer.payload[8:] == asked.to_bytes()[:548]
    assert answer.length == 576
    assert parse(answer.to_bytes()).payload == answer.payload
    quote = icmp_room.read_error(answer)
    assert quote is not None
    assert (quote.errno, quote.sport, quote.dport) == (errno.ECONNREFUSED, 5000, 53)


async def test_a_ping_is_answered(hub, web, db):
    (answer,) = deliver(hub, icmp(WEB, DB, 8, 0, 77, 5, b"ping"))
    assert answer.payload == icmp(DB, WEB, 0, 0, 77, 5, b"ping").payload
    assert deliver(hub, icmp(WEB, DB, 0, 0, 77, 5, b"ping")) == []


async def test_an_unknown_protocol_is_answered_with_protocol_unreachable(hub, web, db):
    (answer,) = deliver(hub, Packet(WEB, DB, 47, 0, 0, b"gre?", 24))
    assert answer.dport == 0x0302


async def test_what_the_stack_does_not_take_is_counted(hub, web, db):
    fragment = udp(WEB, DB, 0, 0, b"x")
    fragment.fragment = 0x2000
    six = Packet(WEB, DB, 6, 0, 0, b"", 40)
    six.version = 6
    foreign = udp(WEB, DB + 1, 1, 1)
    plug = hub.plugs["vpc-1", DB]
    for packet in (fragment, six, foreign):
        db.receive(plug, packet, 0)
    assert db.discarded == 3
    assert not hub.seen


async def test_an_icmp_error_ends_a_connection_attempt_but_not_a_connection(hub, web, db, on):
    loop = asyncio.get_running_loop()

    def send_back(kind_and_code):
        plug = hub.plugs["vpc-1", WEB]
        quoted = next(packet for packet in hub.seen if packet.src == WEB).to_bytes()[:28]
        web.receive(plug, icmp(DB, WEB, *kind_and_code, data=quoted), hub.agenda.now)

    hub.lose = lambda _: True
    loop.call_later(0.5, send_back, (3, 1))
    with pytest.raises(OSError, match="Connect call failed") as caught:
        await on(web, asyncio.open_connection("10.0.2.7", 80))
    assert caught.value.errno == errno.EHOSTUNREACH
    assert loop.time() == 0.5

    hub.seen.clear()
    hub.lose = lambda _: False
    server = await db.create_task(asyncio.start_server(lambda _, writer: writer.close(), port=80))
    reader, writer = await on(web, asyncio.open_connection("10.0.2.7", 80))
    send_back((3, 1))
    assert await reader.read() == b""
    writer.close()
    server.close()


async def test_the_mss_follows_from_the_mtu_and_no_packet_is_larger(hub, on):
    small = hub.host("small", "10.0.3.1", mtu=1500)
    jumbo = hub.host("jumbo", "10.0.3.2")

    async def swallow(reader, writer):
        await reader.read()
        writer.close()

    await jumbo.create_task(asyncio.start_server(swallow, port=7))

    async def client():
        reader, writer = await asyncio.open_connection("10.0.3.2", 7)
        writer.write(bytes(100_000))
        writer.write_eof()
        await reader.read()
        writer.close()

    await on(small, client())
    assert max(packet.length for packet in hub.seen) == 1500
    assert all(packet.fragment == DF for packet in hub.seen)


async def test_a_syn_may_reopen_a_connection_in_time_wait(hub, web, db, on):
    async def once(reader, writer):
        writer.write(b"bye")
        writer.close()

    await db.create_task(asyncio.start_server(once, port=7))

    async def client():
        reader, writer = await asyncio.open_connection("10.0.2.7", 7, local_addr=("10.0.1.5", 5000))
        answer = await reader.read()
        writer.close()
        return answer

    assert await on(web, client()) == b"bye"
    await asyncio.sleep(5)
    assert [str(socket.socket.connection.state) for socket in db.tcp.sockets.values()] == ["TIME-WAIT"]
    assert await on(web, client()) == b"bye"


async def test_ephemeral_ports_are_linuxs_and_repeat_with_the_seed(hub):
    def ports(host):
        return [host.udp.open(None, None).local[1] for _ in range(5)]

    first = ports(hub.host("same", "10.0.3.1"))
    assert all(32768 <= port <= 60999 for port in first)
    assert first == ports(hub.host("same", "10.0.3.2"))
    assert first != ports(hub.host("other", "10.0.3.3"))


async def test_a_host_without_attachments_has_no_network(hub, on):
    alone = hub.host("alone", "10.0.3.1")
    alone.attachments.clear()
    with pytest.raises(OSError, match="Connect call failed") as caught:
        await on(alone, asyncio.open_connection("10.0.2.7", 80))
    assert caught.value.errno == errno.ENETUNREACH


@pytest.mark.parametrize(("text", "number"), [("10.0.1.5", WEB), ("10.0.1", None), ("::1", None), ("web", None)])
async def test_addresses_are_read_as_inet_pton_reads_them(text, number):
    assert parse_ipv4(text) == number
    if number is not None:
        assert dotted(number) == text


async def test_ports_are_numbers_digits_or_well_known_names():
    assert [port_number(port) for port in (None, "", 80, "80", b"80", "https")] == [0, 0, 80, 80, 80, 443]
    with pytest.raises(OverflowError):
        port_number(65536)
