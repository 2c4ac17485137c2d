"""The door of the room: folders of describe-* JSON and live accounts in, topology documents and notes out."""

from emulator.importers.imports import Import, import_folder, import_snapshot
from emulator.importers.notes import Note, NothingToImport

__all__ = ["Import", "Note", "NothingToImport", "import_folder", "import_snapshot"]
