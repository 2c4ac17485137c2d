"""Mistakes in the walk through middleboxes, internet and NAT gateways, tunnels (sections 1, 2 and 10)."""

from __future__ import annotations

from tests.mutants.mutation import mutation

EDGES = (
    mutation(
        "EDGE-1",
        "private addresses may be sent to",
        "flows",
        "if contains(blocks, packet.src):",
        "if not packet.src:",
    ),
    mutation(
        "ROUTE-19",
        "every instance forwards",
        "flows",
        "if not eni.forwards:",
        "if not eni.interface_id:",
    ),
    mutation(
        "SG-10",
        "every flow is tracked",
        "flows",
        "if not auto and _untracked(eni, packet, outgoing=outgoing):",
        "if auto and _untracked(eni, packet, outgoing=outgoing):",
    ),
    mutation(
        "NACL-8",
        "path MTU messages pass every list",
        "gates/network_acls.py",
        'return False, "*"',
        'return packet.proto == 1, "*"',
    ),
    mutation(
        "NET-6",
        "internet gateways take jumbo frames",
        "model/settings.py",
        "internet_gateway_mtu: int | None = 1500",
        "internet_gateway_mtu: int | None = 9001",
    ),
    mutation(
        "NET-6 NET-8",
        "tunnels take 1500 bytes",
        "model/settings.py",
        "vpn_mtu: int | None = 1446",
        "vpn_mtu: int | None = 1500",
    ),
    mutation(
        "NET-7",
        "nobody is told of what was too long",
        "flows/legs.py",
        "if tell is not None and packet.fragment & DF:",
        "if tell is None and packet.fragment & DF:",
    ),
    mutation(
        "NAT-1",
        "other protocols pass a NAT gateway",
        "flows",
        "if packet.proto not in (IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP):",
        "if packet.proto < 0:",
    ),
    mutation(
        "NAT-2",
        "ports never run out",
        "flows",
        "if state.full(_group(name, address, packet), limit, now):",
        "if state.full(_group(name, address, packet), 1 << 30, now):",
    ),
    mutation(
        "NAT-3",
        "anybody may use a NAT gateway",
        "flows",
        "if not contains(vpc.cidrs, packet.src) and not vpc.transit:",
        "if not packet.src:",
    ),
    mutation(
        "NAT-4",
        "fragments of TCP pass a NAT gateway",
        "flows/leg_nat.py",
        "if packet.fragment & FRAGMENTED:\n        if packet.proto",
        "if packet.fragment & FRAGMENTED and packet.proto == 17:\n        if packet.proto",
    ),
    mutation(
        "NAT-5",
        "a NAT gateway is patient for an hour",
        "model/settings.py",
        "nat_idle_timeout: int = 350 * SECOND",
        "nat_idle_timeout: int = 3600 * SECOND",
    ),
)
