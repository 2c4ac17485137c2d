"""TLS through an endpoint: sealed in a capture, until one has the key log file."""

# ruff: noqa: S104 - emulated hosts may listen on every address
from __future__ import annotations

import asyncio
import shutil
import subprocess

import pytest

from emulator.network.network import Network
from emulator.services.tls import client_context, server_context

NAME = "s3.us-east-1.amazonaws.com"
PORT = 8443


async def serve():
    async def answer(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        assert writer.get_extra_info("vpc_endpoint_id") == "s3"
        writer.close()

    server = await asyncio.start_server(answer, "0.0.0.0", PORT, ssl=server_context(NAME))
    await server.serve_forever()


async def ask(context):
    reader, writer = await asyncio.open_connection(NAME, PORT, ssl=context)
    writer.write(b"GET /hidden HTTP/1.1\r\nHost: s3\r\n\r\n")
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


def requests(pcap, *options):
    command = ["tshark", "-r", pcap, "-d", f"tcp.port=={PORT},tls", *options, "-Y", "http.request"]
    return subprocess.run(
        [*command, "-T", "fields", "-e", "http.request.uri"], capture_output=True, text=True, check=True
    ).stdout.split()


@pytest.mark.skipif(shutil.which("tshark") is None, reason="needs tshark")
def test_wireshark_decrypts_a_capture_with_the_key_log_file(tmp_path):
    context = client_context()
    context.keylog_filename = str(tmp_path / "keys.log")
    with Network.load("topologies/two-az-endpoints/topology.yaml") as network:
        network.capture("web", tmp_path / "web.pcapng")
        network.start(serve(), host="s3")
        assert network.run(ask(context), host="web").endswith(b"ok")
    assert requests(tmp_path / "web.pcapng") == []
    assert requests(tmp_path / "web.pcapng", "-o", f"tls.keylog_file:{tmp_path / 'keys.log'}") == ["/hidden"]
