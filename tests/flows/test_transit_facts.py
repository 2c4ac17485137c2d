"""Transit gateways: zones, tables, states, network ACLs, identity, and ways that lead further (EDGE-3)."""

from __future__ import annotations

import pytest

from emulator.control import ControlPlane  # noqa: TC001
from emulator.model.settings import Settings
from emulator.wire.options import TcpOptions, read, write_syn
from emulator.wire.packet import ACK, DF, Packet
from tests.flows.edge_worlds import EVERYWHERE, tool_service, transit_world
from tests.flows.lab import Lab, datagram, shown, syn

RED, BLUE, HOST = "10.1.1.10:40000", "10.2.1.10:443", "203.0.113.5:443"
TABLE = "tgw-rtb-default-tgw"


@pytest.mark.fact("EDGE-3")
def test_from_vpc_to_vpc_and_back() -> None:
    lab = Lab(transit_world())
    out = lab.send(syn(RED, BLUE), "eni-red-1")
    assert out.path == (
        "eni-red-1 sg-red acl-default-red red-table acl-default-red tgw tgw-rtb-default-tgw att-blue "
        "acl-default-blue rtb-main-blue acl-default-blue sg-blue"
    )
    assert [step.rule for step in out.steps if step.gate == "transit_gateway_route"] == [
        "10.2.0.0/16 (propagated-vpc) -> att-blue"
    ]
    assert (out.where, lab.answer(out).where) == ("eni-blue-1", "eni-red-1")


@pytest.mark.fact("EDGE-3")
def test_a_zone_without_an_attachment_subnet_cannot_send_in_and_is_reached_all_the_same() -> None:
    lab = Lab(transit_world())
    refused = lab.send(syn("10.1.2.10:1", BLUE), "eni-red-2")
    assert refused.where == "TGW_ROUTE_AZ_RESTRICTION at att-red"
    out = lab.send(syn("10.2.1.10:1", "10.1.2.10:80"), "eni-blue-1")
    assert (out.where, lab.answer(out).where) == ("eni-red-2", "TGW_ROUTE_AZ_RESTRICTION at att-red")
    lab.ec2.create_subnet("red", "10.1.9.0/24", "us-east-1b", subnet_id="red-tgw2")
    lab.ec2.modify_transit_gateway_vpc_attachment("att-red", add_subnet_ids="red-tgw2")
    assert lab.answer(out).where == "eni-blue-1"


@pytest.mark.fact("EDGE-3")
def test_traffic_keeps_to_its_zone_where_both_ends_are_attached_there() -> None:
    ec2 = transit_world()
    for vpc, second in (("red", 1), ("blue", 2)):
        ec2.create_subnet(vpc, f"10.{second}.9.0/24", "us-east-1b", subnet_id=f"{vpc}-tgw2")
        ec2.modify_transit_gateway_vpc_attachment(f"att-{vpc}", add_subnet_ids=f"{vpc}-tgw2")
    lab = Lab(ec2)
    lab.send(syn("10.1.2.10:1", "10.2.2.10:80"), "eni-red-2")
    taken = [key[1] for key in lab.fabric._links if "eni-att" in key[1]]
    assert taken == ["eni-att-red-us-east-1b", "eni-att-blue-us-east-1b"]


