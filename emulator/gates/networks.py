"""CIDR blocks as packets meet them: pairs of integers.

netaddr parses and checks; what it parsed becomes ``(network, mask)`` here,
because a packet asks "is this address inside?" and nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable

    from netaddr import IPNetwork

Network: TypeAlias = tuple[int, int]
"""``(first address, mask)``."""


def network(cidr: IPNetwork) -> Network:
    """Return a CIDR block as a network."""
    return int(cidr.first), int(cidr.netmask)


def networks(cidrs: Iterable[IPNetwork]) -> tuple[Network, ...]:
    """Return CIDR blocks as networks, in order."""
    return tuple(network(cidr) for cidr in cidrs)


def contains(blocks: tuple[Network, ...], address: int) -> bool:
    """Return whether ``address`` is inside one of the networks."""
    return any(address & mask == first for first, mask in blocks)


def dotted(address: int) -> str:
    """Return an IPv4 address (or, past 32 bits, an IPv6 one in hexadecimal) for people."""
    if address >> 32:
        return ":".join(f"{address >> shift & 0xFFFF:x}" for shift in range(112, -1, -16))
    return f"{address >> 24}.{address >> 16 & 255}.{address >> 8 & 255}.{address & 255}"
