"""Endpoint services: Network Load Balancers, target groups, and what is offered by PrivateLink (section 9).

Load balancers and target groups go by their names, not by ARNs.

AWS: AWS PrivateLink, "Share your services"; User Guide for Network Load Balancers.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from emulator.model.resources import DEFAULT_ACCOUNT


@dataclass(frozen=True, slots=True)
class Listener:
    """A listener: ``protocol`` is TCP, UDP, TCP_UDP or TLS (which is passed through like TCP)."""

    port: int
    protocol: str
    target_group_name: str


@dataclass(frozen=True, slots=True)
class LoadBalancer:
    """A Network Load Balancer.

    Attributes:
        subnet_ids, network_interface_ids: One node per zone, in one order.
        security_group_ids: Empty if it was created without one, and then for good (SVC-12).
        enforce_security_group_inbound_rules_on_private_link_traffic: SVC-12.
        cross_zone: Whether a node also uses other zones' targets (SVC-7).
        idle_timeout: Nanoseconds for TCP (SVC-11); None: the settings'.
    """

    load_balancer_name: str
    vpc_id: str
    subnet_ids: tuple[str, ...]
    network_interface_ids: tuple[str, ...]
    security_group_ids: tuple[str, ...] = ()
    enforce_security_group_inbound_rules_on_private_link_traffic: bool = True
    cross_zone: bool = False
    listeners: tuple[Listener, ...] = ()
    idle_timeout: int | None = None


class TargetType(StrEnum):
    """How targets are named."""

    INSTANCE = "instance"
    IP = "ip"


class TargetHealth(StrEnum):
    """What the health checks say; EMU: set, not measured."""

    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"


@dataclass(frozen=True, slots=True)
class Target:
    """A target: an instance or an address, and a port."""

    target_id: str
    port: int
    health: TargetHealth = TargetHealth.HEALTHY


@dataclass(frozen=True, slots=True)
class TargetGroup:
    """A target group.

    Attributes:
        preserve_client_ip_enabled: For traffic that is not PrivateLink's (SVC-8).
        proxy_protocol_v2_enabled: SVC-10.
    """

    target_group_name: str
    vpc_id: str
    protocol: str
    port: int
    target_type: TargetType = TargetType.INSTANCE
    targets: tuple[Target, ...] = ()
    preserve_client_ip_enabled: bool = True
    proxy_protocol_v2_enabled: bool = False


class EndpointServiceState(StrEnum):
    """SVC-2."""

    PENDING = "Pending"
    AVAILABLE = "Available"
    FAILED = "Failed"
    DELETING = "Deleting"
    DELETED = "Deleted"


class PrivateDnsNameState(StrEnum):
    """SVC-6."""

    PENDING_VERIFICATION = "pendingVerification"
    VERIFIED = "verified"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class VpcEndpointServiceConfiguration:
    """A service that a customer offers by PrivateLink; a :class:`~emulator.model.resources.Service` stands beside it.

    Attributes:
        service_id: ``vpce-svc-...``.
        load_balancer_names: At least one; a load balancer serves at most one service (SVC-1).
        acceptance_required: SVC-4.
        allowed_principals: ARNs, or ``*`` (SVC-3).
        private_dns_name: SVC-6.
    """

    service_id: str
    service_name: str
    region: str
    load_balancer_names: tuple[str, ...]
    owner_id: str = DEFAULT_ACCOUNT
    acceptance_required: bool = True
    allowed_principals: tuple[str, ...] = ()
    private_dns_name: str | None = None
    private_dns_name_state: PrivateDnsNameState = PrivateDnsNameState.PENDING_VERIFICATION
    state: EndpointServiceState = EndpointServiceState.AVAILABLE
