"""The same calls of boto3 to an application of ours and to moto, and what differs in the answers.

moto is an independent judge: written by others, from the same documents.  Where
it is wrong or less strict than AWS, the row of the test says what ours answers.
"""

from __future__ import annotations

import io

from botocore.exceptions import ClientError
from moto import mock_aws

from tests.services.clients import client

# What no two services have in common: times, ids, hosts; and what moto does not tell, or tells at its own discretion.
UNCOMPARED = {
    "ResponseMetadata",
    "LastModified",
    "CreationDate",
    "CreationDateTime",
    "Initiated",
    "Initiator",
    "Owner",
    "Location",
    "Marker",
    "BucketRegion",
    "UploadId",
    "UploadIdMarker",
    "NextUploadIdMarker",
    "NextContinuationToken",
    "ContinuationToken",
    "ServerSideEncryption",
    "ChecksumType",
    "ChecksumAlgorithm",
    "AcceptRanges",
    "VersionId",
    "TableId",
    "TableArn",
    "IndexArn",
    "ProvisionedThroughput",
    "BillingModeSummary",
    "SSEDescription",
    "WarmThroughput",
    "DeletionProtectionEnabled",
    "LatestStreamArn",
    "AccessPointAlias",
    "BucketArn",
}


def plain(value, drop=frozenset()):
    """An answer as it is compared."""
    if isinstance(value, dict):  # an element that is empty is as good as one that is not there
        return {name: plain(one, drop) for name, one in value.items() if name not in UNCOMPARED | drop and one != ""}
    if isinstance(value, list):
        return [plain(one, drop) for one in value]
    if hasattr(value, "read"):
        return value.read()
    return value


def fill(value, known):
    """Arguments with what earlier answers said in place of ``{upload}`` and the like."""
    if isinstance(value, str) and value.startswith("{") and value.endswith("}") and value[1:-1] in known:
        return known[value[1:-1]]
    if isinstance(value, dict):
        return {name: fill(one, known) for name, one in value.items()}
    if isinstance(value, list):
        return [fill(one, known) for one in value]
    return io.BytesIO(value) if isinstance(value, memoryview) else value


def call(service, operation, arguments, known, drop=frozenset()):
    """What one call came to: a status, and the answer or the error's code."""
    try:
        answer = getattr(service, operation)(**fill(arguments, known))
    except ClientError as error:
        return error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["Error"]["Code"]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        return "moto itself failed", type(error).__name__
    for name in ("UploadId", "NextContinuationToken"):
        if name in answer:
            known[name] = answer[name]
    if operation.startswith("upload_part") and "PartNumber" in arguments:
        known[f"part{arguments['PartNumber']}"] = (answer.get("CopyPartResult") or answer)["ETag"]
    return answer["ResponseMetadata"]["HTTPStatusCode"], plain(answer, drop)


def play(service, story, drop=frozenset()):
    """What every call of a story came to."""
    known = {}
    return [call(service, operation, arguments, known, drop) for operation, arguments, *_ in story]


def compare(service_name, application, story, drop=frozenset(), region="us-east-1"):
    """Every call of a story whose two outcomes differ, and were not said to."""
    # One after the other: moto listens to every client that is made while it is on.
    ours = play(client(service_name, application, region), story, drop)
    with mock_aws():
        theirs = play(client(service_name, region=region), story, drop)
    differences = []
    for number, ((operation, arguments, *expected), mine, judged) in enumerate(zip(story, ours, theirs, strict=True)):
        wanted = expected[0] if expected else judged
        if mine != wanted:
            differences.append((number, operation, arguments, "ours", mine, "wanted", wanted))
        elif expected and mine == judged:
            differences.append((number, operation, arguments, "moto agrees now", mine))
    return differences
