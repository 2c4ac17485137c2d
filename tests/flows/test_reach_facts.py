"""From where endpoints are reached, whose address is seen, and what routers and link-local services do not do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from emulator.control.errors import Ec2Error
from emulator.wire.packet import ACK
from tests.flows.edge_worlds import (
    A,
    premises_world,
    privatelink_world,
    tool_service,
    transit_world,
)
from tests.flows.lab import Lab, datagram, ping, shown, syn
from tests.flows.worlds import world

if TYPE_CHECKING:
    from emulator.control import ControlPlane
    from emulator.wire.packet import Packet

NEAR, FAR = "eni-api-us-east-1a", "eni-api-us-east-1b"


def routes(ec2: ControlPlane) -> dict[str, tuple[object, ...]]:
    return {name: table.routes for name, table in ec2.route_tables.items()}


@pytest.mark.fact("VPCE-IF-10")
@pytest.mark.parametrize("there", [("10.0.1.200:443", NEAR), ("10.0.3.200:443", FAR)])
@pytest.mark.parametrize("client", ["web", "db", "east", "neighbour"])
def test_an_interface_endpoint_is_reached_from_every_subnet_and_zone_and_from_a_peer(
    client: str, there: tuple[str, str]
) -> None:
    ec2 = world()
    ec2.run_instances(instance_id="east", subnet_id="c", security_group_ids=["web"], private_ip_address="10.0.3.10")
    address = ec2.network_interfaces[f"eni-{client}"].private_ip_address
    to, eni = there
    assert Lab(ec2).there_and_back(syn(f"{address}:7", to), f"eni-{client}") == (eni, f"eni-{client}")


@pytest.mark.fact("VPCE-IF-10")
def test_an_interface_endpoint_is_reached_by_direct_connect() -> None:
    ec2 = premises_world()
    tool_service(ec2)
    ec2.create_private_virtual_interface("vgw", routes=["172.20.0.0/16"], virtual_interface_id="vif")
    ec2.register_external_host("172.20.0.1", external_host_id="rack", location="vif")
    subnet = {"subnet_id": "private", "ipv4": "10.0.1.200"}
    create(ec2, "vpc", subnet_configurations=[subnet], security_group_ids=["open"])
    assert Lab(ec2).there_and_back(syn("172.20.0.1:1", "10.0.1.200:443"), "rack") == ("eni-ep-us-east-1a", "rack")


def create(ec2: ControlPlane, vpc: str, **options: object) -> None:
    ec2.create_vpc_endpoint(
        vpc, "com.amazonaws.us-east-1.tool", vpc_endpoint_type="Interface", vpc_endpoint_id="ep", **options
    )


@pytest.mark.fact("VPCE-IF-10")
def test_an_interface_endpoint_adds_no_route() -> None:
    ec2 = transit_world()
    tool_service(ec2)
    before = routes(ec2)
    create(ec2, "blue", subnet_ids=["blue1"], security_group_ids=["sg-blue"])
    assert routes(ec2) == before


# --- designated addresses -------------------------------------------------------------------------------------------


@pytest.mark.fact("VPCE-IF-4")
@pytest.mark.parametrize("address", ["10.0.1.0", "10.0.1.1", "10.0.1.2", "10.0.1.3", "10.0.1.255", "10.0.2.9"])
def test_a_designated_address_lies_in_the_subnet_and_is_none_of_the_reserved_five(address: str) -> None:
    ec2 = world()
    tool_service(ec2)
    with pytest.raises(Ec2Error) as refused:
        create(ec2, "vpc", subnet_configurations=[{"subnet_id": "a", "ipv4": address}])
    assert (refused.value.parameter, refused.value.path) == ("subnet_configurations", (0, "ipv4"))
    assert address in str(refused.value)


@pytest.mark.fact("VPCE-IF-4")
def test_another_address_later_is_another_interface_and_cuts_what_was_open() -> None:
    ec2 = world()
    lab = Lab(ec2, compiling=True)
    lab.answer(lab.send(syn("10.0.1.10:7", "10.0.1.200:443"), "eni-web"))
    assert lab.send(syn("10.0.1.10:7", "10.0.1.200:443", ACK), "eni-web").where == NEAR
    ec2.modify_vpc_endpoint(
        "api",
        remove_subnet_ids=["a"],
        add_subnet_ids=["a"],
        subnet_configurations=[{"subnet_id": "a", "ipv4": "10.0.1.201"}],
    )
    gone = lab.send(syn("10.0.1.10:7", "10.0.1.200:443", ACK), "eni-web")
    assert gone.why == "NO_POSSIBLE_DESTINATION"
    assert lab.send(syn("10.0.1.10:7", "10.0.1.201:443", ACK), "eni-web").why == "EMU_IDLE_TIMEOUT"
    assert lab.there_and_back(syn("10.0.1.10:8", "10.0.1.201:443"), "eni-web") == (NEAR, "eni-web")


@pytest.mark.fact("VPCE-IF-4")
def test_subnets_are_shared_with_no_other_account_so_no_endpoint_is_in_one() -> None:
    """One control plane stands for all accounts (EMU)."""
    with pytest.raises(Ec2Error) as refused:
        world().create_resource_share("arn:aws:ec2:us-east-1:111122223333:subnet/a")
    assert refused.value.code == "UnsupportedOperation"


# --- whose address is seen ------------------------------------------------------------------------------------------


@pytest.mark.fact("VPCE-IF-16")
def test_a_service_of_aws_sees_the_client_and_a_customers_target_sees_the_load_balancer() -> None:
    assert shown(Lab(world()).send(syn("10.0.1.10:7", "10.0.1.200:443"), "eni-web").arrived) == (
        "10.0.1.10:7 > 10.0.1.200:443"
    )
    seen = Lab(privatelink_world(zones=(A,))).send(syn("10.0.1.10:7", "10.0.1.200:443"), "eni-client").arrived
    assert shown(seen).startswith("10.0.1.50:")
    assert shown(seen).endswith(" > 10.0.1.10:8443")


# --- routers --------------------------------------------------------------------------------------------------------


@pytest.mark.fact("ROUTE-7")
@pytest.mark.parametrize("to", ["10.0.2.20:5432", "10.0.3.200:443", "52.216.0.10:443", "10.9.1.10:443"])
def test_no_router_of_a_vpc_counts_a_packets_hops(to: str) -> None:
    """Across subnets, zones, a gateway endpoint and a peering: a packet that may take one hop arrives, and with it."""
    ec2 = world()
    ec2.authorize_security_group_ingress(
        ec2.network_interfaces["eni-neighbour"].groups[0], ip_protocol="-1", cidr_ip="10.0.0.0/8"
    )
    probe = syn("10.0.1.10:33434", to)
    probe.ttl = 1
    story = Lab(ec2).send(probe, "eni-web")
    assert story.arrived is not None
    assert (story.arrived.ttl, story.answers) == (1, [])


@pytest.mark.fact("ROUTE-7")
@pytest.mark.parametrize(
    "packet",
    [syn("10.0.1.10:7", "8.8.8.8:443"), datagram("10.0.1.10:7", "8.8.8.8:33434"), ping("10.0.1.10", "8.8.8.8")],
)
def test_without_a_route_nobody_is_told(packet: Packet) -> None:
    story = Lab(world()).send(packet, "eni-web")
    assert (story.where, story.answers) == ("NO_ROUTE_TO_DESTINATION at private", [])


# --- link-local -----------------------------------------------------------------------------------------------------


@pytest.mark.fact("DNS-6", "SG-7")
@pytest.mark.parametrize("there", ["169.254.169.254:80", "169.254.169.123:123"])
def test_instance_metadata_and_time_are_asked_past_every_filter_and_not_modelled(there: str) -> None:
    ec2 = world()
    ec2.revoke_security_group_egress("web", ip_protocol="-1", cidr_ip="0.0.0.0/0")
    story = Lab(ec2).send(datagram("10.0.1.10:7", there), "eni-web")
    assert story.where == "EMU_LINK_LOCAL at eni-web"
    assert story.path == "eni-web"
    assert "instance metadata and time are not modelled" in story.steps[-1].detail
    stranger = Lab(ec2).send(datagram("10.0.1.10:7", "169.254.169.77:80"), "eni-web")
    assert "not modelled" not in stranger.steps[-1].detail


@pytest.mark.fact("DNS-4", "SG-7")
def test_nothing_filters_the_amazon_resolver_and_everything_filters_ones_own() -> None:
    ec2 = world()
    ec2.revoke_security_group_egress("web", ip_protocol="-1", cidr_ip="0.0.0.0/0")
    ec2.create_network_acl("vpc", network_acl_id="closed")
    ec2.replace_network_acl_association("closed", "a")
    lab = Lab(ec2)
    for resolver in ("10.0.0.2", "169.254.169.253"):  # DNS-1
        question = datagram("10.0.1.10:7", f"{resolver}:53")
        assert lab.there_and_back(question, "eni-web") == ("vpc/resolver", "eni-web")
    own = datagram("10.0.1.10:7", "10.0.2.20:53")
    assert lab.send(own.copy(), "eni-web").where == "SG_HAS_NO_RULES at web"
    ec2.authorize_security_group_egress("web", ip_protocol="-1", cidr_ip="0.0.0.0/0")
    assert lab.send(own.copy(), "eni-web").where == "SUBNET_ACL_RESTRICTION at closed (*)"


@pytest.mark.fact("DNS-1")
def test_the_resolver_is_at_the_base_of_the_primary_block_plus_two() -> None:
    ec2 = world()
    ec2.associate_vpc_cidr_block("vpc", "10.77.0.0/16")
    lab = Lab(ec2)
    assert lab.send(datagram("10.0.1.10:7", "10.0.0.2:53"), "eni-web").where == "vpc/resolver"
    assert lab.send(datagram("10.0.1.10:7", "10.77.0.2:53"), "eni-web").why == "NO_POSSIBLE_DESTINATION"
