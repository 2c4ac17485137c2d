"""Tables: keys, items and indexes.

Items with one partition key stand together, in the order of their sort keys;
partitions stand in an order that looks random and is the same in every run, as
a scan meets them.  Indexes are kept with every write: there is no delay.

Amazon DynamoDB Developer Guide, "Core components", "Using global secondary
indexes"; API Reference, "CreateTable".
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left, insort
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from emulator.services.dynamodb.errors import DynamoDbError, invalid, invalid_value
from emulator.services.dynamodb.values import SCALARS, Item, Value, item_size, order, size

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

LARGEST_ITEM: Final = 400 * 1024
"""Bytes of an item."""
LARGEST_PARTITION_KEY: Final = 2048
LARGEST_SORT_KEY: Final = 1024

Key = tuple[Value, ...]
"""The values of a key: the partition key's, and the sort key's if there is one."""


@dataclass(frozen=True, slots=True)
class KeySchema:
    """Which attributes are a key, and their types."""

    partition: str
    partition_type: str
    sort: str | None = None
    sort_type: str = "S"

    @property
    def attributes(self) -> tuple[tuple[str, str], ...]:
        """The names and types, the partition key's first."""
        own = ((self.partition, self.partition_type),)
        return own if self.sort is None else (*own, (self.sort, self.sort_type))

    def key_of(self, item: Item) -> Key | None:
        """Return the key of an item; None if it has not all of it, with the right types."""
        found = []
        for name, kind in self.attributes:
            value = item.get(name)
            if value is None or value.type != kind:
                return None
            found.append(value)
        return tuple(found)


class Ordered:
    """Items by key: partitions in the order of a scan, in each the items in the order of their sort keys.

    Of an index several items may have one key; the table's own key tells them apart.
    """

    def __init__(self, schema: KeySchema) -> None:
        """Begin empty."""
        self.schema = schema
        self._partitions: dict[Value, list[tuple[Any, ...]]] = {}
        self._order: list[tuple[bytes, int, Value]] = []
        self._made = 0

    def add(self, key: Key, primary: Key) -> None:
        """Put an item in its place."""
        partition = self._partitions.get(key[0])
        if partition is None:
            partition = self._partitions[key[0]] = []
            self._made += 1  # a tie of digests is not met; if it is, values need not be compared
            insort(self._order, (digest(key[0]), self._made, key[0]))
        insort(partition, _entry(key, primary))

    def remove(self, key: Key, primary: Key) -> None:
        """Take an item away."""
        partition = self._partitions[key[0]]
        entry = _entry(key, primary)
        del partition[bisect_left(partition, entry)]
        if not partition:
            del self._partitions[key[0]]
            place = bisect_left(self._order, (digest(key[0]),))
            while self._order[place][2] != key[0]:
                place += 1
            del self._order[place]

    def partition(
        self, value: Value, *, forward: bool = True, after: tuple[Key, Key] | None = None
    ) -> Iterator[tuple[Key, Key]]:
        """Yield the keys of one partition, behind the one ``after``: an item's own here, and the table's."""
        entries = self._partitions.get(value, [])
        start = 0 if forward else len(entries) - 1
        if after is not None:
            entry = _entry(*after)
            start = bisect_left(entries, entry)
            if forward:
                start += start < len(entries) and entries[start][:-2] == entry[:-2]
            else:
                start -= 1
        step = 1 if forward else -1
        while 0 <= start < len(entries):
            yield entries[start][-2], entries[start][-1]
            start += step

    def scan(
        self, after: tuple[Key, Key] | None = None, segment: int = 0, segments: int = 1
    ) -> Iterator[tuple[Key, Key]]:
        """Yield all keys of one of so many segments, behind the one ``after``."""
        start = 0 if after is None else bisect_left(self._order, (digest(after[0][0]),))
        for digested, _, value in self._order[start:]:
            if int.from_bytes(digested[:4]) * segments >> 32 != segment:
                continue
            if after is not None and value == after[0][0]:
                yield from self.partition(value, after=after)
            elif after is None or digested > digest(after[0][0]):
                yield from self.partition(value)


