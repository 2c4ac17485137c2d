"""A small VPC that most tests of the control plane start from."""

from __future__ import annotations

from emulator.control import ControlPlane
from emulator.model.resources import Service, VpcEndpointType
from emulator.model.settings import Settings  # noqa: TC001

S3 = "com.amazonaws.us-east-1.s3"
DYNAMODB = "com.amazonaws.us-east-1.dynamodb"
METERING = "com.amazonaws.us-east-1.metering"
S3_LIST = "pl-63a5400a"


def small_plane(settings: Settings | None = None) -> ControlPlane:
    """VPC ``main``: subnets ``a``, ``a2`` in AZ a, ``b`` in AZ b, table ``private``, group ``web``; and VPC ``far``."""
    plane = ControlPlane("us-east-1", settings)
    plane.create_vpc("10.0.0.0/16", vpc_id="main")
    plane.create_vpc("10.9.0.0/16", vpc_id="far")
    plane.create_subnet("main", "10.0.1.0/24", "us-east-1a", subnet_id="a")
    plane.create_subnet("main", "10.0.2.0/24", "us-east-1b", subnet_id="b")
    plane.create_subnet("main", "10.0.3.0/28", "us-east-1a", subnet_id="a2")
    plane.create_route_table("main", route_table_id="private")
    plane.create_route_table("far", route_table_id="far-table")
    plane.associate_route_table("private", "a")
    plane.create_security_group("main", group_id="web")
    plane.create_security_group("far", group_id="far-group")
    plane.register_service(
        Service(
            METERING,
            "us-east-1",
            (VpcEndpointType.INTERFACE,),
            availability_zones=("us-east-1a", "us-east-1b"),
            private_dns_names=("metering.us-east-1.amazonaws.com",),
        )
    )
    plane.modify_vpc_attribute("main", enable_dns_hostnames=True)
    return plane


def snapshot(plane: ControlPlane) -> dict[str, object]:
    """Everything a verb could change, for comparing before and after."""
    return {name: dict(value) if isinstance(value, dict) else value for name, value in vars(plane).items()}
