"""What all attachments of transit gateways share, and those of VPN connections and other transit gateways (EDGE-3).

The attachment of a VPN connection is named ``tgw-attach-<connection>``.  A
peering attachment has one id, which both transit gateways use.

AWS: Amazon VPC Transit Gateways Guide, "Transit gateway peering attachments" and "VPN attachments".
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from emulator.control.errors import Ec2Error, invalid
from emulator.control.route_states import RouteStates
from emulator.control.state import verb
from emulator.control.transit_gateway_tables import TransitGatewayTables, associated_table, gateways_of
from emulator.model.transit_gateways import AttachmentState, AttachmentType, TransitGatewayAttachment

if TYPE_CHECKING:
    from emulator.model.edges import VpnConnection

NOT_LIVING: Final = (AttachmentState.REJECTED, AttachmentState.FAILED, AttachmentState.DELETED)


class TransitGatewayAttachments(TransitGatewayTables, RouteStates):
    """Verbs on attachments that are no VPC's."""

    # -- VPN attachments ----------------------------------------------------------------

    @verb
    def register_transit_gateway_vpn_attachment(
        self, vpn_connection_id: str, *, transit_gateway_attachment_id: str | None = None
    ) -> TransitGatewayAttachment:
        """EMU: attach a VPN connection that names a transit gateway, or give the attachment it has another id."""
        vpn = self._vpn_connection(vpn_connection_id)
        if vpn.transit_gateway_id is None:
            text = f"The VPN connection {vpn_connection_id} names no transit gateway"
            raise invalid(text, "vpn_connection_id")
        for attachment in self.transit_gateway_attachments.values():
            if (attachment.resource_type, attachment.resource_id) == (AttachmentType.VPN, vpn_connection_id):
                return self._rename_attachment(attachment, transit_gateway_attachment_id)
        return self._attach_vpn(vpn, transit_gateway_attachment_id)

    def _attach_vpn(self, vpn: VpnConnection, name: str | None = None) -> TransitGatewayAttachment:
        """Attach a VPN connection to the transit gateway it names, as ``tgw-attach-<connection>``."""
        assert vpn.transit_gateway_id is not None
        gateway = self._transit_gateway(vpn.transit_gateway_id)
        attachment_id = self._new_attachment_id(name or f"tgw-attach-{vpn.vpn_connection_id}")
        attachment = TransitGatewayAttachment(
            attachment_id, gateway.transit_gateway_id, AttachmentType.VPN, vpn.vpn_connection_id
        )
        return self._admit_attachment(attachment)

    def _detach_vpn(self, vpn_connection_id: str) -> None:
        """Delete the attachment of a VPN connection that goes."""
        for attachment in list(self.transit_gateway_attachments.values()):
            if (attachment.resource_type, attachment.resource_id) == (AttachmentType.VPN, vpn_connection_id):
                self._end_attachment(attachment)

    def _rename_attachment(self, attachment: TransitGatewayAttachment, name: str | None) -> TransitGatewayAttachment:
        old = attachment.transit_gateway_attachment_id
        if name is None or name == old:
            return attachment
        renamed = replace(attachment, transit_gateway_attachment_id=self._new_attachment_id(name))
        self._remove(self.transit_gateway_attachments, old)
        self._put(self.transit_gateway_attachments, name, renamed)
        for table in list(self.transit_gateway_route_tables.values()):
            changed = replace(
                table,
                propagations=tuple(name if one == old else one for one in table.propagations),
                routes=tuple(
                    replace(route, transit_gateway_attachment_id=name)
                    if route.transit_gateway_attachment_id == old
                    else route
                    for route in table.routes
                ),
            )
            if changed != table:
                self._put(self.transit_gateway_route_tables, table.transit_gateway_route_table_id, changed)
        return renamed

    # -- peering attachments --------------------------------------------------------------

    @verb
    def create_transit_gateway_peering_attachment(
        self,
        transit_gateway_id: str,
        peer_transit_gateway_id: str,
        *,
        transit_gateway_attachment_id: str | None = None,
    ) -> TransitGatewayAttachment:
        """Ask another transit gateway, of this or another Region, for a peering; it waits for acceptance."""
        self._transit_gateway(transit_gateway_id)
        self._transit_gateway(peer_transit_gateway_id, "peer_transit_gateway_id")
        if transit_gateway_id == peer_transit_gateway_id:
            raise invalid(f"{transit_gateway_id} cannot be its own peer", "peer_transit_gateway_id")
        pair = {transit_gateway_id, peer_transit_gateway_id}
        for other in self.transit_gateway_attachments.values():
            if set(gateways_of(other)) == pair and other.state not in NOT_LIVING:
                text = f"{transit_gateway_id} has non-deleted Transit Gateway Peering Attachments with same peer."
                raise Ec2Error("DuplicateTransitGatewayAttachment", text, "peer_transit_gateway_id")
        name = self._new_attachment_id(transit_gateway_attachment_id)
        attachment = TransitGatewayAttachment(
            name,
            transit_gateway_id,
            AttachmentType.PEERING,
            peer_transit_gateway_id,
            AttachmentState.PENDING_ACCEPTANCE,
        )
        self._put(self.transit_gateway_attachments, name, attachment)
        return attachment

    @verb
    def accept_transit_gateway_peering_attachment(self, transit_gateway_attachment_id: str) -> TransitGatewayAttachment:
        """Accept a peering; it is associated with each side's default table, and propagates to none (EDGE-3)."""
        return self._admit_attachment(self._pending_attachment(transit_gateway_attachment_id, AttachmentType.PEERING))

    @verb
    def reject_transit_gateway_peering_attachment(self, transit_gateway_attachment_id: str) -> TransitGatewayAttachment:
        """Reject a peering; the attachment stays, as rejected."""
        return self._reject_attachment(self._pending_attachment(transit_gateway_attachment_id, AttachmentType.PEERING))

    @verb
    def delete_transit_gateway_peering_attachment(self, transit_gateway_attachment_id: str) -> None:
        """Delete a peering; static routes through it become blackholes at both ends."""
        self._end_attachment(self._of_type(transit_gateway_attachment_id, AttachmentType.PEERING))

    # -- all attachments ------------------------------------------------------------------

    @verb
    def set_transit_gateway_attachment_state(
        self, transit_gateway_attachment_id: str, state: str
    ) -> TransitGatewayAttachment:
        """EMU: put an attachment into a state, for documents, imports and experiments (BAD_STATE_ATTACHMENT)."""
        attachment = self._transit_gateway_attachment(transit_gateway_attachment_id)
        if state not in tuple(AttachmentState):
            raise invalid(f"'{state}' is no state of a transit gateway attachment", "state")
        attachment = replace(attachment, state=AttachmentState(state))
        self._put(self.transit_gateway_attachments, transit_gateway_attachment_id, attachment)
        self._refresh_routes(attachment.transit_gateway_id)
        return attachment

    def _new_attachment_id(self, name: str | None) -> str:
        parameter = "transit_gateway_attachment_id"
        return self._new_id(self.transit_gateway_attachments, "tgw-attach", name, parameter)

    def _of_type(self, attachment_id: str, kind: AttachmentType) -> TransitGatewayAttachment:
        attachment = self._transit_gateway_attachment(attachment_id)
        if attachment.resource_type is not kind:
            text = f"The transit gateway attachment '{attachment_id}' is of the type {attachment.resource_type}"
            raise Ec2Error("InvalidTransitGatewayAttachmentID.NotFound", text, "transit_gateway_attachment_id")
        return attachment

    def _pending_attachment(self, attachment_id: str, kind: AttachmentType) -> TransitGatewayAttachment:
        attachment = self._of_type(attachment_id, kind)
        if attachment.state is not AttachmentState.PENDING_ACCEPTANCE:
            text = f"{attachment_id} is in invalid state ({attachment.state})"
            raise Ec2Error("IncorrectState", text, "transit_gateway_attachment_id")
        return attachment

    def _admit_attachment(self, attachment: TransitGatewayAttachment) -> TransitGatewayAttachment:
        """Make an attachment available, and give it the defaults of its transit gateways."""
        attachment = replace(attachment, state=AttachmentState.AVAILABLE)
        name = attachment.transit_gateway_attachment_id
        self._put(self.transit_gateway_attachments, name, attachment)
        for gateway_id in gateways_of(attachment):
            gateway = self.transit_gateways[gateway_id]
            default = gateway.association_default_route_table_id
            if default is not None and associated_table(attachment, gateway_id) is None:
                attachment = self._associate(self.transit_gateway_route_tables[default], attachment)
            default = gateway.propagation_default_route_table_id
            if default is not None and attachment.resource_type is not AttachmentType.PEERING:
                table = self.transit_gateway_route_tables[default]
                if name not in table.propagations:
                    self._propagate(table, name)
        self._refresh_routes(attachment.transit_gateway_id)
        return attachment

    def _reject_attachment(self, attachment: TransitGatewayAttachment) -> TransitGatewayAttachment:
        for interface in attachment.network_interface_ids:
            self._remove(self.network_interfaces, interface)
        attachment = replace(attachment, state=AttachmentState.REJECTED, subnet_ids=(), network_interface_ids=())
        self._put(self.transit_gateway_attachments, attachment.transit_gateway_attachment_id, attachment)
        return attachment

    def _end_attachment(self, attachment: TransitGatewayAttachment) -> None:
        for interface in attachment.network_interface_ids:
            self._remove(self.network_interfaces, interface)
        self._remove(self.transit_gateway_attachments, attachment.transit_gateway_attachment_id)
        self._forget_attachment(attachment.transit_gateway_attachment_id)
        self._refresh_routes(attachment.transit_gateway_id)
