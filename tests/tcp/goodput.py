"""Goodput against theory, cell by cell: ``python -m tests.tcp.goodput`` (``make goodput``) prints the whole table.

**One flow.**  With a queue of one bandwidth-delay product CUBIC's window falls
from two products to 1.4 (RFC 9438: beta is 0.7) and never below one, so that
the limit is never idle once the first loss, which is slow start's, has been
repaired.  The theory is then ``min(limit, window / RTT)``, the limit in octets
of payload.

**Many flows** share the limit alike: Jain's index.

**Random loss**: Mathis, Semke, Mahdavi and Ott (1997): rate = MSS / RTT * C /
sqrt(p), C = sqrt(3 / 2b), where b is the number of segments that one step of
growth takes.  With delayed acknowledgments b is 2 if every acknowledgment
counts alike (RFC 5681, equation 3), and 1 if octets are counted (RFC 3465), as
this project's NewReno does and Linux's: then a delayed acknowledgment counts
for both of its segments.
"""

from __future__ import annotations

import sys
from math import sqrt
from time import process_time
from typing import TYPE_CHECKING, Literal

from emulator.tcp import Congestion, NewReno, TcpConfig
from tests.tcp.dumbbell import MS, SECOND, Dumbbell, jain

if TYPE_CHECKING:
    from collections.abc import Iterable

MBIT, GBIT = 10**6, 10**9
TARGET = 0.95
FAIR = 0.95
MATHIS_TOLERANCE = 0.25
SHORT = 8 * SECOND
"""How long a flow is watched where that is all that a test can afford."""


class Cell:
    """One flow through a limit: what it got, and what theory says."""

    def __init__(self, rate: int, rtt: int, *, mss: int = 1460, window: int | None = None, watch: int = SHORT) -> None:
        started = process_time()
        bandwidth_delay = rate * rtt // (8 * SECOND)
        window = window or max(3 * bandwidth_delay, 4 << 20)
        scale = max((window >> 16).bit_length(), 7)
        self.config = TcpConfig(mss=mss, receive_buffer=window, window_scale=scale)
        self.rate, self.rtt, self.window = rate, rtt, window
        net = self.net = Dumbbell(rate, rtt, config=self.config)
        flow = net.flows[0]
        limited = window < bandwidth_delay
        if limited:
            net.run(40 * rtt + SECOND)
        else:
            net.run(600 * SECOND, lambda: flow.dropped > 0)
            mark = flow.sender.snd_nxt
            net.run(net.now + 600 * SECOND, lambda: flow.sender.snd_una >= mark)
        self.first_loss = 0 if limited else net.now
        self.expected = min(rate * net.payload_share(), window * 8 * SECOND / rtt)
        self.got = net.goodput(net.now, net.now + watch)[0]
        self.losses = flow.dropped
        self.packets = net.packets
        self.cpu = process_time() - started

    @property
    def ratio(self) -> float:
        return self.got / self.expected

    def __str__(self) -> str:
        return (
            f"{self.rate / MBIT:>8.0f} {self.rtt / MS:>5.0f} {self.config.mss:>5} {self.window / 2**20:>8.1f} "
            f"{self.first_loss / SECOND:>8.1f} {self.got / MBIT:>9.1f} {self.expected / MBIT:>9.1f} {self.ratio:>6.3f} "
            f"{self.losses:>7} {self.packets / 1e6:>6.2f} {self.cpu:>6.1f}"
        )


HEAD = (
    f"{'Mbit/s':>8} {'ms':>5} {'MSS':>5} {'window':>8} {'first at':>8} {'goodput':>9} {'theory':>9} {'ratio':>6} "
    f"{'lost':>7} {'Mpkt':>6} {'CPU s':>6}"
)


