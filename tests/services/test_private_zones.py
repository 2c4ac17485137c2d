"""Private hosted zones, chains of names, health and views (DNS-2, DNS-7, DNS-8, VPCE-IF-17)."""

from __future__ import annotations

from dataclasses import replace

import dns.message
import dns.rcode
import dns.rdatatype
import pytest
from hypothesis import given
from hypothesis import strategies as st
from netaddr import IPAddress

from emulator.model.hosted_zones import HostedZone, ResourceRecordSet
from emulator.model.resources import VpcEndpointType
from emulator.services.hints import hint, nearest_covered
from emulator.services.resolver import Rotation, answer
from emulator.services.views import World, public_zone, zone_of
from emulator.services.zone import LONGEST_CHAIN, Answer, Link, Pointer, PrivateZone, Source, Zone
from tests.services.test_dns_zone import BOTH, ENDPOINT, NAME, PUBLIC, REGIONAL, S3, SERVICE, vpc, world


def records(*lines):
    return tuple(ResourceRecordSet(name, kind, tuple(values)) for name, kind, *values in lines)


CORP = HostedZone(
    "z-corp",
    "corp.example",
    ("vpc-1",),
    records(
        ("corp.example", "ALIAS", REGIONAL),
        ("db.corp.example", "A", "10.0.1.7", "10.0.1.8"),
        ("www.corp.example", "CNAME", "web.corp.example"),
        ("web.corp.example", "CNAME", "db.corp.example"),
        ("gone.corp.example", "ALIAS", "nothing.example"),
        ("out.corp.example", "CNAME", NAME),
        ("lost.corp.example", "CNAME", "nothing.example"),
        ("ring.corp.example", "CNAME", "round.corp.example"),
        ("round.corp.example", "CNAME", "ring.corp.example"),
        ("*.apps.corp.example", "A", "10.0.1.9"),
        ("a.b.apps.corp.example", "A", "10.0.1.10"),
        ("api.corp.example", "ALIAS", ENDPOINT.vpc_endpoint_id),
    ),
)
DEEP = HostedZone("z-deep", "db.corp.example", ("vpc-1",), records(("db.corp.example", "A", "10.0.1.77")))


def look(name, zone):
    found = zone.lookup(name)
    return found.addresses and tuple(map(str, found.addresses)), found.source


def corp(*zones, of=None, **options):
    return zone_of(of or vpc(), world(hosted_zones=zones or (CORP,), **options))


@pytest.mark.parametrize(
    ("name", "addresses"),
    [
        ("db.corp.example", ("10.0.1.7", "10.0.1.8")),
        ("WWW.corp.example.", ("10.0.1.7", "10.0.1.8")),
        ("corp.example", BOTH),
        ("api.corp.example", BOTH),
        ("out.corp.example", BOTH),  # private DNS of the endpoint
        ("gone.corp.example", ()),  # an alias to nothing exists
        ("lost.corp.example", None),
        ("none.corp.example", None),
        ("x.apps.corp.example", ("10.0.1.9",)),
        ("y.x.apps.corp.example", ("10.0.1.9",)),
        ("b.apps.corp.example", ()),  # RFC 4592: it exists, since a.b does
        ("x.b.apps.corp.example", None),  # and keeps the wildcard off what is below
        ("apps.corp.example", ()),
    ],
)
@pytest.mark.fact("DNS-7")
def test_what_a_private_zone_says(name, addresses):
    assert look(name, corp())[0] == addresses


@pytest.mark.fact("DNS-7")
def test_a_private_zone_beats_public_names_and_hides_those_it_lacks():
    shadow = HostedZone("z", "us-east-1.amazonaws.com", ("vpc-1",), records((f"s3.{NAME[11:]}", "A", "10.9.9.9")))
    seen = corp(shadow)
    assert look("s3.us-east-1.amazonaws.com", seen) == (("10.9.9.9",), Source.HOSTED_ZONE)
    assert look("x.s3.us-east-1.amazonaws.com", seen) == (None, Source.HOSTED_ZONE)
    assert look(NAME, seen) == (BOTH, Source.PRIVATE_DNS)  # the longer zone, the endpoint's hidden one
    assert look("s3.us-east-1.amazonaws.com", corp(shadow, of=vpc("vpc-2")))[1] is Source.PUBLIC