@pytest.mark.fact("EDGE-3")
def test_appliance_mode_keeps_both_directions_in_one_zone() -> None:
    """Without it each direction stays in the zone it comes from, and a stateful middlebox would see half a flow."""

    def zones(*, appliance: bool) -> list[tuple[str, str]]:
        ec2 = transit_world()
        ec2.create_subnet("hub", "10.100.9.0/24", "us-east-1b", subnet_id="hub-tgw2")
        ec2.modify_transit_gateway_vpc_attachment(
            "att-hub", add_subnet_ids="hub-tgw2", appliance_mode_support=appliance
        )
        for vpc, second in (("red", 1), ("blue", 2)):
            ec2.create_subnet(vpc, f"10.{second}.9.0/24", "us-east-1b", subnet_id=f"{vpc}-tgw2")
            ec2.modify_transit_gateway_vpc_attachment(f"att-{vpc}", add_subnet_ids=f"{vpc}-tgw2")
        for vpc, block in (("red", "10.2.0.0/16"), ("blue", "10.1.0.0/16")):  # by the hub, to each other
            name = f"{vpc}-rtb"
            ec2.create_transit_gateway_route_table("tgw", transit_gateway_route_table_id=name)
            ec2.disassociate_transit_gateway_route_table(TABLE, f"att-{vpc}")
            ec2.associate_transit_gateway_route_table(name, f"att-{vpc}")
            ec2.create_transit_gateway_route(name, block, transit_gateway_attachment_id="att-hub")
        found = []
        for number in range(8):
            ends = (f"10.1.1.10:{1000 + number}", f"10.2.2.{10 + number}:80")
            ways = []
            for (source, to), sender in ((ends, "eni-red-1"), (ends[::-1], "eni-blue-2")):
                lab = Lab(ec2)
                if sender == "eni-blue-2":
                    ec2.modify_network_interface_attribute("eni-blue-2", source_dest_check=False)
                lab.send(syn(source, to), sender)
                ways += [key[1].rpartition("-")[2] for key in lab.fabric._links if key[1].startswith("eni-att-hub")]
            found.append((ways[0], ways[-1]))
        return found

    assert all(there == back for there, back in zones(appliance=True))
    assert len({there for there, _ in zones(appliance=True)}) == 2
    assert all((there, back) == ("1a", "1b") for there, back in zones(appliance=False))


@pytest.mark.fact("EDGE-3")
def test_an_attachment_without_a_table_leads_nowhere() -> None:
    ec2 = transit_world()
    ec2.disassociate_transit_gateway_route_table(TABLE, "att-red")
    assert Lab(ec2).send(syn(RED, BLUE), "eni-red-1").where == "TGW_ATTACH_MISSING_TGW_RTB_ASSOCIATION at att-red"


@pytest.mark.fact("EDGE-3")
def test_what_a_transit_gateways_table_says() -> None:
    """No route; a blackhole by choice, and one for the attachment is gone; one that nobody can read."""
    ec2 = transit_world()
    ec2.delete_transit_gateway_route(TABLE, EVERYWHERE)
    lab = Lab(ec2)
    assert lab.send(syn(RED, HOST), "eni-red-1").where == f"TGW_RTB_NO_ROUTE_TO_TGW_ATTACHMENT at {TABLE}"
    ec2.create_transit_gateway_route(TABLE, "203.0.113.0/24", blackhole=True)
    dropped = lab.send(syn(RED, HOST), "eni-red-1")
    assert dropped.where.startswith(f"TGW_RTB_BAD_STATE_ROUTE at {TABLE} (203.0.113.0/24")
    ec2.create_transit_gateway_route(TABLE, "10.2.1.0/24", blackhole=True)
    assert lab.send(syn(RED, BLUE), "eni-red-1").why == "TGW_RTB_BAD_STATE_ROUTE"
    assert lab.send(syn(RED, "10.2.2.10:443"), "eni-red-1").where == "eni-blue-2"
    ec2.create_transit_gateway_route_table("tgw", transit_gateway_route_table_id="secret", unreadable=True)
    ec2.disassociate_transit_gateway_route_table(TABLE, "att-red")
    ec2.associate_transit_gateway_route_table("secret", "att-red")
    assert lab.send(syn(RED, BLUE), "eni-red-1").where == "TGW_RTB_ROUTES_ARE_UNKNOWN at secret"


@pytest.mark.fact("EDGE-3")
def test_a_static_route_wins_over_a_propagated_one_of_its_length() -> None:
    ec2 = transit_world()
    ec2.create_transit_gateway_route(TABLE, "10.2.0.0/16", transit_gateway_attachment_id="att-hub")
    out = Lab(ec2).send(syn(RED, BLUE), "eni-red-1")
    assert "10.2.0.0/16 (static) -> att-hub" in [step.rule for step in out.steps]


@pytest.mark.fact("EDGE-3")
@pytest.mark.parametrize("state", ["pending", "modifying", "failed"])
@pytest.mark.parametrize("name", ["att-red", "att-blue"])
def test_only_an_available_attachment_forwards(state: str, name: str) -> None:
    """At either end; with its own gone bad, the VPC's route is a blackhole as a rule (ROUTE-14)."""
    ec2 = transit_world()
    ec2.create_transit_gateway_route(TABLE, "10.2.0.0/16", transit_gateway_attachment_id="att-blue")
    ec2.set_transit_gateway_attachment_state(name, state)
    story = Lab(ec2).send(syn(RED, BLUE), "eni-red-1")
    blackhole = name == "att-red" and state == "failed"
    assert story.why == ("BAD_STATE_ROUTE" if blackhole else "BAD_STATE_ATTACHMENT")


