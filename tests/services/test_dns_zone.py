from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from netaddr import IPAddress, IPNetwork

from emulator.model.resources import (
    EndpointState,
    InterfaceType,
    NetworkInterface,
    Service,
    Subnet,
    Vpc,
    VpcEndpoint,
    VpcEndpointType,
)
from emulator.services.names import dns_label, endpoint_names, interface_name
from emulator.services.views import World, zone_of
from emulator.services.zone import NO_SUCH_NAME, Answer, Source, Zone

PUBLIC = IPAddress("52.94.0.1")
NAME = "monitoring.us-east-1.amazonaws.com"
SERVICE = Service(
    "com.amazonaws.us-east-1.monitoring",
    "us-east-1",
    (VpcEndpointType.INTERFACE,),
    private_dns_names=(NAME,),
    public_addresses=(PUBLIC,),
)
S3 = Service(
    "com.amazonaws.us-east-1.s3",
    "us-east-1",
    (VpcEndpointType.GATEWAY, VpcEndpointType.INTERFACE),
    private_dns_names=("s3.us-east-1.amazonaws.com", "*.s3.us-east-1.amazonaws.com"),
    public_addresses=(IPAddress("52.216.0.1"), IPAddress("52.216.0.2")),
)
SUBNETS = [
    Subnet("subnet-a", "vpc-1", IPNetwork("10.0.1.0/24"), "us-east-1a", "acl-1"),
    Subnet("subnet-b", "vpc-1", IPNetwork("10.0.2.0/24"), "us-east-1b", "acl-1"),
]
INTERFACES = [
    NetworkInterface("eni-web", "subnet-a", "vpc-1", IPAddress("10.0.1.10"), (), "i-web"),
    *(
        NetworkInterface(
            f"eni-{zone}",
            f"subnet-{zone}",
            "vpc-1",
            IPAddress(address),
            (),
            "vpce-0b66",
            InterfaceType.VPC_ENDPOINT,
        )
        for zone, address in (("a", "10.0.1.5"), ("b", "10.0.2.5"))
    ),
]
ENDPOINT = VpcEndpoint(
    "vpce-0b66",
    VpcEndpointType.INTERFACE,
    "vpc-1",
    SERVICE.service_name,
    "{}",
    subnet_ids=("subnet-a", "subnet-b"),
    network_interface_ids=("eni-a", "eni-b"),
    private_dns_enabled=True,
    dns_suffix="k3v9x0ab",
)
BOTH = ("10.0.1.5", "10.0.2.5")
REGIONAL = "vpce-0b66-k3v9x0ab.monitoring.us-east-1.vpce.amazonaws.com"


def vpc(vpc_id="vpc-1", *, support=True, hostnames=True):
    return Vpc(vpc_id, "us-east-1", (IPNetwork("10.0.0.0/16"),), "rtb", "sg", "acl", support, hostnames)


def world(endpoints=(ENDPOINT,), services=(SERVICE, S3), **others):
    return World(
        tuple(endpoints),
        {one.network_interface_id: one for one in INTERFACES},
        {one.service_name: one for one in services},
        {one.subnet_id: one for one in SUBNETS},
        **others,
    )


def lookup(name, *, of=None, endpoint=ENDPOINT, services=(SERVICE, S3), **others):
    answer = zone_of(of or vpc(), world([endpoint], services, **others)).lookup(name)
    return answer.addresses and tuple(map(str, answer.addresses)), answer.source


