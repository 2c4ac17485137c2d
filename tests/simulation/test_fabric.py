"""The fabric: what it carries, counts and remembers."""

from __future__ import annotations

import pytest

from emulator.flows.walk import origin_of
from emulator.model.reasons import Reason
from emulator.model.traces import Delivered, Dropped
from emulator.simulation.agenda import Agenda
from emulator.simulation.fabric import Attachment, Fabric
from emulator.simulation.links import Fault
from emulator.wire.packet import ACK, SYN, Packet, tcp
from tests.flows.worlds import API_A, API_B, WEB, world

A, B = "eni-api-us-east-1a", "eni-api-us-east-1b"


class Tap:
    def __init__(self) -> None:
        self.seen: list[tuple[Packet, int, bool]] = []
        self.settled = 0

    def see(self, packet: Packet, now: int, outgoing: bool) -> None:
        self.seen.append((packet, now, outgoing))

    def settle(self) -> None:
        self.settled += 1


class Net:
    """web and the api endpoint's two interfaces, with hosts that only note what arrives."""

    def __init__(self, **limits: int) -> None:
        self.ec2 = world()
        self.agenda = Agenda()
        self.fabric = Fabric(self.agenda, self.ec2, seed=3, **limits)
        self.arrived: list[tuple[int, Packet]] = []
        tables = self.ec2.tables()
        self.web, self.a, self.b = (
            self.fabric.attach(origin_of(tables, name), self, 0, "vpc") for name in ("eni-web", A, B)
        )

    def receive(self, attachment: Attachment, packet: Packet, now: int) -> None:
        self.arrived.append((now, packet))

    def send(self, plug: Attachment, packet: Packet) -> Packet:
        plug.send(packet)
        self.agenda.run()
        return packet

    def open(self, to: int = API_A, plug: Attachment | None = None) -> None:
        self.send(self.web, tcp(WEB, to, 40000, 443, SYN))
        self.send(plug or self.a, tcp(to, WEB, 443, 40000, SYN | ACK))
        self.send(self.web, tcp(WEB, to, 40000, 443, ACK))


@pytest.fixture
def net() -> Net:
    return Net()


def test_a_link_takes_its_delay_and_zones_are_further_apart(net: Net) -> None:
    net.send(net.web, tcp(WEB, API_A, 40000, 443))
    net.send(net.web, tcp(WEB, API_B, 40000, 443))
    (first, _), (second, _) = net.arrived
    assert (first, second - first) == (50_000, 250_000)


def test_later_packets_of_a_flow_follow_the_compiled_path(net: Net) -> None:
    net.open()
    net.send(net.web, tcp(WEB, API_A, 40000, 443, ACK))
    walked = net.fabric.walked
    for _ in range(100):
        assert net.send(net.web, tcp(WEB, API_A, 40000, 443, ACK)).ending == Delivered(A)
    assert net.fabric.walked == walked


@pytest.mark.fact("VPCE-IF-12")
def test_a_compiled_path_still_looks_at_the_length(net: Net) -> None:
    net.open()
    net.send(net.web, tcp(WEB, API_A, 40000, 443, ACK))
    long = net.send(net.web, tcp(WEB, API_A, 40000, 443, ACK, bytes(8461)))
    assert long.ending == Dropped(Reason.EMU_OVER_MTU, "api", "MTU 8500 (VPCE-IF-12)")


@pytest.mark.fact("NACL-7")
def test_a_rule_edited_while_a_packet_is_in_flight_acts_on_it(net: Net) -> None:
    """NACL-7: the leg behind the link is judged when the packet gets there."""
    net.open(API_B, net.b)
    net.send(net.web, tcp(WEB, API_B, 40000, 443, ACK))
    packet = tcp(WEB, API_B, 40000, 443, ACK)
    net.web.send(packet)
    net.ec2.create_network_acl_entry(
        "acl-default-vpc", rule_number=1, protocol="6", rule_action="deny", egress=False, cidr_block="0.0.0.0/0"
    )
    net.agenda.run()
    assert packet.ending == Dropped(Reason.SUBNET_ACL_RESTRICTION, "acl-default-vpc", "1 deny tcp 0.0.0.0/0")


