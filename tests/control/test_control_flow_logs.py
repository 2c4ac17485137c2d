"""The verbs on flow logs: what may be watched, in which formats, and how often."""

from __future__ import annotations

import pytest

from emulator.control import ControlPlane, Ec2Error
from emulator.model.flow_logs import FIELD_VERSIONS, FileFormat, FlowLog, TrafficType
from tests.control.planes import S3, small_plane, snapshot


@pytest.fixture
def plane() -> ControlPlane:
    plane = small_plane()
    plane.run_instances(instance_id="one", subnet_id="a")
    plane.run_instances(instance_id="two", subnet_id="b")
    return plane


def refusal(plane: ControlPlane, *args: object, **given: object) -> Ec2Error:
    before = snapshot(plane)
    with pytest.raises(Ec2Error) as caught:
        plane.create_flow_logs(*args, **given)
    assert snapshot(plane) == before
    return caught.value


@pytest.mark.fact("FLOW-1")
def test_a_flow_log_has_the_defaults_of_aws(plane: ControlPlane) -> None:
    assert plane.create_flow_logs("main") == (
        FlowLog("fl-00000001", "main", TrafficType.ALL, (), 600, FileFormat.PLAIN_TEXT),
    )


def test_one_call_makes_a_flow_log_for_each_resource(plane: ControlPlane) -> None:
    made = plane.create_flow_logs(["main", "a"], flow_log_ids=["fl-all", "fl-a"], traffic_type="REJECT")
    assert [(one.flow_log_id, one.resource_id) for one in made] == [("fl-all", "main"), ("fl-a", "a")]
    assert plane.describe_flow_logs() == made
    assert plane.describe_flow_logs(["fl-a"]) == made[1:]
    assert plane.describe_flow_logs(resource_ids="main") == made[:1]


def test_what_a_flow_log_watches_follows_the_network(plane: ControlPlane) -> None:
    (of_vpc,) = plane.create_flow_logs("main")
    (of_subnet,) = plane.create_flow_logs("a")
    (of_instance,) = plane.create_flow_logs("one")
    (of_interface,) = plane.create_flow_logs("eni-two")
    assert plane.interfaces_of(of_vpc) == ("eni-one", "eni-two")
    assert plane.interfaces_of(of_subnet) == plane.interfaces_of(of_instance) == ("eni-one",)
    assert plane.interfaces_of(of_interface) == ("eni-two",)
    plane.run_instances(instance_id="three", subnet_id="a")
    assert plane.interfaces_of(of_vpc) == ("eni-one", "eni-two", "eni-three")
    plane.terminate_instances(["one", "two"])
    assert plane.interfaces_of(of_subnet) == ("eni-three",)
    assert plane.interfaces_of(of_interface) == ()


def test_an_endpoint_stands_for_its_interfaces(plane: ControlPlane) -> None:
    metering = "com.amazonaws.us-east-1.metering"
    plane.create_vpc_endpoint(
        "main", metering, vpc_endpoint_id="m", vpc_endpoint_type="Interface", subnet_ids=["a", "b"]
    )
    (flow_log,) = plane.create_flow_logs("m")
    assert plane.interfaces_of(flow_log) == ("eni-m-us-east-1a", "eni-m-us-east-1b")
    plane.create_vpc_endpoint("main", S3, vpc_endpoint_id="g")
    (of_gateway,) = plane.create_flow_logs("g")
    assert plane.interfaces_of(of_gateway) == ()


@pytest.mark.fact("FLOW-16")
def test_a_second_one_with_the_same_configuration_is_refused(plane: ControlPlane) -> None:
    plane.create_flow_logs("main")
    assert refusal(plane, "main").code == "FlowLogAlreadyExists"
    assert refusal(plane, ["a", "main"]).path == (1,), "all or none"
    plane.create_flow_logs("main", traffic_type="REJECT")
    plane.create_flow_logs("main", log_format="${srcaddr}")
    plane.create_flow_logs("main", max_aggregation_interval=60)
    plane.create_flow_logs("main", file_format="parquet")


