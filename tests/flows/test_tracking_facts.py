"""What security groups remember: tracked and untracked flows, for how long, how many, and what no group sees."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from emulator.model.settings import Settings
from emulator.wire.packet import ACK, DF, FIN, SYN, Packet, icmp
from tests.flows.edge_worlds import (
    EVERYWHERE,
    middlebox_world,
    open_group,
    privatelink_world,
    public_world,
    tool_service,
)
from tests.flows.lab import SECOND, Lab, datagram, ip, ping, syn

if TYPE_CHECKING:
    from emulator.control import ControlPlane

HOST, WEB = "203.0.113.5:50000", "198.51.100.10:80"
UNTRACKED, TRACKED = "untracked: open to all both ways (SG-10)", "tracked flow (SG-9)"


def remembered(lab: Lab, eni: str) -> int:
    """How many tracked flows an interface has now."""
    entries = lab.fabric.state.entries.items()
    return sum(key[0].partition("/")[0] == eni and entry.expires_at > lab.agenda.now for key, entry in entries)


def group_says(lab: Lab, packet: Packet, sender: str, group: str) -> str:
    """What a group's gate says of a packet that passes it."""
    story = lab.send(packet, sender)
    return next(step.detail for step in story.steps if step.component == group)


def rule(text: str) -> dict[str, str | int]:
    """``tcp 80 10.0.0.0/8`` as a verb's parameters; without ports or peer, all of them."""
    words = text.split()
    protocol, ports, cidr = (*words, *("", "*", EVERYWHERE)[len(words) :])
    if ports == "*":
        return {"ip_protocol": protocol, "cidr_ip": cidr}
    first, _, last = ports.partition("-")
    return {"ip_protocol": protocol, "from_port": int(first), "to_port": int(last or first), "cidr_ip": cidr}


# --- untracked flows (SG-10) -----------------------------------------------------------------------------------------


@pytest.mark.fact("SG-10")
def test_awss_example_of_an_untracked_flow() -> None:
    """Inbound tcp/80 from anywhere and outbound all: nothing is remembered; without the outbound rule it is."""
    lab = Lab(public_world())
    into = lab.send(syn(HOST, WEB), "host")
    assert (into.where, into.steps[-1].detail) == ("eni-web", UNTRACKED)
    back = lab.answer(into)
    assert (back.where, back.steps[1].detail) == ("host", UNTRACKED)
    assert remembered(lab, "eni-web") == 0
    lab.ec2.revoke_security_group_egress("sg-web", ip_protocol="-1", cidr_ip=EVERYWHERE)
    into = lab.send(syn("203.0.113.5:50001", WEB), "host")
    assert (into.where, into.steps[-1].detail, remembered(lab, "eni-web")) == ("eni-web", "", 1)
    back = lab.answer(into)
    assert (back.where, back.steps[1].detail) == ("host", TRACKED)


@pytest.mark.fact("SG-10")
@pytest.mark.parametrize(
    ("ingress", "egress", "untracked"),
    [
        ("tcp 80", "tcp", True),
        ("tcp 80", "tcp 0-65535", True),
        ("tcp 1-65535", "-1", True),
        # The answers' ports are not all open, or not to all, or of another protocol.
        ("tcp 80", "tcp 1024-65535", False),
        ("tcp 80", "-1 * 203.0.113.0/24", False),
        ("tcp 80", "udp", False),
        # The admitting rule is not open to all.
        ("tcp 80 203.0.113.0/24", "-1", False),
    ],
)
def test_a_flow_is_untracked_only_if_it_is_open_to_all_both_ways(ingress: str, egress: str, untracked: bool) -> None:
    ec2 = public_world()
    ec2.create_security_group("vpc", group_id="exact")
    ec2.revoke_security_group_egress("exact", ip_protocol="-1", cidr_ip=EVERYWHERE)
    ec2.authorize_security_group_ingress("exact", **rule(ingress))
    ec2.authorize_security_group_egress("exact", **rule(egress))
    ec2.modify_network_interface_attribute("eni-web", groups=["exact"])
    lab = Lab(ec2)
    assert lab.there_and_back(syn(HOST, WEB), "host") == ("eni-web", "host")
    assert remembered(lab, "eni-web") == (0 if untracked else 1)


