"""Whether a step ended as its scenario expects, and if not, in what it differs.

A difference is one line per key: what was expected, what was seen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from emulator.gates.networks import dotted
from emulator.network.questions import source_interface

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from emulator.network.network import Network
    from emulator.network.schema import ExpectSpec, FlowRowSpec
    from emulator.network.steps import Row
    from emulator.observe.flow_records import FlowRecord

EXPECTATIONS_LOG: Final = "fl-expectations-"
"""How the flow logs are called that a scenario with expectations about flow logs keeps for itself."""


def differences(network: Network, host: str, row: Row, expect: ExpectSpec | None) -> tuple[str, ...]:
    """Return in what a row differs from what was expected of its step."""
    if expect is None:
        return ()
    return tuple(_differences(network, host, row, expect))


def _differences(network: Network, host: str, row: Row, expect: ExpectSpec) -> Iterator[str]:
    plain: list[tuple[str, Any, Any]] = [
        ("outcome", expect.outcome, _outcome(row, expect.outcome)),
        ("status", expect.status, row.status),
        ("reason", expect.reason, row.reason),
        ("component", expect.component, row.component),
    ]
    for name, wanted, found in plain:
        if wanted is not None and wanted != found:
            yield f"{name}: expected {wanted}, not {found or 'none'}"
    for name, part, whole in (("rule", expect.rule, row.rule), ("error", expect.error, row.error or "")):
        if part is not None and part not in whole:
            yield f'{name}: expected "{part}" in "{whole}"'
    if expect.dns is not None and expect.dns not in row.dns:
        yield f'dns: expected "{expect.dns}" in "{row.dns}"'
    for name in expect.via:
        if name not in row.path:
            yield f"via: expected {name} on the way {' > '.join(row.path)}"
    for name in expect.not_via:
        if name in row.path:
            yield f"not_via: did not expect {name} on the way {' > '.join(row.path)}"
    if expect.same_az is not None:
        same = _same_az(network, host, row)
        if same is not expect.same_az:
            yield f"same_az: expected {expect.same_az}, not {same}"
    yield from _times(row, expect)
    yield from _flow_rows(network, expect.flow_log)


def _outcome(row: Row, wanted: str | None) -> str:
    """Return a row's verdict in the words of what is wanted: questions have their own."""
    if wanted in ("reachable", "unreachable"):
        return "reachable" if row.verdict in ("delivered", "denied") else "unreachable"
    return "allowed" if wanted == "allowed" and row.verdict == "delivered" else row.verdict


def _times(row: Row, expect: ExpectSpec) -> Iterator[str]:
    limits: tuple[tuple[str, float | None, float | None, float | None, Callable[[float | None], str]], ...] = (
        ("first_byte", expect.first_byte_after, expect.first_byte_within, row.first_byte, _seconds),
        ("finished", expect.finished_after, expect.finished_within, row.finished, _seconds),
        ("throughput", expect.throughput_at_least, expect.throughput_at_most, row.throughput, _rate),
    )
    for what, least, most, seen, told in limits:
        at_least, at_most = ("at_least", "at_most") if what == "throughput" else ("after", "within")
        if least is not None and (seen is None or seen < least):
            yield f"{what}_{at_least}: expected {told(least)}, not {told(seen)}"
        if most is not None and (seen is None or seen > most):
            yield f"{what}_{at_most}: expected {told(most)}, not {told(seen)}"


def _seconds(nanoseconds: float | None) -> str:
    return "never" if nanoseconds is None else f"{nanoseconds / 1e9:.4g} s"


def _rate(bits: float | None) -> str:
    return "none" if bits is None else f"{bits / 1e9:.3g} Gbps"


def _same_az(network: Network, host: str, row: Row) -> bool | None:
    """Return whether a step stayed in its host's zone; None if it arrived at no interface."""
    arrived = network.ec2.network_interfaces.get(row.arrived)
    if arrived is None or host not in network.ec2.instances:
        return None
    zones = [network.ec2.subnets[eni.subnet_id] for eni in (arrived, source_interface(network.ec2, host))]
    return zones[0].availability_zone_id == zones[1].availability_zone_id


def _flow_rows(network: Network, wanted: list[FlowRowSpec]) -> Iterator[str]:
    if not wanted:
        return
    records = network.flow_log_records()
    for spec in wanted:
        found = [record for record in records if _fits(network, record, spec)]
        if spec.absent and found:
            yield f"flow_log: did not expect a record of {_told(spec)}"
        if not spec.absent and not found:
            yield f"flow_log: no record of {_told(spec)}"


def _fits(network: Network, record: FlowRecord, spec: FlowRowSpec) -> bool:
    flow = record.flow
    if flow is None or record.interface.interface_id not in _interfaces(network, spec.interface):
        return False
    checks: tuple[tuple[object, object], ...] = (
        (spec.direction, "egress" if flow.outgoing else "ingress"),
        (spec.action, "ACCEPT" if flow.accepted else "REJECT"),
        (spec.dst_port, flow.dport),
        (spec.src_port, flow.sport),
        (spec.src, dotted(flow.src)),
        (spec.dst, dotted(flow.dst)),
    )
    return all(wanted is None or wanted == seen for wanted, seen in checks)


def _interfaces(network: Network, name: str) -> tuple[str, ...]:
    """Return the interfaces that an instance, endpoint, NAT gateway, load balancer or interface stands for."""
    plane = network.ec2
    if name in plane.instances:
        return plane.instances[name].network_interface_ids
    if name in plane.vpc_endpoints:
        return plane.vpc_endpoints[name].network_interface_ids
    if name in plane.nat_gateways:
        return (plane.nat_gateways[name].network_interface_id,)
    if name in plane.load_balancers:
        return plane.load_balancers[name].network_interface_ids
    return (name,)


def _told(spec: FlowRowSpec) -> str:
    keys = ("interface", "direction", "action", "src", "src_port", "dst", "dst_port")
    return ", ".join(f"{key} {getattr(spec, key)}" for key in keys if getattr(spec, key) is not None)
