"""Ethernet headers for packets that never saw an Ethernet.

A capture on an instance shows frames: to a peer of the same subnet with that
peer's MAC, to anyone else with the subnet router's (the subnet's base address
plus one).  ARP is not modelled, so MACs are made from addresses: ``02:00`` and
the four bytes of the IPv4 address; the bit ``02`` says "locally administered".

IEEE 802-2014 section 8.4 (locally administered addresses); EDGE-4 (the router).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from emulator.wire.packet import Packet

HEADER_SIZE: Final = 14
_IPV4: Final = b"\x08\x00"
_IPV6: Final = b"\x86\xdd"


def mac(address: int) -> bytes:
    """Return the MAC that stands for an IPv4 address."""
    return b"\x02\x00" + address.to_bytes(4, "big")


class LinkLayer:
    """The Ethernet around one interface: its owner's address, and the subnet it stands in.

    What stands in no subnet (a gateway endpoint) is given its own address and a prefix of 32: everyone else
    is then behind the router.
    """

    __slots__ = ("_mask", "_network", "_owner_mac", "_router_mac")

    def __init__(self, owner: int, network: int, prefixlen: int) -> None:
        self._owner_mac = mac(owner)
        self._mask = 0xFFFFFFFF << (32 - prefixlen) & 0xFFFFFFFF
        self._network = network & self._mask
        self._router_mac = mac((self._network + 1) & 0xFFFFFFFF)

    def addresses(self, packet: Packet, *, outgoing: bool) -> tuple[bytes, bytes]:
        """Return the destination and source MAC of a packet that leaves or reaches the owner."""
        peer = packet.dst if outgoing else packet.src
        near = packet.version == 4 and peer & self._mask == self._network
        peer_mac = mac(peer) if near else self._router_mac
        return (peer_mac, self._owner_mac) if outgoing else (self._owner_mac, peer_mac)

    def header(self, packet: Packet, *, outgoing: bool) -> bytes:
        """Return the packet's Ethernet header, the same for all packets of a flow and direction."""
        dst_mac, src_mac = self.addresses(packet, outgoing=outgoing)
        return dst_mac + src_mac + (_IPV4 if packet.version == 4 else _IPV6)
