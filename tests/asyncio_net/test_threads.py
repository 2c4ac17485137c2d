"""Executor jobs and threads: inline by default, real ones by choice."""

from __future__ import annotations

import asyncio
import contextvars
import threading
import time

import anyio
import anyio.from_thread
import anyio.to_thread
import pytest

from emulator.asyncio_net.loop import VirtualTimeLoop


@pytest.fixture
def loop():
    loop = VirtualTimeLoop()
    yield loop
    loop.shut_down()


@pytest.fixture
def threaded():
    loop = VirtualTimeLoop(threads=True)
    yield loop
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.shut_down()


variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable")


def here():
    return threading.get_ident(), variable.get("unset")


# -- inline --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("to_thread", [asyncio.to_thread, anyio.to_thread.run_sync])
def test_jobs_run_inline_with_their_context_in_no_virtual_time(loop, to_thread):
    async def program():
        variable.set("mine")
        return await to_thread(here), loop.time()

    assert loop.run_until_complete(program()) == ((threading.get_ident(), "mine"), 0)


def test_anyio_starts_no_thread(loop):
    async def program():
        before = threading.active_count()
        for _ in range(3):
            await anyio.to_thread.run_sync(lambda: None)
        async with anyio.create_task_group() as group:
            for _ in range(50):
                group.start_soon(anyio.to_thread.run_sync, here)
        return threading.active_count() - before

    assert loop.run_until_complete(program()) == 0


@pytest.mark.parametrize("to_thread", [asyncio.to_thread, anyio.to_thread.run_sync])
def test_what_a_job_raises_comes_out(loop, to_thread):
    def job():
        raise ZeroDivisionError("no")

    async def program():
        with pytest.raises(ZeroDivisionError, match="no"):
            await to_thread(job)

    loop.run_until_complete(program())


def test_anyios_capacity_limiter_and_cancellation_mean_what_they_mean(loop):
    async def program():
        limiter = anyio.CapacityLimiter(1)
        assert await anyio.to_thread.run_sync(lambda: 7, limiter=limiter) == 7
        with anyio.CancelScope() as scope:
            scope.cancel()
            await anyio.to_thread.run_sync(lambda: 7, abandon_on_cancel=True)
        assert scope.cancelled_caught

    loop.run_until_complete(program())


def test_other_loops_keep_anyios_own_threads(loop):
    async def program():
        return await anyio.to_thread.run_sync(threading.get_ident)

    assert loop.run_until_complete(program()) == threading.get_ident()
    assert asyncio.run(program()) != threading.get_ident()
    assert loop.run_until_complete(program()) == threading.get_ident()


def test_a_job_may_hand_callbacks_to_the_loop(loop):
    async def program():
        queue: asyncio.Queue[int] = asyncio.Queue()
        await asyncio.to_thread(lambda: loop.call_soon_threadsafe(queue.put_nowait, 7))
        return await queue.get()

    assert loop.run_until_complete(program()) == 7


def test_a_job_that_would_wait_for_the_loop_is_refused_by_name(loop):
    async def answer():
        return 7

    def job():
        coroutine = answer()
        try:
            return asyncio.run_coroutine_threadsafe(coroutine, loop).result()
        finally:
            coroutine.close()

    async def program():
        with pytest.raises(RuntimeError, match="threads=True"):
            await asyncio.to_thread(job)
        with pytest.raises(RuntimeError) as caught:
            await anyio.to_thread.run_sync(anyio.from_thread.run, answer)
        assert "threads=True" in caught.value.__notes__[0]

    loop.run_until_complete(program())


# -- real threads --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("to_thread", [asyncio.to_thread, anyio.to_thread.run_sync])
def test_jobs_run_in_threads_by_choice_and_hold_time_still(threaded, to_thread):
    timed_out = []

    def job():
        time.sleep(0.05)
        return here()

    async def program():
        variable.set("mine")
        threaded.call_later(1, timed_out.append, True)
        return await to_thread(job), threaded.time()

    (ident, value), at = threaded.run_until_complete(program())
    assert ident != threading.get_ident()
    assert (value, at, timed_out) == ("mine", 0, [])


def test_a_job_that_waits_for_the_loop_lets_time_move(threaded):
    async def answer():
        await asyncio.sleep(3600)
        return threading.get_ident()

    async def program():
        loop = asyncio.get_running_loop()
        first = await asyncio.to_thread(lambda: asyncio.run_coroutine_threadsafe(answer(), loop).result())
        second = await anyio.to_thread.run_sync(anyio.from_thread.run, answer)
        third = await anyio.to_thread.run_sync(anyio.from_thread.run_sync, threading.get_ident)
        return {first, second, third}, loop.time()

    assert threaded.run_until_complete(program()) == ({threading.get_ident()}, 7200)


def test_anyio_can_cancel_a_job_in_a_thread(threaded):
    def job():
        while True:
            anyio.from_thread.check_cancelled()
            time.sleep(0.001)

    async def program():
        async with anyio.create_task_group() as group:
            group.start_soon(anyio.to_thread.run_sync, job)
            await anyio.lowlevel.checkpoint()
            threaded.call_soon(group.cancel_scope.cancel)

    threaded.run_until_complete(program())


def test_a_run_is_not_idle_while_a_job_runs(threaded):
    done = []

    def job():
        time.sleep(0.02)
        done.append(True)

    threaded.run_in_executor(None, job)
    threaded.run_until_idle()
    assert done == [True]


def test_everyone_waiting_is_a_deadlock_with_threads_too(threaded):
    async def program():
        await asyncio.to_thread(lambda: None)
        await threaded.create_future()

    with pytest.raises(RuntimeError, match="deadlock"):
        threaded.run_until_complete(program())
