"""Legs at transit gateways: in by an attachment, through its route table, out by another (EDGE-3).

The network ACL of an attachment's subnet judges what comes in from the VPC by
its inbound rules and what goes out into the VPC by its outbound ones; traffic
between the attachment and an instance in the same subnet meets none.

AWS: Amazon VPC Transit Gateways Guide, "How AWS Transit Gateway works", "Network ACLs for transit gateways".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from emulator.flows.leg_private_edges import onto
from emulator.flows.leg_routes import leave
from emulator.flows.legs import PlaceKind, clamp, mtu, network_acl, sender_of, working
from emulator.flows.tables import Kind
from emulator.flows.translation import flow_hash
from emulator.gates.networks import dotted
from emulator.model.reasons import Reason

if TYPE_CHECKING:
    from emulator.flows.conntrack import FlowState
    from emulator.flows.legs import LegResult
    from emulator.flows.tables import AttachmentTable, InterfaceTable, Tables


def transit_in(tables: Tables, _state: FlowState, result: LegResult, component: str, _now: int) -> None:
    """In from a VPC, by the attachment's interface in the sender's zone."""
    eni = tables.interfaces.get(component)
    attachment = tables.attachments.get(eni.owner) if eni is not None else None
    if eni is None or attachment is None:
        result.refuse(component, "interface", Reason.BAD_STATE, None, "the attachment's interface is gone")
        return
    packet = result.packet
    if not working(result, eni):
        return
    if not result.neighbour and not network_acl(result, eni, outgoing=False):
        return
    result.log(component, outgoing=False, accepted=True)
    result.see(component, outgoing=False)
    settings = tables.settings
    gateway = attachment.transit_gateway_id
    # Path MTU discovery on the way in from VPCs only; the MSS is clamped (NET-7).
    if not mtu(result, gateway, settings.transit_gateway_mtu, "NET-6", sender_of(tables, eni.vpc_id, packet)):
        return
    clamp(result, settings.transit_gateway_mtu)
    route(tables, result, gateway, attachment, eni)


def transit_route(tables: Tables, _state: FlowState, result: LegResult, component: str, _now: int) -> None:
    """Inside a transit gateway, from an attachment; ``component`` is ``<transit gateway>/<attachment>``."""
    gateway, _, name = component.partition("/")
    attachment = tables.attachments.get(name)
    if attachment is None:
        result.refuse(name, "attachment", Reason.BAD_STATE_ATTACHMENT, None, "the attachment is gone")
        return
    if not mtu(result, gateway, tables.settings.transit_gateway_mtu, "NET-6"):
        return
    clamp(result, tables.settings.transit_gateway_mtu)
    route(tables, result, gateway, attachment, None)


def route(
    tables: Tables, result: LegResult, gateway: str, attachment: AttachmentTable, eni: InterfaceTable | None
) -> None:
    """Look up the table that the attachment is associated with, and go on by the attachment it names."""
    packet = result.packet
    name = attachment.attachment_id
    if not _available(result, attachment):
        return
    table = attachment.tables.get(gateway)
    if table is None:
        detail = f"{name} is associated with no route table of {gateway}"
        result.refuse(name, "association", Reason.TGW_ATTACH_MISSING_TGW_RTB_ASSOCIATION, None, detail)
        return
    if table in tables.unreadable:
        result.refuse(table, "transit_gateway_route", Reason.TGW_RTB_ROUTES_ARE_UNKNOWN)
        return
    entry = tables.transit_routes[table].best(packet.dst)
    if entry is None:
        reason = Reason.TGW_RTB_NO_ROUTE_TO_TGW_ATTACHMENT
        result.refuse(table, "transit_gateway_route", reason, None, f"no route covers {dotted(packet.dst)}")
        return
    onward = tables.attachments.get(entry.target)
    if not entry.active or onward is None:
        result.refuse(table, "transit_gateway_route", Reason.TGW_RTB_BAD_STATE_ROUTE, str(entry))
        return
    result.passes(table, "transit_gateway_route", str(entry))
    if _available(result, onward):
        if result.lost is None and not (attachment.references and onward.references):
            result.lost = Reason.SG_REFERENCING_SUPPORT
        _out_by(tables, result, gateway, onward, eni)


def _available(result: LegResult, attachment: AttachmentTable) -> bool:
    if attachment.state == "available":
        return True
    return result.refuse(attachment.attachment_id, "attachment", Reason.BAD_STATE_ATTACHMENT, attachment.state)


def _out_by(
    tables: Tables, result: LegResult, gateway: str, attachment: AttachmentTable, eni: InterfaceTable | None
) -> None:
    name = attachment.attachment_id
    settings = tables.settings
    source = eni.interface_id if eni is not None else gateway
    if attachment.kind == "vpn":
        connection = tables.connections.get(attachment.resource_id)
        if connection is None:
            result.refuse(name, "attachment", Reason.TGW_BAD_STATE_VPN, None, "the VPN connection is gone")
            return
        onto(tables, result, source, connection)
        return
    if attachment.kind == "peering":
        here, there = gateway, attachment.resource_id
        peer = there if here == attachment.transit_gateway_id else attachment.transit_gateway_id
        delay = settings.transit_gateway_delay
        if tables.transit_gateways[peer].region != tables.transit_gateways[here].region:
            delay += settings.inter_region_delay
        result.passes(name, "peering")
        result.goes_on(source, PlaceKind.TRANSIT_ROUTE, f"{peer}/{name}", delay)
        return
    zones = attachment.interfaces
    zone = eni.availability_zone if eni is not None else ""
    if attachment.appliance_mode and zones:  # both directions keep to one zone: by a hash of the unordered pair
        low, high = sorted((result.packet.src, result.packet.dst))
        twin = result.packet.copy()
        twin.src, twin.dst, twin.sport, twin.dport = low, high, 0, 0
        zone = list(zones)[flow_hash(name, twin) % len(zones)]
    target = zones.get(zone) or next(iter(zones.values()), None)
    if target is None:
        result.refuse(name, "attachment", Reason.BAD_STATE_ATTACHMENT, None, "it has no interface")
        return
    crossing = settings.transit_gateway_delay
    if eni is None or tables.interfaces[target].availability_zone != eni.availability_zone:
        crossing += settings.inter_az_delay
    result.passes(name, "attachment")
    result.goes_on(source, PlaceKind.TRANSIT_OUT, target, crossing)


def transit_out(tables: Tables, _state: FlowState, result: LegResult, component: str, _now: int) -> None:
    """Out into a VPC, by the network ACL and the route table of the attachment's subnet."""
    eni = tables.interfaces.get(component)
    attachment = tables.attachments.get(eni.owner) if eni is not None else None
    if eni is None or attachment is None:
        result.refuse(component, "interface", Reason.BAD_STATE, None, "the attachment's interface is gone")
        return
    if not working(result, eni):
        return
    target = tables.addresses.get((eni.vpc_id, result.packet.dst))
    if target is not None and target.kind is Kind.ENDPOINT:
        result.lost = result.lost or Reason.SG_REFERENCING_SUPPORT  # SG-4: not for PrivateLink
    leave(tables, result, eni)
