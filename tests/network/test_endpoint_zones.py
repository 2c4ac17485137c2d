"""What a client notices when a zone fails: names that turn, names that pin, and endpoints of one zone (VPCE-IF-17)."""

from __future__ import annotations

import asyncio

import pytest

from emulator import ControlPlane, Network
from emulator.model.resources import Service, VpcEndpointType
from emulator.services.names import endpoint_names

A, B, C = (f"us-east-1{letter}" for letter in "abc")
NAME = "tool.us-east-1.amazonaws.com"


def three_zones(*subnets: str) -> ControlPlane:
    """A client in each of three zones; an endpoint with private DNS that has interfaces in some of their subnets."""
    ec2 = ControlPlane("us-east-1")
    ec2.create_vpc("10.0.0.0/16", vpc_id="vpc")
    ec2.modify_vpc_attribute("vpc", enable_dns_hostnames=True)
    ec2.create_security_group("vpc", group_id="open")
    ec2.authorize_security_group_ingress("open", ip_protocol="-1", cidr_ip="10.0.0.0/16")
    for number, (subnet, zone) in enumerate(zip("abc", (A, B, C), strict=True), 1):
        ec2.create_subnet("vpc", f"10.0.{number}.0/24", zone, subnet_id=subnet)
        ec2.run_instances(instance_id=f"client-{subnet}", subnet_id=subnet, security_group_ids="open")
    service = Service(
        "com.amazonaws.us-east-1.tool",
        "us-east-1",
        (VpcEndpointType.INTERFACE,),
        private_dns_names=(NAME,),
        application="http",
    )
    ec2.register_service(service)
    places = {"a": "10.0.1.200", "b": "10.0.2.200"}
    ec2.create_vpc_endpoint(
        "vpc",
        service.service_name,
        vpc_endpoint_type="Interface",
        vpc_endpoint_id="vpce-tool",
        subnet_configurations=[{"subnet_id": one, "ipv4": places[one]} for one in subnets],
        security_group_ids="open",
        private_dns_enabled=True,
    )
    return ec2


def connected(network: Network, client: str, name: str) -> str:
    """The address that a client gets through to, or nothing: it tries every one, a few seconds each."""

    async def connect() -> str:
        try:
            addresses = [one[4][0] for one in await asyncio.get_running_loop().getaddrinfo(name, 80, type=1)]
        except OSError:
            return "no name"
        for address in addresses:
            try:
                async with asyncio.timeout(3):
                    _, writer = await asyncio.open_connection(address, 80)
            except TimeoutError:
                continue
            writer.close()
            return str(address)
        return ""

    return network.run(connect(), host=client)


@pytest.fixture
def network() -> Network:
    network = Network(three_zones("a", "b"))
    yield network
    network.abandon()


@pytest.mark.fact("VPCE-IF-17")
def test_the_regional_name_takes_turns_over_all_zones_whatever_zone_asks(network: Network) -> None:
    for client in ("client-a", "client-b", "client-c"):
        assert {connected(network, client, NAME) for _ in range(2)} == {"10.0.1.200", "10.0.2.200"}


@pytest.mark.fact("VPCE-IF-17")
def test_a_failed_zone_is_left_out_of_the_regional_name_and_its_zonal_name_still_leads_there(network: Network) -> None:
    zonal = dict(endpoint_names(network.ec2.vpc_endpoints["vpce-tool"], "us-east-1", (A, B)).zonal)
    assert [connected(network, "client-c", zonal[zone]) for zone in (A, B)] == ["10.0.1.200", "10.0.2.200"]
    network.ec2.fail_availability_zone(A)
    assert {connected(network, "client-c", NAME) for _ in range(3)} == {"10.0.2.200"}
    assert [connected(network, "client-c", zonal[zone]) for zone in (A, B)] == ["", "10.0.2.200"]
    assert connected(network, "client-c", "10.0.1.200") == ""  # as does the interface's address
    network.ec2.restore_availability_zone(A)
    assert {connected(network, "client-c", NAME) for _ in range(2)} == {"10.0.1.200", "10.0.2.200"}


@pytest.mark.fact("VPCE-IF-17")
def test_with_an_endpoint_of_one_zone_that_zones_failure_cuts_all_subnets() -> None:
    network = Network(three_zones("a"))
    clients = ("client-b", "client-c")
    assert [connected(network, client, NAME) for client in clients] == ["10.0.1.200"] * 2
    network.ec2.fail_availability_zone(A)
    assert [connected(network, client, NAME) for client in clients] == ["", ""]
    network.abandon()


@pytest.mark.fact("VPCE-GW-17", "DNS-2")
def test_without_dns_support_names_fail_and_addresses_work() -> None:
    ec2 = three_zones("a")
    ec2.create_vpc_endpoint("vpc", "com.amazonaws.us-east-1.s3", vpc_endpoint_id="s3", route_table_ids="rtb-main-vpc")
    ec2.modify_vpc_endpoint("vpce-tool", private_dns_enabled=False)
    name = "s3.us-east-1.amazonaws.com"
    with Network(ec2) as network:
        assert connected(network, "client-a", name).startswith(("54.", "52.", "3."))  # it stays public
        ec2.modify_vpc_attribute("vpc", enable_dns_support=False)
        assert connected(network, "client-a", name) == "no name"
        assert connected(network, "client-a", "52.216.0.10") == "52.216.0.10"


@pytest.mark.fact("REACH-3")
def test_a_trace_remarks_on_the_zone_it_crosses_into_and_not_on_its_own(network: Network) -> None:
    near, far = (network.trace("client-a", f"{address}:80") for address in ("10.0.1.200", "10.0.2.200"))
    assert (near.reachable, near.remarks) == (True, ())
    assert (far.reachable, far.remarks) == (True, ("AVAILABILITY_ZONE_CROSSED: use1-az1 to use1-az2",))
