"""The edges of a VPC: internet and NAT gateways, VPN and Direct Connect, and who is beyond them.

Frozen nouns like those of :mod:`emulator.model.resources`.  What AWS's
``directconnect`` API calls a virtual interface is one here too; hosts beyond an
edge are the emulator's own (EMU), since AWS has no word for them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from emulator.model.resources import DEFAULT_ACCOUNT, OperatingSystem

if TYPE_CHECKING:
    from netaddr import IPAddress, IPNetwork


@dataclass(frozen=True, slots=True)
class InternetGateway:
    """An internet gateway (EDGE-1); ``vpc_id`` is None while it is detached."""

    internet_gateway_id: str
    vpc_id: str | None = None


@dataclass(frozen=True, slots=True)
class Address:
    """An Elastic IP address. What it is associated with stands on the interface, in ``public_ips``."""

    allocation_id: str
    public_ip: IPAddress
    network_interface_id: str | None = None
    private_ip_address: IPAddress | None = None
    owner_id: str = DEFAULT_ACCOUNT


class NatGatewayState(StrEnum):
    """Only ``available`` translates."""

    PENDING = "pending"
    AVAILABLE = "available"
    FAILED = "failed"
    DELETING = "deleting"
    DELETED = "deleted"


class ConnectivityType(StrEnum):
    """Whether a NAT gateway has Elastic IPs, and so may use an internet gateway."""

    PUBLIC = "public"
    PRIVATE = "private"


@dataclass(frozen=True, slots=True)
class NatGateway:
    """A NAT gateway (NAT-1 to NAT-5): it translates to its interface's private addresses, up to eight."""

    nat_gateway_id: str
    vpc_id: str
    subnet_id: str
    network_interface_id: str
    connectivity_type: ConnectivityType = ConnectivityType.PUBLIC
    state: NatGatewayState = NatGatewayState.AVAILABLE


@dataclass(frozen=True, slots=True)
class CustomerGateway:
    """The customer's end of VPN connections."""

    customer_gateway_id: str
    ip_address: IPAddress
    bgp_asn: int = 65000


@dataclass(frozen=True, slots=True)
class VpnGateway:
    """A virtual private gateway (VGW); ``vpc_id`` is None while it is detached."""

    vpn_gateway_id: str
    vpc_id: str | None = None


class VpnState(StrEnum):
    """Only ``available`` carries packets, and only while a tunnel is up."""

    PENDING = "pending"
    AVAILABLE = "available"
    DELETING = "deleting"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class VpnConnection:
    """A Site-to-Site VPN connection to a virtual private gateway or a transit gateway.

    Attributes:
        static_routes_only: Whether its routes are static (ROUTE-3: they beat BGP's).
        routes: What is behind it, as routed statically or advertised by BGP.
        tunnels_up: Whether any tunnel is up (BAD_STATE_VPN).
    """

    vpn_connection_id: str
    customer_gateway_id: str
    vpn_gateway_id: str | None = None
    transit_gateway_id: str | None = None
    state: VpnState = VpnState.AVAILABLE
    static_routes_only: bool = False
    routes: tuple[IPNetwork, ...] = ()
    tunnels_up: bool = True


class VirtualInterfaceState(StrEnum):
    """Only ``available`` carries packets."""

    PENDING = "pending"
    AVAILABLE = "available"
    DOWN = "down"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class VirtualInterface:
    """A private virtual interface of Direct Connect on a virtual private gateway; ``routes`` come by BGP."""

    virtual_interface_id: str
    virtual_gateway_id: str
    state: VirtualInterfaceState = VirtualInterfaceState.AVAILABLE
    routes: tuple[IPNetwork, ...] = ()


INTERNET = "internet"
"""Where an :class:`ExternalHost` is that has a public address, and the component that stands for all others."""


@dataclass(frozen=True, slots=True)
class ExternalHost:
    """EMU: a host beyond an edge, on the internet or on premises.

    Attributes:
        location: ``internet``, a VPN connection, or a virtual interface: what its packets come in by.
        resolver_ip_address: The DNS server it asks, such as a Resolver inbound endpoint (DNS-5); None: public DNS.
        application, options: The built-in program that listens on it, as with a service; None for none.
        operating_system: Whose TCP it speaks.
    """

    external_host_id: str
    ip_address: IPAddress
    location: str = INTERNET
    resolver_ip_address: IPAddress | None = None
    application: str | None = None
    options: dict[str, object] = field(default_factory=dict, hash=False, compare=False)
    operating_system: OperatingSystem = OperatingSystem.LINUX
