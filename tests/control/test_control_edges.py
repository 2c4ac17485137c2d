"""Internet and NAT gateways, Elastic IPs, VPN and Direct Connect, hosts outside."""

from __future__ import annotations

import pytest
from netaddr import IPAddress, IPNetwork

from emulator.control import ControlPlane, Ec2Error
from emulator.control.propagation import PropagatedRank, propagated_routes
from emulator.model.edges import NatGatewayState
from emulator.model.resources import InterfaceType
from emulator.model.settings import Settings
from tests.control.planes import small_plane


def refused(call, code: str, text: str = "", parameter: str | None = "any") -> Ec2Error:
    with pytest.raises(Ec2Error) as refusal:
        call()
    assert refusal.value.code == code
    assert text in refusal.value.message
    assert parameter in ("any", refusal.value.parameter)
    return refusal.value


def state_of(plane: ControlPlane, target: str, table: str = "private") -> str:
    return next(str(route.state) for route in plane.route_tables[table].routes if route.target == target)


@pytest.fixture
def open_vpc(plane: ControlPlane) -> ControlPlane:
    """VPC ``main`` with an internet gateway ``igw`` and an instance ``web``."""
    plane.create_internet_gateway(internet_gateway_id="igw", vpc_id="main")
    plane.run_instances(instance_id="web", subnet_id="a")
    return plane


# -- internet gateways ------------------------------------------------------------------


@pytest.mark.fact("EDGE-1")
def test_a_vpc_has_at_most_one_internet_gateway_and_a_gateway_one_vpc(open_vpc: ControlPlane) -> None:
    open_vpc.create_internet_gateway(internet_gateway_id="second")
    refused(lambda: open_vpc.attach_internet_gateway("second", "main"), "InvalidParameterValue", "already has")
    text = "resource igw is already attached to network main"
    refused(lambda: open_vpc.attach_internet_gateway("igw", "far"), "Resource.AlreadyAssociated", text)
    refused(lambda: open_vpc.detach_internet_gateway("igw", "far"), "Gateway.NotAttached")
    open_vpc.attach_internet_gateway("second", "far")


@pytest.mark.fact("ROUTE-14")
def test_routes_to_a_detached_internet_gateway_are_blackholes_until_it_is_attached_again(
    open_vpc: ControlPlane,
) -> None:
    open_vpc.create_route("private", destination_cidr_block="0.0.0.0/0", gateway_id="igw")
    assert state_of(open_vpc, "igw") == "active"
    refused(lambda: open_vpc.delete_internet_gateway("igw"), "DependencyViolation")
    open_vpc.detach_internet_gateway("igw", "main")
    assert state_of(open_vpc, "igw") == "blackhole"
    open_vpc.attach_internet_gateway("igw", "main")
    assert state_of(open_vpc, "igw") == "active"
    open_vpc.detach_internet_gateway("igw", "main")
    open_vpc.delete_internet_gateway("igw")
    assert state_of(open_vpc, "igw") == "blackhole"


def test_a_gateway_is_not_detached_while_the_vpc_has_public_addresses(open_vpc: ControlPlane) -> None:
    open_vpc.allocate_address(allocation_id="eip")
    open_vpc.associate_address("eip", instance_id="web")
    refused(lambda: open_vpc.detach_internet_gateway("igw", "main"), "DependencyViolation", "mapped public address")
    open_vpc.disassociate_address("eip")
    open_vpc.detach_internet_gateway("igw", "main")


@pytest.mark.fact("ERR-23")
def test_a_route_goes_to_an_attached_gateway_of_its_own_vpc_only(open_vpc: ControlPlane) -> None:
    open_vpc.create_internet_gateway(internet_gateway_id="idle")
    everywhere = {"destination_cidr_block": "0.0.0.0/0"}
    refused(lambda: open_vpc.create_route("private", **everywhere, gateway_id="idle"), "Gateway.NotAttached")
    refused(
        lambda: open_vpc.create_route("far-table", **everywhere, gateway_id="igw"),
        "InvalidParameterValue",
        "route table far-table and network gateway igw belong to different networks",
    )


# -- Elastic IPs ------------------------------------------------------------------------


