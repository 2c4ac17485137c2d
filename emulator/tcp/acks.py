"""When to acknowledge: at once, with the next segment, or after a while.

RFC 9293 (MUST-58, MUST-59) and RFC 5681 section 4.2 want every second full segment acknowledged, and
no acknowledgment later than half a second; systems differ in the rest.  Those whose
delay adapts do as Linux: the first segments of a burst are acknowledged
at once (the sender is in slow start), a delay follows the pace at which data
comes, and who answers data with data soon lets the acknowledgment ride along.
"""

from __future__ import annotations

from typing import Final

from emulator.tcp.config import MILLISECOND
from emulator.tcp.states import State
from emulator.tcp.windows import Windows

LONGEST_DELAY: Final = 500 * MILLISECOND  # RFC 9293 (MUST-40)
LOUD: Final = 536  # a segment this long says something of the peer's segment size (tcp_measure_rcv_mss)


class Acks(Windows):
    """A connection that acknowledges what it receives."""

    __slots__ = ()

    def _take_in(self, payload: bytes, now: int) -> None:
        """The next payload in order arrived, and the program has taken all before it.  Hot."""
        size = len(payload)
        if size != self.rcv_mss:
            if size > self.rcv_wnd:
                size = self.rcv_wnd
                payload = payload[:size]
            self._learn_size(size)
        self.inbox.append(payload)
        before = self.rcv_nxt
        after = before + size
        self.rcv_nxt = after
        acked = self.rcv_acked
        if after - acked > self.rcv_mss:
            self._send_ack(now)  # every second segment (RFC 9293, SHLD-19)
            if self.quick > 0:
                self.quick -= 1
        elif now - self.data_at > self.ack_pace:
            self._owe(before, now)
        elif before == acked:
            due_at = now + self.ack_delay
            self.ack_at = due_at
            if self.deadline < 0 or due_at < self.deadline:
                self.deadline = due_at
        elif self.eager_acks:
            self._send_ack(now)
        self.data_at = now

    def _learn_size(self, size: int) -> None:
        """Learn from a segment how long the peer's segments are (Linux: ``tcp_measure_rcv_mss``)."""
        if size > self.rcv_mss:
            self.rcv_mss = size
        elif self.adaptive:
            if size >= LOUD:
                if size == self.last_size:
                    self.rcv_mss = size
                    return
                self.last_size = size
            self.pushed = True

    def _owe(self, before: int, now: int) -> None:
        """Data arrived in order and the last segment need not be acknowledged; ``before`` is what RCV.NXT was."""
        if self.rcv_nxt - self.rcv_acked > self.rcv_mss or (self.eager_acks and before != self.rcv_acked):
            self._send_ack(now)
            return
        if self.adaptive:
            self._adapt(now)
            if self.quick > 0 and not self.pingpong:
                self.quick -= 1
                if self.quick == 0:
                    self.ato = self.config.delayed_ack
                self._send_ack(now)
                return
        if before == self.rcv_acked:
            self.ack_at = now + (self._delay() if self.adaptive else self.ack_delay)
            if self.deadline < 0 or self.ack_at < self.deadline:
                self.deadline = self.ack_at

    def _adapt(self, now: int) -> None:
        """Follow the pace of arriving data (Linux: ``tcp_event_data_recv``)."""
        least = self.config.delayed_ack
        pause = now - self.data_at
        if self.quick < 0:
            self._hurry()
            self.ato = least
        elif pause <= least // 2:
            self.ato = self.ato // 2 + least // 2
        elif pause < self.ato:
            self.ato = min(self.ato // 2 + pause, self.rto)
        elif pause > self.rto:
            self._hurry()  # the peer begins again from a small window
        self.ack_pace = least // 2 if self.quick == 0 and self.ato == least else -1

    def _hurry(self) -> None:
        """Acknowledge the next few segments at once: what fits half the window, sixteen at most."""
        self.quick = max(self.quick, min(max(self.rcv_wnd // (2 * self.rcv_mss), 2), self.config.quick_acks))

    def _delay(self) -> int:
        """Return how long an acknowledgment may wait now (Linux: ``tcp_send_delayed_ack``)."""
        least = self.config.delayed_ack
        delay = self.ato
        if delay > least:
            most = self.config.delayed_ack_max if self.pingpong or self.pushed else LONGEST_DELAY
            if self.estimator.srtt > 0:
                most = min(most, max(self.estimator.srtt, least))
            delay = min(delay, most)
        return min(delay, self.config.delayed_ack_max)

    def _on_delayed_ack(self, now: int) -> None:
        """Nothing came along that could have carried the acknowledgment (Linux: ``tcp_delack_timer_handler``)."""
        if self.adaptive:
            if self.pingpong:
                self.pingpong = False
                self.ato = self.config.delayed_ack
            else:
                self.ato = min(2 * self.ato, self.rto)
                self.ack_pace = -1
        self._send_ack(now)

    def _on_read(self, now: int) -> None:
        """The program has read everything, and less than a segment came last: say so, unless an answer is near."""
        self.pushed = False
        if not self.pingpong and self.rcv_acked != self.rcv_nxt:
            self._send_ack(now)

    def _challenge(self, now: int) -> None:
        """Answer a segment that cannot be right with an acknowledgment, but not too often (RFC 5961 section 7)."""
        if now - self.challenged_at >= self.config.challenge_pause and self.state is not State.CLOSED:
            self.challenged_at = now
            self._send_ack(now)
