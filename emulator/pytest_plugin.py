"""pytest plugin: a test with a VPC of its own, in virtual time.

    @pytest.mark.vpc("topology.yaml", host="web")
    async def test_the_client_finds_its_bucket(network):
        ...

The test gets a fresh ``network``, built from the document (a path beside the test
file, else below the root directory), and runs on its loop; with ``host`` it runs on
that host.  Further options: ``seed``, ``set`` (values of the document to change, as ``--set``), ``real_time``
and ``threads``.  An async test needs no ``asyncio`` mark; with pytest-asyncio its async
fixtures (of function scope) run on the same loop.  A test that is not async gets the network and runs it.

A failing test's report says what was dropped and why; ``--vpcemu-captures DIR`` keeps a capture of every
instance of every such test.

Nothing of the emulator is imported before a test is marked so.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping
    from contextvars import Token

    from emulator.asyncio_net.stack import HostStack
    from emulator.network.network import Network

_OPTIONS: Final = ("host", "seed", "set", "real_time", "threads")
_LINES: Final = 20
"""Kinds of drops that a report lists."""
_PROTOCOLS: Final = {1: "icmp", 6: "tcp", 17: "udp"}


class _Run:
    """One test and its network."""

    def __init__(self, item: pytest.Item, mark: pytest.Mark) -> None:
        from emulator.network.network import Network  # noqa: PLC0415 - for marked tests only

        unknown = ", ".join(set(mark.kwargs).difference(_OPTIONS))
        if len(mark.args) != 1 or unknown:
            wrong = f"unknown {unknown}; " if unknown else ""
            raise pytest.UsageError(f"{wrong}it is mark.vpc(topology, {', '.join(f'{one}=' for one in _OPTIONS)})")
        options = mark.kwargs
        self.network: Network = Network.load(
            _document(item, Path(mark.args[0])),
            seed=options.get("seed", 0),
            overrides=[(str(key), str(value)) for key, value in options.get("set", {}).items()],
            real_time=options.get("real_time", False),
            threads=options.get("threads", False),
        )
        self._token: Token[HostStack] | None = None
        self._settled: bool = False
        folder = item.config.getoption("vpcemu_captures")
        try:
            if folder is not None:
                self._capture(Path(folder), item.nodeid)
            self.network.start_built_in()
            if "host" in options:
                self._settle_on(options["host"])
        except BaseException:
            self.network.abandon()
            raise

    def _capture(self, folder: Path, name: str) -> None:
        from emulator.capture.files import capture_path, safe_name  # noqa: PLC0415 - for marked tests only

        for instance in self.network.ec2.instances:
            self.network.capture(instance, capture_path(folder / safe_name(name), instance))

    def _settle_on(self, host: str) -> None:
        from emulator.asyncio_net.current import current_host  # noqa: PLC0415 - for marked tests only

        self._token = current_host.set(self.network.host(host))

    def called(self) -> None:
        """The test is over: let what is on its way arrive, for a virtual second at most, and end the captures."""
        if self._settled:
            return
        self._settled = True
        network = self.network
        if network.captures and network.fabric.in_flight and not network.loop.is_closed():
            with contextlib.suppress(RuntimeError):  # a deadlock, which the test has met already
                network.loop.run_until_complete(asyncio.sleep(1))
        network.end_captures(complete=network.fabric.in_flight == 0)

    def end(self) -> None:
        """Close what is left."""
        self.called()
        self.network.abandon()
        if self._token is not None:
            from emulator.asyncio_net.current import current_host  # noqa: PLC0415 - for marked tests only

            current_host.reset(self._token)

    def story(self) -> str:
        """Return what a report says of the network."""
        from emulator.asyncio_net.addresses import dotted  # noqa: PLC0415 - for marked tests only

        network = self.network
        lines = [f"{network.now / 1e9:.6f} s, {network.fabric.sent:,} packets, {network.ledger.total:,} dropped"]
        first: dict[str, int] = {}
        drops = Counter[str]()
        for drop in network.ledger.since(0):
            protocol = _PROTOCOLS.get(drop.proto, str(drop.proto))
            what = f"{protocol} {dotted(drop.src)} > {dotted(drop.dst)}: {drop.ending}"
            first.setdefault(what, drop.at)
            drops[what] += 1
        lines += [f"  {count} x {what}, first at {first[what] / 1e9:.6f} s" for what, count in drops.items()][:_LINES]
        if len(drops) > _LINES:
            lines.append(f"  and {len(drops) - _LINES} kinds more")
        lines += [f"capture: {capture.path}" for capture in network.captures]
        return "\n".join(lines)


_RUN: Final = pytest.StashKey[_Run]()
_CURRENT: Final = pytest.StashKey[_Run]()


def _document(item: pytest.Item, path: Path) -> Path:
    """Return where a test's document is: beside the test file, else below the root directory."""
    beside = item.path.parent / path
    return beside if beside.exists() else item.config.rootpath / path


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--vpcemu-captures``."""
    parser.getgroup("vpcemu").addoption(
        "--vpcemu-captures",
        metavar="DIR",
        default=None,
        help="keep captures of every test marked vpc, in folders of DIR",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Make the mark known."""
    options = ", ".join(f"{option}=..." for option in _OPTIONS)
    config.addinivalue_line("markers", f"vpc(topology, {options}): give the test a network in virtual time")


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makeitem(collector: pytest.Module | pytest.Class, obj: Any) -> None:
    """Before a marked async test is collected, leave it to pytest-asyncio, if that is there, with a loop of ours."""
    plugins = collector.config.pluginmanager
    inner = getattr(getattr(obj, "hypothesis", None), "inner_test", obj)  # a property's examples share one network
    if not inspect.iscoroutinefunction(inner) or not hasattr(plugins.hook, "pytest_asyncio_loop_factories"):
        return
    marks = [*getattr(obj, "pytestmark", ()), *collector.iter_markers("vpc")]
    if not any(mark.name == "vpc" for mark in marks):
        return
    pytest.mark.asyncio(loop_scope="function")(obj)
    if not plugins.hasplugin(_Loops.NAME):
        plugins.register(_Loops(collector.config), _Loops.NAME)


