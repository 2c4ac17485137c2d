"""The steps about what takes an address: instances, interfaces, NAT gateways and endpoints.

Given addresses come first, whatever takes them, so that no automatic one is in
their way; within that, by kind and by id, so that shuffling a document changes
nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from emulator.topology import schema
from emulator.topology.build import later, natural
from emulator.topology.fields import in_order
from emulator.topology.schema_edges import NatGatewayEntry, TransitGatewayAttachmentEntry
from emulator.topology.schema_services import LoadBalancerEntry, VpcEndpointServiceConfigurationEntry
from emulator.topology.steps_edges import nat_gateway
from emulator.topology.steps_identities import policy_text
from emulator.topology.steps_services import BALANCER_LISTS, ENDPOINT_PARTS, endpoint_service, load_balancer
from emulator.topology.steps_transit import LATER, vpc_attachment

if TYPE_CHECKING:
    from collections.abc import Callable

    from emulator.topology.build import Draft
    from emulator.topology.documents import KeyPath

PARTLY_GIVEN, AUTOMATIC = 10, 20
"""What ranks whoever has only secondary addresses given, or none, behind those who have."""

TRACKING: Final[dict[str, KeyPath]] = {"connection_tracking_specification": ("connection_tracking",)}


def hosts_and_endpoints(draft: Draft) -> None:
    """Everything that takes an address: given addresses first, so that no automatic one is in their way."""
    waiting: list[tuple[int, tuple[tuple[int, int, str], ...], Callable[[], None]]] = []

    def wait(rank: int, given: object, name: str, call: Callable[[], None], also: object = ()) -> None:
        later_by = 0 if given else PARTLY_GIVEN if also else AUTOMATIC
        waiting.append((rank + later_by, natural(name), call))

    for name, instance in draft.each("instances", schema.InstanceEntry, apart_from=("security_group_ids",)):
        wait(
            0,
            instance.private_ip_address,
            name,
            later(_run_instance, draft, name, instance),
            instance.secondary_private_ip_addresses,
        )
    apart = ("instance_id", "groups")
    for name, eni in draft.each("network_interfaces", schema.NetworkInterfaceEntry, apart_from=apart):
        wait(
            1,
            eni.private_ip_address,
            name,
            later(_create_interface, draft, name, eni),
            eni.secondary_private_ip_addresses,
        )
    for name, nat in draft.each("nat_gateways", NatGatewayEntry, apart_from=("allocation_ids",)):
        wait(2, nat.private_ip_address, name, later(nat_gateway, draft, name, nat), nat.secondary_private_ip_addresses)
    for name, balancer in draft.each("load_balancers", LoadBalancerEntry, apart_from=BALANCER_LISTS):
        wait(4, True, name, later(load_balancer, draft, name, balancer))
    offered = "vpc_endpoint_service_configurations"
    for name, service in draft.each(offered, VpcEndpointServiceConfigurationEntry, apart_from=("load_balancer_names",)):
        wait(5, True, name, later(endpoint_service, draft, name, service))
    for name, endpoint in draft.each("vpc_endpoints", schema.VpcEndpointEntry, apart_from=ENDPOINT_PARTS):
        if endpoint.vpc_endpoint_type == "Gateway":  # an interface endpoint may need one beside it (ERR-10)
            wait(3, True, name, later(_create_endpoint, draft, name, endpoint))
        else:
            wait(6, endpoint.subnet_configurations, name, later(_create_endpoint, draft, name, endpoint))
    section, parts = "transit_gateway_attachments", ("resource_id", *LATER)
    for name, attachment in draft.each(section, TransitGatewayAttachmentEntry, apart_from=parts):
        if attachment.resource_type == "vpc":
            wait(7, None, name, later(vpc_attachment, draft, name, attachment))
    for _, _, call in sorted(waiting, key=lambda one: one[:2]):
        call()
    for name, eni in draft.each("network_interfaces", schema.NetworkInterfaceEntry):
        if eni.instance_id is not None:
            call = later(draft.plane.attach_network_interface, name, eni.instance_id)
            draft.attempt(("network_interfaces", name), call)
    for name, instance in draft.each("instances", schema.InstanceEntry):
        if instance.state == "stopped":
            draft.attempt(("instances", name), later(draft.plane.stop_instances, name))


def _host_values(draft: Draft, entry: schema.InstanceEntry | schema.NetworkInterfaceEntry) -> dict[str, Any]:
    """Return what instances and interfaces have in common."""
    public = entry.public_ip
    if public == "auto":
        public = str(next(draft.public_addresses))
    tracking = entry.connection_tracking
    return {
        "subnet_id": entry.subnet_id,
        "private_ip_address": entry.private_ip_address,
        "secondary_private_ip_addresses": entry.secondary_private_ip_addresses,
        "public_ip": public,
        "connection_tracking_specification": None if tracking is None else tracking.model_dump(exclude_none=True),
    }


def _run_instance(draft: Draft, name: str, entry: schema.InstanceEntry) -> None:
    given = _host_values(draft, entry) | {
        "instance_id": name,
        "security_group_ids": entry.security_group_ids,
        "network_interface_id": entry.network_interface_id,
        "source_dest_check": entry.source_dest_check,
        "forwards": entry.forwards,
        "max_tracked_connections": entry.max_tracked_connections,
        "operating_system": entry.operating_system,
        "application": entry.application,
        "options": in_order(entry.options),
        "iam_role": entry.iam_role,
    }
    draft.create(("instances", name), draft.plane.run_instances, given, "instance_id", TRACKING)


def _create_interface(draft: Draft, name: str, entry: schema.NetworkInterfaceEntry) -> None:
    plane, key = draft.plane, ("network_interfaces", name)
    given = _host_values(draft, entry) | {
        "network_interface_id": name,
        "groups": entry.groups,
        "interface_type": entry.interface_type,
    }
    created = draft.create(key, plane.create_network_interface, given, "network_interface_id", TRACKING)
    if created and not entry.source_dest_check:
        plane.modify_network_interface_attribute(name, source_dest_check=False)


def _create_endpoint(draft: Draft, name: str, entry: schema.VpcEndpointEntry) -> None:
    key = ("vpc_endpoints", name)
    vpc_id = draft.vpc_of(key, entry.vpc_id)
    if vpc_id is None or not draft.part_works(key, "service_name"):
        draft.broken.add(key)
        return
    options: dict[str, Any] = {"az_bandwidth": entry.az_bandwidth, "az_burst": entry.az_burst}
    given = {parameter: value for parameter, value in options.items() if value is not None}
    if entry.az_queue is not None:
        kind, amount = entry.az_queue
        usual = draft.plane.settings.interface_endpoint_bandwidth
        rate = usual if entry.az_bandwidth is None else entry.az_bandwidth
        given["az_queue"] = amount if kind == "bytes" else rate * amount // (8 * 10**9)
    if entry.policy_document is not None and name not in draft.refused_policies:
        given["policy_document"] = policy_text(entry.policy_document)
    given |= {
        "vpc_id": vpc_id,
        "service_name": draft.names.service_name(entry.service_name, draft.names.region_of(vpc_id)),
        "vpc_endpoint_id": name,
        "vpc_endpoint_type": entry.vpc_endpoint_type,
        "route_table_ids": entry.route_table_ids,
        "subnet_ids": entry.subnet_ids,
        "subnet_configurations": [one.model_dump() for one in entry.subnet_configurations],
        "security_group_ids": entry.security_group_ids,
        "private_dns_enabled": entry.private_dns_enabled,
        "private_dns_only_for_inbound_resolver_endpoint": entry.private_dns_only_for_inbound_resolver_endpoint,
    }
    created = draft.create(key, draft.plane.create_vpc_endpoint, given, "vpc_endpoint_id")
    if not created or name in draft.refused_policies:
        draft.broken.add(key)
    elif entry.state is not None:
        draft.attempt(key, later(draft.plane.set_vpc_endpoint_state, name, entry.state))
