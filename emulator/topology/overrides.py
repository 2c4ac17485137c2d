"""``--set KEY=VALUE``: one value of a document changed for one run.

A key is a path with dots, ``vpc_endpoints.api.az_bandwidth``.  Ids may contain
dots themselves, so the longest key that is there wins.  The last step may be
absent in the file as long as the schema knows it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from emulator.topology.documents import Document, KeyPath, Node, parse
from emulator.topology.problems import INVALID, UNKNOWN, DocumentError, Mark, Problem, did_you_mean
from emulator.topology.validation import fields_at, schema_at

if TYPE_CHECKING:
    from collections.abc import Iterable


def override(document: Document, key: str, value: str, schema: type[BaseModel]) -> Document:
    """Return the document with one value changed; problems with it will point at ``--set``.

    Raises:
        DocumentError: if there is no such key, it holds resources rather than a value, or the value is not YAML.
    """
    mark = Mark(f"--set {key}={value}", 1, 1)
    path = _path(document, key, schema, mark)
    target = schema_at(schema, path)
    present = document.find(path)
    shorthand = present is not None and isinstance(present.value, str | int)  # a word that stands for a mapping
    if _is_container(target) and not shorthand:
        text = f'"{key}" is not settable: it holds {", ".join(fields_at(schema, path)) or "resources"}'
        raise DocumentError([Problem.at(mark, INVALID, text)])
    node = parse(value, mark.file).root
    return Document(document.file, _replaced(document.root, path, _marked(node, mark), mark), document.problems)


def _is_container(target: Any) -> bool:
    """Return whether a place of the schema holds entries rather than a value."""
    if isinstance(target, type) and issubclass(target, BaseModel):
        return True
    entries = schema_at(target, ("",)) if getattr(target, "__origin__", None) is dict else None
    return isinstance(entries, type) and issubclass(entries, BaseModel)


def _path(document: Document, key: str, schema: type[BaseModel], mark: Mark) -> KeyPath:
    """Return the path that a key with dots means."""
    words = key.split(".")
    path: KeyPath = ()
    node: Node | None = document.root
    while words:
        step, used = _step(node, words)
        if used == 0:
            known = fields_at(schema, path)
            if len(words) == 1 and words[0] in known:
                return (*path, words[0])
            if words[0] in known and schema_at(schema, (*path, words[0])) is not None and node is not None:
                step, used = words[0], 1
            else:
                there = [*known, *(node.value if node is not None and isinstance(node.value, dict) else ())]
                parent = f' in "{".".join(map(str, path))}"' if path else ""
                text = f'there is no "{".".join(words)}"{parent}{did_you_mean(words[0], there)}'
                raise DocumentError([Problem.at(mark, UNKNOWN, text)])
        path = (*path, step)
        node = None if node is None else node.child(step)
        words = words[used:]
    return path


def _step(node: Node | None, words: list[str]) -> tuple[str | int, int]:
    """Return the next step into a node and how many words it takes; 0 if there is none."""
    if node is None:
        return "", 0
    if isinstance(node.value, list):
        if words[0].isdigit() and len(words[0]) < 7 and int(words[0]) < len(node.value):
            return int(words[0]), 1
        return "", 0
    for used in range(len(words), 0, -1):
        step = ".".join(words[:used])
        if node.child(step) is not None:
            return step, used
    return "", 0


def _replaced(node: Node | None, path: KeyPath, new: Node, mark: Mark) -> Node:
    """Return the tree with one node replaced; anchored nodes elsewhere keep their value."""
    if not path:
        return new
    step, *rest = path
    if node is None or node.value is None:
        node = Node(mark, {})
    child = _replaced(node.child(step), tuple(rest), new, mark)
    if isinstance(node.value, list):
        elements: Iterable[Node] = (child if index == step else one for index, one in enumerate(node.value))
        return Node(node.mark, list(elements), node.keys, node.weight)
    keys = {str(step): mark} | node.keys if rest else node.keys | {str(step): mark}
    return Node(node.mark, {**node.value, str(step): child}, keys, node.weight)


def _marked(node: Node, mark: Mark) -> Node:
    """Return a value of the command line, all of it at one place."""
    if isinstance(node.value, dict):
        value: Any = {key: _marked(child, mark) for key, child in node.value.items()}
    elif isinstance(node.value, list):
        value = [_marked(child, mark) for child in node.value]
    else:
        value = node.value
    return Node(mark, value, dict.fromkeys(node.keys, mark), node.weight)