class _Loops:
    """Answers pytest-asyncio's question for loops; registered with the first marked test, for it changes all others.

    pytest-asyncio makes loops its default way until somebody answers; from then on tests without the mark
    get the answer of whoever else gives one, or what would have been made anyway.
    """

    NAME: Final = "vpcemu-loops"

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    @pytest.hookimpl(wrapper=True, optionalhook=True)
    def pytest_asyncio_loop_factories(
        self, item: pytest.Item
    ) -> Generator[None, Any, Mapping[str, Callable[[], asyncio.AbstractEventLoop]]]:
        """Return the network's loop for marked tests."""
        others = yield
        if item.get_closest_marker("vpc") is None:
            return others or {"asyncio": asyncio.new_event_loop}
        return {"vpc": lambda: self._config.stash[_CURRENT].network.loop}


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Build the network of a marked test."""
    mark = item.get_closest_marker("vpc")
    if mark is not None:
        item.stash[_RUN] = item.config.stash[_CURRENT] = _Run(item, mark)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """End the captures with the test, before it is reported."""
    try:
        return (yield)
    finally:
        if _RUN in item.stash:
            item.stash[_RUN].called()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, Any, Any]:
    """Close the network, after the fixtures that use it."""
    try:
        return (yield)
    finally:
        if _RUN in item.stash:
            item.stash[_RUN].end()
            del item.stash[_RUN]


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a marked async test where there is no pytest-asyncio to run it."""
    run = pyfuncitem.stash.get(_RUN, None)
    if run is None or not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = pyfuncitem._fixtureinfo.argnames  # noqa: SLF001 - as every plugin that calls tests
    run.network.loop.run_until_complete(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names}))
    return True


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Tell in a failure's report what the network did."""
    report = yield
    if report.failed and call.when == "call" and _RUN in item.stash:
        report.sections.append(("vpcemu", item.stash[_RUN].story()))
    return report


@pytest.fixture
def network(request: pytest.FixtureRequest) -> Network:
    """The network of a test marked ``vpc``."""
    run = request.node.stash.get(_RUN, None)
    if run is None:
        raise pytest.UsageError("the fixture network needs @pytest.mark.vpc(topology)")
    result: Network = run.network
    return result
