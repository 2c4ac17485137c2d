"""Golden captures: made here, kept in ``pcaps/golden``, compared byte for byte.

    python -m tests.golden      # make them again; the change is reviewed like code

The client is a few lines of asyncio rather than httpx, so that another version
of httpx does not change a byte.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from scapy.layers.inet import IP, UDP

from emulator import Fault, Network
from emulator.capture import packets

ROOT = Path(__file__).resolve().parent.parent
GOLDEN = ROOT / "pcaps" / "golden"
TOPOLOGY = ROOT / "topologies" / "first-packets" / "topology.yaml"
NAMES = ("web.pcapng", "s3.pcapng", "web.pcap")


async def get(path: str) -> bytes:
    """Ask S3 for an object and read until it closes the connection."""
    reader, writer = await asyncio.open_connection("s3.us-east-1.amazonaws.com", 80)
    host = "Host: s3.us-east-1.amazonaws.com\r\nConnection: close\r\n\r\n"
    writer.write(f"GET {path} HTTP/1.1\r\n{host}".encode())
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


def make(folder: Path) -> None:
    """Write the golden captures: a small object, a larger one over a lossy link, a 404, a refused datagram."""
    folder.mkdir(parents=True, exist_ok=True)
    with Network.load(TOPOLOGY, seed=11) as network:
        network.host("web").tcp.config.mss = 1460  # a host with an MTU of 1500: more segments to lose
        network.capture("web", folder / "web.pcapng", comments="all")
        network.capture("s3", folder / "s3.pcapng", snaplen=96)
        network.capture("web", folder / "web.pcap", file_format="pcap")
        assert network.run(get("/shelf/note.txt"), host="web").endswith(b"packets were here")
        network.add_fault(Fault("s3", "eni-web", loss=0.3, duplicate=0.1, reorder=0.1))
        assert len(network.run(get("/shelf/page.bin"), host="web")) > 20_000
        assert network.run(get("/shelf/nothing"), host="web").startswith(b"HTTP/1.1 404")
        network.send(IP(dst="52.216.0.10") / UDP(sport=4000, dport=9999) / b"hello", host="web")


def lines(path: Path) -> list[str]:
    """Return a capture as one line per packet, for people to compare."""
    return [
        f"{float(frame.time):.9f} {frame.summary()} {getattr(frame, 'comments', None) or ''}" for frame in packets(path)
    ]


if __name__ == "__main__":
    make(GOLDEN)
    for name in NAMES:
        print(f"{GOLDEN / name}: {(GOLDEN / name).stat().st_size} bytes")  # noqa: T201
