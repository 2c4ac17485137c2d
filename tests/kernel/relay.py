"""Two kernels' TCP, or rather one kernel's in two namespaces, with a wire of ours between them that loses and captures.

What an emulated network is compared with: the same programs over the same losses, but the kernel at both ends.
"""

from __future__ import annotations

import asyncio
import os
import socket
import struct
import time
from contextlib import suppress
from random import Random
from typing import TYPE_CHECKING

from tests.kernel.namespaces import Namespace
from tests.kernel.tun import CONGESTION, open_tun

if TYPE_CHECKING:
    from pathlib import Path

CLIENT, SERVER = "10.9.0.1", "10.9.0.2"
LINKTYPE_RAW = 101
BATCH = 64
DELAY = 0.005
"""Seconds one way: the kernel's probe timer, two round trips, must be longer than what the relay itself takes."""


class Relay:
    """A client's and a server's namespace and the wire between them; needs a running event loop.

    Args:
        loss: Probability that a packet of the server's is lost.

    Attributes:
        latest: Most seconds that a packet came later than it should: then this process got no processor, and the kernel
            may have taken the silence for a loss.
    """

    def __init__(self, loss: float = 0.0, seed: int = 1) -> None:
        self.loss = loss
        self.latest = 0.0
        self.rng = Random(seed)
        self.lost = 0
        self.records: tuple[list, list] = ([], [])  # by end: (time in ns, bytes)
        self.spaces: list[Namespace] = []
        self.tuns: list[int] = []
        try:
            for address in (CLIENT, SERVER):
                self.spaces.append(Namespace())
                self.tuns.append(open_tun(self.spaces[-1], address))
        except BaseException:
            self.close()
            raise
        loop = asyncio.get_running_loop()
        for who in (0, 1):
            loop.add_reader(self.tuns[who], self._carry, who)

    def socket(self, who: int) -> socket.socket:
        """Return a TCP socket of the client (0) or the server (1)."""
        with self.spaces[who].entered():
            sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        with suppress(OSError):  # what this kernel has for a default
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, CONGESTION)
        sock.setblocking(False)
        return sock

    def _carry(self, who: int) -> None:
        for _ in range(BATCH):
            try:
                packet = os.read(self.tuns[who], 65536)
            except BlockingIOError:
                return
            self.records[who].append((time.monotonic_ns(), packet))
            if who == 1 and self.rng.random() < self.loss:
                self.lost += 1
                continue
            loop = asyncio.get_running_loop()
            loop.call_at(loop.time() + DELAY, self._deliver, 1 - who, packet, loop.time() + DELAY)

    def _deliver(self, who: int, packet: bytes, due: float) -> None:
        self.latest = max(self.latest, asyncio.get_running_loop().time() - due)
        self.records[who].append((time.monotonic_ns(), packet))
        os.write(self.tuns[who], packet)

    def write(self, who: int, path: Path) -> None:
        """Write what was seen at one end as a pcap file with nanoseconds."""
        with path.open("wb") as file:
            file.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, LINKTYPE_RAW))
            for at, packet in self.records[who]:
                file.write(struct.pack("<IIII", at // 10**9, at % 10**9, len(packet), len(packet)) + packet)

    def close(self) -> None:
        """Let everything go; the kernel takes it apart."""
        for tun in self.tuns:
            with suppress(RuntimeError):
                asyncio.get_running_loop().remove_reader(tun)
            os.close(tun)
        for space in self.spaces:
            space.close()
