"""What stands around an endpoint: no way to the internet, groups and network ACLs on both sides, names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from netaddr import IPAddress

from emulator import Network
from emulator.flows.conntrack import FlowState
from emulator.flows.walk import leg, origin_of, walk
from emulator.model.reasons import Reason
from emulator.model.resources import Service, VpcEndpointType
from emulator.model.traces import Delivered, Dropped
from emulator.wire.packet import ACK, DF, SYN, Packet, tcp, udp
from tests.flows.worlds import API_A, API_B, RESOLVER, S3, WEB, world
from tests.simulation.test_fabric import Net

if TYPE_CHECKING:
    from emulator.control import ControlPlane

A, B = "eni-api-us-east-1a", "eni-api-us-east-1b"
PREFIX_LIST = "pl-63a5400a"


class Conversation:
    """A request and its answer over one memory."""

    def __init__(self, ec2: ControlPlane) -> None:
        self.tables = ec2.tables()
        self.state = FlowState()

    def send(self, packet: Packet, sender: str) -> Delivered | Dropped:
        return walk(self.tables, self.state, packet, origin_of(self.tables, sender), 0)[0].ending


def opened(ec2: ControlPlane, there: int, sender: str) -> tuple[Delivered | Dropped, Delivered | Dropped]:
    """Return how web's SYN ends and how the SYN-ACK does."""
    talk = Conversation(ec2)
    request = talk.send(tcp(WEB, there, 40000, 443), "eni-web")
    return request, talk.send(tcp(there, WEB, 443, 40000, SYN | ACK), sender)


@pytest.mark.fact("VPCE-1", "VPCE-2")
@pytest.mark.parametrize(("there", "sender"), [(API_A, A), (API_B, B), (S3, "s3")])
def test_both_types_work_from_a_subnet_without_any_way_to_the_internet(there: int, sender: str) -> None:
    ec2 = world()
    ec2.delete_vpc_peering_connection("pcx")
    ec2.delete_route("private", destination_cidr_block="10.9.0.0/16")
    assert [route.target for route in ec2.route_tables["private"].routes] == ["local", "s3"]
    assert opened(ec2, there, sender) == (Delivered(sender), Delivered("eni-web"))


@pytest.mark.fact("VPCE-1")
def test_an_interface_endpoint_has_addresses_of_its_own_subnets() -> None:
    ec2 = world()
    for name in ec2.vpc_endpoints["api"].network_interface_ids:
        eni = ec2.network_interfaces[name]
        assert eni.private_ip_address in ec2.subnets[eni.subnet_id].cidr_block


@pytest.mark.fact("VPCE-IF-5")
def test_an_endpoints_groups_judge_what_comes_in_and_never_what_goes_out() -> None:
    ec2 = world()
    ec2.revoke_security_group_egress("api", ip_protocol="-1", cidr_ip="0.0.0.0/0")
    ec2.revoke_security_group_ingress("api", ip_protocol="-1", cidr_ip="10.0.0.0/8")
    assert opened(ec2, API_A, A)[0] == Dropped(Reason.SG_HAS_NO_RULES, "api")
    ec2.authorize_security_group_ingress("api", ip_protocol="tcp", from_port=80, to_port=80, cidr_ip="10.0.0.0/16")
    assert opened(ec2, API_A, A)[0] == Dropped(Reason.ENI_SG_RULES_MISMATCH, "api")
    ec2.authorize_security_group_ingress("api", ip_protocol="tcp", from_port=443, to_port=443, cidr_ip="10.0.0.0/16")
    assert opened(ec2, API_A, A) == (Delivered(A), Delivered("eni-web"))


@pytest.mark.fact("VPCE-IF-6", "NACL-4")
@pytest.mark.parametrize(
    ("subnet", "egress", "lost"),
    [("a", True, 0), ("c", False, 0), ("c", True, 1), ("a", False, 1)],
)
def test_a_network_acl_on_either_side_stops_the_request_or_the_answer(subnet: str, egress: bool, lost: int) -> None:
    ec2 = world()
    ec2.create_network_acl("vpc", network_acl_id="acl")
    ec2.replace_network_acl_association("acl", subnet)
    ec2.create_network_acl_entry(
        "acl", rule_number=100, protocol="tcp", rule_action="allow", egress=not egress, cidr_block="10.0.0.0/16"
    )
    endings = opened(ec2, API_B, B)
    assert endings[lost] == Dropped(Reason.SUBNET_ACL_RESTRICTION, "acl", "*")
    assert lost == 0 or endings[0] == Delivered(B)
    ec2.create_network_acl_entry(
        "acl", rule_number=100, protocol="tcp", rule_action="allow", egress=egress, cidr_block="10.0.0.0/16"
    )
    assert opened(ec2, API_B, B) == (Delivered(B), Delivered("eni-web"))


