"""A token bucket with a bounded FIFO behind it: arithmetic on ``now``.

Nothing waits in here.  A shaper answers, the moment a packet arrives, when it
will leave; the link behind it carries it from there.  Tokens are integers,
counted in nanobits (bits x 10**9), because a rate of R bit/s earns exactly R
nanobits per nanosecond: no rounding, no drift, and never more than
``burst + rate * t`` through in any window (D9).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from emulator.model.reasons import Reason
from emulator.model.traces import Dropped

if TYPE_CHECKING:
    from emulator.flows.tables import ShaperSpec

NANOBITS_PER_BYTE: Final = 8_000_000_000
QUEUE_FULL: Final = -1
"""What :meth:`Shaper.admit` answers a packet for which there is no room."""


class Shaper:
    """Limits one direction of one place to ``rate`` bit/s, IP bytes counted.

    Attributes:
        shaper_id: Where it stands, e.g. ``eni-api-us-east-1a/to-service``.
        rate: Bit/s.
        burst: Bytes that may pass at once.
        queue: Bytes that may wait; 0 polices.
        passed, dropped: Packets let through (or queued), and refused.
        passed_bytes: Bytes let through.
        busiest: Most bytes ever waiting.
        refusal: How a packet ends for which there is no room.
    """

    __slots__ = (
        "_at",
        "_ceiling",
        "_full_after",
        "_now",
        "_room",
        "_tokens",
        "burst",
        "busiest",
        "dropped",
        "passed",
        "passed_bytes",
        "queue",
        "rate",
        "refusal",
        "shaper_id",
    )

    def __init__(self, shaper_id: str, rate: int, burst: int, queue: int | None = None) -> None:
        if rate <= 0 or burst <= 0:
            raise ValueError(f"{shaper_id}: rate and burst must be positive, not {rate} bit/s and {burst} bytes")
        self.shaper_id: str = shaper_id
        self.rate: int = rate
        self.burst: int = burst
        self.queue: int = rate // 800 if queue is None else queue  # 10 ms at the rate (D9)
        self.passed: int = 0
        self.passed_bytes: int = 0
        self.dropped: int = 0
        self.busiest: int = 0
        self.refusal: Dropped = Dropped(
            Reason.EMU_QUEUE_FULL if self.queue else Reason.EMU_POLICED,
            shaper_id,
            f"{rate} bit/s, queue of {self.queue} bytes",
        )
        self._ceiling: int = burst * NANOBITS_PER_BYTE
        self._room: int = self.queue * NANOBITS_PER_BYTE
        self._tokens: int = self._ceiling  # as they were at _at, when the last packet left or will leave
        self._at: int = 0
        self._now: int = 0
        self._full_after: int = -(-self._ceiling // rate)  # ns from an empty bucket to a full one

    def admit(self, length: int, now: int) -> int:
        """Take a packet of ``length`` bytes and return when it leaves, or ``QUEUE_FULL``; a refusal costs no tokens."""
        assert now >= self._now, "time went back"
        self._now = now
        rate = self.rate
        leaves_at = self._at
        tokens = self._tokens
        if now > leaves_at:
            elapsed = now - leaves_at
            tokens = self._ceiling if elapsed >= self._full_after else tokens + elapsed * rate
            if tokens > self._ceiling:
                tokens = self._ceiling
            leaves_at = now
        cost = length * NANOBITS_PER_BYTE
        left = tokens - cost
        if left < 0:
            wait = -(left // rate)  # floor division of a negative: rounds the wait up
            leaves_at += wait
            left += wait * rate
            if left + cost > self._ceiling:  # a bucket holds no more than a burst, not for a nanosecond
                left = self._ceiling - cost if cost <= self._ceiling else 0
        if leaves_at > now:
            waiting = (leaves_at - now) * rate
            if waiting > self._room:
                self.dropped += 1
                return QUEUE_FULL
            waiting //= NANOBITS_PER_BYTE
            if waiting > self.busiest:
                self.busiest = waiting
        self._at = leaves_at
        self._tokens = left
        self.passed += 1
        self.passed_bytes += length
        return leaves_at

    def backlog(self, now: int) -> int:
        """Return how many bytes wait at ``now``."""
        return max(0, self._at - now) * self.rate // NANOBITS_PER_BYTE


class PacketLimit(Shaper):
    """Limits packets instead of bits: a second's worth at once, and none waits (DNS-3)."""

    def __init__(self, spec: ShaperSpec) -> None:
        super().__init__(spec.shaper_id, spec.rate * 8, spec.rate, 0)
        interface = spec.shaper_id.partition("/")[0]
        self.refusal = Dropped(Reason.EMU_LINK_LOCAL, interface, f"{spec.rate} packets/s (DNS-3)")

    def admit(self, length: int, now: int) -> int:
        """Take a packet, of whatever length, as one."""
        del length
        return super().admit(1, now)