def digest(value: Value) -> bytes:
    """Return what a partition's place is by."""
    return hashlib.md5(f"{value.type}:{value.data}".encode("utf-8", "surrogatepass"), usedforsecurity=False).digest()


def _entry(key: Key, primary: Key) -> tuple[Any, ...]:
    """Return what sorts by the sort key and then by the table's key; at its end, both keys as they are."""
    return (tuple(map(order, key[1:])), tuple(map(_comparable, primary)), _Unordered(key), _Unordered(primary))


class _Unordered(tuple[Value, ...]):
    """A key that is carried along and not compared: what stands before it decides."""

    __slots__ = ()

    def __lt__(self, other: object) -> bool:
        return False


def _comparable(value: Value) -> Any:
    return order(value)


@dataclass(slots=True)
class Index:
    """A secondary index: its own key, and which attributes it has.

    Attributes:
        index_name: Its name in the table.
        items: The keys of the items that are in it.
        projection_type: ``ALL``, ``KEYS_ONLY`` or ``INCLUDE``.
        non_key_attributes: The further ones of ``INCLUDE``.
        is_global: Whether its partition key is its own.
    """

    index_name: str
    items: Ordered
    projection_type: str = "ALL"
    non_key_attributes: tuple[str, ...] = ()
    is_global: bool = True

    @property
    def schema(self) -> KeySchema:
        """Its key."""
        return self.items.schema


@dataclass(slots=True)
class Table:
    """A table.

    Attributes:
        table_name: Its name, one of its Region and account.
        schema: Its key.
        created_at: Nanoseconds since the start of the run.
        indexes: By name.
        owner_id: The account; None is that of whoever asks.
        policy: The JSON text of its resource-based policy, or None.
        billing_mode: ``PAY_PER_REQUEST`` or ``PROVISIONED``.
        throughput: Read and write capacity units; 0 and 0 on demand.
        deletion_protection_enabled: Whether DeleteTable is refused.
        size_bytes: The sum of the items' sizes.
    """

    table_name: str
    schema: KeySchema
    created_at: int = 0
    indexes: dict[str, Index] = field(default_factory=dict)
    owner_id: str | None = None
    policy: str | None = None
    billing_mode: str = "PAY_PER_REQUEST"
    throughput: tuple[int, int] = (0, 0)
    deletion_protection_enabled: bool = False
    size_bytes: int = 0
    items: dict[Key, Item] = field(default_factory=dict)
    _ordered: Ordered | None = None

    @property
    def ordered(self) -> Ordered:
        """The keys in order."""
        if self._ordered is None:
            self._ordered = Ordered(self.schema)
        return self._ordered

    def key_from(self, document: Item) -> Key:
        """Return the key that a request gives.

        Raises:
            DynamoDbError: ValidationException, if it is not this table's.
        """
        if len(document) != len(self.schema.attributes):
            raise invalid("The provided key element does not match the schema")
        for name, kind in self.schema.attributes:
            value = document.get(name)
            if value is None or value.type != kind:
                raise invalid("The provided key element does not match the schema")
            _check_key_value(name, value, sort=name == self.schema.sort)
        key = self.schema.key_of(document)
        assert key is not None
        return key

    def check(self, item: Item) -> Key:
        """Return the key of an item that is to be written.

        Raises:
            DynamoDbError: ValidationException, if the table cannot take it.
        """
        for name, kind in self.schema.attributes:
            value = item.get(name)
            if value is None:
                raise invalid_value(f"Missing the key {name} in the item")
            if value.type != kind:
                raise invalid_value(f"Type mismatch for key {name} expected: {kind} actual: {value.type}")
            _check_key_value(name, value, sort=name == self.schema.sort)
        for index in self.indexes.values():
            for name, kind in index.schema.attributes:
                value = item.get(name)
                if value is None:
                    continue
                if value.type != kind:
                    sentence = f"Type mismatch for Index Key {name} Expected: {kind} Actual: {value.type}"
                    raise invalid_value(f"{sentence} IndexName: {index.index_name}")
                if value.type in ("S", "B") and not value.data:
                    sentence = "One or more parameter values are not valid. A value specified for a secondary index key"
                    what = "string" if value.type == "S" else "binary"
                    raise invalid(
                        f"{sentence} is not supported. The AttributeValue for a key attribute cannot contain an empty "
                        f"{what} value. IndexName: {index.index_name}, IndexKey: {name}"
                    )
        if item_size(item) > LARGEST_ITEM:
            raise invalid("Item size has exceeded the maximum allowed size")
        key = self.schema.key_of(item)
        assert key is not None
        return key

    def put(self, key: Key, item: Item) -> None:
        """Put an item in place of another, or of none."""
        self.delete(key)
        self.items[key] = item
        self.size_bytes += item_size(item)
        self.ordered.add(key, key)
        for index in self.indexes.values():
            there = index.schema.key_of(item)
            if there is not None:
                index.items.add(there, key)

    def delete(self, key: Key) -> None:
        """Delete an item, if it is there."""
        item = self.items.pop(key, None)
        if item is None:
            return
        self.size_bytes -= item_size(item)
        self.ordered.remove(key, key)
        for index in self.indexes.values():
            there = index.schema.key_of(item)
            if there is not None:
                index.items.remove(there, key)

    def projected(self, item: Item, index: Index) -> Item:
        """Return of an item what an index has."""
        if index.projection_type == "ALL":
            return item
        names = {name for name, _ in (*self.schema.attributes, *index.schema.attributes)} | {*index.non_key_attributes}
        return {name: value for name, value in item.items() if name in names}


