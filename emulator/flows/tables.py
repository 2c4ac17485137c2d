"""The lookup tables that packets meet: a network, compiled.

The control plane makes them from its records at every generation; nothing here
changes afterwards.  Addresses and masks are integers, rules are in the order
in which they are asked, and every line keeps the text a person would find it by.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from emulator.gates.network_acls import AclTable
    from emulator.gates.networks import Network
    from emulator.gates.routes import RouteEntry, RouteLookup
    from emulator.gates.security_groups import GroupRule
    from emulator.model.settings import Settings


class ShaperSpec:
    """What a shaper is to enforce: bit/s, and bytes of burst and queue (None: 10 ms at the rate).

    ``packets`` instead of bit/s: packets per second, a second's worth at once, none waiting (DNS-3).
    """

    __slots__ = ("burst", "packets", "queue", "rate", "shaper_id")

    def __init__(self, shaper_id: str, rate: int, burst: int, queue: int | None, *, packets: bool = False) -> None:
        self.shaper_id: str = shaper_id
        self.rate: int = rate
        self.burst: int = burst
        self.queue: int | None = queue
        self.packets: bool = packets


class EndpointTable:
    """A VPC endpoint of either type.

    Attributes:
        available: Whether it forwards (VPCE-10).
        state: Its state's name.
        service: Its service's name.
        prefixes: Its service's addresses (gateway type), which are all it may emit.
        prefix_list_id: Their list's id.
        service_delay: Nanoseconds of one way behind it.
        auto_tracked: Whether flows through it are always tracked, and by how many entries (SG-12); 0 is no.
        nodes: By zone, the load balancers' interfaces behind it, if a customer offers the service (SVC-7).
        service_failed: What an injected fault says of the service; empty if all is well.
    """

    __slots__ = (
        "auto_tracked",
        "available",
        "nodes",
        "prefix_list_id",
        "prefixes",
        "service",
        "service_delay",
        "service_failed",
        "state",
        "vpc_endpoint_id",
        "vpc_id",
    )

    def __init__(
        self,
        vpc_endpoint_id: str,
        vpc_id: str,
        state: str,
        service: str,
        prefix_list_id: str,
        prefixes: tuple[Network, ...],
        service_delay: int,
        *,
        auto_tracked: int = 0,
        nodes: dict[str, tuple[str, ...]] | None = None,
        service_failed: str = "",
    ) -> None:
        self.vpc_endpoint_id: str = vpc_endpoint_id
        self.vpc_id: str = vpc_id
        self.state: str = state
        self.available: bool = state == "available"
        self.service: str = service
        self.prefix_list_id: str = prefix_list_id
        self.prefixes: tuple[Network, ...] = prefixes
        self.service_delay: int = service_delay
        self.auto_tracked: int = auto_tracked
        self.nodes: dict[str, tuple[str, ...]] | None = nodes
        self.service_failed: str = service_failed


class Kind(StrEnum):
    """What stands behind an interface, as far as packets are concerned."""

    HOST = "host"
    ENDPOINT = "endpoint"
    NAT_GATEWAY = "nat gateway"
    LOAD_BALANCER = "load balancer"
    TRANSIT_GATEWAY = "transit gateway"


class InterfaceTable:
    """A network interface with everything that guards it.

    Attributes:
        owner: The instance, endpoint, NAT gateway, load balancer or attachment behind it.
        addresses: All its private addresses; ``address`` is the primary one.
        public: Private address → public one (EDGE-1).
        egress, ingress: The union of its groups' rules; None where no groups judge (NAT gateways and their like).
        open_egress, open_ingress: Protocols for which that direction is open to all addresses and ports (SG-10).
        group_ids: Its groups, joined, as the component that a refusal names.
        subnet: The subnet's CIDR block.
        endpoint: The interface endpoint it belongs to, or None.
        to_service, from_service: Its endpoint's shapers (VPCE-IF-11).
        auto_tracked: Whether its flows are always tracked (SG-12).
        forwards: Whether its instance sends on what is not for itself.
        running: Whether its instance is running.
        failed: What an injected fault says; empty if all is well.
        tcp_established_timeout, udp_timeout, udp_stream_timeout: Nanoseconds (SG-14).
        max_tracked: Tracked connections of its instance (SG-16); 0 for no limit.
    """

    __slots__ = (
        "acl",
        "address",
        "addresses",
        "auto_tracked",
        "availability_zone",
        "egress",
        "endpoint",
        "failed",
        "forwards",
        "from_service",
        "group_ids",
        "ingress",
        "interface_id",
        "kind",
        "max_tracked",
        "open_egress",
        "open_ingress",
        "owner",
        "public",
        "routes",
        "running",
        "source_dest_check",
        "subnet",
        "subnet_id",
        "tcp_established_timeout",
        "to_service",
        "udp_stream_timeout",
        "udp_timeout",
        "vpc_id",
    )

    def __init__(
        self,
        interface_id: str,
        addresses: tuple[int, ...],
        vpc_id: str,
        availability_zone: str,
        subnet_id: str,
        subnet: Network,
        group_ids: str,
        egress: tuple[GroupRule, ...] | None,
        ingress: tuple[GroupRule, ...] | None,
        acl: AclTable,
        routes: RouteLookup,
        timeouts: tuple[int, int, int],
        *,
        source_dest_check: bool,
        kind: Kind = Kind.HOST,
        owner: str = "",
        public: dict[int, int] | None = None,
        open_egress: tuple[int, ...] = (),
        open_ingress: tuple[int, ...] = (),
        endpoint: EndpointTable | None = None,
        to_service: ShaperSpec | None = None,
        from_service: ShaperSpec | None = None,
        auto_tracked: bool = False,
        forwards: bool = False,
        running: bool = True,
        failed: str = "",
        max_tracked: int = 0,
    ) -> None:
        self.interface_id: str = interface_id
        self.address: int = addresses[0]
        self.addresses: tuple[int, ...] = addresses
        self.vpc_id: str = vpc_id
        self.availability_zone: str = availability_zone
        self.subnet_id: str = subnet_id
        self.subnet: Network = subnet
        self.group_ids: str = group_ids
        self.egress: tuple[GroupRule, ...] | None = egress
        self.ingress: tuple[GroupRule, ...] | None = ingress
        self.acl: AclTable = acl
        self.routes: RouteLookup = routes
        self.tcp_established_timeout, self.udp_timeout, self.udp_stream_timeout = timeouts
        self.source_dest_check: bool = source_dest_check
        self.kind: Kind = kind
        self.owner: str = owner
        self.public: dict[int, int] = public or {}
        self.open_egress: tuple[int, ...] = open_egress
        self.open_ingress: tuple[int, ...] = open_ingress
        self.endpoint: EndpointTable | None = endpoint
        self.to_service: ShaperSpec | None = to_service
        self.from_service: ShaperSpec | None = from_service
        self.auto_tracked: bool = auto_tracked
        self.forwards: bool = forwards
        self.running: bool = running
        self.failed: str = failed
        self.max_tracked: int = max_tracked

    def inside(self, address: int) -> bool:
        """Return whether an address is in the interface's own subnet."""
        first, mask = self.subnet
        return address & mask == first


