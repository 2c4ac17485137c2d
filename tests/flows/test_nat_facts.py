"""NAT gateways: whose packets they translate, to what, for how long, and what they refuse (NAT-1 to NAT-5)."""

from __future__ import annotations

from functools import partial

import pytest

from emulator.flows.translation import quoted_ends
from emulator.model.settings import Settings
from emulator.wire.options import TcpOptions, read, write_syn
from emulator.wire.packet import ACK, DF, FIN, RST, SYN, Packet, icmp, tcp
from tests.flows.edge_worlds import EVERYWHERE, public_world
from tests.flows.lab import Lab, datagram, ip, ping, reply_to, shown, syn

APP, HOST, NAT = "10.0.1.5:40000", "203.0.113.5:443", "198.51.100.220"


@pytest.mark.fact("NAT-1", "NAT-3")
def test_a_flow_leaves_by_the_gateways_address_and_its_answers_find_home() -> None:
    """By its subnet's network ACL both ways, and by no security group."""
    lab = Lab(public_world())
    out = lab.send(syn(APP, HOST), "eni-app")
    assert out.path == "eni-app sg-app acl-default-vpc to-nat acl-default-vpc nat acl-default-vpc to-igw igw internet"
    assert (out.where, shown(out.arrived)) == ("host", f"{NAT}:40000 > {HOST}")
    back = lab.answer(out)
    assert back.path == "host internet igw acl-default-vpc nat acl-default-vpc to-igw acl-default-vpc sg-app"
    assert (back.where, shown(back.arrived)) == ("eni-app", f"{HOST} > {APP}")


@pytest.mark.fact("NAT-1")
@pytest.mark.parametrize("make", [partial(syn, APP, HOST), partial(datagram, APP, "203.0.113.5:53")])
def test_tcp_and_udp_pass_and_their_answers_too(make: partial[Packet]) -> None:
    lab = Lab(public_world())
    assert lab.there_and_back(make(), "eni-app") == ("host", "eni-app")


@pytest.mark.fact("NAT-1")
def test_an_echo_gets_an_identifier_of_the_gateways_and_its_own_one_back() -> None:
    lab = Lab(public_world())
    lab.ec2.run_instances(
        instance_id="app2", subnet_id="private", security_group_ids="sg-app", private_ip_address="10.0.1.6"
    )
    first = lab.send(ping("10.0.1.5", "203.0.113.5", identifier=2000), "eni-app")
    second = lab.send(ping("10.0.1.6", "203.0.113.5", identifier=2000), "eni-app2")
    assert first.arrived is not None
    assert second.arrived is not None
    assert first.arrived.sport == 2000
    assert second.arrived.sport == 2001
    assert Packet.from_bytes(second.arrived.to_bytes()).sport == 2001
    for story, name in ((first, "eni-app"), (second, "eni-app2")):
        back = lab.answer(story)
        assert back.arrived is not None
        assert (back.where, back.arrived.sport) == (name, 2000)
        assert Packet.from_bytes(back.arrived.to_bytes()).payload[8:] == b"are you there?"


@pytest.mark.fact("NAT-1")
def test_other_protocols_do_not_pass() -> None:
    lab = Lab(public_world())
    gre = Packet(ip("10.0.1.5"), ip("203.0.113.5"), 47, 0, 0, b"", 20)
    assert lab.send(gre, "eni-app").where == "PROTOCOL_RESTRICTION at nat (TCP, UDP and ICMP only (NAT-1))"
    timestamp = icmp(ip("10.0.1.5"), ip("203.0.113.5"), 13, 0)
    assert lab.send(timestamp, "eni-app").why == "PROTOCOL_RESTRICTION"
    stray = icmp(ip("10.0.1.5"), ip("203.0.113.5"), 0, 0, identifier=9)
    assert lab.send(stray, "eni-app").why == "PROTOCOL_RESTRICTION"


