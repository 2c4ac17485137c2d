"""What DNS says to whom: zones made from the control plane's records.

Inside a VPC four kinds of names have answers, looked up in this order:

1. private zones: users' hosted zones that are associated with the VPC, and the
   hidden ones that private DNS of the VPC's own interface endpoints makes; both
   beat public answers (DNS-7, VPCE-IF-20) and need both DNS attributes (DNS-2);
2. the generated names of every interface endpoint, which resolve everywhere,
   to private addresses (VPCE-IF-19);
3. names of network interfaces, ``ip-10-0-1-10.ec2.internal``;
4. the public names of services.

Through a Resolver inbound endpoint the same VPC says the same, but for endpoints
whose private DNS is for inbound endpoints only (DNS-8).  From outside, only 2 and
4 are there.  Everything else does not exist.

AWS: AWS PrivateLink, "Access an AWS service using an interface VPC endpoint";
VPC User Guide, "DNS attributes for your VPC"; Route 53 Developer Guide, "Working
with private hosted zones".
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from netaddr import IPAddress

from emulator.model.resources import EndpointState, VpcEndpointType
from emulator.services.names import endpoint_names, interface_name
from emulator.services.zone import Answer, Pointer, PrivateZone, Record, Source, Zone, normal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from emulator.model.hosted_zones import HostedZone, ResourceRecordSet
    from emulator.model.resources import NetworkInterface, Service, Subnet, Vpc, VpcEndpoint


@dataclass(frozen=True, slots=True)
class World:
    """The records of a whole network, of all VPCs: some names resolve everywhere.

    Attributes:
        endpoints, interfaces, services, subnets, hosted_zones: The control plane's.
        failures: Availability Zones and interfaces that are out of order (VPCE-IF-17).
        further_names: By service, public names that no private DNS takes over.
        elsewhere: Public names of what is not among the services.
        hostnames_for_gateways: Whether names of a service behind a gateway endpoint need DNS hostnames (VPCE-GW-17).
    """

    endpoints: tuple[VpcEndpoint, ...] = ()
    interfaces: Mapping[str, NetworkInterface] = field(default_factory=dict)
    services: Mapping[str, Service] = field(default_factory=dict)
    subnets: Mapping[str, Subnet] = field(default_factory=dict)
    hosted_zones: tuple[HostedZone, ...] = ()
    failures: Mapping[str, str] = field(default_factory=dict)
    further_names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    elsewhere: Mapping[str, Answer] = field(default_factory=dict)
    hostnames_for_gateways: bool = False

    def interface_endpoints(self) -> Iterable[VpcEndpoint]:
        """Yield those that have something to resolve to: not before they are available, nor after (VPCE-10)."""
        for endpoint in self.endpoints:
            interface = endpoint.vpc_endpoint_type is VpcEndpointType.INTERFACE
            if interface and endpoint.state is EndpointState.AVAILABLE:
                yield endpoint

    def region_of(self, endpoint: VpcEndpoint) -> str:
        """Return the Region in an endpoint's names: its service's (VPCE-6), or its interfaces' if that is gone."""
        service = self.services.get(endpoint.service_name)
        if service is not None:
            return service.region
        return next((zone[:-1] for _, zone in self.placed(endpoint)), "")

    def placed(self, endpoint: VpcEndpoint) -> list[tuple[NetworkInterface, str]]:
        """Return an endpoint's interfaces, each with its Availability Zone."""
        found = [self.interfaces[name] for name in endpoint.network_interface_ids]
        return [(interface, self.subnets[interface.subnet_id].availability_zone) for interface in found]

    def healthy(self, endpoint: VpcEndpoint) -> tuple[IPAddress, ...]:
        """Return the addresses its Regional name has: of healthy interfaces, and of all if none is (VPCE-IF-17)."""
        placed = self.placed(endpoint)
        fit = [
            interface
            for interface, zone in placed
            if interface.network_interface_id not in self.failures and zone not in self.failures
        ]
        # Route 53 answers as if all were healthy when none is.
        return tuple(interface.private_ip_address for interface in fit or [one for one, _ in placed])


def zone_of(vpc: Vpc, world: World, *, inbound: bool = False) -> Zone:
    """Return the names that ``vpc`` sees; ``inbound``: that its Resolver inbound endpoints tell those outside."""
    own = (one for one in world.interfaces.values() if one.vpc_id == vpc.vpc_id)
    tables = (_gateway_names(vpc, world), _generated(world), _interface_records(own, vpc.region))
    remarks: dict[str, str] = {}
    private: list[PrivateZone] = []
    attributes = vpc.enable_dns_support and vpc.enable_dns_hostnames
    for hosted in world.hosted_zones:
        if vpc.vpc_id not in hosted.vpc_ids:
            continue
        if attributes:
            private.append(_hosted_zone(hosted, world))
        else:
            text = f"the private hosted zone {hosted.hosted_zone_id} needs enableDnsSupport and enableDnsHostnames"
            remarks |= dict.fromkeys((hosted.name, f"*.{hosted.name}"), f"{text} of {vpc.vpc_id} (DNS-2)")
    for endpoint in world.interface_endpoints():
        service = world.services.get(endpoint.service_name)
        if endpoint.vpc_id != vpc.vpc_id or service is None:
            continue  # a hidden zone serves its own VPC (VPCE-IF-20)
        only_inbound = endpoint.private_dns_only_for_inbound_resolver_endpoint and not inbound
        if endpoint.private_dns_enabled and attributes and not only_inbound:
            private += _hidden_zones(endpoint, service, world.healthy(endpoint))
        else:
            text = _why_not(endpoint, service, only_inbound=endpoint.private_dns_enabled and only_inbound)
            remarks |= dict.fromkeys(service.private_dns_names, text)
    covered = [name for zone in private for name in zone.records]
    return Zone(
        (*tables, _public(world), world.elsewhere),
        answers=vpc.enable_dns_support,
        private=tuple(private),
        remarks={name: text for name, text in remarks.items() if name not in covered},
    )


