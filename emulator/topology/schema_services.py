"""What may stand in a topology document about load balancers, endpoint services, DNS and flow logs.

Shapes only, as in :mod:`emulator.topology.schema`.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from emulator.topology.fields import Duration  # noqa: TC001 - pydantic reads it
from emulator.topology.validation import Strict


class ListenerEntry(Strict):
    """A listener of a Network Load Balancer."""

    port: int = Field(ge=1, le=65535)
    protocol: Literal["TCP", "UDP", "TCP_UDP", "TLS"] = "TCP"
    target_group_name: str


class SubnetMappingEntry(Strict):
    """The address of a load balancer's node in one subnet."""

    subnet_id: str
    private_ipv4_address: str


class LoadBalancerEntry(Strict):
    """A Network Load Balancer; its nodes' interfaces are called ``eni-<load balancer>-<zone>``."""

    subnet_ids: list[str] = Field(default_factory=list)
    subnet_mappings: list[SubnetMappingEntry] = Field(default_factory=list)
    security_group_ids: list[str] = Field(default_factory=list)
    enforce_security_group_inbound_rules_on_private_link_traffic: bool = True
    cross_zone: bool = False
    listeners: list[ListenerEntry] = Field(default_factory=list)
    idle_timeout: Duration | None = None


class TargetEntry(Strict):
    """A target; without a port, the group's."""

    target_id: str
    port: int | None = Field(None, ge=1, le=65535)
    health: Literal["healthy", "unhealthy"] = "healthy"


class TargetGroupEntry(Strict):
    """A target group."""

    vpc_id: str | None = None
    protocol: Literal["TCP", "UDP", "TCP_UDP", "TLS"] = "TCP"
    port: int = Field(ge=1, le=65535)
    target_type: Literal["instance", "ip"] = "instance"
    targets: list[TargetEntry] = Field(default_factory=list)
    preserve_client_ip_enabled: bool | None = None
    proxy_protocol_v2_enabled: bool = False


class VpcEndpointServiceConfigurationEntry(Strict):
    """An endpoint service; its id begins with ``vpce-svc-``, its name is made from it (SVC-2)."""

    load_balancer_names: list[str] = Field(min_length=1)
    owner_id: str | None = None
    acceptance_required: bool = True
    allowed_principals: list[str] = Field(default_factory=list)
    private_dns_name: str | None = None
    private_dns_name_state: Literal["pendingVerification", "verified", "failed"] = "pendingVerification"


class ResourceRecordSetEntry(Strict):
    """Records of one name; an ALIAS has one value, a name that is resolved in its place."""

    name: str
    type: Literal["A", "CNAME", "ALIAS"] = "A"
    values: list[str] = Field(min_length=1)


class HostedZoneEntry(Strict):
    """A private hosted zone and the VPCs that see it."""

    name: str
    vpc_ids: list[str] = Field(min_length=1)
    resource_record_sets: list[ResourceRecordSetEntry] = Field(default_factory=list)


class ResolverIpAddressEntry(Strict):
    """One address of a Resolver endpoint."""

    subnet_id: str
    ip: str | None = None


class ResolverEndpointEntry(Strict):
    """A Resolver inbound endpoint; its interfaces are called ``eni-<resolver endpoint>-<number from 1>``."""

    ip_addresses: list[ResolverIpAddressEntry] = Field(min_length=1)
    security_group_ids: list[str] = Field(default_factory=list)


class FlowLogEntry(Strict):
    """A flow log of a VPC, a subnet or an interface; of an instance, endpoint or NAT gateway for its interfaces."""

    resource_id: str
    traffic_type: Literal["ALL", "ACCEPT", "REJECT"] = "ALL"
    log_format: str | None = None
    max_aggregation_interval: Literal[60, 600] = 600
    file_format: Literal["plain-text", "parquet"] = "plain-text"
