"""What a policy says, as records; and who is asked about.

AWS: IAM User Guide, "Grammar of the IAM JSON policy language".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from emulator.policies.operators import Operator, Value
    from emulator.policies.patterns import Pattern


class Effect(StrEnum):
    """What a statement does with what it matches."""

    ALLOW = "Allow"
    DENY = "Deny"


class PolicyKind(StrEnum):
    """Where a policy is attached; each has rules of its own about principals and length."""

    GATEWAY_ENDPOINT = "gateway endpoint"
    INTERFACE_ENDPOINT = "interface endpoint"
    BUCKET = "bucket"
    IDENTITY = "identity"

    @property
    def of_endpoint(self) -> bool:
        """Whether this is an endpoint's policy."""
        return self in (PolicyKind.GATEWAY_ENDPOINT, PolicyKind.INTERFACE_ENDPOINT)


class Layer(StrEnum):
    """The kinds of policies that one request meets, as AWS calls them in its denials (POL-14)."""

    ENDPOINT = "VPC endpoint policy"
    RESOURCE = "resource-based policy"
    IDENTITY = "identity-based policy"


@dataclass(frozen=True, slots=True)
class Condition:
    """One operator with one key; ``texts`` are the values as written, ``values`` what the operator makes of them."""

    operator: Operator
    key: str
    texts: tuple[str, ...]
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Principals:
    """Whom a statement is about: (``AWS``, ARN or account or ``*``), (``Service``, name) and so on.

    ``everybody`` is the principal ``"*"``; ``inverted`` is NotPrincipal.
    """

    named: tuple[tuple[str, str], ...] = ()
    everybody: bool = False
    inverted: bool = False


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a policy.

    Attributes:
        label: Its Sid, or ``Statement[n]`` counted from 0.
        effect: What it does with what it matches.
        principals: None in an identity's policy, which is about whoever has it.
        actions, resources: Patterns; of actions in lower case.
        not_actions, not_resources: Whether it is about everything but those.
        conditions: All must hold (POL-8).
        line: Where it begins in the policy's text, counted from one.
    """

    label: str
    effect: Effect
    principals: Principals | None
    actions: tuple[Pattern, ...]
    resources: tuple[Pattern, ...]
    not_actions: bool = False
    not_resources: bool = False
    conditions: tuple[Condition, ...] = ()
    line: int = 1


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy that has been read."""

    kind: PolicyKind
    statements: tuple[Statement, ...]


class PrincipalKind(StrEnum):
    """How much is known of who asks."""

    UNSTATED = "not stated"
    ANONYMOUS = "Anonymous"
    ROLE = "AssumedRole"
    USER = "User"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks.

    Attributes:
        kind: UNSTATED where the network has no identities at all: identity policies are then taken to allow.
        account_id: Empty where nobody is known.
        arn: What denials call it: of a role, the session's.
        principal_arn: ``aws:PrincipalArn``: of a role, the role's own (POL-10).
        user_id: ``aws:userid``.
        user_name: ``aws:username``; users have one.
        organization_id: ``aws:PrincipalOrgID``.
        tags: ``aws:PrincipalTag/...``.
    """

    kind: PrincipalKind
    account_id: str = ""
    arn: str = ""
    principal_arn: str = ""
    user_id: str = ""
    user_name: str = ""
    organization_id: str = ""
    tags: tuple[tuple[str, str], ...] = ()

    @property
    def called(self) -> str:
        """The principal in a denial."""
        return self.arn or "anonymous"


UNSTATED: Final = Principal(PrincipalKind.UNSTATED)
ANONYMOUS: Final = Principal(PrincipalKind.ANONYMOUS)


@dataclass(frozen=True, slots=True)
class Question:
    """May ``principal`` do ``action`` to ``resource``?

    Attributes:
        principal: Who asks.
        action: ``s3:GetObject``.
        resource: An ARN, or ``*``.
        owner_id: The account that owns the resource; None for the principal's own.
        keys: The request's condition keys, in lower case.
    """

    principal: Principal
    action: str
    resource: str
    owner_id: str | None = None
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)
