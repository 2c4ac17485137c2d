"""NAT gateways: an interface with up to eight addresses, each with its Elastic IP (NAT-1 to NAT-3).

The interface is called ``eni-<nat gateway>`` unless it is named; it wears no
security group (NAT-3) and goes with the gateway.  The gateway's record stays, as
``deleted``, and routes to it as blackholes (ROUTE-14).

AWS: VPC User Guide, "NAT gateway basics"; EC2 API Reference, "CreateNatGateway".
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from emulator.control.errors import Ec2Error, invalid
from emulator.control.internet_gateways import InternetGateways
from emulator.control.public_addresses import AUTO
from emulator.control.route_states import ENDED_NAT
from emulator.control.state import listed, verb
from emulator.model.edges import Address, ConnectivityType, NatGateway, NatGatewayState
from emulator.model.resources import InterfaceType

if TYPE_CHECKING:
    from collections.abc import Iterable

    from emulator.model.resources import NetworkInterface, Subnet

ADDRESSES_PER_GATEWAY: Final = 8  # NAT-2


class NatGateways(InternetGateways):
    """Verbs on NAT gateways."""

    @verb
    def create_nat_gateway(
        self,
        subnet_id: str,
        *,
        connectivity_type: str = ConnectivityType.PUBLIC,
        allocation_ids: str | Iterable[str] = (),
        private_ip_address: str | None = None,
        secondary_private_ip_addresses: Iterable[str] = (),
        secondary_private_ip_address_count: int = 0,
        nat_gateway_id: str | None = None,
        network_interface_id: str | None = None,
        public_ips: Iterable[str] = (),
        state: str = NatGatewayState.AVAILABLE,
    ) -> NatGateway:
        """Create a NAT gateway, available at once unless ``state`` says else (EMU, for networks read from an account).

        Of a public one each private address takes one of ``allocation_ids``, in order; private addresses that are
        not designated are the subnet's lowest free ones. EMU: without any, Elastic IPs called ``eipalloc-<nat
        gateway>`` (``...-2`` and so on) are allocated for it, with ``public_ips`` or the lowest free addresses; they
        stay when it is deleted.
        """
        subnet = self._subnet(subnet_id)
        kind = _connectivity(connectivity_type)
        allocations = listed(allocation_ids)
        secondary = tuple(secondary_private_ip_addresses)
        if kind is ConnectivityType.PRIVATE and allocations:
            text = "You cannot specify an Elastic IP address (AllocationId) with a private NAT gateway"
            raise Ec2Error("InvalidParameterCombination", text, "allocation_ids")
        found = _state(state)
        if kind is ConnectivityType.PUBLIC and found not in ENDED_NAT:
            self._check_attached_to_internet(subnet.vpc_id, "subnet_id")
        for index, one in enumerate(allocations):
            if one in allocations[:index]:
                raise invalid(f"The allocation ID '{one}' appears twice", "allocation_ids", (index,))
        held = [self._free_address(one, index) for index, one in enumerate(allocations)]
        size = max(1 + len(secondary) + secondary_private_ip_address_count, len(held))
        if size > ADDRESSES_PER_GATEWAY:
            text = f"A NAT gateway has at most {ADDRESSES_PER_GATEWAY} addresses, not {size}"
            raise Ec2Error("NatGatewayLimitExceeded", text)
        if held and len(held) < size:
            text = f"The NAT gateway has {size} private addresses and only {len(held)} Elastic IP addresses"
            raise Ec2Error("MissingParameter", text, "allocation_ids")
        name = self._new_id(self.nat_gateways, "nat", nat_gateway_id, "nat_gateway_id")
        interface = self._nat_interface(subnet, name, network_interface_id, private_ip_address, secondary, size)
        if held or (kind is ConnectivityType.PUBLIC and found not in ENDED_NAT):
            self._give_public_addresses(
                interface, held or self._allocate_for(name, size, subnet.vpc_id, tuple(public_ips))
            )
        gateway = NatGateway(name, subnet.vpc_id, subnet_id, interface.network_interface_id, kind, found)
        self._put(self.nat_gateways, name, gateway)
        self._refresh_routes(name)
        return self._end_nat_gateway(gateway) if found is NatGatewayState.DELETED else gateway

    def _free_address(self, allocation_id: str, index: int) -> Address:
        held = self._address(allocation_id, "allocation_ids", (index,))
        if held.network_interface_id is not None:
            text = f"Elastic IP address [{allocation_id}] is already associated"
            raise Ec2Error("Resource.AlreadyAssociated", text, "allocation_ids", (index,))
        return held

    def _nat_interface(
        self,
        subnet: Subnet,
        name: str,
        network_interface_id: str | None,
        private_ip_address: str | None,
        secondary: tuple[str, ...],
        size: int,
    ) -> NetworkInterface:
        blamed = "nat_gateway_id" if network_interface_id is None else "network_interface_id"
        wanted = network_interface_id or f"eni-{name}"
        return self._add_interface(
            subnet,
            self._new_id(self.network_interfaces, "eni", wanted, blamed),
            (),
            private_ip_address,
            attachment=name,
            interface_type=InterfaceType.NAT_GATEWAY,
            secondary=secondary,
            count=size - 1 - len(secondary),
            source_dest_check=False,
        )

    def _allocate_for(self, name: str, size: int, vpc_id: str, public_ips: tuple[str, ...]) -> list[Address]:
        """Allocate Elastic IPs for a public gateway that was given none."""
        found = []
        for number in range(1, size + 1):
            wanted = f"eipalloc-{name}" if number == 1 else f"eipalloc-{name}-{number}"
            allocation = self._new_id(self.addresses, "eipalloc", wanted, "nat_gateway_id")
            given = public_ips[number - 1] if number <= len(public_ips) else AUTO
            public = self._new_public_ip(given, "public_ips")
            held = Address(allocation, public, owner_id=self.vpcs[vpc_id].owner_id)
            self._put(self.addresses, allocation, held)
            found.append(held)
        return found

    def _give_public_addresses(self, interface: NetworkInterface, held: list[Address]) -> None:
        for private, one in zip(interface.private_ip_addresses, held, strict=True):
            self._associate_address(one, interface, private)

    @verb
    def delete_nat_gateway(self, nat_gateway_id: str) -> NatGateway:
        """Delete a NAT gateway: its interface goes, its Elastic IPs stay allocated, routes to it become blackholes."""
        gateway = self._nat_gateway(nat_gateway_id)
        if gateway.state is NatGatewayState.DELETED:
            raise Ec2Error("NatGatewayNotFound", f"The Nat Gateway {nat_gateway_id} was not found", "nat_gateway_id")
        return self._end_nat_gateway(gateway)

    @verb
    def set_nat_gateway_state(self, nat_gateway_id: str, state: str) -> NatGateway:
        """EMU: put a NAT gateway into another of its states; a deleted one stays deleted."""
        gateway = self._nat_gateway(nat_gateway_id)
        wanted = _state(state)
        if gateway.state is NatGatewayState.DELETED:
            raise Ec2Error("NatGatewayNotFound", f"The Nat Gateway {nat_gateway_id} was not found", "nat_gateway_id")
        if wanted is NatGatewayState.DELETED:
            return self._end_nat_gateway(gateway)
        changed = replace(gateway, state=wanted)
        self._put(self.nat_gateways, nat_gateway_id, changed)
        self._refresh_routes(nat_gateway_id)
        return changed

    def _end_nat_gateway(self, gateway: NatGateway) -> NatGateway:
        ended = replace(gateway, state=NatGatewayState.DELETED)
        if gateway.nat_gateway_id in self.failures:
            self._remove(self.failures, gateway.nat_gateway_id)
        self._remove_interface(gateway.network_interface_id)
        self._put(self.nat_gateways, gateway.nat_gateway_id, ended)
        self._refresh_routes(gateway.nat_gateway_id)
        return ended


def _connectivity(name: str) -> ConnectivityType:
    if name not in tuple(ConnectivityType):
        raise invalid(f"Value ({name}) for parameter connectivityType is invalid.", "connectivity_type")
    return ConnectivityType(name)


def _state(name: str) -> NatGatewayState:
    if name not in tuple(NatGatewayState):
        raise invalid(f"Value ({name}) for parameter state is invalid.", "state")
    return NatGatewayState(name)
