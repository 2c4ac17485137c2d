"""tshark's experts about long captures of the emulator: nothing without its cause.  tests/kernel: of the kernel's."""

from __future__ import annotations

import asyncio
import socket
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from emulator import Fault, Network
from tests.network import tshark
from tests.network.expert import SENT_AGAIN, Frame, counts, judge, read

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

TOPOLOGY = Path(__file__).resolve().parents[2] / "topologies" / "two-az-endpoints" / "topology.yaml"
S3, ADDRESS, PORT = "com.amazonaws.us-east-1.s3", "52.216.0.1", 9
BULK = 30_000_000

pytestmark = [tshark.needed, pytest.mark.slow]


class Captures:
    """What one conversation between ``web`` and S3 looked like at either end, and how many packets were lost."""

    def __init__(self, folder: Path, call: Callable[[], Coroutine[Any, Any, None]], *faults: Fault) -> None:
        network = Network.load(TOPOLOGY, seed=1)
        for fault in faults:
            network.add_fault(fault)
        for place in ("web", "s3"):
            network.capture(place, folder / f"{place}.pcapng", snaplen=128)

        async def serve() -> None:
            await asyncio.start_server(answer, "0.0.0.0", PORT)  # noqa: S104 - an emulated host

        network.run(serve(), host=S3)
        network.run(call(), host="web")
        network.run_until_idle()
        network.close()
        self.client = read(folder / "web.pcapng")
        self.server = read(folder / "s3.pcapng")


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send as many octets as the caller asks for, and close."""
    octets = int(await reader.readline())
    if octets < 0:
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.close()
        return
    writer.write(bytes(octets))
    await reader.read()
    writer.close()


async def download(octets: int) -> None:
    reader, writer = await asyncio.open_connection(ADDRESS, PORT)
    writer.write(b"%d\n" % octets)
    await reader.readexactly(octets)
    writer.close()
    assert await reader.read() == b""


def sent_again(frames: list[Frame], source: str) -> list[Frame]:
    """Return the data that was sent before: nothing in it is beyond what the source had sent."""
    highest, again = None, []
    for frame in frames:
        if frame.source == source and (frame.length or frame.flags & 1):
            end = frame.seq + frame.length + (frame.flags & 1)
            if highest is not None and end - highest - 1 & 0xFFFFFFFF >= 0x7FFFFFFF:
                again.append(frame)
            else:
                highest = end & 0xFFFFFFFF
    return again


def lost(captures: Captures, source: str) -> list[Frame]:
    """Return what left the server and was never seen at the client."""
    arrived = {(frame.ident, frame.seq, frame.length) for frame in captures.client if frame.source == source}
    here = [frame for frame in captures.server if frame.source == source]
    return [frame for frame in here if (frame.ident, frame.seq, frame.length) not in arrived]


def test_bulk_data_without_loss_gives_no_cause_for_anything(tmp_path) -> None:
    captures = Captures(tmp_path, lambda: download(BULK))
    for frames in (captures.client, captures.server):
        assert len(frames) > BULK // 8961
        judge("bulk", frames)
        assert not sent_again(frames, ADDRESS)


@pytest.mark.parametrize("loss", [0.002, 0.01, 0.03])
def test_each_retransmission_and_each_gap_has_its_loss(tmp_path, loss) -> None:
    captures = Captures(tmp_path, lambda: download(BULK), Fault(source="s3", target="eni-web", loss=loss))
    gone = lost(captures, ADDRESS)
    assert len(gone) > 3
    there, here = judge("bulk with losses", captures.server), judge("bulk with losses", captures.client)

    # At the sender: what the experts call sent again is what was sent again, and nothing is missing.
    again = sent_again(captures.server, ADDRESS)
    said = [frame for frame in captures.server if frame.source == ADDRESS and frame.kinds & SENT_AGAIN]
    assert said == again
    assert there["previous segment not captured"] == 0
    # All that was lost was sent again, and hardly anything else.
    octets = {(frame.seq, frame.length) for frame in gone if frame.length}
    assert len(octets) <= len(again) <= len(gone) + 2
    # At the receiver: a gap for each loss, unless the loss before it is not yet repaired.
    assert 0 < here["previous segment not captured"] <= len(gone)
    # No acknowledgment was lost, and none is sent twice but for what came out of order.
    assert not {frame for frame in captures.client if frame.source != ADDRESS and frame.kinds & SENT_AGAIN}
    assert here["duplicate ACK"] <= sum(1 for frame in captures.client if frame.source == ADDRESS)


def test_many_short_connections_are_openings_and_ends(tmp_path) -> None:
    async def call() -> None:
        for _ in range(20):
            await asyncio.gather(*(download(5000) for _ in range(25)))

    captures = Captures(tmp_path, call)
    for frames in (captures.client, captures.server):
        found = judge("short connections", frames)
        assert (found["SYN"], found["SYN+ACK"], found["FIN"]) == (500, 500, 1000)


def test_a_reader_who_pauses_closes_the_window_and_is_probed(tmp_path) -> None:
    async def call() -> None:
        reader, writer = await asyncio.open_connection(ADDRESS, PORT, limit=1 << 16)
        writer.write(b"30000000\n")
        await asyncio.sleep(30)
        await reader.readexactly(30_000_000)
        writer.close()
        await reader.read()

    captures = Captures(tmp_path, call)
    for frames in (captures.client, captures.server):
        judge("a reader who pauses", frames)


def test_silence_with_keepalives_shows_them_and_their_answers(tmp_path) -> None:
    async def call() -> None:
        reader, writer = await asyncio.open_connection(ADDRESS, PORT)
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 10)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 5)
        writer.write(b"100\n")
        await reader.readexactly(100)
        await asyncio.sleep(65)
        writer.close()
        await reader.read()

    captures = Captures(tmp_path, call)
    for frames in (captures.client, captures.server):
        found = judge("silence", frames)
        assert (found["keep-alive"], found["keep-alive ACK"]) == (6, 6)


def test_a_refusal_and_an_abort_are_resets(tmp_path) -> None:
    async def refused() -> None:
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(ADDRESS, PORT + 1)

    async def aborted() -> None:
        reader, writer = await asyncio.open_connection(ADDRESS, PORT)
        writer.write(b"-1\n")
        with pytest.raises(ConnectionResetError):
            await reader.read()
        writer.close()

    for scene, call in (("refused", refused), ("aborted", aborted)):
        folder = tmp_path / scene
        folder.mkdir()
        captures = Captures(folder, call)
        assert counts(captures.client) == judge(scene, captures.server)
