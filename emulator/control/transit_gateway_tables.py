"""Route tables of transit gateways: who is associated, who propagates, and static routes (EDGE-3).

An attachment is associated with at most one table of its transit gateway, and
may propagate to many.  A peering attachment stands at two transit gateways
under one id: it has an association at each, propagates to none, and each
gateway's tables may have static routes to it.

AWS: Amazon VPC Transit Gateways Guide, "Transit gateway route tables"; EC2 API
Reference, "CreateTransitGatewayRoute" and its neighbours.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from emulator.control.addresses import network
from emulator.control.errors import Ec2Error
from emulator.control.state import State, verb
from emulator.model.resources import RouteState
from emulator.model.transit_gateways import (
    AttachmentState,
    AttachmentType,
    TransitGatewayRoute,
    TransitGatewayRouteTable,
)

if TYPE_CHECKING:
    from netaddr import IPNetwork

    from emulator.model.transit_gateways import TransitGatewayAttachment


class TransitGatewayTables(State):
    """Verbs on the route tables of transit gateways."""

    @verb
    def create_transit_gateway_route_table(
        self, transit_gateway_id: str, *, transit_gateway_route_table_id: str | None = None, unreadable: bool = False
    ) -> TransitGatewayRouteTable:
        """Create an empty table; ``unreadable`` is EMU: an import without routes (TGW_RTB_ROUTES_ARE_UNKNOWN)."""
        self._transit_gateway(transit_gateway_id)
        return self._new_transit_table(transit_gateway_id, transit_gateway_route_table_id, unreadable=unreadable)

    def _new_transit_table(
        self, transit_gateway_id: str, name: str | None, *, unreadable: bool = False
    ) -> TransitGatewayRouteTable:
        parameter = "transit_gateway_route_table_id"
        table_id = self._new_id(self.transit_gateway_route_tables, "tgw-rtb", name, parameter)
        table = TransitGatewayRouteTable(table_id, transit_gateway_id, unreadable=unreadable)
        self._put(self.transit_gateway_route_tables, table_id, table)
        return table

    @verb
    def delete_transit_gateway_route_table(self, transit_gateway_route_table_id: str) -> None:
        """Delete a table that no attachment is associated with and that is no default."""
        table = self._transit_gateway_route_table(transit_gateway_route_table_id)
        table_id = table.transit_gateway_route_table_id
        for attachment in self.transit_gateway_attachments.values():
            if table_id in (attachment.route_table_id, attachment.peer_route_table_id):
                text = f"{table_id} has associated attachments: {attachment.transit_gateway_attachment_id}."
                raise Ec2Error("IncorrectState", text, "transit_gateway_route_table_id")
        gateway = self.transit_gateways[table.transit_gateway_id]
        if table_id in (gateway.association_default_route_table_id, gateway.propagation_default_route_table_id):
            text = f"{table_id} is a default route table of {gateway.transit_gateway_id}."
            raise Ec2Error("IncorrectState", text, "transit_gateway_route_table_id")
        self._remove(self.transit_gateway_route_tables, table_id)

    # -- associations ---------------------------------------------------------------

    @verb
    def associate_transit_gateway_route_table(
        self, transit_gateway_route_table_id: str, transit_gateway_attachment_id: str
    ) -> TransitGatewayAttachment:
        """Let a table rule what comes in by an attachment."""
        table = self._transit_gateway_route_table(transit_gateway_route_table_id)
        attachment = self._usable_attachment(table, transit_gateway_attachment_id)
        return self._associate(table, attachment)

    def _associate(
        self, table: TransitGatewayRouteTable, attachment: TransitGatewayAttachment
    ) -> TransitGatewayAttachment:
        if associated_table(attachment, table.transit_gateway_id) is not None:
            name = attachment.transit_gateway_attachment_id
            text = f"Transit Gateway Attachment {name} is already associated to a route table."
            raise Ec2Error("Resource.AlreadyAssociated", text, "transit_gateway_attachment_id")
        return self._set_association(attachment, table.transit_gateway_id, table.transit_gateway_route_table_id)

    @verb
    def disassociate_transit_gateway_route_table(
        self, transit_gateway_route_table_id: str, transit_gateway_attachment_id: str
    ) -> TransitGatewayAttachment:
        """End an association: what comes in then meets no table (TGW_ATTACH_MISSING_TGW_RTB_ASSOCIATION)."""
        table = self._transit_gateway_route_table(transit_gateway_route_table_id)
        attachment = self._transit_gateway_attachment(transit_gateway_attachment_id)
        if associated_table(attachment, table.transit_gateway_id) != table.transit_gateway_route_table_id:
            text = (
                f"{transit_gateway_attachment_id} is not associated with Transit Gateway Route Table "
                f"{transit_gateway_route_table_id}"
            )
            raise Ec2Error("InvalidAssociation.NotFound", text, "transit_gateway_attachment_id")
        return self._set_association(attachment, table.transit_gateway_id, None)

    def _set_association(
        self, attachment: TransitGatewayAttachment, transit_gateway_id: str, table_id: str | None
    ) -> TransitGatewayAttachment:
        if attachment.transit_gateway_id == transit_gateway_id:
            changed = replace(attachment, route_table_id=table_id)
        else:
            changed = replace(attachment, peer_route_table_id=table_id)
        self._put(self.transit_gateway_attachments, attachment.transit_gateway_attachment_id, changed)
        return changed

    # -- propagations ---------------------------------------------------------------

    @verb
    def enable_transit_gateway_route_table_propagation(
        self, transit_gateway_route_table_id: str, transit_gateway_attachment_id: str
    ) -> TransitGatewayRouteTable:
        """Let a table take up an attachment's blocks; peering attachments have none to offer (EDGE-3)."""
        table = self._transit_gateway_route_table(transit_gateway_route_table_id)
        attachment = self._usable_attachment(table, transit_gateway_attachment_id)
        if attachment.resource_type is AttachmentType.PEERING:
            text = f"Transit Gateway Peering Attachment {transit_gateway_attachment_id} does not propagate routes."
            raise Ec2Error("OperationNotPermitted", text, "transit_gateway_attachment_id")
        if transit_gateway_attachment_id in table.propagations:
            text = (
                f"Propagation {transit_gateway_attachment_id} already exists in Transit Gateway Route Table "
                f"{transit_gateway_route_table_id}"
            )
            raise Ec2Error("TransitGatewayRouteTablePropagation.Duplicate", text, "transit_gateway_attachment_id")
        return self._propagate(table, transit_gateway_attachment_id)

    def _propagate(self, table: TransitGatewayRouteTable, attachment_id: str) -> TransitGatewayRouteTable:
        grown = replace(table, propagations=(*table.propagations, attachment_id))
        self._put(self.transit_gateway_route_tables, table.transit_gateway_route_table_id, grown)
        return grown

    @verb
    def disable_transit_gateway_route_table_propagation(
        self, transit_gateway_route_table_id: str, transit_gateway_attachment_id: str
    ) -> TransitGatewayRouteTable:
        """Stop a propagation; its routes go at once."""
        table = self._transit_gateway_route_table(transit_gateway_route_table_id)
        self._transit_gateway_attachment(transit_gateway_attachment_id)
        if transit_gateway_attachment_id not in table.propagations:
            text = (
                f"Propagation {transit_gateway_attachment_id} does not exist in Transit Gateway Route Table "
                f"{transit_gateway_route_table_id}"
            )
            raise Ec2Error("TransitGatewayRouteTablePropagation.NotFound", text, "transit_gateway_attachment_id")
        kept = tuple(name for name in table.propagations if name != transit_gateway_attachment_id)
        shrunk = replace(table, propagations=kept)
        self._put(self.transit_gateway_route_tables, transit_gateway_route_table_id, shrunk)
        return shrunk

    # -- static routes ----------------------------------------------------------------

    @verb
    def create_transit_gateway_route(
        self,
        transit_gateway_route_table_id: str,
        destination_cidr_block: str,
        *,
        transit_gateway_attachment_id: str | None = None,
        blackhole: bool = False,
    ) -> TransitGatewayRoute:
        """Add a static route: to an attachment, or a blackhole that drops."""
        table = self._transit_gateway_route_table(transit_gateway_route_table_id)
        block = network(destination_cidr_block, "destination_cidr_block")
        route = self._transit_route(table, block, transit_gateway_attachment_id, blackhole=blackhole)
        if any(other.destination_cidr_block == block for other in table.routes):
            text = f"Route {block} already exists in Transit Gateway Route Table {transit_gateway_route_table_id}"
            raise Ec2Error("RouteAlreadyExists", text, "destination_cidr_block")
        self._put_transit_routes(table, (*table.routes, route))
        return route

    @verb
    def replace_transit_gateway_route(
        self,
        transit_gateway_route_table_id: str,
        destination_cidr_block: str,
        *,
        transit_gateway_attachment_id: str | None = None,
        blackhole: bool = False,
    ) -> TransitGatewayRoute:
        """Lead a static route somewhere else."""
        table = self._transit_gateway_route_table(transit_gateway_route_table_id)
        block = network(destination_cidr_block, "destination_cidr_block")
        route = self._transit_route(table, block, transit_gateway_attachment_id, blackhole=blackhole)
        _present(table, block)
        routes = tuple(route if other.destination_cidr_block == block else other for other in table.routes)
        self._put_transit_routes(table, routes)
        return route

    @verb
    def delete_transit_gateway_route(self, transit_gateway_route_table_id: str, destination_cidr_block: str) -> None:
        """Remove a static route."""
        table = self._transit_gateway_route_table(transit_gateway_route_table_id)
        block = network(destination_cidr_block, "destination_cidr_block")
        _present(table, block)
        routes = tuple(other for other in table.routes if other.destination_cidr_block != block)
        self._put_transit_routes(table, routes)

    def _transit_route(
        self, table: TransitGatewayRouteTable, block: IPNetwork, attachment_id: str | None, *, blackhole: bool
    ) -> TransitGatewayRoute:
        if blackhole:
            if attachment_id is not None:
                text = "A blackhole route leads to no attachment"
                raise Ec2Error("InvalidParameterCombination", text, "transit_gateway_attachment_id")
            return TransitGatewayRoute(block, state=RouteState.BLACKHOLE)
        if attachment_id is None:
            text = "The request must contain the parameter transitGatewayAttachmentId or blackhole"
            raise Ec2Error("MissingParameter", text, "transit_gateway_attachment_id")
        self._usable_attachment(table, attachment_id)
        return TransitGatewayRoute(block, attachment_id)

    def _put_transit_routes(self, table: TransitGatewayRouteTable, routes: tuple[TransitGatewayRoute, ...]) -> None:
        changed = replace(table, routes=routes)
        self._put(self.transit_gateway_route_tables, table.transit_gateway_route_table_id, changed)

    # -- shared -----------------------------------------------------------------------

    def _usable_attachment(self, table: TransitGatewayRouteTable, attachment_id: str) -> TransitGatewayAttachment:
        """Return an available attachment of the table's transit gateway."""
        attachment = self._transit_gateway_attachment(attachment_id)
        if table.transit_gateway_id not in gateways_of(attachment):
            text = f"The transit gateway attachment '{attachment_id}' does not exist at {table.transit_gateway_id}"
            raise Ec2Error("InvalidTransitGatewayAttachmentID.NotFound", text, "transit_gateway_attachment_id")
        if attachment.state is not AttachmentState.AVAILABLE:
            text = f"{attachment_id} is in invalid state ({attachment.state})"
            raise Ec2Error("IncorrectState", text, "transit_gateway_attachment_id")
        return attachment

    def _forget_attachment(self, attachment_id: str) -> None:
        """Take a deleted attachment out of all tables; its static routes stay as blackholes (ROUTE-14)."""
        for table in list(self.transit_gateway_route_tables.values()):
            routes = tuple(
                replace(route, state=RouteState.BLACKHOLE)
                if route.transit_gateway_attachment_id == attachment_id
                else route
                for route in table.routes
            )
            kept = tuple(name for name in table.propagations if name != attachment_id)
            changed = replace(table, routes=routes, propagations=kept)
            if changed != table:
                self._put(self.transit_gateway_route_tables, table.transit_gateway_route_table_id, changed)


def gateways_of(attachment: TransitGatewayAttachment) -> tuple[str, ...]:
    """Return the transit gateways an attachment stands at: two for a peering."""
    if attachment.resource_type is AttachmentType.PEERING:
        return attachment.transit_gateway_id, attachment.resource_id
    return (attachment.transit_gateway_id,)


def associated_table(attachment: TransitGatewayAttachment, transit_gateway_id: str) -> str | None:
    """Return the table that an attachment is associated with at one of its transit gateways."""
    if attachment.transit_gateway_id == transit_gateway_id:
        return attachment.route_table_id
    return attachment.peer_route_table_id


def _present(table: TransitGatewayRouteTable, block: IPNetwork) -> None:
    if all(route.destination_cidr_block != block for route in table.routes):
        text = f"Route {block} does not exist in Transit Gateway Route Table {table.transit_gateway_route_table_id}"
        raise Ec2Error("InvalidRoute.NotFound", text, "destination_cidr_block")
