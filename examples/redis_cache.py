"""redis-py's asyncio client, unmodified, uses a cache that a provider offers by PrivateLink.

The cache is a small server, true to Redis's protocol (``resp_server.py``), behind a Network Load Balancer of another
VPC whose addresses are the very same; the client reaches it at an interface endpoint of its own.  Keys expire in
virtual time, commands travel in pipelines, messages come by publish and subscribe.

Both ends of PrivateLink forget a connection that is idle for 350 s.  redis-py sets TCP keepalives, so its pool
survives an hour's pause; the same client without them meets a reset, and has to connect again.  (A real Redis sends
keepalives of its own every 300 s; this small one does not.)

    python examples/redis_cache.py [FOLDER]
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import redis.asyncio as redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from resp_server import RedisServer

from emulator import Network

TOPOLOGY = Path(__file__).parents[1] / "topologies" / "programs" / "topology.yaml"
HOST = "cache.internal"


async def use(protocol: int) -> list[str]:
    """Use the cache over RESP2 or RESP3."""
    told = []
    client = redis.Redis(host=HOST, protocol=protocol, decode_responses=True)
    await client.set("session", "alice", ex=3600)
    told.append(f"session: {await client.get('session')!r}, {await client.ttl('session')} s to live")
    async with client.pipeline(transaction=True) as pipeline:
        for command in (("INCR", "visits"), ("INCRBY", "visits", 4), ("GET", "visits")):
            pipeline.execute_command(*command)
        told.append(f"one round trip: {await pipeline.execute()}")
    async with client.pubsub() as channel:
        await channel.subscribe("news")
        await channel.get_message(timeout=1)
        listeners = await client.publish("news", "packets were here")
        message = await channel.get_message(timeout=1)
        told.append(f"to {listeners} listener: {message and message['data']}")
    await asyncio.sleep(3600)
    told.append(f"an hour later: {await client.get('session')!r}")
    await client.aclose()
    return told


async def pause(*, keepalive: bool) -> str:
    """Use a connection, leave it idle for an hour, use it again; without a second try."""
    client = redis.Redis(host=HOST, socket_keepalive=keepalive, retry=Retry(NoBackoff(), 0), socket_timeout=10)
    await client.ping()
    await asyncio.sleep(3600)
    try:
        await client.ping()
        came = "still there"
    except redis.RedisError as error:
        came = f"{type(error).__name__}: {error}"
    await client.aclose()
    return f"keepalive {'on' if keepalive else 'off'}: {came}"


def main(folder: Path = Path("pcaps/out")) -> dict[str, Any]:
    """Run client and cache in virtual time, and return what happened."""
    server = RedisServer()
    with Network.load(TOPOLOGY, seed=1) as network:
        capture = network.capture("app", folder / "redis_cache.pcapng")
        at_cache = network.capture("cache", folder / "redis_cache-at-cache.pcapng")
        network.start(server.serve(), host="cache")
        by_protocol = {protocol: network.run(use(protocol), host="app") for protocol in (3, 2)}
        told = [line for lines in by_protocol.values() for line in lines]
        pauses = [network.run(pause(keepalive=keepalive), host="app") for keepalive in (True, False)]
        told += pauses
        hours = network.now / 3600e9
    for protocol, lines in by_protocol.items():
        print(f"over RESP{protocol}:", *lines, sep="\n    ")
    print("a connection that says nothing for an hour (the endpoint forgets it after 350 s):", *pauses, sep="\n    ")
    print(f"commands: {server.commands}")
    print(f"{hours:.2f} virtual hours, {capture.written} packets: {capture.path}")
    return {
        "told": told,
        "hours": hours,
        "commands": server.commands,
        "network": network,
        "capture": capture,
        "at_cache": at_cache,
    }


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
