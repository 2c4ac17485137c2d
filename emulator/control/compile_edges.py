"""The tables of what is at the edges of VPCs and between them; see :mod:`emulator.control.compile`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from emulator.control.propagation import routes_behind
from emulator.control.transit_routes import transit_routes
from emulator.flows.tables import (
    AttachmentTable,
    ConnectionTable,
    GatewayTable,
    ListenerTable,
    LoadBalancerTable,
    NatGatewayTable,
    TargetTable,
    TransitGatewayTable,
)
from emulator.gates.networks import network, networks
from emulator.gates.routes import RouteEntry, RouteLookup
from emulator.model.edges import INTERNET, VirtualInterfaceState, VpnState
from emulator.model.endpoint_services import TargetHealth, TargetType
from emulator.model.resources import RouteState
from emulator.model.transit_gateways import AttachmentType

if TYPE_CHECKING:
    from emulator.control.plane import ControlPlane
    from emulator.flows.tables import Tables
    from emulator.model.endpoint_services import LoadBalancer, TargetGroup
    from emulator.model.transit_gateways import TransitGatewayAttachment

TCP, UDP = 6, 17
PROTOCOLS: Final = {"TCP": (TCP,), "TLS": (TCP,), "UDP": (UDP,), "TCP_UDP": (TCP, UDP)}


def compile_edges(state: ControlPlane, tables: Tables, routes: dict[str, RouteLookup]) -> None:
    """Fill in everything but the inside of VPCs; interfaces are there already."""
    edge = {table.gateway_id: routes[table.route_table_id] for table in state.route_tables.values() if table.gateway_id}
    for igw in state.internet_gateways.values():
        name = igw.internet_gateway_id
        tables.internet_gateways[name] = GatewayTable(name, igw.vpc_id, edge.get(name))
    for vgw in state.vpn_gateways.values():
        name = vgw.vpn_gateway_id
        tables.vpn_gateways[name] = GatewayTable(name, vgw.vpc_id, edge.get(name), _behind(state, name))
    for nat in state.nat_gateways.values():
        name = nat.nat_gateway_id
        failed = state.failures.get(name, "")
        tables.nat_gateways[name] = NatGatewayTable(name, nat.network_interface_id, nat.state, failed)
    _connections(state, tables)
    _public(state, tables)
    _transit(state, tables)
    for balancer in state.load_balancers.values():
        tables.load_balancers[balancer.load_balancer_name] = _load_balancer(state, tables, balancer)


def _behind(state: ControlPlane, vpn_gateway_id: str) -> RouteLookup:
    entries = [
        RouteEntry(network(one.destination_cidr_block), one.source, str(one.destination_cidr_block), one.rank)
        for one in routes_behind(state, vpn_gateway_id)
    ]
    return RouteLookup(vpn_gateway_id, entries)


def _connections(state: ControlPlane, tables: Tables) -> None:
    attachments = {
        one.resource_id: one.transit_gateway_attachment_id
        for one in state.transit_gateway_attachments.values()
        if one.resource_type is AttachmentType.VPN
    }
    for vpn in state.vpn_connections.values():
        name = vpn.vpn_connection_id
        up = vpn.state is VpnState.AVAILABLE and vpn.tunnels_up
        why = str(vpn.state) if vpn.state is not VpnState.AVAILABLE else "its tunnels are down"
        gateway = vpn.vpn_gateway_id or vpn.transit_gateway_id or ""
        attachment = attachments.get(name) if vpn.transit_gateway_id is not None else None
        tables.connections[name] = ConnectionTable(
            name, gateway, attachment, up, why, vpn=True, routes=networks(vpn.routes)
        )
    for vif in state.virtual_interfaces.values():
        name = vif.virtual_interface_id
        up = vif.state is VirtualInterfaceState.AVAILABLE
        tables.connections[name] = ConnectionTable(
            name, vif.virtual_gateway_id, None, up, str(vif.state), vpn=False, routes=networks(vif.routes)
        )


def _public(state: ControlPlane, tables: Tables) -> None:
    """Who has which public address; the user's own come before those of services."""
    blocks = []
    for service in state.services.values():
        for address in service.public_addresses:
            tables.public[int(address)] = service.service_name
        listed = state.prefix_lists.get(service.prefix_list_id or "")
        cidrs = listed.cidrs if listed is not None else ()
        blocks += [RouteEntry(network(cidr), service.service_name, str(cidr)) for cidr in cidrs]
    tables.public_blocks = RouteLookup("public addresses", blocks)
    for host in state.external_hosts.values():
        tables.external[host.external_host_id] = int(host.ip_address), host.location
        if host.location == INTERNET:
            tables.public[int(host.ip_address)] = host.external_host_id
    for eni in state.network_interfaces.values():
        for _, public in eni.public_ips:
            tables.public[int(public)] = eni.network_interface_id


