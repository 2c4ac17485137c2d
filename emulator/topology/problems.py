"""What is wrong with a document, and where.

Every problem of every document has this one shape, so that a person sees
``file:line:column: CODE: message`` whatever went wrong.  Codes are AWS's where
a verb refused; ``UNSUPPORTED_COMPONENT`` names what AWS has and the emulator
does not model (D6); ``EMU_FILE`` and ``EMU_YAML`` are about the file itself.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

FILE: Final = "EMU_FILE"
YAML: Final = "EMU_YAML"
UNKNOWN: Final = "UnknownParameter"
MISSING: Final = "MissingParameter"
INVALID: Final = "InvalidParameterValue"


@dataclass(frozen=True, slots=True, order=True)
class Mark:
    """A place in a file; lines and columns count from one."""

    file: str
    line: int
    column: int


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing to put right."""

    file: str
    line: int
    column: int
    code: str
    message: str

    @classmethod
    def at(cls, mark: Mark, code: str, message: str) -> Problem:
        """Return a problem at a mark."""
        return cls(mark.file, mark.line, mark.column, code, message)

    def __str__(self) -> str:
        """The problem on one line, as editors and people read it."""
        return f"{self.file}:{self.line}:{self.column}: {self.code}: {self.message}"


class DocumentError(Exception):
    """A document cannot be used; ``problems`` says everything that is wrong with it."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = sorted(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ``: did you mean "web"?`` or, when nothing is close, an empty text."""
    match = closest(word, known)
    return f': did you mean "{match}"?' if match else ""


def closest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that is most like ``word``, if any is much like it."""
    by_lower = {name.lower(): name for name in sorted(known, reverse=True)}
    matches = difflib.get_close_matches(word.lower(), by_lower, n=1, cutoff=0.6)
    return by_lower[matches[0]] if matches else None
