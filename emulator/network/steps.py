"""One step of a scenario: run it, and read from the network what became of it.

A row is made from records only: drops from the ledger, rulings of endpoint
policies, and the path that the step's packets took.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from netaddr import IPAddress

from emulator.control.policies import FULL_ACCESS
from emulator.model.traces import Dropped
from emulator.network import workloads
from emulator.network.questions import destination, source_interface
from emulator.wire.packet import IPPROTO_ICMP, IPPROTO_TCP

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from emulator.network.network import Network
    from emulator.network.schema import SendSpec, StepSpec
    from emulator.observe.ledger import Drop
    from emulator.services import Ruling
    from emulator.simulation.fabric import Path


WORTH_TIMING: Final = 100_000
"""Bytes; what moved fewer took as long as its round trips, which is no throughput."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a report.

    Attributes:
        what: The step, in the scenario's words.
        verdict: ``delivered``, ``dropped``, or ``denied`` (an HTTP answer: POL-13).
        reason: AWS's code, or the HTTP status.
        component: Who decided.
        rule: The line that did.
        throughput: Application-layer bit/s, or None where nothing was moved.
        octets: Application-layer bytes moved.
        as_expected: Whether the step's expectation was met; True without one.
        error: What the program met.
    """

    what: str
    verdict: str
    reason: str
    component: str
    rule: str
    throughput: float | None = None
    octets: int = 0
    as_expected: bool = True
    error: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the row as plain data."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


def run_step(network: Network, step: StepSpec) -> Row:
    """Run one step on its host and return its row."""
    if step.send is not None:
        return _crafted(network, step, step.send)
    began, drops = network.now, network.ledger.total
    for shaper in network.fabric.shapers.values():
        shaper.busiest = 0
    ruled_before = network.rulings[-1] if network.rulings else None
    done, ended = _perform(network, step)
    ruling = network.rulings[-1] if network.rulings and network.rulings[-1] is not ruled_before else None
    address = int(source_interface(network.ec2, step.host).private_ip_address)
    lost = [drop.ending for drop in network.ledger.since(drops) if _concerns(drop, address)]
    if ruling is not None and not ruling.decision.allowed:
        reason = f"HTTP {done.status} AccessDenied"
        verdict, where = "denied", (ruling.vpc_endpoint_id, ruling.decision.statement or "no statement allows it")
    elif lost and done.status is None:
        ending = lost[-1]
        reason, verdict, where = str(ending.reason), "dropped", (ending.component, ending.rule or "")
    elif done.error is not None:
        reason, verdict, where = done.error, "failed", ("", "")
    else:
        reason, verdict = f"HTTP {done.status}" if done.status else "", "delivered"
        where = _way(network, _busiest(network, address, began), ruling)
    moved = done.octets if done.error is None and done.status is not None and done.status < 400 else 0
    spent = (ended - began) / 1e9
    throughput = moved * 8 / spent if moved >= WORTH_TIMING and spent else None
    expected = _meets(step.expect, verdict, reason, done.status)
    return Row(step.what, verdict, reason, *where, throughput, moved, expected, done.error)


def _concerns(drop: Drop, address: int) -> bool:
    """Whether a lost packet was to or from the step's host; lost ICMP errors are a consequence, not a cause."""
    return address in (drop.src, drop.dst) and drop.proto != IPPROTO_ICMP


def _perform(network: Network, step: StepSpec) -> tuple[workloads.Done, int]:
    """Run a program on the host until it ends, and note when that was."""

    async def timed() -> tuple[workloads.Done, int]:
        result = await _program(step)
        return result, network.now

    return network.run(timed(), host=step.host)


def _program(step: StepSpec) -> Coroutine[Any, Any, workloads.Done]:
    if step.get is not None:
        return workloads.get(step.get)
    if step.push is not None:
        return workloads.push(step.push.url, step.push.size, step.push.connections)
    assert step.datagram is not None
    return workloads.datagram((step.datagram.to, step.datagram.port), step.datagram.payload.encode())


def _crafted(network: Network, step: StepSpec, spec: SendSpec) -> Row:
    """Send one crafted packet; its own ending is the row."""
    target = spec.to
    if spec.ip_version == 4:
        address, _ = destination(network.ec2, network.zone, source_interface(network.ec2, step.host), target)
        target = str(IPAddress(address))
    packet = network.send(workloads.craft(spec.model_dump(), target), host=step.host)
    network.run_until_idle()
    ending = packet.ending
    assert ending is not None, "the network is idle, so every packet has ended"
    reason, rule = (str(ending.reason), ending.rule or "") if isinstance(ending, Dropped) else ("", "")
    verdict = ending.outcome.value
    expected = _meets(step.expect, verdict, reason, None)
    return Row(step.what, verdict, reason, ending.component, rule, as_expected=expected)


def _busiest(network: Network, address: int, began: int) -> Path | None:
    """Return the path from ``address`` that carried the step: TCP before the resolver's UDP, then the latest."""
    paths = [path for path in network.fabric.paths() if path.key[0] == address and path.last_at >= began]
    paths = [path for path in paths if path.delivered_to and not path.delivered_to.endswith("/resolver")] or paths
    return max(paths, key=lambda path: (path.key[2] == IPPROTO_TCP, path.last_at), default=None)


def _way(network: Network, path: Path | None, ruling: Ruling | None) -> tuple[str, str]:
    """Return where a path arrived, and what limited it or, of the lines that let it pass, the last."""
    if path is None:
        return "", ""
    arrived = path.delivered_to or ""
    shaper = network.fabric.shapers.get(f"{arrived}/to-service")
    if shaper is not None and shaper.busiest > shaper.queue // 10:
        return arrived, f"az_bandwidth {shaper.rate / 1e9:g} Gbps"
    if ruling is not None and network.ec2.vpc_endpoints[ruling.vpc_endpoint_id].policy_document != FULL_ACCESS:
        return arrived, ruling.decision.statement or ""
    rules = [step.rule for step in path.story if step.rule is not None]
    return arrived, rules[-1] if rules else ""


def _meets(expect: str | int | None, verdict: str, reason: str, status: int | None) -> bool:
    if expect is None:
        return True
    if isinstance(expect, int):
        return status == expect
    return expect in (verdict, reason)
