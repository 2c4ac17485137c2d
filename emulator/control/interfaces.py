"""Network interfaces and instances: addresses and groups.

Addresses are given, or the lowest free one from the fifth on (EDGE-4), so that
the same calls give the same addresses.

AWS: VPC User Guide, "Subnet CIDR blocks"; EC2 User Guide, "Elastic network interfaces".
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from netaddr import IPAddress

from emulator.control.addresses import RESERVED_HEAD, address
from emulator.control.errors import Ec2Error, invalid
from emulator.control.state import State, listed, verb
from emulator.model.resources import Instance, InterfaceType, NetworkInterface

if TYPE_CHECKING:
    from collections.abc import Iterable

    from emulator.model.resources import Subnet


class NetworkInterfaces(State):
    """Verbs on network interfaces and instances."""

    @verb
    def create_network_interface(
        self,
        subnet_id: str,
        *,
        network_interface_id: str | None = None,
        private_ip_address: str | None = None,
        groups: str | Iterable[str] = (),
    ) -> NetworkInterface:
        """Create an interface that belongs to nobody yet; without groups it wears the default one (SG-2)."""
        subnet = self._subnet(subnet_id)
        name = self._new_id(self.network_interfaces, "eni", network_interface_id, "network_interface_id")
        worn = self._groups(subnet.vpc_id, groups, "groups")
        return self._add_interface(subnet, name, worn, private_ip_address)

    @verb
    def attach_network_interface(self, network_interface_id: str, instance_id: str) -> Instance:
        """Give an instance one more interface, in the same Availability Zone."""
        interface = self._network_interface(network_interface_id)
        instance = self._instance(instance_id)
        if interface.attachment:
            text = f"Network interface '{network_interface_id}' is currently in use. ({interface.attachment})"
            raise Ec2Error("InvalidNetworkInterface.InUse", text, "network_interface_id")
        zones = {
            self.subnets[self.network_interfaces[name].subnet_id].availability_zone
            for name in (network_interface_id, *instance.network_interface_ids)
        }
        if len(zones) > 1:
            text = "You may not attach a network interface to an instance if they are not in the same availability zone"
            raise Ec2Error("InvalidParameterCombination", text, "instance_id")
        self._put(self.network_interfaces, network_interface_id, replace(interface, attachment=instance_id))
        grown = replace(instance, network_interface_ids=(*instance.network_interface_ids, network_interface_id))
        self._put(self.instances, instance_id, grown)
        return grown

    @verb
    def modify_network_interface_attribute(
        self,
        network_interface_id: str,
        *,
        groups: str | Iterable[str] | None = None,
        source_dest_check: bool | None = None,
    ) -> NetworkInterface:
        """Change groups or the source/destination check, one at a time as EC2 has it."""
        interface = self._managed_by_user(network_interface_id)
        if (groups is None) == (source_dest_check is None):
            if groups is None:
                raise Ec2Error("MissingParameter", "No attributes specified.")
            raise Ec2Error("InvalidParameterCombination", "Fields for multiple attribute types specified")
        if groups is not None:
            worn = self._groups(interface.vpc_id, groups, "groups")
            if not listed(groups):
                raise Ec2Error("MissingParameter", "An interface wears at least one security group", "groups")
            interface = replace(interface, groups=worn)
        elif source_dest_check is not None:
            interface = replace(interface, source_dest_check=source_dest_check)
        self._put(self.network_interfaces, network_interface_id, interface)
        return interface

    @verb
    def delete_network_interface(self, network_interface_id: str) -> None:
        """Delete an interface that belongs to nobody."""
        interface = self._managed_by_user(network_interface_id)
        if interface.attachment:
            text = f"Network interface '{network_interface_id}' is currently in use. ({interface.attachment})"
            raise Ec2Error("InvalidNetworkInterface.InUse", text, "network_interface_id")
        self._remove(self.network_interfaces, network_interface_id)

    @verb
    def run_instances(
        self,
        *,
        subnet_id: str,
        instance_id: str | None = None,
        security_group_ids: str | Iterable[str] = (),
        private_ip_address: str | None = None,
    ) -> Instance:
        """Run one instance; its primary interface is ``eni-<instance>``."""
        subnet = self._subnet(subnet_id)
        name = self._new_id(self.instances, "i", instance_id, "instance_id")
        worn = self._groups(subnet.vpc_id, security_group_ids, "security_group_ids")
        primary = self._new_id(self.network_interfaces, "eni", f"eni-{name}", "instance_id")
        self._add_interface(subnet, primary, worn, private_ip_address, attachment=name)
        instance = Instance(name, (primary,))
        self._put(self.instances, name, instance)
        return instance

    @verb
    def terminate_instances(self, instance_ids: str | Iterable[str]) -> None:
        """End instances; primary interfaces go with them, others are left unattached."""
        names = dict.fromkeys(listed(instance_ids))
        instances = [self._instance(name, "instance_ids", (index,)) for index, name in enumerate(names)]
        for instance in instances:
            primary, *others = instance.network_interface_ids
            self._remove(self.network_interfaces, primary)
            for other in others:
                self._put(self.network_interfaces, other, replace(self.network_interfaces[other], attachment=""))
            self._remove(self.instances, instance.instance_id)

    # -- shared with endpoints ---------------------------------------------------

    def _add_interface(
        self,
        subnet: Subnet,
        name: str,
        groups: tuple[str, ...],
        private_ip_address: str | None,
        *,
        attachment: str = "",
        interface_type: InterfaceType = InterfaceType.INTERFACE,
        where: tuple[str, tuple[str | int, ...]] = ("private_ip_address", ()),
    ) -> NetworkInterface:
        """Store a new interface; ``where`` says which parameter gave its address."""
        used = {eni.private_ip_address for eni in self.network_interfaces.values() if eni.subnet_id == subnet.subnet_id}
        if private_ip_address is None:
            host = _lowest_free(subnet, used)
        else:
            host = _checked_address(subnet, used, private_ip_address, *where)
        interface = NetworkInterface(name, subnet.subnet_id, subnet.vpc_id, host, groups, attachment, interface_type)
        self._put(self.network_interfaces, name, interface)
        return interface

    def _groups(self, vpc_id: str, group_ids: str | Iterable[str], parameter: str) -> tuple[str, ...]:
        """Return the groups to wear: those given, else the VPC's default one (SG-2, SG-6)."""
        names = listed(group_ids)
        for index, name in enumerate(names):
            group = self._security_group(name, parameter, (index,))
            if group.vpc_id != vpc_id:
                text = f"The security group '{name}' does not exist in VPC '{vpc_id}'"
                raise Ec2Error("InvalidGroup.NotFound", text, parameter, (index,))
            if name in names[:index]:
                raise invalid(f"The security group '{name}' appears twice", parameter, (index,))
        if len(names) > self.settings.groups_per_interface:
            limit = self.settings.groups_per_interface
            text = f"The maximum number of security groups per interface has been reached. ({limit})"
            raise Ec2Error("SecurityGroupsPerInterfaceLimitExceeded", text, parameter)
        return names or (self.vpcs[vpc_id].default_security_group_id,)

    def _managed_by_user(self, network_interface_id: str) -> NetworkInterface:
        """VPCE-IF-1: users see an endpoint's interfaces and cannot manage them."""
        interface = self._network_interface(network_interface_id)
        if interface.interface_type is InterfaceType.VPC_ENDPOINT:
            text = f"The network interface '{network_interface_id}' is managed by {interface.attachment}"
            raise Ec2Error("OperationNotPermitted", text, "network_interface_id")
        return interface


