"""DNS as one VPC sees it: names and addresses, made from the control plane's records.

Four kinds of names have answers, looked up in this order:

1. private DNS of the VPC's own interface endpoints, which beats the public
   answer for the same name (DNS-7, VPCE-IF-20);
2. the generated names of every interface endpoint, which resolve everywhere,
   to private addresses (VPCE-IF-19);
3. names of network interfaces, ``ip-10-0-1-10.ec2.internal``;
4. the public names of services.

Everything else does not exist.  Messages, queries and the turn of addresses are
the resolver's; this module answers one question about one name.

AWS: PrivateLink Guide, "Access an AWS service using an interface VPC endpoint";
VPC User Guide, "DNS attributes for your VPC"; RFC 1034 section 4.3.3 and RFC 4592
for wildcards.  Here the longest wildcard that covers a name answers, even if
a name between the two exists.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from emulator.model.resources import EndpointState, VpcEndpointType

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from netaddr import IPAddress

    from emulator.model.resources import NetworkInterface, Service, Subnet, Vpc, VpcEndpoint

_MAX_LABEL = 63  # RFC 1035 section 2.3.4


class Source(StrEnum):
    """Which kind of name answered."""

    PRIVATE_DNS = "private DNS"
    ENDPOINT = "endpoint name"
    INTERFACE = "interface name"
    PUBLIC = "public DNS"
    NONE = "no such name"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a name resolves to.

    ``addresses`` is None if the name does not exist.  ``record`` is the name or wildcard that answered, and ``owner``
    the endpoint, interface or service it belongs to.
    """

    addresses: tuple[IPAddress, ...] | None
    source: Source = Source.NONE
    record: str = ""
    owner: str = ""


NO_SUCH_NAME = Answer(None)


@dataclass(frozen=True, slots=True)
class Zone:
    """Everything one VPC's resolver knows.

    ``tables`` map names, and wildcards as ``*.example.com``, to answers; an earlier table beats a later one.
    ``answers`` is whether the resolver answers at all (DNS-2).
    """

    tables: tuple[Mapping[str, Answer], ...]
    answers: bool = True

    def lookup(self, name: str) -> Answer:
        """Return what ``name`` resolves to; case and a final dot make no difference."""
        name = name.lower().rstrip(".")
        for table in self.tables:
            answer = table.get(name) or _wildcard(table, name)
            if answer is not None:
                return answer
        return NO_SUCH_NAME


def _wildcard(table: Mapping[str, Answer], name: str) -> Answer | None:
    _, _, parent = name.partition(".")
    while parent:
        answer = table.get(f"*.{parent}")
        if answer is not None:
            return answer
        _, _, parent = parent.partition(".")
    return None


@dataclass(frozen=True, slots=True)
class EndpointNames:
    """The generated names of an interface endpoint: one for all its interfaces, and one per AZ."""

    regional: str
    zonal: tuple[tuple[str, str], ...]
    """(availability zone, name), in the order of the endpoint's subnets."""


def endpoint_names(endpoint: VpcEndpoint, region: str, availability_zones: Iterable[str]) -> EndpointNames:
    """Return the names generated for ``endpoint``, whose interfaces stand in these AZs (VPCE-IF-17, VPCE-IF-19)."""
    own = endpoint.vpc_endpoint_id.removeprefix("vpce-")  # the label says vpce- once
    suffix = f"-{endpoint.dns_suffix}" if endpoint.dns_suffix else ""
    parent = f"{_service_label(endpoint.service_name, region)}.{region}.vpce.amazonaws.com"
    return EndpointNames(
        regional=f"{dns_label(f'vpce-{own}', suffix)}.{parent}",
        zonal=tuple((zone, f"{dns_label(f'vpce-{own}', f'{suffix}-{zone}')}.{parent}") for zone in availability_zones),
    )


def _service_label(service_name: str, region: str) -> str:
    # A service name is a domain read backwards: com.amazonaws.us-east-1.ecr.dkr has names under dkr.ecr.us-east-1...,
    # com.amazonaws.vpce.us-east-1.vpce-svc-1 under vpce-svc-1.us-east-1... (SVC-2).
    for prefix in (f"com.amazonaws.vpce.{region}.", f"com.amazonaws.{region}."):
        service_name = service_name.removeprefix(prefix)
    return ".".join(dns_label(label) for label in reversed(service_name.split(".")))