def public_zone(world: World) -> Zone:
    """Return the names that resolve on the internet."""
    return Zone((_generated(world), _public(world), world.elsewhere))


def names_of(service: Service, world: World) -> tuple[str, ...]:
    """Return the names that a service answers to, and proves by its certificate: its own and those of its endpoints."""
    endpoints = tuple(one for one in world.endpoints if one.service_name == service.service_name)
    return (*map(normal, _public_names(world, service)), *_generated(replace(world, endpoints=endpoints)))


def _why_not(endpoint: VpcEndpoint, service: Service, *, only_inbound: bool) -> str:
    name = endpoint.vpc_endpoint_id
    own = endpoint_names(endpoint, service.region, ()).regional
    if only_inbound:
        return f"private DNS of {name} is for Resolver inbound endpoints only (DNS-8); its own name is {own}"
    if endpoint.private_dns_enabled:
        return f"private DNS of {name} needs both DNS attributes of the VPC (VPCE-IF-21); its own name is {own}"
    return f"private DNS of {name} is off, so the name keeps its public answer (VPCE-IF-20); its own name is {own}"


def _hidden_zones(endpoint: VpcEndpoint, service: Service, addresses: tuple[IPAddress, ...]) -> Iterable[PrivateZone]:
    owner = endpoint.vpc_endpoint_id
    names = [normal(name) for name in service.private_dns_names]
    for apex in service.private_zone_names:
        inside = [name for name in names if name == apex or name.endswith(f".{apex}")]
        records: dict[str, Record] = {**_records(inside, addresses, Source.PRIVATE_DNS, owner)}
        yield PrivateZone(apex, records, owner, Source.PRIVATE_DNS)


def _hosted_zone(hosted: HostedZone, world: World) -> PrivateZone:
    records = {normal(one.name): _record(hosted, one, world) for one in hosted.resource_record_sets}
    return PrivateZone(normal(hosted.name), records, hosted.hosted_zone_id, Source.HOSTED_ZONE)


def _record(hosted: HostedZone, one: ResourceRecordSet, world: World) -> Record:
    name, owner = normal(one.name), hosted.hosted_zone_id
    if one.type == "A":
        return Answer(tuple(IPAddress(value) for value in one.values), Source.HOSTED_ZONE, name, owner)
    target = one.values[0]
    for endpoint in world.interface_endpoints():
        if one.type == "ALIAS" and endpoint.vpc_endpoint_id == target:
            target = endpoint_names(endpoint, world.region_of(endpoint), ()).regional
    return Pointer(one.type, normal(target), name, owner)


def _generated(world: World) -> dict[str, Answer]:
    found: dict[str, Answer] = {}
    for endpoint in world.interface_endpoints():
        service = world.services.get(endpoint.service_name)
        region = world.region_of(endpoint)
        # Of an endpoint in another Region than its service's there is the Regional name only (VPCE-6).
        near = [(interface, zone) for interface, zone in world.placed(endpoint) if zone.startswith(region)]
        names = endpoint_names(endpoint, region, (zone for _, zone in near))
        by_name = {names.regional: world.healthy(endpoint)}
        for (_, name), (interface, _) in zip(names.zonal, near, strict=True):
            by_name[name] = (interface.private_ip_address,)
        if service and any(name.startswith("*.") for name in service.private_dns_names):
            # A service whose own name has names below it (S3's buckets) has them below the endpoint's as well.
            by_name |= {f"*.{name}": addresses for name, addresses in by_name.items()}
        owner = endpoint.vpc_endpoint_id
        found |= {name: Answer(addresses, Source.ENDPOINT, name, owner) for name, addresses in by_name.items()}
    return found


def _gateway_names(vpc: Vpc, world: World) -> dict[str, Answer]:
    """Return the names that do not resolve because they lead to a gateway endpoint and hostnames are off."""
    found: dict[str, Answer] = {}
    if not world.hostnames_for_gateways or vpc.enable_dns_hostnames:
        return found
    for endpoint in world.endpoints:
        if endpoint.vpc_id == vpc.vpc_id and endpoint.vpc_endpoint_type is VpcEndpointType.GATEWAY:
            for name in _public_names(world, world.services[endpoint.service_name]):
                found[name] = Answer(None, Source.HOSTNAMES_OFF, name, endpoint.vpc_endpoint_id)
    return found


def _records(names: Iterable[str], addresses: tuple[IPAddress, ...], source: Source, owner: str) -> dict[str, Answer]:
    return {name: Answer(addresses, source, name, owner) for name in map(normal, names)}


def _interface_records(interfaces: Iterable[NetworkInterface], region: str) -> dict[str, Answer]:
    records: dict[str, Answer] = {}
    for interface in interfaces:
        address = interface.private_ip_address
        names = (interface_name(address, region),)
        records |= _records(names, (address,), Source.INTERFACE, interface.network_interface_id)
    return records


def _public(world: World) -> dict[str, Answer]:
    records: dict[str, Answer] = {}
    for service in world.services.values():
        if service.public_addresses:  # a name without an address is not known to this world
            names = _public_names(world, service)
            records |= _records(names, service.public_addresses, Source.PUBLIC, service.service_name)
    return records


def _public_names(world: World, service: Service) -> tuple[str, ...]:
    return service.private_dns_names + world.further_names.get(service.service_name, ())
