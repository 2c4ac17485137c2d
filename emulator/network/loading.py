"""Documents in, networks out: what a topology means once there are programs behind its services.

The topology room knows shapes and AWS's rules; which built-in programs there
are, and what options they take, is known to the services.  Here the two meet,
so that ``validate``, ``trace`` and ``run`` refuse the same documents.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from emulator.importers import NothingToImport, import_folder
from emulator.services import OptionError, program_named
from emulator.topology import TopologyError, apply_override
from emulator.topology.documents import read
from emulator.topology.problems import FILE, INVALID, DocumentError, Problem
from emulator.topology.steps import build

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from emulator.control import ControlPlane
    from emulator.topology.documents import Document


def load_topology(path: str | Path, overrides: Iterable[tuple[str, str]] = ()) -> ControlPlane:
    """Return the control plane that a topology document describes, with ``(key, value)`` overrides applied.

    Raises:
        TopologyError: with every problem there is, those of services' options included.
    """
    try:
        document = topology_document(path)
        refuse_other_kind(document, "steps", "a scenario, not a topology: name the topology it runs on")
        for key, value in overrides:
            document = apply_override(document, key, value)
        plane, problems = build(document)
    except DocumentError as error:
        raise TopologyError(error.problems) from None
    problems += _service_problems(document, plane)
    if problems:
        raise TopologyError(problems)
    return plane


def topology_document(path: str | Path) -> Document:
    """Return a topology's document: of a YAML file, or imported from a folder of ``aws ... describe-*`` JSON.

    Raises:
        DocumentError: if it cannot be read.
    """
    if not Path(path).is_dir():
        return read(path)
    try:
        return import_folder(path).document
    except NothingToImport as error:
        raise DocumentError([Problem(str(path), 1, 1, FILE, str(error).removeprefix(f"{path}: "))]) from None


def refuse_other_kind(document: Document, key: str, what: str) -> None:
    """Refuse a document whose ``key`` gives it away as one of the other kind, in one line instead of one a key.

    Raises:
        DocumentError: if the key is there.
    """
    if document.find((key,)) is not None:
        raise DocumentError([Problem.at(document.key_mark((key,)), INVALID, f"this is {what}")])


def topology_problems(path: str | Path) -> list[Problem]:
    """Return every problem of a topology document."""
    try:
        load_topology(path)
    except TopologyError as error:
        return error.problems
    return []


def _service_problems(document: Document, plane: ControlPlane) -> list[Problem]:
    """Make each service's and each host's program once, to hear what is wrong with its options."""
    problems = []
    for service in plane.services.values():
        names = (service.service_name, service.service_name.rpartition(".")[2])
        name = next((name for name in names if document.find(("services", name)) is not None), names[0])
        problems += _program_problems(document, ("services", name), service.application, service.options)
    for instance in plane.instances.values():
        place = ("instances", instance.instance_id)
        problems += _program_problems(document, place, instance.application, instance.options)
    for host in plane.external_hosts.values():
        problems += _program_problems(
            document, ("external_hosts", host.external_host_id), host.application, host.options
        )
    return problems


def _program_problems(
    document: Document, entry: tuple[str, str], application: str | None, options: Mapping[str, object]
) -> list[Problem]:
    if application is None:
        return []
    try:
        program_named(application, entry[1], "", options)
    except OptionError as error:
        place, _, sentence = str(error).partition(": ")
        return [Problem.at(document.mark((*entry, *place.split("."))), INVALID, f"{place}: {sentence}")]
    return []
