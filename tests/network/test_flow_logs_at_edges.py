"""Flow logs where packets leave a VPC: NAT and internet gateways, private gateways, transit gateways, other Regions."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from netaddr import IPAddress
from scapy.layers.inet import IP, TCP, UDP

from emulator import ControlPlane, Network
from emulator.flows.walk import origin_of
from emulator.network.agreement import disagreements
from emulator.observe.flow_fields import line
from emulator.wire.packet import ACK, IPPROTO_ICMP, IPPROTO_UDP, SYN, Packet, tcp, udp

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from emulator.simulation.fabric import Attachment

HOST = int(IPAddress("203.0.113.5"))


class Server:
    """A host beyond an edge that answers every SYN and datagram, and nothing else."""

    def __init__(self, network: Network, name: str, address: int) -> None:
        self.plug = network.fabric.attach(origin_of(network.fabric.tables(), name), self, address, "")
        self.got: list[Packet] = []

    def receive(self, attachment: Attachment, packet: Packet, now: int) -> None:
        ends = packet.dst, packet.src, packet.dport, packet.sport
        if packet.proto == IPPROTO_UDP:
            self.got.append(packet)
            self.plug.send(udp(*ends, b"answer"))
        elif packet.flags == SYN:
            self.got.append(packet)
            self.plug.send(tcp(*ends, SYN | ACK))


def internet() -> ControlPlane:
    """AWS's example: client 10.0.1.5, NAT gateway 10.0.0.220, host 203.0.113.5."""
    ec2 = ControlPlane("us-east-1")
    ec2.create_vpc("10.0.0.0/16", vpc_id="vpc")
    ec2.create_subnet("vpc", "10.0.0.0/24", "us-east-1a", subnet_id="public")
    ec2.create_subnet("vpc", "10.0.1.0/24", "us-east-1a", subnet_id="private")
    ec2.create_internet_gateway(internet_gateway_id="igw", vpc_id="vpc")
    ec2.create_route("rtb-main-vpc", destination_cidr_block="0.0.0.0/0", gateway_id="igw")
    ec2.create_nat_gateway(
        "public",
        nat_gateway_id="nat",
        private_ip_address="10.0.0.220",
        network_interface_id="eni-nat",
        allocation_ids=[ec2.allocate_address().allocation_id],
    )
    ec2.create_route_table("vpc", route_table_id="by-nat")
    ec2.associate_route_table("by-nat", "private")
    ec2.create_route("by-nat", destination_cidr_block="0.0.0.0/0", nat_gateway_id="nat")
    ec2.run_instances(instance_id="client", subnet_id="private", private_ip_address="10.0.1.5")
    ec2.run_instances(instance_id="front", subnet_id="public", private_ip_address="10.0.0.5")
    ec2.associate_address(ec2.allocate_address().allocation_id, instance_id="front")
    ec2.register_external_host("203.0.113.5", external_host_id="host")
    ec2.create_flow_logs("vpc", flow_log_ids=["fl"], max_aggregation_interval=60)
    return ec2


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Network]:
    network = Network(internet(), seed=1)
    for name in network.ec2.network_interfaces:
        network.capture(name, tmp_path / f"{name}.pcapng")
    yield network
    network.close()
    assert disagreements(network) == []


def told(network: Network, fields: str, interface_id: str | None = None) -> list[str]:
    """The records of flows, without the ICMP errors of hosts on which nobody waits for an answer."""
    records = [record for record in network.flow_log_records() if record.flow and record.flow.proto != IPPROTO_ICMP]
    return [
        line(record, tuple(fields.split()))
        for record in records
        if interface_id in (None, record.interface.interface_id)
    ]


@pytest.mark.fact("FLOW-4", "FLOW-5")
def test_awss_example_of_a_nat_gateway_comes_out_exactly(network: Network) -> None:
    server = Server(network, "host", HOST)
    network.send(IP(dst="203.0.113.5") / TCP(sport=40000, dport=443), host="client")
    network.run_until_idle()
    assert len(server.got) == 1
    fields = "srcaddr dstaddr pkt-srcaddr pkt-dstaddr"
    assert told(network, fields, "eni-nat") == [
        "10.0.1.5 10.0.0.220 10.0.1.5 203.0.113.5",
        "10.0.0.220 203.0.113.5 10.0.0.220 203.0.113.5",
        "203.0.113.5 10.0.0.220 203.0.113.5 10.0.0.220",
        "10.0.0.220 10.0.1.5 203.0.113.5 10.0.1.5",
    ]
    assert told(network, fields, "eni-client") == [
        "10.0.1.5 203.0.113.5 10.0.1.5 203.0.113.5",
        "203.0.113.5 10.0.1.5 203.0.113.5 10.0.1.5",
    ]


