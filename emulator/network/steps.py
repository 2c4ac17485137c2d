"""One step of a scenario: run it, and read from the network what became of it.

A row is made from records only: drops from the ledger, rulings of policies, and the path that the step's packets took.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from emulator.control.policies import allows_everything
from emulator.model.epoch import EPOCH_NS
from emulator.model.resources import NetworkInterface
from emulator.model.traces import Delivered, Dropped
from emulator.network import workloads
from emulator.network.authority import access_key_of
from emulator.network.expectations import differences
from emulator.network.origins import origin, source_interface
from emulator.network.permissions import HTTPS, Asked, permission
from emulator.network.questions import destination, unresolved
from emulator.network.schema import is_address, method_and_url
from emulator.services import signed_headers
from emulator.wire.packet import IPPROTO_ICMP, IPPROTO_TCP

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable

    from emulator.model.traces import Ending, Step
    from emulator.network.network import Network
    from emulator.network.schema import SendSpec, StepSpec, TraceSpec
    from emulator.observe.explain import DnsAnswer
    from emulator.observe.ledger import Drop
    from emulator.policies import Verdict
    from emulator.services import Ruling
    from emulator.simulation.fabric import CompiledLeg, Path


WORTH_TIMING: Final = 100_000
"""Bytes; what moved fewer took as long as its round trips, which is no throughput."""

_LIMITS: Final = {"to-service": "az_bandwidth", "bandwidth": "nat_gateway_bandwidth"}
"""What the shapers on a path enforce, by the end of their ids; those of single flows end with the flow."""


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
        error: What the program met.
        status: The HTTP status, or None.
        path: The components on the way out, with the targets of routes.
        next_hops: Those of them that routes led to: gateways, connections, interfaces.
        arrived: Where it arrived; empty if it did not.
        first_byte: Nanoseconds until the answer's first byte, or None.
        finished: Nanoseconds since the beginning of the run when the step was over.
        dns: What the resolver said of the name, where the step is about one.
        differences: In what it differs from what was expected; empty if in nothing.
    """

    what: str
    verdict: str
    reason: str
    component: str
    rule: str
    throughput: float | None = None
    octets: int = 0
    error: str | None = None
    status: int | None = None
    path: tuple[str, ...] = ()
    next_hops: tuple[str, ...] = ()
    arrived: str = ""
    first_byte: int | None = None
    finished: int = 0
    dns: str = ""
    differences: tuple[str, ...] = ()

    @property
    def as_expected(self) -> bool:
        """Whether the step's expectation was met; True without one."""
        return not self.differences

    def to_json(self) -> dict[str, Any]:
        """Return the row as plain data."""
        plain = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {**plain, "as_expected": self.as_expected}


def run_step(network: Network, step: StepSpec) -> Row:
    """Run one step on its host and return its row."""
    if step.at > network.now:
        network.run(asyncio.sleep((step.at - network.now) / 1e9), host=step.host)
    if step.trace is not None:
        row = _question(network, step, step.trace)
    elif step.send is not None:
        row = _crafted(network, step, step.send)
    else:
        row = _program_step(network, step)
    row = replace(row, finished=row.finished or network.now)
    return replace(row, differences=differences(network, step.host, row, step.expect))


def _program_step(network: Network, step: StepSpec) -> Row:
    """Run a step's program, and read from the network's records what became of its packets."""
    began, drops = network.now, network.ledger.total
    told = _told(network, step)
    for shaper in network.fabric.shapers.values():
        shaper.busiest = 0
    ruled_before = network.rulings[-1] if network.rulings else None
    done, ended = _perform(network, step)
    ruling = network.rulings[-1] if network.rulings and network.rulings[-1] is not ruled_before else None
    addresses = _addresses(network, step.host)
    lost = [drop.ending for drop in network.ledger.since(drops) if _concerns(drop, addresses)]
    path = _busiest(network, addresses, began)
    story = path.story if path is not None else []
    if ruling is not None and not ruling.allowed:
        reason, verdict, where = _refusal(done.status, ruling.action), "denied", _decided(ruling.verdict)
    elif lost and done.status is None and (done.error is not None or step.datagram is not None):
        ending = lost[-1]
        reason, verdict, where = str(ending.reason), "dropped", (ending.component, ending.rule or "")
    elif done.error is not None and told is not None and told.reason is not None:
        nowhere = unresolved(source_interface(network.ec2, step.host).vpc_id, told).ending
        reason, verdict, where = told.reason, "dropped", (nowhere.component, getattr(nowhere, "rule", None) or "")
    elif done.error is not None:
        reason, verdict, where = done.error, "failed", ("", "")
    else:
        reason, verdict = f"HTTP {done.status}" if done.status else "", "delivered"
        where = _way(network, path, ruling)
        if (done.status or 0) >= 400:
            where = where[0], "the service's own answer, no policy denies"
    moved = done.octets if done.error is None and (done.status or 0) < 400 else 0
    spent = (ended - began) / 1e9
    throughput = moved * 8 / spent if moved >= WORTH_TIMING and spent else None
    return Row(
        step.what,
        verdict,
        reason,
        *where,
        throughput,
        moved,
        done.error,
        done.status,
        components(story),
        next_hops(story),
        (path.delivered_to or "") if path is not None else "",
        done.first_byte,
        finished=ended,
        dns="" if told is None else " ".join(told.remarks()),
    )