def test_every_packet_ends_exactly_once(net: Net) -> None:
    net.fabric.add_fault(Fault(loss=0.2, duplicate=0.3, reorder=0.3, jitter=100_000))
    net.open()
    for _ in range(500):
        net.web.send(tcp(WEB, API_A, 40000, 443, ACK))
    net.agenda.run()
    fabric = net.fabric
    assert fabric.in_flight == 0
    assert fabric.sent + fabric.duplicated == fabric.delivered + fabric.dropped
    assert fabric.delivered == len(net.arrived) == len({id(packet) for _, packet in net.arrived})
    assert fabric.dropped == sum(fabric.drops.values()) > 50
    assert fabric.duplicated > 50


def test_faults_follow_the_seed_and_one_link_does_not_disturb_another() -> None:
    def lost(*targets: int) -> list[bool]:
        net = Net()
        net.fabric.add_fault(Fault(loss=0.3))
        packets = [tcp(WEB, API_A, port, 443) for port in range(1000, 1200)]
        for packet in packets:
            net.web.send(packet)
            for target in targets:
                net.web.send(tcp(WEB, target, packet.sport, 443))
        net.agenda.run()
        return [packet.ending == Dropped(Reason.EMU_FAULT, f"eni-web->{A}", "loss") for packet in packets]

    assert lost() == lost() == lost(API_B)
    assert 30 < sum(lost()) < 90


def test_a_full_queue_drops_by_name(net: Net) -> None:
    net.fabric.add_fault(Fault())  # nothing: only to show that faults and shapers mix
    spec = net.fabric.tables().interfaces[A].to_service
    assert spec is not None
    spec.rate, spec.burst, spec.queue = 1_000_000, 1500, 3000
    packets = [tcp(WEB, API_A, port, 443, payload=bytes(1460)) for port in range(5)]
    for packet in packets:
        net.web.send(packet)
    net.agenda.run()
    shaper = f"{A}/to-service"
    full = Dropped(Reason.EMU_QUEUE_FULL, shaper, "1000000 bit/s, queue of 3000 bytes")
    assert [packet.ending for packet in packets] == [Delivered(A)] * 3 + [full] * 2
    assert [now for now, _ in net.arrived] == [50_000, 12_050_000, 24_050_000]


def test_taps_see_a_packet_where_it_was_alive(net: Net) -> None:
    """D10: at the sender always, at the receiver only what its gates let through."""
    web, eni, endpoint = Tap(), Tap(), Tap()
    for component, tap in (("eni-web", web), (A, eni), ("api", endpoint)):
        net.fabric.add_tap(component, tap)
    syn = net.send(net.web, tcp(WEB, API_A, 40000, 443))
    stray = net.send(net.web, tcp(WEB, API_A, 40001, 443, ACK))
    assert [(packet, outgoing) for packet, _, outgoing in web.seen] == [(syn, True), (stray, True)]
    assert [(packet, now) for packet, now, _ in eni.seen] == [(syn, 50_000), (stray, 100_000)]
    assert [packet for packet, _, _ in endpoint.seen] == [syn]
    assert (web.settled, eni.settled, endpoint.settled) == (2, 2, 1)


def test_a_tap_put_on_later_sees_packets_of_flows_that_were_compiled_before(net: Net) -> None:
    net.open()
    net.send(net.web, tcp(WEB, API_A, 40000, 443, ACK))
    tap = Tap()
    net.fabric.add_tap("eni-web", tap)
    net.send(net.web, tcp(WEB, API_A, 40000, 443, ACK))
    net.fabric.remove_tap("eni-web", tap)
    net.send(net.web, tcp(WEB, API_A, 40000, 443, ACK))
    assert len(tap.seen) == 1


def test_too_many_flows_push_out_the_longest_unused() -> None:
    net = Net(max_paths=8)
    for port in range(8):
        net.send(net.web, tcp(WEB, API_A, port, 443))
    net.send(net.web, tcp(WEB, API_A, 0, 443))
    net.send(net.web, tcp(WEB, API_A, 8, 443))
    kept = {path.key[3] for path in net.fabric.paths()}
    assert kept == {0, 3, 4, 5, 6, 7, 8}
    assert net.fabric.retired == 2


def test_a_sender_outlives_the_path_it_remembers() -> None:
    net = Net(max_paths=8)
    packet = tcp(WEB, API_A, 0, 443)
    send = net.web.sender((WEB, API_A, packet.proto, 0, 443))
    for port in range(1, 10):
        net.send(net.web, tcp(WEB, API_A, port, 443))
    assert 0 not in {path.key[3] for path in net.fabric.paths()}
    send(packet)
    net.agenda.run()
    path = next(path for path in net.fabric.paths() if path.key[3] == 0)
    assert path.opener is packet
    assert packet.ending is not None