@pytest.mark.fact("SG-10")
def test_a_flow_that_begins_inside_is_judged_by_its_own_direction() -> None:
    """web's inbound rule opens port 80 only: what it asks itself is tracked, even from that port."""
    lab = Lab(public_world())
    for source in ("10.0.0.10:40000", "10.0.0.10:80"):
        out = lab.send(syn(source, "203.0.113.5:443"), "eni-web")
        assert lab.answer(out).where == "eni-web"
    assert remembered(lab, "eni-web") == 2


@pytest.mark.fact("SG-10")
def test_icmp_is_always_tracked_and_udp_need_not_be() -> None:
    ec2 = public_world()
    open_group(ec2, "vpc", "open")
    ec2.modify_network_interface_attribute("eni-web", groups=["open"])
    lab = Lab(ec2)
    lab.there_and_back(datagram("10.0.0.10:5000", "203.0.113.5:53"), "eni-web")
    assert remembered(lab, "eni-web") == 0
    lab.there_and_back(ping("10.0.0.10", "203.0.113.5"), "eni-web")
    assert remembered(lab, "eni-web") == 1


# --- edits under live flows (SG-13) ----------------------------------------------------------------------------------


@pytest.mark.fact("SG-13")
@pytest.mark.parametrize("compiling", [False, True])
def test_taking_a_rule_back_cuts_an_untracked_flow_at_once_and_a_tracked_one_not(compiling: bool) -> None:
    for tracked in (False, True):
        lab = Lab(public_world(), compiling=compiling)
        cidr = "203.0.113.0/24" if tracked else EVERYWHERE
        if tracked:
            lab.ec2.authorize_security_group_ingress(
                "sg-web", ip_protocol="tcp", from_port=80, to_port=80, cidr_ip=cidr
            )
            lab.ec2.revoke_security_group_ingress(
                "sg-web", ip_protocol="tcp", from_port=80, to_port=80, cidr_ip=EVERYWHERE
            )
        into = lab.send(syn(HOST, WEB), "host")
        lab.answer(into)
        for _ in range(3):
            assert lab.send(syn(HOST, WEB, ACK), "host").where == "eni-web"
        lab.ec2.revoke_security_group_ingress("sg-web", ip_protocol="tcp", from_port=80, to_port=80, cidr_ip=cidr)
        next_one = lab.send(syn(HOST, WEB, ACK), "host")
        assert next_one.where == ("eni-web" if tracked else "SG_HAS_NO_RULES at sg-web")
        assert lab.send(syn("203.0.113.5:50001", WEB), "host").where == "SG_HAS_NO_RULES at sg-web"


@pytest.mark.fact("SG-13", "NACL-7")
@pytest.mark.parametrize("compiling", [False, True])
def test_only_a_network_acl_cuts_a_tracked_flow_at_once(compiling: bool) -> None:
    lab = Lab(middlebox_world(), compiling=compiling)
    flow = "10.0.1.10:40000", "10.0.2.20:5432"
    out = lab.send(syn(*flow), "eni-web")
    lab.answer(out)
    assert lab.send(syn(*flow, ACK), "eni-web").where == "eni-db"
    lab.ec2.create_network_acl_entry(
        "acl-default-vpc", rule_number=1, protocol="6", rule_action="deny", egress=True, cidr_block="10.0.2.0/24"
    )
    assert lab.send(syn(*flow, ACK), "eni-web").why == "SUBNET_ACL_RESTRICTION"


@pytest.mark.fact("SG-9", "SG-10")
def test_with_the_outbound_rule_gone_an_untracked_flows_answer_has_no_rule_either() -> None:
    lab = Lab(public_world())
    into = lab.send(syn(HOST, WEB), "host")
    lab.ec2.revoke_security_group_egress("sg-web", ip_protocol="-1", cidr_ip=EVERYWHERE)
    assert lab.answer(into).where == "SG_HAS_NO_RULES at sg-web"


