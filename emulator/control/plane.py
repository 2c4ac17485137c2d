"""The control plane: EC2's verbs on the records of one Region (D5).

A document, a scenario's timed event, an importer and a test all change a
network through this class, so all are checked alike and fail with the same AWS
error.  Each subject's verbs stand in a module of their own; this one only puts
them together.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

from emulator.control.compile import compile_tables
from emulator.control.endpoints import Endpoints
from emulator.control.faults import Faults
from emulator.control.flow_logs import FlowLogs
from emulator.control.hosted_zones import HostedZones
from emulator.control.identities import Identities
from emulator.control.network_acls import NetworkAcls
from emulator.control.outside import Outside
from emulator.control.peering import Peering
from emulator.control.quotas import check_quotas
from emulator.control.resolver_endpoints import ResolverEndpoints
from emulator.control.resource_shares import ResourceShares
from emulator.control.transit_gateways import TransitGateways

if TYPE_CHECKING:
    from emulator.flows.tables import Tables
    from emulator.model.settings import Settings


class ControlPlane(
    Endpoints,
    TransitGateways,
    Peering,
    NetworkAcls,
    Outside,
    FlowLogs,
    Faults,
    ResourceShares,
    HostedZones,
    ResolverEndpoints,
    Identities,
):
    """Everything a user may do to a network; what names no Region is in ``region``.

    Verbs are named as EC2's in snake case and take EC2's parameters in snake case. Ids are optional;
    without one, ``vpc-00000001`` and so on are counted. A verb that raises
    :class:`~emulator.control.errors.Ec2Error` has changed nothing.
    """

    def __init__(self, region: str, settings: Settings | None = None) -> None:
        super().__init__(region, settings)
        check_quotas(self.settings)
        self._add_built_in_services()
        self._compiled: Tables | None = None

    def tables(self) -> Tables:
        """Return the lookup tables of the present generation, which packets meet."""
        if self._compiled is None or self._compiled.generation != self.generation:
            self._compiled = compile_tables(self)
        return self._compiled


def verbs() -> dict[str, inspect.Signature]:
    """Return every verb by its name, with the parameters it takes."""
    found = {}
    for name, method in inspect.getmembers(ControlPlane, inspect.isfunction):
        if getattr(method, "is_verb", False):
            signature = inspect.signature(method)
            found[name] = signature.replace(parameters=list(signature.parameters.values())[1:])
    return found
