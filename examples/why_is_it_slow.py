"""A program hangs and then fails: the network says why, and what to do about it.

httpx on a host without a route to S3 gives up after its connect timeout, to the nanosecond; ``network.explain``
walks the packet that the program sent, names the gate where it died, and proposes a change that has been tried.
Applied, the same program takes a few milliseconds.

Then it is slow in another way: the path loses one packet in twenty, and the download takes its time.  The trace says
that nothing forbids anything; the capture shows the retransmissions.

    python examples/why_is_it_slow.py [FOLDER]
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import httpx

from emulator import Fault, Network

TOPOLOGY = Path(__file__).parents[1] / "topologies" / "programs" / "topology.yaml"
URL = "http://s3.us-east-1.amazonaws.com/training/big.bin"


async def download() -> tuple[str, float]:
    """Download ten megabytes; return what came and how many seconds it took."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    try:
        async with httpx.AsyncClient(trust_env=False, timeout=5) as client:
            came = f"{len((await client.get(URL)).content):,} bytes"
    except httpx.TransportError as error:
        came = type(error).__name__
    return came, loop.time() - began


def main(folder: Path = Path("pcaps/out")) -> dict[str, Any]:
    """Run the program three times, and return what came of it."""
    with Network.load(TOPOLOGY, seed=1) as network:
        capture = network.capture("isolated", folder / "why_is_it_slow.pcapng")
        runs = [network.run(download(), host="isolated")]
        why = network.explain("isolated", "s3.us-east-1.amazonaws.com:80")
        assert why.repair is not None, "a missing route can be repaired"
        for change in why.repair.changes:
            change.apply(network.ec2)
        runs.append(network.run(download(), host="isolated"))
        network.add_fault(Fault(loss=0.05))
        runs.append(network.run(download(), host="isolated"))
        after = network.trace("isolated", "s3.us-east-1.amazonaws.com:80")
    blocker, changes = str(why.answer.blocker), [str(change) for change in why.repair.changes]
    losses = sum("EMU_FAULT" in str(drop.ending) for drop in network.ledger.since(0))
    print(f"as it is:       {runs[0][0]:>16} after {runs[0][1]:.6f} s")
    print(f"    why:        {blocker}")
    print(f"    what helps: {', '.join(changes)}")
    print(f"repaired:       {runs[1][0]:>16} after {runs[1][1]:.6f} s")
    print(f"with loss:      {runs[2][0]:>16} after {runs[2][1]:.6f} s, {losses} packets lost")
    print(f"    why:        {'no gate refuses anything: the path loses packets' if after.reachable else after.blocker}")
    print(f"{capture.written} packets: {capture.path}")
    return {
        "runs": runs,
        "blocker": blocker,
        "changes": changes,
        "reachable": after.reachable,
        "losses": losses,
        "network": network,
        "capture": capture,
    }


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
