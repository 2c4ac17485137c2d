"""Endpoints when something fails, and where their services stand (VPCE-3, VPCE-13, VPCE-IF-17, VPCE-GW-18)."""

from __future__ import annotations

import pytest

from emulator.control import ControlPlane
from emulator.model.resources import Service, VpcEndpointType
from emulator.model.settings import Settings
from emulator.wire.packet import ACK, DF, SYN, Packet
from tests.flows.edge_worlds import EVERYWHERE, A, B, open_group, premises_world, public_world, transit_world
from tests.flows.lab import Lab, datagram, syn

EP_A, EP_B, S3 = "10.0.1.200:443", "10.0.2.200:443", "52.216.0.10:443"
MS = 1_000_000


def outage_world(settings: Settings | None = None, *, zones: tuple[str, ...] = (A, B), delay: int = 0) -> ControlPlane:
    """``near`` in zone a, ``far`` in zone b; the endpoint ``ep`` in ``zones``, the gateway endpoint ``s3`` for both."""
    ec2 = ControlPlane("us-east-1", settings)
    ec2.create_vpc("10.0.0.0/16", vpc_id="vpc")
    open_group(ec2, "vpc", "open")
    ec2.create_route_table("vpc", route_table_id="table")
    for number, zone, name in ((1, A, "near"), (2, B, "far")):
        ec2.create_subnet("vpc", f"10.0.{number}.0/24", zone, subnet_id=zone[-1])
        ec2.associate_route_table("table", zone[-1])
        ec2.run_instances(
            instance_id=name,
            subnet_id=zone[-1],
            security_group_ids="open",
            private_ip_address=f"10.0.{number}.10",
        )
    name = "com.amazonaws.us-east-1.tool"
    ec2.register_service(Service(name, "us-east-1", (VpcEndpointType.INTERFACE,), service_delay=delay))
    places = {A: {"subnet_id": "a", "ipv4": "10.0.1.200"}, B: {"subnet_id": "b", "ipv4": "10.0.2.200"}}
    ec2.create_vpc_endpoint(
        "vpc",
        name,
        vpc_endpoint_type="Interface",
        vpc_endpoint_id="ep",
        subnet_configurations=[places[zone] for zone in zones],
        security_group_ids=["open"],
    )
    ec2.create_vpc_endpoint("vpc", "com.amazonaws.us-east-1.s3", vpc_endpoint_id="s3", route_table_ids=["table"])
    return ec2


def reached(ec2: ControlPlane, to: str, source: str = "10.0.1.10:40000", sender: str = "eni-near") -> str:
    lab = Lab(ec2)
    there, back = lab.there_and_back(syn(source, to), sender)
    return back or there


@pytest.mark.fact("VPCE-3")
def test_a_failed_interface_takes_its_zone_and_no_other() -> None:
    """An endpoint never fails as a device: the other interface goes on."""
    ec2 = outage_world()
    ec2.fail_network_interface("eni-ep-us-east-1a", message="the entry in zone a is gone")
    assert reached(ec2, EP_A) == "EMU_FAULT at eni-ep-us-east-1a (the entry in zone a is gone)"
    assert reached(ec2, EP_B) == "eni-near"
    ec2.restore_network_interface("eni-ep-us-east-1a")
    assert reached(ec2, EP_A) == "eni-near"


@pytest.mark.fact("VPCE-3")
def test_a_failed_zone_takes_what_is_in_it_and_leaves_the_rest() -> None:
    """Gateway endpoints are in no zone."""
    ec2 = outage_world()
    ec2.fail_availability_zone(A)
    assert reached(ec2, EP_A).startswith("EMU_FAULT at eni-near")
    far = "10.0.2.10:40000", "eni-far"
    assert reached(ec2, EP_A, *far).startswith("EMU_FAULT at eni-ep-us-east-1a")
    assert (reached(ec2, EP_B, *far), reached(ec2, S3, *far)) == ("eni-far", "eni-far")
    ec2.restore_availability_zone(A)
    assert reached(ec2, EP_A) == "eni-near"


@pytest.mark.fact("VPCE-3")
@pytest.mark.parametrize(("service", "to"), [("tool", EP_A), ("tool", EP_B), ("s3", S3)])
def test_a_failed_service_is_lost_behind_every_endpoint(service: str, to: str) -> None:
    ec2 = outage_world()
    name = f"com.amazonaws.us-east-1.{service}"
    ec2.fail_service(name)
    assert reached(ec2, to).startswith(f"EMU_FAULT at {name}")
    ec2.restore_service(name)
    assert reached(ec2, to) == "eni-near"


@pytest.mark.fact("VPCE-3")
@pytest.mark.parametrize("compiling", [False, True])
def test_an_open_connection_meets_the_fault_and_the_repair_at_once(compiling: bool) -> None:
    ec2 = outage_world()
    lab = Lab(ec2, compiling=compiling)
    flow = "10.0.1.10:40000", EP_A
    lab.answer(lab.send(syn(*flow), "eni-near"))
    for _ in range(3):
        assert lab.send(syn(*flow, ACK), "eni-near").where == "eni-ep-us-east-1a"
    ec2.fail_network_interface("eni-ep-us-east-1a")
    assert lab.send(syn(*flow, ACK), "eni-near").why == "EMU_FAULT"
    ec2.restore_network_interface("eni-ep-us-east-1a")
    assert lab.send(syn(*flow, ACK), "eni-near").where == "eni-ep-us-east-1a"


