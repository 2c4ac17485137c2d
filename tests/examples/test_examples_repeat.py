"""Every example runs as a script, its captures are sound, and two runs agree as far as D3 promises.

Byte for byte where the program draws its randomness and its dates from the loop; in times, lengths and flags where the
library has its own (masks of WebSockets, nonces, dates of signatures, TLS).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.examples.frames import frames
from tests.network import tshark

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
SAME_BYTES = ("aiohttp_both_ends", "httpx_client", "load_on_endpoints", "redis_cache", "uvicorn_asgi", "why_is_it_slow")
SAME_SHAPE = (
    "asyncpg_orders",
    "dynamodb_with_aiobotocore",
    "s3_with_aiobotocore",
    "tls_everywhere",
    "websockets_keepalive",
)
PARTS = ("postgres_server", "resp_server")
"""What examples put on hosts, and no examples themselves."""


def captures(name: str, folder: Path, hash_seed: str) -> list[Path]:
    command = [sys.executable, "-W", "error", str(ROOT / "examples" / f"{name}.py"), str(folder)]
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert str(folder) in done.stdout, "it says where its capture is"
    return sorted(folder.glob("*.pcapng"))


@pytest.mark.parametrize("name", [*SAME_BYTES, *SAME_SHAPE])
def test_two_runs_under_two_hash_seeds_agree(name: str, tmp_path: Path) -> None:
    first, second = (captures(name, tmp_path / seed, seed) for seed in ("1", "2"))
    assert [path.name for path in first] == [path.name for path in second]
    assert f"{name}.pcapng" in [path.name for path in first]
    for one, other in zip(first, second, strict=True):
        assert [frame.shape for frame in frames(one)] == [frame.shape for frame in frames(other)]
        assert (one.read_bytes() == other.read_bytes()) == (name in SAME_BYTES), "a promise too little, or too much"
        if shutil.which("tshark"):
            for row in tshark.frames(one):
                assert not row["_ws.malformed"], row
                assert "0" not in (row["ip.checksum.status"], row["tcp.checksum.status"]), row


def test_every_example_is_tested() -> None:
    there = {path.stem for path in (ROOT / "examples").glob("*.py")}
    assert there == {*SAME_BYTES, *SAME_SHAPE, *PARTS}
