"""A live account over HTTP, as with any endpoint that speaks AWS's API."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest

boto3 = pytest.importorskip("boto3")
pytest.importorskip("moto")

from moto.server import ThreadedMotoServer  # noqa: E402

from tests.importers.moto_account import KEYS, REACHABLE, REGION, cli, make, traces  # noqa: E402

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


def test_over_http_with_an_endpoint_url(tmp_path: Path) -> None:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    try:
        host, port = server.get_host_and_port()
        url = f"http://{host}:{port}"
        httpx.post(f"{url}/moto-api/reset")
        keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
        ids = make(boto3.client("ec2", region_name=REGION, endpoint_url=url, **keys))
        env = {**KEYS, "PATH": "/usr/bin:/bin", "PYTHONPATH": str(Path.cwd()), "HOME": str(tmp_path)}
        file = tmp_path / "topology.yaml"
        live = ("import", "--live", "--region", REGION, "--endpoint-url", url, "-o", file, "--json")
        answer = json.loads(cli(*live, env=env).stdout)
        assert answer["counts"]["vpcs"] == 3
        assert [answer["reachable"] for answer in traces(file, ids)] == REACHABLE
    finally:
        server.stop()
