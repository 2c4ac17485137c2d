"""Reading the options that a document gives a service.

Each reader checks one value and names it in full if it is wrong; `done` then
names what nobody read, so that a misspelt option is an error and not a default.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Final

_MISSING: Final = object()
_DURATION: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ns|us|ms|s|min|h)", re.ASCII)
_RATE: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)(bps|kbps|Mbps|Gbps)", re.ASCII)
_RATES: Final = {"bps": 1, "kbps": 10**3, "Mbps": 10**6, "Gbps": 10**9}
_UNITS: Final = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9, "min": 60 * 10**9, "h": 3600 * 10**9}


class OptionError(ValueError):
    """An option that is unknown or of the wrong kind; the message names it."""


class Options:
    """A table of options, and its place in the document."""

    def __init__(self, values: object, place: str = "options") -> None:
        """``values`` is the table, as the document gave it; None is an empty one."""
        if values is not None and not isinstance(values, Mapping):
            raise OptionError(f"{place}: expected a table, not {values!r}")
        self._values: dict[object, object] = dict(values or {})
        self._read: set[object] = set()
        self.place = place

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def integer(self, name: str, default: int | None = None, maximum: int | None = None) -> int:
        """Return a whole number, not negative."""
        value = self._take(name, default)
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise OptionError(f"{self.at(name)}: expected a whole number that is not negative, not {value!r}")
        if maximum is not None and value > maximum:
            raise OptionError(f"{self.at(name)}: at most {maximum}, not {value}")
        return int(value)

    def flag(self, name: str, default: bool) -> bool:
        """Return true or false."""
        value = self._take(name, default)
        if not isinstance(value, bool):
            raise OptionError(f"{self.at(name)}: expected true or false, not {value!r}")
        return value

    def text(self, name: str, default: str | None = None) -> str:
        """Return a text."""
        value = self._take(name, default)
        if not isinstance(value, str):
            raise OptionError(f"{self.at(name)}: expected a text, not {value!r}")
        return str(value)

    def duration(self, name: str, default: int = 0) -> int:
        """Return nanoseconds, of ``250us``, ``10ms`` or ``5s``."""
        value = self._take(name, default)
        match = _DURATION.fullmatch(value) if isinstance(value, str) else None
        if match is not None:
            return round(float(match[1]) * _UNITS[match[2]])
        if value != 0 or isinstance(value, bool):
            if value == default:
                return default
            raise OptionError(f"{self.at(name)}: expected a duration like 10ms, not {value!r}")
        return 0

    def rate(self, name: str) -> int:
        """Return bits per second, of ``10Mbps``."""
        value = self._take(name, None)
        match = _RATE.fullmatch(value) if isinstance(value, str) else None
        bits = round(float(match[1]) * _RATES[match[2]]) if match else 0
        if not bits:
            raise OptionError(f"{self.at(name)}: expected a rate like 10Mbps, not {value!r}")
        return bits

    def document(self, name: str) -> str | None:
        """Return a JSON document, given as text or as YAML, as text; None if it is left out."""
        value = self._take(name, "")
        if isinstance(value, Mapping):
            return json.dumps(value, default=str)  # YAML makes a date of 2012-10-17
        if not isinstance(value, str):
            raise OptionError(f"{self.at(name)}: expected a JSON document, not {value!r}")
        return str(value) or None

    def table(self, name: str) -> Options:
        """Return a table within this one; empty if it is left out."""
        return Options(self._take(name, {}), self.at(name))

    def tables(self) -> dict[str, Options]:
        """Return every value as a table: the names are the user's own."""
        for name in self._values:
            if not isinstance(name, str):
                raise OptionError(f"{self.place}: the name {name!r} is not a text; put it in quotes")
        return {str(name): self.table(str(name)) for name in self._values}

    def texts(self) -> dict[str, str]:
        """Return every value as a text, in order: the names are the user's own."""
        return {str(name): self.text(str(name)) for name in self._values}

    def sequence(self, name: str) -> list[object]:
        """Return a list; empty if it is left out."""
        value = self._take(name, [])
        if not isinstance(value, list | tuple):
            raise OptionError(f"{self.at(name)}: expected a list, not {value!r}")
        return list(value)

    def done(self, *known: str) -> None:
        """Nothing else is known here: name the first option that was not read."""
        for name in self._values:
            if name not in self._read:
                raise OptionError(f"{self.place}: unknown option {name!r}; known are {', '.join(known)}")

    def at(self, name: str) -> str:
        """The place of an option, as messages write it."""
        return f"{self.place}.{name}"

    def _take(self, name: str, default: object) -> object:
        self._read.add(name)
        value = self._values.get(name, _MISSING)
        if value is _MISSING:
            if default is None:
                raise OptionError(f"{self.at(name)}: missing")
            return default
        return value
