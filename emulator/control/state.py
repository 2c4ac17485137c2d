"""What a control plane holds, and what makes a verb a verb.

Every verb either happens or does not: changes go through :meth:`State.put` and
:meth:`State.remove`, which keep a journal, and a verb that raises is undone
from it.  A verb that returns bumps ``generation`` once, so that paths compiled
from older tables are walked anew (D2).  Records are replaced, never mutated.

This module knows records and ids, and no rule of AWS but the texts for ids
that lead nowhere.
"""

from __future__ import annotations

import copy
import functools
import re
from typing import TYPE_CHECKING, Any, Concatenate, Final, ParamSpec, Self, TypeVar

from emulator.control.errors import Ec2Error, invalid
from emulator.model.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from emulator.model.edges import (
        Address,
        CustomerGateway,
        ExternalHost,
        InternetGateway,
        NatGateway,
        VirtualInterface,
        VpnConnection,
        VpnGateway,
    )
    from emulator.model.endpoint_services import LoadBalancer, TargetGroup, VpcEndpointServiceConfiguration
    from emulator.model.flow_logs import FlowLog
    from emulator.model.hosted_zones import HostedZone, ResolverEndpoint
    from emulator.model.identities import BucketPolicy, IamRole, IamUser
    from emulator.model.resources import (
        Instance,
        NetworkAcl,
        NetworkInterface,
        PrefixList,
        RouteTable,
        SecurityGroup,
        Service,
        Subnet,
        Vpc,
        VpcEndpoint,
        VpcPeeringConnection,
    )
    from emulator.model.transit_gateways import TransitGateway, TransitGatewayAttachment, TransitGatewayRouteTable

_S = TypeVar("_S", bound="State")
_P = ParamSpec("_P")
_R = TypeVar("_R")
_T = TypeVar("_T")

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", re.ASCII)
_MISSING: Final = object()

LOCAL: Final = "local"
COMPONENTS: Final = ("eni", "vpce", "host")
"""Kinds whose ids packets are delivered by, so that no two may share one."""


def verb(method: Callable[Concatenate[_S, _P], _R]) -> Callable[Concatenate[_S, _P], _R]:
    """Make a method one of EC2's verbs: all or nothing, counted once, its name in its errors."""
    operation = "".join(word.capitalize() for word in method.__name__.split("_"))

    @functools.wraps(method)
    def call(self: _S, /, *args: _P.args, **kwargs: _P.kwargs) -> _R:
        assert not self._journal, "verbs do not call verbs"
        try:
            result = method(self, *args, **kwargs)
        except BaseException as error:
            self._undo()
            if isinstance(error, Ec2Error):
                error.operation = operation
            raise
        self._journal.clear()
        self.generation += 1
        return result

    call.is_verb = True  # type: ignore[attr-defined]  # a mark on a function
    return call


