"""The door of the room: topology files in, control planes or problems out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emulator.topology import documents
from emulator.topology.overrides import override
from emulator.topology.problems import DocumentError, Problem
from emulator.topology.schema import TopologyDocument
from emulator.topology.steps import build

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from emulator.control import ControlPlane
    from emulator.topology.documents import Document


class TopologyError(DocumentError):
    """A topology cannot be used; ``problems`` says everything that is wrong with it."""


def apply_override(document: Document, key: str, value: str) -> Document:
    """Return the topology with the value at ``key``, e.g. ``vpc_endpoints.api.az_bandwidth``, changed.

    Raises:
        DocumentError: if there is no such key or it cannot be set.
    """
    return override(document, key, value, TopologyDocument)


def load_document(document: Document) -> ControlPlane:
    """Return the control plane that a document describes.

    Raises:
        TopologyError: with every problem there is.
    """
    plane, problems = build(document)
    if problems:
        raise TopologyError(problems)
    return plane


def load(path: str | Path, overrides: Iterable[tuple[str, str]] = ()) -> ControlPlane:
    """Return the control plane that a file describes, with ``(key, value)`` overrides applied.

    Raises:
        TopologyError: with every problem there is.
    """
    try:
        return load_document(_read(path, overrides))
    except TopologyError:
        raise
    except DocumentError as error:
        raise TopologyError(error.problems) from None


def check(paths: Iterable[str | Path], overrides: Iterable[tuple[str, str]] = ()) -> list[Problem]:
    """Return every problem in all files, in the order of files, lines and columns."""
    problems: list[Problem] = []
    settings = tuple(overrides)
    for path in paths:
        try:
            problems += build(_read(path, settings))[1]
        except DocumentError as error:
            problems += error.problems
    return problems


def _read(path: str | Path, overrides: Iterable[tuple[str, str]]) -> Document:
    document = documents.read(path)
    for key, value in overrides:
        document = apply_override(document, key, value)
    return document
