"""Scenarios: a topology, where to capture, and what the hosts do, step by step.

A scenario is a document like a topology, read with the same care.  Its steps
run one after the other in one run; each row of the report is read from what the
network itself recorded of the step's packets, so a row says which component and
which rule decided, and the capture says the same.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from emulator.capture import capture_path, safe_name
from emulator.model.flow_logs import TrafficType
from emulator.model.resources import VpcEndpointType
from emulator.network.events import Happened, event_problems, let_events_happen, schedule
from emulator.network.expectations import EXPECTATIONS_LOG
from emulator.network.loading import load_topology, refuse_other_kind, topology_document
from emulator.network.network import Network
from emulator.network.schema import ACTIONS, ScenarioSpec, StepSpec, is_address, is_address_or_name
from emulator.network.steps import Row, run_step
from emulator.simulation.links import Fault
from emulator.topology import DocumentError, Problem
from emulator.topology.documents import read
from emulator.topology.overrides import override
from emulator.topology.problems import INVALID, did_you_mean
from emulator.topology.schema import SECTIONS, TopologyDocument
from emulator.topology.validation import validate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from emulator.control import ControlPlane
    from emulator.network.endpoint_metrics import EndpointReading
    from emulator.topology.documents import Document, KeyPath

FLOW_LOGS: Final = "flow-logs"
"""The folder, beside the captures, that stands for the flow logs' bucket."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a run showed.

    Attributes:
        rows: One per step.
        captures: Where each capture lies, by the component it was taken at.
        seconds: Virtual seconds the run took.
        packets: Packets sent; every one of them ended, delivered or dropped.
        cut: Captures that ended early, each with its error (a full disk, say); what they hold is readable.
        flow_logs: The files of the flow logs.
        events: What became of the timed events.
        endpoints: The metrics of the interface endpoints there are at the end.
    """

    rows: tuple[Row, ...]
    captures: dict[str, Path]
    seconds: float
    packets: int
    cut: tuple[str, ...] = ()
    flow_logs: tuple[Path, ...] = ()
    events: tuple[Happened, ...] = ()
    endpoints: dict[str, EndpointReading] = field(default_factory=dict)

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
            "captures_cut": list(self.cut),
            "events": [asdict(event) for event in self.events],
            "flow_logs": [str(path) for path in self.flow_logs],
            "endpoints": {name: reading.to_json() for name, reading in self.endpoints.items()},
        }


@dataclass(frozen=True, slots=True)
class _Names:
    """What the steps, captures and faults of a scenario may name.

    Attributes:
        hosts: Instances.
        components: Where a capture can be taken.
        targets: What a ``send`` step can be for, apart from addresses and DNS names; None if that is not known.
        ends: The ends of links, as the fabric names them: of their sources and of their targets; None likewise.
        aliases: The ends that belong to what is itself none, such as an instance.
    """

    hosts: tuple[str, ...]
    components: tuple[str, ...]
    targets: tuple[str, ...] | None = None
    ends: tuple[tuple[str, ...], tuple[str, ...]] | None = None
    aliases: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, plane: ControlPlane) -> _Names:
        """Return the names of a sound topology."""
        hosts, interfaces, endpoints = tuple(plane.instances), tuple(plane.network_interfaces), plane.vpc_endpoints
        gateways = [name for name, one in endpoints.items() if one.vpc_endpoint_type is VpcEndpointType.GATEWAY]
        inner = [eni for one in endpoints.values() for eni in one.network_interface_ids]
        resolvers = [f"{vpc}/resolver" for vpc in plane.vpcs]
        services = [word for name in plane.services for word in (name, name.rpartition(".")[2])]
        behind = [f"{name}/service" for name in (*inner, *gateways, *resolvers)]
        ends = (*interfaces, *endpoints, *resolvers), (*interfaces, *gateways, *behind)
        owned = {name: instance.network_interface_ids for name, instance in plane.instances.items()}
        owned |= {name: endpoint.network_interface_ids for name, endpoint in endpoints.items()}
        aliases = {name: enis[0] for name, enis in owned.items() if enis}
        return cls(
            hosts, (*hosts, *interfaces, *endpoints), (*hosts, *interfaces, *endpoints, *services), ends, aliases
        )

    @classmethod
    def declared(cls, path: Path) -> _Names | None:
        """Return the names that a topology with problems declares, None if they cannot be told."""
        try:
            topology = topology_document(path)
        except DocumentError:
            return None
        keys = topology.root.keys
        if not keys or any(key not in TopologyDocument.model_fields for key in keys):
            return None  # perhaps a section whose name is misspelt
        if any(not isinstance(node.value, dict | None) for key, node in topology.root.value.items() if key in SECTIONS):
            return None

        def ids(section: str) -> tuple[str, ...]:
            node = topology.find((section,))
            return tuple(node.keys) if node is not None else ()

        hosts = ids("instances")
        return cls(
            hosts, (*hosts, *(f"eni-{name}" for name in hosts), *ids("network_interfaces"), *ids("vpc_endpoints"))
        )


class _Check:
    """What the schema cannot check: names, one action per step, file names that do not collide.

    It reads the document and not the model made of it, so that a mistake in one place hides none in another.
    """

    def __init__(self, document: Document, names: _Names | None) -> None:
        self.document = document
        self.names = names
        self.problems: list[Problem] = []
        for number in self._positions("steps"):
            self._step(("steps", number))
        self._captures()
        for number in self._positions("faults"):
            self._fault(("faults", number))

    def _positions(self, key: str) -> range:
        node = self.document.find((key,))
        return range(len(node.value)) if node is not None and isinstance(node.value, list) else range(0)

    def _text(self, path: KeyPath) -> str | None:
        node = self.document.find(path)
        return node.value if node is not None and isinstance(node.value, str) else None

    def _complain(self, path: KeyPath, message: str) -> None:
        self.problems.append(Problem.at(self.document.mark(path), INVALID, message))

    def _step(self, path: KeyPath) -> None:
        host = self._text((*path, "host"))
        if host is not None and self.names is not None and host not in self.names.hosts:
            self._complain((*path, "host"), f'unknown instance "{host}"{did_you_mean(host, self.names.hosts)}')
        node = self.document.find(path)
        keys = node.keys if node is not None and isinstance(node.value, dict) else None
        if keys is not None and all(key in StepSpec.model_fields for key in keys):  # else an action may be misspelt
            actions = [name for name in ACTIONS if self._given((*path, name))]
            if len(actions) != 1:
                self._complain(
                    path, "a step does exactly one of get, push, copy_object, datagram, send, talk and trace"
                )
        self._send((*path, "send"))
        self._policies_asked((*path, "trace"))

    def _policies_asked(self, path: KeyPath) -> None:
        """Check that a question to policies is one: an action, perhaps of a resource, or a request."""
        action, resource, request, principal = (
            self._given((*path, key)) for key in ("action", "resource", "request", "principal")
        )
        if request and (action or resource):
            self._complain((*path, "request"), "give either request or action and resource")
        elif (resource or principal) and not (action or request):
            self._complain(path, "resource and principal go with action or request")

    def _given(self, path: KeyPath) -> bool:
        node = self.document.find(path)
        return node is not None and node.value is not None

    def _send(self, path: KeyPath) -> None:
        """Check what a crafted packet is for."""
        to, version = self._text((*path, "to")), self.document.find((*path, "ip_version"))
        if to is None or not is_address_or_name(to):
            return  # the schema has said so
        if version is not None and version.value == 6:
            if not is_address(to, 6):
                self._complain((*path, "to"), f'to must be an IPv6 address where ip_version is 6, not "{to}"')
            return
        if is_address(to, 6):
            self._complain((*path, "to"), f'"{to}" is an IPv6 address: set ip_version to 6')
            return
        known = None if self.names is None else self.names.targets
        if known is not None and "." not in to and to not in known:
            text = f'no host, endpoint, service or address "{to}"{did_you_mean(to, known)}'
            self._complain((*path, "to"), text)

    def _captures(self) -> None:
        files: dict[str, str] = {}
        for number in self._positions("captures"):
            path = ("captures", number, "at")
            at = self._text(path)
            if at is None:
                continue
            if self.names is not None and at not in self.names.components and not self._perhaps(at):
                self._complain(path, f'unknown component "{at}"{did_you_mean(at, self.names.components)}')
            name = safe_name(at)
            if name in files:
                self._complain(path, f'"{at}" and "{files[name]}" would share a file')
            files[name] = at

    def _perhaps(self, at: str) -> bool:
        """Return whether this may be an endpoint's interface in a topology that could not be built."""
        return self.names is not None and self.names.ends is None and at.startswith("eni-")

    def _fault(self, path: KeyPath) -> None:
        """A pattern that matches no end of any link would be a fault that never happens."""
        if self.names is None or self.names.ends is None:
            return
        for key, ends in zip(("source", "target"), self.names.ends, strict=True):
            pattern = self._text((*path, key))
            if pattern is None or any(fnmatchcase(end, pattern) for end in ends):
                continue
            alias = self.names.aliases.get(pattern)
            hint = f': did you mean "{alias}"?' if alias in ends else did_you_mean(pattern, ends)
            self._complain((*path, key), f'no link has the {key} "{pattern}"{hint}')


