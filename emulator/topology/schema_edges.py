"""What may stand in a topology document about the edges of VPCs and what joins them.

Shapes only, as in :mod:`emulator.topology.schema`.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from emulator.topology.fields import Region  # noqa: TC001 - pydantic reads it
from emulator.topology.validation import Strict


class InternetGatewayEntry(Strict):
    """An internet gateway, attached if ``vpc_id`` is given (EDGE-1)."""

    vpc_id: str | None = None


class AddressEntry(Strict):
    """An Elastic IP address, associated with an interface or with an instance's primary one.

    ``private_ip_address`` picks one of several of the interface.
    """

    public_ip: str | None = None
    network_interface_id: str | None = None
    instance_id: str | None = None
    private_ip_address: str | None = None
    owner_id: str | None = None


class NatGatewayEntry(Strict):
    """A NAT gateway; its interface is called ``eni-<nat gateway>`` unless ``network_interface_id`` says else.

    A public one without ``allocation_ids`` is given an Elastic IP (EMU).
    """

    subnet_id: str
    connectivity_type: Literal["public", "private"] = "public"
    allocation_ids: list[str] = Field(default_factory=list)
    network_interface_id: str | None = None
    private_ip_address: str | None = None
    secondary_private_ip_addresses: list[str] = Field(default_factory=list)
    state: Literal["pending", "available", "failed", "deleting", "deleted"] = "available"


class CustomerGatewayEntry(Strict):
    """The customer's end of VPN connections."""

    ip_address: str
    bgp_asn: int = 65000


class VpnGatewayEntry(Strict):
    """A virtual private gateway, attached if ``vpc_id`` is given."""

    vpc_id: str | None = None


class VpnConnectionEntry(Strict):
    """A VPN connection to a virtual private gateway or a transit gateway.

    With a transit gateway it brings the attachment ``tgw-attach-<vpn connection>``, unless the document has one for it.
    """

    customer_gateway_id: str
    vpn_gateway_id: str | None = None
    transit_gateway_id: str | None = None
    static_routes_only: bool = False
    routes: list[str] = Field(default_factory=list)
    tunnels_up: bool = True
    state: Literal["pending", "available", "deleting", "deleted"] = "available"


class VirtualInterfaceEntry(Strict):
    """A private virtual interface of Direct Connect."""

    virtual_gateway_id: str
    routes: list[str] = Field(default_factory=list)
    state: Literal["pending", "available", "down", "deleted"] = "available"


class ExternalHostEntry(Strict):
    """EMU: a host on the internet, or behind a VPN connection or a virtual interface."""

    ip_address: str
    location: str = "internet"
    resolver_ip_address: str | None = None
    operating_system: str = "linux"
    application: str | None = None
    options: dict[str, Any] | None = None


class TransitGatewayEntry(Strict):
    """A transit gateway; its default route table is called ``tgw-rtb-default-<transit gateway>``.

    ``association_default_route_table_id`` and its like name a table of the document in its place.
    """

    region: Region | None = None
    owner_id: str | None = None
    default_route_table_association: bool = True
    default_route_table_propagation: bool = True
    association_default_route_table_id: str | None = None
    propagation_default_route_table_id: str | None = None
    security_group_referencing_support: bool = False


class TransitGatewayAttachmentEntry(Strict):
    """An attachment: of a VPC, a VPN connection or, as ``peering``, of another transit gateway.

    ``route_table_id`` is the association; ``none`` is none, left out is the default table.
    """

    transit_gateway_id: str
    resource_type: Literal["vpc", "vpn", "peering"] = "vpc"
    resource_id: str
    subnet_ids: list[str] = Field(default_factory=list)
    route_table_id: str | None = None
    peer_route_table_id: str | None = None
    appliance_mode_support: bool = False
    security_group_referencing_support: bool = True
    state: Literal["available", "pendingAcceptance", "pending", "rejected", "failed", "deleting", "deleted"] = (
        "available"
    )


class TransitGatewayRouteEntry(Strict):
    """A static route to an attachment; without a target, or with ``state: blackhole``, it drops."""

    destination: str
    target: str | None = None
    state: Literal["active", "blackhole"] = "active"


class TransitGatewayRouteTableEntry(Strict):
    """A transit gateway's route table; ``propagations`` are attachments, beside those of the default."""

    transit_gateway_id: str
    routes: list[TransitGatewayRouteEntry] = Field(default_factory=list)
    propagations: list[str] = Field(default_factory=list)
    unreadable: bool = False


class UnsupportedComponentEntry(Strict):
    """EMU: what AWS has and the emulator does not model, or knows no more of than its id.

    A packet whose route leads to one ends with ``UNSUPPORTED_COMPONENT``.
    """

    resource_type: str = "unknown"
