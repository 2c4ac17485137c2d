"""AWS's own services as every Region has them: names of endpoint services, and names in the DNS.

A table and what follows from it.  Of each service it has the host names that the
private DNS of an interface endpoint takes over (VPCE-IF-20), and those beside
them that resolve publicly and are *not* taken over: dual-stack, legacy and
global names.  Nobody has to declare these services, and their public names
resolve whether or not anything in a network is of their Region.

Where facts end, choices begin.  EMU: the public addresses are made up, in
198.18.0.0/15 (RFC 2544's benchmarking range); a known Region has a block of 128
in the lower half of 198.18.0.0/16 and every service its place in it, so that no
two ever share one.  The upper half is for services that documents bring.  Lines
are added at the end only, since a line's place is its address.  EMU: a service
is offered in every Availability Zone.

S3 and DynamoDB are not in it: they come with prefix lists, and stand in
:mod:`emulator.control.regions`; only their names beside the ordinary ones are here.

AWS: AWS PrivateLink, "AWS services that integrate with AWS PrivateLink"; AWS
General Reference, "Service endpoints and quotas".
"""

from __future__ import annotations

import functools
import hashlib
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from netaddr import IPAddress, IPNetwork

from emulator.model.resources import Service, VpcEndpointType

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PUBLIC_ADDRESSES: Final = IPNetwork("198.18.0.0/16")
"""Where AWS's services are, but for those with a prefix list (EMU)."""
REGIONS: Final = (
    "us-east-1", "us-east-2", "us-west-1", "us-west-2", "ca-central-1", "ca-west-1", "mx-central-1", "sa-east-1",
    "eu-central-1", "eu-central-2", "eu-west-1", "eu-west-2", "eu-west-3", "eu-north-1", "eu-south-1", "eu-south-2",
    "af-south-1", "il-central-1", "me-south-1", "me-central-1", "ap-east-1", "ap-east-2", "ap-south-1", "ap-south-2",
    "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-southeast-1", "ap-southeast-2", "ap-southeast-3",
    "ap-southeast-4", "ap-southeast-5", "ap-southeast-6", "ap-southeast-7", "us-gov-east-1", "us-gov-west-1",
)  # fmt: skip
"""The Regions whose services have public names even if a network has nothing there."""

GLOBAL_REGION: Final = "us-east-1"
"""Where the services without a Region are, and what the global names of Regional ones lead to."""

_SERVICES: Final[tuple[tuple[str, str], ...]] = (
    # What follows com.amazonaws.<region>. in the service's name, and what precedes .<region> in its host name, if else.
    ("sts", ""), ("ssm", ""), ("ssmmessages", ""), ("ec2messages", ""), ("logs", ""), ("kms", ""),
    ("ecr.api", "api.ecr"), ("ecr.dkr", "*.dkr.ecr"), ("secretsmanager", ""), ("monitoring", ""), ("events", ""),
    ("sqs", ""), ("sns", ""), ("lambda", ""), ("execute-api", "*.execute-api"), ("kinesis-streams", "kinesis"),
    ("kinesis-firehose", "firehose"), ("athena", ""), ("glue", ""), ("ecs", ""), ("ecs-agent", "ecs-a"),
    ("ecs-telemetry", "ecs-t"), ("ec2", ""), ("autoscaling", ""), ("application-autoscaling", ""),
    ("elasticloadbalancing", ""), ("cloudformation", ""), ("cloudtrail", ""), ("codebuild", ""), ("codecommit", ""),
    ("git-codecommit", ""), ("codedeploy", ""), ("codepipeline", ""), ("codeartifact.api", "codeartifact"),
    ("codeartifact.repositories", "*.d.codeartifact"), ("config", ""), ("states", ""), ("xray", ""), ("eks", ""),
    ("elasticache", ""), ("elasticfilesystem", ""), ("elasticmapreduce", ""), ("rds", ""), ("rds-data", ""),
    ("redshift", ""), ("redshift-data", ""), ("sagemaker.api", "api.sagemaker"),
    ("sagemaker.runtime", "runtime.sagemaker"), ("bedrock", ""), ("bedrock-runtime", ""), ("acm-pca", ""),
    ("backup", ""), ("batch", ""), ("datasync", ""), ("ebs", ""), ("email-smtp", ""), ("guardduty-data", ""),
    ("imagebuilder", ""), ("license-manager", ""), ("rekognition", ""), ("servicecatalog", ""),
    ("storagegateway", ""), ("textract", ""), ("transfer", ""),
)  # fmt: skip

_REGIONLESS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {"iam": ("iam.amazonaws.com",), "route53": ("route53.amazonaws.com",)}
)
"""Services whose name has no Region, with an endpoint in one Region only: ``com.amazonaws.iam``."""