class Scenario:
    """A scenario that has been read and checked.

    Args:
        path: The YAML document.
        overrides: ``(key, value)`` pairs: of the topology, or with ``scenario.`` in front of the scenario itself.
        seed: Overrules the document's.
        topology: Another one than the document's: what would these steps show there?

    Raises:
        DocumentError: with every problem of the scenario and its topology.
    """

    def __init__(
        self,
        path: str | Path,
        overrides: Iterable[tuple[str, str]] = (),
        seed: int | None = None,
        topology: str | Path | None = None,
    ) -> None:
        self.path = Path(path)
        self._other_topology = topology
        overrides = list(overrides)
        document = read(self.path)
        refuse_other_kind(document, "region", "a topology, not a scenario: ask about it with vpcemu trace")
        own = [(key.removeprefix("scenario."), value) for key, value in overrides if key.startswith("scenario.")]
        for key, value in own:
            document = override(document, key, value, ScenarioSpec)
        problems = list(document.problems)
        spec = validate(document, (), ScenarioSpec, problems)
        of_topology = [(key, value) for key, value in overrides if not key.startswith("scenario.")]
        plane, names = self._topology(document, of_topology, problems)
        problems += _Check(document, names).problems
        if spec is not None and plane is not None and not problems:
            problems += event_problems(document, plane, spec.events)
        if spec is None or plane is None or problems:
            raise DocumentError(set(problems))
        self.spec: ScenarioSpec = spec
        self.plane: ControlPlane = plane
        self.seed = spec.seed if seed is None else seed

    def _topology(
        self, document: Document, overrides: list[tuple[str, str]], problems: list[Problem]
    ) -> tuple[ControlPlane | None, _Names | None]:
        """Load the topology if the scenario names one; return it, and what is known of its names."""
        node = document.find(("topology",))
        if node is None or not isinstance(node.value, str):
            return None, None
        path = self.path.parent / node.value if self._other_topology is None else Path(self._other_topology)
        try:
            plane = load_topology(path, overrides)
        except DocumentError as error:
            problems += error.problems
            return None, _Names.declared(path)
        return plane, _Names.of(plane)

    def run(
        self,
        output: str | Path | None = None,
        progress: Callable[[int, int, str], None] | None = None,
        *,
        before: Callable[[Network], None] | None = None,
        real_time: bool = False,
    ) -> Report:
        """Run every step, then let the network come to rest.

        Args:
            output: Folder for the captures, and in it ``flow-logs``; None captures and writes nothing.
            progress: Told ``(step, steps, what)`` before each step and at the end.
            before: Given the network before the first step, for whoever wants to watch more of it.
            real_time: Let a second of the run take a second.

        Raises:
            BaseException: what interrupted the run; captures then stay as ``NAME.partial.pcapng``.
        """
        plane, steps = self.plane.copy(), self.spec.steps  # events change it, and the next run is to find it as it was
        if any(step.expect is not None and step.expect.flow_log for step in steps):
            watched = {one.resource_id for one in plane.flow_logs.values() if one.traffic_type is TrafficType.ALL}
            bare = [vpc for vpc in plane.vpcs if vpc not in watched]
            names = [f"{EXPECTATIONS_LOG}{number}" for number in range(len(bare))]
            if bare:
                plane.create_flow_logs(bare, max_aggregation_interval=60, flow_log_ids=names)
        network = Network(plane, seed=self.seed, real_time=real_time)
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
            if before is not None:
                before(network)
            events = schedule(network, self.spec.events)
            rows = []
            for number, step in enumerate(steps):
                if progress is not None:
                    progress(number, len(steps), step.what)
                rows.append(run_step(network, step))
            let_events_happen(network, events)
            network.run_until_idle()
            seconds, packets = network.now / 1e9, network.fabric.sent
            endpoints = network.metrics_of_endpoints()
            logs = [] if output is None else network.write_flow_logs(Path(output) / FLOW_LOGS)
        if progress is not None:
            progress(len(steps), len(steps), "done")
        captures = {capture.name: capture.path for capture in network.captures}
        cut = tuple(f"{capture.path}: {capture.error}" for capture in network.captures if capture.error is not None)
        happened = tuple(event.outcome for event in events if event.outcome is not None)
        return Report(tuple(rows), captures, seconds, packets, cut, tuple(logs), happened, endpoints)