@pytest.mark.fact("EDGE-1")
def test_an_elastic_ip_stands_for_one_private_address_of_an_interface(open_vpc: ControlPlane) -> None:
    open_vpc.allocate_address(allocation_id="eip")
    held = open_vpc.associate_address("eip", instance_id="web")
    assert (str(held.public_ip), held.network_interface_id, str(held.private_ip_address)) == (
        "203.0.113.1",
        "eni-web",
        "10.0.1.4",
    )
    assert open_vpc.network_interfaces["eni-web"].public_ips == ((IPAddress("10.0.1.4"), IPAddress("203.0.113.1")),)
    open_vpc.assign_private_ip_addresses("eni-web", private_ip_addresses="10.0.1.77")
    open_vpc.associate_address("eip", network_interface_id="eni-web", private_ip_address="10.0.1.77")
    assert open_vpc.network_interfaces["eni-web"].public_ips == ((IPAddress("10.0.1.77"), IPAddress("203.0.113.1")),)
    refused(
        lambda: open_vpc.associate_address("eip", instance_id="web", private_ip_address="10.0.1.99"),
        "InvalidParameterValue",
        parameter="private_ip_address",
    )
    refused(lambda: open_vpc.release_address("eip"), "InvalidIPAddress.InUse")
    open_vpc.unassign_private_ip_addresses("eni-web", "10.0.1.77")
    assert open_vpc.addresses["eip"].network_interface_id is None
    open_vpc.release_address("eip")
    assert open_vpc.addresses == {}


@pytest.mark.fact("ERR-23")
def test_an_elastic_ip_needs_an_internet_gateway(plane: ControlPlane) -> None:
    plane.run_instances(instance_id="web", subnet_id="a")
    plane.allocate_address(allocation_id="eip")
    refused(
        lambda: plane.associate_address("eip", instance_id="web"),
        "Gateway.NotAttached",
        "Network main is not attached to any internet gateway",
    )


def test_an_elastic_ip_takes_the_place_of_an_automatic_address_and_moves_on_request(open_vpc: ControlPlane) -> None:
    open_vpc.run_instances(instance_id="shop", subnet_id="a", public_ip="auto")
    assert str(open_vpc.network_interfaces["eni-shop"].public_ips[0][1]) == "203.0.113.1"
    open_vpc.allocate_address(allocation_id="eip", public_ip="198.51.100.9")
    open_vpc.associate_address("eip", instance_id="shop")
    assert [str(public) for _, public in open_vpc.network_interfaces["eni-shop"].public_ips] == ["198.51.100.9"]
    refused(
        lambda: open_vpc.associate_address("eip", instance_id="web", allow_reassociation=False),
        "Resource.AlreadyAssociated",
    )
    open_vpc.associate_address("eip", instance_id="web")
    assert open_vpc.network_interfaces["eni-shop"].public_ips == ()
    open_vpc.terminate_instances("web")
    assert open_vpc.addresses["eip"].network_interface_id is None


def test_automatic_addresses_are_the_lowest_free_ones_and_never_somebody_elses(open_vpc: ControlPlane) -> None:
    open_vpc.register_external_host("203.0.113.1", external_host_id="site")
    open_vpc.create_customer_gateway("203.0.113.2", customer_gateway_id="cgw")
    first, second = open_vpc.allocate_address(), open_vpc.allocate_address()
    assert [str(one.public_ip) for one in (first, second)] == ["203.0.113.3", "203.0.113.4"]
    open_vpc.release_address(first.allocation_id)
    assert str(open_vpc.allocate_address().public_ip) == "203.0.113.3"
    for text, code in (
        ("203.0.113.4", "InvalidIPAddress.InUse"),
        ("203.0.113.1", "InvalidIPAddress.InUse"),
        ("10.0.0.9", "InvalidParameterValue"),
        ("100.64.0.1", "InvalidParameterValue"),
        ("nonsense", "InvalidParameterValue"),
    ):
        refused(lambda text=text: open_vpc.allocate_address(public_ip=text), code, parameter="public_ip")


# -- NAT gateways -----------------------------------------------------------------------