# --- network ACLs ----------------------------------------------------------------------------------------------------


def acl(ec2: ControlPlane, subnet: str, *denied: tuple[bool, str]) -> None:
    """Give a subnet a list of its own that allows everything but ``(egress, block)``."""
    name, vpc = f"acl-{subnet}", ec2.subnets[subnet].vpc_id
    ec2.create_network_acl(vpc, network_acl_id=name)
    ec2.replace_network_acl_association(name, subnet)
    for number, (egress, block) in enumerate(denied, 1):
        ec2.create_network_acl_entry(
            name, rule_number=number, protocol="-1", rule_action="deny", egress=egress, cidr_block=block
        )
    for egress in (True, False):
        ec2.create_network_acl_entry(
            name, rule_number=100, protocol="-1", rule_action="allow", egress=egress, cidr_block=EVERYWHERE
        )


@pytest.mark.fact("EDGE-3", "NACL-1")
@pytest.mark.parametrize(
    ("subnet", "egress", "block", "stopped"),
    [
        # The attachment's subnet of the sender: inbound rules by the source, outbound ones not at all.
        ("red-tgw", False, "10.1.1.0/24", True),
        ("red-tgw", True, EVERYWHERE, False),
        # That of the receiver: outbound rules by the destination, inbound ones not at all.
        ("blue-tgw", True, "10.2.1.0/24", True),
        ("blue-tgw", False, EVERYWHERE, False),
        # The hosts' own subnets, as ever.
        ("red1", True, "10.2.0.0/16", True),
        ("blue1", False, "10.1.0.0/16", True),
    ],
)
def test_network_acls_of_attachment_subnets_judge_one_direction_each(
    subnet: str, egress: bool, block: str, stopped: bool
) -> None:
    """AWS: "Network ACLs for transit gateways", different subnets for instances and attachment."""
    ec2 = transit_world()
    acl(ec2, subnet, (egress, block))
    story = Lab(ec2).send(syn(RED, BLUE), "eni-red-1")
    assert story.where.startswith(f"SUBNET_ACL_RESTRICTION at acl-{subnet}" if stopped else "eni-blue-1")


@pytest.mark.fact("EDGE-3", "NACL-1")
@pytest.mark.parametrize(
    ("vpc", "denied", "stopped"),
    [
        # From the instance to the attachment both are asked: outbound by destination, inbound by source.
        ("red", (True, "10.2.0.0/16"), True),
        ("red", (False, "10.1.0.0/24"), True),
        # From the attachment to the instance neither is.
        ("blue", (True, EVERYWHERE), False),
        ("blue", (False, EVERYWHERE), False),
    ],
)
def test_network_acls_where_instance_and_attachment_share_a_subnet(
    vpc: str, denied: tuple[bool, str], stopped: bool
) -> None:
    """AWS: the same page, same subnet for both."""
    ec2 = transit_world()
    for name, second in (("red", 1), ("blue", 2)):
        ec2.run_instances(
            instance_id=f"{name}-0",
            subnet_id=f"{name}-tgw",
            security_group_ids=f"sg-{name}",
            private_ip_address=f"10.{second}.0.99",
        )
    ec2.associate_route_table("red-table", "red-tgw")
    acl(ec2, f"{vpc}-tgw", denied)
    story = Lab(ec2).send(syn("10.1.0.99:1", "10.2.0.99:80"), "eni-red-0")
    assert story.where.startswith("SUBNET_ACL_RESTRICTION" if stopped else "eni-blue-0")


# --- identity --------------------------------------------------------------------------------------------------------


def befriend(ec2: ControlPlane) -> None:
    """Let blue-1 admit whom ``sg-red`` has, and nobody else."""
    ec2.create_security_group("blue", group_id="friends")
    ec2.modify_network_interface_attribute("eni-blue-1", groups=["friends"])
    ec2.authorize_security_group_ingress("friends", ip_protocol="tcp", referenced_group_id="sg-red")


