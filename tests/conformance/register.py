"""Facts and codes that no test proves, and why; and the settings that facts have as knobs.

Nothing is left out in silence: what is due and has no test stands in
``NOT_MODELLED`` with a sentence, or, while it is being built, in ``PENDING``,
which is empty when the work is done.
"""

from __future__ import annotations

KNOBS: dict[str, tuple[str, ...]] = {
    "ROUTE-16": ("routes_per_table", "propagated_routes_per_table"),
    "SG-6": ("rules_per_group", "groups_per_interface", "rules_per_interface", "security_groups_per_region"),
    "SG-14": ("tcp_established_timeout", "udp_timeout", "udp_stream_timeout"),
    "SG-15": ("load_balancer_tcp_idle_timeout", "load_balancer_udp_idle_timeout"),
    "SG-16": ("max_tracked_connections",),
    "NACL-6": ("entries_per_acl", "network_acls_per_vpc"),
    "VPCE-5": ("ip_versions",),
    "VPCE-6": ("cross_region_endpoints",),
    "VPCE-11": ("interface_endpoints_per_vpc", "gateway_endpoints_per_region"),
    "VPCE-12": ("gateway_endpoint_mtu",),
    "VPCE-IF-7": ("interface_endpoint_protocols",),
    "VPCE-IF-11": ("interface_endpoint_bandwidth",),
    "VPCE-IF-12": ("interface_endpoint_mtu",),
    "VPCE-IF-15": ("endpoint_idle_timeout", "endpoint_idle_reset"),
    "VPCE-GW-17": ("gateway_endpoint_dns_hostnames",),
    "DNS-3": ("link_local_packets_per_second",),
    "SVC-9": ("load_balancer_connections_per_target",),
    "NET-6": (
        "inter_region_peering_mtu",
        "transit_gateway_mtu",
        "nat_gateway_mtu",
        "internet_gateway_mtu",
        "vpn_mtu",
    ),
    "NAT-2": ("nat_connections_per_destination",),
    "NAT-5": ("nat_idle_timeout",),
}
"""Fact -> the fields of ``Settings`` that turn the seed's text into today's AWS, or set a figure (section 15)."""

NOT_MODELLED: dict[str, str] = {
    "REACH-2": "filters narrow the Analyzer's search for paths; a packet that is sent takes one path",
}
"""Fact -> why it is not modelled, in one sentence."""

PENDING: tuple[str, ...] = (
    "SG-12",
    "SG-14",
    "SG-15",
    "SG-16",
    "SG-18",
    "VPCE-3",
    "VPCE-13",
    "VPCE-IF-4",
    "VPCE-IF-17",
    "VPCE-IF-23",
    "VPCE-GW-16",
    "VPCE-GW-18",
    "DNS-3",
    "DNS-5",
    "DNS-6",
    "SVC-9",
    "SVC-13",
    "NET-1",
    "NET-2",
    "NET-3",
    "NET-4",
    "NET-5",
    "NET-8",
    "NAT-1",
    "REACH-1",
    "REACH-3",
    "REACH-4",
)
"""Facts that are being built, in part or wholly; tests may prove parts of them already. Empty at the end."""

_NAMED = "ids are names that the user chooses, and none of them is malformed"
ERRORS_NOT_MODELLED: dict[str, str] = {
    "InvalidVpcEndpointId.Malformed": _NAMED,
    "InvalidRouteTableId.Malformed": _NAMED,
    "InvalidPrefixListId.Malformed": _NAMED,
    "InvalidNetworkLoadBalancerArn.Malformed": "load balancers go by their names, not by ARNs",
    "InvalidVpcEndpoint.NotFound": "of two codes for one thing the emulator uses InvalidVpcEndpointId.NotFound",
    "InvalidVpcEndpointService.NotFound": "of two codes for one thing the emulator uses InvalidServiceName",
    "InvalidRoute.Malformed": "a route's parameters are refused one by one",
    "InvalidRoute.InvalidState": "what makes a route unusable is said of its target",
    "InvalidGroup.InUse": "in a VPC a group that is used is refused with DependencyViolation",
    "InvalidPermission.Malformed": "a rule's parameters are refused one by one",
}
"""Codes of section 14 that no verb answers with -> why."""

