"""DynamoDB beyond what moto judges: documents, what policies are asked, wire details, properties."""

from __future__ import annotations

import asyncio
import json
import zlib
from decimal import Decimal
from itertools import chain

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from emulator.services import OptionError
from emulator.services.dynamodb import DynamoDb, tables_of
from emulator.services.dynamodb.tables import KeySchema, Ordered
from emulator.services.dynamodb.values import Value, read, size, write
from emulator.services.guard import Guard
from emulator.services.messages import Body
from emulator.services.options import Options
from tests.services.clients import client
from tests.services.harness import ask, run

ORDERS = {
    "orders": {
        "key_schema": {"pk": "S", "sk": "N"},
        "owner_id": "111122223333",
        "global_secondary_indexes": {"by_state": {"key_schema": {"state": "S"}, "projection": "KEYS_ONLY"}},
        "items": [
            {
                "pk": "a",
                "sk": number,
                "state": "open" if number % 2 else "shut",
                "tags": ["x", 1.5, True, None, {"y": "z"}],
            }
            for number in range(10)
        ],
    },
    "plain": {"key_schema": {"id": "S"}},
}
DENY = '{"Statement": [{"Effect": "Deny", "Principal": "*", "Action": "dynamodb:DeleteItem", "Resource": "*"}]}'


@pytest.fixture
def application():
    return DynamoDb("com.amazonaws.us-east-1.dynamodb", "us-east-1", tables_of(Options(ORDERS)))


@pytest.fixture
def dynamodb(application):
    return client("dynamodb", application)


def post(operation, members):
    target = ("x-amz-target", f"DynamoDB_20120810.{operation}")
    return ask("POST", "/", target, host="dynamodb.us-east-1.amazonaws.com"), json.dumps(members).encode()


def key(pk, sk):
    return {"pk": {"S": pk}, "sk": {"N": str(sk)}}


def test_tables_of_a_document(dynamodb):
    found = dynamodb.get_item(TableName="orders", Key=key("a", 1))["Item"]
    tags = [{"S": "x"}, {"N": "1.5"}, {"BOOL": True}, {"NULL": True}, {"M": {"y": {"S": "z"}}}]
    assert found == {**key("a", 1), "state": {"S": "open"}, "tags": {"L": tags}}
    table = dynamodb.describe_table(TableName="orders")["Table"]
    assert (table["ItemCount"], table["TableArn"]) == (10, "arn:aws:dynamodb:us-east-1:111122223333:table/orders")
    assert table["GlobalSecondaryIndexes"][0]["ItemCount"] == 10
    by_arn = dynamodb.get_item(TableName=table["TableArn"], Key=key("a", 2))
    assert by_arn["Item"]["state"] == {"S": "shut"}


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ({"t": {}}, "'t' is no name of a table"),
        ({"table": {}}, r"options\.table\.key_schema: expected one or two attributes"),
        ({"table": {"key_schema": {"a": "L"}}}, r"key_schema\.a: expected S, N or B, not 'L'"),
        ({"table": {"key_schema": {"a": "S"}, "items": [{"a": 5}]}}, r"items\.0: .*Type mismatch for key a"),
        ({"table": {"key_schema": {"a": "S"}, "items": [5]}}, r"items\.0: expected an item"),
        ({"table": {"key_schema": {"a": "S"}, "colour": 1}}, "unknown option 'colour'"),
        ({"table": {"key_schema": {"a": "S"}, "policy": "{"}}, r"options\.table\.policy: The policy is not valid JSON"),
        ({"table": {"key_schema": {"a": "S"}, "owner_id": "me"}}, "expected an account of 12 digits"),
    ],
)
def test_a_wrong_table_is_named(tables, message):
    with pytest.raises(OptionError, match=message):
        tables_of(Options(tables))


def test_pages_of_queries_and_scans_are_the_whole(dynamodb):
    def pages(operation, **more):
        for page in dynamodb.get_paginator(operation).paginate(TableName="orders", **more):
            yield [int(item["sk"]["N"]) for item in page["Items"]]

    condition = {"KeyConditionExpression": "pk = :p", "ExpressionAttributeValues": {":p": {"S": "a"}}}
    assert list(pages("query", **condition, Limit=4)) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    backwards = list(pages("query", **condition, Limit=5, ScanIndexForward=False))
    assert backwards == [[9, 8, 7, 6, 5], [4, 3, 2, 1, 0], []]  # a page that is full does not know it is the last
    index = {
        "IndexName": "by_state",
        "KeyConditionExpression": "#s = :s",
        "ExpressionAttributeNames": {"#s": "state"},
        "ExpressionAttributeValues": {":s": {"S": "open"}},
    }
    assert sorted(chain.from_iterable(pages("query", **index, Limit=2))) == [1, 3, 5, 7, 9]
    assert sorted(chain.from_iterable(pages("scan", Limit=3))) == list(range(10))
    segments = [list(chain.from_iterable(pages("scan", Segment=number, TotalSegments=4))) for number in range(4)]
    assert sorted(chain.from_iterable(segments)) == list(range(10))