@pytest.mark.fact("FLOW-16")
def test_a_resource_has_at_most_250(plane: ControlPlane) -> None:
    fields = list(FIELD_VERSIONS)
    for index in range(250):
        first, second = fields[index % 40], fields[40 + index // 40]
        plane.create_flow_logs("main", log_format=f"${{{first}}} ${{{second}}}")
    assert refusal(plane, "main").code == "FlowLogsLimitExceeded"
    plane.create_flow_logs("far")


@pytest.mark.fact("FLOW-16")
def test_format_and_target_are_fixed_at_creation(plane: ControlPlane) -> None:
    assert not any(name.startswith("modify_flow_log") for name in dir(plane))


@pytest.mark.fact("FLOW-2", "FLOW-3")
@pytest.mark.parametrize("name", FIELD_VERSIONS)
def test_a_custom_format_may_have_any_field(plane: ControlPlane, name: str) -> None:
    (made,) = plane.create_flow_logs("main", log_format=f"${{{name}}}")
    assert made.log_format == (name,)


@pytest.mark.fact("FLOW-2")
def test_a_custom_format_keeps_its_order(plane: ControlPlane) -> None:
    (made,) = plane.create_flow_logs("main", log_format="${action}  ${srcaddr} ${version}")
    assert made.log_format == ("action", "srcaddr", "version")


@pytest.mark.parametrize(
    ("log_format", "says"),
    [
        ("", "it names no field"),
        ("srcaddr dstaddr", "near 'srcaddr'"),
        ("${srcaddr}, ${dstaddr}", "near ','"),
        ("${srcaddr} ${dstadr}", "unknown fields provided: dstadr"),
        ("${}", "unknown fields provided: "),
        ("${srcaddr} ${srcaddr}", "duplicate fields provided: srcaddr"),
    ],
)
def test_what_is_no_format_is_refused(plane: ControlPlane, log_format: str, says: str) -> None:
    error = refusal(plane, "main", log_format=log_format)
    assert (error.code, error.parameter) == ("InvalidParameter", "log_format")
    assert says in error.message


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"traffic_type": "DROP"}, "InvalidParameterValue"),
        ({"file_format": "csv"}, "InvalidParameterValue"),
        ({"max_aggregation_interval": 300}, "InvalidParameter"),
        ({"log_destination_type": "cloud-watch-logs"}, "UnsupportedOperation"),
    ],
)
def test_what_aws_does_not_know_or_we_do_not_model_is_refused(
    plane: ControlPlane, given: dict[str, object], code: str
) -> None:
    assert refusal(plane, "main", **given).code == code


@pytest.mark.parametrize(
    ("resource", "code"),
    [
        ("vpc-9", "InvalidVpcID.NotFound"),
        ("subnet-9", "InvalidSubnetID.NotFound"),
        ("eni-9", "InvalidNetworkInterfaceID.NotFound"),
    ],
)
def test_what_is_not_there_cannot_be_watched(plane: ControlPlane, resource: str, code: str) -> None:
    assert refusal(plane, resource).code == code
    assert refusal(plane, []).code == "MissingParameter"


def test_deleting(plane: ControlPlane) -> None:
    plane.create_flow_logs("main", flow_log_ids=["fl-1"])
    with pytest.raises(Ec2Error, match=r"InvalidFlowLogId\.NotFound.*DeleteFlowLogs") as caught:
        plane.delete_flow_logs(["fl-1", "fl-2"])
    assert caught.value.path == (1,)
    assert plane.flow_logs
    plane.delete_flow_logs("fl-1")
    assert plane.describe_flow_logs() == ()
    with pytest.raises(Ec2Error, match=r"InvalidFlowLogId\.NotFound"):
        plane.describe_flow_logs("fl-1")
