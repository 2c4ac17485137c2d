"""The network as one thing: control plane, hosts, services, captures and questions.

The composition root.  It gives every instance a host, every service behind an
endpoint a host with an attachment per endpoint interface, and every VPC its
resolver; and keeps that true while the control plane changes.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

from netaddr import IPAddress

from emulator.asyncio_net.loop import VirtualTimeLoop
from emulator.capture import Capture, LinkLayer, Tap
from emulator.network.authority import NetworkAuthority
from emulator.network.endpoint_metrics import EndpointMetering
from emulator.network.expectations import EXPECTATIONS_LOG
from emulator.network.explanations import Explanation, explain
from emulator.network.flow_logs import FlowLogging
from emulator.network.loading import load_topology
from emulator.network.naming import Names
from emulator.network.plugging import Plugging
from emulator.network.questions import BadQuestion, ask, one_line
from emulator.observe import flow_log_files
from emulator.observe.ledger import Ledger
from emulator.simulation.agenda import Agenda
from emulator.simulation.fabric import Attachment, Fabric
from emulator.wire.checksum import PayloadSums
from emulator.wire.packet import Packet

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Coroutine, Iterable
    from types import TracebackType

    from emulator.asyncio_net.stack import HostStack
    from emulator.capture.encoders import Comments
    from emulator.capture.files import FileFormat
    from emulator.control import ControlPlane
    from emulator.flows.tables import Tables
    from emulator.model.flow_logs import FlowLog
    from emulator.model.traces import Dropped
    from emulator.network.endpoint_metrics import EndpointReading
    from emulator.observe.explain import RoundTrip
    from emulator.observe.flow_records import FlowRecord
    from emulator.services import Application, Ruling, Zone
    from emulator.simulation.links import Fault

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Flow:
    """One direction of a conversation, seen from where it entered the network.

    Attributes:
        attachment_id: Where its packets enter.
        flow: ``tcp 10.0.1.10:40000 > 10.0.2.20:443``.
        packets, octets: Delivered; octets are IP bytes.
        drops: Packets that ended otherwise.
        last_drop: How the latest of those ended.
    """

    attachment_id: str
    flow: str
    packets: int
    octets: int
    drops: int
    last_drop: Dropped | None


class Network:
    """A VPC network with hosts on it, in virtual time.

    >>> network = Network.load("topologies/two-az-endpoints/topology.yaml")
    >>> network.trace("web", "s3:443").reachable
    True
    >>> network.close()

    Args:
        plane: The control plane: the only way to change the network, at any time.
        seed: All randomness follows from it: ports, sequence numbers, faults.
        real_time: Tie the network's clock to the machine's: a second takes a second.
        threads: Run executor jobs of programs in real threads.
            Neither of the two is deterministic; see :mod:`emulator.asyncio_net.pace` and ``threads``.

    Attributes:
        ec2: The control plane.
        fabric: What carries the packets, with its counters.
        loop: The virtual-time event loop that every program on the network shares.
        hosts: By name: instances by their id, services by their name, resolvers as ``<vpc>/resolver``.
        ledger: The latest drops.
        names: DNS, as each VPC and the internet see it.
        authority: Who asks by which access key, and what policies there are.
        rulings: What policies said, oldest first (the latest 10,000).
    """

    def __init__(self, plane: ControlPlane, *, seed: int = 0, real_time: bool = False, threads: bool = False) -> None:
        self.ec2: Final = plane
        self.seed: Final = seed
        self.agenda: Final = Agenda()
        self.loop: Final = VirtualTimeLoop(self.agenda, real_time=real_time, threads=threads)
        self.fabric: Final = Fabric(self.agenda, plane, seed)
        self.ledger: Final = Ledger()
        self.names: Final = Names(plane)
        self.authority: Final = NetworkAuthority(plane)
        self.rulings: Final[list[Ruling]] = []
        self._captures: list[Capture] = []
        self._running_captures: list[tuple[str, Capture]] = []
        self._flow_logging: Final = FlowLogging(plane)
        self._sums: Final = PayloadSums()
        self._plugging: Final = Plugging(self)
        self._metering: Final = EndpointMetering(plane, self.fabric)
        self.fabric.observe(self.ledger)
        self.fabric.refreshed = self._refresh
        self._refresh(self.fabric.tables())

    @classmethod
    def load(
        cls,
        path: str | Path,
        *,
        seed: int = 0,
        overrides: Iterable[tuple[str, str]] = (),
        real_time: bool = False,
        threads: bool = False,
    ) -> Network:
        """Build the network that a topology document describes.

        Args:
            path: The YAML document.
            seed: See the class.
            overrides: ``(key, value)`` pairs that change one value of the document each, as ``run --set`` does.
            real_time: See the class.
            threads: See the class.

        Raises:
            TopologyError: with every problem of the document.
        """
        return cls(load_topology(path, overrides), seed=seed, real_time=real_time, threads=threads)

    # --- hosts -------------------------------------------------------------------------------------------------------

    def _refresh(self, tables: Tables) -> None:
        """Follow the control plane to a new generation, before any packet meets its tables."""
        self.fabric.meters = self._flow_logging if self._flow_logging.refresh(self.now) else None
        self._metering.refresh()
        self._plugging.refresh(tables)

    def ruled(self, ruling: Ruling) -> None:
        """Note what policies said."""
        self.rulings.append(ruling)
        del self.rulings[:-10_000]

    def host(self, name: str) -> HostStack:
        """Return a host by name: an instance's id, or a service's name, whole or without ``com.amazonaws.<region>.``.

        Raises:
            BadQuestion: if there is none; a service gets a host with its first endpoint.
        """
        self.fabric.tables()
        host = self.hosts.get(name) or self.hosts.get(f"com.amazonaws.{self.ec2.region}.{name}")
        if host is None:
            raise BadQuestion(f"no host {name!r}; hosts: {', '.join(self.hosts)}")
        return host

    # --- running -----------------------------------------------------------------------------------------------------

    @property
    def hosts(self) -> dict[str, HostStack]:
        """Every host by its name: see :class:`emulator.network.plugging.Plugging`."""
        return self._plugging.hosts

    @property
    def now(self) -> int:
        """Nanoseconds since the start of the run."""
        return self.agenda.now

    def start(self, program: Coroutine[Any, Any, _T], *, host: str) -> asyncio.Task[_T]:
        """Start a program on a host; it runs whenever the network does."""
        where = self.host(host)
        self._plugging.start()
        return where.create_task(program)

    def run(self, program: Coroutine[Any, Any, _T], *, host: str) -> _T:
        """Run a program on a host to its end, and the network until it is idle.

        Raises:
            DeadlockError: if everyone waits and nothing is due; it names the waiting tasks.
            BaseException: whatever the program raised.
        """
        result = self.loop.run_until_complete(self.start(program, host=host))
        self.run_until_idle()
        return result

    def start_built_in(self) -> None:
        """Start the built-in services and resolvers that have not been; :meth:`run` and :meth:`start` do it too."""
        self.fabric.tables()
        self._plugging.start()

    def run_until_idle(self) -> None:
        """Run until nothing is due: every packet sent has then ended, delivered or dropped with a reason."""
        self._plugging.start()
        self.loop.run_until_idle()

    # --- packets by hand ---------------------------------------------------------------------------------------------

    def send(self, packet: Any, *, host: str) -> Packet:
        """Send a scapy packet (or a :class:`Packet`) from a host, now.

        A scapy packet without a source gets the host's address; over IPv6, which no host has, its mapped form.

        Returns:
            The record that travels; its ``ending`` is known once the network has run.

        Raises:
            MalformedPacket: if there is no IP packet in it.
        """
        sender = self.host(host)
        plugs = [plug for plug in sender.attachments if isinstance(plug, Attachment)]
        record = packet if isinstance(packet, Packet) else Packet.from_scapy(_with_source(packet, plugs[0].address))
        plug = next((plug for plug in plugs if plug.address == record.src), plugs[0])
        plug.send(record)
        return record

    def add_fault(self, fault: Fault) -> None:
        """Put a seeded fault on every link it applies to."""
        self.fabric.add_fault(fault)

    # --- captures ----------------------------------------------------------------------------------------------------

    def capture(
        self,
        component: str,
        path: str | Path,
        *,
        snaplen: int = 262_144,
        comments: Comments = "first",
        file_format: FileFormat = "pcapng",
    ) -> Capture:
        """Record what passes a component from now on, streaming to ``path``.

        Args:
            component: An instance (its primary interface), an interface, or an endpoint.
            path: The file; it is called ``NAME.partial.pcapng`` until the network is closed.
            snaplen: Bytes kept of each frame.
            comments: Which records say how their packet ended: ``first`` of each flow and those not delivered,
                ``all``, or ``none``.
            file_format: ``pcapng`` or nanosecond ``pcap``.

        Raises:
            BadQuestion: if there is no such component.
            OSError: if the file cannot be created.
        """
        component, link_layer = self._capture_point(component)
        file = Path(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        tap = Tap(
            file,
            component,
            link_layer,
            snaplen=snaplen,
            comments=comments,
            file_format=file_format,
            sums=self._sums,
            started_at=self.now,
        )
        capture = Capture(tap)
        self._captures.append(capture)
        self._running_captures.append((component, capture))
        self.fabric.add_tap(component, tap)
        return capture

    def _capture_point(self, component: str) -> tuple[str, LinkLayer]:
        instance = self.ec2.instances.get(component)
        if instance is not None:
            component = instance.network_interface_ids[0]
        eni = self.ec2.network_interfaces.get(component)
        if eni is not None:
            block = self.ec2.subnets[eni.subnet_id].cidr_block
            return component, LinkLayer(int(eni.private_ip_address), int(block.first), block.prefixlen)
        if component in self.ec2.vpc_endpoints:  # it has no address: its MAC is made from its name
            return component, LinkLayer(zlib.crc32(component.encode()), 0, 32)
        known = ", ".join([*self.ec2.instances, *self.ec2.network_interfaces, *self.ec2.vpc_endpoints])
        raise BadQuestion(f"no component {component!r} to capture at; there are: {known}")

    @property
    def captures(self) -> list[Capture]:
        """The captures begun so far."""
        return list(self._captures)

    # --- counters ----------------------------------------------------------------------------------------------------

    def allowances_exceeded(self, instance_id: str) -> dict[str, int]:
        """Return what limits of an instance have turned away so far, by the names of its network driver's counters.

        ``conntrack_allowance_exceeded``: flows that it had no room to track (SG-16);
        ``linklocal_allowance_exceeded``: packets to the resolver beyond its rate (DNS-3).

        Raises:
            BadQuestion: if there is no such instance.
        """
        instance = self.ec2.instances.get(instance_id)
        if instance is None:
            raise BadQuestion(f"no instance {instance_id!r}; there are: {', '.join(self.ec2.instances)}")
        shapers = self.fabric.shapers
        limits = [shapers.get(f"{eni}/link-local") for eni in instance.network_interface_ids]
        return {
            "conntrack_allowance_exceeded": self.fabric.state.refused.get(("tracked", instance_id), 0),
            "linklocal_allowance_exceeded": sum(limit.dropped for limit in limits if limit is not None),
        }

    # --- flow logs ---------------------------------------------------------------------------------------------------

    @property
    def flow_logs(self) -> tuple[FlowLog, ...]:
        """The flow logs there have been in this run, also those deleted since."""
        self.fabric.tables()
        return self._flow_logging.flow_logs

    def flow_log_records(self, flow_log_id: str | None = None) -> list[FlowRecord]:
        """Return what a flow log, or every one, has recorded, as if every window that has begun were over.

        Args:
            flow_log_id: Whose records; None: of all flow logs, one after the other.

        Returns:
            Records by window, interface and first packet (FLOW-1).

        Raises:
            BadQuestion: if there has been no such flow log.
        """
        wanted = [one for one in self.flow_logs if flow_log_id in (None, one.flow_log_id)]
        if flow_log_id is not None and not wanted:
            known = ", ".join(one.flow_log_id for one in self.flow_logs) or "none"
            raise BadQuestion(f"no flow log {flow_log_id!r}; there are: {known}")
        return [record for flow_log in wanted for record in self._flow_logging.records(flow_log, self.now)]

    def watched_throughout(self, flow_log: FlowLog) -> list[str]:
        """Return the interfaces that a flow log has watched from the start of the run until now."""
        return self._flow_logging.book.throughout(flow_log)

    def write_flow_logs(self, folder: str | Path) -> list[Path]:
        """Write every flow log below a folder that stands for the bucket (``AWSLogs/…``); return the files.

        What an earlier run left there of the same flow logs goes.

        Raises:
            OSError: if a file cannot be written, or Parquet is wanted and pyarrow is not installed.
        """
        files: list[Path] = []
        wanted = [one for one in self.flow_logs if not one.flow_log_id.startswith(EXPECTATIONS_LOG)]
        for flow_log in wanted:
            flow_log_files.clear(Path(folder), flow_log)
        for flow_log in wanted:
            records = self._flow_logging.records(flow_log, self.now)
            files += flow_log_files.write(Path(folder), flow_log, records)
        return files

    # --- metrics -----------------------------------------------------------------------------------------------------

    def endpoint_metrics(self, vpc_endpoint_id: str) -> EndpointReading:
        """Return what CloudWatch would show of an interface endpoint by now (VPCE-IF-23).

        Raises:
            BadQuestion: if there is no such endpoint, or it is a gateway endpoint: those have no metrics.
        """
        return self._metering.of(vpc_endpoint_id, self.now)

    def metrics_of_endpoints(self) -> dict[str, EndpointReading]:
        """Return the metrics of every interface endpoint there is now, by its name."""
        return self._metering.all(self.now)

    # --- questions ---------------------------------------------------------------------------------------------------

    def trace(
        self,
        source: str,
        to: str,
        *,
        protocol: str = "tcp",
        source_port: int = 40000,
        source_address: str | None = None,
        port: int = 443,
    ) -> RoundTrip:
        """Ask whether ``source`` can reach ``to``: the walk that forwards packets, out and back, changing nothing.

        See :func:`emulator.network.questions.ask` for the arguments.

        Raises:
            BadQuestion: if something named is not there.
        """
        return ask(
            self.ec2, self.names, self.fabric.state, self.now, source, to, protocol, source_port, source_address, port
        )

    def explain(
        self,
        source: str,
        to: str,
        *,
        protocol: str = "tcp",
        source_port: int = 40000,
        source_address: str | None = None,
        port: int = 443,
        repairs: bool = True,
    ) -> Explanation:
        """Ask as :meth:`trace` does; if the answer is no, say what was looked at, all blockers, and what would help.

        Raises:
            BadQuestion: if something named is not there.
        """

        def question(plane: ControlPlane) -> RoundTrip:
            names = self.names if plane is self.ec2 else Names(plane)
            return ask(
                plane, names, self.fabric.state, self.now, source, to, protocol, source_port, source_address, port
            )

        return explain(self.ec2, question, repairs=repairs)

    def application_of(self, service_name: str) -> Application | None:
        """Return the built-in HTTP application behind a service; None if there is none."""
        return self._plugging.application_of(service_name)

    def zone(self, vpc_id: str) -> Zone:
        """Return DNS as a VPC sees it now."""
        return self.names.of_vpc(vpc_id)

    def flows(self) -> list[Flow]:
        """Return the flows the network remembers, by attachment, in the order in which they began."""
        found = []
        for path in self.fabric.paths():
            src, dst, proto, sport, dport = path.key
            line = one_line(Packet(src, dst, proto, sport, dport, b"", 0))
            attachment = path.attachment.attachment_id
            found.append(Flow(attachment, line, path.packets, path.octets, path.drops, path.last_drop))
        return found

    # --- the end -----------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Run until idle, end the captures and close the loop."""
        if self.loop.is_closed():
            return
        try:
            self.run_until_idle()
        finally:
            self._end(complete=self.fabric.in_flight == 0)

    def abandon(self) -> None:
        """End an interrupted run: captures stay readable as ``NAME.partial.pcapng``."""
        if not self.loop.is_closed():
            self._end(complete=False)

    def end_captures(self, *, complete: bool) -> None:
        """End the captures begun so far; one that is not complete keeps its name ``NAME.partial.pcapng``."""
        running, self._running_captures = self._running_captures, []
        for component, capture in running:
            if complete:
                capture.close()
            else:
                capture.abandon()
            self.fabric.remove_tap(component, capture.tap)

    def _end(self, *, complete: bool) -> None:
        self.end_captures(complete=complete)
        self.loop.shut_down()

    def __enter__(self) -> Self:
        """Use the network in a ``with`` block; it closes at the end, or abandons at an error."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close, or abandon if the block failed."""
        if kind is None:
            self.close()
        else:
            self.abandon()


def _with_source(packet: Any, address: int) -> Any:
    """Return a scapy packet whose source is set: scapy would ask this machine's routes for one."""
    packet = packet.copy()
    layer = packet
    while layer and layer.name not in ("IP", "IPv6"):
        layer = layer.payload
    if layer and "src" not in layer.fields:
        layer.src = str(IPAddress(address)) if layer.name == "IP" else f"::ffff:{IPAddress(address)}"
    return packet
