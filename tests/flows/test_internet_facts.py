"""Through an internet gateway and back: who may, as whom, and how long a packet may be (EDGE-1, NET-6, NET-7)."""

from __future__ import annotations

from functools import partial

import pytest

from emulator.flows.translation import quoted_ends
from emulator.model.settings import Settings
from emulator.wire.packet import DF, Packet, icmp
from tests.flows.edge_worlds import EVERYWHERE, public_world
from tests.flows.lab import Lab, datagram, ip, ping, shown, syn

SPOOFED = "GATEWAY_REJECTS_SPOOFED_TRAFFIC"


@pytest.mark.fact("EDGE-1")
def test_an_internet_gateway_puts_the_public_address_for_the_private_one_and_back() -> None:
    lab = Lab(public_world())
    out = lab.send(syn("10.0.0.10:40000", "203.0.113.5:443"), "eni-web")
    assert out.path == "eni-web sg-web acl-default-vpc to-igw igw internet"
    assert shown(out.arrived) == "198.51.100.10:40000 > 203.0.113.5:443"
    back = lab.answer(out)
    assert back.path == "host internet igw acl-default-vpc sg-web"
    assert shown(back.arrived) == "203.0.113.5:443 > 10.0.0.10:40000"
    assert next(step.rule for step in back.steps if step.component == "igw") == "198.51.100.10 -> 10.0.0.10"


@pytest.mark.fact("EDGE-1")
@pytest.mark.parametrize(
    ("packet", "sender", "where"),
    [
        # To whoever opened a port to all, and to nobody else.
        (syn("203.0.113.5", "198.51.100.10:80"), "host", "eni-web"),
        (syn("203.0.113.5", "198.51.100.10:22"), "host", "ENI_SG_RULES_MISMATCH at sg-web"),
        # Without a public address no way out; nor in, to a public address that is nobody's or a private one.
        (syn("10.0.0.11", "203.0.113.5:443"), "eni-hidden", "IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS at igw"),
        (syn("203.0.113.5", "10.0.0.11:80"), "host", "NO_POSSIBLE_DESTINATION at host"),
        # Out to RFC 1918's and RFC 6598's blocks.
        (syn("10.0.0.10", "192.168.0.1:443"), "eni-web", "IGW_DESTINATION_ADDRESS_NOT_IN_RFC1918_EGRESS at igw"),
        (syn("10.0.0.10", "172.31.0.1:443"), "eni-web", "IGW_DESTINATION_ADDRESS_NOT_IN_RFC1918_EGRESS at igw"),
        (syn("10.0.0.10", "10.9.0.1:443"), "eni-web", "IGW_DESTINATION_ADDRESS_NOT_IN_RFC1918_EGRESS at igw"),
        (syn("10.0.0.10", "100.64.0.1:443"), "eni-web", "IGW_DESTINATION_ADDRESS_NOT_IN_RFC6598_EGRESS at igw"),
        # In from them.
        (syn("192.168.0.1", "198.51.100.10:80"), "host", "IGW_SOURCE_ADDRESS_NOT_IN_RFC1918_INGRESS at igw"),
        (syn("10.0.0.11", "198.51.100.10:80"), "host", "IGW_SOURCE_ADDRESS_NOT_IN_RFC1918_INGRESS at igw"),
        (syn("100.127.0.1", "198.51.100.10:80"), "host", "IGW_SOURCE_ADDRESS_NOT_IN_RFC6598_INGRESS at igw"),
        # What nobody here has is the internet's; the rest of it may call, too.
        (syn("10.0.0.10", "8.8.8.8:53"), "eni-web", "internet"),
        (syn("8.8.8.8", "198.51.100.10:80"), "internet", "eni-web"),
    ],
)
def test_who_passes_an_internet_gateway(packet: Packet, sender: str, where: str) -> None:
    assert Lab(public_world()).send(packet, sender).where == where


