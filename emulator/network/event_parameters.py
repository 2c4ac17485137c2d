"""A verb's parameters as a document writes them: of the right kind, in the units that topologies use too."""

from __future__ import annotations

import inspect
import json
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from emulator.topology.problems import did_you_mean
from emulator.topology.units import duration, rate, size

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


def _policy(value: object) -> object:
    """Return a policy written as YAML in the text that the verb takes."""
    return json.dumps(value) if isinstance(value, dict) else value


def _timeouts(value: object) -> object:
    return {name: duration(one) for name, one in value.items()} if isinstance(value, dict) else value


_UNITS: Final[Mapping[str, Callable[[Any], Any]]] = MappingProxyType(
    {
        "az_bandwidth": rate,
        "az_burst": size,
        "az_queue": size,
        "idle_timeout": duration,
        "connection_tracking_specification": _timeouts,
        "policy_document": _policy,
        "policy": _policy,
    }
)
"""Parameters that documents write otherwise than the verbs take them."""

_KINDS: Final[Mapping[str, tuple[str, Callable[[Any], bool]]]] = MappingProxyType(
    {
        "bool": ("true or false", lambda value: isinstance(value, bool)),
        "int": ("a whole number", lambda value: isinstance(value, int) and not isinstance(value, bool)),
        "str": ("a text", lambda value: isinstance(value, str)),
        "None": ("null", lambda value: value is None),
        "Iterable[str]": ("a list of texts", lambda value: _all(value, str)),
        "Iterable[Mapping[str, str]]": ("a list of mappings", lambda value: _all(value, dict)),
        "Iterable[Mapping[str, str | int]]": ("a list of mappings", lambda value: _all(value, dict)),
        "Iterable[Mapping[str, str | None]]": ("a list of mappings", lambda value: _all(value, dict)),
        "Mapping[str, int]": ("a mapping", lambda value: isinstance(value, dict)),
        "Mapping[str, object]": ("a mapping", lambda value: isinstance(value, dict)),
    }
)
"""Annotation → what that is in a document, and whether a value is one."""


def _all(value: object, kind: type) -> bool:
    return isinstance(value, list) and all(isinstance(one, kind) for one in value)


def in_units(given: dict[str, Any]) -> dict[str, Any]:
    """Return parameters as the verb takes them.

    Raises:
        ValueError: if one has no unit, or an unknown one.
    """
    return {name: _UNITS[name](value) if name in _UNITS else value for name, value in given.items()}


def complaints(signature: inspect.Signature, given: dict[str, Any]) -> Iterator[tuple[str | None, str]]:
    """Yield what is wrong with a verb's parameters: which one (None: one that is missing), and a sentence."""
    names = tuple(signature.parameters)
    for name, value in given.items():
        if name not in names:
            yield name, f'unknown parameter "{name}"{did_you_mean(name, names)}'
            continue
        try:
            plain = in_units({name: value})[name]
        except ValueError as error:
            yield name, f"{name} {error}"
            continue
        kinds = [_KINDS[kind] for kind in _alternatives(str(signature.parameters[name].annotation)) if kind in _KINDS]
        if not kinds:
            yield name, f'"{name}" cannot be given in a document'
        elif not any(fits(plain) for _, fits in kinds):
            wanted = " or ".join(told for told, _ in kinds if told != "null")
            shown = f'"{value}"' if isinstance(value, str) else repr(value)
            yield name, f"{name} must be {wanted}, not {shown}"
    if any(name not in names for name in given):
        return  # what is missing may be what is misspelt
    for name, parameter in signature.parameters.items():
        if parameter.default is inspect.Parameter.empty and name not in given:
            yield None, f'the parameter "{name}" is missing'


def _alternatives(annotation: str) -> Iterator[str]:
    """Yield the members of a union as they are written, those inside brackets left together."""
    depth, member = 0, ""
    for letter in annotation:
        depth += (letter == "[") - (letter == "]")
        if letter == "|" and depth == 0:
            yield member.strip()
            member = ""
        else:
            member += letter
    yield member.strip()
