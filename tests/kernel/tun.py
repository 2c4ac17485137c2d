"""The kernel's TCP at the other end of a wire: a TUN device in a network namespace of its own.

    program - kernel's TCP - [ tun: our link, which loses ] - emulated TCP - program

All of it is one process and one loop: what the kernel sends is read from the
device, what the emulated connection sends is written to it, and the kernel's
socket is an ordinary one that was made inside the namespace.  Time is the
machine's.
"""

from __future__ import annotations

import fcntl
import os
import select
import socket
import struct
import time
from contextlib import suppress
from random import Random
from typing import TYPE_CHECKING, Self

from emulator.tcp import Connection, State, TcpConfig, reset_for
from emulator.wire.packet import ACK, CWR, IPPROTO_TCP, RST, SYN, Packet
from tests.kernel.namespaces import Namespace

if TYPE_CHECKING:
    from collections.abc import Callable

TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000
KERNEL, EMULATED = "10.9.0.1", "10.9.0.2"
PORT, EPHEMERAL = 5001, 40_000
BATCH = 64
"""Packets read from the device before answers are sent."""
CONGESTION = b"cubic"


def number(address: str) -> int:
    return int.from_bytes(socket.inet_aton(address), "big")


def open_tun(space: Namespace, address: str, mtu: int = 1500) -> int:
    """Make a TUN device with an address in a namespace; what the kernel sends is read from the descriptor."""
    with space.entered():
        tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH22x", b"tun0", IFF_TUN | IFF_NO_PI))
        space.settings(ipv6__conf__tun0__disable_ipv6=1)
        # A queue so long that no loss is the device's.
        space.ip("link set lo up", f"addr add {address}/24 dev tun0", f"link set tun0 mtu {mtu} txqueuelen 10000 up")
    except BaseException:
        os.close(tun)
        raise
    return tun