@pytest.mark.fact("DNS-7")
def test_the_longest_zone_that_a_name_is_in_answers_alone():
    assert look("db.corp.example", corp(CORP, DEEP))[0] == ("10.0.1.77",)
    assert look("x.db.corp.example", corp(CORP, DEEP))[0] is None
    assert look("web.corp.example", corp(CORP, DEEP))[0] == ("10.0.1.77",)


@pytest.mark.fact("DNS-2")
@pytest.mark.parametrize("attributes", [{"hostnames": False}, {"support": False}])
def test_private_zones_need_both_attributes_of_the_vpc(attributes):
    assert look("db.corp.example", corp(of=vpc(**attributes)))[0] is None


def test_an_answer_tells_the_way_it_was_found():
    found = corp().lookup("www.corp.example")
    assert found.chain == (
        Link("www.corp.example", "CNAME", "web.corp.example"),
        Link("web.corp.example", "CNAME", "db.corp.example"),
    )
    assert (found.record, found.owner) == ("db.corp.example", "z-corp")


def ask(name, kind="A", zone=None):
    query = dns.message.make_query(name, kind)
    return dns.message.from_wire(answer(query.to_wire(), zone or corp(), Rotation()))


def lines(response):
    return [line for rrset in response.answer for line in rrset.to_text().splitlines()]


def test_cname_records_are_in_the_response_and_alias_records_are_not():
    assert lines(ask("www.corp.example")) == [
        "www.corp.example. 60 IN CNAME web.corp.example.",
        "web.corp.example. 60 IN CNAME db.corp.example.",
        "db.corp.example. 60 IN A 10.0.1.7",
        "db.corp.example. 60 IN A 10.0.1.8",
    ]
    assert lines(ask("corp.example")) == [f"corp.example. 60 IN A {host}" for host in BOTH]
    assert lines(ask("www.corp.example", "CNAME")) == ["www.corp.example. 60 IN CNAME web.corp.example."]
    assert lines(ask("www.corp.example", "AAAA"))[-1] == "web.corp.example. 60 IN CNAME db.corp.example."


@pytest.mark.parametrize(
    ("name", "rcode", "soa"),
    [
        ("none.corp.example", dns.rcode.NXDOMAIN, "corp.example."),
        ("lost.corp.example", dns.rcode.NXDOMAIN, "."),
        ("gone.corp.example", dns.rcode.NOERROR, "."),
        ("ring.corp.example", dns.rcode.SERVFAIL, None),
    ],
)
def test_negative_responses_name_the_zone_that_says_no(name, rcode, soa):
    response = ask(name)
    assert response.rcode() == rcode
    assert [rrset.name.to_text() for rrset in response.authority] == ([soa] if soa else [])


def test_a_response_over_tcp_is_not_cut():
    many = Zone(({"many.test": Answer(tuple(IPAddress(1 << 24 | n) for n in range(500)), Source.PUBLIC, "many.test")},))
    query = dns.message.make_query("many.test", "A").to_wire()
    assert len(dns.message.from_wire(answer(query, many, Rotation(), most=65_535)).answer[0]) == 500


@pytest.mark.fact("VPCE-IF-17")
def test_only_healthy_interfaces_are_in_the_regional_name_and_the_zonal_one_stays():
    zonal = REGIONAL.replace("ab.", "ab-us-east-1a.", 1)
    for broken in ("us-east-1a", "eni-a"):
        seen = corp(failures={broken: "out of order"})
        assert look(NAME, seen)[0] == look(REGIONAL, seen)[0] == ("10.0.2.5",)
        assert look(zonal, seen)[0] == ("10.0.1.5",)
    nobody_is_well = corp(failures={"us-east-1a": "", "us-east-1b": ""})
    assert look(NAME, nobody_is_well)[0] == BOTH