@pytest.mark.fact("NAT-2")
def test_a_source_port_is_kept_unless_it_is_taken_or_too_low() -> None:
    """Ports are 1024 to 65535, one flow each towards one destination; another destination shares it."""
    lab = Lab(public_world())
    for number in (6, 7):
        name, address = f"app{number}", f"10.0.1.{number}"
        lab.ec2.run_instances(
            instance_id=name, subnet_id="private", security_group_ids="sg-app", private_ip_address=address
        )
    sends = [
        ("10.0.1.5:40000", HOST, "eni-app", 40000),
        ("10.0.1.6:40000", HOST, "eni-app6", 40001),
        ("10.0.1.7:40000", "203.0.113.5:80", "eni-app7", 40000),
        ("10.0.1.7:40000", "203.0.113.6:443", "eni-app7", 40000),
        ("10.0.1.5:65535", HOST, "eni-app", 65535),
        ("10.0.1.6:65535", HOST, "eni-app6", 1024),
    ]
    for source, to, sender, port in sends:
        out = lab.send(syn(source, to), sender)
        assert out.arrived is not None
        assert out.arrived.sport == port
        assert shown(lab.answer(out).arrived) == f"{to} > {source}"
    low = lab.send(syn("10.0.1.5:123", HOST), "eni-app")
    assert low.arrived is not None
    assert 1024 <= low.arrived.sport <= 65535


@pytest.mark.fact("NAT-2")
def test_towards_one_destination_an_address_has_so_many_connections_and_no_more() -> None:
    ec2 = public_world(Settings(nat_connections_per_destination=3))
    lab = Lab(ec2)
    ports = range(40000, 40003)
    assert {lab.send(syn(f"10.0.1.5:{port}", HOST), "eni-app").where for port in ports} == {"host"}
    full = lab.send(syn("10.0.1.5:40003", HOST), "eni-app")
    assert full.where == "EMU_PORTS_EXHAUSTED at nat (3 per destination (NAT-2))"
    assert sum(lab.fabric.state.refused.values()) == 1
    # Other ports, other addresses, other protocols are other destinations; what is open goes on.
    assert lab.send(syn("10.0.1.5:40003", "203.0.113.5:80"), "eni-app").where == "host"
    assert lab.send(syn("10.0.1.5:40003", "203.0.113.6:443"), "eni-app").where == "other"
    assert lab.send(datagram("10.0.1.5:40003", HOST), "eni-app").where == "host"
    assert lab.send(syn("10.0.1.5:40000", HOST, ACK), "eni-app").where == "host"
    lab.wait(350)
    assert lab.send(syn("10.0.1.5:40003", HOST), "eni-app").where == "host"


@pytest.mark.fact("NAT-2")
def test_each_further_address_is_as_many_connections_more() -> None:
    ec2 = public_world(Settings(nat_connections_per_destination=2))
    ec2.delete_nat_gateway("nat")
    ec2.create_nat_gateway(
        "public",
        nat_gateway_id="nat2",
        private_ip_address="10.0.0.220",
        secondary_private_ip_addresses=["10.0.0.221"],
        public_ips=["198.51.100.230", "198.51.100.231"],
    )
    ec2.replace_route("to-nat", destination_cidr_block=EVERYWHERE, nat_gateway_id="nat2")
    lab = Lab(ec2)
    sources = []
    for port in range(40000, 40004):
        out = lab.send(syn(f"10.0.1.5:{port}", HOST), "eni-app")
        sources.append(shown(out.arrived).partition(":")[0])
        assert lab.answer(out).where == "eni-app"
    assert sources == ["198.51.100.230"] * 2 + ["198.51.100.231"] * 2
    assert lab.send(syn("10.0.1.5:40004", HOST), "eni-app").why == "EMU_PORTS_EXHAUSTED"


@pytest.mark.fact("NAT-2")
@pytest.mark.parametrize("closing", ["fins", "reset"])
def test_a_closed_connections_port_is_free_again_after_a_minute(closing: str) -> None:
    """EMU: AWS says simultaneous connections, and of load balancers about as many a minute (SVC-9)."""
    lab = Lab(public_world(Settings(nat_connections_per_destination=1)))
    out = lab.send(syn(APP, HOST), "eni-app")
    lab.answer(out)
    if closing == "fins":
        out = lab.send(syn(APP, HOST, FIN | ACK), "eni-app")
        lab.wait(100)  # half closed, it may still be used for as long as any
        assert lab.answer(out, ACK, b"more").where == "eni-app"
        lab.answer(out, FIN | ACK)
    else:
        lab.send(syn(APP, HOST, RST), "eni-app")
    lab.wait(59)
    assert lab.send(syn("10.0.1.5:50000", HOST), "eni-app").why == "EMU_PORTS_EXHAUSTED"
    lab.wait(1)
    assert lab.send(syn("10.0.1.5:50000", HOST), "eni-app").where == "host"


