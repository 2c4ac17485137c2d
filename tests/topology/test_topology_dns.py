"""Hosted zones, Resolver endpoints and built-in services in documents."""

from __future__ import annotations

from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

from emulator.model.hosted_zones import ResourceRecordSet
from emulator.topology.documents import parse
from emulator.topology.steps import build

if TYPE_CHECKING:
    from emulator.control import ControlPlane

BASE = """\
region: eu-west-1
vpcs: {v: {cidr_blocks: [10.0.0.0/16], enable_dns_hostnames: true}}
subnets: {a: {cidr_block: 10.0.1.0/24, availability_zone: eu-west-1a}}
"""


def problems(text: str) -> list[str]:
    return [str(problem).removeprefix("t.yaml:") for problem in build(parse(BASE + dedent(text), "t.yaml"))[1]]


def built(text: str) -> ControlPlane:
    plane, found = build(parse(BASE + dedent(text), "t.yaml"))
    assert found == []
    return plane


def test_a_built_in_service_needs_no_declaration():
    plane = built("vpc_endpoints: {e: {service_name: ssm, vpc_endpoint_type: Interface, subnet_ids: [a]}}")
    assert plane.vpc_endpoints["e"].service_name == "com.amazonaws.eu-west-1.ssm"


def test_a_zone_and_its_records_are_made():
    plane = built(
        """
        hosted_zones:
          z:
            name: corp.example
            vpc_ids: [v]
            resource_record_sets:
              - {name: db.corp.example, values: [10.0.1.7, 10.0.1.8]}
              - {name: ssm.corp.example, type: ALIAS, values: [e]}
        vpc_endpoints: {e: {service_name: ssm, vpc_endpoint_type: Interface, subnet_ids: [a]}}
        """
    )
    assert plane.hosted_zones["z"].resource_record_sets == (
        ResourceRecordSet("db.corp.example", "A", ("10.0.1.7", "10.0.1.8")),
        ResourceRecordSet("ssm.corp.example", "ALIAS", ("e",)),
    )


def test_resolver_endpoints_take_given_addresses_before_hosts_take_automatic_ones():
    plane = built(
        """
        instances: {web: {subnet_id: a}}
        resolver_endpoints:
          in: {ip_addresses: [{subnet_id: a, ip: 10.0.1.4}, {subnet_id: a}]}
          late: {ip_addresses: [{subnet_id: a}]}
        """
    )
    hosts = {name: str(eni.private_ip_address) for name, eni in plane.network_interfaces.items()}
    assert hosts == {"eni-in-1": "10.0.1.4", "eni-in-2": "10.0.1.5", "eni-web": "10.0.1.6", "eni-late-1": "10.0.1.7"}


@pytest.mark.fact("DNS-8")
def test_private_dns_for_inbound_endpoints_only_may_stand_before_its_gateway_endpoint():
    plane = built(
        """
        services: {s3: {service_types: [Gateway, Interface]}}
        vpc_endpoints:
          a-interface: {service_name: s3, vpc_endpoint_type: Interface, subnet_ids: [a], private_dns_enabled: true,
                        private_dns_only_for_inbound_resolver_endpoint: true}
          b-gateway: {service_name: s3}
        """
    )
    assert plane.vpc_endpoints["a-interface"].private_dns_only_for_inbound_resolver_endpoint


ZONE = "hosted_zones: {z: {name: ssm.eu-west-1.amazonaws.com, vpc_ids: [v]}}\n"
PRIVATE = "vpc_endpoints: {e: {service_name: %s, vpc_endpoint_type: Interface, private_dns_enabled: true}}"
RECORDS = """\
hosted_zones:
  z:
    name: x.y
    vpc_ids: [v]
    resource_record_sets:
      - {name: a.y, values: [10.0.0.1]}
      - {name: b.x.y, values: [10.0.0.400]}
      - {name: x.y, type: CNAME, values: [a.b]}
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (ZONE + PRIVATE % "ssm", ["4:65: ConflictingDomainExists: The VPC v in region eu-west-1 has already been"]),
        (
            RECORDS,
            [
                "9:16: InvalidChangeBatch: [RRSet with DNS name a.y. is not permitted in zone x.y.]",
                "10:32: InvalidChangeBatch: [Invalid Resource Record: FATAL problem: ARRDATAIllegalIPv4Address",
                "11:27: InvalidChangeBatch: [RRSet of type CNAME with DNS name x.y. is not permitted at apex",
            ],
        ),
        ("hosted_zones: {z: {name: x.y, vpc_ids: [w]}}", ['4:41: InvalidVpcID.NotFound: unknown VPC "w"']),
        (
            "resolver_endpoints: {r: {ip_addresses: [{subnet_id: b}, {subnet_id: a, ip: 10.0.1.1}]}}",
            [
                '4:53: InvalidSubnetID.NotFound: unknown subnet "b"',
                "4:76: InvalidParameterValue: Address 10.0.1.1 is in subnet's reserved address range",
            ],
        ),
        (
            "vpc_endpoints: {e: {service_name: iam, vpc_endpoint_type: Interface}}",
            ["4:35: InvalidServiceName: The Vpc Endpoint Service 'com.amazonaws.eu-west-1.iam' does not exist"],
        ),
        (
            "services: {meter: {}}\n" + PRIVATE % "meter",
            ["5:93: InvalidParameter: Private DNS can't be enabled because the service com.amazonaws.eu-west-1.meter"],
        ),
    ],
)
@pytest.mark.fact("ERR-2", "ERR-9")
def test_what_is_wrong_with_names_is_said_at_its_place(text, expected):
    found = problems(text)
    assert len(found) == len(expected), found
    assert [problem[: len(start)] for problem, start in zip(found, expected, strict=True)] == expected
