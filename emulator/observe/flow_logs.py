"""Flow logs: counts of packets per interface, flow and window.

The network shows each packet to the meter of its flow (:meth:`FlowMeter.see`),
which knows the row of the present window and begins another when a packet comes
after its end; nothing happens when time merely passes, and a row is complete at
any moment.  Rows count by the finest interval there is, a minute, and are added
up to what each flow log wants when somebody reads it.

A flow log sees an interface from some time to some time; while neither the
flow logs of an interface nor what is written of it change, one :class:`Watch` has
its rows.

AWS: VPC User Guide, "Flow log records", "Aggregation interval" (FLOW-1, FLOW-12).
EMU: windows begin at whole multiples of their interval since 1970.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from emulator.model.epoch import EPOCH_NS
from emulator.model.flow_logs import FlowLog, TrafficType
from emulator.observe.flow_records import NOWHERE, Flow, FlowRecord, InterfaceFacts, NextHop
from emulator.wire.packet import ACK, FIN, IPPROTO_TCP, IPPROTO_UDP, RST, SYN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emulator.observe.flow_records import ServiceOf
    from emulator.wire.packet import Packet

SECOND: Final = 1_000_000_000
FINEST: Final = 60
"""Seconds: rows are counted by the minute, and so are all flows of instances (FLOW-1; EMU: they are all Nitro)."""

_MINUTE: Final = FINEST * SECOND
_NOTABLE: Final = SYN | FIN | RST
_METERS: Final = 65_536  # per interface; beyond, all are forgotten and begin new rows, which add up all the same

assert EPOCH_NS % (600 * SECOND) == 0, "windows since the start of the run are windows since 1970"


class Row:
    """What one flow did in one minute; ``first_at`` and ``last_at`` are nanoseconds since the start of the run."""

    __slots__ = ("first_at", "flags", "flow", "last_at", "minute", "next_hop", "octets", "packets")

    def __init__(self, flow: Flow, minute: int, now: int, next_hop: NextHop) -> None:
        self.flow: Flow = flow
        self.minute: int = minute
        self.packets: int = 0
        self.octets: int = 0
        self.flags: int = 0
        self.first_at: int = now
        self.last_at: int = now
        self.next_hop: NextHop = next_hop


class FlowMeter:
    """Counts the packets of one flow at one interface; the network keeps it on the flow's compiled leg."""

    __slots__ = ("_flow", "_next_hop", "_row", "_rows", "_until")

    def __init__(self, flow: Flow, rows: list[Row]) -> None:
        self._flow: Flow = flow
        self._rows: list[Row] = rows
        self._next_hop: NextHop = NOWHERE
        self._row: Row = Row(flow, 0, 0, NOWHERE)  # counts nothing: the first packet is after its end
        self._until: int = -1

    def see(self, packet: Packet, now: int, outgoing: bool) -> None:  # noqa: ARG002 - as a tap is shown packets
        """Count a packet."""
        if now >= self._until:
            self._begin(now)
        row = self._row
        row.packets += 1
        row.octets += packet.length
        row.last_at = now
        if packet.flags & _NOTABLE:
            row.flags |= logged_flags(packet.flags)

    def lead(self, next_hop: NextHop) -> None:
        """Note where the flow's packets go on from now on; a record has where its latest ones went."""
        self._next_hop = next_hop
        self._row.next_hop = next_hop

    def _begin(self, now: int) -> None:
        minute = now // _MINUTE
        self._until = (minute + 1) * _MINUTE
        self._row = Row(self._flow, minute, now, self._next_hop)
        self._rows.append(self._row)


def logged_flags(flags: int) -> int:
    """Return what a packet adds to ``tcp-flags``: FIN, SYN and RST, and ACK only with SYN (FLOW-10)."""
    return flags & (_NOTABLE | ACK) if flags & SYN else flags & _NOTABLE


class Watch:
    """The time in which an interface is watched by certain flow logs and its records say certain things of it.

    Attributes:
        interface: What they say.
        flow_logs: Who watches.
        began, ended: Nanoseconds since the start of the run; ``ended`` is None while it goes on.
        rows: What has been counted, by the time at which each row began.
    """

    __slots__ = ("_meters", "began", "ended", "flow_logs", "interface", "rows")

    def __init__(self, interface: InterfaceFacts, flow_logs: tuple[FlowLog, ...], began: int) -> None:
        self.interface: InterfaceFacts = interface
        self.flow_logs: tuple[FlowLog, ...] = flow_logs
        self.began: int = began
        self.ended: int | None = None
        self.rows: list[Row] = []
        self._meters: dict[Flow, FlowMeter] = {}

    def meter(self, packet: Packet, *, outgoing: bool, accepted: bool) -> FlowMeter:
        """Return what counts the flow of a packet."""
        ports = packet.proto in (IPPROTO_TCP, IPPROTO_UDP)
        flow = Flow(
            outgoing,
            accepted,
            packet.version,
            packet.src,
            packet.dst,
            packet.proto,
            packet.sport if ports else 0,
            packet.dport if ports else 0,
        )
        meter = self._meters.get(flow)
        if meter is None:
            if len(self._meters) >= _METERS:
                self._meters.clear()
            meter = self._meters[flow] = FlowMeter(flow, self.rows)
        return meter


