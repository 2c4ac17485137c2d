"""Target groups: who answers behind a Network Load Balancer, and in what health.

Health is set, not measured (EMU); SVC-7's fail-open follows from it where
packets are carried.

AWS: User Guide for Network Load Balancers, "Target groups" and "Edit target group attributes".
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from netaddr import IPNetwork

from emulator.control.addresses import address
from emulator.control.errors import Ec2Error, invalid
from emulator.control.state import State, verb
from emulator.model.endpoint_services import Target, TargetGroup, TargetHealth, TargetType

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PROTOCOLS: Final = ("TCP", "UDP", "TCP_UDP", "TLS")
KEEPS_CLIENT_ADDRESS: Final = ("UDP", "TCP_UDP")
"""SVC-8: protocols whose targets always see the client's address (PrivateLink's apart)."""
ADDRESS_SPACES: Final = tuple(
    IPNetwork(block) for block in ("10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16")
)
"""Where targets named by address may be, besides the VPC's subnets."""


class TargetGroups(State):
    """Verbs of Elastic Load Balancing on target groups."""

    @verb
    def create_target_group(
        self, target_group_name: str, *, vpc_id: str, protocol: str, port: int, target_type: str = TargetType.INSTANCE
    ) -> TargetGroup:
        """Create an empty group; whether it keeps client addresses has the default of SVC-8."""
        self._vpc(vpc_id)
        check_protocol(protocol)
        check_port(port)
        if target_type not in tuple(TargetType):
            raise Ec2Error("ValidationError", f"'{target_type}' is no target type (instance or ip)", "target_type")
        if target_group_name in self.target_groups:
            text = f"A target group with the same name '{target_group_name}' exists, but with different settings"
            raise Ec2Error("DuplicateTargetGroupName", text, "target_group_name")
        name = self._new_id(self.target_groups, "tg", target_group_name, "target_group_name")
        kept = target_type == TargetType.INSTANCE or protocol in KEEPS_CLIENT_ADDRESS
        group = TargetGroup(name, vpc_id, protocol, port, TargetType(target_type), preserve_client_ip_enabled=kept)
        self._put(self.target_groups, name, group)
        return group

    @verb
    def modify_target_group_attributes(
        self,
        target_group_name: str,
        *,
        preserve_client_ip_enabled: bool | None = None,
        proxy_protocol_v2_enabled: bool | None = None,
    ) -> TargetGroup:
        """Change attributes (SVC-8, SVC-10)."""
        group = self._target_group(target_group_name)
        if preserve_client_ip_enabled is not None:
            if group.protocol in KEEPS_CLIENT_ADDRESS and not preserve_client_ip_enabled:
                text = f"Client IP preservation cannot be turned off for the protocol {group.protocol}"
                raise Ec2Error("InvalidConfigurationRequest", text, "preserve_client_ip_enabled")
            group = replace(group, preserve_client_ip_enabled=preserve_client_ip_enabled)
        if proxy_protocol_v2_enabled is not None:
            group = replace(group, proxy_protocol_v2_enabled=proxy_protocol_v2_enabled)
        self._put(self.target_groups, target_group_name, group)
        return group

    @verb
    def register_targets(self, target_group_name: str, targets: Iterable[Mapping[str, str | int]]) -> TargetGroup:
        """Add targets, ``{"target_id": ..., "port": ...}`` each; without a port, the group's."""
        group = self._target_group(target_group_name)
        for index, given in enumerate(targets):
            target = _target(group, given, index)
            self._check_target(group, target, index)
            if not any(_same(target, other) for other in group.targets):
                group = replace(group, targets=(*group.targets, target))
        self._put(self.target_groups, target_group_name, group)
        return group

    def _check_target(self, group: TargetGroup, target: Target, index: int) -> None:
        where = "targets", (index, "target_id")
        if group.target_type is TargetType.INSTANCE:
            instance = self._instance(target.target_id, *where)
            vpcs = {self.network_interfaces[name].vpc_id for name in instance.network_interface_ids}
            if group.vpc_id not in vpcs:
                text = f"The following targets are not in the target group VPC '{group.vpc_id}': '{target.target_id}'"
                raise Ec2Error("InvalidTarget", text, *where)
            return
        host = address(target.target_id, *where)
        blocks = (*ADDRESS_SPACES, *self.vpcs[group.vpc_id].cidr_blocks)
        if not any(host in block for block in blocks):
            text = f"The IP address '{host}' is not a valid target: it is in no block of {group.vpc_id}, nor private"
            raise Ec2Error("InvalidTarget", text, *where)

    @verb
    def deregister_targets(self, target_group_name: str, targets: Iterable[Mapping[str, str | int]]) -> TargetGroup:
        """Remove targets."""
        group = self._target_group(target_group_name)
        for index, given in enumerate(targets):
            target = _target(group, given, index)
            kept = tuple(other for other in group.targets if not _same(target, other))
            if kept == group.targets:
                raise _not_registered(group, target, "targets", (index, "target_id"))
            group = replace(group, targets=kept)
        self._put(self.target_groups, target_group_name, group)
        return group

    @verb
    def set_target_health(
        self, target_group_name: str, target_id: str, health: str, *, port: int | None = None
    ) -> TargetGroup:
        """EMU: say what the health checks say of a target (SVC-7); without a port, of all its ports."""
        group = self._target_group(target_group_name)
        if health not in tuple(TargetHealth):
            raise invalid(f"'{health}' is no health of a target (healthy or unhealthy)", "health")
        meant = [one for one in group.targets if one.target_id == target_id and port in (None, one.port)]
        if not meant:
            raise _not_registered(group, Target(target_id, port or group.port), "target_id", ())
        targets = tuple(replace(one, health=TargetHealth(health)) if one in meant else one for one in group.targets)
        group = replace(group, targets=targets)
        self._put(self.target_groups, target_group_name, group)
        return group

    @verb
    def delete_target_group(self, target_group_name: str) -> None:
        """Delete a group that no listener names."""
        self._target_group(target_group_name)
        for balancer in self.load_balancers.values():
            if any(listener.target_group_name == target_group_name for listener in balancer.listeners):
                text = f"Target group '{target_group_name}' is currently in use by a listener or a rule"
                raise Ec2Error("ResourceInUse", text, "target_group_name")
        self._remove(self.target_groups, target_group_name)


