"""Query and Scan: pages of items, of a table or an index.

A page ends at the limit, or behind the item with which it exceeds 1 MB; what the
filter takes away has been read and counts.

Amazon DynamoDB Developer Guide, "Querying tables in DynamoDB", "Scanning tables
in DynamoDB"; API Reference, "Query", "Scan".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from emulator.services.dynamodb.errors import invalid, invalid_value
from emulator.services.dynamodb.evaluation import holds, project
from emulator.services.dynamodb.expressions import Condition, Logic, Path, Test, parse_projection
from emulator.services.dynamodb.requests import Asked, read_units
from emulator.services.dynamodb.values import Item, Value, item_size, read_item, write_item

if TYPE_CHECKING:
    from collections.abc import Iterable

    from emulator.services.dynamodb.tables import Index, Key, KeySchema, Ordered, Table

LARGEST_PAGE: Final = 1024 * 1024
"""Bytes of items that one page reads."""
_KEY_TESTS: Final = ("=", "<", "<=", ">", ">=", "BETWEEN", "begins_with")


@dataclass(frozen=True, slots=True)
class _Source:
    """What is read: a table, or one of its indexes."""

    table: Table
    index: Index | None

    @property
    def schema(self) -> KeySchema:
        return self.table.schema if self.index is None else self.index.schema

    @property
    def ordered(self) -> Ordered:
        return self.table.ordered if self.index is None else self.index.items

    def item(self, primary: Key) -> Item:
        item = self.table.items[primary]
        return item if self.index is None else self.table.projected(item, self.index)

    def last_key(self, key: Key, primary: Key) -> Item:
        """Return the LastEvaluatedKey of an item."""
        found = {name: value for (name, _), value in zip(self.table.schema.attributes, primary, strict=True)}
        return found | {name: value for (name, _), value in zip(self.schema.attributes, key, strict=True)}

    def start(self, document: object) -> tuple[Key, Key] | None:
        """Return where an ExclusiveStartKey says to begin."""
        if document is None:
            return None
        item = read_item(document)
        key, primary = self.schema.key_of(item), self.table.schema.key_of(item)
        names = {name for name, _ in (*self.schema.attributes, *self.table.schema.attributes)}
        if key is None or primary is None or {*item} != names:
            raise invalid("The provided starting key is invalid")
        return key, primary


def _source(asked: Asked) -> _Source:
    table = asked.table
    name = asked.members.get("IndexName")
    if name is None:
        return _Source(table, None)
    index = table.indexes.get(name)
    if index is None:
        raise invalid(f"The table does not have the specified index: {name}")
    if index.is_global and asked.members.get("ConsistentRead"):
        raise invalid("Consistent reads are not supported on global secondary indexes")
    return _Source(table, index)


async def query(asked: Asked) -> dict[str, Any]:
    """Query: one partition, in the order of its sort keys."""
    source = _source(asked)
    if asked.members.get("KeyConditionExpression") is None:
        raise invalid("Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.")
    condition = asked.condition("KeyConditionExpression")
    assert condition is not None
    partition, sort = key_conditions(condition, source.schema)
    kept = asked.condition("FilterExpression")
    if kept is not None:
        _check_filter(kept, source.schema)
    after = source.start(asked.members.get("ExclusiveStartKey"))
    if after is not None and after[0][0] != partition:
        raise invalid("The provided starting key is outside query boundaries based on provided conditions")
    forward = asked.members.get("ScanIndexForward", True)
    found = source.ordered.partition(partition, forward=bool(forward), after=after)
    if sort is not None:
        name, condition = source.schema.sort, sort
        found = (one for one in found if holds(condition, {str(name): one[0][1]}))
    return _page(asked, source, found, kept)


async def scan(asked: Asked) -> dict[str, Any]:
    """Scan: all, or one of so many segments."""
    source = _source(asked)
    segments = asked.integer("TotalSegments", None, 1, 1_000_000)
    segment = asked.integer("Segment", None, 0, 999_999)
    if (segment is None) is not (segments is None):
        missing = "TotalSegments" if segments is None else "Segment"
        given = "Segment" if segments is None else "TotalSegments"
        sentence = f"The {missing} parameter is required but was not present in the request when {given} parameter"
        raise invalid(f"{sentence} is present")
    if segment is not None and segments is not None and segment >= segments:
        sentence = "The Segment parameter is zero-based and must be less than parameter TotalSegments"
        raise invalid(f"{sentence}: Segment: {segment} is not less than TotalSegments: {segments}")
    kept = asked.condition("FilterExpression")
    after = source.start(asked.members.get("ExclusiveStartKey"))
    return _page(asked, source, source.ordered.scan(after, segment or 0, segments or 1), kept)


def _page(asked: Asked, source: _Source, found: Iterable[tuple[Key, Key]], kept: Condition | None) -> dict[str, Any]:
    paths, counting = _selection(asked, source)
    asked.placeholders.done()
    limit = asked.integer("Limit", None, 1, 2**31 - 1)
    items: list[Item] = []
    count = scanned = size = 0
    last: Item | None = None
    for key, primary in found:
        if size > LARGEST_PAGE:
            break
        item = source.item(primary)
        scanned += 1
        size += item_size(item)
        last = source.last_key(key, primary)
        if kept is None or holds(kept, item):
            count += 1
            if not counting:
                items.append(item if paths is None else project(item, paths))
        if scanned == limit:
            break
    else:
        last = None  # all was read
    answer: dict[str, Any] = {} if counting else {"Items": [write_item(item) for item in items]}
    answer |= {"Count": count, "ScannedCount": scanned}
    if last is not None:
        answer["LastEvaluatedKey"] = write_item(last)
    units = read_units(size, consistent=bool(asked.members.get("ConsistentRead")))
    index = None if source.index is None else source.index.index_name
    return answer | asked.capacity(source.table, units, index)


def _selection(asked: Asked, source: _Source) -> tuple[tuple[Path, ...] | None, bool]:
    """Return the paths that are wanted, or None for all; and whether only the number is."""
    text = asked.members.get("ProjectionExpression")
    paths = None if text is None else parse_projection(text, asked.placeholders)
    known = ("ALL_ATTRIBUTES", "ALL_PROJECTED_ATTRIBUTES", "SPECIFIC_ATTRIBUTES", "COUNT")
    select = asked.members.get("Select")
    if select is None:
        return paths, False
    asked.choice("Select", *known)
    if paths is not None and select != "SPECIFIC_ATTRIBUTES":
        sentence = "Cannot specify the ProjectionExpression when choosing to get"
        raise invalid(f"{sentence} {'only the Count' if select == 'COUNT' else select}")
    if select == "SPECIFIC_ATTRIBUTES" and paths is None:
        raise invalid(
            "Must specify the AttributesToGet or ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES"
        )
    if select == "ALL_PROJECTED_ATTRIBUTES" and source.index is None:
        sentence = "ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName"
        raise invalid(sentence)
    if select == "ALL_ATTRIBUTES" and source.index and source.index.is_global and source.index.projection_type != "ALL":
        sentence = "Select type ALL_ATTRIBUTES is not supported for global secondary index"
        raise invalid_value(f"{sentence} {source.index.index_name} because its projection type is not ALL")
    return paths, select == "COUNT"


def key_conditions(condition: Condition, schema: KeySchema) -> tuple[Value, Test | None]:
    """Return the partition key's value, and the condition on the sort key.

    Raises:
        DynamoDbError: ValidationException, for a condition that no query can be made with.
    """
    parts = condition.conditions if isinstance(condition, Logic) and condition.name == "AND" else (condition,)
    tests: dict[str, Test] = {}
    for part in parts:
        if isinstance(part, Logic):
            if part.name == "AND":
                raise invalid("Conditions can be of length 1 or 2 only")
            raise invalid(f"Invalid operator used in KeyConditionExpression: {part.name}")
        test = _turned(part)
        path = test.operands[0]
        if test.name not in _KEY_TESTS:
            raise invalid(f"Invalid operator used in KeyConditionExpression: {test.name}")
        if not isinstance(path, Path) or len(path.steps) != 1:
            raise invalid("Invalid KeyConditionExpression: KeyConditionExpressions cannot have nested operations")
        if not all(isinstance(operand, Value) for operand in test.operands[1:]):
            raise invalid(
                "Invalid KeyConditionExpression: Invalid condition in KeyConditionExpression: No key attribute"
            )
        name = str(path.steps[0])
        if name in tests:
            raise invalid(
                "Invalid KeyConditionExpression: KeyConditionExpressions must only contain one condition per key"
            )
        tests[name] = test
    first = tests.pop(schema.partition, None)
    if first is None:
        raise invalid(f"Query condition missed key schema element: {schema.partition}")
    if first.name != "=":
        raise invalid("Query key condition not supported")
    sort = tests.pop(schema.sort, None) if schema.sort is not None else None
    if tests:
        if schema.sort is not None and sort is None:
            raise invalid(f"Query condition missed key schema element: {schema.sort}")
        raise invalid("Query key condition not supported")
    _check_types(first, schema.partition_type)
    if sort is not None:
        _check_types(sort, schema.sort_type)
    value = first.operands[1]
    assert isinstance(value, Value)
    return value, sort


def _turned(test: Test) -> Test:
    """Return a comparison with its attribute on the left."""
    opposite = {"=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
    if test.name in opposite and isinstance(test.operands[0], Value) and isinstance(test.operands[1], Path):
        return Test(opposite[test.name], (test.operands[1], test.operands[0]))
    return test


def _check_types(test: Test, kind: str) -> None:
    for value in test.operands[1:]:
        assert isinstance(value, Value)
        if value.type != kind:
            raise invalid_value("Condition parameter type does not match schema type")


def _check_filter(condition: Condition, schema: KeySchema) -> None:
    """Refuse a filter of a query that is about the key."""
    if isinstance(condition, Logic):
        for part in condition.conditions:
            _check_filter(part, schema)
        return
    for operand in condition.operands:
        if isinstance(operand, Path) and operand.steps[0] in dict(schema.attributes):
            sentence = "Filter Expression can only contain non-primary key attributes: Primary key attribute"
            raise invalid(f"{sentence}: {operand.steps[0]}")
