"""What becomes of routes when their target changes (ROUTE-14).

A route is ``active`` while its target can be used and a ``blackhole`` otherwise;
it stays in its table either way.  A verb that changes what may be a target asks
for the routes to it to be judged anew.

AWS: EC2 API Reference, "Route".
"""

from __future__ import annotations

from dataclasses import replace

from emulator.control.state import LOCAL, State
from emulator.model.edges import NatGatewayState
from emulator.model.resources import (
    InstanceState,
    PeeringState,
    Route,
    RouteOrigin,
    RouteState,
    VpcEndpointType,
)
from emulator.model.transit_gateways import AttachmentState, AttachmentType

ENDED_NAT: tuple[NatGatewayState, ...] = (NatGatewayState.FAILED, NatGatewayState.DELETED)

NOT_ATTACHED: tuple[AttachmentState, ...] = (
    AttachmentState.PENDING_ACCEPTANCE,
    AttachmentState.REJECTED,
    AttachmentState.FAILED,
    AttachmentState.DELETED,
)


class RouteStates(State):
    """The state of a route by its target."""

    def _refresh_routes(self, target: str) -> None:
        """Judge every route to ``target`` anew."""
        for table in list(self.route_tables.values()):
            if any(route.target == target for route in table.routes):
                state = self._target_state(table.vpc_id, target)
                routes = tuple(
                    replace(route, state=state) if route.target == target else route for route in table.routes
                )
                if routes != table.routes:
                    self._put(self.route_tables, table.route_table_id, replace(table, routes=routes))

    def _target_state(self, vpc_id: str, target: str) -> RouteState:
        """Return whether a table of this VPC can hand packets to ``target``."""
        usable = (
            target == LOCAL
            or self._usable_gateway(vpc_id, target)
            or self._usable_interface(target)
            or self._usable_transit_gateway(vpc_id, target)
        )
        return RouteState.ACTIVE if usable else RouteState.BLACKHOLE

    def _usable_gateway(self, vpc_id: str, target: str) -> bool:
        """Internet and virtual private gateways while attached, NAT gateways and peerings that live, endpoints."""
        internet_gateway = self.internet_gateways.get(target)
        vpn_gateway = self.vpn_gateways.get(target)
        nat_gateway = self.nat_gateways.get(target)
        peering = self.vpc_peering_connections.get(target)
        endpoint = self.vpc_endpoints.get(target)
        return (
            (internet_gateway is not None and internet_gateway.vpc_id == vpc_id)
            or (vpn_gateway is not None and vpn_gateway.vpc_id == vpc_id)
            or (nat_gateway is not None and nat_gateway.state not in ENDED_NAT)
            or (peering is not None and peering.status is PeeringState.ACTIVE)
            or (endpoint is not None and endpoint.vpc_endpoint_type is VpcEndpointType.GATEWAY)
        )

    def _usable_interface(self, target: str) -> bool:
        """An interface while it belongs to a running instance."""
        interface = self.network_interfaces.get(target)
        instance = self.instances.get(interface.attachment) if interface is not None else None
        return instance is not None and instance.state is InstanceState.RUNNING

    def _usable_transit_gateway(self, vpc_id: str, target: str) -> bool:
        """A transit gateway while the VPC is attached to it; one out of order says so itself (BAD_STATE_ATTACHMENT)."""
        return target in self.transit_gateways and any(
            attachment.transit_gateway_id == target
            and attachment.resource_type is AttachmentType.VPC
            and attachment.resource_id == vpc_id
            and attachment.state not in NOT_ATTACHED
            for attachment in self.transit_gateway_attachments.values()
        )


def is_local(route: Route) -> bool:
    """Return whether a route came with its table, its target replaced or not (ROUTE-8, ROUTE-15)."""
    return route.origin is RouteOrigin.CREATE_ROUTE_TABLE
