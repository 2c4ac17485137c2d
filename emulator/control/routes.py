"""Routes: which may stand in a table, and where they lead.

The targets of ROUTE-13 that are modelled are ``local``, internet and virtual
private gateways, NAT gateways, interfaces, instances (kept as their primary
interface), peering connections and transit gateways.  Gateway endpoints bring
their own routes, which come and go with the endpoint (VPCE-GW-2, VPCE-GW-4) and
cannot be touched by these verbs.  What else AWS has is refused by name;
``register_route`` stores it all the same, for tables read from an account.

AWS: VPC User Guide, "Subnet route tables", "Gateway route tables"; EC2 API
Reference, "CreateRoute", "ReplaceRoute".
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from netaddr import IPNetwork

from emulator.control.addresses import network, within
from emulator.control.errors import Ec2Error, invalid, unsupported
from emulator.control.route_states import ENDED_NAT, is_local
from emulator.control.route_tables import RouteTables
from emulator.control.state import LOCAL, verb
from emulator.control.vpcs import LIVING
from emulator.model.resources import InterfaceType, Route, RouteState, RouteTable, VpcEndpointType
from emulator.model.transit_gateways import AttachmentState, AttachmentType

if TYPE_CHECKING:
    from collections.abc import Mapping

LINK_LOCAL: Final = IPNetwork("169.254.168.0/22")  # ROUTE-11

FOREIGN: Final = {
    "egress_only_internet_gateway_id": "egress-only internet gateways",
    "local_gateway_id": "local gateways",
    "carrier_gateway_id": "carrier gateways",
    "core_network_arn": "core networks",
}
"""Targets that AWS has and this version does not model, by parameter (ROUTE-13)."""


class Routes(RouteTables):
    """Verbs on routes."""

    @verb
    def create_route(
        self,
        route_table_id: str,
        *,
        destination_cidr_block: str | None = None,
        destination_prefix_list_id: str | None = None,
        destination_ipv6_cidr_block: str | None = None,
        gateway_id: str | None = None,
        vpc_endpoint_id: str | None = None,
        vpc_peering_connection_id: str | None = None,
        network_interface_id: str | None = None,
        instance_id: str | None = None,
        nat_gateway_id: str | None = None,
        transit_gateway_id: str | None = None,
        egress_only_internet_gateway_id: str | None = None,
        local_gateway_id: str | None = None,
        carrier_gateway_id: str | None = None,
        core_network_arn: str | None = None,
    ) -> Route:
        """Add a static route (ROUTE-9, ROUTE-12, ROUTE-13, ERR-20, ERR-22, ERR-23)."""
        table = self._route_table(route_table_id)
        targets = {
            "gateway_id": gateway_id,
            "vpc_endpoint_id": vpc_endpoint_id,
            "vpc_peering_connection_id": vpc_peering_connection_id,
            "network_interface_id": network_interface_id,
            "instance_id": instance_id,
            "nat_gateway_id": nat_gateway_id,
            "transit_gateway_id": transit_gateway_id,
            "egress_only_internet_gateway_id": egress_only_internet_gateway_id,
            "local_gateway_id": local_gateway_id,
            "carrier_gateway_id": carrier_gateway_id,
            "core_network_arn": core_network_arn,
        }
        blank = self._destination(destination_cidr_block, destination_prefix_list_id, destination_ipv6_cidr_block)
        present = next((route for route in table.routes if route.destination == blank.destination), None)
        if present is not None and not is_local(present):
            raise _already_exists(blank)
        route = self._with_target(table, blank, targets)
        if present is not None:
            raise _already_exists(blank)  # ROUTE-8: replaced by ReplaceRoute, if at all
        self._put_routes(table, (*table.routes, route))
        return route

    @verb
    def replace_route(
        self,
        route_table_id: str,
        *,
        destination_cidr_block: str | None = None,
        destination_prefix_list_id: str | None = None,
        destination_ipv6_cidr_block: str | None = None,
        local_target: bool = False,
        gateway_id: str | None = None,
        vpc_endpoint_id: str | None = None,
        vpc_peering_connection_id: str | None = None,
        network_interface_id: str | None = None,
        instance_id: str | None = None,
        nat_gateway_id: str | None = None,
        transit_gateway_id: str | None = None,
        egress_only_internet_gateway_id: str | None = None,
        local_gateway_id: str | None = None,
        carrier_gateway_id: str | None = None,
        core_network_arn: str | None = None,
    ) -> Route:
        """Change the target of a route; of a local route to a NAT gateway or interface, and back (ROUTE-8)."""
        table = self._route_table(route_table_id)
        blank = self._destination(destination_cidr_block, destination_prefix_list_id, destination_ipv6_cidr_block)
        old = self._existing_route(table, blank)
        targets = {
            "gateway_id": gateway_id,
            "vpc_endpoint_id": vpc_endpoint_id,
            "vpc_peering_connection_id": vpc_peering_connection_id,
            "network_interface_id": network_interface_id,
            "instance_id": instance_id,
            "nat_gateway_id": nat_gateway_id,
            "transit_gateway_id": transit_gateway_id,
            "egress_only_internet_gateway_id": egress_only_internet_gateway_id,
            "local_gateway_id": local_gateway_id,
            "carrier_gateway_id": carrier_gateway_id,
            "core_network_arn": core_network_arn,
        }
        if local_target or gateway_id == LOCAL:
            if not is_local(old):
                parameter = "local_target" if local_target else "gateway_id"
                raise invalid(f"The route {old.destination} is not a local route of {route_table_id}", parameter)
            new = replace(old, target=LOCAL, state=RouteState.ACTIVE)
        elif old.target in self.vpc_endpoints:
            raise _endpoint_route_refusal()
        else:
            new = self._with_target(table, replace(blank, origin=old.origin), targets)
        self._put_routes(table, tuple(new if route is old else route for route in table.routes))
        return new

    @verb
    def register_route(
        self,
        route_table_id: str,
        target: str,
        *,
        destination_cidr_block: str | None = None,
        destination_prefix_list_id: str | None = None,
        state: str = RouteState.BLACKHOLE,
    ) -> Route:
        """EMU: store a route as it stands in an account, whatever became of its target (ROUTE-14).

        A ``blackhole`` may lead to what is no more. An ``active`` one to a kind of target that is not modelled is
        answered with ``UNSUPPORTED_COMPONENT`` when a packet takes it.
        """
        table = self._route_table(route_table_id)
        if state not in tuple(RouteState):
            raise invalid(f"Value ({state}) for parameter state is invalid.", "state")
        blank = self._destination(destination_cidr_block, destination_prefix_list_id, None)
        if target == LOCAL or target in self.vpc_endpoints:
            raise invalid(f"Routes to {target} come by themselves", "target")
        wanted = RouteState(state)
        kinds = (
            self.internet_gateways,
            self.vpn_gateways,
            self.nat_gateways,
            self.network_interfaces,
            self.vpc_peering_connections,
            self.transit_gateways,
        )
        if target in self.instances:
            target = self.instances[target].network_interface_ids[0]
        known = any(target in records for records in kinds)
        if known and wanted is RouteState.ACTIVE:
            raise invalid(f"A route to {target} is created by CreateRoute", "target")
        present = next((route for route in table.routes if route.destination == blank.destination), None)
        if present is not None and not is_local(present):
            raise _already_exists(blank)
        route = replace(blank, target=target, state=wanted)
        if present is None:
            self._put_routes(table, (*table.routes, route))
        else:  # a local route whose new target is gone (ROUTE-8)
            route = replace(route, origin=present.origin)
            self._put_routes(table, tuple(route if one is present else one for one in table.routes))
        return route

    @verb
    def delete_route(
        self,
        route_table_id: str,
        *,
        destination_cidr_block: str | None = None,
        destination_prefix_list_id: str | None = None,
        destination_ipv6_cidr_block: str | None = None,
    ) -> None:
        """Delete a static route; local ones and gateway endpoints' stay (ROUTE-8, VPCE-GW-4, ERR-21)."""
        table = self._route_table(route_table_id)
        blank = self._destination(destination_cidr_block, destination_prefix_list_id, destination_ipv6_cidr_block)
        old = self._existing_route(table, blank)
        if is_local(old):
            text = f"cannot remove local route {old.destination} in route table {route_table_id}"
            raise invalid(text, "destination_cidr_block")
        if old.target in self.vpc_endpoints:
            raise invalid(f"cannot remove VPC endpoint route {old.target}", "destination_prefix_list_id")
        self._put_routes(table, tuple(route for route in table.routes if route is not old))

    def _destination(self, cidr: str | None, prefix_list_id: str | None, ipv6: str | None) -> Route:
        """Return a route without a target, its destination checked (ROUTE-11, ROUTE-12)."""
        if ipv6 is not None:
            raise unsupported("IPv6 routes are not modelled", "destination_ipv6_cidr_block")
        if (cidr is None) == (prefix_list_id is None):
            text = "The request must contain exactly one of destinationCidrBlock, destinationPrefixListId"
            raise Ec2Error("MissingParameter" if cidr is None else "InvalidParameterCombination", text)
        if prefix_list_id is not None:
            self._prefix_list(prefix_list_id, "destination_prefix_list_id")
            return Route("", destination_prefix_list_id=prefix_list_id)
        block = network(cidr, "destination_cidr_block")
        if within(block, LINK_LOCAL):
            raise invalid(
                f"The destination CIDR block {block} lies in {LINK_LOCAL}, kept for AWS's services",
                "destination_cidr_block",
            )
        return Route("", destination_cidr_block=block)

    def _existing_route(self, table: RouteTable, blank: Route) -> Route:
        for route in table.routes:
            if route.destination == blank.destination:
                return route
        text = f"no route with destination {blank.destination} in route table {table.route_table_id}"
        raise Ec2Error("InvalidRoute.NotFound", text, _destination_parameter(blank))

    # -- targets ------------------------------------------------------------------------

    def _with_target(self, table: RouteTable, blank: Route, targets: Mapping[str, str | None]) -> Route:
        """Return the route with its one target, if that may be one (ROUTE-9, ROUTE-13, ROUTE-18)."""
        given = [(parameter, target) for parameter, target in targets.items() if target is not None]
        if len(given) != 1:
            text = "The request must contain exactly one target (gatewayId, vpcPeeringConnectionId, ...)"
            raise Ec2Error("InvalidParameterCombination" if given else "MissingParameter", text)
        parameter, written = given[0]
        target = self._target(table, blank, parameter, written)
        route = replace(blank, target=target, state=self._target_state(table.vpc_id, target))
        if table.gateway_id is not None:
            self._check_gateway_route(table, route, _destination_parameter(route), parameter)
        self._check_inside_local(table, route)
        return route

    def _target(self, table: RouteTable, blank: Route, parameter: str, written: str) -> str:
        """Return the id of a target if a route of this table may lead there."""
        if parameter in FOREIGN:
            raise unsupported(f"{FOREIGN[parameter]} are not modelled ({written})", parameter)
        if parameter == "vpc_endpoint_id" or written in self.vpc_endpoints:
            self._refuse_endpoint_target(table, blank, written, parameter)
        if parameter == "gateway_id":
            if written == LOCAL:
                raise invalid("local routes come with the VPC's CIDR blocks and cannot be created", parameter)
            self._check_gateway_of(table, written)
        elif parameter == "vpc_peering_connection_id":
            self._check_peering_of(table, written)
        elif parameter == "nat_gateway_id":
            self._check_nat_gateway_of(table, written)
        elif parameter == "transit_gateway_id":
            self._check_transit_gateway_of(table, written)
        else:
            if parameter == "instance_id":
                written = self._only_interface(written)
            self._check_interface_of(table, written, parameter)
        return written

    def _refuse_endpoint_target(self, table: RouteTable, blank: Route, target: str, parameter: str) -> None:
        """Gateway endpoints bring their own route, interface endpoints are no target (ERR-22, ROUTE-13)."""
        endpoint = self._vpc_endpoint(target, parameter)
        if blank.destination_prefix_list_id is not None and endpoint.vpc_endpoint_type is VpcEndpointType.GATEWAY:
            raise _endpoint_route_refusal(parameter)
        text = f"Route table {table.route_table_id} contains unsupported route target: {target}."
        hint = "VPC Endpoints of this type cannot be used as route targets."
        raise Ec2Error("RouteNotSupported", f"{text} {hint}", parameter)

    def _check_peering_of(self, table: RouteTable, target: str) -> None:
        parameter = "vpc_peering_connection_id"
        peering = self._peering(target)
        if table.vpc_id not in (peering.requester_vpc_id, peering.accepter_vpc_id):
            text = f"route table {table.route_table_id} and vpc peering connection {target}"
            raise invalid(f"{text} belong to different networks", parameter)
        if peering.status not in LIVING:
            text = f"The vpcPeeringConnection ID '{target}' does not exist ({peering.status})"
            raise Ec2Error("InvalidVpcPeeringConnectionID.NotFound", text, parameter)

    def _check_nat_gateway_of(self, table: RouteTable, target: str) -> None:
        gateway = self._nat_gateway(target)
        if gateway.state in ENDED_NAT:
            text = f"The Nat Gateway '{target}' does not exist ({gateway.state})"
            raise Ec2Error("NatGatewayNotFound", text, "nat_gateway_id")
        if gateway.vpc_id != table.vpc_id:
            text = f"route table {table.route_table_id} and network gateway {target} belong to different networks"
            raise invalid(text, "nat_gateway_id")

    def _check_transit_gateway_of(self, table: RouteTable, target: str) -> None:
        """A transit gateway is there for a VPC only once it is attached."""
        self._transit_gateway(target)
        attached = any(
            attachment.transit_gateway_id == target
            and attachment.resource_type is AttachmentType.VPC
            and attachment.resource_id == table.vpc_id
            and attachment.state not in (AttachmentState.DELETED, AttachmentState.REJECTED)
            for attachment in self.transit_gateway_attachments.values()
        )
        if not attached:
            text = f"The transitGateway ID '{target}' does not exist ({table.vpc_id} is not attached to it)"
            raise Ec2Error("InvalidTransitGatewayID.NotFound", text, "transit_gateway_id")

    def _only_interface(self, instance_id: str) -> str:
        """Return an instance's interface; EC2 wants to know which one where there are several."""
        instance = self._instance(instance_id)
        if len(instance.network_interface_ids) > 1:
            text = f"There are multiple interfaces attached to instance '{instance_id}'."
            hint = "Please specify an interface ID for the operation instead."
            raise Ec2Error("InvalidInstanceID", f"{text} {hint}", "instance_id")
        return instance.network_interface_ids[0]

    def _check_interface_of(self, table: RouteTable, target: str, parameter: str) -> None:
        """An interface of the user's in this VPC; an endpoint's never is one (ROUTE-13)."""
        interface = self._network_interface(target, parameter)
        if interface.interface_type is not InterfaceType.INTERFACE:
            text = f"Route table {table.route_table_id} contains unsupported route target: {target}."
            hint = f"Interfaces of type {interface.interface_type} cannot be used as route targets."
            raise Ec2Error("RouteNotSupported", f"{text} {hint}", parameter)
        if interface.vpc_id != table.vpc_id:
            text = f"route table {table.route_table_id} and interface {target} belong to different networks"
            raise invalid(text, parameter)

    def _check_inside_local(self, table: RouteTable, route: Route) -> None:
        """ROUTE-8, ROUTE-9: inside a VPC's own blocks only whole subnets, and only by what can be in the way."""
        block = route.destination_cidr_block
        vpc = self.vpcs[table.vpc_id]
        if block is None or not any(within(block, local) for local in vpc.cidr_blocks):
            return
        text = f"The destination CIDR block {block} is equal to or more specific than one of this VPC's CIDR blocks."
        if route.target not in self.network_interfaces and route.target not in self.nat_gateways:  # ERR-20
            raise invalid(f"{text} This route can target only an interface or an instance.", "destination_cidr_block")
        if block not in vpc.cidr_blocks and block not in self._subnet_blocks(vpc.vpc_id):
            hint = "It must equal the CIDR block of one of this VPC's subnets."
            raise invalid(f"{text} {hint}", "destination_cidr_block")

    # -- quotas -------------------------------------------------------------------------

    def _put_routes(self, table: RouteTable, routes: tuple[Route, ...]) -> None:
        """Store a table's routes if they fit (ROUTE-16, ROUTE-17)."""
        if len(routes) > len(table.routes) and self.routes_used(routes) > self.settings.routes_per_table:
            limit = self.settings.routes_per_table
            text = f"You've reached the limit on the number of routes in route table {table.route_table_id} ({limit})"
            raise Ec2Error("RouteLimitExceeded", text, "route_table_id")
        self._put(self.route_tables, table.route_table_id, replace(table, routes=routes))

    def routes_used(self, routes: tuple[Route, ...]) -> int:
        """Return what static routes count for against the quota; a prefix list counts its weight (ROUTE-17)."""
        return sum(
            self.prefix_lists[route.destination_prefix_list_id].max_entries if route.destination_prefix_list_id else 1
            for route in routes
            if not is_local(route)
        )


def _destination_parameter(route: Route) -> str:
    return "destination_cidr_block" if route.destination_cidr_block else "destination_prefix_list_id"


def _already_exists(route: Route) -> Ec2Error:
    text = f"The route identified by {route.destination} already exists."
    return Ec2Error("RouteAlreadyExists", text, _destination_parameter(route))


def _endpoint_route_refusal(parameter: str = "destination_prefix_list_id") -> Ec2Error:
    return invalid("Cannot create or replace a prefix list route targeting a VPC Endpoint.", parameter)  # ERR-22
