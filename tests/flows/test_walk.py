"""Topology + packet -> path, verdict, reason, out and back: D1, D7, D8 and the facts cited in each row."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from emulator.control import ControlPlane
from emulator.flows.conntrack import FlowState, Overlay
from emulator.flows.walk import origin_of, walk
from emulator.model.reasons import Reason
from emulator.model.resources import EndpointState
from emulator.model.settings import Settings
from emulator.model.traces import Delivered, Dropped, Trace
from emulator.wire.options import TcpOptions, read, write_syn
from emulator.wire.packet import ACK, PSH, SYN, Packet, icmp, tcp, udp
from tests.flows.worlds import API_A, API_B, DB, NEIGHBOUR, PEER, RESOLVER, S3, WEB, world

if TYPE_CHECKING:
    from emulator.control import ControlPlane

A = "eni-api-us-east-1a"
B = "eni-api-us-east-1b"


def go(ec2: ControlPlane, packet: Packet, sender: str, state: FlowState | None = None, now: int = 0) -> Trace:
    tables = ec2.tables()
    trace, _ = walk(tables, FlowState() if state is None else state, packet, origin_of(tables, sender), now)
    return trace


@pytest.mark.parametrize(
    ("packet", "sender", "path", "ending"),
    [
        # Inside one subnet neither network ACL nor route table is met (NACL-1, ROUTE-20).
        pytest.param(
            tcp(WEB, PEER, 40000, 22),
            "eni-web",
            "eni-web web",
            Dropped(Reason.SG_HAS_NO_RULES, "web"),
            marks=pytest.mark.fact("NACL-1", "ROUTE-20", "SG-1"),
        ),
        # Across subnets: SG, ACL, route, ACL, SG (NACL-9).
        pytest.param(
            tcp(WEB, DB, 40000, 5432),
            "eni-web",
            "eni-web web acl-default-vpc private acl-default-vpc db",
            Delivered("eni-db"),
            marks=pytest.mark.fact("NACL-9"),
        ),
        pytest.param(
            tcp(WEB, DB, 40000, 5433),
            "eni-web",
            "eni-web web acl-default-vpc private acl-default-vpc db",
            Dropped(Reason.ENI_SG_RULES_MISMATCH, "db"),
            marks=pytest.mark.fact("SG-1"),
        ),
        # Interface endpoint in the client's subnet and in the other zone (VPCE-IF-10, VPCE-IF-17).
        pytest.param(
            tcp(WEB, API_A, 40000, 443),
            "eni-web",
            "eni-web web api",
            Delivered(A),
            marks=pytest.mark.fact("VPCE-IF-10", "NACL-1"),
        ),
        pytest.param(
            tcp(WEB, API_B, 40000, 443),
            "eni-web",
            "eni-web web acl-default-vpc private acl-default-vpc api",
            Delivered(B),
            marks=pytest.mark.fact("VPCE-IF-10"),
        ),
        pytest.param(
            udp(WEB, API_A, 40000, 53),
            "eni-web",
            "eni-web web api",
            Dropped(Reason.PROTOCOL_RESTRICTION, "api", "TCP only (VPCE-IF-7)"),
            marks=pytest.mark.fact("VPCE-IF-7"),
        ),
        # It never answers ping (VPCE-IF-8).
        pytest.param(
            icmp(WEB, API_A, 8, 0),
            "eni-web",
            "eni-web web api",
            Dropped(Reason.PROTOCOL_RESTRICTION, "api", "TCP only (VPCE-IF-7)"),
            marks=pytest.mark.fact("VPCE-IF-8"),
        ),
        # The middle of a flow that the endpoint does not remember (VPCE-IF-15).
        pytest.param(
            tcp(WEB, API_A, 40000, 443, ACK),
            "eni-web",
            "eni-web web api",
            Dropped(Reason.EMU_IDLE_TIMEOUT, "api", "idle timeout"),
            marks=pytest.mark.fact("VPCE-IF-15"),
        ),
        # Gateway endpoint: a route by prefix list, TCP and ping (VPCE-GW-2, VPCE-GW-14).
        pytest.param(
            tcp(WEB, S3, 40000, 443),
            "eni-web",
            "eni-web web acl-default-vpc private s3",
            Delivered("s3"),
            marks=pytest.mark.fact("VPCE-GW-2"),
        ),
        pytest.param(
            icmp(WEB, S3, 8, 0),
            "eni-web",
            "eni-web web acl-default-vpc private s3",
            Delivered("s3"),
            marks=pytest.mark.fact("VPCE-GW-14"),
        ),
        pytest.param(
            udp(WEB, S3, 40000, 443),
            "eni-web",
            "eni-web web acl-default-vpc private s3",
            Dropped(Reason.VPCE_GATEWAY_PROTOCOL_RESTRICTION, "s3", "TCP and echo requests only (VPCE-GW-14)"),
            marks=pytest.mark.fact("VPCE-GW-14"),
        ),
        # No route (ROUTE-7); nobody there.
        pytest.param(
            tcp(WEB, 0x08080808, 40000, 443),
            "eni-web",
            "eni-web web acl-default-vpc private",
            Dropped(Reason.NO_ROUTE_TO_DESTINATION, "private"),
            marks=pytest.mark.fact("ROUTE-7"),
        ),
        (
            tcp(WEB, WEB + 99, 40000, 443),
            "eni-web",
            "eni-web web eni-web",
            Dropped(Reason.NO_POSSIBLE_DESTINATION, "eni-web"),
        ),
        # Peering: on to an interface endpoint (VPCE-IF-10), never to a gateway endpoint (EDGE-2, VPCE-GW-13).
        pytest.param(
            tcp(NEIGHBOUR, API_A, 40000, 443),
            "eni-neighbour",
            "eni-neighbour sg-default-far acl-default-far rtb-main-far pcx acl-default-vpc api",
            Delivered(A),
            marks=pytest.mark.fact("VPCE-IF-10"),
        ),
        pytest.param(
            tcp(NEIGHBOUR, S3, 40000, 443),
            "eni-neighbour",
            "eni-neighbour sg-default-far acl-default-far rtb-main-far pcx",
            Dropped(Reason.PCX_REQUIRES_ADDRESS_IN_VPC_CIDR, "pcx", "52.216.0.0/15 -> pcx"),
            marks=pytest.mark.fact("EDGE-2", "VPCE-GW-13"),
        ),
        # The resolver is met before any filter (SG-7).
        pytest.param(
            udp(WEB, RESOLVER, 40000, 53),
            "eni-web",
            "eni-web vpc/resolver",
            Delivered("vpc/resolver"),
            marks=pytest.mark.fact("SG-7", "DNS-1", "DNS-4"),
        ),
        pytest.param(
            udp(WEB, 0xA9FEA9FD, 40000, 53),
            "eni-web",
            "eni-web vpc/resolver",
            Delivered("vpc/resolver"),
            marks=pytest.mark.fact("DNS-1", "SG-7"),
        ),
        (udp(WEB, 0xA9FEA97B, 40000, 123), "eni-web", "eni-web", Dropped(Reason.EMU_LINK_LOCAL, "eni-web")),
        # Somebody else's source address.
        (
            tcp(PEER, API_A, 40000, 443),
            "eni-web",
            "eni-web",
            Dropped(Reason.ENI_SOURCE_DEST_CHECK_RESTRICTION, "eni-web", "source_dest_check"),
        ),
    ],
)
def test_a_packet_meets_these_components_and_ends_so(
    packet: Packet, sender: str, path: str, ending: Delivered | Dropped
) -> None:
    trace = go(world(), packet, sender)
    assert trace.ending == ending
    assert trace.path == tuple(path.split())


@pytest.mark.fact("VPCE-5", "ROUTE-6")
def test_ipv6_is_refused_by_name_and_without_that_rule_has_no_route() -> None:
    packet = tcp(WEB, S3, 40000, 443)
    packet.version = 6
    assert go(world(), packet, "eni-web").ending == Dropped(Reason.EMU_IPV4_ONLY, "eni-web", "IPv4 only (VPCE-5)")
    both = world(Settings(ip_versions=(4, 6)))
    # ROUTE-6: IPv4 routes cover no IPv6
    assert go(both, packet, "eni-web").ending == Dropped(Reason.NO_ROUTE_TO_DESTINATION, "private")


@pytest.mark.parametrize(
    ("length", "to", "ending"),
    [
        pytest.param(8500, API_A, Delivered(A), marks=pytest.mark.fact("VPCE-IF-12")),
        pytest.param(
            8501,
            API_A,
            Dropped(Reason.EMU_OVER_MTU, "api", "MTU 8500 (VPCE-IF-12)"),
            marks=pytest.mark.fact("VPCE-IF-12"),
        ),
        pytest.param(8500, S3, Delivered("s3"), marks=pytest.mark.fact("VPCE-12")),
        pytest.param(
            8501, S3, Dropped(Reason.EMU_OVER_MTU, "s3", "MTU 8500 (VPCE-12)"), marks=pytest.mark.fact("VPCE-12")
        ),
    ],
)
def test_packets_longer_than_8500_bytes_are_lost_at_endpoints(
    length: int, to: int, ending: Delivered | Dropped
) -> None:
    packet = tcp(WEB, to, 40000, 443, payload=bytes(length - 40))
    assert go(world(), packet, "eni-web").ending == ending


@pytest.mark.fact("VPCE-IF-7")
def test_endpoints_accept_udp_where_the_knob_says_so() -> None:
    ec2 = world(Settings(interface_endpoint_protocols=(6, 17)))
    assert go(ec2, udp(WEB, API_A, 40000, 53), "eni-web").ending == Delivered(A)


class Conversation:
    """Packets out and back over one state, as the fabric would carry them."""

    def __init__(self, ec2: ControlPlane) -> None:
        self.ec2 = ec2
        self.state = FlowState()

    def out(self, packet: Packet, sender: str, now: int = 0) -> Delivered | Dropped:
        return go(self.ec2, packet, sender, self.state, now).ending


SECOND = 1_000_000_000


@pytest.mark.fact("SG-9")
def test_a_tracked_reply_passes_whatever_the_rules_of_its_direction_say() -> None:
    """SG-9; and the other way round a stranger from the same host is refused."""
    talk = Conversation(world())
    assert talk.out(tcp(WEB, DB, 40000, 5432), "eni-web") == Delivered("eni-db")
    assert talk.out(tcp(DB, WEB, 5432, 40000, SYN | ACK), "eni-db") == Delivered("eni-web")
    stranger = talk.out(tcp(DB, WEB, 5432, 40001, SYN | ACK), "eni-db")
    assert stranger == Dropped(Reason.SG_HAS_NO_RULES, "web")


@pytest.mark.fact("VPCE-IF-15")
def test_an_endpoint_remembers_a_flow_for_350_seconds_of_silence() -> None:
    """VPCE-IF-15."""
    talk = Conversation(world())
    assert talk.out(tcp(WEB, API_A, 40000, 443), "eni-web") == Delivered(A)
    assert talk.out(tcp(API_A, WEB, 443, 40000, SYN | ACK), A) == Delivered("eni-web")
    assert talk.out(tcp(WEB, API_A, 40000, 443, ACK), "eni-web", 349 * SECOND) == Delivered(A)
    assert talk.out(tcp(WEB, API_A, 40000, 443, ACK), "eni-web", 698 * SECOND) == Delivered(A)
    late = Dropped(Reason.EMU_IDLE_TIMEOUT, "api", "idle timeout")
    assert talk.out(tcp(WEB, API_A, 40000, 443, ACK), "eni-web", 1048 * SECOND) == late
    assert talk.out(tcp(API_A, WEB, 443, 40000, ACK | PSH), A, 1048 * SECOND) == late
    assert talk.out(tcp(WEB, API_A, 40000, 443, SYN), "eni-web", 1049 * SECOND) == Delivered(A)


@pytest.mark.fact("VPCE-IF-9")
def test_a_service_never_opens_a_connection() -> None:
    """VPCE-IF-9."""
    assert go(world(), tcp(API_A, WEB, 443, 40000), A).ending == Dropped(Reason.VPCE_INTRA_VPC_TRAFFIC, "api")


@pytest.mark.fact("VPCE-GW-14")
def test_a_gateway_endpoint_emits_only_its_services_addresses() -> None:
    """VPCE-GW-14."""
    reason = Reason.VPCE_GATEWAY_EGRESS_SOURCE_ADDRESS_RESTRICTION
    assert go(world(), tcp(0x08080808, WEB, 443, 40000), "s3").ending == Dropped(reason, "s3", "pl-63a5400a")


@pytest.mark.fact("VPCE-GW-12", "NACL-4")
def test_the_reply_of_a_gateway_endpoint_enters_at_the_clients_network_acl() -> None:
    """D8, VPCE-GW-12, NACL-4: the request is allowed out, the ephemeral port is not allowed in."""
    ec2 = world()
    ec2.create_network_acl("vpc", network_acl_id="acl")
    ec2.create_network_acl_entry(
        "acl", rule_number=100, protocol="-1", rule_action="allow", egress=True, cidr_block="0.0.0.0/0"
    )
    ec2.replace_network_acl_association("acl", "a")
    talk = Conversation(ec2)
    assert talk.out(tcp(WEB, S3, 40000, 443), "eni-web") == Delivered("s3")
    assert talk.out(tcp(S3, WEB, 443, 40000, SYN | ACK), "s3") == Dropped(Reason.SUBNET_ACL_RESTRICTION, "acl", "*")


@pytest.mark.fact("SG-13", "NACL-7")
def test_a_tracked_flow_outlives_its_rule_and_a_network_acl_does_not_care() -> None:
    """SG-13, NACL-7."""
    ec2 = world()
    talk = Conversation(ec2)
    for packet, sender in (
        (tcp(WEB, DB, 40000, 5432), "eni-web"),
        (tcp(DB, WEB, 5432, 40000, SYN | ACK), "eni-db"),
        (tcp(WEB, DB, 40000, 5432, ACK), "eni-web"),
    ):
        assert isinstance(talk.out(packet, sender), Delivered)
    ec2.revoke_security_group_ingress("db", ip_protocol="tcp", from_port=5432, to_port=5432, referenced_group_id="web")
    assert talk.out(tcp(WEB, DB, 40000, 5432, ACK), "eni-web") == Delivered("eni-db")
    assert talk.out(tcp(WEB, DB, 40001, 5432), "eni-web") == Dropped(Reason.SG_HAS_NO_RULES, "db")
    acl = ec2.vpcs["vpc"].default_network_acl_id
    ec2.create_network_acl_entry(
        acl, rule_number=50, protocol="6", rule_action="deny", egress=False, cidr_block="10.0.1.0/24"
    )
    denied = talk.out(tcp(WEB, DB, 40000, 5432, ACK), "eni-web")
    assert denied == Dropped(Reason.SUBNET_ACL_RESTRICTION, acl, "50 deny tcp 10.0.1.0/24")


@pytest.mark.fact("VPCE-10")
def test_only_an_available_endpoint_forwards() -> None:
    """VPCE-10."""
    ec2 = world()
    ec2.vpc_endpoints["api"] = replace(ec2.vpc_endpoints["api"], state=EndpointState.PENDING)
    assert go(ec2, tcp(WEB, API_A, 40000, 443), "eni-web").ending == Dropped(Reason.BAD_STATE, "api", "pending")


@pytest.mark.fact("ROUTE-14")
def test_a_deleted_peering_leaves_a_blackhole_that_still_wins() -> None:
    """ROUTE-14."""
    ec2 = world()
    ec2.delete_vpc_peering_connection("pcx")
    trace = go(ec2, tcp(WEB, NEIGHBOUR, 40000, 22), "eni-web")
    assert trace.ending == Dropped(Reason.BAD_STATE_ROUTE, "private", "10.9.0.0/16 -> pcx (blackhole)")


@pytest.mark.fact("DNS-2")
def test_the_resolver_does_not_answer_where_dns_support_is_off() -> None:
    """DNS-2."""
    ec2 = world()
    ec2.modify_vpc_attribute("vpc", enable_dns_support=False)
    ending = go(ec2, udp(WEB, RESOLVER, 40000, 53), "eni-web").ending
    assert ending == Dropped(Reason.EMU_DNS_OFF, "vpc", "enable_dns_support")


@pytest.mark.fact("VPCE-IF-14")
def test_the_mss_is_clamped_on_the_way_to_and_from_an_interface_endpoint() -> None:
    """VPCE-IF-14: SYN and SYN-ACK to at most 8460; the record that was sent stays as it was."""
    ec2 = world()
    tables = ec2.tables()
    state = FlowState()
    syn = tcp(WEB, API_A, 40000, 443)
    syn.options = write_syn(TcpOptions(mss=8961, window_scale=7))
    _, arrived = walk(tables, state, syn, origin_of(tables, "eni-web"), 0)
    assert (read(arrived.options).mss, read(arrived.options).window_scale) == (8460, 7)
    assert read(syn.options).mss == 8961
    answer = tcp(API_A, WEB, 443, 40000, SYN | ACK)
    answer.options = write_syn(TcpOptions(mss=9000))
    _, back = walk(tables, state, answer, origin_of(tables, A), 0)
    assert read(back.options).mss == 8460
    answer.options = write_syn(TcpOptions(mss=1400))
    _, back = walk(tables, state, answer, origin_of(tables, A), 0)
    assert back is answer


def test_asking_leaves_no_trace() -> None:
    """D1: the effects of a question stay in its overlay."""
    ec2, state = world(), FlowState()
    overlay = Overlay(state)
    assert go(ec2, tcp(WEB, DB, 40000, 5432), "eni-web", overlay).ending == Delivered("eni-db")
    assert go(ec2, tcp(DB, WEB, 5432, 40000, SYN | ACK), "eni-db", overlay).ending == Delivered("eni-web")
    assert state.entries == {}
    assert go(ec2, tcp(DB, WEB, 5432, 40000, SYN | ACK), "eni-db", Overlay(state)).ending == Dropped(
        Reason.SG_HAS_NO_RULES, "web"
    )


@pytest.mark.fact("SG-9", "SG-11")
def test_only_the_answer_to_an_icmp_request_passes_as_its_reply() -> None:
    """Another identifier, another type, and the other side's own request are strangers."""
    talk = Conversation(world())
    ec2 = talk.ec2
    ec2.authorize_security_group_ingress("db", ip_protocol="icmp", cidr_ip="0.0.0.0/0")
    refused = Dropped(Reason.SG_HAS_NO_RULES, "web")
    assert talk.out(icmp(WEB, DB, 8, 0, 7), "eni-web") == Delivered("eni-db")
    assert talk.out(icmp(DB, WEB, 0, 0, 8), "eni-db") == refused
    assert talk.out(icmp(DB, WEB, 8, 0, 7), "eni-db") == refused
    assert talk.out(icmp(DB, WEB, 13, 0, 7), "eni-db") == refused
    assert talk.out(icmp(DB, WEB, 0, 0, 7), "eni-db") == Delivered("eni-web")
