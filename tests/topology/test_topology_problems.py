"""Documents with mistakes: each mistake one problem, at its place, with what to do about it."""

# ruff: noqa: E501 - the rows are lines of documents, and their columns count

from __future__ import annotations

import json
from pathlib import Path
from textwrap import dedent

import pytest

from emulator.topology import TopologyError, check, load
from emulator.topology.documents import parse
from emulator.topology.steps import build

BASE = """\
region: us-east-1
vpcs:
  v: {cidr_blocks: [10.0.0.0/16]}
subnets:
  a: {cidr_block: 10.0.1.0/24, availability_zone: us-east-1a}
  b: {cidr_block: 10.0.2.0/24, availability_zone: us-east-1b}
  a2: {cidr_block: 10.0.3.0/24, availability_zone: us-east-1a}
route_tables:
  private: {}
security_groups:
  web: {}
services:
  metering: {availability_zones: [us-east-1a, us-east-1b]}
"""
LINES = BASE.count("\n")


BUILT_IN = """ (AWS's common services are built in; declare others in "services")"""


def problems(text: str) -> list[str]:
    return [str(problem).removeprefix("t.yaml:") for problem in build(parse(dedent(text), "t.yaml"))[1]]


def test_the_base_has_no_problem():
    assert problems(BASE) == []


def test_six_mistakes_in_one_file_are_six_problems(tmp_path: Path):
    path = tmp_path / "five.yaml"
    path.write_text(
        dedent("""\
        region: us-east-1
        vpcs:
          vpc-main: {cidr_blocks: [10.0.0.0/16]}
        subnets:
          private-a: {cidr_block: 10.0.1.0/24, availability_zone: us-east-1a}
          private-b: {cidr_block: 10.0.1.128/25, availability_zone: us-east-1b}
          private-c:
            cidr_block: 10.0.3.0/24
            availability_zone: us-east-1a
        security_groups:
          web: {egress: [{protocol: tcp, ports: 99999999, peer: 0.0.0.0/0}]}
        instances:
          web: {subnet_id: private-a, security_group_ids: [wbe]}
          db: {subnet_id: private-b, security_group_ids: [web]}
        global_accelerators:
          edge: {}
        vpc_endpoints:
          api: {service_name: metering, vpc_endpoint_type: Interface, subnet_ids: [private-a, private-c]}
          s3: {service_name: s3, route_table_id: [private]}
        services:
          metering: {}
        """)
    )
    assert [str(problem).removeprefix(str(path)) for problem in check([path])] == [
        ":6:27: InvalidSubnet.Conflict: The CIDR '10.0.1.128/25' conflicts with another subnet (private-a, 10.0.1.0/24)",
        ':11:41: InvalidParameterValue: ports must be a port, a range like 1024-65535, or all, not "99999999"',
        ':13:52: InvalidGroup.NotFound: unknown security group "wbe": did you mean "web"?',
        ':15:1: UNSUPPORTED_COMPONENT: "global_accelerators" is not modelled',
        ":18:87: DuplicateSubnetsInSameZone: Found another VPC endpoint subnet in the availability zone of private-c",
        ':19:26: UnknownParameter: unknown key "route_table_id": did you mean "route_table_ids"?',
    ]
    with pytest.raises(TopologyError) as refusal:
        load(path)
    assert len(refusal.value.problems) == 6
    assert str(refusal.value).startswith(f"{path}:6:27: InvalidSubnet.Conflict")


