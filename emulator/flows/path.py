"""The compiled path: what the first packet of a flow learnt, for all the others.

As in a hardware flow cache, the verdicts of rules and routes are kept leg by
leg; what changes with packets and time is still checked per packet: whether the
tracked flow is alive, TCP flags, length against MTU, endpoint idle time (D2).
Whenever a check fails, or the control plane has moved on to another generation,
the leg is walked anew; so a path can only be as old as the tables it was made from.

This module keeps the record and says which walks may be compiled.  It does not
know links, shapers or taps: the fabric hangs those on its own kind of leg.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from emulator.flows.conntrack import STEADY
from emulator.flows.translation import ECHO_REPLY, ECHO_REQUEST
from emulator.model.traces import Dropped
from emulator.wire.packet import FIN, FRAGMENTED, IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP, RST, SYN

if TYPE_CHECKING:
    from emulator.flows.walk import LegResult
    from emulator.wire.packet import Packet

EVENTFUL: Final = SYN | FIN | RST
"""TCP flags that may change the state of a tracked flow: such packets are always walked."""


def compilable(packet: Packet, result: LegResult) -> bool:
    """Return whether what this walk of one leg said holds for every later packet of the flow that passes the checks."""
    if result.ending is not None and isinstance(result.ending, Dropped):
        return False
    if packet.version != 4 or packet.flags & EVENTFUL or packet.fragment & FRAGMENTED or result.answers or result.once:
        return False
    if result.packet is not packet and result.rewrite is None:  # rewritten in a way that others are not
        return False
    if packet.proto == IPPROTO_ICMP and packet.dport >> 8 not in (ECHO_REPLY, ECHO_REQUEST):
        return False  # nor have other messages: an error is judged by the flow it is about
    if packet.proto in (IPPROTO_TCP, IPPROTO_UDP) and not packet.sport and not packet.dport:
        return False  # fragments have no ports: their key would be this flow's
    return all(effect.state in STEADY for effect in result.effects)
