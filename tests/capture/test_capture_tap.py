from __future__ import annotations

import tracemalloc
from typing import TYPE_CHECKING

import pytest

from emulator.capture import Capture, packets
from emulator.model.reasons import Reason
from emulator.model.traces import Delivered, Dropped, Ending
from emulator.wire.packet import ACK, Packet, tcp, udp

if TYPE_CHECKING:
    from conftest import MakeTap

    from emulator.capture import Tap

WEB, DB = 0x0A000105, 0x0A000206
DELIVERED = Delivered("eni-db")
QUEUE_FULL = Dropped(Reason.EMU_QUEUE_FULL, "eni-db", "az-a")


def datagram(number: int, port: int = 5) -> Packet:
    return udp(WEB, DB, port, 53, number.to_bytes(4, "big"))


def numbers(tap: Tap) -> list[int]:
    """The datagrams in the file, by the number in each."""
    return [int.from_bytes(bytes(frame["UDP"].payload), "big") for frame in packets(tap.path)]


def comments(tap: Tap) -> list[str]:
    return [b" | ".join(frame.comments or []).decode() for frame in packets(tap.path)]


def record(tap: Tap, endings: list[Ending | None], ports: list[int] | None = None) -> None:
    for i, ending in enumerate(endings):
        packet = datagram(i, ports[i] if ports else 5)
        tap.see(packet, i, True)
        packet.ending = ending
        tap.settle()


def test_records_stay_in_order_when_a_later_packet_ends_first(make_tap: MakeTap) -> None:
    tap = make_tap()
    slow, quick = datagram(1), datagram(2)
    tap.see(slow, 10, True)
    tap.see(quick, 20, True)
    quick.ending = DELIVERED
    tap.settle()
    tap.flush()
    assert (numbers(tap), tap.seen, tap.written) == ([], 2, 0)
    slow.ending = DELIVERED
    tap.settle()
    tap.flush()
    assert (numbers(tap), tap.seen, tap.written) == ([1, 2], 2, 2)
    tap.close()
    assert numbers(tap) == [1, 2]


def test_the_first_packet_of_each_flow_and_every_dropped_one_say_how_they_ended(make_tap: MakeTap) -> None:
    tap = make_tap()
    record(
        tap,
        [DELIVERED, DELIVERED, Delivered("eni-db"), QUEUE_FULL, DELIVERED, QUEUE_FULL, DELIVERED, QUEUE_FULL],
        ports=[5, 5, 5, 5, 5, 5, 6, 7],
    )
    tap.close()
    told, full = "delivered to eni-db", "EMU_QUEUE_FULL at eni-db (az-a)"
    assert comments(tap) == [told, "", "", full, "", full, told, full]


def test_the_two_directions_of_a_flow_are_two(make_tap: MakeTap) -> None:
    tap = make_tap()
    for i, packet in enumerate([tcp(WEB, DB, 1, 2), tcp(DB, WEB, 2, 1), tcp(WEB, DB, 1, 2), tcp(DB, WEB, 2, 1)]):
        packet.ending = DELIVERED
        tap.see(packet, i, packet.src == WEB)
    tap.close()
    assert comments(tap) == ["delivered to eni-db"] * 2 + [""] * 2


def test_after_a_drop_the_first_delivery_is_not_the_first_packet(make_tap: MakeTap) -> None:
    tap = make_tap()
    record(tap, [QUEUE_FULL, DELIVERED])
    tap.close()
    assert comments(tap) == ["EMU_QUEUE_FULL at eni-db (az-a)", ""]


@pytest.mark.parametrize(
    ("choice", "expected"),
    [("all", ["delivered to eni-db", "delivered to eni-db", "EMU_QUEUE_FULL at eni-db (az-a)"]), ("none", [""] * 3)],
)
def test_comments_are_a_choice(make_tap: MakeTap, choice: str, expected: list[str]) -> None:
    tap = make_tap(comments=choice)
    record(tap, [DELIVERED, DELIVERED, QUEUE_FULL])
    tap.close()
    assert comments(tap) == expected


def test_a_description_is_asked_for_once_per_flow_and_ending(make_tap: MakeTap) -> None:
    asked: list[int] = []

    def describe(packet: Packet) -> str:
        asked.append(packet.sport)
        return f"the story of {packet.sport} \N{RIGHTWARDS ARROW} {packet.ending}"

    tap = make_tap(comments="all", describe=describe)
    record(tap, [DELIVERED] * 4 + [QUEUE_FULL] * 2, ports=[5, 6, 5, 6, 5, 5])
    tap.close()
    assert asked == [5, 6, 5]
    assert comments(tap)[-1] == f"the story of 5 \N{RIGHTWARDS ARROW} {QUEUE_FULL}"


@pytest.mark.parametrize("file_format", ["pcapng", "pcap"])
def test_a_tap_holds_no_more_than_packets_in_flight_and_a_buffer(make_tap: MakeTap, file_format: str) -> None:
    tap = make_tap(file_format=file_format)
    tracemalloc.start()
    for i in range(12_000):
        packet = tcp(WEB, DB, 40_000, 443, ACK, i.to_bytes(4, "big") * 365)
        tap.see(packet, i, True)
        packet.ending = DELIVERED
        tap.settle()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(tap.pending) < 64
    tap.close()
    assert tap.path.stat().st_size > 12_000 * 1500
    assert peak < 4_000_000


def test_a_run_of_very_many_flows_stays_small(make_tap: MakeTap) -> None:
    tap = make_tap()
    for i in range(70_000):
        packet = udp(WEB, DB + (i >> 16), i & 0xFFFF, 53)
        tap.see(packet, i, True)
        packet.ending = DELIVERED
        tap.settle()
    known = tap._encoder._flows.known  # type: ignore[attr-defined]
    assert len(known) <= 65_536
    tap.close()
    assert tap.written == 70_000


def test_two_taps_see_one_packet_and_write_it_alike(make_tap: MakeTap) -> None:
    here, there = make_tap("here"), make_tap("there")
    packet = datagram(1)
    here.see(packet, 1, True)
    there.see(packet, 2, True)
    packet.ending = DELIVERED
    here.close()
    there.close()
    assert [bytes(f) for f in packets(here.path)] == [bytes(f) for f in packets(there.path)]


def test_a_running_capture_shows_what_is_settled(make_tap: MakeTap) -> None:
    capture = Capture(make_tap())
    record(capture.tap, [DELIVERED, DELIVERED, None])
    assert len(list(capture.packets())) == 2
    assert capture.path.name == "web.partial.pcapng"
    capture.close()
    assert len(list(capture.packets())) == 3
    assert (capture.name, capture.path.name, capture.seen, capture.written) == ("web", "web.pcapng", 3, 3)
    assert capture.error is None
    assert "3 packets" in repr(capture)


def test_time_does_not_run_backwards(make_tap: MakeTap) -> None:
    tap = make_tap()
    for now in (5, 4):
        packet = datagram(now)
        packet.ending = DELIVERED
        tap.see(packet, now, True)
    with pytest.raises(AssertionError, match="time order"):
        tap.flush()
    tap.pending.clear()
    tap.close()


@pytest.mark.parametrize("wrong", [{"comments": "some"}, {"file_format": "cap"}, {"snaplen": 0}])
def test_an_unknown_choice_is_refused_by_name(make_tap: MakeTap, wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        make_tap(**wrong)
