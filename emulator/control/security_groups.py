"""Security groups: allow rules, each with one peer.

Rules are given one per call, in the words of EC2's flat parameters.  Ports that
mean "all" are kept as -1 whichever way they were written, so that equal rules
are equal records.

AWS: VPC User Guide, "Security group rules" (SG-2 to SG-8).
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Literal

from emulator.control.addresses import network
from emulator.control.errors import Ec2Error, invalid
from emulator.control.protocols import NAMES, port_range, protocol_number
from emulator.control.state import State, verb
from emulator.control.vpcs import ALLOW_ALL_OUT
from emulator.model.resources import PeeringState, SecurityGroup, SecurityGroupRule
from emulator.model.transit_gateways import AttachmentState, AttachmentType

if TYPE_CHECKING:
    from collections.abc import Sequence

Direction = Literal["ingress", "egress"]
DEFAULT_NAME: Final = "default"

_SG_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", re.ASCII)


class SecurityGroups(State):
    """Verbs on security groups and their rules."""

    @verb
    def create_security_group(
        self, vpc_id: str, *, group_name: str | None = None, group_id: str | None = None
    ) -> SecurityGroup:
        """Create a group: nothing in, everything out (SG-2). EMU: without a name it is called by its id."""
        self._check_group_quota(self._vpc(vpc_id).region)
        if group_name is not None and group_name.lower().startswith("sg-"):
            raise invalid(f"Invalid value '{group_name}' for groupName. It must not begin with 'sg-'.", "group_name")
        name = self._new_id(self.security_groups, "sg", group_id, "group_id")
        called = name if group_name is None else group_name
        for other in self.security_groups.values():
            if other.vpc_id == vpc_id and other.group_name.lower() == called.lower():  # SG-8
                text = f"The security group '{called}' already exists for VPC '{vpc_id}'"
                raise Ec2Error("InvalidGroup.Duplicate", text, "group_id" if group_name is None else "group_name")
        group = SecurityGroup(name, vpc_id, (), (ALLOW_ALL_OUT,), called)
        self._put(self.security_groups, name, group)
        return group

    def _check_group_quota(self, region: str) -> None:
        """SG-6: so many groups in a Region."""
        limit = self.settings.security_groups_per_region
        if len(self.security_groups) < limit:
            return
        if sum(self.vpcs[group.vpc_id].region == region for group in self.security_groups.values()) >= limit:
            text = f"The maximum number of security groups has been reached. ({limit} in {region})"
            raise Ec2Error("SecurityGroupLimitExceeded", text)

    @verb
    def delete_security_group(self, group_id: str) -> None:
        """Delete a group that nobody wears and no rule of its VPC names; peers' rules go stale (SG-5)."""
        group = self._security_group(group_id)
        if self.vpcs[group.vpc_id].default_security_group_id == group_id:
            text = f'the specified group: "{group_id}" name: "{DEFAULT_NAME}" cannot be deleted by a user'
            raise Ec2Error("CannotDelete", text, "group_id")
        users = [eni.network_interface_id for eni in self.network_interfaces.values() if group_id in eni.groups]
        for records in (self.vpc_endpoints, self.load_balancers, self.resolver_endpoints):
            users += [name for name, user in records.items() if group_id in user.security_group_ids]
        users += [
            other.group_id
            for other in self.security_groups.values()
            if other.vpc_id == group.vpc_id
            and other.group_id != group_id
            and any(rule.referenced_group_id == group_id for rule in other.ingress + other.egress)
        ]
        if users:
            text = f"resource {group_id} has a dependent object ({', '.join(users)})"
            raise Ec2Error("DependencyViolation", text, "group_id")
        self._remove(self.security_groups, group_id)

    @verb
    def authorize_security_group_ingress(
        self,
        group_id: str,
        *,
        ip_protocol: str | int,
        from_port: int | None = None,
        to_port: int | None = None,
        cidr_ip: str | None = None,
        prefix_list_id: str | None = None,
        referenced_group_id: str | None = None,
    ) -> SecurityGroupRule:
        """Allow more in."""
        group = self._security_group(group_id)
        rule = _plain_rule(ip_protocol, from_port, to_port, cidr_ip, prefix_list_id, referenced_group_id)
        return self._authorize(group, "ingress", rule)

    @verb
    def authorize_security_group_egress(
        self,
        group_id: str,
        *,
        ip_protocol: str | int,
        from_port: int | None = None,
        to_port: int | None = None,
        cidr_ip: str | None = None,
        prefix_list_id: str | None = None,
        referenced_group_id: str | None = None,
    ) -> SecurityGroupRule:
        """Allow more out."""
        group = self._security_group(group_id)
        rule = _plain_rule(ip_protocol, from_port, to_port, cidr_ip, prefix_list_id, referenced_group_id)
        return self._authorize(group, "egress", rule)

    @verb
    def register_security_group_rule(
        self,
        group_id: str,
        *,
        direction: Direction,
        ip_protocol: str | int,
        referenced_group_id: str,
        from_port: int | None = None,
        to_port: int | None = None,
    ) -> SecurityGroupRule:
        """EMU: store a rule as it stands in an account, whatever became of the group it names (SG-5).

        What such a rule alone would admit is answered with ``UNKNOWN_PEERED_SGS`` if its group is not known here.
        """
        group = self._security_group(group_id)
        if _SG_ID.fullmatch(referenced_group_id) is None:
            raise invalid(f"Invalid id: '{referenced_group_id}'", "referenced_group_id")
        rule = _plain_rule(ip_protocol, from_port, to_port, None, None, referenced_group_id)
        return self._add_rule(group, direction, rule)

    @verb
    def revoke_security_group_ingress(
        self,
        group_id: str,
        *,
        ip_protocol: str | int,
        from_port: int | None = None,
        to_port: int | None = None,
        cidr_ip: str | None = None,
        prefix_list_id: str | None = None,
        referenced_group_id: str | None = None,
    ) -> None:
        """Take back an inbound rule, named by its values."""
        group = self._security_group(group_id)
        rule = _plain_rule(ip_protocol, from_port, to_port, cidr_ip, prefix_list_id, referenced_group_id)
        self._revoke(group, "ingress", rule)

    @verb
    def revoke_security_group_egress(
        self,
        group_id: str,
        *,
        ip_protocol: str | int,
        from_port: int | None = None,
        to_port: int | None = None,
        cidr_ip: str | None = None,
        prefix_list_id: str | None = None,
        referenced_group_id: str | None = None,
    ) -> None:
        """Take back an outbound rule, named by its values."""
        group = self._security_group(group_id)
        rule = _plain_rule(ip_protocol, from_port, to_port, cidr_ip, prefix_list_id, referenced_group_id)
        self._revoke(group, "egress", rule)

    def security_group_rule_is_stale(
        self, group: SecurityGroup, rule: SecurityGroupRule, direction: Direction = "ingress"
    ) -> bool:
        """Return whether the rule names a group that is gone or can no longer be named (SG-4, SG-5).

        A stale rule is kept and matches nothing, until what it names can be named again.
        """
        if rule.referenced_group_id is None:
            return False
        other = self.security_groups.get(rule.referenced_group_id)
        return other is None or not self._may_reference(group, other, direction)

    def _may_reference(self, group: SecurityGroup, other: SecurityGroup, direction: Direction) -> bool:
        """SG-4: the same VPC, an active peer's of the Region, or inbound one behind a transit gateway."""
        if group.vpc_id == other.vpc_id:
            return True
        pair = {group.vpc_id, other.vpc_id}
        if len({self.vpcs[vpc_id].region for vpc_id in sorted(pair)}) > 1:
            return False
        if direction == "ingress" and self._referencing_gateways(group.vpc_id) & self._referencing_gateways(
            other.vpc_id
        ):
            return True
        return any(
            {peering.requester_vpc_id, peering.accepter_vpc_id} == pair and peering.status is PeeringState.ACTIVE
            for peering in self.vpc_peering_connections.values()
        )

    def _referencing_gateways(self, vpc_id: str) -> set[str]:
        """Return the transit gateways by which groups of a VPC may be named: both ends say so (SG-4)."""
        return {
            attachment.transit_gateway_id
            for attachment in self.transit_gateway_attachments.values()
            if attachment.resource_type is AttachmentType.VPC
            and attachment.resource_id == vpc_id
            and attachment.state is AttachmentState.AVAILABLE
            and attachment.security_group_referencing_support
            and self.transit_gateways[attachment.transit_gateway_id].security_group_referencing_support
        }

    def _check_peer(self, group: SecurityGroup, direction: Direction, rule: SecurityGroupRule) -> None:
        """Look up what a rule names (SG-3, SG-4)."""
        if rule.prefix_list_id is not None:
            self._prefix_list(rule.prefix_list_id)
        if rule.referenced_group_id is not None:
            other = self._security_group(rule.referenced_group_id, "referenced_group_id")
            if not self._may_reference(group, other, direction):
                text = "You have specified two resources that belong to different networks"
                text = f"{text}: {group.group_id} ({group.vpc_id}), {other.group_id} ({other.vpc_id})"
                raise Ec2Error("InvalidGroup.NotFound", text, "referenced_group_id")

    def _authorize(self, group: SecurityGroup, direction: Direction, rule: SecurityGroupRule) -> SecurityGroupRule:
        self._check_peer(group, direction, rule)
        return self._add_rule(group, direction, rule)

    def _add_rule(self, group: SecurityGroup, direction: Direction, rule: SecurityGroupRule) -> SecurityGroupRule:
        present: tuple[SecurityGroupRule, ...] = getattr(group, direction)
        if rule in present:
            text = f'the specified rule "{_described(rule)}" already exists'
            raise Ec2Error("InvalidPermission.Duplicate", text)
        self._check_rule_quota((*present, rule))
        self._put_rules(group, direction, (*present, rule))
        return rule

    def _revoke(self, group: SecurityGroup, direction: Direction, rule: SecurityGroupRule) -> None:
        present: tuple[SecurityGroupRule, ...] = getattr(group, direction)
        if rule not in present:
            text = f"The specified rule does not exist in this security group. ({_described(rule)})"
            raise Ec2Error("InvalidPermission.NotFound", text)
        self._put_rules(group, direction, tuple(other for other in present if other != rule))

    def _put_rules(self, group: SecurityGroup, direction: Direction, rules: tuple[SecurityGroupRule, ...]) -> None:
        changed = replace(group, ingress=rules) if direction == "ingress" else replace(group, egress=rules)
        self._put(self.security_groups, group.group_id, changed)

    def _check_rule_quota(self, rules: Sequence[SecurityGroupRule]) -> None:
        """SG-6: a prefix list counts its weight."""
        limit = self.settings.rules_per_group
        if self.rules_used(rules) > limit:
            text = f"The maximum number of rules per security group has been reached. ({limit} per direction)"
            raise Ec2Error("RulesPerSecurityGroupLimitExceeded", text)

    def rules_used(self, rules: Sequence[SecurityGroupRule]) -> int:
        """Return what rules of one direction count for against the quota (SG-6, ROUTE-17)."""
        return sum(self.prefix_lists[rule.prefix_list_id].max_entries if rule.prefix_list_id else 1 for rule in rules)