@pytest.mark.fact("NAT-2", "NAT-3")
def test_a_nat_gateway_has_an_interface_without_groups_and_an_elastic_ip_per_address(open_vpc: ControlPlane) -> None:
    for number in range(3):
        open_vpc.allocate_address(allocation_id=f"eip{number}")
    gateway = open_vpc.create_nat_gateway("a", allocation_ids=["eip0", "eip1", "eip2"], nat_gateway_id="nat")
    interface = open_vpc.network_interfaces["eni-nat"]
    assert gateway.network_interface_id == "eni-nat"
    assert (interface.interface_type, interface.groups) == (InterfaceType.NAT_GATEWAY, ())
    assert not interface.source_dest_check
    assert [(str(private), str(public)) for private, public in interface.public_ips] == [
        ("10.0.1.5", "203.0.113.1"),
        ("10.0.1.6", "203.0.113.2"),
        ("10.0.1.7", "203.0.113.3"),
    ]
    refused(lambda: open_vpc.disassociate_address("eip0"), "AuthFailure")
    refused(lambda: open_vpc.delete_network_interface("eni-nat"), "OperationNotPermitted")


@pytest.mark.fact("NAT-2")
def test_a_nat_gateway_has_at_most_eight_addresses(open_vpc: ControlPlane) -> None:
    eight = open_vpc.create_nat_gateway("a", connectivity_type="private", secondary_private_ip_address_count=7)
    assert len(open_vpc.network_interfaces[eight.network_interface_id].private_ip_addresses) == 8
    refused(
        lambda: open_vpc.create_nat_gateway("a", connectivity_type="private", secondary_private_ip_address_count=8),
        "NatGatewayLimitExceeded",
    )


def test_public_nat_gateways_without_elastic_ips_get_some_and_private_ones_have_none(open_vpc: ControlPlane) -> None:
    open_vpc.create_nat_gateway("a", nat_gateway_id="nat")
    assert open_vpc.addresses["eipalloc-nat"].network_interface_id == "eni-nat"
    open_vpc.create_nat_gateway("b", nat_gateway_id="inner", connectivity_type="private")
    assert open_vpc.network_interfaces["eni-inner"].public_ips == ()
    open_vpc.allocate_address(allocation_id="eip")
    refused(
        lambda: open_vpc.create_nat_gateway("b", connectivity_type="private", allocation_ids="eip"),
        "InvalidParameterCombination",
        parameter="allocation_ids",
    )
    refused(lambda: open_vpc.create_nat_gateway("a", allocation_ids="eipalloc-nat"), "Resource.AlreadyAssociated")


def test_a_public_nat_gateway_needs_an_internet_gateway(plane: ControlPlane) -> None:
    refused(lambda: plane.create_nat_gateway("a"), "Gateway.NotAttached")
    assert plane.create_nat_gateway("a", nat_gateway_id="f", state="failed").state is NatGatewayState.FAILED
    plane.create_nat_gateway("a", connectivity_type="private")


@pytest.mark.fact("ROUTE-14", "ERR-26")
def test_a_deleted_nat_gateway_leaves_blackholes_and_its_elastic_ips(open_vpc: ControlPlane) -> None:
    open_vpc.create_nat_gateway("a", nat_gateway_id="nat")
    open_vpc.create_route("private", destination_cidr_block="0.0.0.0/0", nat_gateway_id="nat")
    assert open_vpc.delete_nat_gateway("nat").state is NatGatewayState.DELETED
    assert "eni-nat" not in open_vpc.network_interfaces
    assert state_of(open_vpc, "nat") == "blackhole"
    assert open_vpc.addresses["eipalloc-nat"].network_interface_id is None
    refused(lambda: open_vpc.delete_nat_gateway("nat"), "NatGatewayNotFound")
    route = {"destination_cidr_block": "10.99.0.0/16", "nat_gateway_id": "nat"}
    refused(lambda: open_vpc.create_route("private", **route), "NatGatewayNotFound")


def test_a_failed_nat_gateway_blackholes_and_a_pending_one_does_not(open_vpc: ControlPlane) -> None:
    open_vpc.create_nat_gateway("a", nat_gateway_id="nat")
    open_vpc.create_route("private", destination_cidr_block="0.0.0.0/0", nat_gateway_id="nat")
    for state, expected in (("pending", "active"), ("failed", "blackhole"), ("available", "active")):
        open_vpc.set_nat_gateway_state("nat", state)
        assert state_of(open_vpc, "nat") == expected


# -- VPN and Direct Connect -------------------------------------------------------------


@pytest.fixture
def hybrid(plane: ControlPlane) -> ControlPlane:
    """VPC ``main`` with ``vgw``, a customer gateway, and propagation into ``private``."""
    plane.create_vpn_gateway(vpn_gateway_id="vgw", vpc_id="main")
    plane.create_customer_gateway("198.51.100.1", customer_gateway_id="cgw")
    plane.enable_vgw_route_propagation("vgw", "private")
    return plane


