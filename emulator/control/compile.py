"""Records in, lookup tables out: the network as packets meet it.

Called once per generation, by whoever carries packets; nothing here is asked per packet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from emulator.control.compile_edges import compile_edges
from emulator.control.propagation import propagated_routes
from emulator.flows.tables import EndpointTable, InterfaceTable, Kind, PeeringTable, ShaperSpec, Tables, VpcTable
from emulator.gates.network_acls import AclEntry, AclTable
from emulator.gates.networks import network, networks
from emulator.gates.routes import PREFIX_LIST, PROPAGATED, STATIC, RouteEntry, RouteLookup
from emulator.gates.security_groups import GroupRule, open_protocols
from emulator.model.resources import (
    InstanceState,
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

    from emulator.control.plane import ControlPlane
    from emulator.model.resources import NetworkAcl, NetworkInterface, RouteTable, VpcEndpoint

_PROTOCOLS = {-1: "all", 1: "icmp", 6: "tcp", 17: "udp"}

KINDS: Final = {
    InterfaceType.VPC_ENDPOINT: Kind.ENDPOINT,
    InterfaceType.NAT_GATEWAY: Kind.NAT_GATEWAY,
    InterfaceType.NETWORK_LOAD_BALANCER: Kind.LOAD_BALANCER,
    InterfaceType.TRANSIT_GATEWAY: Kind.TRANSIT_GATEWAY,
}
AUTO_TRACKED: Final = (*KINDS, InterfaceType.LAMBDA)  # SG-12
DYNAMODB_ENTRIES: Final = 2  # SG-12


def compile_tables(state: ControlPlane) -> Tables:
    """Return the tables of the present generation."""
    tables = Tables(state.generation, state.settings)
    attached = {one.resource_id for one in state.transit_gateway_attachments.values()}
    for vpc in state.vpcs.values():
        tables.vpcs[vpc.vpc_id] = VpcTable(
            vpc.vpc_id,
            vpc.region,
            networks(vpc.cidr_blocks),
            dns_support=vpc.enable_dns_support,
            transit=vpc.vpc_id in attached,
        )
    for peering in state.vpc_peering_connections.values():
        pcx, ends = peering.vpc_peering_connection_id, (peering.requester_vpc_id, peering.accepter_vpc_id)
        regions = {state.vpcs[end].region for end in ends if end in state.vpcs}
        tables.peerings[pcx] = PeeringTable(pcx, ends, peering.status, inter_region=len(regions) > 1)
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
        for address in interface.addresses:
            tables.addresses[eni.vpc_id, address] = interface
    compile_edges(state, tables, routes)
    return tables


def _interface(
    state: ControlPlane,
    eni: NetworkInterface,
    routes: dict[str, RouteLookup],
    acls: dict[str, AclTable],
    groups: _Groups,
    endpoints: dict[str, EndpointTable],
) -> InterfaceTable:
    subnet = state.subnets[eni.subnet_id]
    vpc = state.vpcs[eni.vpc_id]
    kind = KINDS.get(eni.interface_type, Kind.HOST)
    owned = kind is Kind.ENDPOINT  # an instance may bear an endpoint's name
    endpoint = state.vpc_endpoints[eni.attachment] if owned else None
    to_service = from_service = None
    if endpoint is not None:
        to_service = _shaper(eni, endpoint, "to-service")
        from_service = _shaper(eni, endpoint, "from-service")
    instance = state.instances.get(eni.attachment) if kind is Kind.HOST else None
    settings, tracking = state.settings, eni.connection_tracking
    limit = settings.max_tracked_connections if instance is not None else None
    if instance is not None and instance.max_tracked_connections is not None:
        limit = instance.max_tracked_connections
    egress, open_egress = groups.union(eni.groups, egress=True)
    ingress, open_ingress = groups.union(eni.groups, egress=False)
    zone = subnet.availability_zone
    failed = state.failures.get(eni.network_interface_id) or state.failures.get(zone) or ""
    return InterfaceTable(
        eni.network_interface_id,
        tuple(int(address) for address in eni.private_ip_addresses),
        eni.vpc_id,
        subnet.availability_zone_id or zone,
        eni.subnet_id,
        network(subnet.cidr_block),
        ",".join(eni.groups),
        egress if eni.groups else None,
        ingress if eni.groups else None,
        acls[subnet.network_acl_id],
        routes[subnet.route_table_id or vpc.main_route_table_id],
        (
            _or(tracking.tcp_established_timeout, settings.tcp_established_timeout),
            _or(tracking.udp_timeout, settings.udp_timeout),
            _or(tracking.udp_stream_timeout, settings.udp_stream_timeout),
        ),
        source_dest_check=eni.source_dest_check,
        kind=kind,
        owner=eni.attachment,
        public={int(private): int(public) for private, public in eni.public_ips},
        open_egress=open_egress,
        open_ingress=open_ingress,
        endpoint=endpoints[eni.attachment] if owned else None,
        to_service=to_service,
        from_service=from_service,
        auto_tracked=eni.interface_type in AUTO_TRACKED,
        forwards=instance is not None and instance.forwards,
        running=instance is None or instance.state is InstanceState.RUNNING,
        failed=failed,
        max_tracked=limit or 0,
    )


def _or(value: int | None, default: int) -> int:
    return default if value is None else value


def _shaper(eni: NetworkInterface, endpoint: VpcEndpoint, direction: str) -> ShaperSpec:
    shaper_id = f"{eni.network_interface_id}/{direction}"
    return ShaperSpec(shaper_id, endpoint.az_bandwidth, endpoint.az_burst, endpoint.az_queue)


def _endpoint(state: ControlPlane, endpoint: VpcEndpoint) -> EndpointTable:
    service = state.services.get(endpoint.service_name)
    prefix_list_id = (service.prefix_list_id if service is not None else None) or ""
    prefix_list = state.prefix_lists.get(prefix_list_id)
    gateway = endpoint.vpc_endpoint_type is VpcEndpointType.GATEWAY
    dynamodb = gateway and endpoint.service_name.endswith(".dynamodb")
    return EndpointTable(
        endpoint.vpc_endpoint_id,
        endpoint.vpc_id,
        endpoint.state,
        endpoint.service_name,
        prefix_list_id,
        networks(prefix_list.cidrs) if prefix_list is not None else (),
        service.service_delay if service is not None else 0,
        auto_tracked=DYNAMODB_ENTRIES if dynamodb else 0,
        nodes=_nodes(state, service.service_id) if service is not None and service.service_id else None,
        service_failed=state.failures.get(endpoint.service_name, ""),
    )


def _nodes(state: ControlPlane, service_id: str) -> dict[str, tuple[str, ...]]:
    """Return the load balancers' interfaces behind an endpoint service, by zone id (SVC-7)."""
    nodes: dict[str, tuple[str, ...]] = {}
    configuration = state.vpc_endpoint_service_configurations.get(service_id)
    for name in configuration.load_balancer_names if configuration is not None else ():
        balancer = state.load_balancers[name]
        for subnet_id, eni in zip(balancer.subnet_ids, balancer.network_interface_ids, strict=True):
            subnet = state.subnets[subnet_id]
            zone = subnet.availability_zone_id or subnet.availability_zone
            nodes[zone] = (*nodes.get(zone, ()), eni)
    return nodes


