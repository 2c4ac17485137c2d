"""Whether a condition holds for a request, and why not.

Values of one key are OR (negated: NOR), keys and operators are AND (POL-8).  A
key that the request does not have: positive operators are false, negated ones
true, ``IfExists`` and ``ForAllValues`` true, ``ForAnyValue`` false (POL-9).
``Null`` asks for just that.

AWS: IAM User Guide, "Condition operators", "Multivalued context keys".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emulator.policies.keys import spelt
from emulator.policies.operators import NULL, Qualifier

if TYPE_CHECKING:
    from emulator.policies.patterns import Keys
    from emulator.policies.records import Condition


def holds(condition: Condition, keys: Keys) -> bool:
    """Return whether a condition holds for a request with these keys (in lower case)."""
    operator = condition.operator
    found = keys.get(condition.key.lower(), ())
    if operator.family is NULL:
        return ("false" if found else "true") in condition.values
    if not found:
        if operator.if_exists or operator.qualifier is Qualifier.ALL:
            return True
        return operator.negated and operator.qualifier is Qualifier.NONE
    answers = [_covered(condition, value, keys) is not operator.negated for value in found]
    if operator.qualifier is Qualifier.ANY:
        return any(answers)
    if operator.qualifier is Qualifier.ALL or operator.negated:
        return all(answers)
    return any(answers)


def _covered(condition: Condition, found: str, keys: Keys) -> bool:
    covers = condition.operator.family.covers
    return any(covers(wanted, found, keys) for wanted in condition.values)


def told(condition: Condition, keys: Keys) -> str:
    """Return a condition with the request's value, for explanations."""
    found = keys.get(condition.key.lower(), ())
    request = f"the request has {_listed(found)}" if found else "the request has no such key"
    return f"{condition.operator.text} {spelt(condition.key)} {_listed(condition.texts)}: {request}"


def _listed(values: tuple[Any, ...]) -> str:
    return " or ".join(f'"{value}"' for value in values)
