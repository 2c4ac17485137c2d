"""The receiving half: SEGMENT ARRIVES (RFC 9293 section 3.10.7).

Almost every segment of a transfer is the next one in order, or acknowledges
data while nothing is lost; ``receive`` recognises those by a handful of
comparisons (header prediction, RFC 1323 appendix) and deals with them in a few
lines.  All others take the long way, which follows the RFC step by step.
"""

from __future__ import annotations

from typing import Final

from emulator.tcp.acks import Acks
from emulator.tcp.block import OPEN, PROBE, M, unwrap
from emulator.tcp.reset import reset_for
from emulator.tcp.send_buffer import NEVER
from emulator.tcp.states import Event, Failure, State
from emulator.wire.packet import ACK, CE, CWR, FIN, PSH, RST, SYN, Packet

FALLBACK_RTO: Final = 3_000_000_000  # RFC 6298 section 5.7
PAWS_IDLE: Final = 24 * 86_400_000_000_000  # RFC 7323 section 5.5: older timestamps prove nothing
ACK_PSH: Final = 0x18

# CPython 3.11 takes 0.07 us to find a member of an enumeration, and the long way asks six times.
CLOSED: Final = State.CLOSED
SYN_RECEIVED: Final = State.SYN_RECEIVED
ESTABLISHED: Final = State.ESTABLISHED


