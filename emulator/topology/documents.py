"""YAML files as plain data whose every value knows where it stands.

Documents come from strangers.  They are read event by event, with limits on
size, depth and number of values (aliases counted each time they are used), no
tags, and no key twice; anything else ends in a :class:`Problem` with line and
column, never in an exception of the YAML library.  This module knows nothing of
what a document means: topologies and scenarios share it.

YAML 1.2.2, core schema (section 10.3): ``yes`` is text, ``0o17`` is not a number here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import ruamel.yaml
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from emulator.topology.collecting import no_collections
from emulator.topology.problems import FILE, YAML, DocumentError, Mark, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_BYTES: Final = 16 * 1024 * 1024
MAX_DEPTH: Final = 32
MAX_VALUES: Final = 1_000_000

KeyPath: TypeAlias = tuple[str | int, ...]
"""From the top of a document to a value: keys and positions."""

LONG: Final = 64 * 1024
"""Characters from which on a text was rather written by a program, and is read by libyaml if it is plain."""

_NOT_PLAIN = re.compile(r"[^\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff]|(?:^|[ \[{,])[&*!|>?%]", re.MULTILINE)
"""Where libyaml, which speaks YAML 1.1, might see something else: unusual white space, anchors, tags, block scalars."""

_INTEGER = re.compile(r"[-+]?[0-9]{1,18}")
_FLOAT = re.compile(r"[-+]?[0-9]{1,18}\.[0-9]{1,18}(?:[eE][-+]?[0-9]{1,3})?")
_CONSTANTS: Final = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


@dataclass(slots=True)
class Node:
    """A value in a document: a scalar, a list of nodes, or a mapping of nodes with the marks of its keys."""

    mark: Mark
    value: Any
    keys: dict[str, Mark] = field(default_factory=dict)
    weight: int = 1

    def child(self, step: str | int) -> Node | None:
        """Return the value one step further in, or None."""
        if isinstance(self.value, dict) and isinstance(step, str):
            found: Node | None = self.value.get(step)
            return found
        if isinstance(self.value, list) and isinstance(step, int) and 0 <= step < len(self.value):
            element: Node = self.value[step]
            return element
        return None

    def plain(self) -> Any:
        """Return the value as plain data."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value


@dataclass(slots=True)
class Document:
    """A document that could be read; ``problems`` are those that did not stop the reading."""

    file: str
    root: Node
    problems: list[Problem] = field(default_factory=list)

    @property
    def data(self) -> Any:
        """The whole document as plain data."""
        return self.root.plain()

    def find(self, path: KeyPath) -> Node | None:
        """Return the value at a path, or None."""
        node: Node | None = self.root
        for step in path:
            if node is None:
                return None
            node = node.child(step)
        return node

    def mark(self, path: KeyPath) -> Mark:
        """Return where the value at ``path`` stands, or as much of the path as there is.

        A mapping or list under a key is pointed at by its key, whose line says what it is.
        """
        node, mark = self.root, self.root.mark
        for step in path:
            child = node.child(step)
            if child is None:
                break
            nested = isinstance(step, str) and isinstance(child.value, dict | list)
            mark = node.keys[step] if nested else child.mark  # type: ignore[index]
            if isinstance(step, str) and child.value is None:
                mark = node.keys[step]
            node = child
        return mark

    def key_mark(self, path: KeyPath) -> Mark:
        """Return where the last key of ``path`` itself stands."""
        parent = self.find(path[:-1])
        last = path[-1] if path else None
        if parent is not None and isinstance(last, str) and last in parent.keys:
            return parent.keys[last]
        return self.mark(path)


def read(path: str | Path) -> Document:
    """Read a file.

    Raises:
        DocumentError: if it cannot be read, or is not one YAML document within the limits.
    """
    name = str(path)
    try:
        with Path(path).open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except ValueError:  # a null byte in the name
        raise DocumentError([Problem(repr(name), 1, 1, FILE, "is no file name")]) from None
    except OSError as error:
        raise DocumentError([Problem(name, 1, 1, FILE, f"cannot be read: {error.strerror}")]) from None
    if len(content) > MAX_BYTES:
        raise DocumentError([Problem(name, 1, 1, FILE, f"is larger than {MAX_BYTES // 1024**2} MiB")])
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DocumentError([Problem(name, line, 1, YAML, "is not UTF-8 text")]) from None
    return parse(text, name)


def parse(text: str, name: str) -> Document:
    """Read a text as a document; ``name`` is what problems call it.

    Raises:
        DocumentError: if it is not one YAML document within the limits.
    """
    if len(text) >= LONG and _NOT_PLAIN.search(text) is None:
        try:
            return _composed(text, name, pure=False)
        except YAMLError:
            pass  # which of the two is right, and in which words to say it, is for the one below to tell
    try:
        return _composed(text, name, pure=True)
    except MarkedYAMLError as error:
        at = error.problem_mark or error.context_mark
        line, column = (at.line + 1, at.column + 1) if at is not None else (1, 1)
        message = " ".join(str(error.problem or error.context).split())
        raise DocumentError([Problem(name, line, column, YAML, message)]) from None
    except YAMLError as error:  # a character that YAML does not allow; it has a position but no mark
        position = getattr(error, "position", 0)
        line = text.count("\n", 0, position) + 1
        column = position - (text.rfind("\n", 0, position) + 1) + 1
        reason = getattr(error, "reason", "cannot be read as YAML")
        raise DocumentError([Problem(name, line, column, YAML, str(reason))]) from None


