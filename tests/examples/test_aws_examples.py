"""aiobotocore on S3 and DynamoDB: what the examples promise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dynamodb_with_aiobotocore
import pytest
import s3_with_aiobotocore
from aiobotocore.config import AioConfig
from aiobotocore.httpxsession import HttpxSession
from botocore.exceptions import ClientError

from emulator import Network
from tests.examples.frames import frames, opened, resets

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def came(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return s3_with_aiobotocore.main(tmp_path_factory.mktemp("s3"))


def test_s3_is_used_by_aiobotocore(came: dict[str, Any]) -> None:
    assert came["told"][:-1] == [
        'whole: packets were here, ETag "5580401d09e63d2b2d2d97c1019967e0"',
        "range: 1000 bytes, bytes 1000-1999/10000000",
        "in parts: 10486760 bytes",
        "pages: [['notes/0.txt', 'notes/1.txt'], ['notes/2.txt', 'notes/3.txt'], ['notes/4.txt']]",
        "notes/4.txt: 404 NoSuchKey",
        "secret.bin: 403 AccessDenied",
    ]
    seen = frames(came["capture"].path)
    assert len(opened(seen, 80)) == 3, "a pool of as many connections as there were parts at once"
    assert not resets(seen)
    assert came["network"].rulings[-1].decision.allowed is False


def test_a_client_without_a_route_waits_for_every_address_at_every_attempt(came: dict[str, Any]) -> None:
    """Three attempts at four addresses of five seconds each, and two pauses of at most one and two seconds."""
    name, _, seconds, _ = came["told"][-1].split()
    assert name == "ConnectTimeoutError"
    assert 60 < float(seconds) < 63
    assert came["blocker"] == "NO_ROUTE_TO_DESTINATION at isolated"
    assert {str(drop.ending) for drop in came["network"].ledger.since(0)} == {came["blocker"]}


def test_dynamodb_is_used_by_aiobotocore_and_survives_an_outage(tmp_path: Path) -> None:
    came = dynamodb_with_aiobotocore.main(tmp_path)
    assert came["told"][:-1] == [
        "order 2 is 25",
        "pages: [[2, 3, 4], [5]]",
        "put over another: 400 ConditionalCheckFailedException",
        "transaction: 400 TransactionCanceledException",
        "another table: 400 AccessDeniedException",
    ]
    words = came["told"][-1].split()
    assert words[:5] == ["outage:", "order", "1", "is", "10"]
    assert int(words[6]) >= 1
    assert 20 < float(words[8]) < 30, "the route came back after 20 s"
    lost = {str(drop.ending) for drop in came["network"].ledger.since(0)}
    assert lost == {"NO_ROUTE_TO_DESTINATION at private"}
    assert {flow.attachment_id for flow in came["network"].flows() if "tcp" in flow.flow} == {"eni-app", "dynamodb"}
    assert not resets(frames(came["capture"].path))


@pytest.mark.filterwarnings("ignore:aiobotocore's httpx backend now prefers httpx2:DeprecationWarning")
def test_aiobotocore_works_over_httpx_as_well(tmp_path: Path) -> None:
    async def use():
        async with s3_with_aiobotocore.s3(AioConfig(http_session_cls=HttpxSession, proxies={})) as client:
            await client.put_object(Bucket="training", Key="note.txt", Body=b"packets were here")
            answer = await client.get_object(Bucket="training", Key="note.txt")
            read = await answer["Body"].read()
            with pytest.raises(ClientError, match="AccessDenied"):
                await client.get_object(Bucket="training", Key="secret.bin")
        return read

    with Network.load(s3_with_aiobotocore.TOPOLOGY, seed=1) as network:
        capture = network.capture("app", tmp_path / "app.pcapng")
        assert network.run(use(), host="app") == b"packets were here"
    lines = {frame.payload.split(b"\r\n")[0] for frame in frames(capture.path) if frame.dport == 80}
    assert b"GET http://s3.us-east-1.amazonaws.com/training/note.txt HTTP/1.1" in lines, "absolute, and understood"
