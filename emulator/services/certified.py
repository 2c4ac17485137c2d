"""Which certificate a service shows to a client that asks for a name.

A service proves the names it has: those that private DNS takes over, the public
ones beside them, and those of endpoints.  Whoever reaches it under another name
gets the same certificate, and refuses it, as with AWS.  A wildcard is one label:
``my.bucket.s3.us-east-1.amazonaws.com`` is not covered by ``*.s3...``.

A host that a document calls by no name proves whatever it is asked for.
RFC 9525 section 6.3 for wildcards; RFC 6066 section 3 for the name in the handshake.
"""

from __future__ import annotations

import re
import ssl
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from emulator.services.tls import server_context

if TYPE_CHECKING:
    from collections.abc import Sequence

_OF_ENDPOINT: Final = re.compile(r"(.+\.)?vpce-[^.]+\.(?P<service>[^.]+(\.[^.]+)*)\.vpce\.amazonaws\.com")
_context = lru_cache(maxsize=256)(server_context)


def certified(names: Sequence[str]) -> ssl.SSLContext:
    """Return a new context of a server with these names, wildcards among them; of one with any name if there are none.

    A certificate is made when a client first asks for it.
    """
    own = tuple(dict.fromkeys(names))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)

    def choose(connection: ssl.SSLObject, asked: str | None, _: ssl.SSLContext) -> None:
        connection.context = _context(*shown(own, asked))

    context.sni_callback = choose
    return context


def shown(names: tuple[str, ...], asked: str | None) -> tuple[str, ...]:
    """Return the names on the certificate that a client sees who asks for a name, or for none."""
    if not names:
        return (asked or "localhost",)
    found = _OF_ENDPOINT.fullmatch(asked or "")
    if asked and found and any(name.removeprefix("*.").startswith(f"{found['service']}.") for name in names):
        return (f"*.{asked.partition('.')[2]}",)
    return names
