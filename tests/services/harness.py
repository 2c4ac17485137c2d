"""A client and a transport in memory: HTTP by bytes, on any loop, without sockets."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import h11

from emulator.services.http import HttpConnection
from emulator.services.messages import Body, Provenance, Request

FULL_ACCESS = '{"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}]}'
CLIENT = Provenance("10.0.1.10", 40000, "vpce-1", "vpc-1")


def ask(method="GET", path="/", *headers, host="example.test", query="", provenance=CLIENT, received_at=0):
    return Request(method, host, path, query, headers, provenance, received_at)


def run(application, request, content=b""):
    """Let an application answer one request, and collect what it would send."""
    response = asyncio.run(application.respond(request, Body.of(content)))
    sent = response.content if isinstance(response.content, bytes) else b"".join(response.content)
    return response.status, {name.lower(): value for name, value in response.headers}, sent


class MemoryTransport(asyncio.Transport):
    """What is written is kept; ``stop`` makes the next write fill it."""

    def __init__(self, **info):
        super().__init__(
            {"peername": ("10.0.1.10", 40000), "vpc_endpoint_id": "vpce-1", "vpc_id": "vpc-1"} | info,
        )
        self.protocol = None
        self.writes = []
        self.reading = True
        self.ended = self.closed = self.stop = False

    def write(self, data):
        assert not self.ended
        self.writes.append(data)
        if self.stop:
            self.protocol.pause_writing()

    def can_write_eof(self):
        return True

    def write_eof(self):
        self.ended = True

    def pause_reading(self):
        self.reading = False

    def resume_reading(self):
        self.reading = True

    def is_closing(self):
        return self.closed

    def close(self):
        if not self.closed:
            self.closed = True
            self.protocol.connection_lost(None)

    def abort(self):
        self.close()


@dataclass
class Reply:
    status: int
    headers: dict
    content: bytes
    informational: list = field(default_factory=list)


class Client:
    """An h11 client, plugged into one connection of an application."""

    def __init__(self, application, **info):
        self.transport = MemoryTransport(**info)
        self.connection = HttpConnection(application)
        self.transport.protocol = self.connection
        self.connection.connection_made(self.transport)
        self.h11 = h11.Connection(h11.CLIENT)
        self.seen = 0

    def send(self, *events):
        for event in events:
            data = self.h11.send(event)
            if data:
                self.connection.data_received(data)

    def begin(self, method, target, *headers):
        self.send(h11.Request(method=method, target=target, headers=[("Host", "example.test"), *headers]))

    def raw(self, data):
        self.connection.data_received(data)

    async def reply(self):
        """Wait for the whole of the next response."""
        status, headers, content, informational = 0, {}, [], []
        for _ in range(1000):
            event = self.h11.next_event()
            if event is h11.NEED_DATA:
                if not self.take():
                    await asyncio.sleep(0)
            elif isinstance(event, h11.InformationalResponse):
                informational.append(event.status_code)
            elif isinstance(event, h11.Response):
                status = event.status_code
                headers = {name.decode(): value.decode() for name, value in event.headers}
            elif isinstance(event, h11.Data):
                content.append(bytes(event.data))
            elif isinstance(event, h11.EndOfMessage):
                return Reply(status, headers, b"".join(content), informational)
            else:
                raise AssertionError(event)
        raise AssertionError("no answer")

    def take(self):
        new = self.transport.writes[self.seen :]
        self.seen += len(new)
        for data in new:
            self.h11.receive_data(data)
        if not new and (self.transport.ended or self.transport.closed):
            self.h11.receive_data(b"")
            return True
        return bool(new)

    async def request(self, method, target, *headers, content=b""):
        if content:
            headers = (*headers, ("Content-Length", str(len(content))))
        self.begin(method, target, *headers)
        self.send(*([h11.Data(data=content)] if content else []), h11.EndOfMessage())
        reply = await self.reply()
        await settle()
        if self.h11.our_state is h11.DONE and self.h11.their_state is h11.DONE:
            self.h11.start_next_cycle()
        return reply


async def settle():
    """Let everything run that can."""
    for _ in range(10):
        await asyncio.sleep(0)
