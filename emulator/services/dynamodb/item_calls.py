"""Operations of DynamoDB on single items, and on several at once.

Amazon DynamoDB API Reference, "PutItem", "UpdateItem", "BatchWriteItem",
"TransactWriteItems" and so on.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from emulator.services.dynamodb.errors import DynamoDbError, condition_failed, invalid, invalid_value
from emulator.services.dynamodb.evaluation import find, holds, project, update
from emulator.services.dynamodb.expressions import Path, parse_projection, parse_update
from emulator.services.dynamodb.requests import IDEMPOTENT_FOR, Asked, consumed, read_units, write_units
from emulator.services.dynamodb.values import Item, item_size, write_item

if TYPE_CHECKING:
    from emulator.services.dynamodb.expressions import Action, Condition
    from emulator.services.dynamodb.tables import Key, Table

MOST_BATCH_WRITES: Final = 25
MOST_BATCH_READS: Final = 100
MOST_TRANSACTED: Final = 100
LARGEST_BATCH_ANSWER: Final = 16 * 1024 * 1024

Members = dict[str, Any]


@dataclass(slots=True)
class Write:
    """One write that is ready: nothing happens before `commit`.

    Attributes:
        table: Where.
        key: Which item.
        condition: What must be true of the item before.
        kind: ``Put``, ``Update``, ``Delete`` or ``ConditionCheck``.
        item: What is put.
        actions: What is updated.
    """

    table: Table
    key: Key
    condition: Condition | None
    kind: str
    item: Item | None = None
    actions: tuple[Action, ...] = ()
    after: Item | None = None

    @property
    def before(self) -> Item | None:
        """The item as it is."""
        return self.table.items.get(self.key)

    def prepare(self) -> bool:
        """Return whether the condition holds, and then work out what the item will be.

        Raises:
            DynamoDbError: ValidationException, if the table cannot take it.
        """
        before = self.before
        if self.condition is not None and not holds(self.condition, before or {}):
            return False
        self.after = before
        if self.kind == "Put":
            self.after = self.item
        elif self.kind == "Delete":
            self.after = None
        elif self.kind == "Update":
            key = {name: value for (name, _), value in zip(self.table.schema.attributes, self.key, strict=True)}
            self.after = update(before or key, self.actions)
            self.table.check(self.after)
        return True

    def commit(self) -> None:
        """Do it."""
        if self.kind == "ConditionCheck":
            return
        if self.after is None:
            self.table.delete(self.key)
        else:
            self.table.put(self.key, self.after)


def _write(asked: Asked, kind: str) -> Write:
    """Return the write that a request describes."""
    table = asked.table
    condition = asked.condition("ConditionExpression")
    write: Write
    if kind == "Put":
        item = asked.item("Item")
        write = Write(table, table.check(item), condition, kind, item)
    elif kind == "Update":
        key = table.key_from(asked.item("Key"))
        text = asked.members.get("UpdateExpression")
        actions = () if text is None else parse_update(text, asked.placeholders)
        for action in actions:
            if action.path.steps[0] in dict(table.schema.attributes):
                sentence = f"Cannot update attribute {action.path.steps[0]}. This attribute is part of the key"
                raise invalid_value(sentence)
        write = Write(table, key, condition, kind, None, actions)
    else:
        if kind == "ConditionCheck" and condition is None:
            raise invalid("The parameter 'ConditionExpression' is required but was not present in the request")
        write = Write(table, table.key_from(asked.item("Key")), condition, kind)
    asked.placeholders.done()
    return write


def _one(asked: Asked, kind: str, *returns: str) -> Members:
    wanted = asked.choice("ReturnValues", "NONE", *returns)
    on_failure = asked.choice("ReturnValuesOnConditionCheckFailure", "NONE", "ALL_OLD")
    write = _write(asked, kind)
    before = write.before
    if not write.prepare():
        raise condition_failed(write_item(before) if on_failure == "ALL_OLD" and before is not None else None)
    write.commit()
    answer: Members = {}
    found = _returned(wanted, write, before)
    if found:
        answer["Attributes"] = write_item(found)
    return answer | asked.capacity(write.table, write_units(before, write.after))


def _returned(wanted: str, write: Write, before: Item | None) -> Item | None:
    if wanted in ("ALL_OLD", "ALL_NEW"):
        return before if wanted == "ALL_OLD" else write.after
    if wanted == "NONE":
        return None
    source = before if wanted == "UPDATED_OLD" else write.after
    paths = tuple(action.path for action in write.actions)
    present = tuple(path for path in paths if find(source or {}, path) is not None)
    return project(source or {}, present)


async def put_item(asked: Asked) -> Members:
    """PutItem."""
    return _one(asked, "Put", "ALL_OLD")


async def delete_item(asked: Asked) -> Members:
    """DeleteItem."""
    return _one(asked, "Delete", "ALL_OLD")


async def update_item(asked: Asked) -> Members:
    """UpdateItem."""
    return _one(asked, "Update", "ALL_OLD", "UPDATED_OLD", "ALL_NEW", "UPDATED_NEW")


def _projection(asked: Asked) -> tuple[Path, ...] | None:
    text = asked.members.get("ProjectionExpression")
    return None if text is None else parse_projection(text, asked.placeholders)


async def get_item(asked: Asked) -> Members:
    """GetItem."""
    table = asked.table
    key = table.key_from(asked.item("Key"))
    paths = _projection(asked)
    asked.placeholders.done()
    item = table.items.get(key)
    answer: Members = {}
    if item is not None:
        answer["Item"] = write_item(item if paths is None else project(item, paths))
    consistent = bool(asked.members.get("ConsistentRead"))
    return answer | asked.capacity(table, read_units(item_size(item or {}), consistent=consistent))


def _requested(asked: Asked) -> dict[str, Any]:
    requested = asked.members.get("RequestItems")
    if not isinstance(requested, dict) or not requested:
        sentence = "Value at 'requestItems' failed to satisfy constraint: Member must have length greater than or "
        raise invalid(f"1 validation error detected: {sentence}equal to 1")
    return requested


async def batch_get_item(asked: Asked) -> Members:
    """BatchGetItem: what does not fit into 16 MB is for another time."""
    requested = _requested(asked)
    if sum(len(one.get("Keys", ())) for one in requested.values()) > MOST_BATCH_READS:
        raise invalid("Too many items requested for the BatchGetItem call")
    responses: Members = {}
    unprocessed: Members = {}
    capacities: list[object] = []
    total = 0
    for name, members in requested.items():
        part = asked.part({**members, "TableName": name})
        table, paths = part.table, _projection(part)
        part.placeholders.done()
        keys = [table.key_from(part.part({"Key": key}).item("Key")) for key in members.get("Keys", ())]
        if len(set(keys)) < len(keys):
            raise invalid("Provided list of item keys contains duplicates")
        found: list[Members] = []
        left: list[Members] = []
        units = 0.0
        for key, document in zip(keys, members.get("Keys", ()), strict=True):
            item = table.items.get(key)
            size = item_size(item or {})
            if left or total + size > LARGEST_BATCH_ANSWER:
                left.append(document)
                continue
            total += size
            units += read_units(size, consistent=bool(members.get("ConsistentRead")))
            if item is not None:
                found.append(write_item(item if paths is None else project(item, paths)))
        responses[name] = found
        if left:
            unprocessed[name] = {**members, "Keys": left}
        capacities.append(consumed(table, units))
    answer: Members = {"Responses": responses, "UnprocessedKeys": unprocessed}
    return answer | _capacities(asked, capacities)


async def batch_write_item(asked: Asked) -> Members:
    """BatchWriteItem: all of them, as there is always capacity."""
    requested = _requested(asked)
    if sum(map(len, requested.values())) > MOST_BATCH_WRITES:
        raise invalid("Too many items requested for the BatchWriteItem call")
    writes: list[Write] = []
    for name, entries in requested.items():
        for entry in entries:
            if not isinstance(entry, dict) or len(entry) != 1 or not {*entry} <= {"PutRequest", "DeleteRequest"}:
                sentence = "Supplied AttributeValue has more than one datatypes set" if len(entry) > 1 else ""
                raise invalid(sentence or "Supplied WriteRequest is empty, must contain PutRequest or DeleteRequest")
            ((what, members),) = entry.items()
            part = asked.part({**members, "TableName": name})
            writes.append(_write(part, "Put" if what == "PutRequest" else "Delete"))
    if len({(write.table.table_name, write.key) for write in writes}) < len(writes):
        raise invalid("Provided list of item keys contains duplicates")
    return {"UnprocessedItems": {}} | _capacities(asked, _commit(writes, 1.0))


def _commit(writes: list[Write], times: float) -> list[object]:
    """Make writes, and return the capacity that each table spent."""
    units: dict[str, float] = {}
    tables: dict[str, Table] = {}
    for write in writes:
        before = write.before
        if write.kind == "Put":
            write.after = write.item
        spent = write_units(before, write.after) * times
        write.commit()
        name = write.table.table_name
        tables[name] = write.table
        units[name] = units.get(name, 0.0) + spent
    return [consumed(tables[name], spent) for name, spent in units.items()]


def _capacities(asked: Asked, capacities: list[object]) -> Members:
    wanted = asked.choice("ReturnConsumedCapacity", "NONE", "TOTAL", "INDEXES")
    return {} if wanted == "NONE" else {"ConsumedCapacity": capacities}


def _transacted(asked: Asked, known: tuple[str, ...]) -> list[tuple[str, Asked]]:
    entries = asked.members.get("TransactItems")
    if not isinstance(entries, list) or not 1 <= len(entries) <= MOST_TRANSACTED:
        sentence = (
            "Value at 'transactItems' failed to satisfy constraint: Member must have length less than or equal to"
        )
        raise invalid(f"1 validation error detected: {sentence} {MOST_TRANSACTED}")
    found = []
    for entry in entries:
        if not isinstance(entry, dict) or len(entry) != 1 or not {*entry} <= {*known}:
            sentence = f"TransactItems can only contain one of {', '.join(known)}"
            raise invalid(sentence)
        ((what, members),) = entry.items()
        found.append((what, asked.part(members)))
    return found


async def transact_write_items(asked: Asked) -> Members:
    """TransactWriteItems: all or nothing."""
    token = asked.members.get("ClientRequestToken")
    body = json.dumps(asked.members.get("TransactItems"), sort_keys=True)
    seen = asked.store.transactions.get(str(token)) if token is not None else None
    if seen is not None and asked.now - seen[0] < IDEMPOTENT_FOR:
        if seen[1] != body:
            sentence = "The provided client token is already in use and the request does not match"
            raise DynamoDbError("IdempotentParameterMismatchException", sentence)
        return {}
    parts = _transacted(asked, ("ConditionCheck", "Put", "Delete", "Update"))
    writes = [_write(part, what) for what, part in parts]
    if len({(write.table.table_name, write.key) for write in writes}) < len(writes):
        raise invalid("Transaction request cannot include multiple operations on one item")
    reasons: list[Members] = []
    for write, (_, part) in zip(writes, parts, strict=True):
        reason: Members = {"Code": "None"}
        try:
            held = write.prepare()
        except DynamoDbError as error:
            held, reason = True, {"Code": "ValidationError", "Message": error.message}
        if not held:
            reason = {"Code": "ConditionalCheckFailed", "Message": "The conditional request failed"}
            before = write.before
            if (
                part.choice("ReturnValuesOnConditionCheckFailure", "NONE", "ALL_OLD") == "ALL_OLD"
                and before is not None
            ):
                reason["Item"] = write_item(before)
        reasons.append(reason)
    if any(reason["Code"] != "None" for reason in reasons):
        codes = ", ".join(reason["Code"] for reason in reasons)
        sentence = f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]"
        raise DynamoDbError("TransactionCanceledException", sentence, {"CancellationReasons": reasons})
    if token is not None:
        asked.store.transactions[str(token)] = asked.now, body
    return _capacities(asked, _commit(writes, 2.0))


async def transact_get_items(asked: Asked) -> Members:
    """TransactGetItems."""
    responses: list[Members] = []
    capacities: list[object] = []
    for _, part in _transacted(asked, ("Get",)):
        table = part.table
        key, paths = table.key_from(part.item("Key")), _projection(part)
        part.placeholders.done()
        item = table.items.get(key)
        responses.append({} if item is None else {"Item": write_item(item if paths is None else project(item, paths))})
        capacities.append(consumed(table, 2 * read_units(item_size(item or {}), consistent=True)))
    return {"Responses": responses} | _capacities(asked, capacities)
