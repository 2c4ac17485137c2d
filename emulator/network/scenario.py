"""Scenarios: a topology, where to capture, and what the hosts do, step by step.

A scenario is a document like a topology, read with the same care.  Its steps
run one after the other in one run; each row of the report is read from what the
network itself recorded of the step's packets, so a row says which component and
which rule decided, and the capture says the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emulator.capture import capture_path, safe_name
from emulator.model.reasons import Outcome, Reason
from emulator.network.loading import load_topology
from emulator.network.network import Network
from emulator.network.schema import ScenarioSpec
from emulator.network.steps import Row, run_step
from emulator.simulation.links import Fault
from emulator.topology import DocumentError, Problem
from emulator.topology.documents import read
from emulator.topology.overrides import override
from emulator.topology.problems import INVALID, did_you_mean
from emulator.topology.validation import validate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from emulator.topology.documents import Document


@dataclass(frozen=True, slots=True)
class Report:
    """What a run showed.

    Attributes:
        rows: One per step.
        captures: Where each capture lies, by the component it was taken at.
        seconds: Virtual seconds the run took.
        packets: Packets sent; every one of them ended, delivered or dropped.
    """

    rows: tuple[Row, ...]
    captures: dict[str, Path]
    seconds: float
    packets: int

    @property
    def as_expected(self) -> bool:
        """Whether every row that states an expectation met it."""
        return all(row.as_expected for row in self.rows)

    def to_json(self) -> dict[str, Any]:
        """Return the documented object of ``vpcemu run --json``."""
        return {
            "as_expected": self.as_expected,
            "rows": [row.to_json() for row in self.rows],
            "captures": {name: str(path) for name, path in self.captures.items()},
            "virtual_seconds": self.seconds,
            "packets": self.packets,
        }


class Scenario:
    """A scenario that has been read and checked.

    Args:
        path: The YAML document.
        overrides: ``(key, value)`` pairs: of the topology, or with ``scenario.`` in front of the scenario itself.
        seed: Overrules the document's.

    Raises:
        DocumentError: with every problem of the scenario and its topology.
    """

    def __init__(self, path: str | Path, overrides: Iterable[tuple[str, str]] = (), seed: int | None = None) -> None:
        self.path = Path(path)
        overrides = list(overrides)
        document = read(self.path)
        own = [(key.removeprefix("scenario."), value) for key, value in overrides if key.startswith("scenario.")]
        for key, value in own:
            document = override(document, key, value, ScenarioSpec)
        problems = list(document.problems)
        spec = validate(document, (), ScenarioSpec, problems)
        if spec is None:
            raise DocumentError(problems)
        self.spec: ScenarioSpec = spec
        self.seed = spec.seed if seed is None else seed
        of_topology = [(key, value) for key, value in overrides if not key.startswith("scenario.")]
        try:
            self.plane = load_topology(self.path.parent / spec.topology, of_topology)
        except DocumentError as error:
            raise DocumentError([*problems, *error.problems]) from None
        problems += self._check(document)
        if problems:
            raise DocumentError(problems)

    def _check(self, document: Document) -> list[Problem]:
        """Check what the schema cannot: names, one action per step, file names that do not collide."""
        problems: list[Problem] = []
        hosts = list(self.plane.instances)
        for number, step in enumerate(self.spec.steps):
            if step.host not in hosts:
                mark = document.mark(("steps", number, "host"))
                hint = did_you_mean(step.host, hosts)
                problems.append(Problem.at(mark, INVALID, f'unknown instance "{step.host}"{hint}'))
            actions = [name for name in ("get", "push", "datagram", "send") if getattr(step, name) is not None]
            if len(actions) != 1:
                mark = document.mark(("steps", number))
                text = "a step does exactly one of get, push, datagram and send"
                problems.append(Problem.at(mark, INVALID, text))
            expect = step.expect
            if isinstance(expect, str) and expect not in {*Reason, Outcome.DELIVERED}:
                mark = document.mark(("steps", number, "expect"))
                hint = did_you_mean(expect, [*Reason, Outcome.DELIVERED])
                text = f'expect must be an HTTP status, "delivered" or a reason code, not "{expect}"{hint}'
                problems.append(Problem.at(mark, INVALID, text))
        known = [*hosts, *self.plane.network_interfaces, *self.plane.vpc_endpoints]
        names: dict[str, str] = {}
        for number, capture in enumerate(self.spec.captures):
            mark = document.mark(("captures", number, "at"))
            if capture.at not in known:
                hint = did_you_mean(capture.at, known)
                problems.append(Problem.at(mark, INVALID, f'unknown component "{capture.at}"{hint}'))
            name = safe_name(capture.at)
            if name in names:
                problems.append(Problem.at(mark, INVALID, f'"{capture.at}" and "{names[name]}" would share a file'))
            names[name] = capture.at
        return problems

    def run(
        self,
        output: str | Path | None = None,
        progress: Callable[[int, int, str], None] | None = None,
    ) -> Report:
        """Run every step, then let the network come to rest.

        Args:
            output: Folder for the captures; None captures nothing.
            progress: Told ``(step, steps, what)`` before each step and at the end.

        Raises:
            BaseException: what interrupted the run; captures then stay as ``NAME.partial.pcapng``.
        """
        network = Network(self.plane, seed=self.seed)
        steps = self.spec.steps
        with network:
            if output is not None:
                folder = Path(output)
                folder.mkdir(parents=True, exist_ok=True)
                for capture in self.spec.captures:
                    network.capture(
                        capture.at,
                        capture_path(folder, capture.at, capture.file_format),
                        snaplen=capture.snaplen,
                        comments=capture.comments,
                        file_format=capture.file_format,
                    )
            for fault in self.spec.faults:
                network.add_fault(Fault(**fault.model_dump()))
            rows = []
            for number, step in enumerate(steps):
                if progress is not None:
                    progress(number, len(steps), step.what)
                rows.append(run_step(network, step))
            network.run_until_idle()
            seconds, packets = network.now / 1e9, network.fabric.sent
        if progress is not None:
            progress(len(steps), len(steps), "done")
        captures = {capture.name: capture.path for capture in network.captures}
        failed = [capture for capture in network.captures if capture.error is not None]
        if failed:
            raise OSError("; ".join(f"{capture.path}: {capture.error}" for capture in failed))
        return Report(tuple(rows), captures, seconds, packets)
