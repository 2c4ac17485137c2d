"""What DynamoDB refuses, and how it says so."""

from __future__ import annotations

import json

import pytest

from emulator.services.dynamodb import DynamoDb, tables_of
from emulator.services.options import Options
from tests.services.harness import ask, run

TABLE = {
    "orders": {
        "key_schema": {"pk": "S", "sk": "N"},
        "global_secondary_indexes": {
            "by_state": {"key_schema": {"state": "S"}, "projection": "KEYS_ONLY"},
        },
        "items": [{"pk": "a", "sk": 1, "s": "text", "n": 5, "l": [1], "m": {"x": "y"}, "state": "open"}],
    }
}
T = {"TableName": "orders"}
KEY = {"Key": {"pk": {"S": "a"}, "sk": {"N": "1"}}}


def post(operation, members):
    application = DynamoDb("dynamodb", "us-east-1", tables_of(Options(TABLE)))
    target = ("x-amz-target", f"DynamoDB_20120810.{operation}")
    status, _, content = run(application, ask("POST", "/", target), json.dumps({**T, **members}).encode())
    return status, json.loads(content)


def message(operation, members):
    status, document = post(operation, members)
    assert status == 400, document
    assert document["__type"].endswith(("#ValidationException", "#SerializationException"))
    return document["message" if "message" in document else "Message"]


@pytest.mark.parametrize(
    ("expression", "values", "said"),
    [
        (" ", {}, "The expression can not be empty;"),
        ("a" * 5000, {}, "Expression size has exceeded the maximum allowed size"),
        ("s = :v AND", {":v": {"S": "x"}}, 'Syntax error; token: "<EOF>"'),
        ("s ? :v", {":v": {"S": "x"}}, 'Syntax error; token: "?"'),
        ("s = :v)", {":v": {"S": "x"}}, 'Syntax error; token: ")"'),
        ("l[x] = :v", {":v": {"S": "x"}}, 'Syntax error; token: "x"'),
        ("s BETWEEN :v AND :w", {":v": {"S": "b"}, ":w": {"S": "a"}}, "requires upper bound to be greater"),
        ("s BETWEEN :v AND :w", {":v": {"S": "b"}, ":w": {"N": "1"}}, "requires same data type"),
        ("contains(s)", {}, "Incorrect number of operands for operator or function; operator or function: contains"),
        ("size(s, n) = :v", {":v": {"N": "1"}}, "Incorrect number of operands for operator or function"),
        ("attribute_exists(:v)", {":v": {"S": "x"}}, "Operator or function requires a document path"),
        ("begins_with(s, :v)", {":v": {"N": "1"}}, "operator or function: begins_with, operand type: N"),
        ("attribute_type(s, :v)", {":v": {"S": "X"}}, "Invalid attribute type name found; type: X"),
        ("attribute_type(s, n)", {}, "operator or function: attribute_type"),
        ("if_not_exists(s, n)", {}, "The function is not allowed in a condition expression"),
        ("frob(s)", {}, "Invalid function name; function: frob"),
        ("#n = :v", {":v": {"S": "x"}}, "name used in the document path is not defined; attribute name: #n"),
        ("s = :w", {":v": {"S": "x"}}, "value used in expression is not defined; attribute value: :w"),
    ],
)
def test_conditions(expression, values, said):
    members = {**KEY, "ConditionExpression": expression} | ({"ExpressionAttributeValues": values} if values else {})
    found = message("DeleteItem", members)
    assert found.startswith("Invalid ConditionExpression: ")
    assert said in found


@pytest.mark.parametrize(
    ("expression", "values", "said"),
    [
        ("ADD s s", {}, "Syntax error"),
        ("ADD l :v", {":v": {"L": []}}, "operator: ADD, operand type: LIST"),
        ("DELETE n :v", {":v": {"N": "1"}}, "operator: DELETE, operand type: NUMBER"),
        ("SET a = frob(s)", {}, "Invalid function name; function: frob"),
        ("SET a = size(s)", {}, "The function is not allowed in an update expression; function: size"),
        ("SET a = if_not_exists(:v, s)", {":v": {"S": "x"}}, "requires a document path"),
        ("SET a = list_append(:v, l)", {":v": {"S": "x"}}, "operator or function: list_append, operand type: S"),
        ("REMOVE a REMOVE b", {}, 'The "REMOVE" section can only be used once'),
        ("REMOVE m.x, m", {}, "Two document paths overlap with each other"),
    ],
)
def test_updates(expression, values, said):
    members = {**KEY, "UpdateExpression": expression} | ({"ExpressionAttributeValues": values} if values else {})
    found = message("UpdateItem", members)
    assert found.startswith("Invalid UpdateExpression: ")
    assert said in found