def _lowest_free(subnet: Subnet, used: set[IPAddress]) -> IPAddress:
    """Return the lowest free address behind the reserved ones (EDGE-4)."""
    taken = {int(host) for host in used}
    for number in range(subnet.cidr_block.first + RESERVED_HEAD, subnet.cidr_block.last):
        if number not in taken:
            return IPAddress(number)
    text = f"The specified subnet does not have enough free addresses to satisfy the request. ({subnet.subnet_id})"
    raise Ec2Error("InsufficientFreeAddressesInSubnet", text, "subnet_id")


def _checked_address(
    subnet: Subnet, used: set[IPAddress], text: str, parameter: str, path: tuple[str | int, ...]
) -> IPAddress:
    """Return a designated address if it is the subnet's and free (EDGE-4, VPCE-IF-4)."""
    host = address(text, parameter, path)
    block = subnet.cidr_block
    if host not in block:
        raise invalid(f"Address {host} does not fall within the subnet's address range ({block})", parameter, path)
    if int(host) - block.first < RESERVED_HEAD or int(host) == block.last:
        raise invalid(f"Address {host} is in subnet's reserved address range", parameter, path)
    if host in used:
        raise Ec2Error("InvalidIPAddress.InUse", f"Address {host} is in use.", parameter, path)
    return host
