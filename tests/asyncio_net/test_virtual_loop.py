from __future__ import annotations

import asyncio
import gc
import math
import time

import pytest

from emulator.asyncio_net.deadlock import DeadlockError
from emulator.asyncio_net.loop import VirtualTimeLoop
from emulator.simulation.agenda import Event


class Note(Event):
    """An agenda entry that appends to a list."""

    def __init__(self, notes, text):
        self.notes = notes
        self.text = text

    def fire(self, now):
        self.notes.append(self.text)


@pytest.fixture
def loop():
    loop = VirtualTimeLoop()
    yield loop
    loop.shut_down()


@pytest.mark.asyncio
async def test_an_idle_hour_costs_no_real_time():
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualTimeLoop)
    real = time.perf_counter()
    await asyncio.sleep(3600)
    assert loop.time() == 3600.0
    assert loop.now == 3600 * 10**9
    assert time.perf_counter() - real < 1


def test_timers_and_network_events_due_at_one_instant_come_in_the_order_in_which_they_were_set(loop):
    notes = []
    for n in range(50):
        if n % 3:
            loop.call_at(1.0, notes.append, n)
        else:
            loop.agenda.add(10**9, Note(notes, n))
    loop.run_until_idle()
    assert notes == list(range(50))


def test_timers_set_from_different_instants_for_one_instant_keep_their_order(loop):
    notes = []
    loop.call_later(2.0, notes.append, "first")
    loop.call_later(1.0, lambda: loop.call_later(1.0, notes.append, "second"))
    loop.run_until_idle()
    assert notes == ["first", "second"]


def test_what_is_ready_runs_before_time_moves(loop):
    notes = []

    def again(left):
        notes.append(loop.now)
        if left:
            loop.call_soon(again, left - 1)

    loop.agenda.add(0, Note(notes, "due now"))
    loop.call_soon(again, 3)
    loop.run_until_idle()
    assert notes == [0, 0, 0, 0, "due now"]


def test_a_deadline_is_the_nearest_nanosecond_and_later_than_now_if_it_is_later(loop):
    at = []
    loop.call_later(0.1, lambda: at.append(loop.now))
    loop.call_later(1e-12, lambda: at.append(loop.now))
    loop.call_later(0, lambda: at.append(loop.now))
    loop.call_at(-5.0, lambda: at.append(loop.now))
    loop.run_until_idle()
    assert at == [0, 0, 1, 100_000_000]


@pytest.mark.parametrize(("before", "during"), [(700, 50_000), (0, 0), (60_000, 60_000)])
def test_the_garbage_collector_comes_round_seldom_while_the_loop_runs(loop, before, during):
    thresholds = gc.get_threshold()
    try:
        gc.set_threshold(before, 7, 9)
        seen = []
        loop.call_later(1, lambda: seen.append(gc.get_threshold()))
        loop.run_until_idle()
        assert seen == [(during, 7, 9)]
        assert gc.get_threshold() == (before, 7, 9)
    finally:
        gc.set_threshold(*thresholds)


def test_a_cancelled_timer_keeps_no_run_alive_and_moves_no_time(loop):
    loop.call_later(10, lambda: None)
    loop.call_later(100, lambda: None).cancel()
    loop.run_until_idle()
    assert loop.time() == 10
    assert loop.agenda.idle


def test_many_cancelled_timers_are_thrown_out_and_the_others_stay(loop):
    fired = []
    handles = [loop.call_later(n + 1, fired.append, n) for n in range(1000)]
    for n, handle in enumerate(handles):
        if n % 10:
            handle.cancel()
    assert loop.agenda.pending < 250
    loop.run_until_idle()
    assert fired == list(range(0, 1000, 10))
    assert loop.agenda.idle
    loop.close()
    assert (loop.agenda.pending, loop.agenda.background) == (0, 0)


def test_a_timer_at_infinity_never_fires(loop):
    handle = loop.call_later(math.inf, lambda: None)
    assert loop.agenda.idle
    handle.cancel()
    loop.run_until_idle()
    assert loop.now == 0


def test_background_entries_do_not_keep_the_run_alive(loop):
    notes = []
    loop.agenda.add_background(5, Note(notes, "background"))
    loop.agenda.add_background(50, Note(notes, "too late"))
    loop.call_later(10e-9, notes.append, "timer")
    loop.run_until_idle()
    assert notes == ["background", "timer"]


