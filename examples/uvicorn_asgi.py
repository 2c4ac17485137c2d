"""uvicorn, unmodified, serves a small ASGI application on one host; httpx calls it from another.

The application streams its answer over virtual minutes, and the client's read timeout is as exact as its sleeps.
Then the server shuts down gracefully: it waits for the request that is still running.

Three things to know, none of which changes uvicorn.  ``capture_signals`` is overridden: Ctrl-C belongs to whoever
runs the network.  ``date_header=False``: uvicorn stamps answers with the machine's clock, and two runs should send
the same bytes.  And a running uvicorn looks at its flags ten times a second, so the network is never idle until
``should_exit`` is set: the client's host sets it when it has done.

    python examples/uvicorn_asgi.py [FOLDER]
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import uvicorn

from emulator import Network

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

TOPOLOGY = Path(__file__).parents[1] / "topologies" / "programs" / "topology.yaml"
URL = "http://server.internal:8000"


class Server(uvicorn.Server):
    """uvicorn, without its signal handlers."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone."""
        yield


async def application(
    scope: dict[str, Any], receive: Callable[[], Awaitable[Any]], send: Callable[[dict[str, Any]], Awaitable[None]]
) -> None:
    """Answer with what was asked for, or count the minutes."""
    await receive()
    text = [(b"content-type", b"text/plain")]
    await send({"type": "http.response.start", "status": 200, "headers": text})
    if scope["path"] == "/minutes":
        for minute in range(3):
            await asyncio.sleep(60)
            await send({"type": "http.response.body", "body": f"minute {minute + 1}\n".encode(), "more_body": True})
    else:
        body = f"{scope['method']} {scope['path']} from {scope['client'][0]}"
        await send({"type": "http.response.body", "body": body.encode(), "more_body": True})
    await send({"type": "http.response.body"})


async def use(server: uvicorn.Server) -> list[str]:
    """Call the application, and let the server go when the last answer has begun."""
    loop = asyncio.get_running_loop()
    told = []
    await asyncio.sleep(1)  # the server is up by then: starting takes it no virtual time
    async with httpx.AsyncClient(base_url=URL, trust_env=False, timeout=90) as client:
        told.append((await client.get("/hello")).text)
        async with client.stream("GET", "/minutes") as answer:
            async for line in answer.aiter_lines():
                told.append(f"{line} at {loop.time():.1f} s")  # noqa: PERF401 - as it happens
        try:
            await client.get("/minutes", timeout=59)
        except httpx.ReadTimeout:
            told.append(f"ReadTimeout at {loop.time():.1f} s")
        async with client.stream("GET", "/minutes") as answer:
            server.should_exit = True
            told.append(f"{len(await answer.aread())} bytes while the server waits to go, at {loop.time():.1f} s")
        await asyncio.sleep(1)
        try:
            await client.get("/hello")
        except httpx.ConnectError as error:
            told.append(f"{type(error).__name__}: {error}")
    return told


def main(folder: Path = Path("pcaps/out")) -> dict[str, Any]:
    """Run server and client in virtual time, and return what happened."""
    config = uvicorn.Config(
        application,
        host="0.0.0.0",  # noqa: S104 - an emulated host
        port=8000,
        lifespan="off",
        date_header=False,
        log_config=None,
    )
    server = Server(config)
    with Network.load(TOPOLOGY, seed=1) as network:
        capture = network.capture("app", folder / "uvicorn_asgi.pcapng")
        serving = network.start(server.serve(), host="server")
        told = network.run(use(server), host="app")
        stopped = serving.done()
    for line in told:
        print(line)
    print(f"{capture.written} packets: {capture.path}")
    return {"told": told, "stopped": stopped, "network": network, "capture": capture}


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
