"""What AWS calls a service's parts, for the application ``moto``: host label, IAM prefix, operation.

One service has several names: in the endpoint service (``kinesis-firehose``), in
host names (``firehose``), in IAM (``firehose``), in SDKs (``firehose``).  Only
those are in tables here that differ.

Service Authorization Reference, "Actions, resources, and condition keys for AWS
services"; botocore's service models for the operations of REST interfaces.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from emulator.services.messages import Request

LABELS: Final[Mapping[str, str]] = {
    "codeartifact.api": "codeartifact",
    "ecr.api": "api.ecr",
    "kinesis-firehose": "firehose",
    "kinesis-streams": "kinesis",
    "sagemaker.api": "api.sagemaker",
    "sagemaker.runtime": "runtime.sagemaker",
}
"""Host labels of endpoint services that are called otherwise."""

_IAM: Final[Mapping[str, str]] = {
    "api.ecr": "ecr",
    "api.sagemaker": "sagemaker",
    "email": "ses",
    "monitoring": "cloudwatch",
    "runtime.sagemaker": "sagemaker",
}
_MODELS: Final[Mapping[str, str]] = {
    "api.ecr": "ecr",
    "api.sagemaker": "sagemaker",
    "elasticfilesystem": "efs",
    "elasticloadbalancing": "elbv2",
    "elasticmapreduce": "emr",
    "email": "sesv2",
    "monitoring": "cloudwatch",
    "runtime.sagemaker": "sagemaker-runtime",
    "states": "stepfunctions",
}
"""Names of botocore's models, by host label."""

_SERVICE_NAME: Final = re.compile(r"com\.amazonaws\.(?:[a-z]{2}(?:-[a-z]+)+-[0-9]\.)?(?P<name>.+)")
_SCOPE: Final = re.compile(r"Credential=[^/,\s]+/[0-9]{8}/[^/,\s]*/(?P<service>[^/,\s]+)/aws4_request")


def label_of(service_name: str) -> str:
    """Return what stands before the Region in a service's host name: ``sqs``."""
    match = _SERVICE_NAME.fullmatch(service_name)
    short = match["name"] if match else service_name
    return LABELS.get(short, short)


def iam_prefix(label: str) -> str:
    """Return what a service's actions begin with."""
    return _IAM.get(label, label)


def signed_service(request: Request) -> str | None:
    """Return the service that a request's signature names, or None if it has none."""
    match = _SCOPE.search(request.header("authorization") or "")
    return match["service"] if match else None


def operation_of(request: Request, body: bytes, label: str) -> str | None:
    """Return the operation that a request means, or None if that cannot be told."""
    target = request.header("x-amz-target")
    if target:
        return target.rpartition(".")[2]
    form = "application/x-www-form-urlencoded" in (request.header("content-type") or "")
    fields = parse_qs(request.query) | (parse_qs(body.decode("latin-1")) if form else {})
    if "Action" in fields:
        return fields["Action"][0]
    for method, pattern, words, operation in _rest(_MODELS.get(label, label)):
        if method == request.method and pattern.fullmatch(request.path) and words <= {*_words(request.query)}:
            return operation
    return None


def _words(query: str) -> list[str]:
    return [pair.partition("=")[0] for pair in query.split("&") if pair]


@functools.cache
def _rest(model: str) -> tuple[tuple[str, re.Pattern[str], frozenset[str], str], ...]:
    """Return methods, patterns of paths, words of the query and operations of a REST interface, special ones first."""
    import botocore.exceptions  # noqa: PLC0415 - an extra
    import botocore.loaders  # noqa: PLC0415 - as above

    try:
        described = botocore.loaders.Loader().load_service_model(model, "service-2")
    except botocore.exceptions.UnknownServiceError:
        return ()
    found = []
    for name, operation in described["operations"].items():
        path, _, query = operation["http"].get("requestUri", "/").partition("?")
        pattern = "".join(
            ".+" if piece.endswith("+}") else "[^/]+" if piece.startswith("{") else re.escape(piece)
            for piece in re.split(r"(\{[^}]+\})", path)
        )
        words = frozenset(_words(query))
        found.append((operation["http"]["method"], re.compile(f"{pattern}/?"), words, str(name), path.count("{")))
    found.sort(key=lambda one: (-len(one[2]), one[4], one[3]))
    return tuple(one[:4] for one in found)
