"""How long packets may be: what routers tell and for how long, and what probes find out (RFC 1191, RFC 4821)."""

from __future__ import annotations

from emulator.tcp import TcpConfig

from .dialogue import MS, SECOND, Dialogue, established
from .world import World


def config(**changes) -> TcpConfig:
    return TcpConfig(**{"mss": 1000, "timestamps": False, "rack": False, "push_bursts": False} | changes)


def sizes(d: Dialogue) -> list[int]:
    return [len(packet.payload) for packet in d.packets]


def test_what_was_too_long_is_sent_again_in_shorter_segments() -> None:
    d = established(config())
    d.write(2000)
    d.c.fit(740, d.now)
    d.answers()
    assert sizes(d) == [700, 700, 600]


def test_a_path_is_tried_again_after_ten_minutes() -> None:
    d = established(config())
    d.write(1000)
    d.c.fit(740, d.now)
    d.answers()
    d.send("A", 1, 1001)
    d.now += 599 * SECOND
    d.write(1000)
    assert sizes(d) == [700, 300]
    d.send("A", 1, 2001)
    d.now += 2 * SECOND
    d.write(1000)
    assert sizes(d) == [1000]


def test_a_router_that_claims_absurdly_little_is_not_believed() -> None:
    d = established(config())
    d.write(1000)
    d.c.fit(68, d.now)
    d.answers()
    assert sizes(d) == [512, 488]
    d.c.fit(0, d.now)
    d.c.fit(2000, d.now)
    assert d.c.snd_mss == 512


def test_without_probing_a_path_that_swallows_long_packets_is_never_passed() -> None:
    d = established(config(retries2=6))
    d.write(1000)
    d.wait(1000 * SECOND)
    assert d.c.error is not None


def swallow(limit: int):
    return lambda packet, _: [] if packet.length > limit else [5 * MS]


def test_a_black_hole_is_passed_with_shorter_segments_and_the_longest_found_by_probes() -> None:
    ends = TcpConfig(mss=8960, timestamps=False, mtu_probing=1)
    world = World(swallow(1500), ends, TcpConfig(mss=8960, timestamps=False))
    world.connect()
    world.run()
    size = 2_000_000
    for _ in range(40):
        world.ends[0].write(bytes(size // 40), world.now)
        world.settle(0)
        world.run(lambda: world.ends[0].snd_una == world.ends[0].snd_end, world.now + 10**12)
    assert len(world.got[1]) == size
    assert 1400 < world.ends[0].snd_mss <= 1460


def test_always_probing_begins_low_and_ends_at_what_the_path_takes() -> None:
    world = World(swallow(10_000), TcpConfig(mss=8960, timestamps=False, mtu_probing=2), TcpConfig(mss=8960))
    world.connect()
    world.run()
    assert world.ends[0].snd_mss == 1024
    for _ in range(40):
        world.ends[0].write(bytes(300_000), world.now)
        world.settle(0)
        world.run(lambda: world.ends[0].snd_una == world.ends[0].snd_end, world.now + 10**12)
    assert len(world.got[1]) == 12_000_000
    assert world.ends[0].snd_mss > 8940
    assert not world.ends[0].scoreboard.lost.lefts


def test_a_path_without_any_way_is_given_up_with_the_shortest_segments() -> None:
    d = established(config(mtu_probing=1, retries2=8))
    d.write(1000)
    d.wait(1000 * SECOND)
    assert d.c.error is not None
    assert d.c.snd_mss < 100
