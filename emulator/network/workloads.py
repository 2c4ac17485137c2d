"""Built-in workloads: what a scenario's steps may ask a host to do.

Each is an ordinary asyncio program that knows nothing of the emulator: an
unmodified httpx client, an asyncio_dgram socket.  What became of its packets is
not its business; the scenario reads that from the network's own records.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import asyncio_dgram

from emulator.services.tls import client_context

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Mapping
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
        first_byte: Nanoseconds from the beginning to the answer's first byte; None if there was none.
    """

    status: int | None = None
    octets: int = 0
    error: str | None = None
    body: str = ""
    first_byte: int | None = None


def _httpx() -> ModuleType:
    try:
        import httpx  # noqa: PLC0415 - an extra: only scenarios with HTTP steps need it
    except ImportError as error:
        raise RuntimeError("HTTP steps need httpx: pip install 'vpcemu[web]'") from error
    return httpx


def _trust(url: str) -> ssl.SSLContext | bool:
    """Return what httpx calls ``verify``; making a context takes milliseconds, so only ``https`` gets one."""
    return client_context() if url.lower().startswith("https:") else False


async def get(url: str, headers: Mapping[str, str] | None = None) -> Done:
    """Download ``url`` with httpx as it comes out of the box: connecting takes at most 5 seconds.

    ``headers`` are those of a signature.  Of ``https`` it trusts the emulator's authority, and nobody else.
    """
    httpx = _httpx()
    trust = _trust(url)
    octets, body = 0, b""
    began = asyncio.get_running_loop().time()
    try:
        async with (
            httpx.AsyncClient(trust_env=False, verify=trust) as client,
            client.stream("GET", url, headers=headers) as response,
        ):
            first = _since(began)
            async for block in response.aiter_raw():
                octets += len(block)
                body = body or block[:400]
            return Done(response.status_code, octets, None, body.decode("utf-8", "replace"), first)
    except (httpx.TransportError, httpx.InvalidURL, OSError) as error:
        return _failed(error, octets)


async def push(url: str, octets: int, connections: int, headers: Mapping[str, str] | None = None) -> Done:
    """Upload ``octets`` bytes to ``url``, shared by ``connections`` connections at once."""
    httpx = _httpx()
    share, rest = divmod(octets, connections)
    async with httpx.AsyncClient(trust_env=False, timeout=None, verify=_trust(url)) as client:
        try:
            answers = await asyncio.gather(
                *(_upload(client, url, share + (number < rest), headers or {}) for number in range(connections))
            )
        except (httpx.TransportError, httpx.InvalidURL, OSError) as error:
            return _failed(error, 0)
    worst = max(answer.status_code for answer in answers)
    return Done(worst, octets)


async def copy_object(url: str, source: str, headers: Mapping[str, str] | None = None) -> Done:
    """Have S3 make the object at ``url`` from another one, ``bucket/key``."""
    httpx = _httpx()
    began = asyncio.get_running_loop().time()
    try:
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.put(url, headers={"x-amz-copy-source": source, **(headers or {})})
            return Done(answer.status_code, len(answer.content), None, answer.text[:400], _since(began))
    except (httpx.TransportError, httpx.InvalidURL, OSError) as error:
        return _failed(error, 0)


async def _upload(client: httpx.AsyncClient, url: str, octets: int, headers: Mapping[str, str]) -> httpx.Response:
    return await client.post(url, content=_blocks(octets), headers={"content-length": str(octets), **headers})


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


async def talk(
    to: tuple[str, int], times: int, pause: float, size: int, keepalive: float | None, patience: float
) -> Done:
    """Open a connection, and ``times`` times say ``size`` bytes and wait for as many, with a ``pause`` in between.

    Durations are seconds. What is not answered within ``patience`` is a ``TimeoutError``.
    """
    began = asyncio.get_running_loop().time()
    octets, first = 0, None
    try:
        async with asyncio.timeout(patience):
            reader, writer = await asyncio.open_connection(*to)
    except OSError as error:
        return _failed(error, 0)
    try:
        if keepalive is not None:
            _keep_alive(writer, keepalive)
        for turn in range(times):
            if turn:
                await asyncio.sleep(pause)
            writer.write(bytes(size))
            async with asyncio.timeout(patience):
                octets += len(await reader.readexactly(size))
            first = _since(began) if first is None else first
    except (OSError, EOFError) as error:
        return Done(None, octets, _failed(error, octets).error, first_byte=first)
    finally:
        writer.close()
    return Done(None, octets, first_byte=first)


def _keep_alive(writer: asyncio.StreamWriter, seconds: float) -> None:
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, int(seconds))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, int(seconds))


def _since(began: float) -> int:
    return round((asyncio.get_running_loop().time() - began) * 1e9)


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
