"""The incident library's folders, and what the tests want to know of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from emulator.network.scenario import Scenario
from emulator.network.steps import url_of
from emulator.topology.documents import read

if TYPE_CHECKING:
    from emulator.network.network import Network
    from emulator.network.schema import ScenarioSpec, StepSpec

REPOSITORY = Path(__file__).parents[2]
LIBRARY = REPOSITORY / "topologies" / "incidents"
FOLDERS = sorted(path for path in LIBRARY.iterdir() if path.is_dir())
FILES = ("broken.yaml", "fixed.yaml", "broken-scenario.yaml", "fixed-scenario.yaml", "SOURCE.md")

Question = tuple[str, str, int]
"""A host, an address, a port."""


def scenario(folder: Path, kind: str, topology: str | None = None) -> Scenario:
    """Return the scenario of one kind, perhaps on the other's topology."""
    other = None if topology is None else folder / f"{topology}.yaml"
    return Scenario(folder / f"{kind}-scenario.yaml", topology=other)


def lines(path: Path) -> list[str]:
    """Return the lines of a document that say something: no comments, no empty ones."""
    stripped = (line.split(" #")[0].rstrip() for line in path.read_text("utf-8").splitlines())
    return [line for line in stripped if line and not line.startswith("#")]


def same_network(folder: Path) -> bool:
    """Whether the fix is not in the network but in the client."""
    return lines(folder / "broken.yaml") == lines(folder / "fixed.yaml")


def actions(spec: ScenarioSpec) -> list[dict[str, Any]]:
    """Return what a scenario's hosts do, without what is expected of it."""
    return [step.model_dump(exclude={"expect"}) for step in spec.steps]


def topology_of(folder: Path, kind: str) -> Any:
    """Return what a topology document says, as plain data."""
    return read(folder / f"{kind}.yaml").root.plain()


def target(step: StepSpec) -> tuple[str, int] | None:
    """Return the name or address and the port that a step is about; None where it has none."""
    url = url_of(step)
    if url is not None:
        parts = urlsplit(url)
        return (parts.hostname or "", parts.port or 80)
    if step.trace is not None:
        name, _, port = step.trace.to.rpartition(":")
        return name, int(port)
    peer = step.talk or step.datagram or step.send
    return None if peer is None else (peer.to, peer.port)


def reachable(network: Network, host: str, to: str, port: int) -> tuple[str, bool]:
    """Return the address that a host finds for something, and whether it reaches it."""
    answer = network.trace(host, f"{to}:{port}")
    return answer.question.partition(" > ")[2].rpartition(":")[0], answer.reachable


def matrix(network: Network, targets: list[str], ports: list[int]) -> dict[Question, bool]:
    """Ask from every host for every target at every port."""
    answers: dict[Question, bool] = {}
    for host in network.ec2.instances:
        for name in targets:
            for port in ports:
                address, answer = reachable(network, host, name, port)
                answers[host, address, port] = answer
    return answers