# What is added to the base, and the problems it makes: line (from the first added), column, code and words.
ADDITIONS = [
    # shapes
    (
        "settings: {udp_timeout: 30}",
        ["1:25: InvalidParameterValue: udp_timeout must be a duration like 250us, 10ms or 5s, not 30"],
    ),
    (
        "settings: {udp_timeouts: 30s}",
        ['1:12: UnknownParameter: unknown key "udp_timeouts": did you mean "udp_timeout"?'],
    ),
    (
        "settings: {routes_per_table: 0}",
        ["1:30: InvalidParameterValue: routes_per_table: input should be greater than or equal to 1, not 0"],
    ),
    (
        "settings: {interface_endpoint_protocols: [tcp, x]}",
        ["1:48: InvalidParameterValue: Invalid value 'x' for IP protocol."],
    ),
    ("settings: {ip_versions: [5]}", ["1:26: InvalidParameterValue: ip_versions must be 4 or 6, not 5"]),
    ("instances: []", ["1:1: InvalidParameterValue: instances must be a mapping (key: value), not a list"]),
    ("instances: {i: 5}", ["1:16: InvalidParameterValue: i must be a mapping (key: value), not 5"]),
    ("instances: {i: {}}", ['1:13: MissingParameter: the key "subnet_id" is missing']),
    ("instances:\n  i:", ['2:3: MissingParameter: the key "subnet_id" is missing']),
    (
        "instances: {i: {subnet_id: 5}}",
        ["1:28: InvalidParameterValue: subnet_id must be text, not 5 (put it in quotes)"],
    ),
    ("instances: {i: {subnet: a}}", ['1:17: UnknownParameter: unknown key "subnet": did you mean "subnet_id"?']),
    (
        "instances: {i: {subnet_id: a, x: 1}}",
        ['1:31: UnknownParameter: unknown key "x" (known: subnet_id, security_group_ids'],
    ),
    (
        "instances: {i: {subnet_id: a, security_group_ids: web}}",
        ['1:51: InvalidParameterValue: security_group_ids must be a list, not "web"'],
    ),
    (
        "instances: {i: {subnet_id: a, source_dest_check: no}}",
        ['1:50: InvalidParameterValue: source_dest_check must be true or false, not "no"'],
    ),
    (
        "instances: {i: {subnet_id: a, ipv6_addresses: ['::1']}}",
        ['1:31: UNSUPPORTED_COMPONENT: "ipv6_addresses" is not modelled'],
    ),
    ("local_gateways: {lgw: {}}", ['1:1: UNSUPPORTED_COMPONENT: "local_gateways" is not modelled']),
    ("intsances: {}", ['1:1: UnknownParameter: unknown key "intsances": did you mean "instances"?']),
    (
        "network_acls: {n: {ingress: [{rule_number: 1, protocol: tcp, cidr_block: 0.0.0.0/0, rule_action: drop}]}}",
        ['1:98: InvalidParameterValue: rule_action must be allow or deny, not "drop"'],
    ),
    (
        "vpc_endpoints: {e: {service_name: s3, az_queue: 10 minutes}}",
        ["1:49: InvalidParameterValue: az_queue must be a duration like 10ms or a size like 12MB"],
    ),
    (
        "vpc_endpoints: {e: {service_name: s3, az_queue: lots}}",
        ['1:49: InvalidParameterValue: az_queue must be a duration like 10ms or a size like 12MB, not "lots"'],
    ),
    (
        "vpc_endpoints: {e: {service_name: s3, policy_document: 5}}",
        ["1:56: InvalidParameterValue: policy_document must be a mapping or JSON text"],
    ),
    # names
    ("instances: {i: {subnet_id: c}}", ['1:28: InvalidSubnetID.NotFound: unknown subnet "c"']),
    ("instances: {i: {subnet_id: A2}}", ['1:28: InvalidSubnetID.NotFound: unknown subnet "A2": did you mean "a2"?']),
    (
        "instances: {i: {subnet_id: c, security_group_ids: [web, wed]}}",
        [
            '1:28: InvalidSubnetID.NotFound: unknown subnet "c"',
            '1:57: InvalidGroup.NotFound: unknown security group "wed": did you mean "web"?',
        ],
    ),
    ("security_groups: {}", ['1:1: EMU_YAML: the key "security_groups" comes twice (first in line 10)']),
    ("network_acls: {n: {subnet_ids: [a, c]}}", ['1:36: InvalidSubnetID.NotFound: unknown subnet "c"']),
    (
        "network_acls: {n: {subnet_ids: [a]}, m: {subnet_ids: [a]}}",
        ['1:33: InvalidParameterValue: the subnet "a" already uses "m"; a subnet has one network ACL'],
    ),
    ("vpc_endpoints: {e: {service_name: S3}}", ['1:35: InvalidServiceName: unknown service "S3": did you mean "s3"?']),
    (
        "vpc_endpoints: {e: {service_name: water}}",
        [f'1:35: InvalidServiceName: unknown service "water"{BUILT_IN}'],
    ),
    (
        "vpc_endpoints: {e: {service_name: com.amazonaws.us-west-2.s3}}",
        [
            '1:35: InvalidServiceName: the service "com.amazonaws.us-west-2.s3" is not one of us-east-1, and endpoints stay in their Region'
        ],
    ),
    (
        "vpc_endpoints: {e: {service_name: s3, route_table_ids: [private, privat]}}",
        ['1:66: InvalidRouteTableID.NotFound: unknown route table "privat": did you mean "private"?'],
    ),
    ("vpc_peering_connections: {p: {vpc_id: v, peer_vpc_id: w}}", ['1:55: InvalidVpcID.NotFound: unknown VPC "w"']),
    (
        "network_interfaces: {n: {subnet_id: a, instance_id: i}}",
        ['1:53: InvalidInstanceID.NotFound: unknown instance "i"'],
    ),
    # what verbs refuse
    (
        "instances: {i: {subnet_id: a, private_ip_address: 10.0.1.1}}",
        ["1:51: InvalidParameterValue: Address 10.0.1.1 is in subnet's reserved address range"],
    ),
    (
        "instances: {i: {subnet_id: a, private_ip_address: 10.0.1.9}, j: {subnet_id: a, private_ip_address: 10.0.1.9}}",
        ["1:100: InvalidIPAddress.InUse: Address 10.0.1.9 is in use."],
    ),
    ("instances: {i/j: {subnet_id: a}}", ["1:13: InvalidParameterValue: Invalid id: 'i/j'"]),
    (
        "prefix_lists: {p: {cidrs: [10.0.0.0/8, 10.0.0.0/33]}}",
        ["1:40: InvalidParameterValue: Value (10.0.0.0/33) for parameter entries is invalid."],
    ),
    (
        "prefix_lists: {pl-63a5400a: {cidrs: [10.0.0.0/8, x]}}",
        ["1:50: InvalidParameterValue: Value (x) for parameter cidrs is invalid."],
    ),
    (
        "prefix_lists: {p: {cidrs: [10.0.0.0/8], max_entries: 0}}",
        ["1:54: InvalidParameterValue: Value (0) for parameter maxEntries is invalid."],
    ),
    (
        "vpc_endpoints: {e: {service_name: metering}}",
        ["1:17: InvalidParameter: Endpoint type (Gateway) does not match available service types ([Interface])"],
    ),
    (
        "vpc_endpoints: {e: {service_name: s3, vpc_endpoint_type: GatewayLoadBalancer}}",
        ["1:58: UNSUPPORTED_COMPONENT: endpoints of type GatewayLoadBalancer are not modelled"],
    ),
    (
        "vpc_endpoints: {e: {service_name: s3, route_table_ids: [private]}, f: {service_name: s3, route_table_ids: [rtb-main-v, private]}}",
        [
            "1:120: RouteAlreadyExists: route table private already has a route with destination-prefix-list-id pl-63a5400a"
        ],
    ),
    (
        "vpc_endpoints: {e: {service_name: metering, vpc_endpoint_type: Interface, private_dns_enabled: true}}",
        ["1:96: InvalidParameter: Enabling private DNS requires both enableDnsSupport and enableDnsHostnames"],
    ),
    (
        "vpc_endpoints: {e: {service_name: metering, vpc_endpoint_type: Interface, subnet_ids: [b], subnet_configurations: [{subnet_id: b, ipv4: 10.0.1.9}]}}",
        [
            "1:137: InvalidParameterValue: Address 10.0.1.9 does not fall within the subnet's address range (10.0.2.0/24)"
        ],
    ),
    (
        "vpc_endpoints: {e: {service_name: s3, policy_document: '{'}}",
        [
            "1:56: InvalidPolicyDocument: The policy is not valid JSON: expected a string in double quotes (line 1, column 2 of the policy)"
        ],
    ),
    (
        "vpc_endpoints: {e: {service_name: s3, policy_document: {Statement: [{Effect: Permit, Principal: '*', Action: '*', Resource: '*'}]}}}",
        ['1:78: InvalidPolicyDocument: Effect must be "Allow" or "Deny"'],
    ),
    (
        "vpc_endpoints:\n  e:\n    service_name: s3\n    policy_document:\n      Statement:\n      - Effect: Allow\n        Condition: {Like: {}}",
        [
            "6:9: InvalidPolicyDocument: The statement has no Action",
            "6:9: InvalidPolicyDocument: The statement has no Principal",
            "6:9: InvalidPolicyDocument: The statement has no Resource",
            '7:21: InvalidPolicyDocument: Unknown condition operator "Like"',
        ],
    ),
    (
        "network_interfaces: {eni-i: {subnet_id: a}}\ninstances: {i: {subnet_id: a, private_ip_address: 10.0.1.9}}",
        ["1:22: InvalidParameterValue: The id 'eni-i' is already in use"],
    ),
    # route tables: the base has one already, so these bring a VPC's main table
    (
        "network_acls:\n  n:\n    egress:\n    - {rule_number: 1, protocol: tcp, cidr_block: 0.0.0.0/0, rule_action: allow}\n    - {rule_number: 1, protocol: udp, cidr_block: 0.0.0.0/0, rule_action: deny}",
        ["5:21: NetworkAclEntryAlreadyExists: The network acl entry identified by 1 already exists."],
    ),
    (
        "network_acls: {n: {egress: [{rule_number: 1, protocol: icmp, ports: 8, cidr_block: 0.0.0.0/0, rule_action: allow}]}}",
        ["1:69: InvalidParameterValue: icmp has no ports; it has icmp_type and icmp_code"],
    ),
    (
        "network_acls: {n: {egress: [{rule_number: 1, protocol: tcp, icmp_type: 8, cidr_block: 0.0.0.0/0, rule_action: allow}]}}",
        ["1:72: InvalidParameterValue: icmp_type belongs to the protocol icmp"],
    ),
    (
        "network_acls: {n: {egress: [{rule_number: 1, protocol: icmp, icmp_type: 300, cidr_block: 0.0.0.0/0, rule_action: allow}]}}",
        ["1:73: InvalidParameterValue: Invalid value '300' for ICMP type or code."],
    ),
    (
        "network_acls: {n: {egress: [{rule_number: 1, protocol: tcp, ports: 9-8, cidr_block: 0.0.0.0/0, rule_action: allow}]}}",
        ["1:68: InvalidParameterValue: Invalid value '9-8' for portRange."],
    ),
]


