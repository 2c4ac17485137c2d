"""VPCs and subnets: their CIDR blocks, and what comes with a VPC.

A VPC is born with a main route table, a default security group and a default
network ACL; their ids here are ``rtb-main-<vpc>``, ``sg-default-<vpc>`` and
``acl-default-<vpc>``.

AWS: VPC User Guide, "VPC CIDR blocks" and "Subnet CIDR blocks" (EDGE-4).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from netaddr import IPNetwork

from emulator.control.addresses import network, overlap, within
from emulator.control.errors import Ec2Error, invalid
from emulator.control.regions import Regions, check_zone_id, zone_id
from emulator.control.route_states import RouteStates, is_local
from emulator.control.state import LOCAL, verb
from emulator.model.edges import NatGatewayState
from emulator.model.resources import (
    ANY_PROTOCOL,
    DEFAULT_ACCOUNT,
    NetworkAcl,
    NetworkAclEntry,
    PeeringState,
    Route,
    RouteOrigin,
    RouteTable,
    RuleAction,
    SecurityGroup,
    SecurityGroupRule,
    Subnet,
    Vpc,
)
from emulator.model.transit_gateways import AttachmentState

if TYPE_CHECKING:
    from collections.abc import Iterable

ANYWHERE: Final = IPNetwork("0.0.0.0/0")
LIVING: Final = (
    PeeringState.INITIATING_REQUEST,
    PeeringState.PENDING_ACCEPTANCE,
    PeeringState.PROVISIONING,
    PeeringState.ACTIVE,
)
"""States of a peering connection that may still carry something (EDGE-2)."""


class Vpcs(RouteStates, Regions):
    """Verbs on VPCs and subnets."""

    @verb
    def create_vpc(
        self,
        cidr_block: str,
        *,
        vpc_id: str | None = None,
        region: str | None = None,
        owner_id: str = DEFAULT_ACCOUNT,
        default_security_group_id: str | None = None,
        default_network_acl_id: str | None = None,
    ) -> Vpc:
        """Create a VPC with its main table, default group and default ACL (ROUTE-1, ROUTE-8, SG-2, NACL-3, DNS-2).

        EMU: ``region`` and ``owner_id`` put it into another Region or account of the same network;
        ``default_...`` name what comes with it.
        """
        place = region or self.region
        self._check_region(place)
        if not (owner_id.isascii() and owner_id.isdigit() and len(owner_id) == 12):
            raise invalid(f"Value ({owner_id}) for parameter ownerId is invalid. An account has 12 digits.", "owner_id")
        block = network(cidr_block, "cidr_block")
        if not 16 <= block.prefixlen <= 28:
            raise Ec2Error("InvalidVpc.Range", f"The CIDR '{block}' is invalid. (from /16 to /28)", "cidr_block")
        name = self._new_id(self.vpcs, "vpc", vpc_id, "vpc_id")
        group_id, acl_id = default_security_group_id, default_network_acl_id
        group_parameter = "vpc_id" if group_id is None else "default_security_group_id"
        acl_parameter = "vpc_id" if acl_id is None else "default_network_acl_id"
        vpc = Vpc(
            vpc_id=name,
            region=place,
            owner_id=owner_id,
            cidr_blocks=(block,),
            main_route_table_id=self._new_id(self.route_tables, "rtb", f"rtb-main-{name}", "vpc_id"),
            default_security_group_id=self._new_id(
                self.security_groups, "sg", group_id or f"sg-default-{name}", group_parameter
            ),
            default_network_acl_id=self._new_id(
                self.network_acls, "acl", acl_id or f"acl-default-{name}", acl_parameter
            ),
        )
        self._put(self.vpcs, name, vpc)
        self._open_region(place)
        main = RouteTable(vpc.main_route_table_id, name, local_routes(vpc))
        self._put(self.route_tables, main.route_table_id, main)
        group = default_group(vpc)
        self._put(self.security_groups, group.group_id, group)
        acl = NetworkAcl(vpc.default_network_acl_id, name, (_allow_all(egress=False), _allow_all(egress=True)))
        self._put(self.network_acls, acl.network_acl_id, acl)
        return vpc

    @verb
    def associate_vpc_cidr_block(self, vpc_id: str, cidr_block: str) -> Vpc:
        """Add a secondary block; every table of the VPC gets a local route for it (ROUTE-8)."""
        vpc = self._vpc(vpc_id)
        block = network(cidr_block, "cidr_block")
        if not 16 <= block.prefixlen <= 28:
            raise Ec2Error("InvalidVpc.Range", f"The CIDR '{block}' is invalid. (from /16 to /28)", "cidr_block")
        for existing in vpc.cidr_blocks:
            if overlap(existing, block):
                text = f"The CIDR '{block}' conflicts with another CIDR of the VPC {vpc_id} ({existing})"
                raise Ec2Error("CidrConflict", text, "cidr_block")
        self._refuse_peer_overlap(vpc, block)
        grown = replace(vpc, cidr_blocks=(*vpc.cidr_blocks, block))
        self._put(self.vpcs, vpc_id, grown)
        for table in [table for table in self.route_tables.values() if table.vpc_id == vpc_id]:
            static = tuple(route for route in table.routes if not is_local(route))
            for route in static:
                # "must not be the same or larger than a destination CIDR range in a route" (VPC CIDR blocks)
                if route.destination_cidr_block is not None and within(route.destination_cidr_block, block):
                    text = f"The CIDR '{block}' covers the route {route.destination} of {table.route_table_id}"
                    raise Ec2Error("CidrConflict", text, "cidr_block")
            local = (*(route for route in table.routes if is_local(route)), _local_route(block))
            self._put(self.route_tables, table.route_table_id, replace(table, routes=local + static))
        return grown

    def _refuse_peer_overlap(self, vpc: Vpc, block: IPNetwork) -> None:
        """EDGE-2 holds for later blocks too."""
        for peering in self.vpc_peering_connections.values():
            ends = (peering.requester_vpc_id, peering.accepter_vpc_id)
            if vpc.vpc_id not in ends or peering.status not in LIVING:
                continue
            far = self.vpcs[ends[ends[0] == vpc.vpc_id]]
            if any(overlap(block, theirs) for theirs in far.cidr_blocks):
                name = peering.vpc_peering_connection_id
                text = f"The CIDR '{block}' overlaps with the VPC {far.vpc_id}, a peer by {name}"
                raise Ec2Error("CidrConflict", text, "cidr_block")

    @verb
    def modify_vpc_attribute(
        self, vpc_id: str, *, enable_dns_support: bool | None = None, enable_dns_hostnames: bool | None = None
    ) -> Vpc:
        """Change one attribute (DNS-2); EC2 takes one at a time."""
        vpc = self._vpc(vpc_id)
        if enable_dns_support is not None and enable_dns_hostnames is not None:
            text = "Fields for multiple attribute types specified: enableDnsSupport, enableDnsHostnames"
            raise Ec2Error("InvalidParameterCombination", text)
        if enable_dns_support is not None:
            vpc = replace(vpc, enable_dns_support=enable_dns_support)
        elif enable_dns_hostnames is not None:
            vpc = replace(vpc, enable_dns_hostnames=enable_dns_hostnames)
        else:
            raise Ec2Error("MissingParameter", "No attributes specified.")
        self._put(self.vpcs, vpc_id, vpc)
        return vpc

    @verb
    def delete_vpc(self, vpc_id: str) -> None:
        """Delete an empty VPC and what came with it; its peering connections end (ROUTE-14)."""
        vpc = self._vpc(vpc_id)
        born_with_it = {vpc.main_route_table_id, vpc.default_security_group_id, vpc.default_network_acl_id}
        for name, owner in self._belongings():
            if owner == vpc_id and name not in born_with_it:
                text = f"The vpc '{vpc_id}' has dependencies and cannot be deleted. ({name})"
                raise Ec2Error("DependencyViolation", text, "vpc_id")
        for peering in list(self.vpc_peering_connections.values()):
            if vpc_id in (peering.requester_vpc_id, peering.accepter_vpc_id) and peering.status in LIVING:
                self._end_peering(peering.vpc_peering_connection_id, PeeringState.DELETED)
        self._remove(self.route_tables, vpc.main_route_table_id)
        self._remove(self.security_groups, vpc.default_security_group_id)
        self._remove(self.network_acls, vpc.default_network_acl_id)
        self._remove(self.vpcs, vpc_id)

    def _belongings(self) -> Iterable[tuple[str, str | None]]:
        """Yield (id, VPC) of everything that lives in a VPC or hangs on it."""
        yield from ((name, subnet.vpc_id) for name, subnet in self.subnets.items())
        yield from ((name, endpoint.vpc_id) for name, endpoint in self.vpc_endpoints.items())
        yield from ((name, group.vpc_id) for name, group in self.security_groups.items())
        yield from ((name, acl.vpc_id) for name, acl in self.network_acls.items())
        yield from ((name, table.vpc_id) for name, table in self.route_tables.items())
        yield from ((name, gateway.vpc_id) for name, gateway in self.internet_gateways.items())
        yield from ((name, gateway.vpc_id) for name, gateway in self.vpn_gateways.items())
        yield from (
            (name, nat.vpc_id) for name, nat in self.nat_gateways.items() if nat.state is not NatGatewayState.DELETED
        )
        yield from (
            (name, attachment.resource_id)
            for name, attachment in self.transit_gateway_attachments.items()
            if attachment.state not in (AttachmentState.DELETED, AttachmentState.REJECTED, AttachmentState.FAILED)
        )
        yield from ((name, balancer.vpc_id) for name, balancer in self.load_balancers.items())
        yield from ((name, group.vpc_id) for name, group in self.target_groups.items())
        yield from ((name, end.vpc_id) for name, end in self.resolver_endpoints.items())
        yield from ((name, vpc_id) for name, zone in self.hosted_zones.items() for vpc_id in zone.vpc_ids)

    def _end_peering(self, vpc_peering_connection_id: str, status: PeeringState) -> None:
        """Close a peering connection; routes through it stay as blackholes (ROUTE-14)."""
        peering = self.vpc_peering_connections[vpc_peering_connection_id]
        self._put(self.vpc_peering_connections, vpc_peering_connection_id, replace(peering, status=status))
        self._refresh_routes(vpc_peering_connection_id)

    @verb
    def create_subnet(
        self,
        vpc_id: str,
        cidr_block: str,
        availability_zone: str,
        *,
        availability_zone_id: str | None = None,
        subnet_id: str | None = None,
    ) -> Subnet:
        """Create a subnet with the VPC's default ACL and, implicitly, its main table (EDGE-4, ROUTE-1).

        ``availability_zone_id`` is what the zone is called in every account; EMU: ``use1-az1`` for ``us-east-1a``.
        """
        vpc = self._vpc(vpc_id)
        block = network(cidr_block, "cidr_block")
        inside = any(within(block, outer) for outer in vpc.cidr_blocks)
        if not inside or not 16 <= block.prefixlen <= 28:
            blocks = ", ".join(str(outer) for outer in vpc.cidr_blocks)
            why = f"the VPC {vpc_id} has {blocks}" if not inside else "from /16 to /28"
            raise Ec2Error("InvalidSubnet.Range", f"The CIDR '{block}' is invalid. ({why})", "cidr_block")
        for other in self.subnets.values():
            if other.vpc_id == vpc_id and overlap(other.cidr_block, block):
                text = f"The CIDR '{block}' conflicts with another subnet ({other.subnet_id}, {other.cidr_block})"
                raise Ec2Error("InvalidSubnet.Conflict", text, "cidr_block")
        self._check_zone(availability_zone, "availability_zone", region=vpc.region)
        if availability_zone_id is not None:
            check_zone_id(availability_zone_id, "availability_zone_id")
        name = self._new_id(self.subnets, "subnet", subnet_id, "subnet_id")
        subnet = Subnet(
            name,
            vpc_id,
            block,
            availability_zone,
            vpc.default_network_acl_id,
            availability_zone_id=availability_zone_id or zone_id(availability_zone),
        )
        self._put(self.subnets, name, subnet)
        return subnet

    @verb
    def delete_subnet(self, subnet_id: str) -> None:
        """Delete a subnet without network interfaces."""
        self._subnet(subnet_id)
        for interface in self.network_interfaces.values():
            if interface.subnet_id == subnet_id:
                text = f"The subnet '{subnet_id}' has dependencies and cannot be deleted."
                raise Ec2Error("DependencyViolation", f"{text} ({interface.network_interface_id})", "subnet_id")
        self._remove(self.subnets, subnet_id)


def local_routes(vpc: Vpc) -> tuple[Route, ...]:
    """Return the local route of each of the VPC's blocks (ROUTE-8)."""
    return tuple(_local_route(block) for block in vpc.cidr_blocks)


def _local_route(block: IPNetwork) -> Route:
    return Route(LOCAL, destination_cidr_block=block, origin=RouteOrigin.CREATE_ROUTE_TABLE)


def default_group(vpc: Vpc) -> SecurityGroup:
    """Return the VPC's default group: everything from itself in, everything out (SG-2)."""
    name = vpc.default_security_group_id
    from_itself = SecurityGroupRule(ANY_PROTOCOL, referenced_group_id=name)
    return SecurityGroup(name, vpc.vpc_id, (from_itself,), (ALLOW_ALL_OUT,), group_name="default")


def _allow_all(*, egress: bool) -> NetworkAclEntry:
    return NetworkAclEntry(100, ANY_PROTOCOL, RuleAction.ALLOW, egress, ANYWHERE)  # NACL-3


ALLOW_ALL_OUT: Final = SecurityGroupRule(ANY_PROTOCOL, cidr_ip=ANYWHERE)
"""The outbound rule a new group is born with (SG-2)."""
