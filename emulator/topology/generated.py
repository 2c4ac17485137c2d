"""What may be known of a document before anything is built: names that come by themselves, and given addresses.

Works on the document as written, also where entries have mistakes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

DEFAULTS: Final = (
    ("default_route_table_association", "association_default_route_table_id"),
    ("default_route_table_propagation", "propagation_default_route_table_id"),
)
"""Of a transit gateway: whether there is a default table, and which one if it is another than its own."""

ADDRESS_KEYS: Final = (
    "private_ip_address",
    "secondary_private_ip_addresses",
    "ipv4",
    "private_ipv4_address",
    "ip",
)
"""Keys of entries, and of what is in them, whose values are addresses of subnets."""


def add_generated_names(
    names: dict[str, set[str]], data: Mapping[str, Any], region_of: Callable[[object], str]
) -> None:
    """Add to the names of each section those that come by themselves.

    Args:
        names: By section.
        data: The document.
        region_of: The Region of a VPC, or of the document's only one.
    """
    names["transit_gateway_route_tables"] |= {
        f"tgw-rtb-default-{name}"
        for name, entry in _entries(data, "transit_gateways")
        if any(entry.get(enabled, True) is True and entry.get(named) is None for enabled, named in DEFAULTS)
    }
    attached = {
        entry.get("resource_id")
        for _, entry in _entries(data, "transit_gateway_attachments")
        if entry.get("resource_type") == "vpn"
    }
    names["transit_gateway_attachments"] |= {
        f"tgw-attach-{name}"
        for name, entry in _entries(data, "vpn_connections")
        if isinstance(entry.get("transit_gateway_id"), str) and name not in attached
    }
    for section in ("vpc_endpoints", "load_balancers", "transit_gateway_attachments"):
        for name, entry in _entries(data, section):
            names["network_interfaces"] |= {
                f"eni-{name}-{zone}"
                for zone in (_entry(data, "subnets", one).get("availability_zone") for one in subnets_of(entry))
                if isinstance(zone, str)
            }
    for name, entry in _entries(data, "vpc_endpoint_service_configurations"):
        names["services"].add(f"com.amazonaws.vpce.{_service_region(data, entry, region_of)}.{name}")


def given_addresses(data: Any) -> set[str]:
    """Return every address of a subnet that a document gives to somebody, as written."""
    if isinstance(data, list):
        return {host for one in data for host in given_addresses(one)}
    if not isinstance(data, dict):
        return set()
    found = {host for value in data.values() for host in given_addresses(value)}
    for key in ADDRESS_KEYS:
        value = data.get(key)
        found |= {one for one in (value if isinstance(value, list) else [value]) if isinstance(one, str)}
    return found


def subnets_of(entry: Mapping[str, Any]) -> list[str]:
    """Return the subnets that an entry names in any of its ways."""
    found = [one for one in _list(entry, "subnet_ids") if isinstance(one, str)]
    for key in ("subnet_configurations", "subnet_mappings"):
        named = (one.get("subnet_id") for one in _list(entry, key) if isinstance(one, dict))
        found += [one for one in named if isinstance(one, str) and one not in found]
    return found


def _service_region(data: Mapping[str, Any], service: Mapping[str, Any], region_of: Callable[[object], str]) -> str:
    """Return the Region of an endpoint service: of the VPC that its first load balancer is in."""
    for name in _list(service, "load_balancer_names"):
        for subnet_id in subnets_of(_entry(data, "load_balancers", name)):
            return region_of(_entry(data, "subnets", subnet_id).get("vpc_id"))
    return region_of(None)


def _entries(data: Mapping[str, Any], section: str) -> list[tuple[str, Mapping[str, Any]]]:
    found = data.get(section)
    if not isinstance(found, dict):
        return []
    return [(name, entry) for name, entry in found.items() if isinstance(entry, dict)]


def _entry(data: Mapping[str, Any], section: str, name: object) -> Mapping[str, Any]:
    found = data.get(section)
    entry = found.get(name) if isinstance(found, dict) and isinstance(name, str) else None
    return entry if isinstance(entry, dict) else {}


def _list(entry: Mapping[str, Any], key: str) -> list[Any]:
    found = entry.get(key)
    return found if isinstance(found, list) else []