# --- always tracked (SG-12) ------------------------------------------------------------------------------------------


def open_to_all(ec2: ControlPlane, *enis: str) -> ControlPlane:
    open_group(ec2, "vpc", "wide")
    for eni in enis:
        ec2.modify_network_interface_attribute(eni, groups=["wide"])
    return ec2


@pytest.mark.fact("SG-12")
def test_flows_by_a_nat_gateway_are_always_tracked() -> None:
    lab = Lab(open_to_all(public_world(), "eni-app", "eni-web"))
    lab.send(syn("10.0.1.5:1", "203.0.113.5:443"), "eni-app")
    lab.send(syn("10.0.0.10:1", "203.0.113.5:443"), "eni-web")
    assert (remembered(lab, "eni-app"), remembered(lab, "eni-web")) == (1, 0)


@pytest.mark.fact("SG-12")
def test_flows_with_interface_endpoints_are_always_tracked_at_both_ends() -> None:
    ec2 = open_to_all(public_world(), "eni-app")
    tool_service(ec2)
    ec2.create_vpc_endpoint(
        "vpc",
        "com.amazonaws.us-east-1.tool",
        vpc_endpoint_type="Interface",
        vpc_endpoint_id="ep",
        subnet_configurations=[{"subnet_id": "private", "ipv4": "10.0.1.200"}],
        security_group_ids=["wide"],
    )
    lab = Lab(ec2)
    lab.send(syn("10.0.1.5:1", "10.0.1.200:443"), "eni-app")
    assert remembered(lab, "eni-app") == 1
    assert remembered(lab, "eni-ep-us-east-1a") == 2  # and the endpoint's own memory of it (VPCE-IF-15)


@pytest.mark.fact("SG-12")
def test_flows_from_a_load_balancer_are_always_tracked_at_the_target() -> None:
    lab = Lab(privatelink_world())
    lab.send(syn("10.0.1.10:1", "10.0.1.200:443"), "eni-client")
    assert remembered(lab, "eni-one") == 1


@pytest.mark.fact("SG-12")
def test_flows_of_functions_interfaces_are_always_tracked() -> None:
    ec2 = open_to_all(public_world())
    ec2.create_network_interface(
        "public", network_interface_id="eni-fn", groups="wide", interface_type="lambda", private_ip_address="10.0.0.60"
    )
    lab = Lab(ec2)
    lab.send(syn("10.0.0.10:1", "10.0.0.60:80"), "eni-web")
    assert remembered(lab, "eni-fn") == 1


@pytest.mark.fact("SG-12")
@pytest.mark.parametrize(("service", "address", "entries"), [("dynamodb", "52.94.0.9", 2), ("s3", "52.216.0.10", 0)])
def test_gateway_endpoints_dynamodbs_takes_two_entries_and_s3s_none(service: str, address: str, entries: int) -> None:
    """For as long as the connection lives."""
    ec2 = open_to_all(public_world(Settings(max_tracked_connections=100)), "eni-app")
    ec2.create_vpc_endpoint(
        "vpc", f"com.amazonaws.us-east-1.{service}", vpc_endpoint_id="gw", route_table_ids=["to-nat"]
    )
    lab = Lab(ec2)
    out = lab.send(syn("10.0.1.5:1", f"{address}:443"), "eni-app")
    assert (out.where, remembered(lab, "eni-app")) == ("gw", entries)
    lab.answer(out)
    lab.send(syn("10.0.1.5:1", f"{address}:443", ACK), "eni-app")
    lab.wait(3600)
    lab.send(syn("10.0.1.5:1", f"{address}:443", ACK), "eni-app")
    assert remembered(lab, "eni-app") == entries
    lab.send(syn("10.0.1.5:1", f"{address}:443", FIN | ACK), "eni-app")
    lab.wait(121)
    assert remembered(lab, "eni-app") == 0