class Receiver(Acks):
    """A connection that can send and receive."""

    __slots__ = ()

    # -- the short way -------------------------------------------------------------------------------------------

    def receive(self, packet: Packet, now: int) -> None:
        """Take in a segment of this connection; answers are left in ``outbox``, data in ``inbox``."""
        rcv_nxt = self.rcv_nxt
        if (
            self.predicted
            and packet.seq == rcv_nxt & M
            and packet.flags | PSH == ACK_PSH
            and packet.window == self.peer_window
            and not packet.options
            and (packet.tsval == self.ts_recent or self._is_newer(packet, now))
        ):
            una = self.snd_una
            acked = packet.ack - una & M
            payload = packet.payload
            if acked:
                if acked <= self.snd_nxt - una and not (payload and self.inbox):
                    self._acknowledged(acked, now)
                    if payload:
                        self._take_in(payload, now)
                    return
            elif payload and not self.inbox:
                self._take_in(payload, now)
                return
        if (
            self.state is ESTABLISHED
            and packet.flags == ACK
            and not packet.payload
            and packet.seq == rcv_nxt & M
            and packet.window == self.peer_window
            and not self.fin_sent
            and not self.ecn_ok
            and self._hears_in_trouble(packet, now)
        ):
            return
        self._arrive(packet, now)

    def _hears_in_trouble(self, packet: Packet, now: int) -> bool:
        """Take in a pure acknowledgment while losses are repaired, if there is nothing else of note about it.

        What is left of the long way when its checks are known to pass: a third of a bulk transfer's segments come
        here when a full queue drops some of them.
        """
        una = self.snd_una
        ack = una + (packet.ack - una & M)
        if ack > self.snd_nxt or una == self.snd_nxt:
            return False
        if self.timestamps:
            tsval = packet.tsval
            if tsval < 0 or tsval - self.ts_recent & M >= 0x80000000:
                return False
            if self.rcv_nxt == self.rcv_acked:
                self.ts_recent = tsval
                self.ts_recent_at = now
        self.heard_at = now
        self._heed(packet, ack, ack == una, now)
        if self.mode != OPEN or self._is_waiting():
            self._send(now)
        self._predict()
        return True

    def _acknowledged(self, acked: int, now: int) -> None:
        """``acked`` octets of data were acknowledged and nothing is lost: SND.UNA, RTT, cwnd, timer, more data."""
        una = self.snd_una
        nxt = self.snd_nxt
        after = una + acked
        congestion = self.congestion
        cwnd = congestion.cwnd
        if nxt - una + self.snd_mss > cwnd:
            limited = True
            self.limited_end = nxt
        else:
            limited = una < self.limited_end or (
                cwnd < congestion.ssthresh and cwnd < 2 * self.snd_wnd and self._is_used(nxt - una, una)
            )
        if after > self.estimator.round_end or (limited and congestion.watching):
            self._time(una, after, now)
        if limited:
            congestion.on_ack(acked, now)  # only while cwnd was the limit (RFC 7661 section 1)
        self.snd_una = after
        if after >= self.release_at:
            self._release(after)
        if after == nxt:
            self.rto_at = -1
            if nxt < self.snd_end:
                self._output(now)
            return
        if nxt < self.snd_end:
            self.rto_at = NEVER  # it is set anew below
            self._output(now)
            nxt = self.snd_nxt
        due_at = now + (self.pto if nxt - after > self.snd_mss else self.last_pto)
        if self.tlp:
            self.timer = PROBE
        self.rto_at = due_at  # RFC 6298 (5.3); the deadline need not follow while it moves later
        if due_at < self.deadline:
            self.deadline = due_at

    def _is_newer(self, packet: Packet, now: int) -> bool:
        """Take over a newer timestamp of the next segment in order (RFC 7323 section 4.3); refuse an older one."""
        recent = self.ts_recent
        tsval = packet.tsval
        if tsval < 0 or recent < 0 or tsval - recent & M >= 0x80000000:
            return False
        if self.rcv_nxt == self.rcv_acked:  # SEG.SEQ <= Last.ACK.sent
            self.ts_recent = tsval
            self.ts_recent_at = now
        if self.tune_at != NEVER and packet.payload:
            self._note_echo(packet.tsecr, now)
        return True

    # -- the long way --------------------------------------------------------------------------------------------

    def _arrive(self, packet: Packet, now: int) -> None:
        state = self.state
        self.heard_at = now
        if state is ESTABLISHED:
            self._arrive_synchronized(packet, now)
        elif state is State.CLOSED or state is State.LISTEN:
            answer = reset_for(packet)
            if answer is not None:
                self.outbox.append(answer)
            return
        elif state is State.SYN_SENT:
            self._arrive_in_syn_sent(packet, now)
        else:
            self._arrive_synchronized(packet, now)
        self._predict()

    def _arrive_in_syn_sent(self, packet: Packet, now: int) -> None:
        """RFC 9293 section 3.10.7.3."""
        flags = packet.flags
        acked = flags & ACK != 0
        if acked and packet.ack != self.snd_nxt & M:
            answer = reset_for(packet)
            if answer is not None:
                self.outbox.append(answer)
            return
        if flags & RST:
            if acked:
                self._end(Event.RCV_RST, Failure.REFUSED)
            return
        if not flags & SYN:
            return
        self._agree(packet)
        if not acked:  # a simultaneous open (figure 8)
            self._round_space(self.snd_mss + self.overhead - 40, 1)
            self._open_window()
            self._happen(Event.RCV_SYN)
            self._send_syn(now)
            return
        self._happen(Event.RCV_SYN_ACK)
        self._establish(packet.window, 0, now)  # RFC 7323 (2.2): never scaled in a SYN
        self._send(now)
        if self.rcv_acked != self.rcv_nxt:
            self._send_ack(now)

    def _establish(self, field: int, scale: int, now: int) -> None:
        """Our SYN was acknowledged by a segment whose window is ``field << scale``."""
        self.snd_una = self.iss + 1
        self.snd_wnd = field << scale
        self.max_snd_wnd = self.snd_wnd
        self._round_space(self.snd_mss + self.overhead - 40, 1)
        self._open_window()
        self.peer_window = field if scale == self.snd_wscale else -1
        self.rto_at = -1
        self.idle_at = now
        self.scoreboard.marked = self.rack.fack = self.snd_una
        self.limited_end = self.usage_end = self.snd_una
        if self.timed_end != NEVER:
            self.timed_end = NEVER
            self._take_rtt(now - self.timed_at, self.snd_una)
            self.estimator.note_min(now - self.timed_at, now)
        elif self.backoffs:
            # The SYN was lost: RFC 6298 section 5.7, and RFC 5681 section 3.1 for the window.
            self.rto = self.estimator.rto = max(FALLBACK_RTO, self.config.initial_rto)
            self._set_probe_times()
            self.congestion.cwnd = self.snd_mss
        self.backoffs = 0
        self._begin_tuning(now)
        if self.keepalive:
            self._watch(now + self.keep_idle)
        if self.fin_wanted:
            self._happen(Event.CLOSE)

    def _arrive_synchronized(self, packet: Packet, now: int) -> None:
        """RFC 9293 section 3.10.7.4, check by check."""
        flags = packet.flags
        payload = packet.payload
        rcv_nxt = self.rcv_nxt
        state = self.state
        seq = rcv_nxt + ((packet.seq - rcv_nxt + 0x80000000 & M) - 0x80000000)  # unwrap(), without the call
        crossed = False
        if state is SYN_RECEIVED and seq == self.irs and flags & (SYN | RST) == SYN:
            if not flags & ACK:  # the SYN again: our SYN,ACK was lost
                self.timed_end = NEVER
                self._send_syn(now)
                return
            seq += 1  # the SYN,ACK of a simultaneous open (figure 8, line 6)
            flags &= ~SYN
            crossed = True
        right = self.rcv_right if self.buffered else rcv_nxt + self.rcv_wnd
        if self.config.round_window > 0 and (state is not SYN_RECEIVED or self.give_up_at >= 0):
            # BSD takes what fits, though the field cannot say it; its syncache, which opens passively, does not.
            right = max(right, rcv_nxt + self.rcv_space - self.buffered)
        if flags & RST:
            if (
                seq == rcv_nxt
                or self._is_reset_at_edge(seq, state)
                or (self.config.insecure_rst and self.rcv_acked <= seq < right)
            ):
                if state is not State.TIME_WAIT or not self.config.rfc1337:
                    self._reset_by_peer(state)
            elif state is State.TIME_WAIT and self.config.rfc1337:
                return
            elif rcv_nxt < seq < right:  # RFC 5961 section 3.2
                self._challenge(now)
            return
        if state is State.TIME_WAIT and not flags & ACK and self.config.time_wait_needs_ack:
            return
        if self.timestamps:
            if packet.tsval < 0:
                if self.config.needs_timestamps:
                    return  # RFC 7323 section 3.2
            elif packet.tsval - self.ts_recent & M >= 0x80000000 and now - self.ts_recent_at < PAWS_IDLE:
                if payload or flags & FIN:
                    self._send_ack(now)  # RFC 7323 section 5.3, R1
                else:
                    self._challenge(now)
                return
        # First check: the sequence number.
        end = seq + len(payload)
        behind = end + 1 if flags & FIN else end
        if behind > seq:
            # A bare FIN needs no room: Linux takes it into a closed window, and so do we.
            if behind <= rcv_nxt or seq > right or (seq == right and payload):
                if state is State.TIME_WAIT and flags & FIN:
                    self._arm(now + self.config.time_wait)
                self._process_old_ack(packet, seq, now)
                if self.state is not State.CLOSED:
                    if seq < rcv_nxt and state is not State.TIME_WAIT:
                        self._note_twice(seq, min(behind, rcv_nxt))
                    self._send_ack(now)
                return
        elif seq < self.rcv_acked or seq > right:  # from the last acknowledgment on, as Linux (tcp_sequence)
            self._process_old_ack(packet, seq, now)
            self._challenge(now)
            return
        # Fourth check: SYN (RFC 5961 section 4.2). Fifth: ACK.
        if flags & SYN:
            if self.config.insecure_syn and state is not State.TIME_WAIT and seq < right:
                self._send_reset(self.snd_nxt, now)
                self.outbox[-1].window = 0
                self._end(Event.ABORT, Failure.RESET)
                return
            self._challenge(now)
            return
        if not flags & ACK:
            return
        if state is State.TIME_WAIT and (behind > rcv_nxt or seq > rcv_nxt):
            self._challenge(now)  # beyond the peer's FIN: wrong, or an old connection's (tcp_timewait_state_process)
            return
        ack = unwrap(packet.ack, self.snd_una)
        if state is SYN_RECEIVED:
            if ack != self.snd_nxt:
                answer = reset_for(packet)
                if answer is not None:
                    self.outbox.append(answer)
                return
            self._happen(Event.RCV_ACK_OF_SYN)
            self._establish(packet.window, 0 if crossed else self.snd_wscale, now)
            if crossed:  # its window is not scaled (RFC 7323 section 2.2), and there is nothing else in it
                sent = len(self.outbox)
                self._send(now)
                if len(self.outbox) == sent:
                    self._send_ack(now)  # our SYN,ACK may be lost: a repetition is acknowledged, as any is
                return
        if ack > self.snd_nxt and not self._is_probe_taken(ack):
            if self.config.acks_unsent:
                self._challenge(now)
            return
        if ack < self.snd_una - self.max_snd_wnd:  # RFC 5961 section 5.2
            self._challenge(now)
            return
        if self.timestamps and seq <= self.rcv_acked and packet.tsval >= 0:
            # RFC 7323 section 4.3, with Last.ACK.sent; behind the check of SEG.ACK, as Linux: forgers must know more.
            self.ts_recent = packet.tsval
            self.ts_recent_at = now
        if self.ecn_ok:
            self._note_marks(packet)
        if ack >= self.snd_una:
            self._process_ack(packet, seq, ack, now)
            if self.fin_sent and self.snd_una > self.snd_end:
                self._fin_acknowledged(now)
        must_ack = False
        if payload or flags & FIN:
            must_ack = self._process_data(packet, seq, payload, right, flags & FIN != 0, now)
        if self.state is CLOSED:
            return
        if self.mode != OPEN or self._is_waiting():
            self._send(now)
        if must_ack:
            self._send_ack(now)
        elif self.rcv_nxt not in (rcv_nxt, self.rcv_acked):
            self._owe(rcv_nxt, now)
        if payload:
            self.data_at = now
            if self.told_right and not self.buffered:
                self._open_window()

    def _note_marks(self, packet: Packet) -> None:
        """Echo that congestion was experienced, until the peer says that it has reacted (RFC 3168 section 6.1.3)."""
        if packet.flags & CWR:
            self.ecn_echo = False
        if packet.tos & CE == CE and packet.payload:
            if not self.ecn_echo:
                self.quick = max(self.quick, 2)  # the peer should know soon (tcp_enter_quickack_mode)
            self.ecn_echo = True

    def _is_reset_at_edge(self, seq: int, state: State) -> bool:
        """Say whether a reset beside RCV.NXT is the peer's all the same (Linux: ``tcp_reset_check`` and its neighbour).

        Behind the last octet that arrived out of order, for that is what the peer calls SND.NXT; or before a FIN
        which it has forgotten.
        """
        if self.config.strict_rst:
            return False
        if self.reassembly.rights and seq == self.reassembly.rights[-1]:
            return True
        closed = state is State.CLOSE_WAIT or state is State.LAST_ACK or state is State.CLOSING
        return closed and seq == self.rcv_nxt - 1

    def _reset_by_peer(self, state: State) -> None:
        # In CLOSING and LAST-ACK, too, the program is told (tcp_reset of Linux, FreeBSD): what it sent last, its FIN
        # at least, was never acknowledged. RFC 9293 section 3.10.7.4 would be silent.
        if state is State.SYN_RECEIVED:
            self._end(Event.RCV_RST, Failure.REFUSED)
        elif state is State.TIME_WAIT:
            self._end(Event.RCV_RST, None)
        else:
            self._end(Event.RCV_RST, Failure.RESET)

    def _is_probe_taken(self, ack: int) -> bool:
        """Say whether ``ack`` is for the octet (or FIN) of a window probe, and count that as sent if so."""
        if not self.probed or ack != self.snd_nxt + 1:
            return False
        self.fin_sent = self.snd_nxt == self.snd_end
        self.scoreboard.twice.add(self.snd_nxt, ack)  # it cannot be timed
        self.log.note(ack, self.heard_at)
        self.snd_nxt += 1
        return True

    def _process_old_ack(self, packet: Packet, seq: int, now: int) -> None:
        """Believe what a segment before the window, or at a closed one, acknowledges, though nothing else of it.

        Two ends whose window probes were both taken would ignore each other for ever otherwise; 4.4BSD does it,
        and draft-gont-tcpm-tcp-seq-validation tells why.
        """
        ack = unwrap(packet.ack, self.snd_una)
        if seq >= self.rcv_nxt and self.window_field:
            return  # else nothing is acceptable, but acknowledgments are (RFC 9293 section 3.10.7.4)
        if ack <= self.snd_una or packet.flags & (ACK | SYN) != ACK:
            return
        if self.state is State.SYN_RECEIVED or (ack > self.snd_nxt and not self._is_probe_taken(ack)):
            return
        self._process_ack(packet, seq, ack, now)
        if self.fin_sent and self.snd_una > self.snd_end:
            self._fin_acknowledged(now)
        if self.state is not State.CLOSED and (self.mode != OPEN or self._is_waiting()):
            self._send(now)

    # -- acknowledgments -----------------------------------------------------------------------------------------

    def _process_ack(self, packet: Packet, seq: int, ack: int, now: int) -> None:
        """Take in an acknowledgment of what was sent and not acknowledged, or a repetition of the last one."""
        una = self.snd_una
        same_window = packet.window == self.peer_window
        if not same_window:
            self._update_window(packet, seq, ack > una)
        if self.snd_nxt > una or packet.options or self.tlp_end >= 0:
            duplicate = ack == una and same_window and not packet.payload and not packet.flags & FIN
            self._heed(packet, ack, duplicate, now)
        if ack > una:
            return
        if self.rto_at >= 0 and self.snd_nxt == ack and self._is_waiting():
            # The persist timer is on: the peer lives, or has opened its window.
            self.unanswered = 0
            if not same_window and self.snd_wnd > 0:
                self.probed = False
                self.backoffs = 0
                self.rto_at = -1

    def _is_waiting(self) -> bool:
        """Say whether there is something that has never been sent."""
        return self.snd_nxt < self.snd_end or (self.fin_wanted and not self.fin_sent)

    def _update_window(self, packet: Packet, seq: int, advanced: bool) -> None:
        """Believe a window unless it shrank in a segment without news, or the segment is old.

        That is ``tcp_may_update_window`` of Linux; RFC 9293's SND.WL1 and WL2 would let a pure acknowledgment that
        was overtaken take back what the later one gave.
        """
        window = packet.window << self.snd_wscale
        if advanced or (seq >= self.rcv_nxt and (packet.payload or window >= self.snd_wnd or window == 0)):
            self.peer_window = packet.window
            self.snd_wnd = window
            if window > self.max_snd_wnd:
                self.max_snd_wnd = window

    def _fin_acknowledged(self, now: int) -> None:
        state = self.state
        if state is State.FIN_WAIT_1:
            self._happen(Event.RCV_ACK_OF_FIN)
            if self.released:
                self._arm(now + self.config.fin_wait_2)
        elif state is State.CLOSING:
            self._happen(Event.RCV_ACK_OF_FIN)
            self._arm(now + self.config.time_wait)
        elif state is State.LAST_ACK:
            self._end(Event.RCV_ACK_OF_FIN, None)

    # -- data ----------------------------------------------------------------------------------------------------

    def _process_data(self, packet: Packet, seq: int, payload: bytes, right: int, fin: bool, now: int) -> bool:
        """Take in payload and FIN (seventh and eighth check); return whether to acknowledge at once."""
        state = self.state
        if state is not ESTABLISHED and state is not State.FIN_WAIT_1 and state is not State.FIN_WAIT_2:
            return False
        end = seq + len(payload)
        if self.released and end > self.rcv_nxt:
            # Nobody will ever read this: RFC 2525 section 2.17, TCPAbortOnData of Linux.
            answer = reset_for(packet)
            if answer is not None:
                answer.ttl = self.ttl
                self.outbox.append(answer)
            self._end(Event.ABORT, None)
            return False
        if end > right:
            payload = payload[: right - seq]
        elif fin:
            self.fin_at = end
        if seq > self.rcv_nxt:
            if payload:
                left, right = self.reassembly.overlap(seq, end)
                if left < right:
                    self._note_twice(left, right)
                self.reassembly.insert(seq, payload)
            return True
        filled = False
        if seq < self.rcv_nxt:
            if payload:
                filled = True
                self._note_twice(seq, self.rcv_nxt)
            payload = payload[self.rcv_nxt - seq :]
        elif self.reassembly.lefts:
            left, right = self.reassembly.overlap(seq, end)
            if left < right:
                self._note_twice(left, right)
        if payload:
            paused = len(self.inbox) > 0
            if len(payload) != self.rcv_mss:
                self._learn_size(len(payload))
            before = self.rcv_nxt
            self.inbox.append(payload)
            self.rcv_nxt += len(payload)
            if self.reassembly.lefts:
                filled = True
                for piece in self.reassembly.extract(self.rcv_nxt):
                    self.inbox.append(piece)
                    self.rcv_nxt += len(piece)
            if paused:
                self._hold(self.rcv_nxt - before)
        if self.fin_at >= 0 and self.fin_at == self.rcv_nxt:
            self._fin_arrived(now)
            return self.rcv_acked != self.rcv_nxt
        return filled

    def _note_twice(self, left: int, right: int) -> None:
        """``[left, right)`` arrived twice: the next acknowledgment tells the peer (RFC 2883 section 4)."""
        if self.sack_ok:
            self.dsack_left = left
            self.dsack_right = right

    def _fin_arrived(self, now: int) -> None:
        self.rcv_nxt += 1
        self.fin_at = -1
        self.peer_closed = True
        self._happen(Event.RCV_FIN)
        if self.state is State.TIME_WAIT:
            self._arm(now + self.config.time_wait)
        elif self.state is State.CLOSING and self.config.repeats_fin:
            self._emit(ACK | FIN, self.snd_end, b"", now)
