"""Route tables: associations, and which routes may stand in them.

A subnet's table is its own association or the VPC's main table (ROUTE-1), so
EC2's association ids are not needed here: a subnet names its association, and a
VPC its main one.  Supported targets are ``local``, peering connections, and
gateway endpoints, whose routes come and go with the endpoint (VPCE-GW-2,
VPCE-GW-4) and cannot be touched by these verbs.

AWS: VPC User Guide, "Subnet route tables"; EC2 API Reference, "CreateRoute".
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from netaddr import IPNetwork

from emulator.control.addresses import network, within
from emulator.control.errors import Ec2Error, invalid, unsupported
from emulator.control.state import State, verb
from emulator.control.vpcs import LOCAL, local_routes
from emulator.model.resources import PeeringState, Route, RouteState, RouteTable, VpcEndpointType

if TYPE_CHECKING:
    from emulator.model.resources import Subnet, Vpc

ROUTE_TABLES_PER_VPC: Final = 200  # ROUTE-1
LINK_LOCAL: Final = IPNetwork("169.254.168.0/22")  # ROUTE-11


class RouteTables(State):
    """Verbs on route tables, their associations and their routes."""

    @verb
    def create_route_table(self, vpc_id: str, *, route_table_id: str | None = None) -> RouteTable:
        """Create a table with the local routes of its VPC (ROUTE-8)."""
        vpc = self._vpc(vpc_id)
        if sum(table.vpc_id == vpc_id for table in self.route_tables.values()) >= ROUTE_TABLES_PER_VPC:
            text = f"The maximum number of route tables has been reached for {vpc_id} ({ROUTE_TABLES_PER_VPC})"
            raise Ec2Error("RouteTableLimitExceeded", text)
        name = self._new_id(self.route_tables, "rtb", route_table_id, "route_table_id")
        table = RouteTable(name, vpc_id, local_routes(vpc))
        self._put(self.route_tables, name, table)
        return table

    @verb
    def delete_route_table(self, route_table_id: str) -> None:
        """Delete a custom table without associations, gateway endpoints' included (ROUTE-2)."""
        table = self._route_table(route_table_id)
        users = [subnet.subnet_id for subnet in self.subnets.values() if subnet.route_table_id == route_table_id]
        users += [end.vpc_endpoint_id for end in self.vpc_endpoints.values() if route_table_id in end.route_table_ids]
        if self.vpcs[table.vpc_id].main_route_table_id == route_table_id:
            users.append("it is the main route table")
        if users:
            text = f"The routeTable '{route_table_id}' has dependencies and cannot be deleted. ({', '.join(users)})"
            raise Ec2Error("DependencyViolation", text, "route_table_id")
        self._remove(self.route_tables, route_table_id)

    @verb
    def associate_route_table(self, route_table_id: str, subnet_id: str) -> Subnet:
        """Give a subnet a table of its own; it may not have one yet."""
        subnet = self._same_network(route_table_id, subnet_id)
        if subnet.route_table_id is not None:
            text = f"the specified association for route table {route_table_id} conflicts with an existing association"
            raise Ec2Error("Resource.AlreadyAssociated", f"{text} ({subnet.route_table_id})", "route_table_id")
        return self._use_table(subnet, route_table_id)

    @verb
    def disassociate_route_table(self, subnet_id: str) -> Subnet:
        """Return a subnet to the main table."""
        subnet = self._subnet(subnet_id)
        if subnet.route_table_id is None:
            text = f"The subnet '{subnet_id}' has no route table association of its own"
            raise Ec2Error("InvalidAssociationID.NotFound", text, "subnet_id")
        return self._use_table(subnet, None)

    @verb
    def replace_route_table_association(
        self, route_table_id: str, *, subnet_id: str | None = None, vpc_id: str | None = None
    ) -> Subnet | Vpc:
        """Change the table of a subnet, or, given ``vpc_id``, the VPC's main table (ROUTE-2)."""
        if (subnet_id is None) == (vpc_id is None):
            raise Ec2Error("InvalidParameterCombination", "Give either a subnet or a VPC (for its main route table)")
        if subnet_id is not None:
            return self._use_table(self._same_network(route_table_id, subnet_id), route_table_id)
        assert vpc_id is not None
        vpc = self._vpc(vpc_id)
        if self._route_table(route_table_id).vpc_id != vpc_id:
            text = f"route table {route_table_id} and network {vpc_id} belong to different networks"
            raise invalid(text, "route_table_id")
        changed = replace(vpc, main_route_table_id=route_table_id)
        self._put(self.vpcs, vpc_id, changed)
        return changed

    def _same_network(self, route_table_id: str, subnet_id: str) -> Subnet:
        table = self._route_table(route_table_id)
        subnet = self._subnet(subnet_id)
        if table.vpc_id != subnet.vpc_id:
            text = f"route table {route_table_id} and subnet {subnet_id} belong to different networks"
            raise invalid(text, "route_table_id")
        return subnet

    def _use_table(self, subnet: Subnet, route_table_id: str | None) -> Subnet:
        changed = replace(subnet, route_table_id=route_table_id)
        self._put(self.subnets, subnet.subnet_id, changed)
        return changed

    # -- routes ----------------------------------------------------------------

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
    ) -> Route:
        """Add a static route (ROUTE-12, ROUTE-13, ERR-20, ERR-22, ERR-23)."""
        table = self._route_table(route_table_id)
        targets = {
            "gateway_id": gateway_id,
            "vpc_endpoint_id": vpc_endpoint_id,
            "vpc_peering_connection_id": vpc_peering_connection_id,
            "network_interface_id": network_interface_id,
            "instance_id": instance_id,
            "nat_gateway_id": nat_gateway_id,
            "transit_gateway_id": transit_gateway_id,
        }
        blank = self._destination(destination_cidr_block, destination_prefix_list_id, destination_ipv6_cidr_block)
        present = next((route for route in table.routes if route.destination == blank.destination), None)
        if present is not None and present.target != LOCAL:
            parameter = "destination_cidr_block" if blank.destination_cidr_block else "destination_prefix_list_id"
            text = f"The route identified by {blank.destination} already exists."
            raise Ec2Error("RouteAlreadyExists", text, parameter)
        route = self._with_target(table, blank, targets)
        self._refuse_inside_local(table, route)
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
    ) -> Route:
        """Change the target of a route; of a local route only back to ``local`` (ROUTE-8)."""
        table = self._route_table(route_table_id)
        blank = self._destination(destination_cidr_block, destination_prefix_list_id, destination_ipv6_cidr_block)
        old = self._existing_route(table, blank)
        if local_target:
            if old.target != LOCAL:
                raise invalid(f"The route {old.destination} is not a local route of {route_table_id}", "local_target")
            return old
        targets = {
            "gateway_id": gateway_id,
            "vpc_endpoint_id": vpc_endpoint_id,
            "vpc_peering_connection_id": vpc_peering_connection_id,
            "network_interface_id": network_interface_id,
            "instance_id": instance_id,
            "nat_gateway_id": nat_gateway_id,
            "transit_gateway_id": transit_gateway_id,
        }
        if old.target in self.vpc_endpoints:
            raise _endpoint_route_refusal()
        new = self._with_target(table, blank, targets)
        self._refuse_inside_local(table, new)
        self._put_routes(table, tuple(new if route is old else route for route in table.routes))
        return new

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
        if old.target == LOCAL:
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
        parameter = "destination_cidr_block" if blank.destination_cidr_block else "destination_prefix_list_id"
        raise Ec2Error("InvalidRoute.NotFound", text, parameter)

    def _with_target(self, table: RouteTable, blank: Route, targets: dict[str, str | None]) -> Route:
        """Return the route with its one target, if that may be one (ROUTE-13)."""
        given = [(parameter, target) for parameter, target in targets.items() if target is not None]
        if len(given) != 1:
            text = "The request must contain exactly one target (gatewayId, vpcPeeringConnectionId, ...)"
            raise Ec2Error("InvalidParameterCombination" if given else "MissingParameter", text)
        parameter, target = given[0]
        if parameter == "vpc_peering_connection_id":
            return replace(blank, target=target, state=self._peering_state(table, target))
        if target in self.vpc_endpoints or parameter == "vpc_endpoint_id":
            self._refuse_endpoint_target(table, blank, target, parameter)
        if parameter == "gateway_id" and target == LOCAL:
            raise invalid("local routes come with the VPC's CIDR blocks and cannot be created", parameter)
        kinds = {
            "gateway_id": "internet gateways and virtual private gateways",
            "network_interface_id": "network interfaces as route targets",
            "instance_id": "instances as route targets",
            "nat_gateway_id": "NAT gateways",
            "transit_gateway_id": "transit gateways",
        }
        raise unsupported(f"{kinds[parameter]} are not modelled ({target})", parameter)

    def _refuse_endpoint_target(self, table: RouteTable, blank: Route, target: str, parameter: str) -> None:
        """Gateway endpoints bring their own route, interface endpoints are no target (ERR-22, ROUTE-13)."""
        endpoint = self._vpc_endpoint(target, parameter)
        if blank.destination_prefix_list_id is not None and endpoint.vpc_endpoint_type is VpcEndpointType.GATEWAY:
            raise _endpoint_route_refusal(parameter)
        text = f"Route table {table.route_table_id} contains unsupported route target: {target}."
        hint = "VPC Endpoints of this type cannot be used as route targets."
        raise Ec2Error("RouteNotSupported", f"{text} {hint}", parameter)

    def _peering_state(self, table: RouteTable, target: str) -> RouteState:
        """Return the state of a route to a peering connection, ``blackhole`` until it is accepted."""
        parameter = "vpc_peering_connection_id"
        peering = self._peering(target)
        if table.vpc_id not in (peering.requester_vpc_id, peering.accepter_vpc_id):
            text = (
                f"route table {table.route_table_id} and vpc peering connection {target} belong to different networks"
            )
            raise invalid(text, parameter)
        if peering.status is PeeringState.ACTIVE:
            return RouteState.ACTIVE
        if peering.status is PeeringState.PENDING_ACCEPTANCE:
            return RouteState.BLACKHOLE
        text = f"The vpcPeeringConnection ID '{target}' does not exist ({peering.status})"
        raise Ec2Error("InvalidVpcPeeringConnectionID.NotFound", text, parameter)

    def _refuse_inside_local(self, table: RouteTable, route: Route) -> None:
        """ROUTE-9: no supported target may be more specific than ``local`` (ERR-20)."""
        block = route.destination_cidr_block
        if block is not None and any(within(block, local) for local in self.vpcs[table.vpc_id].cidr_blocks):
            text = (
                f"The destination CIDR block {block} is equal to or more specific than one of this VPC's CIDR blocks. "
                "This route can target only an interface or an instance."
            )
            raise invalid(text, "destination_cidr_block")

    def _put_routes(self, table: RouteTable, routes: tuple[Route, ...]) -> None:
        """Store a table's routes if they fit (ROUTE-16, ROUTE-17)."""
        if self.routes_used(routes) > self.settings.routes_per_table and len(routes) > len(table.routes):
            limit = self.settings.routes_per_table
            text = f"You've reached the limit on the number of routes in route table {table.route_table_id} ({limit})"
            raise Ec2Error("RouteLimitExceeded", text, "route_table_id")
        self._put(self.route_tables, table.route_table_id, replace(table, routes=routes))

    def routes_used(self, routes: tuple[Route, ...]) -> int:
        """Return what static routes count for against the quota; a prefix list counts its weight (ROUTE-17)."""
        return sum(
            self.prefix_lists[route.destination_prefix_list_id].max_entries if route.destination_prefix_list_id else 1
            for route in routes
            if route.target != LOCAL
        )


def _endpoint_route_refusal(parameter: str = "destination_prefix_list_id") -> Ec2Error:
    return invalid("Cannot create or replace a prefix list route targeting a VPC Endpoint.", parameter)  # ERR-22