@pytest.mark.fact("FLOW-11", "FLOW-13")
def test_a_nat_gateway_is_in_the_vpc_and_an_internet_gateway_is_not(network: Network) -> None:
    Server(network, "host", HOST)
    network.send(IP(dst="203.0.113.5") / UDP(sport=40000, dport=443), host="client")
    network.send(IP(dst="203.0.113.5") / UDP(sport=40000, dport=443), host="front")
    network.run_until_idle()
    fields = "flow-direction traffic-path instance-id interface-type next-hop-interface-id next-hop-interface-type"
    assert told(network, fields, "eni-client") == [
        "egress 1 client - eni-nat nat_gateway",
        "ingress - client - - -",
    ]
    assert told(network, fields, "eni-nat") == [
        "ingress - - nat_gateway - -",
        "egress 8 - nat_gateway - -",
        "ingress - - nat_gateway - -",
        "egress 1 - nat_gateway eni-client -",
    ]
    assert told(network, fields, "eni-front") == ["egress 8 front - - -", "ingress - front - - -"]


@pytest.mark.fact("FLOW-4", "FLOW-5")
def test_an_instance_with_a_public_address_is_logged_by_its_private_one(network: Network) -> None:
    Server(network, "host", HOST)
    network.send(IP(dst="203.0.113.5") / UDP(sport=40000, dport=443), host="front")
    network.run_until_idle()
    assert told(network, "srcaddr dstaddr pkt-srcaddr pkt-dstaddr", "eni-front") == [
        "10.0.0.5 203.0.113.5 10.0.0.5 203.0.113.5",
        "203.0.113.5 10.0.0.5 203.0.113.5 10.0.0.5",
    ]


@pytest.mark.fact("FLOW-5", "FLOW-6")
def test_many_packets_through_a_nat_gateway_follow_compiled_legs_and_are_all_counted(network: Network) -> None:
    server = Server(network, "host", HOST)

    async def ask() -> None:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(
            asyncio.DatagramProtocol, local_addr=("10.0.1.5", 40000), remote_addr=("203.0.113.5", 443)
        )
        for _ in range(200):
            transport.sendto(b"question")
            await asyncio.sleep(0.1)
        transport.close()

    network.run(ask(), host="client")
    assert len(server.got) == 200
    assert network.fabric.walked < 40
    assert told(network, "packets bytes dstport action", "eni-nat") == [
        "200 7200 443 ACCEPT",
        "200 7200 443 ACCEPT",
        f"200 6800 {server.got[0].sport} ACCEPT",
        "200 6800 40000 ACCEPT",
    ]


@pytest.mark.fact("FLOW-9", "NAT-3")
def test_the_network_acl_of_a_nat_gateways_subnet_rejects_at_its_interface(network: Network) -> None:
    ec2 = network.ec2
    ec2.create_network_acl("vpc", network_acl_id="closed")
    ec2.replace_network_acl_association("closed", "public")
    network.send(IP(dst="203.0.113.5") / UDP(sport=40000, dport=443), host="client")
    network.run_until_idle()
    assert told(network, "interface-id flow-direction action") == [
        "eni-client egress ACCEPT",
        "eni-nat ingress REJECT",
    ]


@pytest.mark.fact("FLOW-15")
def test_the_router_and_dhcp_are_not_logged(network: Network) -> None:
    network.send(IP(dst="10.0.1.1") / UDP(sport=5, dport=5), host="client")
    network.send(IP(dst="203.0.113.5") / UDP(sport=68, dport=67), host="client")
    network.run_until_idle()
    assert told(network, "interface-id", "eni-client") == []


