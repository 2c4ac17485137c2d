"""Condition operators: what their values must look like, and whether one covers a request's value.

An operator is a family (``String``, ``Arn``, ...) with what is written around
it: ``ForAnyValue:`` or ``ForAllValues:`` in front, ``IfExists`` behind, and
whether it is negated.  A family's ``prepare`` reads a value of the policy once,
its ``covers`` compares that with a value of a request.

AWS: IAM User Guide, "IAM JSON policy elements: Condition operators" (POL-9).
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from emulator.policies.patterns import Keys, Pattern, pattern

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Value: TypeAlias = Any
"""A value as its family prepared it."""


class Qualifier(StrEnum):
    """How several values of a request count (multivalued keys)."""

    NONE = ""
    ANY = "ForAnyValue"
    ALL = "ForAllValues"


@dataclass(frozen=True, slots=True)
class Family:
    """A way to compare.

    Attributes:
        prepare: Reads a policy's value, given whether variables are substituted; raises ValueError with a sentence.
        covers: Compares a prepared value with one of a request's, given the request's keys.
        is_string: Whether POL-10's rule about wildcards is about it.
        is_numeric: Whether POL-10 keeps it from system identifiers.
        wild: Whether ``*`` and ``?`` are wildcards.
    """

    name: str
    prepare: Callable[[str, bool], Value]
    covers: Callable[[Value, str, Keys], bool]
    is_string: bool = False
    is_numeric: bool = False
    wild: bool = False


@dataclass(frozen=True, slots=True)
class Operator:
    """An operator as written; see :func:`operator`."""

    text: str
    family: Family
    negated: bool = False
    qualifier: Qualifier = Qualifier.NONE
    if_exists: bool = False


# ---- strings and ARNs


def _text(text: str, variables: bool) -> Pattern:
    return pattern(text, variables=variables)


def _equal(wanted: Pattern, found: str, keys: Keys) -> bool:
    return wanted.equals(found, keys)


def _equal_ignoring_case(wanted: Pattern, found: str, keys: Keys) -> bool:
    folded = {name: tuple(value.lower() for value in values) for name, values in keys.items()}
    return Pattern(wanted.text, tuple(t.lower() if isinstance(t, str) else t for t in wanted.tokens)).equals(
        found.lower(), folded
    )


def _like(wanted: Pattern, found: str, keys: Keys) -> bool:
    return wanted.matches(found, keys)


def _arn(text: str, variables: bool) -> Pattern:
    if text != "*" and not text.startswith(("arn:", "${")):
        raise ValueError(f'"{text}" is no ARN')
    return pattern(text, variables=variables)


def _arn_like(wanted: Pattern, found: str, keys: Keys) -> bool:
    return wanted.matches_arn(found, keys)


# ---- numbers, dates, truth, bytes, addresses


def _number(text: str, variables: bool = False) -> Decimal:  # noqa: ARG001 - no variables in numbers
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise ValueError(f'"{text}" is no number') from None
    if not number.is_finite():
        raise ValueError(f'"{text}" is no number')
    return number


_DATE: Final = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})(?:T(\d{2}):(\d{2})(?::(\d{2})(\.\d+)?)?(?:Z|([+-])(\d{2}):?(\d{2})))?"
)


def _date(text: str, variables: bool = False) -> Decimal:  # noqa: ARG001 - no variables in dates
    """Return seconds since 1970 of a date of ISO 8601, or of such seconds."""
    match = _DATE.fullmatch(text)
    if match is None:
        try:
            return _number(text)
        except ValueError:
            raise ValueError(f'"{text}" is no date like 2026-01-31T12:00:00Z, and no seconds since 1970') from None
    year, month, day, hour, minute, second = (int(match[number] or 0) for number in range(1, 7))
    try:
        moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError as error:
        raise ValueError(f'"{text}" is no date: {error}') from None
    east = int(match[9] or 0) * 3600 + int(match[10] or 0) * 60
    return Decimal(int(moment.timestamp()) - (east if match[8] == "+" else -east)) + Decimal(f"0{match[7] or '.0'}")


def _bool(text: str, variables: bool = False) -> str:  # noqa: ARG001 - no variables in truth
    if text.lower() not in ("true", "false"):
        raise ValueError(f'"{text}" is neither true nor false')
    return text.lower()


def _bytes(text: str, variables: bool = False) -> bytes:  # noqa: ARG001 - no variables in bytes
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(f'"{text}" is not in base64') from None


def _network(text: str, variables: bool = False) -> Value:  # noqa: ARG001 - no variables in addresses
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise ValueError(f'"{text}" is no IP address or CIDR block') from None


def _in_network(wanted: Value, found: str, keys: Keys) -> bool:  # noqa: ARG001 - as every comparison
    try:
        address = ipaddress.ip_address(found)
    except ValueError:
        return False
    return address.version == wanted.version and address in wanted


def _comparing(
    read: Callable[[str], Value], holds: Callable[[Value, Value], bool]
) -> Callable[[Value, str, Keys], bool]:
    def covers(wanted: Value, found: str, keys: Keys) -> bool:  # noqa: ARG001 - as every comparison
        try:
            return holds(read(found), wanted)
        except ValueError:
            return False  # a request's value that is of another kind matches nothing

    return covers


_COMPARISONS: Final[Mapping[str, Callable[[Value, Value], bool]]] = MappingProxyType(
    {
        "Equals": lambda found, wanted: found == wanted,
        "LessThan": lambda found, wanted: found < wanted,
        "LessThanEquals": lambda found, wanted: found <= wanted,
        "GreaterThan": lambda found, wanted: found > wanted,
        "GreaterThanEquals": lambda found, wanted: found >= wanted,
    }
)

_BASES: dict[str, tuple[Family, bool]] = {}
"""Operator without prefix and suffix -> its family, and whether it is negated."""


def _add(family: Family, *opposite: str) -> None:
    _BASES[family.name] = family, False
    for name in opposite:
        _BASES[name] = family, True


_add(Family("StringEquals", _text, _equal, is_string=True), "StringNotEquals")
_add(Family("StringEqualsIgnoreCase", _text, _equal_ignoring_case, is_string=True), "StringNotEqualsIgnoreCase")
_add(Family("StringLike", _text, _like, is_string=True, wild=True), "StringNotLike")
_add(Family("ArnEquals", _arn, _arn_like, wild=True), "ArnNotEquals")
_add(Family("ArnLike", _arn, _arn_like, wild=True), "ArnNotLike")
_add(Family("IpAddress", _network, _in_network), "NotIpAddress")
_add(Family("Bool", _bool, _comparing(_bool, _COMPARISONS["Equals"])))
_add(Family("BinaryEquals", _bytes, _comparing(_bytes, _COMPARISONS["Equals"])))
for _word, _holds in _COMPARISONS.items():
    _opposites = ("NotEquals",) if _word == "Equals" else ()
    _add(
        Family(f"Numeric{_word}", _number, _comparing(_number, _holds), is_numeric=True),
        *(f"Numeric{one}" for one in _opposites),
    )
    _add(
        Family(f"Date{_word}", _date, _comparing(_date, _holds)),
        *(f"Date{one}" for one in _opposites),
    )


def _is_there(wanted: str, found: str, keys: Keys) -> bool:  # noqa: ARG001 - as every comparison
    """``Null`` asks whether there is a key, not what it says: whoever has a value knows the answer."""
    return wanted == "false"


NULL: Final = Family("Null", _bool, _is_there)
_BASES["Null"] = NULL, False

BASES: Final[Mapping[str, tuple[Family, bool]]] = MappingProxyType(_BASES)
IF_EXISTS: Final = "IfExists"


def operator(text: str) -> Operator | None:
    """Return the operator of a name, None if there is no such one; ``Null`` takes no ``IfExists``."""
    head, colon, name = text.rpartition(":")
    qualifier = Qualifier(head) if not colon or head in (Qualifier.ANY, Qualifier.ALL) else None
    if qualifier is None:
        return None
    if_exists = name.endswith(IF_EXISTS)
    name = name.removesuffix(IF_EXISTS)
    if name not in BASES or (name == "Null" and if_exists):
        return None
    family, negated = BASES[name]
    return Operator(text, family, negated, qualifier, if_exists)
