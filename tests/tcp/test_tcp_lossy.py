"""Two connections and a bad network: every byte arrives, or the program is told."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from emulator.tcp import Failure, State, TcpConfig
from tests.tcp.world import MS, SECOND, World, reliable

OPEN = (State.ESTABLISHED, State.CLOSE_WAIT)


class Transfer:
    """Both ends write their bytes, as far as 50 kB may wait, and close; readers may nap."""

    def __init__(self, world: World, data: tuple[bytes, bytes], rng: random.Random) -> None:
        self.world = world
        self.data = data
        self.rng = rng
        self.written = [0, 0]
        self.closed = [False, False]

    def feed(self, who: int) -> None:
        end, data = self.world.ends[who], self.data[who]
        if end.state not in OPEN or self.closed[who]:
            return
        while self.written[who] < len(data) and end.snd_end - end.snd_una < 50_000:
            size = self.rng.choice((1, 100, 3000, 70_000))
            end.write(data[self.written[who] : self.written[who] + size], self.world.now)
            self.written[who] += size
        if self.written[who] >= len(data):
            end.close(self.world.now)
            self.closed[who] = True
        self.world.settle(who)

    def run(self, naps: float = 0.02, steps: int = 200_000) -> None:
        world = self.world
        world.connect()
        for _ in range(steps):
            self.feed(0)
            self.feed(1)
            for who in (0, 1):
                if self.rng.random() < naps:
                    world.reading[who] = not world.reading[who]
                    world.settle(who)
            if not world.step():
                if all(world.reading):
                    return
                world.reading = [True, True]
                world.settle(0)
                world.settle(1)
        raise AssertionError("the connection never came to rest")


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.integers(0, 2**32),
    loss=st.sampled_from((0.0, 0.01, 0.1, 0.4)),
    reorder=st.sampled_from((0.0, 0.1, 0.5)),
    duplicate=st.sampled_from((0.0, 0.3)),
    sack=st.booleans(),
    timestamps=st.booleans(),
    mss=st.sampled_from((100, 536, 1460, 8961)),
    receive_buffer=st.sampled_from((3000, 20_000, 4 << 20)),
    scales=st.tuples(st.sampled_from((-1, 2, 7)), st.sampled_from((-1, 7))),
    iss=st.tuples(st.sampled_from((0, 1000, 2**32 - 5000, 2**32 - 1)), st.sampled_from((5, 2**31 - 100, 2**32 - 1))),
    sizes=st.tuples(st.sampled_from((0, 1, 1000, 100_000)), st.sampled_from((0, 1, 5000, 100_000))),
    through_bytes=st.booleans(),
)
@example(  # a reader that naps for an hour, with data on its way when its window shrank to nothing
    seed=2214, loss=0.1, reorder=0.0, duplicate=0.3, sack=False, timestamps=False, mss=1460, receive_buffer=3000,
    scales=(2, 7), iss=(0, 5), sizes=(100_000, 5000), through_bytes=False,
)  # fmt: skip
def test_if_some_copy_of_each_segment_gets_through_every_byte_arrives(
    seed, loss, reorder, duplicate, sack, timestamps, mss, receive_buffer, scales, iss, sizes, through_bytes
) -> None:
    rng = random.Random(seed)
    tries: dict[tuple[int, ...], int] = {}

    def fate(packet, who: int) -> list[int]:
        key = who, packet.seq, packet.ack, len(packet.payload), packet.flags
        tries[key] = tries.get(key, 0) + 1
        if rng.random() < loss and tries[key] < 5:
            return []
        delays = [10 * MS + (rng.randrange(30 * MS) if rng.random() < reorder else 0)]
        while rng.random() < duplicate and len(delays) < 3:
            delays.append(delays[0] + rng.randrange(20 * MS))
        return delays

    def config(scale: int) -> TcpConfig:
        return TcpConfig(
            sack=sack,
            timestamps=timestamps,
            mss=mss,
            receive_buffer=receive_buffer,
            window_scale=scale,
            time_wait=3600 * SECOND,  # whoever still waits for the last ACK gets it, however long its pauses have grown
        )

    world = World(fate, config(scales[0]), config(scales[1]), iss)
    world.through_bytes = through_bytes
    data = rng.randbytes(sizes[0]), rng.randbytes(sizes[1])
    Transfer(world, data, rng).run()
    told = [end.error for end in world.ends]
    if loss > 0.01 and Failure.RESET in told:
        # Nobody can be sure that the last acknowledgment arrives: under such loss a FIN may be sent again when the
        # other end's TIME-WAIT is over, and is answered with a reset. Its end of data had arrived all the same.
        told.remove(Failure.RESET)
        told.append(None)
    assert told == [None, None]
    assert (world.got[1], world.got[0]) == data
    assert [end.state for end in world.ends] == [State.CLOSED, State.CLOSED]
    assert [end.deadline for end in world.ends] == [-1, -1]


def test_total_loss_times_a_connect_out_after_127_seconds() -> None:
    world = World(lambda packet, who: [])
    world.connect()
    world.run()
    assert (world.ends[0].error, world.now) == (Failure.TIMED_OUT, 127 * SECOND)


@pytest.mark.parametrize("direction", [0, 1])
def test_total_loss_times_an_established_connection_out(direction: int) -> None:
    dead = [False]
    world = World(lambda packet, who: [] if dead[0] and who == direction else [5 * MS])
    world.connect()
    world.run(lambda: world.ends[1].state is State.ESTABLISHED)
    dead[0] = True
    world.ends[0].write(b"x" * 100_000, world.now)
    world.settle(0)
    world.run()
    assert (world.ends[0].state, world.ends[0].error) == (State.CLOSED, Failure.TIMED_OUT)
    assert 900 * SECOND < world.now < 1100 * SECOND


def test_a_clean_network_sees_no_retransmission_and_no_duplicate_acknowledgment() -> None:
    world = World(reliable(5 * MS), TcpConfig(mss=1460), TcpConfig(mss=1460))
    world.keep_log = True
    Transfer(world, (bytes(200_000), bytes(70_000)), random.Random(1)).run(naps=0)
    for who in (0, 1):
        sent = [(p.seq, len(p.payload)) for _, end, p in world.log if end == who and p.payload]
        assert len(set(sent)) == len(sent)
        pure = [(p.seq, p.ack) for _, end, p in world.log if end == who and not p.payload]
        assert len(set(pure)) == len(pure)


def bottleneck(queue: int, loss: float = 0.0, *, sack: bool) -> tuple[World, dict[str, int]]:
    """A link of 1 Gbit/s, 1 ms away, in front of a queue of ``queue`` nanoseconds."""
    rng = random.Random(7)
    counts = {"dropped": 0, "again": 0}
    free, highest = [0], [0]

    def fate(packet, who: int) -> list[int]:
        if who == 1:
            return [MS // 2]
        if packet.payload:
            counts["again"] += packet.seq < highest[0]
            highest[0] = max(highest[0], packet.seq + len(packet.payload))
        start = max(world.now, free[0])
        if start - world.now > queue or rng.random() < loss:
            counts["dropped"] += 1
            return []
        free[0] = start + packet.length * 8
        return [free[0] - world.now + MS // 2]

    world = World(fate, TcpConfig(mss=1460, sack=sack), TcpConfig(mss=1460, sack=sack))
    return world, counts


def push(world: World, size: int) -> None:
    world.connect()
    world.run(lambda: world.ends[0].state is State.ESTABLISHED)
    world.ends[0].write(bytes(size), world.now)
    world.ends[0].close(world.now)
    world.settle(0)
    world.run(lambda: len(world.got[1]) == size)
    assert len(world.got[1]) == size


def test_with_sack_exactly_what_a_full_queue_dropped_is_sent_again_and_the_link_stays_busy() -> None:
    world, counts = bottleneck(1 * MS, sack=True)
    push(world, 10_000_000)
    assert counts["again"] == counts["dropped"] > 0
    assert 10_000_000 * 8 / world.now > 0.9  # Gbit/s


def test_without_sack_a_full_queue_is_survived() -> None:
    world, counts = bottleneck(1 * MS, sack=False)
    push(world, 5_000_000)
    assert counts["dropped"] > 0


def test_memory_stays_flat_over_a_long_transfer() -> None:
    world, _ = bottleneck(10 * MS, 0.001, sack=True)
    world.connect()
    world.run(lambda: world.ends[0].state is State.ESTABLISHED)
    sender, receiver = world.ends
    chunk, written, got = bytes(65536), 0, 0
    while got < 12_000_000:
        while written < 12_000_000 and sender.snd_end - sender.snd_una < 4 << 20:
            sender.write(chunk, world.now)
            written += len(chunk)
        world.settle(0)
        assert world.step()
        got += len(world.got[1])
        world.got[1].clear()
        assert len(sender.buffer.chunks) <= 65
        assert sum(map(len, receiver.reassembly.pieces.values())) <= 4 << 20
    world.run(lambda: sender.snd_una == sender.snd_end)
    assert (sender.buffer.chunks, sender.scoreboard.lefts, receiver.reassembly.pieces) == ([], [], {})
