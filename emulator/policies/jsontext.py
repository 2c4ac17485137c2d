"""JSON with positions: enough of RFC 8259 to say where in a policy the mistake is.

The standard library's parser tells neither where an element stood nor that a
key came twice.  This one keeps both, for texts of at most a few thousand
characters, and refuses nesting that no policy has.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Final, TypeAlias

MAX_DEPTH: Final = 24

_SPACE = re.compile(r"[ \t\r\n]*")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,19})(?:\.[0-9]{1,20})?(?:[eE][+-]?[0-9]{1,3})?")
_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"')
_WORDS: Final = {"true": True, "false": False, "null": None}

Scalar: TypeAlias = str | int | float | bool | None


class JsonError(ValueError):
    """The text is not JSON; ``offset`` says where."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset


@dataclass(frozen=True, slots=True)
class Node:
    """A value and where it begins; objects are lists of (key, offset of the key, value)."""

    offset: int
    value: Scalar | list[Node] | list[tuple[str, int, Node]]
    is_object: bool = False

    @property
    def members(self) -> list[tuple[str, int, Node]]:
        """The members of an object."""
        assert self.is_object
        assert isinstance(self.value, list)
        return [member for member in self.value if isinstance(member, tuple)]

    @property
    def elements(self) -> list[Node]:
        """The elements of an array; any other value is an array of itself, as IAM reads it."""
        if isinstance(self.value, list) and not self.is_object:
            return [element for element in self.value if isinstance(element, Node)]
        return [self]

    @property
    def is_array(self) -> bool:
        """Whether this is an array."""
        return isinstance(self.value, list) and not self.is_object


def parse(text: str) -> Node:
    """Parse a JSON text.

    Raises:
        JsonError: if it is none, or a key of an object comes twice.
    """
    node, end = _value(text, _skip(text, 0), 0)
    end = _skip(text, end)
    if end != len(text):
        raise JsonError("unexpected text after the end", end)
    return node


def line_and_column(text: str, offset: int) -> tuple[int, int]:
    """Return where an offset is, both counted from one."""
    before = text[:offset]
    return before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    assert match is not None
    return match.end()


def _value(text: str, at: int, depth: int) -> tuple[Node, int]:
    if depth > MAX_DEPTH:
        raise JsonError("nested too deeply", at)
    head = text[at : at + 1]
    if head == "{":
        return _object(text, at, depth)
    if head == "[":
        return _array(text, at, depth)
    if head == '"':
        word, end = _string(text, at)
        return Node(at, word), end
    if match := _NUMBER.match(text, at):
        return Node(at, json.loads(match.group())), match.end()
    for name, constant in _WORDS.items():
        if text.startswith(name, at):
            return Node(at, constant), at + len(name)
    raise JsonError("expected a value" if head else "unexpected end", at)


def _string(text: str, at: int) -> tuple[str, int]:
    match = _STRING.match(text, at)
    if match is None:
        raise JsonError("expected a string in double quotes", at)
    word: str = json.loads(match.group())
    return word, match.end()


def _object(text: str, at: int, depth: int) -> tuple[Node, int]:
    members: list[tuple[str, int, Node]] = []
    seen: set[str] = set()
    begin, at = at, _skip(text, at + 1)
    while text[at : at + 1] != "}":
        if members:
            at = _skip(text, _expect(text, at, ","))
        key, end = _string(text, at)
        if key in seen:
            raise JsonError(f'the key "{key}" comes twice', at)
        seen.add(key)
        colon = _expect(text, _skip(text, end), ":")
        node, end = _value(text, _skip(text, colon), depth + 1)
        members.append((key, at, node))
        at = _skip(text, end)
    return Node(begin, members, is_object=True), at + 1


def _array(text: str, at: int, depth: int) -> tuple[Node, int]:
    elements: list[Node] = []
    begin, at = at, _skip(text, at + 1)
    while text[at : at + 1] != "]":
        if elements:
            at = _skip(text, _expect(text, at, ","))
        node, end = _value(text, at, depth + 1)
        elements.append(node)
        at = _skip(text, end)
    return Node(begin, elements), at + 1


def _expect(text: str, at: int, mark: str) -> int:
    if text[at : at + 1] != mark:
        raise JsonError(f'expected "{mark}"' if at < len(text) else "unexpected end", at)
    return at + 1
