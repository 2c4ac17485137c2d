"""Connection tracking: what an interface remembers of the flows it admitted.

One entry per flow and interface, with no clock and no packet kept: whoever asks
brings ``now``, and an entry whose time has passed is as good as gone.  The same
record serves the idle state of interface endpoints.

AWS: EC2 User Guide, "Amazon EC2 security group connection tracking" (SG-9 to
SG-17).  AWS publishes timeouts for established TCP and for UDP only; the others
are Linux's (EMU).
"""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

from emulator.wire.packet import FIN, IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP, RST

if TYPE_CHECKING:
    from collections.abc import Mapping

    from emulator.wire.packet import Packet

Key: TypeAlias = tuple[str, int, int, int, int, int]
"""``(component, local address, local port, remote address, remote port, protocol)``."""

Binding: TypeAlias = "tuple[int | str, ...]"
"""What stands behind a translated flow; its shape is the translator's (:mod:`emulator.flows.translation`)."""

Group: TypeAlias = "tuple[str | int, ...]"
"""What entries are counted by, where there is a limit to how many there may be."""

SECOND: Final = 1_000_000_000


class Tracked(StrEnum):
    """How far a tracked flow has come."""

    SYN_SENT = "syn-sent"
    SYN_RECEIVED = "syn-received"
    ESTABLISHED = "established"
    CLOSING = "closing"  # an end has finished, or both have: Linux keeps either for two minutes
    CLOSED = "closed"  # reset
    ONE_WAY = "one-way"  # UDP without an answer
    ANSWERED = "answered"  # UDP, a single exchange
    STREAM = "stream"  # UDP, more than one exchange
    OTHER = "other"  # ICMP and the other protocols: by addresses and protocol (SG-11)
    IDLE = "idle-timer"  # an endpoint's memory of a flow (VPCE-IF-15)


class Entry:
    """One tracked flow.

    Attributes:
        state: How far it has come.
        originated: Whether this interface's side began it.
        timeout: Nanoseconds of silence after which it is forgotten.
        expires_at: When that is, if nothing more comes.
        steady: Whether a packet without SYN, FIN or RST changes nothing but ``expires_at``.
        binding: What a translator wrote in place of what (NAT, load balancers); empty for plain flows.
        group: What it counts against, e.g. an instance's tracked connections (SG-16); None for nothing.
    """

    __slots__ = ("binding", "expires_at", "group", "originated", "state", "steady", "timeout")

    def __init__(
        self,
        state: Tracked,
        timeout: int,
        expires_at: int,
        *,
        originated: bool,
        binding: Binding = (),
        group: Group | None = None,
    ) -> None:
        self.binding: Binding = binding
        self.group: Group | None = group
        self.state: Tracked = state
        self.originated: bool = originated
        self.timeout: int = timeout
        self.expires_at: int = expires_at
        self.steady: bool = state in STEADY


STEADY: Final = frozenset(
    (Tracked.ESTABLISHED, Tracked.CLOSING, Tracked.CLOSED, Tracked.STREAM, Tracked.OTHER, Tracked.IDLE)
)

LINUX_TIMEOUTS: Final[Mapping[Tracked, int]] = MappingProxyType(
    {
        Tracked.SYN_SENT: 120 * SECOND,
        Tracked.SYN_RECEIVED: 60 * SECOND,
        Tracked.CLOSING: 120 * SECOND,
        Tracked.CLOSED: 10 * SECOND,
    }
)

# (state, what came): the next state.  What is not listed stays as it is.
TCP_TRANSITIONS: Final[Mapping[tuple[Tracked, str], Tracked]] = MappingProxyType(
    {
        (Tracked.SYN_SENT, "answer"): Tracked.SYN_RECEIVED,
        (Tracked.SYN_RECEIVED, "origin"): Tracked.ESTABLISHED,
        (Tracked.SYN_SENT, "finish"): Tracked.CLOSING,
        (Tracked.SYN_RECEIVED, "finish"): Tracked.CLOSING,
        (Tracked.ESTABLISHED, "finish"): Tracked.CLOSING,
    }
)
ICMP_REQUEST_OF: Final[Mapping[int, int]] = MappingProxyType({0: 8, 14: 13, 16: 15, 18: 17})
"""ICMP replies' types, and the types of the requests they answer (RFC 792, RFC 950)."""

UDP_TRANSITIONS: Final[Mapping[tuple[Tracked, str], Tracked]] = MappingProxyType(
    {
        (Tracked.ONE_WAY, "answer"): Tracked.ANSWERED,
        (Tracked.ANSWERED, "origin"): Tracked.STREAM,
    }
)


def flow_key(component: str, packet: Packet, *, outgoing: bool) -> Key:
    """Return the key under which ``component`` remembers the packet's flow, in either direction."""
    local, local_port, remote, remote_port = packet.src, packet.sport, packet.dst, packet.dport
    if not outgoing:
        local, local_port, remote, remote_port = remote, remote_port, local, local_port
    if packet.proto == IPPROTO_ICMP:
        # A reply (SG-9) answers the request that has its identifier and went the other way, nothing else: another
        # type of message, and a request of the other side's own, are other flows, as they are to Linux.
        kind = packet.dport >> 8
        request = ICMP_REQUEST_OF.get(kind, kind)
        asked_here = (kind == request) == outgoing
        local_port, remote_port = packet.sport, request << 1 | asked_here
    elif packet.proto not in (IPPROTO_TCP, IPPROTO_UDP):
        local_port = remote_port = 0
    return component, local, local_port, remote, remote_port, packet.proto