@pytest.mark.fact("SG-4")
def test_groups_are_known_through_a_transit_gateway_that_has_referencing_on() -> None:
    ec2 = transit_world(referencing=True)
    befriend(ec2)
    lab = Lab(ec2)
    assert lab.there_and_back(syn(RED, BLUE), "eni-red-1") == ("eni-blue-1", "eni-red-1")
    ec2.modify_transit_gateway_vpc_attachment("att-red", security_group_referencing_support=False)
    assert lab.send(syn("10.1.1.10:2", BLUE), "eni-red-1").where == "ENI_SG_RULES_MISMATCH at friends"  # stale
    assert lab.send(syn(RED, BLUE, ACK), "eni-red-1").where == "eni-blue-1"  # tracked (SG-13)


@pytest.mark.fact("SG-4")
@pytest.mark.parametrize("off", ["gateway", "att-red", "att-blue"])
def test_with_a_peering_too_the_rule_is_not_stale_but_the_transit_gateway_tells_no_groups(off: str) -> None:
    ec2 = transit_world(referencing=off != "gateway")
    ec2.create_vpc_peering_connection("red", "blue", vpc_peering_connection_id="pcx")
    befriend(ec2)
    if off != "gateway":
        ec2.modify_transit_gateway_vpc_attachment(off, security_group_referencing_support=False)
    story = Lab(ec2).send(syn(RED, BLUE), "eni-red-1")
    assert story.where == "SG_REFERENCING_SUPPORT at friends (friends: tcp from sg-red)"


@pytest.mark.fact("SG-4")
def test_outbound_rules_know_no_groups_behind_a_transit_gateway() -> None:
    ec2 = transit_world(referencing=True)
    ec2.create_vpc_peering_connection("red", "blue", vpc_peering_connection_id="pcx")
    ec2.create_security_group("red", group_id="narrow")
    ec2.revoke_security_group_egress("narrow", ip_protocol="-1", cidr_ip=EVERYWHERE)
    ec2.authorize_security_group_egress("narrow", ip_protocol="tcp", referenced_group_id="sg-blue")
    ec2.modify_network_interface_attribute("eni-red-1", groups=["narrow"])
    lab = Lab(ec2)
    assert lab.send(syn(RED, BLUE), "eni-red-1").where == "eni-blue-1"
    ec2.delete_vpc_peering_connection("pcx")
    assert lab.send(syn("10.1.1.10:2", BLUE), "eni-red-1").where == "ENI_SG_RULES_MISMATCH at narrow"


@pytest.mark.fact("SG-4", "VPCE-IF-10")
def test_an_endpoint_behind_a_transit_gateway_is_reached_but_knows_no_groups() -> None:
    """TGW referencing excludes PrivateLink."""
    ec2 = transit_world(referencing=True)
    tool_service(ec2)
    ec2.create_security_group("blue", group_id="friends")
    ec2.authorize_security_group_ingress("friends", ip_protocol="tcp", referenced_group_id="sg-red")
    ec2.create_vpc_endpoint(
        "blue",
        "com.amazonaws.us-east-1.tool",
        vpc_endpoint_type="Interface",
        vpc_endpoint_id="ep",
        subnet_configurations=[{"subnet_id": "blue1", "ipv4": "10.2.1.200"}],
        security_group_ids=["friends"],
    )
    lab = Lab(ec2)
    assert lab.send(syn(RED, "10.2.1.200:443"), "eni-red-1").why == "SG_REFERENCING_SUPPORT"
    ec2.authorize_security_group_ingress("friends", ip_protocol="tcp", cidr_ip="10.1.0.0/16")
    assert lab.there_and_back(syn(RED, "10.2.1.200:443"), "eni-red-1") == ("eni-ep-us-east-1a", "eni-red-1")


# --- ways that lead further ------------------------------------------------------------------------------------------


