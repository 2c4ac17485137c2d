"""Endpoint policies: are they well-formed?

One question, asked when an endpoint is created or modified: is this text a
policy that the emulator can evaluate?  What it allows is decided where requests
are answered.  Supported for now: Effect, Principal ``"*"``, Action and Resource
with wildcards; the rest of IAM's grammar is refused by name, with its position.

AWS: IAM User Guide, "Grammar of the IAM JSON policy language" (POL-1 to POL-7).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from emulator.control import jsontext
from emulator.control.errors import Ec2Error
from emulator.model.reasons import Reason
from emulator.model.resources import VpcEndpointType

if TYPE_CHECKING:
    from emulator.control.jsontext import Node

Path = tuple[str | int, ...]

MAX_LENGTH: Final = 20_480
"""Characters, white space included (POL-3)."""

FULL_ACCESS: Final = (
    '{"Version": "2008-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}]}'
)
"""The policy of an endpoint created without one (POL-1)."""

POLICY_KEYS: Final = ("Version", "Id", "Statement")
VERSIONS: Final = ("2012-10-17", "2008-10-17")
STATEMENT_KEYS: Final = ("Sid", "Effect", "Principal", "Action", "Resource")
NOT_MODELLED: Final = ("NotPrincipal", "NotAction", "NotResource", "Condition")

_ACTION = re.compile(r"\*|[A-Za-z0-9*?-]+:[A-Za-z0-9*?]+", re.ASCII)  # POL-7
_RESOURCE = re.compile(r"\*|arn:[^:]*:[^:]*:[^:]*:[^:]*:.+", re.DOTALL)  # POL-7


class PolicyError(Ec2Error):
    """``InvalidPolicyDocument`` (ERR-4); ``sentence`` is the message without the place in the text."""

    def __init__(self, sentence: str, place: str = "", path: Path = ()) -> None:
        super().__init__("InvalidPolicyDocument", sentence + place, "policy_document", path)
        self.sentence = sentence


def check_policy(text: str, endpoint_type: VpcEndpointType) -> None:
    """Check a policy document.

    Raises:
        PolicyError: saying what and where.
    """
    _Checker(text, endpoint_type).document()


class _Checker:
    """One policy text being read; every refusal knows its place in it."""

    def __init__(self, text: str, endpoint_type: VpcEndpointType) -> None:
        self.text = text
        self.endpoint_type = endpoint_type
        self.substitutes = False

    def refusal(self, message: str, offset: int, path: Path = ()) -> PolicyError:
        line, column = jsontext.line_and_column(self.text, offset)
        return PolicyError(message, f" (line {line}, column {column} of the policy)", path)

    def not_modelled(self, message: str, offset: int, path: Path) -> PolicyError:
        return self.refusal(f"{Reason.UNSUPPORTED_COMPONENT}: {message}", offset, path)

    def document(self) -> None:
        if len(self.text) > MAX_LENGTH:
            text = f"The policy has {len(self.text)} characters, the maximum is {MAX_LENGTH}"
            raise PolicyError(text)
        try:
            root = jsontext.parse(self.text)
        except jsontext.JsonError as error:
            raise self.refusal(f"The policy is not valid JSON: {error.message}", error.offset) from None
        found = self.members(root, POLICY_KEYS, (), "the policy")
        if "Version" in found and found["Version"].value not in VERSIONS:
            versions = " or ".join(f'"{version}"' for version in VERSIONS)
            raise self.refusal(f"Version must be {versions}", found["Version"].offset, ("Version",))
        self.substitutes = "Version" in found and found["Version"].value == VERSIONS[0]
        if "Id" in found:
            self.string(found["Id"], ("Id",))
        if "Statement" not in found:
            raise self.refusal("The policy has no Statement", root.offset)
        statements = found["Statement"]
        if not statements.elements:
            raise self.refusal("Statement is empty", statements.offset, ("Statement",))
        for index, statement in enumerate(statements.elements):
            self.statement(statement, ("Statement", index) if statements.is_array else ("Statement",))

    def statement(self, node: Node, path: Path) -> None:
        found = self.members(node, STATEMENT_KEYS, path, "a statement", NOT_MODELLED)
        for key in ("Effect", "Principal", "Action", "Resource"):
            if key not in found:
                raise self.refusal(f"The statement has no {key}", node.offset, path)
        if "Sid" in found:
            self.string(found["Sid"], (*path, "Sid"))
        if found["Effect"].value not in ("Allow", "Deny"):
            raise self.refusal('Effect must be "Allow" or "Deny"', found["Effect"].offset, (*path, "Effect"))
        self.principal(found["Principal"], (*path, "Principal"))
        shape = 'Action must be "*" or like "s3:GetObject"'
        self.patterns(found["Action"], _ACTION, shape, (*path, "Action"))
        shape = 'Resource must be "*" or an ARN like "arn:aws:s3:::bucket/*"'
        self.patterns(found["Resource"], _RESOURCE, shape, (*path, "Resource"))
        self.variables(found["Resource"], (*path, "Resource"))

    def principal(self, node: Node, path: Path) -> None:
        if node.value == "*":
            return
        if self.endpoint_type is VpcEndpointType.GATEWAY:  # POL-6
            raise self.refusal('The Principal of a gateway endpoint\'s policy must be "*"', node.offset, path)
        if not node.is_object:
            raise self.refusal('Principal must be "*" or a map', node.offset, path)
        if not node.members:
            raise self.refusal("Principal is empty", node.offset, path)
        for key, offset, value in self.checked_members(
            node, ("AWS",), path, "Principal", ("Federated", "Service", "CanonicalUser")
        ):
            if not value.elements:
                raise self.refusal(f"Principal {key} is empty", offset, (*path, key))
            for one in value.elements:
                if one.value != "*":
                    raise self.not_modelled('only the principal "*" is modelled', one.offset, (*path, key))

    def patterns(self, node: Node, shape: re.Pattern[str], message: str, path: Path) -> None:
        if not node.elements:
            raise self.refusal(f"{path[-1]} is empty", node.offset, path)
        for index, one in enumerate(node.elements):
            if not isinstance(one.value, str) or not shape.fullmatch(one.value):
                raise self.refusal(message, one.offset, (*path, index) if node.is_array else path)

    def variables(self, node: Node, path: Path) -> None:
        """Refuse ``${aws:...}``, which this Version substitutes: taken literally it would match something else."""
        for index, one in enumerate(node.elements):
            if self.substitutes and "${" in str(one.value):
                message = "policy variables (${...}) in Resource are not modelled"
                raise self.not_modelled(message, one.offset, (*path, index) if node.is_array else path)

    def string(self, node: Node, path: Path) -> None:
        if not isinstance(node.value, str):
            raise self.refusal(f"{path[-1]} must be a string", node.offset, path)

    def members(
        self, node: Node, known: tuple[str, ...], path: Path, what: str, not_modelled: tuple[str, ...] = ()
    ) -> dict[str, Node]:
        if not node.is_object:
            raise self.refusal(f"{what} must be an object".capitalize(), node.offset, path)
        return {key: value for key, _, value in self.checked_members(node, known, path, what, not_modelled)}

    def checked_members(
        self, node: Node, known: tuple[str, ...], path: Path, what: str, not_modelled: tuple[str, ...]
    ) -> list[tuple[str, int, Node]]:
        for key, offset, _ in node.members:
            if key in not_modelled:
                raise self.not_modelled(f"{key} in {what} is not modelled", offset, (*path, key))
            if key not in known:
                raise self.refusal(f'Unknown element "{key}" in {what}', offset, (*path, key))
        return node.members
