"""VPC route tables: associations, routes, and what their targets turn out to be.

Local and propagated routes and those of gateway endpoints come by themselves.
A target that no file has is not forgotten: an active route to it is kept, and
whatever takes it ends with UNSUPPORTED_COMPONENT rather than by another route.

AWS: EC2 API Reference, "DescribeRouteTables", "Route" (ROUTE-1, ROUTE-13, ROUTE-14, ROUTE-15).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from emulator.importers.notes import Code
from emulator.importers.rules import known_list
from emulator.importers.transit import learnt_by_vpn
from emulator.importers.values import cidr, name_of, rows, text

if TYPE_CHECKING:
    from emulator.importers.plan import Entry, Plan
    from emulator.importers.snapshot import Record
    from emulator.importers.values import Item

TARGETS: Final = {  # the field of a route that names its target, and the sections where that may be
    "NatGatewayId": ("nat_gateways",),
    "TransitGatewayId": ("transit_gateways",),
    "VpcPeeringConnectionId": ("vpc_peering_connections",),
    "EgressOnlyInternetGatewayId": (),
    "LocalGatewayId": (),
    "CarrierGatewayId": (),
    "CoreNetworkArn": (),
    "OdbNetworkArn": (),
    "NetworkInterfaceId": ("network_interfaces", "instances"),
    "InstanceId": ("instances",),
    "GatewayId": ("internet_gateways", "vpn_gateways", "vpc_endpoints"),
    "VpcEndpointId": ("vpc_endpoints",),
}
PROPAGATED: Final = "EnableVgwRoutePropagation"
LIVE: Final = ("", "associated", "associating")


def route_tables(plan: Plan) -> None:
    """Tables with their associations; the main one is a VPC's, not a subnet's."""
    for name, record in plan.snapshot.unique("RouteTables"):
        vpc_id = text(record.item, "VpcId")
        if not plan.has("vpcs", vpc_id):
            plan.note(record, name, Code.UNKNOWN_RESOURCE, f"its VPC {vpc_id or '(not named)'} is in no file: left out")
            continue
        entry = plan.put("route_tables", name, {"vpc_id": vpc_id}, record)
        for association in rows(record.item, "Associations"):
            if text(association, "AssociationState", "State") in LIVE:
                _associate(plan, name, record, association, entry)
    _main_tables(plan)


def _associate(plan: Plan, name: str, record: Record, association: Item, entry: Entry) -> None:
    subnet_id, gateway_id = text(association, "SubnetId"), text(association, "GatewayId")
    vpc = plan.sections["vpcs"][entry["vpc_id"]]
    if association.get("Main") is True:
        vpc["main_route_table_id"] = name
    elif plan.has("subnets", subnet_id):
        plan.sections["subnets"][subnet_id].setdefault("route_table_id", name)
    elif subnet_id:
        plan.note(record, name, Code.UNKNOWN_RESOURCE, f"its subnet {subnet_id} is not imported")
    elif gateway_id and "gateway_id" in entry:
        sentence = f"rules what enters by {entry['gateway_id']} and {gateway_id}: the second is left out"
        plan.note(record, name, Code.UNSUPPORTED_COMPONENT, sentence)
    elif gateway_id:
        if not plan.has("internet_gateways", gateway_id) and not plan.has("vpn_gateways", gateway_id):
            _attached_gateway(plan, record, gateway_id, entry["vpc_id"])
        if plan.has("internet_gateways", gateway_id) or plan.has("vpn_gateways", gateway_id):
            entry["gateway_id"] = gateway_id


def _main_tables(plan: Plan) -> None:
    """Find a main table that no association names: subnets without a table must use one."""
    for vpc_id, vpc in plan.each("vpcs"):
        where = plan.origins.get(("vpcs", vpc_id), ("", 1))[0]
        if "main_route_table_id" in vpc:
            continue
        mine = [name for name, entry in plan.each("route_tables") if entry["vpc_id"] == vpc_id]
        used = {subnet.get("route_table_id") for _, subnet in plan.each("subnets")}
        free = [one for one in mine if one not in used and "gateway_id" not in plan.sections["route_tables"][one]]
        if len(mine) == 1 or len(free) == 1:
            vpc["main_route_table_id"] = (free or mine)[0]
            sentence = (
                f"no association says which table is main: {vpc['main_route_table_id']} is the only one it can be"
            )
            plan.note(where, vpc_id, Code.EMU_INFERRED, sentence)
        elif any(subnet["vpc_id"] == vpc_id for _, subnet in plan.each("subnets")):
            left = [name for name, subnet in plan.each("subnets") if subnet["vpc_id"] == vpc_id]
            left = [name for name in left if "route_table_id" not in plan.sections["subnets"][name]]
            what = f"{len(left)} subnets use it" if left else "no subnet uses it"
            sentence = f"no file says its main route table: one with local routes only is assumed ({what})"
            plan.note(where, vpc_id, Code.EMU_ASSUMED, sentence)


def routes(plan: Plan) -> None:
    """Static routes, propagation, and the tables of gateway endpoints."""
    learnt: dict[str, list[tuple[str, str]]] = {}
    for name, record in plan.snapshot.unique("RouteTables"):
        if not plan.has("route_tables", name):
            continue
        entry = plan.sections["route_tables"][name]
        vgws = _propagating(plan, name, record)
        found: dict[str, Entry] = {}
        ipv6 = 0
        for route in rows(record.item, "Routes"):
            if text(route, "DestinationIpv6CidrBlock"):
                ipv6 += text(route, "GatewayId") != "local"
            elif text(route, "Origin") == PROPAGATED and text(route, "GatewayId") in vgws:
                block = cidr(text(route, "DestinationCidrBlock"))
                learnt.setdefault(text(route, "GatewayId"), []).append((name, block))
            else:
                made = _route(plan, name, record, route)
                if made is not None and made["destination"] not in found:
                    found[made["destination"]] = made
        if ipv6:
            plan.note(record, name, Code.EMU_IPV4_ONLY, f"{ipv6} IPv6 routes are left out")
        entry |= {key: value for key, value in (("routes", list(found.values())), ("propagating_vgws", vgws)) if value}
    _beyond(plan, learnt)
    _endpoint_tables(plan)


def _propagating(plan: Plan, name: str, record: Record) -> list[str]:
    found = []
    for gateway in dict.fromkeys(text(one, "GatewayId") for one in rows(record.item, "PropagatingVgws")):
        if not plan.has("vpn_gateways", gateway):
            _attached_gateway(plan, record, gateway, plan.sections["route_tables"][name]["vpc_id"])
        if plan.has("vpn_gateways", gateway):
            found.append(gateway)
    return found


def _route(plan: Plan, name: str, record: Record, route: Item) -> Entry | None:
    """Return a route in the document's words, None if it comes by itself or cannot be kept."""
    destination = cidr(text(route, "DestinationCidrBlock"))
    prefix_list = text(route, "DestinationPrefixListId")
    key = next((one for one in TARGETS if text(route, one)), "")
    target = text(route, key) if key else ""
    state = text(route, "State") or "active"
    if target == "local":
        return None
    if plan.has("vpc_endpoints", target) and prefix_list and state == "active":
        endpoint = plan.sections["vpc_endpoints"][target]
        if endpoint["vpc_endpoint_type"] == "Gateway":
            tables = endpoint.setdefault("route_table_ids", [])
            if name not in tables:
                tables.append(name)
        return None  # VPCE-GW-2: it comes with the endpoint
    if prefix_list and not destination:
        if plan.foreign.get(prefix_list) == "IPv6 prefix list":
            plan.note(record, name, Code.EMU_IPV4_ONLY, f"the route to the IPv6 prefix list {prefix_list} is left out")
            return None
        destination = prefix_list if known_list(plan, record, name, prefix_list) else ""
    if not destination:
        plan.note(record, name, Code.EMU_LEFT_OUT, "a route has no destination that can be read")
        return None
    made: Entry = {"destination": destination, "target": target or "unknown"}
    if state == "blackhole":
        return made | {"state": "blackhole"}
    if not target:
        plan.note(record, name, Code.UNKNOWN_RESOURCE, f"the route to {destination} has no target that is read")
    made["target"] = _target(plan, name, record, key, target)
    return made


