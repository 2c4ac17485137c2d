"""The step for flow logs: last, when everything that can be watched is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emulator.topology import schema_services
from emulator.topology.build import later

if TYPE_CHECKING:
    from emulator.topology.build import Draft
    from emulator.topology.documents import KeyPath


def flow_logs(draft: Draft) -> None:
    """Flow logs, by their ids."""
    where: dict[str, KeyPath] = {"resource_ids": ("resource_id",), "flow_log_ids": ()}
    for name, entry in draft.each("flow_logs", schema_services.FlowLogEntry):
        call = later(
            draft.plane.create_flow_logs,
            entry.resource_id,
            traffic_type=entry.traffic_type,
            log_format=entry.log_format,
            max_aggregation_interval=entry.max_aggregation_interval,
            file_format=entry.file_format,
            flow_log_ids=[name],
        )
        draft.attempt(("flow_logs", name), call, where, vital=True)
