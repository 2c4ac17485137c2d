"""websockets, unmodified, at both ends: a conversation of twelve virtual hours, and its two ways to end.

Pings every 20 s keep the connection alive through security groups that forget flows, and measure the latency.  The
first client says goodbye (close handshake, 1000).  The second one's network ACL is closed in the night: nobody is
told, and it is the unanswered ping that notices, 40 s at most after the fact.

websockets draws handshake keys and masks from the machine's randomness: two runs differ in those bytes, and in
nothing else, neither in times nor in lengths.

    python examples/websockets_keepalive.py [FOLDER]
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from emulator import Network

if TYPE_CHECKING:
    from collections.abc import Callable

TOPOLOGY = Path(__file__).parents[1] / "topologies" / "programs" / "topology.yaml"
URL = "ws://server.internal:9000"
HOUR = 3600


async def repeat(connection: ServerConnection) -> None:
    """Send back what comes; the connection's end ends the loop."""
    with contextlib.suppress(ConnectionClosed):  # the server's own ping notices the cut as well
        async for message in connection:
            await connection.send(message)


async def listen() -> None:
    """Serve until the network is closed."""
    await serve(repeat, "0.0.0.0", 9000, server_header=None)  # noqa: S104 - an emulated host


async def talk(cut: Callable[[], object]) -> list[str]:
    """Hold both conversations."""
    loop = asyncio.get_running_loop()
    told = []
    async with connect(URL, proxy=None, user_agent_header=None) as connection:
        await connection.send("good evening")
        told.append(f"{await connection.recv()!r} at {loop.time() / HOUR:.0f} h")
        await asyncio.sleep(12 * HOUR)
        await connection.send(bytes(100_000))
        told.append(f"{len(await connection.recv())} bytes at {loop.time() / HOUR:.0f} h")
        told.append(f"latency {connection.latency * 1e6:.0f} us")
    told.append(f"closed: {connection.close_code}")

    async with connect(URL, proxy=None, user_agent_header=None) as connection:
        await asyncio.sleep(HOUR)
        cut()
        began = loop.time()
        try:
            await connection.recv()
        except ConnectionClosed as error:
            told.append(f"{error} {loop.time() - began:.0f} s after the cut")
    return told


def main(folder: Path = Path("pcaps/out")) -> dict[str, Any]:
    """Run both ends in virtual time, and return what happened."""
    with Network.load(TOPOLOGY, seed=1) as network:

        def cut() -> None:
            network.ec2.replace_network_acl_entry(
                "acl-default-apps",
                rule_number=100,
                protocol="-1",
                rule_action="deny",
                egress=False,
                cidr_block="0.0.0.0/0",
            )

        capture = network.capture("app", folder / "websockets_keepalive.pcapng")
        network.start(listen(), host="server")
        told = network.run(talk(cut), host="app")
        hours = network.now / 3600e9
    for line in told:
        print(line)
    print(f"{hours:.1f} virtual hours, {capture.written} packets: {capture.path}")
    return {"told": told, "hours": hours, "network": network, "capture": capture}


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