@pytest.mark.parametrize(
    ("operation", "members", "said"),
    [
        (
            "UpdateItem",
            {**KEY, "UpdateExpression": "SET a = list_append(s, l)"},
            "An operand in the update expression has",
        ),
        (
            "UpdateItem",
            {**KEY, "UpdateExpression": "SET s.x = n"},
            "The document path provided in the update expression",
        ),
        ("PutItem", {}, "The parameter 'Item' is required"),
        ("PutItem", {"Item": {"pk": {"S": "a", "N": "1"}}}, "more than one datatypes set"),
        ("PutItem", {"Item": {"pk": {}}}, "Supplied AttributeValue is empty"),
        ("PutItem", {"Item": {"pk": {"X": "a"}}}, "Supplied AttributeValue is empty"),
        ("PutItem", {"Item": {"pk": {"L": "a"}}}, "Unexpected value type in payload"),
        ("PutItem", {"Item": {"pk": {"B": "="}}}, "Base64 encoded length is unexpected"),
        ("PutItem", {"Item": {"pk": {"NULL": False}}}, "Null attribute value types must have the value of true"),
        ("PutItem", {"Item": {"pk": {"SS": []}}}, "An string set  may not be empty"),
        ("PutItem", {"Item": {"pk": {"S": "x" * 2049}, "sk": {"N": "1"}}}, "Size of hashkey has exceeded"),
        ("PutItem", {"Item": {**KEY["Key"], "state": {"S": ""}}}, "IndexName: by_state, IndexKey: state"),
        ("PutItem", {"Item": {**KEY["Key"], "n": {"N": "1e-131"}}}, "Number underflow"),
        ("PutItem", {"Item": {**KEY["Key"], "n": {"N": "inf"}}}, "cannot be converted to a numeric value"),
        ("PutItem", {"Item": KEY["Key"], "ReturnValues": "ALL_NEW"}, "failed to satisfy constraint"),
        ("GetItem", {"Key": {"pk": {"S": "a"}, "x": {"N": "1"}}}, "The provided key element does not match the schema"),
        ("GetItem", {**KEY, "ProjectionExpression": "a, a"}, "Two document paths overlap"),
        ("GetItem", {**KEY, "ProjectionExpression": 5}, "Unexpected value type of ProjectionExpression"),
        ("GetItem", {"TableName": 5, **KEY}, "Unexpected value type of TableName"),
        ("GetItem", {"TableName": "a b c", **KEY}, "Member must satisfy regular expression pattern"),
        ("Scan", {"FilterExpression": "s = :v", "ExpressionAttributeValues": {}}, "must not be empty"),
        (
            "Scan",
            {"FilterExpression": "s = :v", "ExpressionAttributeValues": {"v": {"S": "x"}}},
            "contains invalid key",
        ),
        (
            "Scan",
            {"FilterExpression": "s = :v", "ExpressionAttributeValues": {":v": {"N": "x"}}},
            "contains invalid value",
        ),
        ("Scan", {"Segment": 3, "TotalSegments": 2}, "zero-based and must be less than"),
        ("Scan", {"Limit": "5"}, "Unexpected value type of Limit"),
        ("Scan", {"Select": "COUNT", "ProjectionExpression": "s"}, "choosing to get only the Count"),
        ("Scan", {"Select": "SPECIFIC_ATTRIBUTES"}, "Must specify the AttributesToGet or ProjectionExpression"),
        ("Scan", {"Select": "ALL_PROJECTED_ATTRIBUTES"}, "only when Querying using an IndexName"),
        ("Scan", {"Select": "ALL_ATTRIBUTES", "IndexName": "by_state"}, "its projection type is not ALL"),
        ("Scan", {"ExclusiveStartKey": {"pk": {"S": "a"}}}, "The provided starting key is invalid"),
        ("Query", {}, "KeyConditionExpression parameter must be specified"),
        ("BatchGetItem", {"RequestItems": {}}, "Member must have length greater than or equal to 1"),
        ("BatchWriteItem", {"RequestItems": {"orders": [{}]}}, "Supplied WriteRequest is empty"),
        ("TransactWriteItems", {"TransactItems": []}, "Member must have length less than or equal to 100"),
        ("TransactWriteItems", {"TransactItems": [{"Get": {}}]}, "TransactItems can only contain one of"),
        (
            "TransactWriteItems",
            {"TransactItems": [{"ConditionCheck": {**T, **KEY}}]},
            "'ConditionExpression' is required",
        ),
    ],
)
def test_requests(operation, members, said):
    assert said in message(operation, members)


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ("pk = :a OR sk = :n", "Invalid operator used in KeyConditionExpression: OR"),
        ("pk = :a AND (sk = :n AND sk = :n)", "Conditions can be of length 1 or 2 only"),
        ("pk = :a AND sk <> :n", "Invalid operator used in KeyConditionExpression: <>"),
        ("pk = :a AND m.x = :n", "cannot have nested operations"),
        ("pk = :a AND sk = s", "Invalid condition in KeyConditionExpression"),
        ("pk = :a AND pk = :a", "must only contain one condition per key"),
        ("pk = :n", "Condition parameter type does not match schema type"),
        ("pk = :a AND sk = :n AND s = :n", "Query key condition not supported"),
    ],
)
def test_key_conditions(condition, said):
    values = {name: value for name, value in ((":a", {"S": "a"}), (":n", {"N": "1"})) if name in condition}
    members = {"KeyConditionExpression": condition, "ExpressionAttributeValues": values}
    assert said in message("Query", members)


