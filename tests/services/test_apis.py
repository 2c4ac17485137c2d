"""The application ``execute-api``: private APIs through endpoints, public ones outside."""

from __future__ import annotations

import json

import pytest

from emulator.services.apis import Apis
from emulator.services.guard import Guard
from emulator.services.messages import Provenance
from emulator.services.options import OptionError
from emulator.services.programs import program_named
from tests.services.harness import CLIENT, FULL_ACCESS, ask, run

OUTSIDE = Provenance("203.0.113.9", 40000)
NAME = "com.amazonaws.us-east-1.execute-api"


def apis() -> Apis:
    return Apis(NAME, "us-east-1", {"ledger": "PRIVATE", "shop": "REGIONAL"})


@pytest.mark.parametrize(
    ("api", "came", "status"),
    [
        ("ledger", CLIENT, 200),
        ("ledger", OUTSIDE, 403),
        ("shop", CLIENT, 403),
        ("shop", OUTSIDE, 200),
        ("none", CLIENT, 403),
        ("none", OUTSIDE, 403),
    ],
)
def test_each_api_answers_at_its_own_side(api: str, came: Provenance, status: int) -> None:
    request = ask("GET", "/prod/items", host=f"{api}.execute-api.us-east-1.amazonaws.com", provenance=came)
    found, headers, content = run(apis(), request)
    assert found == status
    if status == 403:
        assert (headers["x-amzn-errortype"], json.loads(content)) == ("ForbiddenException", {"message": "Forbidden"})
    else:
        assert json.loads(content)["api_id"] == api


def test_by_the_endpoints_own_name_a_header_says_which_api() -> None:
    request = ask(
        "GET", "/prod", ("x-apigw-api-id", "ledger"), host="vpce-1-x.execute-api.us-east-1.vpce.amazonaws.com"
    )
    assert run(apis(), request)[0] == 200


def test_endpoint_policies_name_methods_of_apis() -> None:
    policy = FULL_ACCESS.replace('"Resource": "*"', '"Resource": "arn:aws:execute-api:us-east-1:*:ledger/prod/GET/*"')
    guard = Guard(apis(), lambda _: policy)
    hosts = "ledger.execute-api.us-east-1.amazonaws.com"
    assert [run(guard, ask(method, "/prod/items", host=hosts))[0] for method in ("GET", "POST")] == [200, 403]


def test_an_unknown_endpoint_type_is_a_problem() -> None:
    with pytest.raises(OptionError, match=r"apis\.a\.endpoint_type: expected PRIVATE or REGIONAL, not 'EDGE'"):
        program_named("execute-api", NAME, "us-east-1", {"apis": {"a": {"endpoint_type": "EDGE"}}})