_CLASSIC = "Classic Load Balancers are not modelled"
_GATEWAY = "Gateway Load Balancers are not modelled"
CODES_UNUSED: dict[str, str] = {
    "ELB_ACL_RESTRICTION": _CLASSIC,
    "ELB_LISTENER_PORT_RESTRICTION": _CLASSIC,
    "ELB_LISTENERS_MISMATCH": _CLASSIC,
    "FIREWALL_RULES_RESTRICTION": "Network Firewall is not modelled",
    "GWLB_DESTINATION_PORT_RESTRICTION": _GATEWAY,
    "GWLB_PROTOCOL_RESTRICTION": _GATEWAY,
    "UNKNOWN_DESTINATION": "the emulator knows the whole network",
    "UNKNOWN_RESOURCE": "the emulator knows the whole network",
}
"""Codes of the Analyzer that can have no meaning here -> why (marked ``-`` in the facts)."""

_CONSIDERED = "says why another route was not taken; a step names the route that was"
_REWRITTEN = "says how a packet is rewritten; it stops nothing, and the trace shows the packet"
CODES_NOT_MODELLED: dict[str, str] = {
    "CANNOT_ROUTE": _CONSIDERED,
    "HIGHER_PRIORITY_ROUTE": _CONSIDERED,
    "MORE_SPECIFIC_ROUTE": _CONSIDERED,
    "TGW_RTB_CANNOT_ROUTE": _CONSIDERED,
    "TGW_RTB_HIGHER_PRIORITY_ROUTE": _CONSIDERED,
    "TGW_RTB_MORE_SPECIFIC_ROUTE": _CONSIDERED,
    "ELBV2_SOURCE_ADDRESS_PRESERVATION": _REWRITTEN,
    "NGW_DEST_ADDRESS_PRESERVATION": _REWRITTEN,
    "NGW_SOURCE_ADDRESS_REASSIGN": _REWRITTEN,
    "REMAP_EPHEMERAL_PORT": _REWRITTEN,
    "IGW_NAT_REFLECTION": "the Analyzer stops its analysis here, a packet does not",
    "REGIONAL_NGW_ROUTE_AZ_RESTRICTION": "regional NAT gateways are not modelled",
    "VPC_BLOCK_PUBLIC_ACCESS_ENABLED": "VPC Block Public Access is not modelled",
}
"""Codes of the Analyzer that the emulator never gives -> why."""

CODES_PENDING: tuple[str, ...] = (
    "BAD_STATE_ATTACHMENT",
    "BAD_STATE_VPN",
    "ELB_INSTALLED_AZ_RESTRICTION",
    "ELB_NOT_CROSSZONE",
    "ELBV2_LISTENER_HAS_NO_TG",
    "ELBV2_LISTENER_PORT_RESTRICTION",
    "ELBV2_LISTENER_REQUIRES_TG_ACCEPT",
    "ELBV2_LISTENERS_MISMATCH",
    "ELBV2_NO_TARGETS_IN_AZ",
    "ENI_ADDRESS_RESTRICTION",
    "GATEWAY_REJECTS_SPOOFED_TRAFFIC",
    "IGW_DESTINATION_ADDRESS_IN_VPC_CIDRS",
    "IGW_DESTINATION_ADDRESS_NOT_IN_RFC1918_EGRESS",
    "IGW_DESTINATION_ADDRESS_NOT_IN_RFC6598_EGRESS",
    "IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS",
    "IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS",
    "IGW_SOURCE_ADDRESS_NOT_IN_RFC1918_INGRESS",
    "IGW_SOURCE_ADDRESS_NOT_IN_RFC6598_INGRESS",
    "INGRESS_RTB_NO_PUBLIC_IP",
    "INGRESS_RTB_TRAFFIC_REDIRECTION",
    "NGW_REQUIRES_SOURCE_IN_VPC",
    "SG_REFERENCES_NOT_PRESERVED",
    "SG_REFERENCING_SUPPORT",
    "TARGET_ADDRESS_RESTRICTION",
    "TARGET_PORT_RESTRICTION",
    "TGW_ATTACH_MISSING_TGW_RTB_ASSOCIATION",
    "TGW_ATTACH_VPC_AZ_RESTRICTION",
    "TGW_BAD_STATE_VPN",
    "TGW_ROUTE_AZ_RESTRICTION",
    "TGW_RTB_BAD_STATE_ROUTE",
    "TGW_RTB_NO_ROUTE_TO_TGW_ATTACHMENT",
    "TGW_RTB_ROUTES_ARE_UNKNOWN",
    "UNKNOWN_PEERED_SGS",
    "VGW_PRIVATE_IP_ASSOCIATION_FOR_EGRESS",
    "VGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS",
    "VPC_LOCAL_ROUTE_CIDR_RESTRICTION",
    "VPCE_SERVICE_NOT_INSTALLED_IN_AZ",
    "EMU_CONNTRACK_FULL",
    "EMU_POLICED",
    "EMU_PORTS_EXHAUSTED",
    "EMU_PPS",
)
"""Codes that are being built; empty at the end."""
