"""From a policy's JSON text to its records; every mistake with its line and column.

All mistakes of a policy are found at once: an element that is wrong is left
out, and the rest is read on.  Only where the text is not JSON is there one
problem, the first.

AWS: IAM User Guide, "Grammar of the IAM JSON policy language" (POL-3, POL-5 to
POL-9); PrivateLink Guide, "Control access to VPC endpoints using endpoint
policies" (POL-6, POL-10).
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final, TypeAlias

from emulator.policies import jsontext
from emulator.policies.limits import arn_problem, condition_problems
from emulator.policies.operators import BASES, Operator, operator
from emulator.policies.patterns import Pattern, pattern
from emulator.policies.principals import principal_problem
from emulator.policies.records import Condition, Effect, Policy, PolicyKind, Principals, Statement

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from emulator.policies.jsontext import Node

Path: TypeAlias = tuple[str | int, ...]

LONGEST: Final = {
    PolicyKind.GATEWAY_ENDPOINT: 20_480,  # POL-3: characters, white space included
    PolicyKind.INTERFACE_ENDPOINT: 20_480,
    PolicyKind.BUCKET: 20_480,  # S3 User Guide, "Policies and permissions": 20 KB
    PolicyKind.IDENTITY: 10_240,  # IAM quotas: all inline policies of a role, without white space
}

FULL_ACCESS: Final = (
    '{"Version": "2008-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}]}'
)
"""The policy of an endpoint created without one (POL-1)."""

CURRENT, OLD = VERSIONS = ("2012-10-17", "2008-10-17")
POLICY_KEYS: Final = ("Version", "Id", "Statement")
STATEMENT_KEYS: Final = ("Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource",
                         "Condition")  # fmt: skip
PRINCIPAL_KEYS: Final = ("AWS", "Federated", "Service", "CanonicalUser")

_ACTION = re.compile(r"\*|[A-Za-z0-9*?-]+:[A-Za-z0-9*?]+", re.ASCII)  # POL-7
_RESOURCE = re.compile(r"\*|arn:.+|\$\{.+", re.DOTALL)  # POL-7
_KEY = re.compile(r"[A-Za-z0-9-]+:\S+", re.ASCII)


@dataclass(frozen=True, slots=True)
class PolicyProblem:
    """A mistake: a sentence, the path of the element to blame, and where it stands, counted from one."""

    message: str
    path: Path
    line: int
    column: int

    def __str__(self) -> str:
        """The sentence with its place."""
        return f"{self.message} (line {self.line}, column {self.column} of the policy)"


class PolicyError(ValueError):
    """A text that is no policy of its kind; ``problems`` are all there are, in the order of the text."""

    def __init__(self, problems: tuple[PolicyProblem, ...]) -> None:
        super().__init__(problems)
        self.problems = problems

    def __str__(self) -> str:
        """The problems, one after the other."""
        return "; ".join(map(str, self.problems))


@lru_cache(maxsize=512)
def read_policy(text: str, kind: PolicyKind) -> Policy:
    """Return the policy that ``text`` writes.

    Raises:
        PolicyError: if it is none.
    """
    reader = _Reader(text, kind)
    policy = reader.document()
    if policy is None or reader.problems:
        raise PolicyError(tuple(sorted(reader.problems, key=lambda one: (one.line, one.column))))
    return policy


class _Reader:
    """One policy text being read."""

    def __init__(self, text: str, kind: PolicyKind) -> None:
        self.text = text
        self.kind = kind
        self.problems: list[PolicyProblem] = []
        self.variables = False
        self.meant: set[tuple[Path, str]] = set()  # what misspelt elements were probably meant to be

    def complain(self, message: str, offset: int, path: Path = ()) -> None:
        self.problems.append(PolicyProblem(message, path, *jsontext.line_and_column(self.text, offset)))

    def missing(self, what: str, name: str, node: Node, path: Path) -> None:
        """Complain about an element that is not there, unless it is only misspelt."""
        if not self.meant & {(path, name), (path, f"Not{name}")}:
            self.complain(f"{what} has no {name}", node.offset, path)

    def document(self) -> Policy | None:
        self.length()
        if self.problems:
            return None
        try:
            root = jsontext.parse(self.text)
        except jsontext.JsonError as error:
            self.complain(f"The policy is not valid JSON: {error.message}", error.offset)
            return None
        found = self.members(root, POLICY_KEYS, (), "the policy")
        if found is None:
            return None
        if "Version" in found and found["Version"].value not in VERSIONS:
            versions = " or ".join(f'"{version}"' for version in sorted(VERSIONS, reverse=True))
            self.complain(f"Version must be {versions}", found["Version"].offset, ("Version",))
        self.variables = "Version" in found and found["Version"].value == CURRENT
        self.string(found.get("Id"), ("Id",))
        if "Statement" not in found:
            self.missing("The policy", "Statement", root, ())
            return None
        return Policy(self.kind, tuple(self.statements(found["Statement"])))

    def length(self) -> None:
        limit = LONGEST[self.kind]
        counted = len(self.text) if self.kind is not PolicyKind.IDENTITY else len("".join(self.text.split()))
        if self.kind is PolicyKind.BUCKET:
            counted = len(self.text.encode("utf-8", "replace"))
        if counted > limit:
            what = "bytes" if self.kind is PolicyKind.BUCKET else "characters"
            self.complain(f"The policy has {counted} {what}, the maximum is {limit}", limit)

    def statements(self, node: Node) -> list[Statement]:
        if not node.elements:
            self.complain("Statement is empty", node.offset, ("Statement",))
        found: list[Statement] = []
        sids: set[str] = set()
        for index, one in enumerate(node.elements):
            path: Path = ("Statement", index) if node.is_array else ("Statement",)
            statement = self.statement(one, path, index, sids)
            if statement is not None:
                found.append(statement)
        return found

    def statement(self, node: Node, path: Path, index: int, sids: set[str]) -> Statement | None:
        found = self.members(node, STATEMENT_KEYS, path, "a statement")
        if found is None:
            return None
        effect = self.effect(found, node, path)
        label = self.sid(found, path, sids) or f"Statement[{index}]"
        principals = self.principals(found, node, path, effect)
        actions, not_actions = self.patterns(found, node, path, "Action", self.action)
        resources, not_resources = self.patterns(found, node, path, "Resource", self.resource)
        conditions = self.conditions(found.get("Condition"), (*path, "Condition"))
        line, _ = jsontext.line_and_column(self.text, node.offset)
        return Statement(label, effect, principals, actions, resources, not_actions, not_resources, conditions, line)

    def effect(self, found: dict[str, Node], node: Node, path: Path) -> Effect:
        if "Effect" not in found:
            self.missing("The statement", "Effect", node, path)
        elif found["Effect"].value not in tuple(Effect):
            self.complain('Effect must be "Allow" or "Deny"', found["Effect"].offset, (*path, "Effect"))
        else:
            return Effect(str(found["Effect"].value))
        return Effect.DENY

    def sid(self, found: dict[str, Node], path: Path, sids: set[str]) -> str | None:
        node = found.get("Sid")
        word = self.string(node, (*path, "Sid"))
        if node is None or not word:
            return None
        if word in sids:
            self.complain(f'The Sid "{word}" comes twice', node.offset, (*path, "Sid"))
        if self.kind is PolicyKind.IDENTITY and not re.fullmatch(r"[A-Za-z0-9]*", word, re.ASCII):
            self.complain("The Sid of an identity's policy has letters and digits only", node.offset, (*path, "Sid"))
        sids.add(word)
        return word

    # ---- one of two

    def one_of(self, found: dict[str, Node], node: Node, path: Path, name: str) -> tuple[Node, str] | None:
        """Return the element or its ``Not...``: there must be exactly one (POL-5)."""
        inverse = f"Not{name}"
        if name in found and inverse in found:
            self.complain(f"A statement has {name} or {inverse}, not both", found[inverse].offset, (*path, inverse))
        for key in (name, inverse):
            if key in found:
                return found[key], key
        self.missing("The statement", name, node, path)
        return None

    def patterns(
        self, found: dict[str, Node], node: Node, path: Path, name: str, read: Callable[[Node, Path], Pattern | None]
    ) -> tuple[tuple[Pattern, ...], bool]:
        chosen = self.one_of(found, node, path, name)
        if chosen is None:
            return (), False
        value, key = chosen
        return tuple(self.each(value, (*path, key), read)), key != name

    def each(self, node: Node, path: Path, read: Callable[[Node, Path], Pattern | None]) -> Iterable[Pattern]:
        if not node.elements:
            self.complain(f"{path[-1]} is empty", node.offset, path)
        for index, one in enumerate(node.elements):
            made = read(one, (*path, index) if node.is_array else path)
            if made is not None:
                yield made

    def action(self, node: Node, path: Path) -> Pattern | None:
        word = node.value
        if not isinstance(word, str) or not _ACTION.fullmatch(word):
            name = next(str(step) for step in reversed(path) if isinstance(step, str))
            self.complain(f'{name} must be "*" or like "s3:GetObject"', node.offset, path)
            return None
        if self.kind is PolicyKind.BUCKET and word != "*" and not word.lower().startswith("s3"):
            self.complain("Policy has invalid action", node.offset, path)  # S3's words
        return pattern(word.lower(), variables=False)

    def resource(self, node: Node, path: Path) -> Pattern | None:
        word = node.value
        if not isinstance(word, str) or not _RESOURCE.fullmatch(word):
            name = next(str(step) for step in reversed(path) if isinstance(step, str))
            self.complain(f'{name} must be "*" or an ARN like "arn:aws:s3:::bucket/*"', node.offset, path)
            return None
        wrong = arn_problem(word) if self.kind.of_endpoint else None
        if wrong is not None:
            self.complain(wrong, node.offset, path)
        try:
            return pattern(word, variables=self.variables)
        except ValueError as error:
            self.complain(str(error), node.offset, path)
            return None

    # ---- principals

    def principals(self, found: dict[str, Node], node: Node, path: Path, effect: Effect) -> Principals | None:
        if self.kind is PolicyKind.IDENTITY:
            for key in ("Principal", "NotPrincipal"):
                if key in found:
                    text = f"An identity's policy has no {key}: it is about whoever has it"
                    self.complain(text, found[key].offset, (*path, key))
            return None
        chosen = self.one_of(found, node, path, "Principal")
        if chosen is None:
            return None
        value, key = chosen
        path = (*path, key)
        inverted = key == "NotPrincipal"
        if self.kind is PolicyKind.GATEWAY_ENDPOINT and (inverted or value.value != "*"):  # POL-6
            self.complain('The Principal of a gateway endpoint\'s policy must be "*"', value.offset, path)
            return None
        if inverted and effect is Effect.ALLOW and "Effect" in found:
            self.complain("NotPrincipal is for Deny: with Allow it is not supported", value.offset, path)
        if value.value == "*":
            return Principals(everybody=True, inverted=inverted)
        if not value.is_object:
            self.complain(f'{key} must be "*" or a map', value.offset, path)
            return None
        if not value.members:
            self.complain(f"{key} is empty", value.offset, path)
        named: list[tuple[str, str]] = []
        for kind, node_of_kind in (self.members(value, PRINCIPAL_KEYS, path, key) or {}).items():
            if not node_of_kind.elements:
                self.complain(f"Principal {kind} is empty", node_of_kind.offset, (*path, kind))
            for index, one in enumerate(node_of_kind.elements):
                wrong = principal_problem(kind, one.value)
                if wrong is None:
                    named.append((kind, str(one.value)))
                else:
                    self.complain(wrong, one.offset, (*path, kind, index) if node_of_kind.is_array else (*path, kind))
        return Principals(tuple(named), inverted=inverted)

    # ---- conditions

    def conditions(self, node: Node | None, path: Path) -> tuple[Condition, ...]:
        if node is None:
            return ()
        if not node.is_object:
            self.complain("Condition must be a map of operators", node.offset, path)
            return ()
        made: list[Condition] = []
        for name, offset, keys in node.members:
            found = operator(name)
            if found is None:
                self.complain(f'Unknown condition operator "{name}"{_suggestion(name)}', offset, (*path, name))
            elif not keys.is_object:
                self.complain(f"{name} must be a map of condition keys", keys.offset, (*path, name))
            else:
                for key, key_offset, values in keys.members:
                    condition = self.condition(found, key, key_offset, values, (*path, name, key))
                    made += [] if condition is None else [condition]
        return tuple(made)

    def condition(self, found: Operator, key: str, offset: int, node: Node, path: Path) -> Condition | None:
        if not _KEY.fullmatch(key):
            self.complain(f'"{key}" is no condition key like aws:SourceVpce', offset, path)
            return None
        before = len(self.problems)
        texts, values = [], []
        if not node.elements:
            self.complain(f"{path[-1]} is empty", node.offset, path)
        for index, one in enumerate(node.elements):
            place = (*path, index) if node.is_array else path
            text = _scalar(one)
            if text is None:
                self.complain("A condition's value is a string, a number, true or false", one.offset, place)
                continue
            try:
                values.append(found.family.prepare(text, self.variables))
            except ValueError as error:
                self.complain(f"{found.text}: {error}", one.offset, place)
                continue
            texts.append(text)
            for wrong in condition_problems(found, key, text) if self.kind.of_endpoint else ():
                self.complain(wrong, one.offset, place)
        return Condition(found, key, tuple(texts), tuple(values)) if len(self.problems) == before else None

    # ---- shapes

    def string(self, node: Node | None, path: Path) -> str | None:
        if node is None:
            return None
        if not isinstance(node.value, str):
            self.complain(f"{path[-1]} must be a string", node.offset, path)
            return None
        return node.value

    def members(self, node: Node, known: tuple[str, ...], path: Path, what: str) -> dict[str, Node] | None:
        if not node.is_object:
            self.complain(f"{what[0].upper()}{what[1:]} must be an object", node.offset, path)
            return None
        for key, offset, _ in node.members:
            if key not in known:
                close = [one for one in known if one.lower() == key.lower()] or difflib.get_close_matches(key, known, 1)
                hint = f': did you mean "{close[0]}"?' if close else ""
                self.meant |= {(path, one) for one in close}
                self.complain(f'Unknown element "{key}" in {what}{hint}', offset, (*path, key))
        return {key: value for key, _, value in node.members if key in known}


def _scalar(node: Node) -> str | None:
    """Return a condition's value as text: IAM takes numbers and truth without quotes too."""
    value = node.value
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | float) else None


def _suggestion(name: str) -> str:
    head, colon, rest = name.rpartition(":")
    bare = rest.removesuffix("IfExists")
    close = difflib.get_close_matches(bare, BASES, 1) or [one for one in BASES if one.lower() == bare.lower()]
    if not close or operator(close[0]) is None:
        return ""
    suffix = rest[len(bare) :]
    fixed = f"{head}{colon}{close[0]}{suffix}"
    return f': did you mean "{fixed if operator(fixed) else close[0]}"?'
