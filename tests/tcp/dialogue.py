"""One connection and a peer played by the test: send this, receive that, at time t.

Segments are written as ``"PA 1+100 ack 1"``: flags in the order S F R P A,
sequence number relative to the sender's initial one, ``+`` length if there is
payload, and the acknowledgment relative to the other side's; then ``win`` if
asked for and SACK blocks if there are any.
"""

from __future__ import annotations

from emulator.tcp import Connection, State, TcpConfig
from emulator.wire.options import TcpOptions, read, write_sack, write_syn
from emulator.wire.packet import ACK, FIN, IPPROTO_TCP, PSH, RST, SYN, Packet

MS = 1_000_000
SECOND = 1_000_000_000
LETTERS = (("S", SYN), ("F", FIN), ("R", RST), ("P", PSH), ("A", ACK))
ISS, IRS = 0xFFFFF000, 5_000_000  # the connection's numbers wrap after 4096 octets
LOCAL, REMOTE = 0x0A000001, 0x0A000002
PAYLOAD = bytes(range(256)) * 512


class Dialogue:
    """The connection under test and what the peer knows of it."""

    def __init__(
        self, config: TcpConfig | None = None, *, sack: bool = True, timestamps: bool = False, modern: bool = False
    ) -> None:
        # The classics by default: dialogues about other things need not know of probes and curves.
        self.config = config or TcpConfig(
            mss=1000,
            sack=sack,
            timestamps=timestamps,
            rack=modern,
            push_bursts=False,
            congestion_control="cubic" if modern else "reno",
        )
        self.c = Connection(self.config, LOCAL, 40000, REMOTE, 80, ISS, ts_offset=10_000)
        self.now = 0
        self.read = bytearray()
        self.packets: list[Packet] = []

    # -- the peer's side

    def segment(
        self,
        flags: str,
        seq: int = 1,
        ack: int = 1,
        data: bytes = b"",
        *,
        window: int = 8000,
        sack: tuple[tuple[int, int], ...] = (),
        tsval: int = -1,
        tsecr: int = 0,
        options: bytes = b"",
    ) -> Packet:
        bits = sum(bit for letter, bit in LETTERS if letter in flags)
        if sack:
            options = write_sack([(ISS + a & 0xFFFFFFFF, ISS + b & 0xFFFFFFFF) for a, b in sack], tsval, tsecr)
        return Packet(
            REMOTE,
            LOCAL,
            IPPROTO_TCP,
            80,
            40000,
            data,
            40 + len(options) + len(data) + (12 if tsval >= 0 and not options else 0),
            IRS + seq & 0xFFFFFFFF,
            ISS + ack & 0xFFFFFFFF if "A" in flags else 0,
            bits,
            window,
            tsval,
            tsecr,
            options,
        )

    def send(self, flags: str, seq: int = 1, ack: int = 1, data: bytes = b"", **rest) -> list[str]:
        """The peer's segment arrives; returns what the connection answers at once."""
        self.c.receive(self.segment(flags, seq, ack, data, **rest), self.now)
        return self.answers()

    # -- the connection's side

    def answers(self, *, windows: bool = False) -> list[str]:
        if self.c.inbox:
            pass  # left for the test to take
        self.packets = self.c.to_send(self.now)
        return [describe(packet, windows=windows) for packet in self.packets]

    def write(self, size: int) -> list[str]:
        self.c.write(PAYLOAD[:size], self.now)
        return self.answers()

    def take(self) -> bytes:
        return b"".join(self.c.take(self.now))

    def wait(self, duration: int) -> list[tuple[int, str]]:
        """Let time pass; returns what was sent, with milliseconds since the start of the wait."""
        began, end = self.now, self.now + duration
        out = []
        while 0 <= self.c.deadline <= end:
            self.now = self.c.deadline
            self.c.on_timer(self.now)
            assert self.c.deadline < 0 or self.c.deadline > self.now
            out += [((self.now - began) // MS, line) for line in self.answers()]
        self.now = end
        return out


def describe(packet: Packet, *, windows: bool = False) -> str:
    """Write a segment that the connection sent."""
    flags = "".join(letter for letter, bit in LETTERS if packet.flags & bit)
    size = f"+{len(packet.payload)}" if packet.payload else ""
    line = f"{flags} {packet.seq - ISS & 0xFFFFFFFF}{size}"
    if packet.flags & ACK:
        line += f" ack {packet.ack - IRS & 0xFFFFFFFF}"
    if windows:
        line += f" win {packet.window}"
    for left, right in read(packet.options).sack:
        line += f" sack {left - IRS & 0xFFFFFFFF}-{right - IRS & 0xFFFFFFFF}"
    return line


def syn_options(
    mss: int = 1000, *, window_scale: int = -1, sack: bool = True, timestamps: bool = False, tsval: int = 1
) -> bytes:
    return write_syn(TcpOptions(mss, window_scale, sack, tsval if timestamps else -1))


def syn_sent(config: TcpConfig | None = None, **options) -> Dialogue:
    d = Dialogue(config, **options)
    d.c.connect(d.now)
    assert d.answers() == ["S 0"]
    return d


def established(
    config: TcpConfig | None = None,
    *,
    sack: bool = True,
    timestamps: bool = False,
    modern: bool = False,
    window: int = 8000,
    mss: int = 1000,
    rtt: int = 10 * MS,
) -> Dialogue:
    """A connection opened actively; segments of 1000 octets, no window scaling unless the test asks.

    ``modern``: CUBIC and RACK-TLP (RFC 9438, 8985), which are a host's default, instead of NewReno and RFC 6675.
    """
    d = syn_sent(config, sack=sack, timestamps=timestamps, modern=modern)
    d.now += rtt
    options = syn_options(mss, sack=sack, timestamps=timestamps)
    tsval = 1 if timestamps else -1
    assert d.send("SA", 0, 1, window=window, options=options, tsval=tsval) == ["A 1 ack 1"]
    assert d.c.state is State.ESTABLISHED
    d.c.changed = False
    return d


def syn_received(**options) -> Dialogue:
    d = Dialogue(**options)
    d.c.accept(d.segment("S", 0, options=syn_options()), d.now)
    assert d.answers() == ["SA 0 ack 1"]
    return d


def fin_wait_1(**options) -> Dialogue:
    d = established(**options)
    d.c.close(d.now)
    assert d.answers() == ["FA 1 ack 1"]
    return d


def fin_wait_2(**options) -> Dialogue:
    d = fin_wait_1(**options)
    assert d.send("A", 1, 2) == []
    return d


def close_wait(**options) -> Dialogue:
    d = established(**options)
    assert d.send("FA", 1, 1) == ["A 1 ack 2"]
    return d


def last_ack(**options) -> Dialogue:
    d = close_wait(**options)
    d.c.close(d.now)
    assert d.answers() == ["FA 1 ack 2"]
    return d


def closing(**options) -> Dialogue:
    d = fin_wait_1(**options)
    assert d.send("FA", 1, 1) == ["A 2 ack 2"]
    return d


def time_wait(**options) -> Dialogue:
    d = fin_wait_2(**options)
    assert d.send("FA", 1, 2) == ["A 2 ack 2"]
    return d


IN_STATE = {
    State.CLOSED: Dialogue,
    State.SYN_SENT: syn_sent,
    State.SYN_RECEIVED: syn_received,
    State.ESTABLISHED: established,
    State.FIN_WAIT_1: fin_wait_1,
    State.FIN_WAIT_2: fin_wait_2,
    State.CLOSE_WAIT: close_wait,
    State.CLOSING: closing,
    State.LAST_ACK: last_ack,
    State.TIME_WAIT: time_wait,
}
