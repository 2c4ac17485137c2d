"""What expressions say of an item, and what they do to it.

Amazon DynamoDB Developer Guide, "Condition and filter expressions, operators,
and functions", "Update expressions".
"""

from __future__ import annotations

from typing import Any, assert_never

from emulator.services.dynamodb.errors import DynamoDbError, invalid
from emulator.services.dynamodb.expressions import LONG_NAMES, Action, Call, Condition, Logic, Operand, Path, Test
from emulator.services.dynamodb.values import SETS, Item, Value, add, make_set


def find(item: Item, path: Path) -> Value | None:
    """Return what is at a path, or None."""
    found = Value("M", item)
    for step in path.steps:
        there = found.type == "M" and step in found.data if isinstance(step, str) else _has_place(found, step)
        if not there:
            return None
        found = found.data[step]
    return found


def _has_place(value: Value, place: int) -> bool:
    return value.type == "L" and place < len(value.data)


def holds(condition: Condition, item: Item) -> bool:
    """Return whether a condition is true of an item; an empty one stands for an item that is not there."""
    if isinstance(condition, Logic):
        parts = condition.conditions
        if condition.name == "NOT":
            return not holds(parts[0], item)
        return (any if condition.name == "OR" else all)(holds(part, item) for part in parts)
    return _test(condition, item)


def _test(test: Test, item: Item) -> bool:
    name = test.name
    values = [_operand(operand, item) for operand in test.operands]
    first = values[0]
    if name == "attribute_exists":
        return first is not None
    if name == "attribute_not_exists":
        return first is None
    if name == "<>":
        return first != values[1]
    if first is None:
        return False
    if name == "IN":
        return first in values[1:]
    if name == "BETWEEN":
        return _compare(">=", first, values[1]) and _compare("<=", first, values[2])
    second = values[1]
    if second is None:
        return False
    if name == "attribute_type":
        return bool(first.type == second.data)
    if name == "begins_with":
        return first.type == second.type and first.type in ("S", "B") and bool(first.data.startswith(second.data))
    if name == "contains":
        return _contains(first, second)
    return _compare(name, first, second)


def _contains(whole: Value, part: Value) -> bool:
    if whole.type in ("S", "B"):
        return whole.type == part.type and part.data in whole.data
    if whole.type in SETS:
        return SETS[whole.type] == part.type and part.data in whole.data
    return whole.type == "L" and part in whole.data


def _compare(name: str, first: Value, second: Value | None) -> bool:
    if second is None:
        return False
    if name == "=":
        return first == second
    if first.type != second.type or first.type not in ("S", "N", "B"):
        return False
    left, right = first.data, second.data
    if first.type == "S":  # by the bytes of UTF-8
        left, right = left.encode("utf-8", "surrogatepass"), right.encode("utf-8", "surrogatepass")
    if name == "<":
        return bool(left < right)
    if name == "<=":
        return bool(left <= right)
    return bool(left > right) if name == ">" else bool(left >= right)


def _operand(operand: Operand, item: Item) -> Value | None:
    if isinstance(operand, Value):
        return operand
    if isinstance(operand, Path):
        return find(item, operand)
    value = _operand(operand.operands[0], item)  # only size is an operand of conditions
    if value is None or value.type in ("N", "BOOL", "NULL"):
        return None
    data = value.data.encode("utf-8", "surrogatepass") if value.type == "S" else value.data
    return Value("N", len(data))


# ---- projections


def project(item: Item, paths: tuple[Path, ...]) -> Item:
    """Return of an item what is at the paths; of lists only the members asked for, close together."""
    found: dict[Any, Any] = {}
    for path in paths:
        value = find(item, path)
        if value is None:
            continue
        place = found
        for step in path.steps[:-1]:
            place = place.setdefault(step, {})
        place[path.steps[-1]] = value
    return {str(name): _joined(value) for name, value in found.items()}