def _check_key_value(name: str, value: Value, *, sort: bool) -> None:
    if value.type in ("S", "B") and not value.data:
        what = "string" if value.type == "S" else "binary"
        sentence = f"The AttributeValue for a key attribute cannot contain an empty {what} value. Key: {name}"
        raise invalid(f"One or more parameter values are not valid. {sentence}")
    largest = LARGEST_SORT_KEY if sort else LARGEST_PARTITION_KEY
    if size(value) > largest:
        which = "rangekey" if sort else "hashkey"
        sentence = f"Size of {which} has exceeded the maximum size limit of{largest} bytes"
        raise invalid_value(sentence)


def key_schema(elements: object, types: Mapping[str, str]) -> KeySchema:
    """Return the key that a CreateTable describes.

    Raises:
        DynamoDbError: ValidationException.
    """
    if not isinstance(elements, list) or not 1 <= len(elements) <= 2:
        raise invalid("1 validation error detected: KeySchema has one or two elements")
    names: list[str] = []
    for place, element in enumerate(elements):
        if not isinstance(element, dict) or element.get("KeyType") != ("HASH", "RANGE")[place]:
            which = "first" if not place else "second"
            wanted = ("HASH", "RANGE")[place]
            raise invalid(f"Invalid KeySchema: The {which} KeySchemaElement is not a {wanted} key type")
        names.append(str(element.get("AttributeName")))
    if len(set(names)) < len(names):
        raise invalid("Both the Hash Key and the Range Key element in the KeySchema have the same name")
    for name in names:
        if name not in types:
            sentence = "Some index key attributes are not defined in AttributeDefinitions."
            raise invalid_value(f"{sentence} Keys: [{name}], AttributeDefinitions: [{', '.join(types)}]")
    sort = names[1] if len(names) > 1 else None
    return KeySchema(names[0], types[names[0]], sort, types[sort] if sort is not None else "S")


def check_type(kind: str) -> str:
    """Return the type of a key's attribute.

    Raises:
        DynamoDbError: ValidationException.
    """
    if kind not in SCALARS:
        raise DynamoDbError("ValidationException", f"Member must satisfy enum value set: [B, N, S], not {kind}")
    return kind
