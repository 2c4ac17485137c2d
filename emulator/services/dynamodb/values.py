"""Attribute values: their JSON, their order, their size.

A number is a decimal of up to 38 digits, never a float.

Amazon DynamoDB Developer Guide, "Data types"; "Item sizes and formats";
API Reference, "AttributeValue".
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from decimal import Context, Decimal, DecimalException, Inexact
from typing import Any, Final

from emulator.services.dynamodb.errors import DynamoDbError, invalid, invalid_value

CONTEXT: Final = Context(prec=38, Emin=-130, Emax=125, traps=[Inexact])
"""Digits of a number."""
_EXACT: Final = Context(prec=400, Emin=-9999, Emax=9999)
_LARGEST: Final = Decimal("9.9999999999999999999999999999999999999E+125")
_SMALLEST: Final = Decimal("1E-130")
_DEEPEST: Final = 32

SETS: Final = {"SS": "S", "NS": "N", "BS": "B"}
"""Types of sets, and of what is in them."""
_SET_NAMES: Final = {"SS": "string set", "NS": "number set", "BS": "binary set"}
SCALARS: Final = ("S", "N", "B")
"""Types that keys may have."""


@dataclass(frozen=True, slots=True)
class Value:
    """An attribute value.

    Attributes:
        type: ``S``, ``N``, ``B``, ``BOOL``, ``NULL``, ``L``, ``M``, ``SS``, ``NS`` or ``BS``.
        data: A text, a Decimal, bytes, a bool, None, a list of values, a table of values, or a sorted tuple.
    """

    type: str
    data: Any

    def __hash__(self) -> int:
        """Return a hash; only scalars and sets have one."""
        return hash((self.type, self.data))


Item = dict[str, Value]
"""An item: values by attribute name."""


def read_item(document: object) -> Item:
    """Return an item from its JSON.

    Raises:
        DynamoDbError: for what is no attribute value.
    """
    if not isinstance(document, dict):
        raise DynamoDbError("SerializationException", "Unexpected value type in payload")
    return {name: read(value) for name, value in document.items()}


def write_item(item: Item) -> dict[str, Any]:
    """Return an item's JSON."""
    return {name: write(value) for name, value in item.items()}


def read(document: object, depth: int = 0) -> Value:
    """Return a value from its JSON, ``{"N": "5"}``.

    Raises:
        DynamoDbError: ValidationException, SerializationException.
    """
    if not isinstance(document, dict):
        raise DynamoDbError("SerializationException", "Unexpected value type in payload")
    if depth > _DEEPEST:
        raise invalid("Nesting Levels have exceeded supported limits")
    if len(document) != 1:
        what = "must contain exactly one of the supported datatypes"
        if document:
            what = "has more than one datatypes set, must contain exactly one of the supported datatypes"
        raise invalid(f"Supplied AttributeValue {'is empty, ' if not document else ''}{what}")
    ((kind, data),) = document.items()
    if kind in ("S", "N", "B"):
        return Value(kind, _scalar(kind, data))
    if kind == "BOOL" and isinstance(data, bool):
        return Value(kind, data)
    if kind == "NULL" and isinstance(data, bool):
        if not data:
            raise invalid_value("Null attribute value types must have the value of true")
        return Value(kind, None)
    if kind == "L" and isinstance(data, list):
        return Value(kind, [read(one, depth + 1) for one in data])
    if kind == "M" and isinstance(data, dict):
        return Value(kind, {name: read(one, depth + 1) for name, one in data.items()})
    if kind in SETS and isinstance(data, list):
        return make_set(kind, [_scalar(SETS[kind], one) for one in data])
    if kind in ("BOOL", "NULL", "L", "M", *SETS):
        raise DynamoDbError("SerializationException", "Unexpected value type in payload")
    raise invalid("Supplied AttributeValue is empty, must contain exactly one of the supported datatypes")


