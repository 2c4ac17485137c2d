"""The steps from a draft to a control plane: which verb for which key, in which order.

Each step calls EC2's verbs for one kind of thing and says where in the document
their parameters stand.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Literal

from emulator.control.addresses import address, network
from emulator.control.protocols import ICMP, NUMBERS
from emulator.model.resources import Service, VpcEndpointType
from emulator.topology import schema
from emulator.topology.build import Draft, natural
from emulator.topology.references import FOREIGN_TARGETS, looks_like_cidr

if TYPE_CHECKING:
    from collections.abc import Callable

    from emulator.control import ControlPlane
    from emulator.topology.build import Key
    from emulator.topology.documents import Document, KeyPath
    from emulator.topology.problems import Problem

Direction = Literal["ingress", "egress"]

DIRECTIONS: Final[tuple[Direction, Direction]] = ("ingress", "egress")


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
            draft.attempt(key, _call(_replace_aws_list, plane, name, entry), vital=True)
            continue
        call = _call(
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
        if not draft.attempt(key, _call(plane.create_vpc, first, vpc_id=name), where, vital=True):
            continue
        for index, block in enumerate(others, 1):
            call = _call(plane.associate_vpc_cidr_block, name, block)
            draft.attempt(key, call, {"cidr_block": ("cidr_blocks", index)}, vital=True)
        if not entry.enable_dns_support:
            draft.attempt(key, _call(plane.modify_vpc_attribute, name, enable_dns_support=False))
        if entry.enable_dns_hostnames:
            draft.attempt(key, _call(plane.modify_vpc_attribute, name, enable_dns_hostnames=True))


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
        if not draft.attempt(key, _call(_register_service, plane, full, entry), {"service_name": ()}):
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
        elif isinstance(value, list):
            given[name] = tuple(value)
    plane.register_service(replace(service, **given))


def subnets(draft: Draft) -> None:
    """Subnets, still with their VPC's main table."""
    for name, entry in draft.each("subnets", schema.SubnetEntry, apart_from=("route_table_id",)):
        key = ("subnets", name)
        vpc_id = draft.vpc_of(key, entry.vpc_id)
        if vpc_id is None:
            draft.broken.add(key)
            continue
        call = _call(draft.plane.create_subnet, vpc_id, entry.cidr_block, entry.availability_zone, subnet_id=name)
        draft.attempt(key, call, {"subnet_id": ()}, vital=True)


def route_tables(draft: Draft) -> None:
    """Route tables, which are main, and which subnet uses which."""
    plane = draft.plane
    for name, entry in draft.each("route_tables", schema.RouteTableEntry, apart_from=("routes",)):
        _in_vpc(draft, ("route_tables", name), entry.vpc_id, plane.create_route_table, "route_table_id")
    for name, vpc in draft.each("vpcs", schema.VpcEntry, apart_from=("main_route_table_id",)):
        if vpc.main_route_table_id is not None and draft.part_works(("vpcs", name), "main_route_table_id"):
            call = _call(plane.replace_route_table_association, vpc.main_route_table_id, vpc_id=name)
            draft.attempt(("vpcs", name), call, {"route_table_id": ("main_route_table_id",)})
    for name, subnet in draft.each("subnets", schema.SubnetEntry, apart_from=("route_table_id",)):
        if subnet.route_table_id is not None and draft.part_works(("subnets", name), "route_table_id"):
            draft.attempt(("subnets", name), _call(plane.associate_route_table, subnet.route_table_id, name))


def network_acls(draft: Draft) -> None:
    """Network ACLs, their lines, and the subnets that use them."""
    plane = draft.plane
    used_by: dict[str, str] = {}
    for name, entry in draft.each("network_acls", schema.NetworkAclEntry, apart_from=("subnet_ids",)):
        key = ("network_acls", name)
        if not _in_vpc(draft, key, entry.vpc_id, plane.create_network_acl, "network_acl_id"):
            continue
        _acl_lines(draft, key, entry.ingress, egress=False)
        _acl_lines(draft, key, entry.egress, egress=True)
        for index, subnet_id in enumerate(entry.subnet_ids):
            if not draft.part_works(key, "subnet_ids", index):
                continue
            if subnet_id in used_by:
                text = f'the subnet "{subnet_id}" already uses "{used_by[subnet_id]}"; a subnet has one network ACL'
                draft.complain(key, ("subnet_ids", index), text)
                continue
            used_by[subnet_id] = name
            call = _call(plane.replace_network_acl_association, name, subnet_id)
            draft.attempt(key, call, {"subnet_id": ("subnet_ids", index)})


