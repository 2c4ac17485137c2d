"""HTTP/1.1 over asyncio: connections on one side, an application on the other.

h11 reads and writes the protocol; this module moves bytes between it and an
asyncio transport, keeps the pace of both sides, and runs one task per request,
so that an idle connection waits without one.  It knows nothing of services,
policies or packets.

It is an `asyncio.Protocol`, not a pair of streams: a stream copies each chunk
and wakes a task for it, which costs more than h11 does.

RFC 9112, HTTP/1.1; RFC 9110 section 10.1.1 for Expect; section 6.6.1 for Date.
"""

from __future__ import annotations

import asyncio
from email.utils import formatdate
from http.client import responses
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import urlsplit

import h11

from emulator.model.epoch import EPOCH_NS
from emulator.services.messages import BLOCK_SIZE, Application, Body, Provenance, Request, Response

if TYPE_CHECKING:
    import ssl
    from collections.abc import Awaitable, Callable, Sequence

MAX_HEAD: Final = 16_384
"""Bytes of a request line and headers together; more is answered with 431."""

LINGER: Final = 5.0
"""Seconds in which a client may still read our last answer before the connection goes (nginx's lingering_timeout)."""


BODILESS: Final = (204, 304)
"""Statuses whose responses have no content, whatever the application says."""

GONE: Final = "the client has closed the connection"


