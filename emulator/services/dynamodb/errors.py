"""Answers of DynamoDB that are errors.

Amazon DynamoDB Developer Guide, "Error handling with DynamoDB".
"""

from __future__ import annotations

from dataclasses import dataclass, field

_CORAL = "com.amazon.coral.service"
_VALIDATE = "com.amazon.coral.validate"
_OWN = "com.amazonaws.dynamodb.v20120810"
_NAMESPACES = {
    "AccessDeniedException": _CORAL,
    "SerializationException": _CORAL,
    "UnknownOperationException": _CORAL,
    "ValidationException": _VALIDATE,
}


@dataclass(eq=False)
class DynamoDbError(Exception):
    """An answer that is an error, with status 400: ``more`` are the members that go with this code."""

    code: str
    message: str
    more: dict[str, object] = field(default_factory=dict)

    @property
    def document(self) -> dict[str, object]:
        """The JSON of it."""
        # Most errors of the service call it "message", those of the front end "Message"; SDKs take both.
        name = "Message" if _NAMESPACES.get(self.code) == _CORAL else "message"
        return {"__type": f"{_NAMESPACES.get(self.code, _OWN)}#{self.code}", name: self.message, **self.more}


def invalid(message: str) -> DynamoDbError:
    """Return a ValidationException."""
    return DynamoDbError("ValidationException", message)


def invalid_value(message: str) -> DynamoDbError:
    """Return a ValidationException about a parameter's value, in the words DynamoDB begins such ones with."""
    return invalid(f"One or more parameter values were invalid: {message}")


def condition_failed(item: object = None) -> DynamoDbError:
    """Return a ConditionalCheckFailedException; with the item, if the request wants to see it."""
    more = {} if item is None else {"Item": item}
    return DynamoDbError("ConditionalCheckFailedException", "The conditional request failed", more)


def not_found(table_name: str | None = None) -> DynamoDbError:
    """Return a ResourceNotFoundException; operations on tables name the table."""
    name = "" if table_name is None else f": Table: {table_name} not found"
    return DynamoDbError("ResourceNotFoundException", f"Requested resource not found{name}")
