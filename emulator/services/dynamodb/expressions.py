"""Expressions: their grammar, and trees made of them.

Four kinds: conditions (also filters and key conditions), projections and
updates.  The names and values that a request gives beside its expressions are
put in while parsing, and whoever did not need one hears of it at the end.

Amazon DynamoDB Developer Guide, "Using expressions in DynamoDB", "Condition and
filter expressions, operators, and functions", "Update expressions".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from emulator.services.dynamodb.errors import DynamoDbError, invalid
from emulator.services.dynamodb.reserved import RESERVED
from emulator.services.dynamodb.values import Value, read

if TYPE_CHECKING:
    from collections.abc import Callable

LARGEST: Final = 4096
"""Bytes of an expression."""

_TOKEN: Final = re.compile(
    r"\s*(?:(?P<name>[A-Za-z_][A-Za-z0-9_]*)|(?P<ref>[#:][A-Za-z0-9_]+)|(?P<number>[0-9]+)"
    r"|(?P<symbol><>|<=|>=|[=<>(),.\[\]+-]))",
    re.ASCII,
)
COMPARATORS: Final = ("=", "<>", "<", "<=", ">", ">=")
FUNCTIONS: Final = {
    "attribute_exists": 1,
    "attribute_not_exists": 1,
    "attribute_type": 2,
    "begins_with": 2,
    "contains": 2,
}
"""Functions that are conditions, and how many operands they have."""
_SECTIONS: Final = ("SET", "REMOVE", "ADD", "DELETE")


@dataclass(frozen=True, slots=True)
class Path:
    """Where an attribute is: names, and places in lists."""

    steps: tuple[str | int, ...]

    def __str__(self) -> str:
        """Write it as DynamoDB's messages do."""
        return "[" + ", ".join(f"[{step}]" if isinstance(step, int) else step for step in self.steps) + "]"


@dataclass(frozen=True, slots=True)
class Call:
    """A function, or an operator that makes a value: ``size``, ``if_not_exists``, ``list_append``, ``+``, ``-``."""

    name: str
    operands: tuple[Operand, ...]


Operand: TypeAlias = Path | Value | Call


@dataclass(frozen=True, slots=True)
class Test:
    """A condition: a comparator, ``BETWEEN``, ``IN`` or a function, and its operands."""

    name: str
    operands: tuple[Operand, ...]


@dataclass(frozen=True, slots=True)
class Logic:
    """Conditions put together by ``AND``, ``OR`` or ``NOT``."""

    name: str
    conditions: tuple[Condition, ...]


Condition: TypeAlias = Test | Logic


@dataclass(frozen=True, slots=True)
class Action:
    """One action of an update: ``SET``, ``REMOVE``, ``ADD`` or ``DELETE``, where, and with what."""

    name: str
    path: Path
    operand: Operand | None = None


class Placeholders:
    """The names and values that a request gives beside its expressions."""

    def __init__(self, names: object, values: object, *, expressions: bool) -> None:
        """``expressions``: whether the request has any."""
        self.names = _table(names, "ExpressionAttributeNames")
        given = _table(values, "ExpressionAttributeValues")
        for what, table, present in (("Names", self.names, names), ("Values", given, values)):
            if present is None:
                continue
            if not expressions:
                raise invalid(f"ExpressionAttribute{what} can only be specified when using expressions")
            if not table:
                raise invalid(f"ExpressionAttribute{what} must not be empty")
        for name in self.names:
            _check_key(name, "#", "ExpressionAttributeNames")
        for name in given:
            _check_key(name, ":", "ExpressionAttributeValues")
        self.values = {name: _value(name, value) for name, value in given.items()}
        self._unused = dict.fromkeys((*self.names, *self.values))

    def name(self, reference: str) -> str:
        """Return what ``#x`` stands for; raises KeyError."""
        self._unused.pop(reference, None)
        return str(self.names[reference])

    def value(self, reference: str) -> Value:
        """Return what ``:x`` stands for; raises KeyError."""
        self._unused.pop(reference, None)
        return self.values[reference]

    def done(self) -> None:
        """Refuse what no expression used.

        Raises:
            DynamoDbError: ValidationException.
        """
        for what, sign in (("Names", "#"), ("Values", ":")):
            unused = [name for name in self._unused if name.startswith(sign)]
            if unused:
                text = f"Value provided in ExpressionAttribute{what} unused in expressions"
                raise invalid(f"{text}: keys: {{{', '.join(unused)}}}")


def _table(document: object, what: str) -> dict[str, Any]:
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise DynamoDbError("SerializationException", f"Unexpected value type of {what}")
    return document


