"""Endpoint services behind Network Load Balancers: nodes, targets, addresses, ports, groups, silence (section 9)."""

from __future__ import annotations

import pytest

from emulator.control import ControlPlane  # noqa: TC001
from emulator.flows.tables import ListenerTable
from emulator.model.settings import Settings
from emulator.wire.options import TcpOptions, read, write_syn
from emulator.wire.packet import ACK, FIN, RST, SYN, Packet, tcp
from emulator.wire.proxy_protocol import SIGNATURE
from tests.flows.edge_worlds import EVERYWHERE, SERVICE, A, B, open_group, privatelink_world
from tests.flows.lab import SECOND, Lab, datagram, ip, reply_to, shown, syn

CLIENT, EP_A, EP_B = "10.0.1.10:40000", "10.0.1.200:443", "10.0.2.200:443"
FLOW = CLIENT, EP_A


def opened(lab: Lab, source: str = CLIENT, to: str = EP_A) -> None:
    """A handshake through the endpoint."""
    out = lab.send(syn(source, to, seq=1000), "eni-client")
    lab.answer(out)
    lab.send(syn(source, to, ACK, seq=1001, ack=1), "eni-client")


# --- nodes and targets -----------------------------------------------------------------------------------------------


@pytest.mark.fact("SVC-7", "SVC-8")
def test_a_target_sees_the_node_and_the_client_sees_the_endpoint() -> None:
    """Consumer and provider have the same addresses, down to client and target; nobody minds."""
    lab = Lab(privatelink_world())
    out = lab.send(syn(*FLOW), "eni-client")
    assert out.path == "eni-client sg-consumer ep nlb sg-provider"
    assert (out.where, shown(out.arrived)) == ("eni-one", "10.0.1.50:40000 > 10.0.1.10:8443")
    back = lab.answer(out)
    assert back.path == "eni-one sg-provider nlb ep eni-ep-us-east-1a sg-consumer"
    assert (back.where, shown(back.arrived)) == ("eni-client", f"{EP_A} > {CLIENT}")


@pytest.mark.fact("SVC-8")
def test_two_consumers_with_the_same_addresses_are_kept_apart() -> None:
    """Even by the same client port."""
    ec2 = privatelink_world()
    ec2.create_vpc("10.0.0.0/16", vpc_id="twin")
    ec2.create_subnet("twin", "10.0.1.0/24", A, subnet_id="twin-a")
    open_group(ec2, "twin", "sg-twin")
    ec2.run_instances(
        instance_id="twin", subnet_id="twin-a", security_group_ids="sg-twin", private_ip_address="10.0.1.10"
    )
    ec2.create_vpc_endpoint(
        "twin",
        SERVICE,
        vpc_endpoint_type="Interface",
        vpc_endpoint_id="ep2",
        subnet_configurations=[{"subnet_id": "twin-a", "ipv4": "10.0.1.200"}],
        security_group_ids=["sg-twin"],
    )
    lab = Lab(ec2)
    first, second = lab.send(syn(*FLOW), "eni-client"), lab.send(syn(*FLOW), "eni-twin")
    assert (shown(first.arrived), shown(second.arrived)) == (
        "10.0.1.50:40000 > 10.0.1.10:8443",
        "10.0.1.50:40001 > 10.0.1.10:8443",
    )
    assert (lab.answer(first).where, lab.answer(second).where) == ("eni-client", "eni-twin")


@pytest.mark.fact("SVC-7")
def test_an_endpoints_interface_leads_to_the_node_of_its_zone_and_that_to_targets_there() -> None:
    """Cross-zone is off; with it on, every target is anybody's."""
    ec2 = privatelink_world()
    lab = Lab(ec2)

    def targets(to: str) -> set[str]:
        sources = [f"10.0.1.10:{port}" for port in range(20000, 20030)]
        return {lab.send(syn(source, to), "eni-client").where for source in sources}

    assert (targets(EP_A), targets(EP_B)) == ({"eni-one"}, {"eni-two"})
    ec2.modify_load_balancer_attributes("nlb", cross_zone=True)
    lab = Lab(ec2)
    assert (targets(EP_A), targets(EP_B)) == ({"eni-one", "eni-two"}, {"eni-one", "eni-two"})


