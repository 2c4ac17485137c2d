"""Records in, lookup tables out: the network as packets meet it.

Called once per generation, by whoever carries packets; nothing here is asked per packet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from emulator.flows.tables import EndpointTable, InterfaceTable, PeeringTable, ShaperSpec, Tables, VpcTable
from emulator.gates.network_acls import AclEntry, AclTable
from emulator.gates.networks import network, networks
from emulator.gates.routes import PREFIX_LIST, STATIC, RouteEntry, RouteLookup
from emulator.gates.security_groups import GroupRule
from emulator.model.resources import (
    InterfaceType,
    NetworkAclEntry,
    RouteState,
    RuleAction,
    SecurityGroup,
    SecurityGroupRule,
    VpcEndpointType,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from emulator.control.state import State
    from emulator.model.resources import NetworkAcl, NetworkInterface, RouteTable, VpcEndpoint

_PROTOCOLS = {-1: "all", 1: "icmp", 6: "tcp", 17: "udp"}


def compile_tables(state: State) -> Tables:
    """Return the tables of the present generation."""
    tables = Tables(state.generation, state.settings)
    for vpc in state.vpcs.values():
        tables.vpcs[vpc.vpc_id] = VpcTable(vpc.vpc_id, networks(vpc.cidr_blocks), dns_support=vpc.enable_dns_support)
    for peering in state.vpc_peering_connections.values():
        pcx = peering.vpc_peering_connection_id
        tables.peerings[pcx] = PeeringTable(pcx, (peering.requester_vpc_id, peering.accepter_vpc_id), peering.status)
    endpoints = {endpoint.vpc_endpoint_id: _endpoint(state, endpoint) for endpoint in state.vpc_endpoints.values()}
    for endpoint in state.vpc_endpoints.values():
        if endpoint.vpc_endpoint_type is VpcEndpointType.GATEWAY:
            tables.gateways[endpoint.vpc_endpoint_id] = endpoints[endpoint.vpc_endpoint_id]
    routes = {table.route_table_id: _route_table(state, table) for table in state.route_tables.values()}
    acls = {acl.network_acl_id: _network_acl(acl) for acl in state.network_acls.values()}
    groups = _Groups(state)
    for eni in state.network_interfaces.values():
        interface = _interface(state, eni, routes, acls, groups, endpoints)
        tables.interfaces[eni.network_interface_id] = interface
        tables.addresses[eni.vpc_id, interface.address] = interface
    return tables


def _interface(
    state: State,
    eni: NetworkInterface,
    routes: dict[str, RouteLookup],
    acls: dict[str, AclTable],
    groups: _Groups,
    endpoints: dict[str, EndpointTable],
) -> InterfaceTable:
    subnet = state.subnets[eni.subnet_id]
    vpc = state.vpcs[eni.vpc_id]
    owned = eni.interface_type is InterfaceType.VPC_ENDPOINT  # an instance may bear an endpoint's name
    endpoint = state.vpc_endpoints[eni.attachment] if owned else None
    to_service = from_service = None
    if endpoint is not None:
        to_service = _shaper(eni, endpoint, "to-service")
        from_service = _shaper(eni, endpoint, "from-service")
    return InterfaceTable(
        eni.network_interface_id,
        int(eni.private_ip_address),
        eni.vpc_id,
        subnet.availability_zone,
        network(subnet.cidr_block),
        ",".join(eni.groups),
        groups.union(eni.groups, egress=True),
        groups.union(eni.groups, egress=False),
        acls[subnet.network_acl_id],
        routes[subnet.route_table_id or vpc.main_route_table_id],
        source_dest_check=eni.source_dest_check,
        endpoint=endpoints[eni.attachment] if owned else None,
        to_service=to_service,
        from_service=from_service,
    )


def _shaper(eni: NetworkInterface, endpoint: VpcEndpoint, direction: str) -> ShaperSpec:
    shaper_id = f"{eni.network_interface_id}/{direction}"
    return ShaperSpec(shaper_id, endpoint.az_bandwidth, endpoint.az_burst, endpoint.az_queue)


def _endpoint(state: State, endpoint: VpcEndpoint) -> EndpointTable:
    service = state.services.get(endpoint.service_name)
    prefix_list_id = (service.prefix_list_id if service is not None else None) or ""
    prefix_list = state.prefix_lists.get(prefix_list_id)
    return EndpointTable(
        endpoint.vpc_endpoint_id,
        endpoint.vpc_id,
        endpoint.state,
        prefix_list_id,
        networks(prefix_list.cidrs) if prefix_list is not None else (),
        service.service_delay if service is not None else 0,
    )


def _route_table(state: State, table: RouteTable) -> RouteLookup:
    """Expand prefix lists (ROUTE-4); the lookup settles ties by rank, then by the list's id (ROUTE-3, ROUTE-5)."""
    entries: list[RouteEntry] = []
    for route in table.routes:
        active = route.state is RouteState.ACTIVE
        if route.destination_cidr_block is not None:
            block = route.destination_cidr_block
            entries.append(RouteEntry(network(block), route.target, str(block), STATIC, active=active))
            continue
        assert route.destination_prefix_list_id is not None
        listed = state.prefix_lists.get(route.destination_prefix_list_id)
        for cidr in listed.cidrs if listed is not None else ():
            shown = f"{route.destination_prefix_list_id} ({cidr})"
            entries.append(RouteEntry(network(cidr), route.target, shown, PREFIX_LIST, active=active))
    return RouteLookup(table.route_table_id, entries)


