"""Endpoint services: what a customer offers by PrivateLink behind Network Load Balancers.

Beside each configuration stands a :class:`~emulator.model.resources.Service`
of the name ``com.amazonaws.vpce.<region>.<service id>``, which endpoints name.
Its private DNS name is on that record whether verified or not: a name that
lapses hurts new endpoints only (SVC-6).

AWS: AWS PrivateLink, "Create a service" and "Configure an endpoint service" (SVC-1 to SVC-6, SVC-14).
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from emulator.control.errors import Ec2Error, invalid
from emulator.control.load_balancers import LoadBalancers
from emulator.control.services import HOST_NAME
from emulator.control.state import listed, verb
from emulator.model.endpoint_services import PrivateDnsNameState, VpcEndpointServiceConfiguration
from emulator.model.resources import EndpointState, Service, VpcEndpointType

if TYPE_CHECKING:
    from collections.abc import Iterable

    from emulator.model.resources import Subnet

EVERYONE: Final = "*"

_SERVICE_ID = re.compile(r"vpce-svc-[A-Za-z0-9-]+", re.ASCII)
_PRINCIPAL = re.compile(r"arn:aws:iam::([0-9]{12}):(root|user/.+|role/.+)", re.ASCII)


class EndpointServices(LoadBalancers):
    """Verbs on endpoint services."""

    @verb
    def create_vpc_endpoint_service_configuration(
        self,
        load_balancer_names: str | Iterable[str],
        *,
        service_id: str | None = None,
        acceptance_required: bool = True,
        private_dns_name: str | None = None,
        owner_id: str | None = None,
    ) -> VpcEndpointServiceConfiguration:
        """Offer what is behind load balancers, in their zones; nobody may connect yet (SVC-1 to SVC-4).

        EMU: acceptance is required unless told otherwise; ``owner_id`` is the account of the load balancers' VPC.
        """
        names = listed(load_balancer_names)
        if not names:
            text = "The request must contain the parameter networkLoadBalancerArns"
            raise Ec2Error("MissingParameter", text, "load_balancer_names")
        name = self._new_service_id(service_id)
        vpc = self.vpcs[self._load_balancer(names[0], "load_balancer_names", (0,)).vpc_id]
        configuration = VpcEndpointServiceConfiguration(
            service_id=name,
            service_name=f"com.amazonaws.vpce.{vpc.region}.{name}",  # SVC-2
            region=vpc.region,
            load_balancer_names=(),
            owner_id=owner_id or vpc.owner_id,
            acceptance_required=acceptance_required,
        )
        if configuration.service_name in self.services:
            raise invalid(f"The service {configuration.service_name} exists already", "service_id")
        if private_dns_name is not None:
            configuration = _named(configuration, private_dns_name)
        return self._put_configuration(self._with_load_balancers(configuration, names, "load_balancer_names"))

    @verb
    def modify_vpc_endpoint_service_configuration(
        self,
        service_id: str,
        *,
        acceptance_required: bool | None = None,
        private_dns_name: str | None = None,
        remove_private_dns_name: bool = False,
        add_load_balancer_names: str | Iterable[str] = (),
        remove_load_balancer_names: str | Iterable[str] = (),
    ) -> VpcEndpointServiceConfiguration:
        """Change a service; whatever is changed, it then offers all zones that its load balancers have (SVC-14)."""
        configuration = self._vpc_endpoint_service_configuration(service_id)
        removing = listed(remove_load_balancer_names)
        if removing:
            self._refuse_while_connected(configuration, "remove_load_balancer_names")
        for index, name in enumerate(removing):
            if name not in configuration.load_balancer_names:
                text = f"The load balancer '{name}' is not one of {service_id}"
                code = "InvalidNetworkLoadBalancerArn.NotFound"
                raise Ec2Error(code, text, "remove_load_balancer_names", (index,))
        kept = tuple(name for name in configuration.load_balancer_names if name not in removing)
        configuration = replace(configuration, load_balancer_names=kept)
        adding = listed(add_load_balancer_names)
        configuration = self._with_load_balancers(configuration, adding, "add_load_balancer_names")
        if not configuration.load_balancer_names:  # SVC-14
            text = f"{service_id} must keep at least one Network Load Balancer"
            raise Ec2Error("InvalidParameter", text, "remove_load_balancer_names")
        if acceptance_required is not None:
            configuration = replace(configuration, acceptance_required=acceptance_required)
        if private_dns_name is not None and remove_private_dns_name:
            text = "Give either a private DNS name or its removal"
            raise Ec2Error("InvalidParameterCombination", text, "private_dns_name")
        if private_dns_name is not None:
            configuration = _named(configuration, private_dns_name)
        elif remove_private_dns_name:
            unproven = PrivateDnsNameState.PENDING_VERIFICATION
            configuration = replace(configuration, private_dns_name=None, private_dns_name_state=unproven)
        return self._put_configuration(configuration)

    @verb
    def delete_vpc_endpoint_service_configurations(self, service_ids: str | Iterable[str]) -> None:
        """Delete services that no endpoint is connected to, or waits for (SVC-5); rejected ones lose theirs."""
        for index, name in enumerate(dict.fromkeys(listed(service_ids))):
            configuration = self._vpc_endpoint_service_configuration(name, "service_ids", (index,))
            self._refuse_while_connected(configuration, "service_ids")
            self._remove(self.vpc_endpoint_service_configurations, name)
            self._remove(self.services, configuration.service_name)

    @verb
    def modify_vpc_endpoint_service_permissions(
        self,
        service_id: str,
        *,
        add_allowed_principals: str | Iterable[str] = (),
        remove_allowed_principals: str | Iterable[str] = (),
    ) -> VpcEndpointServiceConfiguration:
        """Say who may connect; endpoints that exist stay connected (SVC-3)."""
        configuration = self._vpc_endpoint_service_configuration(service_id)
        removing, adding = listed(remove_allowed_principals), listed(add_allowed_principals)
        for parameter, given in (("add_allowed_principals", adding), ("remove_allowed_principals", removing)):
            for index, principal in enumerate(given):
                check_principal(principal, parameter, (index,))
        kept = tuple(one for one in configuration.allowed_principals if one not in removing)
        new = tuple(one for one in dict.fromkeys(adding) if one not in kept)
        return self._put_configuration(replace(configuration, allowed_principals=kept + new))

    @verb
    def start_vpc_endpoint_service_private_dns_verification(
        self, service_id: str, *, verified: bool = True
    ) -> VpcEndpointServiceConfiguration:
        """Look for the TXT record of the private DNS name; EMU: ``verified`` is what is found (SVC-6)."""
        configuration = self._vpc_endpoint_service_configuration(service_id)
        if configuration.private_dns_name is None:
            text = f"The service {service_id} has no private DNS name to verify"
            raise Ec2Error("InvalidParameter", text, "service_id")
        found = PrivateDnsNameState.VERIFIED if verified else PrivateDnsNameState.FAILED
        return self._put_configuration(replace(configuration, private_dns_name_state=found))

    # -- connections --------------------------------------------------------------------

    @verb
    def accept_vpc_endpoint_connections(self, service_id: str, vpc_endpoint_ids: str | Iterable[str]) -> None:
        """Accept endpoints that wait (SVC-4); they become available at once (EMU)."""
        waiting = (EndpointState.PENDING_ACCEPTANCE,)
        self._answer(service_id, vpc_endpoint_ids, waiting, EndpointState.AVAILABLE)

    @verb
    def reject_vpc_endpoint_connections(self, service_id: str, vpc_endpoint_ids: str | Iterable[str]) -> None:
        """Reject endpoints, even available ones (SVC-4, VPCE-10)."""
        living = (EndpointState.PENDING_ACCEPTANCE, EndpointState.PENDING, EndpointState.AVAILABLE)
        self._answer(service_id, vpc_endpoint_ids, living, EndpointState.REJECTED)

    def _answer(
        self,
        service_id: str,
        vpc_endpoint_ids: str | Iterable[str],
        allowed: tuple[EndpointState, ...],
        state: EndpointState,
    ) -> None:
        configuration = self._vpc_endpoint_service_configuration(service_id)
        for index, name in enumerate(listed(vpc_endpoint_ids)):
            endpoint = self._vpc_endpoint(name, "vpc_endpoint_ids", (index,))
            if endpoint.service_name != configuration.service_name:
                text = f"The Vpc Endpoint Id '{name}' does not exist at {service_id}"
                raise Ec2Error("InvalidVpcEndpointId.NotFound", text, "vpc_endpoint_ids", (index,))
            if endpoint.state not in allowed:
                text = f"The VPC endpoint {name} is in the state {endpoint.state}"
                raise Ec2Error("IncorrectState", text, "vpc_endpoint_ids", (index,))
            self._put(self.vpc_endpoints, name, replace(endpoint, state=state))

    # -- shared -------------------------------------------------------------------------

    def _new_service_id(self, given: str | None) -> str:
        if given is not None and not _SERVICE_ID.fullmatch(given):
            text = f"Invalid Id: '{given}' (expecting 'vpce-svc-...')"
            raise Ec2Error("InvalidVpcEndpointServiceIdId.Malformed", text, "service_id")  # ERR-5
        return self._new_id(self.vpc_endpoint_service_configurations, "vpce-svc", given, "service_id")

    def _with_load_balancers(
        self, configuration: VpcEndpointServiceConfiguration, names: tuple[str, ...], parameter: str
    ) -> VpcEndpointServiceConfiguration:
        for index, name in enumerate(names):
            balancer = self._load_balancer(name, parameter, (index,))
            taken = self._service_behind(name)
            if taken is not None or name in configuration.load_balancer_names:  # SVC-1
                other = (taken or configuration).service_id
                text = f"The Network Load Balancer '{name}' is already associated with the service {other}"
                raise Ec2Error("InvalidParameter", text, parameter, (index,))
            region = self.vpcs[balancer.vpc_id].region
            if region != configuration.region:
                text = f"The load balancer '{name}' does not exist in {configuration.region} (it is in {region})"
                raise Ec2Error("InvalidNetworkLoadBalancerArn.NotFound", text, parameter, (index,))
            configuration = replace(configuration, load_balancer_names=(*configuration.load_balancer_names, name))
        return configuration

    def _put_configuration(self, configuration: VpcEndpointServiceConfiguration) -> VpcEndpointServiceConfiguration:
        """Store a configuration, and the service that endpoints name."""
        self._put(self.vpc_endpoint_service_configurations, configuration.service_id, configuration)
        zones = {
            self.subnets[subnet_id].availability_zone: None
            for name in configuration.load_balancer_names
            for subnet_id in self.load_balancers[name].subnet_ids
        }
        named = configuration.private_dns_name
        service = Service(
            service_name=configuration.service_name,
            region=configuration.region,
            service_types=(VpcEndpointType.INTERFACE,),
            availability_zones=tuple(sorted(zones)),
            private_dns_names=() if named is None else (named,),
            service_id=configuration.service_id,
        )
        self._put(self.services, configuration.service_name, service)
        return configuration

    def _offers_zone(self, service: Service, subnet: Subnet) -> bool:
        """Return whether an interface endpoint of a service may stand in a subnet (VPCE-IF-3).

        Zones of one account go by their names; names differ between accounts, ids do not.
        """
        if not service.availability_zones:
            return True
        if service.service_id is None:
            return subnet.availability_zone in service.availability_zones or (
                subnet.availability_zone_id in service.availability_zones
            )
        configuration = self.vpc_endpoint_service_configurations[service.service_id]
        return any(
            self.subnets[name].availability_zone in service.availability_zones and same_zone(self.subnets[name], subnet)
            for balancer in configuration.load_balancer_names
            for name in self.load_balancers[balancer].subnet_ids
        )

    def _initial_state(self, service: Service) -> EndpointState:
        """Return the state of a new endpoint (VPCE-10): AWS's own services accept at once (VPCE-IF-18)."""
        if service.service_id is None:
            return EndpointState.AVAILABLE
        configuration = self.vpc_endpoint_service_configurations[service.service_id]
        return EndpointState.PENDING_ACCEPTANCE if configuration.acceptance_required else EndpointState.AVAILABLE

    def _admits(self, service: Service, account: str) -> bool:
        """Return whether an account's endpoints may name a service (SVC-3); EMU: all its users and roles count."""
        if service.service_id is None:
            return True
        principals = self.vpc_endpoint_service_configurations[service.service_id].allowed_principals
        return any(principal == EVERYONE or _account_of(principal) == account for principal in principals)

    def _name_is_verified(self, service: Service) -> bool:
        """Return whether new endpoints may use a service's private DNS name (SVC-6)."""
        if service.service_id is None:
            return True
        configuration = self.vpc_endpoint_service_configurations[service.service_id]
        return configuration.private_dns_name_state is PrivateDnsNameState.VERIFIED


