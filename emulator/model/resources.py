"""Resources of a VPC, in AWS's vocabulary.

Frozen nouns: fields carry the names of EC2's API in snake case, so that an
importer is mostly a renaming.  Nothing here computes; the control plane makes
and replaces these records, and compiles them into the tables packets meet.

CIDR blocks are :class:`netaddr.IPNetwork`, addresses :class:`netaddr.IPAddress`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netaddr import IPAddress, IPNetwork

ANY_PROTOCOL = -1
"""A rule's ``ip_protocol`` that matches every protocol, as EC2 writes it."""


@dataclass(frozen=True, slots=True)
class Vpc:
    """A virtual private cloud. ``cidr_blocks`` starts with the primary one."""

    vpc_id: str
    region: str
    cidr_blocks: tuple[IPNetwork, ...]
    main_route_table_id: str
    default_security_group_id: str
    default_network_acl_id: str
    enable_dns_support: bool = True  # DNS-2
    enable_dns_hostnames: bool = False  # DNS-2


@dataclass(frozen=True, slots=True)
class Subnet:
    """A subnet. ``route_table_id`` is None when the VPC's main table applies (ROUTE-1)."""

    subnet_id: str
    vpc_id: str
    cidr_block: IPNetwork
    availability_zone: str
    network_acl_id: str
    route_table_id: str | None = None


class RouteState(StrEnum):
    """ROUTE-14."""

    ACTIVE = "active"
    BLACKHOLE = "blackhole"


class RouteOrigin(StrEnum):
    """ROUTE-15."""

    CREATE_ROUTE_TABLE = "CreateRouteTable"
    CREATE_ROUTE = "CreateRoute"


@dataclass(frozen=True, slots=True)
class Route:
    """One line of a route table: a CIDR or a prefix list, and one target.

    ``target`` is ``local`` or the id of a gateway endpoint or peering connection.
    """

    target: str
    destination_cidr_block: IPNetwork | None = None
    destination_prefix_list_id: str | None = None
    state: RouteState = RouteState.ACTIVE
    origin: RouteOrigin = RouteOrigin.CREATE_ROUTE

    @property
    def destination(self) -> str:
        """The destination as written in the table."""
        return str(self.destination_cidr_block or self.destination_prefix_list_id)


@dataclass(frozen=True, slots=True)
class RouteTable:
    """A route table; associations live with the subnets."""

    route_table_id: str
    vpc_id: str
    routes: tuple[Route, ...] = ()


@dataclass(frozen=True, slots=True)
class SecurityGroupRule:
    """An allow rule (SG-3): protocol, ports (or ICMP type and code), exactly one peer.

    Attributes:
        ip_protocol: IANA number, or -1 for all.
        from_port: First port, or ICMP type; -1 means all.
        to_port: Last port, or ICMP code; -1 means all.
    """

    ip_protocol: int
    from_port: int = -1
    to_port: int = -1
    cidr_ip: IPNetwork | None = None
    prefix_list_id: str | None = None
    referenced_group_id: str | None = None

    @property
    def peer(self) -> str:
        """The peer as written in the rule."""
        return str(self.cidr_ip or self.prefix_list_id or self.referenced_group_id)


@dataclass(frozen=True, slots=True)
class SecurityGroup:
    """A security group: allow rules only, stateful (SG-1). ``group_name`` is unique in its VPC (SG-8)."""

    group_id: str
    vpc_id: str
    ingress: tuple[SecurityGroupRule, ...] = ()
    egress: tuple[SecurityGroupRule, ...] = ()
    group_name: str = ""


class RuleAction(StrEnum):
    """What a network ACL entry does with what it matches."""

    ALLOW = "allow"
    DENY = "deny"


@dataclass(frozen=True, slots=True)
class NetworkAclEntry:
    """A numbered line of a network ACL; ports are inclusive, -1 means all (NACL-2)."""

    rule_number: int
    protocol: int
    rule_action: RuleAction
    egress: bool
    cidr_block: IPNetwork
    from_port: int = -1
    to_port: int = -1


@dataclass(frozen=True, slots=True)
class NetworkAcl:
    """A stateless, ordered list; the line ``*`` that denies the rest is implied (NACL-2)."""

    network_acl_id: str
    vpc_id: str
    entries: tuple[NetworkAclEntry, ...] = ()


@dataclass(frozen=True, slots=True)
class PrefixList:
    """A named set of CIDR blocks. ``max_entries`` is its weight (ROUTE-17)."""

    prefix_list_id: str
    prefix_list_name: str
    cidrs: tuple[IPNetwork, ...]
    max_entries: int
    owner_id: str = "AWS"


class InterfaceType(StrEnum):
    """Who stands behind a network interface."""

    INTERFACE = "interface"
    VPC_ENDPOINT = "vpc_endpoint"


@dataclass(frozen=True, slots=True)
class NetworkInterface:
    """An elastic network interface. ``attachment`` is the id of its instance or endpoint."""

    network_interface_id: str
    subnet_id: str
    vpc_id: str
    private_ip_address: IPAddress
    groups: tuple[str, ...]
    attachment: str
    interface_type: InterfaceType = InterfaceType.INTERFACE
    source_dest_check: bool = True


@dataclass(frozen=True, slots=True)
class Instance:
    """A host of the user's; the first interface is the primary one."""

    instance_id: str
    network_interface_ids: tuple[str, ...]


