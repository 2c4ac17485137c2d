from __future__ import annotations

import pytest

from emulator.capture import LinkLayer, mac
from emulator.wire.packet import Packet, tcp

WEB, PEER, ROUTER, ELSEWHERE = 0x0A000105, 0x0A000107, 0x0A000101, 0x0A000206


@pytest.mark.parametrize(
    ("peer", "outgoing", "dst", "src"),
    [
        (PEER, True, PEER, WEB),
        (PEER, False, WEB, PEER),
        (ELSEWHERE, True, ROUTER, WEB),
        (ELSEWHERE, False, WEB, ROUTER),
        (0x0A000101, True, ROUTER, WEB),
    ],
)
def test_the_peer_is_a_neighbour_inside_the_subnet_and_behind_the_router_elsewhere(
    peer: int, outgoing: bool, dst: int, src: int
) -> None:
    layer = LinkLayer(WEB, 0x0A000100, 24)
    packet = tcp(WEB, peer, 1, 2) if outgoing else tcp(peer, WEB, 2, 1)
    assert layer.addresses(packet, outgoing=outgoing) == (mac(dst), mac(src))
    assert layer.header(packet, outgoing=outgoing) == mac(dst) + mac(src) + b"\x08\x00"


def test_macs_are_locally_administered_and_unicast() -> None:
    first = mac(0xFFFFFFFF)[0]
    assert first & 2
    assert not first & 1
    assert mac(WEB).hex(":") == "02:00:0a:00:01:05"


def test_a_packet_of_version_6_says_so_and_goes_to_the_router() -> None:
    packet = Packet(1 << 127, 1 << 126 | 5, 6, 0, 0, b"", 40)
    packet.version = 6
    assert LinkLayer(WEB, 0x0A000100, 24).header(packet, outgoing=True) == mac(ROUTER) + mac(WEB) + b"\x86\xdd"


def test_whoever_stands_in_no_subnet_has_a_router_all_the_same() -> None:
    layer = LinkLayer(0, 0, 32)
    assert layer.addresses(tcp(WEB, ELSEWHERE, 1, 2), outgoing=False) == (mac(0), mac(1))
