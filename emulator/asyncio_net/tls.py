"""TLS over emulated TCP: what ``ssl=...`` says, and asyncio's own protocol made of it.

OpenSSL does the work, as on a real host, between the program's protocol and
the stream transport: ``asyncio.sslproto``, unchanged.  Its timeouts are timers
of the loop, so they count virtual time; the handshake itself takes none but what its
packets do.  Random numbers are OpenSSL's: two runs with one seed agree in times,
lengths and flags of all packets and differ in what is under the encryption (D3).

The certificates of both sides are judged by the machine's clock: OpenSSL knows no other.

Settles arguments: ``asyncio/sslproto.py`` of CPython.
"""

# ruff: noqa: SLF001 - a loop and its transports are made of what asyncio calls private

from __future__ import annotations

from asyncio import sslproto
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import asyncio
    import ssl

    from emulator.asyncio_net.loop import VirtualTimeLoop


class Tls(NamedTuple):
    """The ``ssl...`` arguments of one call.

    Attributes:
        context: Certificates, keys, versions; None is what ``ssl=True`` means to a client.
        server_side: Who waits for the ClientHello.
        server_hostname: What the client asks for (SNI) and checks.
        handshake_timeout: Seconds until a handshake fails; None is asyncio's 60.
        shutdown_timeout: Seconds a closing side waits for the other; None is asyncio's 30.
    """

    context: ssl.SSLContext | None
    server_side: bool = False
    server_hostname: str | None = None
    handshake_timeout: float | None = None
    shutdown_timeout: float | None = None

    def between(self, loop: VirtualTimeLoop, protocol: Any, waiter: asyncio.Future[None]) -> sslproto.SSLProtocol:
        """Return what stands between a stream transport and ``protocol``; ``waiter`` is done after the handshake."""
        protocol_class: Any = sslproto.SSLProtocol  # typeshed takes timeouts for integers
        return protocol_class(  # type: ignore[no-any-return]
            loop,
            protocol,
            self.context,  # None makes asyncio's default context
            waiter,
            self.server_side,
            self.server_hostname,
            ssl_handshake_timeout=self.handshake_timeout,
            ssl_shutdown_timeout=self.shutdown_timeout,
        )


def server_tls(context: Any, handshake_timeout: float | None, shutdown_timeout: float | None) -> Tls | None:
    """Return what ``create_server`` was asked for.

    Raises:
        TypeError: if ``ssl`` is no context.
        ValueError: if a timeout is given without ``ssl``.
    """
    if isinstance(context, bool):
        raise TypeError("ssl argument must be an SSLContext or None")
    for name, timeout in (("ssl_handshake_timeout", handshake_timeout), ("ssl_shutdown_timeout", shutdown_timeout)):
        if timeout is not None and context is None:
            raise ValueError(f"{name} is only meaningful with ssl")
    if context is None:
        return None
    return Tls(context, True, None, handshake_timeout, shutdown_timeout)


def silence(protocol: Any) -> None:
    """Let the TLS layers of a connection that vanishes with its host not complain that nobody closed them."""
    while isinstance(protocol, sslproto.SSLProtocol):
        if protocol._app_transport is not None:
            protocol._app_transport._closed = True
        protocol = protocol._app_protocol
