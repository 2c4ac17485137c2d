"""Route tables, and who uses which: subnets, VPCs and gateways.

A subnet's table is its own association or the VPC's main table (ROUTE-1), so
EC2's association ids are not needed here: a subnet names its association, a VPC
its main one, and a table the gateway whose arriving packets it rules (ROUTE-18).

AWS: VPC User Guide, "Subnet route tables", "Gateway route tables"; EC2 API
Reference, "AssociateRouteTable".
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from emulator.control.errors import Ec2Error, invalid
from emulator.control.route_states import RouteStates
from emulator.control.state import LOCAL, verb
from emulator.control.vpcs import local_routes
from emulator.model.resources import Route, RouteTable

if TYPE_CHECKING:
    from emulator.model.resources import Subnet, Vpc


class RouteTables(RouteStates):
    """Verbs on route tables and their associations."""

    @verb
    def create_route_table(self, vpc_id: str, *, route_table_id: str | None = None) -> RouteTable:
        """Create a table with the local routes of its VPC (ROUTE-8)."""
        vpc = self._vpc(vpc_id)
        limit = self.settings.route_tables_per_vpc  # ROUTE-1
        if sum(table.vpc_id == vpc_id for table in self.route_tables.values()) >= limit:
            text = f"The maximum number of route tables has been reached for {vpc_id} ({limit})"
            raise Ec2Error("RouteTableLimitExceeded", text)
        name = self._new_id(self.route_tables, "rtb", route_table_id, "route_table_id")
        table = RouteTable(name, vpc_id, local_routes(vpc))
        self._put(self.route_tables, name, table)
        return table

    @verb
    def delete_route_table(self, route_table_id: str) -> None:
        """Delete a custom table without associations, gateways' and gateway endpoints' included (ROUTE-2)."""
        table = self._route_table(route_table_id)
        users = [subnet.subnet_id for subnet in self.subnets.values() if subnet.route_table_id == route_table_id]
        users += [end.vpc_endpoint_id for end in self.vpc_endpoints.values() if route_table_id in end.route_table_ids]
        if table.gateway_id is not None:
            users.append(table.gateway_id)
        if self.vpcs[table.vpc_id].main_route_table_id == route_table_id:
            users.append("it is the main route table")
        if users:
            text = f"The routeTable '{route_table_id}' has dependencies and cannot be deleted. ({', '.join(users)})"
            raise Ec2Error("DependencyViolation", text, "route_table_id")
        self._remove(self.route_tables, route_table_id)

    @verb
    def associate_route_table(
        self, route_table_id: str, subnet_id: str | None = None, *, gateway_id: str | None = None
    ) -> Subnet | RouteTable:
        """Give a subnet a table of its own, or a gateway one for what enters there; it may not have one yet."""
        if (subnet_id is None) == (gateway_id is None):
            code = "MissingParameter" if subnet_id is None else "InvalidParameterCombination"
            raise Ec2Error(code, "Give either a subnet or a gateway")
        if gateway_id is not None:
            return self._rule_gateway(self._route_table(route_table_id), gateway_id)
        assert subnet_id is not None
        subnet = self._same_network(route_table_id, subnet_id)
        if subnet.route_table_id is not None:
            text = f"the specified association for route table {route_table_id} conflicts with an existing association"
            raise Ec2Error("Resource.AlreadyAssociated", f"{text} ({subnet.route_table_id})", "route_table_id")
        return self._use_table(subnet, route_table_id)

    @verb
    def disassociate_route_table(
        self, subnet_id: str | None = None, *, gateway_id: str | None = None
    ) -> Subnet | RouteTable:
        """Return a subnet to the main table, or let what enters by a gateway go straight to where it is meant for."""
        if (subnet_id is None) == (gateway_id is None):
            code = "MissingParameter" if subnet_id is None else "InvalidParameterCombination"
            raise Ec2Error(code, "Give either a subnet or a gateway")
        if subnet_id is not None:
            subnet = self._subnet(subnet_id)
            if subnet.route_table_id is None:
                text = f"The subnet '{subnet_id}' has no route table association of its own"
                raise Ec2Error("InvalidAssociationID.NotFound", text, "subnet_id")
            return self._use_table(subnet, None)
        for table in self.route_tables.values():
            if table.gateway_id == gateway_id:
                freed = replace(table, gateway_id=None)
                self._put(self.route_tables, table.route_table_id, freed)
                return freed
        text = f"The gateway '{gateway_id}' has no route table association"
        raise Ec2Error("InvalidAssociationID.NotFound", text, "gateway_id")

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
        table = self._route_table(route_table_id)
        if table.vpc_id != vpc_id:
            text = f"route table {route_table_id} and network {vpc_id} belong to different networks"
            raise invalid(text, "route_table_id")
        if table.gateway_id is not None:  # ROUTE-2
            text = f"The route table {route_table_id} is associated with the gateway {table.gateway_id}"
            raise invalid(f"{text} and cannot be the main route table", "route_table_id")
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

    # -- gateway route tables (ROUTE-18) ----------------------------------------------

    def _rule_gateway(self, table: RouteTable, gateway_id: str) -> RouteTable:
        """Let a custom table rule what enters by an internet or virtual private gateway (ROUTE-2, ROUTE-18)."""
        name = table.route_table_id
        self._check_gateway_of(table, gateway_id)
        if self.vpcs[table.vpc_id].main_route_table_id == name:
            text = f"The main route table {name} cannot be associated with a gateway"
            raise invalid(text, "route_table_id")
        for other in self.route_tables.values():
            if other.gateway_id == gateway_id:
                text = f"the specified association for route table {name} conflicts with an existing association"
                raise Ec2Error("Resource.AlreadyAssociated", f"{text} ({other.route_table_id})", "route_table_id")
        if table.gateway_id is not None:
            text = f"the route table {name} already has an association with a gateway ({table.gateway_id})"
            raise Ec2Error("Resource.AlreadyAssociated", text, "route_table_id")
        if table.propagating_vgws:
            text = f"Route table {name} has route propagation enabled and cannot be associated with a gateway"
            raise invalid(text, "route_table_id")
        for route in table.routes:
            self._check_gateway_route(table, route)
        ruling = replace(table, gateway_id=gateway_id)
        self._put(self.route_tables, name, ruling)
        return ruling

    def _check_gateway_of(self, table: RouteTable, gateway_id: str) -> None:
        """Refuse a gateway that is not attached to the table's VPC (ERR-23)."""
        internet_gateway, vpn_gateway = self.internet_gateways.get(gateway_id), self.vpn_gateways.get(gateway_id)
        if internet_gateway is not None:
            attached = internet_gateway.vpc_id
        elif vpn_gateway is not None:
            attached = vpn_gateway.vpc_id
        elif gateway_id.startswith("vgw"):
            attached = self._vpn_gateway(gateway_id, "gateway_id").vpc_id
        else:
            attached = self._internet_gateway(gateway_id, "gateway_id").vpc_id
        if attached is None:
            text = f"The gateway {gateway_id} is not attached to {table.vpc_id}"
            raise Ec2Error("Gateway.NotAttached", text, "gateway_id")
        if attached != table.vpc_id:
            text = f"route table {table.route_table_id} and network gateway {gateway_id} belong to different networks"
            raise invalid(text, "gateway_id")

    def _check_gateway_route(
        self, table: RouteTable, route: Route, destination: str = "route_table_id", target: str = "route_table_id"
    ) -> None:
        """ROUTE-18: full CIDR blocks of the VPC and its subnets only, to ``local`` or an interface only.

        ``destination`` and ``target`` are the parameters that gave the two.
        """
        name = table.route_table_id
        if route.destination_prefix_list_id is not None:
            text = f"Route table {name} contains unsupported route destination: {route.destination}."
            hint = "Prefix lists cannot be used in gateway route tables."
            raise Ec2Error("RouteNotSupported", f"{text} {hint}", destination)
        blocks = [*self.vpcs[table.vpc_id].cidr_blocks, *self._subnet_blocks(table.vpc_id)]
        if route.destination_cidr_block not in blocks:
            text = f"Route table {name} contains unsupported route destination: {route.destination}."
            hint = "It must equal a CIDR block of the VPC or of one of its subnets."
            raise Ec2Error("RouteNotSupported", f"{text} {hint}", destination)
        if route.target != LOCAL and route.target not in self.network_interfaces:
            text = f"Route table {name} contains unsupported route target: {route.target}."
            hint = "The routes of a gateway route table lead to local or to a network interface."
            raise Ec2Error("RouteNotSupported", f"{text} {hint}", target)

    def _subnet_blocks(self, vpc_id: str) -> list[object]:
        return [subnet.cidr_block for subnet in self.subnets.values() if subnet.vpc_id == vpc_id]
