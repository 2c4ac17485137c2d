"""Packet records to the bytes of a capture file.

An encoder turns the settled front of a tap's queue into pieces of bytes, in
order, and stops at the first packet whose ending is not known.  It opens no
file and decides nothing about packets; its memory is one small record per flow.

This is the hot path of capturing (`benchmarks/capture_point.py`): one loop
over many packets, everything in local variables, and no piece joined twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, Protocol, TypeAlias

from emulator.capture import blocks
from emulator.capture.link_layer import HEADER_SIZE
from emulator.model.epoch import EPOCH_NS
from emulator.model.traces import Delivered, Ending
from emulator.wire.checksum import PayloadSums
from emulator.wire.codec import headers

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Callable

    from emulator.capture.link_layer import LinkLayer
    from emulator.wire.packet import Packet

Seen: TypeAlias = "tuple[Packet, int, bool]"
"""A packet, when it was seen, and whether it left the tap's owner."""
Comments: TypeAlias = Literal["first", "all", "none"]

IN_FLIGHT: Final = "in flight when the capture ended"
_FLOWS: Final = 65_536
_SECOND: Final = 1_000_000_000


class _NotYet:
    """The ending of a packet that no packet has."""


_NOT_YET: Final = _NotYet()


class Flow:
    """What the records of one flow and direction share.

    Attributes:
        link: The Ethernet header.
        quiet: The ending of which there is nothing (more) to say.
        told: The ending that ``comment`` tells of.
        comment: The comment option.
    """

    __slots__ = ("comment", "link", "quiet", "told")

    def __init__(self, link: bytes) -> None:
        self.link: bytes = link
        self.quiet: Ending | _NotYet | None = _NOT_YET
        self.told: Ending | _NotYet | None = _NOT_YET
        self.comment: bytes = b""


class Flows:
    """The flows a tap has met; bounded, so that a long run of short flows stays small.

    Whoever comes back after 65,536 other flows is a first packet again.
    """

    __slots__ = ("known", "link_layer")

    def __init__(self, link_layer: LinkLayer) -> None:
        self.link_layer = link_layer
        self.known: dict[tuple[int, int, int, int, int, bool, int], Flow] = {}

    def meet(self, packet: Packet, outgoing: bool) -> Flow:
        """Remember and return the flow of a packet that belongs to no known one."""
        if len(self.known) >= _FLOWS:
            self.known.clear()
        flow = Flow(self.link_layer.header(packet, outgoing=outgoing))
        key = (packet.src, packet.dst, packet.proto, packet.sport, packet.dport, outgoing, packet.version)
        self.known[key] = flow
        return flow


class Encoder(Protocol):
    """What a tap needs of a file format.

    Attributes:
        encoded: Records made so far.
        last_at: When the last of them was seen.
    """

    encoded: int
    last_at: int

    def header(self) -> bytes:
        """Return the beginning of the file."""

    def drain(self, pending: deque[Seen], parts: list[bytes], *, last: bool = False) -> int:
        """Move settled records from the front of ``pending`` to ``parts``; return how many bytes that were.

        With ``last``, packets still on their way are moved too.
        """

    def trailer(self, started: int, ended: int) -> bytes:
        """Return the end of the file; times are nanoseconds since the start of the run."""

    def whole(self, data: bytes, end: int) -> tuple[int, int]:
        """Return how much of ``data[:end]`` is whole records: bytes, and packets."""


