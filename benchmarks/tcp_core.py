"""CPU per packet of the TCP core alone: two connections back to back through a deque, no network.

Bulk data one way at MSS 1460, delayed acknowledgments back.  A packet is one
received by either end.  Prints the best of several runs; compare ratios within
one run of one machine.

usage: tcp_core.py [MEGABYTES [RUNS]]
"""

from __future__ import annotations

import sys
from collections import deque
from time import process_time

from emulator.tcp import Connection, State, TcpConfig

CHUNK = bytes(range(256)) * 256


def pair() -> tuple[Connection, Connection]:
    config = TcpConfig(mss=1460)
    a = Connection(config, 0x0A000001, 40000, 0x0A000002, 80, 1000)
    b = Connection(config, 0x0A000002, 80, 0x0A000001, 40000, 2000)
    a.connect(0)
    b.accept(a.to_send(0)[0], 0)
    for packet in b.to_send(0):
        a.receive(packet, 0)
    for packet in a.to_send(0):
        b.receive(packet, 0)
    assert a.state is b.state is State.ESTABLISHED
    return a, b


def transfer(total: int) -> tuple[float, int, int]:
    """Return seconds of CPU, packets received, and octets delivered."""
    a, b = pair()
    to_a: deque = deque()
    to_b: deque = deque()
    now = 1_000_000
    packets = got = written = 0
    began = process_time()
    while got < total:
        while written < total and a.snd_end - a.snd_nxt < 262144:
            a.write(CHUNK, now)
            written += len(CHUNK)
        if a.outbox:
            to_b.extend(a.outbox)
            a.outbox.clear()
        receive = b.receive
        while to_b:
            receive(to_b.popleft(), now)
            packets += 1
            now += 1200  # 10 Gbit/s
            if b.outbox:
                to_a.extend(b.outbox)
                b.outbox.clear()
            if b.inbox:
                for data in b.take(now):
                    got += len(data)
            if 0 <= b.deadline <= now:
                b.on_timer(now)
        receive = a.receive
        while to_a:
            receive(to_a.popleft(), now)
            packets += 1
            if a.outbox:
                to_b.extend(a.outbox)
                a.outbox.clear()
            if 0 <= a.deadline <= now:
                a.on_timer(now)
        if not to_b and not to_a and not a.outbox and a.snd_nxt > a.snd_una:
            now = max(now, b.deadline)
            b.on_timer(now)
            to_a.extend(b.outbox)
            b.outbox.clear()
    return process_time() - began, packets, got


def main(argv: list[str]) -> None:
    total = int(argv[1]) * 1_000_000 if len(argv) > 1 else 100_000_000
    runs = int(argv[2]) if len(argv) > 2 else 5
    best = min(transfer(total)[0] for _ in range(runs))
    _, packets, got = transfer(total)
    print(f"{best / packets * 1e6:.2f} us per packet ({packets} packets, {got} bytes, {best:.3f} s)")


if __name__ == "__main__":
    main(sys.argv)
