"""Transit gateways: attachments, route tables, associations and propagations (EDGE-3).

AWS: Amazon VPC Transit Gateways Guide, "How AWS Transit Gateway works".
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from emulator.model.resources import DEFAULT_ACCOUNT, RouteState

if TYPE_CHECKING:
    from netaddr import IPNetwork


@dataclass(frozen=True, slots=True)
class TransitGateway:
    """A transit gateway of one Region.

    Attributes:
        association_default_route_table_id: The table new attachments are associated with; None: disabled.
        propagation_default_route_table_id: The table new attachments propagate to; None: disabled.
        security_group_referencing_support: SG-4.
    """

    transit_gateway_id: str
    region: str
    owner_id: str = DEFAULT_ACCOUNT
    association_default_route_table_id: str | None = None
    propagation_default_route_table_id: str | None = None
    security_group_referencing_support: bool = False


class AttachmentType(StrEnum):
    """What is attached; a Direct Connect gateway or Connect attachment is refused by name."""

    VPC = "vpc"
    VPN = "vpn"
    PEERING = "peering"


class AttachmentState(StrEnum):
    """Only ``available`` forwards (BAD_STATE_ATTACHMENT)."""

    PENDING_ACCEPTANCE = "pendingAcceptance"
    PENDING = "pending"
    AVAILABLE = "available"
    MODIFYING = "modifying"
    REJECTED = "rejected"
    FAILED = "failed"
    DELETING = "deleting"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class TransitGatewayAttachment:
    """One attachment.

    Attributes:
        resource_id: The VPC, the VPN connection, or of a peering the peer transit gateway.
        subnet_ids, network_interface_ids: Of a VPC: one subnet per zone, and the interface in each, in one order.
        route_table_id: The table it is associated with, or None (TGW_ATTACH_MISSING_TGW_RTB_ASSOCIATION).
        peer_route_table_id: Of a peering, which has one id at both ends: the same at the peer transit gateway.
        appliance_mode_support: Whether both directions of a flow keep to one zone of this VPC attachment.
        security_group_referencing_support: SG-4.
    """

    transit_gateway_attachment_id: str
    transit_gateway_id: str
    resource_type: AttachmentType
    resource_id: str
    state: AttachmentState = AttachmentState.AVAILABLE
    subnet_ids: tuple[str, ...] = ()
    network_interface_ids: tuple[str, ...] = ()
    route_table_id: str | None = None
    peer_route_table_id: str | None = None
    appliance_mode_support: bool = False
    security_group_referencing_support: bool = False


@dataclass(frozen=True, slots=True)
class TransitGatewayRoute:
    """A static route of a transit gateway's table; a blackhole has no attachment, or one that is gone."""

    destination_cidr_block: IPNetwork
    transit_gateway_attachment_id: str | None = None
    state: RouteState = RouteState.ACTIVE


@dataclass(frozen=True, slots=True)
class TransitGatewayRouteTable:
    """A transit gateway's route table; propagated routes are derived when it is compiled.

    Attributes:
        propagations: Attachments whose CIDR blocks it takes up.
        unreadable: EMU: an import that lacks its routes (TGW_RTB_ROUTES_ARE_UNKNOWN).
    """

    transit_gateway_route_table_id: str
    transit_gateway_id: str
    routes: tuple[TransitGatewayRoute, ...] = ()
    propagations: tuple[str, ...] = ()
    unreadable: bool = False
