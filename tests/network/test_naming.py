"""Names in traces and in programs: the layer before the first packet (section 8 of the facts)."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import replace

import pytest
from netaddr import IPAddress

from emulator.control import ControlPlane
from emulator.model.edges import ExternalHost
from emulator.model.reasons import Reason
from emulator.model.resources import VpcEndpointType
from emulator.model.traces import Dropped
from emulator.network.naming import Names
from emulator.network.network import Network
from emulator.network.questions import BadQuestion

INTERFACE = VpcEndpointType.INTERFACE


def private_vpc(region: str = "us-east-1", *services: str, **options) -> ControlPlane:
    """VPC ``v`` with DNS hostnames and no way out, a host ``web``, and an endpoint for each of ``services``."""
    plane = ControlPlane(region)
    plane.create_vpc("10.0.0.0/16", vpc_id="v")
    plane.modify_vpc_attribute("v", enable_dns_hostnames=True)
    plane.create_subnet("v", "10.0.1.0/24", f"{region}a", subnet_id="a")
    plane.create_security_group("v", group_id="all")
    plane.authorize_security_group_ingress("all", ip_protocol="-1", cidr_ip="0.0.0.0/0")
    plane.run_instances(subnet_id="a", instance_id="web", security_group_ids="all", private_ip_address="10.0.1.10")
    for service in services:
        endpoint(plane, service, **options)
    return plane


def endpoint(plane: ControlPlane, service: str, *, private_dns_enabled: bool = True) -> None:
    name = f"com.amazonaws.{plane.region}.{service}"
    both = (VpcEndpointType.GATEWAY, INTERFACE)
    if service == "s3":
        plane.register_service(replace(plane.services[name], service_types=both))
    plane.create_vpc_endpoint(
        "v",
        name,
        vpc_endpoint_type="Interface",
        vpc_endpoint_id=f"vpce-{service}",
        subnet_ids=["a"],
        security_group_ids=["all"],
        private_dns_enabled=private_dns_enabled,
        private_dns_only_for_inbound_resolver_endpoint=False,
    )


def gateway(plane: ControlPlane) -> None:
    name = f"com.amazonaws.{plane.region}.s3"
    plane.create_vpc_endpoint("v", name, vpc_endpoint_id="vpce-gateway", route_table_ids=["rtb-main-v"])


def ask(plane: ControlPlane, to: str):
    with Network(plane) as network:
        return network.trace("web", to)


@pytest.mark.fact("VPCE-IF-20")
def test_a_regional_name_leads_to_the_endpoint():
    answer = ask(private_vpc("us-east-1", "sts"), "sts.us-east-1.amazonaws.com:443")
    assert answer.reachable
    assert answer.dns is not None
    assert answer.dns.to_json() == {
        "name": "sts.us-east-1.amazonaws.com",
        "addresses": ["10.0.1.4"],
        "source": "private DNS",
        "record": "sts.us-east-1.amazonaws.com",
        "owner": "vpce-sts",
        "hint": None,
        "chain": [],
        "resolver": "v/resolver",
        "reason": None,
    }


@pytest.mark.parametrize(
    ("region", "service", "name", "nearest"),
    [
        ("us-east-1", "sts", "sts.amazonaws.com", "sts.us-east-1.amazonaws.com"),  # the client uses the global name
        ("eu-central-1", "sts", "sts.eu-west-1.amazonaws.com", "sts.eu-central-1.amazonaws.com"),  # another Region's
        ("us-east-1", "s3", "al2023.s3.dualstack.us-east-1.amazonaws.com", "*.s3.us-east-1.amazonaws.com"),
    ],
)
def test_a_name_that_the_endpoint_does_not_cover_is_public_and_the_trace_says_so(region, service, name, nearest):
    answer = ask(private_vpc(region, service), name)
    assert answer.dns is not None
    assert answer.dns.source == "public DNS"
    assert answer.dns.hint == (
        f"{name} is not covered by the private DNS of vpce-{service}; nearest covered name is {nearest}"
    )
    assert answer.dns.hint in answer.remarks
    assert answer.blocker == Dropped(Reason.NO_ROUTE_TO_DESTINATION, "rtb-main-v", None)


@pytest.mark.fact("VPCE-GW-2", "VPCE-GW-17")
def test_a_gateway_endpoint_catches_the_dualstack_name_that_an_interface_endpoint_does_not_cover():
    plane = private_vpc("us-east-1", "s3")
    gateway(plane)
    answer = ask(plane, "al2023.s3.dualstack.us-east-1.amazonaws.com")
    assert answer.reachable
    assert answer.forward.ending.component == "vpce-gateway"


@pytest.mark.fact("VPCE-IF-20")
def test_without_private_dns_the_name_stays_public_and_the_trace_says_so():
    plane = private_vpc("us-east-1", "s3", private_dns_enabled=False)
    gateway(plane)
    answer = ask(plane, "bucket.s3.us-east-1.amazonaws.com")
    assert answer.dns is not None
    assert answer.dns.source == "public DNS"
    assert answer.dns.hint.startswith("private DNS of vpce-s3 is off, so the name keeps its public answer")
    assert answer.forward.ending.component == "vpce-gateway"


@pytest.mark.fact("VPCE-IF-22")
def test_private_dns_of_execute_api_takes_every_public_api_of_the_region():
    answer = ask(private_vpc("eu-west-1", "execute-api"), "abc123.execute-api.eu-west-1.amazonaws.com")
    assert answer.dns is not None
    assert (answer.dns.record, answer.dns.owner) == ("*.execute-api.eu-west-1.amazonaws.com", "vpce-execute-api")
    assert answer.reachable
    other = ask(private_vpc("eu-west-1", "execute-api"), "abc123.execute-api.eu-west-2.amazonaws.com")
    assert other.dns is not None
    assert other.dns.source == "public DNS"


@pytest.mark.fact("DNS-7")
def test_a_central_zone_that_lacks_two_of_three_names_leaves_those_public():
    plane = private_vpc("eu-west-1", "ssm", private_dns_enabled=False)
    plane.create_hosted_zone("ssm.eu-west-1.amazonaws.com", vpc_ids="v", hosted_zone_id="central")
    alias = {"action": "CREATE", "name": "ssm.eu-west-1.amazonaws.com", "type": "ALIAS", "values": ["vpce-ssm"]}
    plane.change_resource_record_sets("central", [alias])
    found = {name: ask(plane, f"{name}.eu-west-1.amazonaws.com") for name in ("ssm", "ssmmessages", "ec2messages")}
    assert [answer.reachable for answer in found.values()] == [True, False, False]
    assert [answer.dns.addresses[0].startswith("10.") for answer in found.values()] == [True, False, False]
    assert found["ssm"].dns.chain == (f"ssm.eu-west-1.amazonaws.com ALIAS {found['ssm'].dns.record}",)
    assert "not covered by the private hosted zone central" in found["ssmmessages"].dns.hint


def test_a_global_service_has_its_endpoint_in_one_region_and_a_public_name_everywhere():
    answer = ask(private_vpc("eu-west-1"), "iam.amazonaws.com")
    assert answer.dns is not None
    assert (answer.dns.source, answer.dns.owner) == ("public DNS", "com.amazonaws.iam")
    assert answer.blocker == Dropped(Reason.NO_ROUTE_TO_DESTINATION, "rtb-main-v", None)
    absent = ask(private_vpc("eu-west-1"), "iam.eu-west-1.amazonaws.com")
    assert absent.blocker == Dropped(Reason.NXDOMAIN, "v/resolver", None)


@pytest.mark.parametrize(
    ("change", "reason", "component"),
    [
        ({"enable_dns_support": False}, Reason.EMU_DNS_OFF, "v"),
        ({"enable_dns_hostnames": True}, Reason.NXDOMAIN, "v/resolver"),
    ],
)
@pytest.mark.fact("DNS-2")
def test_a_name_without_an_answer_is_an_answer_of_the_trace(change, reason, component):
    plane = private_vpc()
    plane.modify_vpc_attribute("v", **change)
    answer = ask(plane, "nothing.example.com:80")
    assert answer.question == "tcp 10.0.1.10:40000 > nothing.example.com:80"
    assert not answer.reachable
    assert answer.reply is None
    assert answer.blocker is not None
    assert (answer.blocker.reason, answer.blocker.component) == (reason, component)
    assert [step.gate for step in answer.forward.steps] == ["dns"]
    assert answer.to_json()["dns"]["reason"] == str(reason)
    assert list(answer.lines())[-1].startswith(f"not reachable: {reason} at {component}")


def test_a_name_without_a_dot_is_a_misspelt_host():
    with pytest.raises(BadQuestion, match='did you mean "web"'):
        ask(private_vpc(), "wen")


def test_the_first_of_several_addresses_is_asked_and_the_others_are_told():
    plane = private_vpc()
    plane.create_hosted_zone("corp.example", vpc_ids="v", hosted_zone_id="z")
    values = ["10.0.1.10", "10.0.1.11"]
    plane.change_resource_record_sets("z", [{"action": "CREATE", "name": "db.corp.example", "values": values}])
    answer = ask(plane, "db.corp.example:22")
    assert answer.remarks == ("db.corp.example resolves to 10.0.1.10, and in turn to 10.0.1.11 (private hosted zone)",)


def test_two_vpcs_of_two_regions_have_interface_names_of_their_own():
    plane = private_vpc("us-east-1")
    plane.create_vpc("10.1.0.0/16", vpc_id="far", region="eu-west-1")
    plane.create_subnet("far", "10.1.1.0/24", "eu-west-1a", subnet_id="far-a")
    plane.run_instances(subnet_id="far-a", instance_id="job", private_ip_address="10.1.1.10")
    names = Names(plane)
    assert names.of_vpc("v").lookup("ip-10-0-1-10.ec2.internal").addresses == (IPAddress("10.0.1.10"),)
    assert names.of_vpc("far").lookup("ip-10-1-1-10.eu-west-1.compute.internal").addresses == (IPAddress("10.1.1.10"),)
    assert names.of_vpc("far").lookup("ip-10-0-1-10.ec2.internal").addresses is None


# --- those outside ----------------------------------------------------------------------------------------------------


def hybrid() -> ControlPlane:
    """S3 by both endpoints, private DNS for inbound endpoints only, and such an endpoint at 10.0.1.53."""
    plane = private_vpc("us-east-1", "s3")
    gateway(plane)
    plane.modify_vpc_endpoint("vpce-s3", private_dns_only_for_inbound_resolver_endpoint=True)
    plane.create_resolver_endpoint(
        [{"subnet_id": "a", "ip": "10.0.1.53"}], security_group_ids="all", resolver_endpoint_id="inbound"
    )
    return plane


S3_NAME = "bucket.s3.us-east-1.amazonaws.com"


@pytest.mark.fact("DNS-8", "DNS-5")
def test_a_host_outside_is_answered_by_the_server_it_asks():
    names = Names(hybrid())

    def told(resolver: str | None):
        address = None if resolver is None else IPAddress(resolver)
        return names.ask(ExternalHost("laptop", IPAddress("192.168.0.9"), "vpn", address), S3_NAME)[0]

    inbound = told("10.0.1.53")
    assert (inbound.resolver, inbound.source, inbound.owner) == ("inbound", "private DNS", "vpce-s3")
    assert (told(None).resolver, told(None).source) == ("public DNS", "public DNS")
    assert told("192.168.0.1").source == "public DNS"
    assert (told("10.0.0.2").resolver, told("10.0.0.2").reason) == ("v/resolver", Reason.EMU_DNS_OFF)


async def resolve(name: str) -> str:
    infos = await asyncio.get_running_loop().getaddrinfo(name, 80, type=socket.SOCK_STREAM)
    return str(infos[0][4][0])


@pytest.mark.fact("DNS-8", "DNS-1")
def test_the_resolver_and_the_inbound_endpoint_answer_real_queries_differently():
    with Network(hybrid()) as network:
        assert network.run(resolve(S3_NAME), host="web") == "54.231.0.10"
        network.hosts["web"].resolver = int(IPAddress("10.0.1.53"))
        assert network.run(resolve(S3_NAME), host="web") == "10.0.1.4"


@pytest.mark.fact("DNS-4")
def test_the_security_group_of_an_inbound_endpoint_filters_queries():
    plane = hybrid()
    plane.revoke_security_group_ingress("all", ip_protocol="-1", cidr_ip="0.0.0.0/0")
    with Network(plane) as network:
        network.hosts["web"].resolver = int(IPAddress("10.0.1.53"))
        with pytest.raises(socket.gaierror) as caught:
            network.run(resolve(S3_NAME), host="web")
        assert caught.value.errno == socket.EAI_AGAIN
        assert [drop.ending.reason for drop in network.ledger.since(0)] == [Reason.SG_HAS_NO_RULES] * 2


@pytest.mark.fact("DNS-2", "DNS-3")
def test_queries_that_are_rejected_are_sent_again_after_five_seconds_and_given_up_after_ten():
    plane = private_vpc()
    plane.modify_vpc_attribute("v", enable_dns_support=False)
    with Network(plane) as network:
        with pytest.raises(socket.gaierror) as caught:
            network.run(resolve("sts.us-east-1.amazonaws.com"), host="web")
        assert caught.value.errno == socket.EAI_AGAIN
        assert network.now == 10_000_000_000
        assert network.fabric.sent == 2


def test_a_long_answer_is_asked_for_again_over_tcp():
    plane = private_vpc()
    plane.create_hosted_zone("corp.example", vpc_ids="v", hosted_zone_id="z")
    values = [f"10.0.2.{n}" for n in range(1, 101)]
    plane.change_resource_record_sets("z", [{"action": "CREATE", "name": "many.corp.example", "values": values}])

    async def count() -> int:
        return len(await asyncio.get_running_loop().getaddrinfo("many.corp.example", 80, type=socket.SOCK_STREAM))

    with Network(plane) as network:
        assert network.run(count(), host="web") == 100


def test_programs_follow_cname_records():
    plane = private_vpc("us-east-1", "sts")
    plane.create_hosted_zone("corp.example", vpc_ids="v", hosted_zone_id="z")
    name = {"action": "CREATE", "name": "sts.corp.example", "type": "CNAME", "values": ["sts.us-east-1.amazonaws.com"]}
    plane.change_resource_record_sets("z", [name])
    with Network(plane) as network:
        assert network.run(resolve("sts.corp.example"), host="web") == "10.0.1.4"


@pytest.mark.fact("DNS-5")
def test_the_resolver_of_a_vpc_answers_no_peer():
    plane = private_vpc()
    plane.create_vpc("10.1.0.0/16", vpc_id="peer")
    plane.create_subnet("peer", "10.1.1.0/24", "us-east-1a", subnet_id="peer-a")
    plane.run_instances(subnet_id="peer-a", instance_id="job")
    plane.create_vpc_peering_connection("v", "peer", vpc_peering_connection_id="pcx", auto_accept=True)
    plane.create_route("rtb-main-peer", destination_cidr_block="10.0.0.0/16", vpc_peering_connection_id="pcx")
    with Network(plane) as network:
        network.hosts["job"].resolver = int(IPAddress("10.0.0.2"))
        with pytest.raises(socket.gaierror):
            network.run(resolve("sts.us-east-1.amazonaws.com"), host="job")
        assert network.fabric.delivered == 0