def same_zone(one: Subnet, other: Subnet) -> bool:
    """Return whether two subnets, perhaps of two accounts, are in one Availability Zone (VPCE-IF-3)."""
    if one.availability_zone_id and other.availability_zone_id:
        return one.availability_zone_id == other.availability_zone_id
    return one.availability_zone == other.availability_zone


def check_principal(principal: str, parameter: str, path: tuple[str | int, ...] = ()) -> None:
    """Refuse what is neither an account's root, user or role by its ARN, nor ``*`` (SVC-3)."""
    if principal != EVERYONE and not _PRINCIPAL.fullmatch(principal):
        text = f"Invalid Principal: '{principal}' (an account's root, user or role by its ARN, or *)"
        raise Ec2Error("InvalidPrincipal", text, parameter, path)


def _account_of(principal: str) -> str | None:
    match = _PRINCIPAL.fullmatch(principal)
    return match and match.group(1)


def _named(configuration: VpcEndpointServiceConfiguration, private_dns_name: str) -> VpcEndpointServiceConfiguration:
    """Give a service a private DNS name, which is still to be proven (SVC-6)."""
    if len(private_dns_name) > 253 or not HOST_NAME.fullmatch(private_dns_name):
        raise invalid(f"'{private_dns_name}' is not a host name in lower case", "private_dns_name")
    if private_dns_name == configuration.private_dns_name:
        return configuration
    unproven = PrivateDnsNameState.PENDING_VERIFICATION
    return replace(configuration, private_dns_name=private_dns_name, private_dns_name_state=unproven)
