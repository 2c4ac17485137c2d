"""Is a text the policy of an endpoint, a bucket or an identity?  Asked when one is attached.

The grammar is :mod:`emulator.policies`'; here its problems become errors of the
API that was called: EC2's ``InvalidPolicyDocument`` (ERR-4), S3's
``MalformedPolicy``, IAM's ``MalformedPolicyDocument``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from emulator.control.errors import Ec2Error
from emulator.model.resources import VpcEndpointType
from emulator.policies import FULL_ACCESS, PolicyKind, read_policy
from emulator.policies import PolicyError as Unreadable
from emulator.policies.records import Effect

if TYPE_CHECKING:
    from emulator.policies import PolicyProblem

__all__ = [
    "FULL_ACCESS",
    "KIND_OF",
    "PolicyError",
    "PolicyKind",
    "allows_everything",
    "check_endpoint_policy",
    "check_policy",
    "policy_errors",
]

KIND_OF: Final = {
    VpcEndpointType.GATEWAY: PolicyKind.GATEWAY_ENDPOINT,
    VpcEndpointType.INTERFACE: PolicyKind.INTERFACE_ENDPOINT,
}

_CODES: Final = {
    PolicyKind.GATEWAY_ENDPOINT: "InvalidPolicyDocument",
    PolicyKind.INTERFACE_ENDPOINT: "InvalidPolicyDocument",
    PolicyKind.BUCKET: "MalformedPolicy",
    PolicyKind.IDENTITY: "MalformedPolicyDocument",
}


class PolicyError(Ec2Error):
    """A text that is no policy; ``sentence`` is the message without the place in the text."""

    def __init__(self, problem: PolicyProblem, kind: PolicyKind, parameter: str, more: int = 0) -> None:
        others = f" (and {more} more problem{'s' if more > 1 else ''})" if more else ""
        super().__init__(_CODES[kind], f"{problem}{others}", parameter, problem.path)
        self.sentence = problem.message


def policy_errors(text: str, kind: PolicyKind, parameter: str = "policy_document") -> list[PolicyError]:
    """Return what is wrong with a policy, one error a problem."""
    try:
        read_policy(text, kind)
    except Unreadable as error:
        return [PolicyError(problem, kind, parameter) for problem in error.problems]
    return []


def check_policy(text: str, kind: PolicyKind, parameter: str = "policy_document") -> None:
    """Check a policy.

    Raises:
        PolicyError: with the first problem, and how many more there are.
    """
    try:
        read_policy(text, kind)
    except Unreadable as error:
        raise PolicyError(error.problems[0], kind, parameter, len(error.problems) - 1) from None


def check_endpoint_policy(text: str, endpoint_type: VpcEndpointType) -> None:
    """Check the policy of an endpoint of a type.

    Raises:
        PolicyError: as :func:`check_policy`.
    """
    check_policy(text, KIND_OF[endpoint_type])


def allows_everything(text: str, kind: PolicyKind = PolicyKind.INTERFACE_ENDPOINT) -> bool:
    """Return whether a well-formed policy is POL-1's, however it is written."""
    statements = read_policy(text, kind).statements
    if len(statements) != 1:
        return False
    one, who = statements[0], statements[0].principals
    everybody = who is not None and not who.inverted and (who.everybody or set(who.named) == {("AWS", "*")})
    everything = [tuple(pattern.text for pattern in patterns) for patterns in (one.actions, one.resources)]
    inverted = one.not_actions or one.not_resources
    plain = everything == [("*",), ("*",)] and not inverted and not one.conditions
    return one.effect is Effect.ALLOW and everybody and plain
