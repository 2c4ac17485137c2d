"""Edges in documents: every section becomes what it says, and every mistake is said at its place."""

from __future__ import annotations

from random import Random
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest
from ruamel.yaml import YAML

from emulator.control.propagation import propagated_routes
from emulator.model.settings import CURRENT, SEED
from emulator.topology import load
from emulator.topology.documents import parse
from emulator.topology.steps import build
from tests.topology.test_topology_build import shuffled

if TYPE_CHECKING:
    from pathlib import Path

    from emulator.control import ControlPlane

EDGES = dedent("""\
    region: us-east-1
    settings: {profile: current, nat_gateway_mtu: none, internet_delay: 20ms}
    vpcs:
      v: {cidr_blocks: [10.0.0.0/16]}
      w: {cidr_blocks: [10.9.0.0/16], region: eu-west-1, owner_id: "210987654321"}
    subnets:
      pub: {vpc_id: v, cidr_block: 10.0.0.0/24, availability_zone: us-east-1a, route_table_id: public}
      app: {vpc_id: v, cidr_block: 10.0.1.0/24, availability_zone: us-east-1b, route_table_id: private}
      fw: {vpc_id: v, cidr_block: 10.0.2.0/24, availability_zone: us-east-1a, availability_zone_id: use1-az4}
      eu: {vpc_id: w, cidr_block: 10.9.0.0/24, availability_zone: eu-west-1a}
    route_tables:
      public: {vpc_id: v, routes: [{destination: 0.0.0.0/0, target: igw-1}, {destination: 10.0.1.0/24, target: eni-fw}]}
      private:
        vpc_id: v
        propagating_vgws: [vgw-1]
        routes:
        - {destination: 0.0.0.0/0, target: nat-1}
        - {destination: 10.9.0.0/16, target: pcx}
        - {destination: 10.8.0.0/16, target: nat-gone, state: blackhole}
        - {destination: 10.7.0.0/16, target: eigw-1}
        - {destination: 10.0.0.0/16, target: fw}
      edge: {vpc_id: v, gateway_id: igw-1, routes: [{destination: 10.0.0.0/24, target: fw}]}
    instances:
      web: {subnet_id: pub, public_ip: auto, secondary_private_ip_addresses: [10.0.0.4]}
      fw: {subnet_id: fw, source_dest_check: false, forwards: true}
      off:
        subnet_id: app
        state: stopped
        connection_tracking: {tcp_established_timeout: 350s}
        network_interface_id: eni-off1
    network_interfaces:
      fn: {subnet_id: app, interface_type: lambda}
    internet_gateways: {igw-1: {vpc_id: v}, igw-2: }
    addresses:
      eip-1: {public_ip: 203.0.113.1}
      eip-2: {instance_id: fw}
    nat_gateways:
      nat-1: {subnet_id: pub, allocation_ids: [eip-1]}
      nat-2: {subnet_id: pub, private_ip_address: 10.0.0.9, secondary_private_ip_addresses: [10.0.0.10]}
      nat-3: {subnet_id: app, connectivity_type: private}
      nat-4: {subnet_id: app, state: failed}
    customer_gateways: {cgw-1: {ip_address: 198.51.100.9}}
    vpn_gateways: {vgw-1: {vpc_id: v}}
    vpn_connections:
      vpn-1: {customer_gateway_id: cgw-1, vpn_gateway_id: vgw-1, routes: [192.168.0.0/16, 10.0.5.0/24, 172.16.0.0/12]}
      vpn-2: {customer_gateway_id: cgw-1, vpn_gateway_id: vgw-1, tunnels_up: false}
    virtual_interfaces:
      dx-1: {virtual_gateway_id: vgw-1, routes: [192.168.0.0/16]}
      dx-2: {virtual_gateway_id: vgw-1, state: down}
    external_hosts:
      site: {ip_address: 203.0.113.5}
      office: {ip_address: 192.168.1.10, location: vpn-1, application: http, options: {b: 1, a: 2}}
    vpc_peering_connections:
      pcx: {vpc_id: v, peer_vpc_id: w}
      pcx-old: {vpc_id: v, peer_vpc_id: w, status: expired}
    vpc_endpoints:
      s3eu: {vpc_id: w, service_name: s3, route_table_ids: [rtb-main-w]}
      api: {vpc_id: w, service_name: api, vpc_endpoint_type: Interface, subnet_ids: [eu], state: pending}
    services:
      com.amazonaws.eu-west-1.api: {availability_zones: [euw1-az1]}
    """)