def _plain_rule(
    ip_protocol: str | int,
    from_port: int | None,
    to_port: int | None,
    cidr_ip: str | None,
    prefix_list_id: str | None,
    referenced_group_id: str | None,
) -> SecurityGroupRule:
    """Return the rule as a record; what it names is not looked up, so that stale rules can be revoked too."""
    number = protocol_number(ip_protocol, "ip_protocol")
    first, last = port_range(number, from_port, to_port)
    peers = [peer for peer in (cidr_ip, prefix_list_id, referenced_group_id) if peer is not None]
    if len(peers) != 1:
        code = "InvalidParameterCombination" if peers else "MissingParameter"
        raise Ec2Error(code, "A rule has exactly one peer: cidrIp, prefixListId or referencedGroupId")
    block = None if cidr_ip is None else network(cidr_ip, "cidr_ip")
    return SecurityGroupRule(number, first, last, block, prefix_list_id, referenced_group_id)


def _described(rule: SecurityGroupRule) -> str:
    """Return the rule as EC2's texts do: ``peer: 10.0.0.0/8, TCP, from port: 22, to port: 22, ALLOW``."""
    protocol = NAMES.get(rule.ip_protocol, str(rule.ip_protocol)).upper()
    ports = "" if rule.from_port == -1 else f", from port: {rule.from_port}, to port: {rule.to_port}"
    return f"peer: {rule.peer}, {protocol}{ports}, ALLOW"