@pytest.mark.fact("SVC-7")
def test_without_a_target_in_the_zone_there_is_none() -> None:
    ec2 = privatelink_world()
    ec2.deregister_targets("targets", [{"target_id": "two"}])
    lab = Lab(ec2)
    assert lab.send(syn(*FLOW), "eni-client").where == "eni-one"
    assert lab.send(syn(CLIENT, EP_B), "eni-client").where == "ELBV2_NO_TARGETS_IN_AZ at nlb"
    ec2.modify_load_balancer_attributes("nlb", cross_zone=True)
    assert lab.send(syn(CLIENT, EP_B), "eni-client").where == "eni-one"


@pytest.mark.fact("SVC-7")
def test_targets_in_a_zone_without_a_node_are_not_used() -> None:
    ec2 = privatelink_world(zones=(A,))
    ec2.modify_load_balancer_attributes("nlb", cross_zone=True)
    lab = Lab(ec2)
    sources = [f"10.0.1.10:{port}" for port in range(20000, 20030)]
    assert {lab.send(syn(source, EP_A), "eni-client").where for source in sources} == {"eni-one"}
    ec2.deregister_targets("targets", [{"target_id": "one"}])
    assert lab.send(syn(*FLOW), "eni-client").where == "ELB_INSTALLED_AZ_RESTRICTION at nlb"


@pytest.mark.fact("SVC-7")
def test_healthy_targets_only_unless_none_is() -> None:
    """Fail-open."""
    ec2 = privatelink_world()
    ec2.modify_load_balancer_attributes("nlb", cross_zone=True)
    sources = [f"10.0.1.10:{port}" for port in range(20000, 20030)]
    for one, two, used in (
        ("healthy", "unhealthy", {"eni-one"}),
        ("unhealthy", "healthy", {"eni-two"}),
        ("unhealthy", "unhealthy", {"eni-one", "eni-two"}),
    ):
        ec2.set_target_health("targets", "one", one)
        ec2.set_target_health("targets", "two", two)
        lab = Lab(ec2)
        assert {lab.send(syn(source, EP_A), "eni-client").where for source in sources} == used


@pytest.mark.fact("SVC-7", "SVC-13")
def test_a_connection_keeps_its_target_whatever_becomes_of_its_health() -> None:
    ec2 = privatelink_world()
    ec2.modify_load_balancer_attributes("nlb", cross_zone=True)
    lab = Lab(ec2)
    out = lab.send(syn(*FLOW), "eni-client")
    ec2.set_target_health("targets", out.where.removeprefix("eni-"), "unhealthy")
    for _ in range(3):
        assert lab.send(syn(*FLOW, ACK), "eni-client").where == out.where


@pytest.mark.fact("SVC-13")
def test_the_target_is_chosen_by_addresses_ports_and_sequence_number() -> None:
    """The same for a repeated SYN; spread over many."""
    ec2 = privatelink_world()
    ec2.modify_load_balancer_attributes("nlb", cross_zone=True)
    lab = Lab(ec2)
    first = lab.send(syn(*FLOW, seq=5), "eni-client").where
    assert lab.send(syn(*FLOW, seq=5), "eni-client").where == first
    assert Lab(ec2).send(syn(*FLOW, seq=5), "eni-client").where == first
    by_sequence = {Lab(ec2).send(syn(*FLOW, seq=number), "eni-client").where for number in range(10)}
    assert by_sequence == {"eni-one", "eni-two"}


@pytest.mark.fact("SVC-13")
def test_no_fragments_pass_but_udps_which_are_not_modelled() -> None:
    lab = Lab(privatelink_world(Settings(interface_endpoint_protocols=(6, 17))))
    for proto, where in (
        (6, "PROTOCOL_RESTRICTION at nlb (no fragments but UDP's (SVC-13))"),
        (17, "UNSUPPORTED_COMPONENT at nlb"),
    ):
        packet = Packet(ip("10.0.1.10"), ip("10.0.1.200"), proto, 0, 0, bytes(64), 84)
        packet.fragment = 0x2000
        packet.flags = SYN
        assert lab.send(packet, "eni-client").where == where


