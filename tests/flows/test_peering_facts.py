"""Peering connections: what passes them, and what of the far side stays out of reach (EDGE-2)."""

from __future__ import annotations

import pytest

from emulator.control import ControlPlane
from emulator.model.settings import Settings
from emulator.wire.packet import DF, Packet
from tests.flows.edge_worlds import EVERYWHERE, A, open_group
from tests.flows.lab import Lab, datagram, syn

NEAR, FAR = "10.1.1.10:40000", "10.2.1.10:443"


def peered_world(settings: Settings | None = None, region: str = "us-east-1") -> ControlPlane:
    """``near`` (10.1), ``far`` (10.2) and ``third`` (10.3), peered in a row; everything of ``far``'s is at hand.

    ``far`` has an internet gateway, a NAT gateway, a VPN, a gateway endpoint for S3, and ``region`` is where it is.
    """
    ec2 = ControlPlane("us-east-1", settings)
    for vpc, second, where in (("near", 1, "us-east-1"), ("far", 2, region), ("third", 3, region)):
        ec2.create_vpc(f"10.{second}.0.0/16", vpc_id=vpc, region=where)
        ec2.create_subnet(vpc, f"10.{second}.1.0/24", A.replace("us-east-1", where), subnet_id=f"{vpc}-a")
        ec2.create_route_table(vpc, route_table_id=f"{vpc}-table")
        ec2.associate_route_table(f"{vpc}-table", f"{vpc}-a")
        open_group(ec2, vpc, f"sg-{vpc}")
        ec2.run_instances(
            instance_id=vpc,
            subnet_id=f"{vpc}-a",
            security_group_ids=f"sg-{vpc}",
            private_ip_address=f"10.{second}.1.10",
        )
    for one, other in (("near", "far"), ("far", "third")):
        pcx = f"pcx-{one}-{other}"
        ec2.create_vpc_peering_connection(one, other, vpc_peering_connection_id=pcx, peer_region=region)
        for here, there in ((one, other), (other, one)):
            ec2.create_route(
                f"{here}-table",
                destination_cidr_block=str(ec2.vpcs[there].cidr_blocks[0]),
                vpc_peering_connection_id=pcx,
            )
    ec2.create_route("near-table", destination_cidr_block=EVERYWHERE, vpc_peering_connection_id="pcx-near-far")
    ec2.create_route("third-table", destination_cidr_block=EVERYWHERE, vpc_peering_connection_id="pcx-far-third")
    ec2.create_internet_gateway(internet_gateway_id="igw", vpc_id="far")
    ec2.create_nat_gateway("far-a", nat_gateway_id="nat", private_ip_address="10.2.1.220")
    ec2.create_route("far-table", destination_cidr_block=EVERYWHERE, gateway_id="igw")
    ec2.create_vpn_gateway(vpn_gateway_id="vgw", vpc_id="far")
    ec2.create_customer_gateway("198.18.0.1", customer_gateway_id="cgw")
    ec2.create_vpn_connection("cgw", vpn_gateway_id="vgw", routes=["192.168.0.0/16"], vpn_connection_id="vpn")
    ec2.enable_vgw_route_propagation("vgw", "far-table")
    if region == "us-east-1":
        ec2.create_vpc_endpoint(
            "far", f"com.amazonaws.{region}.s3", vpc_endpoint_id="s3", route_table_ids=["far-table"]
        )
    return ec2


@pytest.mark.fact("EDGE-2")
def test_a_peering_joins_two_vpcs_both_ways() -> None:
    lab = Lab(peered_world())
    out = lab.send(syn(NEAR, FAR), "eni-near")
    assert out.path == "eni-near sg-near acl-default-near near-table pcx-near-far acl-default-far sg-far"
    back = lab.answer(out)
    assert back.path == "eni-far sg-far acl-default-far far-table pcx-near-far acl-default-near sg-near"
    assert (out.where, back.where) == ("eni-far", "eni-near")