def check_protocol(protocol: str, parameter: str = "protocol") -> None:
    """Refuse what no Network Load Balancer speaks."""
    if protocol not in PROTOCOLS:
        text = f"Protocol '{protocol}' is not supported; a Network Load Balancer has {', '.join(PROTOCOLS)}"
        raise Ec2Error("ValidationError", text, parameter)


def check_port(port: int, parameter: str = "port", path: tuple[str | int, ...] = ()) -> None:
    """Refuse what is no port."""
    if not 1 <= port <= 65535:
        raise Ec2Error("ValidationError", f"The port {port} is not between 1 and 65535", parameter, path)


def _target(group: TargetGroup, given: Mapping[str, str | int], index: int) -> Target:
    unknown = [key for key in given if key not in ("target_id", "port")]
    if "target_id" not in given or unknown:
        raise Ec2Error("ValidationError", "A target has a target_id and perhaps a port", "targets", (index,))
    port = int(given.get("port", group.port))
    check_port(port, "targets", (index, "port"))
    return Target(str(given["target_id"]), port)


def _same(one: Target, other: Target) -> bool:
    return (one.target_id, one.port) == (other.target_id, other.port)


def _not_registered(group: TargetGroup, target: Target, parameter: str, path: tuple[str | int, ...]) -> Ec2Error:
    text = f"The target '{target.target_id}:{target.port}' is not registered with '{group.target_group_name}'"
    return Ec2Error("InvalidTarget", text, parameter, path)