def _acl_lines(draft: Draft, key: Key, lines: list[schema.AclEntryEntry] | None, *, egress: bool) -> None:
    """Lines given replace those that a default ACL is born with (NACL-3)."""
    if lines is None:
        return
    plane, (_, name) = draft.plane, key
    for old in plane.network_acls[name].entries:
        if old.egress == egress:
            plane.delete_network_acl_entry(name, rule_number=old.rule_number, egress=egress)
    for index, line in enumerate(lines):
        part = ("egress" if egress else "ingress", index)
        ports = _ports(draft, key, part, line)
        if ports is None:
            continue
        call = _call(
            plane.create_network_acl_entry,
            name,
            rule_number=line.rule_number,
            protocol=line.protocol,
            rule_action=line.rule_action,
            egress=egress,
            cidr_block=line.cidr_block,
            from_port=ports[0],
            to_port=ports[1],
        )
        draft.attempt(key, call, _ports_where(line), part)


def peering_connections(draft: Draft) -> None:
    """Peering connections, accepted unless the document says otherwise."""
    for name, entry in draft.each("vpc_peering_connections", schema.PeeringEntry):
        call = _call(
            draft.plane.create_vpc_peering_connection,
            entry.vpc_id,
            entry.peer_vpc_id,
            vpc_peering_connection_id=name,
            auto_accept=entry.auto_accept,
        )
        where: dict[str, KeyPath] = {"vpc_peering_connection_id": ()}
        draft.attempt(("vpc_peering_connections", name), call, where, vital=True)


def security_groups(draft: Draft) -> None:
    """Security groups first, then their rules, which may name each other."""
    plane = draft.plane
    for name, entry in draft.each("security_groups", schema.SecurityGroupEntry, apart_from=DIRECTIONS):
        key = ("security_groups", name)
        extra = {} if entry.group_name is None else {"group_name": entry.group_name}
        _in_vpc(draft, key, entry.vpc_id, plane.create_security_group, "group_id", **extra)
    for name, entry in draft.each("security_groups", schema.SecurityGroupEntry, apart_from=DIRECTIONS):
        _group_rules(draft, name, "ingress", entry.ingress)
        _group_rules(draft, name, "egress", entry.egress)


def _group_rules(draft: Draft, name: str, direction: Direction, rules: list[schema.RuleEntry] | None) -> None:
    """Rules given replace those that a group is born with (SG-2)."""
    if rules is None:
        return
    plane, key = draft.plane, ("security_groups", name)
    group = plane.security_groups[name]
    inbound = direction == "ingress"
    revoke = plane.revoke_security_group_ingress if inbound else plane.revoke_security_group_egress
    authorize = plane.authorize_security_group_ingress if inbound else plane.authorize_security_group_egress
    for old in group.ingress if inbound else group.egress:
        block = None if old.cidr_ip is None else str(old.cidr_ip)
        revoke(name, ip_protocol=old.ip_protocol, cidr_ip=block, referenced_group_id=old.referenced_group_id)
    for index, rule in enumerate(rules):
        part = (direction, index)
        ports = _ports(draft, key, part, rule)
        if ports is None or not draft.part_works(key, *part):
            continue
        target = draft.target(key, *part, "peer")
        kind = {None: "cidr_ip", "prefix_lists": "prefix_list_id", "security_groups": "referenced_group_id"}
        peer = {kind[target and target[0]]: rule.peer}
        call = _call(authorize, name, ip_protocol=rule.protocol, from_port=ports[0], to_port=ports[1], **peer)
        where = {**_ports_where(rule), "ip_protocol": ("protocol",), **dict.fromkeys(peer, ("peer",))}
        draft.attempt(key, call, where, part)


def _ports(
    draft: Draft, key: Key, part: KeyPath, rule: schema.RuleEntry | schema.AclEntryEntry
) -> tuple[int, int] | None:
    """Return a rule's ports, of ICMP type and code; None if it has the wrong ones."""
    icmp = rule.icmp_type, rule.icmp_code
    if _is_icmp(rule):
        if rule.ports != schema.ALL_PORTS:
            draft.complain(key, (*part, "ports"), "icmp has no ports; it has icmp_type and icmp_code")
            return None
        return icmp
    if icmp != schema.ALL_PORTS:
        name = "icmp_type" if rule.icmp_type != -1 else "icmp_code"
        draft.complain(key, (*part, name), f"{name} belongs to the protocol icmp")
        return None
    return rule.ports


def _ports_where(rule: schema.RuleEntry | schema.AclEntryEntry) -> dict[str, KeyPath]:
    if _is_icmp(rule):
        return {"from_port": ("icmp_type",), "to_port": ("icmp_code",)}
    return {"from_port": ("ports",), "to_port": ("ports",)}


def _is_icmp(rule: schema.RuleEntry | schema.AclEntryEntry) -> bool:
    return NUMBERS.get(str(rule.protocol).lower(), rule.protocol) in (ICMP, str(ICMP))


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
            call = _call(draft.plane.create_route, name, **{to: route.destination, through: route.target})
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