def _told(network: Network, step: StepSpec) -> DnsAnswer | None:
    """Return what the host's resolver says of the name that a program's step is about; None for an address."""
    url = url_of(step)
    peer = step.talk or step.datagram
    name = urlsplit(url).hostname if url is not None else peer.to if peer is not None else None
    if name is None or is_address(name) or step.host not in network.ec2.instances:
        return None
    return network.names.ask(source_interface(network.ec2, step.host), name)[0]


def url_of(step: StepSpec) -> str | None:
    """Return the URL that a step is about; None if it is about none."""
    spec = step.push or step.copy_object
    return step.get or (None if spec is None else spec.url)


def components(steps: Iterable[Step]) -> tuple[str, ...]:
    """Return the components a packet met, each once, with the targets of the routes it took."""
    names: dict[str, None] = {}
    for step in steps:
        names[step.component] = None
        names.update(dict.fromkeys(next_hops([step])))
    return tuple(names)


def next_hops(steps: Iterable[Step]) -> tuple[str, ...]:
    """Return the targets of the routes that a packet took, but for local ones."""
    routes = [step.rule or "" for step in steps if step.gate.endswith("route")]
    targets = [target.split()[0] for _, arrow, target in (rule.partition(" -> ") for rule in routes) if arrow]
    return tuple(dict.fromkeys(target for target in targets if target != "local"))


def _question(network: Network, step: StepSpec, spec: TraceSpec) -> Row:
    """Ask instead of sending; the walk's answer is the row, or the policies' where they are asked and it arrives."""
    answer = network.trace(step.host, spec.to, protocol=spec.protocol, source_port=spec.source_port)
    blocker = answer.blocker
    steps = answer.forward.steps
    arrived = answer.forward.ending.component if isinstance(answer.forward.ending, Delivered) else ""
    row = Row(
        step.what,
        "delivered",
        "",
        arrived,
        "",
        path=components(steps),
        next_hops=next_hops(steps),
        arrived=arrived,
        dns=" ".join(answer.remarks),
    )
    if blocker is not None:
        reason, rule = str(blocker.reason), blocker.rule or ""
        return replace(row, verdict="dropped", reason=reason, component=blocker.component, rule=rule)
    asked = _asked(spec)
    if asked is None:
        return row
    port = spec.to.rpartition(":")[2]
    found = permission(network, answer, step.host, asked, int(port) if port.isdigit() else HTTPS)
    if found.verdict is None:
        return replace(row, rule=found.note)
    component, rule = _decided(found.verdict)
    if found.allowed:
        return replace(row, component=component or row.component, rule=rule)
    reason = _refusal(found.status, found.verdict.question.action)
    return replace(row, verdict="denied", reason=reason, status=found.status, component=component, rule=rule)


def _asked(spec: TraceSpec) -> Asked | None:
    """Return what a question asks of a service; None if it is about packets alone."""
    if spec.request is not None:
        method, url = method_and_url(spec.request)
        return Asked(method=method, url=url, principal=spec.principal)
    return None if spec.action is None else Asked(spec.action, spec.resource or "*", principal=spec.principal)


def _addresses(network: Network, host: str) -> tuple[int, ...]:
    """Return what a host's packets bear as their source."""
    plane = network.ec2
    if host in plane.external_hosts:
        return (int(plane.external_hosts[host].ip_address),)
    interfaces = [plane.network_interfaces[name] for name in plane.instances[host].network_interface_ids]
    return tuple(int(address) for eni in interfaces for address in eni.private_ip_addresses)


def _concerns(drop: Drop, addresses: tuple[int, ...]) -> bool:
    """Whether a lost packet was to or from the step's host; lost ICMP errors are a consequence, not a cause."""
    whose = {drop.src, drop.dst, drop.sender}
    return not whose.isdisjoint(addresses) and drop.proto != IPPROTO_ICMP


def _perform(network: Network, step: StepSpec) -> tuple[workloads.Done, int]:
    """Run a program on the host until it ends, and note when that was."""

    async def timed() -> tuple[workloads.Done, int]:
        result = await _program(network, step)
        return result, network.now

    return network.run(timed(), host=step.host)


