"""What may stand in a topology document.

Sections are flat mappings by id, their keys the parameters of EC2's verbs.  The
schema knows shapes only; whether ids lead somewhere and values make sense is
asked of the references and of the control plane.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field

from emulator.topology import units
from emulator.topology.validation import Strict

NOT_MODELLED: Final = frozenset(
    {
        # sections
        "addresses", "carrier_gateways", "client_vpn_endpoints", "core_networks", "customer_gateways", "dhcp_options",
        "direct_connect_gateways", "egress_only_internet_gateways", "elastic_ips", "endpoint_services", "flow_logs",
        "gateway_load_balancers", "global_accelerators", "hosted_zones", "internet_gateways", "lambda_functions",
        "load_balancers", "local_gateways", "nat_gateways", "nat_instances", "network_firewalls",
        "network_load_balancers", "resolver_endpoints", "target_groups", "traffic_mirror_filters",
        "traffic_mirror_sessions", "traffic_mirror_targets", "transit_gateway_attachments",
        "transit_gateway_peering_attachments", "transit_gateway_route_tables", "transit_gateways",
        "virtual_private_gateways", "vpc_endpoint_service_configurations", "vpc_lattice_services", "vpn_connections",
        "vpn_gateways",
        # keys of entries
        "acceptance_required", "associate_public_ip_address", "dns_options", "elastic_ip", "gateway_id",
        "instance_tenancy", "instance_type", "ip_address_type", "map_public_ip_on_launch", "nat_gateway_id",
        "peer_owner_id", "peer_region", "propagating_vgws", "public_ip_address", "secondary_private_ip_addresses",
        "service_region", "transit_gateway_id",
    }
)  # fmt: skip
"""What AWS has and this version does not model: ``UNSUPPORTED_COMPONENT``, not an unknown key (D6)."""

_PORTS = re.compile(r"([0-9]{1,5})(?: ?- ?([0-9]{1,5}))?")


def _ports(value: object) -> tuple[int, int]:
    """Return the first and last port; (-1, -1) is all."""
    if value == "all":
        return -1, -1
    match = _PORTS.fullmatch(str(value)) if isinstance(value, str | int) and not isinstance(value, bool) else None
    if match is None:
        raise ValueError(f'must be a port, a range like 1024-65535, or all, not "{value}"')
    return int(match.group(1)), int(match.group(2) or match.group(1))


def _protocol(value: object) -> str | int:
    """Let names and numbers pass; the control plane knows which exist."""
    if isinstance(value, str | int) and not isinstance(value, bool):
        return value
    raise ValueError(f"must be tcp, udp, icmp, all or a number, not {value}")


def _queue(value: object) -> tuple[str, int]:
    """Return what an endpoint's queue is measured in, and how much of it."""
    for kind, parse in (("time", units.duration), ("bytes", units.size)):
        with suppress(ValueError):
            return kind, parse(value)
    raise ValueError(f'must be a duration like 10ms or a size like 12MB, not "{value}"')


def _policy(value: object) -> str | dict[str, Any]:
    if isinstance(value, str | dict):
        return value
    raise ValueError("must be a mapping or JSON text")


def _region(value: object) -> str:
    if isinstance(value, str) and re.fullmatch(r"[a-z]{2}(-[a-z]+)+-[0-9]", value):
        return value
    raise ValueError(f'must be a Region like us-east-1, not "{value}"')


def _mtu(value: object) -> int | str:
    """Return bytes, or ``none`` for no limit."""
    return "none" if value == "none" else units.size(value)


Ports = Annotated[tuple[int, int], BeforeValidator(_ports)]
Protocol = Annotated[str | int, BeforeValidator(_protocol)]
Duration = Annotated[int, BeforeValidator(units.duration)]
Size = Annotated[int, BeforeValidator(units.size)]
Rate = Annotated[int, BeforeValidator(units.rate)]
Mtu = Annotated[int | str, BeforeValidator(_mtu)]
Queue = Annotated[tuple[str, int], BeforeValidator(_queue)]
Policy = Annotated[Any, BeforeValidator(_policy)]
Region = Annotated[str, BeforeValidator(_region)]

ALL_PORTS: Final = (-1, -1)
DEFAULT_BANDWIDTH: Final = 10_000_000_000  # VPCE-IF-11


class VpcEntry(Strict):
    """A VPC: its blocks, the primary one first, and its DNS attributes (DNS-2)."""

    cidr_blocks: list[str] = Field(min_length=1)
    enable_dns_support: bool = True
    enable_dns_hostnames: bool = False
    main_route_table_id: str | None = None


class SubnetEntry(Strict):
    """A subnet; without a table of its own it uses the VPC's main one (ROUTE-1)."""

    cidr_block: str
    availability_zone: str
    vpc_id: str | None = None
    route_table_id: str | None = None


class RouteEntry(Strict):
    """A static route: to a CIDR block or prefix list, through a peering connection."""

    destination: str
    target: str


class RouteTableEntry(Strict):
    """A route table; local routes and those of gateway endpoints come by themselves."""

    vpc_id: str | None = None
    routes: list[RouteEntry] = Field(default_factory=list)


class RuleEntry(Strict):
    """A security group rule: protocol, ports, and one peer (SG-3)."""

    protocol: Protocol
    peer: str
    ports: Ports = ALL_PORTS
    icmp_type: int = -1
    icmp_code: int = -1


class SecurityGroupEntry(Strict):
    """A security group; without ``egress`` everything may leave (SG-2)."""

    vpc_id: str | None = None
    group_name: str | None = None
    ingress: list[RuleEntry] | None = None
    egress: list[RuleEntry] | None = None