@pytest.mark.fact("NAT-2")
def test_a_client_that_uses_its_port_again_opens_a_connection_like_any() -> None:
    lab = Lab(public_world())
    out = lab.send(syn(APP, HOST), "eni-app")
    lab.send(syn(APP, HOST, RST), "eni-app")
    again = lab.send(syn(APP, HOST), "eni-app")
    assert (again.where, lab.answer(again).where) == ("host", "eni-app")
    lab.send(syn(APP, HOST, ACK), "eni-app")
    lab.wait(300)
    assert lab.answer(out, ACK).where == "eni-app"


@pytest.mark.fact("NAT-3")
@pytest.mark.parametrize(
    ("packet", "sender"),
    [
        (syn("203.0.113.5:443", f"{NAT}:40000"), "host"),
        (datagram("203.0.113.5:53", f"{NAT}:40000"), "host"),
        (ping("203.0.113.5", NAT), "host"),
        (ping("10.0.1.5", "10.0.0.220"), "eni-app"),
        (syn("10.0.0.10:40000", "10.0.0.220:22"), "eni-web"),
    ],
)
def test_it_takes_nothing_unsolicited_and_answers_no_ping(packet: Packet, sender: str) -> None:
    story = Lab(public_world()).send(packet, sender)
    assert (story.where, story.answers) == ("NO_POSSIBLE_DESTINATION at nat", [])


@pytest.mark.fact("NAT-3")
def test_an_answer_must_come_from_where_the_flow_went() -> None:
    lab = Lab(public_world())
    lab.send(datagram("10.0.1.5:40000", "203.0.113.5:53"), "eni-app")
    for source in ("203.0.113.6:53", "203.0.113.5:54"):
        stray = datagram(source, f"{NAT}:40000")
        assert lab.send(stray, "internet").where == "NO_POSSIBLE_DESTINATION at nat"
    request = ping("10.0.1.5", "203.0.113.5", identifier=4000)
    lab.send(request, "eni-app")
    assert lab.send(ping("203.0.113.5", NAT, identifier=4000), "host").where == "NO_POSSIBLE_DESTINATION at nat"


@pytest.mark.fact("NAT-3")
@pytest.mark.parametrize(("egress", "gone"), [(True, "request"), (False, "answer")])
def test_the_network_acl_of_its_subnet_applies(egress: bool, gone: str) -> None:
    ec2 = public_world()
    ec2.create_network_acl_entry(
        "acl-default-vpc",
        rule_number=10,
        protocol="6",
        from_port=443 if egress else 40000,
        to_port=443 if egress else 40000,
        rule_action="deny",
        egress=egress,
        cidr_block="203.0.113.0/24",
    )
    ec2.create_network_acl("vpc", network_acl_id="acl-app")
    ec2.replace_network_acl_association("acl-app", "private")
    for out in (True, False):
        ec2.create_network_acl_entry(
            "acl-app", rule_number=10, protocol="-1", rule_action="allow", egress=out, cidr_block=EVERYWHERE
        )
    lab = Lab(ec2)
    out = lab.send(syn(APP, HOST), "eni-app")
    if gone == "request":
        assert out.where.startswith("SUBNET_ACL_RESTRICTION at acl-default-vpc (10 deny tcp 443")
        assert out.path.endswith("nat acl-default-vpc")
    else:
        back = lab.answer(out)
        assert back.where.startswith("SUBNET_ACL_RESTRICTION at acl-default-vpc (10 deny tcp 40000")
        assert back.path == "host internet igw acl-default-vpc"


@pytest.mark.fact("NAT-3")
def test_its_clients_are_the_vpcs_own() -> None:
    ec2 = public_world()
    ec2.modify_network_interface_attribute("eni-app", source_dest_check=False)
    foreign = Lab(ec2).send(syn("10.8.0.1:40000", HOST), "eni-app")
    assert foreign.where == "NGW_REQUIRES_SOURCE_IN_VPC at nat"


@pytest.mark.fact("NAT-4")
def test_fragments_of_tcp_and_icmp_are_dropped() -> None:
    lab = Lab(public_world())
    for proto in (1, 6):
        for fragment in (0x2000, 0x0010):
            packet = Packet(ip("10.0.1.5"), ip("203.0.113.5"), proto, 0, 0, bytes(64), 84)
            packet.fragment = fragment
            assert lab.send(packet, "eni-app").where == "PROTOCOL_RESTRICTION at nat (no TCP or ICMP fragments (NAT-4))"
    packet = Packet(ip("10.0.1.5"), ip("203.0.113.5"), 17, 0, 0, bytes(64), 84)
    packet.fragment = 0x2000
    assert lab.send(packet, "eni-app").why == "UNSUPPORTED_COMPONENT"


