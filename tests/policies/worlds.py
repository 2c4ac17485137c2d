"""Short ways to write policies and questions."""

from __future__ import annotations

import json
from typing import Any

from emulator.policies import (
    UNSTATED,
    Attached,
    Decision,
    Policies,
    PolicyKind,
    Principal,
    PrincipalKind,
    Question,
    Verdict,
    evaluate,
    judge,
    read_policy,
)

GATEWAY, INTERFACE = PolicyKind.GATEWAY_ENDPOINT, PolicyKind.INTERFACE_ENDPOINT
BUCKET, IDENTITY = PolicyKind.BUCKET, PolicyKind.IDENTITY
KEY = "arn:aws:s3:::b/k"
OURS, THEIRS = "111122223333", "444455556666"

ROLE = Principal(
    PrincipalKind.ROLE,
    OURS,
    f"arn:aws:sts::{OURS}:assumed-role/reader/i-1",
    f"arn:aws:iam::{OURS}:role/reader",
    "AROAAAAAAAAAAAAAAAAA:i-1",
    tags=(("team", "data"),),
)
USER = Principal(
    PrincipalKind.USER,
    OURS,
    f"arn:aws:iam::{OURS}:user/ann",
    f"arn:aws:iam::{OURS}:user/ann",
    "AIDAAAAAAAAAAAAAAAAA",
    "ann",
)


def statement(effect: str = "Allow", action: Any = "*", resource: Any = "*", **more: Any) -> dict[str, Any]:
    """Return a statement about everybody; ``...`` leaves an element out."""
    made = {"Effect": effect, "Principal": "*", "Action": action, "Resource": resource, **more}
    return {key: value for key, value in made.items() if value is not ...}


def text(*statements: dict[str, Any], **more: Any) -> str:
    """Return a policy of today's Version; an identity's has no principals."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)} | more)


def of_identity(*statements: dict[str, Any]) -> str:
    """Return the policy of a role."""
    return text(*({key: value for key, value in one.items() if key != "Principal"} for one in statements))


def decide(
    policy: str,
    action: str = "s3:GetObject",
    resource: str = KEY,
    who: Principal = UNSTATED,
    kind: PolicyKind = BUCKET,
    **keys: Any,
) -> Decision:
    """Return what one policy says; ``keys`` are by name, with ``__`` for the colon."""
    return evaluate(Question(who, action, resource, None, context(keys)), ("p", read_policy(policy, kind)))


def context(keys: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    """Return condition keys as the evaluator has them."""
    return {
        name.lower().replace("__", ":"): (value,) if isinstance(value, str) else tuple(value)
        for name, value in keys.items()
    }


def verdict(
    who: Principal = ROLE,
    *,
    endpoint: str | None = None,
    bucket: str | None = None,
    identity: str | None = None,
    owner: str | None = OURS,
    **keys: Any,
) -> Verdict:
    """Return what the policies of three layers say to a read of one object."""
    question = Question(who, "s3:GetObject", KEY, owner, context(keys))
    return judge(
        question,
        Policies(
            None if endpoint is None else Attached("vpce-1", GATEWAY, endpoint),
            None if bucket is None else Attached("b", BUCKET, bucket),
            () if identity is None else (Attached("reader/p", IDENTITY, identity),),
        ),
    )
