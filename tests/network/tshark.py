"""tshark as a judge of captures: one row per frame, with what it thinks of it."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

FIELDS = (
    "frame.number",
    "frame.time_relative",
    "frame.comment",
    "frame.protocols",
    "ip.checksum.status",
    "tcp.checksum.status",
    "udp.checksum.status",
    "tcp.stream",
    "tcp.srcport",
    "tcp.flags",
    "tcp.seq",
    "tcp.len",
    "tcp.analysis.retransmission",
    "tcp.analysis.out_of_order",
    "tcp.analysis.lost_segment",
    "tcp.analysis.ack_lost_segment",
    "_ws.malformed",
)
SUSPICIONS = FIELDS[12:16]
CHECKS = [f"-o{layer}.check_checksum:TRUE" for layer in ("ip", "tcp", "udp")]

needed = pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed (Debian package tshark)")


def frames(path: Path) -> list[dict[str, str]]:
    """Return every frame of a capture as tshark reads it."""
    command = ["tshark", "-r", str(path), *CHECKS, "-T", "fields", "-E", "occurrence=f"]
    for field in FIELDS:
        command += ["-e", field]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [dict(zip(FIELDS, line.split("\t"), strict=True)) for line in output.splitlines()]
