"""Endpoint policy evaluation.

One question: does this policy let ``action`` be done to ``resource``?  A matching
Deny decides, else a matching Allow does, else nothing matched and the answer is
no (POL-11).  Whose policy it is, where the request came from and how a denial
is worded in HTTP is not known here.

Evaluated are Effect, Principal ``*``, Action and Resource with wildcards.
The rest of the grammar (POL-5) changes who is let in, so it is refused by name
rather than ignored; the control plane has refused it before a policy gets here.

AWS: IAM User Guide, "Grammar of the IAM JSON policy language" and "Policy
evaluation logic"; PrivateLink Guide, "Control access to VPC endpoints using
endpoint policies".
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import cast

_VERSIONS = ("2012-10-17", "2008-10-17")  # POL-5
_STATEMENT_KEYS = ("Sid", "Effect", "Principal", "Action", "Resource")


class PolicyError(ValueError):
    """A policy that is not one, or says what is not evaluated here; the message names the place."""


class Effect(StrEnum):
    """What a statement does with what it matches."""

    ALLOW = "Allow"
    DENY = "Deny"


@dataclass(frozen=True, slots=True)
class Statement:
    """One line of a policy; ``label`` is its Sid, or ``Statement[n]`` counted from 0."""

    label: str
    effect: Effect
    actions: tuple[str, ...]
    resources: tuple[str, ...]

    def matches(self, action: str, resource: str) -> bool:
        """Whether the statement speaks of this request (POL-7)."""
        folded = action.lower()
        return any(wildcard_match(pattern.lower(), folded) for pattern in self.actions) and any(
            wildcard_match(pattern, resource) for pattern in self.resources
        )


@dataclass(frozen=True, slots=True)
class Policy:
    """A parsed endpoint policy."""

    statements: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class Decision:
    """What a policy says to one request.

    ``explicit`` is False when no statement matched: the implicit deny.
    ``statement`` is the label of the statement that decided, if one did.
    """

    allowed: bool
    explicit: bool
    statement: str | None = None

    def sentence(self, action: str, resource: str) -> str:
        """The text of a denial, as AWS words it to a caller of the same account (POL-14)."""
        refusal = f'User: anonymous is not authorized to perform: {action} on resource: "{resource}"'
        if self.explicit:
            return f"{refusal} with an explicit deny in a VPC endpoint policy"
        return f"{refusal} because no VPC endpoint policy allows the {action} action"


def evaluate(policy: Policy, action: str, resource: str) -> Decision:
    """Return what ``policy`` says to ``action`` on ``resource``: Deny first, then Allow, else no (POL-11)."""
    for effect in (Effect.DENY, Effect.ALLOW):
        for statement in policy.statements:
            if statement.effect is effect and statement.matches(action, resource):
                return Decision(allowed=effect is Effect.ALLOW, explicit=True, statement=statement.label)
    return Decision(allowed=False, explicit=False)


def wildcard_match(pattern: str, text: str) -> bool:
    """Whether ``pattern``, in which ``*`` is any run and ``?`` any one character, covers all of ``text``.

    Greedy with one point of return (the last ``*``): at worst len(pattern) * len(text) steps, where a regular
    expression made of a user's policy could take exponentially many.
    """
    here = there = 0
    star, resume = -1, 0
    while there < len(text):
        # A "*" first: in the text it is an ordinary character, in the pattern never.
        if here < len(pattern) and pattern[here] == "*":
            star, resume = here, there
            here += 1
        elif here < len(pattern) and pattern[here] in ("?", text[there]):
            here += 1
            there += 1
        elif star >= 0:
            resume += 1
            here, there = star + 1, resume
        else:
            return False
    return all(character == "*" for character in pattern[here:])


@lru_cache(maxsize=256)
def parse_policy(json_text: str) -> Policy:
    """Return the policy that ``json_text`` writes; the same text gives the same record.

    Raises:
        PolicyError: if it is not a policy, or holds something that is not evaluated here; the message names it.
        json.JSONDecodeError: if it is not JSON.  Both are ValueErrors.
    """
    document = json.loads(json_text, object_pairs_hook=_without_repetition)
    if not isinstance(document, dict):
        raise PolicyError("a policy is a JSON object")
    _refuse_unknown(document, ("Version", "Id", "Statement"), "policy")
    version = document.get("Version", "2008-10-17")  # what IAM assumes when it is left out
    if version not in _VERSIONS:
        raise PolicyError(f"policy Version is one of {', '.join(_VERSIONS)}, not {version!r}")
    statements = document.get("Statement")
    if isinstance(statements, dict):
        statements = [statements]
    if not isinstance(statements, list) or not statements:
        raise PolicyError("policy Statement is an object or a list of objects, at least one")
    parsed = tuple(_statement(index, statement) for index, statement in enumerate(statements))
    if version == _VERSIONS[0]:
        _refuse_variables(parsed)
    return Policy(parsed)


def _statement(index: int, statement: object) -> Statement:
    place = f"Statement[{index}]"
    if not isinstance(statement, dict):
        raise PolicyError(f"{place} is an object")
    _refuse_unknown(statement, _STATEMENT_KEYS, place)
    sid = statement.get("Sid", place)
    if not isinstance(sid, str):
        raise PolicyError(f"{place}.Sid is a string")
    effect = statement.get("Effect")
    if effect not in tuple(Effect):
        raise PolicyError(f"{place}.Effect is Allow or Deny, not {effect!r}")
    principal = statement.get("Principal")
    if isinstance(principal, dict) and list(principal) == ["AWS"]:
        principal = principal["AWS"]  # {"AWS": "*"} says the same as "*"
        if isinstance(principal, list) and principal and all(one == "*" for one in principal):
            principal = "*"
    if principal != "*":
        raise PolicyError(f'{place}.Principal other than "*" is not modelled')
    return Statement(
        label=sid or place,
        effect=Effect(effect),
        actions=_strings(statement, "Action", place),
        resources=_strings(statement, "Resource", place),
    )


def _strings(statement: dict[str, object], key: str, place: str) -> tuple[str, ...]:
    value = statement.get(key)
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, list) or not value or not all(isinstance(one, str) for one in value):
        raise PolicyError(f"{place}.{key} is a string or a list of strings, at least one")
    return tuple(cast("list[str]", value))


def _refuse_unknown(record: dict[str, object], known: tuple[str, ...], place: str) -> None:
    for key in record:
        if key not in known:
            raise PolicyError(f"{place}.{key} is not modelled; known here: {', '.join(known)}")


def _refuse_variables(statements: tuple[Statement, ...]) -> None:
    # Version 2012-10-17 substitutes ${aws:...}; taken literally the statement would match something else.
    for statement in statements:
        if any("${" in resource for resource in statement.resources):
            raise PolicyError(f"policy variables (${{...}} in the Resource of {statement.label}) are not modelled")


def _without_repetition(pairs: list[tuple[str, object]]) -> dict[str, object]:
    record = dict(pairs)
    if len(record) != len(pairs):  # POL-5
        keys = [key for key, _ in pairs]
        repeated = next(key for key in keys if keys.count(key) > 1)
        raise PolicyError(f"the key {repeated!r} is repeated")
    return record
