"""The services of a Region: AWS's built-in ones and those that documents bring.

Built in are S3 and DynamoDB with their prefix lists, for gateway endpoints
(VPCE-GW-1).  Everything else is registered by the emulator's own verb
:meth:`Services.register_service`.

Where facts end, choices begin: in us-east-1 the lists are VPCE-GW-2's.  Of other
Regions no list is known: EMU gives each a stable id and a /24 of 198.19.0.0/16
(RFC 2544's benchmarking range), to be replaced with :meth:`register_prefix_list`.
The public names of other services resolve, outside of private DNS, to a stable
address in 198.18.0.0/16, which leads nowhere unless a route does.

AWS: AWS PrivateLink, "AWS services that integrate"; VPC User Guide, "AWS-managed prefix lists".
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from netaddr import IPAddress, IPNetwork

from emulator.control.errors import Ec2Error, invalid
from emulator.control.prefix_lists import CUSTOMER, PrefixLists
from emulator.control.state import verb
from emulator.control.vpcs import Vpcs
from emulator.model.resources import PrefixList, Service, VpcEndpointType

if TYPE_CHECKING:
    from collections.abc import Iterable

GATEWAY_SERVICES: Final = ("s3", "dynamodb")
"""VPCE-4: what gateway endpoints exist for."""

KNOWN_LISTS: Final = {  # VPCE-GW-2
    ("us-east-1", "s3"): ("pl-63a5400a", ("54.231.0.0/17", "52.216.0.0/15", "3.5.16.0/21", "3.5.0.0/20")),
    ("us-east-1", "dynamodb"): ("pl-02cd2c6b", ("52.94.0.0/22", "52.119.224.0/20")),
}

_HOST_NAME = re.compile(r"(\*\.)?([a-z0-9_]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)


class Services(PrefixLists, Vpcs):
    """Verbs on services, all the emulator's own but the describing one."""

    def _add_built_in_services(self) -> None:
        """Fill a new control plane; the Region was so before anyone asked, so no generation counts."""
        for short_name in GATEWAY_SERVICES:
            prefix_list = built_in_prefix_list(self.region, short_name)
            self.prefix_lists[prefix_list.prefix_list_id] = prefix_list
            service = built_in_service(self.region, short_name, prefix_list)
            self.services[service.service_name] = service

    def describe_vpc_endpoint_services(self, service_names: Iterable[str] = ()) -> tuple[Service, ...]:
        """Return the services of the Region, or those asked for, by name (ERR-2)."""
        names = tuple(service_names) or tuple(sorted(self.services))
        return tuple(self._service(name, "service_names", (index,)) for index, name in enumerate(names))

    def _service(self, service_name: str, parameter: str = "service_name", path: tuple[str | int, ...] = ()) -> Service:
        """VPCE-6: another Region's services do not exist here."""
        service = self.services.get(service_name)
        if service is None:
            text = f"The Vpc Endpoint Service '{service_name}' does not exist"
            raise Ec2Error("InvalidServiceName", text, parameter, path)
        return service

    @verb
    def register_service(self, service: Service) -> Service:
        """EMU: offer a service in this Region, or redefine one that no endpoint leads to yet."""
        name = service.service_name
        self._check_service_name(name)
        if service.region != self.region:
            raise invalid(f"The service {name} is of {service.region}, not {self.region}", "region")
        if any(endpoint.service_name == name for endpoint in self.vpc_endpoints.values()):
            text = f"The service {name} has endpoints and cannot be redefined"
            raise Ec2Error("ExistingVpcEndpointConnections", text, "service_name")
        self._check_service_types(service)
        for index, zone in enumerate(service.availability_zones):
            self._check_zone(zone, "availability_zones", (index,))
        self._check_names(service)
        if service.service_delay < 0:
            raise invalid("service_delay is at least 0", "service_delay")
        if not service.public_addresses:
            service = replace(service, public_addresses=self._public_addresses(service))
        self._put(self.services, name, service)
        return service

    def _check_service_name(self, name: str) -> None:
        region = re.escape(self.region)
        own = rf"com\.amazonaws\.({region}\.[A-Za-z0-9.-]+|vpce\.{region}\.vpce-svc-[A-Za-z0-9-]+)"  # SVC-2
        if not re.fullmatch(own, name):
            text = f"'{name}' is no name of a service of {self.region}, like com.amazonaws.{self.region}.NAME"
            raise Ec2Error("InvalidServiceName", text, "service_name")

    def _check_service_types(self, service: Service) -> None:
        """VPCE-4: gateway endpoints are for S3 and DynamoDB only, and need a list to route by."""
        if not service.service_types:
            raise invalid("A service offers at least one endpoint type", "service_types")
        if VpcEndpointType.GATEWAY not in service.service_types:
            return
        allowed = [f"com.amazonaws.{self.region}.{short}" for short in GATEWAY_SERVICES]
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
            if other.service_name != service.service_name
            for name in other.private_dns_names
        }
        for index, name in enumerate(service.private_dns_names):
            if len(name) > 253 or not _HOST_NAME.fullmatch(name):
                raise invalid(f"'{name}' is not a host name in lower case", "private_dns_names", (index,))
            if name in taken:
                raise invalid(f"The name {name} belongs to {taken[name]}", "private_dns_names", (index,))

    def _public_addresses(self, service: Service) -> tuple[IPAddress, ...]:
        """Return where a service's public names lead."""
        if service.prefix_list_id in self.prefix_lists:
            return addresses_in(self.prefix_lists[service.prefix_list_id].cidrs)
        if not service.private_dns_names:
            return ()
        return (IPAddress(IPNetwork("198.18.0.0/16").first + 1 + _digest(service.service_name) % 65_000),)

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


def built_in_prefix_list(region: str, short_name: str) -> PrefixList:
    """Return AWS's list for a gateway service: VPCE-GW-2's, or in other Regions EMU's stand-in."""
    name = f"com.amazonaws.{region}.{short_name}"
    known = KNOWN_LISTS.get((region, short_name))
    if known is None:
        third = _digest(region) % 128 + 128 * GATEWAY_SERVICES.index(short_name)
        known = (f"pl-{hashlib.sha256(name.encode()).hexdigest()[:8]}", (f"198.19.{third}.0/24",))
    prefix_list_id, cidrs = known
    return PrefixList(prefix_list_id, name, tuple(IPNetwork(cidr) for cidr in cidrs), 1)  # weight: ROUTE-17


def built_in_service(region: str, short_name: str, prefix_list: PrefixList) -> Service:
    """Return S3 or DynamoDB as the seed has them: reached by gateway endpoints (VPCE-GW-1)."""
    host = f"{short_name}.{region}.amazonaws.com"
    return Service(
        service_name=f"com.amazonaws.{region}.{short_name}",
        region=region,
        service_types=(VpcEndpointType.GATEWAY,),
        private_dns_names=(host, f"*.{host}") if short_name == "s3" else (host,),
        public_addresses=addresses_in(prefix_list.cidrs),
        prefix_list_id=prefix_list.prefix_list_id,
        application=short_name if short_name == "s3" else None,  # DynamoDB has no built-in program yet
    )


def addresses_in(cidrs: Iterable[IPNetwork]) -> tuple[IPAddress, ...]:
    """Return one address per block, where a service's public names lead: the tenth, or the last."""
    return tuple(IPAddress(min(cidr.first + 10, cidr.last)) for cidr in cidrs)


def _digest(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8])