def test_a_page_is_a_megabyte(dynamodb):
    for number in range(5):
        dynamodb.put_item(TableName="plain", Item={"id": {"S": f"{number}"}, "fill": {"S": "x" * 399_000}})
    page = dynamodb.scan(TableName="plain", ReturnConsumedCapacity="TOTAL")
    assert (page["Count"], page["ConsumedCapacity"]["CapacityUnits"]) == (3, 146.5)
    rest = dynamodb.scan(TableName="plain", ExclusiveStartKey=page["LastEvaluatedKey"])
    assert {item["id"]["S"] for item in page["Items"] + rest["Items"]} == set("01234")


def test_capacity(dynamodb):
    def units(call, **more):
        answer = call(TableName="plain", ReturnConsumedCapacity="TOTAL", **more)
        return answer["ConsumedCapacity"]["CapacityUnits"]

    item = {"id": {"S": "k"}, "fill": {"S": "x" * 5000}}
    assert units(dynamodb.put_item, Item=item) == 5
    assert units(dynamodb.get_item, Key={"id": {"S": "k"}}) == 1
    assert units(dynamodb.get_item, Key={"id": {"S": "k"}}, ConsistentRead=True) == 2
    assert units(dynamodb.get_item, Key={"id": {"S": "nothing"}}) == 0.5
    assert units(dynamodb.delete_item, Key={"id": {"S": "k"}}) == 5


def test_a_transaction_with_the_same_token_is_the_same(dynamodb):
    add = {"TableName": "plain", "Key": {"id": {"S": "n"}}, "UpdateExpression": "ADD c :o"}
    add["ExpressionAttributeValues"] = {":o": {"N": "1"}}
    for _ in range(2):
        dynamodb.transact_write_items(TransactItems=[{"Update": add}], ClientRequestToken="once")
    assert dynamodb.get_item(TableName="plain", Key={"id": {"S": "n"}})["Item"]["c"] == {"N": "1"}
    other = {**add, "UpdateExpression": "ADD d :o"}
    with pytest.raises(ClientError, match="IdempotentParameterMismatchException"):
        dynamodb.transact_write_items(TransactItems=[{"Update": other}], ClientRequestToken="once")


