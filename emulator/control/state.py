"""What a control plane holds, and what makes a verb a verb.

Every verb either happens or does not: changes go through :meth:`State.put` and
:meth:`State.remove`, which keep a journal, and a verb that raises is undone
from it.  A verb that returns bumps ``generation`` once, so that paths compiled
from older tables are walked anew (D2).  Records are replaced, never mutated.

This module knows records and ids, and no rule of AWS but the texts for ids
that lead nowhere.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any, Concatenate, Final, ParamSpec, TypeVar

from emulator.control.errors import Ec2Error, invalid
from emulator.model.resources import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from emulator.model.resources import (
        Instance,
        NetworkAcl,
        NetworkInterface,
        PrefixList,
        RouteTable,
        SecurityGroup,
        Service,
        Subnet,
        Vpc,
        VpcEndpoint,
        VpcPeeringConnection,
    )

_S = TypeVar("_S", bound="State")
_P = ParamSpec("_P")
_R = TypeVar("_R")
_T = TypeVar("_T")

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", re.ASCII)
_MISSING: Final = object()

LOCAL: Final = "local"
COMPONENTS: Final = ("eni", "vpce")
"""Kinds whose ids packets are delivered by, so that no two may share one."""


def verb(method: Callable[Concatenate[_S, _P], _R]) -> Callable[Concatenate[_S, _P], _R]:
    """Make a method one of EC2's verbs: all or nothing, counted once, its name in its errors."""
    operation = "".join(word.capitalize() for word in method.__name__.split("_"))

    @functools.wraps(method)
    def call(self: _S, /, *args: _P.args, **kwargs: _P.kwargs) -> _R:
        assert not self._journal, "verbs do not call verbs"
        try:
            result = method(self, *args, **kwargs)
        except BaseException as error:
            self._undo()
            if isinstance(error, Ec2Error):
                error.operation = operation
            raise
        self._journal.clear()
        self.generation += 1
        return result

    return call


