"""Raw programs: one says back what it hears, one throws it away, one sends without end.

The names and ports are those of the small Internet services: Echo, RFC 862,
Discard, RFC 863, and Character Generator, RFC 864 (whose text ours is not).  The
first two answer datagrams as well.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, cast

from emulator.services.blocks import blocks

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence

ECHO_PORT: Final = 7
ANY_ADDRESS: Final = "0.0.0.0"  # noqa: S104 - an emulated host's
DISCARD_PORT: Final = 9
SOURCE_PORT: Final = 19

_SCRATCH: Final = bytearray(262_144)  # one for all connections: what lies in it is never looked at
_ENDLESS: Final = 1 << 62


class Repeat(asyncio.Protocol):
    """Says back what it hears; ends when the client ends."""

    def __init__(self) -> None:
        """Nothing is kept."""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Say it back."""
        if self._transport is not None:
            self._transport.write(data)


class Discard(asyncio.BufferedProtocol):
    """Reads and throws away, into one buffer that everybody shares; ends when the client ends."""

    def __init__(self) -> None:
        """``received`` counts bytes."""
        self.received = 0

    def get_buffer(self, sizehint: int) -> bytearray:  # noqa: ARG002 - asyncio's interface
        """Return where to put what comes next."""
        return _SCRATCH

    def buffer_updated(self, nbytes: int) -> None:
        """Count it."""
        self.received += nbytes


class RepeatDatagrams(asyncio.DatagramProtocol):
    """Says back every datagram."""

    def __init__(self) -> None:
        """Nothing is kept."""
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        """Say it back."""
        if self._transport is not None:
            self._transport.sendto(data, addr)


class Source(asyncio.Protocol):
    """Sends ``size`` bytes, or without end, as fast as the connection takes them or at a rate; then ends."""

    def __init__(self, size: int | None, rate: int | None = None, duration: int | None = None) -> None:
        """``size`` None means until the client goes; ``rate`` is in bit/s, ``duration`` in nanoseconds."""
        self._blocks: Iterator[bytes] = blocks(0, _ENDLESS if size is None else size)
        self._transport: asyncio.Transport | None = None
        self._full = False
        self._rate, self._duration = rate, duration
        self._due = 0.0  # when the next block goes, if there is a rate
        self._waiting: asyncio.TimerHandle | None = None
        self._ends: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)
        loop = asyncio.get_running_loop()
        self._due = loop.time()
        if self._duration is not None:
            self._ends = loop.call_later(self._duration / 1e9, self._transport.close)
        # Not from within connection_made: there a transport may not know its protocol yet, and cannot say "stop".
        loop.call_soon(self._fill)

    def pause_writing(self) -> None:
        """Stop before the next block."""
        self._full = True

    def resume_writing(self) -> None:
        """Go on with the next block."""
        self._full = False
        self._fill()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - why makes no difference
        """Stop for good."""
        self._transport = None
        for timer in (self._waiting, self._ends):
            if timer is not None:
                timer.cancel()

    def _fill(self) -> None:
        loop = asyncio.get_running_loop()
        while self._transport is not None and not self._full and not self._transport.is_closing():
            if self._rate is not None and self._due > loop.time():
                if self._waiting is not None:
                    self._waiting.cancel()
                self._waiting = loop.call_at(self._due, self._fill)
                return
            block = next(self._blocks, None)
            if block is None:
                self._transport.close()
                return
            if self._rate is not None:
                self._due += len(block) * 8 / self._rate
            self._transport.write(block)


async def serve(
    protocol: Callable[[], asyncio.BaseProtocol], host: str | Sequence[str] | None, port: int
) -> asyncio.Server:
    """Listen; the server is the running loop's, and accepts until it is closed."""
    start: Callable[..., Awaitable[Any]] = asyncio.get_running_loop().create_server
    return cast("asyncio.Server", await start(protocol, host, port))


async def serve_datagrams(
    protocol: Callable[[], asyncio.DatagramProtocol], host: str | Sequence[str] | None, port: int
) -> None:
    """Take datagrams, for as long as the loop runs."""
    address = host if isinstance(host, str) else ANY_ADDRESS
    await asyncio.get_running_loop().create_datagram_endpoint(protocol, local_addr=(address, port))