def propagated(plane: ControlPlane) -> list[tuple[str, str, PropagatedRank]]:
    routes = propagated_routes(plane, plane.route_tables["private"])
    return [(str(route.destination_cidr_block), route.source, route.rank) for route in routes]


@pytest.mark.fact("ROUTE-3")
def test_direct_connect_beats_static_vpn_beats_bgp_vpn(hybrid: ControlPlane) -> None:
    hybrid.create_vpn_connection(
        "cgw", vpn_gateway_id="vgw", vpn_connection_id="bgp", routes=["192.168.0.0/16", "192.168.9.0/24"]
    )
    hybrid.create_vpn_connection(
        "cgw", vpn_gateway_id="vgw", vpn_connection_id="static", static_routes_only=True, routes=["192.168.0.0/16"]
    )
    assert propagated(hybrid) == [
        ("192.168.0.0/16", "static", PropagatedRank.VPN_STATIC),
        ("192.168.9.0/24", "bgp", PropagatedRank.VPN_BGP),
    ]
    hybrid.create_private_virtual_interface("vgw", virtual_interface_id="dx", routes=["192.168.0.0/16"])
    assert propagated(hybrid)[0] == ("192.168.0.0/16", "dx", PropagatedRank.DIRECT_CONNECT_BGP)
    hybrid.set_virtual_interface_state("dx", "down")
    assert propagated(hybrid)[0][1] == "static"


@pytest.mark.fact("ROUTE-10")
def test_a_propagated_route_inside_the_vpc_is_left_out_and_a_wider_one_is_not(hybrid: ControlPlane) -> None:
    inside = ["10.0.0.0/16", "10.0.5.0/24", "10.0.0.0/8"]
    hybrid.create_vpn_connection("cgw", vpn_gateway_id="vgw", vpn_connection_id="vpn", routes=inside)
    assert [block for block, _, _ in propagated(hybrid)] == ["10.0.0.0/8"]


@pytest.mark.fact("ROUTE-15")
def test_advertised_routes_go_with_the_tunnels_and_static_ones_stay(hybrid: ControlPlane) -> None:
    for name, static in (("bgp", False), ("static", True)):
        hybrid.create_vpn_connection(
            "cgw",
            vpn_gateway_id="vgw",
            vpn_connection_id=name,
            static_routes_only=static,
            routes=[f"172.2{static:d}.0.0/16"],
        )
        hybrid.set_vpn_tunnels(name, up=False)
    assert [source for _, source, _ in propagated(hybrid)] == ["static"]
    hybrid.set_vpn_tunnels("bgp", up=True)
    hybrid.create_vpn_connection_route("bgp", "172.30.0.0/16")
    hybrid.delete_vpn_connection_route("static", "172.21.0.0/16")
    assert [block for block, _, _ in propagated(hybrid)] == ["172.20.0.0/16", "172.30.0.0/16"]
    hybrid.disable_vgw_route_propagation("vgw", "private")
    assert propagated(hybrid) == []


@pytest.mark.fact("ROUTE-16")
def test_a_table_takes_up_so_many_propagated_routes() -> None:
    plane = small_plane(Settings(propagated_routes_per_table=2))
    plane.create_vpn_gateway(vpn_gateway_id="vgw", vpc_id="main")
    plane.enable_vgw_route_propagation("vgw", "private")
    plane.create_private_virtual_interface("vgw", routes=[f"172.16.{number}.0/24" for number in range(5)])
    assert len(propagated_routes(plane, plane.route_tables["private"])) == 2


@pytest.mark.fact("ROUTE-14", "ERR-23")
def test_a_detached_vpn_gateway_leaves_blackholes_and_no_propagation(hybrid: ControlPlane) -> None:
    hybrid.create_route("private", destination_cidr_block="192.168.0.0/16", gateway_id="vgw")
    refused(lambda: hybrid.attach_vpn_gateway("vgw", "far"), "VpnGatewayAttachmentLimitExceeded")
    refused(lambda: hybrid.delete_vpn_gateway("vgw"), "IncorrectState")
    hybrid.detach_vpn_gateway("vgw", "main")
    assert state_of(hybrid, "vgw") == "blackhole"
    assert hybrid.route_tables["private"].propagating_vgws == ()
    refused(lambda: hybrid.enable_vgw_route_propagation("vgw", "private"), "Gateway.NotAttached")
    hybrid.attach_vpn_gateway("vgw", "main")
    assert state_of(hybrid, "vgw") == "active"


