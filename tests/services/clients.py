"""botocore's own clients in front of an application, without a network: what AWS's SDK makes of the answers."""

from __future__ import annotations

import asyncio
import io
from urllib.parse import urlsplit

import boto3
from botocore.awsrequest import AWSResponse
from botocore.config import Config

from emulator.services.http import BODILESS
from emulator.services.messages import Body, Provenance, Request

CLIENT = Provenance("10.0.1.10", 40000, "vpce-1", "vpc-1")


class _Raw(io.BytesIO):
    """What urllib3 gives botocore to read from."""

    def stream(self, amount=65_536, **_):
        while piece := self.read(amount):
            yield piece


class Wire:
    """Carries a client's requests to an application; ``seen`` keeps them."""

    def __init__(self, application, provenance=CLIENT):
        self.application = application
        self.provenance = provenance
        self.seen = []
        self.clock = 0

    def __call__(self, request, **_):
        body = request.body or b""
        if isinstance(body, str):
            body = body.encode()
        chunks = [body] if isinstance(body, bytes) else list(body)
        url = urlsplit(request.url)
        headers = tuple(
            (name.lower(), value if isinstance(value, str) else value.decode())
            for name, value in request.headers.items()
        )
        host = url.netloc.partition(":")[0]
        self.clock += 1_000_000_000
        asked = Request(request.method, host, url.path or "/", url.query, headers, self.provenance, self.clock)
        self.seen.append(asked)
        response = asyncio.run(self.application.respond(asked, Body.of(*chunks)))
        content = response.content if isinstance(response.content, bytes) else b"".join(response.content)
        headers = dict(response.headers)
        if response.content_length is not None and response.status not in BODILESS:
            headers["Content-Length"] = str(response.content_length)
        if request.method == "HEAD":
            content = b""
        return AWSResponse(request.url, response.status, headers, _Raw(content))


def client(service, application=None, region="us-east-1", **config):
    """A client of boto3; with an application, one that talks to it."""
    made = boto3.client(
        service,
        region_name=region,
        aws_access_key_id="AKIDEXAMPLE",
        aws_secret_access_key="secret",  # noqa: S106 - nobody's
        config=Config(retries={"max_attempts": 0}, **config),
    )
    if application is not None:
        made.meta.events.register_first("before-send", Wire(application))
    return made