def next_state(entry: Entry | None, packet: Packet, *, outgoing: bool) -> Tracked:
    """Return the state of the flow after this packet; ``entry`` is None for a new flow, which TCP begins by a SYN."""
    if packet.proto == IPPROTO_TCP:
        if packet.flags & RST:
            return Tracked.CLOSED
        if entry is None:
            return Tracked.SYN_SENT
        event = "origin" if entry.originated == outgoing else "answer"
        if packet.flags & FIN:
            event = "finish"
        return TCP_TRANSITIONS.get((entry.state, event), entry.state)
    if packet.proto == IPPROTO_UDP:
        if entry is None:
            return Tracked.ONE_WAY
        event = "origin" if entry.originated == outgoing else "answer"
        return UDP_TRANSITIONS.get((entry.state, event), entry.state)
    return Tracked.OTHER


class Timeouts(Protocol):
    """Whoever knows the idle timeouts that can be set: an interface, or the settings (SG-14)."""

    tcp_established_timeout: int
    udp_timeout: int
    udp_stream_timeout: int


def timeout_of(state: Tracked, protocol: int, timeouts: Timeouts) -> int:
    """Return how long a flow in ``state`` may be silent, in nanoseconds."""
    if state is Tracked.ESTABLISHED:
        return timeouts.tcp_established_timeout
    if state is Tracked.STREAM:
        return timeouts.udp_stream_timeout
    if state in (Tracked.ONE_WAY, Tracked.ANSWERED):
        return timeouts.udp_timeout
    if state is Tracked.OTHER:
        return 30 * SECOND if protocol == IPPROTO_ICMP else 600 * SECOND  # Linux's for ICMP (EMU); SG-11
    return LINUX_TIMEOUTS[state]


class Effect:
    """What a gate wants remembered; nothing changes until it is committed (D1)."""

    __slots__ = ("binding", "group", "key", "originated", "state", "timeout")

    def __init__(
        self,
        key: Key,
        state: Tracked,
        timeout: int,
        *,
        originated: bool,
        binding: Binding = (),
        group: Group | None = None,
    ) -> None:
        self.key: Key = key
        self.state: Tracked = state
        self.timeout: int = timeout
        self.originated: bool = originated
        self.binding: Binding = binding
        self.group: Group | None = group


class FlowState:
    """Everything the network remembers of its flows.

    Attributes:
        refused: How often each counted limit turned a new flow away (``conntrack_allowance_exceeded`` and the like).
    """

    __slots__ = ("_groups", "_purge_at", "entries", "refused")

    def __init__(self) -> None:
        self.entries: dict[Key, Entry] = {}
        self.refused: dict[Group, int] = {}
        self._groups: dict[Group, dict[Key, Entry]] = {}
        self._purge_at: int = 4096

    def get(self, key: Key, now: int) -> Entry | None:
        """Return the entry for ``key`` unless its time has passed."""
        entry = self.entries.get(key)
        return None if entry is None or entry.expires_at <= now else entry

    def known(self, key: Key) -> Entry | None:
        """Return the entry of a flow that is, or was lately, remembered: what tells silence from a stranger."""
        return self.entries.get(key)

    def exceeded(self, group: Group) -> None:
        """Count a flow that a limit has turned away."""
        self.refused[group] = self.refused.get(group, 0) + 1

    def full(self, group: Group, limit: int, now: int) -> bool:
        """Return whether as many live entries as ``limit`` count against ``group``."""
        members = self._groups.get(group)
        if members is None or len(members) < limit:
            return False
        return sum(entry.expires_at > now for entry in members.values()) >= limit

    def commit(self, effect: Effect, now: int) -> Entry:
        """Make an effect true and return its entry; a live entry keeps its identity."""
        entry = self.entries.get(effect.key)
        if entry is not None and entry.expires_at <= now:
            self._forget([effect.key])
            entry = None
        if entry is None:
            if len(self.entries) >= self._purge_at:
                self._purge(now)
            entry = Entry(
                effect.state,
                effect.timeout,
                now + effect.timeout,
                originated=effect.originated,
                binding=effect.binding,
                group=effect.group,
            )
            self.entries[effect.key] = entry
            if effect.group is not None:
                members = self._groups.setdefault(effect.group, {})
                if members and next(iter(members.values())).expires_at <= now:
                    self._forget([key for key, other in members.items() if other.expires_at <= now])
                self._groups.setdefault(effect.group, {})[effect.key] = entry
            return entry
        entry.state = effect.state
        entry.originated = effect.originated
        entry.timeout = effect.timeout
        entry.expires_at = now + effect.timeout
        entry.steady = effect.state in STEADY
        entry.binding = effect.binding
        return entry

    def _purge(self, now: int) -> None:
        """Forget what is over, now that the table has doubled: constant work per entry ever made."""
        self._forget([key for key, entry in self.entries.items() if entry.expires_at <= now])
        self._purge_at = max(4096, 2 * len(self.entries))

    def _forget(self, keys: list[Key]) -> None:
        for key in keys:
            group = self.entries.pop(key).group
            if group is not None:
                members = self._groups[group]
                del members[key]
                if not members:
                    del self._groups[group]


class Overlay(FlowState):
    """A flow state that remembers over another one without touching it: for asking "what if"."""

    __slots__ = ("base",)

    def __init__(self, base: FlowState) -> None:
        super().__init__()
        self.base: FlowState = base

    def get(self, key: Key, now: int) -> Entry | None:
        """Return the entry made here, else the one below."""
        return super().get(key, now) if key in self.entries else self.base.get(key, now)

    def known(self, key: Key) -> Entry | None:
        """Return the entry made here, else the one below."""
        return super().known(key) or self.base.known(key)

    def full(self, group: Group, limit: int, now: int) -> bool:
        """Return whether the limit is reached here or below; few are added by asking."""
        return self.base.full(group, limit, now) or super().full(group, limit, now)
