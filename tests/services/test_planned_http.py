"""The generic HTTP service, answering as a document has it."""

from __future__ import annotations

import asyncio
import json

import pytest

from emulator.services import OptionError, program_of
from emulator.services.blocks import blocks
from tests.services.harness import ask, run
from tests.services.test_programs_on_loopback import service

DENY = '{"Statement": [{"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*"}]}'


def http(**options):
    return program_of(service("http", **options)).application


def test_a_status_a_body_and_headers_instead_of_the_description():
    answer = run(http(status=503, body="later", headers={"retry-after": "5"}), ask("GET", "/x"))
    assert (answer[0], answer[1]["retry-after"], answer[2]) == (503, "5", b"later")
    assert run(http(size=100_000), ask("GET", "/x"))[2] == b"".join(blocks(0, 100_000))
    status, headers, content = run(http(headers={"x-served-by": "a"}), ask("GET", "/x"))
    assert (status, headers["x-served-by"], json.loads(content)["path"]) == (200, "a", "/x")


def test_the_first_route_that_matches_answers():
    application = http(
        body="other",
        routes={"/health": {"body": "ok"}, "POST /jobs/*": {"status": 202, "body": ""}, "/jobs/*": {"status": 404}},
    )
    asked = [("GET", "/health"), ("POST", "/jobs/7/start"), ("GET", "/jobs/7"), ("GET", "/")]
    answers = [run(application, ask(method, path))[::2] for method, path in asked]
    assert answers == [(200, b"ok"), (202, b""), (404, b""), (200, b"other")]


@pytest.mark.asyncio
async def test_a_service_that_thinks():
    loop = asyncio.get_running_loop()
    application = http(think_time="250ms", routes={"/slow": {"think_time": "2s"}})
    times = []
    for path in ("/", "/slow"):
        begun = loop.time()
        await application.respond(ask("GET", path), program_body())
        times.append(round(loop.time() - begun, 6))
    assert times == [0.25, 2.0]


def program_body():
    from emulator.services.messages import Body

    return Body.of()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"status": 99}, r"options\.status: expected 200 to 599"),
        ({"status": 600}, r"options\.status: at most 599"),
        ({"size": 1, "body": "x"}, "either size or body"),
        ({"think_time": "soon"}, r"options\.think_time: expected a duration like 10ms"),
        ({"think_time": 5}, r"options\.think_time: expected a duration"),
        ({"hosts": ["x"]}, r"options: unknown option 'hosts'"),
        ({"routes": {"/x": {"colour": "red"}}}, r"options\.routes\./x: unknown option 'colour'"),
        ({"headers": {"a": 5}}, r"options\.headers\.a: expected a text"),
    ],
)
def test_a_wrong_plan_is_named(options, message):
    with pytest.raises(OptionError, match=message):
        http(**options)
