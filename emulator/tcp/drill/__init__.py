"""A test language for TCP: segments and socket calls at their times, in packetdrill's syntax.

``python -m emulator.tcp.drill SCRIPT...`` plays the peer and the program of a
script against the sans-IO core and says where the two differ.  A script is
read by :mod:`~emulator.tcp.drill.lexer` and :mod:`~emulator.tcp.drill.parser`
into the records of :mod:`~emulator.tcp.drill.script`; the
:mod:`~emulator.tcp.drill.runner` lets virtual time pass,
:mod:`~emulator.tcp.drill.kernel` is the little operating system between socket
calls and connections, and :mod:`~emulator.tcp.drill.settings` turns a profile
and ``sysctl`` lines into what a host has set.  Nothing in a script is ever
executed: commands and code that mean nothing here are refused by name.

The language is packetdrill's (https://github.com/google/packetdrill, with what
the FreeBSD scripts for https://github.com/nplab/packetdrill need); the core
knows nothing of this room.
"""

from emulator.tcp.drill.errors import Difference as Difference
from emulator.tcp.drill.errors import ScriptError as ScriptError
from emulator.tcp.drill.errors import Unsupported as Unsupported
from emulator.tcp.drill.runner import run_script as run_script

__all__ = ["Difference", "ScriptError", "Unsupported", "run_script"]
