"""Loss: what is done about it, how fast, and how it is taken back when there was none.

After each acknowledgment that is not the plainest: enter or leave fast recovery
(RFC 6675 and RFC 8985 with SACK, RFC 6582 without), reduce the window in
proportion to what arrives (PRR, RFC 9937), go on after a timeout (RFC 6298,
F-RTO of RFC 5682), answer ECN's echo (RFC 3168), and undo a reduction that
timestamps (Eifel, RFC 3522 and 4015) or D-SACKs (RFC 3708) show to have been
for nothing.  Where the RFCs leave a choice it is Linux's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from emulator.tcp.block import LOSS, OPEN, PROBE, RECOVERY, REDUCING, REORDERING, RETRANSMISSION, TIMER_SLACK
from emulator.tcp.evidence import DSACK, NEWS, ORIGINAL, PROBE_TWICE, Evidence
from emulator.tcp.scoreboard import DUP_THRESH
from emulator.tcp.states import Event, Failure, State
from emulator.wire.packet import ECE

if TYPE_CHECKING:
    from emulator.wire.packet import Packet


class Recovery(Evidence):
    """A connection that can send, and send again."""

    __slots__ = ()

    # -- an acknowledgment ---------------------------------------------------------------------------------------

    def _heed(self, packet: Packet, ack: int, duplicate: bool, now: int) -> None:
        """Take in an acknowledgment while data is outstanding.

        ``duplicate`` says whether it is one by RFC 5681's definition, which counts only without SACK.
        """
        board = self.scoreboard
        una = self.snd_una
        flight = self.snd_nxt - una - board.total
        held = una + board.total
        advanced = ack > una
        repeated = self.dupacks
        fack = self.rack.fack
        said = 0
        self.sampled = -1
        if self.sack_ok and packet.options:
            said = self._note_sacks(packet, ack, now)
        if advanced:
            said |= self._advance(packet, ack, fack, now)
        delivered = ack + board.total - held
        if self.sampled >= 0:
            self._take_rtt(self.sampled, self.snd_una)
        elif advanced:
            self._measure_echo(packet, now)
        if advanced:
            self.backoffs = 0
            if self.timer == REORDERING:
                self.timer = RETRANSMISSION
        elif said & NEWS:
            self.dupacks += 1
        if self.tlp_end >= 0:
            self._heed_probe(ack, said, duplicate and not said & NEWS, now)
        if self.mode == LOSS:
            self._heed_after_timeout(packet, ack, said, delivered, advanced, duplicate, now)
            if self.mode == OPEN and self.sack_ok:
                self._heed_with_sack(packet, ack, said, delivered, advanced, now)
        elif self.sack_ok:
            self._heed_with_sack(packet, ack, said, delivered, advanced, now)
        else:
            self._heed_without_sack(packet, ack, delivered, advanced, duplicate, now)
        if packet.flags & ECE and self.ecn_ok and self.mode == OPEN and self.snd_una >= self.recover:
            self._begin_reduction(REDUCING, now)
            self._reduce(delivered, safe=advanced)
        if self.mode == OPEN and advanced:
            if not self.sack_ok and repeated:  # RFC 5681: what a duplicate told of is not told of again
                delivered = max(delivered - repeated * self.snd_mss, min(delivered, self.snd_mss))
            if self._is_limited(flight, una):
                if self.congestion.watching and self.sampled >= 0:
                    self.congestion.on_rtt(self.sampled, ack, self.snd_nxt, now)
                self.congestion.on_ack(delivered, now)
        if advanced:
            self._rearm(now)

    def _rearm(self, now: int) -> None:
        """SND.UNA has moved: RFC 6298 (5.2) and (5.3), RFC 8985 section 7.2."""
        if self.snd_nxt == self.snd_una:
            self.rto_at = -1
            self.timer = RETRANSMISSION
        elif self.timer == REORDERING or (self.mode == RECOVERY and not self.sack_ok and self.partial_seen):
            return
        elif self.tlp and (self.mode in (OPEN, REDUCING)) and self.tlp_end < 0 and not self.scoreboard.lefts:
            self.timer = PROBE
            self._arm(now + (self.pto if self.snd_nxt - self.snd_una > self.snd_mss else self.last_pto))
        else:
            self.timer = RETRANSMISSION
            self._arm(now + self.rto)

    def _is_limited(self, flight: int, una: int) -> bool:
        """Say whether ``cwnd`` had been what limited sending when ``flight`` was under way (RFC 7661 section 1)."""
        cwnd = self.congestion.cwnd
        if flight + self.snd_mss > cwnd:
            self.limited_end = self.snd_nxt
            return True
        return una < self.limited_end or (cwnd < self.congestion.ssthresh and self._is_used(flight, una))

    def _is_used(self, flight: int, una: int) -> bool:
        """Say whether slow start may go on, to twice of what was used (``tcp_is_cwnd_limited`` of Linux)."""
        if una >= self.usage_end:
            self.usage_end = self.snd_nxt
            self.max_out = flight
        elif flight > self.max_out:
            self.max_out = flight
        return self.congestion.cwnd < 2 * self.max_out

    def _heed_with_sack(self, packet: Packet, ack: int, said: int, delivered: int, advanced: bool, now: int) -> None:
        """Nothing, something overtaken, or fast recovery."""
        board = self.scoreboard
        if (self.mode == RECOVERY and ack >= self.recover) or (self.mode == REDUCING and ack > self.recover):
            self._leave_recovery(packet)
        elif self.mode == RECOVERY and (
            self.undo_resent == 0 or (advanced and self.resent_at >= 0 and self._echoes_before(packet, self.resent_at))
        ):
            self._undo(unmark=self.undo_resent != 0)
        if self.mode == OPEN and said & DSACK and self.undo_marker >= 0 and self.undo_resent == 0:
            self._undo(unmark=False)
        newly = self._find_losses(now)
        if board.lost.total and self.mode != RECOVERY:
            self._recover(now)
        if self.mode == OPEN:
            self.inflation = board.total  # RFC 6675 section 5 (3): limited transmit
            if advanced:
                self.dupacks = 0
        else:
            self.inflation = board.total
            self._reduce(delivered, safe=advanced and newly == 0)

    def _heed_without_sack(
        self, packet: Packet, ack: int, delivered: int, advanced: bool, duplicate: bool, now: int
    ) -> None:
        """RFC 6582: duplicates are all there is to go by."""
        mode = self.mode
        mss = self.snd_mss
        if advanced:
            if mode == OPEN:
                self.dupacks = 0
                self.inflation = 0
            elif mode == REDUCING:
                self.dupacks = 0
                self.inflation = 0
                if ack > self.recover:
                    self._leave_recovery(packet)
                else:
                    self._reduce(delivered, safe=True)
            elif ack >= self.recover:
                self._leave_recovery(packet)
            elif self.resent_at >= 0 and self._echoes_before(packet, self.resent_at):
                self._undo(unmark=True)
            else:  # section 3.2 step 3: the next hole is at SND.UNA; only the first such restarts the timer
                self.inflation = max(self.inflation - delivered, 0) + (mss if delivered >= mss else 0)
                if not self.partial_seen:
                    self._arm(now + self.rto)
                self.partial_seen = True
                self._send_again(ack, self.snd_nxt, now)
        elif duplicate and self.snd_nxt > ack:
            self.dupacks += 1
            if mode == RECOVERY:
                self.inflation += mss
            elif self.dupacks < DUP_THRESH:
                self.inflation = self.dupacks * mss  # RFC 3042
            elif self.dupacks == DUP_THRESH and self.snd_una > self.recover:
                self._recover(now)

    # -- fast recovery -------------------------------------------------------------------------------------------

    def _begin_reduction(self, mode: int, now: int) -> None:
        """Reduce the window, step by step as data arrives where SACK tells of it."""
        congestion = self.congestion
        self.mode = mode
        self.recover = self.snd_nxt
        self.tlp_end = -1
        self.prr_cwnd = congestion.cwnd
        self.prr_delivered = 0
        self.prr_out = 0
        self.cwr_wanted = self.ecn_ok
        if mode == REDUCING:
            self.undo_marker = -1  # an echo is no mistake
        congestion.save()
        congestion.on_recovery(self.snd_nxt - self.snd_una, now)
        if self.sack_ok or mode == REDUCING:
            congestion.cwnd = self.prr_cwnd  # step by step

    def _recover(self, now: int) -> None:
        """Enter fast recovery; without SACK, send the first missing segment at once."""
        una = self.snd_una
        self.undo_marker = una
        outstanding = self.scoreboard.resent.octets  # a tail loss probe
        self.undo_resent = outstanding or -1
        if not outstanding:
            self.resent_at = -1
        self.partial_seen = False
        self.rescued = False
        if self.mode == REDUCING:
            self.mode = RECOVERY
            self.recover = self.snd_nxt
        else:
            self._begin_reduction(RECOVERY, now)
        self.frto = False
        if not self.sack_ok:
            self.inflation = DUP_THRESH * self.snd_mss
            self._send_again(una, self.snd_nxt, now)
            self.timer = RETRANSMISSION
            self._arm(now + self.rto)

    def _reduce(self, delivered: int, *, safe: bool) -> None:
        """Proportional rate reduction (RFC 9937): as much leaves as arrives, in proportion to the reduction.

        ``safe`` says that SND.UNA moved and nothing more is lost: then it may be a segment more.
        """
        if delivered <= 0:
            return
        congestion = self.congestion
        mss = self.snd_mss
        pipe = self.scoreboard.pipe(self.snd_una, self.snd_nxt)
        self.prr_delivered += delivered
        room = congestion.ssthresh - pipe
        if room < 0:
            # In whole segments, rounded up.
            allowed = -(-congestion.ssthresh * self.prr_delivered // (self.prr_cwnd * mss)) * mss - self.prr_out
        else:
            allowed = max(self.prr_delivered - self.prr_out, delivered)
            if safe:
                allowed += mss
            allowed = min(room, allowed)
        if self.prr_out == 0:
            allowed = max(allowed, mss)  # the first is sent at once
        congestion.cwnd = pipe + allowed

    def _leave_recovery(self, packet: Packet) -> None:
        """Everything outstanding when the loss was noticed has been acknowledged."""
        congestion = self.congestion
        if self.undo_marker >= 0 and (
            self.undo_resent == 0 or (self.resent_at >= 0 and self._echoes_before(packet, self.resent_at))
        ):
            self._undo(unmark=False)
        elif self.mode == RECOVERY and not self.sack_ok:
            # RFC 6582 section 3.2 step 3, option 1: no burst after the deflation.
            flight = self.snd_nxt - self.snd_una
            congestion.cwnd = min(congestion.ssthresh, max(flight, self.snd_mss) + self.snd_mss)
        elif self.mode != LOSS:
            congestion.cwnd = congestion.ssthresh
        self.rack.on_recovered()
        self.mode = OPEN
        self.inflation = 0
        self.dupacks = 0
        self.frto = False
        self.resent_at = -1

    def _undo(self, *, unmark: bool) -> None:
        """The reduction was for nothing: go back to the window before it; with ``unmark``, nothing is lost either."""
        self.congestion.undo()
        self.undo_marker = -1
        self.cwr_wanted = False
        if unmark:
            self.scoreboard.unmark(self.snd_una)
            self.rack.sent_at = -1  # what it was told came in the first copy, not in the second
        self.mode = OPEN
        self.inflation = self.scoreboard.total
        self.dupacks = 0
        self.frto = False
        self.resent_at = -1

    # -- sending while something is lost -------------------------------------------------------------------------

    def _send(self, now: int) -> None:
        """Send whatever the present mode allows."""
        if self.mode == OPEN or (self.mode == RECOVERY and not self.sack_ok):
            self._output(now)
        elif self.mode == REDUCING:
            nxt = self.snd_nxt
            self._output(now)
            self.prr_out += self.snd_nxt - nxt
        else:
            self._output_lost(now)

    def _output_lost(self, now: int) -> None:
        """Send what is lost, from the front, then new data (RFC 6675's NextSeg, rules 1 and 2)."""
        board = self.scoreboard
        lost = board.lost
        mss = self.snd_mss
        una = self.snd_una
        room = self.congestion.cwnd - board.pipe(una, self.snd_nxt)
        if not self.sack_ok:
            room += self.inflation
        before = room
        fresh = 0
        new_first = self.new_first
        self.new_first = False
        while room > 0:
            if lost.lefts and not new_first:
                seq = lost.lefts[0]
                limit = lost.rights[0]
                if min(limit - seq, mss) > room:
                    break
                size = self._send_again(seq, limit, now)
                if seq == una and self.timer != REORDERING:
                    self.timer = RETRANSMISSION
                    self._arm(now + self.rto)
            elif self.snd_nxt < self.snd_end:
                size = min(mss, self.snd_end - self.snd_nxt)
                if size > room or self.snd_nxt + size > una + self.snd_wnd:
                    break
                self._send_one(now)
                fresh += size
            elif self.fin_wanted and not self.fin_sent and self.snd_nxt < una + self.snd_wnd:
                self._send_new(self.snd_nxt, 0, True, now)
                break
            else:
                break
            room -= size
        if fresh > mss and self.push_bursts:
            self._push_bursts(fresh)
        if self.mode == RECOVERY and not self.racking and room >= mss and not lost.lefts:
            room -= self._speculate(now, room)
        self.prr_out += before - room

    def _speculate(self, now: int, room: int) -> int:
        """RFC 6675's NextSeg, rules 3 and 4: with nothing else to send, what may be lost; return how much."""
        board = self.scoreboard
        mss = self.snd_mss
        began = room
        highest = board.rights[-1] if board.rights else self.snd_una
        while room >= mss:
            seq, limit = board.gap(max(board.marked, self.snd_una))
            if seq >= highest or seq >= self.recover:
                break
            size = self._send_again(seq, limit, now)
            board.marked = seq + size
            room -= size
        if room >= mss and not self.rescued and self.recover > highest:
            self.rescued = True
            seq = max(self.snd_una, highest, self.recover - mss)
            size = self._send_again(seq, self.recover, now)
            board.marked = max(board.marked, highest)
            room -= size
        return began - room

    def _send_one(self, now: int) -> None:
        """Send one segment of new data."""
        nxt = self.snd_nxt
        size = min(self.snd_mss, self.snd_end - nxt)
        fin = self.fin_wanted and nxt + size == self.snd_end and nxt + size < self.snd_una + self.snd_wnd
        self._send_new(nxt, size, fin, now)

    # -- the retransmission timeout ------------------------------------------------------------------------------

    def _on_long_timer(self, now: int) -> None:
        """Do what the long timer was for, which the state tells."""
        state = self.state
        self.rto_at = -1
        if state is State.TIME_WAIT:
            self._end(Event.TIMEOUT_2MSL, None)
        elif state is State.SYN_SENT or state is State.SYN_RECEIVED:
            self._on_syn_timeout(now)
        elif self.snd_nxt > self.snd_una:
            timer = self.timer
            self.timer = RETRANSMISSION
            if timer == PROBE:
                self._on_probe_timeout(now)
            elif timer == REORDERING:
                self._on_reordering_timeout(now)
            else:
                self._on_retransmission_timeout(now)
        elif state is State.FIN_WAIT_2 and self.released:
            self._end(Event.USER_TIMEOUT, None)
        elif self.snd_nxt < self.snd_end or (self.fin_wanted and not self.fin_sent):
            self._on_persist_timeout(now)
        self._predict()

    def _on_retransmission_timeout(self, now: int) -> None:
        """RFC 6298 section 5.4-5.6, RFC 5681 equation 4: back off, and begin again from one segment."""
        if self._gives_up(self.backoffs, now):
            if not self._is_shut_out(now):
                self._end(Event.USER_TIMEOUT, Failure.TIMED_OUT)
                return
            self.backoffs = 1  # once the window opens there are as many tries as ever
        una = self.snd_una
        nxt = self.snd_nxt
        congestion = self.congestion
        board = self.scoreboard
        mode = self.mode
        fresh = mode == OPEN or una >= self.recover or (mode == LOSS and self.backoffs == 0)
        if fresh:
            congestion.save()
            self.undo_marker = una
            outstanding = board.resent.octets
            self.undo_resent = outstanding or -1
            if not outstanding:
                self.resent_at = -1
            self.cwr_wanted = self.ecn_ok
        self.frto = mode in (OPEN, REDUCING) or self.backoffs > 0
        self.backoffs += 1
        congestion.on_timeout(nxt - una, now, again=not fresh)
        # What was SACKed is believed still (RFC 6675 section 5.1); a peer that reneged is found out in _advance.
        board.lose_all_resent()
        self._lose_by_timeout(now)
        congestion.cwnd = board.pipe(una, nxt) + self.snd_mss
        self._begin_again()
        self.rto = self.estimator.back_off()
        self._arm(self._retry_at(now + self.rto))
        self._output_lost(now)

    def _is_shut_out(self, now: int) -> bool:
        """Say whether the peer, heard of lately, has shrunk its window to nothing around what is on its way.

        That is no reason to give up (RFC 9293 section 3.8.6, SHLD-17); Linux waits two longest timeouts to hear of it.
        """
        if self.snd_wnd or self.user_timeout or self.released:
            return False
        return now - max(self.heard_at, self.data_at) <= 2 * self.estimator.max_rto

    def _lose_by_timeout(self, now: int) -> None:
        """All is lost, but for what left too late to be acknowledged yet (RFC 8985 section 6.3)."""
        board = self.scoreboard
        una = self.snd_una
        edge = self.snd_nxt
        if self.racking and self.rack.sent_at >= 0:
            first, limit = board.gap(una)
            head = min(first + self.snd_mss, edge if limit < 0 else limit)
            edge = max(self.log.sent_until(now - self.rack.rtt), head)
        board.lose_below(una, min(edge, self.snd_nxt))

    def _begin_again(self) -> None:
        """Send from the front from now on, as the window allows."""
        self.mode = LOSS
        self.recover = self.snd_nxt
        self.dupacks = 0
        self.inflation = 0
        self.tlp_end = -1
        self.new_first = False

    def _heed_after_timeout(
        self, packet: Packet, ack: int, said: int, delivered: int, advanced: bool, duplicate: bool, now: int
    ) -> None:
        """F-RTO (RFC 5682 section 3.1): was the timeout spurious?  Otherwise slow start, from the front."""
        nxt = self.snd_nxt
        late = advanced and self.resent_at >= 0 and self._echoes_before(packet, self.resent_at)
        if self.undo_marker >= 0 and (late or (advanced and self.undo_resent == 0) or (self.frto and said & ORIGINAL)):
            self._undo(unmark=True)
            return
        if self.frto:
            if nxt > self.recover:
                if said & NEWS or duplicate:
                    self.frto = False  # step 3a: the loss was real
            elif advanced and ack < self.recover:
                # Step 2b: try new data, which nobody can mistake for the old.
                self.new_first = self.snd_nxt < self.snd_end and self.snd_nxt < self.snd_una + self.snd_wnd
                self.frto = self.new_first
        if ack >= self.recover:
            self._leave_recovery(packet)
            return
        if advanced:
            self.inflation = 0
            self.congestion.on_ack(delivered, now)
        elif duplicate and not self.sack_ok and nxt > self.recover + self.inflation:
            self.inflation += self.snd_mss  # one of the new segments that were tried has arrived
        again = self.scoreboard.resent.octets
        self._find_losses(now)
        if self.racking and self.scoreboard.resent.octets < again:
            self._recover(now)  # what was sent again is lost again
            self._reduce(delivered, safe=False)

    # -- the two short timers ------------------------------------------------------------------------------------

    def _on_probe_timeout(self, now: int) -> None:
        """Tail loss probe (RFC 8985 section 7.3): something new, or else the last segment again."""
        una = self.snd_una
        nxt = self.snd_nxt
        if self.tlp_end < 0:
            size = min(self.snd_mss, self.snd_end - nxt)
            if size > 0 and nxt + size <= una + self.snd_wnd:
                self._send_one(now)
                self.tlp_again = False
                self.tlp_end = self.snd_nxt
            else:
                board = self.scoreboard
                end = board.top(una, nxt)
                start = max(una, end - self.snd_mss - (1 if self.fin_sent and end == nxt else 0))
                if end == nxt:
                    start = max(start, self.log.last_start(una))
                start, _ = board.gap(start)  # behind what was SACKed
                if end > start:
                    self._send_again(start, end, now)
                    self.tlp_again = True
                    self.tlp_end = nxt
        self.timer = RETRANSMISSION
        self._arm(now + self.rto)

    def _heed_probe(self, ack: int, said: int, duplicate: bool, now: int) -> None:
        """Was something lost that the probe repaired?  (RFC 8985 section 7.4.2)."""
        if ack < self.tlp_end:
            return
        if not self.tlp_again or said & PROBE_TWICE:
            self.tlp_end = -1
        elif ack > self.tlp_end:
            # Only the probe was acknowledged, not the segment it repeated: that was lost.
            self.tlp_end = -1
            if self.mode == OPEN:
                self.undo_marker = -1
                self._begin_reduction(REDUCING, now)
                self.congestion.cwnd = self.congestion.ssthresh
                self.mode = OPEN
        elif duplicate:
            self.tlp_end = -1

    def _on_reordering_timeout(self, now: int) -> None:
        """What was overtaken has not come (RFC 8985 section 6.3)."""
        newly = self._find_losses(now)
        if newly:
            if self.mode != RECOVERY:
                self._recover(now)
            self._reduce(self.snd_mss, safe=False)
        self._send(now)
        if self.rto_at < 0:
            resent = self.scoreboard.resent
            again = resent.lefts and resent.lefts[0] == self.snd_una
            head = resent.times[0] if again else self.log.times[self.log.head]
            self._arm(max(head + self.rto, now + TIMER_SLACK))
