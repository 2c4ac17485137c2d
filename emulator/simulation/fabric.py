"""The fabric: carries packets from attachment to attachment through the walk.

The first packet of a flow is walked; what the walk said is compiled, leg by
leg, and later packets follow it with four checks and no rule evaluated (D2).
One agenda entry per link crossing, no task, queue or handle per packet (§5).

The fabric asks nobody: captures and counters listen to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

from emulator.flows.conntrack import Entry, FlowState
from emulator.flows.path import EVENTFUL, compilable
from emulator.flows.walk import LONGEST_WAY, UNLIMITED, LegResult, Place, PlaceKind, Rewrite, leg, looping
from emulator.model.traces import Delivered, Dropped, Ending, Step
from emulator.simulation.links import Fault, FaultyLink, Link
from emulator.simulation.shaper import PacketLimit, Shaper

if TYPE_CHECKING:
    from collections.abc import Callable

    from emulator.flows.tables import ShaperSpec, Tables, TableSource
    from emulator.flows.walk import Crossing
    from emulator.model.reasons import Reason
    from emulator.simulation.agenda import Agenda
    from emulator.wire.packet import Packet

FlowKey: TypeAlias = tuple[int, int, int, int, int]
"""``(src, dst, proto, sport, dport)``."""

_STALE: Final = -1


class Receiver(Protocol):
    """A host, seen from below."""

    def receive(self, attachment: Attachment, packet: Packet, now: int) -> None:
        """Take a packet that the network delivered."""


class Watcher(Protocol):
    """What is shown every packet that passes a point of a leg."""

    def see(self, packet: Packet, now: int, outgoing: bool) -> None:
        """Note that the packet passes; how it ends is not known yet."""


class Tap(Watcher, Protocol):
    """A capture, seen from below."""

    def settle(self) -> None:
        """Some packet seen here has ended."""


class FlowMeters(Protocol):
    """The flow logs of interfaces, seen from below."""

    def meter(
        self, interface_id: str, packet: Packet, crossing: Crossing | None, *, outgoing: bool, accepted: bool
    ) -> Watcher | None:
        """Return what counts the packet's flow at an interface; None if no flow log watches there.

        Asked when a leg is walked; what was accepted is then shown every later packet that follows the compiled leg.

        Args:
            interface_id: Where.
            packet: The packet as that interface sees it.
            crossing: Where the leg goes on, if it does.
            outgoing: Whether it leaves the interface's owner.
            accepted: Whether security groups and network ACLs let it through (FLOW-7).
        """


class Observer(Protocol):
    """Whoever wants every walked leg and every drop; compiled packets are counted on their path instead."""

    def walked(self, path: Path, packet: Packet, steps: list[Step], now: int) -> None:
        """A leg was evaluated for ``packet``."""

    def dropped(self, path: Path, packet: Packet, ending: Dropped, now: int) -> None:
        """``packet`` ended here."""


class Path:
    """What one flow direction, seen from one attachment, has learnt and done.

    Attributes:
        attachment: Where its packets enter the network.
        key: The flow.
        taps: Every tap any of its packets has passed.
        packets, octets: Delivered so far; octets are IP bytes.
        drops: Packets that ended otherwise.
        last_drop: How the latest of those ended.
        delivered_to: The component its packets arrive at, once one has.
        story: The steps of its first packet.
        last_at: When a packet last entered or ended, in nanoseconds.
        retired: The attachment has forgotten this path; what is sent next begins another one.
    """

    __slots__ = (
        "attachment",
        "delivered_to",
        "drops",
        "first",
        "key",
        "last_at",
        "last_drop",
        "octets",
        "opener",
        "packets",
        "retired",
        "story",
        "taps",
    )

    def __init__(self, attachment: Attachment, key: FlowKey) -> None:
        self.attachment: Attachment = attachment
        self.key: FlowKey = key
        self.first: CompiledLeg = CompiledLeg(self, attachment.place)
        self.taps: list[Tap] = []
        self.packets: int = 0
        self.octets: int = 0
        self.drops: int = 0
        self.last_drop: Dropped | None = None
        self.delivered_to: str | None = None
        self.last_at: int = 0
        self.story: list[Step] = []
        self.opener: Packet | None = None
        self.retired: bool = False

    def send(self, packet: Packet) -> None:
        """Hand a packet of this flow to the network, now."""
        attachment = self.attachment
        if self.retired:
            attachment.send(packet)
            return
        fabric = attachment.fabric
        fabric.sent += 1
        fabric.enter(packet, self.first, fabric.agenda.now)


class CompiledLeg:
    """A leg of a path; stale until a walk has filled it in.

    Attributes:
        generation: Of the tables it was made from; -1 if it must be walked.
        max_length: Bytes; longer packets are walked.
        entries: What must be alive, and is refreshed, at each packet.
        watchers: ``(watcher, outgoing)``: taps and flow meters passed on the way, before anything is rewritten.
        rewrite: The addresses and ports that packets go on with, if others.
        late_watchers: Those passed behind the rewriting.
        depth: How many legs come before it.
        shaper, link: The crossing to ``next``, or None where the packet is delivered.
        attachment: Where it is delivered.
    """

    __slots__ = (
        "attachment",
        "delivered",
        "depth",
        "entries",
        "generation",
        "late_watchers",
        "link",
        "max_length",
        "next",
        "path",
        "place",
        "rewrite",
        "shaper",
        "watchers",
    )

    def __init__(self, path: Path, place: Place, depth: int = 0) -> None:
        self.path: Path = path
        self.place: Place = place
        self.depth: int = depth
        self.rewrite: Rewrite | None = None
        self.generation: int = _STALE
        self.max_length: int = UNLIMITED
        self.entries: tuple[Entry, ...] = ()
        self.watchers: tuple[tuple[Watcher, bool], ...] = ()
        self.late_watchers: tuple[tuple[Watcher, bool], ...] = ()
        self.shaper: Shaper | None = None
        self.link: Link | None = None
        self.next: CompiledLeg | None = None
        self.attachment: Attachment | None = None
        self.delivered: Ending | None = None


class Attachment:
    """Where a host is plugged into the network.

    Attributes:
        attachment_id: An interface, a gateway endpoint, or ``<vpc>/resolver``.
        address: The interface's private address; 0 for a gateway endpoint, behind which a service has many.
        secondary: Its further private addresses.
        vpc_id: Whose network it is.
        vpc_endpoint_id: The endpoint that packets arrive through, for services; else None.
        place: Where packets sent here begin their walk.
        receiver: The host.
        paths: The flows begun here.
    """

    __slots__ = (
        "address",
        "attachment_id",
        "fabric",
        "paths",
        "place",
        "receiver",
        "secondary",
        "vpc_endpoint_id",
        "vpc_id",
    )

    def __init__(
        self,
        fabric: Fabric,
        place: Place,
        receiver: Receiver,
        address: int,
        vpc_id: str,
        vpc_endpoint_id: str | None = None,
    ) -> None:
        self.fabric: Fabric = fabric
        self.attachment_id: str = place.component
        self.address: int = address
        self.secondary: tuple[int, ...] = ()
        self.vpc_id: str = vpc_id
        self.vpc_endpoint_id: str | None = vpc_endpoint_id
        self.place: Place = place
        self.receiver: Receiver = receiver
        self.paths: dict[FlowKey, Path] = {}

    def send(self, packet: Packet) -> None:
        """Hand a packet to the network, now."""
        if packet.version != 4:  # like a fragment it has no key of its own: walked, and not remembered
            Path(self, (packet.src, packet.dst, packet.proto, 0, 0)).send(packet)
            return
        self.path((packet.src, packet.dst, packet.proto, packet.sport, packet.dport)).send(packet)

    def path(self, key: FlowKey) -> Path:
        """Return the path of a flow begun here, now or earlier."""
        path = self.paths.get(key)
        return self.fabric.open_path(self, key) if path is None else path

    def sender(self, key: FlowKey) -> Callable[[Packet], None]:
        """Return what sends packets of this flow and no others.

        A connection remembers its path as a socket of Linux does its route (``sk_dst_cache``), so that it is not
        looked up for every packet: 0.3 to 0.6 us, the more the more flows there are.
        """
        return self.path(key).send


class Nobody:
    """Behind a gate that answers by itself: nothing is delivered there."""

    def receive(self, attachment: Attachment, packet: Packet, now: int) -> None:
        """Take no packet: it is never asked."""


_NOBODY: Final = Nobody()


class Fabric:
    """The network between the hosts.

    Attributes:
        sent, duplicated: Packets handed in, and made by faults.
        delivered, dropped: How they ended; with those in flight they add up.
        walked: Legs evaluated; the others followed a compiled path.
        drops: How many packets ended for each ``(reason, component)``.
        refreshed: Called with the tables of a new generation before any packet meets them.
        compiling: Off, every leg of every packet is walked (the property tests' other half).
        meters: The flow logs; None while there are none.
    """

    __slots__ = (
        "_attachments",
        "_faults",
        "_gates",
        "_links",
        "_observers",
        "_path_count",
        "_seed",
        "_shapers",
        "_tables",
        "_taps",
        "agenda",
        "compiling",
        "delivered",
        "dropped",
        "drops",
        "duplicated",
        "max_paths",
        "meters",
        "refreshed",
        "retired",
        "sent",
        "source",
        "state",
        "walked",
    )

    def __init__(self, agenda: Agenda, source: TableSource, seed: int = 0, max_paths: int = 262_144) -> None:
        self.agenda: Agenda = agenda
        self.source: TableSource = source
        self.state: FlowState = FlowState()
        self.sent: int = 0
        self.duplicated: int = 0
        self.delivered: int = 0
        self.dropped: int = 0
        self.walked: int = 0
        self.drops: dict[tuple[Reason, str], int] = {}
        self.compiling: bool = True
        self.max_paths: int = max_paths
        self.refreshed: Callable[[Tables], None] | None = None
        self.meters: FlowMeters | None = None
        self.retired: int = 0
        self._seed: int = seed
        self._tables: Tables = source.tables()
        self._attachments: dict[str, Attachment] = {}
        self._gates: dict[tuple[PlaceKind, str], Attachment] = {}
        self._links: dict[tuple[str, str, int, str], Link] = {}
        self._shapers: dict[str, tuple[ShaperSpec, Shaper]] = {}
        self._taps: dict[str, list[Tap]] = {}
        self._faults: list[Fault] = []
        self._observers: list[Observer] = []
        self._path_count: int = 0

    # --- what is plugged in ------------------------------------------------------------------------------------------

    def attach(
        self, place: Place, receiver: Receiver, address: int, vpc_id: str, vpc_endpoint_id: str | None = None
    ) -> Attachment:
        """Plug a host in where packets it sends begin at ``place``; deliveries for that component go to it."""
        attachment = Attachment(self, place, receiver, address, vpc_id, vpc_endpoint_id)
        self._attachments[place.component] = attachment
        return attachment

    def detach(self, attachment_id: str) -> None:
        """Unplug: what is delivered there from now on has nobody to take it."""
        gone = self._attachments.pop(attachment_id, None)
        if gone is not None:  # its paths are remembered no more
            self.retired += len(gone.paths)
            self._path_count -= len(gone.paths)
        self.recompile()

    def add_tap(self, component: str, tap: Tap) -> None:
        """Let ``tap`` see what passes ``component`` from now on."""
        self._taps.setdefault(component, []).append(tap)
        self.recompile()

    def remove_tap(self, component: str, tap: Tap) -> None:
        """Let ``tap`` see nothing more."""
        self._taps[component].remove(tap)
        for path in self.paths():
            if tap in path.taps:
                path.taps.remove(tap)
        self.recompile()

    def add_fault(self, fault: Fault) -> None:
        """Put a fault on every link it applies to; the latest one on a link holds."""
        self._faults.append(fault)
        self._links.clear()
        self.recompile()

    def observe(self, observer: Observer) -> None:
        """Let ``observer`` hear of walked legs and drops."""
        self._observers.append(observer)

    def recompile(self) -> None:
        """Let every path be walked anew."""
        for path in self.paths():
            compiled: CompiledLeg | None = path.first
            while compiled is not None:
                compiled.generation = _STALE
                compiled = compiled.next

    def paths(self) -> list[Path]:
        """Return the flows remembered, by where they begin, in the order in which they began."""
        origins = (*self._attachments.values(), *self._gates.values())
        return [path for origin in origins for path in origin.paths.values()]

    @property
    def shapers(self) -> dict[str, Shaper]:
        """The shapers in use, by id."""
        return {shaper_id: shaper for shaper_id, (_, shaper) in self._shapers.items()}

    @property
    def in_flight(self) -> int:
        """How many packets have not ended."""
        return self.sent + self.duplicated - self.delivered - self.dropped

    # --- the hot path ------------------------------------------------------------------------------------------------

    def enter(self, packet: Packet, compiled: CompiledLeg, now: int) -> None:
        """Let a packet begin a leg: along the compiled one if every check holds, by a walk otherwise."""
        # Guards that leave, not conditions that enclose: CPython 3.11 specialises no comparison that jumps far.
        if (
            compiled.generation != self.source.generation
            or packet.length > compiled.max_length
            or packet.flags & EVENTFUL
        ):
            self._walk(packet, compiled, now)
            return
        for entry in compiled.entries:
            if entry.expires_at <= now or not entry.steady:
                self._walk(packet, compiled, now)
                return
            entry.expires_at = now + entry.timeout
        for watcher, outgoing in compiled.watchers:
            watcher.see(packet, now, outgoing)
        link = compiled.link
        if link is None:
            self._deliver(packet, compiled, now)
            return
        rewrite = compiled.rewrite
        if rewrite is not None:
            packet = rewrite.apply(packet)
            for watcher, outgoing in compiled.late_watchers:
                watcher.see(packet, now, outgoing)
        shaper = compiled.shaper
        if shaper is None:
            link.carry(packet, compiled.next, now)  # type: ignore[arg-type]  # a link leads to a next leg
            return
        at = shaper.admit(packet.length, now)
        if at >= 0:
            link.carry(packet, compiled.next, at)  # type: ignore[arg-type]
        else:
            self.end(packet, compiled, shaper.refusal)

    def _deliver(self, packet: Packet, compiled: CompiledLeg, now: int) -> None:
        packet.ending = compiled.delivered
        if packet.origin is not None:
            assert compiled.delivered is not None
            packet.end(compiled.delivered)
        self.delivered += 1
        path = compiled.path
        path.packets += 1
        path.octets += packet.length
        path.last_at = now
        for tap in path.taps:
            tap.settle()
        attachment = compiled.attachment
        if attachment is not None:
            attachment.receiver.receive(attachment, packet, now)

    # --- the slow path -----------------------------------------------------------------------------------------------

    def open_path(self, attachment: Attachment, key: FlowKey) -> Path:
        """Begin to remember a flow; with too many remembered, the quarter longest unused is forgotten."""
        if self._path_count >= self.max_paths:
            self._retire()
        path = Path(attachment, key)
        path.last_at = self.agenda.now
        attachment.paths[key] = path
        self._path_count += 1
        return path

    def _retire(self) -> None:
        paths = sorted(self.paths(), key=lambda path: path.last_at)
        for path in paths[: max(1, len(paths) // 4)]:
            del path.attachment.paths[path.key]
            path.retired = True
            self.retired += 1
        self._path_count = len(paths) - max(1, len(paths) // 4)

    def tables(self) -> Tables:
        """Return the tables of the present generation."""
        if self._tables.generation != self.source.generation:
            self._tables = self.source.tables()
            if self.refreshed is not None:
                self.refreshed(self._tables)
        return self._tables

    def _walk(self, packet: Packet, compiled: CompiledLeg, now: int) -> None:
        """Evaluate one leg, commit its effects, compile it if it holds for later packets, and go on."""
        self.walked += 1
        if compiled.depth >= LONGEST_WAY:
            self.end(packet, compiled, looping(compiled.place.component))
            return
        tables = self.tables()
        result = leg(tables, self.state, packet, compiled.place, now)
        entries = tuple([self.state.commit(effect, now) for effect in result.effects])
        path = compiled.path
        if path.opener is None or path.opener is packet:
            path.opener = result.packet
            path.story += result.steps
        watchers: list[tuple[Watcher, bool]] = []
        late: list[tuple[Watcher, bool]] = []
        for component, outgoing, as_seen in result.seen:
            for tap in self._taps.get(component, ()):
                tap.see(as_seen, now, outgoing)
                (watchers if as_seen is packet else late).append((tap, outgoing))
                if tap not in path.taps:
                    path.taps.append(tap)
        if self.meters is not None:
            for interface_id, outgoing, accepted, as_seen in result.logged:
                meter = self.meters.meter(interface_id, as_seen, result.crossing, outgoing=outgoing, accepted=accepted)
                if meter is not None:
                    meter.see(as_seen, now, outgoing)
                    (watchers if as_seen is packet else late).append((meter, outgoing))
        for observer in self._observers:
            observer.walked(path, packet, result.steps, now)
        if result.exceeded is not None:
            self.state.exceeded(result.exceeded)
        for answer, place in result.answers:
            self._gate(place).send(answer)
        if isinstance(result.ending, Dropped):
            self.end(packet, compiled, result.ending)
            return
        self._fill(compiled, result)
        compiled.max_length = result.max_length
        compiled.entries = entries
        compiled.watchers = tuple(watchers)
        compiled.late_watchers = tuple(late)
        compiled.rewrite = result.rewrite
        holds = self.compiling and compilable(packet, result)
        compiled.generation = tables.generation if holds else _STALE
        self._go_on(packet, result, compiled, now)

    def _gate(self, place: Place) -> Attachment:
        """Return where packets begin that a gate sends back by itself: ICMP errors, resets."""
        key = place.kind, place.component
        gate = self._gates.get(key)
        if gate is None:
            gate = self._gates[key] = Attachment(self, place, _NOBODY, 0, "")
        return gate

    def _fill(self, compiled: CompiledLeg, result: LegResult) -> None:
        """Hang links, shapers and hosts on a leg."""
        crossing = result.crossing
        if crossing is None:
            assert isinstance(result.ending, Delivered)
            compiled.link = compiled.shaper = compiled.next = None
            compiled.delivered = result.ending
            compiled.attachment = self._attachments.get(result.ending.component)
            compiled.path.delivered_to = result.ending.component
            return
        following = compiled.next
        if following is None or not following.place.same(crossing.to):
            compiled.next = CompiledLeg(compiled.path, crossing.to, compiled.depth + 1)
        compiled.shaper = None if crossing.shaper is None else self._shaper(crossing.shaper)
        shaper_id = "" if crossing.shaper is None else crossing.shaper.shaper_id
        compiled.link = self._link(crossing.source, crossing.to, crossing.delay, shaper_id)

    def _go_on(self, packet: Packet, result: LegResult, compiled: CompiledLeg, now: int) -> None:
        link, following, shaper = compiled.link, compiled.next, compiled.shaper
        if link is None or following is None:
            self._deliver(packet, compiled, now)
            return
        packet = result.packet  # perhaps rewritten: the taps behind us keep the record they saw
        at = now if shaper is None else shaper.admit(packet.length, now)
        if shaper is not None and at < 0:
            self.end(packet, compiled, shaper.refusal)
            return
        link.carry(packet, following, at)

    def end(self, packet: Packet, compiled: CompiledLeg, ending: Dropped) -> None:
        """Drop a packet: the one place where one is lost."""
        packet.end(ending)
        self.dropped += 1
        where = ending.reason, ending.component
        self.drops[where] = self.drops.get(where, 0) + 1
        path = compiled.path
        path.drops += 1
        path.last_drop = ending
        path.last_at = now = self.agenda.now
        for tap in path.taps:
            tap.settle()
        for observer in self._observers:
            observer.dropped(path, packet, ending, now)

    def _link(self, source: str, to: Place, delay: int, shaper_id: str) -> Link:
        """Return what carries packets from a component to a place behind a shaper: it keeps the order they leave in.

        What waits in one shaper does not hold up what leaves another (NET-1).
        """
        target = f"{to.component}/service" if to.kind is PlaceKind.HOST else to.component
        key = (source, target, delay, shaper_id)
        link = self._links.get(key)
        if link is None:
            fault = next((fault for fault in reversed(self._faults) if fault.applies(source, target)), None)
            link_id = f"{source}->{target}"
            if fault is None:
                link = Link(self, link_id, delay)
            else:
                others = sum(other[:3] == key[:3] for other in self._links)  # each draws for itself
                seed = f"{self._seed}/{others}" if others else str(self._seed)
                link = FaultyLink(self, link_id, delay, fault, seed)
            self._links[key] = link
        return link

    def _shaper(self, spec: ShaperSpec) -> Shaper:
        known = self._shapers.get(spec.shaper_id)
        if known is not None:
            old, shaper = known
            if (old.rate, old.burst, old.queue) == (spec.rate, spec.burst, spec.queue):
                return shaper
        shaper = PacketLimit(spec) if spec.packets else Shaper(spec.shaper_id, spec.rate, spec.burst, spec.queue)
        if known is not None:  # another rate, the same place
            before = known[1]
            shaper.passed, shaper.passed_bytes, shaper.dropped = before.passed, before.passed_bytes, before.dropped
        self._shapers[spec.shaper_id] = (spec, shaper)
        return shaper