@pytest.mark.fact("SVC-1")
def test_an_endpoints_interface_keeps_to_one_of_several_load_balancers() -> None:
    ec2 = privatelink_world()
    ec2.create_load_balancer("nlb2", subnet_ids=["provider-a", "provider-b"])
    ec2.create_target_group("more", vpc_id="provider", protocol="TCP", port=8443)
    ec2.register_targets("more", [{"target_id": "one"}, {"target_id": "two"}])
    ec2.create_listener("nlb2", port=443, protocol="TCP", target_group_name="more")
    ec2.modify_vpc_endpoint_service_configuration("vpce-svc-1", add_load_balancer_names="nlb2")
    lab = Lab(ec2)
    paths = {lab.send(syn(f"10.0.1.10:{port}", EP_A), "eni-client").path for port in range(1, 20)}
    assert len(paths) == 1
    assert Lab(ec2).send(syn(*FLOW), "eni-client").path in paths


# --- what a listener says --------------------------------------------------------------------------------------------


def test_what_no_listener_takes_is_named() -> None:
    ec2 = privatelink_world(Settings(interface_endpoint_protocols=(6, 17)))
    lab = Lab(ec2)
    assert lab.send(syn(CLIENT, "10.0.1.200:80"), "eni-client").where == "ELBV2_LISTENER_PORT_RESTRICTION at nlb"
    assert lab.send(datagram(*FLOW), "eni-client").where == "ELBV2_LISTENERS_MISMATCH at nlb"
    ec2.deregister_targets("targets", [{"target_id": "one"}, {"target_id": "two"}])
    assert lab.send(syn(*FLOW), "eni-client").where == "ELBV2_LISTENER_HAS_NO_TG at targets"
    ec2.delete_listener("nlb", port=443)
    assert lab.send(syn(*FLOW), "eni-client").where == "ELBV2_LISTENERS_MISMATCH at nlb"


def test_a_group_that_does_not_take_the_protocol_is_named() -> None:
    """The verbs refuse such a group, so the tables are made to have one."""
    lab = Lab(privatelink_world())
    balancer = lab.fabric.tables().load_balancers["nlb"]
    [old] = balancer.listeners
    odd = ListenerTable(old.port, (6,), old.target_group, (17,), old.targets)
    object.__setattr__(balancer, "listeners", (odd,))
    assert lab.send(syn(*FLOW), "eni-client").where == "ELBV2_LISTENER_REQUIRES_TG_ACCEPT at targets"


def test_a_zone_that_lost_its_node_is_named() -> None:
    """As above."""
    lab = Lab(privatelink_world())
    endpoint = lab.fabric.tables().interfaces["eni-ep-us-east-1a"].endpoint
    assert endpoint is not None
    endpoint.nodes = {}
    story = lab.send(syn(*FLOW), "eni-client")
    assert story.where == f"VPCE_SERVICE_NOT_INSTALLED_IN_AZ at {SERVICE}"


@pytest.mark.fact("SVC-4", "VPCE-10", "SG-12")
def test_an_endpoint_that_is_not_accepted_carries_nothing() -> None:
    ec2 = privatelink_world()
    ec2.reject_vpc_endpoint_connections("vpce-svc-1", "ep")
    lab = Lab(ec2)
    assert lab.send(syn(*FLOW), "eni-client").where == "BAD_STATE at ep (rejected)"
    ec2.modify_vpc_endpoint_service_configuration("vpce-svc-1", acceptance_required=True)
    ec2.delete_vpc_endpoints("ep")
    ec2.create_vpc_endpoint(
        "consumer",
        SERVICE,
        vpc_endpoint_type="Interface",
        vpc_endpoint_id="ep2",
        subnet_configurations=[{"subnet_id": "consumer-a", "ipv4": "10.0.1.200"}],
        security_group_ids=["sg-consumer"],
    )
    lab = Lab(ec2)
    assert lab.send(syn(*FLOW), "eni-client").where == "BAD_STATE at ep2 (pendingAcceptance)"
    ec2.accept_vpc_endpoint_connections("vpce-svc-1", "ep2")
    out = lab.send(syn(*FLOW), "eni-client")
    assert (out.where, lab.answer(out).where) == ("eni-one", "eni-client")
    ec2.reject_vpc_endpoint_connections("vpce-svc-1", "ep2")
    assert lab.send(syn(*FLOW, ACK), "eni-client").where == "BAD_STATE at ep2 (rejected)"
    assert lab.answer(out, ACK).where == "BAD_STATE at ep2 (rejected)"


# --- ports (SVC-9) ---------------------------------------------------------------------------------------------------