@pytest.mark.fact("EDGE-2")
@pytest.mark.parametrize(
    "to",
    [
        pytest.param("10.3.1.10:443", id="not transitive"),
        pytest.param("203.0.113.5:443", id="no internet gateway, no NAT gateway"),
        pytest.param("192.168.1.1:443", id="no VPN"),
        pytest.param("52.216.0.10:443", id="no gateway endpoint", marks=pytest.mark.fact("VPCE-GW-13")),
    ],
)
def test_nothing_beyond_the_far_vpc_is_reached(to: str) -> None:
    story = Lab(peered_world()).send(syn(NEAR, to), "eni-near")
    assert story.where == "PCX_REQUIRES_ADDRESS_IN_VPC_CIDR at pcx-near-far (0.0.0.0/0 -> pcx-near-far)"


@pytest.mark.fact("EDGE-2", "NAT-3")
def test_the_far_nat_gateway_is_no_way_out() -> None:
    """By its address it is reached as any interface, and takes nothing for itself."""
    story = Lab(peered_world()).send(syn(NEAR, "10.2.1.220:443"), "eni-near")
    assert story.where == "NO_POSSIBLE_DESTINATION at nat"


@pytest.mark.fact("EDGE-2", "DNS-5")
def test_the_far_resolver_answers_nobody_from_outside() -> None:
    story = Lab(peered_world()).send(datagram(NEAR, "10.2.0.2:53"), "eni-near")
    assert story.where == "NO_POSSIBLE_DESTINATION at pcx-near-far"


@pytest.mark.fact("EDGE-2")
def test_what_comes_into_the_far_vpc_by_its_edges_does_not_leave_by_the_peering() -> None:
    lab = Lab(peered_world())
    assert lab.send(syn("192.168.1.1:40000", "10.1.1.10:443"), "vpn").why == "VGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS"
    assert lab.send(syn("203.0.113.5", "10.1.1.10:443"), "internet").why == "NO_POSSIBLE_DESTINATION"


@pytest.mark.fact("EDGE-2")
def test_with_a_route_on_one_side_only_the_answer_is_lost() -> None:
    ec2 = peered_world()
    ec2.delete_route("far-table", destination_cidr_block="10.1.0.0/16")
    ec2.delete_route("far-table", destination_cidr_block=EVERYWHERE)
    lab = Lab(ec2)
    assert lab.there_and_back(syn(NEAR, FAR), "eni-near") == ("eni-far", "NO_ROUTE_TO_DESTINATION at far-table")


@pytest.mark.fact("EDGE-2")
def test_an_answer_by_another_way_is_refused_there() -> None:
    """The far table sends it to the internet."""
    ec2 = peered_world()
    ec2.delete_route("far-table", destination_cidr_block="10.1.0.0/16")
    back = Lab(ec2).there_and_back(syn(NEAR, FAR), "eni-near")[1]
    assert back == "IGW_DESTINATION_ADDRESS_NOT_IN_RFC1918_EGRESS at igw"


@pytest.mark.fact("EDGE-2", "ROUTE-14")
@pytest.mark.parametrize(
    "status",
    [
        "initiating-request",
        "failed",
        "pending-acceptance",
        "expired",
        "rejected",
        "provisioning",
        "deleting",
        "deleted",
    ],
)
def test_only_an_active_peering_is_more_than_a_blackhole(status: str) -> None:
    ec2 = peered_world()
    ec2.set_vpc_peering_connection_status("pcx-near-far", status)
    story = Lab(ec2).send(syn(NEAR, FAR), "eni-near")
    assert story.where == "BAD_STATE_ROUTE at near-table (10.2.0.0/16 -> pcx-near-far (blackhole))"


@pytest.mark.fact("EDGE-2")
def test_a_packet_on_its_way_through_a_peering_that_ends_still_arrives() -> None:
    lab = Lab(peered_world())
    story = lab.send(
        syn(NEAR, FAR), "eni-near", meanwhile=lambda: lab.ec2.delete_vpc_peering_connection("pcx-near-far")
    )
    assert story.where == "eni-far"