class Wire:
    """One emulated end, the device, and the loss between them; and the kernel's sockets.

    Args:
        loss: Probability that a packet is lost, either way, acknowledgments and handshakes included.
        mark: Probability that a packet that allows it gets a congestion mark (RFC 3168's CE).
        settings: Of the namespace, e.g. ``ipv4__tcp_ecn=1``.

    Attributes:
        connection: The emulated end.
        seen: ``(from the emulated end?, packet)`` of everything, lost or not, if ``keep`` is set.
        packets, lost, again: Counts of the packets that crossed, were lost, and of data that was sent again, by sender
            (0 the kernel, 1 the emulated end).
        marked, reduced: Congestion marks that packets got, and data that said the window was reduced (CWR), likewise.
    """

    def __init__(
        self,
        config: TcpConfig | None = None,
        *,
        loss: float = 0.0,
        mark: float = 0.0,
        seed: int = 1,
        mtu: int = 1500,
        keep: bool = False,
        **settings: int,
    ) -> None:
        self.config = config or TcpConfig(mss=mtu - 40)
        self.loss = loss
        self.mark = mark
        self.rng = Random(seed)
        self.keep = keep
        self.seen: list[tuple[int, Packet]] = []
        self.packets, self.lost, self.again = [0, 0], [0, 0], [0, 0]
        self.marked, self.reduced = [0, 0], [0, 0]
        self._highest: list[int | None] = [None, None]
        self.connection: Connection | None = None
        self.listening = False
        self.reading = True
        self.got: Callable[[bytes], object] = lambda data: None
        self.sockets: list[socket.socket] = []
        self.space = Namespace()
        try:
            self.space.settings(**settings)
            self.tun = open_tun(self.space, KERNEL, mtu)
        except BaseException:
            self.close()
            raise
        self.poll = select.poll()
        self.poll.register(self.tun, select.POLLIN)
        self.began = time.monotonic_ns()

    def close(self) -> None:
        """Let everything go; the kernel takes it apart."""
        for sock in self.sockets:
            sock.close()
        if hasattr(self, "tun"):
            os.close(self.tun)
            del self.tun
        self.space.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def now(self) -> int:
        """Nanoseconds since the wire was laid."""
        return time.monotonic_ns() - self.began

    # -- the kernel's end

    def socket(self) -> socket.socket:
        """Return a TCP socket of the kernel, inside the namespace."""
        with self.space.entered():
            sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        with suppress(OSError):  # what this kernel has for a default
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, CONGESTION)
        sock.setblocking(False)
        self.sockets.append(sock)
        return sock

    def kernel_listens(self, **options: int) -> socket.socket:
        """Return a listening socket; ``options`` are socket options, e.g. ``SO_RCVBUF=4096``."""
        sock = self.socket()
        for name, value in options.items():
            sock.setsockopt(socket.SOL_SOCKET, getattr(socket, name), value)
        sock.bind((KERNEL, PORT))
        sock.listen()
        return sock

    def kernel_accepts(self, listener: socket.socket) -> socket.socket:
        """Wait for the connection."""
        self.watch(listener, select.POLLIN)
        accepted: list[socket.socket] = []

        def look() -> bool:
            try:
                accepted.append(listener.accept()[0])
            except BlockingIOError:
                return False
            return True

        self.run(look)
        self.watch(listener, 0)
        accepted[0].setblocking(False)
        self.sockets.append(accepted[0])
        return accepted[0]

    def kernel_connects(self, port: int = PORT) -> socket.socket:
        """Return a socket that connects to the emulated end, which listens."""
        sock = self.socket()
        sock.bind((KERNEL, 0))
        error = sock.connect_ex((EMULATED, port))
        assert error == 115, error  # EINPROGRESS
        return sock

    def watch(self, sock: socket.socket, events: int) -> None:
        """Wake up for ``events`` of a socket from now on, or for none (0)."""
        if events:
            self.poll.register(sock, events)
        else:
            with suppress(KeyError):
                self.poll.unregister(sock)

    # -- the emulated end

    def connects(self, port: int = PORT) -> Connection:
        """Let the emulated end connect to the kernel's."""
        me = (number(EMULATED), EPHEMERAL, number(KERNEL), port)
        self.connection = Connection(self.config, *me, self.rng.getrandbits(32), ts_offset=self.rng.getrandbits(32))
        self.connection.connect(self.now)
        self.flush()
        return self.connection

    def flush(self) -> None:
        """Do after a call of the connection what a driver does."""
        end = self.connection
        assert end is not None
        if end.inbox and self.reading:
            for data in end.take(self.now):
                self.got(data)
        if end.outbox:
            for packet in end.to_send(self.now):
                self.send(packet)

    def send(self, packet: Packet) -> None:
        """Put a packet of the emulated end on the wire."""
        if self._crosses(packet, 1):
            os.write(self.tun, packet.to_bytes())

    def _crosses(self, packet: Packet, who: int) -> bool:
        self.packets[who] += 1
        if self.keep:
            self.seen.append((who, packet))
        if packet.payload:
            self.reduced[who] += packet.flags & CWR > 0
            high = self._highest[who]
            beyond = packet.seq + len(packet.payload) & 0xFFFFFFFF
            if high is None or 0 < (beyond - high & 0xFFFFFFFF) < 0x80000000:
                self._highest[who] = beyond
            elif len(packet.payload) > 1:  # a window probe of one octet is no retransmission
                self.again[who] += 1
        if self.loss and self.rng.random() < self.loss:
            self.lost[who] += 1
            return False
        if self.mark and packet.tos & 3 in (1, 2) and self.rng.random() < self.mark:
            packet.tos |= 3
            self.marked[who] += 1
        return True

    # -- the loop

    def run(self, until: Callable[[], bool], patience: float = 20.0) -> None:
        """Let both ends work until ``until`` says so; it is asked each time round.

        Raises:
            AssertionError: if that takes longer than ``patience`` seconds.
        """
        give_up = time.monotonic() + patience
        while not until():
            assert time.monotonic() < give_up, f"not done after {patience} s"
            wait = 0.25
            end = self.connection
            if end is not None:
                self.flush()  # what ``until`` had the program do
                if end.deadline >= 0:
                    wait = min(wait, max(end.deadline - self.now, 0) / 1e9)
            if any(fd == self.tun for fd, _ in self.poll.poll(wait * 1000 + (wait > 0))):
                self._receive()
            end = self.connection
            if end is not None and 0 <= end.deadline <= self.now:
                end.on_timer(self.now)
                self.flush()

    def wait(self, seconds: float) -> None:
        """Let both ends work for a time."""
        until = time.monotonic() + seconds
        self.run(lambda: time.monotonic() >= until, seconds + 10)

    def _receive(self) -> None:
        for _ in range(BATCH):
            try:
                packet = Packet.from_bytes(os.read(self.tun, 65536))
            except BlockingIOError:
                break
            if packet.proto == IPPROTO_TCP and self._crosses(packet, 0):
                self._take(packet)
        if self.connection is not None:
            self.flush()

    def _take(self, packet: Packet) -> None:
        end = self.connection
        if end is not None and (packet.sport, packet.dport) == (end.remote_port, end.local_port):
            end.receive(packet, self.now)
        elif self.listening and packet.dport == PORT and packet.flags & (SYN | ACK | RST) == SYN:
            end = self.connection = Connection(
                self.config, packet.dst, packet.dport, packet.src, packet.sport, self.rng.getrandbits(32)
            )
            end.accept(packet, self.now)
        else:
            answer = reset_for(packet)
            if answer is not None:
                self.send(answer)

    def opened(self) -> bool:
        """Say whether the emulated end is open."""
        return self.connection is not None and self.connection.state is State.ESTABLISHED


def why_not_tun() -> str | None:
    """Return what keeps this process from talking with the kernel's TCP, or None."""
    try:
        wire = Wire()
    except OSError as error:
        return f"no TUN device in a network namespace of its own: {error.filename or ''} {error.strerror}".strip()
    except RuntimeError as error:
        return f"no TUN device in a network namespace of its own: {error}"
    wire.close()
    return None