def _check_key(name: str, sign: str, what: str) -> None:
    if not re.fullmatch(rf"{sign}[A-Za-z0-9_]+", name):
        raise invalid(f'{what} contains invalid key: Syntax error; key: "{name}"')


def _value(name: str, document: object) -> Value:
    try:
        return read(document)
    except DynamoDbError as error:
        if error.code != "ValidationException":
            raise
        raise invalid(f"ExpressionAttributeValues contains invalid value: {error.message} for key {name}") from None


class _Parser:
    """Reads one expression; ``kind`` is what the request calls it."""

    def __init__(self, kind: str, text: object, placeholders: Placeholders) -> None:
        if not isinstance(text, str):
            raise DynamoDbError("SerializationException", f"Unexpected value type of {kind}")
        self.kind = kind
        self._placeholders = placeholders
        if not text.strip():
            raise self.refusal("The expression can not be empty;")
        if len(text.encode()) > LARGEST:
            raise self.refusal(f"Expression size has exceeded the maximum allowed size; expression size: {len(text)}")
        self._tokens = self._split(text)
        self._at = 0

    def _split(self, text: str) -> list[tuple[str, str]]:
        tokens: list[tuple[str, str]] = []
        position = 0
        while text[position:].strip():
            match = _TOKEN.match(text, position)
            if match is None:
                rest = text[position:].strip()
                raise self.refusal(f'Syntax error; token: "{rest[0]}", near: "{rest[:20]}"')
            assert match.lastgroup is not None
            tokens.append((match.lastgroup, match[match.lastgroup]))
            position = match.end()
        return [*tokens, ("end", "<EOF>")]

    def refusal(self, sentence: str) -> DynamoDbError:
        return invalid(f"Invalid {self.kind}: {sentence}")

    def _syntax(self) -> DynamoDbError:
        near = " ".join(text for kind, text in self._tokens[max(self._at - 1, 0) : self._at + 2] if kind != "end")
        return self.refusal(f'Syntax error; token: "{self._tokens[self._at][1]}", near: "{near}"')

    # ---- tokens

    def _peek(self) -> str:
        return self._tokens[self._at][1]

    def _word(self) -> str:
        """Return the next token in capitals if it is a word, else nothing."""
        kind, text = self._tokens[self._at]
        return text.upper() if kind == "name" else ""

    def _take(self, text: str | None = None) -> str:
        kind, found = self._tokens[self._at]
        if kind == "end" or (text is not None and found.upper() != text):
            raise self._syntax()
        self._at += 1
        return found

    def _accept(self, text: str) -> bool:
        if self._peek().upper() == text and self._tokens[self._at][0] in ("name", "symbol"):
            self._at += 1
            return True
        return False

    def end(self) -> None:
        if self._tokens[self._at][0] != "end":
            raise self._syntax()

    # ---- conditions: OR binds least, then AND, then NOT

    def condition(self) -> Condition:
        return self._chain("OR", lambda: self._chain("AND", self._negation))

    def _chain(self, word: str, part: Callable[[], Condition]) -> Condition:
        parts = [part()]
        while self._accept(word):
            parts.append(part())
        return parts[0] if len(parts) == 1 else Logic(word, tuple(parts))

    def _negation(self) -> Condition:
        if self._accept("NOT"):
            return Logic("NOT", (self._negation(),))
        if self._peek() == "(" and self._is_condition_in_brackets():
            self._take("(")
            inside = self.condition()
            self._take(")")
            return inside
        return self._test()

    def _is_condition_in_brackets(self) -> bool:
        """An operand may stand in brackets as well: ``(a) = :b``; what follows the closing one tells."""
        depth = 0
        for place in range(self._at, len(self._tokens)):
            text = self._tokens[place][1]
            depth += (text == "(") - (text == ")")
            if not depth:
                after = self._tokens[place + 1][1].upper()
                return after not in COMPARATORS and after not in ("BETWEEN", "IN")
        return True

    def _test(self) -> Condition:
        kind, text = self._tokens[self._at]
        if kind == "name" and self._tokens[self._at + 1][1] == "(":
            if text in FUNCTIONS:
                return self._function()
            if text != "size":
                if text in ("if_not_exists", "list_append"):
                    raise self.refusal(f"The function is not allowed in a condition expression; function: {text}")
                raise self.refusal(f"Invalid function name; function: {text}")
        left = self._operand()
        if self._accept("BETWEEN"):
            low = self._operand()
            self._take("AND")
            high = self._operand()
            self._check_bounds(low, high)
            return Test("BETWEEN", (left, low, high))
        if self._accept("IN"):
            self._take("(")
            options = [self._operand()]
            while self._accept(","):
                options.append(self._operand())
            self._take(")")
            return Test("IN", (left, *options))
        comparator = self._peek()
        if comparator not in COMPARATORS:
            raise self._syntax()
        self._take()
        right = self._operand()
        if left == right and isinstance(left, Path):
            text = "The first operand must be distinct from the remaining operands for this operator or function"
            raise self.refusal(f"{text}; operator: {comparator}, first operand: {left}")
        return Test(comparator, (left, right))

    def _check_bounds(self, low: Operand, high: Operand) -> None:
        if not (isinstance(low, Value) and isinstance(high, Value)):
            return
        if low.type != high.type:
            sentence = "The BETWEEN operator requires same data type for lower and upper bounds"
            raise self.refusal(
                f"{sentence}; lower bound operand: AttributeValue: {_shown(low)}, upper bound operand: "
                f"AttributeValue: {_shown(high)}"
            )
        if low.type in ("S", "N", "B") and low.data > high.data:
            sentence = "The BETWEEN operator requires upper bound to be greater than or equal to lower bound"
            raise self.refusal(
                f"{sentence}; lower bound operand: AttributeValue: {_shown(low)}, upper bound operand: "
                f"AttributeValue: {_shown(high)}"
            )

    def _function(self) -> Test:
        name = self._take()
        operands = self._operands()
        if len(operands) != FUNCTIONS[name]:
            sentence = f"Incorrect number of operands for operator or function; operator or function: {name}"
            raise self.refusal(f"{sentence}, number of operands: {len(operands)}")
        if name.startswith("attribute_") and not isinstance(operands[0], Path):
            sentence = "Operator or function requires a document path"
            raise self.refusal(f"{sentence}; operator or function: {name}")
        second = operands[1] if len(operands) > 1 else None
        if name == "begins_with" and isinstance(second, Value) and second.type not in ("S", "B"):
            sentence = "Incorrect operand type for operator or function; operator or function: begins_with"
            raise self.refusal(f"{sentence}, operand type: {second.type}")
        if name == "attribute_type":
            if not isinstance(second, Value) or second.type != "S":
                sentence = "Incorrect operand type for operator or function; operator or function: attribute_type"
                raise self.refusal(f"{sentence}, operand type: {second.type if isinstance(second, Value) else 'path'}")
            known = ("S", "SS", "N", "NS", "B", "BS", "BOOL", "NULL", "L", "M")
            if second.data not in known:
                shown = "{B,NULL,SS,BOOL,L,BS,N,NS,S,M}"
                raise self.refusal(f"Invalid attribute type name found; type: {second.data}, valid types: {shown}")
        return Test(name, operands)

    def _operands(self) -> tuple[Operand, ...]:
        self._take("(")
        operands = [self._operand()]
        while self._accept(","):
            operands.append(self._operand())
        self._take(")")
        return tuple(operands)

    def _operand(self) -> Operand:
        kind, text = self._tokens[self._at]
        if text == "(":
            self._take("(")
            inside = self._operand()
            self._take(")")
            return inside
        if kind == "ref" and text.startswith(":"):
            return self._reference()
        if kind == "name" and text == "size" and self._tokens[self._at + 1][1] == "(":
            self._take()
            operands = self._operands()
            if len(operands) != 1:
                sentence = "Incorrect number of operands for operator or function; operator or function: size"
                raise self.refusal(f"{sentence}, number of operands: {len(operands)}")
            return Call("size", operands)
        return self.path()

    def _reference(self) -> Value:
        text = self._take()
        try:
            return self._placeholders.value(text)
        except KeyError:
            sentence = "An expression attribute value used in expression is not defined"
            raise self.refusal(f"{sentence}; attribute value: {text}") from None

    # ---- paths and projections

    def path(self) -> Path:
        steps: list[str | int] = [self._name()]
        while True:
            if self._accept("."):
                steps.append(self._name())
            elif self._accept("["):
                if self._tokens[self._at][0] != "number":
                    raise self._syntax()
                steps.append(int(self._take()))
                self._take("]")
            else:
                return Path(tuple(steps))

    def _name(self) -> str:
        kind, text = self._tokens[self._at]
        if kind == "ref" and text.startswith("#"):
            self._take()
            try:
                return self._placeholders.name(text)
            except KeyError:
                sentence = "An expression attribute name used in the document path is not defined"
                raise self.refusal(f"{sentence}; attribute name: {text}") from None
        if kind != "name":
            raise self._syntax()
        if text.upper() in RESERVED:
            raise self.refusal(f"Attribute name is a reserved keyword; reserved keyword: {text}")
        return self._take()

    def projection(self) -> tuple[Path, ...]:
        paths = [self.path()]
        while self._accept(","):
            paths.append(self.path())
        self.check_overlap(paths)
        return tuple(paths)

    def check_overlap(self, paths: list[Path]) -> None:
        for place, one in enumerate(paths):
            for other in paths[:place]:
                shorter = min(len(one.steps), len(other.steps))
                if one.steps[:shorter] == other.steps[:shorter]:
                    sentence = "Two document paths overlap with each other; must remove or rewrite one of these paths"
                    raise self.refusal(f"{sentence}; path one: {other}, path two: {one}")

    # ---- updates

    def update(self) -> tuple[Action, ...]:
        actions: list[Action] = []
        seen: set[str] = set()
        while self._tokens[self._at][0] != "end":
            section = self._word()
            if section not in _SECTIONS:
                raise self._syntax()
            if section in seen:
                raise self.refusal(f'The "{section}" section can only be used once in an update expression;')
            seen.add(section)
            self._take()
            actions.append(self._action(section))
            while self._accept(","):
                actions.append(self._action(section))
        self.check_overlap([action.path for action in actions])
        return tuple(actions)

    def _action(self, section: str) -> Action:
        path = self.path()
        if section == "REMOVE":
            return Action(section, path)
        if section == "SET":
            self._take("=")
            return Action(section, path, self._sum())
        if not self._peek().startswith(":"):
            raise self._syntax()
        value = self._reference()
        allowed = ("N", "SS", "NS", "BS") if section == "ADD" else ("SS", "NS", "BS")
        if value.type not in allowed:
            sentence = f"Incorrect operand type for operator or function; operator: {section}"
            raise self.refusal(
                f"{sentence}, operand type: {LONG_NAMES[value.type]}, typeSet: ALLOWED_FOR_{section}_OPERAND"
            )
        return Action(section, path, value)

    def _sum(self) -> Operand:
        left = self._term()
        for sign in ("+", "-"):
            if self._accept(sign):
                right = self._term()
                for operand in (left, right):
                    if isinstance(operand, Value) and operand.type != "N":
                        sentence = "Incorrect operand type for operator or function; operator or function: "
                        raise self.refusal(f"{sentence}{sign}, operand type: {operand.type}")
                return Call(sign, (left, right))
        return left

    def _term(self) -> Operand:
        kind, text = self._tokens[self._at]
        if text == "(":
            self._take("(")
            inside = self._sum()
            self._take(")")
            return inside
        if kind == "ref" and text.startswith(":"):
            return self._reference()
        if kind == "name" and self._tokens[self._at + 1][1] == "(":
            if text not in ("if_not_exists", "list_append"):
                what = "The function is not allowed in an update expression" if text in (*FUNCTIONS, "size") else ""
                raise self.refusal(f"{what or 'Invalid function name'}; function: {text}")
            self._take()
            self._take("(")
            first = self._term()
            self._take(",")
            second = self._term()
            self._take(")")
            if text == "if_not_exists" and not isinstance(first, Path):
                sentence = "Operator or function requires a document path"
                raise self.refusal(f"{sentence}; operator or function: {text}")
            for operand in (first, second):
                if text == "list_append" and isinstance(operand, Value) and operand.type != "L":
                    sentence = "Incorrect operand type for operator or function; operator or function: list_append"
                    raise self.refusal(f"{sentence}, operand type: {operand.type}")
            return Call(text, (first, second))
        return self.path()


