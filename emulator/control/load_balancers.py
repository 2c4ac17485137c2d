"""Network Load Balancers: one node per zone, listeners, and security groups only from birth.

A node is a network interface named ``eni-<load balancer>-<zone>``.  Load
balancers go by their names, not by ARNs.

AWS: User Guide for Network Load Balancers, "Network Load Balancers" and "Update
the security groups"; Elastic Load Balancing API Reference.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from emulator.control.errors import Ec2Error
from emulator.control.interfaces import NetworkInterfaces
from emulator.control.state import listed, verb
from emulator.control.target_groups import TargetGroups, check_port, check_protocol
from emulator.model.endpoint_services import Listener, LoadBalancer
from emulator.model.resources import EndpointState, InterfaceType
from emulator.model.settings import SECOND

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from emulator.model.endpoint_services import VpcEndpointServiceConfiguration

IDLE_TIMEOUTS: Final = (60 * SECOND, 6_000 * SECOND)
"""SVC-11: the least and the most of TCP's."""
GROUP_PROTOCOLS: Final = {"TCP": ("TCP",), "UDP": ("UDP",), "TCP_UDP": ("TCP_UDP",), "TLS": ("TCP", "TLS")}
"""A listener's protocol, and what its target group may speak."""
CONNECTED: Final = (EndpointState.PENDING_ACCEPTANCE, EndpointState.PENDING, EndpointState.AVAILABLE)
"""States in which an endpoint holds on to its service (SVC-5)."""


