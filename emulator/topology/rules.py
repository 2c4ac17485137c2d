"""Rules of security groups and network ACLs, from a draft to the control plane.

Both are lists of lines in nearly the same words: protocol, ports or ICMP type
and code, and an address range; lines given replace those that a resource is
born with.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final, Literal

from emulator.control.protocols import ICMP, NUMBERS
from emulator.topology import schema
from emulator.topology.build import create_in_vpc, later
from emulator.topology.fields import ALL_PORTS

if TYPE_CHECKING:
    from emulator.topology.build import Draft, Key
    from emulator.topology.documents import KeyPath

Direction = Literal["ingress", "egress"]

DIRECTIONS: Final[tuple[Direction, Direction]] = ("ingress", "egress")


def network_acls(draft: Draft) -> None:
    """Network ACLs, their lines, and the subnets that use them."""
    plane = draft.plane
    used_by: dict[str, str] = {}
    for name, entry in draft.each("network_acls", schema.NetworkAclEntry, apart_from=("subnet_ids",)):
        key = ("network_acls", name)
        if not create_in_vpc(draft, key, entry.vpc_id, plane.create_network_acl, "network_acl_id"):
            continue
        _acl_lines(draft, key, entry.ingress, egress=False)
        _acl_lines(draft, key, entry.egress, egress=True)
        for index, subnet_id in enumerate(entry.subnet_ids):
            if not draft.part_works(key, "subnet_ids", index):
                continue
            if subnet_id in used_by:
                text = f'the subnet "{subnet_id}" already uses "{used_by[subnet_id]}"; a subnet has one network ACL'
                draft.complain(key, ("subnet_ids", index), text)
                continue
            used_by[subnet_id] = name
            call = later(plane.replace_network_acl_association, name, subnet_id)
            draft.attempt(key, call, {"subnet_id": ("subnet_ids", index)})


def _acl_lines(draft: Draft, key: Key, lines: list[schema.AclEntryEntry] | None, *, egress: bool) -> None:
    """Lines given replace those that a default ACL is born with (NACL-3)."""
    if lines is None:
        return
    plane, (_, name) = draft.plane, key
    for old in plane.network_acls[name].entries:
        if old.egress == egress:
            plane.delete_network_acl_entry(name, rule_number=old.rule_number, egress=egress)
    for index, line in enumerate(lines):
        part = ("egress" if egress else "ingress", index)
        ports = _ports(draft, key, part, line)
        if ports is None:
            continue
        call = later(
            plane.create_network_acl_entry,
            name,
            rule_number=line.rule_number,
            protocol=line.protocol,
            rule_action=line.rule_action,
            egress=egress,
            cidr_block=line.cidr_block,
            from_port=ports[0],
            to_port=ports[1],
        )
        draft.attempt(key, call, _ports_where(line), part)


def security_groups(draft: Draft) -> None:
    """Security groups first, then their rules, which may name each other."""
    plane = draft.plane
    for name, entry in draft.each("security_groups", schema.SecurityGroupEntry, apart_from=DIRECTIONS):
        key = ("security_groups", name)
        extra = {} if entry.group_name is None else {"group_name": entry.group_name}
        create_in_vpc(draft, key, entry.vpc_id, plane.create_security_group, "group_id", **extra)
    for name, entry in draft.each("security_groups", schema.SecurityGroupEntry, apart_from=DIRECTIONS):
        _group_rules(draft, name, "ingress", entry.ingress)
        _group_rules(draft, name, "egress", entry.egress)


def _group_rules(draft: Draft, name: str, direction: Direction, rules: list[schema.RuleEntry] | None) -> None:
    """Rules given replace those that a group is born with (SG-2)."""
    if rules is None:
        return
    plane, key = draft.plane, ("security_groups", name)
    group = plane.security_groups[name]
    inbound = direction == "ingress"
    revoke = plane.revoke_security_group_ingress if inbound else plane.revoke_security_group_egress
    authorize = plane.authorize_security_group_ingress if inbound else plane.authorize_security_group_egress
    for old in group.ingress if inbound else group.egress:
        block = None if old.cidr_ip is None else str(old.cidr_ip)
        revoke(name, ip_protocol=old.ip_protocol, cidr_ip=block, referenced_group_id=old.referenced_group_id)
    for index, rule in enumerate(rules):
        part = (direction, index)
        ports = _ports(draft, key, part, rule)
        if ports is None or not draft.part_works(key, *part):
            continue
        target = draft.target(key, *part, "peer")
        kind = {None: "cidr_ip", "prefix_lists": "prefix_list_id", "security_groups": "referenced_group_id"}
        peer = {"referenced_group_id" if rule.stale else kind[target and target[0]]: rule.peer}
        verb = functools.partial(plane.register_security_group_rule, direction=direction) if rule.stale else authorize
        call = later(verb, name, ip_protocol=rule.protocol, from_port=ports[0], to_port=ports[1], **peer)
        where = {**_ports_where(rule), "ip_protocol": ("protocol",), **dict.fromkeys(peer, ("peer",))}
        draft.attempt(key, call, where, part)


def _ports(
    draft: Draft, key: Key, part: KeyPath, rule: schema.RuleEntry | schema.AclEntryEntry
) -> tuple[int, int] | None:
    """Return a rule's ports, of ICMP type and code; None if it has the wrong ones."""
    icmp = rule.icmp_type, rule.icmp_code
    if _is_icmp(rule):
        if rule.ports != ALL_PORTS:
            draft.complain(key, (*part, "ports"), "icmp has no ports; it has icmp_type and icmp_code")
            return None
        return icmp
    if icmp != ALL_PORTS:
        name = "icmp_type" if rule.icmp_type != -1 else "icmp_code"
        draft.complain(key, (*part, name), f"{name} belongs to the protocol icmp")
        return None
    return rule.ports


def _ports_where(rule: schema.RuleEntry | schema.AclEntryEntry) -> dict[str, KeyPath]:
    if _is_icmp(rule):
        return {"from_port": ("icmp_type",), "to_port": ("icmp_code",)}
    return {"from_port": ("ports",), "to_port": ("ports",)}


def _is_icmp(rule: schema.RuleEntry | schema.AclEntryEntry) -> bool:
    return NUMBERS.get(str(rule.protocol).lower(), rule.protocol) in (ICMP, str(ICMP))
