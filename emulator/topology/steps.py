"""The steps from a draft to a control plane: which verb for which key, in which order.

Each step calls EC2's verbs for one kind of thing and says where in the document
their parameters stand.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from emulator.control.addresses import address, network
from emulator.control.policies import check_policy
from emulator.model.resources import Service, VpcEndpointType
from emulator.topology import schema
from emulator.topology.build import Draft, create_in_vpc, later, natural
from emulator.topology.fields import DEFAULT_BANDWIDTH
from emulator.topology.references import FOREIGN_TARGETS, looks_like_cidr
from emulator.topology.rules import network_acls, security_groups
from emulator.topology.steps_flow_logs import flow_logs

if TYPE_CHECKING:
    from collections.abc import Callable

    from emulator.control import ControlPlane
    from emulator.topology.documents import Document, KeyPath
    from emulator.topology.problems import Problem

ENDPOINT_LISTS: Final = ("route_table_ids", "subnet_ids", "subnet_configurations", "security_group_ids")


def build(document: Document) -> tuple[ControlPlane, list[Problem]]:
    """Return the control plane a document describes, and everything that is wrong with the document.

    The control plane is worth having only if nothing is.
    """
    draft = Draft(document)
    if draft.region is not None:
        for step in STEPS:
            step(draft)
    return draft.plane, sorted(set(draft.problems))


def prefix_lists(draft: Draft) -> None:
    """The user's lists, and AWS's with the user's blocks."""
    plane = draft.plane
    for name, entry in draft.each("prefix_lists", schema.PrefixListEntry):
        key = ("prefix_lists", name)
        if name in plane.prefix_lists:
            draft.attempt(key, later(_replace_aws_list, plane, name, entry), vital=True)
            continue
        call = later(
            plane.create_managed_prefix_list,
            prefix_list_id=name,
            entries=entry.cidrs,
            max_entries=max(1, len(entry.cidrs)) if entry.max_entries is None else entry.max_entries,
            prefix_list_name=entry.prefix_list_name,
        )
        draft.attempt(key, call, {"entries": ("cidrs",), "prefix_list_id": ()}, vital=True)


def _replace_aws_list(plane: ControlPlane, name: str, entry: schema.PrefixListEntry) -> None:
    old = plane.prefix_lists[name]
    cidrs = tuple(network(cidr, "cidrs", (index,)) for index, cidr in enumerate(entry.cidrs))
    plane.register_prefix_list(replace(old, cidrs=cidrs, max_entries=entry.max_entries or old.max_entries))


def vpcs(draft: Draft) -> None:
    """VPCs with all their blocks and their DNS attributes."""
    plane = draft.plane
    for name, entry in draft.each("vpcs", schema.VpcEntry, apart_from=("main_route_table_id",)):
        key = ("vpcs", name)
        first, *others = entry.cidr_blocks
        where: dict[str, KeyPath] = {"cidr_block": ("cidr_blocks", 0), "vpc_id": ()}
        if not draft.attempt(key, later(plane.create_vpc, first, vpc_id=name), where, vital=True):
            continue
        for index, block in enumerate(others, 1):
            call = later(plane.associate_vpc_cidr_block, name, block)
            draft.attempt(key, call, {"cidr_block": ("cidr_blocks", index)}, vital=True)
        if not entry.enable_dns_support:
            draft.attempt(key, later(plane.modify_vpc_attribute, name, enable_dns_support=False))
        if entry.enable_dns_hostnames:
            draft.attempt(key, later(plane.modify_vpc_attribute, name, enable_dns_hostnames=True))


def services(draft: Draft) -> None:
    """The document's services, and changes to the built-in ones."""
    plane = draft.plane
    seen: dict[str, str] = {}
    for name, entry in draft.each("services", schema.ServiceEntry):
        key = ("services", name)
        full = draft.names.service_name(name)
        if full in seen:
            draft.complain(key, (), f'"{name}" and "{seen[full]}" are the same service')
            continue
        seen[full] = name
        if not draft.attempt(key, later(_register_service, plane, full, entry), {"service_name": ()}):
            draft.broken |= {key, ("services", full)}


def _register_service(plane: ControlPlane, full: str, entry: schema.ServiceEntry) -> None:
    service = plane.services.get(full) or Service(full, plane.region, (VpcEndpointType.INTERFACE,))
    given: dict[str, Any] = {name: value for name, value in entry if value is not None}
    if entry.prefix_list_id is not None:
        given.setdefault("public_addresses", [])
    for name, value in given.items():
        if name == "service_types":
            given[name] = tuple(VpcEndpointType(kind) for kind in value)
        elif name == "public_addresses":
            given[name] = tuple(address(text, name, (index,)) for index, text in enumerate(value))
        elif name == "options":
            given[name] = _in_order(value)
        elif isinstance(value, list):
            given[name] = tuple(value)
    plane.register_service(replace(service, **given))