def _signature(network: Network, host: str, method: str, url: str) -> dict[str, str]:
    """Return the headers by which a host with a role signs a request; none for other hosts."""
    key = access_key_of(network.ec2, host)
    if key is None:
        return {}
    return signed_headers(key, method, url, network.ec2.region, (EPOCH_NS + network.now) // 1_000_000_000)


def _program(network: Network, step: StepSpec) -> Coroutine[Any, Any, workloads.Done]:
    if step.get is not None:
        return workloads.get(step.get, _signature(network, step.host, "GET", step.get))
    if step.push is not None:
        url = step.push.url
        signature = _signature(network, step.host, "POST", url)
        return workloads.push(url, step.push.size, step.push.connections, signature)
    if step.copy_object is not None:
        url = step.copy_object.url
        return workloads.copy_object(url, step.copy_object.source, _signature(network, step.host, "PUT", url))
    if step.talk is not None:
        talk = step.talk
        keepalive = None if talk.keepalive is None else talk.keepalive / 1e9
        return workloads.talk(
            (talk.to, talk.port), talk.times, talk.pause / 1e9, talk.size, keepalive, talk.patience / 1e9
        )
    assert step.datagram is not None
    return workloads.datagram((step.datagram.to, step.datagram.port), step.datagram.payload.encode())


def _crafted(network: Network, step: StepSpec, spec: SendSpec) -> Row:
    """Send one crafted packet; its own ending is the row."""
    target = spec.to
    if spec.ip_version == 4:
        begins = origin(network.ec2, network.fabric.tables(), step.host, None)
        where = destination(network.ec2, network.names, begins, target)
        if where.address is None:
            asker = begins.asker
            component = asker.vpc_id if isinstance(asker, NetworkInterface) else step.host
            return _row(step, unresolved(component, where.dns).ending)
        target = str(where.address)
    packet = network.send(workloads.craft(spec.model_dump(), target), host=step.host)
    network.run_until_idle()
    assert packet.ending is not None, "the network is idle, so every packet has ended"
    return _row(step, packet.ending)


def _row(step: StepSpec, ending: Ending) -> Row:
    reason, rule = (str(ending.reason), ending.rule or "") if isinstance(ending, Dropped) else ("", "")
    return Row(step.what, ending.outcome.value, reason, ending.component, rule)


def _busiest(network: Network, addresses: tuple[int, ...], began: int) -> Path | None:
    """Return the host's path that carried the step: TCP before the resolver's UDP, then the latest."""
    paths = [path for path in network.fabric.paths() if path.key[0] in addresses and path.last_at >= began]
    paths = [path for path in paths if path.delivered_to and not path.delivered_to.endswith("/resolver")] or paths
    return max(paths, key=lambda path: (path.key[2] == IPPROTO_TCP, path.last_at), default=None)


def _way(network: Network, path: Path | None, ruling: Ruling | None) -> tuple[str, str]:
    """Return where a path arrived, and what limited it or, of the lines that let it pass, the last."""
    if path is None:
        return "", ""
    arrived = path.delivered_to or ""
    limit = _limit(path)
    if limit is not None:
        return limit
    if ruling is not None and not _all_open(network, ruling):
        return arrived, ruling.decision.statement or ""
    rules = [step.rule for step in path.story if step.rule is not None]
    return arrived, rules[-1] if rules else ""


def _refusal(status: int | None, action: str) -> str:
    """Return a denial as its service answers it (POL-13)."""
    return f"HTTP {status} {'AccessDenied' if action.startswith('s3:') else 'AccessDeniedException'}"


def _decided(verdict: Verdict) -> tuple[str, str]:
    """Return who decided, an endpoint, a bucket or an identity, and by which statement of which layer."""
    deciding = verdict.deciding
    if deciding is None:
        return "", "no policy is asked"
    statement = deciding.decision.statement or "no statement allows it"
    names = deciding.decision.policy or ", ".join(deciding.names) or verdict.question.principal.called
    return names, f"{statement} ({deciding.layer})"


def _all_open(network: Network, ruling: Ruling) -> bool:
    """Whether nothing but an endpoint's full access let a request pass: not worth a word."""
    deciding = ruling.verdict.deciding
    if deciding is None:
        return True
    asked = [layer for layer in ruling.verdict.layers if layer.asked]
    endpoint = network.ec2.vpc_endpoints.get(ruling.vpc_endpoint_id or "")
    return asked == [deciding] and endpoint is not None and allows_everything(endpoint.policy_document)


def _limit(path: Path) -> tuple[str, str] | None:
    """Return where on its way a path was held up most, and by which limit; None if nowhere."""
    legs: list[CompiledLeg] = [path.first]
    while legs[-1].next is not None:
        legs.append(legs[-1].next)
    shapers = [leg.shaper for leg in legs if leg.shaper is not None and leg.shaper.busiest > leg.shaper.queue // 10]
    if not shapers:
        return None
    shaper = max(shapers, key=lambda one: one.busiest / max(one.queue, 1))
    component, _, kind = shaper.shaper_id.partition("/")
    setting = _LIMITS.get(kind, "single_flow_bandwidth")
    return component, f"{setting} {shaper.rate / 1e9:g} Gbps"
