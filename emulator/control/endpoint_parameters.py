"""Parameters of VPC endpoints: which type takes which, and what shape they have.

Pure checks on what a caller gave; what the network says of it is asked by the verbs themselves.

AWS: EC2 API Reference, "CreateVpcEndpoint" (ERR-4, ERR-8, ERR-10).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from emulator.control.errors import Ec2Error, invalid, unsupported
from emulator.model.resources import VpcEndpointType

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from emulator.model.resources import VpcEndpoint

OTHER_TYPES: Final = ("GatewayLoadBalancer", "Resource", "ServiceNetwork", "Tunnel")  # VPCE-4

SubnetPlace = tuple[str, str, tuple[str | int, ...]]
"""A subnet, and the parameter and the place in it that name it."""


def endpoint_type_of(name: str) -> VpcEndpointType:
    """Return the type of that name; AWS's further types are refused by name."""
    if name in OTHER_TYPES:
        raise unsupported(f"endpoints of type {name} are not modelled", "vpc_endpoint_type")
    if name not in tuple(VpcEndpointType):
        text = f"The VPC endpoint type '{name}' is invalid (Interface or Gateway)"
        raise Ec2Error("InvalidVpcEndpointType", text, "vpc_endpoint_type")
    return VpcEndpointType(name)


def refuse_other_kind(
    kind: VpcEndpointType,
    tables: tuple[str, ...],
    subnets: tuple[str, ...],
    groups: tuple[str, ...],
    designated: dict[str, tuple[int, str]],
    *,
    private_dns: bool,
    inbound_resolver_only: bool | None = None,
    prefix: str = "",
) -> None:
    """Refuse parameters of the other endpoint type (ERR-8, ERR-10)."""
    if kind is VpcEndpointType.INTERFACE:
        if tables:
            text = "Route table IDs are only supported for Gateway type VPC Endpoint."
            raise Ec2Error("InvalidParameter", text, f"{prefix}route_table_ids")
        return
    if subnets or designated:
        parameter = f"{prefix}subnet_ids" if subnets else "subnet_configurations"
        text = "Subnet IDs are only supported for Interface and GatewayLoadBalancer type VPC Endpoints."
        raise Ec2Error("InvalidParameter", text, parameter)
    if groups:
        text = "Security group IDs are only supported for Interface type VPC Endpoint."
        raise Ec2Error("InvalidParameter", text, f"{prefix}security_group_ids")
    if private_dns:
        text = "Private DNS is only supported for Interface type VPC Endpoint."
        raise Ec2Error("InvalidParameter", text, "private_dns_enabled")
    if inbound_resolver_only is not None:
        text = "DnsOptions PrivateDnsOnlyForInboundResolverEndpoint is applicable only to Interface VPC Endpoints"
        raise Ec2Error("InvalidParameter", text, "private_dns_only_for_inbound_resolver_endpoint")


def designated_addresses(configurations: Iterable[Mapping[str, str]]) -> dict[str, tuple[int, str]]:
    """Return subnet → (position, address) of the addresses that the user designates."""
    found: dict[str, tuple[int, str]] = {}
    for index, configuration in enumerate(configurations):
        if set(configuration) != {"subnet_id", "ipv4"}:
            text = "A subnet configuration has a subnet_id and an ipv4"
            raise Ec2Error("InvalidParameter", text, "subnet_configurations", (index,))
        found[configuration["subnet_id"]] = (index, configuration["ipv4"])
    return found


def places_of(subnets: tuple[str, ...], parameter: str) -> list[SubnetPlace]:
    """Return the subnets with the places that name them."""
    return [(subnet_id, parameter, (index,)) for index, subnet_id in enumerate(subnets)]


def check_shaper(endpoint: VpcEndpoint) -> None:
    """EMU: a shaper has a rate, and room for a packet."""
    for parameter, value, least in (
        ("az_bandwidth", endpoint.az_bandwidth, 1),
        ("az_burst", endpoint.az_burst, 1),
        ("az_queue", endpoint.az_queue, 0),
    ):
        if value is not None and value < least:
            raise invalid(f"{parameter} is at least {least}", parameter)