def built(text: str) -> ControlPlane:
    plane, problems = build(parse(text, "t.yaml"))
    assert problems == []
    return plane


@pytest.fixture(scope="module")
def plane() -> ControlPlane:
    return built(EDGES)


def routes(plane: ControlPlane, table: str) -> dict[str, tuple[str, str]]:
    return {route.destination: (route.target, str(route.state)) for route in plane.route_tables[table].routes}


def test_routes_lead_to_every_kind_of_target(plane: ControlPlane) -> None:
    assert routes(plane, "public") == {
        "10.0.0.0/16": ("local", "active"),
        "0.0.0.0/0": ("igw-1", "active"),
        "10.0.1.0/24": ("eni-fw", "active"),
    }
    assert routes(plane, "private") == {
        "10.0.0.0/16": ("eni-fw", "active"),
        "0.0.0.0/0": ("nat-1", "active"),
        "10.9.0.0/16": ("pcx", "active"),
        "10.8.0.0/16": ("nat-gone", "blackhole"),
        "10.7.0.0/16": ("eigw-1", "active"),
    }
    assert plane.route_tables["edge"].gateway_id == "igw-1"
    learnt = propagated_routes(plane, plane.route_tables["private"])
    assert [(str(route.destination_cidr_block), route.source) for route in learnt] == [
        ("192.168.0.0/16", "dx-1"),
        ("172.16.0.0/12", "vpn-1"),
    ]


def test_public_addresses_are_given_or_the_lowest_that_the_document_gives_nobody(plane: ControlPlane) -> None:
    public = {str(private): str(one) for eni in plane.network_interfaces.values() for private, one in eni.public_ips}
    assert public == {
        "10.0.0.6": "203.0.113.1",  # nat-1, given
        "10.0.2.4": "203.0.113.2",  # fw, by eip-2
        "10.0.0.9": "203.0.113.3",  # nat-2 and its second address
        "10.0.0.10": "203.0.113.4",
        "10.0.0.5": "203.0.113.6",  # web; 203.0.113.5 is the site's
    }


def test_instances_interfaces_gateways_and_hosts_are_what_they_are_said_to_be(plane: ControlPlane) -> None:
    assert plane.instances["off"].network_interface_ids == ("eni-off1",)
    assert (plane.instances["off"].state, plane.instances["fw"].forwards) == ("stopped", True)
    assert plane.network_interfaces["eni-off1"].connection_tracking.tcp_established_timeout == 350 * 10**9
    assert plane.network_interfaces["fn"].interface_type == "lambda"
    assert [nat.state for _, nat in sorted(plane.nat_gateways.items())] == ["available"] * 3 + ["failed"]
    assert not plane.vpn_connections["vpn-2"].tunnels_up
    assert plane.virtual_interfaces["dx-2"].state == "down"
    assert plane.external_hosts["office"].location == "vpn-1"
    assert list(plane.external_hosts["office"].options) == ["a", "b"]
    assert plane.vpc_peering_connections["pcx-old"].status == "expired"
    assert plane.subnets["fw"].availability_zone_id == "use1-az4"


@pytest.mark.fact("VPCE-6")
def test_services_by_short_name_are_of_the_vpcs_region(plane: ControlPlane) -> None:
    assert plane.vpc_endpoints["s3eu"].service_name == "com.amazonaws.eu-west-1.s3"
    assert plane.vpc_endpoints["api"].state == "pending"


def test_settings_begin_with_a_profile(plane: ControlPlane) -> None:
    assert plane.settings.interface_endpoint_protocols == CURRENT.interface_endpoint_protocols
    assert (plane.settings.nat_gateway_mtu, plane.settings.internet_delay) == (None, 20_000_000)
    assert built("region: us-east-1\n").settings == SEED


@pytest.mark.parametrize("seed", range(10))
def test_the_order_in_the_file_changes_nothing(plane: ControlPlane, seed) -> None:
    data = shuffled(YAML(typ="safe").load(EDGES), Random(seed))
    other, problems = build(parse(_written(data), "t.yaml"))
    assert problems == []
    for section in ("network_interfaces", "addresses", "route_tables", "external_hosts", "nat_gateways"):
        assert getattr(other, section) == getattr(plane, section)