@pytest.mark.fact("DNS-8")
def test_private_dns_for_inbound_endpoints_only_is_for_those_outside():
    endpoint = replace(ENDPOINT, service_name=S3.service_name, private_dns_only_for_inbound_resolver_endpoint=True)
    seen = world([endpoint])
    name = "training.s3.us-east-1.amazonaws.com"
    assert look(name, zone_of(vpc(), seen)) == (("52.216.0.1", "52.216.0.2"), Source.PUBLIC)
    assert look(name, zone_of(vpc(), seen, inbound=True)) == (BOTH, Source.PRIVATE_DNS)
    inside = zone_of(vpc(), seen)
    assert "inbound endpoints only (DNS-8)" in hint(inside, name, inside.lookup(name))


@pytest.mark.fact("VPCE-GW-17")
def test_names_behind_a_gateway_endpoint_may_need_dns_hostnames():
    gateway = replace(
        ENDPOINT, vpc_endpoint_type=VpcEndpointType.GATEWAY, service_name=S3.service_name, network_interface_ids=()
    )
    name = "b.s3.us-east-1.amazonaws.com"
    for knob, hostnames, there in ((False, False, True), (True, False, False), (True, True, True)):
        seen = zone_of(vpc(hostnames=hostnames), world([gateway], hostnames_for_gateways=knob))
        assert (seen.lookup(name).addresses is not None) is there


@pytest.mark.fact("VPCE-IF-19", "DNS-5")
def test_the_internet_sees_endpoint_names_and_public_ones_and_nothing_private():
    seen = public_zone(world(hosted_zones=(CORP,)))
    assert look(REGIONAL, seen) == (BOTH, Source.ENDPOINT)
    assert look(NAME, seen) == ((str(PUBLIC),), Source.PUBLIC)
    for name in ("db.corp.example", "ip-10-0-1-10.ec2.internal"):
        assert look(name, seen)[0] is None


@pytest.mark.fact("SVC-6", "SVC-2")
def test_the_private_dns_name_of_an_endpoint_service_leads_to_its_endpoint_in_the_consumers_vpc():
    name = "com.amazonaws.vpce.us-east-1.vpce-svc-07"
    offered = replace(SERVICE, service_name=name, private_dns_names=("*.api.example",), public_addresses=())
    seen = world([replace(ENDPOINT, service_name=name)], [offered])
    assert look("v1.api.example", zone_of(vpc(), seen)) == (BOTH, Source.PRIVATE_DNS)
    assert look("v1.api.example", zone_of(vpc("vpc-2"), seen))[0] is None
    regional = "vpce-0b66-k3v9x0ab.vpce-svc-07.us-east-1.vpce.amazonaws.com"
    assert look(regional, zone_of(vpc("vpc-2"), seen)) == (BOTH, Source.ENDPOINT)


def covered(*names, owner="vpce-x"):
    there = {name: Answer((PUBLIC,), Source.PRIVATE_DNS, name, owner) for name in names}
    apex = names[0].removeprefix("*.")
    return Zone(({},), private=(PrivateZone(apex, there, owner, Source.PRIVATE_DNS),))


