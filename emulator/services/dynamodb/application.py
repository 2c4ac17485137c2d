"""The application ``dynamodb``: JSON over HTTP POST.

The operation is named in ``X-Amz-Target``.  What else DynamoDB can do
(PartiQL, streams, backups, the parameters from before expressions) is refused by
name.  There is always capacity: nothing is throttled.

Amazon DynamoDB Developer Guide, "DynamoDB low-level API"; Service Authorization
Reference, "Actions, resources, and condition keys for Amazon DynamoDB".
"""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from emulator.model.resources import DEFAULT_ACCOUNT
from emulator.services.dynamodb import item_calls, query_calls, table_calls
from emulator.services.dynamodb.actions import accesses_of
from emulator.services.dynamodb.errors import DynamoDbError
from emulator.services.dynamodb.requests import Asked, Store
from emulator.services.messages import Access, Body, BodyTooLarge, Request, Response

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from emulator.services.dynamodb.tables import Table

LARGEST_REQUEST: Final = 16 * 1024 * 1024
"""Bytes of a request: 25 items of 400 KB, and what JSON adds."""
TARGET: Final = "DynamoDB_20120810."
CONTENT_TYPE: Final = "application/x-amz-json-1.0"

_HANDLERS: Final[Mapping[str, Callable[[Asked], Awaitable[dict[str, Any]]]]] = MappingProxyType(
    {
        "BatchGetItem": item_calls.batch_get_item,
        "BatchWriteItem": item_calls.batch_write_item,
        "CreateTable": table_calls.create_table,
        "DeleteItem": item_calls.delete_item,
        "DeleteTable": table_calls.delete_table,
        "DescribeTable": table_calls.describe_table,
        "GetItem": item_calls.get_item,
        "ListTables": table_calls.list_tables,
        "PutItem": item_calls.put_item,
        "Query": query_calls.query,
        "Scan": query_calls.scan,
        "TransactGetItems": item_calls.transact_get_items,
        "TransactWriteItems": item_calls.transact_write_items,
        "UpdateItem": item_calls.update_item,
    }
)


class DynamoDb:
    """Amazon DynamoDB of one Region, as seen through an endpoint."""

    def __init__(
        self, service_name: str, region: str, tables: Mapping[str, Table], *, account: str = DEFAULT_ACCOUNT
    ) -> None:
        """``tables`` are what there is at the start; they are ``account``'s unless they say otherwise."""
        self.store = Store(region, account, dict(tables))
        self._seed = service_name
        self._answered = 0

    # ---- Application

    async def accesses(self, request: Request, body: Body) -> tuple[Access, ...]:
        """Return actions, ARNs and condition keys; nothing where DynamoDB answers with an error to everyone."""
        operation = _operation(request)
        if operation not in _HANDLERS:
            return ()
        try:
            members = _members(await body.peek(LARGEST_REQUEST))
            return accesses_of(self.store, operation, members)
        except (DynamoDbError, BodyTooLarge):
            return ()

    def denial(self, request: Request, sentence: str) -> Response:  # noqa: ARG002 - the same for every request
        """Return 400 AccessDeniedException (POL-13)."""
        return self._error(DynamoDbError("AccessDeniedException", sentence))

    async def respond(self, request: Request, body: Body) -> Response:
        """Answer a request."""
        if request.method == "GET":  # what load balancers and people with curl ask for
            return Response(200, self._headers(b""), f"healthy: {request.host} ".encode())
        operation = _operation(request)
        handler = _HANDLERS.get(operation)
        if handler is None:
            sentence = f"{operation or 'A request without an operation'} is not modelled"
            return self._error(DynamoDbError("UnknownOperationException", sentence))
        try:
            members = _members(await body.read(LARGEST_REQUEST))
            return self._answer(200, await handler(Asked(self.store, members, request.received_at)))
        except BodyTooLarge:
            return self._error(DynamoDbError("SerializationException", "Request body is too large"))
        except DynamoDbError as error:
            return self._error(error)

    # ---- responses

    def _error(self, error: DynamoDbError) -> Response:
        return self._answer(400, error.document)

    def _answer(self, status: int, document: object) -> Response:
        content = json.dumps(document, separators=(",", ":")).encode()
        return Response(status, self._headers(content), content)

    def _headers(self, content: bytes) -> tuple[tuple[str, str], ...]:
        """Return the headers of every answer: an id that looks random and is counted, and the checksum SDKs verify."""
        self._answered += 1
        digest = hashlib.sha512(f"{self._seed} {self._answered}".encode()).digest()
        request_id = base64.b32encode(digest).decode()[:52]
        return (
            ("Server", "Server"),
            ("Content-Type", CONTENT_TYPE),
            ("x-amzn-RequestId", request_id),
            ("x-amz-crc32", str(zlib.crc32(content))),
        )


def _operation(request: Request) -> str:
    target = request.header("x-amz-target") or ""
    return target.removeprefix(TARGET) if request.method == "POST" and target.startswith(TARGET) else ""


def _members(data: bytes) -> dict[str, Any]:
    """Return a request's JSON.

    Raises:
        DynamoDbError: SerializationException.
    """
    try:
        members = json.loads(data)
    except ValueError:
        members = None
    if not isinstance(members, dict):
        raise DynamoDbError("SerializationException", "Start of structure or map found where not expected")
    return members
