"""Laws of transit gateways and endpoint services: all or nothing, and nothing left dangling."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.control.transit_routes import transit_routes
from emulator.model.resources import InterfaceType
from tests.control.planes import S3, small_plane, snapshot
from tests.control.test_control_laws import apply

if TYPE_CHECKING:
    from emulator.control import ControlPlane

NAME = "com.amazonaws.vpce.us-east-1.vpce-svc-1"
ANYONE = ["*"]

some = st.booleans()
vpcs = st.sampled_from(["main", "far"])
subnets = st.lists(st.sampled_from(["a", "b", "a2", "far-a"]), max_size=2)
gateways = st.sampled_from(["tgw", "west"])
attachments = st.sampled_from(["att-1", "att-2", "pair"])
tables = st.sampled_from(["tgw-rtb-default-tgw", "tgw-rtb-default-west", "mine"])
cidrs = st.sampled_from(["10.0.0.0/16", "10.9.0.0/16", "0.0.0.0/0"])
balancers = st.sampled_from(["nlb", "spare"])
groups = st.sampled_from(["api", "web"])
services = st.sampled_from(["vpce-svc-1", "vpce-svc-2"])
endpoints = st.sampled_from(["ep", "gw"])
one = st.builds(lambda name: [name], balancers)

VERBS: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "create_transit_gateway": {"transit_gateway_id": gateways, "default_route_table_association": some},
    "delete_transit_gateway": {"transit_gateway_id": gateways},
    "create_transit_gateway_vpc_attachment": {
        "transit_gateway_id": gateways,
        "vpc_id": vpcs,
        "subnet_ids": subnets,
        "transit_gateway_attachment_id": attachments,
    },
    "modify_transit_gateway_vpc_attachment": {
        "transit_gateway_attachment_id": attachments,
        "add_subnet_ids": subnets,
        "remove_subnet_ids": subnets,
    },
    "delete_transit_gateway_vpc_attachment": {"transit_gateway_attachment_id": attachments},
    "create_transit_gateway_peering_attachment": {
        "transit_gateway_id": gateways,
        "peer_transit_gateway_id": gateways,
        "transit_gateway_attachment_id": attachments,
    },
    "accept_transit_gateway_peering_attachment": {"transit_gateway_attachment_id": attachments},
    "reject_transit_gateway_peering_attachment": {"transit_gateway_attachment_id": attachments},
    "delete_transit_gateway_peering_attachment": {"transit_gateway_attachment_id": attachments},
    "create_transit_gateway_route_table": {"transit_gateway_id": gateways, "transit_gateway_route_table_id": tables},
    "delete_transit_gateway_route_table": {"transit_gateway_route_table_id": tables},
    "associate_transit_gateway_route_table": {
        "transit_gateway_route_table_id": tables,
        "transit_gateway_attachment_id": attachments,
    },
    "disassociate_transit_gateway_route_table": {
        "transit_gateway_route_table_id": tables,
        "transit_gateway_attachment_id": attachments,
    },
    "enable_transit_gateway_route_table_propagation": {
        "transit_gateway_route_table_id": tables,
        "transit_gateway_attachment_id": attachments,
    },
    "create_transit_gateway_route": {
        "transit_gateway_route_table_id": tables,
        "destination_cidr_block": cidrs,
        "transit_gateway_attachment_id": attachments,
    },
    "create_load_balancer": {"load_balancer_name": balancers, "subnet_ids": subnets},
    "set_subnets": {"load_balancer_name": balancers, "subnet_ids": subnets},
    "delete_load_balancer": {"load_balancer_name": balancers},
    "create_target_group": {
        "target_group_name": groups,
        "vpc_id": vpcs,
        "protocol": st.just("TCP"),
        "port": st.just(80),
    },
    "delete_target_group": {"target_group_name": groups},
    "create_listener": {
        "load_balancer_name": balancers,
        "port": st.sampled_from([80, 443]),
        "protocol": st.just("TCP"),
        "target_group_name": groups,
    },
    "create_vpc_endpoint_service_configuration": {
        "load_balancer_names": one,
        "service_id": services,
        "acceptance_required": some,
    },
    "modify_vpc_endpoint_service_permissions": {"service_id": services, "add_allowed_principals": st.just(ANYONE)},
    "modify_vpc_endpoint_service_configuration": {
        "service_id": services,
        "add_load_balancer_names": one,
        "remove_load_balancer_names": one,
    },
    "delete_vpc_endpoint_service_configurations": {"service_ids": services},
    "create_vpc_endpoint": {
        "vpc_id": vpcs,
        "service_name": st.sampled_from([NAME, S3]),
        "vpc_endpoint_type": st.just("Interface"),
        "vpc_endpoint_id": endpoints,
        "subnet_ids": subnets,
    },
    "accept_vpc_endpoint_connections": {"service_id": services, "vpc_endpoint_ids": endpoints},
    "reject_vpc_endpoint_connections": {"service_id": services, "vpc_endpoint_ids": endpoints},
    "delete_vpc_endpoints": {"vpc_endpoint_ids": endpoints},
}
CALLS = st.one_of([st.tuples(st.just(verb), st.fixed_dictionaries(named)) for verb, named in VERBS.items()])


def busy_plane() -> ControlPlane:
    plane = small_plane()
    plane.create_subnet("far", "10.9.1.0/24", "us-east-1a", subnet_id="far-a")
    plane.create_transit_gateway(transit_gateway_id="tgw")
    plane.create_transit_gateway_vpc_attachment("tgw", "main", ["a"], transit_gateway_attachment_id="att-1")
    plane.create_load_balancer("nlb", subnet_ids=["far-a"])
    plane.create_vpc_endpoint_service_configuration("nlb", service_id="vpce-svc-1")
    plane.modify_vpc_endpoint_service_permissions("vpce-svc-1", add_allowed_principals=ANYONE)
    return plane


def assert_sound(plane: ControlPlane) -> None:
    """Every interface has its owner and every owner its interfaces; tables and services name what there is."""
    owners = {
        InterfaceType.TRANSIT_GATEWAY: plane.transit_gateway_attachments,
        InterfaceType.NETWORK_LOAD_BALANCER: plane.load_balancers,
        InterfaceType.VPC_ENDPOINT: plane.vpc_endpoints,
    }
    for eni in plane.network_interfaces.values():
        owner: Any = owners[eni.interface_type][eni.attachment]
        assert eni.network_interface_id in owner.network_interface_ids
    for held in owners.values():
        for owner in held.values():
            placed = [plane.network_interfaces[name].subnet_id for name in owner.network_interface_ids]
            assert placed == list(owner.subnet_ids)
            zones = [plane.subnets[name].availability_zone for name in owner.subnet_ids]
            assert len(zones) == len(set(zones))
    for attachment in plane.transit_gateway_attachments.values():
        assert attachment.transit_gateway_id in plane.transit_gateways
        for table in (attachment.route_table_id, attachment.peer_route_table_id):
            assert table is None or table in plane.transit_gateway_route_tables
    for table in plane.transit_gateway_route_tables.values():
        assert table.transit_gateway_id in plane.transit_gateways
        assert set(table.propagations) <= set(plane.transit_gateway_attachments)
        transit_routes(plane, table)
    for balancer in plane.load_balancers.values():
        assert all(listener.target_group_name in plane.target_groups for listener in balancer.listeners)
    served = [name for one in plane.vpc_endpoint_service_configurations.values() for name in one.load_balancer_names]
    assert len(served) == len(set(served))  # SVC-1
    assert set(served) <= set(plane.load_balancers)
    configured = {one.service_name for one in plane.vpc_endpoint_service_configurations.values()}
    assert configured == {name for name, service in plane.services.items() if service.service_id is not None}


@settings(max_examples=60, deadline=None)
@given(st.lists(CALLS, min_size=15, max_size=50))
def test_no_sequence_of_verbs_leaves_anything_dangling(calls):
    plane = busy_plane()
    for verb, named in calls:
        before = snapshot(plane)
        if apply(plane, verb, named):
            assert plane.generation == before["generation"] + 1
            assert_sound(plane)
        else:
            assert snapshot(plane) == before