def test_why_a_transaction_was_cancelled(dynamodb):
    put = {"TableName": "orders", "Item": key("a", 1), "ConditionExpression": "attribute_not_exists(pk)"}
    put["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
    with pytest.raises(dynamodb.exceptions.TransactionCanceledException) as caught:
        dynamodb.transact_write_items(
            TransactItems=[{"Put": {"TableName": "plain", "Item": {"id": {"S": "new"}}}}, {"Put": put}]
        )
    first, second = caught.value.response["CancellationReasons"]
    assert first == {"Code": "None"}
    assert (second["Code"], second["Item"]["state"]) == ("ConditionalCheckFailed", {"S": "open"})
    assert "Item" not in dynamodb.get_item(TableName="plain", Key={"id": {"S": "new"}})


@pytest.mark.parametrize(
    ("operation", "members", "code"),
    [
        ("Frobnicate", {}, "UnknownOperationException"),
        ("GetItem", {"TableName": "orders", "Key": {"pk": "a"}}, "SerializationException"),
        ("GetItem", {"Key": {}}, "ValidationException"),
        ("GetItem", {"TableName": "x", "Key": {}}, "ValidationException"),
        ("Query", {"TableName": "orders", "KeyConditions": {}}, "ValidationException"),
        ("Scan", {"TableName": "orders", "Limit": 0}, "ValidationException"),
        ("Scan", {"TableName": "orders", "ExpressionAttributeNames": {"#a": "b"}}, "ValidationException"),
        ("Scan", {"TableName": "nowhere"}, "ResourceNotFoundException"),
    ],
)
def test_errors_are_its_json(application, operation, members, code):
    status, headers, content = run(application, *post(operation, members))
    document = json.loads(content)
    assert (status, document["__type"].partition("#")[2]) == (400, code)
    assert headers["x-amz-crc32"] == str(zlib.crc32(content))
    assert len(headers["x-amzn-requestid"]) == 52


def test_what_is_no_json_is_told_so(application):
    request, _ = post("Scan", {})
    assert b"SerializationException" in run(application, request, b"{")[2]
    assert run(application, ask("GET", "/", host="dynamodb.us-east-1.amazonaws.com"))[2].startswith(b"healthy")


@pytest.mark.fact("POL-13")
def test_a_denial_is_a_400(application):
    guard = Guard(application, lambda _: DENY)
    status, _, content = run(guard, *post("DeleteItem", {"TableName": "orders", "Key": key("a", 1)}))
    document = json.loads(content)
    assert (status, document["__type"]) == (400, "com.amazon.coral.service#AccessDeniedException")
    assert "with an explicit deny in a VPC endpoint policy" in document["Message"]
    dynamodb = client("dynamodb", guard)
    with pytest.raises(ClientError, match="AccessDeniedException"):
        dynamodb.delete_item(TableName="orders", Key=key("a", 1))


ORDERS_ARN = "arn:aws:dynamodb:us-east-1:111122223333:table/orders"
PLAIN_ARN = "arn:aws:dynamodb:us-east-1:123456789012:table/plain"


@pytest.mark.parametrize(
    ("operation", "members", "expected"),
    [
        ("ListTables", {}, [("dynamodb:ListTables", "*")]),
        ("PutItem", {"TableName": "plain", "Item": {}}, [("dynamodb:PutItem", PLAIN_ARN)]),
        (
            "Query",
            {"TableName": "orders", "IndexName": "by_state"},
            [("dynamodb:Query", f"{ORDERS_ARN}/index/by_state")],
        ),
        (
            "BatchGetItem",
            {"RequestItems": {"orders": {"Keys": []}, "plain": {"Keys": []}}},
            [("dynamodb:BatchGetItem", ORDERS_ARN), ("dynamodb:BatchGetItem", PLAIN_ARN)],
        ),
        (
            "TransactWriteItems",
            {"TransactItems": [{"Put": {"TableName": "plain"}}, {"ConditionCheck": {"TableName": "orders"}}]},
            [("dynamodb:PutItem", PLAIN_ARN), ("dynamodb:ConditionCheckItem", ORDERS_ARN)],
        ),
        ("CreateTable", {"TableName": "new"}, [("dynamodb:CreateTable", PLAIN_ARN.replace("plain", "new"))]),
        ("Frobnicate", {}, []),
    ],
)
def test_what_a_request_asks_leave_for(application, operation, members, expected):
    request, body = post(operation, members)
    found = asyncio.run(application.accesses(request, Body.of(body)))
    assert [(one.action, one.resource) for one in found] == expected


def test_the_partition_key_is_a_condition_key(application):
    def keys(operation, **members):
        request, body = post(operation, {"TableName": "orders", **members})
        (access,) = asyncio.run(application.accesses(request, Body.of(body)))
        assert access.owner_id == "111122223333"
        return dict(access.keys)

    assert keys("GetItem", Key=key("a", 1)) == {"dynamodb:leadingkeys": ("a",)}
    condition = {"KeyConditionExpression": "pk = :p", "ExpressionAttributeValues": {":p": {"S": "b"}}}
    assert keys("Query", **condition, Select="COUNT") == {
        "dynamodb:select": ("COUNT",),
        "dynamodb:leadingkeys": ("b",),
    }


# ---- properties

scalars = st.one_of(
    st.builds(lambda text: {"S": text}, st.text(max_size=5)),
    st.builds(lambda number: {"N": str(number)}, st.integers(-(10**37), 10**37)),
    st.builds(lambda flag: {"BOOL": flag}, st.booleans()),
    st.just({"NULL": True}),
)
documents = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.builds(lambda items: {"L": items}, st.lists(inner, max_size=3)),
        st.builds(lambda items: {"M": items}, st.dictionaries(st.text(min_size=1, max_size=3), inner, max_size=3)),
    ),
    max_leaves=8,
)


@given(documents)
def test_a_value_comes_back_as_it_went(document):
    value = read(document)
    assert write(value) == document
    assert size(value) >= 0


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 5)), max_size=30), st.sampled_from("abc"))
def test_items_stand_in_order_whatever_was_added_and_taken(steps, partition):
    ordered, there = Ordered(KeySchema("pk", "S", "sk", "N")), set()
    for pk, sk in steps:
        place = (Value("S", pk), Value("N", Decimal(sk)))
        if place in there:
            there.discard(place)
            ordered.remove(place, place)
        else:
            there.add(place)
            ordered.add(place, place)
    scanned = [found for found, _ in ordered.scan()]
    assert sorted(scanned, key=str) == sorted(there, key=str)
    own = sorted(one[1].data for one in there if one[0].data == partition)
    forward = [found for found, _ in ordered.partition(Value("S", partition))]
    backward = [found for found, _ in ordered.partition(Value("S", partition), forward=False)]
    assert [found[1].data for found in forward] == own
    assert backward == forward[::-1]
    for place in scanned:  # and a page may end anywhere
        rest = [found for found, _ in ordered.scan(after=(place, place))]
        assert rest == scanned[scanned.index(place) + 1 :]
