"""``vpcemu import``: a folder of describe-* JSON, or a live account, as a topology file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import typer

from emulator.importers import NothingToImport, import_folder, import_snapshot
from emulator.importers.live import CannotConnect, read_account
from emulator.importers.writing import yaml_of
from emulator.topology.documents import MAX_BYTES, MAX_VALUES

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from emulator.importers import Import, Note

STANDARD_OUTPUT = "-"


def make_import(folder: Path | None, profile: str | None, regions: list[str], endpoint_url: str | None) -> Import:
    """Read a folder or, without one, an account.

    Raises:
        NothingToImport: if there is no VPC.
        CannotConnect: if the account cannot be read at all.
    """
    if folder is not None:
        return import_folder(folder)
    source = " ".join(["an account", *(f"in {name}" for name in regions), *([f"({profile})"] if profile else [])])
    return import_snapshot(read_account(profile, tuple(regions), endpoint_url), source)


def write(made: Import, output: Path, *, as_json: bool) -> None:
    """Write the topology, and print the notes or, as JSON, what was made."""
    content = yaml_of(made)
    printed = str(output) == STANDARD_OUTPUT
    if printed:
        typer.echo(content, nl=False)
    else:
        output.write_text(content, "utf-8")
    if len(content.encode()) > MAX_BYTES or made.document.root.weight > MAX_VALUES:
        typer.echo(f"{output}: larger than the emulator reads from one file: use the folder itself", err=True)
    counts = {section: len(value) for section, value in made.data.items() if isinstance(value, dict)}
    if as_json and not printed:
        answer = {"source": made.source, "output": str(output), "counts": counts, "notes": _plain(made.notes)}
        typer.echo(json.dumps(answer, indent=2, ensure_ascii=False))
        return
    say(made.notes)
    if not printed:
        listed = ", ".join(f"{number} {section.replace('_', ' ')}" for section, number in counts.items())
        typer.echo(f"{output}: {listed}")
        typer.echo(f"{len(made.notes)} notes (on standard error, and at the head of the file)")


def say(notes: Iterable[Note]) -> None:
    """Print notes on standard error."""
    for note in notes:
        typer.echo(str(note), err=True)


def _plain(notes: Iterable[Note]) -> list[dict[str, str]]:
    return [note.to_json() for note in notes]


__all__ = ["CannotConnect", "NothingToImport", "make_import", "say", "write"]
