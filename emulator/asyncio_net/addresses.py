"""Addresses as programs write them and as packets carry them.

Programs say ``("10.0.1.5", 443)``; packets hold 32-bit integers.  A datagram's
source is handed to programs as a :class:`PeerAddress`, which is that same
tuple and remembers the attachment the datagram came through, so an answer
finds its way back although two VPCs may own the same addresses (D11).
"""

from __future__ import annotations

import socket
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from emulator.asyncio_net.stack import Plug

ANY: Final = 0
LOOPBACK: Final = 0x7F000001
LOOPBACK_NET: Final = 0x7F

SERVICES: Final = {"domain": 53, "http": 80, "https": 443, "ssh": 22}
"""The part of ``/etc/services`` that programs here ask for; the machine's own file is not read."""


@lru_cache(maxsize=65_536)
def dotted(address: int) -> str:
    """Return an IPv4 address as programs write it."""
    return f"{address >> 24}.{address >> 16 & 255}.{address >> 8 & 255}.{address & 255}"


def parse_ipv4(text: str) -> int | None:
    """Return the number of an IPv4 address in dotted form, or None if it is none."""
    try:
        return int.from_bytes(socket.inet_pton(socket.AF_INET, text), "big")
    except (OSError, ValueError):
        return None


def is_ipv6(text: str) -> bool:
    """Return whether ``text`` is a numeric IPv6 address."""
    try:
        socket.inet_pton(socket.AF_INET6, text.partition("%")[0])
    except (OSError, ValueError):
        return False
    return True


def port_number(port: Any) -> int:
    """Return the number of a port given as number, digits or service name.

    Raises:
        socket.gaierror: if there is no such service.
        OverflowError: if it is no 16-bit number.
    """
    if port is None or port in ("", b""):
        return 0
    if isinstance(port, bytes):
        port = port.decode("ascii")
    if isinstance(port, str) and not port.isdecimal():
        number = SERVICES.get(port)
        if number is None:
            raise socket.gaierror(socket.EAI_SERVICE, "Servname not supported for ai_socktype")
        return number
    number = int(port)
    if not 0 <= number <= 0xFFFF:
        raise OverflowError("port must be 0-65535.")
    return number


class PeerAddress(tuple[str, int]):  # noqa: SLOT001 - a tuple has no room for slots
    """``(host, port)`` of a datagram's sender, with the way it came.

    Attributes:
        plug: Where the datagram entered the host.
        local_address: The address it was sent to.
    """

    plug: Plug
    local_address: int

    @classmethod
    def of(cls, address: int, port: int, plug: Plug, local_address: int) -> PeerAddress:
        """Return the address of a datagram that came through ``plug``."""
        peer = cls((dotted(address), port))
        peer.plug = plug
        peer.local_address = local_address
        return peer
