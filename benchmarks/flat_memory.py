"""A long transfer in flat memory: 10 GB of virtual data through the interface endpoint, one flow, jumbo frames.

Prints virtual seconds, CPU seconds and peak memory after each gigabyte on a terminal, else after the first and the
last.  Exit status 1 unless the last peak is within 10 % (or 10 MB) of the first: nothing may be kept per packet.

    python benchmarks/flat_memory.py [--gigabytes 10]
"""

from __future__ import annotations

import argparse
import resource
import sys
import time

from harness import INTERFACE, Transfer

GIGABYTE = 1_000_000_000
MSS = 8460
SLACK = 10_000_000
ROW = "{:>4} {:>12} {:>8} {:>12}"


def peak() -> int:
    """Return the most bytes of memory this process ever held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gigabytes", type=int, default=10, help="how much to transfer, at least 2")
    last = max(2, parser.parse_args().gigabytes)
    transfer = Transfer(INTERFACE, MSS, 1, last * GIGABYTE)
    network, tally = transfer.network, transfer.tally
    started, started_at = time.process_time(), network.now
    print(ROW.format("GB", "virtual s", "CPU s", "peak MB"))
    first = 0
    for gigabytes in range(1, last + 1):
        tally.expect(gigabytes * GIGABYTE)
        if gigabytes == 1:
            transfer.push()
        transfer.wait()
        first = first or peak()
        if gigabytes in (1, last) or sys.stdout.isatty():
            virtual, spent = (network.now - started_at) / 1e9, time.process_time() - started
            print(ROW.format(gigabytes, f"{virtual:.3f}", f"{spent:.1f}", f"{peak() / 1e6:.1f}"), flush=True)
    grown = peak() - first
    network.abandon()
    flat = grown <= max(first // 10, SLACK)
    print(f"memory {'is flat' if flat else 'GROWS'}: {grown / 1e6:+.1f} MB from 1 to {last} GB")
    return 0 if flat else 1


if __name__ == "__main__":
    sys.exit(main())
