"""Which values of a topology document name other resources, and whether those exist.

Works on the document as written, also where an entry has other mistakes, so
that every wrong name is reported at once, with a suggestion.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from emulator.topology.problems import INVALID, Problem, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from emulator.topology.documents import Document, KeyPath, Node

EACH: Final = "[]"
"""In a pattern: every element of a list."""

PEER: Final = "peer"
DESTINATION: Final = "destination"
TARGET: Final = "target"

PATTERNS: Final[dict[str, dict[tuple[str, ...], str]]] = {
    "vpcs": {("main_route_table_id",): "route_tables"},
    "subnets": {("vpc_id",): "vpcs", ("route_table_id",): "route_tables"},
    "route_tables": {
        ("vpc_id",): "vpcs",
        ("routes", EACH, "destination"): DESTINATION,
        ("routes", EACH, "target"): TARGET,
    },
    "security_groups": {
        ("vpc_id",): "vpcs",
        ("ingress", EACH, "peer"): PEER,
        ("egress", EACH, "peer"): PEER,
    },
    "network_acls": {("vpc_id",): "vpcs", ("subnet_ids", EACH): "subnets"},
    "network_interfaces": {
        ("subnet_id",): "subnets",
        ("groups", EACH): "security_groups",
        ("instance_id",): "instances",
    },
    "instances": {("subnet_id",): "subnets", ("security_group_ids", EACH): "security_groups"},
    "vpc_endpoints": {
        ("vpc_id",): "vpcs",
        ("service_name",): "services",
        ("route_table_ids", EACH): "route_tables",
        ("subnet_ids", EACH): "subnets",
        ("subnet_configurations", EACH, "subnet_id"): "subnets",
        ("security_group_ids", EACH): "security_groups",
    },
    "vpc_peering_connections": {("vpc_id",): "vpcs", ("peer_vpc_id",): "vpcs"},
    "services": {("prefix_list_id",): "prefix_lists"},
}

KINDS: Final = {  # what people call it, AWS's code when it is not there (section 14)
    "vpcs": ("VPC", "InvalidVpcID.NotFound"),
    "subnets": ("subnet", "InvalidSubnetID.NotFound"),
    "route_tables": ("route table", "InvalidRouteTableID.NotFound"),
    "security_groups": ("security group", "InvalidGroup.NotFound"),
    "network_acls": ("network ACL", "InvalidNetworkAclID.NotFound"),
    "prefix_lists": ("prefix list", "InvalidPrefixListID.NotFound"),
    "instances": ("instance", "InvalidInstanceID.NotFound"),
    "services": ("service", "InvalidServiceName"),
    "vpc_peering_connections": ("VPC peering connection", "InvalidVpcPeeringConnectionID.NotFound"),
}

FOREIGN_TARGETS: Final = {  # route targets that AWS has; the control plane refuses them by name
    "igw-": "gateway_id",
    "vgw-": "gateway_id",
    "nat-": "nat_gateway_id",
    "tgw-": "transit_gateway_id",
    "eni-": "network_interface_id",
    "i-": "instance_id",
}

_CIDR_LIKE = re.compile(r"[0-9.]+(/.*)?|.*:.*|.*/[0-9]+")


@dataclass(frozen=True, slots=True)
class Reference:
    """A value that names a resource; ``target`` is None when there is no such resource."""

    path: KeyPath
    target: tuple[str, str] | None


class Names:
    """The ids of a document and of what comes by itself, by section.

    Of an ``opaque`` section nothing is known: it is misspelt or no mapping, which is complaint enough.
    """

    def __init__(self, region: str, names: dict[str, set[str]], opaque: Collection[str] = ()) -> None:
        self.region = region
        self.names = names
        self.opaque = opaque

    def service_name(self, written: str) -> str:
        """Return the full name of a service: ``s3`` is ``com.amazonaws.<region>.s3``."""
        return written if written.startswith("com.amazonaws.") else f"com.amazonaws.{self.region}.{written}"

    def has(self, section: str, name: str) -> bool:
        """Return whether there is such a resource."""
        return section in self.opaque or name in self.names.get(section, ())

    def missing(self, section: str, name: str, *more: str) -> tuple[str, str]:
        """Return code and sentence for a name that leads nowhere; ``more`` sections may be meant as well."""
        what, code = KINDS[section]
        known = {candidate for kind in (section, *more) for candidate in self.names.get(kind, ())}
        if section == "services":
            head = f"com.amazonaws.{self.region}."
            known |= {candidate.removeprefix(head) for candidate in known}
            foreign = name.startswith("com.amazonaws.") and not name.startswith(
                (head, f"com.amazonaws.vpce.{self.region}.")
            )
            if foreign:  # VPCE-6
                return code, f'the service "{name}" is not one of {self.region}, and endpoints stay in their Region'
        hint = did_you_mean(name, known - {name})
        if section == "services" and not hint:
            hint = ' (S3 and DynamoDB are built in; declare others in "services")'
        return code, f'unknown {what} "{name}"{hint}'


def references(
    document: Document, section: str, entry_id: str, names: Names, problems: list[Problem]
) -> list[Reference]:
    """Return what an entry refers to, adding a problem for each name that leads nowhere."""
    found: list[Reference] = []
    base: KeyPath = (section, entry_id)
    entry = document.find(base)
    for pattern, kind in PATTERNS.get(section, {}).items():
        for path, node in _matches(entry, pattern, base):
            if not isinstance(node.value, str):
                continue  # the schema says what is wrong with it
            target, complaint = _resolve(kind, node.value, names)
            if complaint is not None:
                problems.append(Problem.at(node.mark, *complaint))
            if complaint is not None or target is not None:
                found.append(Reference(path, target))
    return found


def _matches(node: Node | None, pattern: tuple[str, ...], path: KeyPath) -> Iterator[tuple[KeyPath, Node]]:
    if node is None:
        return
    if not pattern:
        yield path, node
    elif pattern[0] != EACH:
        yield from _matches(node.child(pattern[0]), pattern[1:], (*path, pattern[0]))
    elif isinstance(node.value, list):
        for index, element in enumerate(node.value):
            yield from _matches(element, pattern[1:], (*path, index))


def _resolve(kind: str, word: str, names: Names) -> tuple[tuple[str, str] | None, tuple[str, str] | None]:
    """Return what a word names, or code and sentence of the complaint; neither where it names no resource."""
    if kind in (PEER, DESTINATION):
        if looks_like_cidr(word):
            return None, None
        return _peer(word, names) if kind == PEER else _plain("prefix_lists", word, names)
    if kind == TARGET:
        return _target(word, names)
    if kind == "services":
        full = names.service_name(word)
        return (("services", full), None) if names.has("services", full) else (None, names.missing("services", word))
    return _plain(kind, word, names)


def _plain(section: str, word: str, names: Names) -> tuple[tuple[str, str] | None, tuple[str, str] | None]:
    return ((section, word), None) if names.has(section, word) else (None, names.missing(section, word))


def _peer(word: str, names: Names) -> tuple[tuple[str, str] | None, tuple[str, str] | None]:
    sections = [section for section in ("security_groups", "prefix_lists") if names.has(section, word)]
    if len(sections) == 1 or names.opaque:
        return ((sections or ["security_groups"])[0], word), None
    if sections:
        return None, (INVALID, f'"{word}" is a security group and a prefix list; rename one of them')
    if word.startswith("pl-"):
        return None, names.missing("prefix_lists", word, "security_groups")
    return None, names.missing("security_groups", word, "prefix_lists")


def _target(word: str, names: Names) -> tuple[tuple[str, str] | None, tuple[str, str] | None]:
    for section in ("vpc_peering_connections", "vpc_endpoints", "network_interfaces", "instances"):
        if names.has(section, word):
            return (section, word), None
    if word == "local" or names.opaque or word.startswith(tuple(FOREIGN_TARGETS)):
        return None, None
    return None, names.missing("vpc_peering_connections", word, "vpc_endpoints")


def looks_like_cidr(word: str) -> bool:
    """Return whether a peer or destination is meant as a CIDR block, well written or not."""
    return _CIDR_LIKE.fullmatch(word) is not None
