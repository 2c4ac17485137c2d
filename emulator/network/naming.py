"""Names in a network: who asks which resolver, and what it says now.

Zones are made from the control plane's records once per generation.  A host in a
VPC asks its VPC's resolver; one beyond an edge asks the server it is told to,
a Resolver inbound endpoint, say, or else public DNS.

DNS-2, DNS-5 and DNS-8 say who is answered what.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final

from emulator.control.catalogue import REGIONS, further_names, names_without_endpoints
from emulator.control.regions import built_in_services
from emulator.model.edges import ExternalHost
from emulator.model.reasons import Reason
from emulator.observe.explain import DnsAnswer
from emulator.services import Answer, Source, World, Zone, hint, names_of, public_zone, zone_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from emulator.control import ControlPlane
    from emulator.model.hosted_zones import ResolverEndpoint
    from emulator.model.resources import NetworkInterface

INBOUND: Final = True


class Names:
    """The zones of a network, made when somebody asks and kept until the network changes."""

    def __init__(self, plane: ControlPlane) -> None:
        self.plane: Final = plane
        self._generation = -1
        self._world = World()
        self._zones: dict[tuple[str, bool], Zone] = {}

    def of_vpc(self, vpc_id: str, *, inbound: bool = False) -> Zone:
        """Return DNS as a VPC sees it now; ``inbound``: as its Resolver inbound endpoints tell it (DNS-8)."""
        self._refresh()
        key = vpc_id, inbound
        if key not in self._zones:
            self._zones[key] = zone_of(self.plane.vpcs[vpc_id], self._world, inbound=inbound)
        return self._zones[key]

    def public(self) -> Zone:
        """Return DNS as the internet sees it now."""
        self._refresh()
        key = "", False
        if key not in self._zones:
            self._zones[key] = public_zone(self._world)
        return self._zones[key]

    def of_service(self, service_name: str) -> tuple[str, ...]:
        """Return the names a service proves by its certificate: its public ones, and those of its endpoints."""
        self._refresh()
        service = self.plane.services.get(service_name)
        found = () if service is None else names_of(service, self._world)
        return found or (service_name,)  # a certificate needs a name, be it one that nobody can resolve

    def _refresh(self) -> None:
        plane = self.plane
        if self._generation == plane.generation:
            return
        self._generation = plane.generation
        self._zones = {}
        self._world = World(
            endpoints=tuple(plane.vpc_endpoints.values()),
            interfaces=plane.network_interfaces,
            services=plane.services,
            subnets=plane.subnets,
            hosted_zones=tuple(plane.hosted_zones.values()),
            failures=plane.failures,
            further_names={name: further_names(service) for name, service in plane.services.items()},
            elsewhere=elsewhere(frozenset(service.region for service in plane.services.values())),
            hostnames_for_gateways=plane.settings.gateway_endpoint_dns_hostnames,
        )

    def reader(self, vpc_id: str, *, inbound: bool = False) -> Callable[[], Zone]:
        """Return what a resolver reads its zone with, at every query."""
        return lambda: self.of_vpc(vpc_id, inbound=inbound)

    def ask(self, source: NetworkInterface | ExternalHost, name: str) -> tuple[DnsAnswer, Answer]:
        """Resolve a name as ``source`` would; nothing is sent, and nobody's turn changes.

        Returns:
            The answer told to people and programs, and the answer itself.
        """
        resolver, zone = self._resolver(source)
        off = zone is None or not zone.answers
        found = Answer(None) if zone is None or off else zone.lookup(name)
        reason = Reason.EMU_DNS_OFF if off or found.source is Source.HOSTNAMES_OFF else _reason(found)
        told = DnsAnswer(
            name=name,
            addresses=tuple(str(address) for address in found.addresses or ()),
            source=str(found.source),
            record=found.record,
            owner=found.owner,
            hint="" if zone is None or off else hint(zone, name, found),
            chain=tuple(f"{link.name} {link.type} {link.target}" for link in found.chain),
            resolver=resolver,
            reason=reason,
        )
        return told, found

    def _resolver(self, source: NetworkInterface | ExternalHost) -> tuple[str, Zone | None]:
        """Return who answers a host, and its zone; None for one that does not answer it at all."""
        if not isinstance(source, ExternalHost):
            return f"{source.vpc_id}/resolver", self.of_vpc(source.vpc_id)
        asked = source.resolver_ip_address
        if asked is None:
            return "public DNS", self.public()
        endpoint = self._inbound_endpoint(source)
        if endpoint is not None:
            return endpoint.resolver_endpoint_id, self.of_vpc(endpoint.vpc_id, inbound=INBOUND)
        for vpc in self.plane.vpcs.values():
            if asked == vpc.cidr_blocks[0][2]:
                return f"{vpc.vpc_id}/resolver", None  # not reachable from outside its VPC (DNS-5)
        return str(asked), self.public()

    def _inbound_endpoint(self, source: ExternalHost) -> ResolverEndpoint | None:
        for endpoint in self.plane.resolver_endpoints.values():
            if source.resolver_ip_address in endpoint.ip_addresses:
                return endpoint
        return None


def _reason(found: Answer) -> Reason | None:
    if found.failed:
        return Reason.SERVFAIL
    if found.addresses is None:
        return Reason.NXDOMAIN
    return None if found.addresses else Reason.NODATA


@functools.lru_cache(maxsize=8)
def elsewhere(present: frozenset[str]) -> Mapping[str, Answer]:
    """Return the public names of AWS's services in all Regions but the ``present`` ones, whose services are records."""
    names = {name: Answer((address,), Source.PUBLIC, name, name) for name, address in names_without_endpoints().items()}
    for region in REGIONS:
        if region in present:
            continue
        for service in built_in_services(region):
            for name in (*service.private_dns_names, *further_names(service)):
                names[name] = Answer(service.public_addresses, Source.PUBLIC, name, service.service_name)
    return names