@pytest.mark.fact("NAT-4")
def test_8500_bytes_pass_and_the_sender_of_more_is_told() -> None:
    lab = Lab(public_world(Settings(internet_gateway_mtu=None)))
    for length, where in ((8500, "host"), (8501, "EMU_OVER_MTU at nat (MTU 8500 (NAT-4))")):
        packet = datagram("10.0.1.5:5000", "203.0.113.5:53", bytes(length - 28))
        packet.fragment = DF
        story = lab.send(packet, "eni-app")
        assert story.where == where
    [(where, message)] = story.answers
    assert (where, message.dport, int.from_bytes(message.payload[6:8], "big")) == ("eni-app", 0x304, 8500)


@pytest.mark.fact("NAT-4")
def test_the_mss_is_clamped_both_ways() -> None:
    lab = Lab(public_world())
    packet = syn(APP, HOST)
    packet.options = write_syn(TcpOptions(mss=8961))
    packet.length += len(packet.options)
    out = lab.send(packet, "eni-app")
    assert out.arrived is not None
    assert read(out.arrived.options).mss == 8460
    answer = reply_to(out.arrived)
    answer.options = write_syn(TcpOptions(mss=9000))
    answer.length += len(answer.options)
    back = lab.send(answer, "host")
    assert back.arrived is not None
    assert read(back.arrived.options).mss == 8460


@pytest.mark.fact("NAT-5")
def test_350_seconds_of_silence_and_the_next_segment_is_answered_with_a_reset() -> None:
    """To the inside host, and never a FIN; by an answer as by a request the flow is kept alive."""
    lab = Lab(public_world())
    out = lab.send(syn(APP, HOST), "eni-app")
    back = lab.answer(out)
    lab.send(syn(APP, HOST, ACK), "eni-app")
    lab.wait(349)
    assert lab.send(syn(APP, HOST, ACK), "eni-app").where == "host"
    lab.wait(349)
    assert lab.answer(out, ACK, b"x").where == "eni-app"
    lab.wait(349)
    assert lab.send(syn(APP, HOST, ACK), "eni-app").where == "host"
    lab.wait(350)
    late = lab.send(syn(APP, HOST, ACK, b"late", seq=700, ack=900), "eni-app")
    assert late.where == "EMU_IDLE_TIMEOUT at nat (idle timeout)"
    [(where, reset)] = late.answers
    assert (where, shown(reset), reset.flags, reset.seq) == ("eni-app", f"{HOST} > {APP}", RST, 900)
    assert back.arrived is not None
    # The internet's late segment is nobody's; nobody resets it.
    lost = lab.send(tcp(ip("203.0.113.5"), ip(NAT), 443, 40000, ACK, b"late"), "host")
    assert (lost.where, lost.answers) == ("NO_POSSIBLE_DESTINATION at nat", [])


@pytest.mark.fact("NAT-5")
def test_a_reset_is_not_answered_with_a_reset_and_udp_begins_anew() -> None:
    lab = Lab(public_world())
    assert lab.send(syn(APP, HOST, RST), "eni-app").answers == []
    out = lab.send(datagram("10.0.1.5:40000", "203.0.113.5:53"), "eni-app")
    lab.wait(350)
    assert lab.answer(out).where == "NO_POSSIBLE_DESTINATION at nat"
    assert lab.send(datagram("10.0.1.5:40000", "203.0.113.5:53"), "eni-app").where == "host"


@pytest.mark.fact("NAT-1")
def test_icmp_errors_find_the_flow_they_are_about_both_ways() -> None:
    """RFC 5508: what is quoted is as its reader sent it, checksums included."""
    lab = Lab(public_world())
    for group in ("sg-app",):
        lab.ec2.authorize_security_group_ingress(group, ip_protocol="icmp", cidr_ip=EVERYWHERE)
    for packet in (datagram("10.0.1.5:500", "203.0.113.5:53"), ping("10.0.1.5", "203.0.113.5", identifier=600)):
        out = lab.send(packet, "eni-app")
        assert out.arrived is not None
        error = icmp(ip("203.0.113.9"), out.arrived.src, 3, 1, data=out.arrived.to_bytes())
        back = lab.send(error, "internet")
        assert back.arrived is not None
        assert (back.where, back.arrived.src, back.arrived.dst) == ("eni-app", ip("203.0.113.9"), ip("10.0.1.5"))
        quoted = quoted_ends(Packet.from_bytes(back.arrived.to_bytes()))
        assert quoted is not None
        assert (quoted[0].src, quoted[0].sport) == (ip("10.0.1.5"), packet.sport)
        # And the other way: the client does not want the answer.
        reply = lab.answer(out)
        assert reply.arrived is not None
        unwanted = icmp(ip("10.0.1.5"), ip("203.0.113.5"), 3, 3, data=reply.arrived.to_bytes())
        there = lab.send(unwanted, "eni-app")
        assert there.arrived is not None
        assert (there.where, there.arrived.src) == ("host", ip(NAT))
        quoted = quoted_ends(Packet.from_bytes(there.arrived.to_bytes()))
        assert quoted is not None
        assert (quoted[0].dst, quoted[0].dport) == (ip(NAT), out.arrived.sport)
    stranger = icmp(ip("203.0.113.9"), ip(NAT), 3, 1, data=syn(f"{NAT}:1", HOST).to_bytes())
    assert lab.send(stranger, "internet").where == "NO_POSSIBLE_DESTINATION at nat"


