"""VPCs, subnets, interfaces and instances: what they are born with, and which addresses they get."""

from __future__ import annotations

import pytest
from netaddr import IPAddress, IPNetwork

from emulator.control import ControlPlane, Ec2Error
from emulator.model.resources import (
    ANY_PROTOCOL,
    NetworkAclEntry,
    Route,
    RouteOrigin,
    RuleAction,
    SecurityGroupRule,
)

ANYWHERE = IPNetwork("0.0.0.0/0")


def addresses(plane: ControlPlane, subnet_id: str) -> list[str]:
    return [str(eni.private_ip_address) for eni in plane.network_interfaces.values() if eni.subnet_id == subnet_id]


@pytest.mark.fact("ROUTE-8", "SG-2", "NACL-3", "DNS-2")
def test_a_vpc_is_born_with_a_main_table_a_default_group_and_a_default_acl():
    plane = ControlPlane("us-east-1")
    vpc = plane.create_vpc("10.0.0.0/16", vpc_id="v")
    assert (vpc.main_route_table_id, vpc.default_security_group_id, vpc.default_network_acl_id) == (
        "rtb-main-v",
        "sg-default-v",
        "acl-default-v",
    )
    assert (vpc.enable_dns_support, vpc.enable_dns_hostnames) == (True, False)  # DNS-2
    local = Route("local", IPNetwork("10.0.0.0/16"), origin=RouteOrigin.CREATE_ROUTE_TABLE)
    assert plane.route_tables["rtb-main-v"].routes == (local,)  # ROUTE-8
    group = plane.security_groups["sg-default-v"]  # SG-2
    assert group.ingress == (SecurityGroupRule(ANY_PROTOCOL, referenced_group_id="sg-default-v"),)
    assert group.egress == (SecurityGroupRule(ANY_PROTOCOL, cidr_ip=ANYWHERE),)
    assert plane.network_acls["acl-default-v"].entries == tuple(  # NACL-3
        NetworkAclEntry(100, ANY_PROTOCOL, RuleAction.ALLOW, egress, ANYWHERE) for egress in (False, True)
    )


def test_without_ids_resources_are_counted():
    plane = ControlPlane("us-east-1")
    vpc = plane.create_vpc("10.0.0.0/16")
    subnet = plane.create_subnet(vpc.vpc_id, "10.0.0.0/24", "us-east-1a")
    first, second = (plane.run_instances(subnet_id=subnet.subnet_id) for _ in range(2))
    assert (vpc.vpc_id, subnet.subnet_id) == ("vpc-00000001", "subnet-00000001")
    assert (first.instance_id, second.network_interface_ids) == ("i-00000001", ("eni-i-00000002",))
    plane.terminate_instances(second.instance_id)
    assert plane.run_instances(subnet_id=subnet.subnet_id).instance_id == "i-00000003"  # ids are not used twice


@pytest.mark.fact("ROUTE-8")
def test_a_secondary_block_becomes_a_local_route_in_every_table(plane: ControlPlane):
    plane.associate_vpc_cidr_block("main", "100.64.0.0/16")
    for table in ("rtb-main-main", "private"):
        assert [route.destination for route in plane.route_tables[table].routes] == ["10.0.0.0/16", "100.64.0.0/16"]
    plane.create_subnet("main", "100.64.1.0/24", "us-east-1a", subnet_id="more")


def test_cidr_blocks_are_canonicalised(plane: ControlPlane):  # ROUTE-12
    assert plane.create_vpc("100.68.0.18/18", vpc_id="v").cidr_blocks == (IPNetwork("100.68.0.0/18"),)


@pytest.mark.fact("EDGE-4")
def test_addresses_are_the_lowest_free_from_the_fifth_on(plane: ControlPlane):
    for name in ("one", "two", "three"):
        plane.run_instances(instance_id=name, subnet_id="a")
    assert addresses(plane, "a") == ["10.0.1.4", "10.0.1.5", "10.0.1.6"]
    plane.terminate_instances(["two"])
    plane.run_instances(instance_id="four", subnet_id="a")
    assert addresses(plane, "a") == ["10.0.1.4", "10.0.1.6", "10.0.1.5"]


@pytest.mark.fact("EDGE-4", "ERR-6")
def test_a_full_subnet_has_eleven_hosts(plane: ControlPlane):  # EDGE-4: /28 less five
    for _ in range(11):
        plane.run_instances(subnet_id="a2")
    assert addresses(plane, "a2")[-1] == "10.0.3.14"
    with pytest.raises(Ec2Error) as refusal:
        plane.run_instances(subnet_id="a2")
    assert refusal.value.code == "InsufficientFreeAddressesInSubnet"


