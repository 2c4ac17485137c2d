"""A pydantic schema's complaints as problems with places, in plain words.

Knows any pydantic model and any document, and no particular one: topologies and
scenarios both use it.  pydantic's own sentences speak to programmers; these
speak to whoever wrote the file.
"""

from __future__ import annotations

import types
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError

from emulator.model.reasons import Reason
from emulator.topology.problems import INVALID, MISSING, UNKNOWN, Problem, closest

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from pydantic_core import ErrorDetails

    from emulator.topology.documents import Document, KeyPath

Model = TypeVar("Model", bound=BaseModel)

_WORDS: Final = {
    "string_type": "must be text",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "bool_type": "must be true or false",
    "list_type": "must be a list",
    "dict_type": "must be a mapping (key: value)",
    "model_type": "must be a mapping (key: value)",
    "model_attributes_type": "must be a mapping (key: value)",
}


class Strict(BaseModel):
    """What schemas of documents build on: every key known, no value bent into another type."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def validate(
    document: Document,
    path: KeyPath,
    model: type[Model],
    problems: list[Problem],
    unsupported: Collection[str] = (),
) -> Model | None:
    """Return the part of a document at ``path`` as a model, or None after adding to ``problems``.

    ``unsupported`` are keys that AWS has and the emulator does not model.
    """
    node = document.find(path)
    data = {} if node is None or node.value is None else node.plain()
    try:
        return model.model_validate(data)
    except ValidationError as error:
        problems += explained(document, path, model, error, unsupported)
        return None


def explained(
    document: Document, path: KeyPath, model: type[BaseModel], error: ValidationError, unsupported: Collection[str] = ()
) -> list[Problem]:
    """Return a validation error's problems; what a misspelt key makes missing is not said twice."""
    problems: list[Problem] = []
    misspelt: set[KeyPath] = set()
    details = error.errors(include_url=False)
    for detail in details:
        if detail["type"] == "extra_forbidden":
            where = _where(detail)
            parent, key = where[:-1], str(where[-1])
            mark = document.key_mark(path + where)
            match = closest(key, fields_at(model, parent))
            if key in unsupported or "ipv6" in key:
                problems.append(Problem.at(mark, Reason.UNSUPPORTED_COMPONENT, f'"{key}" is not modelled'))
                continue
            if match is not None:
                misspelt.add((*parent, match))
            hint = f': did you mean "{match}"?' if match else f" ({_choices(fields_at(model, parent))})"
            problems.append(Problem.at(mark, UNKNOWN, f'unknown key "{key}"{hint}'))
    for detail in details:
        where = _where(detail)
        if detail["type"] == "missing" and where not in misspelt:
            problems.append(Problem.at(document.mark(path + where), MISSING, f'the key "{where[-1]}" is missing'))
        elif detail["type"] not in ("missing", "extra_forbidden"):
            problems.append(Problem.at(document.mark(path + where), INVALID, _sentence(where, detail)))
    return problems


def fields_at(model: type[BaseModel], path: KeyPath) -> tuple[str, ...]:
    """Return the keys that a schema knows at a path, () where it knows none."""
    found = schema_at(model, path)
    return tuple(found.model_fields) if isinstance(found, type) and issubclass(found, BaseModel) else ()


def schema_at(model: Any, path: KeyPath) -> Any:
    """Return the annotation at a path of a schema, None where it has none."""
    here = _bare(model)
    for step in path:
        if isinstance(here, type) and issubclass(here, BaseModel):
            known = here.model_fields.get(str(step))
            here = None if known is None else _bare(known.annotation)
        elif get_origin(here) in (list, dict):
            here = _bare(get_args(here)[-1])
        else:
            return None
    return here


def _bare(annotation: Any) -> Any:
    """Return an annotation without ``Annotated`` and ``| None``."""
    if get_origin(annotation) is Annotated:
        return _bare(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        kinds = [kind for kind in get_args(annotation) if kind is not type(None)]
        return _bare(kinds[0]) if len(kinds) == 1 else annotation
    return annotation


def _where(detail: ErrorDetails) -> KeyPath:
    return tuple(detail["loc"])


def _sentence(where: KeyPath, detail: ErrorDetails) -> str:
    name = next((str(step) for step in reversed(where) if isinstance(step, str)), "the document")
    context: Mapping[str, Any] = detail.get("ctx", {})
    if detail["type"] == "value_error":
        return f"{name} {context['error']}"
    shown = _shown(detail["input"])
    if detail["type"] in _WORDS:
        hint = " (put it in quotes)" if detail["type"] == "string_type" and shown[0].isdigit() else ""
        return f"{name} {_WORDS[detail['type']]}, not {shown}{hint}"
    if detail["type"] == "literal_error":
        return f"{name} must be {context['expected'].replace(chr(39), '')}, not {shown}"
    return f"{name}: {detail['msg'][:1].lower()}{detail['msg'][1:]}, not {shown}"


def _shown(value: object) -> str:
    match value:
        case None:
            return "empty"
        case bool():
            return str(value).lower()
        case str():
            return f'"{value}"' if len(value) <= 40 else f'"{value[:40]}..."'
        case dict():
            return "a mapping"
        case list():
            return "a list"
        case _:
            return str(value)


def _choices(words: tuple[str, ...]) -> str:
    return f"known: {', '.join(words)}" if words else "no key is known here"