def _joined(found: Value | dict[Any, Any]) -> Value:
    if isinstance(found, Value):
        return found
    if all(isinstance(step, int) for step in found):
        return Value("L", [_joined(found[step]) for step in sorted(found)])
    return Value("M", {step: _joined(value) for step, value in found.items()})


# ---- updates


def update(item: Item, actions: tuple[Action, ...]) -> Item:
    """Return an item with an update made: every operand is that of the item before.

    Raises:
        DynamoDbError: ValidationException.
    """
    new: Item = {name: _copy(value) for name, value in item.items()}
    computed = [(action, _outcome(action, item)) for action in actions]
    removed: list[Path] = []
    for action, value in computed:
        if value is None:
            removed.append(action.path)
        else:
            _put(new, action.path, value)
    for path in sorted(removed, key=lambda one: [step if isinstance(step, int) else -1 for step in one.steps])[::-1]:
        _remove(new, path)  # places in a list from its end, so that none moves before its turn
    return new


def _outcome(action: Action, item: Item) -> Value | None:
    """Return what will be at the action's path; None if nothing."""
    present = find(item, action.path)
    if action.name == "REMOVE":
        return None
    assert action.operand is not None
    if action.name == "SET":
        return _copy(_term(action.operand, item))
    operand = action.operand
    assert isinstance(operand, Value)
    if present is None:
        return operand if action.name == "ADD" else None
    if present.type != operand.type:
        raise invalid("An operand in the update expression has an incorrect data type")
    if action.name == "ADD" and operand.type == "N":
        return Value("N", add(present.data, operand.data))
    if action.name == "ADD":
        return make_set(operand.type, sorted({*present.data, *operand.data}))
    left = [member for member in present.data if member not in operand.data]
    return make_set(operand.type, left) if left else None  # a set is never empty: the attribute goes


def _term(operand: Operand, item: Item) -> Value:
    if isinstance(operand, Value):
        return operand
    if isinstance(operand, Path):
        found = find(item, operand)
        if found is None:
            raise invalid("The provided expression refers to an attribute that does not exist in the item")
        return found
    if isinstance(operand, Call):
        return _called(operand, item)
    assert_never(operand)


def _called(call: Call, item: Item) -> Value:
    first, second = call.operands
    if call.name == "if_not_exists":
        assert isinstance(first, Path)
        found = find(item, first)
        return _term(second, item) if found is None else found
    left, right = _term(first, item), _term(second, item)
    wanted = "L" if call.name == "list_append" else "N"
    if left.type != wanted or right.type != wanted:
        raise invalid("An operand in the update expression has an incorrect data type")
    if call.name == "list_append":
        return Value("L", [*left.data, *right.data])
    return Value("N", add(left.data, right.data if call.name == "+" else -right.data))


def _parent(item: Item, path: Path) -> Value:
    found = Value("M", item) if len(path.steps) == 1 else find(item, Path(path.steps[:-1]))
    last = path.steps[-1]
    if found is None or found.type != ("L" if isinstance(last, int) else "M"):
        raise _bad_path()
    return found


def _put(item: Item, path: Path, value: Value) -> None:
    parent, last = _parent(item, path), path.steps[-1]
    if isinstance(last, int) and last >= len(parent.data):
        parent.data.append(value)  # behind the end is at the end
    else:
        parent.data[last] = value


def _remove(item: Item, path: Path) -> None:
    last = path.steps[-1]
    parent = _parent(item, path)
    if isinstance(last, int):
        if last < len(parent.data):
            del parent.data[last]
    else:
        parent.data.pop(last, None)


def _bad_path() -> DynamoDbError:
    return invalid("The document path provided in the update expression is invalid for update")


def _copy(value: Value) -> Value:
    """Return a value that may be changed without changing this one."""
    if value.type == "L":
        return Value("L", [_copy(one) for one in value.data])
    if value.type == "M":
        return Value("M", {name: _copy(one) for name, one in value.data.items()})
    return value


def type_name(value: Value) -> str:
    """Return a type as some of DynamoDB's messages write it."""
    return LONG_NAMES[value.type]
