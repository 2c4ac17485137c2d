"""What an import has to say: nothing is guessed or dropped in silence.

A note names the file, the id it is about, a code and a sentence.  Codes are
AWS's where Reachability Analyzer has one (section 13 of the facts), and
``EMU_...`` where it has none.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum


class Code(StrEnum):
    """Why there is a note."""

    UNSUPPORTED_COMPONENT = "UNSUPPORTED_COMPONENT"  # AWS has it, the emulator does not model it
    UNKNOWN_RESOURCE = "UNKNOWN_RESOURCE"  # named, and in none of the files
    UNKNOWN_PEERED_SGS = "UNKNOWN_PEERED_SGS"
    TGW_RTB_ROUTES_ARE_UNKNOWN = "TGW_RTB_ROUTES_ARE_UNKNOWN"
    EMU_IPV4_ONLY = "EMU_IPV4_ONLY"
    EMU_FILE = "EMU_FILE"  # a file that cannot be read
    EMU_UNKNOWN_KEY = "EMU_UNKNOWN_KEY"  # a file of something the import does not read
    EMU_INCOMPLETE = "EMU_INCOMPLETE"  # a list that goes on elsewhere, or that could not be fetched
    EMU_ASSUMED = "EMU_ASSUMED"  # the files do not say; what AWS does by default stands in
    EMU_INFERRED = "EMU_INFERRED"  # the files say it indirectly
    EMU_LEFT_OUT = "EMU_LEFT_OUT"
    EMU_DUPLICATE_ID = "EMU_DUPLICATE_ID"
    EMU_RAISED_QUOTA = "EMU_RAISED_QUOTA"
    EMU_RENAMED = "EMU_RENAMED"


@dataclass(frozen=True, slots=True, order=True)
class Note:
    """One thing a reader of the imported document should know.

    Attributes:
        file: The file it was seen in, relative to the folder; empty if it is about the whole.
        id: What it is about; empty if it is about the file.
        code: See :class:`Code`.
        sentence: What was found, and what was made of it.
    """

    file: str
    id: str
    code: str
    sentence: str

    def __str__(self) -> str:
        """The note on one line."""
        head = ": ".join(part for part in (self.file, self.code, self.id) if part)
        return f"{head}: {self.sentence}"

    def to_json(self) -> dict[str, str]:
        """Return the note as plain data."""
        return asdict(self)


class NothingToImport(Exception):  # noqa: N818 - it is the folder that is at fault
    """There is no VPC in what was read; ``notes`` says what was."""

    def __init__(self, where: str, why: str, notes: tuple[Note, ...] = ()) -> None:
        super().__init__(f"{where}: {why}")
        self.notes = notes
