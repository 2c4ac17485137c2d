"""What may stand in a topology document.

Sections are flat mappings by id, their keys the parameters of EC2's verbs.  The
schema knows shapes only; whether ids lead somewhere and values make sense is
asked of the references and of the control plane.
"""

from __future__ import annotations

from typing import Any, Final, Literal

from pydantic import Field

from emulator.topology.fields import (
    ALL_PORTS,
    Duration,
    Mtu,
    Policy,
    Ports,
    Protocol,
    Queue,
    Rate,
    Region,
    Size,
)
from emulator.topology.schema_edges import (
    AddressEntry,
    CustomerGatewayEntry,
    ExternalHostEntry,
    InternetGatewayEntry,
    NatGatewayEntry,
    TransitGatewayAttachmentEntry,
    TransitGatewayEntry,
    TransitGatewayRouteTableEntry,
    UnsupportedComponentEntry,
    VirtualInterfaceEntry,
    VpnConnectionEntry,
    VpnGatewayEntry,
)
from emulator.topology.schema_identities import BucketPolicyEntry, IamRoleEntry, IamUserEntry
from emulator.topology.schema_services import (
    FlowLogEntry,
    HostedZoneEntry,
    LoadBalancerEntry,
    ResolverEndpointEntry,
    TargetGroupEntry,
    VpcEndpointServiceConfigurationEntry,
)
from emulator.topology.validation import Strict

NOT_MODELLED: Final = frozenset(
    {
        # sections
        "carrier_gateways", "client_vpn_endpoints", "core_networks", "dhcp_options", "direct_connect_gateways",
        "egress_only_internet_gateways", "gateway_load_balancers", "global_accelerators", "lambda_functions",
        "local_gateways", "nat_instances", "network_firewalls", "traffic_mirror_filters", "traffic_mirror_sessions",
        "traffic_mirror_targets", "transit_gateway_connects", "vpc_lattice_services",
        "iam_groups", "iam_policies", "resource_control_policies", "service_control_policies",
        # keys of entries
        "instance_tenancy", "ip_address_type", "service_region", "permissions_boundary", "managed_policy_arns",
        "assume_role_policy_document",
    }
)  # fmt: skip
"""What AWS has and this version does not model: ``UNSUPPORTED_COMPONENT``, not an unknown key (D6)."""


EndpointStateWord = Literal["available", "pendingAcceptance", "pending", "rejected", "expired", "failed", "deleting"]


class VpcEntry(Strict):
    """A VPC: its blocks, the primary one first, and its DNS attributes (DNS-2).

    ``default_...`` name what it is born with, if not ``sg-default-<vpc>`` and ``acl-default-<vpc>``.
    """

    cidr_blocks: list[str] = Field(min_length=1)
    enable_dns_support: bool = True
    enable_dns_hostnames: bool = False
    main_route_table_id: str | None = None
    default_security_group_id: str | None = None
    default_network_acl_id: str | None = None
    region: Region | None = None
    owner_id: str | None = None


class SubnetEntry(Strict):
    """A subnet; without a table of its own it uses the VPC's main one (ROUTE-1)."""

    cidr_block: str
    availability_zone: str
    vpc_id: str | None = None
    route_table_id: str | None = None
    availability_zone_id: str | None = None


class RouteEntry(Strict):
    """A static route: to a CIDR block or prefix list, through one of ROUTE-13's targets.

    A ``blackhole`` may name a target that is no more (ROUTE-14); an active one may name one of the
    ``unsupported_components``.
    """

    destination: str
    target: str
    state: Literal["active", "blackhole"] = "active"


class RouteTableEntry(Strict):
    """A route table; local routes and those of gateway endpoints come by themselves.

    ``gateway_id`` makes it a gateway route table (ROUTE-18).
    """

    vpc_id: str | None = None
    routes: list[RouteEntry] = Field(default_factory=list)
    propagating_vgws: list[str] = Field(default_factory=list)
    gateway_id: str | None = None


class RuleEntry(Strict):
    """A security group rule: protocol, ports, and one peer (SG-3).

    A ``stale`` one names a group that is gone, unknown here, or not to be named from here: it is kept (SG-5).
    """

    protocol: Protocol
    peer: str
    stale: bool = False
    ports: Ports = ALL_PORTS
    icmp_type: int = -1
    icmp_code: int = -1