def dns_label(text: str, tail: str = "") -> str:
    """Return a label of letters, digits and hyphens for any id a user may have chosen (RFC 1035 section 2.3.1).

    ``tail`` is kept whole where the label would get too long.
    """
    tail = re.sub(r"[^a-z0-9-]", "-", tail.lower())
    head = re.sub(r"[^a-z0-9-]", "-", text.lower())[: _MAX_LABEL - len(tail)]
    return f"{head}{tail}".strip("-") or "x"


def interface_name(address: IPAddress, region: str) -> str:
    """Return the private DNS name of an address: ``ip-10-0-1-10.ec2.internal`` in us-east-1."""
    domain = "ec2.internal" if region == "us-east-1" else f"{region}.compute.internal"
    return f"ip-{str(address).replace('.', '-')}.{domain}"


def zone_of(
    vpc: Vpc,
    endpoints: Iterable[VpcEndpoint],
    interfaces: Iterable[NetworkInterface],
    services: Iterable[Service],
    subnets: Iterable[Subnet],
) -> Zone:
    """Return the names that ``vpc`` sees.

    The other arguments are the whole network's records, of all VPCs: endpoint names resolve everywhere.
    """
    interface_of = {interface.network_interface_id: interface for interface in interfaces}
    service_of = {service.service_name: service for service in services}
    zones = {subnet.subnet_id: subnet.availability_zone for subnet in subnets}
    private: dict[str, Answer] = {}
    generated: dict[str, Answer] = {}
    for endpoint in endpoints:
        # Before it is available, and after, an endpoint has nothing to resolve to (VPCE-10).
        if endpoint.vpc_endpoint_type is VpcEndpointType.INTERFACE and endpoint.state is EndpointState.AVAILABLE:
            service = service_of.get(endpoint.service_name)
            public_names = service.private_dns_names if service else ()
            region = service.region if service else vpc.region  # an endpoint is of its service's Region (VPCE-6)
            placed = [
                (interface.private_ip_address, zones[interface.subnet_id])
                for interface in (interface_of[one] for one in endpoint.network_interface_ids)
            ]
            generated |= _generated(endpoint, region, placed, public_names)
            if _has_private_dns(endpoint, vpc):
                addresses = tuple(address for address, _ in placed)
                private |= _records(public_names, addresses, Source.PRIVATE_DNS, endpoint.vpc_endpoint_id)
    own = (interface for interface in interface_of.values() if interface.vpc_id == vpc.vpc_id)
    return Zone(
        (private, generated, _interface_records(own, vpc.region), _public(service_of.values())), vpc.enable_dns_support
    )


def _has_private_dns(endpoint: VpcEndpoint, vpc: Vpc) -> bool:
    # A private zone serves its own VPC, and needs both attributes (VPCE-IF-20, VPCE-IF-21, DNS-2).
    return (
        endpoint.private_dns_enabled
        and endpoint.vpc_id == vpc.vpc_id
        and vpc.enable_dns_support
        and vpc.enable_dns_hostnames
    )


def _generated(
    endpoint: VpcEndpoint, region: str, placed: list[tuple[IPAddress, str]], public_names: tuple[str, ...]
) -> dict[str, Answer]:
    names = endpoint_names(endpoint, region, (zone for _, zone in placed))
    by_name = {names.regional: tuple(address for address, _ in placed)}
    by_name |= {name: (address,) for (_, name), (address, _) in zip(names.zonal, placed, strict=True)}
    if any(name.startswith("*.") for name in public_names):
        # A service whose own name has names below it (S3's buckets) has them below the endpoint's as well.
        by_name |= {f"*.{name}": addresses for name, addresses in by_name.items()}
    return {
        name: Answer(addresses, Source.ENDPOINT, name, endpoint.vpc_endpoint_id) for name, addresses in by_name.items()
    }


def _records(names: Iterable[str], addresses: tuple[IPAddress, ...], source: Source, owner: str) -> dict[str, Answer]:
    lowered = (name.lower().rstrip(".") for name in names)
    return {name: Answer(addresses, source, name, owner) for name in lowered}


def _interface_records(interfaces: Iterable[NetworkInterface], region: str) -> dict[str, Answer]:
    records: dict[str, Answer] = {}
    for interface in interfaces:
        address = interface.private_ip_address
        names = (interface_name(address, region),)
        records |= _records(names, (address,), Source.INTERFACE, interface.network_interface_id)
    return records


def _public(services: Iterable[Service]) -> dict[str, Answer]:
    records: dict[str, Answer] = {}
    for service in services:
        if service.public_addresses:  # a name without an address is not known to this world
            records |= _records(
                service.private_dns_names, service.public_addresses, Source.PUBLIC, service.service_name
            )
    return records
