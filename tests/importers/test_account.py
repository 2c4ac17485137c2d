"""A hand-written account, in the shapes of AWS's API reference, becomes a topology document; each trap is a test."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import pytest

from emulator.topology.schema import TopologyDocument
from emulator.topology.steps import build
from tests.importers.folder import account, codes, imported, notes, small, subnet, vpc

if TYPE_CHECKING:
    from emulator.importers import Import

A, B = "vpc-0a00000000000000a", "vpc-0b00000000000000b"


@cache
def made() -> Import:
    return imported(account())


def section(name: str) -> dict:
    return made().data[name]


def test_the_document_is_sound() -> None:
    TopologyDocument.model_validate(made().data)
    assert build(made().document)[1] == []


def test_ids_of_aws_are_the_names() -> None:
    assert set(section("instances")) == {"i-0web", "i-0job", "i-0db"}
    assert section("vpcs")[A]["owner_id"] == "111122223333"
    assert section("vpcs")[A]["region"] == "us-east-1"
    assert section("subnets")["subnet-0a3"]["availability_zone_id"] == "use1-az6"


def test_a_disassociated_block_is_listed_and_not_used() -> None:
    assert section("vpcs")[A]["cidr_blocks"] == ["10.0.0.0/16", "100.64.0.0/20"]
    assert ("EMU_LEFT_OUT", "its CIDR block 10.9.0.0/16 is disassociated") in notes(made(), A)


def test_ipv6_is_left_out_with_one_note_for_each_kind() -> None:
    assert ("EMU_IPV4_ONLY", "its IPv6 CIDR blocks are left out") in notes(made(), A)
    assert codes(made(), "subnet-0a2") == ["EMU_IPV4_ONLY"]
    assert ("EMU_IPV4_ONLY", "1 IPv6 routes are left out") in notes(made(), "rtb-0a1")
    assert ("EMU_IPV4_ONLY", "2 IPv6 peers of ingress rules are left out") in notes(made(), "sg-0web")
    assert notes(made(), "acl-0a2") == [("EMU_IPV4_ONLY", "1 IPv6 ingress entries are left out")]


def test_dns_attributes_come_from_their_own_call_or_are_assumed_with_a_note() -> None:
    assert section("vpcs")[A]["enable_dns_hostnames"] is True
    assert "enable_dns_hostnames" not in section("vpcs")[B]
    assert codes(made(), B) == ["EMU_ASSUMED"]


def test_a_vpcs_default_group_and_acl_keep_their_ids() -> None:
    assert section("vpcs")[A]["default_security_group_id"] == "sg-0a0"
    assert section("vpcs")[A]["default_network_acl_id"] == "acl-0a1"
    plane, _ = build(made().document)
    assert plane.vpcs[A].default_security_group_id == "sg-0a0"
    assert plane.subnets["subnet-0a1"].network_acl_id == "acl-0a1"
    assert f"sg-default-{A}" not in plane.security_groups
    assert f"acl-default-{B}" in plane.network_acls  # of which no file tells another name


@pytest.mark.fact("ROUTE-1")
def test_a_subnet_without_association_uses_the_main_table() -> None:
    assert section("vpcs")[A]["main_route_table_id"] == "rtb-0a2"
    assert section("subnets")["subnet-0a1"]["route_table_id"] == "rtb-0a1"
    assert "route_table_id" not in section("subnets")["subnet-0a2"]


def test_the_only_table_is_the_main_one_if_no_association_says_so() -> None:
    table = {"RouteTableId": "rtb-1", "VpcId": "vpc-1", "Routes": [], "Associations": []}
    found = imported(small(RouteTables=[table]))
    assert found.data["vpcs"]["vpc-1"]["main_route_table_id"] == "rtb-1"
    assert "EMU_INFERRED" in codes(found, "vpc-1")


def test_a_local_zones_subnet_is_named_and_left_out() -> None:
    assert "subnet-0a9" not in section("subnets")
    assert codes(made(), "subnet-0a9") == ["UNSUPPORTED_COMPONENT"]


# -- hosts ---------------------------------------------------------------------------


def test_a_terminated_instance_has_no_subnet_and_is_left_out() -> None:
    assert codes(made(), "i-0gone") == ["EMU_LEFT_OUT"]


def test_a_stopped_instance_is_stopped() -> None:
    assert section("instances")["i-0db"]["state"] == "stopped"


def test_a_public_address_that_stands_only_at_the_private_one_is_found() -> None:
    web = section("instances")["i-0web"]
    assert web["public_ip"] == "198.51.100.10"
    assert web["network_interface_id"] == "eni-0web0"
    assert web["secondary_private_ip_addresses"] == ["10.0.1.11"]
    assert web["connection_tracking"] == {"tcp_established_timeout": "600s"}


def test_an_elastic_ip_is_the_associated_interfaces() -> None:
    address = section("addresses")["eipalloc-0web"]
    assert address["public_ip"] == "203.0.113.11"
    assert address["network_interface_id"] == "eni-0web0"
    assert address["private_ip_address"] == "10.0.1.11"
    assert section("addresses")["eipalloc-0free"] == {"public_ip": "203.0.113.99"}


def test_a_classic_address_is_left_out() -> None:
    assert codes(made(), "203.0.113.7") == ["EMU_LEFT_OUT"]


def test_a_public_address_is_known_without_describe_addresses() -> None:
    files = account()
    del files["addresses.json"]
    found = imported(files)
    assert found.data["addresses"]["eipalloc-0web"]["public_ip"] == "203.0.113.11"
    assert found.data["addresses"]["eipalloc-0nat"] == {"public_ip": "203.0.113.50"}
    assert found.data["nat_gateways"] == section("nat_gateways")


def test_an_instance_of_which_only_the_interface_is_known_is_a_host() -> None:
    files = account()
    del files["instances.json"]
    found = imported(files)
    assert found.data["instances"]["i-0web"]["private_ip_address"] == "10.0.1.10"
    assert codes(found, "i-0web") == ["EMU_INFERRED"]


def test_instances_know_their_own_interfaces() -> None:
    job = section("instances")["i-0job"]
    assert job["network_interface_id"] == "eni-0job0"
    assert job["source_dest_check"] is False


def test_interfaces_of_others_come_with_their_owners_or_are_nobodys() -> None:
    assert set(section("network_interfaces")) == {"eni-0web1", "eni-0fn", "eni-0rds"}
    assert section("network_interfaces")["eni-0fn"]["interface_type"] == "lambda"
    assert section("network_interfaces")["eni-0web1"]["instance_id"] == "i-0web"
    assert codes(made(), "eni-0rds") == ["UNSUPPORTED_COMPONENT"]
    assert codes(made(), "eni-0nlb") == codes(made(), "eni-0tgw") == []


# -- rules ---------------------------------------------------------------------------


@pytest.mark.fact("SG-3")
def test_a_permission_with_several_peers_is_several_rules() -> None:
    peers = [rule["peer"] for rule in section("security_groups")["sg-0web"]["ingress"] if rule["protocol"] == "tcp"]
    assert peers == ["10.0.0.0/16", "192.0.2.0/24", "pl-0office", "sg-0a0", "sg-0elsewhere"]


def test_protocols_and_ports() -> None:
    rules = section("security_groups")["sg-0web"]["ingress"]
    assert {"protocol": "icmp", "icmp_type": 8, "peer": "10.0.0.0/8"} in rules
    assert {"protocol": 50, "peer": "10.0.0.0/8"} in rules
    assert section("security_groups")["sg-0db"]["ingress"][1] == {"protocol": "tcp", "peer": "10.2.0.0/16"}
    assert section("security_groups")["sg-0db"]["egress"] == []


@pytest.mark.fact("SG-5")
def test_a_rule_that_names_a_group_of_an_unknown_account_is_kept_as_stale() -> None:
    assert "UNKNOWN_PEERED_SGS" in codes(made(), "sg-0web")
    kept = {"protocol": "tcp", "ports": 443, "peer": "sg-0elsewhere", "stale": True}
    assert kept in section("security_groups")["sg-0web"]["ingress"]


@pytest.mark.fact("SG-5")
def test_a_rule_that_names_a_group_behind_a_deleted_peering_is_stale() -> None:
    files = account()
    files["peering.json"]["VpcPeeringConnections"][0]["Status"]["Code"] = "deleted"
    found = imported(files)
    assert found.data["security_groups"]["sg-0db"]["ingress"][0]["stale"] is True
    assert codes(found, "sg-0db") == ["EMU_INFERRED"]


@pytest.mark.fact("NACL-2")
def test_the_last_line_of_an_acl_is_implied() -> None:
    acl = section("network_acls")["acl-0a2"]
    assert [line["rule_number"] for line in acl["ingress"]] == [100, 110, 120]
    assert acl["ingress"][1]["ports"] == "1024-65535"
    assert acl["ingress"][2]["icmp_type"] == 8
    assert "icmp_code" not in acl["ingress"][2]


def test_without_a_file_of_acls_the_default_is_assumed_with_a_note() -> None:
    files = account()
    del files["network-acls.json"]
    found = imported(files)
    assert "network_acls" not in found.data
    assert "EMU_ASSUMED" in codes(found, "subnet-0a2")


def test_without_a_file_of_groups_they_are_without_rules() -> None:
    files = account()
    del files["security-groups.json"]
    found = imported(files)
    assert found.data["security_groups"]["sg-0web"] == {"vpc_id": A, "ingress": [], "egress": []}
    assert codes(found, "sg-0web") == ["UNKNOWN_RESOURCE"]


@pytest.mark.fact("VPCE-GW-2")
def test_lists_of_aws_replace_the_built_in_ones() -> None:
    plane, _ = build(made().document)
    assert [str(block) for block in plane.prefix_lists["pl-63a5400a"].cidrs] == [
        "54.231.0.0/17",
        "52.216.0.0/15",
        "3.5.0.0/19",
    ]


def test_a_customers_list_has_its_entries_and_its_maximum() -> None:
    assert section("prefix_lists")["pl-0office"]["cidrs"] == ["192.0.2.0/25", "192.0.2.128/25"]
    assert section("prefix_lists")["pl-0office"]["max_entries"] == 10


# -- routes and gateways ---------------------------------------------------------------


def routes(table: str) -> dict[str, dict]:
    return {route["destination"]: route for route in section("route_tables")[table]["routes"]}


@pytest.mark.fact("ROUTE-14")
def test_blackholes_name_what_is_gone() -> None:
    assert routes("rtb-0a2")["10.7.0.0/16"] == {
        "destination": "10.7.0.0/16",
        "target": "nat-0dead",
        "state": "blackhole",
    }
    assert routes("rtb-0a2")["10.8.0.0/16"]["target"] == "pcx-0dead"


@pytest.mark.fact("ROUTE-8", "VPCE-GW-2", "ROUTE-15")
def test_what_comes_by_itself_is_not_written() -> None:
    assert "10.0.0.0/16" not in routes("rtb-0a2")
    assert "pl-63a5400a" not in routes("rtb-0a2")
    assert "172.16.0.0/16" not in routes("rtb-0a2")
    assert section("route_tables")["rtb-0a2"]["propagating_vgws"] == ["vgw-0a1"]
    assert section("vpc_endpoints")["vpce-0s3"]["route_table_ids"] == ["rtb-0a2"]


def test_what_a_vpn_connection_announced_is_what_tables_learnt() -> None:
    assert section("vpn_connections")["vpn-0a1"]["routes"] == ["172.16.0.0/16"]
    assert "tunnels_up" not in section("vpn_connections")["vpn-0a1"]
    assert section("vpn_connections")["vpn-0t1"]["tunnels_up"] is False
    assert "not read" not in str(made().data)


def test_a_route_to_what_is_not_modelled_stays_active() -> None:
    assert routes("rtb-0a2")["10.66.0.0/16"] == {"destination": "10.66.0.0/16", "target": "vpce-0gwlb"}
    assert section("unsupported_components") == {"vpce-0gwlb": {"resource_type": "GatewayLoadBalancer endpoint"}}
    assert codes(made(), "vpce-0gwlb").count("UNSUPPORTED_COMPONENT") == 2


def test_a_gateway_that_no_file_has_is_unknown_and_not_none() -> None:
    files = account()
    del files["gateways.json"]
    found = imported(files)
    assert found.data["internet_gateways"] == {"igw-0a1": {"vpc_id": A}}  # an active route proves it
    assert found.data["nat_gateways"]["nat-0a1"]["subnet_id"] == "subnet-0a1"  # its interface tells
    assert codes(found, "igw-0a1") == codes(found, "nat-0a1") == ["EMU_INFERRED"]


def test_a_nat_gateway_of_which_nothing_is_known_but_a_route() -> None:
    files = account()
    del files["gateways.json"], files["network-interfaces.json"]
    found = imported(files)
    assert found.data["unsupported_components"]["nat-0a1"] == {"resource_type": "nat gateway"}
    assert "UNSUPPORTED_COMPONENT" in codes(found, "nat-0a1")


def test_deleted_gateways_and_peerings_are_left_out() -> None:
    assert codes(made(), "nat-0dead") == codes(made(), "pcx-0dead") == ["EMU_LEFT_OUT"]


def test_a_peer_of_another_account_is_an_empty_vpc() -> None:
    assert section("vpcs")["vpc-0far"] == {
        "cidr_blocks": ["10.77.0.0/16"],
        "region": "eu-west-1",
        "owner_id": "999988887777",
    }
    assert section("vpc_peering_connections")["pcx-0far"]["status"] == "pending-acceptance"
    assert codes(made(), "vpc-0far") == ["UNKNOWN_RESOURCE"]


# -- endpoints, transit gateways, load balancers -----------------------------------------


def test_endpoints_keep_addresses_groups_and_policies() -> None:
    sqs, s3 = section("vpc_endpoints")["vpce-0sqs"], section("vpc_endpoints")["vpce-0s3"]
    assert sqs["subnet_configurations"] == [{"subnet_id": "subnet-0a2", "ipv4": "10.0.2.60"}]
    assert sqs["private_dns_enabled"] is True
    assert "policy_document" not in sqs  # full access is the default
    assert s3["policy_document"]["Statement"][0]["Action"] == "s3:GetObject"
    assert "services" not in made().data  # sqs is one of those that come by themselves
    assert notes(made(), "vpce-0sqs") == [("EMU_RENAMED", "eni-0sqs is eni-vpce-0sqs-us-east-1a")]


def test_a_service_that_the_emulator_does_not_know_has_the_names_of_the_endpoints_dns_entries() -> None:
    files = account()
    endpoint = files["endpoints.json"]["VpcEndpoints"][1]
    endpoint["ServiceName"] = "com.amazonaws.us-east-1.brand-new"
    endpoint["DnsEntries"][2]["DnsName"] = "new.us-east-1.api.aws"
    found = imported(files).data["services"]["com.amazonaws.us-east-1.brand-new"]
    assert found == {"service_types": ["Interface"], "private_dns_names": ["new.us-east-1.api.aws"]}
    del endpoint["DnsEntries"]
    assumed = imported(files)
    names = assumed.data["services"]["com.amazonaws.us-east-1.brand-new"]["private_dns_names"]
    assert names == ["brand-new.us-east-1.amazonaws.com"]
    assert "EMU_ASSUMED" in codes(assumed, "vpce-0sqs")


@pytest.mark.fact("VPCE-6")
def test_an_endpoint_to_another_regions_service_turns_the_knob() -> None:
    files = account()
    files["endpoints.json"]["VpcEndpoints"][1]["ServiceName"] = "com.amazonaws.eu-west-1.sqs"
    found = imported(files)
    assert found.data["settings"]["cross_region_endpoints"] is True
    assert "EMU_INFERRED" in codes(found, "vpce-0sqs")


def test_transit_gateways_take_tables_from_files_names() -> None:
    table = section("transit_gateway_route_tables")["tgw-rtb-01"]
    assert table["propagations"] == ["tgw-attach-0a1", "tgw-attach-0x1"]
    assert [route["destination"] for route in table["routes"]] == ["192.168.0.0/16", "10.3.0.0/16", "10.4.0.0/16"]
    assert [route.get("state") for route in table["routes"]] == [None, "blackhole", "blackhole"]
    assert section("transit_gateway_attachments")["tgw-attach-0x1"]["subnet_ids"] == ["subnet-tgw-attach-0x1"]
    attachment = section("transit_gateway_attachments")["tgw-attach-0a1"]
    assert attachment["subnet_ids"] == ["subnet-0a3"]
    assert attachment["appliance_mode_support"] is True


def test_a_table_whose_routes_were_not_fetched_is_unreadable() -> None:
    assert section("transit_gateway_route_tables")["tgw-rtb-02"] == {"transit_gateway_id": "tgw-01", "unreadable": True}
    assert "TGW_RTB_ROUTES_ARE_UNKNOWN" in codes(made(), "tgw-rtb-02")


def test_load_balancers_and_what_is_behind_them() -> None:
    nlb = section("load_balancers")["nlb"]
    assert nlb["subnet_mappings"] == [{"subnet_id": "subnet-0b1", "private_ipv4_address": "10.1.1.80"}]
    assert nlb["listeners"] == [{"port": 5432, "protocol": "TCP", "target_group_name": "databases"}]
    assert nlb["cross_zone"] is True
    assert section("target_groups")["databases"]["targets"] == [{"target_id": "10.1.1.40", "port": 5432}]
    assert section("vpc_endpoint_service_configurations")["vpce-svc-0db"]["load_balancer_names"] == ["nlb"]
    assert codes(made(), "front") == ["UNSUPPORTED_COMPONENT"]


def test_what_a_table_learnt_from_an_attachment_that_is_not_modelled_is_not_forgotten() -> None:
    files = account()
    learnt = {
        "DestinationCidrBlock": "10.5.0.0/16",
        "Type": "propagated",
        "State": "active",
        "TransitGatewayAttachments": [{"TransitGatewayAttachmentId": "tgw-attach-0dx"}],
    }
    files["TransitGatewayRoutes/tgw-rtb-01.json"]["Routes"].append(learnt)
    made_routes = imported(files).data["transit_gateway_route_tables"]["tgw-rtb-01"]["routes"]
    assert {"destination": "10.5.0.0/16", "state": "blackhole"} in made_routes


def test_a_route_that_the_verbs_refuse_leads_nowhere_rather_than_by_another_route() -> None:
    files = account()
    files["transit-gateways.json"]["TransitGatewayAttachments"] = []
    files["transit-gateways.json"]["TransitGatewayVpcAttachments"] = []
    found = imported(files)
    kept = {route["destination"]: route["target"] for route in found.data["route_tables"]["rtb-0a2"]["routes"]}
    assert kept["10.2.0.0/16"] == "unsupported-tgw-01"
    assert build(found.document)[1] == []


def test_without_the_vpn_connection_its_routes_stay() -> None:
    files = account()
    files["gateways.json"]["VpnConnections"] = []
    found = imported(files)
    assert {"destination": "172.16.0.0/16", "target": "vgw-0a1"} in found.data["route_tables"]["rtb-0a2"]["routes"]


def test_the_subnets_of_an_attachment_are_known_by_its_interfaces() -> None:
    files = account()
    files["transit-gateways.json"]["TransitGatewayVpcAttachments"] = []
    attachments = imported(files).data["transit_gateway_attachments"]
    assert attachments["tgw-attach-0a1"]["subnet_ids"] == ["subnet-0a3"]


# -- quotas ----------------------------------------------------------------------------


@pytest.mark.fact("SG-6", "NACL-6")
def test_an_account_with_raised_quotas_loads() -> None:
    ranges = [{"CidrIp": f"192.0.{number}.0/24"} for number in range(100)]
    permissions = [{"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": ranges}]
    group = {"GroupId": "sg-1", "GroupName": "big", "VpcId": "vpc-1", "IpPermissions": permissions}
    entries = [
        {"RuleNumber": number, "Protocol": "6", "CidrBlock": "10.0.0.0/8", "RuleAction": "allow", "Egress": False}
        for number in range(1, 31)
    ]
    acl = {"NetworkAclId": "acl-1", "VpcId": "vpc-1", "Entries": entries, "Associations": [{"SubnetId": "subnet-1"}]}
    found = imported(small(SecurityGroups=[group], NetworkAcls=[acl]))
    assert found.data["settings"] == {"rules_per_group": 100, "entries_per_acl": 31}
    assert codes(found, "settings") == ["EMU_RAISED_QUOTA"] * 2
    assert len(found.data["security_groups"]["sg-1"]["ingress"]) == 100


def test_what_the_verbs_refuse_is_left_out_with_aws_code() -> None:
    outside = subnet(SubnetId="subnet-2", CidrBlock="172.16.0.0/24")
    found = imported({"a.json": {"Vpcs": [vpc()]}, "b.json": {"Subnets": [subnet(), outside]}})
    assert list(found.data["subnets"]) == ["subnet-1"]
    assert "InvalidSubnet.Range" in dict(notes(found, "subnet-2"))["EMU_LEFT_OUT"]
