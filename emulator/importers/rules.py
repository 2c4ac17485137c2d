"""Rules: security groups, network ACLs and the prefix lists that rules and routes name.

One permission of EC2's answers may have many peers; a rule of a document has
one (SG-3).  What a file does not say is not none: a subnet of which no network
ACL is known gets the default one, with a note.

AWS: EC2 API Reference, "DescribeSecurityGroups", "DescribeNetworkAcls", "DescribeManagedPrefixLists".
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from emulator.importers.notes import Code
from emulator.importers.values import cidr, flag, listed, name_of, number, rows, text, words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emulator.importers.plan import Entry, Plan
    from emulator.importers.snapshot import Record
    from emulator.importers.values import Item

LAST_RULE: Final = 32766  # NACL-2: 32767 and 32768 are the lines ``*``
PROTOCOLS: Final = {"-1": "all", "6": "tcp", "17": "udp", "1": "icmp", "58": "icmpv6", "all": "all"}
WITH_PORTS: Final = ("tcp", "udp")


# -- prefix lists -----------------------------------------------------------------


def prefix_lists(plan: Plan) -> None:
    """Lists with their blocks; AWS's own replace the built-in ones (VPCE-GW-2)."""
    entries = _entries_of_lists(plan)
    for name, record in plan.snapshot.unique("PrefixLists"):
        blocks = _blocks(plan, record, name, words(record.item, "Cidrs"))
        if blocks:
            entry = {"cidrs": blocks, "prefix_list_name": text(record.item, "PrefixListName")}
            plan.put("prefix_lists", name, entry, record)
        elif words(record.item, "Cidrs"):
            plan.foreign[name] = "IPv6 prefix list"
    for name, record in plan.snapshot.unique("ManagedPrefixLists"):
        if plan.has("prefix_lists", name):
            continue
        if text(record.item, "AddressFamily") == "IPv6":
            plan.note(record, name, Code.EMU_IPV4_ONLY, "an IPv6 prefix list: left out")
            plan.foreign[name] = "IPv6 prefix list"
            continue
        if name not in entries:
            if text(record.item, "OwnerId") == "AWS":
                continue  # nobody has to fetch the lists of services that nothing here names
            sentence = "its entries are in no file (get-managed-prefix-list-entries): it is taken as empty"
            plan.note(record, name, Code.UNKNOWN_RESOURCE, sentence)
        size = number(record.item, "MaxEntries")
        blocks = _blocks(plan, record, name, entries.get(name, []))
        made: Entry = {
            "cidrs": blocks,
            "max_entries": max(1, size, len(blocks)) if size is not None else None,
            "prefix_list_name": text(record.item, "PrefixListName"),
        }
        plan.put("prefix_lists", name, made, record).setdefault("cidrs", [])
    for name, blocks in entries.items():
        if not plan.has("prefix_lists", name) and name not in plan.foreign and name_of(name):
            kept = [block for one in blocks if (block := cidr(one))]
            plan.put("prefix_lists", name, {"cidrs": list(dict.fromkeys(kept))}).setdefault("cidrs", [])


def _entries_of_lists(plan: Plan) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for record in plan.snapshot.of("PrefixListEntries"):
        name = text(record.item, "PrefixListId")
        if name:
            found.setdefault(name, []).extend(text(entry, "Cidr") for entry in rows(record.item, "Entries"))
        else:
            sentence = "says no prefix list: put its id, pl-..., into the file's name"
            plan.note(record, "", Code.EMU_LEFT_OUT, sentence)
    return found


def _blocks(plan: Plan, record: Record, name: str, written: list[str]) -> list[str]:
    blocks = [block for one in written if (block := cidr(one))]
    if len(blocks) < len(written):
        plan.note(
            record, name, Code.EMU_IPV4_ONLY, f"{len(written) - len(blocks)} entries are no IPv4 blocks: left out"
        )
    return list(dict.fromkeys(blocks))


def known_list(plan: Plan, where: Record, about: str, name: str) -> bool:
    """Return whether rules and routes may name a prefix list; of one that no file has, an empty one is made."""
    if plan.has("prefix_lists", name):
        return True
    if name in plan.foreign or not name_of(name):
        return False
    sentence = f"the entries of {name} are in no file: it is taken as empty"
    plan.note(where, about, Code.UNKNOWN_RESOURCE, sentence)
    plan.put("prefix_lists", name, {"cidrs": []}, where)["cidrs"] = []
    return True


# -- security groups --------------------------------------------------------------


