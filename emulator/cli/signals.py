"""How a run is ended from outside: Ctrl-C and SIGTERM alike, with the exit statuses shells expect."""

from __future__ import annotations

import signal


class Terminated(KeyboardInterrupt):
    """SIGTERM: ends a run as Ctrl-C does."""


def listen() -> None:
    """Let SIGTERM be an exception, so that captures are closed on the way out."""
    signal.signal(signal.SIGTERM, _terminate)


def exit_status(stop: KeyboardInterrupt) -> int:
    """Return 128 and the number of the signal."""
    return 128 + (signal.SIGTERM if isinstance(stop, Terminated) else signal.SIGINT)


def _terminate(number: int, frame: object) -> None:  # noqa: ARG001 - a signal handler's call
    raise Terminated
