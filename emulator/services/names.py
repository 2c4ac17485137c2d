"""The names that AWS makes up: of interface endpoints, and of network interfaces.

AWS: AWS PrivateLink, "Access an AWS service using an interface VPC endpoint";
VPC User Guide, "DNS attributes for your VPC"; RFC 1035 for what a label may be.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from netaddr import IPAddress

    from emulator.model.resources import VpcEndpoint

_MAX_LABEL = 63  # RFC 1035 section 2.3.4


@dataclass(frozen=True, slots=True)
class EndpointNames:
    """The generated names of an interface endpoint: one for all its interfaces, and one per AZ."""

    regional: str
    zonal: tuple[tuple[str, str], ...]
    """(availability zone, name), in the order of the endpoint's subnets."""


def endpoint_names(endpoint: VpcEndpoint, region: str, availability_zones: Iterable[str]) -> EndpointNames:
    """Return the names generated for ``endpoint``, whose interfaces stand in these AZs (VPCE-IF-17, VPCE-IF-19)."""
    own = endpoint.vpc_endpoint_id.removeprefix("vpce-")  # the label says vpce- once
    suffix = f"-{endpoint.dns_suffix}" if endpoint.dns_suffix else ""
    parent = f"{_service_label(endpoint.service_name, region)}.{region}.vpce.amazonaws.com"
    return EndpointNames(
        regional=f"{dns_label(f'vpce-{own}', suffix)}.{parent}",
        zonal=tuple((zone, f"{dns_label(f'vpce-{own}', f'{suffix}-{zone}')}.{parent}") for zone in availability_zones),
    )


def _service_label(service_name: str, region: str) -> str:
    # A service name is a domain read backwards: com.amazonaws.us-east-1.ecr.dkr has names under dkr.ecr.us-east-1...,
    # com.amazonaws.vpce.us-east-1.vpce-svc-1 under vpce-svc-1.us-east-1... (SVC-2).
    # Services without a Region, com.amazonaws.iam, have names in the Region of their endpoint all the same.
    for prefix in (f"com.amazonaws.vpce.{region}.", f"com.amazonaws.{region}.", "com.amazonaws."):
        service_name = service_name.removeprefix(prefix)
    return ".".join(dns_label(label) for label in reversed(service_name.split(".")))


def dns_label(text: str, tail: str = "") -> str:
    """Return a label of letters, digits and hyphens for any id a user may have chosen (RFC 1035 section 2.3.1).

    ``tail`` is kept whole where the label would get too long.
    """
    tail = re.sub(r"[^a-z0-9-]", "-", tail.lower())
    head = re.sub(r"[^a-z0-9-]", "-", text.lower())[: _MAX_LABEL - len(tail)]
    return f"{head}{tail}".strip("-") or "x"


def interface_name(address: IPAddress, region: str) -> str:
    """Return the private DNS name of an address: ``ip-10-0-1-10.ec2.internal`` in us-east-1."""
    domain = "ec2.internal" if region == "us-east-1" else f"{region}.compute.internal"
    return f"ip-{str(address).replace('.', '-')}.{domain}"


def partition_of(region: str) -> str:
    """Return what the ARNs of a Region begin with, behind ``arn:``."""
    return "aws-us-gov" if region.startswith("us-gov-") else "aws-cn" if region.startswith("cn-") else "aws"
