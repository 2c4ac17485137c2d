"""httpx, unmodified, reads and writes S3 through a gateway endpoint.

One client, one pool, one connection: the requests below share a handshake, as they do on a real host.  The endpoint's
policy denies one object; its answer is an HTTP status on that same connection, not a dropped packet.

    python examples/httpx_client.py [FOLDER]
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import httpx

from emulator import Network

TOPOLOGY = Path(__file__).parents[1] / "topologies" / "programs" / "topology.yaml"
S3 = "http://s3.us-east-1.amazonaws.com/training"


async def talk() -> list[tuple[str, int, bytes]]:
    """Talk to S3; this is plain httpx, and knows of no emulator."""
    # trust_env: proxies that this machine is set up for are no business of the emulated host's.
    async with httpx.AsyncClient(trust_env=False) as client:
        requests = [
            client.build_request("GET", f"{S3}/big.bin"),
            client.build_request("PUT", f"{S3}/note.txt", content=b"packets were here"),
            client.build_request("GET", f"{S3}/note.txt"),
            client.build_request("GET", f"{S3}/big.bin", headers={"Range": "bytes=0-99"}),
            client.build_request("GET", f"{S3}/secret.bin"),
        ]
        answers = [await client.send(request) for request in requests]
    return [(f"{answer.request.method} {answer.url.path}", answer.status_code, answer.content) for answer in answers]


def main(folder: Path = Path("pcaps/out")) -> dict[str, Any]:
    """Run the program on the host ``app`` in virtual time, and return what happened."""
    with Network.load(TOPOLOGY, seed=1) as network:
        capture = network.capture("app", folder / "httpx_client.pcapng")
        answers = network.run(talk(), host="app")
    connections = [flow.flow for flow in network.flows() if flow.flow.startswith("tcp 10.0.1.10")]
    for request, status, body in answers:
        print(f"{request:24} {status} {len(body):>10,} bytes")
    print(f"{len(connections)} connection(s), {capture.written} packets: {capture.path}")
    return {"answers": answers, "connections": connections, "network": network, "capture": capture}


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