@pytest.mark.fact("SVC-9")
def test_towards_one_target_a_node_has_so_many_connections_and_no_more() -> None:
    lab = Lab(privatelink_world(Settings(load_balancer_connections_per_target=2)))
    ports = [lab.send(syn(f"10.0.1.10:{port}", EP_A), "eni-client") for port in (40000, 123)]
    assert [story.where for story in ports] == ["eni-one", "eni-one"]
    assert all(story.arrived is not None and 1024 <= story.arrived.sport <= 65535 for story in ports)
    full = lab.send(syn("10.0.1.10:40002", EP_A), "eni-client")
    assert full.where == "EMU_PORTS_EXHAUSTED at nlb (2 per target (SVC-9))"
    assert sum(lab.fabric.state.refused.values()) == 1  # PortAllocationErrorCount
    assert lab.send(syn("10.0.1.10:40002", EP_B), "eni-client").where == "eni-two"
    lab.send(syn("10.0.1.10:40000", EP_A, RST), "eni-client")
    lab.wait(60)
    assert lab.send(syn("10.0.1.10:40002", EP_A), "eni-client").where == "eni-one"


@pytest.mark.fact("SVC-9")
def test_a_port_is_one_flows_towards_a_target_whichever_endpoint_and_client_it_is() -> None:
    lab = Lab(privatelink_world())
    lab.ec2.modify_load_balancer_attributes("nlb", cross_zone=True)
    seen = set()
    stories = []
    for sender, source in (("eni-client", "10.0.1.10:40000"), ("eni-client-b", "10.0.2.10:40000")):
        for port in (40000, 40001):
            story = lab.send(syn(f"{source.partition(':')[0]}:{port}", EP_A), sender)
            stories.append((story, sender))
            seen.add(shown(story.arrived))
    assert len(seen) == 4
    assert [lab.answer(story).where for story, _ in stories] == [sender for _, sender in stories]


# --- silence (SVC-11, VPCE-IF-15) ------------------------------------------------------------------------------------


def late_resets(lab: Lab) -> list[tuple[str, str, int]]:
    """What resets the client's late data brings, and then the target's."""
    found = []
    for packet, sender in (
        (tcp(ip("10.0.1.10"), ip("10.0.1.200"), 40000, 443, ACK, b"late", 1001, 77), "eni-client"),
        (tcp(ip("10.0.1.10"), ip("10.0.1.50"), 8443, 40000, ACK, b"late", 500, 1001), "eni-one"),
    ):
        story = lab.send(packet, sender)
        assert story.why == "EMU_IDLE_TIMEOUT"
        for where, reset in story.answers:
            assert reset.flags & RST
            found.append((where, shown(reset), reset.seq))
    return found


@pytest.mark.fact("SVC-11", "VPCE-IF-15")
@pytest.mark.parametrize("idle", [60, 350, 6000])
def test_data_after_the_idle_timeout_resets_its_sender_and_a_targets_also_the_client(idle: int) -> None:
    """The endpoint forgets after 350 s whatever the load balancer is told."""
    ec2 = privatelink_world()
    ec2.modify_load_balancer_attributes("nlb", idle_timeout=idle * SECOND)
    lab = Lab(ec2)
    opened(lab)
    lab.wait(min(idle, 350) - 1)
    assert lab.send(syn(*FLOW, ACK, seq=1001, ack=1), "eni-client").where == "eni-one"
    lab.wait(min(idle, 350))
    client = ("eni-client", f"{EP_A} > {CLIENT}", 77)
    target = ("eni-one", "10.0.1.50:40000 > 10.0.1.10:8443", 1001)
    both = ("eni-client", f"{EP_A} > {CLIENT}", 500)
    resets = late_resets(lab)
    if idle == 6000:  # the load balancer still knows the flow; the endpoint does not let the answer through
        assert resets == [client]
    else:
        assert resets == [client, target, both]


@pytest.mark.fact("SVC-11")
def test_either_ends_packets_keep_a_connection_alive() -> None:
    lab = Lab(privatelink_world())
    out = lab.send(syn(*FLOW), "eni-client")
    lab.answer(out)
    lab.send(syn(*FLOW, ACK), "eni-client")
    for _ in range(3):
        lab.wait(300)
        assert lab.answer(out, ACK, b"tick").where == "eni-client"
    lab.wait(300)
    assert lab.send(syn(*FLOW, ACK), "eni-client").where == "eni-one"