class VpcTable:
    """A VPC's address space and its resolver (DNS-1); ``transit`` says whether a transit gateway is attached."""

    __slots__ = ("cidrs", "dns_support", "region", "resolver_address", "transit", "vpc_id")

    def __init__(
        self, vpc_id: str, region: str, cidrs: tuple[Network, ...], *, dns_support: bool, transit: bool = False
    ) -> None:
        self.vpc_id: str = vpc_id
        self.region: str = region
        self.cidrs: tuple[Network, ...] = cidrs
        self.resolver_address: int = cidrs[0][0] + 2
        self.dns_support: bool = dns_support
        self.transit: bool = transit


class PeeringTable:
    """A peering connection: the two VPCs, whether it is active, and whether it crosses Regions (NET-6)."""

    __slots__ = ("inter_region", "status", "vpc_ids", "vpc_peering_connection_id")

    def __init__(
        self, vpc_peering_connection_id: str, vpc_ids: tuple[str, str], status: str, *, inter_region: bool = False
    ) -> None:
        self.vpc_peering_connection_id: str = vpc_peering_connection_id
        self.vpc_ids: tuple[str, str] = vpc_ids
        self.status: str = status
        self.inter_region: bool = inter_region

    def far(self, vpc_id: str) -> str:
        """Return the other VPC's id."""
        first, second = self.vpc_ids
        return second if vpc_id == first else first


@dataclass(frozen=True, slots=True)
class GatewayTable:
    """An internet or virtual private gateway: its VPC, and the route table it rules arriving packets by (ROUTE-18).

    Attributes:
        connections: Of a virtual private gateway: where each network beyond it is reached, best first (ROUTE-3).
    """

    gateway_id: str
    vpc_id: str | None
    edge_routes: RouteLookup | None = None
    connections: RouteLookup | None = None


@dataclass(frozen=True, slots=True)
class NatGatewayTable:
    """A NAT gateway: its interface, and whether it has Elastic IPs."""

    nat_gateway_id: str
    interface_id: str
    state: str
    failed: str = ""


