"""Say how many branches of ``emulator/tcp`` its tests take, and fail below 95 %.

    python -m tests.tcp.coverage_gate coverage.json

Branches only: coverage.py's own limit counts them together with lines, which hides the ones that are missing.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

LEAST = 95.0


def main(report: str) -> int:
    """Print the share of branches in a report of ``coverage json``; return 1 if it is too small."""
    totals = json.loads(Path(report).read_text())["totals"]
    taken, there = totals["covered_branches"], totals["num_branches"]
    share = 100 * taken / there
    print(f"branches of emulator/tcp: {taken} of {there} taken, {share:.2f} % (more than {LEAST:.0f} % wanted)")  # noqa: T201
    return int(share <= LEAST)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
