"""Injected faults: what is out of order, though nothing about it has changed (VPCE-3).

EMU's own verbs, for scenarios: a whole Availability Zone, one interface (an
endpoint's included), a NAT gateway, a service.  A fault is a sentence by the
name of what failed; the records stay as they are, as with a real outage, and a
packet that meets it is dropped with ``EMU_FAULT``.
"""

from __future__ import annotations

from emulator.control.errors import Ec2Error, invalid
from emulator.control.state import State, verb


class Faults(State):
    """Verbs that break things and mend them."""

    @verb
    def fail_availability_zone(self, availability_zone: str, *, message: str | None = None) -> None:
        """Take a zone down: nothing in it sends or receives."""
        self._check_zone_in_use(availability_zone)
        self._fail(availability_zone, message or f"the Availability Zone {availability_zone} has failed")

    @verb
    def restore_availability_zone(self, availability_zone: str) -> None:
        """Bring a zone back."""
        self._restore(availability_zone, "availability_zone")

    @verb
    def fail_network_interface(self, network_interface_id: str, *, message: str | None = None) -> None:
        """Take an interface down: an endpoint's in one zone, or a host's."""
        self._network_interface(network_interface_id)
        self._fail(network_interface_id, message or f"the network interface {network_interface_id} has failed")

    @verb
    def restore_network_interface(self, network_interface_id: str) -> None:
        """Bring an interface back."""
        self._restore(network_interface_id, "network_interface_id")

    @verb
    def fail_nat_gateway(self, nat_gateway_id: str, *, message: str | None = None) -> None:
        """Take a NAT gateway down; its state and the routes to it say nothing of it."""
        self._nat_gateway(nat_gateway_id)
        self._fail(nat_gateway_id, message or f"the NAT gateway {nat_gateway_id} has failed")

    @verb
    def restore_nat_gateway(self, nat_gateway_id: str) -> None:
        """Bring a NAT gateway back."""
        self._restore(nat_gateway_id, "nat_gateway_id")

    @verb
    def fail_service(self, service_name: str, *, message: str | None = None) -> None:
        """Take a service down, behind all its endpoints."""
        if service_name not in self.services:
            text = f"The Vpc Endpoint Service '{service_name}' does not exist"
            raise Ec2Error("InvalidServiceName", text, "service_name")
        self._fail(service_name, message or f"the service {service_name} has failed")

    @verb
    def restore_service(self, service_name: str) -> None:
        """Bring a service back."""
        self._restore(service_name, "service_name")

    def _check_zone_in_use(self, availability_zone: str) -> None:
        zones = sorted({subnet.availability_zone for subnet in self.subnets.values()})
        if availability_zone not in zones:
            text = f"Value ({availability_zone}) for parameter availabilityZone is invalid."
            raise invalid(f"{text} Zones with subnets are {', '.join(zones)}", "availability_zone")

    def _fail(self, name: str, message: str) -> None:
        self._put(self.failures, name, message)

    def _restore(self, name: str, parameter: str) -> None:
        if name not in self.failures:
            raise invalid(f"'{name}' has not failed", parameter)
        self._remove(self.failures, name)
