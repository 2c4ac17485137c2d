"""HTTP services speak TLS beside HTTP, and prove their own names."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import pytest

from emulator import Network
from emulator.services import OptionError, program_of
from emulator.services.certified import shown
from emulator.services.tls import client_context
from tests.services.test_programs_on_loopback import service

TOPOLOGY = Path(__file__).parents[2] / "topologies" / "first-packets" / "topology.yaml"
S3 = ("s3.us-east-1.amazonaws.com", "*.s3.us-east-1.amazonaws.com", "s3.dualstack.us-east-1.amazonaws.com")


async def get(host, path, **options):
    reader, writer = await asyncio.open_connection(host, 443, ssl=client_context(), **options)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


def test_s3_answers_on_443_with_its_own_certificate():
    with Network.load(TOPOLOGY, seed=3) as network:
        answer = network.run(get("s3.us-east-1.amazonaws.com", "/shelf/note.txt"), host="web")
        assert answer.startswith(b"HTTP/1.1 200 OK")
        assert answer.endswith(b"packets were here")
        bucket = network.run(get("shelf.s3.us-east-1.amazonaws.com", "/note.txt"), host="web")
        assert bucket.endswith(b"packets were here")
        with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
            network.run(get("my.shelf.s3.us-east-1.amazonaws.com", "/note.txt"), host="web")
        with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
            network.run(get("s3.us-east-1.amazonaws.com", "/", server_hostname="files.corp.example"), host="web")


def test_a_client_that_names_nobody_gets_the_certificate_of_the_service():
    async def story():
        careless = client_context()
        careless.check_hostname = False
        _, writer = await asyncio.open_connection("s3.us-east-1.amazonaws.com", 443, ssl=careless, server_hostname="")
        names = [name for _, name in writer.get_extra_info("peercert")["subjectAltName"]]
        writer.close()
        await writer.wait_closed()
        return names

    with Network.load(TOPOLOGY, seed=3) as network:
        assert "*.s3.us-east-1.amazonaws.com" in network.run(story(), host="web")


@pytest.mark.parametrize(
    ("names", "asked", "certificate"),
    [
        (S3, "s3.us-east-1.amazonaws.com", S3),
        (S3, "b.s3.us-east-1.amazonaws.com", S3),
        (S3, "elsewhere.example", S3),
        (S3, None, S3),
        (
            S3,
            "b.bucket.vpce-0a-x.s3.us-east-1.vpce.amazonaws.com",
            ("*.bucket.vpce-0a-x.s3.us-east-1.vpce.amazonaws.com",),
        ),
        (S3, "vpce-0a-x-us-east-1a.s3.us-east-1.vpce.amazonaws.com", ("*.s3.us-east-1.vpce.amazonaws.com",)),
        (S3, "vpce-0a-x.sqs.us-east-1.vpce.amazonaws.com", S3),
        ((), "any.example", ("any.example",)),
        ((), None, ("localhost",)),
    ],
)
def test_which_names_a_certificate_has(names, asked, certificate):
    assert shown(names, asked) == certificate


def test_where_tls_is_spoken():
    assert program_of(service("s3")).tls_port == 443
    assert program_of(service("s3", tls=False)).tls_port is None
    assert program_of(service("http", tls_port=8443)).tls_port == 8443
    assert program_of(service("http", port=443)).tls_port is None  # a plain one, where the document says so
    with pytest.raises(OptionError, match=r"options\.tls_port: 443 is the port without TLS"):
        program_of(service("http", port=443, tls=True))
