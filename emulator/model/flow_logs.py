"""Flow logs as the control plane knows them (section 11)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping


class TrafficType(StrEnum):
    """Which records a flow log keeps."""

    ALL = "ALL"
    ACCEPT = "ACCEPT"
    REJECT = "REJECT"


class FileFormat(StrEnum):
    """What its files are: ``DestinationOptions.FileFormat``."""

    PLAIN_TEXT = "plain-text"
    PARQUET = "parquet"


@dataclass(frozen=True, slots=True)
class FlowLog:
    """A flow log; format and target are fixed at creation (FLOW-16).

    Attributes:
        resource_id: A VPC, a subnet or an interface; EMU: an instance, an endpoint or a NAT gateway stands for its
            interfaces.
        log_format: Field names in order (FLOW-2, FLOW-3); empty: the default format.
        max_aggregation_interval: Seconds, 60 or 600 (FLOW-1).
    """

    flow_log_id: str
    resource_id: str
    traffic_type: TrafficType = TrafficType.ALL
    log_format: tuple[str, ...] = ()
    max_aggregation_interval: int = 600
    file_format: FileFormat = FileFormat.PLAIN_TEXT


FIELD_VERSIONS: Final[Mapping[str, int]] = MappingProxyType(
    {
        name: version
        for version, names in (
            (2, "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end"),
            (2, "action log-status"),
            (3, "vpc-id subnet-id instance-id tcp-flags type pkt-srcaddr pkt-dstaddr"),
            (4, "region az-id sublocation-type sublocation-id"),
            (5, "pkt-src-aws-service pkt-dst-aws-service flow-direction traffic-path"),
            (7, "ecs-cluster-arn ecs-cluster-name ecs-container-instance-arn ecs-container-instance-id"),
            (7, "ecs-container-id ecs-second-container-id ecs-service-name ecs-task-definition-arn ecs-task-arn"),
            (7, "ecs-task-id"),
            (8, "reject-reason"),
            (9, "resource-id"),
            (10, "encryption-status"),
            (11, "instance-tag instance-tag-2 interface-tag interface-tag-2 asg-tag asg-tag-2 interface-type"),
            (11, "next-hop-interface-id next-hop-subnet-id next-hop-az-id next-hop-vpc-id next-hop-interface-type"),
        )
        for name in names.split()
    }
)
"""Every field that a record may have, and the version that brought it (FLOW-3)."""

DEFAULT_FORMAT: Final = tuple(name for name, version in FIELD_VERSIONS.items() if version == 2)
"""FLOW-2."""
