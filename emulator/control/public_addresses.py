"""Public addresses: which are free, and which private address each stands for (EDGE-1).

An association is kept on the interface, where packets need it, and on the
Elastic IP's own record.  EMU: addresses that AWS would pick come from the blocks
that RFC 5737 keeps for documentation, then from one of EC2's own, the lowest
free one first, so that the same calls give the same addresses.

AWS: VPC User Guide, "Elastic IP addresses"; EC2 User Guide, "Public IPv4 addresses".
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from netaddr import IPAddress, IPNetwork

from emulator.control.addresses import address
from emulator.control.errors import Ec2Error, invalid
from emulator.control.state import State
from emulator.model.edges import INTERNET

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from emulator.model.edges import Address
    from emulator.model.resources import NetworkInterface

AUTOMATIC: Final = tuple(
    IPNetwork(block) for block in ("203.0.113.0/24", "198.51.100.0/24", "192.0.2.0/24", "44.192.0.0/16")
)
"""Where automatic public addresses come from."""

PRIVATE: Final = tuple(IPNetwork(block) for block in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"))
"""RFC 1918 and RFC 6598: never public (EDGE-1)."""

AUTO: Final = "auto"


class PublicAddresses(State):
    """Associations of private with public addresses."""

    def _new_public_ip(self, wanted: str, parameter: str) -> IPAddress:
        """Return a public address that nobody has: the one wanted, or with ``auto`` the lowest free one."""
        others = self._public_addresses_elsewhere()
        if wanted == AUTO:
            for host in automatic_addresses(others):
                if int(host) not in self._public_hosts:
                    return host
            raise Ec2Error("AddressLimitExceeded", "The maximum number of addresses has been reached.", parameter)
        host = address(wanted, parameter)
        if not is_public(host):
            raise invalid(f"Address {host} is not a public one", parameter)
        if int(host) in self._public_hosts or int(host) in others:
            raise Ec2Error("InvalidIPAddress.InUse", f"Address {host} is in use.", parameter)
        return host

    def _public_addresses_elsewhere(self) -> set[int]:
        """Return the public addresses that are not on interfaces: idle Elastic IPs, and those of others."""
        taken = {int(one.public_ip) for one in self.addresses.values()}
        taken |= {int(one.ip_address) for one in self.external_hosts.values() if one.location == INTERNET}
        taken |= {int(one.ip_address) for one in self.customer_gateways.values()}
        return taken | {int(host) for service in self.services.values() for host in service.public_addresses}

    def _with_public_ip(self, interface: NetworkInterface, private: IPAddress, public: IPAddress) -> NetworkInterface:
        """Return the interface with an association more; of one private address there is one."""
        others = tuple(pair for pair in interface.public_ips if pair[0] != private)
        return replace(interface, public_ips=(*others, (private, public)))

    def _associate_address(self, held: Address, interface: NetworkInterface, private: IPAddress) -> NetworkInterface:
        """Put an Elastic IP onto a private address, taking the place of what was there."""
        self._dissociate_from(interface.network_interface_id, private)
        interface = self.network_interfaces[interface.network_interface_id]
        interface = self._with_public_ip(interface, private, held.public_ip)
        self._put(self.network_interfaces, interface.network_interface_id, interface)
        used = replace(held, network_interface_id=interface.network_interface_id, private_ip_address=private)
        self._put(self.addresses, held.allocation_id, used)
        return interface

    def _dissociate(self, held: Address) -> Address:
        """Take an Elastic IP off its interface, if it is on one."""
        if held.network_interface_id is not None:
            interface = self.network_interfaces[held.network_interface_id]
            others = tuple(pair for pair in interface.public_ips if pair[1] != held.public_ip)
            self._put(self.network_interfaces, held.network_interface_id, replace(interface, public_ips=others))
        free = replace(held, network_interface_id=None, private_ip_address=None)
        self._put(self.addresses, held.allocation_id, free)
        return free

    def _dissociate_from(self, network_interface_id: str, private: IPAddress | None = None) -> None:
        """Take the Elastic IPs of an interface off it, or that of one of its addresses."""
        if not self.network_interfaces[network_interface_id].public_ips:
            return
        for held in list(self.addresses.values()):
            if held.network_interface_id == network_interface_id and private in (None, held.private_ip_address):
                self._dissociate(held)

    def _remove_interface(self, network_interface_id: str) -> None:
        """Remove an interface, and its fault if it has one; its Elastic IPs stay allocated."""
        self._dissociate_from(network_interface_id)
        self._remove(self.network_interfaces, network_interface_id)
        if network_interface_id in self.failures:
            self._remove(self.failures, network_interface_id)

    def _check_attached_to_internet(self, vpc_id: str, parameter: str) -> None:
        """An Elastic IP needs an internet gateway (ERR-23)."""
        if not any(gateway.vpc_id == vpc_id for gateway in self.internet_gateways.values()):
            text = f"Network {vpc_id} is not attached to any internet gateway"
            raise Ec2Error("Gateway.NotAttached", text, parameter)


def automatic_addresses(taken: Collection[int]) -> Iterator[IPAddress]:
    """Yield EMU's automatic public addresses, lowest first, but for those taken."""
    for block in AUTOMATIC:
        for number in range(block.first + 1, block.last):
            if number not in taken:
                yield IPAddress(number)


def is_public(host: IPAddress) -> bool:
    """Return whether the internet may route an address (EDGE-1)."""
    special = host.is_loopback() or host.is_link_local() or host.is_multicast() or int(host) in (0, 0xFFFFFFFF)
    return not special and not any(host in block for block in PRIVATE)
