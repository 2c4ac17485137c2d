"""Built-in workloads: what a scenario's steps may ask a host to do.

Each is an ordinary asyncio program that knows nothing of the emulator: an
unmodified httpx client, an asyncio_dgram socket.  What became of its packets is
not its business; the scenario reads that from the network's own records.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import asyncio_dgram

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from types import ModuleType

    import httpx

_BLOCK: Final = bytes(65536)


@dataclass(frozen=True, slots=True)
class Done:
    """What a workload saw.

    Attributes:
        status: HTTP status, or None where there is none.
        octets: Payload bytes moved.
        error: What the program met instead of an answer, as Python names it; None if nothing.
        body: The beginning of an answer.
    """

    status: int | None = None
    octets: int = 0
    error: str | None = None
    body: str = ""


def _httpx() -> ModuleType:
    try:
        import httpx  # noqa: PLC0415 - an extra: only scenarios with HTTP steps need it
    except ImportError as error:
        raise RuntimeError("HTTP steps need httpx: pip install 'vpcemu[web]'") from error
    return httpx


async def get(url: str) -> Done:
    """Download ``url`` with httpx as it comes out of the box: connecting takes at most 5 seconds."""
    httpx = _httpx()
    octets, body = 0, b""
    try:
        async with httpx.AsyncClient(trust_env=False) as client, client.stream("GET", url) as response:
            async for block in response.aiter_raw():
                octets += len(block)
                body = body or block[:400]
            return Done(response.status_code, octets, None, body.decode("utf-8", "replace"))
    except (httpx.TransportError, httpx.InvalidURL, OSError) as error:
        return _failed(error, octets)


async def push(url: str, octets: int, connections: int) -> Done:
    """Upload ``octets`` bytes to ``url``, shared by ``connections`` connections at once."""
    httpx = _httpx()
    share, rest = divmod(octets, connections)
    async with httpx.AsyncClient(trust_env=False, timeout=None) as client:
        try:
            answers = await asyncio.gather(
                *(_upload(client, url, share + (number < rest)) for number in range(connections))
            )
        except (httpx.TransportError, httpx.InvalidURL, OSError) as error:
            return _failed(error, 0)
    worst = max(answer.status_code for answer in answers)
    return Done(worst, octets)


async def _upload(client: httpx.AsyncClient, url: str, octets: int) -> httpx.Response:
    return await client.post(url, content=_blocks(octets), headers={"content-length": str(octets)})


async def _blocks(octets: int) -> AsyncIterator[bytes]:
    while octets > 0:
        yield _BLOCK if octets >= len(_BLOCK) else _BLOCK[:octets]
        octets -= len(_BLOCK)


async def datagram(to: tuple[str, int], payload: bytes, wait: float = 1.0) -> Done:
    """Send one UDP datagram with asyncio_dgram and wait a while for an answer, which may not come."""
    try:
        stream = await asyncio_dgram.connect(to)
    except OSError as error:
        return _failed(error, 0)
    try:
        await stream.send(payload)
        with contextlib.suppress(TimeoutError):
            answer, _ = await asyncio.wait_for(stream.recv(), wait)
            return Done(None, len(payload), None, answer[:400].decode("utf-8", "replace"))
    except OSError as error:
        return _failed(error, len(payload))
    finally:
        stream.close()
    return Done(None, len(payload))


def craft(fields: dict[str, Any], address: str) -> Any:
    """Return the scapy packet that a ``send`` step describes.

    Args:
        fields: ``ip_version`` (4), ``protocol`` (tcp), ``port`` (443), ``source_port`` (40000), ``length`` (bytes of
            the whole IP packet).
        address: Where it goes.
    """
    from scapy.layers.inet import ICMP, IP, TCP, UDP  # noqa: PLC0415 - scapy takes a second to import
    from scapy.layers.inet6 import IPv6  # noqa: PLC0415
    from scapy.packet import Raw  # noqa: PLC0415

    network = IPv6(dst=address) if fields["ip_version"] == 6 else IP(dst=address, flags="DF")
    ports = {"sport": fields["source_port"], "dport": fields["port"]}
    transport = {"tcp": TCP(flags="S", **ports), "udp": UDP(**ports), "icmp": ICMP()}[fields["protocol"]]
    head = len(network / transport)
    padding = max(0, fields["length"] - head)
    return network / transport / Raw(bytes(padding)) if padding else network / transport


def _failed(error: Exception, octets: int) -> Done:
    return Done(None, octets, f"{type(error).__name__}: {error}".rstrip(": "))
