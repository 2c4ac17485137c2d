"""How AWS writes a flow log record: every field of every version, by name.

A table from field names to what a record says of them; None is what AWS writes
as ``-``.  Fields of what the emulator does not have (containers, tags, sublocations,
encryption controls) are in it too, and always empty.

AWS: VPC User Guide, "Flow log records", "Available fields" (FLOW-2 to FLOW-14).
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeAlias

from netaddr import IPAddress

from emulator.model.flow_logs import DEFAULT_FORMAT, FIELD_VERSIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from emulator.observe.flow_records import Flow, FlowRecord

Value: TypeAlias = "str | int | None"

MISSING: Final = "-"  # FLOW-2


def _of_flow(read: Callable[[Flow], Value]) -> Callable[[FlowRecord], Value]:
    return lambda record: None if record.flow is None else read(record.flow)


def _count(read: Callable[[FlowRecord], Value]) -> Callable[[FlowRecord], Value]:
    """Counts, and what is said of an interface beside them, are left out where there was no traffic (FLOW-12)."""
    return lambda record: None if record.flow is None else read(record)


def _address(number: int, version: int) -> str:
    return str(IPAddress(number, version))


def _src_addr(record: FlowRecord) -> Value:
    """On the interface's own side its primary private address, whatever the packet holds (FLOW-4)."""
    flow = record.flow
    if flow is None:
        return None
    own = flow.outgoing and flow.version == 4
    return _address(record.interface.address if own else flow.src, flow.version)


def _dst_addr(record: FlowRecord) -> Value:
    flow = record.flow
    if flow is None:
        return None
    own = not flow.outgoing and flow.version == 4
    return _address(record.interface.address if own else flow.dst, flow.version)


def _next_hop(attribute: str) -> Callable[[FlowRecord], Value]:
    def read(record: FlowRecord) -> Value:
        interface = record.next_hop.interface
        value: Value = None if interface is None else getattr(interface, attribute)
        return value

    return read


def _nothing(_record: FlowRecord) -> Value:
    return None


READERS: Final[Mapping[str, Callable[[FlowRecord], Value]]] = MappingProxyType(
    dict.fromkeys(FIELD_VERSIONS, _nothing)
    | {
        "account-id": lambda record: record.interface.account_id,
        "interface-id": lambda record: record.interface.interface_id,
        "srcaddr": _src_addr,
        "dstaddr": _dst_addr,
        "srcport": _of_flow(lambda flow: flow.sport),
        "dstport": _of_flow(lambda flow: flow.dport),
        "protocol": _of_flow(lambda flow: flow.proto),
        "packets": _count(lambda record: record.packets),
        "bytes": _count(lambda record: record.octets),
        "start": lambda record: record.start,
        "end": lambda record: record.end,
        "action": _of_flow(lambda flow: "ACCEPT" if flow.accepted else "REJECT"),
        "log-status": lambda record: str(record.log_status),
        "vpc-id": _count(lambda record: record.interface.vpc_id),
        "subnet-id": _count(lambda record: record.interface.subnet_id),
        "instance-id": _count(lambda record: record.interface.instance_id),
        "tcp-flags": _count(lambda record: record.tcp_flags),
        "type": _of_flow(lambda flow: f"IPv{flow.version}"),
        "pkt-srcaddr": _of_flow(lambda flow: _address(flow.src, flow.version)),
        "pkt-dstaddr": _of_flow(lambda flow: _address(flow.dst, flow.version)),
        "region": _count(lambda record: record.interface.region),
        "az-id": _count(lambda record: record.interface.az_id or None),
        "pkt-src-aws-service": lambda record: record.src_service,
        "pkt-dst-aws-service": lambda record: record.dst_service,
        "flow-direction": _of_flow(lambda flow: "egress" if flow.outgoing else "ingress"),
        "traffic-path": lambda record: record.next_hop.traffic_path,
        "interface-type": _count(lambda record: record.interface.interface_type),
        "next-hop-interface-id": _next_hop("interface_id"),
        "next-hop-subnet-id": _next_hop("subnet_id"),
        "next-hop-az-id": _next_hop("az_id"),
        "next-hop-vpc-id": _next_hop("vpc_id"),
        "next-hop-interface-type": _next_hop("interface_type"),
    }
)
"""``version`` depends on the whole format, so :func:`values` knows it."""


def version_of(fields: tuple[str, ...]) -> int:
    """Return the version of records with these fields: the highest among them (FLOW-2)."""
    return max(FIELD_VERSIONS[name] for name in fields)


def values(record: FlowRecord, log_format: tuple[str, ...] = DEFAULT_FORMAT) -> tuple[Value, ...]:
    """Return a record's values in the order of a format; an empty one is the default."""
    fields = log_format or DEFAULT_FORMAT
    version = version_of(fields)
    return tuple(version if name == "version" else READERS[name](record) for name in fields)


def line(record: FlowRecord, log_format: tuple[str, ...] = DEFAULT_FORMAT) -> str:
    """Return a record as AWS writes it: values separated by spaces, ``-`` for those that do not apply (FLOW-2)."""
    return " ".join(MISSING if value is None else str(value) for value in values(record, log_format))
