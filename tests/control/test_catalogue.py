from __future__ import annotations

import pytest
from netaddr import IPAddress, IPNetwork

from emulator.control import ControlPlane, Ec2Error
from emulator.control.catalogue import REGIONS, further_names, names_without_endpoints
from emulator.control.regions import built_in_services
from emulator.model.resources import Service, VpcEndpointType

PRIVATE = [IPNetwork(block) for block in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")]


def test_no_two_services_of_all_regions_share_an_address_or_a_name():
    addresses: dict[IPAddress, str] = dict.fromkeys(names_without_endpoints().values(), "elsewhere")
    names = dict.fromkeys(names_without_endpoints(), "elsewhere")
    for region in REGIONS:
        for service in built_in_services(region):
            for address in service.public_addresses:
                assert addresses.setdefault(address, service.service_name) == service.service_name
                assert not any(address in block for block in PRIVATE)
            for name in (*service.private_dns_names, *further_names(service)):
                assert names.setdefault(name, service.service_name) == service.service_name


def test_a_service_that_a_document_brings_has_an_address_of_its_own():
    plane = ControlPlane("us-east-1")
    for number in range(300):
        name = f"meter{number}"
        plane.register_service(
            Service(
                f"com.amazonaws.us-east-1.{name}",
                "us-east-1",
                (VpcEndpointType.INTERFACE,),
                private_dns_names=(f"{name}.us-east-1.amazonaws.com",),
            )
        )
    addresses = [address for service in plane.services.values() for address in service.public_addresses]
    assert len(addresses) == len(set(addresses))


@pytest.mark.parametrize(
    ("service", "names"),
    [
        ("sts", ("sts.eu-west-1.amazonaws.com",)),
        ("ecr.api", ("api.ecr.eu-west-1.amazonaws.com",)),
        ("ecr.dkr", ("*.dkr.ecr.eu-west-1.amazonaws.com",)),
        ("execute-api", ("*.execute-api.eu-west-1.amazonaws.com",)),
        ("kinesis-streams", ("kinesis.eu-west-1.amazonaws.com",)),
    ],
)
@pytest.mark.fact("VPCE-IF-20")
def test_built_in_services_have_their_private_dns_names_in_every_region(service, names):
    plane = ControlPlane("us-east-1")
    plane.create_vpc("10.0.0.0/16", region="eu-west-1")
    assert plane.services[f"com.amazonaws.eu-west-1.{service}"].private_dns_names == names
    assert VpcEndpointType.INTERFACE in plane.services[f"com.amazonaws.eu-west-1.{service}"].service_types


@pytest.mark.fact("ERR-2")
def test_the_regional_form_of_a_service_without_a_region_does_not_exist():
    plane = ControlPlane("us-east-1")
    plane.create_vpc("10.0.0.0/16", vpc_id="v")
    with pytest.raises(Ec2Error) as refusal:
        plane.create_vpc_endpoint("v", "com.amazonaws.us-east-1.iam", vpc_endpoint_type="Interface")
    assert refusal.value.code == "InvalidServiceName"
    assert "The Vpc Endpoint Service 'com.amazonaws.us-east-1.iam' does not exist" in refusal.value.message
    assert "com.amazonaws.iam" in refusal.value.message
    plane.create_vpc_endpoint("v", "com.amazonaws.iam", vpc_endpoint_type="Interface")


def test_a_service_without_a_region_has_its_endpoints_in_one():
    plane = ControlPlane("eu-west-1")
    plane.create_vpc("10.0.0.0/16", vpc_id="v")
    with pytest.raises(Ec2Error, match="InvalidServiceName"):
        plane.create_vpc_endpoint("v", "com.amazonaws.iam", vpc_endpoint_type="Interface")


def test_a_built_in_service_may_be_redefined():
    plane = ControlPlane("us-east-1")
    iam = plane.services["com.amazonaws.iam"]
    plane.register_service(Service(iam.service_name, iam.region, iam.service_types, service_delay=5))
    assert plane.services["com.amazonaws.iam"].service_delay == 5