class FlowLogBook:
    """Everything that flow logs have seen, and who is watched now.

    Attributes:
        watches: By interface, those that go on.
    """

    def __init__(self) -> None:
        self.watches: dict[str, Watch] = {}
        self._all: list[Watch] = []

    def watch(self, wanted: dict[str, tuple[InterfaceFacts, tuple[FlowLog, ...]]], now: int) -> None:
        """From now on, watch these interfaces and no others; what stays as it was goes on."""
        for name in [name for name, watch in self.watches.items() if _now(watch) != wanted.get(name)]:
            self.watches.pop(name).ended = now
        for name, (interface, flow_logs) in wanted.items():
            if name not in self.watches:
                watch = self.watches[name] = Watch(interface, flow_logs, now)
                self._all.append(watch)

    def throughout(self, flow_log: FlowLog) -> list[str]:
        """Return the interfaces that a flow log has watched from the start of the run until now."""
        since: dict[str, int | None] = {}
        for watch in self._all:
            name = watch.interface.interface_id
            if flow_log in watch.flow_logs and watch.began == since.get(name, 0):
                since[name] = watch.ended
        return [name for name, ended in since.items() if ended is None]

    def records(self, flow_log: FlowLog, now: int, service_of: ServiceOf | None = None) -> list[FlowRecord]:
        """Return the records of a flow log as if every window that has begun were over.

        Args:
            flow_log: Whose.
            now: Nanoseconds since the start of the run; windows without traffic are told up to here (FLOW-12).
            service_of: Names the services that own addresses; None leaves those fields empty.

        Returns:
            Records by window, interface, first packet.
        """
        by_interface: dict[str, list[Watch]] = {}
        for watch in self._all:
            if flow_log in watch.flow_logs:
                by_interface.setdefault(watch.interface.interface_id, []).append(watch)
        found: list[tuple[tuple[int, str, int], FlowRecord]] = []
        for name, watches in by_interface.items():
            interval = interval_of(flow_log, watches[-1].interface)
            merged, busy = _merge(flow_log, watches, interval)
            for window, rows in merged:
                interface = rows[0][0].interface
                record = _record(flow_log, interface, window * interval, [row for _, row in rows], service_of)
                found.append(((window * interval, name, rows[0][1].first_at), record))
            for window, interface in _silent(watches, busy, interval, now):
                began = EPOCH_NS // SECOND + window * interval
                record = FlowRecord(flow_log.flow_log_id, interface, began, None, 0, 0, 0, began, began + interval)
                found.append(((window * interval, name, 0), record))
        return [record for _, record in sorted(found, key=lambda pair: pair[0])]


def interval_of(flow_log: FlowLog, interface: InterfaceFacts) -> int:
    """Return the seconds of a window: an instance's are a minute whatever the flow log says (FLOW-1)."""
    return FINEST if interface.instance_id is not None else flow_log.max_aggregation_interval


def _now(watch: Watch) -> tuple[InterfaceFacts, tuple[FlowLog, ...]]:
    return watch.interface, watch.flow_logs


_Rows = list[tuple[Watch, Row]]


def _merge(flow_log: FlowLog, watches: list[Watch], interval: int) -> tuple[list[tuple[int, _Rows]], set[int]]:
    """Return the rows of each record, by window; and the windows in which there was any traffic, wanted or not."""
    groups: dict[tuple[int, Flow], _Rows] = {}
    busy: set[int] = set()
    for watch in watches:
        for row in watch.rows:
            window = row.minute * FINEST // interval
            busy.add(window)
            if _wanted(flow_log, row.flow):
                groups.setdefault((window, row.flow), []).append((watch, row))
    return [(window, rows) for (window, _), rows in groups.items()], busy


def _wanted(flow_log: FlowLog, flow: Flow) -> bool:
    if flow_log.traffic_type is TrafficType.ALL:
        return True
    return flow.accepted == (flow_log.traffic_type is TrafficType.ACCEPT)


def _record(
    flow_log: FlowLog, interface: InterfaceFacts, window: int, rows: list[Row], service_of: ServiceOf | None
) -> FlowRecord:
    flow = rows[0].flow
    flags = 0
    for row in rows:
        flags |= row.flags
    return FlowRecord(
        flow_log.flow_log_id,
        interface,
        EPOCH_NS // SECOND + window,
        flow,
        sum(row.packets for row in rows),
        sum(row.octets for row in rows),
        flags,
        (EPOCH_NS + min(row.first_at for row in rows)) // SECOND,
        (EPOCH_NS + max(row.last_at for row in rows)) // SECOND,
        rows[-1].next_hop,
        None if service_of is None else service_of(flow.src),
        None if service_of is None else service_of(flow.dst),
    )


def _silent(watches: list[Watch], busy: set[int], interval: int, now: int) -> Iterator[tuple[int, InterfaceFacts]]:
    """Yield the windows, up to the one that ``now`` is in, in which a watched interface had no traffic at all."""
    told: set[int] = set()
    length = interval * SECOND
    for watch in watches:
        until = now if watch.ended is None else watch.ended
        for window in range(watch.began // length, -(-until // length)):
            if window not in busy and window not in told:
                told.add(window)
                yield window, watch.interface
