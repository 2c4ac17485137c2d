"""tshark's expert information about a capture, and what may give cause for each kind of it.

One table, :data:`SCENES`, says which kinds a capture of a scene must show and may show besides.  It judges captures of
the emulator (tests/network) and of the Linux kernel (tests/kernel) alike, so that an emulated capture looks as a
kernel's does to whoever opens it.
"""

from __future__ import annotations

import subprocess
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from tests.network.tshark import CHECKS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

OPENING = frozenset({"SYN", "SYN+ACK"})
CLOSING = frozenset({"FIN"})
KINDS = (
    # The order matters: what a message contains decides.
    ("Connection establish request (SYN)", "SYN"),
    ("Connection establish acknowledge (SYN+ACK)", "SYN+ACK"),
    ("Connection finish (FIN)", "FIN"),
    ("This frame initiates the connection closing", "FIN"),
    ("This frame undergoes the connection closing", "FIN"),
    ("Connection reset (RST)", "RST"),
    ("Duplicate ACK", "duplicate ACK"),
    ("Previous segment(s) not captured", "previous segment not captured"),
    ("suspected) out-of-order", "out of order"),
    ("suspected) fast retransmission", "fast retransmission"),
    ("suspected) spurious retransmission", "spurious retransmission"),
    ("suspected) retransmission", "retransmission"),
    ("window specified by the receiver is now completely full", "window full"),
    ("ACK to a TCP Zero Window Probe", "zero-window probe ACK"),
    ("TCP Zero Window Probe", "zero-window probe"),
    ("TCP Zero Window segment", "zero window"),
    ("TCP window update", "window update"),
    ("ACK to a TCP keep-alive segment", "keep-alive ACK"),
    ("TCP keep-alive segment", "keep-alive"),
    ("D-SACK", "D-SACK"),
    ("same ports as an earlier session", "ports used again"),
)
SENT_AGAIN = frozenset({"retransmission", "fast retransmission", "spurious retransmission", "out of order"})


QUIRK = "Checksum 0xffff instead of 0x0000"
"""Linux's incremental checksums now and then end in the other zero, which is as good (RFC 1624)."""


class Scene(NamedTuple):
    """What a capture of something that happened must and may show."""

    must: frozenset[str]
    may: frozenset[str] = frozenset()


SCENES = {
    # A window that is full or grows is the reader's pace, not the network's.
    "bulk": Scene(OPENING | CLOSING, frozenset({"window full", "window update"})),
    "bulk with losses": Scene(
        OPENING | CLOSING | {"duplicate ACK", "fast retransmission"},
        # Taken at the receiver, a lost segment is a gap; taken at the sender, its repetition is what is seen.
        SENT_AGAIN | {"D-SACK", "window full", "window update", "previous segment not captured"},
    ),
    "short connections": Scene(OPENING | CLOSING),
    "a reader who pauses": Scene(
        OPENING | CLOSING | {"zero window", "window full", "window update"},
        # Linux's probe is an empty segment from before the window, which looks like a keep-alive; others send an octet.
        frozenset({"zero-window probe", "zero-window probe ACK", "keep-alive", "keep-alive ACK"}),
    ),
    "silence": Scene(OPENING | CLOSING | {"keep-alive", "keep-alive ACK"}),
    "refused": Scene(frozenset({"SYN", "RST"})),
    "aborted": Scene(OPENING | {"RST"}),
}


class Frame(NamedTuple):
    """A frame of a capture: header fields, and what tshark's experts say."""

    number: int
    source: str
    ident: int
    seq: int
    length: int
    flags: int
    kinds: frozenset[str]


FIELDS = ("frame.number", "ip.src", "ip.id", "tcp.seq_raw", "tcp.len", "tcp.flags", "_ws.expert.message")


def read(path: Path) -> list[Frame]:
    """Return every frame; comments (which count as expert information) are left out."""
    command = [
        "tshark",
        "-r",
        str(path),
        *CHECKS,
        "-d",
        "tcp.port==0-65535,data",
        "-T",
        "fields",
        "-E",
        "occurrence=a",
        "-E",
        "aggregator=|",
    ]
    for field in (*FIELDS, "frame.comment"):
        command += ["-e", field]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    frames = []
    for line in output.splitlines():
        number, source, ident, seq, length, flags, messages, comment = line.split("\t")
        said = [message for message in messages.split("|") if message and message not in comment.split("|")]
        said = [message for message in said if QUIRK not in message]
        kinds = frozenset(kind(message) for message in said)
        frames.append(Frame(int(number), source, int(ident, 0), int(seq), int(length), int(flags, 0), kinds))
    return frames


def kind(message: str) -> str:
    """Return our short name of what an expert said, or the message itself: then it stands in no table."""
    return next((name for part, name in KINDS if part in message), message)


def counts(frames: Iterable[Frame]) -> Counter[str]:
    """Return how many frames are said to be of each kind."""
    return Counter(kind for frame in frames for kind in frame.kinds)


def judge(scene: str, frames: Iterable[Frame], besides: frozenset[str] = frozenset()) -> Counter[str]:
    """Assert that a capture shows what the scene must and nothing else, but for ``besides``; return the counts."""
    found = counts(frames)
    must, may = SCENES[scene]
    may |= besides
    assert must <= set(found), f"{scene}: {sorted(must - set(found))} is missing"
    assert set(found) <= must | may, f"{scene}: no cause for {sorted(set(found) - must - may)}"
    return found