@pytest.mark.parametrize(("addition", "expected"), ADDITIONS)
def test_each_mistake_is_one_problem_at_its_place(addition, expected):
    found = problems(BASE + addition + "\n")
    shifted = []
    for line in expected:
        number, rest = line.split(":", 1)
        shifted.append(f"{int(number) + LINES}:{rest}")
    assert len(found) == len(shifted), found
    for one, start in zip(found, shifted, strict=True):
        assert one.startswith(start)


ROUTES = """\
region: us-east-1
vpcs: {{v: {{cidr_blocks: [10.0.0.0/16]}}, w: {{cidr_blocks: [10.9.0.0/16]}}}}
route_tables:
  r:
    vpc_id: v
    routes:
    - {{destination: 10.9.0.0/16, target: pcx}}
    - {{destination: {destination}, target: {target}}}
vpc_peering_connections: {{pcx: {{vpc_id: v, peer_vpc_id: w}}}}
vpc_endpoints: {{s3: {{vpc_id: v, service_name: s3, route_table_ids: [r]}}, free: {{vpc_id: v, service_name: dynamodb}}}}
"""


@pytest.mark.parametrize(
    ("destination", "target", "expected"),
    [
        (
            "10.8.0.0/16",
            "pcy",
            '8:42: InvalidVpcPeeringConnectionID.NotFound: unknown VPC peering connection "pcy": did you mean "pcx"?',
        ),
        (
            "10.0.1.0/24",
            "pcx",
            "8:21: InvalidParameterValue: The destination CIDR block 10.0.1.0/24 is equal to or more specific",
        ),
        ("10.9.0.1/16", "pcx", "8:21: RouteAlreadyExists: The route identified by 10.9.0.0/16 already exists."),
        ("0.0.0.0/0", "igw-1", '8:40: InvalidInternetGatewayID.NotFound: unknown internet gateway "igw-1"'),
        ("0.0.0.0/0", "nat-1", '8:40: NatGatewayNotFound: unknown NAT gateway "nat-1"'),
        ("0.0.0.0/0", "vgw-1", '8:40: InvalidVpnGatewayID.NotFound: unknown virtual private gateway "vgw-1"'),
        ("0.0.0.0/0", "local", "8:40: InvalidParameterValue: local routes come with"),
        ("0.0.0.0/0", "s3", "8:40: RouteNotSupported: Route table r contains unsupported route target: s3."),
        ("pl-63a5400a", "free", "8:21: RouteAlreadyExists: The route identified by pl-63a5400a already exists."),
        (
            "pl-02cd2c6b",
            "free",
            "8:42: InvalidParameterValue: Cannot create or replace a prefix list route targeting a VPC Endpoint.",
        ),
        (
            "pl-63a5400b",
            "pcx",
            '8:21: InvalidPrefixListID.NotFound: unknown prefix list "pl-63a5400b": did you mean "pl-63a5400a"?',
        ),
        ("10.9", "pcx", "8:21: InvalidParameterValue: destination must be text, not 10.9 (put it in quotes)"),
        (
            "10.9.0.0",
            "pcx",
            "8:21: InvalidParameterValue: Value (10.9.0.0) for parameter destinationCidrBlock is invalid.",
        ),
        ("'::/0'", "pcx", "8:21: UNSUPPORTED_COMPONENT: the IPv6 CIDR block ::/0 is not modelled"),
    ],
)
def test_what_is_wrong_with_a_route(destination, target, expected):
    (found,) = problems(ROUTES.format(destination=destination, target=target))
    assert found.startswith(expected)


