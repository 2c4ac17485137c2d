"""What CloudWatch would show of an interface endpoint, interface by interface.

Connections are followed by SYN, FIN and RST alone, which the network walks one
by one anyway, so that the packets between them cost nothing; how long a silent
connection counts is the endpoint's own idle memory (VPCE-IF-15).  Bytes are
those that passed the endpoint's shapers, and are asked for there.

AWS: AWS PrivateLink, "CloudWatch metrics for AWS PrivateLink" (VPCE-IF-23).
EMU: sums and present values since the start of the run, without periods.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from emulator.model.reasons import Reason
from emulator.wire.packet import ACK, FIN, IPPROTO_TCP, RST, SYN

if TYPE_CHECKING:
    from collections.abc import Callable

    from emulator.model.traces import Dropped, Step
    from emulator.wire.packet import Packet

Connection: TypeAlias = tuple[int, int, int, int]
"""``(client address, client port, endpoint interface's address, port)``."""

GATES: Final = ("state", "protocol", "mtu", "idle", "direction")
"""The gates of an endpoint itself; its groups and network ACLs are before them."""
OWN_DROPS: Final = (
    Reason.BAD_STATE,
    Reason.PROTOCOL_RESTRICTION,
    Reason.EMU_OVER_MTU,
    Reason.EMU_IDLE_TIMEOUT,
    Reason.VPCE_INTRA_VPC_TRAFFIC,
)
"""How packets end at those gates."""

_NOTABLE: Final = SYN | FIN | RST
_SYN_SENT: Final = 0
_ESTABLISHED: Final = 1
_FINISHED: Final = {False: 2, True: 4}  # added by the FIN of the client, of the service
_OVER: Final = 6


@dataclass(frozen=True, slots=True)
class EndpointMetrics:
    """The metrics of an endpoint, or of one of its interfaces.

    Attributes:
        active_connections: In SYN_SENT or established now.
        new_connections: Established since the start of the run.
        bytes_processed: IP bytes to the service and from it.
        packets_dropped: By the endpoint: at its gates, by its shapers, by an interface that has failed. Security
            groups and network ACLs drop before that.
        rst_packets_received: From either side.
    """

    active_connections: int = 0
    new_connections: int = 0
    bytes_processed: int = 0
    packets_dropped: int = 0
    rst_packets_received: int = 0

    def __add__(self, other: EndpointMetrics) -> EndpointMetrics:
        """Return the metrics of both together."""
        return EndpointMetrics(
            self.active_connections + other.active_connections,
            self.new_connections + other.new_connections,
            self.bytes_processed + other.bytes_processed,
            self.packets_dropped + other.packets_dropped,
            self.rst_packets_received + other.rst_packets_received,
        )

    def to_json(self) -> dict[str, int]:
        """Return the metrics by CloudWatch's names."""
        return {
            "ActiveConnections": self.active_connections,
            "NewConnections": self.new_connections,
            "BytesProcessed": self.bytes_processed,
            "PacketsDropped": self.packets_dropped,
            "RstPacketsReceived": self.rst_packets_received,
        }


class _Counts:
    """Of one interface: what has happened, and ``connection: [initial sequence number, how far it has come]``."""

    __slots__ = ("connections", "dropped", "established", "purge_at", "resets")

    def __init__(self) -> None:
        self.connections: dict[Connection, list[int]] = {}
        self.established: int = 0
        self.dropped: int = 0
        self.resets: int = 0
        self.purge_at: int = 4096


class EndpointCounters:
    """Listens to the network and counts at every endpoint interface.

    Args:
        alive: Whether an interface still remembers a connection at a time in nanoseconds.
    """

    def __init__(self, alive: Callable[[str, Connection, int], bool]) -> None:
        self._alive: Final = alive
        self._places: dict[str, dict[int, str]] = {}
        self._counts: dict[str, _Counts] = {}

    def watch(self, places: dict[str, dict[int, str]]) -> None:
        """Take note of the interface endpoints there are: endpoint, address, interface."""
        self._places = places
        for interfaces in places.values():
            for name in interfaces.values():
                self._counts.setdefault(name, _Counts())

    def metrics(self, interface_id: str, now: int, octets: int) -> EndpointMetrics:
        """Return the metrics of an interface, of which ``octets`` have passed."""
        counts = self._counts[interface_id]
        active = sum(self._alive(interface_id, one, now) for one in counts.connections)
        return EndpointMetrics(active, counts.established, octets, counts.dropped, counts.resets)

    # -- what the network tells -----------------------------------------------------------------------------------

    def walked(self, path: Any, packet: Packet, steps: list[Step], now: int) -> None:  # noqa: ARG002 - an observer
        """Hear of a walked leg: if it is one through an endpoint's gates, follow the connection."""
        if packet.proto != IPPROTO_TCP or not packet.flags & _NOTABLE:
            return
        for step in steps:
            interfaces = self._places.get(step.component)
            if interfaces is not None and step.gate in GATES:
                inward = interfaces.get(packet.dst)
                interface_id = inward or interfaces.get(packet.src)
                if interface_id is not None:
                    self._follow(interface_id, packet, now, answer=inward is None, passed=steps[-1].passed)
                    return

    def dropped(self, path: Any, packet: Packet, ending: Dropped, now: int) -> None:  # noqa: ARG002 - an observer
        """Hear of a drop, and whose it is."""
        component = ending.component
        name: str | None = component.partition("/")[0]
        if component == name:
            interfaces = self._places.get(component)
            if interfaces is not None:
                own = ending.reason in OWN_DROPS
                name = (interfaces.get(packet.dst) or interfaces.get(packet.src)) if own else None
            elif ending.reason is not Reason.EMU_FAULT:
                return
        counts = None if name is None else self._counts.get(name)
        if counts is not None:
            counts.dropped += 1

    def _follow(self, interface_id: str, packet: Packet, now: int, *, answer: bool, passed: bool) -> None:
        counts = self._counts[interface_id]
        if packet.flags & RST:
            counts.resets += 1
        if not passed:
            return
        if answer:
            connection = packet.dst, packet.dport, packet.src, packet.sport
        else:
            connection = packet.src, packet.sport, packet.dst, packet.dport
        known = counts.connections.get(connection)
        if packet.flags & RST:
            counts.connections.pop(connection, None)
        elif packet.flags & SYN:
            if not answer and not packet.flags & ACK:
                if known is None or known[0] != packet.seq:
                    self._purge(interface_id, counts, now)
                    counts.connections[connection] = [packet.seq, _SYN_SENT]
            elif answer and known is not None and known[1] == _SYN_SENT:
                known[1] = _ESTABLISHED
                counts.established += 1
        elif known is not None:
            known[1] |= _FINISHED[answer]
            if known[1] & _OVER == _OVER:
                del counts.connections[connection]

    def _purge(self, interface_id: str, counts: _Counts, now: int) -> None:
        """Forget connections that fell silent, now that there are twice as many: constant work for each."""
        if len(counts.connections) < counts.purge_at:
            return
        for one in [one for one in counts.connections if not self._alive(interface_id, one, now)]:
            del counts.connections[one]
        counts.purge_at = max(4096, 2 * len(counts.connections))
