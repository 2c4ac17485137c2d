"""Resolver inbound endpoints: where those outside of a VPC ask its resolver (DNS-5).

One network interface per address, named ``eni-<resolver endpoint>-<number from 1>``;
it wears security groups like any other, and they do filter queries to it (DNS-4).

AWS: Amazon Route 53 Resolver API Reference, "CreateResolverEndpoint"; Route 53
Developer Guide, "Forwarding inbound DNS queries to your VPCs".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from emulator.control.errors import Ec2Error, unsupported
from emulator.control.interfaces import NetworkInterfaces
from emulator.control.state import verb
from emulator.model.hosted_zones import ResolverEndpoint

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MOST_ADDRESSES: Final = 20
"""Of one endpoint; EMU: one suffices, where Route 53 wants two."""


class ResolverEndpoints(NetworkInterfaces):
    """Verbs of Route 53 Resolver on its endpoints."""

    @verb
    def create_resolver_endpoint(
        self,
        ip_addresses: Iterable[Mapping[str, str | None]],
        *,
        direction: str = "INBOUND",
        security_group_ids: str | Iterable[str] = (),
        resolver_endpoint_id: str | None = None,
    ) -> ResolverEndpoint:
        """Create an inbound endpoint.

        Args:
            ip_addresses: Each with ``subnet_id`` and, if the address is not to be picked, ``ip``; all in one VPC.
            direction: INBOUND.
            security_group_ids: EMU: without one, the VPC's default group.
            resolver_endpoint_id: An id of one's choice.
        """
        if direction in ("OUTBOUND", "INBOUND_DELEGATION"):
            raise unsupported(f"Resolver endpoints of direction {direction} are not modelled", "direction")
        if direction != "INBOUND":
            text = f"[RSLVR-00200] Direction '{direction}' is not INBOUND or OUTBOUND"
            raise Ec2Error("InvalidParameterException", text, "direction")
        places = list(ip_addresses)
        if not 1 <= len(places) <= MOST_ADDRESSES:
            text = f"A Resolver endpoint has 1 to {MOST_ADDRESSES} addresses"
            raise Ec2Error("InvalidRequestException", text, "ip_addresses")
        name = self._new_id(self.resolver_endpoints, "rslvr-in", resolver_endpoint_id, "resolver_endpoint_id")
        subnets = [
            self._subnet(str(place.get("subnet_id")), "ip_addresses", (index, "subnet_id"))
            for index, place in enumerate(places)
        ]
        vpc_id = subnets[0].vpc_id
        for index, subnet in enumerate(subnets):
            if subnet.vpc_id != vpc_id:
                text = f"The subnet {subnet.subnet_id} is not in the VPC {vpc_id} of the endpoint's other addresses"
                raise Ec2Error("InvalidRequestException", text, "ip_addresses", (index, "subnet_id"))
        groups = self._groups(vpc_id, security_group_ids, "security_group_ids")
        interfaces = []
        for index, (place, subnet) in enumerate(zip(places, subnets, strict=True)):
            eni = self._new_id(self.network_interfaces, "eni", f"eni-{name}-{index + 1}", "resolver_endpoint_id")
            where = ("ip_addresses", (index, "ip"))
            interfaces.append(self._add_interface(subnet, eni, groups, place.get("ip"), attachment=name, where=where))
        endpoint = ResolverEndpoint(
            name,
            vpc_id,
            tuple(subnet.subnet_id for subnet in subnets),
            tuple(eni.network_interface_id for eni in interfaces),
            groups,
            tuple(eni.private_ip_address for eni in interfaces),
        )
        self._put(self.resolver_endpoints, name, endpoint)
        return endpoint

    @verb
    def delete_resolver_endpoint(self, resolver_endpoint_id: str) -> None:
        """Delete an endpoint with its interfaces."""
        endpoint = self._resolver_endpoint(resolver_endpoint_id)
        for eni in endpoint.network_interface_ids:
            self._remove_interface(eni)
        self._remove(self.resolver_endpoints, resolver_endpoint_id)
