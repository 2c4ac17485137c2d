"""Regions and Availability Zones of one network: what each Region brings, what its zones are called.

One control plane may hold VPCs of several Regions and accounts.  A Region opens
with its first VPC: S3 and DynamoDB with their prefix lists are there from then
on, for gateway endpoints (VPCE-GW-1) and interface endpoints (VPCE-4), and so
are the services of the catalogue.

Where facts end, choices begin: in us-east-1 the lists are VPCE-GW-2's.  Of other
Regions no list is known: EMU gives each a stable id and a /24 of 198.19.0.0/16
(RFC 2544's benchmarking range), to be replaced with ``register_prefix_list``.
Zones are a to z, and their ids number them (EMU: ``us-east-1a`` is ``use1-az1``
in every account; AWS shuffles them by account).

AWS: Amazon EC2 User Guide, "Regions and Zones"; VPC User Guide, "AWS-managed prefix lists".
"""

from __future__ import annotations

import functools
import hashlib
import re
from typing import TYPE_CHECKING, Final

from netaddr import IPAddress, IPNetwork

from emulator.control.catalogue import interface_services, region_place
from emulator.control.errors import invalid
from emulator.control.state import State
from emulator.model.resources import PrefixList, Service, VpcEndpointType

if TYPE_CHECKING:
    from collections.abc import Iterable

GATEWAY_SERVICES: Final = ("s3", "dynamodb")
"""VPCE-4: what gateway endpoints exist for."""

KNOWN_LISTS: Final = {  # VPCE-GW-2
    ("us-east-1", "s3"): ("pl-63a5400a", ("54.231.0.0/17", "52.216.0.0/15", "3.5.16.0/21", "3.5.0.0/20")),
    ("us-east-1", "dynamodb"): ("pl-02cd2c6b", ("52.94.0.0/22", "52.119.224.0/20")),
}

_REGION = re.compile(r"([a-z]{2})(-gov|-iso[a-z]?)?-([a-z]+)-([0-9])", re.ASCII)
_ZONE_ID = re.compile(r"[a-z]+[0-9]+(-[a-z0-9]+)*-az[0-9]+", re.ASCII)


class Regions(State):
    """What the control plane knows of Regions."""

    def open_regions(self) -> tuple[str, ...]:
        """Return the Regions of this network: the plane's own, and those that have a VPC."""
        return tuple(dict.fromkeys((self.region, *(vpc.region for vpc in self.vpcs.values()))))

    def _add_built_in_services(self) -> None:
        """Fill a new control plane; the Region was so before anyone asked, so no generation counts."""
        self._open_region(self.region)
        self._journal.clear()

    def _open_region(self, region: str) -> None:
        """Bring the services of a Region, unless they are there."""
        for service in interface_services(region):
            if service.service_name not in self.services:
                self._put(self.services, service.service_name, service)
        for short_name in GATEWAY_SERVICES:
            prefix_list = built_in_prefix_list(region, short_name)
            service = built_in_service(region, short_name, prefix_list)
            if service.service_name not in self.services:
                if prefix_list.prefix_list_id not in self.prefix_lists:
                    self._put(self.prefix_lists, prefix_list.prefix_list_id, prefix_list)
                self._put(self.services, service.service_name, service)

    def _check_region(self, region: str, parameter: str = "region") -> None:
        """EMU: any Region that looks like one exists."""
        if not _REGION.fullmatch(region):
            raise invalid(f"Invalid region '{region}' (one is called like us-east-1)", parameter)

    def _check_zone(
        self,
        availability_zone: str,
        parameter: str,
        path: tuple[str | int, ...] = (),
        *,
        region: str | None = None,
        ids: bool = False,
    ) -> None:
        """EMU: every Region has the zones a to z; where ``ids`` may stand too, any zone id will do."""
        region = region or self.region
        if re.fullmatch(rf"{re.escape(region)}[a-z]", availability_zone):
            return
        if ids and _ZONE_ID.fullmatch(availability_zone):
            return
        text = f"Value ({availability_zone}) for parameter availabilityZone is invalid."
        raise invalid(f"{text} Zones of this Region are {region}a, {region}b, ...", parameter, path)


def check_zone_id(zone_id: str, parameter: str) -> None:
    """Refuse what does not look like a zone id."""
    if not _ZONE_ID.fullmatch(zone_id):
        raise invalid(f"'{zone_id}' is no id of an Availability Zone, like use1-az1", parameter)


def zone_id(availability_zone: str) -> str:
    """Return the id of a zone, EMU's by its letter: ``use1-az1`` for ``us-east-1a`` (VPCE-IF-3)."""
    region, letter = availability_zone[:-1], availability_zone[-1]
    match = _REGION.fullmatch(region)
    assert match is not None, "a zone's name is that of its Region and a letter"
    country, kind, direction, number = match.groups()
    both = re.fullmatch(r"(north|south)(east|west)", direction)
    short = "".join(part[0] for part in (both.groups() if both else (direction,)))
    return f"{country}{'' if kind is None else kind[1]}{short}{number}-az{ord(letter) - ord('a') + 1}"


def built_in_prefix_list(region: str, short_name: str) -> PrefixList:
    """Return AWS's list for a gateway service: VPCE-GW-2's, or in other Regions EMU's stand-in."""
    name = f"com.amazonaws.{region}.{short_name}"
    known = KNOWN_LISTS.get((region, short_name))
    if known is None:
        third = region_place(region, 128) + 128 * GATEWAY_SERVICES.index(short_name)
        known = (f"pl-{hashlib.sha256(name.encode()).hexdigest()[:8]}", (f"198.19.{third}.0/24",))
    prefix_list_id, cidrs = known
    return PrefixList(prefix_list_id, name, tuple(IPNetwork(cidr) for cidr in cidrs), 1)  # weight: ROUTE-17


def built_in_service(region: str, short_name: str, prefix_list: PrefixList) -> Service:
    """Return S3 or DynamoDB: reached by gateway endpoints (VPCE-GW-1), and by interface endpoints as well (VPCE-4)."""
    host = f"{short_name}.{region}.amazonaws.com"
    return Service(
        service_name=f"com.amazonaws.{region}.{short_name}",
        region=region,
        service_types=(VpcEndpointType.GATEWAY, VpcEndpointType.INTERFACE),
        private_dns_names=(host, f"*.{host}") if short_name == "s3" else (host,),
        public_addresses=addresses_in(prefix_list.cidrs),
        prefix_list_id=prefix_list.prefix_list_id,
        application=short_name,
    )


def addresses_in(cidrs: Iterable[IPNetwork]) -> tuple[IPAddress, ...]:
    """Return one address per block, where a service's public names lead: the tenth, or the last."""
    return tuple(IPAddress(min(cidr.first + 10, cidr.last)) for cidr in cidrs)


@functools.cache
def built_in_services(region: str) -> tuple[Service, ...]:
    """Return all services of a Region in which nobody has declared anything."""
    lists = [(name, built_in_prefix_list(region, name)) for name in GATEWAY_SERVICES]
    return (*(built_in_service(region, name, listed) for name, listed in lists), *interface_services(region))
