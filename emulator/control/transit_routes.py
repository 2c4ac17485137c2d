"""What a transit gateway's route table holds in the end: static routes, and those its propagations bring.

Propagated routes are derived, never stored, so that a VPC's new block or a VPN
connection's new route is there at once.  One pure function, for whoever looks
routes up or shows them.

AWS: Amazon VPC Transit Gateways Guide, "How AWS Transit Gateway works", route evaluation order (EDGE-3).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from emulator.control.addresses import overlap
from emulator.model.edges import VpnState
from emulator.model.resources import RouteState
from emulator.model.transit_gateways import AttachmentState, AttachmentType

if TYPE_CHECKING:
    from netaddr import IPNetwork

    from emulator.control.state import State
    from emulator.model.transit_gateways import TransitGatewayAttachment, TransitGatewayRouteTable


class TransitRouteKind(StrEnum):
    """Where a route of a transit gateway's table comes from."""

    STATIC = "static"
    PROPAGATED_VPC = "propagated-vpc"
    PROPAGATED_VPN = "propagated-vpn"


RANKS: Final = {  # EDGE-3; 1, 3 and 4 are prefix lists, Direct Connect gateways and Connect, which are not modelled
    TransitRouteKind.STATIC: 0,
    TransitRouteKind.PROPAGATED_VPC: 2,
    TransitRouteKind.PROPAGATED_VPN: 5,
}
"""Which of two routes to one block is used: the lower."""


@dataclass(frozen=True, slots=True)
class TransitRoute:
    """One entry of a transit gateway's table.

    Attributes:
        transit_gateway_attachment_id: Where it leads; None, or an attachment that is gone, for a blackhole.
        rank: See :data:`RANKS`; among entries of one rank to one block, the first one of the table is used.
    """

    destination: IPNetwork
    transit_gateway_attachment_id: str | None
    state: RouteState
    kind: TransitRouteKind

    @property
    def rank(self) -> int:
        """The lower, the better, at one prefix length."""
        return RANKS[self.kind]


def transit_routes(state: State, table: TransitGatewayRouteTable) -> tuple[TransitRoute, ...]:
    """Return every entry of a table in the order of a lookup: longest prefix first, equal blocks by rank (EDGE-3).

    The first entry that holds an address is the one used; the others are there to explain
    ``TGW_RTB_HIGHER_PRIORITY_ROUTE`` and its like.  An unreadable table has none.
    """
    if table.unreadable:
        return ()
    entries = [
        TransitRoute(
            route.destination_cidr_block,
            route.transit_gateway_attachment_id,
            _static_state(state, route.transit_gateway_attachment_id, route.state),
            TransitRouteKind.STATIC,
        )
        for route in table.routes
    ]
    entries += _propagated(state, table)
    return tuple(sorted(entries, key=lambda entry: (-entry.destination.prefixlen, entry.destination.first, entry.rank)))


def _static_state(state: State, attachment_id: str | None, stored: RouteState) -> RouteState:
    return stored if attachment_id in state.transit_gateway_attachments else RouteState.BLACKHOLE


def _propagated(state: State, table: TransitGatewayRouteTable) -> list[TransitRoute]:
    """Return what the table's propagations bring.

    A VPC that shares an address with one that propagates already is left out as a whole (EDGE-3).
    """
    entries: list[TransitRoute] = []
    taken: list[IPNetwork] = []
    for attachment_id in table.propagations:
        attachment = state.transit_gateway_attachments.get(attachment_id)
        if attachment is None or attachment.state is not AttachmentState.AVAILABLE:
            continue
        kind, blocks = _blocks(state, attachment)
        if kind is TransitRouteKind.PROPAGATED_VPC:
            if any(overlap(block, other) for block in blocks for other in taken):
                continue
            taken += blocks
        entries += [TransitRoute(block, attachment_id, RouteState.ACTIVE, kind) for block in blocks]
    return entries


def _blocks(state: State, attachment: TransitGatewayAttachment) -> tuple[TransitRouteKind, tuple[IPNetwork, ...]]:
    """Return the blocks that an attachment advertises.

    What a VPN connection learnt by BGP is withdrawn while no tunnel is up; its static routes stay (EMU, as the
    Analyzer then names the connection: TGW_BAD_STATE_VPN).
    """
    if attachment.resource_type is AttachmentType.VPC:
        return TransitRouteKind.PROPAGATED_VPC, state.vpcs[attachment.resource_id].cidr_blocks
    assert attachment.resource_type is AttachmentType.VPN, "peering attachments do not propagate"
    vpn = state.vpn_connections.get(attachment.resource_id)
    advertises = vpn is not None and vpn.state is VpnState.AVAILABLE and (vpn.tunnels_up or vpn.static_routes_only)
    return TransitRouteKind.PROPAGATED_VPN, vpn.routes if vpn is not None and advertises else ()