def _target(plan: Plan, name: str, record: Record, key: str, target: str) -> str:
    """Return what a route leads to in the document's words, making a note of what is not in it."""
    if key == "NetworkInterfaceId":
        owner = next((one for one, host in plan.each("instances") if host.get("network_interface_id") == target), "")
        if owner or plan.has("network_interfaces", target):
            return target
    if any(plan.has(section, target) for section in TARGETS.get(key, ())):
        return target
    vpc_id = plan.sections["route_tables"][name]["vpc_id"]
    if key == "GatewayId" and target not in plan.foreign and _attached_gateway(plan, record, target, vpc_id):
        return target
    usable = name_of(target) or name_of(target.replace(":", "-").replace("/", "-")) or "unknown"
    what = plan.foreign.get(target) or (_kind_of(key) if key else "target of an unknown kind")
    if usable not in plan.foreign or not plan.has("unsupported_components", usable):
        why = "is not modelled" if target in plan.foreign or not TARGETS.get(key, ("",)) else "is in no file"
        sentence = f"{what} {why}: routes to it are kept, and packets that take one end with UNSUPPORTED_COMPONENT"
        plan.note(record, usable, Code.UNSUPPORTED_COMPONENT, sentence)
    plan.foreign.setdefault(usable, what)
    plan.put("unsupported_components", usable, {"resource_type": what}, record)
    return usable