def make_set(kind: str, members: list[Any]) -> Value:
    """Return a set, refusing an empty one and one with twice the same.

    Raises:
        DynamoDbError: ValidationException.
    """
    if not members:
        raise invalid_value(f"An {_SET_NAMES[kind]}  may not be empty")
    distinct = sorted(set(members))
    if len(distinct) < len(members):
        shown = ", ".join(_text(SETS[kind], one) for one in members)
        raise invalid_value(f"Input collection [{shown}] contains duplicates.")
    return Value(kind, tuple(distinct))


def _scalar(kind: str, data: object) -> Any:
    if not isinstance(data, str):
        raise DynamoDbError("SerializationException", "Unexpected value type in payload")
    if kind == "N":
        return number(data)
    if kind == "B":
        try:
            return base64.b64decode(data, validate=True)
        except binascii.Error:
            raise DynamoDbError("SerializationException", "Base64 encoded length is unexpected") from None
    return data


def number(text: str) -> Decimal:
    """Return a number from its text.

    Raises:
        DynamoDbError: ValidationException.
    """
    try:
        value = Decimal(text.strip() if text.strip() == text else "x")
    except DecimalException:
        raise invalid(f"The parameter cannot be converted to a numeric value: {text}") from None
    if not value.is_finite():
        raise invalid(f"The parameter cannot be converted to a numeric value: {text}")
    return in_range(value)


def in_range(value: Decimal) -> Decimal:
    """Return a number, without zeros at its end, that DynamoDB can keep.

    Raises:
        DynamoDbError: ValidationException.
    """
    value = _EXACT.normalize(value)
    if abs(value) > _LARGEST and len(value.as_tuple().digits) <= 38:
        raise invalid("Number overflow. Attempting to store a number with magnitude larger than supported range")
    if value and abs(value) < _SMALLEST:
        raise invalid("Number underflow. Attempting to store a number with magnitude smaller than supported range")
    if len(value.as_tuple().digits) > 38:
        raise invalid("Attempting to store more than 38 significant digits in a Number")
    return value or Decimal(0)


def add(first: Decimal, second: Decimal) -> Decimal:
    """Return the sum, if DynamoDB can keep it.

    Raises:
        DynamoDbError: ValidationException.
    """
    return in_range(_EXACT.add(first, second))


def write(value: Value) -> dict[str, Any]:
    """Return a value's JSON."""
    kind, data = value.type, value.data
    if kind in SCALARS:
        return {kind: _text(kind, data)}
    if kind in SETS:
        return {kind: [_text(SETS[kind], one) for one in data]}
    if kind == "L":
        return {kind: [write(one) for one in data]}
    if kind == "M":
        return {kind: write_item(data)}
    return {kind: True if kind == "NULL" else data}


def _text(kind: str, data: Any) -> str:
    if kind == "N":
        return f"{data:f}"
    return base64.b64encode(data).decode() if kind == "B" else str(data)


def order(value: Value) -> Any:
    """Return what a key's value is sorted by: numbers by size, texts and bytes by their bytes."""
    return value.data.encode("utf-8", "surrogatepass") if value.type == "S" else value.data


def item_size(item: Item) -> int:
    """Return the bytes of an item, as DynamoDB counts them."""
    return sum(len(name.encode("utf-8", "surrogatepass")) + size(value) for name, value in item.items())


def size(value: Value) -> int:
    """Return the bytes of a value, as DynamoDB counts them."""
    kind, data = value.type, value.data
    if kind in ("BOOL", "NULL"):
        return 1
    if kind in SCALARS:
        return _scalar_size(kind, data)
    if kind in SETS:
        return sum(_scalar_size(SETS[kind], one) for one in data)
    if kind == "L":
        return 3 + sum(1 + size(one) for one in data)
    return 3 + sum(1 + len(name.encode()) + size(one) for name, one in data.items())


def _scalar_size(kind: str, data: Any) -> int:
    if kind == "S":
        return len(data.encode("utf-8", "surrogatepass"))
    if kind == "B":
        return len(bytes(data))
    digits: int = len(data.as_tuple().digits)
    return (digits + 1) // 2 + 1 + bool(data < 0)  # about one byte per two digits, and one
