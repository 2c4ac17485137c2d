"""Loss: noticing it, repairing it, and the timer for when nothing is heard any more.

What acknowledgments say of data sent before, RFC 6675 with SACK and RFC 6582
without, and front to back after a timeout (RFC 6298).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from emulator.tcp.block import LOSS, OPEN, RECOVERY, M, unwrap
from emulator.tcp.config import MILLISECOND
from emulator.tcp.scoreboard import DUP_THRESH
from emulator.tcp.send_buffer import NEVER
from emulator.tcp.sender import Sender
from emulator.tcp.states import Event, Failure, State
from emulator.wire.options import read_sack

if TYPE_CHECKING:
    from emulator.wire.packet import Packet


class Recovery(Sender):
    """A connection that can send, and send again."""

    __slots__ = ()

    def _send(self, now: int) -> None:
        """Send whatever the present mode allows."""
        if self.mode == OPEN or (self.mode == RECOVERY and not self.sack_ok):
            self._output(now)
        elif self.mode == RECOVERY:
            self._output_in_recovery(now)
        else:
            self._output_after_timeout(now)

    # -- acknowledgments when something is or was lost -------------------------------------------------------

    def _advance(self, packet: Packet, ack: int, now: int) -> None:
        """SND.UNA moves to ``ack``: what :meth:`_acknowledged` does, when something is or was lost."""
        una = self.snd_una
        nxt = self.snd_nxt
        mode = self.mode
        acked = ack - una
        congestion = self.congestion
        if mode == LOSS or (mode == OPEN and nxt - una + self.snd_mss > congestion.cwnd):
            congestion.on_ack(acked, now)
        self.snd_una = ack
        if ack >= self.timed_end:
            self.timed_end = NEVER
            self.rto = self.estimator.sample(now - self.timed_at)
        elif self.backoffs and self.timestamps:
            # Nothing could be timed, but the echo tells which copy was acknowledged (RFC 7323 section 4).
            echoed = (now // MILLISECOND + self.ts_offset - packet.tsecr & M) * MILLISECOND
            if echoed < self.config.max_rto:
                self.rto = self.estimator.sample(max(echoed, MILLISECOND))
        self.backoffs = 0
        if ack >= self.release_at:
            self._release(ack)
        board = self.scoreboard
        board.advance(una, ack)
        if board.lefts and board.lefts[0] <= ack:
            board.clear()  # the peer has reneged (RFC 2018 section 8): it would have acknowledged these
        if ack == nxt:
            self.rto_at = -1
            self.idle_at = now
        elif mode != RECOVERY or self.sack_ok or not self.partial_seen:
            self._arm(now + self.rto)
        if mode == OPEN:
            self.dupacks = 0
            self.inflation = board.total
        elif ack >= self.recover:
            self._leave_recovery()
        elif mode == RECOVERY and not self.sack_ok:
            self._partially_acknowledged(acked, now)

    def _partially_acknowledged(self, acked: int, now: int) -> None:
        """RFC 6582 section 3.2 step 3: the next hole is at SND.UNA; only the first such restarts the timer."""
        mss = self.snd_mss
        self.inflation = max(self.inflation - acked, 0) + (mss if acked >= mss else 0)
        self.partial_seen = True
        self._send_again(self.snd_una, self.snd_nxt, now)

    def _note_sacks(self, packet: Packet) -> int:
        """Enter the blocks of a SACK option; return how many octets are news."""
        una = self.snd_una
        nxt = self.snd_nxt
        news = 0
        for left32, right32 in read_sack(packet.options):
            left = unwrap(left32, una)
            right = unwrap(right32, una)
            # Blocks at or below SND.UNA are D-SACKs (RFC 2883) or old.
            if una < left < right <= nxt:
                news += self.scoreboard.sack(left, right)
        return news

    def _release(self, una: int) -> None:
        self.buffer.release(una)
        self.release_at = self.buffer.first_end

    # -- recovery ------------------------------------------------------------------------------------------------

    def _on_duplicate(self, now: int) -> None:
        """Take in an acknowledgment that says a later segment arrived but nothing new in order."""
        if self.mode == LOSS:
            return  # RFC 6582 section 4, RFC 6675 section 5.1: what follows a timeout causes duplicates itself
        self.dupacks += 1
        if self.sack_ok:
            board = self.scoreboard
            if self.mode == OPEN:
                if self.snd_una >= self.recover and (
                    self.dupacks >= DUP_THRESH or board.lost_edge(self.snd_mss) > self.snd_una
                ):
                    self._recover(now)
                else:
                    self.inflation = board.total  # RFC 6675 section 5 (3): limited transmit
        elif self.mode == RECOVERY:
            self.inflation += self.snd_mss
        elif self.dupacks < DUP_THRESH:
            self.inflation = self.dupacks * self.snd_mss  # RFC 3042
        elif self.dupacks == DUP_THRESH and self.snd_una > self.recover:
            self._recover(now)

    def _recover(self, now: int) -> None:
        """Enter fast recovery: halve, and send the first missing segment at once."""
        una = self.snd_una
        self.mode = RECOVERY
        self.recover = self.snd_nxt
        self.timed_end = NEVER
        self.partial_seen = False
        self.rescued = False
        self.inflation = 0
        board = self.scoreboard
        board.restart(una)
        self.congestion.on_recovery(self.snd_nxt - una, now)
        if self.sack_ok:
            _, limit = board.gap(una)
            size = self._send_again(una, limit if limit >= 0 else self.snd_nxt, now)
            board.retransmitted(una, una + size)
        else:
            self.inflation = DUP_THRESH * self.snd_mss
            self._send_again(una, self.snd_nxt, now)
        self._arm(now + self.rto)

    def _output_in_recovery(self, now: int) -> None:
        """Fill the pipe in the order of RFC 6675's NextSeg."""
        board = self.scoreboard
        mss = self.snd_mss
        una = self.snd_una
        edge = board.lost_edge(mss)
        room = self.congestion.cwnd - board.pipe(una, self.snd_nxt, edge)
        highest = board.rights[-1] if board.rights else una
        while room >= mss:
            seq, limit = board.gap(board.rxt_nxt)
            if seq < edge:  # rule 1: known to be lost
                size = self._send_again(seq, limit, now)
                board.retransmitted(seq, seq + size)
            elif self.snd_nxt < self.snd_end and self._fits(now):  # rule 2: new data
                size = self._send_one(now)
            elif seq < highest and seq < self.recover:  # rule 3: perhaps lost
                size = self._send_again(seq, limit, now)
                board.retransmitted(seq, seq + size)
            elif not self.rescued and seq < self.snd_nxt and self.recover > highest:  # rule 4: the last segment
                self.rescued = True
                start = max(seq, highest, self.recover - mss)
                size = self._send_again(start, self.recover, now)
            else:
                break
            room -= size

    def _fits(self, now: int) -> bool:  # noqa: ARG002
        """Say whether the peer's window has room for the next new segment."""
        size = min(self.snd_mss, self.snd_end - self.snd_nxt)
        return self.snd_nxt + size <= self.snd_una + self.snd_wnd

    def _send_one(self, now: int) -> int:
        """Send one segment of new data and return its length."""
        nxt = self.snd_nxt
        size = min(self.snd_mss, self.snd_end - nxt)
        fin = self.fin_wanted and nxt + size == self.snd_end and nxt + size < self.snd_una + self.snd_wnd
        self._send_new(nxt, size, fin, now)
        return size

    def _output_after_timeout(self, now: int) -> None:
        """Send again from the front, past what was SACKed, at slow start's pace; then new data."""
        board = self.scoreboard
        recover = self.recover
        room = self.congestion.cwnd - board.rxt_out
        if self.snd_nxt > recover:
            room -= self.snd_nxt - recover
        while room > 0 and board.rxt_nxt < recover:
            seq, limit = board.gap(board.rxt_nxt)
            if seq >= recover:
                board.rxt_nxt = recover
                break
            if limit < 0 or limit > recover:
                limit = recover
            size = min(self.snd_mss, limit - seq)
            if size > room:
                return
            size = self._send_again(seq, limit, now)
            board.retransmitted(seq, seq + size)
            room -= size
        if board.rxt_nxt >= recover:
            self.inflation = board.total
            self._output(now)

    def _leave_recovery(self) -> None:
        """Everything outstanding when the loss was noticed has been acknowledged."""
        congestion = self.congestion
        if self.mode == RECOVERY and not self.sack_ok:
            # RFC 6582 section 3.2 step 3, option 1: no burst after the deflation.
            flight = self.snd_nxt - self.snd_una
            congestion.cwnd = min(congestion.ssthresh, max(flight, self.snd_mss) + self.snd_mss)
        self.mode = OPEN
        self.inflation = 0
        self.dupacks = 0

    # -- the long timer --------------------

    def _on_long_timer(self, now: int) -> None:
        """Do what the long timer was for, which the state tells."""
        state = self.state
        self.rto_at = -1
        if state is State.TIME_WAIT:
            self._end(Event.TIMEOUT_2MSL, None)
        elif state is State.SYN_SENT or state is State.SYN_RECEIVED:
            self._on_syn_timeout(now)
        elif self.snd_nxt > self.snd_una:
            self._on_retransmission_timeout(now)
        elif state is State.FIN_WAIT_2 and self.released:
            self._end(Event.USER_TIMEOUT, None)
        elif self.snd_nxt < self.snd_end or (self.fin_wanted and not self.fin_sent):
            self._on_persist_timeout(now)
        self._predict()

    def _on_retransmission_timeout(self, now: int) -> None:
        """RFC 6298 section 5.4-5.6, RFC 5681 equation 4: back off, and begin again from one segment."""
        again = self.backoffs > 0
        if self.backoffs >= self.config.retries2:
            self._end(Event.USER_TIMEOUT, Failure.TIMED_OUT)
            return
        una = self.snd_una
        self.backoffs += 1
        self.congestion.on_timeout(self.snd_nxt - una, now, again=again)
        # What was SACKed is believed still (RFC 6675 section 5.1); a peer that reneged is found out in _advance.
        self.scoreboard.restart(una)
        self.mode = LOSS
        self.recover = self.snd_nxt
        self.dupacks = 0
        self.inflation = 0
        self.timed_end = NEVER
        self.rto = self.estimator.back_off()
        self._arm(now + self.rto)
        self._output_after_timeout(now)
