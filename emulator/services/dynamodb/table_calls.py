"""Operations of DynamoDB on tables.

A table is there as soon as it is made, and gone as soon as it is deleted; the
answers of these two say CREATING and DELETING, as DynamoDB's do.

Amazon DynamoDB API Reference, "CreateTable", "DescribeTable" and so on.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

from emulator.model.epoch import EPOCH_NS
from emulator.services.dynamodb.errors import DynamoDbError, invalid, invalid_value
from emulator.services.dynamodb.requests import Asked, Store, table_name
from emulator.services.dynamodb.tables import Index, KeySchema, Ordered, Table, check_type, key_schema
from emulator.services.names import partition_of

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_LISTED: Final = 100
MOST_GLOBAL_INDEXES: Final = 20
MOST_LOCAL_INDEXES: Final = 5


def arn_of(store: Store, table: Table | str) -> str:
    """Return a table's ARN."""
    name = table if isinstance(table, str) else table.table_name
    owner = None if isinstance(table, str) else table.owner_id
    return f"arn:{partition_of(store.region)}:dynamodb:{store.region}:{owner or store.account}:table/{name}"


async def create_table(asked: Asked) -> dict[str, Any]:
    """CreateTable."""
    members, store = asked.members, asked.store
    name = table_name(members.get("TableName"))
    types = {}
    for one in members.get("AttributeDefinitions") or ():
        types[str(one.get("AttributeName"))] = check_type(str(one.get("AttributeType")))
    schema = key_schema(members.get("KeySchema"), types)
    table = Table(name, schema, asked.now)
    table.billing_mode = asked.choice("BillingMode", "PROVISIONED", "PAY_PER_REQUEST")
    table.throughput = _throughput(members, table.billing_mode)
    table.deletion_protection_enabled = bool(members.get("DeletionProtectionEnabled"))
    for what, is_global, most in (
        ("LocalSecondaryIndexes", False, MOST_LOCAL_INDEXES),
        ("GlobalSecondaryIndexes", True, MOST_GLOBAL_INDEXES),
    ):
        given = members.get(what) or ()
        if len(given) > most:
            raise invalid_value(f"{what} count exceeds the per-table limit of {most}")
        for one in given:
            index = _index(one, types, is_global=is_global)
            if not is_global and schema.sort is None:
                sentence = "Table KeySchema does not have a range key, which is required when specifying a"
                raise invalid_value(f"{sentence} LocalSecondaryIndex")
            if not is_global and index.schema.partition != schema.partition:
                sentence = "Index KeySchema does not have the same leading hash key as table KeySchema for index"
                raise invalid_value(f"{sentence}: {index.index_name}")
            if index.index_name in table.indexes:
                raise invalid_value(f"Duplicate index name: {index.index_name}")
            table.indexes[index.index_name] = index
    schemas = (schema, *(index.schema for index in table.indexes.values()))
    used = {attribute for one in schemas for attribute, _ in one.attributes}
    if used != {*types}:
        sentence = "Number of attributes in KeySchema does not exactly match number of attributes defined in"
        raise invalid_value(f"{sentence} AttributeDefinitions")
    if members.get("StreamSpecification", {}).get("StreamEnabled"):
        raise invalid("StreamSpecification: streams are not modelled")
    if name in store.tables:
        raise DynamoDbError("ResourceInUseException", f"Table already exists: {name}")
    store.tables[name] = table
    return {"TableDescription": describe(store, table, "CREATING")}


def _throughput(members: Mapping[str, Any], billing_mode: str) -> tuple[int, int]:
    given = members.get("ProvisionedThroughput")
    if billing_mode == "PAY_PER_REQUEST":
        if given is not None:
            sentence = "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is"
            raise invalid_value(f"{sentence} PAY_PER_REQUEST")
        return 0, 0
    if given is None:
        sentence = "ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED"
        raise invalid_value(sentence)
    return int(given["ReadCapacityUnits"]), int(given["WriteCapacityUnits"])


