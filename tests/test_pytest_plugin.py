"""The pytest plugin, in test runs of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow  # each is a test run of its own
ROOT = Path(__file__).parents[1]
TOPOLOGY = (ROOT / "topologies" / "two-az-endpoints" / "topology.yaml").read_text("utf-8")
HEAD = """
import asyncio
import pytest

async def status(path="/training/big.bin", host="s3.us-east-1.amazonaws.com"):
    reader, writer = await asyncio.open_connection(host, 80)
    writer.write(f"HEAD {path} HTTP/1.1\\r\\nHost: {host}\\r\\nConnection: close\\r\\n\\r\\n".encode())
    answer = await reader.read()
    writer.close()
    return answer[:12]
"""
STRICT = "[pytest]\nasyncio_default_fixture_loop_scope = function\nfilterwarnings = error\naddopts = --strict-markers\n"
AUTO = STRICT + "asyncio_mode = auto\n"


@pytest.fixture
def run(tmp_path):
    """Run pytest on the tests given and return its exit code and output."""

    def run(tests: str, *options: str, ini: str = STRICT, asyncio: bool = True, conftest: str = "") -> tuple[int, str]:
        (tmp_path / "topology.yaml").write_text(TOPOLOGY)
        (tmp_path / "pytest.ini").write_text(ini)
        (tmp_path / "conftest.py").write_text(conftest)
        (tmp_path / "test_it.py").write_text(HEAD + tests)
        plugins = ["-p", "emulator.pytest_plugin", *(["-p", "pytest_asyncio.plugin"] if asyncio else [])]
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *plugins, *options],
            cwd=tmp_path,
            env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    return run


ON_A_HOST = """
@pytest.mark.vpc("topology.yaml", host="web")
async def test_on_the_host(network):
    assert await status() == b"HTTP/1.1 200"
    await asyncio.sleep(3600)
    assert network.loop is asyncio.get_running_loop()
    assert 3600 < network.now / 1e9 < 3601
"""
IN_BETWEEN = """
@pytest.mark.vpc("topology.yaml")
async def test_as_a_director(network):
    task = network.start(status(), host="web")
    assert await task == b"HTTP/1.1 200"
    network.ec2.modify_vpc_endpoint("s3", remove_route_table_ids=["private"])
    with pytest.raises(OSError):
        await network.start(status(), host="web")
"""
NOT_ASYNC = """
@pytest.mark.vpc("topology.yaml", seed=7)
def test_not_async(network):
    assert network.seed == 7
    assert network.run(status(), host="web") == b"HTTP/1.1 200"
"""


@pytest.mark.parametrize("ini", [STRICT, AUTO], ids=["strict", "auto"])
@pytest.mark.parametrize("asyncio", [True, False], ids=["beside pytest-asyncio", "alone"])
def test_a_marked_test_runs_in_virtual_time_on_a_fresh_network(run, ini, asyncio):
    ini = ini if asyncio else "[pytest]\nfilterwarnings = error\naddopts = --strict-markers\n"
    code, output = run(ON_A_HOST + IN_BETWEEN + NOT_ASYNC, ini=ini, asyncio=asyncio)
    assert code == 0, output
    assert "3 passed" in output
    assert "warning" not in output


def test_options_change_the_network_of_their_test_only(run):
    code, output = run("""
@pytest.mark.vpc("topology.yaml", host="web", set={"vpc_endpoints.s3.route_table_ids": "[]"})
async def test_changed(network):
    with pytest.raises(OSError):
        async with asyncio.timeout(5):
            await status()

@pytest.mark.vpc("topology.yaml", host="web")
async def test_as_written(network):
    assert await status() == b"HTTP/1.1 200"

@pytest.mark.vpc("topology.yaml", real_time=True, threads=True)
async def test_modes(network):
    import threading, time
    started = time.monotonic()
    await asyncio.sleep(0.02)
    assert time.monotonic() - started >= 0.02
    assert await asyncio.to_thread(threading.get_ident) != threading.get_ident()
""")
    assert code == 0, output
    assert "3 passed" in output


def test_async_fixtures_run_on_the_tests_loop_and_host(run):
    code, output = run("""
import pytest_asyncio

@pytest_asyncio.fixture
async def server(network):
    async def answer(reader, writer):
        writer.write(b"hello from a fixture")
        writer.close()
    server = await asyncio.start_server(answer, "10.0.1.10", 80)
    yield server
    server.close()
    await server.wait_closed()