@pytest.mark.fact("EDGE-3", "NAT-3")
def test_all_vpcs_leave_by_one_nat_gateway_and_answers_find_home() -> None:
    """Central egress; a NAT gateway serves other VPCs through a transit gateway."""
    lab = Lab(transit_world())
    for sender, source in (("eni-red-1", RED), ("eni-blue-1", "10.2.1.10:40000")):
        out = lab.send(syn(source, HOST), sender)
        assert "att-hub acl-default-hub hub-tgw-table acl-default-hub nat acl-default-hub hub-table igw" in out.path
        assert shown(out.arrived).startswith("198.51.100.220:")
        back = lab.answer(out)
        assert (back.where, shown(back.arrived)) == (sender, f"{HOST} > {source}")
        assert back.path.startswith(
            "host internet igw acl-default-hub nat acl-default-hub hub-table acl-default-hub tgw"
        )


@pytest.mark.fact("EDGE-3")
def test_central_egress_needs_the_way_back_in_the_nat_gateways_table() -> None:
    ec2 = transit_world()
    ec2.delete_route("hub-table", destination_cidr_block="10.0.0.0/8")
    back = Lab(ec2).there_and_back(syn(RED, HOST), "eni-red-1")[1]
    assert back == "IGW_DESTINATION_ADDRESS_NOT_IN_RFC1918_EGRESS at igw"


@pytest.mark.fact("NAT-5", "NAT-4")
def test_what_a_nat_gateway_says_itself_finds_the_other_vpc_too() -> None:
    lab = Lab(transit_world(Settings(internet_gateway_mtu=None, transit_gateway_mtu=None)))
    late = lab.send(syn(RED, HOST, ACK), "eni-red-1")
    assert (late.why, [where for where, _ in late.answers]) == ("EMU_IDLE_TIMEOUT", ["eni-red-1"])
    packet = datagram("10.1.1.10:5", "203.0.113.5:53", bytes(8501 - 28))
    assert [(where, message.dport) for where, message in lab.send(packet, "eni-red-1").answers] == [
        ("eni-red-1", 0x304)
    ]


def with_premises(ec2: ControlPlane, *, static: bool = False) -> ControlPlane:
    ec2.create_customer_gateway("198.18.0.1", customer_gateway_id="cgw")
    ec2.create_vpn_connection(
        "cgw",
        transit_gateway_id="tgw",
        routes=["192.168.0.0/16"],
        vpn_connection_id="vpn",
        static_routes_only=static,
    )
    ec2.register_external_host("192.168.1.10", external_host_id="desk", location="vpn")
    return ec2


@pytest.mark.fact("EDGE-3")
def test_a_vpn_behind_a_transit_gateway_is_everybodys() -> None:
    lab = Lab(with_premises(transit_world()))
    out = lab.send(syn(RED, "192.168.1.10:443"), "eni-red-1")
    assert out.path.endswith(f"tgw {TABLE} vpn")
    back = lab.answer(out)
    assert (out.where, back.where) == ("desk", "eni-red-1")
    assert back.path.startswith(f"desk vpn tgw {TABLE} att-red acl-default-red")
    # And out to the internet, which no virtual private gateway would do (NAT-3).
    assert lab.there_and_back(syn("192.168.1.10:1", HOST), "desk") == (
        "host",
        "IGW_DESTINATION_ADDRESS_NOT_IN_RFC1918_EGRESS at igw",
    )


@pytest.mark.fact("EDGE-3")
def test_a_vpn_that_is_down_behind_a_transit_gateway() -> None:
    ec2 = with_premises(transit_world(), static=True)
    ec2.set_vpn_tunnels("vpn", up=False)
    lab = Lab(ec2)
    down = "TGW_BAD_STATE_VPN at vpn (its tunnels are down)"
    assert lab.send(syn(RED, "192.168.1.10:443"), "eni-red-1").where == down
    assert lab.send(syn("192.168.1.10:443", RED), "desk").where == down
    ec2 = with_premises(transit_world())
    ec2.set_vpn_tunnels("vpn", up=False)  # by BGP its routes are withdrawn: the default route is left
    assert "att-hub" in Lab(ec2).send(syn(RED, "192.168.1.10:443"), "eni-red-1").path


