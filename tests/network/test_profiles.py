"""The profiles ``seed`` and ``current``: section 15's knobs, each flipped where a packet or a person would notice."""

from __future__ import annotations

import asyncio

import pytest

from emulator import Network
from emulator.model.settings import CURRENT, SEED
from emulator.topology import TopologyError
from emulator.wire.packet import Packet
from tests.network.asking import asked, plane_of

TEXT = """\
region: us-east-1
settings: {profile: PROFILE}
vpcs: {main: {cidr_blocks: [10.0.0.0/16]}}
subnets: {a: {cidr_block: 10.0.1.0/24, availability_zone: us-east-1a, route_table_id: a}}
route_tables: {a: {}}
security_groups: {all: {ingress: [{protocol: all, peer: 10.0.0.0/16}]}}
services: {com.amazonaws.us-east-1.tool: {application: echo}, com.amazonaws.us-east-1.s3: {application: discard}}
instances: {web: {subnet_id: a, private_ip_address: 10.0.1.10}}
vpc_endpoints:
  tool:
    service_name: tool
    vpc_endpoint_type: Interface
    subnet_configurations: [{subnet_id: a, ipv4: 10.0.1.200}]
    security_group_ids: [all]
  s3: {service_name: s3, route_table_ids: [a]}
"""
PROFILES = ("seed", "current")


def text(profile: str) -> str:
    return TEXT.replace("PROFILE", profile)


@pytest.mark.fact("VPCE-IF-7")
@pytest.mark.parametrize(("profile", "reason"), [("seed", "PROTOCOL_RESTRICTION"), ("current", None)])
def test_udp_to_an_interface_endpoint(profile: str, reason: str | None):
    blocker = asked(text(profile), "web", "tool", protocol="udp").blocker
    assert (blocker.reason if blocker else None) == reason


@pytest.mark.fact("VPCE-IF-15")
@pytest.mark.parametrize(("profile", "ends"), [("seed", TimeoutError), ("current", ConnectionResetError)])
def test_what_comes_after_350_idle_seconds_is_dropped_or_answered_with_a_reset(profile: str, ends: type):
    network = Network(plane_of(text(profile)))

    async def program() -> type:
        reader, writer = await asyncio.open_connection("10.0.1.200", 7)
        writer.write(b"hello")
        await reader.readexactly(5)
        await asyncio.sleep(360)
        writer.write(b"again")
        try:
            async with asyncio.timeout(30):
                await reader.readexactly(5)
        except (OSError, TimeoutError) as error:
            return type(error)
        finally:
            writer.close()
        return type(None)

    assert network.run(program(), host="web") is ends
    network.close()


@pytest.mark.fact("VPCE-6")
@pytest.mark.parametrize("profile", PROFILES)
def test_a_service_of_another_region(profile: str):
    far = f"""\
region: us-east-1
settings: {{profile: {profile}}}
vpcs: {{main: {{cidr_blocks: [10.0.0.0/16]}}, west: {{cidr_blocks: [10.9.0.0/16], region: us-west-2}}}}
subnets: {{a: {{vpc_id: main, cidr_block: 10.0.1.0/24, availability_zone: us-east-1a}}}}
vpc_endpoints:
  far: {{service_name: com.amazonaws.us-west-2.s3, vpc_endpoint_type: Interface, vpc_id: main, subnet_ids: [a]}}
"""
    if profile == "current":
        assert plane_of(far).vpc_endpoints["far"].service_name == "com.amazonaws.us-west-2.s3"
        return
    with pytest.raises(TopologyError) as refusal:
        plane_of(far)
    assert any("InvalidServiceName" in str(problem) for problem in refusal.value.problems)


@pytest.mark.fact("VPCE-12")
@pytest.mark.parametrize(("profile", "reason"), [("seed", "EMU_OVER_MTU"), ("current", None)])
def test_a_long_packet_at_a_gateway_endpoint(profile: str, reason: str | None):
    network = Network(plane_of(text(profile)))
    address = int(network.ec2.services["com.amazonaws.us-east-1.s3"].public_addresses[0])
    packet = Packet(0x0A00010A, address, 6, 40000, 443, bytes(8960), 9000)
    network.send(packet, host="web")
    network.run_until_idle()
    assert getattr(packet.ending, "reason", None) == reason
    network.close()


@pytest.mark.fact("VPCE-IF-11")
@pytest.mark.parametrize(("profile", "rate"), [("seed", 10), ("current", 100)])
def test_the_bandwidth_of_an_interface_endpoint(profile: str, rate: int):
    network = Network(plane_of(text(profile)))
    eni = network.fabric.tables().interfaces["eni-tool-us-east-1a"]
    assert {eni.to_service.rate, eni.from_service.rate} == {rate * 10**9}
    network.close()


@pytest.mark.fact("VPCE-GW-17")
@pytest.mark.parametrize(("profile", "reason"), [("seed", None), ("current", "EMU_DNS_OFF")])
def test_names_behind_a_gateway_endpoint_without_dns_hostnames(profile: str, reason: str | None):
    blocker = asked(text(profile), "web", "s3.us-east-1.amazonaws.com").blocker
    assert (blocker.reason if blocker else None) == reason


@pytest.mark.fact("VPCE-5")
@pytest.mark.parametrize("profile", PROFILES)
def test_ipv6_is_refused_by_name_in_both(profile: str):
    assert SEED.ip_versions == CURRENT.ip_versions == (4,)
    assert asked(text(profile), "web", "fd00::1").blocker.reason == "EMU_IPV4_ONLY"
