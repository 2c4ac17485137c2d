"""What is beyond the edges: virtual interfaces of Direct Connect, and hosts outside.

Direct Connect is another API of AWS; its verbs are called as there.  Hosts
outside are the emulator's own (EMU): on the internet with a public address, or
on premises behind a VPN connection or a virtual interface.

AWS: AWS Direct Connect API Reference, "CreatePrivateVirtualInterface".
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from emulator.control.addresses import address
from emulator.control.errors import Ec2Error, invalid
from emulator.control.instances import operating_system_named
from emulator.control.public_addresses import is_public
from emulator.control.state import verb
from emulator.control.vpn import VpnConnections, networks_behind
from emulator.model.edges import (
    INTERNET,
    ExternalHost,
    VirtualInterface,
    VirtualInterfaceState,
    VpnState,
)
from emulator.model.resources import OperatingSystem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from netaddr import IPAddress


class Outside(VpnConnections):
    """Verbs on virtual interfaces and external hosts."""

    @verb
    def create_private_virtual_interface(
        self, virtual_gateway_id: str, *, routes: Iterable[str] = (), virtual_interface_id: str | None = None
    ) -> VirtualInterface:
        """Create a private virtual interface on a virtual private gateway; ``routes`` are advertised by BGP."""
        self._vpn_gateway(virtual_gateway_id, "virtual_gateway_id")
        name = self._new_id(self.virtual_interfaces, "dxvif", virtual_interface_id, "virtual_interface_id")
        interface = VirtualInterface(name, virtual_gateway_id, routes=networks_behind(routes))
        self._put(self.virtual_interfaces, name, interface)
        return interface

    @verb
    def delete_virtual_interface(self, virtual_interface_id: str) -> VirtualInterface:
        """Delete a virtual interface; its record stays as ``deleted``."""
        interface = self._virtual_interface(virtual_interface_id)
        self._refuse_hosts_behind(virtual_interface_id)
        return self._put_virtual_interface(replace(interface, state=VirtualInterfaceState.DELETED))

    @verb
    def set_virtual_interface_state(self, virtual_interface_id: str, state: str) -> VirtualInterface:
        """EMU: put a virtual interface into another of its states, such as ``down``."""
        interface = self._virtual_interface(virtual_interface_id)
        if state not in tuple(VirtualInterfaceState):
            raise invalid(f"Value ({state}) for parameter state is invalid.", "state")
        return self._put_virtual_interface(replace(interface, state=VirtualInterfaceState(state)))

    @verb
    def set_virtual_interface_routes(self, virtual_interface_id: str, routes: Iterable[str]) -> VirtualInterface:
        """EMU: change what the far side advertises."""
        interface = self._virtual_interface(virtual_interface_id)
        return self._put_virtual_interface(replace(interface, routes=networks_behind(routes)))

    def _put_virtual_interface(self, interface: VirtualInterface) -> VirtualInterface:
        self._put(self.virtual_interfaces, interface.virtual_interface_id, interface)
        return interface

    # -- hosts ------------------------------------------------------------------------

    @verb
    def register_external_host(
        self,
        ip_address: str,
        *,
        external_host_id: str | None = None,
        location: str = INTERNET,
        resolver_ip_address: str | None = None,
        application: str | None = None,
        options: Mapping[str, object] | None = None,
        operating_system: str = OperatingSystem.LINUX,
    ) -> ExternalHost:
        """EMU: put a host beyond an edge: on the ``internet``, or behind a VPN connection or a virtual interface."""
        host = address(ip_address, "ip_address")
        self._check_location(location)
        if location == INTERNET:
            self._check_internet_address(host)
        for other in self.external_hosts.values():
            if other.location == location and other.ip_address == host:
                text = f"Address {host} is in use. ({other.external_host_id})"
                raise Ec2Error("InvalidIPAddress.InUse", text, "ip_address")
        resolver = None if resolver_ip_address is None else address(resolver_ip_address, "resolver_ip_address")
        name = self._new_id(self.external_hosts, "host", external_host_id, "external_host_id")
        system = operating_system_named(operating_system)
        registered = ExternalHost(name, host, location, resolver, application, dict(options or {}), system)
        self._put(self.external_hosts, name, registered)
        return registered

    @verb
    def deregister_external_host(self, external_host_id: str) -> None:
        """EMU: take a host away."""
        if external_host_id not in self.external_hosts:
            raise invalid(f"The external host '{external_host_id}' does not exist", "external_host_id")
        self._remove(self.external_hosts, external_host_id)

    def _check_location(self, location: str) -> None:
        connection = self.vpn_connections.get(location)
        interface = self.virtual_interfaces.get(location)
        alive = (connection is not None and connection.state is not VpnState.DELETED) or (
            interface is not None and interface.state is not VirtualInterfaceState.DELETED
        )
        if location != INTERNET and not alive:
            text = f"'{location}' is neither {INTERNET} nor a VPN connection or virtual interface"
            raise invalid(text, "location")

    def _check_internet_address(self, host: IPAddress) -> None:
        """Who is on the internet has an address that it routes, and that no VPC has."""
        if not is_public(host):
            raise invalid(f"Address {host} is not a public one: nobody on the internet has it (EDGE-1)", "ip_address")
        held = any(one.public_ip == host for one in self.addresses.values())
        if held or int(host) in self._public_hosts:
            raise Ec2Error("InvalidIPAddress.InUse", f"Address {host} is in use.", "ip_address")