def test_a_vpn_connection_ends_at_one_gateway_and_outlives_nothing(hybrid: ControlPlane) -> None:
    refused(lambda: hybrid.create_vpn_connection("cgw"), "MissingParameter")
    refused(lambda: hybrid.create_vpn_connection("none", vpn_gateway_id="vgw"), "InvalidCustomerGatewayID.NotFound")
    hybrid.create_vpn_connection("cgw", vpn_gateway_id="vgw", vpn_connection_id="vpn", routes=["192.168.0.0/16"])
    refused(lambda: hybrid.create_vpn_connection_route("vpn", "192.168.0.0/16"), "RouteAlreadyExists")
    refused(lambda: hybrid.delete_customer_gateway("cgw"), "IncorrectState")
    hybrid.register_external_host("192.168.0.9", location="vpn", external_host_id="office")
    refused(lambda: hybrid.delete_vpn_connection("vpn"), "DependencyViolation", "office")
    hybrid.deregister_external_host("office")
    hybrid.delete_vpn_connection("vpn")
    refused(lambda: hybrid.set_vpn_tunnels("vpn", up=True), "InvalidVpnConnectionID.NotFound")
    hybrid.delete_customer_gateway("cgw")


# -- hosts outside ----------------------------------------------------------------------


def test_a_host_on_the_internet_has_a_public_address_of_its_own(open_vpc: ControlPlane) -> None:
    open_vpc.allocate_address(allocation_id="eip")
    host = open_vpc.register_external_host("203.0.113.5")
    assert (host.external_host_id, host.ip_address) == ("host-00000001", IPAddress("203.0.113.5"))
    refused(lambda: open_vpc.register_external_host("192.168.0.1"), "InvalidParameterValue", "not a public one")
    refused(lambda: open_vpc.register_external_host("203.0.113.5"), "InvalidIPAddress.InUse")
    refused(lambda: open_vpc.register_external_host("203.0.113.1"), "InvalidIPAddress.InUse")
    refused(lambda: open_vpc.register_external_host("203.0.113.9", location="nowhere"), "InvalidParameterValue")
    refused(
        lambda: open_vpc.register_external_host("203.0.113.9", external_host_id="eni-web"),
        "InvalidParameterValue",
        "already in use by an interface",
    )


def test_blocks_behind_a_connection_are_canonical_and_stand_once(hybrid: ControlPlane) -> None:
    vif = hybrid.create_private_virtual_interface("vgw", routes=["192.168.7.1/16"], virtual_interface_id="dx")
    assert vif.routes == (IPNetwork("192.168.0.0/16"),)
    refused(
        lambda: hybrid.set_virtual_interface_routes("dx", ["10.1.0.0/16", "10.1.0.0/16"]),
        "InvalidParameterValue",
        parameter="routes",
    )


# -- faults -----------------------------------------------------------------------------


@pytest.mark.fact("VPCE-3")
def test_faults_are_remembered_until_they_are_mended(open_vpc: ControlPlane) -> None:
    open_vpc.create_nat_gateway("a", nat_gateway_id="nat")
    service = "com.amazonaws.us-east-1.s3"
    for kind, name in (
        ("availability_zone", "us-east-1a"),
        ("network_interface", "eni-web"),
        ("nat_gateway", "nat"),
        ("service", service),
    ):
        getattr(open_vpc, f"fail_{kind}")(name)
        assert name in open_vpc.failures[name]
        getattr(open_vpc, f"restore_{kind}")(name)
        refused(lambda kind=kind, name=name: getattr(open_vpc, f"restore_{kind}")(name), "InvalidParameterValue")
    assert open_vpc.failures == {}
    refused(lambda: open_vpc.fail_availability_zone("us-east-1z"), "InvalidParameterValue", "us-east-1a, us-east-1b")
    refused(lambda: open_vpc.fail_service("none"), "InvalidServiceName")
    open_vpc.fail_network_interface("eni-web")
    open_vpc.terminate_instances("web")
    assert open_vpc.failures == {}
