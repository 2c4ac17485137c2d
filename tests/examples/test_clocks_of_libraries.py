"""Timers that libraries keep by the machine's clock: what docs/libraries.md says of them, and its remedy.

If one of these tests fails because a library asks the loop instead, its row of the page can go.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import aiohttp
import aiohttp.connector
import httpcore._async.http11
import httpx
import pytest

from emulator import Network
from tests.examples.frames import frames, opened

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

pytestmark = pytest.mark.slow

TOPOLOGY = Path(__file__).parents[2] / "topologies" / "programs" / "topology.yaml"
URL = "http://s3.us-east-1.amazonaws.com/training/big.bin"
TEN_BYTES = {"Range": "bytes=0-9"}


async def by_aiohttp(**connector) -> None:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(**connector)) as session:
        for _ in range(3):
            async with session.get(URL, headers=TEN_BYTES) as answer:
                await answer.read()
            await asyncio.sleep(60)


async def by_httpx() -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        for _ in range(3):
            await client.get(URL, headers=TEN_BYTES)
            await asyncio.sleep(60)


def loop_time() -> float:
    return asyncio.get_running_loop().time()


def virtual(monkeypatch: pytest.MonkeyPatch) -> None:
    """The remedy: let the two libraries ask the loop."""
    monkeypatch.setattr(aiohttp.connector, "monotonic", loop_time)
    monkeypatch.setattr(httpcore._async.http11, "time", SimpleNamespace(monotonic=loop_time))


def queries_and_connections(program: Callable[[], Coroutine[None, None, None]], folder: Path) -> tuple[int, int]:
    with Network.load(TOPOLOGY, seed=1) as network:
        capture = network.capture("app", folder / "app.pcapng")
        network.run(program(), host="app")
    seen = frames(capture.path)
    return sum(frame.dport == 53 for frame in seen), len(opened(seen, 80))


def test_a_pool_of_aiohttp_forgets_after_fifteen_real_seconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert queries_and_connections(by_aiohttp, tmp_path) == (1, 1)
    virtual(monkeypatch)
    assert queries_and_connections(by_aiohttp, tmp_path) == (3, 3)


def test_aiohttp_remembers_names_for_ten_real_seconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert queries_and_connections(lambda: by_aiohttp(force_close=True), tmp_path) == (1, 3)
    assert queries_and_connections(lambda: by_aiohttp(force_close=True, use_dns_cache=False), tmp_path) == (3, 3)
    virtual(monkeypatch)
    assert queries_and_connections(lambda: by_aiohttp(force_close=True), tmp_path) == (3, 3)


def test_a_pool_of_httpx_forgets_after_five_real_seconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert queries_and_connections(by_httpx, tmp_path) == (1, 1)
    virtual(monkeypatch)
    assert queries_and_connections(by_httpx, tmp_path) == (3, 3)