class SecurityGroupEntry(Strict):
    """A security group; without ``egress`` everything may leave (SG-2)."""

    vpc_id: str | None = None
    group_name: str | None = None
    ingress: list[RuleEntry] | None = None
    egress: list[RuleEntry] | None = None


class AclEntryEntry(Strict):
    """A numbered line of a network ACL (NACL-2)."""

    rule_number: int
    protocol: Protocol
    cidr_block: str
    rule_action: Literal["allow", "deny"]
    ports: Ports = ALL_PORTS
    icmp_type: int = -1
    icmp_code: int = -1


class NetworkAclEntry(Strict):
    """A network ACL and the subnets that use it; what no line matches is denied."""

    vpc_id: str | None = None
    ingress: list[AclEntryEntry] | None = None
    egress: list[AclEntryEntry] | None = None
    subnet_ids: list[str] = Field(default_factory=list)


class PrefixListEntry(Strict):
    """A prefix list; under the id of one of AWS's own, its blocks are replaced (VPCE-GW-2)."""

    cidrs: list[str]
    max_entries: int | None = None
    prefix_list_name: str | None = None


class ConnectionTrackingEntry(Strict):
    """EC2's ConnectionTrackingSpecification (SG-14)."""

    tcp_established_timeout: Duration | None = None
    udp_timeout: Duration | None = None
    udp_stream_timeout: Duration | None = None


class NetworkInterfaceEntry(Strict):
    """A further interface of an instance, or one that belongs to nobody."""

    subnet_id: str
    groups: list[str] = Field(default_factory=list)
    private_ip_address: str | None = None
    secondary_private_ip_addresses: list[str] = Field(default_factory=list)
    public_ip: str | None = None
    source_dest_check: bool = True
    instance_id: str | None = None
    interface_type: Literal["interface", "lambda"] = "interface"
    connection_tracking: ConnectionTrackingEntry | None = None


class InstanceEntry(Strict):
    """A host and its primary interface, which is called ``eni-<instance>`` unless ``network_interface_id`` says else.

    ``public_ip`` is the automatic public address of AWS; ``auto`` picks one.
    """

    subnet_id: str
    security_group_ids: list[str] = Field(default_factory=list)
    network_interface_id: str | None = None
    private_ip_address: str | None = None
    secondary_private_ip_addresses: list[str] = Field(default_factory=list)
    public_ip: str | None = None
    source_dest_check: bool = True
    connection_tracking: ConnectionTrackingEntry | None = None
    state: Literal["running", "stopped"] = "running"
    forwards: bool = False
    max_tracked_connections: int | None = Field(None, ge=1)
    operating_system: str = "linux"
    application: str | None = None
    options: dict[str, Any] | None = None
    iam_role: str | None = None


class SubnetConfigurationEntry(Strict):
    """The address of an endpoint's interface in one subnet (VPCE-IF-4)."""

    subnet_id: str
    ipv4: str


class VpcEndpointEntry(Strict):
    """A VPC endpoint of either type (VPCE-4); ``az_...`` shape each interface and direction (D9)."""

    service_name: str
    vpc_endpoint_type: str = "Gateway"
    vpc_id: str | None = None
    route_table_ids: list[str] = Field(default_factory=list)
    subnet_ids: list[str] = Field(default_factory=list)
    subnet_configurations: list[SubnetConfigurationEntry] = Field(default_factory=list)
    security_group_ids: list[str] = Field(default_factory=list)
    policy_document: Policy = None
    private_dns_enabled: bool = False
    private_dns_only_for_inbound_resolver_endpoint: bool | None = None
    state: Literal["available", "pendingAcceptance", "pending", "rejected", "expired", "failed", "deleting"] | None = (
        None
    )
    az_bandwidth: Rate | None = None
    az_burst: Size | None = None
    az_queue: Queue | None = None


class PeeringEntry(Strict):
    """A peering connection (EDGE-2)."""

    vpc_id: str
    peer_vpc_id: str
    auto_accept: bool = True
    status: Literal["pending-acceptance", "active", "rejected", "expired", "failed", "deleted"] | None = None


