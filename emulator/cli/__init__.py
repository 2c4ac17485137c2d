"""The command line: parse, call, print.  No logic of its own.

Exit status: 0 all as expected; 1 the answer is no; 2 the question was wrong.
"""

from __future__ import annotations

import sys

from emulator.cli.signals import exit_status, listen

__all__ = ["main"]


def main() -> None:
    """Run the command line; the program's exit status says how the answer is."""
    listen()
    try:
        # Importing takes half a second, in which somebody may change their mind.
        from emulator.cli.app import app  # noqa: PLC0415

        app()
    except KeyboardInterrupt as stop:
        sys.exit(exit_status(stop))