def _transit(state: ControlPlane, tables: Tables) -> None:
    for one in state.transit_gateway_attachments.values():
        tables.attachments[one.transit_gateway_attachment_id] = _attachment(state, one)
    for gateway in state.transit_gateways.values():
        name = gateway.transit_gateway_id
        by_vpc = {
            one.resource_id: one.transit_gateway_attachment_id
            for one in state.transit_gateway_attachments.values()
            if one.transit_gateway_id == name and one.resource_type is AttachmentType.VPC
        }
        tables.transit_gateways[name] = TransitGatewayTable(name, gateway.region, by_vpc)
    unreadable = []
    for table in state.transit_gateway_route_tables.values():
        name = table.transit_gateway_route_table_id
        if table.unreadable:
            unreadable.append(name)
        entries = []
        for order, route in enumerate(transit_routes(state, table)):
            active = route.state is RouteState.ACTIVE and route.transit_gateway_attachment_id is not None
            target = route.transit_gateway_attachment_id or "blackhole"
            shown = f"{route.destination} ({route.kind})"
            entries.append(RouteEntry(network(route.destination), target, shown, order, active=active))
        tables.transit_routes[name] = RouteLookup(name, entries)
    tables.unreadable = tuple(unreadable)


def _attachment(state: ControlPlane, one: TransitGatewayAttachment) -> AttachmentTable:
    zones = {}
    for subnet_id, eni in zip(one.subnet_ids, one.network_interface_ids, strict=True):
        subnet = state.subnets[subnet_id]
        zones[subnet.availability_zone_id or subnet.availability_zone] = eni
    associations: dict[str, str | None] = {one.transit_gateway_id: one.route_table_id}
    if one.resource_type is AttachmentType.PEERING:
        associations[one.resource_id] = one.peer_route_table_id
    gateway = state.transit_gateways.get(one.transit_gateway_id)
    references = one.security_group_referencing_support
    return AttachmentTable(
        one.transit_gateway_attachment_id,
        one.transit_gateway_id,
        one.resource_type,
        one.resource_id,
        one.state,
        zones,
        associations,
        references=references and gateway is not None and gateway.security_group_referencing_support,
        appliance_mode=one.appliance_mode_support,
    )


def _load_balancer(state: ControlPlane, tables: Tables, balancer: LoadBalancer) -> LoadBalancerTable:
    listeners = []
    for listener in balancer.listeners:
        group = state.target_groups[listener.target_group_name]
        listeners.append(
            ListenerTable(
                listener.port,
                PROTOCOLS[listener.protocol],
                group.target_group_name,
                PROTOCOLS[group.protocol],
                _targets(state, tables, group),
                proxy_protocol=group.proxy_protocol_v2_enabled,
                preserves_client=group.preserve_client_ip_enabled,
            )
        )
    settings = state.settings
    idle = settings.load_balancer_tcp_idle_timeout if balancer.idle_timeout is None else balancer.idle_timeout
    zones = [tables.interfaces[name].availability_zone for name in balancer.network_interface_ids]
    return LoadBalancerTable(
        balancer.load_balancer_name,
        tuple(zones),
        tuple(listeners),
        balancer.cross_zone,
        balancer.enforce_security_group_inbound_rules_on_private_link_traffic,
        idle,
    )


def _targets(state: ControlPlane, tables: Tables, group: TargetGroup) -> tuple[TargetTable, ...]:
    targets = []
    for target in group.targets:
        if group.target_type is TargetType.INSTANCE:
            instance = state.instances.get(target.target_id)
            if instance is None:
                continue  # terminated: its registration is gone with it
            eni = tables.interfaces[instance.network_interface_ids[0]]
            address = eni.address
            zone = eni.availability_zone
        else:
            address = _number(target.target_id)
            owner = tables.addresses.get((group.vpc_id, address))
            zone = owner.availability_zone if owner is not None else ""
        healthy = target.health is TargetHealth.HEALTHY
        targets.append(TargetTable(address, target.port, zone, healthy))
    return tuple(targets)


def _number(address: str) -> int:
    first, second, third, fourth = (int(part) for part in address.split("."))
    return first << 24 | second << 16 | third << 8 | fourth