def security_groups(plan: Plan) -> None:
    """Groups, then their rules, which may name each other."""
    kept: list[tuple[str, Record]] = []
    taken: set[tuple[str, str]] = set()
    for name, record in plan.snapshot.unique("SecurityGroups"):
        vpc_id, called = text(record.item, "VpcId"), text(record.item, "GroupName")
        if not plan.has("vpcs", vpc_id):
            why = f"its VPC {vpc_id} is in no file" if vpc_id else "is of no VPC"
            plan.note(record, name, Code.UNKNOWN_RESOURCE, f"{why}: left out")
            continue
        if called == "default":
            plan.sections["vpcs"][vpc_id]["default_security_group_id"] = name
        unusable = not called or called == "default" or called.lower().startswith("sg-")
        if unusable or (vpc_id, called.lower()) in taken:
            called = ""
        taken.add((vpc_id, called.lower()))
        plan.put("security_groups", name, {"vpc_id": vpc_id, "group_name": called}, record)
        kept.append((name, record))
    for name, record in kept:
        entry = plan.sections["security_groups"][name]
        for direction, key in (("ingress", "IpPermissions"), ("egress", "IpPermissionsEgress")):
            if isinstance(record.item.get(key), list):
                entry[direction] = _rules(plan, name, record, rows(record.item, key), direction)
            else:
                default = "nothing is let in" if direction == "ingress" else "everything is let out"
                plan.note(record, name, Code.EMU_ASSUMED, f"no {key} in the file: {default}, as in a new group")


def _rules(plan: Plan, name: str, record: Record, permissions: list[Item], direction: str) -> list[Entry]:
    """Return one rule per peer."""
    rules: list[Entry] = []
    left_out: Counter[str] = Counter()
    for permission in permissions:
        matched = _what(text(permission, "IpProtocol"), permission, "FromPort", "ToPort")
        left_out[f"IPv6 peers of {direction} rules are left out"] += len(listed(permission, "Ipv6Ranges"))
        peers = list(_peers(plan, name, record, permission, left_out, direction))
        if matched is None:
            left_out[f"{direction} rules of ICMPv6 are left out"] += len(peers)
            continue
        for peer in peers:
            rule = {**matched, "peer": peer}
            if not cidr(peer) and not plan.has("security_groups", peer) and not plan.has("prefix_lists", peer):
                rule["stale"] = True
            if rule not in rules:
                rules.append(rule)
    plan.note_kinds(record, name, Code.EMU_IPV4_ONLY, +left_out)
    return rules


def _peers(
    plan: Plan, name: str, record: Record, permission: Item, left_out: Counter[str], direction: str
) -> Iterator[str]:
    for one in rows(permission, "IpRanges"):
        if block := cidr(text(one, "CidrIp")):
            yield block
        else:
            plan.note(record, name, Code.EMU_LEFT_OUT, f"an {direction} rule's CIDR block is none")
    for one in rows(permission, "PrefixListIds"):
        listed_id = text(one, "PrefixListId")
        if plan.foreign.get(listed_id) == "IPv6 prefix list":
            left_out[f"IPv6 prefix lists of {direction} rules are left out"] += 1
        elif known_list(plan, record, name, listed_id):
            yield listed_id
        else:
            plan.note(record, name, Code.EMU_LEFT_OUT, f"an {direction} rule's prefix list has no id")
    for one in rows(permission, "UserIdGroupPairs"):
        other = text(one, "GroupId")
        if plan.has("security_groups", other):
            yield other
        elif name_of(other):
            account = text(one, "UserId")
            where = f" of the account {account}" if account else ""
            sentence = (
                f"an {direction} rule names the group {other}{where}, which no file has: kept, and matches nothing"
            )
            plan.note(record, name, Code.UNKNOWN_PEERED_SGS, sentence)
            yield other
        else:
            plan.note(record, name, Code.EMU_LEFT_OUT, f"an {direction} rule names a group without id")


def unknown_group(plan: Plan, where: Record, about: str, name: str, vpc_id: str) -> bool:
    """Return whether something may wear a group; one that no file has is made without rules, with a note."""
    if plan.has("security_groups", name):
        return plan.sections["security_groups"][name].get("vpc_id") == vpc_id
    if not name_of(name) or not plan.has("vpcs", vpc_id):
        return False
    sentence = f"{about} wears it and no file has it: it is taken as a group without rules"
    plan.note(where, name, Code.UNKNOWN_RESOURCE, sentence)
    made = plan.put("security_groups", name, {"vpc_id": vpc_id}, where)
    made["ingress"] = []
    made["egress"] = []
    return True


def groups_of(plan: Plan, where: Record, about: str, item: Item, key: str, vpc_id: str) -> list[str]:
    """Return the groups that something wears, written as ``[{GroupId}]`` or as plain ids."""
    written = [text(one, "GroupId") for one in rows(item, key)] + words(item, key)
    return [name for name in dict.fromkeys(written) if unknown_group(plan, where, about, name, vpc_id)]