# --- for how long (SG-14, SG-15, SG-17) ------------------------------------------------------------------------------


@pytest.mark.fact("SG-14")
def test_each_interface_has_timeouts_of_its_own() -> None:
    ec2 = middlebox_world()
    ec2.create_security_group("vpc", group_id="narrow")
    ec2.authorize_security_group_ingress("narrow", ip_protocol="-1", cidr_ip="10.0.1.0/24")
    ec2.modify_network_interface_attribute("eni-db", groups=["narrow"])
    spec = {"tcp_established_timeout": 60 * SECOND, "udp_timeout": 40 * SECOND, "udp_stream_timeout": 70 * SECOND}
    ec2.modify_network_interface_attribute("eni-db", connection_tracking_specification=spec)
    flow, lookup = ("10.0.1.10:40000", "10.0.2.20:5432"), ("10.0.1.10:5000", "10.0.2.20:53")
    for packets, seconds in (
        ([partial(syn, *flow), None, partial(syn, *flow, ACK)], 60),
        ([partial(datagram, *lookup)], 40),
        ([partial(datagram, *lookup), None, partial(datagram, *lookup)], 70),
    ):
        for silence, known in ((seconds - 1, True), (seconds, False)):
            lab = Lab(ec2)
            story = None
            for make in packets:
                story = lab.send(make(), "eni-web") if make is not None else story
                if make is None:
                    assert story is not None
                    lab.answer(story)
            lab.wait(silence)
            assert (remembered(lab, "eni-db") == 1) is known


@pytest.mark.fact("SG-15", "SVC-11")
def test_behind_a_load_balancer_the_timeouts_are_its_own() -> None:
    """Whatever the target's interface says."""
    lab = Lab(privatelink_world())
    out = lab.send(syn("10.0.1.10:40000", "10.0.1.200:443"), "eni-client")
    lab.answer(out)
    lab.send(syn("10.0.1.10:40000", "10.0.1.200:443", ACK), "eni-client")
    [entry] = [entry for key, entry in lab.fabric.state.entries.items() if key[0] == "eni-one"]
    assert entry.timeout == 350 * SECOND


@pytest.mark.fact("SG-15")
def test_behind_a_load_balancer_udp_is_remembered_for_120_seconds() -> None:
    ec2 = privatelink_world(Settings(interface_endpoint_protocols=(6, 17)))
    ec2.create_target_group("names", vpc_id="provider", protocol="UDP", port=5353)
    ec2.register_targets("names", [{"target_id": "one"}])
    ec2.create_listener("nlb", port=53, protocol="UDP", target_group_name="names")
    lab = Lab(ec2)
    assert lab.there_and_back(datagram("10.0.1.10:5000", "10.0.1.200:53"), "eni-client") == ("eni-one", "eni-client")
    [entry] = [entry for key, entry in lab.fabric.state.entries.items() if key[0] == "eni-one"]
    assert entry.timeout == 120 * SECOND


@pytest.mark.fact("SG-17")
def test_an_evicted_flows_segments_are_judged_by_rules_and_lost_in_silence() -> None:
    """db lets web in by a rule, web lets nobody in: web's late segment passes out, db's answer is dropped."""
    ec2 = middlebox_world()
    ec2.create_security_group("vpc", group_id="shut")
    ec2.modify_network_interface_attribute("eni-web", groups=["shut"])
    spec = {"tcp_established_timeout": 60 * SECOND}
    ec2.modify_network_interface_attribute("eni-web", connection_tracking_specification=spec)
    lab = Lab(ec2)
    flow = "10.0.1.10:40000", "10.0.2.20:5432"
    out = lab.send(syn(*flow), "eni-web")
    lab.answer(out)
    lab.send(syn(*flow, ACK), "eni-web")
    lab.wait(60)
    late = lab.answer(out, ACK, b"late")
    assert (late.where, late.answers) == ("SG_HAS_NO_RULES at shut", [])
    assert lab.send(syn(*flow, ACK), "eni-web").where == "eni-db"
    assert lab.answer(out, ACK, b"late").where == "SG_HAS_NO_RULES at shut"
    assert lab.send(syn(*flow), "eni-web").where == "eni-db"
    assert lab.answer(out, ACK, b"late").where == "eni-web"


