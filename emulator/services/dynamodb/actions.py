"""What a request to DynamoDB asks leave for: IAM actions, ARNs and condition keys.

Service Authorization Reference, "Actions, resources, and condition keys for
Amazon DynamoDB"; Developer Guide, "Using IAM policy conditions for fine-grained
access control".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from emulator.services.dynamodb.errors import DynamoDbError
from emulator.services.dynamodb.expressions import Placeholders, parse_condition
from emulator.services.dynamodb.query_calls import key_conditions
from emulator.services.dynamodb.requests import table_name
from emulator.services.dynamodb.table_calls import arn_of
from emulator.services.dynamodb.values import SCALARS
from emulator.services.messages import Access

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from emulator.services.dynamodb.requests import Store

_TRANSACTED: Final = {
    "ConditionCheck": "dynamodb:ConditionCheckItem",
    "Delete": "dynamodb:DeleteItem",
    "Get": "dynamodb:GetItem",
    "Put": "dynamodb:PutItem",
    "Update": "dynamodb:UpdateItem",
}
_WORDS: Final = (
    ("dynamodb:returnconsumedcapacity", "ReturnConsumedCapacity"),
    ("dynamodb:returnvalues", "ReturnValues"),
    ("dynamodb:select", "Select"),
)

Keys = tuple[tuple[str, tuple[str, ...]], ...]


def accesses_of(store: Store, operation: str, members: Mapping[str, Any]) -> tuple[Access, ...]:
    """Return what a request asks leave for.

    Raises:
        DynamoDbError: for one that will be refused.
    """
    if operation == "ListTables":
        return (Access("dynamodb:ListTables", "*"),)
    action = f"dynamodb:{operation}"
    if operation in ("BatchGetItem", "BatchWriteItem"):
        requested = members.get("RequestItems")
        if not isinstance(requested, dict):
            return ()
        return tuple(_access(store, action, name, _batch_keys(store, name, one)) for name, one in requested.items())
    if operation in ("TransactGetItems", "TransactWriteItems"):
        found = []
        for entry in members.get("TransactItems") or ():
            for what, one in entry.items() if isinstance(entry, dict) else ():
                if what in _TRANSACTED and isinstance(one, dict):
                    name = one.get("TableName")
                    found.append(_access(store, _TRANSACTED[what], name, _leading(store, name, [one])))
        return tuple(dict.fromkeys(found))
    name = members.get("TableName")
    keys: Keys = tuple((key, (str(members[word]),)) for key, word in _WORDS if members.get(word) is not None)
    if operation == "Query":
        keys += _queried(store, name, members)
    elif operation in ("GetItem", "PutItem", "UpdateItem", "DeleteItem"):
        keys += _leading(store, name, [members])
    return (_access(store, action, name, keys, members.get("IndexName")),)


def _access(store: Store, action: str, name: object, keys: Keys, index: object = None) -> Access:
    short = table_name(name)
    table = store.tables.get(short)
    resource = arn_of(store, table or short) + (f"/index/{index}" if index is not None else "")
    owner_id, policy = (None, None) if table is None else (table.owner_id, table.policy)
    return Access(action, resource, owner_id, policy, keys)


def _batch_keys(store: Store, name: object, requested: object) -> Keys:
    if isinstance(requested, dict):
        return _leading(store, name, [{"Key": key} for key in requested.get("Keys") or ()])
    if not isinstance(requested, list):
        return ()
    return _leading(store, name, [one for entry in requested if isinstance(entry, dict) for one in entry.values()])


def _leading(store: Store, name: object, requests: Iterable[Mapping[str, Any]]) -> Keys:
    """Return the values of the partition key, which policies may ask for (``dynamodb:LeadingKeys``)."""
    table = store.tables.get(table_name(name))
    if table is None:
        return ()
    found = []
    for one in requests:
        document = one.get("Item") or one.get("Key")
        value = document.get(table.schema.partition) if isinstance(document, dict) else None
        if isinstance(value, dict):
            found += [str(text) for kind, text in value.items() if kind in SCALARS]
    return (("dynamodb:leadingkeys", tuple(dict.fromkeys(found))),) if found else ()


def _queried(store: Store, name: object, members: Mapping[str, Any]) -> Keys:
    """Return the partition key's value of a query, unless it will be refused."""
    table = store.tables.get(table_name(name))
    if table is None or members.get("IndexName") is not None:
        return ()
    try:
        given = Placeholders(
            members.get("ExpressionAttributeNames"), members.get("ExpressionAttributeValues"), expressions=True
        )
        condition = parse_condition("KeyConditionExpression", members.get("KeyConditionExpression"), given)
        value, _ = key_conditions(condition, table.schema)
    except DynamoDbError:
        return ()
    return (("dynamodb:leadingkeys", (str(value.data),)),) if value.type != "B" else ()