@dataclass(frozen=True, slots=True)
class ConnectionTable:
    """A VPN connection or a virtual interface of Direct Connect.

    Attributes:
        gateway_id: The virtual private or transit gateway at its end.
        attachment_id: Of a transit gateway: the attachment.
        up: Whether it carries packets; ``state`` says why not.
        vpn: Whether it is a VPN: it has another MTU, and is silent about it (NET-7).
        routes: What is beyond it.
    """

    connection_id: str
    gateway_id: str
    attachment_id: str | None
    up: bool
    state: str
    vpn: bool
    routes: tuple[Network, ...] = ()


@dataclass(frozen=True, slots=True)
class AttachmentTable:
    """A transit gateway attachment.

    Attributes:
        kind: ``vpc``, ``vpn`` or ``peering``.
        resource_id: The VPC, the VPN connection, or the peer transit gateway.
        interfaces: Of a VPC: zone → interface, in the order of its subnets.
        tables: Transit gateway → the route table it is associated with there, or None; a peering has two.
        references: Whether group identities pass (SG-4).
    """

    attachment_id: str
    transit_gateway_id: str
    kind: str
    resource_id: str
    state: str
    interfaces: dict[str, str] = field(default_factory=dict)
    tables: dict[str, str | None] = field(default_factory=dict)
    references: bool = False
    appliance_mode: bool = False


@dataclass(frozen=True, slots=True)
class TransitGatewayTable:
    """A transit gateway: its Region, and its attachments of VPCs by VPC."""

    transit_gateway_id: str
    region: str
    by_vpc: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TargetTable:
    """A target of a load balancer: its address, port, zone (empty if unknown) and health."""

    address: int
    port: int
    availability_zone: str
    healthy: bool


@dataclass(frozen=True, slots=True)
class ListenerTable:
    """A listener and the targets of its group.

    Attributes:
        protocols: IANA numbers it takes.
        target_protocols: IANA numbers its group takes.
        proxy_protocol: Whether the consumer's address is prepended (SVC-10).
        preserves_client: Whether direct clients keep their addresses (SVC-8).
    """

    port: int
    protocols: tuple[int, ...]
    target_group: str
    target_protocols: tuple[int, ...]
    targets: tuple[TargetTable, ...]
    proxy_protocol: bool = False
    preserves_client: bool = False


@dataclass(frozen=True, slots=True)
class LoadBalancerTable:
    """A Network Load Balancer; its nodes are interfaces, one in each of its zones."""

    name: str
    zones: tuple[str, ...]
    listeners: tuple[ListenerTable, ...]
    cross_zone: bool
    enforces: bool
    idle_timeout: int


class Tables:
    """One generation of a network, ready for packets.

    Attributes:
        addresses: ``(VPC, address)`` → interface, for all private addresses.
        public: Public address → what has it: an interface, an external host, or a service by its name.
        public_blocks: Blocks of public addresses → the service whose prefix list holds them.
        connections: VPN connections and virtual interfaces by id.
        external: External host → (its address, where it is).
    """

    __slots__ = (
        "addresses",
        "attachments",
        "connections",
        "external",
        "gateways",
        "generation",
        "interfaces",
        "internet_gateways",
        "load_balancers",
        "nat_gateways",
        "peerings",
        "public",
        "public_blocks",
        "settings",
        "transit_gateways",
        "transit_routes",
        "unreadable",
        "vpcs",
        "vpn_gateways",
    )

    def __init__(self, generation: int, settings: Settings) -> None:
        self.generation: int = generation
        self.settings: Settings = settings
        self.vpcs: dict[str, VpcTable] = {}
        self.interfaces: dict[str, InterfaceTable] = {}
        self.addresses: dict[tuple[str, int], InterfaceTable] = {}
        self.gateways: dict[str, EndpointTable] = {}
        self.peerings: dict[str, PeeringTable] = {}
        self.internet_gateways: dict[str, GatewayTable] = {}
        self.vpn_gateways: dict[str, GatewayTable] = {}
        self.nat_gateways: dict[str, NatGatewayTable] = {}
        self.connections: dict[str, ConnectionTable] = {}
        self.external: dict[str, tuple[int, str]] = {}
        self.public: dict[int, str] = {}
        self.public_blocks: RouteLookup | None = None
        self.transit_gateways: dict[str, TransitGatewayTable] = {}
        self.attachments: dict[str, AttachmentTable] = {}
        self.transit_routes: dict[str, RouteLookup] = {}
        self.unreadable: tuple[str, ...] = ()
        self.load_balancers: dict[str, LoadBalancerTable] = {}


class TableSource(Protocol):
    """Whoever compiles: the control plane, seen from below."""

    generation: int

    def tables(self) -> Tables:
        """Return the tables of the present generation."""


def lines(lookup: RouteLookup) -> list[RouteEntry]:
    """Return every line of a table, longest prefixes first, for explanations."""
    return [entry for _, entries in lookup.by_length for entry in entries.values()]