def _composed(text: str, name: str, *, pure: bool) -> Document:
    """Read by ruamel.yaml's own parser (19 us an event), or by libyaml (1 us) where ruamel.yaml.clib is installed."""
    composer = _Composer(name)
    with no_collections():
        root = composer.document(ruamel.yaml.YAML(typ="safe", pure=pure).parse(text))
    return Document(name, root, composer.problems)


class _Composer:
    """Builds nodes from YAML events, keeping to the limits."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.problems: list[Problem] = []
        self.anchors: dict[str, Node | None] = {}
        self.values = 0

    def document(self, events: Iterator[Event]) -> Node:
        root: Node | None = None
        for event in events:
            if isinstance(event, DocumentStartEvent):
                continue
            if isinstance(event, AliasEvent | ScalarEvent | MappingStartEvent | SequenceStartEvent):
                if root is not None:
                    raise self.stop(event, "a file holds one document; this is a second one")
                root = self.node(event, events, 1)
        return root or Node(Mark(self.name, 1, 1), None)

    def node(self, event: Event, events: Iterator[Event], depth: int) -> Node:
        if isinstance(event, AliasEvent):
            return self.alias(event)
        self.check(event, depth)
        mark = self.mark(event)
        anchor = getattr(event, "anchor", None)
        if anchor:
            self.anchors[anchor] = None  # being read: an alias to it from inside would never end
        if isinstance(event, ScalarEvent):
            node = Node(mark, _scalar(event))
        elif isinstance(event, SequenceStartEvent):
            node = self.sequence(mark, events, depth)
        else:
            node = self.mapping(mark, events, depth)
        if anchor:
            self.anchors[anchor] = node
        return node

    def check(self, event: Event, depth: int) -> None:
        tag = getattr(event, "tag", None)
        if tag:
            raise self.stop(event, f"tags like {tag} are not allowed")
        if depth > MAX_DEPTH:
            raise self.stop(event, f"nested more than {MAX_DEPTH} levels deep")
        self.count(event, 1)

    def count(self, event: Event, values: int) -> None:
        self.values += values
        if self.values > MAX_VALUES:
            raise self.stop(event, f"more than {MAX_VALUES} values, aliases counted each time")

    def alias(self, event: AliasEvent) -> Node:
        node = self.anchors.get(event.anchor)
        if node is None:
            inside = event.anchor in self.anchors
            raise self.stop(event, f"*{event.anchor} {'is used inside itself' if inside else 'is not defined'}")
        self.count(event, node.weight)
        return node

    def sequence(self, mark: Mark, events: Iterator[Event], depth: int) -> Node:
        elements: list[Node] = []
        for event in events:
            if isinstance(event, SequenceEndEvent):
                break
            elements.append(self.node(event, events, depth + 1))
        return Node(mark, elements, weight=1 + sum(element.weight for element in elements))

    def mapping(self, mark: Mark, events: Iterator[Event], depth: int) -> Node:
        node = Node(mark, {})
        for event in events:
            if isinstance(event, MappingEndEvent):
                break
            if not isinstance(event, ScalarEvent):
                raise self.stop(event, "a key must be plain text")
            self.check(event, depth)
            key, key_mark = str(event.value), self.mark(event)
            value = self.node(next(events), events, depth + 1)
            if key in node.value:
                first = node.keys[key]
                text = f'the key "{key}" comes twice (first in line {first.line})'
                self.problems.append(Problem.at(key_mark, YAML, text))
                _add_missing(node.value[key], value)
                continue
            node.value[key] = value
            node.keys[key] = key_mark
            node.weight += value.weight
        return node

    def mark(self, event: Event) -> Mark:
        start = event.start_mark
        return Mark(self.name, start.line + 1, start.column + 1)

    def stop(self, event: Event, message: str) -> DocumentError:
        return DocumentError([*self.problems, Problem.at(self.mark(event), YAML, message)])


def _add_missing(first: Node, second: Node) -> None:
    """Add to a mapping what only its repetition has, so that names in there are not called unknown as well."""
    if isinstance(first.value, dict) and isinstance(second.value, dict):
        for key, node in second.value.items():
            if key not in first.value:
                first.value[key] = node
                first.keys[key] = second.keys[key]


def _scalar(event: ScalarEvent) -> str | int | float | bool | None:
    """Return a scalar's value by the core schema; whatever is quoted is text."""
    text = str(event.value)
    if event.style not in (None, ""):
        return text
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    return text