class HttpConnection(asyncio.Protocol):
    """One client's connection, kept alive for one request after the other."""

    def __init__(self, application: Application) -> None:
        """Every request of the connection goes to ``application``."""
        self._application = application
        self._loop = asyncio.get_running_loop()
        self._h11 = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD)
        self._transport: asyncio.Transport = cast("asyncio.Transport", None)  # set before anything else happens
        self._body: Body | None = None
        self._task: asyncio.Task[None] | None = None
        self._lingering: asyncio.TimerHandle | None = None
        self._ended = False  # the client has sent all it will
        self._lost = False
        self._waiting_turn = False  # reading stopped until the present request is answered
        self._refused_unseen = False  # a final answer went out before the body was asked for
        self._full = False  # the transport has asked us to stop writing
        self._drained: asyncio.Future[None] | None = None

    # ---- what the transport calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember who is there."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Give what came to h11, and what that makes of it to whom it concerns."""
        if self._lingering is None:
            self._h11.receive_data(data)
            self._advance()

    def eof_received(self) -> bool:
        """Keep our half open: a client may send its request, close its half, and read the answer."""
        self._ended = True
        if self._lingering is None:
            self._h11.receive_data(b"")
            self._advance()
        else:
            self._transport.close()
        return self._transport.get_extra_info("ssl_object") is None  # TLS has no half-close

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the application, if it still reads or writes."""
        self._lost = True
        if self._lingering is not None:
            self._lingering.cancel()
        if self._body is not None:
            self._body.end(exc or ConnectionResetError(GONE))
        self.resume_writing()

    def pause_writing(self) -> None:
        """Stop before the next block."""
        self._full = True

    def resume_writing(self) -> None:
        """Go on with the next block."""
        self._full = False
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)

    # ---- requests

    def _advance(self) -> None:
        """Take every event h11 can make of what has come."""
        try:
            while True:
                event = self._h11.next_event()
                if isinstance(event, h11.Data):
                    if self._body is not None:  # None: of a request whose head was refused
                        self._body.feed(event.data)
                elif event is h11.NEED_DATA:
                    return
                elif event is h11.PAUSED:  # the next request is here already; its turn comes after this one
                    self._waiting_turn = True
                    self._transport.pause_reading()
                    return
                elif isinstance(event, h11.Request):
                    self._begin(event)
                elif isinstance(event, h11.EndOfMessage):
                    if self._body is not None:
                        self._body.end()
                else:  # ConnectionClosed
                    if self._task is None:
                        self._transport.close()
                    return
        except h11.RemoteProtocolError as error:
            if self._task is None:
                self._task = self._loop.create_task(self._deliver(_failure(error), "GET", None))
            elif self._body is not None:
                self._body.end(error)  # the task that waits for the body answers

    def _begin(self, event: h11.Request) -> None:
        if len(event.target) + sum(len(name) + len(value) for name, value in event.headers) > MAX_HEAD:
            # h11 minds its limit only while a head is incomplete; how it was cut into segments must not matter.
            raise h11.RemoteProtocolError("request head too large", error_status_hint=431)
        self._body = Body(self._continue, self._transport.pause_reading, self._transport.resume_reading)
        request = request_of(event, self._provenance(), now_of(self._loop))
        self._task = self._loop.create_task(self._answer(request, self._body))

    def _provenance(self) -> Provenance:
        info = self._transport.get_extra_info
        peer = info("peername") or ("", 0)
        secure = info("ssl_object") is not None
        return Provenance(str(peer[0]), int(peer[1]), info("vpc_endpoint_id"), info("vpc_id"), secure)

    def _continue(self) -> None:
        """The application asks for the body: a client that waits for leave to send it gets it now."""
        if self._h11.they_are_waiting_for_100_continue and not self._lost:
            self._write(h11.InformationalResponse(status_code=100, headers=[], reason=b"Continue"))

    async def _answer(self, request: Request, body: Body) -> None:
        try:
            response = await self._application.respond(request, body)
        except h11.RemoteProtocolError as error:
            response = _failure(error)
        except ConnectionError:  # it read the body, and the client has gone
            self._transport.abort()
            return
        except Exception as error:  # noqa: BLE001 - whatever an application does wrong, its client gets an answer
            self._report(f"{request.method} {request.path}", error)
            response = _text(500, responses[500])
        await self._deliver(response, request.method, body)

    def _report(self, what: str, error: Exception) -> None:
        self._loop.call_exception_handler({"message": f"{what} failed", "exception": error, "protocol": self})

    # ---- responses

    async def _deliver(self, response: Response, method: str, body: Body | None) -> None:
        """Send a response, then take the next request or close."""
        try:
            await self._send(response, method)
            if body is not None and not self._refused_unseen:
                # What the application did not want is read all the same: closing with data unread would reset the
                # connection, and the client might lose the answer (RFC 9112 section 9.6).
                await body.discard()
        except h11.RemoteProtocolError:
            pass  # in the part of the body that nobody wanted; h11 remembers, and the connection ends
        except ConnectionError:
            self._transport.abort()
        except Exception as error:  # noqa: BLE001 - an iterator of blocks failed with half of them sent
            self._report(f"the response to {method}", error)
            self._transport.abort()
        self._finish()

    async def _send(self, response: Response, method: str) -> None:
        """Write a response, at the pace of the connection."""
        if self._lost:
            raise ConnectionResetError(GONE)
        head = self._h11.send(
            h11.Response(
                status_code=response.status,
                headers=self._headers(response),
                reason=responses.get(response.status, "").encode(),
            )
        )
        assert head is not None
        content = response.content
        if method == "HEAD" or response.status in BODILESS:
            self._transport.write(head)
        elif isinstance(content, bytes) and len(content) <= BLOCK_SIZE:
            # One write, so that a short answer is one segment, as other servers' is.
            self._transport.write(head + (self._h11.send(h11.Data(data=content)) or b""))
        else:
            self._transport.write(head)
            for block in (content,) if isinstance(content, bytes) else content:
                await self._drain()
                self._write(h11.Data(data=block))
        self._write(h11.EndOfMessage())
        await self._drain()

    def _headers(self, response: Response) -> list[tuple[str, str]]:
        headers = [("Date", date(now_of(self._loop))), *response.headers]
        length = response.content_length
        if length is not None and response.status not in BODILESS:
            headers.append(("Content-Length", str(length)))
        if self._h11.they_are_waiting_for_100_continue:
            # Answered without its body, which the client may or may not send now (RFC 9110 section 10.1.1).
            self._refused_unseen = True
            headers.append(("Connection", "close"))
        return headers

    def _write(self, event: h11.Event) -> None:
        data = self._h11.send(event)  # the very block, if it is one: checksums of repeated blocks are remembered
        if data:
            self._transport.write(data)

    async def _drain(self) -> None:
        if self._full and not self._lost:
            self._drained = self._loop.create_future()
            await self._drained
        if self._lost:
            raise ConnectionResetError(GONE)

    def _finish(self) -> None:
        """The answer is out: take the next request, or close."""
        self._task = self._body = None
        if self._lost or self._transport.is_closing():
            return
        theirs = self._h11.their_state
        if self._h11.our_state is h11.DONE and theirs is h11.DONE:
            self._h11.start_next_cycle()
            if self._waiting_turn:
                self._waiting_turn = False
                self._transport.resume_reading()
            self._advance()
        elif self._ended or theirs in (h11.DONE, h11.MUST_CLOSE, h11.CLOSED) or not self._transport.can_write_eof():
            self._transport.close()
        else:  # the client may be sending still: end our half, and let it read before the connection goes
            self._lingering = self._loop.call_later(LINGER, self._transport.close)
            self._transport.write_eof()


def request_of(event: h11.Request, provenance: Provenance, now: int) -> Request:
    """Return the record of h11's request; an absolute target names the host itself (RFC 9112 section 3.2.2)."""
    headers = tuple((name.decode("ascii"), value.decode("latin-1")) for name, value in event.headers)
    target = event.target.decode("latin-1")
    authority = next((value for name, value in headers if name == "host"), "")
    if "://" in target.partition("?")[0] and not target.startswith("/"):
        absolute = urlsplit(target)
        authority, target = absolute.netloc, absolute.path or "/"
        query = absolute.query
    else:
        target, _, query = target.partition("?")
    host = authority.rpartition("@")[2].partition(":")[0].lower()
    return Request(event.method.decode("ascii"), host, target, query, headers, provenance, now)


def now_of(loop: asyncio.AbstractEventLoop) -> int:
    """Return the loop's time in nanoseconds since the start of the run."""
    return round(loop.time() * 1e9)


def date(now: int) -> str:
    """Return the ``Date`` of an instant of the run, counted from the virtual epoch (design D3)."""
    return formatdate((EPOCH_NS + now) // 1_000_000_000, usegmt=True)


def _failure(error: h11.RemoteProtocolError) -> Response:
    """Say what about the client's HTTP was wrong."""
    return _text(error.error_status_hint, str(error))


def _text(status: int, sentence: str) -> Response:
    return Response(status, (("Content-Type", "text/plain"), ("Connection", "close")), sentence.encode() + b"\n")


async def serve_http(
    application: Application, host: str | Sequence[str] | None, port: int, tls: ssl.SSLContext | None = None
) -> asyncio.Server:
    """Listen for ``application``; the server is the running loop's, and accepts until it is closed."""
    loop = asyncio.get_running_loop()
    start: Callable[..., Awaitable[Any]] = loop.create_server
    server = await start(lambda: HttpConnection(application), host, port, ssl=tls)
    return cast("asyncio.Server", server)
