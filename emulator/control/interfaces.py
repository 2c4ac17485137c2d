"""Network interfaces: their addresses, groups and attachments.

Addresses are given, or the lowest free one from the fifth on (EDGE-4), so that
the same calls give the same addresses.  Interfaces of endpoints, NAT gateways,
load balancers and the like are shown to users and not managed by them.

AWS: VPC User Guide, "Subnet CIDR blocks"; EC2 User Guide, "Elastic network
interfaces"; EC2 API Reference, "ConnectionTrackingSpecificationRequest".
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from netaddr import IPAddress

from emulator.control.addresses import RESERVED_HEAD, address
from emulator.control.errors import Ec2Error, invalid, unsupported
from emulator.control.public_addresses import AUTO, PublicAddresses
from emulator.control.route_states import RouteStates
from emulator.control.state import listed, verb
from emulator.model.resources import ConnectionTrackingConfiguration, InterfaceType, NetworkInterface
from emulator.model.settings import SECOND

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from emulator.model.resources import Instance, Subnet

USERS_TYPES: Final = (InterfaceType.INTERFACE, InterfaceType.LAMBDA)
"""What users create and manage; the others come with something else."""

IDLE_BOUNDS: Final = {  # SG-14, seconds
    "tcp_established_timeout": (60, 432_000),
    "udp_timeout": (30, 60),
    "udp_stream_timeout": (60, 180),
}


class NetworkInterfaces(RouteStates, PublicAddresses):
    """Verbs on network interfaces."""

    @verb
    def create_network_interface(
        self,
        subnet_id: str,
        *,
        network_interface_id: str | None = None,
        private_ip_address: str | None = None,
        secondary_private_ip_addresses: Iterable[str] = (),
        secondary_private_ip_address_count: int = 0,
        public_ip: str | None = None,
        groups: str | Iterable[str] = (),
        interface_type: str = InterfaceType.INTERFACE,
        connection_tracking_specification: Mapping[str, int] | None = None,
    ) -> NetworkInterface:
        """Create an interface that belongs to nobody yet; without groups it wears the default one (SG-2).

        ``public_ip`` is an address, or ``auto``; ``connection_tracking_specification`` is as in
        :meth:`modify_network_interface_attribute`. EMU: a ``lambda`` interface is a host by itself (SG-12).
        """
        subnet = self._subnet(subnet_id)
        kind = _users_type(interface_type)
        name = self._new_id(self.network_interfaces, "eni", network_interface_id, "network_interface_id")
        worn = self._groups(subnet.vpc_id, groups, "groups")
        return self._add_interface(
            subnet,
            name,
            worn,
            private_ip_address,
            interface_type=kind,
            secondary=tuple(secondary_private_ip_addresses),
            count=secondary_private_ip_address_count,
            public_ip=public_ip,
            connection_tracking=tracking(connection_tracking_specification),
        )

    @verb
    def attach_network_interface(self, network_interface_id: str, instance_id: str) -> Instance:
        """Give an instance one more interface, in the same Availability Zone; routes to it come alive (ROUTE-14)."""
        interface = self._managed_by_user(network_interface_id)
        instance = self._instance(instance_id)
        if interface.attachment:
            text = f"Network interface '{network_interface_id}' is currently in use. ({interface.attachment})"
            raise Ec2Error("InvalidNetworkInterface.InUse", text, "network_interface_id")
        if interface.interface_type is InterfaceType.LAMBDA:
            text = f"The network interface '{network_interface_id}' is a function's"
            raise Ec2Error("OperationNotPermitted", text, "network_interface_id")
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
        self._refresh_routes(network_interface_id)
        return grown

    @verb
    def detach_network_interface(self, network_interface_id: str) -> NetworkInterface:
        """Take a further interface from its instance; routes to it become blackholes (ROUTE-14)."""
        interface = self._managed_by_user(network_interface_id)
        instance = self.instances.get(interface.attachment)
        if instance is None:
            text = f"Network interface '{network_interface_id}' is not attached"
            raise Ec2Error("InvalidAttachmentID.NotFound", text, "network_interface_id")
        if instance.network_interface_ids[0] == network_interface_id:
            text = "The network interface at device index 0 cannot be detached"
            raise Ec2Error("OperationNotPermitted", text, "network_interface_id")
        free = replace(interface, attachment="")
        self._put(self.network_interfaces, network_interface_id, free)
        kept = tuple(name for name in instance.network_interface_ids if name != network_interface_id)
        self._put(self.instances, instance.instance_id, replace(instance, network_interface_ids=kept))
        self._refresh_routes(network_interface_id)
        return free

    @verb
    def modify_network_interface_attribute(
        self,
        network_interface_id: str,
        *,
        groups: str | Iterable[str] | None = None,
        source_dest_check: bool | None = None,
        connection_tracking_specification: Mapping[str, int] | None = None,
        associate_public_ip_address: bool | None = None,
    ) -> NetworkInterface:
        """Change one attribute, as EC2 has it.

        ``connection_tracking_specification`` gives ``tcp_established_timeout``, ``udp_timeout`` and
        ``udp_stream_timeout`` in nanoseconds; what it leaves out goes back to the default (SG-14).
        """
        interface = self._managed_by_user(network_interface_id)
        given = (groups, source_dest_check, connection_tracking_specification, associate_public_ip_address)
        if all(value is None for value in given):
            raise Ec2Error("MissingParameter", "No attributes specified.")
        if sum(value is not None for value in given) > 1:
            raise Ec2Error("InvalidParameterCombination", "Fields for multiple attribute types specified")
        if groups is not None:
            worn = self._groups(interface.vpc_id, groups, "groups")
            if not listed(groups):
                raise Ec2Error("MissingParameter", "An interface wears at least one security group", "groups")
            interface = replace(interface, groups=worn)
        elif source_dest_check is not None:
            interface = replace(interface, source_dest_check=source_dest_check)
        elif connection_tracking_specification is not None:
            interface = replace(interface, connection_tracking=tracking(connection_tracking_specification))
        elif associate_public_ip_address is not None:
            interface = self._with_automatic_address(interface, wanted=associate_public_ip_address)
        self._put(self.network_interfaces, network_interface_id, interface)
        return interface

    def _with_automatic_address(self, interface: NetworkInterface, *, wanted: bool) -> NetworkInterface:
        """Give or take the automatic public address of the primary one; an Elastic IP is left alone."""
        primary = interface.private_ip_address
        present = dict(interface.public_ips).get(primary)
        elastic = any(held.public_ip == present for held in self.addresses.values())
        if wanted and present is None:
            host = self._new_public_ip(AUTO, "associate_public_ip_address")
            return self._with_public_ip(interface, primary, host)
        if not wanted and present is not None and not elastic:
            others = tuple(pair for pair in interface.public_ips if pair[0] != primary)
            return replace(interface, public_ips=others)
        return interface

    @verb
    def assign_private_ip_addresses(
        self,
        network_interface_id: str,
        *,
        private_ip_addresses: str | Iterable[str] = (),
        secondary_private_ip_address_count: int = 0,
    ) -> NetworkInterface:
        """Give an interface further addresses of its subnet, designated or the lowest free ones."""
        interface = self._managed_by_user(network_interface_id)
        texts = listed(private_ip_addresses)
        if bool(texts) == bool(secondary_private_ip_address_count):
            code = "InvalidParameterCombination" if texts else "MissingParameter"
            raise Ec2Error(code, "Give either privateIpAddresses or secondaryPrivateIpAddressCount")
        subnet = self.subnets[interface.subnet_id]
        more = self._secondary(
            subnet, texts, secondary_private_ip_address_count, "private_ip_addresses", interface.private_ip_address
        )
        grown = replace(interface, secondary_private_ip_addresses=(*interface.secondary_private_ip_addresses, *more))
        self._put(self.network_interfaces, network_interface_id, grown)
        return grown

    @verb
    def unassign_private_ip_addresses(
        self, network_interface_id: str, private_ip_addresses: str | Iterable[str]
    ) -> NetworkInterface:
        """Take further addresses back, and Elastic IPs off them."""
        self._managed_by_user(network_interface_id)
        for index, text in enumerate(listed(private_ip_addresses)):
            host = address(text, "private_ip_addresses", (index,))
            self._dissociate_from(network_interface_id, host)
            interface = self.network_interfaces[network_interface_id]
            if host not in interface.secondary_private_ip_addresses:
                why = f"Some of the specified addresses are not assigned to interface {network_interface_id}"
                raise invalid(f"{why} ({host})", "private_ip_addresses", (index,))
            kept = tuple(one for one in interface.secondary_private_ip_addresses if one != host)
            pairs = tuple(pair for pair in interface.public_ips if pair[0] != host)
            changed = replace(interface, secondary_private_ip_addresses=kept, public_ips=pairs)
            self._put(self.network_interfaces, network_interface_id, changed)
        return self.network_interfaces[network_interface_id]

    @verb
    def delete_network_interface(self, network_interface_id: str) -> None:
        """Delete an interface that belongs to nobody; Elastic IPs stay allocated, routes become blackholes."""
        interface = self._managed_by_user(network_interface_id)
        if interface.attachment:
            text = f"Network interface '{network_interface_id}' is currently in use. ({interface.attachment})"
            raise Ec2Error("InvalidNetworkInterface.InUse", text, "network_interface_id")
        self._remove_interface(network_interface_id)
        self._refresh_routes(network_interface_id)

    # -- shared with whatever brings interfaces ------------------------------------

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
        secondary: tuple[str, ...] = (),
        count: int = 0,
        public_ip: str | None = None,
        source_dest_check: bool = True,
        connection_tracking: ConnectionTrackingConfiguration | None = None,
    ) -> NetworkInterface:
        """Store a new interface.

        ``where`` says which parameter gave its address; ``secondary`` are further addresses, ``count`` further ones
        still; ``public_ip`` is an address or ``auto``.
        """
        if private_ip_address is None:
            taken = {int(address(text, "secondary_private_ip_addresses", (i,))) for i, text in enumerate(secondary)}
            host = self._lowest_free(subnet, taken)
        else:
            host = self._checked_address(subnet, (), private_ip_address, *where)
        interface = NetworkInterface(
            name,
            subnet.subnet_id,
            subnet.vpc_id,
            host,
            groups,
            attachment,
            interface_type,
            source_dest_check=source_dest_check,
            secondary_private_ip_addresses=self._secondary(
                subnet, secondary, count, "secondary_private_ip_addresses", host
            ),
            connection_tracking=connection_tracking or ConnectionTrackingConfiguration(),
        )
        if public_ip is not None:
            interface = self._with_public_ip(interface, host, self._new_public_ip(public_ip, "public_ip"))
        self._put(self.network_interfaces, name, interface)
        return interface

    def _secondary(
        self, subnet: Subnet, texts: tuple[str, ...], count: int, parameter: str, primary: IPAddress
    ) -> tuple[IPAddress, ...]:
        """Return further addresses for an interface whose primary one is ``primary``."""
        if not texts and not count:
            return ()
        taken = {int(primary)}
        found: list[IPAddress] = []
        for index, text in enumerate(texts):
            found.append(self._checked_address(subnet, taken, text, parameter, (index,)))
            taken.add(int(found[-1]))
        for _ in range(count):
            found.append(self._lowest_free(subnet, taken))
            taken.add(int(found[-1]))
        return tuple(found)

    def _lowest_free(self, subnet: Subnet, taken: Collection[int]) -> IPAddress:
        """Return the lowest free address behind the reserved ones (EDGE-4), ``taken`` being those spoken for."""
        hosts, name = self._hosts, subnet.subnet_id
        for number in range(subnet.cidr_block.first + RESERVED_HEAD, subnet.cidr_block.last):
            if (name, number) not in hosts and number not in taken:
                return IPAddress(number)
        text = f"The specified subnet does not have enough free addresses to satisfy the request. ({name})"
        raise Ec2Error("InsufficientFreeAddressesInSubnet", text, "subnet_id")

    def _checked_address(
        self, subnet: Subnet, taken: Collection[int], text: str, parameter: str, path: tuple[str | int, ...]
    ) -> IPAddress:
        """Return a designated address if it is the subnet's and free (EDGE-4, VPCE-IF-4)."""
        host = address(text, parameter, path)
        block = subnet.cidr_block
        if host not in block:
            raise invalid(f"Address {host} does not fall within the subnet's address range ({block})", parameter, path)
        if int(host) - block.first < RESERVED_HEAD or int(host) == block.last:
            raise invalid(f"Address {host} is in subnet's reserved address range", parameter, path)
        if (subnet.subnet_id, int(host)) in self._hosts or int(host) in taken:
            raise Ec2Error("InvalidIPAddress.InUse", f"Address {host} is in use.", parameter, path)
        return host

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
        """VPCE-IF-1: users see an endpoint's interfaces and the like, and cannot manage them."""
        interface = self._network_interface(network_interface_id)
        inbound = any(network_interface_id in one.network_interface_ids for one in self.resolver_endpoints.values())
        if interface.interface_type not in USERS_TYPES or inbound:
            text = f"The network interface '{network_interface_id}' is managed by {interface.attachment}"
            raise Ec2Error("OperationNotPermitted", text, "network_interface_id")
        return interface


