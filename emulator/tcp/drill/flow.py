"""Between a script's numbers and those on the wire.

A script counts sequence numbers from the initial ones and timestamps from any
value it likes; this module remembers, for the connection under test, how its
numbers and the connection's belong together (packetdrill's
``map_inbound_packet`` and ``map_outbound_live_packet``).
"""

from __future__ import annotations

from emulator.tcp.drill.kernel import LOCAL, REMOTE
from emulator.tcp.drill.segments import Option, Segment, decode, encode
from emulator.wire.packet import ACK, IPPROTO_TCP, SYN, Packet

M = 0xFFFFFFFF
TIMESTAMPS = b"\x01\x01\x08\x0a"


class Flow:
    """The connection that the script's segments belong to.

    Attributes:
        local_port, remote_port: The real ones.
        remote_isn: The peer's initial sequence number: the script's and the real one are the same.
        local_isn: The real one, and what the script calls it.
        active: Whether we opened it; then the peer's first SYN tells its number (``answered``).
    """

    def __init__(self, local_port: int, remote_port: int, *, active: bool = False) -> None:
        self.local_port: int = local_port
        self.remote_port: int = remote_port
        self.remote_isn: int = 0
        self.local_isn: int = 0
        self.script_isn: int = 0
        self.timestamps: dict[int, int] = {}
        self.first_timestamps: tuple[int, int] | None = None
        self.active: bool = active
        self.answered: bool = False

    def _local_offset(self, flags: int) -> int:
        """Return what turns the script's numbers of our direction into real ones."""
        return self.local_isn - self.script_isn if flags & SYN else self.local_isn

    def inbound(self, segment: Segment, payload: bytes) -> Packet:
        """Return the packet that an inbound segment of the script stands for."""
        flags = segment.flags
        ours = self._local_offset(flags)
        seq = segment.seq + (0 if flags & SYN else self.remote_isn) & M
        tsval, tsecr = -1, 0
        options: list[Option] = []
        for option in segment.options or ():
            mapped = option
            if option[0] == "TS":
                value, echo = option[1], option[2]
                assert isinstance(value, int)
                assert isinstance(echo, int)
                tsval, tsecr = value, self._echo(echo) if flags & ACK else echo
                mapped = ("TS", tsval, tsecr)
            elif option[0] == "sack":
                blocks = [block for block in option[1:] if isinstance(block, tuple)]
                mapped = ("sack", *((left + ours & M, right + ours & M) for left, right in blocks))
            options.append(mapped)
        written = encode(tuple(options))
        if tsval >= 0 and len(written) == 12 and written.startswith(TIMESTAMPS):
            length, written = 52, b""
        else:
            length = 40 + len(written)
        packet = Packet(
            REMOTE, LOCAL, IPPROTO_TCP, segment.sport or self.remote_port, segment.dport or self.local_port,
            payload, length + len(payload), seq, segment.ack + ours & M if flags & ACK else 0, flags,
            max(segment.window, 0), tsval, tsecr, written,
        )  # fmt: skip
        packet.urgent = segment.urgent
        if segment.ttl:
            packet.ttl = segment.ttl
        packet.tos = max(segment.tos, 0)
        if segment.ecn:
            packet.tos |= {"noecn": 0, "ect1": 1, "ect0": 2, "ce": 3}[segment.ecn]
        return packet

    def _echo(self, script: int) -> int:
        """Return the real timestamp that a script's echo stands for: one that was seen, or the same distance away."""
        known = self.timestamps.get(script)
        if known is not None:
            return known
        if self.first_timestamps is None:
            return script
        return script - self.first_timestamps[0] + self.first_timestamps[1] & M

    def outbound(self, packet: Packet, size: int, expected: Segment | None) -> Segment:
        """Return a packet that was sent as a segment in the script's numbers.

        Args:
            packet: The packet.
            size: Its payload, which may be that of several packets.
            expected: What the script says of it: this fixes what the script calls our first timestamp.
        """
        flags = packet.flags
        remote = 0 if flags & SYN else self.remote_isn
        raw = packet.options
        if packet.tsval >= 0 and not raw:
            raw = TIMESTAMPS + packet.tsval.to_bytes(4, "big") + packet.tsecr.to_bytes(4, "big")
        options: list[Option] = []
        for option in decode(raw):
            mapped = option
            if option[0] == "TS":
                value = option[1]
                assert isinstance(value, int)
                mapped = ("TS", self._script_timestamp(value, expected), option[2])
            elif option[0] == "sack":
                blocks = [block for block in option[1:] if isinstance(block, tuple)]
                mapped = ("sack", *((left - remote & M, right - remote & M) for left, right in blocks))
            options.append(mapped)
        return Segment(
            outbound=True,
            flags=flags,
            seq=packet.seq - self._local_offset(flags) & M,
            size=size,
            ack=packet.ack - remote & M if flags & ACK else 0,
            window=packet.window,
            urgent=packet.urgent,
            options=tuple(options),
            ace=expected is not None and expected.ace,
            tos=packet.tos,
            ttl=packet.ttl,
        )

    def _script_timestamp(self, real: int, expected: Segment | None) -> int:
        """Return what the script calls a timestamp of ours, and remember it."""
        named = next((o[1] for o in (expected.options or ()) if o[0] == "TS"), None) if expected is not None else None
        if isinstance(named, int):
            self.timestamps[named] = real
            if self.first_timestamps is None:
                self.first_timestamps = (named, real)
        if self.first_timestamps is None:
            return real
        return real - self.first_timestamps[1] + self.first_timestamps[0] & M
