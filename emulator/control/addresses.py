"""CIDR blocks and addresses as EC2's parameters have them.

Texts become :mod:`netaddr` records here and nowhere else in this room.  netaddr
and :mod:`ipaddress` accept more spellings than EC2 does (``10/8``, netmasks),
so the shape is checked first.

AWS: VPC User Guide, "Subnet CIDR blocks" (EDGE-4).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from netaddr import AddrFormatError, IPAddress, IPNetwork

from emulator.control.errors import invalid, unsupported

RESERVED_HEAD: Final = 4
"""EDGE-4: network, router, DNS and one for the future."""

_CIDR = re.compile(r"\d{1,3}(\.\d{1,3}){3}/\d{1,2}", re.ASCII)
_ADDRESS = re.compile(r"\d{1,3}(\.\d{1,3}){3}", re.ASCII)


def network(value: object, parameter: str, path: tuple[str | int, ...] = ()) -> IPNetwork:
    """Return the CIDR block in canonical form (ROUTE-12, NACL-5).

    Raises:
        Ec2Error: if it is none, or an IPv6 one.
    """
    text = str(value)
    if ":" in text:
        raise unsupported(f"the IPv6 CIDR block {text} is not modelled", parameter, path)
    try:
        if _CIDR.fullmatch(text):
            return _canonical(text)
    except (AddrFormatError, ValueError):
        pass
    raise invalid(
        f"Value ({text}) for parameter {camel(parameter)} is invalid. This is not a valid CIDR block.", parameter, path
    )


@lru_cache(maxsize=65_536)
def _canonical(text: str) -> IPNetwork:
    """Return a block in canonical form; the same few stand in thousands of rules, and netaddr takes 35 us for each."""
    return IPNetwork(text).cidr


def address(value: object, parameter: str, path: tuple[str | int, ...] = ()) -> IPAddress:
    """Return the IPv4 address.

    Raises:
        Ec2Error: if it is none, or an IPv6 one.
    """
    text = str(value)
    if ":" in text:
        raise unsupported(f"the IPv6 address {text} is not modelled", parameter, path)
    try:
        if _ADDRESS.fullmatch(text):
            return IPAddress(text)
    except (AddrFormatError, ValueError):
        pass
    raise invalid(f"Value ({text}) for parameter {camel(parameter)} is invalid. Invalid IPv4 address.", parameter, path)


def overlap(one: IPNetwork, other: IPNetwork) -> bool:
    """Return whether two blocks share an address."""
    return bool(one.first <= other.last and other.first <= one.last)


def within(inner: IPNetwork, outer: IPNetwork) -> bool:
    """Return whether ``inner`` is equal to ``outer`` or lies inside it."""
    return bool(outer.first <= inner.first and inner.last <= outer.last)


def camel(parameter: str) -> str:
    """Return a parameter's name as EC2's texts spell it, ``cidrBlock``."""
    head, *rest = parameter.split("_")
    return head + "".join(word.capitalize() for word in rest)