class LoadBalancers(TargetGroups, NetworkInterfaces):
    """Verbs of Elastic Load Balancing on Network Load Balancers."""

    @verb
    def create_load_balancer(
        self,
        load_balancer_name: str,
        *,
        subnet_ids: str | Iterable[str] = (),
        subnet_mappings: Iterable[Mapping[str, str]] = (),
        security_group_ids: str | Iterable[str] = (),
    ) -> LoadBalancer:
        """Create a Network Load Balancer in one subnet per zone.

        ``subnet_mappings`` designate addresses: ``{"subnet_id": ..., "private_ipv4_address": ...}``.  Without a
        security group now there will never be one (SVC-12).
        """
        if load_balancer_name in self.load_balancers:
            text = f"A load balancer with the same name '{load_balancer_name}' exists, but with different settings"
            raise Ec2Error("DuplicateLoadBalancerName", text, "load_balancer_name")
        name = self._new_id(self.load_balancers, "nlb", load_balancer_name, "load_balancer_name")
        subnets, mapped = listed(subnet_ids), _mapped(subnet_mappings)
        places: list[tuple[str, str, tuple[str | int, ...]]] = [
            (subnet_id, "subnet_ids", (index,)) for index, subnet_id in enumerate(subnets)
        ]
        for subnet_id, (index, _) in mapped.items():
            if subnet_id not in subnets:
                places.append((subnet_id, "subnet_mappings", (index, "subnet_id")))
        if not places:
            raise Ec2Error("ValidationError", "A load balancer has at least one subnet", "subnet_ids")
        first, parameter, path = places[0]
        vpc_id = self._subnet(first, parameter, path).vpc_id
        given = listed(security_group_ids)
        groups = self._groups(vpc_id, given, "security_group_ids") if given else ()
        balancer = LoadBalancer(name, vpc_id, (), (), groups)
        for subnet_id, parameter, path in places:
            index, host = mapped.get(subnet_id, (0, None))
            where = ("subnet_mappings", (index, "private_ipv4_address"))
            balancer = self._add_node(balancer, subnet_id, (parameter, path), host, where)
        self._put(self.load_balancers, name, balancer)
        return balancer

    def _add_node(
        self,
        balancer: LoadBalancer,
        subnet_id: str,
        place: tuple[str, tuple[str | int, ...]],
        private_ipv4_address: str | None = None,
        where: tuple[str, tuple[str | int, ...]] = ("private_ipv4_address", ()),
    ) -> LoadBalancer:
        subnet = self._subnet(subnet_id, *place)
        if subnet.vpc_id != balancer.vpc_id:
            text = f"The subnet '{subnet_id}' is not in the VPC '{balancer.vpc_id}' of the load balancer's others"
            raise Ec2Error("InvalidSubnet", text, *place)
        zone = subnet.availability_zone
        if any(self.subnets[other].availability_zone == zone for other in balancer.subnet_ids):
            text = "A load balancer cannot be attached to multiple subnets in the same Availability Zone"
            raise Ec2Error("InvalidConfigurationRequest", f"{text} ({subnet_id}, {zone})", *place)
        wanted = f"eni-{balancer.load_balancer_name}-{zone}"
        name = self._new_id(self.network_interfaces, "eni", wanted, "load_balancer_name")
        self._add_interface(
            subnet,
            name,
            balancer.security_group_ids,
            private_ipv4_address,
            attachment=balancer.load_balancer_name,
            interface_type=InterfaceType.NETWORK_LOAD_BALANCER,
            where=where,
        )
        return replace(
            balancer,
            subnet_ids=(*balancer.subnet_ids, subnet_id),
            network_interface_ids=(*balancer.network_interface_ids, name),
        )

    @verb
    def set_subnets(self, load_balancer_name: str, subnet_ids: str | Iterable[str]) -> LoadBalancer:
        """Enable further zones: the subnets it has, and more; its service offers them once it is modified (SVC-14)."""
        balancer = self._load_balancer(load_balancer_name)
        names = listed(subnet_ids)
        missing = [subnet_id for subnet_id in balancer.subnet_ids if subnet_id not in names]
        if missing:
            text = f"The subnets of a Network Load Balancer stay: {', '.join(missing)}"
            raise Ec2Error("InvalidConfigurationRequest", text, "subnet_ids")
        for index, subnet_id in enumerate(names):
            if subnet_id not in balancer.subnet_ids:
                balancer = self._add_node(balancer, subnet_id, ("subnet_ids", (index,)))
        self._put(self.load_balancers, load_balancer_name, balancer)
        return balancer

    @verb
    def set_security_groups(
        self,
        load_balancer_name: str,
        security_group_ids: str | Iterable[str],
        *,
        enforce_security_group_inbound_rules_on_private_link_traffic: bool | None = None,
    ) -> LoadBalancer:
        """Change the groups, if it was created with some, and whether they judge PrivateLink's traffic (SVC-12)."""
        balancer = self._load_balancer(load_balancer_name)
        names = listed(security_group_ids)
        if not balancer.security_group_ids:
            text = f"The load balancer '{load_balancer_name}' was created without security groups and has none for good"
            raise Ec2Error("InvalidConfigurationRequest", text, "security_group_ids")
        if not names:
            text = f"The load balancer '{load_balancer_name}' must have at least one security group"
            raise Ec2Error("InvalidConfigurationRequest", text, "security_group_ids")
        worn = self._groups(balancer.vpc_id, names, "security_group_ids")
        for name in balancer.network_interface_ids:
            self._put(self.network_interfaces, name, replace(self.network_interfaces[name], groups=worn))
        balancer = replace(balancer, security_group_ids=worn)
        enforced = enforce_security_group_inbound_rules_on_private_link_traffic
        if enforced is not None:
            balancer = replace(balancer, enforce_security_group_inbound_rules_on_private_link_traffic=enforced)
        self._put(self.load_balancers, load_balancer_name, balancer)
        return balancer

    @verb
    def modify_load_balancer_attributes(
        self, load_balancer_name: str, *, cross_zone: bool | None = None, idle_timeout: int | None = None
    ) -> LoadBalancer:
        """Change cross-zone load balancing (SVC-7), or TCP's idle timeout in nanoseconds (SVC-11).

        EMU: the timeout is the load balancer's; AWS has it on each listener.
        """
        balancer = self._load_balancer(load_balancer_name)
        if cross_zone is not None:
            balancer = replace(balancer, cross_zone=cross_zone)
        if idle_timeout is not None:
            least, most = IDLE_TIMEOUTS
            if not least <= idle_timeout <= most:
                text = f"tcp.idle_timeout.seconds is between {least // SECOND} and {most // SECOND}"
                raise Ec2Error("InvalidConfigurationRequest", text, "idle_timeout")
            balancer = replace(balancer, idle_timeout=idle_timeout)
        self._put(self.load_balancers, load_balancer_name, balancer)
        return balancer

    @verb
    def delete_load_balancer(self, load_balancer_name: str) -> None:
        """Delete a load balancer that serves no endpoint service (SVC-5, SVC-14)."""
        balancer = self._load_balancer(load_balancer_name)
        service = self._service_behind(load_balancer_name)
        if service is not None:
            self._refuse_while_connected(service, "load_balancer_name")
            text = (
                f"Load balancer '{load_balancer_name}' cannot be deleted because it is currently associated with "
                f"another service ({service.service_id})"
            )
            raise Ec2Error("ResourceInUse", text, "load_balancer_name")
        for name in balancer.network_interface_ids:
            self._remove_interface(name)
        self._remove(self.load_balancers, load_balancer_name)

    def _service_behind(self, load_balancer_name: str) -> VpcEndpointServiceConfiguration | None:
        """Return the one service of a load balancer, if it has one (SVC-1)."""
        for service in self.vpc_endpoint_service_configurations.values():
            if load_balancer_name in service.load_balancer_names:
                return service
        return None

    def _refuse_while_connected(self, service: VpcEndpointServiceConfiguration, parameter: str) -> None:
        """SVC-5: endpoints that are connected, or wait for it, must be rejected first."""
        connected = [
            endpoint.vpc_endpoint_id
            for endpoint in self.vpc_endpoints.values()
            if endpoint.service_name == service.service_name and endpoint.state in CONNECTED
        ]
        if connected:
            text = f"{service.service_id} has existing connections: {', '.join(connected)}"
            raise Ec2Error("ExistingVpcEndpointConnections", text, parameter)

    # -- listeners -------------------------------------------------------------------

    @verb
    def create_listener(
        self, load_balancer_name: str, *, port: int, protocol: str, target_group_name: str
    ) -> LoadBalancer:
        """Listen on a port and forward to a target group; TLS is passed through (EMU)."""
        balancer = self._load_balancer(load_balancer_name)
        check_port(port)
        check_protocol(protocol)
        group = self._target_group(target_group_name)
        if any(listener.port == port for listener in balancer.listeners):
            text = f"A listener already exists on this port for this load balancer '{load_balancer_name}' ({port})"
            raise Ec2Error("DuplicateListener", text, "port")
        if group.protocol not in GROUP_PROTOCOLS[protocol]:
            text = f"Listener protocol '{protocol}' is not supported with a target group of '{group.protocol}'"
            raise Ec2Error("IncompatibleProtocols", text, "protocol")
        if group.vpc_id != balancer.vpc_id:
            text = (
                f"The target group '{target_group_name}' is in {group.vpc_id}, the load balancer in {balancer.vpc_id}"
            )
            raise Ec2Error("InvalidConfigurationRequest", text, "target_group_name")
        for other in self.load_balancers.values():
            used = any(listener.target_group_name == target_group_name for listener in other.listeners)
            if used and other.load_balancer_name != load_balancer_name:
                text = f"The target group '{target_group_name}' cannot be associated with more than one load balancer"
                raise Ec2Error("TargetGroupAssociationLimit", text, "target_group_name")
        balancer = replace(balancer, listeners=(*balancer.listeners, Listener(port, protocol, target_group_name)))
        self._put(self.load_balancers, load_balancer_name, balancer)
        return balancer

    @verb
    def delete_listener(self, load_balancer_name: str, *, port: int) -> LoadBalancer:
        """Stop listening on a port."""
        balancer = self._load_balancer(load_balancer_name)
        kept = tuple(listener for listener in balancer.listeners if listener.port != port)
        if kept == balancer.listeners:
            text = f"The load balancer '{load_balancer_name}' has no listener on the port {port}"
            raise Ec2Error("ListenerNotFound", text, "port")
        balancer = replace(balancer, listeners=kept)
        self._put(self.load_balancers, load_balancer_name, balancer)
        return balancer


def _mapped(mappings: Iterable[Mapping[str, str]]) -> dict[str, tuple[int, str]]:
    """Return subnet → (position, address) of the addresses that the user designates."""
    found: dict[str, tuple[int, str]] = {}
    for index, mapping in enumerate(mappings):
        if set(mapping) != {"subnet_id", "private_ipv4_address"}:
            text = "A subnet mapping has a subnet_id and a private_ipv4_address"
            raise Ec2Error("ValidationError", text, "subnet_mappings", (index,))
        found[mapping["subnet_id"]] = (index, mapping["private_ipv4_address"])
    return found
