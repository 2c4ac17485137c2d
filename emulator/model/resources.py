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

DEFAULT_ACCOUNT = "123456789012"
"""The account of whatever does not name one: the one of AWS's own examples."""

ANY_PROTOCOL = -1
"""A rule's ``ip_protocol`` that matches every protocol, as EC2 writes it."""


@dataclass(frozen=True, slots=True)
class Vpc:
    """A virtual private cloud. ``cidr_blocks`` starts with the primary one; ``owner_id`` is the account it is in."""

    vpc_id: str
    region: str
    cidr_blocks: tuple[IPNetwork, ...]
    main_route_table_id: str
    default_security_group_id: str
    default_network_acl_id: str
    enable_dns_support: bool = True  # DNS-2
    enable_dns_hostnames: bool = False  # DNS-2
    owner_id: str = DEFAULT_ACCOUNT


@dataclass(frozen=True, slots=True)
class Subnet:
    """A subnet.

    Attributes:
        route_table_id: None when the VPC's main table applies (ROUTE-1).
        availability_zone_id: What the zone is called in every account, e.g. ``use1-az1`` (VPCE-IF-3).
    """

    subnet_id: str
    vpc_id: str
    cidr_block: IPNetwork
    availability_zone: str
    network_acl_id: str
    route_table_id: str | None = None
    availability_zone_id: str = ""


class RouteState(StrEnum):
    """ROUTE-14."""

    ACTIVE = "active"
    BLACKHOLE = "blackhole"


class RouteOrigin(StrEnum):
    """ROUTE-15."""

    CREATE_ROUTE_TABLE = "CreateRouteTable"
    CREATE_ROUTE = "CreateRoute"
    ENABLE_VGW_ROUTE_PROPAGATION = "EnableVgwRoutePropagation"
    ADVERTISEMENT = "Advertisement"


@dataclass(frozen=True, slots=True)
class Route:
    """One line of a route table: a CIDR or a prefix list, and one target.

    ``target`` is ``local`` or the id of what packets are handed to (ROUTE-13): an internet or virtual private gateway,
    a NAT gateway, an interface or instance, a gateway endpoint, a peering connection or a transit gateway.  Of a
    blackhole it may be the id of something that is no more (ROUTE-14).
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
    """A route table; associations live with the subnets.

    Attributes:
        routes: Local, static and gateway endpoints' routes; propagated ones are derived when the table is compiled.
        propagating_vgws: Virtual private gateways whose routes it takes up (ROUTE-3, ROUTE-15).
        gateway_id: The internet or virtual private gateway whose arriving packets it rules (ROUTE-18), or None.
    """

    route_table_id: str
    vpc_id: str
    routes: tuple[Route, ...] = ()
    propagating_vgws: tuple[str, ...] = ()
    gateway_id: str | None = None


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
    NAT_GATEWAY = "nat_gateway"
    NETWORK_LOAD_BALANCER = "network_load_balancer"
    TRANSIT_GATEWAY = "transit_gateway"
    LAMBDA = "lambda"


@dataclass(frozen=True, slots=True)
class ConnectionTrackingConfiguration:
    """EC2's ``ConnectionTrackingSpecification`` of an interface: idle timeouts in nanoseconds; None: the settings'."""

    tcp_established_timeout: int | None = None
    udp_timeout: int | None = None
    udp_stream_timeout: int | None = None


@dataclass(frozen=True, slots=True)
class NetworkInterface:
    """An elastic network interface.

    Attributes:
        attachment: The id of its instance, endpoint, NAT gateway, load balancer or transit gateway attachment.
        groups: Empty for NAT gateways and transit gateway attachments, and perhaps load balancers, which have none.
        secondary_private_ip_addresses: Further addresses of its subnet.
        public_ips: ``(private, public)``: the 1:1 associations an internet gateway translates by (EDGE-1).
    """

    network_interface_id: str
    subnet_id: str
    vpc_id: str
    private_ip_address: IPAddress
    groups: tuple[str, ...]
    attachment: str
    interface_type: InterfaceType = InterfaceType.INTERFACE
    source_dest_check: bool = True
    secondary_private_ip_addresses: tuple[IPAddress, ...] = ()
    public_ips: tuple[tuple[IPAddress, IPAddress], ...] = ()
    connection_tracking: ConnectionTrackingConfiguration = ConnectionTrackingConfiguration()

    @property
    def private_ip_addresses(self) -> tuple[IPAddress, ...]:
        """All its private addresses, the primary one first."""
        return (self.private_ip_address, *self.secondary_private_ip_addresses)


class OperatingSystem(StrEnum):
    """EMU: what a host runs, which its packets show."""

    LINUX = "linux"
    FREEBSD = "freebsd"
    WINDOWS = "windows"
    MACOS = "macos"


class InstanceState(StrEnum):
    """Only a running instance sends and receives."""

    RUNNING = "running"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Instance:
    """A host of the user's; the first interface is the primary one.

    Attributes:
        forwards: EMU: a middlebox that sends on what is not for itself, unchanged, by the interface it came through.
        max_tracked_connections: Of all its interfaces together (SG-16); None: the settings'.
        operating_system: EMU: whose TCP it speaks.
        application, options: The built-in program that listens on it, as with a service; None for none.
        iam_role: The role that its programs ask services by; None for none.
    """

    instance_id: str
    network_interface_ids: tuple[str, ...]
    state: InstanceState = InstanceState.RUNNING
    forwards: bool = False
    max_tracked_connections: int | None = None
    operating_system: OperatingSystem = OperatingSystem.LINUX
    application: str | None = None
    options: dict[str, object] = field(default_factory=dict, hash=False, compare=False)
    iam_role: str | None = None


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
        private_dns_only_for_inbound_resolver_endpoint: DNS-8.
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
    private_dns_only_for_inbound_resolver_endpoint: bool = False
    dns_suffix: str = ""
    az_bandwidth: int = 10_000_000_000
    az_burst: int = 131_072
    az_queue: int | None = None


class PeeringState(StrEnum):
    """EDGE-2."""

    INITIATING_REQUEST = "initiating-request"
    FAILED = "failed"
    PENDING_ACCEPTANCE = "pending-acceptance"
    EXPIRED = "expired"
    REJECTED = "rejected"
    PROVISIONING = "provisioning"
    ACTIVE = "active"
    DELETING = "deleting"
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
        service_id: The endpoint service (``vpce-svc-...``) that a customer offers under this name, else None.
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
    service_id: str | None = None

    @property
    def private_zone_names(self) -> tuple[str, ...]:
        """Names of the hidden hosted zones of its private DNS; what lies in one of them needs none of its own."""
        apexes = [name.removeprefix("*.") for name in self.private_dns_names]
        inside = {apex for apex in apexes for other in apexes if apex.endswith(f".{other}")}
        return tuple(apex for apex in dict.fromkeys(apexes) if apex not in inside)
