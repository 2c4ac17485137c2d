"""What an acknowledgment says of data sent before: what arrived, when, which copy, and what is therefore lost.

SACK (RFC 2018) and D-SACK (RFC 2883) blocks, round-trip times that no
retransmission blurs (Karn; RFC 7323's echo where nothing else is to be had),
and the two ways of noticing a loss: by time (RACK, RFC 8985) or by counting
(RFC 6675).  What is done about it is :mod:`emulator.tcp.recovery`'s affair.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, Final

from emulator.tcp.block import LOSS, RECOVERY, REORDERING, TIMER_SLACK, M
from emulator.tcp.config import MILLISECOND
from emulator.tcp.scoreboard import DUP_THRESH
from emulator.tcp.sender import Sender
from emulator.wire.options import read_sack

if TYPE_CHECKING:
    from emulator.wire.packet import Packet

# What an acknowledgment said, beside how many octets arrived.
NEWS: Final = 1  # something was SACKed that was not before
ORIGINAL: Final = 2  # something sent before the timeout and never again has arrived
DSACK: Final = 4  # something arrived twice
PROBE_TWICE: Final = 8  # that was a tail loss probe


class Evidence(Sender):
    """A connection that can send, and tell what has arrived."""

    __slots__ = ()

    def _advance(self, packet: Packet, ack: int, fack: int, now: int) -> int:
        """SND.UNA moves to ``ack``; return what that says.  ``fack`` is the highest octet that had arrived before."""
        una = self.snd_una
        board = self.scoreboard
        said = 0
        top = board.top(una, ack) if board.lefts else ack
        if top > una:
            news = ack - una - (board.covered(una, ack) if board.lefts else 0)
            again = board.deliver(una, ack)
            said = self._arrived(top, fack, news > again, again > 0, packet, now)
            if not again:
                self.sampled = now - self.log.sent_at(una)
        self.log.acknowledge(ack)
        if board.lefts:
            board.discard_below(ack)
            if board.lefts and board.lefts[0] <= ack:
                board.clear()
                board.marked = ack  # the peer has reneged (RFC 2018 section 8): it would have acknowledged these
        self.snd_una = ack
        if ack >= self.release_at:
            self._release(ack)
        return said

    def _release(self, una: int) -> None:
        self.buffer.release(una)
        self.release_at = self.buffer.first_end

    def _note_sacks(self, packet: Packet, ack: int, now: int) -> int:
        """Enter the blocks of a SACK option; return what they say."""
        una = self.snd_una
        nxt = self.snd_nxt
        board = self.scoreboard
        said = 0
        least = una - 0x80000000  # unwrap(), without the calls
        blocks = [
            (least + (left - least & M), least + (right - least & M)) for left, right in read_sack(packet.options)
        ]
        if not blocks:
            return 0
        left, right = blocks[0]
        if left < right and (right <= ack or (len(blocks) > 1 and blocks[1][0] <= left and right <= blocks[1][1])):
            said = self._note_dsack(left, right)
            del blocks[0]
        lefts = board.lefts
        rights = board.rights
        if len(blocks) > 1:
            blocks.sort()  # from below, so that what overtook something else is known as such
        for left, right in blocks:
            if not ack < left < right <= nxt:
                continue
            i = bisect_right(lefts, left) - 1
            if i >= 0 and rights[i] >= right:
                continue  # two of three blocks repeat what earlier ones said
            top = board.top(left, right)
            low = rights[i] if i >= 0 and rights[i] > left else left
            news = board.add(left, right)
            again = board.deliver(left, right)
            said |= NEWS | self._arrived(top, self.rack.fack, news > again, again > 0, packet, now)
            if not again and self.sampled < 0:
                self.sampled = now - self.log.sent_at(low)
        return said

    def _note_dsack(self, left: int, right: int) -> int:
        """``[left, right)`` arrived twice: a retransmission was for nothing (RFC 2883 section 4, RFC 3708)."""
        if left < self.snd_una - self.max_snd_wnd or right > self.snd_nxt:
            return 0
        if self.undo_resent > 0 and right > self.undo_marker:
            self.undo_resent = max(self.undo_resent - (right - left), 0)
        if self.tlp_again and right == self.tlp_end:
            return DSACK | PROBE_TWICE
        self.rack.on_dsack(self.snd_una, self.snd_nxt)
        return DSACK

    def _arrived(self, top: int, fack: int, original: bool, again: bool, packet: Packet, now: int) -> int:
        """Octets up to ``top`` arrived: some in the only copy (``original``), some were sent again (``again``)."""
        rack = self.rack
        resent = self.scoreboard.resent
        if again and resent.newest_at >= 0 and not self._echoes_before(packet, resent.newest_at):
            rack.arrived(resent.newest_at, resent.newest_end, now, self.estimator.min_rtt)
        if not original or (again and not self.sack_ok):  # without SACK nothing tells whose progress this is
            rack.fack = max(rack.fack, top)
            return 0
        if not (again and resent.newest_end == top):
            log = self.log
            sent_at = log.times[bisect_right(log.ends, top - 1, log.head)]
            if sent_at >= rack.sent_at:
                rack.arrived(sent_at, top, now, -1)
            if not again:
                self.estimator.note_min(now - sent_at, now)
        if top > rack.fack:
            rack.fack = top
        if top <= fack and self.sack_ok:
            rack.reordered = True  # it was overtaken, and not by its own second copy
        return ORIGINAL if top <= self.recover else 0

    def _echoes_before(self, packet: Packet, sent_at: int) -> bool:
        """Say whether the timestamp echoed is older than a segment sent at ``sent_at`` (RFC 3522: Eifel)."""
        if not self.timestamps or packet.tsval < 0:
            return False
        return packet.tsecr - (sent_at // MILLISECOND + self.ts_offset) & M >= 0x80000000

    def _measure_echo(self, packet: Packet, now: int) -> None:
        """Nothing sent once was acknowledged, but the echo tells which copy was (RFC 7323 section 4)."""
        if self.timestamps and packet.tsecr:
            echoed = (now // MILLISECOND + self.ts_offset - packet.tsecr & M) * MILLISECOND
            if echoed < self.config.max_rto:
                self._take_rtt(max(echoed, MILLISECOND), self.snd_una)

    def _time(self, una: int, ack: int, now: int) -> None:
        """Time what ``ack`` acknowledges beyond ``una``, all of it sent once.

        Wanted once a round trip (RFC 6298 section 3), and of each acknowledgment while slow start is watched.
        """
        log = self.log
        ends = log.ends
        first = bisect_right(ends, una, log.head)
        self._take_rtt(now - log.times[first], ack)
        last = bisect_right(ends, ack - 1, first)
        latest = now - log.times[last]
        self.estimator.note_min(latest, now)
        log.head = last + 1 if ends[last] == ack else last
        if self.congestion.watching:
            self.congestion.on_rtt(latest, ack, self.snd_nxt, now)

    def _take_rtt(self, rtt: int, una: int) -> None:
        self.rto = self.estimator.sample(rtt, una, self.snd_nxt)
        self._set_probe_times()

    # -- what is lost --------------------------------------------------------------------------------------------

    def _find_losses(self, now: int) -> int:
        """Mark what is lost; return how many octets that are.  May start the reordering timer."""
        board = self.scoreboard
        before = board.lost.total
        if self.racking:
            self._find_overtaken(now)
        elif self.sack_ok and board.lefts:
            una = self.snd_una
            board.lose_below(una, board.lost_edge(self.snd_mss))
            if self.dupacks >= DUP_THRESH and board.marked <= una:
                board.lose_below(una, min(una + self.snd_mss, board.lefts[0]))
        return board.lost.total - before

    def _find_overtaken(self, now: int) -> None:
        """RFC 8985 section 6.2, step 5: what was sent before the last to arrive, and the window ago, is lost."""
        rack = self.rack
        if rack.sent_at < 0:
            return
        board = self.scoreboard
        una = self.snd_una
        estimator = self.estimator
        repairing = self.mode in (RECOVERY, LOSS)
        window = 0
        if rack.reordered or not repairing:
            segments = max(-(-board.total // self.snd_mss), self.dupacks)
            window = rack.window(
                max(estimator.min_rtt, 0),
                max(estimator.srtt, 0),
                segments,
                repairing=repairing,
            )
        limit = now - rack.rtt - window
        edge = self._sent_until(limit)
        if edge > board.marked:
            board.lose_below(una, min(edge, self.snd_nxt))
        resent = board.resent
        behind = rack.end if rack.again else 0
        if resent.lefts:
            i = resent.first_overdue(limit, rack.sent_at, behind)
            while i >= 0:
                board.lose_resent(i)
                i = resent.first_overdue(limit, rack.sent_at, behind)
        if window == 0:
            return
        at, _ = board.gap(max(board.marked, una))
        if at < self._sent_until(rack.sent_at) or resent.first_overdue(rack.sent_at, rack.sent_at, behind) >= 0:
            self.timer = REORDERING
            self._arm(min(rack.sent_at + rack.rtt + window + TIMER_SLACK, now + self.rto))

    def _sent_until(self, limit: int) -> int:
        """Return the edge below which everything left first at ``limit`` or before, and before RACK's segment."""
        rack = self.rack
        log = self.log
        times = log.times
        sent_at = rack.sent_at
        if limit < sent_at:
            return log.sent_until(limit)
        before = bisect_left(times, sent_at)
        edge = log.ends[before - 1] if before else 0
        behind = bisect_right(times, sent_at, before)
        if behind > before:  # of what left at the same instant, what lies below
            edge = max(edge, min(rack.end, log.ends[behind - 1]))
        return edge