_NOT_COVERED: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "s3": (
            "s3.dualstack.{}.amazonaws.com",
            "*.s3.dualstack.{}.amazonaws.com",
            "s3-{}.amazonaws.com",
            "*.s3-{}.amazonaws.com",
        ),
        "sqs": ("{}.queue.amazonaws.com",),
        "ec2": ("ec2.{}.api.aws",),
        "lambda": ("lambda.{}.api.aws",),
        "kms": ("kms-fips.{}.amazonaws.com",),
    }
)
"""Further public names of Regional services, which no private DNS takes over."""

_GLOBAL_NAMES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "s3": ("s3.amazonaws.com", "*.s3.amazonaws.com", "s3-external-1.amazonaws.com"),
        "sts": ("sts.amazonaws.com",),
        "sqs": ("queue.amazonaws.com",),
        "ec2": ("ec2.amazonaws.com",),
    }
)
"""Global names of Regional services: those of :data:`GLOBAL_REGION` answer."""

_ELSEWHERE: Final = (
    "cloudfront.amazonaws.com",
    "waf.amazonaws.com",
    "shield.us-east-1.amazonaws.com",
    "ce.us-east-1.amazonaws.com",
    "budgets.amazonaws.com",
    "health.us-east-1.amazonaws.com",
    "support.us-east-1.amazonaws.com",
    "globalaccelerator.us-west-2.amazonaws.com",
    "cdn.amazonlinux.com",
    "public.ecr.aws",
)
"""Public names for which there is no endpoint at all."""

_PLACES: Final = 128
"""Addresses of a Region; the second half of :data:`PUBLIC_ADDRESSES` is for services of documents."""
_GLOBAL_PLACE: Final = 255
assert len(_SERVICES) + len(_REGIONLESS) < _PLACES
assert len(REGIONS) < _GLOBAL_PLACE


@functools.cache
def interface_services(region: str) -> tuple[Service, ...]:
    """Return the services with interface endpoints that a Region has before anyone declares anything.

    A Region that is not one of :data:`REGIONS` has its addresses where another such one may have them too.
    """
    services = []
    for place, (name, host) in enumerate(_SERVICES):
        names = (f"{host or name}.{region}.amazonaws.com",)
        services.append(_interface_service(f"com.amazonaws.{region}.{name}", region, names, place))
    if region == GLOBAL_REGION:
        for place, (name, hosts) in enumerate(_REGIONLESS.items(), len(_SERVICES)):
            services.append(_interface_service(f"com.amazonaws.{name}", region, hosts, place))
    return tuple(services)


def _interface_service(service_name: str, region: str, names: tuple[str, ...], place: int) -> Service:
    return Service(
        service_name=service_name,
        region=region,
        service_types=(VpcEndpointType.INTERFACE,),
        private_dns_names=names,
        public_addresses=(_address(region_place(region, _GLOBAL_PLACE), place),),
        application="http",
    )


def further_names(service: Service) -> tuple[str, ...]:
    """Return the public names of a service that private DNS never takes over."""
    short_name = service.service_name.removeprefix(f"com.amazonaws.{service.region}.")
    names = tuple(name.format(service.region) for name in _NOT_COVERED.get(short_name, ()))
    return names + _GLOBAL_NAMES.get(short_name, ()) if service.region == GLOBAL_REGION else names


def names_without_endpoints() -> Mapping[str, IPAddress]:
    """Return the public names that belong to no endpoint service, and their addresses."""
    return {name: _address(_GLOBAL_PLACE, place) for place, name in enumerate(_ELSEWHERE)}


def regionless(service_name: str) -> str | None:
    """Return the name without a Region of a service asked for with one: ``com.amazonaws.iam``; else None."""
    short_name = service_name.rpartition(".")[2]
    return f"com.amazonaws.{short_name}" if short_name in _REGIONLESS else None


def free_addresses(service_name: str) -> Iterable[IPAddress]:
    """Yield the addresses a document's service may have, its own first: stable unless that one is taken."""
    size = PUBLIC_ADDRESSES.size // 2
    first = PUBLIC_ADDRESSES.first + size
    start = digest(service_name) % size
    return (IPAddress(first + (start + step) % size) for step in range(size))


def region_place(region: str, places: int) -> int:
    """Return which of so many places is a Region's: its own if it is a known one, else one that others may share."""
    if region in REGIONS:
        return REGIONS.index(region)
    return len(REGIONS) + digest(region) % (places - len(REGIONS))


def _address(region: int, place: int) -> IPAddress:
    return IPAddress(PUBLIC_ADDRESSES.first + 1 + region * _PLACES + place)


def digest(text: str) -> int:
    """Return a number that stands for a text on every machine and in every run."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8])
