"""Documents with load balancers, endpoint services and endpoints of today."""

from __future__ import annotations

import json
from random import Random

import pytest

from emulator.model.endpoint_services import Listener, PrivateDnsNameState, Target, TargetHealth
from emulator.model.resources import EndpointState
from emulator.model.settings import SECOND
from emulator.topology import TopologyError, load_document
from emulator.topology.documents import parse
from tests.topology.test_topology_build import shuffled, state

BASE = """\
region: us-east-1
vpcs:
  provider: {cidr_blocks: [10.9.0.0/16]}
  consumer: {cidr_blocks: [10.0.0.0/16], owner_id: "999999999999", enable_dns_hostnames: true}
subnets:
  p-a: {vpc_id: provider, cidr_block: 10.9.1.0/24, availability_zone: us-east-1a}
  p-b: {vpc_id: provider, cidr_block: 10.9.2.0/24, availability_zone: us-east-1b}
  c-a: {vpc_id: consumer, cidr_block: 10.0.1.0/24, availability_zone: us-east-1a}
security_groups: {front: {vpc_id: provider}}
instances: {api-1: {subnet_id: p-a}, api-2: {subnet_id: p-b}}
target_groups:
  api:
    vpc_id: provider
    port: 8443
    proxy_protocol_v2_enabled: true
    targets:
    - {target_id: api-1}
    - {target_id: api-2, port: 9000, health: unhealthy}
load_balancers:
  nlb:
    subnet_ids: [p-a]
    subnet_mappings: [{subnet_id: p-b, private_ipv4_address: 10.9.2.77}]
    security_group_ids: [front]
    enforce_security_group_inbound_rules_on_private_link_traffic: false
    cross_zone: true
    idle_timeout: 400s
    listeners: [{port: 443, protocol: TLS, target_group_name: api}]
vpc_endpoint_service_configurations:
  vpce-svc-1:
    load_balancer_names: [nlb]
    allowed_principals: ["arn:aws:iam::999999999999:root"]
    private_dns_name: api.example.com
    private_dns_name_state: verified
vpc_endpoints:
  ep: {vpc_id: consumer, service_name: vpce-svc-1, vpc_endpoint_type: Interface, subnet_ids: [c-a]}
"""


def built(text: str):
    return load_document(parse(text, "net.yaml"))


def problems(text: str) -> list[str]:
    with pytest.raises(TopologyError) as refusal:
        built(text)
    return [str(problem).removeprefix("net.yaml:") for problem in refusal.value.problems]


@pytest.mark.fact("SVC-1", "SVC-2", "SVC-12")
def test_a_document_offers_a_service_behind_a_load_balancer():
    plane = built(BASE)
    balancer = plane.load_balancers["nlb"]
    assert balancer.network_interface_ids == ("eni-nlb-us-east-1a", "eni-nlb-us-east-1b")
    assert str(plane.network_interfaces["eni-nlb-us-east-1b"].private_ip_address) == "10.9.2.77"
    assert (balancer.security_group_ids, balancer.cross_zone) == (("front",), True)
    assert not balancer.enforce_security_group_inbound_rules_on_private_link_traffic
    assert balancer.idle_timeout == 400 * SECOND
    assert balancer.listeners == (Listener(443, "TLS", "api"),)
    group = plane.target_groups["api"]
    assert group.proxy_protocol_v2_enabled
    assert group.targets == (Target("api-1", 8443), Target("api-2", 9000, TargetHealth.UNHEALTHY))
    service = plane.vpc_endpoint_service_configurations["vpce-svc-1"]
    assert service.private_dns_name_state is PrivateDnsNameState.VERIFIED
    assert plane.services[service.service_name].service_id == "vpce-svc-1"


@pytest.mark.fact("VPCE-10", "SVC-4")
@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("", EndpointState.PENDING_ACCEPTANCE),
        (", state: available", EndpointState.AVAILABLE),
        (", state: rejected", EndpointState.REJECTED),
    ],
)
def test_an_endpoint_waits_for_acceptance_unless_the_document_says_its_state(more, expected):
    text = BASE.replace("subnet_ids: [c-a]}", f"subnet_ids: [c-a]{more}}}")
    assert built(text).vpc_endpoints["ep"].state is expected


def test_endpoints_and_services_may_come_in_any_order():
    document = parse(BASE, "net.yaml").data
    plain = state(load_document(parse(BASE, "net.yaml")))
    for seed in range(5):
        text = json.dumps(shuffled(document, Random(seed)))
        assert state(load_document(parse(text, "net.json"))) == plain


