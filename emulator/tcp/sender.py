"""The sending half: new data, retransmission, recovery, the long timer.

What may be sent is bounded by the peer's window, by congestion control and by
what has been written; the order in which lost data is sent again is RFC 6675's
with SACK, RFC 6582's without, and front to back after a timeout.
"""

from __future__ import annotations

from emulator.tcp.block import LOSS, OPEN, RECOVERY, ControlBlock, M
from emulator.tcp.config import MILLISECOND
from emulator.tcp.scoreboard import DUP_THRESH
from emulator.tcp.send_buffer import NEVER
from emulator.tcp.states import Event, Failure, State
from emulator.wire.packet import ACK, FIN, IPPROTO_TCP, PSH, Packet


class Sender(ControlBlock):
    """A connection that can send."""

    __slots__ = ()

    # -- new data ------------------------------------------------------------------------------------------------

    def _output(self, now: int) -> None:
        """Send what the window, congestion control and silly-window avoidance allow.

        Hot: an acknowledgment that opens the window for two segments passes here once.
        """
        una = self.snd_una
        nxt = self.snd_nxt
        end = self.snd_end
        mss = self.snd_mss
        limit = self.congestion.cwnd + self.inflation
        if limit > self.snd_wnd:
            limit = self.snd_wnd
        limit += una
        # The segment that empties the buffer carries PSH and perhaps FIN; it is for _output_rest.
        last = (limit if limit < end else end - 1) - mss
        if nxt <= last:
            if self.timed_end == NEVER and self.mode == OPEN:
                self.timed_end = nxt + 1
                self.timed_at = now
            buffer = self.buffer
            chunk = buffer.chunk
            at = nxt - buffer.chunk_start
            if self.timestamps:
                tsval = now // MILLISECOND + self.ts_offset & M
                tsecr = self.ts_recent
            else:
                tsval = -1
                tsecr = 0
            outbox = self.outbox
            src = self.local_address
            dst = self.remote_address
            sport = self.local_port
            dport = self.remote_port
            ack = self.rcv_nxt
            self.rcv_acked = ack
            ack &= M
            length = self.overhead + mss
            window = self.window_field
            ident = self.ident
            ttl = self.ttl
            while nxt <= last:
                data = chunk[at : at + mss]
                if len(data) != mss:
                    data = buffer.read(nxt, mss)
                    chunk = buffer.chunk
                    at = nxt - buffer.chunk_start
                outbox.append(
                    Packet(
                        src,
                        dst,
                        IPPROTO_TCP,
                        sport,
                        dport,
                        data,
                        length,
                        nxt & M,
                        ack,
                        ACK,
                        window,
                        tsval,
                        tsecr,
                        b"",
                        ident & 0xFFFF,
                        ttl,
                    )
                )
                ident += 1
                at += mss
                nxt += mss
            self.ident = ident & 0xFFFF
            self.snd_nxt = nxt
            if self.rto_at < 0:
                self._arm(now + self.rto)
        if end - nxt <= mss:
            self._output_rest(limit, now)
        elif nxt == una:
            self._output_beginning(limit, now)

    def _output_rest(self, limit: int, now: int) -> None:
        """Send the segment that empties the buffer, with FIN if that is wanted, if the window allows."""
        nxt = self.snd_nxt
        size = self.snd_end - nxt
        if size > 0:
            if nxt + size <= limit:
                fin = self.fin_wanted and nxt + size < self.snd_una + self.snd_wnd
                self._send_new(nxt, size, fin, now)
            elif nxt == self.snd_una:
                self._output_beginning(limit, now)
                return
        if self.fin_wanted and not self.fin_sent and self.snd_nxt == self.snd_end:
            if self.snd_nxt < self.snd_una + self.snd_wnd:
                self._send_new(self.snd_nxt, 0, True, now)
            elif self.rto_at < 0:
                self.backoffs = 0
                self.unanswered = 0
                self._arm(now + self.rto)

    def _output_beginning(self, limit: int, now: int) -> None:
        """Nothing is in flight and the window is too small for a segment: send half of it, or arm the persist timer.

        RFC 9293 section 3.8.6.2.1, rule 3: with Fs = 1/2.
        """
        nxt = self.snd_nxt
        size = limit - nxt
        if size > 0 and 2 * size >= self.max_snd_wnd:
            self._send_new(nxt, min(size, self.snd_end - nxt, self.snd_mss), False, now)
        elif self.rto_at < 0:
            self.backoffs = 0
            self.unanswered = 0
            self._arm(now + self.rto)

    def _send_new(self, seq: int, size: int, fin: bool, now: int) -> None:
        """Send ``size`` octets for the first time, from SND.NXT on."""
        flags = ACK
        payload = b""
        if size:
            payload = self.buffer.read(seq, size)
            if seq + size == self.snd_end:
                flags |= PSH
            if self.timed_end == NEVER and self.mode == OPEN:
                self.timed_end = seq + 1
                self.timed_at = now
        self.snd_nxt = seq + size
        if fin:
            flags |= FIN
            self.fin_sent = True
            self.predicted = False
            self.snd_nxt += 1
        self._emit(flags, seq, payload, now)
        if self.rto_at < 0:
            self._arm(now + self.rto)

    def _send_again(self, seq: int, limit: int, now: int) -> int:
        """Send again from ``seq`` on, one segment that ends before ``limit``; return its length.  The timer runs."""
        size = min(self.snd_end - seq, self.snd_mss, limit - seq)
        flags = ACK
        payload = b""
        length = size
        if size > 0:
            payload = self.buffer.read(seq, size)
        if seq + size == self.snd_end:
            if size:
                flags |= PSH
            if self.fin_sent and (seq + size < limit or size == 0):
                flags |= FIN
                length += 1
        self.timed_end = NEVER  # Karn: what is sent twice cannot be timed
        self._emit(flags, seq, payload, now)
        return length

    def _send(self, now: int) -> None:
        """Send whatever the present mode allows."""
        if self.mode == OPEN or (self.mode == RECOVERY and not self.sack_ok):
            self._output(now)
        elif self.mode == RECOVERY:
            self._output_in_recovery(now)
        else:
            self._output_after_timeout(now)

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

    # -- the long timer ------------------------------------------------------------------------------------------

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

    def _on_syn_timeout(self, now: int) -> None:
        """Send the SYN or SYN,ACK again: 1, 3, 7, 15, 31, 63 s after the first by default."""
        config = self.config
        retries = config.syn_retries if self.state is State.SYN_SENT else config.syn_ack_retries
        if self.backoffs >= retries:
            self._end(Event.USER_TIMEOUT, Failure.TIMED_OUT)
            return
        self.backoffs += 1
        self.timed_end = NEVER
        self.rto = self.estimator.back_off()
        self._send_syn(now)
        self._arm(now + self.rto)

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

    def _on_persist_timeout(self, now: int) -> None:
        """Probe a closed window with one octet that is not counted as sent (RFC 9293 section 3.8.6.1)."""
        nxt = self.snd_nxt
        room = self.snd_una + self.snd_wnd - nxt
        if room > 0 and nxt < self.snd_end:
            # Silly-window avoidance held it back long enough (RFC 9293 section 3.8.6.2.1, rule 4).
            self._send_new(nxt, min(room, self.snd_end - nxt, self.snd_mss), False, now)
            return
        if self.unanswered >= self.config.retries2:
            self._end(Event.USER_TIMEOUT, Failure.TIMED_OUT)
            return
        self.unanswered += 1
        self.backoffs += 1
        self.probed = True
        if nxt < self.snd_end:
            self._emit(ACK, nxt, self.buffer.read(nxt, 1), now)
        else:
            self._emit(ACK | FIN, nxt, b"", now)
        self._arm(now + min(self.rto << self.backoffs, self.estimator.max_rto))
