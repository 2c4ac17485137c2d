"""aiobotocore, unmodified, in a VPC: DynamoDB through a gateway endpoint, SQS through an interface one."""

from __future__ import annotations

import asyncio
import os
import textwrap

import pytest
from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from botocore.exceptions import ClientError

from emulator import Network
from emulator.services.tls import AUTHORITY

TOPOLOGY = """
    region: us-east-1
    vpcs: {vpc: {cidr_blocks: [10.0.0.0/16], enable_dns_support: true, enable_dns_hostnames: true}}
    subnets: {a: {cidr_block: 10.0.1.0/24, availability_zone: us-east-1a, route_table_id: private}}
    route_tables: {private: {}}
    security_groups: {open: {ingress: [{protocol: tcp, ports: 443, peer: 10.0.0.0/16}]}}
    instances: {app: {subnet_id: a}}
    services:
      dynamodb:
        options: {tables: {orders: {key_schema: {pk: S}, items: [{pk: first, amount: 12.50}]}}}
      com.amazonaws.us-east-1.sqs: {application: moto, private_dns_names: [sqs.us-east-1.amazonaws.com]}
    vpc_endpoints:
      tables:
        service_name: dynamodb
        route_table_ids: [private]
        policy_document:
          Statement:
            - {Effect: Allow, Principal: "*", Action: "*", Resource: "*"}
            - {Effect: Deny, Principal: "*", Action: "dynamodb:DeleteItem", Resource: "*"}
      queues:
        service_name: sqs
        vpc_endpoint_type: Interface
        subnet_ids: [a]
        security_group_ids: [open]
        private_dns_enabled: true
"""


@pytest.fixture
def network(tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    path = tmp_path / "topology.yaml"
    path.write_text(textwrap.dedent(TOPOLOGY))
    with Network.load(path, seed=5) as network:
        yield network


def sdk(name, scheme="https"):
    session = get_session()
    session.set_config_variable("config_file", os.devnull)
    return session.create_client(
        name,
        region_name="us-east-1",
        endpoint_url=f"{scheme}://{name}.us-east-1.amazonaws.com",
        verify=str(AUTHORITY),
        aws_access_key_id="AKIDEXAMPLE",
        aws_secret_access_key="secret",  # noqa: S106 - nobody's
        config=AioConfig(proxies={}),
    )


@pytest.mark.fact("POL-13")
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_dynamodb_through_a_gateway_endpoint(network, scheme):
    async def story():
        async with sdk("dynamodb", scheme) as client:
            key = {"pk": {"S": "first"}}
            await client.update_item(
                TableName="orders",
                Key=key,
                UpdateExpression="SET amount = amount + :more",
                ExpressionAttributeValues={":more": {"N": "0.25"}},
            )
            found = await client.get_item(TableName="orders", Key=key)
            with pytest.raises(ClientError) as caught:
                await client.delete_item(TableName="orders", Key=key)
            return found["Item"], caught.value.response

    item, denied = network.run(story(), host="app")
    assert item == {"pk": {"S": "first"}, "amount": {"N": "12.75"}}
    assert (denied["ResponseMetadata"]["HTTPStatusCode"], denied["Error"]["Code"]) == (400, "AccessDeniedException")


def test_sqs_through_an_interface_endpoint(network):
    async def story():
        loop = asyncio.get_running_loop()
        async with sdk("sqs") as client:
            url = (await client.create_queue(QueueName="jobs"))["QueueUrl"]
            begun = loop.time()
            nothing = await client.receive_message(QueueUrl=url, WaitTimeSeconds=10)
            waited = loop.time() - begun
            await client.send_message(QueueUrl=url, MessageBody="do it")
            got = await client.receive_message(QueueUrl=url, WaitTimeSeconds=10)
            return url, "Messages" in nothing, waited, got["Messages"][0]["Body"]

    url, came, waited, body = network.run(story(), host="app")
    assert (came, body) == (False, "do it")
    assert waited == pytest.approx(10, abs=0.1)
    assert url.startswith("https://sqs.us-east-1.amazonaws.com/")
