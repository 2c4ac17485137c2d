"""Links behind shapers, and compiled paths at the end of an endpoint's patience."""

from __future__ import annotations

from dataclasses import replace

import pytest

from emulator.model.reasons import Reason
from emulator.model.traces import Delivered, Dropped, Ending
from emulator.wire.packet import ACK, tcp
from tests.flows.worlds import API_A, WEB
from tests.simulation.test_fabric import A, Net

IDLE_TIMEOUT = 350_000_000_000


def test_a_shaper_made_faster_lets_nobody_overtake_who_waits_behind_the_old_one() -> None:
    """VPCE-IF-11: and time never goes back."""
    net = Net()

    def shape(rate: int) -> None:
        net.ec2.vpc_endpoints["api"] = replace(
            net.ec2.vpc_endpoints["api"], az_bandwidth=rate, az_burst=1500, az_queue=3000
        )
        net.ec2.create_security_group("vpc", group_id=f"at-{rate}")  # a verb: the next packet meets new tables

    first, second, third = (tcp(WEB, API_A, port, 443, payload=bytes(1460)) for port in (1, 2, 3))
    shape(1_000_000)
    net.web.send(first)
    net.web.send(second)
    while f"{A}/to-service" not in net.fabric.shapers or net.fabric.shapers[f"{A}/to-service"].passed < 2:
        net.agenda.step()
    shape(1_000_000_000)
    net.web.send(third)
    net.agenda.run()
    assert [(packet.sport, now) for now, packet in net.arrived] == [(1, 50_000), (2, 12_050_000), (3, 12_050_000)]
    assert net.agenda.now == 12_050_000


@pytest.mark.parametrize(
    ("silence", "ending"),
    [
        (IDLE_TIMEOUT - 1, Delivered(A)),
        (IDLE_TIMEOUT, Dropped(Reason.EMU_IDLE_TIMEOUT, "api", "idle timeout")),
        (IDLE_TIMEOUT + 1, Dropped(Reason.EMU_IDLE_TIMEOUT, "api", "idle timeout")),
    ],
)
def test_a_compiled_path_ends_with_the_endpoints_patience(silence: int, ending: Ending) -> None:
    """VPCE-IF-15, D2."""
    net = Net()
    net.open()
    net.send(net.web, tcp(WEB, API_A, 40000, 443, ACK))
    walked = net.fabric.walked
    began = net.agenda.now
    net.send(net.web, tcp(WEB, API_A, 40000, 443, ACK))
    assert net.fabric.walked == walked  # compiled: what follows is asked of the path first
    net.agenda.now = began + silence
    assert net.send(net.web, tcp(WEB, API_A, 40000, 443, ACK)).ending == ending