@pytest.mark.fact("SG-2")
def test_an_instance_wears_the_default_group_unless_told_otherwise(plane: ControlPlane):
    plane.run_instances(instance_id="one", subnet_id="a")
    plane.run_instances(instance_id="two", subnet_id="a", security_group_ids=["web"], private_ip_address="10.0.1.10")
    assert plane.network_interfaces["eni-one"].groups == ("sg-default-main",)
    eni = plane.network_interfaces["eni-two"]
    assert (eni.groups, eni.private_ip_address, eni.attachment) == (("web",), IPAddress("10.0.1.10"), "two")


def test_a_second_interface_outlives_its_instance(plane: ControlPlane):
    plane.run_instances(instance_id="one", subnet_id="a")
    plane.create_network_interface("a2", network_interface_id="extra", groups="web")
    plane.attach_network_interface("extra", "one")
    assert plane.instances["one"].network_interface_ids == ("eni-one", "extra")
    plane.terminate_instances("one")
    assert plane.network_interfaces["extra"].attachment == ""
    assert "eni-one" not in plane.network_interfaces
    plane.delete_network_interface("extra")


def test_groups_and_the_source_destination_check_change_one_at_a_time(plane: ControlPlane):
    plane.run_instances(instance_id="one", subnet_id="a")
    plane.modify_network_interface_attribute("eni-one", groups=["web"])
    plane.modify_network_interface_attribute("eni-one", source_dest_check=False)
    eni = plane.network_interfaces["eni-one"]
    assert (eni.groups, eni.source_dest_check) == (("web",), False)


def test_deleting_a_vpc_takes_what_it_was_born_with(plane: ControlPlane):
    plane.create_vpc("172.16.0.0/16", vpc_id="v")
    plane.delete_vpc("v")
    assert not [name for name in (*plane.route_tables, *plane.security_groups, *plane.network_acls) if "-v" in name]


def test_the_records_are_replaced_and_never_changed(plane: ControlPlane):
    before = plane.vpcs["main"]
    plane.modify_vpc_attribute("main", enable_dns_support=False)
    assert before.enable_dns_support
    assert not plane.vpcs["main"].enable_dns_support


REFUSALS = [
    ("create_vpc", ("10.0.0.0/8",), {}, "InvalidVpc.Range", "cidr_block"),
    ("create_vpc", ("10.0.0.0/29",), {}, "InvalidVpc.Range", "cidr_block"),
    ("create_vpc", ("10.0.0/16",), {}, "InvalidParameterValue", "cidr_block"),
    ("create_vpc", ("10.0.0.256/16",), {}, "InvalidParameterValue", "cidr_block"),
    ("create_vpc", ("fd00::/56",), {}, "UnsupportedOperation", "cidr_block"),
    ("create_vpc", ("10.1.0.0/16",), {"vpc_id": "main"}, "InvalidParameterValue", "vpc_id"),
    ("create_vpc", ("10.1.0.0/16",), {"vpc_id": "../x"}, "InvalidParameterValue", "vpc_id"),
    ("associate_vpc_cidr_block", ("main", "10.0.128.0/17"), {}, "CidrConflict", "cidr_block"),
    pytest.param(
        "associate_vpc_cidr_block",
        ("none", "10.1.0.0/16"),
        {},
        "InvalidVpcID.NotFound",
        "vpc_id",
        marks=pytest.mark.fact("ERR-6"),
    ),
    pytest.param("modify_vpc_attribute", ("main",), {}, "MissingParameter", None, marks=pytest.mark.fact("ERR-26")),
    pytest.param(
        "modify_vpc_attribute",
        ("main",),
        {"enable_dns_support": True, "enable_dns_hostnames": True},
        "InvalidParameterCombination",
        None,
        marks=pytest.mark.fact("ERR-26"),
    ),
    pytest.param("delete_vpc", ("main",), {}, "DependencyViolation", "vpc_id", marks=pytest.mark.fact("ERR-26")),
    ("create_subnet", ("main", "10.1.0.0/24", "us-east-1a"), {}, "InvalidSubnet.Range", "cidr_block"),
    pytest.param(
        "create_subnet",
        ("main", "10.0.4.0/29", "us-east-1a"),
        {},
        "InvalidSubnet.Range",
        "cidr_block",
        marks=pytest.mark.fact("EDGE-4"),
    ),
    ("create_subnet", ("main", "10.0.1.128/25", "us-east-1a"), {}, "InvalidSubnet.Conflict", "cidr_block"),
    ("create_subnet", ("main", "10.0.4.0/24", "us-west-2a"), {}, "InvalidParameterValue", "availability_zone"),
    pytest.param(
        "run_instances",
        (),
        {"subnet_id": "none"},
        "InvalidSubnetID.NotFound",
        "subnet_id",
        marks=pytest.mark.fact("ERR-6"),
    ),
    pytest.param(
        "run_instances",
        (),
        {"subnet_id": "a", "security_group_ids": ["web", "no"]},
        "InvalidGroup.NotFound",
        "security_group_ids",
        marks=pytest.mark.fact("ERR-24"),
    ),
    (
        "run_instances",
        (),
        {"subnet_id": "a", "security_group_ids": ["far-group"]},
        "InvalidGroup.NotFound",
        "security_group_ids",
    ),
    (
        "run_instances",
        (),
        {"subnet_id": "a", "private_ip_address": "10.0.2.9"},
        "InvalidParameterValue",
        "private_ip_address",
    ),
    pytest.param(
        "run_instances",
        (),
        {"subnet_id": "a", "private_ip_address": "10.0.1.3"},
        "InvalidParameterValue",
        "private_ip_address",
        marks=pytest.mark.fact("EDGE-4"),
    ),
    pytest.param(
        "run_instances",
        (),
        {"subnet_id": "a", "private_ip_address": "10.0.1.255"},
        "InvalidParameterValue",
        "private_ip_address",
        marks=pytest.mark.fact("EDGE-4"),
    ),
    (
        "run_instances",
        (),
        {"subnet_id": "a", "private_ip_address": "10.0.1"},
        "InvalidParameterValue",
        "private_ip_address",
    ),
    (
        "run_instances",
        (),
        {"subnet_id": "a", "private_ip_address": "::1"},
        "UnsupportedOperation",
        "private_ip_address",
    ),
    ("terminate_instances", (["nobody"],), {}, "InvalidInstanceID.NotFound", "instance_ids"),
    ("delete_network_interface", ("nothing",), {}, "InvalidNetworkInterfaceID.NotFound", "network_interface_id"),
    pytest.param(
        "delete_security_group",
        ("sg-default-main",),
        {},
        "CannotDelete",
        "group_id",
        marks=pytest.mark.fact("SG-2", "ERR-24"),
    ),
]


