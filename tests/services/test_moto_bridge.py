"""Services that moto answers for, behind endpoints."""

from __future__ import annotations

import asyncio
import importlib.util
import json

import pytest

from emulator.services import OptionError, program_of
from emulator.services.guard import Guard
from emulator.services.messages import Body
from emulator.services.moto_bridge import Moto
from emulator.services.moto_names import label_of
from tests.services.clients import client
from tests.services.harness import FULL_ACCESS, ask, run
from tests.services.test_programs_on_loopback import service

DENY = '{"Statement": [{"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*"}]}'
FORM = ("content-type", "application/x-www-form-urlencoded")


def moto(name):
    return Moto(f"com.amazonaws.us-east-1.{name}", "us-east-1")


def sdk(name, behind=None):
    return client(name, moto(behind or name))


def test_a_queue_takes_and_gives():
    sqs = sdk("sqs")
    url = sqs.create_queue(QueueName="jobs")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="work & rest")
    assert [message["Body"] for message in sqs.receive_message(QueueUrl=url)["Messages"]] == ["work & rest"]


@pytest.mark.parametrize(
    ("name", "behind", "operation", "member"),
    [
        ("sts", "sts", "get_caller_identity", "Arn"),
        ("secretsmanager", "secretsmanager", "list_secrets", "SecretList"),
        ("kms", "kms", "list_keys", "Keys"),
        ("lambda", "lambda", "list_functions", "Functions"),
        ("sns", "sns", "list_topics", "Topics"),
        ("ecr", "ecr.api", "describe_repositories", "repositories"),
        ("kinesis", "kinesis-streams", "list_streams", "StreamNames"),
        ("cloudwatch", "monitoring", "list_metrics", "Metrics"),
        ("ec2", "ec2", "describe_vpcs", "Vpcs"),
        ("dynamodb", "dynamodb", "list_tables", "TableNames"),
    ],
)
def test_services_by_all_protocols(name, behind, operation, member):
    assert member in getattr(sdk(name, behind), operation)()


def test_s3_of_moto_is_found_by_bucket_in_host_and_in_path():
    s3 = sdk("s3")
    s3.create_bucket(Bucket="shelf")
    s3.put_object(Bucket="shelf", Key="a/b c", Body=b"xyz")
    assert s3.get_object(Bucket="shelf", Key="a/b c")["Body"].read() == b"xyz"
    path_style = client("s3", moto("s3"), s3={"addressing_style": "path"})
    assert path_style.list_buckets()["Buckets"] == []  # another network: nothing of the first is left


def test_ids_repeat():
    def made():
        return sdk("kms").create_key()["KeyMetadata"]["KeyId"]

    assert made() == made()


@pytest.mark.asyncio
async def test_a_long_poll_waits_in_the_time_of_the_run():
    application, loop = moto("sqs"), asyncio.get_running_loop()

    async def call(operation, **members):
        headers = (("x-amz-target", f"AmazonSQS.{operation}"), ("content-type", "application/x-amz-json-1.0"))
        request = ask("POST", "/", *headers, host="sqs.us-east-1.amazonaws.com")
        response = await application.respond(request, Body.of(json.dumps(members).encode()))
        return json.loads(response.content)

    url = (await call("CreateQueue", QueueName="slow"))["QueueUrl"]
    begun = loop.time()
    assert "Messages" not in await call("ReceiveMessage", QueueUrl=url, WaitTimeSeconds=20)
    assert loop.time() - begun == pytest.approx(20)
    waiting = asyncio.create_task(call("ReceiveMessage", QueueUrl=url, WaitTimeSeconds=20))
    await asyncio.sleep(3)
    begun = loop.time()
    await call("SendMessage", QueueUrl=url, MessageBody="at last")
    assert [message["Body"] for message in (await waiting)["Messages"]] == ["at last"]
    assert loop.time() - begun <= 0.5


