"""CPU microseconds per packet, end to end: bulk TCP through the demo's own topology.

A packet is an IP packet received by a TCP end, pure ACKs included.  What is timed reaches from ``transport.write`` to
``buffer_updated`` of a ``BufferedProtocol``: both TCP stacks, all gates, conntrack, routing, shaping and, where asked
for, one capture point with checksums, streamed to a file.  Loading, connecting and closing are not timed.

    python benchmarks/bulk.py [--packets 60000] [--quick]

Quote ratios within one run: machines differ and are noisy.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import tempfile
import time
from pathlib import Path

from emulator import Network

HERE = Path(__file__).resolve().parent.parent
TOPOLOGY = HERE / "topologies" / "two-az-endpoints" / "topology.yaml"
PORT = 9
BLOCK = 65_536
WINDOW = 4 << 20
ROW = "{:<10} {:>5} {:>8} {:>6} {:>10} {:>9} {:>8} {:>8}"


class Source(asyncio.Protocol):
    """Writes ``left`` bytes in equal blocks, as fast as it is let."""

    def __init__(self, octets: int, block: bytes, done: asyncio.Event) -> None:
        self.left = octets
        self.block = block
        self.writing = False
        self.transport: asyncio.Transport | None = None
        self.done = done

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def pause_writing(self) -> None:
        self.writing = False

    def resume_writing(self) -> None:
        self.writing = True
        transport, block = self.transport, self.block
        assert transport is not None
        while self.writing and self.left > 0:
            transport.write(block if self.left >= len(block) else block[: self.left])
            self.left -= len(block)


class Sink(asyncio.BufferedProtocol):
    """Counts what comes, and says when all of it is there."""

    received = 0
    expected = 0
    done: asyncio.Event

    def __init__(self) -> None:
        self.buffer = bytearray(1 << 16)

    def get_buffer(self, sizehint: int) -> bytearray:  # noqa: ARG002
        return self.buffer

    def buffer_updated(self, octets: int) -> None:
        Sink.received += octets
        if Sink.received >= Sink.expected:
            Sink.done.set()


class Reader(asyncio.Protocol):
    """The same with ``data_received``, which streams are made of."""

    def data_received(self, data: bytes) -> None:
        Sink.received += len(data)
        if Sink.received >= Sink.expected:
            Sink.done.set()


def measure(target: str, mss: int, flows: int, packets: int, capture: Path | None, sink: type) -> dict[str, float]:
    """Run one cell and return its figures."""
    network = Network.load(TOPOLOGY, seed=1)
    service = "com.amazonaws.us-east-1." + target
    address = (
        "52.216.0.1"
        if target == "s3"
        else str(network.ec2.network_interfaces["eni-metering-us-east-1a"].private_ip_address)
    )
    if target != "s3":
        network.ec2.authorize_security_group_ingress(
            "metering", ip_protocol="tcp", from_port=PORT, to_port=PORT, cidr_ip="10.0.0.0/16"
        )
    network.hosts["web"].mtu = mss + 40
    network.hosts["web"].tcp.config.mss = mss
    window = max(WINDOW // flows, 65_536)  # else a thousand flows would hold gigabytes in flight
    network.hosts[service].tcp.config.receive_buffer = window
    octets = max(packets * mss * 2 // 3, flows * 10 * mss) // flows * flows
    Sink.received, Sink.expected, Sink.done = 0, octets, asyncio.Event()
    block = bytes(range(256)) * (BLOCK // 256 + 1)
    block = block[: BLOCK // (mss - 12) * (mss - 12)]  # whole segments (12 bytes are timestamps): payloads repeat
    sources: list[Source] = []

    async def serve() -> None:
        await asyncio.get_running_loop().create_server(sink, "0.0.0.0", PORT)  # noqa: S104 - an emulated host

    async def connect() -> None:
        loop = asyncio.get_running_loop()
        for _ in range(flows):
            _, protocol = await loop.create_connection(lambda: Source(octets // flows, block, Sink.done), address, PORT)
            sources.append(protocol)

    async def push() -> None:
        for source in sources:
            source.resume_writing()
        await Sink.done.wait()

    network.run(serve(), host=service)
    network.run(connect(), host="web")
    if capture is not None:
        network.capture("web", capture)
    before = network.fabric.delivered
    walked = network.fabric.walked
    started_at = network.now
    gc.collect()
    started = time.process_time()
    network.loop.run_until_complete(network.start(push(), host="web"))
    spent = time.process_time() - started
    delivered = network.fabric.delivered - before
    figures = {
        "us": spent / delivered * 1e6,
        "packets": delivered,
        "goodput": octets * 8 / (network.now - started_at),
        "dropped": network.fabric.dropped,
        "walked": network.fabric.walked - walked,
    }
    network.abandon()
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--packets", type=int, default=60_000, help="packets per cell, about")
    parser.add_argument("--quick", action="store_true", help="one and a thousand flows only")
    parser.add_argument("--streams", action="store_true", help="data_received instead of buffer_updated")
    options = parser.parse_args()
    flows = (1, 1000) if options.quick else (1, 10, 100, 1000)
    sink: type = Reader if options.streams else Sink
    print(ROW.format("endpoint", "MSS", "capture", "flows", "us/packet", "packets", "Gbit/s", "dropped"))
    with tempfile.TemporaryDirectory() as folder:
        for target, name in (("s3", "gateway"), ("metering", "interface")):
            for mss in (1460, 8460):
                for captured in ("none", "one"):
                    for count in flows:
                        path = Path(folder) / "web.pcapng" if captured == "one" else None
                        cell = measure(target, mss, count, options.packets, path, sink)
                        goodput, cost = f"{cell['goodput']:.2f}", f"{cell['us']:.2f}"
                        packets, dropped = f"{cell['packets']:.0f}", f"{cell['dropped']:.0f}"
                        print(ROW.format(name, mss, captured, count, cost, packets, goodput, dropped), flush=True)


if __name__ == "__main__":
    main()
