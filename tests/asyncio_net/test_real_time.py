"""The same programs in real time, by one argument."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time

import pytest

from emulator.asyncio_net.deadlock import DeadlockError
from emulator.asyncio_net.loop import VirtualTimeLoop


@pytest.fixture
def loop():
    loop = VirtualTimeLoop(real_time=True)
    yield loop
    loop.shut_down()


@pytest.fixture
def virtual():
    loop = VirtualTimeLoop()
    yield loop
    loop.shut_down()


async def program():
    loop = asyncio.get_running_loop()
    order, at = [], loop.time()
    for delay in (0.03, 0.01, 0.02, 0.01):
        loop.call_at(at + delay, order.append, delay)
    async with asyncio.timeout(1):
        await asyncio.sleep(0.05)
    return order


def test_what_is_due_in_a_while_happens_after_that_while_and_in_the_same_order(loop, virtual):
    started = time.monotonic()
    assert loop.run_until_complete(program()) == virtual.run_until_complete(program())
    assert 0.05 <= time.monotonic() - started < 1
    assert loop.time() >= 0.05


def test_no_timer_is_early(loop):
    early = []

    def check(due):
        early.append(time.monotonic() < due)

    async def program():
        for delay in range(1, 20):
            loop.call_later(delay / 1000, check, time.monotonic() + delay / 1000)
        await asyncio.sleep(0.025)

    loop.run_until_complete(program())
    assert early == [False] * 19


def test_lateness_is_measured_and_the_order_is_that_of_virtual_time(loop, virtual):
    seen = []

    async def program():
        at = loop.time()
        loop.call_at(at + 0.002, seen.append, 2)
        loop.call_at(at + 0.001, seen.append, 1)
        time.sleep(0.02)  # noqa: ASYNC251 - the program holds everything up
        await asyncio.sleep(0.001)

    loop.run_until_complete(program())
    assert seen == [1, 2]
    assert loop.time() > 0.021, "what is set when everything is late counts from then"
    assert 15_000_000 < loop.lateness < 1_000_000_000
    virtual.run_until_complete(asyncio.sleep(1))
    assert virtual.lateness == 0


def test_time_stands_still_while_the_loop_does_not_run(loop):
    loop.run_until_complete(asyncio.sleep(0.001))
    before = loop.time()
    time.sleep(0.02)
    assert loop.time() == before
    loop.run_until_complete(asyncio.sleep(0))
    assert loop.time() - before < 0.015


def test_a_signal_ends_a_wait():
    timer = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT))
    started = time.monotonic()
    with asyncio.Runner(loop_factory=lambda: VirtualTimeLoop(real_time=True)) as runner:
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            runner.run(asyncio.sleep(60))
    timer.join()
    assert time.monotonic() - started < 30


def test_a_deadlock_is_one_in_real_time_too(loop):
    async def program():
        await loop.create_future()

    with pytest.raises(DeadlockError):
        loop.run_until_complete(program())


def test_threads_and_real_time_go_together():
    loop = VirtualTimeLoop(real_time=True, threads=True)

    async def program():
        job = asyncio.to_thread(time.sleep, 0.03)
        task = asyncio.ensure_future(job)
        await asyncio.sleep(0.01)
        before = task.done()
        await task
        return before

    try:
        assert loop.run_until_complete(program()) is False
        assert loop.time() >= 0.03
        loop.run_until_complete(loop.shutdown_default_executor())
    finally:
        loop.shut_down()