LONG_NAMES: Final = {
    "S": "STRING",
    "N": "NUMBER",
    "B": "BINARY",
    "SS": "STRING_SET",
    "NS": "NUMBER_SET",
    "BS": "BINARY_SET",
    "L": "LIST",
    "M": "MAP",
    "BOOL": "BOOLEAN",
    "NULL": "NULL",
}


def _shown(value: Value) -> str:
    return f"{{{value.type}:{value.data}}}"


def parse_condition(kind: str, text: object, placeholders: Placeholders) -> Condition:
    """Return the tree of a condition; ``kind`` is what the request calls it, for messages.

    Raises:
        DynamoDbError: ValidationException.
    """
    parser = _Parser(kind, text, placeholders)
    tree = parser.condition()
    parser.end()
    return tree


def parse_projection(text: object, placeholders: Placeholders) -> tuple[Path, ...]:
    """Return the paths of a ProjectionExpression.

    Raises:
        DynamoDbError: ValidationException.
    """
    parser = _Parser("ProjectionExpression", text, placeholders)
    paths = parser.projection()
    parser.end()
    return paths


def parse_update(text: object, placeholders: Placeholders) -> tuple[Action, ...]:
    """Return the actions of an UpdateExpression.

    Raises:
        DynamoDbError: ValidationException.
    """
    return _Parser("UpdateExpression", text, placeholders).update()
