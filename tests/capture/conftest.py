"""Taps to write through, and the readers that judge what they wrote."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from emulator.capture import LinkLayer, Tap

if TYPE_CHECKING:
    from pathlib import Path

WEB, SUBNET = 0x0A000105, 0x0A000100  # 10.0.1.5 in 10.0.1.0/24


class MakeTap(Protocol):
    def __call__(self, name: str = "web", **choices: Any) -> Tap: ...


@pytest.fixture
def make_tap(tmp_path: Path) -> MakeTap:
    def make(name: str = "web", **choices: Any) -> Tap:
        suffix = choices.get("file_format", "pcapng")
        return Tap(tmp_path / f"{name}.{suffix}", name, LinkLayer(WEB, SUBNET, 24), **choices)

    return make


class Tshark(Protocol):
    def __call__(self, path: Path, *fields: str, only: str = "") -> list[list[str]]: ...


@pytest.fixture
def tshark() -> Tshark:
    """Wireshark's view of a file: one row of fields per packet."""

    def run(path: Path, *fields: str, only: str = "") -> list[list[str]]:
        command = ["tshark", "-n", "-r", str(path), "-T", "fields"]
        for protocol in ("ip", "tcp", "udp"):
            command += ["-o", f"{protocol}.check_checksum:TRUE"]
        if only:
            command += ["-Y", only]
        for field in fields:
            command += ["-e", field]
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        return [line.split("\t") for line in output.splitlines()]

    return run


BAD = "_ws.malformed or ip.checksum.status == 0 or tcp.checksum.status == 0 or udp.checksum.status == 0"


@pytest.fixture
def bad_packets() -> str:
    """A display filter for what no capture of ours may contain."""
    return BAD