@pytest.mark.parametrize(("verb", "arguments", "named", "code", "parameter"), REFUSALS)
def test_refusals_name_code_and_parameter(plane: ControlPlane, verb, arguments, named, code, parameter):
    with pytest.raises(Ec2Error) as refusal:
        getattr(plane, verb)(*arguments, **named)
    assert (refusal.value.code, refusal.value.parameter) == (code, parameter)


def test_an_address_in_use_is_refused(plane: ControlPlane):
    plane.run_instances(subnet_id="a", private_ip_address="10.0.1.10")
    with pytest.raises(Ec2Error, match=r"Address 10\.0\.1\.10 is in use") as refusal:
        plane.run_instances(subnet_id="a", private_ip_address="10.0.1.10")
    assert refusal.value.code == "InvalidIPAddress.InUse"


@pytest.mark.fact("ERR-26")
def test_a_subnet_with_interfaces_stays(plane: ControlPlane):
    plane.run_instances(instance_id="one", subnet_id="b")
    with pytest.raises(Ec2Error, match=r"\(eni-one\)") as refusal:
        plane.delete_subnet("b")
    assert refusal.value.code == "DependencyViolation"
    plane.terminate_instances("one")
    plane.delete_subnet("b")
    assert "b" not in plane.subnets


def test_an_interface_in_use_is_neither_deleted_nor_attached_again(plane: ControlPlane):
    plane.run_instances(instance_id="one", subnet_id="a")
    for refused in (
        lambda: plane.delete_network_interface("eni-one"),
        lambda: plane.attach_network_interface("eni-one", "one"),
    ):
        with pytest.raises(Ec2Error) as refusal:
            refused()
        assert refusal.value.code == "InvalidNetworkInterface.InUse"


def test_an_interface_of_another_zone_is_not_attached(plane: ControlPlane):
    plane.run_instances(instance_id="one", subnet_id="a")
    plane.create_network_interface("b", network_interface_id="extra")
    with pytest.raises(Ec2Error, match="same availability zone"):
        plane.attach_network_interface("extra", "one")


@pytest.mark.fact("SG-6", "ERR-24")
def test_five_groups_per_interface_are_the_limit(plane: ControlPlane):
    names = [plane.create_security_group("main").group_id for _ in range(6)]
    plane.run_instances(subnet_id="a", security_group_ids=names[:5])
    with pytest.raises(Ec2Error) as refusal:
        plane.run_instances(subnet_id="a", security_group_ids=names)
    assert refusal.value.code == "SecurityGroupsPerInterfaceLimitExceeded"


def test_errors_read_as_botos_do(plane: ControlPlane):
    with pytest.raises(Ec2Error) as refusal:
        plane.delete_vpc("vpc-1")
    assert str(refusal.value) == (
        "An error occurred (InvalidVpcID.NotFound) when calling the DeleteVpc operation: "
        "The vpc ID 'vpc-1' does not exist"
    )
