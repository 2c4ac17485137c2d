"""httpx, aiohttp, uvicorn and websockets: what the examples promise."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import aiohttp_both_ends
import httpx_client
import pytest
import uvicorn
import uvicorn_asgi
import websockets_keepalive
from websockets.asyncio.client import connect

from emulator import Network
from tests.examples.frames import FIN, frames, opened, resets

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow


def test_httpx_reads_and_writes_s3_through_the_gateway_endpoint(tmp_path: Path) -> None:
    came = httpx_client.main(tmp_path)
    requests, statuses, bodies = zip(*came["answers"], strict=True)
    assert requests[1] == "PUT /training/note.txt"
    assert statuses == (200, 200, 200, 206, 403)
    assert [len(body) for body in bodies[:4]] == [10_000_000, 0, 17, 100]
    assert bodies[2] == b"packets were here"
    assert bodies[3] == bodies[0][:100]
    assert b"<Code>AccessDenied</Code>" in bodies[4]
    assert [ruling.decision.allowed for ruling in came["network"].rulings] == [True, True, True, True, False]
    assert {flow.attachment_id for flow in came["network"].flows() if "tcp" in flow.flow} == {"eni-app", "s3"}
    seen = frames(came["capture"].path)
    assert len(opened(seen, 80)) == len(came["connections"]) == 1, "the pool keeps its connection"
    assert sum(len(frame.payload) for frame in seen if frame.sport == 80) > 10_000_000
    assert not resets(seen)
    assert came["network"].ledger.total == 0


def test_aiohttp_serves_and_is_served(tmp_path: Path) -> None:
    came = aiohttp_both_ends.main(tmp_path)
    order = '{"item": "bolt", "quantity": 5, "client": "10.0.1.10"}'
    assert came["told"] == [
        f"/orders/1 -> 200 {order} after 0.001 s",
        "/orders/2 -> 404 no such order after 0.001 s",
        f"/orders/1?delay=9 -> 200 {order} after 9.001 s",
        "/orders/1?delay=3600 -> SocketTimeoutError after 10.000 s",
        "tracked connection -> 200",
        "new connection -> ConnectionTimeoutError after 3.000 s",
    ]
    assert came["blocker"] == "SG_HAS_NO_RULES at server"
    seen = frames(came["capture"].path)
    assert len(opened(seen, 8080)) == 3  # the pool's, a second one after the timeout, and the one that is refused
    refused = {str(drop.ending) for drop in came["network"].ledger.since(0)}
    assert refused == {"SG_HAS_NO_RULES at server"}
    dates = {line for frame in seen for line in frame.payload.split(b"\r\n") if line.startswith(b"Date: ")}
    assert min(dates) == b"Date: Thu, 01 Jan 2026 00:00:00 GMT", "virtual time, not this machine's"


def test_uvicorn_serves_an_asgi_application(tmp_path: Path) -> None:
    came = uvicorn_asgi.main(tmp_path)
    assert came["told"] == [
        "GET /hello from 10.0.1.10",
        "minute 1 at 61.0 s",
        "minute 2 at 121.0 s",
        "minute 3 at 181.0 s",
        "ReadTimeout at 240.0 s",
        "27 bytes while the server waits to go, at 420.0 s",
        "ConnectError: All connection attempts failed",
    ]
    assert came["stopped"]
    assert resets(frames(came["capture"].path)), "a closed port answers with a reset"
    assert came["network"].ledger.total == 0


def test_websockets_keep_a_connection_for_hours_and_notice_its_end(tmp_path: Path) -> None:
    came = websockets_keepalive.main(tmp_path)
    assert came["told"][:4] == [
        "'good evening' at 0 h",
        "100000 bytes at 12 h",
        "latency 500 us",
        "closed: 1000",
    ]
    assert came["told"][4].startswith("sent 1011 (internal error) keepalive ping timeout; no close frame received")
    after = int(came["told"][4].split()[-5])
    assert 20 <= after <= 40  # a ping every 20 s, and 20 s for its answer
    assert came["hours"] > 13
    seen = frames(came["capture"].path)
    first, second = (frame.sport for frame in opened(seen, 9000))
    ends = [frame for frame in seen if first in (frame.sport, frame.dport) and frame.flags & FIN]
    assert {frame.sport for frame in ends} == {first, 9000}, "both ends close"
    assert not resets([frame for frame in seen if first in (frame.sport, frame.dport)])
    pings = [frame for frame in seen if frame.sport == first and frame.payload[:1] == b"\x89"]
    assert 2150 <= len(pings) <= 2165  # twelve hours of them
    assert second != first


def test_uvicorn_answers_websockets() -> None:
    async def application(scope, receive, send):
        assert scope["type"] == "websocket"
        assert (await receive())["type"] == "websocket.connect"
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": (await receive())["text"].upper()})
        await send({"type": "websocket.close", "code": 1001})

    settings = {"host": "0.0.0.0", "port": 8000, "lifespan": "off", "log_config": None, "ws": "websockets-sansio"}  # noqa: S104
    server = uvicorn_asgi.Server(uvicorn.Config(application, **settings))

    async def use():
        await asyncio.sleep(1)
        async with connect("ws://server.internal:8000", proxy=None) as connection:
            await connection.send("packets were here")
            heard = await connection.recv()
            await connection.wait_closed()
        server.should_exit = True
        return heard, connection.close_code

    with Network.load(uvicorn_asgi.TOPOLOGY, seed=1) as network:
        network.start(server.serve(), host="server")
        assert network.run(use(), host="app") == ("PACKETS WERE HERE", 1001)
