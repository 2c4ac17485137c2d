"""How a script can end other than by holding."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a script something stands; lines and columns count from 1."""

    path: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}"


class ScriptError(Exception):
    """The script does not parse."""

    def __init__(self, place: Place, message: str) -> None:
        super().__init__(f"{place}: {message}")
        self.place: Place = place
        self.message: str = message


class Unsupported(Exception):  # noqa: N818 - it is the script's, not a mistake
    """The script uses something that this room does not have; ``what`` names it."""

    def __init__(self, what: str, place: Place | None = None) -> None:
        super().__init__(f"{place}: unsupported: {what}" if place else f"unsupported: {what}")
        self.what: str = what
        self.place: Place | None = place


@dataclass(slots=True)
class Difference(Exception):  # noqa: N818 - a result
    """What happened is not what the script says.

    Attributes:
        place: The line of the script.
        what: Which part differs ("flags", "time", "result" ...).
        expected, actual: The two sides in the script's notation.
        exchanged: The last segments before it, oldest first.
    """

    place: Place
    what: str
    expected: str
    actual: str
    exchanged: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        lines = [
            f"{self.place.path}:{self.place.line}: differs in {self.what}",
            f"  expected: {self.expected}",
            f"  actual:   {self.actual}",
        ]
        if self.exchanged:
            lines.append("  exchanged before:")
            lines += [f"    {line}" for line in self.exchanged]
        return "\n".join(lines)
