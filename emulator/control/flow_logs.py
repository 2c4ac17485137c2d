"""Flow logs: which interfaces are watched, and what is written down of them.

EC2's verbs on flow logs.  Destinations are all one here, files beside the
captures, so what AWS offers besides S3 is refused by name; what a record holds
is known to the room that observes.

AWS: VPC User Guide, "Logging IP traffic using VPC Flow Logs" (FLOW-1 to FLOW-16).
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING, Final, TypeVar

from emulator.control.errors import Ec2Error, invalid, unsupported
from emulator.control.state import State, listed, verb
from emulator.model.flow_logs import FIELD_VERSIONS, FileFormat, FlowLog, TrafficType

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

_Choice = TypeVar("_Choice", bound=StrEnum)

LIMIT: Final = 250
"""Flow logs per resource (FLOW-16)."""
INTERVALS: Final = (60, 600)  # FLOW-1

_FIELD = re.compile(r"\$\{([^${}]*)\}")
_NOT_FOUND: Final = {
    "subnet-": ("InvalidSubnetID.NotFound", "subnet"),
    "eni-": ("InvalidNetworkInterfaceID.NotFound", "networkInterface"),
}
_NO_VPC: Final = ("InvalidVpcID.NotFound", "vpc")


class FlowLogs(State):
    """Verbs on flow logs."""

    @verb
    def create_flow_logs(
        self,
        resource_ids: str | Iterable[str],
        *,
        traffic_type: str = "ALL",
        log_format: str | None = None,
        max_aggregation_interval: int = 600,
        file_format: str = "plain-text",
        log_destination_type: str = "s3",
        flow_log_ids: Iterable[str] = (),
    ) -> tuple[FlowLog, ...]:
        """Begin to log what passes some interfaces; one flow log per resource, all or none (EMU).

        Args:
            resource_ids: VPCs, subnets or interfaces; EMU: instances, endpoints and NAT gateways stand for their
                interfaces. One id may be that of things of two kinds: the first in this order is meant.
            traffic_type: ``ALL``, ``ACCEPT`` or ``REJECT``.
            log_format: Fields as AWS writes them, ``${srcaddr} ${dstaddr}``; None: the default format (FLOW-2).
            max_aggregation_interval: 60 or 600 seconds (FLOW-1).
            file_format: ``plain-text`` or ``parquet`` (EC2's ``DestinationOptions.FileFormat``).
            log_destination_type: ``s3``, for which files stand here.
            flow_log_ids: Of the new flow logs, in the order of the resources.

        Raises:
            Ec2Error: ``FlowLogAlreadyExists``, ``FlowLogsLimitExceeded`` (FLOW-16), ``InvalidParameter`` for a format.
        """
        traffic = _one_of(TrafficType, traffic_type, "traffic_type")
        files = _one_of(FileFormat, file_format, "file_format")
        if log_destination_type != "s3":
            what = f"the flow log destination {log_destination_type} is not modelled; files stand for s3"
            raise unsupported(what, "log_destination_type")
        if max_aggregation_interval not in INTERVALS:
            text = f"Invalid Flow Log Max Aggregation Interval: {max_aggregation_interval}. Valid values: 60, 600"
            raise Ec2Error("InvalidParameter", text, "max_aggregation_interval")
        fields = () if log_format is None else parse_format(log_format)
        names = listed(flow_log_ids)
        created: list[FlowLog] = []
        for index, resource_id in enumerate(listed(resource_ids)):
            self._check_resource(resource_id, (index,))
            wanted = names[index] if index < len(names) else None
            name = self._new_id(self.flow_logs, "fl", wanted, "flow_log_ids")
            flow_log = FlowLog(name, resource_id, traffic, fields, max_aggregation_interval, files)
            self._check_others(flow_log, (index,))
            self._put(self.flow_logs, name, flow_log)
            created.append(flow_log)
        if not created:
            raise Ec2Error("MissingParameter", "The request must contain the parameter ResourceIds", "resource_ids")
        return tuple(created)

    @verb
    def delete_flow_logs(self, flow_log_ids: str | Iterable[str]) -> None:
        """End flow logs; what they have written stays."""
        for index, name in enumerate(dict.fromkeys(listed(flow_log_ids))):
            if name not in self.flow_logs:
                text = f"The flow log ID '{name}' does not exist"
                raise Ec2Error("InvalidFlowLogId.NotFound", text, "flow_log_ids", (index,))
            self._remove(self.flow_logs, name)

    def describe_flow_logs(
        self, flow_log_ids: str | Iterable[str] = (), *, resource_ids: str | Iterable[str] = ()
    ) -> tuple[FlowLog, ...]:
        """Return flow logs: those named, or all; and of those the ones of certain resources, if any are given.

        Raises:
            Ec2Error: ``InvalidFlowLogId.NotFound``.
        """
        names, resources = listed(flow_log_ids), listed(resource_ids)
        for index, name in enumerate(names):
            if name not in self.flow_logs:
                text = f"The flow log ID '{name}' does not exist"
                raise Ec2Error("InvalidFlowLogId.NotFound", text, "flow_log_ids", (index,))
        found = [self.flow_logs[name] for name in names] if names else list(self.flow_logs.values())
        return tuple(one for one in found if not resources or one.resource_id in resources)

    def interfaces_of(self, flow_log: FlowLog) -> tuple[str, ...]:
        """Return the interfaces that a flow log watches now: also those that came after it."""
        name = flow_log.resource_id
        if name in self.vpcs:
            return tuple(eni for eni, one in self.network_interfaces.items() if one.vpc_id == name)
        if name in self.subnets:
            return tuple(eni for eni, one in self.network_interfaces.items() if one.subnet_id == name)
        if name in self.network_interfaces:
            return (name,)
        if name in self.instances:
            return self.instances[name].network_interface_ids
        if name in self.vpc_endpoints:
            return self.vpc_endpoints[name].network_interface_ids
        if name in self.nat_gateways:
            return (self.nat_gateways[name].network_interface_id,)
        return ()  # it was deleted after the flow log began

    def _check_resource(self, resource_id: str, path: tuple[str | int, ...]) -> None:
        known = (
            self.vpcs,
            self.subnets,
            self.network_interfaces,
            self.instances,
            self.vpc_endpoints,
            self.nat_gateways,
        )
        if any(resource_id in records for records in known):
            return
        foreign: dict[str, Collection[str]] = {
            "transit gateways": self.transit_gateways,
            "transit gateway attachments": self.transit_gateway_attachments,
        }
        for what, records in foreign.items():
            if resource_id in records:
                raise unsupported(f"flow logs of {what} are not modelled ({resource_id})", "resource_ids", path)
        code, what = next((line for head, line in _NOT_FOUND.items() if resource_id.startswith(head)), _NO_VPC)
        raise Ec2Error(code, f"The {what} ID '{resource_id}' does not exist", "resource_ids", path)

    def _check_others(self, flow_log: FlowLog, path: tuple[str | int, ...]) -> None:
        others = [one for one in self.flow_logs.values() if one.resource_id == flow_log.resource_id]
        for one in others:
            if _configuration(one) == _configuration(flow_log):
                text = "There is an existing Flow Log with the same configuration and log destination."
                raise Ec2Error("FlowLogAlreadyExists", f"{text} ({one.flow_log_id})", "resource_ids", path)
        if len(others) >= LIMIT:
            text = f"The maximum number of flow logs for '{flow_log.resource_id}' has been reached. ({LIMIT})"
            raise Ec2Error("FlowLogsLimitExceeded", text, "resource_ids", path)


def parse_format(text: str) -> tuple[str, ...]:
    """Return the field names of a custom format, ``${version} ${srcaddr}`` (FLOW-2).

    Raises:
        Ec2Error: ``InvalidParameter``, if it is none or names a field that there is not.
    """
    names = tuple(_FIELD.findall(text))
    rest = _FIELD.sub("", text)
    if not names or rest.strip():
        what = f"near '{rest.split()[0]}'" if rest.strip() else "it names no field"
        shape = "fields are written ${field-id}, separated by spaces"
        raise Ec2Error("InvalidParameter", f"LogFormat is invalid: {what}; {shape}", "log_format")
    unknown = [name for name in names if name not in FIELD_VERSIONS]
    if unknown:
        text = f"LogFormat is invalid: unknown fields provided: {', '.join(unknown)}"
        raise Ec2Error("InvalidParameter", text, "log_format")
    twice = [name for index, name in enumerate(names) if name in names[:index]]
    if twice:
        text = f"LogFormat is invalid: duplicate fields provided: {', '.join(dict.fromkeys(twice))}"
        raise Ec2Error("InvalidParameter", text, "log_format")
    return names


def _configuration(flow_log: FlowLog) -> tuple[object, ...]:
    """Return what makes two flow logs of one resource the same."""
    return flow_log.traffic_type, flow_log.log_format, flow_log.max_aggregation_interval, flow_log.file_format


def _one_of(choices: type[_Choice], value: str, parameter: str) -> _Choice:
    try:
        return choices(value)
    except ValueError:
        known = ", ".join(choices)
        raise invalid(f"Value ({value}) is invalid. Valid values: {known}", parameter) from None
