"""Instances: hosts of the user's, running or stopped, each with its interfaces.

EMU: an instance keeps its automatic public address while it is stopped, so that
a document's address is the same after a stop and a start.

AWS: EC2 API Reference, "RunInstances", "StopInstances", "StartInstances".
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from emulator.control.errors import Ec2Error, invalid
from emulator.control.interfaces import NetworkInterfaces, tracking
from emulator.control.state import listed, verb
from emulator.model.resources import Instance, InstanceState, OperatingSystem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def operating_system_named(name: str) -> OperatingSystem:
    """Return the operating system of this name.

    Raises:
        Ec2Error: InvalidParameterValue if it is none that is modelled.
    """
    if name not in set(OperatingSystem):
        known = ", ".join(OperatingSystem)
        raise invalid(f"Value ({name}) for parameter operating_system is invalid: {known}.", "operating_system")
    return OperatingSystem(name)


class Instances(NetworkInterfaces):
    """Verbs on instances."""

    @verb
    def run_instances(
        self,
        *,
        subnet_id: str,
        instance_id: str | None = None,
        security_group_ids: str | Iterable[str] = (),
        network_interface_id: str | None = None,
        private_ip_address: str | None = None,
        secondary_private_ip_addresses: Iterable[str] = (),
        public_ip: str | None = None,
        source_dest_check: bool = True,
        connection_tracking_specification: Mapping[str, int] | None = None,
        forwards: bool = False,
        max_tracked_connections: int | None = None,
        operating_system: str = OperatingSystem.LINUX,
        application: str | None = None,
        options: Mapping[str, object] | None = None,
        iam_role: str | None = None,
    ) -> Instance:
        """Run one instance; its primary interface is ``eni-<instance>`` unless it is named.

        ``public_ip`` is its automatic public address, ``auto`` for any. EMU: ``forwards`` makes it a middlebox,
        ``max_tracked_connections`` bounds its tracked flows (SG-16), ``operating_system`` says whose TCP it speaks,
        ``application`` is the program on it, ``iam_role`` names the role of its instance profile.
        """
        subnet = self._subnet(subnet_id)
        name = self._new_id(self.instances, "i", instance_id, "instance_id")
        worn = self._groups(subnet.vpc_id, security_group_ids, "security_group_ids")
        if iam_role is not None and iam_role not in self.iam_roles:
            raise Ec2Error("NoSuchEntity", f"The role with name {iam_role} cannot be found.", "iam_role")
        if max_tracked_connections is not None and max_tracked_connections < 1:
            raise invalid("max_tracked_connections is at least 1", "max_tracked_connections")
        system = operating_system_named(operating_system)
        blamed = "instance_id" if network_interface_id is None else "network_interface_id"
        primary = self._new_id(self.network_interfaces, "eni", network_interface_id or f"eni-{name}", blamed)
        self._add_interface(
            subnet,
            primary,
            worn,
            private_ip_address,
            attachment=name,
            secondary=tuple(secondary_private_ip_addresses),
            public_ip=public_ip,
            source_dest_check=source_dest_check,
            connection_tracking=tracking(connection_tracking_specification),
        )
        instance = Instance(
            name,
            (primary,),
            forwards=forwards,
            max_tracked_connections=max_tracked_connections,
            operating_system=system,
            application=application,
            options=dict(options or {}),
            iam_role=iam_role,
        )
        self._put(self.instances, name, instance)
        return instance

    @verb
    def stop_instances(self, instance_ids: str | Iterable[str]) -> tuple[Instance, ...]:
        """Stop instances; they keep their addresses, routes to them become blackholes (ROUTE-14)."""
        return self._set_instances(instance_ids, InstanceState.STOPPED)

    @verb
    def start_instances(self, instance_ids: str | Iterable[str]) -> tuple[Instance, ...]:
        """Start stopped instances."""
        return self._set_instances(instance_ids, InstanceState.RUNNING)

    def _set_instances(self, instance_ids: str | Iterable[str], state: InstanceState) -> tuple[Instance, ...]:
        names = dict.fromkeys(listed(instance_ids))
        instances = [self._instance(name, "instance_ids", (index,)) for index, name in enumerate(names)]
        changed = tuple(replace(instance, state=state) for instance in instances)
        for instance in changed:
            self._put(self.instances, instance.instance_id, instance)
            for interface in instance.network_interface_ids:
                self._refresh_routes(interface)
        return changed

    @verb
    def terminate_instances(self, instance_ids: str | Iterable[str]) -> None:
        """End instances; primary interfaces go with them, others are left unattached; routes to them go blackhole."""
        names = dict.fromkeys(listed(instance_ids))
        instances = [self._instance(name, "instance_ids", (index,)) for index, name in enumerate(names)]
        for instance in instances:
            primary, *others = instance.network_interface_ids
            self._remove_interface(primary)
            for other in others:
                self._put(self.network_interfaces, other, replace(self.network_interfaces[other], attachment=""))
            self._remove(self.instances, instance.instance_id)
            for interface in instance.network_interface_ids:
                self._refresh_routes(interface)