def long(length: int) -> Packet:
    packet = datagram("10.1.1.10:5000", "10.2.1.10:53", bytes(length - 28))
    packet.fragment = DF
    return packet


@pytest.mark.fact("NET-6")
@pytest.mark.parametrize(
    ("region", "settings", "limit"),
    [
        ("us-east-1", None, 9001),
        ("eu-west-1", None, 8500),
        ("eu-west-1", Settings(inter_region_peering_mtu=1500), 1500),
    ],
)
def test_how_long_a_packet_may_be_between_two_vpcs(region: str, settings: Settings | None, limit: int) -> None:
    lab = Lab(peered_world(settings, region))
    assert lab.send(long(limit), "eni-near").where == "eni-far"
    assert lab.send(long(limit + 1), "eni-near").why == "EMU_OVER_MTU"


@pytest.mark.fact("NET-7")
def test_between_regions_the_sender_of_too_long_a_packet_is_told() -> None:
    [(where, message)] = Lab(peered_world(None, "eu-west-1")).send(long(8501), "eni-near").answers
    assert (where, message.dport, int.from_bytes(message.payload[6:8], "big")) == ("eni-near", 0x304, 8500)


@pytest.mark.fact("SG-4", "SG-5")
def test_a_rule_names_a_peers_group_while_there_is_a_peering() -> None:
    """Stale, it is kept and matches nothing; with another peering it is as before."""
    ec2 = peered_world()
    ec2.create_security_group("far", group_id="friends")
    ec2.authorize_security_group_ingress(
        "friends", ip_protocol="tcp", from_port=443, to_port=443, referenced_group_id="sg-near"
    )
    ec2.authorize_security_group_ingress("friends", ip_protocol="icmp", cidr_ip=EVERYWHERE)
    ec2.modify_network_interface_attribute("eni-far", groups=["friends"])
    lab = Lab(ec2)
    assert lab.send(syn("10.1.1.10:40000", FAR), "eni-near").where == "eni-far"
    ec2.set_vpc_peering_connection_status("pcx-near-far", "pending-acceptance")
    tables = lab.fabric.tables()
    assert (tables.interfaces["eni-far"].ingress or ())[0].text.endswith("(stale)")
    ec2.set_vpc_peering_connection_status("pcx-near-far", "active")
    assert lab.send(syn("10.1.1.10:40001", FAR), "eni-near").where == "eni-far"
    # Now by another way while the rule is stale: the group is no longer known.
    ec2.create_transit_gateway(transit_gateway_id="tgw")
    for vpc in ("near", "far"):
        ec2.create_transit_gateway_vpc_attachment("tgw", vpc, f"{vpc}-a")
        ec2.replace_route(
            f"{vpc}-table",
            destination_cidr_block=str(ec2.vpcs["far" if vpc == "near" else "near"].cidr_blocks[0]),
            transit_gateway_id="tgw",
        )
    ec2.delete_vpc_peering_connection("pcx-near-far")
    assert lab.send(syn("10.1.1.10:40002", FAR), "eni-near").where == "ENI_SG_RULES_MISMATCH at friends"
    assert lab.send(syn("10.1.1.10:40001", FAR), "eni-near").where == "eni-far"  # tracked (SG-13)


@pytest.mark.fact("SG-5")
def test_a_group_that_is_deleted_leaves_a_rule_that_nobody_can_read() -> None:
    ec2 = peered_world()
    ec2.create_security_group("near", group_id="gone")
    ec2.create_security_group("far", group_id="friends")
    ec2.authorize_security_group_ingress(
        "friends", ip_protocol="tcp", from_port=443, to_port=443, referenced_group_id="gone"
    )
    ec2.modify_network_interface_attribute("eni-far", groups=["friends"])
    ec2.delete_security_group("gone")
    assert Lab(ec2).send(syn(NEAR, FAR), "eni-near").where == "UNKNOWN_PEERED_SGS at friends"
