from __future__ import annotations

import errno
import io
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.utils import RawPcapReader

from emulator.capture import capture_path, files, packets, safe_name
from emulator.capture.blocks import whole_blocks
from emulator.model.traces import Delivered
from emulator.wire.packet import Packet, udp

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import MakeTap, Tshark

    from emulator.capture import Tap

DELIVERED = Delivered("eni-db")
RECORD = 14 + 28 + 1000


def datagram(number: int) -> Packet:
    return udp(0x0A000105, 0x0A000206, 5, 53, number.to_bytes(4, "big") * 250)


def record(tap: Tap, count: int, start: int = 0) -> None:
    for i in range(start, start + count):
        packet = datagram(i)
        tap.see(packet, i, True)
        packet.ending = DELIVERED
        tap.settle()


def numbers(path: Path) -> list[int]:
    with RawPcapReader(str(path)) as reader:  # dissecting thousands of frames takes seconds
        return [int.from_bytes(frame[42:46], "big") for frame, _ in reader]


def test_a_capture_is_partial_until_it_is_closed(make_tap: MakeTap, tmp_path: Path) -> None:
    (tmp_path / "web.pcapng").write_bytes(b"the good one of yesterday")
    tap = make_tap()
    record(tap, 3)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["web.partial.pcapng", "web.pcapng"]
    assert (tmp_path / "web.pcapng").read_bytes() == b"the good one of yesterday"
    tap.close()
    assert [path.name for path in tmp_path.iterdir()] == ["web.pcapng"]
    assert numbers(tmp_path / "web.pcapng") == [0, 1, 2]


@pytest.mark.parametrize("file_format", ["pcapng", "pcap"])
def test_an_abandoned_capture_keeps_what_is_known_and_what_was_in_flight(
    make_tap: MakeTap, tmp_path: Path, file_format: str
) -> None:
    (tmp_path / f"web.{file_format}").write_bytes(b"the good one of yesterday")
    tap = make_tap(file_format=file_format)
    record(tap, 2)
    tap.see(datagram(2), 2, True)
    tap.abandon()
    tap.close()  # nothing more happens
    assert tap.path.name == f"web.partial.{file_format}"
    assert numbers(tap.path) == [0, 1, 2]
    assert (tmp_path / f"web.{file_format}").read_bytes() == b"the good one of yesterday"
    if file_format == "pcapng":
        assert [frame.comments for frame in packets(tap.path)] == [
            [b"delivered to eni-db"],
            None,
            [b"in flight when the capture ended"],
        ]


def test_a_partial_file_that_is_a_link_is_replaced_and_not_followed(make_tap: MakeTap, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_bytes(b"mine")
    (tmp_path / "web.partial.pcapng").symlink_to(precious)
    tap = make_tap()
    record(tap, 1)
    tap.close()
    assert precious.read_bytes() == b"mine"


KILLED = """
import sys
from pathlib import Path
from emulator.capture import LinkLayer, Tap
from emulator.capture.blocks import whole_blocks
from emulator.model.traces import Delivered
from emulator.wire.packet import udp
tap = Tap(Path(sys.argv[1]), "web", LinkLayer(0x0A000105, 0x0A000100, 24))
now = 0
while True:
    packet = udp(0x0A000105, 0x0A000206, 5, 53, now.to_bytes(4, "big") * 250)
    tap.see(packet, now, True)
    packet.ending = Delivered("eni-db")
    tap.settle()
    now += 1
"""


def test_what_a_killed_run_left_is_readable(tmp_path: Path, tshark: Tshark) -> None:
    child = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path / "web.pcapng")])
    partial = tmp_path / "web.partial.pcapng"
    deadline = time.monotonic() + 20
    while not (partial.exists() and partial.stat().st_size > 1_000_000) and time.monotonic() < deadline:
        time.sleep(0.005)
    child.send_signal(signal.SIGKILL)
    child.wait()
    data = partial.read_bytes()
    size, count = whole_blocks(data, len(data))
    assert count > 900
    # Most kills fall between two writes; where one cut a block in two, the readers say so and stop there.
    assert numbers(partial) == list(range(count))
    if size == len(data):
        assert len(tshark(partial, "frame.number")) == count


class SmallDisk(io.FileIO):
    """A file on a disk with room for so many bytes."""

    room = 0

    def write(self, data: bytes | memoryview) -> int:  # type: ignore[override]
        left = self.room - self.tell()
        if left <= 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().write(memoryview(data)[:left])


