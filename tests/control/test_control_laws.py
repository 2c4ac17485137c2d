"""Laws of the control plane: all or nothing, counted once, never corrupt."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st

from emulator.control import ControlPlane, Ec2Error
from emulator.control.route_states import is_local
from emulator.model.resources import InterfaceType, PeeringState, VpcEndpointType
from tests.control.planes import DYNAMODB, METERING, S3, S3_LIST, small_plane, snapshot

vpcs = st.sampled_from(["main", "main", "far", "v1"])
subnets = st.sampled_from(["a", "b", "c", "s1"])
tables = st.sampled_from(["private", "rtb-main-main", "t1"])
groups = st.sampled_from(["web", "sg-default-main", "g1"])
acls = st.sampled_from(["acl-default-main", "acl1", "acl2"])
lists = st.sampled_from([S3_LIST, "pl-1", "pl-2"])
peerings = st.sampled_from(["pcx1", "pcx2"])
endpoints = st.sampled_from(["e1", "e2", "e3"])
instances = st.sampled_from(["i1", "i2"])
interfaces = st.sampled_from(["eni-i1", "extra", "spare"])
nats = st.sampled_from(["n1", "n2"])
elastic = st.sampled_from(["eip1", "eip2"])
cidrs = st.sampled_from(["10.0.0.0/16", "10.0.4.0/24", "10.0.5.0/24", "10.9.0.0/16", "10.0.0.0/8", "172.16.0.0/16"])
zones = st.sampled_from(["us-east-1a", "us-east-1b", "us-east-1c"])
services = st.sampled_from([S3, DYNAMODB, METERING])
types = st.sampled_from(["Gateway", "Interface"])
some = st.booleans()
protocols = st.sampled_from(["tcp", "udp", "all"])


def several(ids: st.SearchStrategy[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(ids, max_size=2)


PEER = st.one_of(
    st.fixed_dictionaries({"cidr_ip": cidrs}),
    st.fixed_dictionaries({"prefix_list_id": lists}),
    st.fixed_dictionaries({"referenced_group_id": groups}),
)
DESTINATION = st.one_of(
    st.fixed_dictionaries({"destination_cidr_block": cidrs}),
    st.fixed_dictionaries({"destination_prefix_list_id": lists}),
)

TARGETS = [
    st.fixed_dictionaries({"vpc_peering_connection_id": peerings}),
    st.fixed_dictionaries({"gateway_id": st.sampled_from(["igw", "vgw"])}),
    st.fixed_dictionaries({"nat_gateway_id": nats}),
    st.fixed_dictionaries({"network_interface_id": interfaces}),
    st.fixed_dictionaries({"instance_id": instances}),
]

VERBS: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "create_vpc": {"cidr_block": cidrs, "vpc_id": vpcs},
    "associate_vpc_cidr_block": {"vpc_id": vpcs, "cidr_block": cidrs},
    "modify_vpc_attribute": {"vpc_id": vpcs, "enable_dns_hostnames": some},
    "delete_vpc": {"vpc_id": vpcs},
    "create_subnet": {"vpc_id": vpcs, "cidr_block": cidrs, "availability_zone": zones, "subnet_id": subnets},
    "delete_subnet": {"subnet_id": subnets},
    "create_route_table": {"vpc_id": vpcs, "route_table_id": tables},
    "delete_route_table": {"route_table_id": tables},
    "associate_route_table": {"route_table_id": tables, "subnet_id": subnets},
    "disassociate_route_table": {"subnet_id": subnets},
    "replace_route_table_association": {"route_table_id": tables, "vpc_id": vpcs},
    "create_route": {"route_table_id": tables, "": st.one_of([st.tuples(DESTINATION, one) for one in TARGETS])},
    "replace_route": {"route_table_id": tables, "": st.one_of([st.tuples(DESTINATION, one) for one in TARGETS])},
    "delete_route": {"route_table_id": tables, "": DESTINATION},
    "create_security_group": {"vpc_id": vpcs, "group_id": groups},
    "delete_security_group": {"group_id": groups},
    "authorize_security_group_ingress": {"group_id": groups, "ip_protocol": protocols, "": PEER},
    "authorize_security_group_egress": {"group_id": groups, "ip_protocol": protocols, "": PEER},
    "revoke_security_group_ingress": {"group_id": groups, "ip_protocol": protocols, "": PEER},
    "create_network_acl": {"vpc_id": vpcs, "network_acl_id": acls},
    "delete_network_acl": {"network_acl_id": acls},
    "replace_network_acl_association": {"network_acl_id": acls, "subnet_id": subnets},
    "create_managed_prefix_list": {
        "max_entries": st.integers(1, 3),
        "entries": several(cidrs),
        "prefix_list_id": lists,
    },
    "modify_managed_prefix_list": {"prefix_list_id": lists, "add_entries": several(cidrs)},
    "delete_managed_prefix_list": {"prefix_list_id": lists},
    "create_network_interface": {"subnet_id": subnets, "network_interface_id": interfaces, "groups": several(groups)},
    "attach_network_interface": {"network_interface_id": interfaces, "instance_id": instances},
    "delete_network_interface": {"network_interface_id": interfaces},
    "run_instances": {"subnet_id": subnets, "instance_id": instances, "security_group_ids": several(groups)},
    "terminate_instances": {"instance_ids": several(instances)},
    "stop_instances": {"instance_ids": several(instances)},
    "start_instances": {"instance_ids": several(instances)},
    "detach_network_interface": {"network_interface_id": interfaces},
    "assign_private_ip_addresses": {
        "network_interface_id": interfaces,
        "secondary_private_ip_address_count": st.integers(1, 2),
    },
    "attach_internet_gateway": {"internet_gateway_id": st.just("igw"), "vpc_id": vpcs},
    "detach_internet_gateway": {"internet_gateway_id": st.just("igw"), "vpc_id": vpcs},
    "attach_vpn_gateway": {"vpn_gateway_id": st.just("vgw"), "vpc_id": vpcs},
    "detach_vpn_gateway": {"vpn_gateway_id": st.just("vgw"), "vpc_id": vpcs},
    "associate_route_table_to_gateway": {"route_table_id": tables, "gateway_id": st.sampled_from(["igw", "vgw"])},
    "enable_vgw_route_propagation": {"gateway_id": st.just("vgw"), "route_table_id": tables},
    "allocate_address": {"allocation_id": elastic},
    "associate_address": {"allocation_id": elastic, "network_interface_id": interfaces},
    "disassociate_address": {"allocation_id": elastic},
    "release_address": {"allocation_id": elastic},
    "create_nat_gateway": {"subnet_id": subnets, "nat_gateway_id": nats, "allocation_ids": several(elastic)},
    "delete_nat_gateway": {"nat_gateway_id": nats},
    "create_vpc_endpoint": {
        "vpc_id": vpcs,
        "service_name": services,
        "vpc_endpoint_type": types,
        "vpc_endpoint_id": endpoints,
        "route_table_ids": several(tables),
        "subnet_ids": several(subnets),
        "private_dns_enabled": some,
    },
    "modify_vpc_endpoint": {
        "vpc_endpoint_id": endpoints,
        "add_route_table_ids": several(tables),
        "remove_route_table_ids": several(tables),
        "add_subnet_ids": several(subnets),
        "remove_subnet_ids": several(subnets),
    },
    "delete_vpc_endpoints": {"vpc_endpoint_ids": several(endpoints)},
    "create_vpc_peering_connection": {
        "vpc_id": vpcs,
        "peer_vpc_id": vpcs,
        "vpc_peering_connection_id": peerings,
        "auto_accept": some,
    },
    "accept_vpc_peering_connection": {"vpc_peering_connection_id": peerings},
    "reject_vpc_peering_connection": {"vpc_peering_connection_id": peerings},
    "delete_vpc_peering_connection": {"vpc_peering_connection_id": peerings},
}

CALM = settings(max_examples=3000, deadline=None, database=None)

CALLS = st.one_of([st.tuples(st.just(verb), st.fixed_dictionaries(named)) for verb, named in VERBS.items()])


def busy_plane() -> ControlPlane:
    """One of everything, so that most verbs have something to act on."""
    plane = small_plane()
    plane.create_subnet("main", "10.0.7.0/24", "us-east-1c", subnet_id="c")
    plane.create_vpc_peering_connection("main", "far", vpc_peering_connection_id="pcx1", auto_accept=False)
    plane.create_route("private", destination_cidr_block="10.9.0.0/16", vpc_peering_connection_id="pcx1")
    plane.create_network_acl("main", network_acl_id="acl1")
    plane.create_managed_prefix_list(max_entries=3, prefix_list_id="pl-1")
    plane.authorize_security_group_ingress("web", ip_protocol="tcp", cidr_ip="10.0.0.0/8")
    plane.run_instances(instance_id="i1", subnet_id="a")
    plane.create_network_interface("a", network_interface_id="extra", groups=["web"])
    plane.create_vpc_endpoint(
        "main", METERING, vpc_endpoint_id="e1", vpc_endpoint_type="Interface", subnet_ids=["a", "b"]
    )
    plane.create_vpc_endpoint("main", S3, vpc_endpoint_id="e2", route_table_ids=["private"])
    plane.create_internet_gateway(internet_gateway_id="igw", vpc_id="main")
    plane.create_vpn_gateway(vpn_gateway_id="vgw", vpc_id="main")
    plane.allocate_address(allocation_id="eip1")
    plane.create_nat_gateway("a", nat_gateway_id="n1", allocation_ids="eip1")
    return plane


def apply(plane: ControlPlane, verb: str, named: dict[str, Any]) -> bool:
    several_words = named.get("", {})
    words = several_words if isinstance(several_words, tuple) else (several_words,)
    arguments = {name: value for part in (named, *words) for name, value in part.items() if name}
    try:
        getattr(plane, verb.removesuffix("_to_gateway"))(**arguments)
    except Ec2Error:
        return False
    return True


def assert_sound(plane: ControlPlane) -> None:
    """Every reference leads somewhere, and what comes automatically is there and nowhere else."""
    for vpc in plane.vpcs.values():
        assert plane.route_tables[vpc.main_route_table_id].vpc_id == vpc.vpc_id
        assert plane.security_groups[vpc.default_security_group_id].vpc_id == vpc.vpc_id
        assert plane.network_acls[vpc.default_network_acl_id].vpc_id == vpc.vpc_id
    for subnet in plane.subnets.values():
        assert plane.network_acls[subnet.network_acl_id].vpc_id == subnet.vpc_id
        assert subnet.route_table_id is None or plane.route_tables[subnet.route_table_id].vpc_id == subnet.vpc_id
        hosts = [
            host
            for eni in plane.network_interfaces.values()
            if eni.subnet_id == subnet.subnet_id
            for host in eni.private_ip_addresses
        ]
        assert len(hosts) == len(set(hosts))
        assert all(host in subnet.cidr_block for host in hosts)
    for table in plane.route_tables.values():
        assert_table_sound(plane, table.route_table_id)
    for group in plane.security_groups.values():
        for rule in group.ingress + group.egress:
            assert rule.prefix_list_id is None or rule.prefix_list_id in plane.prefix_lists
            other = plane.security_groups.get(rule.referenced_group_id or "")
            assert (
                rule.referenced_group_id is None or other is not None or plane.security_group_rule_is_stale(group, rule)
            )
    for eni in plane.network_interfaces.values():
        assert plane.subnets[eni.subnet_id].vpc_id == eni.vpc_id
        assert all(plane.security_groups[name].vpc_id == eni.vpc_id for name in eni.groups)
        if eni.interface_type is InterfaceType.NAT_GATEWAY:
            assert plane.nat_gateways[eni.attachment].network_interface_id == eni.network_interface_id
        else:
            owners = plane.vpc_endpoints if eni.interface_type is InterfaceType.VPC_ENDPOINT else plane.instances
            assert not eni.attachment or eni.network_interface_id in owners[eni.attachment].network_interface_ids
        assert {private for private, _ in eni.public_ips} <= set(eni.private_ip_addresses)
    for endpoint in plane.vpc_endpoints.values():
        assert endpoint.vpc_id in plane.vpcs
        zones = [plane.subnets[name].availability_zone for name in endpoint.subnet_ids]
        assert len(zones) == len(set(zones))  # VPCE-IF-2
        for eni_id, subnet_id in zip(endpoint.network_interface_ids, endpoint.subnet_ids, strict=True):
            assert plane.network_interfaces[eni_id].subnet_id == subnet_id
    assert_addresses_sound(plane)
    for peering in plane.vpc_peering_connections.values():
        ended = peering.status in (PeeringState.DELETED, PeeringState.REJECTED)
        assert ended or {peering.requester_vpc_id, peering.accepter_vpc_id} <= set(plane.vpcs)


def assert_addresses_sound(plane: ControlPlane) -> None:
    """What stands on an interface and what stands on an Elastic IP say the same; no address has two owners."""
    public = [pair[1] for eni in plane.network_interfaces.values() for pair in eni.public_ips]
    assert len(public) == len(set(public))
    for held in plane.addresses.values():
        eni = plane.network_interfaces.get(held.network_interface_id or "")
        if eni is None:
            assert (held.network_interface_id, held.private_ip_address) == (None, None)
            assert held.public_ip not in public
        else:
            assert (held.private_ip_address, held.public_ip) in eni.public_ips
    for nat in plane.nat_gateways.values():
        assert (nat.network_interface_id in plane.network_interfaces) == (nat.state != "deleted")
    for gateways in (plane.internet_gateways, plane.vpn_gateways):
        attached = [gateway.vpc_id for gateway in gateways.values() if gateway.vpc_id is not None]
        assert len(attached) == len(set(attached))
        assert set(attached) <= set(plane.vpcs)


def assert_table_sound(plane: ControlPlane, table_id: str) -> None:
    table = plane.route_tables[table_id]
    destinations = [route.destination for route in table.routes]
    assert len(destinations) == len(set(destinations))
    local = tuple(route.destination_cidr_block for route in table.routes if is_local(route))
    assert local == plane.vpcs[table.vpc_id].cidr_blocks  # ROUTE-8
    for route in table.routes:
        assert route.destination_prefix_list_id is None or route.destination_prefix_list_id in plane.prefix_lists
        if route.target in plane.vpc_endpoints:
            assert table_id in plane.vpc_endpoints[route.target].route_table_ids  # VPCE-GW-4
        else:
            assert route.state is plane._target_state(table.vpc_id, route.target)  # ROUTE-14
    gateways = (plane.internet_gateways, plane.vpn_gateways)
    for name in (*table.propagating_vgws, *([table.gateway_id] if table.gateway_id else [])):
        assert table.vpc_id in [records[name].vpc_id for records in gateways if name in records]
    assert not (table.gateway_id and table.propagating_vgws)  # ROUTE-18
    for endpoint in plane.vpc_endpoints.values():
        if endpoint.vpc_endpoint_type is VpcEndpointType.GATEWAY and table_id in endpoint.route_table_ids:
            assert endpoint.vpc_endpoint_id in [route.target for route in table.routes]  # VPCE-GW-2


@settings(max_examples=100, deadline=None)
@given(st.lists(CALLS, min_size=20, max_size=60))
def test_no_sequence_of_verbs_corrupts_the_network(calls):
    plane = busy_plane()
    for verb, named in calls:
        before = snapshot(plane)
        if apply(plane, verb, named):
            assert plane.generation == before["generation"] + 1
            assert_sound(plane)
        else:
            assert snapshot(plane) == before


@settings(max_examples=30, deadline=None)
@given(st.lists(CALLS, max_size=40))
def test_the_same_verbs_make_the_same_network(calls):
    planes = [busy_plane(), busy_plane()]
    for plane in planes:
        for verb, named in calls:
            apply(plane, verb, named)
    one, other = (snapshot(plane) for plane in planes)
    assert one == other
    assert [list(value) for value in one.values() if isinstance(value, dict)] == [
        list(value) for value in other.values() if isinstance(value, dict)
    ]


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_of_these_laws_can_succeed(verb):
    named = VERBS[verb]

    def works(arguments: dict[str, Any]) -> bool:
        return apply(prepared(verb), verb, arguments)

    find(st.fixed_dictionaries(named), works, random=Random(1), settings=CALM)


def prepared(verb: str) -> ControlPlane:
    """A busy plane in which whatever must be unused for a verb is unused."""
    plane = busy_plane()
    if verb in ("delete_vpc", "delete_subnet", "delete_route_table"):
        plane.delete_vpc_endpoints(["e1", "e2"])
        plane.delete_nat_gateway("n1")
        plane.terminate_instances("i1")
        plane.delete_network_interface("extra")
        plane.disassociate_route_table("a")
    if verb == "create_vpc_peering_connection":
        plane.delete_vpc_peering_connection("pcx1")
    if verb in ("attach_internet_gateway", "detach_internet_gateway", "release_address"):
        plane.delete_nat_gateway("n1")
    if verb == "attach_internet_gateway":
        plane.detach_internet_gateway("igw", "main")
    if verb == "attach_vpn_gateway":
        plane.detach_vpn_gateway("vgw", "main")
    if verb == "associate_address":
        plane.allocate_address(allocation_id="eip2")
    if verb == "disassociate_address":
        plane.allocate_address(allocation_id="eip2")
        plane.associate_address("eip2", instance_id="i1")
    if verb == "detach_network_interface":
        plane.attach_network_interface("extra", "i1")
    if verb == "associate_route_table_to_gateway":
        plane.create_route_table("main", route_table_id="t1")
    if verb == "delete_vpc":
        plane.create_vpc("10.200.0.0/16", vpc_id="v1")
    if verb == "delete_security_group":
        plane.delete_network_interface("extra")
    return plane


def test_describing_changes_no_generation():
    plane = small_plane()
    before = plane.generation
    plane.describe_vpc_endpoint_services()
    assert plane.generation == before
