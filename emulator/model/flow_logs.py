"""Flow logs as the control plane knows them (section 11)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class TrafficType(StrEnum):
    """Which records a flow log keeps."""

    ALL = "ALL"
    ACCEPT = "ACCEPT"
    REJECT = "REJECT"


@dataclass(frozen=True, slots=True)
class FlowLog:
    """A flow log of a VPC, a subnet or an interface; format and target are fixed at creation (FLOW-16).

    Attributes:
        log_format: Field names in order (FLOW-2, FLOW-3); empty: the default format.
        max_aggregation_interval: Seconds, 60 or 600 (FLOW-1).
    """

    flow_log_id: str
    resource_id: str
    traffic_type: TrafficType = TrafficType.ALL
    log_format: tuple[str, ...] = ()
    max_aggregation_interval: int = 600