# -- network ACLs ------------------------------------------------------------------


def network_acls(plan: Plan) -> None:
    """ACLs, their lines and the subnets that use them."""
    covered: set[str] = set()
    for name, record in plan.snapshot.unique("NetworkAcls"):
        vpc_id = text(record.item, "VpcId")
        if not plan.has("vpcs", vpc_id):
            plan.note(record, name, Code.UNKNOWN_RESOURCE, f"its VPC {vpc_id or '(not named)'} is in no file: left out")
            continue
        if flag(record.item, "IsDefault"):
            plan.sections["vpcs"][vpc_id]["default_network_acl_id"] = name
        users = [text(one, "SubnetId") for one in rows(record.item, "Associations")]
        users = [one for one in dict.fromkeys(users) if plan.has("subnets", one) and one not in covered]
        covered.update(users)
        entry = plan.put("network_acls", name, {"vpc_id": vpc_id, "subnet_ids": users}, record)
        if isinstance(record.item.get("Entries"), list):
            entry |= _lines(plan, name, record)
        elif flag(record.item, "IsDefault"):
            sentence = "no Entries in the file: everything is allowed, as in a new default ACL"
            plan.note(record, name, Code.EMU_ASSUMED, sentence)
        else:
            plan.note(record, name, Code.EMU_ASSUMED, "no Entries in the file: everything is denied, as in a new ACL")
    for name, _ in plan.each("subnets"):
        if name not in covered:
            sentence = "no file says its network ACL: the VPC's default one is assumed"
            if "default_network_acl_id" not in plan.sections["vpcs"][plan.sections["subnets"][name]["vpc_id"]]:
                sentence += ", which allows everything as it is born"
            plan.note(plan.origins.get(("subnets", name), ("", 1))[0], name, Code.EMU_ASSUMED, sentence)


def _lines(plan: Plan, name: str, record: Record) -> Entry:
    lines: dict[str, list[Entry]] = {"ingress": [], "egress": []}
    left_out: Counter[str] = Counter()
    numbers: set[tuple[bool, int]] = set()
    for one in rows(record.item, "Entries"):
        position, egress = number(one, "RuleNumber"), flag(one, "Egress")
        direction = "egress" if egress else "ingress"
        if text(one, "Ipv6CidrBlock"):
            left_out[f"IPv6 {direction} entries are left out"] += position is None or position <= LAST_RULE
            continue
        if position is not None and position > LAST_RULE:
            continue  # the line ``*``
        block, action = cidr(text(one, "CidrBlock")), text(one, "RuleAction").lower()
        ports = _joined(one)
        matched = _what(str(one.get("Protocol", "")), ports, "FromPort", "ToPort")
        if position is None or position < 1 or egress is None or not block or action not in ("allow", "deny"):
            sentence = f"an entry ({position}) lacks its number, direction, action or CIDR block: left out"
            plan.note(record, name, Code.EMU_LEFT_OUT, sentence)
        elif matched is None:
            left_out[f"{direction} entries of ICMPv6 are left out"] += 1
        elif (egress, position) in numbers:
            plan.note(record, name, Code.EMU_LEFT_OUT, f"the {direction} entry {position} is there twice: first taken")
        else:
            numbers.add((egress, position))
            lines[direction].append({"rule_number": position, **matched, "cidr_block": block, "rule_action": action})
    plan.note_kinds(record, name, Code.EMU_IPV4_ONLY, +left_out)
    return {way: sorted(found, key=lambda line: line["rule_number"]) for way, found in lines.items()}


def _joined(entry: Item) -> Item:
    """Return ports, or ICMP type and code, under one pair of names."""
    if str(entry.get("Protocol", "")) in ("1", "icmp"):
        kind, code = number(entry, "IcmpTypeCode", "Type"), number(entry, "IcmpTypeCode", "Code")
        return {"FromPort": kind, "ToPort": code}
    return {"FromPort": number(entry, "PortRange", "From"), "ToPort": number(entry, "PortRange", "To")}


def _what(written: str, item: Item, from_key: str, to_key: str) -> Entry | None:
    """Return protocol and ports in a document's words, None for ICMPv6."""
    word = PROTOCOLS.get(written.lower(), written.lower())
    if word == "icmpv6":
        return None
    first, last = number(item, from_key), number(item, to_key)
    rule: dict[str, Any] = {"protocol": int(word) if word.isascii() and word.isdigit() else word}
    if word in WITH_PORTS and first is not None and first >= 0 and last is not None and last >= first:
        if (first, last) != (0, 65535):
            rule["ports"] = first if first == last else f"{first}-{last}"
    elif word == "icmp" and first is not None and first >= 0:
        rule["icmp_type"] = first
        if last is not None and last >= 0:
            rule["icmp_code"] = last
    return rule
