"""Facts about single gates and about what is remembered, one example each; the whole walk is in test_walk."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from emulator.flows.conntrack import FlowState
from emulator.flows.path import compilable
from emulator.flows.walk import Place, PlaceKind, leg, origin_of, walk
from emulator.model.reasons import Reason
from emulator.model.resources import EndpointState
from emulator.model.settings import Settings
from emulator.model.traces import Delivered, Dropped
from emulator.wire.packet import ACK, DF, FIN, IPPROTO_TCP, RST, SYN, Packet, icmp, tcp, udp
from tests.flows.worlds import API_A, API_B, DB, NEIGHBOUR, PEER, S3, WEB, world

if TYPE_CHECKING:
    from emulator.control import ControlPlane

A = "eni-api-us-east-1a"
SECOND = 1_000_000_000
ELSEWHERE = 0x08080808
GRE = 47


class Conversation:
    """Packets out and back over one memory."""

    def __init__(self, ec2: ControlPlane | None = None) -> None:
        self.ec2 = world() if ec2 is None else ec2
        self.state = FlowState()

    def send(self, packet: Packet, sender: str, now: int = 0) -> Delivered | Dropped:
        tables = self.ec2.tables()
        return walk(tables, self.state, packet, origin_of(tables, sender), now)[0].ending

    def from_web(self, flags: int, now: int = 0) -> Delivered | Dropped:
        return self.send(tcp(WEB, DB, 40000, 5432, flags), "eni-web", now)

    def from_db(self, flags: int, now: int = 0) -> Delivered | Dropped:
        return self.send(tcp(DB, WEB, 5432, 40000, flags), "eni-db", now)

    def establish(self) -> None:
        answers = self.from_web(SYN), self.from_db(SYN | ACK), self.from_web(ACK)
        assert answers == (Delivered("eni-db"), Delivered("eni-web"), Delivered("eni-db"))

    def close_db(self) -> None:
        """From now on only what is tracked gets in."""
        for rule in self.ec2.security_groups["db"].ingress:
            source = {"referenced_group_id": rule.referenced_group_id} if rule.referenced_group_id else {}
            self.ec2.revoke_security_group_ingress(
                "db",
                ip_protocol=str(rule.ip_protocol),
                from_port=rule.from_port,
                to_port=rule.to_port,
                **(source or {"cidr_ip": str(rule.cidr_ip)}),
            )


# --- sources ---------------------------------------------------------------------------------------------------------


def test_an_endpoints_interface_sends_from_its_own_address_even_with_the_check_off() -> None:
    tables = world().tables()
    tables.interfaces[A].source_dest_check = False
    place = Place(PlaceKind.INTERFACE_OUT, A)
    trace, _ = walk(tables, FlowState(), tcp(DB, WEB, 443, 40000, SYN | ACK), place, 0)
    assert trace.ending == Dropped(Reason.ENI_SOURCE_DEST_CHECK_RESTRICTION, A, "source_dest_check")
    assert trace.path == (A,)


def test_an_instance_with_the_check_off_sends_from_other_addresses() -> None:
    ec2 = world()
    ec2.modify_network_interface_attribute("eni-web", source_dest_check=False)
    assert Conversation(ec2).send(tcp(PEER, API_A, 40000, 443), "eni-web") == Delivered(A)


@pytest.mark.fact("VPCE-GW-13")
def test_a_gateway_endpoint_serves_its_own_vpcs_addresses_only() -> None:
    """VPCE-GW-13."""
    ec2 = world()
    ec2.modify_network_interface_attribute("eni-web", source_dest_check=False)
    talk = Conversation(ec2)
    refused = Dropped(Reason.NO_POSSIBLE_DESTINATION, "s3")
    assert talk.send(tcp(ELSEWHERE, S3, 40000, 443), "eni-web") == refused
    assert talk.send(tcp(NEIGHBOUR, S3, 40000, 443), "eni-web") == refused
    assert talk.send(tcp(DB, S3, 40000, 443), "eni-web") == Delivered("s3")


# --- gates of endpoints ----------------------------------------------------------------------------------------------


@pytest.mark.fact("VPCE-GW-14")
@pytest.mark.parametrize("kind", [3, 8, 11, 13])
def test_a_gateway_endpoint_emits_no_other_icmp_than_echo_replies(kind: int) -> None:
    """VPCE-GW-14."""
    ending = Conversation().send(icmp(S3, WEB, kind, 0), "s3")
    rule = "TCP and echo replies only (VPCE-GW-14)"
    assert ending == Dropped(Reason.VPCE_GATEWAY_PROTOCOL_RESTRICTION, "s3", rule)


@pytest.mark.fact("VPCE-GW-14")
def test_an_echo_reply_comes_back_through_a_gateway_endpoint() -> None:
    """VPCE-GW-14."""
    talk = Conversation()
    assert talk.send(icmp(WEB, S3, 8, 0, identifier=5), "eni-web") == Delivered("s3")
    assert talk.send(icmp(S3, WEB, 0, 0, identifier=5), "s3") == Delivered("eni-web")


@pytest.mark.fact("VPCE-10")
@pytest.mark.parametrize(
    ("packet", "sender", "endpoint"),
    [
        (tcp(WEB, S3, 40000, 443), "eni-web", "s3"),
        (tcp(S3, WEB, 443, 40000, SYN | ACK), "s3", "s3"),
        (tcp(API_A, WEB, 443, 40000, SYN | ACK), A, "api"),
    ],
)
@pytest.mark.parametrize("state", [EndpointState.PENDING, EndpointState.DELETING])
def test_endpoints_that_are_not_available_forward_in_neither_direction(
    packet: Packet, sender: str, endpoint: str, state: EndpointState
) -> None:
    """VPCE-10."""
    ec2 = world()
    ec2.vpc_endpoints[endpoint] = replace(ec2.vpc_endpoints[endpoint], state=state)
    assert Conversation(ec2).send(packet, sender) == Dropped(Reason.BAD_STATE, endpoint, str(state))


@pytest.mark.fact("VPCE-IF-12")
def test_a_services_packets_longer_than_8500_bytes_are_lost_too() -> None:
    """VPCE-IF-12, VPCE-IF-13."""
    talk = Conversation()
    talk.send(tcp(WEB, API_A, 40000, 443), "eni-web")
    assert talk.send(tcp(API_A, WEB, 443, 40000, ACK, bytes(8460)), A) == Delivered("eni-web")
    late = talk.send(tcp(API_A, WEB, 443, 40000, ACK, bytes(8461)), A)
    assert late == Dropped(Reason.EMU_OVER_MTU, "api", "MTU 8500 (VPCE-IF-12)")


@pytest.mark.fact("VPCE-IF-15")
def test_answers_alone_keep_an_endpoints_flow_alive() -> None:
    """VPCE-IF-15: silence is silence in both directions."""
    talk = Conversation()
    talk.send(tcp(WEB, API_A, 40000, 443), "eni-web")
    talk.send(tcp(API_A, WEB, 443, 40000, SYN | ACK), A)
    talk.send(tcp(WEB, API_A, 40000, 443, ACK), "eni-web")
    for seconds in (300, 600):
        assert talk.send(tcp(API_A, WEB, 443, 40000, ACK), A, seconds * SECOND) == Delivered("eni-web")
    assert talk.send(tcp(WEB, API_A, 40000, 443, ACK), "eni-web", 900 * SECOND) == Delivered(A)


# --- peering ---------------------------------------------------------------------------------------------------------


@pytest.mark.fact("EDGE-2")
def test_only_an_active_peering_forwards() -> None:
    """EDGE-2; a route to another one is a blackhole as a rule, so the tables are made to say otherwise."""
    tables = world().tables()
    tables.peerings["pcx"].status = "pending-acceptance"
    trace, _ = walk(tables, FlowState(), tcp(WEB, NEIGHBOUR, 40000, 22), origin_of(tables, "eni-web"), 0)
    assert trace.ending == Dropped(Reason.BAD_STATE, "pcx", "pending-acceptance")


@pytest.mark.parametrize(
    ("packet", "sender", "delay"),
    [
        (tcp(WEB, DB, 40000, 5432), "eni-web", 10),
        (tcp(WEB, API_B, 40000, 443), "eni-web", 200),
        (tcp(NEIGHBOUR, API_A, 40000, 443), "eni-neighbour", 3010),
        (tcp(NEIGHBOUR, API_B, 40000, 443), "eni-neighbour", 3200),
        (tcp(WEB, NEIGHBOUR, 40000, 22), "eni-web", 3010),
    ],
)
def test_a_peering_adds_its_delay_to_that_of_the_zones(packet: Packet, sender: str, delay: int) -> None:
    tables = world(Settings(intra_az_delay=10, inter_az_delay=200, peering_delay=3000)).tables()
    crossing = leg(tables, FlowState(), packet, origin_of(tables, sender), 0).crossing
    assert crossing is not None
    assert crossing.delay == delay


# --- connection tracking ---------------------------------------------------------------------------------------------


@pytest.mark.fact("SG-13")
@pytest.mark.parametrize("end", [FIN | ACK, RST])
def test_ports_used_again_after_an_end_are_judged_by_the_rules_of_now(end: int) -> None:
    """SG-9, SG-13: a SYN on a flow that is over begins another one."""
    talk = Conversation()
    talk.establish()
    talk.from_web(end)
    talk.close_db()
    assert talk.from_web(ACK) == Delivered("eni-db")
    assert talk.from_web(SYN) == Dropped(Reason.SG_HAS_NO_RULES, "db")


@pytest.mark.fact("SG-13")
def test_a_syn_in_an_established_flow_is_still_that_flows() -> None:
    """SG-13."""
    talk = Conversation()
    talk.establish()
    talk.close_db()
    assert talk.from_web(SYN) == Delivered("eni-db")


def test_an_answered_syn_is_no_new_flow_after_an_end() -> None:
    talk = Conversation()
    talk.establish()
    talk.from_web(FIN | ACK)
    assert talk.from_db(SYN | ACK) == Delivered("eni-web")


def forth(proto: int, flags: int = ACK) -> tuple[Packet, str]:
    return _packet(WEB, DB, 40000, 5432, proto, flags, 8), "eni-web"


def back(proto: int, flags: int = ACK) -> tuple[Packet, str]:
    return _packet(DB, WEB, 5432, 40000, proto, flags, 0), "eni-db"


def _packet(src: int, dst: int, sport: int, dport: int, proto: int, flags: int, kind: int) -> Packet:
    if proto == IPPROTO_TCP:
        return tcp(src, dst, sport, dport, flags)
    if proto == 17:
        return udp(src, dst, sport, dport)
    return icmp(src, dst, kind, 0, identifier=5) if proto == 1 else Packet(src, dst, proto, 0, 0, b"", 20)


OPEN = [forth(6, SYN), back(6, SYN | ACK), forth(6)]


@pytest.mark.parametrize(
    ("packets", "seconds"),
    [
        ([forth(6, SYN)], 120),  # EMU: Linux's
        ([forth(6, SYN), back(6, SYN | ACK)], 60),
        pytest.param(OPEN, 432_000, marks=pytest.mark.fact("SG-14")),  # SG-14
        ([*OPEN, forth(6, FIN | ACK)], 120),
        ([*OPEN, back(6, FIN | ACK)], 120),
        ([forth(6, SYN), forth(6, FIN | ACK)], 120),
        ([forth(6, SYN), back(6, SYN | ACK), back(6, FIN | ACK)], 120),
        ([*OPEN, forth(6, RST)], 10),
        ([*OPEN, back(6, RST | ACK)], 10),
        ([*OPEN, forth(6, FIN | ACK), back(6, RST)], 10),
        pytest.param([forth(17)], 30, marks=pytest.mark.fact("SG-14")),  # SG-14: one way
        pytest.param([forth(17), forth(17)], 30, marks=pytest.mark.fact("SG-14")),
        pytest.param([forth(17), back(17)], 30, marks=pytest.mark.fact("SG-14")),  # a single exchange
        pytest.param([forth(17), back(17), back(17)], 30, marks=pytest.mark.fact("SG-14")),
        pytest.param([forth(17), back(17), forth(17)], 180, marks=pytest.mark.fact("SG-14")),  # a stream
        pytest.param([forth(GRE)], 600, marks=pytest.mark.fact("SG-11")),  # SG-11
        pytest.param([forth(GRE), back(GRE)], 600, marks=pytest.mark.fact("SG-11")),
        ([forth(1)], 30),  # EMU: Linux's
        ([forth(1), back(1)], 30),
    ],
)
def test_a_flow_is_forgotten_after_this_much_silence(packets: list[tuple[Packet, str]], seconds: int) -> None:
    """The rule is gone, so what is asked is whether the flow is still remembered."""
    for silence, remembered in ((seconds * SECOND - 1, True), (seconds * SECOND, False)):
        talk = Conversation()
        talk.ec2.authorize_security_group_ingress("db", ip_protocol="-1", cidr_ip="10.0.1.10/32")
        for packet, sender in packets:
            assert isinstance(talk.send(packet, sender), Delivered)
        talk.close_db()
        ending = talk.send(*forth(packets[0][0].proto), silence)
        assert ending == (Delivered("eni-db") if remembered else Dropped(Reason.SG_HAS_NO_RULES, "db"))


# --- what is compiled ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fragment", "compiled"), [(DF, True), (0, True), (0x2000, False), (0x2005, False), (0x0005, False)]
)
def test_what_one_fragment_met_is_not_kept_for_the_flow(fragment: int, compiled: bool) -> None:
    """D2: more fragments, both, the last one; "do not fragment" makes no fragment."""
    talk = Conversation()
    talk.establish()
    tables = talk.ec2.tables()
    packet = tcp(WEB, DB, 40000, 5432, ACK)
    packet.fragment = fragment
    result = leg(tables, talk.state, packet, origin_of(tables, "eni-web"), 0)
    assert result.ending is None
    assert compilable(packet, result) is compiled


@pytest.mark.fact("SG-13", "SG-17")
@pytest.mark.parametrize("flags", [ACK, RST, RST | ACK, FIN | ACK, SYN | ACK])
def test_a_segment_from_the_middle_of_a_flow_opens_none(flags: int) -> None:
    """What is evicted, or was cut, does not come to life again: its segments pass by rules, each way by its own."""
    talk = Conversation()
    assert talk.from_web(flags) == Delivered("eni-db")
    assert talk.state.entries == {}
    assert talk.from_db(ACK) == Dropped(Reason.SG_HAS_NO_RULES, "web")
    packet = tcp(WEB, DB, 40000, 5432, flags)
    tables = talk.ec2.tables()
    assert not compilable(packet, leg(tables, talk.state, packet, origin_of(tables, "eni-web"), 0))