def shares(
    flows: int, rate: int = 100 * MBIT, rtt: int = 20 * MS, *, watch: int = 60 * SECOND, seed: int = 1
) -> tuple[float, float]:
    """Let flows share a limit from staggered beginnings; Jain's index and the share of the limit that they use."""
    config = TcpConfig(mss=1460, receive_buffer=4 << 20)
    packet_time = 1500 * 8 * SECOND // rate
    net = Dumbbell(rate, rtt, flows, config, jitter=packet_time, stagger=2 * SECOND, seed=seed)
    rates = net.goodput(20 * SECOND, 20 * SECOND + watch)
    return jain(rates), sum(rates) / (rate * net.payload_share())


def per_acknowledgment(mss: int, initial_window: int) -> Congestion:
    """Return RFC 5681's equation 3 as it stands: each acknowledgment adds SMSS * SMSS / cwnd, whatever it acknowledges.

    Raises:
        TypeError: if the core is compiled: its classes then have no interpreted children.
    """

    class PerAcknowledgment(NewReno):
        __slots__ = ()

        def on_ack(self, acked: int, now: int) -> None:
            if self.cwnd < self.ssthresh:
                super().on_ack(acked, now)
            else:
                self.cwnd += max(self.mss * self.mss // self.cwnd, 1)

    return PerAcknowledgment(mss, initial_window)


def mathis(
    loss: float, b: Literal[1, 2], *, losses: int = 1000, rtt: int = 50 * MS, seed: int = 3
) -> tuple[float, int]:
    """Run one NewReno flow until it has lost that often; its rate relative to the law's, and the losses."""
    config = TcpConfig(mss=1460, congestion_control="reno")
    net = Dumbbell(10 * GBIT, rtt, config=config, loss=loss, seed=seed)
    net.run(2 * rtt)
    flow = net.flows[0]
    if b == 2:
        flow.sender.congestion = per_acknowledgment(flow.sender.snd_mss, config.initial_window * flow.sender.snd_mss)
    net.run(20 * SECOND)
    had, at, before = flow.received, net.now, net.lost
    net.run(100_000 * SECOND, lambda: net.lost - before >= losses)
    rate = (flow.received - had) * 8 * SECOND / (net.now - at)
    law = flow.sender.snd_mss * 8 * SECOND / rtt * sqrt(3 / (2 * b)) / sqrt(loss)
    return rate / law, net.lost - before


FAST = ((100 * MBIT, 1), (100 * MBIT, 10), (100 * MBIT, 80), (GBIT, 1), (GBIT, 10))
SLOW = ((GBIT, 80), (10 * GBIT, 1), (10 * GBIT, 10), (10 * GBIT, 80))


def cells() -> Iterable[Cell]:
    """Yield the whole table: at 10 Gbit/s with the jumbo frames that AWS has inside a Region."""
    for rate, rtt in FAST + SLOW:
        yield Cell(
            rate, rtt * MS, mss=1460 if rate < 10 * GBIT else 8961, watch=30 * SECOND if rate < 10 * GBIT else SHORT
        )
    yield Cell(GBIT, 10 * MS, window=256 << 10)
    yield Cell(10 * GBIT, 80 * MS, mss=8961, window=4 << 20)


def main() -> int:
    """Return 1 if theory and measurement differ by more than their tolerance."""
    print(HEAD)
    good = True
    for cell in cells():
        print(cell, flush=True)
        good &= cell.ratio >= TARGET
    print("\nflows  Jain   use of the limit")
    for flows in (2, 10, 50):
        fairness, use = shares(flows, watch=120 * SECOND)
        print(f"{flows:>5} {fairness:>6.3f} {use:>6.3f}", flush=True)
        good &= fairness > FAIR
    print("\n   loss  b  rate/law  losses")
    for loss in (0.001, 0.003, 0.01):
        for b in (1, 2):
            ratio, losses = mathis(loss, b, losses=2000)  # type: ignore[arg-type]
            print(f"{loss:>7.1%} {b:>2} {ratio:>9.3f} {losses:>7}", flush=True)
            good &= abs(ratio - 1) <= MATHIS_TOLERANCE
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
