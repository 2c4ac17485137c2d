from __future__ import annotations

import pytest

from emulator.control import ControlPlane, Ec2Error
from emulator.model.hosted_zones import ResourceRecordSet
from tests.control.planes import METERING, small_plane, snapshot

ZONE = "metering.us-east-1.amazonaws.com"


@pytest.fixture
def plane() -> ControlPlane:
    return small_plane()


def endpoint(plane: ControlPlane, **options):
    return plane.create_vpc_endpoint(
        "main", METERING, vpc_endpoint_type="Interface", vpc_endpoint_id="api", subnet_ids=["a"], **options
    )


def change(name: str, *values: str, kind: str = "A", action: str = "CREATE"):
    return {"action": action, "name": name, "type": kind, "values": values}


def refused(call, *arguments, **named) -> tuple[str, str]:
    with pytest.raises(Ec2Error) as refusal:
        call(*arguments, **named)
    return refusal.value.code, refusal.value.message


def test_a_zone_is_seen_by_the_vpcs_it_is_associated_with(plane: ControlPlane):
    plane.create_hosted_zone("Corp.Example.", vpc_ids="main", hosted_zone_id="z")
    assert plane.hosted_zones["z"].name == "corp.example"
    plane.associate_vpc_with_hosted_zone("z", "far")
    assert plane.hosted_zones["z"].vpc_ids == ("main", "far")
    plane.disassociate_vpc_from_hosted_zone("z", "main")
    assert plane.hosted_zones["z"].vpc_ids == ("far",)
    plane.delete_hosted_zone("z")
    assert plane.hosted_zones == {}


@pytest.mark.fact("DNS-7")
def test_a_zone_named_as_the_private_dns_of_an_endpoint_conflicts_with_it(plane: ControlPlane):
    endpoint(plane, private_dns_enabled=True)
    code, message = refused(plane.create_hosted_zone, ZONE, vpc_ids=["far", "main"])
    assert code == "ConflictingDomainExists"
    assert message.startswith("The VPC main in region us-east-1 has already been associated with the hosted zone")
    assert message.endswith("with the same domain name.")
    plane.create_hosted_zone(ZONE, vpc_ids="far", hosted_zone_id="z")  # another VPC may
    assert refused(plane.associate_vpc_with_hosted_zone, "z", "main")[0] == "ConflictingDomainExists"
    plane.create_hosted_zone(f"a.{ZONE}", vpc_ids="main")  # and so may a zone inside
    plane.modify_vpc_endpoint("api", private_dns_enabled=False)
    plane.associate_vpc_with_hosted_zone("z", "main")


@pytest.mark.fact("ERR-9")
def test_private_dns_conflicts_with_a_zone_of_its_name(plane: ControlPlane):
    plane.create_hosted_zone(ZONE, vpc_ids="main")
    text = f"private-dns-enabled cannot be set because there is already a conflicting DNS domain for {ZONE} in the VPC"
    assert refused(endpoint, plane, private_dns_enabled=True) == ("InvalidParameter", f"{text} main")
    endpoint(plane)
    assert refused(plane.modify_vpc_endpoint, "api", private_dns_enabled=True) == ("InvalidParameter", f"{text} main")


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (lambda plane: plane.create_hosted_zone("corp.example", vpc_ids="main"), "ConflictingDomainExists"),
        (lambda plane: plane.create_hosted_zone("other.example", vpc_ids=["far", "far"]), "ConflictingDomainExists"),
        (lambda plane: plane.create_hosted_zone("other.example", vpc_ids="none"), "InvalidVPCId"),
        (lambda plane: plane.create_hosted_zone("other.example", vpc_ids=()), "UnsupportedOperation"),
        (lambda plane: plane.create_hosted_zone("*.example", vpc_ids="main"), "InvalidDomainName"),
        (lambda plane: plane.create_hosted_zone("a..example", vpc_ids="main"), "InvalidDomainName"),
        (lambda plane: plane.associate_vpc_with_hosted_zone("none", "far"), "NoSuchHostedZone"),
        (lambda plane: plane.associate_vpc_with_hosted_zone("z", "main"), "ConflictingDomainExists"),
        (lambda plane: plane.disassociate_vpc_from_hosted_zone("z", "far"), "VPCAssociationNotFound"),
        (lambda plane: plane.disassociate_vpc_from_hosted_zone("z", "main"), "LastVPCAssociation"),
        (lambda plane: plane.disassociate_vpc_from_hosted_zone("z", "none"), "InvalidVPCId"),
        (lambda plane: plane.delete_hosted_zone("z"), "HostedZoneNotEmpty"),
        (lambda plane: plane.delete_hosted_zone("none"), "NoSuchHostedZone"),
    ],
)
def test_what_is_refused_of_zones_changes_nothing(plane: ControlPlane, call, code):
    plane.create_hosted_zone("corp.example", vpc_ids="main", hosted_zone_id="z")
    plane.change_resource_record_sets("z", [change("a.corp.example", "10.0.0.1")])
    before = snapshot(plane)
    assert refused(call, plane)[0] == code
    assert snapshot(plane) == before