def _index(members: Mapping[str, Any], types: Mapping[str, str], *, is_global: bool) -> Index:
    projection = members.get("Projection") or {}
    kind = projection.get("ProjectionType")
    if kind not in ("ALL", "KEYS_ONLY", "INCLUDE"):
        raise invalid_value(f"Unknown ProjectionType: {kind}")
    attributes = tuple(projection.get("NonKeyAttributes") or ())
    if bool(attributes) is not (kind == "INCLUDE"):
        sentence = f"ProjectionType is {kind}, {'but' if attributes else 'and no'} NonKeyAttributes is specified"
        raise invalid_value(sentence)
    schema = key_schema(members.get("KeySchema"), types)
    return Index(str(members.get("IndexName")), Ordered(schema), kind, attributes, is_global)


async def describe_table(asked: Asked) -> dict[str, Any]:
    """DescribeTable."""
    table = asked.store.table(asked.members.get("TableName"), say_which=True)
    return {"Table": describe(asked.store, table, "ACTIVE")}


async def delete_table(asked: Asked) -> dict[str, Any]:
    """DeleteTable."""
    store = asked.store
    table = store.table(asked.members.get("TableName"), say_which=True)
    if table.deletion_protection_enabled:
        sentence = (
            f"Resource cannot be deleted as it is currently protected against deletion. Table: {table.table_name}"
        )
        raise invalid(sentence)
    del store.tables[table.table_name]
    return {"TableDescription": describe(store, table, "DELETING")}


async def list_tables(asked: Asked) -> dict[str, Any]:
    """ListTables."""
    limit = asked.integer("Limit", MOST_LISTED, 1, MOST_LISTED)
    after = asked.members.get("ExclusiveStartTableName") or ""
    names = sorted(name for name in asked.store.tables if name > after)
    answer: dict[str, Any] = {"TableNames": names[:limit]}
    if limit is not None and len(names) > limit:
        answer["LastEvaluatedTableName"] = names[limit - 1]
    return answer


def describe(store: Store, table: Table, status: str) -> dict[str, Any]:
    """Return a TableDescription."""
    arn = arn_of(store, table)
    types: dict[str, str] = dict(table.schema.attributes)
    for index in table.indexes.values():
        types |= dict(index.schema.attributes)
    read, write = table.throughput
    found: dict[str, Any] = {
        "AttributeDefinitions": [{"AttributeName": name, "AttributeType": types[name]} for name in sorted(types)],
        "TableName": table.table_name,
        "KeySchema": _schema(table.schema),
        "TableStatus": status,
        "CreationDateTime": (EPOCH_NS + table.created_at) // 1_000_000 / 1000,
        "ProvisionedThroughput": {
            "NumberOfDecreasesToday": 0,
            "ReadCapacityUnits": read,
            "WriteCapacityUnits": write,
        },
        "TableSizeBytes": table.size_bytes,
        "ItemCount": len(table.items),
        "TableArn": arn,
        "TableId": _table_id(arn, table),
        "DeletionProtectionEnabled": table.deletion_protection_enabled,
    }
    if table.billing_mode == "PAY_PER_REQUEST":
        found["BillingModeSummary"] = {"BillingMode": table.billing_mode}
    for what, is_global in (("LocalSecondaryIndexes", False), ("GlobalSecondaryIndexes", True)):
        own = [index for index in table.indexes.values() if index.is_global is is_global]
        if own:
            found[what] = [_index_description(arn, table, index, status) for index in own]
    return found


def _table_id(arn: str, table: Table) -> str:
    """Return what looks like a UUID, and is the same in every run."""
    digits = hashlib.sha256(f"{arn}/{table.created_at}".encode()).hexdigest()
    return "-".join((digits[:8], digits[8:12], f"4{digits[12:15]}", f"8{digits[15:18]}", digits[18:30]))


def _index_description(arn: str, table: Table, index: Index, status: str) -> dict[str, Any]:
    projection: dict[str, Any] = {"ProjectionType": index.projection_type}
    if index.non_key_attributes:
        projection["NonKeyAttributes"] = list(index.non_key_attributes)
    present = [item for item in table.items.values() if index.schema.key_of(item) is not None]
    found = {
        "IndexName": index.index_name,
        "KeySchema": _schema(index.schema),
        "Projection": projection,
        "IndexArn": f"{arn}/index/{index.index_name}",
        "ItemCount": len(present),
    }
    if index.is_global:
        found["IndexStatus"] = status
    return found


def _schema(schema: KeySchema) -> list[dict[str, str]]:
    kinds = ("HASH", "RANGE")
    return [{"AttributeName": name, "KeyType": kind} for (name, _), kind in zip(schema.attributes, kinds, strict=False)]
