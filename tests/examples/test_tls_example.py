"""TLS under six libraries: what the example promises, and what Wireshark makes of it."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
import tls_everywhere

from tests.examples.frames import frames, opened
from tests.network import tshark

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow


@tshark.needed
def test_six_libraries_speak_tls_and_the_key_log_opens_what_they_said(tmp_path: Path) -> None:
    came = tls_everywhere.main(tmp_path)
    httpx, name, trust, *others = came["told"]
    assert httpx == "httpx: aiohttp over https, TLSv1.3"
    assert "IP address mismatch, certificate is not valid for '10.0.2.20'" in name
    assert "unable to get local issuer certificate" in trust
    assert others == [
        "aiohttp: uvicorn over https",
        "websockets: 'over TLS'",
        "redis-py: True",
        "asyncpg: 42",
        "aiobotocore: 100 bytes",
    ]
    seen = frames(came["capture"].path)
    assert [len(opened(seen, port)) for port in (443, 8443, 9443, 6379, 5432)] == [4, 1, 1, 1, 1]
    assert not any(b"over TLS" in frame.payload or b"SELECT" in frame.payload for frame in seen)

    command = ["tshark", "-r", str(came["capture"].path), "-o", f"tls.keylog_file:{came['keys']}"]
    command += ["-d", "tcp.port==8443,tls", "-d", "tcp.port==9443,tls", "-Y", "http or websocket or pgsql.query"]
    command += ["-T", "fields", "-e", "http.request.full_uri", "-e", "http.response.code", "-e", "pgsql.query"]
    shown = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert "https://server.internal/\t" in shown
    assert "\t101\t" in shown, "the WebSocket's upgrade"
    assert "SELECT 1 + $1" in shown
