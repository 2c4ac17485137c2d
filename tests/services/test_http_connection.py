from __future__ import annotations

import asyncio

import h11
import pytest

from emulator.model.epoch import EPOCH_NS
from emulator.services.http import LINGER, MAX_HEAD, date, now_of
from emulator.services.messages import BLOCK_SIZE, HIGH_WATER, BodyTooLarge, Response
from tests.services.harness import CLIENT, Client, settle

pytestmark = pytest.mark.asyncio


class Program:
    """Answers with ``response`` after reading the body in one of the ways."""

    def __init__(self, response=None, taking="read"):
        self.response, self.taking = response, taking
        self.requests, self.bodies = [], []

    async def respond(self, request, body):
        self.requests.append(request)
        if self.taking == "read":
            self.bodies.append(await body.read(1 << 30))
        elif self.taking == "iterate":
            self.bodies.append(b"".join([chunk async for chunk in body]))
        elif self.taking == "discard":
            self.bodies.append(await body.discard())
        if isinstance(self.response, Exception):
            raise self.response
        return self.response or Response(200, (("X-Path", request.path),), b"hello")


async def test_one_connection_serves_one_request_after_the_other():
    program = Program()
    client = Client(program)
    for path in ("/a", "/b"):
        reply = await client.request("GET", path)
        assert (reply.status, reply.headers["x-path"], reply.content) == (200, path, b"hello")
        assert reply.headers["content-length"] == "5"
    assert not client.transport.closed
    assert program.requests[0].provenance == CLIENT


async def test_the_date_counts_from_the_virtual_epoch():
    assert date(0) == "Thu, 01 Jan 2026 00:00:00 GMT"
    assert date(86_400_000_000_000 + 999_999_999) == "Fri, 02 Jan 2026 00:00:00 GMT"
    reply = await Client(Program()).request("GET", "/")
    now = now_of(asyncio.get_running_loop())
    assert reply.headers["date"] in (date(now), date(now - 1_000_000_000))
    assert EPOCH_NS == 1_767_225_600_000_000_000


@pytest.mark.parametrize("taking", ["read", "iterate", "discard", "ignore"])
@pytest.mark.parametrize("chunked", [False, True])
async def test_bodies_arrive_whole_however_they_are_framed_and_taken(taking, chunked):
    program = Program(taking=taking)
    client = Client(program)
    framing = ("Transfer-Encoding", "chunked") if chunked else ("Content-Length", "15")
    for _ in range(2):
        client.begin("PUT", "/", framing)
        for part in (b"first", b"secon", b"third"):
            client.send(h11.Data(data=part))
            await settle()
        client.send(h11.EndOfMessage())
        reply = await client.reply()
        assert reply.content == b"hello"
        await settle()
        client.h11.start_next_cycle()
    expected = {"read": b"firstseconthird", "iterate": b"firstseconthird", "discard": 15}.get(taking)
    assert program.bodies == ([expected] * 2 if expected else [])


async def test_a_short_answer_is_one_write():
    client = Client(Program())
    await client.request("GET", "/")
    assert len(client.transport.writes) == 1


async def test_a_long_answer_is_written_in_the_very_blocks_of_the_application():
    block = bytes(BLOCK_SIZE)
    client = Client(Program(Response(200, (), [block] * 5, 5 * BLOCK_SIZE)))
    reply = await client.request("GET", "/")
    assert reply.content == block * 5
    assert all(write is block for write in client.transport.writes[1:])
    assert reply.headers["content-length"] == str(5 * BLOCK_SIZE)


async def test_an_answer_of_unknown_length_is_chunked():
    client = Client(Program(Response(200, (), iter([b"a", b"bc"]))))
    reply = await client.request("GET", "/")
    assert (reply.content, reply.headers["transfer-encoding"]) == (b"abc", "chunked")
    assert (await client.request("GET", "/")).status == 200


async def test_a_client_that_does_not_read_stops_the_blocks():
    taken = []

    def blocks():
        for number in range(4):
            taken.append(number)
            yield b"x"

    client = Client(Program(Response(200, (), blocks(), 4)))
    client.transport.stop = True
    client.begin("GET", "/")
    client.send(h11.EndOfMessage())
    await settle()
    assert taken == [0]
    client.connection.resume_writing()
    await settle()
    assert taken == [0, 1]
    client.transport.stop = False
    client.connection.resume_writing()
    assert (await client.reply()).content == b"xxxx"


