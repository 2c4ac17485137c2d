"""Quotas, knobs and the emulator's own figures (D6, section 15 of the facts).

Two profiles: ``seed``, the default, is what the text given with the project
says; ``current`` is AWS as it is today where the two differ.  IPv6 stays
refused by name in both.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

MILLISECOND: Final = 1_000_000
SECOND: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Settings:
    """What may be set for a network; durations are nanoseconds, sizes bytes, rates bit/s.

    Attributes:
        ip_versions: Versions the network carries (VPCE-5).
        interface_endpoint_protocols: IANA numbers that interface endpoints accept (VPCE-IF-7).
        interface_endpoint_bandwidth: Per endpoint interface and direction, if the endpoint has none of its own
            (VPCE-IF-11).
        nat_gateway_bandwidth: Per NAT gateway (NAT-1); None: no limit. EMU: it does not scale by itself.
        single_flow_bandwidth: Per 5-tuple and direction, at the sending interface (NET-1); None: no limit.
        vpn_bandwidth: Per VPN connection and direction (NET-8); None: no limit.
        interface_endpoint_mtu: (VPCE-IF-12); also clamps the MSS to 40 less (VPCE-IF-14). None: no limit.
        gateway_endpoint_mtu: (VPCE-12). None: no limit.
        endpoint_idle_timeout: (VPCE-IF-15).
        endpoint_idle_reset: Whether an endpoint answers late packets with a reset (VPCE-IF-15).
        cross_region_endpoints: Whether a service of another Region may be named (VPCE-6).
        gateway_endpoint_dns_hostnames: Whether names behind a gateway endpoint need DNS hostnames too (VPCE-GW-17).
        tcp_established_timeout, udp_timeout, udp_stream_timeout: Of tracked flows (SG-14).
        max_tracked_connections: Per instance (SG-16); None: no limit.
        nat_gateway_mtu, transit_gateway_mtu, inter_region_peering_mtu, internet_gateway_mtu, vpn_mtu: (NET-6, NET-8).
        nat_idle_timeout: (NAT-5).
        nat_connections_per_destination: Per address of a NAT gateway (NAT-2).
        load_balancer_tcp_idle_timeout, load_balancer_udp_idle_timeout: (SG-15, SVC-11).
        load_balancer_connections_per_target: Per node address, target address and port (SVC-9).
        link_local_packets_per_second: Per interface (DNS-3); None: no limit.
        intra_az_delay, inter_az_delay: One way between two interfaces; EMU figures, as all delays.
        peering_delay, inter_region_delay, transit_gateway_delay: What such a crossing adds.
        internet_delay, vpn_delay, direct_connect_delay: One way between a gateway and what is beyond it.
        routes_per_table: Static routes (ROUTE-16); propagated_routes_per_table likewise.
        entries_per_acl: Per direction, ``*`` included (NACL-6).
        rules_per_group: Per direction (SG-6).
        groups_per_interface, rules_per_interface: The latter is the product of the two (SG-6).
        route_tables_per_vpc, network_acls_per_vpc, security_groups_per_region: (ROUTE-1, NACL-6, SG-6).
        interface_endpoints_per_vpc, gateway_endpoints_per_region: (VPCE-11).
    """

    ip_versions: tuple[int, ...] = (4,)
    interface_endpoint_protocols: tuple[int, ...] = (6,)
    interface_endpoint_bandwidth: int = 10_000_000_000
    nat_gateway_bandwidth: int | None = 100_000_000_000
    single_flow_bandwidth: int | None = None
    vpn_bandwidth: int | None = 1_250_000_000
    interface_endpoint_mtu: int | None = 8500
    gateway_endpoint_mtu: int | None = 8500
    endpoint_idle_timeout: int = 350 * SECOND
    endpoint_idle_reset: bool = False
    cross_region_endpoints: bool = False
    gateway_endpoint_dns_hostnames: bool = False
    tcp_established_timeout: int = 432_000 * SECOND
    udp_timeout: int = 30 * SECOND
    udp_stream_timeout: int = 180 * SECOND
    max_tracked_connections: int | None = None
    nat_gateway_mtu: int | None = 8500
    transit_gateway_mtu: int | None = 8500
    inter_region_peering_mtu: int | None = 8500
    internet_gateway_mtu: int | None = 1500
    vpn_mtu: int | None = 1446
    nat_idle_timeout: int = 350 * SECOND
    nat_connections_per_destination: int = 55_000
    load_balancer_tcp_idle_timeout: int = 350 * SECOND
    load_balancer_udp_idle_timeout: int = 120 * SECOND
    load_balancer_connections_per_target: int = 55_000
    link_local_packets_per_second: int | None = 1024
    intra_az_delay: int = 50_000
    inter_az_delay: int = 250_000
    peering_delay: int = 0
    inter_region_delay: int = 30 * MILLISECOND
    transit_gateway_delay: int = 100_000
    internet_delay: int = 10 * MILLISECOND
    vpn_delay: int = 15 * MILLISECOND
    direct_connect_delay: int = 5 * MILLISECOND
    routes_per_table: int = 500
    propagated_routes_per_table: int = 100
    entries_per_acl: int = 20
    rules_per_group: int = 60
    groups_per_interface: int = 5
    rules_per_interface: int = 1000
    route_tables_per_vpc: int = 200
    network_acls_per_vpc: int = 200
    security_groups_per_region: int = 2500
    interface_endpoints_per_vpc: int = 50
    gateway_endpoints_per_region: int = 20


SEED: Final = Settings()
CURRENT: Final = replace(
    SEED,
    interface_endpoint_protocols=(6, 17),
    interface_endpoint_bandwidth=100_000_000_000,
    endpoint_idle_reset=True,
    cross_region_endpoints=True,
    gateway_endpoint_dns_hostnames=True,
    gateway_endpoint_mtu=None,
)

PROFILES: Final = {"seed": SEED, "current": CURRENT}
"""Named sets of knobs (section 15): the document's key ``settings.profile``."""