GROUPS = """\
region: us-east-1
vpcs: {{v: {{cidr_blocks: [10.0.0.0/16]}}}}
prefix_lists: {{both: {{cidrs: [10.0.0.0/8]}}}}
security_groups:
  web:
    egress: []
    ingress:
    - {{protocol: tcp, ports: 80, peer: 10.0.0.0/8}}
    - {{{rule}}}
  both: {{}}
"""


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (
            "protocol: tcp, ports: 80, peer: wbe",
            '9:40: InvalidGroup.NotFound: unknown security group "wbe": did you mean "web"?',
        ),
        ("protocol: tcp, ports: 80, peer: pl-63", '9:40: InvalidPrefixListID.NotFound: unknown prefix list "pl-63"'),
        (
            "protocol: tcp, ports: 80, peer: both",
            '9:40: InvalidParameterValue: "both" is a security group and a prefix list; rename one of them',
        ),
        (
            "protocol: tcp, ports: 80, peer: 10.0.0.0/8",
            '9:7: InvalidPermission.Duplicate: the specified rule "peer: 10.0.0.0/8, TCP, from port: 80, to port: 80, ALLOW"',
        ),
        (
            "protocol: tcp, ports: 70000, peer: web",
            "9:30: InvalidParameterValue: Invalid value '70000' for portRange. Ports are 0 to 65535.",
        ),
        (
            "protocol: sctp, peer: web",
            "9:18: InvalidParameterValue: Invalid value 'sctp' for IP protocol. Unknown protocol.",
        ),
        ("protocol: tcp, ports: 80", '9:7: MissingParameter: the key "peer" is missing'),
        ("protocol: tcp, port: 80, peer: web", '9:23: UnknownParameter: unknown key "port": did you mean "ports"?'),
        (
            "protocol: true, peer: web",
            "9:18: InvalidParameterValue: protocol must be tcp, udp, icmp, all or a number, not True",
        ),
    ],
)
def test_what_is_wrong_with_a_rule(rule, expected):
    (found,) = problems(GROUPS.format(rule=rule))
    assert found.startswith(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ['1:1: MissingParameter: the key "region" is missing']),
        ("[]", ["1:1: InvalidParameterValue: the document must be a mapping (key: value), not a list"]),
        ("region: mars-1x", ['1:9: InvalidParameterValue: region must be a Region like us-east-1, not "mars-1x"']),
        ("regoin: us-east-1", ['1:1: UnknownParameter: unknown key "regoin": did you mean "region"?']),
        (
            "region: us-east-1\nsubnets: {a: {cidr_block: 10.0.0.0/24, availability_zone: us-east-1a}}\nroute_tables: {r: {}}",
            ['3:16: MissingParameter: the key "vpc_id" is missing: the document has no VPC'],
        ),
        (
            "region: us-east-1\nvpcs: {v: {cidr_blocks: [10.0.0.0/16]}, w: {cidr_blocks: [10.1.0.0/16]}}\nroute_tables: {r: {}}",
            ['3:16: MissingParameter: the key "vpc_id" is missing: the document has several VPCs (v, w)'],
        ),
        ("region: us-east-1\nvpcs: {v: {cidr_blocks: []}}", ["2:12: InvalidParameterValue: cidr_blocks: list should"]),
        (
            "region: us-east-1\nservices: {s3: {}, com.amazonaws.us-east-1.s3: {}}",
            ['2:12: InvalidParameterValue: "s3" and "com.amazonaws.us-east-1.s3" are the same service'],
        ),
    ],
)
def test_what_is_wrong_with_a_document_as_a_whole(text, expected):
    found = problems(text)
    if "no VPC" in expected[0]:
        assert len(found) == 1  # said once, not for every entry
        assert found[0].endswith("the document has no VPC")
        return
    assert len(found) == len(expected), found
    assert all(one.startswith(start) for one, start in zip(found, expected, strict=True))


