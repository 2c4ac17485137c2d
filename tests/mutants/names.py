"""Mistakes in DNS and the names of endpoints (section 8 and what sections 5 and 6 say of names)."""

from __future__ import annotations

from tests.mutants.mutation import mutation

NAMES = (
    mutation(
        "VPCE-IF-19",
        "two endpoints have the same names",
        "services/zone.py",
        'suffix = f"-{endpoint.dns_suffix}" if endpoint.dns_suffix else ""',
        'suffix = ""',
    ),
    mutation(
        "VPCE-IF-20 VPCE-IF-22 DNS-7",
        "the public answer comes first",
        "services/zone.py",
        "(private, generated, _interface_records(own, vpc.region), _public(service_of.values()))",
        "(_public(service_of.values()), private, generated, _interface_records(own, vpc.region))",
    ),
    mutation(
        "VPCE-IF-20",
        "private DNS reaches other VPCs",
        "services/zone.py",
        "and endpoint.vpc_id == vpc.vpc_id",
        "and bool(endpoint.vpc_id)",
    ),
    mutation(
        "VPCE-IF-21",
        "private DNS needs DNS support only",
        "control/endpoints.py",
        "if not (vpc.enable_dns_support and vpc.enable_dns_hostnames):",
        "if not vpc.enable_dns_support:",
    ),
    mutation(
        "VPCE-GW-17",
        "a gateway endpoint takes over its service's names",
        "services/zone.py",
        "if endpoint.vpc_endpoint_type is VpcEndpointType.INTERFACE and endpoint.state",
        "if endpoint.state",
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
        "services/resolver.py",
        "if not zone.answers or len(query)",
        "if len(query)",
    ),
    mutation(
        "DNS-2",
        "DNS support is off unless asked for",
        "model/resources.py",
        "enable_dns_support: bool = True",
        "enable_dns_support: bool = False",
    ),
)