def _kind_of(key: str) -> str:
    """Return ``nat gateway`` for ``NatGatewayId``."""
    words_ = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in key).split()
    return " ".join(word for word in words_ if word not in ("id", "arn"))


def _attached_gateway(plan: Plan, record: Record, gateway: str, vpc_id: str) -> bool:
    """Make an internet or virtual private gateway that only routes tell of: an active route proves it attached."""
    section = {"igw": "internet_gateways", "vgw": "vpn_gateways"}.get(gateway.split("-", maxsplit=1)[0])
    if section is None or not name_of(gateway) or plan.has(section, gateway):
        return False
    if any(entry.get("vpc_id") == vpc_id for _, entry in plan.each(section)):
        return False
    sentence = f"is in no file; a route or association of {vpc_id} uses it, so it is attached there"
    plan.note(record, gateway, Code.EMU_INFERRED, sentence)
    plan.put(section, gateway, {"vpc_id": vpc_id}, record)
    return True


# -- what comes from elsewhere ---------------------------------------------------------


def _beyond(plan: Plan, learnt: dict[str, list[tuple[str, str]]]) -> None:
    """Say what is behind VPN connections and virtual interfaces, as the tables that learnt it by BGP tell."""
    for vgw, learnt_by in learnt.items():
        carriers = [
            entry
            for section, key in (("vpn_connections", "vpn_gateway_id"), ("virtual_interfaces", "virtual_gateway_id"))
            for _, entry in plan.each(section)
            if entry.get(key) == vgw
        ]
        told = {block for entry in carriers for block in entry.get("routes", [])}
        new = [block for block in dict.fromkeys(block for _, block in learnt_by) if block and block not in told]
        dynamic = [entry for entry in carriers if not entry.get("static_routes_only")]
        where = plan.origins.get(("vpn_gateways", vgw), ("", 1))[0]
        if not new:
            continue
        for entry in dynamic:
            entry["routes"] = [*entry.get("routes", []), *new]
        if len(dynamic) > 1:
            sentence = (
                f"which connection brings {', '.join(new[:5])} is not in the files: every one of {len(dynamic)} is"
            )
            plan.note(where, vgw, Code.EMU_ASSUMED, f"{sentence} taken to")
        elif not dynamic:
            sentence = (
                f"{', '.join(new[:5])} is propagated, and no file has a connection that brings it: a static route"
            )
            plan.note(where, vgw, Code.UNKNOWN_RESOURCE, sentence)
            for table, block in learnt_by:
                listed = plan.sections["route_tables"][table].setdefault("routes", [])
                if block in new and all(block != route["destination"] for route in listed):
                    listed.append({"destination": block, "target": vgw})
    for name, blocks in learnt_by_vpn(plan).items():
        entry = plan.sections["vpn_connections"][name]
        entry["routes"] = list(dict.fromkeys([*entry.get("routes", []), *blocks]))
        if not entry["routes"]:
            del entry["routes"]


def _endpoint_tables(plan: Plan) -> None:
    """Drop tables that gateway endpoints name and that are not imported."""
    for name, entry in plan.each("vpc_endpoints"):
        named = entry.get("route_table_ids", [])
        known = [one for one in named if plan.has("route_tables", one)]
        if len(known) < len(named):
            where = plan.origins.get(("vpc_endpoints", name), ("", 1))[0]
            sentence = f"{len(named) - len(known)} of its route tables are in no file: left out"
            plan.note(where, name, Code.UNKNOWN_RESOURCE, sentence)
        if "route_table_ids" in entry:
            entry["route_table_ids"] = known