def definition(**changes):
    return {
        "TableName": "new",
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "BillingMode": "PAY_PER_REQUEST",
        **changes,
    }


INDEX = {
    "IndexName": "other",
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    "Projection": {"ProjectionType": "ALL"},
}


@pytest.mark.parametrize(
    ("members", "said"),
    [
        (definition(KeySchema=[]), "KeySchema has one or two elements"),
        (definition(KeySchema=[{"AttributeName": "id", "KeyType": "RANGE"}]), "is not a HASH key type"),
        (definition(KeySchema=[{"AttributeName": "x", "KeyType": "HASH"}]), "are not defined in AttributeDefinitions"),
        (
            definition(
                KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "id", "KeyType": "RANGE"}]
            ),
            "have the same name",
        ),
        (definition(AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "L"}]), "enum value set: [B, N, S]"),
        (
            definition(
                AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("id", "unused")]
            ),
            "does not exactly match number of attributes",
        ),
        (definition(BillingMode="PROVISIONED"), "must both be specified when BillingMode is PROVISIONED"),
        (definition(ProvisionedThroughput={"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}), "PAY_PER_REQUEST"),
        (definition(LocalSecondaryIndexes=[INDEX]), "does not have a range key"),
        (definition(GlobalSecondaryIndexes=[INDEX, INDEX]), "Duplicate index name: other"),
        (definition(GlobalSecondaryIndexes=[{**INDEX, "Projection": {}}]), "Unknown ProjectionType"),
        (
            definition(GlobalSecondaryIndexes=[{**INDEX, "Projection": {"ProjectionType": "INCLUDE"}}]),
            "NonKeyAttributes",
        ),
        (definition(GlobalSecondaryIndexes=[INDEX] * 21), "exceeds the per-table limit of 20"),
        (definition(StreamSpecification={"StreamEnabled": True}), "streams are not modelled"),
    ],
)
def test_tables(members, said):
    assert said in message("CreateTable", members)


def test_a_protected_table_is_not_deleted():
    application = DynamoDb("dynamodb", "us-east-1", {})
    target = "DynamoDB_20120810."
    for operation, status in (("CreateTable", 200), ("DeleteTable", 400), ("DescribeTable", 200)):
        members = definition(DeletionProtectionEnabled=True) if operation == "CreateTable" else {"TableName": "new"}
        request = ask("POST", "/", ("x-amz-target", target + operation))
        assert run(application, request, json.dumps(members).encode())[0] == status


@pytest.mark.parametrize("depth", [32, 33])
def test_values_are_nested_so_deep_and_no_deeper(depth):
    value = {"S": "x"}
    for _ in range(depth):
        value = {"L": [value]}
    status, document = post("PutItem", {"Item": {"pk": {"S": "a"}, "sk": {"N": "2"}, "deep": value}})
    assert status == (200 if depth == 32 else 400), document
