"""Network Load Balancers and target groups."""

from __future__ import annotations

import pytest

from emulator.control import ControlPlane, Ec2Error
from emulator.model.endpoint_services import Listener, Target, TargetHealth
from emulator.model.resources import InterfaceType
from emulator.model.settings import SECOND
from tests.control.planes import snapshot


@pytest.fixture
def balanced(plane: ControlPlane) -> ControlPlane:
    """``nlb`` in both zones, listening on 443 for the group ``api`` with the instance ``one``."""
    plane.run_instances(subnet_id="a", instance_id="one")
    plane.create_target_group("api", vpc_id="main", protocol="TCP", port=8443)
    plane.create_load_balancer("nlb", subnet_ids=["a", "b"])
    plane.create_listener("nlb", port=443, protocol="TCP", target_group_name="api")
    plane.register_targets("api", [{"target_id": "one"}])
    return plane


@pytest.mark.fact("SVC-7")
def test_a_load_balancer_has_one_node_per_zone(balanced: ControlPlane):
    balancer = balanced.load_balancers["nlb"]
    assert balancer.network_interface_ids == ("eni-nlb-us-east-1a", "eni-nlb-us-east-1b")
    eni = balanced.network_interfaces["eni-nlb-us-east-1b"]
    assert (eni.subnet_id, eni.attachment, eni.interface_type) == ("b", "nlb", InterfaceType.NETWORK_LOAD_BALANCER)
    assert (balancer.vpc_id, balancer.cross_zone, eni.groups) == ("main", False, ())
    assert balancer.listeners == (Listener(443, "TCP", "api"),)
    assert balanced.modify_load_balancer_attributes("nlb", cross_zone=True).cross_zone


def test_a_nodes_address_can_be_designated(plane: ControlPlane):
    mappings = [{"subnet_id": "b", "private_ipv4_address": "10.0.2.77"}]
    plane.create_load_balancer("nlb", subnet_ids=["a"], subnet_mappings=mappings)
    assert str(plane.network_interfaces["eni-nlb-us-east-1b"].private_ip_address) == "10.0.2.77"


@pytest.mark.fact("SVC-12")
def test_security_groups_come_at_birth_or_never(balanced: ControlPlane):
    with pytest.raises(Ec2Error, match="created without security groups") as refusal:
        balanced.set_security_groups("nlb", ["web"])
    assert refusal.value.code == "InvalidConfigurationRequest"
    balanced.create_load_balancer("other", subnet_ids=["a"], security_group_ids=["web"])
    assert balanced.load_balancers["other"].enforce_security_group_inbound_rules_on_private_link_traffic
    balancer = balanced.set_security_groups(
        "other", ["sg-default-main"], enforce_security_group_inbound_rules_on_private_link_traffic=False
    )
    assert not balancer.enforce_security_group_inbound_rules_on_private_link_traffic
    assert balanced.network_interfaces["eni-other-us-east-1a"].groups == ("sg-default-main",)
    with pytest.raises(Ec2Error, match="at least one"):
        balanced.set_security_groups("other", [])


@pytest.mark.fact("SVC-11")
@pytest.mark.parametrize(("seconds", "taken"), [(59, False), (60, True), (6_000, True), (6_001, False)])
def test_tcps_idle_timeout_is_60_to_6000_seconds(balanced: ControlPlane, seconds: int, taken: bool):
    if taken:
        assert balanced.modify_load_balancer_attributes("nlb", idle_timeout=seconds * SECOND).idle_timeout
        return
    with pytest.raises(Ec2Error) as refusal:
        balanced.modify_load_balancer_attributes("nlb", idle_timeout=seconds * SECOND)
    assert (refusal.value.code, refusal.value.parameter) == ("InvalidConfigurationRequest", "idle_timeout")


@pytest.mark.fact("SVC-8")
@pytest.mark.parametrize(
    ("protocol", "target_type", "kept"),
    [("TCP", "instance", True), ("TCP", "ip", False), ("TLS", "ip", False), ("UDP", "ip", True)],
)
def test_client_addresses_are_kept_for_instances_and_for_udp(plane: ControlPlane, protocol, target_type, kept):
    group = plane.create_target_group("g", vpc_id="main", protocol=protocol, port=80, target_type=target_type)
    assert group.preserve_client_ip_enabled is kept


@pytest.mark.fact("SVC-8", "SVC-10")
def test_a_groups_attributes_can_be_changed(balanced: ControlPlane):
    group = balanced.modify_target_group_attributes(
        "api", preserve_client_ip_enabled=False, proxy_protocol_v2_enabled=True
    )
    assert (group.preserve_client_ip_enabled, group.proxy_protocol_v2_enabled) == (False, True)
    balanced.create_target_group("dns", vpc_id="main", protocol="UDP", port=53)
    with pytest.raises(Ec2Error) as refusal:
        balanced.modify_target_group_attributes("dns", preserve_client_ip_enabled=False)
    assert refusal.value.code == "InvalidConfigurationRequest"


@pytest.mark.fact("SVC-7")
def test_targets_have_a_port_and_a_health(balanced: ControlPlane):
    balanced.register_targets("api", [{"target_id": "one", "port": 9000}, {"target_id": "one"}])
    assert balanced.target_groups["api"].targets == (Target("one", 8443), Target("one", 9000))
    balanced.set_target_health("api", "one", "unhealthy", port=9000)
    assert [target.health for target in balanced.target_groups["api"].targets] == ["healthy", "unhealthy"]
    balanced.set_target_health("api", "one", "unhealthy")
    assert {target.health for target in balanced.target_groups["api"].targets} == {TargetHealth.UNHEALTHY}
    balanced.deregister_targets("api", [{"target_id": "one", "port": 9000}])
    assert [target.port for target in balanced.target_groups["api"].targets] == [8443]


