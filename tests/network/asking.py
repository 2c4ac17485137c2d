"""Questions asked of documents, for tests that read like the specification."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emulator import Network
from emulator.topology import load_document
from emulator.topology.documents import parse

if TYPE_CHECKING:
    from emulator.network.explanations import Explanation


def network_of(text: str) -> Network:
    """Return the network of a topology document."""
    return Network(load_document(parse(text)))


def explained(network: Network | str, source: str, to: str, **options: Any) -> Explanation:
    """Ask, and return the answer with its reasons."""
    if isinstance(network, str):
        network = network_of(network)
    return network.explain(source, to, **options)


def blockers(found: Explanation) -> list[str]:
    """Return what is in the way, each as ``way gate at component: REASON``."""
    assert found.repair is not None
    return [f"{one.way} {one.gate} at {one.ending.component}: {one.ending.reason}" for one in found.repair.blockers]


def changes(found: Explanation) -> list[str]:
    """Return what would make it pass, as people read it; nothing if nothing would."""
    assert found.repair is not None
    assert found.repair.works is bool(found.repair.changes)
    return [str(change) for change in found.repair.changes]
