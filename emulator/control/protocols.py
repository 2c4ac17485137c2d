"""Protocols and ports as the parameters of rules have them.

Security groups and network ACLs share these words: a protocol is a name or an
IANA number, ports are a closed range or, for ICMP, a type and a code, and -1
means all.
"""

from __future__ import annotations

from typing import Final

from emulator.control.errors import Ec2Error, invalid, unsupported
from emulator.model.resources import ANY_PROTOCOL

ICMP: Final = 1
TCP: Final = 6
UDP: Final = 17
ICMPV6: Final = 58

NUMBERS: Final = {"all": ANY_PROTOCOL, "icmp": ICMP, "tcp": TCP, "udp": UDP, "icmpv6": ICMPV6}
NAMES: Final = {number: name for name, number in NUMBERS.items()}

ALL: Final = (-1, -1)


def protocol_number(protocol: str | int, parameter: str) -> int:
    """Return the IANA number, -1 for all."""
    word = str(protocol).lower()
    number = NUMBERS.get(word)
    if number is None:
        if not (word == "-1" or (word.isascii() and word.isdigit() and len(word) <= 3 and int(word) <= 255)):
            text = f"Invalid value '{protocol}' for IP protocol. Unknown protocol."
            raise invalid(f"{text} (tcp, udp, icmp, all or a number up to 255)", parameter)
        number = int(word)
    if number == ICMPV6:
        raise unsupported("ICMPv6 is not modelled", parameter)
    return number


def port_range(protocol: int, from_port: int | None, to_port: int | None) -> tuple[int, int]:
    """Return the range as records have it: (-1, -1) for all.

    A protocol without ports has none to choose; EC2 ignores them there, and so do we.
    """
    if protocol == ICMP:
        return _icmp(from_port, to_port)
    if protocol not in (TCP, UDP):
        return ALL
    first, last = (-1 if port is None else port for port in (from_port, to_port))
    if (first == -1) != (last == -1):
        missing = "to_port" if last == -1 else "from_port"
        raise Ec2Error("MissingParameter", "Must specify both from and to ports with TCP/UDP.", missing)
    for port, parameter in ((first, "from_port"), (last, "to_port")):
        if not -1 <= port <= 65535:
            raise invalid(f"Invalid value '{port}' for portRange. Ports are 0 to 65535.", parameter)
    if first > last:
        raise invalid(f"Invalid value '{first}-{last}' for portRange. It ends before it begins.", "from_port")
    return ALL if (first, last) == (0, 65535) else (first, last)


def _icmp(icmp_type: int | None, code: int | None) -> tuple[int, int]:
    first, last = (-1 if number is None else number for number in (icmp_type, code))
    for number, parameter in ((first, "from_port"), (last, "to_port")):
        if not -1 <= number <= 255:
            raise invalid(f"Invalid value '{number}' for ICMP type or code. They are -1 to 255.", parameter)
    if first == -1 and last != -1:
        raise invalid(f"Invalid value '{last}' for ICMP code. With all types (-1) it must be -1.", "to_port")
    return first, last
