"""Network ACLs: numbered entries, and which subnet uses which list.

AWS: VPC User Guide, "Network ACL rules" (NACL-2, NACL-3, NACL-5, NACL-6).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from emulator.control.addresses import network
from emulator.control.errors import Ec2Error, invalid
from emulator.control.protocols import port_range, protocol_number
from emulator.control.state import State, verb
from emulator.model.resources import NetworkAcl, NetworkAclEntry, RuleAction

if TYPE_CHECKING:
    from emulator.model.resources import Subnet

LAST_RULE_NUMBER: Final = 32766  # NACL-2


class NetworkAcls(State):
    """Verbs on network ACLs, their entries and their associations."""

    @verb
    def create_network_acl(self, vpc_id: str, *, network_acl_id: str | None = None) -> NetworkAcl:
        """Create a list that denies everything (NACL-3)."""
        self._vpc(vpc_id)
        limit = self.settings.network_acls_per_vpc  # NACL-6
        if sum(acl.vpc_id == vpc_id for acl in self.network_acls.values()) >= limit:
            text = f"The maximum number of network ACLs has been reached for {vpc_id} ({limit})"
            raise Ec2Error("NetworkAclLimitExceeded", text)
        name = self._new_id(self.network_acls, "acl", network_acl_id, "network_acl_id")
        acl = NetworkAcl(name, vpc_id)
        self._put(self.network_acls, name, acl)
        return acl

    @verb
    def delete_network_acl(self, network_acl_id: str) -> None:
        """Delete a list that no subnet uses; the default one stays."""
        acl = self._network_acl(network_acl_id)
        if self.vpcs[acl.vpc_id].default_network_acl_id == network_acl_id:
            raise invalid(f"cannot delete default network ACL {network_acl_id}", "network_acl_id")
        users = [subnet.subnet_id for subnet in self.subnets.values() if subnet.network_acl_id == network_acl_id]
        if users:
            text = f"The networkAcl '{network_acl_id}' has dependencies and cannot be deleted. ({', '.join(users)})"
            raise Ec2Error("DependencyViolation", text, "network_acl_id")
        self._remove(self.network_acls, network_acl_id)

    @verb
    def create_network_acl_entry(
        self,
        network_acl_id: str,
        *,
        rule_number: int,
        protocol: str | int,
        rule_action: str,
        egress: bool,
        cidr_block: str,
        from_port: int | None = None,
        to_port: int | None = None,
    ) -> NetworkAclEntry:
        """Add an entry under a free number; for ICMP the ports are type and code."""
        acl = self._network_acl(network_acl_id)
        entry = _entry(rule_number, protocol, rule_action, egress, cidr_block, from_port, to_port)
        if _find(acl, rule_number, egress=egress) is not None:
            text = f"The network acl entry identified by {rule_number} already exists."
            raise Ec2Error("NetworkAclEntryAlreadyExists", text, "rule_number")
        limit = self.settings.entries_per_acl
        if sum(other.egress == egress for other in acl.entries) + 2 > limit:  # the new one and ``*`` (NACL-6)
            text = f"You've reached the limit on the number of entries per network ACL. ({limit}, * included)"
            raise Ec2Error("NetworkAclEntryLimitExceeded", text)
        self._put_entries(acl, (*acl.entries, entry))
        return entry

    @verb
    def replace_network_acl_entry(
        self,
        network_acl_id: str,
        *,
        rule_number: int,
        protocol: str | int,
        rule_action: str,
        egress: bool,
        cidr_block: str,
        from_port: int | None = None,
        to_port: int | None = None,
    ) -> NetworkAclEntry:
        """Change the entry with this number."""
        acl = self._network_acl(network_acl_id)
        entry = _entry(rule_number, protocol, rule_action, egress, cidr_block, from_port, to_port)
        old = _existing(acl, rule_number, egress=egress)
        self._put_entries(acl, tuple(entry if other is old else other for other in acl.entries))
        return entry

    @verb
    def delete_network_acl_entry(self, network_acl_id: str, *, rule_number: int, egress: bool) -> None:
        """Delete the entry with this number; ``*`` has none and stays (NACL-2)."""
        acl = self._network_acl(network_acl_id)
        old = _existing(acl, rule_number, egress=egress)
        self._put_entries(acl, tuple(other for other in acl.entries if other is not old))

    @verb
    def replace_network_acl_association(self, network_acl_id: str, subnet_id: str) -> Subnet:
        """Change the list a subnet uses; it always has exactly one (NACL-1)."""
        acl = self._network_acl(network_acl_id)
        subnet = self._subnet(subnet_id)
        if acl.vpc_id != subnet.vpc_id:
            text = f"networkAcl {network_acl_id} and subnet {subnet_id} belong to different networks"
            raise invalid(text, "subnet_id")
        changed = replace(subnet, network_acl_id=network_acl_id)
        self._put(self.subnets, subnet_id, changed)
        return changed

    def _put_entries(self, acl: NetworkAcl, entries: tuple[NetworkAclEntry, ...]) -> None:
        """Store entries in the order in which they are evaluated, inbound ones first."""
        ordered = tuple(sorted(entries, key=lambda entry: (entry.egress, entry.rule_number)))
        self._put(self.network_acls, acl.network_acl_id, replace(acl, entries=ordered))


def _entry(
    rule_number: int,
    protocol: str | int,
    rule_action: str,
    egress: bool,
    cidr_block: str,
    from_port: int | None,
    to_port: int | None,
) -> NetworkAclEntry:
    """Return a checked entry."""
    if not 1 <= rule_number <= LAST_RULE_NUMBER:
        text = f"Value ({rule_number}) for parameter ruleNumber is invalid. It must be 1 to {LAST_RULE_NUMBER}."
        raise invalid(text, "rule_number")
    if rule_action not in tuple(RuleAction):
        text = f"Value ({rule_action}) for parameter ruleAction is invalid. It must be allow or deny."
        raise invalid(text, "rule_action")
    number = protocol_number(protocol, "protocol")
    first, last = port_range(number, from_port, to_port)
    block = network(cidr_block, "cidr_block")
    return NetworkAclEntry(rule_number, number, RuleAction(rule_action), egress, block, first, last)


def _find(acl: NetworkAcl, rule_number: int, *, egress: bool) -> NetworkAclEntry | None:
    for entry in acl.entries:
        if entry.egress == egress and entry.rule_number == rule_number:
            return entry
    return None


def _existing(acl: NetworkAcl, rule_number: int, *, egress: bool) -> NetworkAclEntry:
    entry = _find(acl, rule_number, egress=egress)
    if entry is None:
        way = "egress" if egress else "ingress"
        text = f"The network acl entry identified by rule number {rule_number} ({way}) does not exist"
        raise Ec2Error("InvalidNetworkAclEntry.NotFound", text, "rule_number")
    return entry