def test_targets_by_address_are_private_or_of_the_vpc(plane: ControlPlane):
    plane.create_target_group("g", vpc_id="main", protocol="TCP", port=80, target_type="ip")
    plane.register_targets("g", [{"target_id": "10.0.1.9"}, {"target_id": "192.168.7.7"}])
    with pytest.raises(Ec2Error) as refusal:
        plane.register_targets("g", [{"target_id": "203.0.113.5"}])
    assert (refusal.value.code, refusal.value.path) == ("InvalidTarget", (0, "target_id"))


REFUSED = [
    (lambda p: p.create_load_balancer("nlb", subnet_ids=["a"]), "DuplicateLoadBalancerName", "load_balancer_name"),
    (lambda p: p.create_load_balancer("new"), "ValidationError", "subnet_ids"),
    (lambda p: p.create_load_balancer("new", subnet_ids=["none"]), "InvalidSubnetID.NotFound", "subnet_ids"),
    pytest.param(
        lambda p: p.create_load_balancer("new", subnet_ids=["a", "a2"]),
        "InvalidConfigurationRequest",
        "subnet_ids",
        marks=pytest.mark.fact("SVC-7"),
    ),
    (lambda p: p.create_load_balancer("new", subnet_ids=["a", "far-a"]), "InvalidSubnet", "subnet_ids"),
    (
        lambda p: p.create_load_balancer("new", subnet_mappings=[{"subnet_id": "a"}]),
        "ValidationError",
        "subnet_mappings",
    ),
    (
        lambda p: p.create_load_balancer(
            "new", subnet_mappings=[{"subnet_id": "a", "private_ipv4_address": "10.0.1.1"}]
        ),
        "InvalidParameterValue",
        "subnet_mappings",
    ),
    (
        lambda p: p.create_load_balancer("new", subnet_ids=["a"], security_group_ids=["far-group"]),
        "InvalidGroup.NotFound",
        "security_group_ids",
    ),
    (lambda p: p.set_subnets("nlb", ["a"]), "InvalidConfigurationRequest", "subnet_ids"),
    (lambda p: p.delete_load_balancer("none"), "InvalidNetworkLoadBalancerArn.NotFound", "load_balancer_name"),
    (
        lambda p: p.create_listener("nlb", port=443, protocol="TCP", target_group_name="api"),
        "DuplicateListener",
        "port",
    ),
    (
        lambda p: p.create_listener("nlb", port=0, protocol="TCP", target_group_name="api"),
        "ValidationError",
        "port",
    ),
    (
        lambda p: p.create_listener("nlb", port=80, protocol="HTTP", target_group_name="api"),
        "ValidationError",
        "protocol",
    ),
    (
        lambda p: p.create_listener("nlb", port=80, protocol="UDP", target_group_name="api"),
        "IncompatibleProtocols",
        "protocol",
    ),
    (
        lambda p: p.create_listener("nlb", port=80, protocol="TCP", target_group_name="none"),
        "TargetGroupNotFound",
        "target_group_name",
    ),
    (
        lambda p: p.create_listener("nlb", port=80, protocol="TCP", target_group_name="far"),
        "InvalidConfigurationRequest",
        "target_group_name",
    ),
    (
        lambda p: p.create_listener("second", port=80, protocol="TCP", target_group_name="api"),
        "TargetGroupAssociationLimit",
        "target_group_name",
    ),
    (lambda p: p.delete_listener("nlb", port=80), "ListenerNotFound", "port"),
    (lambda p: p.delete_target_group("api"), "ResourceInUse", "target_group_name"),
    (
        lambda p: p.create_target_group("api", vpc_id="main", protocol="TCP", port=1),
        "DuplicateTargetGroupName",
        "target_group_name",
    ),
    (
        lambda p: p.create_target_group("x", vpc_id="main", protocol="TCP", port=1, target_type="lambda"),
        "ValidationError",
        "target_type",
    ),
    (lambda p: p.register_targets("api", [{"target_id": "two"}]), "InvalidInstanceID.NotFound", "targets"),
    (lambda p: p.register_targets("far", [{"target_id": "one"}]), "InvalidTarget", "targets"),
    (lambda p: p.register_targets("api", [{"port": 1}]), "ValidationError", "targets"),
    (lambda p: p.deregister_targets("api", [{"target_id": "one", "port": 1}]), "InvalidTarget", "targets"),
    (lambda p: p.set_target_health("api", "two", "healthy"), "InvalidTarget", "target_id"),
    (lambda p: p.set_target_health("api", "one", "fine"), "InvalidParameterValue", "health"),
]


@pytest.mark.parametrize(("call", "code", "parameter"), REFUSED)
def test_what_is_refused_of_a_load_balancer(balanced: ControlPlane, call, code, parameter):
    balanced.create_subnet("far", "10.9.1.0/24", "us-east-1b", subnet_id="far-a")
    balanced.create_target_group("far", vpc_id="far", protocol="TCP", port=1)
    balanced.create_load_balancer("second", subnet_ids=["a"])
    before = snapshot(balanced)
    with pytest.raises(Ec2Error) as refusal:
        call(balanced)
    assert (refusal.value.code, refusal.value.parameter) == (code, parameter)
    assert snapshot(balanced) == before


def test_nodes_go_with_the_load_balancer(balanced: ControlPlane):
    balanced.delete_listener("nlb", port=443)
    balanced.delete_load_balancer("nlb")
    balanced.delete_target_group("api")
    assert list(balanced.network_interfaces) == ["eni-one"]
    assert not balanced.load_balancers
    assert not balanced.target_groups