async def test_a_program_that_does_not_read_stops_the_client():
    started = asyncio.Event()

    class Slow:
        async def respond(self, _request, body):
            await started.wait()
            return Response(200, (), str(len(b"".join([chunk async for chunk in body]))).encode())

    client = Client(Slow())
    client.begin("PUT", "/", ("Content-Length", str(HIGH_WATER + 1)))
    client.send(h11.Data(data=bytes(HIGH_WATER - 1)))
    assert client.transport.reading
    client.send(h11.Data(data=bytes(1)))
    assert not client.transport.reading
    started.set()
    await settle()
    assert client.transport.reading
    client.send(h11.Data(data=bytes(1)), h11.EndOfMessage())
    assert (await client.reply()).content == str(HIGH_WATER + 1).encode()


async def test_head_announces_what_get_would_send_and_sends_nothing():
    client = Client(Program(Response(200, (), [b"x"] * 7, 7)))
    reply = await client.request("HEAD", "/")
    assert (reply.headers["content-length"], reply.content) == ("7", b"")
    assert (await client.request("GET", "/")).content == b"x" * 7


async def test_no_content_has_no_length():
    client = Client(Program(Response(204)))
    assert "content-length" not in (await client.request("DELETE", "/")).headers
    assert (await client.request("DELETE", "/")).status == 204


async def test_expect_is_answered_when_the_program_asks_for_the_body():  # RFC 9110 section 10.1.1
    client = Client(Program())
    client.begin("PUT", "/", ("Content-Length", "3"), ("Expect", "100-continue"))
    await settle()
    assert client.transport.writes == [b"HTTP/1.1 100 Continue\r\n\r\n"]
    client.send(h11.Data(data=b"abc"), h11.EndOfMessage())
    reply = await client.reply()
    assert (reply.informational, reply.status) == ([100], 200)


async def test_a_body_refused_unseen_is_not_waited_for():
    client = Client(Program(Response(403), taking="ignore"))
    client.begin("PUT", "/", ("Content-Length", "3"), ("Expect", "100-continue"))
    reply = await client.reply()
    assert (reply.informational, reply.status, reply.headers["connection"]) == ([], 403, "close")
    await settle()
    assert client.transport.ended  # our half; the client may still read, and be sending
    assert not client.transport.closed
    client.raw(b"abc")
    client.connection.eof_received()
    assert client.transport.closed


async def test_a_body_nobody_wants_is_read_before_the_next_request():
    client = Client(Program(Response(403), taking="ignore"))
    client.begin("PUT", "/", ("Content-Length", "6"))
    client.send(h11.Data(data=b"abc"))
    assert (await client.reply()).status == 403
    await settle()
    assert not client.transport.ended
    client.send(h11.Data(data=b"def"), h11.EndOfMessage())
    await settle()
    client.h11.start_next_cycle()
    assert (await client.request("GET", "/")).status == 403


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", 400),  # no Host
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * MAX_HEAD + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 2 * MAX_HEAD, 431),
        (b"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        (b"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
    ],
)
async def test_what_is_not_http_is_refused_and_the_connection_ends(sent, status):
    client = Client(Program())
    client.raw(sent)
    await settle()
    answer = b"".join(client.transport.writes)
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert b"Connection: close" in answer
    assert client.transport.ended or client.transport.closed
    client.connection.eof_received()
    assert client.transport.closed


