"""One request to DynamoDB, as its operations see it: its JSON, read with care.

Amazon DynamoDB API Reference, "Common parameters", "Data types".
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from emulator.services.dynamodb.documents import NAME
from emulator.services.dynamodb.errors import DynamoDbError, invalid, not_found
from emulator.services.dynamodb.expressions import Condition, Placeholders, parse_condition
from emulator.services.dynamodb.values import Item, item_size, read_item

if TYPE_CHECKING:
    from emulator.services.dynamodb.tables import Table

EXPRESSIONS: Final = (
    "ConditionExpression",
    "FilterExpression",
    "KeyConditionExpression",
    "ProjectionExpression",
    "UpdateExpression",
)
_LEGACY: Final = (
    "AttributeUpdates",
    "AttributesToGet",
    "ConditionalOperator",
    "Expected",
    "KeyConditions",
    "QueryFilter",
    "ScanFilter",
)
READ_UNIT: Final = 4096
WRITE_UNIT: Final = 1024
IDEMPOTENT_FOR: Final = 600 * 10**9
"""Nanoseconds in which a transaction with the same token is the same transaction."""


class Store:
    """What one DynamoDB keeps: its tables by name, and which transactions it has seen."""

    def __init__(self, region: str, account: str, tables: dict[str, Table]) -> None:
        """Begin with these tables; ``account`` is whose those are that name none."""
        self.region = region
        self.account = account
        self.tables = tables
        self.transactions: dict[str, tuple[int, str]] = {}
        """When a token came, and with what."""

    def table(self, name: object, *, say_which: bool = False) -> Table:
        """Return a table by its name or ARN.

        Raises:
            DynamoDbError: ResourceNotFoundException.
        """
        short = table_name(name)
        table = self.tables.get(short)
        if table is None:
            raise not_found(short if say_which else None)
        return table


def table_name(name: object) -> str:
    """Return a table's name from its name or ARN.

    Raises:
        DynamoDbError: ValidationException.
    """
    if name is None:
        raise invalid("The parameter 'TableName' is required but was not present in the request")
    if not isinstance(name, str):
        raise DynamoDbError("SerializationException", "Unexpected value type of TableName")
    short = name.partition(":table/")[2].partition("/")[0] if name.startswith("arn:") else name
    if not 3 <= len(short) <= 255:
        raise invalid("TableName must be at least 3 characters long and at most 255 characters long")
    if not NAME.fullmatch(short):
        sentence = "failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+"
        raise invalid(f"1 validation error detected: Value '{short}' at 'tableName' {sentence}")
    return short


@dataclass(slots=True)
class Asked:
    """A request: its members, by DynamoDB's names, and when it came.

    Attributes:
        store: The tables.
        members: The JSON.
        now: Nanoseconds since the start of the run.
        placeholders: The names and values of its expressions.
    """

    store: Store
    members: dict[str, Any]
    now: int = 0
    placeholders: Placeholders = field(init=False)

    def __post_init__(self) -> None:
        """Refuse what is not modelled, and read the placeholders."""
        for name in _LEGACY:
            if name in self.members:
                raise invalid(f"{name} is a legacy parameter; it is not modelled, expressions are")
        names, values = self.members.get("ExpressionAttributeNames"), self.members.get("ExpressionAttributeValues")
        present = any(self.members.get(name) is not None for name in EXPRESSIONS)
        self.placeholders = Placeholders(names, values, expressions=present)

    @property
    def table(self) -> Table:
        """The table it is about."""
        return self.store.table(self.members.get("TableName"))

    def part(self, members: object) -> Asked:
        """Return one of several requests within this one."""
        if not isinstance(members, dict):
            raise DynamoDbError("SerializationException", "Unexpected value type in payload")
        return Asked(self.store, members, self.now)

    def item(self, name: str) -> Item:
        """Return an item, or a key.

        Raises:
            DynamoDbError: ValidationException, if there is none.
        """
        if self.members.get(name) is None:
            raise invalid(f"The parameter '{name}' is required but was not present in the request")
        return read_item(self.members[name])

    def condition(self, name: str) -> Condition | None:
        """Return a condition, or None if there is none."""
        text = self.members.get(name)
        return None if text is None else parse_condition(name, text, self.placeholders)

    def choice(self, name: str, *known: str) -> str:
        """Return one of the ``known`` words, the first if nothing is said.

        Raises:
            DynamoDbError: ValidationException.
        """
        value = self.members.get(name) or known[0]
        if value not in known:
            shown = name[0].lower() + name[1:]
            sentence = f"Value '{value}' at '{shown}' failed to satisfy constraint: Member must satisfy enum value set"
            raise invalid(f"1 validation error detected: {sentence}: [{', '.join(known)}]")
        return str(value)

    def integer(self, name: str, default: int | None, least: int, most: int) -> int | None:
        """Return a number.

        Raises:
            DynamoDbError: ValidationException.
        """
        value = self.members.get(name)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int):
            raise DynamoDbError("SerializationException", f"Unexpected value type of {name}")
        if not least <= value <= most:
            shown = name[0].lower() + name[1:]
            bound = f"greater than or equal to {least}" if value < least else f"less than or equal to {most}"
            sentence = f"Value '{value}' at '{shown}' failed to satisfy constraint: Member must have value {bound}"
            raise invalid(f"1 validation error detected: {sentence}")
        return value

    def capacity(self, table: Table, units: float, index: str | None = None) -> dict[str, object]:
        """Return what tells the capacity consumed, if the request wants to know."""
        wanted = self.choice("ReturnConsumedCapacity", "NONE", "TOTAL", "INDEXES")
        if wanted == "NONE":
            return {}
        return {"ConsumedCapacity": consumed(table, units, index, details=wanted == "INDEXES")}


def consumed(table: Table, units: float, index: str | None = None, *, details: bool = False) -> dict[str, object]:
    """Return a ConsumedCapacity."""
    found: dict[str, object] = {"TableName": table.table_name, "CapacityUnits": units}
    if details:
        found["Table"] = {"CapacityUnits": 0.0 if index else units}
        if index:
            kind = "GlobalSecondaryIndexes" if table.indexes[index].is_global else "LocalSecondaryIndexes"
            found[kind] = {index: {"CapacityUnits": units}}
    return found


def read_units(size: int, *, consistent: bool) -> float:
    """Return the read capacity units of so many bytes (Developer Guide, "Capacity unit consumption")."""
    return max(math.ceil(size / READ_UNIT), 1) * (1.0 if consistent else 0.5)


def write_units(*items: Item | None) -> float:
    """Return the write capacity units of the larger of the items before and after."""
    return float(max(math.ceil(max(item_size(item) for item in (*items, {}) if item is not None) / WRITE_UNIT), 1))