CASCADES = [
    ("vpcs: {v: {cidr_blocks: [10.0.0.0/99]}}", "2:26: InvalidParameterValue"),
    ("vpcs: {v: {cidr_blocks: [10.0.0.0/16], x: 1}}", "2:40: UnknownParameter"),
    ("vpc: {v: {cidr_blocks: [10.0.0.0/16]}}", '2:1: UnknownParameter: unknown key "vpc": did you mean "vpcs"?'),
    ("vpcs: [v]", "2:1: InvalidParameterValue: vpcs must be a mapping"),
]


@pytest.mark.parametrize(("vpcs", "expected"), CASCADES)
def test_what_depends_on_a_mistake_is_no_mistake(vpcs, expected):
    rest = BASE.split("\n", 3)[3]
    text = f"""\
region: us-east-1
{vpcs}
{rest}
instances: {{i: {{subnet_id: a, security_group_ids: [web, sg-default-v]}}}}
network_acls: {{n: {{vpc_id: v, subnet_ids: [a]}}}}
vpc_endpoints: {{s3: {{vpc_id: v, service_name: s3, route_table_ids: [private, rtb-main-v]}}}}
"""
    (found,) = problems(text)
    assert found.startswith(expected)


def test_problems_of_all_files_come_at_once(tmp_path: Path):
    good, bad, broken = (tmp_path / name for name in ("good.yaml", "bad.yaml", "broken.yaml"))
    good.write_text(BASE)
    bad.write_text(BASE + "x: 1\n")
    broken.write_text("a: [")
    assert [(Path(one.file).name, one.code) for one in check([good, bad, broken, tmp_path / "none.yaml"])] == [
        ("bad.yaml", "UnknownParameter"),
        ("broken.yaml", "EMU_YAML"),
        ("none.yaml", "EMU_FILE"),
    ]


