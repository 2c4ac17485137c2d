"""Mistakes in flow logs (section 11)."""

from __future__ import annotations

from tests.mutants.mutation import mutation

_LOGS = "tests/network/test_flow_logs.py"
_RECORDS = "tests/observe/test_flow_records.py"

FLOW_LOGS = (
    mutation(
        "FLOW-1",
        "an instance has the flow log's windows",
        "observe/flow_logs.py",
        "return FINEST if interface.instance_id is not None else flow_log.max_aggregation_interval",
        "return flow_log.max_aggregation_interval",
        f"{_RECORDS}::test_an_instance_has_windows_of_a_minute_and_a_managed_interface_the_flow_logs",
    ),
    mutation(
        "FLOW-2",
        "the version is the lowest of the fields",
        "observe/flow_fields.py",
        "return max(FIELD_VERSIONS[name] for name in fields)",
        "return min(FIELD_VERSIONS[name] for name in fields)",
    ),
    mutation(
        "FLOW-3",
        "a field is missing",
        "model/flow_logs.py",
        '(8, "reject-reason"),',
        "",
    ),
    mutation(
        "FLOW-4",
        "the own side shows what the packet holds",
        "observe/flow_fields.py",
        "own = flow.outgoing and flow.version == 4",
        "own = flow.outgoing and flow.version == 6",
    ),
    mutation(
        "FLOW-5",
        "an answer shows the packet's addresses on both sides",
        "observe/flow_fields.py",
        "own = not flow.outgoing and flow.version == 4",
        "own = not flow.outgoing and flow.version == 6",
    ),
    mutation(
        "FLOW-6",
        "bytes are those of the payload",
        "observe/flow_logs.py",
        "row.octets += packet.length",
        "row.octets += len(packet.payload)",
        f"{_RECORDS}::test_four_pings_are_336_bytes_without_ports",
    ),
    mutation(
        "FLOW-7",
        "accepted and rejected packets share a record",
        "observe/flow_logs.py",
        "            outgoing,\n            accepted,\n            packet.version,",
        "            outgoing,\n            True,\n            packet.version,",
        f"{_RECORDS}::test_one_record_for_each_tuple_direction_action_and_window",
    ),
    mutation(
        "FLOW-8",
        "a network ACL's denial is written as accepted",
        "flows/legs.py",
        "outgoing=outgoing, accepted=False)",
        "outgoing=outgoing, accepted=True)",
    ),
    mutation(
        "FLOW-9",
        "the sender's own refusal is not logged",
        "flows/leg_interfaces.py",
        "    peer = packet.dst if outgoing else packet.src\n    result.log(eni.interface_id",
        "    peer = packet.dst if outgoing else packet.src\n    if not outgoing:\n        result.log(eni.interface_id",
        f"{_LOGS}::test_what_the_own_security_group_does_not_let_out_is_rejected_there",
    ),
    mutation(
        "FLOW-10",
        "ACK always counts",
        "observe/flow_logs.py",
        "return flags & (_NOTABLE | ACK) if flags & SYN else flags & _NOTABLE",
        "return flags & (_NOTABLE | ACK)",
    ),
    mutation(
        "FLOW-11",
        "a gateway endpoint is written as an internet gateway",
        "network/flow_logs.py",
        "GATEWAY_ENDPOINT: Final = 7",
        "GATEWAY_ENDPOINT: Final = 8",
    ),
    mutation(
        "FLOW-12",
        "silent windows are left out",
        "observe/flow_logs.py",
        "if window not in busy and window not in told:",
        "if window in busy and window not in told:",
    ),
    mutation(
        "FLOW-13",
        "an endpoint's interface has no type",
        "observe/flow_fields.py",
        '"interface-type": _count(lambda record: record.interface.interface_type),',
        "",
    ),
    mutation(
        "FLOW-14",
        "services have no names",
        "network/flow_logs.py",
        'SERVICE_NAMES: Final = {"s3": "S3", "dynamodb": "DYNAMODB"}',
        "SERVICE_NAMES: Final[dict[str, str]] = {}",
    ),
    mutation(
        "FLOW-15",
        "requests for an address are logged",
        "network/flow_logs.py",
        "(packet.sport, packet.dport) in DHCP:",
        "(packet.sport, packet.dport) in ():",
    ),
    mutation(
        "FLOW-15",
        "what passes between an endpoint and a load balancer is logged",
        "network/flow_logs.py",
        "if not outgoing and packet.dst not in self._nodes.get(interface_id, (packet.dst,)):",
        "if not outgoing and packet.dst == 0:",
    ),
    mutation(
        "FLOW-16",
        "any number of flow logs",
        "control/flow_logs.py",
        "if len(others) >= LIMIT:",
        "if len(others) >= 1 << 30:",
    ),
)
