"""The command line: parse, call, print.  No logic of its own.

Exit status: 0 all as expected; 1 the answer is no; 2 the question was wrong.
"""

from emulator.cli.app import main

__all__ = ["main"]