# -- --set ----------------------------------------------------------------------------

SETTABLE = BASE + (
    "vpc_endpoints: {api: {service_name: metering, vpc_endpoint_type: Interface, subnet_ids: [a], az_bandwidth: 10Gbps}}\n"
    "settings: {udp_timeout: 40s}\n"
)


@pytest.fixture
def topology(tmp_path: Path) -> Path:
    path = tmp_path / "t.yaml"
    path.write_text(SETTABLE.replace("  metering:", "  com.amazonaws.us-east-1.metering:"))
    return path


def test_one_value_can_be_changed_for_one_run(topology: Path):
    plane = load(
        topology,
        [
            ("vpc_endpoints.api.az_bandwidth", "1Gbps"),
            ("vpc_endpoints.api.az_burst", "64KiB"),  # absent in the file, known to the schema
            ("vpc_endpoints.api.subnet_ids", "[a, b]"),
            ("services.com.amazonaws.us-east-1.metering.service_delay", "1ms"),  # an id with dots
            ("settings.udp_timeout", "50s"),
            ("settings.inter_az_delay", "1ms"),
        ],
    )
    api = plane.vpc_endpoints["api"]
    assert (api.az_bandwidth, api.az_burst, api.subnet_ids) == (10**9, 65_536, ("a", "b"))
    assert plane.services["com.amazonaws.us-east-1.metering"].service_delay == 1_000_000
    assert (plane.settings.udp_timeout, plane.settings.inter_az_delay) == (50 * 10**9, 1_000_000)


