"""How fast things are (sections 4 to 6 and 10), to the nanosecond: what leaves at once arrives as its shaper says."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from emulator.model.settings import CURRENT, SEED, Settings
from emulator.wire.packet import ACK, Packet
from tests.flows.edge_worlds import premises_world, public_world
from tests.flows.lab import SECOND, Lab, datagram, ping, syn
from tests.flows.worlds import world

if TYPE_CHECKING:
    from emulator.control import ControlPlane
    from emulator.simulation.fabric import Attachment

GBPS = 1_000_000_000
A, B = "eni-api-us-east-1a", "eni-api-us-east-1b"
BURST = 131_072
"""Bytes: of an endpoint, a single flow and a tunnel (EMU)."""


class Timed(Lab):
    """A lab that notes when what arrived where, in nanoseconds from when it was sent."""

    def __init__(self, ec2: ControlPlane) -> None:
        super().__init__(ec2, compiling=True)
        self.began = 0
        self.times: dict[tuple[str, int], list[int]] = {}

    def receive(self, attachment: Attachment, packet: Packet, now: int) -> None:
        super().receive(attachment, packet, now)
        self.times.setdefault((attachment.attachment_id, packet.sport), []).append(now - self.began)

    def flood(self, *senders: tuple[str, list[Packet]]) -> None:
        """Send all packets of all senders in one instant, after a pause in which every bucket fills."""
        self.wait(1)
        self.began, self.times = self.agenda.now, {}
        for sender, packets in senders:
            plug = self.plug(sender)
            for packet in packets:
                plug.send(packet)
        self.agenda.run()

    def connect(self, there: str, eni: str, port: int = 40000) -> None:
        opening = self.send(syn(f"10.0.1.10:{port}", there), "eni-web")
        assert self.answer(opening).where == "eni-web"
        assert self.send(syn(f"10.0.1.10:{port}", there, ACK), "eni-web").where == eni


def segments(source: str, to: str, count: int = 40, length: int = 8500) -> list[Packet]:
    return [syn(source, to, ACK, bytes(length - 40)) for _ in range(count)]


def schedule(rate: int, delay: int, count: int = 40, length: int = 8500, burst: int = BURST) -> list[int]:
    """When packets arrive that were sent at once: a burst after the delay, the others as fast as the rate is."""
    return [delay + max(0, -(-(number * length - burst) * 8 * SECOND // rate)) for number in range(1, count + 1)]


# --- interface endpoints --------------------------------------------------------------------------------------------


@pytest.mark.fact("VPCE-IF-11")
@pytest.mark.parametrize(("settings", "rate"), [(SEED, 10 * GBPS), (CURRENT, 100 * GBPS)])
def test_an_endpoint_is_as_fast_as_that_per_interface_and_direction(settings: Settings, rate: int) -> None:
    """Both zones and both directions are filled in one instant, and none of the four slows another."""
    lab = Timed(world(settings))
    lab.connect("10.0.1.200:443", A)
    lab.connect("10.0.3.200:443", B, 40001)
    size = {"count": 40, "length": 8499}  # 6,799.2 ns at 10 Gbps
    lab.flood(
        ("eni-web", segments("10.0.1.10:40000", "10.0.1.200:443", **size)),
        ("eni-web", segments("10.0.1.10:40001", "10.0.3.200:443", **size)),
        (A, segments("10.0.1.200:443", "10.0.1.10:40000", **size)),
    )
    near, far = schedule(rate, 50_000, **size), schedule(rate, 250_000, **size)
    assert lab.times == {(A, 40000): near, (B, 40001): far, ("eni-web", 443): near}
    assert abs(near[-1] - near[20] - 19 * 8499 * 8 * GBPS / rate) < 1  # no rounding adds up


@pytest.mark.fact("VPCE-IF-11")
def test_two_clients_of_one_interface_share_what_it_carries() -> None:
    lab = Timed(world())
    lab.connect("10.0.1.200:443", A)
    lab.connect("10.0.1.200:443", A, 40001)
    pairs = zip(*(segments(f"10.0.1.10:{port}", "10.0.1.200:443", 20) for port in (40000, 40001)), strict=True)
    lab.flood(("eni-web", [packet for pair in pairs for packet in pair]))
    assert sorted(time for times in lab.times.values() for time in times) == schedule(10 * GBPS, 50_000)


@pytest.mark.fact("VPCE-13")
def test_the_service_stands_in_the_zone_of_the_interface_and_behind_its_own_delay() -> None:
    """A gateway endpoint's is in none: both zones have the same way to it."""
    ec2 = world()
    ec2.run_instances(instance_id="east", subnet_id="c", security_group_ids=["web"], private_ip_address="10.0.3.10")
    assert {service.service_delay for service in ec2.services.values()} == {0}
    for delay in (0, 2_000_000):
        for name in ("api", "s3"):
            service = ec2.services[f"com.amazonaws.us-east-1.{name}"]
            ec2.services[service.service_name] = replace(service, service_delay=delay)
        ec2.generation += 1
        lab = Timed(ec2)
        times = {}
        for client, address in (("web", "10.0.1.10"), ("east", "10.0.3.10")):
            for there in ("10.0.1.200", "10.0.3.200", "52.216.0.10"):
                lab.flood((f"eni-{client}", [syn(f"{address}:1", f"{there}:443")]))
                (times[client, there],) = (arrived[0] - delay for arrived in lab.times.values())
        near, far = 50_000, 250_000
        assert times["web", "10.0.1.200"] == times["east", "10.0.3.200"] == near
        assert times["web", "10.0.3.200"] == times["east", "10.0.1.200"] == far
        assert times["web", "52.216.0.10"] == times["east", "52.216.0.10"]