# --- how many (SG-16) ------------------------------------------------------------------------------------------------


@pytest.mark.fact("SG-16")
def test_an_instance_tracks_so_many_flows_and_turns_the_next_away() -> None:
    """Of all its interfaces; what it tracks goes on, what is untracked needs no room."""
    ec2 = public_world(Settings(max_tracked_connections=2))
    ec2.create_network_interface(
        "public", network_interface_id="eni-second", groups="sg-app", private_ip_address="10.0.0.70"
    )
    ec2.attach_network_interface("eni-second", "hidden")
    lab = Lab(ec2)
    peer = "10.0.0.10:80"
    assert lab.send(syn("10.0.0.11:1", peer), "eni-hidden").where == "eni-web"
    assert lab.send(syn("10.0.0.70:1", peer), "eni-second").where == "eni-web"
    full = "EMU_CONNTRACK_FULL at hidden (2 tracked connections (SG-16))"
    assert lab.send(syn("10.0.0.11:2", peer), "eni-hidden").where == full
    assert lab.send(syn("10.0.0.70:2", peer), "eni-second").where == full
    assert lab.send(syn("10.0.0.11:1", peer, ACK), "eni-hidden").where == "eni-web"
    assert lab.fabric.state.refused == {("tracked", "hidden"): 2}
    lab.wait(121)
    assert lab.send(syn("10.0.0.11:2", peer), "eni-hidden").where == "eni-web"
    web = [lab.send(syn(f"203.0.113.5:{port}", WEB), "host").where for port in range(1, 6)]
    assert web == ["eni-web"] * 5


@pytest.mark.fact("SG-16")
def test_an_instance_may_have_a_limit_of_its_own_and_two_entries_need_two_places() -> None:
    ec2 = public_world(Settings(max_tracked_connections=100))
    ec2.run_instances(
        instance_id="small",
        subnet_id="private",
        security_group_ids="sg-app",
        private_ip_address="10.0.1.6",
        max_tracked_connections=3,
    )
    ec2.create_vpc_endpoint("vpc", "com.amazonaws.us-east-1.dynamodb", vpc_endpoint_id="gw", route_table_ids=["to-nat"])
    lab = Lab(ec2)
    assert lab.send(syn("10.0.1.6:1", "52.94.0.9:443"), "eni-small").where == "gw"
    assert lab.send(syn("10.0.1.6:2", "52.94.0.9:443"), "eni-small").why == "EMU_CONNTRACK_FULL"
    assert lab.send(syn("10.0.1.6:3", "203.0.113.5:443"), "eni-small").where == "host"
    assert lab.send(syn("10.0.1.6:4", "203.0.113.5:443"), "eni-small").why == "EMU_CONNTRACK_FULL"


# --- messages about a path's MTU (SG-18) -----------------------------------------------------------------------------


@pytest.mark.fact("SG-18")
@pytest.mark.parametrize(
    ("sender", "source", "wide", "admitted", "told"),
    [
        pytest.param("eni-web", "10.0.0.10", False, None, False, id="tracked, and no rule"),
        pytest.param("eni-web", "10.0.0.10", False, "icmp", True, id="a rule admits ICMP"),
        pytest.param("eni-web", "10.0.0.10", True, None, True, id="untracked"),
        pytest.param("eni-app", "10.0.1.5", False, None, True, id="tracked always, by a NAT gateway"),
    ],
)
def test_the_message_of_a_smaller_mtu_reaches_the_interface_if_its_flow_lets_it(
    sender: str, source: str, wide: bool, admitted: str | None, told: bool
) -> None:
    ec2 = public_world()
    ec2.create_security_group("vpc", group_id="quiet")
    if wide:
        ec2.authorize_security_group_ingress("quiet", ip_protocol="udp", cidr_ip=EVERYWHERE)
    if admitted is not None:
        ec2.authorize_security_group_ingress("quiet", ip_protocol=admitted, cidr_ip=EVERYWHERE)
    ec2.modify_network_interface_attribute(sender, groups=["quiet"])
    lab = Lab(ec2)
    packet = datagram(f"{source}:5000", "203.0.113.5:53", bytes(1473))
    packet.fragment = DF
    answers = lab.send(packet, sender).answers
    assert [(where, message.dport) for where, message in answers] == ([(sender, 0x304)] if told else [])