def test_an_element_of_a_list_can_be_changed(topology: Path):
    assert load(topology, [("vpc_endpoints.api.subnet_ids.0", "b")]).vpc_endpoints["api"].subnet_ids == ("b",)


def test_a_setting_can_be_set_where_the_file_has_none(tmp_path: Path):
    (tmp_path / "t.yaml").write_text(BASE)
    assert load(tmp_path / "t.yaml", [("settings.udp_timeout", "50s")]).settings.udp_timeout == 50 * 10**9


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        (
            "vpc_endpoints.apj.az_bandwidth",
            "1Gbps",
            'UnknownParameter: there is no "apj.az_bandwidth" in "vpc_endpoints": did you mean "api"?',
        ),
        (
            "vpc_endpoints.api.az_bandwith",
            "1Gbps",
            'UnknownParameter: there is no "az_bandwith" in "vpc_endpoints.api": did you mean "az_bandwidth"?',
        ),
        ("vpc_endpoints.api.subnet_ids.7", "b", 'UnknownParameter: there is no "7" in "vpc_endpoints.api.subnet_ids"'),
        ("nothing", "1", 'UnknownParameter: there is no "nothing"'),
        ("vpc_endpoints", "{}", 'InvalidParameterValue: "vpc_endpoints" is not settable'),
        ("vpc_endpoints.api", "{}", 'InvalidParameterValue: "vpc_endpoints.api" is not settable'),
        ("settings", "{}", 'InvalidParameterValue: "settings" is not settable'),
        ("vpc_endpoints.api.az_bandwidth", "1GB", "InvalidParameterValue: az_bandwidth must be a rate"),
        ("vpc_endpoints.api.az_bandwidth", "[", "EMU_YAML"),
        ("vpc_endpoints.api.subnet_ids", "[none]", 'InvalidSubnetID.NotFound: unknown subnet "none"'),
    ],
)
def test_a_wrong_override_is_a_problem_of_the_command_line(topology: Path, key, value, message):
    (problem,) = check([topology], [(key, value)])
    assert problem.file == f"--set {key}={value}"
    assert f"{problem.code}: {problem.message}".startswith(message)


def test_json_is_a_document_too():
    data = {"region": "us-east-1", "vpcs": {"v": {"cidr_blocks": ["10.0.0.0/16"]}}}
    assert problems(json.dumps(data)) == []
