"""Which values of a topology document name other resources, and whether those exist.

Works on the document as written, also where an entry has other mistakes, so
that every wrong name is reported at once, with a suggestion.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from emulator.control.catalogue import regionless
from emulator.topology.problems import INVALID, Problem, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from emulator.topology.documents import Document, KeyPath, Node

EACH: Final = "[]"
"""In a pattern: every element of a list."""

PEER: Final = "peer"
DESTINATION: Final = "destination"
TARGET: Final = "target"
GATEWAY: Final = "gateway"
LOCATION: Final = "location"
ATTACHED: Final = "attached"
TGW_TABLE: Final = "transit gateway route table or none"
LOGGED: Final = "logged"

CHOICES: Final[dict[str, tuple[str, ...]]] = {  # kinds of values that may name one of several sections
    TARGET: (
        "vpc_peering_connections",
        "vpc_endpoints",
        "network_interfaces",
        "instances",
        "internet_gateways",
        "nat_gateways",
        "vpn_gateways",
        "transit_gateways",
    ),
    GATEWAY: ("internet_gateways", "vpn_gateways"),
    LOCATION: ("vpn_connections", "virtual_interfaces"),
    ATTACHED: ("vpcs", "vpn_connections", "transit_gateways"),
    TGW_TABLE: ("transit_gateway_route_tables",),
    LOGGED: ("vpcs", "subnets", "network_interfaces", "instances", "vpc_endpoints", "nat_gateways"),
}

WORDS: Final[dict[str, tuple[str, ...]]] = {TARGET: ("local",), LOCATION: ("internet",), TGW_TABLE: ("none",)}
"""What may stand for no resource at all."""

PATTERNS: Final[dict[str, dict[tuple[str, ...], str]]] = {
    "vpcs": {("main_route_table_id",): "route_tables"},
    "subnets": {("vpc_id",): "vpcs", ("route_table_id",): "route_tables"},
    "route_tables": {
        ("vpc_id",): "vpcs",
        ("routes", EACH, "destination"): DESTINATION,
        ("routes", EACH, "target"): TARGET,
        ("propagating_vgws", EACH): "vpn_gateways",
        ("gateway_id",): GATEWAY,
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
    "instances": {
        ("subnet_id",): "subnets",
        ("security_group_ids", EACH): "security_groups",
        ("iam_role",): "iam_roles",
    },
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
    "internet_gateways": {("vpc_id",): "vpcs"},
    "addresses": {("network_interface_id",): "network_interfaces", ("instance_id",): "instances"},
    "nat_gateways": {("subnet_id",): "subnets", ("allocation_ids", EACH): "addresses"},
    "vpn_gateways": {("vpc_id",): "vpcs"},
    "vpn_connections": {
        ("customer_gateway_id",): "customer_gateways",
        ("vpn_gateway_id",): "vpn_gateways",
        ("transit_gateway_id",): "transit_gateways",
    },
    "virtual_interfaces": {("virtual_gateway_id",): "vpn_gateways"},
    "external_hosts": {("location",): LOCATION},
    "transit_gateways": {
        ("association_default_route_table_id",): "transit_gateway_route_tables",
        ("propagation_default_route_table_id",): "transit_gateway_route_tables",
    },
    "transit_gateway_attachments": {
        ("transit_gateway_id",): "transit_gateways",
        ("resource_id",): ATTACHED,
        ("subnet_ids", EACH): "subnets",
        ("route_table_id",): TGW_TABLE,
        ("peer_route_table_id",): TGW_TABLE,
    },
    "transit_gateway_route_tables": {
        ("transit_gateway_id",): "transit_gateways",
        ("routes", EACH, "target"): "transit_gateway_attachments",
        ("propagations", EACH): "transit_gateway_attachments",
    },
    "load_balancers": {
        ("subnet_ids", EACH): "subnets",
        ("subnet_mappings", EACH, "subnet_id"): "subnets",
        ("security_group_ids", EACH): "security_groups",
        ("listeners", EACH, "target_group_name"): "target_groups",
    },
    "target_groups": {("vpc_id",): "vpcs"},
    "vpc_endpoint_service_configurations": {("load_balancer_names", EACH): "load_balancers"},
    "hosted_zones": {("vpc_ids", EACH): "vpcs"},
    "resolver_endpoints": {
        ("ip_addresses", EACH, "subnet_id"): "subnets",
        ("security_group_ids", EACH): "security_groups",
    },
    "flow_logs": {("resource_id",): LOGGED},
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
    "vpc_endpoints": ("VPC endpoint", "InvalidVpcEndpointId.NotFound"),
    "network_interfaces": ("network interface", "InvalidNetworkInterfaceID.NotFound"),
    "internet_gateways": ("internet gateway", "InvalidInternetGatewayID.NotFound"),
    "addresses": ("Elastic IP address", "InvalidAllocationID.NotFound"),
    "nat_gateways": ("NAT gateway", "NatGatewayNotFound"),
    "customer_gateways": ("customer gateway", "InvalidCustomerGatewayID.NotFound"),
    "vpn_gateways": ("virtual private gateway", "InvalidVpnGatewayID.NotFound"),
    "vpn_connections": ("VPN connection", "InvalidVpnConnectionID.NotFound"),
    "virtual_interfaces": ("virtual interface", "DirectConnectClientException"),
    "transit_gateways": ("transit gateway", "InvalidTransitGatewayID.NotFound"),
    "transit_gateway_attachments": ("transit gateway attachment", "InvalidTransitGatewayAttachmentID.NotFound"),
    "transit_gateway_route_tables": ("transit gateway route table", "InvalidRouteTableID.NotFound"),
    "load_balancers": ("load balancer", "InvalidNetworkLoadBalancerArn.NotFound"),
    "target_groups": ("target group", "TargetGroupNotFound"),
    "iam_roles": ("role", "NoSuchEntity"),
}

FOREIGN_TARGETS: Final = {  # heads of route targets that AWS has and the emulator does not model (D6, ROUTE-13)
    "eigw-": "egress_only_internet_gateway_id",
    "lgw-": "local_gateway_id",
    "cagw-": "carrier_gateway_id",
    "arn:": "core_network_arn",
    "gwlbe-": "vpc_endpoint_id",
}

HEADS: Final = {  # what an unknown id was probably meant to name
    "igw-": "internet_gateways",
    "vgw-": "vpn_gateways",
    "nat-": "nat_gateways",
    "tgw-": "transit_gateways",
    "tgw-attach-": "transit_gateway_attachments",
    "eni-": "network_interfaces",
    "vpce-": "vpc_endpoints",
    "i-": "instances",
    "dxvif-": "virtual_interfaces",
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

    def __init__(
        self,
        region: str,
        names: dict[str, set[str]],
        opaque: Collection[str] = (),
        vpc_regions: Mapping[str, str] | None = None,
    ) -> None:
        self.region = region
        self.names = names
        self.opaque = opaque
        self.vpc_regions = dict(vpc_regions or {})

    def region_of(self, vpc_id: object) -> str:
        """Return the Region of a VPC, or with None of the document's only one; the document's own if unknown."""
        if vpc_id is None and len(self.vpc_regions) == 1:
            return next(iter(self.vpc_regions.values()))
        return self.vpc_regions.get(vpc_id, self.region) if isinstance(vpc_id, str) else self.region

    def service_name(self, written: str, region: str | None = None) -> str:
        """Return the full name of a service: ``s3`` is ``com.amazonaws.<region>.s3``, an endpoint service its id."""
        head = f"com.amazonaws.{region or self.region}."
        if written.startswith("vpce-svc-"):
            head = f"com.amazonaws.vpce.{region or self.region}."
        return written if written.startswith("com.amazonaws.") else head + written

    def has(self, section: str, name: str) -> bool:
        """Return whether there is such a resource."""
        return section in self.opaque or name in self.names.get(section, ())

    def missing(self, section: str, name: str, *more: str, region: str | None = None) -> tuple[str, str]:
        """Return code and sentence for a name that leads nowhere; ``more`` sections may be meant as well."""
        what, code = KINDS[section]
        known = {candidate for kind in (section, *more) for candidate in self.names.get(kind, ())}
        if section == "services":
            region = region or self.region
            head = f"com.amazonaws.{region}."
            known |= {candidate.removeprefix(head).removeprefix(f"com.amazonaws.vpce.{region}.") for candidate in known}
            other = regionless(name)
            if other is not None and other != name:  # as CreateVpcEndpoint says it, and what to write instead
                full = self.service_name(name, region)
                return code, f"The Vpc Endpoint Service '{full}' does not exist; did you mean {other}?"
            own = (head, f"com.amazonaws.vpce.{region}.")
            regional = name.startswith("com.amazonaws.") and name.count(".") > 2
            foreign = regional and not name.startswith(own)
            if foreign:  # VPCE-6
                return code, f'the service "{name}" is not one of {region}, and endpoints stay in their Region'
        hint = did_you_mean(name, known - {name})
        if section == "services" and not hint:
            hint = ' (AWS\'s common services are built in; declare others in "services")'
        return code, f'unknown {what} "{name}"{hint}'


def references(
    document: Document, section: str, entry_id: str, names: Names, problems: list[Problem]
) -> list[Reference]:
    """Return what an entry refers to, adding a problem for each name that leads nowhere."""
    found: list[Reference] = []
    base: KeyPath = (section, entry_id)
    entry = document.find(base)
    region = names.region_of(_value(document, (*base, "vpc_id")))
    for pattern, kind in PATTERNS.get(section, {}).items():
        for path, node in _matches(entry, pattern, base):
            if not isinstance(node.value, str):
                continue  # the schema says what is wrong with it
            target, complaint = _resolve(kind, node.value, names, region)
            if kind == TARGET and _value(document, (*path[:-1], "state")) == "blackhole":
                complaint = None  # its target may be no more (ROUTE-14)
            if kind == PEER and _value(document, (*path[:-1], "stale")) is True:
                complaint = None  # its group may be no more, or of an account that nobody read (SG-5)
            if complaint is not None:
                problems.append(Problem.at(node.mark, *complaint))
            if complaint is not None or target is not None:
                found.append(Reference(path, target))
    return found


def _value(document: Document, path: KeyPath) -> object:
    node = document.find(path)
    return None if node is None else node.value


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


def _resolve(kind: str, word: str, names: Names, region: str) -> tuple[tuple[str, str] | None, tuple[str, str] | None]:
    """Return what a word names, or code and sentence of the complaint; neither where it names no resource."""
    if kind in (PEER, DESTINATION):
        if looks_like_cidr(word):
            return None, None
        return _peer(word, names) if kind == PEER else _plain("prefix_lists", word, names)
    if kind in CHOICES:
        return _choice(kind, word, names)
    if kind == "services":
        full = names.service_name(word, region)
        if names.has("services", full):
            return ("services", full), None
        return None, names.missing("services", word, region=region)
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


def _choice(kind: str, word: str, names: Names) -> tuple[tuple[str, str] | None, tuple[str, str] | None]:
    for section in CHOICES[kind]:
        if names.has(section, word):
            return (section, word), None
    foreign = kind == TARGET and (word.startswith(tuple(FOREIGN_TARGETS)) or names.has("unsupported_components", word))
    if word in WORDS.get(kind, ()) or names.opaque or foreign:
        return None, None
    meant = max((head for head in HEADS if word.startswith(head)), key=len, default="")
    first = HEADS[meant] if meant and HEADS[meant] in CHOICES[kind] else CHOICES[kind][0]
    return None, names.missing(first, word, *CHOICES[kind])


def looks_like_cidr(word: str) -> bool:
    """Return whether a peer or destination is meant as a CIDR block, well written or not."""
    return _CIDR_LIKE.fullmatch(word) is not None