@pytest.mark.fact("SG-18")
def test_other_icmp_errors_need_a_rule() -> None:
    ec2 = public_world()
    lab = Lab(ec2)
    out = lab.send(datagram("10.0.1.5:5000", "203.0.113.5:53"), "eni-app")
    assert out.arrived is not None
    for code, where in ((4, "eni-app"), (3, "SG_HAS_NO_RULES at sg-app")):
        error = icmp(out.arrived.dst, out.arrived.src, 3, code, data=out.arrived.to_bytes())
        assert lab.send(error, "host").where == where
    foreign = icmp(out.arrived.dst, ip("198.51.100.10"), 3, 4, data=syn("198.51.100.10:9", "203.0.113.5:9").to_bytes())
    assert lab.send(foreign, "host").where == "ENI_SG_RULES_MISMATCH at sg-web"


@pytest.mark.fact("SG-18")
def test_a_message_about_one_flow_opens_no_way_for_a_message_about_another() -> None:
    """They look alike to the cache: an ICMP error has no ports."""
    lab = Lab(public_world(), compiling=True)
    out = lab.send(datagram("10.0.1.5:5000", "203.0.113.5:53"), "eni-app")
    assert out.arrived is not None
    for _ in range(3):
        error = icmp(out.arrived.dst, out.arrived.src, 3, 4, data=out.arrived.to_bytes())
        assert lab.send(error, "host").where == "eni-app"
    other = icmp(out.arrived.dst, out.arrived.src, 3, 4, data=datagram("198.51.100.220:9", "203.0.113.5:53").to_bytes())
    assert lab.send(other, "host").where == "NO_POSSIBLE_DESTINATION at nat"


# --- what no group and no network ACL sees (SG-7) --------------------------------------------------------------------


def shut(ec2: ControlPlane) -> ControlPlane:
    """Let web do nothing: a group without rules, a network ACL that denies everything."""
    ec2.create_security_group("vpc", group_id="mute")
    ec2.revoke_security_group_egress("mute", ip_protocol="-1", cidr_ip=EVERYWHERE)
    ec2.modify_network_interface_attribute("eni-web", groups=["mute"])
    ec2.create_network_acl("vpc", network_acl_id="nothing")
    ec2.replace_network_acl_association("nothing", "public")
    return ec2


@pytest.mark.fact("SG-7", "DNS-1", "DNS-4")
@pytest.mark.parametrize("resolver", ["10.0.0.2:53", "169.254.169.253:53"])
def test_neither_groups_nor_network_acls_filter_the_resolver(resolver: str) -> None:
    lab = Lab(shut(public_world()))
    assert lab.there_and_back(datagram("10.0.0.10:5000", resolver), "eni-web") == ("vpc/resolver", "eni-web")
    assert lab.send(datagram("10.0.0.10:5000", "10.0.0.11:53"), "eni-web").where == "SG_HAS_NO_RULES at mute"


@pytest.mark.fact("SG-7", "DNS-6")
@pytest.mark.parametrize("address", ["169.254.169.254:80", "169.254.169.123:123", "169.254.170.2:80"])
def test_nor_other_link_local_services_which_are_not_modelled(address: str) -> None:
    """Instance metadata, time, task metadata."""
    assert Lab(shut(public_world())).send(datagram("10.0.0.10:5000", address), "eni-web").where == (
        "EMU_LINK_LOCAL at eni-web"
    )