def test_records_are_created_replaced_and_deleted_all_or_none(plane: ControlPlane):
    plane.create_hosted_zone("corp.example", vpc_ids="main", hosted_zone_id="z")
    changes = [
        change("DB.corp.example.", "10.0.0.1", "10.0.0.2"),
        change("www.corp.example", "Db.Corp.Example.", kind="CNAME"),
        change("corp.example", "db.corp.example", kind="ALIAS", action="UPSERT"),
    ]
    plane.change_resource_record_sets("z", changes)
    records = (
        ResourceRecordSet("db.corp.example", "A", ("10.0.0.1", "10.0.0.2")),
        ResourceRecordSet("www.corp.example", "CNAME", ("db.corp.example",)),
        ResourceRecordSet("corp.example", "ALIAS", ("db.corp.example",)),
    )
    assert plane.hosted_zones["z"].resource_record_sets == records
    upsert = change("corp.example", "10.0.0.9", action="upsert")  # an alias record is an A record
    assert refused(plane.change_resource_record_sets, "z", [upsert, changes[0]])[0] == "InvalidChangeBatch"
    assert plane.hosted_zones["z"].resource_record_sets == records
    plane.change_resource_record_sets("z", [upsert, {**changes[1], "action": "DELETE"}])
    assert plane.hosted_zones["z"].resource_record_sets == (
        records[0],
        ResourceRecordSet("corp.example", "A", ("10.0.0.9",)),
    )


@pytest.mark.parametrize(
    ("wrong", "code", "says"),
    [
        (change("a.corp.example", "10.0.0.2"), "InvalidChangeBatch", "but it already exists"),
        (change("b.corp.example", "10.0.0.2", action="DELETE"), "InvalidChangeBatch", "but it was not found"),
        (
            change("a.corp.example", "10.0.0.2", action="DELETE"),
            "InvalidChangeBatch",
            "do not match the current values",
        ),
        (
            change("a.corp.example", "b.corp.example", kind="CNAME"),
            "InvalidChangeBatch",
            "conflicts with other records",
        ),
        (change("a.other.example", "10.0.0.2"), "InvalidChangeBatch", "is not permitted in zone corp.example."),
        (change("corp.example", "b.corp.example", kind="CNAME"), "InvalidChangeBatch", "not permitted at apex"),
        (change("b.corp.example", "10.0.0.300"), "InvalidChangeBatch", "is not a valid IPv4 address"),
        (change("b.corp.example", "::1"), "UnsupportedOperation", "IPv6"),
        (change("b.corp.example", "10.0.0.2", "10.0.0.2"), "InvalidChangeBatch", "Duplicate Resource Record"),
        (change("b.corp.example", "a b", kind="CNAME"), "InvalidChangeBatch", "a name is expected"),
        (change("b.corp.example", "x.y", "y.x", kind="CNAME"), "InvalidInput", "one value"),
        (change("b.corp.example", "nobody", kind="ALIAS"), "InvalidChangeBatch", "neither a name nor an endpoint"),
        (change("b.corp.example"), "InvalidInput", "one value"),
        (change("b..corp.example", "10.0.0.2"), "InvalidChangeBatch", "DomainLabelInvalid"),
        (change("b.corp.example", "::1", kind="AAAA"), "UnsupportedOperation", "type AAAA"),
        (change("b.corp.example", "x", kind="B"), "InvalidInput", "'B' is not a record type"),
        (change("b.corp.example", "10.0.0.2", action="APPEND"), "InvalidInput", "CREATE, UPSERT, DELETE"),
    ],
)
def test_which_records_are_refused(plane: ControlPlane, wrong, code, says):
    plane.create_hosted_zone("corp.example", vpc_ids="main", hosted_zone_id="z")
    plane.change_resource_record_sets("z", [change("a.corp.example", "10.0.0.1")])
    found, message = refused(plane.change_resource_record_sets, "z", [wrong])
    assert found == code
    assert says in message


@pytest.mark.fact("DNS-5", "DNS-4")
def test_a_resolver_endpoint_has_an_interface_per_address_that_users_do_not_manage(plane: ControlPlane):
    made = plane.create_resolver_endpoint(
        [{"subnet_id": "a", "ip": "10.0.1.53"}, {"subnet_id": "b"}],
        security_group_ids="web",
        resolver_endpoint_id="inbound",
    )
    assert made.network_interface_ids == ("eni-inbound-1", "eni-inbound-2")
    assert [str(host) for host in made.ip_addresses] == ["10.0.1.53", "10.0.2.4"]
    interface = plane.network_interfaces["eni-inbound-1"]
    assert (interface.attachment, interface.groups, made.vpc_id) == ("inbound", ("web",), "main")
    assert refused(plane.delete_network_interface, "eni-inbound-1")[0] == "OperationNotPermitted"
    assert refused(plane.delete_subnet, "a")[0] == "DependencyViolation"
    plane.delete_resolver_endpoint("inbound")
    assert not plane.resolver_endpoints
    assert "eni-inbound-1" not in plane.network_interfaces


@pytest.mark.parametrize(
    ("places", "options", "code"),
    [
        ([{"subnet_id": "a"}], {"direction": "OUTBOUND"}, "UnsupportedOperation"),
        ([{"subnet_id": "a"}], {"direction": "SIDEWAYS"}, "InvalidParameterException"),
        ([], {}, "InvalidRequestException"),
        ([{"subnet_id": "none"}], {}, "InvalidSubnetID.NotFound"),
        ([{"subnet_id": "a", "ip": "10.0.9.9"}], {}, "InvalidParameterValue"),
        ([{"subnet_id": "a"}], {"security_group_ids": "far-group"}, "InvalidGroup.NotFound"),
    ],
)
def test_which_resolver_endpoints_are_refused(plane: ControlPlane, places, options, code):
    before = snapshot(plane)
    assert refused(plane.create_resolver_endpoint, places, **options)[0] == code
    assert snapshot(plane) == before


def test_the_addresses_of_a_resolver_endpoint_are_in_one_vpc(plane: ControlPlane):
    plane.create_subnet("far", "10.9.1.0/24", "us-east-1a", subnet_id="far-a")
    places = [{"subnet_id": "a"}, {"subnet_id": "far-a"}]
    assert refused(plane.create_resolver_endpoint, places)[0] == "InvalidRequestException"
    assert refused(plane.delete_resolver_endpoint, "none")[0] == "ResourceNotFoundException"
