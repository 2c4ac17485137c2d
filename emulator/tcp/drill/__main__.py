"""``python -m emulator.tcp.drill``: run test scripts and say what differs."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Final

from emulator.tcp.drill.errors import Difference, ScriptError, Unsupported
from emulator.tcp.drill.runner import run_script
from emulator.tcp.profiles import PROFILES

HOLDS: Final = 0
DIFFERS: Final = 1
REFUSED: Final = 2

EPILOG: Final = """\
A script is a list of events, each at a time (seconds):

    0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3        at 0: a call, and what it returns
   +0 listen(3, 1) = 0                                 +T: so long after the event before
   +0 < S 0:0(0) win 32792 <mss 1000,sackOK>           < the peer sends this segment
   +0 > S. 0:0(0) ack 1 <...>                          > this one is expected; <...> any options
  +.1 < . 1:1(0) ack 1 win 257
    * > . 1:1(0) ack 2                                 * at any time;  1~2 and +0~+.2 in a range
 +0...0.5 read(4, ..., 1000) = -1 EAGAIN (note)        a call that blocks until 0.5
   +0 < icmp unreachable frag_needed mtu 1000 [1:1001(1000)]
   +0 %{ assert tcpi_snd_cwnd == 10 }%                 numbers of tcp_info; nothing else is evaluated
      `sysctl -q net.ipv4.tcp_timestamps=0`            settings; no command is run

Flags are F S R P . (ACK) U E W A, or a digit for ACE; [ect0], [ce], (ttl 64), (tos 0x10) stand before them.
Sequence numbers count from the initial ones, "win" is the field as sent and may be left out, timestamps are
compared if --tcp_ts_tick_usecs is in the head.  The head may also say --profile=, --tolerance_usecs=,
--tolerance_percent=, --mtu=, --mss=, --bind_port=, --connect_port=, --strict_segments, --define=NAME=VALUE.

Exit status, one script: 0 it holds; 1 it differs, and the first difference is printed; 2 it uses something that
does not exist here, or does not parse; the message names it with line and column.
Several scripts: a line each and a count; 1 if any differs, else 2 if any is refused, else 0.
"""


def main(arguments: list[str] | None = None) -> int:
    """Run the scripts that the command line names; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m emulator.tcp.drill",
        description="Run packetdrill-style test scripts against the emulated TCP, in virtual time.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    systems = "the system under test, whatever a script's head says; without it that, or linux"
    parser.add_argument("--profile", choices=sorted(PROFILES), help=systems)
    parser.add_argument("--verbose", "-v", action="store_true", help="print every difference, also of several scripts")
    parser.add_argument("scripts", nargs="+", type=Path, metavar="SCRIPT", help="a file")
    chosen = parser.parse_args(arguments)
    counts = {HOLDS: 0, DIFFERS: 0, REFUSED: 0}
    alone = len(chosen.scripts) == 1
    for script in chosen.scripts:
        status, message = run_file(script, chosen.profile)
        counts[status] += 1
        if alone:
            if message:
                _print(message)
        else:
            word = {HOLDS: "ok", DIFFERS: "FAILED", REFUSED: "refused"}[status]
            text = message if chosen.verbose else message.split("\n")[0]
            _print(f"{word:8}{script}" + (f"  {text.removeprefix(str(script)).lstrip(':')}" if message else ""))
    if not alone:
        _print(f"{counts[HOLDS]} ok, {counts[DIFFERS]} failed, {counts[REFUSED]} refused of {len(chosen.scripts)}")
    return DIFFERS if counts[DIFFERS] else REFUSED if counts[REFUSED] else HOLDS


def run_file(script: Path, profile: str | None = None) -> tuple[int, str]:
    """Run a script; return its status and what there is to say."""
    try:
        text = script.read_text("utf-8", errors="replace")
    except OSError as error:
        return REFUSED, f"{script}: {error.strerror}"
    try:
        run_script(text, str(script), profile)
    except Difference as difference:
        return DIFFERS, str(difference)
    except (ScriptError, Unsupported) as refusal:
        return REFUSED, str(refusal)
    return HOLDS, ""


def _print(text: str) -> None:
    sys.stdout.write(text + "\n")


if __name__ == "__main__":
    sys.exit(main())
