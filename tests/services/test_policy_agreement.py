"""The control plane and the services read policies apart; what the first takes the second must be able to evaluate."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.control.policies import PolicyError, check_policy
from emulator.model.resources import VpcEndpointType
from emulator.services.policy import parse_policy

_RESOURCES = st.sampled_from(["*", "arn:aws:s3:::b/*", "arn:aws:s3:::${aws:username}", "arn:aws:s3:::${*}", "b", ""])
_STATEMENTS = st.fixed_dictionaries(
    {
        "Effect": st.sampled_from(["Allow", "Deny", "allow"]),
        "Principal": st.sampled_from(["*", {"AWS": "*"}, {"AWS": ["*", "*"]}, {"AWS": []}, {}]),
        "Action": st.sampled_from(["*", "s3:Get*", ["s3:*", "*"], [], "s3"]),
        "Resource": _RESOURCES | st.lists(_RESOURCES, max_size=2),
    },
    optional={"Sid": st.sampled_from(["", "one", 1]), "Condition": st.just({})},
)
_POLICIES = st.fixed_dictionaries(
    {"Statement": _STATEMENTS | st.lists(_STATEMENTS, max_size=2)},
    optional={"Version": st.sampled_from(["2012-10-17", "2008-10-17", "2020-01-01"]), "Id": st.just("id")},
)


@given(_POLICIES, st.sampled_from(VpcEndpointType))
def test_every_policy_that_an_endpoint_takes_can_be_evaluated(document, kind):
    text = json.dumps(document)
    try:
        check_policy(text, kind)
    except PolicyError:
        return
    assert parse_policy(text).statements


def test_both_refuse_policy_variables():
    statement = {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "arn:aws:s3:::${aws:username}"}
    text = json.dumps({"Version": "2012-10-17", "Statement": statement})
    with pytest.raises(PolicyError, match=r"policy variables \(\${...}\) in Resource"):
        check_policy(text, VpcEndpointType.INTERFACE)
    with pytest.raises(ValueError, match=r"policy variables \(\${...} in the Resource of Statement\[0\]\)"):
        parse_policy(text)
