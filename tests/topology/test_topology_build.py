"""Good documents: what they become, whatever the order they are written in."""

from __future__ import annotations

import json
from dataclasses import fields
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from netaddr import IPAddress, IPNetwork

from emulator.control.policies import FULL_ACCESS
from emulator.model.resources import (
    RouteState,
    RuleAction,
    SecurityGroupRule,
    VpcEndpointType,
)
from emulator.model.settings import Settings
from emulator.topology import load, load_document
from emulator.topology.documents import parse
from emulator.topology.schema import SettingsEntry

if TYPE_CHECKING:
    from emulator.control import ControlPlane

DOCUMENT: dict[str, Any] = {
    "region": "us-east-1",
    "vpcs": {
        "vpc-main": {"cidr_blocks": ["10.0.0.0/16", "100.64.0.0/16"], "enable_dns_hostnames": True},
        "vpc-shared": {"cidr_blocks": ["10.9.0.0/16"], "main_route_table_id": "shared"},
    },
    "subnets": {
        "private-a": {
            "vpc_id": "vpc-main",
            "cidr_block": "10.0.1.0/24",
            "availability_zone": "us-east-1a",
            "route_table_id": "private",
        },
        "private-b": {"vpc_id": "vpc-main", "cidr_block": "10.0.2.0/24", "availability_zone": "us-east-1b"},
        "shared-a": {"vpc_id": "vpc-shared", "cidr_block": "10.9.1.0/24", "availability_zone": "us-east-1a"},
    },
    "route_tables": {
        "private": {
            "vpc_id": "vpc-main",
            "routes": [{"destination": "10.9.0.0/16", "target": "pcx"}, {"destination": "pl-corp", "target": "pcx"}],
        },
        "shared": {"vpc_id": "vpc-shared"},
        "rtb-main-vpc-main": {"routes": [{"destination": "10.9.0.0/16", "target": "pcx"}]},
    },
    "security_groups": {
        "web": {
            "vpc_id": "vpc-main",
            "ingress": [{"protocol": "icmp", "icmp_type": 8, "peer": "db"}, {"protocol": "all", "peer": "web"}],
            "egress": [{"protocol": "tcp", "ports": 443, "peer": "pl-63a5400a"}],
        },
        "db": {"vpc_id": "vpc-main", "ingress": [{"protocol": "tcp", "ports": "5432-5433", "peer": "10.9.0.0/16"}]},
        "sg-default-vpc-main": {"ingress": []},
    },
    "network_acls": {
        "acl-web": {
            "vpc_id": "vpc-main",
            "ingress": [
                {
                    "rule_number": 100,
                    "protocol": "tcp",
                    "ports": "1024-65535",
                    "cidr_block": "0.0.0.0/0",
                    "rule_action": "allow",
                }
            ],
            "subnet_ids": ["private-a"],
        },
    },
    "prefix_lists": {
        "pl-corp": {"cidrs": ["192.168.0.0/16"], "max_entries": 5},
        "pl-02cd2c6b": {"cidrs": ["52.94.8.0/22"]},
    },
    "instances": {
        "web-10": {"subnet_id": "private-a", "security_group_ids": ["web"]},
        "web-2": {"subnet_id": "private-a", "security_group_ids": ["web"]},
        "zz": {"subnet_id": "private-a", "private_ip_address": "10.0.1.4", "source_dest_check": False},
        "db": {"subnet_id": "private-b", "security_group_ids": ["db"]},
    },
    "network_interfaces": {"eni-extra": {"subnet_id": "private-a", "instance_id": "zz", "groups": ["web"]}},
    "vpc_endpoints": {
        "s3": {
            "vpc_id": "vpc-main",
            "service_name": "s3",
            "route_table_ids": ["private"],
            "policy_document": {
                "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "*"}]
            },
        },
        "api": {
            "vpc_id": "vpc-main",
            "service_name": "metering",
            "vpc_endpoint_type": "Interface",
            "subnet_ids": ["private-a", "private-b"],
            "subnet_configurations": [{"subnet_id": "private-b", "ipv4": "10.0.2.4"}],
            "private_dns_enabled": True,
            "az_bandwidth": "1Gbps",
            "az_burst": "64KiB",
            "az_queue": "10ms",
        },
    },
    "vpc_peering_connections": {"pcx": {"vpc_id": "vpc-main", "peer_vpc_id": "vpc-shared"}},
    "services": {
        "metering": {
            "application": "sink",
            "private_dns_names": ["metering.us-east-1.amazonaws.com"],
            "availability_zones": ["us-east-1a", "us-east-1b"],
            "options": {"limit": 3},
            "service_delay": "200us",
        },
        "com.amazonaws.us-east-1.s3": {"options": {"buckets": {"reports": {"a.bin": "10MB"}}}},
    },
    "settings": {
        "inter_az_delay": "300us",
        "interface_endpoint_protocols": ["tcp", "udp"],
        "gateway_endpoint_mtu": "none",
    },
}


