"""Where a question's packet begins: at a host, or at a gateway it enters by.

A host is an instance, an interface, a private address, or an external host.
Through a gateway come packets of whoever is beyond it: they bear the source
address that the question gives.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from netaddr import AddrFormatError, IPAddress

from emulator.flows.walk import INTERNET, Place, PlaceKind, origin_of
from emulator.gates.networks import contains, dotted
from emulator.topology.problems import did_you_mean

if TYPE_CHECKING:
    from emulator.control import ControlPlane
    from emulator.flows.tables import Tables
    from emulator.model.edges import ExternalHost
    from emulator.model.resources import NetworkInterface

STRANGER: Final = "203.0.113.250"
"""Who comes in by an internet gateway, unless the question says: an address for documentation (RFC 5737)."""


class BadQuestion(ValueError):  # noqa: N818 - it is the question that is at fault
    """The question names something that is not there, or asks for what cannot be asked."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a packet begins.

    Attributes:
        place: The first leg.
        address: Its source.
        asker: Who resolves names for it: an interface or external host; None for a gateway.
        outside: Whether it comes from the internet, where hosts go by their public addresses.
        sender: The interface that sent it, if it is one beyond the gateway that the packet comes in by.
    """

    place: Place
    address: int
    asker: NetworkInterface | ExternalHost | None
    outside: bool = False
    sender: str | None = None


def source_interface(plane: ControlPlane, name: str) -> NetworkInterface:
    """Return the interface that an instance, an interface id or a private address stands for.

    Raises:
        BadQuestion: if nothing has that name.
    """
    instance = plane.instances.get(name)
    if instance is not None:
        return plane.network_interfaces[instance.network_interface_ids[0]]
    eni = plane.network_interfaces.get(name)
    if eni is not None:
        return eni
    owners = [eni for eni in plane.network_interfaces.values() if name in map(str, eni.private_ip_addresses)]
    if len(owners) > 1:
        where = ", ".join(eni.network_interface_id for eni in owners)
        raise BadQuestion(f"{name} belongs to several interfaces: say which of {where}")
    if not owners:
        known = [*plane.instances, *plane.network_interfaces, *plane.external_hosts, *_gateways(plane)]
        hint = did_you_mean(name, known) or f"; instances: {', '.join(plane.instances) or 'none'}"
        raise BadQuestion(f"no instance, interface, gateway or address {name!r}{hint}")
    return owners[0]


def _gateways(plane: ControlPlane) -> list[str]:
    return [
        *plane.internet_gateways,
        *plane.vpn_gateways,
        *plane.vpn_connections,
        *plane.virtual_interfaces,
        *plane.vpc_peering_connections,
        *plane.transit_gateway_attachments,
    ]


def origin(plane: ControlPlane, tables: Tables, name: str, source_address: str | None) -> Origin:
    """Return where packets of ``name`` begin.

    Args:
        plane: The network.
        tables: Its lookup tables.
        name: A host, an interface, a private address or a gateway.
        source_address: What packets bear that come in by a gateway; for a host one of its own, by default the first.

    Raises:
        BadQuestion: if there is no such thing, or it needs a source address.
    """
    given = None if source_address is None else _address(source_address)
    host = plane.external_hosts.get(name)
    if host is not None:
        place = origin_of(tables, name)
        address = int(host.ip_address) if given is None else given
        return Origin(place, address, host, outside=host.location == INTERNET)
    if name in _gateways(plane):
        return _through(plane, tables, name, given)
    eni = source_interface(plane, name)
    address = int(eni.private_ip_address) if given is None else given
    if given is None and name in map(str, eni.private_ip_addresses):
        address = int(IPAddress(name))
    return Origin(origin_of(tables, eni.network_interface_id), address, eni)


def _address(text: str) -> int:
    try:
        return int(IPAddress(text, 4))
    except (AddrFormatError, ValueError):
        raise BadQuestion(f"source address {text!r}: give an IPv4 address") from None


def _through(plane: ControlPlane, tables: Tables, name: str, given: int | None) -> Origin:
    """Return where packets begin that come in by a gateway, a connection, a peering or an attachment."""
    if name in plane.internet_gateways:
        address = int(IPAddress(STRANGER)) if given is None else given
        return Origin(Place(PlaceKind.INTERNET_GATEWAY_IN, name), address, None, outside=True)
    if name in plane.vpn_gateways:
        behind = [one for one in tables.connections.values() if one.gateway_id == name]
        if not behind:
            raise BadQuestion(f"{name} has no VPN connection or virtual interface to come in by")
        if given is None:
            raise BadQuestion(f"--from {name} needs --source-address: whose packets come in there?")
        name = next((one for one in behind if contains(one.routes, given)), behind[0]).connection_id
    if given is None:
        raise BadQuestion(f"--from {name} needs --source-address: whose packets come in there?")
    if name in tables.connections:
        return Origin(Place(PlaceKind.CONNECTION_IN, name), given, None)
    if name in plane.transit_gateway_attachments:
        attachment = plane.transit_gateway_attachments[name]
        place = Place(PlaceKind.TRANSIT_ROUTE, f"{attachment.transit_gateway_id}/{name}")
        return Origin(place, given, None, sender=_sender(tables, attachment.resource_id, given))
    ends = tables.peerings[name].vpc_ids
    sender = next((vpc for vpc in ends if vpc in tables.vpcs and contains(tables.vpcs[vpc].cidrs, given)), None)
    if sender is None:
        raise BadQuestion(f"{dotted(given)} is an address of neither VPC of {name}")
    far = ends[1] if sender == ends[0] else ends[0]
    return Origin(Place(PlaceKind.PEER_IN, f"{name}@{far}"), given, None, sender=_sender(tables, sender, given))


def _sender(tables: Tables, vpc_id: str, address: int) -> str | None:
    eni = tables.addresses.get((vpc_id, address))
    return None if eni is None else eni.interface_id