@pytest.mark.asyncio
async def test_an_executor_job_runs_inline_in_no_virtual_time():
    loop = asyncio.get_running_loop()
    assert await loop.run_in_executor(None, lambda: 6 * 7) == 42
    assert await asyncio.to_thread(lambda: asyncio.run(asyncio.sleep(0, "own loop"))) == "own loop"
    with pytest.raises(ZeroDivisionError):
        await loop.run_in_executor(None, lambda: 1 // 0)
    with pytest.raises(RuntimeError, match="StopIteration"):
        await loop.run_in_executor(None, lambda: next(iter(())))
    assert loop.time() == 0
    assert asyncio.get_running_loop() is loop


@pytest.mark.asyncio
async def test_what_needs_an_operating_system_is_refused_by_name():
    loop = asyncio.get_running_loop()
    with pytest.raises(NotImplementedError, match=r"add_reader does not exist .* no file descriptors"):
        loop.add_reader(0, print)
    with pytest.raises(NotImplementedError, match="sock_sendall does not exist"):
        await loop.sock_sendall(None, b"")
    with pytest.raises(NotImplementedError, match="real time"):
        await asyncio.create_subprocess_exec("true")
    with pytest.raises(NotImplementedError, match="IPv4 only"):
        await asyncio.open_unix_connection("/tmp/x")
    with pytest.raises(NotImplementedError, match="KeyboardInterrupt"):
        loop.add_signal_handler(2, print)


@pytest.mark.asyncio
async def test_without_a_host_the_error_names_the_way_to_get_one():
    with pytest.raises(RuntimeError, match=r"create_connection acts for an emulated host.*HostStack\.create_task"):
        await asyncio.open_connection("10.0.0.1", 80)


def test_a_keyboard_interrupt_comes_out_and_the_loop_can_be_closed_after():
    class Interrupt(Event):
        def fire(self, now):
            raise KeyboardInterrupt

    loop = VirtualTimeLoop()
    loop.agenda.add(5, Interrupt())
    main = loop.create_task(asyncio.sleep(10))
    with pytest.raises(KeyboardInterrupt):
        loop.run_until_complete(main)
    assert loop.now == 5
    loop.shut_down()
    assert main.cancelled()


def test_a_signal_in_the_middle_of_a_run_ends_it():
    import signal

    class Forever(Event):
        def fire(self, now):
            loop.agenda.add(now + 1, self)
            if now == 1000:
                signal.raise_signal(signal.SIGINT)

    loop = VirtualTimeLoop()
    loop.agenda.add(1, Forever())
    with pytest.raises(KeyboardInterrupt), asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(asyncio.sleep(3600))
    assert 1000 <= loop.now < 3600 * 10**9


def test_everyone_waiting_is_a_deadlock_that_names_who_waits_and_where(loop):
    async def waiter(lock):
        async with lock:
            pass

    async def main():
        lock = asyncio.Lock()
        await lock.acquire()
        other = asyncio.create_task(waiter(lock), name="the other")
        await asyncio.sleep(2.5)
        await other

    with pytest.raises(DeadlockError) as caught:
        loop.run_until_complete(main())
    message = str(caught.value)
    lines = message.splitlines()
    assert lines[0] == "deadlock at 2.500000000 s: nothing is due any more, and these tasks wait:"
    assert len(lines) == 3
    assert "main) on no host waits at " in lines[1]
    assert "the other" in lines[2]
    assert "waiter) on no host waits at " in lines[2]
    assert f"{__file__}:" in lines[2]
    assert "Lock.acquire" in lines[2]


def test_a_deadlock_without_tasks_says_so(loop):
    with pytest.raises(DeadlockError, match="no task is left"):
        loop.run_forever()


def test_after_a_deadlock_the_loop_runs_on_and_closes_cleanly(loop):
    ended = []

    async def waiter():
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(loop.now)

    task = loop.create_task(waiter())
    with pytest.raises(DeadlockError):
        loop.run_until_complete(task)
    assert loop.run_until_complete(asyncio.sleep(1, "alive")) == "alive"
    loop.shut_down()
    assert ended == [10**9]


def test_tasks_are_cancelled_in_the_order_of_their_creation(loop):
    ended = []

    async def waiter(n):
        try:
            await asyncio.sleep(100)
        finally:
            ended.append(n)

    loop.run_until_complete(asyncio.sleep(0))
    tasks = [loop.create_task(waiter(n)) for n in range(50)]
    loop.run_until_complete(asyncio.sleep(1))
    loop.cancel_all_tasks()
    assert ended == list(range(50))
    assert all(task.cancelled() for task in tasks)


def test_stop_from_a_network_event_stops(loop):
    class Stop(Event):
        def fire(self, now):
            loop.stop()

    loop.agenda.add(5, Stop())
    loop.agenda.add(50, Stop())
    loop.run_forever()
    assert loop.now == 5


def test_debug_mode_warns_of_no_slow_callback(loop, caplog):
    loop.set_debug(True)
    loop.slow_callback_duration = 0.0001
    loop.call_later(3600, lambda: None)
    loop.run_until_complete(asyncio.sleep(3600))
    loop.run_until_idle()
    assert "took" not in caplog.text


def test_timeouts_work_in_virtual_time(loop):
    async def main():
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(30):
                await asyncio.Event().wait()
        return loop.time()

    assert loop.run_until_complete(main()) == 30.0
