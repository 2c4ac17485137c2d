"""Reachability Analyzer's explanation codes, and the emulator's own, with what each stands for in a few words.

AWS: Reachability Analyzer, "Explanation codes".  A code is modelled if the
emulator gives it and a test has seen it; the others are named in
:mod:`tests.conformance.register`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.conformance.collect import ROOT

if TYPE_CHECKING:
    from pathlib import Path

CODES: dict[str, str] = {
    "BAD_STATE": "what it passes does not work",
    "BAD_STATE_ATTACHMENT": "an attachment does not work",
    "BAD_STATE_ROUTE": "a blackhole",
    "BAD_STATE_VPN": "the VPN is down",
    "CANNOT_ROUTE": "a route that does not cover the packet",
    "ELB_ACL_RESTRICTION": "Classic Load Balancer: network ACL inside its subnet",
    "ELB_INSTALLED_AZ_RESTRICTION": "target in a zone that is not enabled",
    "ELB_LISTENER_PORT_RESTRICTION": "Classic Load Balancer: another port",
    "ELB_LISTENERS_MISMATCH": "Classic Load Balancer: no listener",
    "ELB_NOT_CROSSZONE": "target in another zone, cross-zone off",
    "ELBV2_LISTENER_HAS_NO_TG": "a listener without targets",
    "ELBV2_LISTENER_PORT_RESTRICTION": "a listener of another port",
    "ELBV2_LISTENER_REQUIRES_TG_ACCEPT": "no group of the listener accepts",
    "ELBV2_LISTENERS_MISMATCH": "no listener fits",
    "ELBV2_NO_TARGETS_IN_AZ": "no target in the zone",
    "ELBV2_SOURCE_ADDRESS_PRESERVATION": "the source is kept",
    "ENI_ADDRESS_RESTRICTION": "neither address is the interface's",
    "ENI_SG_RULES_MISMATCH": "no rule of the groups applies",
    "ENI_SOURCE_DEST_CHECK_RESTRICTION": "source/destination check",
    "FIREWALL_RULES_RESTRICTION": "a rule of a Network Firewall",
    "GATEWAY_REJECTS_SPOOFED_TRAFFIC": "a source that cannot be",
    "GWLB_DESTINATION_PORT_RESTRICTION": "Gateway Load Balancer: another port",
    "GWLB_PROTOCOL_RESTRICTION": "Gateway Load Balancer: another protocol",
    "HIGHER_PRIORITY_ROUTE": "a better-ranked route of one CIDR",
    "IGW_DESTINATION_ADDRESS_IN_VPC_CIDRS": "from the internet to outside the VPC",
    "IGW_DESTINATION_ADDRESS_NOT_IN_RFC1918_EGRESS": "to private addresses",
    "IGW_DESTINATION_ADDRESS_NOT_IN_RFC6598_EGRESS": "to shared addresses",
    "IGW_NAT_REFLECTION": "an internet gateway in the middle of a path",
    "IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS": "to nobody's public address",
    "IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS": "from nobody's public address",
    "IGW_SOURCE_ADDRESS_NOT_IN_RFC1918_INGRESS": "from private addresses",
    "IGW_SOURCE_ADDRESS_NOT_IN_RFC6598_INGRESS": "from shared addresses",
    "INGRESS_RTB_NO_PUBLIC_IP": "a middlebox at the edge without public address",
    "INGRESS_RTB_TRAFFIC_REDIRECTION": "a redirected subnet that goes out directly",
    "MORE_SPECIFIC_ROUTE": "a longer prefix wins",
    "NGW_DEST_ADDRESS_PRESERVATION": "NAT keeps destinations",
    "NGW_SOURCE_ADDRESS_REASSIGN": "NAT replaces sources",
    "NGW_REQUIRES_SOURCE_IN_VPC": "a source outside the NAT gateway's VPC",
    "NO_POSSIBLE_DESTINATION": "nobody there",
    "NO_ROUTE_TO_DESTINATION": "no route",
    "PCX_REQUIRES_ADDRESS_IN_VPC_CIDR": "peering leads no further than the peer",
    "PROTOCOL_RESTRICTION": "another protocol",
    "REGIONAL_NGW_ROUTE_AZ_RESTRICTION": "a regional NAT gateway without the zone",
    "REMAP_EPHEMERAL_PORT": "the source port is replaced",
    "SG_HAS_NO_RULES": "groups without rules in that direction",
    "SG_REFERENCES_NOT_PRESERVED": "group identity is lost on the way",
    "SG_REFERENCING_SUPPORT": "transit gateway without group references",
    "SUBNET_ACL_RESTRICTION": "a network ACL",
    "TARGET_ADDRESS_RESTRICTION": "not a target's address",
    "TARGET_PORT_RESTRICTION": "not a registered port",
    "TGW_ATTACH_MISSING_TGW_RTB_ASSOCIATION": "an attachment without table",
    "TGW_ATTACH_VPC_AZ_RESTRICTION": "another zone's attachment interface",
    "TGW_BAD_STATE_VPN": "VPN behind a transit gateway down",
    "TGW_ROUTE_AZ_RESTRICTION": "no attachment subnet in the zone",
    "TGW_RTB_BAD_STATE_ROUTE": "a blackhole of a transit gateway",
    "TGW_RTB_CANNOT_ROUTE": "a transit gateway route that does not cover the packet",
    "TGW_RTB_HIGHER_PRIORITY_ROUTE": "a better-ranked transit gateway route",
    "TGW_RTB_MORE_SPECIFIC_ROUTE": "a longer transit gateway route",
    "TGW_RTB_NO_ROUTE_TO_TGW_ATTACHMENT": "no transit gateway route",
    "TGW_RTB_ROUTES_ARE_UNKNOWN": "a transit gateway table nobody can read",
    "UNKNOWN_DESTINATION": "too little is known",
    "UNKNOWN_PEERED_SGS": "a peer's groups are unknown",
    "UNKNOWN_RESOURCE": "cannot be described",
    "VGW_PRIVATE_IP_ASSOCIATION_FOR_EGRESS": "source is no interface of the VPC",
    "VGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS": "destination is no interface of the VPC",
    "VPC_BLOCK_PUBLIC_ACCESS_ENABLED": "public access is blocked",
    "VPC_LOCAL_ROUTE_CIDR_RESTRICTION": "local, and outside the VPC",
    "VPCE_GATEWAY_EGRESS_SOURCE_ADDRESS_RESTRICTION": "a source outside the prefix list",
    "VPCE_GATEWAY_PROTOCOL_RESTRICTION": "neither TCP nor echo",
    "VPCE_INTRA_VPC_TRAFFIC": "an endpoint does not open connections",
    "VPCE_SERVICE_NOT_INSTALLED_IN_AZ": "the service is not in the zone",
    "UNSUPPORTED_COMPONENT": "a kind that is not handled (REACH-1)",
    "NODATA": "DNS: a name without an address (RFC 2308)",
    "NXDOMAIN": "DNS: no such name (RFC 1035)",
    "SERVFAIL": "DNS: no answer (RFC 1035)",
    "EMU_CONNTRACK_FULL": "no room to track one more",
    "EMU_DNS_OFF": "the resolver is switched off",
    "EMU_FAULT": "an injected fault",
    "EMU_IDLE_TIMEOUT": "silent for too long",
    "EMU_IPV4_ONLY": "IPv6 where it is not carried",
    "EMU_LINK_LOCAL": "nobody at a link-local address",
    "EMU_OVER_MTU": "too long",
    "EMU_POLICED": "above a policed rate",
    "EMU_PORTS_EXHAUSTED": "no port left to translate to",
    "EMU_PPS": "too many packets a second",
    "EMU_QUEUE_FULL": "no room to wait",
}


def given(root: Path = ROOT) -> set[str]:
    """Return the codes that the emulator gives somewhere."""
    modules = [path for path in (root / "emulator").rglob("*.py") if path.name != "reasons.py"]
    return _named(modules, r"Reason\.([A-Z][A-Z0-9_]+)")


def seen(root: Path = ROOT) -> set[str]:
    """Return the codes that some test names, as a member of ``Reason`` (of dnspython for DNS), or as text."""
    folder = root / "tests" / "conformance"
    tests = [path for path in (root / "tests").rglob("test_*.py") if folder not in path.parents]
    return _named(tests, r"(?:Reason\.|rcode\.|\")([A-Z][A-Z0-9_]+)")


def _named(paths: list[Path], pattern: str) -> set[str]:
    return {name for path in paths for name in re.findall(pattern, path.read_text("utf-8"))}
