"""Mistakes in DNS and the names of endpoints (section 8 and what sections 5 and 6 say of names)."""

from __future__ import annotations

from tests.mutants.mutation import mutation

NAMES = (
    mutation(
        "VPCE-IF-19",
        "two endpoints have the same names",
        "services/names.py",
        'suffix = f"-{endpoint.dns_suffix}" if endpoint.dns_suffix else ""',
        'suffix = ""',
    ),
    mutation(
        "VPCE-IF-20 VPCE-IF-22 DNS-7",
        "the public answer comes first",
        "services/zone.py",
        "self.zone_of(name)\n        if zone is not None:",
        "self.zone_of(name)\n        if zone is not None and all(name not in one for one in self.tables):",
    ),
    mutation(
        "VPCE-IF-20",
        "private DNS reaches other VPCs",
        "services/views.py",
        "if endpoint.vpc_id != vpc.vpc_id or service is None:",
        "if service is None:",
    ),
    mutation(
        "DNS-7",
        "private zones are seen by every VPC",
        "services/views.py",
        "if vpc.vpc_id not in hosted.vpc_ids:",
        "if not hosted.vpc_ids:",
    ),
    mutation(
        "VPCE-IF-21",
        "private DNS needs DNS support only",
        "control/endpoints.py",
        "if not (vpc.enable_dns_support and vpc.enable_dns_hostnames):",
        "if not vpc.enable_dns_support:",
    ),
    mutation(
        "VPCE-IF-21 DNS-2",
        "private zones need DNS support only",
        "services/views.py",
        "attributes = vpc.enable_dns_support and vpc.enable_dns_hostnames",
        "attributes = vpc.enable_dns_support",
    ),
    mutation(
        "VPCE-GW-17",
        "a gateway endpoint has names",
        "services/views.py",
        "if interface and endpoint.state is EndpointState.AVAILABLE:",
        "if endpoint.state is EndpointState.AVAILABLE:",
    ),
    mutation(
        "VPCE-GW-17",
        "names behind a gateway endpoint always need DNS hostnames",
        "services/views.py",
        "if not world.hostnames_for_gateways or vpc.enable_dns_hostnames:",
        "if vpc.enable_dns_hostnames:",
    ),
    mutation(
        "VPCE-10",
        "an endpoint has names in every state",
        "services/views.py",
        "if interface and endpoint.state is EndpointState.AVAILABLE:",
        "if interface:",
    ),
    mutation(
        "DNS-1",
        "the resolver is at VPC+1",
        "flows/tables.py",
        "cidrs[0][0] + 2",
        "cidrs[0][0] + 1",
    ),
    mutation(
        "DNS-2",
        "the resolver answers without DNS support",
        "services/views.py",
        "answers=vpc.enable_dns_support,",
        "answers=True,",
    ),
    mutation(
        "DNS-2",
        "DNS support is off unless asked for",
        "model/resources.py",
        "enable_dns_support: bool = True",
        "enable_dns_support: bool = False",
    ),
    mutation(
        "DNS-3",
        "the resolver takes any number of packets",
        "model/settings.py",
        "link_local_packets_per_second: int | None = 1024",
        "link_local_packets_per_second: int | None = None",
    ),
    mutation(
        "DNS-8",
        "private DNS for inbound resolvers serves the VPC too",
        "services/views.py",
        "only_inbound = endpoint.private_dns_only_for_inbound_resolver_endpoint and not inbound",
        "only_inbound = False",
    ),
)