class ServiceEntry(Strict):
    """A service of the Region; for a built-in one, the keys given replace its own."""

    application: str | None = None
    service_types: list[Literal["Interface", "Gateway"]] | None = None
    availability_zones: list[str] | None = None
    private_dns_names: list[str] | None = None
    public_addresses: list[str] | None = None
    prefix_list_id: str | None = None
    options: dict[str, Any] | None = None
    service_delay: Duration | None = None


class SettingsEntry(Strict):
    """The emulator's knobs (section 15 of the facts); absent ones keep the profile's values."""

    profile: Literal["seed", "current"] | None = None
    ip_versions: list[Literal[4, 6]] | None = None
    interface_endpoint_protocols: list[Protocol] | None = None
    interface_endpoint_bandwidth: Rate | None = None
    nat_gateway_bandwidth: Rate | None = None
    single_flow_bandwidth: Rate | None = None
    vpn_bandwidth: Rate | None = None
    interface_endpoint_mtu: Mtu | None = None
    gateway_endpoint_mtu: Mtu | None = None
    endpoint_idle_timeout: Duration | None = None
    endpoint_idle_reset: bool | None = None
    cross_region_endpoints: bool | None = None
    gateway_endpoint_dns_hostnames: bool | None = None
    tcp_established_timeout: Duration | None = None
    udp_timeout: Duration | None = None
    udp_stream_timeout: Duration | None = None
    max_tracked_connections: int | None = Field(None, ge=1)
    nat_gateway_mtu: Mtu | None = None
    transit_gateway_mtu: Mtu | None = None
    inter_region_peering_mtu: Mtu | None = None
    internet_gateway_mtu: Mtu | None = None
    vpn_mtu: Mtu | None = None
    nat_idle_timeout: Duration | None = None
    nat_connections_per_destination: int | None = Field(None, ge=1, le=64512)
    load_balancer_tcp_idle_timeout: Duration | None = None
    load_balancer_udp_idle_timeout: Duration | None = None
    load_balancer_connections_per_target: int | None = Field(None, ge=1, le=64512)
    link_local_packets_per_second: int | None = Field(None, ge=1)
    intra_az_delay: Duration | None = None
    inter_az_delay: Duration | None = None
    peering_delay: Duration | None = None
    inter_region_delay: Duration | None = None
    transit_gateway_delay: Duration | None = None
    internet_delay: Duration | None = None
    vpn_delay: Duration | None = None
    direct_connect_delay: Duration | None = None
    routes_per_table: int | None = Field(None, ge=1, le=1000)  # ROUTE-16
    propagated_routes_per_table: int | None = Field(None, ge=1)
    entries_per_acl: int | None = Field(None, ge=1, le=40)  # NACL-6
    rules_per_group: int | None = Field(None, ge=1, le=1000)  # SG-6
    groups_per_interface: int | None = Field(None, ge=1, le=16)  # SG-6
    rules_per_interface: int | None = Field(None, ge=1, le=1000)  # SG-6
    route_tables_per_vpc: int | None = Field(None, ge=1)
    network_acls_per_vpc: int | None = Field(None, ge=1)
    security_groups_per_region: int | None = Field(None, ge=1)
    interface_endpoints_per_vpc: int | None = Field(None, ge=1)
    gateway_endpoints_per_region: int | None = Field(None, ge=1, le=255)  # VPCE-11


