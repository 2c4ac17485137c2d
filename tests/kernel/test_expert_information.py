"""tshark's experts about the kernel's own captures: the same scenes, the same table (tests/network/expert.py)."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import TYPE_CHECKING, Any

import pytest

from tests.kernel.relay import CLIENT, DELAY, SERVER, Relay
from tests.kernel.tun import why_not_tun
from tests.network import tshark
from tests.network.expert import Frame, judge, read

if TYPE_CHECKING:
    from pathlib import Path

PORT = 9
BULK = 2_000_000
KERNELS_OWN = frozenset({"retransmission", "spurious retransmission", "duplicate ACK", "D-SACK"})
"""A kernel counts memory, not octets: a full buffer may drop what its window allowed. And its probe timer may fire."""

pytestmark = [tshark.needed, pytest.mark.slow]


@pytest.fixture(autouse=True, scope="module")
def _permitted():
    reason = why_not_tun()
    if reason is not None:
        pytest.skip(f"not judged by the kernel: {reason}")


class Client:
    """What the client's programs need of the relay."""

    def __init__(self, relay: Relay) -> None:
        self.relay = relay

    async def connect(self, port: int = PORT, **options: Any) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        sock = self.relay.socket(0)
        try:
            await asyncio.get_running_loop().sock_connect(sock, (SERVER, port))
        except OSError:
            sock.close()
            raise
        return await asyncio.open_connection(sock=sock, **options)

    async def download(self, octets: int) -> None:
        reader, writer = await self.connect()
        writer.write(b"%d\n" % octets)
        await reader.readexactly(octets)
        writer.close()
        await writer.wait_closed()


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    octets = int(await reader.readline())
    if octets < 0:
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    else:
        writer.write(bytes(octets))
        await reader.read()
    writer.close()


def captured(folder: Path, call: Any, loss: float = 0.0, tries: int = 1) -> tuple[list[Frame], list[Frame]]:
    """Run programs on both ends of a relay; what was seen at the client's and the server's.

    Where the machine had no time for us, so that the kernel may have taken our silence for a loss, it is tried again.
    """
    for _ in range(tries):
        if _run(folder, call, loss) < 2 * DELAY:
            break
    return read(folder / "client.pcap"), read(folder / "server.pcap")


def _run(folder: Path, call: Any, loss: float) -> float:
    """Return how much too late the relay was at worst, in seconds."""

    async def run() -> float:
        relay = Relay(loss)
        try:
            listener = relay.socket(1)
            listener.bind((SERVER, PORT))
            server = await asyncio.start_server(answer, sock=listener, backlog=1000)
            await call(Client(relay))
            await asyncio.sleep(0.05)
            server.close()
            for who, name in enumerate(("client", "server")):
                relay.write(who, folder / f"{name}.pcap")
            return relay.latest
        finally:
            relay.close()

    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        return runner.run(run())


def test_bulk_data_without_loss(tmp_path) -> None:
    for frames in captured(tmp_path, lambda client: client.download(BULK), tries=4):
        assert len(frames) > BULK // 1500
        judge("bulk", frames)


@pytest.mark.parametrize("loss", [0.01, 0.03])
def test_bulk_data_with_losses(tmp_path, loss) -> None:
    at_client, at_server = captured(tmp_path, lambda client: client.download(BULK // 2), loss)
    here, there = judge("bulk with losses", at_client), judge("bulk with losses", at_server)
    assert here["previous segment not captured"] > 0
    assert there["previous segment not captured"] == 0


def test_many_short_connections(tmp_path) -> None:
    async def call(client: Client) -> None:
        for _ in range(20):
            await asyncio.gather(*(client.download(5000) for _ in range(10)))

    for frames in captured(tmp_path, call, tries=4):
        found = judge("short connections", frames)
        assert (found["SYN"], found["SYN+ACK"], found["FIN"]) == (200, 200, 400)


def test_a_reader_who_pauses(tmp_path) -> None:
    async def call(client: Client) -> None:
        reader, writer = await client.connect(limit=1 << 16)
        writer.write(b"8000000\n")
        await asyncio.sleep(2)
        await reader.readexactly(8_000_000)
        writer.close()
        await writer.wait_closed()

    for frames in captured(tmp_path, call):
        judge("a reader who pauses", frames, KERNELS_OWN)


def test_silence_with_keepalives(tmp_path) -> None:
    async def call(client: Client) -> None:
        reader, writer = await client.connect()
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1)
        writer.write(b"100\n")
        await reader.readexactly(100)
        await asyncio.sleep(2.5)
        writer.close()
        await writer.wait_closed()

    for frames in captured(tmp_path, call):
        judge("silence", frames)


def test_a_refusal_and_an_abort(tmp_path) -> None:
    async def refused(client: Client) -> None:
        with pytest.raises(ConnectionRefusedError):
            await client.connect(PORT + 1)

    async def aborted(client: Client) -> None:
        reader, writer = await client.connect()
        writer.write(b"-1\n")
        with pytest.raises(ConnectionResetError):
            await reader.read()
        writer.close()

    for scene, call in (("refused", refused), ("aborted", aborted)):
        for frames in captured(tmp_path, call):
            judge(scene, frames)


def test_the_client_is_at_the_end_that_is_called_so(tmp_path) -> None:
    at_client, _ = captured(tmp_path, lambda client: client.download(10))
    assert at_client[0].source == CLIENT