@pytest.mark.fact("SVC-11")
def test_udp_is_forgotten_after_120_seconds_and_begins_anew() -> None:
    ec2 = privatelink_world(Settings(interface_endpoint_protocols=(6, 17)))
    ec2.create_target_group("names", vpc_id="provider", protocol="UDP", port=5353)
    ec2.register_targets("names", [{"target_id": "one"}])
    ec2.create_listener("nlb", port=53, protocol="UDP", target_group_name="names")
    lab = Lab(ec2)
    out = lab.send(datagram(CLIENT, "10.0.1.200:53"), "eni-client")
    lab.wait(119)
    assert lab.answer(out).where == "eni-client"
    lab.wait(120)
    assert lab.answer(out).where == "ELBV2_LISTENER_PORT_RESTRICTION at nlb"
    assert lab.send(datagram(CLIENT, "10.0.1.200:53"), "eni-client").where == "eni-one"


# --- groups (SVC-12) -------------------------------------------------------------------------------------------------


@pytest.mark.fact("SVC-12")
def test_the_load_balancers_groups_judge_the_consumers_client_unless_told_not_to() -> None:
    """By its private address, though that may be somebody else's here."""
    ec2 = privatelink_world(groups=True)
    lab = Lab(ec2)
    assert lab.send(syn(*FLOW), "eni-client").where == "SG_HAS_NO_RULES at sg-nlb"
    ec2.authorize_security_group_ingress(
        "sg-nlb", ip_protocol="tcp", from_port=443, to_port=443, cidr_ip="10.0.1.10/32"
    )
    assert lab.send(syn(*FLOW), "eni-client").where == "eni-one"
    assert lab.send(syn("10.0.2.10:1", EP_A), "eni-client-b").where == "ENI_SG_RULES_MISMATCH at sg-nlb"
    ec2.set_security_groups("nlb", "sg-nlb", enforce_security_group_inbound_rules_on_private_link_traffic=False)
    assert lab.send(syn("10.0.2.10:1", EP_A), "eni-client-b").where == "eni-one"


@pytest.mark.fact("SVC-12")
def test_answers_do_not_need_a_rule_of_the_load_balancer() -> None:
    ec2 = privatelink_world(groups=True)
    ec2.authorize_security_group_ingress("sg-nlb", ip_protocol="tcp", cidr_ip=EVERYWHERE)
    ec2.revoke_security_group_egress("sg-nlb", ip_protocol="-1", cidr_ip=EVERYWHERE)
    assert Lab(ec2).there_and_back(syn(*FLOW), "eni-client") == ("eni-one", "eni-client")


# --- clients without an endpoint -------------------------------------------------------------------------------------


def direct(ec2: ControlPlane) -> ControlPlane:
    """Targets by address, so that clients' addresses are not kept (SVC-8); and ``near``, a client in their VPC."""
    ec2.create_target_group("by-address", vpc_id="provider", protocol="TCP", port=8443, target_type="ip")
    ec2.register_targets("by-address", [{"target_id": "10.0.1.10"}])
    ec2.create_listener("nlb", port=8080, protocol="TCP", target_group_name="by-address")
    ec2.run_instances(
        instance_id="near", subnet_id="provider-a", security_group_ids="sg-provider", private_ip_address="10.0.1.77"
    )
    return ec2


@pytest.mark.fact("SVC-8", "SVC-11")
def test_a_direct_client_whose_address_is_not_kept() -> None:
    lab = Lab(direct(privatelink_world()))
    flow = "10.0.1.77:40000", "10.0.1.50:8080"
    out = lab.send(syn(*flow), "eni-near")
    assert shown(out.arrived) == "10.0.1.50:40000 > 10.0.1.10:8443"
    back = lab.answer(out)
    assert (back.where, shown(back.arrived)) == ("eni-near", "10.0.1.50:8080 > 10.0.1.77:40000")
    for _ in range(3):
        assert lab.send(syn(*flow, ACK), "eni-near").where == "eni-one"
    lab.wait(350)
    late = lab.send(syn(*flow, ACK, b"late", ack=9), "eni-near")
    assert [(where, shown(reset), reset.seq) for where, reset in late.answers] == [
        ("eni-near", "10.0.1.50:8080 > 10.0.1.77:40000", 9)
    ]


