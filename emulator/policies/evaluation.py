"""What one policy says to one question: a matching Deny decides, else a matching Allow, else nothing does (POL-11).

Every statement is looked at, and says why it matches or does not, so that an
explanation is the evaluation itself and no second reading of the policy.

AWS: IAM User Guide, "Policy evaluation logic".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from emulator.policies.conditions import holds, told
from emulator.policies.principals import Meant, meant
from emulator.policies.records import Effect

if TYPE_CHECKING:
    from emulator.policies.records import Policy, PolicyKind, Question, Statement


@dataclass(frozen=True, slots=True)
class Considered:
    """A statement that was looked at.

    Attributes:
        label: Its Sid or number.
        effect: What it does.
        matched: Whether it is about the question.
        why: Which element is not, with the request's value; empty if all are.
        policy: The policy it stands in.
        as_account: Whether it is about the principal only as one of its account (:class:`Meant`).
    """

    label: str
    effect: Effect
    matched: bool
    why: str = ""
    policy: str = ""
    as_account: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """What one or several policies of a layer say to one question.

    Attributes:
        allowed: Whether they allow it.
        explicit: Whether a statement matched; without one the answer is the implicit deny.
        statement: The label of the statement that decided, if one did.
        policy: The policy it stands in.
        delegated: Whether it is allowed only by statements about the principal's whole account.
        considered: Every statement.
    """

    allowed: bool
    explicit: bool
    statement: str | None = None
    policy: str = field(default="", compare=False)
    delegated: bool = field(default=False, compare=False)
    considered: tuple[Considered, ...] = field(default=(), compare=False)


def evaluate(question: Question, *policies: tuple[str, Policy]) -> Decision:
    """Return what named policies of one layer say together: Deny first, then Allow, else no."""
    considered = tuple(
        consider(question, name, policy.kind, statement) for name, policy in policies for statement in policy.statements
    )
    matching = [one for one in considered if one.matched]
    for effect in (Effect.DENY, Effect.ALLOW):
        # Of statements that allow, one about the principal itself is worth more than one about its account.
        deciding = sorted((one for one in matching if one.effect is effect), key=lambda one: one.as_account)
        if deciding:
            first = deciding[0]
            allowed = effect is Effect.ALLOW
            return Decision(allowed, True, first.label, first.policy, allowed and first.as_account, considered)
    return Decision(False, False, considered=considered)


def consider(question: Question, policy: str, kind: PolicyKind, statement: Statement) -> Considered:
    """Return whether a statement is about a question, and if not, which of its elements is not."""
    effect, as_account = statement.effect, False
    if statement.principals is not None:
        who = meant(statement.principals, question.principal, kind, denying=effect is Effect.DENY)
        if who is Meant.NO:
            element = "NotPrincipal" if statement.principals.inverted else "Principal"
            return Considered(statement.label, effect, False, f"{element}: not {question.principal.called}", policy)
        as_account = who is Meant.AS_ACCOUNT
    why = _missed(question, statement)
    return Considered(statement.label, effect, not why, why, policy, as_account)


def _missed(question: Question, statement: Statement) -> str:
    """Return the first element that is not about the question, with what the question has; empty if all are."""
    keys = question.keys
    action = question.action.lower()
    covered = any(one.matches(action, keys) for one in statement.actions)
    if covered is statement.not_actions:
        element = "NotAction: names" if statement.not_actions else "Action: not"
        return f"{element} {question.action}"
    covered = any(one.matches_arn(question.resource, keys) for one in statement.resources)
    if covered is statement.not_resources:
        element = "NotResource: names" if statement.not_resources else "Resource: not"
        return f"{element} {question.resource}"
    for condition in statement.conditions:
        if not holds(condition, keys):
            return f"Condition: {told(condition, keys)}"
    return ""
