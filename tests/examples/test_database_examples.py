"""redis-py and asyncpg against protocol-true servers behind PrivateLink: what the examples promise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import asyncpg_orders
import pytest
import redis_cache
from resp_server import Push, RedisError, RedisServer, Session, encode

from tests.examples.frames import frames, opened, resets

if TYPE_CHECKING:
    from pathlib import Path

ENDPOINT_SUBNET = "10.0.10."
slow = pytest.mark.slow


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return redis_cache.main(tmp_path_factory.mktemp("redis"))


@slow
def test_redis_is_used_through_an_endpoint_service(cache: dict[str, Any]) -> None:
    assert cache["told"][:4] == [
        "session: 'alice', 3600 s to live",
        "one round trip: [1, 5, '5']",
        "to 1 listener: packets were here",
        "an hour later: None",
    ]
    assert cache["told"][5] == "one round trip: [6, 10, '10']"  # RESP2 finds what RESP3 left
    assert cache["told"][8] == "keepalive on: still there"
    assert cache["told"][9].startswith("keepalive off: ConnectionError: Error while reading from cache.internal:6379")
    assert "Connection reset by peer" in cache["told"][9]
    assert cache["commands"]["HELLO"] == 5  # three RESP3 clients, one of them with a second connection for its channel
    assert 4.0 < cache["hours"] < 4.01

    at_app, at_cache = frames(cache["capture"].path), frames(cache["at_cache"].path)
    assert {frame.dst[:8] for frame in opened(at_app, 6379)} == {ENDPOINT_SUBNET}
    assert {(frame.src, frame.dst) for frame in opened(at_cache, 6379)} == {("10.0.1.100", "10.0.11.10")}  # SVC-8
    (reset,) = resets(at_app)
    assert reset.src.startswith(ENDPOINT_SUBNET)
    assert not resets(at_cache), "the endpoint's answer, of which the cache hears nothing"


@slow
def test_a_pipeline_is_one_round_trip(cache: dict[str, Any]) -> None:
    pipelines = [frame for frame in frames(cache["capture"].path) if b"MULTI" in frame.payload]
    assert len(pipelines) == 2
    for frame in pipelines:
        assert [word for word in (b"INCR\r\n", b"INCRBY", b"GET", b"EXEC") if word not in frame.payload] == []


@slow
def test_asyncpg_keeps_orders_in_a_database_behind_an_endpoint_service(tmp_path: Path) -> None:
    came = asyncpg_orders.main(tmp_path)
    assert came["told"] == [
        "connected to 16",
        'rolled back: duplicate key value violates unique constraint "orders_pkey" (orders_pkey)',
        "rows: [(1, 'bolt', 500), (2, 'nut', 20)]",
        '42601: syntax error at or near "SELEKT"',
        "cancelled after 30.000000 s, and usable: 3 rows",
        "nine naps of a second through a pool of three: 3.002 s",
        '28P01: password authentication failed for user "app"',
    ]
    assert came["server"].cancelled == 1
    assert came["server"].executed.count("BEGIN") == 2
    assert came["server"].executed.count("ROLLBACK") == 1
    assert sorted(came["server"].tables["orders"]) == [1, 2, 3]
    assert not came["server"].sessions, "every connection ended"
    seen = frames(came["capture"].path)
    assert {frame.dst[:8] for frame in opened(seen, 5432)} == {ENDPOINT_SUBNET}
    assert len(opened(seen, 5432)) == 1 + 1 + 3 + 1  # the first, its cancel request, the pool, the wrong password
    assert came["network"].ledger.total == 0


@pytest.mark.parametrize(
    ("reply", "resp2", "resp3"),
    [
        (None, b"$-1\r\n", b"_\r\n"),
        ("OK", b"+OK\r\n", b"+OK\r\n"),
        (b"", b"$0\r\n\r\n", b"$0\r\n\r\n"),
        (-2, b":-2\r\n", b":-2\r\n"),
        ([1, None], b"*2\r\n:1\r\n$-1\r\n", b"*2\r\n:1\r\n_\r\n"),
        ({"proto": 3}, b"*2\r\n$5\r\nproto\r\n:3\r\n", b"%1\r\n$5\r\nproto\r\n:3\r\n"),
        (Push(b"message"), b"*1\r\n$7\r\nmessage\r\n", b">1\r\n$7\r\nmessage\r\n"),
        (RedisError("ERR no"), b"-ERR no\r\n", b"-ERR no\r\n"),
    ],
)
def test_replies_in_both_protocols(reply: object, resp2: bytes, resp3: bytes) -> None:
    assert encode(reply, 2) == resp2
    assert encode(reply, 3) == resp3


def test_what_the_small_redis_does_not_know_it_refuses_in_redis_words() -> None:
    session = Session(RedisServer(), None, 1)
    assert str(session.answer([b"FLUSHALL"])) == "ERR unknown command 'FLUSHALL'"
    assert str(session.answer([b"EXEC"])) == "ERR EXEC without MULTI"
    assert str(session.answer([b"HELLO", b"4"])).startswith("NOPROTO")
    assert session.protocol == 2