@pytest.mark.fact("SVC-8")
def test_a_direct_client_whose_address_would_be_kept_is_refused_by_name() -> None:
    lab = Lab(direct(privatelink_world()))
    story = lab.send(syn("10.0.1.77:40000", "10.0.1.50:443"), "eni-near")
    assert story.where == "UNSUPPORTED_COMPONENT at nlb (preserve_client_ip_enabled)"
    lab.ec2.modify_target_group_attributes("targets", preserve_client_ip_enabled=False)
    assert lab.there_and_back(syn("10.0.1.77:40000", "10.0.1.50:443"), "eni-near") == ("eni-one", "eni-near")


@pytest.mark.fact("SVC-12")
def test_a_direct_client_is_judged_by_the_groups_too() -> None:
    ec2 = direct(privatelink_world(groups=True))
    ec2.set_security_groups("nlb", "sg-nlb", enforce_security_group_inbound_rules_on_private_link_traffic=False)
    assert Lab(ec2).send(syn("10.0.1.77:1", "10.0.1.50:8080"), "eni-near").where == "SG_HAS_NO_RULES at sg-nlb"


# --- proxy protocol (SVC-10) -----------------------------------------------------------------------------------------


def proxied() -> Lab:
    ec2 = privatelink_world()
    ec2.modify_target_group_attributes("targets", proxy_protocol_v2_enabled=True)
    lab = Lab(ec2)
    opened(lab)
    return lab


def segment(lab: Lab, seq: int, payload: bytes = b"", flags: int = ACK) -> Packet:
    """What the target sees of a segment of the client's; its SYN's number was 1000."""
    story = lab.send(syn(*FLOW, flags, payload, seq=seq, ack=1), "eni-client")
    assert story.arrived is not None, story.where
    return story.arrived


@pytest.mark.fact("SVC-10")
def test_the_header_stands_in_front_of_the_clients_first_byte_and_of_nothing_else() -> None:
    """Numbers behind it are shifted; a repeated first segment brings it again, at the same place."""
    lab = proxied()
    assert (segment(lab, 1001).seq, segment(lab, 1001).payload) == (1001, b"")  # the handshake's own ACK
    assert segment(lab, 1000).seq == 1000  # a keep-alive before the first byte
    first = segment(lab, 1001, b"abc")
    header = first.payload.removesuffix(b"abc")
    assert header.startswith(SIGNATURE)
    assert header.endswith(b"\xea" + (1 + len("ep")).to_bytes(2, "big") + b"\x01ep")
    assert (header[12:14], int.from_bytes(header[14:16], "big")) == (b"\x21\x11", len(header) - 16)
    assert header[16:28] == b"".join(
        (ip("10.0.1.10").to_bytes(4, "big"), ip("10.0.1.200").to_bytes(4, "big"), b"\x9c\x40", b"\x01\xbb")
    )
    assert (first.seq, first.length) == (1001, 43 + len(header))
    shift = len(header)
    assert (segment(lab, 1004, b"def").seq, segment(lab, 1004, b"def").payload) == (1004 + shift, b"def")
    assert segment(lab, 1007, b"", FIN | ACK).seq == 1007 + shift
    assert segment(lab, 1001, b"abcdef").payload == header + b"abcdef"
    assert segment(lab, 1001, b"", FIN | ACK).payload == header
    assert Packet.from_bytes(first.to_bytes()).payload == first.payload


@pytest.mark.fact("SVC-10")
def test_acknowledgements_come_back_as_if_there_were_no_header() -> None:
    lab = proxied()
    shift = len(segment(lab, 1001, b"abc").payload) - 3

    def acknowledged(ack: int) -> int:
        packet = tcp(ip("10.0.1.10"), ip("10.0.1.50"), 8443, 40000, ACK, b"", 1, ack)
        story = lab.send(packet, "eni-one")
        assert story.arrived is not None
        return story.arrived.ack

    acks = [(1001, 1001), (1001 + 5, 1001), (1001 + shift, 1001), (1001 + shift + 3, 1004), (1001 + shift + 99, 1100)]
    assert [acknowledged(ack) for ack, _ in acks] == [seen for _, seen in acks]