@pytest.mark.parametrize(
    ("name", "addresses", "source"),
    [
        pytest.param(NAME, BOTH, Source.PRIVATE_DNS, marks=pytest.mark.fact("VPCE-IF-20", "DNS-7")),  # VPCE-IF-20
        (NAME.upper() + ".", BOTH, Source.PRIVATE_DNS),
        pytest.param(REGIONAL, BOTH, Source.ENDPOINT, marks=pytest.mark.fact("VPCE-IF-17")),  # VPCE-IF-17: all AZs
        pytest.param(
            "vpce-0b66-k3v9x0ab-us-east-1a.monitoring.us-east-1.vpce.amazonaws.com",
            BOTH[:1],
            Source.ENDPOINT,
            marks=pytest.mark.fact("VPCE-IF-17"),
        ),
        pytest.param(
            "vpce-0b66-k3v9x0ab-us-east-1b.monitoring.us-east-1.vpce.amazonaws.com",
            BOTH[1:],
            Source.ENDPOINT,
            marks=pytest.mark.fact("VPCE-IF-17"),
        ),
        ("vpce-0b66-k3v9x0ab-us-east-1c.monitoring.us-east-1.vpce.amazonaws.com", None, Source.NONE),
        (f"x.{REGIONAL}", None, Source.NONE),
        ("ip-10-0-1-10.ec2.internal", ("10.0.1.10",), Source.INTERFACE),
        ("ip-10-0-1-11.ec2.internal", None, Source.NONE),
        pytest.param(
            "s3.us-east-1.amazonaws.com",
            ("52.216.0.1", "52.216.0.2"),
            Source.PUBLIC,
            marks=pytest.mark.fact("VPCE-GW-17"),
        ),  # VPCE-GW-17
        ("training.s3.us-east-1.amazonaws.com", ("52.216.0.1", "52.216.0.2"), Source.PUBLIC),
        ("my.training.s3.us-east-1.amazonaws.com", ("52.216.0.1", "52.216.0.2"), Source.PUBLIC),
        ("us-east-1.amazonaws.com", None, Source.NONE),
        ("", None, Source.NONE),
        (".", None, Source.NONE),
    ],
)
def test_what_a_vpc_with_an_endpoint_sees(name, addresses, source):
    assert lookup(name) == (addresses, source)


@pytest.mark.fact("VPCE-IF-20", "VPCE-IF-21", "VPCE-10", "DNS-7")
@pytest.mark.parametrize(
    "options",
    [
        {"of": vpc("vpc-2")},  # DNS-7, VPCE-IF-20: other VPCs keep public answers
        {"of": vpc(hostnames=False)},  # VPCE-IF-21
        {"endpoint": replace(ENDPOINT, private_dns_enabled=False)},
        {"endpoint": replace(ENDPOINT, state=EndpointState.PENDING)},  # VPCE-10
    ],
)
def test_without_private_dns_the_public_answer_stands(options):
    assert lookup(NAME, **options) == ((str(PUBLIC),), Source.PUBLIC)


@pytest.mark.fact("VPCE-IF-19")
def test_endpoint_names_resolve_in_every_vpc_and_interface_names_in_their_own():
    assert lookup(REGIONAL, of=vpc("vpc-2", hostnames=False)) == (BOTH, Source.ENDPOINT)
    assert lookup("ip-10-0-1-10.ec2.internal", of=vpc("vpc-2")) == (None, Source.NONE)


@pytest.mark.fact("VPCE-10")
@pytest.mark.parametrize("state", [state for state in EndpointState if state is not EndpointState.AVAILABLE])
def test_an_endpoint_that_is_not_available_has_no_names(state):
    assert lookup(REGIONAL, endpoint=replace(ENDPOINT, state=state)) == (None, Source.NONE)


@pytest.mark.fact("VPCE-GW-17")
def test_a_gateway_endpoint_changes_no_name():
    gateway = replace(
        ENDPOINT,
        vpc_endpoint_type=VpcEndpointType.GATEWAY,
        service_name=S3.service_name,
        subnet_ids=(),
        network_interface_ids=(),
    )
    assert lookup("s3.us-east-1.amazonaws.com", endpoint=gateway)[1] is Source.PUBLIC
    assert lookup(REGIONAL.replace("monitoring", "s3"), endpoint=gateway) == (None, Source.NONE)


def test_private_dns_of_s3_takes_over_every_bucket_and_the_endpoint_has_names_for_them():
    s3 = replace(ENDPOINT, service_name=S3.service_name)
    for name in ("s3.us-east-1.amazonaws.com", "training.s3.us-east-1.amazonaws.com"):
        assert lookup(name, endpoint=s3) == (BOTH, Source.PRIVATE_DNS)
    below = "training.bucket." + REGIONAL.replace("monitoring", "s3")
    assert lookup(below, endpoint=s3) == (BOTH, Source.ENDPOINT)