def tracking(specification: Mapping[str, int] | None) -> ConnectionTrackingConfiguration:
    """Return checked idle timeouts of an interface (SG-14)."""
    given = {name: value for name, value in (specification or {}).items() if value is not None}
    for name, value in given.items():
        if name not in IDLE_BOUNDS:
            text = f"A connection tracking specification has {', '.join(IDLE_BOUNDS)}, not {name}"
            raise invalid(text, "connection_tracking_specification", (name,))
        least, most = IDLE_BOUNDS[name]
        if not least * SECOND <= value <= most * SECOND:
            text = f"Value ({value / SECOND:g}s) for {name} is invalid. It must be {least} to {most} seconds."
            raise invalid(text, "connection_tracking_specification", (name,))
    return ConnectionTrackingConfiguration(**given)


def _users_type(name: str) -> InterfaceType:
    kinds = {str(kind): kind for kind in InterfaceType}
    if name in kinds and kinds[name] in USERS_TYPES:
        return kinds[name]
    if name in kinds or name in ("efa", "efa-only", "branch", "trunk", "gateway_load_balancer_endpoint"):
        raise unsupported(f"interfaces of type {name} cannot be created by themselves here", "interface_type")
    raise invalid(f"Invalid value '{name}' for InterfaceType", "interface_type")