@pytest.mark.parametrize(
    ("name", "request_", "body", "action"),
    [
        ("sqs", ask("POST", "/", ("x-amz-target", "AmazonSQS.SendMessage")), b"{}", "sqs:SendMessage"),
        ("kms", ask("POST", "/", ("x-amz-target", "TrentService.Decrypt")), b"{}", "kms:Decrypt"),
        ("sns", ask("POST", "/", FORM), b"Action=Publish&Version=2010-03-31", "sns:Publish"),
        ("sts", ask("GET", "/", query="Action=GetCallerIdentity"), b"", "sts:GetCallerIdentity"),
        ("monitoring", ask("POST", "/", FORM), b"Action=ListMetrics", "cloudwatch:ListMetrics"),
        ("lambda", ask("GET", "/2015-03-31/functions/"), b"", "lambda:ListFunctions"),
        ("lambda", ask("POST", "/2015-03-31/functions/f/invocations"), b"", "lambda:Invoke"),
        ("eks", ask("GET", "/clusters/c"), b"", "eks:DescribeCluster"),
    ],
)
def test_the_action_that_policies_judge(name, request_, body, action):
    (access,) = asyncio.run(moto(name).accesses(request_, Body.of(body)))
    assert (access.action, access.resource) == (action, "*")


def test_s3_and_dynamodb_of_moto_have_resources():
    (access,) = asyncio.run(moto("s3").accesses(ask("GET", "/shelf/k"), Body.of()))
    assert (access.action, access.resource) == ("s3:GetObject", "arn:aws:s3:::shelf/k")
    target = ("x-amz-target", "DynamoDB_20120810.Scan")
    (access,) = asyncio.run(moto("dynamodb").accesses(ask("POST", "/", target), Body.of(b'{"TableName": "orders"}')))
    assert access.resource == "arn:aws:dynamodb:us-east-1:123456789012:table/orders"


@pytest.mark.fact("POL-13")
@pytest.mark.parametrize(
    ("name", "request_", "body", "status", "code"),
    [
        ("kms", ask("POST", "/", ("x-amz-target", "TrentService.ListKeys")), b"{}", 400, b"AccessDeniedException"),
        ("sns", ask("POST", "/", FORM), b"Action=ListTopics", 403, b"<Code>AccessDenied</Code>"),
        ("ec2", ask("POST", "/", FORM), b"Action=DescribeVpcs", 403, b"<Code>UnauthorizedOperation</Code>"),
        ("lambda", ask("GET", "/2015-03-31/functions/"), b"", 403, b"Message"),
        ("s3", ask("GET", "/"), b"", 403, b"<Code>AccessDenied</Code>"),
    ],
)
def test_a_denial_speaks_the_protocol_of_the_service(name, request_, body, status, code):
    answered, _, content = run(Guard(moto(name), lambda _: DENY), request_, body)
    assert answered == status
    assert code in content


def test_an_allowed_request_passes_the_guard_with_its_body():
    sts = client("sts", Guard(moto("sts"), lambda _: FULL_ACCESS))
    assert sts.get_caller_identity()["Account"] == "123456789012"


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("com.amazonaws.us-east-1.sqs", "sqs"),
        ("com.amazonaws.us-gov-west-1.ecr.api", "api.ecr"),
        ("com.amazonaws.iam", "iam"),
        ("kinesis-firehose", "firehose"),
    ],
)
def test_the_label_in_host_names(name, label):
    assert label_of(name) == label


def test_what_is_missing_is_named(monkeypatch):
    with pytest.raises(OptionError, match=r"moto knows no service at frobnicate\.us-east-1\.amazonaws\.com"):
        moto("frobnicate")
    assert program_of(_sqs()).port == 80
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "flask" else object())
    with pytest.raises(OptionError, match=r"moto needs flask, of the extra: pip install vpcemu\[aws\]"):
        moto("sqs")


def _sqs():
    from dataclasses import replace

    return replace(service("moto"), service_name="com.amazonaws.us-east-1.sqs")
