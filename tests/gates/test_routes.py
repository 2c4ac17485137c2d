"""Longest-prefix lookup: ROUTE-3, ROUTE-4, ROUTE-5, ROUTE-7, ROUTE-14."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from netaddr import IPAddress, IPNetwork

from emulator.gates.networks import network
from emulator.gates.routes import PREFIX_LIST, PROPAGATED, STATIC, RouteEntry, RouteLookup


def entry(cidr: str, target: str, rank: int = STATIC, *, shown: str | None = None, active: bool = True) -> RouteEntry:
    return RouteEntry(network(IPNetwork(cidr)), target, shown or cidr, rank, active=active)


def best(entries: list[RouteEntry], address: str) -> str | None:
    found = RouteLookup("rtb", entries).best(int(IPAddress(address)))
    return None if found is None else found.target


@pytest.mark.parametrize(
    ("entries", "address", "target"),
    [
        ([entry("10.0.0.0/16", "local")], "10.0.9.9", "local"),
        pytest.param([entry("10.0.0.0/16", "local")], "10.1.0.1", None, marks=pytest.mark.fact("ROUTE-7")),  # ROUTE-7
        ([entry("0.0.0.0/0", "nat"), entry("10.0.0.0/16", "local")], "10.0.0.1", "local"),
        # VPCE-GW-8: the gateway endpoint beats the default route by prefix length
        pytest.param(
            [entry("0.0.0.0/0", "nat"), entry("54.231.0.0/17", "vpce", PREFIX_LIST)],
            "54.231.1.1",
            "vpce",
            marks=pytest.mark.fact("VPCE-GW-8", "ROUTE-4"),
        ),
        # VPCE-GW-9: a more specific CIDR, and a static route with exactly a listed CIDR, win
        pytest.param(
            [entry("54.231.0.0/24", "igw"), entry("54.231.0.0/17", "vpce", PREFIX_LIST)],
            "54.231.0.1",
            "igw",
            marks=pytest.mark.fact("VPCE-GW-9"),
        ),
        pytest.param(
            [entry("54.231.0.0/17", "vpce", PREFIX_LIST), entry("54.231.0.0/17", "igw")],
            "54.231.0.1",
            "igw",
            marks=pytest.mark.fact("VPCE-GW-9", "ROUTE-3"),
        ),
        # ROUTE-3: static, then prefix list, then propagated
        pytest.param(
            [entry("10.9.0.0/16", "vgw", PROPAGATED), entry("10.9.0.0/16", "pcx", PREFIX_LIST)],
            "10.9.0.1",
            "pcx",
            marks=pytest.mark.fact("ROUTE-3"),
        ),
        # ROUTE-5 (EMU): of two prefix lists, the lowest id
        pytest.param(
            [
                entry("10.9.0.0/16", "b", PREFIX_LIST, shown="pl-2 (10.9.0.0/16)"),
                entry("10.9.0.0/16", "a", PREFIX_LIST, shown="pl-1 (10.9.0.0/16)"),
            ],
            "10.9.0.1",
            "a",
            marks=pytest.mark.fact("ROUTE-5"),
        ),
        # ROUTE-14: a blackhole still wins, there is no fall-through
        pytest.param(
            [entry("0.0.0.0/0", "nat"), entry("10.9.0.0/16", "gone", active=False)],
            "10.9.0.1",
            "gone",
            marks=pytest.mark.fact("ROUTE-14"),
        ),
    ],
)
def test_the_best_route_wins(entries: list[RouteEntry], address: str, target: str | None) -> None:
    assert best(entries, address) == target
    assert best(entries[::-1], address) == target


cidrs = st.builds(
    lambda address, length: str(IPNetwork((address, length)).cidr), st.integers(0, 2**32 - 1), st.integers(0, 32)
)


@pytest.mark.fact("ROUTE-4")
@given(st.lists(cidrs, max_size=30, unique=True), st.data())
def test_lookup_agrees_with_brute_force_by_netaddr(blocks: list[str], data: st.DataObject) -> None:
    inside = [int(IPNetwork(block).first) for block in blocks] + [int(IPNetwork(block).last) for block in blocks]
    address = data.draw(st.integers(0, 2**32 - 1) | (st.sampled_from(inside) if inside else st.nothing()))
    matching = [IPNetwork(block) for block in blocks if IPAddress(address) in IPNetwork(block)]
    expected = str(max(matching, key=lambda block: block.prefixlen)) if matching else None
    assert best([entry(block, block) for block in blocks], str(IPAddress(address))) == expected
