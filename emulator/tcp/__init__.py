"""TCP for emulated hosts, without IO.  RFC 9293, table-driven; knows packets and nothing else.

A :class:`Connection` is one end.  Its driver owns time and the network and
keeps to this contract.

**Opening.**  ``Connection(config, local_address, local_port, remote_address,
remote_port, iss, ident=0, ts_offset=0)``, then ``connect(now)``, or
``accept(syn, now)`` for a SYN that reached a listener.

**Calls** (``now`` is integer nanoseconds and never goes back):
``receive(packet, now)`` for each packet of this connection's 5-tuple;
``write(data, now, more=False)`` (``bytes``; raises :class:`IllegalTransition` after
close or when not open; ``more`` holds back what is less than a segment);
``close(now)`` (FIN after what is queued; reading goes on);
``release(now)`` (the program let go: close, and answer later data with a
reset; a reset at once if data is unread); ``abort(now)`` (a reset, at once);
``take(now) -> list[bytes]``; ``on_timer(now)``.  None of them calls back.

**After any call**, in this order::

    if c.outbox:                    # segments to send now, in order
        packets = c.to_send(now)    # or: send each of c.outbox, then c.outbox.clear()
    if c.inbox and reading:         # payloads in order; take all of it, always
        for data in c.take(now): ...
        # if the window had closed, this may leave a window update in c.outbox: look again
    if c.deadline != timer.due:     # nanoseconds, or -1: no timer
        timer.set(c.deadline)       # when it is due: c.on_timer(now), then all of this again
    if c.changed:                   # state, error or peer_closed changed
        c.changed = False
        ...

``deadline`` is moved lazily: it may be earlier than needed, never later, and
``on_timer`` called early (or late) only sets it anew.  A driver that takes the
inbox before the next ``receive`` keeps the window fully open at no cost; one
that leaves it (the program does not read) sees the window shrink to zero.

Three kinds of timer say nothing about progress and may count as background:
TIME-WAIT (``state is State.TIME_WAIT``), keepalives (``keep_at``, while neither
``rto_at`` is set nor an acknowledgment owed) and the probing of a closed window
(``probed``), which goes on for ever while a peer that does not read answers.

**What to read.**  ``state``; ``peer_closed`` (end of file: FIN and all data
before it are in, or were taken from, the inbox); ``error`` (None or
:class:`Failure`: ``"refused"``, ``"reset"``, ``"timed-out"``); ``state is
State.CLOSED`` (it is over; forget it); ``fin_wanted`` (closed for sending).
For write back-pressure, plain integers: ``snd_end - snd_una`` octets are
written and not acknowledged, ``snd_end - snd_nxt`` never sent (once
established and until FIN is sent, when both may read -1; ``unacknowledged()``
and ``unsent()`` are right always).  ``release`` and ``close`` keep a
connection alive through FIN-WAIT, TIME-WAIT and so on: go on driving it until
CLOSED.

**For the host stack**: :func:`reset_for` answers segments to closed ports;
``c.is_replaced_by(syn)`` says whether a SYN may reuse the 5-tuple of a
connection in TIME-WAIT.

**The modules**, each building on those before it: ``states`` (the table),
``config``, ``profiles``; parts that know nothing of connections: ``intervals``,
``send_buffer``, ``reassembly``, ``transmissions`` (when what was sent),
``scoreboard`` (what arrived, what is lost), ``rack`` (how long a segment may be
overtaken), ``rto``, ``congestion`` (the interface and NewReno), ``hystart``,
``cubic``; then ``block`` (all that a connection remembers, and how packets are
made), ``sender`` (what may be sent), ``evidence`` (what acknowledgments say of
what was sent), ``recovery`` (what is done about losses, and the long timer),
``windows`` (what the peer may send), ``acks`` (when it hears of what came),
``receiver`` (a segment arrives), ``knobs`` (what socket options do),
``pathmtu`` (how long packets may be), ``connection`` (the user's calls).

What a system does by default is a profile (:data:`PROFILES`); what a program sets
on one connection are methods of ``knobs`` and ``windows``, named after the option.

What is not modelled: urgent data (the field is ignored), fast open, SYN cookies,
the compression of SACKs, a queue of SYNs that fills (a listener accepts at
once), the growth of Linux's window segment by segment within a round trip (it grows
once a round trip), multipath, authentication (MD5, TCP-AO).
"""

from emulator.tcp.config import TcpConfig as TcpConfig
from emulator.tcp.congestion import Congestion as Congestion
from emulator.tcp.congestion import NewReno as NewReno
from emulator.tcp.connection import Connection as Connection
from emulator.tcp.profiles import PROFILES as PROFILES
from emulator.tcp.profiles import HostProfile as HostProfile
from emulator.tcp.reset import reset_for as reset_for
from emulator.tcp.states import TRANSITIONS as TRANSITIONS
from emulator.tcp.states import Event as Event
from emulator.tcp.states import Failure as Failure
from emulator.tcp.states import IllegalTransition as IllegalTransition
from emulator.tcp.states import State as State

__all__ = [
    "PROFILES",
    "TRANSITIONS",
    "Congestion",
    "Connection",
    "Event",
    "Failure",
    "HostProfile",
    "IllegalTransition",
    "NewReno",
    "State",
    "TcpConfig",
    "reset_for",
]
