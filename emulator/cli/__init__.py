"""The command line: parse, call, print.  No logic of its own.

Exit status: 0 all as expected; 1 the answer is no; 2 the question was wrong.
"""

from __future__ import annotations

import signal
import sys

__all__ = ["main"]


class Terminated(KeyboardInterrupt):
    """SIGTERM: ends a run as Ctrl-C does."""


def _terminate(number: int, frame: object) -> None:  # noqa: ARG001 - a signal handler's call
    raise Terminated


def main() -> None:
    """Run the command line; the program's exit status says how the answer is."""
    signal.signal(signal.SIGTERM, _terminate)
    try:
        # Importing takes half a second, in which somebody may change their mind.
        from emulator.cli.app import app  # noqa: PLC0415

        app()
    except KeyboardInterrupt as stop:
        sys.exit(128 + (signal.SIGTERM if isinstance(stop, Terminated) else signal.SIGINT))