def _network_acl(acl: NetworkAcl) -> AclTable:
    ingress = [_acl_entry(entry) for entry in acl.entries if not entry.egress]
    egress = [_acl_entry(entry) for entry in acl.entries if entry.egress]
    return AclTable(acl.network_acl_id, ingress, egress)


def _acl_entry(entry: NetworkAclEntry) -> AclEntry:
    ports = _ports(entry.protocol, entry.from_port, entry.to_port)
    text = f"{entry.rule_number} {entry.rule_action} {ports} {entry.cidr_block}"
    allow = entry.rule_action is RuleAction.ALLOW
    return AclEntry(
        entry.rule_number, entry.protocol, entry.from_port, entry.to_port, network(entry.cidr_block), text, allow=allow
    )


class _Groups:
    """Security groups with their peers resolved: prefix lists to CIDRs, groups to their members' addresses (SG-3)."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._members: dict[str, set[int]] = {}
        for eni in state.network_interfaces.values():
            for group_id in eni.groups:
                self._members.setdefault(group_id, set()).add(int(eni.private_ip_address))
        self._unions: dict[tuple[tuple[str, ...], bool], tuple[GroupRule, ...]] = {}

    def union(self, group_ids: Sequence[str], *, egress: bool) -> tuple[GroupRule, ...]:
        """Return the rules of all the groups in one direction (SG-1)."""
        key = tuple(group_ids), egress
        if key not in self._unions:
            rules: list[GroupRule] = []
            for group_id in group_ids:
                group = self._state.security_groups[group_id]
                rules += [
                    self._rule(group, rule, egress=egress) for rule in (group.egress if egress else group.ingress)
                ]
            self._unions[key] = tuple(rules)
        return self._unions[key]

    def _rule(self, group: SecurityGroup, rule: SecurityGroupRule, *, egress: bool) -> GroupRule:
        ports = _ports(rule.ip_protocol, rule.from_port, rule.to_port)
        text = f"{group.group_id}: {ports} {'to' if egress else 'from'} {rule.peer}"
        members = None
        peers = networks(() if rule.cidr_ip is None else (rule.cidr_ip,))
        if rule.referenced_group_id is not None:
            members = frozenset(self._members.get(rule.referenced_group_id, ()))
        elif rule.prefix_list_id is not None:
            listed = self._state.prefix_lists.get(rule.prefix_list_id)
            peers = networks(listed.cidrs if listed is not None else ())
        return GroupRule(text, rule.ip_protocol, rule.from_port, rule.to_port, peers, members)


def _ports(protocol: int, first: int, last: int) -> str:
    name = _PROTOCOLS.get(protocol, str(protocol))
    if protocol not in (1, 6, 17) or first < 0:
        return name
    return f"{name} {first}" if first == last else f"{name} {first}-{last}"
