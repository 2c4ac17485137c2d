"""The fixed date at which every run begins.

Time inside the emulator is nanoseconds since the start of the run.  Whoever
has to write a calendar date (a capture's timestamps, an HTTP ``Date``) adds it
to this one, so that a run gives the same bytes on any day (D3).
"""

from __future__ import annotations

from typing import Final

EPOCH_NS: Final = 1_767_225_600_000_000_000
"""2026-01-01T00:00:00Z, in nanoseconds since 1970."""
