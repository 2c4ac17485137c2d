"""Network ACL evaluation.

A network ACL is an ordered, stateless list: the lowest-numbered entry that
matches decides, and the entry ``*`` denies whatever is left (NACL-2).  This
module answers one question, for one packet in one direction, and knows nothing
about time, sockets, or who asked.

AWS: VPC User Guide, "Network ACL rules".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from emulator.gates.security_groups import covers_ports

if TYPE_CHECKING:
    from emulator.gates.networks import Network
    from emulator.wire.packet import Packet


class AclEntry:
    """One numbered line; ``text`` is the line as a person would find it."""

    __slots__ = ("allow", "from_port", "network", "protocol", "rule_number", "text", "to_port")

    def __init__(
        self, rule_number: int, protocol: int, from_port: int, to_port: int, network: Network, text: str, *, allow: bool
    ) -> None:
        self.rule_number: int = rule_number
        self.protocol: int = protocol
        self.from_port: int = from_port
        self.to_port: int = to_port
        self.network: Network = network
        self.text: str = text
        self.allow: bool = allow

    def matches(self, packet: Packet, peer: int) -> bool:
        """Return whether the line speaks of the packet, whose far address is ``peer``."""
        first, mask = self.network
        return (
            self.protocol in (-1, packet.proto)
            and peer & mask == first
            and covers_ports(self.from_port, self.to_port, self.protocol, packet)
        )


class AclTable:
    """A network ACL compiled: one ascending list per direction."""

    __slots__ = ("egress", "ingress", "network_acl_id")

    def __init__(self, network_acl_id: str, ingress: list[AclEntry], egress: list[AclEntry]) -> None:
        self.network_acl_id: str = network_acl_id
        self.ingress: list[AclEntry] = sorted(ingress, key=lambda entry: entry.rule_number)
        self.egress: list[AclEntry] = sorted(egress, key=lambda entry: entry.rule_number)


def decide(entries: list[AclEntry], packet: Packet, peer: int) -> tuple[bool, str]:
    """Return whether the list allows the packet, and the line that said so; ``*`` if none of the numbered ones did."""
    for entry in entries:
        if entry.matches(packet, peer):
            return entry.allow, entry.text
    return False, "*"
