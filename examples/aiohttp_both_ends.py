"""aiohttp, unmodified, at both ends: its server on one host, its client on another.

The client keeps one connection for all its requests; then the server's security group is closed to it while the
connection is idle.  A tracked flow outlives its rule (SG-13), so the old connection still works and a new one does
not.

Two things to know.  aiohttp stamps its answers with the machine's clock: the signal below writes the loop's time
instead, so that every run sends the same bytes.  And ``handle_signals=False``: Ctrl-C belongs to whoever runs the
network.

    python examples/aiohttp_both_ends.py [FOLDER]
"""

from __future__ import annotations

import asyncio
import sys
from email.utils import formatdate
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp import web

from emulator import Network

if TYPE_CHECKING:
    from collections.abc import Callable

TOPOLOGY = Path(__file__).parents[1] / "topologies" / "programs" / "topology.yaml"
URL = "http://server.internal:8080"
SECONDS_BEFORE_2026 = 1_767_225_600
ORDERS = {"1": {"item": "bolt", "quantity": 5}}


async def order(request: web.Request) -> web.Response:
    """Answer one request; slowly, if asked to."""
    await asyncio.sleep(float(request.query.get("delay", 0)))
    found = ORDERS.get(request.match_info["number"])
    if found is None:
        raise web.HTTPNotFound(text="no such order")
    return web.json_response({**found, "client": request.remote})


async def stamp(_: web.Request, response: web.StreamResponse) -> None:
    """Date an answer in virtual time."""
    response.headers["Date"] = formatdate(SECONDS_BEFORE_2026 + asyncio.get_running_loop().time(), usegmt=True)


async def serve() -> None:
    """Serve until the network is closed."""
    application = web.Application()
    application.on_response_prepare.append(stamp)
    application.router.add_get("/orders/{number}", order)
    runner = web.AppRunner(application, handle_signals=False)
    await runner.setup()
    await web.TCPSite(runner, "0.0.0.0", 8080).start()  # noqa: S104 - an emulated host


async def use(close_the_group: Callable[[], object]) -> list[str]:
    """Use the service, and tell what came of it."""
    loop = asyncio.get_running_loop()
    told = []
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(sock_connect=3, sock_read=10)) as session:
        for path in ("/orders/1", "/orders/2", "/orders/1?delay=9", "/orders/1?delay=3600"):
            began = loop.time()
            try:
                async with session.get(URL + path) as answer:
                    came = f"{answer.status} {await answer.text()}"
            except aiohttp.ServerTimeoutError as error:
                came = type(error).__name__
            told.append(f"{path} -> {came} after {loop.time() - began:.3f} s")
        async with session.get(URL + "/orders/1") as answer:
            await answer.read()
        close_the_group()
        async with session.get(URL + "/orders/1") as answer:
            told.append(f"tracked connection -> {answer.status}")
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(sock_connect=3)) as session:
        began = loop.time()
        try:
            await session.get(URL + "/orders/1")
        except aiohttp.ConnectionTimeoutError as error:
            told.append(f"new connection -> {type(error).__name__} after {loop.time() - began:.3f} s")
    return told


def main(folder: Path = Path("pcaps/out")) -> dict[str, Any]:
    """Run client and server in virtual time, and return what happened."""
    with Network.load(TOPOLOGY, seed=1) as network:

        def close_the_group() -> None:
            network.ec2.revoke_security_group_ingress(
                "server", ip_protocol="tcp", from_port=7, to_port=65535, referenced_group_id="app"
            )

        capture = network.capture("app", folder / "aiohttp_both_ends.pcapng")
        network.start(serve(), host="server")
        told = network.run(use(close_the_group), host="app")
        answer = network.trace("app", "server.internal:8080")
    for line in told:
        if line.startswith("tracked connection"):
            print("now the server's security group loses its rules:")
        print(line)
    print(f"why: {answer.blocker}")
    print(f"{capture.written} packets: {capture.path}")
    return {"told": told, "blocker": str(answer.blocker), "network": network, "capture": capture}


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