@pytest.mark.fact("EDGE-1")
def test_a_source_that_no_interface_has_is_forged() -> None:
    ec2 = public_world()
    ec2.modify_network_interface_attribute("eni-web", source_dest_check=False)
    lab = Lab(ec2)
    assert lab.send(syn("10.0.0.99", "203.0.113.5:443"), "eni-web").where == f"{SPOOFED} at igw"
    assert lab.send(syn("8.8.8.8", "203.0.113.5:443"), "eni-web").where == f"{SPOOFED} at igw"


@pytest.mark.fact("EDGE-1")
def test_a_public_address_that_is_nobodys_any_more_leads_nowhere() -> None:
    """It is taken away while a packet is on its way to the gateway."""
    lab = Lab(public_world())
    edit = partial(lab.ec2.modify_network_interface_attribute, "eni-web", associate_public_ip_address=False)
    late = lab.send(syn("203.0.113.5", "198.51.100.10:80"), "host", meanwhile=edit, after=5_000_000)
    assert late.where == "IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS at igw"
    assert lab.send(syn("203.0.113.5", "198.51.100.10:80"), "host").where == "internet"


@pytest.mark.fact("EDGE-1")
def test_addresses_of_one_interface_have_public_ones_each() -> None:
    ec2 = public_world()
    ec2.assign_private_ip_addresses("eni-web", private_ip_addresses="10.0.0.12")
    ec2.allocate_address(public_ip="198.51.100.12", allocation_id="eip")
    ec2.associate_address("eip", network_interface_id="eni-web", private_ip_address="10.0.0.12")
    lab = Lab(ec2)
    for private, public in (("10.0.0.10", "198.51.100.10"), ("10.0.0.12", "198.51.100.12")):
        out = lab.send(syn(f"{private}:41000", "203.0.113.5:443"), "eni-web")
        assert shown(out.arrived) == f"{public}:41000 > 203.0.113.5:443"
        assert shown(lab.answer(out).arrived) == f"203.0.113.5:443 > {private}:41000"


@pytest.mark.fact("EDGE-1")
def test_a_public_address_of_the_vpc_itself_is_reached_around_the_gateway() -> None:
    ec2 = public_world()
    ec2.associate_address(
        ec2.allocate_address(public_ip="198.51.100.11").allocation_id, network_interface_id="eni-hidden"
    )
    out = Lab(ec2).send(syn("10.0.0.11", "198.51.100.10:80"), "eni-hidden")
    assert out.path == "eni-hidden sg-app acl-default-vpc to-igw igw internet igw acl-default-vpc sg-web"
    assert shown(out.arrived) == "198.51.100.11:40000 > 10.0.0.10:80"


@pytest.mark.fact("EDGE-1")
def test_ping_keeps_its_identifier_and_errors_quote_what_their_reader_sent() -> None:
    lab = Lab(public_world())
    out = lab.send(ping("10.0.0.10", "203.0.113.5", identifier=99), "eni-web")
    assert out.arrived is not None
    assert (out.arrived.src, out.arrived.sport) == (ip("198.51.100.10"), 99)
    assert lab.answer(out).where == "eni-web"
    lab.ec2.authorize_security_group_ingress("sg-web", ip_protocol="icmp", cidr_ip=EVERYWHERE)
    out = lab.send(datagram("10.0.0.10:5000", "203.0.113.5:53"), "eni-web")
    assert out.arrived is not None
    error = icmp(out.arrived.dst, out.arrived.src, 3, 3, data=out.arrived.to_bytes())
    back = lab.send(error, "host")
    assert back.arrived is not None
    quoted = quoted_ends(Packet.from_bytes(back.arrived.to_bytes()))
    assert quoted is not None
    assert (quoted[0].src, quoted[0].sport, quoted[0].dport) == (ip("10.0.0.10"), 5000, 53)