class VpcEndpointType(StrEnum):
    """VPCE-4; the other types of today are refused by name."""

    INTERFACE = "Interface"
    GATEWAY = "Gateway"


class EndpointState(StrEnum):
    """VPCE-10: only ``available`` forwards."""

    PENDING_ACCEPTANCE = "pendingAcceptance"
    PENDING = "pending"
    AVAILABLE = "available"
    REJECTED = "rejected"
    EXPIRED = "expired"
    FAILED = "failed"
    DELETING = "deleting"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class VpcEndpoint:
    """A VPC endpoint of either type.

    Attributes:
        policy_document: JSON text; the default allows everything (POL-1).
        route_table_ids: Gateway type only.
        subnet_ids, security_group_ids, network_interface_ids: Interface type only, ``subnet_ids`` and
            ``network_interface_ids`` in the same order.
        dns_suffix: The random-looking label of its generated names (VPCE-IF-19).
        az_bandwidth: Bit/s per endpoint interface and direction (VPCE-IF-11), IP bytes counted.
        az_burst: Bytes that may pass at once on top of the rate.
        az_queue: Bytes that may wait behind the bucket; None is 10 ms at the rate (D9).
    """

    vpc_endpoint_id: str
    vpc_endpoint_type: VpcEndpointType
    vpc_id: str
    service_name: str
    policy_document: str
    state: EndpointState = EndpointState.AVAILABLE
    route_table_ids: tuple[str, ...] = ()
    subnet_ids: tuple[str, ...] = ()
    security_group_ids: tuple[str, ...] = ()
    network_interface_ids: tuple[str, ...] = ()
    private_dns_enabled: bool = False
    dns_suffix: str = ""
    az_bandwidth: int = 10_000_000_000
    az_burst: int = 131_072
    az_queue: int | None = None


class PeeringState(StrEnum):
    """EDGE-2."""

    PENDING_ACCEPTANCE = "pending-acceptance"
    ACTIVE = "active"
    REJECTED = "rejected"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class VpcPeeringConnection:
    """A peering connection between two VPCs (EDGE-2)."""

    vpc_peering_connection_id: str
    requester_vpc_id: str
    accepter_vpc_id: str
    status: PeeringState = PeeringState.ACTIVE


@dataclass(frozen=True, slots=True)
class Service:
    """A service that endpoints may lead to.

    Attributes:
        service_name: ``com.amazonaws.<region>.<name>``.
        service_types: The endpoint types it offers.
        availability_zones: Where an interface endpoint may stand; empty means everywhere.
        private_dns_names: Public Regional names that private DNS takes over (VPCE-IF-20); ``*.`` is a wildcard.
        public_addresses: What those names resolve to outside of private DNS.
        prefix_list_id: The list of its addresses, for gateway endpoints.
        application: The built-in program that answers: ``s3``, ``http``, ``sink``… or None for a program given by API.
        options: Settings of that program, as the document gave them.
        service_delay: Nanoseconds of one way behind the endpoint (VPCE-13).
    """

    service_name: str
    region: str
    service_types: tuple[VpcEndpointType, ...]
    availability_zones: tuple[str, ...] = ()
    private_dns_names: tuple[str, ...] = ()
    public_addresses: tuple[IPAddress, ...] = ()
    prefix_list_id: str | None = None
    application: str | None = None
    options: dict[str, object] = field(default_factory=dict, hash=False, compare=False)
    service_delay: int = 0


@dataclass(frozen=True, slots=True)
class Settings:
    """The emulator's own choices and knobs (D6, section 15).

    Attributes:
        ip_versions: Versions the network carries (VPCE-5).
        interface_endpoint_protocols: IANA numbers that interface endpoints accept (VPCE-IF-7).
        interface_endpoint_mtu: Bytes (VPCE-IF-12); also clamps the MSS to 40 less (VPCE-IF-14). None: no limit.
        gateway_endpoint_mtu: Bytes (VPCE-12). None: no limit.
        endpoint_idle_timeout: Nanoseconds (VPCE-IF-15).
        tcp_established_timeout: Nanoseconds (SG-14).
        udp_timeout: Nanoseconds, one-way or a single exchange (SG-14).
        udp_stream_timeout: Nanoseconds, more than one exchange (SG-14).
        intra_az_delay, inter_az_delay, peering_delay: Nanoseconds one way between two interfaces; EMU figures.
        routes_per_table: Static routes (ROUTE-16).
        entries_per_acl: Per direction, ``*`` included (NACL-6).
        rules_per_group: Per direction (SG-6).
        groups_per_interface: (SG-6).
    """

    ip_versions: tuple[int, ...] = (4,)
    interface_endpoint_protocols: tuple[int, ...] = (6,)
    interface_endpoint_mtu: int | None = 8500
    gateway_endpoint_mtu: int | None = 8500
    endpoint_idle_timeout: int = 350_000_000_000
    tcp_established_timeout: int = 432_000_000_000_000
    udp_timeout: int = 30_000_000_000
    udp_stream_timeout: int = 180_000_000_000
    intra_az_delay: int = 50_000
    inter_az_delay: int = 250_000
    peering_delay: int = 0
    routes_per_table: int = 500
    entries_per_acl: int = 20
    rules_per_group: int = 60
    groups_per_interface: int = 5
