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
    "NET-1": ("single_flow_bandwidth",),
    "NET-8": ("vpn_bandwidth", "vpn_mtu"),
    "NAT-1": ("nat_gateway_bandwidth",),
    "NAT-2": ("nat_connections_per_destination",),
    "NAT-5": ("nat_idle_timeout",),
}
"""Fact -> the fields of ``Settings`` that turn the seed's text into today's AWS, or set a figure (section 15)."""

TODAY: tuple[tuple[str, str, object, object, str], ...] = (
    ("VPCE-IF-11", "interface_endpoint_bandwidth", 10_000_000_000, 100_000_000_000, "10 Gbps per zone or 100"),
    ("VPCE-IF-7", "interface_endpoint_protocols", (6,), (6, 17), "TCP, or UDP too"),
    ("VPCE-5", "ip_versions", (4,), (4,), "IPv4 alone; IPv6 is refused by name in both profiles"),
    ("VPCE-6", "cross_region_endpoints", False, True, "services of one Region, or of others too"),
    ("VPCE-GW-17", "gateway_endpoint_dns_hostnames", False, True, "names need DNS resolution, or hostnames too"),
    ("VPCE-IF-15", "endpoint_idle_reset", False, True, "silence after idleness, or a reset"),
    ("VPCE-12", "gateway_endpoint_mtu", 8500, None, "8500 bytes through gateway endpoints, or any length"),
    ("ROUTE-16", "routes_per_table", 500, 500, "500 routes in both profiles; an older text has 50"),
    ("NET-6", "inter_region_peering_mtu", 8500, 8500, "8500 bytes in both profiles; an older text has 1500"),
)
"""Section 15: fact, setting, its value in the profiles ``seed`` and ``current``, and what that means."""

_INSTANCES = "instances have no bandwidth of their own yet: their limits come with the experiments about bandwidth"
NOT_MODELLED: dict[str, str] = {
    "NET-2": _INSTANCES,
    "NET-3": _INSTANCES,
    "NET-4": _INSTANCES,
    "NET-5": _INSTANCES,
    "REACH-2": "filters narrow the Analyzer's search for paths; a packet that is sent takes one path",
}
"""Fact -> why it is not modelled, in one sentence."""

LEFT_OUT: dict[str, str] = {
    "VPCE-IF-10": "IPv6 is left out everywhere (VPCE-5)",
    "VPCE-IF-11": "an endpoint does not scale by itself; its rate is what the setting says",
    "DNS-1": "there is no resolver at an IPv6 address",
    "DNS-6": "nothing answers there",
    "NET-1": "single flows are limited by the setting; instances as a whole are not",
    "NET-7": "packets without DF that are too long are dropped, not fragmented",
    "NET-8": "packets per second, and the figures of transit gateway attachments",
    "REACH-1": "a question about what is not there is refused in words; UNSUPPORTED_COMPONENT is the only code",
    "REACH-3": "of the remarks, AVAILABILITY_ZONE_CROSSED alone",
    "REACH-4": "EMU_PPS is never given",
    "NAT-1": "a gateway does not scale by itself, and has no limit of packets per second",
}
"""Fact that is modelled -> the part of it that is not."""

PENDING: tuple[str, ...] = ()
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
    "IGW_DESTINATION_ADDRESS_IN_VPC_CIDRS": "a public address is an interface's of the gateway's VPC, or nobody's",
    "VPC_LOCAL_ROUTE_CIDR_RESTRICTION": "a local route is chosen for addresses of the VPC only",
    "TARGET_ADDRESS_RESTRICTION": "a load balancer sends to registered targets only",
    "TARGET_PORT_RESTRICTION": "a load balancer sends to registered ports only",
    "ELB_NOT_CROSSZONE": "a target of another zone is not chosen; ELBV2_NO_TARGETS_IN_AZ says that none is left",
    "TGW_ATTACH_VPC_AZ_RESTRICTION": "packets leave by the attachment's interface of their own zone",
    "EMU_PPS": "packets per second are limited at link-local services alone, which say EMU_LINK_LOCAL",
    "REGIONAL_NGW_ROUTE_AZ_RESTRICTION": "regional NAT gateways are not modelled",
    "VPC_BLOCK_PUBLIC_ACCESS_ENABLED": "VPC Block Public Access is not modelled",
}
"""Codes of the Analyzer that the emulator never gives -> why."""

CODES_PENDING: tuple[str, ...] = ()
"""Codes that are being built; empty at the end."""
