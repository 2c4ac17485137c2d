"""The answer of a port where nobody listens (RFC 9293 section 3.10.7.1)."""

from __future__ import annotations

from emulator.wire.packet import ACK, FIN, IPPROTO_TCP, RST, SYN, Packet


def reset_for(packet: Packet) -> Packet | None:
    """Return the reset that a segment to a closed port is answered with; None for a reset."""
    flags = packet.flags
    if flags & RST:
        return None
    if flags & ACK:
        seq, ack, answer = packet.ack, 0, RST
    else:
        size = len(packet.payload) + (1 if flags & SYN else 0) + (1 if flags & FIN else 0)
        seq, ack, answer = 0, (packet.seq + size) & 0xFFFFFFFF, RST | ACK
    return Packet(packet.dst, packet.src, IPPROTO_TCP, packet.dport, packet.sport, b"", 40, seq, ack, answer, 0)
