"""The sending half: new data, one segment again, the timers of a handshake and of a closed window.

What may be sent is bounded by the peer's window, by congestion control and by
what has been written; what is lost is found out and repaired in
:mod:`emulator.tcp.recovery`.
"""

from __future__ import annotations

from typing import Final

from emulator.tcp.block import OPEN, PROBE, REDUCING, REORDERING, RETRANSMISSION, TIMER_SLACK, ControlBlock, M
from emulator.tcp.config import MILLISECOND
from emulator.tcp.send_buffer import NEVER
from emulator.tcp.states import Event, Failure, State
from emulator.tcp.transmissions import TRIM
from emulator.wire.packet import ACK, CWR, ECE, ECT_0, FIN, IPPROTO_TCP, PSH, Packet

ACK_PSH: Final = 0x18
BURST: Final = 65_483  # GSO_LEGACY_MAX_SIZE of Linux less a header, about


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
            sent = len(outbox)
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
            step = self.ident_step
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
                ident += step
                at += mss
                nxt += mss
            self.ident = ident & 0xFFFF
            size = nxt - self.snd_nxt
            if size > mss and self.push_bursts:
                if size <= BURST and size << 1 <= self.congestion.cwnd:
                    outbox[-1].flags = ACK_PSH
                else:
                    self._push_bursts(size)
            self.snd_nxt = nxt
            log = self.log
            if log.head > TRIM:
                log.sweep()
            log.ends.append(nxt)
            log.times.append(now)
            if self.ecn_ok:
                self._mark(sent)
            if self.rto_at != NEVER:  # else header prediction deals with an acknowledgment, and sets it behind us
                self._arm_sent(now)
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
                if not self.eager and self._holds_back(size):
                    if nxt == self.snd_una:
                        self._persist(now)  # only a cork does: Linux's bursts after the time of a retransmission
                    return
                fin = self.fin_wanted and nxt + size < self.snd_una + self.snd_wnd
                self._send_new(nxt, size, fin, now)
            elif nxt == self.snd_una:
                self._output_beginning(limit, now)
                return
        if self.fin_wanted and not self.fin_sent and self.snd_nxt == self.snd_end:
            if self.snd_nxt < self.snd_una + self.snd_wnd:
                self._send_new(self.snd_nxt, 0, True, now)
            else:
                self._persist(now)

    def _holds_back(self, size: int) -> bool:
        """Say whether the last ``size`` octets wait: a cork, or Nagle's algorithm with Minshall's change.

        A small segment waits only while another small one is not acknowledged; the end of the data does not wait.
        """
        if size >= self.snd_mss or self.fin_wanted:
            return False
        return self.corked or (not self.nodelay and self.small_end > self.snd_una)

    def _mark(self, first: int) -> None:
        """Declare the new segments of the outbox, from ``first`` on, ECN-capable (RFC 3168 sections 5 and 6.1.2)."""
        for packet in self.outbox[first:]:
            packet.tos = packet.tos & 0xFC | ECT_0
            if self.ecn_echo:
                packet.flags |= ECE
            if self.cwr_wanted:
                self.cwr_wanted = False
                packet.flags |= CWR

    def _output_beginning(self, limit: int, now: int) -> None:
        """Nothing is in flight and the window is too small for a segment: send half of it, or arm the persist timer.

        RFC 9293 section 3.8.6.2.1, rule 3: with Fs = 1/2.
        """
        nxt = self.snd_nxt
        size = limit - nxt
        if size > 0 and 2 * size >= self.max_snd_wnd:
            self._send_new(nxt, min(size, self.snd_end - nxt, self.snd_mss), False, now)
        else:
            self._persist(now)

    def _send_new(self, seq: int, size: int, fin: bool, now: int) -> None:
        """Send ``size`` octets for the first time, from SND.NXT on."""
        flags = ACK
        payload = b""
        if size:
            payload = self.buffer.read(seq, size)
            if seq + size == self.snd_end <= self.push_end:
                flags |= PSH
            if size < self.snd_mss:
                self.small_end = seq + size
        self.snd_nxt = seq + size
        if fin:
            flags |= FIN
            self.fin_sent = True
            self.predicted = False
            self.snd_nxt += 1
        self.log.note(self.snd_nxt, now)
        self._emit(flags, seq, payload, now)
        if size and self.ecn_ok:
            self._mark(len(self.outbox) - 1)
        if self.rto_at != NEVER:
            self._arm_sent(now)

    def _push_bursts(self, size: int) -> None:
        """Mark what Linux would hand over as one packet of up to 64 KiB: at most half of ``cwnd``, several segments."""
        mss = self.snd_mss
        most = min(self.congestion.cwnd // 2, BURST) // mss
        if most < 2:
            return
        outbox = self.outbox
        for i in range(len(outbox) - size // mss + most - 1, len(outbox), most):
            outbox[i].flags |= PSH
        outbox[-1].flags |= PSH

    def _arm_sent(self, now: int) -> None:
        """New data has left: a tail loss probe is due after it, but the retransmission timer goes before."""
        if self.tlp and (self.mode in (OPEN, REDUCING)):
            if self.timer != REORDERING or self.rto_at < 0:
                if self.tlp_end >= 0 or self.scoreboard.lefts:
                    if self.rto_at < 0:
                        self.timer = RETRANSMISSION
                        self._arm(now + self.rto)
                    return
                due = now + (self.pto if self.snd_nxt - self.snd_una > self.snd_mss else self.last_pto)
                log = self.log
                log.acknowledge(self.snd_una)
                self.timer = PROBE
                self._arm(max(min(due, log.times[log.head] + self.rto), now))
        elif self.rto_at < 0:
            self.timer = RETRANSMISSION
            self._arm(now + self.rto)

    def _set_probe_times(self) -> None:
        """Follow the round-trip time (RFC 8985 section 7.2; one segment may wait for a delayed acknowledgment)."""
        pto = last = rto = self.rto
        srtt = self.estimator.srtt
        if self.tlp and srtt >= 0:
            pto = 2 * srtt + TIMER_SLACK
            if pto > rto:
                pto = rto
            last = 2 * srtt + self.config.min_rto
            if last > rto:
                last = rto
        self.pto = pto
        self.last_pto = last

    def _send_again(self, seq: int, limit: int, now: int) -> int:
        """Send again from ``seq`` on, one segment that ends before ``limit``; return its length."""
        size = min(self.snd_end - seq, self.snd_mss, limit - seq)
        flags = ACK
        payload = b""
        length = size
        if size > 0:
            payload = self.buffer.read(seq, size)
        if seq + size == self.snd_end:
            if size and self.snd_end <= self.push_end:
                flags |= PSH
            if self.fin_sent and (seq + size < limit or size == 0):
                flags |= FIN
                length += 1
        self.scoreboard.send_again(seq, seq + length, now)
        self.undo_resent = max(self.undo_resent, 0) + length
        if self.resent_at < 0:
            self.resent_at = now
        self._emit(flags, seq, payload, now)
        return length

    # -- the long timer ------------------------------------------------------------------------------------------

    def _on_syn_timeout(self, now: int) -> None:
        """Send the SYN or SYN,ACK again: 1, 3, 7, 15, 31, 63 s after the first by default."""
        config = self.config
        retries = config.syn_retries if self.state is State.SYN_SENT else config.syn_ack_retries
        if self.backoffs >= retries or 0 <= self.give_up_at <= now:
            self._end(Event.USER_TIMEOUT, Failure.TIMED_OUT)
            return
        self.backoffs += 1
        self.timed_end = NEVER
        if self.backoffs < len(config.syn_pauses):
            self.rto = self.estimator.rto = config.syn_pauses[self.backoffs]
        else:
            self.rto = self.estimator.back_off()
        self._send_syn(now)
        self._arm_opening(now)

    def _on_persist_timeout(self, now: int) -> None:
        """Probe a closed window with one octet that is not counted as sent (RFC 9293 section 3.8.6.1)."""
        nxt = self.snd_nxt
        room = self.snd_una + self.snd_wnd - nxt
        if room > 0 and nxt < self.snd_end:
            # Silly-window avoidance or a cork held it back long enough (RFC 9293 section 3.8.6.2.1, rule 4).
            self.push_end = NEVER
            self._send_new(nxt, min(room, self.snd_end - nxt, self.snd_mss), False, now)
            return
        # Answered, the probing of a window goes on for ever (RFC 9293, MUST-36), but not for nobody's data.
        pause = min(self.rto << self.backoffs, self.estimator.max_rto)
        orphaned = self.released and pause == self.estimator.max_rto and self.backoffs >= self.config.orphan_retries
        if (self._gives_up(self.backoffs if self.user_timeout else self.unanswered, now)) or orphaned:
            self._end(Event.USER_TIMEOUT, Failure.TIMED_OUT)
            return
        self.unanswered += 1
        self.backoffs += 1
        self.probed = True
        if not self.config.probe_with_data:
            self._emit(ACK, self.snd_una - 1, b"", now)
        elif nxt < self.snd_end:
            self._emit(ACK, nxt, self.buffer.read(nxt, 1), now)
        else:
            self._emit(ACK | FIN, nxt, b"", now)
        self._arm(self._retry_at(now + min(self.rto << self.backoffs, self.estimator.max_rto)))
