"""The one border with scapy.

Users hand in scapy packets and get scapy packets back; nothing behind this
border sees one, because crafting one costs 400 us and dissecting one 115 us
(design D4).  scapy is imported on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emulator.wire.codec import MalformedPacket, parse, serialize

if TYPE_CHECKING:
    from emulator.wire.packet import Packet


def from_scapy(packet: Any) -> Packet:
    """Return the record of a scapy packet's outermost IP layer.

    Raises:
        MalformedPacket: if there is no IP layer, or its bytes do not parse.
    """
    from scapy.layers.inet import IP  # noqa: PLC0415 - see the module's opening
    from scapy.layers.inet6 import IPv6  # noqa: PLC0415

    for layer in (IP, IPv6):
        if packet.haslayer(layer):
            return parse(bytes(packet.getlayer(layer)))
    raise MalformedPacket(f"{packet.summary()} has no IP layer: begin with IP(dst=...)")


def to_scapy(packet: Packet) -> Any:
    """Return scapy's ``IP`` or ``IPv6`` packet with the same bytes."""
    from scapy.layers.inet import IP  # noqa: PLC0415
    from scapy.layers.inet6 import IPv6  # noqa: PLC0415

    return (IP if packet.version == 4 else IPv6)(serialize(packet))