class AclEntryEntry(Strict):
    """A numbered line of a network ACL (NACL-2)."""

    rule_number: int
    protocol: Protocol
    cidr_block: str
    rule_action: Literal["allow", "deny"]
    ports: Ports = ALL_PORTS
    icmp_type: int = -1
    icmp_code: int = -1


class NetworkAclEntry(Strict):
    """A network ACL and the subnets that use it; what no line matches is denied."""

    vpc_id: str | None = None
    ingress: list[AclEntryEntry] | None = None
    egress: list[AclEntryEntry] | None = None
    subnet_ids: list[str] = Field(default_factory=list)


class PrefixListEntry(Strict):
    """A prefix list; under the id of one of AWS's own, its blocks are replaced (VPCE-GW-2)."""

    cidrs: list[str]
    max_entries: int | None = None
    prefix_list_name: str | None = None


class NetworkInterfaceEntry(Strict):
    """A further interface of an instance, or one that belongs to nobody."""

    subnet_id: str
    groups: list[str] = Field(default_factory=list)
    private_ip_address: str | None = None
    source_dest_check: bool = True
    instance_id: str | None = None


class InstanceEntry(Strict):
    """A host and its primary interface, which is called ``eni-<instance>``."""

    subnet_id: str
    security_group_ids: list[str] = Field(default_factory=list)
    private_ip_address: str | None = None
    source_dest_check: bool = True


class SubnetConfigurationEntry(Strict):
    """The address of an endpoint's interface in one subnet (VPCE-IF-4)."""

    subnet_id: str
    ipv4: str


class VpcEndpointEntry(Strict):
    """A VPC endpoint of either type (VPCE-4); ``az_...`` shape each interface and direction (D9)."""

    service_name: str
    vpc_endpoint_type: str = "Gateway"
    vpc_id: str | None = None
    route_table_ids: list[str] = Field(default_factory=list)
    subnet_ids: list[str] = Field(default_factory=list)
    subnet_configurations: list[SubnetConfigurationEntry] = Field(default_factory=list)
    security_group_ids: list[str] = Field(default_factory=list)
    policy_document: Policy = None
    private_dns_enabled: bool = False
    az_bandwidth: Rate | None = None
    az_burst: Size | None = None
    az_queue: Queue | None = None


class PeeringEntry(Strict):
    """A peering connection (EDGE-2)."""

    vpc_id: str
    peer_vpc_id: str
    auto_accept: bool = True


class ServiceEntry(Strict):
    """A service of the Region; for a built-in one, the keys given replace its own."""

    application: str | None = None
    service_types: list[Literal["Interface", "Gateway"]] | None = None
    availability_zones: list[str] | None = None
    private_dns_names: list[str] | None = None
    public_addresses: list[str] | None = None
    prefix_list_id: str | None = None
    options: dict[str, Any] | None = None
    service_delay: Duration | None = None


class SettingsEntry(Strict):
    """The emulator's knobs (section 15 of the facts); absent ones keep their defaults."""

    ip_versions: list[Literal[4, 6]] | None = None
    interface_endpoint_protocols: list[Protocol] | None = None
    interface_endpoint_mtu: Mtu | None = None
    gateway_endpoint_mtu: Mtu | None = None
    endpoint_idle_timeout: Duration | None = None
    tcp_established_timeout: Duration | None = None
    udp_timeout: Duration | None = None
    udp_stream_timeout: Duration | None = None
    intra_az_delay: Duration | None = None
    inter_az_delay: Duration | None = None
    peering_delay: Duration | None = None
    routes_per_table: int | None = Field(None, ge=1, le=1000)  # ROUTE-16
    entries_per_acl: int | None = Field(None, ge=1, le=40)  # NACL-6
    rules_per_group: int | None = Field(None, ge=1, le=1000)  # SG-6
    groups_per_interface: int | None = Field(None, ge=1, le=16)  # SG-6


class TopologyDocument(Strict):
    """A whole document. It is checked entry by entry; this is its table of contents."""

    region: Region
    vpcs: dict[str, VpcEntry] = Field(default_factory=dict)
    subnets: dict[str, SubnetEntry] = Field(default_factory=dict)
    route_tables: dict[str, RouteTableEntry] = Field(default_factory=dict)
    security_groups: dict[str, SecurityGroupEntry] = Field(default_factory=dict)
    network_acls: dict[str, NetworkAclEntry] = Field(default_factory=dict)
    prefix_lists: dict[str, PrefixListEntry] = Field(default_factory=dict)
    network_interfaces: dict[str, NetworkInterfaceEntry] = Field(default_factory=dict)
    instances: dict[str, InstanceEntry] = Field(default_factory=dict)
    vpc_endpoints: dict[str, VpcEndpointEntry] = Field(default_factory=dict)
    vpc_peering_connections: dict[str, PeeringEntry] = Field(default_factory=dict)
    services: dict[str, ServiceEntry] = Field(default_factory=dict)
    settings: SettingsEntry | None = None


SECTIONS: Final[dict[str, type[Strict]]] = {
    "vpcs": VpcEntry,
    "subnets": SubnetEntry,
    "route_tables": RouteTableEntry,
    "security_groups": SecurityGroupEntry,
    "network_acls": NetworkAclEntry,
    "prefix_lists": PrefixListEntry,
    "network_interfaces": NetworkInterfaceEntry,
    "instances": InstanceEntry,
    "vpc_endpoints": VpcEndpointEntry,
    "vpc_peering_connections": PeeringEntry,
    "services": ServiceEntry,
}
"""The sections that hold resources by id, and what each entry looks like."""