class State:
    """The records of one Region by id, and the generation of the last change.

    Attributes:
        region: The Region this control plane stands for.
        settings: Quotas and knobs, fixed for its life.
        generation: How many verbs have succeeded.
        vpcs, subnets, route_tables, ...: Frozen records by id. Read them; only verbs change them.
        failures: What is out of order by an injected fault, and the sentence for it: an Availability Zone by its
            name, an interface, a NAT gateway or a service by its id (VPCE-3).
    """

    def __init__(self, region: str, settings: Settings | None = None) -> None:
        self.region = region
        self.settings = settings or Settings()
        self.generation = 0
        self.vpcs: dict[str, Vpc] = {}
        self.subnets: dict[str, Subnet] = {}
        self.route_tables: dict[str, RouteTable] = {}
        self.security_groups: dict[str, SecurityGroup] = {}
        self.network_acls: dict[str, NetworkAcl] = {}
        self.prefix_lists: dict[str, PrefixList] = {}
        self.network_interfaces: dict[str, NetworkInterface] = {}
        self.instances: dict[str, Instance] = {}
        self.vpc_endpoints: dict[str, VpcEndpoint] = {}
        self.vpc_peering_connections: dict[str, VpcPeeringConnection] = {}
        self.services: dict[str, Service] = {}
        self.internet_gateways: dict[str, InternetGateway] = {}
        self.addresses: dict[str, Address] = {}
        self.nat_gateways: dict[str, NatGateway] = {}
        self.customer_gateways: dict[str, CustomerGateway] = {}
        self.vpn_gateways: dict[str, VpnGateway] = {}
        self.vpn_connections: dict[str, VpnConnection] = {}
        self.virtual_interfaces: dict[str, VirtualInterface] = {}
        self.external_hosts: dict[str, ExternalHost] = {}
        self.transit_gateways: dict[str, TransitGateway] = {}
        self.transit_gateway_attachments: dict[str, TransitGatewayAttachment] = {}
        self.transit_gateway_route_tables: dict[str, TransitGatewayRouteTable] = {}
        self.load_balancers: dict[str, LoadBalancer] = {}
        self.target_groups: dict[str, TargetGroup] = {}
        self.vpc_endpoint_service_configurations: dict[str, VpcEndpointServiceConfiguration] = {}
        self.hosted_zones: dict[str, HostedZone] = {}
        self.resolver_endpoints: dict[str, ResolverEndpoint] = {}
        self.flow_logs: dict[str, FlowLog] = {}
        self.iam_roles: dict[str, IamRole] = {}
        self.iam_users: dict[str, IamUser] = {}
        self.bucket_policies: dict[str, BucketPolicy] = {}
        self.failures: dict[str, str] = {}
        self._hosts: dict[tuple[str, int], str] = {}
        self._public_hosts: dict[int, str] = {}
        self._counters: dict[str, int] = {}
        self._journal: list[tuple[dict[str, Any], str, object]] = []

    def copy(self) -> Self:
        """Return another network with the same records, for asking "what if"; changing one leaves the other alone."""
        twin = copy.copy(self)
        for name, value in vars(self).items():
            if isinstance(value, dict | list):
                setattr(twin, name, value.copy())
        return twin

    # -- changing --------------------------------------------------------------

    def _put(self, records: dict[str, _T], record_id: str, record: _T) -> None:
        """Add or replace a record."""
        before = records.get(record_id, _MISSING)
        self._journal.append((records, record_id, before))
        records[record_id] = record
        self._index(records, before, record)

    def _remove(self, records: dict[str, _T], record_id: str) -> None:
        """Remove a record that is there."""
        before = records.pop(record_id)
        self._journal.append((records, record_id, before))
        self._index(records, before, _MISSING)

    def _undo(self) -> None:
        """Take back everything since the verb began, newest first."""
        for records, record_id, before in reversed(self._journal):
            after = records.pop(record_id, _MISSING) if before is _MISSING else records.get(record_id, _MISSING)
            if before is not _MISSING:
                records[record_id] = before
            self._index(records, after, before)
        self._journal.clear()

    def _index(self, records: object, before: Any, after: Any) -> None:
        """Keep ``_hosts`` and ``_public_hosts`` true, so that a free address is found without a look at them all.

        ``_hosts`` has the interface of each private address in each subnet, ``_public_hosts`` that of each public one.
        """
        if records is not self.network_interfaces:
            return
        if before is not _MISSING:
            for address in before.private_ip_addresses:
                del self._hosts[before.subnet_id, int(address)]
            for _, public in before.public_ips:
                del self._public_hosts[int(public)]
        if after is not _MISSING:
            for address in after.private_ip_addresses:
                self._hosts[after.subnet_id, int(address)] = after.network_interface_id
            for _, public in after.public_ips:
                self._public_hosts[int(public)] = after.network_interface_id

    def _new_id(self, records: dict[str, _T], kind: str, given: str | None, parameter: str) -> str:
        """Return the id for a new record: the user's, or the next ``<kind>-00000001``."""
        if given is None:
            number = self._counters.get(kind, 0)
            while (name := f"{kind}-{number + 1:08x}") in records:
                number += 1
            self._put(self._counters, kind, number + 1)
            return name
        if not _ID.fullmatch(given):
            raise invalid(
                f"Invalid id: '{given}' (letters, digits, dots, dashes and underscores, at most 128)", parameter
            )
        if given == LOCAL:
            raise invalid(f"The id '{LOCAL}' is the target of every VPC's own routes", parameter)
        held = (self.network_interfaces, self.vpc_endpoints, self.external_hosts)
        if kind in COMPONENTS and any(given in others for others in held):
            text = f"The id '{given}' is already in use by an interface, an endpoint or an external host"
            raise invalid(text, parameter)
        if given in records:
            raise invalid(f"The id '{given}' is already in use", parameter)
        return given

    # -- finding ---------------------------------------------------------------

    def _vpc(self, vpc_id: str, parameter: str = "vpc_id") -> Vpc:
        return _find(self.vpcs, vpc_id, "InvalidVpcID.NotFound", "The vpc ID '{}' does not exist", parameter)

    def _subnet(self, subnet_id: str, parameter: str = "subnet_id", path: tuple[str | int, ...] = ()) -> Subnet:
        text = "The subnet ID '{}' does not exist"
        return _find(self.subnets, subnet_id, "InvalidSubnetID.NotFound", text, parameter, path)

    def _route_table(
        self, route_table_id: str, parameter: str = "route_table_id", path: tuple[str | int, ...] = ()
    ) -> RouteTable:
        text = "The routeTable ID '{}' does not exist"
        return _find(self.route_tables, route_table_id, "InvalidRouteTableID.NotFound", text, parameter, path)

    def _security_group(
        self, group_id: str, parameter: str = "group_id", path: tuple[str | int, ...] = ()
    ) -> SecurityGroup:
        text = "The security group '{}' does not exist"
        return _find(self.security_groups, group_id, "InvalidGroup.NotFound", text, parameter, path)

    def _network_acl(self, network_acl_id: str, parameter: str = "network_acl_id") -> NetworkAcl:
        text = "The networkAcl ID '{}' does not exist"
        return _find(self.network_acls, network_acl_id, "InvalidNetworkAclID.NotFound", text, parameter)

    def _prefix_list(self, prefix_list_id: str, parameter: str = "prefix_list_id") -> PrefixList:
        text = "The prefix list ID '{}' does not exist"
        return _find(self.prefix_lists, prefix_list_id, "InvalidPrefixListID.NotFound", text, parameter)

    def _network_interface(
        self, network_interface_id: str, parameter: str = "network_interface_id"
    ) -> NetworkInterface:
        text = "The networkInterface ID '{}' does not exist"
        code = "InvalidNetworkInterfaceID.NotFound"
        return _find(self.network_interfaces, network_interface_id, code, text, parameter)

    def _instance(self, instance_id: str, parameter: str = "instance_id", path: tuple[str | int, ...] = ()) -> Instance:
        text = "The instance ID '{}' does not exist"
        return _find(self.instances, instance_id, "InvalidInstanceID.NotFound", text, parameter, path)

    def _vpc_endpoint(
        self, vpc_endpoint_id: str, parameter: str = "vpc_endpoint_id", path: tuple[str | int, ...] = ()
    ) -> VpcEndpoint:
        text = "The Vpc Endpoint Id '{}' does not exist"  # ERR-1
        return _find(self.vpc_endpoints, vpc_endpoint_id, "InvalidVpcEndpointId.NotFound", text, parameter, path)

    def _peering(
        self, vpc_peering_connection_id: str, parameter: str = "vpc_peering_connection_id"
    ) -> VpcPeeringConnection:
        text = "The vpcPeeringConnection ID '{}' does not exist"
        code = "InvalidVpcPeeringConnectionID.NotFound"
        return _find(self.vpc_peering_connections, vpc_peering_connection_id, code, text, parameter)

    def _internet_gateway(
        self, internet_gateway_id: str, parameter: str = "internet_gateway_id", path: tuple[str | int, ...] = ()
    ) -> InternetGateway:
        text = "The internetGateway ID '{}' does not exist"
        return _find(
            self.internet_gateways, internet_gateway_id, "InvalidInternetGatewayID.NotFound", text, parameter, path
        )

    def _address(
        self, allocation_id: str, parameter: str = "allocation_id", path: tuple[str | int, ...] = ()
    ) -> Address:
        text = "The allocation ID '{}' does not exist"
        return _find(self.addresses, allocation_id, "InvalidAllocationID.NotFound", text, parameter, path)

    def _nat_gateway(
        self, nat_gateway_id: str, parameter: str = "nat_gateway_id", path: tuple[str | int, ...] = ()
    ) -> NatGateway:
        text = "The Nat Gateway '{}' does not exist"
        return _find(self.nat_gateways, nat_gateway_id, "NatGatewayNotFound", text, parameter, path)

    def _customer_gateway(
        self, customer_gateway_id: str, parameter: str = "customer_gateway_id", path: tuple[str | int, ...] = ()
    ) -> CustomerGateway:
        text = "The customerGateway ID '{}' does not exist"
        return _find(
            self.customer_gateways, customer_gateway_id, "InvalidCustomerGatewayID.NotFound", text, parameter, path
        )

    def _vpn_gateway(
        self, vpn_gateway_id: str, parameter: str = "vpn_gateway_id", path: tuple[str | int, ...] = ()
    ) -> VpnGateway:
        text = "The vpnGateway ID '{}' does not exist"
        return _find(self.vpn_gateways, vpn_gateway_id, "InvalidVpnGatewayID.NotFound", text, parameter, path)

    def _vpn_connection(
        self, vpn_connection_id: str, parameter: str = "vpn_connection_id", path: tuple[str | int, ...] = ()
    ) -> VpnConnection:
        text = "The vpnConnection ID '{}' does not exist"
        return _find(self.vpn_connections, vpn_connection_id, "InvalidVpnConnectionID.NotFound", text, parameter, path)

    def _virtual_interface(
        self, virtual_interface_id: str, parameter: str = "virtual_interface_id", path: tuple[str | int, ...] = ()
    ) -> VirtualInterface:
        text = "The virtual interface '{}' does not exist"
        return _find(
            self.virtual_interfaces, virtual_interface_id, "DirectConnectClientException", text, parameter, path
        )

    def _transit_gateway(
        self, transit_gateway_id: str, parameter: str = "transit_gateway_id", path: tuple[str | int, ...] = ()
    ) -> TransitGateway:
        text = "Transit Gateway '{}' does not exist"
        return _find(
            self.transit_gateways, transit_gateway_id, "InvalidTransitGatewayID.NotFound", text, parameter, path
        )

    def _transit_gateway_attachment(
        self,
        transit_gateway_attachment_id: str,
        parameter: str = "transit_gateway_attachment_id",
        path: tuple[str | int, ...] = (),
    ) -> TransitGatewayAttachment:
        text = "The transit gateway attachment '{}' does not exist"
        return _find(
            self.transit_gateway_attachments,
            transit_gateway_attachment_id,
            "InvalidTransitGatewayAttachmentID.NotFound",
            text,
            parameter,
            path,
        )

    def _transit_gateway_route_table(
        self,
        transit_gateway_route_table_id: str,
        parameter: str = "transit_gateway_route_table_id",
        path: tuple[str | int, ...] = (),
    ) -> TransitGatewayRouteTable:
        text = "The transit gateway route table '{}' does not exist"
        return _find(
            self.transit_gateway_route_tables,
            transit_gateway_route_table_id,
            "InvalidRouteTableID.NotFound",
            text,
            parameter,
            path,
        )

    def _load_balancer(
        self, load_balancer_name: str, parameter: str = "load_balancer_name", path: tuple[str | int, ...] = ()
    ) -> LoadBalancer:
        text = "The load balancer '{}' does not exist"
        return _find(
            self.load_balancers, load_balancer_name, "InvalidNetworkLoadBalancerArn.NotFound", text, parameter, path
        )

    def _target_group(
        self, target_group_name: str, parameter: str = "target_group_name", path: tuple[str | int, ...] = ()
    ) -> TargetGroup:
        text = "The target group '{}' does not exist"
        return _find(self.target_groups, target_group_name, "TargetGroupNotFound", text, parameter, path)

    def _vpc_endpoint_service_configuration(
        self, service_id: str, parameter: str = "service_id", path: tuple[str | int, ...] = ()
    ) -> VpcEndpointServiceConfiguration:
        text = "The VPC endpoint service '{}' does not exist"
        return _find(
            self.vpc_endpoint_service_configurations,
            service_id,
            "InvalidVpcEndpointServiceId.NotFound",
            text,
            parameter,
            path,
        )

    def _hosted_zone(self, hosted_zone_id: str, parameter: str = "hosted_zone_id") -> HostedZone:
        text = "No hosted zone found with ID: {}"
        return _find(self.hosted_zones, hosted_zone_id, "NoSuchHostedZone", text, parameter)

    def _resolver_endpoint(
        self, resolver_endpoint_id: str, parameter: str = "resolver_endpoint_id"
    ) -> ResolverEndpoint:
        text = "[RSLVR-00703] Resolver endpoint with ID '{}' does not exist"
        return _find(self.resolver_endpoints, resolver_endpoint_id, "ResourceNotFoundException", text, parameter)


def _find(
    records: dict[str, _T], record_id: str, code: str, text: str, parameter: str, path: tuple[str | int, ...] = ()
) -> _T:
    record = records.get(record_id)
    if record is None:
        raise Ec2Error(code, text.format(record_id), parameter, path)
    return record


def listed(value: str | Iterable[str]) -> tuple[str, ...]:
    """Return the ids of a parameter that takes several; a lone string is one id."""
    return (value,) if isinstance(value, str) else tuple(value)
