"""Random accounts: nothing raises, every packet ends once, order changes nothing, the cache agrees (D1, D2, D5).

Some every time; many with VPCEMU_LONG_TESTS set, to the number it says if that is more than 1.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from netaddr import IPAddress

from emulator import Fault, Network, Packet
from emulator.network.agreement import disagreements
from emulator.topology import load_document
from emulator.topology.documents import parse
from emulator.wire.packet import SYN, icmp, tcp, udp
from tests.network.random_deeds import Deed, deeds, edit, receivers, senders
from tests.network.random_networks import document
from tests.topology.test_topology_build import shuffled, state

if TYPE_CHECKING:
    from emulator.control import ControlPlane

LONG = int(os.environ.get("VPCEMU_LONG_TESTS") or 0)
EXAMPLES = 30 if not LONG else max(LONG, 500)
PROTOCOLS = ("tcp", "udp", "icmp")

seeds = st.integers(0, 2**32 - 1)


def built(made: dict[str, Any]) -> ControlPlane:
    return load_document(parse(json.dumps(made), "random"))


class Run:
    """A network, what was done to it, and what can be seen of it afterwards."""

    def __init__(
        self,
        made: dict[str, Any],
        done: list[Deed],
        fault: Fault | None,
        *,
        compiling: bool = True,
        captured: bool = True,
    ) -> None:
        self.network = network = Network(built(made), seed=3)
        network.fabric.compiling = compiling
        self.sent: list[Packet] = []
        if fault is not None:
            network.add_fault(fault)
        with tempfile.TemporaryDirectory() as folder:
            if captured:
                for number, name in enumerate(
                    (*sorted(network.ec2.instances)[:3], *sorted(network.ec2.vpc_endpoints)[:2])
                ):
                    network.capture(name, Path(folder) / f"{number}.pcapng", comments="all")
            self.traces = self.asked()
            for deed in done:
                network.loop.call_at(deed.at / 1e9, self.do, deed)
            network.run_until_idle()
            self.after = self.asked()
            network.close()
            self.records = [str(record) for record in network.flow_log_records()]
            self.disagreements = disagreements(network) if captured else []
            self.captures = [path.read_bytes() for path in sorted(Path(folder).iterdir())]

    def do(self, deed: Deed) -> None:
        if deed.host:
            packet = Packet.from_bytes(deed.packet)
            self.sent.append(packet)
            self.network.send(packet, host=deed.host)
        else:
            edit(self.network.ec2, deed.edit)

    def asked(self) -> list[str]:
        """Some pairs of hosts, and of hosts and endpoints, asked for."""
        ec2 = self.network.ec2
        hosts = [*sorted(ec2.instances), *sorted(ec2.external_hosts)]
        pairs = [(source, to) for source in hosts for to in (*hosts, *sorted(ec2.vpc_endpoints)) if source != to]
        found = [self.network.trace(source, f"{to}:443") for source, to in pairs[:: 1 + len(pairs) // 20]]
        return [str((one.question, one.remarks, one.forward, one.reply)) for one in found]

    @property
    def endings(self) -> list[str]:
        return [str(packet.ending) for packet in self.sent]


@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.too_slow], database=None)
@given(seeds, st.integers(1, 3), st.integers(1, 3), st.integers(0, 80), st.sampled_from((None, None, 0.1)))
def test_random_networks_keep_the_laws_of_the_house(
    seed: int, vpcs: int, subnets: int, count: int, loss: float | None
) -> None:
    """Every packet ends exactly once; a shuffled document is the same network; a cached path is a walk remembered."""
    made = document(Random(seed), vpcs, subnets)
    done = deeds(Random(seed), built(made), count)
    fault = None if loss is None else Fault(loss=loss, duplicate=loss, reorder=loss, jitter=1000)
    run = Run(made, done, fault)
    fabric = run.network.fabric
    assert fabric.in_flight == 0
    assert fabric.sent + fabric.duplicated == fabric.delivered + fabric.dropped
    assert sum(fabric.drops.values()) == fabric.dropped
    assert all(packet.ending is not None for packet in run.sent)
    assert run.disagreements == []

    other = Run(shuffled(made, Random(seed)), done, fault)
    assert other.traces == run.traces
    assert other.endings == run.endings
    assert other.after == run.after
    assert other.records == run.records
    assert other.captures == run.captures

    walked = Run(made, done, fault, compiling=False, captured=False)
    assert walked.endings == run.endings
    assert walked.network.fabric.drops == fabric.drops
    assert walked.records == run.records
    assert walked.after == run.after


@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.too_slow], database=None)
@given(seeds, st.integers(1, 3), st.integers(1, 2), st.integers(0, 30))
def test_a_question_is_answered_as_its_packet_ends(seed: int, vpcs: int, subnets: int, count: int) -> None:
    """``trace`` and the packet itself meet the same gates: same ending, component and rule (D1)."""
    draw = Random(seed)
    made = document(draw, vpcs, subnets)
    with Network(built(made), seed=3) as network:
        for deed in deeds(draw, network.ec2, count):
            if deed.host:
                network.send(Packet.from_bytes(deed.packet), host=deed.host)
            else:
                edit(network.ec2, deed.edit)
            network.run_until_idle()
        own = {name: one for name, one in senders(network.ec2).items() if not name.endswith("/public")}
        for number in range(30):
            source, to = draw.choice(sorted(own)), draw.choice(receivers(network.ec2))
            protocol, port = draw.choice(PROTOCOLS), draw.choice((53, 80, 443))
            answer = network.trace(source, f"{IPAddress(to)}:{port}", protocol=protocol, source_port=41000 + number)
            packet = question_of(protocol, own[source], to, 41000 + number, port)
            network.send(packet, host=source)
            network.run_until_idle()
            assert packet.ending == answer.forward.ending, answer.question


def question_of(protocol: str, source: int, to: int, source_port: int, port: int) -> Packet:
    if protocol == "icmp":
        return icmp(source, to, 8, 0, identifier=1)
    return tcp(source, to, source_port, port, SYN) if protocol == "tcp" else udp(source, to, source_port, port)


@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.too_slow], database=None)
@given(seeds, st.integers(1, 3), st.integers(1, 2))
def test_a_document_is_the_same_network_every_time_and_a_repair_that_works_does(
    seed: int, vpcs: int, subnets: int
) -> None:
    draw = Random(seed)
    made = document(draw, vpcs, subnets)
    plane = built(made)
    assert state(built(made)) == state(plane)
    assert state(built(shuffled(made, draw))) == state(plane)
    with Network(plane, seed=3) as network:
        own = [name for name in senders(plane) if not name.endswith("/public")]
        for _ in range(4):
            source, to = draw.choice(own), f"{IPAddress(draw.choice(receivers(plane)))}:{draw.choice((53, 80, 443))}"
            protocol = draw.choice(PROTOCOLS)
            repair = network.explain(source, to, protocol=protocol).repair
            if repair is not None and repair.works:
                changed = plane.copy()
                for change in repair.changes:
                    change.apply(changed)
                with Network(changed, seed=3) as other:
                    assert other.trace(source, to, protocol=protocol).reachable, repair.changes
