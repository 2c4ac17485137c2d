"""CPU microseconds per packet, end to end: bulk TCP through the demo's own topology.

A packet is an IP packet received by a TCP end, pure ACKs included.  What is timed reaches from ``transport.write`` to
``buffer_updated`` of a ``BufferedProtocol``: both TCP stacks, all gates, conntrack, routing, shaping and, where asked
for, one capture point with checksums, streamed to a file.  Loading, connecting and closing are not timed.  The kernel's
share (``sys``) is nearly all the copying of the capture into the page cache.

    python benchmarks/bulk.py [--packets 200000] [--quick] [--flow-logs]

Quote ratios within one run: machines differ and are noisy.
"""

from __future__ import annotations

import argparse
import gc
import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from harness import GATEWAY, INTERFACE, Reader, Sink, Tally, Transfer

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

ROW = "{:<10} {:>5} {:>8} {:>6} {:>10} {:>6} {:>9} {:>8} {:>8}"


def measure(
    target: str,
    mss: int,
    flows: int,
    packets: int,
    capture: Path | None,
    sink: Callable[[Tally], asyncio.BaseProtocol] = Sink,
    *,
    flow_logs: bool = False,
) -> dict[str, float]:
    """Run one cell and return its figures."""
    octets = max(packets * mss * 2 // 3, flows * 10 * mss) // flows * flows
    transfer = Transfer(target, mss, flows, octets, sink)
    network = transfer.network
    if capture is not None:
        network.capture("web", capture)
    if flow_logs:
        network.ec2.create_flow_logs("vpc-main")
    before = network.fabric.delivered
    walked = network.fabric.walked
    started_at = network.now
    gc.collect()
    kernel = os.times().system
    started = time.process_time()
    transfer.push()
    transfer.wait()
    spent = time.process_time() - started
    kernel = os.times().system - kernel
    delivered = network.fabric.delivered - before
    figures = {
        "us": spent / delivered * 1e6,
        "sys": kernel / delivered * 1e6,
        "packets": delivered,
        "goodput": octets * 8 / (network.now - started_at),
        "dropped": network.fabric.dropped,
        "walked": network.fabric.walked - walked,
    }
    network.abandon()
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--packets", type=int, default=200_000, help="packets per cell, about")
    parser.add_argument("--quick", action="store_true", help="one and a thousand flows only")
    parser.add_argument("--streams", action="store_true", help="data_received instead of buffer_updated")
    parser.add_argument("--flow-logs", action="store_true", help="every interface is watched by a flow log")
    options = parser.parse_args()
    flows = (1, 1000) if options.quick else (1, 10, 100, 1000)
    sink = Reader if options.streams else Sink
    print(ROW.format("endpoint", "MSS", "capture", "flows", "us/packet", "sys", "packets", "Gbit/s", "dropped"))
    with tempfile.TemporaryDirectory() as folder:
        for target, name in ((GATEWAY, "gateway"), (INTERFACE, "interface")):
            for mss in (1460, 8460):
                for captured in ("none", "one"):
                    for count in flows:
                        path = Path(folder) / "web.pcapng" if captured == "one" else None
                        cell = measure(target, mss, count, options.packets, path, sink, flow_logs=options.flow_logs)
                        goodput, cost = f"{cell['goodput']:.2f}", f"{cell['us']:.2f}"
                        packets, dropped = f"{cell['packets']:.0f}", f"{cell['dropped']:.0f}"
                        kernel = f"{cell['sys']:.2f}"
                        row = ROW.format(name, mss, captured, count, cost, kernel, packets, goodput, dropped)
                        print(row, flush=True)


if __name__ == "__main__":
    main()
