"""IPv6 on a link layer whose MACs are made from IPv4 addresses."""

from __future__ import annotations

import pytest

from emulator.capture import LinkLayer, mac
from emulator.wire.packet import Packet

WEB, PEER, ROUTER = 0x0A000105, 0x0A000107, 0x0A000101


@pytest.mark.parametrize(("outgoing", "dst", "src"), [(True, ROUTER, WEB), (False, WEB, ROUTER)])
def test_an_ipv6_peer_is_behind_the_router_even_if_its_last_bytes_look_like_a_neighbours(
    outgoing: bool, dst: int, src: int
) -> None:
    peer, owner = 0x2600 << 112 | PEER, 0x2600 << 112 | WEB
    packet = Packet(owner, peer, 6, 0, 0, b"", 40) if outgoing else Packet(peer, owner, 6, 0, 0, b"", 40)
    packet.version = 6
    layer = LinkLayer(WEB, 0x0A000100, 24)
    assert layer.addresses(packet, outgoing=outgoing) == (mac(dst), mac(src))
    assert layer.header(packet, outgoing=outgoing) == mac(dst) + mac(src) + b"\x86\xdd"