@pytest.mark.fact("VPCE-IF-13")
@pytest.mark.parametrize("fragment", [DF, 0])
def test_an_oversized_packet_is_lost_without_a_word(fragment: int) -> None:
    net = Net()
    net.open()
    sent, arrived = net.fabric.sent, len(net.arrived)
    packet = tcp(WEB, API_A, 40000, 443, ACK, bytes(8461))
    packet.fragment = fragment
    net.send(net.web, packet)
    assert packet.ending == Dropped(Reason.EMU_OVER_MTU, "api", "MTU 8500 (VPCE-IF-12)")
    assert (net.fabric.sent, len(net.arrived)) == (sent + 1, arrived)


@pytest.mark.fact("VPCE-IF-22")
def test_with_private_dns_there_is_no_way_back_to_public_addresses() -> None:
    ec2 = world()
    ec2.modify_vpc_attribute("vpc", enable_dns_hostnames=True)
    name, host = "com.amazonaws.us-east-1.queue", "queue.us-east-1.amazonaws.com"
    ec2.register_service(Service(name, "us-east-1", (VpcEndpointType.INTERFACE,), private_dns_names=(host,)))
    ec2.create_security_group("vpc", group_id="queue")
    ec2.create_vpc_endpoint(
        "vpc",
        name,
        vpc_endpoint_type="Interface",
        vpc_endpoint_id="queue",
        subnet_ids=["a"],
        security_group_ids=["queue"],
        private_dns_enabled=True,
    )
    with Network(ec2) as network:
        assert network.trace("web", f"{host}:443").blocker == Dropped(Reason.SG_HAS_NO_RULES, "queue")
        assert network.zone("vpc").lookup(host).addresses == (
            ec2.network_interfaces["eni-queue-us-east-1a"].private_ip_address,
        )


@pytest.mark.fact("VPCE-GW-11")
def test_a_rule_for_the_vpc_alone_does_not_let_the_services_public_addresses_out() -> None:
    ec2 = world()
    ec2.revoke_security_group_egress("web", ip_protocol="-1", cidr_ip="0.0.0.0/0")
    ec2.authorize_security_group_egress("web", ip_protocol="-1", cidr_ip="10.0.0.0/16")
    assert opened(ec2, S3, "s3")[0] == Dropped(Reason.ENI_SG_RULES_MISMATCH, "web")
    assert opened(ec2, API_A, A)[0] == Delivered(A)
    ec2.authorize_security_group_egress(
        "web", ip_protocol="tcp", from_port=443, to_port=443, prefix_list_id=PREFIX_LIST
    )
    assert opened(ec2, S3, "s3") == (Delivered("s3"), Delivered("eni-web"))


@pytest.mark.fact("VPCE-GW-12")
@pytest.mark.parametrize(
    ("egress", "ingress", "lost"),
    [("52.216.0.0/15", "10.0.0.0/16", 1), ("10.0.0.0/16", "52.216.0.0/15", 0), ("52.216.0.0/15", "52.216.0.0/15", 2)],
)
def test_the_clients_network_acl_needs_the_services_blocks_both_ways(egress: str, ingress: str, lost: int) -> None:
    ec2 = world()
    ec2.create_network_acl("vpc", network_acl_id="acl")
    ec2.replace_network_acl_association("acl", "a")
    for way, cidr in ((True, egress), (False, ingress)):
        ec2.create_network_acl_entry(
            "acl", rule_number=100, protocol="tcp", rule_action="allow", egress=way, cidr_block=cidr
        )
    refused = Dropped(Reason.SUBNET_ACL_RESTRICTION, "acl", "*")
    endings = opened(ec2, S3, "s3")
    assert [ending == refused for ending in endings].count(True) == (lost != 2)
    assert lost == 2 or endings[lost] == refused


@pytest.mark.fact("VPCE-GW-17")
def test_traffic_by_address_needs_no_names() -> None:
    ec2 = world()
    ec2.modify_vpc_attribute("vpc", enable_dns_support=False)
    assert opened(ec2, S3, "s3") == (Delivered("s3"), Delivered("eni-web"))


@pytest.mark.fact("DNS-3")
def test_the_resolver_takes_1024_packets_a_second_from_an_interface_and_drops_the_others() -> None:
    tables = world().tables()
    query = udp(WEB, RESOLVER, 40000, 53)
    crossing = leg(tables, FlowState(), query, origin_of(tables, "eni-web"), 0).crossing
    assert crossing is not None
    assert crossing.shaper is not None
    limit = crossing.shaper
    assert (limit.shaper_id, limit.rate, limit.queue, limit.packets) == ("eni-web/link-local", 1024, 0, True)


@pytest.mark.fact("SG-3")
def test_a_group_as_peer_stands_for_the_private_addresses_of_its_interfaces() -> None:
    ec2 = world()
    assert Conversation(ec2).send(tcp(WEB, int(IPAddress("10.0.2.20")), 40000, 5432), "eni-web") == Delivered("eni-db")
    ec2.create_security_group("vpc", group_id="plain")
    ec2.modify_network_interface_attribute("eni-web", groups=["plain"])
    ending = Conversation(ec2).send(tcp(WEB, int(IPAddress("10.0.2.20")), 40000, 5432), "eni-web")
    assert ending == Dropped(Reason.ENI_SG_RULES_MISMATCH, "db")
