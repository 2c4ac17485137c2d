"""TLS for what lives behind endpoints, and for the clients that talk to it.

``server_context("s3.us-east-1.amazonaws.com", "*.s3.us-east-1.amazonaws.com")``
is what a server gives to ``ssl=``; ``client_context()`` is what a client does.
A library that wants a file instead is given ``AUTHORITY``
(httpx's ``verify=``, ``AWS_CA_BUNDLE``, botocore's ``verify``).

The authority's keys are public: nothing outside the emulator may trust it.
"""

from __future__ import annotations

import ssl
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from emulator.services.x509 import AUTHORITY, SERVER_KEY, issue

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["AUTHORITY", "client_context", "late_context", "server_context"]


def server_context(*names: str, alpn: tuple[str, ...] = ()) -> ssl.SSLContext:
    """Return a new context of a server that has these names.

    Args:
        names: DNS names, of which the first label may be ``*``, and IPv4 addresses.
        alpn: Application protocols to agree on, the best first; none of them by default.

    Raises:
        ValueError: without a name.
    """
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    with tempfile.TemporaryDirectory() as folder:  # OpenSSL's door for certificates takes files only
        path = Path(folder) / "server.pem"
        path.write_text(issue(names), "ascii")
        context.load_cert_chain(path, SERVER_KEY)
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context


def late_context(names_of: Callable[[], tuple[str, ...]]) -> ssl.SSLContext:
    """Return a context of a server whose names may change: each handshake gets a certificate for those it has then.

    Nothing is signed before the first client comes: that takes a hundred times as long as a handshake's packets.

    Args:
        names_of: Returns the DNS names, as :func:`server_context` takes them.
    """
    made: dict[tuple[str, ...], ssl.SSLContext] = {}

    def certify(handshake: ssl.SSLObject, server_name: str | None, context: ssl.SSLContext) -> None:  # noqa: ARG001
        names = names_of()
        if names not in made:
            made.clear()
            made[names] = server_context(*names)
        handshake.context = made[names]

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.sni_callback = certify  # also called for a client that names nobody
    return context


def client_context(*, alpn: tuple[str, ...] = ()) -> ssl.SSLContext:
    """Return a new context of a client that trusts the emulator's services, and nobody else."""
    context = ssl.create_default_context(cafile=str(AUTHORITY))
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context