def _in_order(value: Any) -> Any:
    """Return data with its keys sorted, so that no program can tell how the document was ordered."""
    if isinstance(value, dict):
        return {key: _in_order(value[key]) for key in sorted(value)}
    return [_in_order(one) for one in value] if isinstance(value, list) else value


def subnets(draft: Draft) -> None:
    """Subnets, still with their VPC's main table."""
    for name, entry in draft.each("subnets", schema.SubnetEntry, apart_from=("route_table_id",)):
        key = ("subnets", name)
        vpc_id = draft.vpc_of(key, entry.vpc_id)
        if vpc_id is None:
            draft.broken.add(key)
            continue
        call = later(draft.plane.create_subnet, vpc_id, entry.cidr_block, entry.availability_zone, subnet_id=name)
        draft.attempt(key, call, {"subnet_id": ()}, vital=True)


def route_tables(draft: Draft) -> None:
    """Route tables, which are main, and which subnet uses which."""
    plane = draft.plane
    for name, entry in draft.each("route_tables", schema.RouteTableEntry, apart_from=("routes",)):
        create_in_vpc(draft, ("route_tables", name), entry.vpc_id, plane.create_route_table, "route_table_id")
    for name, vpc in draft.each("vpcs", schema.VpcEntry, apart_from=("main_route_table_id",)):
        if vpc.main_route_table_id is not None and draft.part_works(("vpcs", name), "main_route_table_id"):
            call = later(plane.replace_route_table_association, vpc.main_route_table_id, vpc_id=name)
            draft.attempt(("vpcs", name), call, {"route_table_id": ("main_route_table_id",)})
    for name, subnet in draft.each("subnets", schema.SubnetEntry, apart_from=("route_table_id",)):
        if subnet.route_table_id is not None and draft.part_works(("subnets", name), "route_table_id"):
            draft.attempt(("subnets", name), later(plane.associate_route_table, subnet.route_table_id, name))


def peering_connections(draft: Draft) -> None:
    """Peering connections, accepted unless the document says otherwise."""
    for name, entry in draft.each("vpc_peering_connections", schema.PeeringEntry):
        call = later(
            draft.plane.create_vpc_peering_connection,
            entry.vpc_id,
            entry.peer_vpc_id,
            vpc_peering_connection_id=name,
            auto_accept=entry.auto_accept,
        )
        where: dict[str, KeyPath] = {"vpc_peering_connection_id": ()}
        draft.attempt(("vpc_peering_connections", name), call, where, vital=True)


def routes(draft: Draft) -> None:
    """Static routes, but for those to endpoints."""
    _routes(draft, to_endpoints=False)


def routes_to_endpoints(draft: Draft) -> None:
    """Routes to endpoints are always refused; by which error depends on the endpoint (ERR-22)."""
    _routes(draft, to_endpoints=True)


def _routes(draft: Draft, *, to_endpoints: bool) -> None:
    for name, entry in draft.each("route_tables", schema.RouteTableEntry, apart_from=("routes",)):
        key = ("route_tables", name)
        for index, route in enumerate(entry.routes):
            part = ("routes", index)
            target = draft.target(key, *part, "target")
            if (target is not None and target[0] == "vpc_endpoints") != to_endpoints:
                continue
            if target is not None and target[0] in ("network_interfaces", "instances"):
                ready = draft.part_works(key, *part, "destination")  # refused whether or not they exist yet
            else:
                ready = draft.part_works(key, *part)
            if not ready:
                continue
            to = "destination_cidr_block" if looks_like_cidr(route.destination) else "destination_prefix_list_id"
            through = _target_parameter(target, route.target)
            call = later(draft.plane.create_route, name, **{to: route.destination, through: route.target})
            draft.attempt(key, call, {to: ("destination",), through: ("target",)}, part)


def _target_parameter(target: tuple[str, str] | None, written: str) -> str:
    """Return the parameter of CreateRoute that a target goes into."""
    if target is not None:
        return {
            "vpc_peering_connections": "vpc_peering_connection_id",
            "vpc_endpoints": "vpc_endpoint_id",
            "network_interfaces": "network_interface_id",
            "instances": "instance_id",
        }[target[0]]
    return next((name for head, name in FOREIGN_TARGETS.items() if written.startswith(head)), "gateway_id")


def policies(draft: Draft) -> None:
    """Policies by themselves, whatever else is wrong with their endpoints; a refused one is not asked about again."""
    for name in draft.ids_in("vpc_endpoints"):
        node = draft.document.find(("vpc_endpoints", name, "policy_document"))
        policy = None if node is None else node.plain()
        if isinstance(policy, str | dict):
            # What only a gateway's policy must not say depends on the type, so the verb itself says that.
            call = later(check_policy, _policy_text(policy), VpcEndpointType.INTERFACE)
            if not draft.attempt(("vpc_endpoints", name), call):
                draft.refused_policies.add(name)


