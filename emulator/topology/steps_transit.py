"""The steps about transit gateways: gateways and tables first, attachments, then what tables say, at last states.

An attachment is made available, whatever state the document wants it in, so
that it can be associated and routed to; that state comes when all is built.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emulator.model.transit_gateways import AttachmentState
from emulator.topology.build import later
from emulator.topology.schema_edges import (
    TransitGatewayAttachmentEntry,
    TransitGatewayEntry,
    TransitGatewayRouteTableEntry,
)

if TYPE_CHECKING:
    from emulator.control import ControlPlane
    from emulator.topology.build import Draft, Key
    from emulator.topology.documents import KeyPath

GATEWAYS, TABLES, ATTACHMENTS = "transit_gateways", "transit_gateway_route_tables", "transit_gateway_attachments"
DEFAULT_TABLES = ("association_default_route_table_id", "propagation_default_route_table_id")
LATER = ("subnet_ids", "route_table_id", "peer_route_table_id")
RESOURCES = {"vpc": "vpcs", "vpn": "vpn_connections", "peering": "transit_gateways"}


def transit_gateways(draft: Draft) -> None:
    """Transit gateways, their tables, still empty, and which of those are defaults."""
    plane = draft.plane
    for name, entry in draft.each(GATEWAYS, TransitGatewayEntry, apart_from=DEFAULT_TABLES):
        account = {} if entry.owner_id is None else {"owner_id": entry.owner_id}
        associates = entry.default_route_table_association and entry.association_default_route_table_id is None
        propagates = entry.default_route_table_propagation and entry.propagation_default_route_table_id is None
        call = later(
            plane.create_transit_gateway,
            transit_gateway_id=name,
            region=entry.region,
            default_route_table_association=associates,
            default_route_table_propagation=propagates,
            security_group_referencing_support=entry.security_group_referencing_support,
            **account,
        )
        draft.attempt((GATEWAYS, name), call, {"transit_gateway_id": ()}, vital=True)
    for name, table in draft.each(TABLES, TransitGatewayRouteTableEntry, apart_from=("routes", "propagations")):
        _table(draft, name, table)
    for name, entry in draft.each(GATEWAYS, TransitGatewayEntry, apart_from=DEFAULT_TABLES):
        for parameter in DEFAULT_TABLES:
            table_id = getattr(entry, parameter)
            if table_id is not None and draft.part_works((GATEWAYS, name), parameter):
                call = later(plane.modify_transit_gateway, name, **{parameter: table_id})
                draft.attempt((GATEWAYS, name), call)


def _table(draft: Draft, name: str, entry: TransitGatewayRouteTableEntry) -> None:
    """Create a table; an entry under a default table's id edits that one."""
    plane, key = draft.plane, (TABLES, name)
    born = plane.transit_gateway_route_tables.get(name)
    if born is None:
        call = later(
            plane.create_transit_gateway_route_table,
            entry.transit_gateway_id,
            transit_gateway_route_table_id=name,
            unreadable=entry.unreadable,
        )
        draft.attempt(key, call, {"transit_gateway_route_table_id": ()}, vital=True)
    elif born.transit_gateway_id != entry.transit_gateway_id:
        draft.complain(key, ("transit_gateway_id",), f'"{name}" comes with {born.transit_gateway_id}')
    elif entry.unreadable:
        draft.complain(key, ("unreadable",), f'"{name}" comes with {born.transit_gateway_id} and can be read')


def vpc_attachment(draft: Draft, name: str, entry: TransitGatewayAttachmentEntry) -> None:
    """One attachment of a VPC, with its interfaces."""
    key = (ATTACHMENTS, name)
    if not _fits(draft, key, entry):
        return
    if not draft.part_works(key, "resource_id"):
        draft.broken.add(key)
        return
    given: dict[str, Any] = {
        "transit_gateway_id": entry.transit_gateway_id,
        "vpc_id": entry.resource_id,
        "subnet_ids": entry.subnet_ids,
        "transit_gateway_attachment_id": name,
        "appliance_mode_support": entry.appliance_mode_support,
        "security_group_referencing_support": entry.security_group_referencing_support,
    }
    where: dict[str, KeyPath] = {"vpc_id": ("resource_id",)}
    plane = draft.plane
    created = draft.create(
        key, plane.create_transit_gateway_vpc_attachment, given, "transit_gateway_attachment_id", where
    )
    if created and plane.transit_gateway_attachments[name].state is AttachmentState.PENDING_ACCEPTANCE:
        draft.attempt(key, later(plane.accept_transit_gateway_vpc_attachment, name))


