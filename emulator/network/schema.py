"""What may stand in a scenario document.

Shapes only; whether names lead somewhere is checked by the scenario, once its topology is there.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from emulator.topology.units import duration, size
from emulator.topology.validation import Strict

Size = Annotated[int, BeforeValidator(size)]
Duration = Annotated[int, BeforeValidator(duration)]
Port = Annotated[int, Field(ge=1, le=65535)]


class CaptureSpec(Strict):
    """Where to capture, and how much of each frame."""

    at: str
    snaplen: Size = 262_144
    comments: Literal["first", "all", "none"] = "first"
    file_format: Literal["pcapng", "pcap"] = "pcapng"


class FaultSpec(Strict):
    """A seeded fault on the links between two components; see :class:`emulator.simulation.links.Fault`."""

    source: str = "*"
    target: str = "*"
    loss: Annotated[float, Field(ge=0, le=1)] = 0.0
    duplicate: Annotated[float, Field(ge=0, le=1)] = 0.0
    reorder: Annotated[float, Field(ge=0, le=1)] = 0.0
    reorder_delay: Duration = 1_000_000
    jitter: Duration = 0


class PushSpec(Strict):
    """An upload shared by several connections."""

    url: str
    size: Size
    connections: Annotated[int, Field(ge=1, le=10_000)] = 1


class DatagramSpec(Strict):
    """One UDP datagram."""

    to: str
    port: Port
    payload: str = "hello"


class SendSpec(Strict):
    """One packet crafted with scapy: for what no program would send."""

    to: str
    ip_version: Literal[4, 6] = 4
    protocol: Literal["tcp", "udp", "icmp"] = "tcp"
    port: Port = 443
    source_port: Port = 40000
    length: Annotated[Size, Field(le=65535)] = 0


class StepSpec(Strict):
    """One thing that one host does. Exactly one of ``get``, ``push``, ``datagram`` and ``send``."""

    what: str
    host: str
    get: str | None = None
    push: PushSpec | None = None
    datagram: DatagramSpec | None = None
    send: SendSpec | None = None
    expect: str | int | None = None


class ScenarioSpec(Strict):
    """The whole document."""

    topology: str
    seed: Annotated[int, Field(ge=0)] = 0
    captures: list[CaptureSpec] = Field(default_factory=list)
    faults: list[FaultSpec] = Field(default_factory=list)
    steps: list[StepSpec] = Field(min_length=1)
