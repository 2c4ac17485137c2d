"""The element Principal: what may stand in it, and whether somebody is meant.

AWS: IAM User Guide, "AWS JSON policy elements: Principal" and "NotPrincipal" (POL-6).
"""

from __future__ import annotations

import re
from enum import Enum
from typing import TYPE_CHECKING, Final

from emulator.policies.records import PolicyKind, Principal, PrincipalKind, Principals

if TYPE_CHECKING:
    from collections.abc import Iterator

_ACCOUNT: Final = re.compile(r"\d{12}", re.ASCII)
_ARN: Final = re.compile(
    r"arn:aws[a-z-]*:(iam::\d{12}:(root|(role|user)/[\w+=,.@/-]+)"
    r"|sts::\d{12}:(assumed-role/[\w+=,.@-]+/[\w+=,.@-]+|federated-user/[\w+=,.@-]+))",
    re.ASCII,
)
_UNIQUE: Final = re.compile(r"A[A-Z]{3}[A-Z0-9]{12,}", re.ASCII)
_SERVICE: Final = re.compile(r"[a-z0-9.-]+\.amazonaws\.com(\.cn)?|\*", re.ASCII)
_CANONICAL: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)

_SHAPES: Final = {
    "AWS": 'is "*", an account id, or the ARN of an account, role, user or session',
    "Service": "is the name of a service like ec2.amazonaws.com",
    "CanonicalUser": "is an id of 64 hexadecimal digits",
    "Federated": "is the name or ARN of an identity provider",
}


class Meant(Enum):
    """Whether a principal is meant, and how."""

    NO = 0
    AS_ACCOUNT = 1
    """Its account is: whoever is in it may be let in by the account's own policies."""
    YES = 2


def principal_problem(kind: str, value: object) -> str | None:
    """Return what is wrong with one principal of a kind, None if nothing is."""
    shapes = {"Service": (_SERVICE,), "CanonicalUser": (_CANONICAL,), "AWS": (_ACCOUNT, _ARN, _UNIQUE)}
    if isinstance(value, str) and value:
        if kind == "Federated" or (kind == "AWS" and value == "*"):
            return None
        if any(shape.fullmatch(value) for shape in shapes[kind]):
            return None
        if kind == "AWS" and any(letter in "*?" for letter in value):
            return f'A principal has no wildcards ("{value}"): use "*" and a condition on aws:PrincipalArn'
    return f"A principal {kind} {_SHAPES[kind]}"


def meant(principals: Principals, who: Principal, kind: PolicyKind, *, denying: bool) -> Meant:
    """Return whether a statement is about ``who``.

    In an endpoint's policy an account that is let in is its root user alone (POL-6); a statement that denies an
    account denies everybody in it.
    """
    if principals.inverted:
        return Meant.NO if _excepted(principals, who) else Meant.YES
    if principals.everybody or ("AWS", "*") in principals.named:
        return Meant.YES
    names = {name for of, name in principals.named if of == "AWS"}
    if names & {who.arn, who.principal_arn, who.user_id.partition(":")[0]} - {""}:
        return Meant.YES
    if names & set(_accounts(who)):
        if denying:
            return Meant.YES
        return Meant.NO if kind.of_endpoint else Meant.AS_ACCOUNT
    return Meant.NO


def _excepted(principals: Principals, who: Principal) -> bool:
    """Whether NotPrincipal spares somebody: of a session, the role and the account must be named as well."""
    if principals.everybody or ("AWS", "*") in principals.named:
        return True
    if who.kind in (PrincipalKind.UNSTATED, PrincipalKind.ANONYMOUS):
        return False
    names = {name for of, name in principals.named if of == "AWS"}
    account = any(name in names for name in _accounts(who))
    return account and {who.arn, who.principal_arn} <= names


def _accounts(who: Principal) -> Iterator[str]:
    if who.account_id:
        yield who.account_id
        yield f"arn:aws:iam::{who.account_id}:root"
