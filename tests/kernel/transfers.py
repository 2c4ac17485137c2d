"""Bulk data between the emulated TCP and the kernel's, through a wire that loses: both sides know the digest.

``python -m tests.kernel.transfers --megabytes 100`` (``make kernel-tcp``): each way with no loss, 1 % and 3 %.
"""

from __future__ import annotations

import argparse
import select
import sys
import time
from hashlib import sha256
from random import Random
from typing import TYPE_CHECKING

from emulator.tcp import State, TcpConfig
from tests.kernel.tun import Wire, why_not_tun

if TYPE_CHECKING:
    import socket

BLOCK = Random(11).randbytes(1_000_003)
"""Repeated; its length is prime, so no octet lost or doubled leaves the digest as it is."""
AHEAD = 2_000_000
"""Octets that may wait in the emulated end."""
PATIENCE = 120.0


class Stream:
    """What is to be sent: ``left`` octets, and the digest of all that was taken."""

    def __init__(self, octets: int) -> None:
        self.left = octets
        self.at = 0
        self.digest = sha256()

    def peek(self, size: int) -> bytes:
        size = min(size, self.left)
        return BLOCK[self.at : self.at + size]

    def took(self, data: bytes) -> None:
        self.digest.update(data)
        self.left -= len(data)
        self.at = (self.at + len(data)) % len(BLOCK)


class Outcome:
    """Figures of one transfer."""

    def __init__(self, name: str, octets: int, seconds: float, cpu: float, wire: Wire) -> None:
        self.name = name
        self.octets = octets
        self.seconds = seconds
        self.cpu = cpu
        self.packets = sum(wire.packets)
        self.lost = sum(wire.lost)
        self.again = sum(wire.again)
        self.marked = sum(wire.marked)
        self.reductions = sum(wire.reduced)

    def __str__(self) -> str:
        return (
            f"{self.name}: {self.octets / 1e6:.0f} MB in {self.seconds:.1f} s ({self.cpu:.1f} s of CPU), "
            f"{self.packets} packets, {self.lost} lost, {self.again} sent again"
        )


def emulated_sends(octets: int, loss: float, seed: int, config: TcpConfig | None = None, **wires: float) -> Outcome:
    """The emulated end connects and sends; the kernel reads to the end and closes."""
    with Wire(config, loss=loss, seed=seed, **wires) as wire:  # type: ignore[arg-type]
        started, cpu = time.monotonic(), time.process_time()
        listener = wire.kernel_listens()
        end = wire.connects()
        sock = wire.kernel_accepts(listener)
        wire.run(wire.opened, PATIENCE)
        stream, read, total = Stream(octets), sha256(), 0
        wire.watch(sock, select.POLLIN)

        def work() -> bool:
            nonlocal total
            while stream.left and end.unsent() < AHEAD:
                data = stream.peek(200_000)
                end.write(data, wire.now)
                stream.took(data)
            if not stream.left and not end.fin_wanted:
                end.close(wire.now)
            while True:
                try:
                    data = sock.recv(1 << 20)
                except BlockingIOError:
                    return False
                if not data:
                    return True
                read.update(data)
                total += len(data)

        wire.run(work, PATIENCE)
        wire.watch(sock, 0)
        sock.close()
        wire.run(lambda: end.state in (State.TIME_WAIT, State.CLOSED), PATIENCE)
        seconds, cpu = time.monotonic() - started, time.process_time() - cpu
        assert end.error is None
        assert (total, read.hexdigest()) == (octets, stream.digest.hexdigest())
        return Outcome(f"emulated to kernel, {loss:.0%} loss", octets, seconds, cpu, wire)


def kernel_sends(octets: int, loss: float, seed: int, config: TcpConfig | None = None, **wires: float) -> Outcome:
    """The kernel connects and sends; the emulated end reads to the end and closes."""
    with Wire(config, loss=loss, seed=seed, **wires) as wire:  # type: ignore[arg-type]
        started, cpu = time.monotonic(), time.process_time()
        stream, read, total = Stream(octets), sha256(), 0

        def got(data: bytes) -> None:
            nonlocal total
            read.update(data)
            total += len(data)

        wire.got = got
        wire.listening = True
        sock = wire.kernel_connects()
        wire.run(wire.opened, PATIENCE)
        end = wire.connection
        assert end is not None
        wire.watch(sock, select.POLLOUT)
        wire.run(lambda: _push(sock, stream), PATIENCE)
        wire.watch(sock, 0)
        sock.shutdown(1)
        wire.run(lambda: end.peer_closed, PATIENCE)
        end.close(wire.now)
        wire.run(lambda: end.state is State.CLOSED, PATIENCE)
        assert sock.recv(1) == b""
        seconds, cpu = time.monotonic() - started, time.process_time() - cpu
        assert end.error is None
        assert (total, read.hexdigest()) == (octets, stream.digest.hexdigest())
        return Outcome(f"kernel to emulated, {loss:.0%} loss", octets, seconds, cpu, wire)


def _push(sock: socket.socket, stream: Stream) -> bool:
    """Write what the kernel takes; True when all is written."""
    for _ in range(4):
        data = stream.peek(200_000)
        if not data:
            return True
        try:
            sent = sock.send(data)
        except BlockingIOError:
            return False
        stream.took(data[:sent])
    return False


def main() -> int:
    """Return 0 if all of it arrived, or if the kernel could not be asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=float, default=100)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    reason = why_not_tun()
    if reason is not None:
        print(f"skipped: not judged by the kernel: {reason}")
        return 0
    for loss in (0.0, 0.01, 0.03):
        for send in (emulated_sends, kernel_sends):
            print(send(int(options.megabytes * 1e6), loss, options.seed), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
