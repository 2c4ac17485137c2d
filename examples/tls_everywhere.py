"""TLS inside the VPC: six client libraries, unmodified, each over real OpenSSL on emulated TCP.

httpx talks to an aiohttp server, aiohttp to uvicorn, websockets to websockets, redis-py and asyncpg (which begins in
plain text and upgrades) to servers behind PrivateLink, aiobotocore to S3 by the names and on the port that it uses
if it is told nothing.  Every server proves its name by a certificate of the emulator's own authority; who does not
trust that, or asks for another name, is told so by OpenSSL.

The keys of all sessions but redis-py's and aiobotocore's, which make their own contexts, are written beside the
capture: ``wireshark -o tls.keylog_file:FOLDER/tls_everywhere.keys FOLDER/tls_everywhere.pcapng`` shows what was
said.

    python examples/tls_everywhere.py [FOLDER]
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import asyncpg
import httpx
import redis.asyncio as redis
import uvicorn
from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from aiohttp import web
from postgres_server import INT4, PostgresServer, Statement
from resp_server import RedisServer
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve

from emulator import Network
from emulator.services.tls import AUTHORITY, client_context, server_context

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

TOPOLOGY = Path(__file__).parents[1] / "topologies" / "programs" / "topology.yaml"
NAME = "server.internal"
ANY = "0.0.0.0"  # noqa: S104 - an emulated host


class Uvicorn(uvicorn.Server):
    """uvicorn, without its signal handlers."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone."""
        yield


async def application(
    scope: dict[str, Any], _: Callable[[], Awaitable[Any]], send: Callable[[dict[str, Any]], Awaitable[None]]
) -> None:
    """Answer with the scheme of the request."""
    headers = [(b"content-type", b"text/plain")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": f"uvicorn over {scope['scheme']}".encode()})


async def serve_web() -> None:
    """Serve HTTPS with aiohttp and WebSockets over TLS until the network is closed."""

    async def answer(request: web.Request) -> web.Response:
        return web.Response(text=f"aiohttp over {request.scheme}")

    async def repeat(connection: ServerConnection) -> None:
        async for message in connection:
            await connection.send(message)

    server = web.Application()
    server.router.add_get("/", answer)
    runner = web.AppRunner(server, handle_signals=False)
    await runner.setup()
    await web.TCPSite(runner, ANY, 443, ssl_context=server_context(NAME)).start()
    await serve(repeat, ANY, 9443, ssl=server_context(NAME))


async def use(keys: Path) -> list[str]:
    """Talk to everyone."""
    trusting = client_context()
    trusting.keylog_filename = str(keys)
    told = []
    async with httpx.AsyncClient(verify=trusting, trust_env=False) as client:
        answer = await client.get(f"https://{NAME}/")
        stream = answer.extensions["network_stream"].get_extra_info("ssl_object")
        told.append(f"httpx: {answer.text}, {stream.version()}")
        try:
            await client.get("https://10.0.2.20/")
        except httpx.ConnectError as error:
            told.append(f"another name: {error}")
    async with httpx.AsyncClient(trust_env=False) as client:
        try:
            await client.get(f"https://{NAME}/")
        except httpx.ConnectError as error:
            told.append(f"no trust: {error}")
    async with aiohttp.ClientSession() as session, session.get(f"https://{NAME}:8443/", ssl=trusting) as reply:
        told.append(f"aiohttp: {await reply.text()}")
    async with connect(f"wss://{NAME}:9443", ssl=trusting, proxy=None) as connection:
        await connection.send("over TLS")
        told.append(f"websockets: {await connection.recv()!r}")
    async with redis.Redis(host="cache.internal", ssl=True, ssl_ca_certs=str(AUTHORITY)) as cache:
        told.append(f"redis-py: {await cache.ping()}")
    database = await asyncpg.connect(host="database.internal", user="app", password="secret", ssl=trusting)  # noqa: S106
    told.append(f"asyncpg: {await database.fetchval('SELECT 1 + $1', 41)}")
    await database.close()
    # No endpoint_url: botocore's own, which are https. Its keys are of AWS's documentation.
    keys_of_aws = {"aws_access_key_id": "AKIAIOSFODNN7EXAMPLE", "aws_secret_access_key": "wJalrXUtnFEMI/K7MDENG"}
    session = get_session()
    session.set_config_variable("config_file", os.devnull)
    config = AioConfig(proxies={})
    async with session.create_client(
        "s3", region_name="us-east-1", verify=str(AUTHORITY), config=config, **keys_of_aws
    ) as s3:
        answer = await s3.get_object(Bucket="training", Key="big.bin", Range="bytes=0-99")
        told.append(f"aiobotocore: {len(await answer['Body'].read())} bytes")
    return told


def main(folder: Path = Path("pcaps/out")) -> dict[str, Any]:
    """Run everyone in virtual time, and return what happened."""
    keys = folder / "tls_everywhere.keys"
    config = uvicorn.Config(
        application,
        host=ANY,
        port=8443,
        lifespan="off",
        log_config=None,
        ssl_context_factory=lambda *_: server_context(NAME),
    )
    server = Uvicorn(config)
    database = PostgresServer({"app": "secret"}, {}, server_context("database.internal"))
    database.learn(Statement("SELECT 1 + $1", [INT4], [("sum", INT4)], lambda _, number: [(1 + number,)], "SELECT"))

    async def use_and_stop() -> list[str]:
        try:
            return await use(keys)
        finally:
            server.should_exit = True

    with Network.load(TOPOLOGY, seed=1) as network:
        capture = network.capture("app", folder / "tls_everywhere.pcapng")
        network.start(server.serve(), host="server")
        network.start(serve_web(), host="server")
        network.start(RedisServer().serve(tls=server_context("cache.internal")), host="cache")
        network.start(database.serve(), host="database")
        told = network.run(use_and_stop(), host="app")
    for line in told:
        print(line)
    print(f"{capture.written} packets: {capture.path}, keys: {keys}")
    return {"told": told, "keys": keys, "network": network, "capture": capture}


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
