"""aiobotocore, unmodified, uses DynamoDB through a gateway endpoint.

A table is made, filled in batches, updated under conditions and queried page by page; a condition that does not
hold, a transaction that is cancelled and a table that the endpoint's policy denies are errors with DynamoDB's own
codes, all of them answers over healthy connections.  Then the endpoint loses its route in the middle of it all:
botocore tries again and again, in virtual time, and comes through once somebody has put the route back.

Things to know: see ``s3_with_aiobotocore.py``.

    python examples/dynamodb_with_aiobotocore.py [FOLDER]
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from botocore.exceptions import ClientError

from emulator import Network

if TYPE_CHECKING:
    from collections.abc import Callable

TOPOLOGY = Path(__file__).parents[1] / "topologies" / "programs" / "topology.yaml"
TABLE = "orders"


def dynamodb() -> Any:
    """Return a client of DynamoDB, to be entered; nothing of this machine's set-up gets into it."""
    session = get_session()
    session.set_config_variable("config_file", os.devnull)
    return session.create_client(
        "dynamodb",
        region_name="us-east-1",
        endpoint_url="http://dynamodb.us-east-1.amazonaws.com",
        aws_access_key_id="AKIAIOSFODNN7EXAMPLE",
        aws_secret_access_key="wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",  # noqa: S106 - the one of AWS's documentation
        config=AioConfig(proxies={}, connect_timeout=2, retries={"mode": "standard", "total_max_attempts": 5}),
    )


def item(number: int, **attributes: dict[str, str]) -> dict[str, dict[str, str]]:
    """Return an order of Alice's."""
    return {"customer": {"S": "alice"}, "number": {"N": str(number)}, **attributes}


async def use(client: Any) -> list[str]:
    """Use tables, and tell what came of it."""
    told = []
    await client.create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[
            {"AttributeName": "customer", "KeyType": "HASH"},
            {"AttributeName": "number", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": "customer", "AttributeType": "S"},
            {"AttributeName": "number", "AttributeType": "N"},
        ],
    )
    await client.get_waiter("table_exists").wait(TableName=TABLE)
    puts = [{"PutRequest": {"Item": item(number, quantity={"N": str(number * 10)})}} for number in range(1, 6)]
    await client.batch_write_item(RequestItems={TABLE: puts})
    changed = await client.update_item(
        TableName=TABLE,
        Key=item(2),
        UpdateExpression="ADD quantity :more",
        ExpressionAttributeValues={":more": {"N": "5"}},
        ReturnValues="ALL_NEW",
    )
    told.append(f"order 2 is {changed['Attributes']['quantity']['N']}")
    pages = client.get_paginator("query").paginate(
        TableName=TABLE,
        KeyConditionExpression="customer = :who AND #number >= :least",
        ExpressionAttributeNames={"#number": "number"},
        ExpressionAttributeValues={":who": {"S": "alice"}, ":least": {"N": "2"}},
        PaginationConfig={"PageSize": 3},
    )
    told.append(f"pages: {[[int(found['number']['N']) for found in page['Items']] async for page in pages]}")
    new = {"TableName": TABLE, "Item": item(1), "ConditionExpression": "attribute_not_exists(customer)"}
    for name, call in (
        ("put over another", client.put_item(**new)),
        ("transaction", client.transact_write_items(TransactItems=[{"Put": new}])),
        ("another table", client.get_item(TableName="payroll", Key=item(1))),
    ):
        try:
            await call
        except ClientError as error:
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            told.append(f"{name}: {status} {error.response['Error']['Code']}")
    return told


async def use_through_an_outage(client: Any, unplug: Callable[[], object], plug: Callable[[], object]) -> str:
    """Ask while the endpoint has no route; it is back after twenty seconds."""
    loop = asyncio.get_running_loop()
    unplug()
    loop.call_later(20, plug)
    began = loop.time()
    answer = await client.get_item(TableName=TABLE, Key=item(1))
    retries = answer["ResponseMetadata"]["RetryAttempts"]
    return f"outage: order 1 is {answer['Item']['quantity']['N']} after {retries} retries, {loop.time() - began:.1f} s"


def main(folder: Path = Path("pcaps/out")) -> dict[str, Any]:
    """Run the programs in virtual time, and return what happened."""
    random.seed(1)
    with Network.load(TOPOLOGY, seed=1) as network:

        def unplug() -> None:
            network.ec2.modify_vpc_endpoint("dynamodb", remove_route_table_ids=["private"])

        def plug() -> None:
            network.ec2.modify_vpc_endpoint("dynamodb", add_route_table_ids=["private"])

        async def program() -> list[str]:
            async with dynamodb() as client:
                told = await use(client)
            async with dynamodb() as client:  # with no connection yet: one that is there would time out on reading
                told.append(await use_through_an_outage(client, unplug, plug))
            return told

        capture = network.capture("app", folder / "dynamodb_with_aiobotocore.pcapng")
        told = network.run(program(), host="app")
        seconds = network.now / 1e9
    for line in told:
        print(line)
    print(f"{seconds:.3f} virtual seconds, {capture.written} packets: {capture.path}")
    return {"told": told, "seconds": seconds, "network": network, "capture": capture}


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
