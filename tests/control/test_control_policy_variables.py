"""Policy variables: what requests could not be answered with, the control plane does not take."""

from __future__ import annotations

import json

import pytest

from emulator.control.errors import Ec2Error
from emulator.control.policies import check_policy
from emulator.model.resources import VpcEndpointType
from tests.control.planes import S3, small_plane

HOME = "arn:aws:s3:::home/${aws:username}/*"


def policy(version: str | None, resource: str | list[str]) -> str:
    statement = {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": resource}
    document = {"Statement": [statement]} if version is None else {"Statement": [statement], "Version": version}
    return json.dumps(document)


@pytest.mark.parametrize(
    ("resource", "path"),
    [(HOME, ("Statement", 0, "Resource")), (["arn:aws:s3:::b", HOME], ("Statement", 0, "Resource", 1))],
)
def test_policy_variables_are_refused_by_name_and_place(resource, path):
    with pytest.raises(Ec2Error) as caught:
        check_policy(policy("2012-10-17", resource), VpcEndpointType.GATEWAY)
    assert caught.value.code == "InvalidPolicyDocument"
    text = "UNSUPPORTED_COMPONENT: policy variables (${...}) in Resource are not modelled (line 1, column "
    assert caught.value.message.startswith(text)
    assert caught.value.path == path


@pytest.mark.parametrize("version", ["2008-10-17", None])
def test_without_the_version_that_substitutes_them_they_are_text(version):
    check_policy(policy(version, HOME), VpcEndpointType.GATEWAY)


def test_no_endpoint_is_created_or_changed_with_them():
    plane = small_plane()
    bad = policy("2012-10-17", HOME)
    with pytest.raises(Ec2Error, match="policy variables"):
        plane.create_vpc_endpoint("main", S3, policy_document=bad)
    plane.create_vpc_endpoint("main", S3, vpc_endpoint_id="vpce")
    with pytest.raises(Ec2Error, match="policy variables"):
        plane.modify_vpc_endpoint("vpce", policy_document=bad)