class State:
    """The records of one Region by id, and the generation of the last change.

    Attributes:
        region: The Region this control plane stands for.
        settings: Quotas and knobs, fixed for its life.
        generation: How many verbs have succeeded.
        vpcs, subnets, route_tables, ...: Frozen records by id. Read them; only verbs change them.
    """

    def __init__(self, region: str, settings: Settings | None = None) -> None:
        self.region = region
        self.settings = settings or Settings()
        self.generation = 0
        self.vpcs: dict[str, Vpc] = {}
        self.subnets: dict[str, Subnet] = {}
        self.route_tables: dict[str, RouteTable] = {}
        self.security_groups: dict[str, SecurityGroup] = {}
        self.network_acls: dict[str, NetworkAcl] = {}
        self.prefix_lists: dict[str, PrefixList] = {}
        self.network_interfaces: dict[str, NetworkInterface] = {}
        self.instances: dict[str, Instance] = {}
        self.vpc_endpoints: dict[str, VpcEndpoint] = {}
        self.vpc_peering_connections: dict[str, VpcPeeringConnection] = {}
        self.services: dict[str, Service] = {}
        self._counters: dict[str, int] = {}
        self._journal: list[tuple[dict[str, Any], str, object]] = []

    # -- changing --------------------------------------------------------------

    def _put(self, records: dict[str, _T], record_id: str, record: _T) -> None:
        """Add or replace a record."""
        self._journal.append((records, record_id, records.get(record_id, _MISSING)))
        records[record_id] = record

    def _remove(self, records: dict[str, _T], record_id: str) -> None:
        """Remove a record that is there."""
        self._journal.append((records, record_id, records[record_id]))
        del records[record_id]

    def _undo(self) -> None:
        """Take back everything since the verb began, newest first."""
        for records, record_id, before in reversed(self._journal):
            if before is _MISSING:
                del records[record_id]
            else:
                records[record_id] = before
        self._journal.clear()

    def _new_id(self, records: dict[str, _T], kind: str, given: str | None, parameter: str) -> str:
        """Return the id for a new record: the user's, or the next ``<kind>-00000001``."""
        if given is None:
            number = self._counters.get(kind, 0)
            while (name := f"{kind}-{number + 1:08x}") in records:
                number += 1
            self._put(self._counters, kind, number + 1)
            return name
        if not _ID.fullmatch(given):
            raise invalid(
                f"Invalid id: '{given}' (letters, digits, dots, dashes and underscores, at most 128)", parameter
            )
        if given == LOCAL:
            raise invalid(f"The id '{LOCAL}' is the target of every VPC's own routes", parameter)
        if kind in COMPONENTS and (given in self.network_interfaces or given in self.vpc_endpoints):
            raise invalid(f"The id '{given}' is already in use by an interface or an endpoint", parameter)
        if given in records:
            raise invalid(f"The id '{given}' is already in use", parameter)
        return given

    # -- finding ---------------------------------------------------------------

    def _vpc(self, vpc_id: str, parameter: str = "vpc_id") -> Vpc:
        return _find(self.vpcs, vpc_id, "InvalidVpcID.NotFound", "The vpc ID '{}' does not exist", parameter)

    def _subnet(self, subnet_id: str, parameter: str = "subnet_id", path: tuple[str | int, ...] = ()) -> Subnet:
        text = "The subnet ID '{}' does not exist"
        return _find(self.subnets, subnet_id, "InvalidSubnetID.NotFound", text, parameter, path)

    def _route_table(
        self, route_table_id: str, parameter: str = "route_table_id", path: tuple[str | int, ...] = ()
    ) -> RouteTable:
        text = "The routeTable ID '{}' does not exist"
        return _find(self.route_tables, route_table_id, "InvalidRouteTableID.NotFound", text, parameter, path)

    def _security_group(
        self, group_id: str, parameter: str = "group_id", path: tuple[str | int, ...] = ()
    ) -> SecurityGroup:
        text = "The security group '{}' does not exist"
        return _find(self.security_groups, group_id, "InvalidGroup.NotFound", text, parameter, path)

    def _network_acl(self, network_acl_id: str, parameter: str = "network_acl_id") -> NetworkAcl:
        text = "The networkAcl ID '{}' does not exist"
        return _find(self.network_acls, network_acl_id, "InvalidNetworkAclID.NotFound", text, parameter)

    def _prefix_list(self, prefix_list_id: str, parameter: str = "prefix_list_id") -> PrefixList:
        text = "The prefix list ID '{}' does not exist"
        return _find(self.prefix_lists, prefix_list_id, "InvalidPrefixListID.NotFound", text, parameter)

    def _network_interface(
        self, network_interface_id: str, parameter: str = "network_interface_id"
    ) -> NetworkInterface:
        text = "The networkInterface ID '{}' does not exist"
        code = "InvalidNetworkInterfaceID.NotFound"
        return _find(self.network_interfaces, network_interface_id, code, text, parameter)

    def _instance(self, instance_id: str, parameter: str = "instance_id", path: tuple[str | int, ...] = ()) -> Instance:
        text = "The instance ID '{}' does not exist"
        return _find(self.instances, instance_id, "InvalidInstanceID.NotFound", text, parameter, path)

    def _vpc_endpoint(
        self, vpc_endpoint_id: str, parameter: str = "vpc_endpoint_id", path: tuple[str | int, ...] = ()
    ) -> VpcEndpoint:
        text = "The Vpc Endpoint Id '{}' does not exist"  # ERR-1
        return _find(self.vpc_endpoints, vpc_endpoint_id, "InvalidVpcEndpointId.NotFound", text, parameter, path)

    def _peering(
        self, vpc_peering_connection_id: str, parameter: str = "vpc_peering_connection_id"
    ) -> VpcPeeringConnection:
        text = "The vpcPeeringConnection ID '{}' does not exist"
        code = "InvalidVpcPeeringConnectionID.NotFound"
        return _find(self.vpc_peering_connections, vpc_peering_connection_id, code, text, parameter)


def _find(
    records: dict[str, _T], record_id: str, code: str, text: str, parameter: str, path: tuple[str | int, ...] = ()
) -> _T:
    record = records.get(record_id)
    if record is None:
        raise Ec2Error(code, text.format(record_id), parameter, path)
    return record


def listed(value: str | Iterable[str]) -> tuple[str, ...]:
    """Return the ids of a parameter that takes several; a lone string is one id."""
    return (value,) if isinstance(value, str) else tuple(value)
