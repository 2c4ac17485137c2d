"""How a run is ended from outside: Ctrl-C and SIGTERM alike, with the exit statuses shells expect.

A signal that comes while the emulated world runs is raised between two
callbacks of its loop, not in the middle of whatever program had the processor:
an exception group of anyio's, say, would carry it off.  A second one is raised
on the spot, for a program that never lets go.
"""

from __future__ import annotations

import asyncio
import signal


class Terminated(KeyboardInterrupt):
    """SIGTERM: ends a run as Ctrl-C does."""


class _Interruption:
    """The handler of both signals."""

    def __init__(self) -> None:
        self.asked = False

    def __call__(self, number: int, frame: object) -> None:  # noqa: ARG002 - a signal handler's call
        error = Terminated() if number == signal.SIGTERM else KeyboardInterrupt()
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            raise error from None
        if self.asked:
            raise error
        self.asked = True
        loop.call_soon(_raise, error)


def _raise(error: KeyboardInterrupt) -> None:
    raise error


def listen() -> None:
    """Let both signals be exceptions, so that captures are closed on the way out."""
    handler = _Interruption()
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup, or a shell's background job
            signal.signal(number, handler)


def exit_status(stop: KeyboardInterrupt) -> int:
    """Return 128 and the number of the signal."""
    return 128 + (signal.SIGTERM if isinstance(stop, Terminated) else signal.SIGINT)