@pytest.mark.fact("EDGE-3")
def test_a_peering_of_transit_gateways_is_static_and_leads_to_another_region() -> None:
    ec2 = transit_world()
    ec2.create_vpc("10.50.0.0/16", vpc_id="abroad", region="eu-west-1")
    ec2.create_subnet("abroad", "10.50.1.0/24", "eu-west-1a", subnet_id="abroad-a")
    ec2.create_transit_gateway(transit_gateway_id="tgw-eu", region="eu-west-1")
    ec2.create_transit_gateway_vpc_attachment(
        "tgw-eu", "abroad", "abroad-a", transit_gateway_attachment_id="att-abroad"
    )
    ec2.create_security_group("abroad", group_id="sg-abroad")
    ec2.authorize_security_group_ingress("sg-abroad", ip_protocol="-1", cidr_ip=EVERYWHERE)
    ec2.run_instances(
        instance_id="abroad", subnet_id="abroad-a", security_group_ids="sg-abroad", private_ip_address="10.50.1.10"
    )
    ec2.create_route("rtb-main-abroad", destination_cidr_block="10.0.0.0/8", transit_gateway_id="tgw-eu")
    ec2.create_transit_gateway_peering_attachment("tgw", "tgw-eu", transit_gateway_attachment_id="att-peer")
    if ec2.transit_gateway_attachments["att-peer"].state != "available":
        ec2.accept_transit_gateway_peering_attachment("att-peer")
    for table, block in ((TABLE, "10.50.0.0/16"), ("tgw-rtb-default-tgw-eu", "10.0.0.0/8")):
        gateway = "tgw" if table == TABLE else "tgw-eu"
        attachment = ec2.transit_gateway_attachments["att-peer"]
        associated = attachment.route_table_id if gateway == "tgw" else attachment.peer_route_table_id
        if associated is None:
            ec2.associate_transit_gateway_route_table(table, "att-peer")
        ec2.create_transit_gateway_route(table, block, transit_gateway_attachment_id="att-peer")
    lab = Lab(ec2)
    out = lab.send(syn(RED, "10.50.1.10:80"), "eni-red-1")
    assert f"tgw {TABLE} att-peer tgw-eu tgw-rtb-default-tgw-eu att-abroad" in out.path
    assert (out.where, lab.answer(out).where) == ("eni-abroad", "eni-red-1")
    assert lab.agenda.now >= 60_000_000  # the two Regions are 30 ms apart
    ec2.delete_transit_gateway_peering_attachment("att-peer")
    assert lab.send(syn(RED, "10.50.1.10:80"), "eni-red-1").why == "TGW_RTB_BAD_STATE_ROUTE"


# --- how long a packet may be ----------------------------------------------------------------------------------------


def long(length: int, source: str, to: str) -> Packet:
    packet = datagram(source, to, bytes(length - 28))
    packet.fragment = DF
    return packet


@pytest.mark.fact("NET-6", "NET-7")
def test_8500_bytes_pass_and_only_senders_in_vpcs_hear_of_more() -> None:
    lab = Lab(with_premises(transit_world(Settings(vpn_mtu=None))))
    assert lab.send(long(8500, "10.1.1.10:5", "10.2.1.10:9"), "eni-red-1").where == "eni-blue-1"
    lost = lab.send(long(8501, "10.1.1.10:5", "10.2.1.10:9"), "eni-red-1")
    assert lost.where == "EMU_OVER_MTU at tgw (MTU 8500 (NET-6))"
    [(where, message)] = lost.answers
    assert (where, message.dport, int.from_bytes(message.payload[6:8], "big")) == ("eni-red-1", 0x304, 8500)
    silent = lab.send(long(8501, "192.168.1.10:5", "10.2.1.10:9"), "desk")
    assert (silent.where, silent.answers) == ("EMU_OVER_MTU at tgw (MTU 8500 (NET-6))", [])


@pytest.mark.fact("NET-7")
def test_the_mss_is_clamped_on_the_way_in() -> None:
    packet = syn(RED, BLUE)
    packet.options = write_syn(TcpOptions(mss=8961))
    packet.length += len(packet.options)
    out = Lab(transit_world()).send(packet, "eni-red-1")
    assert out.arrived is not None
    assert read(out.arrived.options).mss == 8460


def test_an_attachment_interface_that_has_failed_takes_and_sends_nothing() -> None:
    for name in ("eni-att-red-us-east-1a", "eni-att-blue-us-east-1a"):
        ec2 = transit_world()
        ec2.fail_network_interface(name)
        assert Lab(ec2).send(syn(RED, BLUE), "eni-red-1").where.startswith(f"EMU_FAULT at {name}")
