"""Questions asked of documents, for tests that read like the specification."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emulator.flows.conntrack import FlowState
from emulator.network.explanations import Explanation, explain
from emulator.network.naming import Names
from emulator.network.questions import ask
from emulator.topology import load_document
from emulator.topology.documents import parse

if TYPE_CHECKING:
    from emulator.control import ControlPlane
    from emulator.observe.explain import RoundTrip


def plane_of(text: str) -> ControlPlane:
    """Return the network of a topology document."""
    return load_document(parse(text, "network.yaml"))


def asked(plane: ControlPlane | str, source: str, to: str, **options: Any) -> RoundTrip:
    """Ask once."""
    plane = plane_of(plane) if isinstance(plane, str) else plane
    return ask(plane, Names(plane), FlowState(), 0, source, to, **options)


def explained(plane: ControlPlane | str, source: str, to: str, **options: Any) -> Explanation:
    """Ask, and return the answer with its reasons."""
    plane = plane_of(plane) if isinstance(plane, str) else plane
    return explain(plane, lambda one: asked(one, source, to, **options))


def blockers(found: Explanation) -> list[str]:
    """Return what is in the way, each as ``way gate at component: REASON``."""
    assert found.repair is not None
    return [f"{one.way} {one.gate} at {one.ending.component}: {one.ending.reason}" for one in found.repair.blockers]


def changes(found: Explanation) -> list[str]:
    """Return what would make it pass, as people read it; nothing if nothing would."""
    assert found.repair is not None
    assert found.repair.works is bool(found.repair.changes)
    return [str(change) for change in found.repair.changes]