def transit_gateway_attachments(draft: Draft) -> None:
    """Attachments of VPN connections and peerings; then associations, propagations and routes of all."""
    plane = draft.plane
    where: dict[str, KeyPath] = {
        "transit_gateway_attachment_id": (),
        "vpn_connection_id": ("resource_id",),
        "peer_transit_gateway_id": ("resource_id",),
    }
    for name, entry in draft.each(ATTACHMENTS, TransitGatewayAttachmentEntry, apart_from=LATER):
        key = (ATTACHMENTS, name)
        if entry.resource_type == "vpc" or not _fits(draft, key, entry):
            continue
        if entry.resource_type == "vpn":
            call = later(
                plane.register_transit_gateway_vpn_attachment, entry.resource_id, transit_gateway_attachment_id=name
            )
            draft.attempt(key, call, where, vital=True)
            continue
        call = later(
            plane.create_transit_gateway_peering_attachment,
            entry.transit_gateway_id,
            entry.resource_id,
            transit_gateway_attachment_id=name,
        )
        if draft.attempt(key, call, where, vital=True):
            draft.attempt(key, later(plane.accept_transit_gateway_peering_attachment, name))
    for name, entry in draft.each(ATTACHMENTS, TransitGatewayAttachmentEntry, apart_from=LATER):
        _associations(draft, name, entry)
    for name, table in draft.each(TABLES, TransitGatewayRouteTableEntry, apart_from=("routes", "propagations")):
        _propagations_and_routes(draft, name, table)


def _fits(draft: Draft, key: Key, entry: TransitGatewayAttachmentEntry) -> bool:
    """Return whether an attachment is of the type of what it attaches, and has only the keys of that type."""
    target = draft.target(key, "resource_id")
    problems: list[tuple[str, str]] = []
    if target is not None and target[0] != RESOURCES[entry.resource_type]:
        what = RESOURCES[entry.resource_type].replace("_", " ").removesuffix("s")
        problems.append(("resource_id", f'"{entry.resource_id}" is no {what}, as resource_type says'))
    if entry.resource_type != "vpc" and entry.subnet_ids:
        problems.append(("subnet_ids", "only the attachment of a VPC has subnets"))
    if entry.resource_type != "peering" and entry.peer_route_table_id is not None:
        problems.append(("peer_route_table_id", "only a peering attachment has a second transit gateway"))
    if entry.resource_type == "vpn" and target is not None and target[0] == "vpn_connections":
        connection = draft.plane.vpn_connections.get(entry.resource_id)
        if connection is not None and connection.transit_gateway_id != entry.transit_gateway_id:
            at = connection.transit_gateway_id or connection.vpn_gateway_id
            problems.append(("transit_gateway_id", f'the VPN connection "{entry.resource_id}" is at {at}'))
    for path, message in problems:
        draft.complain(key, (path,), message)
    if problems:
        draft.broken.add(key)
    return not problems


def _associations(draft: Draft, name: str, entry: TransitGatewayAttachmentEntry) -> None:
    """Put the table of the document, or none, in the place of the default one."""
    plane, key = draft.plane, (ATTACHMENTS, name)
    for parameter in ("route_table_id", "peer_route_table_id"):
        wanted = getattr(entry, parameter)
        present = getattr(plane.transit_gateway_attachments.get(name), parameter, None)
        if wanted is None or wanted == present or not draft.part_works(key, parameter):
            continue
        if present is not None:
            plane.disassociate_transit_gateway_route_table(present, name)
        if wanted != "none":
            end = entry.transit_gateway_id if parameter == "route_table_id" else entry.resource_id
            if plane.transit_gateway_route_tables[wanted].transit_gateway_id != end:
                draft.complain(key, (parameter,), f'"{wanted}" is no table of {end}')
                continue
            call = later(plane.associate_transit_gateway_route_table, wanted, name)
            draft.attempt(key, call, {"transit_gateway_attachment_id": (parameter,)})


def _propagations_and_routes(draft: Draft, name: str, entry: TransitGatewayRouteTableEntry) -> None:
    plane, key = draft.plane, (TABLES, name)
    for index, attachment in enumerate(entry.propagations):
        if draft.part_works(key, "propagations", index) and not _propagates(plane, name, attachment):
            call = later(plane.enable_transit_gateway_route_table_propagation, name, attachment)
            draft.attempt(key, call, {"transit_gateway_attachment_id": ("propagations", index)})
    for index, route in enumerate(entry.routes):
        part = ("routes", index)
        if not draft.part_works(key, *part):
            continue
        drops = route.target is None or route.state == "blackhole"
        to: dict[str, Any] = {"blackhole": True} if drops else {"transit_gateway_attachment_id": route.target}
        call = later(plane.create_transit_gateway_route, name, route.destination, **to)
        where: dict[str, KeyPath] = {
            "destination_cidr_block": ("destination",),
            "transit_gateway_attachment_id": ("target",),
        }
        draft.attempt(key, call, where, part)


def _propagates(plane: ControlPlane, table: str, attachment: str) -> bool:
    """A default propagation may be said again."""
    return attachment in plane.transit_gateway_route_tables[table].propagations


def transit_gateway_states(draft: Draft) -> None:
    """The state of each attachment."""
    plane = draft.plane
    for name, entry in draft.each(ATTACHMENTS, TransitGatewayAttachmentEntry, apart_from=LATER):
        if entry.state != "available" and name in plane.transit_gateway_attachments:
            draft.attempt((ATTACHMENTS, name), later(plane.set_transit_gateway_attachment_state, name, entry.state))
