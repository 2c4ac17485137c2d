"""Text with wildcards and policy variables, as Action, Resource and condition values have it.

``*`` is any run of characters and ``?`` any one.  In policies of the Version
2012-10-17 ``${aws:username}`` stands for a key of the request, ``${aws:username,
'nobody'}`` has a default for requests without it, and ``${*}``, ``${?}`` and
``${$}`` are those characters themselves.  What a variable brings in is text: a
``*`` in a tag's value is no wildcard.

AWS: IAM User Guide, "IAM policy elements: Variables and tags".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

Keys: TypeAlias = "Mapping[str, tuple[str, ...]]"
"""The condition keys of a request, in lower case, and their values."""

ARN_PARTS: Final = 6
COLON: Final = ":"

_VARIABLE: Final = re.compile(r"\$\{(?P<name>[^{},]*)(?:,\s*'(?P<default>[^'{}]*)'\s*)?\}")
_ESCAPED: Final = ("*", "?", "$")
_NAME: Final = re.compile(r"[A-Za-z0-9-]+:[^\s]+", re.ASCII)


class Wild(Enum):
    """A wildcard."""

    ANY = "*"
    ONE = "?"


@dataclass(frozen=True, slots=True)
class Variable:
    """A policy variable: the name of a condition key, and what stands for it where a request has none."""

    name: str
    default: str | None = None


Token: TypeAlias = "str | Wild | Variable"  # noqa: S105 - no password
"""One literal character, a wildcard or a variable."""

Atom: TypeAlias = "str | Wild"


@dataclass(frozen=True, slots=True)
class Pattern:
    """A text as written, and what it is made of."""

    text: str
    tokens: tuple[Token, ...]

    def resolved(self, keys: Keys) -> tuple[Atom, ...] | None:
        """Return the pattern with its variables filled in; None if the request has no one value for one of them."""
        atoms: list[Atom] = []
        for token in self.tokens:
            if not isinstance(token, Variable):
                atoms.append(token)
                continue
            values = keys.get(token.name.lower(), ())
            value = values[0] if len(values) == 1 else token.default
            if value is None:
                return None
            atoms.extend(value)
        return tuple(atoms)

    def matches(self, text: str, keys: Keys) -> bool:
        """Return whether the whole of ``text`` is covered."""
        atoms = self.resolved(keys)
        return atoms is not None and covers(atoms, text)

    def equals(self, text: str, keys: Keys) -> bool:
        """Return whether this is ``text``, wildcards being characters like any other."""
        atoms = self.resolved(keys)
        return atoms is not None and "".join(a.value if isinstance(a, Wild) else a for a in atoms) == text

    def matches_arn(self, arn: str, keys: Keys) -> bool:
        """Return whether an ARN is covered, part by part; missing last parts of the pattern are ``*``.

        A pattern of ``*`` alone covers everything.
        """
        if self.tokens == (Wild.ANY,):
            return True
        atoms = self.resolved(keys)
        if atoms is None:
            return False
        wanted, found = split_arn(atoms), arn.split(":", ARN_PARTS - 1)
        wanted += [(Wild.ANY,)] * (ARN_PARTS - len(wanted))
        return len(found) == ARN_PARTS and all(map(covers, wanted, found))


def pattern(text: str, *, variables: bool) -> Pattern:
    """Read a text; ``variables`` says whether the policy's Version substitutes them.

    Raises:
        ValueError: if what looks like a variable is none.
    """
    tokens: list[Token] = []
    at = 0
    while at < len(text):
        if variables and text.startswith("${", at):
            match = _VARIABLE.match(text, at)
            if match is None:
                raise ValueError(f'"{text}" has a policy variable that does not end in "}}"')
            tokens.append(_variable(match))
            at = match.end()
            continue
        tokens.append(_wild(text[at]))
        at += 1
    return Pattern(text, tuple(tokens))


def _variable(match: re.Match[str]) -> Token:
    name, default = match["name"].strip(), match["default"]
    if name in _ESCAPED and default is None:
        return name  # a literal
    if not _NAME.fullmatch(name):
        raise ValueError(f'"{match[0]}" is no policy variable: it names a condition key, as ${{aws:username}} does')
    return Variable(name, default)


def _wild(character: str) -> Atom:
    return Wild(character) if character in "*?" else character


def covers(atoms: Sequence[Atom], text: str) -> bool:
    """Return whether a pattern covers all of ``text``.

    Greedy with one point of return (the last ``*``): at worst len(pattern) * len(text) steps, where a regular
    expression made of a user's policy could take exponentially many.
    """
    here = there = 0
    star, resume = -1, 0
    while there < len(text):
        if here < len(atoms) and atoms[here] is Wild.ANY:
            star, resume = here, there
            here += 1
        elif here < len(atoms) and (atoms[here] is Wild.ONE or atoms[here] == text[there]):
            here += 1
            there += 1
        elif star >= 0:
            resume += 1
            here, there = star + 1, resume
        else:
            return False
    return all(atom is Wild.ANY for atom in atoms[here:])


def split_arn(tokens: Iterable[Token]) -> list[tuple[Atom, ...]]:
    """Split at the first five colons that are written as such."""
    parts: list[list[Atom]] = [[]]
    for token in tokens:
        if token == COLON and len(parts) < ARN_PARTS:
            parts.append([])
        elif not isinstance(token, Variable):
            parts[-1].append(token)
    return [tuple(part) for part in parts]


def runs(tokens: Iterable[Token], variable: int) -> Iterator[int | Wild]:
    """Yield wildcards, and the lengths of what stands before, between and behind them.

    ``variable`` is how long to take what a variable stands for, which nobody knows beforehand.
    """
    length = 0
    for token in tokens:
        if isinstance(token, Wild):
            yield length
            yield token
            length = 0
        else:
            length += variable if isinstance(token, Variable) else 1
    yield length