@pytest.mark.fact("SG-7")
def test_nor_the_routers_reserved_address_which_answers_nothing() -> None:
    assert Lab(shut(public_world())).send(ping("10.0.0.10", "10.0.0.1"), "eni-web").where == (
        "NO_POSSIBLE_DESTINATION at public"
    )


@pytest.mark.fact("DNS-3")
def test_so_many_link_local_packets_a_second_and_no_more() -> None:
    """A second's worth at once; per interface, and by the knob as many as one likes."""
    lab = Lab(public_world(Settings(link_local_packets_per_second=10)))
    for sender, source in (("eni-web", "10.0.0.10"), ("eni-hidden", "10.0.0.11")):
        packets = [datagram(f"{source}:{5000 + number}", "10.0.0.2:53") for number in range(12)]
        for packet in packets:
            lab.plug(sender).send(packet)
        lab.agenda.run()
        endings = [str(packet.ending) for packet in packets if packet.ending != packets[0].ending]
        assert endings == [f"EMU_LINK_LOCAL at {sender} (10 packets/s (DNS-3))"] * 2
    lab.wait(0.1)
    assert lab.send(datagram("10.0.0.10:1", "10.0.0.2:53"), "eni-web").where == "vpc/resolver"
    assert lab.send(datagram("10.0.0.10:1", "10.0.0.2:53"), "eni-web").why == "EMU_LINK_LOCAL"
    free = Lab(public_world(Settings(link_local_packets_per_second=None)))
    packets = [datagram(f"10.0.0.10:{5000 + number}", "10.0.0.2:53") for number in range(2000)]
    for packet in packets:
        free.plug("eni-web").send(packet)
    free.agenda.run()
    assert {str(packet.ending) for packet in packets} == {str(packets[0].ending)}


@pytest.mark.fact("NACL-9")
def test_in_which_order_a_packet_meets_group_list_and_route() -> None:
    """Out: group, list, route; in: route, list, group.  Whoever refuses first is named."""
    ec2 = middlebox_world()
    gates = [step.gate for step in Lab(ec2).send(syn("10.0.1.10:1", "10.0.2.20:80"), "eni-web").steps]
    assert gates == [
        "source_dest_check",
        "security_group_egress",
        "network_acl_egress",
        "route",
        "network_acl_ingress",
        "security_group_ingress",
    ]
    ec2.create_security_group("vpc", group_id="mute")
    ec2.revoke_security_group_egress("mute", ip_protocol="-1", cidr_ip=EVERYWHERE)
    for name, subnet in (("nothing-in", "third"), ("nothing-out", "inner")):
        ec2.create_network_acl("vpc", network_acl_id=name)
        ec2.replace_network_acl_association(name, subnet)
    refusals = []
    for mend in (
        lambda: ec2.modify_network_interface_attribute("eni-db", groups=["mute"]),
        lambda: ec2.modify_network_interface_attribute("eni-web", groups=["mute"]),
        lambda: ec2.modify_network_interface_attribute("eni-web", groups=["open"]),
        lambda: ec2.replace_network_acl_association("acl-default-vpc", "inner"),
        lambda: ec2.replace_network_acl_association("acl-default-vpc", "third"),
        lambda: ec2.modify_network_interface_attribute("eni-db", groups=["open"]),
    ):
        mend()
        refusals.append(Lab(ec2).send(syn("10.0.1.10:1", "10.0.2.20:80", SYN), "eni-web").where)
    assert refusals == [
        "SUBNET_ACL_RESTRICTION at nothing-out (*)",
        "SG_HAS_NO_RULES at mute",
        "SUBNET_ACL_RESTRICTION at nothing-out (*)",
        "SUBNET_ACL_RESTRICTION at nothing-in (*)",
        "SG_HAS_NO_RULES at mute",
        "eni-db",
    ]
