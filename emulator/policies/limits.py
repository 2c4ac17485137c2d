"""What endpoint policies may not say although IAM's grammar has it (POL-10).

AWS: PrivateLink Guide, "Control access to VPC endpoints using endpoint policies", "Considerations".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from emulator.policies.keys import SYSTEM_IDENTIFIERS
from emulator.policies.patterns import ARN_PARTS, Wild, pattern, runs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emulator.policies.operators import Operator

LEAST: Final = 6
"""Consecutive characters that stand before or after each wildcard of a string."""

ACCOUNT: Final = 4
"""Which part of an ARN is the account."""


def arn_problem(text: str) -> str | None:
    """Return what is wrong with the account part of an ARN, None if nothing is."""
    parts = text.split(":", ARN_PARTS - 1)
    if len(parts) <= ACCOUNT or parts[0] != "arn" or "${" in parts[ACCOUNT]:
        return None
    account = parts[ACCOUNT]
    wild = any(letter in "*?" for letter in account)
    if wild and account.strip("*?"):
        return f'The account of the ARN "{text}" is an id or a wildcard, not both'
    return None


def condition_problems(operator: Operator, key: str, text: str) -> Iterator[str]:
    """Yield what an endpoint's policy may not say of a key."""
    family = operator.family
    wildcards = family.wild and any(letter in "*?" for letter in text)
    if key.lower() in SYSTEM_IDENTIFIERS:
        if family.is_numeric:
            yield f"{key} is an identifier of AWS's: endpoint policies have no numeric operators for it"
        if wildcards:
            yield f"{key} is an identifier of AWS's: endpoint policies have no wildcards for it"
            return
    if family.is_string and wildcards and _lonely(text):
        yield f'A wildcard in "{text}" needs {LEAST} consecutive characters before or after it'
    wrong = arn_problem(text) if not family.is_string else None
    if wrong is not None:
        yield wrong


def _lonely(text: str) -> bool:
    """Whether some wildcard has too few characters on both sides."""
    try:
        found = list(runs(pattern(text, variables="${" in text).tokens, LEAST))
    except ValueError:
        return False  # said already
    sides = [(found[at - 1], found[at + 1]) for at, one in enumerate(found) if isinstance(one, Wild)]
    return any(
        max(before, after) < LEAST for before, after in sides if isinstance(before, int) and isinstance(after, int)
    )