@pytest.mark.fact("VPCE-13")
def test_one_shaper_for_each_direction_stands_behind_the_gates() -> None:
    lab = Timed(world())
    lab.connect("10.0.1.200:443", A)
    lab.send(datagram("10.0.1.10:1", "10.0.1.200:443"), "eni-web")  # refused: it costs no tokens
    lab.send(syn("10.0.1.10:7", "10.0.1.200:443", ACK), "eni-web")
    assert {name: shaper.passed for name, shaper in lab.fabric.shapers.items()} == {
        f"{A}/to-service": 2,
        f"{A}/from-service": 1,
    }


# --- gateway endpoints ----------------------------------------------------------------------------------------------


@pytest.mark.fact("VPCE-GW-18")
def test_a_gateway_endpoint_limits_neither_rate_nor_silence_nor_zone() -> None:
    lab = Timed(world())
    lab.connect("52.216.0.10:443", "s3")
    lab.flood(("eni-web", segments("10.0.1.10:40000", "52.216.0.10:443", 1000)))
    assert len(set(lab.times["s3", 40000])) == 1
    assert lab.fabric.shapers == {}
    lab.wait(400_000)  # the client's own interface remembers for 432,000 s (SG-14)
    assert lab.send(syn("10.0.1.10:40000", "52.216.0.10:443", ACK), "eni-web").where == "s3"
    assert lab.send(syn("52.216.0.10:443", "10.0.1.10:40000", ACK), "s3").where == "eni-web"
    lab.ec2.fail_availability_zone("us-east-1b")
    assert lab.send(ping("10.0.1.10", "52.216.0.10"), "eni-web").where == "s3"


# --- instances, NAT gateways, tunnels -------------------------------------------------------------------------------


@pytest.mark.fact("NET-1")
def test_two_flows_get_the_rate_of_a_single_flow_each_and_so_does_each_direction() -> None:
    """By the setting; without it instances are as fast as their programs. EMU: instances themselves have no limit."""
    lengths = {"count": 40, "length": 9001}
    for settings, rate in ((replace(SEED, single_flow_bandwidth=5 * GBPS), 5 * GBPS), (SEED, None)):
        lab = Timed(world(settings))
        for port in (40000, 40001):
            lab.answer(lab.send(syn(f"10.0.1.10:{port}", "10.0.2.20:5432"), "eni-web"))
        lab.flood(
            ("eni-web", segments("10.0.1.10:40000", "10.0.2.20:5432", **lengths)),
            ("eni-web", segments("10.0.1.10:40001", "10.0.2.20:5432", **lengths)),
            ("eni-db", segments("10.0.2.20:5432", "10.0.1.10:40000", **lengths)),
        )
        each = [50_000] * 40 if rate is None else schedule(rate, 50_000, **lengths)
        assert lab.times == {("eni-db", 40000): each, ("eni-db", 40001): each, ("eni-web", 5432): each}


@pytest.mark.fact("NAT-1")
def test_a_nat_gateway_is_as_fast_as_the_setting_and_drops_what_is_too_much() -> None:
    """All flows of a gateway share its rate; EMU: it does not scale by itself, 100 Gbps from the start."""
    assert SEED.nat_gateway_bandwidth == 100 * GBPS
    lab = Timed(public_world(replace(SEED, nat_gateway_bandwidth=100_000_000)))
    flows = [[datagram(f"10.0.1.5:{port}", "203.0.113.5:53", bytes(1472)) for _ in range(450)] for port in (5000, 5001)]
    lab.flood(*(("eni-app", packets) for packets in flows))
    times = sorted(time for arrived in lab.times.values() for time in arrived)
    expected = schedule(100_000_000, times[0], len(times), 1500, burst=1_048_576)
    assert times == expected
    burst, queue = 1_048_576 // 1500, 125_000 // 1500  # ten milliseconds at the rate
    assert len(times) == burst + queue
    (where,) = lab.fabric.drops
    assert (str(where[0]), where[1]) == ("EMU_QUEUE_FULL", "nat/bandwidth")
    assert lab.fabric.drops[where] == 900 - len(times)


@pytest.mark.fact("NET-8")
def test_a_tunnel_carries_one_and_a_quarter_gigabit_each_way() -> None:
    """EMU: a VPN connection is one tunnel; its packets per second and a transit gateway's figures are not modelled."""
    lab = Timed(premises_world(replace(SEED, vpn_delay=0)))  # both directions are at the tunnel at once
    there, back = (
        [datagram(source, to, bytes(1418)) for _ in range(200)]
        for source, to in (("10.0.1.5:7", "192.168.1.10:8"), ("192.168.1.10:8", "10.0.1.5:7"))
    )
    lab.flood(("eni-app", there), ("desk", back))
    for place in (("desk", 7), ("eni-app", 8)):
        times = lab.times[place]
        assert times == schedule(1_250_000_000, times[0], 200, 1446)
    unlimited = Timed(premises_world(replace(SEED, vpn_bandwidth=None)))
    unlimited.flood(("eni-app", [packet.copy() for packet in there]))
    assert len(set(unlimited.times["desk", 7])) == 1
