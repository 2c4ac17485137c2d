"""The services of a Region: AWS's built-in ones and those that documents bring.

Built in are S3 and DynamoDB (:mod:`emulator.control.regions`) and the common
services of interface endpoints (:mod:`emulator.control.catalogue`).  Everything
else is registered by the emulator's own verb :meth:`Services.register_service`.
The public names of other services resolve, outside of private DNS, to a stable
address in 198.18.0.0/16 that is nobody else's.

AWS: AWS PrivateLink, "AWS services that integrate".
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from emulator.control.catalogue import free_addresses, regionless
from emulator.control.errors import Ec2Error, invalid
from emulator.control.prefix_lists import CUSTOMER, PrefixLists
from emulator.control.regions import GATEWAY_SERVICES, addresses_in
from emulator.control.state import verb
from emulator.control.vpcs import Vpcs
from emulator.model.resources import PrefixList, Service, VpcEndpointType

if TYPE_CHECKING:
    from collections.abc import Iterable

    from netaddr import IPAddress

HOST_NAME = re.compile(r"(\*\.)?([a-z0-9_]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)


class Services(PrefixLists, Vpcs):
    """Verbs on services, all the emulator's own but the describing one."""

    def describe_vpc_endpoint_services(
        self, service_names: Iterable[str] = (), *, region: str | None = None
    ) -> tuple[Service, ...]:
        """Return the services of a Region, the plane's own by default, or those asked for, by name (ERR-2)."""
        region = region or self.region
        names = tuple(service_names) or tuple(
            sorted(name for name, service in self.services.items() if service.region == region)
        )
        return tuple(self._service(name, "service_names", (index,)) for index, name in enumerate(names))

    def _service(
        self,
        service_name: str,
        parameter: str = "service_name",
        path: tuple[str | int, ...] = (),
        *,
        region: str | None = None,
    ) -> Service:
        """Return a service; in a ``region`` other ones' exist only if cross-Region endpoints do (VPCE-6)."""
        service = self.services.get(service_name)
        foreign = service is not None and region is not None and service.region != region
        if service is None or (foreign and not self.settings.cross_region_endpoints):
            raise no_such_service(service_name, parameter, path)
        return service

    @verb
    def register_service(self, service: Service) -> Service:
        """EMU: offer a service in this Region, or redefine one that no endpoint leads to yet."""
        name = service.service_name
        named = self._region_in(name)
        if service.region != named:
            raise invalid(f"The service {name} is of {service.region}, not {named}", "region")
        if any(endpoint.service_name == name for endpoint in self.vpc_endpoints.values()):
            text = f"The service {name} has endpoints and cannot be redefined"
            raise Ec2Error("ExistingVpcEndpointConnections", text, "service_name")
        known = self.services.get(name)
        if known is not None and known.service_id is not None:
            text = f"The service {name} is changed by its endpoint service configuration {known.service_id}"
            raise Ec2Error("OperationNotPermitted", text, "service_name")
        self._check_service_types(service)
        for index, zone in enumerate(service.availability_zones):
            self._check_zone(zone, "availability_zones", (index,), region=service.region, ids=True)  # VPCE-IF-3
        self._check_names(service)
        if service.service_delay < 0:
            raise invalid("service_delay is at least 0", "service_delay")
        if not service.public_addresses:
            service = replace(service, public_addresses=self._public_addresses(service))
        self._put(self.services, name, service)
        return service

    def _region_in(self, name: str) -> str:
        """Return the Region that a service's name says, one of this network's (SVC-2).

        Of AWS's few names without a Region, as ``com.amazonaws.iam``, the unknown ones are of the plane's own.
        """
        if re.fullmatch(r"com\.amazonaws\.[A-Za-z0-9-]+", name):
            return self.services[name].region if name in self.services else self.region
        for region in self.open_regions():
            shape = re.escape(region)
            own = rf"com\.amazonaws\.({shape}\.[A-Za-z0-9.-]+|vpce\.{shape}\.vpce-svc-[A-Za-z0-9-]+)"
            if re.fullmatch(own, name):
                return region
        here = ", ".join(self.open_regions())
        text = f"'{name}' is no name of a service of {here}, like com.amazonaws.{self.region}.NAME"
        raise Ec2Error("InvalidServiceName", text, "service_name")

    def _check_service_types(self, service: Service) -> None:
        """VPCE-4: gateway endpoints are for S3 and DynamoDB only, and need a list to route by."""
        if not service.service_types:
            raise invalid("A service offers at least one endpoint type", "service_types")
        if VpcEndpointType.GATEWAY not in service.service_types:
            return
        allowed = [f"com.amazonaws.{service.region}.{short}" for short in GATEWAY_SERVICES]
        if service.service_name not in allowed:
            text = f"Gateway endpoints exist for {' and '.join(allowed)} only"
            raise Ec2Error("InvalidParameter", text, "service_types")
        if service.prefix_list_id is None:
            raise Ec2Error("MissingParameter", "A service with gateway endpoints has a prefix list", "prefix_list_id")
        self._prefix_list(service.prefix_list_id)

    def _check_names(self, service: Service) -> None:
        taken = {
            name: other.service_name
            for other in self.services.values()
            if other.service_name != service.service_name and other.region == service.region
            for name in other.private_dns_names
        }
        for index, name in enumerate(service.private_dns_names):
            if len(name) > 253 or not HOST_NAME.fullmatch(name):
                raise invalid(f"'{name}' is not a host name in lower case", "private_dns_names", (index,))
            if name in taken:
                raise invalid(f"The name {name} belongs to {taken[name]}", "private_dns_names", (index,))

    def _public_addresses(self, service: Service) -> tuple[IPAddress, ...]:
        """Return where a service's public names lead."""
        if service.prefix_list_id in self.prefix_lists:
            return addresses_in(self.prefix_lists[service.prefix_list_id].cidrs)
        if not service.private_dns_names:
            return ()
        taken = {
            address
            for other in self.services.values()
            if other.service_name != service.service_name
            for address in other.public_addresses
        }
        return (next(host for host in free_addresses(service.service_name) if host not in taken),)

    @verb
    def register_prefix_list(self, prefix_list: PrefixList) -> PrefixList:
        """EMU: define one of AWS's own lists, or replace its blocks; public addresses of its services follow."""
        name = prefix_list.prefix_list_id
        old = self.prefix_lists.get(name)
        if prefix_list.owner_id == CUSTOMER or (old is not None and old.owner_id == CUSTOMER):
            raise invalid(f"The prefix list {name} is a customer's", "prefix_list_id")
        if old is None:
            self._new_id(self.prefix_lists, "pl", name, "prefix_list_id")
        if not prefix_list.cidrs:
            raise invalid(f"The prefix list {name} is empty", "cidrs")
        self._put(self.prefix_lists, name, prefix_list)
        self._check_users(name)
        for service in list(self.services.values()):
            if (
                old is not None
                and service.prefix_list_id == name
                and service.public_addresses == addresses_in(old.cidrs)
            ):
                moved = replace(service, public_addresses=addresses_in(prefix_list.cidrs))
                self._put(self.services, service.service_name, moved)
        return prefix_list


def no_such_service(service_name: str, parameter: str = "service_name", path: tuple[str | int, ...] = ()) -> Ec2Error:
    """Return the refusal of a service that is not there for whoever asks (ERR-2)."""
    text = f"The Vpc Endpoint Service '{service_name}' does not exist"
    other = regionless(service_name)
    if other not in (None, service_name):
        text += f" (this service's name has no Region: {other})"
    return Ec2Error("InvalidServiceName", text, parameter, path)
