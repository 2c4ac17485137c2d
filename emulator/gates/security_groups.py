"""Security-group rules: allow lists, one packet in one direction.

An interface gets the union of its groups' rules; what none of them admits is
dropped (SG-1).  Whether a packet belongs to a flow that was admitted before is
not known here: connection tracking asks these rules for new flows only.

AWS: VPC User Guide, "Security group rules".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from emulator.gates.networks import Network, contains
from emulator.wire.packet import IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP

if TYPE_CHECKING:
    from emulator.wire.packet import Packet

ANYWHERE: Final[Network] = (0, 0)
"""``0.0.0.0/0``."""


class GroupRule:
    """One allow rule with its peer resolved to addresses.

    Attributes:
        text: The rule as a person would find it in its group.
        protocol: IANA number, -1 for all.
        from_port, to_port: Inclusive ports, or ICMP type and code; -1 for all.
        peers: The CIDR, or a prefix list's CIDRs.
        members: Private addresses of a referenced group's interfaces (SG-3); None where the peer is no group.
        unknown: Whether the referenced group is not known here (UNKNOWN_PEERED_SGS).
    """

    __slots__ = ("from_port", "members", "peers", "protocol", "text", "to_port", "unknown")

    def __init__(
        self,
        text: str,
        protocol: int,
        from_port: int,
        to_port: int,
        peers: tuple[Network, ...] = (),
        members: frozenset[int] | None = None,
        *,
        unknown: bool = False,
    ) -> None:
        self.text: str = text
        self.protocol: int = protocol
        self.from_port: int = from_port
        self.to_port: int = to_port
        self.peers: tuple[Network, ...] = peers
        self.members: frozenset[int] | None = members
        self.unknown: bool = unknown

    def covers(self, packet: Packet) -> bool:
        """Return whether the rule's protocol and ports cover the packet, whoever its peer is."""
        return self.protocol in (-1, packet.proto) and covers_ports(self.from_port, self.to_port, self.protocol, packet)

    def opens(self, protocol: int, port: int) -> bool:
        """Return whether the rule opens a port of TCP or UDP to all addresses."""
        ports = self.from_port < 0 or self.from_port <= port <= self.to_port
        return ANYWHERE in self.peers and self.protocol in (-1, protocol) and ports

    def admits(self, packet: Packet, peer: int) -> bool:
        """Return whether the rule covers the packet, whose far address is ``peer``."""
        if not self.covers(packet):
            return False
        return contains(self.peers, peer) if self.members is None else peer in self.members


def covers_ports(from_port: int, to_port: int, protocol: int, packet: Packet) -> bool:
    """Return whether a rule's ports (of ICMP: type and code) cover the packet's destination."""
    if protocol in (IPPROTO_TCP, IPPROTO_UDP):
        return from_port < 0 or from_port <= packet.dport <= to_port
    if protocol == IPPROTO_ICMP:
        return from_port in (-1, packet.dport >> 8) and to_port in (-1, packet.dport & 255)
    return True


def admitting(rules: tuple[GroupRule, ...], packet: Packet, peer: int, *, references: bool = True) -> GroupRule | None:
    """Return the first rule that admits the packet, or None; without ``references`` rules that name groups do not."""
    for rule in rules:
        if (references or rule.members is None) and rule.admits(packet, peer):
            return rule
    return None


def openly(rules: tuple[GroupRule, ...], protocol: int, port: int) -> bool:
    """Return whether a rule opens a port of TCP or UDP to all addresses (SG-10)."""
    return any(rule.opens(protocol, port) for rule in rules)


def open_protocols(rules: tuple[GroupRule, ...]) -> tuple[int, ...]:
    """Return which of TCP and UDP a direction is open for, to all addresses and on all ports (SG-10)."""
    wide = [rule for rule in rules if ANYWHERE in rule.peers and rule.from_port < 0]
    return tuple(proto for proto in (IPPROTO_TCP, IPPROTO_UDP) if any(rule.protocol in (-1, proto) for rule in wide))


def unknown(rules: tuple[GroupRule, ...], packet: Packet) -> bool:
    """Return whether a rule that names an unknown group would cover the packet."""
    return any(rule.unknown and rule.covers(packet) for rule in rules)