@pytest.mark.parametrize("room", [700_000, 700_001, 700_050, 262_144, 90])
@pytest.mark.parametrize("file_format", ["pcapng", "pcap"])
def test_a_full_disk_ends_the_capture_and_not_the_run(
    make_tap: MakeTap, monkeypatch: pytest.MonkeyPatch, room: int, file_format: str
) -> None:
    monkeypatch.setattr(files, "open_new", lambda path: SmallDisk(path, "xb"))
    monkeypatch.setattr(SmallDisk, "room", room)
    tap = make_tap(file_format=file_format)
    record(tap, 2000)
    tap.close()
    assert tap.error is not None
    assert tap.error.errno == errno.ENOSPC
    assert tap.path.name == f"web.partial.{file_format}"
    size = tap.path.stat().st_size
    assert room - RECORD - 64 < size <= room
    assert numbers(tap.path) == list(range(tap.written))
    assert tap.seen == 2000
    assert tap.written + 3 >= room // (RECORD + 64)
    assert not tap.pending


def test_a_device_that_takes_nothing_is_remembered_too(make_tap: MakeTap, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "open_new", lambda _: io.FileIO("/dev/full", "wb"))
    tap = make_tap()
    record(tap, 100)
    tap.abandon()
    assert tap.error is not None
    assert (tap.error.errno, tap.written, tap.seen) == (errno.ENOSPC, 0, 100)


def test_a_rename_that_fails_is_remembered_and_the_partial_file_kept(make_tap: MakeTap, tmp_path: Path) -> None:
    tap = make_tap()
    record(tap, 5)
    (tmp_path / "web.pcapng").mkdir()
    tap.close()
    assert isinstance(tap.error, OSError)
    assert numbers(tap.path) == [0, 1, 2, 3, 4]
    assert tap.written == 5


def test_a_directory_that_is_not_there_is_the_callers_error(make_tap: MakeTap) -> None:
    with pytest.raises(FileNotFoundError):
        make_tap("missing/web")


class Interrupted(io.FileIO):
    """A file during whose third write Ctrl-C is pressed, after the bytes are out."""

    writes = 0

    def write(self, data: bytes | memoryview) -> int:  # type: ignore[override]
        done = super().write(data)
        self.writes += 1
        if self.writes == 3:
            raise KeyboardInterrupt
        return done


def test_ctrl_c_during_a_write_neither_loses_nor_repeats_a_record(
    make_tap: MakeTap, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "open_new", lambda path: Interrupted(path, "xb"))
    tap = make_tap()
    with pytest.raises(KeyboardInterrupt):
        record(tap, 2000)
    tap.abandon()
    assert tap.seen == tap.written > 400
    assert numbers(tap.path) == list(range(tap.seen))


def test_ctrl_c_while_records_are_made_neither_loses_nor_repeats_one(make_tap: MakeTap) -> None:
    presses = [KeyboardInterrupt]

    def describe(packet: Packet) -> str:
        if packet.payload[3] == 20 and presses:
            raise presses.pop()
        return "told"

    tap = make_tap(comments="all", describe=describe)
    for i in range(64):
        packet = datagram(i)
        tap.see(packet, i, True)
        packet.ending = Delivered(f"eni-{i}")
    with pytest.raises(KeyboardInterrupt):
        tap.flush()
    tap.abandon()
    assert numbers(tap.path) == list(range(64))
    assert tap.written == 64


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("web", "web"),
        ("eni-0a1b.2_c", "eni-0a1b.2_c"),
        ("vpc-1/resolver", "vpc-1+resolver"),
        ("../../etc/passwd", "%2E.+..+etc+passwd"),
        (".hidden", "%2Ehidden"),
        ("a b\\c:d\0e", "a%20b%5Cc%3Ad%00e"),
        ("größe", "gr%C3%B6%C3%9Fe"),
    ],
)
def test_names_become_safe(name: str, safe: str) -> None:
    assert safe_name(name) == safe


def test_a_capture_needs_a_name() -> None:
    with pytest.raises(ValueError, match="name"):
        safe_name("")


@given(st.text(min_size=1), st.text(min_size=1))
def test_different_names_are_different_files_in_the_same_directory(one: str, other: str) -> None:
    from pathlib import Path

    try:
        paths = [capture_path(Path("out"), name) for name in (one, other)]
    except UnicodeEncodeError:
        return  # half a character; no document can contain it
    assert all(path.parent == Path("out") and len(path.name) < 240 for path in paths)
    assert (paths[0] == paths[1]) == (one == other)


def test_a_very_long_name_is_cut_and_still_its_own() -> None:
    one, other = safe_name("x" * 300), safe_name("x" * 301)
    assert one != other
    assert len(one) < 240
