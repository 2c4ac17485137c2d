"""An imported network as a YAML file for people.

Ids stand on lines of their own with the ``Name`` tag behind them; what is a
list in AWS's console is a list here, one rule or route per line.  The notes
stand at the head, so that they stay with the file.

The text is emitted here rather than by a YAML library because an account may
have tens of thousands of rules; reading it back gives the same data.

YAML 1.2.2: plain scalars (7.3.3) where nothing can be misread, else double-quoted ones (5.7, 7.3.1).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emulator.importers.imports import Import

_PLAIN: Final = re.compile(
    r"[A-Za-z][A-Za-z0-9_./*-]*"  # ids, names, words
    r"|\d{1,3}(?:\.\d{1,3}){3}(?:/\d{1,2})?"  # addresses and blocks
    r"|\d{1,5}-\d{1,5}|\d{1,9}s",  # ports, durations
    re.ASCII,
)
_WORDS: Final = re.compile(r"true|false|null|yes|no|on|off|y|n", re.IGNORECASE)
_ESCAPES: Final = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def yaml_of(made: Import) -> str:
    """Return the document as text, its notes as comments at the head."""
    return "\n".join([*_head(made), *_body(made)]) + "\n"


def _head(made: Import) -> Iterator[str]:
    yield f"# Imported by vpcemu from {_one_line(made.source)}."
    yield "# Ids are AWS's. Check it with `vpcemu validate`, ask it with `vpcemu trace`."
    if made.notes:
        yield "#"
        yield f"# {len(made.notes)} notes: what the import assumed, inferred or left out."
        for note in made.notes:
            yield f"#   {_one_line(str(note))}"


def _body(made: Import) -> Iterator[str]:
    for section, value in made.data.items():
        yield ""
        if not isinstance(value, dict):
            yield f"{section}: {_scalar(value)}"
            continue
        yield f"{section}:"
        for name, entry in value.items():
            title = made.titles.get((section, name), "")
            comment = f"  # {_one_line(title)}" if title else ""
            if not isinstance(entry, dict):
                yield f"  {_scalar(name)}: {_flow(entry)}"
            elif not entry:
                yield f"  {_scalar(name)}: {{}}{comment}"
            else:
                yield f"  {_scalar(name)}:{comment}"
                yield from _entry(entry)


def _entry(entry: dict[str, Any]) -> Iterator[str]:
    for key, value in entry.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            yield f"    {key}:"
            for element in value:
                yield f"      - {_flow(element)}"
        else:
            yield f"    {key}: {_flow(value)}"


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_scalar(str(key))}: {_flow(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_flow(one) for one in value) + "]"
    return _scalar(value)


def _scalar(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value)
    text = str(value)
    if _PLAIN.fullmatch(text) and not _WORDS.fullmatch(text):
        return text
    return '"' + "".join(_ESCAPES.get(letter) or _letter(letter) for letter in text) + '"'


def _letter(letter: str) -> str:
    code = ord(letter)
    if 0xD800 <= code <= 0xDFFF:
        return "\\uFFFD"  # half of a surrogate pair is no character
    if letter.isprintable():
        return letter
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _one_line(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text)
