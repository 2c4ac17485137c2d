"""The steps about edges: gateways, public addresses, VPN and Direct Connect, and hosts outside.

As in :mod:`emulator.topology.steps`: verbs for keys.  Gateways come before the
route tables that name them, Elastic IPs before the NAT gateways that take them,
and are put onto interfaces once those are there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emulator.topology import schema
from emulator.topology.build import later
from emulator.topology.fields import in_order
from emulator.topology.schema_edges import (
    AddressEntry,
    CustomerGatewayEntry,
    ExternalHostEntry,
    InternetGatewayEntry,
    NatGatewayEntry,
    VirtualInterfaceEntry,
    VpnConnectionEntry,
    VpnGatewayEntry,
)

if TYPE_CHECKING:
    from emulator.topology.build import Draft
    from emulator.topology.documents import KeyPath


def gateways(draft: Draft) -> None:
    """Internet and virtual private gateways, attached or not, and customer gateways."""
    plane = draft.plane
    for name, igw in draft.each("internet_gateways", InternetGatewayEntry):
        call = later(plane.create_internet_gateway, internet_gateway_id=name, vpc_id=igw.vpc_id)
        draft.attempt(("internet_gateways", name), call, {"internet_gateway_id": ()}, vital=True)
    for name, vgw in draft.each("vpn_gateways", VpnGatewayEntry):
        call = later(plane.create_vpn_gateway, vpn_gateway_id=name, vpc_id=vgw.vpc_id)
        draft.attempt(("vpn_gateways", name), call, {"vpn_gateway_id": ()}, vital=True)
    for name, cgw in draft.each("customer_gateways", CustomerGatewayEntry):
        call = later(plane.create_customer_gateway, cgw.ip_address, bgp_asn=cgw.bgp_asn, customer_gateway_id=name)
        draft.attempt(("customer_gateways", name), call, {"customer_gateway_id": ()}, vital=True)


def gateway_route_tables(draft: Draft) -> None:
    """Which table rules what enters by which gateway (ROUTE-18), and which takes up propagated routes."""
    plane = draft.plane
    apart = ("routes", "gateway_id", "propagating_vgws")
    for name, entry in draft.each("route_tables", schema.RouteTableEntry, apart_from=apart):
        key = ("route_tables", name)
        if entry.gateway_id is not None and draft.part_works(key, "gateway_id"):
            call = later(plane.associate_route_table, name, gateway_id=entry.gateway_id)
            draft.attempt(key, call, {"route_table_id": ("gateway_id",)})
        for index, gateway_id in enumerate(entry.propagating_vgws):
            place: KeyPath = ("propagating_vgws", index)
            if draft.part_works(key, *place):
                call = later(plane.enable_vgw_route_propagation, gateway_id, name)
                draft.attempt(key, call, {"gateway_id": place, "route_table_id": place})


def elastic_addresses(draft: Draft) -> None:
    """Elastic IPs, not yet on anything."""
    for name, entry in draft.each("addresses", AddressEntry, apart_from=("network_interface_id", "instance_id")):
        given: dict[str, Any] = {} if entry.owner_id is None else {"owner_id": entry.owner_id}
        public = str(next(draft.public_addresses)) if entry.public_ip is None else entry.public_ip
        call = later(draft.plane.allocate_address, public_ip=public, allocation_id=name, **given)
        draft.attempt(("addresses", name), call, {"allocation_id": ()}, vital=True)


def elastic_associations(draft: Draft) -> None:
    """Which interface has which Elastic IP."""
    for name, entry in draft.each("addresses", AddressEntry):
        key = ("addresses", name)
        if entry.network_interface_id is None and entry.instance_id is None:
            if entry.private_ip_address is not None:
                draft.complain(key, ("private_ip_address",), "private_ip_address is one of an interface's: name it")
            continue
        call = later(
            draft.plane.associate_address,
            name,
            network_interface_id=entry.network_interface_id,
            instance_id=entry.instance_id,
            private_ip_address=entry.private_ip_address,
            allow_reassociation=False,
        )
        draft.attempt(key, call, {"allocation_id": ()})


def nat_gateway(draft: Draft, name: str, entry: NatGatewayEntry) -> None:
    """One NAT gateway; a public one that is given no Elastic IP gets one."""
    plane, key = draft.plane, ("nat_gateways", name)
    allocations = list(entry.allocation_ids)
    public = entry.connectivity_type == "public" and entry.state in ("pending", "available", "deleting")
    automatic = public and not allocations
    given: dict[str, Any] = {
        "subnet_id": entry.subnet_id,
        "connectivity_type": entry.connectivity_type,
        "allocation_ids": allocations,
        "private_ip_address": entry.private_ip_address,
        "secondary_private_ip_addresses": entry.secondary_private_ip_addresses,
        "nat_gateway_id": name,
        "network_interface_id": entry.network_interface_id,
        "state": entry.state,
    }
    if automatic:
        spare = [str(next(draft.public_addresses)) for _ in range(1 + len(entry.secondary_private_ip_addresses))]
        given["public_ips"] = tuple(spare)
    draft.create(key, plane.create_nat_gateway, given, "nat_gateway_id")


def vpn_connections(draft: Draft) -> None:
    """VPN connections and virtual interfaces, up or down, with what is behind them."""
    plane = draft.plane
    for name, vpn in draft.each("vpn_connections", VpnConnectionEntry):
        key = ("vpn_connections", name)
        call = later(
            plane.create_vpn_connection,
            vpn.customer_gateway_id,
            vpn_gateway_id=vpn.vpn_gateway_id,
            transit_gateway_id=vpn.transit_gateway_id,
            static_routes_only=vpn.static_routes_only,
            routes=vpn.routes,
            vpn_connection_id=name,
        )
        if not draft.attempt(key, call, {"vpn_connection_id": ()}, vital=True):
            continue
        if not vpn.tunnels_up:
            draft.attempt(key, later(plane.set_vpn_tunnels, name, up=False))
        if vpn.state != "available":
            draft.attempt(key, later(plane.set_vpn_connection_state, name, vpn.state))
    for name, vif in draft.each("virtual_interfaces", VirtualInterfaceEntry):
        key = ("virtual_interfaces", name)
        call = later(
            plane.create_private_virtual_interface,
            vif.virtual_gateway_id,
            routes=vif.routes,
            virtual_interface_id=name,
        )
        created = draft.attempt(key, call, {"virtual_interface_id": ()}, vital=True)
        if created and vif.state != "available":
            draft.attempt(key, later(plane.set_virtual_interface_state, name, vif.state))


def external_hosts(draft: Draft) -> None:
    """Hosts beyond the edges."""
    for name, entry in draft.each("external_hosts", ExternalHostEntry):
        call = later(
            draft.plane.register_external_host,
            entry.ip_address,
            external_host_id=name,
            location=entry.location,
            resolver_ip_address=entry.resolver_ip_address,
            operating_system=entry.operating_system,
            application=entry.application,
            options=in_order(entry.options),
        )
        draft.attempt(("external_hosts", name), call, {"external_host_id": ()}, vital=True)