def _policy_text(policy: str | dict[str, Any]) -> str:
    return json.dumps(policy, sort_keys=True) if isinstance(policy, dict) else policy


def hosts_and_endpoints(draft: Draft) -> None:
    """Everything that takes an address: given addresses first, so that no automatic one is in their way."""
    waiting: list[tuple[int, tuple[tuple[int, int, str], ...], Callable[[], None]]] = []
    for name, instance in draft.each("instances", schema.InstanceEntry, apart_from=("security_group_ids",)):
        rank = 0 if instance.private_ip_address else 3
        waiting.append((rank, natural(name), later(_run_instance, draft, name, instance)))
    apart = ("instance_id", "groups")
    for name, eni in draft.each("network_interfaces", schema.NetworkInterfaceEntry, apart_from=apart):
        rank = 1 if eni.private_ip_address else 4
        waiting.append((rank, natural(name), later(_create_interface, draft, name, eni)))
    for name, endpoint in draft.each("vpc_endpoints", schema.VpcEndpointEntry, apart_from=ENDPOINT_LISTS):
        rank = 2 if endpoint.subnet_configurations else 5
        waiting.append((rank, natural(name), later(_create_endpoint, draft, name, endpoint)))
    for _, _, call in sorted(waiting, key=lambda one: one[:2]):
        call()
    for name, eni in draft.each("network_interfaces", schema.NetworkInterfaceEntry):
        if eni.instance_id is not None:
            call = later(draft.plane.attach_network_interface, name, eni.instance_id)
            draft.attempt(("network_interfaces", name), call)


def _run_instance(draft: Draft, name: str, entry: schema.InstanceEntry) -> None:
    plane = draft.plane
    given = {
        "instance_id": name,
        "subnet_id": entry.subnet_id,
        "security_group_ids": entry.security_group_ids,
        "private_ip_address": entry.private_ip_address,
    }
    if draft.create(("instances", name), plane.run_instances, given, "instance_id") and not entry.source_dest_check:
        plane.modify_network_interface_attribute(f"eni-{name}", source_dest_check=False)


def _create_interface(draft: Draft, name: str, entry: schema.NetworkInterfaceEntry) -> None:
    plane, key = draft.plane, ("network_interfaces", name)
    given = {
        "subnet_id": entry.subnet_id,
        "network_interface_id": name,
        "groups": entry.groups,
        "private_ip_address": entry.private_ip_address,
    }
    created = draft.create(key, plane.create_network_interface, given, "network_interface_id")
    if created and not entry.source_dest_check:
        plane.modify_network_interface_attribute(name, source_dest_check=False)


def _create_endpoint(draft: Draft, name: str, entry: schema.VpcEndpointEntry) -> None:
    key = ("vpc_endpoints", name)
    vpc_id = draft.vpc_of(key, entry.vpc_id)
    if vpc_id is None:
        draft.broken.add(key)
        return
    options: dict[str, Any] = {"az_bandwidth": entry.az_bandwidth, "az_burst": entry.az_burst}
    given = {parameter: value for parameter, value in options.items() if value is not None}
    if entry.az_queue is not None:
        kind, amount = entry.az_queue
        rate = DEFAULT_BANDWIDTH if entry.az_bandwidth is None else entry.az_bandwidth
        given["az_queue"] = amount if kind == "bytes" else rate * amount // (8 * 10**9)
    if entry.policy_document is not None and name not in draft.refused_policies:
        given["policy_document"] = _policy_text(entry.policy_document)
    given |= {
        "vpc_id": vpc_id,
        "service_name": draft.names.service_name(entry.service_name),
        "vpc_endpoint_id": name,
        "vpc_endpoint_type": entry.vpc_endpoint_type,
        "route_table_ids": entry.route_table_ids,
        "subnet_ids": entry.subnet_ids,
        "subnet_configurations": [one.model_dump() for one in entry.subnet_configurations],
        "security_group_ids": entry.security_group_ids,
        "private_dns_enabled": entry.private_dns_enabled,
    }
    if not draft.create(key, draft.plane.create_vpc_endpoint, given, "vpc_endpoint_id") or (
        name in draft.refused_policies
    ):
        draft.broken.add(key)


STEPS: Final = (
    prefix_lists,
    vpcs,
    services,
    subnets,
    route_tables,
    network_acls,
    peering_connections,
    security_groups,
    routes,
    policies,
    hosts_and_endpoints,
    routes_to_endpoints,
    flow_logs,
)
