"""From a snapshot to a document: which part is made after which.

AWS ids become the names of the document, so that answers speak of what people
see in their console.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from emulator.importers import balancers, endpoints, gateways, interfaces, quotas, rules, tables, transit, vpcs
from emulator.importers.documents import settled
from emulator.importers.folders import read_folder
from emulator.importers.notes import Note, NothingToImport
from emulator.importers.plan import Plan

if TYPE_CHECKING:
    from collections.abc import Callable

    from emulator.importers.snapshot import Snapshot
    from emulator.topology.documents import Document

STEPS: Final[tuple[Callable[[Plan], None], ...]] = (
    vpcs.vpcs,
    vpcs.subnets,
    gateways.not_modelled,
    rules.prefix_lists,
    rules.security_groups,
    rules.network_acls,
    interfaces.hosts,
    interfaces.addresses,
    gateways.internet_gateways,
    gateways.nat_gateways,
    gateways.nat_gateways_by_interface,
    gateways.vpn_gateways,
    transit.transit_gateways,
    gateways.customer_gateways,
    gateways.vpn_connections,
    gateways.virtual_interfaces,
    gateways.peering_connections,
    transit.attachments,
    transit.route_tables,
    endpoints.endpoints,
    balancers.target_groups,
    balancers.load_balancers,
    balancers.endpoint_services,
    tables.route_tables,
    tables.routes,
    endpoints.services,
    endpoints.gateway_prefix_lists,
    interfaces.orphans,
    quotas.raise_quotas,
)


@dataclass(frozen=True, slots=True)
class Import:
    """What an import made.

    Attributes:
        source: The folder or account it was made from.
        data: The topology document as plain data.
        document: The same with places, for building; problems point at the files it came from.
        notes: What a reader should know, in the order of files.
        titles: (section, id) → the ``Name`` tag, for comments.
    """

    source: str
    data: dict[str, Any]
    document: Document
    notes: tuple[Note, ...]
    titles: dict[tuple[str, str], str]


def import_folder(folder: str | Path) -> Import:
    """Return what a folder of ``aws ... describe-*`` JSON describes.

    Raises:
        NothingToImport: if there is no VPC in it.
    """
    return import_snapshot(read_folder(Path(folder)), str(folder))


def import_snapshot(snapshot: Snapshot, source: str) -> Import:
    """Return what a snapshot describes; ``source`` is what it is called.

    Raises:
        NothingToImport: if there is no VPC in it.
    """
    plan = Plan(snapshot)
    for step in STEPS:
        step(plan)
    document = settled(plan, source)
    notes = tuple(sorted(dict.fromkeys(plan.notes)))
    if not plan.sections["vpcs"]:
        raise NothingToImport(source, "holds no VPC that can be imported (aws ec2 describe-vpcs)", notes)
    return Import(source, plan.document(), document, notes, plan.titles)