def _written(data: object) -> str:
    from io import StringIO

    out = StringIO()
    YAML(typ="safe").dump(data, out)
    return out.getvalue()


BASE = """\
region: us-east-1
vpcs: {v: {cidr_blocks: [10.0.0.0/16]}, w: {cidr_blocks: [10.9.0.0/16]}}
subnets: {s: {vpc_id: v, cidr_block: 10.0.0.0/24, availability_zone: us-east-1a}}
internet_gateways: {igw: {vpc_id: v}}
instances: {i: {subnet_id: s}}
"""


@pytest.mark.parametrize(
    ("addition", "expected"),
    [
        (
            "settings: {rules_per_group: 1000}",
            "6:29: InvalidParameterValue: groups_per_interface times rules_per_group",
        ),
        (
            "settings: {groups_per_interface: 16, rules_per_interface: 100}",
            "6:34: InvalidParameterValue: groups_per_interface times rules_per_group is 960, more than 100",
        ),
        ("vpn_gateways: {g: {vpc_id: x}}", '6:28: InvalidVpcID.NotFound: unknown VPC "x"'),
        (
            "nat_gateways: {n: {subnet_id: s, allocation_ids: [eip]}}",
            '6:51: InvalidAllocationID.NotFound: unknown Elastic IP address "eip"',
        ),
        (
            "nat_gateways: {n: {subnet_id: s, private_ip_address: 10.0.0.2}}",
            "6:54: InvalidParameterValue: Address 10.0.0.2 is in subnet's reserved address range",
        ),
        ("addresses: {e: {public_ip: 10.0.0.1}}", "6:28: InvalidParameterValue: Address 10.0.0.1 is not a public one"),
        ("addresses: {e: {instance_id: ii}}", '6:30: InvalidInstanceID.NotFound: unknown instance "ii"'),
        (
            "addresses: {e: {instance_id: i, private_ip_address: 10.0.0.9}}",
            "6:53: InvalidParameterValue: The address 10.0.0.9 is not one of the interface eni-i",
        ),
        ("addresses: {e: {private_ip_address: 10.0.0.9}}", "6:37: InvalidParameterValue: private_ip_address is one of"),
        (
            "external_hosts: {h: {ip_address: 192.168.0.1}}",
            "6:34: InvalidParameterValue: Address 192.168.0.1 is not a public one",
        ),
        (
            "external_hosts: {h: {ip_address: 192.168.0.1, location: vpn}}",
            '6:57: InvalidVpnConnectionID.NotFound: unknown VPN connection "vpn"',
        ),
        (
            "route_tables: {r: {vpc_id: w, gateway_id: igw}}",
            "6:43: InvalidParameterValue: route table r and network gateway igw belong to different networks",
        ),
        (
            "route_tables: {r: {vpc_id: v, gateway_id: igw, routes: [{destination: 0.0.0.0/0, target: i}]}}",
            "6:71: RouteNotSupported: Route table r contains unsupported route destination: 0.0.0.0/0.",
        ),
        (
            "route_tables: {r: {vpc_id: v, routes: [{destination: 10.0.0.0/25, target: i}]}}",
            "6:54: InvalidParameterValue: The destination CIDR block 10.0.0.0/25 is equal to or more specific",
        ),
        (
            "network_interfaces: {n: {subnet_id: s, connection_tracking: {udp_timeout: 5s}}}",
            "6:75: InvalidParameterValue: Value (5s) for udp_timeout is invalid. It must be 30 to 60 seconds.",
        ),
        (
            "network_interfaces: {n: {subnet_id: s, secondary_private_ip_addresses: [10.0.0.7, 10.1.0.1]}}",
            "6:83: InvalidParameterValue: Address 10.1.0.1 does not fall within the subnet's address range",
        ),
        (
            "vpc_peering_connections: {p: {vpc_id: v, peer_vpc_id: w, status: lost}}",
            "6:66: InvalidParameterValue: status must be pending-acceptance, active",
        ),
    ],
)
def test_each_mistake_is_one_problem_at_its_place(addition, expected) -> None:
    _, problems = build(parse(BASE + addition + "\n", "t.yaml"))
    assert [str(problem).removeprefix("t.yaml:")[: len(expected)] for problem in problems] == [expected]


def test_a_file_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "edges.yaml"
    path.write_text(EDGES)
    assert load(path).internet_gateways["igw-1"].vpc_id == "v"