@pytest.mark.parametrize(
    ("asked", "there", "found"),
    [
        ("sts.amazonaws.com", "sts.us-east-1.amazonaws.com", True),
        ("sts.eu-west-1.amazonaws.com", "sts.eu-central-1.amazonaws.com", True),
        ("b.s3.dualstack.us-east-1.amazonaws.com", "s3.us-east-1.amazonaws.com", True),
        ("s3-us-east-1.amazonaws.com", "s3.us-east-1.amazonaws.com", True),
        ("kms-fips.us-east-1.amazonaws.com", "kms.us-east-1.amazonaws.com", True),
        ("api.ecr.us-east-1.amazonaws.com", "*.dkr.ecr.us-east-1.amazonaws.com", True),
        ("ssmmessages.us-east-1.amazonaws.com", "ssm.us-east-1.amazonaws.com", True),
        ("sns.us-east-1.amazonaws.com", "sqs.us-east-1.amazonaws.com", False),
        ("amazonaws.com", "sqs.us-east-1.amazonaws.com", False),
    ],
)
def test_which_covered_name_is_like_another(asked, there, found):
    assert nearest_covered(covered(there), asked) == ((there, "vpce-x") if found else None)


def test_a_hint_says_what_is_covered_instead():
    zone = covered("sts.us-east-1.amazonaws.com", owner="vpce-sts")
    assert hint(zone, "STS.amazonaws.com.", Answer((PUBLIC,), Source.PUBLIC)) == (
        "sts.amazonaws.com is not covered by the private DNS of vpce-sts; "
        "nearest covered name is sts.us-east-1.amazonaws.com"
    )
    assert hint(zone, "sts.us-east-1.amazonaws.com", zone.lookup("sts.us-east-1.amazonaws.com")) == ""


def test_a_hint_says_why_private_dns_is_not_in_force():
    off = zone_of(vpc(), world([replace(ENDPOINT, private_dns_enabled=False)]))
    assert hint(off, NAME, off.lookup(NAME)) == (
        f"private DNS of vpce-0b66 is off, so the name keeps its public answer (VPCE-IF-20); its own name is {REGIONAL}"
    )
    bare = zone_of(vpc(hostnames=False), world(hosted_zones=(CORP,)))
    assert "needs both DNS attributes" in hint(bare, NAME, bare.lookup(NAME))
    assert "z-corp needs enableDnsSupport" in hint(bare, "x.corp.example", bare.lookup("x.corp.example"))
    seen = corp()
    assert "has no such record, and hides public ones" in hint(seen, "x.corp.example", seen.lookup("x.corp.example"))
    assert "has a record ALIAS nothing.example" in hint(seen, "gone.corp.example", seen.lookup("gone.corp.example"))


labels = st.sampled_from(["a", "b", "c", "*"])
names = st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=4).map(".".join)


@given(st.lists(st.tuples(names, names), max_size=6), st.lists(names, max_size=3), names)
@pytest.mark.fact("DNS-7")
def test_a_private_zone_never_changes_an_answer_outside_of_it_or_in_another_vpc(cnames, apexes, name):
    zones = [
        HostedZone(
            f"z-{apex}",
            apex,
            ("vpc-1",),
            records(*((f"{host}.{apex}", "CNAME", to) for host, to in dict(cnames).items())),
        )
        for apex in dict.fromkeys(apexes)
    ]
    bare = World(elsewhere={"*.a": Answer((PUBLIC,), Source.PUBLIC, "*.a")})
    with_zones = replace(bare, hosted_zones=tuple(zones))
    assert zone_of(vpc("vpc-2"), with_zones).lookup(name) == zone_of(vpc("vpc-2"), bare).lookup(name)
    if not any(name == apex or name.endswith(f".{apex}") for apex in apexes):
        assert zone_of(vpc(), with_zones).lookup(name) == zone_of(vpc(), bare).lookup(name)


@given(st.dictionaries(names, names), names)
def test_every_chain_ends(targets, name):
    pointers = {one: Pointer("CNAME", f"{to}.x", f"{one}.x", "z") for one, to in targets.items()}
    zone = Zone(
        ({},), private=(PrivateZone("x", {f"{one}.x": to for one, to in pointers.items()}, "z", Source.HOSTED_ZONE),)
    )
    found = zone.lookup(f"{name}.x")
    assert len(found.chain) <= LONGEST_CHAIN + 1
    assert found.failed == (len(found.chain) == LONGEST_CHAIN + 1)