def built(data: dict[str, Any]) -> ControlPlane:
    return load_document(parse(json.dumps(data), "t.yaml"))


def state(plane: ControlPlane) -> list[tuple[str, Any]]:
    return [(name, list(value.items())) for name, value in vars(plane).items() if isinstance(value, dict)]


@pytest.fixture(scope="module")
def plane() -> ControlPlane:
    return built(DOCUMENT)


def test_a_minimal_document():
    plane = load_document(parse("region: eu-west-1\nvpcs: {v: {cidr_blocks: [10.0.0.0/16]}}\n", "t.yaml"))
    assert (plane.region, list(plane.vpcs), list(plane.route_tables)) == ("eu-west-1", ["v"], ["rtb-main-v"])
    assert not plane.vpcs["v"].enable_dns_hostnames


def test_the_only_vpc_need_not_be_named_and_a_group_needs_no_more_than_a_name(tmp_path):
    text = """
region: us-east-1
vpcs: {v: {cidr_blocks: [10.0.0.0/16]}}
subnets: {a: {cidr_block: 10.0.0.0/24, availability_zone: us-east-1a}}
security_groups:
  web:
instances: {web: {subnet_id: a, security_group_ids: [web]}}
vpc_endpoints: {s3: {service_name: s3, route_table_ids: [rtb-main-v]}}
"""
    (tmp_path / "t.yaml").write_text(text)
    plane = load(tmp_path / "t.yaml")
    assert plane.security_groups["web"].vpc_id == plane.vpc_endpoints["s3"].vpc_id == "v"
    assert plane.vpc_endpoints["s3"].policy_document == FULL_ACCESS


def test_vpcs_have_their_blocks_attributes_and_main_table(plane: ControlPlane):
    main = plane.vpcs["vpc-main"]
    assert main.cidr_blocks == (IPNetwork("10.0.0.0/16"), IPNetwork("100.64.0.0/16"))
    assert main.enable_dns_hostnames
    assert plane.vpcs["vpc-shared"].main_route_table_id == "shared"
    assert plane.subnets["private-a"].route_table_id == "private"
    assert plane.subnets["private-b"].route_table_id is None


def test_routes_are_the_documents_and_the_endpoints(plane: ControlPlane):
    found = [
        (route.destination, route.target) for route in plane.route_tables["private"].routes if route.target != "local"
    ]
    assert found == [("10.9.0.0/16", "pcx"), ("pl-corp", "pcx"), ("pl-63a5400a", "s3")]
    assert plane.route_tables["rtb-main-vpc-main"].routes[-1].state is RouteState.ACTIVE


def test_rules_given_replace_those_a_group_is_born_with(plane: ControlPlane):  # SG-2
    web, db = plane.security_groups["web"], plane.security_groups["db"]
    assert web.ingress == (
        SecurityGroupRule(1, 8, -1, referenced_group_id="db"),
        SecurityGroupRule(-1, referenced_group_id="web"),
    )
    assert web.egress == (SecurityGroupRule(6, 443, 443, prefix_list_id="pl-63a5400a"),)
    assert db.ingress == (SecurityGroupRule(6, 5432, 5433, IPNetwork("10.9.0.0/16")),)
    assert db.egress == (SecurityGroupRule(-1, cidr_ip=IPNetwork("0.0.0.0/0")),)  # omitted: allow all
    assert plane.security_groups["sg-default-vpc-main"].ingress == ()


def test_acl_lines_and_associations(plane: ControlPlane):
    acl = plane.network_acls["acl-web"]
    assert [(line.rule_number, line.rule_action, line.from_port, line.to_port) for line in acl.entries] == [
        (100, RuleAction.ALLOW, 1024, 65535)
    ]
    assert plane.subnets["private-a"].network_acl_id == "acl-web"
    assert plane.subnets["private-b"].network_acl_id == "acl-default-vpc-main"


