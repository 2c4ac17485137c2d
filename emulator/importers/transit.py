"""Transit gateways: attachments, route tables, propagations (EDGE-3).

Which routes a table has, and which attachments propagate to it, each take a
call per table; a table whose routes were not fetched is marked unreadable
(TGW_RTB_ROUTES_ARE_UNKNOWN).

AWS: EC2 API Reference, "DescribeTransitGatewayAttachments", "SearchTransitGatewayRoutes",
"GetTransitGatewayRouteTablePropagations".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from emulator.importers.gateways import OVER, unknown_vpc
from emulator.importers.notes import Code
from emulator.importers.snapshot import Record
from emulator.importers.values import cidr, flag, name_of, region_of_arn, rows, text, words

if TYPE_CHECKING:
    from emulator.importers.plan import Entry, Plan
    from emulator.importers.values import Item

MODELLED: Final = ("vpc", "vpn", "peering", "tgw-peering")
STATES: Final = ("available", "pendingAcceptance", "pending")
LIVE: Final = ("", "associated", "associating", "enabled", "enabling")


def transit_gateways(plan: Plan) -> None:
    """Transit gateways with their default tables, as far as these are on."""
    for name, record in plan.snapshot.unique("TransitGateways"):
        item = record.item
        if text(item, "State") in OVER:
            plan.note(record, name, Code.EMU_LEFT_OUT, f"is {text(item, 'State')}")
            continue
        association = flag(item, "Options", "DefaultRouteTableAssociation")
        propagation = flag(item, "Options", "DefaultRouteTablePropagation")
        region = region_of_arn(text(item, "TransitGatewayArn")) or record.region
        entry = {
            "region": region or plan.region,
            "owner_id": text(item, "OwnerId") or record.account,
            "default_route_table_association": False if association is False else None,
            "default_route_table_propagation": False if propagation is False else None,
            "association_default_route_table_id": _table(item, "AssociationDefaultRouteTableId", association),
            "propagation_default_route_table_id": _table(item, "PropagationDefaultRouteTableId", propagation),
            "security_group_referencing_support": flag(item, "Options", "SecurityGroupReferencingSupport") or None,
        }
        plan.put("transit_gateways", name, entry, record)


def _table(item: Item, key: str, wanted: bool | None) -> str:
    return "" if wanted is False else name_of(text(item, "Options", key))


def attachments(plan: Plan) -> None:
    """Attachments of VPCs, VPN connections and other transit gateways; other kinds are named."""
    details = dict(plan.snapshot.unique("TransitGatewayVpcAttachments"))
    for name, record in _merged_attachments(plan).items():
        kind, state = text(record.item, "ResourceType"), text(record.item, "State") or "available"
        tgw, resource = text(record.item, "TransitGatewayId"), name_of(text(record.item, "ResourceId"))
        if state in OVER:
            plan.note(record, name, Code.EMU_LEFT_OUT, f"is {state}")
            continue
        if kind not in MODELLED:
            sentence = f"an attachment of type {kind[:60] or '(none)'} is not modelled: left out"
            plan.note(record, name, Code.UNSUPPORTED_COMPONENT, sentence)
            continue
        section = {"vpc": "vpcs", "vpn": "vpn_connections"}.get(kind, "transit_gateways")
        if kind == "vpc" and not plan.has("vpcs", resource):
            known = _blocks_by_routes(plan, name)
            owner = text(record.item, "ResourceOwnerId")
            unknown_vpc(plan, record, resource, known, record.region, owner, name)
        if not plan.has("transit_gateways", tgw) or not plan.has(section, resource):
            sentence = f"its transit gateway {tgw} or {resource or 'what it attaches'} is in no file: left out"
            plan.note(record, name, Code.UNKNOWN_RESOURCE, sentence)
            continue
        detail = details[name].item if name in details else {}
        subnets = _subnets(plan, name, record, detail, resource) if kind == "vpc" else []
        entry = {
            "transit_gateway_id": tgw,
            "resource_type": "peering" if section == "transit_gateways" else kind,
            "resource_id": resource,
            "subnet_ids": subnets,
            "route_table_id": _association(plan, name, record, tgw),
            "peer_route_table_id": _far_association(plan, name, tgw) if section == "transit_gateways" else None,
            "appliance_mode_support": flag(detail, "Options", "ApplianceModeSupport") or None,
            "security_group_referencing_support": (
                flag(detail, "Options", "SecurityGroupReferencingSupport") or None if kind == "vpc" else None
            ),
            "state": _state(plan, name, record, state),
        }
        plan.put("transit_gateway_attachments", name, entry, record)


def _subnets(plan: Plan, name: str, record: Record, detail: Item, vpc_id: str) -> list[str]:
    """Return the subnets of an attachment; its interfaces know them too."""
    found = [one for one in words(detail, "SubnetIds") if plan.has("subnets", one)]
    if found:
        return found
    for _, interface in plan.snapshot.unique("NetworkInterfaces"):
        subnet_id = text(interface.item, "SubnetId")
        if name in text(interface.item, "Description").split() and plan.has("subnets", subnet_id):
            found.append(subnet_id)
    if found:
        plan.note(record, name, Code.EMU_INFERRED, "its subnets are those of its interfaces")
        return list(dict.fromkeys(found))
    vpc = plan.sections["vpcs"][vpc_id]
    if any(entry["vpc_id"] == vpc_id for _, entry in plan.each("subnets")):
        sentence = "its subnets are in no file (describe-transit-gateway-vpc-attachments): left out"
        plan.note(record, name, Code.UNKNOWN_RESOURCE, sentence)
        return []
    subnet_id = f"subnet-{name}"
    block = f"{vpc['cidr_blocks'][0].partition('/')[0]}/28"
    entry = {"cidr_block": block, "availability_zone": f"{vpc['region']}a", "vpc_id": vpc_id}
    plan.put("subnets", subnet_id, entry, record)
    plan.note(record, name, Code.EMU_ASSUMED, f"its subnets are in no file: an empty one, {subnet_id}, stands for them")
    return [subnet_id]


def _merged_attachments(plan: Plan) -> dict[str, Record]:
    """Return all attachments in the shape of describe-transit-gateway-attachments, each once."""
    found: dict[str, Record] = {}
    for record in plan.snapshot.of("TransitGatewayAttachments"):
        name = name_of(text(record.item, "TransitGatewayAttachmentId"))
        if name:
            found.setdefault(name, record)  # a peering is listed at both its ends
    for name, record in plan.snapshot.unique("TransitGatewayVpcAttachments"):
        item = {**record.item, "ResourceType": "vpc", "ResourceId": text(record.item, "VpcId")}
        found.setdefault(name, _like(record, item))
    for record in plan.snapshot.of("TransitGatewayPeeringAttachments"):
        name = name_of(text(record.item, "TransitGatewayAttachmentId"))
        item = {
            **record.item,
            "ResourceType": "peering",
            "TransitGatewayId": text(record.item, "RequesterTgwInfo", "TransitGatewayId"),
            "ResourceId": text(record.item, "AccepterTgwInfo", "TransitGatewayId"),
        }
        if name:
            found.setdefault(name, _like(record, item))
    return found


def _like(record: Record, item: Item) -> Record:
    return Record(item, record.file, record.line, record.region, record.account)


def _state(plan: Plan, name: str, record: Record, state: str) -> str | None:
    if state in STATES:
        return None if state == "available" else state
    if state != "modifying":
        plan.note(record, name, Code.EMU_ASSUMED, f"is {state[:60]}: taken as pending")
        return "pending"
    return None


def _association(plan: Plan, name: str, record: Record, tgw: str) -> str | None:
    """Return the table an attachment is associated with, ``none``, or None for the default one."""
    table = text(record.item, "Association", "TransitGatewayRouteTableId")
    if table and text(record.item, "Association", "State") in LIVE:
        return name_of(table) or "none"
    for part in plan.snapshot.of("TransitGatewayRouteTableAssociations"):
        for one in rows(part.item, "Associations"):
            if text(one, "TransitGatewayAttachmentId") == name and text(one, "State") in LIVE:
                return name_of(text(part.item, "TransitGatewayRouteTableId")) or "none"
    listed = any(
        text(one.item, "TransitGatewayAttachmentId") == name for one in plan.snapshot.of("TransitGatewayAttachments")
    )
    if listed or "TransitGatewayRouteTableAssociations" in plan.snapshot.seen:
        return "none"
    default = plan.sections["transit_gateways"][tgw].get("default_route_table_association", True)
    what = "the default table" if default else "no table"
    plan.note(record, name, Code.EMU_ASSUMED, f"no file says its association: {what} is assumed")
    return None if default else "none"


def _far_association(plan: Plan, name: str, tgw: str) -> str | None:
    """Return the table that a peering is associated with at its other end."""
    for record in plan.snapshot.of("TransitGatewayAttachments"):
        same = text(record.item, "TransitGatewayAttachmentId") == name
        if same and text(record.item, "TransitGatewayId") != tgw:
            return name_of(text(record.item, "Association", "TransitGatewayRouteTableId")) or "none"
    return "none"


def _blocks_by_routes(plan: Plan, attachment: str) -> list[str]:
    """Return the blocks that tables learnt from an attachment."""
    return [
        cidr(text(route, "DestinationCidrBlock"))
        for record in plan.snapshot.of("TransitGatewayRoutes")
        for route in rows(record.item, "Routes")
        if text(route, "Type") == "propagated" and attachment in _attachments_of(route)
    ]


def _attachments_of(route: Item) -> list[str]:
    return [text(one, "TransitGatewayAttachmentId") for one in rows(route, "TransitGatewayAttachments")]


def route_tables(plan: Plan) -> None:
    """Tables with static routes and propagations."""
    for name, record in plan.snapshot.unique("TransitGatewayRouteTables"):
        tgw = text(record.item, "TransitGatewayId")
        if text(record.item, "State") in OVER or not plan.has("transit_gateways", tgw):
            plan.note(record, name, Code.EMU_LEFT_OUT, f"is {text(record.item, 'State')}, or of no imported {tgw}")
            continue
        plan.put("transit_gateway_route_tables", name, {"transit_gateway_id": tgw}, record)
    _tables_in_use(plan)
    for name, entry in plan.each("transit_gateway_route_tables"):
        _routes(plan, name, entry)
        _propagations(plan, name, entry)
    for name, entry in plan.each("transit_gateways"):
        _default_propagation(plan, name, entry)


def _tables_in_use(plan: Plan) -> None:
    """Tables that gateways and attachments name and no file has."""
    named: dict[str, str] = {}
    for tgw, gateway in plan.each("transit_gateways"):
        for key in ("association_default_route_table_id", "propagation_default_route_table_id"):
            if key in gateway:
                named.setdefault(gateway[key], tgw)
    for _, one in plan.each("transit_gateway_attachments"):
        named.setdefault(one.get("route_table_id", "none"), one["transit_gateway_id"])
        if one["resource_type"] == "peering":
            named.setdefault(one.get("peer_route_table_id", "none"), one["resource_id"])
    for table, tgw in named.items():
        if table != "none" and not plan.has("transit_gateway_route_tables", table):
            plan.note("", table, Code.EMU_INFERRED, f"a route table of {tgw} that no file describes")
            plan.put("transit_gateway_route_tables", table, {"transit_gateway_id": tgw})


def _routes(plan: Plan, name: str, entry: Entry) -> None:
    parts = [one for one in plan.snapshot.of("TransitGatewayRoutes") if _of_table(one, name)]
    if not parts:
        sentence = f"its routes are in no file (search-transit-gateway-routes; put {name} into the file's name)"
        plan.note(plan.origins.get(("transit_gateway_route_tables", name), ("", 1))[0], name,
                  Code.TGW_RTB_ROUTES_ARE_UNKNOWN, sentence)  # fmt: skip
        entry["unreadable"] = True
        return
    found: dict[str, Entry] = {}
    for part, route in [(one, route) for one in parts for route in rows(one.item, "Routes")]:
        targets = _attachments_of(route)
        target = next((one for one in targets if plan.has("transit_gateway_attachments", one)), "")
        if text(route, "State") in OVER or (text(route, "Type") == "propagated" and target):
            continue  # derived from propagations
        block = cidr(text(route, "DestinationCidrBlock"))
        if not block or block in found:
            if not block:
                what = text(route, "DestinationCidrBlock") or "without a CIDR block"
                plan.note(part, name, Code.EMU_IPV4_ONLY, f"the route {what[:60]} is left out")
            continue
        made: Entry = {"destination": block}
        if len(targets) > 1 and target:
            plan.note(part, name, Code.UNSUPPORTED_COMPONENT, f"{block} has several attachments: {target} is taken")
        if target:
            made["target"] = target
        elif targets and text(route, "State") != "blackhole":
            sentence = f"{block} leads to {targets[0]}, which is not imported: kept as a blackhole"
            plan.note(part, name, Code.UNSUPPORTED_COMPONENT, sentence)
        if text(route, "State") == "blackhole" or not target:
            made["state"] = "blackhole"
        found[block] = made
    if found:
        entry["routes"] = list(found.values())


def _of_table(part: Record, name: str) -> bool:
    return text(part.item, "TransitGatewayRouteTableId") == name


def _propagations(plan: Plan, name: str, entry: Entry) -> None:
    parts = [one for one in plan.snapshot.of("TransitGatewayRouteTablePropagations") if _of_table(one, name)]
    found: list[str] = []
    for part in parts:
        listed = rows(part.item, "TransitGatewayRouteTablePropagations")
        found += [text(one, "TransitGatewayAttachmentId") for one in listed if text(one, "State") in LIVE]
    if not parts:  # the routes themselves tell as well, but for an attachment whose routes are all overruled
        for part in (one for one in plan.snapshot.of("TransitGatewayRoutes") if _of_table(one, name)):
            for route in rows(part.item, "Routes"):
                if text(route, "Type") == "propagated":
                    found += _attachments_of(route)
        where = plan.origins.get(("transit_gateway_route_tables", name), ("", 1))[0]
        how = "taken from its propagated routes" if found else "taken as none, but for the gateway's default"
        plan.note(where, name, Code.EMU_INFERRED, f"no file says which attachments propagate to it: {how}")
    known = [one for one in dict.fromkeys(found) if plan.has("transit_gateway_attachments", one)]
    if known:
        entry["propagations"] = known


def _default_propagation(plan: Plan, name: str, gateway: Entry) -> None:
    """Switch default propagation off where the default table's propagations were chosen otherwise."""
    table = gateway.get("propagation_default_route_table_id")
    told = any(_of_table(one, table or "") for one in plan.snapshot.of("TransitGatewayRouteTablePropagations"))
    if table is None or not told or not plan.has("transit_gateway_route_tables", table):
        return
    listed = plan.sections["transit_gateway_route_tables"][table].get("propagations", [])
    mine = [
        one
        for one, entry in plan.each("transit_gateway_attachments")
        if entry["transit_gateway_id"] == name and entry["resource_type"] != "peering"
    ]
    if any(one not in listed for one in mine):
        gateway["default_route_table_propagation"] = False
        del gateway["propagation_default_route_table_id"]
        where = plan.origins.get(("transit_gateways", name), ("", 1))[0]
        sentence = "not every attachment propagates to the default table: written as propagations, the default off"
        plan.note(where, name, Code.EMU_INFERRED, sentence)


def learnt_by_vpn(plan: Plan) -> dict[str, list[str]]:
    """Return what transit gateway tables learnt from each VPN connection, by its attachment."""
    found: dict[str, list[str]] = {}
    for name, entry in plan.each("transit_gateway_attachments"):
        if entry["resource_type"] == "vpn":
            found[entry["resource_id"]] = [block for block in _blocks_by_routes(plan, name) if block]
    return found