def _route_table(state: ControlPlane, table: RouteTable) -> RouteLookup:
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
    for order, learnt in enumerate(propagated_routes(state, table)):
        block = learnt.destination_cidr_block
        entries.append(RouteEntry(network(block), learnt.target, f"{block} (propagated)", PROPAGATED + order))
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


Union = tuple[tuple[GroupRule, ...], tuple[int, ...]]
"""Rules of one direction, and the protocols for which it is open to all (SG-10)."""


class _Groups:
    """Security groups with their peers resolved: prefix lists to CIDRs, groups to their members' addresses (SG-3)."""

    def __init__(self, state: ControlPlane) -> None:
        self._state = state
        self._members: dict[str, set[int]] = {}
        for eni in state.network_interfaces.values():
            for group_id in eni.groups:
                addresses = self._members.setdefault(group_id, set())
                addresses.update(int(address) for address in eni.private_ip_addresses)
        self._rules: dict[tuple[str, bool], tuple[GroupRule, ...]] = {}
        self._unions: dict[tuple[tuple[str, ...], bool], Union] = {}

    def union(self, group_ids: Sequence[str], *, egress: bool) -> Union:
        """Return the rules of all the groups in one direction (SG-1)."""
        key = tuple(group_ids), egress
        if key not in self._unions:
            rules = tuple(rule for group_id in group_ids for rule in self._of(group_id, egress=egress))
            self._unions[key] = rules, open_protocols(rules)
        return self._unions[key]

    def _of(self, group_id: str, *, egress: bool) -> tuple[GroupRule, ...]:
        key = group_id, egress
        if key not in self._rules:
            group = self._state.security_groups[group_id]
            listed = group.egress if egress else group.ingress
            self._rules[key] = tuple(self._rule(group, rule, egress=egress) for rule in listed)
        return self._rules[key]

    def _rule(self, group: SecurityGroup, rule: SecurityGroupRule, *, egress: bool) -> GroupRule:
        ports = _ports(rule.ip_protocol, rule.from_port, rule.to_port)
        text = f"{group.group_id}: {ports} {'to' if egress else 'from'} {rule.peer}"
        members, unknown = None, False
        peers = networks(() if rule.cidr_ip is None else (rule.cidr_ip,))
        if rule.referenced_group_id is not None:
            stale = self._state.security_group_rule_is_stale(
                group, rule, "egress" if egress else "ingress"
            )  # kept, and matches nothing (SG-5)
            members = frozenset(() if stale else self._members.get(rule.referenced_group_id, ()))
            unknown = rule.referenced_group_id not in self._state.security_groups
            text += " (stale)" if stale else ""
        elif rule.prefix_list_id is not None:
            listed = self._state.prefix_lists.get(rule.prefix_list_id)
            peers = networks(listed.cidrs if listed is not None else ())
        return GroupRule(text, rule.ip_protocol, rule.from_port, rule.to_port, peers, members, unknown=unknown)


def _ports(protocol: int, first: int, last: int) -> str:
    name = _PROTOCOLS.get(protocol, str(protocol))
    if protocol not in (1, 6, 17) or first < 0:
        return name
    return f"{name} {first}" if first == last else f"{name} {first}-{last}"