def hosts_and_endpoints(draft: Draft) -> None:
    """Everything that takes an address: given addresses first, so that no automatic one is in their way."""
    waiting: list[tuple[int, tuple[tuple[int, int, str], ...], Callable[[], None]]] = []
    for name, instance in draft.each("instances", schema.InstanceEntry):
        rank = 0 if instance.private_ip_address else 3
        waiting.append((rank, natural(name), _call(_run_instance, draft, name, instance)))
    for name, eni in draft.each("network_interfaces", schema.NetworkInterfaceEntry, apart_from=("instance_id",)):
        rank = 1 if eni.private_ip_address else 4
        waiting.append((rank, natural(name), _call(_create_interface, draft, name, eni)))
    for name, endpoint in draft.each("vpc_endpoints", schema.VpcEndpointEntry):
        rank = 2 if endpoint.subnet_configurations else 5
        waiting.append((rank, natural(name), _call(_create_endpoint, draft, name, endpoint)))
    for _, _, call in sorted(waiting, key=lambda one: one[:2]):
        call()
    for name, eni in draft.each("network_interfaces", schema.NetworkInterfaceEntry):
        if eni.instance_id is not None:
            call = _call(draft.plane.attach_network_interface, name, eni.instance_id)
            draft.attempt(("network_interfaces", name), call)


def _run_instance(draft: Draft, name: str, entry: schema.InstanceEntry) -> None:
    plane, key = draft.plane, ("instances", name)
    call = _call(
        plane.run_instances,
        instance_id=name,
        subnet_id=entry.subnet_id,
        security_group_ids=entry.security_group_ids,
        private_ip_address=entry.private_ip_address,
    )
    if draft.attempt(key, call, {"instance_id": ()}, vital=True) and not entry.source_dest_check:
        plane.modify_network_interface_attribute(f"eni-{name}", source_dest_check=False)


def _create_interface(draft: Draft, name: str, entry: schema.NetworkInterfaceEntry) -> None:
    plane, key = draft.plane, ("network_interfaces", name)
    call = _call(
        plane.create_network_interface,
        entry.subnet_id,
        network_interface_id=name,
        groups=entry.groups,
        private_ip_address=entry.private_ip_address,
    )
    if draft.attempt(key, call, {"network_interface_id": ()}, vital=True) and not entry.source_dest_check:
        plane.modify_network_interface_attribute(name, source_dest_check=False)


def _create_endpoint(draft: Draft, name: str, entry: schema.VpcEndpointEntry) -> None:
    key = ("vpc_endpoints", name)
    vpc_id = draft.vpc_of(key, entry.vpc_id)
    if vpc_id is None:
        draft.broken.add(key)
        return
    policy = entry.policy_document
    options: dict[str, Any] = {"az_bandwidth": entry.az_bandwidth, "az_burst": entry.az_burst}
    given = {parameter: value for parameter, value in options.items() if value is not None}
    if entry.az_queue is not None:
        kind, amount = entry.az_queue
        rate = schema.DEFAULT_BANDWIDTH if entry.az_bandwidth is None else entry.az_bandwidth
        given["az_queue"] = amount if kind == "bytes" else rate * amount // (8 * 10**9)
    call = _call(
        draft.plane.create_vpc_endpoint,
        vpc_id,
        draft.names.service_name(entry.service_name),
        vpc_endpoint_id=name,
        vpc_endpoint_type=entry.vpc_endpoint_type,
        route_table_ids=entry.route_table_ids,
        subnet_ids=entry.subnet_ids,
        subnet_configurations=[one.model_dump() for one in entry.subnet_configurations],
        security_group_ids=entry.security_group_ids,
        policy_document=json.dumps(policy) if isinstance(policy, dict) else policy,
        private_dns_enabled=entry.private_dns_enabled,
        **given,
    )
    draft.attempt(key, call, {"vpc_endpoint_id": ()}, vital=True)


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
    hosts_and_endpoints,
    routes_to_endpoints,
)


def _in_vpc(
    draft: Draft, key: Key, given: str | None, create: Callable[..., object], id_parameter: str, **extra: str
) -> bool:
    """Create a resource of a VPC, unless it was born with it; say whether it is there."""
    section, name = key
    vpc_id = draft.vpc_of(key, given)
    if vpc_id is None:
        draft.broken.add(key)
        return False
    born = getattr(draft.plane, section).get(name)
    if born is None:
        call = _call(create, vpc_id, **{id_parameter: name}, **extra)
        return draft.attempt(key, call, {id_parameter: ()}, vital=True)
    if born.vpc_id != vpc_id:
        draft.complain(key, ("vpc_id",), f'"{name}" comes with the VPC {born.vpc_id}')
    return True


def _call(function: Callable[..., Any], /, *arguments: Any, **named: Any) -> Callable[[], Any]:
    """Return the call to be made later (a lambda would see the loop's last values)."""
    return lambda: function(*arguments, **named)
