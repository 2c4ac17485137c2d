"""Answers of S3 that are errors: the ones that several operations give.

Amazon S3 API Reference, "Error responses", "List of error codes".
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(eq=False)
class S3Error(Exception):
    """An answer that is an error: ``detail`` are the elements that go with this code."""

    status: int
    code: str
    message: str
    detail: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()


def not_implemented(kind: str, name: str) -> S3Error:
    """Return the refusal of a ``Query`` or ``Header`` that S3 has, and this one has not."""
    sentence = "A header or query you provided implies functionality that is not implemented"
    return S3Error(501, "NotImplemented", sentence, ((kind, name),))


def invalid_argument(name: str, value: str, sentence: str) -> S3Error:
    """Return the refusal of a value."""
    return S3Error(400, "InvalidArgument", sentence, (("ArgumentName", name), ("ArgumentValue", value)))


def invalid_request(sentence: str) -> S3Error:
    """Return the refusal of things that do not go together."""
    return S3Error(400, "InvalidRequest", sentence)


def malformed_xml() -> S3Error:
    """Return the refusal of a document."""
    sentence = "The XML you provided was not well-formed or did not validate against our published schema"
    return S3Error(400, "MalformedXML", sentence)


def no_such_key(key: str) -> S3Error:
    """Return the refusal of a key that the bucket has not."""
    return S3Error(404, "NoSuchKey", "The specified key does not exist.", (("Key", key),))


def no_such_upload(upload_id: str) -> S3Error:
    """Return the refusal of an upload that never began, or has ended."""
    sentence = (
        "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or "
        "completed."
    )
    return S3Error(404, "NoSuchUpload", sentence, (("UploadId", upload_id),))


def precondition_failed(condition: str) -> S3Error:
    """Return 412 for the header that says what does not hold."""
    sentence = "At least one of the pre-conditions you specified did not hold"
    return S3Error(412, "PreconditionFailed", sentence, (("Condition", condition),))


def entity_too_large(size: int, largest: int) -> S3Error:
    """Return the refusal of an upload."""
    detail = (("ProposedSize", str(size)), ("MaxSizeAllowed", str(largest)))
    return S3Error(400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size", detail)


def method_not_allowed(method: str, kind: str, allowed: str) -> S3Error:
    """Return 405."""
    return S3Error(
        405,
        "MethodNotAllowed",
        "The specified method is not allowed against this resource.",
        (("Method", method), ("ResourceType", kind)),
        (("Allow", allowed),),
    )
