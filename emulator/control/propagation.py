"""Route propagation: what virtual private gateways bring into route tables.

Propagated routes are not stored: they are derived from what is behind a gateway
now, so that they come and go with VPN connections and virtual interfaces.

Which of them count (ROUTE-3, ROUTE-10, ROUTE-16):

- an advertised route (BGP) is there while its virtual interface or, of a VPN, a
  tunnel is up; a static one of a VPN connection is there as long as the connection;
- Direct Connect's beat static VPN ones, and those a VPN's by BGP;
- one equal to or inside the VPC's own blocks never wins, so it is left out;
- EMU: of more than the quota, the best-ranked are kept.

AWS: AWS Site-to-Site VPN User Guide, "Route tables and AWS Site-to-Site VPN route priority".
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum
from typing import TYPE_CHECKING

from emulator.control.addresses import within
from emulator.control.errors import Ec2Error, invalid
from emulator.control.routes import Routes
from emulator.control.state import verb
from emulator.model.edges import VirtualInterfaceState, VpnState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netaddr import IPNetwork

    from emulator.control.state import State
    from emulator.model.resources import RouteTable


class PropagatedRank(IntEnum):
    """ROUTE-3 (4), best first."""

    DIRECT_CONNECT_BGP = 0
    VPN_STATIC = 1
    VPN_BGP = 2


@dataclass(frozen=True, slots=True)
class PropagatedRoute:
    """A route that a virtual private gateway brings into a table.

    Attributes:
        destination_cidr_block: Where it leads.
        target: The virtual private gateway.
        rank: How it ranks among propagated ones of the same destination.
        source: The VPN connection or virtual interface it came by.
    """

    destination_cidr_block: IPNetwork
    target: str
    rank: PropagatedRank
    source: str


class Propagation(Routes):
    """Verbs on route propagation."""

    @verb
    def enable_vgw_route_propagation(self, gateway_id: str, route_table_id: str) -> RouteTable:
        """Let a table take up what is behind a virtual private gateway of its VPC (ROUTE-15)."""
        gateway = self._vpn_gateway(gateway_id, "gateway_id")
        table = self._route_table(route_table_id)
        if gateway.vpc_id is None:
            text = f"The gateway {gateway_id} is not attached to {table.vpc_id}"
            raise Ec2Error("Gateway.NotAttached", text, "gateway_id")
        if gateway.vpc_id != table.vpc_id:
            text = f"route table {route_table_id} and network gateway {gateway_id} belong to different networks"
            raise invalid(text, "gateway_id")
        if table.gateway_id is not None:  # ROUTE-18
            text = f"Route table {route_table_id} is associated with a gateway ({table.gateway_id})"
            raise invalid(f"{text}; it takes up no propagated routes", "route_table_id")
        if gateway_id in table.propagating_vgws:
            return table
        changed = replace(table, propagating_vgws=(*table.propagating_vgws, gateway_id))
        self._put(self.route_tables, route_table_id, changed)
        return changed

    @verb
    def disable_vgw_route_propagation(self, gateway_id: str, route_table_id: str) -> RouteTable:
        """Let a table take up no more what is behind a gateway."""
        self._vpn_gateway(gateway_id, "gateway_id")
        table = self._route_table(route_table_id)
        kept = tuple(name for name in table.propagating_vgws if name != gateway_id)
        changed = replace(table, propagating_vgws=kept)
        self._put(self.route_tables, route_table_id, changed)
        return changed


def propagated_routes(state: State, table: RouteTable) -> tuple[PropagatedRoute, ...]:
    """Return the routes that a table takes up, best-ranked first, one for each destination."""
    blocks = state.vpcs[table.vpc_id].cidr_blocks
    best: dict[IPNetwork, PropagatedRoute] = {}
    found = [route for gateway_id in table.propagating_vgws for route in routes_behind(state, gateway_id)]
    for route in sorted(found, key=lambda route: (route.rank, route.destination_cidr_block, route.source)):
        inside = any(within(route.destination_cidr_block, block) for block in blocks)  # ROUTE-10
        if not inside and len(best) < state.settings.propagated_routes_per_table:  # ROUTE-16
            best.setdefault(route.destination_cidr_block, route)
    return tuple(best.values())


def routes_behind(state: State, vpn_gateway_id: str) -> Iterator[PropagatedRoute]:
    """Yield what a virtual private gateway knows now, by id; also for its own choice of a way out (ROUTE-3)."""
    for interface in state.virtual_interfaces.values():
        if interface.virtual_gateway_id == vpn_gateway_id and interface.state is VirtualInterfaceState.AVAILABLE:
            for block in interface.routes:
                rank = PropagatedRank.DIRECT_CONNECT_BGP
                yield PropagatedRoute(block, vpn_gateway_id, rank, interface.virtual_interface_id)
    for connection in state.vpn_connections.values():
        static = connection.static_routes_only
        advertised = static or connection.tunnels_up
        if connection.vpn_gateway_id == vpn_gateway_id and connection.state is VpnState.AVAILABLE and advertised:
            for block in connection.routes:
                rank = PropagatedRank.VPN_STATIC if static else PropagatedRank.VPN_BGP
                yield PropagatedRoute(block, vpn_gateway_id, rank, connection.vpn_connection_id)
