"""aiobotocore on S3 and DynamoDB: what the examples promise."""

from __future__ import annotations

from typing import Any

import pytest
import s3_with_aiobotocore

from tests.examples.frames import frames, opened, resets

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def came(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return s3_with_aiobotocore.main(tmp_path_factory.mktemp("s3"))


def test_s3_is_used_by_aiobotocore(came: dict[str, Any]) -> None:
    assert came["told"][:-1] == [
        'whole: packets were here, ETag "5580401d09e63d2b2d2d97c1019967e0"',
        "range: 1000 bytes, bytes 1000-1999/10000000",
        "pages: [['notes/0.txt', 'notes/1.txt'], ['notes/2.txt', 'notes/3.txt'], ['notes/4.txt']]",
        "notes/4.txt: 404 NoSuchKey",
        "secret.bin: 403 AccessDenied",
    ]
    seen = frames(came["capture"].path)
    assert len(opened(seen, 80)) == 1, "one connection for all of it"
    assert not resets(seen)
    assert came["network"].rulings[-1].decision.allowed is False


def test_a_client_without_a_route_waits_for_every_address_at_every_attempt(came: dict[str, Any]) -> None:
    """Three attempts at four addresses of five seconds each, and two pauses of at most one and two seconds."""
    name, _, seconds, _ = came["told"][-1].split()
    assert name == "ConnectTimeoutError"
    assert 60 < float(seconds) < 63
    assert came["blocker"] == "NO_ROUTE_TO_DESTINATION at isolated"
    assert {str(drop.ending) for drop in came["network"].ledger.since(0)} == {came["blocker"]}