@pytest.mark.fact("FLOW-11")
def test_private_gateways_transit_gateways_and_other_regions_have_their_own_paths() -> None:
    ec2 = ControlPlane("us-east-1")
    for name, block, region in (
        ("one", "10.1", "us-east-1"),
        ("two", "10.2", "us-east-1"),
        ("far", "10.3", "eu-west-1"),
    ):
        ec2.create_vpc(f"{block}.0.0/16", vpc_id=name, region=region)
        ec2.create_subnet(name, f"{block}.0.0/24", f"{region}a", subnet_id=f"{name}-a")
        ec2.run_instances(instance_id=f"i-{name}", subnet_id=f"{name}-a", private_ip_address=f"{block}.0.10")
    ec2.create_vpn_gateway(vpn_gateway_id="vgw", vpc_id="one")
    ec2.create_vpc_peering_connection("one", "far", vpc_peering_connection_id="pcx")
    ec2.create_transit_gateway(transit_gateway_id="tgw")
    for name in ("one", "two"):
        ec2.create_transit_gateway_vpc_attachment(
            "tgw", name, [f"{name}-a"], transit_gateway_attachment_id=f"att-{name}"
        )
    for block, target in (
        ("192.168.0.0/16", {"gateway_id": "vgw"}),
        ("10.2.0.0/16", {"transit_gateway_id": "tgw"}),
        ("10.3.0.0/16", {"vpc_peering_connection_id": "pcx"}),
    ):
        ec2.create_route("rtb-main-one", destination_cidr_block=block, **target)
    ec2.create_flow_logs(["one", "two", "far"], max_aggregation_interval=60)
    with Network(ec2) as network:
        for address in ("192.168.0.1", "10.2.0.10", "10.3.0.10"):
            network.send(IP(dst=address) / UDP(dport=9), host="i-one")
        network.run_until_idle()
        at_one = told(network, "flow-direction pkt-dstaddr traffic-path next-hop-interface-type", "eni-i-one")
        assert at_one == [
            "egress 192.168.0.1 3 -",
            "egress 10.2.0.10 - transit_gateway",
            "egress 10.3.0.10 5 -",
        ]
        fields = "flow-direction srcaddr dstaddr pkt-srcaddr pkt-dstaddr interface-type traffic-path region"
        attached = [eni for eni, one in ec2.network_interfaces.items() if one.interface_type == "transit_gateway"]
        by_interface = {eni: told(network, fields, eni) for eni in attached}
        addresses = {eni: str(ec2.network_interfaces[eni].private_ip_address) for eni in attached}
        (first, second) = attached
        assert by_interface == {
            first: [f"ingress 10.1.0.10 {addresses[first]} 10.1.0.10 10.2.0.10 transit_gateway - us-east-1"],
            second: [f"egress {addresses[second]} 10.2.0.10 10.1.0.10 10.2.0.10 transit_gateway 1 us-east-1"],
        }
        assert {text.split()[-1] for text in told(network, "region", "eni-i-far")} <= {"eu-west-1"}
    assert disagreements(network) == []


@pytest.mark.fact("FLOW-15", "SVC-8", "SVC-12")
@pytest.mark.parametrize("admitted", [True, False])
def test_between_an_endpoint_and_a_load_balancer_nothing_is_logged(tmp_path: Path, admitted: bool) -> None:
    """Also no rejection by the load balancer's group; what it sends to its target is logged as the node's own."""
    ec2 = ControlPlane("us-east-1")
    for vpc, block in (("consumer", "10.1"), ("provider", "10.2")):
        ec2.create_vpc(f"{block}.0.0/16", vpc_id=vpc)
        ec2.create_subnet(vpc, f"{block}.0.0/24", "us-east-1a", subnet_id=vpc)
        ec2.create_security_group(vpc, group_id=f"sg-{vpc}")
        ec2.authorize_security_group_ingress(f"sg-{vpc}", ip_protocol="-1", cidr_ip="10.0.0.0/8")
    ec2.create_security_group("provider", group_id="sg-balancer")
    if admitted:
        ec2.authorize_security_group_ingress("sg-balancer", ip_protocol="-1", cidr_ip="10.1.0.0/16")
    for name, vpc in (("client", "consumer"), ("target", "provider")):
        ec2.run_instances(instance_id=name, subnet_id=vpc, security_group_ids=[f"sg-{vpc}"])
    balancer = ec2.create_load_balancer("nlb", subnet_ids=["provider"], security_group_ids=["sg-balancer"])
    (node,) = balancer.network_interface_ids
    ec2.create_target_group("tg", vpc_id="provider", protocol="TCP", port=80)
    ec2.register_targets("tg", [{"target_id": "target", "port": 80}])
    ec2.create_listener("nlb", port=80, protocol="TCP", target_group_name="tg")
    service = ec2.create_vpc_endpoint_service_configuration("nlb", acceptance_required=False)
    ec2.modify_vpc_endpoint_service_permissions(service.service_id, add_allowed_principals=["*"])
    endpoint = ec2.create_vpc_endpoint(
        "consumer",
        service.service_name,
        vpc_endpoint_type="Interface",
        subnet_ids=["consumer"],
        security_group_ids=["sg-consumer"],
    )
    (inner,) = endpoint.network_interface_ids
    address = str(ec2.network_interfaces[inner].private_ip_address)
    ec2.create_flow_logs(["consumer", "provider"], max_aggregation_interval=60)
    with Network(ec2) as network:
        for name in (inner, "eni-client", "eni-target"):
            network.capture(name, tmp_path / f"{name}.pcapng")
        network.send(IP(dst=address) / TCP(sport=40000, dport=80), host="client")
        network.run_until_idle()
        story = told(network, "interface-id flow-direction action")
    assert disagreements(network) == []
    answered = [f"{inner} egress ACCEPT", "eni-client ingress ACCEPT"] if admitted else []
    forwarded = [
        "eni-target ingress ACCEPT",
        "eni-target egress ACCEPT",
        f"{node} egress ACCEPT",
        f"{node} ingress ACCEPT",
    ]
    expected = [f"{inner} ingress ACCEPT", "eni-client egress ACCEPT", *answered, *(forwarded if admitted else [])]
    assert sorted(story) == sorted(expected)
