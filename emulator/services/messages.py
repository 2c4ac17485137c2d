"""Requests, their bodies and responses: what an HTTP application sees and returns.

An application is a function from a request and its body to a response.  It
holds no connection and writes to none, so it runs in a test without a network;
`emulator.services.http` carries it over one.

RFC 9110, HTTP Semantics.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

BLOCK_SIZE: Final = 65_536
"""Bytes of one block of a long response: large enough that its cost per packet is small."""

HIGH_WATER: Final = 262_144
"""Bytes of a request that may wait for the application before the connection stops reading."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a connection came from (design D7).

    ``source_address`` is the client's private address (VPCE-IF-16, VPCE-GW-15).  ``vpc_endpoint_id`` and
    ``vpc_id`` are None for a connection that came through no endpoint. ``secure`` says whether it is TLS.
    """

    source_address: str
    source_port: int
    vpc_endpoint_id: str | None = None
    vpc_id: str | None = None
    secure: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    """The head of a request.

    Attributes:
        method: In capitals, as sent.
        host: From the target if that is absolute, else the Host header; lower case, without port.
        path: As sent, still percent-encoded; begins with ``/`` (or is ``*``).
        query: Without its ``?``.
        headers: Names in lower case, in order.
        provenance: Where the connection came from.
        received_at: Nanoseconds since the start of the run.
    """

    method: str
    host: str
    path: str
    query: str
    headers: tuple[tuple[str, str], ...]
    provenance: Provenance
    received_at: int = 0

    def header(self, name: str) -> str | None:
        """Return the first header called ``name`` (lower case), or None."""
        return next((value for known, value in self.headers if known == name), None)


@dataclass(frozen=True, slots=True)
class Response:
    """What an application answers.

    ``content`` is written as it stands, or block by block as the connection takes them.  ``length`` announces the
    length of such blocks; without it they are sent chunked.  The answer to HEAD carries the same headers as that
    to GET, and its content is not sent.
    """

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    content: bytes | Iterable[bytes] = b""
    length: int | None = None

    @property
    def content_length(self) -> int | None:
        """The length to announce, if it is known."""
        return len(self.content) if self.length is None and isinstance(self.content, bytes) else self.length


def json_response(status: int, document: object, *headers: tuple[str, str]) -> Response:
    """Return ``document`` as a JSON response, with a newline at its end for people with curl."""
    content = json.dumps(document, separators=(", ", ": ")).encode() + b"\n"
    return Response(status, (("Content-Type", "application/json"), *headers), content)


class BodyTooLarge(ValueError):  # noqa: N818 - a fact about the request, which the application words in its own way
    """The request's content is longer than the application reads."""


def _nothing() -> None: ...


