"""Random accounts: nothing raises, every packet ends once, order changes nothing, the cache agrees (D1, D2, D5)."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emulator import Network, Packet
from emulator.topology import load_document
from emulator.topology.documents import parse
from tests.network.random_networks import Deed, deeds, document, edit
from tests.topology.test_topology_build import shuffled

if TYPE_CHECKING:
    from emulator.control import ControlPlane

seeds = st.integers(0, 2**32 - 1)


def built(made: dict[str, Any]) -> ControlPlane:
    return load_document(parse(json.dumps(made), "random"))


class Run:
    """A network, what was done to it, and what can be seen of it afterwards."""

    def __init__(
        self, made: dict[str, Any], done: list[Deed], *, compiling: bool = True, captured: bool = True
    ) -> None:
        self.network = network = Network(built(made), seed=3)
        network.fabric.compiling = compiling
        self.sent: list[Packet] = []
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
            self.captures = [path.read_bytes() for path in sorted(Path(folder).iterdir())]

    def do(self, deed: Deed) -> None:
        if deed.host:
            packet = Packet.from_bytes(deed.packet)
            self.sent.append(packet)
            self.network.send(packet, host=deed.host)
        else:
            edit(self.network.ec2, deed.edit)

    def asked(self) -> list[str]:
        """Every third pair of hosts, and every endpoint, asked for."""
        ec2 = self.network.ec2
        hosts = sorted(ec2.instances)
        pairs = [(source, to) for source in hosts for to in (*hosts, *sorted(ec2.vpc_endpoints)) if source != to]
        found = [self.network.trace(source, f"{to}:443") for source, to in pairs[::3]]
        return [str((one.question, one.remarks, one.forward, one.reply)) for one in found]

    @property
    def endings(self) -> list[str]:
        return [str(packet.ending) for packet in self.sent]


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(seeds, st.integers(1, 3), st.integers(1, 3), st.integers(0, 80))
def test_random_networks_keep_the_laws_of_the_house(seed: int, vpcs: int, subnets: int, count: int) -> None:
    """Every packet ends exactly once; a shuffled document is the same network; a cached path is a walk remembered."""
    made = document(Random(seed), vpcs, subnets)
    done = deeds(Random(seed), built(made), count)
    run = Run(made, done)
    fabric = run.network.fabric
    assert fabric.in_flight == 0
    assert fabric.sent + fabric.duplicated == fabric.delivered + fabric.dropped
    assert sum(fabric.drops.values()) == fabric.dropped
    assert all(packet.ending is not None for packet in run.sent)

    other = Run(shuffled(made, Random(seed)), done)
    assert other.traces == run.traces
    assert other.endings == run.endings
    assert other.after == run.after
    assert other.captures == run.captures

    walked = Run(made, done, compiling=False, captured=False)
    assert walked.endings == run.endings
    assert walked.network.fabric.drops == fabric.drops
    assert walked.after == run.after
