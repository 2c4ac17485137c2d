"""The lookup tables that packets meet: a network, compiled.

The control plane makes them from its records at every generation; nothing here
changes afterwards.  Addresses and masks are integers, rules are in the order
in which they are asked, and every line keeps the text a person would find it by.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from emulator.gates.network_acls import AclTable
    from emulator.gates.networks import Network
    from emulator.gates.routes import RouteLookup
    from emulator.gates.security_groups import GroupRule
    from emulator.model.settings import Settings


class ShaperSpec:
    """What a shaper is to enforce: bit/s, and bytes of burst and queue (None: 10 ms at the rate)."""

    __slots__ = ("burst", "queue", "rate", "shaper_id")

    def __init__(self, shaper_id: str, rate: int, burst: int, queue: int | None) -> None:
        self.shaper_id: str = shaper_id
        self.rate: int = rate
        self.burst: int = burst
        self.queue: int | None = queue


class EndpointTable:
    """A VPC endpoint of either type.

    Attributes:
        available: Whether it forwards (VPCE-10).
        state: Its state's name.
        prefixes: Its service's addresses (gateway type), which are all it may emit.
        prefix_list_id: Their list's id.
        service_delay: Nanoseconds of one way behind it.
    """

    __slots__ = ("available", "prefix_list_id", "prefixes", "service_delay", "state", "vpc_endpoint_id", "vpc_id")

    def __init__(
        self,
        vpc_endpoint_id: str,
        vpc_id: str,
        state: str,
        prefix_list_id: str,
        prefixes: tuple[Network, ...],
        service_delay: int,
    ) -> None:
        self.vpc_endpoint_id: str = vpc_endpoint_id
        self.vpc_id: str = vpc_id
        self.state: str = state
        self.available: bool = state == "available"
        self.prefix_list_id: str = prefix_list_id
        self.prefixes: tuple[Network, ...] = prefixes
        self.service_delay: int = service_delay


class InterfaceTable:
    """A network interface with everything that guards it.

    Attributes:
        egress, ingress: The union of its groups' rules.
        group_ids: Its groups, joined, as the component that a refusal names.
        subnet: The subnet's CIDR block.
        endpoint: The interface endpoint it belongs to, or None.
        to_service, from_service: Its endpoint's shapers (VPCE-IF-11).
    """

    __slots__ = (
        "acl",
        "address",
        "availability_zone",
        "egress",
        "endpoint",
        "from_service",
        "group_ids",
        "ingress",
        "interface_id",
        "routes",
        "source_dest_check",
        "subnet",
        "to_service",
        "vpc_id",
    )

    def __init__(
        self,
        interface_id: str,
        address: int,
        vpc_id: str,
        availability_zone: str,
        subnet: Network,
        group_ids: str,
        egress: tuple[GroupRule, ...],
        ingress: tuple[GroupRule, ...],
        acl: AclTable,
        routes: RouteLookup,
        *,
        source_dest_check: bool,
        endpoint: EndpointTable | None = None,
        to_service: ShaperSpec | None = None,
        from_service: ShaperSpec | None = None,
    ) -> None:
        self.interface_id: str = interface_id
        self.address: int = address
        self.vpc_id: str = vpc_id
        self.availability_zone: str = availability_zone
        self.subnet: Network = subnet
        self.group_ids: str = group_ids
        self.egress: tuple[GroupRule, ...] = egress
        self.ingress: tuple[GroupRule, ...] = ingress
        self.acl: AclTable = acl
        self.routes: RouteLookup = routes
        self.source_dest_check: bool = source_dest_check
        self.endpoint: EndpointTable | None = endpoint
        self.to_service: ShaperSpec | None = to_service
        self.from_service: ShaperSpec | None = from_service


class VpcTable:
    """A VPC's address space and its resolver (DNS-1)."""

    __slots__ = ("cidrs", "dns_support", "resolver_address", "vpc_id")

    def __init__(self, vpc_id: str, cidrs: tuple[Network, ...], *, dns_support: bool) -> None:
        self.vpc_id: str = vpc_id
        self.cidrs: tuple[Network, ...] = cidrs
        self.resolver_address: int = cidrs[0][0] + 2
        self.dns_support: bool = dns_support


class PeeringTable:
    """A peering connection: the two VPCs, and whether it is active."""

    __slots__ = ("status", "vpc_ids", "vpc_peering_connection_id")

    def __init__(self, vpc_peering_connection_id: str, vpc_ids: tuple[str, str], status: str) -> None:
        self.vpc_peering_connection_id: str = vpc_peering_connection_id
        self.vpc_ids: tuple[str, str] = vpc_ids
        self.status: str = status

    def far(self, vpc_id: str) -> str:
        """Return the other VPC's id."""
        first, second = self.vpc_ids
        return second if vpc_id == first else first


class Tables:
    """One generation of a network, ready for packets."""

    __slots__ = ("addresses", "gateways", "generation", "interfaces", "peerings", "settings", "vpcs")

    def __init__(self, generation: int, settings: Settings) -> None:
        self.generation: int = generation
        self.settings: Settings = settings
        self.vpcs: dict[str, VpcTable] = {}
        self.interfaces: dict[str, InterfaceTable] = {}
        self.addresses: dict[tuple[str, int], InterfaceTable] = {}
        self.gateways: dict[str, EndpointTable] = {}
        self.peerings: dict[str, PeeringTable] = {}


class TableSource(Protocol):
    """Whoever compiles: the control plane, seen from below."""

    generation: int

    def tables(self) -> Tables:
        """Return the tables of the present generation."""
