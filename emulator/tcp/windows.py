"""The receive window: how much of it the peer is told, and how it grows.

While a program reads, the window is all of the buffer; while it does not, the
right edge stays where it was told and the window shrinks to nothing (RFC 9293
section 3.8.6).  The buffer itself grows with what is read in a round trip
(dynamic right-sizing, Linux's ``tcp_rcv_space_adjust``), unless the program has
set its size.
"""

from __future__ import annotations

from emulator.tcp.config import MILLISECOND
from emulator.tcp.recovery import Recovery
from emulator.tcp.send_buffer import NEVER
from emulator.tcp.states import State


class Windows(Recovery):
    """A connection that tells its peer how much it takes."""

    __slots__ = ()

    # -- reading -------------------------------------------------------------------------------------------------

    def _hold(self, size: int) -> None:
        """The program does not read: ``size`` more octets wait, and the window is what room is left for.

        The right edge never goes back; it goes on while there is more room than the window field could say.
        """
        if self.buffered == 0:
            self.rcv_right = self.rcv_acked + self.rcv_wnd
            size = sum(map(len, self.inbox))  # with what came first: nobody knew that it would stay
        self.buffered += size
        scale = self.rcv_wscale
        room = min(max(self.rcv_space - self.buffered, 0) >> scale, 65535) << scale
        self.rcv_right = max(self.rcv_right, self.rcv_nxt + room)
        self.rcv_wnd = max(self.rcv_right - self.rcv_nxt, 0)
        self.window_field = self.rcv_wnd >> scale

    def _reopen(self, now: int) -> None:
        """Tell the peer of the larger window if it is twice as large as the one it knows.

        RFC 9293 section 3.8.6.2.2 would allow smaller steps; these are ``tcp_cleanup_rbuf`` of Linux. BSD's
        (``tcp_output``) are two segments if that is a quarter of the buffer.
        """
        told = self.rcv_right - self.rcv_nxt
        self._open_window()
        state = self.state
        more = self.rcv_wnd - told
        bsd = self.config.round_window > 0 and more >= 2 * self.snd_mss and 4 * more >= self.rcv_space
        if (bsd or 2 * told <= self.rcv_wnd) and (
            state is State.ESTABLISHED or state is State.FIN_WAIT_1 or state is State.FIN_WAIT_2
        ):
            self._send_ack(now)
        self._predict()

    # -- growing -------------------------------------------------------------------------------------------------

    def _begin_tuning(self, now: int) -> None:
        """The connection is established: measure what is read from now on, if the window may grow."""
        self.rcv_rtt = self.estimator.srtt
        if self.space_fixed or self.rcv_space >= self._most_space():
            self.tune_at = NEVER
            return
        self.tune_seq = self.rcv_nxt
        # Half a window: no more than a window can be read in a round trip, so it could not be seen to grow.
        self.tune_read = min(self.config.initial_window * self.advertised_mss, self.rcv_wnd // 2)
        self.data_at = now
        self.tune_at = now + max(self.rcv_rtt, 0)

    def _most_space(self) -> int:
        """Return what the buffer may grow to: all that scaling can express, at most."""
        most = min(self.config.receive_buffer, 65535 << self.rcv_wscale)
        return min(most, self.window_clamp) if self.window_clamp else most

    def _tune(self, now: int) -> None:
        """A round trip is over: make the window what was read in it, twice, and more while that grows.

        Twice, for the peer repairs losses in one round trip; in slow start it sends twice as much in the next, so
        the window has to be ahead of that.
        """
        read = self.rcv_nxt - self.tune_seq
        before = self.tune_read
        if read > before:
            wanted = 2 * read + 16 * self.advertised_mss
            wanted += 2 * wanted * (read - before) // before
            most = self._most_space()
            if wanted > self.rcv_space:
                self.rcv_space = min(wanted, most)
                self._open_window()
                self._predict()
            self.tune_read = read
            if self.rcv_space >= most:
                self.tune_at = NEVER
                return
        self.tune_seq = self.rcv_nxt
        self.tune_at = now + max(self.rcv_rtt, MILLISECOND)

    def _note_echo(self, tsecr: int, now: int) -> None:
        """Measure the round trip as the receiver sees it, to the millisecond (Linux: ``tcp_rcv_rtt_measure_ts``).

        What comes after a pause echoes something older than a round trip, and measures nothing.
        """
        sample = self._elapsed_since(tsecr, now)
        if 2 * (now - self.data_at) > sample or sample >= self.config.max_rto:
            return
        sample = max(sample, MILLISECOND)
        self.rcv_rtt = sample if self.rcv_rtt < MILLISECOND else self.rcv_rtt + (sample - self.rcv_rtt) // 8

    # -- what a program may set ----------------------------------------------------------------------------------

    def set_receive_space(self, size: int) -> None:
        """Fix the receive buffer at ``size`` octets of window; it tunes itself no more (``SO_RCVBUF``).

        A window that was told is not taken back: the right edge stays, and the window gets smaller as data arrives.
        """
        self.space_fixed = True
        self.tune_at = NEVER
        self._set_space(min(size, self.window_clamp) if self.window_clamp else size)

    def clamp_window(self, size: int) -> None:
        """Tell the peer of no more than ``size`` octets (``TCP_WINDOW_CLAMP``); 0: no limit."""
        self.window_clamp = size
        if size and size < self.rcv_space:
            self._set_space(size)

    def _set_space(self, size: int) -> None:
        state = self.state
        size = max(size, 1 << max(self.config.window_scale, 0))  # less cannot be told
        told = self.rcv_acked + self.rcv_wnd
        self.rcv_space = size
        if state is State.CLOSED or state is State.SYN_SENT or state is State.LISTEN:
            self.rcv_wnd = min(size, 65535)
            self.window_field = self.rcv_wnd
            return
        self.told_right = self.rcv_right if self.buffered else told
        if self.buffered == 0:
            self._open_window()
        self._predict()