class PcapngEncoder:
    """Enhanced packet blocks with direction flags, comments, and nanoseconds."""

    __slots__ = (
        "_base",
        "_comments",
        "_describe",
        "_flows",
        "_high",
        "_name",
        "_snaplen",
        "_sums",
        "_tails",
        "encoded",
        "last_at",
    )

    def __init__(
        self,
        name: str,
        link_layer: LinkLayer,
        snaplen: int,
        sums: PayloadSums | None = None,
        comments: Comments = "first",
        describe: Callable[[Packet], str] | None = None,
    ) -> None:
        self._name = name
        self._flows = Flows(link_layer)
        self._snaplen = snaplen
        self._sums = PayloadSums() if sums is None else sums
        self._comments = comments
        self._describe = describe
        self._tails: dict[int, tuple[int, bytes]] = {}
        self._high = EPOCH_NS >> 32
        self._base = (self._high << 32) - EPOCH_NS
        self.last_at = 0
        self.encoded = 0

    def header(self) -> bytes:
        """Return the section header and the description of the one interface."""
        return blocks.section_header() + blocks.interface_description(self._name, self._snaplen)

    def trailer(self, started: int, ended: int) -> bytes:
        """Return the statistics block."""
        return blocks.statistics(EPOCH_NS + started, EPOCH_NS + ended, self.encoded)

    def whole(self, data: bytes, end: int) -> tuple[int, int]:
        """Return how much of ``data[:end]`` is whole blocks: bytes, and packets."""
        return blocks.whole_blocks(data, end)

    def drain(self, pending: deque[Seen], parts: list[bytes], *, last: bool = False) -> int:
        """Move settled records from the front of ``pending`` to ``parts``; return how many bytes that were.

        Ctrl-C may strike between any two lines; a record leaves ``pending`` right after its bytes, in one
        piece, have reached ``parts``.
        """
        known = self._flows.known
        tails = self._tails
        snaplen = self._snaplen
        sums = self._sums
        pack_head = blocks.PACKET_HEAD.pack
        high = self._high
        base = self._base  # virtual time at which the upper half of the timestamp became `high`
        last_at = self.last_at
        size = 0
        before = len(pending)
        try:
            while pending:
                packet, now, outgoing = pending[0]
                ending = packet.ending
                if ending is None and not last:
                    break
                flow = known.get(
                    (packet.src, packet.dst, packet.proto, packet.sport, packet.dport, outgoing, packet.version)
                )
                if flow is None:
                    flow = self._flows.meet(packet, outgoing)
                head = headers(packet, sums)
                payload = packet.payload
                kept = whole = HEADER_SIZE + len(head) + len(payload)
                link = flow.link
                if whole > snaplen:
                    link, head, payload = _cut(snaplen, link, head, payload)
                    kept = snaplen
                if ending is flow.quiet:
                    tail = tails.get(kept << 1 | outgoing)
                    if tail is None:
                        tail = tails[kept << 1 | outgoing] = blocks.packet_tail(kept, outgoing)
                else:
                    tail = blocks.packet_tail(kept, outgoing, self._comment(flow, packet))
                assert now >= last_at, "a tap sees packets in time order"
                last_at = now
                low = now - base
                if low > 0xFFFFFFFF:
                    high = (EPOCH_NS + now) >> 32
                    base = (high << 32) - EPOCH_NS
                    low = now - base
                parts += (pack_head(6, tail[0], 0, high, low, kept, whole), link, head, payload, tail[1])
                pending.popleft()
                size += tail[0]
        finally:
            self.encoded += before - len(pending)
            self._high = high
            self._base = base
            self.last_at = last_at
        return size

    def _comment(self, flow: Flow, packet: Packet) -> bytes:
        """Return the comment option that this packet deserves, if any; the text is made once per flow and ending."""
        ending = packet.ending
        mode = self._comments
        first = flow.quiet is _NOT_YET and flow.told is _NOT_YET
        if mode == "none" or (mode == "first" and not first and type(ending) is Delivered):
            flow.quiet = ending
            return b""
        if flow.told is not ending and flow.told != ending:
            flow.comment = blocks.comment(self._text(packet))
            flow.told = ending
        if mode == "first" and type(ending) is Delivered:
            flow.quiet = ending
        return flow.comment

    def _text(self, packet: Packet) -> str:
        ending = packet.ending
        if ending is None:
            return IN_FLIGHT
        if self._describe is not None:
            return self._describe(packet)
        return f"delivered to {ending.component}" if isinstance(ending, Delivered) else str(ending)


class PcapEncoder:
    """The older format: nanoseconds, but no names, directions, comments or statistics."""

    __slots__ = ("_flows", "_snaplen", "_sums", "encoded", "last_at")

    def __init__(self, link_layer: LinkLayer, snaplen: int, sums: PayloadSums | None = None) -> None:
        self._flows = Flows(link_layer)
        self._snaplen = snaplen
        self._sums = PayloadSums() if sums is None else sums
        self.last_at = 0
        self.encoded = 0

    def header(self) -> bytes:
        """Return the file header."""
        return blocks.pcap_header(self._snaplen)

    def trailer(self, started: int, ended: int) -> bytes:  # noqa: ARG002 - see Encoder
        """Return nothing: a pcap just ends."""
        return b""

    def whole(self, data: bytes, end: int) -> tuple[int, int]:
        """Return how much of ``data[:end]`` is whole records: bytes, and packets."""
        return blocks.whole_pcap_records(data, end)

    def drain(self, pending: deque[Seen], parts: list[bytes], *, last: bool = False) -> int:
        """Move settled records from the front of ``pending`` to ``parts``, as :class:`PcapngEncoder` does."""
        size = 0
        before = len(pending)
        try:
            while pending:
                packet, now, outgoing = pending[0]
                if packet.ending is None and not last:
                    break
                flow = self._flows.known.get(
                    (packet.src, packet.dst, packet.proto, packet.sport, packet.dport, outgoing, packet.version)
                )
                if flow is None:
                    flow = self._flows.meet(packet, outgoing)
                link = flow.link
                head = headers(packet, self._sums)
                payload = packet.payload
                kept = whole = HEADER_SIZE + len(head) + len(payload)
                if whole > self._snaplen:
                    link, head, payload = _cut(self._snaplen, link, head, payload)
                    kept = self._snaplen
                assert now >= self.last_at, "a tap sees packets in time order"
                self.last_at = now
                second, nanosecond = divmod(EPOCH_NS + now, _SECOND)
                parts += (blocks.PCAP_HEAD.pack(second, nanosecond, kept, whole), link, head, payload)
                pending.popleft()
                size += blocks.PCAP_HEAD.size + kept
        finally:
            self.encoded += before - len(pending)
        return size


def _cut(snaplen: int, link: bytes, head: bytes, payload: bytes) -> tuple[bytes, bytes, bytes]:
    """Return what ``snaplen`` leaves of the pieces of a frame; the checksums stay those of the whole packet."""
    rest = snaplen - HEADER_SIZE
    if rest < 0:
        return link[:snaplen], b"", b""
    return link, head[:rest], payload[: max(0, rest - len(head))]
