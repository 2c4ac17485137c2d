"""What a flow log record is made of: an interface, a flow, a window, and counts.

Plain nouns, with no text in them: :mod:`emulator.observe.flow_fields` knows how
AWS writes them.  What of an interface stands in its records comes from the
control plane, so whoever keeps the logs brings it here as :class:`InterfaceFacts`.

AWS: VPC User Guide, "Flow log records" (FLOW-1 to FLOW-6).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

ServiceOf: TypeAlias = "Callable[[int], str | None]"
"""From an address to AWS's name of the service whose address it is (FLOW-14)."""


@dataclass(frozen=True, slots=True)
class InterfaceFacts:
    """An interface, as its records describe it.

    Attributes:
        account_id: Its owner's.
        address: Its primary private address (FLOW-4).
        instance_id: None if AWS manages it, as an endpoint's (FLOW-14), or nobody has it.
        az_id: ``use1-az1``.
        interface_type: ``nat_gateway``, ``vpc_endpoint`` and so on (FLOW-13); None for those of instances.
    """

    interface_id: str
    account_id: str
    address: int
    vpc_id: str
    subnet_id: str
    region: str
    az_id: str
    instance_id: str | None = None
    interface_type: str | None = None


@dataclass(frozen=True, slots=True)
class NextHop:
    """Where an interface's egress went.

    Attributes:
        traffic_path: FLOW-11's number; None where AWS lists none.
        interface: The next interface on the way, if it is one.
    """

    traffic_path: int | None = None
    interface: InterfaceFacts | None = None


NOWHERE = NextHop()
"""Of ingress, of what was refused, and of what no route led on."""


@dataclass(frozen=True, slots=True)
class Flow:
    """What one record counts: a 5-tuple in one direction, accepted or rejected.

    Attributes:
        outgoing: Away from the interface's owner.
        accepted: By security groups and network ACLs (FLOW-7).
        version: 4 or 6.
        sport, dport: 0 where the protocol has none, as ICMP (FLOW-6).
    """

    outgoing: bool
    accepted: bool
    version: int
    src: int
    dst: int
    proto: int
    sport: int
    dport: int


class LogStatus(StrEnum):
    """FLOW-12; nothing is ever skipped here, so there is no ``SKIPDATA``."""

    OK = "OK"
    NODATA = "NODATA"


@dataclass(frozen=True, slots=True)
class FlowRecord:
    """One record of a flow log.

    Attributes:
        flow_log_id: The flow log it belongs to.
        interface: Where it was logged.
        window: When its aggregation interval began, in seconds since 1970.
        flow: What was counted; None with ``NODATA``.
        packets: How many.
        octets: IP bytes (FLOW-6).
        tcp_flags: FLOW-10.
        start, end: Seconds since 1970 of the first and last packet; of a window without any, its own.
        next_hop: Where egress went.
        src_service, dst_service: AWS's names of the services that own the packet's addresses (FLOW-14).
    """

    flow_log_id: str
    interface: InterfaceFacts
    window: int
    flow: Flow | None
    packets: int
    octets: int
    tcp_flags: int
    start: int
    end: int
    next_hop: NextHop = NOWHERE
    src_service: str | None = None
    dst_service: str | None = None

    @property
    def log_status(self) -> LogStatus:
        """``OK``, or ``NODATA`` where there was nothing to count."""
        return LogStatus.NODATA if self.flow is None else LogStatus.OK
