"""What AWS refuses when it is configured, one row per incident: who calls what, and what AWS says.

The incident library (docs/incidents.md) has what fails at run time; these never get so far.  The ids are those of the
library's list of refusals; each row names the public threads in which the message was seen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from emulator.control import ControlPlane, Ec2Error
from emulator.model.resources import Service, VpcEndpointType
from tests.control.planes import METERING, S3, snapshot

if TYPE_CHECKING:
    from collections.abc import Callable

NAMELESS = "com.amazonaws.us-east-1.nameless"
HOST = "metering.us-east-1.amazonaws.com"
BOTH = "Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC attributes set to true for main"
CONFLICT = "private-dns-enabled cannot be set because there is already a conflicting DNS domain"


class Refused(NamedTuple):
    """A call and its refusal.

    ``before`` makes what the call collides with; ``verb`` and ``parameters`` are the call.
    """

    before: Callable[[ControlPlane], Any]
    verb: str
    parameters: dict[str, Any]
    code: str
    message: str


def nothing(plane: ControlPlane) -> None:
    """The network of the fixture is enough."""


def zone_c(plane: ControlPlane) -> None:
    plane.create_subnet("main", "10.0.4.0/24", "us-east-1c", subnet_id="c")


def endpoint(plane: ControlPlane) -> None:
    plane.create_vpc_endpoint(**interface(vpc_endpoint_id="first"))


def nameless(plane: ControlPlane) -> None:
    plane.register_service(Service(NAMELESS, "us-east-1", (VpcEndpointType.INTERFACE,)))


def off(attribute: str) -> Callable[[ControlPlane], None]:
    return lambda plane: plane.modify_vpc_attribute("main", **{attribute: False})


def interface(**more: Any) -> dict[str, Any]:
    """Return the parameters of an interface endpoint with private DNS."""
    return {
        "vpc_id": "main",
        "service_name": METERING,
        "vpc_endpoint_type": "Interface",
        "subnet_ids": ["a"],
        "private_dns_enabled": True,
        **more,
    }


REFUSED = {
    # github.com/terraform-aws-modules/terraform-aws-vpc/issues/785, 462, 634
    # github.com/awslabs/aws-orbit-workbench/issues/320
    "C1 a subnet in a zone the service is not offered in": Refused(
        zone_c,
        "create_vpc_endpoint",
        interface(subnet_ids=["c"]),
        "InvalidParameter",
        f"The VPC endpoint service {METERING} does not support the availability zone of the subnet: c",
    ),
    # github.com/hashicorp/terraform-provider-aws/issues/17535; github.com/fortinet/fortigate-autoscale-aws/issues/43
    "C2 a second endpoint with private DNS for one service": Refused(
        endpoint,
        "create_vpc_endpoint",
        interface(vpc_endpoint_id="second"),
        "InvalidParameter",
        f"{CONFLICT} for {HOST} in the VPC main",
    ),
    # github.com/hashicorp/terraform-provider-aws/issues/37783
    "C4 a hosted zone named as an endpoint's private DNS": Refused(
        endpoint,
        "create_hosted_zone",
        {"name": HOST, "vpc_ids": ["main"]},
        "ConflictingDomainExists",
        "The VPC main in region us-east-1 has already been associated with the hosted zone",
    ),
    # github.com/eksctl-io/eksctl/issues/3214; github.com/vespa-engine/vespa/pull/33303
    "C5 private DNS for a service without a private name": Refused(
        nameless,
        "create_vpc_endpoint",
        interface(service_name=NAMELESS),
        "InvalidParameter",
        f"Private DNS can't be enabled because the service {NAMELESS} does not provide a private DNS name",
    ),
    # github.com/terraform-aws-modules/terraform-aws-vpc/issues/1178
    "C5 private DNS for a gateway endpoint": Refused(
        nothing,
        "create_vpc_endpoint",
        {"vpc_id": "main", "service_name": S3, "private_dns_enabled": True},
        "InvalidParameter",
        "only supported for Interface",
    ),
    # github.com/ministryofjustice/modernisation-platform/pull/13450
    "C6 sharing an endpoint with another account": Refused(
        endpoint,
        "create_resource_share",
        {"resource_arns": ["arn:aws:ec2:us-east-1:123456789012:vpc-endpoint/first"]},
        "InvalidParameterException",
        "You cannot share the selected resource type",
    ),
    # github.com/awslabs/landing-zone-accelerator-on-aws/issues/1010
    "C8 the Regional form of a service without a Region": Refused(
        nothing,
        "create_vpc_endpoint",
        interface(service_name="com.amazonaws.us-east-1.iam"),
        "InvalidServiceName",
        "The Vpc Endpoint Service 'com.amazonaws.us-east-1.iam' does not exist",
    ),
    # github.com/pingcap/docs/pull/10276
    "C9 private DNS in a VPC without DNS hostnames": Refused(
        off("enable_dns_hostnames"),
        "create_vpc_endpoint",
        interface(),
        "InvalidParameter",
        BOTH,
    ),
    "C9 private DNS in a VPC without DNS support": Refused(
        off("enable_dns_support"),
        "create_vpc_endpoint",
        interface(),
        "InvalidParameter",
        BOTH,
    ),
}


@pytest.mark.fact("VPCE-IF-3", "VPCE-IF-21", "ERR-2", "ERR-8", "ERR-9")
@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED)
def test_the_configuration_is_refused_in_aws_words_and_changes_nothing(plane: ControlPlane, case: Refused) -> None:
    case.before(plane)
    before = snapshot(plane)
    with pytest.raises(Ec2Error) as refusal:
        getattr(plane, case.verb)(**case.parameters)
    assert refusal.value.code == case.code
    assert case.message in refusal.value.message
    assert snapshot(plane) == before


def test_each_refused_call_succeeds_without_what_it_collides_with(plane: ControlPlane) -> None:
    plane.create_hosted_zone(HOST, vpc_ids=["far"])
    plane.create_vpc_endpoint(**interface(vpc_endpoint_id="first"))
    plane.create_vpc_endpoint(**interface(vpc_endpoint_id="second", private_dns_enabled=False))
    plane.create_vpc_endpoint(**interface(service_name="com.amazonaws.iam"))