class TopologyDocument(Strict):
    """A whole document. It is checked entry by entry; this is its table of contents."""

    region: Region
    vpcs: dict[str, VpcEntry] = Field(default_factory=dict)
    subnets: dict[str, SubnetEntry] = Field(default_factory=dict)
    route_tables: dict[str, RouteTableEntry] = Field(default_factory=dict)
    security_groups: dict[str, SecurityGroupEntry] = Field(default_factory=dict)
    network_acls: dict[str, NetworkAclEntry] = Field(default_factory=dict)
    prefix_lists: dict[str, PrefixListEntry] = Field(default_factory=dict)
    network_interfaces: dict[str, NetworkInterfaceEntry] = Field(default_factory=dict)
    instances: dict[str, InstanceEntry] = Field(default_factory=dict)
    vpc_endpoints: dict[str, VpcEndpointEntry] = Field(default_factory=dict)
    vpc_peering_connections: dict[str, PeeringEntry] = Field(default_factory=dict)
    services: dict[str, ServiceEntry] = Field(default_factory=dict)
    internet_gateways: dict[str, InternetGatewayEntry] = Field(default_factory=dict)
    addresses: dict[str, AddressEntry] = Field(default_factory=dict)
    nat_gateways: dict[str, NatGatewayEntry] = Field(default_factory=dict)
    customer_gateways: dict[str, CustomerGatewayEntry] = Field(default_factory=dict)
    vpn_gateways: dict[str, VpnGatewayEntry] = Field(default_factory=dict)
    vpn_connections: dict[str, VpnConnectionEntry] = Field(default_factory=dict)
    virtual_interfaces: dict[str, VirtualInterfaceEntry] = Field(default_factory=dict)
    external_hosts: dict[str, ExternalHostEntry] = Field(default_factory=dict)
    transit_gateways: dict[str, TransitGatewayEntry] = Field(default_factory=dict)
    transit_gateway_route_tables: dict[str, TransitGatewayRouteTableEntry] = Field(default_factory=dict)
    transit_gateway_attachments: dict[str, TransitGatewayAttachmentEntry] = Field(default_factory=dict)
    load_balancers: dict[str, LoadBalancerEntry] = Field(default_factory=dict)
    target_groups: dict[str, TargetGroupEntry] = Field(default_factory=dict)
    vpc_endpoint_service_configurations: dict[str, VpcEndpointServiceConfigurationEntry] = Field(default_factory=dict)
    hosted_zones: dict[str, HostedZoneEntry] = Field(default_factory=dict)
    resolver_endpoints: dict[str, ResolverEndpointEntry] = Field(default_factory=dict)
    flow_logs: dict[str, FlowLogEntry] = Field(default_factory=dict)
    iam_roles: dict[str, IamRoleEntry] = Field(default_factory=dict)
    iam_users: dict[str, IamUserEntry] = Field(default_factory=dict)
    bucket_policies: dict[str, BucketPolicyEntry] = Field(default_factory=dict)
    unsupported_components: dict[str, UnsupportedComponentEntry] = Field(default_factory=dict)
    settings: SettingsEntry | None = None


SECTIONS: Final[dict[str, type[Strict]]] = {
    "vpcs": VpcEntry,
    "subnets": SubnetEntry,
    "route_tables": RouteTableEntry,
    "security_groups": SecurityGroupEntry,
    "network_acls": NetworkAclEntry,
    "prefix_lists": PrefixListEntry,
    "network_interfaces": NetworkInterfaceEntry,
    "instances": InstanceEntry,
    "vpc_endpoints": VpcEndpointEntry,
    "vpc_peering_connections": PeeringEntry,
    "services": ServiceEntry,
    "internet_gateways": InternetGatewayEntry,
    "addresses": AddressEntry,
    "nat_gateways": NatGatewayEntry,
    "customer_gateways": CustomerGatewayEntry,
    "vpn_gateways": VpnGatewayEntry,
    "vpn_connections": VpnConnectionEntry,
    "virtual_interfaces": VirtualInterfaceEntry,
    "external_hosts": ExternalHostEntry,
    "transit_gateways": TransitGatewayEntry,
    "transit_gateway_route_tables": TransitGatewayRouteTableEntry,
    "transit_gateway_attachments": TransitGatewayAttachmentEntry,
    "load_balancers": LoadBalancerEntry,
    "target_groups": TargetGroupEntry,
    "vpc_endpoint_service_configurations": VpcEndpointServiceConfigurationEntry,
    "hosted_zones": HostedZoneEntry,
    "resolver_endpoints": ResolverEndpointEntry,
    "flow_logs": FlowLogEntry,
    "iam_roles": IamRoleEntry,
    "iam_users": IamUserEntry,
    "bucket_policies": BucketPolicyEntry,
    "unsupported_components": UnsupportedComponentEntry,
}
"""The sections that hold resources by id, and what each entry looks like."""
