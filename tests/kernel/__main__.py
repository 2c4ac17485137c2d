"""Let the kernel judge many packets: ``python -m tests.kernel --packets 200000`` (``make kernel``)."""

from __future__ import annotations

import argparse
import sys
import time
from random import Random

from tests.kernel import route_lookups
from tests.kernel.comparison import Outcome, compare
from tests.kernel.namespaces import why_not


def main() -> int:
    """Return 0 if there was no difference, or if the kernel could not be asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--packets", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=1_000, help="of the first world")
    options = parser.parse_args()
    reason = why_not()
    if reason is not None:
        print(f"skipped: not judged by the kernel: {reason}")
        return 0
    outcome, started, seed = Outcome(), time.monotonic(), options.seed
    while outcome.packets < options.packets and len(outcome.differences) < 20:
        compare(seed, outcome)
        seed += 1
    print(f"{seed - options.seed} worlds from seed {options.seed}, {time.monotonic() - started:.0f} s: {outcome}")
    looked_up, started = route_lookups.Outcome(), time.monotonic()
    for number in range(max(1, options.packets // route_lookups.ADDRESSES)):
        route_lookups.compare(Random(options.seed + number), looked_up)
    print(f"{number + 1} route tables, {time.monotonic() - started:.0f} s: {looked_up}")
    differences = [*outcome.differences, *looked_up.differences]
    print(*differences, sep="\n", end="\n" if differences else "")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