def test_a_gateway_in_a_private_subnet_leads_back_to_itself() -> None:
    """The packet comes to it, and its own subnet's route sends it to it again, or nowhere."""
    ec2 = public_world()
    ec2.create_nat_gateway("private", nat_gateway_id="inner", connectivity_type="public")
    ec2.replace_route("to-nat", destination_cidr_block=EVERYWHERE, nat_gateway_id="inner")
    story = Lab(ec2).send(syn(APP, HOST), "eni-app")
    assert story.where == "NO_ROUTE_TO_DESTINATION at to-nat"
    assert story.path.endswith("to-nat acl-default-vpc inner acl-default-vpc to-nat acl-default-vpc inner to-nat")
    assert story.steps[-1].detail == "the route leads back to inner itself"
    ec2.delete_route("to-nat", destination_cidr_block=EVERYWHERE)
    ec2.create_route("to-nat", destination_cidr_block="203.0.113.5/32", nat_gateway_id="inner")
    ec2.create_route_table("vpc", route_table_id="nowhere")
    ec2.replace_route_table_association("nowhere", subnet_id="private")
    ec2.replace_route_table_association("to-nat", subnet_id="public")
    story = Lab(ec2).send(syn("10.0.0.11", HOST), "eni-hidden")
    assert story.where == "NO_ROUTE_TO_DESTINATION at nowhere"


@pytest.mark.fact("NAT-3")
def test_a_private_gateway_translates_and_has_no_way_to_the_internet() -> None:
    ec2 = public_world()
    ec2.create_nat_gateway(
        "public", nat_gateway_id="inner", connectivity_type="private", private_ip_address="10.0.0.230"
    )
    ec2.create_route("to-nat", destination_cidr_block="203.0.113.0/24", nat_gateway_id="inner")
    story = Lab(ec2).send(syn(APP, HOST), "eni-app")
    assert story.where == "IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS at igw"


@pytest.mark.parametrize("state", ["pending", "deleting"])
def test_only_an_available_gateway_translates(state: str) -> None:
    ec2 = public_world()
    ec2.set_nat_gateway_state("nat", state)
    assert Lab(ec2).send(syn(APP, HOST), "eni-app").where == f"BAD_STATE at nat ({state})"


@pytest.mark.fact("ROUTE-14")
@pytest.mark.parametrize("state", ["failed", "deleted"])
def test_the_routes_to_a_gateway_that_is_gone_are_blackholes(state: str) -> None:
    ec2 = public_world()
    ec2.set_nat_gateway_state("nat", state)
    assert Lab(ec2).send(syn(APP, HOST), "eni-app").why == "BAD_STATE_ROUTE"


def test_an_injected_fault_stops_it_until_it_is_mended() -> None:
    ec2 = public_world()
    ec2.fail_nat_gateway("nat")
    lab = Lab(ec2)
    assert lab.send(syn(APP, HOST), "eni-app").why == "EMU_FAULT"
    ec2.restore_nat_gateway("nat")
    assert lab.send(syn(APP, HOST, SYN), "eni-app").where == "host"


@pytest.mark.fact("NET-6")
def test_settings_turn_its_mtu_and_its_patience() -> None:
    lab = Lab(public_world(Settings(nat_gateway_mtu=1400, nat_idle_timeout=1_000_000_000)))
    assert lab.send(datagram("10.0.1.5:5", "203.0.113.5:53", bytes(1373)), "eni-app").why == "EMU_OVER_MTU"
    lab.send(syn(APP, HOST), "eni-app")
    lab.wait(1)
    assert lab.send(syn(APP, HOST, ACK), "eni-app").why == "EMU_IDLE_TIMEOUT"