@pytest.mark.vpc("topology.yaml", host="web")
async def test_it(network, server):
    assert server.get_loop() is network.loop is asyncio.get_running_loop()
    assert await status(host="10.0.1.10") == b"hello from a"
""")
    assert code == 0, output


def test_other_tests_keep_their_loops_and_names(run):
    tests = """
import time

@pytest.mark.asyncio
async def test_before():
    assert type(asyncio.get_running_loop()).__module__ == "asyncio.unix_events"

@pytest.mark.vpc("topology.yaml", host="web")
@pytest.mark.parametrize(("name", "code"), [("big", 200), ("secret", 403)])
async def test_marked(network, name, code):
    assert await status(f"/training/{name}.bin") == b"HTTP/1.1 %d" % code

@pytest.mark.asyncio
async def test_after():
    assert type(asyncio.get_running_loop()).__module__ == "asyncio.unix_events"
    started = time.monotonic()
    await asyncio.sleep(0.01)
    assert time.monotonic() - started > 0.009
"""
    code, output = run(tests, "-v")
    assert code == 0, output
    for name in ("test_before PASSED", "test_marked[secret-403] PASSED", "test_after PASSED"):
        assert name in output


def test_classes_and_modules_can_be_marked_and_properties_too(run):
    code, output = run("""
from hypothesis import HealthCheck, given, settings, strategies

pytestmark = pytest.mark.vpc("topology.yaml", host="web")

class TestOne:
    async def test_method(self, network):
        assert network.loop is asyncio.get_running_loop()

@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(strategies.integers(0, 3600))
async def test_property(network, seconds):
    before = network.now
    await asyncio.sleep(seconds)
    assert network.now == before + seconds * 10**9
""")
    assert code == 0, output
    assert "2 passed" in output


def test_a_projects_own_loops_stay_for_its_other_tests(run):
    code, output = run(
        """
@pytest.mark.asyncio
async def test_own():
    assert type(asyncio.get_running_loop()).__name__ == "Own"

@pytest.mark.vpc("topology.yaml")
async def test_marked(network):
    assert network.loop is asyncio.get_running_loop()
""",
        conftest="""
import asyncio
class Own(asyncio.SelectorEventLoop):
    pass
def pytest_asyncio_loop_factories(config, item):
    return {"own": Own}
""",
    )
    assert code == 0, output


def test_a_failure_tells_what_was_dropped_and_where_the_captures_are(run, tmp_path):
    code, output = run(
        """
@pytest.mark.vpc("topology.yaml", host="batch")
async def test_fails(network):
    async with asyncio.timeout(5):
        await status(host="52.216.0.1")
""",
        "--vpcemu-captures",
        str(tmp_path / "captures"),
    )
    assert code == 1, output
    assert "- vpcemu -" in output
    assert " dropped" in output
    assert "first at 0." in output
    captures = sorted((tmp_path / "captures").rglob("*"))
    pcap = next(path for path in captures if path.name.startswith("batch"))
    assert pcap.name == "batch.pcapng"
    assert f"capture: {pcap}" in output.replace("\n", "")
    assert pcap.stat().st_size > 500


def test_a_deadlock_is_a_failure_that_names_who_waits(run):
    code, output = run("""
@pytest.mark.vpc("topology.yaml", host="web")
async def test_waits(network):
    await asyncio.get_running_loop().create_future()
""")
    assert code == 1
    assert "deadlock at" in output
    assert "1 failed" in output


def test_mistakes_are_errors_that_say_what_to_write(run):
    code, output = run("""
@pytest.mark.vpc("topology.yaml", hosts="web")
async def test_option(network): ...

@pytest.mark.vpc("topology.yaml", host="wbe")
async def test_host(network): ...

@pytest.mark.vpc("nowhere.yaml")
async def test_document(network): ...

def test_without_mark(network): ...
""")
    assert code == 1, output
    assert "4 errors" in output
    for text in (
        "unknown hosts; it is mark.vpc(topology, host=",
        "no host 'wbe'",
        "nowhere.yaml",
        "needs @pytest.mark.vpc",
    ):
        assert text in output


def test_nothing_of_the_emulator_is_imported_for_other_tests(run):
    code, output = run("""
def test_plain():
    import sys
    assert [name for name in sys.modules if name.startswith("emulator")] == ["emulator", "emulator.pytest_plugin"]
""")
    assert code == 0, output
