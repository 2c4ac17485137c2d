"""Load through interface endpoints: sources, sinks and an echo, with as many streams as one likes.

Each endpoint takes 1 Gbps in this topology.  Plain asyncio streams download from the service ``source``, upload to
``discard``, and bounce a byte off ``echo`` while that goes on; what comes out is the rate, how evenly the streams
share it (Jain's index: 1 is perfect), and that the echo, whose endpoint has a limit of its own, notices nothing.

    python examples/load_on_endpoints.py [FOLDER [STREAMS]]
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

from emulator import Network

TOPOLOGY = Path(__file__).parents[1] / "topologies" / "programs" / "topology.yaml"
SIZE = 4_000_000


async def fetch() -> float:
    """Read what the source has; return how many seconds that took."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    reader, writer = await asyncio.open_connection("source.us-east-1.amazonaws.com", 19)
    received = 0
    while data := await reader.read(65536):
        received += len(data)
    writer.close()
    await writer.wait_closed()
    assert received == SIZE, f"{received} bytes"
    return loop.time() - began


async def push() -> float:
    """Write as much to the sink, and wait until it has read it all."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    reader, writer = await asyncio.open_connection("discard.us-east-1.amazonaws.com", 9)
    for _ in range(SIZE // 50_000):
        writer.write(bytes(50_000))
        await writer.drain()
    writer.write_eof()
    await reader.read()  # its end of file comes behind the last byte
    writer.close()
    await writer.wait_closed()
    return loop.time() - began


async def bounce(times: int) -> list[float]:
    """Send a byte and wait for it, time after time; return the round trips in seconds."""
    loop = asyncio.get_running_loop()
    trips = []
    reader, writer = await asyncio.open_connection("echo.us-east-1.amazonaws.com", 7)
    for _ in range(times):
        began = loop.time()
        writer.write(b"!")
        await reader.readexactly(1)
        trips.append(loop.time() - began)
        await asyncio.sleep(0.005)
    writer.close()
    await writer.wait_closed()
    return trips


async def load(streams: int) -> dict[str, Any]:
    """Download and upload with so many streams each, one after the other; bounce all the time."""
    loop = asyncio.get_running_loop()
    result: dict[str, Any] = {}
    for name, program in (("download", fetch), ("upload", push)):
        began = loop.time()
        bouncing = asyncio.create_task(bounce(20))
        seconds = await asyncio.gather(*(program() for _ in range(streams)))
        rates = [SIZE * 8 / each for each in seconds]
        result[name] = {
            "rate": streams * SIZE * 8 / (loop.time() - began),
            "jain": sum(rates) ** 2 / (len(rates) * sum(rate**2 for rate in rates)),
            "round_trips": await bouncing,
        }
    return result


def main(folder: Path = Path("pcaps/out"), streams: int | str = 16) -> dict[str, Any]:
    """Run the load in virtual time, and return what was measured."""
    with Network.load(TOPOLOGY, seed=1) as network:
        capture = network.capture("app", folder / "load_on_endpoints.pcapng", snaplen=96)
        result = network.run(load(int(streams)), host="app")
        seconds = network.now / 1e9
    for name in ("download", "upload"):
        one = result[name]
        trips = sorted(one["round_trips"])
        print(
            f"{name}: {streams} streams, {one['rate'] / 1e6:,.0f} Mbit/s, fairness (Jain) {one['jain']:.3f}, "
            f"an echo beside them takes {trips[0] * 1e3:.2f} to {trips[-1] * 1e3:.2f} ms"
        )
    print(f"{seconds:.3f} virtual seconds, {capture.written} packets: {capture.path}")
    return {**result, "seconds": seconds, "network": network, "capture": capture}


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("pcaps/out"), *sys.argv[2:3])