class Body:
    """The content of a request, as it arrives.

    Take it once, by ``async for``, by `read` or by `discard`.  `read` and `discard` wake the program once, at the
    end; a program that iterates is woken for what came since it last looked.  One that takes nothing stops the
    connection at `HIGH_WATER`.
    """

    __slots__ = (
        "_chunks",
        "_ended",
        "_error",
        "_held",
        "_iterating",
        "_keeping",
        "_limit",
        "_pause",
        "_paused",
        "_resume",
        "_waiter",
        "_want",
        "length",
    )

    def __init__(
        self,
        want: Callable[[], None] = _nothing,
        pause: Callable[[], None] = _nothing,
        resume: Callable[[], None] = _nothing,
    ) -> None:
        """``want`` is called when the program first asks; ``pause`` and ``resume`` steer the connection."""
        self.length = 0  # bytes that have come so far
        self._want, self._pause, self._resume = want, pause, resume
        self._chunks: deque[bytes] = deque()
        self._held = 0
        self._keeping = True
        self._iterating = True
        self._limit: int | None = None  # read() takes no more than that
        self._paused = False
        self._ended = False
        self._error: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None

    @classmethod
    def of(cls, *chunks: bytes) -> Body:
        """Return a body that has come in whole."""
        body = cls()
        for chunk in chunks:
            body.feed(chunk)
        body.end()
        return body

    # ---- the connection's side

    def feed(self, data: bytes) -> None:
        """Take what has come."""
        self.length += len(data)
        if not self._keeping:
            return
        self._chunks.append(bytes(data))  # h11 gives bytearrays
        self._held += len(data)
        if self._iterating:
            if self._held >= HIGH_WATER and not self._paused:
                self._paused = True
                self._pause()
            self._wake()
        elif self._limit is not None and self.length > self._limit:
            self._wake()

    def end(self, error: Exception | None = None) -> None:
        """Nothing more will come; with ``error``, because something went wrong."""
        if not self._ended:
            self._ended = True
            self._error = error
            self._wake()

    # ---- the program's side

    def __aiter__(self) -> Body:
        """Iterate over what comes, as it comes."""
        return self

    async def __anext__(self) -> bytes:
        """Return the next piece."""
        while not self._chunks:
            self._flow()
            if self._ended:
                self._raise_error()
                raise StopAsyncIteration
            await self._more()
        chunk = self._chunks.popleft()
        self._held -= len(chunk)
        return chunk

    async def read(self, limit: int) -> bytes:
        """Return all of it.

        Raises:
            BodyTooLarge: as soon as more than ``limit`` bytes have come.
        """
        self._iterating, self._limit = False, limit
        self._flow()
        while not self._ended and self.length <= limit:
            await self._more()
        if self.length > limit:
            self._drop()
            raise BodyTooLarge(f"more than {limit} bytes")
        self._raise_error()
        content = b"".join(self._chunks)
        self._chunks.clear()
        self._held = 0
        return content

    async def peek(self, limit: int) -> bytes:
        """Return all of it, and leave it to whoever takes it next.

        Raises:
            BodyTooLarge: as `read`; what is left of the body is thrown away.
        """
        content = await self.read(limit)
        if content:
            self._chunks.append(content)
            self._held = len(content)
        return content

    async def discard(self) -> int:
        """Throw away what comes, and return the length of the whole content."""
        self._drop()
        while not self._ended:
            await self._more()
        self._raise_error()
        return self.length

    def _drop(self) -> None:
        self._keeping = False
        self._chunks.clear()
        self._held = 0
        self._flow()

    def _flow(self) -> None:
        if self._paused:
            self._paused = False
            self._resume()

    async def _more(self) -> None:
        self._want()
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _raise_error(self) -> None:
        if self._error is not None:
            raise self._error


@dataclass(frozen=True, slots=True)
class Access:
    """One thing that a request asks leave for, in IAM's words.

    Attributes:
        action: ``s3:GetObject``.
        resource: An ARN, or ``*``.
        owner_id: The account that owns the resource; None for whoever asks.
        resource_policy: The JSON text of the resource's own policy (a bucket's), or None if it has none.
        keys: Further condition keys, in lower case, and their values: ``("s3:prefix", ("logs/",))``.
    """

    action: str
    resource: str
    owner_id: str | None = None
    resource_policy: str | None = None
    keys: tuple[tuple[str, tuple[str, ...]], ...] = ()


class Application(Protocol):
    """An HTTP application: what is asked for, in IAM's words, and the answers.

    ``accesses`` names what policies are to judge: all of it must be allowed, and a request that policies do not
    reach (POL-4) asks for nothing.  It may look at the body (:meth:`Body.peek`), but not take it.  ``denial`` words
    the refusal, for the reason given in ``sentence``.
    """

    async def accesses(self, request: Request, body: Body) -> tuple[Access, ...]:
        """Return what ``request`` asks leave for: nearly always one thing; a copy asks for two."""

    def denial(self, request: Request, sentence: str) -> Response:
        """Return the answer to a request that a policy denies (POL-13)."""

    async def respond(self, request: Request, body: Body) -> Response:
        """Answer a request; what is left of the body is thrown away afterwards."""