def test_an_automatic_node_keeps_out_of_the_way_of_a_designated_address():
    text = (
        BASE.replace("subnet_ids: [c-a]}", "subnet_configurations: [{subnet_id: p-a, ipv4: 10.9.1.4}]}")
        .replace("vpc_id: consumer, service", "vpc_id: provider, service")
        .replace('"999999999999"', '"123456789012"')
    )
    text = text.replace("999999999999", "123456789012")
    plane = built(text)
    assert str(plane.network_interfaces["eni-ep-us-east-1a"].private_ip_address) == "10.9.1.4"
    assert str(plane.network_interfaces["eni-nlb-us-east-1a"].private_ip_address) == "10.9.1.5"


@pytest.mark.fact("DNS-8", "ERR-10")
def test_s3_has_a_gateway_endpoint_beside_its_interface_endpoint_for_inbound_resolvers():
    text = """\
region: us-east-1
vpcs: {v: {cidr_blocks: [10.0.0.0/16], enable_dns_hostnames: true}}
subnets: {a: {cidr_block: 10.0.1.0/24, availability_zone: us-east-1a}}
vpc_endpoints:
  a-private: {service_name: s3, vpc_endpoint_type: Interface, subnet_ids: [a], private_dns_enabled: true}
  z-gateway: {service_name: s3}
"""
    endpoint = built(text).vpc_endpoints["a-private"]
    assert endpoint.private_dns_only_for_inbound_resolver_endpoint
    alone = text.replace("  z-gateway: {service_name: s3}\n", "")
    (problem,) = problems(alone)
    assert problem.startswith(
        "5:101: InvalidParameter: To set PrivateDnsOnlyForInboundResolverEndpoint to true, the VPC v"
    )
    alone = alone.replace(
        "private_dns_enabled: true}",
        "private_dns_enabled: true, private_dns_only_for_inbound_resolver_endpoint: false}",
    )
    assert not built(alone).vpc_endpoints["a-private"].private_dns_only_for_inbound_resolver_endpoint


MISTAKES = [
    ("target_id: api-1", "target_id: api-9", 'InvalidInstanceID.NotFound: unknown instance "api-9"'),
    ("port: 443, protocol: TLS", "port: 443, protocol: UDP", "IncompatibleProtocols: Listener protocol 'UDP'"),
    ("target_group_name: api}", "target_group_name: apy}", 'TargetGroupNotFound: unknown target group "apy"'),
    ("idle_timeout: 400s", "idle_timeout: 7000s", "InvalidConfigurationRequest: tcp.idle_timeout.seconds"),
    ("    security_group_ids: [front]\n", "", "InvalidConfigurationRequest: The load balancer 'nlb' was created"),
    ("10.9.2.77", "10.9.3.77", "InvalidParameterValue: Address 10.9.3.77 does not fall within"),
    ("subnet_ids: [p-a]", "subnet_ids: [p-a, c-a]", "InvalidSubnet: The subnet 'c-a' is not in the VPC"),
    ("[nlb]", "[nbl]", 'InvalidNetworkLoadBalancerArn.NotFound: unknown load balancer "nbl"'),
    ("api.example.com", "Api", "InvalidParameterValue: 'Api' is not a host name in lower case"),
    ("arn:aws:iam::999999999999:root", "999999999999", "InvalidPrincipal: Invalid Principal: '999999999999'"),
    (
        "arn:aws:iam::999999999999:root",
        "arn:aws:iam::111111111111:root",
        "InvalidServiceName: The Vpc Endpoint Service",
    ),
    ("service_name: vpce-svc-1", "service_name: vpce-svc-2", 'InvalidServiceName: unknown service "vpce-svc-2"'),
    ("  vpce-svc-1:\n", "  svc-1:\n", "InvalidServiceName"),
    ("vpc_id: provider\n    port", "port", 'MissingParameter: the key "vpc_id" is missing'),
]


@pytest.mark.parametrize(("old", "new", "expected"), MISTAKES)
def test_each_mistake_about_a_service_is_reported(old: str, new: str, expected: str):
    assert old in BASE
    found = problems(BASE.replace(old, new))
    assert any(expected in problem for problem in found), found


def test_all_mistakes_are_reported_at_once():
    text = BASE.replace("target_id: api-1", "target_id: api-9").replace("10.9.2.77", "10.9.3.77")
    found = problems(text.replace('["arn', '["x", "y", "arn'))
    assert len(found) == 4, found