@pytest.mark.fact("EDGE-1")
def test_a_detached_gateway_takes_nothing_that_was_on_its_way() -> None:
    lab = Lab(public_world())
    lab.ec2.delete_nat_gateway("nat")
    lab.ec2.modify_network_interface_attribute("eni-web", associate_public_ip_address=False)
    edit = partial(lab.ec2.detach_internet_gateway, "igw", "vpc")
    assert (
        lab.send(syn("10.0.0.10", "203.0.113.5:443"), "eni-web", meanwhile=edit).where == "BAD_STATE at igw (detached)"
    )
    again = lab.send(syn("10.0.0.10", "203.0.113.5:443"), "eni-web")
    assert again.where == "BAD_STATE_ROUTE at to-igw (0.0.0.0/0 -> igw (blackhole))"


# --- how long a packet may be ----------------------------------------------------------------------------------------


def long(source: str, to: str, length: int, *, df: bool = True) -> Packet:
    packet = datagram(source, to, bytes(length - 28))
    packet.fragment = DF if df else 0
    return packet


@pytest.mark.fact("NET-6", "NET-7")
@pytest.mark.parametrize(("sender", "address"), [("eni-web", "10.0.0.10:5000"), ("eni-app", "10.0.1.5:5000")])
def test_an_internet_gateway_takes_1500_bytes_and_says_so(sender: str, address: str) -> None:
    """Directly, and from behind a NAT gateway, which hands the message on."""
    ec2 = public_world()
    for group in ("sg-web", "sg-app"):
        ec2.authorize_security_group_ingress(
            group, ip_protocol="icmp", from_port=3, to_port=4, cidr_ip="203.0.113.0/24"
        )
    lab = Lab(ec2)
    assert lab.send(long(address, "203.0.113.5:53", 1500), sender).where == "host"
    lost = lab.send(long(address, "203.0.113.5:53", 1501), sender)
    assert lost.where == "EMU_OVER_MTU at igw (MTU 1500 (NET-6))"
    [(where, message)] = lost.answers
    assert (where, message.dport, int.from_bytes(message.payload[6:8], "big")) == (sender, 3 << 8 | 4, 1500)
    quoted = quoted_ends(message)
    assert quoted is not None
    assert (quoted[0].src, quoted[0].sport) == (ip(address.partition(":")[0]), 5000)
    assert Packet.from_bytes(message.to_bytes()).payload == message.payload


@pytest.mark.fact("NET-7")
def test_without_df_a_long_packet_is_dropped_and_nothing_is_said() -> None:
    """Fragmentation is not modelled."""
    lost = Lab(public_world()).send(long("10.0.0.10:5000", "203.0.113.5:53", 1501, df=False), "eni-web")
    assert (lost.why, lost.answers) == ("EMU_OVER_MTU", [])


@pytest.mark.fact("NACL-8")
def test_a_network_acl_without_a_line_for_icmp_makes_a_black_hole() -> None:
    ec2 = public_world()
    ec2.authorize_security_group_ingress("sg-web", ip_protocol="icmp", cidr_ip=EVERYWHERE)
    ec2.create_network_acl("vpc", network_acl_id="no-icmp")
    ec2.replace_network_acl_association("no-icmp", "public")
    for egress in (True, False):
        for number, protocol in ((10, "6"), (20, "17")):
            ec2.create_network_acl_entry(
                "no-icmp",
                rule_number=number,
                protocol=protocol,
                rule_action="allow",
                egress=egress,
                cidr_block=EVERYWHERE,
            )
    lab = Lab(ec2)
    assert lab.send(long("10.0.0.10:5000", "203.0.113.5:53", 1501), "eni-web").answers == []
    ec2.create_network_acl_entry(
        "no-icmp",
        rule_number=30,
        protocol="1",
        from_port=3,
        to_port=4,
        rule_action="allow",
        egress=False,
        cidr_block=EVERYWHERE,
    )
    [(where, _)] = lab.send(long("10.0.0.10:5000", "203.0.113.5:53", 1501), "eni-web").answers
    assert where == "eni-web"


@pytest.mark.fact("NET-6")
def test_the_internet_gateways_mtu_is_a_setting() -> None:
    lab = Lab(public_world(Settings(internet_gateway_mtu=None)))
    assert lab.send(long("10.0.0.10:5000", "203.0.113.5:53", 8000), "eni-web").where == "host"
