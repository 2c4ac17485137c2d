"""Transit gateways, and the VPCs attached to them (EDGE-3).

A VPC's attachment brings one network interface per subnet, at most one per
zone, named ``eni-<attachment>-<zone>``; they wear no security group.

AWS: Amazon VPC Transit Gateways Guide, "Amazon VPC attachments"; EC2 API
Reference, "CreateTransitGatewayVpcAttachment" and its neighbours.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from emulator.control.errors import Ec2Error, invalid
from emulator.control.interfaces import NetworkInterfaces
from emulator.control.state import listed, verb
from emulator.control.transit_gateway_attachments import NOT_LIVING, TransitGatewayAttachments
from emulator.control.transit_gateway_tables import gateways_of
from emulator.model.resources import DEFAULT_ACCOUNT, InterfaceType
from emulator.model.transit_gateways import AttachmentState, AttachmentType, TransitGateway, TransitGatewayAttachment

if TYPE_CHECKING:
    from collections.abc import Iterable


class TransitGateways(TransitGatewayAttachments, NetworkInterfaces):
    """Verbs on transit gateways and the attachments of VPCs."""

    @verb
    def create_transit_gateway(
        self,
        *,
        transit_gateway_id: str | None = None,
        region: str | None = None,
        owner_id: str = DEFAULT_ACCOUNT,
        default_route_table_association: bool = True,
        default_route_table_propagation: bool = True,
        security_group_referencing_support: bool = False,
    ) -> TransitGateway:
        """Create a transit gateway; unless both defaults are off, with the table ``tgw-rtb-default-<transit gateway>``.

        ``region`` and ``owner_id`` are EMU's: one control plane stands for several Regions and accounts.
        """
        name = self._new_id(self.transit_gateways, "tgw", transit_gateway_id, "transit_gateway_id")
        default = None
        if default_route_table_association or default_route_table_propagation:
            default = self._new_transit_table(name, f"tgw-rtb-default-{name}").transit_gateway_route_table_id
        gateway = TransitGateway(
            name,
            region or self.region,
            owner_id,
            default if default_route_table_association else None,
            default if default_route_table_propagation else None,
            security_group_referencing_support,
        )
        self._put(self.transit_gateways, name, gateway)
        return gateway

    @verb
    def modify_transit_gateway(
        self,
        transit_gateway_id: str,
        *,
        default_route_table_association: bool | None = None,
        default_route_table_propagation: bool | None = None,
        association_default_route_table_id: str | None = None,
        propagation_default_route_table_id: str | None = None,
        security_group_referencing_support: bool | None = None,
    ) -> TransitGateway:
        """Change options; a new default holds for attachments to come."""
        gateway = self._transit_gateway(transit_gateway_id)
        for parameter, table_id in (
            ("association_default_route_table_id", association_default_route_table_id),
            ("propagation_default_route_table_id", propagation_default_route_table_id),
        ):
            if table_id is not None:
                table = self._transit_gateway_route_table(table_id, parameter)
                if table.transit_gateway_id != transit_gateway_id:
                    text = f"The transit gateway route table '{table_id}' does not exist at {transit_gateway_id}"
                    raise Ec2Error("InvalidRouteTableID.NotFound", text, parameter)
        association = association_default_route_table_id or gateway.association_default_route_table_id
        propagation = propagation_default_route_table_id or gateway.propagation_default_route_table_id
        for parameter, wanted, table_id in (
            ("association_default_route_table_id", default_route_table_association, association),
            ("propagation_default_route_table_id", default_route_table_propagation, propagation),
        ):
            if wanted and table_id is None:
                raise Ec2Error("MissingParameter", f"A default needs a route table ({transit_gateway_id})", parameter)
        support = security_group_referencing_support
        gateway = replace(
            gateway,
            association_default_route_table_id=None if default_route_table_association is False else association,
            propagation_default_route_table_id=None if default_route_table_propagation is False else propagation,
            security_group_referencing_support=(
                gateway.security_group_referencing_support if support is None else support
            ),
        )
        self._put(self.transit_gateways, transit_gateway_id, gateway)
        return gateway

    @verb
    def delete_transit_gateway(self, transit_gateway_id: str) -> None:
        """Delete a transit gateway without attachments; its default tables go with it."""
        gateway = self._transit_gateway(transit_gateway_id)
        for attachment_id, attachment in list(self.transit_gateway_attachments.items()):
            if transit_gateway_id in gateways_of(attachment):
                if attachment.state in NOT_LIVING:
                    self._remove(self.transit_gateway_attachments, attachment_id)
                    continue
                kind = {"vpc": "VPC", "vpn": "VPN", "peering": "Peering"}[attachment.resource_type]
                text = f"{transit_gateway_id} has non-deleted {kind} Attachments: {attachment_id}."
                raise Ec2Error("IncorrectState", text, "transit_gateway_id")
        defaults = (
            f"tgw-rtb-default-{transit_gateway_id}",
            gateway.association_default_route_table_id,
            gateway.propagation_default_route_table_id,
        )
        for table_id, table in list(self.transit_gateway_route_tables.items()):
            if table.transit_gateway_id != transit_gateway_id:
                continue
            if table_id not in defaults:
                text = f"{transit_gateway_id} has non-deleted Route Tables: {table_id}."
                raise Ec2Error("IncorrectState", text, "transit_gateway_id")
            self._remove(self.transit_gateway_route_tables, table_id)
        self._remove(self.transit_gateways, transit_gateway_id)

    # -- VPC attachments ----------------------------------------------------------------

    @verb
    def create_transit_gateway_vpc_attachment(
        self,
        transit_gateway_id: str,
        vpc_id: str,
        subnet_ids: str | Iterable[str],
        *,
        transit_gateway_attachment_id: str | None = None,
        appliance_mode_support: bool = False,
        security_group_referencing_support: bool = True,
    ) -> TransitGatewayAttachment:
        """Attach a VPC by one subnet per zone; a zone without one cannot send in (TGW_ROUTE_AZ_RESTRICTION).

        Another account's VPC waits for acceptance. ``security_group_referencing_support`` counts only if the
        transit gateway has it on, too (SG-4).
        """
        gateway = self._transit_gateway(transit_gateway_id)
        vpc = self._vpc(vpc_id)
        if vpc.region != gateway.region:
            text = f"The vpc ID '{vpc_id}' does not exist in {gateway.region}, where {transit_gateway_id} is"
            raise Ec2Error("InvalidVpcID.NotFound", text, "vpc_id")
        for other in self.transit_gateway_attachments.values():
            same = (other.transit_gateway_id, other.resource_id) == (transit_gateway_id, vpc_id)
            if same and other.state not in NOT_LIVING:
                text = f"{transit_gateway_id} has non-deleted Transit Gateway Attachments with same VPC ID."
                raise Ec2Error("DuplicateTransitGatewayAttachment", text, "vpc_id")
        attachment = TransitGatewayAttachment(
            self._new_attachment_id(transit_gateway_attachment_id),
            transit_gateway_id,
            AttachmentType.VPC,
            vpc_id,
            AttachmentState.PENDING_ACCEPTANCE,
            appliance_mode_support=appliance_mode_support,
            security_group_referencing_support=security_group_referencing_support,
        )
        attachment = self._attach_subnets(attachment, listed(subnet_ids), "subnet_ids")
        self._put(self.transit_gateway_attachments, attachment.transit_gateway_attachment_id, attachment)
        return self._admit_attachment(attachment) if vpc.owner_id == gateway.owner_id else attachment

    @verb
    def modify_transit_gateway_vpc_attachment(
        self,
        transit_gateway_attachment_id: str,
        *,
        add_subnet_ids: str | Iterable[str] = (),
        remove_subnet_ids: str | Iterable[str] = (),
        appliance_mode_support: bool | None = None,
        security_group_referencing_support: bool | None = None,
    ) -> TransitGatewayAttachment:
        """Change subnets and options; what is removed goes before what is added comes."""
        attachment = self._of_type(transit_gateway_attachment_id, AttachmentType.VPC)
        attachment = self._detach_subnets(attachment, listed(remove_subnet_ids))
        attachment = self._attach_subnets(attachment, listed(add_subnet_ids), "add_subnet_ids")
        if appliance_mode_support is not None:
            attachment = replace(attachment, appliance_mode_support=appliance_mode_support)
        if security_group_referencing_support is not None:
            attachment = replace(attachment, security_group_referencing_support=security_group_referencing_support)
        self._put(self.transit_gateway_attachments, transit_gateway_attachment_id, attachment)
        return attachment

    @verb
    def accept_transit_gateway_vpc_attachment(self, transit_gateway_attachment_id: str) -> TransitGatewayAttachment:
        """Accept another account's VPC."""
        return self._admit_attachment(self._pending_attachment(transit_gateway_attachment_id, AttachmentType.VPC))

    @verb
    def reject_transit_gateway_vpc_attachment(self, transit_gateway_attachment_id: str) -> TransitGatewayAttachment:
        """Reject another account's VPC; the attachment stays, as rejected."""
        return self._reject_attachment(self._pending_attachment(transit_gateway_attachment_id, AttachmentType.VPC))

    @verb
    def delete_transit_gateway_vpc_attachment(self, transit_gateway_attachment_id: str) -> None:
        """Delete an attachment with its interfaces; routes through it become blackholes (ROUTE-14)."""
        self._end_attachment(self._of_type(transit_gateway_attachment_id, AttachmentType.VPC))

    def _attach_subnets(
        self, attachment: TransitGatewayAttachment, subnet_ids: tuple[str, ...], parameter: str
    ) -> TransitGatewayAttachment:
        """Put an interface into each subnet, one per zone."""
        for index, subnet_id in enumerate(subnet_ids):
            subnet = self._subnet(subnet_id, parameter, (index,))
            if subnet.vpc_id != attachment.resource_id:
                text = f"The subnet {subnet_id} does not belong to the VPC {attachment.resource_id}"
                raise Ec2Error("InvalidSubnet", text, parameter, (index,))
            zone = subnet.availability_zone
            if any(self.subnets[other].availability_zone == zone for other in attachment.subnet_ids):
                text = f"Duplicate Subnets for same AZ ({subnet_id}, {zone})"
                raise Ec2Error("DuplicateSubnetsInSameZone", text, parameter, (index,))
            wanted = f"eni-{attachment.transit_gateway_attachment_id}-{zone}"
            name = self._new_id(self.network_interfaces, "eni", wanted, "transit_gateway_attachment_id")
            interface = self._add_interface(
                subnet,
                name,
                (),
                None,
                attachment=attachment.transit_gateway_attachment_id,
                interface_type=InterfaceType.TRANSIT_GATEWAY,
            )
            self._put(self.network_interfaces, name, replace(interface, source_dest_check=False))
            attachment = replace(
                attachment,
                subnet_ids=(*attachment.subnet_ids, subnet_id),
                network_interface_ids=(*attachment.network_interface_ids, name),
            )
        if not attachment.subnet_ids:
            raise Ec2Error("MissingParameter", "The request must contain the parameter subnetIds", parameter)
        return attachment

    def _detach_subnets(
        self, attachment: TransitGatewayAttachment, subnet_ids: tuple[str, ...]
    ) -> TransitGatewayAttachment:
        for index, subnet_id in enumerate(subnet_ids):
            if subnet_id not in attachment.subnet_ids:
                text = f"The subnet {subnet_id} is not one of {attachment.transit_gateway_attachment_id}"
                raise invalid(text, "remove_subnet_ids", (index,))
            at = attachment.subnet_ids.index(subnet_id)
            self._remove_interface(attachment.network_interface_ids[at])
            names = attachment.network_interface_ids
            attachment = replace(
                attachment,
                subnet_ids=attachment.subnet_ids[:at] + attachment.subnet_ids[at + 1 :],
                network_interface_ids=names[:at] + names[at + 1 :],
            )
        return attachment