async def test_the_body_of_a_refused_head_is_ignored():
    client = Client(Program())
    client.raw(b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\nX: " + b"y" * MAX_HEAD + b"\r\n\r\nabc")
    client.raw(b"def")
    await settle()
    client.raw(b"ghi")
    assert b"".join(client.transport.writes).startswith(b"HTTP/1.1 431 ")
    assert client.transport.ended


async def test_a_body_longer_than_the_program_reads_is_known_at_once():
    class Frugal:
        async def respond(self, _request, body):
            with pytest.raises(BodyTooLarge):
                await body.read(3)
            return Response(413)

    client = Client(Frugal())
    client.begin("PUT", "/", ("Content-Length", "6"))
    for byte in (b"a", b"b", b"c", b"d"):
        await settle()
        assert client.transport.writes == []
        client.send(h11.Data(data=byte))
    assert (await client.reply()).status == 413
    client.send(h11.Data(data=b"ef"), h11.EndOfMessage())
    await settle()
    client.h11.start_next_cycle()
    assert (await client.request("PUT", "/", content=b"abcd")).status == 413


async def test_a_connection_nobody_ends_goes_after_five_seconds():
    client = Client(Program())
    client.raw(b"nonsense\r\n\r\n")
    await settle()
    await asyncio.sleep(LINGER - 0.1)
    assert not client.transport.closed
    await asyncio.sleep(0.2)
    assert client.transport.closed


async def test_a_client_that_ends_in_the_middle_is_told_so():
    client = Client(Program())
    client.begin("PUT", "/", ("Content-Length", "6"))
    client.send(h11.Data(data=b"abc"))
    await settle()
    client.connection.eof_received()
    await settle()
    assert client.transport.writes[0].startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert client.transport.closed


async def test_a_client_that_ends_after_its_request_is_still_answered():
    client = Client(Program())
    client.raw(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    client.connection.eof_received()
    await settle()
    assert b"hello" in client.transport.writes[0]
    assert client.transport.closed


async def test_requests_sent_at_once_are_answered_in_turn():
    program = Program()
    client = Client(program)
    client.raw(b"GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\nGET /3 HTTP/1.1\r\n")
    assert not client.transport.reading
    await settle()
    assert [request.path for request in program.requests] == ["/1", "/2"]
    assert client.transport.reading
    assert len(client.transport.writes) == 2


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
async def test_the_connection_closes_when_the_client_asks(version):
    client = Client(Program())
    client.raw(b"GET / HTTP/%b\r\nHost: a\r\nConnection: close\r\n\r\n" % version)
    await settle()
    assert client.transport.writes[0].endswith(b"hello")
    assert client.transport.closed


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("/a%20b?x=1&y", ("example.test", "/a%20b", "x=1&y")),
        ("http://Other.test:8080/key?x", ("other.test", "/key", "x")),  # RFC 9112 section 3.2.2
        ("http://other.test", ("other.test", "/", "")),
        ("/redirect?to=http://other.test/", ("example.test", "/redirect", "to=http://other.test/")),
        ("/a://b", ("example.test", "/a://b", "")),
    ],
)
async def test_what_a_target_says(target, expected):
    program = Program()
    await Client(program).request("GET", target)
    request = program.requests[0]
    assert (request.host, request.path, request.query) == expected


async def test_a_failing_program_is_reported_and_its_client_told():
    reports = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: reports.append(context))
    fault = KeyError("x")
    reply = await Client(Program(fault)).request("GET", "/")
    assert (reply.status, reply.headers["connection"]) == (500, "close")
    assert [report["exception"] for report in reports] == [fault]


async def test_blocks_that_fail_end_the_connection():
    def blocks():
        yield b"x"
        raise KeyError("no more")

    reports = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reports.append(context["message"]))
    client = Client(Program(Response(200, (), blocks(), 2)))
    client.begin("GET", "/")
    client.send(h11.EndOfMessage())
    await settle()
    assert client.transport.closed
    assert reports == ["the response to GET failed"]


@pytest.mark.parametrize("taking", ["read", "iterate", "discard"])
async def test_a_client_that_goes_away_frees_the_program(taking):
    client = Client(Program(taking=taking))
    client.begin("PUT", "/", ("Content-Length", "6"))
    client.send(h11.Data(data=b"abc"))
    await settle()
    client.transport.close()
    await settle()
    assert client.transport.writes == []


async def test_an_answer_to_a_client_that_has_gone_is_dropped():
    client = Client(Program(taking="ignore"))
    client.begin("GET", "/")
    client.send(h11.EndOfMessage())
    client.transport.close()
    await settle()
    assert client.transport.writes == []


async def test_an_idle_connection_ends_with_its_client():
    client = Client(Program())
    await client.request("GET", "/")
    client.connection.eof_received()
    assert client.transport.closed


async def test_a_client_that_goes_away_frees_the_writer():
    client = Client(Program(Response(200, (), [b"x"] * 9, 9)))
    client.transport.stop = True
    client.begin("GET", "/")
    client.send(h11.EndOfMessage())
    await settle()
    client.transport.close()
    await settle()
    assert len(client.transport.writes) == 1


async def test_nobody_waits_on_an_idle_connection():
    before = asyncio.all_tasks()
    client = Client(Program())
    await client.request("GET", "/")
    await settle()
    assert asyncio.all_tasks() == before