@pytest.mark.fact("SVC-10")
@pytest.mark.parametrize("start", [0xFFFFFFFE, 0xFFFFFFF0, 0x7FFFFFFF])
def test_numbers_wrap_around(start: int) -> None:
    ec2 = privatelink_world()
    ec2.modify_target_group_attributes("targets", proxy_protocol_v2_enabled=True)
    lab = Lab(ec2)
    out = lab.send(syn(*FLOW, seq=start), "eni-client")
    lab.answer(out)
    first = segment(lab, (start + 1) & 0xFFFFFFFF, b"abc")
    shift = len(first.payload) - 3
    assert segment(lab, (start + 4) & 0xFFFFFFFF, b"x").seq == (start + 4 + shift) & 0xFFFFFFFF
    ack = (start + 4 + shift) & 0xFFFFFFFF
    back = lab.send(tcp(ip("10.0.1.10"), ip("10.0.1.50"), 8443, 40000, ACK, b"", 1, ack), "eni-one")
    assert back.arrived is not None
    assert back.arrived.ack == (start + 4) & 0xFFFFFFFF


@pytest.mark.fact("SVC-10", "SVC-13")
def test_a_client_that_uses_its_port_again_gets_a_header_of_its_own() -> None:
    """The binding of the old connection is still there; the new one's numbers begin elsewhere."""
    lab = proxied()
    segment(lab, 1001, b"abc")
    lab.send(syn(*FLOW, RST, seq=1004), "eni-client")
    again = lab.send(syn(*FLOW, SYN, seq=70_000), "eni-client")
    assert shown(again.arrived) == "10.0.1.50:40001 > 10.0.1.10:8443"
    assert lab.answer(again).where == "eni-client"
    assert segment(lab, 70_001, b"abc").payload.startswith(SIGNATURE)


@pytest.mark.fact("SVC-10")
def test_the_first_segment_still_fits_with_the_header_in_front() -> None:
    """EMU: the MSS that the client hears leaves room for it."""
    ec2 = privatelink_world(Settings(interface_endpoint_mtu=None))
    ec2.modify_target_group_attributes("targets", proxy_protocol_v2_enabled=True)
    lab = Lab(ec2)
    out = lab.send(syn(*FLOW), "eni-client")
    assert out.arrived is not None
    answer = reply_to(out.arrived)
    answer.options = write_syn(TcpOptions(mss=8961))
    answer.length += len(answer.options)
    back = lab.send(answer, "eni-one")
    assert back.arrived is not None
    mss = read(back.arrived.options).mss
    assert segment(lab, 1, bytes(mss)).length == 9001


@pytest.mark.fact("SVC-7", "SVC-10")
def test_udp_to_a_target_has_the_header_in_every_datagram() -> None:
    ec2 = privatelink_world(Settings(interface_endpoint_protocols=(6, 17)))
    ec2.create_target_group("names", vpc_id="provider", protocol="UDP", port=5353)
    ec2.modify_target_group_attributes("names", proxy_protocol_v2_enabled=True)
    ec2.register_targets("names", [{"target_id": "one"}])
    ec2.create_listener("nlb", port=53, protocol="UDP", target_group_name="names")
    lab = Lab(ec2)
    for _ in range(2):
        out = lab.send(datagram(CLIENT, "10.0.1.200:53", b"abc"), "eni-client")
        assert out.arrived is not None
        assert out.arrived.payload.startswith(SIGNATURE)
        assert out.arrived.payload.endswith(b"abc")
        assert lab.answer(out).where == "eni-client"


# --- faults ----------------------------------------------------------------------------------------------------------


@pytest.mark.fact("VPCE-3", "SVC-7")
def test_faults_of_a_node_a_zone_and_the_service() -> None:
    ec2 = privatelink_world()
    lab = Lab(ec2)
    ec2.fail_network_interface("eni-nlb-us-east-1a")
    assert lab.send(syn(*FLOW), "eni-client").where.startswith("EMU_FAULT at eni-nlb-us-east-1a")
    assert lab.send(syn(CLIENT, EP_B), "eni-client").where == "eni-two"
    ec2.restore_network_interface("eni-nlb-us-east-1a")
    ec2.fail_availability_zone(B)
    assert lab.send(syn(CLIENT, EP_B), "eni-client").where.startswith("EMU_FAULT at eni-ep-us-east-1b")
    assert lab.send(syn(*FLOW), "eni-client").where == "eni-one"
    ec2.fail_service(SERVICE)
    assert lab.send(syn("10.0.1.10:9", EP_A), "eni-client").where.startswith(f"EMU_FAULT at {SERVICE}")
