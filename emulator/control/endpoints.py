"""VPC endpoints: which may exist, what they bring, and what they leave behind.

A gateway endpoint brings a prefix-list route into each associated table; an
interface endpoint one network interface per subnet, named
``eni-<endpoint>-<availability zone>``.  Both go with it.  An endpoint never
moves to another VPC or service: no verb has such a parameter (VPCE-7).

AWS: AWS PrivateLink, "Gateway endpoints" and "Interface endpoints"; EC2 API
Reference, "CreateVpcEndpoint", "ModifyVpcEndpoint".
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from emulator.control.endpoint_parameters import (
    check_shaper,
    designated_addresses,
    endpoint_type_of,
    places_of,
    refuse_other_kind,
)
from emulator.control.endpoint_services import EndpointServices
from emulator.control.errors import Ec2Error, invalid
from emulator.control.nat_gateways import NatGateways
from emulator.control.policies import FULL_ACCESS, allows_everything, check_endpoint_policy
from emulator.control.services import Services, no_such_service
from emulator.control.state import listed, verb
from emulator.model.resources import EndpointState, InterfaceType, Route, VpcEndpoint, VpcEndpointType

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from emulator.control.endpoint_parameters import SubnetPlace
    from emulator.model.resources import Service, Subnet, Vpc

GATEWAY_ENDPOINTS_PER_VPC: Final = 255  # VPCE-11: the maximum, whatever the quota per Region
DEFAULT_BURST: Final = 131_072  # D9
ENDED: Final = (
    EndpointState.REJECTED,
    EndpointState.EXPIRED,
    EndpointState.FAILED,
    EndpointState.DELETING,
    EndpointState.DELETED,
)
"""States in which an endpoint can only be deleted."""

GATEWAY, INTERFACE = VpcEndpointType.GATEWAY, VpcEndpointType.INTERFACE


class Endpoints(EndpointServices, Services, NatGateways):
    """Verbs on VPC endpoints."""

    @verb
    def create_vpc_endpoint(
        self,
        vpc_id: str,
        service_name: str,
        *,
        vpc_endpoint_type: str = GATEWAY,  # VPCE-4: the API's default
        vpc_endpoint_id: str | None = None,
        policy_document: str | None = None,
        route_table_ids: str | Iterable[str] = (),
        subnet_ids: str | Iterable[str] = (),
        subnet_configurations: Iterable[Mapping[str, str]] = (),
        security_group_ids: str | Iterable[str] = (),
        private_dns_enabled: bool = False,
        private_dns_only_for_inbound_resolver_endpoint: bool | None = None,
        az_bandwidth: int | None = None,
        az_burst: int = DEFAULT_BURST,
        az_queue: int | None = None,
    ) -> VpcEndpoint:
        """Create an endpoint for a service of the VPC's Region.

        To an endpoint service it waits until it is accepted, if the service wants that (VPCE-10).
        ``subnet_configurations`` designates addresses: ``{"subnet_id": ..., "ipv4": ...}`` (VPCE-IF-4).
        EMU: private DNS is off unless asked for; ``az_...`` are the shaper of each interface (D9), as fast as
        the settings say unless given (VPCE-IF-11).
        """
        vpc = self._vpc(vpc_id)
        kind = endpoint_type_of(vpc_endpoint_type)
        service = self._service_for(vpc, service_name, kind)
        if kind not in service.service_types:  # ERR-8
            offered = ", ".join(service.service_types)
            text = f"Endpoint type ({kind}) does not match available service types ([{offered}])"
            raise Ec2Error("InvalidParameter", text, "vpc_endpoint_type")
        tables, subnets, groups = listed(route_table_ids), listed(subnet_ids), listed(security_group_ids)
        designated = designated_addresses(subnet_configurations)
        inbound_only = private_dns_only_for_inbound_resolver_endpoint
        refuse_other_kind(
            kind,
            tables,
            subnets,
            groups,
            designated,
            private_dns=private_dns_enabled,
            inbound_resolver_only=inbound_only,
        )
        policy = FULL_ACCESS if policy_document is None else policy_document  # POL-1
        _check_policy(policy, kind, service)
        self._check_endpoint_quota(vpc, kind)
        name = self._new_id(self.vpc_endpoints, "vpce", vpc_endpoint_id, "vpc_endpoint_id")
        endpoint = VpcEndpoint(
            vpc_endpoint_id=name,
            vpc_endpoint_type=kind,
            vpc_id=vpc_id,
            service_name=service_name,
            policy_document=policy,
            state=self._initial_state(service),
            security_group_ids=self._groups(vpc_id, groups, "security_group_ids") if kind is INTERFACE else (),
            dns_suffix=hashlib.sha256(name.encode()).hexdigest()[:8],  # VPCE-IF-19
            az_bandwidth=self.settings.interface_endpoint_bandwidth if az_bandwidth is None else az_bandwidth,
            az_burst=az_burst,
            az_queue=az_queue,
        )
        check_shaper(endpoint)
        if private_dns_enabled:
            endpoint = self._with_private_dns(endpoint, service)
        endpoint = self._with_inbound_only(endpoint, service, inbound_only)
        endpoint = self._with_tables(endpoint, tables, "route_table_ids")
        places = places_of(subnets, "subnet_ids")
        for subnet_id, (position, _) in designated.items():
            if subnet_id not in subnets:
                places.append((subnet_id, "subnet_configurations", (position, "subnet_id")))
        endpoint = self._with_subnets(endpoint, places, designated)
        self._put(self.vpc_endpoints, name, endpoint)
        return endpoint

    @verb
    def modify_vpc_endpoint(
        self,
        vpc_endpoint_id: str,
        *,
        add_route_table_ids: str | Iterable[str] = (),
        remove_route_table_ids: str | Iterable[str] = (),
        add_subnet_ids: str | Iterable[str] = (),
        remove_subnet_ids: str | Iterable[str] = (),
        add_security_group_ids: str | Iterable[str] = (),
        remove_security_group_ids: str | Iterable[str] = (),
        subnet_configurations: Iterable[Mapping[str, str]] = (),
        policy_document: str | None = None,
        reset_policy: bool = False,
        private_dns_enabled: bool | None = None,
        private_dns_only_for_inbound_resolver_endpoint: bool | None = None,
        az_bandwidth: int | None = None,
        az_burst: int | None = None,
        az_queue: int | None = None,
    ) -> VpcEndpoint:
        """Change an endpoint at once (VPCE-GW-7); what is removed goes before what is added comes."""
        endpoint = self._vpc_endpoint(vpc_endpoint_id)
        service = self.services.get(endpoint.service_name)
        if service is None or endpoint.state in ENDED:
            text = f"The VPC endpoint {vpc_endpoint_id} is in the state {endpoint.state} and can only be deleted"
            raise Ec2Error("IncorrectState", text, "vpc_endpoint_id")
        adding = {
            "route_table_ids": listed(add_route_table_ids),
            "subnet_ids": listed(add_subnet_ids),
            "security_group_ids": listed(add_security_group_ids),
        }
        removing = {
            "route_table_ids": listed(remove_route_table_ids),
            "subnet_ids": listed(remove_subnet_ids),
            "security_group_ids": listed(remove_security_group_ids),
        }
        designated = designated_addresses(subnet_configurations)
        for prefix, change in (("add_", adding), ("remove_", removing)):
            refuse_other_kind(
                endpoint.vpc_endpoint_type,
                change["route_table_ids"],
                change["subnet_ids"],
                change["security_group_ids"],
                designated,
                private_dns=bool(private_dns_enabled),
                inbound_resolver_only=private_dns_only_for_inbound_resolver_endpoint,
                prefix=prefix,
            )
        endpoint = self._with_policy(endpoint, service, policy_document, reset=reset_policy)
        endpoint = self._without_tables(endpoint, removing["route_table_ids"])
        endpoint = self._without_subnets(endpoint, removing["subnet_ids"])
        endpoint = self._with_tables(endpoint, adding["route_table_ids"], "add_route_table_ids")
        endpoint = self._with_groups(endpoint, adding["security_group_ids"], removing["security_group_ids"])
        endpoint = self._with_subnets(endpoint, places_of(adding["subnet_ids"], "add_subnet_ids"), designated)
        if private_dns_enabled is not None:
            was_on, endpoint = endpoint.private_dns_enabled, replace(endpoint, private_dns_enabled=False)
            if private_dns_enabled:
                endpoint = self._with_private_dns(endpoint, service)
            if private_dns_enabled is was_on and private_dns_only_for_inbound_resolver_endpoint is None:
                private_dns_only_for_inbound_resolver_endpoint = endpoint.private_dns_only_for_inbound_resolver_endpoint
            endpoint = self._with_inbound_only(endpoint, service, private_dns_only_for_inbound_resolver_endpoint)
        elif private_dns_only_for_inbound_resolver_endpoint is not None:
            endpoint = self._with_inbound_only(endpoint, service, private_dns_only_for_inbound_resolver_endpoint)
        endpoint = replace(
            endpoint,
            az_bandwidth=endpoint.az_bandwidth if az_bandwidth is None else az_bandwidth,
            az_burst=endpoint.az_burst if az_burst is None else az_burst,
            az_queue=endpoint.az_queue if az_queue is None else az_queue,
        )
        check_shaper(endpoint)
        self._put(self.vpc_endpoints, vpc_endpoint_id, endpoint)
        return endpoint

    @verb
    def delete_vpc_endpoints(self, vpc_endpoint_ids: str | Iterable[str]) -> None:
        """Delete endpoints with their routes and interfaces (VPCE-IF-1, VPCE-GW-4)."""
        names = dict.fromkeys(listed(vpc_endpoint_ids))
        endpoints = [self._vpc_endpoint(name, "vpc_endpoint_ids", (index,)) for index, name in enumerate(names)]
        for endpoint in endpoints:
            self._without_tables(endpoint, endpoint.route_table_ids)
            for interface in endpoint.network_interface_ids:
                self._remove_interface(interface)
            self._remove(self.vpc_endpoints, endpoint.vpc_endpoint_id)

    @verb
    def set_vpc_endpoint_state(self, vpc_endpoint_id: str, state: str) -> VpcEndpoint:
        """EMU: put an endpoint into a state, for documents, imports and experiments (VPCE-10)."""
        endpoint = self._vpc_endpoint(vpc_endpoint_id)
        if state not in tuple(EndpointState):
            raise invalid(f"'{state}' is no state of a VPC endpoint", "state")
        endpoint = replace(endpoint, state=EndpointState(state))
        self._put(self.vpc_endpoints, vpc_endpoint_id, endpoint)
        return endpoint

    def _service_for(self, vpc: Vpc, service_name: str, kind: VpcEndpointType) -> Service:
        """Return a service that the VPC's account may use from the VPC's Region (VPCE-6, SVC-3)."""
        service = self._service(service_name, region=vpc.region)
        far = service.region != vpc.region
        if (far and kind is GATEWAY) or not self._admits(service, vpc.owner_id):
            raise no_such_service(service_name)
        return service

    # -- gateway endpoints: tables ------------------------------------------------

    def _with_tables(self, endpoint: VpcEndpoint, tables: tuple[str, ...], parameter: str) -> VpcEndpoint:
        """Associate tables; each gets the automatic route (VPCE-GW-2, VPCE-GW-5)."""
        prefix_list_id = self.services[endpoint.service_name].prefix_list_id
        for index, table_id in enumerate(tables):
            table = self._route_table(table_id, parameter, (index,))
            if table.vpc_id != endpoint.vpc_id:
                text = f"Route table {table_id} does not belong to the VPC {endpoint.vpc_id}"
                raise invalid(text, parameter, (index,))
            if any(route.destination_prefix_list_id == prefix_list_id for route in table.routes):  # ERR-7
                text = f"route table {table_id} already has a route with destination-prefix-list-id {prefix_list_id}"
                raise Ec2Error("RouteAlreadyExists", text, parameter, (index,))
            route = Route(endpoint.vpc_endpoint_id, destination_prefix_list_id=prefix_list_id)
            self._put_routes(table, (*table.routes, route))
        return replace(endpoint, route_table_ids=endpoint.route_table_ids + tables)

    def _without_tables(self, endpoint: VpcEndpoint, tables: tuple[str, ...]) -> VpcEndpoint:
        """Take associations back, and their routes with them (VPCE-GW-4)."""
        for index, table_id in enumerate(tables):
            table = self._route_table(table_id, "remove_route_table_ids", (index,))
            if table_id not in endpoint.route_table_ids:
                text = f"Route table {table_id} is not associated with the endpoint {endpoint.vpc_endpoint_id}"
                raise Ec2Error("InvalidParameter", text, "remove_route_table_ids", (index,))
            routes = tuple(route for route in table.routes if route.target != endpoint.vpc_endpoint_id)
            self._put_routes(table, routes)
        return replace(endpoint, route_table_ids=tuple(one for one in endpoint.route_table_ids if one not in tables))

    # -- interface endpoints: subnets and groups ------------------------------------

    def _with_subnets(
        self, endpoint: VpcEndpoint, places: list[SubnetPlace], designated: dict[str, tuple[int, str]]
    ) -> VpcEndpoint:
        """Put one interface into each subnet, one per zone (VPCE-IF-1 to VPCE-IF-4)."""
        service = self.services[endpoint.service_name]
        for subnet_id, parameter, path in places:
            subnet = self._subnet(subnet_id, parameter, path)
            self._check_endpoint_subnet(endpoint, service, subnet, parameter, path)
            wanted = f"eni-{endpoint.vpc_endpoint_id}-{subnet.availability_zone}"
            name = self._new_id(self.network_interfaces, "eni", wanted, "vpc_endpoint_id")
            position, ipv4 = designated.get(subnet_id, (0, None))
            self._add_interface(
                subnet,
                name,
                endpoint.security_group_ids,
                ipv4,
                attachment=endpoint.vpc_endpoint_id,
                interface_type=InterfaceType.VPC_ENDPOINT,
                where=("subnet_configurations", (position, "ipv4")),
            )
            endpoint = replace(
                endpoint,
                subnet_ids=(*endpoint.subnet_ids, subnet_id),
                network_interface_ids=(*endpoint.network_interface_ids, name),
            )
        return endpoint

    def _check_endpoint_subnet(
        self, endpoint: VpcEndpoint, service: Service, subnet: Subnet, parameter: str, path: tuple[str | int, ...]
    ) -> None:
        if subnet.vpc_id != endpoint.vpc_id:
            text = f"The subnet {subnet.subnet_id} does not belong to the VPC {endpoint.vpc_id}"
            raise Ec2Error("InvalidSubnet", text, parameter, path)
        zone = subnet.availability_zone
        if any(self.subnets[other].availability_zone == zone for other in endpoint.subnet_ids):  # VPCE-IF-2, ERR-3
            text = f"Found another VPC endpoint subnet in the availability zone of {subnet.subnet_id}"
            raise Ec2Error("DuplicateSubnetsInSameZone", text, parameter, path)
        here = service.region == self.vpcs[endpoint.vpc_id].region
        if here and not self._offers_zone(service, subnet):  # VPCE-IF-3, ERR-8
            name = service.service_name
            text = f"The VPC endpoint service {name} does not support the availability zone of the subnet"
            raise Ec2Error("InvalidParameter", f"{text}: {subnet.subnet_id}", parameter, path)

    def _without_subnets(self, endpoint: VpcEndpoint, subnets: tuple[str, ...]) -> VpcEndpoint:
        """Leave subnets; their interfaces go (VPCE-IF-1)."""
        for index, subnet_id in enumerate(subnets):
            if subnet_id not in endpoint.subnet_ids:
                self._subnet(subnet_id, "remove_subnet_ids", (index,))
                text = f"The subnet {subnet_id} is not one of the endpoint {endpoint.vpc_endpoint_id}"
                raise Ec2Error("InvalidParameter", text, "remove_subnet_ids", (index,))
            position = endpoint.subnet_ids.index(subnet_id)
            self._remove_interface(endpoint.network_interface_ids[position])
            endpoint = replace(
                endpoint,
                subnet_ids=_dropped(endpoint.subnet_ids, position),
                network_interface_ids=_dropped(endpoint.network_interface_ids, position),
            )
        return endpoint

    def _with_groups(self, endpoint: VpcEndpoint, adding: tuple[str, ...], removing: tuple[str, ...]) -> VpcEndpoint:
        """Change the groups, and with them those of the interfaces."""
        if not adding and not removing:
            return endpoint
        for index, group_id in enumerate(removing):
            if group_id not in endpoint.security_group_ids:
                self._security_group(group_id, "remove_security_group_ids", (index,))
                text = f"The security group {group_id} is not one of the endpoint {endpoint.vpc_endpoint_id}"
                raise Ec2Error("InvalidParameter", text, "remove_security_group_ids", (index,))
        new = tuple(one for one in adding if one not in endpoint.security_group_ids)
        self._groups(endpoint.vpc_id, adding, "add_security_group_ids")
        kept = tuple(one for one in endpoint.security_group_ids if one not in removing)
        if not kept + new:
            text = "An Interface VPC Endpoint must always have at least one Security Group"
            raise Ec2Error("InvalidParameter", text, "remove_security_group_ids")
        worn = self._groups(endpoint.vpc_id, kept + new, "add_security_group_ids")
        for name in endpoint.network_interface_ids:
            self._put(self.network_interfaces, name, replace(self.network_interfaces[name], groups=worn))
        return replace(endpoint, security_group_ids=worn)

    # -- both -------------------------------------------------------------------

    def _with_policy(
        self, endpoint: VpcEndpoint, service: Service, policy_document: str | None, *, reset: bool
    ) -> VpcEndpoint:
        if reset and policy_document is not None:
            text = "Give either a policy document or a reset of the policy"
            raise Ec2Error("InvalidParameterCombination", text, "policy_document")
        if reset:
            return replace(endpoint, policy_document=FULL_ACCESS)
        if policy_document is None:
            return endpoint
        _check_policy(policy_document, endpoint.vpc_endpoint_type, service)
        return replace(endpoint, policy_document=policy_document)

    def _with_private_dns(self, endpoint: VpcEndpoint, service: Service) -> VpcEndpoint:
        """Take over the service's public names in the whole VPC (VPCE-IF-20, VPCE-IF-21, ERR-9)."""
        vpc = self.vpcs[endpoint.vpc_id]
        if not (vpc.enable_dns_support and vpc.enable_dns_hostnames):
            text = (
                "Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC attributes set to true"
            )
            raise Ec2Error("InvalidParameter", f"{text} for {vpc.vpc_id}", "private_dns_enabled")
        if not service.private_dns_names:
            name = service.service_name
            text = f"Private DNS can't be enabled because the service {name} does not provide a private DNS name"
            raise Ec2Error("InvalidParameter", text, "private_dns_enabled")
        if not self._name_is_verified(service):  # SVC-6
            name = service.service_name
            text = f"Private DNS can't be enabled because the service {name} has not verified the private DNS name"
            raise Ec2Error("InvalidParameter", text, "private_dns_enabled")
        for other in self.vpc_endpoints.values():
            if (
                other.vpc_id != vpc.vpc_id
                or not other.private_dns_enabled
                or other.vpc_endpoint_id == endpoint.vpc_endpoint_id
            ):
                continue
            theirs = self.services.get(other.service_name)
            for domain in theirs.private_dns_names if theirs is not None else ():
                if domain in service.private_dns_names:
                    raise _conflict(domain, vpc)
        for zone in self.hosted_zones.values():  # the reverse of Route 53's ConflictingDomainExists
            if vpc.vpc_id in zone.vpc_ids and zone.name in service.private_zone_names:
                raise _conflict(zone.name, vpc)
        return replace(endpoint, private_dns_enabled=True)

    def _with_inbound_only(self, endpoint: VpcEndpoint, service: Service, wanted: bool | None) -> VpcEndpoint:
        """Keep private DNS to inbound Resolver endpoints, so that the VPC itself uses its gateway endpoint (DNS-8).

        Not said, it is so for S3 with private DNS; the VPC must have a gateway endpoint for the service (ERR-10).
        """
        parameter = "private_dns_only_for_inbound_resolver_endpoint"
        if wanted is None:
            parameter = "private_dns_enabled"
            wanted = endpoint.private_dns_enabled and service.service_name.endswith(".s3") and _has_both(service)
        elif wanted and not _has_both(service):
            text = "PrivateDnsOnlyForInboundResolverEndpoint not supported for this service."
            raise Ec2Error("InvalidParameter", text, parameter)
        beside = any(
            (other.vpc_id, other.service_name, other.vpc_endpoint_type)
            == (endpoint.vpc_id, service.service_name, GATEWAY)
            for other in self.vpc_endpoints.values()
        )
        if wanted and not beside:
            text = "To set PrivateDnsOnlyForInboundResolverEndpoint to true, the VPC"
            text = f"{text} {endpoint.vpc_id} must have a Gateway endpoint for the service"
            raise Ec2Error("InvalidParameter", text, parameter)
        return replace(endpoint, private_dns_only_for_inbound_resolver_endpoint=wanted)

    def _check_endpoint_quota(self, vpc: Vpc, kind: VpcEndpointType) -> None:
        """VPCE-11: interface endpoints are counted per VPC, gateway endpoints per account and Region."""
        present = [endpoint for endpoint in self.vpc_endpoints.values() if endpoint.vpc_endpoint_type is kind]
        in_vpc = sum(endpoint.vpc_id == vpc.vpc_id for endpoint in present)
        if kind is INTERFACE:
            counts = [(in_vpc, self.settings.interface_endpoints_per_vpc, vpc.vpc_id)]
        else:
            theirs = (self.vpcs[endpoint.vpc_id] for endpoint in present)
            in_region = sum((one.region, one.owner_id) == (vpc.region, vpc.owner_id) for one in theirs)
            counts = [
                (in_vpc, GATEWAY_ENDPOINTS_PER_VPC, vpc.vpc_id),
                (in_region, self.settings.gateway_endpoints_per_region, vpc.region),
            ]
        for count, limit, where in counts:
            if count >= limit:
                text = f"The maximum number of {kind} endpoints has been reached for {where} ({limit})"
                raise Ec2Error("VpcEndpointLimitExceeded", text)


def _conflict(domain: str, vpc: Vpc) -> Ec2Error:
    text = "private-dns-enabled cannot be set because there is already a conflicting DNS domain"
    return Ec2Error("InvalidParameter", f"{text} for {domain} in the VPC {vpc.vpc_id}", "private_dns_enabled")


def _check_policy(policy_document: str, kind: VpcEndpointType, service: Service) -> None:
    """Check a policy; customers' services have full access only (POL-4)."""
    check_endpoint_policy(policy_document, kind)
    if service.service_id is not None and not allows_everything(policy_document):
        text = f"Service {service.service_name} only supports the full-access endpoint policy."
        raise Ec2Error("InvalidParameter", text, "policy_document")


def _has_both(service: Service) -> bool:
    """Return whether a service has both types of endpoints (VPCE-4)."""
    return GATEWAY in service.service_types and INTERFACE in service.service_types


def _dropped(values: tuple[str, ...], position: int) -> tuple[str, ...]:
    return values[:position] + values[position + 1 :]