def test_a_default_acls_lines_can_be_replaced():
    data = {**DOCUMENT, "network_acls": {"acl-default-vpc-main": {"egress": []}}}
    acl = built(data).network_acls["acl-default-vpc-main"]
    assert [line.egress for line in acl.entries] == [False]


def test_given_addresses_come_before_automatic_ones_and_ids_are_counted_as_people_do(plane: ControlPlane):
    addresses = {name: str(eni.private_ip_address) for name, eni in plane.network_interfaces.items()}
    assert addresses == {
        "eni-zz": "10.0.1.4",
        "eni-api-us-east-1a": "10.0.1.5",  # its subnet b address is given, so it comes early
        "eni-api-us-east-1b": "10.0.2.4",
        "eni-web-2": "10.0.1.6",
        "eni-web-10": "10.0.1.7",
        "eni-extra": "10.0.1.8",
        "eni-db": "10.0.2.5",
    }
    assert plane.instances["zz"].network_interface_ids == ("eni-zz", "eni-extra")
    assert not plane.network_interfaces["eni-zz"].source_dest_check


def test_endpoints_of_both_types(plane: ControlPlane):
    s3, api = plane.vpc_endpoints["s3"], plane.vpc_endpoints["api"]
    assert json.loads(s3.policy_document) == DOCUMENT["vpc_endpoints"]["s3"]["policy_document"]
    assert (api.vpc_endpoint_type, api.private_dns_enabled) == (VpcEndpointType.INTERFACE, True)
    assert (api.az_bandwidth, api.az_burst, api.az_queue) == (10**9, 65_536, 1_250_000)  # 10 ms at 1 Gbps


@pytest.mark.parametrize(("queue", "size"), [("12MB", 12_000_000), (0, 0), ("0s", 0), ("2ms", 250_000)])
def test_an_endpoints_queue_is_a_time_or_a_size(queue, size):
    endpoints = {**DOCUMENT["vpc_endpoints"], "api": {**DOCUMENT["vpc_endpoints"]["api"], "az_queue": queue}}
    assert built({**DOCUMENT, "vpc_endpoints": endpoints}).vpc_endpoints["api"].az_queue == size


def test_policies_may_be_json_text():
    endpoints = {"s3": {"vpc_id": "vpc-main", "service_name": "s3", "policy_document": FULL_ACCESS}}
    assert built({**DOCUMENT, "vpc_endpoints": endpoints}).vpc_endpoints["s3"].policy_document == FULL_ACCESS


def test_services_are_registered_and_built_in_ones_extended(plane: ControlPlane):
    metering = plane.services["com.amazonaws.us-east-1.metering"]
    assert (metering.application, metering.service_delay, metering.options) == ("sink", 200_000, {"limit": 3})
    s3 = plane.services["com.amazonaws.us-east-1.s3"]
    assert (s3.prefix_list_id, s3.options) == ("pl-63a5400a", {"buckets": {"reports": {"a.bin": "10MB"}}})
    dynamodb = plane.services["com.amazonaws.us-east-1.dynamodb"]
    assert dynamodb.public_addresses == (IPAddress("52.94.8.10"),)  # it follows its list


def test_aws_lists_are_replaced_and_own_ones_created(plane: ControlPlane):
    assert plane.prefix_lists["pl-02cd2c6b"].cidrs == (IPNetwork("52.94.8.0/22"),)
    assert plane.prefix_lists["pl-02cd2c6b"].max_entries == 1
    assert plane.prefix_lists["pl-corp"].max_entries == 5


def test_settings_are_read_with_their_units(plane: ControlPlane):
    assert plane.settings == Settings(
        inter_az_delay=300_000, interface_endpoint_protocols=(6, 17), gateway_endpoint_mtu=None
    )


def test_every_setting_can_be_set():
    assert set(SettingsEntry.model_fields) - {"profile"} == {known.name for known in fields(Settings)}


def shuffled(value: Any, chance: Random) -> Any:
    """The value with its mappings in another order; lists keep theirs."""
    if isinstance(value, dict):
        keys = list(value)
        chance.shuffle(keys)
        return {key: shuffled(value[key], chance) for key in keys}
    return [shuffled(one, chance) for one in value] if isinstance(value, list) else value


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**9))
def test_shuffling_a_document_changes_nothing(seed):

    assert state(built(shuffled(DOCUMENT, Random(seed)))) == state(built(DOCUMENT))
