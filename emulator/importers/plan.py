"""The document in the making: entries by section, where each comes from, and the notes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emulator.importers.notes import Code, Note
from emulator.importers.values import tag_name
from emulator.topology.build import natural
from emulator.topology.schema import SECTIONS

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator

    from emulator.importers.snapshot import Record, Snapshot

Entry = dict[str, Any]


class Plan:
    """What an import has made so far.

    Attributes:
        snapshot: What was read.
        region: The Region of the document: of most VPCs.
        sections: Entries by section and id, in the words of topology documents.
        origins: (section, id) → (file, line).
        titles: (section, id) → the ``Name`` tag.
        notes: What there is to say.
        foreign: Ids that are not modelled, or named and in no file → what they are.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.region = ""
        self.sections: dict[str, dict[str, Entry]] = {name: {} for name in SECTIONS}
        self.settings: Entry = {}
        self.origins: dict[tuple[str, str], tuple[str, int]] = {}
        self.titles: dict[tuple[str, str], str] = {}
        self.foreign: dict[str, str] = {}
        self.notes: list[Note] = snapshot.notes

    def put(self, section: str, name: str, entry: Entry, record: Record | None = None) -> Entry:
        """Add an entry; keys that are None or say nothing are left out."""
        kept = {key: value for key, value in entry.items() if value is not None and value not in ("", [])}
        self.sections[section][name] = kept
        if record is not None:
            self.origins[section, name] = (record.file, record.line)
            if title := tag_name(record.item):
                self.titles[section, name] = title
        return kept

    def has(self, section: str, name: str) -> bool:
        """Return whether the document has such an entry by now."""
        return name in self.sections[section]

    def each(self, section: str) -> Iterator[tuple[str, Entry]]:
        """Yield the entries of a section, which may be removed meanwhile."""
        yield from list(self.sections[section].items())

    def drop(self, section: str, name: str) -> None:
        """Take an entry back."""
        del self.sections[section][name]

    def note(self, where: Record | str, about: str, code: Code, sentence: str) -> None:
        """Keep a note."""
        file = where if isinstance(where, str) else where.file
        self.notes.append(Note(file, about, str(code), sentence))

    def note_kinds(self, where: Record, about: str, code: Code, kinds: Counter[str]) -> None:
        """Keep one note for each kind of thing that was met, with its number."""
        for kind, count in sorted(kinds.items()):
            self.note(where, about, code, f"{count} {kind}")

    def document(self) -> Entry:
        """Return the document as plain data, in the order of the schema."""
        made: Entry = {"region": self.region}
        for section, entries in self.sections.items():
            if entries:
                made[section] = {name: entries[name] for name in sorted(entries, key=natural)}
        if self.settings:
            made["settings"] = self.settings
        return made
