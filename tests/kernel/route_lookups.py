"""Random route tables in the kernel and in RouteLookup, asked for the same addresses.

A rank of ROUTE-3 is a metric: of two routes with one prefix Linux, too, takes
the better one.  Of a blackhole ``ip route get`` says only that it won (EINVAL),
of no route that the network is unreachable; of any other route it tells the
prefix and the device.

Linux: ip-route(8).
"""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from netaddr import IPNetwork

from emulator.gates.networks import dotted, network
from emulator.gates.routes import PREFIX_LIST, PROPAGATED, STATIC, RouteEntry, RouteLookup
from tests.kernel.namespaces import Namespace

if TYPE_CHECKING:
    from random import Random

ROUTES = 400
ADDRESSES = 1_000
DEVICES = 4
LOST, BLACKHOLE = "no route", "blackhole"
_ERRORS = {"Network is unreachable": LOST, "Invalid argument": BLACKHOLE}
_FAILED = re.compile(r"RTNETLINK answers: (.*)\nCommand failed -:([0-9]+)\n")


@dataclass
class Outcome:
    """How many addresses were compared, how they came out, and every difference."""

    forwarded: int = 0
    blackholes: int = 0
    lost: int = 0
    differences: list[str] = field(default_factory=list)

    @property
    def addresses(self) -> int:
        """How many were looked up."""
        return self.forwarded + self.blackholes + self.lost

    def __str__(self) -> str:
        """One line for people."""
        return (
            f"{self.addresses} addresses ({self.forwarded} forwarded, {self.blackholes} into blackholes, "
            f"{self.lost} without a route), {len(self.differences)} differences"
        )


def table(draw: Random) -> list[RouteEntry]:
    """Return random routes: nested prefixes of every length, several of one prefix, blackholes."""
    entries: dict[tuple[str, int], RouteEntry] = {}
    blocks: list[IPNetwork] = []
    for _ in range(ROUTES):
        if blocks and draw.random() < 0.7:  # inside one that is there, or beside it, or the same with another rank
            near = draw.choice(blocks)
            length = min(32, near.prefixlen + draw.choice((0, 0, 1, 2, 4, 8)))
            first = int(near.first) + draw.randrange(-1, 2) * draw.getrandbits(max(1, 32 - near.prefixlen))
        else:
            length, first = draw.randrange(3, 33), draw.getrandbits(32)
        first = min(max(first, 1 << 24), (224 << 24) - 1)
        block = IPNetwork((first, length)).cidr
        if draw.random() < 0.003:
            block = IPNetwork("0.0.0.0/0")
        rank = draw.choice((STATIC, STATIC, STATIC, PREFIX_LIST, PROPAGATED))
        blocks.append(block)
        target, active = f"t{draw.randrange(DEVICES)}", draw.random() < 0.8
        entries[str(block), rank] = RouteEntry(network(block), target, str(block), rank, active=active)
    return list(entries.values())


def addresses(draw: Random, entries: list[RouteEntry]) -> list[int]:
    """Return addresses, most of them at the edges of a route; none that Linux never routes (multicast, loopback)."""
    found: list[int] = []
    while len(found) < ADDRESSES:
        first, mask = draw.choice(entries).network
        last = first | ~mask & 0xFFFFFFFF
        address = draw.choice((first, last, first - 1, last + 1, draw.randint(first, last), draw.getrandbits(32)))
        if 1 <= address >> 24 < 224 and address >> 24 != 127:
            found.append(address)
    return found


def load(entries: list[RouteEntry]) -> Namespace:
    """Return a namespace with the routes in its main table."""
    space = Namespace()
    lines = ["link set lo up"]
    for index in range(DEVICES):
        lines += [f"link add t{index} type veth peer name p{index}", f"link set t{index} up", f"link set p{index} up"]
    for entry in entries:
        metric = entry.rank + 1
        if entry.active:
            lines.append(f"route add {entry.destination} dev {entry.target} metric {metric}")
        else:
            lines.append(f"route add blackhole {entry.destination} metric {metric}")
    space.ip(*lines)
    return space


def ask(space: Namespace, wanted: list[int]) -> list[str]:
    """Return what the kernel says of each address: ``<prefix> dev <device>``, ``blackhole`` or ``no route``."""
    text = "".join(f"route get fibmatch {dotted(address)}\n" for address in wanted)
    with space.entered():
        command = ("ip", "-force", "-batch", "-")
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    failed = {int(line): _ERRORS[error] for error, line in _FAILED.findall(done.stderr)}
    lines = iter(done.stdout.splitlines())
    answers = [failed.get(number) or next(lines) for number in range(1, len(wanted) + 1)]
    assert next(lines, None) is None
    return answers


def compare(draw: Random, outcome: Outcome) -> None:
    """Compare one random table."""
    entries = table(draw)
    lookup, wanted = RouteLookup("rtb", entries), addresses(draw, entries)
    space = load(entries)
    try:
        answers = ask(space, wanted)
    finally:
        space.close()
    for address, answer in zip(wanted, answers, strict=True):
        entry = lookup.best(address)
        if entry is None:
            mine = LOST
            outcome.lost += 1
        elif not entry.active:
            mine = BLACKHOLE
            outcome.blackholes += 1
        else:
            shown = entry.destination.removesuffix("/32").replace("0.0.0.0/0", "default")
            mine = f"{shown} dev {entry.target}"
            outcome.forwarded += 1
        if mine != answer and not answer.startswith(f"{mine} "):
            outcome.differences.append(f"{dotted(address)}: the kernel says {answer}, the emulator {mine}")
