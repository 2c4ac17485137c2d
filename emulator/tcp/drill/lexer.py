"""A script's text as tokens, each with its place."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from emulator.tcp.drill.errors import Place, ScriptError, Unsupported

LONGEST_SCRIPT: Final = 1 << 20
"""Octets; the longest published script has 60,000."""

# As packetdrill's lexer.l: of several rules that match, the longest match wins; here the order does that.
_TOKENS: Final = re.compile(
    r"""
    (?P<space>[ \t\r\f\v\n]+)
  | (?P<comment>//[^\n]*|/\*.*?\*/)
  | (?P<hash>\#[^\n]*)
  | (?P<code>%\{.*?\}%)
  | (?P<command>`(?:\\.|[^`\\])*`)
  | (?P<string>"(?:\\.|[^"\\])*")
  | (?P<option>--[A-Za-z0-9_]+(?:=(?:`[^`\n]*`|"[^"\n]*"|[^\s"`]+)+)?)
  | (?P<address>\d+\.\d+\.\d+\.\d+)
  | (?P<ellipsis>\.\.\.)
  | (?P<hexadecimal>0x[0-9a-fA-F]+(?![A-Za-z0-9_]))
  | (?P<word>\d*[A-Za-z_][A-Za-z0-9_]*)
  | (?P<float>-?\d*\.\d+)
  | (?P<integer>-?\d+)
  | (?P<mark>[^\s])
    """,
    re.VERBOSE | re.DOTALL,
)
_DIRECTIVE: Final = re.compile(r"#\s*(ifdef|ifndef|else|endif|define|include)\b\s*(\w*)")


@dataclass(frozen=True, slots=True)
class Token:
    """One token: ``kind`` is the name of the rule, ``end`` the offset behind it."""

    kind: str
    text: str
    place: Place
    start: int
    end: int


class _Conditions:
    """Which of the lines between ``#ifdef`` and ``#endif`` count."""

    def __init__(self, symbols: frozenset[str]) -> None:
        self.symbols: frozenset[str] = symbols
        self.open: list[tuple[bool, Place]] = []

    def holds(self) -> bool:
        return all(taken for taken, _ in self.open)

    def read(self, line: str, place: Place) -> None:
        match = _DIRECTIVE.match(line)
        if match is None:
            return  # a comment
        name, symbol = match.groups()
        if name in {"ifdef", "ifndef"}:
            self.open.append(((symbol in self.symbols) == (name == "ifdef"), place))
        elif name not in {"else", "endif"}:
            raise Unsupported(f"#{name}", place)
        elif not self.open:
            raise ScriptError(place, f"#{name} without #ifdef")
        else:
            taken, began = self.open.pop()
            if name == "else":
                self.open.append((not taken, began))


def tokens(text: str, path: str, symbols: frozenset[str] = frozenset()) -> list[Token]:
    """Return the tokens of a script, with one of kind ``end`` behind the last.

    Args:
        text: The script.
        path: Its name, for messages.
        symbols: What ``#ifdef`` finds defined.

    Raises:
        ScriptError: if the script is too long, or something that was begun has no end.
        Unsupported: for ``#define`` and ``#include``.
    """
    if len(text) > LONGEST_SCRIPT:
        raise ScriptError(Place(path, 1, 1), f"the script is longer than {LONGEST_SCRIPT} characters")
    found: list[Token] = []
    conditions = _Conditions(symbols)
    line, line_start = 1, 0
    at = 0
    while at < len(text):
        match = _TOKENS.match(text, at)
        assert match is not None  # the last rule takes anything
        kind = match.lastgroup
        assert kind is not None
        lexeme = match.group()
        place = Place(path, line, at - line_start + 1)
        opening = next((o for o in ("`", '"', "%{", "/*") if text.startswith(o, at)), "") if kind == "mark" else ""
        if opening:
            raise ScriptError(place, f"{opening} without its end")
        if kind == "hash":
            conditions.read(lexeme, place)
        elif kind not in {"space", "comment"} and conditions.holds():
            found.append(Token(kind, lexeme, place, at, match.end()))
        breaks = lexeme.count("\n")
        if breaks:
            line += breaks
            line_start = at + lexeme.rindex("\n") + 1
        at = match.end()
    if conditions.open:
        raise ScriptError(conditions.open[-1][1], "#ifdef without #endif")
    found.append(Token("end", "end of script", Place(path, line, at - line_start + 1), at, at))
    return found
