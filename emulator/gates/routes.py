"""Longest-prefix lookup in one route table.

Prefix lists are expanded into their CIDRs before the lookup (ROUTE-4); ties at
one prefix length are settled when the table is built (ROUTE-3, ROUTE-5), so a
lookup is one dictionary per prefix length.

AWS: VPC User Guide, "How route priority works".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from emulator.gates.networks import Network

STATIC, PREFIX_LIST, PROPAGATED = range(3)
"""Ranks of ROUTE-3, best first."""


class RouteEntry:
    """One destination of a table and where it leads.

    Attributes:
        destination: As the table shows it: a CIDR, or a prefix list and the CIDR in it that matched.
        target: ``local`` or a resource id.
        active: False for a blackhole, which wins lookups all the same (ROUTE-14).
        rank: ``STATIC``, ``PREFIX_LIST`` or ``PROPAGATED``.
    """

    __slots__ = ("active", "destination", "network", "rank", "target")

    def __init__(
        self, network: Network, target: str, destination: str, rank: int = STATIC, *, active: bool = True
    ) -> None:
        self.network: Network = network
        self.target: str = target
        self.destination: str = destination
        self.rank: int = rank
        self.active: bool = active

    def __str__(self) -> str:
        """The line as a person would find it in the table."""
        return f"{self.destination} -> {self.target}" + ("" if self.active else " (blackhole)")


class RouteLookup:
    """A route table compiled for lookups."""

    __slots__ = ("by_length", "route_table_id")

    def __init__(self, route_table_id: str, entries: Iterable[RouteEntry]) -> None:
        self.route_table_id: str = route_table_id
        by_mask: dict[int, dict[int, RouteEntry]] = {}
        for entry in sorted(entries, key=lambda entry: (entry.rank, entry.destination)):
            first, mask = entry.network
            by_mask.setdefault(mask, {}).setdefault(first, entry)  # the best-ranked one was here first
        self.by_length: list[tuple[int, dict[int, RouteEntry]]] = sorted(by_mask.items(), reverse=True)

    def best(self, address: int) -> RouteEntry | None:
        """Return the most specific route to ``address``, or None if none matches (ROUTE-7)."""
        for mask, entries in self.by_length:
            entry = entries.get(address & mask)
            if entry is not None:
                return entry
        return None
