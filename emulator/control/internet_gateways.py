"""Internet gateways and Elastic IP addresses (EDGE-1).

A VPC has at most one internet gateway.  Attaching, detaching and what hangs on
it: routes to a detached gateway are blackholes (ROUTE-14), and it cannot be
detached while anything in the VPC has a public address.

AWS: VPC User Guide, "Enable internet access for a VPC using internet gateways",
"Elastic IP addresses"; EC2 API Reference, "AttachInternetGateway".
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from emulator.control.addresses import address
from emulator.control.errors import Ec2Error, invalid
from emulator.control.instances import Instances
from emulator.control.public_addresses import AUTO
from emulator.control.state import verb
from emulator.model.edges import Address, InternetGateway
from emulator.model.resources import DEFAULT_ACCOUNT, InterfaceType

if TYPE_CHECKING:
    from netaddr import IPAddress

    from emulator.model.resources import NetworkInterface


class InternetGateways(Instances):
    """Verbs on internet gateways and Elastic IP addresses."""

    @verb
    def create_internet_gateway(
        self, *, internet_gateway_id: str | None = None, vpc_id: str | None = None
    ) -> InternetGateway:
        """Create a gateway. EMU: ``vpc_id`` attaches it in the same breath."""
        name = self._new_id(self.internet_gateways, "igw", internet_gateway_id, "internet_gateway_id")
        gateway = InternetGateway(name)
        self._put(self.internet_gateways, name, gateway)
        return gateway if vpc_id is None else self._attach(gateway, vpc_id)

    @verb
    def attach_internet_gateway(self, internet_gateway_id: str, vpc_id: str) -> InternetGateway:
        """Attach a gateway; routes to it come alive."""
        return self._attach(self._internet_gateway(internet_gateway_id), vpc_id)

    def _attach(self, gateway: InternetGateway, vpc_id: str) -> InternetGateway:
        self._vpc(vpc_id)
        name = gateway.internet_gateway_id
        if gateway.vpc_id is not None:
            text = f"resource {name} is already attached to network {gateway.vpc_id}"
            raise Ec2Error("Resource.AlreadyAssociated", text, "internet_gateway_id")
        if any(other.vpc_id == vpc_id for other in self.internet_gateways.values()):
            raise invalid(f"Network {vpc_id} already has an internet gateway attached", "vpc_id")
        attached = replace(gateway, vpc_id=vpc_id)
        self._put(self.internet_gateways, name, attached)
        self._refresh_routes(name)
        return attached

    @verb
    def detach_internet_gateway(self, internet_gateway_id: str, vpc_id: str) -> InternetGateway:
        """Detach a gateway; routes to it become blackholes, its route table (ROUTE-18) is let go."""
        gateway = self._internet_gateway(internet_gateway_id)
        self._vpc(vpc_id)
        if gateway.vpc_id != vpc_id:
            text = f"resource {internet_gateway_id} is not attached to network {vpc_id}"
            raise Ec2Error("Gateway.NotAttached", text, "internet_gateway_id")
        if any(eni.public_ips for eni in self.network_interfaces.values() if eni.vpc_id == vpc_id):
            text = f"Network {vpc_id} has some mapped public address(es)."
            hint = "Please unmap those public address(es) before detaching the gateway."
            raise Ec2Error("DependencyViolation", f"{text} {hint}", "vpc_id")
        detached = replace(gateway, vpc_id=None)
        self._put(self.internet_gateways, internet_gateway_id, detached)
        self._release_gateway(internet_gateway_id)
        return detached

    @verb
    def delete_internet_gateway(self, internet_gateway_id: str) -> None:
        """Delete a detached gateway."""
        gateway = self._internet_gateway(internet_gateway_id)
        if gateway.vpc_id is not None:
            text = f"The internetGateway '{internet_gateway_id}' has dependencies and cannot be deleted."
            raise Ec2Error("DependencyViolation", f"{text} ({gateway.vpc_id})", "internet_gateway_id")
        self._remove(self.internet_gateways, internet_gateway_id)

    # -- Elastic IP addresses -----------------------------------------------------

    @verb
    def allocate_address(
        self,
        *,
        public_ip: str | None = None,
        allocation_id: str | None = None,
        owner_id: str = DEFAULT_ACCOUNT,
    ) -> Address:
        """Allocate an Elastic IP: the one given, or the lowest free one of EMU's."""
        name = self._new_id(self.addresses, "eipalloc", allocation_id, "allocation_id")
        held = Address(name, self._new_public_ip(public_ip or AUTO, "public_ip"), owner_id=owner_id)
        self._put(self.addresses, name, held)
        return held

    @verb
    def associate_address(
        self,
        allocation_id: str,
        *,
        network_interface_id: str | None = None,
        instance_id: str | None = None,
        private_ip_address: str | None = None,
        allow_reassociation: bool = True,
    ) -> Address:
        """Put an Elastic IP onto an interface, or an instance's primary one; an automatic address gives way."""
        held = self._address(allocation_id)
        interface = self._one_interface(network_interface_id, instance_id)
        parameter = "instance_id" if network_interface_id is None else "network_interface_id"
        self._check_attached_to_internet(interface.vpc_id, parameter)
        private = _own_address(interface, private_ip_address)
        present = dict(interface.public_ips).get(private)
        taken = held.network_interface_id is not None or any(
            other.public_ip == present for other in self.addresses.values()
        )
        if taken and present != held.public_ip and not allow_reassociation:
            text = f"resource {allocation_id} is already associated with associate-id {held.network_interface_id}"
            raise Ec2Error("Resource.AlreadyAssociated", text, "allocation_id")
        held = self._dissociate(held)
        self._associate_address(held, self.network_interfaces[interface.network_interface_id], private)
        return self.addresses[allocation_id]

    @verb
    def disassociate_address(self, allocation_id: str) -> Address:
        """Take an Elastic IP off; not off a NAT gateway, which keeps its own for life."""
        held = self._address(allocation_id)
        if held.network_interface_id is None:
            text = f"The association ID of '{allocation_id}' does not exist"
            raise Ec2Error("InvalidAssociationID.NotFound", text, "allocation_id")
        self._refuse_if_managed(held)
        return self._dissociate(held)

    @verb
    def release_address(self, allocation_id: str) -> None:
        """Give an Elastic IP back that is not associated."""
        held = self._address(allocation_id)
        self._refuse_if_managed(held)
        if held.network_interface_id is not None:
            text = f"Address {held.public_ip} is in use. ({held.network_interface_id})"
            raise Ec2Error("InvalidIPAddress.InUse", text, "allocation_id")
        self._remove(self.addresses, allocation_id)

    def _one_interface(self, network_interface_id: str | None, instance_id: str | None) -> NetworkInterface:
        if (network_interface_id is None) == (instance_id is None):
            code = "MissingParameter" if instance_id is None else "InvalidParameterCombination"
            raise Ec2Error(code, "Give either networkInterfaceId or instanceId")
        if network_interface_id is not None:
            interface = self._network_interface(network_interface_id)
            if interface.interface_type is not InterfaceType.NETWORK_LOAD_BALANCER:
                self._managed_by_user(network_interface_id)
            return interface
        assert instance_id is not None
        return self.network_interfaces[self._instance(instance_id).network_interface_ids[0]]

    def _refuse_if_managed(self, held: Address) -> None:
        """What a NAT gateway holds is not the user's to move."""
        eni = self.network_interfaces.get(held.network_interface_id or "")
        if eni is not None and eni.interface_type is InterfaceType.NAT_GATEWAY:
            text = f"You do not have permission to access the specified resource. ({eni.attachment})"
            raise Ec2Error("AuthFailure", text, "allocation_id")

    def _release_gateway(self, gateway_id: str) -> None:
        """Judge routes to a detached gateway anew, and let go of its route table."""
        self._refresh_routes(gateway_id)
        for table in list(self.route_tables.values()):
            if table.gateway_id == gateway_id:
                self._put(self.route_tables, table.route_table_id, replace(table, gateway_id=None))


def _own_address(interface: NetworkInterface, private_ip_address: str | None) -> IPAddress:
    if private_ip_address is None:
        return interface.private_ip_address
    private = address(private_ip_address, "private_ip_address")
    if private not in interface.private_ip_addresses:
        name = interface.network_interface_id
        raise invalid(f"The address {private} is not one of the interface {name}", "private_ip_address")
    return private
