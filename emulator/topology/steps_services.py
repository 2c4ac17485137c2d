"""The steps about endpoint services: target groups, load balancers, what they offer, and who answers.

Load balancers and the attachments of transit gateways take addresses, so they
are made among hosts and endpoints (:mod:`emulator.topology.steps_hosts`);
targets are registered when the hosts are there.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from netaddr import IPAddress

from emulator.control import Ec2Error
from emulator.control.addresses import RESERVED_HEAD
from emulator.control.endpoint_services import check_principal
from emulator.topology.build import later
from emulator.topology.generated import given_addresses
from emulator.topology.schema_services import (
    LoadBalancerEntry,
    TargetEntry,
    TargetGroupEntry,
    VpcEndpointServiceConfigurationEntry,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from emulator.topology.build import Draft

GROUPS, BALANCERS, SERVICES = "target_groups", "load_balancers", "vpc_endpoint_service_configurations"
BALANCER_LISTS = ("subnet_ids", "subnet_mappings", "security_group_ids", "listeners")
ENDPOINT_PARTS = ("service_name", "route_table_ids", "subnet_ids", "subnet_configurations", "security_group_ids")
ENFORCE = "enforce_security_group_inbound_rules_on_private_link_traffic"


def target_groups(draft: Draft) -> None:
    """Target groups with their attributes, still without targets."""
    plane = draft.plane
    for name, entry in draft.each(GROUPS, TargetGroupEntry):
        key = (GROUPS, name)
        vpc_id = draft.vpc_of(key, entry.vpc_id)
        if vpc_id is None:
            draft.broken.add(key)
            continue
        call = later(
            plane.create_target_group,
            name,
            vpc_id=vpc_id,
            protocol=entry.protocol,
            port=entry.port,
            target_type=entry.target_type,
        )
        if not draft.attempt(key, call, {"target_group_name": ()}, vital=True):
            continue
        call = later(
            plane.modify_target_group_attributes,
            name,
            preserve_client_ip_enabled=entry.preserve_client_ip_enabled,
            proxy_protocol_v2_enabled=entry.proxy_protocol_v2_enabled,
        )
        draft.attempt(key, call)


def load_balancer(draft: Draft, name: str, entry: LoadBalancerEntry) -> None:
    """One load balancer with its nodes, listeners and attributes."""
    plane, key = draft.plane, (BALANCERS, name)
    given: dict[str, Any] = {
        "load_balancer_name": name,
        "subnet_ids": entry.subnet_ids,
        "subnet_mappings": [one.model_dump() for one in entry.subnet_mappings],
        "security_group_ids": entry.security_group_ids,
    }
    given["subnet_mappings"] += _out_of_the_way(draft, entry)
    draft.create(key, plane.create_load_balancer, given, "load_balancer_name")
    if name not in plane.load_balancers:
        return
    for index, listener in enumerate(entry.listeners):
        part = ("listeners", index)
        if draft.part_works(key, *part):
            draft.attempt(key, later(plane.create_listener, name, **listener.model_dump()), None, part)
    call = later(
        plane.modify_load_balancer_attributes, name, cross_zone=entry.cross_zone, idle_timeout=entry.idle_timeout
    )
    draft.attempt(key, call)
    if not entry.enforce_security_group_inbound_rules_on_private_link_traffic:
        call = later(
            plane.set_security_groups,
            name,
            plane.load_balancers[name].security_group_ids,
            enforce_security_group_inbound_rules_on_private_link_traffic=False,
        )
        draft.attempt(key, call, {"security_group_ids": (ENFORCE,)})


def _out_of_the_way(draft: Draft, entry: LoadBalancerEntry) -> list[dict[str, str]]:
    """Return addresses for nodes whose automatic one the document gives to somebody who comes later.

    Load balancers come early, because endpoints wait for the services, and so for the load balancers, they lead to.
    """
    plane, given = draft.plane, given_addresses(draft.data)
    mapped = {one.subnet_id for one in entry.subnet_mappings}
    found: list[dict[str, str]] = []
    for subnet_id in entry.subnet_ids:
        if subnet_id in mapped or subnet_id not in plane.subnets:
            continue
        used = {
            str(host)
            for eni in plane.network_interfaces.values()
            if eni.subnet_id == subnet_id
            for host in eni.private_ip_addresses
        }
        block = plane.subnets[subnet_id].cidr_block
        hosts = (str(IPAddress(number)) for number in range(block.first + RESERVED_HEAD, block.last))
        free = [host for host in itertools.islice(hosts, len(used) + len(given) + 1) if host not in used]
        if free and free[0] in given:
            found += [{"subnet_id": subnet_id, "private_ipv4_address": host} for host in free if host not in given][:1]
    return found


def endpoint_service(draft: Draft, name: str, entry: VpcEndpointServiceConfigurationEntry) -> None:
    """One endpoint service: who may connect, and whether its private DNS name is proven."""
    plane, key = draft.plane, (SERVICES, name)
    allowed = []
    for index, principal in enumerate(entry.allowed_principals):
        call = later(check_principal, principal, "allowed_principals", (index,))
        if draft.attempt(key, call):
            allowed.append(principal)
    if not any(draft.part_works(key, "load_balancer_names", index) for index in range(len(entry.load_balancer_names))):
        draft.broken.add(key)
        return
    given: dict[str, Any] = {
        "service_id": name,
        "load_balancer_names": entry.load_balancer_names,
        "acceptance_required": entry.acceptance_required,
        "private_dns_name": entry.private_dns_name,
        "owner_id": entry.owner_id,
    }
    draft.create(key, plane.create_vpc_endpoint_service_configuration, given, "service_id")
    if name not in plane.vpc_endpoint_service_configurations:
        return
    plane.modify_vpc_endpoint_service_permissions(name, add_allowed_principals=allowed)
    if entry.private_dns_name_state != "pendingVerification":
        call = later(
            plane.start_vpc_endpoint_service_private_dns_verification,
            name,
            verified=entry.private_dns_name_state == "verified",
        )
        draft.attempt(key, call, {"service_id": ("private_dns_name_state",)})


def targets(draft: Draft) -> None:
    """Targets and their health, once the hosts are there; what stands on a broken host is left out in silence."""
    plane = draft.plane
    for name, entry in draft.each(GROUPS, TargetGroupEntry):
        for index, target in enumerate(entry.targets):
            if entry.target_type == "instance" and not _is_sound(draft, name, index, target):
                continue
            given: dict[str, str | int] = {"target_id": target.target_id}
            if target.port is not None:
                given["port"] = target.port
            call = _at(index, later(plane.register_targets, name, [given]))
            if draft.attempt((GROUPS, name), call, {"targets": ("targets",)}) and target.health != "healthy":
                port = target.port or entry.port
                plane.set_target_health(name, target.target_id, target.health, port=port)


def _is_sound(draft: Draft, name: str, index: int, target: TargetEntry) -> bool:
    """Return whether a target is an instance that was built; complain if the document has none of that name."""
    if target.target_id in draft.plane.instances or "instances" in draft.names.opaque:
        return target.target_id in draft.plane.instances
    if not draft.names.has("instances", target.target_id):
        code, message = draft.names.missing("instances", target.target_id)
        draft.complain((GROUPS, name), ("targets", index, "target_id"), message, code)
    return False


def _at(index: int, call: Callable[[], object]) -> Callable[[], object]:
    """Return a call about one element of a list whose refusal names the element's place in the whole list."""

    def one() -> object:
        try:
            return call()
        except Ec2Error as error:
            rest: Sequence[str | int] = error.path[1:]
            error.path = (index, *rest)
            raise

    return one