@pytest.mark.fact("VPCE-3")
def test_an_answer_does_not_pass_a_failed_interface_either() -> None:
    lab = Lab(outage_world())
    out = lab.send(syn("10.0.1.10:40000", EP_A), "eni-near")
    lab.ec2.fail_network_interface("eni-ep-us-east-1a")
    assert lab.answer(out).where.startswith("EMU_FAULT at eni-ep-us-east-1a")


@pytest.mark.fact("VPCE-IF-17", "VPCE-IF-10")
def test_with_an_interface_in_one_zone_that_zones_failure_cuts_every_subnet() -> None:
    ec2 = outage_world(zones=(A,))
    far = "10.0.2.10:40000", "eni-far"
    assert reached(ec2, EP_A, *far) == "eni-far"
    ec2.fail_availability_zone(A)
    assert reached(ec2, EP_A, *far).startswith("EMU_FAULT at eni-ep-us-east-1a")


def took(ec2: ControlPlane, to: str) -> int:
    """Nanoseconds of the way to a service."""
    lab = Lab(ec2)
    packet = syn("10.0.1.10:40000", to, SYN)
    lab.plug("eni-near").send(packet)
    lab.agenda.run()
    return lab.agenda.now


@pytest.mark.fact("VPCE-13")
def test_a_service_stands_in_the_zone_of_the_interface_and_its_delay_is_behind_it() -> None:
    knobs = Settings(intra_az_delay=10_000, inter_az_delay=300_000)
    assert took(outage_world(knobs), EP_A) == 10_000
    assert took(outage_world(knobs), EP_B) == 300_000
    assert took(outage_world(knobs, delay=5 * MS), EP_A) == 5 * MS + 10_000
    assert took(outage_world(knobs), S3) == 10_000  # Regional, in no zone


@pytest.mark.fact("VPCE-13", "VPCE-IF-11", "VPCE-GW-18")
def test_each_interface_has_a_shaper_each_way_between_its_gates_and_the_service() -> None:
    """A gateway endpoint has none."""
    lab = Lab(outage_world())
    for to in (EP_A, EP_B, S3):
        lab.answer(lab.send(syn("10.0.1.10:40000", to), "eni-near"))
    assert sorted(name for name in lab.fabric.shapers if name.endswith("-service")) == [
        f"eni-ep-us-east-1{zone}/{way}-service" for zone in "ab" for way in ("from", "to")
    ]
    [behind] = [key for key in lab.fabric._links if key[0] == "eni-ep-us-east-1a" and key[1].endswith("/service")]
    assert behind[1] == "eni-ep-us-east-1a/service"


@pytest.mark.fact("VPCE-GW-18")
def test_a_gateway_endpoint_forgets_nothing_and_limits_nothing() -> None:
    """Days of silence, which end an interface endpoint's flow, and 8500 bytes at a time."""
    lab = Lab(outage_world())
    for to in (S3, EP_A):
        lab.answer(lab.send(syn("10.0.1.10:40000", to), "eni-near"))
        lab.send(syn("10.0.1.10:40000", to, ACK), "eni-near")
    lab.wait(400_000)
    assert lab.send(syn("10.0.1.10:40000", S3, ACK, bytes(8460)), "eni-near").where == "s3"
    assert lab.send(syn("10.0.1.10:40000", EP_A, ACK), "eni-near").where == "EMU_IDLE_TIMEOUT at ep (idle timeout)"


@pytest.mark.fact("DNS-5")
def test_the_resolver_answers_nobody_from_outside_its_vpc() -> None:
    """Not over a VPN, not through a transit gateway; peers are in test_peering_facts."""
    assert Lab(premises_world()).send(datagram("192.168.1.10:5000", "10.0.0.2:53"), "desk").where == (
        "VGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS at vgw"
    )
    assert Lab(transit_world()).send(datagram("10.1.1.10:5000", "10.2.0.2:53"), "eni-red-1").where == (
        "NO_POSSIBLE_DESTINATION at eni-att-blue-us-east-1a"
    )
    # Nor does a public address lead there.
    assert Lab(public_world()).send(datagram("203.0.113.5:5000", "198.51.100.10:53"), "host").where == (
        "ENI_SG_RULES_MISMATCH at sg-web"
    )


@pytest.mark.fact("NET-6", "VPCE-12")
def test_how_long_a_packet_may_be_on_each_way() -> None:
    """9001 bytes inside the VPC, 8500 through endpoints."""
    lab = Lab(outage_world())
    for to, limit, where in (("10.0.2.10:9", 9001, "eni-far"), (EP_A, 8500, "eni-ep-us-east-1a"), (S3, 8500, "s3")):
        lab.answer(lab.send(syn("10.0.1.10:40000", to), "eni-near"))
        for length, expected in ((limit, where), (limit + 1, "EMU_OVER_MTU")):
            packet: Packet = syn("10.0.1.10:40000", to, ACK, bytes(length - 40))
            packet.fragment = DF
            story = lab.send(packet, "eni-near")
            assert (story.why, story.answers) == (expected, [])


def test_groups_of_an_endpoint_apply_to_every_zone() -> None:
    ec2 = outage_world()
    ec2.create_security_group("vpc", group_id="shut")
    ec2.modify_vpc_endpoint("ep", add_security_group_ids=["shut"], remove_security_group_ids=["open"])
    assert (reached(ec2, EP_A), reached(ec2, EP_B)) == ("SG_HAS_NO_RULES at shut",) * 2
    ec2.authorize_security_group_ingress("shut", ip_protocol="tcp", from_port=443, to_port=443, cidr_ip=EVERYWHERE)
    assert reached(ec2, EP_B) == "eni-near"