def test_a_service_without_public_addresses_is_unknown_outside_of_private_dns():
    hidden = replace(SERVICE, public_addresses=())
    assert lookup(NAME, services=(hidden,)) == (BOTH, Source.PRIVATE_DNS)
    assert lookup(NAME, services=(hidden,), of=vpc("vpc-2")) == (None, Source.NONE)


def test_the_answer_says_whose_it_is():
    answer = zone_of(vpc(), world()).lookup("b.s3.us-east-1.amazonaws.com")
    assert (answer.record, answer.owner) == ("*.s3.us-east-1.amazonaws.com", S3.service_name)


@pytest.mark.fact("DNS-2")
def test_dns_support_is_the_vpcs():
    assert not zone_of(vpc(support=False), World()).answers


@pytest.mark.fact("VPCE-IF-19")
@pytest.mark.parametrize(
    ("endpoint_id", "service_name", "suffix", "regional"),
    [
        ("vpce-0b66ba758a38cef8c", "com.amazonaws.us-east-1.monitoring", "x1", "vpce-0b66ba758a38cef8c-x1.monitoring"),
        ("reports", "com.amazonaws.us-east-1.monitoring", "x1", "vpce-reports-x1.monitoring"),
        ("vpce-My_Endpoint", "com.amazonaws.us-east-1.monitoring", "", "vpce-my-endpoint.monitoring"),
        ("vpce-1", "com.amazonaws.us-east-1.ecr.dkr", "x1", "vpce-1-x1.dkr.ecr"),
        ("vpce-1", "com.amazonaws.vpce.us-east-1.vpce-svc-07", "x1", "vpce-1-x1.vpce-svc-07"),  # SVC-2
    ],
)
def test_generated_names(endpoint_id, service_name, suffix, regional):
    endpoint = replace(ENDPOINT, vpc_endpoint_id=endpoint_id, service_name=service_name, dns_suffix=suffix)
    names = endpoint_names(endpoint, "us-east-1", ["us-east-1a"])
    parent = ".us-east-1.vpce.amazonaws.com"
    assert names.regional == regional + parent
    label, _, rest = regional.partition(".")
    assert names.zonal == (("us-east-1a", f"{label}-us-east-1a.{rest}{parent}"),)


def test_interface_names_are_regional():
    assert interface_name(IPAddress("10.0.1.10"), "us-east-1") == "ip-10-0-1-10.ec2.internal"
    assert interface_name(IPAddress("10.0.1.10"), "eu-west-1") == "ip-10-0-1-10.eu-west-1.compute.internal"


@given(st.text(max_size=90), st.text(max_size=30))
def test_labels_are_valid(text, tail):
    label = dns_label(text, tail)
    assert 1 <= len(label) <= 63
    assert set(label) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert label == label.strip("-")


labels = st.sampled_from(["a", "b", "c"])
names = st.lists(labels, min_size=1, max_size=4).map(".".join)
patterns = st.one_of(names, names.map("*.{}".format))


@given(st.dictionaries(patterns, st.none()), names)
def test_lookup_agrees_with_brute_force(table, name):
    zone = Zone(({pattern: Answer((PUBLIC,), Source.PUBLIC, pattern) for pattern in table},))
    exact = [pattern for pattern in table if pattern == name]
    wild = [pattern for pattern in table if pattern.startswith("*.") and name.endswith(pattern[1:])]
    expected = max(exact, key=len, default=None) or max(wild, key=len, default=None)
    assert zone.lookup(name).record == (expected or "")
    assert (zone.lookup(name) is NO_SUCH_NAME) is (expected is None)


@pytest.mark.fact("DNS-7")
@given(st.dictionaries(patterns, st.none()), st.dictionaries(patterns, st.none()), names)
def test_an_earlier_table_beats_a_later_one(first, second, name):
    tables = [
        {one: Answer((), Source.NONE, one, owner) for one in some} for owner, some in (("1", first), ("2", second))
    ]
    found = Zone(tuple(tables)).lookup(name)
    alone = Zone((tables[0],)).lookup(name)
    assert found == (alone if alone is not NO_SUCH_NAME else Zone((tables[1],)).lookup(name))
